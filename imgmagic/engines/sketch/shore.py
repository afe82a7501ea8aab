"""Level ground and water: sea, lake, river, and the bank, beach, island or quay beside it.

Water is a mirror with waves. Each pixel looks up what the canvas already shows above the horizon, at the place where a
wave of that slope would send the ray; the Fresnel share decides between that and the colour of the water itself, which
depends on how deep it is. So whatever stands at the horizon must be painted before the water.
"""

# ruff: noqa: PLR2004 - the numbers are the drawing; names for them would only move them away

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imgmagic.engines.sketch.noise import SIDE, Floats, fractal, look, shaped, spectrum, step
from imgmagic.engines.sketch.scene import Tone
from imgmagic.engines.sketch.view import View, mix, rgb, toned

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Deep and shallow water, by kind.
_WATER = {"sea": ("042950", "29a8ad"), "lake": ("051a21", "1a3d38")}
_KINDS = {"beach": "beach", "lake": "bank", "river": "river", "island": "island", "harbour": "quay"}
#: Least and greatest start and slope of the edge, see `Shore`.
_EDGES = {"beach": (-1.85, -1.60, 0.34, 0.46), "quay": (-0.95, -0.75, 0.33, 0.40), "island": (-1.3, 1.3, 0.1, 0.1)}
#: Colour of the dry ground.
_GROUND = {"beach": "d4ba8f", "island": "d4ba8f", "quay": "8f8980"}


@dataclass(frozen=True, slots=True)
class Shore:
    """Where the water's edge runs.

    Parameters
    ----------
    kind
        ``beach``, ``bank`` (of a lake), ``river``, ``island``, ``quay``, or ``open`` for water all over.
    start, slope
        The edge in the world is x = start + slope * z, land to the right of it (before mirroring).
    mirror
        -1 if land lies to the left.
    phase
        Of the bends.
    """

    kind: str
    start: float
    slope: float
    mirror: float
    phase: float

    @property
    def sandy(self) -> bool:
        """Whether waves break on sand."""
        return self.kind in ("beach", "island")

    def soil(self, view: View) -> Floats:
        """Give the colour of the dry ground."""
        return toned(rgb("dbe0ed" if view.snowy else _GROUND.get(self.kind, "4d6621")), view.scene.ground)

    def out(self, x: Floats, z: Floats) -> Floats:
        """Give the distance from the edge in world units, positive over water."""
        p = np.float32(self.phase)
        if self.kind == "open":
            return np.full(np.broadcast_shapes(x.shape, z.shape), 60, np.float32)
        if self.kind == "river":
            return np.asarray((1.05 + z * 0.012 - np.abs(x - self.middle(z))) * 0.8, np.float32)
        if self.kind == "bank":
            edge = 2.35 + 0.30 * np.sin(x * 1.3 + p) + 0.42 * x * x + x * np.float32(self.mirror) * self.slope
            return np.asarray((z - edge) * 0.9, np.float32)
        if self.kind == "island":
            angle = np.arctan2(z - ISLAND[0], x - self.start)
            away = np.hypot((x - np.float32(self.start)) / ISLAND[1], (z - ISLAND[0]) / ISLAND[2])
            return np.asarray((away - 1 - 0.07 * np.sin(angle * 3 + p) - 0.04 * np.sin(angle * 7)) * 2.2, np.float32)
        return np.asarray((self.middle(z) - x * np.float32(self.mirror)) * 0.74, np.float32)

    def middle(self, z: Floats) -> Floats:
        """Give x of a river's middle, or of a straight shore's edge (before mirroring)."""
        p = np.float32(self.phase)
        if self.kind == "river":
            return np.asarray(np.sin(z * 0.16 + p) * (0.9 + z * 0.08) * self.mirror + self.start, np.float32)
        bends = 0.24 * np.sin(z * 0.75 + p) + 0.10 * np.sin(z * 1.9 + 2 * p) + 0.012 * z * np.sin(z * 0.21 + p)
        return np.asarray(self.start + self.slope * z + bends * (self.kind == "beach"), np.float32)


#: Depth of an island's middle, and its half axes across and along the view, in world units.
ISLAND = (8.6, 3.3, 2.9)


