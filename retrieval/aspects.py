"""Which aspects of a product a review sentence speaks of, and whether it praises or complains.

The aspects are a closed list, with English and Chinese expressions for each (`aspects.yaml`). What
is read here is counted and said to shoppers, so a sentence that leaves doubt is read as saying
nothing: clauses with wishes, conditions, hearsay or other products, a denial in an unusual place.
Nothing else of the sentence is concluded; what is shown of it is the sentence itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict

Polarity = Literal["praise", "complaint", "mixed"]


def _lines(value: object) -> object:
    return tuple(value.strip().splitlines()) if isinstance(value, str) else value


Lines = Annotated[tuple[str, ...], BeforeValidator(_lines)]


class Closed(BaseModel):
    """Base of what `aspects.yaml` holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AspectWords(Closed):
    """The words of one aspect; regular expressions on lower-case text."""

    label: dict[str, str]
    """Language to the aspect's name on the screen."""
    asked: Lines
    """Words of questions about it."""
    asked_zh: Lines
    unsure: Lines = ()
    """English words beside which praise of it is not believed: "fits well, a bit long"."""
    terms: Lines = ()
    """Its names; with a word of liking or disliking beside them they say something."""
    praise: Lines
    complaint: Lines
    praise_zh: Lines
    complaint_zh: Lines


class AspectFile(Closed):
    """`aspects.yaml`."""

    aspects: dict[str, AspectWords]
    said: dict[Literal["praise", "complaint"], Lines]
    doubt: dict[Literal["clause", "sentence", "praise", "clause_zh"], Lines]


PRAISE_FROM, COMPLAINT_TO = 4, 4
"""Praise is believed from this rating on, a complaint up to this one."""

_HAN = re.compile(r"[\u4e00-\u9fff]")
_CLAUSES = re.compile(
    r"[,;:!?…()]+|(?<!\d)\.+|\s[-–—]+\s|--+"
    r"|\b(?:but|however|although|though|yet|while|except|whereas|unfortunately|otherwise)\b"
)
_CLAUSES_ZH = re.compile(r"[，。；：！？…、,;!?\s]+|但是|但|不过|就是|只是|可是|可惜|然而|虽然")
_DENIED = re.compile(
    r"(?:\b(?:not|never|no|hardly|barely|isn't|wasn't|aren't|nor|without|nothing|neither|cannot|"
    r"\w+n't|lacks?|lacking)\b)(?P<between>(?: [\w']+){0,10}) $"
)
_PLAINLY = re.compile(
    r"^(?: (?:very|that|really|as|at all|quite|particularly|exactly|even|a|the))*$"
)
"""What may stand between a denial and what it denies."""
_ONLY = re.compile(r"\bnot (?:only|just|merely)\b")
_DENIED_ZH = re.compile(
    r"(?:不|没有|没什么|没|无|别|不是|不太|不够|不算|不会)(?:很|太|那么|怎么|特别)?$"
)
_BE = r"(?:is|are|was|were|feels?|looks?|'s)"
_VERY = r"(?:(?:so|very|really|also|just|absolutely|pretty|quite|simply|super|extremely|too) )*"
_LIKED = (
    r"(?:love|loved|loving|like|liked|adore|happy with|pleased with|impressed with|satisfied with)"
)
_DISLIKED = (
    r"(?:hate|hated|dislike|disliked|disappointed (?:in|with|by)|unhappy with|"
    r"problems? with|issues? with|complaints? (?:is|are|about|with)|shame about)"
)


