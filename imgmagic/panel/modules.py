"""The front end's files, as they travel.

anywidget takes one module and puts it into the widget's synced state, which a notebook may save. So what it gets is a
loader of a few lines, which asks the kernel for everything else and imports it from memory (blob URLs). The modules
stay what a browser, node and a type checker understand: plain ES modules that import each other by relative name, with
no bundler, no rule for concatenation, and nothing from a network. The loader only replaces those names by the addresses
in memory, which is why the modules are listed here lowest first, as in a layered package.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

#: Lowest first: a module imports only from the ones before it.
ORDER = (
    "text.js",
    "layout.js",
    "zoom.js",
    "mask.js",
    "page.js",
    "wire.js",
    "filmstrip.js",
    "painter.js",
    "viewer.js",
    "details.js",
    "refine.js",
    "panel.js",
)


def loader() -> str:
    """Give the module that anywidget runs."""
    return _text("loader.js")


@cache
def code() -> dict[str, Any]:
    """Give everything that the loader asks for: names and texts of the modules, in order, and the style sheet."""
    return {"modules": [[name, _text(name)] for name in ORDER], "css": _text("panel.css")}


def _text(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
