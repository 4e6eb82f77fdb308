"""Ingest: what passes, what is refused and why."""

import json

import polars as pl
import pytest
import zstandard

from retrieval.config import StoreConfig
from retrieval.data import formats
from retrieval.data.ingest import ingest
from retrieval.errors import DataError

TENT = {"product_id": "tent", "title": "A tent", "price": 129.0, "currency": "EUR"}
MAT = {"product_id": "mat", "title": "A mat", "price": "24.90"}
SEEN = {"event_id": "e1", "shopper_id": "ida", "type": "view", "product_id": "tent"}
SEEN |= {"at": "2026-03-01T10:00:00+01:00"}
SAID = {"review_id": "r1", "product_id": "tent", "text": "It stayed dry all night."}
_NEEDED = "is missing, and a `{}` event needs it"
_TOO_EARLY = "lies before `starts_at`"
_KINDS = "'percent', 'amount', 'coupon' or 'free_delivery'"
_TYPES = (
    "'search', 'view', 'add_to_cart', 'remove_from_cart', 'purchase', 'refund', 'offer_view' or "
    "'offer_redeem'"
)
LESS = {"offer_id": "o1", "kind": "percent", "value": 10}


def jsonl(path, *rows):
    """Write rows as lines; bytes go in as they are."""
    lines = [
        r if isinstance(r, bytes) else json.dumps(r, ensure_ascii=False).encode() for r in rows
    ]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


@pytest.fixture
def products(tmp_path):
    return jsonl(tmp_path / "products.jsonl", TENT, MAT)


def refused(path, **rest):
    """Return the rejects of a products file."""
    return ingest(path, on_error="skip", **rest).rejects


def reasons(tmp_path, table, *rows):
    """Return (line, field, reason) of what is refused beside the two products."""
    good = jsonl(tmp_path / "good.jsonl", TENT, MAT)
    path = jsonl(tmp_path / f"{table}.jsonl", *rows)
    rejects = ingest(good, **{table: path}, on_error="skip").rejects
    return [(reject.line, reject.field, reject.reason) for reject in rejects]


# Formats ---------------------------------------------------------------------------------------


def test_four_formats_give_the_same_table(tmp_path):
    rows = [
        TENT | {"category": ["Outdoor", "Tents"], "attributes": {"sleeps": "2"}, "stock": 3},
        MAT,
    ]
    plain = jsonl(tmp_path / "p.jsonl", *rows)
    packed = tmp_path / "p.jsonl.zst"
    packed.write_bytes(zstandard.compress(plain.read_bytes()))
    table = tmp_path / "p.csv"
    table.write_text(
        "product_id,title,price,currency,category,attributes,stock\n"
        'tent,A tent,129.0,EUR,Outdoor > Tents,"{""sleeps"": ""2""}",3\n'
        "mat,A mat,24.90,,,,\n"
    )
    columns = tmp_path / "p.parquet"
    pl.DataFrame(rows).write_parquet(columns)
    found = [ingest(path).dataset.products for path in (plain, packed, table, columns)]
    assert found[0]["price_minor"].to_list() == [2490, 12900]
    assert found[0]["category"].to_list() == [[], ["Outdoor", "Tents"]]
    for other in found[1:]:
        assert other.equals(found[0])


@pytest.mark.parametrize("separator", [";", "\t", ","])
def test_csv_separator_is_read_from_the_header(tmp_path, separator):
    path = tmp_path / "p.csv"
    path.write_text(f"product_id{separator}title\ntent{separator}A tent\n")
    assert ingest(path).dataset.products["title"].to_list() == ["A tent"]


