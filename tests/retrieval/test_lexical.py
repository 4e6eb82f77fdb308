"""Words: tokens, BM25 by hand, what matched where."""

import json

import pytest

from retrieval.data.dataset import Dataset
from retrieval.errors import StoreError
from retrieval.text.lexical import LexicalIndex, Match, SpanIndex, build_lexical, tokenise

TENT, PACK, MUG = 0, 1, 2


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lexical")
    zh = {"zh": {"title": "双人帐篷", "category": ["户外", "露营"]}}
    rows = [
        ("a", "Ridge 2-person tent", "Kestrel", {"weight": "1.9 kg"}, "Dry in rain.", zh),
        ("b", "Hauler 65 L", "Kestrel", {"frame": "steel"}, "A pack for a tent and more.", {}),
        ("c", "Mug", "Fjellström", {}, "For tea.", {}),
    ]
    dataset = Dataset.of(
        products=[
            {
                "product_id": product_id,
                "title": title,
                "brand": brand,
                "category": ["Outdoor"],
                "attributes": json.dumps(attributes),
                "description": description,
                "translations": json.dumps(translations),
            }
            for product_id, title, brand, attributes, description, translations in rows
        ],
        spans=[
            {"span_id": f"r#{i}", "review_id": "r", "product_id": "a", "start": i, "text": text}
            for i, text in enumerate(["It kept the rain out.", "No.", "The zip broke in a week."])
        ],
    )  # fmt: skip
    build_lexical(folder, dataset)
    return folder


@pytest.fixture(scope="module")
def index(snapshot):
    return LexicalIndex.open(snapshot)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("65 L", "65l"),
        ("65 litres", "65l"),
        ("2-person", "for 2 people"),
        ("Tents", "tent"),
        ("women’s jackets", "women jacket"),
        ("Café", "cafe"),
        ("１２ inch", '12"'),
        ("1,5 kg", "1.5kg"),
    ],
)
def test_two_ways_to_write_a_thing_share_their_terms(one, other):
    assert set(tokenise(one)) & set(tokenise(other)) == set(tokenise(other))


@pytest.mark.parametrize(
    ("shared", "written"),
    [
        ("2000ml", ["2l", "2 L", "2 litres", "2000 ml", "2,000 ml", "2 升", "2000毫升"]),
        ("500g", ["500g", "0.5 kg", "0,5 kg", "500 grams", "500克"]),
        ("15.6inch", ["15.6 inch", '15.6"', "15.6-inch", "15.6in", "15.6 英寸"]),
        ("20000mah", ["20000 mAh", "20,000mAh", "20k mAh", "20000 毫安时"]),
        ("2person", ["2-person", "two-person", "for two people", "双人", "2人", "两人"]),
        ("4season", ["4-season", "四季"]),
        ("tn2110", ["tn-2110", "TN2110"]),
    ],
)
def test_one_amount_is_one_term_however_it_is_written(shared, written):
    assert {shared in tokenise(text) for text in written} == {True}


def test_a_letter_after_a_number_is_no_amount_by_itself():
    assert tokenise("4K tv") == ["4", "4k", "tv"]
    assert "2" not in tokenise("the two of us")


def test_neighbouring_words_are_found_as_one(tmp_path):
    rows = [{"product_id": "a", "title": "Headlamp 200"}, {"product_id": "b", "title": "Lantern"}]
    build_lexical(tmp_path, Dataset.of(products=rows))
    assert LexicalIndex.open(tmp_path).scores("head lamp").argmax() == 0
    assert LexicalIndex.open(tmp_path).scores("head lamp")[0] > 0


def test_model_numbers_stay_whole():
    assert tokenise("Xerox 006R90321") == ["xerox", "006r90321"]


def test_stop_words_and_empty_text_give_nothing():
    assert tokenise("what is the") == []
    assert tokenise("  …!  ") == []
    assert tokenise("我想要的") == []


def test_chinese_becomes_characters_and_pairs():
    assert tokenise("帐篷") == ["帐", "帐篷", "篷"]


def test_a_word_in_the_title_counts_more_than_in_the_description(index):
    scores = index.scores("tent")
    assert scores.shape == (3,)
    assert scores[TENT] > scores[PACK] > 0
    assert scores[MUG] == 0


def test_a_chinese_query_finds_the_translated_product(index):
    scores = index.scores("防水的双人帐篷")
    assert scores[TENT] > 0
    assert scores[[PACK, MUG]].tolist() == [0, 0]


@pytest.mark.parametrize("text", ["", "the of", "unheard-of-word", "\x00"])
def test_nothing_known_scores_nothing(index, text):
    assert index.scores(text).tolist() == [0, 0, 0]


def test_matches_name_the_words_of_the_query_and_their_fields(index):
    assert index.matches("a kestrel tent for 2 people, orange", TENT) == [
        Match("kestrel", ("brand",)),
        Match("tent", ("title",)),
        Match("2 people", ("title",)),
    ]
    assert index.matches("tent 65l", PACK) == [
        Match("tent", ("description",)),
        Match("65l", ("title",)),
    ]
    assert index.matched_words("双人用的帐篷", TENT) == ["双人", "帐篷"]
    assert index.matched_words("tent", MUG) == []


def test_spans_are_scored_by_row_and_only_quotable_ones(snapshot):
    spans = SpanIndex.open(snapshot)
    assert len(spans) == 2  # "No." is too short to quote
    assert spans.scores("did the zip break?")[0] == 0
    assert spans.scores("is the zip good?")[1] > 0


def test_an_empty_shop_can_be_asked(tmp_path):
    build_lexical(tmp_path, Dataset.of())
    assert LexicalIndex.open(tmp_path).scores("tent").shape == (0,)


def test_a_missing_index_says_what_to_do(tmp_path):
    with pytest.raises(StoreError, match=r"python -m retrieval\.build"):
        LexicalIndex.open(tmp_path)


def test_nothing_is_pickled(snapshot):
    assert {file.suffix for file in snapshot.rglob("*") if file.is_file()} == {".npy", ".json"}
