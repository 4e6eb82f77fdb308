"""The build as a whole: same files same store, nothing half-built is ever seen, erasing erases."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from retrieval.artifacts import (
    hash_dataset,
    load_dataset,
    load_manifest,
    open_snapshot,
    snapshots_folder,
)
from retrieval.build import build_store, erase_shopper, main, scan_for
from retrieval.errors import DataError, StoreError

ROOT = Path(__file__).parents[2]
TINY = ROOT / "tests" / "data" / "tiny_store"


@pytest.fixture(scope="module")
def built(tmp_path_factory, tiny_files, tiny_config):
    """Return a store of the tiny shop that is not shared, and the report of its build."""
    out = tmp_path_factory.mktemp("built") / "shop"
    report = build_store(**tiny_files, out=out, config=tiny_config, device="cpu", progress=False)
    return out, report


@pytest.fixture
def settings(tmp_path, tiny_encoder_dir):
    """Return a settings file that names the tiny encoder relative to itself."""
    shutil.copytree(tiny_encoder_dir, tmp_path / "encoder")
    path = tmp_path / "store.toml"
    text = (TINY / "store.toml").read_text("utf-8")
    path.write_text(text + '\n[encoder]\nmodel = "encoder"\n', "utf-8")
    return path


def command(out, *more):
    files = [f"--{name}={TINY / file}" for name, file in (
        ("products", "products.jsonl"), ("reviews", "reviews.jsonl"),
        ("events", "events.csv"), ("offers", "offers.jsonl"),
    )]  # fmt: skip
    return [*files, f"--out={out}", "--device=cpu", *map(str, more)]


def test_same_files_give_the_same_store(built, tiny_store):
    out, report = built
    one, two = load_manifest(open_snapshot(tiny_store)), load_manifest(open_snapshot(out))
    assert one.store_hash == report["store_hash"]
    assert one.model_copy(update={"build": two.build}) == two


def test_report_counts_and_times_every_stage(built):
    _, report = built
    counts = {n: report[n] for n in ("products", "reviews", "events", "offers", "spans")}
    assert counts == {"products": 12, "reviews": 20, "events": 120, "offers": 4, "spans": 35}
    assert report["rejected"] == 0
    stages = ["read", "spans", "save", "embed", "index", "fit", "learn", "check", "swap", "total"]
    assert list(report["seconds"]) == stages
    assert all(seconds >= 0 for seconds in report["seconds"].values())


def test_manifest_names_model_packages_and_settings(built, tiny_config):
    out, report = built
    found = load_manifest(open_snapshot(out))
    assert (found.shop, found.currency) == ("tiny", "EUR")
    assert found.config == tiny_config
    assert found.hashes == hash_dataset(load_dataset(open_snapshot(out)))
    assert len(found.models["encoder"].sha256) == 64
    assert {"torch", "chromadb", "polars"} <= found.packages.keys()
    assert found.counts["baskets"] == 20
    assert found.store_hash == report["store_hash"]


def test_tiny_store_opens(tiny_store, tiny_dataset):
    assert hash_dataset(load_dataset(open_snapshot(tiny_store))) == hash_dataset(tiny_dataset)


@pytest.mark.slow
def test_command_prints_the_report_as_its_last_line(tmp_path, settings, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(command(tmp_path / "store", "--config", settings)) == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (report["products"], report["rejected"]) == (12, 0)
    snapshot = open_snapshot(tmp_path / "store")
    assert (snapshot / "rejects.jsonl").read_text() == ""
    # nothing new to embed the second time
    assert main(command(tmp_path / "store", "--config", settings)) == 0
    again = load_manifest(open_snapshot(tmp_path / "store"))
    assert again.store_hash == report["store_hash"]
    assert again.build.embedded == 0
    assert open_snapshot(tmp_path / "store") != snapshot


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--out=x"], "the following arguments are required: --products"),
        (["--products=a.jsonl", "--out=x", "--on-error=ask"], "invalid choice: 'ask'"),
        (["--products=a.jsonl", "--out=x", "--unknown"], "unrecognized arguments: --unknown"),
    ],
)
def test_bad_usage_is_one_line_and_exit_2(arguments, expected, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    said = capsys.readouterr()
    assert expected in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""


def test_bad_row_is_one_line_and_leaves_the_old_store(tmp_path, built, capsys):
    out, _ = built
    before = open_snapshot(out)
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"product_id": "x", "title": "X", "price": -1}\n')
    assert main([f"--products={bad}", f"--out={out}"]) == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"{bad}:1: `price` must be above 0, got '-1' (product 'x'); ")
    assert said.err.count("\n") == 1
    assert open_snapshot(out) == before
    assert len(list(snapshots_folder(out).iterdir())) == 2  # the snapshot, the lock


@pytest.mark.parametrize(
    ("text", "expected"),
    [("[shop\n", "cannot be read as TOML"), ("[shop]\ncolour = 1\n", "`shop.colour`")],
)
def test_bad_settings_are_one_line(tmp_path, text, expected, capsys):
    path = tmp_path / "s.toml"
    path.write_text(text)
    assert main(command(tmp_path / "store", "--config", path)) == 2
    said = capsys.readouterr().err
    assert expected in said
    assert said.count("\n") == 1


def test_unknown_encoder_is_one_line_and_no_store(tmp_path, tiny_files, tiny_config, capsys):
    path = tmp_path / "s.toml"
    path.write_text('[encoder]\nmodel = "no such model"\n')
    assert main(command(tmp_path / "store", "--config", path)) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not os.path.lexists(tmp_path / "store")


@pytest.mark.slow
def test_skipped_rows_and_pictures_are_on_record(tmp_path, settings, capsys):
    images = tmp_path / "images"
    images.mkdir()
    (images / "tent-duo.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    (images / "evil.svg").write_text("<svg><script/></svg>")
    settings.write_text(settings.read_text().replace("[shop]", '[shop]\nimages = "images"'))
    products = tmp_path / "p.jsonl"
    lines = (TINY / "products.jsonl").read_text("utf-8")
    products.write_text(lines + '{"product_id": "x", "title": "X", "price": -1}\n', "utf-8")
    asked = [f"--products={products}", f"--out={tmp_path / 's'}", f"--config={settings}"]
    assert main([*asked, "--device=cpu"]) == 2
    assert main([*asked, "--device=cpu", "--on-error=skip"]) == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert report["rejected"] == 2
    assert report["rejected_by"] == {"products": 1, "images": 1}
    snapshot = open_snapshot(tmp_path / "s")
    rejects = [json.loads(line) for line in (snapshot / "rejects.jsonl").read_text().splitlines()]
    assert rejects[0] == {
        "file": str(products), "line": 13, "record": "product", "id": "x", "field": "price",
        "value": "-1", "reason": "must be above 0",
    }  # fmt: skip
    assert (rejects[1]["record"], Path(rejects[1]["file"]).name) == ("image", "evil.svg")
    assert [p.name for p in (snapshot / "images").iterdir()] == ["tent-duo.svg"]
    assert "images" in load_manifest(snapshot).hashes


def test_refused_picture_stops_a_strict_build(tmp_path, tiny_files, tiny_config):
    (tmp_path / "pics").mkdir()
    (tmp_path / "pics" / "evil.svg").write_text("<svg onload='x'/>")
    shop = tiny_config.shop.model_copy(update={"images": "pics"})
    config = tiny_config.model_copy(update={"shop": shop})
    with pytest.raises(DataError, match=r"evil\.svg: the picture has `onload`"):
        build_store(
            products=tiny_files["products"], out=tmp_path / "s", config=config, base=tmp_path
        )


# Erasing ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_erasing_a_shopper_leaves_nothing_in_any_file(tmp_path, tiny_files, tiny_config):
    store = tmp_path / "shop"
    arguments = {**tiny_files, "out": store, "config": tiny_config, "device": "cpu"}
    build_store(**arguments, progress=False)
    build_store(**arguments, progress=False)
    rejects = open_snapshot(store) / "rejects.jsonl"
    rejects.write_text('{"id": "e9", "value": "tom", "reason": "x"}\n{"id": "tomato"}\n')
    assert scan_for(snapshots_folder(store), "tom")[1]
    before = load_dataset(open_snapshot(store))
    reviews = before.reviews.filter(pl.col("shopper_id") == "tom")["review_id"].to_list()
    spans = len(before.spans.filter(pl.col("review_id").is_in(reviews)))
    receipt = erase_shopper(store, "tom", device="cpu")
    assert receipt["removed"] == {"events": 11, "reviews": 3, "spans": spans}
    assert receipt["snapshots_removed"] == 2
    assert receipt["files_scanned"] > 10
    assert receipt["found_in"] == []
    assert "tom" not in json.dumps(receipt).replace("bottom", "")
    snapshot = open_snapshot(store)
    after = load_dataset(snapshot)
    assert (len(after.events), len(after.reviews)) == (109, 17)
    assert set(after.spans["review_id"]) <= set(after.reviews["review_id"])
    assert (snapshot / "rejects.jsonl").read_text() == '{"id": "tomato"}\n'
    assert load_manifest(snapshot).build.embedded == 0
    assert load_manifest(snapshot).report["erased_shoppers"] == 1
    gone = erase_shopper(store, "nobody-1", device="cpu")
    assert gone["removed"] == {"events": 0, "reviews": 0, "spans": 0}


def test_erasing_from_nothing_says_so(tmp_path):
    with pytest.raises(StoreError, match="there is no store to erase from"):
        erase_shopper(tmp_path / "shop", "tom")


def test_scan_reads_packed_tables_and_whole_words_only(tmp_path):
    pl.DataFrame({"shopper_id": ["ida-1"] * 50}).write_parquet(tmp_path / "a.parquet")
    (tmp_path / "b.bin").write_bytes(b"\x00\x01ida-1\x00")
    (tmp_path / "c.txt").write_text("ida-12 and frida-1")
    assert scan_for(tmp_path, "ida-1") == (3, ["a.parquet", "b.bin"])


# Crashes ---------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_kill_9_at_ten_moments_leaves_a_good_store(tmp_path, settings):
    """Build two versions in turn over one store and kill at moments spread over a build."""
    store = tmp_path / "shop"
    fewer = tmp_path / "fewer.jsonl"
    lines = (TINY / "products.jsonl").read_text("utf-8").splitlines()
    fewer.write_text("\n".join(lines[:3]) + "\n", "utf-8")
    versions = [
        command(store, "--config", settings),
        [f"--products={fewer}", f"--out={store}", f"--config={settings}", "--device=cpu"],
    ]
    good = {}
    for arguments in versions:
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "retrieval.build", *arguments], check=True, cwd=ROOT)
        duration = time.perf_counter() - started
        good[load_manifest(open_snapshot(store)).store_hash] = len(
            load_dataset(open_snapshot(store)).products
        )
    assert sorted(good.values()) == [3, 12]
    rng = random.Random(0)
    n_killed = 0
    for attempt in range(10):
        # one moment in each tenth of a build; the last may come after the swap
        moment = duration * (attempt + rng.random()) / 10
        child = subprocess.Popen(
            [sys.executable, "-m", "retrieval.build", *versions[attempt % 2]],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(moment)
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)  # with the checking child, as an OOM kill would
            n_killed += 1
        child.wait()
        snapshot = open_snapshot(store)
        manifest = load_manifest(snapshot)
        dataset = load_dataset(snapshot)
        assert good[manifest.store_hash] == len(dataset.products)
        found = hash_dataset(dataset)
        assert {name: manifest.hashes[name] for name in found} == found
    assert n_killed >= 8
    assert main(versions[0]) == 0  # and the next build clears up
    kept = [p.name for p in snapshots_folder(store).iterdir() if p.name != "lock"]
    assert len(kept) <= 3  # the store, the one before, and one that the next build removes
    assert not [name for name in kept if "partial" in name]