def test_csv_lists_may_be_json(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text('product_id,title,category\nt,A tent,"[""Home & Garden"",""a > b""]"\n')
    assert ingest(path).dataset.products["category"].to_list() == [["Home & Garden", "a > b"]]


def test_byte_order_mark_is_no_part_of_the_first_field(tmp_path):
    path = tmp_path / "p.csv"
    path.write_bytes(b"\xef\xbb\xbfproduct_id,title\r\ntent,A tent\r\n")
    assert ingest(path).dataset.products["product_id"].to_list() == ["tent"]
    lines = tmp_path / "p.jsonl"
    lines.write_bytes(b"\xef\xbb\xbf" + json.dumps(TENT).encode())
    assert len(ingest(lines).dataset.products) == 1
    packed = tmp_path / "p.jsonl.zst"
    packed.write_bytes(zstandard.compress(lines.read_bytes()))
    assert len(ingest(packed).dataset.products) == 1


def test_line_separator_inside_a_string_splits_no_line(tmp_path):
    path = jsonl(tmp_path / "p.jsonl", TENT | {"description": "one\u2028two"})
    assert b"\xe2\x80\xa8" in path.read_bytes()
    assert ingest(path).dataset.products["description"].to_list() == ["one\ntwo"]


def test_quoted_newlines_in_csv_keep_line_numbers_right(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text('product_id,title,price\na,"A\ntent",1\nb,B,-1\n')
    (reject,) = refused(path)
    assert (reject.line, reject.id, reject.field) == (4, "b", "price")


def test_parquet_maps_and_times_are_understood(tmp_path, products):
    import pyarrow as pa
    from pyarrow import parquet

    path = tmp_path / "p.parquet"
    kind = pa.map_(pa.string(), pa.string())
    attributes = pa.array([[("sleeps", "2")], None], kind)
    parquet.write_table(
        pa.table({"product_id": [1, 2], "title": ["A", "B"], "attributes": attributes}), path
    )
    found = ingest(path).dataset.products
    assert found["product_id"].to_list() == ["1", "2"]
    assert found["attributes"].to_list() == ['{"sleeps": "2"}', "{}"]
    events = tmp_path / "e.parquet"
    naive = pl.Series(["2026-03-01T09:00:00"]).str.to_datetime()
    pl.DataFrame([SEEN]).with_columns(at=naive).write_parquet(events)
    at = ingest(products, events=events).dataset.events["at"][0]
    assert at.isoformat() == "2026-03-01T09:00:00+00:00"


# Files that cannot be used ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("p.jsonl", b"", r"p\.jsonl: the file is empty"),
        ("p.csv", b"product_id,title\n", r"p\.csv: the file holds no rows"),
        ("p.jsonl", b"\n \n", r"p\.jsonl: the file holds no rows"),
        ("p.xlsx", b"PK", r"p\.xlsx: the format `\.xlsx` is unknown; give one of \.jsonl,"),
        ("p.csv", b"product_id,name\n1,x\n", r"the column `title` is missing \(found: product_id"),
        ("p.csv", b"product_id,title,title\n1,x,y\n", r"the column `title` stands twice"),
        ("p.csv", "product_id,title\n".encode("utf-16"), r"p\.csv: the file is UTF-16"),
        ("p.parquet", b"PAR1 no longer", r"p\.parquet: the Parquet file is damaged"),
        ("p.jsonl.zst", b"no zstd at all", r"p\.jsonl\.zst: is damaged or not zstd"),
    ],
)
@pytest.mark.parametrize("on_error", ["fail", "skip"])
def test_unusable_file_is_one_sentence_naming_it(tmp_path, name, content, expected, on_error):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=expected) as caught:
        ingest(path, on_error=on_error)
    assert "\n" not in str(caught.value)


def test_missing_file_and_folder_are_named_before_anything_is_read(tmp_path, products):
    with pytest.raises(DataError, match=r"gone\.csv: the file does not exist"):
        ingest(products, events=tmp_path / "gone.csv")
    with pytest.raises(DataError, match="is a folder, not a file"):
        ingest(tmp_path)


