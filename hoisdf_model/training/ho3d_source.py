# Copyright 2026 hoisdf contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""HO-3D as a data source of training configurations."""

from __future__ import annotations

from dataclasses import dataclass

from omegaconf import MISSING

from hoisdf_model.data.ho3d.frames import Ho3dFrames
from hoisdf_model.data.ho3d.rendered import Ho3dRendered, JoinedFrames
from hoisdf_model.data.labelled_frames import FrameSource
from hoisdf_model.hand import HandModelLike


@dataclass
class Ho3dOptions:
    """HO-3D from its published folder.

    Attributes:
        folder: of the download, with ``train`` and ``evaluation``.
        split: ``train`` or ``evaluation``.
        version: ``v2`` or ``v3``, checked; not given: whatever it is.
        models: folder of the YCB-Video models; not given: the catalogue's look-alikes, a few millimetres off.
        distances: the released code's folder of distance files; not given: computed with the run's hand model, which
            must be MANO's.
        annotations: the released code's ``ho3d_train_data.json``, for its order of the frames.
        rendered: folder of rendered co-training images (``rgb``, ``seg``, ``anno``, ``sdf_processed``), which follow
            the real ones.
        cache: folder in which computed distances are kept, 24 kB a frame.
    """

    folder: str = MISSING
    split: str = "train"
    version: str | None = None
    models: str | None = None
    distances: str | None = None
    annotations: str | None = None
    rendered: str | None = None
    cache: str | None = None


def ho3d_frames(options: Ho3dOptions, hand_model: HandModelLike) -> FrameSource:
    """The source that the options describe.

    Raises:
        DatasetError: something that they name is missing, damaged or of another version.
    """
    frames = Ho3dFrames(
        options.folder, options.split, options.version, options.models, hand_model, options.distances,
        options.annotations, options.cache,
    )  # fmt: skip
    if options.rendered is None:
        return frames
    return JoinedFrames([frames, Ho3dRendered(options.rendered, frames.models)])
