"""Two pictures of the history beside each other: before, after, a map of what changed, and the numbers.

Nothing is kept: a comparison is computed from the stored bytes whenever it is asked for, so it cannot be out of date.
The mask is the one that the later picture was made with, if it was made from the earlier one.
"""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imgmagic import difference, images, inputs, masks, render
from imgmagic.errors import HistoryError
from imgmagic.exchange import Input
from imgmagic.gallery import named

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    from imgmagic.difference import Change
    from imgmagic.formats import Preview
    from imgmagic.picture import Picture

    Alpha = NDArray[np.uint8]

_SIDE_PX = 384

# Three previews in the HTML and one sheet of them as an image: (3 · 25 + 55) kB make 175 kB in base64.
_PREVIEW_BYTES, _SHEET_BYTES = 25_000, 55_000


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Comparison:
    """By how much two pictures differ, which shows itself in a notebook.

    Parameters
    ----------
    before, after
        The two pictures.
    change
        The numbers.
    map
        A small picture of what changed: in dim grey the picture after, coloured where it is another than before.
    note
        What is to be said besides, such as that one had to be resized; or empty.
    """

    before: Picture
    after: Picture
    change: Change
    map: Image.Image
    note: str = ""
    _previews: tuple[Preview, ...] = ()
    #: Asked before it shows itself: `%compare` answers True while the cell runs that has shown it already.
    already_shown: Callable[[], bool] = lambda: False

    @property
    def changed(self) -> float:
        """Changed pixels in per cent of all, 0 to 100."""
        return self.change.changed

    @property
    def outside(self) -> float | None:
        """Changed pixels outside the mask in per cent of the changed ones; None without a mask."""
        return self.change.outside

    @property
    def sentence(self) -> str:
        """The numbers in a few words: ``changed 31 % of pixels, of which 4 % outside the mask``."""
        return self.change.sentence

    @property
    def difference(self) -> Alpha:
        """Each pixel's largest difference of a channel: shape (height, width), uint8."""
        return self.change.levels

    @property
    def lines(self) -> list[str]:
        """What is said below the pictures."""
        return [f"{named(self.before)} → {named(self.after)} · {self.sentence}", *([self.note] if self.note else [])]

    @property
    def bundle(self) -> dict[str, Any]:
        """What a notebook shows, by MIME type."""
        alternative = images.alternative(self._previews, _SHEET_BYTES)
        return {
            "text/html": render.page(self._figures(), self.lines),
            "text/plain": "\n".join(self.lines),
            alternative.mime: base64.b64encode(alternative.data).decode(),
        }

    def _figures(self) -> list[render.Figure]:
        names = (f"before · {named(self.before)}", f"after · {named(self.after)}", self._legend)
        alts = (f"before: {self.before.generation.alt}", f"after: {self.after.generation.alt}", self.sentence)
        return [render.Figure(*each) for each in zip(self._previews, alts, names, strict=True)]

    @property
    def _legend(self) -> str:
        outside = ", magenta: outside the mask" if self.outside else ""
        return f"orange: changed{outside}"

    def __repr__(self) -> str:
        return f"<Comparison {'; '.join(self.lines)}>"

    def _repr_mimebundle_(self, **_wanted: object) -> dict[str, Any]:
        """Show itself wherever a notebook shows a value."""
        return self.bundle

    def _ipython_display_(self) -> None:
        """Show itself, unless the running cell has shown it already."""
        if not self.already_shown():
            from IPython.display import display

            display(self.bundle, raw=True)


def compared(before: Picture, after: Picture, mask: Any, threshold: int) -> Comparison:
    """Compare two pictures, which may be of two folders.

    Raises
    ------
    HistoryError
        If a file is missing or was changed.
    ImageError
        If a picture cannot be decoded, or a mask does not fit.
    """
    data = before.bytes
    with ThreadPoolExecutor(2) as both:  # decoding lets go of the interpreter, and takes most of the time
        first, second = both.map(images.decode, (data, after.bytes))
    alpha = _kept(before, after) if mask is None else _given(mask, data)
    note = ""
    if first.size != second.size:
        sizes = [f"{each.width}×{each.height} px" for each in (second, first)]
        note = f"#{after.number} has {sizes[0]} and was resized to the {sizes[1]} of #{before.number}"
        second = difference.fitted(first, second)
    if alpha is not None and alpha.shape[::-1] != first.size:  # a picture of a small recording, with its whole mask
        alpha, note = None, "the mask has another size than the picture that is here, and is left out"
    change = difference.measured(first, second, alpha, threshold)
    chart = difference.drawn(change, second, alpha, _SIDE_PX)
    previews = tuple(images.preview(each, _SIDE_PX, _PREVIEW_BYTES) for each in (first, second, chart))
    return Comparison(before, after, change, chart, note, previews)


def earlier(after: Picture) -> Picture:
    """Give the picture that another one is compared with unless somebody says: the one that it was made from.

    Raises
    ------
    HistoryError
        If it was made from none, or from one that is forgotten.
    """
    parent = after.parent
    if parent is None:
        forgotten = after.forgotten_parent
        raise HistoryError(
            f"#{after.number} was made from no other picture."
            if forgotten is None
            else f"#{forgotten}, which #{after.number} was made from, is forgotten.",
            hint=f"Say with which one: history.compare({after.number}, …), or `%compare {after.number} REF`.",
        )
    return parent


def _kept(before: Picture, after: Picture) -> Alpha | None:
    """Give the mask that the later picture was made with, if it was made from the earlier one."""
    history = after._history
    if after._parent != before.number or before._history.home != history.home:
        return None
    rows = [row for row in history.inputs(after) if row["role"] == "mask" and row["file"]]
    return masks.alpha(history.store.get(rows[0]["file"], rows[0]["format"])) if rows else None


def _given(mask: Any, source: bytes) -> Alpha:
    """Read a mask that was handed over."""
    return masks.alpha(inputs.fitted(masks.given(mask, {}), Input("source", source)).data)
