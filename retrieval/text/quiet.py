"""Keeps libraries from calling home and from hogging cores: call `go_offline` before they load."""

from __future__ import annotations

import os

ALWAYS = {
    "ANONYMIZED_TELEMETRY": "False",  # chromadb
    "DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
}
POLITE = {
    # Threads that wait by spinning collapse on busy cores: 2 threads at load 5 wrote 1 token a
    # second, sleeping ones 6, and nothing is lost on idle cores.
    "OMP_WAIT_POLICY": "PASSIVE",
}
SERVING = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
}


def go_offline(*, downloads: bool = False) -> None:
    """Set the environment so that no library looks anything up outside this machine.

    Also makes waiting threads sleep, unless the environment says otherwise.

    Args:
        downloads: True still lets weights be fetched (while building a store); telemetry and
            analytics stay off. What serves shoppers leaves it False.
    """
    os.environ.update(ALWAYS)
    for name, value in POLITE.items():
        os.environ.setdefault(name, value)
    if not downloads:
        os.environ.update(SERVING)
        # Many small products of matrix and vector: one core each, whoever asks.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def is_offline() -> bool:
    """Whether nothing may be downloaded now."""
    return os.environ.get("HF_HUB_OFFLINE", "").lower() in {"1", "true", "yes", "on"}
