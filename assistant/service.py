"""MAIN FLOW 2: turn → reply.

    recall → understand → decide (a handler, which asks flow 1) → compose → check → remember

The language model only words what was decided; the gate checks every clause of every turn; a clause
that fails is worded again, then said by a template, then left out. Never unchecked.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

from assistant.answer import (
    Answer,
    Card,
    CardsReady,
    Claim,
    ClaimCheck,
    Desk,
    Done,
    EvidenceView,
    Phrase,
    PieceReady,
    Reply,
    Started,
    Update,
)
from assistant.cards import plain_card, reason_clauses
from assistant.clauses import Clause, Speaker
from assistant.compose import Composer, ModelComposer, Tally, TemplateComposer
from assistant.config import AssistantConfig
from assistant.conversation import (
    Action,
    Conversation,
    Language,
    Message,
    Turn,
    constraint_chips,
    plain,
    without_constraint,
)
from assistant.desk import DeskRequest, solve_desk
from assistant.errors import TurnError
from assistant.grounding import Gate, Judge
from assistant.handlers import BY_INTENT, cart, facts, search
from assistant.handlers.cart import cart_fact
from assistant.handlers.person import profile_lines
from assistant.handlers.present import labels_of
from assistant.intent import ShopWords, Understanding, understand_turn
from assistant.llm import LanguageModel, load_llm
from assistant.prompting import load_wordings
from assistant.replies import next_replies
from assistant.scene import Outcome, Scene
from assistant.sessions import SessionEventType, Sessions
from assistant.trace import Trace
from assistant.views import view_evidence
from assistant.visit import NOT_VIEWS, cart_events, with_views
from assistant.wording import Task, wordings
from retrieval.build import erase_shopper
from retrieval.config import ShopConfig
from retrieval.evidence import Evidence
from retrieval.pipeline import Clock, Recommender
from retrieval.records import OWN
from retrieval.slate import Suggestion
from retrieval.store import Store

log = logging.getLogger(__name__)

PICTURES = "images"
TRANSCRIPT_KEPT = 60
OPENINGS_KEPT = 200
ACTION_INTENTS = {
    "why": "why",
    "why_not": "why_not",
    "goes_with": "goes_with",
    "better": "better",
    "similar": "similar",
    "view": "question",
    "undo": "undo",
    "show_profile": "show_profile",
    "personalise_off": "personalise_off",
    "personalise_on": "personalise_on",
}


class Shop:
    """One open store with what is derived from it; replaced as a whole when the store changes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = Store.open(path)
        self.recommender = Recommender(self.store)
        self.words = ShopWords.of(self.store.catalogue, currency=self.store.currency)
        self.gate = Gate(
            self.store.catalogue,
            self.store.config,
            self.store.currency,
            self.recommender.records.resolve,
        )
        self.speakers: Mapping[Language, Speaker] = {
            language: Speaker(
                self.store.catalogue, self.store.config, self.store.currency, language
            )
            for language in ("en", "zh")
        }


