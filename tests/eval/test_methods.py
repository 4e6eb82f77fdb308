"""The table of methods: trained networks are asked of histories alone."""

import numpy as np

from eval.data.base import History, NextTask
from eval.methods import NETWORKS, methods, networks
from eval.ours import interactions_of
from retrieval.behaviour.base import Context
from retrieval.data.dataset import Product


def task_of(*, is_basket):
    products = [Product(product_id=f"p{i}", title=f"p{i}") for i in range(4)]
    return NextTask(
        name="tiny", split="none", data_hash="0", products=products, is_basket=is_basket
    )


def test_networks_learn_from_histories_and_not_from_baskets():
    vectors = np.eye(4, dtype=np.float32)
    assert networks(task_of(is_basket=True), vectors) == []
    found = networks(task_of(is_basket=False), vectors)
    assert tuple(source.name for source in found) == NETWORKS
    log = interactions_of([History(rows=(0, 1, 2))] * 3, 4)
    attention = found[0].make(dropout=0.3, dim=8, epochs=1).fit(log)
    scores = attention.score(Context(history=np.array([0])))
    assert scores.shape == (4,)
    assert scores.any()


def test_networks_run_only_where_they_are_named():
    names = {source.name for source in methods(task_of(is_basket=False))}
    assert not names & set(NETWORKS)
