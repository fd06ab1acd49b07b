"""Suppression of Lightning's messages in commands.

They are for its own developers.
"""

from __future__ import annotations

import logging
import warnings


def quiet_lightning() -> None:
    """Suppress Lightning's information and warnings, in the whole process."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module="lightning")
