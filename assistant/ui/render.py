"""The shopper's screen as markup: pure functions from views to `Html`, everything escaped.

Buttons carry what they do in one of four attributes, which `static/stage.js` reads: `data-turn`
(an action for the service), `data-say` (words to send), `data-look` (a record to open) and
`data-ui` (only the screen changes). Elements with `data-slot` are replaced one by one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any
from urllib.parse import quote

from assistant.answer import BundleCard, Card, Chip, EvidenceView, PieceReady
from assistant.conversation import Language
from assistant.ui.markup import Html, join, tag
from assistant.ui.visits import ShownTurn
from assistant.ui.words import WORDS, word

MAX_WHY_NOT = 5
MAX_UNBROKEN = 16
MAX_FIELD_CHARACTERS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What every part of the screen needs to know."""

    language: Language
    pictures: str
    """Path under which the shop's pictures are served."""
    in_cart: frozenset[str] = frozenset()

    def word(self, key: str, **values: object) -> str:
        """Return the screen's own word."""
        return word(self.language, key, **values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What stands around the conversation."""

    title: str
    notice: str
    starters: tuple[str, ...]
    model: str | None
    """Name of the language model, None if there is none."""
    start_path: str
    """Where the form that begins a new conversation is sent."""
    samples: tuple[str, ...] = ()
    """Sample shoppers one may shop as."""
    shopper_id: str | None = None
    is_personal: bool = True


# ---------------------------------------------------------------------------- small parts


def _json(**values: object) -> str:
    return json.dumps({k: v for k, v in values.items() if v is not None}, ensure_ascii=False)


def _icon(*paths: str) -> Html:
    return tag(
        "svg",
        *(tag("path", d=path) for path in paths),
        class_="icon", viewBox="0 0 24 24", width="20", height="20", aria_hidden="true",
        focusable="false",
    )  # fmt: skip


ICONS = {
    "menu": _icon("M4 7h16", "M4 12h16", "M4 17h16"),
    "cart": _icon("M3 4h2l2.4 11h10.2L20 7H6", "M9 19.5h.01", "M16 19.5h.01"),
    "send": _icon("M12 19V6", "M6 11l6-6 6 6"),
    "stop": _icon("M7 7h10v10H7z"),
    "close": _icon("M6 6l12 12", "M18 6L6 18"),
    "plus": _icon("M12 5v14", "M5 12h14"),
    "minus": _icon("M5 12h14"),
    "up": _icon("M5 18l7-7 4 3 4-6"),
    "bag": _icon("M5 8h14l-1 12H6z", "M9 8a3 3 0 0 1 6 0"),
    "pair": _icon("M4 8h9v9H4z", "M17 11v8", "M13 15h8"),
    "tick": _icon("M5 13l4 4L19 7"),
}  # fmt: skip


def picture(look: Look, card: Card) -> Html:
    """Return the product's picture, or a quiet place where it would be."""
    if not card.image_url:
        return tag("span", ICONS["bag"], class_="pic pic-none", title=look.word("card.no_picture"))
    source = f"{look.pictures}/{quote(card.image_url.lstrip('/'))}"
    image = tag(
        "img", src=source, alt="", loading="lazy", decoding="async", width="320", height="240"
    )
    return tag("span", image, class_="pic")


def record_markers(
    look: Look, said: str, evidence_ids: Sequence[str], numbers: dict[str, int]
) -> Html:
    """Return the small numbers behind a clause; each opens one record."""
    return join(
        *(
            tag(
                "button",
                numbers.setdefault(evidence_id, len(numbers) + 1),
                type="button",
                class_="mark",
                data_look=_json(evidence_id=evidence_id),
                aria_label=look.word("record.open", text=said),
            )
            for evidence_id in evidence_ids
        )
    )


def with_markers(
    look: Look, said: str, evidence_ids: Sequence[str], numbers: dict[str, int]
) -> Html:
    """Return a clause with its markers, which never stand alone at the start of a line."""
    if not evidence_ids:
        return join(said)
    head, gap, last = said.rpartition(" ")
    if len(last) > MAX_UNBROKEN:
        head, gap, last = said[:-2], "", said[-2:]
    markers = record_markers(look, said, evidence_ids, numbers)
    return join(head, gap, tag("span", last, markers, class_="unbroken"))


def chip_list(look: Look, chips: Sequence[Chip]) -> Html | None:
    """Return the card's chips; the kind of record is written into their class."""
    if not chips:
        return None
    return tag(
        "ul",
        *(
            tag(
                "li",
                tag(
                    "button",
                    tag("bdi", chip.label),
                    type="button",
                    class_="chip",
                    data_kind=chip.evidence_id.partition(":")[0],
                    data_look=_json(evidence_id=chip.evidence_id),
                ),
            )
            for chip in chips
        ),
        class_="chips",
        aria_label=look.word("card.chips"),
    )


# ---------------------------------------------------------------------------- cards


def price_line(look: Look, card: Card) -> Html:
    """Return price, former price and the stock word."""
    return tag(
        "p",
        tag("span", card.price or look.word("card.no_price"), class_="price"),
        card.list_price
        and tag("s", card.list_price, aria_label=look.word("card.was", price=card.list_price)),
        tag("span", card.stock, class_="stock" if card.can_add else "stock stock-out"),
        class_="priceline",
    )


def rating_line(look: Look, card: Card) -> Html:
    """Return stars and count as text, the long form for a screen reader."""
    if card.rating is None or not card.rating_count:
        return tag("p", look.word("card.no_rating"), class_="rating rating-none")
    rating = f"{card.rating:.1f}"
    return tag(
        "p",
        tag("span", f"★ {rating}", aria_hidden="true"),
        tag("span", f"({card.rating_count})", aria_hidden="true", class_="count"),
        tag(
            "span",
            look.word("card.rating", rating=rating, count=card.rating_count),
            class_="sr-only",
        ),
        class_="rating",
    )


def upsell_balance(look: Look, card: Card) -> Html | None:
    """Return what a dearer product gains and loses and what it costs more."""
    if card.offer_kind != "upsell" or not (card.gains or card.losses or card.difference):
        return None

    def side(name: str, lines: tuple[str, ...]) -> Html:
        items = lines or (look.word("upsell.same"),)
        return tag(
            "div",
            tag("dt", look.word(f"upsell.{name}")),
            *(tag("dd", line) for line in items),
            class_=name,
        )

    difference = card.difference and tag(
        "div",
        tag("dt", look.word("upsell.difference")),
        tag("dd", card.difference, class_="price"),
        class_="difference",
    )
    gain = side("gain", card.gains) if card.gains else None
    return tag("dl", difference, gain, side("lose", card.losses), class_="balance")


def card_actions(look: Look, card: Card, others: Sequence[Card]) -> Html:
    """Return the card's buttons; what is asked less often is behind "More".

    "A cheaper one" is cheaper than the first product shown, so only that one's card asks it.
    """

    def act(key: str, kind: str, **values: object) -> Html:
        return tag(
            "button",
            look.word(key),
            type="button",
            class_="quiet",
            data_turn=_json(kind=kind, **values),
        )

    added = card.product_id in look.in_cart
    add = tag(
        "button",
        tag("span", ICONS["plus"], look.word("card.add"), class_="when-out"),
        tag("span", ICONS["tick"], look.word("card.added"), class_="when-in"),
        type="button",
        class_="add added" if added else "add",
        data_turn=_json(kind="add_to_cart", product_id=card.product_id),
        data_add=card.product_id,
        aria_label=look.word("card.add_to_cart", title=card.title),
        disabled=not card.can_add,
    )
    why_nots = [
        tag(
            "button",
            tag("bdi", other.title),
            type="button",
            class_="quiet",
            data_turn=_json(kind="why_not", product_id=other.product_id, other_id=card.product_id),
        )
        for other in others[:MAX_WHY_NOT]
    ]
    cheaper = tag(
        "button",
        look.word("card.why_not_cheaper"),
        type="button",
        class_="quiet",
        data_turn=_json(kind="why_not", other_id=card.product_id),
    )
    more = tag(
        "details",
        tag("summary", look.word("card.more"), class_="quiet"),
        tag(
            "div",
            act("card.goes_with", "goes_with", product_id=card.product_id),
            act("card.better", "better", product_id=card.product_id),
            act("card.similar", "similar", product_id=card.product_id),
            tag("p", look.word("card.why_not"), class_="menu-head") if why_nots else None,
            cheaper,
            *why_nots,
            class_="popover",
        ),
        class_="more",
    )
    return tag(
        "div",
        add,
        act("card.why", "why", product_id=card.product_id),
        act("card.not_for_me", "not_for_me", product_id=card.product_id),
        more,
        class_="actions",
    )


def product_card(look: Look, card: Card, others: Sequence[Card], numbers: dict[str, int]) -> Html:
    """Return one suggestion."""
    about = " · ".join(part for part in (card.brand, card.category) if part)
    reason = card.reason and tag(
        "p",
        with_markers(look, card.reason, card.reason_evidence_ids, numbers),
        class_="reason",
    )
    return tag(
        "li",
        tag(
            "article",
            picture(look, card),
            tag(
                "div",
                tag("p", tag("bdi", about), class_="about"),
                tag("h3", tag("bdi", card.title), class_="title", title=card.title),
                price_line(look, card),
                rating_line(look, card),
                class_="head",
            ),
            tag(
                "div",
                reason,
                upsell_balance(look, card),
                chip_list(look, card.chips),
                class_="rest",
            ),
            card_actions(look, card, others),
            class_=f"card card-{card.offer_kind}",
            data_product=card.product_id,
        ),
    )


def card_groups(look: Look, cards: Sequence[Card], numbers: dict[str, int]) -> Html | None:
    """Return the cards by offer kind and anchor: two kinds never share a row."""
    groups = []
    for (kind, anchor), members in groupby(cards, key=lambda c: (c.offer_kind, c.anchor_title)):
        together = list(members)
        groups.append(
            tag(
                "section",
                group_heading(look, kind, anchor),
                tag(
                    "ul",
                    *(
                        product_card(
                            look,
                            card,
                            [other for other in cards if other is not card],
                            numbers,
                        )
                        for card in together
                    ),
                    class_="cards",
                    data_count=min(len(together), 4),
                ),
                class_=f"group group-{kind}",
            )
        )
    return join(*groups) if groups else None


def group_heading(look: Look, kind: str, anchor: str | None) -> Html | None:
    """Return the line above a group; plain search results need none."""
    icons = {"cross_sell": "pair", "upsell": "up", "bundle": "bag"}
    if kind == "similar" and anchor is None:
        return tag("h2", look.word("best.sort"), class_="sr-only")
    if anchor is None and kind != "bundle":
        label = look.word(f"group.{kind}_alone")
    else:
        label = look.word(f"group.{kind}")
    about = anchor and tag("bdi", anchor, class_="anchor")
    icon = ICONS[icons[kind]] if kind in icons else None
    return tag("h2", icon, tag("span", label), about, class_="group-head")


def bundle_card(look: Look, bundle: BundleCard, numbers: dict[str, int]) -> Html:
    """Return a bundle: its products in lines, then the sum."""
    ids = list(bundle.product_ids or (c.product_id for c in bundle.cards))
    lines = [
        tag(
            "li",
            picture(look, card),
            tag(
                "div",
                tag("p", tag("bdi", card.title), class_="title", title=card.title),
                tag(
                    "p",
                    tag("span", card.stock, class_="stock" if card.can_add else "stock stock-out"),
                    tag(
                        "button",
                        look.word("card.why"),
                        type="button",
                        class_="quiet",
                        data_turn=_json(kind="why", product_id=card.product_id),
                    ),
                    class_="about",
                ),
                card.reason
                and tag(
                    "p",
                    with_markers(look, card.reason, card.reason_evidence_ids, numbers),
                    class_="reason",
                ),
                class_="facts",
            ),
            tag("span", card.price or look.word("card.no_price"), class_="price"),
        )
        for card in bundle.cards
    ]
    return tag(
        "article",
        tag("h3", bundle.label),
        tag("ul", *lines, class_="lines"),
        tag(
            "div",
            tag("span", look.word("bundle.total")),
            tag("strong", bundle.total, class_="price"),
            class_="sum",
        ),
        bundle.note and tag("p", bundle.note, class_="note"),
        tag(
            "button",
            ICONS["plus"],
            tag("span", look.word("bundle.add_all", n=len(ids))),
            type="button",
            class_="add",
            data_add_all=json.dumps(ids),
            data_label=bundle.label,
            disabled=not all(card.can_add for card in bundle.cards),
        ),
        class_="bundle",
    )


def bundle_group(look: Look, bundles: Sequence[BundleCard], numbers: dict[str, int]) -> Html | None:
    """Return the bundles side by side."""
    if not bundles:
        return None
    return tag(
        "section",
        group_heading(look, "bundle", None),
        tag("div", *(bundle_card(look, b, numbers) for b in bundles), class_="bundles"),
        class_="group group-bundle",
    )


# ---------------------------------------------------------------------------- a turn


def clauses(look: Look, pieces: Iterable[PieceReady], numbers: dict[str, int]) -> Html | None:
    """Return the checked sentences, each clause in them with the way to its record."""
    gap = "" if look.language == "zh" else " "
    sentences: list[object] = []
    shared: list[object] = []
    for piece in pieces:
        opens = _json(evidence_id=piece.evidence_ids[0]) if piece.evidence_ids else None
        words = with_markers(look, piece.text, piece.evidence_ids, numbers)
        if piece.text.endswith((",", "，")):  # shown when the next clause has ended the sentence
            shared += [tag("span", words, data_look=opens), gap]
        elif shared:
            shared.append(tag("span", words, data_look=opens))
            sentences += [tag("span", *shared, class_="clause shared"), gap]
            shared = []
        else:
            sentences += [tag("span", words, class_="clause", data_look=opens), gap]
    return tag("p", *sentences, class_="prose") if sentences else None


def turn(look: Look, shown: ShownTurn) -> Html:
    """Return what stands inside the place of one turn: cards first, then the words."""
    numbers: dict[str, int] = {}
    offers = _offers(look, shown, numbers)
    said = shown.said and tag(
        "p",
        tag("span", look.word("you_said") + ": ", class_="sr-only"),
        tag("bdi", shown.said),
        class_="said",
    )
    words = tag("div", _words(look, shown, numbers), class_="words", data_slot=f"{shown.key}-words")
    return join(said, offers, words)


def turn_words(look: Look, shown: ShownTurn) -> Html:
    """Return only the words of a turn, for the slot below its cards, while they still come."""
    numbers: dict[str, int] = {}
    _offers(look, shown, numbers)  # the markers go on counting after those of the cards
    return _words(look, shown, numbers)


def _offers(look: Look, shown: ShownTurn, numbers: dict[str, int]) -> Html:
    return join(
        card_groups(look, shown.cards, numbers), bundle_group(look, shown.bundle_cards, numbers)
    )


def _words(look: Look, shown: ShownTurn, numbers: dict[str, int]) -> Html:
    is_waiting = not (shown.is_done or shown.pieces or shown.error)
    waiting = tag(
        "p",
        tag("span", class_="dots", aria_hidden="true"),
        tag("span", shown.status or look.word("thinking"), class_="what"),
        class_="waiting",
    )
    return join(
        clauses(look, shown.pieces, numbers),
        waiting if is_waiting else None,
        shown.is_stopped and tag("p", look.word("stopped"), class_="aside"),
        shown.error and tag("p", shown.error, class_="problem", role="alert"),
        shown.is_done and suggested_replies(look, shown.suggested_replies),
    )


def suggested_replies(look: Look, replies: Sequence[str]) -> Html | None:
    """Return short things to say next."""
    if not replies:
        return None
    return tag(
        "ul",
        *(
            tag("li", tag("button", reply, type="button", class_="suggested", data_say=reply))
            for reply in replies
        ),
        class_="next",
        aria_label=look.word("more_to_ask"),
    )


# ---------------------------------------------------------------------------- around the turns


def constraint_bar(look: Look, chips: Mapping[str, str]) -> Html:
    """Return the conditions in force; each can be taken away."""
    return join(
        *(
            tag(
                "button",
                tag("bdi", label),
                ICONS["close"],
                type="button",
                class_="constraint",
                data_turn=_json(kind="remove_constraint", name=name),
                aria_label=look.word("constraint.remove", label=label),
            )
            for name, label in chips.items()
        )
    )


def cart_column(look: Look, cart: Mapping[str, Any]) -> Html:
    """Return the cart: lines with quantities, undo, subtotal."""
    lines = cart.get("lines", ())
    head = tag(
        "header",
        tag("h2", look.word("cart")),
        tag(
            "button",
            ICONS["close"],
            type="button",
            class_="iconic close-cart",
            data_ui="close-cart",
            aria_label=look.word("cart.close"),
        ),
    )
    undo = tag(
        "button",
        look.word("cart.undo"),
        type="button",
        class_="quiet",
        data_turn=_json(kind="undo"),
    )
    if not lines:
        return join(
            head,
            tag("p", ICONS["bag"], tag("span", look.word("cart.empty")), class_="empty"),
        )
    foot = tag(
        "footer",
        tag(
            "p",
            tag("span", look.word("cart.subtotal")),
            tag("strong", cart.get("total") or "", class_="price"),
            class_="sum",
        ),
        tag(
            "button",
            look.word("cart.goes_with"),
            type="button",
            class_="wide",
            data_say=look.word("cart.goes_with"),
        ),
        tag("p", undo, class_="undo"),
        tag("p", look.word("cart.note"), class_="aside"),
    )
    return join(
        head, tag("ul", *(cart_line(look, line) for line in lines), class_="cart-lines"), foot
    )


def cart_line(look: Look, line: Mapping[str, Any]) -> Html:
    """Return one product of the cart."""
    product_id, title, quantity = line["product_id"], line["title"], int(line["quantity"])

    def step(key: str, icon: str, wanted: int) -> Html:
        kind = "set_quantity" if wanted else "remove_from_cart"
        return tag(
            "button",
            ICONS[icon],
            type="button",
            class_="iconic",
            data_turn=_json(kind=kind, product_id=product_id, quantity=wanted or None),
            aria_label=look.word(key, title=title),
        )

    price = line.get("subtotal") or line.get("price") or look.word("card.no_price")
    return tag(
        "li",
        tag("p", tag("bdi", title), class_="title", title=title),
        tag(
            "p",
            tag("span", price, class_="price"),
            quantity > 1
            and line.get("price")
            and tag("span", look.word("cart.each", price=line["price"]), class_="about"),
        ),
        tag(
            "div",
            step("cart.less", "minus", quantity - 1),
            tag("span", quantity, class_="quantity"),
            step("cart.more", "plus", min(quantity + 1, 99)),
            step("cart.remove", "close", 0),
            class_="steps",
        ),
    )  # fmt: skip


def cart_button(look: Look, cart: Mapping[str, Any]) -> Html:
    """Return what the small cart of the header shows."""
    n_items = sum(int(line["quantity"]) for line in cart.get("lines", ()))
    return tag(
        "button",
        ICONS["cart"],
        tag("span", n_items, class_="badge") if n_items else None,
        tag("span", cart.get("total") or "", class_="price") if n_items else None,
        type="button",
        class_="iconic cart-button",
        data_ui="open-cart",
        aria_label=look.word("cart.open", n=n_items),
    )


def toast(look: Look, message: str, *, can_undo: bool) -> Html:
    """Return a line that says what a button did."""
    return join(
        tag("span", message, class_="toast-text"),
        can_undo
        and tag(
            "button",
            look.word("cart.undo"),
            type="button",
            class_="quiet",
            data_turn=_json(kind="undo"),
        ),
    )


def welcome(look: Look, frame: Frame) -> Html:
    """Return the empty screen."""
    starters = tag(
        "ul",
        *(
            tag("li", tag("button", starter, type="button", class_="starter", data_say=starter))
            for starter in frame.starters
        ),
        class_="starters",
        aria_label=look.word("starters"),
    )
    return tag(
        "div",
        tag("h1", look.word("welcome")),
        tag("p", look.word("welcome.more")),
        starters if frame.starters else None,
        class_="welcome",
    )


def menu(look: Look, frame: Frame) -> Html:
    """Return the menu: data, personalisation, new start, sample shoppers."""

    def entry(key: str, **data: object) -> Html:
        return tag("button", look.word(key), type="button", class_="entry", **data)

    toggle = "menu.personal_off" if frame.is_personal else "menu.personal_on"
    kind = "personalise_off" if frame.is_personal else "personalise_on"
    shop_as = tag(
        "form",
        tag("label", look.word("menu.shop_as"), for_="shop-as"),
        tag(
            "div",
            tag(
                "select",
                tag("option", look.word("menu.nobody"), value=""),
                *(
                    tag("option", sample, value=sample, selected=sample == frame.shopper_id)
                    for sample in frame.samples
                ),
                name="shopper",
                id="shop-as",
            ),
            tag("input", type="hidden", name="language", value=look.language),
            tag("button", look.word("menu.go"), type="submit", class_="small"),
            class_="row",
        ),
        tag("p", look.word("menu.shop_as_note"), class_="aside"),
        method="post",
        action=frame.start_path,
    )
    wording = (
        look.word("menu.words_model", name=frame.model)
        if frame.model
        else look.word("menu.words_template")
    )
    return join(
        entry("menu.profile", data_look=_json(panel="profile")),
        entry(toggle, data_turn=_json(kind=kind)),
        entry("menu.start_over", data_turn=_json(kind="start_over")),
        entry(
            "menu.forget",
            data_turn=_json(kind="forget_me"),
            data_sure=look.word("menu.forget_sure"),
        ),
        shop_as if frame.samples else None,
        tag("p", wording, class_="aside"),
    )


def header(look: Look, frame: Frame) -> Html:
    """Return the head of the page: whose shop it is and that this is a machine."""
    other = "en" if look.language == "zh" else "zh"
    status = (
        look.word("personal.off")
        if not frame.is_personal
        else frame.shopper_id and look.word("shopping_as", shopper=frame.shopper_id)
    )
    return join(
        tag(
            "div",
            tag("p", frame.title, class_="shop"),
            tag("p", look.word("label.ai"), class_="label"),
            class_="brand",
        ),
        tag("p", status, class_="status") if status else None,
        tag(
            "button",
            look.word("lang.other"),
            type="button",
            class_="iconic lang",
            data_look=_json(language=other),
            aria_label=look.word("lang.switch"),
        ),
        tag(
            "details",
            tag("summary", ICONS["menu"], class_="iconic", aria_label=look.word("menu")),
            tag("div", menu(look, frame), class_="popover"),
            class_="menu",
        ),
    )


def composer(look: Look) -> Html:
    """Return the message box with send and stop."""
    return tag(
        "form",
        tag("label", look.word("composer"), for_="say", class_="sr-only"),
        tag(
            "textarea",
            id="say",
            name="text",
            rows="1",
            maxlength="2000",
            placeholder=look.word("composer.hint"),
            autocomplete="off",
            enterkeyhint="send",
        ),
        tag("button", ICONS["send"], type="submit", class_="send", aria_label=look.word("send")),
        tag(
            "button",
            ICONS["stop"],
            type="button",
            class_="send halt",
            data_ui="stop",
            aria_label=look.word("stop"),
        ),
        class_="composer",
    )


def page(
    look: Look,
    frame: Frame,
    turns: Sequence[ShownTurn],
    chips: Mapping[str, str],
    cart: Mapping[str, Any],
) -> Html:
    """Return the whole screen with every slot filled."""
    notice = frame.notice and tag("p", frame.notice, class_="notice")
    return tag(
        "div",
        tag("a", look.word("skip"), href="#say", class_="skip"),
        tag(
            "header",
            tag("div", header(look, frame), class_="slot", data_slot="header"),
            tag("div", cart_button(look, cart), data_slot="cart-button"),
            class_="top",
        ),
        notice,
        tag(
            "div",
            tag(
                "section",
                tag(
                    "div",
                    None if turns else welcome(look, frame),
                    data_slot="welcome",
                ),
                tag(
                    "div",
                    *(
                        tag(
                            "section",
                            turn(replace(look, language=t.language), t),
                            class_="turn",
                            data_slot=t.key,
                        )
                        for t in turns
                    ),
                    class_="turns",
                    data_slot="turns",
                ),
                class_="talk",
                aria_label=look.word("conversation"),
            ),
            tag(
                "div",
                tag("div", class_="toast", data_slot="toast"),
                tag(
                    "div",
                    constraint_bar(look, chips),
                    class_="constraints",
                    data_slot="constraints",
                    role="group",
                    aria_label=look.word("constraints"),
                ),
                composer(look),
                class_="dock",
            ),
            class_="main",
        ),
        tag(
            "aside",
            cart_column(look, cart),
            class_="cart",
            data_slot="cart",
            aria_label=look.word("cart"),
        ),
        tag("aside", class_="panel", data_slot="panel", aria_label=look.word("panel"), hidden=True),
        tag("div", class_="sr-only", role="log", aria_live="polite", data_speak=True),
        class_="shopper",
        lang="zh-CN" if look.language == "zh" else "en",
        data_lost=look.word("error.lost"),
    )


# ---------------------------------------------------------------------------- panels


def panel(look: Look, kind: str, title: str, *body: object) -> Html:
    """Return a panel with a head, a way out and its content."""
    return join(
        tag(
            "header",
            tag("p", kind, class_="kind"),
            tag(
                "button",
                ICONS["close"],
                type="button",
                class_="iconic",
                data_ui="close-panel",
                aria_label=look.word("panel.close"),
            ),
        ),
        tag("h2", title, tabindex="-1"),
        *body,
    )


def field_list(fields: Iterable[tuple[str, str]]) -> Html:
    """Return labels and values."""
    return tag(
        "dl",
        *(
            tag("div", tag("dt", label), tag("dd", tag("bdi", value[:MAX_FIELD_CHARACTERS])))
            for label, value in fields
        ),
        class_="fields",
    )


def raw_table(rows: Sequence[Sequence[str]]) -> Html:
    """Return the record as it stands, header first."""
    head, *body = rows
    return tag(
        "div",
        tag(
            "table",
            tag("thead", tag("tr", *(tag("th", cell, scope="col") for cell in head))),
            tag("tbody", *(tag("tr", *(tag("td", tag("bdi", c)) for c in row)) for row in body)),
        ),
        class_="scroll",
        tabindex="0",
    )


def marked_quote(quote_text: str, span: tuple[int, int] | None) -> Html:
    """Return the whole review, the quoted part marked."""
    if span is None:
        return tag("blockquote", tag("bdi", quote_text))
    start, end = max(0, span[0]), min(len(quote_text), span[1])
    return tag(
        "blockquote",
        quote_text[:start],
        tag("mark", quote_text[start:end]),
        quote_text[end:],
    )


def evidence_panel(look: Look, view: EvidenceView) -> Html:
    """Return one record opened."""
    kind = f"kind.{view.kind}"
    parts: list[object] = [field_list(view.fields)] if view.fields else []
    if view.quote:
        parts += [
            tag("h3", look.word("panel.review")),
            marked_quote(view.quote, view.quote_span),
        ]
    if view.rows:
        parts += [tag("h3", look.word("panel.record")), raw_table(view.rows)]
    if view.complaint:
        parts += [
            tag("h3", look.word("panel.complaint")),
            tag("p", view.complaint, class_="complaint"),
        ]
    if view.origin:
        parts += [tag("h3", look.word("panel.origin")), tag("p", view.origin, class_="about")]
    if view.recompute:
        parts += [tag("h3", look.word("panel.recompute")), tag("pre", tag("code", view.recompute))]
    name = look.word(kind if kind in WORDS[look.language] else "panel")
    return panel(look, name, view.title, *parts)


def profile_panel(look: Look, shopper_id: str | None, fields: Sequence[tuple[str, str]]) -> Html:
    """Return what is known of the shopper."""
    title = look.word("panel.profile")
    if shopper_id is None:
        return panel(
            look, look.word("menu.profile"), title, tag("p", look.word("panel.profile_none"))
        )
    body = field_list(fields) if fields else tag("p", look.word("panel.profile_empty"))
    about = tag("p", look.word("shopping_as", shopper=shopper_id), class_="about")
    return panel(look, look.word("menu.profile"), title, about, body)


def message_panel(look: Look, message: str) -> Html:
    """Return a panel that only says something."""
    return panel(look, look.word("panel"), message)
