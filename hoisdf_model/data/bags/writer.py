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

"""Writer of rosbag2 recordings (MCAP or sqlite3) on ``rosbags``.

``ros2 bag play`` plays them.
"""

from __future__ import annotations

import shutil
import sqlite3
from binascii import crc32
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from rosbags.interfaces import Connection, Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.rosbag2.storage_mcap import McapWriter
from rosbags.rosbag2.storage_sqlite3 import Sqlite3Writer

from hoisdf_model.data.bags.interfaces import interface_types
from hoisdf_model.data.bags.opening import UriPath
from hoisdf_model.errors import BagError
from hoisdf_model.messages import MessageTypes, rosbags_types, stamp_of
from hoisdf_model.paths import named

_CHECKSUM = 9 + 3 * 8  # bytes before it in a chunk: opcode and length, two times, a size
_FOREVER = QosTime(9223372036, 854775807)  # rosbag2's "no limit"


class _AnyNameSqlite3(Sqlite3Writer):
    def __init__(self, path: Path, compression: CompressionMode) -> None:
        super().__init__(UriPath(path), compression)


class _SummedMcap(McapWriter):
    """MCAP with the checksum of each chunk, which rosbags leaves out."""

    def close_chunk(self) -> None:
        start, checksum = self.bio.tell(), crc32(self.chunk.bio.getvalue())
        super().close_chunk()
        end = self.bio.tell()
        self.bio.seek(start + _CHECKSUM)
        self.bio.write(checksum.to_bytes(4, "little"))
        self.bio.seek(end)


class _AnyNameWriter(Writer):
    STORAGE_PLUGINS = {  # noqa: RUF012
        **Writer.STORAGE_PLUGINS,
        StoragePlugin.SQLITE3: _AnyNameSqlite3,
        StoragePlugin.MCAP: _SummedMcap,
    }


class BagWriter:
    """Writer of a new bag; a context manager.

    Where the block ends with an exception the unfinished bag is removed.

    Args:
        path: the bag's folder, which must not exist yet.
        storage: ``mcap`` or ``sqlite3``.
        compression: ``zstd`` compresses the chunks of MCAP, and the whole file of sqlite3 (which needs
            ``rosbag2_compression_zstd`` to be played).
        about: notes for the bag's metadata, such as ``bags.SYNTHETIC``.

    Attributes:
        types: the classes to build messages with.

    Raises:
        BagError: the folder exists or can't be made.
    """

    def __init__(
        self,
        path: str | Path,
        storage: Literal["mcap", "sqlite3"] = "mcap",
        compression: Literal["none", "zstd"] = "none",
        about: Mapping[str, str] | None = None,
    ) -> None:
        self.path = named(path)
        self.types: MessageTypes = rosbags_types(interface_types())
        if self.path.exists():
            raise BagError(f"{self.path} exists already: remove it or give another path")
        if storage not in ("mcap", "sqlite3") or compression not in ("none", "zstd"):
            raise BagError(f"storage must be mcap or sqlite3 and compression none or zstd: {storage}, {compression}")
        plugin = StoragePlugin.MCAP if storage == "mcap" else StoragePlugin.SQLITE3
        self._writer = _AnyNameWriter(self.path, version=Writer.VERSION_LATEST, storage_plugin=plugin)
        if compression == "zstd":
            mode = CompressionMode.STORAGE if storage == "mcap" else CompressionMode.FILE
            self._writer.set_compression(mode, CompressionFormat.ZSTD)
        for key, value in (about or {}).items():
            self._writer.set_custom_data(key, value)
        self._connections: dict[str, Connection] = {}
        self._open = True
        try:
            self._writer.open()
        except (OSError, sqlite3.Error) as error:
            shutil.rmtree(self.path, ignore_errors=True)
            raise BagError(f"the bag {self.path} can't be written: {error}") from error

    def add_topic(self, topic: str, type_name: str, latched: bool = False) -> None:
        """Declare a topic.

        Needed only for topics without messages and for latched (transient local) ones.

        Raises:
            BagError: the type isn't known, or the topic has another one.
        """
        store = interface_types()
        if type_name not in store.fielddefs:
            raise BagError(f"type {type_name} of topic {topic} isn't known")
        known = self._connections.get(topic)
        if known is None:
            self._connections[topic] = self._writer.add_connection(
                topic, type_name, typestore=store, offered_qos_profiles=[_qos(latched)]
            )
        elif known.msgtype != type_name:
            raise BagError(f"topic {topic} is a {known.msgtype}, got a {type_name}")

    def write(self, topic: str, message: Any, time: int | None = None) -> None:
        """Append a message of :attr:`types`.

        Args:
            topic: full name, such as ``/image``.
            message: made with :attr:`types`.
            time: when it was recorded, nanoseconds since the epoch; the header's stamp where None.

        Raises:
            BagError: the topic has another type, or there is neither a header nor a time.
        """
        if time is None:
            if not hasattr(message, "header"):
                raise BagError(f"a {message.__msgtype__} has no header: give the time of the message on {topic}")
            time = stamp_of(message)
        self.write_raw(topic, message.__msgtype__, interface_types().serialize_cdr(message, message.__msgtype__), time)

    def write_raw(self, topic: str, type_name: str, data: bytes | memoryview, time: int) -> None:
        """Append a serialised message (CDR).

        Raises:
            BagError: as for :meth:`add_topic`, or the disk is full; the bag is removed then.
        """
        self.add_topic(topic, type_name)
        try:
            self._writer.write(self._connections[topic], time, data)
        except (OSError, sqlite3.Error) as error:
            raise self._given_up(error) from error

    def close(self) -> None:
        """Write the index and the metadata; may be called twice.

        Raises:
            BagError: the disk is full; the bag is removed.
        """
        if self._open:
            try:
                self._writer.close()
            except (OSError, sqlite3.Error) as error:
                raise self._given_up(error) from error
            self._open = False

    def discard(self) -> None:
        """Close and remove the bag."""
        if self._open:
            self._open = False
            with suppress(OSError, sqlite3.Error):  # a full disk can't take what is left in buffers either
                self._writer.abort()
            shutil.rmtree(self.path, ignore_errors=True)

    def _given_up(self, error: OSError | sqlite3.Error) -> BagError:
        self.discard()
        reason = getattr(error, "strerror", None) or error
        return BagError(
            f"the bag {self.path} can't be written: {reason}; what there was of it is removed: "
            "make room or give another path, and call again"
        )

    def __enter__(self) -> BagWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()


def _qos(latched: bool) -> Qos:
    return Qos(
        history=QosHistory.KEEP_LAST,
        depth=10,
        reliability=QosReliability.RELIABLE,
        durability=QosDurability.TRANSIENT_LOCAL if latched else QosDurability.VOLATILE,
        deadline=_FOREVER,
        lifespan=_FOREVER,
        liveliness=QosLiveliness.AUTOMATIC,
        liveliness_lease_duration=_FOREVER,
        avoid_ros_namespace_conventions=False,
    )
