"""How a thing stands in the world: where on the picture, how tall, with its shadow, its reflection and its lamp."""

# ruff: noqa: PLR2004 - the numbers are the drawing; names for them would only move them away

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter

if TYPE_CHECKING:
    from collections.abc import Callable

    from imgmagic.engines.sketch.noise import Floats
    from imgmagic.engines.sketch.view import View


@dataclass(frozen=True, slots=True)
class Standing:
    """One thing in its place.

    Parameters
    ----------
    depth
        Distance in world units.
    across
        Where across the picture, in units from the middle.
    tall
        Height in world units.
    make
        Draws it, about so many px tall, in daylight colours; see `pen`.
    shade
        How dark its shadow is, 0 for none.
    wet
        Whether it stands in water, which mirrors it.
    lift
        How high its foot is, in world units.
    lamp
        At what share of its height a lamp is lit, 0 for none.
    """

    depth: float
    across: float
    tall: float
    make: Callable[[int], Image.Image]
    shade: float = 0.5
    wet: bool = False
    lift: float = 0.0
    lamp: float = 0.0


def stand(view: View, each: Standing) -> None:
    """Draw one thing, with all that it throws around it."""
    view.pause()
    x, y = each.across * view.unit + view.width / 2, view.horizon + (1 - each.lift) / each.depth * view.unit
    tall = each.tall / each.depth * view.unit
    if tall < 2:
        return
    image = each.make(max(24, round(tall)))
    if each.wet:
        _mirrored(view, image, (x, y), tall)
    elif each.shade and view.alpha is None and tall > view.unit * 0.04:
        _shadow(view, image, (x, y), tall, each.shade)
    _set(view, image, (x, y), tall, each.depth)
    if each.lamp:
        _glow(view, (x, y - tall * each.lamp), tall * 0.32)


def _fitted(image: Image.Image, tall: float) -> Image.Image:
    size = (max(2, round(image.width * tall / image.height)), max(2, round(tall)))
    way = Image.Resampling.BOX if tall < image.height / 2 else Image.Resampling.BILINEAR
    return image if size == image.size else image.resize(size, way)


def _set(view: View, image: Image.Image, foot: tuple[float, float], tall: float, depth: float) -> None:
    """Set a drawing on its foot, lit and hazed."""
    image = _fitted(image, tall)
    box = image.getbbox()
    if box is None:
        return
    pixels = np.asarray(image.crop(box), np.float32) * np.float32(1 / 255)
    colour, cover = pixels[..., :3], pixels[..., 3]
    light = view.light
    through = float(np.exp(-light.haze * max(depth - 2, 0)))
    colour *= (light.ambient * 0.75 + light.key * 0.62) * np.float32(through)
    colour += cover[..., None] * (light.mist * np.float32(1 - through))
    view.lay(colour, cover, round(foot[1]) - image.height + box[1], round(foot[0] - image.width / 2) + box[0])


def _shadow(view: View, image: Image.Image, foot: tuple[float, float], tall: float, dark: float) -> None:
    """Throw a thing's shadow on level ground, away from the light and towards the camera."""
    soft = {"clear": 1.0, "cloudy": 0.8}.get(view.scene.weather, 0.25)
    soft *= {"night": 0.5, "dusk": 0.5}.get(view.scene.time, 1.0)
    level = max((foot[1] - view.horizon) / view.unit, 0.01)
    lean = -view.light.side * (1.35 if view.low else 0.85)
    fall = min(0.9, 1.1 * level)
    scale = tall / image.height
    size = (int(image.width * scale + abs(lean) * tall) + 8, max(4, int(fall * tall) + 4))
    left = foot[0] - image.width * scale / 2 - (abs(lean) * tall if lean < 0 else 0) - 4
    # For every pixel of the shadow: how high on the thing, then where across it.
    across = image.width / 2 - (foot[0] - left) / scale
    matrix = (1 / scale, -lean / fall / scale, across, 0.0, -1 / fall / scale, float(image.height))
    cast = image.getchannel(3).transform(size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    blurred = cast.filter(ImageFilter.GaussianBlur(max(0.8, view.unit * 0.0022)))
    cover = np.asarray(blurred, np.float32) * np.float32(dark * soft / 255)
    top, x = round(foot[1]), round(left)
    y0, x0 = max(top, view.first), max(x, 0)
    y1, x1 = min(top + size[1], view.height), min(x + size[0], view.width)
    if y0 < y1 and x0 < x1:
        part = cover[y0 - top : y1 - top, x0 - x : x1 - x]
        view.canvas[y0:y1, x0:x1] *= 1 - part[..., None] * np.array([0.92, 0.84, 0.66], np.float32)


def _mirrored(view: View, image: Image.Image, foot: tuple[float, float], tall: float) -> None:
    """Draw a thing's reflection in the water below it, broken by the waves."""
    flipped = _fitted(image, tall).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    pixels = np.asarray(flipped, np.float32)[: max(2, round(tall * 0.6))] / 255
    high, wide = pixels.shape[:2]
    jitter = view.rng("mirrored", round(foot[0])).normal(0, 0.03 * wide, high)
    columns = np.clip(np.arange(wide) + jitter[:, None].astype(int), 0, wide - 1)
    pixels = pixels[np.arange(high)[:, None], columns]
    pixels *= np.linspace(0.5, 0.0, high, dtype=np.float32)[:, None, None]
    colour: Floats = pixels[..., :3] * (view.light.ambient * 0.6 + view.light.key * 0.5)
    view.lay(colour, pixels[..., 3], round(foot[1]), round(foot[0] - wide / 2))


def _glow(view: View, at: tuple[float, float], radius: float) -> None:
    """Light the air around a lamp."""
    reach = int(radius * 3) + 1
    y0, x0 = max(0, int(at[1]) - reach), max(0, int(at[0]) - reach)
    sky = view.canvas[y0 : int(at[1]) + reach, x0 : int(at[0]) + reach]
    y, x = (np.arange(side, dtype=np.float32) for side in sky.shape[:2])
    far = np.hypot(x[None] + x0 - at[0], y[:, None] + y0 - at[1]) / np.float32(radius)
    glow = np.exp(far * -2.2) * (1 - far / 3).clip(0) * np.float32(0.6)
    sky += glow[..., None] * np.array([1.0, 0.80, 0.46], np.float32) * (1 - sky)
