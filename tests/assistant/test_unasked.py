"""The one unasked suggestion: a tied complement of what was just put into the cart, or nothing."""

from decimal import Decimal

import pytest

from assistant.answer import Claim
from assistant.config import AssistantConfig
from assistant.conversation import Action, Conversation, Shown, Turn
from assistant.service import Assistant
from assistant.sessions import Sessions
from retrieval.query import Constraints

TENT = "tent-duo"  # its footprint states that it fits; mats are in most of its baskets


def put(shop, product_id=TENT, config=None, **state):
    """Put a product into the cart of a conversation in this state and return the reply."""
    sessions = Sessions("sqlite://")
    shown = (Shown(product_id=product_id, offer_kind="similar"),)
    conversation = Conversation(conversation_id="c", n_turns=1, shown=shown, **state)
    sessions.save(conversation, expected_turns=0)
    text = "第一款加入购物车" if state.get("language") == "zh" else "add the first one to my cart"
    assistant = Assistant(shop, sessions, config=config)
    return assistant, assistant.reply(Turn(conversation_id="c", text=text))


def unasked(reply):
    return [s.product_id for s in reply.suggestions]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_one_complement_of_another_category_comes_with_the_record_that_ties_it(shop, language):
    _, reply = put(shop, language=language)
    (product_id,) = unasked(reply)
    catalogue = shop.store.catalogue
    assert catalogue[product_id].leaf != catalogue[TENT].leaf
    said = [c for c in reply.answer.pieces if isinstance(c, Claim)]
    tie = reply.evidence[said[-1].evidence_ids[0]]
    assert tie.kind in ("compatibility", "bought_together")
    assert {TENT, product_id} == set(tie.product_ids)
    assert all(check.supported for check in reply.checks)


def test_after_no_thanks_its_category_is_not_suggested_again(shop):
    catalogue, declined = shop.store.catalogue, ()
    for _ in range(len(catalogue)):
        found = unasked(put(shop, declined=declined)[1])
        if not found:
            break
        assert catalogue[found[0]].leaf not in declined
        declined = (*declined, catalogue[found[0]].leaf)
    assert declined
    assert not found


def test_it_keeps_to_what_is_left_of_a_stated_budget(shop):
    price = shop.store.catalogue[TENT].price
    for left in (Decimal(0), Decimal(1), Decimal(27), Decimal(30)):
        _, reply = put(shop, constraints=Constraints(total_max=price + left))
        for product_id in unasked(reply):
            assert shop.store.catalogue[product_id].price <= left
    assert not unasked(put(shop, constraints=Constraints(total_max=price))[1])


def test_what_was_shown_before_is_not_pressed_on_the_shopper(shop):
    first = unasked(put(shop)[1])
    assert unasked(put(shop, seen=tuple(first))[1]) != first


def test_nothing_is_suggested_without_a_tie_or_when_taken_out_or_turned_off(shop):
    assert not unasked(put(shop, product_id="lantern")[1])
    assert not unasked(put(shop, config=AssistantConfig(unasked=False))[1])
    assistant, _ = put(shop)
    out = Action(kind="remove_from_cart", product_id=TENT)
    assert not unasked(assistant.reply(Turn(conversation_id="c", action=out)))
