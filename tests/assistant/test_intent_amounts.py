# ruff: noqa: E501
"""Numbers and money in words and symbols, English and Chinese."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.intent import understand
from assistant.intent.amounts import read_money
from assistant.intent.measures import measures
from assistant.intent.numerals import chinese, english, numbers
from assistant.intent.utterance import Utterance, fold
from tests.assistant.shop_words import EMPTY, chat, shop


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("fifty", 50), ("a hundred", 100), ("a hundred and twenty", 120), ("two hundred", 200),
        ("one fifty", 150), ("one twenty five", 125), ("twelve hundred", 1200),
        ("two thousand five hundred", 2500), ("twenty-five", 25), ("a grand", 1000),
        ("a couple hundred", 200), ("three hundred and five", 305), ("1,200.50", "1200.50"),
        ("49,90", "49.90"), ("5k", 5000), ("1.5k", 1500), ("五千", 5000), ("5千", 5000),
        ("一百五", 150), ("一百五十", 150), ("一百零五", 105), ("三千二", 3200), ("一万二", 12000),
        ("1万2", 12000), ("1.5万", 15000), ("两百", 200), ("两千零五十", 2050), ("十五", 15),
        ("二十", 20), ("五十五", 55), ("一千二百三十四", 1234), ("3千5", 3500), ("百", 100),
    ],
)  # fmt: skip
def test_numbers_are_read(text, value):
    assert [n.value for n in numbers(text)] == [Decimal(str(value))]


@pytest.mark.parametrize("text", ["fifty sixty", "一二三"])
def test_what_is_no_number_is_none(text):
    assert numbers(text) == []


_SMALL = [*"零一二三四五六七八九"]


def _in_chinese(n: int) -> str:
    """Write 1..9999 the formal way; an independent second implementation."""
    text, gap = "", False
    for scale, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = n // scale % 10
        if digit:
            text += ("零" if gap and text else "") + _SMALL[digit] + name
            gap = False
        else:
            gap = True
    return text


_TEENS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()  # noqa: SIM905
_TENS = "- - twenty thirty forty fifty sixty seventy eighty ninety".split()  # noqa: SIM905


def _in_english(n: int) -> str:
    if n < 20:
        return _TEENS[n]
    if n < 100:
        return _TENS[n // 10] + (f"-{_TEENS[n % 10]}" if n % 10 else "")
    if n < 1000:
        return f"{_TEENS[n // 100]} hundred" + (f" and {_in_english(n % 100)}" if n % 100 else "")
    rest = n % 1000
    return f"{_in_english(n // 1000)} thousand" + (f" {_in_english(rest)}" if rest else "")


@settings(deadline=None)
@given(st.integers(1, 9999))
def test_every_formal_chinese_number_is_read(n):
    assert chinese(_in_chinese(n)) == (Decimal(n), None)


@settings(deadline=None)
@given(st.integers(1, 99_999))
def test_every_english_number_is_read(n):
    assert english(_in_english(n)) == n
    assert [x.value for x in numbers(_in_english(n))] == [n]


@settings(deadline=None)
@given(st.integers(1, 999_999), st.sampled_from(["under ${}", "不超过{}元", "max {}", "{}块以内"]))
def test_every_written_amount_is_a_ceiling(n, form):
    for number in (str(n), f"{n:,}"):
        money = read_money(Utterance(form.format(number)))
        assert (money.maximum, money.minimum) == (n, None)


@settings(deadline=None)
@given(st.text(max_size=200))
def test_no_text_breaks_the_readers(text):
    u = Utterance(text)
    assert len(u.text) == len(u.low) == len(u.open)
    read_money(u)
    measures(fold(text))
    assert len(u.open) == len(u.text)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("tent under fifty", None, 50), ("less than a hundred and twenty", None, 120),
        ("under $50", None, 50), ("50 dollars tent", None, 50), ("a tent for 50 bucks", None, 50),
        ("tent max 5k", None, 5000), ("up to 300 euros", None, 300), ("tent for $200", None, 200),
        ("no more than 80", None, 80), ("nothing over 60", None, 60), ("not above 75", None, 75),
        ("I don't want to spend more than 75", None, 75), ("80 or less", None, 80),
        ("tents 100 max", None, 100), ("$100 tops", None, 100), ("within 200", None, 200),
        ("tent < 200", None, 200), ("cheaper than 90", None, 90), ("1,200.50 max", None, "1200.50"),
        ("my budget is 500", None, 500), ("a budget of around 500", None, 500),
        ("at least 30", 30, None), ("from 30 up", 30, None), ("over $100", 100, None),
        ("more than two hundred", 200, None), ("starting at 40", 40, None), ("100+", 100, None),
        ("100 and up", 100, None), ("nothing under 40", 40, None), ("no less than 40", 40, None),
        ("between 20 and 40", 20, 40), ("20-40", 20, 40), ("$5–$10", 5, 10), ("$5-10", 5, 10),
        ("from 20 to 40 dollars", 20, 40), ("20 to 40 dollars", 20, 40),
        ("between twenty and forty", 20, 40), ("between one hundred and two hundred", 100, 200),
        ("over 50 but under 100", 50, 100), ("more than 50 and less than 100", 50, 100),
        ("around 50", 40, 60), ("about $200", 160, 240), ("50 or so", 40, 60), ("~100", 80, 120),
        ("50元以内的帐篷", None, 50), ("五千以内", None, 5000), ("5千以下", None, 5000),
        ("500块以下", None, 500), ("¥500以内", None, 500), ("500元以内", None, 500),
        ("不超过五百", None, 500), ("低于一百五的", None, 150), ("不到200", None, 200),
        ("最多300块", None, 300), ("别超过80", None, 80), ("一千二以下的帐篷", None, 1200),
        ("预算500", None, 500), ("预算大概500块", None, 500), ("1万2以内", None, 12000),
        ("便宜于100", None, 100), ("100元封顶", None, 100), ("想买个 laptop 不超过 5k", None, 5000),
        ("至少100", 100, None), ("300以上", 300, None), ("高于两百", 200, None),
        ("不低于50元", 50, None), ("200起", 200, None), ("一百块往上", 100, None),
        ("两三百", 200, 300), ("两三百块的帐篷", 200, 300), ("七八十块", 70, 80),
        ("300到500", 300, 500), ("300-500元的", 300, 500), ("三百到五百之间", 300, 500),
        ("在100和200之间", 100, 200), ("200左右", 160, 240), ("大概一百块", 80, 120),
        ("一百五左右", 120, 180), ("五百上下", 400, 600), ("约50元", 40, 60),
    ],
)  # fmt: skip
def test_amounts_become_limits(text, low, high):
    held = understand(text, EMPTY, shop()).constraints
    assert held.price_min == (None if low is None else Decimal(str(low)))
    assert held.price_max == (None if high is None else Decimal(str(high)))


@pytest.mark.parametrize(
    "text",
    [
        "tent under 2 kg", "65 l pack", "2-person tent", "a pack of at least 60 litres",
        "boots size 10", "tent for 4", "at least 2 pockets", "4-season tent", "50% off tents",
        "10000 mAh battery", "2公斤以内的帐篷", "65升的背包", "双人帐篷", "四人帐篷", "42码的鞋",
        "200流明以上的头灯", "3 days of food", "a 15 inch screen", "Haul 65",
    ],
)  # fmt: skip
def test_numbers_with_a_unit_are_no_price(text):
    held = understand(text, EMPTY, shop()).constraints
    assert (held.price_min, held.price_max, held.total_max) == (None, None, None)


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        ("under £40", ("currency:GBP",)), ("under 40 euros", ("currency:EUR",)),
        ("¥500以内", ("currency:CNY",)), ("500人民币以内", ("currency:CNY",)),
        ("under $40", ()), ("40 bucks max", ()), ("500块以内", ()), ("500元以内", ()),
    ],
)  # fmt: skip
def test_foreign_currencies_are_noted_and_not_converted(text, notes):
    found = understand(text, EMPTY, shop())
    assert found.notes == notes
    assert found.constraints.price_max in (40, 500)


@pytest.mark.parametrize(
    ("text", "total"),
    [
        ("I just bought a tent, what else do I need under 100?", 100),
        ("a bundle for 200", 200), ("a camping kit under 150", 150),
        ("everything for under 150", 150), ("put together a set for $300", 300),
        ("a starter kit for 120", 120), ("一套露营装备500以内", 500), ("预算500配一套", 500),
        ("我刚买了帐篷,还需要什么,100以内", 100), ("500块一套", 500),
    ],
)  # fmt: skip
def test_an_amount_for_everything_is_a_total(text, total):
    found = understand(text, EMPTY, shop())
    assert found.is_total
    assert found.constraints.total_max == total


@pytest.mark.parametrize("text", ["under 100 total", "tents 100 in total", "总共100以内的帐篷"])
def test_total_said_of_a_search_limits_both(text):
    found = understand(text, EMPTY, shop())
    assert found.is_total
    assert (found.constraints.total_max, found.constraints.price_max) == (100, 100)


@pytest.mark.parametrize(
    "text", ["what goes with it under 30", "配它的东西,每件30以内", "tents under 30 each"]
)
def test_an_amount_for_one_thing_is_no_total(text):
    found = understand(text, chat("t1", focus="t1"), shop())
    assert not found.is_total
    assert (found.constraints.price_max, found.constraints.total_max) == (30, None)


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("a bundle of 3 items under 200", 3, 3), ("a bundle with at most four things", None, 4),
        ("at least 2 products in the bundle", 2, None), ("3件套", 3, 3), ("一套,最多四样东西", None, 4),
        ("a kit of 12 things for camping", 6, 6),
    ],
)  # fmt: skip
def test_bundles_count_their_items(text, least, most):
    held = understand(text, EMPTY, shop()).constraints
    assert (held.min_items, held.max_items) == (least, most)


LIMITED = chat("t1 t2 t3 t4", constraints={"categories": ("Tents",), "price_max": Decimal(200)})


@pytest.mark.parametrize(
    ("text", "high"),
    [
        ("actually make it 80", 80), ("actually 300 is fine", 300), ("make it 300", 300),
        ("300 is ok too", 300), ("let's say 250", 250), ("I can go up to 250", 250),
        ("raise the budget to 400", 400), ("300", 300), ("$300", 300), ("up to 300 is fine", 300),
        ("改成80", 80), ("300也行", 300), ("其实300也可以", 300), ("那就250吧", 250),
        ("提高到400", 400), ("五百以内也行", 500), ("300块", 300),
    ],
)  # fmt: skip
def test_the_last_amount_is_changed(text, high):
    found = understand(text, LIMITED, shop())
    assert found.intent == "refine"
    assert found.constraints.price_max == high
    assert found.changed == ("price_max",)


@pytest.mark.parametrize(
    "text",
    [
        "forget the budget", "no limit", "price doesn't matter", "more expensive is fine",
        "money is no object", "it can be more expensive", "any price", "drop the price limit",
        "贵点也行", "不限价格", "价格无所谓", "预算不限", "贵一点也没关系", "多少钱都行",
    ],
)  # fmt: skip
def test_limits_are_removed(text):
    found = understand(text, LIMITED, shop())
    assert found.intent == "refine"
    assert found.constraints.price_max is None
    assert found.changed == ("price_max",)


@pytest.mark.parametrize(
    ("text", "high"),
    [  # shown: 150, 260, 320, 90; the middle one is 150
        ("cheaper", "149.99"), ("something cheaper", "149.99"), ("a bit cheaper please", "149.99"),
        ("too expensive", "149.99"), ("cheaper ones", "149.99"), ("much cheaper", "90.00"),
        ("cheaper than the second one", "259.99"), ("cheaper than the last one", "89.99"),
        ("便宜点", "149.99"), ("有没有便宜一点的", "149.99"), ("太贵了", "149.99"),
        ("再便宜些", "149.99"), ("便宜很多的", "90.00"), ("比第二个便宜点的", "259.99"),
    ],
)  # fmt: skip
def test_cheaper_is_below_what_was_pointed_at_or_the_middle(text, high):
    found = understand(text, chat("t1 t2 t3 t4"), shop())
    assert found.intent == "refine"
    assert found.constraints.price_max == Decimal(high)


def test_cheaper_than_this_looks_at_what_was_spoken_of():
    found = understand("cheaper than this one", chat("t1 t2 t3 t4", focus="t3"), shop())
    assert found.constraints.price_max == Decimal("319.99")


def test_cheaper_without_anything_shown_lowers_the_limit():
    state = chat(wish="tent", constraints={"price_max": Decimal(200)})
    assert understand("cheaper", state, shop()).constraints.price_max == 160  # 80 % of 200


def test_cheaper_than_nothing_known_is_noted():
    found = understand("cheaper", EMPTY, shop())
    assert found.constraints.price_max is None
    assert found.notes == ("cheaper_than_unknown",)


def test_more_expensive_is_above_the_middle_and_lifts_the_ceiling():
    state = chat("t1 t2 t3 t4", constraints={"price_max": Decimal(100)})
    held = understand("a more expensive one", state, shop()).constraints
    assert (held.price_min, held.price_max) == (Decimal("150.01"), None)
