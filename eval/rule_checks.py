"""What each test declares among a store's baskets, held against the planted truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from eval.results import Floor, System, TaskResult
from eval.truth import Truth
from retrieval.behaviour.discovery import adjusted, chance_p, stratified_p
from retrieval.behaviour.rules import PairRules
from retrieval.data.dataset import Catalogue

OURS = "ours: categories first, what a third explains taken out (BH)"
RATE = 0.05
ENOUGH = 0.8
"""Power from which a planted pair has enough data."""
BANDS = ((0.0, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 0.95), (0.95, 1.0))
LARGEST_SIZE = 5
"""Baskets of so many products or more are one stratum."""
TIMES = (1, 1.5, 2, 3, 4, 6, 8, 12)
"""Multiples of the log that power is worked out for."""

Pairs = NDArray[np.int64]
"""Rows of the catalogue, shape (n, 2), the lower first."""


def rules_task(
    baskets: csr_array,
    catalogue: Catalogue,
    truth: Truth,
    rates: Mapping[tuple[str, str], float],
    *,
    least: int,
    data_hash: str,
) -> TaskResult:
    """Return recovery over planted pairs and the false share of the declared, for every test."""
    rules = PairRules(catalogue.leaf_code).fit(baskets)
    declared = declared_by(baskets, catalogue.leaf_code, rules, least=least)
    planted = planted_pairs(catalogue, rates)
    power = powers(baskets, rules, list(planted.values()))
    enough = power >= ENOUGH
    ids = catalogue.product_ids
    systems = []
    for name, pairs in declared.items():
        found = {(int(a), int(b)) for a, b in pairs}
        hits = np.array([pair in found for pair in planted], float)
        false = [not truth.is_bond(catalogue, ids[a], ids[b]) for a, b in sorted(found)]
        values = {
            "recovered": hits[enough],
            "recovered of all": hits,
            "false rules": np.array(false, float),
        }
        systems.append(
            System(name=name, values=values, config={"declared": len(found)}, is_baseline=False)
        )
    ours = next(s for s in systems if s.name == OURS).values["recovered of all"]
    facts: dict[str, float | int] = {}
    for low, high in BANDS:
        inside = (power >= low) & ((power < high) | (high == 1.0))
        if inside.any():
            name = f"recovered, power {low:.2f} to {high:.2f} ({int(inside.sum())} pairs)"
            facts[name] = float(ours[inside].mean())
    facts |= {f"declared: {s.name}": int(s.config["declared"]) for s in systems}
    facts["planted pairs"] = len(planted)
    facts["planted pairs with enough data"] = int(enough.sum())
    facts["times this log for enough data at 90 % of the pairs"] = log_needed(
        baskets, rules, list(planted.values())
    )
    return TaskResult(
        name="rules",
        question="Which pairs are bought together more than chance and company explain?",
        split="the whole log of the simulated store; the truth is read by this evaluation only",
        data_hash=data_hash,
        systems=systems,
        ours=OURS,
        headline="recovered",
        floors=(
            Floor(measure="recovered", value=0.90, source="the bar"),
            Floor(measure="false rules", value=0.05, source="the bar", is_upper=True),
        ),
        facts=facts,
        notes=(
            f"recovered: of the planted pairs with enough data (power at least {ENOUGH}). false "
            "rules: share of the declared with no planted bond of the products nor their leaves.",
        ),
    )


def declared_by(
    baskets: csr_array, code: NDArray[np.int64], rules: PairRules, *, least: int
) -> dict[str, Pairs]:
    """Return the pairs that each test declares."""
    n = baskets.shape[0]
    held = np.asarray(baskets.sum(axis=0)).ravel().astype(np.int64)
    common = csr_array(baskets.T @ baskets).tocoo()
    keep = (common.row < common.col) & (common.data >= 2) & (code[common.row] != code[common.col])
    pairs = np.stack([common.row[keep], common.col[keep]], axis=1).astype(np.int64)
    count = np.rint(common.data[keep]).astype(np.int64)
    a, b = held[pairs[:, 0]], held[pairs[:, 1]]
    p = chance_p(count, a, b, n)
    sizes = np.bincount(code[held > 0])
    family = int(sizes.sum() ** 2 - (sizes**2).sum()) // 2
    sized = size_p(baskets, pairs, count)
    plain = PairRules(rules.code, explain=False).fit(baskets)
    by = PairRules(rules.code, method="by").fit(baskets)
    return {
        f"count of {least} or more, above chance": pairs[(count >= least) & (count * n > a * b)],
        "Fisher, BH over the pairs seen twice": pairs[adjusted(p) <= RATE],
        "Fisher, BH over all pairs": pairs[adjusted(p, family) <= RATE],
        "Fisher, BY over all pairs": pairs[adjusted(p, family, "by") <= RATE],
        "basket-size strata, BH over all pairs": pairs[adjusted(sized, family) <= RATE],
        "categories first, nothing explained (BH 5 %)": plain.declared(),
        "ours with BY": by.declared(),
        OURS: rules.declared(),
    }


def size_p(baskets: csr_array, pairs: Pairs, count: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return exact p-values where pairs are compared within baskets of one size."""
    size = np.minimum(np.diff(baskets.indptr), LARGEST_SIZE)
    strata = [baskets[size == s] for s in range(1, LARGEST_SIZE + 1)]
    held = [np.asarray(s.sum(axis=0)).ravel().astype(int) for s in strata]
    return np.array(
        [
            stratified_p(
                int(c),
                [(int(h[a]), int(h[b]), s.shape[0]) for h, s in zip(held, strata, strict=True)],
            )
            for (a, b), c in zip(pairs, count, strict=True)
        ]
    )


