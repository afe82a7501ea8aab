"""Edits of a picture as a whole, as a scene carries them: ``darker:0.5``, ``red tint``, ``rotate:90``, ``crop:2:left``.

The name may be followed by how much: the strength of a filter (1 is usual), degrees clockwise, or how many times
nearer. Only what is cut to a side, and a quarter turn, change the size of the picture; a picture that is turned by less
is enlarged until it fills its frame. All of them work on any picture, drawn or not, RGB or RGBA.
"""

# ruff: noqa: PLR2004 - the numbers are the looks; names for them would only move them away

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps, ImageStat

from imgmagic.engines.sketch import vocabulary
from imgmagic.engines.sketch.noise import Floats, fractal, look, rng
from imgmagic.engines.sketch.scene import edit_parts
from imgmagic.engines.sketch.view import rgb

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def apply(picture: Image.Image, edit: str) -> Image.Image:
    """Apply one edit; what is moved moves its transparency too."""
    name, value, where = edit_parts(edit)
    if name in _SHAPES:
        return _SHAPES[name](picture, value, where)
    return recoloured(picture, partial(_filtered, name, value))


def _filtered(name: str, strength: float, picture: Image.Image) -> Image.Image:
    changed = _FILTERS[name](picture)
    if strength > 1:
        picture, changed, strength = changed, _FILTERS[name](changed), min(strength - 1, 1)
    return Image.blend(picture, changed, strength)


def recoloured(picture: Image.Image, change: Callable[[Image.Image], Image.Image]) -> Image.Image:
    """Change the colours of a picture by a function of RGB pictures; its transparency stays."""
    changed = change(picture.convert("RGB"))
    if picture.mode == "RGBA":
        changed.putalpha(picture.getchannel("A"))
    return changed


# Shape


def frame(edits: Iterable[str], size: tuple[int, int]) -> tuple[int, int]:
    """Give the size in which a picture was drawn that has this size after its edits."""
    for edit in reversed(tuple(edits)):
        name, value, where = edit_parts(edit)
        if name == "rotate" and value % 180 == 90:
            size = size[1], size[0]
        elif name == "crop" and where:
            size = _cut(size, 1 / max(value, 1), where)
    return size


def _cut(size: tuple[int, int], power: float, where: str) -> tuple[int, int]:
    """Give the size of the part at a side that is so many times narrower, or lower."""
    width, height = size
    if where in ("left", "right"):
        return max(1, round(width / power)), height
    return width, max(1, round(height / power))


def _rotated(picture: Image.Image, degrees: float, _where: str) -> Image.Image:
    """Turn clockwise, enlarged just enough to leave no empty corner."""
    if degrees % 90 == 0:
        return picture.rotate(-degrees, expand=True)
    angle, (width, height) = math.radians(degrees), picture.size
    power = abs(math.cos(angle)) + abs(math.sin(angle)) * max(picture.size) / min(picture.size)
    c, s = math.cos(angle) / power, math.sin(angle) / power
    x, y = width / 2, height / 2
    matrix = (c, s, x - c * x - s * y, -s, c, y + s * x - c * y)
    return picture.transform(picture.size, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)


def _cropped(picture: Image.Image, power: float, where: str) -> Image.Image:
    """Cut to the part at a side."""
    if not where:
        return _zoomed(picture, power, where)
    return picture.crop(_box(picture, _cut(picture.size, max(power, 1), where), where))


def _zoomed(picture: Image.Image, power: float, where: str) -> Image.Image:
    """Enlarge what is at a side, or in the middle, to the size of the whole."""
    part = _cut(_cut(picture.size, max(power, 1), "left"), max(power, 1), "top")
    return picture.resize(picture.size, Image.Resampling.BICUBIC, box=_box(picture, part, where))


#: Where what is cut out lies, as shares of the room that there is.
_AT = {"left": (0.0, 0.5), "right": (1.0, 0.5), "top": (0.5, 0.0), "bottom": (0.5, 1.0)}


def _box(picture: Image.Image, part: tuple[int, int], where: str) -> tuple[int, int, int, int]:
    x, y = _AT.get(where, (0.5, 0.5))
    left, top = int((picture.width - part[0]) * x), int((picture.height - part[1]) * y)
    return left, top, left + part[0], top + part[1]


_SHAPES: dict[str, Callable[[Image.Image, float, str], Image.Image]] = {
    "mirror": lambda picture, *_: ImageOps.mirror(picture),
    "flip": lambda picture, *_: ImageOps.flip(picture),
    "rotate": _rotated,
    "crop": _cropped,
    "zoom": _zoomed,
}


# Colour and style


def _lit(light: tuple[float, ...], picture: Image.Image) -> Image.Image:
    *gains, gamma, saturation = light
    levels = np.outer(gains, (np.arange(256) / 255) ** gamma * 255)
    return ImageEnhance.Color(picture.point(_table(levels))).enhance(saturation)


def _table(levels: Floats) -> list[int]:
    """Give the levels of red, green and blue (3, 256) as `Image.point` takes them."""
    return [int(each) for each in np.clip(levels + 0.5, 0, 255).ravel()]


def _duotone(share: float, scale: Floats, picture: Image.Image) -> Image.Image:
    """Bring a picture near a scale of colours: those of black, white and grey."""
    black, white, grey = map(tuple, (scale * 255).round().astype(int).tolist())
    return Image.blend(picture, ImageOps.colorize(ImageOps.grayscale(picture), black, white, grey), share)