def shore_of(view: View) -> Shore:
    """Choose the water's edge of a scene."""
    random = view.rng("shore")
    kind = _KINDS.get(view.scene.place, "open")
    phase = float(random.uniform(0, 6.28))
    low, high, flat, steep = _EDGES.get(kind, (-0.2, 0.2, 0.10, 0.25))
    # Where a straight edge runs into the distance, it runs across the whole picture, however wide.
    reach = view.reach if kind in ("beach", "quay") else 1.0
    return Shore(kind, float(random.uniform(low, high)), float(random.uniform(flat, steep)) * reach, view.side, phase)


def paint(view: View, shore: Shore) -> None:
    """Paint everything below the horizon: water where the shore says so, land elsewhere."""
    random = view.rng("plane")
    water, land = _Water(view, shore, random), _Land(view, shore, random)
    x = view.across[None]
    mirrored = np.ascontiguousarray(view.canvas[: view.first])
    for top, bottom in view.bands(view.first, view.height):
        rows = np.arange(top, bottom, dtype=np.float32)
        v = np.maximum((rows + 0.5 - np.float32(view.horizon)) / np.float32(view.unit), 2e-4)[:, None]
        z = 1 / v
        world = x * z
        out = shore.out(world, z)
        part = view.canvas[top:bottom]
        if (out > -0.9).any():
            part[:] = water.colour(mirrored, (v, z, world), out)
        if view.road is not None:
            out = np.minimum(out, view.road.away(world, z) - 0.25)
        if (out < 0.4).any():
            land.over(part, (v, z, world), out)


