"""Whole-picture edits: tone, a few honest styles, and how the picture is cut. They work on any picture, drawn or not.

An edit is a name, after a colon how strong it is (1 is usual; for a rotation the degrees, anticlockwise), and after
another colon where: ``darker:0.5``, ``rotate:90``, ``crop:0.6:left``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from imgmagic.engines.sketch import vocabulary
from imgmagic.engines.sketch.noise import fractal, look, rng
from imgmagic.engines.sketch.view import rgb

if TYPE_CHECKING:
    from collections.abc import Callable


def apply(picture: Image.Image, edit: str) -> Image.Image:
    """Apply one edit to an RGB picture; the size stays."""
    name, amount, where = _parts(edit)
    if name in _CUTS:
        return _CUTS[name](picture, amount, where)
    tint = name.removesuffix(" tint")
    edited = _tint(picture, tint) if tint != name else _FILTERS[name](picture)
    return edited if amount in ("", "1") else Image.blend(picture, edited, float(amount))


def cut(picture: Image.Image, edit: str) -> Image.Image:
    """Apply to a mask what an edit does to the shape of its picture."""
    name, amount, where = _parts(edit)
    return _CUTS[name](picture, amount, where) if name in _CUTS else picture


def _parts(edit: str) -> tuple[str, str, str]:
    name, amount, where = [*edit.split(":"), "", ""][:3]
    return name, amount, where


def _window(picture: Image.Image, share: float, where: str) -> Image.Image:
    """Show a part of a picture, of the same shape, at the whole size."""
    wide, high = picture.size
    slack_x, slack_y = wide * (1 - share), high * (1 - share)
    left = slack_x * {"left": 0.0, "right": 1.0}.get(where, 0.5)
    top = slack_y * {"top": 0.0, "bottom": 1.0}.get(where, 0.5)
    box = (left, top, left + wide * share, top + high * share)
    return picture.resize(picture.size, Image.Resampling.LANCZOS, box)


def _rotated(picture: Image.Image, amount: str, _where: str) -> Image.Image:
    """Turn a picture, enlarged so far that no empty corner is seen."""
    angle = float(amount or 90)
    wide, high = picture.size
    turn = math.radians(angle)
    grow = abs(math.cos(turn)) + abs(math.sin(turn)) * max(wide / high, high / wide)
    if angle % 180 == 0 or (angle % 90 == 0 and wide == high):
        return picture.rotate(angle)
    large = picture.resize((round(wide * grow), round(high * grow)), Image.Resampling.BICUBIC)
    turned = large.rotate(angle, Image.Resampling.BICUBIC)
    left, top = (turned.width - wide) // 2, (turned.height - high) // 2
    return turned.crop((left, top, left + wide, top + high))


_CUTS: dict[str, Callable[[Image.Image, str, str], Image.Image]] = {
    "crop": lambda picture, amount, where: _window(picture, min(float(amount or 0.7), 1.0), where),
    "zoom": lambda picture, amount, where: _window(picture, 1 / max(float(amount or 1.5), 1.0), where),
    "rotate": _rotated,
    "mirror": lambda picture, _amount, _where: ImageOps.mirror(picture),
    "flip": lambda picture, _amount, _where: ImageOps.flip(picture),
}


def _curve(picture: Image.Image, red: float, green: float, blue: float, gamma: float = 1.0) -> Image.Image:
    steps = np.arange(256) / 255
    table = [int(min(255, 255 * value**gamma * gain + 0.5)) for gain in (red, green, blue) for value in steps]
    return picture.point(table)


def _tint(picture: Image.Image, colour: str) -> Image.Image:
    aim = rgb(vocabulary.COLOURS[colour][0])
    dark, light = (tuple((aim * 255 * k + 255 * w).astype(int).tolist()) for k, w in ((0.22, 0.0), (0.25, 0.75)))
    middle = tuple((aim * 235).astype(int).tolist())
    return Image.blend(picture, ImageOps.colorize(ImageOps.grayscale(picture), dark, light, middle), 0.38)


def _vintage(picture: Image.Image) -> Image.Image:
    grey = ImageOps.grayscale(picture)
    toned = ImageOps.colorize(grey, (38, 26, 18), (250, 236, 205), (164, 130, 92))
    return Image.blend(picture, toned, 0.82)


def _watercolour(picture: Image.Image) -> Image.Image:
    side = max(3, min(picture.size) // 160) | 1
    soft = picture.filter(ImageFilter.MedianFilter(min(side, 7))).filter(ImageFilter.GaussianBlur(side / 4))
    lines = ImageOps.invert(ImageOps.grayscale(soft).filter(ImageFilter.FIND_EDGES))
    edges = np.asarray(lines.filter(ImageFilter.GaussianBlur(1.2)), np.float32)
    x = np.arange(picture.width, dtype=np.float32)[None] / 700
    y = np.arange(picture.height, dtype=np.float32)[:, None] / 700
    paper = 1 + 0.045 * look(fractal(rng(1, "paper"), 0.9, 6), x, y)
    wash = 0.16 + 0.86 * (np.asarray(soft, np.float32) / 255) ** 0.88
    wash *= ((0.82 + 0.18 * edges / 255) * paper)[..., None]
    return Image.fromarray((np.clip(wash, 0, 1) * 255).astype(np.uint8))


def _oil(picture: Image.Image) -> Image.Image:
    small = picture.resize((max(1, picture.width // 2), max(1, picture.height // 2)), Image.Resampling.BOX)
    daubed = small.filter(ImageFilter.ModeFilter(7)).resize(picture.size, Image.Resampling.BICUBIC)
    relief = ImageOps.grayscale(daubed).filter(ImageFilter.EMBOSS)
    pixels = np.asarray(daubed, np.float32) + (np.asarray(relief, np.float32)[..., None] - 128) * 0.35
    return ImageEnhance.Color(Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))).enhance(1.15)


def _pixels(picture: Image.Image) -> Image.Image:
    cell = max(2, round(min(picture.size) / 128))
    small = picture.resize((max(1, picture.width // cell), max(1, picture.height // cell)), Image.Resampling.BOX)
    flat = small.quantize(32, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).convert("RGB")
    return flat.resize(picture.size, Image.Resampling.NEAREST)


_FILTERS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "black and white": lambda picture: ImageOps.grayscale(picture).convert("RGB"),
    "vintage": _vintage,
    "watercolour": _watercolour,
    "oil": _oil,
    "pixel art": _pixels,
    "blurred": lambda picture: picture.filter(ImageFilter.GaussianBlur(max(picture.size) / 220)),
    "sharper": lambda picture: picture.filter(ImageFilter.UnsharpMask(max(picture.size) / 500, 90, 2)),
    "deeper": lambda picture: ImageEnhance.Color(_curve(picture, 1, 1, 1, 1.18)).enhance(1.25),
    "vivid": lambda picture: ImageEnhance.Color(picture).enhance(1.45),
    "muted": lambda picture: ImageEnhance.Color(picture).enhance(0.6),
    "brighter": lambda picture: _curve(picture, 1.04, 1.04, 1.04, 0.80),
    "darker": lambda picture: _curve(picture, 0.92, 0.92, 0.92, 1.30),
    "warmer": lambda picture: _curve(picture, 1.07, 1.0, 0.86),
    "cooler": lambda picture: _curve(picture, 0.88, 0.99, 1.08),
    "contrast": lambda picture: ImageEnhance.Contrast(picture).enhance(1.28),
    "flat": lambda picture: ImageEnhance.Contrast(picture).enhance(0.75),
}
