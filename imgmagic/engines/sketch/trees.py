"""Palms, conifers and broad-leaved trees, each grown in three dimensions and drawn as small shaded polygons.

A tree is grown once per picture in a few individuals and set into the scene many times: mirrored, scaled, lit and
hazed by distance. It is drawn at twice its size and averaged. Leaves take their shade from their direction towards
the light, so a crown has a lit and a shaded side without any texture.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from imgmagic.engines.sketch.noise import Floats

_Polygon = list[tuple[float, float]]
#: Nothing is drawn taller than this (px, after averaging): beyond, the drawing is enlarged.
TALLEST = 1400


def _sheet(tall: int, ratio: float) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    # RGBX: what is drawn is opaque on nothing, hence premultiplied, and averaging must not undo that.
    image = Image.new("RGBX", (max(8, round(tall * ratio)) * 2, tall * 2), (0, 0, 0, 0))
    return image, ImageDraw.Draw(image)


def _paint(draw: ImageDraw.ImageDraw, points: Floats, colours: Floats) -> None:
    """Draw polygons (n, corners, 2) in px with colours (n, 3), 0 to 1."""
    fills = np.clip(colours * 255, 0, 255).astype(int).tolist()
    for corners, fill in zip(points.reshape(len(points), -1).tolist(), fills, strict=True):
        draw.polygon(corners, fill=(*fill, 255))


def palm(random: np.random.Generator, tall: int, lean: float, light: tuple[float, float, float]) -> Image.Image:
    """Grow a coconut palm; its foot is in the middle of the lower edge, its crown leans by ``lean`` of its height."""
    tall = min(tall, TALLEST)
    image, draw = _sheet(tall, 2.1)
    scale, middle = 2.0 * tall, image.width / 2
    top = np.array([lean, 0.74])
    _trunk(draw, random, (middle, scale), top, light)
    fronds = int(random.integers(17, 21))
    parts = [_frond(random, k, fronds, light) for k in range(fronds)]
    for _, quads, colours in sorted(parts, key=lambda part: part[0]):
        points = np.stack([middle + (top[0] + quads[..., 0]) * scale, 2 * tall - (top[1] + quads[..., 1]) * scale], -1)
        _paint(draw, points, colours)
    return image.reduce(2)


def _trunk(
    draw: ImageDraw.ImageDraw,
    random: np.random.Generator,
    frame: tuple[float, float],
    top: Floats,
    light: tuple[float, float, float],
) -> None:
    middle, scale = frame
    rings, strips = 54, 6
    t = np.linspace(0, 1, rings + 1)
    bow = random.uniform(0.8, 1.5)
    x = top[0] * t**bow + 0.02 * np.sin(t * 3.1) * np.sign(top[0])
    y = top[1] * t
    half = 0.0155 * (1 - 0.42 * t) + 0.016 * np.exp(-t * 22)
    ring = random.uniform(0.82, 1.08, rings)
    flare = 1 + 0.07 * (np.arange(rings) % 2)
    for k in range(rings):
        for s in range(strips):
            a, b = -1 + 2 * s / strips, -1 + 2 * (s + 1) / strips
            facing = (a + b) / 2 * np.sign(light[0])
            shade = (0.50 + 0.34 * facing + 0.10 * random.random()) * ring[k]
            quad = [
                (x[k] + a * half[k] * flare[k], y[k]),
                (x[k] + b * half[k] * flare[k], y[k]),
                (x[k + 1] + b * half[k + 1], y[k + 1]),
                (x[k + 1] + a * half[k + 1], y[k + 1]),
            ]
            fill = tuple(int(255 * min(1, max(0, c * shade * 1.5))) for c in (0.62, 0.53, 0.43))
            draw.polygon([(middle + px * scale, (1 - py) * scale) for px, py in quad], fill=(*fill, 255))


def _frond(
    random: np.random.Generator, number: int, count: int, light: tuple[float, float, float]
) -> tuple[float, Floats, Floats]:
    """Give depth, leaflets (n, 4, 2) and colours of one frond; the young ones stand, the old ones hang."""
    age = number / count
    azimuth = number * 2.39996 + random.uniform(-0.25, 0.25)
    rise = 1.30 - 1.75 * age**0.9 + random.uniform(-0.15, 0.15)
    length = random.uniform(0.30, 0.40) * (0.72 + 0.28 * math.sin(math.pi * min(1, age + 0.25)))
    leaves = 44
    t = np.linspace(0.04, 1, leaves)
    flat = np.array([math.cos(azimuth), 0, math.sin(azimuth)])
    sag = random.uniform(0.42, 0.78) + 0.25 * age
    reach = np.outer(length * math.cos(rise) * t, flat)
    spine = reach + np.outer(length * (math.sin(rise) * t - sag * t**2.1 * 0.8), (0, 1, 0))
    tangent = np.gradient(spine, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    side = np.cross(tangent, (0, 1, 0))
    side /= np.linalg.norm(side, axis=1, keepdims=True) + 1e-6
    quads, colours = [_stem(spine)], [np.tile((0.44, 0.50, 0.20), (leaves - 1, 1))]
    blade = length * 0.40 * np.sin(np.pi * np.clip(0.10 + 0.84 * t, 0, 1)) ** 0.7
    for sign in (-1, 1):
        way = tangent * 0.66 + sign * side * random.uniform(0.70, 0.95) + np.array([0, -0.30 - 0.40 * age, 0])
        way += random.normal(0, 0.07, way.shape)
        way /= np.linalg.norm(way, axis=1, keepdims=True)
        size = (blade * random.uniform(0.82, 1.08, leaves))[:, None]
        thick = tangent * length * 0.017
        bend = spine + way * size * 0.55 + np.array([0, -0.02, 0]) * size
        tip = spine + way * size + np.array([0, -0.16, 0]) * size
        quads.append(np.stack([spine - thick, bend - thick * 0.8, tip, bend + thick * 0.8], 1)[..., :2])
        normal = np.cross(way, tangent)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-6
        facing = normal @ np.array([light[0], light[1], -0.35])
        through = np.where(facing * sign > 0, np.abs(facing), np.abs(facing) * 0.55)
        shade = 0.34 + 0.80 * through + random.uniform(-0.05, 0.05, leaves) - 0.16 * age
        young = np.array([0.46, 0.60, 0.16]) * (1 - age) + np.array([0.36, 0.47, 0.15]) * age
        colours.append(np.clip(shade, 0.18, 1.25)[:, None] * young)
    depth = -float(math.sin(azimuth)) * math.cos(rise) + 0.5 * (1 - age)
    return depth, np.concatenate(quads), np.concatenate(colours)


def _stem(spine: Floats) -> Floats:
    width = np.array([0, 0.0022])
    a, b = spine[:-1, :2], spine[1:, :2]
    return np.stack([a - width, b - width, b + width, a + width], 1)


def pine(
    random: np.random.Generator, tall: int, light: tuple[float, float, float], *, snowy: bool = False
) -> Image.Image:
    """Grow a spruce; its foot is in the middle of the lower edge."""
    tall = min(tall, TALLEST)
    ratio = float(random.uniform(0.36, 0.46))
    image, draw = _sheet(tall, ratio * 1.15)
    scale, middle = 2.0 * tall, image.width / 2
    draw.polygon(
        [(middle - 0.013 * scale, scale), (middle + 0.013 * scale, scale), (middle, 0.05 * scale)],
        fill=(62, 50, 40, 255),
    )
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
    s = np.broadcast_to(np.linspace(0.12, 1.0, twigs), (count, twigs)) + random.uniform(-0.05, 0.05, (count, twigs))
    x = (np.cos(azimuth) * reach)[:, None] * s
    y = height[:, None] - drop[:, None] * (1.25 * s - 0.35 * s**3)
    long = (0.010 + 0.042 * level)[:, None] * random.uniform(0.5, 1.1, (count, twigs)) * (1.15 - 0.55 * s)
    way = np.sign(x) * random.uniform(0.15, 0.75, (count, twigs)) + random.normal(0, 0.16, (count, twigs))
    thick = 0.0018 + 0.0040 * level[:, None] * random.uniform(0.6, 1.2, (count, twigs))
    points = np.stack(
        [
            np.stack([x - thick, y + thick * 0.8], -1),
            np.stack([x + thick, y + thick * 0.8], -1),
            np.stack([x + way * long, np.maximum(y - long, 0)], -1),
        ],
        2,
    )
    shade = np.clip(lit[:, None] * (0.35 + 0.75 * s) + random.normal(0, 0.07, s.shape), 0.0, 1.1)[..., None]
    colour = np.array([0.065, 0.115, 0.070]) + shade * np.array([0.22, 0.30, 0.11])
    if snowy:
        white = np.clip((s - 0.35) * 2.2 + random.normal(0, 0.45, s.shape), 0, 1)[..., None]
        colour = colour + (np.array([0.84, 0.89, 0.96]) * (0.66 + 0.34 * shade) - colour) * white
    # Upper tiers and near branches last, so that they lie over the others.
    order = np.lexsort((near, -np.floor(level * tiers)))
    points = np.stack([middle + points[..., 0] * scale, (1 - points[..., 1]) * scale], -1)
    _paint(draw, points[order].reshape(-1, 3, 2), colour[order].reshape(-1, 3))
    return image.reduce(2)


def broad(
    random: np.random.Generator, tall: int, light: tuple[float, float, float], *, bush: bool = False
) -> Image.Image:
    """Grow an oak-like tree, or a bush without a trunk; its foot is in the middle of the lower edge."""
    tall = min(tall, TALLEST)
    image, draw = _sheet(tall, 1.7 if bush else 1.12)
    scale, middle = 2.0 * tall, image.width / 2
    base, wide, high = (0.30, 0.66, 0.30) if bush else (0.60, 0.42, 0.36)
    if not bush:
        _limbs(draw, random, (middle, scale), base)
    clumps = 40 if bush else 64
    centre = random.normal(0, 1, (clumps, 3))
    centre /= np.linalg.norm(centre, axis=1, keepdims=True)
    centre *= random.uniform(0.35, 1, (clumps, 1)) ** 0.5 * np.array([wide, high, wide]) * 0.80
    centre = centre[np.argsort(centre[:, 2])]
    leaves = 70 if bush else 95
    offset = random.normal(0, 1, (clumps, leaves, 3))
    offset /= np.linalg.norm(offset, axis=2, keepdims=True)
    radius = random.uniform(0.09, 0.15, (clumps, 1, 1)) * (wide / 0.4) ** 0.5
    at = centre[:, None] + offset * radius * random.uniform(0.5, 1, (clumps, leaves, 1))
    sun = np.array([light[0], light[1], 0.45])
    sun /= np.linalg.norm(sun)
    ball = centre / np.array([wide, high, wide])
    facing = 0.62 * (offset @ sun) + 0.62 * (ball @ sun)[:, None] + random.normal(0, 0.10, (clumps, leaves))
    shade = np.clip(0.40 + 0.50 * facing, 0.04, 1.2)[..., None]
    tint = random.uniform(-0.03, 0.03, (clumps, 1, 1))
    colour = np.array([0.075, 0.12, 0.06]) + shade * (np.array([0.36, 0.44, 0.13]) + tint * np.array([1, 0.3, 0]))
    order = np.argsort((offset[..., 2] * radius[..., 0]), axis=1)
    at, colour = np.take_along_axis(at, order[..., None], 1), np.take_along_axis(colour, order[..., None], 1)
    spots = at.reshape(-1, 3)
    size = random.uniform(0.006, 0.0125, len(spots)) * (1.5 if bush else 1)
    # Each clump begins with large dark leaves, so that the sky shows through at the edge of the crown only.
    size.reshape(clumps, leaves)[:, : leaves // 5] *= 2.6
    colour[:, : leaves // 5] *= 0.72
    turn = random.uniform(0, np.pi, len(spots))
    corners = np.arange(6) / 6 * 2 * np.pi
    px = np.cos(corners)[None] * size[:, None]
    py = np.sin(corners)[None] * size[:, None] * 0.62
    x = spots[:, :1] + px * np.cos(turn)[:, None] - py * np.sin(turn)[:, None]
    y = base + spots[:, 1:2] + px * np.sin(turn)[:, None] + py * np.cos(turn)[:, None]
    y = np.maximum(y, 0.0)
    _paint(draw, np.stack([middle + x * scale, (1 - y) * scale], -1), colour.reshape(-1, 3))
    return image.reduce(2)


def _limbs(draw: ImageDraw.ImageDraw, random: np.random.Generator, frame: tuple[float, float], base: float) -> None:
    middle, scale = frame
    for k in range(7):
        tip = random.uniform(-0.26, 0.26) if k else 0.0
        high = base + random.uniform(-0.10, 0.16)
        fork = random.uniform(0.16, 0.30) if k else 0.0
        thick = 0.019 if not k else 0.010
        quad = [
            (-thick * (1.5 if not k else 1), fork),
            (thick * (1.5 if not k else 1), fork),
            (tip + 0.004, high),
            (tip - 0.004, high),
        ]
        draw.polygon([(middle + x * scale, (1 - y) * scale) for x, y in quad], fill=(82 - 3 * k, 66 - 2 * k, 50, 255))
