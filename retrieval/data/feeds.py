"""Product feeds that shops already have, mapped to our product rows.

`google-merchant` (TSV or XML), `shopify` (the product CSV) and `schema-org` (JSON-LD). A field that
no rule below names keeps its own name, so ingest counts it as ignored instead of losing it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Literal, cast
from xml.parsers import expat

from retrieval.data.formats import Advance, BadRow, Chunk, Row, check_file, read_csv
from retrieval.errors import DataError

FeedFormat = Literal["google-merchant", "shopify", "schema-org"]
FEED_FORMATS: tuple[FeedFormat, ...] = ("google-merchant", "shopify", "schema-org")

_MAX_JSON = 256 * 2**20
_AMOUNT = re.compile(r"^\s*(?:([A-Z]{3})\s*)?([-0-9.,]+)\s*([A-Z]{3})?\s*$")
_MONEY_FIELDS = frozenset({"price", "sale_price"})


def read_feed(path: Path, feed: FeedFormat, *, advance: Advance) -> Iterator[Chunk]:
    """Yield the feed's products as rows of our names.

    Raises:
        DataError: If the file is missing, empty, damaged, or not such a feed.
    """
    check_file(path)
    if feed == "shopify":
        required = ["Handle", "Title"]
        chunks = read_csv(path, required=required, advance=advance, delimiters=",;")
        yield from _each(_one_title_per_handle(chunks), _shopify)
    elif feed == "schema-org":
        yield from _each(_schema_org_rows(path, advance), _schema_org)
    elif path.suffix.lower() == ".xml":
        yield from _each(_xml_items(path, advance), _google)
    else:
        required = ["id", "title"]
        chunks = read_csv(path, required=required, advance=advance, delimiters="\t,")
        yield from _each(chunks, _google)


def _each(chunks: Iterator[Chunk], mapper: Callable[[Row], Row]) -> Iterator[Chunk]:
    for chunk in chunks:
        yield replace(chunk, rows=[mapper(row) for row in chunk.rows])


def _take(row: Row, names: dict[str, str]) -> Row:
    """Rename the fields that `names` knows, keep the others under their own name."""
    return {names.get(name, name): value for name, value in row.items()}


def _amount(value: object) -> tuple[object, str | None]:
    """Read "12.99 USD", "USD 12.99" or "1,299.00"; what is unclear comes back as it was."""
    match = _AMOUNT.match(str(value))
    if match is None:
        return value, None
    digits = re.sub(r",(?=\d{3}(\D|$))", "", match[2])
    try:
        return Decimal(digits), match[1] or match[3]
    except InvalidOperation:
        return value, match[1] or match[3]


# Google Merchant ------------------------------------------------------------------------------

_GOOGLE = {
    "id": "product_id", "link": "url", "image_link": "image_url",
    "quantity_to_sell_on_facebook": "stock", "content_language": "language",
}  # fmt: skip
_GOOGLE_ATTRIBUTES = (
    "color", "size", "material", "pattern", "gender", "age_group", "condition", "gtin", "mpn",
    "energy_efficiency_class", "size_type", "size_system", "product_length", "product_width",
    "product_height", "product_weight", "shipping_weight", "unit_pricing_measure",
)  # fmt: skip


def _google(row: Row) -> Row:
    """Map one Google Merchant entry. `sale_price` becomes the price, `price` the list price."""
    row = {str(name).removeprefix("g:").replace(" ", "_"): v for name, v in row.items()}
    attributes = {name: str(row.pop(name)) for name in _GOOGLE_ATTRIBUTES if name in row}
    for detail in _as_list(row.pop("product_detail", None)):
        if isinstance(detail, dict) and detail.get("attribute_name"):
            attributes[str(detail["attribute_name"])] = str(detail.get("attribute_value", ""))
        elif isinstance(detail, str) and detail.count(":") == 2:  # section:name:value
            attributes[detail.split(":")[1]] = detail.split(":")[2]
    category = row.pop("product_type", None) or row.pop("google_product_category", None)
    row.pop("google_product_category", None)
    mapped = _take(row, _GOOGLE)
    for name in _MONEY_FIELDS & mapped.keys():
        mapped[name], currency = _amount(mapped[name])
        if currency:
            mapped["currency"] = currency
    sale = mapped.pop("sale_price", None)
    if sale is not None:
        mapped["list_price"], mapped["price"] = mapped.get("price"), sale
    if isinstance(category, list):
        category = category[0]
    if category and not str(category).isdigit():  # a bare taxonomy number names nothing
        mapped["category"] = [part.strip() for part in str(category).split(">")]
    if str(mapped.get("availability", "")).replace(" ", "_") == "out_of_stock":
        mapped["stock"] = 0
    mapped.pop("availability", None)
    return mapped | {"attributes": attributes}


def _as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _xml_items(path: Path, advance: Advance) -> Iterator[Chunk]:
    """Yield `<item>` (RSS) and `<entry>` (Atom); a DOCTYPE is refused, so no entity grows."""
    parser = expat.ParserCreate()
    items = _XmlItems(path, parser)
    parser.StartDoctypeDeclHandler = items.refuse_doctype
    parser.StartElementHandler = items.start
    parser.EndElementHandler = items.end
    parser.CharacterDataHandler = items.text
    with path.open("rb") as file:
        while True:
            block = file.read(2**16)
            try:
                parser.Parse(block, not block)
            except expat.ExpatError as error:
                raise DataError(
                    f"{path}:{error.lineno}: the XML is damaged ({error}); export the feed again"
                ) from error
            advance(len(block))
            if items.chunk.is_full or not block:
                yield items.chunk
                items.chunk = Chunk()
            if not block:
                return


class _XmlItems:
    """Collects the fields of each item; depth below a field makes a nested mapping."""

    def __init__(self, path: Path, parser: expat.XMLParserType) -> None:
        self.chunk = Chunk()
        self._path, self._parser = path, parser
        self._item: Row | None = None
        self._line = 0
        self._stack: list[tuple[str, Row, list[str]]] = []

    def refuse_doctype(self, *_: object) -> None:
        raise DataError(
            f"{self._path}:{self._parser.CurrentLineNumber}: the XML has a DOCTYPE, which a feed "
            "does not need and which could hide entities; remove it"
        )

    def start(self, name: str, _: dict[str, str]) -> None:
        short = name.rsplit(":", 1)[-1]
        if self._item is None:
            if short in {"item", "entry"}:
                self._item, self._line = {}, self._parser.CurrentLineNumber
        elif len(self._stack) >= 8:
            raise DataError(
                f"{self._path}:{self._parser.CurrentLineNumber}: `{name}` is nested too deeply "
                "for a product feed; export the feed again"
            )
        else:
            self._stack.append((short, {}, []))

    def text(self, text: str) -> None:
        if self._stack:
            self._stack[-1][2].append(text)
            self.chunk.n_bytes += len(text)

    def end(self, name: str) -> None:
        if self._item is None:
            return
        if not self._stack:
            self.chunk.lines.append(self._line)
            self.chunk.rows.append(self._item)
            self._item = None
            return
        short, nested, pieces = self._stack.pop()
        value: object = nested or "".join(pieces).strip()
        if value in ("", {}):
            return
        parent = self._stack[-1][1] if self._stack else self._item
        if short in parent:
            parent[short] = [*_as_list(parent[short]), value]
        else:
            parent[short] = value


# Shopify --------------------------------------------------------------------------------------

_SHOPIFY = {
    "Body (HTML)": "description", "Body": "description", "Description": "description",
    "Vendor": "brand", "Image Src": "image_url", "Product image URL": "image_url",
    "Variant Price": "price", "Price": "price", "Variant Compare At Price": "list_price",
    "Compare-at price": "list_price", "Variant Inventory Qty": "stock",
    "Inventory quantity": "stock", "URL handle": "Handle",
}  # fmt: skip
_INHERITED = ("Title", "description", "brand", "image_url", "Product Category", "Type", "Tags")


def _one_title_per_handle(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """Give every variant the fields of its product's first row; rows of extra pictures go."""
    handle: object = None
    shared: Row = {}
    names: dict[str, str] = {}
    for chunk in chunks:
        lines: list[int] = []
        rows: list[Row] = []
        for line, raw in zip(chunk.lines, chunk.rows, strict=True):
            row = _take(raw, _SHOPIFY)
            if row.get("Handle") != handle:
                handle = row.get("Handle")
                shared = {name: row[name] for name in _INHERITED if name in row}
                names = {
                    n: str(row[f"Option{n} Name"]) for n in "123" if row.get(f"Option{n} Name")
                }
            is_variant = "price" in row or "Variant SKU" in row or "Title" in row
            if is_variant:
                for n, name in names.items():
                    row.setdefault(f"Option{n} Name", name)
                lines.append(line)
                rows.append(shared | row)
        yield replace(chunk, lines=lines, rows=rows)


