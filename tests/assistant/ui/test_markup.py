"""Markup: whatever is not ours becomes text."""

import pytest

from assistant.ui.markup import MAX_TEXT_CHARACTERS, Html, join, tag, text

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=//evil.example/x onerror=alert(1)>",
    '<form action="https://evil.example"><input name=password></form>',
    "![pixel](https://evil.example/p.png)",
    "[click](javascript:alert(1))",
    "javascript:alert(1)",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "${alert(1)} {{constructor.constructor('alert(1)')()}} `${alert(1)}`",
    "</textarea></style></title><base href=//evil.example>",
    "<a href='data:text/html,x'>x</a>&#60;b&#62;",
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_holds_no_markup_as_child_or_attribute(hostile):
    made = tag("p", hostile, title=hostile, data_look=hostile)
    inside = made.removeprefix("<p").removesuffix("</p>")
    assert "<" not in inside
    assert inside.count('"') == 4  # the quotes around the two attributes
    assert inside.count(">") == 1


def test_the_reader_sees_the_hostile_text_as_it_is():
    assert text("<b>5 > 3 & 'x'</b>") == "&lt;b&gt;5 &gt; 3 &amp; &#x27;x&#x27;&lt;/b&gt;"


def test_adding_to_markup_makes_it_text_again():
    assert tag("p", tag("b", "x") + "<i>") == "<p>&lt;b&gt;x&lt;/b&gt;&lt;i&gt;</p>"


def test_marks_that_reorder_or_hide_text_are_dropped():
    assert text("ab\u202egnp.exe\u2066\u200f\x00\ufeff") == "abgnp.exe"


def test_a_very_long_text_is_cut():
    assert len(text("x" * 10**6)) == MAX_TEXT_CHARACTERS


@pytest.mark.parametrize(
    "address",
    ["//evil.example", "https://evil.example", "javascript:alert(1)", "/\\evil", "x.png", "/a b"],
)
def test_an_address_off_this_server_is_refused(address):
    with pytest.raises(ValueError, match="must be a path on this server"):
        tag("img", src=address)


def test_an_event_handler_is_refused():
    with pytest.raises(ValueError, match="event handlers"):
        tag("p", onclick="alert(1)")


def test_none_and_false_are_left_out_and_nothing_else_is():
    assert join("a", None, False, 0, Html("<b>")) == "a0<b>"
    assert tag("input", disabled=False, required=True, value=None) == "<input required>"
