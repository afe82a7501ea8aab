"""Land and mountains: a small ray caster for height fields, and the fields.

Columns of the picture are slices of the world. For every column the height is evaluated at a few hundred depths,
projected, and the running highest point seen from the camera tells which depth each pixel sees. All of it is array work
(no loop over pixels or depths), done at twice the resolution and averaged, in bands of columns: memory stays flat.
All land is one such field, whose colour is noise in perspective; where a shore says that there is water it is clear.
"""

# ruff: noqa: ARG001 - every albedo is asked with the same four arguments, whether it needs them or not
# ruff: noqa: PLR2004 - the numbers are the drawing; names for them would only move them away

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from imgmagic.engines.sketch.noise import Floats, fractal, look, ridged, step
from imgmagic.engines.sketch.view import View, mix, palette, rgb, scaled, toned
from imgmagic.engines.sketch.vocabulary import SKYLESS

if TYPE_CHECKING:
    from imgmagic.engines.sketch.shore import Shore

Height: TypeAlias = Callable[[Floats, Floats], Floats]
#: x, z, height, flatness (1 is level) -> colour (..., 3) in white light, and how much it covers (...)
Albedo: TypeAlias = Callable[[Floats, Floats, Floats, Floats], tuple[Floats, Floats]]

_OVER = 2
#: So far from us nothing rises beside water.
_LEVEL = 5.5
_BAND = 96


