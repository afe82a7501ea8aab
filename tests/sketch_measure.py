"""Measures for the sketch engine's word lists: what a picture shows, and what an edit changed, told from its pixels.

A list entry says what must be seen; each measure here gives the sentences that say what is not. Where a part is comes
from the engine's own masks (``text:sky``), everything else from the pixels and from `Picture.params`.
"""

from __future__ import annotations

import io
import json
from functools import cached_property

import numpy as np
from PIL import Image

from imgmagic.engines.sketch import SketchEngine
from imgmagic.errors import SketchError

#: Hue in degrees and how far from it the colour still has its name.
HUES = {
    "red": (0, 25),
    "orange": (28, 20),
    "yellow": (52, 20),
    "green": (110, 45),
    "turquoise": (175, 25),
    "blue": (215, 35),
    "purple": (278, 30),
    "pink": (335, 32),
}
_SKY_THINGS = {"sun", "moon", "star", "cloud", "rainbow", "bird", "balloon"}
_SHINING = {"sun", "moon", "star"}
#: What there is one of when no number was said; of other things as many as look right.
_SINGLE = {"sailboat", "lighthouse", "house", "balloon", "person", "bridge"}
_LUMA = (0.299, 0.587, 0.114)
_LEVEL = 3.0  # of 255: a change of the mean that the eye notices
_SHARE = 0.02  # of 1: the same for saturation
_LIGHTER = {"night": -1, "day": 1}


def name(word: str) -> str:
    """Make one name of singular and plural."""
    return word.rstrip("s")


class Shot:
    """A picture with its pixels, its words and its masks, each found once."""

    def __init__(self, data: bytes, drawn, not_drawn):
        self.data, self.not_drawn = data, list(not_drawn)
        self.drawn = {name(word) for word in drawn}
        self._masks: dict[str, np.ndarray] = {}

    @classmethod
    def of(cls, picture) -> Shot:
        return cls(picture.bytes, picture.params["drawn"], picture.params["not_drawn"])

    @cached_property
    def image(self) -> Image.Image:
        image = Image.open(io.BytesIO(self.data))
        image.load()
        return image

    @cached_property
    def rgb(self) -> np.ndarray:
        return np.asarray(self.image.convert("RGB"), np.float32)

    @cached_property
    def hsv(self) -> np.ndarray:
        return np.asarray(self.image.convert("RGB").convert("HSV"), np.float32) / 255

    def cover(self, part: str) -> np.ndarray:
        """How much of each pixel belongs to a part, 0 to 1; nothing if the engine does not find it."""
        if part not in self._masks:
            try:
                mask = Image.open(io.BytesIO(SketchEngine().region(self.data, part)))
                self._masks[part] = 1 - np.asarray(mask.convert("RGBA"), np.float32)[..., 3] / 255
            except SketchError:
                self._masks[part] = np.zeros(self.rgb.shape[:2], np.float32)
        return self._masks[part]

    def counts(self) -> dict[str, int]:
        """How many of each thing the scene inside the picture asks for."""
        scene = json.loads(self.image.text["imgmagic:scene"])
        found: dict[str, int] = {}
        for each in scene["things"]:
            kind = name(each["kind"])
            found[kind] = found.get(kind, 0) + (each["count"] or int(kind in _SINGLE))
        return found


def luma(rgb: np.ndarray) -> np.ndarray:
    return rgb @ np.asarray(_LUMA, np.float32)


def centre(weight: np.ndarray) -> tuple[float, float]:
    """Where a cover or a difference lies: x and y as shares of the picture."""
    height, width = weight.shape
    total = float(weight.sum()) or 1.0
    x = float((weight.sum(0) * (np.arange(width) + 0.5)).sum()) / total / width
    return x, float((weight.sum(1) * (np.arange(height) + 0.5)).sum()) / total / height


def wider(mask: np.ndarray, pixels: int = 3) -> np.ndarray:
    """Let a mask grow by its soft edge."""
    padded = np.pad(mask, pixels)
    span = range(2 * pixels + 1)
    return np.any([padded[y : y + mask.shape[0], x : x + mask.shape[1]] for y in span for x in span], axis=0)


def outside_changed(before: Shot, after: Shot, allowed: np.ndarray) -> str:
    """Say how much changed where nothing may.

    A mask ends where a part makes less than 4 levels of difference, and so do its last pixels: beyond the mask and its
    soft edge no pixel may differ by more than that, and 99 % of the picture's must be the same bit for bit.
    """
    if before.rgb.shape != after.rgb.shape:
        return "another size"
    beyond = difference(before, after) * ~wider(allowed)
    if beyond.max() <= 4 and (beyond > 0).mean() < 0.01:
        return ""
    return f"{(beyond > 0).mean():.2%} of the picture changed elsewhere, by up to {beyond.max():.0f} levels"


