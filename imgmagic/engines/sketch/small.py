"""Drawings of small things: boat, lighthouse, house, bridge, boulder, person, bird, balloon; each lit from one side.

``side`` is where the light comes from (-1 left, 1 right), ``dark`` whether lamps are lit; the foot of each thing is in
the middle of the lower edge of its sheet.
"""

# ruff: noqa: ARG001, FBT001 - all are drawn from the same five arguments, whether they need them or not
# ruff: noqa: PLR2004 - the numbers are the drawing; names for them would only move them away

from __future__ import annotations

from itertools import pairwise

import numpy as np
from PIL import Image

from imgmagic.engines.sketch.noise import fractal, look
from imgmagic.engines.sketch.pen import RGB, Point, Sheet, hue, round_

Random = np.random.Generator
_LAMP, _WHITE, _IRON = (1.0, 0.86, 0.52), (0.95, 0.94, 0.91), (0.2, 0.2, 0.22)


def sailboat(random: Random, tall: float, colour: str, side: float, dark: bool) -> Image.Image:
    """Draw a sloop under sail."""
    sheet = Sheet(tall, 0.90)
    sail = hue(colour, (1.0, 0.99, 0.95))
    steps = np.linspace(0, 1, 11)
    for a, b in pairwise(steps):
        # The belly of the sail turns away from the light in strips.
        belly = (0.02 + 0.25 * a, 0.50), (0.02 + 0.25 * b, 0.50)
        strip = ((0.02, 0.97), belly[0], (0.02 + 0.37 * a, 0.20), (0.02 + 0.37 * b, 0.20), belly[1])
        sheet.polygon(sail, *strip, shade=0.90 + side * (0.12 - 0.24 * (1 - b)))
    sheet.polygon(sail, (-0.01, 0.90), (-0.20, 0.42), (-0.31, 0.21), (-0.02, 0.24), shade=0.86 - 0.06 * side)
    sheet.box((0.30, 0.24, 0.20), -0.004, 0.14, 0.008, 0.985)
    keel = [(-0.37, 0.165), (0.41, 0.17), (0.38, 0.10), (0.32, 0.03), (0.26, 0), (-0.24, 0), (-0.32, 0.06)]
    sheet.polygon((0.20, 0.26, 0.34), *keel, shade=1.05)
    sheet.polygon((0.92, 0.90, 0.86), keel[0], keel[1], (0.40, 0.14), (-0.355, 0.13))
    sheet.box((0.86, 0.82, 0.76), -0.10, 0.168, 0.16, 0.20, shade=0.8)
    return sheet.done()


def lighthouse(random: Random, tall: float, colour: str, side: float, dark: bool) -> Image.Image:
    """Draw a banded lighthouse on a rock."""
    sheet = Sheet(tall, 0.62)
    band = hue(colour, (0.74, 0.16, 0.14))
    edge = np.linspace(-1, 1, 13)
    for k in range(5):
        low, high = 0.12 + 0.136 * k, 0.12 + 0.136 * (k + 1)
        half = [0.086 - 0.034 * (each - 0.12) / 0.68 for each in (low, high)]
        for a, b in pairwise(edge):
            quad = ((a * half[0], low), (b * half[0], low), (b * half[1], high), (a * half[1], high))
            sheet.polygon(_WHITE if k % 2 else band, *quad, shade=0.76 + 0.30 * (a + b) / 2 * side)
    sheet.box(_IRON, -0.075, 0.798, 0.075, 0.815)
    sheet.box(_LAMP if dark else (0.62, 0.72, 0.78), -0.04, 0.815, 0.04, 0.90)
    for x in (-0.04, -0.014, 0.012, 0.036):
        sheet.box(_IRON, x, 0.815, x + 0.005, 0.90)
    sheet.polygon(band, (-0.055, 0.90), (0, 0.965), (0.055, 0.90), shade=0.8)
    for x in (-0.05, 0.03):
        sheet.box((0.22, 0.20, 0.20), x, 0.35 - 4 * x, x + 0.02, 0.38 - 4 * x)
    for x in np.sort(random.normal(0, 0.12, 40))[random.permutation(40)].tolist():
        y = 0.13 * max(0.0, 1 - (x / 0.30) ** 2) * float(random.random())
        r = float(random.uniform(0.015, 0.045))
        rock = (
            (x - r, max(0, y - r * 0.8)),
            (x - r * 0.4, y + r * 0.6),
            (x + r * 0.6, y + r * 0.5),
            (x + r, max(0, y - r)),
        )
        sheet.polygon((0.75, 0.70, 0.64), *rock, shade=0.34 + y + 0.6 * x * side + float(random.uniform(-0.06, 0.06)))
    return sheet.done()


