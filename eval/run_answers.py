"""What the assistant says: claims, how many are supported, what survived the gate, by composer.

    python -m eval.run_answers --store STORE [--llm none --llm any --llm packaged …] [--turns 10000]

Scripted shoppers talk to the store through `assistant.service`, then hostile ones until `--turns`
turns are answered. `first try` is the share of clauses whose first wording passed the gate,
`repaired` and `fell back` what happened to the others, and `escapes` the share of replies with a
fact, in text or on a card, that no cited record and no table holds, by a count of its own. `any`
and `hostile` are models at their worst (`eval.worst_models`).
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.stats import beta

from assistant.conversation import Action, Turn
from assistant.errors import TurnError
from assistant.service import Assistant, Shop
from eval.card_escapes import escapes
from eval.cli import RunOptions, main, progress, say
from eval.finish import finish
from eval.hostile_turns import conversation, personal
from eval.results import Floor, System, TaskResult
from eval.shop_table import table_of
from eval.turns import SCRIPTS, Step, filled_in
from eval.worst_models import assistant_named
from eval.written_facts import Escape
from retrieval.errors import ModelError

ROUNDS = 3
"""Each script is played this often, with other products."""


class TallyHandler(logging.Handler):
    """Collects the trace lines that the service logs, one a turn."""

    def __init__(self) -> None:
        super().__init__(level=logging.INFO)
        self.traces: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line."""
        self.traces.append(json.loads(record.getMessage()))


@dataclass(slots=True, kw_only=True)
class Heard:
    """What one composer said, over all turns."""

    replies: list[dict[str, Any]] = field(default_factory=list)
    traces: list[dict[str, Any]] = field(default_factory=list)
    escaped: list[list[Escape]] = field(default_factory=list)
    refused: int = 0
    crashed: list[str] = field(default_factory=list)
    """What was said when the assistant failed, with its error."""


def run(options: RunOptions) -> int:
    """Play the scripts for each composer and write the outputs."""
    began = time.perf_counter()
    systems: list[System] = []
    facts: dict[str, Any] = {}
    examples: list[str] = []
    digest = ""
    for llm in options.llm or ("none", "packaged"):
        try:
            assistant = assistant_named(Shop(options.store), llm)
        except ModelError as error:
            if options.llm:
                raise
            say(f"composer {llm} left out: {error}")
            continue
        try:
            store = assistant.recommender.store
            digest = store.manifest.store_hash
            heard = play(assistant, options, label=llm)
        finally:
            assistant.close()
        name = "template" if llm == "none" else llm
        systems.append(system_of(name, heard))
        facts |= facts_of(name, heard)
        examples += [
            f"{name}: {e.sort} “{e.found}” in “{e.where}”" for found in heard.escaped for e in found
        ][:10]
        examples += [f"{name} crashed at {one}" for one in heard.crashed[:10]]
        write_replies(heard, options, name)
    task = TaskResult(
        name="answers",
        question="Scripted shoppers talk to the shop: is what is said supported?",
        split=f"{len(SCRIPTS)} scripts, then hostile turns, English and Chinese; nothing is fitted",
        data_hash=digest,
        systems=systems,
        ours=systems[0].name,
        headline="first try",
        floors=(
            Floor(measure="supported", value=1.0, source="every claim shown must be supported"),
            Floor(measure="escapes", value=0.0, source="no fact without a record", is_upper=True),
            Floor(measure="crashed", value=0.0, source="every turn is answered", is_upper=True),
        ),
        facts=facts,
        notes=["Found: " + " | ".join(examples)] if examples else ["No escapes, no crashes."],
    )
    return finish(
        options,
        [task],
        title="Answers",
        summary="Each composer's words, the gate's verdicts, and a second count beside the gate.",
        seconds={"answers": round(time.perf_counter() - began, 1)},
    )


def play(assistant: Assistant, options: RunOptions, *, label: str) -> Heard:
    """Play the scripts, then hostile conversations up to `--turns`; return what was said."""
    heard, handler = Heard(), TallyHandler()
    logger = logging.getLogger("whycart.turn")
    level, propagate = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    catalogue, rounds = assistant.recommender.store.catalogue, 1 if options.quick else ROUNDS
    scripts = [(place, script) for place in range(rounds) for script in SCRIPTS]
    try:
        for number, (place, (language, steps)) in enumerate(progress(scripts, label, len(scripts))):
            filled = filled_in(steps, catalogue, number + place, language)
            converse(assistant, heard, language, filled, f"eval-{number + place}")
        rng, shoppers = np.random.default_rng(options.seed), assistant.shoppers()
        table = table_of(assistant.recommender.store)
        for number in progress(range(options.turns), f"{label} hostile", options.turns):
            if len(heard.replies) >= options.turns:
                break
            known = shoppers[number % len(shoppers)] if shoppers and number % 20 == 0 else None
            language, steps = (conversation if known is None else personal)(rng, table)
            converse(assistant, heard, language, steps, f"hostile-{number}", known)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate
    heard.traces = handler.traces
    return heard


