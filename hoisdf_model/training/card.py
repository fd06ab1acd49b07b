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

"""Model card of exported weights: training, errors and limits."""

from __future__ import annotations

from collections import Counter
from typing import Any

import lightning

from hoisdf_model.network import Hoisdf
from hoisdf_model.training.config import TrainingConfig

ROWS = 12  # of the learning curve
SYNTHETIC = {"plays", "stills", "shards"}  # kinds of sources whose images are rendered


class History(lightning.Callback):
    """Callback that keeps every validation's errors, also over interruptions."""

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Record a validation."""
        row = {"step": float(trainer.global_step)}
        for name, value in trainer.callback_metrics.items():
            if name.startswith("validation/"):
                row[name.removeprefix("validation/")] = float(value)
        self.rows.append(row)

    def state_dict(self) -> dict[str, Any]:
        """State for the checkpoint."""
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state from the checkpoint."""
        self.rows = list(state_dict["rows"])


def model_card(config: TrainingConfig, network: Hoisdf, history: History, overfit: int = 0) -> str:
    """Model card as Markdown.

    ``overfit``: how many samples it was trained and validated on, 0: normally.
    """
    data, hand = config.data, network.hand_layer.model
    kinds = Counter(source.kind for source in data.sources)
    synthetic = set(kinds) <= SYNTHETIC
    parameters = sum(parameter.numel() for parameter in network.parameters())
    steps = int(history.rows[-1]["step"]) if history.rows else 0
    lines = [
        f"# {config.name}",
        "",
        f"Network `{network.config.name}`, {parameters / 1e6:.2f} million parameters; matrices stored as float16.",
        f"Hand model `{hand.name}` ({hand.hash}): joints, pose and shape are that model's.",
        "",
        "## Training",
        "",
        f"- data: {', '.join(f'{kind} x {count}' for kind, count in kinds.items())}; batches of {data.batch_size}",
        f"- {steps} steps of {config.optimiser.name}, learning rate {config.optimiser.learning_rate}, "
        f"schedule {config.optimiser.schedule}, losses `{config.losses.preset}`",
        "- everything else is in `config.yaml` and `record.yaml` beside this card",
        "",
        "## Validation" + (" (synthetic data)" if synthetic else ""),
        "",
        *_table(history.rows),
        "",
        "Wrist position and boxes were given. Joint errors are relative to the wrist, in mm.",
        "",
        "## Limits",
        "",
        *([f"- Trained and validated on the same {overfit} samples: it knows these by heart."] if overfit else []),
        *(["- Trained and validated on synthetic images only: nothing follows for photographs."] if synthetic else []),
        f"- Objects: only those of the training data ({_objects(config)}).",
        "- One hand and one object at a time; left hands are mirrored.",
        "",
        "## Licence",
        "",
        "The weights' licence is that of their training data and hand model; with the open hand and synthetic data "
        "that is the package's, Apache-2.0.",
        "",
    ]
    return "\n".join(lines)


def _table(rows: list[dict[str, float]]) -> list[str]:
    if not rows:
        return ["There was no validation."]
    names = [name for name in rows[-1] if name not in ("step", "loss")]
    shown = [rows[round(i * (len(rows) - 1) / max(min(ROWS, len(rows)) - 1, 1))] for i in range(min(ROWS, len(rows)))]
    head = ["| step | " + " | ".join(names) + " |", "|" + " --- |" * (len(names) + 1)]
    return head + [
        f"| {row['step']:.0f} | " + " | ".join(f"{row.get(name, float('nan')):.1f}" for name in names) + " |"
        for row in shown
    ]


def _objects(config: TrainingConfig) -> str:
    named = {name for source in config.data.sources for name in source.options.get("objects", ["the source's own"])}
    return ", ".join(sorted(named))
