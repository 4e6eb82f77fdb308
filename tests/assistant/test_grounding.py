"""The gate: every wording passes on real records, and nothing else does.

Each check of the gate has cases here that only it catches (`ONLY`): with the check taken out of a
subclass, exactly those sentences would reach the screen. The test that does so lists them:

    _wrong_kind          a claim that also leans on a record of another kind
    _stale               a record that differs from what the store says now, or that no store holds
    _miscounted          sums, limits and carts that do not add up
    _unseen              characters that cannot be seen or that reorder what is seen
    _wrong_quotes        a second quotation that no review holds
    _foreign_names       a brand of the shop that is also an ordinary word
    _unclear_product     "it" where nothing was spoken of
    _wrong_numbers       a number of the evidence's neighbours
    _wrong_places        the right number in another's place
    _wrong_currency      another currency's sign
    _wrong_order         anchor and product, this and that exchanged
    _wrong_direction     more for less
    _contradictions      better, cheapest, in stock, denials that the record does not bear out
    _other_clause        the words of another empty answer
    _strange_characters  signs and letters that no wording uses
    _incomplete          half of a fact
    _strange_order       adjectives, superlatives, number words; known words in a new order
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from string import Template

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assistant.answer import Answer, Claim, Phrase
from assistant.clauses import Clause
from assistant.grounding import Gate
from assistant.prompting import SLOT, load_wordings
from assistant.wording import Told, wordings
from retrieval.data.dataset import Catalogue
from retrieval.evidence import Evidence
from tests.assistant.facts import ODD, Facts, all_clauses, odd_clauses

LANGUAGES = ("en", "zh")
KEYS = sorted(load_wordings().clauses)


@pytest.fixture(scope="module")
def clauses(shop, odd_shop):
    """Language → key → clause with real evidence."""
    found = {language: all_clauses(shop, language) for language in LANGUAGES}
    for language in LANGUAGES:
        found[language] |= odd_clauses(odd_shop, language)
    return found


@pytest.fixture(scope="module")
def gates(shop, odd_shop):
    """Key → the gate of the shop that its evidence comes from."""
    return lambda key: odd_shop.gate if key in ODD else shop.gate


def texts(clause: Clause, language: str) -> list[tuple[str, str | None]]:
    """Return every filled wording, with the topic it needs."""
    told = Told(topic=clause.product_id)
    plain = wordings(clause, language)
    known = clause.key.startswith("card_")
    short = [t for t in wordings(clause, language, told) if t not in plain]
    return [
        *((text, clause.product_id if known else None) for text in plain),
        *((text, clause.product_id) for text in short),
    ]


def evidence_of(clause: Clause) -> dict[str, Evidence]:
    return {fact.evidence_id: fact for fact in clause.evidence}


def judge(gate: Gate, clause: Clause, text: str, language: str, topic: str | None = None):
    return gate.check(clause.claim(text), evidence_of(clause), language, topic=topic)


# --- no wording is dead ---------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", KEYS)
def test_every_wording_filled_from_real_evidence_passes(clauses, gates, key, language):
    clause = clauses[language][key]
    wording = load_wordings().clauses[key]
    filled = texts(clause, language)
    assert len(filled) == len(wording.all_variants(language)), "a variant needs a slot it lacks"
    for text, topic in filled:
        verdict = judge(gates(key), clause, text, language, topic)
        assert verdict.supported, (text, verdict.reason)


def test_one_answer_is_judged_claim_by_claim_and_phrases_must_be_known(shop, clauses):
    price, rating = clauses["en"]["price"], clauses["en"]["rating"]
    evidence = evidence_of(price) | evidence_of(rating)
    answer = Answer(
        pieces=(
            Phrase(text="Here is what I found."),
            price.claim(wordings(price, "en")[0]),
            rating.claim("It is rated 4.3 of 5 in 6 reviews."),
            Phrase(text="It is the best."),
        )
    )
    good, follows, bad = shop.gate.check_answer(answer, evidence, "en")
    assert good.supported
    assert follows.supported
    assert not bad.supported
    assert "closed list" in bad.reason


# --- the words of one clause over the record of another -------------------------------------------

AS_TRUE = {
    ("price_reduced", "price"), ("stock_low", "stock_in"), ("rating_one", "rating"),
    ("gain", "compare"), ("loss", "compare"), ("total_left", "total"), ("not_category", "category"),
    ("count_one", "count"), ("count", "profile_count"), ("count_one", "profile_count"),
    ("extreme_one", "extreme_cheapest"), ("why_part", "why_top_part"), ("why_part", "why_part_too"),
    ("why_top_part", "why_part_too"), ("why_variety", "why_rank"), ("cart_total_one", "cart_total"),
    ("cart_emptied", "cart_removed"),
    ("not_other", "not_other_unstated"), ("change_without", "change_drop"),
}  # fmt: skip
"""(whose record, whose words): the record bears those words out too, be it less finely."""


def borrowed(clause: Clause, language: str) -> list[tuple[str, str]]:
    """Return key and text of other clauses' wordings, filled from this clause's record."""
    known = load_wordings().clauses
    own, kinds = known[clause.key], {fact.kind for fact in clause.evidence}
    said = {str(name): str(value) for name, value in clause.evidence[0].data.items()}
    slots = {name: value for name, value in (said | dict(clause.slots)).items() if value}
    return [
        (key, Template(variant).substitute(slots))
        for key, wording in known.items()
        if wording.kind == own.kind and kinds & set(wording.evidence)
        for variant in wording.all_variants(language)
        if variant not in own.all_variants(language) and set(SLOT.findall(variant)) <= set(slots)
    ]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", KEYS)
def test_a_record_carries_its_own_clause_and_no_other(clauses, gates, key, language):
    clause = clauses[language][key]
    for other, text in borrowed(clause, language):
        pair = (key.removeprefix("card_"), other.removeprefix("card_"))
        if pair[0] == pair[1] or pair in AS_TRUE:
            continue
        for topic in (None, clause.product_id):
            assert not judge(gates(key), clause, text, language, topic).supported, (other, text)


# --- what must be refused -------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A sentence that must not pass."""

    name: str
    key: str
    change: Callable[[str], str]
    """From the first wording to the sentence."""
    reason: str
    """Pattern that the verdict must hold."""
    language: str = "en"


