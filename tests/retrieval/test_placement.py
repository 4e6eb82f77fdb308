"""The shop's own interest in the order: off, told where it moved something, never past a wish."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from retrieval.config import CommercialConfig
from retrieval.filters import broken
from retrieval.pipeline import Recommender
from retrieval.query import Constraints, Query
from retrieval.store import Store

QUERIES = (
    {"text": "tent"}, {"text": "light mat"}, {"anchors": ("tent-duo",), "offer_kind": "cross_sell"},
    {"anchors": ("mat-foam",), "offer_kind": "similar"}, {"basket": ("tent-duo",)}, {},
)  # fmt: skip


@pytest.fixture(scope="module")
def store(tiny_store):
    opened = Store.open(tiny_store, device="cpu")
    yield opened
    opened.close()


def with_interest(store, **settings):
    """The same shop with commercial settings."""
    ranking = store.config.ranking.model_copy(update={"commercial": CommercialConfig(**settings)})
    return Recommender(replace(store, config=store.config.model_copy(update={"ranking": ranking})))


def slate(recommender, fields, **more):
    query = Query(query_id="q", k=5, **fields, **more)
    return recommender.recommend(query)


def as_text(found):
    return json.dumps(
        [[s.as_json() for s in found.suggestions], [e.as_json() for e in found.evidence.values()]]
    )


def ids(found):
    return [s.product_id for s in found.suggestions]


@pytest.mark.parametrize("fields", QUERIES)
def test_it_is_off_and_boosts_of_nothing_change_no_byte(store, fields):
    plain = as_text(slate(Recommender(store), fields))
    assert plain == as_text(slate(with_interest(store, sponsored_boost=1.0), fields))
    unknown = with_interest(store, sponsored=("no-such-product",), sponsored_boost=1.0)
    assert plain == as_text(slate(unknown, fields))
    assert "placement" not in plain
    assert "commercial" not in plain


@pytest.mark.parametrize("fields", QUERIES)
def test_exactly_what_moved_up_is_told(store, fields):
    before = ids(slate(Recommender(store), fields))
    for product_id in before[1:]:
        found = slate(with_interest(store, sponsored=(product_id,), sponsored_boost=1.0), fields)
        told = [
            s.product_id for s in found.suggestions if f"placement:{s.product_id}" in s.evidence_ids
        ]
        moved = ids(found).index(product_id) < before.index(product_id)
        assert told == ([product_id] if moved else [])
        part = next(s for s in found.suggestions if s.product_id == product_id).score_parts
        assert part["commercial"] > 0
    first = slate(with_interest(store, sponsored=(before[0],), sponsored_boost=1.0), fields)
    assert not any(i.startswith("placement") for i in first.evidence)


def test_it_never_brings_in_what_breaks_a_wish(store):
    recommender = with_interest(store, sponsored=("tent-quartet",), sponsored_boost=1.0)
    constraints = Constraints(price_max=Decimal(150))
    found = slate(recommender, {"text": "tent"}, constraints=constraints)
    assert "tent-quartet" not in ids(found)
    assert not any(broken(store.catalogue, constraints, store.catalogue.row(i)) for i in ids(found))


def test_the_margin_itself_is_in_no_record_and_why_names_the_interest(store):
    recommender = with_interest(store, margin_boost=1.0)
    query = Query(query_id="q", k=5, text="gas cartridge stove tent")
    found = recommender.recommend(query)
    told = [s for s in found.suggestions if f"placement:{s.product_id}" in s.evidence_ids]
    assert told
    why = recommender.why(query, told[0].product_id)
    assert any(p.source == "commercial" and p.facts[0].kind == "placement" for p in why.parts)
    best = max(s.score - s.score_parts.get("commercial", 0) for s in found.suggestions)
    for suggestion in told:
        margin = store.catalogue[suggestion.product_id].margin
        assert found.evidence[f"placement:{suggestion.product_id}"].data == {"reason": "interest"}
        assert suggestion.score_parts["commercial"] != pytest.approx(margin * best)
        assert recommender.records.resolve(f"placement:{suggestion.product_id}") is not None
