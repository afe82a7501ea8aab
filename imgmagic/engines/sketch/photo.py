"""Edits of a picture without a scene: a photograph, or what a model sent.

Without a description only light and colour can be changed: of the whole picture, of the sky, or of what is not sky
(ground and water cannot be told apart). The sky is what a flood of similar colour from the top reaches, closed and
softened; where there is none (an interior), a sky edit is refused.
"""

# ruff: noqa: PLR2004 - the numbers are the drawing; names for them would only move them away

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from imgmagic.engines.sketch import edits, vocabulary
from imgmagic.engines.sketch.clauses import NOUNS, UNWANTED, Clause
from imgmagic.engines.sketch.instructions import negated, wishes
from imgmagic.engines.sketch.lexicon import refusal
from imgmagic.engines.sketch.noise import Floats, step
from imgmagic.engines.sketch.rules import geometry, parted, retoned, whole
from imgmagic.engines.sketch.scene import Tone, edit_parts
from imgmagic.engines.sketch.view import RGB, rgb, toned
from imgmagic.engines.sketch.words import named

Marks: TypeAlias = NDArray[np.bool_]
#: Light of a time or weather as gains per channel, gamma, and saturation.
_MOODS: dict[str, tuple[RGB, float, float]] = {
    "night": ((0.34, 0.44, 0.72), 1.25, 0.62),
    "dusk": ((0.62, 0.58, 0.82), 1.15, 0.85),
    "sunset": ((1.08, 0.82, 0.60), 1.12, 1.10),
    "dawn": ((1.06, 0.95, 0.86), 0.95, 0.90),
    "day": ((1.06, 1.04, 1.0), 0.82, 1.10),
    "clear": ((1.05, 1.03, 1.0), 0.88, 1.15),
    "cloudy": ((0.96, 0.97, 1.0), 1.0, 0.80),
    "overcast": ((0.90, 0.92, 0.95), 1.0, 0.60),
    "storm": ((0.66, 0.70, 0.76), 1.25, 0.60),
    "rain": ((0.76, 0.80, 0.86), 1.1, 0.62),
    "golden hour": ((1.10, 0.94, 0.68), 1.0, 1.15),
}
_SIDE = 256


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
    clear = "A" in picture.getbands() or "transparency" in picture.info
    alpha = picture.convert("RGBA").getchannel("A") if clear else None
    now = picture.convert("RGB")
    done, left = list[str](), list[str]()
    asked = wishes(instruction)
    for clause in asked:
        changed, name = (now, "") if clause.verb in UNWANTED else _apply(now, clause)
        if name:
            shape = geometry(clause)
            alpha = edits.shaped(alpha, *edit_parts(shape)) if alpha is not None and shape else alpha
            now = changed
            done.append(name)
            left += clause.unknown
        elif clause.verb not in UNWANTED:
            left += [hit.word for hit in clause.hits]
    _check(asked, done)
    if palette:
        now = edits.recoloured(now, palette)
        done.append("palette")
    words = named(left)
    if not done:
        about = ", ".join(map(repr, words)) or "that"
        raise refusal(
            "This picture was not drawn by the sketch engine: "
            f"only its light, colours, sky and ground can be edited, not {about}.",
            words,
        )
    if alpha is not None:
        now.putalpha(alpha)
    return now, tuple(dict.fromkeys(done)), words


def _check(asked: list[Clause], done: list[str]) -> None:
    """Refuse what would touch a part that was to stay as it is: only sky and ground can be told apart."""
    for clause in asked:
        kept = set(clause.regions) or {""}
        if clause.verb in ("not", "keep") and not (done and "" not in kept and set(done) <= {"sky", "ground"} - kept):
            raise negated()


