"""Hills, dunes and mountains: a small ray caster for height fields.

Columns of the picture are slices of the world. For every column the height is evaluated at a few hundred depths,
projected, and the running highest point seen from the camera tells which depth each pixel sees. All of it is array work
(no loop over pixels or depths), done at twice the resolution and averaged, in bands of columns: memory stays flat.
"""

# ruff: noqa: ARG001 - every albedo is asked with the same four arguments, whether it needs them or not
# ruff: noqa: PLR2004 - the numbers are the drawing; names for them would only move them away

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from imgmagic.engines.sketch.noise import Floats, fractal, look, ridged, step
from imgmagic.engines.sketch.view import SKYLESS, View, mix, rgb, toned

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
        view.pause()
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
    top, under, came = seen.ravel().take(flat), seen.ravel().take(before), rows.ravel().take(before)
    solid &= came < _NOWHERE / 10
    row = np.arange(count, dtype=np.float32)[:, None] + np.float32(first * _OVER + 0.5)
    share = np.clip((under - row) / np.maximum(under - top, 1e-3), 0, 1)
    share[came > under + 0.5] = 1
    pixels, earlier = (
        colour.reshape(-1, 3).take(each.ravel(), axis=0).reshape(*flat.shape, 3) for each in (flat, before)
    )
    pixels -= earlier
    pixels *= share[..., None]
    pixels += earlier
    pixels *= solid[..., None]
    cover = _reduced(solid.astype(np.float32), finer)
    view.lay(_reduced(pixels, finer), cover, first, left)


def _reduced(pixels: Floats, finer: int) -> Floats:
    """Average pairs of rows, and pairs of columns if they are finer too."""
    total = pixels[0::2] + pixels[1::2]
    if finer == _OVER:
        total = total[:, 0::2] + total[:, 1::2]
    total *= np.float32(0.5 / finer)
    return total


def _slices(near: float, far: float, count: float, least: int, most: int) -> Floats:
    return np.geomspace(near, far, int(np.clip(count, least, most)), dtype=np.float32)


def mountains(view: View) -> None:
    """Draw the range at the horizon: forest at its foot, rock, snow on what is high and not steep."""
    random = view.rng("mountains")
    thing = view.scene.thing("mountains")
    tall = {"small": 0.6, "large": 1.35}.get(thing.size if thing else "", 1.0) * 15.5
    # Where they are the place, they stand higher; behind a harbour there are wooded hills.
    tall *= {"mountains": 1.45, "harbour": 0.42}.get(view.scene.place, 1.0)
    line = 1.5 if view.snowy else 6.2 * max(tall, 12) / 15.5
    crest, mottle = ridged(random), fractal(random, 1.3, 2)
    shift = random.random(4).astype(np.float32)
    peaks = [(random.uniform(-0.55, 0.55), random.uniform(0.14, 0.30), random.uniform(0.5, 1)) for _ in range(4)]

    def height(x: Floats, z: Floats) -> Floats:
        angle = x / z
        # Where the range stands high and where it opens: big shapes are composed, the ridges are noise.
        rise = np.full_like(angle, 0.34)
        for at, wide, high in peaks:
            rise += np.float32(high * 0.62) * np.exp(-(((angle - np.float32(at)) / np.float32(wide)) ** 2))
        swell = look(crest, x / 190 + shift[0], z / 190 + shift[1])
        fine = look(crest, x / 61 + shift[2], z / 61 + shift[3])
        # Broad shoulders below the crests, or the peaks would be needles.
        body = 0.12 + 0.62 * swell**0.8 + 0.24 * fine * (0.35 + swell) + 0.22 * swell * swell
        front = step(30, 84, z + 16 * (swell - 0.5))
        return np.asarray(np.float32(tall) * rise * front * body - 0.15, np.float32)

    def albedo(x: Floats, z: Floats, high: Floats, flatness: Floats) -> Floats:
        spots = look(mottle, x / 23, z / 23)
        rock = rgb((0.47, 0.45, 0.44)) + spots[..., None] * rgb((0.05, 0.045, 0.04))
        wood = rgb((0.13, 0.21, 0.12)) + spots[..., None] * rgb((0.03, 0.045, 0.02))
        wooded = step(0.55, 0.80, flatness + 0.05 * spots) * step(line * 0.75, line * 0.40, high + 0.5 * spots)
        snow = step(line, line + 2.4, high + 1.3 * spots + 4.0 * (flatness - 0.62))
        return mix(mix(rock, wood, wooded), rgb("f7faff"), snow)

    cast(view, _slices(28, 150, view.unit * 0.34, 120, 700), height, albedo)


