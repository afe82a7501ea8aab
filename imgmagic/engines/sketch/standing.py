"""How a thing stands in the world: where on the picture, how tall, with its shadow, its reflection and its lamp."""

# ruff: noqa: PLR2004 - the numbers are the drawing; names for them would only move them away

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter

from imgmagic.engines.sketch.view import by_plane, rgb

if TYPE_CHECKING:
    from collections.abc import Callable

    from imgmagic.engines.sketch.noise import Floats
    from imgmagic.engines.sketch.shore import Shore
    from imgmagic.engines.sketch.view import View


@dataclass(frozen=True, slots=True)
class Standing:
    """One thing in its place."""

    #: Distance in world units.
    depth: float
    #: Where across the picture, in units from the middle.
    across: float
    #: Height in world units.
    tall: float
    #: Draws it, about so many px tall, in daylight colours; see `pen`.
    make: Callable[[int], Image.Image]
    #: Half its width, in heights.
    half: float = 0.5
    #: Whether it throws a shadow on the ground.
    shady: bool = True
    #: Whether it stands in water, which mirrors it.
    wet: bool = False
    #: How high its foot is, in world units.
    lift: float = 0.0
    #: Whether it is one of many trees, which may stand one before the other.
    grown: bool = False
    #: How much taller it is drawn than its place was chosen for.
    scale: float = 1.0
    #: Draws what of it shines in the dark, as large as ``make`` draws the whole; None if nothing does.
    lamps: Callable[[int], Image.Image] | None = None


def stand(view: View, each: Standing, shore: Shore | None = None) -> None:
    """Draw one thing, with all that it throws around it."""
    view.pause()
    x, y = each.across * view.unit + view.width / 2, view.horizon + (1 - each.lift) / each.depth * view.unit
    tall = each.tall * each.scale / each.depth * view.unit
    if tall < 2:
        return
    # Before a backdrop the light comes from the side.
    aside = view.sun[0] if view.scene.place != "studio" else view.light.side * 2
    sun = view.width / 2 + aside * view.unit
    image = _fitted(each.make, tall, sun > x)
    place = (round(y), round(x - image.width / 2))
    if each.wet:
        _mirrored(view, image, place, shore)
    elif each.shady and view.alpha is None:
        _touch(view, image, place, each.depth)
        # It begins under what the grass hides of the thing.
        _shadow(view, image, (place[0] - round(1.5 * _sunk(view, image, each.depth)), place[1]), sun, shore)
    # Against a low sun one sees the dark side.
    against = float(np.exp(-(((x - sun) / view.unit / 0.3) ** 2))) * view.low
    _lay(view, image, place, each.depth, 0.62 - 0.43 * against)
    if each.lamps is not None:
        _shine(view, _fitted(each.lamps, tall, sun > x), place)


def _fitted(make: Callable[[int], Image.Image], tall: float, mirrored: bool) -> Image.Image:  # noqa: FBT001
    """Give a drawing, which is lit from the left, at its size; mirrored if the light comes from the right."""
    image = make(max(24, round(tall)))
    image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored else image
    size = (max(2, round(image.width * tall / image.height)), max(2, round(tall)))
    return image.resize(size, Image.Resampling.BOX if tall < image.height / 2 else Image.Resampling.BILINEAR)


def _lay(view: View, image: Image.Image, place: tuple[int, int], depth: float, key: float) -> None:
    """Lay a drawing on the canvas, lit and hazed."""
    box = image.getbbox() or (0, 0, 1, 1)
    pixels = by_plane(lambda level: level * np.float32(1 / 255), np.asarray(image.crop(box)))
    if view.alpha is None and view.scene.place != "studio":
        # It stands in grass, sand or water, which hides the lower edge here more and there less.
        high = _sunk(view, image, depth)
        bumps = np.interp(np.arange(pixels.shape[1]), *_bumps(view, pixels.shape[1], high))
        rows = np.arange(len(pixels), 0, -1)[-int(2 * high) - 1 :, None]
        pixels[-len(rows) :] *= np.clip((rows - bumps) / max(1, high / 3), 0, 1)[..., None]
    colour, cover = pixels[..., :3], pixels[..., 3]
    light = view.light
    through = float(np.exp(-light.haze * max(depth - 2, 0)))
    if light.dark:
        # By night the eye sees little colour.
        colour += (colour.mean(-1, keepdims=True) - colour) * np.float32(0.5)
    colour *= (light.ambient * 0.75 + light.key * key) * np.float32(through)
    colour += cover[..., None] * (light.mist * np.float32(1 - through))
    view.lay(colour, cover, place[0] - image.height + box[1], place[1] + box[0])


def _sunk(view: View, image: Image.Image, depth: float) -> float:
    """Give how much of a thing's lower edge the ground hides at most, in px."""
    return min(0.03 / depth * view.unit, image.height * 0.06) + 1


def _bumps(view: View, wide: int, high: float) -> tuple[Floats, Floats]:
    """Give places across a thing's foot, and how much of it is hidden there."""
    at = np.arange(0, wide + 2 * high, 1 + high)
    return at, view.rng("bumps", wide).random(len(at)) * high


