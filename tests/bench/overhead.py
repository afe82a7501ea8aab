"""What imgmagic adds after the server's last byte, beside what nobody could leave out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench.processes import BenchError, azure, environment, kernel, python
from tests.bench.table import Row, milliseconds
from tests.bench.work import Work, median

if TYPE_CHECKING:
    from tests.bench.processes import Kernel
    from tests.bench.server import Server

_MUST = 1.5
_CELL = "%%imagine\nA photorealistic image of a beautiful beach on a sunny day."


def measure(work: Work) -> list[Row]:
    """Measure the overhead and the limit by turns, each in a fresh process, warmed up by one call."""
    overheads, limits = [], []
    for _ in range(work.rounds):
        limits.append(_limit(work))
        overheads.append(_overhead(work))
    sums = [sum(each.values()) for each in limits]
    ratio = median(overheads) / median(sums)
    parts = " + ".join(f"{name} {1000 * median([each[name] for each in limits]):.1f}" for name in limits[0])
    return [
        Row("overhead: the limit", milliseconds(sums), note=f"{parts} ms"),
        Row(
            "overhead: last byte to picture",
            milliseconds(overheads),
            f"{ratio:.2f} x limit",
            "<= 1.5 x",
            ratio <= _MUST,
        ),
    ]


def _limit(work: Work) -> dict[str, float]:
    """Give the seconds of every step that cannot be left out, the median of the calls of one process."""
    calls = python("tests.bench.limit", str(work.folder()), *map(str, work.bodies), env=environment(work.root))
    return {name: median([call[name] for call in calls]) for name in calls[0]}


def _overhead(work: Work) -> float:
    """Give the seconds from the server's last byte to the picture's message, the median of the calls of one kernel."""
    folder = work.folder()
    with kernel(folder, environment(folder, **azure(work.server.url))) as running:
        running.run("%load_ext imgmagic")
        calls = [_call(running, work.server) for _ in work.bodies]
    return median(calls[1:])


def _call(running: Kernel, server: Server) -> float:
    shown = running.run(_CELL).shown
    if shown is None:
        raise BenchError("%%imagine showed no picture")
    return shown - server.last_byte()
