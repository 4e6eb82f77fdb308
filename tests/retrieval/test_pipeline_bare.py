"""Shops with almost nothing: no events, no reviews, no categories, no prices, one product."""

import json

import pytest

from retrieval.build import build_store
from retrieval.pipeline import Recommender
from retrieval.query import Query
from retrieval.store import Store

KINDS = ("similar", "cross_sell", "upsell", "bundle", "any", None)


@pytest.fixture(scope="module")
def opened(tmp_path_factory, tiny_files, tiny_config):
    """Return a function that builds a store of the tiny shop with some fields left out."""
    stores = []

    def opened(*without, limit=None, tables=("products",)):
        folder = tmp_path_factory.mktemp("bare")
        rows = [json.loads(line) for line in tiny_files["products"].open(encoding="utf-8")]
        kept = [{k: v for k, v in row.items() if k not in without} for row in rows[:limit]]
        file = folder / "products.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in kept), "utf-8")
        files = {name: tiny_files[name] for name in tables if name != "products"}
        build_store(
            products=file, **files, out=folder / "store", config=tiny_config, device="cpu",
            progress=False,
        )  # fmt: skip
        stores.append(Store.open(folder / "store", device="cpu"))
        return Recommender(stores[-1])

    yield opened
    for store in stores:
        store.close()


@pytest.fixture(scope="module")
def quiet(opened):
    """The tiny shop before its first visitor."""
    return opened()


@pytest.fixture(scope="module")
def plain(opened):
    """Titles and nothing else, with the events of the whole shop."""
    return opened(
        "category", "price", "list_price", "stock", "rating", "rating_count", "attributes",
        "brand", "margin", "item_group_id", "translations", "description",
        tables=("products", "events"),
    )  # fmt: skip


@pytest.fixture(scope="module")
def single(opened):
    return opened(limit=1)


def ask(recommender, **fields):
    return recommender.recommend(Query.model_validate({"query_id": "q", **fields}))


def ids(slate):
    return [s.product_id for s in slate.suggestions]


def test_without_events_search_works(quiet):
    slate = ask(quiet, text="sleeping bag")
    assert set(ids(slate)[:2]) == {"bag-summer", "bag-winter"}
    assert "popularity" not in {f.kind for f in slate.evidence.values()}


def test_without_events_complements_are_what_fits_then_what_is_near(quiet):
    slate = ask(quiet, anchors=["tent-duo"], offer_kind="cross_sell", k=3)
    assert ids(slate)[0] == "footprint-duo"  # stated to fit
    near = {"mat-foam", "mat-air", "bag-summer", "bag-winter", "footprint-duo"}
    assert set(ids(slate)) <= near  # all of Camping, none of Cooking or Light
    assert any("cold start" in note for note in slate.notes)
    assert [s.anchor_id for s in slate.suggestions] == ["tent-duo", None, None]
    scores = [s.score for s in slate.suggestions]
    assert scores == sorted(scores, reverse=True)


def test_without_events_what_does_not_fit_stays_out(quiet):
    slate = ask(quiet, anchors=["stove-spark"], offer_kind="cross_sell", k=99)
    assert ids(slate)[0] == "gas-screw"
    assert "gas-click" not in ids(slate)


def test_without_events_upsell_bundles_and_browsing_work(quiet):
    assert ids(ask(quiet, anchors=["tent-duo"], offer_kind="upsell")) == ["tent-quartet"]
    assert ask(quiet, anchors=["tent-duo"], offer_kind="bundle").bundles
    assert ask(quiet, text="camping", offer_kind="bundle").bundles
    assert len(ids(ask(quiet, k=99))) == 11
    assert ids(ask(quiet))[0] == ids(ask(quiet, basket=["nope"]))[0]


def test_without_events_no_moment_is_known(quiet):
    assert quiet.at(Query(query_id="q")) is None
    assert quiet.store.window == ("", "")
    slate = ask(quiet, text="tent", at="2026-03-01T00:00:00Z")
    assert ids(slate)


def test_titles_alone_still_find_and_relate(plain):
    assert ids(ask(plain, text="tent"))
    slate = ask(plain, anchors=["tent-duo"], offer_kind="cross_sell")
    assert "mat-foam" in ids(slate)  # bought with it
    assert ask(plain, anchors=["tent-duo"], offer_kind="upsell").notes
    slate = ask(plain, anchors=["tent-duo"], offer_kind="bundle")
    assert slate.bundles == ()  # nothing has a price
    assert slate.notes


@pytest.mark.parametrize("kind", KINDS)
def test_one_product_is_never_related_to_itself(single, kind):
    (only,) = single.store.catalogue.product_ids
    for fields in ({"anchors": [only]}, {"basket": [only]}, {}):
        if fields or kind != "bundle":
            slate = ask(single, offer_kind=kind, **fields)
            assert not fields or ids(slate) == []
            assert slate.notes or ids(slate)


def test_one_product_is_found_and_explained(single):
    (only,) = single.store.catalogue.product_ids
    assert ids(ask(single, text=single.store.catalogue[only].title)) == [only]
    assert single.why_not(Query(query_id="q", anchors=(only,)), only).verdict == "already_there"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shop", ["quiet", "plain", "single"])
def test_no_query_fails_on_a_bare_shop(request, shop, kind):
    recommender = request.getfixturevalue(shop)
    for fields in (
        {}, {"text": "tent"}, {"text": "?!"}, {"text": "帐篷"}, {"anchors": ["tent-duo"]},
        {"basket": ["stove-spark", "lantern"]}, {"history": ["mat-foam"]}, {"shopper_id": "kai"},
        {"anchor_categories": ["Outdoor > Camping > Tents"]}, {"k": 1000},
        {"constraints": {"price_max": 5, "total_max": 3, "must_include": ["lantern"]}},
    ):  # fmt: skip
        slate = ask(recommender, offer_kind=kind, **fields)
        assert slate.notes or slate.suggestions or slate.bundles
        for product in recommender.store.catalogue.product_ids[:3]:
            query = Query.model_validate({"query_id": "q", "offer_kind": kind, **fields})
            assert recommender.why_not(query, product).product_id == product
