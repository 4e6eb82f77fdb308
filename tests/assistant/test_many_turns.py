"""What needs several turns: quantities, totals, corrections, fits, other persons, declining."""

import re
from decimal import Decimal

import pytest

from assistant.conversation import ME, Action, Turn
from retrieval.promotion import best_for
from retrieval.query import Constraints, Query
from tests.assistant.facts import SPRING


@pytest.fixture
def talk(assistant):
    """Say lines in one chat; return the last reply and the state after it."""

    def say(*lines, chat="m"):
        for line in lines:
            reply = assistant.reply(Turn(conversation_id=chat, text=line))
            assert all(check.supported for check in reply.checks)
        return reply, assistant.conversation(chat)

    return say


@pytest.fixture
def mat_in_cart(assistant):
    """Start the chat with one foam mat (24.90) in the cart, spoken of last."""
    add = Action(kind="add_to_cart", product_id="mat-foam")
    assistant.reply(Turn(conversation_id="m", action=add))


def cart(state):
    return {line.product_id: line.quantity for line in state.cart.lines}


# --- how many, and what it comes to ---------------------------------------------------------------


@pytest.mark.parametrize("line", ["add 2 more", "2 more please", "再加两件", "再来2个"])
def test_more_of_what_was_just_put_in(talk, mat_in_cart, line):
    _, state = talk(line)
    assert cart(state) == {"mat-foam": 3}


@pytest.mark.parametrize(
    "line",
    ["make it 3 of the mats", "change the mats to 3", "I want 3 of the mats in my cart",
     "make it 3", "把Karsik的数量改为3", "Karsik改成3件"],
)  # fmt: skip
def test_a_line_of_the_cart_is_set_to_a_number(talk, mat_in_cart, line):
    _, state = talk(line)
    assert cart(state) == {"mat-foam": 3}


@pytest.mark.parametrize("line", ["add 2 more tents", "change the tents to 3"])
def test_what_is_not_in_the_cart_is_not_changed(talk, mat_in_cart, line):
    _, state = talk(line)
    assert cart(state) == {"mat-foam": 1}


@pytest.mark.parametrize(
    "line",
    ["what's my total?", "how much is that altogether?", "what does my cart come to?",
     "总共多少钱？", "购物车一共多少？", "我一共要付多少？"],
)  # fmt: skip
def test_the_total_is_said_from_the_cart(talk, mat_in_cart, line):
    reply, _ = talk("add 1 more", line)
    claim = reply.answer.claims[0]
    assert reply.evidence[claim.evidence_ids[0]].data["total"] == "49.80"  # 2 × 24.90


def test_the_named_line_is_taken_out_and_no_other(talk, mat_in_cart):
    talk("Fjellro Duo 2-person tent", "add the first one")
    _, state = talk("remove the tent from my cart")
    assert cart(state) == {"mat-foam": 1}
    _, state = talk("remove the lantern from my cart")
    assert cart(state) == {"mat-foam": 1}  # there is none: nothing else goes instead


@pytest.mark.parametrize("line", ["I'll take all of them", "全部加入购物车"])
def test_taking_all_of_a_set_fills_the_cart(talk, line):
    _, state = talk("put together a bundle with a tent for 250", line)
    assert len(cart(state)) == len(state.shown) > 1


# --- amounts --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    ["no, I meant 260, not 26", "sorry, 260 not 26", "not 26, I meant 260", "不对，是260，不是26",
     "不是26，是260"],
)  # fmt: skip
def test_a_correction_replaces_the_amount_that_was_wrong(talk, line):
    reply, state = talk("tents", "under 26", line)
    assert state.constraints.price_max == 260
    assert {s.product_id for s in reply.suggestions} == {"tent-duo", "tent-quartet"}


def test_a_correction_changes_the_limit_it_names(talk):
    _, state = talk("tents between 26 and 260", "sorry, 100 not 26")
    assert (state.constraints.price_min, state.constraints.price_max) == (100, 260)


def test_half_the_price_is_measured_from_the_one_pointed_at(talk):
    _, state = talk("tents", "like the Quartet but at half the price")
    assert state.constraints.price_max == Decimal("124.50")  # of 249.00


@pytest.mark.parametrize("line", ["200欧以内", "200欧元以内"])
def test_euros_are_an_amount(talk, line):
    _, state = talk("我想买帐篷", line)
    assert state.constraints.price_max == 200
    assert state.constraints.categories


