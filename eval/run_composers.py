"""The same clauses worded by each composer: what passes the gate, and how it reads.

    python -m eval.run_composers --store STORE [--store-too STORE …] [--data DIR]

Scripted shoppers talk to each store; every task that the assistant set its composer is kept and
given to each of them: the template, the packaged model choosing among wordings, the same model
writing under the grammar, and the model with the project's own adapter. With `--data` a real
marketplace's export is a further store. The adapter was trained on no store at all, so all of them
are held out. English only: models word no Chinese.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import comb
from pathlib import Path
from typing import Literal

import numpy as np

from assistant.answer import Claim, Phrase
from assistant.clauses import Clause
from assistant.compose import Accept, Composer, ModelComposer, Tally, TemplateComposer
from assistant.grounding import Judge
from assistant.llm import TransformersLLM
from assistant.llm.local import ADAPTER
from assistant.prompting import SLOT, load_wordings
from assistant.service import Assistant, Shop
from assistant.sessions import Sessions
from assistant.wording import Task
from eval.cli import RunOptions, options, parser, progress
from eval.data.marketplace import marketplace_store
from eval.finish import finish
from eval.results import Floor, System, TaskResult
from eval.run_answers import Heard, converse
from eval.turns import SCRIPTS, filled_in
from eval.worst_models import model_of
from retrieval.errors import ShopError
from retrieval.text import weights

ROUNDS = 4
DRAWN = 10
"""Variety: how many wordings to expect among so many clauses of one kind."""
PATIENCE_S = 120.0
OWN = "packaged, own adapter"


@dataclass(kw_only=True)
class Recorder(Composer):
    """A composer that keeps what it was asked, and says what the template says."""

    name: Literal["llm", "template"] = "template"
    tasks: list[Task] = field(default_factory=list)

    def compose(self, task: Task, accept: Accept, tally: Tally) -> Iterator[Claim | Phrase]:
        """Keep the task and answer by template."""
        if task.language == "en" and any(isinstance(piece, Clause) for piece in task.pieces):
            self.tasks.append(task)
        return TemplateComposer().compose(task, accept, tally)


def main() -> int:
    """Run the command and return its exit status."""
    made = parser("composers", __doc__ or "")
    made.add_argument(
        "--store-too", type=Path, action="append", default=[], help="a further store (repeatable)"
    )
    arguments = made.parse_args()
    try:
        return run(options("composers", arguments), arguments.store_too)
    except ShopError as error:
        sys.stderr.write(f"{error}\n")
        return 2


def run(given: RunOptions, further: Sequence[Path]) -> int:
    """Word every recorded task with every composer and write the outputs."""
    stores = {path.name: path for path in (given.store, *further)}
    if given.data_flag is not None:
        stores["marketplace"] = marketplace_store(given.data, given.cache)
    folder = weights.resolve("packaged", kind="llm")
    plain = TransformersLLM.load(folder)
    composers: dict[str, Composer] = {
        "template": TemplateComposer(),
        "packaged, choosing": ModelComposer(plain, mode="choose", deadline_s=PATIENCE_S),
        "packaged, writing": ModelComposer(
            plain, mode="write", prompt="compose_card", deadline_s=PATIENCE_S
        ),
    }
    if ADAPTER.is_dir():
        own = TransformersLLM.load(folder, adapter=ADAPTER)
        composers[OWN] = ModelComposer(
            own, mode="write", prompt="compose_card", deadline_s=PATIENCE_S
        )
    wanted = given.llm or tuple(composers)
    tasks = [
        worded(name, path, {n: c for n, c in composers.items() if n in wanted}, given)
        for name, path in stores.items()
    ]
    return finish(
        given,
        tasks,
        title="Composers",
        summary="The same clauses, worded by each composer and judged by the same gate.",
    )


def worded(
    name: str, path: Path, composers: Mapping[str, Composer], given: RunOptions
) -> TaskResult:
    """Return how each composer worded the tasks of one store."""
    shop = Shop(path)
    asked = recorded(shop, rounds=1 if given.quick else ROUNDS)[: given.cases]
    systems, facts = list[System](), dict[str, float | str]()
    for label, composer in composers.items():
        system, found = judged(shop, asked, composer, label)
        systems.append(system)
        facts |= found
    shop.store.close()
    return TaskResult(
        name=name,
        question="Do the words of a composer pass the gate at the first try, and how do they read?",
        split=f"{len(asked)} tasks of scripted conversations; nothing was learned from the store",
        data_hash=shop.store.manifest.store_hash,
        systems=systems,
        ours=OWN if OWN in composers else systems[0].name,
        headline="first try",
        floors=[
            Floor(measure="first try", value=0.95, source="asked of a default composer"),
            *(
                Floor(
                    measure="coverage",
                    value=float(system.values["coverage"].mean()),
                    source="the template's",
                )
                for system in systems
                if system.name == "template"
            ),
        ],
        facts=facts,
    )


def recorded(shop: Shop, *, rounds: int) -> list[Task]:
    """Return the tasks that scripted shoppers' turns set the composer."""
    recorder = Recorder()
    assistant = Assistant(shop, Sessions("sqlite://"), composer=recorder)
    scripts = [(place, one) for place in range(rounds) for one in SCRIPTS if one[0] == "en"]
    for number, (place, (language, steps)) in enumerate(progress(scripts, "record", len(scripts))):
        filled = filled_in(steps, shop.store.catalogue, number + place, language)
        converse(assistant, Heard(), language, filled, f"eval-{number + place}")
    return recorder.tasks


