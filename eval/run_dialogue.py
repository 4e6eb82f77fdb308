"""Simulated shoppers with hidden goals: how reliably do conversations end as they should?

    python -m eval.run_dialogue [--stores DIR …] [--llm none --llm packaged] [--goals 320]
    python -m eval.run_dialogue --only intents --data DIR

Each goal is played several times in other words and another order; success is checked by code from
the cart, the claims and the cards (`eval/dialogue/judge.py`). `pass^k` is the chance that k trials
of a goal all succeed. Failed trials are written to `failures-*.txt`, to be read.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from assistant.service import Assistant, open_assistant
from eval.cli import RunOptions, options, parser, progress, say
from eval.data.dialogues import load_dialogues
from eval.dialogue.estimator import pass_hat
from eval.dialogue.goals import Goal, make_goals
from eval.dialogue.intents import measure
from eval.dialogue.play import Played, play, transcript
from eval.dialogue.shopper import Names
from eval.dialogue.wording import HALVES, Half
from eval.finish import finish
from eval.results import Floor, System, TaskResult
from retrieval.errors import ConfigError, DataError, ShopError

FLOOR = 0.70
QUICK_GOALS, MODEL_GOALS = 38, 38
"""Goals a store of a quick run; of a run with a language model, which is slow."""


def run(asked: RunOptions, arguments: argparse.Namespace) -> int:
    """Play all goals with each composer and write the outputs."""
    began = time.perf_counter()
    if arguments.trials < 1 or arguments.goals < 1:
        raise ConfigError(
            "`--trials` and `--goals` must be at least 1, got "
            f"{arguments.trials} and {arguments.goals}"
        )
    tasks = played_tasks(asked, arguments) if asked.wants("goals") else []
    tasks += human_task(asked) if asked.wants("intents") else []
    return finish(
        asked,
        tasks,
        title="Dialogue",
        summary="Goals of simulated shoppers, reached or not; what human shoppers meant.",
        seconds={"dialogue": round(time.perf_counter() - began, 1)},
    )


def human_task(asked: RunOptions) -> list[TaskResult]:
    """Return the task on human dialogues; none, and a line, where they are not at hand.

    Raises:
        DataError: If they were asked for by name and are not there.
    """
    try:
        return [measure(load_dialogues(asked.data), seed=asked.seed)]
    except DataError as error:
        if asked.only:
            raise
        say(f"intents left out: {error}")
        return []


def played_tasks(asked: RunOptions, arguments: argparse.Namespace) -> list[TaskResult]:
    """Play the goals with each composer."""
    stores = arguments.stores or [asked.store]
    tasks = []
    for llm in asked.llm or ("none",):
        n = arguments.goals if llm == "none" else min(arguments.goals, MODEL_GOALS)
        n = min(n, QUICK_GOALS) if asked.quick else n
        played: dict[str, list[Played]] = {}
        for store in stores:
            played[store.name] = play_store(store, llm, n // len(stores), asked.seed, arguments)
        tasks.append(task_of(llm, arguments.half, played, arguments.trials))
        write_failures(played, asked.out, llm, arguments.half)
    return tasks


def play_store(
    store: Path, llm: str, n: int, seed: int, arguments: argparse.Namespace
) -> list[Played]:
    """Play `n` goals over one store, every trial of each."""
    assistant = open_assistant(store, llm)
    try:
        return play_goals(
            assistant, n, half=arguments.half, trials=arguments.trials, seed=seed,
            families=arguments.family, label=f"{store.name}, {llm}",
        )  # fmt: skip
    finally:
        assistant.close()


def play_goals(
    assistant: Assistant, n: int, *, half: Half, trials: int, seed: int,
    families: Sequence[str] = (), label: str = "",
) -> list[Played]:  # fmt: skip
    """Play goals drawn for one half of the wordings; other halves have other goals."""
    catalogue = assistant.recommender.store.catalogue
    names = Names(catalogue, assistant.speakers)
    goals = make_goals(catalogue, n, seed=seed * len(HALVES) + HALVES.index(half))
    goals = [g for g in goals if not families or g.family in families]
    runs = [(goal, trial) for goal in goals for trial in range(trials)]
    return [
        play(assistant, goal, names, half=half, trial=trial, seed=seed)
        for goal, trial in progress(runs, label, len(runs))
    ]


def task_of(llm: str, half: Half, played: dict[str, list[Played]], trials: int) -> TaskResult:
    """Return pass^1 and pass^k by goal, with groups by family, language and store."""
    goals: list[tuple[str, Goal]] = []
    passed: list[int] = []
    for store, runs in played.items():
        found = np.array([p.passed for p in runs], bool).reshape(-1, trials)
        goals += [(store, p.goal) for p in runs[::trials]]
        passed += found.sum(axis=1).tolist()
    values = {f"pass^{k}": np.array([pass_hat(trials, n, k) for n in passed])
              for k in sorted({1, trials})}  # fmt: skip
    marks = {f"store {s}" for s, _ in goals} | {f"language {g.language}" for _, g in goals}
    marks |= {f"family {g.family}" for _, g in goals}
    name = "template" if llm == "none" else llm
    turns = [len(p.turns) for runs in played.values() for p in runs]
    return TaskResult(
        name=f"dialogue-{name}",
        question="Does the cart hold what was wanted, and was all of it said truly?",
        split=f"{half} wordings and goals; nothing is fitted",
        data_hash="",
        systems=[System(name=name, values=values, is_baseline=False)],
        ours=name,
        headline=f"pass^{trials}",
        floors=(Floor(measure=f"pass^{trials}", value=FLOOR, source="aim of the project"),),
        groups={
            mark: np.array(
                [
                    mark in (f"store {s}", f"language {g.language}", f"family {g.family}")
                    for s, g in goals
                ]
            )
            for mark in sorted(marks)
        },
        facts={
            "goals": len(goals),
            "trials a goal": trials,
            "turns with a finding of the strict count": sum(
                len(p.strict) for r in played.values() for p in r
            ),
            "turns a conversation": round(float(np.mean(turns)), 2) if turns else 0,
        },
    )


def write_failures(played: dict[str, list[Played]], out: Path, llm: str, half: Half) -> None:
    """Write the transcripts of failed trials, and what the strict count found in any."""
    out.mkdir(parents=True, exist_ok=True)
    label = "".join(sign if sign.isalnum() else "-" for sign in llm)
    failed = [transcript(p) for runs in played.values() for p in runs if not p.passed]
    path = out / f"failures-{label}-{half}.txt"
    path.write_text("\n".join(failed), "utf-8")
    found = [line for runs in played.values() for p in runs for line in p.strict]
    (out / f"findings-{label}-{half}.txt").write_text("\n".join(found), "utf-8")
    say(f"wrote {len(failed)} failed trials to {path}")


def main() -> int:
    """Parse the command line, run, and return the exit status."""
    made = parser("dialogue", __doc__ or "")
    made.add_argument("--stores", type=Path, nargs="+", help="several stores, instead of --store")
    made.add_argument("--goals", type=int, default=320, help="goals in all (default %(default)s)")
    made.add_argument("--trials", type=int, default=4, help="times each goal is played")
    made.add_argument("--half", choices=HALVES, default="held_out", help="which wordings")
    made.add_argument("--family", action="append", default=[], help="only these goals (repeatable)")
    arguments = made.parse_args()
    try:
        return run(options("dialogue", arguments), arguments)
    except ShopError as error:
        print(f"{error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
