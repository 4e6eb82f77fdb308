"""What a weaker gate would let through, one test for each place where it could be weakened.

`python -m eval.run_mutants` finds such places; the tests of the reading of numbers and words are
here, because a sentence that only one of them would refuse is hard to write.
"""

from itertools import pairwise

from assistant.quantities import Quantity
from assistant.readings import NAME, Number, fits, numbers, reading, runs_of


def rating():
    """What wordings of ratings attest, worked out anew: a mutant may have changed how."""
    return reading("number", ("rating",), "en")


def number(before, after="|"):
    quantity = Quantity(value="6", unit="plain", text="6", start=0, end=1)
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
    assert "longer" in dict(reading("policy", ("cart",), "en").runs)
    assert "longer" not in dict(reading("number", ("cart",), "en").runs)


def test_the_scale_is_the_only_number_that_wordings_of_ratings_hold():
    assert dict(rating().literals) == {"=5": "5"}


def test_places_are_learned_with_three_tokens_and_with_two():
    assert {len(place) for place in rating().before} == {2, 3}


def test_two_known_tokens_before_a_number_are_enough_and_none_are_too_few():
    known = rating()
    place = next(p for p in known.before if len(p) == 2 and "rating_count" in known.before[p])
    assert fits(number(("zebra", *place), after="zebra"), "rating_count", known)
    assert not fits(number(("zebra", "zebra", "zebra"), after="zebra"), "rating_count", known)


def test_a_number_word_stays_a_word_and_digits_do_not():
    said = ("|", "three", "tents", "for", NAME, "|")
    assert runs_of("three tents for 5", "en") == list(pairwise(said))


def test_latin_letters_in_chinese_are_characters_like_others():
    assert runs_of("售价5 now", "zh") == [*pairwise("|售价|"), *pairwise("|now|")]
