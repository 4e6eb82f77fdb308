"""Behaviour statistics counted again, event by event; no code is shared with the scorers.

Everything is kept as posting lists in plain sets: product → the baskets, visits and shoppers that
hold it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

from retrieval.config import BehaviourConfig
from retrieval.data.dataset import Dataset

COUNTED = ("view", "add_to_cart", "purchase")
Group = tuple[str, str]
Found = dict[str, Any]


class EventLog:
    """The events of known products, ready to be counted in."""

    def __init__(self, dataset: Dataset, config: BehaviourConfig) -> None:
        self._max_size = config.max_basket
        self._gap = timedelta(minutes=config.session_gap_minutes)
        known = set(dataset.products["product_id"])
        self._all = dataset.events.rows(named=True)  # by time
        self._events = [e for e in self._all if e["type"] in COUNTED and e["product_id"] in known]
        self._leaf_of = {
            name: " > ".join(path or ())
            for name, path in dataset.products.select("product_id", "category").iter_rows()
        }

    @cached_property
    def window(self) -> Found:
        """First and last day of the log, ISO dates."""
        days = [event["at"].date().isoformat() for event in self._all]
        return {"from": days[0], "to": days[-1]} if days else {"from": "", "to": ""}

    def in_category(self, path: str) -> frozenset[str]:
        """Return the products of a leaf category, by its whole path."""
        return frozenset(name for name, leaf in self._leaf_of.items() if leaf == path)

    def together(self, kind: str, anchors: Collection[str], others: Collection[str]) -> Found:
        """Count the baskets (or visits) with any of the anchors, of the others, of both."""
        holding, n = self._baskets if kind == "bought_together" else self._visits
        with_anchor, with_other = _any(holding, anchors), _any(holding, others)
        return _share(len(with_anchor & with_other), len(with_anchor), len(with_other), n)

    def next_after(self, anchor: str, other: str, within: int) -> Found:
        """Count the shoppers who bought the other at most `within` purchases after the anchor."""
        buyers = self._buyers
        after = sum(
            _follows(self._bought[shopper], anchor, other, within)
            for shopper in buyers[anchor] & buyers[other]
        )
        found = _share(after, len(buyers[anchor]), len(buyers[other]), len(self._bought))
        return {name: value for name, value in found.items() if name != "lift"}

    def popularity(self, product_id: str) -> Found:
        """Count the shoppers who bought a product."""
        return {"n_shoppers": len(self._buyers[product_id])}

    def own_history(self, shopper_id: str, product_ids: Collection[str]) -> Found:
        """Count what a shopper did with some products: purchases if any, else the latest kind."""
        mine = [e for e in self._own[shopper_id] if e["product_id"] in product_ids]
        bought = [e for e in mine if e["type"] == "purchase"]
        last = (bought or mine)[-1]
        count = sum(e["type"] == last["type"] for e in mine)
        return {"type": last["type"], "count": count, "last_at": last["at"].date().isoformat()}

    def repurchase(self, shopper_id: str, product_id: str) -> Found:
        """Count the days on which a shopper bought a product, and the mean gap between them."""
        days: set[date] = {
            e["at"].date()
            for e in self._own[shopper_id]
            if e["type"] == "purchase" and e["product_id"] == product_id
        }
        gaps = [(b - a).days for a, b in zip(sorted(days), sorted(days)[1:], strict=False)]
        return {
            "count": len(days),
            "every_days": f"{sum(gaps) / len(gaps):.0f}",
            "first_at": min(days).isoformat(),
            "last_at": max(days).isoformat(),
        }

    # posting lists

    @cached_property
    def _groups(self) -> tuple[dict[Group, set[str]], dict[Group, set[str]]]:
        """Return the products of each order and of each visit.

        Purchases without an order go by their visit; a visit without an id ends with a long gap.
        """
        last: dict[str, datetime] = {}
        number: dict[str, int] = defaultdict(int)
        orders: dict[Group, set[str]] = defaultdict(set)
        visits: dict[Group, set[str]] = defaultdict(set)
        for event in self._events:
            shopper, at = event["shopper_id"], event["at"]
            if shopper not in last or at - last[shopper] > self._gap:
                number[shopper] += 1
            last[shopper] = at
            visit = (shopper, event["session_id"] or f"#{number[shopper]}")
            visits[visit].add(event["product_id"])
            if event["type"] == "purchase":
                order = ("order", event["order_id"]) if event["order_id"] else visit
                orders[order].add(event["product_id"])
        return orders, visits

    @cached_property
    def _baskets(self) -> tuple[Mapping[str, set[Group]], int]:
        return _posted(self._groups[0], self._max_size)

    @cached_property
    def _visits(self) -> tuple[Mapping[str, set[Group]], int]:
        return _posted(self._groups[1], self._max_size)

    @cached_property
    def _own(self) -> Mapping[str, list[dict[str, Any]]]:
        own: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for event in self._events:
            own[event["shopper_id"]].append(event)
        return own

    @cached_property
    def _bought(self) -> Mapping[str, list[str]]:
        """Shopper → what was bought, in order."""
        bought: dict[str, list[str]] = defaultdict(list)
        for event in self._events:
            if event["type"] == "purchase":
                bought[event["shopper_id"]].append(event["product_id"])
        return bought

    @cached_property
    def _buyers(self) -> Mapping[str, set[str]]:
        buyers: dict[str, set[str]] = defaultdict(set)
        for shopper, products in self._bought.items():
            for product in products:
                buyers[product].add(shopper)
        return buyers


def _posted(
    groups: Mapping[Group, set[str]], max_size: int
) -> tuple[Mapping[str, set[Group]], int]:
    """Return product → the groups that hold it, and how many groups count; large ones do not."""
    holding: dict[str, set[Group]] = defaultdict(set)
    n = 0
    for name, products in groups.items():
        if len(products) <= max_size:
            n += 1
            for product in products:
                holding[product].add(name)
    return holding, n


def _any(holding: Mapping[str, set[Group]], products: Iterable[str]) -> set[Group]:
    return set().union(*(holding[p] for p in products if p in holding))


def _follows(bought: list[str], anchor: str, other: str, within: int) -> bool:
    places = [place for place, product in enumerate(bought) if product == anchor]
    return any(other in bought[place + 1 : place + 1 + within] for place in places)


def _share(count: int, n_anchor: int, n_other: int, n: int) -> Found:
    """Return the counts with share, Wilson interval and lift, written as evidence writes them."""
    from scipy.stats import binomtest

    interval = binomtest(count, n_anchor).proportion_ci(method="wilson") if n_anchor else None
    return {
        "count": count,
        "n_anchor": n_anchor,
        "n_other": n_other,
        "n": n,
        "confidence": f"{100 * (count / n_anchor):.1f}" if n_anchor else "0.0",
        "low": f"{100 * interval.low:.1f}" if interval else "0.0",
        "high": f"{100 * interval.high:.1f}" if interval else "0.0",
        "lift": f"{count * n / (n_anchor * n_other):.1f}" if n_anchor and n_other else "0.0",
    }
