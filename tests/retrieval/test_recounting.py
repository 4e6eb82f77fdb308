"""Records worked out again from the raw rows; naive counting keeps the posting lists honest."""

import json
from collections import Counter
from itertools import product as pairs_of

import numpy as np
import polars as pl
import pytest

from eval.simulate.simulation import simulate, write_store
from retrieval.artifacts import load_dataset, load_manifest, open_snapshot
from retrieval.build import build_store
from retrieval.config import StoreConfig
from retrieval.records import Records
from retrieval.recounting.command import Recount, main
from retrieval.recounting.log import COUNTED
from retrieval.store import Store

TENTS = "category=Outdoor > Camping > Tents"


@pytest.fixture(scope="module")
def tiny(tiny_store):
    store = Store.open(tiny_store, device="cpu")
    snapshot = open_snapshot(tiny_store)
    yield Records(store), Recount(load_dataset(snapshot), load_manifest(snapshot).config)
    store.close()


def lines_of(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


# python -m retrieval.evidence


def test_every_kind_is_worked_out_again(tiny_store, capsys):
    ids = [
        "price:tent-quartet", "stock:tent-duo", "rating:tent-duo", "category:tent-duo",
        "attribute:tent-duo:material", "attribute:tent-duo:brand", "quote:r04#0",
        "complaint:mat-air", "popularity:tent-duo", "own_history:ida:mat-foam",
        f"own_history:ida:{TENTS}", "bought_together:tent-duo:mat-foam",
        f"bought_together:{TENTS}:mat-foam", "viewed_together:mat-foam:tent-quartet",
        "compatibility:stove-spark:gas-click", "offer:tents-10:tent-duo",
        "comparison:tent-quartet:tent-duo:weight", "comparison:tent-quartet:tent-duo:rating",
        "difference:tent-quartet:tent-duo", "match:tent-duo:tent:duo",
        "aspect_opinion:tent-duo:waterproofing:praise", "shared_complaint:tent-duo:zips",
        "disagreement:mat-air",
    ]  # fmt: skip
    assert main([str(tiny_store), *ids]) == 0
    lines = lines_of(capsys)
    assert [line["evidence_id"] for line in lines] == ids
    assert all(line["agrees"] and line["found"] == line["said"] for line in lines)
    by_id = {line["evidence_id"]: line for line in lines}
    pair = by_id["bought_together:tent-duo:mat-foam"]["found"]
    assert (pair["count"], pair["n_anchor"], pair["n_other"], pair["n"]) == (6, 9, 6, 20)
    # Wilson, 6 of 9: (2/3 + z²/18 ± z √(2/81 + z²/324)) / (1 + z²/9) with z² = 3.8415
    assert (pair["low"], pair["high"], pair["lift"]) == ("35.4", "87.9", "2.2")
    assert by_id["price:tent-quartet"]["found"]["saving"] == "30.00"
    assert by_id["compatibility:stove-spark:gas-click"]["found"]["works"] is False


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ("count:x", "a `count` record holds for one question and cannot be made again"),
        ("rank:q:tent-duo", "a `rank` record holds for one question"),
        ("prize:tent-duo", "`prize` is no kind of evidence"),
        ("price:nope", "this store has no such record"),
        ("bought_together:tent-duo:gas-screw", "this store has no such record"),
    ],
)
def test_what_cannot_be_made_again_is_refused_in_one_sentence(tiny_store, capsys, wanted, reason):
    assert main([str(tiny_store), wanted]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"{wanted!r}: ")
    assert reason in error
    assert error.count("\n") == 1


def test_counts_that_differ_from_the_log_are_found_out(tiny_files, tiny_config, tmp_path, capsys):
    """The association counts of the log without its last order, beside the whole log."""
    store = tmp_path / "store"
    build_store(**tiny_files, out=store, config=tiny_config, device="cpu", progress=False)
    wanted = "bought_together:tent-duo:mat-foam"
    assert main([str(store), wanted]) == 0
    capsys.readouterr()
    events = open_snapshot(store) / "dataset" / "events.parquet"
    table = pl.read_parquet(events)
    last = table.filter((pl.col("product_id") == "mat-foam") & (pl.col("type") == "purchase"))
    gone = last["event_id"][-1]
    table.filter(pl.col("event_id") != gone).write_parquet(events)
    assert main([str(store), wanted]) == 1
    (line,) = lines_of(capsys)
    assert (line["said"]["count"], line["found"]["count"], line["agrees"]) == (6, 5, False)