def difference(before: Shot, after: Shot) -> np.ndarray:
    return np.abs(before.rgb - after.rgb).max(-1)


def reach_of(words: list[str], *shots: Shot) -> np.ndarray:
    """Give where things are in any of the pictures; what is in the sky is mirrored by the water too."""
    parts = [*words, "water"] if {name(word) for word in words} & _SKY_THINGS else words
    covers = [shot.cover(part) for shot in shots for part in parts]
    return np.max(covers, axis=0) > 0


# Prompts


def prompt_problems(shot: Shot, entry: dict) -> dict[str, list[str]]:
    """Say what is not as an entry of the prompts says, by kind: undrawn, unwanted, unsaid, noise, detail."""
    drawable, absent = entry["drawn"], entry.get("absent", [])
    said = " ".join(shot.not_drawn).casefold()
    known = [word.casefold() for word in (*entry["not_drawn"], *entry.get("may_be_left_out", []))]
    noise = [word for word in shot.not_drawn if not any(each in word.casefold() for each in known)]
    return {
        "undrawn": [word for word in drawable if name(word) not in shot.drawn],
        "unwanted": [f"{word} is drawn" for word in absent if name(word) in shot.drawn],
        "unsaid": [f"{word} is not said to be left out" for word in entry["not_drawn"] if word.casefold() not in said],
        "noise": [f"said to be left out: {', '.join(noise)}"] if noise else [],
        "detail": [] if shot.drawn == set() else detail_problems(shot, entry),
    }


def detail_problems(shot: Shot, entry: dict) -> list[str]:
    """Say which number, side or colour of a thing is not the asked one."""
    counts = shot.counts() if "count" in entry else {}
    return [
        *(f"{n} {kind} asked" for kind, n in entry.get("count", {}).items() if counts.get(name(kind)) != n),
        *(f"{kind} not {side}" for kind, side in entry.get("side", {}).items() if not on_side(shot.cover(kind), side)),
        *(f"{kind} not {hue}" for kind, hue in entry.get("colour", {}).items() if coloured(shot, kind, hue) < 0.12),
    ]


def on_side(weight: np.ndarray, side: str) -> bool:
    x = centre(weight)[0]
    return bool(weight.any()) and (x < 0.48 if side == "left" else x > 0.52)


def coloured(shot: Shot, part: str, colour: str) -> float:
    """Give the share of a part's pixels that have a colour."""
    inside = shot.cover(part) > 0.5
    if not inside.any():
        return 0.0
    hue, saturation, value = (shot.hsv[..., channel][inside] for channel in range(3))
    if colour == "white":
        return float(((saturation < 0.25) & (value > 0.6)).mean())
    middle, reach = HUES[colour]
    return float(((turn(hue * 360, middle) <= reach) & (saturation > 0.25)).mean())


def turn(hue: np.ndarray | float, middle: float) -> np.ndarray | float:
    """Give the angle between hues, in degrees."""
    return np.abs((hue - middle + 180) % 360 - 180)


# Instructions


def edit_problems(before: Shot, after: Shot, expect: dict | list) -> list[str]:
    """Say what an edit did not do, or did besides; nothing if it did exactly what is expected."""
    wishes = expect if isinstance(expect, list) else [expect]
    alone = len([wish for wish in wishes if "absent" not in wish]) == 1
    return [problem for wish in wishes for problem in _wish_problems(before, after, wish, alone=alone) if problem]


def _wish_problems(before: Shot, after: Shot, wish: dict, *, alone: bool) -> list[str]:
    measures = {
        "region": _region,
        "adds": _adds,
        "removes": _removes,
        "moves": _moves,
        "grows": _resized,
        "shrinks": _resized,
        "time": _time,
        "weather": _weather,
        "style": _style,
        "geometry": _geometry,
        "absent": _absent,
    }
    key = next(each for each in measures if each in wish)
    return measures[key](before, after, wish, alone=alone)


def _absent(before: Shot, after: Shot, wish: dict, **_how: bool) -> list[str]:
    return [f"{word} came in" for word in wish["absent"] if name(word) in after.drawn - before.drawn]


def _region(before: Shot, after: Shot, wish: dict, *, alone: bool) -> list[str]:
    part = wish["region"]
    inside = np.ones(before.rgb.shape[:2], bool) if part == "whole" else before.cover(part) > 0.5
    if not inside.any():
        return [f"no {part} in the picture"]
    if before.rgb.shape != after.rgb.shape:
        return ["another size"]
    saturation = [float(shot.hsv[..., 1][inside].mean()) for shot in (before, after)]
    problems = [
        "" if difference(before, after)[inside].mean() >= 1 else f"{part} is unchanged",
        _moved("saturation", wish, *saturation, _SHARE),
        _moved("lightness", wish, *(float(luma(shot.rgb)[inside].mean()) for shot in (before, after)), _LEVEL),
        _moved("warmth", wish, *(warmth(shot, inside) for shot in (before, after)), _LEVEL),
        _moved("contrast", wish, *(contrast(shot, inside, part) for shot in (before, after)), 0.05),
        _hued(before, after, wish, inside),
    ]
    if alone and wish.get("elsewhere") == "same":
        problems.append(outside_changed(before, after, _allowed(before, part)))
    return problems