def sub(pattern: str, by: str, n: int = 0) -> Callable[[str], str]:
    def change(text: str) -> str:
        changed, found = re.subn(pattern, by, text, count=n)
        assert found, f"{pattern} is not in {text}"
        return changed

    return change


def instead(text: str) -> Callable[[str], str]:
    return lambda _: text


DUO, QUARTET = "Fjellro Duo 2-person tent", "Fjellro Quartet 4-person tent"
DUO_ZH, QUARTET_ZH = "Fjellro Duo 双人帐篷", "Fjellro Quartet 四人帐篷"
FOAM = "Karsik Trail foam mat"
REFUSED = [
    # numbers
    Case("changed price", "price", sub("129.00", "128.00"), "128.00.*no money value"),
    Case("changed price zh", "price", sub("129.00", "128.00"), "no money value", "zh"),
    Case("rounded price", "price", sub("129.00", "130"), "no money value"),
    Case("longer price", "price", sub("129.00", "1129.00"), "no money value"),
    Case("more decimals", "price", sub("129.00", "129.001"), "no money value"),
    Case("price without its sign", "price", sub("€", ""), "no plain value"),
    Case("another currency", "price", sub("€", "$"), "not in the shop's currency"),
    Case("currency by code", "price", sub("€129.00", "129.00 USD"), "not in the shop's currency"),
    Case("price as percentage", "price", sub("€129.00", "129 %"), "no percent value"),
    Case("count as money", "rating", sub("6 reviews", "€6 reviews"), "no money value"),
    Case("changed rating", "rating", sub("4.3", "4.8"), "no plain value"),
    Case("changed count", "rating", sub("6 reviews", "60 reviews"), "no plain value"),
    Case("changed scale", "rating", sub("of 5", "of 10"), "no plain value"),
    Case("rating and count exchanged", "rating", instead(
        f"{DUO} is rated 6 of 5 in 4.3 reviews."), "in the wrong place"),
    Case("scale for count", "rating", instead(
        f"{DUO} is rated 4.3 of 5 in 5 reviews."), "in the wrong place"),
    Case("changed stock", "stock_low", sub("3", "2"), "no plain value"),
    Case("price and list price exchanged", "price_reduced", instead(
        f"{QUARTET} is €279.00, down from €249.00."), "in the wrong place"),
    Case("prices exchanged zh", "price_reduced", instead(
        f"{QUARTET_ZH}现价€279.00，原价€249.00。"), "in the wrong place", "zh"),
    Case("part and whole exchanged", "bought_together", sub(
        r"(\d+) of the (\d+)", r"\2 of the \1"), "in the wrong place"),
    Case("part and whole exchanged zh", "bought_together", sub(
        r"在(\d+)(.*?)，(\d+)个", r"在\3\2，\1个"), "in the wrong place", "zh"),
    Case("lift as percentage", "bought_together", sub(r"[\d.]+ times", "2.2 %"), "no percent"),
    Case("confidence as lift", "bought_together", sub(r"[\d.]+ %", "66.7 times"), "no times"),
    Case("low end of the interval", "bought_together", sub(r"[\d.]+ %", "35.4 %"), "no percent"),
    Case("buyers of the other", "viewed_together", sub(r"of the \d+", "of the 12"), "no plain"),
    Case("complaint share", "complaint", sub("1 of 2 reviews", "2 of 2 reviews"), "wrong place"),
    Case("complaint stars", "complaint", sub("1 or 2 stars", "1 or 3 stars"), "no plain value"),
    Case("window exchanged", "popularity", sub(
        r"between (.*) and (.*)\.", r"between \2 and \1."), "in the wrong place"),
    Case("changed date", "own_history_purchase", sub("2026", "2025"), "no date value"),
    Case("changed month zh", "own_history_purchase", sub("年1月", "年2月"), "no date value", "zh"),
    Case("saving as price", "offer", instead(
        f"With offer tents-10 {DUO} comes to €12.90 instead of €129.00."), "the wrong place"),
    Case("offer prices exchanged", "offer", instead(
        f"With offer tents-10 {DUO} comes to €129.00 instead of €116.10."), "the wrong place"),
    Case("another offer code", "offer", sub("tents-10", "tents-20"), "no plain value"),
    Case("total and rest exchanged", "total_left", instead(
        "Together these 2 come to €46.10, which leaves €153.90 of your €200.00."), "wrong place"),
    Case("changed size of set", "total", sub("these 2", "these 3"), "no plain value"),
    Case("rank and number exchanged", "why_rank", sub(
        r"place (\d+) of (\d+)", r"place \2 of \1"), "in the wrong place"),
    Case("difference is a price", "dearer", sub("120.00", "249.00"), "no money value"),
    # numbers in words, and other guises of numbers
    Case("number word", "stock_low", sub("3", "three"), "has three” is not how"),
    Case("wrong number word", "stock_low", sub("3", "four"), "no plain value"),
    Case("twice", "price", sub("costs", "costs twice"), "no plain value"),
    Case("half price", "price", sub("costs", "is half price at"), "no plain value"),
    Case("second", "price", sub("costs", "is the second at"), "no plain value"),
    Case("dozen", "stock_in", sub("14", "a dozen"), "no plain value"),
    Case("percent in words", "price", sub(r"\.$", ", ten percent off."), "no plain value"),
    Case("bucks", "price", sub("€129.00", "fifty bucks"), "no plain value"),
    Case("two, Chinese", "stock_low", sub("3件", "两件"), "no plain value", "zh"),
    Case("three, Chinese, wrong", "stock_low", sub("3件", "四件"), "no plain value", "zh"),
    Case("double, Chinese", "price", sub("售价", "两倍售价"), "no plain value", "zh"),
    Case("half price, Chinese", "price", sub("售价", "半价"), "no plain value", "zh"),
    Case("full-width digits", "price", sub("129.00", "１２９"), "no plain value"),
    Case("Arabic digits", "price", sub("€129.00", "€١٢٩"), "no plain value"),
    Case("circled digit", "stock_low", sub("3", "③"), "no plain value"),
    Case("raised digit", "stock_low", sub("3", "3²"), "no plain value"),
    Case("fraction sign", "price", sub(r"\.$", " ½."), "no plain value"),
    Case("fraction", "stock_low", sub("3", "1/2"), "no plain value"),
    Case("Roman numeral", "stock_low", sub("3", "III"), "has iii” is not how"),
    Case("Roman numeral sign", "stock_low", sub("3", "Ⅲ"), "no plain value"),
    Case("thousand by letter", "price", sub("129.00", "129k"), "… k” is not how"),
    Case("negative", "price", sub("€", "-€"), "which no wording uses"),
    Case("about", "price", sub("€", "~€"), "which no wording uses"),
    Case("from", "price", sub("€", "from €"), "states one price"),
    Case("at most", "price", sub("€", "under €"), "costs under” is not how"),
    Case("digits around a name", "price", sub("2-person", "12-person"), "names “fjellro”|“12”"),
    Case("part of a title", "price", sub(DUO, "2-person tent"), "speaks of tent-duo"),
    # names
    Case("another product", "price", sub(DUO, QUARTET), "names “fjellro”"),
    Case("another brand", "price", sub(DUO, "Karsik"), "names “karsik”"),
    Case("another product zh", "price", sub(DUO_ZH, QUARTET_ZH), "names “fjellro”", "zh"),
    Case("a second product", "price", sub(r"\.$", f", and so is {FOAM}."), "names “karsik”"),
    Case("no product", "price", instead("It costs €129.00."), "does not say that it speaks of"),
    Case("anchor and product exchanged", "bought_together", lambda text: text.replace(
        DUO, "~").replace(FOAM, DUO).replace("~", FOAM), "the wrong way round"),
    Case("visits exchanged", "viewed_together", lambda text: text.replace(
        DUO, "~").replace(FOAM, DUO).replace("~", FOAM), "the wrong way round"),
    # quotations
    Case("one word of a quote", "quote", sub("dry", "warm"), "quotes what stands in no cited"),
    Case("polarity of a quote", "quote", sub("stayed", "never stayed"), "quotes what stands in no"),
    Case("half a quote", "quote", sub(" and stayed dry", ""), "or not all of it"),
    Case("no quotation", "quote", sub("“.*”", "it is dry"), "without quoting"),
    Case("an added quotation", "rating", sub(r"\.$", ": “the best tent ever”."), "quotes what"),
    Case("complaint changed", "complaint", sub("could not", "could"), "quotes what"),
    Case("quote's product", "quote", sub(DUO, QUARTET), "names “fjellro”"),
    # opinions: aspect, polarity, strength, subject, count
    Case("praise for complaints", "aspect_complaint", sub("Complaints about", "Praise for"),
         "the reviews counted complain"),
    Case("complaints for praise", "aspect_praise", sub("Praise for", "Complaints about"),
         "the reviews counted praise"),
    Case("praise, complaints zh", "aspect_complaint", sub("抱怨", "好评"), "complain", "zh"),
    Case("complaints, praise zh", "aspect_praise", sub("好评", "抱怨"), "praise", "zh"),
    Case("another aspect", "aspect_praise", sub("waterproofing", "comfort"), "leaves out aspect"),
    Case("another aspect zh", "aspect_praise", sub("防水", "舒适度"), "leaves out aspect", "zh"),
    Case("no aspect", "aspect_praise", sub("the waterproofing of ", ""), "leaves out aspect"),
    Case("stronger praise", "aspect_praise", sub("Praise", "High praise"), "“high” is not how"),
    Case("all of them", "aspect_praise", sub("2 of the 2", "all"), "“all”|leaves out"),
    Case("most of them", "aspect_complaint", sub("1 of the 1", "most of the 1"), "“most”|leaves"),
    Case("one more praise", "aspect_praise", sub("2 of the 2", "3 of the 2"), "no plain value"),
    Case("opinion without its quote", "aspect_praise", sub("; one says: “.*”", "."), "quoting"),
    Case("opinion's quote changed", "aspect_praise", sub("(“.*)dry", r"\1wet"), "quotes what"),
    Case("opinion's product", "aspect_praise", sub(DUO, QUARTET), "names “fjellro”"),
    Case("shared by more", "shared_complaint", sub("1 of 6", "2 of 6"), "no plain value"),
    Case("shared, exchanged", "shared_complaint", sub("1 of 6", "6 of 1"), "in the wrong place"),
    Case("shared as praise", "shared_complaint", sub("complain about", "praise"),
         "… praise” is not how"),
    Case("another shared", "shared_complaint", sub("zips and fastenings", "comfort"),
         "leaves out aspect"),
    Case("a few complain", "shared_complaint", sub("1 of 6", "a few of 6"), "“few”|leaves out"),
    Case("sponsored after all", "placement_interest", instead(
        "The shop placed Karsik AirLite inflatable mat higher: it is sponsored."), "nobody pays"),
    Case("sponsored after all zh", "placement_interest", instead(
        "店铺把Karsik AirLite 充气垫排得更靠前：这是赞助商品。"), "nobody pays", "zh"),
    Case("own interest after all", "placement_sponsored", instead(
        f"The shop placed {FOAM} higher in its own interest."), "it is sponsored"),
    Case("another's placement", "placement_sponsored", sub(FOAM, DUO), "names “fjellro”"),
    Case("agree", "disagreement", sub("disagree", "agree"), "… agree” is not how"),
    Case("nobody liked it", "disagreement", sub("1 gave 4 or 5 and ", ""), "in the wrong place"),
    Case("more stars", "disagreement", sub("gave 4 or 5", "gave 3 or 5"), "no plain value"),
    Case("more who liked it", "disagreement", sub("1 gave 4", "2 gave 4"), "in the wrong place"),
    # comparisons
    Case("worse for better", "gain", sub("better", "worse"), "not the worse one"),
    Case("better for worse", "loss", sub("worse", "better"), "not the better one"),
    Case("better for worse zh", "loss", instead(
        f"{QUARTET_ZH}的重量更好：6.4 kg，而{DUO_ZH}是2.1 kg。"), "not the better one", "zh"),
    Case("sides exchanged", "loss", sub(r"6.4 kg(.*)2.1 kg", r"2.1 kg\g<1>6.4 kg"), "wrong way"),
    Case("names exchanged", "loss", lambda text: text.replace(
        DUO, "~").replace(QUARTET, DUO).replace("~", QUARTET), "wrong way round"),
    Case("numbers exchanged", "gain", sub("4,(.*)has 2", r"2,\g<1>has 4"), "in the wrong place"),
    Case("less for more", "dearer", sub("more", "less"), "the other way round"),
    Case("more for less zh", "cheaper", sub("便宜", "贵"), "the other way round", "zh"),
    Case("prices' names exchanged", "dearer", lambda text: text.replace(
        DUO, "~").replace(QUARTET, DUO).replace("~", QUARTET), "the other way round"),
    Case("neither is better", "compare", instead(
        f"{FOAM} is better on thickness: 2 cm, where Karsik AirLite inflatable mat has 7 cm."),
        "not the better one"),
    # denials and other meanings
    Case("does not fit", "compatibility", instead(
        "Brenna gas cartridge 230 g does not fit Brenna Spark gas stove: one states cartridge "
        "EN 417 screw, the other wants EN 417 screw."), "does not deny"),
    Case("fits after all", "incompatibility", instead(
        "Brenna Spark gas stove works with Brenna gas cartridge 190 g, click: both state cartridge "
        "click."), "does not deny what its evidence denies"),
    Case("fits after all zh", "incompatibility", instead(
        "Brenna Spark 气炉与Brenna 气罐 190 g 卡式相配：两者的cartridge都是click。"), "", "zh"),
    Case("sold out", "stock_low", instead("Karsik Polar winter sleeping bag is out of stock."),
         "it is in stock"),
    Case("in stock", "stock_none", instead("Lumo Dash headlamp is in stock, 0 in the shop."), ""),
    Case("nothing fits", "count", instead("Nothing in the shop fits: Tents · €300.00."),
         "does not deny"),
    Case("reduced", "price", sub("€129.00", "€129.00, down"), "no list price"),
    Case("bought for looked at", "own_history_view", sub("looked at", "bought"), "no purchase"),
    Case("looked at for bought", "own_history_purchase", sub("bought", "looked at"), "log holds"),
    Case("dearest for cheapest", "extreme_cheapest", sub("cheapest", "most expensive"), "dearest"),
    Case("cheapest zh", "extreme_dearest", sub("最贵", "最便宜"), "the cheapest", "zh"),
    Case("highest for lowest", "extreme_lowest", sub("lowest", "highest"), "the highest"),
    Case("lowest for highest zh", "extreme_highest", sub("最高", "最低"), "the lowest", "zh"),
    Case("only review", "rating", instead(f"The only review of {DUO} gives it 4.3 of 5."),
         "there are more reviews"),
    Case("only one", "extreme_cheapest", instead(
        f"There is only one in Tents to choose from: {DUO}."), "there are others"),
    Case("above a limit below", "not_price_min", instead(
        f"{DUO} costs €129.00, above your limit of €200.00."), "not above the limit"),
    Case("in the list", "why_rank", instead(
        "Karsik Dune summer sleeping bag is in the list already, at place 2 of 9."), ""),
    Case("another score part", "why_part", sub(
        r"on .*\.", "on recent sales."), ""),
    Case("still in the cart", "cart_removed", instead(
        f"{FOAM} is in your cart; the cart comes to €129.00."), "the cart does not hold it"),
    Case("not in the cart", "cart_added", instead(
        f"{FOAM} is no longer in your cart; the cart comes to €49.80."), "the cart holds it"),
    # what is not there
    Case("waterproof", "attribute", sub("ripstop", "waterproof ripstop"), "“waterproof”|leaves"),
    Case("an adjective", "price", sub("costs", "is great and costs"), "is great” is not how"),
    Case("a superlative", "price", sub("costs", "is the cheapest and costs"), "is the” is not how"),
    Case("a promise", "price", sub(r"\.$", " with free delivery."), "… with” is not how"),
    Case("an attribute of another", "attribute", sub("ripstop polyester", "down"),
         "leaves out value"),
    Case("waterproof zh", "price", sub("售价", "防水，售价"), "not how the wordings go", "zh"),
    Case("words out of order zh", "price", sub("售价", "价售"), "not how the wordings go", "zh"),
    Case("not zh", "price", sub("售价", "不售价"), "denies|not how", "zh"),
    Case("English in Chinese", "price", sub("售价", "cheap 售价"), "“c” is not how", "zh"),
    Case("an instruction", "price", sub(r"\.$", ". Buy now."), "no list price|“buy”"),
    Case("in your cart", "price", sub("costs €129.00", "is in your cart at €129.00"),
         "is in” is not how"),
    Case("out of stock by the price", "price", sub("costs", "is out of stock at"),
         "is out” is not how"),
    # letters
    Case("Cyrillic letter", "price", sub("costs", "cоsts"), "U\\+043E|“c”"),
    Case("zero width", "price", sub("costs", "co\u200bsts"), "unseen character U\\+200B"),
    Case("right to left", "price", sub("€129.00", "\u202e00.921€"), "unseen character U\\+202E"),
    Case("soft hyphen", "price", sub("129", "1\u00ad29"), "unseen character U\\+00AD"),
    Case("private mark", "price", sub("costs", "\ue000 costs"), "unseen character U\\+E000"),
    Case("full-width letters", "price", sub("costs", "ｃosts"), "U\\+FF43|“osts”"),
    Case("markup", "price", sub("costs", "<b>costs</b>"), "no wording uses"),
    Case("a line break", "price", sub("costs", "costs\n"), "no wording uses"),
    Case("nothing at all", "price", instead(" "), "says nothing"),
    # half facts
    Case("the whole without the part", "bought_together", instead(
        f"The 9 baskets with {DUO} also held {FOAM} (66.7 %, 2.2 times as many as by chance)."),
        "leaves out count"),
    Case("no number", "price", instead(f"{DUO} costs."), "leaves out price"),
    Case("no value", "attribute", instead(f"For {DUO} the shop states material."), "leaves out"),
    Case("only the name", "rating", instead(f"{DUO}."), "leaves out"),
]  # fmt: skip


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_what_the_evidence_does_not_say_is_refused_and_the_reason_names_it(clauses, gates, case):
    clause = clauses[case.language][case.key]
    text = case.change(wordings(clause, case.language)[0])
    verdict = judge(gates(case.key), clause, text, case.language)
    assert not verdict.supported, text
    assert re.search(case.reason, verdict.reason), (text, verdict.reason)
    assert len(verdict.reason) > 5


