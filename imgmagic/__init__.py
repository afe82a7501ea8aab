"""imgmagic: pictures from words in a Jupyter notebook, with a history that can be refined, branched and rolled back.

`%load_ext imgmagic` gives the magics; everything else here is the same without them. Names are looked up when they are
first used, so that importing and loading cost next to nothing; `imgmagic.history` is the running kernel's.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from imgmagic.errors import (
        ApiError,
        CellError,
        HistoryError,
        ImageError,
        ImgmagicError,
        RateLimitError,
        RefusedError,
        SettingsError,
        SketchError,
        UnreachableError,
    )
    from imgmagic.gallery import Gallery
    from imgmagic.picture import Picture
    from imgmagic.studio import Studio
    from imgmagic.tree import History

    history: History

    # What reads types instead of running code sees the arguments; nothing is made here.
    _studio = Studio()
    imagine = _studio.imagine
    refine = _studio.refine
else:

    def imagine(prompt: str, *said: Any, **wishes: Any) -> Gallery:
        """Make new pictures in the running kernel's studio; see `Studio.imagine` for the arguments."""
        from imgmagic import kernel

        return kernel.studio().imagine(prompt, *said, **wishes)

    def refine(instruction: str, *said: Any, **wishes: Any) -> Gallery:
        """Edit a picture in the running kernel's studio; see `Studio.refine` for the arguments."""
        from imgmagic import kernel

        return kernel.studio().refine(instruction, *said, **wishes)


__version__ = "0.1.0"

__all__ = [
    "ApiError",
    "CellError",
    "Gallery",
    "History",
    "HistoryError",
    "ImageError",
    "ImgmagicError",
    "Picture",
    "RateLimitError",
    "RefusedError",
    "SettingsError",
    "SketchError",
    "Studio",
    "UnreachableError",
    "history",
    "imagine",
    "refine",
]

_HOMES = {"Gallery": "gallery", "History": "tree", "Picture": "picture", "Studio": "studio"}


def __getattr__(name: str) -> Any:
    """Look a public name up when it is first used."""
    if name == "history":
        from imgmagic import kernel

        return kernel.studio().history
    if name in __all__:
        return getattr(import_module(f"imgmagic.{_HOMES.get(name, 'errors')}"), name)
    raise AttributeError(f"module 'imgmagic' has no attribute '{name}'")


def __dir__() -> list[str]:
    """List the public names."""
    return [*__all__, "__version__"]


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register the magics; called by `%load_ext imgmagic`."""
    from imgmagic.magics import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Take the magics back; called by `%unload_ext imgmagic`."""
    from imgmagic.magics import unload

    unload(shell)
