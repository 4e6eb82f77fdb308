"""Each check of the gate by itself, over a shop of a few products: what it lets pass and what not.

The gate asks several checks of every claim, and a falsehood is mostly caught by more than one; here
one is asked at a time.
"""

import re

import pytest

from assistant.answer import Claim, Phrase
from assistant.grounding import (
    Gate,
    Judge,
    _bounded,
    _clause_key,
    _owners,
    _quoted_values,
    _roles,
    _unit,
    _values,
)
from assistant.readings import reading
from retrieval.data.dataset import Catalogue, Product
from retrieval.evidence import Evidence
from tests.assistant.facts import Facts

LONG = (
    "Acme Ridge hiking pack with a removable lid, two side pockets and a rain cover in its own bag"
)
PRODUCTS = Catalogue(
    (
        Product(product_id="a", title="Acme Ridge tent", brand="Acme", category=("Shop", "Tents")),
        Product(product_id="b", title="Bolt Dune mat", brand="Bolt", category=("Shop", "Mats")),
        Product(product_id="long", title=LONG, brand="Acme", category=("Shop", "Packs")),
        Product(product_id="q", title="Q lamp", brand="Q"),
        Product(product_id="ab", title="Acme Boltman stove", brand="Acme Boltman"),
        Product(product_id="mx", title="MX pump", brand="MX"),
        Product(product_id="twin", title="Acme Ridge tent", brand="Acme"),
    )
)


def record(kind, data, *ids):
    return Evidence(
        evidence_id=f"{kind}:{'-'.join(ids)}",
        kind=kind,
        product_ids=ids,
        text="",
        data=data,
        origin="",
    )


@pytest.fixture(scope="module")
def gate(shop):
    return Gate(PRODUCTS, shop.store.config, "EUR", {}.get)


@pytest.fixture
def problems(gate):
    """Return what one check says of a text over some records."""

    def ask(check, kind, text, *facts, own="a", topic=None, language="en", turn=()):
        claim = Claim(
            text=text, kind=kind, evidence_ids=tuple(f.evidence_id for f in facts), product_id=own
        )
        evidence = {fact.evidence_id: fact for fact in (*facts, *turn)}
        case = gate._take_apart(claim, facts, evidence, language, topic)
        return list(getattr(gate, check)(case))

    return ask


PRICE = record("price", {"price": "9.00", "currency": "EUR"}, "a")


# --- names ----------------------------------------------------------------------------------------


def test_a_long_title_may_be_said_whole_or_shortened(gate, problems):
    price = record("price", {"price": "9.00", "currency": "EUR"}, "long")
    shortened = gate._speakers["en"].title("long")
    assert shortened != LONG
    for title in (LONG, shortened):
        text = f"{title} costs €9.00."
        assert problems("_strange_order", "number", text, price, own="long") == []
        assert problems("_unclear_product", "number", text, price, own="long") == []


def test_a_short_title_is_clear_beside_records_of_products_that_left_the_shop(problems):
    gone = record("price", {"price": "1.00", "currency": "EUR"}, "gone")
    text = "Acme Ridge costs €9.00."
    assert problems("_unclear_product", "number", text, PRICE, turn=(gone,)) == []
    other = record("price", {"price": "1.00", "currency": "EUR"}, "long")  # also an Acme Ridge
    assert problems("_unclear_product", "number", text, PRICE, turn=(other,)) != []


def test_a_title_is_known_in_chinese_too(problems):
    assert (
        problems("_strange_order", "number", "Acme Ridge tent售价€9.00。", PRICE, language="zh")
        == []
    )
    found = problems("_strange_order", "number", "Acme Ridge tent很好。", PRICE, language="zh")
    assert "“很好” is not how the wordings go" in found


@pytest.mark.parametrize("name", ["Bolt", "bolt", "Acme Boltman", "MX"])
def test_a_brand_outside_the_evidence_is_foreign(problems, name):
    (found,) = problems("_foreign_names", "number", f"{name} costs €9.00.", PRICE)
    assert name.casefold() in found


def test_the_longest_brand_is_the_one_that_is_named(problems):
    (found,) = problems("_foreign_names", "number", "Acme Boltman costs €9.00.", PRICE)
    assert "“acme boltman”" in found


@pytest.mark.parametrize("text", ["Boltless costs €9.00.", "Q costs €9.00.", "It costs €9.00."])
def test_other_words_and_one_letter_are_no_brand(problems, text):
    assert problems("_foreign_names", "number", text, PRICE) == []


