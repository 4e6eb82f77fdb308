# ruff: noqa: E501
"""What "the second one", 它, "the cheaper one" and titles point at."""

from __future__ import annotations

import pytest

from assistant.intent import understand
from tests.assistant.shop_words import EMPTY, FOCUS, TENTS, chat, shop


def refs(text, conversation) -> str:
    return " ".join(understand(text, conversation, shop()).references)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("tell me about the second one", "t2"), ("add the first one to my cart", "t1"),
        ("is the third waterproof?", "t3"), ("the last one please, add it to the cart", "t4"),
        ("compare the first two", "t1 t2"), ("compare the last two", "t3 t4"),
        ("compare the first and the third", "t1 t3"), ("compare 1 and 3", "t1 t3"),
        ("compare the 2nd and 4th", "t2 t4"), ("add number two to my cart", "t2"),
        ("how heavy is option 3?", "t3"), ("why the second?", "t2"), ("add #4 to my basket", "t4"),
        ("what goes with the first tent?", "t1"), ("compare all of them", "t1 t2 t3 t4"),
        ("compare these three", "t1 t2 t3"), ("compare both", "t1 t2"),
        ("the first and the third: which is lighter?", "t1 t3"),
        ("介绍一下第二个", "t2"), ("把第一款加入购物车", "t1"), ("第三个防水吗", "t3"),
        ("最后一个多重", "t4"), ("比较前两个", "t1 t2"), ("比较最后两款", "t3 t4"),
        ("第一款和第三款有什么区别", "t1 t3"), ("对比第2个和第4个", "t2 t4"),
        ("为什么推荐第二个", "t2"), ("这些哪个最轻", "t1 t2 t3 t4"), ("前三款比较一下", "t1 t2 t3"),
        ("这两个有什么不同", "t1 t2"), ("倒数第二个多少钱", "t3"), ("第四顶帐篷怎么样", "t4"),
    ],
)  # fmt: skip
def test_places(text, ids):
    assert refs(text, TENTS) == ids


@pytest.mark.parametrize(
    "text",
    [
        "first aid kit", "First, I need a stove", "a second hand tent", "tent for last week of May",
        "my first tent", "急救包", "第一次露营要什么帐篷",
    ],
)  # fmt: skip
def test_ordinals_that_point_at_nothing(text):
    assert refs(text, TENTS) == ""


@pytest.mark.parametrize(
    ("text", "note"),
    [("add the ninth one to my cart", "no_such_place:9"), ("第八个防水吗", "no_such_place:8")],
)
def test_a_place_that_is_not_there_is_noted(text, note):
    found = understand(text, TENTS, shop())
    assert found.references == ()
    assert found.notes == (note,)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("is it waterproof?", "t2"), ("how much does it weigh?", "t2"), ("add it to my cart", "t2"),
        ("why this one?", "t2"), ("what goes with this?", "t2"), ("anything better than this one?", "t2"),
        ("tell me about that one", "t2"), ("does this come in red?", "t2"), ("add this", "t2"),
        ("something like this", "t2"), ("I'll take it", "t2"), ("is that in stock?", "t2"),
        ("worth the upgrade?", "t2"), ("why?", "t2"), ("what do people say about the zips?", "t2"),
        ("它防水吗", "t2"), ("这个多重", "t2"), ("把它加入购物车", "t2"), ("为什么推荐这个", "t2"),
        ("这款有什么缺点", "t2"), ("它配什么好", "t2"), ("刚才那个多少钱", "t2"), ("就要这个", "t2"),
        ("有没有比这个更好的", "t2"), ("类似这款的", "t2"), ("防水吗", "t2"), ("評價怎麼樣", "t2"),
        ("我要了,加购物车", "t2"),
    ],
)  # fmt: skip
def test_it_is_what_was_spoken_of(text, ids):
    assert refs(text, FOCUS) == ids


def test_it_is_the_only_one_shown():
    assert refs("is it waterproof?", chat("t3")) == "t3"


def test_it_among_several_is_a_marked_guess_for_questions():
    found = understand("is it waterproof?", TENTS, shop())
    assert (found.references, found.notes) == (("t1",), ("guessed_reference",))


@pytest.mark.parametrize(
    "text", ["add it to my cart", "add it", "把它加入购物车", "I'll take it", "add to cart"]
)
def test_nothing_is_put_in_the_cart_on_a_guess(text):
    found = understand(text, TENTS, shop())
    assert found.intent == "cart_add"
    assert (found.references, found.notes) == ((), ("ambiguous_reference",))


