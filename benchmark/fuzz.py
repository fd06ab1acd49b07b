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

"""Mutated messages and files, read as the nodes and commands read them: what becomes of each.

    python benchmark/fuzz.py --messages 10000 --files 200
    python benchmark/fuzz.py --only CameraInfo --messages 1 --first 1234    # one case again

Bits are flipped, parts cut off, doubled, exchanged or replaced by noise; numbers become NaN, infinite or huge, texts
empty, long or odd. Allowed are a right result or an error of ``hoisdf_model.errors`` with one readable line. Faults are
any other exception, an error of several lines, a result that the message itself or a checksum contradicts, more than
``--limit`` seconds, and the end of the process. Cases of a kind run in one child,
and after a crash or a hang in another. Each is drawn from the seed, its kind and its number alone. Prints a table.
"""

from __future__ import annotations

import argparse
import faulthandler
import multiprocessing
import os
import resource
import sys
import tempfile
import time
import traceback
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import fuzz_files
import fuzz_messages
import numpy as np
from fuzz_messages import Rng, Wrong

from hoisdf_model.errors import HoisdfError

RIGHT, REFUSED = "right", "refused"
OUTCOMES = (RIGHT, REFUSED, "other error", "unreadable text", "wrong", "hang", "crash")
LONGEST = 1500  # characters of an error's text
MEMORY = 6 << 30  # bytes that a child may ask for
Case = Callable[[Rng], None]


def outcome(case: Case, rng: Rng) -> tuple[str, str]:
    """What became of one case: one of ``OUTCOMES``, and what is to be said of it."""
    try:
        case(rng)
    except HoisdfError as error:
        text = str(error)
        return (REFUSED if is_readable(text) else "unreadable text"), f"{type(error).__name__}: {text[:2000]!r}"
    except Wrong as error:
        return "wrong", str(error)
    except BaseException as error:
        where = traceback.extract_tb(error.__traceback__)[-4:]
        places = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(where))
        return "other error", f"{type(error).__name__}: {str(error)[:300]!r} at {places}"
    return RIGHT, ""


def is_readable(text: str) -> bool:
    """One line that people can read, whatever was in the message or file."""
    return len(text.strip()) > 0 and len(text) <= LONGEST and text.isprintable()


def rng_of(seed: int, kind: str, number: int) -> Rng:
    """The case's own numbers."""
    return np.random.default_rng([seed, zlib.crc32(kind.encode()), number])


def _work(case: Case, kind: str, seed: int, numbers: range, results: Connection) -> None:
    """In the child: one case after the other."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # decoders write there
    faulthandler.disable()
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (used() + MEMORY, used() + MEMORY))
    for number in numbers:
        results.send((number, *outcome(case, rng_of(seed, kind, number))))


def used() -> int:
    """Bytes of address space that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def outcomes(case: Case, kind: str, seed: int, numbers: range, limit: float) -> Iterator[tuple[int, str, str]]:
    """Number, outcome and text of each case, in processes of their own."""
    context = multiprocessing.get_context("fork")  # everything is imported already
    while len(numbers):
        results, theirs = context.Pipe(duplex=False)
        child = context.Process(target=_work, args=(case, kind, seed, numbers, theirs), daemon=True)
        child.start()
        theirs.close()
        try:
            while len(numbers):
                if not results.poll(limit):
                    yield numbers[0], "hang", f"more than {limit:g} s"
                    numbers = numbers[1:]
                    break
                yield results.recv()
                numbers = numbers[1:]
        except EOFError:
            child.join()
            yield numbers[0], "crash", f"exit code {child.exitcode}"
            numbers = numbers[1:]
        finally:
            child.kill()
            child.join()
            results.close()


def run(kinds: dict[str, Case], seed: int, numbers: range, limit: float, shown: int = 3) -> int:
    """Print a line for each kind and what is wrong; the number of faults."""
    faults = 0
    for kind, case in kinds.items():
        began, tally, examples = time.monotonic(), Counter[str](), []
        for number, what, text in outcomes(case, kind, seed, numbers, limit):
            tally[what] += 1
            if what not in (RIGHT, REFUSED) and tally[what] <= shown:
                examples.append(f"    {number} {what}: {text}")
        faults += sum(tally.values()) - tally[RIGHT] - tally[REFUSED]
        counts = " | ".join(f"{tally[what]:5d}" for what in OUTCOMES)
        print(f"| {kind:32s} | {counts} | {time.monotonic() - began:5.0f} s |", *examples, sep="\n", flush=True)
    return faults


def main() -> int:
    """Run what the command line says; 1 where there were faults."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=1000, help="of each type")
    parser.add_argument("--files", type=int, default=50, help="of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--only", default="", help="kinds with this in their names")
    parser.add_argument("--limit", type=float, default=20.0, help="seconds a case may take")
    given = parser.parse_args()
    print(f"| {'kind':32s} | {' | '.join(OUTCOMES)} | time |\n|{' --- |' * (len(OUTCOMES) + 2)}")
    faults = 0
    with tempfile.TemporaryDirectory() as folder:
        for kinds, count in (
            (fuzz_messages.KINDS, given.messages),
            (fuzz_files.kinds(Path(folder), given.only), given.files),
        ):
            chosen = {name: case for name, case in kinds.items() if given.only.lower() in name.lower()}
            faults += run(chosen, given.seed, range(given.first, given.first + count), given.limit)
    print(f"{faults} faults")
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
