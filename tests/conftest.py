"""What many tests share: the tiny shop, a tiny real encoder, and a store built from both."""

import os
from pathlib import Path

import pytest

from retrieval.config import load_config
from retrieval.data.ingest import ingest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

TINY = Path(__file__).parent / "data" / "tiny_store"
"""Its README works out what is in it."""


@pytest.fixture(scope="session")
def tiny_files():
    """Return the tiny shop's files, as keyword arguments of `ingest` and `build_store`."""
    return {
        "products": TINY / "products.jsonl",
        "reviews": TINY / "reviews.jsonl",
        "events": TINY / "events.csv",
        "offers": TINY / "offers.jsonl",
    }


@pytest.fixture(scope="session")
def tiny_dataset(tiny_files):
    """Return the tiny shop as tables."""
    return ingest(**tiny_files, config=load_config(TINY / "store.toml")).dataset


@pytest.fixture(scope="session")
def tiny_encoder_dir(tmp_path_factory, tiny_dataset):
    """Return the folder of a real sentence encoder of 32 dimensions, made of the tiny shop's words.

    Word vectors are seeded noise: equal words are near each other, nothing else means anything.
    """
    import numpy as np
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    texts = [
        *tiny_dataset.products["title"],
        *tiny_dataset.products["description"],
        *tiny_dataset.products["attributes"],
        *tiny_dataset.reviews["text"],
    ]
    normal, split = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    words = {w for t in texts for w, _ in split.pre_tokenize_str(normal.normalize_str(t))}
    letters = sorted(set("".join(words)))
    # A trainer orders its vocabulary anew in every process; sorted, the vectors stay the same.
    names = ["[UNK]", "[PAD]", *letters, *(f"##{c}" for c in letters), *sorted(words)]
    vocabulary = {name: place for place, name in enumerate(dict.fromkeys(names))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normal
    tokenizer.pre_tokenizer = split
    weights = np.random.default_rng(0).normal(size=(tokenizer.get_vocab_size(), 32))
    module = StaticEmbedding(tokenizer, embedding_weights=weights.astype(np.float32))
    folder = tmp_path_factory.mktemp("encoder")
    SentenceTransformer(modules=[module], device="cpu").save_pretrained(str(folder))
    return folder


@pytest.fixture(scope="session")
def tiny_config(tiny_encoder_dir):
    """Return the tiny shop's settings with the tiny encoder."""
    config = load_config(TINY / "store.toml")
    encoder = config.encoder.model_copy(update={"model": str(tiny_encoder_dir)})
    return config.model_copy(update={"encoder": encoder})


@pytest.fixture(scope="session")
def tiny_store(tmp_path_factory, tiny_files, tiny_config):
    """Return the path of the tiny shop's store, built once. Tests only read it."""
    from retrieval.build import build_store

    out = tmp_path_factory.mktemp("stores") / "tiny"
    build_store(**tiny_files, out=out, config=tiny_config, device="cpu", progress=False)
    return out
