"""`python -m tests.bench.comparing FOLDER PNG`: compare two pictures, and print the seconds of each time as JSON.

The second picture has a third of its pixels changed. What is timed begins with two numbers of the history and ends with
what a notebook shows; one comparison goes before, which imports the libraries.
"""

from __future__ import annotations

import io
import json
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

import imgmagic

_TIMES = 5


def main(folder: str, png: str) -> None:
    """Compare, and print."""
    history = imgmagic.Studio(home=Path(folder) / "pictures", engine="sketch").history
    before = Path(png).read_bytes()
    pair = [history.take_in(data, "a picture").number for data in (before, _repainted(before))]
    seconds = []
    for _ in range(_TIMES + 1):
        started = time.perf_counter()
        found = history.compare(*pair)
        if not found.bundle or not 30 < found.changed < 40:
            raise SystemExit(f"compared wrongly: {found}")
        seconds.append(time.perf_counter() - started)
    print(json.dumps(seconds[1:]))


def _repainted(png: bytes) -> bytes:
    pixels = np.array(Image.open(io.BytesIO(png)))
    third = pixels[: len(pixels) // 3]
    third[:] = 255 - third // 2
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


if __name__ == "__main__":
    main(*sys.argv[1:])
