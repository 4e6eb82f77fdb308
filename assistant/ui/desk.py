"""The agent's bundle desk as markup: pure functions, all escaped. Staff only: shows margins."""

from __future__ import annotations

from collections.abc import Sequence

from assistant.answer import Card, Desk, DeskOption
from assistant.ui.markup import Html, join, tag
from assistant.ui.render import ICONS, Look, picture

MAX_OPTIONS = 4


def desk_page(look: Look, title: str, shoppers: Sequence[str], notice: str) -> Html:
    """Return the whole screen: the wish on the left, the options on the right."""
    other = "en" if look.language == "zh" else "zh"
    return tag(
        "div",
        tag(
            "header",
            tag(
                "div",
                tag("p", f"{title} · {look.word('agent.title')}", class_="shop"),
                tag("p", look.word("agent.staff"), notice and f" · {notice}", class_="label"),
                class_="brand",
            ),
            tag(
                "button",
                look.word("lang.other"),
                type="button",
                class_="iconic lang",
                data_look=f'{{"language": "{other}"}}',
                aria_label=look.word("lang.switch"),
            ),
            tag(
                "form",
                tag("button", look.word("agent.sign_out"), type="submit", class_="quiet"),
                method="post",
                action="/agent/logout",
            ),
            class_="top",
        ),
        desk_form(look, shoppers),
        tag(
            "section",
            tag("p", ICONS["bag"], tag("span", look.word("agent.none")), class_="empty"),
            class_="options",
            data_slot="options",
            aria_live="polite",
        ),
        tag("div", class_="sr-only", role="log", aria_live="polite", data_speak=True),
        class_="console",
        lang="zh-CN" if look.language == "zh" else "en",
        data_lost=look.word("error.lost"),
        data_copied=look.word("agent.copied"),
        data_solving=look.word("agent.solving"),
    )


def desk_form(look: Look, shoppers: Sequence[str]) -> Html:
    """Return the fields of the wish."""

    def field(key: str, control: Html, name: str) -> Html:
        return tag("div", tag("label", look.word(key), for_=name), control, class_="field")

    def lines(key: str, name: str, rows: int) -> Html:
        return field(key, tag("textarea", id=name, name=name, rows=rows, spellcheck="false"), name)

    def number(key: str, name: str, **limits: object) -> Html:
        box = tag("input", id=name, name=name, inputmode="decimal", autocomplete="off", **limits)
        return field(key, box, name)

    shopper = tag(
        "input",
        id="shopper",
        name="shopper",
        list="shoppers",
        placeholder=look.word("agent.shopper_none"),
        autocomplete="off",
    )
    known = tag("datalist", *(tag("option", value=s) for s in shoppers), id="shoppers")
    wish = tag(
        "input", id="wish", name="wish", placeholder=look.word("agent.wish_hint"), maxlength="2000"
    )
    return tag(
        "form",
        field("agent.wish", wish, "wish"),
        tag(
            "div",
            number("agent.budget", "budget"),
            number("agent.min_items", "min_items", value="2"),
            number("agent.max_items", "max_items", value="4"),
            class_="row",
        ),
        tag(
            "div",
            field("agent.shopper", join(shopper, known), "shopper"),
            number("agent.margin", "margin"),
            class_="row",
        ),
        lines("agent.basket", "basket", 3),
        tag(
            "div",
            lines("agent.must", "must", 2),
            lines("agent.exclude", "exclude", 2),
            class_="row",
        ),
        tag("button", look.word("agent.solve"), type="submit", class_="solve"),
        tag("p", look.word("agent.hint"), class_="aside"),
        class_="wish",
        data_desk=True,
    )


def desk_options(look: Look, desk: Desk, notes: Sequence[str]) -> Html:
    """Return the options side by side, what was ignored, and how long it took."""
    said = (*notes, *desk.notes)
    return join(
        tag("ul", *(tag("li", note) for note in said), class_="notes") if said else None,
        tag(
            "div",
            *(option(look, o, n) for n, o in enumerate(desk.options[:MAX_OPTIONS], start=1)),
            class_="columns",
        ),
        tag("p", look.word("agent.took", ms=round(desk.ms)), class_="aside"),
    )


def option(look: Look, shown: DeskOption, number: int) -> Html:
    """Return one bundle with its sums, products, reasons and message."""
    margin = shown.margin or look.word("agent.margin_unknown")
    proof = look.word("agent.optimal" if shown.optimal else "agent.not_optimal")
    return tag(
        "article",
        tag("header", tag("h2", f"{number}  {shown.label}"), tag("p", proof, class_="about")),
        tag(
            "dl",
            tag("div", tag("dt", look.word("agent.total")), tag("dd", shown.total, class_="price")),
            tag(
                "div",
                tag("dt", look.word("agent.margin_is")),
                tag("dd", margin, class_="price"),
            ),
            class_="sums",
        ),
        tag(
            "button",
            look.word("agent.copy"),
            type="button",
            class_="copy",
            data_copy=number,
        ),
        tag("ul", *(option_line(look, card) for card in shown.cards), class_="lines"),
        tag("h3", look.word("agent.reasons")),
        tag("ul", *(tag("li", reason) for reason in shown.reasons), class_="reasons"),
        tag(
            "details",
            tag("summary", look.word("agent.message"), class_="quiet"),
            tag("p", shown.message, class_="message", data_message=number),
        ),
        class_="option",
    )


def option_line(look: Look, card: Card) -> Html:
    """Return one product of a bundle with its stock."""
    return tag(
        "li",
        picture(look, card),
        tag(
            "div",
            tag("p", tag("bdi", card.title), class_="title", title=card.title),
            tag(
                "p",
                tag("code", card.product_id),
                " ",
                tag("span", card.stock, class_="stock" if card.can_add else "stock stock-out"),
                class_="about",
            ),
        ),
        tag("span", card.price or look.word("card.no_price"), class_="price"),
    )


def desk_problem(message: str) -> Html:
    """Return why there is no answer."""
    return tag("p", message, class_="problem", role="alert")
