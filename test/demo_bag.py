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

"""A small recording of an open hand in front of a plain wall, made without a renderer, for tests of whole processes."""

import numpy as np
import torch

from hoisdf_model.data import BagWriter
from hoisdf_model.drawing import draw_overlay
from hoisdf_model.estimates import Estimate, HandEstimate, HandRegion, ObjectRegion, Regions
from hoisdf_model.geometry import Pinhole
from hoisdf_model.hand import HandLayer, load_hand_model
from hoisdf_model.messages import (
    encode_image,
    estimate_to_hand_object,
    make_header,
    pinhole_to_camera_info,
    regions_to_message,
)

START = 1_700_000_000_000_000_000
CAMERA = Pinhole(300.0, 300.0, 159.5, 119.5, 320, 240)


def hand_at(x):
    """The open hand at rest, its wrist at (x, 0.05, 0.6) metres in front of the camera."""
    model = load_hand_model()
    mesh = HandLayer(model)(torch.eye(3).expand(1, 16, 3, 3), torch.zeros(1, 10))
    wrist = np.array([x, 0.05, 0.6], np.float32)
    return HandEstimate(
        side="right",
        score=1.0,
        joints=mesh.joints[0].numpy() + wrist,
        joint_scores=np.ones(21, np.float32),
        vertices=mesh.vertices[0].numpy() + wrist,
        pose=np.zeros((16, 3), np.float32),
        shape=np.zeros(10, np.float32),
        root_covariance=np.zeros((3, 3)),
        root_source="given",
        model=model.info,
    )


def write_demo_bag(path, frames=12, rate=10, without=(), camera_info_late=False):
    """Write the recording; ``without`` names topics that are left out, ``camera_info_late``: of another camera."""
    with BagWriter(path) as bag:
        for i in range(frames):
            stamp = START + i * 1_000_000_000 // rate
            header = make_header(bag.types, stamp, "camera_optical_frame")
            frame = "another_camera" if camera_info_late else "camera_optical_frame"
            late = make_header(bag.types, stamp + 30_000_000 * camera_info_late, frame)
            hand = hand_at(-0.1 + 0.02 * i)
            pixels = CAMERA.project(hand.vertices)
            box = np.concatenate([pixels.min(0) - 5, pixels.max(0) + 5])
            truth = Estimate(hands=(hand,))
            wall = np.full((CAMERA.height, CAMERA.width, 3), 90, np.uint8)
            regions = Regions((HandRegion(box, "right", 0.9),), (ObjectRegion(box, "", 0.5),))
            messages = {
                "/image": encode_image(draw_overlay(wall, truth, CAMERA), header, bag.types),
                "/camera_info": pinhole_to_camera_info(CAMERA, late, bag.types),
                "/regions": regions_to_message(regions, header, bag.types),
                "/ground_truth": estimate_to_hand_object(truth, header, bag.types),
            }
            for topic, message in messages.items():
                if topic not in without:
                    bag.write(topic, message)
    return path
