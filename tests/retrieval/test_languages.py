"""A second encoder for what is written in other scripts."""

import json

import numpy as np
import pytest

from retrieval.config import EncoderConfig
from retrieval.data.dataset import Dataset
from retrieval.errors import StoreError
from retrieval.text import weights
from retrieval.text.languages import (
    NAME,
    LanguageIndex,
    build_languages,
    is_foreign,
    relative,
    second_encoder,
)


def shop(translated=True):
    zh = {"zh": {"title": "双人帐篷", "category": ["露营"], "attributes": {"colour": "绿"}}}
    products = [
        {"product_id": "a", "title": "tent", "translations": json.dumps(zh if translated else {})},
        {"product_id": "b", "title": "mat", "translations": "{}"},
    ]
    return Dataset.of(products=products)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("tent", False), ("café à la crème", False), ("2人", True), ("палатка", True), ("“!”", False)],
)
def test_another_script_is_told_from_accents_and_signs(text, expected):
    assert is_foreign(text) is expected


def test_only_a_shop_with_other_languages_needs_a_second_encoder():
    packaged = EncoderConfig()
    assert second_encoder(packaged, shop()) == weights.MULTILINGUAL
    assert second_encoder(packaged, shop(translated=False)) is None
    assert second_encoder(EncoderConfig(model="org/own"), shop()) is None
    assert second_encoder(EncoderConfig(multilingual="none"), shop()) is None
    assert second_encoder(EncoderConfig(multilingual="org/x"), shop(False)) == "org/x"


def test_likeness_is_told_from_the_mean_to_the_best():
    # mean 0.75, best 0.85: 0.80 is half way; what is below the mean is 0
    found = relative(np.array([0.85, 0.80, 0.70, 0.65], np.float32))
    assert found == pytest.approx([1.0, 0.5, 0.0, 0.0], abs=1e-5)
    assert relative(np.full(3, 0.4, np.float32)).tolist() == [0, 0, 0]
    assert relative(np.zeros(0, np.float32)).shape == (0,)


@pytest.fixture
def built(tmp_path, tiny_encoder_dir):
    config = EncoderConfig(multilingual=str(tiny_encoder_dir), model="org/own")
    assert build_languages(tmp_path, shop(), config, device="cpu") == 2
    return tmp_path, config


def test_each_product_has_its_translation_or_else_its_own_text(built):
    folder, config = built
    index = LanguageIndex.open(folder, shop(), config, device="cpu")
    same = index.encoder.encode(["双人帐篷. 露营. 绿"])[0] @ index.encoder.encode(["露营"])[0]
    found = index.similarities("露营")
    assert found.shape == (2,)
    assert found[0] == pytest.approx(same, abs=2e-2)
    assert index.similarities("mat")[1] == pytest.approx(1.0, abs=2e-2)


def test_unchanged_texts_are_copied_from_the_snapshot_before(built, tmp_path):
    folder, config = built
    assert build_languages(tmp_path / "next", shop(), config, device="cpu", previous=folder) == 0


def test_a_shop_without_such_vectors_has_no_such_index(tmp_path):
    assert LanguageIndex.open(tmp_path, shop(), EncoderConfig()) is None
    assert build_languages(tmp_path, shop(False), EncoderConfig()) == 0


def test_other_weights_than_at_building_are_noticed(built):
    folder, config = built
    path = folder / "vectors" / f"{NAME}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model_hash": "0" * 64}))
    with pytest.raises(StoreError, match="made by another model"):
        LanguageIndex.open(folder, shop(), config)
