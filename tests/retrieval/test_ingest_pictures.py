"""Pictures that may come into a store, and those that may not."""

import pytest

from retrieval.data.pictures import MAX_PICTURE, copy_pictures, refusal
from retrieval.errors import ConfigError

DRAWING = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
    '<defs><linearGradient id="g"/></defs><rect fill="url(#g)" style="fill: url(\'#g\')"/>'
    '<use xlink:href="#g"/>{}</svg>'
)


def svg(folder, inner, name="a.svg"):
    path = folder / name
    path.write_text(DRAWING.format(inner), "utf-8")
    return path


def test_plain_drawing_passes(tmp_path):
    assert refusal(svg(tmp_path, "<text>Tent &lt; 2 kg</text>")) == ""
    assert refusal(svg(tmp_path, '<image href="data:image/png;base64,AAAA"/>')) == ""


@pytest.mark.parametrize(
    ("inner", "reason"),
    [
        ("<script>alert(1)</script>", "holds <script>, which a picture must not"),
        ("<foreignObject><p/></foreignObject>", "holds <foreignObject>"),
        ('<rect onload="alert(1)"/>', "has `onload`, which can run code"),
        ('<image href="https://evil.example/a.png"/>', "refers to 'https://evil.example/a.png'"),
        ('<image xlink:href="//evil.example/a"/>', "outside the file"),
        ('<a href="javascript:alert(1)"><text/></a>', "outside the file"),
        ('<use href="data:image/svg+xml;base64,AAAA"/>', "outside the file"),
        ("<style>@import 'x.css';</style>", "refers outside the file"),
        ("<rect style=\"fill:url('https://evil.example/a')\"/>", "refers outside the file"),
        ('<set attributeName="onclick" to="x"/>', "can run code"),
        ('<animate attributeName="xlink:href" to="x"/>', "can run code"),
        ("<unclosed>", "is no well-formed SVG"),
    ],
)
def test_drawing_that_could_run_or_fetch_is_refused(tmp_path, inner, reason):
    assert reason in refusal(svg(tmp_path, inner))


def test_doctype_and_style_sheet_instruction_are_refused(tmp_path):
    path = tmp_path / "a.svg"
    path.write_text('<!DOCTYPE svg [<!ENTITY a "b">]><svg/>')
    assert "DOCTYPE" in refusal(path)
    path.write_text('<?xml-stylesheet href="https://evil.example/a.css"?><svg/>')
    assert "processing instruction" in refusal(path)


def test_only_pictures_of_bounded_size_are_copied_and_links_are_not_followed(tmp_path):
    source, target = tmp_path / "in", tmp_path / "out"
    (source / "tents").mkdir(parents=True)
    svg(source / "tents", "")
    (source / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n....")
    (source / "c.png").write_bytes(b"<html>")
    (source / "d.webp").write_bytes(b"RIFF" + b"0" * MAX_PICTURE)
    (source / "e.html").write_text("x")
    (source / "f.svg").symlink_to("/etc/hostname")
    (source / "g").symlink_to("/etc")
    n_copied, refused = copy_pictures(source, target)
    assert n_copied == 2
    assert sorted(p.relative_to(target).as_posix() for p in target.rglob("*.*")) == [
        "b.png",
        "tents/a.svg",
    ]
    assert {path.name: reason for path, reason in refused} == {
        "c.png": "does not hold a .png picture",
        "d.webp": f"is larger than {MAX_PICTURE} bytes",
        "e.html": "is no .svg, .png, .jpg or .webp",
        "f.svg": "is a link; put the picture itself there",
        "g": "is a link; put the picture itself there",
    }


def test_missing_folder_is_a_setting_to_mend(tmp_path):
    with pytest.raises(ConfigError, match=r"`shop\.images` must name a folder"):
        copy_pictures(tmp_path / "gone", tmp_path / "out")