def test_a_shop_without_brands_has_no_foreign_ones(shop):
    plain = Catalogue((Product(product_id="a", title="Tent"),))
    gate = Gate(plain, shop.store.config, "EUR", {}.get)
    claim = Claim(text="Bolt.", kind="number", evidence_ids=(PRICE.evidence_id,), product_id="a")
    case = gate._take_apart(claim, (PRICE,), {PRICE.evidence_id: PRICE}, "en", None)
    assert list(gate._foreign_names(case)) == []


# --- which product --------------------------------------------------------------------------------


def test_a_claim_speaks_of_a_product_of_its_evidence(problems):
    text = "Acme Ridge tent costs €9.00."
    assert problems("_unclear_product", "number", text, PRICE) == []
    assert "speaks of b" in problems("_unclear_product", "number", text, PRICE, own="b")[0]
    for topic in (None, "a"):
        found = problems(
            "_unclear_product", "number", "It costs €9.00.", PRICE, own=None, topic=topic
        )
        assert found == []


def test_records_of_no_product_leave_open_which_it_is(problems):
    total = record("total", {"prices": {}, "total": "9.00", "n": 0, "currency": "EUR"})
    text = "Together these 0 come to €9.00."
    found = problems("_unclear_product", "number", text, total, topic="a")
    assert found == []
    assert problems("_unclear_product", "number", text, total, own=None) == []


def test_it_is_what_was_spoken_of_or_must_be_named(problems):
    assert problems("_unclear_product", "number", "It costs €9.00.", PRICE, topic="a") == []
    for topic in (None, "b"):
        (found,) = problems("_unclear_product", "number", "It costs €9.00.", PRICE, topic=topic)
        assert "does not say that it speaks of a" in found


def test_a_product_may_be_named_in_either_part_of_a_pair(problems):
    fit = record(
        "compatibility",
        {"name": "valve", "value": "x", "wanted": "x", "holder": "b", "other": "a", "works": True},
        "b", "a",
    )  # fmt: skip
    text = "Bolt Dune mat works with Acme Ridge tent: both state valve x."
    assert problems("_unclear_product", "attribute", text, fit) == []
    half = "Bolt Dune mat works with it: both state valve x."
    assert problems("_unclear_product", "attribute", half, fit) != []
    assert problems("_unclear_product", "attribute", half, fit, topic="a") == []


def test_a_record_of_a_category_names_it(problems):
    own = record("own_history", {"type": "purchase", "category": "Tents", "last_at": "2026-01-02"})
    said = "You bought something from Tents before, last on 2 Jan 2026."
    assert problems("_unclear_product", "statistic", said, own, own=None) == []
    it = "You last bought it on 2 Jan 2026."
    assert problems("_unclear_product", "statistic", it, own, own=None) != []
    assert problems("_unclear_product", "statistic", it, own, PRICE, own=None) != []


# --- the store ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "is_stale"),
    [({}, False), ({"data": {"price": "8.00"}}, True), ({"product_ids": ("b",)}, True)],
)
def test_a_stored_record_is_what_the_store_says_now(shop, change, is_stale):
    now = Evidence(**({"evidence_id": "price:a", "kind": "price", "product_ids": ("a",), "text": "",
                       "data": dict(PRICE.data), "origin": ""} | change))  # fmt: skip
    gate = Gate(PRODUCTS, shop.store.config, "EUR", {"price:a": now}.get)
    claim = Claim(text="x", kind="number", evidence_ids=("price:a",), product_id="a")
    case = gate._take_apart(claim, (PRICE,), {"price:a": PRICE}, "en", None)
    assert bool(list(gate._stale(case))) == is_stale


# --- signs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sign", ["\x07", "\u200b", "\ufdd0", "\ue002", "\ud800", "\u2028", "\u2029", "\u202e"]
)
def test_signs_that_cannot_be_seen_are_refused(problems, sign):
    assert problems("_unseen", "number", f"It costs{sign} €9.00.", PRICE) != []
    assert problems("_unseen", "number", "It\tcosts\n€9.00.", PRICE) == []


@pytest.mark.parametrize("currency", ["EUR", "USD"])
def test_money_is_of_the_records_currency_or_else_the_shops(problems, currency):
    total = record("total", {"prices": {}, "total": "9.00", "n": 0, "currency": currency})
    signs = {"EUR": "€", "USD": "$"}
    for code, sign in signs.items():
        found = problems("_wrong_currency", "number", f"It comes to {sign}9.00.", total, own=None)
        assert bool(found) == (code != currency)
    bare = record("total", {"prices": {}, "total": "9.00", "n": 0})
    assert problems("_wrong_currency", "number", "It comes to €9.00.", bare, own=None) == []
    assert problems("_wrong_currency", "number", "It comes to $9.00.", bare, own=None) != []
    assert problems("_wrong_currency", "number", "It comes to 9.00.", bare, own=None) == []


