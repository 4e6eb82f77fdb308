"""Settings of a store: what `--config FILE.toml` may say. Every field has a working default."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from retrieval.errors import ConfigError

Direction = Literal["lower", "higher"]


class Settings(BaseModel):
    """Base of all settings: closed and unchanging."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class EncoderConfig(Settings):
    """Which sentence encoder makes the vectors."""

    model: str = "packaged"
    """`packaged` (all-MiniLM-L6-v2 from the package registry), `packaged-multilingual`
    (multilingual-e5-small), a directory, or a hub id."""
    multilingual: str = "auto"
    """A second encoder, for queries in other scripts, over products alone: `auto`
    (`packaged-multilingual` where `model` is `packaged` and products are described in other
    languages than English), `none`, or a name as in `model`."""
    revision: str | None = None
    """Hub ids only: the commit to take."""
    batch_size: Annotated[int, Field(ge=1, le=4096)] = 64
    max_tokens: Annotated[int, Field(ge=8, le=8192)] = 256


class SearchConfig(Settings):
    """Reading the best candidates of a search again, together with the words asked."""

    reranker: str | None = None
    """A cross-encoder: a directory or a hub id. None leaves the order as ranked."""
    reranker_revision: str | None = None
    """Hub ids only: the commit to take."""
    reranker_depth: Annotated[int, Field(ge=1, le=1_000)] = 50
    """So many of the best candidates are read; each costs one pass of the model."""
    reranker_weight: Annotated[float, Field(gt=0)] = 1.0
    """What a full yes adds to the score."""


class ShopConfig(Settings):
    """How the shop presents itself."""

    name: str = "shop"
    title: dict[str, str] = Field(default_factory=lambda: {"en": "Shop", "zh": "商店"})
    simulated: bool = False
    """True puts the notice on every screen that the data are made up."""
    notice: dict[str, str] = Field(default_factory=dict)
    """A line under the header, by language."""
    images: str | None = None
    """Folder of pictures beside the configuration file; copied into the store."""
    starters: dict[str, list[str]] = Field(default_factory=dict)
    """Opening questions on an empty screen, by language."""


class BehaviourConfig(Settings):
    """How behaviour becomes numbers."""

    popularity_half_life_days: Annotated[float, Field(gt=0)] = 30.0
    """After this many days a purchase counts half."""
    min_support: Annotated[int, Field(ge=1)] = 8
    """Pairs seen in fewer baskets or sessions are never spoken of."""
    false_discovery: Annotated[float, Field(gt=0, le=1)] = 0.05
    """Share of false ones to expect among the pairs that complements rest on (Benjamini–Hochberg);
    1 lets every pair seen twice through."""
    damping: Annotated[float, Field(ge=0)] = 5.0
    """Pseudo-baskets added to each product count: 0 is plain lift, more trusts rare pairs less."""
    session_gap_minutes: Annotated[float, Field(gt=0)] = 30.0
    """Events without a session id belong together when closer than this."""
    max_basket: Annotated[int, Field(ge=2)] = 60
    """Larger baskets (resellers, robots) are left out of pair counts."""
    neighbours: Annotated[int, Field(ge=1)] = 100
    """Neighbours kept per product by item-item collaborative filtering."""


class DiversityConfig(Settings):
    """How much relevance is given for variety, and by what it is measured."""

    method: Literal["none", "random", "content", "interest"] = "none"
    """`random` explores among near ties, `content` keeps apart what reads alike, `interest` keeps
    to the shares of categories in the shopper's own history."""
    strength: Annotated[float, Field(ge=0, le=1)] = 0.0
    """0 is the ranking as it is, 1 variety alone."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Of `random`; another seed gives another order."""


class CommercialConfig(Settings):
    """The shop's own interest in the order; shoppers are told where it moved a product. Off."""

    sponsored: tuple[str, ...] = ()
    """Ids of products that somebody pays for."""
    sponsored_boost: Annotated[float, Field(ge=0, le=1)] = 0.2
    """Added to the score of sponsored ones, as a share of the best score: 1 overtakes most."""
    margin_boost: Annotated[float, Field(ge=0, le=1)] = 0.0
    """The same for products in the upper quarter of the catalogue's margins; 0 is off."""


