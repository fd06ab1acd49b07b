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

"""Reading rosbag2 recordings (sqlite3 and MCAP, also compressed) on ``rosbags``, without ROS.

Bags come from outside: a damaged one is a :class:`BagError` that says where, and nothing in one is ever executed.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml
from rosbags.interfaces import Connection, Qos

from hoisdf_model.data.bags.frame_assembly import BagFrame, FrameAssembly, select_topics
from hoisdf_model.data.bags.interfaces import in_todays_definition, interface_types, is_earlier, is_stated
from hoisdf_model.data.bags.opening import AnyReader, advice, storage_files
from hoisdf_model.errors import UNREADABLE, BagError
from hoisdf_model.paths import named

SYNTHETIC = "hoisdf.synthetic"  # in a bag's metadata: its pictures are rendered; the value says by what
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Topic:
    """Topic of a bag.

    ``name``, ``type`` such as ``sensor_msgs/msg/Image``, number of messages, offered QoS.
    """

    name: str
    type: str
    count: int
    qos: tuple[Qos, ...] = ()


@dataclass(frozen=True)
class BagMessage:
    """Message of a bag, as rosbags' class of its type.

    ``time`` is when it was recorded, nanoseconds since the epoch.
    """

    topic: str
    type: str
    time: int
    message: Any


@dataclass(frozen=True)
class BagProblem:
    """Skipped message or frame, with the reason.

    ``time`` as in :class:`BagMessage`.

    ``unused``: all messages of the topic were, for none met an image.
    """

    topic: str
    time: int
    error: Exception
    unused: bool = False

    def __str__(self) -> str:
        if self.unused:
            return f"{self.topic} wasn't used: {self.error}"
        return f"left out a message of {self.topic} recorded at {self.time / 1e9:.3f} s: {self.error}"


ProblemHandler = Callable[[BagProblem], None]


def _log_problem(problem: BagProblem) -> None:
    _LOG.warning("%s", problem)


class BagReader:
    """A bag, open for reading; a context manager.

    Attributes:
        path: a bag's folder (with ``metadata.yaml``), or one of its ``.mcap`` or ``.db3`` files.
        topics: by name, sorted.
        start, end: when the first and last message were recorded, nanoseconds since the epoch; 0 for an empty bag.
        count: number of messages.

    Raises:
        BagError: there is no bag, or it is damaged.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = named(path)
        if not self.path.exists():
            raise BagError(f"there is no bag at {self.path}")
        try:
            self._reader = AnyReader(self._files())
            self._reader.open()
            if self._reader.remark:
                _LOG.warning("%s", self._reader.remark)
            self.topics = self._read_topics()
            self.count = self._reader.message_count
            self.start = self._reader.start_time if self.count else 0
            self.end = self._reader.end_time - 1 if self.count else 0  # rosbags' end is exclusive
        except BagError:
            raise
        except Exception as error:  # a damaged file makes its parser fail in whatever way
            raise BagError(f"{self.path} is not a readable bag: {self._damage(error)}") from error

    def _files(self) -> Path:
        """What is to be opened: of a folder without metadata, as an interrupted recording leaves it, its only file."""
        if not self.path.is_dir() or (self.path / "metadata.yaml").exists():
            return self.path
        files = storage_files(self.path)
        if len(files) > 1:
            raise BagError(
                f"{self.path} has no metadata.yaml and {len(files)} files of messages: 'ros2 bag reindex {self.path}' "
                "makes one; or give one of its .mcap or .db3 files"
            )
        if not files:
            raise BagError(
                f"{self.path} has no metadata.yaml: give the folder of a bag, or one of its .mcap or .db3 files"
            )
        _LOG.warning("%s has no metadata.yaml, as a recording that was cut off: %s is read", self.path, files[0].name)
        return files[0]

    def _damage(self, error: Exception) -> str:
        return "; ".join(filter(None, [_reason(error), advice(self.path)]))

    def close(self) -> None:
        """Close the files; may be called twice."""
        if self._reader.is_open:
            self._reader.close()

    def __enter__(self) -> BagReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def about(self) -> dict[str, str]:
        """Notes in the bag's metadata (``custom_data``); empty where there are none."""
        folder = self.path if self.path.is_dir() else self.path.parent
        try:
            content = yaml.safe_load((folder / "metadata.yaml").read_text())["rosbag2_bagfile_information"]
            return {str(key): str(value) for key, value in (content.get("custom_data") or {}).items()}
        except (*UNREADABLE, KeyError, TypeError, AttributeError):
            return {}

    def topic(self, name: str) -> Topic:
        """The topic of that name; a leading ``/`` may be missing.

        Raises:
            BagError: there is none; the message lists what there is.
        """
        for candidate in (name, f"/{name}"):
            if candidate in self.topics:
                return self.topics[candidate]
        raise BagError(f"{self.path} has no topic {name!r}, it has {self._listed(self.topics.values())}")

    def topics_of_type(self, *types: str) -> tuple[Topic, ...]:
        """All topics whose type is one of ``types``, sorted by name."""
        return tuple(topic for topic in self.topics.values() if topic.type in types)

    def raw(
        self, topics: Iterable[str] | None = None, start: int | None = None, stop: int | None = None
    ) -> Iterator[tuple[Topic, int, bytes]]:
        """Serialised messages (CDR) with topic and recording time, in time order.

        Messages of this package that were recorded with an earlier definition come in today's, unless they can't be
        read: those come as they are.

        Args:
            topics: names to read; all where None.
            start, stop: only messages recorded at or after ``start`` and before ``stop``, nanoseconds since the epoch.

        Raises:
            BagError: no such topic, or the bag is damaged where it is being read.
        """
        names = {self.topic(name).name for name in topics} if topics is not None else set(self.topics)
        connections = [c for c in self._reader.connections if c.topic in names]
        if not connections:
            return
        messages = self._reader.messages(connections, start, stop)
        done: Counter[str] = Counter()
        while True:
            try:
                connection, time, data = next(messages)
            except StopIteration:
                if start is None and stop is None:
                    self._compare(names, done)
                return
            except Exception as error:  # see __init__
                raise BagError(f"{self.path} is damaged after message {done.total()}: {self._damage(error)}") from error
            done[connection.topic] += 1
            message = in_todays_definition(bytes(data), connection.msgtype, connection.digest)
            yield self.topics[connection.topic], time, message

    def _compare(self, names: Iterable[str], read: Mapping[str, int]) -> None:
        """Tell of messages that the bag's index counts and its data don't have, or the other way round."""
        counts = [(name, self.topics[name].count, read.get(name, 0)) for name in sorted(names)]
        differing = [f"{name} {count} and {found}" for name, count, found in counts if count != found]
        if differing:
            _LOG.warning("%s counts other numbers of messages than were read: %s", self.path, ", ".join(differing))

    def messages(
        self,
        topics: Iterable[str] | None = None,
        start: int | None = None,
        stop: int | None = None,
        on_problem: ProblemHandler = _log_problem,
    ) -> Iterator[BagMessage]:
        """Deserialised messages in the order of time of recording.

        Args:
            topics: names to read; where None all whose type is known (ROS's common ones and this package's).
            start, stop: as in :meth:`raw`.
            on_problem: called with each message that can't be deserialised; the iteration goes on without it.

        Raises:
            BagError: no such topic, its type isn't known or was another one at recording, or the bag is damaged.
        """
        if topics is None:
            names = [topic.name for topic in self.topics.values() if topic.type in interface_types().fielddefs]
        else:
            names = [self.topic(name).name for name in topics]
        for name in names:
            self._check_type(self.topics[name])
        for topic, time, data in self.raw(names, start, stop):
            try:
                message = interface_types().deserialize_cdr(data, topic.type)
            except Exception as error:  # a message from outside, see __init__
                on_problem(BagProblem(topic.name, time, BagError(f"not a {topic.type}: {_reason(error)}")))
                continue
            yield BagMessage(topic.name, topic.type, time, message)

    def roles(
        self,
        image: str | None = None,
        camera_info: str | None = None,
        depth: str | None = None,
        regions: str | None = None,
        truth: str | None = None,
    ) -> dict[str, str]:
        """Topics by role.

        The ``image``, the ``camera_info``, the ``depth``, the ``regions`` and the ``truth``.

        A topic that is None is found by type and name (:func:`~hoisdf_model.data.bags.frame_assembly.select_topics`);
        an empty string leaves it out. The last three may be missing.

        Raises:
            BagError: there is no image or camera_info, one is ambiguous, or a given topic isn't there or of another
                type.
        """
        wanted = {"image": image, "camera_info": camera_info, "depth": depth, "regions": regions, "truth": truth}
        given = {role: self.topic(name).name if name else name for role, name in wanted.items()}
        return select_topics({name: topic.type for name, topic in self.topics.items()}, given, str(self.path))

    def frames(
        self,
        image: str | None = None,
        camera_info: str | None = None,
        depth: str | None = None,
        regions: str | None = None,
        truth: str | None = None,
        rectified: bool = False,
        start: int | None = None,
        stop: int | None = None,
        on_problem: ProblemHandler = _log_problem,
        slop: float = 0.0,
    ) -> Iterator[BagFrame]:
        """Frames with all messages of the same stamp, in stamp order.

        Where there isn't a ``camera_info`` with each image (it is latched, or sent now and then), the last one of its
        camera and size holds. Topics are found as :meth:`roles` does.

        Args:
            image, camera_info: topics that every frame has.
            depth: depth image aligned to ``image``; optional, as ``regions`` (``hoisdf/Regions``) and ``truth``
                (``hoisdf/HandObject``).
            rectified: the images are rectified, so ``P`` holds and not ``K`` with ``D``.
            start, stop: as in :meth:`raw`.
            on_problem: called with each message or frame that was left out, and at the end with each topic that never
                met an image; the iteration goes on.
            slop: largest difference of the stamps of what belongs together, seconds.

        Raises:
            BagError: a topic is missing or ambiguous, there isn't a single image, or the bag is damaged.
        """
        roles = self.roles(image, camera_info, depth, regions, truth)
        for role in ("image", "camera_info"):
            if not self.topics[roles[role]].count:
                raise BagError(f"topic {roles[role]} of {self.path} has no messages")
        role_of = {name: role for role, name in roles.items()}

        def report(role: str, time: int, error: Exception) -> None:
            on_problem(BagProblem(roles[role], time, error))

        infos, images = self.topics[roles["camera_info"]], self.topics[roles["image"]]
        few = infos.count * 2 <= images.count
        assembly = FrameAssembly(frozenset(roles), rectified, report, round(slop * 1e9), few)
        if few:
            for info in self._sent_before(infos.name, start, on_problem):
                assembly.preset(info)
        for item in self.messages(role_of, start, stop, on_problem):
            yield from assembly.add(role_of[item.topic], item.time, item.message)
        yield from assembly.finish()
        for role, error in assembly.unused().items():
            on_problem(BagProblem(roles[role], self.end, error, unused=True))
        if assembly.held and infos.count > 1:
            _LOG.warning(
                "%s: %d images have the last camera_info of their camera: %s has %d messages",
                self.path, assembly.held, infos.name, infos.count,
            )  # fmt: skip

    def _sent_before(self, topic: str, start: int | None, on_problem: ProblemHandler) -> Iterator[Any]:
        """What a latched topic has at ``start``: all that was sent before, else the first of all."""
        for number, item in enumerate(self.messages([topic], on_problem=on_problem)):
            if number and (start is None or item.time >= start):
                return
            yield item.message

    def _read_topics(self) -> Mapping[str, Topic]:
        topics: dict[str, Topic] = {}
        for c in sorted(self._reader.connections, key=lambda c: c.topic):
            known = topics.get(c.topic)
            if known and known.type != c.msgtype:
                raise BagError(f"topic {c.topic} of {self.path} has two types: {known.type} and {c.msgtype}")
            qos = tuple(getattr(c.ext, "offered_qos_profiles", ()))
            topics[c.topic] = Topic(
                c.topic, c.msgtype, c.msgcount + (known.count if known else 0), (known.qos if known else ()) + qos
            )
        return topics

    def _check_type(self, topic: Topic) -> None:
        store = interface_types()
        if topic.type not in store.fielddefs:
            raise BagError(f"topic {topic.name} of {self.path} has the type {topic.type}, which isn't known")
        ours = store.hash_rihs01(topic.type)
        for connection in self._connections(topic):
            theirs = connection.digest
            if is_stated(theirs) and theirs != ours and not is_earlier(topic.type, theirs):
                raise BagError(
                    f"topic {topic.name} of {self.path} was recorded with another definition of {topic.type} "
                    f"(type hash {theirs}, here {ours}): read it with the version of the package that recorded it"
                )

    def _connections(self, topic: Topic) -> list[Connection]:
        return [c for c in self._reader.connections if c.topic == topic.name]

    @staticmethod
    def _listed(topics: Iterable[Topic]) -> str:
        return ", ".join(f"{t.name} ({t.type})" for t in topics) or "no topics"


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
