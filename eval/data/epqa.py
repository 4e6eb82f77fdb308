"""ePQA: real shopper questions, ten candidate sentences each, labelled 0, 1 or 2.

Only the questions with a full answer (a sentence labelled 2) are ranked; a sentence counts as right
if it is labelled 2.
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
    answerable = frame.filter(pl.col("label").max().over("qid") == 2)
    questions = answerable["qid"].unique(maintain_order=True).to_list()
    if quick:
        questions = questions[:40]
        answerable = answerable.filter(pl.col("qid").is_in(questions))
    documents: dict[str, str] = {}
    qrels: dict[str, dict[str, int]] = {}
    candidates: dict[str, list[str]] = {}
    queries: dict[str, str] = {}
    for row in answerable.iter_rows(named=True):
        query_id, sentence_id = f"q{row['qid']}", f"s{row['qa_pair_id']}"
        queries[query_id] = row["question"]
        documents[sentence_id] = row["candidate"] or ""
        candidates.setdefault(query_id, []).append(sentence_id)
        qrels.setdefault(query_id, {})[sentence_id] = int(row["label"] == 2)
    return SearchTask(
        name="epqa",
        split="all questions with a full answer, ten sentences each; label 2 is right; no tuning",
        data_hash=hash_files(paths),
        documents=documents,
        queries=queries,
        qrels=qrels,
        candidates=candidates,
    )
