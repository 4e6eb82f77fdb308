"""Product feeds: each format once, with what it must not do."""

import json

import pytest

from retrieval.data.ingest import ingest
from retrieval.errors import DataError

GOOGLE_XML = """<?xml version="1.0"?>
<rss xmlns:g="http://base.google.com/ns/1.0" version="2.0"><channel><title>Shop</title>
<item>
  <g:id>T-2</g:id><title>Duo tent</title><description>&lt;p&gt;Two&lt;/p&gt; people</description>
  <link>https://shop.example/t2</link><g:image_link>https://shop.example/t2.jpg</g:image_link>
  <g:price>129.00 EUR</g:price><g:sale_price>99.00 EUR</g:sale_price>
  <g:brand>Fjellro</g:brand><g:availability>in_stock</g:availability>
  <g:product_type>Outdoor &gt; Tents</g:product_type><g:color>green</g:color>
  <g:product_detail><g:section_name>General</g:section_name>
    <g:attribute_name>sleeps</g:attribute_name><g:attribute_value>2</g:attribute_value>
  </g:product_detail>
  <g:shipping><g:country>DE</g:country></g:shipping><g:custom_label_0>top</g:custom_label_0>
</item>
<item><g:id>M-1</g:id><title>Mat</title><g:price>1,024.90 EUR</g:price>
  <g:availability>out of stock</g:availability></item>
</channel></rss>
"""


def write(path, text):
    path.write_text(text, "utf-8")
    return path


def test_google_merchant_xml(tmp_path):
    result = ingest(write(tmp_path / "g.xml", GOOGLE_XML), product_format="google-merchant")
    tent, mat = result.dataset.catalogue["T-2"], result.dataset.catalogue["M-1"]
    assert (tent.title, tent.description, tent.brand) == ("Duo tent", "Two\npeople", "Fjellro")
    assert (str(tent.price), str(tent.list_price)) == ("99.00", "129.00")
    assert tent.category == ("Outdoor", "Tents")
    assert tent.attributes == {"color": "green", "sleeps": "2"}
    assert (tent.stock, tent.url) == (None, "https://shop.example/t2")
    assert (str(mat.price), mat.stock) == ("1024.90", 0)
    assert result.dataset.currency == "EUR"
    assert result.report["ignored_fields"] == {"products": {"custom_label_0": 1, "shipping": 1}}


def test_google_merchant_tsv(tmp_path):
    text = (
        "id\ttitle\tprice\tproduct type\tcolor\tcustom_label_0\n"
        "a\tA tent\t12.50 GBP\tOutdoor > Tents\tred\tx\n"
        "b\tB tent\tfree\t\t\t\n"
    )
    path = write(tmp_path / "g.tsv", text)
    result = ingest(path, product_format="google-merchant", on_error="skip")
    tent = result.dataset.catalogue["a"]
    assert (str(tent.price), tent.leaf, tent.attributes) == ("12.50", "Tents", {"color": "red"})
    (reject,) = result.rejects
    assert (reject.line, reject.id, reject.field, reject.value) == (3, "b", "price", "free")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('<!DOCTYPE r [<!ENTITY a "aaaa">]><rss><item/></rss>', r"g\.xml:1: the XML has a DOCTYPE"),
        ("<rss><channel><item><id>1</id>", r"g\.xml:1: the XML is damaged"),
        ("<rss><item>" + "<a>" * 20, r"is nested too deeply"),
        ("<rss><channel/></rss>", r"g\.xml: the file holds no rows"),
    ],
)
def test_hostile_or_broken_xml_is_one_sentence(tmp_path, text, expected):
    with pytest.raises(DataError, match=expected):
        ingest(write(tmp_path / "g.xml", text), product_format="google-merchant")


