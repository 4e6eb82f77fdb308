# ruff: noqa: E501
"""Conditions other than money, the wish, and how turns add up."""

from __future__ import annotations

from decimal import Decimal

import pytest

from assistant.intent import understand
from retrieval.query import Constraints
from tests.assistant.shop_words import EMPTY, TENTS, chat, shop


def held(text, conversation=EMPTY) -> dict[str, object]:
    """The constraints that are set, as plain values."""
    found = understand(text, conversation, shop()).constraints
    return {k: v for k, v in found if v not in (None, (), {})}


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("tent from Acme", "brands", ("Acme",)), ("Acme tents", "brands", ("Acme",)),
        ("only Bolt", "brands", ("Bolt",)), ("tents by Acme or Bolt", "brands", ("Acme", "Bolt")),
        ("Acme的帐篷", "brands", ("Acme",)), ("要Bolt牌子的", "brands", ("Bolt",)),
        ("not Acme", "exclude_brands", ("Acme",)), ("anything but Acme", "exclude_brands", ("Acme",)),
        ("tent, not from Bolt", "exclude_brands", ("Bolt",)), ("no Acme or Bolt", "exclude_brands", ("Acme", "Bolt")),
        ("any brand except Dune", "exclude_brands", ("Dune",)), ("不要Acme的", "exclude_brands", ("Acme",)),
        ("除了Bolt都行", "exclude_brands", ("Bolt",)),
        ("tents", "categories", ("Tents",)), ("a tent", "categories", ("Tents",)), ("帐篷", "categories", ("Tents",)),
        ("双肩包", "categories", ("Backpacks",)), ("rucksack", "categories", ("Backpacks",)),
        ("jacket", "categories", ("Down jackets", "Rain jackets")), ("rain jacket", "categories", ("Rain jackets",)),
        ("jackets that pack small", "categories", ("Down jackets", "Rain jackets")), ("炉子", "categories", ("Stoves",)),
        ("boots", "categories", ("Hiking boots",)), ("tent for two people", "categories", ("Tents",)),
        ("no stoves", "exclude_categories", ("Stoves",)), ("something for dinner but no snacks", "exclude_categories", ("Snacks",)),
        ("不要炉头", "exclude_categories", ("Stoves",)),
        ("red tent", "attributes", {"colour": "red"}), ("tent in green", "attributes", {"colour": "green"}),
        ("红色的帐篷", "attributes", {"colour": "red"}), ("绿的帐篷", "attributes", {"colour": "green"}),
        ("nylon tent", "attributes", {"material": "nylon"}), ("尼龙帐篷", "attributes", {"material": "nylon"}),
        ("2-person tent", "attributes", {"persons": "2"}), ("two man tent", "attributes", {}),
        ("tent for 4 people", "attributes", {"persons": "4"}), ("双人帐篷", "attributes", {"persons": "2"}),
        ("四人帐篷", "attributes", {"persons": "4"}), ("2人的帐篷", "attributes", {"persons": "2"}),
        ("65 l pack", "attributes", {"volume": "65 l"}), ("a 65 litre backpack", "attributes", {"volume": "65 l"}),
        ("65升的背包", "attributes", {"volume": "65 l"}), ("waterproof boots", "attributes", {"waterproof": "yes"}),
        ("防水的登山靴", "attributes", {"waterproof": "yes"}), ("boots in a 10", "attributes", {"size": "10"}),
        ("boots size 9", "attributes", {"size": "9"}), ("vegan snacks", "attributes", {"diet": "vegan"}),
        ("not red", "exclude_attributes", {"colour": "red"}), ("不要红色的", "exclude_attributes", {"colour": "red"}),
        ("not leather", "exclude_words", ("leather",)), ("boots without leather", "exclude_words", ("leather",)),
        ("leather-free boots", "exclude_words", ("leather",)), ("non-leather boots", "exclude_words", ("leather",)),
        ("jacket without down", "exclude_words", ("down",)), ("not nylon", "exclude_words", ("nylon",)),
        ("no nylon or polyester", "exclude_words", ("nylon", "polyester")), ("nut-free snacks", "exclude_words", ("nut",)),
        ("snacks without nuts", "exclude_words", ("nuts",)), ("I'm allergic to peanuts", "exclude_words", ("peanuts",)),
        ("no zips", "exclude_words", ("zips",)), ("I don't want plastic", "exclude_words", ("plastic",)),
        ("不要皮的", "exclude_words", ("leather",)), ("不要皮革", "exclude_words", ("leather",)), ("不含坚果", "exclude_words", ("nuts",)),
        ("不要尼龙的", "exclude_words", ("nylon",)), ("不是皮的靴子", "exclude_words", ("leather",)), ("对花生过敏", "exclude_words", ("peanuts",)),
        ("不要羽绒的", "exclude_words", ("down",)),
        ("in stock", "in_stock", True), ("tents available now", "in_stock", True), ("有货的帐篷", "in_stock", True),
        ("只要现货", "in_stock", True), ("only in stock please", "in_stock", True),
        ("4 stars and up", "rating_min", 4.0), ("at least 4.5 stars", "rating_min", 4.5), ("rated 4 or higher", "rating_min", 4.0),
        ("highly rated tents", "rating_min", 4.0), ("tent with good reviews", "rating_min", 4.0), ("四星以上的帐篷", "rating_min", 4.0),
        ("4.5分以上", "rating_min", 4.5), ("评价好的帐篷", "rating_min", 4.0), ("4星以上", "rating_min", 4.0),
    ],
)  # fmt: skip
def test_conditions(text, name, value):
    assert held(text).get(name, {} if value == {} else None) == value


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("hello, I need a tent under $200", "tent"), ("I'm looking for a warm jacket please", "warm jacket"),
        ("do you have any red tents?", "tents"), ("show me tents from Acme", "tents"), ("Tent", "Tent"),
        ("can you recommend a good stove for beginners", "stove for beginners"),
        ("a tent that weighs under 2 kg", "tent"), ("hammock", "hammock"),
        ("have you got a waffle maker?", "waffle maker"), ("tents for winter between 100 and 300", "tents for winter"),
        ("我想买个帐篷", "帐篷"), ("有没有防水的登山靴", "登山靴"), ("请给我推荐一款500元以内的双人帐篷", "帐篷"),
        ("想要一个吊床", "吊床"), ("冬天用的帐篷,300以内", "冬天用的帐篷"), ("帮我找一下蓝色的冲锋衣", "冲锋衣"), ("想买个 laptop 不超过 5k", "laptop"),
        ("more expensive than 100", ""), ("under fifty", ""),
    ],
)  # fmt: skip
def test_the_wish_is_what_is_left(text, wish):
    assert understand(text, EMPTY, shop()).wish == wish


