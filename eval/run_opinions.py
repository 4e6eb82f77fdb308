"""Aspect and polarity of review sentences, on held-out reviews.

    python -m eval.run_opinions --data DIR --store STORE --truth DIR

Tasks: `by_hand` (real reviews labelled by reading) and `planted` (the simulator's, in which every
sentence has its aspect). Ours must find the aspect and the polarity; the baselines are told the
aspect and only have to say whether it is praised. Precision is of what is let through, with its
Wilson interval; coverage is the share of what is there that is let through and right, over the
sentences drawn at random. Words were chosen on other reviews.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from eval.cli import RunOptions, main, say
from eval.data.base import hash_files
from eval.data.opinions import LABELS, Labelled, planted, read_by_hand
from eval.finish import finish
from eval.measured import MeasuredSystem, MeasuredTask, floor_of
from retrieval.aspects import aspect_reader
from retrieval.behaviour.discovery import wilson
from retrieval.errors import ConfigError
from retrieval.opinions import leans
from retrieval.store import Store

GOAL = 0.95
CLEAR = 0.1
"""A lean beyond this is taken as an opinion."""
TONE = 0.05
"""VADER's own bound of a neutral sentence."""
Read = Callable[[Labelled], Mapping[str, str]]
"""Aspect → polarity of one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share with its Wilson interval."""

    value: float
    low: float
    high: float


def run(options: RunOptions) -> int:
    """Measure both tasks and write the outputs."""
    tasks = []
    if options.wants("by_hand"):
        labelled = read_by_hand(options.data)
        tasks.append(measured("by_hand", labelled, baselines(options, labelled)))
    if options.wants("planted"):
        if options.truth is None:
            raise ConfigError(
                "`planted` needs the planted truth; name its folder with `--truth DIR`, or run "
                "`--only by_hand`"
            )
        labelled = planted(options.store, options.truth)
        tasks.append(measured("planted", labelled, baselines(options, labelled)))
    return finish(
        options,
        tasks,
        title="Opinions",
        summary="What review sentences praise and complain about, and how often that is right.",
    )


def ours(sentence: Labelled) -> Mapping[str, str]:
    """Read aspect and polarity; mixed ones are counted on neither side."""
    found = aspect_reader().read(sentence.text, sentence.rating)
    return {aspect: polarity for aspect, polarity in found.items() if polarity != "mixed"}


def baselines(options: RunOptions, labelled: Sequence[Labelled]) -> dict[str, Read]:
    """Return what says only whether a sentence is kind, told the aspects it speaks of."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyser = SentimentIntensityAnalyzer()
    with_lean = _leans(options, labelled)

    def rating(sentence: Labelled) -> Mapping[str, str]:
        return _all(sentence, (sentence.rating or 3.0) - 3.0, 0.5)

    def lexicon(sentence: Labelled) -> Mapping[str, str]:
        return _all(sentence, analyser.polarity_scores(sentence.text)["compound"], TONE)

    def lean(sentence: Labelled) -> Mapping[str, str]:
        return _all(sentence, with_lean[sentence.text], CLEAR)

    return {"rating of the review": rating, "sentiment lexicon": lexicon, "lean": lean}


def _leans(options: RunOptions, labelled: Sequence[Labelled]) -> dict[str, float]:
    """Return text → its lean, learned from the store's own rated sentences."""
    import numpy as np

    store = Store.open(options.store)
    rated = dict(store.dataset.reviews.select("review_id", "rating").iter_rows())
    known = np.array([rated[i] for i in store.dataset.spans["review_id"]], np.float64)
    texts = list(dict.fromkeys(sentence.text for sentence in labelled))
    vectors = np.concatenate([np.asarray(store.span_vectors.vectors), store.encoder.encode(texts)])
    ratings = np.concatenate([known, np.full(len(texts), np.nan)])
    found = leans(vectors, ratings, store.encoder)[len(known) :]
    store.close()
    return dict(zip(texts, found.tolist(), strict=True))


def _all(sentence: Labelled, score: float, bound: float) -> Mapping[str, str]:
    if abs(score) < bound:
        return {}
    return dict.fromkeys(sentence.aspects, "praise" if score > 0 else "complaint")


def measured(name: str, labelled: Sequence[Labelled], others: Mapping[str, Read]) -> MeasuredTask:
    """Return precision and coverage of ours and of the baselines."""
    systems = [
        MeasuredSystem(name="whycart", measures=measures(labelled, ours), is_baseline=False),
        *(MeasuredSystem(name=n, measures=measures(labelled, read)) for n, read in others.items()),
    ]
    precision = systems[0].measures["precision"]
    say(f"{name}: precision {precision.value:.3f} ({precision.low:.3f} to {precision.high:.3f})")
    return MeasuredTask(
        name=name,
        question="Which aspects does the sentence speak of, and does it praise or complain?",
        split="reviews of products whose hash is odd; words were chosen on the others",
        data_hash=hash_files([LABELS]),
        systems=systems,
        ours="whycart",
        headline="precision",
        n=len(labelled),
        floors=[floor_of(name, "precision", precision.value, GOAL, "the issue")],
    )


def measures(labelled: Sequence[Labelled], read: Read) -> dict[str, Share]:
    """Return precision of what is let through, by group too, and coverage."""
    found = {"precision": _precision(labelled, read), "coverage": _coverage(labelled, read)}
    for group in sorted({sentence.group for sentence in labelled}):
        found[f"precision {group}"] = _precision([s for s in labelled if s.group == group], read)
    return found


def _precision(labelled: Sequence[Labelled], read: Read) -> Share:
    verdicts = [
        sentence.aspects.get(aspect) == polarity
        for sentence in labelled
        for aspect, polarity in read(sentence).items()
    ]
    return _share(sum(verdicts), len(verdicts))


def _coverage(labelled: Sequence[Labelled], read: Read) -> Share:
    there = [
        read(sentence).get(aspect) == polarity
        for sentence in labelled
        if sentence.is_random
        for aspect, polarity in sentence.aspects.items()
        if polarity != "mixed"
    ]
    return _share(sum(there), len(there))


def _share(count: int, n: int) -> Share:
    if not n:
        return Share(value=0.0, low=0.0, high=1.0)
    low, high = wilson(count, n)
    return Share(value=count / n, low=low, high=high)


if __name__ == "__main__":
    sys.exit(main("opinions", "Aspect and polarity of review sentences.", run))
