"""A language model behind a URL that speaks the OpenAI protocol."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from assistant.llm.base import HEAT, Cancel, Places, Schema, as_number
from retrieval.errors import ModelError

CHARACTERS_PER_TOKEN = 40
"""An endpoint that sends more than this for each token allowed is cut off."""


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
        self._places = Places(places, waiting)
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
        cancel: Cancel | None = None,
        seed: str | None = None,
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
            "temperature": 0 if seed is None else HEAT,
            "seed": 0 if seed is None else as_number(seed) % 2**31,
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
