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

"""Estimator and display meshes, loaded at ``configure``."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.drawing import draw_overlay
from hoisdf_model.estimates import Estimate, Frame, Prior, Side
from hoisdf_model.estimation import Estimator, FrameEstimator, SharedEstimator, Smoother
from hoisdf_model.geometry import Pinhole
from hoisdf_model.objects import Catalogue, load_catalogue
from hoisdf_ros.catalogue_meshes import Meshes
from hoisdf_ros.perception.parameters import PerceptionParameters


@dataclass(frozen=True)
class Scene:
    """Estimator with the object meshes for display.

    Attributes:
        estimator: computes.
        meshes: the objects'.
        faces: (F, 3) vertex indices of the hand mesh for each side.
        overlay: draws an estimate into the image of its frame, (H, W, 3) uint8 RGB.
        description: what was loaded (weights, preset, device ...), for /diagnostics.
        prepare: computes once what the first frame with an object of that name would wait for; raises MeshError if it
            has no usable mesh.
        smoother: what estimates go through before they go out; None: nothing.
    """

    estimator: FrameEstimator
    meshes: Meshes
    faces: Mapping[Side, NDArray[np.int64]]
    overlay: Callable[[Frame, Estimate], NDArray[np.uint8]]
    description: Mapping[str, str]
    prepare: Callable[[str], None]
    smoother: Smoother | None = None


SceneLoader = Callable[[PerceptionParameters], Scene]


def load_scene(parameters: PerceptionParameters) -> Scene:
    """Load the estimator and meshes that the parameters select.

    Raises:
        HoisdfError: no or unusable weights, hand model, catalogue or object; says which.
    """
    meshes = _meshes(parameters)
    estimator = _estimator(parameters, meshes.catalogue)
    return _scene(parameters, meshes, estimator, estimator)


class SharedScenes:
    """Scene loader of several nodes: equal models are loaded once.

    The cameras of nodes whose parameters select the same model share its estimator, which takes their frames together.
    A model is forgotten with the last scene that uses it, and one whose files have changed is another model.
    """

    def __init__(self) -> None:
        self._loading = threading.Lock()
        self._shared: WeakValueDictionary[object, SharedEstimator] = WeakValueDictionary()

    def __call__(self, parameters: PerceptionParameters, has_next: Callable[[], bool] = lambda: False) -> Scene:
        """As :func:`load_scene`.

        From any thread. ``has_next``: whether the camera's next frame is at hand.
        """
        meshes = _meshes(parameters)
        asked = parameters.object
        model = parameters.model
        files = tuple(map(_version, (model.weights, model.hand_model, asked.catalogue)))
        key = (replace(model, warm_up=0), parameters.hand, asked.catalogue, asked.refinement, files)
        with self._loading:
            shared = self._shared.get(key)
            if shared is None:
                shared = self._shared[key] = SharedEstimator(_estimator(parameters, meshes.catalogue))
        return _scene(parameters, meshes, shared.estimator, shared.stream(has_next))


def _version(path: str) -> tuple[tuple[str, int, int], ...]:
    """Names, times and sizes of a file, or of those in a folder; empty: there are none."""
    place = Path(os.path.expanduser(path))
    files = sorted(place.rglob("*")) if path and place.is_dir() else [place]
    found = ((str(file), file.stat()) for file in files if file.is_file())
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in found)


def _meshes(parameters: PerceptionParameters) -> Meshes:
    meshes = Meshes(load_catalogue(parameters.object.catalogue or None))
    meshes.check(parameters.object.name)
    return meshes


def _estimator(parameters: PerceptionParameters, catalogue: Catalogue) -> Estimator:
    model = parameters.model
    return Estimator.load(
        model.weights or None,
        hand_model=model.hand_model or None,
        device=model.device,
        precision=model.precision,
        preset=model.preset or None,
        catalogue=catalogue,
        hand_size=parameters.hand.size or None,
        refinement=parameters.hand.refinement,
        object_refinement=parameters.object.refinement,
    )


def _scene(parameters: PerceptionParameters, meshes: Meshes, estimator: Estimator, camera: FrameEstimator) -> Scene:
    """Scene of a camera with its estimator."""

    def prepare(name: str) -> None:
        if name:
            estimator.prepare(name)

    prepare(parameters.object.name)
    hand_model = estimator.hand_model
    return Scene(
        camera,
        meshes,
        faces={"right": hand_model.faces_of("right"), "left": hand_model.faces_of("left")},
        overlay=lambda frame, estimate: draw_overlay(
            frame.image, estimate, frame.intrinsics, meshes.catalogue, hand_model
        ),
        description={
            "weights": parameters.model.weights or "shipped",
            "preset": estimator.config.name,
            "hand model": f"{hand_model.name} {hand_model.hash}",
            "wrist not given": "seen by the network" if estimator.finds_wrists else "from landmarks or the hand's box",
            "device": str(estimator.device),
            "precision": estimator.network.runtime.precision,
        },
        prepare=prepare,
        smoother=Smoother(estimator.hand_model, parameters.smoothing.time) if parameters.smoothing.time else None,
    )


def warm_up(scene: Scene, parameters: PerceptionParameters) -> None:
    """Compute a few grey frames before the first real one."""
    grey = Frame(np.full((480, 640, 3), 128, np.uint8), Pinhole(600.0, 600.0, 319.5, 239.5, 640, 480))
    prior = Prior(hand_box=np.array([220.0, 140.0, 420.0, 340.0]), object_name=parameters.object.name or None)
    for _ in range(parameters.model.warm_up):
        scene.estimator(grey, [prior])
    scene.estimator.reset()
