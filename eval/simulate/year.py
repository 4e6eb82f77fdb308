"""The simulated year: its days, hours, sale and promotion weeks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np

YEAR_STARTS = datetime(2025, 10, 1, tzinfo=UTC)
YEAR_ENDS = datetime(2026, 10, 1, tzinfo=UTC)

TRIAL_OFFER = "spring-trial-15"
TRIAL_DEPARTMENT = "Sleep"
TRIAL_FACTOR = Decimal("0.85")
TRIAL_STARTS = datetime(2026, 4, 20, tzinfo=UTC)
TRIAL_ENDS = datetime(2026, 5, 18, tzinfo=UTC)

SALE_STARTS = datetime(2026, 8, 24, tzinfo=UTC)
"""Before this day, products with a list price sold at it."""

_MONTHS = (0.75, 0.7, 0.85, 1.05, 1.3, 1.5, 1.55, 1.25, 0.95, 0.8, 1.1, 1.2)
"""Demand of the whole shop, January to December."""
_HOURS = np.cumsum([1, 1, 0, 0, 0, 1, 2, 4, 5, 6, 6, 7, 8, 7, 6, 6, 7, 8, 10, 13, 14, 12, 7, 3])
"""Cumulative demand by hour of the day, UTC."""


def day_table() -> np.ndarray:
    """Return cumulative demand by day of the year, shape (365,): seasons, weekends, gifts."""
    weights = []
    for offset in range((YEAR_ENDS - YEAR_STARTS).days):
        day = YEAR_STARTS + timedelta(days=offset)
        weekend = 1.35 if day.weekday() >= 5 else 1.0
        gifts = 1.5 if (11, 25) <= (day.month, day.day) <= (12, 18) else 1.0
        weights.append(_MONTHS[day.month - 1] * weekend * gifts)
    return np.cumsum(weights)


def draw_moment(days: np.ndarray, rng: np.random.Generator) -> datetime:
    """Draw a time by demand, never later than 23:00, so that a session ends on its day."""
    day = int(np.searchsorted(days, rng.random() * days[-1]))
    hour = int(np.searchsorted(_HOURS, rng.random() * _HOURS[-1]))
    seconds = min(hour * 3600 + int(rng.integers(3600)), 23 * 3600)
    return YEAR_STARTS + timedelta(days=day, seconds=seconds)
