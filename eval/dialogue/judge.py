"""Whether a conversation reached its goal, from structured state: cart, claims, questions, cards.

Nothing is read out of sentences, except which of the closed list of questions was asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise, permutations

from assistant.answer import Phrase, Reply
from assistant.conversation import Cart
from assistant.prompting import load_wordings
from eval.card_escapes import escapes
from eval.dialogue.goals import Goal, Want
from eval.dialogue.shopper import Said
from eval.shop_table import table_of
from retrieval.compatibility import fit_between
from retrieval.data.dataset import Catalogue
from retrieval.store import Store

WISHES = ("open", "gift", "bundle")
"""Acts that begin with a wish: something is shown at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What was said, and the reply."""

    said: Said
    reply: Reply


def judge(
    goal: Goal, wants: Sequence[Want], turns: Sequence[Turn], cart: Cart, store: Store
) -> list[str]:
    """Return what went wrong, in words; empty when the goal was reached as it should be."""
    catalogue = store.catalogue
    return [
        *_cart(goal, wants, cart, catalogue),
        *_claims(turns),
        *_questions(turns),
        *_kept(turns, catalogue),
        *_first_wish(goal, turns),
        *_declined(turns, catalogue),
        *_answers(goal, turns, catalogue),
    ]


def _cart(goal: Goal, wants: Sequence[Want], cart: Cart, catalogue: Catalogue) -> list[str]:
    lines = [(catalogue[line.product_id], line.quantity) for line in cart.lines]
    held = ", ".join(f"{n} × {p.title} ({p.price})" for p, n in lines) or "nothing"
    if goal.family == "bundle":
        total = sum((p.price or Decimal(0)) * n for p, n in lines)
        is_right = (
            2 <= len(lines) <= (goal.items_max or 0)
            and total <= (goal.total_max or 0)
            and any(wants[0].fits(p) for p, _ in lines)
        )
    else:
        if goal.family == "fit":
            anchor = catalogue[goal.cart[0][0]]
            rest = [(p, n) for p, n in lines if p != anchor]
            fits = [fit_between(anchor, p) for p, _ in rest]
            if len(rest) == len(lines) or not all(f is not None and f.works for f in fits):
                return [f"the cart holds {held}: it does not fit what was there"]
            lines = rest
        is_right = len(lines) == len(wants) and any(
            all(w.fits(p) and w.quantity == n for w, (p, n) in zip(wants, order, strict=True))
            for order in permutations(lines)
        )
    return [] if is_right else [f"the cart holds {held}"]


def _claims(turns: Sequence[Turn]) -> list[str]:
    return [
        f"not supported: {claim.text}"
        for turn in turns
        for claim, check in zip(turn.reply.answer.claims, turn.reply.checks, strict=True)
        if not check.supported
    ]


def strict_findings(turns: Sequence[Turn], store: Store) -> list[str]:
    """Return what the strict count finds without a record, a line for each turn that has any.

    Counted beside the verdict.
    """
    table = table_of(store)
    found = [(turn, escapes(turn.reply, table)) for turn in turns]
    return [
        f"{turn.said.text}: " + "; ".join(f"{e.sort} “{e.found}” in “{e.where}”" for e in marked)
        for turn, marked in found
        if marked
    ]


def _questions(turns: Sequence[Turn]) -> list[str]:
    found = []
    for turn in turns:
        said = [p.text for p in turn.reply.answer.pieces if isinstance(p, Phrase)]
        if sum(text.rstrip('”"').endswith(("?", "？")) for text in said) > 1:
            found.append(f"more than one question: {turn.reply.text}")
        if turn.said.points and set(said) & _which():
            found.append(f"asked which, though it was said: {turn.said.text}")
    return found


def _kept(turns: Sequence[Turn], catalogue: Catalogue) -> list[str]:
    """When a shopper chooses, everything in the list before holds to everything said so far."""
    found = []
    for before, turn in pairwise(turns):
        for suggestion in before.reply.suggestions if turn.said.told else ():
            product = catalogue[suggestion.product_id]
            if turn.said.told is not None and not turn.said.told.fits(product):
                found.append(f"shown against what was said: {product.title}")
    return found


def _which() -> set[str]:
    """Return the wordings of every question for a product."""
    asked = {k: v for k, v in load_wordings().phrases.items() if k.endswith("_which")}
    return {text for texts in asked.values() for options in texts.values() for text in options}


def _first_wish(goal: Goal, turns: Sequence[Turn]) -> list[str]:
    first = next((t for t in turns if t.said.act in WISHES), None)
    if first is None or first.reply.cards or first.reply.bundle_cards:
        return []
    return [f"nothing shown for the first wish: {first.said.text}"]


def _declined(turns: Sequence[Turn], catalogue: Catalogue) -> list[str]:
    """A category whose complements met a "no thanks" is not suggested again unasked."""
    found, shown, declined = [], set[str](), set[str]()
    for turn in turns:
        offered = {
            catalogue[s.product_id].leaf
            for s in turn.reply.suggestions
            if s.offer_kind in ("cross_sell", "bundle")
        }
        if turn.said.act == "no_thanks":
            declined |= shown
        elif again := offered & declined:
            found.append(f"suggested again after “no thanks”: {', '.join(sorted(again))}")
        shown = offered or shown
    return found


def _answers(goal: Goal, turns: Sequence[Turn], catalogue: Catalogue) -> list[str]:
    """What a goal is owed besides a cart: the true bound, the record of a fit."""
    found = []
    if goal.bound is not None:
        cited = [e.data for t in turns for e in t.reply.evidence.values() if e.kind == "bound"]
        bounds = {Decimal(str(d["value"])) for d in cited if d["name"] == "price_max"}
        if bounds != {goal.bound}:
            found.append(f"the lowest price is {goal.bound}, said was {sorted(bounds) or 'none'}")
    if goal.family == "fit":
        anchor = catalogue[goal.cart[0][0]]
        asked = [t.reply for t in turns if t.said.act == "does_it_fit" and t.reply.cards]
        for reply in asked:
            if fit_between(anchor, catalogue[reply.cards[0].product_id]) is None:
                continue  # nobody knows
            kinds = {reply.evidence[i].kind for c in reply.answer.claims for i in c.evidence_ids}
            if "compatibility" not in kinds:
                found.append(f"no record of a fit: {reply.text}")
    return found


def secrets(goal: Goal, catalogue: Catalogue) -> frozenset[str]:
    """Return the titles and ids of everything that the goal is about."""
    about = [p for p in catalogue.products if any(w.fits(p) for w in goal.wants)]
    about += [catalogue[product_id] for product_id, _ in goal.cart]
    return frozenset(
        name.casefold() for p in about for name in (p.product_id, p.title, p.title_in("zh"))
    )


def leaks(text: str, hidden: frozenset[str]) -> bool:
    """Whether a message names a product, by title or id."""
    low = text.casefold()
    return any(name in low for name in hidden)
