"""What holds for every query: no constraint is broken, no kind is mixed up, whatever is asked."""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retrieval.pipeline import Recommender
from retrieval.query import Query, changed
from retrieval.store import Store

IDS = (
    "bag-summer", "bag-winter", "footprint-duo", "gas-click", "gas-screw", "headlamp", "lantern",
    "mat-air", "mat-foam", "stove-spark", "tent-duo", "tent-quartet", "unknown",
)  # fmt: skip
KINDS = ("similar", "cross_sell", "upsell", "bundle", "any", None)
NAMES = ("Camping", "Tents", "tents", "Sleeping", "Mats", "Fuel", "Cooking", "帐篷", "Nowhere")
BRANDS = ("Fjellro", "karsik", "Brenna", "Lumo", "Nobody")
WORDS = ("polyester", "gas", "down", "foam")
TEXTS = ("tent", "sleeping bag", "帐篷", "warm", "a kit for camping", "?!", "gas stove", "zzyzx")

some = st.lists
prices = st.integers(0, 300).map(Decimal)
products = some(st.sampled_from(IDS), max_size=3).map(tuple)
limits = st.fixed_dictionaries(
    {},
    optional={
        "price_min": st.integers(0, 60).map(Decimal),
        "price_max": prices,
        "total_max": st.integers(10, 500).map(Decimal),
        "min_items": st.integers(1, 6),
        "max_items": st.integers(1, 6),
        "must_include": some(st.sampled_from(IDS), max_size=2).map(tuple),
        "exclude": products,
        "categories": some(st.sampled_from(NAMES), max_size=2).map(tuple),
        "exclude_categories": some(st.sampled_from(NAMES), max_size=1).map(tuple),
        "brands": some(st.sampled_from(BRANDS), max_size=2).map(tuple),
        "exclude_brands": some(st.sampled_from(BRANDS), max_size=1).map(tuple),
        "in_stock": st.booleans(),
        "attributes": st.sampled_from(({}, {"material": "polyester"}, {"sleeps": "2"})),
        "exclude_words": some(st.sampled_from(WORDS), max_size=1).map(tuple),
        "rating_min": st.sampled_from((0.0, 4.0, 4.5)),
        "margin_min": st.sampled_from((Decimal(0), Decimal("0.35"), Decimal("0.45"))),
    },
)
queries = st.fixed_dictionaries(
    {"k": st.integers(1, 15), "constraints": limits},
    optional={
        "text": st.sampled_from(TEXTS),
        "anchors": products,
        "basket": products,
        "history": products,
        "shopper_id": st.sampled_from(("kai", "uma", "stranger")),
        "offer_kind": st.sampled_from(KINDS),
        "personalise": st.booleans(),
        "anchor_categories": st.sampled_from(((), ("Outdoor > Camping > Tents",), ("No",))),
    },
)


@pytest.fixture(scope="module")
def recommender(tiny_store):
    store = Store.open(tiny_store, device="cpu")
    yield Recommender(store)
    store.close()


def breaks(product, c):
    """Return what a product breaks, written again without masks."""
    path = {name.casefold() for name in product.category}
    path |= {n.casefold() for n in product.translations.get("zh", {}).get("category") or ()}
    text = " ".join([product.title, product.description, *product.attributes.values()]).casefold()
    brand = (product.brand or "").casefold()
    stated = {k: v.casefold() for k, v in product.attributes.items()}
    return [
        name
        for name, is_broken in {
            "price_min": c.price_min is not None and product.price < c.price_min,
            "price_max": c.price_max is not None and product.price > c.price_max,
            "exclude": product.product_id in c.exclude,
            "categories": c.categories and not path & {n.casefold() for n in c.categories},
            "exclude_categories": path & {n.casefold() for n in c.exclude_categories},
            "brands": c.brands and brand not in {b.casefold() for b in c.brands},
            "exclude_brands": brand in {b.casefold() for b in c.exclude_brands},
            "in_stock": c.in_stock and not product.stock,
            "attributes": any(v not in [*stated.get(k, "").split(), stated.get(k)]
                              for k, v in c.attributes.items()),
            "exclude_words": any(w in text.split() for w in c.exclude_words),
            "rating_min": c.rating_min is not None and (product.rating or -1) < c.rating_min,
        }.items()
        if is_broken
    ]  # fmt: skip


@settings(
    max_examples=250,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(fields=queries)
def test_no_answer_ever_breaks_what_was_asked(recommender, fields):
    query = Query.model_validate({"query_id": "q", **fields})
    slate, c, shop = recommender.recommend(query), query.constraints, recommender.store.catalogue
    ids = [s.product_id for s in slate.suggestions]
    assert len(ids) == len(set(ids))
    assert query.offer_kind == "bundle" or len(ids) <= query.k
    assert slate.notes or ids
    for suggestion in slate.suggestions:
        product = shop[suggestion.product_id]
        assert breaks(product, c) == []
        assert set(suggestion.evidence_ids) <= slate.evidence.keys()
        check_kind(query, suggestion, shop)
        if query.offer_kind != "bundle" and c.total_max is not None:
            assert product.price <= c.total_max
    for bundle in slate.bundles:
        check_bundle(bundle, c, shop)


def check_kind(query, suggestion, shop):
    product, kind = shop[suggestion.product_id], suggestion.offer_kind
    if query.offer_kind in ("similar", "cross_sell", "upsell", "bundle"):
        assert kind == query.offer_kind
    named = [shop[p] for p in (*query.anchors, *query.basket) if p in shop]
    if kind == "cross_sell":
        assert product.category not in [n.category for n in named]
        assert product.product_id not in [n.product_id for n in named]
    if kind == "upsell":
        anchor = shop[suggestion.anchor_id]
        assert product.price > anchor.price
        assert product.category == anchor.category


def check_bundle(bundle, c, shop):
    members = [shop[p] for p in bundle.product_ids]
    total = sum(p.price for p in members)
    assert bundle.total == total
    assert c.total_max is None or total <= c.total_max
    assert len(members) == len({p.product_id for p in members})
    assert len(members) >= (c.min_items or min(2, c.max_items or 2))
    assert len(members) <= (c.max_items or 6)
    assert set(c.must_include) <= set(bundle.product_ids)
    assert not set(c.exclude) & set(bundle.product_ids)
    assert all(p.stock != 0 for p in members) or c.in_stock is False
    if c.margin_min is not None:
        kept = sum(Decimal(str(p.margin)) * p.price for p in members)
        assert kept >= c.margin_min * total
    assert all(breaks(p, c) == [] for p in members)


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(fields=queries, product_id=st.sampled_from(IDS[:-1]))
def test_why_not_always_answers_and_its_change_works(recommender, fields, product_id):
    query = Query.model_validate({"query_id": "q", **fields})
    answer = recommender.why_not(query, product_id)
    shown = {s.product_id for s in recommender.recommend(query).suggestions}
    assert (answer.verdict == "shown") == (product_id in shown)
    if answer.change is not None:
        again = recommender.recommend(answer.change.query)
        assert product_id in {s.product_id for s in again.suggestions}
        redone = query
        for step in answer.change.steps:
            redone = changed(redone, step)
        assert redone == answer.change.query