def cast(view: View, depths: Floats, height: Height, albedo: Albedo, *, columns: int = 1) -> None:
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
        Colour and coverage at (x, z, height, flatness).
    columns
        Per pixel; outlines of gentle hills are smooth with twice the rows alone, those of mountains need both.
    """
    wide = view.width * columns
    z = depths[:, None]
    for start in range(0, wide, _BAND):
        view.pause()
        edge = (np.arange(start - 1, min(start + _BAND, wide) + 1, dtype=np.float32) + 0.5) / columns
        across = (edge - view.width / 2) / view.unit
        high = height(across * z, z)
        _fill(view, (z, high[:, 1:-1]), _shade(view, z, across, high, albedo), (start // columns, columns))


def _shade(view: View, z: Floats, across: Floats, high: Floats, albedo: Albedo) -> Floats:
    """Give the colours of a field as the light and the haze leave them, with their coverage as a fourth plane."""
    x = across[1:-1] * z
    gx = (high[:, 2:] - high[:, :-2]) / ((across[2:] - across[:-2]) * z)
    # What is seen of a crest is its near side: the slope towards the camera, not the mean of both.
    rise = np.diff(high[:, 1:-1], axis=0) / np.diff(z, axis=0)
    gz = np.concatenate([rise[:1], rise]) - gx * across[1:-1]
    flatness = 1 / np.sqrt(1 + gx * gx + gz * gz)
    lx, ly, lz = view.light.direction
    colour, cover = albedo(x, z, high[:, 1:-1], flatness)
    far = z if z[0] > 20 else np.minimum(z, view.end)
    colour = view.light.veil(view.light.on(colour, (ly - gx * lx - gz * lz) * flatness), far)
    return np.stack([*np.moveaxis(scaled(colour, cover), -1, 0), cover])


def _fill(view: View, surface: tuple[Floats, Floats], colour: Floats, place: tuple[int, int]) -> None:
    (z, high), (left, finer) = surface, place
    rows = (view.horizon + (1 - high) / z * view.unit) * _OVER
    seen = np.minimum.accumulate(rows, axis=0)
    first = max(0, int(seen[-1].min()) // _OVER)
    slices, columns = high.shape
    # No row below the nearest slice can see the surface, however deep its valleys (1 below the plane at most).
    count = max(0, min(view.height, int(view.horizon + 2 / z[0, 0] * view.unit) + 2) - first) * _OVER
    at = np.clip(np.ceil(seen - (first * _OVER + 0.5)), 0, count).astype(np.intp)
    at *= columns
    at += np.arange(columns)
    hits = np.bincount(at.ravel(), minlength=(count + 1) * columns).reshape(count + 1, columns)
    # A pixel row sees the first slice whose running top reaches it: count the slices that stay below.
    index = slices - np.cumsum(hits[:count], axis=0)
    # Below its nearest slice a field is not known.
    solid = (index < slices) & (index > 0)
    np.minimum(index, slices - 1, out=index)
    flat = index * columns + np.arange(columns)
    before = np.maximum(flat - columns, np.arange(columns))
    top, under, came = seen.ravel().take(flat), seen.ravel().take(before), rows.ravel().take(before)
    row = np.arange(count, dtype=np.float32)[:, None] + (first * _OVER + 0.5)
    share = np.clip((under - row) / np.maximum(under - top, 1e-3), 0, 1)
    share[came > under + 0.5] = 1
    planes = colour.reshape(4, -1)
    pixels, earlier = planes.take(flat, axis=1), planes.take(before, axis=1)
    pixels -= earlier
    pixels *= share
    pixels += earlier
    pixels *= solid
    pixels = (pixels[:, 0::2] + pixels[:, 1::2]) / 2
    if finer > 1:
        pixels = (pixels[..., 0::2] + pixels[..., 1::2]) / 2
    view.lay(np.moveaxis(pixels[:3], 0, -1), pixels[3], first, left)


def mountains(view: View) -> None:
    """Draw the range at the horizon: forest at its foot, rock, snow on what is high and not steep."""
    if view.light.haze * 28 > 2.5:
        # Nothing is seen of them through the fog.
        return
    random = view.rng("mountains")
    thing = view.scene.thing("mountains")
    tall = {"small": 0.6, "large": 1.35}.get(thing.size if thing else "", 1.0) * 15.5
    # Where they are the place, they stand higher; behind a harbour there are wooded hills.
    tall *= {"mountains": 1.45, "harbour": 0.42}.get(view.scene.place, 1.0)
    line = 1.5 if view.snowy else 6.2 * max(tall, 12) / 15.5
    # On faces as steep as these a finer mottle would run down in streaks.
    crest, mottle = ridged(random), fractal(random, 1.2, 2, high=30)
    shift = random.random(4).astype(np.float32)
    peaks = [(random.uniform(-0.55, 0.55), random.uniform(0.14, 0.30), random.uniform(0.5, 1)) for _ in range(4)]

    def height(x: Floats, z: Floats) -> Floats:
        # Where the range stands high and where it opens: big shapes are composed, the ridges are noise.
        rise = 0.34 + sum(high * 0.62 * np.exp(-(((x[:1] / z[:1] - at) / wide) ** 2)) for at, wide, high in peaks)
        swell = look(crest, x / 210 + z / 320 + shift[0], z / 210 - x / 320 + shift[1])
        fine = look(crest, x / 61 + z / 97 + shift[2], z / 41 - x / 97 + shift[3])
        body = 0.05 + 0.8 * swell**1.6 + 0.16 * fine * (0.2 + swell)
        return np.asarray(tall * rise * step(30, 84, z + 16 * (swell - 0.5)) * body - 0.15, np.float32)

    def albedo(x: Floats, z: Floats, high: Floats, flatness: Floats) -> tuple[Floats, Floats]:
        # By height too, aslant as ribs run.
        spots = look(mottle, x / 30 + high / 24, z / 60 + high / 15 - x / 60)
        rock, wood = scaled(rgb("787370"), 1 + 0.11 * spots), scaled(rgb("21361f"), 1 + 0.22 * spots)
        wooded = step(0.55, 0.80, flatness + 0.05 * spots) * step(line * 0.75, line * 0.40, high + 0.5 * spots)
        snow = step(line, line + 0.8, high + 1.6 * spots + 1.2 * (flatness - 0.62))
        return mix(mix(rock, wood, wooded), rgb("e4e9f2"), snow), np.ones_like(high)

    depths = np.geomspace(28, 150, int(np.clip(view.unit * 0.34, 120, 700)), dtype=np.float32)
    cast(view, depths, height, albedo, columns=_OVER)


@dataclass(frozen=True, slots=True)
class Road:
    """A road that winds away; ``middle`` gives its x at a depth, and it is ``wide`` world units wide."""

    middle: Callable[[Floats], Floats]
    paved: bool
    grain: Floats
    snowy: bool = False
    wide: float = 0.9

    def away(self, x: Floats, z: Floats) -> Floats:
        """Give the distance from its edge in world units, negative on the road."""
        return np.asarray(np.abs(x - self.middle(z)) - self.wide / 2, np.float32)

    def over(self, colour: Floats, x: Floats, z: Floats, unit: float) -> Floats:
        """Lay it over the ground: asphalt with a broken line, or earth with grass between the tracks."""
        edge = self.away(x, z)
        off = edge + self.wide / 2
        spots = 1 + 0.10 * look(self.grain, x / 3, z / 5) * np.exp(z * -0.1)
        if self.paved and not self.snowy:
            line = step(0.05, 0.03, off) * step(24, 12, z) * (np.sin(z * 3) > 0)
            surface = mix(scaled(rgb("55565a"), spots), rgb("f0ead8"), line)
        else:
            earth, grass = ("b2bdd3", "c8d0e2") if self.snowy else ("b0956c", "6f7a3a")
            tracks = mix(rgb(earth), rgb(grass), step(0.14, 0.06, off) * np.exp(z * -0.06))
            surface = scaled(tracks, spots)
        # Softer where it runs across the view, or its edge would show the slices that the land is cut into.
        turn = np.abs(self.middle(z * 1.01) - self.middle(z)) * np.minimum(z * 133 / unit, 1.6)
        return mix(colour, surface, np.clip(0.5 - edge / (0.04 + z / unit + turn), 0, 1))


def road_of(view: View, shore: Shore | None = None) -> Road | None:
    """Choose how the road of a scene runs, if it has one: beside the water, or winding into the land."""
    if view.scene.thing("road") is None:
        return None
    random = view.rng("road")
    phase, bend, start = (random.uniform(*each) for each in ((0, 6.28), (0.5, 0.8), (-0.25, 0.25)))

    def middle(z: Floats) -> Floats:
        if shore is not None and shore.kind in ("beach", "quay"):
            return (shore.middle(z) + 1.6) * shore.mirror
        if shore is not None and shore.kind == "river":
            return shore.middle(z) + 2.6 * shore.mirror
        return np.asarray(start + bend * np.sin(z * 0.24 + phase) * np.minimum(z * 0.30, 3.2), np.float32)

    return Road(middle, view.scene.place in ("desert", "city", "harbour", "sea"), fractal(random, 1.2, 6), view.snowy)


#: How the land rises: how high, its mean height to its swings, between which depths, and how far from the water.
_RISES = {
    "beach": (0.95, 1.85, (13, 32), (1.2, 9)),
    "island": (0.08, 7.0, (0, 1), (0.3, 2.3)),
    "lake": (0.3, 0.9, (8, 40), (0.5, 8)),
    "river": (0.7, 0.9, (8, 40), (0.5, 8)),
    "harbour": (0.0, 0.0, (0, 1), (0, 1)),
    # Before mountains the land lies low, or it would hide them.
    "mountains": (0.92, 0.12, (2, 40), (0, 1)),
}


def ground_of(view: View, shore: Shore | None) -> Height:
    """Give the height of the ground on which things stand."""
    if view.scene.place in SKYLESS or (shore is not None and shore.kind == "open"):
        return view.ground
    random = view.rng("land")
    if _cover(view) == "desert":
        return _dunes(random)
    gain, mean, depths, inland = _RISES.get(view.scene.place, (2.3, 0.12, (2, 40), (0, 1)))
    tile = fractal(random, 2.7, 2)
    shift = random.random(2).astype(np.float32)

    def height(x: Floats, z: Floats) -> Floats:
        # Flat at the camera's feet, so that the horizon is never hidden.
        swell = step(*depths, z) * gain
        if shore is not None:
            swell = swell * step(*inland, -shore.out(x, z))
        high = swell * (look(tile, x / 95 + shift[0], z / 120 + shift[1]) + mean + 0.004 * np.minimum(z, 260))
        if view.snowy and shore is None:
            # The wind heaps snow up in low drifts, whose shaded sides are blue.
            drift = look(tile, x / 17 + 0.3, z / 17) - 0.3 * np.hypot(look(tile, x / 11, z / 8 + 0.6), 0.4)
            high = high + drift * np.exp(z * -0.07) * step(0.5, 3, z) * 0.09
        return np.asarray(high, np.float32)

    return height


def _dunes(random: np.random.Generator) -> Height:
    tile = fractal(random, 2.9, 1)
    shift = random.random(2).astype(np.float32)

    def height(x: Floats, z: Floats) -> Floats:
        u, v = x / 62 + shift[0], z / 78 + shift[1]
        bend = look(tile, v * 0.7, u * 0.6) * 0.10
        # |noise| has a crease where it crosses zero: turned over, that is the crest of a dune.
        # Rounded as wide as two slices are apart, or the crest would show the slices as teeth.
        crest = 1 - np.hypot(look(tile, u + bend, v), 0.05 + 0.003 * z) * 0.95
        small = 1 - np.hypot(look(tile, u * 2.7 + 0.4, v * 2.7 + bend), 0.12 + 0.004 * z)
        swell = step(3, 30, z) * 3.4 + step(0.5, 9, z) * 0.45
        crook = look(tile, x / 11 + 0.2, z / 11) * 3.3
        ripple = np.sin(x * 23 + z * 9 + crook) * 0.0036 * np.exp(z * -0.20)
        high = swell * (crest + 0.22 * small - 0.42)
        # Hollows are filled: sand lies no deeper than half a unit.
        return np.asarray(np.where(high < 0, 0.5 * np.expm1(2 * np.minimum(high, 0)), high) + ripple, np.float32)

    return height


#: Dark and light colour of the ground and that of its edge at the water, how far from the water that goes, and how much
#: the ground's grain shows.
_COVERS = {
    "grass": ("3d611c 808c30 4d4233", (0.02, 0.22), 0.15),
    "forest": ("2b401c 59582a 4d4233", (0.02, 0.22), 0.15),
    "beach": ("ccb187 dcc397 8b7e6e", (0.10, 0.62), 0.05),
    "island": ("ccb187 dcc397 8b7e6e", (0.10, 0.62), 0.05),
    "desert": ("cb8f53 d7995b cb8f53", (0.0, 1.0), 0.02),
    "harbour": ("878178 97918a b3ada4", (0.27, 0.30), 0.05),
    "autumn": ("4e551f a5803a 4d4233", (0.02, 0.22), 0.22),
    "snow": ("c8d0e2 d0d8ea b8c4da", (0.02, 0.22), 0.01),
}


def _cover(view: View) -> str:
    """Give what covers the ground, by the place that is known for it."""
    place, trees = view.scene.place, view.scene.thing("trees")
    if view.snowy:
        return "snow"
    if trees is not None and trees.colour == "orange" and _COVERS.get(place, _COVERS["grass"])[2] > 0.1:
        # Leaves lie under trees that shed them.
        return "autumn"
    return place if place in _COVERS else "grass"


def land(view: View, shore: Shore | None) -> None:
    """Draw the ground: grass, sand, snow or the paving of a quay; of the open sea, what a road needs."""
    if shore is not None and shore.kind == "open" and view.road is None:
        return
    cover = _cover(view)
    random = view.rng("cover")
    patch, fine = fractal(random, 2.0, 2), fractal(random, 1.1, 6)
    colours, reach, grain = _COVERS[cover]
    dark, light, edge = (toned(each, view.scene.ground) for each in palette(colours))

    def albedo(x: Floats, z: Floats, high: Floats, flatness: Floats) -> tuple[Floats, Floats]:
        near = look(fine, x / 1.3, z / 3.1) * np.exp(z * -0.16)
        tuft = 0.75 * near + 0.55 * look(fine, x / 7 + 0.3, z / 17) * np.exp(z * -0.02)
        colour = mix(dark, light, np.clip(0.5 + 0.26 * look(patch, x / 37, z / 60), 0, 1))
        inland = np.full_like(high, 9)
        if shore is not None:
            inland = 0.03 * look(patch, x / 3, z / 3) * (shore.kind != "quay") - shore.out(x, z)
            colour = mix(edge, colour, step(*reach, inland))
        if cover == "harbour":
            colour = scaled(colour, _flags(z, inland))
        colour = scaled(colour, np.clip(1 + grain * tuft, 0.4, 1.6))
        if shore is not None and shore.sandy:
            leaves = scaled(rgb("9ea8b3" if view.snowy else "2d4a1b"), 1 + 0.3 * tuft)
            colour = mix(colour, leaves, step(0.05, 0.22, high + 0.03 * tuft))
        if view.road is not None:
            colour = view.road.over(colour, x, z, view.unit)
            inland = np.maximum(inland, 0.25 - view.road.away(x, z))
        return colour, step(-0.02, 0.015, inland - 0.4 * z / view.unit)

    ground = view.ground
    surface: Albedo = albedo
    lowest = (view.height - view.horizon) / view.unit * 1.25
    if shore is not None:
        # Beside water the ground before us is level.
        view.wash(int(view.horizon + view.unit / _LEVEL), view.height, partial(_plane, view, shore, albedo))
        lowest = 1.02 / _LEVEL
        if shore.wooded:
            ground, surface = _wooded(view, shore, albedo)
    near = 1 / np.linspace(lowest, 0.10, int(view.unit * lowest * 0.75), dtype=np.float32)
    # What is nearly all fog is left out, or it would stand there as a shape.
    far = np.geomspace(10.2, max(11, 3 / view.light.haze), int(view.unit * 0.16) + 60, dtype=np.float32)
    cast(view, np.concatenate([near, far]), ground, surface)


def _wooded(view: View, shore: Shore, albedo: Albedo) -> tuple[Height, Albedo]:
    """Let a wood stand on the far bank of a lake: give the ground with its crowns, and the colours of both."""
    random = view.rng("wood")
    tile, colour = fractal(random, 1.0, 5), rgb("24361f")

    def height(x: Floats, z: Floats) -> Floats:
        high = view.ground(x, z)
        far = slice(*np.searchsorted(z[:, 0], (22, 80)).tolist())
        x, z = x[far], z[far]
        crowns = 0.55 + 0.16 * look(tile, x / 90, z / 90) - 0.22 * np.abs(look(tile, x / 8, z / 60))
        high[far] += np.maximum(crowns, 0) * step(0.2, 0.5, -shore.out(x, z)) * step(22, 24, z)
        return high

    def covered(x: Floats, z: Floats, high: Floats, flatness: Floats) -> tuple[Floats, Floats]:
        ground, cover = albedo(x, z, high, flatness)
        far = slice(*np.searchsorted(z[:, 0], (22, 80)).tolist())
        # Down to the water, or the light foot of so steep a face would be smeared over it.
        ground[far] = mix(ground[far], colour, step(-0.6, 0, -shore.out(x[far], z[far])) * step(22, 24, z[far]))
        return ground, cover

    return height, covered


def _plane(view: View, shore: Shore, albedo: Albedo, part: Floats, x: Floats, y: Floats) -> Floats:
    """Paint level ground over what is there, as `cast` would, where it is."""
    x, z = x / -y, -1 / y
    dry = np.minimum(shore.out(x, z), np.inf if view.road is None else view.road.away(x, z)) < 0.2
    x, z = np.broadcast_arrays(x, z)
    x, z, level = x[dry], z[dry], np.ones(np.count_nonzero(dry), np.float32)
    colour, cover = albedo(x, z, level * 0, level)
    lit = view.light.veil(view.light.on(colour, level * view.light.direction[1]), np.minimum(z, view.end))
    part[dry] = mix(part[dry], lit, cover)
    return part


def _flags(z: Floats, inland: Floats) -> Floats:
    """Give how bright the flagstones of a quay are, in courses along the edge; joints fade with the distance."""
    course = np.floor(inland / 0.42)
    along = z / 0.6 + 0.5 * (course % 2)
    joint = np.maximum(np.abs(inland / 0.42 % 1 - 0.5), np.abs(along % 1 - 0.5))
    tint = 0.07 * np.sin(course * 12.9898 + np.floor(along) * 78.233)
    return np.asarray(1 + (tint - 0.30 * step(0.455, 0.49, joint)) * np.exp(z * -0.22), np.float32)
