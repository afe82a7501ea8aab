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
from imgmagic.engines.sketch.view import DARK, View, mix, rgb

if TYPE_CHECKING:
    from imgmagic.engines.sketch.noise import Floats
    from imgmagic.engines.sketch.pen import RGB

_STONE = ("9e9994", "858f9e", "b3a38f", "73808f", "948073", "5c6e85")
#: Rows of towers: how many across one unit, how tall, how far.
_ROWS = ((34, 0.36, 60.0), (32, 0.33, 30.0), (34, 0.17, 12.0))


def paint(view: View) -> None:
    """Draw the skyline along the horizon."""
    random = view.rng("city")
    wide = view.reach
    if view.scene.time != "day":
        _glow(view)
    centre, broad = random.uniform(-0.22, 0.22) * wide, random.uniform(0.20, 0.30) * wide
    for number, tall, depth in _ROWS:
        view.pause()
        for _ in range(max(6, round(number * wide))):
            x = random.uniform(-0.56, 0.56) * wide
            # Towers gather in the middle; the edges of the town are low.
            crowd = 0.22 + 0.78 * float(np.exp(-(((x - centre) / broad) ** 2)))
            high = tall * crowd * random.uniform(0.35, 1.0) ** 1.15 + 0.018
            _tower(view, random, (x, random.uniform(0.024, 0.052) * (1.25 if depth < 20 else 1), high), depth)


def _glow(view: View) -> None:
    strength = np.float32(0.42 if view.scene.time == "night" else 0.15)
    glow = np.exp(view.up(0, view.first) * -5.5) * strength
    sky = view.canvas[: view.first]
    sky += glow[:, None, None] * (rgb((0.50, 0.36, 0.26)) - sky * 0.5)


def _tower(view: View, random: np.random.Generator, box: tuple[float, float, float], depth: float) -> None:
    x, broad, high = box
    wide, tall = max(4, round(broad * view.unit)), max(4, round(high * view.unit))
    stone = rgb(_STONE[random.integers(len(_STONE))]) * np.float32(random.uniform(0.8, 1.1))
    style, split = int(random.integers(4)), float(random.uniform(0.25, 0.75))
    left, base = round(x * view.unit + view.width / 2 - wide / 2), view.first
    _block(view, random, stone, (wide, tall, split), (base - tall, left), depth)
    if style in (1, 2) and high > 0.1:
        step = max(2, tall // int(random.integers(6, 10)))
        place = (base - tall - step + 1, left + round(wide * 0.19))
        _block(view, random, stone, (max(3, round(wide * 0.62)), step, split), place, depth)
        tall += step - 1
    if style in (2, 3) and high > 0.13:
        mast = np.linspace(0.35, 0.9, max(1, round(high * view.unit * 0.16)), dtype=np.float32)[:, None]
        mast = mast.repeat(max(1, round(view.unit / 700)), 1)
        colour = np.broadcast_to(view.light.veil(view.light.ambient * 0.5, depth), (*mast.shape, 3))
        view.over(colour, mast, base - tall - len(mast), left + wide // 2)


def _block(
    view: View,
    random: np.random.Generator,
    stone: Floats,
    shape: tuple[int, int, float],
    place: tuple[int, int],
    depth: float,
) -> None:
    wide, tall, split = shape
    light = view.light
    corner = max(1, round(wide * split))
    face = np.where(np.arange(wide) < corner, -light.side, light.side)
    lit = light.ambient * 0.80 + light.key * np.where(face > 0, 0.62, 0.10)[:, None]
    fade = 1.06 - 0.20 * np.linspace(0, 1, tall, dtype=np.float32)
    wall = _windowed(view, random, np.asarray((stone * lit)[None] * fade[:, None, None], np.float32), corner)
    veiled = light.veil(wall, depth)
    if view.scene.time in DARK:
        # Lights carry through the haze better than walls do.
        veiled = np.maximum(veiled, wall * 0.85)
    view.over(veiled, np.ones((tall, wide), np.float32), *place)


def _pane(at: Floats, pitch: float, share: float) -> Floats:
    """Windows with soft edges: a pane covers what part of the pixel it covers."""
    return np.asarray(np.clip((share - np.abs(at / pitch % 1 - 0.5) * 2) * pitch * 0.5 + 0.5, 0, 1), np.float32)


def _windowed(view: View, random: np.random.Generator, wall: Floats, corner: int) -> Floats:
    tall, wide = wall.shape[:2]
    pitch = max(3.6, view.unit * 0.0060)
    floor = max(4.4, view.unit * 0.0078) * float(random.uniform(0.9, 1.25))
    x, y = np.arange(wide) + 0.5 - corner, np.arange(tall) + 0.5
    across = np.ones(wide, np.float32) if random.random() < 0.3 else _pane(x, pitch, 0.62)
    pane = _pane(y, floor, 0.55)[:, None] * across
    columns, rows = np.floor(x / pitch).astype(int), np.floor(y / floor).astype(int)
    columns -= columns.min()
    lamps = {"night": 0.42, "dusk": 0.30, "sunset": 0.14, "dawn": 0.06}.get(view.scene.time, 0.0)
    state = random.random((rows.max() + 1, columns.max() + 1))
    tone = random.random(state.shape)[rows[:, None], columns]
    on = (state < lamps * random.uniform(0.6, 1.5))[rows[:, None], columns]
    lamp = mix(rgb((1.0, 0.80, 0.46)), rgb((1.0, 0.95, 0.84)), tone) * (0.80 + 0.25 * tone)[..., None]
    glass = view.light.middle * 0.45 + view.light.horizon * 0.16 + wall * 0.15
    return mix(wall, np.where(on[..., None], lamp, glass), pane * np.where(on, 1.0, 0.72))


_WALLS: tuple[RGB, ...] = (
    (0.93, 0.89, 0.82), (0.86, 0.52, 0.40), (0.94, 0.78, 0.48), (0.55, 0.68, 0.74), (0.80, 0.40, 0.36),
    (0.72, 0.78, 0.62), (0.96, 0.94, 0.90),
)  # fmt: skip
_ROOFS: tuple[RGB, ...] = ((0.52, 0.24, 0.18), (0.42, 0.22, 0.18), (0.34, 0.35, 0.40))


def town(view: View) -> None:
    """Draw the houses around a harbour: a row on the waterline, others up the slope behind it."""
    random = view.rng("town")
    dark = view.scene.time in DARK
    centre = float(random.uniform(-0.2, 0.2)) * view.reach
    placed: list[Standing] = []
    for row, depth in enumerate((26.0, 22.0, 18.0)):
        for number in range(round(17 * view.reach)):
            across = (number / round(17 * view.reach) - 0.5 + float(random.uniform(-0.02, 0.02))) * 1.1 * view.reach
            # The town climbs the hill in its middle and thins out at its ends.
            climb = (2 - row) * 0.9 * float(np.exp(-(((across - centre) / (0.3 * view.reach)) ** 2)))
            wall, roof = (each[int(random.integers(len(each)))] for each in (_WALLS, _ROOFS))
            tall = float(random.uniform(0.75, 1.25)) * depth / 18

            make = partial(
                small.draw,
                "house",
                random,
                colour="",
                dark=dark,
                snowy=view.snowy,
                main=wall,
                roof=roof,
            )
            lamps = partial(make, lamps=True) if dark else None
            placed.append(Standing(depth, across, tall, make, shady=False, lift=1 + climb, lamps=lamps))
    for each in placed:
        stand(view, each)
