"""The images that a magic line names: text to value.

EXPR is an ``https:`` URL or a ``data:`` URI; an existing file where the text looks like one; else a Python expression
in the names that are handed in; else a path. ``--from`` reads a REF first. Nothing is fetched or decoded here: what
comes out is the value, and `values` says what it is.
"""

from __future__ import annotations

import builtins
import difflib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from imgmagic import refs
from imgmagic.errors import CellError, HistoryError, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from types import CodeType

_ADDRESS = re.compile(r"(https?|data|file|ftp|s3|gs):", re.IGNORECASE)
_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".svg"}


def resolve(text: str, names: Mapping[str, Any]) -> Any:
    """Give the value that an EXPR names.

    Parameters
    ----------
    text
        As it stands in the line.
    names
        The notebook's variables.

    Returns
    -------
    object
        A str for an address, a Path for a file, else whatever the expression gives.

    Raises
    ------
    CellError
        If the expression fails, or neither it nor a file is there.
    """
    text = text.strip()
    if _ADDRESS.match(text):
        return text
    path, looks = path_of(text), _looks_like_a_file(text)
    if looks and _is_file(path):
        return path
    code = _compiled(text)
    if code is None:
        return _file(path, text, looks=looks)
    try:
        return _evaluated(code, names)
    except NameError as exc:
        if _is_file(path):
            return path
        raise _unknown(text, exc, names, looks=looks) from exc
    except Exception as exc:
        raise CellError(
            f"{printable(text, 80)} fails: {type(exc).__name__}: {printable(str(exc), 160)}.", hint=_WHAT_IT_MAY_BE
        ) from exc


def resolve_source(text: str, names: Mapping[str, Any], labels: Collection[str], find: Callable[[str], Any]) -> Any:
    """Give what ``--from`` names: a REF first, else an EXPR; brackets around it force Python.

    Parameters
    ----------
    text
        As it stands in the line.
    names
        The notebook's variables.
    labels
        The labels of the folder.
    find
        Gives the picture that a REF names.

    Raises
    ------
    CellError
        If a word is both a label and a variable, or names nothing.
    HistoryError
        If a REF leads nowhere.
    """
    text = text.strip()
    try:
        ref = refs.parse(text)
    except HistoryError:
        return resolve(text, names)
    word = str(ref.value) if ref.kind == "label" else ""
    variable = word == text and word in names
    if variable and word in labels:
        raise CellError(
            f"'{word}' is both a label (#{find(word).number}) and a variable ({type(names[word]).__name__}).",
            hint=f"Write --from {find(word).number} for the labelled picture, or --from ({word}) for the variable.",
        )
    if variable:
        return resolve(text, names)
    if word == text and word not in labels and _is_file(path_of(text)):
        return path_of(text)
    try:
        return find(text)
    except HistoryError as exc:
        if word and word not in labels:
            exc.hint = " ".join(part for part in (exc.hint, _near(word, names)) if part)
        raise


def address(url: str) -> str:
    """Name a URL without what may be secret in it: user, query and fragment."""
    parts = urlsplit(url)
    return printable(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}", 120)


def file_or_address(text: str) -> Any:
    """Give what a text means outside a magic line, where there are no names: an address, else a file.

    Raises
    ------
    CellError
        If there is no such file.
    """
    text = text.strip()
    return text if _ADDRESS.match(text) else _file(path_of(text), text, looks=True)


def is_file_or_address(text: str) -> bool:
    """Tell whether a text can be no REF, since it is an address or looks like a file."""
    return bool(_ADDRESS.match(text.strip())) or _looks_like_a_file(text.strip())


def _evaluated(code: CodeType, names: Mapping[str, Any]) -> Any:
    # One dict, not globals and locals: a comprehension in the expression would not see the locals.
    return eval(code, {**dict(names), "__builtins__": builtins})  # noqa: S307  it is the user's own code


def _compiled(text: str) -> CodeType | None:
    """Compile an expression; None if the text is no Python."""
    try:
        return compile(text, "<image>", "eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def path_of(text: str | os.PathLike[str]) -> Path:
    """Give a path, its ``~`` expanded if there is such a user."""
    try:
        return Path(text).expanduser()
    except RuntimeError:  # the home of a user who does not exist
        return Path(text)


def _is_file(path: Path) -> bool:
    """Tell whether a file is there; a text too long for a name is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _looks_like_a_file(text: str) -> bool:
    separators = {"/", os.sep, os.altsep} - {None}
    return any(each in text for each in separators if each) or Path(text).suffix.lower() in _SUFFIXES


def _file(path: Path, text: str, *, looks: bool) -> Path:
    """Give a file that is there."""
    if _is_file(path):
        return path
    if looks:
        raise CellError(f"There is no file {printable(text, 120)}.", hint=_nearby(path))
    raise CellError(f"{printable(text, 80)} is neither a file nor Python.", hint=_WHAT_IT_MAY_BE)


def _nearby(path: Path) -> str:
    """Name files that look like one that is not there, or the folder that is missing."""
    if not path.parent.is_dir():
        return f"The folder {printable(str(path.parent), 120)} does not exist."
    try:
        there = [each.name for each in path.parent.iterdir() if each.is_file()][:10_000]
    except OSError:
        return ""
    near = difflib.get_close_matches(path.name, there, n=3)
    return f"Did you mean {' or '.join(printable(each, 80) for each in near)}?" if near else _WHAT_IT_MAY_BE


def _unknown(text: str, exc: NameError, names: Mapping[str, Any], *, looks: bool) -> CellError:
    """Say which name of an expression is not there."""
    name = getattr(exc, "name", None) or text
    missing = f"there is no variable '{printable(name, 60)}'"
    said = f"There is no file {printable(text, 80)}, and {missing}" if looks else f"{printable(text, 80)}: {missing}"
    return CellError(f"{said}.", hint=_near(name, names) or _WHAT_IT_MAY_BE)


def _near(name: str, names: Mapping[str, Any]) -> str:
    known = [each for each in names if not each.startswith("_")]
    near = difflib.get_close_matches(name, known, n=3)
    return f"Variables that look like it: {', '.join(near)}." if near else ""


_WHAT_IT_MAY_BE = "An image is a variable, an expression such as history['hero'], a file, an https: URL or a data: URI."
