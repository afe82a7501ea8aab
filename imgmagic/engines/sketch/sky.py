"""The sky: gradient, sun or moon, stars, clouds; and the two places under no sky, space and the studio.

Fair-weather clouds are drawn one by one, far ones first: a heap of puffs with a flat base, its edge eaten by fractal
noise, lit from the sun's side. High streaks, and the sheet that covers a sky, are noise seen in perspective. The sky's
*tone* (what "a deeper blue" changes) acts on the gradient only; light, haze and clouds keep the natural colours, so
that the ground does not change with it.
"""

# ruff: noqa: PLR2004 - the numbers are the drawing; names for them would only move them away

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imgmagic.engines.sketch.noise import Floats, fractal, look, step
from imgmagic.engines.sketch.view import View, mix, palette, rgb, scaled, toned
from imgmagic.engines.sketch.vocabulary import SKYLESS

if TYPE_CHECKING:
    from collections.abc import Callable

    from imgmagic.engines.sketch.scene import Thing


def paint(view: View) -> None:
    """Paint the whole sky on the canvas, down to the horizon, and haze below it."""
    scene = view.scene
    rows = view.height if scene.place in SKYLESS else min(view.height, view.first)
    view.canvas[rows:] = view.light.mist
    {"space": _space, "studio": _studio}.get(scene.place, _gradient)(view, rows)
    for kind, draw in _ABOVE.items():
        thing = scene.thing(kind)
        # Where there is a rainbow, the sun is behind us.
        if thing is not None and not (kind == "sun" and scene.thing("rainbow")):
            draw(view, rows, thing)
    if scene.place == "space":
        _planets(view)


def _gradient(view: View, rows: int) -> None:
    light, high = view.light, view.horizon / view.unit

    def glow(_sky: Floats, _x: Floats, y: Floats) -> Floats:
        low = mix(light.horizon, light.middle, step(-0.04, 0.60, y / high))
        sky = toned(mix(low, light.zenith, step(0.45, 1.20, y / high)), view.scene.sky)
        # Fog lies low: the steeper one looks, the less of it is in the way.
        return light.veil(sky, 15 / (y + 0.05)) if view.scene.weather == "fog" else sky

    view.wash(0, rows, glow)


def _far(view: View, x: Floats, y: Floats) -> Floats:
    """Distance from the sun's middle, in units."""
    return np.asarray(np.hypot(x - view.sun[0], y - view.sun[1]))


def _size(thing: Thing) -> float:
    return {"small": 0.6, "large": 1.7}.get(thing.size, 1.0)


def _sun(view: View, rows: int, thing: Thing) -> None:
    low, strength = view.low, 0.35 if view.covered else 1.0
    warm = view.light.disc * rgb((1, 0.86, 0.62) if low else (1, 0.98, 0.92))
    edge = 1.6 / view.unit

    def shine(sky: Floats, x: Floats, y: Floats) -> Floats:
        far = _far(view, x, y) / _size(thing)
        glow = np.exp(far * -9) * (0.55 if low else 0.42) + np.exp(far * -28) * 0.5
        disc = step(0.031 + edge, 0.029 - edge, far) if low else np.exp(-((far / 0.028) ** 4))
        return mix(mix(sky, warm, np.minimum(glow, 1) * strength), view.light.disc, disc * (not view.covered))

    view.wash(0, rows, shine)


def _moon(view: View, rows: int, thing: Thing) -> None:
    def shine(sky: Floats, x: Floats, y: Floats) -> Floats:
        far = _far(view, x, y)
        return mix(sky, rgb("9eb8f2"), np.exp(far * -22) * 0.5 + np.exp(far * -3.5) * 0.09)

    view.wash(0, rows, shine)
    colours = palette("b0ada6 dedbd2 e8e4da")
    _ball(view, view.rng("moon"), (view.sun, 0.034 * _size(thing)), colours, (0, 0, 9), 0.4 if view.covered else 1)


