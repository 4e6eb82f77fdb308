"""The models at their worst: what they may write, and that the gate holds."""

import pytest

from assistant.compose import ModelComposer
from assistant.conversation import Turn
from assistant.llm import wording_grammar
from assistant.service import Assistant, Shop
from assistant.sessions import Sessions
from eval.card_escapes import escapes
from eval.shop_table import table_of
from eval.worst_models import AnyModel, ways_of

PRICES = ("$product costs $price.", "$product is $price.", "You pay $price for $product.")
BOTH = frozenset({"product", "price"})


def drawn(grammar: str, seed: str) -> str:
    return "".join(AnyModel().write("", "", grammar=grammar, seed=seed))


def test_every_sentence_of_a_grammar_comes_and_no_other():
    grammar = wording_grammar(PRICES, [BOTH])
    assert {drawn(grammar, str(n)) for n in range(60)} == set(PRICES)


def test_wordings_that_share_words_are_mixed():
    grammar = wording_grammar(("It costs $price now.", "It costs $price today."), [frozenset()])
    assert len(ways_of(grammar)) > 3
    assert drawn(grammar, "7") == drawn(grammar, "7")


def test_without_a_grammar_it_says_what_it_needs():
    with pytest.raises(ValueError, match="give it one"):
        list(AnyModel().write("", ""))


def test_what_any_model_says_is_shown_and_nothing_escapes(tiny_store):
    shop = Shop(tiny_store)
    model = AnyModel()
    assistant = Assistant(
        shop, Sessions("sqlite://"), model=model, composer=ModelComposer(model, mode="write")
    )
    worded = 0
    for n, text in enumerate(("a tent", "what goes with it?", "why the first one?") * 3):
        reply = assistant.reply(Turn(conversation_id=f"any-{n // 3}", text=text))
        worded += reply.composer == "llm"
        assert escapes(reply, table_of(shop.store)) == []
    assert worded >= 6
    shop.store.close()
