"""Suppression of Lightning's messages in commands.

They are for its own developers.
"""

from __future__ import annotations

import logging
import warnings


def quiet_lightning() -> None:
    """Keep Lightning's information and warnings to itself, in the whole process."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module="lightning")