# --- which way round ------------------------------------------------------------------------------

TIE = record(
    "bought_together",
    {"anchor": "a", "other": "b", "anchor_category": None, "count": 6, "n_anchor": 9,
     "confidence": "66.7", "lift": "2.2"},
    "a", "b",
)  # fmt: skip
OF_CATEGORY = record("bought_together", dict(TIE.data) | {"anchor": None}, "b")


@pytest.mark.parametrize(
    ("text", "is_wrong"),
    [
        ("6 of the 9 baskets with Acme Ridge tent also held Bolt Dune mat.", False),
        ("6 of the 9 baskets with Bolt Dune mat also held Acme Ridge tent.", True),
        ("Acme Ridge tent and Bolt Dune mat: 6 of 9.", True),  # neither is the one counted
        ("6 of 9 with Acme Ridge tent and with Bolt Dune mat.", True),  # both are
    ],
)
def test_the_product_whose_baskets_are_counted_is_led_by_with(problems, text, is_wrong):
    found = problems("_wrong_order", "statistic", text, TIE, own="b")
    assert bool(found) == is_wrong


def test_a_tie_to_a_category_has_no_product_to_confuse(problems):
    text = "6 of 9 baskets with something from Tents also held Bolt Dune mat."
    assert problems("_wrong_order", "statistic", text, OF_CATEGORY, own="b") == []


def compared(this="4 kg", that="2 kg"):
    return record(
        "comparison", {"name": "weight", "this": this, "that": that, "better": "that"}, "a", "b"
    )


@pytest.mark.parametrize(
    ("text", "is_wrong"),
    [
        ("For weight, Acme Ridge tent has 4 kg and Bolt Dune mat has 2 kg.", False),
        ("For weight, Bolt Dune mat has 2 kg and Acme Ridge tent has 4 kg.", True),
        ("Acme Ridge tent and Bolt Dune mat: 2 kg against 4 kg.", True),
        ("It has 4 kg, where Bolt Dune mat has 2 kg.", False),
        ("It has 2 kg, where Bolt Dune mat has 4 kg.", True),
        ("Acme Ridge tent: 4 kg.", False),
        ("Acme Ridge tent, 4 kg, and Bolt Dune mat, 2 kg, not 4 kg.", True),
        ("Acme Ridge tent against Bolt Dune mat: Acme Ridge tent has 4 kg, not 2 kg.", False),
        ("Bolt Dune mat against Acme Ridge tent, Bolt Dune mat: 4 kg against 2 kg.", True),
        ("It has 4 kg against 2 kg, again 4 kg against 2 kg.", False),
    ],
)
def test_the_sides_of_a_comparison_come_in_its_order(problems, text, is_wrong):
    assert bool(problems("_wrong_order", "comparison", text, compared())) == is_wrong


def test_sides_that_are_alike_have_no_order(problems):
    text = "Acme Ridge tent has 4 kg, and so has Bolt Dune mat: 4 kg."
    assert problems("_wrong_order", "comparison", text, compared("4 kg", "4 kg")) == []


def dearer(which, other="b"):
    data = {"difference": "5.00", "dearer": which, "currency": "EUR"}
    return record("difference", data, "a", other)


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("Acme Ridge tent costs €5.00 {} than Bolt Dune mat.", "this"),
        ("It costs €5.00 {} than Bolt Dune mat.", "this"),
        ("Bolt Dune mat costs €5.00 {} than Acme Ridge tent.", "that"),
        ("Acme Ridge tent costs €5.00 {}.", "this"),
        ("Acme Ridge tent, not Bolt Dune mat: Acme Ridge tent costs €5.00 {}.", "this"),
        ("Bolt Dune mat, not Acme Ridge tent: Bolt Dune mat costs €5.00 {}.", "that"),
    ],
)
def test_more_and_less_follow_from_the_two_prices(problems, text, subject):
    for which in ("this", "that"):
        for word, is_more in (("more", True), ("less", False)):
            found = problems("_wrong_direction", "comparison", text.format(word), dearer(which))
            assert bool(found) == ((subject == which) != is_more)


def test_of_two_products_of_one_title_the_first_is_meant(problems):
    text = "Acme Ridge tent costs €5.00 more than Acme Ridge tent."
    assert problems("_wrong_direction", "comparison", text, dearer("this", "twin")) == []


@pytest.mark.parametrize("text", ["It costs €5.00.", "It costs €5.00 more and less."])
def test_a_difference_says_one_direction(problems, text):
    (found,) = problems("_wrong_direction", "comparison", text, dearer("this"))
    assert "does not say which one costs more" in found


