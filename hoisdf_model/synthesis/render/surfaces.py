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

"""Surfaces of hands: mask number, reflectance of skin and cloth."""

from __future__ import annotations

from hoisdf_model.synthesis.render.renderer import Material

HAND = 255  # in the masks, as in DexYCB's; objects count from 1 in the sequence's order, the rest is 0
SKIN, CLOTH = Material(gloss=20, wrap=0.5), Material(gloss=8, wrap=0.25)
