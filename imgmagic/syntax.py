"""What IPython must be taught about our magics, and forgets again on unload.

- ``%%refine make the sky bluer`` in one line, with nothing below, is what people type first; IPython refuses a cell
  magic without a body, so such a cell becomes the line form.
- ``%imagine what is a cat?`` must not open the help on *cat*.
- A full-width blank (U+3000) after the name is what a Japanese keyboard gives.

Strings, comments and the bodies of other cell magics stay untouched: only a cell's first line and real line magics,
found among Python's tokens, are looked at.
"""

from __future__ import annotations

import re
from typing import Any

from IPython.core.inputtransformer2 import (
    TokenTransformBase,
    _find_assign_op,
    assemble_continued_line,
    find_end_of_continued_line,
)

_NAMES = ("imagine", "refine")
_CELL = re.compile(rf"%%(?P<name>{'|'.join(_NAMES)})(?P<blank>[ \t\u3000\xa0]+|(?=\r?\n?$))(?P<rest>.*)", re.DOTALL)
_LINE = re.compile(rf"%(?P<name>{'|'.join(_NAMES)})[ \t\u3000\xa0]+(?P<rest>.*)", re.DOTALL)


def one_line_cells(lines: list[str]) -> list[str]:
    """Turn a cell magic of ours without a body into its line form; other cells are left alone."""
    match = _CELL.match(lines[0]) if lines else None
    if match is None:
        return lines
    percents = "%%" if any(line.strip() for line in lines[1:]) else "%"
    return [f"{percents}{match['name']} {match['rest']}", *lines[1:]]


# Without this, a terminal would take "%%imagine -n 2" for complete before its body can be typed.
one_line_cells.has_side_effects = True  # type: ignore[attr-defined]


class LineMagics(TokenTransformBase):
    """Takes our line magics before IPython looks for a help request at their end."""

    priority = 1

    def __init__(self, start: tuple[int, int]) -> None:
        super().__init__(start)
        self._column = start[1]
        # IPython takes what begins furthest left: in ``x = %imagine why?`` that would be the help request.
        self.start_col = -1

    @classmethod
    def find(cls, tokens_by_line: list[list[Any]]) -> LineMagics | None:
        """Find the first of our line magics, alone or assigned: ``%imagine …``, ``x = %imagine …``."""
        for tokens in tokens_by_line:
            start = _first(tokens)
            assign = _find_assign_op(tokens)
            for index in (start, None if assign is None else assign + 1):
                if index is not None and _ours(tokens, index):
                    return cls(tokens[index].start)
        return None

    def transform(self, lines: list[str]) -> list[str]:
        """Write the call out, with everything behind the name as typed."""
        end = find_end_of_continued_line(lines, self.start_line)
        text = assemble_continued_line(lines, (self.start_line, self._column), end)
        match = _LINE.match(text)
        if match is None:
            raise SyntaxError(text)
        call = f"get_ipython().run_line_magic({match['name']!r}, {match['rest']!r})\n"
        return [*lines[: self.start_line], lines[self.start_line][: self._column] + call, *lines[end + 1 :]]


def _first(tokens: list[Any]) -> int | None:
    """Skip indentation: those tokens are blank or empty."""
    return next((index for index, token in enumerate(tokens) if token.string.strip()), None)


def _ours(tokens: list[Any], index: int) -> bool:
    """Tell whether a token begins one of our magics with words behind it."""
    if tokens[index].string != "%":
        return False
    return _LINE.match(tokens[index].line[tokens[index].start[1] :]) is not None
