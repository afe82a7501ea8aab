"""The camera, the light and the canvas that every drawing module shares.

World: the camera looks along +z from height 1 above a plane; x to the right, y up. A point (x, y, z) is seen at
``(x / z, (1 - y) / z)`` in units of `View.unit` px from the middle of the horizon. There is one light for everything.
Colours are display values (0 to 1, not linear): the palettes were chosen by eye in that space.
"""

# ruff: noqa: PLR2004 - the numbers are the drawing; names for them would only move them away

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from imgmagic.engines.sketch import vocabulary
from imgmagic.engines.sketch.noise import Floats, rng

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imgmagic.engines.sketch.relief import Road
    from imgmagic.engines.sketch.scene import Scene, Tone

RGB = tuple[float, float, float]

#: Sky at the zenith, in its middle and at the horizon, light of the sun (or moon), light of the sky, the sun's disc.
_TIMES = {
    "day": "1a4da8 4c8fde c7e3f5 fff2d6 6b8099 fffaeb",
    "dawn": "4566a8 ada8c7 ffd4ad ffc799 6b6b85 ffedc7",
    "golden hour": "3a66a3 93a5bf ffd9a1 ffcb85 6e6872 fff0c8",
    "sunset": "2b306b ad6175 ffa854 ff9952 574a66 ffe099",
    "dusk": "121742 473d75 db8070 85616b 38385c ffbf8c",
    "night": "030613 09112a 1c2b4d 58709a 1a2540 f2f5ff",
}
_DIM = {"day": 1.0, "dawn": 0.85, "golden hour": 0.9, "sunset": 0.75, "dusk": 0.45, "night": 0.20}
#: Times at which the sun is low, and how high it stands then.
LOW = {"golden hour": (0.13, 0.18), "dawn": (0.07, 0.11), "sunset": (0.07, 0.11), "dusk": (0.07, 0.11)}
#: Times at which lamps are lit.
DARK = ("night", "dusk")
#: Weather: how far the sky's colours go to the grey given, how much of the sun's light is left, haze per unit of depth.
_WEATHERS = {
    "clear": (0.0, "cccccc", 1.0, 0.010),
    "cloudy": (0.12, "b8c2cc", 0.92, 0.012),
    "overcast": (0.78, "b3bac2", 0.35, 0.020),
    "storm": (0.85, "545c66", 0.30, 0.026),
    "rain": (0.85, "808a94", 0.30, 0.030),
    "snow": (0.80, "bdc4cf", 0.40, 0.020),
    "fog": (0.80, "ccd1d4", 0.40, 0.130),
}
_HORIZONS = {
    "city": 0.62, "harbour": 0.55, "forest": 0.60, "lake": 0.50, "meadow": 0.56, "hills": 0.56, "mountains": 0.60,
    "studio": 0.60, "island": 0.52,
}  # fmt: skip
#: Places under no sky.
SKYLESS = ("space", "studio")
_ROWS = 128


def rgb(colour: RGB | str) -> Floats:
    """Give a colour as an array; six hexadecimal digits are as good as three numbers."""
    if isinstance(colour, str):
        return np.frombuffer(bytes.fromhex(colour), np.uint8) / np.float32(255)
    return np.asarray(colour, np.float32)


def mix(colour: Floats, other: Floats, share: Floats) -> Floats:
    """Go from a colour (..., 3) to another one by a share (...)."""
    return np.asarray(colour + (other - colour) * share[..., None], np.float32)


@dataclass(frozen=True, slots=True)
class Light:
    """What light there is: the sky's three colours, the sun's and the sky's light, the haze and its colour, the way."""

    zenith: Floats
    middle: Floats
    horizon: Floats
    key: Floats
    ambient: Floats
    disc: Floats
    haze: float
    mist: Floats
    direction: tuple[float, float, float]

    @property
    def side(self) -> float:
        """Where the light comes from: -1 from the left, 1 from the right."""
        return float(np.sign(self.direction[0]))

    def on(self, albedo: Floats, facing: Floats) -> Floats:
        """Light a surface: albedo (..., 3), ``facing`` (...) the cosine towards the light."""
        shade = np.maximum(facing, 0)[..., None] * self.key
        shade += self.ambient
        shade *= albedo
        return shade

    def veil(self, colour: Floats, depth: Floats | float) -> Floats:
        """Fade a surface (..., 3) into the haze; its depth broadcasts against (...)."""
        through = np.exp(np.float32(-self.haze) * np.maximum(np.asarray(depth, np.float32) - 2, 0))[..., None]
        colour = (colour - self.mist) * through
        colour += self.mist
        return colour


