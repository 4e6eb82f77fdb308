"""The agent's page: a wish in, bundles with margins out. Every callback asks who is there."""

from __future__ import annotations

import logging
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any

import gradio as gr
from pydantic import Field

from assistant.conversation import MAX_TURN_CHARACTERS, Language
from assistant.ui import desk
from assistant.ui.render import Look
from assistant.ui.stage import Event, build_stage, read_event, update
from assistant.ui.words import word
from retrieval.errors import AccessError, QueryError, ShopError

if TYPE_CHECKING:
    from assistant.service import Assistant

MAX_LINES = 30
MAX_ITEMS = 6
MAX_BUDGET = 10**9
log = logging.getLogger(__name__)
Line = Annotated[str, Field(max_length=200)]


class WishEvent(Event):
    """The desk's form as the browser sends it."""

    wish: Annotated[str, Field(max_length=MAX_TURN_CHARACTERS)] = ""
    shopper: Line = ""
    budget: Line = ""
    min_items: Line = ""
    max_items: Line = ""
    margin: Line = ""
    basket: Annotated[str, Field(max_length=6_000)] = ""
    must: Annotated[str, Field(max_length=2_000)] = ""
    exclude: Annotated[str, Field(max_length=2_000)] = ""
    language: Language = "en"


class LanguageEvent(Event):
    """The language to read in."""

    language: Language


def build_console(
    assistant: Assistant, *, is_open: Callable[[str | None], bool], cookie: str
) -> gr.Blocks:
    """Return the agents' page of one shop.

    Args:
        assistant: The service of this shop.
        is_open: Says whether a session token is good (`AgentDoor.is_open`).
        cookie: Name of the cookie that holds the token.
    """
    screen = Console(assistant, is_open=is_open, cookie=cookie)
    with gr.Blocks(
        title=word("en", "agent.title"), analytics_enabled=False, fill_width=True
    ) as blocks:
        stage, side = build_stage("console.js")
        quiet = {"inputs": None, "show_progress": "hidden", "api_visibility": "private"}
        blocks.load(screen.open, outputs=stage, queue=False, **quiet)
        stage.turn(screen.solve, outputs=stage, concurrency_limit=4, **quiet)
        stage.look(screen.translate, outputs=stage, queue=False, **quiet)
        stage.halt(screen.open, outputs=side, queue=False, **quiet)
    blocks.queue(max_size=32, default_concurrency_limit=4)
    return blocks


class Console:
    """The callbacks of the desk."""

    def __init__(
        self, assistant: Assistant, *, is_open: Callable[[str | None], bool], cookie: str
    ) -> None:
        """Hold the service and the door."""
        self._assistant = assistant
        self._is_open = is_open
        self._cookie = cookie

    def open(self, request: gr.Request) -> dict[str, Any]:
        """Show the empty desk."""
        self._authorise(request)
        header = request.headers.get("accept-language", "")
        return self._page("zh" if header.lower().startswith("zh") else "en")

    def translate(self, event: gr.EventData, request: gr.Request) -> dict[str, Any]:
        """Show the desk in the other language."""
        self._authorise(request)
        return self._page(read_event(event, LanguageEvent).language)

    def solve(self, event: gr.EventData, request: gr.Request) -> dict[str, Any]:
        """Answer a wish with bundles."""
        self._authorise(request)
        language: Language = "en"
        try:
            wanted = read_event(event, WishEvent)
            language = wanted.language
            options = self._solve(wanted)
        except ShopError as error:
            options = desk.desk_problem(str(error))
        except Exception:
            log.exception("desk failed")
            options = desk.desk_problem(word(language, "error.plain"))
        return update(slots={"options": options}, busy=False)

    def _solve(self, wanted: WishEvent) -> Any:  # noqa: ANN401
        language = wanted.language
        notes: list[str] = []
        budget = self._number(language, "agent.budget", wanted.budget, 0, MAX_BUDGET)
        least = self._number(language, "agent.min_items", wanted.min_items, 1, MAX_ITEMS)
        most = self._number(language, "agent.max_items", wanted.max_items, 1, MAX_ITEMS)
        margin = self._number(language, "agent.margin", wanted.margin, -100, 100)
        answer = self._assistant.desk(
            shopper_id=wanted.shopper.strip() or None,
            basket=self._products(language, wanted.basket, notes),
            text=wanted.wish.strip(),
            total_max=budget,
            min_items=int(least or 2),
            max_items=int(most or 4),
            must_include=self._products(language, wanted.must, notes),
            exclude=self._products(language, wanted.exclude, notes),
            margin_min=None if margin is None else margin / 100,
            language=language,
        )
        return desk.desk_options(self._look(language), answer, notes)

    def _products(self, language: Language, lines: str, notes: list[str]) -> tuple[str, ...]:
        """Return the product ids that ids or titles, one per line, stand for; say what was read."""
        found = []
        for line in [x.strip() for x in lines.splitlines() if x.strip()][:MAX_LINES]:
            cards = self._assistant.find_products(line, language=language)
            exact = [
                c for c in cards if line.casefold() in {c.product_id.casefold(), c.title.casefold()}
            ]
            if exact:
                found.append(exact[0].product_id)
            elif cards:
                found.append(cards[0].product_id)
                notes.append(word(language, "agent.ambiguous", text=line, title=cards[0].title))
            else:
                notes.append(word(language, "agent.unknown", text=line))
        return tuple(found)

    @staticmethod
    def _number(language: Language, key: str, typed: str, low: int, high: int) -> Decimal | None:
        """Return a typed number; None for an empty field.

        Raises:
            QueryError: Naming the field, what stands in it, and the bounds.
        """
        plain = typed.strip().strip("$€£¥%").replace(",", "")
        if not plain:
            return None
        try:
            number = Decimal(plain)
        except InvalidOperation:
            number = Decimal("nan")
        if not number.is_finite() or not low <= number <= high:
            label = word(language, key)
            shown = repr(typed.strip())
            raise QueryError(
                word(language, "agent.bad", label=label, value=shown, low=low, high=high)
            )
        return number

    def _authorise(self, request: gr.Request) -> None:
        """Refuse whoever has not signed in; hiding an address is not a lock.

        Raises:
            AccessError: If there is no living session.
        """
        if not self._is_open(request.cookies.get(self._cookie)):
            raise AccessError("sign in at /agent/login first")

    def _look(self, language: Language) -> Look:
        return Look(language=language, pictures=f"/pictures/{self._assistant.shop.name}")

    def _page(self, language: Language) -> dict[str, Any]:
        shop = self._assistant.shop
        title = shop.title.get(language) or shop.name
        notice = shop.notice.get(language, "")
        page = desk.desk_page(self._look(language), title, self._assistant.shoppers(), notice)
        return update(page=page, busy=False)
