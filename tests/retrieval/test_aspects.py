"""Which aspect a review sentence speaks of and whether it praises or complains."""

import pytest

from retrieval.aspects import aspect_reader

READ = {
    "The shirt is so soft and comfortable.": {"comfort": "praise"},
    "It is not comfortable at all.": {"comfort": "complaint"},
    "It runs small in the shoulders.": {"fit": "complaint"},
    "True to size.": {"fit": "praise"},
    "Overpriced for what you get.": {"value": "complaint"},
    "Good value, but it runs small.": {"value": "praise", "fit": "complaint"},
    "The colour is beautiful and it is well made.": {"looks": "praise", "quality": "praise"},
    "The zip snags every time.": {"zips": "complaint"},
    "Leaked at one corner in the first real rain.": {"waterproofing": "complaint"},
    "The pattern is pretty, but the cut is unflattering.": {"looks": "mixed"},
    "很舒服，颜色也好看。": {"comfort": "praise", "looks": "praise"},
    "雨一大就漏水。": {"waterproofing": "complaint"},
    "性价比很高。": {"value": "praise"},
    "价格偏贵，做工粗糙。": {"value": "complaint", "quality": "complaint"},
}
SILENT = (
    "Is it comfortable?",
    "I was expecting a soft and comfortable sweater.",
    "If it were comfortable I would keep it.",
    "My old one was very comfortable, this one is okay compared to it.",
    "It would be beautiful in another colour.",
    "The other reviewers say it is well made.",
    "I did not find anything about it that was really comfortable.",  # far denial: doubt
    "It fits well, just a bit long.",
    "We took it to the lake last summer.",
    "希望能更舒服一点。",
    "之前买的那个质量很好。",
)


@pytest.fixture(scope="module")
def reader():
    return aspect_reader()


@pytest.mark.parametrize("text", READ)
def test_clear_sentences_are_read(reader, text):
    assert reader.read(text) == READ[text]


@pytest.mark.parametrize("text", SILENT)
def test_a_sentence_that_leaves_doubt_says_nothing(reader, text):
    assert reader.read(text) == {}


def test_praise_in_a_bad_review_and_a_complaint_in_the_best_are_not_believed(reader):
    praise, complaint = "Very comfortable.", "It runs small."
    assert [bool(reader.read(praise, stars)) for stars in (1, 2, 3, 4, 5)] == [False] * 3 + [
        True
    ] * 2
    assert [bool(reader.read(complaint, stars)) for stars in (1, 4, 5)] == [True, True, False]
    assert reader.read(praise, None) == {"comfort": "praise"}


@pytest.mark.parametrize(
    ("question", "aspects"),
    [
        ("is it comfortable?", ("comfort",)),
        ("any problems with the zip?", ("zips",)),
        ("怎么样，重不重", ("weight",)),
        ("is it waterproof and easy to pitch?", ("ease_of_use", "waterproofing")),
        ("how many people fit?", ("fit",)),
        ("hello there", ()),
    ],
)
def test_a_question_names_its_aspects(reader, question, aspects):
    assert reader.asked(question) == aspects


def test_every_aspect_has_a_name_in_both_languages_that_no_other_has(reader):
    for language in ("en", "zh"):
        names = [labels[language] for labels in reader.labels.values()]
        assert all(names)
        assert len(set(names)) == len(names)
