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

"""Endless sample stream.

Sample ``i`` is a function of the seed and ``i`` alone.

So the order of the data doesn't depend on the number of processes, and training continues where it stopped without any
state but the number of steps done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

import numpy as np
from torch.utils.data import Dataset, Sampler

from hoisdf_model.data.labelled_frames import FrameSource, LabelledFrame
from hoisdf_model.data.samples.evidence import Origin, landmark_origin
from hoisdf_model.data.samples.preparation import PreparationConfig, prepare
from hoisdf_model.data.samples.sample import Sample
from hoisdf_model.errors import ConfigError, DatasetError, InvalidInputError
from hoisdf_model.evaluation import TrackedFrames

PATTERN = 200  # samples after which the mixture repeats: ratios are rounded to this
SHUFFLED = 2**22  # a source with more frames than this counts as endless: its frames come in their own order


class SampleStream(Dataset[Sample]):
    """Samples by position, mixed from sources by ratio.

    Each source is gone through in a new order again and again.

    Args:
        sources: where frames come from.
        ratios: their shares, relative to each other.
        preparation: from frames to samples.
        seed: decides about order and samples.
        repeat: go through the frames of the first samples only, this many, again and again; 0: all there are.
    """

    def __init__(
        self,
        sources: Sequence[FrameSource],
        ratios: Sequence[float],
        preparation: PreparationConfig,
        seed: int,
        repeat: int = 0,
    ) -> None:
        if not sources or len(sources) != len(ratios):
            raise ConfigError(f"{len(sources)} sources and {len(ratios)} ratios: one ratio for each source is needed")
        for number, source in enumerate(sources):
            if not len(source):
                raise InvalidInputError(f"data source {number} has no frames")
        self.sources, self.preparation, self.seed, self.repeat = list(sources), preparation, seed, repeat
        self._pattern = _pattern(ratios, seed)
        self._before = np.array([np.cumsum(self._pattern == s) - (self._pattern == s) for s in range(len(sources))])
        self._counts = np.array([(self._pattern == s).sum() for s in range(len(sources))])

    def place(self, index: int) -> tuple[int, int]:
        """Source and frame number of sample ``index``."""
        repeat, offset = divmod(index, PATTERN)
        source = int(self._pattern[offset])
        drawn = repeat * int(self._counts[source]) + int(self._before[source, offset])
        size = len(self.sources[source])
        lap, position = divmod(drawn, size)
        if size > SHUFFLED:
            return source, position
        return source, int(_order(self.seed, source, lap, size)[position])

    def __getitem__(self, index: int) -> Sample:
        """Sample ``index``, from 0; there is no last one.

        Raises:
            DatasetError: the frame (named) is damaged or no sample can be made of it.
        """
        source, frame = self.place(index % self.repeat if self.repeat else index)
        labelled = self._frame(source, frame, landmark_origin(self.preparation.augmentation, self.seed, index))
        try:
            for what, label in (("hand", labelled.hand), ("object", labelled.object)):
                if label is not None and not len(label.samples.distances):
                    raise InvalidInputError(
                        f"there are no distances to its {what}: such frames, as HO-3D's evaluation frames, can only be "
                        "evaluated on"
                    )
            return prepare(labelled, self.preparation, self.seed, index, source)
        except InvalidInputError as error:
            name = getattr(self.sources[source], "name", str)(frame)
            raise DatasetError(f"no sample can be made of frame {name} of data source {source}: {error}") from error

    def _frame(self, source: int, frame: int, origin: Origin) -> LabelledFrame:
        """A frame; tracked only where the tracker's landmarks are wanted, which costs more than all the rest."""
        frames = self.sources[source]
        if isinstance(frames, TrackedFrames) and origin != "tracked":
            return frames.source.frame(frame)
        return frames.frame(frame)


class Batches(Sampler[list[int]]):
    """Stream positions of one process's batches in an epoch.

    Args:
        batch_size: samples in a batch of all processes together.
        epoch_batches: batches in an epoch.
        done: says how many batches of the run are done; asked whenever an epoch begins or goes on.
        rank, world: this process and how many there are.

    Raises:
        ConfigError: the batch can't be divided among the processes.
    """

    def __init__(
        self, batch_size: int, epoch_batches: int, done: Callable[[], int], rank: int = 0, world: int = 1
    ) -> None:
        if batch_size % world:
            raise ConfigError(f"data.batch_size {batch_size} can't be divided among {world} processes")
        self.batch_size, self.epoch_batches, self.done = batch_size, epoch_batches, done
        self.share, self.rank = batch_size // world, rank

    def __len__(self) -> int:
        """Batches in a whole epoch."""
        return self.epoch_batches

    def __iter__(self) -> Iterator[list[int]]:
        """From the first batch that isn't done to the epoch's end."""
        start = self.done()
        for batch in range(start, (start // self.epoch_batches + 1) * self.epoch_batches):
            begin = batch * self.batch_size + self.rank * self.share
            yield list(range(begin, begin + self.share))


class Slices(Sampler[list[int]]):
    """Slices of the positions from 0 to ``count``.

    In slices of ``size``, of which this process takes every ``world``-th.
    """

    def __init__(self, count: int, size: int, rank: int = 0, world: int = 1) -> None:
        every = [list(range(begin, min(begin + size, count))) for begin in range(0, count, size)]
        self._mine = every[rank::world]

    def __len__(self) -> int:
        """How many slices this process takes."""
        return len(self._mine)

    def __iter__(self) -> Iterator[list[int]]:
        """In order."""
        return iter(self._mine)


def _pattern(ratios: Sequence[float], seed: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """(PATTERN,) which source each sample of a repeat comes from; every source at least once."""
    shares = np.asarray(ratios, np.float64)
    edges = np.round(np.cumsum(shares / shares.sum()) * PATTERN).astype(np.int64)
    counts = np.maximum(np.diff(edges, prepend=0), 1)
    counts[counts.argmax()] -= counts.sum() - PATTERN
    pattern = np.repeat(np.arange(len(counts)), counts)
    return np.random.default_rng([seed, 2]).permutation(pattern)


@lru_cache(maxsize=8)
def _order(seed: int, source: int, lap: int, size: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.random.default_rng([seed, 3, source, lap]).permutation(size)