@dataclass(slots=True)
class View:
    """One picture in the making.

    Parameters
    ----------
    scene
        What is drawn.
    width, height
        Of the canvas in px.
    alpha
        None, or the coverage (height, width) of a picture without a backdrop.
    pause
        Called between two strokes; raises if the drawing is to end.
    """

    scene: Scene
    width: int
    height: int
    alpha: Floats | None = None
    pause: Callable[[], None] = lambda: None
    unit: float = field(init=False)
    horizon: float = field(init=False)
    #: Where the sun or the moon is, in units from the middle of the horizon.
    sun: tuple[float, float] = field(init=False)
    #: Where the composition has its light: -1 or 1; a sun that was moved leaves it where it is.
    side: float = field(init=False)
    light: Light = field(init=False)
    canvas: Floats = field(init=False)
    #: The road, if there is one.
    road: Road | None = None
    #: World height of the ground at (x, z).
    ground: Callable[[Floats, Floats], Floats] = lambda x, z: x * z * 0

    def __post_init__(self) -> None:
        random = self.rng("camera")
        base = _HORIZONS.get(self.scene.place, 0.47)
        self.horizon = self.height * float(base + random.uniform(-0.06, 0.06))
        self.side = -1.0 if random.random() < 0.5 else 1.0
        lens = float(random.uniform(0.92, 1.12))
        self.unit = float(min(np.sqrt(self.width * self.height), 1.25 * self.height)) * lens
        self.light = self._light(self._sun(random))
        self.canvas = np.zeros((self.height, self.width, 3), np.float32)

    def rng(self, *names: object) -> np.random.Generator:
        """Give the random numbers of one part of this scene."""
        return rng(self.scene.seed, *names)

    @property
    def across(self) -> Floats:
        """Column centres in units from the middle."""
        return np.asarray((np.arange(self.width) + 0.5 - self.width / 2) / self.unit, np.float32)

    @property
    def reach(self) -> float:
        """Width of the picture in units."""
        return self.width / self.unit

    @property
    def first(self) -> int:
        """The first row whose centre lies below the horizon."""
        return int(np.ceil(self.horizon - 0.4))

    @property
    def low(self) -> bool:
        """Whether the sun is low."""
        return self.scene.time in LOW

    @property
    def covered(self) -> bool:
        """Whether the weather hides the sun."""
        return self.scene.weather in vocabulary.COVERED

    @property
    def snowy(self) -> bool:
        """Whether snow lies."""
        return "snow" in (self.scene.weather, self.scene.place)

    def up(self, top: int, bottom: int) -> Floats:
        """Give how high rows are above the horizon in units, 0 below it."""
        rows = np.arange(top, bottom, dtype=np.float32)
        return np.asarray(np.maximum((self.horizon - rows - 0.5) / self.unit, 0), np.float32)

    def bands(self, top: int, bottom: int) -> Iterator[tuple[int, int]]:
        """Cut rows into bands, so that no working array is as large as the picture."""
        for each in range(top, bottom, _ROWS):
            self.pause()
            yield each, min(each + _ROWS, bottom)

    def wash(self, rows: int, layer: Callable[[Floats, Floats, Floats], Floats]) -> None:
        """Paint over the uppermost rows; ``layer`` makes colours of what is there, x and the height (units)."""
        for top, bottom in self.bands(0, rows):
            sky = layer(self.canvas[top:bottom], self.across[None], self.up(top, bottom)[:, None])
            np.clip(sky, 0, 1, out=self.canvas[top:bottom])

    def _sun(self, random: np.random.Generator) -> float:
        """Place the sun or the moon; gives the side from which its light comes."""
        scene, side = self.scene, self.side
        rise = random.uniform(*LOW.get(scene.time, (0.26, 0.36)))
        place = side * random.uniform(0.08, 0.22) if self.low else side * random.uniform(0.18, 0.34)
        if scene.place == "beach":
            # The palms stand on the side of the light, so that their shadows fall on the sand in front; but not
            # before the sun.
            place *= -0.4 if self.low else 0.25
        shining = scene.thing("sun") or scene.thing("moon")
        if shining is not None and shining.side:
            # Farther out than it is by itself, so that moving it always moves it.
            place = {"left": -1.0, "right": 1.0}.get(shining.side, 0.0) * (0.28 if scene.place == "beach" else 0.38)
            side = float(np.sign(place)) or side
        # Scaled last, so that raising or lowering it always moves it.
        rise = min(rise, self.horizon / self.unit * 0.80) * (shining.height if shining is not None else 1.0)
        self.sun = (place * min(self.reach, 1.3), min(rise, self.horizon / self.unit * 0.95))
        return side

    def _light(self, side: float) -> Light:
        scene = self.scene
        zenith, middle, horizon, key, ambient, disc = map(rgb, _TIMES[scene.time].split())
        grey, colour, left, haze = _WEATHERS[scene.weather]
        aim = rgb(colour) * np.float32(_DIM[scene.time])
        if scene.time == "night":
            aim = aim * rgb((0.72, 0.92, 1.40))
        # Under a cover it is hardly brighter at the horizon: what is far and hazed must not shine before the sky.
        dims = (0.95, 1.0, 1.02) if scene.weather == "fog" else (0.8, 0.97, 1.04) if self.covered else (0.8, 0.95, 1.12)
        zenith, middle, horizon = (
            each + (aim * np.float32(dim) - each) * np.float32(grey)
            for each, dim in zip((zenith, middle, horizon), dims, strict=True)
        )
        ambient = ambient + (aim * np.float32(0.85) - ambient) * np.float32(grey * 0.8)
        slope = np.array([side * 0.75, 0.34 if self.low else 0.40 if scene.place == "desert" else 0.62, 0.10])
        x, y, z = (slope / np.linalg.norm(slope)).tolist()
        # Under clouds what is far must not shine before the darker sky.
        mist = horizon * 0.55 + middle * 0.36 if self.covered and scene.weather != "fog" else horizon
        return Light(
            zenith, middle, horizon, key * np.float32(left), ambient, disc, haze * self.scene.force, mist, (x, y, z)
        )

    def over(self, colour: Floats, cover: Floats, top: int, left: int) -> None:
        """Lay colour (h, w, 3) with coverage (h, w) on the canvas at a pixel position, clipped to it."""
        self.lay(colour, cover, top, left, premultiplied=False)

    def lay(self, colour: Floats, cover: Floats, top: int, left: int, *, premultiplied: bool = True) -> None:
        """Lay colour that is already multiplied by its coverage on the canvas, clipped to it."""
        y0, x0 = max(top, 0), max(left, 0)
        y1, x1 = min(top + cover.shape[0], self.height), min(left + cover.shape[1], self.width)
        if y0 >= y1 or x0 >= x1:
            return
        part = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
        under, solid = self.canvas[y0:y1, x0:x1], cover[part][..., None]
        if premultiplied:
            under *= 1 - solid
            under += colour[part]
        else:
            under += (colour[part] - under) * solid
        if self.alpha is not None:
            into = self.alpha[y0:y1, x0:x1]
            into += (1 - into) * cover[part]