def _apply(picture: Image.Image, clause: Clause) -> tuple[Image.Image, str]:
    """Give the picture after a clause and the name of what was done; an empty name if nothing was."""
    noun = clause.first(*NOUNS)
    if clause.strange or (noun is not None and noun.kind == "thing"):
        return picture, ""
    edit = geometry(clause)
    if edit:
        return edits.apply(picture, edit), edit.partition(":")[0]
    if clause.sign > 0 and clause.verb != "add":
        for hit in clause.every("time", "weather"):
            if hit.name in _MOODS:
                return _mood(picture, hit.name), hit.name
    wanted = [hit.name for hit in clause.every("style") if hit.name and clause.sign > 0]
    wanted += whole(clause) if noun is None and not clause.first("time", "weather") and not parted(clause) else []
    for each in wanted:
        picture = edits.apply(picture, each)
    if wanted:
        return picture, wanted[0].partition(":")[0]
    region = next(iter(clause.regions), "")
    return _region(picture, clause, region) if region else (picture, "")


def _mood(picture: Image.Image, name: str) -> Image.Image:
    gains, gamma, saturation = _MOODS[name]
    result = np.empty((picture.height, picture.width, 3), np.uint8)
    for top in range(0, picture.height, 256):
        pixels = np.asarray(picture.crop((0, top, picture.width, min(top + 256, picture.height))), np.float32) / 255
        pixels = pixels**gamma * rgb(gains)
        grey = pixels.mean(-1, keepdims=True)
        result[top : top + 256] = np.clip((grey + (pixels - grey) * saturation) * 255 + 0.5, 0, 255)
    return Image.fromarray(result)


def _region(picture: Image.Image, clause: Clause, region: str) -> tuple[Image.Image, str]:
    """Tone the sky, or what is not sky."""
    tone = Tone()
    for hit in clause.every("colour", "adjustment"):
        tone = retoned(tone, hit, clause, natural=False)
    if tone == Tone():
        return picture, ""
    if tone.colour == "blue" and tone.saturation == 1:
        tone = Tone("blue", 1.2, tone.value)
    mask = sky_mask(picture)
    if region == "sky" and mask.mean() < 0.03:
        raise refusal("No sky was found in this picture.")
    mask = mask if region == "sky" else 1 - mask
    hue = vocabulary.COLOURS[tone.colour] if tone.colour else None
    result = np.array(picture)
    for top in range(0, picture.height, 256):
        pixels = result[top : top + 256].astype(np.float32) / 255
        share = mask[top : top + 256, :, None]
        changed = toned(pixels, tone, hue)
        result[top : top + 256] = np.where(
            share > 0, (pixels + (changed - pixels) * share) * 255 + 0.5, result[top : top + 256]
        )
    return Image.fromarray(result), "sky" if region == "sky" else "ground"


def sky_mask(picture: Image.Image) -> Floats:
    """Find the sky: coverage (height, width), 0 to 1."""
    scale = min(1.0, _SIDE / max(picture.size))
    size = (max(8, round(picture.width * scale)), max(8, round(picture.height * scale)))
    small = picture.resize(size, Image.Resampling.BOX)
    reached = _flood(np.asarray(small, np.float32) / 255)
    if not reached.any():
        return np.zeros((picture.height, picture.width), np.float32)
    near = Image.fromarray((reached * 255).astype(np.uint8)).filter(ImageFilter.MaxFilter(5))
    soft = near.filter(ImageFilter.BoxBlur(1)).resize(picture.size, Image.Resampling.BILINEAR)
    local = _spread(np.asarray(small, np.float32), reached).resize(picture.size, Image.Resampling.BILINEAR)
    mask = np.asarray(soft, np.float32) / 255
    horizon = int((np.nonzero(reached.mean(1) > 0.1)[0].max(initial=0) + 0.5) / scale)
    for top in range(0, picture.height, 256):
        band = (0, top, picture.width, min(top + 256, picture.height))
        apart = np.asarray(picture.crop(band), np.float32) - np.asarray(local.crop(band), np.float32)
        far = np.abs(apart).max(-1)
        # Sky is what looks like the sky around it, and what is brighter in every channel: clouds, the sun.
        part = mask[top : top + 256]
        part *= 1 - step(22, 60, far) * step(4, -8, apart.min(-1))
        # Sky seen between leaves, which the flood cannot reach, must look very much like it.
        above = max(0, horizon - top)
        np.maximum(part[:above], 1 - step(12, 30, far[:above]), out=part[:above])
    return mask


