"""What may be shown and said: stock words, chips, constraint labels, when a complaint is due."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from assistant.answer import Card, Chip
from assistant.clauses import FEW, Speaker
from assistant.conversation import Language, constraint_chips
from assistant.quantities import quantities
from retrieval.data.dataset import Product
from retrieval.evidence import Evidence
from retrieval.query import Constraints

MAX_CHIPS = 5
DIVIDED = 0.2
"""Reviews disagree from this share of high ratings and of low ones on."""
CHIP_ORDER = (
    "placement",
    "compatibility", "bought_together", "viewed_together", "bought_next", "repurchase",
    "own_history", "comparison", "quote", "offer", "rating", "attribute", "difference", "price",
    "stock", "match", "popularity",
)  # fmt: skip


PLACED = {"sponsored": ("sponsored", "赞助"), "interest": ("shop's own interest", "店铺自身利益")}
CHIP_LABELS: Mapping[str, tuple[str, str]] = {
    "bought_together": ("Bought together {confidence} %", "同购{confidence}%"),
    "viewed_together": ("Viewed together ×{count}", "同看{count}次"),
    "bought_next": ("Bought next {confidence} %", "随后购买{confidence}%"),
    "repurchase": ("Every {every_days} days", "每隔{every_days}天"),
    "compatibility": ("Compatibility", "兼容"),
    "own_history": ("Your history", "您的记录"),
    "quote": ("Review", "评价原文"),
    "placement": ("Placed higher: {reason}", "靠前原因：{reason}"),
    "shared_complaint": (
        "Complaints: {aspect} {count}/{n_reviews}",
        "抱怨{aspect} {count}/{n_reviews}",
    ),
    "complaint": ("1–2 stars: {count}/{n_reviews}", "1–2星：{count}/{n_reviews}"),
    "rating": ("{rating} of 5 · {rating_count}", "{rating}分 · {rating_count}条"),
    "price": ("Price", "价格"),
    "stock": ("Stock", "库存"),
    "offer": ("Offer −{saving}", "优惠−{saving}"),
    "attribute": ("{name} {value}", "{name}{value}"),
    "comparison": ("{name}", "{name}"),
    "difference": ("Price difference", "差价"),
    "popularity": ("{n_shoppers} buyers", "{n_shoppers}人购买"),
    "match": ("Matches “{words}”", "匹配“{words}”"),
}
"""Evidence kind to its chip, English and Chinese; fields are the record's own."""


def stock_word(product: Product, language: Language) -> str:
    """Say how many are there, as the shop states it."""
    english = language == "en"
    if product.stock is None:
        return "Stock not stated" if english else "库存未注明"
    if product.stock == 0:
        return "Out of stock" if english else "缺货"
    if product.stock <= FEW:
        return f"Only {product.stock} left" if english else f"仅剩{product.stock}件"
    return "In stock" if english else "有货"


def can_add(product: Product) -> bool:
    """Whether it may go into a cart: priced, and not stated to be out of stock."""
    return product.price is not None and product.stock != 0


def chips(speaker: Speaker, facts: list[Evidence]) -> tuple[Chip, ...]:
    """Return the chips of a card, the most telling first, at most one of a kind (two specs)."""
    order = {kind: place for place, kind in enumerate(CHIP_ORDER)}
    found: list[Chip] = []
    seen: dict[str, int] = {}
    for fact in sorted(facts, key=lambda f: order.get(f.kind, 99)):
        limit = 2 if fact.kind in ("comparison", "attribute") else 1
        if fact.kind not in order or seen.get(fact.kind, 0) >= limit:
            continue
        if fact.kind == "match" and not _telling_words(fact):
            continue
        seen[fact.kind] = seen.get(fact.kind, 0) + 1
        found.append(Chip(label=chip_label(speaker, fact), evidence_id=fact.evidence_id))
    return tuple(found[:MAX_CHIPS])