def _stars(view: View, rows: int, thing: Thing) -> None:
    random = view.rng("stars")
    count = int(1100 * thing.amount * view.reach * rows / view.unit * (0.3 if view.covered or view.low else 1))
    size = max(0.62, view.unit / 1500)
    reach = int(np.ceil(size * 2.5))
    # Where there is no sky, there is no haze above a horizon that takes the lower ones.
    haze = 0 if view.scene.place == "space" else 0.75
    x = reach + random.random(count) * (view.width - 2 * reach - 1)
    y = reach + random.random(count) ** 1.2 * (rows - 2 * reach - 1)
    bright = random.random(count) ** 5 * 0.9 + 0.10
    tint = mix(rgb("d9e6ff"), rgb("ffe6cc"), random.random(count)) * (bright * (1 - haze * y / rows))[:, None]
    for offset in np.ndindex(2 * reach + 1, 2 * reach + 1):
        row, column = y.astype(int) + offset[0] - reach, x.astype(int) + offset[1] - reach
        far = (column + 0.5 - x) ** 2 + (row + 0.5 - y) ** 2
        spot = np.exp(-far / (2 * size**2 * (0.4 + bright)))
        np.add.at(view.canvas, (row, column), tint * spot[:, None].astype(np.float32))
    if view.scene.time == "night" and haze:
        _nebula(view, rows, ["bfccff"], (0.28, -0.55 * view.side, 0.13), 0.07)


def _nebula(view: View, rows: int, hues: list[str], lane: tuple[float, float, float], strength: float) -> None:
    """Draw glowing dust along a lane: its height, its slope and its width."""
    random = view.rng("nebula")
    tile, fine = fractal(random, 1.9, 2), fractal(random, 1.3, 3)
    at, slope, wide = lane

    def glow(sky: Floats, x: Floats, y: Floats) -> Floats:
        dust = np.clip(0.70 + 0.5 * look(fine, x * 0.5, y * 0.5), 0.05, 1.5) * strength
        dust *= np.exp(-(((y + x * slope - at) / wide) ** 2))
        for number, hue in enumerate(hues):
            cloud = np.clip(0.45 + 0.5 * look(tile, x * 0.3 + number * 0.5, y * 0.3), 0, 1.6)
            sky = sky + rgb(hue) * (dust * cloud * cloud)[..., None]
        return toned(sky, view.scene.sky) if view.scene.place == "space" else sky

    view.wash(0, rows, glow)


def _cloud_light(view: View) -> tuple[Floats, Floats]:
    """Give the colours of a cloud's lit and shaded side."""
    light = view.light
    if view.scene.time == "night":
        return light.middle * 1.5 + 0.06, light.middle * 0.8
    if view.scene.time == "day":
        return rgb("fffefb"), light.middle * 0.32 + rgb((0.46, 0.48, 0.52))
    return np.minimum(light.key * 0.85 + 0.22, 1), light.middle * 0.65 + light.zenith * 0.25


#: How dark the clouds of a covered sky are; fog has none.
_CONTRAST = {"storm": 0.30, "rain": 0.13, "overcast": 0.10, "snow": 0.07, "fog": 0.0}


def _clouds(view: View, rows: int, thing: Thing) -> None:
    """Draw a layer of clouds: a sheet that covers the sky, thick parts dark, or streaks, and heaps before them."""
    random = view.rng("layer")
    tile = fractal(random, 1.6, 2)
    shift, turn, side = random.random(), random.uniform(-0.3, 0.3), 0.012 * view.light.side
    bright, dark = _cloud_light(view)
    start = 0.5 - 0.25 * thing.amount if view.low else 1.0

    def layer(sky: Floats, x: Floats, y: Floats) -> Floats:
        # A sheet hangs lower than streaks do: its billows are less foreshortened.
        z = 1 / (np.maximum(y, 0) + (0.20 if view.covered else 0.08))
        u, v = (x + turn * (not view.covered)) * z * (0.11 if view.covered else 0.07) + shift, z * 0.12
        body = look(tile, u, v) + 0.4 * look(tile, u * 2.7, v * 3.1)
        if view.covered:
            relief = body - look(tile, u + side, v + 0.016)
            shade = _CONTRAST[view.scene.weather] * (1.25 * relief - 0.55 * body) * np.minimum((y + 0.01) * 6, 1)
            if view.scene.weather == "storm":
                # Far away it is torn, and the light comes in below it.
                slot = np.exp(-(((y - 0.04 - 0.014 * body) / 0.030) ** 2)) * step(
                    -1.2, 0.9, look(tile, u * 0.4, v * 0.2)
                )
                shade += 1.5 * slot - 0.25 * step(0.07, 0.16, y) * step(0.5, 0.2, y)
            return scaled(sky, np.clip(1 + shade, 0.35, 2.6))
        cover = step(start, 3.0, body) * np.minimum(7 / z, 1) * (0.7 if view.low else 0.45)
        # At sunset they are lit from below.
        near = np.exp(_far(view, x, y) * -2.2) if view.low else np.ones_like(cover)
        return mix(sky, mix(dark, bright, near), cover)

    view.wash(0, rows, layer)
    if not view.covered:
        _heaps(view, rows, thing.amount * (1.7 if view.scene.weather == "cloudy" else 0.85))


