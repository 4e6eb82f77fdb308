"""Simulated shoppers: hidden goals stay hidden, the judge catches broken ends, pass^k is exact."""

import json
from decimal import Decimal
from itertools import combinations

import numpy as np
import pytest

from assistant.conversation import Cart, CartLine
from assistant.service import Assistant, Shop
from assistant.sessions import Sessions
from eval.data.dialogues import Dialogue, Utterance
from eval.dialogue.estimator import pass_hat
from eval.dialogue.goals import FAMILIES, Goal, Want, make_goals
from eval.dialogue.intents import labelled
from eval.dialogue.judge import Turn, judge, leaks, secrets
from eval.dialogue.play import play, transcript
from eval.dialogue.shopper import Names, Said, works
from eval.dialogue.wording import HALVES, phrases, word
from eval.simulate.catalogue import make_products
from eval.simulate.content import load_shelf
from retrieval.data.ingest import ingest
from retrieval.errors import DataError


@pytest.fixture(scope="module")
def shop(tiny_store):
    opened = Shop(tiny_store)
    yield opened
    opened.store.close()


@pytest.fixture
def assistant(shop):
    return Assistant(shop, Sessions("sqlite://"))


TENT = Want(category="Tents", price_max=Decimal(200))
GOAL = Goal(goal_id="search-en-0", family="search", language="en", wants=(TENT,))


def ended(*lines, goal=GOAL, turns=(), shop):
    """Judge a conversation that ended with these lines in the cart."""
    cart = Cart(lines=tuple(CartLine(product_id=p, quantity=n) for p, n in lines))
    return judge(goal, goal.wants, turns, cart, shop.store)


# --- pass^k ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_trials", [1, 2, 4, 6])
def test_pass_hat_is_the_share_of_all_choices_of_k_trials_that_all_passed(n_trials):
    for n_passed in range(n_trials + 1):
        trials = [True] * n_passed + [False] * (n_trials - n_passed)
        for k in range(1, n_trials + 1):
            choices = list(combinations(trials, k))
            share = sum(all(choice) for choice in choices) / len(choices)
            assert pass_hat(n_trials, n_passed, k) == pytest.approx(share)


def test_pass_hat_refuses_more_trials_than_there_were():
    with pytest.raises(ValueError, match=r"`k` must be from 1 to 4 \(the trials\), got 5"):
        pass_hat(4, 4, 5)


# --- goals and words ------------------------------------------------------------------------------


def test_every_act_has_both_halves_in_both_languages_and_they_share_no_wording():
    for act, languages in phrases().items():
        for language in ("en", "zh"):
            halves = [set(languages[language][half]) for half in HALVES]
            assert all(halves), (act, language)
            assert not halves[0] & halves[1], (act, language)


def test_a_want_fits_what_the_record_states_and_nothing_else(shop):
    catalogue = shop.store.catalogue
    assert TENT.fits(catalogue["tent-duo"])  # 129.00
    assert not TENT.fits(catalogue["tent-quartet"])  # 249.00
    assert not TENT.fits(catalogue["mat-foam"])
    assert Want(category="Tents", value=("sleeps", "2")).fits(catalogue["tent-duo"])
    assert not Want(category="Tents", not_value=("sleeps", "2")).fits(catalogue["tent-duo"])
    assert not Want(category="Headlamps", in_stock=True).fits(catalogue["headlamp"])


def test_a_message_that_names_the_product_is_a_leak(shop):
    hidden = secrets(GOAL, shop.store.catalogue)
    assert leaks("I want the fjellro duo 2-person tent", hidden)
    assert leaks("add tent-duo", hidden)
    assert not leaks("a tent under 200", hidden)


# --- the judge ------------------------------------------------------------------------------------


def test_the_judge_accepts_the_right_cart_and_names_broken_ones(shop):
    assert ended(("tent-duo", 1), shop=shop) == []
    for lines in ((), [("tent-quartet", 1)], [("tent-duo", 2)], [("tent-duo", 1), ("lantern", 1)]):
        assert any("the cart holds" in fault for fault in ended(*lines, shop=shop)), lines


def test_the_judge_checks_sets_fits_and_bounds(shop):
    bundle = Goal(goal_id="b", family="bundle", language="en", wants=(Want(category="Tents"),),
                  total_max=Decimal(160), items_max=2)  # fmt: skip
    assert ended(("tent-duo", 1), ("mat-foam", 1), goal=bundle, shop=shop) == []  # 153.90
    assert ended(("tent-duo", 1), ("mat-air", 1), goal=bundle, shop=shop)  # 198.00
    assert ended(("lantern", 1), ("mat-foam", 1), goal=bundle, shop=shop)  # no tent
    fit = Goal(goal_id="f", family="fit", language="en", wants=(Want(category="Fuel"),),
               cart=(("stove-spark", 1),))  # fmt: skip
    assert ended(("stove-spark", 1), ("gas-screw", 1), goal=fit, shop=shop) == []
    assert ended(("stove-spark", 1), ("gas-click", 1), goal=fit, shop=shop)