def judged(
    shop: Shop, asked: Sequence[Task], composer: Composer, label: str
) -> tuple[System, dict[str, float | str]]:
    """Return a composer's values, one a task, and its variety and speed over all of them."""
    values: dict[str, list[float]] = defaultdict(list)
    said: dict[str, list[str]] = defaultdict(list)
    by_model = tokens = clauses = 0
    seconds = 0.0
    for task in progress(asked, label, len(asked)):
        planned = clauses_of(task)
        tally = Tally()
        began = time.perf_counter()
        pieces = list(composer.compose(task, judge_of(shop, task), tally))
        seconds += time.perf_counter() - began
        claims = [piece for piece in pieces if isinstance(piece, Claim)]
        tried = tally.first_try + tally.repaired + tally.fell_back
        values["first try"].append(tally.first_try / max(tried, 1))
        values["coverage"].append(len(claims) / len(planned))
        text = " ".join(piece.text for piece in pieces)
        values["words a clause"].append(
            sum(len(c.text.split()) for c in claims) / max(len(claims), 1)
        )
        values["ARI"].append(readability(text))
        new = 0
        for claim in claims:
            clause = next(c for c in planned if c.claim(claim.text) == claim)
            wording = unfilled(claim.text, clause, task.short)
            said[clause.key].append(wording)
            new += not is_known_wording(wording, clause.key)
        values["new wordings"].append(new / max(len(claims), 1))
        by_model += tally.by_model
        tokens += tally.tokens
        clauses += len(planned)
    model = model_of(composer)
    enough = [found for found in said.values() if len(found) >= DRAWN]
    return System(
        name=label,
        values={name: np.array(found) for name, found in values.items()},
        is_baseline=label == "template",
    ), {
        f"{label}: model and revision": "none"
        if model is None
        else f"{model.name} {model.revision}",
        f"{label}: clauses": clauses,
        f"{label}: worded by the model": by_model,
        f"{label}: tokens a clause": round(tokens / max(by_model, 1), 1),
        f"{label}: seconds a turn": round(seconds / max(len(asked), 1), 3),
        f"{label}: wordings in {DRAWN} clauses of a kind": round(
            float(np.mean([variety(found) for found in enough])) if enough else 0.0, 2
        ),
    }


def clauses_of(task: Task) -> list[Clause]:
    """Return the clauses of a task."""
    return [piece for piece in task.pieces if isinstance(piece, Clause)]


def judge_of(shop: Shop, task: Task) -> Judge:
    """Return the gate on the clauses of one task, as the service asks it."""
    evidence = {fact.evidence_id: fact for clause in clauses_of(task) for fact in clause.evidence}
    return Judge(shop.gate, evidence, task.language)


def unfilled(text: str, clause: Clause, short: Mapping[str, str]) -> str:
    """Return a sentence with its values, short titles too, put back into slots, longest first."""
    values = [*clause.slots.items()]
    values += [(name, short[value]) for name, value in clause.slots.items() if value in short]
    for name, value in sorted(values, key=lambda slot: -len(slot[1])):
        if value:
            text = text.replace(value, f"${name}")
    return text


def is_known_wording(wording: str, key: str) -> bool:
    """Whether the template says it too, joined or alone."""
    stem = wording.removeprefix("and ").rstrip(".,").casefold()
    return any(stem == known.rstrip(".").casefold() for known in variants(key))


def variants(key: str) -> tuple[str, ...]:
    """Return the English wordings of a clause."""
    return load_wordings().clauses[key].all_variants("en")


def variety(found: Sequence[str]) -> float:
    """Return how many different wordings to expect in `DRAWN` of them (rarefaction, Hurlbert 1971).

    Raises:
        ValueError: If there are fewer than `DRAWN`.
    """
    total = len(found)
    if total < DRAWN:
        raise ValueError(f"needs at least {DRAWN} wordings, got {total}")
    counts = [found.count(one) for one in set(found)]
    return sum(1 - comb(total - n, DRAWN) / comb(total, DRAWN) for n in counts)


def readability(text: str) -> float:
    """Return the automated readability index, in school grades (Senter and Smith 1967)."""
    words = SLOT.sub("x", text).split()
    sentences = max(1, sum(text.count(stop) for stop in (". ", "? ", "! ", "” ")) + 1)
    letters = sum(character.isalnum() for character in text)
    return 4.71 * letters / max(len(words), 1) + 0.5 * len(words) / sentences - 21.43


if __name__ == "__main__":
    sys.exit(main())
