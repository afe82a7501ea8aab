"""The rows of the history: the only module that imports sqlite3, and the only one that knows its tables.

A connection per operation: panel callbacks come on another thread, kernels are forked and killed, and a connection that
lives for one operation has no thread rule, no fork rule and nothing to close. To open one takes longer than to ask it
something, so several questions in a row can be made one operation (`Database.together`). Default journal mode, since
WAL does not work on the network file systems where notebooks often live. A broken database is reported with its path
and never moved or rewritten, because what it remembers cost money.

Picture numbers are AUTOINCREMENT: unique in the folder, never used twice. The tree is the input whose role is
``source``; there is no second place that names a parent. Cursor moves are a log: the last one of a session is where it
goes on. Moves made by a replay are marked; the others leave their time (`picture.chosen`) on the picture and on
everything above it, so that "most recently chosen" is one look at one row.

A picture's `digest` is that of what was made, its `file` that of what the store holds; they differ where a recording
brought only a preview.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from imgmagic.errors import HistoryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

#: One script a version; a folder is brought up to date by the ones it lacks.
MIGRATIONS = (
    """
    CREATE TABLE generation (
        id INTEGER PRIMARY KEY,
        operation TEXT NOT NULL, typed TEXT NOT NULL, prompt TEXT NOT NULL, alt TEXT NOT NULL,
        params TEXT NOT NULL, key TEXT NOT NULL,
        engine TEXT NOT NULL, model TEXT NOT NULL, request_id TEXT NOT NULL, caption TEXT NOT NULL,
        text_in INTEGER, image_in INTEGER, out INTEGER, cost_usd REAL, cost_as TEXT NOT NULL,
        seconds REAL NOT NULL, created TEXT NOT NULL,
        session TEXT NOT NULL, cell_id TEXT, position INTEGER
    );
    CREATE INDEX generation_key ON generation (key);
    CREATE INDEX generation_session ON generation (session);
    CREATE TABLE picture (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        generation INTEGER NOT NULL REFERENCES generation,
        position INTEGER NOT NULL,
        digest TEXT NOT NULL, format TEXT NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL
    );
    CREATE INDEX picture_generation ON picture (generation);
    CREATE TABLE input (
        generation INTEGER NOT NULL REFERENCES generation,
        position INTEGER NOT NULL,
        role TEXT NOT NULL, digest TEXT NOT NULL, format TEXT NOT NULL,
        picture INTEGER REFERENCES picture,
        PRIMARY KEY (generation, position)
    );
    CREATE INDEX input_picture ON input (picture);
    CREATE TABLE label (name TEXT PRIMARY KEY NOT NULL, picture INTEGER NOT NULL REFERENCES picture);
    CREATE TABLE move (
        id INTEGER PRIMARY KEY, session TEXT NOT NULL, picture INTEGER REFERENCES picture, at TEXT NOT NULL
    );
    CREATE INDEX move_session ON move (session);
    CREATE TABLE flight (
        id INTEGER PRIMARY KEY, engine TEXT NOT NULL, usd REAL NOT NULL, started TEXT NOT NULL,
        host TEXT NOT NULL, pid INTEGER NOT NULL
    );
    """,
    # Replay: what a generation is known by in every folder, which call it answers, and when it was last chosen.
    """
    ALTER TABLE generation ADD COLUMN uid TEXT NOT NULL DEFAULT '';
    UPDATE generation SET uid = lower(hex(randomblob(16)));
    CREATE UNIQUE INDEX generation_uid ON generation (uid);
    ALTER TABLE generation ADD COLUMN site TEXT NOT NULL DEFAULT '';
    UPDATE generation SET site = coalesce(cell_id, '~' || session || '.' || id) || '#' || coalesce(position, 0);
    CREATE INDEX generation_site ON generation (site);
    ALTER TABLE generation ADD COLUMN retake TEXT NOT NULL DEFAULT '';
    ALTER TABLE generation ADD COLUMN request TEXT NOT NULL DEFAULT '';
    ALTER TABLE generation ADD COLUMN origin TEXT NOT NULL DEFAULT '';
    ALTER TABLE generation ADD COLUMN follows INTEGER NOT NULL DEFAULT 1;
    ALTER TABLE picture ADD COLUMN file TEXT NOT NULL DEFAULT '';
    UPDATE picture SET file = digest;
    ALTER TABLE picture ADD COLUMN chosen TEXT NOT NULL DEFAULT '';
    UPDATE picture SET chosen = coalesce((SELECT max(at) FROM move WHERE move.picture = picture.number), '');
    ALTER TABLE input ADD COLUMN identity TEXT NOT NULL DEFAULT '';
    ALTER TABLE input ADD COLUMN file TEXT NOT NULL DEFAULT '';
    UPDATE input SET file = digest;
    ALTER TABLE move ADD COLUMN replay INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE move ADD COLUMN cell_id TEXT;
    ALTER TABLE flight ADD COLUMN sent INTEGER NOT NULL DEFAULT 1
    """,
    # What the engine sent, where the picture is not that itself.
    """
    ALTER TABLE picture ADD COLUMN original TEXT;
    ALTER TABLE picture ADD COLUMN original_format TEXT
    """,
    # What a cell has shown is asked for by every call.
    """
    CREATE INDEX move_picture ON move (picture);
    CREATE INDEX move_cell ON move (cell_id)
    """,
    # What was forgotten: that there was a picture of this number, and whose child it was; nothing of what it showed.
    """
    CREATE TABLE forgotten (
        number INTEGER PRIMARY KEY, generation INTEGER NOT NULL REFERENCES generation, uid TEXT NOT NULL,
        position INTEGER NOT NULL, parent INTEGER, at TEXT NOT NULL
    );
    CREATE INDEX forgotten_generation ON forgotten (generation);
    ALTER TABLE input ADD COLUMN forgotten INTEGER
    """,
    # A mark for what is worth finding again.
    """
    CREATE TABLE star (picture INTEGER PRIMARY KEY NOT NULL REFERENCES picture ON DELETE CASCADE);
    """,
)

Row = sqlite3.Row

#: Pictures that a session made, or that its cells have replayed.
_IN_SESSION = """(generation.session = ? OR generation.id IN (
    SELECT picture.generation FROM move JOIN picture ON picture.number = move.picture
    WHERE move.session = ? AND move.replay
))"""

# UNION and a depth, so that a manipulated folder whose pictures are each other's parents comes to an end.
_PATH = """
    WITH RECURSIVE up (number, depth) AS (
        SELECT ?, 0
        UNION
        SELECT source.picture, depth + 1 FROM up
        JOIN picture ON picture.number = up.number
        JOIN input AS source ON source.generation = picture.generation AND source.role = 'source'
        WHERE source.picture IS NOT NULL AND depth < 100000
    )
    SELECT picture.number, picture.generation, generation.cell_id, generation.site,
        (SELECT forgotten FROM input WHERE input.generation = generation.id AND role = 'source') AS forgotten
    FROM up JOIN picture ON picture.number = up.number JOIN generation ON generation.id = picture.generation
    ORDER BY depth
