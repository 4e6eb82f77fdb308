"""What is said of offers, where a record is about more than one product."""

from assistant.handlers.offers import said_of
from tests.assistant.facts import Facts


def test_a_record_of_two_categories_is_said_of_no_product(shop):
    facts = Facts(shop, "en")
    tie = facts.records.bought_together(facts.leaf("tent-duo"), facts.leaf("mat-foam"))
    assert tie.data["other"] is None
    assert said_of(facts.speaker, tie, "mat-foam") is None


def test_a_tie_is_said_of_the_product_that_it_adds(shop):
    facts = Facts(shop, "en")
    tie = facts.records.bought_together(facts.product("tent-duo"), facts.product("mat-foam"))
    assert said_of(facts.speaker, tie, "tent-duo").product_id == "mat-foam"
