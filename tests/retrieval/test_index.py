"""The vector index: a real Chroma in a temporary snapshot, vectors worked out by hand."""

import json
import logging

import numpy as np
import pytest

from retrieval.data.dataset import Dataset, Product
from retrieval.errors import StoreError
from retrieval.text.index import VectorIndex, build_index, check_index, document_text

AXES = {"tent": 0, "mat": 1, "stove": 2, "rain": 3}


class CountingEncoder:
    """One axis a word, so that cosines can be counted; remembers what it was asked to embed."""

    model_id, model_hash, max_tokens, dimension = "axes", "h1", 64, 4

    def __init__(self):
        self.asked = []

    def encode(self, texts, *, role="passage", progress=None):
        self.asked += texts
        rows = np.zeros((len(texts), 4), np.float32)
        for row, text in enumerate(texts):
            for word, axis in AXES.items():
                rows[row, axis] = text.lower().count(word)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        return rows / np.maximum(lengths, 1e-9)


def shop(titles, sentences=("The tent kept the rain out.", "Short.", "The mat is thin and cold.")):
    return Dataset.of(
        products=[
            {
                "product_id": f"p{i}",
                "title": title,
                "price_minor": 1000 * (i + 1),
                "stock": i,
                "attributes": "{}",
                "translations": "{}",
            }
            for i, title in enumerate(titles)
        ],
        reviews=[{"review_id": "r", "product_id": "p0", "text": "…", "rating": 4.0}],
        spans=[
            {
                "span_id": f"r#{i}",
                "review_id": "r",
                "product_id": "p0",
                "start": 10 * i,
                "end": 10 * i + len(text),
                "text": text,
            }
            for i, text in enumerate(sentences)
        ],
    )


TITLES = ["tent", "tent mat", "mat", "stove", "tent", "stove mat"]


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    folder = tmp_path_factory.mktemp("snapshot")
    build_index(folder, shop(TITLES), CountingEncoder())
    return folder


@pytest.fixture
def index(snapshot):
    opened = VectorIndex.open(snapshot, "products")
    yield opened
    opened.close()


TENT = np.array([1, 0, 0, 0], np.float32)


def test_equal_texts_are_embedded_once_and_short_spans_not_at_all(tmp_path):
    encoder = CountingEncoder()
    counts = build_index(tmp_path, shop(["tent", "tent", "mat"]), encoder)
    assert encoder.asked == [
        "tent",
        "mat",
        "The tent kept the rain out.",
        "The mat is thin and cold.",
    ]
    assert counts == {"products": 3, "spans": 2, "embedded": 4, "copied": 0}


def test_nearest_first_and_ties_by_row(index):
    # cos(tent, tent) = 1 twice; cos(tent, tent mat) = 1/sqrt 2
    rows, scores = index.search(TENT, k=3)
    assert rows.tolist() == [0, 4, 1]
    assert scores == pytest.approx([1, 1, 2**-0.5], abs=1e-5)


def test_only_allowed_rows_are_found(index):
    allowed = np.array([False, True, True, True, False, False])
    rows, scores = index.search(TENT, k=10, allowed=allowed)
    assert rows.tolist() == [1, 2, 3]
    assert scores == pytest.approx([2**-0.5, 0, 0], abs=1e-5)
    assert index.search(TENT, k=10, allowed=np.zeros(6, bool))[0].tolist() == []


def test_wrong_arguments_are_named(index):
    with pytest.raises(ValueError, match="`k` must be at least 1, got 0"):
        index.search(TENT, k=0)
    with pytest.raises(ValueError, match=r"shape \(6,\), got \(2,\)"):
        index.search(TENT, k=1, allowed=np.ones(2, bool))


def test_chroma_holds_the_documents_own_metadata(snapshot):
    reviews = VectorIndex.open(snapshot, "reviews")
    assert reviews.ids == ("r#0", "r#2")
    stored = reviews._collection.get(ids=["r#2"], include=["metadatas", "documents"])
    assert stored["metadatas"] == [
        {"product_id": "p0", "review_id": "r", "start": 20, "end": 45, "rating": 4.0}
    ]
    assert stored["documents"] == ["The mat is thin and cold."]
    reviews.close()


