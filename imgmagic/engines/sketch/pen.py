"""The sheet on which single things are drawn, as polygons, before they are set into a scene.

A drawing is an RGBX image whose X is the coverage, its colours premultiplied: that is what opaque strokes on an empty
sheet are, and unlike RGBA it is resized without a conversion there and back. It is drawn twice
as large, and averaged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from imgmagic.engines.sketch import vocabulary

if TYPE_CHECKING:
    from imgmagic.engines.sketch.noise import Floats

RGB = tuple[float, float, float]
Point = tuple[float, float]
#: Nothing is drawn smaller or taller than this (px, after averaging): beyond, the drawing is scaled.
_SMALLEST, TALLEST = 16, 1400


class Sheet:
    """An empty sheet; x counts from its middle, y up from its lower edge, both in heights of the sheet.

    Parameters
    ----------
    tall
        Height of the drawing in px.
    ratio
        Its width in heights.
    """

    def __init__(self, tall: float, ratio: float) -> None:
        self._scale = 2 * int(min(max(tall, _SMALLEST), TALLEST))
        self._image = Image.new("RGBX", (max(8, round(self._scale * ratio / 2)) * 2, self._scale), (0, 0, 0, 0))
        self._draw = ImageDraw.Draw(self._image)

    def polygons(self, points: Floats, colours: Floats) -> None:
        """Fill polygons (n, corners, 2) with colours (n, 3), 0 to 1, one after the other."""
        placed = points * self._scale * np.array([1, -1]) + np.array([self._image.width / 2, self._scale])
        fills = np.clip(np.asarray(colours) * 255, 0, 255).astype(int).tolist()
        for corners, fill in zip(placed.reshape(len(points), -1).tolist(), fills, strict=True):
            self._draw.polygon(corners, fill=(*fill, 255))

    def polygon(self, colour: RGB, *points: Point, shade: float = 1.0) -> None:
        """Fill one polygon; the colour is multiplied by ``shade``."""
        self.polygons(np.array([points]), np.array([colour]) * shade)

    def box(self, colour: RGB, left: float, low: float, right: float, high: float, shade: float = 1.0) -> None:
        """Fill a rectangle."""
        self.polygon(colour, (left, low), (right, low), (right, high), (left, high), shade=shade)

    def disc(self, colour: RGB, at: Point, wide: float, high: float, shade: float = 1.0) -> None:
        """Fill an ellipse with the half axes given."""
        self.polygon(colour, *round_(at, wide, high), shade=shade)

    def hole(self, *points: Point) -> None:
        """Cut a polygon out."""
        middle, scale = self._image.width / 2, self._scale
        self._draw.polygon([(middle + x * scale, (1 - y) * scale) for x, y in points], fill=(0, 0, 0, 0))

    def done(self) -> Image.Image:
        """Give the drawing."""
        return self._image.reduce(2)


def round_(at: Point, wide: float, high: float, start: float = 0.0, stop: float = 2 * np.pi) -> list[Point]:
    """Give points on an ellipse from one angle to another."""
    turn = np.linspace(start, stop, 24)
    return [(at[0] + wide * float(np.cos(t)), at[1] + high * float(np.sin(t))) for t in turn]


def hue(colour: str, usual: RGB) -> RGB:
    """Give the colour that a word names, or the usual one."""
    return vocabulary.COLOURS[colour] if colour else usual
