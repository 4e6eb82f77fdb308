"""Every kind of evidence on the tiny store; its README has the counts."""

from dataclasses import asdict
from decimal import Decimal
from itertools import permutations

import numpy as np
import pytest

from retrieval.evidence import evidence_id
from retrieval.facts.catalogue import number_of
from retrieval.filters import Bound
from retrieval.query import Constraints
from retrieval.records import Records, money
from retrieval.slate import Candidate
from retrieval.store import Store


@pytest.fixture(scope="module")
def records(tiny_store):
    store = Store.open(tiny_store, device="cpu")
    yield Records(store)
    store.close()


@pytest.fixture(scope="module")
def shop(records):
    return records.store.catalogue


def leaf(shop, name):
    return next(code for code, path in enumerate(shop.leaves) if path.endswith(name))


def test_bought_together_carries_its_counts(records, shop):
    fact = records.bought_together(shop["mat-foam"], shop["tent-duo"])
    # 6 baskets with the mat, all 6 with the tent, 9 with the tent, 20 in all
    assert fact.data == {
        "count": 6, "n_anchor": 6, "n_other": 9, "n": 20, "confidence": "100.0",
        "low": "61.0", "high": "100.0", "lift": "2.2",
        "anchor": "mat-foam", "anchor_category": None, "other": "tent-duo",
        "from": "2026-01-10", "to": "2026-06-20",
    }  # fmt: skip
    assert fact.product_ids == ("mat-foam", "tent-duo")
    assert "6 of the 6 baskets with Karsik Trail foam mat" in fact.text


def test_together_is_read_from_the_anchors_side(records, shop):
    fact = records.bought_together(shop["tent-duo"], shop["mat-foam"])
    assert (fact.data["count"], fact.data["n_anchor"], fact.data["confidence"]) == (6, 9, "66.7")


def test_below_minimum_support_nothing_is_said(records, shop):
    assert records.bought_together(shop["bag-winter"], shop["mat-air"]) is None  # once
    assert records.popularity(shop["bag-winter"]) is None


def test_at_or_below_chance_nothing_is_said(records, shop):
    assert records.bought_together(shop["tent-duo"], shop["gas-screw"]) is None


def test_nothing_goes_with_itself_or_its_own_category(records, shop):
    tent = shop["tent-duo"]
    assert records.bought_together(tent, tent) is None
    assert records.bought_together(leaf(shop, "Tents"), tent) is None


def test_a_category_can_be_either_side(records, shop):
    # baskets with any tent: 9 + 2; with any mat: 6 + 3; both: 6 + 2
    fact = records.bought_together(leaf(shop, "Tents"), shop["mat-foam"])
    assert (fact.data["count"], fact.data["n_anchor"]) == (6, 11)
    assert fact.data["anchor_category"] == "Outdoor > Camping > Tents"
    fact = records.bought_together(leaf(shop, "Tents"), leaf(shop, "Mats"))
    assert (fact.data["count"], fact.data["n_anchor"], fact.data["n_other"]) == (8, 11, 9)
    assert fact.data["other_category"] == "Outdoor > Camping > Sleeping > Mats"
    assert fact.product_ids == ()


def test_viewed_together_counts_sessions(records, shop):
    fact = records.viewed_together(shop["mat-foam"], shop["tent-quartet"])
    assert (fact.kind, fact.data["count"], fact.data["n"]) == ("viewed_together", 6, 21)


def test_popularity_counts_shoppers_not_purchases(records, shop):
    fact = records.popularity(shop["mat-foam"])
    bought = records.store.dataset.events.filter(type="purchase", product_id="mat-foam")
    assert fact.data["n_shoppers"] == bought["shopper_id"].n_unique()


def test_own_history_prefers_purchases_and_counts_them(records, shop):
    events = records.store.dataset.events.filter(type="purchase", product_id="tent-duo")
    shopper = events["shopper_id"][0]
    n = (events["shopper_id"] == shopper).sum()
    fact = records.own_history(shopper, shop["tent-duo"])
    assert (fact.data["type"], fact.data["count"]) == ("purchase", n)
    assert records.own_history(shopper, shop["gas-click"]) is None
    assert records.own_history("nobody", shop["tent-duo"]) is None


