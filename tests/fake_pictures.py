"""Pictures of the fake API: cheap, the same for the same words, different for other words and places in a list."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from functools import lru_cache
from typing import Literal

import numpy as np
from PIL import Image

Format = Literal["png", "jpeg", "webp"]

# Stands in for the signed provenance that real answers carry right after IHDR (82 kB in one capture).
PROVENANCE = b"imgmagic fake C2PA manifest; " * 36

# How much of the prompt's colour an edit takes on.
TINT = 0.6


def _seed(*parts: object) -> bytes:
    return hashlib.sha256("\0".join(map(str, parts)).encode()).digest()


def colour_of(prompt: str) -> tuple[int, int, int]:
    """Give the colour that edits with this prompt lean towards."""
    red, green, blue = _seed("colour", prompt)[:3]
    return red, green, blue


def _texture(seed: bytes, height: int, width: int) -> np.ndarray:
    """Give noise of shape (height, width, 1), int16 within -12..12, tiled so that it stays cheap to compress."""
    tile = np.random.default_rng(int.from_bytes(seed[:8], "big")).integers(-12, 13, (64, 64), dtype=np.int16)
    return np.tile(tile, (height // 64 + 1, width // 64 + 1))[:height, :width, None]


@lru_cache(maxsize=64)
def painted(prompt: str, index: int, size: tuple[int, int], *, transparent: bool = False) -> Image.Image:
    """Paint the answer to a prompt.

    Parameters
    ----------
    index
        Place in the answer's list, so that several pictures differ.
    size
        Width and height in px.
    transparent
        Give RGBA with alpha 0 outside a centred ellipse; otherwise RGB.
    """
    width, height = size
    seed = _seed("picture", prompt, index)
    start, end = (np.frombuffer(seed, np.uint8, 3, at).astype(np.float32) for at in (8, 11))
    slope = (np.linspace(0, 1, width)[None, :] + np.linspace(0, 1, height)[:, None]) / 2
    plain = start + (end - start) * slope[..., None].astype(np.float32)
    pixels = np.clip(plain + _texture(seed, height, width), 0, 255).astype(np.uint8)
    if transparent:
        pixels = np.dstack([pixels, _ellipse(height, width)])
    return Image.fromarray(pixels)


def _ellipse(height: int, width: int) -> np.ndarray:
    across, down = np.linspace(-1, 1, width)[None, :], np.linspace(-1, 1, height)[:, None]
    return np.where(across**2 + down**2 < 0.7, 255, 0).astype(np.uint8)


def edited(
    source: Image.Image,
    mask: Image.Image | None,
    prompt: str,
    index: int,
    size: tuple[int, int],
    *,
    exact: bool = False,
    transparent: bool = False,
) -> Image.Image:
    """Repaint a picture: tinted towards the prompt's colour where the mask is transparent.

    Parameters
    ----------
    mask
        Alpha 0 marks what to edit; None edits everything.
    exact
        Keep what is outside the mask to the byte. Real models do not: by default it changes a little.
    """
    base = np.asarray(source.convert("RGB").resize(size, Image.Resampling.BILINEAR), np.float32)
    noise = _texture(_seed("edit", prompt, index), size[1], size[0]).astype(np.float32)
    inside = base * (1 - TINT) + np.array(colour_of(prompt), np.float32) * TINT + noise
    outside = base if exact else base + noise / 3
    pixels = np.clip(np.where(_hole(mask, size), inside, outside), 0, 255).astype(np.uint8)
    if transparent:
        pixels = np.dstack([pixels, _ellipse(size[1], size[0])])
    return Image.fromarray(pixels)


def _hole(mask: Image.Image | None, size: tuple[int, int]) -> np.ndarray:
    if mask is None:
        return np.ones((size[1], size[0], 1), bool)
    alpha = mask.getchannel("A").resize(size, Image.Resampling.NEAREST)
    hole: np.ndarray = np.asarray(alpha) == 0
    return hole[..., None]


def encoded(picture: Image.Image, kind: Format, compression: int = 100, *, provenance: bool = True) -> bytes:
    """Encode a picture.

    Parameters
    ----------
    compression
        0 to 100, used as the quality of JPEG and WebP.
    provenance
        Put a ``caBX`` chunk into a PNG.
    """
    out = io.BytesIO()
    if kind == "png":
        picture.save(out, "PNG", compress_level=1)
        return with_chunk(out.getvalue(), b"caBX", PROVENANCE) if provenance else out.getvalue()
    if kind == "webp":
        picture.save(out, "WEBP", quality=compression, method=0)
    else:
        picture.save(out, "JPEG", quality=max(1, min(compression, 95)))
    return out.getvalue()


def with_chunk(png: bytes, name: bytes, payload: bytes) -> bytes:
    """Give a PNG with one more chunk right after IHDR, which always ends at byte 33."""
    chunk = struct.pack(">I", len(payload)) + name + payload + struct.pack(">I", zlib.crc32(name + payload))
    return png[:33] + chunk + png[33:]
