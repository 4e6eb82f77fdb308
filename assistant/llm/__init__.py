"""Language models: one protocol, a local one, an endpoint, or none.

A model here only puts words to what code has decided. It may choose among wordings that are all
true (`choose`), or write one under a grammar of connecting words and slots (`write`). Heavy
packages are imported when a model is loaded.
"""

from __future__ import annotations

from assistant.llm.base import LanguageModel, Places, Schema
from assistant.llm.endpoint import EndpointLLM
from assistant.llm.grammar import sentence_pattern, wording_grammar
from assistant.llm.local import ADAPTER, TransformersLLM
from retrieval.text import weights

__all__ = [
    "EndpointLLM", "LanguageModel", "Places", "Schema", "TransformersLLM", "load_llm",
    "sentence_pattern", "wording_grammar",
]  # fmt: skip


def load_llm(spec: str, *, threads: int | None = None) -> LanguageModel | None:
    """Return the language model that `spec` names; None for `none`.

    Args:
        spec: `none`, `packaged` (SmolLM2-135M-Instruct), `own` (the same with the project's own
            adapter), a directory, a hub id, or `http(s)://HOST/v1`, where `#MODEL` may follow.
        threads: CPU cores for a local model; None takes `WHYCART_THREADS`, else all.

    Raises:
        ModelError: If the name means nothing, or the model cannot be had or loaded.
    """
    if spec in {"", "none"}:
        return None
    if "://" in spec:
        url, _, model = spec.partition("#")
        return EndpointLLM(url, model=model or None)
    if spec == "own":
        folder = weights.resolve("packaged", kind="llm")
        return TransformersLLM.load(folder, name=spec, adapter=ADAPTER, threads=threads)
    folder = weights.resolve(spec, kind="llm")
    name = weights.PACKAGED["llm"].name if spec == "packaged" else spec
    return TransformersLLM.load(folder, name=name, threads=threads)
