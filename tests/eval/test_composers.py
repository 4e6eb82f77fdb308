"""Composers compared and trained: the measures are right, and training sees what it may."""

import math

import pytest

from assistant.clauses import Clause
from assistant.prompting import load_wordings
from eval.composer_pairs import pairs, spared
from eval.run_composers import DRAWN, is_known_wording, readability, unfilled, variety
from eval.run_serving import Floors, decode_floor
from eval.train_composer import _padded, repeated


def test_variety_is_what_drawing_would_give():
    assert variety(["a"] * 30) == 1
    assert variety([str(n) for n in range(30)]) == pytest.approx(DRAWN)
    mixed = ["a"] * 15 + ["b"] * 15
    none_of_b = math.comb(15, DRAWN) / math.comb(30, DRAWN)
    assert variety(mixed) == pytest.approx(2 * (1 - none_of_b))
    with pytest.raises(ValueError, match="at least 10"):
        variety(["a"])


def test_a_sentence_is_led_back_to_its_wording():
    clause = Clause(key="price", slots={"product": "Tent 2", "price": "$2"}, evidence=())
    assert unfilled("Tent 2 costs $2.", clause, {}) == "$product costs $price."
    assert unfilled("T2 costs $2.", clause, {"Tent 2": "T2"}) == "$product costs $price."
    assert is_known_wording("$product costs $price.", "price")
    assert is_known_wording("and it costs $price.", "price")
    assert is_known_wording("It costs $price,", "price")
    assert not is_known_wording("For $product you pay $price.", "price")


def test_longer_words_and_sentences_read_harder():
    assert readability("It is red. It is big.") < readability(
        "Notwithstanding considerable disagreement, manufacturers recommend refrigeration."
    )


def test_a_spared_wording_is_in_no_pair_and_every_other_is():
    found = {(pair.key, pair.sentence) for pair in pairs()}
    kept = {key: spared(key) for key in load_wordings().clauses}
    assert sum(text is not None for text in kept.values()) >= 10
    for key, text in kept.items():
        assert (key, text) not in found
    for key, wording in load_wordings().clauses.items():
        if wording.slots and not key.startswith("card_"):
            said = {sentence for k, sentence in found if k == key}
            assert said >= {v for v in wording.en if v != kept[key]}, key


def test_a_card_holds_names_of_slots_and_no_value():
    for pair in pairs():
        assert not any(character.isdigit() for character in pair.user)
    price = next(p for p in pairs() if p.key == "price")
    assert "slots: $price $product" in price.user


def test_rare_clauses_are_repeated_and_common_ones_are_not():
    counts = {}
    for pair in repeated(pairs()):
        counts[pair.key] = counts.get(pair.key, 0) + 1
    assert min(counts.values()) >= 3
    assert counts["price"] == sum(pair.key == "price" for pair in pairs())


def test_only_sentences_are_learned():
    ids, mask, labels = _padded([([1, 2, 3], [4, 5]), ([6], [7])], filler=0)
    assert ids.tolist() == [[1, 2, 3, 4, 5], [6, 7, 0, 0, 0]]
    assert mask.tolist() == [[1] * 5, [1, 1, 0, 0, 0]]
    assert labels.tolist() == [[-100] * 3 + [4, 5], [-100, 7, -100, -100, -100]]


def test_the_floor_of_decoding_is_bound_by_memory_then_by_arithmetic():
    torch = pytest.importorskip("torch")
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, vocab_size=100,
    )  # fmt: skip
    model = LlamaForCausalLM(config).to(torch.float32)
    n = sum(parameter.numel() for parameter in model.parameters())
    cache = 2 * 2 * 2 * 16 * 4 * 2176
    slow_memory = Floors(copy=1e6, multiply=1e15)
    assert decode_floor(model, slow_memory, 1) == pytest.approx(1e6 / (4 * n + cache))
    assert decode_floor(model, slow_memory, 8) == pytest.approx(8e6 / (4 * n + 8 * cache))
    slow_units = Floors(copy=1e15, multiply=1e6)
    assert decode_floor(model, slow_units, 8) == pytest.approx(1e6 / (2 * n))
