"""Language models: one protocol, a local one, an endpoint, or none.

A model here only puts words to what code has decided. It may choose among wordings that are all
true (`choose`), or write under a grammar whose every digit, price and product name comes from the
evidence (`slot_grammar`, `write`). Heavy packages are imported when a model is loaded.
"""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from retrieval.errors import ModelBusyError, ModelError
from retrieval.text import weights
from retrieval.text.hardware import limit_threads, pick_device, pick_precision

Schema = Mapping[str, Any]
CHARACTERS_PER_TOKEN = 40
"""An endpoint that sends more than this for each token allowed is cut off."""


class LanguageModel(Protocol):
    """What a composer may ask of a language model. Safe to call from several threads."""

    name: str
    revision: str
    """Hash of a local model's files, or what an endpoint calls its model."""
    is_constrained: bool
    """True when `write` enforces its grammar, token by token."""

    def choose(self, context: str, options: Sequence[str]) -> int:
        """Return the number of the option that reads best after the context.

        All options must be true: this is taste, not judgement. Same question, same answer.
        """
        ...

    def write(
        self,
        system: str,
        user: str,
        *,
        grammar: str | None = None,
        json_schema: Schema | None = None,
        max_tokens: int = 256,
        deadline_s: float = 20.0,
        cancel: threading.Event | None = None,
    ) -> Iterator[str]:
        """Yield the reply piece by piece; closing the iterator or setting `cancel` stops the model.

        Args:
            system: What the model is told to do.
            user: What it is to work on; data, never a template.
            grammar: Lark grammar that the text must follow (`slot_grammar`).
            json_schema: The text must be JSON of this schema; not with `grammar`.
            max_tokens: At most this many tokens; a text can end unfinished.
            deadline_s: Seconds after which the model gives up, waiting for a place included.
            cancel: Set by anyone who no longer wants the text.

        Raises:
            ModelBusyError: If too many are waiting already.
            ModelError: If the deadline passes or the model fails.
        """
        ...


# --- grammar ------------------------------------------------------------------------------------


