"""Where the history lives, and which notebook asks."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imgmagic.environment import Environment


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
