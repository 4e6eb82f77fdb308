"""The simulated sample store: deterministic, valid, consistent, and as large as promised."""

import json
import re
import tomllib
from collections import Counter, defaultdict
from datetime import UTC, datetime

import numpy as np
import pytest
import zstandard

from eval.simulate import simulation
from eval.simulate.__main__ import main
from eval.simulate.content import load_shelf
from eval.simulate.phrasing import choose, fill, holds, parse_sentences
from eval.simulate.pictures import draw
from eval.simulate.pricing import shop_price
from eval.simulate.simulation import simulate, write_store
from retrieval.config import StoreConfig
from retrieval.data.schemas import EventRecord, OfferRecord, ProductRecord, ReviewRecord

SMALL = 0.03
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def read_lines(path):
    raw = path.read_bytes()
    if path.suffix == ".zst":
        raw = zstandard.ZstdDecompressor().decompress(raw)
    return [json.loads(line) for line in raw.decode().splitlines()]


@pytest.fixture(scope="module")
def made():
    return simulate(seed=7, scale=SMALL)


@pytest.fixture(scope="module")
def store(made, tmp_path_factory):
    out = tmp_path_factory.mktemp("outfitter")
    write_store(made, out)
    return out


@pytest.fixture(scope="module")
def products(store):
    return {row["product_id"]: row for row in read_lines(store / "products.jsonl")}


@pytest.fixture(scope="module")
def events(store):
    return read_lines(store / "events.jsonl.zst")


def files_of(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_same_seed_makes_the_same_bytes(store, tmp_path):
    write_store(simulate(seed=7, scale=SMALL), tmp_path)
    assert files_of(tmp_path) == files_of(store)


def test_another_seed_makes_other_products(made):
    other = simulate(seed=8, scale=SMALL)
    assert [p.record for p in other.products] != [p.record for p in made.products]


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("products.jsonl", ProductRecord),
        ("reviews.jsonl", ReviewRecord),
        ("events.jsonl.zst", EventRecord),
        ("offers.jsonl", OfferRecord),
    ],
)
def test_every_record_passes_its_schema(store, name, schema):
    rows = read_lines(store / name)
    assert rows
    for row in rows:
        schema.model_validate(row)


def test_store_settings_are_valid_and_say_that_the_shop_is_simulated(store):
    config = StoreConfig.model_validate(tomllib.loads((store / "store.toml").read_text("utf-8")))
    assert config.shop.name == "outfitter"
    assert config.shop.simulated
    assert config.currency == "USD"
    assert set(config.shop.starters) == set(config.shop.notice) == {"en", "zh"}


def test_labels_in_both_languages_cover_every_attribute(store, products):
    config = StoreConfig.model_validate(tomllib.loads((store / "store.toml").read_text("utf-8")))
    names = {name for row in products.values() for name in row["attributes"]}
    for language in ("en", "zh"):
        assert names <= set(config.labels[language]), language


def test_rating_and_count_equal_those_of_the_reviews(store, products):
    stars = defaultdict(list)
    for row in read_lines(store / "reviews.jsonl"):
        stars[row["product_id"]].append(row["rating"])
    for product_id, row in products.items():
        given = stars.get(product_id)
        assert row.get("rating_count") == (len(given) if given else None)
        if given:
            assert row["rating"] == round(sum(given) / len(given), 1)


def test_planted_complements_are_of_different_leaves_and_fit(store, products):
    rows = read_lines(store / "truth" / "complements.jsonl")
    assert rows
    for row in rows:
        anchor, other = products[row["product_id"]], products[row["complement_id"]]
        assert anchor["category"][1] != other["category"][1]


def test_planted_fuel_burns_in_the_stove_it_is_planted_for(store, products):
    pairs = [
        (products[row["product_id"]], products[row["complement_id"]])
        for row in read_lines(store / "truth" / "complements.jsonl")
    ]
    fuels = [
        (a, b) for a, b in pairs if a["category"][1] == "Stoves" and b["category"][1] == "Fuel"
    ]
    assert fuels
    for stove, fuel in fuels:
        assert stove["attributes"]["fits fuel"] == fuel["attributes"]["fuel"]


def test_substitutes_share_the_leaf(store, products):
    for row in read_lines(store / "truth" / "substitutes.jsonl"):
        one, other = products[row["product_id"]], products[row["substitute_id"]]
        assert one["category"] == other["category"]
        assert one["product_id"] != other["product_id"]