def _shopify(row: Row) -> Row:
    """Map one variant. The variant's SKU is the product id, else handle and options."""
    attributes: dict[str, str] = {}
    options: list[str] = []
    for n in "123":
        name, value = row.pop(f"Option{n} Name", None), row.pop(f"Option{n} Value", None)
        if name and value and (str(name), str(value)) != ("Title", "Default Title"):
            attributes[str(name)] = str(value)
            options.append(str(value))
    handle = str(row.pop("Handle", ""))
    title = str(row.pop("Title", ""))
    sku = row.pop("Variant SKU", None)
    tags, kind, path = row.pop("Tags", None), row.pop("Type", None), row.pop("Product Category", "")
    if tags:
        attributes["tags"] = str(tags)
    category = [part.strip() for part in str(path or kind or "").split(">") if part.strip()]
    return row | {
        "product_id": sku or "/".join([handle, *options]),
        "title": f"{title} ({', '.join(options)})" if options and title else title,
        "item_group_id": handle or None,
        "category": category,
        "attributes": attributes,
    }


# schema.org -----------------------------------------------------------------------------------

_SCHEMA_ORG = {"name": "title", "inLanguage": "language"}


def _schema_org_rows(path: Path, advance: Advance) -> Iterator[Chunk]:
    """Yield every Product in a JSON-LD file: alone, in a list, in `@graph` or in an ItemList."""
    size = path.stat().st_size
    if size > _MAX_JSON:
        raise DataError(f"{path}: {size} bytes of JSON-LD are too many at once; split the file")
    raw = path.read_bytes()
    try:
        document = json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: byte 0x{raw[error.start]:02X} at position {error.start + 1} is not UTF-8; "
            "save the file as UTF-8"
        ) from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: the file is not JSON-LD ({error}); export it again") from error
    advance(size)
    chunk = Chunk()
    for number, node in enumerate(_products(document), start=1):
        if isinstance(node, dict):
            chunk.lines.append(number)
            chunk.rows.append(dict(node))
        else:
            chunk.bad.append(BadRow(number, "the entry is not an object", str(node)[:200]))
    if not chunk.rows:
        raise DataError(f"{path}: holds no schema.org Product; check the file or the `--format`")
    yield chunk


