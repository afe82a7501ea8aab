"""Which cell is running: a stack of executions, and where a refine starts so that no cell refines its own result.

JupyterLab, Notebook and VS Code send a cell's id along with its code; nbclient and a terminal send none, and then every
execution is a new cell. Executions nest (`%%capture`, `run_cell`): one without an id of its own belongs to the cell
around it, calls counted on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import uuid4

from imgmagic.replay import CallSite

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from imgmagic.jobs import Job

#: VS Code numbers its cells anew in every kernel, so its ids mean nothing in the next one.
_FLEETING = "vscode-notebook-cell:"


@dataclass(slots=True, eq=False)
class Execution:
    """One run of a cell.

    Parameters
    ----------
    cell_id
        The cell's id, or None.
    start
        The number of the picture that was current when it began, or None.
    name
        Its own name, which stands for an id where there is none.
    calls, rollbacks
        How many of each it has made so far.
    refined
        Whether it has refined something, and waited for it: from then on it goes on with the current picture.
    made
        The generations that it has made or replayed.
    jobs
        What it has handed over, and was there at once: the cursor goes along when the execution ends.
    """

    cell_id: str | None = None
    start: int | None = None
    name: str = field(default_factory=lambda: uuid4().hex[:12])
    calls: int = 0
    rollbacks: int = 0
    refined: bool = False
    made: set[int] = field(default_factory=set)
    jobs: list[Job] = field(default_factory=list)

    @property
    def reached(self) -> set[int]:
        """What it has made or replayed, without what its jobs bring only when they are looked at."""
        held = (gallery for job in self.jobs if (gallery := job.held()) is not None)
        return self.made - {picture.generation.id for gallery in held for picture in gallery}

    def next_site(self) -> CallSite:
        """Count one more call, and give its place."""
        self.calls += 1
        return CallSite(self.cell_id, self.calls - 1, self.name)


class Executions:
    """The runs of cells that are under way, the innermost last."""

    def __init__(self) -> None:
        self._stack: list[Execution] = []
        self._outside = Execution()
        self._kernel = uuid4().hex[:8]

    @property
    def current(self) -> Execution:
        """The run that is under way; outside of any, one that stands for it."""
        return self._stack[-1] if self._stack else self._outside

    def begin(self, cell_id: str | None, start: int | None) -> Execution:
        """Begin a run; a nested one without an id goes on with the one around it."""
        if cell_id is None and self._stack:
            self._stack.append(self._stack[-1])
        else:
            self._stack.append(Execution(self._lasting(cell_id), start))
        return self._stack[-1]

    def end(self) -> Execution | None:
        """End a run, and give it if the cell has ended with it; a nested run goes on in the one around it.

        The cell that loads the extension ends without having begun: then it is what stood for it.
        """
        if not self._stack:
            ended, self._outside = self._outside, Execution()
            return ended
        ended = self._stack.pop()
        return None if ended in self._stack else ended

    def started_from(self, number: int | None) -> None:
        """Say what was current when the runs under way began, where nobody could know it then."""
        for each in (*self._stack, self._outside):
            each.start = number

    def _lasting(self, cell_id: str | None) -> str | None:
        return f"{self._kernel}|{cell_id}" if cell_id and cell_id.startswith(_FLEETING) else cell_id


@dataclass(frozen=True, slots=True)
class Step:
    """A picture on the way from the current one to its root: its number, its generation, and that one's cell."""

    number: int
    generation: int
    cell_id: str | None


def source(way: Sequence[Step], execution: Execution, replayed: Collection[int]) -> int | None:
    """Find where the first refine of an execution starts.

    Of what an earlier execution of this cell has made or replayed on the way to the root, the picture nearest the root
    counts: the refine starts from its parent. So a cell that is run again, changed or not, makes another take and never
    builds on its own result, whoever has moved the cursor meanwhile. A root that the cell made when it was still an
    imagine is no result of a refine.

    A refine in the background moves no cursor while its cell runs, so the next one of that cell starts by the same
    rule: on the way there is still what the cell has made earlier. Once a job has moved the cursor, or the cell has
    waited for a refine, it goes on from there.

    Parameters
    ----------
    way
        From the current picture (first) to its root (last).
    execution
        The run that refines.
    replayed
        The generations that this cell has replayed.

    Returns
    -------
    int or None
        The number to start from; None for the current picture.
    """
    reached = execution.reached
    if execution.refined or execution.cell_id is None or (way and way[0].generation in reached):
        return None
    for step, below in zip(way[::-1], way[-2::-1], strict=False):
        own = below.cell_id == execution.cell_id or below.generation in replayed
        if own and below.generation not in reached:
            return step.number
    return None
