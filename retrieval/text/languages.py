"""Search by meaning in languages that the store's encoder does not read.

    snapshot/vectors/languages.*   one row for each language a product is described in

The packaged encoder reads English. Where products are described in other languages too, a second
encoder of many languages makes vectors of those texts (of the original where a product has no
other), and a query in another script is compared with them. Review sentences keep one encoder.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieval.config import EncoderConfig
from retrieval.data.dataset import Catalogue, Dataset, Product
from retrieval.errors import StoreError
from retrieval.text import weights
from retrieval.text.encoder import Encoder, load_encoder
from retrieval.text.index import document_text
from retrieval.text.vectors import Vectors, embed, load_vectors, save_vectors
from retrieval.workers import HERE, Workers

NAME = "languages"
OWN_LANGUAGE = "en"
"""What the packaged encoder reads."""
LATIN_ENDS = 0x250
"""Letters from this code point on are of another script than Latin."""


def is_foreign(text: str) -> bool:
    """Whether a text holds letters of another script than Latin, so that English is no guess."""
    return any(ord(letter) >= LATIN_ENDS and letter.isalpha() for letter in text)


def second_encoder(config: EncoderConfig, dataset: Dataset) -> str | None:
    """Return the name of the encoder of many languages that a store needs; None for none.

    `auto` takes the packaged one where the first is the packaged English one and some product is
    described in another language.
    """
    if config.multilingual == "none":
        return None
    if config.multilingual != "auto":
        return config.multilingual
    if config.model != "packaged":
        return None
    others = any(_other_texts(product) for product in dataset.catalogue.products)
    return weights.MULTILINGUAL if others else None


def build_languages(
    snapshot: Path,
    dataset: Dataset,
    config: EncoderConfig,
    *,
    device: str = "auto",
    previous: Path | None = None,
    workers: Workers = HERE,
) -> int:
    """Write the vectors of products in other languages, if the store needs them.

    Args:
        snapshot: Directory of the store being built.
        dataset: Products with their translations.
        config: Names the encoders.
        device: Where the encoder runs.
        previous: An older snapshot: vectors of unchanged text by the same model are copied.
        workers: Who encodes.

    Returns:
        How many texts were embedded; 0 where no second encoder is needed.
    """
    name = second_encoder(config, dataset)
    if name is None:
        return 0
    encoder = load_encoder(_named(config, name), device=device, workers=workers)
    rows = [
        (product.product_id, text)
        for product in dataset.catalogue.products
        for text in _other_texts(product) or [document_text(product)]
    ]
    texts = [text for _, text in rows]
    vectors, embedded, _ = embed(texts, NAME, encoder, previous)
    save_vectors(snapshot, NAME, vectors, ids=[i for i, _ in rows], texts=texts, encoder=encoder)
    return embedded


class LanguageIndex:
    """Vectors of products in other languages; the encoder loads at the first such query."""

    def __init__(
        self, vectors: Vectors, rows: NDArray[np.int64], n: int, config: EncoderConfig, device: str
    ) -> None:
        self._vectors = vectors
        self._rows = rows
        self._n = n
        self._config = config
        self._device = device
        self._lock = threading.Lock()
        self._encoder: Encoder | None = None

    @classmethod
    def open(
        cls,
        snapshot: Path,
        dataset: Dataset,
        config: EncoderConfig,
        *,
        device: str = "auto",
    ) -> LanguageIndex | None:
        """Open what `build_languages` wrote; None where the store has no such vectors.

        Raises:
            StoreError: If they are damaged, or made by other weights than are here.
            ModelError: If the weights are not here.
        """
        if not (snapshot / "vectors" / f"{NAME}.json").is_file():
            return None
        vectors, record = load_vectors(snapshot, NAME)
        catalogue: Catalogue = dataset.catalogue
        rows = catalogue.rows(record.ids)
        if len(rows) != len(record.ids):
            raise StoreError(f"{snapshot}: languages and products differ; build the store again")
        named = _named(config, second_encoder(config, dataset) or weights.MULTILINGUAL)
        folder = weights.resolve(named.model, kind="encoder", revision=named.revision)
        if weights.model_hash(folder) != record.model_hash:
            raise StoreError(
                f"{snapshot}: the vectors of other languages were made by another model than "
                f"{named.model}; build the store again"
            )
        return cls(vectors, np.asarray(rows, np.int64), len(catalogue), named, device)

    @property
    def encoder(self) -> Encoder:
        """The encoder of many languages, loaded once."""
        with self._lock:
            if self._encoder is None:
                self._encoder = load_encoder(self._config, device=self._device)
            return self._encoder

    def similarities(self, text: str) -> NDArray[np.float32]:
        """Return the cosine of a query with each product's nearest text: shape (n_products,)."""
        vector = self.encoder.encode([text], role="query")[0]
        found = np.full(self._n, -1.0, np.float32)
        np.maximum.at(found, self._rows, np.round(self._vectors @ vector, 6))
        return found


def relative(similarities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return similarities as 0 (the mean of all products, or less) to 1 (the nearest).

    Encoders differ in what a cosine means: unrelated texts have 0.0 with one and 0.75 with another.
    Relative to its own mean every encoder speaks on one scale.
    """
    if not len(similarities):
        return similarities
    usual, best = float(similarities.mean()), float(similarities.max())
    if best - usual < 1e-6:
        return np.zeros_like(similarities)
    found = np.asarray(similarities - usual, np.float32)  # from here on in place
    found /= best - usual
    return np.round(np.maximum(found, 0.0, out=found), 6, out=found)


def _other_texts(product: Product) -> list[str]:
    """Return what is said of a product in other languages than English."""
    texts = [_translated(other) for other in _others(product)]
    if (product.language or OWN_LANGUAGE).split("-")[0] != OWN_LANGUAGE:
        texts.append(document_text(product))
    return [text for text in texts if text]


def _others(product: Product) -> Iterator[dict[str, object]]:
    for language, translation in product.translations.items():
        if language.split("-")[0] != OWN_LANGUAGE:
            yield dict(translation)


def _translated(other: dict[str, object]) -> str:
    """Return title, category, attributes and description of a translation, as `document_text`."""
    category, attributes = other.get("category"), other.get("attributes")
    parts = [
        str(other.get("title") or ""),
        " > ".join(map(str, category)) if isinstance(category, list) else "",
        "; ".join(map(str, attributes.values())) if isinstance(attributes, dict) else "",
        str(other.get("description") or ""),
    ]
    return ". ".join(part.strip().rstrip(".") for part in parts if part.strip())


def _named(config: EncoderConfig, name: str) -> EncoderConfig:
    """Return the settings of the second encoder."""
    return config.model_copy(update={"model": name, "revision": None})
