"""Checks of offers on an open store: complements found, offers of the right kind, exact bundles."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.cli import progress
from eval.results import Floor, System, TaskResult
from eval.runs import write_qrels, write_run
from eval.truth import Truth
from retrieval.behaviour.base import PURCHASE
from retrieval.offers.bundle import BundleItem, BundleRules, solve
from retrieval.pipeline import Recommender
from retrieval.query import Constraints, OfferKind, Query
from retrieval.slate import Bundle, Slate
from retrieval.store import Store

K = 10
Floats = NDArray[np.float64]
Ask = Callable[[str], list[str]]


def ask_slate(recommender: Recommender, anchor: str, kind: OfferKind, k: int = K) -> Slate:
    """Return the slate of one kind for one product."""
    query = Query(query_id=f"{kind}:{anchor}", anchors=(anchor,), offer_kind=kind, k=k)
    return recommender.recommend(query)


def complements_task(
    recommender: Recommender, truth: Truth, *, seed: int, out: Path, data_hash: str, n: int | None
) -> TaskResult:
    """Are planted complements found, and is nothing offered a substitute of the anchor?"""
    store = recommender.store
    catalogue = store.catalogue
    anchors = [a for a in sorted(truth.complements) if a in catalogue][:n]
    wanted = {a: {c for c in truth.complements[a] if c in catalogue} for a in anchors}
    anchors = [a for a in anchors if wanted[a]]
    systems: dict[str, Ask] = {
        "random": _random(store, seed),
        "popularity": _popular(store),
        "co-purchase count": _together(store),
        "ours: cross-sell": lambda a: [
            s.product_id for s in ask_slate(recommender, a, "cross_sell").suggestions
        ],
    }
    measured = []

    def no_bond(anchor: str, shown: list[str]) -> float:
        return _share(shown, lambda p: not truth.is_bond(catalogue, anchor, p))

    def substitute(anchor: str, shown: list[str]) -> float:
        return _share(shown, lambda p: p in truth.substitutes.get(anchor, ()))

    for name, ask in systems.items():
        lists = {a: ask(a) for a in progress(anchors, name, len(anchors))}
        values = {
            "R@10": _mean(lists, lambda a, shown: len(set(shown) & wanted[a]) / len(wanted[a])),
            "P@10": _mean(lists, lambda a, shown: len(set(shown) & wanted[a]) / K),
            "false rules@10": _mean(lists, no_bond),
            "substitutes@10": _mean(lists, substitute),
        }
        measured.append(System(name=name, values=values, is_baseline=not name.startswith("ours")))
        label = name.replace("ours: ", "ours-").replace(" ", "-")
        run = {a: {p: float(K - i) for i, p in enumerate(shown)} for a, shown in lists.items()}
        write_run(run, out / "complements" / f"{label}.run.gz", system=label)
    write_qrels(
        {a: dict.fromkeys(wanted[a], 1) for a in anchors}, out / "complements" / "qrels.txt"
    )
    return TaskResult(
        name="complements",
        question="Beside one product of the simulated store: are its planted complements shown?",
        split="all planted anchors; the store is fitted on its whole log, the truth is never read",
        data_hash=data_hash,
        systems=measured,
        ours="ours: cross-sell",
        headline="R@10",
        floors=(
            Floor(measure="substitutes@10", value=0.0, source="none may be shown", is_upper=True),
        ),
        notes=(
            "R@10: share of the planted complements shown. false rules@10: share of the shown with "
            "no planted bond between the two products or their leaves. substitutes@10: share of "
            "the shown that are planted substitutes.",
        ),
    )


def upsell_task(
    recommender: Recommender, truth: Truth, *, data_hash: str, n: int | None
) -> TaskResult:
    """Is every step up of the same category, dearer, and no complement?"""
    catalogue = recommender.store.catalogue
    anchors = [a for a in sorted(truth.substitutes) if a in catalogue][:n]
    lists = {
        a: [s.product_id for s in ask_slate(recommender, a, "upsell").suggestions]
        for a in progress(anchors, "upsell", len(anchors))
    }

    def is_dearer(anchor: str, other: str) -> bool:
        low, high = catalogue[anchor].price, catalogue[other].price
        return low is not None and high is not None and high > low

    values = {
        "complements@10": _mean(
            lists,
            lambda a, shown: _share(
                shown,
                lambda p: (
                    p in truth.complements.get(a, ())
                    or catalogue[p].category != catalogue[a].category
                ),
            ),
        ),
        "not dearer@10": _mean(lists, lambda a, s: _share(s, lambda p: not is_dearer(a, p))),
        "answered": _mean(lists, lambda a, shown: float(bool(shown))),
    }
    return TaskResult(
        name="upsell",
        question="A better one of the same need: is it of the same category, and dearer?",
        split="all products with planted substitutes",
        data_hash=data_hash,
        systems=[System(name="ours: upsell", values=values, is_baseline=False)],
        ours="ours: upsell",
        headline="complements@10",
        floors=(
            Floor(measure="complements@10", value=0.0, source="none may be shown", is_upper=True),
            Floor(measure="not dearer@10", value=0.0, source="none may be shown", is_upper=True),
        ),
        notes=("Products without a better one have an empty list: see `answered`.",),
    )


def bundle_task(recommender: Recommender, *, seed: int, n: int, data_hash: str) -> TaskResult:
    """Do bundles keep every constraint, and are they the best there are?"""
    rng = np.random.default_rng(seed)
    catalogue = recommender.store.catalogue
    broken, answered = [], []
    for i in progress(range(n), "bundles", n):
        constraints = random_constraints(recommender.store, rng)
        slate = recommender.recommend(
            Query(query_id=f"bundle{i}", offer_kind="bundle", constraints=constraints)
        )
        answered.append(float(bool(slate.bundles)))
        broken.append(
            float(any(violations(b, constraints, recommender.store) for b in slate.bundles))
        )
    exact = [float(is_optimal(*random_instance(catalogue.price, rng))) for _ in range(n)]
    ours = System(
        name="ours: bundle",
        values={
            "violations": np.array(broken),
            "answered": np.array(answered),
            "optimal": np.array(exact),
        },
        is_baseline=False,
    )
    return TaskResult(
        name="bundles",
        question="Bundles under a total, must-haves, exclusions and stock: kept, and exact?",
        split=f"{n} random sets of constraints; {n} random instances of 12 products, enumerated",
        data_hash=data_hash,
        systems=[ours],
        ours=ours.name,
        headline="optimal",
        floors=(
            Floor(measure="violations", value=0.0, source="none are allowed", is_upper=True),
            Floor(measure="optimal", value=1.0, source="brute force over all subsets"),
        ),
    )


def random_constraints(store: Store, rng: np.random.Generator) -> Constraints:
    """Draw a total, perhaps a must-have, perhaps exclusions, perhaps "in stock"."""
    catalogue = store.catalogue
    ids = catalogue.product_ids
    price = np.nanmedian(catalogue.price) / 100
    excluded = [ids[int(i)] for i in rng.integers(len(ids), size=20)]
    must = tuple(ids[int(i)] for i in rng.integers(len(ids), size=rng.integers(0, 2)))
    return Constraints(
        total_max=Decimal(str(round(float(price * rng.uniform(1.0, 8.0)), 2))),
        min_items=2,
        max_items=int(rng.integers(2, 6)),
        must_include=must,
        exclude=tuple(p for p in excluded if p not in must),
        in_stock=True if rng.random() < 0.5 else None,
    )  # fmt: skip


def violations(bundle: Bundle, constraints: Constraints, store: Store) -> list[str]:
    """Return what a bundle breaks, counted from the products themselves."""
    products = [store.catalogue[product_id] for product_id in bundle.product_ids]
    total = sum((product.price or Decimal(0) for product in products), Decimal(0))
    least, most = constraints.min_items or 2, constraints.max_items or 6
    found = {
        "total": constraints.total_max is not None and total > constraints.total_max,
        "stated total": total != bundle.total,
        "no price": any(product.price is None for product in products),
        "size": not least <= len(products) <= most,
        "twice": len(set(bundle.product_ids)) != len(products),
        "must-have": not set(constraints.must_include) <= set(bundle.product_ids),
        "excluded": bool(set(constraints.exclude) & set(bundle.product_ids)),
        "stock": bool(constraints.in_stock) and any(not product.stock for product in products),
        "sold out": any(product.stock == 0 for product in products),
    }
    return [name for name, is_broken in found.items() if is_broken]


def random_instance(
    price: NDArray[np.float64], rng: np.random.Generator, n_items: int = 12
) -> tuple[list[BundleItem], BundleRules]:
    """Draw products with their real prices, random scores and roles, and rules."""
    known = price[np.isfinite(price)]
    chosen = rng.choice(known, size=n_items)
    items = [
        BundleItem(
            row=row,
            price=int(minor),
            score=float(rng.random()),
            role=int(rng.integers(0, 6)),
            margin=float(rng.uniform(0.1, 0.6)),
            required=row == 0 and rng.random() < 0.3,
        )
        for row, minor in enumerate(chosen)
    ]
    total = Decimal(int(np.median(chosen) * rng.uniform(1.0, 5.0))) / 100
    margin = Decimal("0.3") if rng.random() < 0.3 else None
    return items, BundleRules(total_max=total, max_items=int(rng.integers(2, 5)), margin_min=margin)


def is_optimal(items: Sequence[BundleItem], rules: BundleRules) -> bool:
    """Whether the solver's bundle is as good as the best of all subsets (or both have none)."""
    best = None
    for size in range(rules.min_items, rules.max_items + 1):
        for chosen in itertools.combinations(items, size):
            if _fits(chosen, items, rules):
                value = sum(item.score for item in chosen)
                best = value if best is None else max(best, value)
    found = solve(items, rules)
    if best is None or found is None:
        return best is None and found is None
    picked = [item for item in items if item.row in found.rows]
    return _fits(picked, items, rules) and abs(found.value - best) < 1e-4


