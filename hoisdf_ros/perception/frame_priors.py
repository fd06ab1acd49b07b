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

"""Priors of a frame from topics, parameters and services."""

from __future__ import annotations

from dataclasses import replace

from hoisdf_model.estimates import Prior, Regions
from hoisdf_model.estimation import priors_from_regions
from hoisdf_ros.perception.parameters import PerceptionParameters


def priors_for(regions: Regions | None, parameters: PerceptionParameters) -> tuple[Prior, ...] | None:
    """Priors for one frame.

    None leaves the search to the estimator; an empty tuple means that there is no hand.

    Regions win over the parameters' boxes; side and object name of the parameters fill in where they say nothing.
    """
    fixed, name = parameters.regions.prior(), parameters.object.name or None
    if regions is not None:
        return tuple(
            replace(prior, side=prior.side or fixed.side, object_name=prior.object_name or name)
            for prior in priors_from_regions(regions)
        )
    if fixed.hand_box is None and fixed.object_box is None and fixed.side is None and name is None:
        return None
    return (replace(fixed, object_name=name),)
