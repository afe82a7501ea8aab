"""What may answer a call without asking anybody: the generations of the folder, and of the recordings in view.

`replay` chooses; this module fetches what it chooses from, brings a recorded generation into the folder when it is
first used, and keeps who claimed what for the life of the kernel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgmagic.replay import Asked, CallSite, Claims, Recorded, choose, substitute

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from imgmagic.database import Row
    from imgmagic.picture import Generation
    from imgmagic.recording import Recording
    from imgmagic.shelf import Shelf
    from imgmagic.tree import History


class Recall:
    """A kernel's memory of what was answered before.

    Parameters
    ----------
    history
        The folder.
    shelf
        The recordings in view.
    """

    def __init__(self, history: History, shelf: Shelf) -> None:
        self._history = history
        self._shelf = shelf
        self.claims = Claims()
        self._retaken: set[str] = set()

    def recordings(self) -> list[Recording]:
        """Give the recordings in view."""
        return self._shelf.recordings()

    def find(self, asked: Asked) -> Recorded | None:
        """Choose what answers a request; None if nothing recorded does."""
        here = self._history.recorded(asked.key, asked.site.cell_id)
        return choose(asked, self._with_shelf(here, self._shelf.keyed(asked.key)), self.claims)

    def find_any(self, asked: Sequence[Asked]) -> Recorded | None:
        """Choose what answers the first of several requests that something recorded answers."""
        return next((found for each in asked if (found := self.find(each)) is not None), None)

    def stand_in(self, asked: Asked) -> Recorded | None:
        """Choose what a reader sees where the input has changed: the same words, made from another one."""
        here = self._history.worded(asked.operation, asked.prompt, asked.site.cell_id)
        return substitute(asked, self._with_shelf(here, self._shelf.all()), self.claims)

    def retaken(self, site: CallSite, key: str) -> Recorded | None:
        """Give the take of a real engine that this `%retake` call has asked for, or None.

        Where cells have no ids, the calls that ask for takes of one request get them in the order in which they were
        made.

        Parameters
        ----------
        site
            The call.
        key
            What the picture that is made anew answers.
        """
        takes = self._with_shelf(self._history.recorded(key), self._shelf.keyed(key))
        takes = [each for each in takes if each.real and each.retake]
        mine = [each for each in takes if each.retake == site.name]
        free = [each for each in takes if site.cell_id is None and each.uid not in self._retaken]
        found = mine[-1] if mine else min(free, key=lambda each: each.made, default=None)
        if found is not None:
            self._retaken.add(found.uid)
        return found

    def knows_cell(self, site: CallSite) -> bool:
        """Tell whether a real engine's answer is recorded for the cell that asks."""
        if site.cell_id is None:
            return False
        return self._history.has_real(site.cell_id) or any(
            each.real and each.cell_id == site.cell_id for each in self._shelf.all()
        )

    @property
    def knows_any(self) -> bool:
        """Whether anything that a real engine made is recorded."""
        return self._history.has_real(None) or any(each.real for each in self._shelf.all())

    def _with_shelf(self, rows: Iterable[Row], on_shelf: Iterable[Recorded]) -> list[Recorded]:
        """Put the folder's own before what only a recording holds."""
        here = [_recorded(row) for row in rows]
        known = {each.uid for each in here}
        others = [each for each in on_shelf if each.uid not in known]
        gone = self._history.gone() if others else set()
        return [*here, *(each for each in others if each.uid not in gone)]

    def answer(self, recorded: Recorded, site: CallSite, key: str, *, held: bool = False) -> tuple[int, ...]:
        """Let a recorded generation answer a call: claimed, and its chosen picture made current, unless that is held.

        Returns
        -------
        tuple of int
            The numbers of its pictures.
        """
        if not self._history.holds(recorded.uid):
            self._shelf.bring(recorded.uid)
        self.claims.make(site.name, key, recorded.uid)
        return self._history.replay(recorded.uid, cell_id=site.cell_id, held=held)

    def fetch(self, name: int | str) -> bool:
        """Bring in the recorded picture of a number or a label that the folder does not have; True if there is one."""
        uid = self._shelf.holding(name)
        if uid is None or self._history.holds(uid):
            return False
        self._shelf.bring(uid)
        return True

    def shown(self, cells: Sequence[str]) -> list[str]:
        """Give what a notebook's calls show, in the order of its cells.

        Parameters
        ----------
        cells
            The ids of the notebook's cells, where they are known.
        """
        claimed = {CallSite.read(site): uid for site, uid in self.claims.shown.items()}
        run = {site.cell_id for site in claimed}
        before = {
            CallSite.read(site): uid
            for site, uid in self._history.last_shown().items()
            if CallSite.read(site).cell_id in set(cells) - run
        }
        place = {cell: index for index, cell in enumerate(cells)}
        order = sorted(claimed | before, key=lambda site: place.get(site.cell_id or "", len(place)))
        gone = self._history.gone()
        return [uid for uid in dict.fromkeys((claimed | before)[site] for site in order) if uid not in gone]

    def made(self, generation: Generation, site: CallSite) -> None:
        """Let the call own what was made for it."""
        self.claims.make(site.name or generation.site, generation.key, generation.uid)

    def site_of(self, generation: Generation) -> CallSite:
        """Give the call that shows a generation: the one that claimed it, else the one that it was made for."""
        return CallSite.read(self.claims.owner(generation.uid) or generation.site)


def _recorded(row: Row) -> Recorded:
    return Recorded(
        uid=row["uid"],
        key=row["key"],
        operation=row["operation"],
        prompt=row["prompt"],
        site=row["site"],
        cell_id=row["cell_id"],
        position=row["position"],
        session=row["origin"] or row["session"],
        real=row["engine"] not in {"", "sketch"},
        chosen=row["chosen"],
        made=(0, row["id"]),
        source=row["source"],
        retake=row["retake"],
        shown=row["shown"] or "",
    )
