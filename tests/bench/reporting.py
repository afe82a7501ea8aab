"""`python -m tests.bench.reporting FOLDER PNG`: write a report, and print its seconds and its size as JSON.

The history has 100 pictures of 1024 x 1024 px that hardly compress, each made from the one before; no preview was made
yet. What is timed begins with the history and ends with the file on the disk.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import imgmagic
from imgmagic.exchange import ImageResponse
from imgmagic.report import write
from tests.bench.pictures import numbered

PICTURES = 100


class _Engine:
    """Answers at once, each time with other bytes."""

    name, paid = "bench", False

    def __init__(self, png: bytes) -> None:
        self._png, self._asked = png, 0

    def describe(self, _request: object) -> str:
        return "the bench"

    def make(self, _request: object, _watch: object) -> ImageResponse:
        self._asked += 1
        return ImageResponse((numbered(self._png, self._asked),), "bench", "bench", 0.1)


def main(folder: str, png: str) -> None:
    """Fill a history, report it, and print."""
    studio = imgmagic.Studio(home=Path(folder) / "pictures", engine=_Engine(Path(png).read_bytes()))
    studio.imagine("A calm bay with a lighthouse and a sailboat on a clear day.")
    for number in range(1, PICTURES):
        studio.refine(f"Make the sky a little deeper, for the time number {number}.")
    started = time.perf_counter()
    path, count = write(studio.history, Path(folder) / "report.html")
    seconds = time.perf_counter() - started
    if count != PICTURES:
        raise SystemExit(f"{count} pictures in the report")
    print(json.dumps({"seconds": seconds, "bytes": path.stat().st_size}))


if __name__ == "__main__":
    main(*sys.argv[1:])
