"""The panel: the tree of pictures, a look at one or two of them, and the way back, as a widget.

The truth lives in the history. The widget's synced state is its loader and nothing else, since synced state may be
saved into the notebook: the front end asks by message, with an id, and is answered by a message with binary buffers.
So the panel can be closed and opened at will, two of them stay in step, and 10,000 pictures weigh as much as ten.

Messages from the front end are foreign input, and may come on another thread while a cell runs. `desk` answers them;
this module only carries them, and says in the panel what went wrong: an exception in a callback has nobody above it.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import anywidget

from imgmagic.errors import ImgmagicError, printable
from imgmagic.panel import modules, static
from imgmagic.panel.desk import Desk

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from imgmagic.studio import Studio

log = logging.getLogger(__name__)

_LONGEST_ERROR = 2_000


class Panel(anywidget.AnyWidget):
    """A window on a studio's history, which shows itself in a notebook.

    Parameters
    ----------
    studio
        Whose history is shown.
    """

    _esm = modules.loader()

    def __init__(self, studio: Studio) -> None:
        self._history = studio.history
        super().__init__()
        self._desk = Desk(studio, self._push)
        self.on_msg(self._heard)
        self._history.watchers.append(self._follow)

    def close(self) -> None:
        """End it; an open view goes away."""
        if self._follow in self._history.watchers:
            self._history.watchers.remove(self._follow)
        super().close()

    @property
    def outputs(self) -> list[dict[str, Any]]:
        """What a notebook shows: first plain HTML for readers without a kernel, then the widget.

        They are two outputs, since a widget hides every alternative in its own output as soon as its state is saved.
        """
        live = super()._repr_mimebundle_()
        data = dict(live[0] if isinstance(live, tuple) else live or {})
        text = f"{static.summary(self._history)}; the panel itself needs a running kernel"
        return [static.newest(self._history), data | {"text/plain": text}]

    def _ipython_display_(self) -> None:
        from IPython.display import display

        for bundle in self.outputs:
            display(bundle, raw=True)

    def _heard(self, _widget: object, content: Any, buffers: Sequence[Any]) -> None:
        """Answer a message; whatever goes wrong is the answer."""
        question = content.get("id") if isinstance(content, dict) else None
        re = question if isinstance(question, int) else None

        def answer() -> None:
            said, parts = self._desk.answer(content, buffers)
            self._push({"re": re, **said}, parts)
            if "columns" in said:
                self._desk.follow()  # the rest, while the tree is being drawn

        self._guarded(answer, lambda text: self._push({"re": re, "error": text}))

    def _follow(self) -> None:
        """Tell the front end what a cell, or another panel, has changed."""
        self._guarded(self._desk.follow, lambda text: self._push({"news": "error", "error": text}))

    def _push(self, content: dict[str, Any], buffers: Sequence[bytes] = ()) -> None:
        self.send(content, list(buffers))

    @staticmethod
    def _guarded(action: Callable[[], None], said: Callable[[str], None]) -> None:
        try:
            action()
        except ImgmagicError as exc:
            said(str(exc))
        except Exception as exc:
            log.exception("panel")
            said(f"{type(exc).__name__}: {printable(str(exc), _LONGEST_ERROR)}")