class AspectReader:
    """Reads sentences with the expressions of `aspects.yaml`."""

    def __init__(self, words: AspectFile) -> None:
        self.labels: Mapping[str, Mapping[str, str]] = {
            name: aspect.label for name, aspect in words.aspects.items()
        }
        self._said = {
            name: {
                "praise": _matcher((*aspect.praise, *_beside(aspect.terms, words, "praise"))),
                "complaint": _matcher(
                    (*aspect.complaint, *_beside(aspect.terms, words, "complaint"))
                ),
            }
            for name, aspect in words.aspects.items()
        }
        self._unsure = {
            name: _matcher(aspect.unsure) for name, aspect in words.aspects.items() if aspect.unsure
        }
        self._said_zh = {
            name: {
                "praise": re.compile("|".join(aspect.praise_zh)),
                "complaint": re.compile("|".join(aspect.complaint_zh)),
            }
            for name, aspect in words.aspects.items()
        }
        self._doubt = {
            name: re.compile("|".join(lines)) if name == "clause_zh" else _words(lines)
            for name, lines in words.doubt.items()
        }
        self._asked = {
            name: re.compile(f"{_matcher(aspect.asked).pattern}|{'|'.join(aspect.asked_zh)}")
            for name, aspect in words.aspects.items()
        }

    def read(self, text: str, rating: float | None = None) -> dict[str, Polarity]:
        """Return aspect → polarity of one sentence; nothing where it leaves doubt.

        Args:
            text: The sentence.
            rating: Of the review it stands in, 1 to 5. Praise in a review of three stars or fewer
                and complaints in one of five stars are too often half the story.
        """
        plain = " ".join(text.lower().replace("’", "'").split())
        is_han = _HAN.search(plain) is not None
        if not is_han:
            if "?" in plain:
                return {}
            plain = self._doubt["sentence"].split(plain)[0]
        verdicts = {
            name: _verdict(said) for name, said in self._heard(plain, is_han=is_han).items()
        }
        return {
            name: polarity
            for name, polarity in verdicts.items()
            if polarity is not None
            and _suits(polarity, rating)
            and not (polarity == "praise" and self._is_unsure(name, plain, is_han=is_han))
        }

    def _heard(self, plain: str, *, is_han: bool) -> dict[str, set[str]]:
        """Return aspect → what the clauses say of it; after a `?` what a doubtful one says."""
        found: dict[str, set[str]] = {}
        doubt = self._doubt["clause_zh" if is_han else "clause"]
        for clause in (_CLAUSES_ZH if is_han else _CLAUSES).split(plain):
            mark = "?" if doubt.search(clause) else ""
            for name, said in (self._said_zh if is_han else self._said).items():
                for polarity in _polarities(clause, said, is_han=is_han):
                    found.setdefault(name, set()).add(mark + polarity)
        return found

    def _is_unsure(self, name: str, plain: str, *, is_han: bool) -> bool:
        """Whether praise of the aspect stands beside words that take it back."""
        if is_han:
            return False
        words = self._unsure.get(name)
        return bool(self._doubt["praise"].search(plain) or (words and words.search(plain)))

    def asked(self, question: str) -> tuple[str, ...]:
        """Return the aspects that a question names, in the order of the list."""
        plain = question.lower().replace("’", "'")
        return tuple(name for name, words in self._asked.items() if words.search(plain))


@cache
def aspect_reader() -> AspectReader:
    """Return the reader of the shipped list."""
    text = resources.files("retrieval").joinpath("aspects.yaml").read_text("utf-8")
    return AspectReader(AspectFile.model_validate(yaml.safe_load(text)))


def _suits(polarity: Polarity, rating: float | None) -> bool:
    """Whether a sentence of this polarity is believed in a review with this rating."""
    if rating is None or polarity == "mixed":
        return True
    return rating >= PRAISE_FROM if polarity == "praise" else rating <= COMPLAINT_TO


def _verdict(said: set[str]) -> Polarity | None:
    """Return what the clauses say together; None where one of them leaves doubt about it."""
    sure = {one for one in said if "?" not in one}
    if sure == {"praise", "complaint"}:
        return "mixed"
    if len(sure) != 1 or any(one.removeprefix("?") not in sure for one in said):
        return None
    return "praise" if "praise" in sure else "complaint"


def _polarities(clause: str, said: Mapping[str, re.Pattern[str]], *, is_han: bool) -> list[str]:
    """Return what one clause says of one aspect; complaints swallow praise inside them.

    A denial that may belong to something else gives `?`.
    """
    bad = [m.span() for m in said["complaint"].finditer(clause)]
    good = [
        m.span()
        for m in said["praise"].finditer(clause)
        if not any(begin < m.end() and m.start() < end for begin, end in bad)
    ]
    found = []
    for begin, _ in bad:
        found.append("complaint" if _denial(clause[:begin], is_han=is_han) is None else "?")
    for begin, _ in good:
        denied = _denial(clause[:begin], is_han=is_han)
        found.append("praise" if denied is None else "complaint" if denied else "?")
    return found


def _denial(before: str, *, is_han: bool) -> bool | None:
    """Return None where nothing denies what follows, True for a plain denial, else False."""
    if is_han:
        return False if _DENIED_ZH.search(before) else None
    found = _DENIED.search(before)
    if found is None or _ONLY.search(before):
        return None
    return _PLAINLY.match(found["between"]) is not None


def _beside(
    terms: tuple[str, ...], words: AspectFile, polarity: Literal["praise", "complaint"]
) -> list[str]:
    """Return expressions for a term with a word of liking or disliking beside it."""
    if not terms:
        return []
    term, said = "|".join(terms), "|".join(words.said[polarity])
    liked = _LIKED if polarity == "praise" else _DISLIKED
    return [
        f"(?:{said}) (?:{term})",
        f"(?:{term}) {_BE} {_VERY}(?:{said})",
        f"{liked} (?:the |its |their |this )(?:{term})",
    ]


def _matcher(expressions: tuple[str, ...]) -> re.Pattern[str]:
    """Return one pattern that matches any of the expressions as whole words."""
    return re.compile(rf"(?<![\w'-])(?:{'|'.join(expressions)})(?![\w'])")


def _words(expressions: tuple[str, ...]) -> re.Pattern[str]:
    """Return one pattern that matches any of the expressions at the edges of words."""
    return re.compile(rf"\b(?:{'|'.join(expressions)})\b")