def _allowed(before: Shot, part: str) -> np.ndarray:
    """Give where an edit of a part may change pixels: the part, and the water, since it mirrors everything."""
    allowed = before.cover(part) > 0
    return allowed | (before.cover("water") > 0) if part in ("sky", "ground") else allowed


def _moved(measure: str, wish: dict, was: float, now: float, least: float) -> str:
    if measure not in wish:
        return ""
    step = (now - was) * (1 if wish[measure] == "up" else -1)
    return "" if step >= least else f"{measure} of {wish['region']} {was:.3g} to {now:.3g}, {wish[measure]} wanted"


def warmth(shot: Shot, inside: np.ndarray) -> float:
    return float((shot.rgb[..., 0] - shot.rgb[..., 2])[inside].mean())


def contrast(shot: Shot, inside: np.ndarray, part: str) -> float:
    """Give the spread of the whole picture, or of a part the steps from pixel to pixel (waves), on a scale of logs."""
    grey = luma(shot.rgb)
    if part == "whole":
        return float(np.log(grey.std() + 1e-3))
    steps = np.abs(np.diff(grey, axis=0))[(inside[1:] & inside[:-1])]
    return float(np.log(steps.mean() + 1e-3))


def mean_hue(shot: Shot, inside: np.ndarray) -> float:
    """Give the mean hue in degrees, each pixel counting as much as it is coloured."""
    hue, saturation, value = (shot.hsv[..., channel][inside] for channel in range(3))
    weight, angle = saturation * value, hue * 2 * np.pi
    return float(np.degrees(np.arctan2((weight * np.sin(angle)).sum(), (weight * np.cos(angle)).sum())) % 360)


def _hued(before: Shot, after: Shot, wish: dict, inside: np.ndarray) -> str:
    colour, part = wish.get("hue"), wish["region"]
    if colour is None:
        return ""
    if part not in ("sky", "ground", "water", "whole"):
        share = [coloured_within(shot, inside, colour) for shot in (before, after)]
        return "" if share[1] >= max(0.12, share[0] + 0.05) else f"{part} {share[1]:.0%} {colour}"
    middle, reach = HUES[colour]
    was, now = (mean_hue(shot, inside) for shot in (before, after))
    # What has that colour already comes nearer to it, unless more or less of it was asked for.
    nearer = turn(now, middle) <= turn(was, middle) + 2 or {"saturation", "lightness"} & set(wish)
    return "" if turn(now, middle) <= reach and nearer else f"hue of {part} {was:.0f} to {now:.0f}, {colour} wanted"


def coloured_within(shot: Shot, inside: np.ndarray, colour: str) -> float:
    middle, reach = HUES[colour]
    near = (turn(shot.hsv[..., 0] * 360, middle) <= reach) & (shot.hsv[..., 1] > 0.25)
    return float(near[inside].mean())


def _adds(before: Shot, after: Shot, wish: dict, *, alone: bool) -> list[str]:
    problems = [f"{word} not drawn" for word in wish["adds"] if name(word) not in after.drawn]
    problems += detail_problems(after, wish)
    if problems or not alone:
        return problems
    if before.rgb.shape != after.rgb.shape:
        return ["another size"]
    changed = difference(before, after) > 8
    if changed.mean() < 0.0003:
        return ["nothing to be seen of it"]
    x, y = centre(changed.astype(np.float32))
    heavenly = all(name(word) in _SKY_THINGS for word in wish["adds"])
    if not (y < 0.7 if heavenly else y > 0.3):
        problems.append(f"it is drawn at {x:.2f}, {y:.2f}")
    return [*problems, _elsewhere(before, after, wish["adds"])]


def _elsewhere(before: Shot, after: Shot, words: list[str]) -> str:
    """Say what changed besides some things; what shines lights the whole picture, so nothing is said of it."""
    shines = {name(word) for word in words} & _SHINING
    return "" if shines else outside_changed(before, after, reach_of(words, before, after))


def _removes(before: Shot, after: Shot, wish: dict, *, alone: bool) -> list[str]:
    problems = [f"{word} still drawn" for word in wish["removes"] if name(word) in after.drawn]
    if alone and not problems:
        problems.append("" if (difference(before, after) > 8).any() else "nothing changed")
        problems.append(_elsewhere(before, after, wish["removes"]))
    return problems