class _Water:
    def __init__(self, view: View, shore: Shore, random: np.random.Generator) -> None:
        self.view, self.shore = view, shore
        self.kind = "sea" if shore.sandy or view.scene.place == "sea" else "lake"
        calm = {"sea": 0.085, "lake": 0.030}[self.kind]
        self.rough = calm * {"storm": 2.2, "rain": 1.5}.get(view.scene.weather, 1.0) * view.scene.waves
        self.slopes = _waves(random, 1.0 if self.kind == "sea" else 0.5)
        self.lace = fractal(random, 1.25, 4)
        lit = view.light.ambient + view.light.key * 0.55
        self.deep, self.shallow = (toned(rgb(each), view.scene.water) * lit for each in _WATER[self.kind])
        self.white = np.minimum(view.light.ambient * 0.95 + view.light.key * 0.62, 1)
        self.sand = rgb("ccb88c") * lit

    def colour(self, above: Floats, grid: tuple[Floats, Floats, Floats], out: Floats) -> Floats:
        v, z, world = grid
        slope = self._slope(z, world)
        sx, sz = slope.real, slope.imag
        reflected, glitter = self._mirror(above, v, sx, sz)
        if self.view.scene.water != Tone():
            # Water of another colour tints what it mirrors, or it would keep the sky's.
            reflected += (toned(reflected, self.view.scene.water) - reflected) * np.float32(0.6)
        grazing = np.clip(v / np.sqrt(1 + v * v) + 0.55 * sz, 0.015, 1)
        share = np.float32(0.02) + np.float32(0.98) * (1 - grazing) ** 4
        share *= np.float32(0.80 if self.kind == "sea" else 0.94)
        body = self._body(out, sz)
        body += (reflected - body) * share[..., None]
        if glitter is not None:
            # The sun is so much brighter than the sky that even a small share of it shines.
            body += (self.view.light.disc - body) * np.minimum(glitter * (0.25 + share * 1.2), 1)[..., None]
        if self.shore.sandy:
            self._surf(body, grid, out)
        elif self.rough > 0.12:
            self._whitecaps(body, grid, sz)
        return body

    def _slope(self, z: Floats, world: Floats) -> NDArray[np.complex64]:
        """Slopes of the waves along x (real) and z (imaginary), each size fading out where pixels are coarser."""
        size = z * z / np.float32(self.view.unit)
        total: NDArray[np.complex64] = np.zeros(np.broadcast_shapes(z.shape, world.shape), np.complex64)
        for length, gain, offset in ((3.1, 0.8, 0.1), (13.0, 1.0, 0.37), (71.0, 0.9, 0.71)):
            fade = np.float32(gain * self.rough) / (1 + (size / np.float32(length * 0.028)) ** 2)
            total += look(self.slopes, world / np.float32(length) + np.float32(offset), z / np.float32(length)) * fade
        return total

    def _mirror(self, above: Floats, v: Floats, sx: Floats, sz: Floats) -> tuple[Floats, Floats | None]:
        view = self.view
        up = np.minimum(np.abs(v + 1.7 * sz), 0.33)
        column = np.arange(view.width, dtype=np.float32) + sx * (1.5 * v + 0.12) * np.float32(view.unit)
        row = np.clip(np.float32(view.horizon) - up * np.float32(view.unit), 0, len(above) - 1).astype(np.int32)
        flat = row * view.width + np.clip(column, 0, view.width - 1).astype(np.int32)
        seen = above.reshape(-1, 3).take(flat.ravel(), axis=0).reshape(*flat.shape, 3)
        shining = view.scene.thing("sun") or view.scene.thing("moon")
        return np.minimum(seen, 1), self._glitter(column, up) if shining else None

    def _glitter(self, column: Floats, up: Floats) -> Floats:
        view = self.view
        dx = (column - np.float32(view.width / 2)) / np.float32(view.unit) - np.float32(view.sun[0])
        dy = up - np.float32(view.sun[1])
        wide = 0.040 if self.kind == "sea" else 0.034
        strength = (0.55 if view.scene.time == "night" else 1.0) * (0.12 if view.covered else 1)
        return np.asarray(np.exp(-(dx * dx + dy * dy * 0.30) / np.float32(2 * wide * wide)) * strength, np.float32)

    def _body(self, out: Floats, sz: Floats) -> Floats:
        if self.shore.kind == "open":
            shoal = np.full(out.shape, 0.10, np.float32)
        else:
            shoal = np.exp(np.maximum(out, 0) * np.float32(-0.16 if self.kind == "sea" else -0.9))
        body = mix(self.deep, self.shallow, np.clip(shoal * (1 + 1.2 * sz), 0, 1))
        if self.shore.sandy:
            body += (self.sand - body) * (0.72 * np.exp(np.maximum(out, 0) * np.float32(-1.1)))[..., None]
        return body

    def _surf(self, body: Floats, grid: tuple[Floats, Floats, Floats], out: Floats) -> None:
        """Breakers and the lace of foam that the last wave left."""
        _, z, world = grid
        fine = look(self.lace, world / 2.3, z / 2.3)
        coarse = look(self.lace, world / 9 + 0.5, z / 13)
        foam = np.zeros_like(out)
        for number, (at, reach) in enumerate(((0.10, 0.34), (1.5, 0.7), (3.4, 0.9), (7.0, 1.4))):
            # Distance behind the crest of this wave: steep and white in front, trailing lace towards the sea.
            behind = out - np.float32(at) - (0.07 + 0.05 * number) * coarse
            along = 1.0 if number == 0 else step(-0.5, 0.4, look(self.lace, world / 31 + number * 0.29, z / 23))
            trail = np.clip(1 - behind / np.float32(reach), 0, 1) * (behind > 0)
            edge = np.exp(-((behind / np.float32(0.05 + 0.02 * number)) ** 2))
            lace = step(0.55, 1.5, fine + 1.9 * trail * trail) * step(0, 0.5, trail)
            foam = np.maximum(foam, along * np.maximum(lace, edge))
            if number:
                # The face of the wave, between crest and shore, shows the light through the water.
                face = np.exp(-(((behind + 0.22) / 0.17) ** 2)) * along
                body += (self.shallow * 0.80 - body) * (0.55 * face)[..., None]
        size = np.minimum(1.6 / np.sqrt(z), 1)
        body += (self.white - body) * (foam * np.float32(0.93) * size)[..., None]

    def _whitecaps(self, body: Floats, grid: tuple[Floats, Floats, Floats], sz: Floats) -> None:
        """Crests that the wind breaks."""
        _, z, world = grid
        torn = look(self.lace, world / 13, z / 3.1) + 0.9 * look(self.lace, world / 5.7 + 0.3, z / 1.7)
        crest = step(1.9, 4.6, torn + 6 * sz) * np.minimum(3.0 / np.sqrt(z), 1)
        body += (self.white - body) * (crest * np.float32(0.6))[..., None]


def _waves(random: np.random.Generator, spread: float) -> Floats:
    """Make a tile of slopes, along x in the real part and along z in the imaginary one."""
    kx, kz, k = spectrum()
    gain = k**-0.85 * np.exp(-((k / 150) ** 2)) * (k >= 3) * (0.25 + (np.abs(kz) / k) ** 2)
    wave = np.fft.rfft2(shaped(random, gain.astype(np.float32)))
    both = [np.fft.irfft2(wave * (1j * along / k), s=(SIDE, SIDE)) for along in (kx * spread, kz)]
    return np.asarray((both[0] + 1j * both[1]) * 1.5, np.complex64)


