"""Real evidence for every wording: made by the tiny shop's own records, ranker and handlers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from assistant.cards import card_clause
from assistant.clauses import Clause
from assistant.conversation import Cart, Language
from assistant.handlers.cart import cart_fact
from assistant.handlers.present import with_data
from assistant.prompting import load_wordings
from assistant.service import Shop
from retrieval.data.spans import split_spans
from retrieval.evidence import Evidence
from retrieval.query import Change, Constraints, Query, Step
from retrieval.slate import Suggestion

SPRING = datetime(2026, 3, 1, tzinfo=UTC)
"""A day on which the offer `tents-10` runs."""


@dataclass(frozen=True)
class Facts:
    """The records of one shop that the tests speak of."""

    shop: Shop
    language: Language

    @property
    def records(self):
        return self.shop.recommender.records

    @property
    def speaker(self):
        return self.shop.speakers[self.language]

    def product(self, product_id: str):
        return self.shop.store.catalogue[product_id]

    def ask(self, **fields):
        return self.shop.recommender.recommend(Query(query_id="q", **fields))

    def why_not(self, product_id: str, **fields):
        return self.shop.recommender.why_not(Query(query_id="q", **fields), product_id)

    def leaf(self, product_id: str) -> int:
        catalogue = self.shop.store.catalogue
        return int(catalogue.leaf_code[catalogue.row(product_id)])


def said_clauses(facts: Facts) -> dict[str, Clause]:
    """Return key → clause, for all clauses that `Speaker` makes of one record."""
    r, p, s = facts.records, facts.product, facts.speaker
    offers = facts.ask(text="tent", at=SPRING, k=4).evidence
    complaint = r.complaint(p("mat-air"))
    first = split_spans(p("tent-duo").description)[0]
    found = {
        "price": s.say(r.price(p("tent-duo"))),
        "price_reduced": s.say(r.price(p("tent-quartet"))),
        "stock_in": s.say(r.stock(p("tent-duo"))),
        "stock_low": s.say(r.stock(p("bag-winter"))),
        "stock_none": s.say(r.stock(p("headlamp"))),
        "rating": s.say(r.rating(p("tent-duo"))),
        "rating_one": s.say(r.rating(p("lantern"))),
        "quote": s.say(r.quote(0)),
        "complaint": s.say(complaint),
        "aspect_praise": s.say(r.aspect_opinion(p("tent-duo"), "waterproofing", "praise")),
        "aspect_complaint": s.say(r.aspect_opinion(p("tent-duo"), "zips", "complaint")),
        "shared_complaint": s.say(r.shared_complaint(p("tent-duo"), "zips")),
        "disagreement": s.say(r.disagreement(p("mat-air"))),
        "attribute": s.say(r.attribute(p("tent-duo"), "material")),
        "bought_together": s.say(r.bought_together(p("tent-duo"), p("mat-foam"))),
        "bought_together_category": s.say(r.bought_together(facts.leaf("tent-duo"), p("mat-foam"))),
        "viewed_together": s.say(r.viewed_together(p("tent-duo"), p("mat-foam"))),
        "popularity": s.say(r.popularity(p("tent-duo"))),
        "own_history_purchase": s.say(r.own_history("ida", p("mat-foam"))),
        "own_history_view": s.say(r.own_history("uma", p("headlamp"))),
        "own_history_category_purchase": s.say(r.own_history("ida", facts.leaf("tent-duo"))),
        "own_history_category_view": s.say(r.own_history("uma", facts.leaf("headlamp"))),
        "bought_next": s.say(r.bought_next(p("tent-duo"), p("mat-foam"))),
        "match": s.say(r.match(p("tent-duo"), ["fjellro", "tent"])),
        "category": s.say(r.category(p("tent-duo"))),
        "description": s.say(r.description_at(p("tent-duo"), *first)),
        "compatibility": s.say(r.compatibility(p("stove-spark"), p("gas-screw"))),
        "incompatibility": s.say(r.compatibility(p("stove-spark"), p("gas-click"))),
        "offer": s.say(offers["offer:tents-10:tent-duo"]),
        "gain": s.compare(
            r.comparison(p("tent-quartet"), p("tent-duo"), "sleeps"), as_upgrade=True
        ),
        "loss": s.compare(
            r.comparison(p("tent-quartet"), p("tent-duo"), "weight"), as_upgrade=True
        ),
        "compare": s.compare(
            r.comparison(p("mat-foam"), p("mat-air"), "thickness"), as_upgrade=False
        ),
        "dearer": s.difference(r.difference(p("tent-quartet"), p("tent-duo"))),
        "cheaper": s.difference(r.difference(p("tent-duo"), p("tent-quartet"))),
        "total": s.total(r.total([p("tent-duo"), p("mat-foam")], None, "q:1")),
        "total_left": s.total(r.total([p("tent-duo"), p("mat-foam")], Decimal(200), "q:2")),
    }
    return {key: clause for key, clause in found.items() if clause is not None}


def bound_clauses(facts: Facts) -> dict[str, Clause]:
    """Return the clauses of limits that nothing meets, as flow 1 finds them."""
    tents = "Tents" if facts.language == "en" else "帐篷"
    wishes: Mapping[str, Constraints] = {
        "bound_price_max": Constraints(price_max=Decimal(50)),
        "bound_price_min": Constraints(price_min=Decimal(900)),
        "bound_rating_min": Constraints(rating_min=4.9),
        "bound_other": Constraints(brands=("Lumo",)),
    }
    found = {}
    for key, constraints in wishes.items():
        slate = facts.ask(text=tents, constraints=constraints)
        fact = next(f for f in slate.evidence.values() if f.kind == "bound")
        fact = with_data(fact, chip="Lumo")
        found[key] = facts.speaker.bound(fact, chip="Lumo")
    bundle = facts.ask(
        offer_kind="bundle",
        anchors=("tent-duo",),
        constraints=Constraints(total_max=Decimal(10), min_items=2, max_items=3),
    )
    total = next(f for f in bundle.evidence.values() if f.kind == "total")
    found["bundle_bound"] = facts.speaker.total(total)
    return found


def table_clauses(facts: Facts) -> dict[str, Clause]:
    """Return the clauses of counts and of table look-ups, with the slots that the handlers give."""
    r, s = facts.records, facts.speaker
    of = "Outdoor > Camping > Tents"
    found: dict[str, Clause] = {}
    for n, key in ((0, "count_none"), (1, "count_one"), (2, "count")):
        label = f"{s.category(of)} · {s.money('300')}"
        fact = r.count(n, {"of": of}, label)
        found[key] = Clause(key=key, slots={"n": str(n), "label": label}, evidence=(fact,))
    values = {
        "cheapest": ("tent-duo", "129.00"), "dearest": ("tent-quartet", "249.00"),
        "best_rated": ("tent-quartet", "4.5"), "most_reviewed": ("tent-duo", "6"),
    }  # fmt: skip
    for name, (product_id, value) in values.items():
        fact = r.extreme(facts.product(product_id), name, of, 2, value)
        shown = s.money(value) if name in ("cheapest", "dearest") else value
        found[f"extreme_{name}"] = extreme(facts, fact, shown)
    ends = {"lower": ("tent-duo", "2.1 kg"), "higher": ("tent-quartet", "6.4 kg")}
    for direction, (product_id, value) in ends.items():
        fact = r.extreme(facts.product(product_id), "weight", of, 2, value)
        key = "extreme_lowest" if direction == "lower" else "extreme_highest"
        found[key] = extreme(facts, with_data(fact, direction=direction), value)
    one = r.extreme(
        facts.product("stove-spark"), "cheapest", "Outdoor > Cooking > Stoves", 1, "39.90"
    )
    found["extreme_one"] = extreme(facts, one, s.money("39.90"))
    for key in EMPTY_ANSWERS:
        found[key] = Clause(key=key, slots={}, evidence=(r.count(0, {"asked": "?"}, key),))
    profile = r.count(3, {"shopper": "ida"}, s.category(of))
    slots = {"label": s.category(of), "n": "3"}
    found["profile_count"] = Clause(key="profile_count", slots=slots, evidence=(profile,))
    return found


EMPTY_ANSWERS = (
    "better_none", "nothing", "nothing_goes", "question_unknown", "why_not_no_signal",
    "why_not_not_better", "why_not_cheaper_none", "more_none", "gain_unasked", "deals_none",
)  # fmt: skip


def extreme(facts: Facts, fact: Evidence, shown: str) -> Clause:
    """Return the clause of a table look-up, as `handlers.search.superlative` makes it."""
    data, s = fact.data, facts.speaker
    name = data["name"]
    known = name in ("cheapest", "dearest", "best_rated", "most_reviewed")
    ends = {"lower": "lowest", "higher": "highest"}
    end = name if known else ends[data["direction"]]
    key = "extreme_one" if data["n"] == 1 else f"extreme_{end}"
    slots = {
        "product": s.title(data["product_id"]), "n": str(data["n"]),
        "of": s.category(data["of"]), "value": shown, "label": s.label(name),
    }  # fmt: skip
    return Clause(key=key, slots=slots, evidence=(fact,), product_id=data["product_id"])


def why_clauses(facts: Facts) -> dict[str, Clause]:
    """Return the clauses of why and why not; the ranker's own answers, slots as handlers give."""
    s = facts.speaker
    found: dict[str, Clause] = {}
    wish = {"text": "tent weight", "k": 1}
    shown = facts.ask(**wish).suggestions[0].product_id
    others = [p for p in facts.shop.store.catalogue.product_ids if p != shown]
    answer = next(
        a for a in (facts.why_not(p, **wish) for p in others)
        if a.verdict == "outranked" and a.deciding_part
    )  # fmt: skip
    fact = answer.evidence[0]
    slots = {
        "product": s.title(answer.product_id), "rank": str(answer.rank), "n": str(answer.n_ranked),
        "k": str(answer.k), "ahead": s.title(answer.ahead_id or ""),
        "part": s.part(answer.deciding_part or ""),
    }  # fmt: skip
    for key in ("why_rank", "why_part"):
        found[key] = Clause(key=key, slots=slots, evidence=(fact,), product_id=answer.product_id)
    for key, part in (("why_top_part", "lexical"), ("why_part_too", "semantic")):
        counted = {"part": part, "parts": {"lexical": "0.900", "semantic": "0.100"}}
        found[key] = Clause(
            key=key, slots={"product": s.title(shown), "part": s.part(part)},
            evidence=(rank_fact(shown, counted),), product_id=shown,
        )  # fmt: skip
    there = rank_fact(shown, {"rank": 1, "n": 4})
    found["why_shown"] = Clause(
        key="why_shown", slots={"product": s.title(shown), "rank": "1", "n": "4"},
        evidence=(there,), product_id=shown,
    )  # fmt: skip
    several = {"product": s.title(shown), "rank": "2", "n": "4"}
    counted = {"rank": 2, "n": 4, "k": 3, "score": "0.8", "ahead": "lantern", "ahead_score": "0.7"}
    found["why_variety"] = Clause(
        key="why_variety", slots=several, evidence=(rank_fact(shown, counted),), product_id=shown
    )
    same = facts.why_not("tent-quartet", anchors=("tent-duo",), offer_kind="cross_sell")
    assert same.verdict == "same_category"
    path = " > ".join(facts.product("tent-quartet").category)
    found["not_category"] = Clause(
        key="not_category",
        slots={"product": s.title("tent-quartet"), "category": s.category(path)},
        evidence=same.evidence,
        product_id="tent-quartet",
    )
    return found | constraint_clauses(facts)


