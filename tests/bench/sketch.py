"""How long the sketch engine takes, and how much memory.

    python -m tests.bench.sketch SIZE

draws one picture of that size after a small one to warm up, and prints seconds and bytes.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from tests.bench.table import Row, milliseconds, spread
from tests.bench.work import Work, median

_MUST_S = 1.2
_MUST_MB = 400
_PROMPT = "A photorealistic image of a beautiful beach on a sunny day."
_SIZES = ("512x512", "1024x1024")


def measure(work: Work) -> list[Row]:
    """Draw both sizes by turns, each in a fresh process."""
    from tests.bench.processes import environment, python

    found: dict[str, list[dict[str, float]]] = {size: [] for size in _SIZES}
    for _ in range(work.rounds):
        for size in _SIZES:
            found[size].append(python("tests.bench.sketch", size, env=environment(work.root)))
    small, large = ([each["seconds"] for each in found[size]] for size in _SIZES)
    memory = [each["bytes"] / 1e6 for each in found[_SIZES[1]]]
    return [
        Row("sketch: 512 x 512", milliseconds(small)),
        Row("sketch: 1024 x 1024", milliseconds(large), "", "<= 1.2 s", median(large) <= _MUST_S),
        Row("sketch: peak memory at 1024 x 1024", spread(memory, "MB"), "", "<= 400 MB", median(memory) <= _MUST_MB),
    ]


def main(size: str) -> None:
    """Draw one picture; print its seconds and how much memory it took beyond numpy's and Pillow's."""
    import numpy as np  # noqa: F401
    from PIL import Image  # noqa: F401

    before = peak()
    from imgmagic.engines.sketch import SketchEngine
    from imgmagic.exchange import ImageRequest

    engine = SketchEngine()
    engine.make(ImageRequest("imagine", _PROMPT, size="256x256"))
    started = time.perf_counter()
    engine.make(ImageRequest("imagine", _PROMPT, size=size))
    print(json.dumps({"seconds": time.perf_counter() - started, "bytes": peak() - before}))


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
    main(sys.argv[1])
