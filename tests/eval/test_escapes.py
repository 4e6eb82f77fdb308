from eval.escapes import escapes, known_numbers, numbers


def reply(text, *, claims=(), evidence=()):
    return {
        "text": text,
        "claims": [{"text": c, "evidence_ids": ["e1"]} for c in claims],
        "evidence": {f"e{i}": e for i, e in enumerate(evidence, start=1)},
    }


PRICE = {"text": "costs 24.95 USD", "data": {"price": "24.95"}, "product_ids": ["p1"]}
SHARE = {"text": "38 of 412", "data": {"confidence": 0.0922}, "product_ids": ["p1"]}


def test_numbers_are_read_with_their_separators():
    assert numbers("1,234 of 5.5, then 7") == {1234, 5.5, 7}


def test_a_number_of_the_record_is_no_escape():
    assert (
        escapes(reply("It costs $24.95.", claims=["It costs $24.95."], evidence=[PRICE]), "", {})
        == []
    )


def test_a_share_may_be_said_as_percent():
    text = "Bought together by 38 of 412 (9.2 %)."
    assert escapes(reply(text, claims=[text], evidence=[SHARE]), "", {}) == []


def test_a_number_that_no_record_holds_is_an_escape():
    found = escapes(reply("It costs $19.", claims=["It costs $19."], evidence=[PRICE]), "", {})
    assert len(found) == 1
    assert "19.0" in found[0]


def test_a_claim_without_a_record_is_an_escape():
    assert escapes(reply("It is red.", claims=["It is red."]), "", {})


def test_words_outside_claims_may_repeat_the_shoppers_numbers_only():
    assert escapes(reply("Under 50, then."), "something under 50", {}) == []
    assert escapes(reply("Only 3 today!"), "something under 50", {})


def test_a_title_may_hold_numbers():
    text = "The Duo 2 is the one."
    assert escapes(reply(text, claims=[text], evidence=[PRICE]), "", {"p1": "Duo 2"}) == []


def test_dates_are_known_by_their_parts():
    assert {2024, 6, 30} <= known_numbers([{"text": "", "data": {"to": "2024-06-30"}}], [])
