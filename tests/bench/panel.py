"""What the panel costs with ten pictures and with ten thousand, in JupyterLab in headless Chromium."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import nbformat

from tests.bench.table import Row, milliseconds, spread
from tests.bench.work import Work, median
from tests.lab import Notebooks, chromium, jupyterlab

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab import Notebook

_FEW, _MANY = 10, 10_000
_RATIO, _ANSWER_S, _SAVED, _GROWTH = 1.5, 0.050, 150_000, 10e6

# Ten pictures drawn, their rows copied; every answer of the kernel to a panel is timed.
_MAKE = """
import functools, sqlite3, time, imgmagic
from imgmagic.panel.desk import Desk
imgmagic.imagine("a beach", n=10)
names = "generation, position, digest, file, format, width, height"
with sqlite3.connect(imgmagic.history.home / "history.db") as base:
    for each in range({count} - 10):
        base.execute(f"INSERT INTO picture ({{names}}) SELECT {{names}} FROM picture WHERE number = {{1 + each % 10}}")
took, plain = [], Desk.answer
@functools.wraps(plain)
def timed(*args):
    started = time.perf_counter()
    try:
        return plain(*args)
    finally:
        took.append((args[1].get("ask"), time.perf_counter() - started))
Desk.answer = timed
"""

_WATCH = """() => {
    window.began = performance.now();
    window.seen = 0;
    const look = () => {
        const image = document.querySelector(".imgmagic-tile img");
        if (image?.naturalWidth) window.seen = performance.now();
        else requestAnimationFrame(look);
    };
    look();
}"""
_FORGET = """() => window.jupyterapp.shell.currentWidget.content.widgets
    .find(cell => cell.model.id === "panel").model.sharedModel.setOutputs([])"""
_SCROLL = """async () => {
    const tree = document.querySelector(".imgmagic-tree");
    for (let step = 1; step <= 60; step += 1) {
        tree.scrollTop = tree.scrollHeight * step / 60;
        await new Promise(done => setTimeout(done, 60));
    }
}"""


@dataclass(frozen=True, slots=True)
class _Measured:
    """Seconds to the first thumbnail, seconds of the kernel's answers, bytes of the page's heap, bytes saved."""

    first: list[float]
    answers: list[float]
    heap: float
    saved: int


def measure(work: Work) -> list[Row]:
    """Open the panel on two histories, scroll through them, and save."""
    few, many = (_panel(work, count) for count in (_FEW, _MANY))
    ratio = median(many.first) / median(few.first)
    slowest = max(many.answers)
    growth = many.heap - few.heap
    return [
        Row(f"panel: %images to thumbnails, {_FEW} pictures", milliseconds(few.first)),
        Row(
            f"panel: the same, {_MANY:,} pictures",
            milliseconds(many.first),
            f"{ratio:.2f} x {_FEW} pictures",
            f"<= {_RATIO}",
            ratio <= _RATIO,
        ),
        Row("panel: answers while scrolling", milliseconds(many.answers), "", "<= 50 ms each", slowest <= _ANSWER_S),
        Row(
            f"panel: the page's memory, {_MANY:,} pictures",
            f"{many.heap / 1e6:.1f} MB",
            f"+{growth / 1e6:.1f} MB",
            "<= +10 MB",
            growth <= _GROWTH,
        ),
        Row(
            "panel: saved with its widget state",
            spread([many.saved / 1000], "kB"),
            "",
            "<= 150 kB",
            many.saved <= _SAVED,
        ),
    ]


def _panel(work: Work, count: int) -> _Measured:
    cells = {"load": "%load_ext imgmagic", "make": _MAKE.format(count=count), "panel": "%images"}
    book = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(code, id=name) for name, code in cells.items()],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    with jupyterlab(work.folder() / "lab") as lab, chromium() as browser, browser.new_context() as context:
        path = lab.folder() / "panel.ipynb"
        nbformat.write(book, path)
        notebook = Notebooks(lab, context).open(path)
        notebook.run("load")
        notebook.run("make")
        first = [_opened(notebook) for _ in range(work.rounds + 1)][1:]
        notebook.page.evaluate(_SCROLL)
        answers = [seconds for ask, seconds in notebook.value("took") if ask == "thumb"]
        return _Measured(first, answers, _heap(notebook), _saved(notebook, path))


def _opened(notebook: Notebook) -> float:
    """Run %images in an empty cell, and give the seconds until a thumbnail is there."""
    notebook.page.evaluate(_FORGET)
    notebook.page.evaluate(_WATCH)
    notebook.run("panel")
    notebook.page.wait_for_function("() => window.seen > 0")
    return float(notebook.page.evaluate("() => window.seen - window.began")) / 1000


def _heap(notebook: Notebook) -> float:
    """Give the bytes that the page's scripts hold."""
    session = notebook.page.context.new_cdp_session(notebook.page)
    session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    found = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    return float(found["JSHeapUsedSize"])


def _saved(notebook: Notebook, path: Path) -> int:
    """Give the bytes that the panel adds to the notebook, widget state included."""
    notebook.command("@jupyter-widgets/jupyterlab-manager:saveWidgetState")
    notebook.save()
    saved = json.loads(path.read_text(encoding="utf-8"))
    cell = next(each for each in saved["cells"] if each["id"] == "panel")
    return len(json.dumps([cell["outputs"], saved["metadata"].get("widgets")]).encode())