def test_xml_reject_names_the_line_of_the_item(tmp_path):
    path = write(tmp_path / "g.xml", GOOGLE_XML.replace("1,024.90 EUR", "-3 EUR"))
    (reject,) = ingest(path, product_format="google-merchant", on_error="skip").rejects
    assert (reject.line, reject.id, reject.value) == (14, "M-1", "-3")


SHOPIFY = """Handle,Title,Body (HTML),Vendor,Product Category,Type,Tags,Option1 Name,Option1 Value,\
Variant SKU,Variant Inventory Qty,Variant Price,Variant Compare At Price,Image Src,Status
boot,Trail boot,<p>Firm &amp; dry.</p>,Fjellro,Apparel > Shoes,Boots,"dry, firm",Size,41,B41,3,89.00,99.00,https://x.example/b.jpg,active
boot,,,,,,,,42,B42,0,89.00,,,
boot,,,,,,,,,,,,,https://x.example/b2.jpg,
cup,Cup,,,,Cookware,,Title,Default Title,,5,7.50,,,draft
"""


def test_shopify_products_with_variants(tmp_path):
    result = ingest(write(tmp_path / "s.csv", SHOPIFY), product_format="shopify")
    catalogue = result.dataset.catalogue
    assert catalogue.product_ids == ("B41", "B42", "cup")
    boot = catalogue["B42"]
    assert (boot.title, boot.description, boot.stock) == ("Trail boot (42)", "Firm & dry.", 0)
    assert boot.attributes == {"Size": "42", "tags": "dry, firm"}
    assert (boot.item_group_id, boot.category) == ("boot", ("Apparel", "Shoes"))
    assert str(catalogue["B41"].list_price) == "99.00"
    assert (catalogue["cup"].title, catalogue["cup"].category) == ("Cup", ("Cookware",))
    assert catalogue["cup"].attributes == {}
    assert result.report["ignored_fields"] == {"products": {"Status": 2}}


def test_schema_org_graph(tmp_path):
    tent = {
        "@type": "Product", "sku": "T2", "name": "Duo tent", "description": "Two people",
        "brand": {"@type": "Brand", "name": "Fjellro"}, "category": "Outdoor > Tents",
        "image": ["https://x.example/1.jpg"], "color": "green", "award": "Best tent",
        "additionalProperty": [{"name": "weight", "value": 2.1, "unitText": "kg"}],
        "offers": {"price": "129.00", "priceCurrency": "EUR",
                   "availability": "https://schema.org/OutOfStock"},
        "aggregateRating": {"ratingValue": 4.5, "reviewCount": 12},
    }  # fmt: skip
    listed = {"@type": "ListItem", "item": {"@type": "Product", "@id": "m1", "name": "Mat"}}
    document = {
        "@context": "https://schema.org",
        "@graph": [tent, {"@type": "ItemList", "itemListElement": [listed]}, {"@type": "WebSite"}],
    }
    path = write(tmp_path / "p.json", json.dumps(document))
    result = ingest(path, product_format="schema-org")
    tent = result.dataset.catalogue["T2"]
    assert (tent.brand, tent.category, str(tent.price)) == (
        "Fjellro",
        ("Outdoor", "Tents"),
        "129.00",
    )
    assert (tent.stock, tent.rating, tent.rating_count) == (0, 4.5, 12)
    assert tent.attributes == {"color": "green", "weight": "2.1 kg"}
    assert tent.image_url == "https://x.example/1.jpg"
    assert result.dataset.catalogue["m1"].title == "Mat"
    assert result.report["ignored_fields"] == {"products": {"award": 1}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"@type": "Product"', r"p\.json: the file is not JSON-LD"),
        ("[" * 100_000, r"p\.json: the file is not JSON-LD"),
        ('{"@type": "WebSite"}', r"p\.json: holds no schema\.org Product"),
    ],
)
def test_file_that_is_no_json_ld_is_one_sentence(tmp_path, text, expected):
    with pytest.raises(DataError, match=expected):
        ingest(write(tmp_path / "p.json", text), product_format="schema-org")