def slot_grammar(
    slots: Mapping[str, str],
    words: Sequence[str],
    *,
    max_words: int,
    joiner: str = " ",
    stop: str = ".",
) -> str:
    """Return a Lark grammar of one sentence made of known words and of evidence, copied literally.

    A word may be capitalised at the start and be followed by a comma. Nothing else can be written:
    no digit, price or name that is not a slot.

    Args:
        slots: Name to the literal text of each piece of evidence; names are for the caller only.
        words: The closed list: letters, hyphens, apostrophes.
        max_words: Words and slots in the sentence, at most.
        joiner: Between words; empty for Chinese.
        stop: How the sentence ends.

    Raises:
        ValueError: If a word is not made of letters, a slot is empty, or nothing is left to say.
    """
    if max_words < 1:
        raise ValueError(f"`max_words` must be at least 1, got {max_words}")
    for word in words:
        if not re.fullmatch(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*", word):
            raise ValueError(f"`words` must be letters only, got {word!r}; make it a slot")
    literals = [" ".join(text.split()) for text in slots.values()]
    if not all(literal and literal.isprintable() for literal in literals):
        raise ValueError(f"slots must be printable and not empty, got {dict(slots)!r}")
    if not words and not literals:
        raise ValueError("a grammar needs at least one word or slot")
    inside = "|".join(_escaped([*words, *literals]))
    first = "|".join(_escaped([*words, *(w[:1].upper() + w[1:] for w in words), *literals]))
    between = f"(?:{_pattern(joiner)}|{_pattern(',' + joiner if joiner else '，')})"
    sentence = f"(?:{first})(?:{between}(?:{inside})){{0,{max_words - 1}}}{_pattern(stop)}"
    return f"start: /{sentence}/\n"


def _escaped(texts: Sequence[str]) -> list[str]:
    return sorted({_pattern(text) for text in texts}, key=lambda p: (-len(p), p))


def _pattern(text: str) -> str:
    """The text as a regular expression inside Lark's slashes."""
    plain = set("_ ")
    return "".join(
        "\\" + c if c.isascii() and not c.isalnum() and c not in plain else c for c in text
    )


# --- a model in this process ----------------------------------------------------------------------


class TransformersLLM:
    """A causal language model of `transformers`, on CUDA when there is one, else on the CPU."""

    is_constrained = True

    def __init__(
        self,
        folder: Path,
        *,
        name: str | None = None,
        threads: int | None = None,
        places: int = 1,
        waiting: int = 8,
    ) -> None:
        """Load the model.

        Args:
            folder: Directory with safetensors and a tokenizer.
            name: How to call it; default the folder's name.
            threads: CPU cores; None takes `WHYCART_THREADS`, else all.
            places: Texts written at the same time.
            waiting: Askers that may wait for a place; the next one is refused.

        Raises:
            ModelError: If it cannot be loaded.
        """
        weights.check_folder(folder)
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from transformers.utils import logging as transformers_logging

        transformers_logging.disable_progress_bar()
        limit_threads(threads)
        device = pick_device("auto")
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
            self._model: Any = AutoModelForCausalLM.from_pretrained(
                folder,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                dtype=getattr(torch, pick_precision(device)),
                device_map="auto" if device == "cuda" else None,
            ).eval()
        except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
            raise ModelError(
                f"{folder}: cannot be loaded as a language model ({error}); name another with `LLM`"
            ) from error
        self.name = name or folder.name
        self.revision = weights.model_hash(folder)
        self._places = _Places(places, waiting)
        self._ends = self._end_tokens()
        self._constrainer: Any = None
        self._constrainer_lock = threading.Lock()

    def choose(self, context: str, options: Sequence[str]) -> int:
        """Return the option with the highest mean log-likelihood per token after the context."""
        scores = self.score(context, options)
        return max(range(len(scores)), key=lambda i: (scores[i], -i))

    def score(self, context: str, options: Sequence[str]) -> list[float]:
        """Return each option's mean log-likelihood per token after the context, in nats.

        The context runs through the model once, then all options as one batch.
        """
        if not options:
            raise ValueError("`options` must not be empty")
        if len(options) == 1:
            return [0.0]
        import torch

        before = self._ids(context) or [next(iter(self._ends), 0)]
        rows = [self._ids(option, special=False) for option in options]
        width = max(1, *map(len, rows))
        self._check_length(len(before) + width)
        padded = torch.tensor([row + [0] * (width - len(row)) for row in rows])
        with self._places.take(deadline_s=60.0), torch.inference_mode():
            device = self._model.device
            start = self._model(torch.tensor([before], device=device), use_cache=True)
            cache = start.past_key_values
            cache.batch_repeat_interleave(len(rows))
            padded = padded.to(device)
            # Padding stands right of what is scored, so causal attention never sees it.
            after = self._model(padded, past_key_values=cache, use_cache=True).logits
            last = start.logits[:, -1:].expand(len(rows), 1, -1)
            logits = torch.cat([last, after[:, :-1]], dim=1).float()
            chosen = logits.gather(2, padded.unsqueeze(2)).squeeze(2)
            likelihood = (chosen - logits.logsumexp(dim=2)).cpu()
        return [
            float(likelihood[i, : len(row)].mean()) if row else float("-inf")
            for i, row in enumerate(rows)
        ]

    def write(
        self,
        system: str,
        user: str,
        *,
        grammar: str | None = None,
        json_schema: Schema | None = None,
        max_tokens: int = 256,
        deadline_s: float = 20.0,
        cancel: threading.Event | None = None,
    ) -> Iterator[str]:
        """Yield the greedy continuation piece by piece; see `LanguageModel.write`."""
        end = time.monotonic() + deadline_s
        prompt = self._prompt(system, user)
        self._check_length(len(prompt) + max_tokens)
        matcher = self._matcher(grammar, json_schema)
        with self._places.take(deadline_s=deadline_s, cancel=cancel):
            shown = ""
            written: list[int] = []
            for token in self._tokens(prompt, matcher, max_tokens):
                written.append(token)
                text = self._tokenizer.decode(written, skip_special_tokens=True)
                if not text.endswith("\ufffd") and len(text) > len(shown):  # whole characters only
                    yield text[len(shown) :]
                    shown = text
                if cancel is not None and cancel.is_set():
                    return
                if time.monotonic() > end:
                    raise ModelError(
                        f"{self.name} needed more than {deadline_s:g} s; a shorter reply, more "
                        "cores or a GPU would help"
                    )

    def _tokens(self, prompt: list[int], matcher: Any, max_tokens: int) -> Iterator[int]:  # noqa: ANN401
        import torch

        given = torch.tensor([prompt], device=self._model.device)
        cache = None
        for _ in range(max_tokens):
            with torch.inference_mode():
                step = self._model(given, past_key_values=cache, use_cache=True, logits_to_keep=1)
            cache = step.past_key_values
            logits = step.logits[0, -1].float()
            if matcher is not None:
                logits = _only_allowed(logits, matcher)
            token = int(logits.argmax())
            if token in self._ends:
                return
            if matcher is not None and not matcher.consume_token(token):
                raise ModelError(f"{self.name}: the grammar refused its own token {token}")
            yield token
            if matcher is not None and matcher.is_stopped():
                return
            given = torch.tensor([[token]], device=self._model.device)

    def _matcher(self, grammar: str | None, json_schema: Schema | None) -> Any:  # noqa: ANN401
        if grammar is None and json_schema is None:
            return None
        if grammar is not None and json_schema is not None:
            raise ValueError("give `grammar` or `json_schema`, not both")
        import llguidance
        import llguidance.hf

        with self._constrainer_lock:
            if self._constrainer is None:
                self._constrainer = llguidance.hf.from_tokenizer(
                    self._tokenizer, n_vocab=self._model.config.get_text_config().vocab_size
                )
        kind, text = (
            ("lark", grammar) if grammar is not None else ("json_schema", json.dumps(json_schema))
        )
        matcher = llguidance.LLMatcher(self._constrainer, llguidance.grammar_from(kind, text))
        if matcher.is_error():
            raise ModelError(f"the grammar is not usable: {matcher.get_error()}")
        return matcher

    def _prompt(self, system: str, user: str) -> list[int]:
        """The chat as tokens. Control tokens inside the texts are broken up: they are data."""
        system, user = self._as_data(system), self._as_data(user)
        if not self._tokenizer.chat_template:
            return self._ids(f"{system}\n\n{user}\n\n")
        turns = [{"role": "system", "content": system}, {"role": "user", "content": user}]
        text = self._tokenizer.apply_chat_template(
            turns, tokenize=False, add_generation_prompt=True, enable_thinking=False
        )
        return self._ids(text, special=False)

    def _as_data(self, text: str) -> str:
        for token in sorted(self._tokenizer.all_special_tokens, key=len, reverse=True):
            text = text.replace(token, token[:1] + " " + token[1:])
        return text

    def _ids(self, text: str, *, special: bool = True) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=special)["input_ids"])

    def _end_tokens(self) -> frozenset[int]:
        ends = self._model.generation_config.eos_token_id
        found = set(ends) if isinstance(ends, list) else {ends}
        found.add(self._tokenizer.eos_token_id)
        return frozenset(token for token in found if token is not None)

    def _check_length(self, n_tokens: int) -> None:
        limit = getattr(self._model.config.get_text_config(), "max_position_embeddings", None)
        if limit is not None and n_tokens > limit:
            raise ModelError(
                f"{self.name} holds {limit} tokens, this needs {n_tokens}; give it less evidence"
            )


