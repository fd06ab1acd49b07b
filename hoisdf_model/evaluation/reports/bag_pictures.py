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

"""Best, median and worst frames of bags, as pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hoisdf_model.data.bags.labelled_source import BagFrames
from hoisdf_model.data.samples.preparation import PreparationConfig, prepare
from hoisdf_model.errors import BagError, InvalidInputError
from hoisdf_model.evaluation.metrics.models import Models
from hoisdf_model.evaluation.reports.frame_pictures import best_median_worst, sheet
from hoisdf_model.evaluation.runs.crop_pictures import Pixels
from hoisdf_model.evaluation.runs.records import Record


def bag_sheet(
    records: Sequence[Record], method: str, source: BagFrames, preparation: PreparationConfig, models: Models
) -> Pixels | None:
    """Picture sheet of records whose numbers are the source's moments.

    As ``pictures.sheet``.

    Frames that have no image (estimates may be recorded without), or whose true hand lies outside of it or isn't known
    but for its wrist, aren't shown.

    Returns:
        (H, W, 3) uint8 RGB; None where no frame can be shown.
    """
    shown = {record.frame: record for record in records}
    seen: dict[int, Record] = {}
    while True:
        picked = best_median_worst(list(shown.values()), method)
        new = [record for row in picked.values() for record in row if record.frame not in seen]
        if not new:
            break
        for record in new:
            try:
                frame = source.frame(record.frame)
                seen_whole = frame.hand is not None and bool(np.isfinite(frame.hand.joints).all())
                if seen_whole:
                    prepare(frame, preparation, 0)
            except (BagError, InvalidInputError):
                seen_whole = False
            if not seen_whole:
                del shown[record.frame]
            else:
                seen[record.frame] = record
    rows = {name: [seen[record.frame] for record in row] for name, row in picked.items()}
    return sheet(rows, method, source, preparation, models) if any(rows.values()) else None
