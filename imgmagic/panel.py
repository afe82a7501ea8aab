"""The first panel: thumbnails of the history, a look at one picture beside its parent, and the way back.

Built from core ipywidgets. The truth lives in the history: the panel holds numbers, asks when it draws, and can be
closed and opened at will; a second one stays in step. Synced widget state may be saved into the notebook, so only
thumbnails and one small before/after pair stand in it, and only the newest pictures are drawn. Callbacks may come on
another thread while a cell runs, so drawing takes a lock, and an error in a callback becomes a line of text: raised, it
would vanish in the server's log.
"""

from __future__ import annotations

import base64
import logging
import threading
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from imgmagic import images, render
from imgmagic.errors import HistoryError, ImageError, ImgmagicError, printable
from imgmagic.gallery import facts, named

if TYPE_CHECKING:
    from collections.abc import Callable

    from imgmagic.picture import Picture
    from imgmagic.studio import Studio

log = logging.getLogger(__name__)

#: How many of the newest pictures are drawn, besides the current picture's own line.
SHOWN = 24

_THUMB_PX, _THUMB_BYTES = 96, 2_500
_LOOK_PX, _LOOK_BYTES = 384, 22_000

_MARKED, _PLAIN = "2px solid var(--jp-brand-color1, #1976d2)", "2px solid transparent"


class Panel:
    """A window on a studio's history.

    Parameters
    ----------
    studio
        Whose history is shown.
    """

    def __init__(self, studio: Studio) -> None:
        self._history = studio.history
        self._lock = threading.RLock()
        self._tiles: dict[int, widgets.VBox] = {}
        self._selected = self._history.cursor
        self._undo = _button("Undo", "Take back the last move", self._guarded(self._history.undo))
        self._redo = _button("Redo", "Make the move again", self._guarded(self._history.redo))
        self._back = _button("Roll back here", "Make the picture below the current one", self._guarded(self._roll_back))
        self._strip = widgets.Box(layout=widgets.Layout(flex_flow="row wrap", max_height="300px", overflow="auto"))
        self._look = widgets.HTML()
        self._message = widgets.HTML()
        tools = widgets.HBox([self._back, self._undo, self._redo, self._message])
        self.widget = widgets.VBox([tools, self._strip, self._look])
        self.widget.add_class("imgmagic-panel")
        self.draw()
        self._history.watchers.append(self._guarded(self._follow))

    @property
    def bundle(self) -> dict[str, Any]:
        """What a notebook shows: the widget, and beside it the same as plain HTML for readers without a kernel."""
        pictures, cursor = self._pictures(), self._history.cursor
        figures = [
            _figure(each, "current · " if each.number == cursor else "", _THUMB_PX, _THUMB_BYTES) for each in pictures
        ]
        text = f"imgmagic panel: {len(pictures)} pictures, current {'none' if cursor is None else f'#{cursor}'}"
        shown: dict[str, Any] = dict(self.widget._repr_mimebundle_())
        html = render.page(figures, ["The history, as it was when this was run."])
        return shown | {"text/html": html, "text/plain": text}

    def draw(self) -> None:
        """Draw everything that has changed."""
        with self._lock:
            pictures = self._pictures()
            self._strip.children = [self._tile(picture) for picture in pictures]
            # Unmarked first, so that no two tiles are ever marked at once.
            for number, tile in sorted(self._tiles.items(), key=lambda item: item[0] == self._history.cursor):
                _mark(tile, current=number == self._history.cursor, selected=number == self._selected)
            self._undo.disabled = not self._history.can_undo
            self._redo.disabled = not self._history.can_redo
            self._draw_look()

    def _draw_look(self) -> None:
        """Show the selected picture, and its parent before it."""
        if self._selected is None:
            self._look.value = render.note("No picture is current. Imagine one: %%imagine, and the words below it.")
            self._back.disabled = True
            return
        picture = self._history[self._selected]
        parent = picture.parent
        figures = [_figure(parent, "before · ", _LOOK_PX, _LOOK_BYTES)] if parent is not None else []
        figures.append(_figure(picture, "after · " if parent is not None else "", _LOOK_PX, _LOOK_BYTES))
        lines = [picture.prompt, " · ".join([named(picture), *facts(picture)])]
        self._look.value = render.page(figures, [printable(line, 1000) for line in lines])
        self._back.disabled = self._selected == self._history.cursor

    def _pictures(self) -> list[Picture]:
        """Give the pictures to draw: the newest of the session, and the current one's line, by number."""
        chosen = {picture.number: picture for picture in list(self._history)[-SHOWN:]}
        if self._history.cursor is not None:
            chosen |= {picture.number: picture for picture in self._history.lineage(self._history.cursor)[-SHOWN:]}
        return [chosen[number] for number in sorted(chosen)]

    def _tile(self, picture: Picture) -> widgets.VBox:
        """Give a picture's thumbnail with its button; made once."""
        if picture.number not in self._tiles:
            button = _button(
                named(picture),
                printable(picture.prompt, 200),
                self._guarded(lambda: self._select(picture.number)),
            )
            button.layout = widgets.Layout(width=f"{_THUMB_PX}px")
            image = widgets.HTML(_thumbnail(picture))
            layout = widgets.Layout(margin="2px", padding="2px", align_items="center")
            self._tiles[picture.number] = widgets.VBox([image, button], layout=layout)
        self._tiles[picture.number].children[1].description = named(picture)
        return self._tiles[picture.number]

    def _select(self, number: int) -> None:
        self._selected = number

    def _roll_back(self) -> None:
        """Make the selected picture current, be it an ancestor or on another branch."""
        if self._selected is not None:
            self._history.pick(self._selected)

    def _follow(self) -> None:
        """Select what has become current."""
        self._selected = self._history.cursor

    def _guarded(self, action: Callable[[], object]) -> Callable[..., None]:
        """Run an action and draw again; what goes wrong is said in the panel and logged."""

        def run(*_event: object) -> None:
            try:
                with self._lock:
                    action()
                    self._message.value = ""
                    self.draw()
            except ImgmagicError as exc:
                self._message.value = render.note(printable(exc.message))
            except Exception as exc:
                log.exception("panel")
                self._message.value = render.note(f"{type(exc).__name__}: {printable(str(exc))}")

        return run


