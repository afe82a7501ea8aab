"""What may answer a call without asking anybody: the generations of the folder, and of the recordings in view.

`replay` chooses; this module fetches what it chooses from, brings a recorded generation into the folder when it is
first used, and keeps who claimed what for the life of the kernel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgmagic.replay import Asked, CallSite, Claims, Recorded, choose, substitute

if TYPE_CHECKING:
    from imgmagic.database import Row
    from imgmagic.picture import Generation
    from imgmagic.tree import History


class Recall:
    """A kernel's memory of what was answered before.

    Parameters
    ----------
    history
        The folder.
    """

    def __init__(self, history: History) -> None:
        self._history = history
        self.claims = Claims()

    def find(self, asked: Asked) -> Recorded | None:
        """Choose what answers a request; None if nothing recorded does."""
        return choose(asked, map(_recorded, self._history.recorded(asked.key)), self.claims)

    def stand_in(self, asked: Asked) -> Recorded | None:
        """Choose what a reader sees where the input has changed: the same words, made from another one."""
        return substitute(asked, map(_recorded, self._history.worded(asked.operation, asked.prompt)))

    def retaken(self, site: CallSite) -> Recorded | None:
        """Give the newest take of a real engine that this `%retake` call has asked for, or None."""
        takes = [each for each in map(_recorded, self._history.retakes(site.name)) if each.real]
        return takes[-1] if takes else None

    def knows_cell(self, site: CallSite) -> bool:
        """Tell whether a real engine's answer is recorded for the cell that asks."""
        return site.cell_id is not None and self._history.has_real(site.cell_id)

    @property
    def knows_any(self) -> bool:
        """Whether anything that a real engine made is recorded."""
        return self._history.has_real(None)

    def answer(self, recorded: Recorded, site: CallSite, key: str) -> tuple[int, ...]:
        """Let a recorded generation answer a call: claimed, and its chosen picture made current.

        Returns
        -------
        tuple of int
            The numbers of its pictures.
        """
        self.claims.make(site.name, key, recorded.uid)
        return self._history.replay(recorded.uid, cell_id=site.cell_id)

    def made(self, generation: Generation, site: CallSite) -> None:
        """Let the call own what was made for it."""
        self.claims.make(site.name or generation.site, generation.key, generation.uid)

    def site_of(self, generation: Generation) -> CallSite:
        """Give the call that shows a generation: the one that claimed it, else the one that it was made for."""
        return CallSite.read(
            self.claims.owner(generation.uid) or generation.site,
        )


def _recorded(row: Row) -> Recorded:
    return Recorded(
        uid=row["uid"],
        key=row["key"],
        operation=row["operation"],
        prompt=row["prompt"],
        site=row["site"],
        cell_id=row["cell_id"],
        position=row["position"],
        session=row["session"],
        real=row["engine"] not in {"", "sketch"},
        chosen=row["chosen"],
        made=(row["created"], row["id"]),
        source=row["source"],
    )