def rank_fact(product_id: str, data: Mapping[str, object]) -> Evidence:
    """Return the ranker's record of one product, as `handlers.why` makes it."""
    return Evidence(
        evidence_id=f"rank:q:{product_id}", kind="rank", product_ids=(product_id,), text="",
        data=data, origin="the ranker, run again",
    )  # fmt: skip


def constraint_clauses(facts: Facts) -> dict[str, Clause]:
    """Return the clauses of conditions that a product breaks."""
    s = facts.speaker
    wishes = {
        "not_price_max": ("tent-quartet", Constraints(price_max=Decimal(150))),
        "not_price_min": ("tent-duo", Constraints(price_min=Decimal(200))),
        "not_stock": ("headlamp", Constraints(in_stock=True)),
        "not_other": ("tent-duo", Constraints(brands=("Lumo",))),
        "not_other_unstated": ("footprint-duo", Constraints(rating_min=4.0)),
    }
    found: dict[str, Clause] = {}
    for key, (product_id, constraints) in wishes.items():
        wish = "Lumo headlamp" if product_id == "headlamp" else "Fjellro tent"
        answer = facts.why_not(product_id, text=wish, constraints=constraints, k=10)
        assert answer.verdict == "constraint", (key, answer)
        fact = answer.evidence[0]
        fact = with_data(fact, chip="chip")
        priced = "price" in fact.data["name"]
        actual = str(fact.data["actual"] or "")
        slots = {
            "product": s.title(product_id), "chip": "chip",
            "actual": s.money(actual) if priced else actual,
            "wanted": s.money(fact.data["wanted"]) if priced else str(fact.data["wanted"]),
        }  # fmt: skip
        found[key] = Clause(key=key, slots=slots, evidence=(fact,), product_id=product_id)
    return found | change_clauses(facts)


