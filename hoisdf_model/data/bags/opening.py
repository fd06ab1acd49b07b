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

"""Tolerant opening of bags on ``rosbags``.

With any name, truncated, or with metadata that don't fit the files.
"""

from __future__ import annotations

import os
import struct
from binascii import crc32
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

from rosbags.interfaces import Connection
from rosbags.rosbag2 import Reader, ReaderError
from rosbags.rosbag2.reader import DirectoryReader
from rosbags.rosbag2.storage_mcap import ChunkInfo, McapReader
from rosbags.rosbag2.storage_sqlite3 import Sqlite3Reader

from hoisdf_model.paths import is_litter, stand_in

_MCAP_MAGIC = b"\x89MCAP0\r\n"
_CHUNK, _DATA_END = 0x06, 0x0F  # opcodes of MCAP's records, https://mcap.dev/spec
_END_RECORDS = (0x00, 0x02, _DATA_END)  # nothing (a file filled up with zeros), the footer, the end of the data
_NUMBER = 8  # bytes of a record's last number, of which all but the lowest may be zero
_BLOCK = 1 << 20


class UriPath(type(Path())):  # type: ignore[misc]
    """A path that is quoted where it is formatted.

    rosbags puts paths into SQLite's URIs as they are (``f"file:{path}"``), where ``#`` and ``?`` end a path and ``%20``
    is a blank.
    """

    def __format__(self, specification: str) -> str:
        return format(quote(str(self)), specification)


class Sqlite3File(Sqlite3Reader):
    """An sqlite3 file with any name."""

    def __init__(self, path: Path) -> None:
        super().__init__(UriPath(path))

    @property
    def remark(self) -> str:
        """Warning for the user; empty for none."""
        log = Path(f"{self.path!s}-wal")  # it isn't read: the file is opened as one without writers
        if not log.exists() or not log.stat().st_size:
            return ""
        return (
            f"{self.path!s} was cut off while it was recorded: messages in {log.name} are left out; "
            f"sqlite3 '{self.path!s}' 'PRAGMA wal_checkpoint' puts them into the file"
        )


class McapFile(McapReader):
    """MCAP file, readable up to a truncation."""

    remark = ""

    def _open(self) -> None:
        try:
            super()._open()
            self._check_summary()
        except Exception:
            if not self.data_start or self._has_end():
                raise
            self._open_without_end()

    def _check_summary(self) -> None:
        """See that the index is as it was written, where the file says a checksum of it.

        It goes from the start of the summary to the footer's last field (MCAP specification, "Footer").
        """
        assert self.bio is not None
        end = self.bio.seek(-len(_MCAP_MAGIC) - 4, os.SEEK_END)
        (checksum,) = struct.unpack("<I", self.bio.read(4))
        self.bio.seek(end - 16)
        (start,) = struct.unpack("<Q", self.bio.read(8))
        self.bio.seek(start)
        if checksum and start and crc32(self.bio.read(end - start)) != checksum:
            raise ReaderError("the checksum of its index doesn't fit")

    def _has_end(self) -> bool:
        assert self.bio is not None
        self.bio.seek(-len(_MCAP_MAGIC), os.SEEK_END)
        return self.bio.read() == _MCAP_MAGIC

    def _open_without_end(self) -> None:
        chunks = self._whole_chunks()
        try:
            self.meta_scan()
        except Exception:  # the last one may have been allocated and not written
            if not chunks:
                raise
            self.data_end = chunks.pop().chunk_start_offset
            self.meta_scan()
        assert self.statistics is not None
        counts, total = self.statistics.channel_message_counts, self.statistics.message_count
        self.chunks = [chunk._replace(channel_count=dict(counts)) for chunk in chunks]
        self.connections = [c._replace(msgcount=counts.get(c.id, 0)) for c in self.connections]
        start, end = self.statistics.start_time, self.statistics.end_time
        if not total:
            raise ReaderError("it was cut off before the first whole chunk of messages")
        self.metadata = self.metadata._replace(
            duration=end - start + 1, start_time=start, end_time=end + 1, message_count=total
        )
        self.remark = (
            f"{self.path} has no end: it was cut off while it was recorded or copied; the {total} messages before are "
            f"read, and 'mcap recover {self.path} -o mended.mcap' makes a whole file of them"
        )

    def _whole_chunks(self) -> list[ChunkInfo]:
        """Chunks that are there to their last byte; the data end after the last whole record."""
        assert self.bio is not None
        file, chunks = self.bio, []
        size = _written(file)
        self.data_end = file.seek(self.data_start)
        while len(head := file.read(9)) == 9:
            opcode, length = struct.unpack("<BQ", head)
            end = file.tell() + length
            if opcode in _END_RECORDS or end > size:
                break
            if opcode == _CHUNK:
                first, last, raw, _, letters = struct.unpack("<QQQII", file.read(32))
                compression = file.read(letters).decode()
                (stored,) = struct.unpack("<Q", file.read(8))
                chunks.append(ChunkInfo(first, last, self.data_end, 9 + length, {}, 0, compression, stored, raw, {}))
            self.data_end = file.seek(end)
        return chunks


