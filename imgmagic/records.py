"""`%imgmagic record`, `export` and `load`: words of a line to a recording, and a sentence about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imgmagic import render
from imgmagic.errors import CellError, printable

if TYPE_CHECKING:
    from pathlib import Path

    from imgmagic.recording import Written
    from imgmagic.studio import Studio


def record(studio: Studio, rest: str) -> dict[str, Any]:
    """Record what this notebook's cells replay."""
    path, small = _said("record", rest)
    return _written(*studio.record(path or None, small=small), "replays anywhere: put it beside the notebook")


def export(studio: Studio, rest: str) -> dict[str, Any]:
    """Record the whole folder."""
    path, small = _said("export", rest)
    if not path:
        raise CellError("Export to which file?", hint="`%imgmagic export everything.imgmagic.zip`")
    history = studio.history
    return _written(
        *history.record(path, history.uids(), small=small), "`%imgmagic load` brings it into another folder"
    )


def load(studio: Studio, rest: str) -> dict[str, Any]:
    """Bring a recording in."""
    path, small = _said("load", rest)
    if not path or small:
        raise CellError("Load which recording?", hint="`%imgmagic load FILE.imgmagic.zip`, or its https: address.")
    new = studio.history.load(path)
    if not new:
        return _line("Nothing new: all of it is here already.")
    numbers = sorted(picture.number for picture in new)
    count = f"{len(new)} picture{'s' if len(new) > 1 else ''}"
    return _line(f"{count} brought in, #{numbers[0]} to #{numbers[-1]}; `%pick {numbers[0]}` makes one current.")


def _said(command: str, rest: str) -> tuple[str, bool]:
    """Read FILE and --small; quotes around a name with blanks are taken off."""
    small = False
    words = rest.split()
    for place in (0, -1):
        if words and words[place] == "--small":
            small = True
            del words[place]
    unknown = [each for each in words if each.startswith("--")]
    if unknown:
        raise CellError(f"%imgmagic {command} has no {printable(unknown[0], 40)}.", hint="It has --small.")
    return " ".join(words).strip("\"'"), small


def _written(path: Path, written: Written, what: str) -> dict[str, Any]:
    pictures = f"{written.pictures} picture{'s' if written.pictures > 1 else ''}"
    return _line(f"{path}: {pictures}, {written.size / 1e6:.1f} MB; {what}.")


def _line(text: str) -> dict[str, Any]:
    return {"text/html": render.note(text), "text/plain": text}
