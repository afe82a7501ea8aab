"""Whole-picture edits: tone, and a few honest styles. They work on any picture, drawn or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from imgmagic.engines.sketch.noise import fractal, look, rng

if TYPE_CHECKING:
    from collections.abc import Callable


def apply(picture: Image.Image, name: str) -> Image.Image:
    """Apply one filter of `vocabulary.FILTERS` to an RGB picture; the size stays."""
    return _FILTERS[name](picture)


def _curve(picture: Image.Image, red: float, green: float, blue: float, gamma: float = 1.0) -> Image.Image:
    steps = np.arange(256) / 255
    table = [int(min(255, 255 * value**gamma * gain + 0.5)) for gain in (red, green, blue) for value in steps]
    return picture.point(table)


def _vintage(picture: Image.Image) -> Image.Image:
    grey = ImageOps.grayscale(picture)
    toned = ImageOps.colorize(grey, (38, 26, 18), (250, 236, 205), (164, 130, 92))
    return Image.blend(picture, toned, 0.82)


def _watercolour(picture: Image.Image) -> Image.Image:
    side = max(3, min(picture.size) // 160) | 1
    soft = picture.filter(ImageFilter.MedianFilter(min(side, 7))).filter(ImageFilter.GaussianBlur(side / 4))
    edges = ImageOps.invert(ImageOps.grayscale(soft).filter(ImageFilter.FIND_EDGES)).filter(
        ImageFilter.GaussianBlur(1.2)
    )
    pixels = np.asarray(soft, np.float32) / 255
    x = np.arange(picture.width, dtype=np.float32)[None] / 700
    y = np.arange(picture.height, dtype=np.float32)[:, None] / 700
    paper = 1 + 0.045 * look(fractal(rng(1, "paper"), 0.9, 6), x, y)
    wash = 0.16 + 0.86 * pixels**0.88
    wash *= (0.82 + 0.18 * np.asarray(edges, np.float32) / 255)[..., None] * paper[..., None]
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
    "deeper": lambda picture: ImageEnhance.Color(_curve(picture, 1, 1, 1, 1.18)).enhance(1.25),
    "vivid": lambda picture: ImageEnhance.Color(picture).enhance(1.45),
    "muted": lambda picture: ImageEnhance.Color(picture).enhance(0.6),
    "brighter": lambda picture: _curve(picture, 1.04, 1.04, 1.04, 0.80),
    "darker": lambda picture: _curve(picture, 0.92, 0.92, 0.92, 1.30),
    "warmer": lambda picture: _curve(picture, 1.07, 1.0, 0.86),
    "cooler": lambda picture: _curve(picture, 0.88, 0.99, 1.08),
    "contrast": lambda picture: ImageEnhance.Contrast(picture).enhance(1.28),
    "flat": lambda picture: Image.blend(picture, Image.new("RGB", picture.size, (128, 128, 128)), 0.25),
    "sharper": lambda picture: picture.filter(ImageFilter.UnsharpMask(max(picture.size) / 500, 130, 1)),
}