def _moves(before: Shot, after: Shot, wish: dict, *, alone: bool) -> list[str]:
    ((word, side),) = wish["moves"].items()
    was, now = before.cover(word), after.cover(word)
    if not (was.any() and now.any()):
        return [f"{word} is not there"]
    step = (centre(now)[0] - centre(was)[0]) * (1 if side == "right" else -1)
    problems = [] if step > 0.04 else [f"{word} moved {step:+.2f} to the {side}"]
    return [*problems, _elsewhere(before, after, [word]) if alone else ""]


def _resized(before: Shot, after: Shot, wish: dict, *, alone: bool) -> list[str]:
    word = wish.get("grows") or wish["shrinks"]
    was, now = before.cover(word), after.cover(word)
    if not (was.any() and now.any()):
        return [f"{word} is not there"]
    ratio = float(now.sum() / was.sum())
    problems = [] if (ratio > 1.15 if "grows" in wish else ratio < 0.87) else [f"{word} {ratio:.2f} times as large"]
    return [*problems, _elsewhere(before, after, [word]) if alone else ""]


def _time(before: Shot, after: Shot, wish: dict, *, alone: bool) -> list[str]:
    asked = wish["time"]
    problems = [] if asked in after.drawn else [f"{asked} not drawn"]
    if before.rgb.shape != after.rgb.shape or not alone:
        return problems
    if float(np.abs(before.rgb - after.rgb).mean()) < 4:
        problems.append("hardly anything changed")
    step = float(after.rgb.mean() - before.rgb.mean())
    if step * _LIGHTER.get(asked, 0) < 0:
        problems.append(f"lightness {step:+.0f} at {asked}")
    everywhere = np.ones(before.rgb.shape[:2], bool)
    if asked in ("sunset", "golden hour") and warmth(after, everywhere) < warmth(before, everywhere) + _LEVEL:
        problems.append("no warmer light")
    return problems


def _weather(before: Shot, after: Shot, wish: dict, *, alone: bool) -> list[str]:
    asked = wish["weather"]
    problems = [] if asked in after.drawn else [f"{asked} not drawn"]
    if before.rgb.shape != after.rgb.shape or not alone:
        return problems
    if float(np.abs(before.rgb - after.rgb).mean()) < 2:
        problems.append("hardly anything changed")
    colour = [float(shot.hsv[..., 1].mean()) for shot in (before, after)]
    if asked == "fog" and colour[1] > colour[0]:
        problems.append("fog without haze")
    return problems


def _style(before: Shot, after: Shot, wish: dict, *, alone: bool) -> list[str]:
    asked = wish["style"]
    problems = [] if name(asked) in after.drawn else [f"{asked} not drawn"]
    if before.rgb.shape == after.rgb.shape and alone and float(np.abs(before.rgb - after.rgb).mean()) < 1:
        problems.append("hardly anything changed")
    if asked == "black and white" and float(after.hsv[..., 1].mean()) > 0.01:
        problems.append("still coloured")
    if asked == "pixel art":
        equal = (np.diff(after.rgb, axis=1) == 0).all(-1).mean()
        problems.append("" if equal > 0.5 else "no large pixels")
    return problems


# Plain operations on the image


def _geometry(before: Shot, after: Shot, wish: dict, **_how: bool) -> list[str]:
    kind = wish["geometry"]
    if kind == "rotate":
        wanted = [np.rot90(before.rgb, -wish["degrees"] // 90)]
    elif kind == "mirror":
        wanted = [before.rgb[:, ::-1]]
    elif kind == "crop":
        wanted = [before.rgb[:, : before.rgb.shape[1] // 2]]
    else:
        wanted = [_middle(before.rgb, factor) for factor in (1.2, 1.25, 1.33, 1.5, 1.67, 1.75, 2.0)]
    best = max(alike(_resize(each, after.rgb.shape), after.rgb) for each in wanted)
    unchanged = alike(_resize(before.rgb, after.rgb.shape), after.rgb)
    return (
        [] if best > 0.95 and best > unchanged else [f"{kind}: likeness {best:.2f}, to the unchanged {unchanged:.2f}"]
    )


def _middle(rgb: np.ndarray, factor: float) -> np.ndarray:
    height, width = (round(side / factor / 2) for side in rgb.shape[:2])
    y, x = rgb.shape[0] // 2, rgb.shape[1] // 2
    return rgb[y - height : y + height, x - width : x + width]


def _resize(rgb: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    image = Image.fromarray(np.ascontiguousarray(rgb).astype(np.uint8))
    return np.asarray(image.resize((shape[1], shape[0]), Image.Resampling.BICUBIC), np.float32)


def alike(one: np.ndarray, other: np.ndarray) -> float:
    """Give the correlation of two pictures of one size."""
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])
