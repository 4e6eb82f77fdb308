"""How a simulated shopper words an act, in two languages and in two halves of wordings."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from string import Template
from typing import Literal

import numpy as np
import yaml

from assistant.conversation import Language

Half = Literal["development", "held_out"]
HALVES: tuple[Half, ...] = ("development", "held_out")
ORDINALS = {
    "en": ("first", "second", "third", "fourth", "fifth", "sixth"),
    "zh": ("一", "二", "三", "四", "五", "六"),
}


@cache
def phrases() -> Mapping[str, Mapping[str, Mapping[str, list[str]]]]:
    """Return act → language → half → wordings."""
    text = (Path(__file__).parent / "phrases.yaml").read_text("utf-8")
    found: Mapping[str, Mapping[str, Mapping[str, list[str]]]] = yaml.safe_load(text)
    return found


def word(
    act: str, language: Language, half: Half, rng: np.random.Generator, **slots: object
) -> str:
    """Return one wording of an act, drawn from a half, its slots filled."""
    options = phrases()[act][language][half]
    filled = {name: str(value) for name, value in slots.items()}
    return Template(options[int(rng.integers(len(options)))]).substitute(filled)


def place(number: int, language: Language) -> str:
    """Return the word for a place counted from 1."""
    return ORDINALS[language][number - 1]
