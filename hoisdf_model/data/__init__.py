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

"""Sources of data: bags and sharded data sets, read and written."""

from hoisdf_model.data.bags.frame_assembly import BagFrame
from hoisdf_model.data.bags.frame_recorder import FrameRecorder
from hoisdf_model.data.bags.interfaces import interface_types
from hoisdf_model.data.bags.reader import BagMessage, BagProblem, BagReader, Topic
from hoisdf_model.data.bags.sample_bag import sample_recording
from hoisdf_model.data.bags.writer import BagWriter
from hoisdf_model.data.shards import ShardedFrames

__all__ = [
    "BagFrame",
    "BagMessage",
    "BagProblem",
    "BagReader",
    "BagWriter",
    "FrameRecorder",
    "ShardedFrames",
    "Topic",
    "interface_types",
    "sample_recording",
]
