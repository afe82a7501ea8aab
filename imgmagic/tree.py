"""The history: a tree of pictures, a cursor in it, and the rules by which both move.

Rolling back deletes nothing; it moves the cursor, and the next edit starts a branch. The cursor and the undo stack live
in the kernel; the folder logs every move, so that the next kernel of the same notebook goes on where this one stopped.
Bytes are stored before the row that names them: a crash can leave an orphan file, never a picture without its bytes.
Panel callbacks may come on another thread, so cursor and stacks move under a lock.
"""

from __future__ import annotations

import difflib
import json
import os
import platform
import threading
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from imgmagic import folder, refs
from imgmagic.errors import HistoryError, printable
from imgmagic.picture import Generation, Picture
from imgmagic.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from imgmagic.database import Row
    from imgmagic.exchange import ImageRequest, ImageResponse
    from imgmagic.prices import Cost


@dataclass(frozen=True, slots=True)
class CallSite:
    """Which call of which cell asks: the cell's id, and the call's position (from 0) in this execution."""

    cell_id: str | None = None
    position: int | None = None


class History:
    """The pictures of one folder, seen from one session.

    Iterating, ``len`` and negative indices cover the pictures made in this session; a number or a label finds any.

    Parameters
    ----------
    home
        The folder: ``history.db`` and ``objects/``. Made if it is not there.
    session
        The notebook or kernel whose cursor this is.
    """

    def __init__(self, home: Path, session: str) -> None:
        self.home = home
        self.session = session
        self.store = Store(home / "objects")
        self.present: Callable[[Sequence[int]], dict[str, Any]] = lambda numbers: {"text/plain": f"#{numbers[0]}"}
        #: Makes the panel; the studio puts it here, since a panel needs one.
        self.open_panel: Callable[[], Any] | None = None
        self._database = folder.opened(home)
        self._lock = threading.RLock()
        self._undo: list[int | None] = []
        self._redo: list[int | None] = []
        #: How often the cursor has moved in this kernel.
        self.moves = 0
        #: Called after every move, on the thread that moved; whoever listens catches what goes wrong there.
        self.watchers: list[Callable[[], None]] = []
        self._last_result: tuple[int, ...] = ()
        last = self._database.last_move(session)
        self._cursor: int | None = last["picture"] if last else None
        self.notices = [*self._resumed(last), *folder.lost_flights(self._database)]

    # --- looking ---

    @property
    def cursor(self) -> int | None:
        """The current picture's number, or None; no disk is touched."""
        return self._cursor

    @property
    def current(self) -> Picture | None:
        """The current picture, or None."""
        return None if self._cursor is None else self[self._cursor]

    def __getitem__(self, ref: int | str | Picture) -> Picture:
        """Give a picture by number, by REF, (negative) from the end of this session, or itself.

        Raises
        ------
        HistoryError
            If there is none.
        """
        if isinstance(ref, Picture):
            return ref
        if isinstance(ref, str):
            return self.find(ref)
        if not isinstance(ref, int):
            raise HistoryError(f"{printable(repr(ref), 60)} names no picture: a number, a label or a REF does.")
        if ref < 0:
            mine = list(self)
            if -ref > len(mine):
                raise HistoryError(f"This session has {len(mine)} pictures; there is no [{ref}].")
            return mine[ref]
        row = self._database.picture(ref)
        if row is None:
            raise HistoryError(f"There is no picture #{ref}.", hint=self._nearby(ref))
        return self._picture(row)

    def __iter__(self) -> Iterator[Picture]:
        return iter(self._pictures(self._database.pictures(self.session)))

    def __len__(self) -> int:
        return self._database.count(self.session)

    def __repr__(self) -> str:
        current = "no picture" if self._cursor is None else f"#{self._cursor}"
        count = len(self)
        return f"<History of {self.session}: {count} picture{'' if count == 1 else 's'}, current {current}>"

    def _repr_html_(self) -> str | None:
        """Show the newest pictures of the session."""
        newest = self._database.pictures(self.session)[-12:]
        return self.present([row["number"] for row in newest]).get("text/html") if newest else None

    @property
    def all(self) -> list[Picture]:
        """Every picture of the folder, whichever session made it."""
        return self._pictures(self._database.pictures())

    @property
    def roots(self) -> list[Picture]:
        """The pictures of this session that were not edited from another."""
        return [picture for picture in self if picture._parent is None]

    def find(self, ref: str, *, start: int | None = None) -> Picture:
        """Give the picture that a REF names.

        Parameters
        ----------
        ref
            ``7``, ``#7``, a label, ``@``, ``@~2``, ``@start`` or ``.2``.
        start
            What ``@start`` is: the number that was current when the cell began.

        Raises
        ------
        HistoryError
            If it names none; the nearest candidates are listed.
        """
        parsed = refs.parse(ref)
        picture = self[self._number(parsed, start)]
        for _ in range(parsed.steps):
            above = picture.parent
            if above is None:
                raise HistoryError(f"'{ref}' goes past the beginning: #{picture.number} has no parent.")
            picture = above
        return picture

    def _number(self, ref: refs.Ref, start: int | None) -> int:
        """Give the number from which a REF's steps are counted."""
        if isinstance(ref.value, str):
            return self._labelled(ref.value)
        if ref.kind == "nth":
            if not 1 <= int(ref.value or 0) <= len(self._last_result):
                had = len(self._last_result)
                raise HistoryError(f".{ref.value}: the last result has {had} picture{'s' if had != 1 else ''}.")
            return self._last_result[int(ref.value or 0) - 1]
        number = {"number": ref.value, "current": self._cursor, "start": start}[ref.kind]
        if number is None:
            raise HistoryError("There is no current picture.", hint=_IMAGINE_FIRST)
        return number

    def _labelled(self, name: str) -> int:
        labels = self._database.labels()
        if name in labels:
            return labels[name]
        near = difflib.get_close_matches(name, labels, n=3) or list(labels)[:5]
        hint = f"Did you mean {' or '.join(near)}?" if near else "No picture has a label yet: --label NAME sets one."
        raise HistoryError(f"No picture is labelled '{printable(name, 60)}'.", hint=hint)

    def newest(self) -> int | None:
        """Give the highest number of the folder, whichever session made it; None if there is none."""
        return self._database.newest()

    def children(self, ref: int | str | Picture) -> list[Picture]:
        """Give the pictures edited from one, oldest first."""
        return self._pictures(self._database.children(self[ref].number))

    def siblings(self, picture: Picture) -> list[Picture]:
        """Give the pictures of the same answer, itself included."""
        return [self._picture(row, picture.generation) for row in self._database.siblings(picture.generation.id)]

    def lineage(self, ref: int | str | Picture = "@") -> list[Picture]:
        """Give the way from the root to a picture, both included."""
        way = [self[ref]]
        while (above := way[-1].parent) is not None:
            if above in way:
                raise HistoryError(f"The history's folder is damaged: #{above.number} is its own ancestor.")
            way.append(above)
        return way[::-1]

    def search(self, words: str) -> list[Picture]:
        """Give the pictures whose prompt or label has all the words, upper or lower case, oldest first."""
        return [self[number] for number in self.found(words)]

    def found(self, words: str) -> list[int]:
        """Give the numbers of what `search` gives."""
        wanted = words.casefold().split()
        found = []
        for row in self._database.prompts():
            text = " ".join(str(row[name] or "") for name in ("typed", "prompt", "label")).casefold()
            if all(word in text for word in wanted):
                found.append(row["number"])
        return found

    def overview(self, after: int = 0, start: int = 200) -> list[dict[str, Any]]:
        """Give what a tree of pictures is drawn from, for every picture of the folder with a number above one.

        Parameters
        ----------
        after
            The number.
        start
            How many characters of a prompt are given.

        Returns
        -------
        list of dict
            number, parent, generation, engine, prompt and created, by number; one query, no file is read.
        """
        return [dict(row) for row in self._database.overview(after, start)]

    @property
    def total(self) -> int:
        """How many pictures the folder has, whichever session made them."""
        return self._database.total()

    def label_of(self, number: int) -> str | None:
        """Give a picture's label, or None."""
        row = self._database.picture(number)
        return row["label"] if row else None

    @property
    def labels(self) -> dict[str, int]:
        """Every label of the folder with the number it names."""
        return self._database.labels()

    def cost(self) -> float:
        """Sum what this session's calls cost in US dollars, as far as it is known."""
        return self._database.spent(self.session)

    def spent(self, *, since: datetime | None = None) -> float:
        """Sum what all calls of the folder cost in US dollars since a moment (aware), or ever."""
        moment = since.astimezone(timezone.utc).isoformat(timespec="milliseconds") if since else ""
        return self._database.spent(None, moment)

    def panel(self) -> Any:
        """Give the panel, a widget that shows itself in a notebook; `%images` shows the same.

        Raises
        ------
        HistoryError
            If the history belongs to no studio.
        """
        if self.open_panel is None:
            raise HistoryError("A panel needs a studio: `Studio(home).history.panel()`.")
        return self.open_panel()

    # --- moving ---

    def pick(self, ref: int | str | Picture) -> Picture:
        """Make any picture current."""
        picture = self[ref]
        self._move(picture.number)
        return picture

    def rollback(self, ref: int | str | Picture = "@~1") -> Picture:
        """Go back to an ancestor of the current picture; nothing is deleted.

        Raises
        ------
        HistoryError
            If the picture is no ancestor of the current one.
        """
        if self._cursor is None:
            raise HistoryError("There is no current picture to roll back from.", hint=_IMAGINE_FIRST)
        target = self[ref]
        if target not in self.lineage(self._cursor):
            raise HistoryError(
                f"#{target.number} is no ancestor of #{self._cursor}.",
                hint=f"`%pick {target.number}` makes any picture current.",
            )
        self._move(target.number)
        return target

    def undo(self) -> Picture | None:
        """Take back the last move of the cursor, whatever made it.

        Raises
        ------
        HistoryError
            At the beginning of this kernel's moves.
        """
        return self._step(self._undo, self._redo, "undo")

    def redo(self) -> Picture | None:
        """Make the move again that was last taken back.

        Raises
        ------
        HistoryError
            If nothing was taken back since the last move.
        """
        return self._step(self._redo, self._undo, "redo")

    @property
    def can_undo(self) -> bool:
        """Whether there is a move to take back."""
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        """Whether there is a move to make again."""
        return bool(self._redo)

    def _step(self, source: list[int | None], target: list[int | None], verb: str) -> Picture | None:
        with self._lock:
            if not source:
                raise HistoryError(f"There is nothing to {verb}.")
            self._database.move(self.session, source[-1], _now())
            target.append(self._cursor)
            self._cursor = source.pop()
            self.moves += 1
        self._tell()
        return self.current

    def _move(self, number: int) -> None:
        with self._lock:
            if number != self._cursor:
                self._database.move(self.session, number, _now())
                self._moved(number)
        self._tell()

    def _tell(self) -> None:
        for watcher in list(self.watchers):
            watcher()

    def _moved(self, number: int) -> None:
        self._undo.append(self._cursor)
        self._redo.clear()
        self._cursor = number
        self.moves += 1

    # --- writing ---

    def add(
        self,
        request: ImageRequest,
        response: ImageResponse,
        *,
        site: CallSite | None = None,
        alt: str | None = None,
        label: str | None = None,
        cost: Cost | None = None,
        flight: int | None = None,
        move: bool = True,
    ) -> list[Picture]:
        """Keep an answer: first its bytes, then its rows; the first picture becomes current.

        Parameters
        ----------
        request, response
            What was asked and what came.
        site
            The call that asked.
        alt
            Alternative text; default: the prompt.
        label
            Names the first picture.
        cost
            What the call cost, if known.
        flight
            The note that a paid request was on its way; removed with the same commit.
        move
            False keeps the cursor where it is, for an answer that nobody waited for.
        """
        check_label(label)
        site = site or CallSite()
        pictures = [self._kept(data, position) for position, data in enumerate(response.images)]
        inputs = [self._kept_input(each, position) for position, each in enumerate(request.inputs)]
        row = {
            "operation": request.operation,
            "typed": request.typed or request.prompt,
            "prompt": request.prompt,
            "alt": alt or request.prompt,
            "params": json.dumps({**asked(request), **response.details}, ensure_ascii=False),
            "key": request.key,
            "engine": response.engine,
            "model": response.model,
            "request_id": response.request_id,
            "caption": response.caption,
            "text_in": response.usage and response.usage.text_in,
            "image_in": response.usage and response.usage.image_in,
            "out": response.usage and response.usage.out,
            "cost_usd": cost.usd if cost else None,
            "cost_as": cost.assumed if cost else "",
            "seconds": response.seconds,
            "created": _now(),
            "session": self.session,
            "cell_id": site.cell_id,
            "position": site.position,
        }
        with self._lock:
            numbers = self._database.add(row, pictures, inputs, label=label, flight=flight, move=move)
            if move:
                self._moved(numbers[0])
                self._last_result = tuple(numbers)
        self._tell()
        return [self[number] for number in numbers]

    def _kept(self, data: bytes, position: int) -> dict[str, Any]:
        from imgmagic import images

        kind = images.sniff(data)
        width, height = images.dimensions(data)
        digest = self.store.put(data, kind)
        return {"position": position, "digest": digest, "format": kind, "width": width, "height": height}

    def _kept_input(self, each: Any, position: int) -> dict[str, Any]:
        from imgmagic import images

        kind = images.sniff(each.data)
        digest = self.store.put(each.data, kind)
        return {"position": position, "role": each.role, "digest": digest, "format": kind, "picture": each.number}

    def label(self, ref: int | str | Picture, name: str) -> Picture:
        """Name a picture; a label set again moves.

        Raises
        ------
        HistoryError
            If ``name`` is no label: a letter, then letters, digits, ``_`` and ``-``.
        """
        if not isinstance(name, str):
            raise HistoryError(f"{name!r} is no label: a letter, then letters, digits, _ and -.")
        check_label(name)
        picture = self[ref]
        self._database.label(name, picture.number)
        self._tell()
        return picture

    @property
    def stars(self) -> set[int]:
        """The numbers of the pictures that have a star, in the whole folder."""
        return self._database.stars()

    def star(self, ref: int | str | Picture, on: bool = True) -> Picture:  # noqa: FBT001, FBT002  reads well: star(7)
        """Give a picture a star, or take it away again: a mark for what is worth finding later, like a label."""
        picture = self[ref]
        self._database.star(picture.number, on=on)
        self._tell()
        return picture

    def depart(self, engine: str, usd: float = 0.0) -> int:
        """Write down that a paid request is about to be sent; `add` or `arrive` takes the note away.

        Parameters
        ----------
        engine
            Who is asked.
        usd
            What the call is expected to cost in US dollars.
        """
        flight = {"engine": engine, "usd": usd, "started": _now(), "host": platform.node(), "pid": os.getpid()}
        return self._database.depart(flight)

    def expected(self) -> float:
        """Sum what the calls on their way, of every kernel, are expected to cost in US dollars."""
        return float(sum(row["usd"] for row in self._database.flights()))

    def costs(self) -> list[dict[str, Any]]:
        """Give what every call of the folder cost, oldest first: session, cell, engine, model, US dollars, time."""
        return [dict(row) for row in self._database.costs()]

    def arrive(self, flight: int) -> None:
        """Take away the note of a request that ended without pictures."""
        self._database.arrive(flight)

    def check(self) -> list[str]:
        """List everything that is damaged, one sentence a problem; empty if all is well."""
        return folder.check(self._database, self.store)

    # --- rows to values ---

    def _pictures(self, rows: Sequence[Row]) -> list[Picture]:
        found = self._database.generations({row["generation"] for row in rows})
        generations = {row["id"]: Generation.read(row) for row in found}
        return [self._picture(row, generations.get(row["generation"])) for row in rows]

    def _picture(self, row: Row, generation: Generation | None = None) -> Picture:
        return Picture.read(row, generation or self._generation(row["generation"]), self)

    def _generation(self, key: int) -> Generation:
        rows = self._database.generations({key})
        if not rows:
            raise HistoryError("The history's folder is damaged: a picture's generation is missing.")
        return Generation.read(rows[0])

    def _nearby(self, number: int) -> str:
        """Name the numbers around one that does not exist."""
        numbers = sorted((row["number"] for row in self._database.prompts()), key=lambda each: abs(each - number))
        if not numbers:
            return _IMAGINE_FIRST
        return f"The nearest are {', '.join(f'#{each}' for each in sorted(numbers[:3]))}."

    # --- what the first call says ---

    def _resumed(self, last: Row | None) -> list[str]:
        """Say from where a new kernel goes on; a current picture that is gone is no reason to fail."""
        if last is None or self._cursor is None:
            return []
        row = self._database.picture(self._cursor)
        if row is None:
            self._cursor = None
            return []
        name = f" '{printable(row['label'], 40)}'" if row["label"] else ""
        try:
            used = datetime.fromisoformat(last["at"]).astimezone()
        except (ValueError, TypeError) as exc:
            raise HistoryError("The history's folder is damaged: a move has no date.") from exc
        return [f"continuing from #{self._cursor}{name}, last used {used.day} {used:%b}"]


_IMAGINE_FIRST = "Make one first: `%%imagine`, and the words in the lines below it."


def check_label(name: str | None) -> None:
    """Refuse what cannot be a label; None is fine.

    Raises
    ------
    HistoryError
        If ``name`` is not a letter followed by letters, digits, ``_`` and ``-``.
    """
    if name is not None and not refs.LABEL.fullmatch(name):
        raise HistoryError(f"'{printable(name, 60)}' is no label: a letter, then letters, digits, _ and -.")


def asked(request: ImageRequest) -> dict[str, Any]:
    """Give what was asked for besides words, for `picture.params`; a refine inherits from it."""
    asked = {name: getattr(request, name) for name in ("n", "size", "quality", "background", "format")}
    optional = {"compression": request.compression, "moderation": request.moderation, "model": request.model}
    return asked | {name: value for name, value in optional.items() if value is not None} | dict(request.params)


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")