# --- evidence -------------------------------------------------------------------------------------


def changed(clause: Clause, **data) -> Clause:
    """Return the clause with other data in its record."""
    (fact,) = clause.evidence
    return replace(clause, evidence=(replace(fact, data={**fact.data, **data}),))


def test_no_evidence_and_evidence_of_another_turn_are_refused(shop, clauses):
    clause = clauses["en"]["price"]
    claim = clause.claim(wordings(clause, "en")[0])
    empty = replace(claim, evidence_ids=())
    assert "nothing cited" in shop.gate.check(empty, evidence_of(clause), "en").reason
    assert "no evidence of this turn (price:tent-duo)" in shop.gate.check(claim, {}, "en").reason


def test_evidence_that_the_store_no_longer_holds_is_refused(shop, clauses):
    clause = changed(clauses["en"]["price"], price="99.00")
    text = wordings(clauses["en"]["price"], "en")[0].replace("129.00", "99.00")
    assert "differs from what the store says" in judge(shop.gate, clause, text, "en").reason
    (fact,) = clause.evidence
    unknown = replace(clause, evidence=(replace(fact, evidence_id="price:tent-uno"),))
    assert "no record of this store" in judge(shop.gate, unknown, text, "en").reason


def test_evidence_of_the_wrong_kind_is_refused(shop, clauses):
    price, rating = clauses["en"]["price"], clauses["en"]["bought_together"]
    both = replace(price, evidence=(*price.evidence, *rating.evidence))
    verdict = judge(shop.gate, both, wordings(price, "en")[0], "en")
    assert verdict.reason == "a number claim cannot rest on bought_together evidence"


