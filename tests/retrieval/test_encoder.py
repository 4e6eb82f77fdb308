"""The encoder around a real, tiny sentence-transformers model."""

import threading

import numpy as np
import pytest

from retrieval.config import EncoderConfig
from retrieval.errors import ModelError
from retrieval.text.encoder import load_encoder
from retrieval.text.hardware import limit_threads

TEXTS = ["a light tent", "a warm mat", "tent for two people", "a light tent"]


@pytest.fixture(scope="module")
def encoder(tiny_encoder_dir):
    return load_encoder(EncoderConfig(model=str(tiny_encoder_dir), batch_size=2), device="cpu")


def test_vectors_are_unit_float32_in_the_order_of_the_texts(encoder):
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (4, encoder.dimension)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(4), abs=1e-5)
    assert vectors[0] == pytest.approx(vectors[3])
    for row, text in enumerate(TEXTS):
        assert encoder.encode([text])[0] == pytest.approx(vectors[row], abs=2e-2)


def test_no_texts_give_no_rows(encoder):
    assert encoder.encode([]).shape == (0, encoder.dimension)


def test_one_string_is_refused_because_it_is_not_a_list(encoder):
    with pytest.raises(TypeError, match="sequence of strings"):
        encoder.encode("tent")


def test_a_cached_query_cannot_be_changed_by_who_got_it(encoder):
    first = encoder.encode(["warm mat"], role="query")
    first[:] = 0
    assert np.linalg.norm(encoder.encode(["warm mat"], role="query")) == pytest.approx(1, abs=1e-5)


def test_hash_is_of_the_files(encoder, tiny_encoder_dir):
    again = load_encoder(EncoderConfig(model=str(tiny_encoder_dir)), device="cpu")
    assert again.model_hash == encoder.model_hash
    assert len(encoder.model_hash) == 64
    assert encoder.model_id == str(tiny_encoder_dir)
    assert encoder.precision in {"float32", "bfloat16"}


def test_several_threads_get_what_one_gets(encoder):
    alone = {text: encoder.encode([text]) for text in TEXTS}
    wrong = []

    def ask(text):
        for _ in range(20):
            if not np.array_equal(encoder.encode([text]), alone[text]):
                wrong.append(text)

    threads = [threading.Thread(target=ask, args=(text,)) for text in TEXTS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_model_called_e5_gets_its_prefixes(tiny_encoder_dir, tmp_path):
    folder = tmp_path / "multilingual-e5-small"
    folder.symlink_to(tiny_encoder_dir)
    e5 = load_encoder(EncoderConfig(model=str(folder)), device="cpu")
    assert e5._prefixes == {"query": "query: ", "passage": "passage: "}


def test_unknown_device_and_absent_cuda_are_named(tiny_encoder_dir):
    import torch

    config = EncoderConfig(model=str(tiny_encoder_dir))
    with pytest.raises(ModelError, match="`tpu` is no device"):
        load_encoder(config, device="tpu")
    if not torch.cuda.is_available():
        with pytest.raises(ModelError, match="sees no GPU"):
            load_encoder(config, device="cuda")


def test_a_directory_without_safetensors_is_refused(tmp_path):
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(ModelError, match=r"holds no \.safetensors"):
        load_encoder(EncoderConfig(model=str(tmp_path)))


def test_threads_must_be_a_positive_number(monkeypatch):
    monkeypatch.setenv("WHYCART_THREADS", "many")
    with pytest.raises(ModelError, match="at least 1, got 'many'"):
        limit_threads()
