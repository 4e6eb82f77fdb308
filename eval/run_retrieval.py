"""Product search on icecat and evidence ranking on ePQA: our search against BM25.

    python -m eval.run_retrieval --data DIR

Lexical is the shop's own word index over product fields, semantic its vector search, fused the sum
of both after scaling, with the weights a store has by default. Nothing is tuned on the judgements.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.cli import RunOptions, main, progress
from eval.data.base import SearchTask
from eval.data.epqa import load_epqa
from eval.data.icecat import load_icecat
from eval.finish import finish
from eval.measures import judged_share, measure_run
from eval.results import Floor, System, TaskResult
from eval.runs import Run, write_qrels, write_run
from eval.vectors import TextEncoder, encode_cached, open_encoder
from retrieval.config import RankingConfig
from retrieval.data.dataset import Dataset
from retrieval.text.lexical import LexicalIndex, build_lexical

DEPTH = 100
Scores = Mapping[str, NDArray[np.float32]]
FLOORS = {
    "icecat": (
        Floor(measure="nDCG@10", value=0.706, source="BM25 over title and description"),
        Floor(measure="R@100", value=0.853, source="BM25 over title and description"),
    ),
    "epqa": (
        Floor(measure="RR", value=0.758, source="BM25"),
        Floor(measure="P@1", value=0.615, source="BM25"),
    ),
}
MEASURES = {"icecat": ("nDCG@10", "R@100", "RR"), "epqa": ("RR", "P@1", "nDCG@10")}


def run(options: RunOptions) -> int:
    """Evaluate both tasks and write the outputs."""
    encoder = open_encoder(options.encoder, options.device)
    tasks, seconds = [], {}
    for name, load in (("icecat", load_icecat), ("epqa", load_epqa)):
        if not options.wants(name):
            continue
        began = time.perf_counter()
        task = load(options.data, quick=options.quick)
        tasks.append(evaluate(task, encoder, options))
        seconds[name] = round(time.perf_counter() - began, 1)
    return finish(
        options,
        tasks,
        title="Search",
        summary="Does our search find what shoppers asked for, and the sentence that answers?",
        seconds=seconds,
    )


def evaluate(task: SearchTask, encoder: TextEncoder, options: RunOptions) -> TaskResult:
    """Score every query by every system, write runs and qrels, and return the values."""
    weights = RankingConfig().search
    systems = {
        "BM25": bm25_scores(task),
        "random": random_scores(task, options.seed),
        "ours: lexical": lexical_scores(task),
        "ours: semantic": semantic_scores(task, encoder, options.cache),
    }
    systems["ours: fused"] = fuse(
        systems["ours: lexical"], systems["ours: semantic"], weights["lexical"], weights["semantic"]
    )
    write_qrels(task.qrels, options.out / task.name / "qrels.txt")
    measured, facts = [], {}
    for name, scores in systems.items():
        found = to_run(task, scores)
        label = name.replace("ours: ", "ours-").replace(" ", "-")
        write_run(found, options.out / task.name / f"{label}.run.gz", system=label)
        measured.append(
            System(
                name=name,
                values=measure_run(task.qrels, found, MEASURES[task.name]),
                config={"weights": weights} if name == "ours: fused" else {},
                is_baseline=not name.startswith("ours"),
            )
        )
        facts[f"share of the first 10 judged, {name}"] = round(judged_share(task.qrels, found), 3)
    return TaskResult(
        name=task.name,
        question=f"Rank {len(task.documents):,} documents for a query in words."
        if not task.candidates
        else "Rank ten candidate sentences for a shopper's question.",
        split=task.split,
        data_hash=task.data_hash,
        systems=measured,
        ours="ours: fused",
        headline=MEASURES[task.name][0],
        floors=() if options.quick else FLOORS[task.name],
        facts=facts,
        notes=task.notes,
    )


def to_run(task: SearchTask, scores: Scores) -> Run:
    """Return the first 100 of each query with a score above 0; ties in index order."""
    documents = list(task.documents)
    row_of = {name: row for row, name in enumerate(documents)}
    found: dict[str, dict[str, float]] = {}
    for query_id, values in scores.items():
        if task.candidates:
            rows = np.array([row_of[name] for name in task.candidates[query_id]])
        else:
            top = min(DEPTH, len(values))
            rows = np.argpartition(-values, top - 1)[:top]
            rows = rows[values[rows] > 0]
        found[query_id] = {documents[row]: float(values[row]) for row in rows}
    return found


def bm25_scores(task: SearchTask) -> Scores:
    """Plain BM25 (k1 1.2, b 0.75, English stop words, stemmed) over the whole text."""
    import bm25s
    import Stemmer

    stemmer = Stemmer.Stemmer("english")
    index = bm25s.BM25(k1=1.2, b=0.75)
    texts = bm25s.tokenize(list(task.documents.values()), stemmer=stemmer, show_progress=False)
    index.index(texts, show_progress=False)
    scores = {}
    for query_id, query in task.queries.items():
        words = bm25s.tokenize([query], stemmer=stemmer, show_progress=False, return_ids=False)[0]
        known = [word for word in words if word in index.vocab_dict]
        scores[query_id] = (
            np.asarray(index.get_scores(known), np.float32)
            if known
            else np.zeros(len(task.documents), np.float32)
        )
    return scores


def random_scores(task: SearchTask, seed: int) -> Scores:
    """Return scores without meaning."""
    rng = np.random.default_rng(seed)
    return {q: rng.random(len(task.documents), dtype=np.float32) for q in task.queries}


def lexical_scores(task: SearchTask) -> Scores:
    """Return the shop's word index: title and description as a product's fields."""
    rows = []
    for i, text in enumerate(task.documents.values()):
        title, _, rest = ("", "", text) if task.candidates else text.partition("\n")
        rows.append({"product_id": f"{i:07d}", "title": title, "description": rest})
    dataset = Dataset.of(products=rows)
    with tempfile.TemporaryDirectory() as folder:
        build_lexical(Path(folder), dataset)
        index = LexicalIndex.open(Path(folder))
        items = progress(task.queries.items(), "lexical", len(task.queries))
        return {query_id: index.scores(query) for query_id, query in items}


def semantic_scores(task: SearchTask, encoder: TextEncoder, cache: Path) -> Scores:
    """Cosine of query and document vectors, negatives as 0."""
    texts = [" ".join(text.split()) for text in task.documents.values()]
    documents = encode_cached(texts, encoder, cache, role="passage", label=task.name)
    queries = encode_cached(
        list(task.queries.values()), encoder, cache, role="query", label="queries"
    )
    return {
        query_id: np.maximum(documents @ vector, 1e-6)
        for query_id, vector in zip(task.queries, queries, strict=True)
    }


def fuse(lexical: Scores, semantic: Scores, by_word: float, by_meaning: float) -> Scores:
    """Sum both as `retrieval.candidates` does: words scaled by their largest score."""
    fused = {}
    for query_id, words in lexical.items():
        top = float(words.max(initial=0.0)) or 1.0
        fused[query_id] = by_word * words / top + by_meaning * semantic[query_id]
    return fused


if __name__ == "__main__":
    sys.exit(main("retrieval", __doc__ or "", run))
