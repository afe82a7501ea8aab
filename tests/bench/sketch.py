"""How long the sketch engine takes, and how much memory.

    python -m tests.bench.sketch SIZE [PARTIALS]

draws one picture of that size after a small one to warm up, and prints seconds, bytes, and seconds to the first
unfinished picture.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from tests.bench.table import Row, milliseconds, spread
from tests.bench.work import Work, median

_MUST_S, _FIRST_S, _MUST_MB = 1.0, 0.25, 300
_PROMPT = "A photorealistic image of a beautiful beach on a sunny day."
_SIZES = ("512x512", "1024x1024", "1920x1088", "3840x2160")


def measure(work: Work) -> list[Row]:
    """Draw all sizes by turns, each in a fresh process."""
    found: dict[str, list[dict[str, float]]] = {size: [] for size in _SIZES}
    shown = [_one(work, "1024x1024", "1") for _ in range(work.rounds)]
    for _ in range(work.rounds):
        for size in _SIZES:
            found[size].append(_one(work, size))
    seconds = {size: [each["seconds"] for each in found[size]] for size in _SIZES}
    memory = {size: [each["bytes"] / 1e6 for each in found[size]] for size in _SIZES}
    first = [each["first"] for each in shown]
    middle = median(seconds["1024x1024"])
    return [
        Row("sketch: 512 x 512", milliseconds(seconds["512x512"])),
        Row("sketch: 1024 x 1024", milliseconds(seconds["1024x1024"]), "", "<= 1.0 s", middle <= _MUST_S),
        *(_growth(size, seconds[size], middle) for size in _SIZES[2:]),
        Row("sketch: first unfinished picture", milliseconds(first), "", "<= 0.25 s", median(first) <= _FIRST_S),
        *(
            Row(f"sketch: peak memory at {size}", spread(memory[size], "MB"), "", must, ok)
            for size, must, ok in (
                ("1024x1024", f"<= {_MUST_MB} MB", median(memory["1024x1024"]) <= _MUST_MB),
                ("3840x2160", "", None),
            )
        ),
    ]


def _one(work: Work, *arguments: str) -> dict[str, float]:
    from tests.bench.processes import environment, python

    return python("tests.bench.sketch", *arguments, env=environment(work.root))


def _growth(size: str, seconds: list[float], middle: float) -> Row:
    """Compare a size with 1024 x 1024: in time, and in pixels."""
    wide, high = map(int, size.split("x"))
    times, pixels = median(seconds) / middle, wide * high / 1024**2
    ratio = f"{times:.1f}x the time of 1024 x 1024 for {pixels:.1f}x the pixels"
    return Row(f"sketch: {wide} x {high}", milliseconds(seconds), ratio, "no faster than pixels", times <= pixels)


def main(size: str, partials: int) -> None:
    """Draw one picture; print its seconds and how much memory it took beyond numpy's and Pillow's."""
    import numpy as np  # noqa: F401
    from PIL import Image  # noqa: F401

    before = peak()
    from imgmagic.calls import Watch
    from imgmagic.engines.sketch import SketchEngine
    from imgmagic.exchange import ImageRequest

    class Stopwatch(Watch):
        first = 0.0

        def partial(self, data: bytes) -> None:
            self.first = self.first or time.perf_counter()
            super().partial(data)

    engine, watch = SketchEngine(partials), Stopwatch()
    engine.make(ImageRequest("imagine", _PROMPT, size="256x256"))
    started = time.perf_counter()
    engine.make(ImageRequest("imagine", _PROMPT, size=size), watch)
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "bytes": peak() - before, "first": watch.first - started}))


def peak() -> int:
    """Give the most memory that this process has had, in bytes.

    Linux hands ``ru_maxrss`` down from the process that started this one, which would hide memory; ``VmHWM`` is this
    process's own.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(each for each in status.read_text().splitlines() if each.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0)
