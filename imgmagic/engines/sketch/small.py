"""Drawings of small things: those in ``shapes.ini``, boulders and bridges; each lit from the left.

``dark`` is whether lamps are lit, ``snowy`` whether snow lies;
the foot of each thing is in the middle of the lower edge of its sheet.
"""

# ruff: noqa: PLR2004 - the numbers are the drawing; names for them would only move them away

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from imgmagic.engines.sketch.noise import fractal, look
from imgmagic.engines.sketch.pen import Sheet, smooth, table, turned
from imgmagic.engines.sketch.view import RGB, rgb
from imgmagic.engines.sketch.vocabulary import COLOURS

if TYPE_CHECKING:
    from imgmagic.engines.sketch.noise import Floats

Random = np.random.Generator
_LAMP = (1.0, 0.86, 0.52)


@dataclass(frozen=True, slots=True)
class _Part:
    """A line of ``shapes.ini``; ``points`` (2, corners, 2) has both ends of what varies."""

    colours: list[str]
    shade: float
    how: dict[str, float]
    points: Floats


def _part(line: str) -> _Part:
    (colours, shade, *said), numbers = (each.split() for each in line.split("|"))
    how = {name: float(turn or 0) for name, _, turn in (each.partition("=") for each in said)}
    ends = [[float(each.split(":")[end]) for each in numbers] for end in (0, -1)]
    return _Part(colours.split("/"), float(shade), how, np.array(ends).reshape(2, -1, 2) / 100)


@cache
def _shapes() -> dict[str, tuple[float, dict[str, list[Floats]], list[_Part]]]:
    """Read of every shape its width, its colours and its parts."""
    parser = table("shapes")
    shapes = {}
    for name in parser.sections():
        fields = dict(parser[name])
        wide, parts = float(fields.pop("wide")), fields.pop("parts").strip().splitlines()
        colours = {each: [rgb(one) for one in said.split()] for each, said in fields.items()}
        shapes[name] = (wide, colours, [_part(line) for line in parts])
    return shapes


def draw(
    name: str,
    random: Random,
    tall: float,
    *,
    colour: str,
    dark: bool,
    snowy: bool = False,
    lamps: bool = False,
    **paints: RGB,
) -> Image.Image:
    """Draw a shape, or only what shines of it; ``paints`` are colours that it has instead of its own."""
    wide, colours, parts = _shapes()[name]
    chosen, pose = int(random.integers(60)), float(random.random())
    own = {each: several[chosen % len(several)] for each, several in colours.items()}
    own |= {each: rgb(paint) for each, paint in paints.items()}
    if colour:
        own |= {"main": rgb(COLOURS[colour]), "other": rgb(COLOURS[colour]) * np.float32(0.74)}
    if dark:
        own["glass"] = rgb(_LAMP)
    sheet = Sheet(tall, wide)
    for part in parts:
        if part.colours == ["glass"] if lamps else snowy or part.colours != ["snow"]:
            _lay(sheet, part, np.array([own[each] for each in part.colours]), pose)
    return sheet.done()


def _lay(sheet: Sheet, part: _Part, colours: Floats, pose: float) -> None:
    points = part.points[0] + (part.points[1] - part.points[0]) * pose
    for mirrored in (1, -1) if "both" in part.how else (1,):
        outline = points * np.array([mirrored, 1])
        if "round" in part.how:
            left, right = np.split(outline, 2)
            shades = part.shade - part.how["round"] * turned(12)[:, None]
            sheet.round(left, right[::-1], np.resize(colours, (12, 3)) * shades)
        else:
            shade = part.shade - part.how.get("both", 0) * mirrored
            sheet.polygons(smooth(outline) if "smooth" in part.how else outline, colours * shade)


def _grid(high: int, ratio: float) -> tuple[Floats, Floats]:
    """Give x and y of each pixel of a drawing, in heights; x counts from its middle, y up."""
    wide = round(high * ratio)
    x, y = (np.arange(wide, dtype=np.float32) + 0.5 - wide / 2) / high, 1 - (np.arange(high) + 0.5) / high
    return np.asarray(x[None]), np.asarray(y[:, None], np.float32)


