"""The place in a cell's output that one call owns: a waiting line, unfinished pictures, then what stays.

`clear_output` is never used, since it would wipe what the user's own code has shown: one display is updated in place.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from imgmagic.errors import ImageError
from imgmagic.formats import Preview

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from imgmagic import render

_TERMINAL_PATIENCE = 2  # the first line comes at once, the second after half a second
_PARTIAL_PX, _PARTIAL_BYTES = 384, 40_000


class Spot:
    """The place in a cell's output that one call owns.

    A call that was interrupted may still settle it from its own thread, so what is final is guarded by a lock.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._live = hasattr(shell, "kernel")
        # Now, not when there is something to show: by then a later cell may be capturing what is its own.
        self._publisher = shell.display_pub
        self._place = uuid4().hex
        self._shown = False
        self._told = 0
        self._seen: render.Figure | None = None
        self._settled = False
        self._lock = threading.RLock()

    def wait(self, text: str, seen: bytes | Preview | None) -> None:
        """Say what is waited for, and show where it is edited (a preview), then how far it is (an unfinished picture).

        A terminal cannot replace what it has printed: there it is one line, and no more.
        """
        with self._lock:
            self._told += 1
            self._seen = figure(seen) or self._seen
            if self._settled:
                return
            if self._live:
                self._show(_waiting(text, self._seen))
            elif self._told == _TERMINAL_PATIENCE:
                self._show({"text/plain": text})

    def fail(self, text: str) -> None:
        """Leave one line where the call was waiting; in a terminal the error says enough."""
        with self._lock:
            if self._live and self._shown and not self._settled:
                self._show(line(text))

    def settle(self, bundle: dict[str, Any]) -> None:
        """Show what stays."""
        with self._lock:
            self._settled = True
            self._show(bundle)

    def _show(self, bundle: dict[str, Any]) -> None:
        # Noted first: an interrupt in between must not make another place in some later cell.
        update, self._shown = self._shown and self._live, True
        self._publisher.publish(bundle, {}, transient={"display_id": self._place}, update=update)


def figure(seen: bytes | Preview | None) -> render.Figure | None:
    """Give what stands above the waiting line; None if there is nothing new, or it cannot be read."""
    if seen is None:
        return None
    from imgmagic import render

    if isinstance(seen, Preview):
        return render.Figure(seen, "the source, tinted where it is edited", "tinted: edited")
    from imgmagic import images

    try:
        small = images.preview(images.decode(seen), _PARTIAL_PX, _PARTIAL_BYTES)
    except ImageError:
        return None
    return render.Figure(small, "unfinished picture", "unfinished")


def _waiting(text: str, seen: render.Figure | None) -> dict[str, Any]:
    """Give the waiting line, with what is to be seen above it."""
    if seen is None:
        return line(text)
    from imgmagic import render

    return {"text/html": render.page([seen], [text]), "text/plain": text}


def line(text: str) -> dict[str, Any]:
    """Give one line of text as a notebook shows it."""
    from imgmagic import render

    return {"text/html": render.note(text), "text/plain": text}
