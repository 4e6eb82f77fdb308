"""Money, dates and names as a shopper reads them."""

from decimal import Decimal

import pytest

from assistant.formatting import as_decimal, format_date, format_money, readable

NO_NUMBERS = ("2.1 kg", "", "nan", "Infinity", "one")


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("1299", "USD", "$1,299.00"),
        ("0.5", "EUR", "€0.50"),
        (Decimal("24.90"), "GBP", "£24.90"),
        ("1000000", "CNY", "¥1,000,000.00"),
        ("12", "SEK", "12.00 SEK"),
        ("-3", "EUR", "-€3.00"),
        ("-3", "SEK", "-3.00 SEK"),
    ],
)
def test_money_has_its_sign_or_its_code_and_two_decimals(amount, currency, text):
    assert format_money(amount, currency) == text


def test_dates_are_read_in_each_language():
    assert format_date("2026-09-03", "en") == "3 Sep 2026"
    assert format_date("2026-09-03", "zh") == "2026年9月3日"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1,450.5", Decimal("1450.5")),
        ("2.1 kg", None),
        ("", None),
        ("nan", None),
        ("Infinity", None),
        ("-6", Decimal(-6)),
    ],
)
def test_a_text_is_a_number_or_none(text, number):
    assert as_decimal(text) == number


def test_field_names_become_words():
    assert readable("fits_fuel ") == "fits fuel"