def converse(
    assistant: Assistant, heard: Heard, language: str, steps: Sequence[Step],
    name: str, shopper_id: str | None = None,
) -> None:  # fmt: skip
    """Hold one conversation; buttons without a product to press are skipped."""
    shown, table = list[str](), table_of(assistant.recommender.store)
    for step in steps:
        if isinstance(step, str):
            turn = Turn(
                conversation_id=name, shopper_id=shopper_id, text=step[:2000],
                language=language,  # type: ignore[arg-type]
            )  # fmt: skip
        else:
            kind, at = step
            if at >= len(shown):
                continue
            product_id = shown[at] if at >= 0 else None
            turn = Turn(conversation_id=name, action=Action(kind=kind, product_id=product_id))  # type: ignore[arg-type]
        try:
            reply = assistant.reply(turn)
        except TurnError:
            heard.refused += 1
            continue
        except Exception as error:  # noqa: BLE001 - counted, so that hours of turns are not lost
            heard.crashed.append(f"{step!r}: {error!r}")
            continue
        shown = [s.product_id for s in reply.suggestions] or shown
        heard.replies.append(reply.as_json())
        heard.escaped.append(escapes(reply, table))


def system_of(name: str, heard: Heard) -> System:
    """Return a composer's values, by claim or by turn."""
    claims = [claim for reply in heard.replies for claim in reply["claims"]]
    clauses = [(t["first_try"], t["repaired"], t["fell_back"]) for t in heard.traces]
    worded = np.array([c for c in clauses if sum(c)], float).reshape(-1, 3)
    shares = worded / worded.sum(axis=1, keepdims=True) if len(worded) else worded
    return System(
        name=name,
        values={
            "supported": np.array([float(c["supported"]) for c in claims]),
            "first try": shares[:, 0],
            "repaired": shares[:, 1],
            "fell back": shares[:, 2],
            "escapes": np.array([float(bool(found)) for found in heard.escaped]),
            "crashed": np.repeat([0.0, 1.0], [len(heard.replies), len(heard.crashed)]),
            "claims a turn": np.array([float(len(r["claims"])) for r in heard.replies]),
        },
        is_baseline=False,
    )


def facts_of(name: str, heard: Heard) -> dict[str, Any]:
    """Return counts that stand behind the shares."""
    total = {
        key: sum(int(t[key]) for t in heard.traces)
        for key in ("first_try", "repaired", "fell_back", "by_model")
    }
    return {
        f"{name}: model and revision": next(
            (f"{t['model']} {t['revision']}" for t in heard.traces if t["revision"]), "none"
        ),
        f"{name}: turns": len(heard.replies),
        f"{name}: escapes": sum(len(found) for found in heard.escaped),
        f"{name}: escapes a turn, upper bound": round(upper_bound(heard), 6),
        f"{name}: claims": sum(len(r["claims"]) for r in heard.replies),
        f"{name}: replies worded by a model": sum(r["composer"] == "llm" for r in heard.replies),
        **{f"{name}: clauses {key.replace('_', ' ')}": value for key, value in total.items()},
        f"{name}: turns refused": heard.refused,
    }


def upper_bound(heard: Heard) -> float:
    """Return the one-sided 95 % upper bound of the share of replies with an escape.

    With none it is about 3 / n, the rule of three.
    """
    n, bad = len(heard.escaped), sum(bool(found) for found in heard.escaped)
    return float(beta.ppf(0.95, bad + 1, n - bad)) if bad < n else 1.0


def write_replies(heard: Heard, options: RunOptions, name: str) -> None:
    """Write the replies for reading by hand."""
    options.out.mkdir(parents=True, exist_ok=True)
    label = "".join(sign if sign.isalnum() else "-" for sign in name)
    lines = [
        json.dumps(
            {
                "text": reply["text"],
                "claims": reply["claims"],
                "notes": reply["notes"],
                "escapes": [f"{e.sort}: {e.found}" for e in found],
                "left_out": trace["reasons"],
            },
            ensure_ascii=False,
        )
        for reply, found, trace in zip(heard.replies, heard.escaped, heard.traces, strict=True)
    ]
    (options.out / f"replies-{label}.jsonl").write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main("answers", __doc__ or "", run))
