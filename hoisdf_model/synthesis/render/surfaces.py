"""Surfaces of hands: mask number, reflectance of skin and cloth."""

from __future__ import annotations

from hoisdf_model.synthesis.render.renderer import Material

HAND = 255  # in the masks, as in DexYCB's; objects count from 1 in the sequence's order, the rest is 0
SKIN, CLOTH = Material(gloss=20, wrap=0.5), Material(gloss=8, wrap=0.25)
