"""What people built along the water: rows of towers with lit windows after dark, or the gabled houses of a harbour.

Each tower is a small array: two faces (one towards the light), a grid of windows, a roof. All of it stands on the
waterline and is painted before the water, so that the water mirrors it with its lights.
"""

# ruff: noqa: PLR2004 - the numbers are the drawing; names for them would only move them away

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from imgmagic.engines.sketch import small
from imgmagic.engines.sketch.standing import Standing, stand
from imgmagic.engines.sketch.view import DARK, View, mix, palette, rgb

if TYPE_CHECKING:
    from imgmagic.engines.sketch.noise import Floats

_STONE = ("9e9994", "858f9e", "b3a38f", "73808f", "948073", "5c6e85")
#: What stands on a tower, a mast or a smaller block: how broad and how high, of its own breadth and height.
_TOPS = ((), ((0.62, 1.13),), ((0.05, 1.30), (0.62, 1.13)), ((0.05, 1.16),))
#: How many windows are lit.
_LAMPS = {"night": 0.42, "dusk": 0.30, "sunset": 0.14, "dawn": 0.06}
#: Rows of towers: how many across one unit, how tall, how far.
_ROWS = ((34, 0.36, 60.0), (32, 0.33, 30.0), (34, 0.17, 12.0))


def paint(view: View) -> None:
    """Draw the skyline along the horizon."""
    random = view.rng("city")
    wide = view.reach
    if view.scene.time != "day":
        view.wash(0, view.first, partial(_glow, 0.42 if view.scene.time == "night" else 0.15))
    centre, broad = random.uniform(-0.22, 0.22) * wide, random.uniform(0.20, 0.30) * wide
    for number, tall, depth in _ROWS:
        view.pause()
        for _ in range(max(6, round(number * wide))):
            x = random.uniform(-0.56, 0.56) * wide
            # Towers gather in the middle; the edges of the town are low.
            crowd = 0.22 + 0.78 * np.exp(-(((x - centre) / broad) ** 2))
            high = tall * crowd * random.uniform(0.35, 1.0) ** 1.15 + 0.018
            _tower(view, random, (x, random.uniform(0.024, 0.052) * (1.25 if depth < 20 else 1), high), depth)
    _wall(view, 0.008, 20)


def _wall(view: View, high: float, depth: float) -> None:
    """Draw the wall along the water on which a town stands."""
    rows = max(1, round(high * view.unit))
    stone = rgb("8c857a") * (view.light.ambient * 0.7 + view.light.key * 0.4)
    stone = np.broadcast_to(view.light.veil(stone, depth), (rows, view.width, 3))
    view.over(stone, np.ones((rows, view.width)), view.first - rows, 0)


def _glow(strength: float, sky: Floats, _x: Floats, y: Floats) -> Floats:
    """Light the air above the town."""
    return mix(sky, sky * 0.5 + rgb("805c42"), np.exp(y * -5.5) * strength)


def _tower(view: View, random: np.random.Generator, box: tuple[float, float, float], depth: float) -> None:
    """Draw a tower, from its mast down: each part stands behind the broader ones."""
    x, broad, high = box
    stone = rgb(_STONE[random.integers(len(_STONE))]) * random.uniform(0.8, 1.1)
    tops = _TOPS[random.integers(len(_TOPS))] if high > 0.12 else ()
    for wide, tall in (*tops, (1.0, 1.0)):
        _block(view, random, stone, (x, broad * wide, high * tall), depth)


def _block(
    view: View, random: np.random.Generator, stone: Floats, box: tuple[float, float, float], depth: float
) -> None:
    x, *size = box
    light = view.light
    wide, tall = (max(1, round(each * view.unit)) for each in size)
    corner = round(wide * random.uniform(0.25, 0.75))
    lit = (np.arange(wide) < corner) == (light.side < 0)
    face: Floats = stone * (light.ambient * 0.80 + light.key * np.where(lit, 0.62, 0.10)[:, None])
    wall: Floats = face * np.linspace(1.06, 0.86, tall)[:, None, None]
    if wide > 3:
        wall = _windowed(view, random, wall, corner)
    veiled = light.veil(wall, depth)
    if view.scene.time in DARK:
        # Lights carry through the haze better than walls do.
        veiled = np.maximum(veiled, wall * 0.85)
    view.over(veiled, np.ones((tall, wide)), view.first - tall, round(x * view.unit + (view.width - wide) / 2))


def _pane(at: Floats, pitch: float, share: float) -> Floats:
    """Windows with soft edges: a pane covers what part of the pixel it covers."""
    return np.asarray(np.clip((share - np.abs(at / pitch % 1 - 0.5) * 2) * pitch * 0.5 + 0.5, 0, 1))


def _windowed(view: View, random: np.random.Generator, wall: Floats, corner: int) -> Floats:
    tall, wide = wall.shape[:2]
    pitch = max(3.6, view.unit * 0.0060)
    floor = max(4.4, view.unit * 0.0078) * random.uniform(0.9, 1.25)
    x, y = np.arange(wide) + 0.5 - corner, np.arange(tall)[:, None] + 0.5
    # Some have bands of glass in place of windows.
    pane = _pane(y, floor, 0.55) * (random.random() < 0.3 or _pane(x, pitch, 0.62))
    rooms = np.s_[(y / floor).astype(int), np.floor(x / pitch).astype(int)]
    state, tone = random.random((2, tall, wide + 1))
    lamps = _LAMPS.get(view.scene.time, 0.0) * random.uniform(0.6, 1.5)
    lamp = mix(rgb("cca35e"), rgb("fffadb"), tone[rooms])
    glass = view.light.middle * 0.45 + view.light.horizon * 0.16 + wall * 0.15
    on = state[rooms] < lamps
    return mix(wall, np.where(on[..., None], lamp, glass), pane * np.where(on, 1.0, 0.72))


_WALLS, _ROOFS = (
    [tuple(each.tolist()) for each in palette(colours)]
    for colours in ("ede3d1 db8566 f0c77a 8cadbd cc665c b8c79e f5f0e6", "853d2e 6b382e 575966")
)


def town(view: View) -> None:
    """Draw the houses around a harbour: a row on the waterline, others up the slope behind it."""
    random = view.rng("town")
    centre = random.uniform(-0.2, 0.2)
    count = round(17 * view.reach)
    dark = view.scene.time in DARK
    for row, depth in enumerate((26.0, 22.0, 18.0)):
        for number in range(count):
            across = (number / count - 0.5 + random.uniform(-0.02, 0.02)) * 1.1
            # The town climbs the hill in its middle and thins out at its ends.
            climb = (2 - row) * 0.9 * np.exp(-(((across - centre) / 0.3) ** 2))
            wall, roof = (each[random.integers(len(each))] for each in (_WALLS, _ROOFS))
            tall = random.uniform(0.75, 1.25) * depth / 18
            make = partial(small.draw, "house", random, colour="", dark=dark, snowy=view.snowy, main=wall, roof=roof)
            lamps = partial(make, lamps=True) if dark else None
            foot = 1.2 + climb
            stand(view, Standing(depth, across * view.reach, tall, make, shady=False, lift=foot, lamps=lamps))
    _wall(view, 0.2 / 18, 18)
