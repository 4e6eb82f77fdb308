"""One function an intent: scene in, outcome out. They decide what is shown and said, not how."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from assistant.handlers import cart, choose, deals, facts, offers, person, search, why
from assistant.scene import Outcome, Scene

Handler = Callable[[Scene], Outcome]

BY_INTENT: Mapping[str, Handler] = {
    "search": search.search,
    "refine": search.refine,
    "more": search.more,
    "superlative": search.superlative,
    "count": search.count,
    "deals": deals.deals,
    "goes_with": offers.goes_with,
    "goes_with_cart": offers.goes_with_cart,
    "better": offers.better,
    "similar": offers.similar,
    "bundle": offers.bundle,
    "compare": choose.compare,
    "question": facts.question,
    "fit": facts.fit,
    "why": why.why,
    "why_not": why.why_not,
    "cart_add": cart.add,
    "cart_remove": cart.remove,
    "cart_quantity": cart.set_line,
    "cart_show": cart.show,
    "cart_clear": cart.clear,
    "undo": cart.undo,
    "no_thanks": person.no_thanks,
    "show_profile": person.show_profile,
    "personalise_off": person.personalise_off,
    "personalise_on": person.personalise_on,
    "human": person.human,
    "greeting": person.greeting,
    "thanks": person.thanks,
    "out_of_scope": person.out_of_scope,
}
"""`forget_me` is not here: it changes the store, so the service does it."""