def _heaps(view: View, rows: int, amount: float) -> None:
    """Draw fair-weather clouds, the far and low ones first."""
    random = view.rng("clouds")
    tile = fractal(random, 1.9, 2)
    count = max(2, round(13 * amount * view.reach))
    placed = [(*view.sun, 0.12)]
    for share, number in sorted(
        (random.random() ** (2.6 if view.low else 1.6) * 0.92, number) for number in range(count)
    ):
        view.pause()
        each = view.rng("cloud", number)
        base = view.horizon / view.unit * share + 0.035
        size = (0.05 + 0.50 * base) * each.uniform(0.6, 1.35)
        x = each.uniform(-0.58, 0.58) * view.reach
        # None before the sun, where what is pale would be seen only on its disc, and none before another.
        if all(np.hypot(x - left, base + size * 0.2 - up) > (size + wide) * 0.42 for left, up, wide in placed):
            placed.append((x, base + size * 0.2, size))
            _heap(view, rows, tile, (x, base, size), each)


def _heap(view: View, rows: int, tile: Floats, spot: tuple[float, float, float], random: np.random.Generator) -> None:
    x0, base, size = spot
    # Towards the evening they flatten and dissolve.
    tall = size * random.uniform(0.30, 0.44) * (0.4 if view.low else 1)
    left, right = (int(np.clip((x0 + size * s) * view.unit + view.width / 2, 0, view.width)) for s in (-0.85, 0.85))
    top, bottom = (int(np.clip(view.horizon - (base + tall * s) * view.unit, 0, rows)) for s in (2.4, -0.9))
    if right - left < 4 or bottom - top < 4:
        return
    x = (view.across[left:right] - x0)[None] / size
    y = ((view.horizon - 0.5 - np.arange(top, bottom, dtype=np.float32))[:, None] / view.unit - base) / tall
    shift = random.random()
    u, v = x * (0.14 if view.low else 0.42) + shift, y * (0.42 * tall / size) + shift
    eaten = look(tile, u, v)
    # The base is straight, but not ruled.
    field = _puffs(x, y, random) + 0.30 * eaten - step(0.12, -0.24, y + 0.06 * eaten) * 2.0
    cover = step(-0.7, 1.5, field + 0.75 * eaten) if view.low else step(-0.10, 0.62, field)
    cover *= step(0.85, 0.65, np.abs(x)) * step(2.4, 1.9, y) * step(-0.9, -0.6, y)
    toward = float(np.sign(view.sun[0] - x0))
    relief = eaten - look(tile, u + toward * 0.030, v + 0.05 * tall / size)
    lit = 0.30 + 0.52 * y + 0.2 * (1 - cover) + 0.42 * relief + 0.22 * toward * x
    if view.low:
        # The sun behind them lights their rims only, on its side and below.
        lit = (1 - cover) * (0.7 + 1.2 * toward * x) - 0.3 * y
    bright, dark = _cloud_light(view)
    # Distant clouds sink into the haze above the horizon.
    clear = 1 - float(np.exp(-base / 0.16))
    colour = mix(dark, bright, np.clip(lit, 0, 1))
    colour = view.light.horizon + (colour - view.light.horizon) * (0.35 + 0.65 * clear)
    view.over(colour, cover * (0.55 + 0.42 * clear), top, left)


def _puffs(x: Floats, y: Floats, random: np.random.Generator) -> Floats:
    """Give a field of puffs: a row of them for the base, then heads above it, highest in the middle."""
    field = np.maximum(1 - (x / 0.46) ** 2 - ((y - 0.25) / 0.5) ** 2, -2)
    for number in range(20):
        at = (number - 3.5) * 0.095 if number < 8 else random.normal(0, 0.17)
        radius = random.uniform(0.13, 0.22) * (1.05 - abs(at))
        lift = 0.10 if number < 8 else random.uniform(0.15, 0.85) * max(0.1, 1 - (at / 0.42) ** 2)
        np.maximum(field, 1 - ((x - at) / radius) ** 2 - ((y - lift) / (radius * 2.3)) ** 2, out=field)
    return field


_BOW = "9a62c4 4a86d8 58b878 f0e070 f0a04a e05540"


