"""The pictures that the loopback server sends: noise that weighs what a real picture weighs.

White noise would be a 3 MB PNG that no JPEG can shrink. This is noise with the spectrum of a photograph and a little
grain: 1024 x 1024 px, a PNG of 2 MB, and a JPEG of 66 kB at 512 px and quality 85, as pictures of the API have.
"""

from __future__ import annotations

import base64
import io
import json
import struct
import zlib

import numpy as np
from PIL import Image

SIDE = 1024

_SLOPE, _CONTRAST, _GRAIN = 1.3, 45, 2
_AFTER_HEADER = 33  # 8 bytes of signature, 25 of IHDR


def noise_png(seed: int = 1) -> bytes:
    """Draw and encode the picture."""
    rng = np.random.default_rng(seed)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(SIDE), np.fft.rfftfreq(SIDE), indexing="ij"))
    frequency[0, 0] = 1
    light = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((SIDE, SIDE))) / frequency**_SLOPE)
    pixels = 128 + _CONTRAST * (light / light.std())[..., None] + _GRAIN * rng.standard_normal((SIDE, SIDE, 3))
    out = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def numbered(png: bytes, number: int) -> bytes:
    """Put a number into a PNG: the same pixels, but other bytes, since the store keeps the same bytes only once."""
    text = b"tEXt" + b"Comment\0" + str(number).encode()
    chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    return png[:_AFTER_HEADER] + chunk + png[_AFTER_HEADER:]


def answer(png: bytes) -> bytes:
    """Give the JSON that carries a picture, as the API sends it."""
    usage = {
        "total_tokens": 1600,
        "input_tokens": 16,
        "output_tokens": 1584,
        "input_tokens_details": {"text_tokens": 16, "image_tokens": 0},
    }
    fields = {
        "created": 1_760_000_000,
        "background": "opaque",
        "output_format": "png",
        "quality": "medium",
        "size": f"{SIDE}x{SIDE}",
        "data": [{"b64_json": base64.b64encode(png).decode()}],
        "usage": usage,
    }
    return json.dumps(fields).encode()
