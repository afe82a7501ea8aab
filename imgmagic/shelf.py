"""The recordings in view: read-only sources of replay, beside the notebook, in the working directory, or named.

A recorded picture comes into the folder when it is first used, with what it was made from. Until then a recording is
only looked at: by a request's key, by its words, or by a number or label that the folder does not have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from imgmagic.errors import HistoryError
from imgmagic.replay import Recorded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from imgmagic.recording import RecordedGeneration, Recording
    from imgmagic.tree import History


class Shelf:
    """Looks into the recordings in view.

    Parameters
    ----------
    history
        The folder that pictures are brought into.
    find
        Gives the recordings' paths, and which of them were named and therefore must be usable.
    """

    def __init__(self, history: History, find: Callable[[], tuple[Sequence[Path], Sequence[Path]]]) -> None:
        self._history = history
        self._find = find
        self._keys: WeakKeyDictionary[Recording, dict[str, list[Recorded]]] = WeakKeyDictionary()
        self._told: set[Path] = set()

    def recordings(self) -> list[Recording]:
        """Open what is in view; one that cannot be used is said once, or refused if it was named.

        Raises
        ------
        HistoryError
            If a recording that IMGMAGIC_RECORDING names cannot be used.
        """
        found, named = self._find()
        if not found:
            return []
        from imgmagic import recording  # brings zipfile and more, which most notebooks do without

        opened = []
        for path in found:
            try:
                opened.append(self._ready(recording.opened(path)))
            except HistoryError as exc:
                if path in named:
                    raise
                if path not in self._told:
                    self._told.add(path)
                    self._history.notices.append(f"not read: {exc}".replace("\n", " "))
        return opened

    def keyed(self, key: str) -> list[Recorded]:
        """Give what answers a key."""
        return [each for book in self.recordings() for each in self._index(book).get(key, ())]

    def all(self) -> Iterator[Recorded]:
        """Give everything that is recorded."""
        for book in self.recordings():
            for group in self._index(book).values():
                yield from group

    def bring(self, uid: str) -> None:
        """Bring a generation into the folder, with what it was made from.

        Raises
        ------
        HistoryError
            If it is in no recording, or its bytes are damaged.
        """
        for book in self.recordings():
            if any(each.uid == uid for each in book.generations):
                self._history.bring(book, [uid])
                return
        raise HistoryError("The recording that held this picture is gone.", hint="Put it back, or run the cell again.")

    def holding(self, name: str | int) -> str | None:
        """Give the generation that holds the picture of a number or a label, or None."""
        for book in self.recordings():
            for each in book.generations:
                if any(name in (picture.number, picture.label) for picture in each.pictures):
                    return each.uid
        return None

    def _index(self, book: Recording) -> dict[str, list[Recorded]]:
        if book not in self._keys:
            index: dict[str, list[Recorded]] = {}
            for place, each in enumerate(book.generations):
                index.setdefault(each.key, []).append(_recorded(each, place, self._history.origin_of(book)))
            self._keys[book] = index
        return self._keys[book]

    def _ready(self, book: Recording) -> Recording:
        """Before a recording is used for the first time: what is made here gets other numbers than what is recorded."""
        if book not in self._keys:
            self._index(book)
            self._history.reserve(max(picture.number for each in book.generations for picture in each.pictures))
        return book


def _recorded(each: RecordedGeneration, place: int, origin: str) -> Recorded:
    return Recorded(
        uid=each.uid,
        key=each.key,
        operation=each.operation,
        prompt=each.prompt,
        site=each.site,
        cell_id=each.cell_id,
        position=each.position,
        session=origin,
        real=each.engine not in {"", "sketch"},
        chosen=max((picture.chosen for picture in each.pictures), default=""),
        made=(1, place),
        retake=each.retake,
    )
