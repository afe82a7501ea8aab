"""What a picture weighs in a saved notebook, beside its original."""

from __future__ import annotations

import json

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

from tests.bench.processes import BenchError, azure, environment
from tests.bench.table import Row, spread
from tests.bench.work import Work, median

_MUST = 200_000
_IMAGINE = "%%imagine\nA photorealistic image of a beautiful beach on a sunny day."
_REFINE = "%%refine\nMake the sky a deeper blue."
_ORIGINAL = "from IPython.display import Image, display\ndisplay(Image({path!r}))"


def measure(work: Work) -> list[Row]:
    """Run two notebooks and weigh the outputs of their cells."""
    originals, imagines, refines = [], [], []
    for _ in range(work.rounds):
        originals += _weighed(work, [_ORIGINAL.format(path=str(work.png))])
        _, imagine, refine = _weighed(work, ["%load_ext imgmagic", _IMAGINE, _REFINE])
        imagines.append(imagine)
        refines.append(refine)
    original = median(originals)
    return [
        Row("notebook: display(Image(...))", _kilobytes(originals)),
        _row("notebook: %%imagine", imagines, original),
        _row("notebook: %%refine, parent beside", refines, original),
    ]


def _row(what: str, sizes: list[int], original: float) -> Row:
    size = median(sizes)
    return Row(what, _kilobytes(sizes), f"{size / original:.3f} x original", "<= 200 kB", size <= _MUST)


def _kilobytes(sizes: list[int]) -> str:
    return spread([each / 1000 for each in sizes], "kB")


def _weighed(work: Work, cells: list[str]) -> list[int]:
    """Run a notebook as it is saved, and give the bytes of each cell's outputs as JSON."""
    folder = work.folder()
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each) for each in cells])
    client = NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    try:
        with (folder / "kernel.log").open("w") as log:
            client.execute(env=environment(folder, **azure(work.server.url)), stderr=log)
    except (CellExecutionError, DeadKernelError, TimeoutError) as exc:
        raise BenchError(f"a notebook failed: {str(exc).strip().splitlines()[-1]}") from exc
    saved = json.loads(nbformat.writes(notebook))
    return [len(json.dumps(cell["outputs"]).encode()) for cell in saved["cells"]]
