import pytest

from eval.runs import read_qrels, read_run, write_qrels, write_run
from retrieval.errors import DataError


@pytest.mark.parametrize("name", ["ours.run", "ours.run.gz"])
def test_a_run_comes_back_as_it_was_written(tmp_path, name):
    run = {"q1": {"p-1": 2.5, "p-2": 2.5, "p-3": -1.0}, "q2": {"p-9": 0.125}}
    write_run(run, tmp_path / name, system="ours")
    assert read_run(tmp_path / name) == run


def test_a_run_is_written_best_first_with_ties_by_id(tmp_path):
    write_run({"q": {"b": 1.0, "a": 1.0, "c": 2.0}}, tmp_path / "run", system="s")
    lines = (tmp_path / "run").read_text().splitlines()
    assert [line.split()[2:4] for line in lines] == [["c", "1"], ["a", "2"], ["b", "3"]]


def test_qrels_come_back_as_they_were_written(tmp_path):
    qrels = {"q1": {"p-1": 3, "p-2": 0}}
    write_qrels(qrels, tmp_path / "qrels.txt")
    assert read_qrels(tmp_path / "qrels.txt") == qrels


def test_an_id_with_white_space_is_refused_by_name(tmp_path):
    with pytest.raises(DataError, match="'red box'"):
        write_run({"q": {"red box": 1.0}}, tmp_path / "run", system="s")


def test_a_broken_line_is_named(tmp_path):
    (tmp_path / "run").write_text("q Q0 a 1 0.5 s\nq Q0 a one\n")
    with pytest.raises(DataError, match="run:2"):
        read_run(tmp_path / "run")
    (tmp_path / "qrels").write_text("q 0 a\n")
    with pytest.raises(DataError, match="qrels:1"):
        read_qrels(tmp_path / "qrels")
