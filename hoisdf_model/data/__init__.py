"""Sources of data: bags and sharded data sets, read and written."""

from hoisdf_model.data.bags.frame_recorder import FrameRecorder
from hoisdf_model.data.bags.frames import BagFrame
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