def _written(file: BinaryIO) -> int:
    """The size of a file without the zeros that a crash leaves where a file system had made room and nothing came."""
    size = end = file.seek(0, os.SEEK_END)
    while end:
        start = max(0, end - _BLOCK)
        file.seek(start)
        if block := file.read(end - start).rstrip(b"\0"):
            return min(size, start + len(block) + _NUMBER - 1)
        end = start
    return 0


def _storage_file(path: Path) -> McapFile | Sqlite3File:
    """By the file's name, for metadata that don't say the storage."""
    return McapFile(path) if path.suffix == ".mcap" else Sqlite3File(path)


class BagFolder(DirectoryReader):
    """Bag folder with ``metadata.yaml``.

    Types and names are taken from it, counts and times from the files.
    """

    STORAGE_PLUGINS = {"mcap": McapFile, "sqlite3": Sqlite3File, "": _storage_file}  # type: ignore[dict-item]  # noqa: RUF012

    def open(self) -> None:
        """Open the files.

        Raises:
            Exception: of whatever kind, where the metadata or a file is damaged.
        """
        super().open()
        self.stated = {connection.topic: connection.msgcount for connection in self.connections}
        self.connections = self._connections_of_files()
        times = [storage.metadata for storage in self.storages if storage.metadata.message_count]
        start, end = min((t.start_time for t in times), default=0), max((t.end_time for t in times), default=0)
        self.metadata = self.metadata._replace(
            duration=end - start, start_time=start, end_time=end, message_count=sum(t.message_count for t in times)
        )

    def _connections_of_files(self) -> list[Connection]:
        digests = {(c.topic, c.msgtype): c.digest for c in self.connections}
        found: list[Connection] = []
        for connection in (c for storage in self.storages for c in storage.connections):
            key = connection.topic, connection.msgtype
            same = [k for k, c in enumerate(found) if (c.topic, c.msgtype) == key and c.ext == connection.ext]
            if same:
                known = found[same[0]]
                found[same[0]] = known._replace(msgcount=known.msgcount + connection.msgcount)
            else:
                digest = connection.digest or digests.get(key, "")
                found.append(connection._replace(id=len(found) + 1, digest=digest, owner=self))
        there = {(c.topic, c.msgtype) for c in found}
        empty = [c._replace(msgcount=0) for c in self.connections if (c.topic, c.msgtype) not in there]
        return found + [c._replace(id=len(found) + 1 + k) for k, c in enumerate(empty)]

    @property
    def remark(self) -> str:
        """Warning for the user; empty for none."""
        counts: dict[str, int] = dict.fromkeys(self.stated, 0)
        for connection in self.connections:
            counts[connection.topic] = counts.get(connection.topic, 0) + connection.msgcount
        differing = [
            f"{topic} {self.stated.get(topic, 0)} and {n}"
            for topic, n in counts.items()
            if n != self.stated.get(topic, 0)
        ]
        remarks = [storage.remark for storage in self.storages if storage.remark]  # type: ignore[attr-defined]
        if differing:
            remarks.append(
                f"{self.path}/metadata.yaml counts other numbers of messages than the files: {', '.join(differing)}"
            )
        return "; ".join(remarks)


class AnyReader(Reader):
    """A folder or one of its files."""

    STORAGE_PLUGINS = {"dir": BagFolder, ".mcap": McapFile, ".db3": Sqlite3File}  # noqa: RUF012

    @property
    def remark(self) -> str:
        """Warning about an opened bag; empty for none."""
        return str(getattr(self.storage, "remark", ""))


def storage_files(folder: Path) -> list[Path]:
    """Files in a folder that hold messages, sorted."""
    found = (path for path in folder.iterdir() if path.suffix in (".mcap", ".db3"))
    return sorted(path for path in found if not is_litter(Path(path.name)))


def advice(path: Path) -> str:
    """Advice on repairing a damaged bag."""
    file: Any = next(iter(storage_files(path)), path) if path.is_dir() else path
    if file.is_file() and (why := stand_in(file)):
        return why
    if file.suffix == ".mcap":
        return f"'mcap recover {file} -o mended.mcap' saves what can be read"
    if file.suffix == ".db3":
        return f"\"sqlite3 '{file}' .recover | sqlite3 mended.db3\" saves what can be read"
    if file.suffix == ".bag":
        return f"it is of ROS 1: 'rosbags-convert --src {file} --dst {file.with_suffix('')}' makes one of ROS 2"
    return ""
