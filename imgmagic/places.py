"""Where the history lives, which notebook asks, and which recordings lie about: found by name, none is opened here."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgmagic.errors import SettingsError, printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from imgmagic.environment import Environment

SUFFIX_OF_RECORDINGS = ".imgmagic.zip"


def find_home(environment: Environment, cwd: Path) -> Path:
    """Find the history's folder.

    Parameters
    ----------
    environment
        May name it with ``IMGMAGIC_HOME``.
    cwd
        Where the search begins. It goes up only inside a repository: beyond it, a folder may be somebody else's.
    """
    if environment.get("IMGMAGIC_HOME"):
        return Path(environment.get("IMGMAGIC_HOME")).expanduser().absolute()
    places = [cwd, *cwd.parents]
    root = next((place for place in places if (place / ".git").exists()), cwd)
    for place in places[: places.index(root) + 1]:
        if (place / ".imgmagic").is_dir():
            return place / ".imgmagic"
    return cwd / ".imgmagic"


def session_of(notebook: Path, home: Path) -> str:
    """Name a notebook's session: its path as seen from the folder that holds ``.imgmagic``."""
    return Path(os.path.relpath(notebook, home.parent)).as_posix()


def notebook_path(environment: Environment, names: Mapping[str, Any]) -> str | None:
    """Find out which notebook this kernel serves: Jupyter tells by a variable, VS Code by a name in the notebook.

    A console's session has a name too, but no file; it gets a session of its own.
    """
    told = [environment.get("JPY_SESSION_NAME"), names.get("__vsc_ipynb_file__")]
    paths = [Path(each) for each in told if isinstance(each, str) and each]
    return next((str(path.absolute()) for path in paths if path.is_file()), None)


def cells_of(notebook: Path) -> list[str]:
    """Give the ids of a notebook's cells, in order; none if the file cannot be read as a notebook."""
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        return [each["id"] for each in cells if isinstance(each.get("id"), str)]
    except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return []


def find_recordings(places: Sequence[Path], named: str = "") -> tuple[Path, ...]:
    """Find the recordings that a notebook may replay, sorted, each once.

    Parameters
    ----------
    places
        Folders to look in, not below them.
    named
        What IMGMAGIC_RECORDING says: files, divided as in PATH; ``~`` is understood.

    Raises
    ------
    SettingsError
        If a file that is named is not there.
    """
    found = [path for place in places for path in _beside(place) if _is_file(path)]
    found += [_named(each.strip()) for each in named.split(os.pathsep) if each.strip()]
    once: dict[str, Path] = {}
    for path in sorted(each.absolute() for each in found):
        once.setdefault(os.path.realpath(path), path)
    return tuple(once.values())


def _named(text: str) -> Path:
    path = Path(text)
    with suppress(RuntimeError):  # nobody's home
        path = path.expanduser()
    if not _is_file(path):
        raise SettingsError(
            f"IMGMAGIC_RECORDING names {printable(text, 200)}, but there is no such file.",
            hint=f"It names one or more recordings (*{SUFFIX_OF_RECORDINGS}), divided by '{os.pathsep}'.",
        )
    return path


def _beside(place: Path) -> list[Path]:
    """Name the recordings in a folder; every call looks, so it is not `Path.glob`, which takes ten times as long."""
    try:
        return [place / name for name in os.listdir(place) if name.endswith(SUFFIX_OF_RECORDINGS)]  # noqa: PTH208
    except OSError:  # a folder that is gone, or closed to us
        return []


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long, a folder that is closed to us
        return False