@pytest.mark.parametrize("cut", [1, 0.5])
def test_truncated_zst_is_refused_under_skip_too(tmp_path, cut):
    whole = zstandard.compress(
        b"".join(json.dumps(TENT | {"product_id": f"p{i}"}).encode() + b"\n" for i in range(5000))
    )
    path = tmp_path / "p.jsonl.zst"
    path.write_bytes(whole[: len(whole) - 1 if cut == 1 else int(len(whole) * cut)])
    with pytest.raises(DataError, match=r"ends too early \(truncated\?\)"):
        ingest(path, on_error="skip")


def test_zst_of_several_frames_is_read_to_the_end(tmp_path):
    path = tmp_path / "p.jsonl.zst"
    frames = [json.dumps(row).encode() + b"\n" for row in (TENT, MAT)]
    path.write_bytes(b"".join(map(zstandard.compress, frames)))
    assert len(ingest(path).dataset.products) == 2


def test_truncated_parquet_is_one_sentence(tmp_path):
    path = tmp_path / "p.parquet"
    pl.DataFrame([TENT] * 3000).write_parquet(path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match="the Parquet file is damaged"):
        ingest(path)


def test_truncated_json_line_is_a_reject(tmp_path):
    path = tmp_path / "p.jsonl"
    path.write_bytes(json.dumps(TENT).encode() + b'\n{"product_id": "mat", "ti')
    (reject,) = refused(path)
    assert reject.line == 2
    assert reject.reason == "the file ends inside this line (truncated?)"
    with pytest.raises(DataError, match=r"p\.jsonl:2: the file ends inside this line"):
        ingest(path)


def test_no_accepted_product_is_an_error_with_the_first_reason(tmp_path):
    path = jsonl(tmp_path / "p.jsonl", {"product_id": "x", "title": "X", "price": -1})
    with pytest.raises(DataError, match=r"no product was accepted; .* must be above 0, got '-1'"):
        ingest(path, on_error="skip")


# Rows that are refused -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        ({"price": -3}, "price", "must be above 0"),
        ({"price": 0}, "price", "must be above 0"),
        ({"price": 0.004}, "price", "must be at least 0.01"),
        ({"price": "12,90 €"}, "price", "must be a number"),
        ({"price": "NaN"}, "price", "must be a finite number"),
        ({"price": True}, "price", "must be a number"),
        ({"price": 10**400}, "price", "must be at most 1000000000"),
        ({"list_price": -1}, "list_price", "must be at least 0"),
        ({"stock": 2.5}, "stock", "must be a whole number"),
        ({"stock": -1}, "stock", "must be at least 0"),
        ({"rating": 7}, "rating", "must be at most 5"),
        ({"margin": 1.5}, "margin", "must be at most 1"),
        ({"title": ""}, "title", "is missing or empty"),
        ({"title": " <p> </p>&nbsp;"}, "title", "is missing or empty"),
        ({"title": None}, "title", "is missing or empty"),
        ({"title": ["A"]}, "title", "must be text"),
        ({"product_id": ""}, "product_id", "is missing or empty"),
        ({"product_id": 1.5}, "product_id", "must be text"),
        ({"product_id": True}, "product_id", "must be text"),
        ({"product_id": "a\nb"}, "product_id", "holds control characters"),
        ({"product_id": "x" * 201}, "product_id", "has more than 200 characters"),
        ({"category": [1]}, "category.0", "must be text"),
        ({"category": {"a": "b"}}, "category", "must be a list"),
        ({"attributes": ["x"]}, "attributes", "must be an object of names and values"),
        ({"attributes": {"a": {"b": 1}}}, "attributes.a", "must be text"),
        ({"currency": "Euro"}, "currency", "must be three letters like USD"),
        ({"language": "English!"}, "language", "must be a language tag like en or zh"),
    ],
)  # fmt: skip
def test_bad_product_is_refused_with_field_and_reason(tmp_path, row, field, reason):
    path = jsonl(tmp_path / "p.jsonl", MAT, TENT | row)
    (reject,) = refused(path)
    assert (reject.line, reject.field, reject.reason) == (2, field, reason)
    assert reject.file == str(path)
    assert reject.record == "product"
    with pytest.raises(DataError, match=r"p\.jsonl:2: `") as caught:
        ingest(path)
    assert "--on-error=skip" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_fail_names_file_line_field_value_id_and_what_to_do(tmp_path):
    path = jsonl(tmp_path / "p.jsonl", MAT, TENT | {"price": -3})
    with pytest.raises(DataError) as caught:
        ingest(path)
    assert str(caught.value) == (
        f"{path}:2: `price` must be above 0, got '-3' (product 'tent'); "
        "fix the row, or drop such rows with `--on-error=skip`"
    )


