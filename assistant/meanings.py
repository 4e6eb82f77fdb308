"""What words say about a record, and whether the record says so too.

Each rule reads the claim's own words, names and quotations taken out, in English and Chinese. A
rule that finds nothing to object to says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from operator import gt, lt

from assistant.clauses import FEW
from assistant.formatting import as_decimal
from retrieval.evidence import Evidence

DENIALS = re.compile(
    r"\b(?:not|no|never|nothing|neither|nor|none|cannot|without|\w+n't)\b|不(?!超过|及|如)|没|无",
    re.IGNORECASE,
)
SAME_CATEGORY = re.compile(r"\b(?:same category|as well)\b|同类|也属于", re.IGNORECASE)
ROUNDED = 0.0011
"""Score parts are kept with three decimals; a gap is known to this."""

Rule = tuple[re.Pattern[str], Callable[[Evidence], bool], str]
"""Words, when the record bears them out, and what is wrong when it does not."""


def _rule(words: str, holds: Callable[[Evidence], bool], reason: str) -> Rule:
    return re.compile(words, re.IGNORECASE), holds, reason


def _named(*names: str) -> Callable[[Evidence], bool]:
    return lambda fact: fact.data.get("name") in names


def _beyond(name: str, lies: Callable[[Decimal, Decimal], bool]) -> Callable[[Evidence], bool]:
    """Whether the actual price lies beyond the limit, above it or below."""

    def holds(fact: Evidence) -> bool:
        actual, wanted = as_decimal(str(fact.data["actual"])), as_decimal(str(fact.data["wanted"]))
        is_own = fact.data["name"] == name
        return is_own and actual is not None and wanted is not None and lies(actual, wanted)

    return holds


def _step(field: str, *kinds: str) -> Callable[[Evidence], bool]:
    """Whether one thing alone was changed, in one of these ways; "" is any field."""

    def holds(fact: Evidence) -> bool:
        steps = fact.data["steps"]
        return len(steps) == 1 and steps[0]["kind"] in kinds and field in ("", steps[0]["field"])

    return holds


def _in_cart(fact: Evidence) -> bool:
    return fact.product_ids[:1] in [(line["product_id"],) for line in fact.data["lines"]]


def _as_high(fact: Evidence) -> bool:
    """Whether a ranked product has no fewer points than the one it is compared with."""
    data = fact.data
    return "ahead" not in data or float(data["score"]) >= float(data["ahead_score"])


RULES: Mapping[str, tuple[Rule, ...]] = {
    "price": (
        _rule(
            r"\b(?:down|list|now|instead)\b|原价|现价|现在",
            lambda f: "list_price" in f.data,
            "the record states no list price",
        ),
        _rule(
            r"(?<!down )\bfrom\b|\blist\b(?! price is)", lambda f: False,
            "the record states one price",
        ),
    ),
    "stock": (
        _rule(r"\bout of stock\b|缺货", lambda f: f.data["stock"] == 0, "it is in stock"),
        _rule(
            r"\b(?:in stock|has|left)\b|剩|有货|现有", lambda f: f.data["stock"] > 0,
            "none is in stock",
        ),
        _rule(r"\bleft\b|剩", lambda f: f.data["stock"] <= FEW, "there are more than a few"),
    ),
    "rating": (
        _rule(
            r"\b(?:only review|one review)\b|仅|只有", lambda f: f.data["rating_count"] == 1,
            "there are more reviews",
        ),
    ),
    "placement": (
        _rule(
            r"\bsponsored\b|赞助", lambda f: f.data["reason"] == "sponsored", "nobody pays for it"
        ),
        _rule(
            r"\binterest\b|利益", lambda f: f.data["reason"] == "interest", "it is sponsored"
        ),
    ),
    "aspect_opinion": (
        _rule(
            r"\bprais\w*|好评", lambda f: f.data["polarity"] == "praise",
            "the reviews counted complain",
        ),
        _rule(
            r"\bcompla\w*|抱怨", lambda f: f.data["polarity"] == "complaint",
            "the reviews counted praise",
        ),
    ),
    "count": (
        _rule(
            r"\b(?:one product|just one)\b", lambda f: f.data["n"] == 1, "it is not one"
        ),
        _rule(
            r"\bfits?\b|符合", lambda f: "shopper" not in f.data["conditions"],
            "it counts what a shopper did",
        ),
    ),
    "own_history": (
        _rule(
            r"\b(?:bought|orders)\b|购买|买过", lambda f: f.data["type"] == "purchase",
            "the log holds no purchase of it",
        ),
        _rule(
            r"\blooked\b|浏览", lambda f: f.data["type"] == "view",
            "that is not what the log holds",
        ),
        _rule(
            r"\bcart\b|购物车", lambda f: f.data["type"] == "add_to_cart",
            "that is not what the log holds",
        ),
    ),
    "comparison": (
        _rule(
            r"\b(?:gain|better)\b|更好|更优", lambda f: f.data["better"] == "this",
            "the first is not the better one",
        ),
        _rule(
            r"\b(?:lose|worse)\b|不如|稍逊", lambda f: f.data["better"] == "that",
            "the first is not the worse one",
        ),
    ),
    "bound": (
        _rule(
            r"\bcheapest\b|最便宜", _named("cheapest", "price_max"), "nothing shows the cheapest"
        ),
        _rule(
            r"\b(?:most expensive|dearest)\b|最贵", _named("dearest", "price_min"),
            "nothing shows the dearest",
        ),
        _rule(r"\bonly\b|只有", lambda f: f.data.get("n") == 1, "there are others"),
        _rule(r"\bbest\b|评分最高", _named("best_rated"), "nothing shows the best rated"),
        _rule(
            r"\bmost\b", _named("dearest", "price_min", "most_reviewed"), "nothing shows the most"
        ),
        _rule(
            r"\blowest\b|最低", lambda f: f.data.get("direction") == "lower",
            "nothing shows the lowest",
        ),
        _rule(
            r"\bhighest\b|(?<!评分)最高", lambda f: f.data.get("direction") == "higher",
            "nothing shows the highest",
        ),
        _rule(
            r"\bmost reviewed\b|评价最多", _named("most_reviewed"),
            "nothing shows the most reviewed",
        ),
        _rule(r"\bunder\b|不超过", _named("price_max"), "no upper price limit was asked for"),
        _rule(r"\bor more\b", _named("price_min"), "no lower price limit was asked for"),
        _rule(r"以上", _named("price_min", "rating_min"), "no lower limit was asked for"),
        _rule(
            r"\bor better\b|\bnearest\b|最接近", _named("rating_min"), "no rating was asked for"
        ),
    ),
    "constraint": (
        _rule(r"\babove\b|超过", _beyond("price_max", gt), "it is not above the limit"),
        _rule(r"\bbelow\b|低于", _beyond("price_min", lt), "it is not below the limit"),
        _rule(
            r"\bnot in stock\b|没有现货",
            lambda f: f.data["name"] == "in_stock" and f.data["actual"] in (None, "0"),
            "it is in stock",
        ),
    ),
    "change": (
        _rule(r"\blimit\b|上限", _step("price_max", "loosen", "narrow"), "no limit was tried"),
        _rule(
            r"\bprices from\b|下限", _step("price_min", "loosen"), "no lowest price was tried"
        ),
        _rule(r"\bplaces\b|展示到", _step("k", "longer"), "no longer list was tried"),
        _rule(r"\balone\b|(?<![上下])限定", _step("", "narrow"), "nothing narrower was tried"),
        _rule(r"\bas well\b|加上", _step("", "add"), "nothing was added"),
        _rule(
            r"\binstead\b|改为", _step("rating_min", "loosen"), "no other value was tried"
        ),
        _rule(
            r"\bwithout\b|去掉|不算",
            lambda f: _step("", "drop", "lift")(f) or _step("in_stock", "loosen")(f),
            "nothing was left out",
        ),
        _rule(
            r"\b(?:together|several)\b|同时", lambda f: len(f.data["steps"]) > 1,
            "one thing was changed",
        ),
    ),
    "rank": (
        _rule(
            r"\bits kind\b|同类", lambda f: "k" in f.data and _as_high(f),
            "what is shown has more points",
        ),
        _rule(r"\balready\b|已经", lambda f: "k" not in f.data, "it is not in the list"),
        _rule(r"\bends\b|展示到", lambda f: f.data["rank"] > f.data["k"], "it is in the list"),
        _rule(
            r"\b(?:fell behind|ahead)\b|不及", lambda f: bool(losing_parts(f)),
            "it fell behind on nothing",
        ),
        _rule(
            r"\bmost\b|最", lambda f: f.data.get("part", top_part(f)) == top_part(f),
            "another part counted more",
        ),
    ),
    "total": (
        _rule(
            r"\bcheapest\b|最便宜", lambda f: "wanted" in f.data, "nothing shows the cheapest"
        ),
        _rule(
            r"\b(?:leaves|left)\b|剩|余", lambda f: Decimal(f.data.get("left", "-1")) >= 0,
            "nothing is left of a budget",
        ),
    ),
    "cart": (
        _rule(r"\b(?:is in your cart)\b|放入", _in_cart, "the cart does not hold it"),
        _rule(
            r"\bno longer\b|移出", lambda f: not _in_cart(f), "the cart holds it",
        ),
        _rule(r"\bone product\b", lambda f: f.data["n"] == 1, "it is not one"),
        _rule(r"\bempty\b|空", lambda f: f.data["n"] == 0, "it is not empty"),
    ),
}  # fmt: skip
MUST_DENY: Mapping[str, Callable[[Evidence], bool]] = {
    "compatibility": lambda f: not f.data["works"],
    "count": lambda f: f.data["n"] == 0,
    "bound": lambda f: "wanted" in f.data,
    "total": lambda f: "wanted" in f.data,
}
"""Kinds whose claims must hold a denial exactly when the record denies."""
MAY_DENY = frozenset({"constraint", "change", "cart", "category"})


def unpaired(words: str, facts: Sequence[Evidence]) -> Iterator[str]:
    """Yield what is said of two products and shown of one: that they are of the same category.

    Args:
        words: The claim without names and quotations.
        facts: All records that it cites.
    """
    found = SAME_CATEGORY.search(words) if facts[0].kind == "category" else None
    paths = {tuple(fact.data["category"]) for fact in facts if fact.kind == "category"}
    ids = {product_id for fact in facts for product_id in fact.product_ids}
    if found is not None and (len(paths) != 1 or len(ids) < 2):
        yield f"says “{found[0]}”, but cites no other product of that category"


def contradictions(words: str, fact: Evidence) -> Iterator[str]:
    """Yield what the words say that the record does not.

    Args:
        words: The claim without names and quotations.
        fact: The record it cites.
    """
    for pattern, holds, reason in RULES.get(fact.kind, ()):
        found = pattern.search(words)
        if found is not None and not holds(fact):
            yield f"says “{found[0]}”, but {reason}"
    yield from _denial(words, fact)


def _denial(words: str, fact: Evidence) -> Iterator[str]:
    found = DENIALS.search(words)
    must = MUST_DENY.get(fact.kind)
    if must is not None and must(fact) and found is None:
        yield "does not deny what its evidence denies"
    allowed = must(fact) if must is not None else fact.kind in MAY_DENY
    if found is not None and not allowed:
        yield f"denies (“{found[0]}”) what its evidence does not deny"


def top_part(fact: Evidence) -> str | None:
    """Return the score part that counted most for a ranked product."""
    parts = {name: float(v) for name, v in fact.data.get("parts", {}).items()}
    return max(sorted(parts), key=lambda name: parts[name]) if parts else None


def losing_parts(fact: Evidence) -> tuple[str, ...]:
    """Return the score part on which a ranked product lost most, and those as near as rounding."""
    own, ahead = fact.data.get("parts", {}), fact.data.get("ahead_parts", {})
    gaps = {n: float(ahead.get(n, 0)) - float(own.get(n, 0)) for n in {*own, *ahead}}
    most = max(gaps.values(), default=0.0)
    return tuple(sorted(n for n, gap in gaps.items() if gap > 0 and gap >= most - ROUNDED))
