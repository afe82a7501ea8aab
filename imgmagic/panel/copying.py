"""What is said about one picture in the panel, and the cell that makes it again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from imgmagic import masks, recipe
from imgmagic.errors import ImageError, printable
from imgmagic.exchange import DEFAULTS
from imgmagic.gallery import facts, named
from imgmagic.render import language

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from imgmagic.database import Row
    from imgmagic.picture import Picture
    from imgmagic.studio import Studio

#: How options are spelled that a cell may need to say.
_OPTIONS = {
    "n": "-n",
    "size": "-s",
    "quality": "-q",
    "background": "--background",
    "format": "-f",
    "compression": "-c",
    "moderation": "--moderation",
    "model": "-m",
    "fidelity": "--fidelity",
}
_INHERITED = ("size", "quality", "background", "format")
_SHOWN_OTHERWISE = ("n", "size", "format", "model")
_NOTHING_TO_A_SKETCH = ("quality", "moderation")
_LONGEST = 32_000
_MASK_NAME = re.compile(r"[\w][\w.-]{0,79}")


def described(studio: Studio, picture: Picture) -> dict[str, Any]:
    """Give what the panel shows below a picture: plain values, to be shown as text."""
    made = picture.generation
    suffix = picture.path.suffix
    return {
        "name": printable(named(picture), 100),
        "prompt": made.prompt[:_LONGEST],
        "alt": printable(made.alt, 600),
        "lang": language(made.prompt),
        "caption": printable(made.caption, 600),
        "facts": _facts(picture),
        "size": list(picture.size),
        "file": f"imgmagic-{picture.number}{suffix}",
        "cell": cell_text(studio, picture),
        "imported": made.operation == "import",
        "refined": picture._parent is not None,
    }


def _facts(picture: Picture) -> list[list[str]]:
    """Give name and value of what is known about how a picture was made; nothing unknown is listed."""
    made = picture.generation
    width, height = picture.size
    hidden = _SHOWN_OTHERWISE + (_NOTHING_TO_A_SKETCH if made.engine == "sketch" else ())
    asked = {name: value for name, value in made.params.items() if name not in hidden}
    shown = {
        "Made by": "the sketch engine" if made.engine == "sketch" else f"{made.engine}/{made.model}",
        "Size": f"{width} × {height} {picture.format.upper()}",
        **{
            printable(name.capitalize(), 40): str(value)
            for name, value in asked.items()
            if isinstance(value, (str, int, float)) and value not in {"", "auto"} and value is not False
        },
        "Took": f"{made.seconds:.1f} s",
        "Cost": next((each for each in facts(picture) if "$" in each), ""),
        "Date": f"{made.created.astimezone():%Y-%m-%d %H:%M}",
        "Notebook": made.session,
    }
    return [[name, printable(value.rstrip("/"), 200)] for name, value in shown.items() if value]


def cell_text(studio: Studio, picture: Picture) -> str:
    """Give the cell that asks for a picture, with the options that would not hold anyway; empty for a brought one."""
    made = picture.generation
    if made.operation == "import":
        return ""
    words = [f"%%{made.operation}", *_inputs(studio, picture)]
    usual = _usual(studio, picture)
    words += [
        f"{spelled} {_quoted(str(made.params[name]))}"
        for name, spelled in _OPTIONS.items()
        if made.params.get(name) not in (None, usual.get(name))
    ]
    words += ["--soft"] if made.params.get("soft") else []
    extra = made.request.get("params")
    words += [f"-p {_quoted(f'{name}={value}')}" for name, value in extra.items()] if isinstance(extra, dict) else []
    if "{" in made.prompt or "}" in made.prompt:
        words.append("--raw")  # what stands in braces has been filled in already
    return f"{' '.join(words)}\n{made.prompt}"


def _usual(studio: Studio, picture: Picture) -> dict[str, Any]:
    """Give what holds where a cell says nothing: what is inherited from the parent, else the defaults in force."""
    defaults, parent = studio.defaults, picture.parent
    usual = {**DEFAULTS, **{name: getattr(defaults, name) for name in _INHERITED}}
    inherited: Mapping[str, Any] = parent.params if parent is not None else {}
    return usual | {name: inherited[name] for name in _INHERITED if inherited.get(name) is not None}


def _inputs(studio: Studio, picture: Picture) -> Iterator[str]:
    """Say what went along: the parent by its number, other files by where they are kept."""
    rows = picture._history.inputs(picture)
    for row, path in zip(rows, recipe.paths(picture), strict=True):
        if row["role"] == "source":
            yield f"--from {picture._parent}"
        elif row["role"] == "mask":
            yield f"--mask {_quoted(_masked(studio, row, path))}"
        else:
            yield f"-i {_quoted(row['identity'].removeprefix('url:') if row['identity'].startswith('url:') else path)}"


def _masked(studio: Studio, row: Row, path: str) -> str:
    """Say where was edited as it was said: in words, or by the name of a painted mask."""
    if row["identity"].startswith("mask:"):
        return str(row["identity"].removeprefix("mask:"))
    painted = {masks.read(data).digest: name for name, data in studio.masks.items()}
    name = painted.get(row["digest"])
    return f"name:{name}" if name else path


def _quoted(value: str) -> str:
    return f'"{value}"' if re.search(r"[\s'\"]", value) else value


def check_mask_name(name: str) -> None:
    """Refuse a name that ``--mask name:NAME`` could not say.

    Raises
    ------
    ImageError
        If it is not made of letters, digits, ``_``, ``-`` and dots.
    """
    if not _MASK_NAME.fullmatch(name):
        raise ImageError(f"'{printable(name, 60)}' is no name for a mask: letters, digits, _, - and dots.")