@pytest.mark.parametrize(
    ("key", "data", "match"),
    [
        ("total", {"total": "150.00"}, "the sum is 153.90"),
        ("total", {"n": 3}, "over 2 products"),
        ("total", {"prices": {"tent-duo": "99.00", "mat-foam": "54.90"}}, "does not cost 99.00"),
        ("total_left", {"left": "50.00"}, "46.10 is left"),
        ("bundle_bound", {"wanted": "900.00"}, "is within the limit"),
        ("cart_total", {"total": "1.00"}, "the cart comes to 74.70"),
        ("extreme_cheapest", {"value": "100.00"}, "states 129.00, not 100.00"),
        ("extreme_best_rated", {"value": "5.0"}, "states 4.5, not 5.0"),
        ("extreme_lowest", {"value": "1 kg"}, "states 2.1 kg, not 1 kg"),
        ("bound_price_max", {"wanted": "500"}, "meets the limit"),
        ("not_price_max", {"actual": "160.00"}, "costs 249.00, not 160.00"),
        ("cart_total", {"lines": []}, "the cart comes to 0"),
    ],
)
def test_records_of_one_turn_are_added_up_again(shop, clauses, key, data, match):
    clause = changed(clauses["en"][key], **data)
    verdict = judge(shop.gate, clause, wordings(clauses["en"][key], "en")[0], "en")
    assert "does not add up" in verdict.reason
    assert match in verdict.reason


