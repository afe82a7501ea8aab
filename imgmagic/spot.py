"""The place in a cell's output that one call owns: a waiting line, unfinished pictures, then what stays.

`clear_output` is never used, since it would wipe what the user's own code has shown: one display is updated in place.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from imgmagic.errors import ImageError

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from imgmagic.formats import Preview

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
        self._partial: Preview | None = None
        self._settled = False
        self._lock = threading.RLock()

    def wait(self, text: str, partial: bytes | None) -> None:
        """Say what is waited for. A terminal cannot replace what it has printed: there it is one line, and no more."""
        with self._lock:
            self._told += 1
            self._partial = _preview(partial) or self._partial
            if self._settled:
                return
            if self._live:
                self._show(_waiting(text, self._partial))
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


def _preview(partial: bytes | None) -> Preview | None:
    """Make an unfinished picture small; None if there is none, or it cannot be read."""
    if partial is None:
        return None
    from imgmagic import images

    try:
        return images.preview(images.decode(partial), _PARTIAL_PX, _PARTIAL_BYTES)
    except ImageError:
        return None


def _waiting(text: str, partial: Preview | None) -> dict[str, Any]:
    """Give the waiting line, with the latest unfinished picture above it."""
    if partial is None:
        return line(text)
    from imgmagic import render

    return {
        "text/html": render.page([render.Figure(partial, "unfinished picture", "unfinished")], [text]),
        "text/plain": text,
    }


def line(text: str) -> dict[str, Any]:
    """Give one line of text as a notebook shows it."""
    from imgmagic import render

    return {"text/html": render.note(text), "text/plain": text}
