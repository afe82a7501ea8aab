"""Water: sea, lake, river and harbour, and where its edge runs.

Water is a mirror with waves. Each pixel looks up what the canvas already shows above the horizon, at the place where a
wave of that slope would send the ray; the Fresnel share decides between that and the colour of the water itself, which
depends on how deep it is. So whatever stands at the horizon must be painted before the water, and the land after it.
"""

# ruff: noqa: PLR2004 - the numbers are the drawing; names for them would only move them away

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imgmagic.engines.sketch.noise import Floats, fractal, look, step
from imgmagic.engines.sketch.scene import Tone
from imgmagic.engines.sketch.view import View, by_plane, mix, palette, rgb, toned

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Deep and shallow water, by kind; that of the sea is turquoise in full light only.
_WATER = {"sea": "042950 29a8ad", "dull": "08284a 3f7d84", "lake": "051a21 1a3d38"}
_KINDS = {"beach": "beach", "lake": "bank", "river": "river", "island": "island", "harbour": "quay"}
#: Least and greatest start and slope of the edge, see `Shore`.
_EDGES = {
    "beach": (-1.85, -1.60, 0.34, 0.46),
    "quay": (-0.95, -0.75, 0.33, 0.40),
    "island": (-1.3, 1.3, 0, 0),
    "bank": (-1.9, 1.9, 0, 0),
    "river": (-0.2, 0.2, 0, 0),
    "open": (60, 60, 9, 9),
}
#: Depth of the middle of an island or a lake, and its half axes across and along the view, in world units.
ISLAND, _LAKE = (8.6, 3.3, 2.9), (17.0, 8.0, 14.5)


@dataclass(frozen=True, slots=True)
class Shore:
    """Where the water's edge runs.

    Parameters
    ----------
    kind
        ``beach``, ``bank`` (of a lake), ``river``, ``island``, ``quay``, or ``open`` for water all over.
    start, slope
        The edge in the world is x = start + slope * z, land to the right of it (before mirroring); islands and lakes
        have their middle at ``start``.
    mirror
        -1 if land lies to the left.
    phase
        Of the bends.
    wooded
        Whether a wood stands on the far bank.
    """

    kind: str
    start: float
    slope: float
    mirror: float
    phase: float
    wooded: bool = False

    @property
    def sandy(self) -> bool:
        """Whether waves break on sand."""
        return self.kind in ("beach", "island")

    def out(self, x: Floats, z: Floats) -> Floats:
        """Give the distance from the edge in world units, positive over water."""
        if self.kind == "river":
            return np.asarray((1.05 + z * 0.012 - np.abs(x - self.middle(z))) * 0.8, np.float32)
        if self.kind not in ("bank", "island"):
            return np.asarray((self.middle(z) - x * self.mirror) * 0.74, np.float32)
        depth, across, along = ISLAND if self.kind == "island" else _LAKE
        away = np.hypot((x - self.start) / across, (z - depth) / along) - 1
        away *= along * (0.74 if self.kind == "island" else -0.74)
        return np.asarray(away - 0.13 * (np.sin(x * 1.3 + self.phase) + np.sin(z + 2 * self.phase)), np.float32)

    def middle(self, z: Floats) -> Floats:
        """Give x of a river's middle, or of a straight shore's edge (before mirroring)."""
        p = self.phase
        if self.kind == "river":
            return np.asarray(np.sin(z * 0.16 + p) * (0.9 + z * 0.08) * self.mirror + self.start, np.float32)
        bends = 0.24 * np.sin(z * 0.75 + p) + 0.10 * np.sin(z * 1.9 + 2 * p) + 0.012 * z * np.sin(z * 0.21 + p)
        return np.asarray(self.start + self.slope * z + bends * (self.kind == "beach"), np.float32)


def shore_of(view: View) -> Shore:
    """Choose the water's edge of a scene."""
    random = view.rng("shore")
    kind = _KINDS.get(view.scene.place, "open")
    phase = random.uniform(0, 6.28)
    low, high, flat, steep = _EDGES[kind]
    # Where a straight edge runs into the distance, it runs across the whole picture, however wide.
    start, slope = random.uniform(low, high), random.uniform(flat, steep) * view.reach
    return Shore(kind, start, slope, view.side, phase, kind == "bank" and view.scene.thing("city") is None)


def paint(view: View, shore: Shore) -> None:
    """Paint water over everything below the horizon."""
    view.wash(view.first, view.height, _Water(view, shore).colour)