class _Land:
    def __init__(self, view: View, shore: Shore, random: np.random.Generator) -> None:
        self.view, self.shore = view, shore
        self.fine, self.soft = fractal(random, 1.15, 5), fractal(random, 2.0, 2)
        self.base = shore.soil(view)

    def over(self, part: Floats, grid: tuple[Floats, Floats, Floats], out: Floats) -> None:
        v, z, world = grid
        lace = look(self.fine, world / 4.1, z / 4.1) if self.shore.kind != "quay" else np.float32(0)
        inland = -out + np.float32(0.05) * lace
        solid = step(-0.015, 0.03, inland - np.float32(0.4) / np.float32(self.view.unit) * z)
        if self.shore.kind == "quay":
            colour = self._paving(z, world, inland)
        else:
            colour = self._sand(v, z, world, inland) if self.shore.sandy else self._turf(z, world, inland)
        if self.view.road is not None:
            lit = self._lit(self.view.road.surface(world, z), np.zeros_like(inland))
            colour = mix(colour, lit, self.view.road.cover(world, z, self.view.unit))
        # No farther than the mountains' foot, or a pale line would part the two.
        colour = self.view.light.veil(colour, np.minimum(z, 34))
        part += (colour - part) * solid[..., None]

    def _lit(self, colour: Floats, bump: Floats) -> Floats:
        light = self.view.light
        return light.on(colour, np.asarray(light.direction[1] + bump, np.float32))

    def _sand(self, v: Floats, z: Floats, world: Floats, inland: Floats) -> Floats:
        size = z * z / np.float32(self.view.unit)
        side = np.float32(self.view.light.direction[0])
        bump = np.zeros_like(inland)
        for tile, length, gain in ((self.soft, 3.7, 0.34), (self.fine, 1.3, 0.055), (self.soft, 17.0, 0.30)):
            u, w = world / np.float32(length), z / np.float32(length * 0.8)
            tilt = look(tile, u, w) - look(tile, u + np.float32(0.012) * side, w + np.float32(0.007))
            bump += tilt * np.float32(gain) / (1 + (size / np.float32(length * 0.03)) ** 2)
        wet = step(0.62, 0.10, inland)
        bump *= 1 - 0.85 * wet
        shade = 1 + 0.035 * look(self.soft, world / 11, z / 11)
        dry = self._lit(self.base * shade[..., None], bump)
        sheen = np.float32(0.10) + np.float32(0.55) * np.exp(v * -4.5)
        gleam = self.view.light.middle * 0.4 + self.view.light.horizon * 0.6
        damp = mix(dry * rgb((0.60, 0.565, 0.53)), gleam, sheen * step(0.40, 0.04, inland))
        return mix(dry, damp, wet)

    def _turf(self, z: Floats, world: Floats, inland: Floats) -> Floats:
        tuft = look(self.fine, world / 1.7, z / 5) * np.exp(z * -0.09) + 0.5 * look(self.fine, world / 13, z / 31)
        bump = 0.10 * tuft + 0.10 * look(self.soft, world / 9, z / 14)
        turf = self._lit(self.base * (1 + 0.22 * look(self.soft, world / 21, z / 33))[..., None], bump)
        earth = self._lit(rgb("4d4233") * (1 + 0.25 * tuft)[..., None], bump)
        return mix(earth, turf, step(0.02, 0.22, inland + 0.05 * tuft))

    def _paving(self, z: Floats, world: Floats, inland: Floats) -> Floats:
        """Flagstones in courses along the edge, a kerb of paler stone; joints fade with the distance."""
        near = np.exp(z * np.float32(-0.22))
        course = np.floor(inland / 0.42)
        along = z / 0.6 + 0.5 * (course % 2)
        joint = np.maximum(np.abs(inland / 0.42 % 1 - 0.5), np.abs(along % 1 - 0.5))
        tint = np.sin(course * 12.9898 + np.floor(along) * 78.233) * np.float32(0.07) * near
        grain = 0.05 * look(self.fine, world / 1.1, z / 1.1) * near + 0.05 * look(self.soft, world / 9, z / 9)
        stone = self.base * (1 + tint + grain - 0.30 * step(0.455, 0.49, joint) * near)[..., None]
        kerb = step(0.30, 0.27, inland)
        return self._lit(mix(stone, stone * np.float32(1.25), kerb), np.zeros_like(inland))
