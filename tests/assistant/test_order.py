"""Order and membership are the ranker's: no composer and no order of evidence changes them."""

import random
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assistant.answer import Claim
from assistant.cards import card
from assistant.compose import ModelComposer, TemplateComposer
from assistant.conversation import Action, Turn
from assistant.service import Assistant
from assistant.sessions import Sessions
from eval.card_escapes import escapes
from eval.shop_table import table_of
from eval.worst_models import SAYINGS, HostileModel
from retrieval.query import Query

TURNS = (
    "I am looking for tents",
    "what goes with the first one?",
    Action(kind="better", product_id="tent-duo"),
    Action(kind="add_to_cart", product_id="tent-duo"),
    "put together a set with a tent for 400 euros",
    "tents under 50",
    Action(kind="why_not", product_id="mat-foam"),
    "show my cart",
    "我想买帐篷",
)


class Rearranging:
    """Says what it is given in another order, or less of it, or more than once."""

    name = "template"

    def __init__(self, rearranged):
        self._rearranged = rearranged

    def compose(self, task, accept, tally):
        pieces = tuple(self._rearranged(list(task.pieces)))
        yield from TemplateComposer().compose(replace(task, pieces=pieces), accept, tally)


def shuffled(pieces):
    random.Random(3).shuffle(pieces)
    return pieces


COMPOSERS = {
    "backwards": Rearranging(lambda pieces: pieces[::-1]),
    "shuffled": Rearranging(shuffled),
    "silent": Rearranging(lambda pieces: []),
    "half": Rearranging(lambda pieces: pieces[::2]),
    "twice": Rearranging(lambda pieces: pieces * 2),
    "hostile, writes": ModelComposer(HostileModel(), mode="write"),
    "hostile, chooses": ModelComposer(HostileModel(), mode="choose"),
}


def talk(shop, composer):
    assistant = Assistant(shop, Sessions("sqlite://"), composer=composer)
    for said in TURNS:
        given_ = {"text": said} if isinstance(said, str) else {"action": said}
        yield assistant.reply(Turn(conversation_id="order", **given_))


def decided(reply):
    """Everything a shopper sees but the words: what is shown, in which order, at which price."""
    return (
        [s.product_id for s in reply.suggestions],
        reply.cards,
        reply.bundle_cards,
        reply.chips,
        reply.cart,
        reply.constraints,
        reply.suggested_replies,
    )


@pytest.fixture(scope="module")
def plain(shop):
    return list(talk(shop, TemplateComposer()))


@pytest.mark.parametrize("name", COMPOSERS)
def test_no_composer_changes_what_is_shown_or_in_which_order(shop, plain, name):
    for reply, expected in zip(talk(shop, COMPOSERS[name]), plain, strict=True):
        assert decided(reply) == decided(expected)
        assert all(check.supported for check in reply.checks)
        planned = {claim.evidence_ids for claim in expected.answer.claims}
        assert {claim.evidence_ids for claim in reply.answer.claims} <= planned


@pytest.mark.parametrize("name", COMPOSERS)
def test_no_composer_makes_a_fact_escape(shop, name):
    for reply in talk(shop, COMPOSERS[name]):
        assert escapes(reply, table_of(shop.store)) == []


@pytest.mark.parametrize("mode", ["write", "choose"])
def test_a_hostile_model_says_each_clause_in_its_place_and_nothing_of_its_own(shop, plain, mode):
    said = list(talk(shop, ModelComposer(HostileModel(), mode=mode)))
    for reply, expected in zip(said, plain, strict=True):
        order = [piece.evidence_ids for piece in reply.answer.pieces if isinstance(piece, Claim)]
        assert order == [claim.evidence_ids for claim in expected.answer.claims]
        for saying in SAYINGS[1:-1]:
            assert saying not in reply.text


@settings(
    max_examples=60, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(seed=st.integers(0, 10_000))
def test_the_order_of_evidence_changes_no_card(shop, seed):
    slate = shop.recommender.recommend(Query(query_id="q", text="tent"))
    mixed = list(slate.evidence.items())
    random.Random(seed).shuffle(mixed)
    speaker = shop.speakers["en"]
    for suggestion in slate.suggestions:
        one, other = (
            card(speaker, suggestion, evidence, lambda _s, _e: ("", ()))
            for evidence in (slate.evidence, dict(mixed))
        )
        assert one == other
