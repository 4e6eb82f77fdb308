"""Greetings, personal data, and what is not ours to answer."""

from __future__ import annotations

from assistant.clauses import Clause
from assistant.scene import Outcome, Scene

MAX_PROFILE_LINES = 4


def greeting(scene: Scene) -> Outcome:
    """Greet and say what can be asked."""
    return Outcome(conversation=scene.conversation, pieces=["greeting"])


def thanks(scene: Scene) -> Outcome:
    """Accept thanks."""
    return Outcome(conversation=scene.conversation, pieces=["thanks"])


def out_of_scope(scene: Scene) -> Outcome:
    """Say in one line what can be done here."""
    return Outcome(conversation=scene.conversation, pieces=["out_of_scope"])


def human(scene: Scene) -> Outcome:
    """Point to people."""
    return Outcome(conversation=scene.conversation, pieces=["human"])


def no_thanks(scene: Scene) -> Outcome:
    """Decline: the categories just shown and not taken are not suggested unasked again."""
    c = scene.conversation
    offered = [scene.product(s.product_id) for s in c.shown if s.offer_kind == "cross_sell"]
    leaves = [p.leaf for p in offered if not c.cart.quantity(p.product_id)]
    declined = tuple(dict.fromkeys([*c.declined, *(leaf for leaf in leaves if leaf)]))
    return Outcome(conversation=c.model_copy(update={"declined": declined}), pieces=["no_thanks"])


def personalise_off(scene: Scene) -> Outcome:
    """Stop using the shopper's history."""
    c = scene.conversation.model_copy(update={"personalise": False})
    return Outcome(conversation=c, pieces=["personalise_off"])


def personalise_on(scene: Scene) -> Outcome:
    """Use the shopper's history again."""
    c = scene.conversation.model_copy(update={"personalise": True})
    return Outcome(conversation=c, pieces=["personalise_on"])


def show_profile(scene: Scene) -> Outcome:
    """Say what the log holds about the shopper, each line with its count."""
    c = scene.conversation
    if not c.personalise:
        return Outcome(conversation=c, pieces=["profile_off"])
    lines = profile_lines(scene, c.shopper_id) if c.shopper_id else ()
    if not lines:
        return Outcome(conversation=c, pieces=["profile_none"])
    outcome = Outcome(conversation=c, pieces=["profile"])
    for label, n in lines:
        fact = scene.records.count(n, {"shopper": c.shopper_id}, label)
        outcome.add(fact)
        slots = {"label": label, "n": str(n)}
        outcome.pieces.append(Clause(key="profile_count", slots=slots, evidence=(fact,)))
    return outcome


def profile_lines(scene: Scene, shopper_id: str) -> tuple[tuple[str, int], ...]:
    """Return label and count for each line of a shopper's profile."""
    profile = scene.recommender.store.behaviour.profiles.of(shopper_id)
    if profile is None:
        return ()
    english = scene.language == "en"
    lines = [
        ("Events in the log" if english else "记录中的事件", profile.n_events),
        ("Products bought" if english else "购买的商品件次", profile.n_purchases),
    ]
    about = [(scene.speaker.category(path), n) for path, n in profile.leaves[:MAX_PROFILE_LINES]]
    about += profile.brands[:2]
    lines += [
        (f"Events about {name}" if english else f"与{name}有关的记录", n) for name, n in about
    ]
    return tuple(lines)