def planted_pairs(
    catalogue: Catalogue, rates: Mapping[tuple[str, str], float]
) -> dict[tuple[int, int], list[tuple[int, int, float]]]:
    """Return each planted pair, the lower row first, with its (anchor, complement, chance)."""
    found: dict[tuple[int, int], list[tuple[int, int, float]]] = {}
    for (anchor, other), rate in sorted(rates.items()):
        if anchor in catalogue and other in catalogue:
            a, b = catalogue.row(anchor), catalogue.row(other)
            found.setdefault((min(a, b), max(a, b)), []).append((a, b, rate))
    return found


def powers(
    baskets: csr_array,
    rules: PairRules,
    planted: Sequence[Sequence[tuple[int, int, float]]],
    times: float = 1.0,
) -> NDArray[np.float64]:
    """Return each planted pair's power with a log so many times as long.

    Every basket with the anchor is taken to bring the complement at its planted rate, beside what
    chance brings. That is more than a basket does which the anchor did not begin, so the power is
    rather too high than too low. The threshold is the largest p that was declared.
    """
    from scipy.stats import binom, hypergeom

    n = round(baskets.shape[0] * times)
    held = np.rint(np.asarray(baskets.sum(axis=0)).ravel() * times).astype(int)
    kept = rules.products.q <= RATE
    threshold = float(rules.products.p[kept].max(initial=RATE / max(1, rules.products.family)))
    found = []
    for ways in planted:
        missed = 1.0
        for anchor, other, rate in ways:
            need = max(2, int(hypergeom.isf(threshold, n, held[anchor], held[other])) + 1)
            missed *= binom.cdf(need - 1, held[anchor], rate + (1 - rate) * held[other] / n)
        found.append(1 - missed)
    return np.array(found)


def log_needed(
    baskets: csr_array, rules: PairRules, planted: Sequence[Sequence[tuple[int, int, float]]]
) -> float:
    """Return the smallest of `TIMES` at which nine planted pairs of ten have enough power."""
    for times in TIMES:
        if float((powers(baskets, rules, planted, times) >= ENOUGH).mean()) >= 0.9:
            return times
    return float("inf")