def test_other_records_have_no_direction(problems):
    assert problems("_wrong_direction", "number", "It costs €9.00.", PRICE) == []


# --- parts ----------------------------------------------------------------------------------------


def test_the_parts_of_a_rank_are_its_losing_ones_its_top_one_or_the_one_named(gate, problems):
    data = {
        "rank": 3, "n": 9, "k": 2, "score": "0.1", "ahead": "b", "ahead_score": "0.9",
        "parts": {"lexical": "0.10", "semantic": "0.05"}, "ahead_parts": {"popularity": "0.5"},
    }  # fmt: skip
    speaker = gate._speakers["en"]

    def known(part, fact):
        text = f"Acme Ridge tent fell behind Bolt Dune mat on {speaker.part(part)}."
        return problems("_strange_order", "comparison", text, fact) == []

    rank = record("rank", data, "a", "b")
    assert known("popularity", rank)  # lost most
    assert known("lexical", rank)  # counted most
    assert not known("semantic", rank)
    named = record("rank", data | {"part": "semantic"}, "a", "b")
    assert known("semantic", named)
    assert not known("popularity", named)
    assert not known("lexical", record("rank", {"rank": 3, "n": 9}, "a"))


# --- quotations, roles, values --------------------------------------------------------------------


@pytest.mark.parametrize("marks", ["“”", '""', "「」", "『』"])
def test_a_quotation_is_one_in_any_marks_if_whole(problems, marks):
    quote = record("quote", {"text": "Stayed dry all night."}, "a")
    whole = f"A reviewer of Acme Ridge tent wrote: {marks[0]}Stayed dry all night.{marks[1]}"
    assert problems("_wrong_quotes", "quote", whole, quote) == []
    part = whole.replace(" all night", "")
    assert problems("_wrong_quotes", "quote", part, quote) != []


def test_only_records_that_hold_a_sentence_are_quoted(problems):
    rating = record("rating", {"rating": "4.0", "rating_count": 2, "text": "Stayed dry."}, "a")
    assert problems("_wrong_quotes", "number", "“Stayed dry.”", rating) != []


def roles(fact, own="a"):
    claim = Claim(text="x", kind="number", evidence_ids=(fact.evidence_id,), product_id=own)
    return dict(_roles(fact, claim))


def test_the_roles_of_a_records_products():
    assert roles(TIE) == {"product": "b", "anchor": "a"}
    assert roles(OF_CATEGORY) == {"product": "b"}
    assert roles(compared()) == {"product": "a", "anchor": "b"}
    assert roles(dearer("this")) == {"product": "a", "anchor": "b"}
    fit = record("compatibility", {"holder": "b", "other": "a"}, "b", "a")
    assert roles(fit) == {"holder": "b", "other": "a", "anchor": "b"}
    assert roles(fit, own="b") == {"holder": "b", "other": "a", "anchor": "a"}
    assert roles(record("compatibility", {"holder": "a", "other": "a"}, "a"))["anchor"] == "a"
    of_none = record("compatibility", {"holder": "a", "other": "a"})
    assert roles(of_none, own=None)["anchor"] == ""
    assert roles(PRICE) == {"product": "a"}
    assert roles(PRICE, own=None) == {"product": "a"}
    assert roles(PRICE, own="b") == {}
    assert roles(record("total", {}), own=None) == {}
    assert roles(record("rank", {"ahead": "b"}, "a", "b")) == {"product": "a", "ahead": "b"}
    assert roles(record("change", {"steps": []}, "a", "b")) == {"product": "a", "anchor": "b"}
    assert roles(record("change", {"steps": []}, "a")) == {"product": "a"}
    assert roles(record("cart", {"lines": []}, "a", "b")) == {"product": "a"}


def test_whose_value_a_text_is():
    assert dict(_owners(compared())) == {"this": "a", "that": "b"}
    fit = record("compatibility", {"other": "b"}, "a", "b")
    assert dict(_owners(fit)) == {"value": "b", "actual": "b", "wanted": ""}
    assert dict(_owners(PRICE)) == {"value": "a", "actual": "a", "wanted": ""}
    assert dict(_owners(record("total", {}))) == {"value": "", "actual": "", "wanted": ""}


def test_what_is_only_known_in_quotation_marks():
    assert list(_quoted_values(record("change", {"chip": "red"}))) == [("chip", "“red”")]
    match = record("match", {"words": ["tent", "red"]}, "a")
    assert list(_quoted_values(match)) == [("words", "“tent, red”")]
    assert list(_quoted_values(PRICE)) == []