def test_fail_stops_at_the_first_row_of_the_file_whatever_is_wrong_with_it(tmp_path):
    path = jsonl(tmp_path / "p.jsonl", MAT, TENT | {"price": 0}, b"{broken", TENT | {"title": ""})
    with pytest.raises(DataError, match=r"p\.jsonl:2: `price`"):
        ingest(path)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"product_id": "x", "title": "caf\xe9"}', "byte 0xE9 at position 34 is not UTF-8"),
        (b'{"price": NaN}', "NaN and Infinity are not JSON; leave the field out"),
        (b'{"price": -Infinity}', "NaN and Infinity are not JSON; leave the field out"),
        (b'["x"]', "the line is a JSON list, not an object"),
        (b'{"a": 1} {"a": 2}', "the line is not JSON (trailing characters at character 10)"),
        (b"product_id,title", "the line is not JSON (expected value at character 1)"),
        (b'{"a": ' * 5000 + b"1" + b"}" * 5000, "the line is not JSON (recursion limit exceeded"),
        (b'{"title": "\\ud800"}', "the line is not JSON (unexpected end of hex escape at"),
    ],
)  # fmt: skip
def test_line_that_is_no_json_object_is_refused(tmp_path, line, reason):
    (reject,) = refused(jsonl(tmp_path / "p.jsonl", MAT, line, TENT))
    assert reject.line == 2
    assert reject.reason.startswith(reason)
    assert len(reject.value) <= 200


def test_csv_rows_that_cannot_be_read_are_refused_one_by_one(tmp_path):
    path = tmp_path / "p.csv"
    path.write_bytes(
        b"product_id,title\n"
        b"a,caf\xe9\n"  # Latin-1
        b"b,B,extra\n"
        b'c,"C" loose\n'
        b"d,D\n"
        b'e,"never closed\n'
    )
    found = [(reject.line, reject.reason) for reject in refused(path)]
    assert found == [
        (2, "byte 0xE9 at position 6 is not UTF-8"),
        (3, "the row has 3 fields where the header has 2"),
        (4, "the line is not CSV (',' expected after '\"')"),
        (6, "the file ends inside a quoted field (truncated?)"),
    ]


