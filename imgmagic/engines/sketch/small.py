"""Drawings of small things: boat, lighthouse, house, bird, balloon, flowers; each lit from the scene's side.

A drawing is an RGBX image whose X is the coverage, its colours premultiplied: that is what opaque strokes on an empty
sheet are, and unlike RGBA it is resized without a conversion there and back.
"""

# ruff: noqa: PLR2004 - the numbers are the drawing; names for them would only move them away

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from imgmagic.engines.sketch import vocabulary

if TYPE_CHECKING:
    from imgmagic.engines.sketch.noise import Floats
    from imgmagic.engines.sketch.view import View

_RGB = tuple[float, float, float]


def _hue(colour: str, usual: _RGB) -> _RGB:
    return vocabulary.COLOURS[colour][0] if colour else usual


def _fill(colour: _RGB, shade: float = 1.0) -> tuple[int, int, int, int]:
    red, green, blue = (int(255 * min(1.0, max(0.0, each * shade))) for each in colour)
    return red, green, blue, 255


def _sheet(tall: int, ratio: float) -> tuple[Image.Image, ImageDraw.ImageDraw, float]:
    tall = min(max(tall, 16), 1400)
    image = Image.new("RGBX", (max(4, round(tall * ratio)), tall), (0, 0, 0, 0))
    return image, ImageDraw.Draw(image), float(tall)


def sailboat(tall: int, colour: str) -> Image.Image:
    """Draw a sloop under sail."""
    image, draw, s = _sheet(tall, 0.86)
    m = image.width / 2
    sail = _hue(colour, (1.05, 1.03, 0.98))
    for k in range(8):
        # The belly of the sail turns away from the light in strips.
        a, b = k / 8, (k + 1) / 8
        draw.polygon(
            [
                (m + 0.02 * s, s * (0.04 + 0.0 * a)),
                (m + (0.02 + 0.36 * a) * s, 0.80 * s),
                (m + (0.02 + 0.36 * b) * s, 0.80 * s),
            ],
            fill=_fill(sail, 1.0 - 0.22 * b),
        )
    draw.polygon([(m - 0.01 * s, 0.12 * s), (m - 0.30 * s, 0.80 * s), (m - 0.02 * s, 0.78 * s)], fill=_fill(sail, 0.86))
    draw.rectangle([m - 0.004 * s, 0.02 * s, m + 0.008 * s, 0.86 * s], fill=_fill((0.30, 0.24, 0.20)))
    hull = [(m - 0.36 * s, 0.85 * s), (m + 0.40 * s, 0.84 * s), (m + 0.32 * s, 0.99 * s), (m - 0.25 * s, 0.99 * s)]
    draw.polygon(hull, fill=_fill((0.20, 0.26, 0.34)))
    draw.polygon(
        [hull[0], hull[1], (m + 0.39 * s, 0.875 * s), (m - 0.345 * s, 0.885 * s)], fill=_fill((0.92, 0.90, 0.86))
    )
    return image


def lighthouse(random: np.random.Generator, tall: int, colour: str, light: _RGB, *, dark: bool) -> Image.Image:
    """Draw a banded lighthouse on a rock."""
    image, draw, s = _sheet(tall, 0.62)
    m = image.width / 2
    band = _hue(colour, (0.74, 0.16, 0.14))
    for k in range(60):
        y = s * (0.20 + 0.68 * k / 60)
        half = s * (0.052 + 0.034 * k / 60)
        for j in range(12):
            a, b = -1 + j / 6, -1 + (j + 1) / 6
            shade = 0.74 + 0.34 * (a + b) / 2 * float(np.sign(light[0]))
            base = band if k // 12 % 2 == 0 else (0.95, 0.94, 0.91)
            draw.rectangle([m + a * half, y, m + b * half, y + s * 0.012], fill=_fill(base, shade))
    draw.rectangle([m - 0.075 * s, 0.185 * s, m + 0.075 * s, 0.202 * s], fill=_fill((0.2, 0.2, 0.22)))
    draw.rectangle(
        [m - 0.04 * s, 0.10 * s, m + 0.04 * s, 0.185 * s], fill=_fill((1.9, 1.6, 0.9) if dark else (0.62, 0.72, 0.78))
    )
    for x in (-0.04, -0.014, 0.012, 0.036):
        draw.rectangle([m + x * s, 0.10 * s, m + (x + 0.005) * s, 0.185 * s], fill=_fill((0.2, 0.2, 0.22)))
    draw.polygon([(m - 0.055 * s, 0.10 * s), (m, 0.035 * s), (m + 0.055 * s, 0.10 * s)], fill=_fill(band, 0.8))
    _rock(draw, random, (m, s))
    return image


