"""``hoisdf evaluate``: how far estimates are off, frame by frame and in tables."""

from hoisdf_model.commands.evaluate.command import register

__all__ = ["register"]