@pytest.mark.slow
def test_ten_megabyte_field_is_refused_and_memory_stays_bounded(tmp_path):
    import tracemalloc

    big = "x" * 10_000_000
    path = jsonl(
        tmp_path / "p.jsonl",
        *[TENT | {"product_id": f"p{i}", "description": big} for i in range(12)],
        MAT,
    )
    tracemalloc.start()
    rejects = refused(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(rejects) == 12
    assert {(r.field, r.reason) for r in rejects} == {
        ("description", "has more than 100000 characters")
    }
    assert all(len(reject.value) == 200 for reject in rejects)
    assert peak < 120e6  # of 120 MB of text; a chunk holds about 32


def test_ten_megabyte_csv_field_and_endless_line_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "p.csv"
    path.write_text("product_id,title\na," + "x" * 10_000_000 + "\nb,B\n")
    (reject,) = refused(path)
    assert (reject.line, reject.reason) == (
        2,
        "the line is not CSV (field larger than field limit (131072))",
    )
    monkeypatch.setattr(formats, "MAX_LINE", 1000)
    endless = jsonl(tmp_path / "p.jsonl", TENT | {"description": "x" * 5000}, MAT)
    (reject,) = refused(endless)
    assert (reject.line, reject.reason) == (1, "the line is longer than 1000 bytes")
    (reject,) = refused(path)
    assert (reject.line, reject.reason) == (2, "the line is longer than 1000 bytes")


def test_rows_after_a_bad_one_keep_their_place_across_chunks(tmp_path, monkeypatch):
    monkeypatch.setattr(formats, "CHUNK_ROWS", 3)
    rows = [TENT | {"product_id": f"p{i}", "price": -1 if i in {2, 7} else 5} for i in range(10)]
    result = ingest(jsonl(tmp_path / "p.jsonl", *rows), on_error="skip")
    assert [(r.line, r.id) for r in result.rejects] == [(3, "p2"), (8, "p7")]
    assert result.dataset.products["product_id"].to_list() == [
        f"p{i}" for i in (0, 1, 3, 4, 5, 6, 8, 9)
    ]


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        ("2026-02-30", "is not a possible time like 2026-03-01T10:00:00Z"),
        ("2026-03-01T25:00:00Z", "is not a possible time like 2026-03-01T10:00:00Z"),
        ("9999-12-31T23:59:59-05:00", "is not a possible date (years 1970 to 2100)"),
        ("0001-01-01T00:00:00+05:00", "is not a possible date (years 1970 to 2100)"),
        (20260301, "must be written as ISO 8601, like 2026-03-01T10:00:00Z"),
        ("20260301", "must be written as ISO 8601, like 2026-03-01T10:00:00Z"),
        ("yesterday", "must be written as ISO 8601, like 2026-03-01T10:00:00Z"),
    ],
)  # fmt: skip
def test_impossible_date_is_refused(tmp_path, at, reason):
    assert reasons(tmp_path, "events", SEEN | {"at": at}, SEEN) == [(1, "at", reason)]


def test_times_are_utc_and_a_day_is_its_midnight(tmp_path, products):
    rows = [SEEN, SEEN | {"event_id": "e2", "at": "2099-01-01"}]
    events = ingest(products, events=jsonl(tmp_path / "e.jsonl", *rows)).dataset.events
    assert [at.isoformat() for at in events["at"]] == [
        "2026-03-01T09:00:00+00:00",
        "2099-01-01T00:00:00+00:00",
    ]


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        ({"product_id": "boat"}, "product_id", "is not among the accepted products"),
        ({"product_id": None}, "product_id", _NEEDED.format("view")),
        ({"type": "purchase", "product_id": ""}, "product_id", _NEEDED.format("purchase")),
        ({"type": "search"}, "search_text", _NEEDED.format("search")),
        ({"type": "search", "search_text": "<br>"}, "search_text", _NEEDED.format("search")),
        ({"type": "offer_view"}, "offer_id", _NEEDED.format("offer_view")),
        ({"quantity": 0}, "quantity", "must be above 0"),
        ({"price": -1}, "price", "must be at least 0"),
        ({"type": "click"}, "type", f"must be one of {_TYPES}"),
    ],
)  # fmt: skip
def test_bad_event_is_refused(tmp_path, row, field, reason):
    assert reasons(tmp_path, "events", SEEN, SEEN | {"event_id": "e2"} | row) == [
        (2, field, reason)
    ]


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        ({"product_id": "boat"}, "product_id", "is not among the accepted products"),
        ({"text": " \n "}, "text", "is missing or empty"),
        ({"text": "<script>alert(1)</script>"}, "text", "is missing or empty"),
        ({"rating": 0}, "rating", "must be at least 1"),
        ({"verified": "perhaps"}, "verified", "must be true or false"),
    ],
)
def test_bad_review_is_refused(tmp_path, row, field, reason):
    assert reasons(tmp_path, "reviews", SAID, SAID | {"review_id": "r2"} | row) == [
        (2, field, reason)
    ]


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        ({"product_ids": ["tent", "boat"]}, "product_ids", "is not among the accepted products"),
        ({"value": 120}, "value", "must be at most 100 for a `percent` offer"),
        ({"starts_at": "2026-02-01", "ends_at": "2026-01-01"}, "ends_at", _TOO_EARLY),
        ({"kind": "gift"}, "kind", f"must be one of {_KINDS}"),
    ],
)  # fmt: skip
def test_bad_offer_is_refused(tmp_path, row, field, reason):
    assert reasons(tmp_path, "offers", LESS, LESS | {"offer_id": "o2"} | row) == [
        (2, field, reason)
    ]