def test_the_clause_that_an_empty_answer_stands_for():
    def key(conditions, label="nothing", kind="count"):
        return _clause_key(record(kind, {"conditions": conditions, "label": label, "n": 0}))

    assert key({"asked": "?"}) == "nothing"
    assert key({"asked": "?"}, label="Tents") == ""
    assert key({"of": "Tents"}) == ""
    assert key({"asked": "?"}, kind="total") == ""


@pytest.mark.parametrize(
    ("kind", "data", "name", "unit"),
    [
        ("price", {}, "price", "money"), ("offer", {}, "saving", "money"),
        ("bound", {"name": "price_max"}, "value", "money"),
        ("bound", {"name": "rating_min"}, "value", "plain"),
        ("constraint", {"name": "price_min"}, "actual", "money"),
        ("constraint", {"name": "price_min"}, "wanted", "money"),
        ("constraint", {"name": "price_min"}, "rank", "plain"),
        ("change", {"name": "total_max"}, "value", "money"),
        ("total", {}, "wanted", "money"), ("total", {}, "n", "plain"),
        ("bought_together", {}, "confidence", "percent"), ("bought_together", {}, "lift", "times"),
        ("bought_together", {}, "count", "plain"),
    ],
)  # fmt: skip
def test_the_unit_of_a_field(kind, data, name, unit):
    assert _unit(record(kind, data, "a"), name) == unit


def test_the_values_of_a_record_with_their_units():
    attested = reading("statistic", ("popularity",), "en")
    fact = record(
        "popularity", {"n_shoppers": 12, "from": "2026-01-02", "to": "2026-02-03", "k": 9}
    )
    assert _values([fact], attested) == {
        "n_shoppers": ("12", "plain"), "from": ("2026-01-02", "date"), "to": ("2026-02-03", "date"),
    }  # fmt: skip
    rated = reading("number", ("rating",), "en")
    text = record("rating", {"rating": "good", "rating_count": True}, "a")
    assert _values([text], rated) == {"=5": ("5", "plain")}
    assert _values([record("rating", {"rating": "4.50", "rating_count": 3})], rated) == {
        "=5": ("5", "plain"), "rating": ("4.5", "plain"), "rating_count": ("3", "plain"),
    }  # fmt: skip


# --- a text, one clause after another -------------------------------------------------------------


def test_what_was_accepted_is_it_from_then_on(shop):
    facts = Facts(shop, "en")
    price = facts.speaker.say(facts.records.price(facts.product("tent-duo")))
    rating = facts.speaker.say(facts.records.rating(facts.product("tent-duo")))
    evidence = {fact.evidence_id: fact for fact in (*price.evidence, *rating.evidence)}
    judge = Judge(shop.gate, evidence, "en")
    it = rating.claim("It is rated 4.3 of 5 in 6 reviews.")
    assert judge(it) is False
    assert judge.topic is None
    assert len(judge.reasons) == 1
    assert judge(price.claim(f"{facts.speaker.title('tent-duo')} costs €129.00.")) is True
    assert judge.topic == "tent-duo"
    assert judge(it) is True
    assert [verdict.supported for verdict in judge.verdicts.values()] == [True, True]
    assert len(judge.reasons) == 1


def test_a_phrase_is_one_of_the_closed_list_and_says_why(shop):
    known = shop.gate.check_phrase(Phrase(text="Here is what I found."), "en")
    assert known.reason == "a phrase of the closed list"
    other = shop.gate.check_phrase(Phrase(text="Here is the best."), "en")
    assert (other.supported, other.reason) == (False, "a phrase outside the closed list")


def test_half_of_a_fact_names_what_is_left_out(problems):
    half = "Of the 9 baskets with Acme Ridge tent, 6 also had Bolt Dune mat"
    (found,) = problems("_incomplete", "statistic", f"{half}.", TIE, own="b")
    assert found == "leaves out lift"
    whole = f"{half} (66.7 %, 2.2 times as many as by chance)."
    assert problems("_incomplete", "statistic", whole, TIE, own="b") == []


@pytest.mark.parametrize("text", ["(tent)", "tent.", "a tent, 5", "tent售价", "“tent”"])
def test_a_string_is_found_where_it_stands_alone(text):
    assert re.search(_bounded("tent"), text)


@pytest.mark.parametrize("text", ["atent", "5tent", "x.tent", "tents", "tent5", "tent.5", "tent,5"])
def test_a_string_is_not_found_inside_a_longer_word_or_number(text):
    assert not re.search(_bounded("tent"), text)


def test_a_chinese_string_has_no_bounds():
    assert re.search(_bounded("帐篷"), "X帐篷9")
