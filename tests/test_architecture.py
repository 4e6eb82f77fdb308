"""The house stays as drawn: light modules are light, imports go one way."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = {
    "bm25s", "chromadb", "gradio", "llguidance", "matplotlib", "ray", "sentence_transformers",
    "torch", "transformers",
}  # fmt: skip


def modules():
    for package in ("retrieval", "assistant", "eval"):
        for file in sorted((ROOT / package).rglob("*.py")):
            if file.name != "__main__.py" and "ui" not in file.parts:
                parts = file.relative_to(ROOT).with_suffix("").parts
                yield ".".join(part for part in parts if part != "__init__")


def test_no_module_outside_the_screens_imports_anything_heavy():
    names = [*modules(), "app"]
    code = (
        "import importlib, sys\n"
        f"for name in {names!r}:\n"
        "    importlib.import_module(name)\n"
        f"    heavy = {HEAVY!r} & sys.modules.keys()\n"
        "    if heavy: sys.exit(f'{name} imports {sorted(heavy)}')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.slow
def test_imports_go_one_way():
    lint = Path(sys.executable).with_name("lint-imports")
    if not lint.is_file():
        pytest.skip("import-linter is not installed; `make install` installs it")
    done = subprocess.run([lint, "--no-cache"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout[-3000:]


def test_no_text_of_ours_names_a_pickle_or_remote_code():
    for folder in ("retrieval", "assistant", "eval"):
        for file in (ROOT / folder).rglob("*.py"):
            text = file.read_text("utf-8")
            assert "import pickle" not in text, file
            assert "trust_remote_code=True" not in text, file
            assert "allow_pickle=True" not in text, file
