"""Questions made of a log, and what a build learns from them."""

import importlib.util
import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from retrieval.additive import Curve
from retrieval.behaviour.base import PURCHASE, Interactions, day_of
from retrieval.build import build_store
from retrieval.learned import Learned, for_known
from retrieval.pipeline import Recommender
from retrieval.plan import BEHAVIOUR, make_plan, weights_of
from retrieval.query import Query
from retrieval.store import Store
from retrieval.tuning.learn import BEST_OF_SOURCE, OF_THE_REST, _answering, _drawn, learn
from retrieval.tuning.questions import hold_out, past_of
from retrieval.workers import open_workers

PAIRS = [(f"tent{i}", f"pump{i}") for i in range(12)]


def log_of(days, shoppers, baskets):
    n = len(days)
    return Interactions(
        n_products=n,
        shopper_ids=tuple(f"s{i}" for i in range(max(shoppers) + 1)),
        shopper=np.array(shoppers),
        product=np.arange(n),
        type=np.full(n, PURCHASE, np.int8),
        day=np.array(days, float),
        basket=np.array(baskets),
        session=np.array(baskets),
        end_day=float(max(days)),
    )


def test_what_is_learned_from_lies_before_what_is_asked():
    log = log_of(range(100), list(range(100)), list(range(100)))
    past = past_of(log)
    assert 0 < (~past).sum() <= 40
    assert log.day[past].max() < log.day[~past].min()


def test_without_a_common_clock_the_last_baskets_of_some_shoppers_are_hidden():
    days = [step for _ in range(50) for step in range(4)]
    shoppers = [s for s in range(50) for _ in range(4)]
    log = log_of(days, shoppers, list(range(200)))
    hidden = np.flatnonzero(~past_of(log))
    assert len(hidden) == 10
    assert all(log.day[i] == 3 for i in hidden)


