"""MAIN FLOW 1: query → slate.

    plan → constraints → candidates → ranking → diversification → offers → evidence

Each step is one call, timed under its name. The same query on the same store gives the same slate.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from retrieval.behaviour.base import NO_ROWS, SECONDS_A_DAY, Context
from retrieval.candidates import generate
from retrieval.data.dataset import Product, to_minor
from retrieval.evidence import Evidence
from retrieval.filters import Mask, allowed, broken, nearest_bounds
from retrieval.offers.bundle import (
    MAX_ITEMS,
    MIN_ITEMS,
    BundleItem,
    BundleRules,
    cheapest_total,
    options,
)
from retrieval.offers.cross_sell import complement_mask
from retrieval.offers.promotion import best_for, offers_of
from retrieval.offers.upsell import Upgrade, find_upgrades
from retrieval.query import Constraints, OfferKind, Query
from retrieval.ranking import rank_candidates
from retrieval.records import Records, money
from retrieval.reranking import diversify
from retrieval.slate import Bundle, Candidate, Slate, Suggestion
from retrieval.store import Store

Task = Literal[
    "search", "similar", "cross_sell", "upsell", "bundle", "basket", "next_product", "any"
]
SHORT_LIST = 200
BUNDLE_POOL = 60
NEARLY_AS_NEAR = 0.85
SUBJECT_WEIGHT = 0.6
"""Search: what the wish names by category goes before what merely resembles it."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a query comes down to on this store."""

    query: Query
    task: Task
    context: Context
    shopper_id: str | None
    """None also when personalisation is off."""
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str | None:
        """The words asked with, None if blank."""
        return (self.query.text or "").strip() or None


@dataclass(frozen=True, kw_only=True)
class WhyNot:
    """Why a product is not in a slate, and the smallest change that would bring it in."""

    product_id: str
    verdict: Literal[
        "shown", "constraint", "same_category", "already_there", "unfit", "not_better",
        "out_of_stock", "no_signal", "outranked",
    ]  # fmt: skip
    evidence: tuple[Evidence, ...]
    rank: int | None = None
    """1 is first; None when it was no candidate."""
    n_ranked: int = 0
    k: int = 0
    ahead_id: str | None = None
    """The last product shown, which it lost to."""
    deciding_part: str | None = None
    """The source on which it lost most to `ahead_id`."""
    change: Mapping[str, str] = field(default_factory=dict)
    """Constraint field → value that brings it in, tried by running the query again; or empty."""