def _rock(draw: ImageDraw.ImageDraw, random: np.random.Generator, frame: tuple[float, float]) -> None:
    m, s = frame
    for _ in range(46):
        x = float(random.normal(0, 0.12))
        high = 0.13 * max(0.0, 1 - (x / 0.30) ** 2)
        y = 1 - high * float(random.random())
        r = float(random.uniform(0.015, 0.045))
        shade = 0.32 + 0.25 * (1 - y) * 6 + float(random.uniform(-0.06, 0.06))
        draw.polygon(
            [
                (m + (x - r) * s, min(1, y + r * 0.8) * s),
                (m + (x - r * 0.4) * s, (y - r * 0.6) * s),
                (m + (x + r * 0.6) * s, (y - r * 0.5) * s),
                (m + (x + r) * s, min(1, y + r) * s),
            ],
            fill=_fill((0.75, 0.70, 0.64), shade),
        )


def house(_random: np.random.Generator, tall: int, colour: str, light: _RGB, *, dark: bool) -> Image.Image:
    """Draw a small house seen over a corner."""
    image, draw, s = _sheet(tall, 1.5)
    wall = _hue(colour, (0.93, 0.89, 0.82))
    front, flank = (0.95, 0.62) if light[0] > 0 else (0.66, 0.92)
    x0, x1, x2 = 0.16 * s, 0.92 * s, 1.36 * s
    draw.polygon([(x0, 0.46 * s), (x1, 0.46 * s), (x1, s), (x0, 0.985 * s)], fill=_fill(wall, flank))
    draw.polygon(
        [(x1, 0.46 * s), ((x1 + x2) / 2, 0.10 * s), (x2, 0.46 * s), (x2, 0.98 * s), (x1, s)], fill=_fill(wall, front)
    )
    roof = (0.52, 0.24, 0.18)
    draw.polygon(
        [(0.08 * s, 0.50 * s), (0.30 * s, 0.10 * s), ((x1 + x2) / 2 + 0.03 * s, 0.08 * s), (x1 + 0.01 * s, 0.51 * s)],
        fill=_fill(roof, 0.9 if light[0] < 0 else 0.75),
    )
    draw.polygon(
        [
            ((x1 + x2) / 2 - 0.01 * s, 0.06 * s),
            ((x1 + x2) / 2 + 0.04 * s, 0.08 * s),
            (x2 + 0.05 * s, 0.50 * s),
            (x2 + 0.01 * s, 0.50 * s),
        ],
        fill=_fill(roof, 0.6),
    )
    draw.rectangle([0.44 * s, 0.0 * s, 0.54 * s, 0.2 * s], fill=_fill((0.5, 0.36, 0.30)))
    glass = (1.9, 1.5, 0.8) if dark else (0.30, 0.38, 0.46)
    for x, y in ((0.26, 0.60), (0.66, 0.60)):
        draw.rectangle([x * s, y * s, (x + 0.13) * s, (y + 0.18) * s], fill=_fill((0.98, 0.97, 0.94), flank))
        draw.rectangle([(x + 0.014) * s, (y + 0.014) * s, (x + 0.116) * s, (y + 0.166) * s], fill=_fill(glass))
    draw.rectangle([0.49 * s, 0.68 * s, 0.60 * s, 0.99 * s], fill=_fill((0.36, 0.22, 0.16)))
    draw.rectangle([1.06 * s, 0.62 * s, 1.20 * s, 0.80 * s], fill=_fill(glass))
    return image