@pytest.fixture(scope="module")
def shop(tmp_path_factory, tiny_config):
    """A shop in which each tent is bought with its own pump, and everybody buys the lamp."""
    folder = tmp_path_factory.mktemp("shop")
    rng = random.Random(0)
    products = [
        {"product_id": name, "title": f"{name} of cloth", "category": ["Camp", name[:4]]}
        for pair in PAIRS
        for name in pair
    ] + [{"product_id": "lamp", "title": "lamp", "category": ["Camp", "lamp"]}]
    events = []
    for basket in range(900):
        tent, pump = rng.choice(PAIRS)
        held = [tent, pump] if rng.random() < 0.8 else [tent]
        held += ["lamp"] if rng.random() < 0.5 else []
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=4 * basket)
        events += [
            {
                "event_id": f"{basket}-{product}", "shopper_id": f"s{basket % 200}",
                "order_id": f"o{basket}", "type": "purchase", "at": at.isoformat(),
                "product_id": product,
            }
            for product in held
        ]  # fmt: skip
    for name, rows in (("products", products), ("events", events)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    build_store(
        products=folder / "products.jsonl",
        events=folder / "events.jsonl",
        out=folder / "store",
        config=tiny_config,
        progress=False,
    )
    store = Store.open(folder / "store")
    yield store
    store.close()


def test_questions_hide_what_was_taken(shop):
    held = hold_out(shop.dataset, shop.behaviour.interactions)
    assert len(held.questions["basket"]) > 100
    ids = shop.catalogue.product_ids
    for question in held.questions["basket"]:
        assert ids[question.taken] not in question.query.basket
    for question in held.questions["cross_sell"]:
        leaves = {shop.catalogue[p].category for p in question.query.basket}
        assert shop.catalogue.products[question.taken].category not in leaves
    for question in held.questions["next_product"]:
        shopper = question.query.query_id.removeprefix("next-")
        own = held.past.product[held.past.shopper == int(shopper)]
        assert question.query.history == tuple(ids[r] for r in own[-50:])


def test_shoppers_known_from_before_are_named(shop):
    held = hold_out(shop.dataset, shop.behaviour.interactions)
    known = {held.past.shopper_ids[s] for s in held.past.shopper}
    asked = [q.query.shopper_id for q in held.questions["basket"]]
    assert any(asked)
    assert {s for s in asked if s} <= known


def test_what_is_drawn_stands_for_all_candidates():
    rng = np.random.default_rng(0)
    block = np.zeros((1_000, 2), np.float32)
    block[:30, 0] = np.arange(1, 31)
    counts = _drawn(block, 999, rng)
    assert counts.sum() == pytest.approx(1_000)
    assert (counts[10:30] == 1).all(), "the best of a source stand for themselves"
    assert counts[999] == 1
    assert (counts > 0).sum() == BEST_OF_SOURCE + 1 + OF_THE_REST


def test_a_build_learns_what_its_own_past_shows(shop):
    report = shop.learned.report["tasks"]["basket"]
    assert report["taken"].partition(" ")[0] in ("learned", "sharpened")
    found = report["nDCG@10"][report["taken"]]
    assert found >= report["nDCG@10"]["before"]
    assert found > report["nDCG@10"]["only popularity"]
    assert set(BEHAVIOUR) & set(shop.learned.curves["basket"])


def test_slates_use_the_curves_and_their_parts_add_up(shop):
    slate = Recommender(shop).recommend(Query(query_id="q", basket=("tent3",), k=3))
    first = next(s for s in slate.suggestions[:2] if s.product_id == "pump3")
    assert set(first.score_parts) <= set(shop.learned.curves["basket"])
    assert first.score == pytest.approx(sum(first.score_parts.values()))
    assert all(value > 0 for value in first.score_parts.values())


def test_what_was_learned_survives_saving(shop, tmp_path):
    shop.learned.save(tmp_path)
    assert Learned.load(tmp_path) == shop.learned
    assert Learned.load(tmp_path / "nowhere") == Learned()


def test_only_scorers_that_are_used_are_kept(shop):
    used = {source for curves in shop.learned.curves.values() for source in curves}
    assert {"ease", "basket_ease", "user_knn"} & set(shop.behaviour.scorers) <= used


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(
    importlib.util.find_spec("ray") is None,
    reason="Ray is not installed; `pip install 'whycart[scale]'`",
)
def test_two_workers_learn_what_one_process_learns(shop):
    behaviour, learned = learn(shop)
    with open_workers(2) as workers:
        theirs, found = learn(shop, workers=workers)
    assert learned.curves
    assert found == learned
    assert theirs.settings == behaviour.settings
    assert theirs.scorers.keys() == behaviour.scorers.keys()


def test_scorers_are_asked_at_the_moment_of_the_query(shop):
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    assert make_plan(shop, Query(query_id="q", at=moment)).context.at == day_of(moment)
    assert make_plan(shop, Query(query_id="q")).context.at is None


def test_known_shoppers_have_curves_of_their_own_where_they_were_learned(shop):
    own = {"repurchase": Curve(x=(0.0, 1.0), y=(0.0, 1.0))}
    all_ = {"popularity": Curve(x=(0.0, 1.0), y=(0.0, 1.0))}
    learned = Learned(curves={"basket": all_, for_known("basket"): own})
    store = replace(shop, learned=learned)
    asked = Query(query_id="q", basket=("tent3",), shopper_id="s3")
    assert set(weights_of(store, make_plan(store, asked))) == {"repurchase"}
    quiet = asked.model_copy(update={"personalise": False})
    assert set(weights_of(store, make_plan(store, quiet))) == {"popularity"}
    assert Learned(curves={"basket": all_}).of("basket", is_known=True) == all_


def test_what_many_like_never_outweighs_what_answers_a_wish():
    def line(top):
        return Curve(x=(0.0, 1.0), y=(0.0, top))

    learned = {
        "lexical": line(0.4),
        "semantic": line(0.4),
        "popularity": line(1.0),
        "rating": line(0.6),
    }
    kept = _answering(learned)
    assert kept["lexical"] == learned["lexical"]
    assert kept["popularity"].y[-1] + kept["rating"].y[-1] == pytest.approx(0.2)
    assert kept["popularity"].y[-1] / kept["rating"].y[-1] == pytest.approx(1 / 0.6, abs=1e-4)
    assert _answering(kept) == kept
    assert _answering({"lexical": line(1.0)}) == {"lexical": line(1.0)}
