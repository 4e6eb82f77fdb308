"""New products and new shoppers: what is left of the ranking when behaviour is silent.

    python -m eval.run_cold --store var/stores/outfitter --sample var/samples/outfitter

The shop is built twice from what lies before its last 15 % of baskets (`eval.cold_shops`): knowing
all products, and with a seeded 15 % of them new: no event, no review, no rating. Questions are made
of what was bought, looked at and searched for later where the answer is a new product, and asked of
both shops alike. The share is nDCG@10 in the shop where the answer is new by nDCG@10 in the shop
that knows it. All other products stay in the race. `leaf nDCG@10` ranks the answer among its leaf
category alone. Nothing is read from the planted truth.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from eval.cli import RunOptions, options, parser, progress, say
from eval.cold_shops import ColdShops, make_shops
from eval.finish import finish
from eval.measures import Floats, single_target
from eval.results import System, TaskResult
from retrieval.behaviour.base import PURCHASE, Context
from retrieval.behaviour.fitting import make_scorer
from retrieval.candidates import source_scores
from retrieval.eligibility import eligible
from retrieval.errors import ShopError
from retrieval.pipeline import Recommender
from retrieval.plan import Plan
from retrieval.query import Query
from retrieval.relatives import Relatives
from retrieval.store import Store
from retrieval.tuning.questions import hold_out

TASKS = ("basket", "cross_sell", "next_product", "similar", "search")
N_CASES = 200
"""Questions of each task at most, evenly spread over time."""
LONGEST = 50
SESSIONS = (1, 2, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A question and the product that was taken."""

    query: Query
    taken: str


Ask = Callable[[Store, Plan], NDArray[np.float64]]
"""Scores of all products, shape (n_products,); 0 is not ranked."""


def run(asked: RunOptions, sample: Path, work: Path, *, groups: bool) -> int:
    """Build both shops, ask, and write the outputs."""
    shops = make_shops(sample, asked.store, work, seed=asked.seed, groups=groups)
    warm, cold = Store.open(shops.warm), Store.open(shops.cold)
    alone = _without_relatives(cold)
    later = _of_visits(asked.store, asked.seed)
    results = []
    for task in TASKS:
        for is_new in (True, False):
            if task in later:
                cases = [c for c in later[task] if (c.taken in shops.new) == is_new]
                cases = [c for c in cases if not set(c.query.anchors) & shops.new]
            else:
                cases = list(_cases(shops, task, cold, asked.seed, is_new=is_new))
            cases = _spread(cases)
            systems: dict[str, tuple[Store, Ask]] = {
                "knows the product": (warm, full),
                "ours": (cold, full),
                "ours without relatives": (alone, full),
                "content alone": (cold, content),
                "popularity of the category": (cold, category),
            }
            results.append(_asked(task, cases, systems, shops, is_new=is_new, seed=asked.seed))
    results.append(_new_shoppers(shops, warm, asked.seed))
    for store in (warm, cold):
        store.close()
    return finish(asked, results, title="Cold start", summary=(__doc__ or "").split("\n\n")[2])


def _asked(
    task: str,
    cases: Sequence[Case],
    systems: dict[str, tuple[Store, Ask]],
    shops: ColdShops,
    *,
    is_new: bool,
    seed: int,
) -> TaskResult:
    found = {
        name: _measure(store, ask, cases, f"{task}: {name}")
        for name, (store, ask) in systems.items()
    }
    notes = []
    if is_new:
        warm = found["knows the product"]
        for name in list(found)[1:]:
            for measure in ("nDCG@10", "leaf nDCG@10"):
                share, low, high = ratio(found[name][measure], warm[measure], seed)
                notes.append(f"{name}: {measure} {share:.3f} of warm ({low:.3f} to {high:.3f})")
    kind = "new" if is_new else "known"
    for line in notes:
        say(f"{task}: {line}")
    return TaskResult(
        name=f"{task}, {kind} products",
        question=f"Answer is a {kind} product ({len(cases)} questions)",
        split="by time: the last 15 % of baskets; 15 % of the products new, seeded",
        data_hash=shops.cut,
        systems=[
            System(name=name, values=values, config={}, is_baseline=not name.startswith("ours"))
            for name, values in found.items()
        ],
        ours="ours",
        headline="nDCG@10",
        notes=notes,
    )


