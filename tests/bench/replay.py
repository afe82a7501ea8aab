"""A recorded notebook that is run again: beside the same previews shown by plain code, and how soon one is found.

The notebook has 20 cells with a picture each, imagined and refined by turns. What it is compared with shows the very
JPEGs that it shows, one statement a cell; a refine shows its parent too, and so does the comparison.
"""

from __future__ import annotations

import base64
import re
import time
from typing import TYPE_CHECKING

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

from tests.bench.processes import BenchError, azure, environment, kernel, python
from tests.bench.table import Row, milliseconds
from tests.bench.work import Work, median

if TYPE_CHECKING:
    from pathlib import Path

_PAIRS = 10
_MUST = 2.0
_MUST_LOOKUP_S = 0.005
_COUNTS = (100, 1_000, 10_000)
_DISPLAYED = "from IPython.display import Image, display"
_INLINE = re.compile(r'src="data:image/jpeg;base64,([^"]+)"')


def measure(work: Work) -> list[Row]:
    """Record a notebook, run it again beside plain code that shows the same, and look recordings up."""
    return [*_notebooks(work), *_lookups(work)]


def _notebooks(work: Work) -> list[Row]:
    """Run both notebooks by turns, each time in a fresh kernel; the first turn only writes byte code."""
    folder = work.folder()
    magics = ["%load_ext imgmagic", *(each for pair in range(_PAIRS) for each in _pair(pair))]
    plain = _plain(folder, _run(work, folder, magics)[1])
    before = work.server.asked()
    notebooks = {"plain": plain, "loaded": [magics[0], *plain], "magics": magics}
    executed: dict[str, list[float]] = {name: [] for name in notebooks}
    named: dict[str, list[float]] = {name: [] for name in notebooks}
    for _ in range(work.rounds + 1):
        for name, cells in notebooks.items():
            executed[name].append(_run(work, folder, cells)[0])
            named[name].append(_named(work, folder, cells))
    asked = work.server.asked() - before
    return [
        Row("replay: requests of 20 recorded pictures", f"{asked}", "", "0", asked == 0),
        *_beside("nbclient", *(seconds[1:] for seconds in executed.values())),
        *_beside("cells with ids", *(seconds[1:] for seconds in named.values())),
    ]


def _beside(what: str, plain: list[float], loaded: list[float], magics: list[float]) -> list[Row]:
    """Compare with plain code, and with plain code in a notebook that has its `%load_ext imgmagic` still."""
    first, second = median(magics) / median(plain), median(magics) / median(loaded)
    ratio = f"{first:.2f} x display, {second:.2f} x loaded"
    return [
        Row(f"replay: display(Image(path)), {what}", milliseconds(plain)),
        Row(f"replay: the same, imgmagic loaded, {what}", milliseconds(loaded)),
        Row(f"replay: recorded pictures, {what}", milliseconds(magics), ratio, "<= 2 x display", first <= _MUST),
    ]


def _pair(number: int) -> tuple[str, str]:
    return f"%%imagine\nBeach number {number} on a sunny day.", f"%%refine\nMake sky number {number} a deeper blue."


def _plain(folder: Path, outputs: list[list[str]]) -> list[str]:
    """Write the JPEGs that a notebook has shown, and give the cells that show them again."""
    cells = []
    for shown in outputs:
        paths = [folder / f"shown-{len(cells)}-{index}.jpg" for index in range(len(shown))]
        for path, data in zip(paths, shown, strict=True):
            path.write_bytes(base64.b64decode(data))
        cells.append("; ".join(f"display(Image({str(path)!r}))" for path in paths))
    return [_DISPLAYED, *cells]


def _run(work: Work, folder: Path, cells: list[str]) -> tuple[float, list[list[str]]]:
    """Run a notebook as a program does; give its seconds, and the previews in the HTML of each cell but the first.

    The kernel's start and end, which are all that an empty notebook takes, are left out: they take seconds, and vary by
    more than what is measured.
    """
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each) for each in cells])
    client = NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    variables = environment(folder, **azure(work.server.url))
    try:
        with (folder / "kernel.log").open("w") as log, client.setup_kernel(env=variables, stderr=log):
            started = time.perf_counter()
            for index, cell in enumerate(notebook.cells):
                client.execute_cell(cell, index)
            took = time.perf_counter() - started
    except (CellExecutionError, DeadKernelError, TimeoutError) as exc:
        raise BenchError(f"a notebook failed: {str(exc).strip().splitlines()[-1]}") from exc
    return took, [_previews(each) for each in notebook.cells[1:]]


def _previews(cell: nbformat.NotebookNode) -> list[str]:
    pages = [each["data"].get("text/html", "") for each in cell["outputs"] if "data" in each]
    return _INLINE.findall("".join(pages))


def _named(work: Work, folder: Path, cells: list[str]) -> float:
    """Run cells as a front end does that names them; give the seconds from the first to the end of the last."""
    with kernel(folder, environment(folder, **azure(work.server.url))) as running:
        ran = [running.run(cell, f"cell-{index}") for index, cell in enumerate(cells)]
    return ran[-1].done - ran[0].sent


def _lookups(work: Work) -> list[Row]:
    """Look for recordings in a folder that grows; the digest of a refine's source is part of its time."""
    counts = [str(each) for each in _COUNTS]
    found = python("tests.bench.lookup", str(work.folder()), str(work.png), *counts, env=environment(work.root))
    rows = []
    for count in _COUNTS:
        imagine, refine = found[str(count)]["imagine"], found[str(count)]["refine"]
        must = "<= 5 ms" if count == max(_COUNTS) else ""
        ok = max(median(imagine), median(refine)) <= _MUST_LOOKUP_S if must else None
        what = f"replay: key and lookup, {count:,} generations"
        rows += [
            Row(f"{what}, imagine", milliseconds(imagine)),
            Row(f"{what}, refine", milliseconds(refine), "", must, ok),
        ]
    return rows