def test_at_least_six_compatibility_relations_have_both_sides(products):
    values = {
        (name, value) for row in products.values() for name, value in row["attributes"].items()
    }
    met = {
        name.removeprefix("fits ")
        for name, value in values
        if name.startswith("fits ") and (name.removeprefix("fits "), value) in values
    }
    assert len(met) >= 6


def test_every_product_speaks_chinese(products):
    for row in products.values():
        chinese = row["translations"]["zh"]
        assert CHINESE.search(chinese["title"]), row["title"]
        assert CHINESE.search(chinese["description"]), row["title"]
        assert all(CHINESE.search(name) for name in chinese["category"])
        assert set(chinese["attributes"]) <= set(row["attributes"])


def test_no_text_keeps_a_mark_of_its_pattern(store, products):
    texts = [row["title"] + row["description"] for row in products.values()]
    texts += [row["text"] + row.get("title", "") for row in read_lines(store / "reviews.jsonl")]
    assert not [text for text in texts if re.search(r"[{}\[\]|]|\s\s| [,.]", text)]


def test_every_product_has_a_picture_without_script_or_reference(store, products):
    for row in products.values():
        picture = (store / row["image_url"]).read_text("utf-8")
        assert picture.startswith("<svg ")
        assert not re.search(r"script|href|url\(|<image|on\w+=", picture)


def test_every_drawing_is_used_and_every_used_drawing_exists():
    shelf = load_shelf()
    used = {
        kind.picture for part in shelf.departments for leaf in part.leaves for kind in leaf.kinds
    }
    assert used == set(shelf.pictures)


def test_complements_likes_and_offers_name_existing_leaves():
    shelf = load_shelf()
    leaves = {leaf.en for part in shelf.departments for leaf in part.leaves}
    broad = {part.department.en for part in shelf.departments}
    named = set(shelf.complements) | {name for row in shelf.complements.values() for name in row}
    named |= {name for segment in shelf.segments.values() for name in segment.likes}
    named |= set(shelf.only_kinds) | {name for row in shelf.only_kinds.values() for name in row}
    named |= {offer.best_of for offer in shelf.offers if offer.best_of}
    assert named <= leaves
    assert {name for offer in shelf.offers for name in offer.categories} <= leaves | broad


def test_kinds_that_belong_to_a_leaf_exist_in_the_other():
    shelf = load_shelf()
    kinds = {
        leaf.en: {kind.key for kind in leaf.kinds}
        for part in shelf.departments
        for leaf in part.leaves
    }
    for leaf, others in shelf.only_kinds.items():
        for other, wanted in others.items():
            assert other in shelf.complements[leaf]
            assert set(wanted) <= kinds[other]


def test_event_ids_are_unique_and_times_lie_in_the_year(events):
    assert len({event["event_id"] for event in events}) == len(events)
    first, last = datetime(2025, 10, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC)
    times = [datetime.fromisoformat(event["at"]) for event in events]
    assert times == sorted(times)
    assert first <= times[0]
    assert times[-1] < last


def test_purchased_products_were_viewed_before_by_the_same_shopper(events):
    viewed = set()
    for event in events:
        key = (event["shopper_id"], event.get("product_id"))
        if event["type"] == "view":
            viewed.add(key)
        elif event["type"] == "purchase":
            assert key in viewed


def test_a_basket_has_one_shopper_and_one_time(events):
    baskets = defaultdict(set)
    for event in events:
        if event["type"] == "purchase":
            baskets[event["order_id"]].add((event["shopper_id"], event["at"]))
    assert all(len(found) == 1 for found in baskets.values())


def test_only_treated_shoppers_see_the_promotion(store, events):
    rows = read_lines(store / "truth" / "shoppers.jsonl")
    treated = {row["shopper_id"] for row in rows if row["treated"]}
    seen = {event["shopper_id"] for event in events if event["type"] == "offer_view"}
    redeemed = {event["shopper_id"] for event in events if event["type"] == "offer_redeem"}
    assert seen == treated
    assert redeemed <= treated


def test_review_aspects_point_at_sentences_that_exist(store):
    reviews = {row["review_id"]: row for row in read_lines(store / "reviews.jsonl")}
    spoken = read_lines(store / "truth" / "review_aspects.jsonl")
    assert spoken
    for row in spoken:
        text = reviews[row["review_id"]]["text"]
        sentences = re.split(r"(?<=[.!?])\s+|(?<=[。！？])", text)
        assert row["sentence"] < len([sentence for sentence in sentences if sentence])


