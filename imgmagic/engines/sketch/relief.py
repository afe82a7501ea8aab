"""Hills, dunes and mountains: a small ray caster for height fields.

Columns of the picture are slices of the world. For every column the height is evaluated at a few hundred depths,
projected, and the running highest point seen from the camera tells which depth each pixel sees. All of it is array work
(no loop over pixels or depths), done at twice the resolution and averaged, in bands of columns: memory stays flat.
"""

# ruff: noqa: ARG001 - every albedo is asked with the same four arguments, whether it needs them or not

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from imgmagic.engines.sketch import vocabulary
from imgmagic.engines.sketch.noise import Floats, fractal, look, ridged, step
from imgmagic.engines.sketch.view import View, rgb, toned

if TYPE_CHECKING:
    from imgmagic.engines.sketch.shore import Shore

Height: TypeAlias = Callable[[Floats, Floats], Floats]
#: x, z, height, flatness (1 is level) -> colour (..., 3)
Albedo: TypeAlias = Callable[[Floats, Floats, Floats, Floats], Floats]

_OVER = 2
_BAND = 384
#: So far under the ground is no ground; as a height and, projected, as a row.
_NOWHERE = 1e7


def cast(view: View, depths: Floats, height: Height, albedo: Albedo, *, steep: bool = True) -> None:
    """Draw a height field on the canvas.

    Parameters
    ----------
    view
        Where to draw; everything that the surface hides is painted over.
    depths
        z of the slices, rising; about one slice per row that the surface will fill.
    height
        World height at (x, z).
    albedo
        Colour at (x, z, height, flatness), shape (..., 3).
    steep
        Whether outlines are steep; those of gentle hills are smooth with twice the rows alone.
    """
    columns = _OVER if steep else 1
    wide = view.width * columns
    for start in range(0, wide, _BAND):
        stop = min(start + _BAND, wide)
        edge = (np.arange(start - 1, stop + 1, dtype=np.float32) + 0.5) / columns
        across = (edge - np.float32(view.width / 2)) / np.float32(view.unit)
        z = depths[:, None]
        x = across[None] * z
        high = height(x, z)
        colour = _shade(view, (x, z, across), high, albedo)
        _fill(view, (z, high[:, 1:-1]), colour, (start // columns, columns))


def _shade(view: View, grid: tuple[Floats, Floats, Floats], high: Floats, albedo: Albedo) -> Floats:
    x, z, across = grid
    high = np.maximum(high, np.float32(-1))
    gx = (high[:, 2:] - high[:, :-2]) / (x[:, 2:] - x[:, :-2])
    # What is seen of a crest is its near side: the slope towards the camera, not the mean of both.
    rise = np.diff(high[:, 1:-1], axis=0) / np.diff(z, axis=0)
    gz = np.concatenate([rise[:1], rise]) - gx * across[None, 1:-1]
    length = 1 / np.sqrt(1 + gx * gx + gz * gz)
    lx, ly, lz = view.light.direction
    facing = (ly - gx * np.float32(lx) - gz * np.float32(lz)) * length
    colour = view.light.on(albedo(x[:, 1:-1], z, high[:, 1:-1], length), facing)
    return view.light.veil(colour, z)


def _fill(view: View, surface: tuple[Floats, Floats], colour: Floats, place: tuple[int, int]) -> None:
    z, high = surface
    left, finer = place
    rows = (view.horizon + (1 - high) / z * np.float32(view.unit)) * _OVER
    seen = np.minimum.accumulate(rows, axis=0)
    first = max(0, int(seen[-1].min()) // _OVER)
    # No row below the nearest slice can see the surface, however deep its valleys (1 below the plane at most).
    last = min(view.height, int(view.horizon + 2 / float(z[0, 0]) * view.unit) + 2)
    count, columns = (last - first) * _OVER, high.shape[1]
    if count <= 0:
        return
    slices = len(z)
    at = np.clip(np.ceil(seen - np.float32(first * _OVER + 0.5)), 0, count).astype(np.int32)
    at *= columns
    at += np.arange(columns, dtype=np.int32)
    hits = np.bincount(at.ravel(), minlength=(count + 1) * columns).reshape(count + 1, columns)
    # A pixel row sees the first slice whose running top reaches it: count the slices that stay below.
    index = slices - np.cumsum(hits[:count], axis=0)
    # Below its nearest slice a field is not known; where it lies far under the ground it is not there.
    solid = (index < slices) & (index > 0)
    np.minimum(index, slices - 1, out=index)
    flat = index * columns + np.arange(columns)
    before = np.maximum(flat - columns, np.arange(columns))
    top, under = seen.ravel().take(flat), seen.ravel().take(before)
    came = rows.ravel().take(before)
    solid &= came < _NOWHERE / 10
    row = np.arange(count, dtype=np.float32)[:, None] + np.float32(first * _OVER + 0.5)
    mix = np.clip((under - row) / np.maximum(under - top, 1e-3), 0, 1)
    mix[came > under + 0.5] = 1
    flat_colour = colour.reshape(-1, 3)
    pixels = flat_colour.take(flat.ravel(), axis=0).reshape(count, columns, 3)
    earlier = flat_colour.take(before.ravel(), axis=0).reshape(count, columns, 3)
    pixels -= earlier
    pixels *= mix[..., None]
    pixels += earlier
    pixels *= solid[..., None]
    cover = solid.astype(np.float32)
    cover = _reduced(cover, finer)
    view.over(_reduced(pixels, finer) / np.maximum(cover, 1e-3)[..., None], cover, first, left)


def _reduced(pixels: Floats, finer: int) -> Floats:
    """Average pairs of rows, and pairs of columns if they are finer too."""
    total = pixels[0::2] + pixels[1::2]
    if finer == _OVER:
        total = total[:, 0::2] + total[:, 1::2]
    total *= np.float32(0.5 / finer)
    return total


def mountains(view: View) -> None:
    """Draw the range at the horizon: forest at its foot, rock, snow on what is high and not steep."""
    random = view.rng("mountains")
    thing = view.scene.thing("mountains")
    tall = {"small": 0.6, "large": 1.35}.get(thing.size if thing else "", 1.0) * 15.5
    crest = ridged(random)
    mottle = fractal(random, 1.3, 2)
    shift = random.random(4).astype(np.float32)
    peaks = [(random.uniform(-0.55, 0.55), random.uniform(0.16, 0.30), random.uniform(0.55, 1)) for _ in range(4)]

    def height(x: Floats, z: Floats) -> Floats:
        angle = x / z
        # Where the range stands high and where it opens: big shapes are composed, the ridges are noise.
        rise = np.float32(0.34) + sum(
            (np.float32(h * 0.62) * np.exp(-(((angle - np.float32(a)) / np.float32(w)) ** 2)) for a, w, h in peaks),
            np.float32(0),
        )
        swell = look(crest, x / 190 + shift[0], z / 190 + shift[1])
        fine = look(crest, x / 61 + shift[2], z / 61 + shift[3])
        front = step(30, 84, z + 16 * (swell - 0.5))
        return np.asarray(tall * rise * front * (0.10 + 0.95 * swell + 0.20 * fine * (0.3 + swell)) - 0.15, np.float32)

    snowy = view.scene.weather == "snow" or view.scene.place == "snow"
    line = 1.5 if snowy else 6.2 * tall / 15.5

    def albedo(x: Floats, z: Floats, high: Floats, flatness: Floats) -> Floats:
        spots = look(mottle, x / 23, z / 23)
        rock = rgb((0.47, 0.45, 0.44)) + spots[..., None] * rgb((0.05, 0.045, 0.04))
        wood = rgb((0.13, 0.21, 0.12)) + spots[..., None] * rgb((0.03, 0.045, 0.02))
        wooded = step(0.55, 0.80, flatness + 0.05 * spots) * step(line * 0.75, line * 0.40, high + 0.5 * spots)
        colour = rock + (wood - rock) * wooded[..., None]
        snow = step(line, line + 2.4, high + 1.3 * spots + 4.0 * (flatness - 0.62))
        return np.asarray(colour + (rgb((0.97, 0.98, 1.0)) - colour) * snow[..., None], np.float32)

    slices = int(np.clip(view.unit * 0.34, 120, 700))
    cast(view, np.geomspace(28, 150, slices, dtype=np.float32), height, albedo)


def headland(view: View, shore: Shore) -> None:
    """Draw the wooded hills behind a beach, where the land goes out of sight."""
    random = view.rng("headland")
    swell, leaf = fractal(random, 2.2, 3), fractal(random, 1.1, 8)

    def height(x: Floats, z: Floats) -> Floats:
        inland = -shore.out(x, z)
        rise = step(1.2, 9, inland) * step(13, 32, z)
        ragged = look(leaf, x / 9, z / 9) * np.float32(0.13) * step(1.5, 3, inland)
        return np.asarray(
            np.where(inland > 1.0, rise * (1.75 + 0.95 * look(swell, x / 52, z / 70) + ragged), -_NOWHERE), np.float32
        )

    def albedo(x: Floats, z: Floats, high: Floats, flatness: Floats) -> Floats:
        spots = look(leaf, x / 5, z / 7)
        wood = rgb((0.17, 0.27, 0.10)) * (1 + 0.30 * spots)[..., None]
        return np.asarray(
            wood + (rgb((0.80, 0.70, 0.53)) - wood) * step(0.22, 0.05, high + 0.03 * spots)[..., None], np.float32
        )

    cast(view, np.geomspace(13, 70, int(np.clip(view.unit * 0.16, 60, 300)), dtype=np.float32), height, albedo)


def land(view: View, kind: str) -> None:
    """Draw the open country in front: ``meadow``, ``desert`` or ``snow``."""
    random = view.rng("land")
    lowest = (view.height - view.horizon) / view.unit * 1.25
    view.canvas[view.first - 1 :] = view.light.horizon
    near = 1 / np.linspace(lowest, 0.10, int(view.unit * 0.52), dtype=np.float32)
    far = np.geomspace(10.2, 260, int(view.unit * 0.30) + 60, dtype=np.float32)
    height = _dunes(random) if kind == "desert" else _rolling(random, snowy=kind == "snow")
    paint = {"meadow": _grass, "desert": _dune_sand, "snow": _snow}[kind](random)
    shade = rgb((0.70, 0.66, 0.72)) if view.scene.place == "forest" else rgb((1, 1, 1))
    tone = view.scene.ground
    hue = vocabulary.COLOURS[tone.colour][0] if tone.colour else None

    def albedo(x: Floats, z: Floats, high: Floats, flatness: Floats) -> Floats:
        return toned(paint(x, z, high, flatness) * shade, tone, hue)

    cast(view, np.concatenate([near, far]), height, albedo, steep=False)


def _rolling(random: np.random.Generator, *, snowy: bool) -> Height:
    tile = fractal(random, 2.7, 2)
    shift = random.random(2).astype(np.float32)

    def height(x: Floats, z: Floats) -> Floats:
        # Flat at the camera's feet, so that the horizon is never hidden.
        swell = step(2, 40, z) * np.float32(2.3) + step(1, 8, z) * np.float32(0.07)
        high = swell * (look(tile, x / 95 + shift[0], z / 120 + shift[1]) + 0.12 + 0.004 * z)
        if snowy:
            # The wind heaps snow up in low drifts, whose shaded sides are blue.
            high = (
                high
                + (look(tile, x / 21 + 0.3, z / 15) - 0.35 * np.abs(look(tile, x / 13, z / 8 + 0.6)))
                * np.exp(z * -0.07)
                * 0.115
            )
        return np.asarray(high, np.float32)

    return height


def _dunes(random: np.random.Generator) -> Height:
    tile = fractal(random, 2.9, 1)
    shift = random.random(2).astype(np.float32)

    def height(x: Floats, z: Floats) -> Floats:
        u, v = x / 62 + shift[0], z / 78 + shift[1]
        bend = look(tile, v * 0.7, u * 0.6) * np.float32(0.10)
        # |noise| has a crease where it crosses zero: turned over, that is the crest of a dune.
        # Rounded as wide as two slices are apart, or the crest would show the slices as teeth.
        crest = 1 - np.hypot(look(tile, u + bend, v), 0.05 + 0.003 * z) * np.float32(0.95)
        small = 1 - np.hypot(look(tile, u * 2.7 + 0.4, v * 2.7 + bend), 0.12 + 0.004 * z)
        swell = step(3, 30, z) * np.float32(3.4) + step(0.5, 9, z) * np.float32(0.45)
        crook = look(tile, x / 11 + 0.2, z / 11) * np.float32(1.1)
        ripple = np.sin((x * 2.3 + z * 0.9) * 10 + crook * 3.0) * np.float32(0.0036) * np.exp(z * np.float32(-0.20))
        return np.asarray(swell * (crest + 0.22 * small - 0.42) + ripple, np.float32)

    return height


def _grass(random: np.random.Generator) -> Albedo:
    patch, blade = fractal(random, 2.0, 2), fractal(random, 1.1, 6)

    def albedo(x: Floats, z: Floats, high: Floats, flatness: Floats) -> Floats:
        tuft = 0.75 * look(blade, x / 1.3, z / 3.1) * np.exp(z * np.float32(-0.16)) + 0.55 * look(
            blade, x / 7 + 0.3, z / 17
        )
        wide = look(patch, x / 37, z / 60)
        mix = np.clip(0.5 + 0.26 * wide, 0, 1)[..., None]
        colour = rgb((0.24, 0.38, 0.11)) + (rgb((0.50, 0.55, 0.19)) - rgb((0.24, 0.38, 0.11))) * mix
        return np.asarray(colour * np.clip(0.98 + 0.15 * tuft, 0.4, 1.6)[..., None], np.float32)

    return albedo


def _dune_sand(random: np.random.Generator) -> Albedo:
    grain = fractal(random, 1.0, 8)

    def albedo(x: Floats, z: Floats, high: Floats, flatness: Floats) -> Floats:
        spots = look(grain, x / 5, z / 9) * np.float32(0.022) * np.exp(z * np.float32(-0.05))
        return np.asarray(rgb((0.82, 0.58, 0.34)) * (1 + spots[..., None]), np.float32)

    return albedo


def _snow(random: np.random.Generator) -> Albedo:
    drift = fractal(random, 1.6, 3)

    def albedo(x: Floats, z: Floats, high: Floats, flatness: Floats) -> Floats:
        soft = look(drift, x / 9, z / 22) * np.float32(0.02)
        return np.asarray(rgb((0.80, 0.83, 0.90)) * (1 + soft[..., None]), np.float32)

    return albedo