def test_a_record_that_says_something_else_does_not_agree(tiny):
    records, recount = tiny
    fact = records.price(records.store.catalogue["tent-duo"])
    assert recount.check(fact.evidence_id, fact)["agrees"]
    dear = fact.__class__(**{f: getattr(fact, f) for f in fact.__slots__} | {
        "data": {**fact.data, "price": "130.00"}})  # fmt: skip
    assert not recount.check(fact.evidence_id, dear)["agrees"]


# ten thousand statistics of the sample store


@pytest.fixture(scope="module")
def sample(tmp_path_factory, tiny_config):
    """The simulated sample store, the smaller one that tests use, with a tiny encoder."""
    folder = tmp_path_factory.mktemp("sample")
    write_store(simulate(seed=7, scale=0.2), folder / "files")
    files = {
        name: next((folder / "files").glob(f"{name}.jsonl*"))
        for name in ("products", "reviews", "events", "offers")
    }
    plain = StoreConfig(encoder=tiny_config.encoder)
    learning = plain.learning.model_copy(update={"enabled": False})
    config = plain.model_copy(update={"learning": learning})
    out = folder / "store"
    build_store(**files, out=out, config=config, device="cpu", progress=False)
    store, snapshot = Store.open(out, device="cpu"), open_snapshot(out)
    yield Records(store), Recount(load_dataset(snapshot), load_manifest(snapshot).config)
    store.close()


def statistics(records, rng, n):
    """Yield `n` behaviour statistics of a store, drawn from all kinds in turn."""
    catalogue, profiles = records.store.catalogue, records.store.behaviour.profiles
    pairs = np.argwhere(~np.eye(len(catalogue), dtype=bool))
    rng.shuffle(pairs)
    shoppers = [profiles.of(i) for i in profiles.shopper_ids]
    own = [(p.shopper_id, int(row)) for p in shoppers for row in p.viewed]
    rng.shuffle(own)
    leaves = list(pairs_of(range(len(catalogue.leaves)), range(len(catalogue))))
    rng.shuffle(leaves)
    products = catalogue.products
    made = {
        "bought_together": (records.bought_together(products[a], products[b]) for a, b in pairs),
        "viewed_together": (records.viewed_together(products[a], products[b]) for a, b in pairs),
        "bought_next": (records.bought_next(products[a], products[b]) for a, b in pairs),
        "of categories": (records.bought_together(int(a), products[b]) for a, b in leaves),
        "popularity": (records.popularity(product) for product in products),
        "own_history": (records.own_history(s, products[int(row)]) for s, row in own),
        "repurchase": (records.repurchase(s, products[int(row)]) for s, row in own),
        "own category": (
            records.own_history(s, int(catalogue.leaf_code[int(row)])) for s, row in own
        ),
    }
    while n and made:
        for name in list(made):
            fact = next((f for f in made[name] if f is not None), None)
            if fact is None:
                del made[name]
            elif n:
                n -= 1
                yield fact


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_ten_thousand_statistics_agree_with_the_raw_events(sample):
    records, recount = sample
    counts, wrong = Counter(), []
    for fact in statistics(records, np.random.default_rng(0), 10_000):
        assert records.resolve(fact.evidence_id) == fact
        line = recount.check(fact.evidence_id, fact)
        counts[fact.kind] += 1
        if not line["agrees"]:
            wrong.append((fact.evidence_id, line["said"], line["found"]))
    assert wrong == []
    assert counts.total() == 10_000
    assert set(counts) == {
        "bought_together", "viewed_together", "bought_next", "popularity", "own_history",
        "repurchase",
    }  # fmt: skip


@pytest.mark.slow
def test_the_posting_lists_agree_with_a_naive_count(sample):
    """Event by event over the whole log, for some pairs: no posting list, no set of groups kept."""
    records, recount = sample
    events = [e for e in recount.log._all if e["type"] in COUNTED]
    limit = records.store.config.behaviour.max_basket
    n_checked = 0
    for fact in statistics(records, np.random.default_rng(1), 400):
        if fact.kind != "bought_together":
            continue
        anchor, other = fact.data["anchor"], fact.data["other"]
        held: dict[object, list[str]] = {}
        for event in events:
            if event["type"] == "purchase":
                held.setdefault(event["order_id"] or event["session_id"], []).append(
                    event["product_id"]
                )
        small = [set(names) for names in held.values() if len(set(names)) <= limit]
        leaf = fact.data["anchor_category"]
        anchors = {anchor} if anchor else set(recount.log.in_category(leaf))
        assert fact.data["n"] == len(small)
        assert fact.data["n_anchor"] == sum(bool(names & anchors) for names in small)
        with_anchor = [names for names in small if names & anchors]
        assert fact.data["count"] == sum(other in names for names in with_anchor)
        n_checked += 1
        if n_checked == 40:
            break
    assert n_checked == 40
