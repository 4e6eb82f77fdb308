"""Product pictures: a drawing per kind, painted in the product's colour, without any script."""

from __future__ import annotations

import colorsys

from eval.simulate.content import Shelf
from eval.simulate.phrasing import fill
from eval.simulate.product import Product

_FRAME = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 400">'
    '<rect width="400" height="400" fill="#f4f2ed"/>'
    '<circle cx="200" cy="192" r="158" fill="#ebe8e0"/>'
    "{drawing}</svg>\n"
)
_NEUTRAL = "slate"


def draw(shelf: Shelf, product: Product) -> str:
    """Return the picture of a product as an SVG document."""
    colour = product.colour or _NEUTRAL
    drawing = fill(shelf.pictures[product.kind.picture], _tones(shelf.colours[colour].tone))
    return _FRAME.replace("{drawing}", " ".join(drawing.split()).replace("> <", "><"))


def _tones(tone: str) -> dict[str, str]:
    """Derive the shades that drawings use from one tone."""
    return {
        "c": tone,
        "hi": _shade(tone, 1.22),
        "lo": _shade(tone, 0.78),
        "deep": _shade(tone, 0.52),
        "shadow_s": _shadow(72),
        "shadow_m": _shadow(106),
        "shadow_l": _shadow(142),
        "ink": "#2f3437",
        "metal": "#b9bec2",
        "steel": "#8d949a",
        "pale": "#fbfaf7",
        "warm": "#f2b632",
        "cord": "#e8723a",
        "wood": "#b98a5a",
        "sand": "#d9c9a8",
    }


def _shadow(width: int) -> str:
    return f'<ellipse cx="200" cy="316" rx="{width}" ry="9" fill="#d8d3c7"/>'


def _shade(tone: str, factor: float) -> str:
    red, green, blue = (int(tone[i : i + 2], 16) / 255 for i in (1, 3, 5))
    hue, light, saturation = colorsys.rgb_to_hls(red, green, blue)
    light = min(0.93, light * factor if factor < 1 else light + (1 - light) * (factor - 1) * 1.4)
    parts = colorsys.hls_to_rgb(hue, light, saturation)
    return "#" + "".join(f"{round(255 * part):02x}" for part in parts)