@pytest.mark.parametrize(
    ("text", "ids"),
    [  # 150 red nylon, 260 green polyester, 320 blue ripstop nylon 990 g, 90 red polyester 2600 g
        ("why not the cheaper one?", "t4"), ("add the cheapest one to my cart", "t4"),
        ("tell me about the most expensive one", "t3"), ("why not the dearer one?", "t3"),
        ("is the lighter one waterproof?", "t3"), ("add the lightest to my cart", "t3"),
        ("why not the best rated one?", "t3"), ("the heaviest one, how big is it?", "t2"),
        ("is the green one waterproof?", "t2"), ("add the blue one to my cart", "t3"),
        ("why not the Bolt one?", "t3"), ("how heavy is the Corrie tent?", "t4"),
        ("the 4-person one: how much is it?", "t2"), ("is the Bolt tent any good?", "t3"),
        ("add the blue tent to the cart", "t3"), ("what about the green one?", "t2"),
        ("为什么不推荐便宜的那个", "t4"), ("最便宜的那款防水吗", "t4"), ("把贵的那个加入购物车", "t3"),
        ("轻的那个多重", "t3"), ("绿色的那个怎么样", "t2"), ("蓝色那款防水吗", "t3"),
        ("Bolt的那个多少钱", "t3"), ("评分最高的那个有什么缺点", "t3"), ("四人的那个多重", "t2"),
    ],
)  # fmt: skip
def test_descriptions(text, ids):
    assert refs(text, TENTS) == ids


def test_the_other_one_of_two():
    assert refs("is the other one lighter?", chat("t1 t2", focus="t1")) == "t2"
    assert refs("另一个防水吗", chat("t1 t2", focus="t1")) == "t2"


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("tell me about the Acme Ridgeline Tent", "t1"), ("is the Ridgeline waterproof?", "t1"),
        ("compare Ridgeline and Feather", "t1 t3"), ("compare the Basecamp with the Dome", "t2 t4"),
        ("add Feather to my cart", "t3"), ("Ridgeline vs Feather", "t1 t3"),
        ("why not the Basecamp?", "t2"), ("compare Bolt and Corrie", "t3 t4"),
        ("Ridgeline和Feather有什么区别", "t1 t3"), ("家庭帐篷防水吗", "t2"), ("圆顶的那款多重", "t4"),
        ("what goes with the Ridgeline?", "t1"), ("something better than the Dome", "t4"),
        ("把Feather放进购物车", "t3"), ("为什么不推荐Basecamp", "t2"),
    ],
)  # fmt: skip
def test_titles_and_parts_of_titles(text, ids):
    assert refs(text, TENTS) == ids


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("what goes with the Bolt Ember Gas Stove?", "s1"), ("why not the Squall?", "j1"),
        ("is the Kettle stove any good?", "s2"), ("compare Ember and Kettle", "s1 s2"),
        ("add the Corrie Camp Pot to my cart", "c1"), ("tell me about Dune Squall", "j1"),
        ("介绍一下 Acme Kettle 炉头", "s2"), ("why didn't you show me the Haul 65?", "p1"),
    ],
)  # fmt: skip
def test_products_never_shown_are_found_by_name(text, ids):
    assert refs(text, EMPTY) == ids


def test_a_name_that_sizes_share_answers_a_question_but_fills_no_cart():
    assert refs("tell me about the Trek boots", EMPTY) == "b1 b2"
    assert refs("add the Trek boots to my cart", EMPTY) == ""


def test_what_is_in_the_cart_can_be_named():
    state = chat("t1 t2", cart="s1 b1")
    found = understand("remove the Ember from my cart", state, shop())
    assert (found.intent, found.references) == ("cart_remove", ("s1",))
    assert refs("remove the boots", state) == "b1"


def test_references_do_not_outlive_the_store():
    assert refs("is it waterproof?", chat("gone t1", focus="gone")) == "t1"
    assert refs("the first one", chat("gone t1")) == "t1"


def test_in_a_bundle_what_is_pointed_at_must_be_in_it():
    found = understand("a bundle with the second one under 400", TENTS, shop())
    assert found.intent == "bundle"
    assert found.constraints.must_include == ("t2",)
    zh = understand("配一套,要包含第二个,400以内", TENTS, shop())
    assert zh.constraints.must_include == ("t2",)


@pytest.mark.parametrize(
    "text", ["not the second one", "anything but the second one", "不要第二个", "除了第二个"]
)
def test_what_is_pointed_at_can_be_excluded(text):
    found = understand(text, TENTS, shop())
    assert found.constraints.exclude == ("t2",)
    assert "t2" not in found.references