def test_a_record_of_a_product_that_the_shop_does_not_have_is_refused(shop, clauses):
    clause = clauses["en"]["cart_total"]
    (fact,) = clause.evidence
    ghost = replace(clause, evidence=(replace(fact, product_ids=("ghost",)),))
    text = wordings(clause, "en")[0]
    assert "'ghost', which the shop does not have" in judge(shop.gate, ghost, text, "en").reason


def test_a_claim_about_another_product_than_its_evidence_is_refused(shop, clauses):
    clause = replace(clauses["en"]["price"], product_id="mat-foam")
    verdict = judge(shop.gate, clause, "It costs €129.00.", "en", topic="mat-foam")
    assert verdict.reason == "speaks of mat-foam, its evidence of tent-duo"


CHANGES = sorted(key for key in KEYS if key.startswith("change_"))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", CHANGES)
def test_a_change_is_only_said_as_it_was_tried(shop, clauses, key, language):
    """The words of one change on the record of every other one."""
    clause = clauses[language][key]
    for other in (k for k in CHANGES if k != key):
        told = clauses[language][other].evidence[0].data
        wrong = changed(clause, steps=told["steps"])
        for text in wordings(clause, language):
            assert not judge(shop.gate, wrong, text, language).supported, (other, text)


def test_a_limit_that_was_not_tried_is_not_promised(shop, clauses):
    clause = clauses["en"]["change_price"]
    text = wordings(clause, "en")[0].replace("249", "99")
    steps = [{"kind": "loosen", "field": "price_max", "value": "99.00"}]
    verdict = judge(shop.gate, changed(clause, value="99.00", steps=steps), text, "en")
    assert "does not state price_max 99.00" in verdict.reason
    other = judge(shop.gate, changed(clause, value="99.00"), text, "en")
    assert "99.00 was not tried" in other.reason


