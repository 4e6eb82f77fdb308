"""The count beside the gate: each kind of escape, planted into real replies, is counted."""

from dataclasses import replace

import numpy as np
import pytest

from assistant.conversation import Action, Turn
from assistant.service import Assistant, Shop
from assistant.sessions import Sessions
from eval.card_escapes import card_escapes, escapes
from eval.escapes import claim_escapes, phrase_escapes, reply_escapes, wish_escapes
from eval.hostile_turns import conversation
from eval.record_checks import record_mistakes
from eval.shop_table import read_shop_table


@pytest.fixture(scope="module")
def talk(tiny_store):
    """Ask a template assistant over the tiny shop; each conversation by its name."""
    shop = Shop(tiny_store)
    assistant = Assistant(shop, Sessions("sqlite://"))

    def ask(name, *steps, language="en"):
        reply = None
        for step in steps:
            said = {"text": step} if isinstance(step, str) else {"action": step}
            reply = assistant.reply(Turn(conversation_id=name, language=language, **said))
        return reply

    yield ask
    shop.store.close()


@pytest.fixture(scope="module")
def table(tiny_store):
    return read_shop_table(tiny_store)


@pytest.fixture(scope="module")
def found(talk):
    """A real reply with price, rating, quotations, cards and a difference."""
    return talk("found", "I am looking for tents")


@pytest.fixture(scope="module")
def upgrade(talk):
    better = Action(kind="better", product_id="tent-duo")
    return talk("upgrade", better)


@pytest.fixture(scope="module")
def bundle(talk):
    return talk("bundle", "put together a set with a tent for 400 euros")


def test_honest_replies_hold_no_escape(found, upgrade, bundle, talk, table):
    others = [
        talk("cart", "tents", Action(kind="add_to_cart", product_id="tent-duo"), "show my cart"),
        talk("none", "tents under 50"),
        talk("zh", "我想买帐篷", language="zh"),
        talk("why", "tents", Action(kind="why_not", product_id="mat-foam")),
    ]
    assert upgrade.cards
    assert upgrade.cards[0].gains
    assert bundle.bundle_cards
    for reply in (found, upgrade, bundle, *others):
        assert escapes(reply, table) == []


# --- text -----------------------------------------------------------------------------------------

PLANTED = {
    "number": " It sold 93 pieces.",
    "money": " It costs $19.95.",
    "percent": " Now 30 % cheaper.",
    "times": " It is 7 times better.",
    "date": " It arrives on 3 Mar 2027.",
    "word": " Seventeen others agree.",
    "other": " It is half price, twice as good.",
    "stock": " It is in stock.",
    "none": " The other is sold out.",
    "day": " It arrives tomorrow.",
    "size": " It packs to 31 cm.",
    "deal": " Delivery is free of charge: coupon inside.",
    "brand": " Lumo would be worse.",
    "offer code": " Use tents-10.",
    "product": " So is the Karsik Trail foam mat.",
    "letter": " It соsts nothing.",
    "number ": " ３７ remain.",
    "other ": " 打八折。",
    "other  ": " 三成价。",
    "other   ": " 第二件半价。",
    "other    ": " 两倍好。",
    "none ": " 已缺货。",
    "stock ": " 有货。",
    "deal ": " 免费。",
    "day ": " 明天送到。",
    "word ": " 十二人买过。",
    "other     ": " A dozen were sold.",
    "number  ": " 3\u200b7 remain.",
}


def with_claim(reply, place, text):
    """Return the reply as written, one of its claims ending otherwise."""
    written = reply.as_json()
    claims = [dict(claim) for claim in written["claims"]]
    before = claims[place]["text"]
    claims[place]["text"] = before + text
    return written | {"claims": claims, "text": written["text"].replace(before, before + text, 1)}


@pytest.mark.parametrize("sort", PLANTED)
def test_a_fact_planted_into_a_claim_is_counted_as_what_it_is(found, table, sort):
    price = next(
        n for n, c in enumerate(found.answer.claims) if c.evidence_ids[0].startswith("price:")
    )
    sorts = {e.sort for e in reply_escapes(with_claim(found, price, PLANTED[sort]), table)}
    assert sort.strip() in sorts


@pytest.mark.parametrize("sort", PLANTED)
def test_the_same_fact_in_words_outside_claims_is_counted(found, table, sort):
    written = found.as_json()
    planted = written | {"text": written["text"] + PLANTED[sort]}
    assert sort.strip() in {e.sort for e in reply_escapes(planted, table)}


def test_a_number_the_shopper_said_is_no_record_of_it(table):
    assert phrase_escapes("Yes, $50 as you say.", table)