def _image(colour: Floats, cover: Floats) -> Image.Image:
    """Make a drawing of colours (height, width, 3) and coverage (height, width), 0 to 1."""
    cover = np.clip(cover, 0, 1)[..., None]
    pixels = np.concatenate([np.clip(colour, 0, 1) * cover, cover], -1) * 255
    return Image.frombytes("RGBX", (pixels.shape[1], pixels.shape[0]), pixels.astype(np.uint8).tobytes())


def boulder(
    random: Random, tall: float, *, colour: str = "", snowy: bool = False, ratio: float = 1.4, **_: bool
) -> Image.Image:
    """Draw a boulder: a stone within many planes, of which each point shows the nearest, weathered at its edges."""
    high = int(min(max(tall, 16), 500))
    x, y = _grid(high, ratio * float(random.uniform(0.9, 1.4)))
    x, y = x / x.max() * 1.1, y * 1.05
    grain = look(fractal(random, 1.5, 2, 128), x * 0.4 + 0.5, y * 0.4)
    facets = random.normal(0, 1, (60, 3)) * np.array([1.0, 0.9, 0.8]) + np.array([0, 0.15, 0.55])
    facets /= np.linalg.norm(facets, axis=1, keepdims=True)
    facets = facets[facets[:, 2] > 0.16][:13]
    z = random.uniform(0.60, 0.98, len(facets)) - x[..., None] * facets[:, 0] - y[..., None] * facets[:, 1]
    z = z / facets[:, 2] + 0.035 * grain[..., None] * random.uniform(-1, 1, len(facets))
    edge = np.exp((z.min(-1, keepdims=True) - z) * 45)
    normal = (edge[..., None] * facets).sum(-2) / edge.sum(-1, keepdims=True)
    rim = np.minimum(1 - np.abs(x) ** 2.6 - y**2 + 0.05 * grain, y - 0.14 * np.clip(x, -1, 1) ** 4 + 0.02)
    shade = 0.30 + 0.76 * np.clip(normal @ np.array([-0.68, 0.60, 0.42]), 0, 1) + 0.06 * grain
    shade *= 0.72 + 0.28 * np.clip(y * 3.5, 0, 1)
    stone = np.array(COLOURS[colour] if colour else (0.66, 0.62, 0.57)) * random.uniform(0.85, 1.15)
    cap = np.clip((normal[..., 1] + 0.1 * grain - 0.3) * 5, 0, 1)[..., None] * snowy
    return _image(shade[..., None] * (stone + (0.95 - stone) * cap), np.minimum(rim, z.min(-1) + 0.75) * high * 0.5)


def bridge(random: Random, tall: float, *, snowy: bool = False, arches: int = 4) -> Image.Image:
    """Draw a stone bridge, its deck rising towards the middle."""
    high, ratio = int(min(2 * tall, 640)), 1.2 + 1.6 * arches
    x, y = _grid(high, ratio)
    deck, span = 0.06 + 0.86 * (1 - (x / ratio * 2) ** 2), 1.45
    # The arch next to each pixel: how far from its middle, and how high it is. Its vault is seen aslant.
    off = x - (np.clip(np.floor(x / span + arches / 2), 0, arches - 1) - (arches - 1) / 2) * span
    open_ = 0.86 * (1 - ((x - off) / ratio * 2) ** 2) - 0.10
    out = np.hypot(off / 0.56, y / open_)
    vault = np.hypot((off - 0.08) / 0.48, y / open_ / 0.93)
    # Courses of stones; those of the arch stand around it.
    row, course = np.floor(y / 0.055), x / 0.10 + np.floor(y / 0.055) * 0.37
    ring = out < 1.11
    stone = np.where(ring, np.floor(np.arctan2(y / open_, off / 0.56) * 7), np.floor(course) + row * 13).astype(int)
    shade = random.uniform(0.80, 1.02, 997)[stone % 997] * np.where(ring, 1.12, 1)
    shade *= np.where(((y / 0.055 % 1 < 0.14) | (course % 1 < 0.08)) & ~ring, 0.86, 1)
    shade = np.select([y > deck, y > deck - 0.05, out < 1], [1.6 if snowy else 1.12, 0.60, 0.34], shade)
    return _image(shade[..., None] * (0.62, 0.58, 0.52), np.minimum((deck + 0.075 - y), (vault - 1) * 0.4) * high)
