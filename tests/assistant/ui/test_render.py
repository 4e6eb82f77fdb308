"""The shopper's screen as markup, without a browser."""

import json
from html.parser import HTMLParser

import pytest

from assistant.answer import BundleCard, Card, Chip, EvidenceView, PieceReady
from assistant.ui import render
from assistant.ui.render import Frame, Look
from assistant.ui.visits import ShownTurn
from tests.assistant.ui.test_markup import HOSTILE

LOOK = Look(language="en", pictures="/pictures/tiny")
FRAME = Frame(title="Tiny", notice="", starters=("a tent",), model=None, start_path="/start")
OURS = {"src", "action", "href"}


def make_card(product_id="P1", **values):
    plain = {
        "offer_kind": "similar",
        "title": f"Product {product_id}",
        "brand": "Fell",
        "category": "Tents",
        "price": "$10.00",
        "list_price": None,
        "stock": "In stock",
        "can_add": True,
        "rating": 4.6,
        "rating_count": 12,
        "image_url": None,
        "reason": "",
    }
    return Card(product_id=product_id, **{**plain, **values})


def make_turn(**values):
    return ShownTurn(**{"key": "t1", "said": "a tent", "language": "en", "is_done": True, **values})


class Elements(HTMLParser):
    """Collects elements with their attributes and checks that they nest."""

    def __init__(self, markup):
        super().__init__(convert_charrefs=True)
        self.found, self.text, self._open = [], "", []
        self.feed(markup)
        assert not self._open, self._open

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in {"img", "input"}:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def having(self, attribute):
        return [attrs[attribute] for _, attrs in self.found if attribute in attrs]

    def count(self, name):
        return sum(tag == name for tag, _ in self.found)


def everywhere(hostile):
    """Return a whole page in which every text from outside is the hostile one."""
    card = make_card(
        title=hostile, brand=hostile, category=hostile, price=hostile, list_price=hostile,
        stock=hostile, reason=hostile, reason_evidence_ids=(hostile,), gains=(hostile,),
        losses=(hostile,), difference=hostile, anchor_title=hostile, offer_kind="upsell",
        image_url=hostile, chips=(Chip(label=hostile, evidence_id=hostile),), product_id=hostile,
    )  # fmt: skip
    bundle = BundleCard(name="best_fit", label=hostile, cards=(card,), total=hostile, note=hostile)
    turn = make_turn(
        said=hostile, cards=(card, make_card()), bundle_cards=(bundle,), error=hostile,
        status=hostile, pieces=[PieceReady(text=hostile, evidence_ids=(hostile,))],
        suggested_replies=(hostile,),
    )  # fmt: skip
    line = {
        "product_id": hostile,
        "title": hostile,
        "quantity": 2,
        "price": hostile,
        "subtotal": hostile,
    }
    frame = Frame(
        title=hostile, notice=hostile, starters=(hostile,), model=hostile, start_path="/start",
        samples=(hostile,), shopper_id=hostile,
    )  # fmt: skip
    view = EvidenceView(
        evidence_id=hostile, kind=hostile, title=hostile, fields=((hostile, hostile),),
        rows=((hostile,), (hostile,)), quote=hostile, quote_span=(0, 3), complaint=hostile,
        origin=hostile, recompute=hostile,
    )  # fmt: skip
    cart = {"lines": [line], "total": hostile}
    page = render.page(LOOK, frame, [turn], {hostile: hostile}, cart)
    panels = render.evidence_panel(LOOK, view) + render.profile_panel(
        LOOK, hostile, ((hostile, hostile),)
    )
    return page + panels + render.toast(LOOK, hostile, can_undo=True)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_text_makes_no_element_that_a_harmless_one_does_not_make(hostile):
    seen, harmless = Elements(everywhere(hostile)), Elements(everywhere("plain"))
    assert [name for name, _ in seen.found] == [name for name, _ in harmless.found]
    for name, attributes in seen.found:
        assert not [a for a in attributes if a.startswith("on")], name
        for attribute in OURS & attributes.keys():
            assert attributes[attribute].startswith(("/pictures/", "/start", "#"))
    assert hostile in seen.text


def test_a_title_with_reordering_marks_is_shown_isolated_and_without_them():
    markup = render.turn(LOOK, make_turn(cards=(make_card(title="abc\u202egpj.exe"),)))
    assert "<bdi>abcgpj.exe</bdi>" in markup
    assert "\u202e" not in markup


def test_offer_kinds_and_anchors_never_share_a_row():
    cards = (
        make_card("P1", offer_kind="cross_sell", anchor_title="Tent"),
        make_card("P2", offer_kind="cross_sell", anchor_title="Tent"),
        make_card("P3", offer_kind="upsell", anchor_title="Tent", difference="+$5.00"),
    )
    seen = Elements(render.turn(LOOK, make_turn(cards=cards)))
    groups = [a["class"] for n, a in seen.found if n == "section"]
    assert groups == ["group group-cross_sell", "group group-upsell"]
    assert "Goes with" in seen.text
    assert "A step up from" in seen.text


def test_cards_stand_before_the_words():
    markup = render.turn(LOOK, make_turn(cards=(make_card(),), pieces=[PieceReady(text="Words.")]))
    assert markup.index('class="card') < markup.index("Words.")


