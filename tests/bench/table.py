"""Rows and the table that they are printed in."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Parameters
    ----------
    what
        What was measured.
    value
        The median with its unit, and the range of the rounds.
    ratio
        How it compares with something else of the same run, or empty.
    must
        What it must reach, or empty.
    ok
        Whether it does; None if nothing is asked.
    note
        What is to be said below the table.
    """

    what: str
    value: str
    ratio: str = ""
    must: str = ""
    ok: bool | None = None
    note: str = ""


_HEAD = ("what", "value", "ratio", "must reach", "ok?")
_OK = {True: "yes", False: "NO", None: ""}


def aligned(rows: Sequence[Row]) -> str:
    """Give the table as plain text, the notes below it."""
    lines = [_HEAD, *((row.what, row.value, row.ratio, row.must, _OK[row.ok]) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD))]
    lines.insert(1, tuple("-" * width for width in widths))
    notes = [f"\n{row.what} = {row.note}" for row in rows if row.note]
    return "\n".join([*(_line(line, widths) for line in lines), *notes])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def milliseconds(seconds: Sequence[float]) -> str:
    """Give the median in ms, and the range."""
    return spread([1000 * each for each in seconds], "ms")


def spread(values: Sequence[float], unit: str) -> str:
    """Give the median with its unit, and the range where there is one."""
    middle, low, high = (_short(each) for each in (statistics.median(values), min(values), max(values)))
    return f"{middle} {unit}" + (f" ({low}-{high})" if low != high else "")


def _short(value: float) -> str:
    """Give about three digits."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