_WALL, _ROOF = (0.93, 0.89, 0.82), (0.52, 0.24, 0.18)


def house(
    random: Random, tall: float, colour: str, side: float, dark: bool, wall: RGB = _WALL, roof: RGB = _ROOF
) -> Image.Image:
    """Draw a small house seen over a corner."""
    sheet = Sheet(tall, 1.5)
    wall = hue(colour, wall)
    front, flank = (0.97, 0.66) if side > 0 else (0.68, 0.94)
    glass = _LAMP if dark else (0.30, 0.38, 0.46)
    sheet.polygon(wall, (-0.59, 0.015), (0.17, 0), (0.17, 0.54), (-0.59, 0.54), shade=flank)
    sheet.polygon(wall, (0.17, 0), (0.61, 0.02), (0.61, 0.54), (0.39, 0.90), (0.17, 0.54), shade=front)
    sheet.box((0.5, 0.36, 0.30), -0.31, 0.70, -0.21, 1.0, shade=0.9 - 0.1 * side)
    ridge = ((-0.67, 0.50), (-0.45, 0.90), (0.42, 0.92), (0.18, 0.49))
    sheet.polygon(roof, *ridge, shade=0.92 - 0.12 * side)
    sheet.polygon(roof, (0.38, 0.94), (0.43, 0.92), (0.66, 0.50), (0.62, 0.50), shade=0.6)
    for y in (0.62, 0.72, 0.82):
        # Courses of tiles.
        x = (y - 0.5) * 0.55
        sheet.polygon(roof, (-0.67 + x, y), (0.18 + x, y), (0.18 + x, y + 0.008), (-0.67 + x, y + 0.008), shade=0.62)
    for x, low, wide, shade in ((-0.49, 0.24, 0.13, flank), (-0.09, 0.24, 0.13, flank), (0.31, 0.22, 0.14, front)):
        sheet.box(_WHITE, x - 0.014, low - 0.014, x + wide + 0.014, low + 0.194, shade=shade)
        sheet.box(glass, x, low, x + wide, low + 0.18)
        sheet.box(_WHITE, x + wide / 2 - 0.005, low, x + wide / 2 + 0.005, low + 0.18, shade=shade)
    sheet.box((0.36, 0.22, 0.16), -0.26, 0.01, -0.15, 0.32, shade=flank + 0.2)
    return sheet.done()


def bridge(random: Random, tall: float, ratio: float, arches: int, side: float) -> Image.Image:
    """Draw a stone bridge, ``ratio`` times as long as it is high, its deck rising towards the middle."""
    sheet = Sheet(tall, ratio)
    half = ratio / 2
    stone = (0.62, 0.58, 0.52)

    def deck(x: float) -> float:
        return 0.70 + 0.22 * (1 - (x / half) ** 2)

    xs = np.linspace(-half, half, 33).tolist()
    sheet.polygon(stone, (-half, 0), *((x, deck(x)) for x in xs), (half, 0), shade=0.92)
    for _ in range(round(130 * ratio)):
        x, wide = float(random.uniform(-half, half - 0.12)), float(random.uniform(0.05, 0.12))
        low = 0.055 * int(random.integers(0, 15))
        if low + 0.05 < deck(x) - 0.04:
            sheet.box(stone, x, low, x + wide, low + 0.045, shade=float(random.uniform(0.80, 1.04)))
    for low, high, shade in ((-0.05, 0.0, 0.60), (0.0, 0.075, 1.12)):
        edge = [(x, deck(x) + low) for x in xs] + [(x, deck(x) + high) for x in reversed(xs)]
        sheet.polygon(stone, *edge, shade=shade)
    span = ratio * 0.86 / arches
    for k in range(arches):
        middle = (k - (arches - 1) / 2) * span
        wide, high = span * 0.40, (deck(middle) - 0.14) * 0.98
        _arch(sheet, stone, middle, (wide, high), side)
    return sheet.done()


