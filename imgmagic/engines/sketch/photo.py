"""Edits of a picture without a scene: a photograph, or what a model sent.

Without a description only light and colour can be changed: of the whole picture, or of the sky. The sky is what a
flood of similar colour from the top reaches, closed and softened; where there is none (an interior), a sky edit is
refused.
"""

# ruff: noqa: PLR2004 - the numbers are the drawing; names for them would only move them away

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from imgmagic.engines.sketch import filters, vocabulary
from imgmagic.engines.sketch.clauses import Clause, clauses
from imgmagic.engines.sketch.instructions import toned as retoned
from imgmagic.engines.sketch.lexicon import refusal
from imgmagic.engines.sketch.noise import Floats, step
from imgmagic.engines.sketch.scene import Tone
from imgmagic.engines.sketch.view import RGB, rgb, toned

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
}
_SIDE = 256


def edit(picture: Image.Image, instruction: str) -> tuple[Image.Image, tuple[str, ...], tuple[str, ...]]:
    """Apply an instruction to pixels.

    Returns
    -------
    picture, done, left
        The edited picture (same size), the names of what was done, and the words that were not understood.

    Raises
    ------
    SketchError
        If nothing can be done: things cannot be added to a picture without a scene.
    """
    alpha = (
        picture.convert("RGBA").getchannel("A") if "A" in picture.getbands() or "transparency" in picture.info else None
    )
    now = picture.convert("RGB")
    done, left = list[str](), list[str]()
    for clause in clauses(instruction):
        changed, name = _apply(now, clause)
        if name:
            now = changed
            done.append(name)
        else:
            left += clause.unknown or [hit.word for hit in clause.hits if hit.kind != "filler"]
    if not done:
        about = ", ".join(map(repr, dict.fromkeys(left))) or "that"
        raise refusal(
            "This picture was not drawn by the sketch engine: "
            f"only its light, colours and sky can be edited, not {about}.",
            tuple(left),
        )
    if alpha is not None:
        now.putalpha(alpha)
    return now, tuple(dict.fromkeys(done)), tuple(dict.fromkeys(left))


def _apply(picture: Image.Image, clause: Clause) -> tuple[Image.Image, str]:
    noun = clause.first("unknown", "thing", "place", "region")
    if clause.strange or (noun is not None and noun.kind == "thing"):
        return picture, ""
    if clause.verb not in ("remove", "less", "add"):
        for hit in clause.hits:
            if hit.kind in ("time", "weather") and hit.name in _MOODS:
                return _mood(picture, hit.name), hit.name
    for hit in clause.hits:
        if hit.kind == "filter" or (hit.kind == "adjustment" and noun is None and hit.name in vocabulary.FILTERS):
            return filters.apply(picture, hit.name), hit.name
    if clause.region == "sky":
        return _sky(picture, clause)
    return picture, ""


def _mood(picture: Image.Image, name: str) -> Image.Image:
    gains, gamma, saturation = _MOODS[name]
    result = np.empty((picture.height, picture.width, 3), np.uint8)
    for top in range(0, picture.height, 256):
        pixels = np.asarray(picture.crop((0, top, picture.width, min(top + 256, picture.height))), np.float32) / 255
        pixels = pixels**gamma * rgb(gains)
        grey = pixels.mean(-1, keepdims=True)
        result[top : top + 256] = np.clip((grey + (pixels - grey) * saturation) * 255 + 0.5, 0, 255)
    return Image.fromarray(result)


def _sky(picture: Image.Image, clause: Clause) -> tuple[Image.Image, str]:
    tone = Tone()
    for hit in clause.hits:
        if hit.kind in ("colour", "adjustment", "more of"):
            tone = retoned(tone, hit, clause.verb, natural=False)
    if tone == Tone():
        return picture, ""
    if tone.colour == "blue" and tone.saturation == 1:
        tone = Tone("blue", 1.2, tone.value)
    mask = sky_mask(picture)
    if mask.mean() < 0.03:
        raise refusal("No sky was found in this picture.")
    hue = vocabulary.COLOURS[tone.colour][0] if tone.colour else None
    result = np.array(picture)
    for top in range(0, picture.height, 256):
        pixels = result[top : top + 256].astype(np.float32) / 255
        share = mask[top : top + 256, :, None]
        changed = toned(pixels, tone, hue)
        result[top : top + 256] = np.where(
            share > 0, (pixels + (changed - pixels) * share) * 255 + 0.5, result[top : top + 256]
        )
    return Image.fromarray(result), "sky"


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
