"""The callbacks of both screens over the real service and the tiny store, without a browser."""

import json
import logging
from types import SimpleNamespace

import pytest

from assistant.ui.shopper import Screen, cookie_name

COOKIE = "whycart_tiny"


@pytest.fixture(scope="module")
def assistant(tiny_store):
    from assistant.service import open_assistant

    opened = open_assistant(tiny_store, "none", "sqlite://")
    yield opened
    opened.close()


@pytest.fixture
def screen(assistant):
    return Screen(assistant, base="", with_samples=True)


@pytest.fixture
def visitor(assistant):
    return SimpleNamespace(cookies={COOKIE: assistant.start()}, headers={})


def event(**fields):
    return SimpleNamespace(_data=fields)


def turn(screen, visitor, **fields):
    return list(screen.take_turn(event(**fields), visitor))


def add(product_id, action_id="a1"):
    return {"kind": "add_to_cart", "product_id": product_id, "action_id": action_id}


def test_the_cookie_name_is_safe():
    assert cookie_name("a b;c=ü\n") == "whycart_a_b_c_ü_"


def test_cards_come_before_the_words_and_the_last_update_ends_the_turn(screen, visitor):
    updates = turn(screen, visitor, text="a tent under 300")
    slots = ["".join(u["slots"].values()) for u in updates]
    first_card = next(i for i, s in enumerate(slots) if 'class="card' in s)
    first_clause = next(i for i, s in enumerate(slots) if 'class="clause"' in s)
    assert first_card < first_clause
    assert [u["busy"] for u in updates] == [True] * (len(updates) - 1) + [False]
    assert updates[-1]["next"] == "t2"
    assert len({u["number"] for u in updates}) == len(updates)


def test_a_visitor_without_a_known_cookie_gets_nothing(screen, assistant):
    for cookies in ({}, {COOKIE: "guessed-conversation-id"}, {"other": assistant.start()}):
        stranger = SimpleNamespace(cookies=cookies, headers={})
        (refused,) = turn(screen, stranger, text="a tent")
        assert refused["slots"].keys() == {"panel"}
        assert "page" not in screen.open(stranger)
        assert "page" not in screen.look(event(panel="profile"), stranger)


@pytest.mark.parametrize(
    "forged",
    [
        {"conversation_id": "x", "text": "a tent"},
        {"text": "a tent", "action": add("tent-duo")},
        {"text": "x" * 2001},
        {"text": ""},
        {"action": {"kind": "become_admin"}},
        {"action": {**add("tent-duo"), "quantity": 1000}},
        {"add_all": ["tent-duo"] * 7},
        {},
    ],
)
def test_a_forged_event_is_refused_in_words_and_changes_nothing(screen, visitor, assistant, forged):
    before = assistant.conversation(visitor.cookies[COOKIE])
    (refused,) = turn(screen, visitor, **forged)
    assert refused["open"] == "panel"
    assert "Traceback" not in refused["slots"]["panel"]
    assert assistant.conversation(visitor.cookies[COOKIE]) == before


def test_cart_buttons_do_not_fill_the_conversation(screen, visitor):
    (update,) = turn(screen, visitor, action=add("tent-duo"))
    assert not [name for name in update["slots"] if name.startswith("t") and name[1:].isdigit()]
    assert "€129.00" in update["slots"]["cart"]
    assert update["slots"]["toast"]
    assert update["in_cart"] == ["tent-duo"]


def test_the_same_action_twice_changes_the_cart_once(screen, visitor, assistant):
    turn(screen, visitor, action=add("tent-duo", "same"))
    turn(screen, visitor, action=add("tent-duo", "same"))
    assert assistant.conversation(visitor.cookies[COOKIE]).cart.quantity("tent-duo") == 1


def test_a_bundle_is_added_whole_and_once(screen, visitor, assistant):
    for _ in range(2):
        turn(screen, visitor, add_all=["tent-duo", "mat-foam"], label="Best fit", action_id="b1")
    cart = assistant.conversation(visitor.cookies[COOKIE]).cart
    assert {line.product_id: line.quantity for line in cart.lines} == {"tent-duo": 1, "mat-foam": 1}


def test_a_second_turn_is_refused_while_the_first_runs(screen, visitor):
    running = screen.take_turn(event(text="a tent"), visitor)
    next(running)
    (refused,) = turn(screen, visitor, text="a mat")
    assert "still being answered" in refused["slots"]["panel"]
    list(running)
    assert turn(screen, visitor, text="a mat")[-1]["busy"] is False


def test_stop_ends_the_reply_and_keeps_what_was_said(screen, visitor):
    running = screen.take_turn(event(text="a tent under 300"), visitor)
    for update in running:
        if 'class="clause"' in update["slots"].get("t1-words", ""):
            screen.halt(visitor)
    assert "Stopped." in update["slots"]["t1"]
    assert 'class="clause"' in update["slots"]["t1"]