class RankingConfig(Settings):
    """Weights of the sources, by what is asked. Scores of a source are scaled to 0..1 first.

    `lexical` takes the query's words; a basket or a history without words lends its titles. For
    cross-sell without words neither counts: likeness is no sign of a complement. `basket` and
    `next_product` were chosen on validation cases (eval/RESULTS.md).
    """

    search: dict[str, float] = Field(
        default_factory=lambda: {
            "lexical": 1.0,
            "semantic": 0.5,
            "popularity": 0.05,
            "profile": 0.05,
        }
    )
    similar: dict[str, float] = Field(
        default_factory=lambda: {
            "semantic": 1.0,
            "lexical": 0.3,
            "co_view": 0.6,
            "item_cf": 0.2,
            "popularity": 0.05,
        }
    )
    cross_sell: dict[str, float] = Field(
        default_factory=lambda: {
            "association": 1.5, "category_association": 0.5, "compatibility": 0.4, "item_cf": 0.2,
            "popularity": 0.1, "lexical": 0.3, "semantic": 0.3, "profile": 0.1,
        }
    )  # fmt: skip
    basket: dict[str, float] = Field(
        default_factory=lambda: {
            "association": 1.0, "item_cf": 0.4, "semantic": 0.4, "lexical": 0.4,
            "category_association": 0.1, "profile": 0.05, "popularity": 0.02,
        }
    )  # fmt: skip
    next_product: dict[str, float] = Field(
        default_factory=lambda: {
            "semantic": 1.0, "sequence": 0.4, "lexical": 0.3, "item_cf": 0.2, "popularity": 0.1,
            "profile": 0.05,
        }
    )  # fmt: skip
    candidates_per_source: Annotated[int, Field(ge=1)] = 200
    max_per_leaf: Annotated[int, Field(ge=1)] = 2
    """Cross-sell: at most this many of one leaf category in a slate."""
    diversity: DiversityConfig = DiversityConfig()
    commercial: CommercialConfig = CommercialConfig()


class LearningConfig(Settings):
    """What a build learns from the shop's own past."""

    enabled: bool = True
    """False keeps the weights of `[ranking]` and the scorers' settings as they are."""
    max_questions: Annotated[int, Field(ge=100, le=20_000)] = 1_200
    """Questions made of the latest part of the log, for each task."""
    self_attention: bool = False
    """True tries the self-attention model too: minutes of training (beauty, 22,363 histories: 4 of
    CPU, twice) for 0.006 more nDCG@10 of the blend there, and nothing on smaller logs."""


class StoreConfig(Settings):
    """Everything that shapes a store."""

    currency: str | None = None
    """ISO 4217. None takes the currency most rows state; rows in another are rejected."""
    shop: ShopConfig = ShopConfig()
    encoder: EncoderConfig = EncoderConfig()
    behaviour: BehaviourConfig = BehaviourConfig()
    search: SearchConfig = SearchConfig()
    ranking: RankingConfig = RankingConfig()
    learning: LearningConfig = LearningConfig()
    directions: dict[str, Direction] = Field(default_factory=dict)
    """Attribute name to which way is better; unlisted ones are only named as different."""
    labels: dict[str, dict[str, str]] = Field(default_factory=dict)
    """Language to (attribute name to its label)."""


def load_config(path: Path | None) -> StoreConfig:
    """Read a TOML file; None gives the defaults.

    Raises:
        ConfigError: Naming the file, the field and its value.
    """
    if path is None:
        return StoreConfig()
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as TOML ({error}); fix the file") from error
    try:
        return StoreConfig.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            f"{path}: `{field}` {first['msg'].lower()}, got {str(first['input'])[:80]!r}; "
            "see docs/data-formats.md for the settings"
        ) from error
