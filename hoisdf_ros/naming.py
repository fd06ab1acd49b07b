"""Names of hands and objects on TF and in marker namespaces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from hoisdf_model.estimates import Estimate


def entity_names(estimate: Estimate) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Unique names of an estimate's hands and objects.

    Hands are ``hand_right``, objects have their own name; a second one of a name gets ``_2``.
    """
    hands = _numbered(f"hand_{hand.side}" for hand in estimate.hands)
    objects = _numbered(item.name or "object" for item in estimate.objects)
    return hands, objects


def _numbered(names: Iterable[str]) -> tuple[str, ...]:
    seen: Counter[str] = Counter()
    result = []
    for name in names:
        seen[name] += 1
        result.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return tuple(result)
