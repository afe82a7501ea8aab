"""A skyline: rows of towers, the far ones paler, with lit windows after dark.

Each tower is a small array: two faces (one towards the light), a grid of windows, a roof. It stands on the waterline
and is painted before the water, so that the water mirrors it with its lights.
"""

# ruff: noqa: PLR2004 - the numbers are the drawing; names for them would only move them away

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imgmagic.engines.sketch.view import View, rgb

if TYPE_CHECKING:
    from imgmagic.engines.sketch.noise import Floats

_STONE = (
    (0.62, 0.60, 0.58),
    (0.52, 0.56, 0.62),
    (0.70, 0.64, 0.56),
    (0.45, 0.50, 0.58),
    (0.58, 0.50, 0.45),
    (0.36, 0.43, 0.52),
)


def paint(view: View) -> None:
    """Draw the skyline along the horizon."""
    random = view.rng("city")
    wide = view.width / view.unit
    if view.scene.time in ("night", "dusk", "sunset", "dawn"):
        _glow(view)
    centre = random.uniform(-0.18, 0.18) * wide
    for layer, (number, tall, depth) in enumerate(((34, 0.36, 60.0), (32, 0.33, 30.0), (34, 0.17, 12.0))):
        for _ in range(max(6, round(number * wide))):
            x = random.uniform(-0.56, 0.56) * wide
            # Towers gather in the middle; the edges of the town are low.
            crowd = 0.22 + 0.78 * float(np.exp(-(((x - centre) / (0.26 * wide)) ** 2)))
            high = tall * crowd * random.uniform(0.35, 1.0) ** 1.15 + 0.018
            broad = random.uniform(0.024, 0.052) * (1.25 if layer == 2 else 1)
            _tower(view, random, (x, broad, high), depth)


def _glow(view: View) -> None:
    rows = view.first
    up = (view.horizon - np.arange(rows, dtype=np.float32)) / np.float32(view.unit)
    strength = 0.42 if view.scene.time == "night" else 0.15
    glow = np.exp(up * -5.5) * np.float32(strength)
    sky = view.canvas[:rows]
    sky += glow[:, None, None] * (rgb((0.50, 0.36, 0.26)) - sky * 0.5)


def _tower(view: View, random: np.random.Generator, box: tuple[float, float, float], depth: float) -> None:
    x, broad, high = box
    wide, tall = max(4, round(broad * view.unit)), max(4, round(high * view.unit))
    stone = rgb(_STONE[random.integers(len(_STONE))]) * np.float32(random.uniform(0.8, 1.1))
    style = int(random.integers(4))
    split = float(random.uniform(0.25, 0.75))
    pixels, cover = _block(view, random, stone, (wide, tall, split))
    left = round(x * view.unit + view.width / 2 - wide / 2)
    base = view.first
    veiled = view.light.veil(pixels, np.float32(depth).reshape(1, 1))
    if view.scene.time in ("night", "dusk"):
        # Lights carry through the haze better than walls do.
        veiled = np.maximum(veiled, pixels * 0.85)
    view.over(veiled, cover, base - tall, left)
    if style in (1, 2) and high > 0.1:
        step = max(2, tall // int(random.integers(6, 10)))
        top, upper = _block(view, random, stone, (max(3, round(wide * 0.62)), step, split))
        view.over(
            view.light.veil(top, np.float32(depth).reshape(1, 1)),
            upper,
            base - tall - step + 1,
            left + round(wide * 0.19),
        )
        tall += step - 1
    if style in (2, 3) and high > 0.13:
        _mast(view, (left + wide // 2, base - tall), round(high * view.unit * 0.16), depth)


def _block(
    view: View, random: np.random.Generator, stone: Floats, shape: tuple[int, int, float]
) -> tuple[Floats, Floats]:
    wide, tall, split = shape
    light = view.light
    corner = max(1, round(wide * split))
    toward = np.sign(light.direction[0])
    face = np.where(np.arange(wide) < corner, -toward, toward)
    lit = light.ambient * 0.80 + light.key * np.where(face > 0, 0.62, 0.10)[:, None]
    wall = (stone * lit)[None].repeat(tall, 0)
    wall *= (1.06 - 0.20 * np.linspace(0, 1, tall, dtype=np.float32))[:, None, None]
    _windows(view, random, wall, corner)
    return np.asarray(wall, np.float32), np.ones((tall, wide), np.float32)


def _windows(view: View, random: np.random.Generator, wall: Floats, corner: int) -> None:
    tall, wide = wall.shape[:2]
    pitch = max(3.6, view.unit * 0.0060)
    floor = max(4.4, view.unit * 0.0078) * float(random.uniform(0.9, 1.25))
    band = bool(random.random() < 0.3)
    x, y = np.arange(wide) + 0.5, np.arange(tall) + 0.5
    # Windows with soft edges: a pane covers what part of the pixel it covers.
    across = (
        np.clip((0.62 - np.abs((x - corner) / pitch % 1 - 0.5) * 2) * pitch * 0.5 + 0.5, 0, 1)
        if not band
        else np.ones(wide)
    )
    down = np.clip((0.55 - np.abs(y / floor % 1 - 0.5) * 2) * floor * 0.5 + 0.5, 0, 1)
    pane = (down[:, None] * across)[..., None].astype(np.float32)
    columns, rows = np.floor((x - corner) / pitch).astype(int), np.floor(y / floor).astype(int)
    columns -= columns.min()
    dark = {"night": 0.42, "dusk": 0.30, "sunset": 0.14, "dawn": 0.06}.get(view.scene.time, 0.0)
    state = random.random((rows.max() + 1, columns.max() + 1))
    warm = random.random(state.shape)
    on = (state < dark * random.uniform(0.6, 1.5))[rows[:, None], columns]
    tone = warm[rows[:, None], columns][..., None]
    lamp = (rgb((1.0, 0.80, 0.46)) * (1 - tone) + rgb((1.0, 0.95, 0.84)) * tone) * (0.80 + 0.25 * tone)
    glass = view.light.middle * 0.45 + view.light.horizon * 0.16 + wall * 0.15
    wall += (np.where(on[..., None], lamp, glass) - wall) * pane * np.where(on[..., None], 1.0, 0.72)


def _mast(view: View, foot: tuple[int, int], tall: int, depth: float) -> None:
    wide = max(1, round(view.unit / 700))
    taper = np.linspace(0.35, 0.9, max(1, tall), dtype=np.float32)[:, None].repeat(wide, 1)
    colour = np.broadcast_to(
        view.light.veil(view.light.ambient * 0.5, np.asarray(depth, np.float32)), (*taper.shape, 3)
    )
    view.over(np.asarray(colour, np.float32), taper, foot[1] - tall, foot[0] - wide // 2)
