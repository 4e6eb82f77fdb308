"""The shopper's page: lays out one stage and wires its events to the service.

Whose conversation an event belongs to is read from the `HttpOnly` cookie that the server minted
(`assistant.ui.web`), never from the event, from Gradio's session hash or from any text the browser
sends: those are the browser's to choose. The cookie's id is 128 random bits and must be known to
the service.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import gradio as gr
from pydantic import Field, model_validator

from assistant.answer import CardsReady, Claim, Done, PieceReady, Started, Update
from assistant.conversation import (
    MAX_TURN_CHARACTERS,
    Action,
    Language,
    Turn,
)
from assistant.ui import render
from assistant.ui.markup import Html
from assistant.ui.render import Frame, Look
from assistant.ui.stage import Event, build_stage, read_event, update
from assistant.ui.visits import ShownTurn, Visit, Visits
from assistant.ui.words import word
from retrieval.errors import AccessError, ShopError

if TYPE_CHECKING:
    from assistant.service import Assistant

STATIC = Path(__file__).parent / "static"
CART_ACTIONS = frozenset({"add_to_cart", "remove_from_cart", "set_quantity", "undo"})
MAX_SAMPLES = 12
log = logging.getLogger(__name__)


class TurnEvent(Event):
    """A message, an action, or a whole bundle for the cart."""

    text: Annotated[str, Field(min_length=1, max_length=MAX_TURN_CHARACTERS)] | None = None
    action: Action | None = None
    add_all: Annotated[tuple[str, ...], Field(min_length=1, max_length=6)] | None = None
    label: Annotated[str, Field(max_length=200)] = ""
    """`add_all`: the bundle's name, for the transcript."""
    action_id: Annotated[str, Field(max_length=48)] = ""

    @model_validator(mode="after")
    def _one_of(self) -> TurnEvent:
        if sum(part is not None for part in (self.text, self.action, self.add_all)) != 1:
            raise ValueError("an event is either words, an action or a bundle")
        return self


class LookEvent(Event):
    """Something to open, or the language to read in."""

    evidence_id: Annotated[str, Field(max_length=300)] | None = None
    panel: str | None = None
    language: Language | None = None


def build_shopper(assistant: Assistant, *, base: str = "", with_samples: bool = False) -> gr.Blocks:
    """Return the page of one shop.

    Args:
        assistant: The service of this shop.
        base: Path under which the page is mounted, without the last slash.
        with_samples: Whether one may shop as a shopper of the log (for demonstrations: whoever
            may do that can read that shopper's profile).
    """
    screen = Screen(assistant, base=base, with_samples=with_samples)
    title = assistant.shop.title.get("en", assistant.shop.name)
    with gr.Blocks(title=title, analytics_enabled=False, fill_width=True) as blocks:
        stage, side = build_stage()
        quiet = {"inputs": None, "show_progress": "hidden", "api_visibility": "private"}
        direct = {**quiet, "queue": False, "trigger_mode": "multiple"}
        blocks.load(screen.open, outputs=stage, queue=False, **quiet)
        stage.turn(
            screen.take_turn, outputs=stage, trigger_mode="multiple", concurrency_limit=8, **quiet
        )
        stage.look(screen.look, outputs=side, **direct)
        stage.halt(screen.halt, outputs=side, **direct)
    blocks.queue(max_size=128, default_concurrency_limit=8)
    return blocks


def cookie_name(shop_name: str) -> str:
    """Return the name of the cookie that holds the conversation id."""
    return "whycart_" + "".join(c if c.isalnum() else "_" for c in shop_name)


def _known(visit: Visit) -> tuple[object, ...]:
    return visit.language, visit.shopper_id, visit.is_personal


