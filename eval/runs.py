"""Runs and qrels in TREC form, so that any tool of the field reads them.

A run is query id → (document id → score), higher is better. Ids are written as they are; white
space in an id would break the format and is refused.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import IO, cast

from retrieval.errors import DataError

Run = Mapping[str, Mapping[str, float]]
Qrels = Mapping[str, Mapping[str, int]]


def write_run(run: Run, path: Path, *, system: str) -> None:
    """Write `query_id Q0 product_id rank score system`, best first; ties in order of the ids."""
    with _open(path, "w") as file:
        for query_id, scores in run.items():
            ranked = sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))
            for rank, (document_id, score) in enumerate(ranked, 1):
                _check(query_id, document_id)
                file.write(f"{query_id} Q0 {document_id} {rank} {score:.9g} {system}\n")


def read_run(path: Path) -> dict[str, dict[str, float]]:
    """Read what `write_run` wrote.

    Raises:
        DataError: Naming file and line of the first line that is not a run's.
    """
    run: dict[str, dict[str, float]] = {}
    for number, fields in _lines(path):
        try:
            query_id, _, document_id, _, score, _ = fields
            run.setdefault(query_id, {})[document_id] = float(score)
        except ValueError as error:
            raise DataError(
                f"{path}:{number}: not a TREC run line ({' '.join(fields)[:80]!r}); expected "
                "`query_id Q0 product_id rank score system`"
            ) from error
    return run


def write_qrels(qrels: Qrels, path: Path) -> None:
    """Write `query_id 0 product_id relevance`."""
    with _open(path, "w") as file:
        for query_id, judged in qrels.items():
            for document_id, relevance in judged.items():
                _check(query_id, document_id)
                file.write(f"{query_id} 0 {document_id} {relevance}\n")


def read_qrels(path: Path) -> dict[str, dict[str, int]]:
    """Read what `write_qrels` wrote.

    Raises:
        DataError: Naming file and line of the first line that is not of qrels.
    """
    qrels: dict[str, dict[str, int]] = {}
    for number, fields in _lines(path):
        try:
            query_id, _, document_id, relevance = fields
            qrels.setdefault(query_id, {})[document_id] = int(relevance)
        except ValueError as error:
            raise DataError(
                f"{path}:{number}: not a TREC qrels line ({' '.join(fields)[:80]!r}); expected "
                "`query_id 0 product_id relevance`"
            ) from error
    return qrels


def _open(path: Path, mode: str) -> IO[str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".gz":
        return cast("IO[str]", gzip.open(path, f"{mode}t", encoding="utf-8"))
    return path.open(mode, encoding="utf-8")


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    with _open(path, "r") as file:
        return [(number, line.split()) for number, line in enumerate(file, 1) if line.strip()]


def _check(*ids: str) -> None:
    for name in ids:
        if not name or any(sign.isspace() for sign in name):
            raise DataError(
                f"id {name!r} is empty or holds white space, which a TREC file cannot carry"
            )
