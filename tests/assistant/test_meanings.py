# ruff: noqa: E501
"""Every word of every rule, by itself: what it says, and the record that does not bear it out."""

import pytest

from assistant.meanings import contradictions, losing_parts, top_part, unpaired
from retrieval.evidence import Evidence


def record(kind: str, data: dict[str, object], ids: tuple[str, ...] = ("p",)) -> Evidence:
    return Evidence(
        evidence_id=f"{kind}:p", kind=kind, product_ids=ids, text="", data=data, origin=""
    )


def objections(kind: str, data: dict[str, object], words: str) -> list[str]:
    return list(contradictions(words, record(kind, data)))


def limit(name: str, actual: object, wanted: str) -> dict[str, object]:
    return {"name": name, "actual": actual, "wanted": wanted}


def steps(*made: tuple[str, str]) -> dict[str, object]:
    return {"steps": [{"kind": kind, "field": field, "value": "1"} for kind, field in made]}


PLAIN_PRICE, REDUCED = {"price": "9.00"}, {"price": "9.00", "list_price": "12.00"}
SOLD_OUT, ONE_LEFT, SIX = {"stock": 0}, {"stock": 1}, {"stock": 6}
OWN = {"type": "purchase"}
BEHIND = {
    "k": 3, "rank": 7, "score": "0.2", "ahead": "q", "ahead_score": "0.9",
    "parts": {"a": "0.1", "b": "0.1"}, "ahead_parts": {"a": "0.9", "b": "0.0"},
}  # fmt: skip
AHEAD = BEHIND | {"rank": 2, "score": "0.9", "ahead_score": "0.2", "ahead_parts": {"b": "0.05"}}
CART = {"lines": [{"product_id": "p"}], "n": 1}
WITHOUT_IT = {"lines": [{"product_id": "q"}], "n": 2}