def test_what_is_added_is_not_what_comes_in(shop, clauses):
    clause = clauses["en"]["change_add"]
    text = wordings(clause, "en")[0]
    other, own = clause.slots["anchor"], clause.slots["product"]
    exchanged = text.replace(own, "~").replace(other, own).replace("~", other)
    assert judge(shop.gate, clause, text, "en").supported
    assert "the wrong way round" in judge(shop.gate, clause, exchanged, "en").reason


def test_a_part_that_counted_less_is_not_called_the_most(shop, clauses):
    for language, key in (("en", "why_top_part"), ("zh", "why_top_part")):
        clause = clauses[language][key]
        lesser = clauses[language]["why_part_too"]
        part = lesser.slots["part"]
        text = wordings(clause, language)[0].replace(clause.slots["part"], part)
        verdict = judge(shop.gate, replace(clause, evidence=lesser.evidence), text, language)
        assert "another part counted more" in verdict.reason
    fact = clauses["en"]["why_part_too"]
    verdict = judge(
        shop.gate, changed(fact, parts={"lexical": "0.900"}), wordings(fact, "en")[0], "en"
    )
    assert "semantic added nothing" in verdict.reason


def test_it_needs_the_same_product_just_before(shop, clauses):
    clause = clauses["en"]["price"]
    text = "It costs €129.00."
    assert judge(shop.gate, clause, text, "en", topic="tent-duo").supported
    assert not judge(shop.gate, clause, text, "en", topic="mat-foam").supported
    assert not judge(shop.gate, clause, text, "en").supported


