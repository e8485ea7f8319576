"""Numbers in files: what is none is a ValueError that says which field it is and what was expected."""

from __future__ import annotations

import math
from collections.abc import Mapping


def whole(text: str, field: str) -> int:
    """A whole number."""
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{field} is {text!r}; expected a whole number") from None


def real(text: str, field: str) -> float:
    """A finite number."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{field} is {text!r}; expected a number")
    return value


def probability(attributes: Mapping[str, str], field: str) -> float | None:
    """A probability from 0 to 1, None where there is none."""
    if field not in attributes:
        return None
    value = real(attributes[field], field)
    if not 0 <= value <= 1:
        raise ValueError(f"{field} is {attributes[field]!r}; expected a probability, 0 to 1")
    return value