def test_looking_is_history_too(records, shop):
    fact = records.own_history("uma", shop["headlamp"])
    assert (fact.data["type"], fact.data["count"]) == ("view", 1)


def test_catalogue_facts_are_what_the_record_states(records, shop):
    tent = shop["tent-quartet"]
    assert records.price(tent).data == {
        "price": "249.00", "currency": "EUR", "list_price": "279.00", "saving": "30.00",
    }  # fmt: skip
    assert records.stock(tent).data == {"stock": 5}
    assert records.rating(tent).data == {"rating": "4.5", "rating_count": 2}
    assert records.category(tent).data == {"category": ["Outdoor", "Camping", "Tents"]}
    assert records.attribute(tent, "sleeps").data == {"name": "sleeps", "value": "4"}


def test_what_is_not_stated_has_no_evidence(records, shop):
    assert records.stock(shop["lantern"]) is None
    assert records.rating(shop["gas-screw"]) is None
    assert records.attribute(shop["lantern"], "sleeps") is None
    assert records.comparison(shop["lantern"], shop["tent-duo"], "brightness") is None
    assert records.compatibility(shop["lantern"], shop["tent-duo"]) is None
    assert records.match(shop["lantern"], ()) is None


def test_compatibility_says_both_sides(records, shop):
    fact = records.compatibility(shop["gas-click"], shop["stove-spark"])
    assert fact.product_ids == ("stove-spark", "gas-click")
    assert fact.data == {
        "name": "cartridge", "value": "click", "wanted": "EN 417 screw",
        "holder": "stove-spark", "other": "gas-click", "works": False,
    }  # fmt: skip


def test_a_comparison_says_which_is_better_by_the_shops_direction(records, shop):
    duo, quartet = shop["tent-duo"], shop["tent-quartet"]
    assert records.comparison(quartet, duo, "sleeps").data["better"] == "this"
    assert records.comparison(quartet, duo, "weight").data["better"] == "that"  # lower is better
    assert records.comparison(quartet, duo, "material").data["better"] == "neither"


@pytest.mark.parametrize(
    ("this", "that", "better"),
    [
        ("2.1 kg", "6.4 kg", "this"),
        ("2.1 kg", "900 g", "neither"),  # units differ
        ("2 kg", "2.0 kg", "neither"),  # equal
        ("light", "2 kg", "neither"),
        ("1,450 kg", "900 kg", "that"),
    ],
)
def test_better_needs_numbers_of_one_unit(records, this, that, better):
    assert records.better("weight", this, that) == better  # lower is better


@pytest.mark.parametrize(
    ("value", "number", "unit"),
    [("1450 g", "1450", "g"), ("1,450 g", "1450", "g"), ("-5 °C", "-5", "°C"), ("2.5", "2.5", "")],
)
def test_number_of_reads_a_leading_number_and_its_unit(value, number, unit):
    assert number_of(value) == (Decimal(number), unit)


def test_a_decimal_comma_is_not_a_thousands_separator():
    assert number_of("1,5 kg") != (Decimal(15), "kg")
    assert number_of("none") is None


def test_a_difference_is_never_negative(records, shop):
    cheap, dear = shop["tent-duo"], shop["tent-quartet"]
    fact = records.difference(cheap, dear)
    assert (fact.data["difference"], fact.data["dearer"]) == ("120.00", "that")
    assert "costs 120.00 less than" in fact.text
    assert records.difference(dear, cheap).data["dearer"] == "this"


def test_ratings_that_read_the_same_are_not_better(records, shop):
    fact = records.rating_comparison(shop["tent-quartet"], shop["stove-spark"])  # 4.5 and 4.5
    assert fact.data["better"] == "neither"


