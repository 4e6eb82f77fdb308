"""Mutants of the gate: each is another module, and those called equivalent are still there."""

from pathlib import Path

import pytest

from eval.mutants import alternatives, mutants_of
from eval.run_mutants import MODULES, equivalents


def test_a_pattern_is_weakened_at_any_depth():
    assert sorted(alternatives(r"\b(?:a|b[|])c\b|d")) == [
        ("\\b(?:a)c\\b|d", "b[|]"),
        ("\\b(?:a|b[|])c\\b", "d"),
        ("\\b(?:b[|])c\\b|d", "a"),
        ("d", "\\b(?:a|b[|])c\\b"),
    ]


@pytest.mark.parametrize("module", MODULES)
def test_every_mutant_differs_from_its_module(module):
    path = Path("assistant") / f"{module}.py"
    unchanged = compile(path.read_text("utf-8"), str(path), "exec")
    found = list(mutants_of(path))
    assert len(found) > 50
    assert all(mutant.code != unchanged for mutant in found)


def test_mutants_said_to_be_equivalent_still_exist():
    names = {m.name for module in MODULES for m in mutants_of(Path("assistant") / f"{module}.py")}
    assert set(equivalents()) <= names
