"""One record opened: the fact, its counts and window, the raw rows behind it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from assistant.answer import EvidenceView
from assistant.clauses import Speaker
from assistant.formatting import readable
from retrieval.data.dataset import Product
from retrieval.evidence import Evidence
from retrieval.pipeline import Recommender
from retrieval.records import OF_ONE_TURN, money

FIELD_LABELS: Mapping[str, tuple[str, str]] = {
    "count": ("times counted", "次数"),
    "n": ("counted in all", "总数"),
    "confidence": ("share (%)", "占比（%）"),
    "low": ("95 % interval from (%)", "95%区间下限（%）"),
    "high": ("95 % interval to (%)", "95%区间上限（%）"),
    "lift": ("times chance", "随机水平的倍数"),
    "from": ("from", "起"),
    "to": ("to", "止"),
    "price": ("price", "价格"),
    "list_price": ("list price", "原价"),
    "saving": ("saving", "节省"),
    "price_after": ("price with the offer", "优惠后价格"),
    "currency": ("currency", "币种"),
    "stock": ("in stock", "库存"),
    "rating": ("rating (of 5)", "评分（满分5）"),
    "rating_count": ("reviews", "评价数"),
    "n_reviews": ("reviews", "评价数"),
    "n_opinions": ("reviews that are clear about it", "态度明确的评价"),
    "n_high": ("gave 4 or 5 stars", "给4或5星"),
    "n_low": ("gave 1 or 2 stars", "给1或2星"),
    "aspect": ("aspect", "方面"),
    "reason": ("reason", "原因"),
    "polarity": ("what they say", "态度"),
    "n_shoppers": ("buyers", "购买人数"),
    "within": ("next purchases looked at", "随后的购买件数"),
    "every_days": ("days between", "间隔天数"),
    "first_at": ("first on", "首次"),
    "created_at": ("written on", "日期"),
    "verified": ("verified purchase", "已验证购买"),
    "review_id": ("review", "评价编号"),
    "value": ("value", "值"),
    "wanted": ("wanted", "要求"),
    "actual": ("stated", "资料"),
    "name": ("what", "项目"),
    "category": ("category", "品类"),
    "difference": ("difference", "差价"),
    "total": ("total", "合计"),
    "budget": ("budget", "预算"),
    "left": ("left", "剩余"),
    "rank": ("place", "名次"),
    "k": ("places shown", "展示数"),
    "score": ("score", "得分"),
    "last_at": ("last on", "最近一次"),
    "type": ("what", "行为"),
    "offer_id": ("offer", "优惠"),
    "ends_at": ("until", "截止"),
    "words": ("words", "词"),
    "label": ("conditions", "条件"),
}
POLARITIES = {"praise": ("praise", "好评"), "complaint": ("complaints", "抱怨")}
MAX_ROWS = 14
TOGETHER_LABELS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "bought_together": {
        "count": ("baskets with both", "两者都有的购物篮"),
        "n_anchor": ("baskets with {anchor}", "含{anchor}的购物篮"),
        "n_other": ("baskets with {other}", "含{other}的购物篮"),
        "n": ("baskets in all", "购物篮总数"),
    },
    "viewed_together": {
        "count": ("visits that looked at both", "两者都看的访问"),
        "n_anchor": ("visits that looked at {anchor}", "看过{anchor}的访问"),
        "n_other": ("visits that looked at {other}", "看过{other}的访问"),
        "n": ("visits in all", "访问总数"),
    },
    "bought_next": {
        "count": ("shoppers who bought {other} next", "随后买了{other}的顾客"),
        "n_anchor": ("shoppers who bought {anchor}", "买过{anchor}的顾客"),
        "n_other": ("shoppers who bought {other}", "买过{other}的顾客"),
        "n": ("shoppers in all", "顾客总数"),
    },
}
HIDDEN = {
    "span_id", "text", "start", "end", "anchor", "anchor_category", "other", "holder", "this",
    "that", "better", "direction", "prices", "lines", "parts", "ahead_parts", "product_id",
    "conditions", "dearer", "chip", "ahead", "ahead_score", "top", "works", "language", "kind",
    "this_count", "that_count", "other_category", "price_this", "price_that", "share", "of",
    "spoken", "steps", "part", "spans",
}  # fmt: skip


def view_evidence(recommender: Recommender, speaker: Speaker, fact: Evidence) -> EvidenceView:
    """Return a record as a chip shows it."""
    data = fact.data
    product_id = fact.product_ids[-1] if fact.product_ids else None
    review = _review(recommender, fact)
    complaint = None
    if product_id is not None and fact.kind not in ("complaint", "rank", "cart"):
        about = recommender.records.complaint(recommender.store.catalogue[product_id])
        complaint = f"“{about.data['text']}”" if about is not None else None
    return EvidenceView(
        evidence_id=fact.evidence_id,
        kind=fact.kind,
        title=_title(speaker, fact),
        fields=_fields(speaker, fact),
        rows=_rows(recommender, speaker, fact),
        quote=str(review["text"]) if review else None,
        quote_span=(data["start"], data["end"]) if review and "start" in data else None,
        complaint=complaint,
        origin=fact.origin,
        recompute=None
        if fact.kind in OF_ONE_TURN
        else f"python -m retrieval.evidence STORE {shlex.quote(fact.evidence_id)}",
    )


def _title(speaker: Speaker, fact: Evidence) -> str:
    """The fact as the reply would say it, where it can; else the record's own reading."""
    from assistant.wording import wordings

    clause = None
    if fact.kind == "comparison":
        clause = speaker.compare(fact, as_upgrade=False)
    elif fact.kind == "difference":
        clause = speaker.difference(fact)
    elif fact.kind == "total":
        clause = speaker.total(fact)
    elif fact.product_ids:
        about = fact.data.get("other") if fact.kind.endswith("_together") else None
        clause = speaker.say(fact, about=about)
    options = wordings(clause, speaker.language) if clause is not None else ()
    return options[0] if options else fact.text


