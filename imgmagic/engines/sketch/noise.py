"""Random fields and how they are looked up.

All fields are tiles: noise shaped in the frequency domain wraps around by construction, so one small tile serves any
picture size and any perspective without a seam. Resizing random grids instead leaves a grid-aligned texture and does
not wrap. Repetition stays invisible because no two lookups use commensurable scales.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

#: Numbers; float32 wherever there is one per pixel.
Floats: TypeAlias = NDArray[np.floating[Any]]

SIDE = 512


def rng(seed: int, *names: object) -> np.random.Generator:
    """Give the random numbers of one named part; other parts cannot disturb them."""
    text = "/".join(str(each) for each in (seed, *names))
    return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big"))


@cache
def _frequencies(side: int) -> Floats:
    """Give how often each part of a tile's spectrum swings within the tile."""
    k = np.hypot(np.fft.fftfreq(side, 1 / side)[:, None], np.fft.rfftfreq(side, 1 / side))
    return np.asarray(k, np.float32)


def fractal(
    random: np.random.Generator, slope: float = 1.8, low: float = 1.0, side: int = SIDE, high: float = SIDE
) -> Floats:
    """Make a tile of white noise whose amplitude falls as ``k**-slope``, with mean 0 and deviation 1.

    Features longer than ``side / low`` or shorter than ``side / high`` are left out.
    """
    k = _frequencies(side)
    white = np.fft.rfft2(random.standard_normal((side, side), dtype=np.float32))
    white *= np.where((k < low) | (k > high), 0, np.maximum(k, 1) ** -slope)
    white[0, 0] = 0
    tile = np.fft.irfft2(white, s=(side, side)).astype(np.float32)
    return tile / max(float(tile.std()), 1e-9)


def ridged(random: np.random.Generator) -> Floats:
    """Make a tile of ridges and valleys, 0 (valley) to about 1 (crest), as eroded mountains have them."""
    total = np.zeros((SIDE, SIDE), np.float32)
    weight: Floats | float = 1.0
    for octave, low in enumerate((2, 4, 9, 19, 40, 83)):
        crest = 1 - np.minimum(np.abs(fractal(random, 0, low / 1.5, high=low * 1.5)) * 0.6, 1)
        total += crest * weight * 0.36**octave
        # Detail belongs on the crests: valleys are filled by what has slid down.
        weight = np.clip(crest * 1.4, 0.15, 1)
    total -= total.min()
    return np.asarray(total / total.max(), np.float32)


def look(tile: NDArray[np.generic], x: Floats, y: Floats) -> Floats:
    """Sample a tile at real coordinates (1 = the whole tile), bilinear, wrapping around.

    Parameters
    ----------
    tile
        Square, side a power of two; real, or complex to fetch two fields at once.
    x, y
        Broadcast against each other.
    """
    side = tile.shape[0]
    x, y = x * side, y * side
    left, top = np.floor(x), np.floor(y)
    fx, fy = x - left, y - top
    # Indices as numpy wants them, or it would copy them at every look-up.
    column, row = left.astype(np.intp) & (side - 1), top.astype(np.intp) & (side - 1)
    below = ((row + 1) & (side - 1)) * side
    row = row * side
    right = (column + 1) & (side - 1)
    flat = tile.ravel()
    upper = flat.take(row + column)
    upper += (flat.take(row + right) - upper) * fx
    lower = flat.take(below + column)
    lower += (flat.take(below + right) - lower) * fx
    lower -= upper
    lower *= fy
    lower += upper
    return lower  # type: ignore[no-any-return]


def step(low: float, high: float, value: Floats) -> Floats:
    """Give 0 below ``low``, 1 above ``high`` and a smooth rise between."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)
