"""Tab: exactly what fits where the cursor stands behind one of our magics.

Options while the prompt has not begun, an option's values behind it, labels and REFs where a picture is named,
variables where an image is wanted, and nothing inside a prompt: Python names there would be noise. What the history
knows is looked up only once it is in use, so that a Tab does no I/O before the first call; no library is imported to
recognise its objects, since whoever holds one has imported it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from IPython import get_ipython
from IPython.core.completer import CompletionContext, SimpleCompletion, context_matcher

from imgmagic import kernel
from imgmagic.cell import options, unfinished

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from imgmagic.exchange import Operation

_CALL = re.compile(
    r"^\s*(?:[^\W\d]\w*\s*=\s*)?"
    r"(?P<percents>%%?)(?P<name>imagine|refine|retake|rollback|pick|compare|images|imgmagic)[ \t\u3000]+(?P<rest>.*)$"
)
_SIZES = ("1024x1024", "1536x1024", "1024x1536", "auto")
_NEWEST = 20

#: Where a mask may come from besides an image.
_MASKS = ("box:", "name:", "color:", "text:")

#: What the short magics take besides a REF.
_SHORT = {"retake": ["-n"], "images": ["--static"]}

#: The classes whose objects are images: the package and the name of the class, or of one that it is derived from.
_IMAGES = {
    ("imgmagic", "Picture"),
    ("PIL", "Image"),
    ("numpy", "ndarray"),
    ("matplotlib", "Figure"),
    ("matplotlib", "Axes"),
}


@dataclass(frozen=True, slots=True)
class Subcommand:
    """What stands behind `%imgmagic`.

    Parameters
    ----------
    function
        Our function that answers; looked up when it is called, since the doctor brings all of requests along.
    takes
        What may follow, as in a usage: empty for nothing, and the function is called with the studio alone; else it is
        given the rest of the line too. Where it is ``REF`` alone, that is found first and arrives as ``#7``, or empty
        if none was said.
    """

    function: str
    takes: str = ""


SUBCOMMANDS = {
    "check": Subcommand("status.check"),
    "code": Subcommand("recipe.code", takes="REF"),
    "cost": Subcommand("status.cost"),
    "doctor": Subcommand("doctor.report"),
    "export": Subcommand("records.export", takes="FILE [--small]"),
    "forget": Subcommand("forget.forget", takes="REF [--inputs] [--yes NUMBER]"),
    "load": Subcommand("records.load", takes="FILE"),
    "login": Subcommand("login.login"),
    "prune": Subcommand("prune.prune", takes="[--dry-run]"),
    "record": Subcommand("records.record", takes="[FILE] [--small]"),
    "report": Subcommand("report.report", takes="FILE [--all]"),
    "stop": Subcommand("status.stop"),
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
    words, word = unfinished(call["rest"])
    option, equals, value = word.partition("=")
    if equals and option.startswith("--"):  # as in --size=10
        word = value
        found = [each for each in fitting(call["name"], [*words, option]) if not each.startswith("-")]
    else:
        found = fitting(call["name"], words)
    return {
        "completions": _Answer(SimpleCompletion(each, type="magic") for each in found if each.startswith(word)),
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
        return _of_subcommand(words)
    if name in {"pick", "rollback"}:
        return [] if words else references()
    if name == "compare":
        return references() if len(words) <= 1 else []
    if name in _SHORT:
        return [] if words else _SHORT[name]
    return _behind(cast("Operation", name), words)


def _of_subcommand(words: Sequence[str]) -> list[str]:
    """Give the subcommands, or what may follow one."""
    if not words:
        return list(SUBCOMMANDS)
    known = SUBCOMMANDS.get(words[0])
    if known is None:
        return []
    switches = [each for each in re.findall(r"--[\w-]+", known.takes) if each not in words]
    return switches + (references() if known.takes.startswith("REF") and len(words) == 1 else [])


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
        elif word in known:
            waiting = word if known[word] != () else None
        elif not _with_value(word, known):
            return []
    if waiting is None:
        return list(known)
    return _values(waiting, known[waiting])


def _with_value(word: str, known: Mapping[str, Sequence[str] | None]) -> bool:
    """Tell whether a word is an option and its value in one: ``--size=auto``, ``-n4``."""
    name = word.partition("=")[0] if word.startswith("--") else word[:2]
    return bool(known.get(name, ()) != ())


def _values(option: str, words: Sequence[str] | None) -> list[str]:
    """Give the values of an option; None are known for free text."""
    if words is not None:
        return list(words)
    return list(dict.fromkeys(_VALUES[option]())) if option in _VALUES else []


def _labels() -> list[str]:
    studio = kernel.opened()
    return [] if studio is None else list(studio.history.labels)


def _masks() -> list[str]:
    """Give how a mask begins, and the painted ones by name."""
    studio = kernel.opened()
    painted = [] if studio is None else [f"name:{name}" for name in studio.masks]
    return [*_MASKS, *painted]


def _models() -> list[str]:
    """Give the models and deployments that have answered, the latest first; the sketch engine has no choice of them."""
    studio = kernel.opened()
    calls = [] if studio is None else studio.history.costs()
    return [each["model"] for each in reversed(calls) if each["model"] and each["engine"] != "sketch"]


def _images() -> list[str]:
    """Give the notebook's variables that hold an image."""
    names = getattr(get_ipython(), "user_ns", {})
    return [name for name, value in list(names.items()) if not name.startswith("_") and _is_image(value)]


def _is_image(value: object) -> bool:
    """Tell whether a value can be sent as an image, by its class alone: an object may do anything when it is asked."""
    kinds = {(str(each.__module__).partition(".")[0], each.__name__) for each in type(value).__mro__}
    if ("numpy", "ndarray") in kinds:
        return getattr(value, "ndim", 0) in {2, 3} and getattr(getattr(value, "dtype", None), "kind", "O") in "buif"
    return bool(kinds & _IMAGES) or hasattr(type(value), "_repr_png_")


_VALUES: dict[str, Callable[[], list[str]]] = {
    "-s": lambda: list(_SIZES),
    "--size": lambda: list(_SIZES),
    "-m": _models,
    "--model": _models,
    "-i": _images,
    "--image": _images,
    "--from": lambda: [*references(), *_images()],
    "--mask": lambda: [*_masks(), *_images()],
    "--label": _labels,
}


def _is_ours(context: CompletionContext, percents: str) -> bool:
    """Tell whether the line is code: a cell magic on the first line, a line magic not in another cell's body."""
    if percents == "%%":
        return bool(context.cursor_line == 0)
    return not context.full_text.lstrip().startswith("%%")
