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

"""Image sources and video output.

Webcams, videos, streams and folders of images are read, videos are written.
"""

from hoisdf_model.feeds.picture_sources import CaptureError, FrameSource, VideoSource, open_source, open_video
from hoisdf_model.feeds.videos import FASTEST, SLOWEST, VideoFile

__all__ = ["FASTEST", "SLOWEST", "CaptureError", "FrameSource", "VideoFile", "VideoSource", "open_source", "open_video"]
