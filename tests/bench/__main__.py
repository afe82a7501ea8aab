"""`python -m tests.bench [--rounds N] [--only WORD]`: measure, and print one table."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench import first_cell, load, notebook, overhead, panel, pictures, proof, replay, sketch, streaming, words
from tests.bench.processes import BenchError
from tests.bench.server import serving
from tests.bench.table import Row, aligned
from tests.bench.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable

_GROUPS: dict[str, Callable[[Work], list[Row]]] = {
    "load": load.measure,
    "overhead": overhead.measure,
    "first cell": first_cell.measure,
    "streaming": streaming.measure,
    "notebook": notebook.measure,
    "replay": replay.measure,
    "panel": panel.measure,
    "sketch": sketch.measure,
    "proof": proof.measure,
    "words": words.measure,
}

#: Answers that differ in their bytes; no process asks for more.
_BODIES = 6


def main() -> int:
    """Measure what was asked for; 1 if something could not be measured."""
    asked = _arguments()
    with tempfile.TemporaryDirectory(prefix="imgmagic-bench-", ignore_cleanup_errors=True) as folder:
        root = Path(folder)
        png, bodies = _prepared(root)
        print(_header(png, asked.rounds))
        groups = [_measured(name, asked.rounds, root, png, bodies) for name in _GROUPS if asked.only in name]
    rows = [row for group in groups for row in group or ()]
    print(aligned(rows))
    return 1 if None in groups else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="measure everything N times (default: 5)")
    parser.add_argument("--only", default="", metavar="WORD", help=f"only groups with WORD in: {', '.join(_GROUPS)}")
    asked = parser.parse_args()
    if asked.rounds < 1 or not any(asked.only in name for name in _GROUPS):
        parser.error(f"--rounds is at least 1, --only part of: {', '.join(_GROUPS)}")
    return asked


def _prepared(root: Path) -> tuple[Path, tuple[Path, ...]]:
    """Write the picture, and the answers that carry it."""
    picture = pictures.noise_png()
    png = root / "original.png"
    png.write_bytes(picture)
    bodies = tuple(root / f"answer-{number}.json" for number in range(_BODIES))
    for number, body in enumerate(bodies):
        body.write_bytes(pictures.answer(pictures.numbered(picture, number)))
    return png, bodies


def _header(png: Path, rounds: int) -> str:
    """Say on what was measured: a table without it means nothing."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    busy = " (busy: do not trust times or ratios)" if load > (os.cpu_count() or 1) else ""
    return (
        f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} cores, "
        f"load {load:.1f}{busy}; median of {rounds} (range); the server's PNG has {png.stat().st_size / 1e6:.2f} MB\n"
    )


def _measured(name: str, rounds: int, root: Path, png: Path, bodies: tuple[Path, ...]) -> list[Row] | None:
    """Measure one group with a server of its own; None if it could not be done, which is said."""
    print(f"measuring {name} ...", file=sys.stderr, flush=True)
    try:
        with serving(bodies) as server:
            return _GROUPS[name](Work(rounds, root, server, png, bodies))
    except BenchError as exc:
        print(f"{name}: not measured: {exc}", file=sys.stderr)
        return None


if __name__ == "__main__":
    sys.exit(main())
