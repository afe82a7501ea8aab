"""Where a part of a picture is: the mask of ``text:sky``, ``text:water``, ``text:palms``.

A scene is asked by changing it: what is the sky changes when the sky gets another colour, and a thing is where the
picture changes when it is taken away. Water mirrors the sky, so what changes with the water is water. Drafts of the
scene are compared, since only the outlines matter. A picture without a scene has one part that can be found: its sky.
"""

# ruff: noqa: PLR2004 - the numbers are the drawing; names for them would only move them away

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from imgmagic.engines.sketch import edits, photo, picture
from imgmagic.engines.sketch.clauses import NOUNS, Clause, clauses
from imgmagic.engines.sketch.scene import Scene, Tone
from imgmagic.errors import SketchError, printable

if TYPE_CHECKING:
    from imgmagic.engines.sketch.noise import Floats

_REGIONS = ("sky", "water", "ground")
_DRAFT_PX = 768


def find(data: bytes, words: str) -> bytes:
    """Give a part of a picture as a mask: a PNG of its size, transparent where the part is.

    Raises
    ------
    SketchError
        If there is no such part, or none that can be found.
    """
    image, scene = picture.decode(data)
    clause = next(iter(clauses(words)), Clause())
    if scene is None:
        if "sky" not in clause.regions:
            raise _not_found(words, "of a picture that it did not draw, the sketch engine finds the sky only")
        cover = photo.sky_mask(image.convert("RGB"))
    else:
        cover = _in_scene(scene, edits.frame(scene.filters, image.size), clause, words)
    if cover.mean() < 0.0005:
        raise _not_found(words, "it is nowhere to be seen")
    return _mask(cover, image.size)


def _in_scene(scene: Scene, size: tuple[int, int], clause: Clause, words: str) -> Floats:
    """Find a part by drawing the scene without it, or with it in another colour."""
    noun = clause.first(*NOUNS)
    scale = min(1.0, _DRAFT_PX / max(size))
    draft = (max(16, round(size[0] * scale)), max(16, round(size[1] * scale)))
    if noun is not None and noun.kind == "thing":
        if scene.thing(noun.name) is None:
            there = ", ".join(each.kind for each in scene.things) or "nothing else"
            raise _not_found(words, f"the picture has {there}")
        gone = scene.without(noun.name)
        # What is as bright as what is behind it shows in another colour.
        painted = [replace(each, colour="blue" if each.colour == "red" else "red") for each in scene.every(noun.name)]
        other = replace(gone, things=(*gone.things, *painted))
        return np.maximum(_cover(_apart(scene, gone, draft)), _cover(_apart(scene, other, draft)))
    region = next(iter(clause.regions), "")
    if region not in _REGIONS:
        raise _not_found(words, "it knows sky, water, ground, and the things that it draws")
    red, green = Tone("red", 2.0, 0.7), Tone("green", 2.0, 1.4)
    changes = {
        "sky": (replace(scene, sky=red), replace(scene, sky=green)),
        "water": (replace(scene, water=red), replace(scene, water=green)),
        "ground": (replace(scene, ground=red), replace(scene, ground=green)),
    }
    cover = {region: _cover(_apart(*pair, draft)) for region, pair in changes.items()}
    mine = cover.pop(region)
    if region == "sky":
        return np.asarray(np.minimum(mine, 1 - np.maximum(cover["water"], cover["ground"])), np.float32)
    return np.where(mine >= cover["ground" if region == "water" else "water"], mine, 0).astype(np.float32)


def _apart(one: Scene, other: Scene, size: tuple[int, int]) -> Floats:
    """Give how far two scenes are apart at each pixel: (height, width), 0 to 255."""
    first, second = (np.asarray(picture.draw(each, *size), np.float32) for each in (one, other))
    return np.asarray(np.abs(first - second).max(-1), np.float32)


def _cover(apart: Floats) -> Floats:
    return np.asarray(np.clip((apart - 4) / 8, 0, 1), np.float32)


def _mask(cover: Floats, size: tuple[int, int]) -> bytes:
    kept = Image.fromarray((255 - cover * 255 + 0.5).astype(np.uint8)).resize(size, Image.Resampling.BILINEAR)
    mask = Image.new("RGBA", size)
    mask.putalpha(kept)
    out = io.BytesIO()
    mask.save(out, "PNG")
    return out.getvalue()


def _not_found(words: str, why: str) -> SketchError:
    return SketchError(
        f"text:{printable(words, 60)} was not found: {why}.", hint="Say where with box: or color:, or give an array."
    )
