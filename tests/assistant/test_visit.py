"""A view or an add-to-cart moves the next slate of that chat, unless personalisation is off."""

import io
import json
import sys

import pytest

from assistant import chat
from assistant.conversation import Action, Cart, CartLine, Conversation, Turn
from assistant.visit import cart_events, with_views

WISH = {"text": "recommend something"}
ADD = {"action": {"kind": "add_to_cart", "product_id": "tent-duo"}}
VIEW = {"action": {"kind": "view", "product_id": "tent-duo"}}
OFF = {"action": {"kind": "personalise_off"}}


@pytest.fixture
def slates(tiny_store, monkeypatch, capsys):
    """Run turns of one chat through the door; return the product ids that each reply shows."""

    def run(*turns):
        lines = "".join(json.dumps({"conversation_id": "a", **turn}) + "\n" for turn in turns)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines.encode()), "utf-8"))
        assert chat.main(["--store", str(tiny_store), "--jsonl"]) == 0
        replies = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return [[s["product_id"] for s in reply["suggestions"]] for reply in replies]

    return run


@pytest.mark.parametrize("step", [ADD, VIEW])
def test_what_was_done_moves_the_next_slate(slates, step):
    before, _, after = slates(WISH, step, WISH)
    assert "footprint-duo" not in before
    assert "footprint-duo" in after  # states that it fits the tent
    assert (step is VIEW) or "tent-duo" not in after  # what is in the cart is not offered again


@pytest.mark.parametrize("step", [ADD, VIEW])
def test_with_personalisation_off_it_does_not(slates, step):
    _, before, _, after = slates(OFF, WISH, step, WISH)
    assert before
    assert before == after


def test_what_is_done_is_recorded(assistant):
    def act(kind, product_id, **more):
        action = Action(kind=kind, product_id=product_id, **more)
        assistant.reply(Turn(conversation_id="c", action=action))

    act("view", "tent-duo")
    act("add_to_cart", "mat-foam", quantity=2)
    act("set_quantity", "mat-foam", quantity=1)
    act("remove_from_cart", "mat-foam")
    assistant.reply(Turn(conversation_id="c", action=Action(kind="personalise_off")))
    act("add_to_cart", "tent-duo")
    found = [(e.type, e.product_id) for e in assistant._sessions.events(conversation_id="c")]
    assert found == [
        ("view", "tent-duo"),
        ("add_to_cart", "mat-foam"),
        ("remove_from_cart", "mat-foam"),
        ("remove_from_cart", "mat-foam"),
    ]


def test_forgetting_leaves_no_event_behind(assistant):
    for action in (Action(kind="add_to_cart", product_id="mat-foam"), Action(kind="forget_me")):
        assistant.reply(Turn(conversation_id="c", action=action))
    assert assistant._sessions.events(conversation_id="c") == []


def test_the_latest_view_stands_last_and_once():
    seen = with_views(Conversation(conversation_id="c", viewed=("a", "b")), ("a",))
    assert seen.viewed == ("b", "a")
    off = Conversation(conversation_id="c", personalise=False)
    assert with_views(off, ("a",)).viewed == ()


def test_changes_of_the_cart_are_events_by_product():
    def chat_with(**quantities):
        lines = tuple(CartLine(product_id=p, quantity=n) for p, n in quantities.items())
        return Conversation(conversation_id="c", cart=Cart(lines=lines))

    before, after = chat_with(a=1, b=2, c=1), chat_with(b=1, c=1, d=1)
    assert list(cart_events(before, after)) == [
        ("remove_from_cart", "a"), ("remove_from_cart", "b"), ("add_to_cart", "d"),
    ]  # fmt: skip