RULES = [  # kind, words, a record that bears each of them out, one that does not
    ("price", ["down", "list price is", "now", "instead", "原价", "现价", "现在"], REDUCED, PLAIN_PRICE),
    ("stock", ["out of stock", "缺货"], SOLD_OUT, ONE_LEFT),
    ("stock", ["in stock", "has", "有货", "现有"], ONE_LEFT, SOLD_OUT),
    ("stock", ["left", "剩"], ONE_LEFT, SOLD_OUT),
    ("stock", ["left", "剩"], {"stock": 5}, SIX),
    ("rating", ["only review", "one review", "仅", "只有"], {"rating_count": 1}, {"rating_count": 2}),
    ("placement", ["sponsored", "赞助"], {"reason": "sponsored"}, {"reason": "interest"}),
    ("placement", ["interest", "利益"], {"reason": "interest"}, {"reason": "sponsored"}),
    ("aspect_opinion", ["praise", "praised", "好评"], {"polarity": "praise"}, {"polarity": "complaint"}),
    ("aspect_opinion", ["complain", "complaints", "抱怨"], {"polarity": "complaint"}, {"polarity": "praise"}),
    ("count", ["one product", "just one"], {"n": 1, "conditions": {}}, {"n": 2, "conditions": {}}),
    ("count", ["fit", "fits", "符合"], {"n": 3, "conditions": {}}, {"n": 3, "conditions": {"shopper": "s"}}),
    ("own_history", ["bought", "orders", "购买", "买过"], OWN, {"type": "view"}),
    ("own_history", ["looked", "浏览"], {"type": "view"}, OWN),
    ("own_history", ["cart", "购物车"], {"type": "add_to_cart"}, OWN),
    ("comparison", ["gain", "better", "更好", "更优"], {"better": "this"}, {"better": "that"}),
    ("comparison", ["lose", "worse", "不如", "稍逊"], {"better": "that"}, {"better": "this"}),
    ("bound", ["cheapest", "最便宜"], {"name": "cheapest"}, {"name": "dearest"}),
    ("bound", ["most expensive", "dearest", "最贵"], {"name": "dearest"}, {"name": "cheapest"}),
    ("bound", ["only", "只有"], {"n": 1}, {"n": 2}),
    ("bound", ["best", "评分最高"], {"name": "best_rated"}, {"name": "cheapest"}),
    ("bound", ["most reviewed", "评价最多"], {"name": "most_reviewed"}, {"name": "dearest"}),
    ("bound", ["most"], {"name": "dearest"}, {"name": "cheapest"}),
    ("bound", ["lowest", "最低"], {"direction": "lower"}, {"direction": "higher"}),
    ("bound", ["highest", "最高"], {"direction": "higher"}, {"direction": "lower"}),
    ("bound", ["not under", "没有，不超过"], limit("price_max", "9", "5"), limit("brands", "a", "b")),
    ("bound", ["no 1 or more"], limit("price_min", "9", "12"), limit("price_max", "9", "5")),
    ("bound", ["没有1以上"], limit("rating_min", "3", "4"), limit("price_max", "9", "5")),
    ("bound", ["no 4 or better", "no, nearest", "没有，最接近"], limit("rating_min", "3", "4"), limit("price_min", "3", "4")),
    ("constraint", ["above", "超过"], limit("price_max", "9.00", "8.00"), limit("price_max", "8.00", "8.00")),
    ("constraint", ["above", "超过"], limit("price_max", "9.00", "8.00"), limit("price_min", "9.00", "8.00")),
    ("constraint", ["above"], limit("price_max", "9.00", "8.00"), limit("price_max", None, "8.00")),
    ("constraint", ["above"], limit("price_max", "9.00", "8.00"), limit("price_max", "9.00", "low")),
    ("constraint", ["below", "低于"], limit("price_min", "7.00", "8.00"), limit("price_min", "8.00", "8.00")),
    ("constraint", ["not in stock", "没有现货"], limit("in_stock", "0", "True"), limit("in_stock", "2", "True")),
    ("constraint", ["not in stock"], limit("in_stock", None, "True"), limit("brands", None, "b")),
    ("change", ["limit", "上限"], steps(("loosen", "price_max")), steps(("loosen", "rating_min"))),
    ("change", ["limit"], steps(("narrow", "price_max")), steps(("lift", "price_max"))),
    ("change", ["prices from", "下限"], steps(("loosen", "price_min")), steps(("loosen", "price_max"))),
    ("change", ["places", "展示到"], steps(("longer", "k")), steps(("add", "basket"))),
    ("change", ["alone", "限定"], steps(("narrow", "brands")), steps(("lift", "brands"))),
    ("change", ["as well", "加上"], steps(("add", "basket")), steps(("drop", "basket"))),
    ("change", ["instead", "改为"], steps(("loosen", "rating_min")), steps(("loosen", "price_max"))),
    ("change", ["without", "去掉", "不算"], steps(("drop", "basket")), steps(("add", "basket"))),
    ("change", ["without"], steps(("lift", "brands")), steps(("loosen", "price_max"))),
    ("change", ["without"], steps(("loosen", "in_stock")), steps(("lift", "a"), ("lift", "b"))),
    ("change", ["together", "several", "同时"], steps(("lift", "a"), ("lift", "b")), steps(("lift", "a"))),
    ("rank", ["its kind", "同类"], AHEAD, BEHIND),
    ("rank", ["its kind"], AHEAD, {"rank": 1, "n": 4}),
    ("rank", ["its kind"], {"k": 3, "rank": 2, "score": "0.9"}, BEHIND),
    ("rank", ["its kind"], AHEAD | {"ahead_score": "0.9"}, BEHIND),
    ("rank", ["already", "已经"], {"rank": 1, "n": 4}, AHEAD),
    ("rank", ["ends", "展示到"], BEHIND, BEHIND | {"rank": 3}),
    ("rank", ["fell behind", "ahead", "不及"], BEHIND, BEHIND | {"ahead_parts": {}}),
    ("rank", ["most", "最"], {"part": "a", "parts": {"a": "2", "b": "1"}}, {"part": "b", "parts": {"a": "2", "b": "1"}}),
    ("total", ["no cheapest", "没有最便宜"], {"wanted": "9"}, {}),
    ("total", ["leaves", "left", "剩", "余"], {"left": "0.00"}, {"left": "-0.01"}),
    ("total", ["left"], {"left": "5.00"}, {}),
    ("cart", ["is in your cart", "放入"], CART, WITHOUT_IT),
    ("cart", ["no longer", "移出"], WITHOUT_IT, CART),
    ("cart", ["one product"], CART, WITHOUT_IT),
    ("cart", ["empty", "空"], {"lines": [], "n": 0}, CART),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "words", "bears", "denies"),
    [(kind, word, yes, no) for kind, words, yes, no in RULES for word in words],
)
def test_a_word_is_said_where_the_record_bears_it_out_and_nowhere_else(kind, words, bears, denies):
    assert objections(kind, bears, words) == []
    assert objections(kind, denies, words) != []