def _fits(chosen: Sequence[BundleItem], items: Sequence[BundleItem], rules: BundleRules) -> bool:
    total = sum(item.price for item in chosen)
    roles = [item.role for item in chosen if item.role >= 0]
    margin = sum((item.margin or 0.0) * item.price for item in chosen)
    return (
        all(item in chosen for item in items if item.required)
        and (rules.total_max is None or total <= rules.total_max * 100)
        and len(set(roles)) == len(roles)
        and (rules.margin_min is None or margin >= float(rules.margin_min) * total - 1e-9)
    )


def _share(shown: Sequence[str], is_bad: Callable[[str], bool]) -> float:
    return sum(map(is_bad, shown)) / len(shown) if shown else 0.0


def _mean(lists: dict[str, list[str]], value: Callable[[str, list[str]], float]) -> Floats:
    return np.array([value(anchor, shown) for anchor, shown in lists.items()])


def _random(store: Store, seed: int) -> Ask:
    rng = np.random.default_rng(seed)
    ids = store.catalogue.product_ids
    return lambda anchor: [ids[int(i)] for i in rng.choice(len(ids), min(K, len(ids)), False)]


def _popular(store: Store) -> Ask:
    bought = store.behaviour.interactions.only(PURCHASE)
    counts = np.bincount(bought.product, minlength=len(store.catalogue))
    top = [store.catalogue.product_ids[int(i)] for i in np.argsort(-counts, kind="stable")]
    return lambda anchor: [p for p in top[: K + 1] if p != anchor][:K]


def _together(store: Store) -> Ask:
    bought = store.behaviour.interactions.only(PURCHASE)
    baskets = bought.groups(bought.basket, 1_000)
    together = (baskets.T @ baskets).tolil()
    together.setdiag(0)
    counts = together.tocsr()
    ids = store.catalogue.product_ids

    def ask(anchor: str) -> list[str]:
        row = counts[[store.catalogue.row(anchor)], :].toarray().ravel()
        best = np.argsort(-row, kind="stable")[:K]
        return [ids[int(i)] for i in best if row[i] > 0]

    return ask
