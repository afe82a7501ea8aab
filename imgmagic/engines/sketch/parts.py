"""Where a part of a picture is: the mask of ``text:sky``, ``text:water``, ``text:palms``.

A scene is asked by changing it: what is the sky changes when the sky gets another colour, and a thing is where the
picture changes when it is taken away. Water mirrors the sky, so what changes with the water is water. Drafts of the
scene are compared, since only the outlines matter. A picture without a scene has one part that can be found: its sky.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from imgmagic import images
from imgmagic.engines.sketch import edits, photo, picture
from imgmagic.engines.sketch.clauses import NOUNS, Clause, clauses
from imgmagic.engines.sketch.rules import with_tone
from imgmagic.engines.sketch.scene import Scene, Tone
from imgmagic.errors import SketchError, printable

if TYPE_CHECKING:
    from imgmagic.engines.sketch.noise import Floats

_REGIONS = ("sky", "water", "ground")
_DRAFT_PX = 768
#: Least share of a picture that can be a part of it.
_LEAST = 0.0005
#: From how many levels of difference a pixel belongs to what was changed, and from how many wholly.
_SOME, _WHOLLY = 4, 12


def find(data: bytes, words: str) -> bytes:
    """Give a part of a picture as a mask: a PNG of its size, transparent where the part is.

    Raises
    ------
    SketchError
        If there is no such part, or none that can be found.
    """
    image, scene = picture.decode(data)
    clause = next(iter(clauses(words)), Clause())
    if scene is not None:
        cover = _in_scene(scene, clause, image.size, words)
    elif "sky" in clause.regions:
        cover = np.asarray(photo.sky_mask(image), np.float32) / 255
    else:
        raise _not_found(words, "of a picture that it did not draw, the sketch engine finds the sky only")
    if cover.mean() < _LEAST:
        raise _not_found(words, "it is nowhere to be seen")
    mask = Image.new("RGBA", image.size)
    mask.putalpha(Image.fromarray((255.5 - cover * 255).astype(np.uint8)).resize(image.size, Image.Resampling.BILINEAR))
    return images.encode(mask, "png")


def _not_found(words: str, why: str) -> SketchError:
    hint = "Say where with box: or color:, or give an array."
    return SketchError(f"text:{printable(words, 60)} was not found: {why}.", hint=hint)


def _in_scene(scene: Scene, clause: Clause, size: tuple[int, int], words: str) -> Floats:
    noun, region = clause.first(*NOUNS), next(iter(clause.regions), "")
    if noun is not None and noun.kind == "thing":
        if scene.thing(noun.name) is None:
            there = ", ".join(each.kind for each in scene.things) or "nothing else"
            raise _not_found(words, f"the picture has {there}")
        return _thing(scene, noun.name, size)
    if region not in _REGIONS:
        raise _not_found(words, "it knows sky, water, ground, and the things that it draws")
    return _region(scene, region, size)


def _thing(scene: Scene, kind: str, size: tuple[int, int]) -> Floats:
    gone = scene.without(kind)
    # What is as bright as what is behind it shows in another colour.
    painted = [replace(each, colour="blue" if each.colour == "red" else "red") for each in scene.every(kind)]
    other = replace(gone, things=(*gone.things, *painted))
    return np.maximum(_changed(scene, gone, size), _changed(scene, other, size))


def _region(scene: Scene, region: str, size: tuple[int, int]) -> Floats:
    red, green = Tone("red", 2.0, 0.7), Tone("green", 2.0, 1.4)

    def cover(each: str) -> Floats:
        return _changed(with_tone(scene, each, red), with_tone(scene, each, green), size)

    water, ground = cover("water"), cover("ground")
    if region == "sky":
        return np.asarray(np.minimum(cover("sky"), 1 - np.maximum(water, ground)))
    # Wet sand is as much the one as the other: it counts as water.
    return np.where(water >= ground, water, 0) if region == "water" else np.where(water < ground, ground, 0)


def _changed(one: Scene, other: Scene, size: tuple[int, int]) -> Floats:
    """Give where two scenes differ that have this size after their edits: (height, width) of a draft, 0 to 1."""
    full = edits.frame(one.filters, size)
    scale = min(1.0, _DRAFT_PX / max(full))
    draft = (max(16, round(full[0] * scale)), max(16, round(full[1] * scale)))
    first, second = (np.asarray(picture.draw(each, *draft), np.float32) for each in (one, other))
    apart = np.abs(first - second).max(-1)
    return np.asarray(np.clip((apart - _SOME) / np.float32(_WHOLLY - _SOME), 0, 1))
