"""Display of frames and estimates in the viewer Rerun.

In its window, in a browser, or in a file.
"""

from hoisdf_model.viewing.streams import Destination, load_rerun, open_stream
from hoisdf_model.viewing.viewer import Viewer

__all__ = ["Destination", "Viewer", "load_rerun", "open_stream"]
