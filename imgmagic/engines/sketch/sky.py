"""The sky: gradient, sun or moon, stars, clouds; and the two places under no sky, space and the studio.

Fair-weather clouds are drawn one by one, far ones first: a heap of puffs with a flat base, its edge eaten by fractal
noise, lit from the sun's side. A covered sky is one sheet of noise seen in perspective. The sky's *tone* (what "a
deeper blue" changes) acts on the gradient only; light, haze and clouds keep the natural colours, so that the ground
does not change with it.
"""

# ruff: noqa: PLR2004 - the numbers are the drawing; names for them would only move them away

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imgmagic.engines.sketch.noise import Floats, fractal, look, step
from imgmagic.engines.sketch.view import SKYLESS, View, mix, rgb, toned

if TYPE_CHECKING:
    from collections.abc import Callable


def paint(view: View) -> None:
    """Paint the whole sky on the canvas, down to just below the horizon."""
    place = view.scene.place
    rows = view.height if place in SKYLESS else min(view.height, view.first + 2)
    {"space": _space, "studio": _studio}.get(place, _gradient)(view, rows)
    for kind, draw in _ABOVE.items():
        if view.scene.thing(kind) and not (kind == "stars" and place == "space"):
            draw(view, rows)


def _amount(view: View, kind: str) -> float:
    thing = view.scene.thing(kind)
    return thing.amount if thing else 1.0


def _size(view: View, kind: str) -> float:
    thing = view.scene.thing(kind)
    return {"small": 0.6, "large": 1.7}.get(thing.size if thing else "", 1.0)


