"""ePQA: real shopper questions, ten candidate sentences each, labelled 0, 1 or 2.

Only the questions with a full answer (a sentence labelled 2) are ranked; a sentence counts as right
if it is labelled 2. The others are there for saying that nothing answers.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from eval.data.base import SearchTask, hash_files, need


def load_epqa(data: Path, *, quick: bool = False) -> SearchTask:
    """Return the sentence-ranking task over the answerable questions.

    Raises:
        DataError: If the file is missing.
    """
    paths = need(data / "epqa", "epqa_dev.parquet")
    frame = pl.read_parquet(paths[0])
    if quick:
        questions = frame["qid"].unique(maintain_order=True).to_list()[:50]
        frame = frame.filter(pl.col("qid").is_in(questions))
    best = dict(frame.group_by("qid").agg(pl.col("label").max()).iter_rows())
    unanswerable: dict[str, str] = {}
    documents: dict[str, str] = {}
    qrels: dict[str, dict[str, int]] = {}
    candidates: dict[str, list[str]] = {}
    queries: dict[str, str] = {}
    for row in frame.iter_rows(named=True):
        query_id, sentence_id = f"q{row['qid']}", f"s{row['qa_pair_id']}"
        documents[sentence_id] = row["candidate"] or ""
        candidates.setdefault(query_id, []).append(sentence_id)
        if best[row["qid"]] != 2:
            unanswerable[query_id] = row["question"]
            continue
        queries[query_id] = row["question"]
        qrels.setdefault(query_id, {})[sentence_id] = int(row["label"] == 2)
    return SearchTask(
        name="epqa",
        split="all questions with a full answer, ten sentences each; label 2 is right; what is "
        "fitted is fitted on the other folds of five over questions",
        data_hash=hash_files(paths),
        documents=documents,
        queries=queries,
        qrels=qrels,
        candidates=candidates,
        unanswerable=unanswerable,
    )