def test_offer_lists_in_csv_are_json_or_separated_by_bars(tmp_path, products):
    path = tmp_path / "o.csv"
    path.write_text(
        "offer_id,kind,value,product_ids,categories\n"
        "a,amount,5,tent|mat,Home & Garden\n"
        'b,amount,5,"[""mat""]",\n'
    )
    offers = ingest(products, offers=path).dataset.offers
    assert offers["product_ids"].to_list() == [["tent", "mat"], ["mat"]]
    assert offers["categories"].to_list() == [["Home & Garden"], []]


# Between rows ----------------------------------------------------------------------------------


def test_first_of_two_products_with_one_id_wins(tmp_path):
    path = jsonl(tmp_path / "p.jsonl", TENT, MAT, TENT | {"title": "Another"}, TENT)
    result = ingest(path, on_error="skip")
    assert result.dataset.products["title"].to_list() == ["A mat", "A tent"]
    assert [(r.line, r.reason) for r in result.rejects] == [
        (3, "is used again, with other content, after line 1, which is kept"),
        (4, "repeats line 1, which is kept"),
    ]
    with pytest.raises(DataError, match=r":3: `product_id` is used again"):
        ingest(path)


def test_event_repeated_word_for_word_counts_once_and_is_no_error(tmp_path, products):
    same_moment = SEEN | {"at": "2026-03-01T09:00:00Z"}
    path = jsonl(tmp_path / "e.jsonl", SEEN, SEEN, same_moment)
    result = ingest(products, events=path)
    assert len(result.dataset.events) == 1
    assert result.report["duplicates"] == 2
    assert result.report["rejected"] == 0


def test_event_id_with_other_content_is_refused(tmp_path):
    other = SEEN | {"product_id": "mat"}
    assert reasons(tmp_path, "events", SEEN, other, SEEN) == [
        (2, "event_id", "is used again, with other content, after line 1, which is kept")
    ]


def test_currency_of_most_rows_is_the_stores(tmp_path):
    rows = [
        TENT | {"product_id": f"p{i}", "currency": c} for i, c in enumerate(["EUR", "usd", "EUR"])
    ]
    result = ingest(jsonl(tmp_path / "p.jsonl", *rows, MAT), on_error="skip")
    assert result.dataset.currency == "EUR"
    assert len(result.dataset.products) == 3  # one states none: it has the store's
    (reject,) = result.rejects
    assert (reject.line, reject.field, reject.value) == (2, "currency", "USD")
    assert reject.reason == "must be EUR (most rows state it); convert it"


def test_settings_decide_the_currency(tmp_path):
    path = jsonl(tmp_path / "p.jsonl", TENT, MAT)
    result = ingest(path, config=StoreConfig(currency="CHF"), on_error="skip")
    assert result.dataset.currency == "CHF"
    assert result.rejects[0].reason == "must be CHF (the settings say so); convert it"
    assert ingest(jsonl(tmp_path / "q.jsonl", MAT)).dataset.currency == "USD"


# What is kept ----------------------------------------------------------------------------------


