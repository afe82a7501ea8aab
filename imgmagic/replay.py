"""Which recorded generation answers a request. Pure: values in, a choice out.

A cell is a function of its text and its inputs: the same text and the same inputs give the same picture, free. So every
call looks for a recording of the same *key* (`ImageRequest.key`) first. Several may fit: takes of one call, equal calls
of one loop, the same cell in a copied notebook. What tells them apart is the *call site*, a cell and the position of
the call in that execution. A site *claims* the recording that answered it, for the life of the kernel, and what another
site has claimed is passed over: a loop of four equal prompts has four pictures, and has them again in the same order.

The road not taken: one cache entry a key. Then two equal cells would share a picture, and another take would have to
overwrite the first one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from imgmagic.exchange import normalise

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True, slots=True)
class CallSite:
    """Which call of which cell asks.

    Parameters
    ----------
    cell_id
        The cell's id; None if the front end sends none (nbclient, a terminal).
    position
        The call's place among the calls of this execution, from 0.
    execution
        A name for this execution, used in place of an id: without one, every execution is a new cell.
    """

    cell_id: str | None = None
    position: int | None = None
    execution: str = ""

    @property
    def name(self) -> str:
        """What recordings and claims know it by; empty if nothing is known."""
        place = self.cell_id or (f"~{self.execution}" if self.execution else "")
        return f"{place}#{self.position or 0}" if place else ""

    @classmethod
    def read(cls, name: str) -> CallSite:
        """Make a call site from its name."""
        place, _, position = name.rpartition("#")
        at = int(position) if position.isdecimal() else 0
        return cls(None, at, place[1:]) if place.startswith("~") else cls(place or None, at)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What must be known of a recorded generation to choose among several.

    Parameters
    ----------
    uid
        Its name in every folder and archive.
    key, operation, prompt
        Of its request.
    site, cell_id, position
        The call that it answered.
    session
        The notebook or kernel that made it.
    real
        False if the built-in sketch engine drew it.
    chosen
        When one of its pictures, or one below them, last became current other than by a replay (ISO, UTC); or empty.
    made
        Its place in the order in which things were made: the folder's own first, then those of a recording.
    source
        The number of the picture that it edited, where that is one of this folder.
    retake
        The name of the `%retake` call that asked for it, or empty.
    shown
        When the cell that asks last replayed it (ISO, UTC); or empty.
    """

    uid: str
    key: str
    operation: str
    prompt: str
    site: str
    cell_id: str | None
    position: int | None
    session: str
    real: bool
    chosen: str
    made: tuple[int, int]
    source: int | None = None
    retake: str = ""
    shown: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that looks for a recording.

    Parameters
    ----------
    key, operation, prompt
        Of the request.
    site
        The call that asks.
    sketching
        Whether the sketch engine would answer now; only then a sketch counts.
    source
        The number of the picture that is edited, where it is one of this folder.
    """

    key: str
    operation: str
    prompt: str
    site: CallSite
    sketching: bool
    source: int | None = None


@dataclass(slots=True)
class Claims:
    """Who has answered whom in this kernel."""

    _answers: dict[tuple[str, str], str] = field(default_factory=dict)
    _owners: dict[str, str] = field(default_factory=dict)
    _last: dict[str, str] = field(default_factory=dict)

    def make(self, site: str, key: str, uid: str) -> None:
        """Let a site own a recording, which answers this key there from now on."""
        self._answers[site, key] = uid
        self._owners[uid] = site
        self._last.pop(site, None)  # put behind the others: the order is that of the last answers
        self._last[site] = uid

    def owner(self, uid: str) -> str:
        """Give the site that owns a recording, or an empty string."""
        return self._owners.get(uid, "")

    def answer(self, site: str, key: str) -> str:
        """Give the recording that answers a key at a site, or an empty string."""
        return self._answers.get((site, key), "")

    def end(self, place: str, calls: int) -> None:
        """Forget what a cell showed with calls that it no longer makes."""
        for site in [each for each in self._last if each.rpartition("#")[0] == place]:
            if int(site.rpartition("#")[2]) >= calls:
                del self._last[site]

    @property
    def shown(self) -> dict[str, str]:
        """What every site shows now, in the order in which they were last answered."""
        return dict(self._last)


def choose(asked: Asked, recorded: Iterable[Recorded], claims: Claims) -> Recorded | None:
    """Choose the recording that answers a request.

    Preferred are, in this order: what the site itself has claimed; the same cell and position; real before sketched;
    the most recently chosen (or shown by this cell); the newest. None of another key, of a sketch where a service would
    answer, or claimed by another site. Nor one that was made from another picture of this folder, though its bytes are
    the same: an engine that gives the same bytes twice makes two pictures, and what was made of the one was not made of
    the other.

    Parameters
    ----------
    asked
        The request.
    recorded
        What is recorded, in any order; other keys are passed over.
    claims
        Who has answered whom in this kernel.
    """
    known = [
        each
        for each in recorded
        if each.key == asked.key
        and (each.real or asked.sketching)
        and (None in {each.source, asked.source} or each.source == asked.source)
    ]
    return _preferred(known, asked, claims)


def substitute(asked: Asked, recorded: Iterable[Recorded], claims: Claims) -> Recorded | None:
    """Choose what a reader without a key sees where nothing recorded fits: the same words, made from another input.

    Only what a real engine made stands in, and only from the same cell or the same position of a call.
    """
    words = normalise(asked.prompt)
    known = [
        each for each in recorded if each.real and each.operation == asked.operation and normalise(each.prompt) == words
    ]
    cell = [each for each in known if each.cell_id is not None and each.cell_id == asked.site.cell_id]
    return _preferred(cell or [each for each in known if each.position == asked.site.position], asked, claims)


def _preferred(known: Sequence[Recorded], asked: Asked, claims: Claims) -> Recorded | None:
    """Choose among recordings that would do, those aside that another call has claimed."""
    site = asked.site.name
    fits = [each for each in known if claims.owner(each.uid) in {"", site}]
    claimed = [each for each in fits if each.uid == claims.answer(site, asked.key)]
    same = claimed or [each for each in fits if each.site == site]
    if same:
        return max(same, key=_rank)
    real = [each for each in fits if each.real] or fits
    if asked.site.cell_id is not None:
        return max(real, key=_rank, default=None)
    # An older take of a call that was answered already is nobody else's answer, unless there is nothing better.
    answered = {each.site for each in known if claims.owner(each.uid)}
    return _in_order([each for each in real if each.site not in answered] or real)


def _rank(each: Recorded) -> tuple[bool, str, tuple[int, int]]:
    """Rank by the last choice.

    What the cell itself has shown since then counts as one: claims end with the kernel, and a notebook that was run to
    its end shows the same in the next one.
    """
    return each.real, max(each.chosen, each.shown), each.made


def _in_order(fits: Sequence[Recorded]) -> Recorded | None:
    """Choose where cells have no ids: equal calls are answered in the order in which they were made.

    Here the most recently chosen would be the last of a loop, and the loop would be shown backwards. So takes of one
    call count as one (the older ones answer only when no other call is left), and among calls of the session that was
    last chosen the first one is next.
    """
    if not fits:
        return None
    latest = max(fits, key=_rank).session
    calls: dict[str, list[Recorded]] = {}
    for each in sorted(fits, key=lambda each: each.made):
        if each.session == latest:
            calls.setdefault(each.site, []).append(each)
    return max(next(iter(calls.values())), key=_rank)
