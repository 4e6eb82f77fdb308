"""What may be shown: stock words, chips, constraint labels, when a complaint is due."""

from dataclasses import replace
from decimal import Decimal

import pytest

from assistant.conversation import Turn, constraint_chips
from assistant.policy import (
    MAX_CHIPS,
    can_add,
    chip_label,
    chips,
    complaint_is_due,
    constraint_labels,
    stock_word,
)
from retrieval.data.dataset import Product
from retrieval.evidence import Evidence
from retrieval.query import Constraints
from tests.assistant.facts import all_clauses

PRODUCT = Product(product_id="p", title="Pot", price=Decimal(5))


@pytest.mark.parametrize(
    ("stock", "english", "chinese"),
    [
        (None, "Stock not stated", "库存未注明"),
        (0, "Out of stock", "缺货"),
        (1, "Only 1 left", "仅剩1件"),
        (5, "Only 5 left", "仅剩5件"),
        (6, "In stock", "有货"),
    ],
)
def test_stock_is_said_as_the_shop_states_it(stock, english, chinese):
    product = replace(PRODUCT, stock=stock)
    assert stock_word(product, "en") == english
    assert stock_word(product, "zh") == chinese


@pytest.mark.parametrize(
    ("product", "may"),
    [
        (PRODUCT, True),
        (replace(PRODUCT, stock=1), True),
        (replace(PRODUCT, stock=0), False),
        (replace(PRODUCT, price=None), False),
    ],
)
def test_only_what_has_a_price_and_is_not_sold_out_may_go_into_a_cart(product, may):
    assert can_add(product) is may


def complaint(count, n_reviews):
    return Evidence(
        evidence_id="complaint:p", kind="complaint", product_ids=("p",), text="",
        data={"count": count, "n_reviews": n_reviews}, origin="",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fact", "due"),
    [
        (None, False),
        (complaint(1, 2), False),  # one voice is not a pattern
        (complaint(2, 20), True),  # exactly a tenth
        (complaint(2, 21), False),
        (complaint(9, 9), True),
    ],
)
def test_a_complaint_is_due_from_two_voices_and_a_tenth(fact, due):
    assert complaint_is_due(fact, 0.10) is due


@pytest.fixture(scope="module")
def facts(shop):
    return [f for c in all_clauses(shop, "en").values() for f in c.evidence]


def test_a_card_has_at_most_five_chips_the_most_telling_first(shop, facts):
    made = chips(shop.speakers["en"], facts)
    assert len(made) == MAX_CHIPS
    kinds = [chip.evidence_id.split(":")[0] for chip in made]
    assert kinds[0] == "compatibility"
    assert len(set(kinds)) == len(kinds)


def test_chips_of_records_that_are_no_reason_are_left_out(shop, facts):
    shown = chips(shop.speakers["en"], [f for f in facts if f.kind in ("cart", "rank", "count")])
    assert shown == ()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_figure_on_a_chip_is_the_records_own(shop, facts, language):
    for fact in facts:
        label = chip_label(shop.speakers[language], fact)
        assert "{" not in label
        if fact.kind == "bought_together":
            assert fact.data["confidence"] in label
        if fact.kind == "offer":
            assert "€12.90" in label


CONSTRAINTS = Constraints(
    price_max=Decimal(100),
    price_min=Decimal(10),
    total_max=Decimal(300),
    min_items=2,
    max_items=4,
    must_include=("tent-duo",),
    exclude=("mat-air",),
    categories=("Outdoor > Camping > Tents",),
    exclude_categories=("Mats",),
    brands=("Fjellro",),
    exclude_brands=("Lumo",),
    in_stock=True,
    attributes={"material": "duck down"},
    attributes_min={"sleeps": "3"},
    exclude_attributes={"material": "leather"},
    exclude_words=("leather",),
    rating_min=4.0,
    margin_min=Decimal("0.3"),
)


def test_every_constraint_has_a_chip_but_the_margin(shop):
    titles = {"tent-duo": "Duo", "mat-air": "AirLite"}
    labels = constraint_labels(shop.speakers["en"], CONSTRAINTS, titles)
    assert set(constraint_chips(CONSTRAINTS)) - set(labels) == {"margin_min"}
    assert labels["price_max"] == "up to €100.00"
    assert labels["categories:Outdoor > Camping > Tents"] == "Tents"
    assert labels["must_include:tent-duo"] == "with Duo"
    assert labels["exclude:mat-air"] == "without AirLite"
    assert labels["rating_min"] == "rated 4.0 or better"
    assert labels["attributes:material"] == "material duck down"


def test_chips_are_in_the_language_of_the_shopper(shop):
    labels = constraint_labels(shop.speakers["zh"], CONSTRAINTS, {})
    assert labels["price_max"] == "不超过€100.00"
    assert labels["categories:Outdoor > Camping > Tents"] == "帐篷"
    assert labels["exclude_categories:Mats"] == "不要防潮垫"
    assert labels["in_stock"] == "有货"


def test_a_match_shows_words_and_no_number_said_by_the_shopper(shop):
    records, speaker = shop.recommender.records, shop.speakers["en"]
    product = shop.store.catalogue["tent-duo"]
    said = records.match(product, ["half", "tent", "三", "90"])
    assert [chip.label for chip in chips(speaker, [said])] == ["Matches “tent”"]
    assert chips(speaker, [records.match(product, ["half", "两倍"])]) == ()


@pytest.mark.parametrize(
    ("language", "least", "most"),
    [("en", "sleeps 3 or more", "weight 2 kg or less"), ("zh", "人数 3以上", "重量 2 kg以下")],
)
def test_amounts_are_chips_that_say_which_way_they_limit(shop, language, least, most):
    asked = Constraints(attributes_min={"sleeps": "3"}, attributes_max={"weight": "2 kg"})
    labels = constraint_labels(shop.speakers[language], asked, {})
    assert labels == {"attributes_min:sleeps": least, "attributes_max:weight": most}


def test_what_is_over_a_limit_is_not_shown_and_why_not_says_its_own(assistant, shop):
    for line in ("a tent under 3 kg", "why not the Fjellro Quartet?"):
        reply = assistant.reply(Turn(conversation_id="amounts", text=line))
        assert all(check.supported for check in reply.checks)
    shown = [s.product_id for s in assistant.conversation("amounts").shown]
    assert "tent-quartet" not in shown
    assert "weight 3 kg or less" in reply.text
    assert "6.4 kg" in reply.text