class _Water:
    def __init__(self, view: View, shore: Shore) -> None:
        random = view.rng("water")
        self.view, self.shore = view, shore
        self.sea = shore.sandy or view.scene.place == "sea"
        self.rough = (0.085 if self.sea else 0.020) * view.scene.waves
        self.rough *= {"storm": 2.8, "rain": 1.5}.get(view.scene.weather, 1.0)
        # Slopes along x in the real part and along z in the imaginary one; crests lie across the view.
        heights, swell = fractal(random, 1.85, 3, high=150), fractal(random, 1.6, 4, high=24)
        along, across = (heights - np.roll(heights, 1, axis) for axis in (0, 1))
        self.slopes = (across * (0.8 if self.sea else 0.4) + 1j * along) / along.std()
        # Of the long waves their height, and the slope along z.
        self.swell = swell + 9j * (np.roll(swell, -1, 0) - swell)
        self.lace = fractal(random, 1.25, 4)
        lit = view.light.ambient + view.light.key * 0.55
        kind = "lake" if not self.sea else "dull" if view.covered or view.low else "sea"
        # In full light or broken by wind the sea has a colour of its own; other water has that of the sky above.
        stormy = self.sea and view.scene.weather == "storm"
        self.gloss = 0.08 if kind == "sea" or stormy or self.rough > 0.12 else 0.3 if self.sea else 0.42
        # Under a storm the backs of waves are dark.
        self.glare = 0.45 if stormy else 0.85
        self.deep, self.shallow = (toned(each, view.scene.water) * lit for each in palette(_WATER[kind]))
        self.white = np.minimum(view.light.ambient * 0.95 + view.light.key * 0.62, 1)
        self.sand = rgb("ccb88c") * lit
        self.wood = rgb("24361f") * lit
        self.above, self.shine = self._above(), self._shine()

    def _above(self) -> Floats:
        """Give what the water mirrors, by its height above the horizon in px: the higher, the wider averaged."""
        up = np.arange(self.view.first)
        wide = 0.14 if self.sea else 0.05
        most = np.minimum(up * (1 + wide) + 0.09 * wide * self.view.unit + 1, len(up))
        low, high = (up * (1 - wide)).astype(int), most.astype(int)

        def averaged(plane: Floats) -> Floats:
            sums = np.cumsum(np.pad(plane, ((1, 0), (0, 0))), axis=0)
            return np.asarray((sums[high] - sums[low]) / (high - low)[:, None], np.float32)

        return by_plane(averaged, self.view.canvas[: self.view.first][::-1])

    def _shine(self) -> float:
        """Give how strongly the sun or the moon glitters: as far as it is seen on the canvas."""
        view = self.view
        if not (view.scene.thing("sun") or view.scene.thing("moon")):
            return 0.0
        row, column = view.horizon - view.sun[1] * view.unit, view.sun[0] * view.unit + view.width / 2
        seen = view.canvas[int(np.clip(row, 0, view.first - 1)), int(np.clip(column, 0, view.width - 1))].max()
        strength = (0.7 if view.scene.time == "night" else 1.0) * (0.12 if view.covered else 1)
        return strength * float(seen) ** 4

    def colour(self, part: Floats, x: Floats, y: Floats) -> Floats:
        """Give the colours of the water, ``x`` and ``y`` units from the middle of the horizon."""
        v = np.maximum(-y, 2e-4)
        z = 1 / v
        out = self.shore.out(x * z, z)
        wet = np.flatnonzero((out > -0.3).any(0))
        if not wet.size:
            return part
        # Only the columns in which there is water.
        columns = np.s_[:, wet[0] : wet[-1] + 1]
        x, out = x[columns], out[columns]
        grid = (x * z, z)
        size = z * z / self.view.unit
        swell = look(self.swell, grid[0] / 37, z / 15)
        if self.rough > 0.12:
            # What blows hard drives the waves into ranks across the view.
            rank = 9 * np.log(z) + 1.2 * swell.real + 0.6 * grid[0] / z
            swell = 0.5 * swell + 2.0 * np.maximum(np.sin(rank), 0) ** 4 + 0.9j * np.cos(rank)
        swell = swell * (1.2 * self.rough / (1 + (size / 0.7) ** 2))
        slope = self._slope(*grid, size)
        high, sx, sz = swell.real, slope.real, slope.imag + swell.imag
        reflected, glitter = self._mirror(x, v, sx, sz, out)
        grazing = np.clip(v / np.sqrt(1 + v * v) + 0.55 * sz, 0.015, 1)
        share = self.gloss + (self.glare - self.gloss) * (1 - grazing) ** 4
        body = mix(self._body(out, sz, high), reflected, share)
        # The sun is so much brighter than the sky that even a small share of it shines.
        body = mix(body, self.view.light.disc, np.minimum(glitter * (0.25 + share * 1.2), 1))
        if self.view.end == np.inf:
            # The last of it is as bright as the sky above.
            body = mix(body, self.view.light.horizon, np.exp(v * -300))
        part[columns] = self.view.light.veil(self._foam(body, grid, out, high), np.minimum(z, self.view.end))
        return part

    def _slope(self, x: Floats, z: Floats, size: Floats) -> NDArray[np.complex64]:
        """Slopes of the short waves, each fading out where pixels (of a size along z) are coarser."""
        total: NDArray[np.complex64] = np.zeros(1, np.complex64)
        for length, gain, offset in ((3.1, 0.8, 0.1), (13.0, 1.0, 0.37), (71.0, 0.9, 0.71)):
            fade = gain * self.rough / (1 + (size / (length * 0.024)) ** 2)
            total = total + look(self.slopes, x / length * 0.6 + offset, z / length) * fade
        return total

    def _mirror(self, x: Floats, v: Floats, sx: Floats, sz: Floats, out: Floats) -> tuple[Floats, Floats]:
        """Give what the water mirrors, and how much of the sun or the moon."""
        view = self.view
        # Compressed towards the top of the picture, beyond which nothing is known.
        top = view.horizon / view.unit
        up = top * (1 - np.exp(-np.abs(v + 1.7 * sz) / top))
        x = x + sx * (1.5 * v + 0.12)
        column = np.clip(x * view.unit + view.width / 2, 0, view.width - 1).astype(np.intp)
        row = np.clip(up * view.unit, 0, len(self.above) - 1).astype(np.intp)
        at = row * view.width + column
        seen = by_plane(lambda plane: plane.ravel().take(at), self.above)
        if view.scene.water != Tone():
            # Water of another colour tints what it mirrors, or it would keep the sky's.
            seen += (toned(seen, view.scene.water) - seen) * 0.6
        dx, dy = x - view.sun[0], up - view.sun[1]
        glitter = np.exp(-(dx * dx + dy * dy * 0.08) / (0.0032 if self.sea else 0.0023)) * self.shine
        if self.shore.wooded:
            # The wood on the far bank is painted later.
            hidden = step(0.75, 0.45, up * np.maximum(out, 0) / 0.74) * step(0.07, 0.05, v)
            seen = mix(seen, self.wood, hidden)
            glitter = glitter * (1 - 0.85 * hidden)
        return seen, glitter

    def _body(self, out: Floats, sz: Floats, high: Floats) -> Floats:
        # Light comes through shoals, and through the crests of waves.
        shoal = 0.1 + 0.9 * np.exp(np.maximum(out, 0) * (-0.16 if self.sea else -0.9))
        body = mix(self.deep, self.shallow, np.clip(shoal * (1 + 1.2 * sz) + 1.5 * np.maximum(high, 0), 0, 1))
        if self.shore.sandy:
            body = mix(body, self.sand, 0.72 * np.exp(np.maximum(out, 0) * -1.1))
        return body

    def _foam(self, body: Floats, grid: tuple[Floats, Floats], out: Floats, high: Floats) -> Floats:
        """Breakers and the lace that the last wave left on sand, or the crests that the wind breaks."""
        x, z = grid
        foam = np.zeros_like(out)
        if self.rough > 0.12:
            foam = 0.8 * step(1.4, 3.0, high / self.rough + 0.8 * look(self.lace, x / 4.7, z / 1.3))
        if self.shore.sandy:
            fine, coarse = look(self.lace, x / 2.3, z / 2.3), look(self.lace, x / 9 + 0.5, z / 13)
            for number, (at, reach) in enumerate(((0.10, 0.34), (1.5, 0.7), (3.4, 0.9), (7.0, 1.4))):
                # Distance behind the crest of this wave: steep and white in front, trailing lace towards the sea.
                behind = out - at - (0.07 + 0.05 * number) * coarse
                along = step(-0.5, 0.4, look(self.lace, x / 31 + number * 0.29, z / 23)) if number else 1.0
                trail = np.clip(1 - behind / reach, 0, 1) * (behind > 0)
                edge = np.exp(-((behind / (0.05 + 0.02 * number)) ** 2))
                lace = step(0.55, 1.5, fine + 1.9 * trail * trail) * step(0, 0.5, trail)
                foam = np.maximum(foam, along * np.maximum(lace, edge))
        return mix(body, self.white, foam * 0.93 * np.minimum(2.2 / np.sqrt(z), 1))
