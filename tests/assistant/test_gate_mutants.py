"""What a weaker gate would let through, one test for each place where it could be weakened."""

from eval.mutants import alternatives


def test_a_pattern_is_weakened_at_any_depth():
    assert dict(alternatives(r"\b(?:a|b[|])c\b|d")) == {
        r"\b(?:b[|])c\b|d": "a",
        r"\b(?:a)c\b|d": "b[|]",
        "d": r"\b(?:a|b[|])c\b",
        r"\b(?:a|b[|])c\b": "d",
    }
