"""The project's own composer: the adapter as it is shipped, on the packaged weights."""

import json

import pytest

from assistant.answer import Claim
from assistant.compose import ModelComposer, Tally
from assistant.llm import load_llm
from assistant.llm.local import ADAPTER
from assistant.wording import Task
from retrieval.errors import ModelError
from retrieval.text import weights
from tests.assistant.facts import all_clauses

KINDS = ("price", "rating", "quote", "complaint", "bought_together", "attribute", "gain", "dearer")


@pytest.mark.slow
def test_the_adapter_words_clauses_of_a_shop_it_never_saw_and_the_gate_passes_them(shop):
    try:
        model = load_llm("own")
    except ModelError as error:
        pytest.skip(f"the packaged weights are not here: {error}")
    clauses = all_clauses(shop, "en")
    pieces = tuple(clauses[kind] for kind in KINDS)
    evidence = {fact.evidence_id: fact for piece in pieces for fact in piece.evidence}
    topic, tally = None, Tally()

    def accept(claim: Claim) -> bool:
        nonlocal topic
        verdict = shop.gate.check(claim, evidence, "en", topic=topic)
        topic = claim.product_id if verdict.supported else topic
        return verdict.supported

    composer = ModelComposer(model, mode="write", prompt="compose_card", deadline_s=100)
    task = Task(pieces=pieces, language="en", shopper_turn="a tent", seed="own")
    said = list(composer.compose(task, accept, tally))
    assert len(said) == len(KINDS)
    assert tally.by_model >= len(KINDS) - 1


def test_the_record_of_training_belongs_to_the_adapter_beside_it():
    record = json.loads((ADAPTER / "training.json").read_text("utf-8"))
    assert record["base"] == weights.PACKAGED["llm"].name
    assert (
        record["settings"]["rank"]
        == json.loads((ADAPTER / "adapter_config.json").read_text("utf-8"))["r"]
    )
    assert (ADAPTER / "adapter_model.safetensors").stat().st_size < 5_000_000
    assert not list(ADAPTER.glob("*.bin"))