def headland(view: View, shore: Shore) -> None:
    """Draw the wooded hills behind a beach, where the land goes out of sight, or an island's hill."""
    random = view.rng("headland")
    swell, leaf = fractal(random, 2.2, 3), fractal(random, 1.1, 8)
    island = shore.kind == "island"

    def height(x: Floats, z: Floats) -> Floats:
        inland = -shore.out(x, z)
        if island:
            return np.where(inland > 0.25, view.ground(x, z), np.float32(-_NOWHERE))
        rise = step(1.2, 9, inland) * step(13, 32, z) * 1.75
        shape = 1 + 0.54 * look(swell, x / 52, z / 70) + 0.07 * look(leaf, x / 9, z / 9)
        return np.where(inland > 1.0, rise * shape, np.float32(-_NOWHERE))

    def albedo(x: Floats, z: Floats, high: Floats, flatness: Floats) -> Floats:
        spots = look(leaf, x / 5, z / 7)
        leaves = (0.62, 0.66, 0.70) if view.snowy else (0.27, 0.36, 0.13) if island else (0.17, 0.27, 0.10)
        wood = rgb(leaves) * (1 + (0.10 if view.snowy else 0.30) * spots)[..., None]
        return mix(wood, shore.soil(view), step(0.22, 0.05, high + 0.03 * spots))

    near, far = (5.6, 11.6) if island else (13, 70)
    cast(view, _slices(near, far, view.unit * (0.24 if island else 0.16), 60, 500), height, albedo)


@dataclass(frozen=True, slots=True)
class Road:
    """A road that winds away; ``middle`` gives its x at a depth, and it is ``wide`` world units wide."""

    middle: Callable[[Floats], Floats]
    wide: float
    paved: bool
    grain: Floats

    def away(self, x: Floats, z: Floats) -> Floats:
        """Give the distance from its edge in world units, negative on the road."""
        return np.asarray(np.abs(x - self.middle(z)) - self.wide / 2, np.float32)

    def cover(self, x: Floats, z: Floats, unit: float) -> Floats:
        """Give what share of each pixel it covers."""
        return np.asarray(np.clip(0.5 - self.away(x, z) / (0.04 + z / np.float32(unit)), 0, 1), np.float32)

    def surface(self, x: Floats, z: Floats) -> Floats:
        """Give its colour: asphalt with a broken line, or earth with grass between the tracks."""
        off = np.abs(x - self.middle(z))
        spots = (1 + 0.10 * look(self.grain, x / 3, z / 5) * np.exp(z * np.float32(-0.1)))[..., None]
        line = step(0.05, 0.03, off) * np.exp(z * np.float32(-0.04))
        if self.paved:
            return mix(rgb("55565a") * spots, rgb("f0ead8"), line * (np.sin(z * 3) > 0))
        return mix(rgb("b0956c") * spots, rgb("6f7a3a") * spots, step(0.14, 0.06, off) * np.exp(z * np.float32(-0.06)))


def road_of(view: View, shore: Shore | None = None) -> Road | None:
    """Choose how the road of a scene runs, if it has one: beside the water, or winding into the land."""
    if view.scene.thing("road") is None:
        return None
    random = view.rng("road")
    phase, bend, start = (float(random.uniform(*each)) for each in ((0, 6.28), (0.5, 0.8), (-0.25, 0.25)))

    def middle(z: Floats) -> Floats:
        if shore is not None and shore.kind in ("beach", "quay", "river"):
            edge = shore.middle(z)
            return np.asarray(edge + 2.6 * shore.mirror if shore.kind == "river" else (edge + 1.6) * shore.mirror)
        return np.asarray(start + bend * np.sin(z * 0.24 + phase) * np.minimum(z * 0.30, 3.2), np.float32)

    return Road(middle, 0.9, view.scene.place in ("desert", "city", "harbour", "sea"), fractal(random, 1.2, 6))