"""

_CHOOSE = """
    WITH RECURSIVE up (number) AS (
        SELECT ?
        UNION
        SELECT source.picture FROM up
        JOIN picture ON picture.number = up.number
        JOIN input AS source ON source.generation = picture.generation AND source.role = 'source'
        WHERE source.picture IS NOT NULL
    )
    UPDATE picture SET chosen = ? WHERE number IN (SELECT number FROM up)
"""

_RECORDED = """
    SELECT id, uid, key, operation, prompt, site, cell_id, position, session, engine, created, retake, origin,
        (SELECT picture FROM input WHERE input.generation = generation.id AND role = 'source') AS source,
        (SELECT max(chosen) FROM picture WHERE picture.generation = generation.id) AS chosen,
        (SELECT max(at) FROM move JOIN picture ON picture.number = move.picture
            WHERE picture.generation = generation.id AND move.replay AND move.cell_id = coalesce(?, generation.cell_id)
        ) AS shown
    FROM generation
"""

_PICTURE = """
    SELECT picture.*, source.picture AS parent, source.forgotten AS forgotten, label.name AS label
    FROM picture
    JOIN generation ON generation.id = picture.generation
    LEFT JOIN input AS source ON source.generation = picture.generation AND source.role = 'source'
    LEFT JOIN label ON label.picture = picture.number
