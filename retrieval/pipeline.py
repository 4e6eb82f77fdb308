"""MAIN FLOW 1: query → slate.

    plan → constraints → candidates → ranking → diversification → offers → evidence

Each step is one call, timed under its name. The same query on the same store gives the same slate.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from retrieval.candidates import generate
from retrieval.deals import deals
from retrieval.eligibility import eligible
from retrieval.evidence import Evidence
from retrieval.filters import Mask, allowed
from retrieval.ladder import product_rung, shopper_rung
from retrieval.offers.bundle import Solution, options
from retrieval.offers.bundling import Pool, make_pool, margin_of, no_bundle, ties_inside
from retrieval.offers.cross_sell import convincing
from retrieval.offers.upsell import Upgrade, upgrades_of
from retrieval.placement import place
from retrieval.plan import Plan, make_plan, moment, weights_of
from retrieval.query import Constraints, OfferKind, Query
from retrieval.ranking import Ranking, rank_candidates
from retrieval.reasons import nothing_fits, reasons_for
from retrieval.records import Records
from retrieval.reranking import diversify, vary
from retrieval.slate import Bundle, Candidate, Slate, Suggestion
from retrieval.store import Store
from retrieval.why import Part, Why, explain_place
from retrieval.why_not import WhyNot, explain

__all__ = ["Clock", "Part", "Recommender", "Why", "WhyNot"]

NEEDS_ANCHOR = ("cross_sell", "similar", "upsell", "basket")
ENOUGH = 20
"""Candidates made for each place of a slate: variants and variety take some away."""
MIXED: tuple[OfferKind, ...] = ("cross_sell", "upsell", "similar")
"""A mixed slate: complements, then a step up, then alternatives, each a third."""


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """All that may be shown for a plan, best first."""

    candidates: Sequence[Candidate]
    upgrades: Mapping[int, Upgrade] = field(default_factory=dict)
    """Row to what is gained and lost; upsell only."""
    notes: tuple[str, ...] = ()
    moved: frozenset[int] = frozenset()
    """Rows that the shop's own interest put higher."""