def test_a_quote_stands_word_for_word_in_its_review(records):
    reviews = dict(records.store.dataset.reviews.select("review_id", "text").iter_rows())
    for row in range(len(records.store.dataset.spans)):
        data = records.quote(row).data
        assert reviews[data["review_id"]][data["start"] : data["end"]] == data["text"]


def test_praise_comes_from_good_reviews_and_complaints_from_bad_ones(records, shop):
    for product in shop.products:
        praise, complaint = records.praise(product), records.complaint(product)
        assert praise is None or praise.data["rating"] >= 4
        assert complaint is None or complaint.data["rating"] <= 2


def test_a_complaint_counts_all_low_reviews_of_all_rated_ones(records, shop):
    for product in shop.products:
        fact = records.complaint(product)
        if fact is not None:
            reviews = records.store.dataset.reviews.filter(product_id=product.product_id)
            rated = reviews["rating"].drop_nulls()
            assert fact.data["count"] == (rated <= 2).sum()
            assert fact.data["n_reviews"] == len(rated)


def test_an_offer_says_what_it_takes_off(records, shop):
    offer = records.store.promotions["tents-10"]
    fact = records.offer(shop["tent-duo"], offer)
    assert (fact.data["saving"], fact.data["price_after"]) == ("12.90", "116.10")
    assert records.offer(shop["lantern"], offer) is None  # not in its scope


def test_facts_of_one_turn(records, shop):
    total = records.total([shop["mat-foam"], shop["lantern"]], Decimal(50), "q1")
    assert (total.data["total"], total.data["left"]) == ("58.90", "-8.90")
    count = records.count(3, {"price_max": "20"}, "tents under 20")
    assert count.data["n"] == 3
    bound = records.bound(
        Bound(name="price_max", value=Decimal("129.00"), row=shop.row("tent-duo")), "Tents", 20
    )
    assert (bound.data["value"], bound.data["wanted"]) == ("129.00", "20")
    fact = records.constraint(Constraints(brands=("Lumo",)), shop["tent-duo"], "brands")
    assert (fact.data["actual"], fact.data["wanted"]) == ("Fjellro", "Lumo")
    fact = records.constraint(
        Constraints(attributes={"sleeps": "3"}), shop["tent-duo"], "attributes"
    )
    assert (fact.data["actual"], fact.data["wanted"]) == ("sleeps 2", "sleeps 3")
    own, ahead = Candidate(row=0, parts={"lexical": 0.5}), Candidate(row=1, parts={"lexical": 1.0})
    rank = records.rank("q", (2, 9, 1), own, ahead)
    assert (rank.data["rank"], rank.data["n"], rank.data["ahead"]) == (2, 9, shop.product_ids[1])


def test_the_same_constraint_with_another_value_is_another_record(records, shop):
    tent = shop["tent-duo"]
    one, two = (
        records.constraint(Constraints(price_max=Decimal(limit)), tent, "price_max")
        for limit in (20, 50)
    )
    assert one.evidence_id != two.evidence_id


def stored(records, shop):
    """Every fact of the store that has one."""
    leaves = range(len(shop.leaves))
    one = (
        records.price, records.stock, records.rating, records.category, records.popularity,
        records.complaint, records.praise,
    )  # fmt: skip
    two = (
        records.bought_together, records.viewed_together, records.compatibility,
        records.difference, records.rating_comparison,
    )  # fmt: skip
    for product in shop.products:
        yield from (make(product) for make in one)
        yield from (records.attribute(product, name) for name in product.attributes)
        yield from (records.offer(product, offer) for offer in records.store.promotions.values())
        for shopper in records.store.behaviour.profiles.shopper_ids:
            yield records.own_history(shopper, product)
        yield from (records.bought_together(code, product) for code in leaves)
    for this, that in permutations(shop.products, 2):
        yield from (make(this, that) for make in two)
        yield from (records.comparison(this, that, name) for name in this.attributes)
    yield from (records.bought_together(a, b) for a, b in permutations(leaves, 2))
    yield from (records.quote(row) for row in range(len(records.store.dataset.spans)))


