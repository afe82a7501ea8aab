"""Which picture is current in this kernel, how it became so, and the way back. Pure: it knows numbers, and no disk.

`tree.History` writes every move down before it is made here, so that the next kernel goes on where this one stopped.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Cursor:
    """The place in the tree from which the next edit starts.

    Parameters
    ----------
    number
        The current picture, or None.
    moves
        How often it has moved in this kernel.
    jumps
        Where it was before jobs that have ended moved it, the latest first; empty once anybody else does. A call that
        was handed over while they worked started from there, and its replay does too.
    picked
        What somebody has chosen by hand.
    """

    number: int | None = None
    moves: int = 0
    jumps: list[int] = field(default_factory=list)
    picked: set[int] = field(default_factory=set)
    _undo: list[int | None] = field(default_factory=list)
    _redo: list[int | None] = field(default_factory=list)

    @property
    def can_undo(self) -> bool:
        """Whether there is a move to take back."""
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        """Whether there is a move to make again."""
        return bool(self._redo)

    @property
    def before(self) -> int | None:
        """Where `undo` goes to."""
        return self._undo[-1]

    @property
    def after(self) -> int | None:
        """Where `redo` goes to."""
        return self._redo[-1]

    def go(self, number: int, *, by_job: bool = False) -> None:
        """Move to another picture, which ends what could be made again."""
        left = [self.number] if by_job and self.number is not None else []
        self.jumps = [*left, *self.jumps] if by_job else []
        self._undo.append(self.number)
        self._redo.clear()
        self.number = number
        self.moves += 1

    def undo(self) -> None:
        """Take the last move back."""
        self._step(self._undo, self._redo)

    def redo(self) -> None:
        """Make the move again that was taken back last."""
        self._step(self._redo, self._undo)

    def drop(self, number: int, parent: int | None) -> bool:
        """Leave a picture that is gone out of every move; True if it was current, and its parent is so now."""
        self._undo = [each for each in self._undo if each != number]
        self._redo = [each for each in self._redo if each != number]
        self.jumps = [each for each in self.jumps if each != number]
        if self.number != number:
            return False
        self.number = parent
        self.moves += 1
        return True

    def _step(self, source: list[int | None], target: list[int | None]) -> None:
        target.append(self.number)
        self.number = source.pop()
        self.jumps = []
        self.moves += 1