def test_every_clause_with_evidence_opens_its_records_and_equal_records_share_a_number():
    pieces = [
        PieceReady(text="Here you go."),
        PieceReady(text="It weighs 2 kg.", evidence_ids=("attribute:P1:weight",)),
        PieceReady(text="It costs 10.", evidence_ids=("price:P1", "attribute:P1:weight")),
    ]
    markup = render.turn(LOOK, make_turn(pieces=pieces))
    marks = [a for n, a in Elements(markup).found if a.get("class") == "mark"]
    assert [json.loads(m["data-look"])["evidence_id"] for m in marks] == [
        "attribute:P1:weight", "price:P1", "attribute:P1:weight",
    ]  # fmt: skip
    assert [part[0] for part in markup.split('weight&quot;}" aria-label')[1:]]
    assert markup.count(">1</button>") == 2


def test_a_product_that_cannot_be_bought_cannot_be_added():
    markup = render.turn(LOOK, make_turn(cards=(make_card(can_add=False, stock="Out of stock"),)))
    (add,) = [a for _, a in Elements(markup).found if "data-add" in a]
    assert "disabled" in add


def test_why_not_offers_the_other_shown_products():
    cards = (make_card("P1"), make_card("P2"), make_card("P3"))
    seen = Elements(render.turn(LOOK, make_turn(cards=cards)))
    asked = [json.loads(v) for v in seen.having("data-turn") if "why_not" in v]
    others = {
        (a, b) for a in ("P1", "P2", "P3") for b in (None, "P1", "P2", "P3") if a != b
    }  # None: a cheaper one, whichever it is
    assert {(a["other_id"], a.get("product_id")) for a in asked} == others


def test_a_bundle_shows_lines_total_note_and_adds_all():
    cards = (make_card("P1"), make_card("P2"))
    bundle = BundleCard(
        name="best_fit", label="Best fit", cards=cards, total="$20.00", note="10 + 10"
    )
    seen = Elements(render.turn(LOOK, make_turn(bundle_cards=(bundle,))))
    assert [json.loads(v) for v in seen.having("data-add-all")] == [["P1", "P2"]]
    assert "$20.00" in seen.text
    assert "10 + 10" in seen.text


def test_the_label_and_the_notice_are_always_on_the_page():
    frame = Frame(
        title="Tiny", notice="Simulated data.", starters=(), model=None, start_path="/start"
    )
    text = Elements(render.page(LOOK, frame, [make_turn()], {}, {})).text
    assert "AI assistant" in text
    assert "Simulated data." in text


def test_the_empty_page_has_starters_and_a_page_with_turns_has_none():
    assert "a tent" in Elements(render.page(LOOK, FRAME, [], {}, {})).having("data-say")
    later = render.page(LOOK, FRAME, [make_turn(said="x")], {}, {})
    assert "a tent" not in Elements(later).having("data-say")


def test_a_quote_is_marked_inside_the_whole_review():
    view = EvidenceView(
        evidence_id="quote:R1#1", kind="quote", title="t", fields=(), quote="Dry. Warm <3. Heavy.",
        quote_span=(5, 13),
    )  # fmt: skip
    assert "Dry. <mark>Warm &lt;3.</mark> Heavy." in render.evidence_panel(LOOK, view)


def test_constraint_chips_can_each_be_removed():
    bar = Elements(render.constraint_bar(LOOK, {"price_max": "Up to $100"}))
    assert [json.loads(v) for v in bar.having("data-turn")] == [
        {"kind": "remove_constraint", "name": "price_max"}
    ]


def test_the_cart_steps_to_zero_by_removing():
    line = {
        "product_id": "P1",
        "title": "Tent",
        "quantity": 1,
        "price": "$5.00",
        "subtotal": "$5.00",
    }
    seen = Elements(render.cart_column(LOOK, {"lines": [line], "total": "$5.00"}))
    turns = [json.loads(v) for v in seen.having("data-turn")]
    assert turns == [
        {"kind": "remove_from_cart", "product_id": "P1"},
        {"kind": "set_quantity", "product_id": "P1", "quantity": 2},
        {"kind": "remove_from_cart", "product_id": "P1"},
        {"kind": "undo"},
    ]
    assert "$5.00" in seen.text


def test_every_button_has_a_name():
    class Names(HTMLParser):
        def __init__(self, markup):
            super().__init__()
            self.open, self.nameless = None, []
            self.feed(markup)

        def handle_starttag(self, tag, attrs):
            if tag in {"button", "summary"}:
                self.open = [tag, dict(attrs), ""]

        def handle_data(self, data):
            if self.open:
                self.open[2] += data

        def handle_endtag(self, tag):
            if self.open and tag == self.open[0]:
                if not self.open[2].strip() and not self.open[1].get("aria-label"):
                    self.nameless.append(self.open)
                self.open = None

    assert not Names(everywhere("plain")).nameless


def test_chinese_page_is_marked_as_chinese():
    look = Look(language="zh", pictures="/pictures/tiny")
    assert 'lang="zh-CN"' in render.page(look, FRAME, [], {}, {})


def test_two_clauses_of_one_sentence_stand_together_and_each_opens_its_own_record():
    pieces = [
        PieceReady(text="It costs $10.00,", evidence_ids=("price:P1",)),
        PieceReady(text="and it is rated 4.6 of 5 in 12 reviews.", evidence_ids=("rating:P1",)),
        PieceReady(text="It weighs 2 kg.", evidence_ids=("attribute:P1:weight",)),
    ]
    markup = render.turn(LOOK, make_turn(pieces=pieces))
    assert markup.count('class="clause') == 2
    assert markup.count('class="clause shared"') == 1
    assert markup.count("data-look") >= 3
    begun = render.turn(LOOK, make_turn(pieces=pieces[:1], is_done=False))
    assert "It costs" not in begun  # half a sentence waits for its other half
