"""Cart operations, by id; each is said from what was done, not from what was asked."""

from __future__ import annotations

from assistant.clauses import Clause
from assistant.conversation import Cart, Conversation
from assistant.handlers.unasked import suggest_complement
from assistant.policy import can_add
from assistant.scene import Outcome, Scene
from assistant.visit import with_views
from retrieval.evidence import Evidence
from retrieval.records import Records, money

MAX_PAST_CARTS = 10
MAX_QUANTITY = 99


def add(scene: Scene) -> Outcome:
    """Put what is pointed at into the cart."""
    c, u = scene.conversation, scene.understanding
    ids = u.references or ((c.focus,) if c.focus and len(c.shown) == 1 else ())
    if not ids:
        return Outcome(conversation=c, pieces=["cart_which"])
    outcome = Outcome(conversation=c)
    for product_id in ids:
        set_quantity(scene, outcome, product_id, plus=u.quantity or 1)
    suggest_complement(scene, outcome, ids[-1])
    return outcome


def set_line(scene: Scene) -> Outcome:
    """Set the quantity of a line of the cart ("make it 3 of the socks")."""
    u = scene.understanding
    outcome = Outcome(conversation=scene.conversation)
    set_quantity(scene, outcome, u.references[0], to=u.quantity)
    return outcome


def set_quantity(
    scene: Scene,
    outcome: Outcome,
    product_id: str,
    *,
    plus: int | None = None,
    to: int | None = None,
) -> None:
    """Change one line and say so; what cannot be sold is refused."""
    c = outcome.conversation
    product = scene.product(product_id)
    before = c.cart.quantity(product_id)
    wanted = to if to is not None else before + (plus or 1)
    if wanted > before and not can_add(product):
        outcome.pieces.append("cart_unavailable")
        stock = scene.records.stock(product) if product.stock == 0 else None
        if stock is not None and (none_left := scene.speaker.say(stock)) is not None:
            outcome.add(stock)
            outcome.pieces.append(none_left)
        return
    limit = MAX_QUANTITY if product.stock is None else min(MAX_QUANTITY, product.stock)
    wanted = max(0, min(wanted, max(limit, before if wanted <= before else limit)))
    cart = c.cart.with_quantity(product_id, wanted)
    after = changed(c, cart).model_copy(update={"focus": product_id})
    outcome.conversation = with_views(after, (product_id,) if wanted > before else ())
    fact = cart_fact(scene.records, cart, (product_id,))
    outcome.add(fact)
    slots = {
        "product": scene.speaker.title(product),
        "total": scene.speaker.money(fact.data["total"]),
        "n": str(fact.data["n"]),
    }
    emptied = "cart_removed" if cart.lines else "cart_emptied"
    key = "cart_added" if wanted else emptied
    outcome.pieces.append(Clause(key=key, slots=slots, evidence=(fact,), product_id=product_id))


def remove(scene: Scene) -> Outcome:
    """Take what is pointed at out of the cart; the last line if nothing is named at all."""
    c, u = scene.conversation, scene.understanding
    ids = [p for p in u.references if c.cart.quantity(p)]
    if not c.cart.lines:
        return Outcome(conversation=c, pieces=["cart_empty"])
    if not ids and (u.references or u.wish):
        return Outcome(conversation=c, pieces=["cart_remove_which"])
    ids = ids or [c.cart.lines[-1].product_id]
    outcome = Outcome(conversation=c)
    for product_id in ids:
        set_quantity(scene, outcome, product_id, to=0)
    return outcome


def show(scene: Scene) -> Outcome:
    """Say what the cart holds and comes to."""
    c = scene.conversation
    outcome = Outcome(conversation=c)
    if not c.cart.lines:
        outcome.pieces.append("cart_empty")
        return outcome
    fact = cart_fact(scene.records, c.cart, c.cart.product_ids)
    outcome.add(fact)
    slots = {"n": str(fact.data["n"]), "total": scene.speaker.money(fact.data["total"])}
    key = "cart_total" if fact.data["n"] > 1 else "cart_total_one"
    outcome.pieces.append(Clause(key=key, slots=slots, evidence=(fact,)))
    return outcome


def clear(scene: Scene) -> Outcome:
    """Empty the cart; undo brings it back."""
    outcome = Outcome(conversation=changed(scene.conversation, Cart()))
    outcome.pieces.append("cart_empty")
    return outcome


def undo(scene: Scene) -> Outcome:
    """Take the last change of the cart back."""
    c = scene.conversation
    if not c.past_carts:
        return Outcome(conversation=c, pieces=["undo_nothing"])
    before = c.model_copy(update={"cart": c.past_carts[-1], "past_carts": c.past_carts[:-1]})
    return Outcome(conversation=before, pieces=["undone"])


def changed(conversation: Conversation, cart: Cart) -> Conversation:
    """Return the conversation with another cart, the present one kept for undo."""
    if cart == conversation.cart:
        return conversation
    past = (*conversation.past_carts, conversation.cart)[-MAX_PAST_CARTS:]
    return conversation.model_copy(update={"cart": cart, "past_carts": past})


def cart_fact(records: Records, cart: Cart, product_ids: tuple[str, ...]) -> Evidence:
    """Return the cart as a record: its lines with prices, and the sum."""
    catalogue = records.store.catalogue
    lines = []
    for line in cart.lines:
        price = catalogue[line.product_id].price
        if price is None:
            continue
        subtotal = price * line.quantity
        lines.append(
            {
                "product_id": line.product_id,
                "quantity": line.quantity,
                "price": money(price),
                "subtotal": money(subtotal),
            }
        )
    total = sum((catalogue[line.product_id].price or 0) * line.quantity for line in cart.lines)
    return Evidence(
        evidence_id="cart:" + "+".join(f"{line.product_id}x{line.quantity}" for line in cart.lines),
        kind="cart",
        product_ids=tuple(dict.fromkeys([*product_ids, *cart.product_ids])),
        text=f"cart total {total:.2f}",
        data={
            "lines": lines,
            "n": sum(line.quantity for line in cart.lines),
            "total": f"{total:.2f}",
            "currency": records.store.currency,
        },
        origin="this cart, catalogue prices",
    )