@pytest.mark.parametrize(
    "text",
    ["tent repair tape", "tent pegs", "stove lighter fluid", "jacket patches", "帐篷的维修带"],
)
def test_a_category_that_is_not_the_head_limits_nothing(text):
    assert held(text).get("categories") in (None, ("Pegs",))


@pytest.mark.parametrize(
    "text",
    [
        "not sure what I want", "no problem", "not now", "hands-free lantern", "BPA-free bottle",
        "no rush, show me tents", "not too heavy", "没关系", "无线耳机", "不错的帐篷", "why not",
        "nothing special, a tent", "not bad", "no idea",
    ],
)  # fmt: skip
def test_idioms_exclude_nothing(text):
    found = understand(text, EMPTY, shop()).constraints
    assert (found.exclude_words, found.exclude_attributes, found.exclude_brands) == ((), {}, ())


def test_a_value_that_no_product_of_the_category_has_stays_a_wish():
    # stoves have no colour in this shop: demanding one would find nothing
    found = understand("red stove", EMPTY, shop())
    assert (found.wish, found.constraints.attributes) == ("red stove", {})


def test_two_colours_cannot_both_be_demanded():
    found = understand("red or blue tent", EMPTY, shop())
    assert found.constraints.attributes == {}
    assert "red" in found.wish
    assert "blue" in found.wish