def change_clauses(facts: Facts) -> dict[str, Clause]:
    """Return the clauses of what would bring a product in, for one step of each kind."""
    s, query = facts.speaker, Query(query_id="q", text="tent")
    steps = {
        "change_price": (Step(kind="loosen", field="price_max", value="249.00"),),
        "change_price_min": (Step(kind="loosen", field="price_min", value="249.00"),),
        "change_drop": (Step(kind="lift", field="attributes", value=""),),
        "change_instead": (Step(kind="loosen", field="rating_min", value="4.5"),),
        "change_only": (Step(kind="narrow", field="brands", value="Fjellro"),),
        "change_add": (Step(kind="add", field="basket", value="mat-air"),),
        "change_without": (Step(kind="drop", field="basket", value="mat-air"),),
        "change_longer": (Step(kind="longer", field="k", value="12"),),
        "change_several": (
            Step(kind="narrow", field="price_max", value="249.00"),
            Step(kind="narrow", field="categories", value="Tents"),
        ),
    }
    found = {}
    for key, made in steps.items():
        fact = facts.records.change(facts.product("tent-quartet"), Change(steps=made, query=query))
        value = made[0].value
        slots = {
            "product": s.title("tent-quartet"), "chip": "chip",
            "value": s.money(value) if "price" in key else value,
            "anchor": s.title("mat-air"),
        }  # fmt: skip
        fact = with_data(fact, chip="chip")
        found[key] = Clause(key=key, slots=slots, evidence=(fact,), product_id="tent-quartet")
    return found


