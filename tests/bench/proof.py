"""How long a comparison and a report take, and what a kernel that has made many pictures still holds of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench.processes import azure, environment, kernel, python
from tests.bench.table import Row, milliseconds, spread
from tests.bench.work import Work, median

if TYPE_CHECKING:
    from tests.bench.processes import Kernel

_MUST_S, _MUST_MB = 0.150, 50
_MUST_REPORT_S, _MUST_REPORT_MB = 5.0, 3.0
_PICTURES, _WARM = 200, 6
_RESIDENT = "import psutil, json; print(json.dumps(psutil.Process().memory_info().rss))"


def measure(work: Work) -> list[Row]:
    """Compare two pictures of 1024 x 1024 px and report 100, each round in a fresh process; fill one kernel."""
    compared = [_compared(work) for _ in range(work.rounds)]
    libraries, grown = _grown(work)
    return [
        Row("compare: 1024 x 1024 px, shown", milliseconds(compared), "", "<= 150 ms", median(compared) <= _MUST_S),
        *_reported(work),
        Row(
            f"memory: {_PICTURES} pictures, growth of a kernel",
            spread([grown], "MB"),
            "",
            f"<= {_MUST_MB} MB",
            grown <= _MUST_MB,
            f"resident memory after {_WARM + _PICTURES} calls less that after {_WARM}, imagined and refined by turns; "
            f"the first {_WARM} and the libraries that they bring took {libraries:.0f} MB",
        ),
    ]


def _compared(work: Work) -> float:
    """Give the seconds of one comparison, the median of one process."""
    folder = work.folder()
    return median(python("tests.bench.comparing", str(folder), str(work.png), env=environment(folder)))


def _reported(work: Work) -> list[Row]:
    """Write reports of new histories."""
    folders = [work.folder() for _ in range(work.rounds)]
    found = [python("tests.bench.reporting", str(each), str(work.png), env=environment(each)) for each in folders]
    seconds, sizes = [each["seconds"] for each in found], [each["bytes"] / 1e6 for each in found]
    return [
        Row("report: 100 pictures, written", milliseconds(seconds), "", "<= 5 s", median(seconds) <= _MUST_REPORT_S),
        Row("report: 100 pictures, size", spread(sizes, "MB"), "", "<= 3 MB", max(sizes) <= _MUST_REPORT_MB),
    ]


def _grown(work: Work) -> tuple[float, float]:
    """Give by how many MB a kernel grows, first and then; one round, since it takes as many calls as a long day has."""
    folder = work.folder()
    with kernel(folder, environment(folder, IMGMAGIC_BUDGET_USD="1000", **azure(work.server.url))) as running:
        running.run("%load_ext imgmagic")
        loaded, warm, full = (_resident(running, pictures) for pictures in (0, _WARM, _PICTURES))
        return (warm - loaded) / 1e6, (full - warm) / 1e6


def _resident(running: Kernel, pictures: int) -> int:
    """Make pictures, and give the bytes that the kernel then holds."""
    for number in range(pictures // 2):
        running.run(f"%%imagine --fresh\na beach, {number}", f"imagine-{number}")
        running.run(f"%%refine --fresh\nbluer, {number}", f"refine-{number}")
    return int(running.value(_RESIDENT))
