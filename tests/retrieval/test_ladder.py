"""Which rung of the cold-start ladder an answer stands on, by what moved it."""

import json
import random
from datetime import UTC, datetime, timedelta

import pytest

from retrieval.build import build_store
from retrieval.ladder import product_rung
from retrieval.pipeline import Recommender
from retrieval.query import Query
from retrieval.store import Store

PAIRS = [(f"tent{i}", f"pump{i}") for i in range(6)]
BRAND_NEW = "tent-new"


@pytest.fixture(scope="module")
def shop(tmp_path_factory, tiny_config):
    """Each tent is bought with its own pump; `tent-new` reads like `tent0` and nobody met it."""
    folder = tmp_path_factory.mktemp("ladder")
    rng = random.Random(0)
    words = {p: f"{p} of {w}" for w, pair in zip("abcdef", PAIRS, strict=True) for p in pair}
    products = [
        {"product_id": name, "title": words[name], "category": ["Camp", name[:4]]}
        for pair in PAIRS
        for name in pair
    ]
    products.append(
        {"product_id": BRAND_NEW, "title": words["tent0"], "category": ["Camp", "tent"]}
    )
    events = []
    for basket in range(240):
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=4 * basket)
        events += [
            {
                "event_id": f"{basket}-{product}", "shopper_id": f"s{basket % 60}",
                "order_id": f"o{basket}", "type": "purchase", "at": at.isoformat(),
                "product_id": product,
            }
            for product in rng.choice(PAIRS)
        ]  # fmt: skip
    for name, rows in (("products", products), ("events", events)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    learning = tiny_config.learning.model_copy(update={"enabled": False})
    build_store(
        products=folder / "products.jsonl",
        events=folder / "events.jsonl",
        out=folder / "store",
        config=tiny_config.model_copy(update={"learning": learning}),
        progress=False,
    )
    store = Store.open(folder / "store")
    yield Recommender(store)
    store.close()


def slate_of(shop, **asked):
    return shop.recommend(Query(query_id="q", k=13, **asked))


def test_a_known_shopper_is_answered_from_their_own_history(shop):
    assert slate_of(shop, shopper_id="s1").rung == "own history"


def test_with_personalisation_off_nobody_has_a_history(shop):
    off = slate_of(shop, shopper_id="s1", personalise=False)
    assert off.rung == slate_of(shop).rung == "popular"


def test_a_new_shopper_is_answered_from_the_session(shop):
    assert slate_of(shop, shopper_id="nobody", history=["tent1"]).rung == "session"
    assert slate_of(shop, basket=["tent1"]).rung == "session"


def test_words_alone_are_content(shop):
    assert slate_of(shop, text="tent1").rung == "content"


def test_a_brand_new_product_is_shown_for_its_relatives_and_says_so(shop):
    slate = slate_of(shop, basket=["pump0"])
    rungs = {s.product_id: s.rung for s in slate.suggestions}
    assert rungs["tent0"] == "behaviour"
    assert rungs[BRAND_NEW] == "relatives"
    parts = {s.product_id: s.score_parts for s in slate.suggestions}
    assert parts[BRAND_NEW]["relatives"] > 0
    assert sum(parts[BRAND_NEW].values()) < sum(parts["tent0"].values())


def test_a_brand_new_product_is_found_by_words_as_high_as_its_relatives(shop):
    slate = slate_of(shop, text="tent0 of a")
    parts = {s.product_id: s.score_parts for s in slate.suggestions}
    assert 0 < parts[BRAND_NEW]["relatives"] <= parts["tent0"]["popularity"] + 1e-6
    assert {s.product_id for s in slate.suggestions[:2]} == {"tent0", BRAND_NEW}


def test_a_brand_new_anchor_is_given_what_goes_with_its_nearest_relative(shop):
    slate = slate_of(shop, anchors=[BRAND_NEW], offer_kind="cross_sell")
    assert slate.suggestions[0].product_id == "pump0"
    assert any("new product" in note for note in slate.notes)


def test_the_rung_stands_in_the_slate_and_in_each_suggestion(shop):
    data = slate_of(shop, basket=["pump0"]).as_json()
    assert data["rung"] == "session"
    assert {s["rung"] for s in data["suggestions"]} >= {"behaviour", "relatives"}


@pytest.mark.parametrize(
    ("parts", "is_met", "rung"),
    [
        ({"semantic": 0.5, "item_cf": 0.1}, True, "behaviour"),
        ({"semantic": 0.5, "item_cf": 0.0}, True, "content"),
        ({"self_attention": 0.5, "semantic": 0.1}, True, "behaviour"),
        ({"self_attention": 0.5, "semantic": 0.1}, False, "content"),
        ({"relatives": 0.5, "compatibility": 0.1}, False, "relatives"),
        ({"compatibility": 0.5, "same_category": 0.1}, False, "compatibility"),
        ({"category_association": 0.5, "semantic": 0.1}, True, "category"),
        ({}, True, "content"),
    ],
)
def test_the_highest_rung_that_contributed_counts(parts, is_met, rung):
    assert product_rung(parts, is_met=is_met) == rung
