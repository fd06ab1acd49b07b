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

"""DexYCB as a data source of training configurations."""

from __future__ import annotations

from dataclasses import dataclass

from omegaconf import MISSING

from hoisdf_model.data.dexycb.frames import DexYcbFrames
from hoisdf_model.hand import HandModelLike, load_hand_model


@dataclass
class DexYcbOptions:
    """DexYCB from its published folder.

    The run's hand model must be MANO's right hand.

    Attributes:
        folder: of the download, with the subjects' folders, ``calibration`` and ``models``.
        split: ``s0_train`` (where not given), ``s0_val``, ``s0_test``, the same of ``s1`` to ``s3``, or ``all``.
        subset: ``close`` (the paper's DexYCB), ``full`` (its DexYCB Full), ``right`` or ``all``.
        left_hand_model: file of MANO's left hand; not given: the right one mirrored.
        models: folder of the YCB-Video models; not given: ``models`` in the download.
        every: take every n-th frame of the split; 5 gives the short lists of gSDF.
        annotations: a list of the released code (``dex_ycb_s0_*.json``), in place of split and closeness.
        distances: the folder of the released code's distance files that belongs to the list; not given: computed.
        cache: folder in which lists of frames and computed distances are kept, 24 kB a frame.
        partial: whether sequences may be missing; the splits are then not the official ones.
    """

    folder: str = MISSING
    split: str | None = None
    subset: str = "close"
    left_hand_model: str | None = None
    models: str | None = None
    every: int = 1
    annotations: str | None = None
    distances: str | None = None
    cache: str | None = None
    partial: bool = False


def dexycb_frames(options: DexYcbOptions, hand_model: HandModelLike) -> DexYcbFrames:
    """The source that the options describe.

    Raises:
        DatasetError: something that they name is missing or damaged.
        HandModelError: the left hand model can't be read.
    """
    left = None if options.left_hand_model is None else load_hand_model(options.left_hand_model, "left")
    return DexYcbFrames(
        options.folder, options.split, options.subset, hand_model, left, options.models, options.every,
        options.annotations, options.distances, options.cache, options.partial,
    )  # fmt: skip