def _spread(pixels: Floats, reached: Floats) -> Image.Image:
    """Carry the sky's colours into what is not sky, so that every pixel knows the sky that it would be."""
    held, weight = pixels * reached[..., None], reached.copy()
    total, known = held.copy(), weight.copy()
    for radius in (2, 6, 18):
        blurred = np.asarray(
            Image.fromarray(np.clip(held, 0, 255).astype(np.uint8)).filter(ImageFilter.BoxBlur(radius)), np.float32
        )
        share = (
            np.asarray(Image.fromarray((weight * 255).astype(np.uint8)).filter(ImageFilter.BoxBlur(radius)), np.float32)
            / 255
        )
        fresh = (known < 0.05) & (share > 0.02)
        total[fresh] = blurred[fresh] / share[fresh][:, None]
        known[fresh] = 1
    # Far from any sky, what the sky is elsewhere at that height.
    share = reached.sum(1)
    rows = np.nonzero(share)[0]
    mean = (pixels * reached[..., None]).sum(1)[rows] / share[rows][:, None]
    level = np.stack([np.interp(np.arange(len(pixels)), rows, mean[:, c]) for c in range(3)], -1)
    total = np.where(known[..., None] < 0.05, level[:, None], total)
    return Image.fromarray(np.clip(total, 0, 255).astype(np.uint8))


def _flood(pixels: Floats) -> Floats:
    """Spread from the top edge over pixels that change little and look like sky (blue, bright or even)."""
    tall, wide = pixels.shape[:2]
    red, mean = pixels[..., 0], pixels.mean(-1)
    coloured = (pixels[..., 2] >= red - 0.12) | (mean > 0.66) | ((red > 0.72) & (mean > 0.42))
    like = coloured | (np.arange(tall)[:, None] < tall * 0.35)
    down = np.abs(np.diff(pixels, axis=0, prepend=pixels[:1])).max(-1)
    across = np.abs(np.diff(pixels, axis=1, prepend=pixels[:, :1])).max(-1)
    free = like & (np.maximum(down, across) < 0.08)
    reached = _not_dark(pixels, _reach(free))
    # The longest straight edge below is the horizon: what lies under it mirrors the sky, but is none.
    weight = np.where(reached, down, 0).sum(1) / wide
    edges = np.where(weight > 0.035)[0]
    low = edges[edges > tall * 0.2]
    if len(low):
        reached[low[0] :] = False
    # What hangs in the sky without touching the ground, a cloud or the sun, belongs to it.
    ground = _reach(~reached[::-1])[::-1]
    return (~ground & reached.any()).astype(np.float32)


def _not_dark(pixels: Floats, reached: Marks) -> Marks:
    """Take out what is darker than the sky above lets expect at that height: haze-blue mountains."""
    rows, columns = np.nonzero(reached)
    if len(rows) < len(reached):
        return reached
    upper = rows <= np.quantile(rows, 0.6)
    y = np.arange(len(pixels)) / len(pixels)
    curve = [np.polyval(np.polyfit(y[rows[upper]], pixels[rows[upper], columns[upper], c], 1), y) for c in range(3)]
    expected = np.clip(np.stack(curve, -1), 0, 0.92)[:, None]
    return np.asarray(reached & ((pixels - expected).min(-1) > -0.14))


def _reach(free: Marks) -> Marks:
    """Spread from the first row over what is free, by sweeps along both axes."""
    tall, wide = free.shape
    reached = np.zeros((tall, wide), bool)
    reached[0] = free[0]
    for _ in range(4):
        for y in range(1, tall):
            reached[y] |= reached[y - 1] & free[y]
        for x in range(1, wide):
            reached[:, x] |= reached[:, x - 1] & free[:, x]
            reached[:, -x - 1] |= reached[:, -x] & free[:, -x - 1]
    return reached
