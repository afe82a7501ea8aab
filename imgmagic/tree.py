"""The history: a tree of pictures, a cursor in it, and the rules by which both move.

Rolling back deletes nothing; it moves the cursor, and the next edit starts a branch. The cursor and the undo stack live
in the kernel; the folder logs every move, so that the next kernel of the same notebook goes on where this one stopped.
Bytes are stored before the row that names them: a crash can leave an orphan file, never a picture without its bytes.
Panel callbacks may come on another thread, so cursor and stacks move under a lock.
"""

from __future__ import annotations

import difflib
import os
import platform
import threading
from dataclasses import replace
from datetime import datetime, timezone
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from imgmagic import columns, folder, refs
from imgmagic.cursor import Cursor
from imgmagic.errors import HistoryError, SettingsError, printable
from imgmagic.exchange import Input, rebuilt
from imgmagic.executions import Step
from imgmagic.formats import sniff
from imgmagic.picture import Generation, Picture
from imgmagic.previews import Previews
from imgmagic.replay import CallSite
from imgmagic.stale import Node, stale
from imgmagic.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    import pandas as pd

    from imgmagic.comparison import Comparison
    from imgmagic.database import Row
    from imgmagic.exchange import Format, ImageRequest, ImageResponse
    from imgmagic.prices import Cost
    from imgmagic.recording import Recording, Written