"""

#: In this order: what names the picture, the picture, the words, and what was sent along with them.
_FORGET = (
    "DELETE FROM label WHERE picture = :number",
    "DELETE FROM move WHERE picture = :number AND replay",
    "UPDATE move SET picture = :parent WHERE picture = :number",
    "UPDATE input SET picture = NULL, file = '', identity = '', forgotten = :number WHERE picture = :number",
    "DELETE FROM picture WHERE number = :number",
    (
        "UPDATE generation SET typed = '', prompt = '', alt = '', params = '{}', request = '', request_id = '', "
        "caption = '', key = :key WHERE id = :generation"
    ),
    (
        "DELETE FROM input WHERE generation = :generation AND (role <> 'source' OR :generation NOT IN "
        "(SELECT generation FROM picture))"
    ),
    "UPDATE input SET file = '', identity = '' WHERE generation = :generation AND picture IS NULL",
    "UPDATE input SET file = '' WHERE file IN (SELECT value FROM json_each(:gone))",
)


class _Shared(threading.local):
    """The connection of the operation that a thread is in, if it is in one."""

    connection: Any = None


class _Behind:
    """What is written while nobody waits: every other operation waits for it first, and is told if it failed.

    To commit takes a millisecond or more, in which a notebook that is run again could show its next picture. Only what
    may be lost with a kernel that is killed just then is written like this.
    """

    def __init__(self) -> None:
        self._writes: list[Callable[[], None]] = []
        self._thread: threading.Thread | None = None
        self._problem: HistoryError | None = None
        self._lock = threading.Lock()

    def add(self, write: Callable[[], None]) -> None:
        """Put something in the queue."""
        with self._lock:
            self._writes.append(write)

    def start(self) -> None:
        """Begin to write what is in the queue."""
        with self._lock:
            if self._writes and self._thread is None:
                self._thread = threading.Thread(target=self._work, name="imgmagic-history")
                self._thread.start()

    def catch_up(self) -> None:
        """Wait until the queue is written.

        Raises
        ------
        HistoryError
            If that was not possible; once.
        """
        thread = self._thread
        if thread is threading.current_thread():
            return
        if thread is not None:
            thread.join()
        problem, self._problem = self._problem, None
        if problem is not None:
            raise problem

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._writes:
                    self._thread = None
                    return
                writes, self._writes = self._writes, []
            try:
                for write in writes:
                    write()
            except HistoryError as exc:
                self._problem = exc


class Database:
    """The tables of one folder.

    Parameters
    ----------
    path
        The file; made when it is first written to.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._shared = _Shared()
        self._behind = _Behind()

    def prepare(self) -> None:
        """Create or migrate the tables.

        Raises
        ------
        HistoryError
            If the file is newer than this imgmagic, is no database, or cannot be written.
        """
        with self._transaction() as connection:  # also shows that the file can be written
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version > len(MIGRATIONS):
                raise HistoryError(
                    f"{self.path} was written by a newer imgmagic (its version is {version}, "
                    f"this one knows {len(MIGRATIONS)}).",
                    hint="Upgrade with `pip install -U jupyter-imgmagic`, or set IMGMAGIC_HOME to another folder.",
                )
            for script in MIGRATIONS[version:]:
                for statement in script.split(";"):
                    connection.execute(statement)
            if version < len(MIGRATIONS):
                connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """Give the connection for one operation; whatever SQLite objects to becomes a `HistoryError`."""
        with self.together():
            try:
                yield self._shared.connection
            except (sqlite3.Error, OverflowError) as exc:
                raise _translated(exc, self.path) from exc

    @contextmanager
    def together(self) -> Iterator[None]:
        """Let all that this thread asks for while the block runs be one operation, with one connection.

        It is for a few questions in a row, and nothing is waited for in the block.
        """
        shared = self._shared
        if shared.connection is not None:
            yield
            return
        self._behind.catch_up()
        shared.connection = _opened(self.path)
        try:
            yield
        finally:
            connection, shared.connection = shared.connection, None
            connection.close()
            self._behind.start()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Write all or nothing."""
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def _rows(self, sql: str, *values: object) -> list[Row]:
        with self._connection() as connection:
            return connection.execute(sql, values).fetchall()

    # --- pictures and generations ---

    def add(
        self,
        generation: dict[str, Any],
        pictures: Sequence[dict[str, Any]],
        inputs: Sequence[dict[str, Any]],
        *,
        label: str | None,
        flight: int | None,
        move: bool,
    ) -> list[int]:
        """Write one generation with its pictures and inputs, log that the first is current, and give the numbers.

        A picture that asks for a number gets it if it is free.
        """
        with self._transaction() as connection:
            key = _insert(connection, "generation", generation)
            rows = (_numbered(connection, each) | {"generation": key} for each in pictures)
            numbers = [_insert(connection, "picture", row) for row in rows]
            for each in inputs:
                _insert(connection, "input", _linked(connection, each) | {"generation": key})
            if label is not None:
                _label(connection, label, numbers[0])
            if move:
                _move(connection, generation["session"], numbers[0], generation["created"])
            connection.execute("DELETE FROM flight WHERE id = ?", (flight,))
        return numbers

    def take_in(self, generation: dict[str, Any], picture: dict[str, Any]) -> int:
        """Write a picture that no engine made, and give its number; the one that is there if it was taken in before."""
        known = (
            "SELECT min(number) FROM picture JOIN generation ON generation.id = picture.generation "
            "WHERE operation = 'import' AND digest = ?"
        )
        with self._transaction() as connection:
            number = connection.execute(known, (picture["digest"],)).fetchone()[0]
            if number is not None:
                return int(number)
            key = _insert(connection, "generation", generation)
            return _insert(connection, "picture", picture | {"generation": key})

    def picture(self, number: int) -> Row | None:
        """Give one picture with its parent's number and its label."""
        return next(iter(self._rows(f"{_PICTURE} WHERE picture.number = ?", number)), None)

    def pictures(self, session: str | None = None) -> list[Row]:
        """Give all pictures, or those that a session made or replayed, by number."""
        if session is None:
            return self._rows(f"{_PICTURE} ORDER BY picture.number")
        return self._rows(f"{_PICTURE} WHERE {_IN_SESSION} ORDER BY picture.number", session, session)

    def nodes(self) -> list[Row]:
        """Give the tree in the order in which it grew: number, parent, generation, and session and site as one."""
        return self._rows(
            "SELECT picture.number, source.picture AS parent, generation.id, "
            "generation.session || char(10) || generation.site AS site FROM picture "
            "JOIN generation ON generation.id = picture.generation LEFT JOIN input AS source "
            "ON source.generation = generation.id AND source.role = 'source' ORDER BY generation.id, picture.position"
        )

    def children(self, number: int) -> list[Row]:
        """Give the pictures that were made by editing one."""
        return self._rows(f"{_PICTURE} WHERE source.picture = ? ORDER BY picture.number", number)

    def siblings(self, generation: int) -> list[Row]:
        """Give the pictures of one generation, in the order of the answer."""
        return self._rows(f"{_PICTURE} WHERE picture.generation = ? ORDER BY picture.position", generation)

    def count(self, session: str) -> int:
        """Count the pictures that a session made or replayed."""
        sql = f"SELECT count(*) FROM picture JOIN generation ON generation.id = picture.generation WHERE {_IN_SESSION}"  # noqa: S608
        return int(self._rows(sql, session, session)[0][0])

    def way(self, number: int) -> list[Row]:
        """Give the way from a picture to its root: number, generation, its cell and its site, the picture first."""
        return self._rows(_PATH, number)

    def generations(self, keys: Iterable[int]) -> list[Row]:
        """Give the generations with these keys."""
        sql = "SELECT * FROM generation WHERE id IN (SELECT value FROM json_each(?))"
        return self._rows(sql, json.dumps(sorted(keys)))

    def inputs(self, generation: int | None = None) -> list[Row]:
        """Give the inputs of one generation, or all."""
        if generation is None:
            return self._rows("SELECT * FROM input ORDER BY generation, position")
        return self._rows("SELECT * FROM input WHERE generation = ? ORDER BY position", generation)

    def prompts(self) -> list[Row]:
        """Give every picture's number with the words that made it."""
        return self._rows(
            "SELECT picture.number, generation.typed, generation.prompt, label.name AS label FROM picture "
            "JOIN generation ON generation.id = picture.generation LEFT JOIN label ON label.picture = picture.number "
            "ORDER BY picture.number"
        )

    def overview(self, after: int, start: int) -> list[Row]:
        """Give what a tree of pictures is drawn from, for every number above one; of a prompt only its start."""
        return self._rows(
            "SELECT picture.number, source.picture AS parent, picture.generation, "
            "generation.engine, substr(generation.prompt, 1, ?) AS prompt FROM picture "
            "JOIN generation ON generation.id = picture.generation "
            "LEFT JOIN input AS source ON source.generation = picture.generation AND source.role = 'source' "
            "WHERE picture.number > ? ORDER BY picture.number",
            start,
            after,
        )

    def newest(self) -> int | None:
        """Give the highest number, or None if there is none."""
        number: int | None = self._rows("SELECT max(number) FROM picture")[0][0]
        return number

    def replays(self, session: str) -> set[int]:
        """Give the numbers of the pictures whose generations a session has replayed."""
        sql = (
            "SELECT number FROM picture WHERE generation IN "
            "(SELECT shown.generation FROM move JOIN picture AS shown ON shown.number = move.picture "
            "WHERE move.session = ? AND move.replay)"
        )
        return {row["number"] for row in self._rows(sql, session)}

    def total(self) -> int:
        """Count the pictures of the folder."""
        return int(self._rows("SELECT count(*) FROM picture")[0][0])

    def spent(self, session: str | None = None, since: str = "") -> float:
        """Sum the known costs in US dollars."""
        with self._connection() as connection:
            return _spent(connection, session, since)

    # --- what replay looks for ---

    def recorded(self, key: str, cell_id: str | None) -> list[Row]:
        """Give the generations that answered this key, and when a cell (None: their own) last replayed them."""
        return self._rows(f"{_RECORDED} WHERE key = ?", cell_id, key)

    def worded(self, operation: str, prompt: str, cell_id: str | None) -> list[Row]:
        """Give the generations of an operation with exactly these words, as `recorded` does."""
        return self._rows(f"{_RECORDED} WHERE operation = ? AND prompt = ?", cell_id, operation, prompt)

    def sited(self, session: str) -> list[Row]:
        """Give the generations that a session made and that have pictures, oldest first."""
        return self._rows(f"{_RECORDED} WHERE session = ? AND chosen IS NOT NULL ORDER BY id", None, session)

    def any_real(self, cell_id: str | None) -> bool:
        """Tell whether a real engine has made anything, for a cell or for anybody."""
        sql = "SELECT 1 FROM generation WHERE engine NOT IN ('', 'sketch') AND (? IS NULL OR cell_id = ?) LIMIT 1"
        return bool(self._rows(sql, cell_id, cell_id))

    def by_uid(self, uid: str) -> Row | None:
        """Give the generation of this name."""
        return next(iter(self._rows("SELECT * FROM generation WHERE uid = ?", uid)), None)

    def uids(self) -> list[str]:
        """Give the name of every generation that has pictures, oldest first."""
        sql = "SELECT uid FROM generation WHERE id IN (SELECT generation FROM picture) ORDER BY id"
        return [row["uid"] for row in self._rows(sql)]

    def source_of(self, generation: int) -> str | None:
        """Give the name of the generation whose picture was edited, or None."""
        sql = (
            "SELECT made.uid FROM input JOIN picture ON picture.number = input.picture "
            "JOIN generation AS made ON made.id = picture.generation WHERE input.generation = ? AND role = 'source'"
        )
        return next((row["uid"] for row in self._rows(sql, generation)), None)

    def number_of(self, uid: str, position: int) -> int | None:
        """Give the number of a generation's picture, or None if it is not here."""
        sql = (
            "SELECT number FROM picture JOIN generation ON generation.id = picture.generation "
            "WHERE uid = ? AND picture.position = ?"
        )
        return next((row["number"] for row in self._rows(sql, uid, position)), None)

    def takes(self, key: str) -> int:
        """Count the pictures with which a key was answered."""
        sql = "SELECT count(*) FROM picture JOIN generation ON generation.id = picture.generation WHERE key = ?"
        return int(self._rows(sql, key)[0][0])

    def replayed_by(self, cell_id: str) -> set[int]:
        """Give the generations that a cell has replayed."""
        sql = "SELECT generation FROM move JOIN picture ON picture.number = move.picture WHERE cell_id = ? AND replay"
        return {row["generation"] for row in self._rows(sql, cell_id)}

    def reserve_numbers(self, highest: int) -> None:
        """Keep the numbers up to this one for pictures that will be brought in, if none was ever given.

        Another recording may have kept fewer before, so what is kept does not count as given.
        """
        given = "SELECT 1 FROM picture UNION ALL SELECT 1 FROM forgotten LIMIT 1"
        kept = "SELECT seq FROM sqlite_sequence WHERE name = 'picture'"
        with self._transaction() as connection:
            seq = connection.execute(kept).fetchone()
            if connection.execute(given).fetchone() is None and (seq is None or seq[0] < highest):
                connection.execute("DELETE FROM sqlite_sequence WHERE name = 'picture'")
                connection.execute("INSERT INTO sqlite_sequence VALUES ('picture', ?)", (highest,))

    # --- labels, stars and the cursor ---

    def labels(self) -> dict[str, int]:
        """Give every label with the number it names."""
        return {row["name"]: row["picture"] for row in self._rows("SELECT * FROM label ORDER BY name")}

    def label(self, name: str, number: int) -> None:
        """Let a label name a picture, and no other."""
        with self._transaction() as connection:
            _label(connection, name, number)

    def unlabel(self, number: int) -> None:
        """Take a picture's label away, if it has one."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM label WHERE picture = ?", (number,))

    def stars(self) -> set[int]:
        """Give the numbers of the pictures that have a star."""
        return {row["picture"] for row in self._rows("SELECT picture FROM star")}

    def star(self, number: int, *, on: bool) -> None:
        """Give a picture a star, or take it away."""
        with self._transaction() as connection:
            if on:
                connection.execute("INSERT OR IGNORE INTO star VALUES (?)", (number,))
            else:
                connection.execute("DELETE FROM star WHERE picture = ?", (number,))

    def move(
        self, session: str, number: int | None, at: str, *, replay: bool = False, cell_id: str | None = None
    ) -> None:
        """Log that a session's cursor moved, by itself or by a replay in some cell."""
        with self._transaction() as connection:
            _move(connection, session, number, at, replay=replay, cell_id=cell_id)

    def replayed(self, session: str, number: int, at: str, cell_id: str | None) -> None:
        """Log that a cell has replayed a picture, which is current now; nobody waits for it to be written."""
        self._behind.add(lambda: self.move(session, number, at, replay=True, cell_id=cell_id))
        if self._shared.connection is None:
            self._behind.start()

    def replayed_in_passing(self, session: str, number: int, cursor: int | None, at: str, cell_id: str | None) -> None:
        """Log a replay that leaves the cursor where it is: the cell has shown it, the session goes on from there."""
        with self._transaction() as connection:
            _move(connection, session, number, at, replay=True, cell_id=cell_id)
            _insert(connection, "move", {"session": session, "picture": cursor, "at": at})  # chosen by nobody

    def stayed(self, generation: int) -> None:
        """Note that the cursor did not go along with what a job has brought."""
        with self._transaction() as connection:
            connection.execute("UPDATE generation SET follows = 0 WHERE id = ?", (generation,))

    def last_move(self, session: str) -> Row | None:
        """Give the last cursor move of a session."""
        sql = "SELECT * FROM move WHERE session = ? ORDER BY id DESC LIMIT 1"
        return next(iter(self._rows(sql, session)), None)

    # --- paid requests on their way ---

    def depart(self, flight: dict[str, Any], budget: float, since: str) -> tuple[int | None, float]:
        """Write down that a paid request is about to be sent, unless it would burst the budget.

        One transaction, so that two calls at the same moment cannot both take what is left.

        Returns
        -------
        tuple of int or None, and float
            The note's key, None if the budget forbids it; and what was spent or reserved before it, in US dollars.
        """
        with self._transaction() as connection:
            on_the_way = connection.execute("SELECT total(usd) FROM flight").fetchone()[0]
            spent = _spent(connection, None, since) + float(on_the_way)
            if spent + flight["usd"] > budget:
                return None, spent
            return _insert(connection, "flight", flight), spent

    def sent(self, flight: int) -> None:
        """Note that a request which had to wait for its turn is sent now."""
        with self._transaction() as connection:
            connection.execute("UPDATE flight SET sent = 1 WHERE id = ?", (flight,))

    def flights(self) -> list[Row]:
        """Give the requests that were sent and whose end nobody wrote down."""
        return self._rows("SELECT * FROM flight ORDER BY id")

    def costs(self) -> list[Row]:
        """Give what every call cost, with what it is summed by."""
        return self._rows(
            "SELECT session, cell_id, engine, model, cost_usd, cost_as, created, "
            "(SELECT count(*) FROM picture WHERE generation = generation.id) + "
            "(SELECT count(*) FROM forgotten WHERE generation = generation.id) AS pictures FROM generation "
            "WHERE origin = '' AND operation <> 'import' ORDER BY id"
        )

    def arrive(self, flight: int) -> None:
        """Forget a request whose end is known."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM flight WHERE id = ?", (flight,))

    # --- forgetting ---

    def forgotten(self, number: int | None = None) -> list[Row]:
        """Give what is still known of what was forgotten, or of one number."""
        return self._rows("SELECT * FROM forgotten WHERE ? IS NULL OR number = ? ORDER BY number", number, number)

    def answered(self, generation: int) -> int:
        """Count the pictures of one answer, those that were forgotten included."""
        sql = (
            "SELECT (SELECT count(*) FROM picture WHERE generation = ?1) + "
            "(SELECT count(*) FROM forgotten WHERE generation = ?1)"
        )
        return int(self._rows(sql, generation)[0][0])

    def forget(self, picture: Row, at: str, key: str, digests: Iterable[str]) -> None:
        """Take a picture out, with the words of its generation and what was sent along, and leave only its number.

        What is deleted is overwritten in the file; `compact` writes the rest anew.

        Parameters
        ----------
        picture
            Its row.
        at
            When this is.
        key
            What the generation's key is from now on, since a key is a hash of words.
        digests
            Of the bytes that no input is to name any more.
        """
        number, generation, gone = picture["number"], picture["generation"], json.dumps(sorted(digests))
        left = {name: picture[name] for name in ("number", "generation", "position", "parent")}
        left["parent"] = left["parent"] if left["parent"] is not None else picture["forgotten"]
        with self._connection() as connection:
            connection.execute("PRAGMA secure_delete = ON")
            with self._transaction():
                uid = connection.execute("SELECT uid FROM generation WHERE id = ?", (generation,)).fetchone()[0]
                _insert(connection, "forgotten", left | {"uid": uid, "at": at})
                for sql in _FORGET:
                    values = {"number": number, "generation": generation, "key": key, "gone": gone}
                    connection.execute(sql, values | {"parent": picture["parent"]})

    def compact(self) -> None:
        """Write the file anew, without what was deleted from it."""
        with self._connection() as connection:
            connection.execute("VACUUM")

    def drop_inputs(self) -> None:
        """Take out what was sent along for pictures that are not here any more."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM input WHERE generation NOT IN (SELECT generation FROM picture)")

    def problems(self) -> list[str]:
        """Let SQLite check its own pages and references."""
        with self._connection() as connection:
            pages = [row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
            broken = connection.execute("PRAGMA foreign_key_check").fetchall()
        named = {(row[0], row[2]) for row in broken} - {("input", "picture")}  # `lost` says more about those
        return pages + [
            f"a row of '{row[0]}' names a missing row of '{row[2]}'" for row in broken if tuple(row[::2]) in named
        ]

    def lost(self) -> list[str]:
        """Say which generations lack what they must have: the pictures that they were made of, or that they gave."""
        missing = self._rows(
            "SELECT generation, role, picture FROM input WHERE picture NOT IN (SELECT number FROM picture)"
        )
        empty = self._rows(
            "SELECT id FROM generation WHERE id NOT IN "
            "(SELECT generation FROM picture UNION SELECT generation FROM forgotten)"
        )
        rootless = self._rows(
            "SELECT number FROM picture JOIN generation ON generation.id = picture.generation "
            "WHERE operation = 'refine' AND generation.id NOT IN (SELECT generation FROM input WHERE role = 'source')"
        )
        return [
            *(
                f"the {row['role']} of generation {row['generation']} is #{row['picture']}, which is not here"
                for row in missing
            ),
            *(f"generation {row['id']} has no pictures" for row in empty),
            *(f"#{row['number']} is an edit, but of what is not here" for row in rootless),
        ]


def _opened(path: Path) -> sqlite3.Connection:
    """Open a connection as every operation needs it."""
    connection = None
    try:
        connection = sqlite3.connect(path, timeout=30, isolation_level=None)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA foreign_keys = ON")
    except sqlite3.Error as exc:
        if connection is not None:
            connection.close()
        raise _translated(exc, path) from exc
    return connection


def _spent(connection: sqlite3.Connection, session: str | None, since: str) -> float:
    """Sum the known costs in US dollars; what somebody else's recording brought was paid by them."""
    sql = "SELECT total(cost_usd) FROM generation WHERE created >= ? AND origin = '' AND (? IS NULL OR session = ?)"
    return float(connection.execute(sql, (since, session, session)).fetchone()[0])


def _move(
    connection: sqlite3.Connection,
    session: str,
    number: int | None,
    at: str,
    *,
    replay: bool = False,
    cell_id: str | None = None,
) -> None:
    row = {"session": session, "picture": number, "at": at, "replay": replay, "cell_id": cell_id}
    _insert(connection, "move", row)
    if not replay and number is not None:
        connection.execute(_CHOOSE, (number, at))


def _numbered(connection: sqlite3.Connection, picture: dict[str, Any]) -> dict[str, Any]:
    """Let go of a number that is taken, or was by something forgotten; the next free one is given then."""
    number = picture.get("number")
    sql = "SELECT 1 FROM picture WHERE number = ?1 UNION SELECT 1 FROM forgotten WHERE number = ?1"
    taken = number is not None and connection.execute(sql, (number,)).fetchone()
    return {name: value for name, value in picture.items() if name != "number"} if taken else picture


def _linked(connection: sqlite3.Connection, given: dict[str, Any]) -> dict[str, Any]:
    """Let go of a picture that was forgotten while what is made of it was on its way: that is paid for, and kept."""
    sql = "SELECT 1 FROM forgotten WHERE number = ?"
    gone = given.get("picture") is not None and connection.execute(sql, (given["picture"],)).fetchone()
    return given | {"picture": None, "forgotten": given["picture"], "file": ""} if gone else given


def _insert(connection: sqlite3.Connection, table: str, values: dict[str, Any]) -> int:
    """Insert one row and give its key; table and column names are this package's own words."""
    columns, marks = ", ".join(values), ", ".join("?" * len(values))
    cursor = connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", tuple(values.values()))  # noqa: S608
    return int(cursor.lastrowid or 0)


def _label(connection: sqlite3.Connection, name: str, number: int) -> None:
    """Move a label; a picture has one at most, so that "its label" means something."""
    connection.execute("DELETE FROM label WHERE name = ? OR picture = ?", (name, number))
    connection.execute("INSERT INTO label VALUES (?, ?)", (name, number))


def _translated(exc: Exception, path: Path) -> HistoryError:
    """Say what is wrong with the database; it is never moved aside or rewritten."""
    text = str(exc)
    if "locked" in text:
        return HistoryError(f"{path} is busy: another kernel has been writing for 30 s.", hint="Run the cell again.")
    if not path.parent.is_dir():
        return HistoryError(
            f"The history's folder is gone: {path.parent}.",
            hint="Put it back, or restart the kernel: the next call begins a new one.",
        )
    if isinstance(exc, sqlite3.OperationalError) and any(word in text for word in ("readonly", "unable to open")):
        return ReadOnlyError(f"{path} cannot be written ({text}).", hint="Set IMGMAGIC_HOME to a folder that can.")
    return HistoryError(
        f"{path} cannot be used as a history ({text}).",
        hint="It was left as it is. Restore it from a backup, or set IMGMAGIC_HOME to another folder.",
    )


class ReadOnlyError(HistoryError):
    """The folder cannot be written to; the studio takes a temporary one instead."""
