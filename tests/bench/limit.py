"""What cannot be left out between an answer and its picture on the screen.

    python -m tests.bench.limit FOLDER BODY...

Takes the steps one by one with nothing around them: with the first body to warm up, with the others for the record. It
prints the seconds of every step, call by call.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import sqlite3
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable

PREVIEW_PX = 512


def main(folder: Path, first: Path, *others: Path) -> None:
    """Do everything for each body; print the seconds of all but the first time."""
    connection = sqlite3.connect(folder / "limit.db", isolation_level=None)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE picture (number INTEGER PRIMARY KEY, digest TEXT)")
    steps(first.read_bytes(), folder, connection)
    print(json.dumps([steps(each.read_bytes(), folder, connection) for each in others]))


def steps(body: bytes, folder: Path, connection: sqlite3.Connection) -> dict[str, float]:
    """Take every step, and give its seconds."""
    took: dict[str, float] = {}
    answer = _timed(took, "json", lambda: json.loads(body))
    data = _timed(took, "base64", lambda: base64.b64decode(answer["data"][0]["b64_json"]))
    digest = _timed(took, "sha256", lambda: hashlib.sha256(data).hexdigest())
    _timed(took, "write", lambda: _write(folder / f"{digest}.png", data))
    image = _timed(took, "decode", lambda: _decode(data))
    _timed(took, "thumbnail", lambda: image.thumbnail((PREVIEW_PX, PREVIEW_PX)))
    _timed(took, "jpeg", lambda: image.save(io.BytesIO(), "JPEG", quality=85))
    _timed(took, "commit", lambda: connection.execute("INSERT INTO picture (digest) VALUES (?)", (digest,)))
    return took


def _timed(took: dict[str, float], name: str, step: Callable[[], Any]) -> Any:
    started = time.perf_counter()
    result = step()
    took[name] = time.perf_counter() - started
    return result


def _write(path: Path, data: bytes) -> None:
    """Write, flush to the disk, rename."""
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _decode(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
