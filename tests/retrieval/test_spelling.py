"""Words spelled wrongly, and words that must be left alone."""

import pytest

from retrieval.pipeline import Recommender
from retrieval.query import Query
from retrieval.store import Store
from retrieval.text.spelling import Correction, Spelling, words_of
from retrieval.text.tokens import tokenise

HELD = {"tent": 9, "tents": 4, "test": 1, "sleeping": 3, "bag": 5, "waterproof": 2, "boots": 2}


@pytest.fixture
def spelling():
    return Spelling(HELD, {term: i for i, word in enumerate(HELD) for term in tokenise(word)})


@pytest.mark.parametrize(
    ("wrote", "meant"),
    [
        ("tnet", "tent"),  # two letters swapped are one slip; `tent` and `test` both are near
        ("Tennt for two", "tent for two"),
        ("watrproff", "waterproof"),  # nine letters: two slips
        ("sleepingbag", "sleeping bag"),
    ],
)
def test_a_misspelled_word_is_put_right(spelling, wrote, meant):
    assert spelling.correct(wrote)[0] == meant


@pytest.mark.parametrize(
    "text",
    ["tents", "tented", "XT2000", "tnet2", "t-ent", "1234", "帐篷", "ten", "kayak", "wtarproff"],
)
def test_known_words_numbers_models_and_far_words_stay(spelling, text):
    assert spelling.correct(text) == (text, ())


def test_a_word_that_exists_elsewhere_is_no_slip(spelling):
    # a shopper who asks for boats is not shown boots
    assert spelling.correct("boats")[0] == "boots"
    assert spelling.correct("boats", is_word={"boats"}.__contains__) == ("boats", ())


def test_what_was_changed_is_said(spelling):
    text, made = spelling.correct("a Tnet, please")
    assert text == "a tent, please"
    assert made == (Correction(wrote="Tnet", read="tent"),)


def test_words_are_of_latin_letters_and_not_parts_of_models():
    assert list(words_of("Café tables, XT-Pro-20 and 65litres of 帐篷")) == ["cafe", "tables"]


def test_a_slate_says_what_was_searched_for_instead(tiny_store):
    store = Store.open(tiny_store, device="cpu")
    wrong, right = (
        Recommender(store).recommend(Query(query_id="q", text=t)) for t in ("stvoe", "stove")
    )
    assert "searched for “stove” instead of “stvoe”" in wrong.notes
    assert [s.product_id for s in wrong.suggestions] == [s.product_id for s in right.suggestions]
    store.close()
