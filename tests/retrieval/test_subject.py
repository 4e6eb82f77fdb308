"""What a wish names, on categories in two languages."""

import pytest

from retrieval.data.dataset import Catalogue, Product
from retrieval.text.subject import SubjectFinder
from retrieval.text.tokens import tokenise


def product(product_id, title, *path, zh=()):
    translations = {"zh": {"title": "", "category": list(zh)}} if zh else {}
    return Product(product_id=product_id, title=title, category=path, translations=translations)


SHOP = (
    product("tent", "Fjell Duo", "Camp", "Shelter", "Tents", zh=("露营", "庇护", "帐篷")),
    product("tarp", "Rain Roof", "Camp", "Shelter", "Tarps", zh=("露营", "庇护", "天幕")),
    product("bag", "Winter Nest", "Camp", "Sleeping bags"),
    product("liner", "Silk Liner", "Camp", "Sleeping bag liners"),
    product("hat", "Wool Cap", "Wear", "Hats & gloves"),
    product("light", "Glow Lantern", "Light", "Lanterns"),
    product("odd", "Orphan Thing"),
)


@pytest.fixture(scope="module")
def finder():
    return SubjectFinder(Catalogue(SHOP), tokenise)


def named(finder, text):
    subject = finder.find(text)
    return None if subject is None else [SHOP[i].product_id for i in subject.mask.nonzero()[0]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a cheap two-person tent", ["tent"]),
        ("TENTS!", ["tent"]),
        ("sleeping bag", ["bag"]),
        ("a sleeping bag liner of silk", ["liner"]),  # most words first
        ("camp things", ["tent", "tarp", "bag", "liner"]),
        ("a shelter for the camp", ["tent", "tarp"]),  # the deeper of two categories
        ("light tent", ["tent"]),  # deeper than Light
        ("tent or tarp", ["tent", "tarp"]),  # equally deep: both
        ("gloves", ["hat"]),  # one half of "Hats & gloves"
        ("hats and gloves", ["hat"]),
        ("我想买一顶帐篷", ["tent"]),
        ("天幕", ["tarp"]),
        ("glow lantern", ["light"]),
        ("winter nest", ["bag"]),  # no category: the title
        ("orphan", ["odd"]),
        ("unicorn", None),
        ("winter unicorn", None),  # every word must be in the title
        ("?!", None),
        ("", None),
    ],
)
def test_what_a_text_names(finder, text, expected):
    assert named(finder, text) == expected


def test_a_category_has_leaves_and_a_title_has_none(finder):
    assert finder.find("tent").label == "Tents"
    assert len(finder.find("camp").leaves) == 4
    assert finder.find("winter nest").leaves == ()
    assert finder.find("winter nest").label == "winter nest"


def test_masks_are_shared_and_cannot_be_written_to(finder):
    with pytest.raises(ValueError, match="read-only"):
        finder.find("tent").mask[0] = False


def test_a_store_without_categories_goes_by_title():
    finder = SubjectFinder(Catalogue([product("a", "Red mug")]), tokenise)
    assert finder.find("mug").leaves == ()