def test_a_short_title_passes_while_it_means_one_product_of_the_turn(shop, clauses):
    clause = clauses["en"]["price"]
    text = "Fjellro Duo costs €129.00."
    assert judge(shop.gate, clause, text, "en").supported
    facts = Facts(shop, "en")
    names = {p: shop.speakers["en"].short_title(p) for p in ("tent-duo", "tent-quartet")}
    assert names == {"tent-duo": "Fjellro Duo", "tent-quartet": "Fjellro Quartet"}
    twin = replace(facts.product("mat-foam"), title=f"{DUO} II", brand="Fjellro", translations={})
    gate = gate_over(shop, twin)
    other = facts.records.stock(facts.product("mat-foam"))
    evidence = evidence_of(clause) | {other.evidence_id: other}
    assert not gate.check(clause.claim(text), evidence, "en").supported


def test_one_wish_is_no_licence_for_the_words_of_another_record(shop, clauses):
    """Connecting words count per kind of evidence, so clauses cannot be mixed."""
    for key, clause in clauses["en"].items():
        if key in {"price", *ODD} or clause.product_id != "tent-duo":
            continue
        text = wordings(clause, "en")[0]
        price = replace(clauses["en"]["price"], product_id="tent-duo")
        if load_wordings().clauses[key].evidence != ("price",):
            assert not judge(shop.gate, price, text, "en").supported, text


# --- each check on its own ------------------------------------------------------------------------


def gate_over(shop, *products) -> Gate:
    """Return a gate over the tiny catalogue with some products replaced."""
    new = {p.product_id: p for p in products}
    catalogue = Catalogue([new.get(p.product_id, p) for p in shop.store.catalogue.products])
    records = shop.recommender.records
    return Gate(catalogue, shop.store.config, shop.store.currency, records.resolve)


def only(shop, clauses):
    """Return check → (gate, clause, text, language) that nothing but this check refuses."""
    en, zh = clauses["en"], clauses["zh"]
    product = Facts(shop, "en").product
    price, tie = en["price"], en["bought_together"]
    first = {key: wordings(clause, "en")[0] for key, clause in en.items()}
    reordered = f"{DUO}\u2067"
    return {
        "_wrong_kind": (
            shop.gate, replace(price, evidence=(*price.evidence, *en["popularity"].evidence)),
            first["price"]),
        "_stale": (
            shop.gate, changed(price, price="99.00"), first["price"].replace("129", "99")),
        "_miscounted": (
            shop.gate, changed(en["total"], total="9.00"),
            first["total"].replace("153.90", "9.00")),
        "_unseen": (
            gate_over(shop, replace(product("tent-duo"), title=reordered)), price,
            f"{reordered} costs €129.00."),
        "_wrong_quotes": (
            shop.gate, en["quote"], first["quote"].replace(": “", ": “One buyer says: “", 1)),
        "_foreign_names": (
            gate_over(shop, replace(product("lantern"), brand="Pay")), price,
            f"You pay €129.00 for {DUO}."),
        "_unclear_product": (shop.gate, price, "It costs €129.00."),
        "_wrong_numbers": (shop.gate, price, f"{DUO} costs €129.00; {DUO} costs €12.00."),
        "_wrong_places": (
            shop.gate, en["price_reduced"],
            f"{QUARTET} is €249.00, down from €279.00; the list price is €249.00."),
        "_wrong_currency": (shop.gate, price, f"{DUO} costs $129.00."),
        "_wrong_order": (
            shop.gate, tie, first["bought_together"].replace(DUO, "~").replace(
                FOAM, DUO).replace("~", FOAM)),
        "_wrong_direction": (shop.gate, en["dearer"], first["dearer"].replace("more", "less")),
        "_contradictions": (
            shop.gate, en["extreme_cheapest"],
            first["extreme_cheapest"].replace("cheapest", "most expensive")),
        "_other_clause": (shop.gate, en["nothing"], first["more_none"]),
        "_strange_characters": (shop.gate, price, f"{DUO} costs €129.00!"),
        "_incomplete": (
            shop.gate, tie,
            f"Of the 9 baskets with {DUO}, 6 also had {FOAM}."),
        "_strange_order": (shop.gate, price, f"{DUO} costs costs €129.00."),
        "_strange_order zh": (shop.gate, zh["price"], f"{DUO_ZH}防水，售价€129.00。", "zh"),
    }  # fmt: skip


