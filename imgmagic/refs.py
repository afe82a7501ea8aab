"""REFs, the words that name a picture: ``7`` ``#7`` ``hero`` ``@`` ``@~2`` ``@start`` ``.2``. Pure: text to value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from imgmagic.errors import HistoryError, printable

#: What a label may be; anything else could be taken for a number, a step or an option.
LABEL = re.compile(r"[A-Za-z][\w-]*")

_REF = re.compile(
    r"(?:#?(?P<number>\d{1,15})|(?P<start>@start)|(?P<current>@)|\.(?P<nth>\d{1,3})|(?P<label>[A-Za-z][\w-]*))"
    r"(?:~(?P<steps>\d{0,6}))?"
)


@dataclass(frozen=True, slots=True)
class Ref:
    """Where to start and how many steps to go towards the root.

    Parameters
    ----------
    kind
        What ``value`` is: a picture's number, a label, or the position (from 1) in the last result.
    value
        None for ``current`` and ``start``.
    steps
        Parents to walk up.
    """

    kind: Literal["number", "label", "current", "start", "nth"]
    value: int | str | None = None
    steps: int = 0


def parse(text: str) -> Ref:
    """Read a REF.

    Raises
    ------
    HistoryError
        If the text has no such form.
    """
    match = _REF.fullmatch(text.strip())
    if match is None:
        raise HistoryError(
            f"'{printable(text, 60)}' names no picture.",
            hint="A picture is 7 or #7, a label, @ (current), @~2 (two steps back), @start or .2 (of the last result).",
        )
    steps = match["steps"]
    walk = 0 if steps is None else int(steps or 1)
    if match["number"]:
        return Ref("number", int(match["number"]), walk)
    if match["nth"]:
        return Ref("nth", int(match["nth"]), walk)
    if match["label"]:
        return Ref("label", match["label"], walk)
    return Ref("start" if match["start"] else "current", None, walk)
