# ruff: noqa: E501
"""A shop of sixteen products, small enough to know by heart, and conversations in it."""

from __future__ import annotations

from decimal import Decimal
from functools import cache

from assistant.conversation import Cart, CartLine, Conversation, Shown
from assistant.intent import ShopWords
from retrieval.data.dataset import Catalogue, Product
from retrieval.query import Constraints

# id, title, zh title, category, brand, price, rating, n, attributes, zh attributes
_ROWS = (
    ("t1", "Acme Ridgeline Tent", "Acme Ridgeline 双人帐篷", "Tents", "Acme", "150", 4.6, 80,
     {"colour": "red", "material": "nylon", "persons": "2", "weight": "1.8 kg"}),
    ("t2", "Acme Basecamp Tent", "Acme Basecamp 家庭帐篷", "Tents", "Acme", "260", 4.2, 30,
     {"colour": "green", "material": "polyester", "persons": "4", "weight": "4.2 kg"}),
    ("t3", "Bolt Feather Tent", "Bolt Feather 轻量帐篷", "Tents", "Bolt", "320", 4.8, 12,
     {"colour": "blue", "material": "ripstop nylon", "persons": "2", "weight": "990 g"}),
    ("t4", "Corrie Dome Tent", "Corrie Dome 圆顶帐篷", "Tents", "Corrie", "90", 3.9, 200,
     {"colour": "red", "material": "polyester", "persons": "2", "weight": "2600 g"}),
    ("t5", "Tent Peg Set", "帐篷地钉套装", "Pegs", "Corrie", "9", 4.0, 10, {"material": "aluminium"}),
    ("s1", "Bolt Ember Gas Stove", "Bolt Ember 气炉", "Stoves", "Bolt", "45", 4.5, 60,
     {"fuel": "isobutane", "weight": "90 g"}),
    ("s2", "Acme Kettle Stove", "Acme Kettle 炉头", "Stoves", "Acme", "75", 4.1, 20,
     {"fuel": "alcohol", "weight": "300 g"}),
    ("c1", "Corrie Camp Pot", "Corrie 露营锅", "Cookware", "Corrie", "25", 4.0, 9,
     {"material": "titanium"}),
    ("b1", "Dune Trek Boots", "Dune Trek 登山靴", "Hiking boots", "Dune", "140", 4.4, 50,
     {"colour": "brown", "material": "leather", "size": "9", "waterproof": "yes"}),
    ("b2", "Dune Trek Boots 10", "Dune Trek 登山靴 10码", "Hiking boots", "Dune", "140", 4.4, 50,
     {"colour": "brown", "material": "leather", "size": "10", "waterproof": "yes"}),
    ("b3", "Bolt Swift Boots", "Bolt Swift 徒步靴", "Hiking boots", "Bolt", "110", 4.0, 40,
     {"colour": "grey", "material": "synthetic", "size": "10", "waterproof": "no"}),
    ("j1", "Dune Squall Rain Jacket", "Dune Squall 冲锋衣", "Rain jackets", "Dune", "180", 4.7, 70,
     {"colour": "blue", "material": "nylon", "waterproof": "yes"}),
    ("j2", "Acme Loft Down Jacket", "Acme Loft 羽绒服", "Down jackets", "Acme", "220", 4.3, 15,
     {"colour": "black", "material": "nylon", "filling": "down"}),
    ("p1", "Corrie Haul 65 Backpack", "Corrie Haul 65升背包", "Backpacks", "Corrie", "130", 4.2, 33,
     {"colour": "green", "volume": "65 l"}),
    ("n1", "Trail Nut Bar", "坚果能量棒", "Snacks", "Grano", "2.50", 4.9, 300, {"diet": "vegan"}),
    ("n2", "Trail Oat Bar", "燕麦能量棒", "Snacks", "Grano", "2.20", 4.1, 100, {"diet": "vegan"}),
)  # fmt: skip
_DEPARTMENTS = {
    "Tents": ("Shelter", "营地", "帐篷"), "Pegs": ("Shelter", "营地", "地钉"), "Stoves": ("Kitchen", "炊具", "炉头"),
    "Cookware": ("Kitchen", "炊具", "锅具"), "Hiking boots": ("Footwear", "鞋靴", "登山靴"),
    "Rain jackets": ("Clothing", "服装", "冲锋衣"), "Down jackets": ("Clothing", "服装", "羽绒服"),
    "Backpacks": ("Luggage", "箱包", "双肩背包"), "Snacks": ("Food", "食品", "零食"),
}  # fmt: skip
_ZH_VALUES = {"red": "红色", "green": "绿色", "blue": "蓝色", "brown": "棕色", "grey": "灰色", "black": "黑色", "nylon": "尼龙",
              "polyester": "涤纶", "leather": "皮革", "titanium": "钛", "vegan": "纯素"}  # fmt: skip


def _product(row: tuple) -> Product:
    product_id, title, zh_title, leaf, brand, price, rating, n, attributes = row
    department, zh_department, zh_leaf = _DEPARTMENTS[leaf]
    return Product(
        product_id=product_id,
        title=title,
        category=(department, leaf),
        brand=brand,
        price=Decimal(price),
        stock=5,
        rating=rating,
        rating_count=n,
        attributes=attributes,
        translations={
            "zh": {
                "title": zh_title,
                "category": [zh_department, zh_leaf],
                "attributes": {k: _ZH_VALUES[v] for k, v in attributes.items() if v in _ZH_VALUES},
            }
        },
    )


@cache
def shop() -> ShopWords:
    return ShopWords.of(Catalogue([_product(row) for row in _ROWS]), currency="USD")


def chat(shown: str = "", **state) -> Conversation:
    """A conversation; `shown` lists product ids, "tent" is what was asked for if not said."""
    ids = tuple(shown.split())
    state.setdefault("conversation_id", "c")
    if ids:
        state.setdefault("wish", "tent")
        state.setdefault("shown", tuple(Shown(product_id=i, offer_kind="similar") for i in ids))
        state.setdefault("seen", ids)
    if isinstance(state.get("constraints"), dict):
        state["constraints"] = Constraints(**state["constraints"])
    if isinstance(state.get("cart"), str):
        state["cart"] = Cart(lines=tuple(CartLine(product_id=i) for i in state["cart"].split()))
    return Conversation(**state)


EMPTY = chat()
TENTS = chat("t1 t2 t3 t4", constraints={"categories": ("Tents",)})
"""Four tents shown after "tent": 150, 260, 320, 90; nothing spoken of."""
FOCUS = chat("t1 t2 t3 t4", constraints={"categories": ("Tents",)}, focus="t2")
"""The same, and the second was spoken of."""
