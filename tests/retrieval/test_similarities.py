"""Cosines of some rows, and of several vectors at once."""

import numpy as np
import pytest

from retrieval.text.index import MANY, VectorIndex


@pytest.fixture
def index():
    """Return an index of 80 drawn unit vectors, without Chroma."""
    vectors = np.random.default_rng(0).standard_normal((80, 6)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return VectorIndex(vectors, [str(i) for i in range(80)], None)


def test_asked_for_few_rows_the_others_are_zero(index):
    rows = np.array([3, 40, 79])
    full = index.similarities(index.vectors[5])
    found = index.similarities(index.vectors[5], rows)
    np.testing.assert_allclose(found[rows], full[rows], atol=1e-6)
    assert np.count_nonzero(found) == len(rows)


def test_asked_for_many_rows_all_are_read(index):
    rows = np.arange(int(MANY * 80) + 1)
    full = index.similarities(index.vectors[5])
    np.testing.assert_array_equal(index.similarities(index.vectors[5], rows), full)


def test_several_vectors_give_the_likeness_to_the_nearest(index):
    asked = index.vectors[[1, 2, 3]]
    each = np.max([index.similarities(vector) for vector in asked], axis=0)
    np.testing.assert_allclose(index.similarities(asked), each, atol=1e-6)
    rows = np.array([2, 9])
    np.testing.assert_allclose(index.similarities(asked, rows)[rows], each[rows], atol=1e-6)
