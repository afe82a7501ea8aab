"""Palms, conifers and broad-leaved trees, each grown in three dimensions and drawn as small shaded polygons.

A tree is grown once per picture in a few individuals and set into the scene many times: mirrored, scaled, lit and
hazed by distance. Leaves take their shade from their direction towards the light, so a crown has a lit and a shaded
side without any texture.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from imgmagic.engines.sketch.pen import Sheet

if TYPE_CHECKING:
    from PIL import Image

    from imgmagic.engines.sketch.noise import Floats
    from imgmagic.engines.sketch.pen import RGB

Direction = tuple[float, float, float]


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / (np.linalg.norm(vectors, axis=-1, keepdims=True) + 1e-9))


def palm(random: np.random.Generator, tall: int, light: Direction, lean: float) -> Image.Image:
    """Grow a coconut palm; its foot is in the middle of the lower edge, its crown leans by ``lean`` of its height."""
    sheet = Sheet(tall, 2.1)
    top = np.array([lean, 0.74])
    _trunk(sheet, random, top, light)
    fronds = int(random.integers(17, 21))
    parts = [_frond(random, k / fronds, k, light) for k in range(fronds)]
    for _, quads, colours in sorted(parts, key=lambda part: part[0]):
        sheet.polygons(quads + top, colours)
    return sheet.done()


def _trunk(sheet: Sheet, random: np.random.Generator, top: Floats, light: Direction) -> None:
    rings, strips = 54, 6
    t = np.linspace(0, 1, rings + 1)
    x = top[0] * t ** random.uniform(0.8, 1.5) + 0.02 * np.sin(t * 3.1) * np.sign(top[0])
    half = 0.0155 * (1 - 0.42 * t) + 0.016 * np.exp(-t * 22)
    flare = 1 + 0.07 * (np.arange(rings) % 2)
    edge = np.linspace(-1, 1, strips + 1)
    low = x[:-1, None] + edge * (half[:-1] * flare)[:, None]
    high = x[1:, None] + edge * half[1:, None]
    y0, y1 = (np.broadcast_to((top[1] * each)[:, None], (rings, strips)) for each in (t[:-1], t[1:]))
    corners = [(low[:, :-1], y0), (low[:, 1:], y0), (high[:, 1:], y1), (high[:, :-1], y1)]
    quads = np.stack([np.stack(each, -1) for each in corners], 2)
    shade = 0.50 + 0.34 * (edge[:-1] + 1 / strips) * np.sign(light[0]) + 0.10 * random.random((rings, strips))
    shade = shade * random.uniform(0.82, 1.08, rings)[:, None] * 1.5
    sheet.polygons(quads.reshape(-1, 4, 2), (shade[..., None] * np.array([0.62, 0.53, 0.43])).reshape(-1, 3))


def _frond(random: np.random.Generator, age: float, number: int, light: Direction) -> tuple[float, Floats, Floats]:
    """Give depth, leaflets (n, 4, 2) and colours of one frond; the young ones stand, the old ones hang."""
    azimuth = number * 2.39996 + random.uniform(-0.25, 0.25)
    rise = 1.30 - 1.75 * age**0.9 + random.uniform(-0.15, 0.15)
    length = random.uniform(0.30, 0.40) * (0.72 + 0.28 * math.sin(math.pi * min(1, age + 0.25)))
    leaves = 44
    t = np.linspace(0.04, 1, leaves)
    flat = np.array([math.cos(azimuth), 0, math.sin(azimuth)])
    sag = random.uniform(0.42, 0.78) + 0.25 * age
    spine = np.outer(length * math.cos(rise) * t, flat)
    spine[:, 1] += length * (math.sin(rise) * t - sag * t**2.1 * 0.8)
    tangent = _unit(np.gradient(spine, axis=0))
    side = _unit(np.cross(tangent, (0, 1, 0)))
    young = np.array([0.46, 0.60, 0.16]) * (1 - age) + np.array([0.36, 0.47, 0.15]) * age
    quads, colours = [_stem(spine)], [np.tile((0.44, 0.50, 0.20), (leaves - 1, 1))]
    blade = length * 0.40 * np.sin(np.pi * np.clip(0.10 + 0.84 * t, 0, 1)) ** 0.7
    for sign in (-1, 1):
        way = tangent * 0.66 + sign * side * random.uniform(0.70, 0.95) + np.array([0, -0.30 - 0.40 * age, 0])
        way = _unit(way + random.normal(0, 0.07, way.shape))
        size = (blade * random.uniform(0.82, 1.08, leaves))[:, None]
        thick = tangent * length * 0.017
        bend = spine + way * size * 0.55 + np.array([0, -0.02, 0]) * size
        tip = spine + way * size + np.array([0, -0.16, 0]) * size
        quads.append(np.stack([spine - thick, bend - thick * 0.8, tip, bend + thick * 0.8], 1)[..., :2])
        facing = _unit(np.cross(way, tangent)) @ np.array([light[0], light[1], -0.35])
        through = np.where(facing * sign > 0, np.abs(facing), np.abs(facing) * 0.55)
        shade = 0.34 + 0.80 * through + random.uniform(-0.05, 0.05, leaves) - 0.16 * age
        colours.append(np.clip(shade, 0.18, 1.25)[:, None] * young)
    depth = -math.sin(azimuth) * math.cos(rise) + 0.5 * (1 - age)
    return depth, np.concatenate(quads), np.concatenate(colours)


def _stem(spine: Floats) -> Floats:
    width = np.array([0, 0.0022])
    a, b = spine[:-1, :2], spine[1:, :2]
    return np.stack([a - width, b - width, b + width, a + width], 1)


def pine(
    random: np.random.Generator, tall: int, light: Direction, *, snowy: bool = False, needles: RGB | None = None
) -> Image.Image:
    """Grow a spruce; its foot is in the middle of the lower edge."""
    ratio = float(random.uniform(0.36, 0.46))
    sheet = Sheet(tall, ratio * 1.15)
    sheet.polygon((0.24, 0.20, 0.16), (-0.013, 0), (0.013, 0), (0, 0.95))
    tiers, spokes, twigs = 32, 13, 11
    level = np.repeat(np.linspace(0.01, 1, tiers) ** 0.95, spokes)
    count = len(level)
    azimuth = random.uniform(0, 2 * np.pi, count)
    # Every tier has its own length and every branch another: a cone with a straight edge is no tree.
    uneven = np.repeat(random.uniform(0.76, 1.10, tiers), spokes) * random.uniform(0.60, 1.05, count)
    reach = ratio * 0.5 * (0.03 + 0.97 * level**0.9) * uneven
    height = 0.985 - 0.92 * np.clip(level + random.normal(0, 0.008, count), 0, 1)
    near = -np.sin(azimuth)
    drop = (0.015 + 0.075 * level) * random.uniform(0.6, 1.3, count) + 0.020 * near * level
    lit = 0.36 + 0.40 * np.cos(azimuth) * np.sign(light[0]) + 0.22 * near - 0.08 * level
    # Twigs hang from each branch; those farther out are lighter.
    s = np.linspace(0.12, 1.0, twigs) + random.uniform(-0.05, 0.05, (count, twigs))
    x = (np.cos(azimuth) * reach)[:, None] * s
    y = height[:, None] - drop[:, None] * (1.25 * s - 0.35 * s**3)
    long = (0.010 + 0.042 * level)[:, None] * random.uniform(0.5, 1.1, (count, twigs)) * (1.15 - 0.55 * s)
    way = np.sign(x) * random.uniform(0.15, 0.75, (count, twigs)) + random.normal(0, 0.16, (count, twigs))
    thick = 0.0018 + 0.0040 * level[:, None] * random.uniform(0.6, 1.2, (count, twigs))
    corners = [(x - thick, y + thick * 0.8), (x + thick, y + thick * 0.8), (x + way * long, np.maximum(y - long, 0))]
    points = np.stack([np.stack(each, -1) for each in corners], 2)
    shade = np.clip(lit[:, None] * (0.35 + 0.75 * s) + random.normal(0, 0.07, s.shape), 0.0, 1.1)[..., None]
    colour = np.array([0.065, 0.115, 0.070]) + shade * np.array([0.22, 0.30, 0.11])
    if needles is not None:
        colour = (0.15 + 0.85 * shade) * np.array(needles)
    if snowy:
        white = np.clip((s - 0.35) * 2.2 + random.normal(0, 0.45, s.shape), 0, 1)[..., None]
        colour = colour + (np.array([0.84, 0.89, 0.96]) * (0.66 + 0.34 * shade) - colour) * white
    # Upper tiers and near branches last, so that they lie over the others.
    order = np.lexsort((near, -np.floor(level * tiers)))
    sheet.polygons(points[order].reshape(-1, 3, 2), colour[order].reshape(-1, 3))
    return sheet.done()


def broad(
    random: np.random.Generator, tall: int, light: Direction, *, bush: bool = False, leaves_of: RGB | None = None
) -> Image.Image:
    """Grow an oak-like tree, or a bush without a trunk, with leaves of a colour; its foot is below, in the middle."""
    sheet = Sheet(tall, 1.7 if bush else 1.25)
    base, wide, high = (0.30, 0.66, 0.30) if bush else (0.60, random.uniform(0.38, 0.50), random.uniform(0.32, 0.37))
    if not bush:
        _limbs(sheet, random, base)
    clumps, leaves = (40, 70) if bush else (64, 95)
    axes = np.array([wide, high, wide])
    centre = _unit(random.normal(0, 1, (clumps, 3))) * random.uniform(0.35, 1, (clumps, 1)) ** 0.5 * axes * 0.80
    if not bush:
        # Boughs reach out and droop at their own heights: no crown is a ball.
        centre[:, 1] += 0.06 * np.sin(centre[:, 0] / wide * 5 + random.uniform(0, 6))
    centre = centre[np.argsort(centre[:, 2])]
    offset = _unit(random.normal(0, 1, (clumps, leaves, 3)))
    radius = random.uniform(0.08, 0.15, (clumps, 1, 1)) * (wide / 0.4) ** 0.5
    at = centre[:, None] + offset * radius * random.uniform(0.5, 1, (clumps, leaves, 1))
    sun = _unit(np.array([light[0], light[1], 0.45]))
    facing = 0.62 * (offset @ sun) + 0.62 * ((centre / axes) @ sun)[:, None] + random.normal(0, 0.10, (clumps, leaves))
    shade = np.clip(0.40 + 0.50 * facing, 0.04, 1.2)[..., None]
    tint = random.uniform(-0.03, 0.03, (clumps, 1, 1))
    colour = np.array([0.075, 0.12, 0.06]) + shade * (np.array([0.36, 0.44, 0.13]) + tint * np.array([1, 0.3, 0]))
    if leaves_of is not None:
        colour = (0.18 + 0.85 * shade) * (np.array(leaves_of) + 2 * tint)
    order = np.argsort(offset[..., 2] * radius[..., 0], axis=1)[..., None]
    at, colour = np.take_along_axis(at, order, 1), np.take_along_axis(colour, order, 1)
    size = random.uniform(0.006, 0.0125, (clumps, leaves)) * (1.5 if bush else 1)
    # Each clump begins with large dark leaves, so that the sky shows through at the edge of the crown only.
    size[:, : leaves // 5] *= 2.6
    colour[:, : leaves // 5] *= 0.72
    _leaves(sheet, random, at.reshape(-1, 3) + np.array([0, base, 0]), size.ravel(), colour.reshape(-1, 3))
    return sheet.done()


def _leaves(sheet: Sheet, random: np.random.Generator, at: Floats, size: Floats, colour: Floats) -> None:
    turn = random.uniform(0, np.pi, (len(at), 1))
    corners = np.arange(6) / 6 * 2 * np.pi
    px, py = np.cos(corners) * size[:, None], np.sin(corners) * size[:, None] * 0.62
    x = at[:, :1] + px * np.cos(turn) - py * np.sin(turn)
    y = at[:, 1:2] + px * np.sin(turn) + py * np.cos(turn)
    sheet.polygons(np.stack([x, np.maximum(y, 0.0)], -1), colour)


def _limbs(sheet: Sheet, random: np.random.Generator, base: float) -> None:
    for k in range(7):
        tip = random.uniform(-0.26, 0.26) if k else 0.0
        high = base + random.uniform(-0.10, 0.16)
        fork = random.uniform(0.16, 0.30) if k else 0.0
        thick = 0.010 if k else 0.028
        bark = (0.32 - 0.012 * k, 0.26 - 0.008 * k, 0.20)
        sheet.polygon(bark, (-thick, fork), (thick, fork), (tip + 0.004, high), (tip - 0.004, high))
