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
from PIL import Image

from imgmagic.engines.sketch.noise import Floats, rng

if TYPE_CHECKING:
    from imgmagic.engines.sketch.scene import Scene, Tone

RGB = tuple[float, float, float]

#: Sky from zenith over middle to horizon, light of the sun (or moon), light of the sky, the sun's own colour.
_PALETTES: dict[str, tuple[RGB, RGB, RGB, RGB, RGB, RGB]] = {
    "day": (
        (0.10, 0.30, 0.66),
        (0.30, 0.56, 0.87),
        (0.78, 0.89, 0.96),
        (1.0, 0.95, 0.84),
        (0.42, 0.50, 0.60),
        (1.0, 0.98, 0.92),
    ),
    "dawn": (
        (0.27, 0.40, 0.66),
        (0.68, 0.66, 0.78),
        (1.0, 0.83, 0.68),
        (1.0, 0.78, 0.60),
        (0.42, 0.42, 0.52),
        (1.0, 0.93, 0.78),
    ),
    "sunset": (
        (0.17, 0.19, 0.42),
        (0.68, 0.38, 0.46),
        (1.0, 0.66, 0.33),
        (1.0, 0.60, 0.32),
        (0.34, 0.29, 0.40),
        (1.0, 0.88, 0.60),
    ),
    "dusk": (
        (0.07, 0.09, 0.26),
        (0.28, 0.24, 0.46),
        (0.86, 0.50, 0.44),
        (0.52, 0.38, 0.42),
        (0.22, 0.22, 0.36),
        (1.0, 0.75, 0.55),
    ),
    "night": (
        (0.012, 0.022, 0.075),
        (0.035, 0.065, 0.165),
        (0.11, 0.17, 0.30),
        (0.30, 0.38, 0.52),
        (0.085, 0.12, 0.21),
        (0.95, 0.96, 1.0),
    ),
}
#: Weather: how far the sky's colours go to the grey given, how much of the sun's light is left, haze per unit of depth.
_WEATHERS: dict[str, tuple[float, RGB, float, float]] = {
    "clear": (0.0, (0.8, 0.8, 0.8), 1.0, 0.010),
    "cloudy": (0.12, (0.72, 0.76, 0.80), 0.92, 0.012),
    "overcast": (0.78, (0.70, 0.73, 0.76), 0.35, 0.020),
    "storm": (0.85, (0.33, 0.36, 0.40), 0.30, 0.026),
    "rain": (0.85, (0.50, 0.54, 0.58), 0.30, 0.045),
    "snow": (0.80, (0.74, 0.77, 0.81), 0.40, 0.020),
    "fog": (0.80, (0.80, 0.82, 0.83), 0.40, 0.130),
}
_DIM = {"day": 1.0, "dawn": 0.85, "sunset": 0.75, "dusk": 0.45, "night": 0.20}


def rgb(colour: RGB) -> Floats:
    """Give a colour as an array."""
    return np.asarray(colour, np.float32)