def ratio(this: Floats, that: Floats, seed: int) -> tuple[float, float, float]:
    """Return the ratio of two means over the same questions, with its bootstrap interval."""
    rng = np.random.default_rng(seed)
    drawn = rng.integers(len(this), size=(2_000, len(this)))
    shares = this[drawn].mean(axis=1) / np.maximum(that[drawn].mean(axis=1), 1e-12)
    low, high = np.quantile(shares, [0.025, 0.975])
    return float(this.mean() / max(float(that.mean()), 1e-12)), float(low), float(high)


# Questions ----------------------------------------------------------------------------------------


def _cases(shops: ColdShops, task: str, store: Store, seed: int, *, is_new: bool) -> Iterator[Case]:
    """One product of a later basket is the answer; the rest, or the past, is what is asked with."""
    rng = np.random.default_rng(seed)
    catalogue = store.catalogue
    leaf = {p: catalogue.products[catalogue.row(p)].leaf for p in catalogue.product_ids}
    for basket in shops.baskets:
        fitting = [p for p in basket.product_ids if p in leaf and (p in shops.new) == is_new]
        if not fitting:
            continue
        taken = fitting[int(rng.integers(len(fitting)))]
        rest = tuple(p for p in basket.product_ids if p != taken)
        if task == "next_product":
            past = tuple(p for p in shops.past.get(basket.shopper_id, ()) if p not in shops.new)
            if past:
                query = Query(query_id=basket.order_id, history=past[-LONGEST:], k=10)
                yield Case(query=query, taken=taken)
        elif rest and (task == "basket" or all(leaf.get(p) != leaf[taken] for p in rest)):
            query = Query(query_id=basket.order_id, basket=rest, k=10)
            if task == "cross_sell":
                query = query.model_copy(update={"offer_kind": "cross_sell"})
            yield Case(query=query, taken=taken)


def _of_visits(store: Path, seed: int) -> dict[str, list[Case]]:
    """Return what was looked at next, and what answered a search, after the same cut."""
    with closing(Store.open(store)) as whole:
        held = hold_out(
            whole.dataset, whole.behaviour.interactions, seed=seed, max_questions=sys.maxsize
        )
        ids = whole.catalogue.product_ids
        return {
            task: [Case(query=q.query, taken=ids[q.taken]) for q in held.questions[task]]
            for task in ("similar", "search")
        }


def _spread(cases: Sequence[Case]) -> list[Case]:
    step = max(1.0, len(cases) / N_CASES)
    return [cases[int(i * step)] for i in range(min(N_CASES, len(cases)))]


# Ways to rank -------------------------------------------------------------------------------------


def full(store: Store, plan: Plan) -> NDArray[np.float64]:
    """What the shop ranks, before places are held back for variety."""
    scores = np.zeros(len(store.catalogue))
    for candidate in Recommender(store).ranked(plan):
        scores[candidate.row] = max(candidate.score, 1e-9)
    return scores


def content(store: Store, plan: Plan) -> NDArray[np.float64]:
    """Likeness of texts to what is named."""
    found = source_scores(store, plan, "semantic")
    return np.zeros(len(store.catalogue)) if found is None else np.asarray(found, np.float64)


def category(store: Store, plan: Plan) -> NDArray[np.float64]:
    """Purchases of a product's leaf category; its products tie."""
    log, leaf = store.behaviour.interactions, store.catalogue.leaf_code
    bought = log.only(PURCHASE).product
    counts = np.bincount(leaf[bought] + 1, minlength=int(leaf.max()) + 2)
    return counts[leaf + 1].astype(np.float64)


