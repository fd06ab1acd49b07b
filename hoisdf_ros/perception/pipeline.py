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

"""Pipeline from one set of input messages to the outputs.

Decodes, estimates, publishes, and counts errors.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from hoisdf_model.errors import CameraError, HoisdfError, ImageError, InvalidInputError
from hoisdf_model.estimates import Frame, Regions
from hoisdf_model.estimation import FrameEstimator, Smoother
from hoisdf_model.messages import Refused, camera_info_to_pinhole, decode_depth, decode_image, message_to_regions
from hoisdf_ros.perception.detections import detections_to_regions
from hoisdf_ros.perception.frame_priors import priors_for
from hoisdf_ros.perception.outputs import Outputs
from hoisdf_ros.perception.parameters import PerceptionParameters
from hoisdf_ros.stream import inputs
from hoisdf_ros.stream.failures import Causes, account_for, note_refused
from hoisdf_ros.stream.inputs import InputSet
from hoisdf_ros.stream.monitor import FrameTiming, Monitor

RESET = "reset"
# the drop cause of each kind of error, the most special first
_CAUSES: Causes = (
    (ImageError, "undecodable"),
    (CameraError, "uncalibrated"),
    (InvalidInputError, "invalid_regions"),
    (HoisdfError, "estimator"),
    (Exception, "internal_error"),
)


def read_frame(
    messages: Mapping[str, Any], rectified: bool, refused: Refused | None = None
) -> tuple[Frame, Regions | None]:
    """Frame and regions of a set of messages.

    ``refused`` is called for single regions that are malformed.

    Raises:
        ImageError: the image or depth image can't be decoded.
        CameraError: the camera isn't calibrated, or for another image size.
        InvalidInputError: a region is malformed.
    """
    camera = camera_info_to_pinhole(messages[inputs.CAMERA_INFO], rectified)
    depth = decode_depth(messages[inputs.DEPTH]) if inputs.DEPTH in messages else None
    regions = None
    if inputs.REGIONS in messages:
        regions = message_to_regions(messages[inputs.REGIONS], refused)
    elif inputs.DETECTIONS in messages:
        regions = detections_to_regions(messages[inputs.DETECTIONS], refused)
    return Frame(decode_image(messages[inputs.IMAGE]), camera, depth), regions


class Pipeline:
    """Perception pipeline; runs in the worker's thread and never raises.

    Args:
        estimator: called by this thread only.
        outputs: where estimates go.
        monitor: counts and times.
        parameters: the values as they are now.
        now: ROS time in nanoseconds.
        log: writes an error to the node's log.
        smoother: what estimates go through before they go out, by their images' stamps.
    """

    def __init__(
        self,
        estimator: FrameEstimator,
        outputs: Outputs,
        monitor: Monitor,
        parameters: Callable[[], PerceptionParameters],
        now: Callable[[], int],
        log: Callable[[str], None],
        smoother: Smoother | None = None,
    ) -> None:
        self._estimator, self._outputs, self._monitor = estimator, outputs, monitor
        self._smoother = smoother
        self._parameters, self._now, self._log = parameters, now, log
        self._publishing = threading.Lock()
        self._epoch = self._estimated_epoch = 0

    def reset(self) -> None:
        """Reset tracking, from any thread.

        The result of a frame in progress isn't published.
        """
        with self._publishing:
            self._epoch += 1

    def process(self, item: InputSet) -> None:
        """Process one image, from its messages to the topics."""
        try:
            self._process(item)
        except Exception as error:
            account_for(error, _CAUSES, self._monitor, self._log)

    def _refused(self, error: Exception) -> None:
        note_refused(error, "invalid_regions", self._monitor, self._log)

    def _process(self, item: InputSet) -> None:
        parameters, epoch = self._parameters(), self._epoch
        started, cpu = time.perf_counter(), -time.thread_time()
        frame, regions = read_frame(item.messages, parameters.input.rectified, self._refused)
        priors = priors_for(regions, parameters)
        if epoch != self._estimated_epoch:
            self._estimator.reset()
            if self._smoother is not None:
                self._smoother.reset()
            self._estimated_epoch = epoch
        cpu += time.thread_time()
        decoded = time.perf_counter()
        estimate = self._estimator(frame, priors)
        if self._smoother is not None:
            estimate = self._smoother(item.stamp * 1e-9, estimate)
        estimated = time.perf_counter()
        cpu -= time.thread_time()
        with self._publishing:
            if epoch != self._epoch:
                self._monitor.dropped({RESET: 1})
                return
            self._outputs.publish(frame, estimate, item.header, parameters.publish)
        published = time.perf_counter()
        cpu += time.thread_time()
        self._monitor.processed(
            FrameTiming(
                latency=published - item.completed,
                estimator=estimated - decoded,
                overhead=(decoded - started) + (published - estimated),
                overhead_cpu=cpu,
                age=(self._now() - item.stamp) * 1e-9,
                stages=estimate.timing,
            )
        )