def cart_clauses(facts: Facts) -> dict[str, Clause]:
    """Return the clauses of the cart."""
    s, found = facts.speaker, {}
    for key, quantity, n in (
        ("cart_added", 2, "2"), ("cart_removed", 0, "1"), ("cart_total", 3, "3"),
        ("cart_total_one", 1, "1"), ("cart_emptied", 0, "0"),
    ):  # fmt: skip
        cart = Cart().with_quantity("mat-foam", quantity)
        if key == "cart_removed":
            cart = cart.with_quantity("tent-duo", 1)
        fact = cart_fact(facts.records, cart, ("mat-foam",))
        slots = {
            "product": s.title("mat-foam"), "n": n, "total": s.money(fact.data["total"]),
        }  # fmt: skip
        own = None if key.startswith("cart_total") else "mat-foam"
        found[key] = Clause(key=key, slots=slots, evidence=(fact,), product_id=own)
    return found


def card_clauses(facts: Facts, said: Mapping[str, Clause]) -> dict[str, Clause]:
    """Return the one-line clauses of cards, made by `cards.card_clause`."""
    found = {}
    for key, clause in said.items():
        own = clause.product_id or ""
        suggestion = Suggestion(
            product_id=own, offer_kind="similar", score=0.0, score_parts={}, evidence_ids=()
        )
        made = card_clause(facts.speaker, clause.evidence[0], suggestion) if own else None
        if made is not None and key not in ("compare", "loss"):
            found[made.key] = made
    return found


def odd_clauses(shop: Shop, language: Language) -> dict[str, Clause]:
    """Return the clauses whose evidence only the odd shop has."""
    facts = Facts(shop, language)
    r, p, s = facts.records, facts.product, facts.speaker
    again = s.say(r.repurchase("rex", p("gas-click")))
    found = {
        "own_history_cart": s.say(r.own_history("uma", p("lantern"))),
        "own_history_category_cart": s.say(r.own_history("uma", facts.leaf("lantern"))),
        "repurchase": again,
        "placement_sponsored": s.say(r.placement(p("mat-foam"))),
        "placement_interest": s.say(r.placement(p("mat-air"))),
        **card_clauses(facts, {"repurchase": again}),
    }
    return {key: clause for key, clause in found.items() if clause is not None}


ODD = frozenset(
    {"own_history_cart", "own_history_category_cart", "repurchase", "card_repurchase",
     "placement_sponsored", "placement_interest"}
)  # fmt: skip
"""What `odd_clauses` makes."""


def all_clauses(shop: Shop, language: Language) -> dict[str, Clause]:
    """Return key → a clause with real evidence, for every wording that is not `ODD`."""
    facts = Facts(shop, language)
    said = said_clauses(facts)
    found = {
        **said, **bound_clauses(facts), **table_clauses(facts), **why_clauses(facts),
        **cart_clauses(facts), **card_clauses(facts, said),
    }  # fmt: skip
    assert set(found) <= set(load_wordings().clauses)
    return found
