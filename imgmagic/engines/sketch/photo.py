"""Edits of a picture without a scene: a photograph, or what a model sent.

Without a description only light and colour can be changed: of the whole picture, of the sky, or of what is not sky
(ground and water cannot be told apart). Where there is no sky (an interior), a sky edit is refused.

The sky is what is reached from the top over colours that change little from pixel to pixel; how little, is decided by
what leaves sky and rest most even (Otsu's criterion). Fixed thresholds, and rules about what sky looks like, found
less on photographs.
"""

# ruff: noqa: PLR2004 - the numbers are the looks; names for them would only move them away

from __future__ import annotations

from functools import reduce
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter, ImageOps

from imgmagic.engines.sketch import edits
from imgmagic.engines.sketch.clauses import NOUNS, UNWANTED, Clause
from imgmagic.engines.sketch.instructions import negated, wishes
from imgmagic.engines.sketch.lexicon import refusal
from imgmagic.engines.sketch.noise import Floats, step
from imgmagic.engines.sketch.rules import geometry, parted, retoned, whole
from imgmagic.engines.sketch.scene import Tone, edit_parts
from imgmagic.engines.sketch.view import toned
from imgmagic.engines.sketch.words import named

Marks: TypeAlias = NDArray[np.bool_]
#: Longest side of the draft on which the sky is looked for, and what a frame around a picture may take of it (px).
_SIDE, _FRAME = 256, 8


def edit(
    picture: Image.Image, instruction: str, palette: tuple[int, ...] = ()
) -> tuple[Image.Image, tuple[str, ...], tuple[str, ...]]:
    """Apply an instruction, and a palette where one is given (see `Scene`), to pixels.

    Returns
    -------
    picture, done, left
        The edited picture (of the same size, unless it was cut or turned), the names of what was done, and the words
        that were not understood.

    Raises
    ------
    SketchError
        If nothing can be done: things cannot be added to a picture without a scene.
    """
    now = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    done, left = list[str](), list[str]()
    asked = wishes(instruction)
    for clause in asked:
        if clause.verb in UNWANTED:
            continue
        now, names = _apply(now, clause)
        done += names
        left += clause.unknown if names else [hit.word for hit in clause.hits]
    _check(asked, done)
    words = named(left)
    if palette:
        now = edits.near_palette(now, palette)
        done.append("palette")
    if not done:
        raise refusal(
            "This picture was not drawn by the sketch engine: only its light, colours, sky and ground can be edited, "
            f"not {', '.join(map(repr, words)) or 'that'}.",
            words,
        )
    return now, tuple(dict.fromkeys(done)), words


def _check(asked: list[Clause], done: list[str]) -> None:
    """Refuse what would touch a part that was to stay as it is: only sky and ground can be told apart."""
    for clause in asked:
        kept = set(clause.regions) or {""}
        if clause.verb in ("not", "keep") and not (done and "" not in kept and set(done) <= {"sky", "ground"} - kept):
            raise negated()


def _apply(picture: Image.Image, clause: Clause) -> tuple[Image.Image, list[str]]:
    """Give the picture after a clause and the names of what was done."""
    noun = clause.first(*NOUNS)
    if clause.strange or (noun is not None and noun.kind == "thing"):
        return picture, []
    wanted = _wanted(clause)
    if wanted or not clause.regions:
        return reduce(edits.apply, wanted, picture), [edit_parts(each)[0] for each in wanted]
    tone = Tone()
    for hit in clause.every("colour", "adjustment"):
        tone = retoned(tone, hit, clause, natural=False)
    return _part_toned(picture, clause.regions[0], tone) if tone != Tone() else (picture, [])


def _wanted(clause: Clause) -> list[str]:
    """Give the edits of the whole picture that a clause asks for: of its shape, its light, or its style."""
    shape = geometry(clause)
    if shape:
        return [shape]
    moods = [hit.name for hit in clause.every("time", "weather") if hit.name in edits.LIGHTS]
    if moods and clause.sign > 0 and clause.verb != "add":
        return moods[:1]
    styles = [hit.name for hit in clause.every("style") if hit.name and clause.sign > 0]
    return styles + (whole(clause) if not clause.first(*NOUNS, "time", "weather") and not parted(clause) else [])


def _part_toned(picture: Image.Image, part: str, tone: Tone) -> tuple[Image.Image, list[str]]:
    """Tone the sky, or what is not sky."""
    mask = sky_mask(picture)
    if part != "sky":
        return Image.composite(picture, _toned(picture, tone), mask), ["ground"]
    if np.asarray(mask).mean() < 0.03 * 255:
        raise refusal("No sky was found in this picture.")
    return Image.composite(_toned(picture, tone), picture, mask), ["sky"]


def _toned(picture: Image.Image, tone: Tone) -> Image.Image:
    levels = np.linspace(0, 1, 33, dtype=np.float32)
    blue, green, red = np.meshgrid(levels, levels, levels, indexing="ij")
    table = toned(np.stack([red, green, blue], -1), tone)
    return edits.recoloured(picture, lambda flat: flat.filter(ImageFilter.Color3DLUT(33, table.ravel())))


# Where the sky is


def sky_mask(picture: Image.Image) -> Image.Image:
    """Find the sky: its coverage, as a picture of mode L."""
    picture = picture.convert("RGB")
    small = ImageOps.contain(picture, (_SIDE, _SIDE), Image.Resampling.BOX)
    sky = _flood(np.asarray(small, np.float32))
    # What hangs in the sky without touching the ground, a cloud or the sun, belongs to it.
    all_of_it = ~_down(~sky[::-1])[::-1] & sky.any()
    near = Image.fromarray(all_of_it).convert("L").filter(ImageFilter.MaxFilter(5)).filter(ImageFilter.BoxBlur(1))
    # At its edge, sky is what is not darker than the sky around it.
    small.putalpha(Image.fromarray(sky).convert("L"))
    around = small.convert("RGBa").filter(ImageFilter.GaussianBlur(12)).convert("RGBA").convert("RGB")
    darker = ImageChops.subtract(around.resize(picture.size, Image.Resampling.BILINEAR), picture).split()
    bright = reduce(ImageChops.lighter, darker).point([int(255 * each) for each in 1 - step(20, 60, np.arange(256.0))])
    return ImageChops.multiply(near.resize(picture.size, Image.Resampling.BILINEAR), bright)


def _flood(pixels: Floats) -> Marks:
    """Find the draft's sky with the threshold that leaves both parts most even, the sky rather than the rest."""

    def unevenness(sky: Marks) -> float:
        share = float(sky.mean())
        if not 0.02 < share < 0.98:
            return float("inf")
        return float(1.25 * share * pixels[sky].var(0).sum() + (1 - share) * pixels[~sky].var(0).sum())

    across, down = (np.abs(np.diff(pixels, axis=axis, prepend=0)).max(-1) for axis in (1, 0))
    across[:, 0] = down[0] = 0
    return min((_down(np.maximum(across, down) < limit) for limit in (6, 10, 14, 18)), key=unevenness)


def _down(free: Marks) -> Marks:
    """Spread from the top downwards over what is free, and in each row to both sides."""
    reached, above = np.zeros_like(free), np.ones(free.shape[1], bool)
    for y, row in enumerate(free):
        runs = np.cumsum(~row)
        above = reached[y] = row & np.isin(runs, runs[row & (above | (y < _FRAME))])
    return reached