@pytest.mark.parametrize("line", ["at most 2 items", "最多2件", "不要超过2样"])
def test_a_set_keeps_to_the_number_of_things(talk, line):
    reply, state = talk("put together a bundle with a tent for 250", line)
    assert state.offer_kind == "bundle"
    assert state.constraints.max_items == 2
    assert len(reply.bundles[0].product_ids) <= 2


def test_cheaper_after_a_set_means_the_set(talk):
    reply, state = talk("put together a bundle with a tent for 250")
    first = reply.bundles[0].total
    _, state = talk("make it cheaper")
    assert state.constraints.total_max == first - Decimal("0.01")
    assert state.constraints.price_max is None


# --- does it fit ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("cartridge", "works"), [("gas-screw", True), ("gas-click", False)])
@pytest.mark.parametrize(
    "line",
    ["does the {} one fit the stove in my cart?", "will the {} one work with my stove?",
     "can I use the {} one with the stove in my cart?"],
)  # fmt: skip
def test_a_question_of_fit_is_answered_by_what_both_state(assistant, talk, line, cartridge, works):
    stove = Action(kind="add_to_cart", product_id="stove-spark")
    assistant.reply(Turn(conversation_id="m", action=stove))
    reply, _ = talk("fuel")
    place = [s.product_id for s in reply.suggestions].index(cartridge)
    reply, _ = talk(line.format(["first", "second"][place]))
    kinds = {e.kind: e for e in reply.evidence.values()}
    assert kinds["compatibility"].data["works"] is works


@pytest.mark.parametrize(
    "line", ["which fuel fits the stove in my cart?", "I need fuel for the stove in my cart"]
)
def test_what_fits_a_line_of_the_cart_is_only_what_states_it(assistant, talk, line):
    stove = Action(kind="add_to_cart", product_id="stove-spark")
    assistant.reply(Turn(conversation_id="m", action=stove))
    reply, _ = talk(line)
    assert [s.product_id for s in reply.suggestions] == ["gas-screw"]


def test_without_a_record_of_a_fit_nobody_knows(talk):
    reply, _ = talk("tents", "does the first one fit the second one?")
    assert not {e.kind for e in reply.evidence.values()} & {"compatibility"}
    assert reply.answer.claims  # says that nothing was found


# --- other persons --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("other", "back"),
    [
        ("my brother needs lanterns too", "back to mine"),
        ("now for my wife: lanterns", "ok, and now for me again"),
        ("再给我老婆买，要Lumo", "回到我自己的"),
    ],
)
def test_a_second_person_has_conditions_of_their_own_and_mine_come_back(talk, other, back):
    _, mine = talk("tents under 200")
    _, theirs = talk(other)
    assert theirs.person != ME
    assert theirs.constraints.price_max is None
    _, state = talk("under 40")
    assert state.constraints.price_max == 40
    reply, state = talk(back)
    assert state.person == ME
    assert (state.constraints, state.wish) == (mine.constraints, mine.wish)
    assert [s.product_id for s in reply.suggestions] == ["tent-duo"]


def test_one_for_somebody_else_is_the_same_kind_of_thing(talk):
    reply, state = talk("tents under 200", "now one for my sister")
    assert state.person == "sister"
    assert {s.product_id for s in reply.suggestions} == {"tent-duo", "tent-quartet"}


def test_saying_whom_it_is_for_changes_no_condition(talk):
    _, before = talk("tents under 200")
    _, after = talk("it's for my dad")
    assert after.constraints.price_max == before.constraints.price_max


# --- declined -------------------------------------------------------------------------------------


def leaves(reply, shop):
    return {shop.store.catalogue[s.product_id].leaf for s in reply.suggestions}


def test_a_declined_category_is_not_suggested_unasked_but_shown_when_asked_for(talk, shop):
    offered, _ = talk("Fjellro Duo 2-person tent", "add the first one", "what goes with it?")
    declined = leaves(offered, shop)
    assert declined
    _, state = talk("no thanks")
    assert set(state.declined) == declined
    again, _ = talk("what else goes with my cart?")
    assert not leaves(again, shop) & declined
    name = sorted(declined)[0]
    asked, _ = talk(name.lower())
    assert name in leaves(asked, shop)


def test_never_mind_is_no_new_search(talk):
    before, _ = talk("tents under 20")
    reply, _ = talk("never mind then")
    assert not reply.suggestions
    assert before.constraints == reply.constraints


# --- language -------------------------------------------------------------------------------------


def test_switching_the_language_keeps_every_condition(talk):
    _, before = talk("tents under 260", "only Fjellro")
    reply, after = talk("还有别的吗？")
    assert reply.language == "zh"
    assert after.constraints == before.constraints