def _gradient(view: View, rows: int) -> None:
    light = view.light
    high = view.up(0, rows) / max(view.horizon / view.unit, 1e-3)
    stops = np.stack([light.horizon, light.middle * 0.45 + light.horizon * 0.55, light.middle, light.zenith])
    column = np.stack([np.interp(high, (0, 0.16, 0.48, 1), stops[:, c]) for c in range(3)], -1).astype(np.float32)
    # np.interp leaves kinks that the eye reads as bands.
    span = max(3, rows // 12) | 1
    padded = np.pad(column, ((span // 2 + 1, span // 2), (0, 0)), mode="edge")
    sums = np.cumsum(padded, axis=0, dtype=np.float64)
    column = ((sums[span:] - sums[:-span]) / span).astype(np.float32)
    view.canvas[:rows] = toned(column, view.scene.sky)[:, None]


def _far(view: View, x: Floats, up: Floats) -> Floats:
    """Distance from the sun's middle, in units."""
    return np.asarray(np.hypot(x - np.float32(view.sun[0]), up - np.float32(view.sun[1])))


def _lit(sky: Floats, colour: Floats, strength: Floats) -> Floats:
    return np.asarray(sky + colour * strength[..., None], np.float32)


def _sun(view: View, rows: int) -> None:
    low = view.low
    strength = 0.35 if view.covered else 1.0
    warm = view.light.disc * rgb((1, 0.86, 0.62) if low else (1, 0.98, 0.92))
    edge = 1.6 / view.unit
    size = np.float32(_size(view, "sun"))

    def shine(sky: Floats, x: Floats, up: Floats) -> Floats:
        far = _far(view, x, up) / size
        glow = np.exp(far * -9) * ((0.55 if low else 0.42) * strength) + np.exp(far * -28) * (0.5 * strength)
        sky = mix(sky, warm, np.minimum(glow, 1))
        if view.covered:
            return sky
        return mix(
            sky, view.light.disc, step(0.031 + edge, 0.029 - edge, far) if low else np.exp(-((far / 0.028) ** 4))
        )

    view.wash(rows, shine)


def _ball(view: View, at: tuple[float, float], radius: float) -> tuple[Floats, Floats, Floats, tuple[int, int]]:
    """Give x, y (1 is the radius) and coverage of a disc around a point of the sky, and where on the canvas it lies."""
    left = int((at[0] - radius) * view.unit + view.width / 2) - 2
    top = int(view.horizon - (at[1] + radius) * view.unit) - 2
    side = np.arange(int(2 * radius * view.unit) + 5, dtype=np.float32)
    x = ((side + left + 0.5 - view.width / 2) / view.unit - at[0])[None] / radius
    y = (at[1] - (view.horizon - side - top - 0.5) / view.unit)[:, None] / radius
    edge = 1.2 / (radius * view.unit)
    return x, y, step(1 + edge, 1 - edge, np.hypot(x, y)), (top, left)


def _moon(view: View, rows: int) -> None:
    veil = np.float32(0.4 if view.covered else 1)

    def shine(sky: Floats, x: Floats, up: Floats) -> Floats:
        far = _far(view, x, up)
        return _lit(sky, rgb("9eb8f2"), np.exp(far * -12) * 0.16 + np.exp(far * -3.5) * 0.06)

    view.wash(rows, shine)
    radius = 0.034 * _size(view, "moon")
    x, y, cover, (top, left) = _ball(view, view.sun, radius)
    seas = look(fractal(view.rng("moon"), 1.7, 2, 128), x * np.float32(0.31) + np.float32(0.3), y * np.float32(0.31))
    face = 0.93 - 0.16 * step(0.1, 1.1, seas) - 0.10 * np.hypot(x, y) ** 3
    view.over(face[..., None] * rgb("fffbf0"), cover * veil, top, left)


def _stars(view: View, rows: int) -> None:
    random = view.rng("stars")
    space = view.scene.place == "space"
    high = rows / view.unit if space else view.horizon / view.unit
    count = int(1100 * _amount(view, "stars") * view.reach * high * (0.3 if view.covered else 1))
    x, y = random.random(count), random.random(count) ** (1.0 if space else 1.3)
    bright = random.random(count) ** 5 * 0.9 + 0.10
    warmth = random.random(count)
    tint = np.stack([0.85 + 0.15 * warmth, np.full(count, 0.9), 1.0 - 0.2 * warmth], -1)
    sky = view.canvas[:rows]
    size = max(0.62, view.unit / 1500)
    cx, cy = x * view.width, y * rows
    reach = int(np.ceil(size * 2.5))
    around = range(-reach, reach + 1)
    for dy, dx in ((dy, dx) for dy in around for dx in around):
        ix, iy = np.floor(cx).astype(int) + dx, np.floor(cy).astype(int) + dy
        seen = (ix >= 0) & (ix < view.width) & (iy >= 0) & (iy < rows)
        far = (ix + 0.5 - cx) ** 2 + (iy + 0.5 - cy) ** 2
        spot = np.exp(-far / (2 * size**2 * (0.4 + bright))) * bright * (1 if space else 1 - 0.75 * y)
        np.add.at(sky, (iy[seen], ix[seen]), (spot[:, None] * tint)[seen].astype(np.float32))
    _milky_way(view, rows)


def _milky_way(view: View, rows: int) -> None:
    tile = fractal(view.rng("milky way"), 1.5, 2)

    def milk(sky: Floats, x: Floats, up: Floats) -> Floats:
        band = np.exp(-(((up - 0.28 - 0.55 * x * view.side) / 0.13) ** 2))
        light = band * np.clip(0.5 + 0.4 * look(tile, x * 0.9, up * 0.9), 0, 1.4)
        return _lit(sky, rgb("bfccff"), light * 0.075)

    view.wash(rows, milk)


def _cloud_light(view: View) -> tuple[Floats, Floats]:
    """Give the colours of a cloud's lit and shaded side."""
    light = view.light
    if view.scene.time == "night":
        return light.middle * 1.5 + 0.06, light.middle * 0.8
    if view.scene.time == "day":
        return rgb("fffefb"), light.middle * 0.32 + rgb((0.46, 0.48, 0.52))
    return np.minimum(light.key * 0.85 + 0.22, 1), light.middle * 0.62 + light.zenith * 0.30 + 0.05


def _clouds(view: View, rows: int) -> None:
    if view.covered:
        _sheet(view, rows)
    else:
        _wisps(view, rows)
        _heaps(view, rows)


def _heaps(view: View, rows: int) -> None:
    """Fair-weather clouds, the far and low ones first."""
    random = view.rng("clouds")
    amount = _amount(view, "clouds") * (1.7 if view.scene.weather == "cloudy" else 0.85)
    high = view.horizon / view.unit
    count = max(2, round(13 * amount * view.reach))
    tile = fractal(random, 1.9, 2)
    for up, number in sorted((float(high * random.random() ** 1.6 * 0.92 + 0.035), k) for k in range(count)):
        view.pause()
        each = view.rng("cloud", number)
        size = (0.05 + 0.50 * up) * each.uniform(0.6, 1.35)
        _heap(view, rows, tile, (each.uniform(-0.58, 0.58) * view.reach, up, size), each)


def _heap(view: View, rows: int, tile: Floats, spot: tuple[float, float, float], random: np.random.Generator) -> None:
    x0, base, size = spot
    tall = size * random.uniform(0.30, 0.44)
    left, right = (int(np.clip((x0 + size * s) * view.unit + view.width / 2, 0, view.width)) for s in (-0.85, 0.85))
    top, bottom = (int(np.clip(view.horizon - (base + tall * s) * view.unit, 0, rows)) for s in (1.7, -0.45))
    if right - left < 4 or bottom - top < 4:
        return
    x = (view.across[left:right] - np.float32(x0))[None] / np.float32(size)
    y = (view.up(top, bottom) - np.float32(base))[:, None] / np.float32(tall)
    shift = random.random(2).astype(np.float32)
    # The base is straight, but not ruled: it sags and lifts a little.
    sag = look(tile, x * np.float32(0.3) + shift[1], np.array([[0.1]], np.float32)) * np.float32(0.10)
    field = _puffs(x, y, random)
    u, v = x * np.float32(0.42) + shift[0], y * np.float32(0.42 * tall / size) + shift[1]
    eaten = look(tile, u, v)
    field += 0.40 * eaten
    field -= step(0.12, -0.24, y + sag) * 2.0
    cover = step(-0.10, 0.62, field)
    toward = np.sign(view.sun[0] - x0)
    relief = eaten - look(tile, u + toward * np.float32(0.030), v + np.float32(0.05 * tall / size))
    lit = 0.30 + 0.52 * y + 0.42 * relief + 0.22 * toward * x + 0.45 * (1 - cover)
    bright, dark = _cloud_light(view)
    colour = mix(dark, bright, np.clip(lit, 0, 1))
    # Distant clouds sink into the haze above the horizon.
    clear = np.float32(1 - np.exp(-base / 0.16))
    colour = view.light.horizon + (colour - view.light.horizon) * (np.float32(0.35) + np.float32(0.65) * clear)
    view.over(colour, cover * (np.float32(0.55) + np.float32(0.42) * clear), top, left)


def _puffs(x: Floats, y: Floats, random: np.random.Generator) -> Floats:
    """Give a field of puffs: a row of them for the base, then heads above it, highest in the middle."""
    field = np.full((y.size, x.size), -2.0, np.float32)
    for number in range(20):
        at = (number - 3.5) * 0.095 if number < 8 else random.normal(0, 0.17)
        radius = random.uniform(0.13, 0.22) * (1.05 - abs(at))
        lift = 0.10 if number < 8 else random.uniform(0.15, 0.85) * max(0.1, 1 - (at / 0.42) ** 2)
        puff = 1 - ((x - at) / radius) ** 2 - ((y - lift) / (radius * 2.3)) ** 2
        np.maximum(field, puff.astype(np.float32), out=field)
    return field


def _wisps(view: View, rows: int) -> None:
    """High, thin streaks in perspective; at sunset they are lit from below."""
    random = view.rng("wisps")
    tile = fractal(random, 1.75, 2)
    turn = np.float32(random.uniform(-0.3, 0.3))
    bright, dark = _cloud_light(view)
    start = 0.5 - 0.25 * _amount(view, "clouds") if view.low else 1.0

    def streak(sky: Floats, x: Floats, up: Floats) -> Floats:
        z = 1 / (up + np.float32(0.05))
        wide = x * z
        field = look(tile, (wide + z * turn) * 0.055 + 0.2, z * 0.16) + 0.5 * look(tile, wide * 0.15, z * 0.5 + 0.4)
        cover = step(start, 3.0, field) * np.minimum(7 / z, 1) * np.float32(0.9 if view.low else 0.45)
        near = np.exp(_far(view, x, up) * -2.2) if view.low else np.ones_like(cover)
        return mix(sky, mix(dark, bright, near), cover)

    view.wash(rows, streak)


_CONTRAST = {"storm": 0.34, "rain": 0.20, "overcast": 0.18, "snow": 0.10, "fog": 0.04}


def _sheet(view: View, rows: int) -> None:
    """Cover the sky with one layer of noise in perspective, thick parts dark, gaps bright."""
    random = view.rng("sheet")
    weather = view.scene.weather
    tile = fractal(random, 1.55, 2)
    shift, side = np.float32(random.random()), np.float32(0.012 * np.sign(view.sun[0]))

    def cover(sky: Floats, x: Floats, up: Floats) -> Floats:
        z = 1 / (up + np.float32(0.11))
        u, v = x * z * np.float32(0.085) + shift, np.float32(0.11) * z
        body = look(tile, u, v)
        relief = body - look(tile, u + side, v + np.float32(0.016))
        shade = 1 + _CONTRAST[weather] * (1.25 * relief - 0.55 * body) * np.minimum((up + 0.01) * 6, 1)
        sky = sky * np.clip(shade, 0.35, 1.6)[..., None]
        if weather not in ("storm", "rain"):
            return sky
        # Curtains of rain under the clouds, and a pale band where the storm ends.
        fall = look(tile, x * 0.6, up * 0.06 + 0.5)
        veil = np.exp(-(((up - 0.09) / 0.10) ** 2)) * np.clip(fall * 0.22, 0, 0.3)
        return mix(sky, view.light.zenith * np.float32(0.8), veil)

    view.wash(rows, cover)


def _rainbow(view: View, rows: int) -> None:
    side = np.float32(np.sign(view.sun[0]) * 0.26)

    def bow(sky: Floats, x: Floats, up: Floats) -> Floats:
        band = (np.hypot(x + side, up + np.float32(0.12)) - 0.50) / 0.055
        colours = np.stack([np.exp(-(((band - at) / 0.24) ** 2)) for at in (0.80, 0.52, 0.24)], -1)
        return _lit(sky, colours, 0.26 * np.clip(1.1 - 0.6 * up, 0, 1))

    view.wash(rows, bow)


_ABOVE: dict[str, Callable[[View, int], None]] = {
    "stars": _stars,
    "moon": _moon,
    "sun": _sun,
    "clouds": _clouds,
    "rainbow": _rainbow,
}


# Places under no sky


def _space(view: View, rows: int) -> None:
    """Nebulae in two colours, a planet lit from the composition's side, and its moon."""
    random = view.rng("space")
    tile, fine = fractal(random, 1.9, 2), fractal(random, 1.3, 3)
    hues = [rgb(each) for each in _NEBULAE[int(random.integers(len(_NEBULAE)))].split()]
    turn = np.float32(random.uniform(-0.5, 0.5))
    x = view.across[None]
    for top, bottom in view.bands(0, rows):
        y = (np.float32(view.horizon) - np.arange(top, bottom, dtype=np.float32))[:, None] / np.float32(view.unit)
        lane = np.exp(-(((y + x * turn - 0.1) / 0.34) ** 2))
        cloud = [np.clip(0.45 + 0.5 * look(tile, x * s + o, y * s), 0, 2) for s, o in ((0.31, 0.1), (0.23, 0.6))]
        dust = np.clip(0.70 + 0.5 * look(fine, x * 0.5, y * 0.5), 0.05, 1.5) * lane
        glow = sum(each[..., None] ** 2 * hue for each, hue in zip(cloud, hues, strict=True))
        view.canvas[top:bottom] = toned(rgb("05060d") + 0.95 * dust[..., None] * glow, view.scene.sky)
    if view.scene.thing("stars"):
        _stars(view, rows)
    radius = float(random.uniform(0.15, 0.24))
    at = (-view.side * view.reach * float(random.uniform(0.10, 0.24)), float(random.uniform(0.02, 0.22)))
    _planet(view, random, at, radius)
    moon = (at[0] + view.side * radius * 1.9, at[1] + radius * float(random.uniform(0.3, 1.0)))
    _planet(view, random, moon, radius * 0.16)


_NEBULAE = ("8a2f5e 24579a", "2f7f8a 5a2f8a", "9a5a24 7a2448")
_PLANETS = ("c9a27a 8a5a3c f0dcc0", "3f78b8 1f4a86 e8f0f4", "b5563a 7a3020 e0a080", "7fb0a8 3c6f74 e6f2ea")


def _planet(view: View, random: np.random.Generator, at: tuple[float, float], radius: float) -> None:
    x, y, cover, (top, left) = _ball(view, at, radius)
    z = np.sqrt(np.maximum(1 - x * x - y * y, 0))
    tile = fractal(random, 1.8, 2)
    land, sea, cap = map(rgb, _PLANETS[int(random.integers(len(_PLANETS)))].split())
    # Bands drawn out along the equator, wound around the ball.
    belt = look(tile, x / (1 + z) * np.float32(0.25), y * np.float32(0.8)) + look(tile, x * 0.2 + 0.4, y * 0.2)
    colour = mix(mix(sea, land, step(-0.6, 1.0, belt)), cap, step(0.9, 2.2, belt) * np.float32(0.8))
    facing = np.clip(x * (view.side * 0.80) - y * 0.38 + z * 0.42, 0, 1)
    rim = np.clip(1 - z, 0, 1) ** 3 * facing * np.float32(0.7)
    view.over(mix(colour * (facing * 1.1 + 0.015)[..., None], rgb("d0e4ff"), rim), cover, top, left)


def _studio(view: View, rows: int) -> None:
    """Paint a sheet of paper hung over a table: wall and floor run into each other, one soft light from the side."""
    x = view.across[None]
    bend = step(-0.04, 0.14, (np.arange(rows, dtype=np.float32) - view.horizon) / np.float32(view.unit))
    base = mix(rgb("d3d0cc"), rgb("e6e3df"), bend)
    base = mix(toned(base, view.scene.sky), toned(base, view.scene.ground), bend) * view.light.disc
    dim = np.float32({"night": 0.35, "dusk": 0.6}.get(view.scene.time, 1.0))
    for top, bottom in view.bands(0, rows):
        y = ((np.arange(top, bottom) + 0.5 - view.horizon) / view.unit).astype(np.float32)[:, None]
        pool = np.exp(-(((x - view.side * 0.16) / 0.62) ** 2) - (((y + 0.12) / 0.55) ** 2))
        view.canvas[top:bottom] = np.minimum(base[top:bottom, None] * (0.62 + 0.46 * pool)[..., None] * dim, 1)