class Screen:
    """The callbacks of one shop's page: each reads its inputs, makes one call, and renders."""

    def __init__(self, assistant: Assistant, *, base: str, with_samples: bool) -> None:
        """Hold the service and what is shown to whom."""
        self._assistant = assistant
        self._base = base
        self._with_samples = with_samples
        self._visits = Visits()

    # -- events ------------------------------------------------------------------------

    def open(self, request: gr.Request) -> dict[str, Any]:
        """Show the page, with all that this conversation already holds."""
        return self._answered(request, lambda visit: self._whole_page(visit))

    def look(self, event: gr.EventData, request: gr.Request) -> dict[str, Any]:
        """Open a record, the profile, or the page in the other language."""

        def answer(visit: Visit) -> dict[str, Any]:
            wanted = read_event(event, LookEvent)
            if wanted.language is not None:
                visit.language = wanted.language
                return self._whole_page(visit)
            look = self._look_of(visit)
            if wanted.evidence_id is None:
                opened = self._profile(look, visit)
            else:
                view = self._assistant.open_evidence(
                    visit.conversation_id, wanted.evidence_id, language=visit.language
                )
                opened = render.evidence_panel(look, view)
            return update(slots={"panel": opened}, open="panel")

        return self._answered(request, answer)

    def halt(self, request: gr.Request) -> dict[str, Any]:
        """Stop the reply that is being written."""

        def answer(visit: Visit) -> dict[str, Any]:
            visit.stop()
            return update()

        return self._answered(request, answer)

    def take_turn(self, event: gr.EventData, request: gr.Request) -> Iterator[dict[str, Any]]:
        """Answer one turn, a little at a time."""
        language: Language = "en"
        try:
            visit = self._visit(request)
            language = visit.language
            wanted = read_event(event, TurnEvent)
        except ShopError as error:
            yield self._refusal(str(error), language)
            return
        opened = visit.begin(self._said(wanted, visit))
        if opened is None:
            yield self._refusal(word(language, "error.busy"), language)
            return
        shown, cancel = opened
        try:
            yield from self._play(visit, shown, wanted, cancel)
        finally:
            cancel.set()  # also when the browser went away
            visit.end()

    # -- a turn ------------------------------------------------------------------------

    def _play(
        self, visit: Visit, shown: ShownTurn, wanted: TurnEvent, cancel: threading.Event
    ) -> Iterator[dict[str, Any]]:
        before = _known(visit)
        is_quiet = wanted.add_all is not None or (
            wanted.action is not None and wanted.action.kind in CART_ACTIONS
        )
        if not is_quiet:
            visit.keep(shown)
            yield self._progress(visit, shown)
        try:
            for news in self._updates(visit, wanted, cancel):
                self._take(visit, shown, news)
                is_quiet = is_quiet and not (shown.cards or shown.bundle_cards)
                if isinstance(news, PieceReady) and not is_quiet:
                    look = replace(self._look_of(visit), language=shown.language)
                    words = render.turn_words(look, shown)
                    yield update(slots={f"{shown.key}-words": words}, busy=True)
                elif not isinstance(news, Done) and not is_quiet:
                    yield self._progress(visit, shown)
            shown.is_stopped = cancel.is_set()
        except ShopError as error:
            shown.error, is_quiet = str(error), False
        except Exception:
            log.exception("turn failed in conversation %s…", visit.conversation_id[:6])
            shown.error, is_quiet = word(visit.language, "error.plain"), False
        shown.is_done = True
        yield self._finish(visit, shown, wanted, before, is_quiet=is_quiet)

    def _updates(
        self, visit: Visit, wanted: TurnEvent, cancel: threading.Event
    ) -> Iterator[Update]:
        def turn(action: Action | None, text: str | None = None) -> Turn:
            return Turn(
                conversation_id=visit.conversation_id,
                shopper_id=visit.shopper_id,
                text=text,
                action=action,
                language=visit.language,
            )

        if wanted.add_all is None:
            yield from self._assistant.stream(turn(wanted.action, wanted.text), cancel=cancel)
            return
        *first, last = (
            Action(kind="add_to_cart", product_id=id_, action_id=f"{wanted.action_id}:{n}")
            for n, id_ in enumerate(wanted.add_all)
        )
        for action in first:
            self._assistant.reply(turn(action))
        yield from self._assistant.stream(turn(last), cancel=cancel)

    @staticmethod
    def _take(visit: Visit, shown: ShownTurn, news: Update) -> None:
        """Put one piece of news into what is shown."""
        match news:
            case Started():
                shown.status = news.text
            case CardsReady():
                shown.cards, shown.bundle_cards = news.cards, news.bundle_cards
                visit.chips, visit.cart = news.chips, news.cart
            case PieceReady():
                shown.pieces.append(news)
            case Done(reply=reply):
                shown.language = visit.language = reply.language
                shown.cards, shown.bundle_cards = reply.cards, reply.bundle_cards
                shown.pieces = [
                    PieceReady(
                        text=piece.text,
                        evidence_ids=piece.evidence_ids if isinstance(piece, Claim) else (),
                    )
                    for piece in reply.answer.pieces
                ]
                shown.suggested_replies = reply.suggested_replies
                visit.chips, visit.cart = reply.chips, reply.cart

    def _progress(self, visit: Visit, shown: ShownTurn) -> dict[str, Any]:
        look = replace(self._look_of(visit), language=shown.language)
        slots = {shown.key: render.turn(look, shown), "welcome": Html("")}
        if shown.cards or shown.bundle_cards:
            slots["constraints"] = render.constraint_bar(look, visit.chips)
        return update(slots=slots, busy=True)

    def _finish(
        self,
        visit: Visit,
        shown: ShownTurn,
        wanted: TurnEvent,
        before: tuple[object, ...],
        *,
        is_quiet: bool,
    ) -> dict[str, Any]:
        kind = wanted.action.kind if wanted.action else ""
        self._recall(visit)
        if kind in {"start_over", "forget_me"} and not shown.error:
            visit.turns = [shown] if kind == "forget_me" else []
            return self._whole_page(visit)
        if not is_quiet:
            visit.keep(shown)
        if _known(visit) != before:  # the words around the conversation have changed
            return self._whole_page(visit)
        look = self._look_of(visit)
        slots = {
            "cart": render.cart_column(look, visit.cart),
            "cart-button": render.cart_button(look, visit.cart),
            "constraints": render.constraint_bar(look, visit.chips),
        }
        if is_quiet:
            gap = "" if look.language == "zh" else " "
            said = gap.join(piece.text for piece in shown.pieces)
            slots["toast"] = render.toast(look, said, can_undo=kind != "undo")
        else:
            slots |= {shown.key: render.turn(look, shown), "welcome": Html("")}
        return update(slots=slots, busy=False, next=visit.next_key, in_cart=sorted(look.in_cart))

    def _said(self, wanted: TurnEvent, visit: Visit) -> str:
        """Return the turn as the transcript shows it."""
        if wanted.text is not None:
            return wanted.text.strip()
        if wanted.action is None:
            return word(visit.language, "said.add_all", label=wanted.label)
        action = wanted.action
        if action.kind == "why_not" and action.product_id is None:
            return word(visit.language, "card.why_not_cheaper")
        return word(
            visit.language,
            f"said.{action.kind}",
            title=visit.title_of(action.product_id),
            label=visit.chips.get(action.name or "", action.name or ""),
            quantity=action.quantity,
        )

    # -- what stands around it -----------------------------------------------------------

    def _answered(
        self, request: gr.Request, answer: Callable[[Visit], dict[str, Any]]
    ) -> dict[str, Any]:
        """Call `answer` for this request's visit; what goes wrong is said in a panel."""
        language: Language = "en"
        try:
            visit = self._visit(request)
            language = visit.language
            return answer(visit)
        except ShopError as error:
            return self._refusal(str(error), language)
        except Exception:
            log.exception("screen failed")
            return self._refusal(word(language, "error.plain"), language)

    def _refusal(self, message: str, language: Language) -> dict[str, Any]:
        look = Look(language=language, pictures="")
        return update(
            slots={"panel": render.message_panel(look, message)}, open="panel", busy=False
        )

    def _visit(self, request: gr.Request) -> Visit:
        """Return the visit of this request's conversation.

        Raises:
            AccessError: If the cookie names no conversation.
        """
        conversation_id = request.cookies.get(cookie_name(self._assistant.shop.name), "")
        visit = self._visits.find(conversation_id)
        if visit is not None:
            return visit
        conversation = self._assistant.conversation(conversation_id) if conversation_id else None
        if conversation is None:
            raise AccessError(word("en", "error.gone"))
        visit = Visit(conversation_id=conversation_id, language=conversation.language)
        for message in conversation.transcript:
            if message.role == "shopper" or not visit.turns:
                visit.n_turns += 1
                said = message.text if message.role == "shopper" else ""
                visit.keep(
                    ShownTurn(
                        key=f"t{visit.n_turns}", said=said, language=visit.language, is_done=True
                    )
                )
            if message.role == "assistant":
                visit.turns[-1].pieces.append(PieceReady(text=message.text))
        self._recall(visit)
        standing = self._assistant.standing(conversation_id)
        visit.chips, visit.cart = dict(standing.chips), standing.cart
        return self._visits.put(visit)

    def _recall(self, visit: Visit) -> None:
        """Bring what the screen says about the shopper up to the conversation."""
        conversation = self._assistant.conversation(visit.conversation_id)
        if conversation is None:
            raise AccessError(word(visit.language, "error.gone"))
        visit.shopper_id, visit.is_personal = conversation.shopper_id, conversation.personalise

    def _look_of(self, visit: Visit) -> Look:
        return Look(
            language=visit.language,
            pictures=f"/pictures/{self._assistant.shop.name}",
            in_cart=frozenset(line["product_id"] for line in visit.cart.get("lines", ())),
        )

    def _whole_page(self, visit: Visit) -> dict[str, Any]:
        look, shop = self._look_of(visit), self._assistant.shop
        samples: Sequence[str] = self._assistant.shoppers() if self._with_samples else ()
        frame = Frame(
            title=shop.title.get(visit.language) or shop.name,
            notice=shop.notice.get(visit.language, ""),
            starters=tuple(shop.starters.get(visit.language, ())),
            model=self._assistant.language_model_name,
            start_path=f"{self._base}/start",
            samples=tuple(samples[:MAX_SAMPLES]),
            shopper_id=visit.shopper_id,
            is_personal=visit.is_personal,
        )
        page = render.page(look, frame, visit.turns, visit.chips, visit.cart)
        return update(page=page, busy=False, next=visit.next_key)

    def _profile(self, look: Look, visit: Visit) -> Html:
        if visit.shopper_id is None:
            return render.profile_panel(look, None, ())
        fields = self._assistant.profile(visit.shopper_id, language=visit.language)
        return render.profile_panel(look, visit.shopper_id, fields)