def toned(colour: Floats, tone: Tone, hue: RGB | None = None) -> Floats:
    """Shift colours (..., 3) by a tone; ``hue`` is the colour meant, if not the one that the tone's word names."""
    if hue is None and tone.colour:
        hue = vocabulary.COLOURS[tone.colour]
    if hue is not None:
        colour = _tinted(colour, rgb(hue))
    if tone.saturation != 1:
        peak = np.maximum(colour.max(-1, keepdims=True), 1e-4)
        # The largest channel stays, the others fall towards zero but never reach it: deep colours, not neon ones.
        if tone.saturation > 1:
            colour = peak * (np.maximum(colour, 0) / peak) ** np.float32(1 + 0.55 * (tone.saturation - 1))
        else:
            colour = peak - (peak - colour) * np.float32(tone.saturation)
    return np.asarray(np.clip(colour * np.float32(tone.value), 0, 1))


def _tinted(colour: Floats, aim: Floats) -> Floats:
    """Give colours another hue, and keep light and dark where they were."""
    weights = rgb((0.3, 0.5, 0.2))
    own = float(aim @ weights)
    grey = own + (colour @ weights - own) * np.float32(0.45)
    # The named colour in the middle, towards white above, black below.
    below = aim * (grey / max(own, 0.05))[..., None]
    above = 1 - (1 - aim) * ((1 - grey) / max(1 - own, 0.05))[..., None]
    return colour + (np.where((grey <= own)[..., None], below, above) - colour) * np.float32(0.84)
