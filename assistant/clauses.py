"""Evidence → clause: which slots a record fills, in the shopper's language.

A `Clause` is a statement before it has words: the key of a wording, and its slots bound to
evidence. Composers turn it into a `Claim`; they can choose words, never values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from assistant.answer import Claim
from assistant.conversation import Language
from assistant.formatting import format_date, format_money, readable
from assistant.prompting import load_wordings
from assistant.quantities import quantities
from retrieval.aspects import aspect_reader
from retrieval.config import StoreConfig
from retrieval.data.dataset import Catalogue, Product
from retrieval.evidence import Evidence

MAX_TITLE = 80
FEW = 5
"""Up to this many in stock are said to be left."""
REVIEW_KINDS = (
    "quote",
    "description",
    "complaint",
    "aspect_opinion",
    "shared_complaint",
    "disagreement",
)
MODEL = re.compile(r"[A-Z][A-Za-z]+")
"""A word that can name a model: capitalised, without digits."""
HISTORY = {
    "purchase": ("own_history_purchase", "own_history_category_purchase"),
    "add_to_cart": ("own_history_cart", "own_history_category_cart"),
    "view": ("own_history_view", "own_history_category_view"),
}
"""What a shopper did to the clauses that say so of a product and of a category."""
OF_WORDS = {"these wishes": "这些条件", "what goes with it": "可搭配的商品"}
"""What flow 1 calls a set that no category names, in Chinese."""
PARTS = {
    "semantic": ("likeness of its description to what was asked", "描述与需求的相近程度"),
    "lexical": ("words shared with what was asked", "与需求相同的词"),
    "reranker": ("how well its description answers what was asked", "描述对需求的契合程度"),
    "subject": ("being of the kind that was named", "属于所说的品类"),
    "popularity": ("recent sales", "近期销量"),
    "profile": ("your own history", "您自己的记录"),
    "association": ("being bought together", "一起购买的记录"),
    "category_association": ("its category being bought together", "品类一起购买的记录"),
    "co_view": ("being looked at together", "一起浏览的记录"),
    "item_cf": ("what the same shoppers took", "同一批顾客的选择"),
    "user_knn": ("what shoppers with alike purchases took", "购买记录相似的顾客的选择"),
    "ease": ("what is usually taken along with it", "通常和它一起被选购"),
    "basket_ease": ("what usually completes such a basket", "这类购物车里通常还会有的东西"),
    "self_attention": ("what usually follows in such a visit", "类似浏览过程中接下来的选择"),
    "segment_popularity": ("recent sales among shoppers like you", "同类顾客中的近期销量"),
    "repurchase": ("being due to be bought again", "到了该再次购买的时候"),
    "nearest": ("likeness to a product named", "与所提到的某件商品相近"),
    "same_brand": ("being of the same brand", "同一品牌"),
    "same_category": ("being of the same category", "同一品类"),
    "sequence": ("what shoppers took next", "顾客接着买了什么"),
    "relatives": ("what goes for the products most like it", "与它最相近的商品的记录"),
    "compatibility": ("stated compatibility", "资料写明相配"),
    "gain": ("better specifications", "更好的规格"),
    "rating": ("better ratings", "更高的评分"),
    "price": ("closeness in price", "价格接近"),
    "commercial": ("the shop's own interest", "店铺自身的利益"),
    "bundle": ("how well it goes with the rest", "与其他商品的搭配"),
}
"""Score parts in words, English and Chinese. They name a source and state no fact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """A statement before it has words."""

    key: str
    slots: Mapping[str, str]
    evidence: tuple[Evidence, ...]
    product_id: str | None = None

    def claim(self, text: str) -> Claim:
        """Return the claim that these words make."""
        return Claim(
            text=text,
            kind=load_wordings().clauses[self.key].kind,
            evidence_ids=tuple(e.evidence_id for e in self.evidence),
            product_id=self.product_id,
        )