def test_a_browser_that_went_away_frees_the_conversation(screen, visitor):
    running = screen.take_turn(event(text="a tent"), visitor)
    next(running)
    running.close()
    assert turn(screen, visitor, text="a mat")[-1]["busy"] is False


def test_a_reload_rebuilds_the_page_and_a_restart_at_least_the_words(screen, visitor, assistant):
    turn(screen, visitor, text="a tent under 300")
    turn(screen, visitor, action=add("tent-duo"))
    page = screen.open(visitor)["page"]
    assert 'class="card' in page
    after_restart = Screen(assistant, base="", with_samples=False).open(visitor)["page"]
    assert "a tent under 300" in after_restart
    assert "Fjellro Duo" in after_restart
    assert "cart-lines" in after_restart


def test_the_screen_follows_the_shoppers_language(screen, visitor):
    last = turn(screen, visitor, text="我想要一顶帐篷")[-1]
    assert 'lang="zh-CN"' in last["page"]
    back = screen.look(event(language="en"), visitor)
    assert 'class="shopper" lang="en"' in back["page"]


def test_an_unknown_record_is_said_plainly(screen, visitor):
    opened = screen.look(event(evidence_id="price:nothing"), visitor)
    assert opened["open"] == "panel"
    assert "price:nothing" in opened["slots"]["panel"]


def test_what_nobody_expected_is_an_apology_and_is_logged(visitor, assistant, caplog):
    class Broken:
        shop, language_model_name = assistant.shop, None
        conversation = staticmethod(assistant.conversation)
        standing = staticmethod(assistant.standing)

        def stream(self, turn, *, cancel):
            raise RuntimeError("secret detail")
            yield

    with caplog.at_level(logging.ERROR):
        last = turn(Screen(Broken(), base="", with_samples=False), visitor, text="a tent")[-1]
    assert "something went wrong" in last["slots"]["t1"]
    assert "secret" not in json.dumps(last)
    assert "secret detail" in caplog.text
    assert visitor.cookies[COOKIE] not in caplog.text


def test_the_profile_is_readable_and_only_for_whom_it_is(screen, visitor, assistant):
    nobody = screen.look(event(panel="profile"), visitor)["slots"]["panel"]
    assert "no known shopper" in nobody
    shopper = assistant.shoppers()[0]
    known = SimpleNamespace(cookies={COOKIE: assistant.start(shopper_id=shopper)}, headers={})
    assert "fields" in screen.look(event(panel="profile"), known)["slots"]["panel"]


def test_no_margin_in_any_update_or_in_the_pages_configuration(screen, visitor, assistant):
    from assistant.ui.shopper import build_shopper

    sent = [screen.open(visitor)]
    for text in ("a tent under 300", "a bundle for camping under 400", "something better"):
        sent += turn(screen, visitor, text=text)
    config = json.dumps(build_shopper(assistant).get_config_file(), default=str)
    payload = json.dumps(sent)
    assert 'class=\\"bundle\\"' in payload
    for held in (payload, config.replace("margin-right", "")):
        assert "margin" not in held.lower()


# ------------------------------------------------------------------------------ the desk


@pytest.fixture
def desk(assistant):
    from assistant.ui.console import Console

    return Console(assistant, is_open=lambda token: token == "good", cookie="whycart_agent")


AGENT = SimpleNamespace(cookies={"whycart_agent": "good"}, headers={})


def solve(desk, **fields):
    return desk.solve(event(**fields), AGENT)["slots"]["options"]


@pytest.mark.parametrize("cookies", [{}, {"whycart_agent": "bad"}])
def test_every_callback_of_the_desk_asks_who_is_there(desk, cookies):
    from retrieval.errors import AccessError

    stranger = SimpleNamespace(cookies=cookies, headers={})
    for callback in (
        lambda: desk.open(stranger),
        lambda: desk.translate(event(language="zh"), stranger),
        lambda: desk.solve(event(wish="a tent"), stranger),
    ):
        with pytest.raises(AccessError, match="sign in"):
            callback()


def test_the_desk_shows_margin_to_staff_but_not_in_the_message(desk):
    shown = solve(desk, wish="camping", budget="300", must="tent-duo")
    assert "Margin" in shown
    message = shown.partition("data-message")[2].partition("</p>")[0]
    assert message
    assert "margin" not in message.lower()


def test_lines_are_read_as_ids_titles_or_words_and_said(desk):
    shown = solve(desk, must="tent-duo\nKarsik Trail foam mat", exclude="zzzz qqqq xxxx")
    assert "tent-duo</code>" in shown or "notes" in shown


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("budget", "lots", "Budget: &#x27;lots&#x27; is not a number from 0"),
        ("max_items", "9", "At most: &#x27;9&#x27; is not a number from 1 to 6"),
        ("margin", "400", "Margin at least, %: &#x27;400&#x27;"),
        ("budget", "NaN", "Budget"),
    ],
)
def test_a_number_that_cannot_be_is_named(desk, field, value, said):
    assert said in solve(desk, **{field: value})
