"""What a call returns and how it shows itself.

A gallery holds numbers, not bytes, and shows previews, never originals: a 2 MB PNG would weigh 2.7 MB in the notebook.
The whole output of a call stays below 200 kB per new picture, the parent beside it and every MIME type included.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

from imgmagic import render
from imgmagic.errors import HistoryError, ImageError
from imgmagic.formats import MIME

if TYPE_CHECKING:
    from imgmagic.formats import Preview
    from imgmagic.picture import Picture
    from imgmagic.tree import History

# Bytes per new picture: base64 makes 4/3 of them, the preview stands in the HTML and once more as an image, the parent
# only in the HTML. 60 + 60 + 15 kB make 180 kB; what is left is for the words.
PREVIEW_BYTES = 60_000
_PARENT_BYTES = 15_000
_PARENT_PX = 224


@dataclass(frozen=True, slots=True)
class Shown:
    """How galleries show themselves: the longest edge of a preview in px, and whether a parent stands beside."""

    preview_px: int = 512
    compare: bool = True


class Gallery(Sequence["Picture"]):
    """The pictures of one call.

    Parameters
    ----------
    history
        Where they are.
    numbers
        Which they are.
    shown
        How they are shown.
    notes
        Further lines to show below them.
    replayed
        Whether they were recorded: then the caption does not say how long they took and what they cost.
    """

    def __init__(
        self,
        history: History,
        numbers: Sequence[int],
        shown: Shown | None = None,
        notes: Sequence[str] = (),
        *,
        replayed: bool = False,
    ) -> None:
        self._history = history
        self._shown = shown or Shown()
        self.numbers = tuple(numbers)
        self.notes = tuple(notes)
        self.replayed = replayed
        #: Asked before it shows itself: the magics answer True while the cell runs that has shown it already.
        self.already_shown: Callable[[], bool] = lambda: False

    @overload
    def __getitem__(self, index: int) -> Picture: ...
    @overload
    def __getitem__(self, index: slice) -> list[Picture]: ...
    def __getitem__(self, index: int | slice) -> Picture | list[Picture]:
        """Give a picture by its position, from 0."""
        return self._pictures[index]

    @cached_property
    def _pictures(self) -> list[Picture]:
        """Read once: nothing of a picture ever changes but its label, which it looks up whenever it is asked."""
        with self._history.together():
            return [self._history[number] for number in self.numbers]

    def __deepcopy__(self, _memo: object) -> Gallery:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a Gallery belongs to its history: pickle the .bytes of its pictures, or its .numbers")

    def __len__(self) -> int:
        return len(self.numbers)

    def __repr__(self) -> str:
        return "\n".join(self.lines)

    @property
    def lines(self) -> list[str]:
        """The caption and the notes, as plain text."""
        return [*self._caption(list(self)), *self.notes]

    def shrunk(self) -> Gallery:
        """Make the previews now, so that whoever shows the pictures later, as a panel does, need not wait for them."""
        for each in self._pictures:
            _preview(each, self._shown.preview_px, PREVIEW_BYTES)
        return self

    @property
    def bundle(self) -> dict[str, Any]:
        """What a notebook shows, by MIME type."""
        with self._history.together():
            return self._bundle()

    def _bundle(self) -> dict[str, Any]:
        pictures = list(self)
        # A list of what was made before, as `history` is, shows the size of a parent: nothing in it is new.
        side, budget = (_PARENT_PX, _PARENT_BYTES) if _mixed(pictures) else (self._shown.preview_px, PREVIEW_BYTES)
        previews = [_preview(each, min(side, self._shown.preview_px), budget) for each in pictures]
        lines = [*self._caption(pictures, previews), *self.notes]
        before = self._parent()
        figures = [*before, *self._figures(pictures, previews, "after · " if before else "")]
        bundle: dict[str, Any] = {"text/html": render.page(figures, lines), "text/plain": "\n".join(lines)}
        whole = [each for each in previews if each is not None]
        if whole:
            alternative = _alternative(whole)
            bundle[alternative.mime] = base64.b64encode(alternative.data).decode()
        return bundle

    def _ipython_display_(self) -> None:
        """Show itself, unless the running cell has shown it already."""
        if not self.already_shown():
            from IPython.display import display

            display(self.bundle, raw=True)

    @cached_property
    def _compared(self) -> list[Picture]:
        """The picture that all of them were edited from, where it is shown beside them; else none."""
        numbers = {each._parent for each in self._pictures}
        if not self._shown.compare or len(numbers) != 1 or None in numbers:
            return []
        parent = self._pictures[0].parent
        return [] if parent is None else [parent]

    def _parent(self) -> list[render.Figure]:
        """Give the picture that was edited, small, to stand beside its children."""
        side = min(_PARENT_PX, self._shown.preview_px)
        return [
            render.Figure(
                _preview(parent, side, _PARENT_BYTES), f"before: {parent.generation.alt}", f"before · {named(parent)}"
            )
            for parent in self._compared
        ]

    def _figures(
        self, pictures: Sequence[Picture], previews: Sequence[Preview | None], when: str
    ) -> list[render.Figure]:
        """Caption each picture where there is more than one to tell apart."""
        several = len(pictures) > 1 or bool(when)
        return [
            render.Figure(preview, picture.generation.alt, f"{when}{named(picture)}" if several else "")
            for picture, preview in zip(pictures, previews, strict=True)
        ]

    def _caption(self, pictures: Sequence[Picture], previews: Sequence[Preview | None] = ()) -> list[str]:
        """Say what is shown: one line for the pictures of one answer, one each otherwise."""
        if not pictures:
            return ["no pictures"]
        if _mixed(pictures):
            stale, cursor = self._history.stale, self._history.cursor
            return [
                " · ".join([named(each), render.quoted(each.prompt), *marks(each, stale, cursor)]) for each in pictures
            ]
        first = pictures[0]
        lines = [" · ".join([_range(pictures), render.quoted(first.prompt), *facts(first, replayed=self.replayed)])]
        lines += [first.generation.caption] if first.generation.caption else []
        return lines + _reduced(first, next(iter(previews), None))


def _mixed(pictures: Sequence[Picture]) -> bool:
    """Tell whether pictures come from more than one answer."""
    return any(each.generation.id != pictures[0].generation.id for each in pictures)


def _preview(picture: Picture, side: int, budget: int) -> Preview | None:
    """Shrink a picture; a damaged one is no reason to hide the others."""
    try:
        return picture.preview(side, budget)
    except (HistoryError, ImageError):
        return None


def _alternative(shown: Sequence[Preview]) -> Preview:
    """Give the one picture that stands for a whole output where no HTML is shown: a JPEG by itself already does."""
    budget = PREVIEW_BYTES * len(shown)
    if len(shown) == 1 and shown[0].mime == MIME["jpeg"] and len(shown[0].data) <= budget:
        return shown[0]
    from imgmagic import images

    return images.alternative(shown, budget)


def named(picture: Picture) -> str:
    """Give a picture's number with its label."""
    label = picture.label
    return f"#{picture.number} {label}" if label else f"#{picture.number}"