def _touch(view: View, image: Image.Image, place: tuple[int, int], depth: float) -> None:
    """Darken the ground where a thing touches it."""
    foot = np.nonzero(np.asarray(image.getchannel(3))[-max(2, image.height // 30) :].any(0))[0]
    level = (place[0] - view.horizon) / view.unit
    if not len(foot) or level < 0.01:
        return
    wide = (foot[-1] - foot[0]) * 0.5 + 2
    high = max(1.5, wide * min(0.5, level))
    y, x = np.mgrid[-3 * high : 3 * high, -1.6 * wide : 1.6 * wide].astype(np.float32)
    cover = 0.6 * np.exp(-view.light.haze * max(depth - 2, 0) - (y / high) ** 2 - (x / wide) ** 4)
    left = place[1] + (foot[0] + foot[-1]) / 2 - 1.6 * wide
    view.lay(cover[..., None] * view.light.ambient * np.float32(0.15), cover, round(place[0] - 4 * high), round(left))


def _on_water(view: View, shore: Shore | None, place: tuple[int, int], size: tuple[int, int]) -> Floats:
    """Give where water is on a part of the canvas (height, width), 0 or 1."""
    if shore is None:
        return np.zeros(size, np.float32)
    down, across = (np.arange(start, start + count, dtype=np.float32) for start, count in zip(place, size, strict=True))
    z = view.unit / np.maximum(down + 0.5 - view.horizon, 0.5)[:, None]
    x = (across + 0.5 - view.width / 2) / view.unit * z
    return np.asarray(np.clip(shore.out(x, z) * 8, 0, 1), np.float32)


def _shadow(view: View, image: Image.Image, place: tuple[int, int], sun: float, shore: Shore | None) -> None:
    """Throw a thing's shadow on level ground: away from the point of the horizon below the sun, and towards us."""
    foot, left = place
    dark = {"clear": 0.5, "cloudy": 0.4}.get(view.scene.weather, 0.0)
    dark *= {"night": 0.5, "dusk": 0.5}.get(view.scene.time, 1.0)
    level = foot - view.horizon
    if level < 2:
        return
    middle = left + image.width / 2
    high = view.unit * (0.38 if view.low else 1.4)
    # The way from a thing to its shadow is seen in perspective: `k` is how much larger it gets with each row.
    k = 1 / level
    end = image.height / (k * (high - image.height)) if high > image.height else view.height
    tall = int(min(end + 8, view.height - foot))
    aside = (middle - sun) * k * tall
    wide = image.width / 2 * (1 + k * tall) + 8
    start = max(0, round(middle + min(0, aside) - wide))
    size = (min(view.width, round(middle + max(0, aside) + wide)) - start, tall)
    if min(size) < 1:
        return
    half = image.width / 2
    matrix = (1, k * (sun - middle + half), start - middle + half, 0, k * (image.height - high), image.height, 0, k)
    cast = image.getchannel(3).transform(size, Image.Transform.PERSPECTIVE, matrix, Image.Resampling.BILINEAR)
    blurred = cast.filter(ImageFilter.GaussianBlur(max(0.8, view.unit * 0.0013)))
    cover = np.asarray(blurred, np.float32) * np.float32(dark / 255)
    # The farther from the thing, the softer.
    cover *= np.linspace(1, 0.35, tall, dtype=np.float32)[:, None]
    cover *= 1 - 0.7 * _on_water(view, shore, (foot, start), cover.shape)
    view.lay(cover[..., None] * view.light.ambient * np.float32(0.12), cover, foot, start)


def _mirrored(view: View, image: Image.Image, place: tuple[int, int], shore: Shore | None) -> None:
    """Draw a thing's reflection in the water below it, broken by the waves."""
    high, wide = image.height, image.width
    pixels = np.asarray(image.transpose(Image.Transpose.FLIP_TOP_BOTTOM), np.float32) / 255
    jitter = view.rng("mirrored", wide).normal(0, 0.03 * wide, (high, 1)).astype(int)
    pixels = np.take_along_axis(pixels, np.clip(np.arange(wide) + jitter, 0, wide - 1)[..., None], 1)
    pixels *= np.linspace(0.8, 0.15, high, dtype=np.float32)[:, None, None]
    pixels *= _on_water(view, shore, place, (high, wide))[..., None]
    view.lay(pixels[..., :3] * (view.light.ambient * 0.7 + view.light.key * 0.6), pixels[..., 3], *place)


def _shine(view: View, lamps: Image.Image, place: tuple[int, int]) -> None:
    """Lay what shines on the canvas, and light the air around it."""
    reach = lamps.height // 2
    around = Image.new("L", (lamps.width + 2 * reach, lamps.height + 2 * reach))
    around.paste(lamps.getchannel(3), (reach, reach))
    air = np.asarray(around.filter(ImageFilter.GaussianBlur(reach / 4)), np.float32)[..., None] / 255
    view.lay(air * rgb((1.0, 0.80, 0.46)), air[..., 0], place[0] - lamps.height - reach, place[1] - reach)
    pixels = np.asarray(lamps, np.float32) / 255
    view.lay(pixels[..., :3], pixels[..., 3], place[0] - lamps.height, place[1])
