"""The page on data formats names every field that the code knows."""

import re
from pathlib import Path

import pytest

from retrieval.config import (
    BehaviourConfig,
    DiversityConfig,
    EncoderConfig,
    LearningConfig,
    RankingConfig,
    SearchConfig,
    ShopConfig,
    StoreConfig,
)
from retrieval.data.schemas import EventRecord, OfferRecord, ProductRecord, ReviewRecord
from retrieval.query import Constraints, Query

TEXT = (Path(__file__).parents[2] / "docs" / "data-formats.md").read_text("utf-8")
CODE = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL))
NAMED = {part for code in CODE for part in re.split(r"[^a-z_]+", code)}


@pytest.mark.parametrize(
    "model",
    [
        ProductRecord, ReviewRecord, EventRecord, OfferRecord, Query, Constraints, StoreConfig,
        ShopConfig, EncoderConfig, BehaviourConfig, RankingConfig,
        DiversityConfig, LearningConfig, SearchConfig,
    ],
)  # fmt: skip
def test_every_field_is_documented(model):
    assert set(model.model_fields) - NAMED == set()


@pytest.mark.parametrize("model", [ProductRecord, ReviewRecord, EventRecord, OfferRecord])
def test_required_fields_are_bold(model):
    required = {name for name, field in model.model_fields.items() if field.is_required()}
    assert required <= set(re.findall(r"\*\*`(\w+)`\*\*", TEXT))
