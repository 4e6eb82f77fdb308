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


NUMBER_WORDS = {
    0: "zero", 1: "once single", 3: "three thrice triple trio third thirds", 5: "five fifth",
    2: "two twice double doubled doubles pair couple half halves halved second",
    4: "four quadruple quarter quarters fourth", 6: "six sixth", 7: "seven seventh",
    8: "eight eighth", 9: "nine ninth", 10: "ten tenth", 11: "eleven", 12: "twelve dozen dozens",
    13: "thirteen", 14: "fourteen", 15: "fifteen", 16: "sixteen", 17: "seventeen",
    18: "eighteen", 19: "nineteen", 20: "twenty score scores", 30: "thirty", 40: "forty",
    50: "fifty", 60: "sixty", 70: "seventy", 80: "eighty", 90: "ninety", 100: "hundred hundreds",
    1000: "thousand thousands", 10**6: "million millions", 10**9: "billion",
}  # fmt: skip
HAN_NUMERALS = {
    0: "零〇", 2: "两二半双俩", 3: "三仨", 4: "四", 5: "五", 6: "六", 7: "七", 8: "八", 9: "九",
    10: "十", 100: "百", 1000: "千",
}  # fmt: skip
OFFICIAL = {
    1: "壹", 2: "贰", 3: "叁", 4: "肆", 5: "伍", 6: "陆", 7: "柒", 8: "捌", 9: "玖", 10: "拾",
    20: "廿", 30: "卅", 100: "佰", 1000: "仟",
}  # fmt: skip


@pytest.mark.parametrize(
    ("word", "value"),
    [(word, value) for value, words in NUMBER_WORDS.items() for word in words.split()],
)
def test_every_number_word_is_a_number(word, value):
    (found,) = quantities(f"it is {word.capitalize()} of them")
    assert (found.value, found.unit, found.text) == (str(value), "plain", word.capitalize())


@pytest.mark.parametrize(
    ("sign", "value"),
    [(sign, value) for table in (HAN_NUMERALS, OFFICIAL) for value, signs in table.items()
     for sign in signs],
)  # fmt: skip
def test_every_chinese_numeral_is_a_number(sign, value):
    (found,) = quantities(f"有{sign}件")
    assert found.value == str(value)


@pytest.mark.parametrize("sign", ["万", "亿"])
def test_very_large_chinese_numbers_are_seen_and_not_read(sign):
    (found,) = quantities(f"有三{sign}件")
    assert found.value == "?"


@pytest.mark.parametrize(
    ("text", "value"),
    [("十", 10), ("十二", 12), ("一百二十", 120), ("两百五十", 250), ("三千", 3000),
     ("二千零一", 2001), ("一千一百", 1100)],
)  # fmt: skip
def test_short_chinese_numbers_are_read(text, value):
    assert [found.value for found in quantities(f"有{text}件")] == [str(value)]
