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

#: Sky at the zenith, in its middle and at the horizon, light of the sun (or moon), light of the sky, the sun's disc,
#: and what clouds that cover the sky are multiplied by.
_TIMES = {
    "day": "1a4da8 4c8fde c7e3f5 fff2d6 6b8099 fffaeb ffffff",
    "dawn": "4566a8 ada8c7 ffd4ad ffc799 6b6b85 ffedc7 d9d9d9",
    "golden hour": "3a66a3 93a5bf ffd9a1 ffcb85 6e6872 fff0c8 e6e6e6",
    "sunset": "2b306b ad6175 ffa854 ff9952 574a66 ffe099 bfbfbf",
    "dusk": "121742 473d75 db8070 85616b 38385c ffbf8c 737373",
    "night": "030613 09112a 1c2b4d 6c84b6 262f52 f2f5ff 252f47",
}
#: Times at which the sun is low, and how high it stands then.
LOW = {"golden hour": (0.13, 0.18), "dawn": (0.07, 0.11), "sunset": (0.07, 0.11), "dusk": (-0.06, -0.03)}
#: Times at which lamps are lit.
DARK = ("night", "dusk")
#: Weather: how far the sky's colours go to the grey given, how bright that is at the zenith, how much of the sun's
#: light is left, haze per unit of depth, and how far the haze takes the sky's darker colours: under clouds, what is far
#: must not shine before them.
_WEATHERS = {
    "clear": (0.0, "cccccc", 0.8, 1.0, 0.010, 0.0),
    "cloudy": (0.12, "b8c2cc", 0.8, 0.92, 0.012, 0.0),
    "overcast": (0.92, "b8bcc2", 0.86, 0.35, 0.020, 0.4),
    "storm": (0.94, "525961", 0.8, 0.30, 0.026, 0.4),
    "rain": (0.92, "868d95", 0.84, 0.30, 0.030, 0.4),
    "snow": (0.90, "bdc3cc", 0.84, 0.40, 0.020, 0.4),
    "fog": (0.85, "ccd1d4", 1.0, 0.40, 0.130, 0.0),
}
_HORIZONS = {
    "city": 0.62, "harbour": 0.55, "forest": 0.60, "lake": 0.50, "meadow": 0.56, "hills": 0.56, "mountains": 0.60,
    "studio": 0.60, "island": 0.52,
}  # fmt: skip
#: So many px at once fit the processor's cache.
_BAND = 1 << 15


def rgb(colour: RGB | str) -> Floats:
    """Give a colour as an array; six hexadecimal digits are as good as three numbers."""
    if isinstance(colour, str):
        return np.frombuffer(bytes.fromhex(colour), np.uint8) / np.float32(255)
    return np.asarray(colour, np.float32)


def palette(colours: str) -> list[Floats]:
    """Give colours that are written one after the other."""
    return [rgb(each) for each in colours.split()]


def mix(colour: Floats, other: Floats, share: Floats) -> Floats:
    """Go from a colour (..., 3) to another one by a share (...)."""
    return by_plane(lambda own, aim: own + (aim - own) * share, colour, other)


def scaled(colour: Floats, share: Floats) -> Floats:
    """Multiply a colour (..., 3) by a share (...)."""
    return by_plane(lambda own: own * share, colour)


def by_plane(formula: Callable[..., Floats], *colours: Floats) -> Floats:
    """Apply a formula to the red of colours (..., 3), to their green and to their blue.

    The result lies in memory like that, which is several times as fast as a formula with three numbers per pixel.
    """
    planes = [formula(*each) for each in zip(*(np.moveaxis(colour, -1, 0) for colour in colours), strict=True)]
    return np.moveaxis(np.stack(planes, dtype=np.float32), 0, -1)