def _arch(sheet: Sheet, stone: RGB, middle: float, size: Point, side: float) -> None:
    wide, high = size
    for grow, shade in ((0.055, 1.1), (0.0, 0.34)):
        sheet.polygon(stone, *round_((middle, 0), wide + grow, high + grow, 0, np.pi), shade=shade)
    # Of the vault one sees the side away from the light's end.
    sheet.hole(*round_((middle - side * wide * 0.14, 0), wide * 0.86, high * 0.93, 0, np.pi))


def boulder(random: Random, tall: float, colour: str, side: float, dark: bool) -> Image.Image:
    """Draw a boulder: a stone within many planes, of which each point shows the nearest, weathered at its edges."""
    high = int(min(max(tall, 16), 500))
    ratio = float(random.uniform(1.25, 1.8))
    x = np.linspace(-1.1, 1.1, round(high * ratio))[None]
    y = np.linspace(1.05, 0.0, high)[:, None]
    tile = fractal(random, 1.5, 2, 128)
    grain = look(tile, (x * 0.4 + 0.5).astype(np.float32), (y * 0.4).astype(np.float32))
    facets = random.normal(0, 1, (60, 3)) * np.array([1.0, 0.9, 0.8]) + np.array([0, 0.15, 0.55])
    facets /= np.linalg.norm(facets, axis=1, keepdims=True)
    facets = facets[facets[:, 2] > 0.16][:22]
    reach = random.uniform(0.68, 0.98, len(facets))
    z = (reach - x[..., None] * facets[:, 0] - y[..., None] * facets[:, 1]) / facets[:, 2]
    z += 0.035 * grain[..., None] * random.uniform(-1, 1, len(facets))
    edge = np.exp((z.min(-1, keepdims=True) - z) * 30)
    normal = (edge[..., None] * facets).sum(-2) / edge.sum(-1, keepdims=True)
    rim = 1 - np.abs(x) ** 2.6 - y**2 + 0.05 * grain
    cover = np.clip(np.minimum(rim, z.min(-1) + 0.75) * high * 0.5, 0, 1)
    shade = 0.26 + 0.66 * np.clip(normal @ np.array([side * 0.68, 0.60, 0.42]), 0, 1) + 0.05 * grain
    shade *= 0.72 + 0.28 * np.clip(y * 3.5, 0, 1)
    stone = np.array(hue(colour, (0.66, 0.62, 0.57))) * (0.85 + 0.3 * random.random())
    pixels = np.concatenate([np.clip(shade[..., None] * stone * 1.15, 0, 1), np.ones((*shade.shape, 1))], -1)
    pixels = (pixels * cover[..., None] * 255).astype(np.uint8)
    return Image.frombytes("RGBX", (pixels.shape[1], high), pixels.tobytes())


_COATS: tuple[RGB, ...] = (
    (0.72, 0.16, 0.14),
    (0.16, 0.28, 0.48),
    (0.86, 0.62, 0.20),
    (0.24, 0.40, 0.30),
    (0.9, 0.9, 0.88),
)


def person(random: Random, tall: float, colour: str, side: float, dark: bool) -> Image.Image:
    """Draw someone seen from behind, walking away."""
    sheet = Sheet(tall, 0.46)
    coat = hue(colour, _COATS[int(random.integers(len(_COATS)))])
    stride = float(random.uniform(0.03, 0.07))
    for sign in (-1, 1):
        foot = sign * stride
        leg = ((foot - 0.03, 0.0), (foot + 0.035, 0.0), (sign * 0.045 + 0.045, 0.48), (sign * 0.045 - 0.045, 0.48))
        sheet.polygon((0.20, 0.21, 0.27), *leg, shade=0.9 + 0.25 * sign * side)
        arm = (
            (sign * 0.10, 0.80),
            (sign * 0.155, 0.60),
            (sign * 0.15, 0.42),
            (sign * 0.115, 0.42),
            (sign * 0.085, 0.62),
        )
        sheet.polygon(coat, *arm, shade=0.80 + 0.16 * sign * side)
        half = (
            (0, 0.84),
            (sign * 0.075, 0.83),
            (sign * 0.115, 0.77),
            (sign * 0.095, 0.58),
            (sign * 0.12, 0.38),
            (0, 0.36),
        )
        sheet.polygon(coat, *half, shade=0.90 + 0.14 * sign * side)
    sheet.box((0.80, 0.62, 0.50), -0.025, 0.82, 0.025, 0.87, shade=0.8)
    sheet.disc((0.80, 0.62, 0.50), (side * 0.006, 0.915), 0.052, 0.066, shade=0.95)
    sheet.disc((0.22, 0.15, 0.10), (-side * 0.004, 0.93), 0.054, 0.062)
    return sheet.done()