class Assistant:
    """Answers turns. Safe from several threads; one conversation's turns come one after another."""

    def __init__(
        self,
        shop: Shop,
        sessions: Sessions,
        *,
        model: LanguageModel | None = None,
        composer: Composer | None = None,
        config: AssistantConfig | None = None,
    ) -> None:
        self._shop = shop
        self._sessions = sessions
        self._model = model
        self._composer = composer or TemplateComposer()
        self._config = config or AssistantConfig()
        self._evidence: OrderedDict[str, dict[str, Evidence]] = OrderedDict()
        self._locks: OrderedDict[str, threading.Lock] = OrderedDict()
        self._guard = threading.Lock()

    # what screens ask beside turns

    @property
    def shop(self) -> ShopConfig:
        """Name, titles, notice and starters of the store."""
        return self._shop.store.config.shop

    @property
    def language_model_name(self) -> str | None:
        """The model that words replies; None means templates only."""
        return self._model.name if self._model is not None else None

    @property
    def recommender(self) -> Recommender:
        """Flow 1 of the open store."""
        return self._shop.recommender

    @property
    def speakers(self) -> Mapping[Language, Speaker]:
        """Names and values of the open store, by language."""
        return self._shop.speakers

    def start(self, *, shopper_id: str | None = None, language: Language = "en") -> str:
        """Begin a conversation and return its id (128 random bits)."""
        conversation_id = self._sessions.new_id()
        conversation = Conversation(
            conversation_id=conversation_id, shopper_id=shopper_id, language=language, n_turns=1
        )
        self._sessions.save(conversation, expected_turns=0)
        return conversation_id

    def conversation(self, conversation_id: str) -> Conversation | None:
        """Return a conversation's present state."""
        return self._sessions.load(conversation_id)

    def standing(self, conversation_id: str) -> CardsReady:
        """Return the cart and the constraint chips of a conversation, with nothing new shown."""
        found = self.conversation(conversation_id)
        conversation = found or Conversation(conversation_id=conversation_id)
        meant = Understanding(intent="cart_show", language=conversation.language)
        scene = self._scene(conversation, meant, "")
        chips = labels_of(scene, conversation.constraints)
        return CardsReady(cards=(), bundle_cards=(), chips=chips, cart=self._cart(scene))

    def open_evidence(
        self, conversation_id: str, evidence_id: str, *, language: Language
    ) -> EvidenceView:
        """Return the record behind a chip.

        Raises:
            TurnError: If neither this conversation nor the store holds it.
        """
        shop = self._shop
        fact = self._remembered(conversation_id).get(evidence_id)
        fact = fact or self._public(shop, evidence_id)
        if fact is None:
            raise TurnError(
                f"the record {evidence_id[:80]!r} is not part of this conversation; ask again"
            )
        return view_evidence(shop.recommender, shop.speakers[language], fact)

    def _public(self, shop: Shop, evidence_id: str) -> Evidence | None:
        """Return a stored record that is nobody's own."""
        if evidence_id.partition(":")[0] in OWN:
            return None
        return shop.recommender.records.resolve(evidence_id)

    def profile(self, shopper_id: str, *, language: Language) -> tuple[tuple[str, str], ...]:
        """Return what the log holds about a shopper, each field with its count."""
        scene = self._scene(
            Conversation(conversation_id="profile", shopper_id=shopper_id, language=language),
            Understanding(intent="show_profile", language=language),
            "",
        )
        return tuple((label, str(n)) for label, n in profile_lines(scene, shopper_id))

    def shoppers(self) -> tuple[str, ...]:
        """Return a sample of known shoppers, the most active first."""
        profiles = self._shop.store.behaviour.profiles
        ids = profiles.shopper_ids[:: max(1, len(profiles.shopper_ids) // 200)]
        known = [(p.n_purchases, i) for i in ids if (p := profiles.of(i)) is not None]
        return tuple(i for _, i in sorted(known, key=lambda k: (-k[0], k[1]))[:30])

    def find_products(self, text: str, *, language: Language = "en") -> tuple[Card, ...]:
        """Return products by words, id or title, for the agent's pickers."""
        shop = self._shop
        records, catalogue = shop.recommender.records, shop.store.catalogue
        if text in catalogue:
            ids = [text]
        else:
            scene = self._scene(
                Conversation(conversation_id="find", language=language),
                Understanding(intent="search", language=language),
                text,
            )
            slate = shop.recommender.recommend(scene.query(text=text, k=8))
            ids = [s.product_id for s in slate.suggestions]
        found = []
        for product in (catalogue[i] for i in ids):
            facts = [records.price(product), records.stock(product), records.rating(product)]
            found.append(
                plain_card(shop.speakers[language], product, [f for f in facts if f is not None])
            )
        return tuple(found)

    def desk(
        self,
        *,
        shopper_id: str | None,
        basket: Sequence[str],
        text: str,
        total_max: Decimal | None,
        min_items: int,
        max_items: int,
        must_include: Sequence[str],
        exclude: Sequence[str],
        margin_min: Decimal | None,
        language: Language,
    ) -> Desk:
        """Return bundle options for an agent, with margins and reasons. Staff only."""
        request = DeskRequest(
            shopper_id=shopper_id,
            basket=tuple(basket),
            text=text,
            total_max=total_max,
            min_items=min_items,
            max_items=max_items,
            must_include=tuple(must_include),
            exclude=tuple(exclude),
            margin_min=margin_min,
        )
        scene = self._scene(
            Conversation(conversation_id="desk", shopper_id=shopper_id, language=language),
            Understanding(intent="bundle", language=language),
            text,
        )
        return solve_desk(scene, request)

    def picture(self, relative: str) -> Path | None:
        """Return a picture file of the store, or None for anything else."""
        folder = (self._shop.store.snapshot / PICTURES).resolve()
        path = (folder / relative.removeprefix(f"{PICTURES}/")).resolve()
        return path if path.is_relative_to(folder) and path.is_file() else None

    # the turn

    def reply(self, turn: Turn) -> Reply:
        """Answer a turn and return the whole reply."""
        for update in self.stream(turn):
            if isinstance(update, Done):
                return update.reply
        raise TurnError("the turn was stopped before it was answered")

    def refusal(self, turn: Turn, reason: str) -> Reply:
        """Return the reply to a turn that cannot be taken: nothing changes, the note says why."""
        language = turn.language or "en"
        text = load_wordings().phrases["not_possible"][language][0]
        standing = self.standing(turn.conversation_id)
        return Reply(
            conversation_id=turn.conversation_id,
            language=language,
            answer=Answer(pieces=(Phrase(text=text),)),
            checks=(),
            chips=standing.chips,
            cart=standing.cart,
            notes=(reason,),
        )

    def stream(self, turn: Turn, *, cancel: threading.Event | None = None) -> Iterator[Update]:
        """Answer a turn piece by piece: cards first, then clauses as they pass the gate.

        A set `cancel` ends the text after the clause being made; what was said stays said.
        """
        with self._turn_of(turn.conversation_id):
            yield from self._stream(turn, cancel or threading.Event())

    def _stream(self, turn: Turn, cancel: threading.Event) -> Iterator[Update]:
        clock = Clock()
        with clock.stage("recall"):
            before = self._recall(turn)
        with clock.stage("understand"):
            conversation, understanding = self._understand(turn, before)
        yield Started(text=self._started(conversation.language))
        with clock.stage("decide"):
            scene = self._scene(conversation, understanding, turn.text or "")
            outcome = self._decide(scene, turn)
            events = self._lived(before, outcome, understanding)
        scene = self._scene(outcome.conversation, understanding, turn.text or "")
        cart_view = self._cart(scene)
        chips = labels_of(scene, outcome.conversation.constraints)
        yield CardsReady(
            cards=outcome.cards, bundle_cards=outcome.bundle_cards, chips=chips, cart=cart_view
        )
        verdicts: dict[Claim, ClaimCheck] = {}
        tally, said = Tally(), list[Claim | Phrase]()
        with clock.stage("compose"):
            for piece in self._compose(scene, outcome, verdicts, tally, cancel):
                said.append(piece)
                ids = piece.evidence_ids if isinstance(piece, Claim) else ()
                yield PieceReady(text=piece.text, evidence_ids=ids)
                if cancel.is_set():
                    break
        answer = Answer(pieces=tuple(said))
        reply = Reply(
            conversation_id=turn.conversation_id,
            language=outcome.conversation.language,
            answer=answer,
            checks=tuple(verdicts[claim] for claim in answer.claims),
            suggestions=outcome.suggestions,
            cards=outcome.cards,
            bundles=outcome.bundles,
            bundle_cards=outcome.bundle_cards,
            evidence=_cited(outcome, answer),
            constraints=_as_json(outcome.conversation),
            chips=chips,
            cart=cart_view,
            composer="llm" if tally.by_model else "template",
            suggested_replies=next_replies(outcome),
            notes=tuple(outcome.notes),
            ms={**outcome.ms, **clock.ms},
        )
        with clock.stage("remember"):
            self._remember(turn, outcome, reply)
            c = outcome.conversation
            for kind, product_id in events:
                self._sessions.record_event(
                    c.conversation_id, kind, product_id, shopper_id=c.shopper_id
                )
        self._trace(understanding, reply, tally, outcome.conversation)
        yield Done(reply=reply)

    def _recall(self, turn: Turn) -> Conversation:
        """Return the stored conversation, or a new one; a known shopper stays the same one."""
        found = self._sessions.load(turn.conversation_id)
        if found is None:
            return Conversation(
                conversation_id=turn.conversation_id,
                shopper_id=turn.shopper_id,
                language=turn.language or "en",
            )
        if turn.shopper_id is not None and found.shopper_id is None:
            return found.model_copy(update={"shopper_id": turn.shopper_id})
        return found

    def _understand(
        self, turn: Turn, conversation: Conversation
    ) -> tuple[Conversation, Understanding]:
        if turn.language is not None:
            conversation = conversation.model_copy(update={"language": turn.language})
        if turn.action is not None:
            action = turn.action
            ids = tuple(i for i in (action.product_id,) if i and i in self._shop.store.catalogue)
            intent = ACTION_INTENTS.get(action.kind, "cart_show")
            return conversation, Understanding(
                intent=intent,  # type: ignore[arg-type]
                language=conversation.language,
                constraints=conversation.constraints,
                references=ids,
            )
        conversation, meant = understand_turn(turn.text or "", conversation, self._shop.words)
        update = {"language": meant.language, "constraints": meant.constraints}
        return conversation.model_copy(update=update), meant

    def _decide(self, scene: Scene, turn: Turn) -> Outcome:
        if turn.action is not None:
            return self._act(scene, turn.action)
        if scene.understanding.intent == "forget_me":
            return self._forget(scene)
        if "starts_over" in scene.understanding.notes and not scene.understanding.wish:
            return _start_over(scene.conversation)
        return BY_INTENT[scene.understanding.intent](scene)

    def _lived(
        self, before: Conversation, outcome: Outcome, meant: Understanding
    ) -> list[tuple[SessionEventType, str]]:
        """Note what was looked at, and return what happened; nothing without personalisation."""
        c = outcome.conversation
        is_new = c.n_turns < before.n_turns  # forgotten: nothing of it may be written again
        if is_new or not (c.personalise and before.personalise):
            return []
        viewed = () if meant.intent in NOT_VIEWS else meant.references
        outcome.conversation = with_views(c, viewed)
        return [*(("view", p) for p in viewed), *cart_events(before, c)]

    def _act(self, scene: Scene, action: Action) -> Outcome:
        """Carry out a button; the same action id twice changes nothing the second time."""
        c = scene.conversation
        needs_product = action.kind in (
            "add_to_cart", "remove_from_cart", "set_quantity", "why", "why_not", "not_for_me",
            "goes_with", "better", "similar", "view",
        )  # fmt: skip
        if action.kind == "why_not" and action.product_id is None and action.other_id is not None:
            return self._why_not_cheaper(scene, action.other_id)
        if needs_product and (action.product_id is None or not scene.understanding.references):
            raise TurnError(
                f"`{action.kind}` needs a `product_id` of this shop, got {action.product_id!r}"
            )
        if action.action_id is not None:
            if action.action_id in c.done_actions:
                return cart.show(scene)
            done = (*c.done_actions, action.action_id)[-50:]
            c = c.model_copy(update={"done_actions": done})
            scene = self._scene(c, scene.understanding, scene.text)
        return self._carry_out(scene, action)

    def _carry_out(self, scene: Scene, action: Action) -> Outcome:
        c, product_id = scene.conversation, action.product_id or ""
        outcome = Outcome(conversation=c)
        match action.kind:
            case "add_to_cart":
                cart.set_quantity(scene, outcome, product_id, plus=action.quantity or 1)
            case "remove_from_cart":
                cart.set_quantity(scene, outcome, product_id, to=0)
            case "set_quantity":
                cart.set_quantity(scene, outcome, product_id, to=action.quantity or 0)
            case "view":
                return facts.about(scene)
            case "not_for_me":
                return self._reject(scene, product_id, action.reason)
            case "remove_constraint":
                constraints = without_constraint(c.constraints, action.name or "")
                c = c.model_copy(update={"constraints": constraints})
                return search.refine(self._scene(c, scene.understanding, scene.text))
            case "start_over":
                return _start_over(c)
            case "forget_me":
                return self._forget(scene)
            case _:
                return BY_INTENT[scene.understanding.intent](scene)
        return outcome

    def _why_not_cheaper(self, scene: Scene, product_id: str) -> Outcome:
        """Answer "why not a cheaper one?" about one of the products shown."""
        if product_id not in scene.catalogue:
            raise TurnError(f"`why_not`: `other_id` is no product of this shop, got {product_id!r}")
        c = scene.conversation.model_copy(update={"focus": product_id})
        return BY_INTENT["why_not"](self._scene(c, scene.understanding, "cheaper"))

    def _reject(self, scene: Scene, product_id: str, reason: str | None) -> Outcome:
        c = scene.conversation
        self._sessions.record_feedback(
            conversation_id=c.conversation_id,
            shopper_id=c.shopper_id,
            product_id=product_id,
            kind="not_for_me",
            reason=reason,
        )
        rejected = tuple(dict.fromkeys([*c.rejected, product_id]))
        c = c.model_copy(update={"rejected": rejected})
        return Outcome(conversation=c, pieces=["rejected"])

    def _forget(self, scene: Scene) -> Outcome:
        """Delete the chat; rebuild and swap the store without the shopper's rows."""
        c = scene.conversation
        key = "forgotten_chat"
        notes = []
        self._sessions.forget_conversation(c.conversation_id)
        if c.shopper_id is not None:
            self._sessions.forget(c.shopper_id)
            if c.shopper_id in self._shop.store.behaviour.profiles:
                receipt = erase_shopper(self._shop.path, c.shopper_id)
                self._reopen()
                notes.append(f"erased from the store: {receipt.get('removed', receipt)}")
                key = "forgotten"
        with self._guard:
            self._evidence.pop(c.conversation_id, None)
        fresh = Conversation(
            conversation_id=c.conversation_id, language=c.language, personalise=c.personalise
        )
        return Outcome(conversation=fresh, pieces=[key], notes=notes)

    def _reopen(self) -> None:
        """Open the store's new snapshot and let go of the old one."""
        old, self._shop = self._shop, Shop(self._shop.path)
        old.store.close()

    # compose and check

    def _compose(
        self,
        scene: Scene,
        outcome: Outcome,
        verdicts: dict[Claim, ClaimCheck],
        tally: Tally,
        cancel: threading.Event,
    ) -> Iterator[Claim | Phrase]:
        """Yield phrases and claims; a claim is yielded only when the gate has passed it."""
        gate, language = self._shop.gate, scene.language
        c = outcome.conversation
        task = Task(
            pieces=tuple(outcome.pieces),
            language=language,
            shopper_turn=scene.text[:500],
            seed=f"{c.conversation_id}:{c.n_turns}",
            openings=c.openings,
            short=_short_titles(scene, outcome),
            cancel=cancel,
        )
        judge = Judge(gate, outcome.evidence, language, verdicts=verdicts, reasons=tally.reasons)
        yield from self._composer.compose(task, judge, tally)

    def _scene(self, conversation: Conversation, understanding: Understanding, text: str) -> Scene:
        shop, language = self._shop, conversation.language

        def reason_of(
            clause: Clause, evidence: Mapping[str, Evidence]
        ) -> tuple[str, tuple[str, ...]]:
            for words in wordings(clause, language):
                claim = clause.claim(words)
                verdict = shop.gate.check(claim, evidence, language, topic=claim.product_id)
                if verdict.supported:
                    return words, claim.evidence_ids
            return "", ()

        def reason(
            suggestion: Suggestion, evidence: Mapping[str, Evidence]
        ) -> tuple[str, tuple[str, ...]]:
            for clause in reason_clauses(shop.speakers[language], suggestion, evidence):
                words, ids = reason_of(clause, evidence)
                if words:
                    return words, ids
            return "", ()

        return Scene(
            recommender=shop.recommender,
            speaker=shop.speakers[language],
            config=self._config,
            conversation=conversation,
            understanding=understanding,
            text=text,
            reason=reason,
            reason_of=reason_of,
        )

    def _started(self, language: Language) -> str:
        n = len(self._shop.store.catalogue)
        return f"Looking through {n} products …" if language == "en" else f"正在查看{n}件商品……"

    def _cart(self, scene: Scene) -> dict[str, object]:
        """Return the cart as replies hold it; money formatted."""
        fact = cart_fact(scene.records, scene.conversation.cart, ())
        return {
            "lines": [
                {
                    **line,
                    "title": scene.speaker.title(line["product_id"]),
                    "price": scene.speaker.money(line["price"]),
                    "subtotal": scene.speaker.money(line["subtotal"]),
                }
                for line in fact.data["lines"]
            ],
            "total": scene.speaker.money(fact.data["total"]),
            "currency": fact.data["currency"],
        }

    # remember

    def _remember(self, turn: Turn, outcome: Outcome, reply: Reply) -> None:
        c = outcome.conversation
        said = [Message(role="shopper", text=turn.text)] if turn.text else []
        said.append(Message(role="assistant", text=reply.text))
        opening = next((piece.text for piece in reply.answer.pieces), None)
        openings = (*c.openings, opening)[-OPENINGS_KEPT:] if opening else c.openings
        conversation = c.model_copy(
            update={
                "n_turns": c.n_turns + 1,
                "transcript": (*c.transcript, *said)[-TRANSCRIPT_KEPT:],
                "openings": openings,
            }
        )
        self._sessions.save(conversation, expected_turns=c.n_turns)
        with self._guard:
            kept = self._evidence.setdefault(turn.conversation_id, {})
            kept |= outcome.evidence
            self._evidence.move_to_end(turn.conversation_id)
            while len(self._evidence) > self._config.remembered_conversations:
                self._evidence.popitem(last=False)

    def _remembered(self, conversation_id: str) -> dict[str, Evidence]:
        with self._guard:
            return dict(self._evidence.get(conversation_id, {}))

    @contextmanager
    def _turn_of(self, conversation_id: str) -> Iterator[None]:
        """Let one conversation's turns in one at a time."""
        with self._guard:
            lock = self._locks.setdefault(conversation_id, threading.Lock())
            self._locks.move_to_end(conversation_id)
            while len(self._locks) > self._config.remembered_conversations:
                oldest = next(iter(self._locks))
                if self._locks[oldest].locked():
                    break
                del self._locks[oldest]
        with lock:
            yield

    def _trace(
        self, understanding: Understanding, reply: Reply, tally: Tally, conversation: Conversation
    ) -> None:
        Trace(
            turn=conversation.n_turns + 1,
            intent=understanding.intent,
            language=reply.language,
            composer=reply.composer,
            model=self.language_model_name,
            revision=self._model.revision if self._model is not None else None,
            store=self._shop.store.manifest.store_hash[:12],
            n_suggestions=len(reply.suggestions),
            n_claims=len(reply.answer.claims),
            first_try=tally.first_try,
            repaired=tally.repaired,
            fell_back=tally.fell_back,
            by_model=tally.by_model,
            tokens=tally.tokens,
            reasons=tuple(tally.reasons[:10]),
            ms=reply.ms,
        ).emit()

    def close(self) -> None:
        """Let go of the store."""
        self._shop.store.close()


def open_assistant(
    store: Path, llm: str = "none", sessions_url: str = "sqlite://", *, threads: int | None = None
) -> Assistant:
    """Open a store, its conversations and a language model.

    Args:
        store: A store made by `retrieval.build`.
        llm: `none`, `packaged`, `own`, a directory, a hub id, or an OpenAI-compatible address.
        sessions_url: SQLAlchemy URL of the conversations; the default keeps them in memory.
        threads: CPU threads of a local model; None lets the machine decide.
    """
    model, config = load_llm(llm, threads=threads), AssistantConfig()
    composer = composer_of(model, llm, config)
    return Assistant(
        Shop(store), Sessions(sessions_url), model=model, composer=composer, config=config
    )


def composer_of(model: LanguageModel | None, llm: str, config: AssistantConfig) -> Composer:
    """Return who words the replies, given the model and the name it was loaded by."""
    if model is None:
        return TemplateComposer()
    return ModelComposer(
        model,
        mode="choose" if llm == "packaged" else "write",
        prompt="compose_card" if llm == "own" else "compose_clause",
        deadline_s=config.turn_deadline_s,
        first_clause_s=config.first_clause_s,
        turn_tokens=config.turn_tokens,
    )


def _short_titles(scene: Scene, outcome: Outcome) -> dict[str, str]:
    """Return title → short title of the products of this turn; only those that stay distinct."""
    ids = {p for fact in outcome.evidence.values() for p in fact.product_ids}
    titles = {p: scene.speaker.title(p) for p in sorted(ids) if p in scene.catalogue}
    short = {p: scene.speaker.short_title(p) for p in titles}
    n_called = Counter(short.values())
    return {titles[p]: name for p, name in short.items() if name and n_called[name] == 1}


def _start_over(c: Conversation) -> Outcome:
    """Forget the goal; keep the cart, the transcript and who is speaking."""
    kept = {
        name: getattr(c, name)
        for name in (
            "conversation_id", "shopper_id", "language", "personalise", "cart", "past_carts",
            "transcript", "n_turns", "done_actions", "rejected", "declined", "asides",
        )
    }  # fmt: skip
    return Outcome(conversation=Conversation(**kept), pieces=["start_over"])


def _cited(outcome: Outcome, answer: Answer) -> dict[str, Evidence]:
    """Return the evidence that anything in the reply cites."""
    ids = [i for s in outcome.suggestions for i in s.evidence_ids]
    ids += [i for b in outcome.bundles for i in b.evidence_ids]
    ids += [i for claim in answer.claims for i in claim.evidence_ids]
    cards = [*outcome.cards, *(card for b in outcome.bundle_cards for card in b.cards)]
    ids += [chip.evidence_id for card in cards for chip in card.chips]
    ids += [i for card in cards for i in card.reason_evidence_ids]
    return {i: outcome.evidence[i] for i in dict.fromkeys(ids) if i in outcome.evidence}


def _as_json(conversation: Conversation) -> dict[str, object]:
    """Return the constraints that are set, as JSON values."""
    names = {chip.partition(":")[0] for chip in constraint_chips(conversation.constraints)}
    return {name: plain(value) for name, value in conversation.constraints if name in names}
