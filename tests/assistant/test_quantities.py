"""Numbers as a reader sees them: digits, words, Chinese numerals, units."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.formatting import format_date, format_money
from assistant.quantities import plain, quantities


def read(text):
    return [(q.value, q.unit) for q in quantities(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("€1,450.00", [("1450", "money")]),
        ("$ 24.95", [("24.95", "money")]),
        ("1,299.00 SEK", [("1299", "money")]),
        ("9.2 %", [("9.2", "percent")]),
        ("9.2％", [("9.2", "percent")]),
        ("12 percent", [("12", "percent")]),
        ("3.1 times", [("3.1", "times")]),
        ("3.1倍", [("3.1", "times")]),
        ("2×", [("2", "times")]),
        ("38 of the 412 baskets", [("38", "plain"), ("412", "plain")]),
        ("412, then 7.", [("412", "plain"), ("7", "plain")]),
        ("30 Sep 2026", [("2026-09-30", "date")]),
        ("2026年9月3日", [("2026-09-03", "date")]),
        ("twice, three, a dozen", [("2", "plain"), ("3", "plain"), ("12", "plain")]),
        ("Fifty", [("50", "plain")]),
        ("half price", [("2", "plain")]),
        ("the second", [("2", "plain")]),
        ("两倍", [("2", "plain")]),
        ("十二件", [("12", "plain")]),
        ("二十一", [("21", "plain")]),
        ("三百", [("300", "plain")]),
        ("一万", [("?", "plain")]),
        ("一起，一款", []),
        ("someone, the cheaper one", []),
        ("threefold", []),
        ("１２", [("?", "plain"), ("?", "plain")]),
        ("½ ③ Ⅻ ²", [("?", "plain")] * 4),
        ("1,29", [("1", "plain"), ("29", "plain")]),
        ("129,00", [("129", "plain"), ("0", "plain")]),
        ("12x", [("12", "times")]),
        ("", []),
    ],
)
def test_numbers_are_read_with_their_unit(text, found):
    assert read(text) == found


def test_a_number_knows_where_it_stands_and_in_what_currency():
    (number,) = quantities("it costs €12.50 now")
    assert (number.start, number.end, number.text) == (9, 15, "€12.50")
    assert number.currency == "€"
    assert quantities("12.50 SEK")[0].currency == "SEK"
    assert quantities("12.50 sek")[0].unit == "plain"


def test_numbers_come_in_reading_order():
    assert [q.text for q in quantities("3 then ② then four then €5")] == ["3", "②", "four", "€5"]


@pytest.mark.parametrize(
    ("number", "canonical"),
    [("1,450.00", "1450"), ("0.50", "0.5"), ("100", "100"), ("0", "0"), ("007", "7")],
)
def test_plain_numbers_have_one_form(number, canonical):
    assert plain(number) == canonical


@given(st.decimals(min_value=0, max_value=10**7, places=2), st.sampled_from(["EUR", "USD", "SEK"]))
def test_money_reads_back_as_it_was_written(amount, currency):
    assert read(format_money(amount, currency)) == [(plain(f"{amount:.2f}"), "money")]


@given(st.dates(), st.sampled_from(["en", "zh"]))
def test_dates_read_back_as_they_were_written(day, language):
    if day.year >= 1000:
        assert read(format_date(day.isoformat(), language)) == [(day.isoformat(), "date")]


@given(st.text(max_size=60))
def test_any_text_can_be_read(text):
    for quantity in quantities(text):
        assert text[quantity.start : quantity.end] == quantity.text