def test_the_judge_wants_the_true_bound(assistant, shop):
    # tents cost 129.00 and 249.00: a shopper who asks for one under 80 is owed 129.00
    low = Goal(goal_id="i", family="impossible", language="en", wants=(), bound=Decimal("129.00"))
    turns = list(said_to(assistant, "tents under 80"))
    assert ended(goal=low, turns=turns, shop=shop) == []
    wrong = Goal(goal_id="i", family="impossible", language="en", wants=(), bound=Decimal(99))
    assert any("129.00" in fault for fault in ended(goal=wrong, turns=turns, shop=shop))


def test_the_judge_sees_a_declined_category_come_back(assistant, shop):
    cross = list(said_to(assistant, "what goes with the Fjellro Duo 2-person tent?"))
    no = [Turn(said=Said(act="no_thanks", text="no thanks"), reply=cross[0].reply)]
    again = ended(("tent-duo", 1), turns=[*cross, *no, *cross], shop=shop)
    assert any("suggested again" in fault for fault in again)
    assert ended(("tent-duo", 1), turns=[*cross, *no], shop=shop) == []


def said_to(assistant, *texts):
    from assistant.conversation import Turn as Message

    for text in texts:
        reply = assistant.reply(Message(conversation_id="j", text=text))
        yield Turn(said=Said(act="say", text=text), reply=reply)


# --- the shopper ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A works with B: both state fuel gas.", True),
        ("A and B do not go together: gas on one side, wood wanted on the other.", False),
        ("B does not fit A: one states gas, the other wants wood.", False),
        ("A与B相配：两者的燃料都是丁烷。", True),
        ("A与B不相配：一个是丁烷。", False),
        ("I cannot tell.", False),
    ],
)
def test_the_shopper_reads_whether_two_things_fit(text, expected):
    assert works(text) is expected


@pytest.fixture(scope="module")
def outfitter(tmp_path_factory):
    """The simulated sample catalogue, ratings made up: no store is built."""
    path = tmp_path_factory.mktemp("outfitter") / "products.jsonl"
    made = make_products(load_shelf(), np.random.default_rng(7), scale=1.0)
    rows = [{**p.record, "rating": 3 + n % 3, "rating_count": 5} for n, p in enumerate(made)]
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    return ingest(path).dataset.catalogue


def test_no_goal_and_no_wording_ever_names_a_product(outfitter):
    """Every act is worded with every name that a goal can put into it, over many goals."""
    goals = make_goals(outfitter, 4 * len(FAMILIES), seed=3)
    assert {goal.family for goal in goals} == set(FAMILIES)
    rng = np.random.default_rng(0)
    for goal in goals:
        hidden = secrets(goal, outfitter)
        assert all(any(w.fits(p) for p in outfitter.products) for w in goal.wants if not goal.bound)
        for want in (*goal.wants, *((goal.other,) if goal.other else ())):
            for name in filter(None, (want.category, want.brand, want.not_brand)):
                slots = dict.fromkeys(("category", "brand", "value", "held"), name)
                slots |= dict.fromkeys(("amount", "wrong", "low", "n", "total", "rating"), "1")
                slots |= {"place": "first", "person": "dad"}
                for act in set(phrases()) - {"persons", "softeners"}:
                    for half in HALVES:
                        text = word(act, goal.language, half, rng, **slots)
                        assert not leaks(text, hidden), text


def test_a_shop_with_too_little_to_choose_from_is_refused(shop):
    with pytest.raises(DataError, match=r"0 categories of this store have at least 6 products"):
        make_goals(shop.store.catalogue, 4, seed=0)


def test_human_messages_count_where_their_label_is_of_one_kind(shop):
    # greeting wins 3 to 2; the second is a tie of two kinds and is left out; the third is no label
    votes = [{"greeting": 3.0, "answer": 2.0}, {"nf": 2.0, "answer": 2.0}, {"other": 3.0}]
    said = [Utterance(is_client=True, text="hello", votes=v) for v in votes]
    dialogue = Dialogue(dialogue_id="d", shelf="s", utterances=said)
    assert list(labelled(dialogue, shop.store.catalogue)) == [("social", "social")]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_goal_played_twice_is_the_same_conversation_and_ends_well(shop, language):
    goal = Goal(goal_id="search-0", family="search", language=language, wants=(TENT,))
    texts = []
    for _ in range(2):
        talker = Assistant(shop, Sessions("sqlite://"))
        names = Names(shop.store.catalogue, talker.speakers)
        played = play(talker, goal, names, half="development", trial=0, seed=0)
        assert played.passed, transcript(played)
        texts.append([(t.said.text, t.reply.text) for t in played.turns])
    assert texts[0] == texts[1]


def test_a_fault_is_written_out_readable(assistant, shop):
    nothing = Want(category="Tents", brand="Karsik")  # sells no tents
    goal = Goal(goal_id="search-1", family="search", language="en", wants=(nothing,))
    names = Names(shop.store.catalogue, assistant.speakers)
    played = play(assistant, goal, names, half="development", trial=0, seed=0)
    assert not played.passed
    text = transcript(played)
    assert "! nothing shown suits" in text
    assert "> " in text
    assert "< " in text