@pytest.mark.parametrize(
    "line",
    ["actually just one", "no, only one please", "sorry, just 1", "还是只要一个吧", "就一个"],
)
def test_fewer_than_was_just_put_in(talk, mat_in_cart, line):
    _, state = talk("add 2 more", line)
    assert cart(state) == {"mat-foam": 1}


# --- offers, extremes of what is shown, what "not too heavy" asks for -----------------------------


@pytest.mark.parametrize(
    "line", ["any discounts?", "what's on sale?", "有什么优惠吗", "在打折的有哪些"]
)
def test_offers_that_run_are_shown_and_others_are_not(assistant, shop, line):
    reply = assistant.reply(Turn(conversation_id="o", text=line))
    at = shop.recommender.at(Query(query_id="q"))
    running = tuple(shop.store.promotions.values())
    shown = [shop.store.catalogue[s.product_id] for s in reply.suggestions]
    assert all(best_for(product, running, at) is not None for product in shown)
    offers = [claim for claim in reply.answer.claims if claim.kind == "offer"]
    assert bool(offers) == bool(shown)
    assert shown or re.search("no running offer|No offer|没有", reply.text)


def test_an_offer_of_a_kind_of_product_only(shop):
    query = Query(query_id="q", at=SPRING, text="tents", k=4)
    found = shop.recommender.deals(query)
    assert {shop.store.catalogue[s.product_id].category[-1] for s in found.suggestions} == {"Tents"}
    for suggestion in found.suggestions:
        assert any(found.evidence[i].kind == "offer" for i in suggestion.evidence_ids)
    assert shop.recommender.deals(query.model_copy(update={"text": "stoves"})).suggestions == ()
    sold_out = query.model_copy(update={"constraints": Constraints(price_max=1)})
    assert shop.recommender.deals(sold_out).suggestions == ()


@pytest.mark.parametrize("line", ["which of these is the lightest?", "哪款最轻？"])
def test_the_lightest_of_what_is_shown_is_held_against_the_others(talk, line):
    reply, state = talk("a tent", line)
    assert state.focus == "tent-duo"
    assert [card.product_id for card in reply.cards] == ["tent-duo", "tent-quartet"]
    (claim,) = reply.answer.claims
    assert "2.1 kg" in claim.text
    assert "6.4 kg" in claim.text


def test_the_cheapest_of_what_is_shown(talk):
    reply, state = talk("a tent", "which one is the cheapest?")
    assert state.focus == "tent-duo"
    assert any("€120.00" in claim.text for claim in reply.answer.claims)


@pytest.mark.parametrize(
    ("line", "wish"),
    [("a tent that is not too heavy", "lightweight"), ("a mat, not so thick", "thin"),
     ("不要太重的帐篷", "轻")],
)  # fmt: skip
def test_not_too_much_of_something_asks_for_its_opposite(talk, line, wish):
    _, state = talk(line)
    assert wish in state.wish
    assert not state.constraints.attributes
    assert not state.constraints.exclude_words


def test_a_measure_goes_on_with_the_goal(talk):
    _, state = talk("a sleeping bag", "2 kg or less")
    assert "Sleeping bags" in state.constraints.categories
    assert state.constraints.attributes_max == {"weight": "2 kg"}


def test_several_changes_say_what_is_taken_away(assistant):
    for line in ("a Lumo tent under 100", "why not the Fjellro Quartet?"):
        reply = assistant.reply(Turn(conversation_id="w", text=line))
    facts = [f for f in reply.evidence.values() if f.kind == "change"]
    for fact in facts:
        lifted = [s for s in fact.data["steps"] if s["kind"] == "lift"]
        assert all(step["value"] for step in lifted)
        if len(fact.data["steps"]) > 1 and lifted:
            assert "without " in fact.data["chip"]
    assert facts


@pytest.mark.parametrize(
    "line", ["is it returnable?", "do you ship to Canada?", "is there a warranty?", "可以退货吗"]
)
def test_the_shops_terms_are_not_guessed_from_reviews(talk, line):
    reply, _ = talk("a tent", line)
    assert not reply.answer.claims
    assert re.search("terms|条款", reply.text)


def test_what_people_complain_about_is_a_complaint(talk):
    reply, _ = talk("a mat", "what do people complain about?")
    kinds = {fact.kind for fact in reply.evidence.values()}
    assert kinds & {"complaint", "shared_complaint", "aspect_opinion", "disagreement"}
    assert "quote" not in kinds