def test_unknown_fields_are_counted_and_the_row_is_kept(tmp_path):
    rows = [TENT | {"colour_code": 7, "ean": None}, MAT | {"colour_code": 8, "ean": "123"}]
    result = ingest(jsonl(tmp_path / "p.jsonl", *rows))
    assert len(result.dataset.products) == 2
    assert result.report["ignored_fields"] == {"products": {"colour_code": 2, "ean": 1}}


def test_whole_number_ids_are_text(tmp_path):
    products = jsonl(tmp_path / "p.jsonl", {"product_id": 7, "title": "Seven"})
    events = jsonl(tmp_path / "e.jsonl", SEEN | {"product_id": 7, "shopper_id": 12, "event_id": 1})
    dataset = ingest(products, events=events).dataset
    assert dataset.products["product_id"].to_list() == ["7"]
    assert dataset.events.select("event_id", "shopper_id", "product_id").row(0) == ("1", "12", "7")


def test_attribute_values_become_text(tmp_path):
    attributes = {"n": 1.5, "b": True, "l": ["a", "b"], "none": None, "s": "x &amp; y"}
    path = jsonl(tmp_path / "p.jsonl", MAT | {"attributes": attributes})
    found = json.loads(ingest(path).dataset.products["attributes"][0])
    assert found == {"b": "yes", "l": "a, b", "n": "1.5", "s": "x & y"}


def test_translations_pass_and_are_cleaned(tmp_path):
    translations = {
        "zh": {"title": " <b>帐篷</b> ", "category": "户外 > 帐篷", "attributes": {"sleeps": 2}}
    }
    path = jsonl(tmp_path / "p.jsonl", TENT | {"translations": translations, "language": "EN_us"})
    product = ingest(path).dataset.catalogue["tent"]
    assert product.title_in("zh") == "帐篷"
    assert product.translations["zh"]["category"] == ["户外", "帐篷"]
    assert product.language == "en-us"


def test_same_files_in_another_order_give_the_same_tables(tmp_path):
    rows = [SEEN | {"event_id": f"e{i}", "at": f"2026-03-0{1 + i % 3}"} for i in range(6)]
    one = ingest(
        jsonl(tmp_path / "p.jsonl", TENT, MAT), events=jsonl(tmp_path / "e.jsonl", *rows)
    ).dataset
    two = ingest(
        jsonl(tmp_path / "q.jsonl", MAT, TENT), events=jsonl(tmp_path / "f.jsonl", *rows[::-1])
    ).dataset
    assert one.products.equals(two.products)
    assert one.events.equals(two.events)


def test_tiny_store_is_what_its_readme_says(tiny_dataset):
    events = tiny_dataset.events
    assert [len(t) for t in (tiny_dataset.products, tiny_dataset.reviews, tiny_dataset.spans)] == [
        12,
        20,
        35,
    ]
    assert dict(events["type"].value_counts().iter_rows()) == {
        "view": 47, "purchase": 40, "add_to_cart": 12, "search": 10, "offer_view": 5,
        "offer_redeem": 3, "remove_from_cart": 2, "refund": 1,
    }  # fmt: skip
    bought = events.filter(pl.col("type") == "purchase").select("order_id", "product_id")
    pairs = bought.join(bought, on="order_id").filter(
        pl.col("product_id") < pl.col("product_id_right")
    )
    counts = {
        (a, b): n for a, b, n in pairs.group_by("product_id", "product_id_right").len().iter_rows()
    }
    assert counts == {
        ("mat-foam", "tent-duo"): 6, ("gas-screw", "stove-spark"): 6,
        ("footprint-duo", "tent-duo"): 2, ("footprint-duo", "mat-foam"): 2,
        ("bag-summer", "tent-duo"): 2, ("mat-air", "tent-quartet"): 2,
        ("bag-winter", "mat-air"): 1, ("lantern", "stove-spark"): 1, ("gas-screw", "lantern"): 1,
    }  # fmt: skip
