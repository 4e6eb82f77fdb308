"""A tiny evaluation data folder in the shapes of the real one: chance and small patterns."""

import csv
import json

import numpy as np
import polars as pl
import pytest
import zstandard

N_PRODUCTS = 40
WORDS = ["red", "blue", "steel", "paper", "desk", "pen", "lamp", "box", "soft", "large"]


def title(i):
    return f"{WORDS[i % 10]} {WORDS[(i * 3 + 1) % 10]} thing {i}"


def walk(rng, length):
    """Return a history: after product i mostly comes i + 1."""
    row, rows = int(rng.integers(N_PRODUCTS)), []
    for _ in range(length):
        rows.append(row)
        row = (row + 1) % N_PRODUCTS if rng.random() < 0.8 else int(rng.integers(N_PRODUCTS))
    return list(dict.fromkeys(rows))


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory):
    """Return a folder with icecat, epqa, office, beauty, bundles and a household panel."""
    data, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    for name in ("icecat", "epqa", "office", "beauty", "bundles/electronic", "bundles/food"):
        (data / name).mkdir(parents=True)
    _icecat(data / "icecat")
    _epqa(data / "epqa")
    _office(data / "office", rng)
    _beauty(data / "beauty", rng)
    for domain in ("electronic", "food"):
        _bundles(data / "bundles" / domain, rng)
    write_panel(data / "household", rng)
    return data


