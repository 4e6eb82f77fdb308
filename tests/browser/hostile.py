"""A service whose every text is an attack: for the screens, not for the assistant."""

import secrets
from types import SimpleNamespace

from assistant.answer import (
    Answer,
    BundleCard,
    Card,
    CardsReady,
    Chip,
    Claim,
    ClaimCheck,
    Done,
    EvidenceView,
    PieceReady,
    Reply,
    Started,
)
from assistant.conversation import CartLine, Conversation


class HostileAssistant:
    """Answers every turn with the attacks, in every place a text can stand."""

    language_model_name = None

    def __init__(self, attacks):
        self._attacks = attacks
        self._conversations = {}
        first = next(iter(attacks.values()))
        self.shop = SimpleNamespace(
            name="hostile",
            title={"en": first, "zh": first},
            notice={"en": first, "zh": first},
            starters={"en": [first], "zh": [first]},
        )

    def start(self, *, shopper_id=None, language="en"):
        id_ = secrets.token_urlsafe(16)
        self._conversations[id_] = Conversation(conversation_id=id_, language=language)
        return id_

    def conversation(self, id_):
        return self._conversations.get(id_)

    def standing(self, conversation_id):
        first = next(iter(self._attacks.values()))
        return CardsReady(cards=(), bundle_cards=(), chips={"in_stock": first}, cart={})

    def shoppers(self):
        return tuple(self._attacks.values())

    def picture(self, relative):
        return None

    def open_evidence(self, conversation_id, evidence_id, *, language):
        attack = self._attacks[evidence_id.partition(":")[2]]
        return EvidenceView(
            evidence_id=evidence_id,
            kind=attack,
            title=attack,
            fields=((attack, attack),),
            rows=((attack, "x"), (attack, "y")),
            quote=attack,
            quote_span=(2, 9),
            complaint=attack,
            origin=attack,
            recompute=attack,
        )

    def _card(self, id_, attack, kind="similar"):
        return Card(
            product_id=id_,
            offer_kind=kind,
            title=attack,
            brand=attack,
            category=attack,
            price=attack,
            list_price=attack,
            stock=attack,
            can_add=True,
            rating=4.0,
            rating_count=3,
            image_url=attack,
            reason=attack,
            reason_evidence_ids=(f"quote:{id_}",),
            gains=(attack,),
            losses=(attack,),
            difference=attack,
            anchor_title=attack if kind == "upsell" else None,
            chips=(Chip(label=attack, evidence_id=f"quote:{id_}"),),
        )

    def stream(self, turn, *, cancel=None):
        conversation = self._conversations[turn.conversation_id]
        attacks = self._attacks
        kinds = ["similar", "upsell", "cross_sell"] * len(attacks)
        cards = tuple(
            self._card(i, a, k) for (i, a), k in zip(attacks.items(), kinds, strict=False)
        )
        bundle = BundleCard(
            name="best_fit", label=cards[0].title, cards=(self._card("b", cards[0].title),),
            total=cards[0].title, note=cards[0].title,
        )  # fmt: skip
        claims = tuple(
            Claim(text=a, kind="quote", evidence_ids=(f"quote:{i}",)) for i, a in attacks.items()
        )
        lines = ()
        if turn.action is not None:
            cards, bundle = (), None
            lines = (turn.action.product_id,)
            cart = conversation.cart.model_copy(
                update={"lines": tuple(CartLine(product_id=i) for i in lines)}
            )
            self._conversations[turn.conversation_id] = conversation.model_copy(
                update={"cart": cart}
            )
        cart_view = {
            "lines": [
                {
                    "product_id": i, "title": attacks[i], "quantity": 1,
                    "price": attacks[i], "subtotal": attacks[i],
                }
                for i in lines
            ],
            "total": attacks[lines[0]] if lines else None,
        }  # fmt: skip
        chips = {f"exclude_words:{a}": a for a in attacks.values()}
        bundles = (bundle,) if bundle else ()
        yield Started(text=next(iter(attacks.values())))
        yield CardsReady(cards=cards, bundle_cards=bundles, chips=chips, cart=cart_view)
        for claim in claims:
            yield PieceReady(text=claim.text, evidence_ids=claim.evidence_ids)
        yield Done(
            reply=Reply(
                conversation_id=turn.conversation_id,
                language="en",
                answer=Answer(pieces=claims),
                checks=tuple(ClaimCheck(supported=True, reason="") for _ in claims),
                cards=cards,
                bundle_cards=bundles,
                chips=chips,
                cart=cart_view,
                suggested_replies=tuple(attacks.values()),
            )
        )