def test_every_stored_fact_resolves_to_itself(records, shop):
    facts = [fact for fact in stored(records, shop) if fact is not None]
    kinds = {fact.kind for fact in facts}
    assert kinds >= {
        "price", "stock", "rating", "category", "popularity", "quote", "attribute",
        "own_history", "bought_together", "viewed_together", "compatibility", "difference",
        "comparison", "offer",
    }  # fmt: skip
    for fact in facts:
        assert records.resolve(fact.evidence_id) == fact


def test_one_id_is_one_record(records, shop):
    facts = {}
    for fact in stored(records, shop):
        if fact is not None:
            assert asdict(facts.setdefault(fact.evidence_id, fact)) == asdict(fact)


@pytest.mark.parametrize(
    "wanted",
    [
        "", "price", "price:nope", "nonsense:tent-duo", "total:q1", "attribute:tent-duo:nope",
        "quote:r99#0", "comparison:tent-duo:mat-foam", "bought_together:tent-duo",
        "bought_together:category=Nope:tent-duo", "bought_together:lantern:tent-duo",
        "own_history:tent-duo", "offer:nope:tent-duo", "offer:tents-10:lantern", ":::",
        "difference:tent-duo:tent-duo:extra:extra", "compatibility:lantern:tent-duo",
    ],
)  # fmt: skip
def test_an_id_that_names_no_record_resolves_to_nothing(records, wanted):
    fact = records.resolve(wanted)
    assert fact is None or fact.evidence_id == wanted or wanted.startswith("difference:")


def test_ids_escape_what_separates():
    assert evidence_id("price", "a:b%c") == "price:a%3Ab%25c"
    assert money(Decimal("3")) == "3.00"


def test_a_query_vector_chooses_the_quote_nearest_to_it(records, shop):
    product = shop["tent-duo"]
    spans = records.store.spans_by_product["tent-duo"]
    for span in spans:
        vector = np.asarray(records.store.span_vectors.vectors[span])
        (best, score), *_ = records.passages(product, vector, "", k=3)
        # no words to hold, nearness 1: 1 / (1 + exp(3.462 - 5.042))
        assert score == pytest.approx(0.829, abs=1e-3)
        assert best.data["text"] == records.quote(span).data["text"]
    assert records.passages(shop["gas-click"], vector, "x", k=3) == []


def test_an_opinion_counts_the_clear_reviews_of_one_aspect_and_names_their_sentences(records, shop):
    # r01 stayed dry, r05 一点都没湿; no other review of the tent speaks of water
    fact = records.aspect_opinion(shop["tent-duo"], "waterproofing", "praise")
    assert (fact.data["count"], fact.data["n_opinions"]) == (2, 2)
    assert {span.partition("#")[0] for span in fact.data["spans"]} == {"r01", "r05"}
    assert records.aspect_opinion(shop["tent-duo"], "waterproofing", "complaint") is None
    assert records.resolve(fact.evidence_id) == fact
    assert records.resolve("aspect_opinion:tent-duo:waterproofing:mixed") is None


def test_a_shared_complaint_counts_all_reviews_and_never_one_review_twice(records, shop):
    # r04 speaks of the zip in both sentences
    fact = records.shared_complaint(shop["tent-duo"], "zips")
    assert fact.evidence_id == "shared_complaint:tent-duo:zips"
    assert (fact.data["count"], fact.data["n_reviews"]) == (1, 6)
    assert fact.data["text"] in records.store.reviews_by_id["r04"]["text"]
    assert records.resolve(fact.evidence_id) == fact
    assert records.shared_complaint(shop["tent-duo"], "comfort") is None
    assert records.shared_complaint(shop["gas-screw"]) is None


def test_reviews_disagree_only_where_both_ends_are_there(records, shop):
    fact = records.disagreement(shop["mat-air"])  # r12 gave 5, r13 gave 2
    assert fact.data == {"n_reviews": 2, "n_high": 1, "n_low": 1}
    assert records.disagreement(shop["mat-foam"]) is None
    assert records.resolve(fact.evidence_id) == fact
