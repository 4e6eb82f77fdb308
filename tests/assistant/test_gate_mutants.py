"""What a weaker gate would let through, one test for each place where it could be weakened.

`python -m eval.run_mutants` finds such places; the tests of the reading of numbers and words are
here, because a sentence that only one of them would refuse is hard to write.
"""

from assistant.quantities import Quantity
from assistant.readings import NAME, Number, fits, numbers, reading, words_of


def rating():
    """What wordings of ratings attest, worked out anew: a mutant may have changed how."""
    return reading("number", ("rating",), "en")


def number(before, after="|"):
    quantity = Quantity(value="6", unit="plain", text="6")
    return Number(quantity=quantity, before=before, after=after)


def test_a_number_is_read_with_three_tokens_before_and_one_after():
    (found,) = numbers("a b c d 7 e f")
    assert found.before == ("b", "c", "d")
    assert found.after == "e"


def test_names_and_the_ends_of_sentences_are_tokens():
    (after_name,) = numbers(f"costs {NAME} 7")
    assert after_name.before == ("|", "costs", NAME)
    (after_stop,) = numbers("in the cart. 7")
    assert after_stop.before == ("the", "cart", "|")


def test_a_kind_of_claim_brings_its_own_words_only():
    number_words = reading("number", ("cart",), "en").words
    policy_words = reading("policy", ("cart",), "en").words
    assert "longer" in policy_words
    assert "longer" not in number_words


def test_the_scale_is_the_only_number_that_wordings_of_ratings_hold():
    assert dict(rating().literals) == {"=5": "5"}


def test_places_are_learned_with_three_tokens_and_with_two():
    assert {len(place) for place in rating().before} == {2, 3}


def test_english_connecting_words_are_none_of_chinese():
    assert reading("number", ("rating",), "zh").words == frozenset()


def test_two_known_tokens_before_a_number_are_enough_and_none_are_too_few():
    known = rating()
    place = next(p for p in known.before if len(p) == 2 and "rating_count" in known.before[p])
    assert fits(number(("zebra", *place), after="zebra"), "rating_count", known)
    assert not fits(number(("zebra", "zebra", "zebra"), after="zebra"), "rating_count", known)


def test_a_number_word_stays_a_word_and_digits_do_not():
    assert words_of("three tents for 5") == ["three", "tents", "for"]
