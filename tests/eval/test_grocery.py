import json
import tomllib

import polars as pl
import pytest

from eval.simulate.grocery import build, category_name, phrase, size_name, title_of, type_name
from retrieval.config import StoreConfig
from retrieval.data.ingest import ingest


@pytest.fixture(scope="module")
def made(data_dir, tmp_path_factory):
    """Return (counts, folder) of the store's files made from the tiny panel."""
    out = tmp_path_factory.mktemp("grocery")
    return build(data_dir / "household", out, min_lines=20), out


@pytest.mark.parametrize(
    ("size", "read"),
    [
        ("12 OZ", "12 oz"),
        ("12/12 OZ", "12 x 12 oz"),
        ("12 PK/12 OZ", "12 x 12 oz"),
        ("2.0 L", "2 l"),
        (".5 L", "0.5 l"),
        ("GAL", "1 gal"),
        ("1/2 GAL", "1/2 gal"),
        ("N  2.25 OZ", "2.25 oz"),
        ("14   OZ", "14 oz"),
        ("24 PK", "24-pack"),
        ("1 CT", ""),
        ("0.0 OZ", ""),
        ("525428 CTN", ""),
        ("22515 32 OZ", ""),
        (None, ""),
    ],
)
def test_sizes_read_as_people_write_them(size, read):
    assert size_name(size) == read


def test_abbreviations_are_expanded():
    assert type_name("SFT DRNK 2 LITER BTL CARB INCL") == "Soft drink, 2 litre bottle"
    assert type_name("FRZN BREAKFAST PASTRY") == "Frozen breakfast pastry"
    assert phrase("APPLES GALA (BULK&BAG)") == "Apples gala"
    assert phrase("APPLES GOLD DELICIOUS (BULK&BA") == "Apples gold delicious"
    assert phrase("WOMEN S GENERAL-MAGAZINE") == "Women's general-magazine"
    assert category_name("FRZN MEAT/MEAT DINNERS") == "Frozen meals"


def test_a_title_names_its_category_only_where_the_type_says_too_little():
    assert title_of("TROPICAL FRUIT", "BANANAS", "") == "Bananas"
    assert title_of("SOUP", "CONDENSED SOUP", "10.75 oz") == "Condensed soup, 10.75 oz"
    assert title_of("BACON", "ECONOMY", "16 oz") == "Bacon – economy, 16 oz"


def test_titles_are_unique_and_products_alike_are_one(made):
    counts, out = made
    products = pl.read_parquet(out / "products.parquet")
    assert products["title"].is_unique().all()
    # Panel products 3 and 4 differ in nothing that the panel names: one product, two varieties.
    both = [json.loads(a) for a in products["attributes"] if '"no. 8"' in a]
    assert [a["varieties"] for a in both] == ["2"]
    titles = set(products["title"])
    assert "Soft drinks in cans, 12 to 18 pack, 12 x 12 oz, private label" in titles
    assert "Soft drinks in cans, 12 to 18 pack, 12 x 12 oz (maker 7)" in titles
    assert counts["titles"] == counts["products"]


def test_what_is_no_shop_goods_is_left_out(made):
    _, out = made
    text = " ".join(pl.read_parquet(out / "products.parquet")["title"])
    assert "asoline" not in text
    assert "igarette" not in text


def test_the_price_is_the_median_paid_per_unit(made):
    # Every line of panel product 6 is 2 units for 12.00, and 1.00 off: 6.00 paid, 6.50 regular.
    _, out = made
    eggs = pl.read_parquet(out / "products.parquet").filter(pl.col("product_id") == "g6")
    assert eggs["price"].to_list() == ["6.00"]
    assert eggs["list_price"].to_list() == ["6.50"]


def test_the_crate_of_loose_fruit_is_no_size(made):
    _, out = made
    bananas = pl.read_parquet(out / "products.parquet").filter(pl.col("product_id") == "g5")
    assert bananas["title"].to_list() == ["Bananas"]


def test_baskets_are_orders_and_redemptions_name_their_offer(made):
    _, out = made
    events = pl.read_parquet(out / "events.parquet")
    assert events["event_id"].is_unique().all()
    bought = events.filter(pl.col("type") == "purchase")
    assert bought["order_id"].null_count() == 0
    redeemed = events.filter(pl.col("type") == "offer_redeem")
    # The coupon on petrol (56) covers no listed product: neither offer nor redemption remains.
    assert redeemed["offer_id"].to_list() == ["o1-55"]
    offers = [json.loads(line) for line in (out / "offers.jsonl").read_text().splitlines()]
    assert [(o["offer_id"], o["value"], o["product_ids"]) for o in offers] == [
        ("o1-55", "0.50", ["g6"])
    ]


def test_the_settings_are_a_stores_and_say_what_was_kept(made):
    counts, out = made
    config = StoreConfig.model_validate(tomllib.loads((out / "store.toml").read_text("utf-8")))
    assert not config.shop.simulated
    assert f"{counts['lines_kept']:,}" in config.shop.notice["en"]
    assert config.shop.starters["zh"]


def test_the_files_are_read_without_a_reject(made):
    counts, out = made
    config = StoreConfig.model_validate(tomllib.loads((out / "store.toml").read_text("utf-8")))
    found = ingest(
        products=out / "products.parquet",
        events=out / "events.parquet",
        offers=out / "offers.jsonl",
        config=config,
    )
    assert found.dataset.products.height == counts["products"]
    assert found.dataset.events.height == counts["events"]
    assert not found.rejects
