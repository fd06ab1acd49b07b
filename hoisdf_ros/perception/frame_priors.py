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