def _rainbow(view: View, rows: int, _thing: Thing) -> None:
    """Draw a bow, the sky lighter within and darker without; it goes out above the ground."""
    stops = np.stack(palette(_BOW))

    def bow(sky: Floats, x: Floats, y: Floats) -> Floats:
        band = (np.hypot(x + np.sign(view.sun[0]) * 0.26, y + 0.12) - 0.50) / 0.055
        colours = np.stack([np.interp(band, np.linspace(0, 1, 6), stops[:, c]) for c in range(3)], -1)
        share = step(-0.15, 0.25, band) * step(1.15, 0.75, band) * step(0.0, 0.12, y) * 0.65
        return mix(sky * (1.05 - 0.12 * step(0, 1, band))[..., None], colours, share)

    view.wash(0, rows, bow)


_ABOVE: dict[str, Callable[[View, int, Thing], None]] = {
    "stars": _stars,
    "clouds": _clouds,
    # They shine through thin clouds; what is as pale as they are would be seen on their discs only.
    "moon": _moon,
    "sun": _sun,
    "rainbow": _rainbow,
}


# Places under no sky

_NEBULAE = ("8a2f5e 24579a", "2f7f8a 5a2f8a", "9a5a24 7a2448")
_PLANETS = ("8a5a3c c9a27a f0dcc0", "1f4a86 3f78b8 e8f0f4", "7a3020 b5563a e0a080", "3c6f74 7fb0a8 e6f2ea")


def _space(view: View, rows: int) -> None:
    """Nebulae in two colours."""
    random = view.rng("space")
    view.canvas[:] = rgb("05060d")
    hues = _NEBULAE[random.integers(len(_NEBULAE))].split()
    _nebula(view, rows, hues, (0.1, random.uniform(-0.5, 0.5), 0.34), 0.95)


def _planets(view: View) -> None:
    """Draw a planet and its moon, lit from the composition's side."""
    random = view.rng("planets")
    radius = random.uniform(0.15, 0.24)
    x, y = -view.side * view.reach * random.uniform(0.10, 0.24), random.uniform(0.02, 0.22)
    moon = (x + view.side * radius * 1.9, y + radius * random.uniform(0.3, 1.0))
    for disc in (((x, y), radius), (moon, radius * 0.16)):
        colours = palette(_PLANETS[random.integers(len(_PLANETS))])
        _ball(view, random, disc, colours, (view.side * 0.80, 0.38, 0.42), bands=3)


def _ball(
    view: View,
    random: np.random.Generator,
    disc: tuple[tuple[float, float], float],
    colours: list[Floats],
    light: tuple[float, float, float],
    solid: float = 1.0,
    bands: float = 1.0,
) -> None:
    """Draw a moon or a planet: seas, land and ice in bands along its equator, lit from one side."""
    at, radius = disc
    left = int((at[0] - radius) * view.unit + view.width / 2) - 2
    top = int(view.horizon - (at[1] + radius) * view.unit) - 2
    side = np.arange(int(2 * radius * view.unit) + 5, dtype=np.float32) + 0.5
    x = ((side + left - view.width / 2) / view.unit - at[0])[None] / radius
    y = ((view.horizon - side - top) / view.unit - at[1])[:, None] / radius
    z = np.sqrt(np.maximum(1 - x * x - y * y, 0))
    tile = fractal(random, 1.8, 2)
    belt = look(tile, x / (1 + z) * 0.25, y * 0.25 * bands) + look(tile, x * 0.2 + 0.4, y * 0.2)
    sea, land, ice = colours
    colour = mix(mix(sea, land, step(-0.6, 1.0, belt)), ice, step(0.9, 2.2, belt) * 0.8)
    facing = np.clip(x * light[0] + y * light[1] + z * light[2], 0, 1)
    rim = np.clip(1 - z, 0, 1) ** 3 * facing * 0.7
    edge = 1.2 / (radius * view.unit)
    cover = step(1 + edge, 1 - edge, np.hypot(x, y)) * solid
    view.over(mix(colour * (facing * 1.1 + 0.015)[..., None], rgb("d0e4ff"), rim), cover, top, left)


def _studio(view: View, rows: int) -> None:
    """Paint a sheet of paper hung over a table: wall and floor run into each other, one soft light from the side."""
    scene = view.scene
    dim = {"night": 0.35, "dusk": 0.6}.get(scene.time, 1.0)
    wall, floor = toned(rgb("d3d0cc"), scene.sky), toned(rgb("e6e3df"), scene.ground)

    def paper(_sky: Floats, x: Floats, y: Floats) -> Floats:
        pool = np.exp(-(((x - view.side * 0.16) / 0.62) ** 2) - (((y - 0.12) / 0.55) ** 2))
        return mix(wall, floor, step(0.04, -0.14, y)) * view.light.disc * (0.62 + 0.46 * pool)[..., None] * dim

    view.wash(0, rows, paper)
