"""How a thing stands in the world: where on the picture, how tall, with its shadow and its reflection."""

# ruff: noqa: PLR2004 - the numbers are the drawing; names for them would only move them away

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter

from imgmagic.engines.sketch import trees

if TYPE_CHECKING:
    from imgmagic.engines.sketch.scene import Thing
    from imgmagic.engines.sketch.view import View

_SIDES = {"left": (-0.44, -0.14), "right": (0.14, 0.44), "centre": (-0.10, 0.10)}
SCALE = {"small": 0.62, "large": 1.4}


def count(thing: Thing, usual: int, most: int = 200) -> int:
    """Give how many there are: as said, or the usual number scaled."""
    return min(most, thing.count or max(1, round(usual * thing.amount)))


def numbers(thing: Thing, usual: int, most: int = 200) -> range:
    """Give the numbers by which things are told apart; each has a place of its own."""
    return range(thing.first, thing.first + count(thing, usual, most))


def luck(view: View, thing: Thing) -> np.random.Generator:
    """Give the random numbers of a kind of thing; those added later have others."""
    return view.rng(thing.kind, thing.first) if thing.first else view.rng(thing.kind)


def spot(view: View, thing: Thing, random: np.random.Generator, spread: tuple[float, float] = (-0.5, 0.5)) -> float:
    """Give where something stands across the picture, in units."""
    low, high = _SIDES.get(thing.side, spread)
    return float(random.uniform(low, high)) * view.width / view.unit


def screen(view: View, across: float, depth: float, lift: float = 0.0) -> tuple[float, float]:
    """Project a place on the ground, or above it, to px."""
    return across * view.unit + view.width / 2, view.horizon + (1 - lift) / depth * view.unit


def stand(view: View, image: Image.Image, across: float, depth: float, tall: float, *, shade: float = 0.5) -> None:
    """Draw one thing ``tall`` world units high, with its shadow on the ground."""
    x, y = screen(view, across, depth)
    pixels = tall / depth * view.unit
    if pixels < 2:
        return
    if shade and view.alpha is None and pixels > view.unit * 0.06:
        shadow(view, image, (x, y), pixels, shade)
    view.sprite(image, (x, y), pixels, depth)


def shadow(view: View, image: Image.Image, foot: tuple[float, float], tall: float, dark: float) -> None:
    """Throw a thing's shadow on level ground, away from the light and towards the camera."""
    soft = {"clear": 1.0, "cloudy": 0.8}.get(view.scene.weather, 0.25) * {"night": 0.5, "dusk": 0.5}.get(
        view.scene.time, 1.0
    )
    level = max((foot[1] - view.horizon) / view.unit, 0.01)
    low = view.scene.time in ("sunset", "dusk", "dawn")
    lean = -float(np.sign(view.light.direction[0])) * (1.35 if low else 0.85)
    fall = min(0.9, 1.1 * level)
    scale = tall / image.height
    width, height = int(image.width * scale + abs(lean) * tall) + 8, max(4, int(fall * tall) + 4)
    left = foot[0] - image.width * scale / 2 - (abs(lean) * tall if lean < 0 else 0) - 4
    middle = foot[0] - left
    # For every pixel of the shadow: how high on the thing, then where across it.
    matrix = (
        1 / scale,
        -lean / fall / scale,
        image.width / 2 - middle / scale,
        0.0,
        -1 / fall / scale,
        float(image.height),
    )
    small_cover = image.getchannel(3).transform(
        (width, height), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR
    )
    blurred = small_cover.filter(ImageFilter.GaussianBlur(max(0.8, view.unit * 0.0022)))
    cover = np.asarray(blurred, np.float32) / 255 * np.float32(dark * soft)
    top = round(foot[1])
    y0, x0 = max(top, view.first), max(round(left), 0)
    y1, x1 = min(top + height, view.height), min(round(left) + width, view.width)
    if y0 < y1 and x0 < x1:
        part = cover[y0 - top : y1 - top, x0 - round(left) : x1 - round(left)]
        view.canvas[y0:y1, x0:x1] *= 1 - part[..., None] * np.array([0.92, 0.84, 0.66], np.float32)


def tallest(view: View, tall: float, depth: float) -> int:
    """Give the height in px at which a thing is drawn."""
    return int(np.clip(tall / depth * view.unit, 24, trees.TALLEST))


def mirrored(view: View, image: Image.Image, foot: tuple[float, float], tall: float) -> None:
    """Draw a thing's reflection in the water below it, broken by the waves."""
    flipped = image.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    size = (max(2, round(image.width * tall / image.height)), max(2, round(tall * 0.8)))
    pixels = np.asarray(flipped.resize(size, Image.Resampling.BILINEAR), np.float32) / 255
    rows = np.arange(size[1])
    jitter = view.rng("mirrored", round(foot[0])).normal(0, 0.03, size[1]) * size[0]
    columns = np.clip(np.arange(size[0])[None] + jitter[:, None].astype(int), 0, size[0] - 1)
    pixels = pixels[rows[:, None], columns]
    fade = np.linspace(0.5, 0.0, size[1], dtype=np.float32)[:, None]
    pixels = pixels * fade[..., None]
    pixels[..., :3] *= view.light.ambient * 0.6 + view.light.key * 0.5
    view.lay(pixels, round(foot[1]), round(foot[0] - size[0] / 2))