def _tints(colour: Floats) -> Floats:
    return np.stack([0.18 * colour, 0.75 + 0.25 * colour, colour])


def _watercolour(picture: Image.Image) -> Image.Image:
    side = max(3, min(picture.size) // 160) | 1
    soft = picture.filter(ImageFilter.MedianFilter(min(side, 7))).filter(ImageFilter.GaussianBlur(side / 4))
    edges = ImageOps.grayscale(soft).filter(ImageFilter.FIND_EDGES).filter(ImageFilter.GaussianBlur(1.2))
    x, y = (np.arange(side, dtype=np.float32) / 700 for side in picture.size)
    paper = 1 + 0.045 * look(fractal(rng(1, "paper"), 0.9, 6), x[None], y[:, None])
    wash = 0.16 + 0.86 * (np.asarray(soft, np.float32) / 255) ** 0.88
    wash *= ((1 - 0.18 * np.asarray(edges, np.float32) / 255) * paper)[..., None]
    return Image.fromarray((np.clip(wash, 0, 1) * 255).astype(np.uint8))


def _oil(picture: Image.Image) -> Image.Image:
    # The most frequent colour of a palette, not of each channel, which would leave colours that are nowhere.
    daubed = _few_colours(picture.reduce(2), 128).filter(ImageFilter.ModeFilter(7)).convert("RGB").resize(picture.size)
    relief = ImageOps.grayscale(daubed).filter(ImageFilter.EMBOSS)
    pixels = np.asarray(daubed, np.float32) + (np.asarray(relief, np.float32)[..., None] - 128) * 0.35
    return ImageEnhance.Color(Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))).enhance(1.15)


def _pixels(picture: Image.Image) -> Image.Image:
    small = picture.reduce(max(2, round(min(picture.size) / 128)))
    return _few_colours(small, 32).convert("RGB").resize(picture.size, Image.Resampling.NEAREST)


def _few_colours(picture: Image.Image, number: int) -> Image.Image:
    return picture.quantize(number, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)


#: Gains of red, green and blue, gamma, and saturation: of adjectives, and of times and weathers, for pictures that have
#: no scene.
LIGHTS = {
    "deeper": (1, 1, 1, 1.18, 1.25),
    "vivid": (1, 1, 1, 1, 1.45),
    "muted": (1, 1, 1, 1, 0.6),
    "black and white": (1, 1, 1, 1, 0),
    "brighter": (1.04, 1.04, 1.04, 0.8, 1),
    "darker": (0.92, 0.92, 0.92, 1.3, 1),
    "warmer": (1.07, 1, 0.86, 1, 1),
    "cooler": (0.88, 0.99, 1.08, 1, 1),
    "night": (0.34, 0.44, 0.72, 1.25, 0.62),
    "dusk": (0.62, 0.58, 0.82, 1.15, 0.85),
    "sunset": (1.08, 0.82, 0.6, 1.12, 1.1),
    "dawn": (1.06, 0.95, 0.86, 0.95, 0.9),
    "day": (1.06, 1.04, 1, 0.82, 1.1),
    "clear": (1.05, 1.03, 1, 0.88, 1.15),
    "cloudy": (0.96, 0.97, 1, 1, 0.8),
    "overcast": (0.9, 0.92, 0.95, 1, 0.6),
    "storm": (0.66, 0.7, 0.76, 1.25, 0.6),
    "rain": (0.76, 0.8, 0.86, 1.1, 0.62),
    "golden hour": (1.1, 0.94, 0.68, 1, 1.15),
}
_FILTERS: dict[str, Callable[[Image.Image], Image.Image]] = {
    **{name: partial(_lit, light) for name, light in LIGHTS.items()},
    **{f"{name} tint": partial(_duotone, 0.55, _tints(rgb(colour))) for name, colour in vocabulary.COLOURS.items()},
    "vintage": partial(_duotone, 0.82, np.stack([rgb("261a12"), rgb("faeccd"), rgb("a4825c")])),
    "watercolour": _watercolour,
    "oil": _oil,
    "pixel art": _pixels,
    "blurred": lambda picture: picture.filter(ImageFilter.GaussianBlur(max(picture.size) / 220)),
    "contrast": lambda picture: ImageEnhance.Contrast(picture).enhance(1.28),
    "flat": lambda picture: ImageEnhance.Contrast(picture).enhance(0.75),
    "sharper": lambda picture: picture.filter(ImageFilter.UnsharpMask(max(picture.size) / 500, 130, 1)),
}


# The palette of a reference


def palette_of(pictures: Iterable[Image.Image]) -> tuple[int, ...]:
    """Give the mean and the spread of red, green and blue over some pictures, each 0 to 255; nothing of none."""
    found = [ImageStat.Stat(each.convert("RGB").resize((64, 64), Image.Resampling.BOX)) for each in pictures]
    values = np.mean([[*each.mean, *each.stddev] for each in found], axis=0) if found else np.empty(0)
    return tuple(values.round().astype(int).tolist())


def near_palette(picture: Image.Image, palette: tuple[int, ...]) -> Image.Image:
    """Bring a picture's colours near a palette; light and dark stay where they are."""
    aim, own = (np.reshape(each, (2, 3, 1)) for each in (palette, palette_of([picture])))
    gain = 1 + (np.clip(aim[1] / np.maximum(own[1], 1), 0.4, 2) - 1) * 0.5
    levels = own[0] + (aim[0] - own[0]) * 0.7 + (np.arange(256) - own[0]) * gain
    return recoloured(picture, lambda flat: flat.point(_table(levels)))