def chip_label(speaker: Speaker, fact: Evidence) -> str:
    """Return the few words on a chip; every figure in it is the record's own."""
    template = CHIP_LABELS.get(fact.kind, ("Record", "记录"))[0 if speaker.language == "en" else 1]
    data = dict(fact.data)
    if "saving" in data:
        data["saving"] = speaker.money(data["saving"])
    if fact.kind == "placement":
        data["reason"] = PLACED[data["reason"]][0 if speaker.language == "en" else 1]
    if "aspect" in data:
        data["aspect"] = speaker.aspect(data["aspect"])
    if "name" in data:
        data["name"] = speaker.label(data["name"])
    if "words" in data:
        data["words"] = ", ".join(_telling_words(fact)[:3])
    return template.format_map(data)


def _telling_words(fact: Evidence) -> list[str]:
    """Return the matched words worth showing: a number among them would look like a fact."""
    return [word for word in fact.data["words"] if len(word) > 1 and not quantities(word)]


def constraint_labels(
    speaker: Speaker, constraints: Constraints, title: Mapping[str, str]
) -> dict[str, str]:
    """Return the removable chips: name for `remove_constraint` → label in the language.

    Args:
        speaker: Language and money.
        constraints: What is set.
        title: Product id to title, for must-haves and exclusions.
    """
    return {
        name: _constraint_label(speaker, name.partition(":")[0], value, title)
        for name, value in constraint_chips(constraints).items()
        if name.partition(":")[0] != "margin_min"
    }


def _constraint_label(speaker: Speaker, field: str, value: object, title: Mapping[str, str]) -> str:
    text = title.get(str(value), str(value))
    if field in ("price_max", "price_min", "total_max"):
        text = speaker.money(str(value))
    if field in ("categories", "exclude_categories"):
        text = speaker.category(text)
    if field.removeprefix("exclude_") in ("attributes", "attributes_min", "attributes_max"):
        name, _, wanted = text.partition(": ")
        text = f"{speaker.label(name)} {wanted}"
    english, chinese = {
        "price_max": (f"up to {text}", f"不超过{text}"),
        "price_min": (f"from {text}", f"{text}以上"),
        "total_max": (f"{text} in all", f"总共{text}"),
        "min_items": (f"at least {text} products", f"至少{text}件"),
        "max_items": (f"at most {text} products", f"最多{text}件"),
        "must_include": (f"with {text}", f"要有{text}"),
        "exclude": (f"without {text}", f"不要{text}"),
        "exclude_categories": (f"no {text}", f"不要{text}"),
        "exclude_brands": (f"not {text}", f"不要{text}"),
        "exclude_words": (f"no {text}", f"不要{text}"),
        "exclude_attributes": (f"not {text}", f"不要{text}"),
        "attributes_min": (f"{text} or more", f"{text}以上"),
        "attributes_max": (f"{text} or less", f"{text}以下"),
        "in_stock": ("in stock", "有货"),
        "rating_min": (f"rated {text} or better", f"评分{text}以上"),
    }.get(field, (text, text))
    return english if speaker.language == "en" else chinese


def with_caution(speaker: Speaker, card: Card, fact: Evidence) -> Card:
    """Return the card with a chip for what reviewers complain of, whatever else it shows."""
    caution = Chip(label=chip_label(speaker, fact), evidence_id=fact.evidence_id)
    return replace(card, chips=(*card.chips[: MAX_CHIPS - 1], caution))


def is_divided(fact: Evidence | None) -> bool:
    """Whether so many like it and so many do not that the reply should say so."""
    if fact is None:
        return False
    fewer = min(fact.data["n_high"], fact.data["n_low"])
    return bool(fewer >= 2 and fewer >= DIVIDED * fact.data["n_reviews"])


def complaint_is_due(fact: Evidence | None, share: float) -> bool:
    """Whether enough reviews are bad, or share a complaint, for the reply to say so."""
    return fact is not None and fact.data["count"] >= 2 and (
        fact.data["count"] >= share * fact.data["n_reviews"]
    )  # fmt: skip