def _icecat(folder):
    rows = [
        {"id": str(i), "title": title(i), "short_description": f"a\u2028{WORDS[i % 7]} one"}
        for i in range(N_PRODUCTS)
    ]
    text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    (folder / "products.jsonl.zst").write_bytes(zstandard.compress(text.encode()))
    with (folder / "qrels.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["query", "docid", "rating"])
        for word in WORDS[:6]:
            for i in range(N_PRODUCTS):
                writer.writerow([word, i, 3 if word in title(i).split() else 0])
        writer.writerow(["nothing good", 0, 0])


def _epqa(folder):
    rows = [
        {
            "qid": q,
            "question": f"is it {WORDS[q]}?",
            "ASIN": "A",
            "candidate": f"it is {WORDS[(q + c) % 10]}",
            "source": "review",
            "qa_pair_id": q * 10 + c,
            "title": "t",
            "label": 2 if c == 0 and q else 0,
            "answer": None,
        }
        for q in range(8)
        for c in range(10)
    ]
    pl.DataFrame(rows, schema_overrides={"answer": pl.String}).write_parquet(
        folder / "epqa_dev.parquet"
    )


def _office(folder, rng):
    pl.DataFrame(
        {
            "item_id": range(N_PRODUCTS),
            "title": [title(i) for i in range(N_PRODUCTS)],
            "description": ["['<p>words</p>', '']"] * N_PRODUCTS,
            "brand": ["Acme"] * N_PRODUCTS,
        }
    ).write_parquet(folder / "Office_Products_items.parquet")
    for part, first in (("valid", 0), ("test", 1_000)):
        rows = []
        for user in range(60):
            history = walk(rng, 6)
            rows += [
                {"user_id": f"A{first + user}", "history_item_id": history[:n], "item_id": h}
                for n, h in enumerate(history)
                if n >= 2
            ]
        pl.DataFrame(rows).write_parquet(folder / f"Office_Products_{part}.parquet")


def _beauty(folder, rng):
    asins = [f"B{i:03d}" for i in range(120)]
    sequences = [[f"B{row:03d}" for row in walk(rng, 9)] for _ in range(150)]
    kept = [s for s in sequences if len(s) >= 5]
    pl.DataFrame({"user": [f"U{i}" for i in range(len(kept))], "asins": kept}).write_parquet(
        folder / "sequences_beauty.parquet"
    )
    pl.DataFrame(
        {
            "asin": asins,
            "brand": ["Acme"] * 120,
            "categories": [["Beauty", WORDS[i % 10]] for i in range(120)],
            "also_bought": [[]] * 120,
            "also_viewed": [[]] * 120,
            "bought_together": [[f"B{(i + 1) % 40:03d}", "elsewhere"] for i in range(120)],
        },
        schema_overrides={"also_bought": pl.List(pl.String), "also_viewed": pl.List(pl.String)},
    ).write_parquet(folder / "products_beauty.parquet")


def _bundles(folder, rng):
    def write(name, header, rows):
        with (folder / name).open("w", newline="") as file:
            csv.writer(file).writerows([header, *rows])

    bundles = [sorted(rng.choice(N_PRODUCTS, 3, False).tolist()) for _ in range(60)]
    members = [(b, i) for b, rows in enumerate(bundles) for i in rows]
    write("bundle_item.csv", ["bundle ID", "item ID"], members)
    write("session_bundle.csv", ["session ID", "bundle ID"], [(b // 2, b) for b in range(60)])
    write("item_titles.csv", ["item ID", "titles"], [(i, title(i)) for i in range(N_PRODUCTS)])
    write(
        "item_categories.csv",
        ["item ID", "categories"],
        [(i, f"[[Things,{WORDS[i % 5]}],[Other]]") for i in range(N_PRODUCTS)],
    )


def write_panel(folder, rng):
    """Write a household panel of 12 products over weeks 1 to 50."""
    folder.mkdir(parents=True)
    named = [
        (1, 69, "GROCERY", "Private", "SOFT DRINKS", "SOFT DRINKS 12/18&15PK CAN CAR", "12/12 OZ"),
        (2, 7, "GROCERY", "National", "SOFT DRINKS", "SOFT DRINKS 12/18&15PK CAN CAR", "12/12 OZ"),
        (3, 8, "GROCERY", "National", "SOFT DRINKS", "SOFT DRINKS 12/18&15PK CAN CAR", "12/12 OZ"),
        (4, 8, "GROCERY", "National", "SOFT DRINKS", "SOFT DRINKS 12/18&15PK CAN CAR", "12/12 OZ"),
        (5, 2, "PRODUCE", "National", "TROPICAL FRUIT", "BANANAS", "40 LB"),
        (6, 2, "GROCERY", "National", "EGGS", "EGGS - LARGE", "1 DZ"),
        (7, 2, "FUEL", "National", "COUPON/MISC ITEMS", "GASOLINE-REG UNLEADED", None),
        (8, 2, "GROCERY", "National", "CIGARETTES", "CIGARETTES", "CTN"),
        (9, 2, "MEAT", "National", "CHICKEN", "CHICKEN WINGS", None),
        (10, 2, "MISCELLANEOUS", "National", None, None, None),
        (11, 2, "DELI", "National", "DELI MEATS", "MEAT:HAM BULK", "0.0 OZ"),
        (12, 2, "GROCERY", "National", "SOUP", "CONDENSED SOUP", "10.75 OZ"),
    ]
    columns = [
        "product_id", "manufacturer_id", "department", "brand", "product_category", "product_type",
        "package_size",
    ]  # fmt: skip
    pl.DataFrame(named, schema=columns, orient="row").write_parquet(folder / "products.parquet")
    lines = []
    for basket in range(400):
        week = basket // 8 + 1
        for product in rng.choice(12, 5, False) + 1:
            lines.append(
                {
                    "household_id": basket % 20,
                    "store_id": 1,
                    "basket_id": 1_000 + basket,
                    "product_id": int(product),
                    "quantity": 2,
                    "sales_value": 2.0 * product,
                    "retail_disc": 1.0,
                    "coupon_disc": 0.5 if product == 6 else 0.0,
                    "coupon_match_disc": 0.0,
                    "week": week,
                    "transaction_timestamp": f"2017-01-01T{basket % 24:02d}:00:00",
                }
            )
    pl.DataFrame(lines).with_columns(
        pl.col("transaction_timestamp").str.to_datetime()
    ).write_parquet(folder / "transactions.parquet")
    day = pl.Series(["2017-02-01"]).str.to_datetime()
    pl.DataFrame(
        {"campaign_id": [1], "campaign_type": ["Type A"], "start_date": day, "end_date": day}
    ).write_parquet(folder / "campaign_descriptions.parquet")
    pl.DataFrame(
        {"coupon_upc": [55, 56], "product_id": [6, 7], "campaign_id": [1, 1]}
    ).write_parquet(folder / "coupons.parquet")
    pl.DataFrame(
        {
            "household_id": [3, 4],
            "coupon_upc": [55, 56],
            "campaign_id": [1, 1],
            "redemption_date": pl.concat([day, day]),
        }
    ).write_parquet(folder / "coupon_redemptions.parquet")