def test_chroma_and_the_exact_scan_agree_on_many_products(tmp_path):
    rng = np.random.default_rng(0)

    class RandomEncoder(CountingEncoder):
        dimension = 16

        def encode(self, texts, *, role="passage", progress=None):
            vectors = rng.standard_normal((len(texts), 16)).astype(np.float32)
            return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    build_index(tmp_path, shop([f"thing {i}" for i in range(400)]), RandomEncoder())
    index = VectorIndex.open(tmp_path, "products")
    assert index._collection is not None
    for vector in RandomEncoder().encode(["?"] * 10):
        rows, scores = index.search(vector, k=5)
        exact, same = index.search(vector, k=5, allowed=np.ones(400, bool))
        assert rows.tolist() == exact.tolist()
        assert scores == pytest.approx(same)
    index.close()
    assert index.search(vector, k=5)[0].tolist() == exact.tolist()  # closed: by exact scan


def test_unchanged_texts_are_copied_from_the_previous_snapshot(tmp_path, snapshot):
    encoder = CountingEncoder()
    titles = [*TITLES[:-1], "rain stove"]
    counts = build_index(tmp_path, shop(titles), encoder, previous=snapshot)
    assert encoder.asked == ["rain stove"]
    assert (counts["embedded"], counts["copied"]) == (1, 6)  # tent, tent mat, mat, stove, 2 spans


def test_vectors_of_another_model_are_not_copied(tmp_path, snapshot):
    encoder = CountingEncoder()
    encoder.model_hash = "h2"
    assert build_index(tmp_path, shop(TITLES), encoder, previous=snapshot)["copied"] == 0


def test_an_index_is_never_built_over_another(snapshot):
    with pytest.raises(StoreError, match="already has an index"):
        build_index(snapshot, shop(TITLES), CountingEncoder())


def test_a_shop_without_products_and_reviews_has_an_index(tmp_path):
    build_index(tmp_path, Dataset.of(), CountingEncoder())
    index = VectorIndex.open(tmp_path, "products")
    rows, scores = index.search(TENT, k=3)
    assert (len(rows), len(scores)) == (0, 0)
    index.close()


def test_without_chroma_the_exact_scan_answers_and_says_so(tmp_path, caplog):
    build_index(tmp_path, shop(TITLES), CountingEncoder())
    (tmp_path / "chroma" / "chroma.sqlite3").write_bytes(b"not a database")
    with caplog.at_level(logging.WARNING):
        index = VectorIndex.open(tmp_path, "products")
    assert "searching by exact scan" in caplog.text
    assert index.search(TENT, k=2)[0].tolist() == [0, 4]


def test_the_check_passes_a_sound_index_and_names_a_torn_one(tmp_path):
    build_index(tmp_path, shop(TITLES), CountingEncoder())
    check_index(tmp_path)
    path = tmp_path / "vectors" / "products.safetensors"
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(StoreError, match=r"damaged: .*products.safetensors"):
        check_index(tmp_path)


def test_a_record_of_another_length_is_refused(tmp_path):
    build_index(tmp_path, shop(TITLES), CountingEncoder())
    path = tmp_path / "vectors" / "products.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "ids": record["ids"][:-1]}))
    with pytest.raises(StoreError, match="6 vectors for 5 ids"):
        VectorIndex.open(tmp_path, "products")


def test_document_text_has_every_part_once_and_no_long_attribute():
    product = Product(
        product_id="p",
        title="Ridge tent",
        brand="Kestrel",
        category=("Outdoor", "Tents"),
        attributes={"capacity": "2 people", "care": "x" * 200},
        description="Light. Dry.",
    )
    assert document_text(product) == (
        "Ridge tent. Kestrel. Outdoor > Tents. capacity: 2 people. Light. Dry"
    )
