"""Cards: what a shopper sees of a suggestion, every line from the record."""

from dataclasses import replace
from decimal import Decimal

import pytest

from assistant.cards import bundle_card, card, card_clause, plain_card, reason_clauses
from assistant.clauses import MAX_TITLE, Speaker
from assistant.wording import wordings
from retrieval.data.dataset import Catalogue
from retrieval.query import Constraints
from retrieval.slate import Suggestion
from tests.assistant.facts import Facts


@pytest.fixture(params=["en", "zh"])
def facts(shop, request):
    return Facts(shop, request.param)


def no_reason(_suggestion, _evidence):
    return "", ()


def alone(shop, product):
    """A speaker over a catalogue of one product."""
    return Speaker(Catalogue([product]), shop.store.config, shop.store.currency, "en")


def reason(facts):
    """The first checked line, as the service finds it."""

    def find(suggestion, evidence):
        for clause in reason_clauses(facts.speaker, suggestion, evidence):
            for text in wordings(clause, facts.language):
                claim = clause.claim(text)
                gate = facts.shop.gate
                if gate.check(claim, evidence, facts.language, topic=clause.product_id).supported:
                    return text, claim.evidence_ids
        return "", ()

    return find


def suggested(facts, **query):
    slate = facts.ask(**query)
    return [(s, card(facts.speaker, s, slate.evidence, reason(facts))) for s in slate.suggestions]


def test_a_card_says_what_the_catalogue_says(shop):
    facts = Facts(shop, "en")
    made = plain_card(facts.speaker, facts.product("tent-quartet"), [])
    assert made.title == "Fjellro Quartet 4-person tent"
    assert (made.price, made.list_price) == ("€249.00", "€279.00")
    assert (made.stock, made.can_add) == ("Only 5 left", True)
    assert (made.rating, made.rating_count) == (4.5, 2)
    assert (made.brand, made.category) == ("Fjellro", "Tents")
    assert (made.reason, made.chips, made.image_url) == ("", (), None)


def test_a_card_in_chinese_is_in_chinese(shop):
    facts = Facts(shop, "zh")
    made = plain_card(facts.speaker, facts.product("tent-quartet"), [])
    assert made.title == "Fjellro Quartet 四人帐篷"
    assert made.category == "帐篷"
    assert made.stock == "仅剩5件"


def test_a_list_price_below_the_price_is_not_shown(shop):
    product = replace(
        Facts(shop, "en").product("tent-duo"), list_price=Decimal(100), price=Decimal(129)
    )
    assert plain_card(alone(shop, product), product, []).list_price is None


def test_what_is_not_stated_is_not_shown(shop):
    product = replace(
        Facts(shop, "en").product("tent-duo"),
        price=None, stock=None, rating=None, rating_count=None, category=(), brand=None,
    )  # fmt: skip
    made = plain_card(alone(shop, product), product, [])
    assert (made.price, made.rating, made.rating_count, made.category) == (None, None, 0, "")
    assert made.can_add is False


def test_the_one_line_of_every_card_is_supported_and_cites_its_record(facts):
    queries = [
        {"anchors": ("tent-duo",), "offer_kind": kind}
        for kind in ("similar", "cross_sell", "upsell")
    ] + [{"text": "stove"}, {"text": "帐篷"}, {"anchors": ("stove-spark",), "offer_kind": "any"}]
    lines = 0
    for query in queries:
        for suggestion, made in suggested(facts, **query):
            assert bool(made.reason) == bool(made.reason_evidence_ids)
            assert set(made.reason_evidence_ids) <= set(suggestion.evidence_ids)
            assert made.title not in made.reason
            lines += bool(made.reason)
    assert lines >= 6


def test_an_upgrade_shows_gains_losses_and_the_difference(shop):
    facts = Facts(shop, "en")
    ((suggestion, made),) = suggested(facts, anchors=("tent-duo",), offer_kind="upsell")
    assert suggestion.product_id == "tent-quartet"
    assert made.difference == "+€120.00"
    assert "sleeps: 4 (2)" in made.gains
    assert "weight: 6.4 kg (2.1 kg)" in made.losses
    assert made.anchor_title == "Fjellro Duo 2-person tent"


def test_a_card_of_something_else_shows_no_gains(shop):
    for _, made in suggested(Facts(shop, "en"), anchors=("tent-duo",), offer_kind="cross_sell"):
        assert (made.gains, made.losses, made.difference) == ((), (), None)


def test_a_pair_that_does_not_fit_is_no_reason(shop):
    facts = Facts(shop, "en")
    misfit = facts.records.compatibility(facts.product("stove-spark"), facts.product("gas-click"))
    suggestion = Suggestion(
        product_id="gas-click", offer_kind="cross_sell", score=0.0, score_parts={}, evidence_ids=()
    )
    assert card_clause(facts.speaker, misfit, suggestion) is None


def test_a_bundle_card_holds_its_products_and_no_margin(shop):
    facts = Facts(shop, "en")
    slate = facts.ask(
        offer_kind="bundle", anchors=("tent-duo",), constraints=Constraints(total_max=Decimal(300))
    )
    bundle = slate.bundles[0]
    made = bundle_card(facts.speaker, bundle, slate, no_reason, "note")
    assert tuple(c.product_id for c in made.cards) == bundle.product_ids
    assert made.total == facts.speaker.money(f"{bundle.total:.2f}")
    assert not hasattr(made, "margin")
    assert made.label == "Best fit"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("images/a.svg", "images/a.svg"),
        ("images/../secret", None),
        ("https://example.org/a.png", None),
        ("/etc/passwd", None),
        (None, None),
    ],
)
def test_only_pictures_of_the_store_are_shown(shop, url, shown):
    product = replace(Facts(shop, "en").product("tent-duo"), image_url=url)
    assert plain_card(alone(shop, product), product, []).image_url == shown


def test_a_long_title_is_cut_at_a_word_in_text_and_whole_on_the_card(shop):
    title = "Fjellro Duo " + "very comfortable and roomy " * 6
    product = replace(Facts(shop, "en").product("tent-duo"), title=title.strip(), translations={})
    speaker = alone(shop, product)
    assert len(speaker.title("tent-duo")) <= MAX_TITLE
    assert title.startswith(speaker.title("tent-duo"))
    assert plain_card(speaker, product, []).title == title.strip()


def test_a_short_title_is_brand_and_model(shop):
    speaker = Facts(shop, "en").speaker
    base = Facts(shop, "en").product("tent-duo")
    for title, brand, short in (
        ("Fjellro Duo 2-person tent", "Fjellro", "Fjellro Duo"),
        ("Fjellro footprint for Duo", "Fjellro", None),  # not capitalised: no model
        ("Fjellro Duo", "Fjellro", None),  # nothing to leave out
        ("Milk, 1 gallon", None, None),
        ("Duo 2-person tent", "Fjellro", None),
    ):
        product = replace(base, title=title, brand=brand, translations={})
        assert speaker.short_title(product) == short