def _only_allowed(logits: Any, matcher: Any) -> Any:  # noqa: ANN401
    """Minus infinity for every token that the grammar does not allow next."""
    import numpy as np
    import torch

    bits = np.unpackbits(np.frombuffer(matcher.compute_bitmask(), np.uint8), bitorder="little")
    allowed = torch.from_numpy(bits[: len(logits)].astype(bool)).to(logits.device)
    logits[: len(allowed)].masked_fill_(~allowed, float("-inf"))
    logits[len(allowed) :] = float("-inf")
    return logits


class _Places:
    """A few may work at once, a few more may wait, the rest are told to come back."""

    def __init__(self, places: int, waiting: int) -> None:
        self._free = threading.Semaphore(places)
        self._queue = threading.Semaphore(places + waiting)

    @contextmanager
    def take(self, *, deadline_s: float, cancel: threading.Event | None = None) -> Iterator[None]:
        if not self._queue.acquire(blocking=False):
            raise ModelBusyError("the language model has too many askers; try again in a moment")
        try:
            if not self._wait(deadline_s, cancel):
                raise ModelBusyError(f"the language model was not free within {deadline_s:g} s")
            try:
                yield
            finally:
                self._free.release()
        finally:
            self._queue.release()

    def _wait(self, deadline_s: float, cancel: threading.Event | None) -> bool:
        end = time.monotonic() + deadline_s
        while not self._free.acquire(timeout=0.1):
            if time.monotonic() > end or (cancel is not None and cancel.is_set()):
                return False
        return True


