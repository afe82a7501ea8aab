"""Random fields and how they are looked up.

All fields are tiles: noise shaped in the frequency domain wraps around by construction, so one small tile serves any
picture size and any perspective without a seam. Resizing random grids instead leaves a grid-aligned texture and does
not wrap. Repetition stays invisible because no two lookups use commensurable scales.
"""

from __future__ import annotations

import hashlib
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


def spectrum(side: int = SIDE) -> tuple[Floats, Floats, Floats]:
    """Give the wave numbers of a tile: along x, along y, and their length (never 0)."""
    ky = np.fft.fftfreq(side, 1 / side).astype(np.float32)[:, None]
    kx = np.fft.rfftfreq(side, 1 / side).astype(np.float32)[None, :]
    k = np.sqrt(kx * kx + ky * ky)
    k[0, 0] = 1.0
    return kx, ky, k


def shaped(random: np.random.Generator, gain: Floats, side: int = SIDE) -> Floats:
    """Make a tile of white noise shaped by ``gain`` (rfft2 layout), with mean 0 and deviation 1."""
    white = np.fft.rfft2(random.standard_normal((side, side), dtype=np.float32))
    white *= gain
    white[0, 0] = 0
    tile = np.fft.irfft2(white, s=(side, side)).astype(np.float32)
    return tile / max(float(tile.std()), 1e-9)


def fractal(random: np.random.Generator, slope: float = 1.8, low: float = 1.0, side: int = SIDE) -> Floats:
    """Make a fractal tile: amplitude falls as ``k**-slope``; features longer than ``side / low`` are left out."""
    _, _, k = spectrum(side)
    return shaped(random, np.asarray(np.where(k < low, 0, k**-slope), np.float32), side)


def ridged(random: np.random.Generator, side: int = SIDE) -> Floats:
    """Make a tile of ridges and valleys, 0 (valley) to about 1 (crest), as eroded mountains have them."""
    total = np.zeros((side, side), np.float32)
    weight: Floats | float = 1.0
    for octave, low in enumerate((2, 4, 9, 19, 40, 83)):
        _, _, k = spectrum(side)
        band = shaped(random, np.exp(-(np.log2(k / low) ** 2) / 0.5).astype(np.float32), side)
        crest = (1 - np.minimum(np.abs(band) * 0.8, 1)) ** 2
        total += crest * weight * np.float32(0.52**octave)
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
    x, y = np.broadcast_arrays(x * np.float32(side), y * np.float32(side))
    left, top = np.floor(x), np.floor(y)
    fx, fy = x - left, y - top
    column, row = left.astype(np.int32) & (side - 1), top.astype(np.int32) & (side - 1)
    below = ((row + 1) & (side - 1)) * side
    row *= side
    right = (column + 1) & (side - 1)
    flat = tile.ravel()
    upper = flat.take(row + column)
    upper = upper + (flat.take(row + right) - upper) * fx
    lower = flat.take(below + column)
    lower = lower + (flat.take(below + right) - lower) * fx
    lower -= upper
    lower *= fy
    lower += upper
    return lower  # type: ignore[no-any-return]


def step(low: float, high: float, value: Floats) -> Floats:
    """Give 0 below ``low``, 1 above ``high`` and a smooth rise between."""
    t = np.clip((value - np.float32(low)) * np.float32(1 / (high - low)), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)