class Recommender:
    """Answers queries from one open store. Holds no state between queries; safe from threads."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.records = Records(store)
        self.offers = offers_of(store.dataset.offers)

    def recommend(self, query: Query) -> Slate:
        """Return the slate for a query; unknown ids become notes."""
        clock = Clock()
        with clock.stage("plan"):
            plan = self.plan(query)
        if plan.task == "any":
            return self._mixed(plan, clock)
        if plan.task == "bundle":
            return self._bundles(plan, clock)
        ranked, upgrades = self._rank(plan, clock)
        with clock.stage("diversify"):
            limit = self.store.config.ranking.max_per_leaf if plan.task == "cross_sell" else None
            shown = diversify(ranked, self.store.catalogue, k=query.k, max_per_leaf=limit)
        with clock.stage("evidence"):
            slate = self._slate(plan, shown, upgrades)
        return _with(slate, ms=clock.ms)

    def allowed(self, constraints: Constraints) -> Mask:
        """Return which products meet the constraints: shape (n_products,)."""
        return allowed(self.store.catalogue, constraints)

    # plan

    def plan(self, query: Query) -> Plan:
        """Resolve ids, drop what is personal when asked to, and decide the task."""
        catalogue, notes = self.store.catalogue, []
        for name in ("anchors", "basket", "history"):
            unknown = [p for p in getattr(query, name) if p not in catalogue]
            if unknown:
                notes.append(f"unknown product in {name}: {', '.join(unknown[:5])}")
        for name in ("must_include", "exclude"):
            unknown = [p for p in getattr(query.constraints, name) if p not in catalogue]
            if unknown:
                notes.append(f"unknown product in constraints.{name}: {', '.join(unknown[:5])}")
        shopper_id = query.shopper_id if query.personalise else None
        if shopper_id is not None and shopper_id not in self.store.behaviour.profiles:
            notes.append(f"unknown shopper {shopper_id}: general suggestions")
            shopper_id = None
        leaves = tuple(
            code for code, path in enumerate(catalogue.leaves) if path in query.anchor_categories
        )
        history = catalogue.rows(query.history) if query.personalise else NO_ROWS
        context = Context(
            anchors=catalogue.rows(query.anchors),
            basket=catalogue.rows(query.basket),
            history=history,
            anchor_leaves=leaves,
        )
        task = _task(query)
        if task == "next_product" and not len(history) and shopper_id is not None:
            profile = self.store.behaviour.profiles.of(shopper_id)
            if profile is not None:
                context = Context(history=profile.purchased[:20][::-1])
        return Plan(
            query=query, task=task, context=context, shopper_id=shopper_id, notes=tuple(notes)
        )

    # constraints, candidates, ranking

    def _mask(self, plan: Plan) -> Mask:
        """Return what may be shown at all: shape (n_products,)."""
        catalogue = self.store.catalogue
        mask = allowed(catalogue, plan.query.constraints)
        mask[plan.context.given] = False
        if plan.task == "search":
            mask[plan.context.given] = allowed(catalogue, plan.query.constraints)[
                plan.context.given
            ]
        elif plan.query.constraints.in_stock is None:
            mask &= catalogue.stock != 0
        if plan.task in ("cross_sell", "bundle") and _has_anchor(plan.context):
            mask &= complement_mask(self.store, plan.context)
        if plan.shopper_id is not None and plan.task not in ("search", "next_product"):
            profile = self.store.behaviour.profiles.of(plan.shopper_id)
            if profile is not None and len(profile.purchased):
                again = self.store.behaviour.popularity.is_bought_again()
                owned = profile.purchased[~again[profile.purchased]]
                mask[owned] = False
        if plan.task == "similar" and len(plan.context.given):
            named = catalogue.leaf_code[plan.context.given]
            same = np.isin(catalogue.leaf_code, named[named >= 0])
            if (mask & same).any():
                mask &= same
        if plan.task == "search" and plan.text:
            subject = self.store.subjects.find(plan.text)
            if subject is not None and subject.leaves and _is_bounded(plan.query.constraints):
                mask &= subject.mask  # "a tent under 20" never shows a cup under 20
        return mask

    def _weights(self, plan: Plan) -> dict[str, float]:
        ranking = self.store.config.ranking
        weights = {
            "search": ranking.search,
            "similar": ranking.similar,
            "cross_sell": ranking.cross_sell,
            "bundle": ranking.cross_sell if _has_anchor(plan.context) else ranking.search,
            "basket": ranking.basket,
            "next_product": ranking.next_product,
        }[plan.task]
        if plan.task == "search":
            weights = {**weights, "subject": SUBJECT_WEIGHT}
        if plan.text is None:
            weights = {name: w for name, w in weights.items() if name != "lexical"}
            if plan.task == "cross_sell":  # likeness to the anchor is no sign of a complement
                weights = {name: w for name, w in weights.items() if name != "semantic"}
        return dict(weights)

    def _rank(self, plan: Plan, clock: Clock) -> tuple[tuple[Candidate, ...], dict[int, Upgrade]]:
        with clock.stage("constraints"):
            mask = self._mask(plan)
        if plan.task == "upsell":
            with clock.stage("rank"):
                upgrades = self._upgrades(plan, mask)
            return tuple(u.candidate for u in upgrades), {u.candidate.row: u for u in upgrades}
        weights = self._weights(plan)
        with clock.stage("candidates"):
            candidates = generate(
                self.store,
                weights,
                context=plan.context,
                text=plan.text,
                shopper_id=plan.shopper_id,
                mask=mask,
            )
        with clock.stage("rank"):
            ranked = rank_candidates(candidates, weights)
        if plan.task == "cross_sell" and plan.text is None:
            ranked = tuple(c for c in ranked if _is_complement(c))
        return ranked, {}

    def _upgrades(self, plan: Plan, mask: Mask) -> tuple[Upgrade, ...]:
        found: dict[int, Upgrade] = {}
        for row in plan.context.given[::-1]:
            anchor = self.store.catalogue.products[int(row)]
            for upgrade in find_upgrades(self.store, self.records, anchor, mask):
                found.setdefault(upgrade.candidate.row, upgrade)
        return tuple(sorted(found.values(), key=lambda u: (-u.candidate.score, u.candidate.row)))

    # evidence

    def _slate(
        self, plan: Plan, shown: tuple[Candidate, ...], upgrades: Mapping[int, Upgrade]
    ) -> Slate:
        evidence: dict[str, Evidence] = {}
        vector = self.store.encoder.encode([plan.text], role="query")[0] if plan.text else None
        suggestions = []
        for candidate in shown:
            upgrade = upgrades.get(candidate.row)
            facts, anchor_id = self._facts(plan, candidate, upgrade, vector)
            evidence |= {fact.evidence_id: fact for fact in facts}
            suggestions.append(
                Suggestion(
                    product_id=self.store.catalogue.product_ids[candidate.row],
                    offer_kind=self._kind(plan, candidate.row),
                    score=candidate.score,
                    score_parts=candidate.parts,
                    evidence_ids=tuple(fact.evidence_id for fact in facts),
                    anchor_id=anchor_id,
                )
            )
        notes = list(plan.notes)
        if not suggestions:
            bounds = self._bounds(plan)
            evidence |= {fact.evidence_id: fact for fact in bounds}
            notes += [f"nothing fits; {fact.text}" for fact in bounds] or [self._empty_note(plan)]
        return Slate(
            query_id=plan.query.query_id,
            suggestions=tuple(suggestions),
            evidence=evidence,
            notes=tuple(notes),
        )

    def _facts(
        self,
        plan: Plan,
        candidate: Candidate,
        upgrade: Upgrade | None,
        vector: NDArray[np.float32] | None,
    ) -> tuple[list[Evidence], str | None]:
        """Return the evidence of one suggestion, strongest first, and the anchor it relates to."""
        records, product = self.records, self.store.catalogue.products[candidate.row]
        facts: list[Evidence | None] = []
        anchor_id = None
        if upgrade is not None:
            anchor_id = upgrade.difference.product_ids[1]
            facts += [*upgrade.gains, *upgrade.losses, upgrade.difference]
        elif plan.task in ("cross_sell", "basket", "bundle", "next_product", "similar"):
            related, anchor_id = self._relation(plan, product)
            facts += related
        if plan.text:
            facts.append(records.match(product, self._matched(plan.text, candidate.row)))
        if plan.shopper_id is not None:
            facts.append(records.own_history(plan.shopper_id, product))
        facts += [
            records.price(product),
            records.rating(product),
            records.praise(product, about=vector),
            self._offer(product, plan),
            records.stock(product),
            records.category(product),
            records.popularity(product) if candidate.parts.get("popularity") else None,
        ]
        return [fact for fact in facts if fact is not None], anchor_id

    def _relation(self, plan: Plan, product: Product) -> tuple[list[Evidence | None], str | None]:
        """Return what ties the product to what the query names, and to which of it most."""
        records, catalogue = self.records, self.store.catalogue
        anchors = [catalogue.products[int(r)] for r in plan.context.given[-6:]]
        make = records.viewed_together if plan.task == "similar" else records.bought_together
        ties: list[tuple[float, Evidence, str | None]] = []
        for anchor in anchors:
            fit = records.compatibility(anchor, product)
            if fit is not None and fit.data["works"]:
                ties.append((1e6, fit, anchor.product_id))
            tie = make(anchor, product)
            if tie is not None:
                strength = tie.data["count"] * np.log2(float(tie.data["lift"]) + 1)
                ties.append((float(strength), tie, anchor.product_id))
        for leaf in plan.context.anchor_leaves:
            tie = records.bought_together(leaf, product)
            if tie is not None:
                ties.append((float(tie.data["count"]), tie, None))
        ties.sort(key=lambda t: (-t[0], t[1].evidence_id))
        best_anchor = next((a for _, _, a in ties if a), None)
        fallback = anchors[-1].product_id if anchors else None
        return [fact for _, fact, _ in ties[:3]], best_anchor or fallback

    def _offer(self, product: Product, plan: Plan) -> Evidence | None:
        offer = best_for(product, self.offers, self.at(plan.query))
        if offer is None or product.price is None:
            return None
        saving = offer.saving(product.price)
        return Evidence(
            evidence_id=f"offer:{offer.offer_id}:{product.product_id}",
            kind="offer",
            product_ids=(product.product_id,),
            text=f"offer {offer.offer_id} takes {money(saving)} off {product.title}",
            data={
                "offer_id": offer.offer_id,
                "kind": offer.kind,
                "value": f"{offer.value.normalize():f}",
                "saving": money(saving),
                "price": money(product.price),
                "price_after": money(product.price - saving),
                "ends_at": offer.ends_at.date().isoformat() if offer.ends_at else None,
                "currency": self.store.currency,
            },
            origin="offers",
        )

    def at(self, query: Query) -> datetime | None:
        """Return the moment a query is about: its own, else the end of the log."""
        if query.at is not None:
            return query.at
        end = self.store.behaviour.interactions.end_day
        return datetime.fromtimestamp(end * SECONDS_A_DAY, UTC) if end else None

    def _matched(self, text: str, row: int) -> list[str]:
        return list(self.store.lexical.matched_words(text, row))

    def _kind(self, plan: Plan, row: int) -> OfferKind:
        if plan.task in ("similar", "cross_sell", "upsell", "bundle"):
            return plan.task
        if plan.task in ("basket", "next_product"):
            leaves = self.store.catalogue.leaf_code
            given = leaves[plan.context.given]
            leaf = leaves[row]
            if leaf >= 0 and len(given) and (given >= 0).all() and leaf not in given:
                return "cross_sell"
        return "similar"

    # nothing fits

    def _bounds(self, plan: Plan) -> list[Evidence]:
        """Return, per constraint that alone stands in the way, its nearest possible value."""
        catalogue, constraints = self.store.catalogue, plan.query.constraints
        among = np.ones(len(catalogue), bool)
        of = "these wishes"
        subject = self.store.subjects.find(plan.text) if plan.text else None
        if subject is not None:
            among, of = subject.mask.copy(), subject.label
        elif plan.task == "cross_sell":
            among = complement_mask(self.store, plan.context)
            of = "what goes with it"
        elif plan.task == "search" and plan.text:
            among = self.store.lexical.scores(plan.text) > 0
        among[plan.context.given] = False
        if plan.task == "upsell":
            return []
        return [
            self.records.bound(bound, of, getattr(constraints, bound.name, ""))
            for bound in nearest_bounds(catalogue, constraints, among)
        ]

    def _empty_note(self, plan: Plan) -> str:
        if plan.task == "upsell":
            return (
                "no dearer product of the same category is better by its specifications or ratings"
                if len(plan.context.given)
                else "upsell needs an anchor or a basket of known products"
            )
        if plan.task in ("cross_sell", "similar", "basket") and not _has_anchor(plan.context):
            return f"{plan.task} needs an anchor or a basket of known products"
        return "no product of this store answers the query"

    # mixed slates and bundles

    def _mixed(self, plan: Plan, clock: Clock) -> Slate:
        """Return complements, then a step up, then alternatives, each under its own kind."""
        parts: list[Slate] = []
        share = max(1, plan.query.k // 3)
        for kind, k in (
            ("cross_sell", plan.query.k - 2 * share),
            ("upsell", share),
            ("similar", share),
        ):
            if k > 0:
                query = plan.query.model_copy(update={"offer_kind": kind, "k": k})
                parts.append(self.recommend(query))
        seen: set[str] = set()
        kept: list[Suggestion] = []
        for suggestion in (s for part in parts for s in part.suggestions):
            if suggestion.product_id not in seen:
                seen.add(suggestion.product_id)
                kept.append(suggestion)
        evidence = {i: e for part in parts for i, e in part.evidence.items()}
        ms = dict(clock.ms)
        for part in parts:
            for name, value in part.ms.items():
                ms[name] = ms.get(name, 0.0) + value
        notes = plan.notes if kept else tuple(dict.fromkeys(n for p in parts for n in p.notes))
        return Slate(
            query_id=plan.query.query_id,
            suggestions=tuple(kept),
            evidence=evidence,
            notes=notes,
            ms=ms,
        )

    def _bundles(self, plan: Plan, clock: Clock) -> Slate:
        with clock.stage("candidates"):
            pool = self._bundle_pool(plan, clock)
        rules = _rules(plan.query.constraints)
        with clock.stage("solve"):
            found = options(pool, rules)
        catalogue = self.store.catalogue
        bundles, evidence, suggestions = [], {}, []
        candidates = {item.row: item for item in pool}
        with clock.stage("evidence"):
            for name, solution in found.items():
                products = [catalogue.products[r] for r in solution.rows]
                total = self.records.total(
                    products, rules.total_max, f"{plan.query.query_id}:{name}"
                )
                ids = [total.evidence_id]
                evidence[total.evidence_id] = total
                for row in solution.rows:
                    candidate = Candidate(row=row, parts={"bundle": candidates[row].score})
                    facts, anchor_id = self._facts(plan, candidate, None, None)
                    facts += self._inside(catalogue.products[row], products)
                    evidence |= {fact.evidence_id: fact for fact in facts}
                    ids += [fact.evidence_id for fact in facts]
                    if name == "best_fit":
                        suggestions.append(
                            Suggestion(
                                product_id=catalogue.product_ids[row],
                                offer_kind="bundle",
                                score=candidate.score,
                                score_parts=candidate.parts,
                                evidence_ids=tuple(fact.evidence_id for fact in facts),
                                anchor_id=anchor_id,
                            )
                        )
                bundles.append(
                    Bundle(
                        name=name,
                        product_ids=tuple(p.product_id for p in products),
                        total=sum((p.price or Decimal(0) for p in products), Decimal(0)),
                        score=solution.value,
                        evidence_ids=tuple(dict.fromkeys(ids)),
                        optimal=solution.optimal,
                        margin=_margin(products),
                    )
                )
        notes = list(plan.notes)
        if not bundles:
            facts = self._bundle_bound(plan, pool, rules)
            evidence |= {fact.evidence_id: fact for fact in facts}
            notes += [fact.text for fact in facts] or [
                "no bundle: fewer products than needed meet the constraints"
            ]
        return Slate(
            query_id=plan.query.query_id,
            suggestions=tuple(suggestions),
            bundles=tuple(bundles),
            evidence=evidence,
            notes=tuple(notes),
            ms=clock.ms,
        )

    def _inside(self, product: Product, bundle: list[Product]) -> list[Evidence]:
        """Return what ties one product of a bundle to the others."""
        facts: list[Evidence] = []
        for other in bundle:
            if other.product_id != product.product_id:
                fit = self.records.compatibility(product, other)
                tie = self.records.bought_together(other, product)
                facts += [f for f in (fit, tie) if f is not None and f.data.get("works", True)]
        return facts[:3]

    def _bundle_pool(self, plan: Plan, clock: Clock) -> list[BundleItem]:
        """Return what the solver may choose from: the must-haves and the best candidates."""
        catalogue, constraints = self.store.catalogue, plan.query.constraints
        required = {
            int(r) for r in catalogue.rows(constraints.must_include) if self._may_sell(plan, int(r))
        }
        scored: dict[int, float] = {}
        leaves: tuple[int, ...] = ()
        if plan.text and not _has_anchor(plan.context):
            heads = self._rank(_as(plan, "search"), clock)[0]
            leaves = self._leading_leaves(plan.text, self._mask(_as(plan, "search")))
            around = Context(anchor_leaves=leaves)
            rest = self._rank(_as(plan, "cross_sell", context=around, text=None), clock)[0]
            inside = [c for c in heads if catalogue.leaf_code[c.row] in leaves][:12]
            scored |= _scaled(heads[:12], 0.5)
            scored |= _scaled(rest[: BUNDLE_POOL - 24], 0.8)
            scored |= _scaled(inside, 1.0)
        else:
            ranked = self._rank(plan, clock)[0]
            scored |= _scaled(ranked[:BUNDLE_POOL], 1.0)
        if not scored:
            popular = _as(plan, "next_product", context=Context(), text=None)
            scored |= _scaled(self._rank(popular, clock)[0][:BUNDLE_POOL], 1.0)
        for row in required:
            scored[row] = max(scored.get(row, 0.0), 1.0)
        return [
            BundleItem(
                row=row,
                price=int(catalogue.price[row]),
                score=score,
                role=int(catalogue.leaf_code[row]),
                group=catalogue.products[row].item_group_id,
                margin=catalogue.products[row].margin,
                required=row in required,
                lead=int(catalogue.leaf_code[row]) in leaves,
            )
            for row, score in sorted(scored.items())
            if not np.isnan(catalogue.price[row])
        ]

    def _leading_leaves(self, text: str, mask: Mask) -> tuple[int, ...]:
        """Return the categories that a set is built around: those named, else the leading one.

        "A kit for camping" names none: then, of the leaves whose three products nearest in meaning
        are nearly as near as any leaf's, the one with most buyers leads.
        """
        subject = self.store.subjects.find(text)
        if subject is not None and subject.leaves:
            return subject.leaves
        vector = self.store.encoder.encode([text], role="query")[0]
        near = self.store.product_vectors.similarities(vector)
        if not text.isascii():  # an English encoder has nothing to say of other scripts
            near = self.store.lexical.scores(text)
        near = np.where(mask, near, 0.0)
        codes, buyers = self.store.catalogue.leaf_code, self.store.behaviour.popularity.n_buyers
        found: list[tuple[float, int, int]] = []
        for leaf in range(len(self.store.catalogue.leaves)):
            rows = np.flatnonzero(codes == leaf)
            top = np.sort(near[rows])[-3:]
            found.append((float(top.mean()), int(buyers[rows].sum()), leaf))
        best = max((f[0] for f in found), default=0.0)
        nearly = [f for f in found if f[0] >= NEARLY_AS_NEAR * best > 0]
        return (max(nearly, key=lambda f: (f[1], -f[2]))[2],) if nearly else ()

    def _may_sell(self, plan: Plan, row: int) -> bool:
        """Whether a must-have is priced, not out of stock, and not excluded."""
        c = plan.query.constraints
        own = Constraints(exclude=c.exclude, in_stock=c.in_stock)
        return (
            not np.isnan(self.store.catalogue.price[row])
            and self.store.catalogue.stock[row] != 0
            and not broken(self.store.catalogue, own, row)
        )

    def _bundle_bound(
        self, plan: Plan, pool: list[BundleItem], rules: BundleRules
    ) -> list[Evidence]:
        missing = [
            p
            for p in plan.query.constraints.must_include
            if p in self.store.catalogue and not self._may_sell(plan, self.store.catalogue.row(p))
        ]
        if missing or rules.total_max is None:
            return []
        cheapest = cheapest_total(pool, rules)
        if cheapest is None:
            return []
        products = [self.store.catalogue.products[r] for r in cheapest.rows]
        fact = self.records.total(products, None, f"{plan.query.query_id}:bound")
        text = (
            f"nothing fits: the cheapest {len(products)} that meet the other conditions cost "
            f"{fact.data['total']} together, above {money(rules.total_max)}"
        )
        data = {**fact.data, "wanted": money(rules.total_max), "name": "total_max"}
        return [
            Evidence(
                evidence_id=fact.evidence_id,
                kind="total",
                product_ids=fact.product_ids,
                text=text,
                data=data,
                origin=fact.origin,
            )
        ]

    # why not

    def why_not(self, query: Query, product_id: str) -> WhyNot:
        """Say why a product is not in the slate of a query, by running the query again.

        Args:
            query: The query that was answered.
            product_id: A product of this store (KeyError otherwise).
        """
        plan, row = self.plan(query), self.store.catalogue.row(product_id)
        slate = self.recommend(query)
        shown = [s.product_id for s in slate.suggestions]
        if product_id in shown:
            return WhyNot(
                product_id=product_id, verdict="shown", evidence=(), k=query.k,
                rank=shown.index(product_id) + 1, n_ranked=len(shown),
            )  # fmt: skip
        verdict = self._left_out(plan, row)
        if verdict is not None:
            return self._excluded(query, product_id, verdict)
        ranked, _ = self._rank(plan, Clock())
        order = [c.row for c in ranked]
        if row not in order:
            missing: Literal["not_better", "no_signal"] = (
                "not_better" if plan.task == "upsell" else "no_signal"
            )
            return WhyNot(
                product_id=product_id, verdict=missing, evidence=(), n_ranked=len(order), k=query.k
            )
        return self._outranked(plan, ranked, row, shown)

    def _left_out(self, plan: Plan, row: int) -> str | None:
        catalogue = self.store.catalogue
        if row in plan.context.given and plan.task != "search":
            return "already_there"
        if broken(catalogue, plan.query.constraints, row):
            return "constraint"
        if plan.task in ("cross_sell", "bundle") and _has_anchor(plan.context):
            if self.store.compatibility.score(plan.context.given)[row] < 0:
                return "unfit"
            if not complement_mask(self.store, plan.context)[row]:
                return "same_category"
        if plan.task != "search" and catalogue.stock[row] == 0:
            return "out_of_stock"
        return None if self._mask(plan)[row] else "no_signal"

    def _excluded(self, query: Query, product_id: str, verdict: str) -> WhyNot:
        product = self.store.catalogue[product_id]
        facts: list[Evidence | None] = []
        change: dict[str, str] = {}
        if verdict == "constraint":
            names = broken(
                self.store.catalogue, query.constraints, self.store.catalogue.row(product_id)
            )
            facts += [self._constraint_fact(query.constraints, product, name) for name in names]
            change = self._verified_change(query, product, names)
        elif verdict == "same_category":
            facts.append(self.records.category(product))
        elif verdict == "out_of_stock":
            facts.append(self.records.stock(product))
        elif verdict == "unfit":
            anchors = [
                self.store.catalogue[p]
                for p in (*query.anchors, *query.basket)
                if p in self.store.catalogue
            ]
            facts += [self.records.compatibility(anchor, product) for anchor in anchors]
        return WhyNot(
            product_id=product_id,
            verdict=verdict,  # type: ignore[arg-type]
            evidence=tuple(f for f in facts if f is not None),
            k=query.k,
            change=change,
        )

    def _constraint_fact(self, constraints: Constraints, product: Product, name: str) -> Evidence:
        actual = {
            "price_max": product.price,
            "price_min": product.price,
            "rating_min": product.rating,
            "in_stock": product.stock,
            "brands": product.brand,
            "exclude_brands": product.brand,
            "categories": " > ".join(product.category),
            "exclude_categories": " > ".join(product.category),
        }.get(name)
        wanted = getattr(constraints, name)
        if isinstance(wanted, Decimal):
            wanted = money(wanted)
        elif isinstance(wanted, tuple):
            wanted = ", ".join(wanted)
        elif isinstance(wanted, Mapping):
            wanted = ", ".join(f"{k} {v}" for k, v in wanted.items())
            actual = ", ".join(
                f"{k} {product.attributes.get(k, '–')}" for k in getattr(constraints, name)
            )
        value = money(actual) if isinstance(actual, Decimal) else actual
        return Evidence(
            evidence_id=f"constraint:{name}:{product.product_id}",
            kind="constraint",
            product_ids=(product.product_id,),
            text=f"{product.title}: {name} {value}, wanted {wanted}",
            data={
                "name": name,
                "wanted": str(wanted),
                "actual": None if value is None else str(value),
                "currency": self.store.currency,
            },
            origin="catalogue and this conversation",
        )

    def _verified_change(
        self, query: Query, product: Product, names: tuple[str, ...]
    ) -> dict[str, str]:
        """Return the loosened constraints if, with them, a run of the query shows the product."""
        update: dict[str, object] = {}
        said: dict[str, str] = {}
        for name in names:
            if name in ("price_max", "price_min") and product.price is not None:
                update[name], said[name] = product.price, money(product.price)
            elif name == "rating_min" and product.rating is not None:
                update[name], said[name] = product.rating, f"{product.rating:.1f}"
            else:
                empty = Constraints.model_fields[name].get_default(call_default_factory=True)
                update[name], said[name] = empty, ""
        loosened = query.constraints.model_copy(update=update)
        slate = self.recommend(query.model_copy(update={"constraints": loosened}))
        shown = any(s.product_id == product.product_id for s in slate.suggestions)
        return said if shown else {}

    def _outranked(
        self, plan: Plan, ranked: tuple[Candidate, ...], row: int, shown: list[str]
    ) -> WhyNot:
        catalogue = self.store.catalogue
        place = next(i for i, c in enumerate(ranked) if c.row == row)
        ahead_id = shown[-1] if shown else catalogue.product_ids[ranked[0].row]
        ahead_row = catalogue.row(ahead_id)
        ahead = next((c for c in ranked if c.row == ahead_row), ranked[0])
        own = ranked[place]
        gaps = {
            name: ahead.parts.get(name, 0.0) - own.parts.get(name, 0.0)
            for name in {*ahead.parts, *own.parts}
        }
        deciding = max(sorted(gaps), key=lambda name: gaps[name], default=None)
        fact = Evidence(
            evidence_id=f"rank:{plan.query.query_id}:{catalogue.product_ids[row]}",
            kind="rank",
            product_ids=(catalogue.product_ids[row], ahead_id),
            text=f"{catalogue.products[row].title} ranks {place + 1} of {len(ranked)}",
            data={
                "rank": place + 1,
                "n": len(ranked),
                "k": plan.query.k,
                "score": f"{own.score:.3f}",
                "parts": {k: f"{v:.3f}" for k, v in own.parts.items()},
                "ahead": ahead_id,
                "ahead_score": f"{ahead.score:.3f}",
                "ahead_parts": {k: f"{v:.3f}" for k, v in ahead.parts.items()},
            },
            origin="the ranker, run again",
        )
        return WhyNot(
            product_id=catalogue.product_ids[row],
            verdict="outranked",
            evidence=(fact,),
            rank=place + 1,
            n_ranked=len(ranked),
            k=plan.query.k,
            ahead_id=ahead_id,
            deciding_part=deciding,
        )


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


def _task(query: Query) -> Task:
    """Decide what is asked when the query does not say it."""
    if query.offer_kind is not None:
        return query.offer_kind
    if query.basket:
        return "basket"
    if query.anchors or query.anchor_categories:
        return "any"
    if (query.text or "").strip():
        return "search"
    return "next_product"


def _has_anchor(context: Context) -> bool:
    return bool(len(context.given) or context.anchor_leaves)


def _is_bounded(c: Constraints) -> bool:
    """Whether a condition on price, stock or rating is set: what is named then comes first."""
    return (
        any(v is not None for v in (c.price_min, c.price_max, c.rating_min)) or bool(c.in_stock)
        or bool(c.attributes) or bool(c.brands)
    )  # fmt: skip


def _is_complement(candidate: Candidate) -> bool:
    """Whether more than mere popularity or taste speaks for the product."""
    return any(name not in ("popularity", "profile", "semantic") for name in candidate.parts)


def _rules(c: Constraints) -> BundleRules:
    least = c.min_items or min(MIN_ITEMS, c.max_items or MIN_ITEMS)
    most = c.max_items or max(MAX_ITEMS, least)
    return BundleRules(
        total_max=c.total_max, min_items=least, max_items=most, margin_min=c.margin_min
    )


def _scaled(ranked: list[Candidate] | tuple[Candidate, ...], top: float) -> dict[int, float]:
    """Return row → score with the best at `top`."""
    if not ranked:
        return {}
    best = max(c.score for c in ranked) or 1.0
    return {c.row: top * max(c.score, 0.0) / best for c in ranked}


def _as(plan: Plan, task: Task, *, context: Context | None = None, text: str | None = "") -> Plan:
    """Return the plan for another task; `text=None` drops the words."""
    query = plan.query if text is not None else plan.query.model_copy(update={"text": None})
    return Plan(
        query=query,
        task=task,
        context=plan.context if context is None else context,
        shopper_id=plan.shopper_id,
        notes=plan.notes,
    )


def _margin(products: list[Product]) -> float | None:
    """Return the bundle's margin as a share of its total; None if a product states none."""
    if any(p.margin is None or p.price is None for p in products):
        return None
    total = sum(to_minor(p.price) for p in products if p.price is not None)
    kept = sum(to_minor(p.price) * (p.margin or 0.0) for p in products if p.price is not None)
    return round(kept / total, 4) if total else None


def _with(slate: Slate, *, ms: Mapping[str, float]) -> Slate:
    return Slate(
        query_id=slate.query_id,
        suggestions=slate.suggestions,
        bundles=slate.bundles,
        evidence=slate.evidence,
        notes=slate.notes,
        ms=dict(ms),
    )