# --- a model behind a URL -------------------------------------------------------------------------


class EndpointLLM:
    """A model behind the OpenAI protocol (vLLM, `transformers serve`, llama.cpp).

    The key is taken from `LLM_API_KEY`. Redirects are not followed. A JSON schema is sent as
    `response_format`; a server that refuses it is asked without, and the gate still checks.
    """

    is_constrained = False

    def __init__(
        self, url: str, *, model: str | None = None, places: int = 8, waiting: int = 32
    ) -> None:
        """Ask the server which model it serves.

        Args:
            url: Base address that ends in `/v1`.
            model: Which of its models; None takes the first.
            places: Requests at the same time.
            waiting: Askers that may wait for a place.

        Raises:
            ModelError: If the address is not http(s) or nothing answers there.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ModelError(f"`{url}` is no endpoint; give http(s)://HOST/v1")
        import httpx

        key = os.environ.get("LLM_API_KEY")
        self._client = httpx.Client(
            base_url=url.rstrip("/") + "/",
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(30.0, connect=5.0),
            follow_redirects=False,
        )
        failed: tuple[type[Exception], ...] = (httpx.HTTPError, httpx.StreamError)
        self._failed = failed
        self._unreadable = failed + (ValueError, KeyError, IndexError, TypeError)  # noqa: RUF005
        self._places = _Places(places, waiting)
        self._takes_schema = True
        self._url = url
        self.name = model or self._first_model()
        self.revision = self.name

    def choose(self, context: str, options: Sequence[str]) -> int:
        """Return the option the model names; the first when it names none."""
        if not options:
            raise ValueError("`options` must not be empty")
        if len(options) == 1:
            return 0
        listed = "\n".join(f"{i}: {option}" for i, option in enumerate(options))
        schema = {
            "type": "object",
            "properties": {"best": {"type": "integer", "minimum": 0, "maximum": len(options) - 1}},
            "required": ["best"],
            "additionalProperties": False,
        }
        pieces = self.write(
            'Which wording reads best after the text? Answer with JSON like {"best": 0}.',
            f"Text:\n{context}\n\nWordings:\n{listed}",
            json_schema=schema,
            max_tokens=16,
        )
        named = re.search(r"\d+", "".join(pieces))
        best = int(named.group()) if named else 0
        return best if best < len(options) else 0

    def write(
        self,
        system: str,
        user: str,
        *,
        grammar: str | None = None,
        json_schema: Schema | None = None,
        max_tokens: int = 256,
        deadline_s: float = 20.0,
        cancel: threading.Event | None = None,
    ) -> Iterator[str]:
        """Yield what the server streams; `grammar` is not enforced here (`is_constrained`)."""
        end = time.monotonic() + deadline_s
        body: dict[str, Any] = {
            "model": self.name,
            "messages": [
                {"role": "system", "content": system},
                {"role": "user", "content": user},
            ],
            "max_tokens": max_tokens,
            "temperature": 0,
            "seed": 0,
            "stream": True,
        }
        room = max_tokens * CHARACTERS_PER_TOKEN
        with self._places.take(deadline_s=deadline_s, cancel=cancel):
            for piece in self._stream(body, json_schema, deadline_s):
                if time.monotonic() > end:
                    raise ModelError(f"{self._url} needed more than {deadline_s:g} s")
                if cancel is not None and cancel.is_set():
                    return
                yield piece[:room]
                room -= len(piece)
                if room <= 0:
                    return

    def _stream(
        self, body: dict[str, Any], schema: Schema | None, timeout_s: float
    ) -> Iterator[str]:
        asked = dict(body)
        if schema is not None and self._takes_schema:
            asked["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "reply", "strict": True, "schema": dict(schema)},
            }
        try:
            with self._client.stream(
                "POST", "chat/completions", json=asked, timeout=timeout_s
            ) as answer:
                if answer.status_code in {400, 422} and "response_format" in asked:
                    self._takes_schema = False
                elif answer.status_code != 200:
                    said = answer.read()[:200].decode("utf-8", "replace")
                    raise ModelError(f"{self._url} answered {answer.status_code}: {said}")
                else:
                    yield from _pieces(answer.iter_lines())
                    return
        except self._failed as error:
            raise ModelError(f"{self._url} failed ({error}); check that it runs") from error
        yield from self._stream(body, None, timeout_s)

    def _first_model(self) -> str:
        try:
            answer = self._client.get("models", timeout=10.0)
            answer.raise_for_status()
            return str(answer.json()["data"][0]["id"])
        except self._unreadable as error:
            raise ModelError(
                f"{self._url} does not say which model it serves ({error}); check the address, or "
                "name the model: http(s)://HOST/v1#MODEL"
            ) from error


def _pieces(lines: Iterator[str]) -> Iterator[str]:
    """The text in a stream of server-sent events."""
    for line in lines:
        if not line.startswith("data:"):
            continue
        event = line.removeprefix("data:").strip()
        if event == "[DONE]":
            return
        try:
            choices = json.loads(event).get("choices") or [{}]
            piece = (choices[0].get("delta") or {}).get("content")
        except (ValueError, AttributeError, IndexError, TypeError) as error:
            raise ModelError(f"the endpoint sent what is no chat piece: {event[:80]!r}") from error
        if piece:
            yield str(piece)


def load_llm(spec: str, *, threads: int | None = None) -> LanguageModel | None:
    """Return the language model that `spec` names; None for `none`.

    Args:
        spec: `none`, `packaged` (SmolLM2-135M-Instruct), a directory, a hub id, or
            `http(s)://HOST/v1`, where `#MODEL` may follow.
        threads: CPU cores for a local model; None takes `WHYCART_THREADS`, else all.

    Raises:
        ModelError: If the name means nothing, or the model cannot be had or loaded.
    """
    if spec in {"", "none"}:
        return None
    if "://" in spec:
        url, _, model = spec.partition("#")
        return EndpointLLM(url, model=model or None)
    folder = weights.resolve(spec, kind="llm")
    name = weights.PACKAGED["llm"].name if spec == "packaged" else spec
    return TransformersLLM(folder, name=name, threads=threads)
