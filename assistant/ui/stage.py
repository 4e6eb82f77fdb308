"""The one Gradio component of a screen: events come in through it, changed markup goes out.

Gradio carries the events, the queue and the stream; what stands on the page is our own markup.
`static/stage.js` puts an update's `page` on the screen or changes only the named slots, so a
reply grows without disturbing what one reads, types or has opened.

The component's template is a constant. Values never go into `{{…}}` of a `gr.HTML` template:
Gradio evaluates the filled template as JavaScript, so `${…}` in a product title would run.
"""

from __future__ import annotations

import itertools
from typing import Any, TypeVar

import gradio as gr
from pydantic import BaseModel, ConfigDict, ValidationError

from assistant.ui.markup import Html
from retrieval.errors import QueryError

Model = TypeVar("Model", bound=BaseModel)

# `'turn'`, `'look'` and `'halt'` name the events: Gradio looks for them in this text.
_ON_LOAD = (
    "window.whycart.boot(element, {turn: d => trigger('turn', d), look: d => trigger('look', d),"
    " halt: d => trigger('halt', d)}, props, watch);"
)
_ON_LOAD_SIDE = "window.whycart.hear(props, watch);"
_numbers = itertools.count(1)


class Event(BaseModel):
    """Base of what a browser may send: closed and unchanging."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def build_stage(*scripts: str) -> tuple[Any, Any]:
    """Return the stage and a side channel.

    The stage's listeners are `turn`, `look` and `halt`. Turns and pages are answered into the
    stage, the rest into the side channel: Gradio may pass on only the last of two values that
    one component gets within a frame, and the last words of a reply must not be lost to a record
    that was opened. `scripts` are files of `static/` to load besides `stage.js`.
    """
    head = "".join(f'<script src="/ui/{name}"></script>' for name in ("stage.js", *scripts))
    stage = gr.HTML(
        None,
        html_template="<div data-stage></div>",
        js_on_load=_ON_LOAD,
        apply_default_css=False,
        head=head,
    )
    side = gr.HTML(
        None,
        html_template="<div hidden></div>",
        js_on_load=_ON_LOAD_SIDE,
        apply_default_css=False,
        head=head,
    )
    return stage, side


def update(
    *,
    page: Html | None = None,
    slots: dict[str, Html] | None = None,
    **signs: Any,  # noqa: ANN401
) -> dict[str, Any]:
    """Return what the browser is told.

    Args:
        page: A new whole screen.
        slots: New content by slot name; an unknown turn (`t7`) is put after the others.
        signs: `busy`, `next`, `open` (slot to show and focus), `speak`, `cart` … for `stage.js`.

    Returns:
        A value unlike the one before, because Gradio passes on only what changed.
    """
    return {
        "number": next(_numbers),
        **({"page": page} if page is not None else {}),
        **({"slots": slots} if slots else {}),
        **signs,
    }


def read_event(event: Any, model: type[Model]) -> Model:  # noqa: ANN401
    """Return the checked event.

    Raises:
        QueryError: Naming the field.
    """
    try:
        return model.model_validate(event._data or {})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "message"
        raise QueryError(f"`{where}`: {first['msg'].lower()}") from error
