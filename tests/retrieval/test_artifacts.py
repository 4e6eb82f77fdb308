"""Snapshots, the swap, the lock, the manifest and content hashes."""

import json
import os
import shutil
import subprocess
import sys
import textwrap

import polars as pl
import pytest

from retrieval.artifacts import (
    BuildNote,
    Manifest,
    ModelNote,
    hash_dataset,
    hash_folder,
    hash_frame,
    hash_store,
    is_store,
    load_manifest,
    open_snapshot,
    snapshots_folder,
    writing,
)
from retrieval.config import EncoderConfig, SearchConfig, StoreConfig
from retrieval.data.dataset import Dataset
from retrieval.errors import StoreError


def manifest(text="one"):
    return Manifest(
        shop=text,
        currency="EUR",
        store_hash="0" * 64,
        hashes={},
        config=StoreConfig(),
        build=BuildNote(built_at="2026-01-01T00:00:00+00:00"),
    )


def put(store, text, **rest):
    """Commit a snapshot whose manifest says `text`."""
    with writing(store) as writer:
        manifest(text).save(writer.snapshot)
        return writer.commit(tag=text, **rest)


def says(store):
    return load_manifest(open_snapshot(store)).shop


def names(store):
    return sorted(path.name for path in snapshots_folder(store).iterdir())


@pytest.fixture
def store(tmp_path):
    return tmp_path / "shop"


def test_store_is_a_relative_link_that_moves_with_its_folder(tmp_path, store):
    put(store, "one")
    assert store.is_symlink()
    assert str(store.readlink()) == ".shop.snapshots/000001-one"
    (tmp_path / "elsewhere").mkdir()
    for path in (store, snapshots_folder(store)):
        shutil.move(path, tmp_path / "elsewhere" / path.name)
    assert says(tmp_path / "elsewhere" / "shop") == "one"


def test_reader_keeps_the_snapshot_that_it_opened(store):
    put(store, "one")
    reader = open_snapshot(store)
    put(store, "two")
    assert says(store) == "two"
    assert load_manifest(reader).shop == "one"
    assert open_snapshot(reader) == reader


def test_previous_snapshot_stays_and_older_ones_go_with_the_next_build(store):
    for text in ("one", "two", "three"):
        put(store, text)
    assert names(store) == ["000001-one", "000002-two", "000003-three", "lock"]
    put(store, "four")
    assert names(store) == ["000002-two", "000003-three", "000004-four", "lock"]


def test_erasing_commit_removes_all_others_at_once(store):
    put(store, "one")
    put(store, "two")
    put(store, "three", erase=True)
    assert names(store) == ["000003-three", "lock"]


def test_half_built_leftovers_go_with_the_next_build(store):
    put(store, "one")
    for leftover in ("000002.partial", "000007-never-linked", "link"):
        (snapshots_folder(store) / leftover).mkdir()
    put(store, "two")
    assert names(store) == ["000001-one", "000002-two", "lock"]


def test_build_that_raises_leaves_the_store_as_it_was(store):
    put(store, "one")

    def fail():
        with writing(store) as writer:
            (writer.snapshot / "half").write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert says(store) == "one"
    assert names(store) == ["000001-one", "lock"]


def test_empty_folder_is_replaced(store):
    store.mkdir()
    put(store, "one")
    assert store.is_symlink()


def test_copied_store_is_taken_in_as_a_snapshot(tmp_path, store):
    put(tmp_path / "original", "one")
    shutil.copytree(open_snapshot(tmp_path / "original"), store)
    assert says(store) == "one"
    put(store, "two")
    assert says(store) == "two"
    assert names(store) == ["000001-adopted", "000002-two", "lock"]


def test_crash_while_a_copied_store_is_taken_in_loses_nothing(tmp_path, store):
    put(tmp_path / "original", "one")
    snapshots_folder(store).mkdir()
    # the folder was moved, the link not yet made
    shutil.copytree(
        open_snapshot(tmp_path / "original"), snapshots_folder(store) / "000001-adopted"
    )
    assert says(store) == "one"
    put(store, "two")
    assert says(store) == "two"
    assert "000001-adopted" in names(store)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda p: (p.mkdir(), (p / "x").write_text("x")), "is a folder with other things in it"),
        (lambda p: p.write_text("x"), "is a file"),
        (lambda p: p.symlink_to("/tmp"), "is a link to /tmp, not made by a build"),
    ],
)
def test_other_things_in_the_place_are_left_alone(store, make, expected):
    make(store)
    with pytest.raises(StoreError, match=expected), writing(store):
        pass
    assert os.path.lexists(store)
    assert not snapshots_folder(store).exists()


