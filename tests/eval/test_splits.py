"""Splits must not leak: what is asked is never learned from."""

import zlib
from itertools import pairwise

import polars as pl
import pytest

from eval.data.base import data_dir as resolve
from eval.data.beauty import load_beauty, load_bought_together
from eval.data.bundles import load_bundles, parse_path, part_of_session
from eval.data.epqa import load_epqa
from eval.data.household import cross_department, load_household
from eval.data.icecat import load_icecat
from eval.data.office import _merge, load_office
from retrieval.errors import DataError


def test_office_learns_nothing_from_test_histories(data_dir):
    # Test shoppers are others than valid ones here: had a test history been learned from, the
    # learned sequences would hold more transitions than the valid rows have.
    task = load_office(data_dir)
    valid = pl.read_parquet(data_dir / "office" / "Office_Products_valid.parquet")
    stated = set()
    for row in valid.iter_rows(named=True):
        whole = [*row["history_item_id"], row["item_id"]]
        stated |= set(pairwise(whole))
    learned = {p for h in task.fit for p in pairwise(h.rows)}
    assert learned <= stated
    assert len(task.fit) == valid["user_id"].n_unique()


def test_office_tunes_on_shoppers_it_has_not_learned_from(data_dir):
    task = load_office(data_dir)
    valid = pl.read_parquet(data_dir / "office" / "Office_Products_valid.parquet")
    held = {u for u in valid["user_id"] if zlib.crc32(u.encode()) % 5 == 0}
    assert len(task.tune_fit) == valid["user_id"].n_unique() - len(held)
    assert len(task.tune_cases) == valid.filter(pl.col("user_id").is_in(list(held))).height


def test_overlapping_rows_of_one_shopper_are_joined_once():
    assert _merge([1, 2, 3], [2, 3, 4]) == [1, 2, 3, 4]
    assert _merge([], [1, 2]) == [1, 2]
    assert _merge([1, 2], [7]) == [1, 2, 7]


def test_beauty_hides_the_last_product_and_tunes_on_the_one_before(data_dir):
    task = load_beauty(data_dir)
    for fit, tune, case in zip(task.fit, task.tune_fit, task.test_cases, strict=True):
        assert fit.rows == case.context
        assert tune.rows == case.context[:-1]
    tuned = {case.query_id: case.target for case in task.tune_cases}
    assert tuned == {f"v{i}": h.rows[-1] for i, h in enumerate(task.fit)}


def test_beauty_bought_together_keeps_known_products_only(data_dir):
    assert load_bought_together(data_dir)["B000"] == {"B001": 1}


@pytest.mark.parametrize("fold", range(5))
def test_bundles_of_one_session_stay_in_one_part(data_dir, fold):
    parts = [part_of_session(str(session), fold) for session in range(30)]
    assert {"train", "tune", "test"} == set(parts)
    task = load_bundles(data_dir, "electronic", fold=fold)
    asked = {int(case.query_id[1:]) // 2 for case in task.test_cases}  # two bundles a session
    tuned = {int(case.query_id[1:]) // 2 for case in task.tune_cases}
    assert not asked & tuned
    n_learned = sum(2 for part in parts if part != "test")
    assert len(task.fit) == n_learned
    assert len(task.tune_fit) == sum(2 for part in parts if part == "train")


def test_every_session_is_tested_in_exactly_one_fold():
    for session in map(str, range(50)):
        assert [part_of_session(session, fold) for fold in range(5)].count("test") == 1


def test_the_groups_say_whether_the_hidden_product_was_seen(data_dir):
    task = load_bundles(data_dir, "food")
    seen = {row for history in task.fit for row in history.rows}
    for case in task.test_cases:
        assert case.group == ("seen" if case.target in seen else "new")
        assert case.target not in case.context


def test_household_learns_before_it_asks_and_never_reads_the_last_weeks(data_dir):
    task = load_household(data_dir)
    assert max(h.order for h in task.tune_fit) <= 32
    assert max(h.order for h in task.fit) <= 36
    week = {1_000 + basket: basket // 8 + 1 for basket in range(400)}
    assert {week[int(case.query_id[1:])] for case in task.tune_cases} <= set(range(33, 37))
    assert {week[int(case.query_id[1:])] for case in task.test_cases} <= set(range(37, 45))


def test_household_leaves_out_what_is_no_goods(data_dir):
    departments = {product.category[0] for product in load_household(data_dir).products}
    assert not departments & {"FUEL", "MISCELLANEOUS"}


def test_cross_department_cases_are_alone_in_their_department(data_dir):
    task = cross_department(load_household(data_dir))
    assert task.test_cases
    for case in task.test_cases:
        assert task.blocks[case.target] not in {task.blocks[row] for row in case.context}


def test_icecat_keeps_queries_with_a_positive_and_lines_with_odd_separators(data_dir):
    task = load_icecat(data_dir)
    assert "nothing good" not in task.queries.values()
    assert len(task.documents) == 40
    assert task.documents["0"].split("\n")[1] == "a red one"


def test_epqa_keeps_answerable_questions(data_dir):
    task = load_epqa(data_dir)
    assert "q0" not in task.queries
    assert all(sum(judged.values()) == 1 for judged in task.qrels.values())


def test_a_category_that_looks_like_json_is_read():
    assert parse_path("[[Electronics,Computers & Accessories],[Other]]") == (
        "Electronics",
        "Computers & Accessories",
    )


def test_an_absent_folder_is_named_with_the_way_out(tmp_path, monkeypatch):
    with pytest.raises(DataError, match="--data DIR"):
        resolve(tmp_path / "nowhere")
    monkeypatch.setenv("WHYCART_DATA", str(tmp_path))
    assert resolve() == tmp_path
    with pytest.raises(DataError, match=r"epqa_dev\.parquet: the file is missing"):
        load_epqa(tmp_path)