def bird(random: Random, tall: float, colour: str, side: float, dark: bool) -> Image.Image:
    """Draw a gliding bird seen from afar; its wings bend at a random beat."""
    sheet = Sheet(tall, 2.0)
    beat = float(random.uniform(-0.10, 0.24))
    for sign in (-1, 1):
        elbow = (sign * 0.40, 0.56 + beat * 1.1)
        tip = (sign * 0.94, 0.46 + beat * 0.2)
        wing = ((0, 0.46), elbow, tip, (elbow[0], elbow[1] - 0.14), (0, 0.35))
        sheet.polygon((0.22, 0.23, 0.25), *wing)
    sheet.disc((0.19, 0.20, 0.22), (0.0, 0.42), 0.10, 0.07)
    return sheet.done()


_ENVELOPES: tuple[tuple[RGB, RGB], ...] = (
    ((0.86, 0.22, 0.17), (0.98, 0.80, 0.36)),
    ((0.16, 0.38, 0.66), (0.95, 0.93, 0.88)),
    ((0.96, 0.62, 0.16), (0.62, 0.20, 0.36)),
    ((0.20, 0.55, 0.50), (0.98, 0.86, 0.42)),
)


def balloon(random: Random, tall: float, colour: str, side: float, dark: bool) -> Image.Image:
    """Draw a hot-air balloon with gores shaded as on a ball."""
    sheet = Sheet(tall, 0.74)
    gores, rings = 12, 40
    usual, other = _ENVELOPES[int(random.integers(len(_ENVELOPES)))]
    main = hue(colour, usual)
    other = (main[0] * 0.74, main[1] * 0.74, main[2] * 0.74) if colour else other
    t = np.linspace(0, 1, rings)
    radius = 0.36 * np.where(
        t > 0.37, np.cos((t - 0.37) / 0.63 * 1.40), np.sqrt(np.clip(1 - (1 - t / 0.37) ** 2, 0, 1))
    )
    y = 0.99 - 0.80 * t
    edge = -np.cos(np.pi * np.arange(gores + 1) / gores)
    x = edge * radius[:, None]
    level = np.broadcast_to(y[:, None], x.shape)
    grid = np.stack([x, level], -1)
    quads = np.stack([grid[:-1, :-1], grid[:-1, 1:], grid[1:, 1:], grid[1:, :-1]], 2)
    middle = (edge[:-1] + edge[1:]) / 2
    shade = 0.62 + 0.36 * middle * side + 0.20 * (0.5 - t[:-1, None])
    gore = np.array([main if g % 2 else other for g in range(gores)])
    sheet.polygons(quads.reshape(-1, 4, 2), (gore * shade[..., None]).reshape(-1, 3))
    for x0 in (-0.045, 0.04):
        sheet.polygon((0.24, 0.20, 0.17), (x0 * 1.3, 0.20), (x0 * 1.3 + 0.004, 0.20), (x0 + 0.004, 0.08), (x0, 0.08))
    sheet.box((0.45, 0.30, 0.18), -0.05, 0.01, 0.05, 0.085, shade=0.9)
    return sheet.done()


#: What flower heads look like when no colour was said.
PETALS: tuple[RGB, ...] = (
    (0.96, 0.95, 0.90),
    (0.98, 0.80, 0.20),
    (0.84, 0.24, 0.22),
    (0.62, 0.42, 0.78),
    (0.95, 0.60, 0.72),
)
