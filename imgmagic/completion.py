"""Tab: exactly what fits where the cursor stands behind one of our magics.

Options while the prompt has not begun, an option's values behind it, labels and REFs where a picture is named, and
nothing inside a prompt: Python names there would be noise. Numbers and labels are looked up only once the history is in
use, so that a Tab does no I/O before the first call.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from IPython.core.completer import CompletionContext, SimpleCompletion, context_matcher

from imgmagic import kernel
from imgmagic.cell import options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imgmagic.exchange import Operation

_CALL = re.compile(
    r"^\s*(?:[^\W\d]\w*\s*=\s*)?"
    r"(?P<percents>%%?)(?P<name>imagine|refine|pick|rollback|imgmagic)[ \t\u3000]+(?P<rest>.*)$"
)
_SIZES = ("1024x1024", "1536x1024", "1024x1536", "auto")
_NEWEST = 20

#: What stands behind `%imgmagic`, and the function of ours that answers; looked up when it is called, since the doctor
#: brings all of requests along.
SUBCOMMANDS = {
    "check": "status.check",
    "cost": "status.cost",
    "doctor": "doctor.report",
    "login": "login.login",
    "stop": "status.stop",
}


class _Answer(list[SimpleCompletion]):
    """A list that never counts as empty: IPython lets a matcher silence others only if it has found something."""

    def __len__(self) -> int:
        return max(1, super().__len__())


@context_matcher()
def matcher(context: CompletionContext) -> dict[str, object]:
    """Complete behind our magics, and keep every other completer quiet there."""
    line = context.full_text.split("\n")[context.cursor_line][: context.cursor_position]
    call = _CALL.match(line)
    if call is None or not _is_ours(context, call["percents"]):
        return {"completions": []}
    word = re.split(r"[ \t\u3000]", call["rest"])[-1]
    words = call["rest"][: len(call["rest"]) - len(word)].split()
    found = [each for each in fitting(call["name"], words) if each.startswith(word)]
    return {
        "completions": _Answer(SimpleCompletion(each, type="magic") for each in found),
        "matched_fragment": word,
        "suppress": True,
    }


def fitting(name: str, words: Sequence[str]) -> list[str]:
    """Give everything that may stand behind some words of a call.

    Parameters
    ----------
    name
        The magic.
    words
        The whole words between it and the one that is being typed.
    """
    if name == "imgmagic":
        return [] if words else list(SUBCOMMANDS)
    if name in {"pick", "rollback"}:
        return [] if words else references()
    return _behind(cast("Operation", name), words)


def references() -> list[str]:
    """Give what names a picture: labels, relative steps, and the newest numbers."""
    studio = kernel.opened()
    if studio is None:
        return []
    history = studio.history
    newest = [f"#{picture.number}" for picture in reversed(list(history)[-_NEWEST:])]
    steps = [f"@~{up}" for up in range(1, len(history.lineage()))] if history.cursor is not None else []
    return [*history.labels, "@", "@start", *steps, *newest]


def _behind(operation: Operation, words: Sequence[str]) -> list[str]:
    """Walk over the options that are said; inside the prompt nothing fits."""
    known = options(operation)
    waiting: str | None = None
    for word in words:
        if waiting is not None:
            waiting = None
        elif word.partition("=")[0] not in known or word == "--":
            return []
        elif "=" not in word and known[word] != ():
            waiting = word
    if waiting is None:
        return list(known)
    return _values(waiting, known[waiting])


def _values(option: str, words: Sequence[str] | None) -> list[str]:
    """Give the values of an option; None are known for free text."""
    if words is not None:
        return list(words)
    if option in {"-s", "--size"}:
        return list(_SIZES)
    studio = kernel.opened()
    if option == "--label" and studio is not None:
        return list(studio.history.labels)
    if option == "--mask":
        painted = studio.masks if studio is not None else {}
        return ["box:", "color:", "text:", *(f"name:{name}" for name in painted)]
    return references() if option == "--from" else []


def _is_ours(context: CompletionContext, percents: str) -> bool:
    """Tell whether the line is code: a cell magic on the first line, a line magic not in another cell's body."""
    if percents == "%%":
        return bool(context.cursor_line == 0)
    return not context.full_text.lstrip().startswith("%%")