def _button(text: str, tooltip: str, action: Callable[..., None]) -> widgets.Button:
    button = widgets.Button(description=text, tooltip=tooltip)
    button.on_click(action)
    return button


def _mark(tile: widgets.VBox, *, current: bool, selected: bool) -> None:
    """Mark the current picture by more than its colour: its button is filled; the one that is looked at has a frame."""
    tile.layout.border = _MARKED if selected else _PLAIN
    tile.children[1].button_style = "primary" if current else ""
    (tile.add_class if current else tile.remove_class)("imgmagic-current")


def _figure(picture: Picture, when: str, side: int, budget: int) -> render.Figure:
    try:
        preview = images.preview(picture.image, side, budget)
    except (HistoryError, ImageError):
        preview = None
    return render.Figure(preview, picture.generation.alt, f"{when}{named(picture)}")


def _thumbnail(picture: Picture) -> str:
    """Give a thumbnail in a square of its own, so that tiles line up."""
    preview = _figure(picture, "", _THUMB_PX, _THUMB_BYTES).preview
    square = f"width:{_THUMB_PX}px;height:{_THUMB_PX}px;object-fit:contain"
    if preview is None:
        return f'<div style="{square}"><em>damaged</em></div>'
    data = base64.b64encode(preview.data).decode()
    alt = escape(printable(picture.generation.alt, 200))
    return f'<img src="data:{preview.mime};base64,{data}" alt="{alt}" style="{square}">'
