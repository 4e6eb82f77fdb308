"""`python -m assistant.chat --store STORE [--llm …] [--jsonl] [--language en|zh]`.

Without `--jsonl` a chat in the terminal; with it one turn a line in, one reply a line out. Exit
status 2 and one sentence on stderr for bad usage or bad input.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from assistant.answer import CardsReady, Done, PieceReady
from assistant.conversation import Language, Turn
from assistant.errors import TurnError
from assistant.service import Assistant, open_assistant
from retrieval.errors import ShopError
from retrieval.text.quiet import go_offline

WELCOME = {
    "en": "This is an AI assistant; it answers from this shop's records. An empty line ends.",
    "zh": "这是AI助手，回答均来自本店的记录。输入空行结束。",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m assistant.chat", description="A conversation without a screen."
    )
    parser.add_argument("--store", type=Path, required=True, help="a store made by retrieval.build")
    parser.add_argument(
        "--llm",
        default="none",
        help="none, packaged, own, a directory, a hub id, or http(s)://…/v1",
    )
    parser.add_argument(
        "--jsonl", action="store_true", help="one JSON turn a line, one reply a line"
    )
    parser.add_argument("--language", choices=("en", "zh"), default="en")
    parser.add_argument("--shopper", help="terminal only: shop as this shopper")
    parser.add_argument("--sessions", default="sqlite://", help="URL of the conversations")
    parser.add_argument("--threads", type=int, help="CPU threads of a local model")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
    go_offline()
    try:
        assistant = open_assistant(
            options.store, options.llm, options.sessions, threads=options.threads
        )
    except ShopError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    try:
        if options.jsonl:
            return _lines(assistant, options.language)
        return _terminal(assistant, options.language, options.shopper)
    finally:
        assistant.close()


def _lines(assistant: Assistant, language: Language) -> int:
    for number, line in enumerate(sys.stdin.buffer, start=1):
        if not line.strip():
            continue
        try:
            turn = read_turn(line, f"standard input:{number}")
            if turn.language is None and assistant.conversation(turn.conversation_id) is None:
                turn = turn.model_copy(update={"language": language})
            try:
                reply = assistant.reply(turn)
            except TurnError as error:  # a turn that makes no sense here; the next one may
                reply = assistant.refusal(turn, str(error))
        except ShopError as error:
            sys.stderr.write(f"standard input:{number}: {_without(error, number)}\n")
            return 2
        sys.stdout.write(json.dumps(reply.as_json(), ensure_ascii=False) + "\n")
        sys.stdout.flush()
    return 0


def read_turn(line: bytes, where: str) -> Turn:
    """Return the checked turn of one JSON line.

    Raises:
        TurnError: Naming the line, the field and its value.
    """
    try:
        data: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise TurnError(f"{where}: is not JSON ({error}); write one turn a line") from error
    try:
        return Turn.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "turn"
        raise TurnError(
            f"{where}: `{field}` {first['msg'].lower()}, got {str(first['input'])[:80]!r}; "
            "see docs/data-formats.md for the fields of a turn"
        ) from error


def _without(error: ShopError, number: int) -> str:
    return str(error).removeprefix(f"standard input:{number}: ")


def _terminal(assistant: Assistant, language: Language, shopper: str | None) -> int:
    conversation_id = assistant.start(shopper_id=shopper, language=language)
    shop = assistant.shop
    out = sys.stdout
    out.write(f"{shop.title.get(language, shop.name)}\n{WELCOME[language]}\n")
    if shop.notice.get(language):
        out.write(f"{shop.notice[language]}\n")
    while True:
        out.write("\n> ")
        out.flush()
        text = sys.stdin.readline().strip()
        if not text:
            return 0
        try:
            turn = Turn(conversation_id=conversation_id, shopper_id=shopper, text=text[:2000])
            for update in assistant.stream(turn):
                _print(update)
        except ShopError as error:
            out.write(f"{error}\n")


def _print(update: object) -> None:
    out = sys.stdout
    if isinstance(update, CardsReady):
        for place, card in enumerate(update.cards, start=1):
            out.write(f"  {place}. {card.title}  {card.price or '–'}  {card.stock}\n")
            if card.reason:
                out.write(f"     {card.reason}\n")
        for bundle in update.bundle_cards:
            names = " + ".join(card.title for card in bundle.cards)
            out.write(f"  [{bundle.label}] {names} = {bundle.total}\n")
    elif isinstance(update, PieceReady):
        out.write(f"{update.text} ")
        out.flush()
    elif isinstance(update, Done):
        out.write("\n")


if __name__ == "__main__":
    sys.exit(main())
