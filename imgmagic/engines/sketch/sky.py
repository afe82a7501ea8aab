"""The sky: gradient, sun or moon, stars, clouds.

Fair-weather clouds are drawn one by one, far ones first: a heap of puffs with a flat base, its edge eaten by fractal
noise, lit from the sun's side. A covered sky is one sheet of noise seen in perspective. The sky's *tone* (what "a
deeper blue" changes) acts on the gradient only; light, haze and clouds keep the natural colours, so that the ground
does not change with it.
"""

# ruff: noqa: PLR2004 - the numbers are the drawing; names for them would only move them away

from __future__ import annotations

import numpy as np

from imgmagic.engines.sketch import vocabulary
from imgmagic.engines.sketch.noise import Floats, fractal, look, step
from imgmagic.engines.sketch.view import View, rgb, toned

_COVERED = vocabulary.COVERED


def paint(view: View) -> None:
    """Paint the whole sky on the canvas, down to just below the horizon."""
    rows = min(view.height, view.first + 2)
    _gradient(view, rows)
    scene = view.scene
    if scene.thing("stars"):
        _stars(view, rows)
    if scene.thing("moon"):
        _moon(view, rows)
    if scene.thing("sun"):
        _sun(view, rows)
    if scene.thing("clouds"):
        if scene.weather in _COVERED:
            _sheet(view, rows)
        else:
            _wisps(view, rows)
            _heaps(view, rows)
    if scene.thing("rainbow"):
        _rainbow(view, rows)


def _up(view: View, rows: int) -> Floats:
    return np.asarray(np.maximum((view.horizon - np.arange(rows, dtype=np.float32) - 0.5) / view.unit, 0), np.float32)