def _range(pictures: Sequence[Picture]) -> str:
    """Name the pictures of one answer and where they came from: ``#4–#6 ← #3``."""
    first, last = pictures[0], pictures[-1]
    name = named(first) if first == last else f"#{first.number}–#{last.number}"
    if first.forgotten_parent is not None:
        return f"{name} ← #{first.forgotten_parent} (forgotten)"
    return name if first._parent is None else f"{name} ← #{first._parent}"


def facts(picture: Picture, *, replayed: bool = False) -> list[str]:
    """Give size and quality, who made it, how long it took and what it cost; of a replay only what it is."""
    made = picture.generation
    width, height = picture.size
    quality = str(picture.params.get("quality", "")) if made.engine not in {"", "sketch"} else ""
    size = f"{width}×{height} {quality}".strip()
    if replayed or not made.engine:
        return [size]
    if made.engine == "sketch":
        return [size, f"{made.seconds:.1f} s"]
    facts = [size, f"{made.engine}/{made.model}".rstrip("/"), f"{made.seconds:.1f} s"]
    if made.cost_usd:
        guess = {"": "", "estimated": " (estimated)"}.get(made.cost_as, f" (as {made.cost_as})")
        facts.append(f"≈${made.cost_usd:.3f}{guess}" if guess else f"${made.cost_usd:.3f}")
    return facts


def marks(picture: Picture, stale: Collection[int], cursor: int | None) -> list[str]:
    """Say what is particular about a picture where several are shown."""
    said = {
        "current": picture.number == cursor,
        "stale": picture.number in stale,
        "sketch": picture.engine == "sketch",
    }
    return [word for word, holds in said.items() if holds]


def _reduced(picture: Picture, preview: Preview | None) -> list[str]:
    """Say that less than the whole picture is shown, and how to get all of it."""
    if preview is None or max(preview.size) >= max(picture.size):
        return []
    if picture.reduced:
        return [f"recorded small: this preview of {max(preview.size)} px is all there is here"]
    name = f"history[{picture.number}].save('{picture.number}{picture.path.suffix}')"
    return [f"preview {max(preview.size)} of {max(picture.size)} px: {name}"]
