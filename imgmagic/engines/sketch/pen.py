"""The sheet on which single things are drawn, as polygons, before they are set into a scene.

A drawing is an RGBX image whose X is the coverage, its colours premultiplied: that is what opaque strokes on an empty
sheet are, and unlike RGBA it is resized without a conversion there and back. It is drawn twice
as large, and averaged.
"""

from __future__ import annotations

from configparser import ConfigParser
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from imgmagic.engines.sketch.noise import Floats

RGB = tuple[float, float, float]
#: Nothing is drawn smaller or taller than this (px, after averaging): beyond, the drawing is scaled.
_SMALLEST, TALLEST = 16, 1400
#: How high the eye usually is, in heights of a drawing.
_EYE = 0.35


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
        """Fill polygons (..., corners, 2) with colours (..., 3), 0 to 1, one after the other."""
        placed = points * self._scale * np.array([1, -1]) + np.array([self._image.width / 2, self._scale])
        fills = np.clip(np.asarray(colours) * 255, 0, 255).astype(int).reshape(-1, 3).tolist()
        for corners, fill in zip(placed.reshape(len(fills), -1).tolist(), fills, strict=True):
            self._draw.polygon(corners, fill=(*fill, 255))

    def leaves(self, foot: Floats, tip: Floats, wide: Floats, colours: Floats) -> None:
        """Fill leaves, each as wide as is said and widest in its middle, from their feet (..., 2) to their tips."""
        along = tip - foot
        across = along[..., ::-1] * np.array([-0.5, 0.5])
        across *= (wide / np.maximum(np.linalg.norm(along, axis=-1), 1e-6))[..., None]
        middle = foot + along * 0.45
        corners = np.stack([foot, middle - across, tip, middle + across], -2)
        corners[..., 1] = np.maximum(corners[..., 1], 0)
        self.polygons(corners, colours)

    def round(self, left: Floats, right: Floats, colours: Floats) -> None:
        """Fill a round body between two sides (rows + 1, 2) with colours (rows, strips, 3), or (strips, 3) for all."""
        strips = colours.shape[-2]
        edge = (1 - np.cos(np.linspace(0, np.pi, strips + 1))[:, None]) / 2
        grid = left[:, None] + (right - left)[:, None] * edge
        # Level rings are seen from above where they are below the eye, from below where they are above it.
        bow = 0.5 * (grid[..., 1] < _EYE) - np.sqrt(edge * (1 - edge))[:, 0]
        grid[..., 1] += (_EYE - grid[..., 1]) * bow * 0.3 * np.linalg.norm(right - left, axis=1)[:, None]
        quads = np.stack([grid[:-1, :-1], grid[:-1, 1:], grid[1:, 1:], grid[1:, :-1]], 2)
        self.polygons(quads, np.broadcast_to(colours, (len(left) - 1, strips, 3)))

    def done(self) -> Image.Image:
        """Give the drawing."""
        return self._image.reduce(2)


def smooth(points: Floats) -> Floats:
    """Round the corners of a polygon (corners, 2) by cutting them three times."""
    for _ in range(3):
        following = np.roll(points, -1, axis=0)
        points = np.stack([points * 0.75 + following * 0.25, points * 0.25 + following * 0.75], 1).reshape(-1, 2)
    return points


def turned(strips: int) -> Floats:
    """Give how far each strip of a round body is turned to the right, -1 to 1."""
    return np.asarray(-np.cos((np.arange(strips) + 0.5) / strips * np.pi))


def table(name: str) -> ConfigParser:
    """Read one of the tables that lie beside this module."""
    parser = ConfigParser(delimiters=("=",))
    parser.read_string(Path(__file__).with_name(f"{name}.ini").read_text(encoding="utf-8"))
    return parser