@pytest.mark.parametrize(
    "word",
    ["not", "no", "never", "nothing", "neither", "nor", "none", "cannot", "without", "isn't",
     "不", "没", "无"],
)  # fmt: skip
def test_a_denial_needs_a_record_that_denies(word):
    assert objections("price", PLAIN_PRICE, f"it is {word} 9") != []
    assert objections("count", {"n": 0, "conditions": {}}, f"{word} product") == []
    assert objections("count", {"n": 0, "conditions": {}}, "a product") != []
    assert objections("constraint", limit("brands", "a", "b"), word) == []


@pytest.mark.parametrize("word", ["不超过", "不及", "不如"])
def test_words_that_hold_a_denial_and_deny_nothing(word):
    assert not [o for o in objections("attribute", {}, word) if "denies" in o]


@pytest.mark.parametrize(
    ("kind", "denies", "affirms"),
    [
        ("compatibility", {"works": False}, {"works": True}),
        ("count", {"n": 0, "conditions": {}}, {"n": 1, "conditions": {}}),
        ("bound", {"wanted": "9"}, {"name": "cheapest"}),
        ("total", {"wanted": "9"}, {"left": "1"}),
    ],
)
def test_what_a_record_denies_is_denied_and_what_it_affirms_is_not(kind, denies, affirms):
    assert objections(kind, denies, "it does not") == []
    assert objections(kind, denies, "it does") != []
    assert objections(kind, affirms, "it does") == []
    assert objections(kind, affirms, "it does not") != []


@pytest.mark.parametrize("word", ["cheapest", "最便宜"])
def test_a_sum_is_the_cheapest_where_a_limit_was_tried(word):
    assert objections("total", {}, word) == [f"says “{word}”, but nothing shows the cheapest"]


def test_the_product_that_a_cart_record_is_about_is_its_first():
    lines = {"lines": [{"product_id": "p"}], "n": 1}
    about_both = record("cart", lines, ("p", "q"))
    assert list(contradictions("it is in your cart", about_both)) == []


def test_one_price_has_no_range():
    assert objections("price", PLAIN_PRICE, "from 9") != []
    assert objections("price", REDUCED, "down from 12") == []
    assert objections("price", REDUCED, "the list price is 12") == []
    assert objections("price", REDUCED, "the list is 12") != []


def test_the_part_that_lost_most_is_the_widest_gap_within_rounding():
    gaps = {"parts": {"a": "0.100", "b": "0.100", "c": "0.5"}, "ahead_parts": {"a": "0.300"}}
    assert losing_parts(record("rank", gaps)) == ("a",)
    near = gaps | {"ahead_parts": {"a": "0.300", "b": "0.299"}}
    assert losing_parts(record("rank", near)) == ("a", "b")
    apart = gaps | {"ahead_parts": {"a": "0.300", "b": "0.298"}}
    assert losing_parts(record("rank", apart)) == ("a",)
    assert losing_parts(record("rank", {})) == ()
    small = {"parts": {"a": "0.100", "b": "0.1"}, "ahead_parts": {"a": "0.101", "b": "0.1"}}
    assert losing_parts(record("rank", small)) == ("a",)


def test_the_part_that_counted_most():
    assert top_part(record("rank", {"parts": {"b": "2", "a": "2", "c": "1"}})) == "a"
    assert top_part(record("rank", {})) is None


@pytest.mark.parametrize("words", ["the same category", "as well", "同类", "也属于"])
def test_the_same_category_takes_two_products_of_it(words):
    one = record("category", {"category": ["Tents"]}, ("p",))
    other = record("category", {"category": ["Tents"]}, ("q",))
    away = record("category", {"category": ["Mats"]}, ("q",))
    assert list(unpaired(words, [one, other])) == []
    assert list(unpaired(words, [one])) != []
    assert list(unpaired(words, [one, one])) != []
    assert list(unpaired(words, [one, away])) != []
    assert list(unpaired("from Tents", [one])) == []
    assert list(unpaired(words, [record("price", {}), one])) == []