def _fields(speaker: Speaker, fact: Evidence) -> tuple[tuple[str, str], ...]:
    place, data = 0 if speaker.language == "en" else 1, fact.data
    together = TOGETHER_LABELS.get(fact.kind, {})
    names = {}
    if together:
        lead = str(data.get("anchor_category"))
        names = {
            "anchor": speaker.title(data["anchor"]) if data["anchor"] else speaker.category(lead),
            "other": _other(speaker, data),
        }
    found = []
    for name, value in data.items():
        if name in HIDDEN or value is None or value == "":
            continue
        usual = FIELD_LABELS.get(name, (readable(name), readable(name)))
        label = together.get(name, usual)[place].format_map(names)
        if name == "name":
            value = speaker.label(str(value))
        if name == "aspect":
            value = speaker.aspect(str(value))
        if name == "polarity":
            value = POLARITIES[str(value)][place]
        found.append((label, _text(value)))
    return tuple(found)


def _other(speaker: Speaker, data: Mapping[str, Any]) -> str:
    """The second side of a pair: a product, or a category."""
    return (
        speaker.title(data["other"]) if data["other"] else speaker.category(data["other_category"])
    )


def _text(value: Any) -> str:  # noqa: ANN401 - evidence data is JSON
    if isinstance(value, bool):
        return "✓" if value else "–"
    if isinstance(value, list):
        return ", ".join(str(v) for v in value)
    return str(value)


def _review(recommender: Recommender, fact: Evidence) -> dict[str, object] | None:
    if "review_id" not in fact.data:
        return None
    return recommender.store.reviews_by_id.get(str(fact.data["review_id"]))


def _rows(
    recommender: Recommender, speaker: Speaker, fact: Evidence
) -> tuple[tuple[str, ...], ...]:
    """The raw record: a line of the catalogue, a table of baskets, the parts of a score."""
    data, english = fact.data, speaker.language == "en"
    catalogue = recommender.store.catalogue
    if fact.kind in ("bought_together", "viewed_together"):
        both, anchor, other, n = (int(data[k]) for k in ("count", "n_anchor", "n_other", "n"))
        name = _other(speaker, data)
        lead = speaker.title(data["anchor"]) if data["anchor"] else speaker.category(
            data["anchor_category"]
        )  # fmt: skip
        without = "without" if english else "不含"
        return (
            ("", name, f"{without} {name}" if english else f"{without}{name}"),
            (lead, str(both), str(anchor - both)),
            (f"{without} {lead}" if english else f"{without}{lead}", str(other - both),
             str(n - anchor - other + both)),
        )  # fmt: skip
    if "spans" in data:
        quoted = [recommender.records.resolve(f"quote:{span}") for span in data["spans"]]
        return (
            ("review", "sentence") if english else ("评价", "原文"),
            *((q.data["review_id"], q.data["text"]) for q in quoted[:MAX_ROWS] if q is not None),
        )
    if fact.kind in ("price", "stock", "rating", "attribute", "category", "compatibility",
                     "comparison", "difference"):  # fmt: skip
        return _catalogue_rows(speaker, [catalogue[p] for p in fact.product_ids], data.get("name"))
    if fact.kind == "rank" and "parts" in data:
        mine, ahead = data["parts"], data.get("ahead_parts", {})
        names = sorted({*mine, *ahead})
        head = [
            ("score part" if english else "得分项"),
            *(speaker.title(p) for p in fact.product_ids),
        ]
        rows = [
            (speaker.part(n), mine.get(n, "0"), *((ahead.get(n, "0"),) if ahead else ()))
            for n in names
        ]
        return (tuple(head), *rows)
    if fact.kind in ("cart", "total"):
        prices = data.get("prices") or {
            line["product_id"]: line["subtotal"] for line in data["lines"]
        }
        return tuple((speaker.title(p), speaker.money(amount)) for p, amount in prices.items())
    return ()


def _catalogue_rows(
    speaker: Speaker, products: list[Product], attribute: object
) -> tuple[tuple[str, ...], ...]:
    english = speaker.language == "en"
    head = ("catalogue" if english else "目录", *(speaker.title(p) for p in products))
    rows: list[tuple[str, ...]] = [
        ("product_id", *(p.product_id for p in products)),
        ("brand" if english else "品牌", *(p.brand or "–" for p in products)),
        ("price" if english else "价格",
         *("–" if p.price is None else speaker.money(money(p.price)) for p in products)),
        ("stock" if english else "库存",
         *("–" if p.stock is None else str(p.stock) for p in products)),
    ]  # fmt: skip
    names = [attribute] if isinstance(attribute, str) else []
    names += [n for p in products for n in p.attributes if n != attribute]
    for name in dict.fromkeys(names):
        if any(name in p.attributes for p in products):
            rows.append(
                (speaker.label(name),
                 *(speaker.value(p, name, p.attributes[name]) if name in p.attributes else "–"
                   for p in products))
            )  # fmt: skip
    return (head, *rows[:MAX_ROWS])