def bird(random: np.random.Generator, wide: int) -> Image.Image:
    """Draw a gliding bird seen from afar; its wings bend at a random beat."""
    side = max(12, min(wide, 200)) * 3
    image = Image.new("RGBX", (side, side // 2), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    beat = float(random.uniform(-0.10, 0.24))
    for sign in (-1, 1):
        elbow = (side / 2 + sign * side * 0.20, side * (0.22 - beat * 0.55))
        tip = (side / 2 + sign * side * 0.47, side * (0.27 - beat * 0.10))
        body = (side / 2, side * 0.27)
        draw.polygon(
            [body, elbow, tip, (elbow[0], elbow[1] + side * 0.07), (side / 2, side * 0.325)], fill=(56, 58, 64, 255)
        )
    draw.ellipse([side * 0.455, side * 0.255, side * 0.55, side * 0.325], fill=(48, 50, 56, 255))
    return image


def balloon(tall: int, colour: str, light: _RGB) -> Image.Image:
    """Draw a hot-air balloon with gores shaded as on a ball."""
    image, draw, s = _sheet(tall * 2, 0.74)
    m = image.width / 2
    gores = 12
    main = _hue(colour, (0.86, 0.22, 0.17))
    other: _RGB = (0.98, 0.80, 0.36) if not colour else (0.97, 0.95, 0.90)
    t = np.linspace(0, 1, 40)
    radius = 0.36 * np.sqrt(np.clip(1 - (2 * np.minimum(t / 0.74, 1) - 1) ** 2, 0, 1))
    radius = np.where(t > 0.37, np.maximum(radius * 0, 0.36 * np.cos((t - 0.37) / 0.63 * 1.40)), radius)
    for k in range(39):
        y0, y1 = 0.01 + 0.80 * t[k], 0.01 + 0.80 * t[k + 1]
        for g in range(gores):
            a, b = (-np.cos(np.pi * (g + d) / gores) for d in (0, 1))
            middle = (a + b) / 2
            shade = 0.62 + 0.36 * middle * np.sign(light[0]) + 0.20 * (0.5 - t[k])
            base = main if g % 2 else other
            draw.polygon(
                [
                    (m + a * radius[k] * s, y0 * s),
                    (m + b * radius[k] * s, y0 * s),
                    (m + b * radius[k + 1] * s, y1 * s + 1),
                    (m + a * radius[k + 1] * s, y1 * s + 1),
                ],
                fill=_fill(base, float(shade)),
            )
    for x in (-0.045, 0.045):
        draw.line(
            [(m + x * 1.3 * s, 0.80 * s), (m + x * s, 0.92 * s)], fill=(60, 50, 44, 255), width=max(1, int(s / 160))
        )
    draw.rectangle([m - 0.05 * s, 0.915 * s, m + 0.05 * s, 0.99 * s], fill=_fill((0.45, 0.30, 0.18), 0.9))
    return image.reduce(2)


_PETALS: tuple[_RGB, ...] = (
    (0.96, 0.95, 0.90),
    (0.98, 0.80, 0.20),
    (0.84, 0.24, 0.22),
    (0.62, 0.42, 0.78),
    (0.95, 0.60, 0.72),
)


def flowers(view: View, random: np.random.Generator, spots: tuple[Floats, Floats], colour: str) -> None:
    """Scatter flower heads over the ground, at (across, below the horizon) in units."""
    across, below = spots
    top = view.first
    sheet = Image.new("RGBX", (view.width, view.height - top), (0, 0, 0, 0))
    draw = ImageDraw.Draw(sheet)
    light = view.light.ambient + view.light.key * 0.6
    for i in np.argsort(below):
        size = view.unit * 0.0115 * float(below[i]) * float(random.uniform(0.6, 1.25)) + 0.35
        x, y = float(across[i]) * view.unit + view.width / 2, view.horizon + float(below[i]) * view.unit - top
        petal = (
            np.asarray(
                _hue(
                    colour, _PETALS[(int(across[i] / below[i] / 2.5 + 50) + int(random.random() < 0.25)) % len(_PETALS)]
                )
            )
            * light
        )
        red, green, blue = (int(255 * min(1.0, float(each))) for each in petal * random.uniform(0.8, 1.05))
        draw.ellipse([x - size, y - size * 0.62, x + size, y + size * 0.62], fill=(red, green, blue, 255))
        if size > 3:
            draw.ellipse(
                [x - size * 0.3, y - size * 0.25, x + size * 0.3, y + size * 0.15],
                fill=(int(red * 0.8), int(green * 0.62), int(blue * 0.3), 255),
            )
    pixels = np.asarray(sheet, np.float32) / 255
    view.lay(pixels, top, 0)