def test_a_wish_may_be_repeated_as_a_wish_and_no_otherwise(table):
    assert wish_escapes("Tents · up to €50.00", {"price_max": "50.00", "of": "Tents"}, table) == []
    assert wish_escapes("Tents · up to €60.00", {"price_max": "50.00", "of": "Tents"}, table)
    assert wish_escapes("Tents · Lumo", {"of": "Tents"}, table)
    assert wish_escapes("Tents · Lumo", {"of": "Tents", "brands": ["Lumo"]}, table) == []


def test_a_value_of_another_unit_is_no_value(found, table):
    """A rating's count is no amount of money, and no percentage."""
    record = next(e.as_json() for e in found.evidence.values() if e.kind == "rating")
    n = record["data"]["rating_count"]
    assert claim_escapes(f"It has {n} reviews.", [record], table, "en") == []
    assert claim_escapes(f"It costs ${n}.", [record], table, "en")
    assert claim_escapes(f"It is {n} % off.", [record], table, "en")


def test_a_claim_without_a_record_is_an_escape(table):
    assert claim_escapes("It is red.", [], table, "en")


CHANGED = {
    "price": {"price": "1.00"},
    "stock": {"stock": 99},
    "rating": {"rating": "5.0"},
    "attribute": {"value": "gold"},
    "quote": {"text": "The best tent there is, buy it now."},
    "complaint": {"count": 0},
    "difference": {"difference": "1.00"},
    "comparison": {"this": "1 g"},
    "total": {"total": "1.00"},
    "match": {"words": ["zorblax"]},
}


@pytest.mark.parametrize("kind", CHANGED)
def test_a_record_that_the_table_does_not_bear_out_is_counted(
    found, upgrade, bundle, talk, table, kind
):
    asked = talk("asked", "tell me about the Fjellro Duo tent", "what is it made of?")
    view = Action(kind="view", product_id="mat-air")
    complaints = talk("gripes", view, "any complaints?")
    evidence = {}
    for reply in (found, upgrade, bundle, asked, complaints):
        evidence |= reply.evidence
    record = next(e.as_json() for e in evidence.values() if e.kind == kind)
    assert list(record_mistakes(record, table)) == []
    record["data"] |= CHANGED[kind]
    assert list(record_mistakes(record, table))


# --- cards ----------------------------------------------------------------------------------------

ON_CARDS = {
    "title": "Fjellro Trio tent",
    "brand": "Lumo",
    "category": "Lamps",
    "price": "€1.00",
    "list_price": "€999.00",
    "stock": "Only 1 left",
    "rating": 4.9,
    "rating_count": 1_000,
    "can_add": False,
    "reason": "Rated 5.0 of 5 in 6 reviews.",
    "gains": ("weight: 1 g (2 g)",),
    "losses": ("weight: 9 kg (1 kg)",),
    "difference": "+€0.50",
    "anchor_title": "Karsik Trail foam mat",
}


@pytest.mark.parametrize("name", ON_CARDS)
def test_a_changed_string_on_a_card_is_counted(upgrade, table, name):
    card, written = upgrade.cards[0], upgrade.as_json()
    assert card_escapes(card, written, table) == []
    assert card_escapes(replace(card, **{name: ON_CARDS[name]}), written, table)


def test_a_changed_chip_is_counted(upgrade, table):
    card, written = upgrade.cards[0], upgrade.as_json()
    for label in ("Rated 5.0 by 900", "Lumo", "half price"):
        chips = (replace(card.chips[0], label=label), *card.chips[1:])
        assert card_escapes(replace(card, chips=chips), written, table)


@pytest.mark.parametrize(
    ("name", "value"), [("total", "€1.00"), ("note", "Together these 9 come to €1.00.")]
)
def test_a_changed_bundle_is_counted(bundle, table, name, value):
    changed = replace(bundle.bundle_cards[0], **{name: value})
    assert escapes(replace(bundle, bundle_cards=(changed,)), table)


def test_a_changed_cart_a_chip_of_another_wish_and_a_number_to_say_are_counted(talk, table):
    reply = talk("cart2", "tents under 300", Action(kind="add_to_cart", product_id="tent-duo"))
    assert escapes(reply, table) == []
    line = reply.cart["lines"][0]
    for cart in (
        {**reply.cart, "total": "€1.00"},
        {**reply.cart, "lines": [{**line, "price": "€1.00"}]},
        {**reply.cart, "lines": [{**line, "title": "Lumo lamp"}]},
    ):
        assert escapes(replace(reply, cart=cart), table)
    assert escapes(replace(reply, chips={"price_max": "up to €1.00"}), table)
    assert escapes(replace(reply, suggested_replies=("Make it a set under 150",)), table)


# --- who asks -------------------------------------------------------------------------------------


def test_conversations_are_drawn_by_their_seed(table):
    drawn = [conversation(np.random.default_rng(seed), table) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]
    assert {language for language, _ in drawn} <= {"en", "zh"}