def test_no_shopper_reviews_a_product_twice(store):
    rows = read_lines(store / "reviews.jsonl")
    assert len({(row["shopper_id"], row["product_id"]) for row in rows}) == len(rows)


def test_products_known_for_a_weakness_get_more_complaints(made):
    weak = {
        (product_id, aspect.name)
        for product_id, aspects in made.quality.items()
        for aspect in aspects
        if aspect.is_planted_weakness
    }
    said = Counter(
        ((review.record["product_id"], aspect) in weak, polarity)
        for review in made.reviews
        for _, aspect, polarity in review.spoken
    )
    share = {
        is_weak: said[is_weak, "negative"] / (said[is_weak, "negative"] + said[is_weak, "positive"])
        for is_weak in (True, False)
    }
    assert share[True] > share[False] + 0.2


@pytest.mark.parametrize(
    ("amount", "price"), [(3.9, "3.95"), (24.6, "24.95"), (131.0, "129.00"), (640.0, "639.00")]
)
def test_prices_end_like_a_shops(amount, price):
    assert str(shop_price(amount)) == price


def test_patterns_choose_and_fill():
    rng = np.random.default_rng(0)
    said = {choose("[warm|cold] {noun}[, really|].", rng) for _ in range(40)}
    assert said == {
        "warm {noun}.", "cold {noun}.", "warm {noun}, really.", "cold {noun}, really."
    }  # fmt: skip
    assert fill("a {noun}", {"noun": "tent"}) == "a tent"


def test_an_unknown_slot_is_refused_by_name():
    with pytest.raises(KeyError, match="no slot 'nuon'"):
        fill("a {nuon}", {"noun": "tent"})


@pytest.mark.parametrize(
    ("when", "is_true"),
    [
        ("", True),
        ("weight<2000", True),
        ("weight<2000 & season=4-season", False),
        ("season!=4-season", True),
        ("doors>=2", False),  # an absent specification makes a condition false
    ],
)
def test_conditions_read_the_number_a_value_begins_with(when, is_true):
    assert holds(when, {"weight": "1450 g", "season": "3-season"}) is is_true


def test_a_sentence_without_its_chinese_is_refused():
    with pytest.raises(ValueError, match="expected `english"):
        parse_sentences("Only one language here.")


def test_a_scale_of_nothing_is_refused_by_value():
    with pytest.raises(ValueError, match=r"`scale` must be above 0 and at most 1, got 0"):
        simulate(scale=0)


def test_the_command_writes_a_store_and_clears_the_pictures_of_an_older_one(
    made, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("eval.simulate.__main__.simulate", lambda **_: made)
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "old.svg").write_text("<svg/>")
    assert main(["--out", str(tmp_path)]) == 0
    counts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert counts["products"] == len(list((tmp_path / "images").iterdir()))


def test_a_drawing_takes_the_products_colour(made):
    product = next(p for p in made.products if p.kind.picture == "tent_dome")
    assert made.shelf.colours[product.colour].tone in draw(made.shelf, product)


@pytest.mark.slow
def test_the_full_store_reaches_its_size_and_its_planted_pairs_are_seen(tmp_path):
    counts = write_store(simulate(seed=7), tmp_path)
    assert counts["products"] >= 600
    assert counts["reviews"] >= 6000
    assert counts["shoppers"] == simulation.N_SHOPPERS
    assert counts["events"] >= 120_000
    rows = read_lines(tmp_path / "products.jsonl")
    assert len({row["category"][0] for row in rows}) >= 8
    assert len({row["title"] for row in rows}) == len(rows)
    baskets = defaultdict(set)
    for event in read_lines(tmp_path / "events.jsonl.zst"):
        if event["type"] == "purchase":
            baskets[event["order_id"]].add(event["product_id"])
    planted = {
        (row["product_id"], row["complement_id"])
        for row in read_lines(tmp_path / "truth" / "complements.jsonl")
    }
    support = Counter(
        pair
        for basket in baskets.values()
        for pair in ((one, other) for one in basket for other in basket)
        if pair in planted
    )
    assert sum(count >= 20 for count in support.values()) >= 40
