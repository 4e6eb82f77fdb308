"""The screens' words are complete in both languages."""

import re
import string
from pathlib import Path
from typing import get_args

import pytest

from assistant.conversation import ActionKind
from assistant.ui.words import LANGUAGES, WORDS, word
from retrieval.evidence import EvidenceKind

UI = Path(__file__).parents[3] / "assistant" / "ui"


def names(template):
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def test_both_languages_have_the_same_keys():
    assert WORDS["en"].keys() == WORDS["zh"].keys()


@pytest.mark.parametrize("key", WORDS["en"])
def test_a_word_has_the_same_names_in_both_languages_and_is_not_empty(key):
    assert names(WORDS["en"][key]) == names(WORDS["zh"][key])
    assert all(WORDS[language][key].strip() for language in LANGUAGES)


def test_every_word_that_the_screens_ask_for_exists_and_none_is_left_over():
    files = [path for path in UI.glob("*.py") if path.name != "words.py"]
    source = "\n".join(path.read_text("utf-8") for path in files)
    asked = set(re.findall(r'word\((?:language, |"en", )?"([a-z_.]+)"', source))
    made = {f"said.{kind}" for kind in get_args(ActionKind)}
    made |= {f"kind.{kind}" for kind in get_args(EvidenceKind)}
    made |= {f"group.{kind}" for kind in ("similar", "cross_sell", "upsell", "bundle")}
    made |= {f"group.{kind}_alone" for kind in ("cross_sell", "upsell")}
    made |= {"upsell.gain", "upsell.lose"}
    assert len(asked) > 30
    assert asked | made <= WORDS["en"].keys()
    assert not {key for key in WORDS["en"] if f'"{key}"' not in source} - made


def test_the_chinese_words_are_chinese():
    not_chinese = {
        key for key, value in WORDS["zh"].items() if not re.search(r"[\u4e00-\u9fff]", value)
    }
    assert not_chinese == {"lang.other"}


def test_a_missing_word_is_an_error():
    with pytest.raises(KeyError, match=r"no\.such"):
        word("en", "no.such")