class History:
    """The pictures of one folder, seen from one session.

    Iterating, ``len`` and negative indices cover the pictures made or replayed in this session; a number or a label
    finds any.

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
        self.previews = Previews(home / "previews")
        self.present: Callable[[Sequence[int]], dict[str, Any]] = lambda numbers: {"text/plain": f"#{numbers[0]}"}
        #: Asked for a number or a label that is not here; True if it has brought the picture in.
        self.elsewhere: Callable[[int | str], bool] = lambda _name: False
        #: Makes the panel; the studio puts it here, since a panel needs one.
        self.open_panel: Callable[[], Any] | None = None
        self._database = folder.opened(home)
        self._lock = threading.RLock()
        self._shown_again: set[int] = set()
        #: Called after every move, on the thread that moved; whoever listens catches what goes wrong there.
        self.watchers: list[Callable[[], None]] = []
        self._last_result: tuple[int, ...] = ()
        last = self._database.last_move(session)
        self._cursor = Cursor(last["picture"] if last else None)
        self.notices = [*self._resumed(last), *folder.lost_flights(self._database)]

    def together(self) -> AbstractContextManager[None]:
        """Give a block in which all that this thread looks up or writes is quicker; nothing is waited for in it."""
        return self._database.together()

    # --- looking ---

    @property
    def cursor(self) -> int | None:
        """The current picture's number, or None; no disk is touched."""
        return self._cursor.number

    @property
    def moves(self) -> int:
        """How often the cursor has moved in this kernel."""
        return self._cursor.moves

    @property
    def current(self) -> Picture | None:
        """The current picture, or None."""
        return None if self.cursor is None else self[self.cursor]

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
        if ref > _LARGEST:
            raise _unknown(ref, self._nearby(_LARGEST))
        row = self._database.picture(ref)
        if row is None and self.elsewhere(ref):
            row = self._database.picture(ref)
        if row is None:
            gone = self._database.forgotten(ref)
            raise _forgotten(ref, gone[0]["at"]) if gone else _unknown(ref, self._nearby(ref))
        return self._picture(row)

    def __iter__(self) -> Iterator[Picture]:
        return iter(self._pictures(self._database.pictures(self.session)))

    def __reversed__(self) -> Iterator[Picture]:
        return iter(list(self)[::-1])

    def __len__(self) -> int:
        return self._database.count(self.session)

    def __repr__(self) -> str:
        current = "no picture" if self.cursor is None else f"#{self.cursor}"
        count = len(self)
        stale = len(self.stale & {picture.number for picture in self})
        old = f", {stale} stale" if stale else ""
        return f"<History of {self.session}: {count} picture{'' if count == 1 else 's'}, current {current}{old}>"

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
            if picture.forgotten_parent is not None:
                raise HistoryError(f"#{picture.forgotten_parent}, which #{picture.number} was made from, is forgotten.")
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
        number = {"number": ref.value, "current": self.cursor, "start": start}[ref.kind]
        if number is None:
            raise HistoryError("There is no current picture.", hint=_IMAGINE_FIRST)
        return number

    def _labelled(self, name: str) -> int:
        labels = self._database.labels()
        if name not in labels and self.elsewhere(name):
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

    def overview(self, after: int = 0, start: int = 160) -> list[Row]:
        """Give what a tree of pictures is drawn from, for every picture of the folder with a number above one.

        Parameters
        ----------
        after
            The number.
        start
            How many characters of a prompt are given.

        Returns
        -------
        list of rows
            number, parent, generation, engine and prompt, by number; one query, no file is read.
        """
        return self._database.overview(after, start)

    @property
    def total(self) -> int:
        """How many pictures the folder has, whichever session made them."""
        return self._database.total()

    # --- what replay looks for ---

    def recorded(self, key: str, cell_id: str | None = None) -> list[Row]:
        """Give what has answered a request's key, and when a cell (None: its own) last replayed it."""
        return self._database.recorded(key, cell_id)

    def worded(self, operation: str, prompt: str, cell_id: str | None = None) -> list[Row]:
        """Give what was made by an operation with exactly these words, as `recorded` does."""
        return self._database.worded(operation, prompt, cell_id)

    def holds(self, uid: str) -> bool:
        """Tell whether a generation is in the folder."""
        return self._database.by_uid(uid) is not None

    def forgotten(self) -> dict[int, Row]:
        """Give what is still known of what was forgotten, by number: uid, position, parent, and when."""
        return {row["number"]: row for row in self._database.forgotten()}

    def gone(self) -> set[str]:
        """Give the names of the generations of which a picture was forgotten."""
        return {row["uid"] for row in self._database.forgotten()}

    def uids(self) -> list[str]:
        """Give the name of every generation of the folder, oldest first."""
        return self._database.uids()

    def last_shown(self) -> dict[str, str]:
        """Give for every call of this session the answer that was last chosen, or shown by its cell."""
        rows = sorted(
            self._database.sited(self.session), key=lambda row: (max(row["chosen"], row["shown"] or ""), row["id"])
        )
        return {row["site"]: row["uid"] for row in rows}

    def has_real(self, cell_id: str | None) -> bool:
        """Tell whether a real engine has made something, for a cell or for anybody."""
        return self._database.any_real(cell_id)

    def takes(self, key: str) -> int:
        """Count the pictures with which a key was answered."""
        return self._database.takes(key)

    def way(self) -> list[Step]:
        """Give the way from the current picture to its root."""
        rows = [] if self.cursor is None else self._database.way(self.cursor)
        gone = rows[-1]["forgotten"] if rows else None
        end = [] if gone is None else [Step(gone, 0, None)]  # whoever starts from there is told that it is forgotten
        return [*(Step(row["number"], row["generation"], row["cell_id"]) for row in rows), *end]

    def replayed(self, cell_id: str) -> set[int]:
        """Give the generations that a cell has replayed."""
        return self._database.replayed_by(cell_id)

    def takes_of(self, number: int, cell_id: str) -> int:
        """Count the answers that a cell has made from a picture."""
        children = self.children(number)
        own = self.replayed(cell_id) | {each.generation.id for each in children if each.generation.cell_id == cell_id}
        return len(own & {each.generation.id for each in children})

    def unpicked(self, picture: Picture | Input) -> str:
        """Say so where a picture is the first of several though nobody has picked it; else nothing."""
        if not isinstance(picture, Picture):
            return ""
        several = len(self._database.siblings(picture.generation.id))
        if several == 1 or picture.position or picture.number in self._cursor.picked:
            return ""
        return f"refining .1 of {several}; `%pick .2` takes another one"

    def request(self, ref: int | str | Picture) -> ImageRequest:
        """Give the request that made a picture, as it was sent.

        Raises
        ------
        HistoryError
            If it was imported, or an input's file is missing or was changed.
        """
        picture = self[ref]
        made = picture.generation
        if made.operation == "import":
            raise HistoryError(f"#{picture.number} was brought in, not made: no request made it.")
        if not made.prompt:
            raise HistoryError(f"The words that made #{picture.number} are forgotten: it cannot be made again.")
        inputs = tuple(self._input(row) for row in self._database.inputs(made.id))
        return rebuilt(made.operation, made.prompt, made.typed, made.request, inputs)

    def _input(self, row: Row) -> Input:
        if row["forgotten"] is not None:
            raise HistoryError(f"It was made from #{row['forgotten']}, which is forgotten: it cannot be made again.")
        if not row["file"]:
            raise HistoryError(
                f"The {row['role']} image that was sent along is not here: it was recorded small, or is forgotten.",
                hint="If it was recorded small, whoever did so can record it again without --small.",
            )
        data = self.store.get(row["file"], row["format"])
        identity = row["identity"] or ("" if row["file"] == row["digest"] else row["digest"])
        return Input(row["role"], data, row["picture"], identity)

    @property
    def replays(self) -> set[int]:
        """The numbers of the pictures that cells of this session have shown from what is recorded."""
        # Its last moves may not have been written yet.
        return self._database.replays(self.session) | self._shown_again

    @property
    def stale(self) -> frozenset[int]:
        """The numbers of the pictures that stand on something which its own cell has since made anew."""
        nodes = [Node(*row) for row in self._database.nodes()]
        way = self._database.way(self.cursor) if self.cursor is not None else []
        return stale(nodes, {row["number"] for row in way})

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
        return self._database.spent(None, _iso(since) if since else "")

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
        if self.cursor is None:
            raise HistoryError("There is no current picture to roll back from.", hint=_IMAGINE_FIRST)
        target = self[ref]
        if target not in self.lineage(self.cursor):
            raise HistoryError(
                f"#{target.number} is no ancestor of #{self.cursor}.",
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
        with self._lock:
            if not self._cursor.can_undo:
                raise HistoryError("There is nothing to undo.")
            self._database.move(self.session, self._cursor.before, _now())
            self._cursor.undo()
        self._tell()
        return self.current

    def redo(self) -> Picture | None:
        """Make the move again that was last taken back.

        Raises
        ------
        HistoryError
            If nothing was taken back since the last move.
        """
        with self._lock:
            if not self._cursor.can_redo:
                raise HistoryError("There is nothing to redo.")
            self._database.move(self.session, self._cursor.after, _now())
            self._cursor.redo()
        self._tell()
        return self.current

    @property
    def can_undo(self) -> bool:
        """Whether there is a move to take back."""
        return self._cursor.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether there is a move to make again."""
        return self._cursor.can_redo

    def _move(self, number: int) -> None:
        with self._lock:
            self._cursor.picked.add(number)
            if number != self.cursor:
                self._database.move(self.session, number, _now())
                self._cursor.go(number)
        self._tell()

    def replay(self, uid: str, *, cell_id: str | None = None, held: bool = False) -> tuple[int, ...]:
        """Let a recorded generation answer a call: its most recently chosen picture becomes current.

        Nothing is written but the move, which is marked as a replay and counts as nobody's choice.

        Parameters
        ----------
        uid
            Its name.
        cell_id
            The cell that shows it now.
        held
            Whether the cursor stays, and goes there only by `follow`.

        Returns
        -------
        tuple of int
            Its pictures' numbers, in the order of the answer.
        """
        row, numbers, target = self._answered(uid)
        with self._lock:
            self._last_result = numbers
            self._shown_again.update(numbers)
            if row["follows"] and not held:
                self._database.replayed(self.session, target, _now(), cell_id)
                if target != self.cursor:
                    self._cursor.go(target)
            else:
                self._database.replayed_in_passing(self.session, target, self.cursor, _now(), cell_id)
        self._tell()
        return numbers

    def forget(self, picture: Picture, digests: Sequence[str]) -> None:
        """Take a picture out of the rows and out of this kernel's moves; `imgmagic.forget` removes its bytes.

        Parameters
        ----------
        picture
            Which; where it is current, its parent becomes so.
        digests
            Of the bytes that no input is to name any more.
        """
        row = self._database.picture(picture.number)
        if row is None:
            raise HistoryError(f"#{picture.number} is gone already.")
        with self._lock:
            self._database.forget(row, _now(), token_hex(32), digests)
            self._last_result = ()
            if self._cursor.drop(picture.number, row["parent"]):
                self._database.move(self.session, self.cursor, _now())
        self._tell()

    def follow(self, uid: str, since: int, *, replay: bool, cell_id: str | None = None) -> None:
        """Go to what a job has brought, as its end does: only if nobody has moved the cursor since it was handed over.

        Parameters
        ----------
        uid
            The generation.
        since
            The count of `moves` at that time.
        replay
            Whether it was recorded; else it has just been made, and whether the cursor went along is kept.
        cell_id
            The cell that shows it.
        """
        if uid in self.gone():
            return
        row, _, target = self._answered(uid)
        with self._lock:
            if self.moves != since:
                if not replay:
                    self._database.stayed(row["id"])
                return
            if row["follows"] and target != self.cursor:
                self._database.move(self.session, target, _now(), replay=replay, cell_id=cell_id)
                self._cursor.go(target, by_job=True)
        self._tell()

    def _answered(self, uid: str) -> tuple[Row, tuple[int, ...], int]:
        """Give a generation's row, its pictures' numbers, and the one of them that was chosen last."""
        row = self._database.by_uid(uid)
        rows = self._database.siblings(row["id"]) if row else []
        if row is None or not rows:
            raise HistoryError("The history's folder is damaged: a generation has no pictures.")
        target = max(rows, key=lambda row: (row["chosen"], -row["position"]))["number"]
        return row, tuple(row["number"] for row in rows), target

    @property
    def jumps(self) -> list[Picture]:
        """Where the cursor was before jobs that have ended moved it, the latest first; empty once anybody else does.

        A call that was handed over while they worked started from there, and its replay does too.
        """
        return [self[number] for number in self._cursor.jumps]

    def _tell(self) -> None:
        for watcher in list(self.watchers):
            watcher()

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
        unmoved_since: int | None = None,
        held: bool = False,
        answers: str = "",
        retake: str = "",
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
        unmoved_since
            A count of `moves`: the cursor stays where it is if there have been others since; whether it did is kept.
        held
            Whether the cursor goes along only later, by `follow`.
        answers
            The key that it answers, if not its request's own: a retake of several answers a call for one.
        retake
            The name of the `%retake` call that asked for it, or empty.
        """
        check_label(label)
        pictures = [columns.picture(self.store, data, position) for position, data in enumerate(response.images)]
        for picture, sent in zip(pictures, response.originals, strict=False):
            picture.update(columns.original(self.store, sent))
        inputs = [columns.sent(self.store, each, position) for position, each in enumerate(request.inputs)]
        row = {
            **columns.of_answer(request, response, site or CallSite(), alt, cost),
            "key": answers or request.key,
            "retake": retake,
            "created": _now(),
            "session": self.session,
        }
        with self._lock:
            if unmoved_since is not None:
                row["follows"] = move = move and self.moves == unmoved_since
            goes = move and not held
            numbers = self._database.add(row, pictures, inputs, label=label, flight=flight, move=goes)
            if goes:
                self._cursor.go(numbers[0], by_job=unmoved_since is not None)
            if move:
                self._last_result = tuple(numbers)
        self._tell()
        return [self[number] for number in numbers]

    def answered(self, picture: Picture) -> int:
        """Count the pictures of the answer that a picture belongs to, those that were forgotten included."""
        return self._database.answered(picture.generation.id)

    def take_in(self, data: bytes, name: str) -> Picture:
        """Make a root of a picture that no engine made; the same bytes again give the same root. The cursor stays.

        Parameters
        ----------
        data
            The encoded picture.
        name
            What to call it, in the place of a prompt.
        """
        row = {**columns.of_import(name), "created": _now(), "session": self.session}
        number = self._database.take_in(row, columns.picture(self.store, data, 0))
        self._tell()
        return self[number]

    def adopt(self, request: ImageRequest) -> ImageRequest:
        """Make a request one of this folder, just before it is sent: its source is a picture here, imported if need be.

        A picture of another folder has its number there, which means nothing here.
        """
        inputs = [each if self._is_here(each) else replace(each, number=None) for each in request.inputs]
        for index, each in enumerate(inputs):
            if each.role == "source" and each.number is None:
                name = each.name or "a picture of another folder"
                inputs[index] = replace(each, number=self.take_in(each.data, name).number)
        return replace(request, inputs=tuple(inputs))

    def _is_here(self, each: Input) -> bool:
        """Tell whether an input is the picture of its number in this folder."""
        row = None if each.number is None else self._database.picture(each.number)
        return row is not None and row["digest"] == each.known_as

    # --- comparing ---

    def compare(
        self,
        a: int | str | Picture | None = None,
        b: int | str | Picture = "@",
        *,
        mask: Any = None,
        threshold: int = 8,
    ) -> Comparison:
        """Compare two pictures pixel by pixel; the result shows before, after, and a map of what changed.

        Parameters
        ----------
        a
            The picture before; None for the one that ``b`` was made from.
        b
            The picture after, by default the current one. If it has another size than ``a``, it is resized to that,
            which is said.
        mask
            Where a change is expected: an array of bool (True is inside) or any other MASK. None takes the mask that
            ``b`` was made with, if it was made from ``a``.
        threshold
            By how many levels, 0 to 255, a channel may move before its pixel counts as changed. Encoding a picture
            anew as a good JPEG moves most pixels, and fewer than one in a hundred by more than 8.

        Raises
        ------
        HistoryError
            If there is no such picture, or its file is missing or was changed.
        ImageError
            If a picture cannot be decoded, or the mask does not fit ``a``.
        """
        from imgmagic.comparison import compared, earlier

        if threshold not in range(256):
            raise HistoryError(f"threshold is {printable(repr(threshold), 20)}: a whole number from 0 to 255.")
        after = self[b]
        return compared(earlier(after) if a is None else self[a], after, mask, threshold)

    def to_frame(self, *, everything: bool = False) -> pd.DataFrame:
        """Give the pictures as a table of pandas, one a row, by number.

        Parameters
        ----------
        everything
            Whether all pictures of the folder are in it, or those that were made or replayed in this session.

        Returns
        -------
        pandas.DataFrame
            Columns: `frame.COLUMNS`. ``text_in``, ``image_in`` and ``out`` are the tokens of the whole call, and
            ``cost_usd`` is a picture's share of its cost, for a ``recorded`` one of what it cost whoever recorded it.

        Raises
        ------
        SettingsError
            If pandas is not installed: ``pip install "jupyter-imgmagic[frame]"``.
        """
        from imgmagic.frame import framed

        return framed(self, self.all if everything else list(self))

    # --- recordings ---

    def export(self, path: str | Path, *, small: bool = False) -> Path:
        """Record the whole folder, for others to load or to replay.

        Parameters
        ----------
        path
            The file; ``.imgmagic.zip`` is added where it is missing.
        small
            Whether to record previews in place of the originals.

        Returns
        -------
        Path
            The file.
        """
        return self.record(path, self.uids(), small=small)[0]

    def record(self, path: str | Path, uids: Sequence[str], *, small: bool = False) -> tuple[Path, Written]:
        """Record some generations, with what they were made from; gives the file, and how much went into it."""
        from imgmagic import packing, recording  # not needed to show again what is in the folder

        target = recording.named(path)
        return target, recording.write(
            target,
            packing.packed(self._database, uids),
            self.store.get,
            notebook=self.session,
            small=small,
            shrink=_shrunk,
        )

    def load(self, source: str | Path) -> list[Picture]:
        """Bring in everything that a recording holds; the cursor stays.

        Parameters
        ----------
        source
            The file, or its ``https:`` address.

        Returns
        -------
        list of Picture
            What was not here before.

        Raises
        ------
        HistoryError
            If it is no recording, or damaged: then nothing of it is brought in.
        """
        from imgmagic import recording

        with recording.local(source) as path:
            book = recording.Recording.open(path)
            for each in book.generations:
                for picture in each.pictures:
                    book.read(picture)  # all of it is looked at before any of it comes in
            return self.bring(book, [each.uid for each in book.generations])

    def bring(self, book: Recording, uids: Sequence[str]) -> list[Picture]:
        """Bring recorded generations into the folder; what is here already stays as it is."""
        from imgmagic import packing

        numbers: list[int] = []
        for uid in uids:
            for row, pictures, inputs in packing.unpacked(
                book, uid, self._database, self.store, origin=self.origin_of(book)
            ):
                new = self._database.add(row, pictures, inputs, label=None, flight=None, move=False)
                numbers += new
                self._label_new(book, row["uid"], new)
        self._tell()
        return [self[number] for number in numbers]

    def _label_new(self, book: Recording, uid: str, numbers: Sequence[int]) -> None:
        """Give what came in its labels, those aside that name something here already."""
        made = next(each for each in book.generations if each.uid == uid)
        for picture, number in zip(made.pictures, numbers, strict=True):
            if picture.label and picture.label not in self._database.labels():
                self._database.label(picture.label, number)

    def origin_of(self, book: Recording) -> str:
        """Say how a recording is called in the folder."""
        return f"{book.path.name} {book.made}"

    def reserve(self, highest: int) -> None:
        """Keep the numbers up to this one free for recorded pictures, in a folder that has never had any."""
        self._database.reserve_numbers(highest)

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

    def unlabel(self, ref: int | str | Picture) -> Picture:
        """Take a picture's label away, if it has one."""
        picture = self[ref]
        self._database.unlabel(picture.number)
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

    def depart(self, engine: str, usd: float, budget: float, since: datetime, *, sent: bool = True) -> int:
        """Write down that a paid request is about to be sent; `add` or `arrive` takes the note away.

        Parameters
        ----------
        engine
            Who is asked.
        usd
            What the call is expected to cost in US dollars.
        budget
            What may be spent since a moment (aware), what is on its way in every kernel included.
        since
            That moment.
        sent
            False if the request waits for its turn first; `leave` says when it goes.

        Raises
        ------
        SettingsError
            If the call would burst the budget.
        """
        flight = {"engine": engine, "usd": usd, "started": _now(), "host": platform.node(), "pid": os.getpid()}
        key, spent = self._database.depart(flight | {"sent": sent}, budget, _iso(since))
        if key is None:
            raise SettingsError(
                f"${spent:.2f} of ${budget:.2f} spent today, this call ≈${usd:.2f}, not sent.",
                hint=f"Raise it with `%config ImgMagic.budget_usd = {max(1, round(budget * 2))}`.",
            )
        return key

    def leave(self, flight: int) -> None:
        """Note that a request which waited for its turn is sent now."""
        self._database.sent(flight)

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
        """List everything that is damaged, each with what to do about it; empty if all is well."""
        from imgmagic import damage

        return damage.found(self._database, self.store, self.previews)

    # --- what forgetting and pruning ask ---

    def inputs(self, picture: Picture) -> list[Row]:
        """Give what was sent along with the request that made a picture."""
        return self._database.inputs(picture.generation.id)

    def sent_with(self, digests: Collection[str]) -> set[int]:
        """Give the generations that were sent any of these bytes."""
        return {row["generation"] for row in self._database.inputs() if row["file"] in digests}

    def said(self, *words: str) -> list[int]:
        """Give the numbers of the pictures that were made with exactly these words, before or after substitution."""
        wanted = set(filter(None, words))
        return [row["number"] for row in self._database.prompts() if {row["typed"], row["prompt"]} & wanted]

    def made_here(self, uids: Iterable[str]) -> bool:
        """Tell whether all of these generations were made in this folder, not brought in by a recording."""
        rows = [self._database.by_uid(uid) for uid in uids]
        return all(row is not None and not row["origin"] for row in rows)

    def needed(self) -> set[Path]:
        """Give every file of the store that a picture or an input is kept in."""
        return folder.needed(self._database, self.store)

    def flights(self) -> list[Row]:
        """Give the paid requests that are on their way, in whichever kernel."""
        return folder.flights(self._database)

    def drop_inputs(self) -> None:
        """Take out what was sent along for pictures that are not here any more."""
        self._database.drop_inputs()

    def compact(self) -> None:
        """Write the database's file anew, without what was deleted from it."""
        self._database.compact()

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
        if last is None or self.cursor is None:
            return []
        row = self._database.picture(self.cursor)
        if row is None:
            self._cursor = Cursor()
            return []
        name = f" '{printable(row['label'], 40)}'" if row["label"] else ""
        try:
            used = datetime.fromisoformat(last["at"]).astimezone()
        except (ValueError, TypeError) as exc:
            raise HistoryError("The history's folder is damaged: a move has no date.") from exc
        return [f"continuing from #{self.cursor}{name}, last used {used.day} {used:%b}"]


def _forgotten(number: int, at: str) -> HistoryError:
    return HistoryError(
        f"#{number} was forgotten on {at[:10]}: its words and its bytes are gone.",
        hint="`%pick REF` goes on with another one, `--from REF` edits one.",
    )


def _unknown(number: int, nearby: str) -> HistoryError:
    return HistoryError(f"There is no picture #{number}.", hint=nearby)


#: What a small recording holds of a picture: as much as a notebook shows of it.
_SMALL_PX, _SMALL_BYTES = 512, 60_000

#: The largest number that the database knows.
_LARGEST = 2**63 - 1

_IMAGINE_FIRST = "Make one first: `%%imagine`, and the words in the lines below it."


def _shrunk(data: bytes) -> tuple[bytes, Format]:
    """Give the preview that a small recording holds."""
    from imgmagic import images

    small = images.preview(images.decode(data), _SMALL_PX, _SMALL_BYTES)
    return small.data, sniff(small.data)


def check_label(name: str | None) -> None:
    """Refuse what cannot be a label; None is fine.

    Raises
    ------
    HistoryError
        If ``name`` is not a letter followed by letters, digits, ``_`` and ``-``.
    """
    if name is not None and not refs.LABEL.fullmatch(str(name)):
        raise HistoryError(f"'{printable(str(name), 60)}' is no label: a letter, then letters, digits, _ and -.")


def _now() -> str:
    return _iso(datetime.now(timezone.utc))


def _iso(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).isoformat(timespec="microseconds")