class Speaker:
    """Names and values of one store in one language."""

    def __init__(
        self, catalogue: Catalogue, config: StoreConfig, currency: str, language: Language
    ) -> None:
        self.catalogue = catalogue
        self.config = config
        self.currency = currency
        self.language = language
        self._categories: dict[str, str] = {}

    def title(self, product: Product | str) -> str:
        """The product's title, shortened at a word when it is long."""
        if isinstance(product, str):
            product = self.catalogue[product]
        title = product.title_in(self.language)
        if len(title) <= MAX_TITLE:
            return title
        return title[:MAX_TITLE].rsplit(" ", 1)[0].rstrip(",;–- ")

    def short_title(self, product: Product | str) -> str | None:
        """Brand and model, for the second mention ("Plainpath Handy"); None if not so titled."""
        if isinstance(product, str):
            product = self.catalogue[product]
        title, brand = product.title_in(self.language), product.brand
        if not brand or not title.startswith(f"{brand} "):
            return None
        model, _, rest = title[len(brand) + 1 :].partition(" ")
        return f"{brand} {model}" if rest and MODEL.fullmatch(model) else None

    def label(self, name: str) -> str:
        """An attribute's name for reading."""
        if name == "rating":
            return "rating" if self.language == "en" else "评分"
        label = self.config.labels.get(self.language, {}).get(name, readable(name))
        is_word = label[:1].isupper() and label[1:2].islower()
        return label[0].lower() + label[1:] if is_word else label

    def value(self, product: Product | str, name: str, value: str) -> str:
        """An attribute's value for reading; units and numbers stay as the catalogue has them."""
        if isinstance(product, str):
            product = self.catalogue[product]
        translated = product.translations.get(self.language, {}).get("attributes")
        if isinstance(translated, Mapping):
            return str(translated.get(name) or value)
        return value

    def money(self, amount: str) -> str:
        """A price in the store's currency."""
        return format_money(amount, self.currency)

    def date(self, iso: str) -> str:
        """A day."""
        return format_date(iso, self.language)

    def part(self, name: str) -> str:
        """A score part in words."""
        english, chinese = PARTS.get(name, (readable(name), readable(name)))
        return english if self.language == "en" else chinese

    def aspect(self, name: str) -> str:
        """An aspect of reviews in words."""
        return aspect_reader().labels[name][self.language]

    def category(self, path: str) -> str:
        """A category path's last name in the language."""
        if path not in self._categories:
            named = OF_WORDS.get(path) if self.language == "zh" else None
            self._categories[path] = named or self._category(path)
        return self._categories[path]

    def _category(self, path: str) -> str:
        for product in self.catalogue.products:
            names = product.category
            depth = len(names) if " > ".join(names) == path else _depth(names, path)
            if depth:
                translated = product.translations.get(self.language, {}).get("category")
                if isinstance(translated, list) and len(translated) >= depth:
                    return str(translated[depth - 1])
                return names[depth - 1]
        return path.rsplit(" > ", 1)[-1]

    # one clause for one record

    def say(self, fact: Evidence, *, about: str | None = None) -> Clause | None:
        """Return the clause that states a record, or None for kinds that are never said alone."""
        about = about or (fact.product_ids[-1] if fact.product_ids else None)
        data = fact.data
        title = self.title(about) if about else ""
        key: str = fact.kind
        slots = {"product": title}
        if fact.kind == "price":
            slots |= {"price": self.money(data["price"])}
            if "list_price" in data:
                key, slots = "price_reduced", slots | {"list_price": self.money(data["list_price"])}
        elif fact.kind == "stock":
            key = (
                "stock_in"
                if data["stock"] > FEW
                else "stock_low"
                if data["stock"]
                else "stock_none"
            )
            slots |= {"stock": str(data["stock"])}
        elif fact.kind == "rating":
            key = "rating" if data["rating_count"] > 1 else "rating_one"
            slots |= {"rating": data["rating"], "rating_count": f"{data['rating_count']}"}
        elif fact.kind in REVIEW_KINDS:
            key, own = self._of_reviews(fact)
            slots |= own
        elif fact.kind == "placement":
            keys = {"sponsored": "placement_sponsored", "interest": "placement_interest"}
            key = keys[data["reason"]]
        elif fact.kind == "attribute":
            slots |= {
                "label": self.label(data["name"]),
                "value": self.value(about or "", data["name"], data["value"]),
            }
        else:
            return self._say_relation(fact, title, about)
        return Clause(key=key, slots=slots, evidence=(fact,), product_id=about)

    def _of_reviews(self, fact: Evidence) -> tuple[str, dict[str, str]]:
        """Return the key and the slots of a record that counts or quotes reviews."""
        data = fact.data
        counts = ("count", "n_reviews", "n_opinions", "n_high", "n_low")
        slots = {name: str(data[name]) for name in counts if name in data}
        if "text" in data:
            slots["quote"] = data["text"]
        if "aspect" in data:
            slots["aspect"] = self.aspect(data["aspect"])
        key = {"praise": "aspect_praise", "complaint": "aspect_complaint"}
        own = fact.kind == "aspect_opinion"
        return key[data["polarity"]] if own else fact.kind, slots

    def _say_relation(self, fact: Evidence, title: str, about: str | None) -> Clause | None:
        said = self._behaviour(fact) or self._catalogue_relation(fact)
        if said is None:
            return None
        key, slots = said
        slots = {"product": title} | slots
        if "product" not in load_wordings().clauses[key].slots:
            del slots["product"]
        return Clause(key=key, slots=slots, evidence=(fact,), product_id=about)

    def _behaviour(self, fact: Evidence) -> tuple[str, dict[str, str]] | None:
        """Return the key and the slots of what shoppers did."""
        data = fact.data
        if fact.kind in ("bought_together", "viewed_together"):
            if data["other"] is None:
                return None  # category to category: a record to open, not said of one product
            slots = {n: str(data[n]) for n in ("count", "n_anchor", "confidence", "lift")}
            if data["anchor"] is None:
                category = self.category(data["anchor_category"])
                return "bought_together_category", slots | {"category": category}
            return fact.kind, slots | {"anchor": self.title(data["anchor"])}
        if fact.kind == "bought_next":
            slots = {n: str(data[n]) for n in ("count", "n_anchor", "within")}
            return fact.kind, slots | {"anchor": self.title(data["anchor"])}
        if fact.kind == "popularity":
            days = {name: self.date(data[name]) for name in ("from", "to")}
            return fact.kind, {"n_shoppers": str(data["n_shoppers"]), **days}
        if fact.kind not in ("own_history", "repurchase"):
            return None
        last = {"last_at": self.date(data["last_at"])}
        if fact.kind == "repurchase":
            return fact.kind, last | {"every_days": data["every_days"]}
        of_product, of_category = HISTORY[data["type"]]
        if "category" in data:
            return of_category, last | {"category": self.category(data["category"])}
        return of_product, last

    def _catalogue_relation(self, fact: Evidence) -> tuple[str, dict[str, str]] | None:
        """Return the key and the slots of what the catalogue and the offers state."""
        data = fact.data
        if fact.kind == "match":  # a number the shopper said would look like a fact
            if any(quantities(word) for word in data["words"]):
                return None
            return fact.kind, {"words": ", ".join(data["words"])}
        if fact.kind == "category":
            return fact.kind, {"category": self.category(" > ".join(data["category"]))}
        if fact.kind == "compatibility":
            return "compatibility" if data["works"] else "incompatibility", {
                "holder": self.title(data["holder"]),
                "other": self.title(data["other"]),
                "label": self.label(data["name"]),
                "value": self.value(data["other"], data["name"], data["value"]),
                "wanted": data["wanted"],
            }
        if fact.kind == "offer":
            money = {n: self.money(data[n]) for n in ("saving", "price", "price_after")}
            return fact.kind, {"offer_id": data["offer_id"], **money}
        return None

    def compare(self, fact: Evidence, *, as_upgrade: bool) -> Clause:
        """Return the clause of a comparison; as a gain or a loss when it belongs to an upgrade."""
        this, that = fact.product_ids
        data = fact.data
        key = (
            {"this": "gain", "that": "loss"}.get(data["better"], "compare")
            if as_upgrade
            else "compare"
        )
        slots = {
            "product": self.title(this),
            "anchor": self.title(that),
            "label": self.label(data["name"]),
            "this": self.value(this, data["name"], data["this"]),
            "that": self.value(that, data["name"], data["that"]),
        }
        return Clause(key=key, slots=slots, evidence=(fact,), product_id=this)

    def difference(self, fact: Evidence) -> Clause:
        """Return the clause of a difference in price."""
        this, that = fact.product_ids
        slots = {
            "product": self.title(this),
            "anchor": self.title(that),
            "difference": self.money(fact.data["difference"]),
        }
        key = "dearer" if fact.data["dearer"] == "this" else "cheaper"
        return Clause(key=key, slots=slots, evidence=(fact,), product_id=this)

    def total(self, fact: Evidence) -> Clause:
        """Return the clause of a sum, with what is left of a budget."""
        data = fact.data
        slots = {"n": str(data["n"]), "total": self.money(data["total"])}
        if "wanted" in data:
            slots |= {"wanted": self.money(data["wanted"])}
            return Clause(key="bundle_bound", slots=slots, evidence=(fact,))
        if "budget" in data:
            slots |= {"budget": self.money(data["budget"]), "left": self.money(data["left"])}
            return Clause(key="total_left", slots=slots, evidence=(fact,))
        return Clause(key="total", slots=slots, evidence=(fact,))

    def bound(self, fact: Evidence, *, chip: str) -> Clause:
        """Return the clause of a nearest bound."""
        data = fact.data
        name = data["name"]
        slots = {
            "product": self.title(data["product_id"]),
            "of": self.category(data["of"]),
            "value": str(data["value"]),
            "wanted": str(data["wanted"]),
        }
        if name in ("price_max", "price_min"):
            slots |= {
                "value": self.money(data["value"]),
                "wanted": self.money(data["wanted"]),
            }
        known = name in ("price_max", "price_min", "rating_min")
        key = f"bound_{name}" if known else "bound_other"
        if not known:
            slots["chip"] = chip
        return Clause(key=key, slots=slots, evidence=(fact,), product_id=data["product_id"])


def _depth(names: tuple[str, ...], name: str) -> int:
    """Return the 1-based level of a category name on a path; 0 if it is not on it."""
    return names.index(name) + 1 if name in names else 0
