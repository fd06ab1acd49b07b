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

"""The benchmark's sequences as rosbags."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hoisdf_model.data.bags.export import BagFormat, ExportReport
from hoisdf_model.data.bags.reader import SYNTHETIC
from hoisdf_model.errors import InvalidInputError
from hoisdf_model.synthesis.benchmark import benchmark_sequences, benchmark_studio
from hoisdf_model.synthesis.plays.filming import CAMERA
from hoisdf_model.synthesis.plays.recording import MAKER, bag_frame, one_thread
from hoisdf_model.synthesis.render.renderer import Renderer


def benchmark_bag_name(number: int) -> str:
    """Name for the bag of sequence ``number``: its number and its object.

    Raises:
        InvalidInputError: there is no such sequence.
    """
    known = benchmark_sequences()
    if not 0 <= number < len(known):
        raise InvalidInputError(f"the benchmark has the sequences 0 to {len(known) - 1}, not {number}")
    return f"{number:02d}_{known[number].name}"


def record_benchmark_bag(
    path: str | Path,
    number: int,
    form: BagFormat | None = None,
    every: int = 1,
    frames: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> ExportReport:
    """Render one of ``benchmark_sequences()`` into a bag.

    Boxes are as a detector gives them.

    Args:
        path: the bag's folder, which must not exist yet.
        number: of the sequence, from 0.
        form: how; the default of :class:`BagFormat` where not given.
        every: write only every n-th frame.
        frames: write the first n of them.
        progress: called with frames written and frames in all.

    Raises:
        InvalidInputError: there is no such sequence.
        BagError: the folder exists or can't be written.
        DependencyError: nothing to render with.
    """
    form = form or BagFormat()
    benchmark_bag_name(number)
    written = 0
    with form.writer(path, {SYNTHETIC: MAKER}) as writer:
        recorder = form.recorder(writer)
        with one_thread():
            studio = benchmark_studio(benchmark_sequences()[number])
        wanted = range(0, len(studio.play.times), every)[:frames]
        renderer = Renderer(CAMERA.width, CAMERA.height)
        try:
            # what isn't written is rendered all the same: the noise of the camera goes from frame to frame
            for index, shot in enumerate(studio.film(renderer)):
                if index in wanted:
                    recorder.write(bag_frame(shot, form.depth))
                    written += 1
                    progress(written, len(wanted))
                if written == len(wanted):
                    break
        finally:
            renderer.close()
    size = sum(file.stat().st_size for file in Path(path).rglob("*") if file.is_file())
    return ExportReport(written, written, 0, 0, size)
