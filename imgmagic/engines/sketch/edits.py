"""Whole-picture edits as a scene carries them: ``darker:0.5``, ``red tint``, ``rotate:90``, ``crop:2:left``.

The name may be followed by how much: the strength of a filter (1 is usual), degrees clockwise, or how many times
nearer. Only what is cut to a side, and a quarter turn, change the size of the picture; a picture that is turned by less
is enlarged until it fills its frame.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from imgmagic.engines.sketch import filters, vocabulary
from imgmagic.engines.sketch.scene import edit_parts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imgmagic.engines.sketch.scene import Scene

_MEAN_SHARE, _SPREAD_SHARE = 0.7, 0.5
_SIDEWAYS = ("left", "right")


def finished(picture: Image.Image, scene: Scene, alpha: Image.Image | None = None) -> Image.Image:
    """Give a drawn picture the palette and the edits of its scene; what is moved moves its transparency (L) too."""
    if scene.palette:
        picture = recoloured(picture, scene.palette)
    for each in scene.filters:
        picture = apply(picture, each)
        alpha = shaped(alpha, *edit_parts(each)) if alpha is not None else None
    if alpha is not None:
        picture.putalpha(alpha)
    return picture


def apply(picture: Image.Image, edit: str) -> Image.Image:
    """Apply one edit to an RGB picture."""
    name, value, where = edit_parts(edit)
    if name in vocabulary.GEOMETRY:
        return shaped(picture, name, value, where)
    changed = _filtered(picture, name)
    if value < 1:
        return Image.blend(picture, changed, value)
    return Image.blend(changed, _filtered(changed, name), min(value - 1, 1)) if value > 1 else changed


def frame(edits: Iterable[str], size: tuple[int, int]) -> tuple[int, int]:
    """Give the size in which a picture was drawn that has this size after its edits."""
    width, height = size
    for edit in reversed(tuple(edits)):
        name, value, where = edit_parts(edit)
        if name == "rotate" and value % 180 == 90:  # noqa: PLR2004 - a quarter turn
            width, height = height, width
        elif name == "crop" and where:
            width, height = (round(width * value), height) if where in _SIDEWAYS else (width, round(height * value))
    return width, height


def shaped(picture: Image.Image, name: str, value: float, where: str) -> Image.Image:
    """Mirror, turn or cut a picture of any mode; any other edit leaves it as it is."""
    if name == "mirror":
        return ImageOps.mirror(picture)
    if name == "flip":
        return ImageOps.flip(picture)
    if name == "rotate":
        return _rotated(picture, value)
    return _cropped(picture, name, max(value, 1.0), where) if name in ("crop", "zoom") else picture


def _filtered(picture: Image.Image, name: str) -> Image.Image:
    if name.endswith(" tint"):
        return _tinted(picture, vocabulary.COLOURS[name.removesuffix(" tint")])
    return filters.apply(picture, name)


def _tinted(picture: Image.Image, colour: tuple[float, float, float]) -> Image.Image:
    middle = tuple(round(255 * each) for each in colour)
    dark, light = (tuple(round(each * share + base) for each in middle) for share, base in ((0.18, 0), (0.25, 191)))
    return Image.blend(picture, ImageOps.colorize(ImageOps.grayscale(picture), dark, light, middle), 0.55)


def _cropped(picture: Image.Image, name: str, power: float, where: str) -> Image.Image:
    """Cut to a side, or enlarge what is there (or in the middle) to the size of the whole."""
    along, across = (power if where in _SIDEWAYS or not where else 1.0), (1.0 if where in _SIDEWAYS else power)
    if name == "zoom":
        along = across = power
    width, height = max(1, round(picture.width / along)), max(1, round(picture.height / across))
    left = {"left": 0, "right": picture.width - width}.get(where, (picture.width - width) // 2)
    top = {"top": 0, "bottom": picture.height - height}.get(where, (picture.height - height) // 2)
    box = (left, top, left + width, top + height)
    if name == "crop" and where:
        return picture.crop(box)
    return picture.resize(picture.size, Image.Resampling.BICUBIC, box=box)


_QUARTERS = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}


def _rotated(picture: Image.Image, degrees: float) -> Image.Image:
    """Turn clockwise, enlarged just enough to leave no empty corner."""
    if degrees % 360 in _QUARTERS:
        return picture.transpose(_QUARTERS[int(degrees % 360)])
    angle = math.radians(degrees)
    sine, cosine = abs(math.sin(angle)), abs(math.cos(angle))
    width, height = picture.size
    power = max(cosine + sine * height / width, cosine + sine * width / height)
    c, s = math.cos(angle) / power, math.sin(angle) / power
    x, y = width / 2, height / 2
    matrix = (c, s, x - c * x - s * y, -s, c, y + s * x - c * y)
    return picture.transform(picture.size, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)


# The palette of a reference


def palette_of(pictures: Iterable[Image.Image]) -> tuple[int, ...]:
    """Give the mean and the spread of red, green and blue over some pictures, each 0 to 255."""
    found = []
    for each in pictures:
        small = np.asarray(each.convert("RGB").resize((64, 64), Image.Resampling.BOX), np.float32)
        found.append(np.concatenate([small.mean((0, 1)), small.std((0, 1))]))
    return tuple(int(each) for each in np.mean(found, axis=0).round().clip(0, 255)) if found else ()


def recoloured(picture: Image.Image, palette: tuple[int, ...]) -> Image.Image:
    """Bring a picture's colours near a palette; light and dark stay where they are."""
    aim, spread = np.asarray(palette[:3], np.float32), np.asarray(palette[3:], np.float32)
    own = np.asarray(palette_of([picture]), np.float32)
    gain = 1 + (np.clip(spread / np.maximum(own[3:], 1), 0.4, 2.0) - 1) * _SPREAD_SHARE
    shift = own[:3] + (aim - own[:3]) * _MEAN_SHARE - own[:3] * gain
    table = [float(level * g + s) for g, s in zip(gain, shift, strict=True) for level in range(256)]
    return picture.point([round(min(255.0, max(0.0, each))) for each in table])