def ground_of(view: View, shore: Shore | None) -> Height:
    """Give the height of the ground on which things stand."""
    if shore is None and view.scene.place not in SKYLESS:
        random = view.rng("land")
        # Before mountains the land lies low, or it would hide them.
        gain = 0.4 if view.scene.place == "mountains" else 1.0
        return _dunes(random) if _sandy(view) else _rolling(random, gain, snowy=view.snowy)
    if shore is not None and shore.kind == "island":
        return lambda x, z: step(0.3, 2.3, -shore.out(x, z)) * np.float32(0.55)
    return view.ground


def _sandy(view: View) -> bool:
    return view.scene.place == "desert" and not view.snowy


def land(view: View) -> None:
    """Draw the open country in front: grass, dunes or snow."""
    scene = view.scene
    lowest = (view.height - view.horizon) / view.unit * 1.25
    view.canvas[view.first - 1 :] = view.light.mist
    near = 1 / np.linspace(lowest, 0.10, int(view.unit * 0.52), dtype=np.float32)
    far = np.geomspace(10.2, 260, int(view.unit * 0.30) + 60, dtype=np.float32)
    paint = _covered(view)
    shade = rgb((0.86, 0.87, 0.90) if view.snowy else (0.70, 0.66, 0.72)) if scene.place == "forest" else np.float32(1)
    road = view.road

    def albedo(x: Floats, z: Floats, high: Floats, flatness: Floats) -> Floats:
        colour = toned(paint(x, z, high, flatness) * shade, scene.ground)
        return mix(colour, road.surface(x, z), road.cover(x, z, view.unit)) if road else colour

    cast(view, np.concatenate([near, far]), view.ground, albedo, steep=False)


def _rolling(random: np.random.Generator, gain: float, *, snowy: bool) -> Height:
    tile = fractal(random, 2.7, 2)
    shift = random.random(2).astype(np.float32)

    def height(x: Floats, z: Floats) -> Floats:
        # Flat at the camera's feet, so that the horizon is never hidden.
        swell = step(2, 40, z) * np.float32(2.3 * gain) + step(1, 8, z) * np.float32(0.07)
        high = swell * (look(tile, x / 95 + shift[0], z / 120 + shift[1]) + 0.12 + 0.004 * z)
        if snowy:
            # The wind heaps snow up in low drifts, whose shaded sides are blue.
            drift = look(tile, x / 21 + 0.3, z / 15) - 0.35 * np.abs(look(tile, x / 13, z / 8 + 0.6))
            high = high + drift * np.exp(z * -0.07) * 0.115
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
        high = swell * (crest + 0.22 * small - 0.42)
        # Hollows are filled: sand lies no deeper than half a unit.
        return np.asarray(np.where(high < 0, 0.5 * np.expm1(2 * np.minimum(high, 0)), high) + ripple, np.float32)

    return height


def _covered(view: View) -> Albedo:
    """Give the colour of grass, sand or snow."""
    random = view.rng("cover")
    patch, fine = fractal(random, 2.0, 2), fractal(random, 1.1, 6)

    def albedo(x: Floats, z: Floats, high: Floats, flatness: Floats) -> Floats:
        near = np.exp(z * np.float32(-0.16))
        if view.snowy:
            return np.asarray(rgb("ccd4e6") * (1 + 0.02 * look(patch, x / 9, z / 22))[..., None], np.float32)
        if _sandy(view):
            return np.asarray(rgb("d19457") * (1 + 0.022 * near * look(fine, x / 5, z / 9))[..., None], np.float32)
        tuft = 0.75 * look(fine, x / 1.3, z / 3.1) * near + 0.55 * look(fine, x / 7 + 0.3, z / 17)
        colour = mix(rgb("3d611c"), rgb("808c30"), np.clip(0.5 + 0.26 * look(patch, x / 37, z / 60), 0, 1))
        return np.asarray(colour * np.clip(0.98 + 0.15 * tuft, 0.4, 1.6)[..., None], np.float32)

    return albedo