class TestTurnsAddUp:
    def say(self, *texts, state=EMPTY, shown="t1 t2 t3 t4"):
        """Play turns as the service does: what is understood becomes the next state."""
        results = []
        for text in texts:
            found = understand(text, state, shop())
            results.append(found)
            wish = found.wish if found.intent == "search" else state.wish
            state = chat(shown, wish=wish, constraints=found.constraints)
        return results

    def test_the_long_way_to_a_tent(self):
        tent, cheaper, no_nylon, fine = self.say(
            "tent under 200", "cheaper", "not nylon", "actually 300 is fine"
        )
        assert (tent.intent, tent.wish, tent.constraints.price_max) == ("search", "tent", 200)
        # shown 150, 260, 320, 90: the middle is 150
        assert (cheaper.intent, cheaper.constraints.price_max) == ("refine", Decimal("149.99"))
        assert cheaper.changed == ("price_max",)
        assert no_nylon.constraints.exclude_words == ("nylon",)
        assert no_nylon.constraints.price_max == Decimal("149.99")
        assert fine.constraints.price_max == 300
        assert fine.constraints.exclude_words == ("nylon",)
        assert fine.constraints.categories == ("Tents",)
        assert {r.intent for r in (cheaper, no_nylon, fine)} == {"refine"}

    def test_the_long_way_to_a_tent_in_chinese(self):
        *_, last = self.say("200以内的帐篷", "便宜点", "不要尼龙的", "其实300也行")
        assert last.constraints.price_max == 300
        assert last.constraints.exclude_words == ("nylon",)
        assert last.constraints.categories == ("Tents",)

    def test_languages_may_change_on_the_way(self):
        first, second, third = self.say("tent under 200", "便宜点", "not nylon")
        assert [r.language for r in (first, second, third)] == ["en", "zh", "en"]
        assert third.constraints.price_max == Decimal("149.99")

    def test_another_thing_drops_the_old_things_conditions_and_keeps_the_shoppers(self):
        *_, stove = self.say("red Acme tent under 200 in stock", "no nylon", "now a stove")
        assert stove.intent == "search"
        assert stove.wish == "stove"
        assert stove.constraints.categories == ("Stoves",)
        assert stove.constraints.price_max is None
        assert stove.constraints.attributes == {}
        assert stove.constraints.brands == ()
        assert stove.constraints.in_stock is True  # about the shopper, not about the tent
        assert stove.constraints.exclude_words == ("nylon",)

    @pytest.mark.parametrize(
        "text",
        [
            "do you have hammocks?",
            "I need a sleeping bag",
            "show me lanterns",
            "有没有吊床",
            "想买睡袋",
        ],
    )
    def test_an_unknown_thing_is_a_new_search(self, text):
        found = understand(
            text,
            chat("t1", constraints={"price_max": Decimal(200), "categories": ("Tents",)}),
            shop(),
        )
        assert found.intent == "search"
        assert found.constraints.price_max is None
        assert found.constraints.categories == ()

    @pytest.mark.parametrize(
        "text",
        [
            "in red",
            "for four people",
            "waterproof",
            "with a vestibule",
            "for winter",
            "under 300",
            "only Acme",
            "red",
            "a red one",
            "something lighter",
            "without a porch",
            "from Bolt",
            "红色的",
            "带门厅的",
            "要轻一点的",
            "四人的",
            "Acme的",
            "300以内",
        ],
    )
    def test_more_about_the_same_thing_refines(self, text):
        found = understand(text, TENTS, shop())
        assert found.intent == "refine"
        assert found.constraints.categories == ("Tents",)

    def test_the_same_thing_again_keeps_its_conditions(self):
        state = chat("t1", constraints={"price_max": Decimal(200), "categories": ("Tents",)})
        found = understand("red tents", state, shop())
        assert found.constraints.price_max == 200
        assert found.constraints.attributes == {"colour": "red"}

    def test_a_newer_value_replaces_and_exclusions_add_up(self):
        *_, last = self.say(
            "red tent from Acme", "in blue", "from Bolt", "not nylon", "not polyester"
        )
        assert last.constraints.attributes == {"colour": "blue"}
        assert last.constraints.brands == ("Bolt",)
        assert last.constraints.exclude_words == ("nylon", "polyester")

    def test_what_was_excluded_can_be_wanted_again(self):
        *_, last = self.say("boots", "not Bolt", "not leather", "leather is fine", "only Bolt")
        assert last.constraints.exclude_words == ()
        assert last.constraints.exclude_brands == ()
        assert last.constraints.brands == ("Bolt",)

    @pytest.mark.parametrize(
        ("text", "name"),
        [("any brand", "brands"), ("brand doesn't matter", "brands"), ("品牌不限", "brands"), ("any colour", "attributes"), ("颜色无所谓", "attributes"), ("in stock or not", "in_stock"), ("缺货也行", "in_stock"), ("forget the budget", "price_max")],
    )  # fmt: skip
    def test_conditions_are_taken_back(self, text, name):
        state = chat(
            "t1",
            constraints={
                "brands": ("Acme",),
                "attributes": {"colour": "red"},
                "in_stock": True,
                "price_max": Decimal(200),
            },
        )
        found = understand(text, state, shop())
        assert found.changed == (name,)
        assert getattr(found.constraints, name) in (None, (), {})

    @pytest.mark.parametrize("text", ["start over", "重新开始", "clear all filters"])
    def test_starting_over_drops_everything(self, text):
        state = chat("t1", constraints={"price_max": Decimal(200), "in_stock": True})
        found = understand(text, state, shop())
        assert not [k for k, v in found.constraints if v not in (None, (), {})]
        assert "starts_over" in found.notes

    def test_a_size_asked_for_as_well_keeps_the_thing(self):
        # NVIDIA rsa#163: "in a 10 as well" lost the boots that it was about
        state = chat("b1", wish="boots", focus="b1", constraints={"categories": ("Hiking boots",)})
        found = understand("in a 10 as well", state, shop())
        assert found.intent == "refine"
        assert found.constraints.attributes == {"size": "10"}
        assert found.constraints.categories == ("Hiking boots",)
        assert understand("10码的也要", state, shop()).constraints.attributes == {"size": "10"}

    def test_a_range_said_of_a_thing_is_the_range_of_that_thing(self):
        # NVIDIA rsa#200: "$5–$10" showed products up to $139.99
        found = held("snacks $5–$10")
        assert (found["price_min"], found["price_max"]) == (5, 10)

    def test_complements_are_not_searched_among_the_old_things_conditions(self):
        state = chat(
            "t1 t2",
            focus="t1",
            constraints={"categories": ("Tents",), "price_max": Decimal(200), "in_stock": True},
        )
        found = understand("what goes with this?", state, shop())
        assert found.constraints.categories == ()
        assert found.constraints.price_max is None
        assert found.constraints.in_stock is True

    def test_questions_and_cart_operations_change_no_condition(self):
        state = chat("t1 t2", constraints={"price_max": Decimal(200)})
        for text in (
            "is the first one under 2 kg?",
            "add the red one to my cart",
            "why not the Bolt?",
            "第一个是红色的吗",
        ):
            found = understand(text, state, shop())
            assert found.constraints == state.constraints
            assert found.changed == ()

    def test_the_fields_that_changed_are_named_in_order(self):
        found = understand("red tent from Acme under 200, not nylon", EMPTY, shop())
        assert found.changed == ("price_max", "categories", "brands", "attributes", "exclude_words")


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("any colour but red", "exclude_attributes", {"colour": "red"}), ("another brand please", "exclude_brands", ("Acme",)), ("不要这个牌子的", "exclude_brands", ("Acme",)),
        ("show me tents with better reviews", "rating_min", 4.0), ("what if my budget was 150?", "price_max", 150), ("都太贵了,有没有一百以内的", "price_max", 100),
        ("not Acme and not Bolt", "exclude_brands", ("Acme", "Bolt")),
    ],
)  # fmt: skip
def test_conditions_that_were_misread_once(text, name, value):
    assert held(text, TENTS)[name] == value


