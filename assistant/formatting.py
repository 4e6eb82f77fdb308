"""Money, dates and numbers as a shopper reads them. The gate uses the same functions."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation

from assistant.conversation import Language

SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "CNY": "¥", "JPY": "¥"}
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def format_money(amount: str | Decimal, currency: str) -> str:
    """Return "$1,299.00", or "1,299.00 XYZ" for a currency without a sign here."""
    value = Decimal(amount)
    text = f"{abs(value):,.2f}"
    sign = SIGNS.get(currency)
    body = f"{sign}{text}" if sign else f"{text} {currency}"
    return f"-{body}" if value < 0 else body


def format_date(iso: str, language: Language) -> str:
    """Return "30 Sep 2026" or "2026年9月30日"."""
    day = date.fromisoformat(iso)
    if language == "zh":
        return f"{day.year}年{day.month}月{day.day}日"
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def as_decimal(text: str) -> Decimal | None:
    """Return the number that a text is, thousands separators allowed; None if it is none."""
    try:
        number = Decimal(text.replace(",", ""))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def readable(name: str) -> str:
    """Return an attribute or field name as words: `fits_fuel` → `fits fuel`."""
    return name.replace("_", " ").strip()