def test_second_writer_is_told_and_a_killed_one_holds_nothing(store):
    code = f"""
        from pathlib import Path
        from retrieval.artifacts import writing
        with writing(Path({str(store)!r})):
            print("held", flush=True)
            input()
    """
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout.readline() == "held\n"
    with pytest.raises(StoreError, match="another process is writing this store"), writing(store):
        pass
    child.kill()
    child.communicate()
    put(store, "one")
    assert names(store) == ["000001-one", "lock"]


def test_store_reached_through_a_linked_folder_is_the_same_store(tmp_path, store):
    put(store, "one")
    (tmp_path / "way").symlink_to(tmp_path)
    put(tmp_path / "way" / "shop", "two")
    assert says(store) == "two"
    assert names(store) == ["000001-one", "000002-two", "lock"]


def test_missing_store_says_how_to_build_one(tmp_path, store):
    with pytest.raises(StoreError, match=r"there is no store; build one with `python -m"):
        open_snapshot(store)
    with pytest.raises(StoreError, match="is no store"):
        open_snapshot(tmp_path)
    assert not is_store(tmp_path)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"format_version": 99}, "has format 99, this version reads 1"),
        ({"format_version": None}, "has format None"),
        ({"currency": 3}, "`currency` input should be a valid string"),
        ({"config": {"currenzy": "EUR"}}, r"`config\.currenzy` extra inputs are not permitted"),
    ],
)
def test_manifest_of_another_kind_is_refused_with_what_to_do(tmp_path, change, expected):
    manifest().save(tmp_path)
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(StoreError, match=expected) as caught:
        load_manifest(tmp_path)
    assert "python -m retrieval.build" in str(caught.value)


def test_torn_manifest_is_refused(tmp_path):
    (tmp_path / "manifest.json").write_text('{"format_version": 1, "sh')
    with pytest.raises(StoreError, match="is no readable manifest"):
        load_manifest(tmp_path)


def test_manifest_reads_back_as_it_was(tmp_path):
    manifest("店").save(tmp_path)
    assert load_manifest(tmp_path) == manifest("店")


# Hashes ----------------------------------------------------------------------------------------


def test_content_hash_is_of_rows_not_of_file_bytes(tmp_path, tiny_dataset):
    folder = tmp_path / "dataset"
    tiny_dataset.save(folder)
    again = hash_dataset(Dataset.load(folder))
    assert again == hash_dataset(tiny_dataset)
    chunked = pl.concat([tiny_dataset.events[:50], tiny_dataset.events[50:]], rechunk=False)
    assert hash_frame(chunked) == again["events"]


def one(values, dtype):
    return hash_frame(pl.DataFrame({"a": pl.Series(values, dtype=dtype)}))


@pytest.mark.parametrize(
    ("left", "right", "dtype"),
    [
        (["ab", "c"], ["a", "bc"], pl.String),
        (["", None], [None, ""], pl.String),
        ([0, None], [None, 0], pl.Int64),
        ([1.0, None], [1.0, 0.0], pl.Float64),
        ([True, None], [True, False], pl.Boolean),
        ([["a"], ["b"]], [["a", "b"], []], pl.List(pl.String)),
        ([[], None], [None, []], pl.List(pl.String)),
        ([[None]], [[""]], pl.List(pl.String)),
        (["a"], ["a", "a"], pl.String),
    ],
)
def test_different_columns_hash_differently(left, right, dtype):
    assert one(left, dtype) != one(right, dtype)
    assert one(left, dtype) == one(list(left), dtype)


def test_column_name_and_type_count():
    assert hash_frame(pl.DataFrame({"a": [1]})) != hash_frame(pl.DataFrame({"b": [1]}))
    assert one([1], pl.Int64) != one([1.0], pl.Float64)


def test_store_hash_is_of_data_settings_and_weights_not_of_where_they_lie():
    def settings(folder):
        return StoreConfig(
            encoder=EncoderConfig(model=f"{folder}/model"),
            search=SearchConfig(reranker=f"{folder}/reranker"),
        )

    def models(**digests):
        return {name: ModelNote(name=name, sha256=digest) for name, digest in digests.items()}

    here, used = settings("/a"), models(encoder="weights")
    base = hash_store({"products": "x"}, here, used)
    assert hash_store({"products": "x"}, settings("/b"), used) == base
    assert hash_store({"products": "y"}, here, used) != base
    assert hash_store({"products": "x"}, here, models(encoder="other")) != base
    assert hash_store({"products": "x"}, here, models(encoder="weights", reranker="r")) != base
    assert hash_store({"products": "x"}, StoreConfig(currency="EUR"), used) != base


def test_folder_hash_is_of_names_and_bytes(tmp_path):
    (tmp_path / "a.svg").write_text("x")
    before = hash_folder(tmp_path)
    assert hash_folder(tmp_path) == before
    (tmp_path / "a.svg").rename(tmp_path / "b.svg")
    assert hash_folder(tmp_path) != before