def test_what_a_bundle_is_for_is_no_condition_on_every_part():
    for text in ("a red camping bundle for two under 200", "预算200,配一套双人露营厨具"):
        found = understand(text, EMPTY, shop())
        assert found.intent == "bundle"
        assert found.constraints.attributes == {}
        assert found.constraints.total_max == 200


def test_a_number_after_an_attribute_is_no_price():
    found = understand("tent with persons over 3", EMPTY, shop())
    assert found.constraints.price_min is None
    assert found.constraints.attributes_min == {"persons": "3"}
    assert found.notes == ()


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("a tent under 2 kg", "attributes_max", {"weight": "2 kg"}), ("tents lighter than 1500 g", "attributes_max", {"weight": "1500 g"}),
        ("a tent that weighs no more than 2.5 kg", "attributes_max", {"weight": "2.5 kg"}), ("2 kg or less", "attributes_max", {"weight": "2 kg"}),
        ("backpack with at least 60 litres", "attributes_min", {"volume": "60 l"}), ("40 l or more", "attributes_min", {"volume": "40 l"}),
        ("a tent for 3 people or more", "attributes_min", {"persons": "3"}), ("两公斤以下的帐篷", "attributes_max", {"weight": "2 kg"}),
        ("60升以上的背包", "attributes_min", {"volume": "60 l"}), ("不超过2公斤", "attributes_max", {"weight": "2 kg"}),
    ],
)  # fmt: skip
def test_an_amount_limits_the_attribute_that_has_such(text, name, value):
    found = held(text)
    assert found[name] == value
    assert "price_max" not in found
    assert "price_min" not in found
    assert "attributes" not in found


