"""Cleaning of text and splitting of reviews into spans that can be found again."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.data.clean import clean_line, clean_text
from retrieval.data.ingest import make_spans
from retrieval.data.spans import MAX_QUOTE, is_quotable, split_spans


def cleaned(text):
    return clean_text(text, Counter())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  plain  ", "plain"),
        ("<p>One</p><p>Two</p>", "One\nTwo"),
        ("One<br/>Two<BR>Three", "One\nTwo\nThree"),
        ("<ul><li>light</li><li>dry</li></ul>", "light\ndry"),
        ("a <b>bold</b> claim", "a bold claim"),
        ("before<script>alert('x')</script> after", "before after"),
        ("<style>p {color: red}</style>text", "text"),
        ("<!-- note -->text", "text"),
        ("salt &amp; pepper &lt; 5 &euro;", "salt & pepper < 5 €"),
        ("&lt;p&gt;Escaped once&lt;/p&gt;", "Escaped once"),
        ("&amp;lt;b&amp;gt;twice&amp;lt;/b&amp;gt;", "twice"),
        ("&lt;script&gt;alert(1)&lt;/script&gt;kept", "kept"),
        ("5 < 6 and 7 > 3", "5 < 6 and 7 > 3"),
        ("I <3 it", "I <3 it"),
        ("R&D, AT&T; H&M", "R&D, AT&T; H&M"),
        ("a\u00a0b\u2003c\td   e", "a b c d e"),
        ("one\r\n\r\n  two\u2029three", "one\ntwo\nthree"),
        ("soft\u00adhyphen, zero\u200bwidth, \u202eevil", "softhyphen, zerowidth, evil"),
        ("nul\x00 and bell\x07", "nul and bell"),
        ("cafe\u0301", "café"),
        ("👨‍👩‍👧 tent", "👨‍👩‍👧 tent"),
        ("轻便的帐篷，很好。", "轻便的帐篷，很好。"),
    ],
)
def test_markup_goes_and_text_stays(text, expected):
    assert cleaned(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cafÃ© au lait", "café au lait"),
        ("Itâ€™s dry\nand light", "It’s dry\nand light"),
        ("extra lengthðŸ‘\x8d", "extra length👍"),
        ("å¸\x90ç¯·", "帐篷"),
    ],
)
def test_wrong_decoding_is_repaired_where_it_is_plain(text, expected):
    notes = Counter()
    assert clean_text(text, notes) == expected
    assert notes["mojibake"] == 1


@pytest.mark.parametrize("text", ["café", "naïve Ärger", "SÃO PAULO", "50 µm × 3", "Ω²"])
def test_text_that_is_right_or_doubtful_stays(text):
    notes = Counter()
    assert clean_text(text, notes) == text
    assert not notes["mojibake"]


@given(st.text(max_size=200))
def test_nothing_invisible_is_left(text):
    line = clean_line(text, Counter())
    assert line == line.strip()
    assert not set(line) & set("\x00\x1b\u202e\u200b\r\n\t\u2028")


def sentences(text):
    return [text[start:end] for start, end in split_spans(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dry. Light! Worth it?", ["Dry.", "Light!", "Worth it?"]),
        ("It weighs 2.1 kg. Fine.", ["It weighs 2.1 kg.", "Fine."]),
        ("About 12 in. wide and 3 ft. long.", ["About 12 in. wide and 3 ft. long."]),
        ("I got it in. Great.", ["I got it in.", "Great."]),
        ("Good for kids, e.g. for camps. Buy it.", ["Good for kids, e.g. for camps.", "Buy it."]),
        ("Mr. Wu and J. Smith like it.", ["Mr. Wu and J. Smith like it."]),
        ("Ropes, pegs, etc. are inside.", ["Ropes, pegs, etc. are inside."]),
        ("Ropes, pegs, etc. The bag is small.", ["Ropes, pegs, etc.", "The bag is small."]),
        ("See no. 5 first. Dry? no. Bad.", ["See no. 5 first.", "Dry?", "no.", "Bad."]),
        ("1. Light. 2. Dry.", ["1. Light.", "2. Dry."]),
        ("great tent. would buy again.", ["great tent.", "would buy again."]),
        ("great tent.Would buy again.", ["great tent.", "Would buy again."]),
        ("Well... it leaks... Never again.", ["Well... it leaks...", "Never again."]),
        ('He said "never!" Then left.', ['He said "never!"', "Then left."]),
        ("first line\nsecond line", ["first line", "second line"]),
        ("很轻。一个人也可以！好吗？", ["很轻。", "一个人也可以！", "好吗？"]),
        ("他说“很好。”我也觉得。", ["他说“很好。”", "我也觉得。"]),
        ("只有3.5公斤，不重。", ["只有3.5公斤，不重。"]),
        ("See www.example.com for more.", ["See www.example.com for more."]),
        ("Works for me!!! Really?!", ["Works for me!!!", "Really?!"]),
        ("", []),
        (" \n ", []),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text, expected):
    assert sentences(text) == expected


def test_long_sentence_is_cut_at_clauses():
    clause = "the zip jams every single time one opens the inner door in the morning"
    parts = sentences(", ".join([clause] * 10) + ".")
    assert all(len(part) <= MAX_QUOTE for part in parts)
    assert all(part.startswith("the zip") for part in parts)
    assert [part.count("the zip") for part in parts] == [4, 4, 2]


def test_amounts_are_not_cut_at_their_commas():
    text = "It costs " + "1,299 " * 100
    assert all("1,299" in part and not part.endswith(",") for part in sentences(text))


def test_text_without_any_break_is_cut_to_quotable_length():
    assert [len(part) for part in sentences("轻" * 700)] == [300, 300, 100]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Too short!", False), ("Long enough.", True), ("非常好用很轻", True), ("很好用", False),
     ("x" * 300, True), ("x" * 301, False)],
)  # fmt: skip
def test_quotable_is_neither_a_word_nor_an_essay(text, expected):
    assert is_quotable(text) is expected


reviews = st.text(
    st.sampled_from('ab .,!?…。！？，\n"”)1A e.g.etc') | st.characters(codec="utf-8"), max_size=900
)


@given(reviews)
def test_spans_reproduce_their_text_and_lose_nothing(text):
    spans = split_spans(text)
    assert all(text[start:end] == text[start:end].strip() != "" for start, end in spans)
    assert all(end - start <= MAX_QUOTE for start, end in spans)
    assert all(one[1] <= two[0] for one, two in pairwise(spans))
    assert "".join("".join(text[s:e].split()) for s, e in spans) == "".join(text.split())


def test_span_table_addresses_the_stored_text(tiny_dataset):
    texts = dict(tiny_dataset.reviews.select("review_id", "text").iter_rows())
    for span in tiny_dataset.spans.iter_rows(named=True):
        assert texts[span["review_id"]][span["start"] : span["end"]] == span["text"]
        assert span["span_id"].startswith(span["review_id"] + "#")
    assert tiny_dataset.spans["span_id"].is_unique().all()
    assert make_spans(tiny_dataset.reviews).equals(tiny_dataset.spans)


def test_ordinals_count_the_sentences_that_are_too_short_to_quote(tiny_dataset):
    # r04 has two long sentences; r11 ends in "Great!"
    ids = tiny_dataset.spans["span_id"].to_list()
    assert "r11#0" in ids
    assert "r11#1" not in ids
    assert {"r04#0", "r04#1"} <= set(ids)