def _products(node: object, depth: int = 0) -> Iterator[object]:
    if depth > 20:
        return
    if isinstance(node, list):
        for part in node:
            yield from _products(part, depth + 1)
    elif isinstance(node, dict):
        kinds = {str(kind).rsplit("/", 1)[-1] for kind in _as_list(node.get("@type"))}
        if kinds & {"Product", "IndividualProduct", "ProductModel"}:
            yield node
        for name in ("@graph", "itemListElement", "item", "mainEntity", "hasVariant"):
            yield from _products(node.get(name), depth + 1)


def _schema_org(node: Row) -> Row:
    """Map one Product node."""
    row = {
        name: value
        for name, value in node.items()
        if not name.startswith("@") and name not in {"hasVariant", "mainEntity"}
    }
    attributes: dict[str, str] = {}
    for part in _as_list(row.pop("additionalProperty", None)):
        if isinstance(part, dict) and part.get("name") and part.get("value") is not None:
            unit = part.get("unitText") or part.get("unitCode") or ""
            attributes[str(part["name"])] = f"{part['value']} {unit}".strip()
    for name in ("color", "size", "material", "pattern", "model", "mpn", "gtin", "gtin13"):
        if name in row:
            attributes[name] = _name(row.pop(name))
    mapped = _take(row, _SCHEMA_ORG)
    identifier = node.get("sku") or node.get("productID") or node.get("@id") or node.get("mpn")
    mapped = {k: v for k, v in mapped.items() if k not in {"sku", "productID", "mpn"}}
    mapped |= {"product_id": identifier, "attributes": attributes}
    for name in ("brand", "image", "category", "isVariantOf", "inProductGroupWithID"):
        if name in mapped:
            value = _name(mapped.pop(name))
            ours = {"image": "image_url", "brand": "brand", "category": "category"}
            mapped[ours.get(name, "item_group_id")] = value
    _offer_into(mapped)
    ratings = mapped.pop("aggregateRating", None)
    if isinstance(ratings, dict):
        mapped["rating"] = ratings.get("ratingValue")
        mapped["rating_count"] = ratings.get("ratingCount") or ratings.get("reviewCount")
    return mapped


def _offer_into(mapped: Row) -> None:
    offer = next(iter(_as_list(mapped.pop("offers", None))), None)
    if not isinstance(offer, dict):
        return
    price = offer.get("price", offer.get("lowPrice"))
    if price is not None:
        mapped["price"], currency = _amount(price)
        mapped["currency"] = offer.get("priceCurrency") or currency
    if str(offer.get("availability", "")).rsplit("/", 1)[-1] in {"OutOfStock", "SoldOut"}:
        mapped["stock"] = 0
    level = offer.get("inventoryLevel")
    if isinstance(level, dict):
        mapped["stock"] = level.get("value")
    if "url" in offer:
        mapped.setdefault("url", offer["url"])


def _name(value: object) -> str:
    """Read the text of a value that may be a list or a node with a name."""
    first = next(iter(_as_list(value)), "")
    if isinstance(first, dict):
        node = cast("dict[str, object]", first)
        first = node.get("name") or node.get("url") or node.get("productGroupID") or ""
    return str(first)
