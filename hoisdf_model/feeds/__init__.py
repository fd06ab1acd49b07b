"""Image sources and video output.

Webcams, videos, streams and folders of images are read, videos are written.
"""

from hoisdf_model.feeds.sources import CaptureError, FrameSource, VideoSource, open_source, open_video
from hoisdf_model.feeds.videos import FASTEST, SLOWEST, VideoFile

__all__ = ["FASTEST", "SLOWEST", "CaptureError", "FrameSource", "VideoFile", "VideoSource", "open_source", "open_video"]
