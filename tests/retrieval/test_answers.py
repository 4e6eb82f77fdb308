"""What answers a question: the signs by hand, and the order they give."""

import math

import numpy as np
import pytest

from retrieval.text.answers import OFFSET, WEIGHTS, probabilities, signs
from retrieval.text.bm25 import weigh
from retrieval.text.tokens import tokenise

SENTENCES = ["The battery lasts 9 hours.", "The battery is fine.", "Nice colour."]


@pytest.fixture
def index():
    return weigh([[tokenise(text)] for text in SENTENCES], [1.0])


def test_signs_are_worked_out_by_hand(index):
    # battery stands in 2 of 3 sentences, last in 1, long in none; how, does, the are no terms
    near = np.array([0.5, 0.4, 0.0], np.float32)
    found = signs("how long does the battery last", SENTENCES, index, near)
    battery, last, long = math.log(1 + 3 / 3), math.log(1 + 3 / 2), math.log(1 + 3 / 1)
    whole = battery + last + long
    assert found[:, 0] == pytest.approx([(battery + last) / whole, battery / whole, 0])
    assert found[:, 1] == pytest.approx(near)
    assert found[:, 2:].tolist() == [[1, 0, 0], [0, 1, 0], [0, 1, 0]]


def test_probability_is_the_logistic_of_weighted_signs():
    assert probabilities(np.zeros((1, 5))) == pytest.approx([1 / (1 + math.exp(-OFFSET))])
    z = OFFSET + WEIGHTS @ np.array([1, 1, 1, 0, 1])
    assert probabilities(np.array([[1.0, 1, 1, 0, 1]])) == pytest.approx([1 / (1 + math.exp(-z))])


def test_where_an_amount_is_asked_the_sentence_with_a_number_goes_first(index):
    near = np.full(3, 0.4, np.float32)
    p = probabilities(signs("how many hours does the battery last?", SENTENCES, index, near))
    assert p.argsort()[::-1].tolist() == [0, 1, 2]


def test_a_closed_question_is_answered_by_yes_or_no(index):
    found = signs("is it heavy?", ["Yes, very.", "Heavy rain."], index, None)
    assert found[:, 4].tolist() == [1, 0]
    assert signs("how heavy?", ["Yes, very."], index, None)[0, 4] == 0


def test_words_alone_tell_where_the_encoder_cannot_read(index):
    p = probabilities(signs("battery", SENTENCES, index, None))
    assert p[0] == pytest.approx(p[1])
    assert p[0] > 0.3 > p[2]


def test_a_question_without_words_is_answered_by_nothing(index):
    assert signs("?", SENTENCES, index, None)[:, 0].tolist() == [0, 0, 0]
    assert signs("battery", [], index, None).shape == (0, 5)