@dataclass(frozen=True, slots=True)
class Light:
    """What light there is: the sky's three colours, the sun's and the sky's light, the haze and where it comes from."""

    zenith: Floats
    middle: Floats
    horizon: Floats
    key: Floats
    ambient: Floats
    disc: Floats
    haze: float
    direction: tuple[float, float, float]

    def on(self, albedo: Floats, facing: Floats) -> Floats:
        """Light a surface: albedo (..., 3), ``facing`` (...) the cosine towards the light."""
        shade = np.maximum(facing, 0)[..., None] * self.key
        shade += self.ambient
        shade *= albedo
        return shade

    def veil(self, colour: Floats, depth: Floats) -> Floats:
        """Fade a surface (..., 3) into the haze; its depth broadcasts against (...)."""
        through = np.exp(np.float32(-self.haze) * np.maximum(depth - 2, 0))[..., None]
        colour = (colour - self.horizon) * through
        colour += self.horizon
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
    """

    scene: Scene
    width: int
    height: int
    alpha: Floats | None = None
    unit: float = 0.0
    horizon: float = 0.0
    sun: tuple[float, float] = (0.0, 0.0)
    #: Where the composition has its light: -1 or 1; a sun that was moved leaves it where it is.
    side: float = 1.0
    light: Light = field(init=False)
    canvas: Floats = field(init=False)

    def __post_init__(self) -> None:
        random = self.rng("camera")
        self.unit = float(min(np.sqrt(self.width * self.height), 1.25 * self.height))
        base = {"city": 0.62, "forest": 0.60, "lake": 0.50, "meadow": 0.56, "hills": 0.56}.get(self.scene.place, 0.47)
        self.horizon = self.height * float(base + random.uniform(-0.04, 0.05))
        self.light = self._light(random)
        self.canvas = np.zeros((self.height, self.width, 3), np.float32)

    def rng(self, *names: object) -> np.random.Generator:
        """Give the random numbers of one part of this scene."""
        return rng(self.scene.seed, *names)

    @property
    def across(self) -> Floats:
        """Column centres in units from the middle."""
        return np.asarray((np.arange(self.width) + 0.5 - self.width / 2) / self.unit, np.float32)

    @property
    def below(self) -> Floats:
        """Row centres below the horizon, in units, from the first such row down."""
        return np.asarray((np.arange(self.first, self.height) + 0.5 - self.horizon) / self.unit, np.float32)

    @property
    def first(self) -> int:
        """The first row whose centre lies below the horizon."""
        return int(np.ceil(self.horizon - 0.4))

    def _light(self, random: np.random.Generator) -> Light:
        scene = self.scene
        zenith, middle, horizon, key, ambient, disc = (rgb(each) for each in _PALETTES[scene.time])
        grey, of, left, haze = _WEATHERS[scene.weather]
        haze *= scene.force
        target = rgb(of) * _DIM[scene.time]
        if scene.time == "night":
            target = target * rgb((0.72, 0.92, 1.40))
        zenith, middle, horizon = (
            each + (target * dim - each) * grey for each, dim in ((zenith, 0.8), (middle, 0.95), (horizon, 1.12))
        )
        ambient = ambient + (target * 0.85 - ambient) * grey * 0.8
        side = self.side = -1.0 if random.random() < 0.5 else 1.0
        low = scene.time in ("sunset", "dusk", "dawn")
        rise = random.uniform(0.07, 0.11) if low else random.uniform(0.29, 0.36)
        place = side * random.uniform(0.10, 0.20) if low else side * random.uniform(0.20, 0.34)
        if scene.place == "beach":
            # The palms stand on the side of the light, so that their shadows fall on the sand in front; but not
            # before the sun.
            place *= -0.4 if low else 0.25
        shining = scene.thing("sun") or scene.thing("moon")
        if shining is not None and shining.side:
            # Farther out than it is by itself, so that moving it always moves it.
            place = {"left": -1.0, "right": 1.0}.get(shining.side, 0.0) * (0.28 if scene.place == "beach" else 0.36)
            side = float(np.sign(place)) or side
        reach = min(self.width / self.unit, 1.3)
        self.sun = (place * reach, min(rise, self.horizon / self.unit * 0.80))
        slope = np.array([side * 0.75, 0.34 if low else 0.40 if scene.place == "desert" else 0.62, 0.10])
        slope /= np.linalg.norm(slope)
        direction = (float(slope[0]), float(slope[1]), float(slope[2]))
        return Light(zenith, middle, horizon, key * left, ambient, disc, haze, direction)

    def over(self, colour: Floats, cover: Floats, top: int, left: int) -> None:
        """Lay colour (h, w, 3) with coverage (h, w) on the canvas at a pixel position, clipped to it."""
        y0, x0 = max(top, 0), max(left, 0)
        y1, x1 = min(top + cover.shape[0], self.height), min(left + cover.shape[1], self.width)
        if y0 >= y1 or x0 >= x1:
            return
        part = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
        under = self.canvas[y0:y1, x0:x1]
        solid = cover[part][..., None]
        under += (colour[part] - under) * solid
        if self.alpha is not None:
            into = self.alpha[y0:y1, x0:x1]
            into += (1 - into) * cover[part]

    def lay(self, pixels: Floats, top: int, left: int) -> None:
        """Lay premultiplied pixels (h, w, 4) on the canvas at a pixel position, clipped to it."""
        y0, x0 = max(top, 0), max(left, 0)
        y1, x1 = min(top + pixels.shape[0], self.height), min(left + pixels.shape[1], self.width)
        if y0 >= y1 or x0 >= x1:
            return
        part = pixels[y0 - top : y1 - top, x0 - left : x1 - left]
        clear = 1 - part[..., 3:]
        self.canvas[y0:y1, x0:x1] *= clear
        self.canvas[y0:y1, x0:x1] += part[..., :3]
        if self.alpha is not None:
            self.alpha[y0:y1, x0:x1] *= clear[..., 0]
            self.alpha[y0:y1, x0:x1] += part[..., 3]

    def sprite(self, image: Image.Image, foot: tuple[float, float], tall: float, depth: float) -> None:
        """Stand a drawing on the ground, lit and hazed.

        Parameters
        ----------
        image
            The drawing in daylight colours, RGBX with its coverage in X and premultiplied (see `small`), its foot
            at the bottom middle.
        foot
            Where it stands, in px.
        tall
            Its height in px.
        depth
            Distance in world units, for the haze.
        """
        size = (max(2, round(image.width * tall / image.height)), max(2, round(tall)))
        if size != image.size:
            way = Image.Resampling.BOX if tall < image.height / 2 else Image.Resampling.BILINEAR
            image = image.resize(size, way)
        box = image.getbbox()
        if box is None:
            return
        pixels = np.asarray(image.crop(box), np.float32) * np.float32(1 / 255)
        light = self.light
        through = float(np.exp(-light.haze * max(depth - 2, 0)))
        pixels[..., :3] *= (light.ambient * 0.75 + light.key * 0.62) * np.float32(through)
        pixels[..., :3] += pixels[..., 3:] * (light.horizon * np.float32(1 - through))
        self.lay(pixels, round(foot[1]) - size[1] + box[1], round(foot[0] - size[0] / 2) + box[0])


def toned(colour: Floats, tone: Tone, hue: RGB | None) -> Floats:
    """Shift colours (..., 3) by a tone; ``hue`` is the colour that its word names."""
    if hue is not None:
        grey = colour @ rgb((0.3, 0.5, 0.2))
        aim = rgb(hue)
        own = float(aim @ rgb((0.3, 0.5, 0.2)))
        grey = own + (grey - own) * np.float32(0.45)
        # Keep light and dark where they were: the named colour in the middle, towards white above, black below.
        tint = np.where(
            (grey <= own)[..., None],
            aim * (grey / max(own, 0.05))[..., None],
            1 - (1 - aim) * ((1 - grey) / max(1 - own, 0.05))[..., None],
        )
        colour = colour + (tint - colour) * np.float32(0.84)
    if tone.saturation != 1:
        peak = np.maximum(colour.max(-1, keepdims=True), 1e-4)
        # The largest channel stays, the others fall towards zero but never reach it: deep colours, not neon ones.
        if tone.saturation > 1:
            colour = peak * (np.maximum(colour, 0) / peak) ** np.float32(1 + 0.55 * (tone.saturation - 1))
        else:
            colour = peak - (peak - colour) * np.float32(tone.saturation)
    return np.asarray(np.clip(colour * np.float32(tone.value), 0, 1))