@pytest.mark.parametrize(
    "text",
    ["a tent for two people under 2 kg", "a tent for 2 people, weight under 2 kg", "2-person tent, less than 2 kg", "两公斤以下的双人帐篷", "双人帐篷，重量不超过2公斤"],
)  # fmt: skip
def test_an_amount_beside_another_limits_its_own_attribute(text):
    found = held(text)
    assert found["attributes"] == {"persons": "2"}
    assert found["attributes_max"] == {"weight": "2 kg"}
    assert understand(text, EMPTY, shop()).wish in {"tent", "帐篷"}


def test_limits_join_those_before_and_the_same_replaces():
    tents = chat(
        wish="tent",
        constraints=Constraints(categories=("Tents",), attributes_max={"weight": "2 kg"}),
    )
    assert held("under 1.5 kg", tents)["attributes_max"] == {"weight": "1.5 kg"}
    both = held("3 people or more", tents)
    assert both["attributes_max"] == {"weight": "2 kg"}
    assert both["attributes_min"] == {"persons": "3"}
    more = Constraints(attributes_min={"persons": "3"})
    exact = held("for 2 people", chat(wish="tent", constraints=more))
    assert exact.get("attributes_min") is None
    assert exact["attributes"] == {"persons": "2"}


def test_a_limit_in_a_unit_that_nothing_has_stays_in_the_wish():
    found = understand("a lamp over 300 lumens", EMPTY, shop())
    assert found.notes == ("unit_limit:over 300 lumens",)
    assert "300" in found.wish


def test_a_category_that_says_more_about_another_thing_limits_nothing():
    assert "categories" not in held("a repair kit for tents")
    assert held("boots for my tent trips").get("categories") == ("Hiking boots",)


def test_filler_is_cut_between_words_only():
    assert understand("hiking sandals", EMPTY, shop()).wish == "hiking sandals"
    assert understand("I'm going hiking", EMPTY, shop()).wish.endswith("hiking")