@dataclass(frozen=True, slots=True)
class Light:
    """What light there is: the sky's colours, the sun's and the sky's light, haze and its colour, where it is from."""

    zenith: Floats
    middle: Floats
    horizon: Floats
    key: Floats
    ambient: Floats
    disc: Floats
    haze: float
    mist: Floats
    direction: tuple[float, float, float]
    dark: bool = False

    @property
    def side(self) -> float:
        """Where the light comes from: -1 from the left, 1 from the right."""
        return float(np.sign(self.direction[0]))

    def on(self, albedo: Floats, facing: Floats) -> Floats:
        """Light a surface: albedo (..., 3), ``facing`` (...) the cosine towards the light."""
        if self.dark:
            # By night the eye sees little colour.
            albedo = albedo + (albedo.mean(-1, keepdims=True) - albedo) * 0.6
        # The sky is brighter on the light's side: what is turned away still has its light and dark.
        shade = np.maximum(facing, 0.15 + 0.15 * facing)
        return by_plane(lambda key, ambient, own: (shade * key + ambient) * own, self.key, self.ambient, albedo)

    def veil(self, colour: Floats, depth: Floats | float) -> Floats:
        """Fade a surface (..., 3) into the haze; its depth broadcasts against (...)."""
        through = np.exp(-self.haze * np.maximum(np.asarray(depth, np.float32) - 2, 0))
        return mix(self.mist, colour, through)


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
    #: On which side the composition has its weight: -1 or 1; a sun that was moved leaves it where it is.
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
        self.horizon = self.height * (base + random.uniform(-0.06, 0.06))
        self.side = -1.0 if random.random() < 0.5 else 1.0
        # Land lies where the first that stands on it was asked for.
        sides = [each.side for each in self.scene.things if each.kind in ("palms", "pines", "trees", "house")]
        if self.scene.place in ("beach", "harbour") and sides:
            self.side = {"left": -1.0, "right": 1.0}.get(sides[0], self.side)
        lens = random.uniform(0.92, 1.12)
        self.unit = min((self.width * self.height) ** 0.5, 1.25 * self.height) * lens
        self.sun = self._sun(random)
        self.light = self._light()
        self.canvas = np.moveaxis(np.zeros((3, self.height, self.width), np.float32), 0, -1)

    def rng(self, *names: object) -> np.random.Generator:
        """Give the random numbers of one part of this scene."""
        return rng(self.scene.seed, *names)

    @property
    def across(self) -> Floats:
        """Column centres in units from the middle."""
        return (np.arange(self.width, dtype=np.float32) + 0.5 - self.width / 2) / self.unit

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
        return self.scene.snowy

    @property
    def end(self) -> float:
        """How deep the haze grows: to what stands at the horizon, or a pale line would part it from the plane."""
        scene = self.scene
        return 34.0 if scene.thing("mountains") or scene.thing("city") or scene.place == "harbour" else np.inf

    def bands(self, top: int, bottom: int) -> Iterator[tuple[int, int]]:
        """Cut rows into bands, so that working arrays are small."""
        rows = max(1, _BAND // self.width)
        for each in range(top, bottom, rows):
            self.pause()
            yield each, min(each + rows, bottom)

    def wash(self, top: int, bottom: int, layer: Callable[[Floats, Floats, Floats], Floats]) -> None:
        """Paint over rows; ``layer`` makes colours of what is there, x, and y above the horizon (units)."""
        for start, stop in self.bands(top, bottom):
            part = self.canvas[start:stop]
            y = (self.horizon - 0.5 - np.arange(start, stop, dtype=np.float32)[:, None]) / self.unit
            np.clip(layer(part, self.across[None], y), 0, 1, out=part)

    def _sun(self, random: np.random.Generator) -> tuple[float, float]:
        """Choose where the sun or the moon is, in units from the middle of the horizon."""
        scene, shining = self.scene, self.scene.thing("sun") or self.scene.thing("moon")
        heights = (0.26, 0.36) if scene.thing("moon") else LOW.get(scene.time, (0.26, 0.36))
        rise = random.uniform(*heights)
        place = self.side * (random.uniform(0.08, 0.22) if self.low else random.uniform(0.18, 0.34))
        if scene.place == "beach":
            # Over the sea, so that the shadows fall on the sand.
            place = -place
        if shining is not None and shining.side:
            # Farther out than it is by itself, so that moving it always moves it.
            place = {"left": -0.38, "right": 0.38}.get(shining.side, 0.0)
        rise = min(rise, self.horizon / self.unit * 0.80)
        if shining is not None:
            # Scaled last, so that raising or lowering it always moves it.
            rise += abs(rise) * (shining.height - 1)
        return place * min(self.reach, 1.3), min(rise, self.horizon / self.unit * 0.95)

    def _light(self) -> Light:
        scene = self.scene
        *sky, key, ambient, disc, dim = palette(_TIMES[scene.time])
        grey, cover, top, left, haze, dark = _WEATHERS[scene.weather]
        aim = rgb(cover) * dim
        zenith, middle, horizon = (
            each + (aim * share - each) * grey for each, share in zip(sky, (top, 0.99, 1.02), strict=True)
        )
        ambient = ambient + (aim * 0.85 - ambient) * (grey * 0.8)
        # Against a low sun, and under clouds, what is far must not shine before the darker sky.
        mist = horizon + (middle * 0.9 - horizon) * max(dark, 0.7 * self.low * (scene.weather != "fog"))
        # A low sun shines into our eyes.
        ahead = 0.5 if self.low else 0.15
        side = float(np.sign(self.sun[0])) or self.side
        slope = np.array([side * (0.55 + abs(self.sun[0])), 0.34 if self.low else 0.60, ahead])
        x, y, z = (slope / np.linalg.norm(slope)).tolist()
        night = scene.time == "night"
        return Light(zenith, middle, horizon, key * left, ambient, disc, haze * scene.force, mist, (x, y, z), night)

    def over(self, colour: Floats, cover: Floats, top: int, left: int) -> None:
        """Lay colour (h, w, 3) with coverage (h, w) on the canvas at a pixel position, clipped to it."""
        self.lay(colour * cover[..., None], cover, top, left)

    def lay(self, colour: Floats, cover: Floats, top: int, left: int) -> None:
        """Lay colour that is already multiplied by its coverage on the canvas, clipped to it."""
        y, x = max(-top, 0), max(-left, 0)
        inside = np.s_[y : max(self.height - top, 0), x : max(self.width - left, 0)]
        colour, cover = colour[inside], cover[inside]
        seen = np.s_[top + y : top + y + cover.shape[0], left + x : left + x + cover.shape[1]]
        under = self.canvas[seen]
        under *= 1 - cover[..., None]
        under += colour
        if self.alpha is not None:
            into = self.alpha[seen]
            into += (1 - into) * cover


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
            colour = peak * (np.maximum(colour, 0) / peak) ** (1 + 0.55 * (tone.saturation - 1))
        else:
            colour = peak - (peak - colour) * tone.saturation
    return np.asarray(np.clip(colour * tone.value, 0, 1))


def _tinted(colour: Floats, aim: Floats) -> Floats:
    """Give colours another hue, and keep light and dark where they were."""
    weights = rgb((0.3, 0.5, 0.2))
    own = float(aim @ weights)
    grey = own + (colour @ weights - own) * 0.45
    # The named colour in the middle, towards white above, black below.
    below = aim * (grey / max(own, 0.05))[..., None]
    above = 1 - (1 - aim) * ((1 - grey) / max(1 - own, 0.05))[..., None]
    return colour + (np.where((grey <= own)[..., None], below, above) - colour) * 0.84
