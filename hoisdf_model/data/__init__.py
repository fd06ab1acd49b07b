"""Sources of data: bags and sharded data sets, read and written."""

from hoisdf_model.data.bag_frames import BagFrame
from hoisdf_model.data.bag_writer import BagWriter
from hoisdf_model.data.bags import BagMessage, BagProblem, BagReader, Topic
from hoisdf_model.data.frame_recorder import FrameRecorder
from hoisdf_model.data.interfaces import interface_types
from hoisdf_model.data.shards import ShardedFrames
from hoisdf_model.data.shipped import sample_recording

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