ONLY = (
    "_wrong_kind", "_stale", "_miscounted", "_unseen", "_wrong_quotes", "_foreign_names",
    "_unclear_product", "_wrong_numbers", "_wrong_places", "_wrong_currency", "_wrong_order",
    "_wrong_direction", "_contradictions", "_other_clause", "_strange_characters",
    "_strange_order zh", "_incomplete", "_strange_order",
)  # fmt: skip


@pytest.mark.parametrize("name", ONLY)
def test_without_one_check_a_falsehood_would_pass(shop, clauses, name):
    gate, clause, text, *language = only(shop, clauses)[name]
    in_language = language[0] if language else "en"
    assert not judge(gate, clause, text, in_language).supported
    blind = type("Blind", (Gate,), {name.split()[0]: lambda self, case: iter(())})
    weaker = blind.__new__(blind)
    weaker.__dict__.update(gate.__dict__)
    verdict = judge(weaker, clause, text, in_language)
    assert verdict.supported, f"also refused by another check: {verdict.reason}"


# --- any digit ------------------------------------------------------------------------------------


@settings(
    max_examples=300, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(data=st.data())
def test_no_sentence_survives_a_changed_digit(clauses, gates, data):
    language = data.draw(st.sampled_from(LANGUAGES))
    key = data.draw(st.sampled_from(KEYS))
    clause = clauses[language][key]
    text, topic = data.draw(st.sampled_from(texts(clause, language)))
    places = [at for at, character in enumerate(text) if character.isdigit()]
    if not places:
        return
    at = data.draw(st.sampled_from(places))
    digit = data.draw(st.sampled_from([d for d in "0123456789" if d != text[at]]))
    other = f"{text[:at]}{digit}{text[at + 1 :]}"
    verdict = judge(gates(key), clause, other, language, topic)
    assert not verdict.supported, (text, other)


@settings(
    max_examples=200, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(data=st.data())
def test_no_sentence_survives_a_foreign_word(clauses, gates, data):
    words = ["waterproof", "best", "free", "guaranteed", "9", "50%", "two", "never", "防水", "免费"]
    language = data.draw(st.sampled_from(LANGUAGES))
    key = data.draw(st.sampled_from(KEYS))
    clause = clauses[language][key]
    text, topic = data.draw(st.sampled_from(texts(clause, language)))
    word = data.draw(st.sampled_from(words))
    spaces = [0, *(m.end() for m in re.finditer(r"[ ，：]", text))]
    at = data.draw(st.sampled_from(spaces))
    other = f"{text[:at]}{word} {text[at:]}"
    verdict = judge(gates(key), clause, other, language, topic)
    assert not verdict.supported, other


def test_a_verdict_names_the_evidence_it_agrees_with(shop, clauses):
    clause = clauses["en"]["price"]
    verdict = judge(shop.gate, clause, wordings(clause, "en")[0], "en")
    assert verdict.reason == "agrees with price:tent-duo"


def test_a_claim_is_of_the_kind_that_its_wording_states(clauses):
    for key, clause in clauses["en"].items():
        claim = clause.claim("x")
        assert isinstance(claim, Claim)
        assert claim.kind == load_wordings().clauses[key].kind


@pytest.mark.parametrize(
    "text",
    [
        "One in 6 reviews of {duo} says: 1 of the reviews have a “{quote}”",
        "On 1 of the 6 reviews of {duo} one says: “{quote}”",
        "To be fair, one says it of {duo}: 1 of 6 reviews “{quote}”",
    ],
)
def test_known_words_in_an_order_of_their_own_are_refused(shop, clauses, text):
    """What a small model made of these words passed once: every word known, the sentence untrue."""
    clause = clauses["en"]["complaint"]
    count, n = clause.slots["count"], clause.slots["n_reviews"]
    said = text.replace("1 of", f"{count} of").replace(" 6 ", f" {n} ")
    product = clause.slots["product"]
    said = said.format(duo=product, quote=clause.slots["quote"])
    assert not judge(shop.gate, clause, said, "en").supported