def _measure(store: Store, ask: Ask, cases: Sequence[Case], label: str) -> dict[str, Floats]:
    recommender = Recommender(store)
    ranks, in_leaf = np.zeros(len(cases)), np.zeros(len(cases))
    leaf = store.catalogue.leaf_code
    for i, case in enumerate(progress(cases, label, len(cases))):
        plan = recommender.plan(case.query)
        scores = np.where(eligible(store, plan), ask(store, plan), 0.0)
        taken = store.catalogue.row(case.taken)
        ranks[i] = rank_of(scores, taken)
        in_leaf[i] = rank_of(np.where(leaf == leaf[taken], scores, 0.0), taken)
    leaf_gain = single_target(in_leaf)["nDCG@10"]
    return {**single_target(ranks), "leaf nDCG@10": leaf_gain}


def rank_of(scores: NDArray[np.float64], taken: int) -> float:
    """Return the rank of a product, ties at their middle; infinite if it is not ranked."""
    own = scores[taken]
    if own <= 0:
        return float("inf")
    return float((scores > own).sum()) + (float((scores == own).sum()) + 1) / 2


def _without_relatives(store: Store) -> Store:
    made = replace(store)
    found = store.relatives
    nobody = Relatives(
        rows=found.rows[:0],
        shares=csr_array((0, len(store.catalogue)), dtype=np.float64),
        n_events=found.n_events,
    )
    made.__dict__["relatives"] = nobody  # the derived value alone, nothing else differs
    return made


# New shoppers -------------------------------------------------------------------------------------


def _new_shoppers(shops: ColdShops, store: Store, seed: int) -> TaskResult:
    """Nobody is named: the last views of a visit say what else is bought in it."""
    rng = np.random.default_rng(seed)
    cases: list[tuple[tuple[str, ...], str]] = []
    for basket in shops.baskets:
        viewed = tuple(dict.fromkeys(reversed(basket.viewed)))[: max(SESSIONS)][::-1]
        others = [p for p in basket.product_ids if p not in viewed and p in store.catalogue]
        if len(viewed) == max(SESSIONS) and others:
            cases.append((viewed, others[int(rng.integers(len(others)))]))
    step = max(1.0, len(cases) / N_CASES)
    cases = [cases[int(i * step)] for i in range(min(N_CASES, len(cases)))]
    segment = make_scorer("segment_popularity", store.catalogue, store.config)
    segment.fit(store.behaviour.interactions)

    def by_segment(_: Store, plan: Plan) -> NDArray[np.float64]:
        return np.asarray(segment.score(plan.context), np.float64)

    def by_popularity(opened: Store, plan: Plan) -> NDArray[np.float64]:
        return np.asarray(opened.behaviour.popularity.score(Context()), np.float64)

    def of(n: int) -> list[Case]:
        return [
            Case(query=Query(query_id=str(i), history=viewed[-n:], k=10), taken=taken)
            for i, (viewed, taken) in enumerate(cases)
        ]

    rungs = {f"session of {n}": _measure(store, full, of(n), f"session of {n}") for n in SESSIONS}
    popular = _measure(store, by_popularity, of(max(SESSIONS)), "popular")
    segments = _measure(store, by_segment, of(max(SESSIONS)), "segment")
    found = {"popular": popular, "segment": segments, **rungs}
    return TaskResult(
        name="new shoppers",
        question=f"What does a visitor buy beside what was viewed? ({len(cases)} visits)",
        split="by time: the last 15 % of baskets; nobody is named",
        data_hash=shops.cut,
        systems=[
            System(name=name, values=values, config={}, is_baseline=name == "popular")
            for name, values in found.items()
        ],
        ours=f"session of {max(SESSIONS)}",
        headline="nDCG@10",
        notes=["What the three views hold is no answer in any of the rungs."],
    )


def main() -> int:
    """Run the command and return its exit status."""
    made = parser("cold", __doc__ or "")
    made.add_argument("--sample", type=Path, default=Path("var/samples/outfitter"))
    made.add_argument("--work", type=Path, default=Path("var/cold"), help="where shops are built")
    made.add_argument("--groups", action="store_true", help="make whole item groups new")
    arguments = made.parse_args()
    try:
        asked = options("cold", arguments)
        return run(asked, arguments.sample, arguments.work, groups=arguments.groups)
    except ShopError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
