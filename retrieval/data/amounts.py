"""Values of attributes as amounts: "1,450 g" is 1.45 of what "2 kg" is 2 of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

NUMBER = re.compile(r"^\s*([-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)\s*(.*)$", re.DOTALL)
SCALES: Mapping[str, tuple[str, int]] = {
    "mg": ("g", -3), "g": ("g", 0), "kg": ("g", 3), "ml": ("l", -3), "cl": ("l", -2), "l": ("l", 0),
    "mm": ("m", -3), "cm": ("m", -2), "m": ("m", 0), "km": ("m", 3), "w": ("w", 0), "kw": ("w", 3),
}  # fmt: skip
"""Unit → the unit it is compared in, and the power of ten between them."""


def number_of(value: str) -> tuple[Decimal, str] | None:
    """Return the leading number and the unit of "1,450 g"; None if there is no number."""
    match = NUMBER.match(value)
    return (Decimal(match[1].replace(",", "")), match[2].strip()) if match else None


def amount_of(value: str) -> tuple[Decimal, str] | None:
    """Return an amount in the unit that it is compared in: "2 kg" is 2000 of "g"."""
    found = number_of(value)
    if found is None:
        return None
    unit, power = SCALES.get(found[1].casefold(), (found[1].casefold(), 0))
    return found[0].scaleb(power), unit
