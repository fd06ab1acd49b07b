"""``hoisdf estimate``: images and videos -> JSON, overlays and meshes."""

from hoisdf_model.commands.estimate.command import register

__all__ = ["register"]