def _gradient(view: View, rows: int) -> None:
    light, tone = view.light, view.scene.sky
    high = _up(view, rows) / max(view.horizon / view.unit, 1e-3)
    stops = np.stack([light.horizon, light.middle * 0.45 + light.horizon * 0.55, light.middle, light.zenith])
    column = np.stack([np.interp(high, (0, 0.16, 0.48, 1), stops[:, c]) for c in range(3)], -1).astype(np.float32)
    # np.interp leaves kinks that the eye reads as bands.
    span = max(3, rows // 12) | 1
    padded = np.pad(column, ((span // 2, span // 2), (0, 0)), mode="edge")
    sums = np.cumsum(np.pad(padded, ((1, 0), (0, 0))), axis=0, dtype=np.float64)
    column = ((sums[span:] - sums[:-span]) / span).astype(np.float32)
    hue = vocabulary.COLOURS[tone.colour][0] if tone.colour else None
    view.canvas[:rows] = toned(column, tone, hue)[:, None]


def _from_sun(view: View, rows: int) -> Floats:
    """Distance from the sun's middle, in units."""
    dx = view.across - np.float32(view.sun[0])
    dy = _up(view, rows) - np.float32(view.sun[1])
    return np.sqrt(dx[None] ** 2 + dy[:, None] ** 2)


def _scale(view: View, kind: str) -> float:
    thing = view.scene.thing(kind)
    return {"small": 0.6, "large": 1.7}.get(thing.size if thing else "", 1.0)


def _sun(view: View, rows: int) -> None:
    far = _from_sun(view, rows) / np.float32(_scale(view, "sun"))
    low = view.scene.time in ("sunset", "dusk", "dawn")
    covered = view.scene.weather in _COVERED
    strength = 0.35 if covered else 1.0
    glow = np.exp(far * -9) * (0.55 if low else 0.42) + np.exp(far * -28) * 0.5
    glow *= strength
    sky = view.canvas[:rows]
    warm = view.light.disc * rgb((1, 0.86, 0.62) if low else (1, 0.98, 0.92))
    sky += (warm - sky) * np.minimum(glow, 1)[..., None]
    if not covered:
        edge = 1.6 / view.unit
        disc = step(0.031 + edge, 0.029 - edge, far) if low else np.exp(-((far / 0.028) ** 4))
        sky += (view.light.disc - sky) * disc[..., None]


def _moon(view: View, rows: int) -> None:
    far = _from_sun(view, rows)
    sky = view.canvas[:rows]
    sky += (np.exp(far * -12) * 0.16 + np.exp(far * -3.5) * 0.06)[..., None] * rgb((0.62, 0.72, 0.95))
    radius = 0.034 * _scale(view, "moon")
    x0 = int((view.sun[0] - radius) * view.unit + view.width / 2) - 2
    y0 = int(view.horizon - (view.sun[1] + radius) * view.unit) - 2
    side = int(2 * radius * view.unit) + 5
    px = (np.arange(side, dtype=np.float32) + x0 + 0.5 - view.width / 2) / view.unit - view.sun[0]
    py = view.sun[1] - (view.horizon - np.arange(side, dtype=np.float32) - y0 - 0.5) / view.unit
    near = np.sqrt(px[None] ** 2 + py[:, None] ** 2) / radius
    seas = look(fractal(view.rng("moon"), 1.7, 2, 128), px[None] * 9 + 0.3, py[:, None] * 9)
    face = 0.93 - 0.16 * step(0.1, 1.1, seas) - 0.10 * near**3
    edge = 1.2 / (radius * view.unit)
    cover = step(1 + edge, 1 - edge, near)
    view.over(face[..., None] * rgb((1.0, 0.985, 0.94)), cover, y0, x0)


def _stars(view: View, rows: int) -> None:
    random = view.rng("stars")
    amount = view.scene.thing("stars").amount  # type: ignore[union-attr]
    count = int(1100 * amount * view.width / view.unit * view.horizon / view.unit)
    x, y = random.random(count), random.random(count) ** 1.3
    bright = random.random(count) ** 5 * 0.9 + 0.10
    warmth = random.random(count)
    sky = view.canvas[:rows]
    size = max(0.62, view.unit / 1500)
    reach = int(np.ceil(size * 2.5))
    cx, cy = x * view.width, y * rows
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            ix, iy = np.floor(cx).astype(int) + dx, np.floor(cy).astype(int) + dy
            seen = (ix >= 0) & (ix < view.width) & (iy >= 0) & (iy < rows)
            spot = (
                np.exp(-((ix + 0.5 - cx) ** 2 + (iy + 0.5 - cy) ** 2) / (2 * size**2 * (0.4 + bright)))
                * bright
                * (1 - 0.75 * y)
            )
            tint = np.stack([0.85 + 0.15 * warmth, np.full(count, 0.9), 1.0 - 0.2 * warmth], -1)
            np.add.at(sky, (iy[seen], ix[seen]), (spot[:, None] * tint)[seen].astype(np.float32))
    band = view.rng("milky way")
    tile = fractal(band, 1.5, 2)
    xs, up = view.across[None], _up(view, rows)[:, None]
    along = up - 0.28 - 0.55 * xs
    milk = np.exp(-((along / 0.13) ** 2)) * np.clip(0.5 + 0.4 * look(tile, xs * 0.9, up * 0.9), 0, 1.4)
    sky += (milk * 0.075)[..., None] * rgb((0.75, 0.8, 1.0))
    np.minimum(sky, 1, out=sky)


def _cloud_light(view: View) -> tuple[Floats, Floats]:
    """Give the colours of a cloud's lit and shaded side."""
    light = view.light
    if view.scene.time == "night":
        return light.middle * 1.5 + 0.06, light.middle * 0.8
    if view.scene.time == "day":
        return rgb((1.0, 0.995, 0.985)), light.middle * 0.32 + rgb((0.46, 0.48, 0.52))
    return np.minimum(light.key * 0.85 + 0.22, 1), light.middle * 0.62 + light.zenith * 0.30 + 0.05


def _heaps(view: View, rows: int) -> None:
    """Fair-weather clouds, the far and low ones first."""
    random = view.rng("clouds")
    thing = view.scene.thing("clouds")
    amount = (thing.amount if thing else 1) * (1.7 if view.scene.weather == "cloudy" else 0.85)
    wide, high = view.width / view.unit, view.horizon / view.unit
    count = max(2, round(13 * amount * wide))
    tile = fractal(random, 1.9, 2)
    clouds = sorted((float(high * random.random() ** 1.6 * 0.92 + 0.035), int(k)) for k in range(count))
    for up, number in clouds:
        each = view.rng("cloud", number)
        size = (0.05 + 0.50 * up) * each.uniform(0.6, 1.35)
        _heap(view, rows, tile, (each.uniform(-0.58, 0.58) * wide, up, size), each)


def _heap(view: View, rows: int, tile: Floats, spot: tuple[float, float, float], random: np.random.Generator) -> None:
    x0, base, size = spot
    tall = size * random.uniform(0.30, 0.44)
    left = max(0, int((x0 - size * 0.85) * view.unit + view.width / 2))
    right = min(view.width, int((x0 + size * 0.85) * view.unit + view.width / 2))
    top = max(0, int(view.horizon - (base + tall * 1.7) * view.unit))
    bottom = min(rows, int(view.horizon - (base - tall * 0.45) * view.unit))
    if right - left < 4 or bottom - top < 4:
        return
    px = (view.across[left:right] - np.float32(x0)) / np.float32(size)
    py = (_up(view, rows)[top:bottom] - np.float32(base)) / np.float32(tall)
    field = np.full((bottom - top, right - left), -1.0, np.float32)
    for number in range(20):
        # A row of puffs for the base, then heads above it, highest in the middle.
        at = (number - 3.5) * 0.095 if number < 8 else random.normal(0, 0.17)
        radius = random.uniform(0.13, 0.22) * (1.05 - abs(at))
        lift = 0.10 if number < 8 else random.uniform(0.15, 0.85) * max(0.1, 1 - (at / 0.42) ** 2)
        puff = 1 - ((px[None] - at) / radius) ** 2 - ((py[:, None] - lift) / (radius * 2.3)) ** 2
        np.maximum(field, puff.astype(np.float32), out=field)
    field = np.maximum(field, -2.0)
    shift_x, shift_y = random.random(2).astype(np.float32)
    scale = np.float32(0.42)
    u, v = px[None] * scale + shift_x, py[:, None] * scale * np.float32(tall / size) + shift_y
    eaten = look(tile, u, v)
    field += 0.40 * eaten
    field -= step(0.10, -0.22, py)[:, None] * 2.0
    cover = step(-0.10, 0.62, field)
    toward = np.sign(view.sun[0] - x0)
    relief = eaten - look(tile, u + toward * np.float32(0.030), v + np.float32(0.05 * tall / size))
    lit = 0.30 + 0.52 * py[:, None] + 0.42 * relief + 0.22 * toward * px[None]
    lit = lit + 0.45 * (1 - cover)
    bright, dark = _cloud_light(view)
    lit = np.clip(lit, 0, 1)[..., None]
    colour = dark + (bright - dark) * lit
    # Distant clouds sink into the haze above the horizon.
    clear = np.float32(1 - np.exp(-base / 0.16))
    colour = view.light.horizon + (colour - view.light.horizon) * (0.35 + 0.65 * clear)
    view.over(np.asarray(colour, np.float32), cover * np.float32(0.55 + 0.42 * clear), top, left)


def _wisps(view: View, rows: int) -> None:
    """High, thin streaks in perspective; at sunset they are lit from below."""
    random = view.rng("wisps")
    thing = view.scene.thing("clouds")
    up = _up(view, rows)[:, None] + np.float32(0.05)
    x = view.across[None] / up
    tile = fractal(random, 1.75, 2)
    turn = np.float32(random.uniform(-0.3, 0.3))
    z = 1 / up
    field = look(tile, (x + z * turn) * 0.055 + 0.2, z * 0.16) + 0.5 * look(tile, x * 0.15, z * 0.5 + 0.4)
    low = view.scene.time in ("sunset", "dusk", "dawn")
    amount = thing.amount if thing else 1.0
    cover = step(0.5 - 0.25 * amount if low else 1.0, 3.0, field) * np.minimum(up * 7, 1) * (0.9 if low else 0.45)
    bright, dark = _cloud_light(view)
    if low:
        near = np.exp(_from_sun(view, rows) * -2.2)[..., None]
        colour = dark + (bright - dark) * near
    else:
        colour = np.broadcast_to(bright, (*cover.shape, 3))
    view.over(np.asarray(colour, np.float32), cover.astype(np.float32), 0, 0)


def _sheet(view: View, rows: int) -> None:
    """Cover the sky with one layer of noise in perspective, thick parts dark, gaps bright."""
    random = view.rng("sheet")
    weather = view.scene.weather
    tile = fractal(random, 1.55, 2)
    up = _up(view, rows)[:, None] + np.float32(0.11)
    x, z = view.across[None] / up, 1 / up
    u, v = x * np.float32(0.085) + np.float32(random.random()), z * np.float32(0.11)
    body = look(tile, u, v)
    relief = body - look(tile, u + np.float32(0.012 * np.sign(view.sun[0])), v + np.float32(0.016))
    fade = np.minimum((up - 0.1) * 6, 1)
    contrast = {"storm": 0.34, "rain": 0.20, "overcast": 0.18, "snow": 0.10, "fog": 0.04}[weather]
    shade = 1 + (contrast * (-0.55 * body + 1.25 * relief)) * fade
    sky = view.canvas[:rows]
    sky *= np.clip(shade, 0.35, 1.6)[..., None]
    if weather in ("storm", "rain"):
        # Curtains of rain under the clouds, and a pale band where the storm ends.
        fall = look(tile, view.across[None] * 0.6, up * 0.06 + 0.5)
        veil = np.exp(-(((up - 0.2) / 0.10) ** 2)) * np.clip(fall * 0.22, 0, 0.3)
        sky += (view.light.zenith * 0.8 - sky) * veil[..., None]
    np.clip(sky, 0, 1, out=sky)


def _rainbow(view: View, rows: int) -> None:
    far = np.sqrt(
        (view.across[None] + np.float32(np.sign(view.sun[0]) * 0.12)) ** 2 + (_up(view, rows)[:, None] + 0.12) ** 2
    )
    band = (far - 0.50) / 0.055
    red, green, blue = (np.exp(-(((band - at) / 0.24) ** 2)) for at in (0.80, 0.52, 0.24))
    strength = (0.26 * np.clip(1.1 - 0.6 * _up(view, rows), 0, 1))[:, None]
    view.canvas[:rows] += np.stack([red, green, blue], -1) * strength[..., None]
    np.minimum(view.canvas[:rows], 1, out=view.canvas[:rows])
