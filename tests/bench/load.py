"""What `%load_ext imgmagic` adds to a running kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench.processes import environment, kernel
from tests.bench.table import Row, milliseconds
from tests.bench.work import Work, median

if TYPE_CHECKING:
    from pathlib import Path

_MUST_S = 0.060
_HEAVY = ("requests", "PIL", "numpy", "anywidget", "ipywidgets")

_CELL = """
import json, sys, time
before, started = set(sys.modules), time.perf_counter()
get_ipython().run_line_magic("load_ext", "imgmagic")
took = time.perf_counter() - started
print(json.dumps({"seconds": took, "modules": sorted(set(sys.modules) - before)}))
"""


def measure(work: Work) -> list[Row]:
    """Load the extension in fresh kernels; timed inside, so that no message is counted."""
    _loaded(work.folder())  # writes the byte code
    found = [_loaded(work.folder()) for _ in range(work.rounds)]
    seconds = [each["seconds"] for each in found]
    modules = found[-1]["modules"]
    heavy = [name for name in _HEAVY if name in modules]
    return [
        Row("load: %load_ext imgmagic", milliseconds(seconds), "", "<= 60 ms", median(seconds) <= _MUST_S),
        Row(
            "load: modules it adds",
            f"{len(modules)}, {sum(name.startswith('imgmagic') for name in modules)} of them ours",
            f"heavy: {', '.join(heavy)}" if heavy else "",
            f"none of {', '.join(_HEAVY)}",
            not heavy,
        ),
    ]


def _loaded(folder: Path) -> dict[str, object]:
    with kernel(folder, environment(folder)) as running:
        return running.value(_CELL)
