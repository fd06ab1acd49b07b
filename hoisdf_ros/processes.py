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

"""Process of a node with prompt, orderly shutdown on interrupts.

Holds from the first import on.

The main thread does nothing but wait for signals; another one imports, works and tidies up. So no signal waits until a
library's code comes back, and none meets Python where it would leave a traceback. Nothing heavy is imported here.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from hoisdf_model.errors import HoisdfError

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # the last one: its terminal was closed
PATIENCE = 1.0  # seconds for tidying up after an interrupt; `ros2 launch` loses its own after five


class Ending:
    """Thread-safe shutdown request of a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stop: Callable[[], None] | None = None
        self._cut_short: Callable[[], None] | None = None
        self._patience = 0.0
        self._asked = False

    @property
    def asked(self) -> bool:
        """Whether shutdown was requested."""
        return self._asked

    def on_request(
        self, stop: Callable[[], None], patience: float = PATIENCE, cut_short: Callable[[], None] | None = None
    ) -> None:
        """Register ``stop`` to be called at shutdown.

        It is called immediately if shutdown was already requested.

        Args:
            stop: lets what is going on end soon.
            patience: seconds that this may take, after which the process ends all the same.
            cut_short: called after a third of them; breaks off what is going on.
        """
        with self._lock:
            self._stop, self._patience, self._cut_short = stop, patience, cut_short
            if self._asked:
                stop()

    def request(self) -> float:
        """Request shutdown; the grace period it allows, seconds.

        Zero as long as there is nothing to clean up.
        """
        with self._lock:
            self._asked = True
            if self._stop is not None:
                self._stop()
            return self._patience

    def insist(self) -> None:
        """Abort the work in progress."""
        with self._lock:
            if self._cut_short is not None:
                self._cut_short()


Work = Callable[[Ending], int]  # gives the exit code


def run(work: Work) -> NoReturn:
    """Run work in a thread until its end, SIGINT, SIGTERM or SIGHUP.

    Ends the process; to be called in its main thread only.

    A known error is printed as one line and gives the exit code 1. The interpreter isn't taken down: with torch in it
    that alone takes two seconds, and what had to be tidied up has been.
    """
    ending, codes = Ending(), list[int]()
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    for number in SIGNALS:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup ignores it
            signal.signal(number, lambda *_: None)  # the number is written into the pipe
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)  # our launch files block them until here

    def main() -> None:
        codes.append(_exit_code(work, ending))
        os.write(wake, b"\0")

    thread = threading.Thread(target=main, name="work", daemon=True)
    thread.start()
    os.read(woken, 1)
    if not codes:
        patience = ending.request()
        thread.join(patience / 3)
        ending.insist()
        thread.join(patience * 2 / 3)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # it has no reader any more
            stream.flush()
    os._exit(codes[0] if codes else 0)


def _exit_code(work: Work, ending: Ending) -> int:
    try:
        return work(ending)
    except HoisdfError as error:
        reason = str(error)
    except ModuleNotFoundError as error:
        reason = (
            f"{error}: source /opt/ros/<distro>/setup.bash and the workspace, or scripts/env.sh (see hoisdf doctor)"
        )
    except BaseException:
        traceback.print_exc()
        return 1
    print(f"error: {reason}", file=sys.stderr)
    return 1


def start(module: str, torch: bool = False) -> NoReturn:
    """Import of a node's module and run of its ``main(ending)``.

    ``torch``: whether the module needs it.
    """

    def work(ending: Ending) -> int:
        if torch:
            load_torch_libraries()
        return int(importlib.import_module(module).main(ending))

    run(work)


def load_torch_libraries() -> None:
    """Load torch's libraries ahead of its import, with Python's lock let go.

    The import holds the lock while they are loaded, for seconds on a busy machine, and no signal is acted on meanwhile.
    What goes wrong here comes again, with its reason, in the import.
    """
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None or not hasattr(os, "RTLD_GLOBAL"):
        return
    folder = os.path.join(os.path.dirname(found.origin), "lib")
    loaded: object = True  # in the order and with the flags of torch
    with suppress(AttributeError):  # no dlopen in the process
        load = ctypes.CDLL(None).dlopen  # a call by ctypes lets the lock go, its CDLL(...) doesn't
        load.restype, load.argtypes = ctypes.c_void_p, (ctypes.c_char_p, ctypes.c_int)
        for name, mode in (("libtorch_global_deps.so", os.RTLD_GLOBAL), ("libtorch.so", os.RTLD_LOCAL)):
            loaded = loaded and load(os.fsencode(os.path.join(folder, name)), os.RTLD_NOW | mode)


def perception() -> NoReturn:
    """The executable ``perception``."""
    start("hoisdf_ros.perception.node", torch=True)


def grasp() -> NoReturn:
    """The executable ``grasp``."""
    start("hoisdf_ros.grasp.node", torch=True)


def evaluation() -> NoReturn:
    """The executable ``evaluation``."""
    start("hoisdf_ros.evaluation.node", torch=True)


def moveit_example() -> NoReturn:
    """The executable ``moveit_example``."""
    start("hoisdf_ros.grasp.moveit_example")


def viewer() -> NoReturn:
    """The executable ``viewer``."""
    start("hoisdf_ros.viewer", torch=True)


def camera() -> NoReturn:
    """The executable ``camera``."""
    start("hoisdf_ros.feeds.camera")


def replay() -> NoReturn:
    """The executable ``replay``."""
    start("hoisdf_ros.feeds.replay")
