"""Product search on icecat and on the sample store, evidence ranking on ePQA: ours against BM25.

    python -m eval.run_retrieval --data DIR --store STORE [--encoder NAME] [--only icecat]

Lexical is the shop's own word index over product fields, semantic its vector search, fused the sum
of both after scaling, with the weights a store has by default. What is chosen on judgements is
chosen on the other folds of five over queries: the tuned BM25, the fusion's weight, and the weights
of what answers a question.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assistant.config import AssistantConfig
from eval.cli import RunOptions, main, progress, say
from eval.data.base import SearchTask
from eval.data.epqa import load_epqa
from eval.data.icecat import load_icecat
from eval.finish import finish
from eval.languages import evaluate_languages
from eval.measures import auc, judged_share, measure_run
from eval.results import Floor, System, TaskResult
from eval.runs import Run, write_qrels, write_run
from eval.vectors import TextEncoder, encode_cached, open_encoder
from retrieval.config import RankingConfig
from retrieval.data.dataset import Dataset, Product
from retrieval.errors import DataError
from retrieval.text.answers import signs
from retrieval.text.bm25 import weigh
from retrieval.text.languages import relative
from retrieval.text.lexical import LexicalIndex, build_lexical, tokenise

DEPTH = 100
FOLDS = 5
FUSION_WEIGHTS = (0.2, 0.3, 0.5, 0.7, 1.0)
BM25_GRID = ((0.6, 0.5), (0.9, 0.4), (1.2, 0.5), (1.2, 0.75), (1.5, 0.75), (2.0, 0.75), (2.0, 0.9))
"""(k1, b) that the tuned BM25 may have."""
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
    """Evaluate the tasks and write the outputs."""
    encoder = open_encoder(options.encoder, options.device)
    tasks, seconds = [], {}
    for name, load in (("icecat", load_icecat), ("epqa", load_epqa)):
        if not options.wants(name):
            continue
        began = time.perf_counter()
        task = load(options.data, quick=options.quick)
        tasks.append(evaluate(task, encoder, options))
        seconds[name] = round(time.perf_counter() - began, 1)
    if options.wants("languages") and options.store.exists():
        try:
            tasks.append(evaluate_languages(options))
        except DataError as error:
            if options.only:
                raise
            say(f"languages left out: {error}")
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
    words, meaning = lexical_scores(task), semantic_scores(task, encoder, options.cache)
    systems = {"BM25": bm25_scores(task)}
    facts: dict[str, object] = {}
    if task.candidates:
        systems["ours: fused"], facts = answer_scores(task, meaning)
    else:
        systems["BM25, tuned"], facts["BM25 chosen by fold"] = tuned_bm25(task)
        systems["ours: fused"] = fuse(words, meaning, weights["lexical"], weights["semantic"])
        fused = {str(w): fuse(words, meaning, 1.0, w) for w in FUSION_WEIGHTS}
        systems["ours: fused, weight by fold"], facts["fusion weight by fold"] = by_fold(
            task, fused, "nDCG@10"
        )
    systems |= {
        "random": random_scores(task, options.seed),
        "ours: lexical": words,
        "ours: semantic": meaning,
    }
    write_qrels(task.qrels, options.out / task.name / "qrels.txt")
    measured = []
    for name, scores in systems.items():
        found = to_run(task, scores)
        label = name.replace("ours: ", "ours-").replace(" ", "-")
        write_run(found, options.out / task.name / f"{label}.run.gz", system=label)
        measured.append(
            System(
                name=name,
                values=measures_of(task, found),
                config={"weights": weights}
                if name == "ours: fused" and not task.candidates
                else {},
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


def measures_of(task: SearchTask, found: Run) -> dict[str, NDArray[np.float64]]:
    """Return the task's measures, and nDCG@10 among judged documents alone where many are not.

    Judgements that were pooled from word search count what other searches find as wrong; leaving
    unjudged documents out of every run (Sakai 2007) compares on what is known.
    """
    values = measure_run(task.qrels, found, MEASURES[task.name])
    if not task.candidates:
        known = {
            q: {d: s for d, s in run.items() if d in task.qrels[q]} for q, run in found.items()
        }
        values["nDCG@10, judged only"] = measure_run(task.qrels, known, ("nDCG@10",))["nDCG@10"]
    return values


def to_run(task: SearchTask, scores: Scores) -> Run:
    """Return the first 100 of each query with a score above 0; ties in index order."""
    documents = list(task.documents)
    row_of = {name: row for row, name in enumerate(documents)}
    found: dict[str, dict[str, float]] = {}
    for query_id in task.queries:
        values = scores[query_id]
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
    return bm25_grid(list(task.documents.values()), task.queries)[1.2, 0.75]


def random_scores(task: SearchTask, seed: int) -> Scores:
    """Return scores without meaning."""
    rng = np.random.default_rng(seed)
    return {q: rng.random(len(task.documents), dtype=np.float32) for q in task.queries}


def tuned_bm25(task: SearchTask) -> tuple[Scores, list[str]]:
    """BM25 with k1, b and the text it reads chosen on the other folds, as `bm25_scores` else."""
    texts = {
        "title and description": list(task.documents.values()),
        "all fields": [_all_fields(product) for product in task.products],
    }
    runs: dict[str, Scores] = {}
    for label, documents in texts.items():
        grid = bm25_grid(documents, task.queries)
        runs |= {f"{label}, k1 {k1}, b {b}": scores for (k1, b), scores in grid.items()}
    return by_fold(task, runs, "nDCG@10")


def bm25_grid(
    documents: Sequence[str], queries: Mapping[str, str]
) -> dict[tuple[float, float], Scores]:
    """Return (k1, b) → plain BM25 over whole texts, English stop words, stemmed."""
    import bm25s
    import Stemmer

    stemmer = Stemmer.Stemmer("english")
    texts = bm25s.tokenize(list(documents), stemmer=stemmer, show_progress=False)
    asked = bm25s.tokenize(
        list(queries.values()), stemmer=stemmer, show_progress=False, return_ids=False
    )
    found: dict[tuple[float, float], Scores] = {}
    for k1, b in BM25_GRID:
        index = bm25s.BM25(k1=k1, b=b)
        index.index(texts, show_progress=False)
        scores = {}
        for query_id, words in zip(queries, asked, strict=True):
            known = [word for word in words if word in index.vocab_dict]
            scores[query_id] = (
                np.asarray(index.get_scores(known), np.float32)
                if known
                else np.zeros(len(documents), np.float32)
            )
        found[k1, b] = scores
    return found


def by_fold(task: SearchTask, runs: Mapping[str, Scores], measure: str) -> tuple[Scores, list[str]]:
    """Return for each fold of queries the run that is best on the other folds, and which it was."""
    values = {
        name: measure_run(task.qrels, to_run(task, scores), (measure,))[measure]
        for name, scores in runs.items()
    }
    queries = list(task.qrels)
    fold_of = np.random.default_rng(0).permutation(len(queries)) % FOLDS
    chosen: list[str] = []
    found: dict[str, NDArray[np.float32]] = {}
    for fold in range(FOLDS):
        rest = fold_of != fold
        best = max(values, key=lambda name: float(values[name][rest].mean()))
        chosen.append(best)
        found |= {queries[i]: runs[best][queries[i]] for i in np.flatnonzero(fold_of == fold)}
    return found, chosen


def lexical_scores(task: SearchTask) -> Scores:
    """Return the shop's word index over a product's fields; of plain texts there is only one."""
    rows = []
    for i, text in enumerate(task.documents.values()):
        row: dict[str, object] = {"product_id": f"{i:07d}", "title": "", "description": text}
        if task.products:
            product = task.products[i]
            row |= {
                "title": product.title,
                "brand": product.brand,
                "attributes": json.dumps(dict(product.attributes)),
                "description": product.description,
            }
        rows.append(row)
    dataset = Dataset.of(products=rows)
    with tempfile.TemporaryDirectory() as folder:
        build_lexical(Path(folder), dataset)
        index = LexicalIndex.open(Path(folder))
        items = progress(task.queries.items(), "lexical", len(task.queries))
        return {query_id: index.scores(query) for query_id, query in items}


def _all_fields(product: Product) -> str:
    attributes = (f"{name} {value}" for name, value in product.attributes.items())
    return " ".join([product.title, product.description, product.brand or "", *attributes])


def semantic_scores(task: SearchTask, encoder: TextEncoder, cache: Path) -> Scores:
    """Cosine of query and document vectors."""
    texts = [" ".join(text.split()) for text in task.documents.values()]
    documents = encode_cached(texts, encoder, cache, role="passage", label=task.name)
    asked = {**task.queries, **task.unanswerable}
    queries = encode_cached(list(asked.values()), encoder, cache, role="query", label="queries")
    return {
        query_id: np.asarray(documents @ vector, np.float32)
        for query_id, vector in zip(asked, queries, strict=True)
    }


def answer_scores(task: SearchTask, meaning: Scores) -> tuple[Scores, dict[str, object]]:
    """Return how probably each candidate answers, fitted on the other folds of five over questions.

    The second part says how well "nothing here answers" is told: the area under the ROC curve of
    the best candidate's probability, and precision and recall at the threshold that is shipped.
    """
    from sklearn.linear_model import LogisticRegression

    documents = list(task.documents)
    row_of = {name: row for row, name in enumerate(documents)}
    index = weigh([[tokenise(text)] for text in task.documents.values()], [1.0])
    asked = {**task.queries, **task.unanswerable}
    rows = {q: np.array([row_of[name] for name in task.candidates[q]]) for q in asked}
    found = {
        q: signs(text, [task.documents[documents[r]] for r in rows[q]], index, meaning[q][rows[q]])
        for q, text in asked.items()
    }
    right = {
        q: np.array([task.qrels.get(q, {}).get(documents[r], 0) > 0 for r in rows[q]])
        for q in asked
    }
    names = list(asked)
    fold_of = dict(
        zip(names, np.random.default_rng(0).permutation(len(names)) % FOLDS, strict=True)
    )
    scores: dict[str, NDArray[np.float32]] = {}
    for fold in range(FOLDS):
        rest = [q for q in names if fold_of[q] != fold]
        model = LogisticRegression(max_iter=1_000)
        model.fit(
            np.concatenate([found[q] for q in rest]), np.concatenate([right[q] for q in rest])
        )
        for q in (q for q in names if fold_of[q] == fold):
            scores[q] = np.zeros(len(documents), np.float32)
            scores[q][rows[q]] = model.predict_proba(found[q])[:, 1]
    best = np.array([float(scores[q].max()) for q in names])
    nothing = np.array([q in task.unanswerable for q in names])
    silent = best < AssistantConfig().answer_similarity
    facts: dict[str, object] = {
        "AUC of telling that nothing answers": round(auc((-best).tolist(), nothing.tolist()), 3),
        "questions without an answer": int(nothing.sum()),
        "share left unanswered": round(float(silent.mean()), 3),
        "of those, share without an answer": round(float(nothing[silent].mean()), 3)
        if silent.any()
        else 0.0,
        "share of the questions without an answer that is left": round(
            float(silent[nothing].mean()), 3
        )
        if nothing.any()
        else 0.0,
    }
    return scores, facts


def fuse(lexical: Scores, semantic: Scores, by_word: float, by_meaning: float) -> Scores:
    """Sum both as `retrieval.candidates` does: words by their best, meaning above its mean."""
    fused = {}
    for query_id, words in lexical.items():
        top = float(words.max(initial=0.0)) or 1.0
        fused[query_id] = by_word * words / top + by_meaning * relative(semantic[query_id])
    return fused


if __name__ == "__main__":
    sys.exit(main("retrieval", __doc__ or "", run))