class Recommender:
    """Answers queries from one open store. Holds no state between queries; safe from threads."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.records = Records(store)

    def recommend(self, query: Query) -> Slate:
        """Return the slate for a query; unknown ids become notes."""
        clock = Clock()
        with clock.stage("plan"):
            plan = self.plan(query)
        if plan.task == "any":
            slate = self._mixed(plan, clock)
        elif plan.task == "bundle":
            slate = self._bundles(plan, clock)
        else:
            slate = self._suggestions(plan, clock)
        notes = (*plan.notes, *slate.notes, *self._moment_note(query))
        return replace(slate, notes=tuple(dict.fromkeys(notes)), ms=clock.ms)

    def plan(self, query: Query) -> Plan:
        """Return what the query comes down to on this store."""
        return make_plan(self.store, query)

    def at(self, query: Query) -> datetime | None:
        """Return the moment a query is about: its own, else the end of the log."""
        return moment(self.store, query)

    def allowed(self, constraints: Constraints) -> Mask:
        """Return which products meet the constraints: shape (n_products,)."""
        return allowed(self.store.catalogue, constraints)

    def deals(self, query: Query) -> Slate:
        """Return products that a running offer reduces, within the query's conditions."""
        plan = self.plan(query)
        found = deals(self.store, plan, self.at(query))
        return self._slate(plan, found, Ranked(candidates=found))

    def why(self, query: Query, product_id: str) -> Why | None:
        """Say which score parts decided for a product of the slate; None if it is not in it."""
        slate = self.recommend(query)
        found = next((s for s in slate.suggestions if s.product_id == product_id), None)
        if found is None:
            return None
        plan = self.plan(query)
        return explain_place(
            self.records, plan.of(found.offer_kind) if plan.task == "any" else plan, found
        )

    def why_not(self, query: Query, product_id: str) -> WhyNot:
        """Say why a product is not in the slate of a query, by running the query again.

        Args:
            query: The query that was answered.
            product_id: A product of this store (KeyError otherwise).
        """
        return explain(self, query, product_id)

    # one kind of suggestion

    def shown_ids(self, query: Query) -> tuple[str, ...]:
        """Return the products of a slate, in order, without its evidence where that saves work."""
        if self.plan(query).task in ("any", "bundle"):
            return tuple(s.product_id for s in self.recommend(query).suggestions)
        return tuple(self.store.catalogue.product_ids[c.row] for c in self.shown(query))

    def shown(self, query: Query) -> tuple[Candidate, ...]:
        """Return what a slate of one kind shows, without its evidence: for offline measures."""
        plan, clock = self.plan(query), Clock()
        return self._diverse(plan, self._placed(plan, clock, ENOUGH * plan.query.k), clock)

    def _suggestions(self, plan: Plan, clock: Clock) -> Slate:
        ranked = self._placed(plan, clock, ENOUGH * plan.query.k)
        shown = self._diverse(plan, ranked, clock)
        with clock.stage("evidence"):
            return self._slate(plan, shown, ranked)

    def _diverse(self, plan: Plan, ranked: Ranked, clock: Clock) -> tuple[Candidate, ...]:
        with clock.stage("diversify"):
            limit = self.store.config.ranking.max_per_leaf if plan.task == "cross_sell" else None
            varied = vary(self.store, plan, ranked.candidates)
            if isinstance(varied, Ranking):  # its candidates are not made yet
                rows = varied.rows.tolist()
            else:
                rows = [candidate.row for candidate in varied]
            places = diversify(rows, self.store.catalogue, k=plan.query.k, max_per_leaf=limit)
            return tuple(varied[place] for place in places)

    def ranked(self, plan: Plan) -> tuple[Candidate, ...]:
        """Return all candidates of a plan, best first, before diversification."""
        return tuple(self._placed(plan, Clock()).candidates)

    def _placed(self, plan: Plan, clock: Clock, limit: int | None = None) -> Ranked:
        """Return what may be shown, with the shop's own interest; never in upgrades and sets."""
        ranked = self._rank(plan, clock, limit)
        if plan.task in ("upsell", "bundle"):
            return ranked
        candidates, moved = place(self.store, ranked.candidates)
        return replace(ranked, candidates=candidates, moved=moved)

    def _rank(self, plan: Plan, clock: Clock, limit: int | None = None) -> Ranked:
        with clock.stage("constraints"):
            mask = eligible(self.store, plan)
        if plan.task in NEEDS_ANCHOR and not plan.has_anchor:
            return Ranked(candidates=())
        if plan.task == "upsell":
            with clock.stage("rank"):
                upgrades = upgrades_of(self.records, plan.related(), mask)
            return Ranked(
                candidates=tuple(u.candidate for u in upgrades),
                upgrades={u.candidate.row: u for u in upgrades},
            )
        weights = weights_of(self.store, plan)
        with clock.stage("candidates"):
            candidates = generate(self.store, plan, weights, mask)
        with clock.stage("rank"):
            ranking = rank_candidates(candidates, weights)
        if plan.task == "search" and plan.text and self.store.reranker is not None:
            with clock.stage("rerank"):
                read = self.store.reranker.rerank(plan.text, ranking, self.store.catalogue)
            return Ranked(candidates=read)
        if plan.task in ("cross_sell", "bundle") and plan.has_anchor:
            with clock.stage("convince"):
                kept, notes = convincing(self.store, plan, mask, ranking, limit=limit)
            return Ranked(candidates=kept, notes=notes)
        return Ranked(candidates=ranking)

    def _slate(self, plan: Plan, shown: Sequence[Candidate], ranked: Ranked) -> Slate:
        evidence: dict[str, Evidence] = {}
        suggestions = []
        met = self.store.relatives.n_events
        for candidate in shown:
            upgrade = ranked.upgrades.get(candidate.row)
            reasons = reasons_for(self.records, plan, candidate, upgrade)
            own = self.records.placement(self.store.catalogue.products[candidate.row])
            told = (own,) if own is not None and candidate.row in ranked.moved else ()
            evidence |= {fact.evidence_id: fact for fact in (*reasons.facts, *told)}
            suggestions.append(
                Suggestion(
                    product_id=self.store.catalogue.product_ids[candidate.row],
                    offer_kind=self._kind(plan, candidate.row),
                    score=candidate.score,
                    score_parts=candidate.parts,
                    evidence_ids=(*(fact.evidence_id for fact in told), *reasons.ids),
                    anchor_id=reasons.anchor_id,
                    rung=product_rung(candidate.parts, is_met=met[candidate.row] > 0),
                )
            )
        notes = ranked.notes if suggestions else ()
        if not suggestions:
            facts, notes = nothing_fits(self.records, plan)
            evidence |= {fact.evidence_id: fact for fact in facts}
        elif plan.task == "search" and not any("lexical" in c.parts for c in shown):
            notes = (*notes, "no record holds these words; shown by likeness of meaning")
        return Slate(
            query_id=plan.query.query_id,
            suggestions=tuple(suggestions),
            evidence=evidence,
            notes=notes,
            rung=shopper_rung(plan, shown) if suggestions else None,
        )

    def _kind(self, plan: Plan, row: int) -> OfferKind:
        """Return the asked kind; what completes a basket is cross-sell if of another category."""
        if plan.task in ("similar", "cross_sell", "upsell", "bundle"):
            return plan.task
        if plan.task in ("basket", "next_product"):
            leaves = self.store.catalogue.leaf_code
            given, leaf = leaves[plan.context.given], leaves[row]
            named = {*given.tolist(), *plan.context.anchor_leaves}
            if leaf >= 0 and named and -1 not in named and int(leaf) not in named:
                return "cross_sell"
        return "similar"

    def _moment_note(self, query: Query) -> tuple[str, ...]:
        end = self.at(query.model_copy(update={"at": None}))
        if query.at is None or end is None or query.at >= end:
            return ()
        return (
            f"offers are those of {query.at.date().isoformat()}; behaviour counts go on to the "
            f"end of the log, {end.date().isoformat()}",
        )

    # several kinds

    def _mixed(self, plan: Plan, clock: Clock) -> Slate:
        """Return a third of each kind, complements first; what a kind lacks the others fill."""
        k = plan.query.k
        parts = [self._suggestions(plan.of(kind), clock) for kind in MIXED]
        share = max(1, k // len(MIXED))
        limits = [max(1, k - 2 * share), share, share]
        taken: dict[str, Suggestion] = {}
        for is_filling in (False, True):
            for part, limit in zip(parts, limits, strict=True):
                fresh = [s for s in part.suggestions if s.product_id not in taken]
                for suggestion in fresh[: None if is_filling else limit]:
                    if len(taken) < k:
                        taken[suggestion.product_id] = suggestion
        order = {kind: place for place, kind in enumerate(MIXED)}
        suggestions = sorted(taken.values(), key=lambda s: order[s.offer_kind])
        used = {i for s in suggestions for i in s.evidence_ids}
        evidence = {
            i: e for part in parts for i, e in part.evidence.items() if i in used or not suggestions
        }
        shown = {s.offer_kind for s in suggestions}
        notes = [
            note
            for kind, part in zip(MIXED, parts, strict=True)
            if kind in shown or not suggestions
            for note in part.notes
        ]
        return Slate(
            query_id=plan.query.query_id,
            suggestions=tuple(suggestions),
            evidence=evidence,
            notes=tuple(notes),
            rung=next((p.rung for k, p in zip(MIXED, parts, strict=True) if k in shown), None),
        )

    # bundles

    def _bundles(self, plan: Plan, clock: Clock) -> Slate:
        with clock.stage("pool"):
            pool = make_pool(self.records, plan, lambda part: self._rank(part, Clock()).candidates)
        with clock.stage("solve"):
            found = {} if pool.impossible else options(pool.items, pool.rules)
        if not found:
            with clock.stage("bound"):
                facts, notes = no_bundle(self.records, plan, pool)
            return Slate(
                query_id=plan.query.query_id,
                evidence={fact.evidence_id: fact for fact in facts},
                notes=tuple(notes),
            )
        with clock.stage("evidence"):
            made = [self._bundle(plan, pool, name, solved) for name, solved in found.items()]
        return Slate(
            query_id=plan.query.query_id,
            suggestions=made[0][1],
            bundles=tuple(bundle for bundle, _, _ in made),
            evidence={i: e for _, _, evidence in made for i, e in evidence.items()},
        )

    def _bundle(
        self, plan: Plan, pool: Pool, name: str, solution: Solution
    ) -> tuple[Bundle, tuple[Suggestion, ...], dict[str, Evidence]]:
        """Return one bundle, its products as suggestions, and their evidence."""
        scores = {item.row: item.score for item in pool.items}
        products = [self.store.catalogue.products[row] for row in solution.rows]
        total = self.records.total(products, pool.rules.total_max, f"{plan.query.query_id}:{name}")
        evidence = {total.evidence_id: total}
        suggestions = []
        for row, product in zip(solution.rows, products, strict=True):
            candidate = Candidate(row=row, parts={"bundle": scores[row]})
            reasons = reasons_for(self.records, plan, candidate)
            facts = [*reasons.facts, *ties_inside(self.records, product, products)]
            evidence |= {fact.evidence_id: fact for fact in facts}
            suggestions.append(
                Suggestion(
                    product_id=product.product_id,
                    offer_kind="bundle",
                    score=candidate.score,
                    score_parts=candidate.parts,
                    evidence_ids=tuple(dict.fromkeys(fact.evidence_id for fact in facts)),
                    anchor_id=reasons.anchor_id,
                )
            )
        bundle = Bundle(
            name=name,
            product_ids=tuple(p.product_id for p in products),
            total=sum((p.price or Decimal(0) for p in products), Decimal(0)),
            score=solution.value,
            evidence_ids=tuple(evidence),
            optimal=solution.optimal,
            also=solution.also,
            margin=margin_of(products),
        )
        return bundle, tuple(suggestions), evidence


class Clock:
    """Milliseconds by stage; a stage entered twice adds up."""

    def __init__(self) -> None:
        self.ms: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what happens inside."""
        started = time.perf_counter()
        try:
            yield
        finally:
            spent = (time.perf_counter() - started) * 1000
            self.ms[name] = self.ms.get(name, 0.0) + spent
