"""Is every check of the gate tested? Weakens it in every place and runs the gate's own tests.

    python -m eval.run_mutants [--module grounding …] [--out FILE]

Each mutant runs in a process of its own, forked after the tests have passed once and their shop is
open. A mutant that no test notices is a survivor; `tests/assistant/equivalent_mutants.yaml` lists
those that change nothing a claim could show, each with the reason. Exit status 1 if there are
others.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import json
import os
import random
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from assistant.grounding import Gate
from eval.cli import progress, say
from eval.mutants import Mutant, forget, install, mutants_of, unchanged

MODULES = ("grounding", "meanings", "recounting", "quantities", "readings")
TESTS = (
    "tests/assistant/test_meanings.py",
    "tests/assistant/test_recounting.py",
    "tests/assistant/test_quantities.py",
    "tests/assistant/test_gate_mutants.py",
    "tests/assistant/test_gate_checks.py",
    "tests/assistant/test_grounding.py",
)
"""Those of one check or word first: most mutants are noticed there, and the first failure ends."""
FLAGS = ("-q", "-p", "no:cacheprovider", "--tb=no", "-k", "not any_text_can_be_read")
EQUIVALENT = Path("tests/assistant/equivalent_mutants.yaml")
LIMIT_S = 60
"""A mutant that hangs for so long has been noticed."""


@dataclass(kw_only=True)
class Harness:
    """A pytest plugin that runs the collected tests once, then once for each mutant."""

    mutants: Sequence[Mutant]
    survivors: list[Mutant] = field(default_factory=list)

    def pytest_runtestloop(self, session) -> bool:  # type: ignore[no-untyped-def]  # noqa: ANN001
        """Run the tests as they are, then against every mutant."""
        from _pytest.runner import runtestprotocol

        items = session.items
        for n, item in enumerate(items):
            following = items[(n + 1) % len(items)]  # what the tests share stays open
            reports = runtestprotocol(item, log=False, nextitem=following)
            if any(report.failed for report in reports):
                raise session.Failed(f"{item.nodeid} fails without any mutant; mend it first")
        gates = [found for found in gc.get_objects() if type(found) is Gate]
        gc.freeze()  # forks then share the memory of the shop
        for module in dict.fromkeys(m.module for m in self.mutants):
            if _is_noticed(unchanged(Path("assistant") / f"{module}.py"), items, gates):
                raise session.Failed(
                    f"{module} fails when put in force unchanged; mend the harness"
                )
        for mutant in progress(self.mutants, "mutants", len(self.mutants)):
            if not _is_noticed(mutant, items, gates):
                self.survivors.append(mutant)
                say(f"assistant/{mutant.module}.py:{mutant.line}: survives `{mutant.change}`")
        return True


def _is_noticed(mutant: Mutant, items: Sequence[object], gates: Sequence[Gate]) -> bool:
    """Run the tests in a fork in which the mutant is in force."""
    child = os.fork()
    if child == 0:
        signal.alarm(LIMIT_S)
        os._exit(_run(mutant, items, gates))
    _, status = os.waitpid(child, 0)
    return status != 0


def _run(mutant: Mutant, items: Sequence[object], gates: Sequence[Gate]) -> int:
    """Return 1 as soon as a test fails, 0 if none does."""
    from _pytest.runner import runtestprotocol

    try:
        install(importlib.import_module(f"assistant.{mutant.module}"), mutant.code)
        forget(gates)
    except Exception:  # noqa: BLE001 - whatever it is, the mutant cannot even be loaded
        return 1
    for n, item in enumerate(items):
        item._initrequest()  # type: ignore[attr-defined]
        following = items[(n + 1) % len(items)]
        reports = runtestprotocol(item, log=False, nextitem=following)  # type: ignore[arg-type]
        if any(report.failed for report in reports):
            return 1
    return 0


def equivalents(path: Path = EQUIVALENT) -> dict[str, str]:
    """Return the names of mutants that change nothing, with the reason."""
    groups = yaml.safe_load(path.read_text("utf-8"))
    return {name: group["why"] for group in groups for name in group["mutants"]}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the mutants of the gate's modules; write counts and survivors as JSON."""
    parser = argparse.ArgumentParser(prog="python -m eval.run_mutants", description=__doc__)
    parser.add_argument("--module", action="append", choices=MODULES, help="only this one")
    parser.add_argument("--sample", type=int, metavar="N", help="this many, drawn at random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("eval/out/mutants.json"))
    options = parser.parse_args(arguments)
    wanted = options.module or MODULES
    mutants = [m for name in wanted for m in mutants_of(Path("assistant") / f"{name}.py")]
    if options.sample is not None and options.sample < len(mutants):
        mutants = random.Random(options.seed).sample(mutants, options.sample)
    import pytest

    harness = Harness(mutants=mutants)
    with contextlib.redirect_stdout(sys.stderr):
        status = pytest.main([*TESTS, *FLAGS], plugins=[harness])
    if status != pytest.ExitCode.OK:
        say("the gate's tests do not pass as they are; run them first: pytest " + " ".join(TESTS))
        return 2
    known = equivalents()
    weak = [m for m in harness.survivors if m.name not in known]
    found = {
        name: {
            "mutants": sum(m.module == name for m in mutants),
            "survivors": sum(m.module == name for m in harness.survivors),
            "of these equivalent": sum(
                m.module == name and m.name in known for m in harness.survivors
            ),
        }
        for name in wanted
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    written = found | {"not noticed": [f"{m.module}.py:{m.line}: {m.name}" for m in weak]}
    options.out.write_text(json.dumps(written, indent=1, ensure_ascii=False) + "\n", "utf-8")
    for mutant in weak:
        say(f"assistant/{mutant.module}.py:{mutant.line}: no test notices `{mutant.change}`")
    json.dump(found, sys.stdout)
    sys.stdout.write("\n")
    return 1 if weak else 0


if __name__ == "__main__":
    sys.exit(main())
