"""Open hand: a procedural right hand in MANO's format (Apache-2.0)."""

from hoisdf_model.hand.open_hand.generator import STAGES, generate_open_hand

__all__ = ["STAGES", "generate_open_hand"]
