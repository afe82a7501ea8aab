"""The rows of the history: the only module that imports sqlite3, and the only one that knows its tables.

A connection per operation: panel callbacks come on another thread, kernels are forked and killed, and a connection that
lives for one operation has no thread rule, no fork rule and nothing to close. Default journal mode, since WAL does not
work on the network file systems where notebooks often live. A broken database is reported with its path and never moved
or rewritten, because what it remembers cost money.

Picture numbers are AUTOINCREMENT: unique in the folder, never used twice. The tree is the input whose role is
``source``; there is no second place that names a parent. Cursor moves are a log: the last one of a session is where it
goes on.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from imgmagic.errors import HistoryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
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
    """
    CREATE TABLE star (picture INTEGER PRIMARY KEY NOT NULL REFERENCES picture ON DELETE CASCADE);
    """,
)

Row = sqlite3.Row

_PICTURE = """
    SELECT picture.*, source.picture AS parent, label.name AS label
    FROM picture
    JOIN generation ON generation.id = picture.generation
    LEFT JOIN input AS source ON source.generation = picture.generation AND source.role = 'source'
    LEFT JOIN label ON label.picture = picture.number
"""


class Database:
    """The tables of one folder.

    Parameters
    ----------
    path
        The file; made when it is first written to.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

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
        """Open a connection for one operation; whatever SQLite objects to becomes a `HistoryError`."""
        connection = None
        try:
            connection = sqlite3.connect(self.path, timeout=30, isolation_level=None)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA foreign_keys = ON")
            yield connection
        except (sqlite3.Error, OverflowError) as exc:
            raise _translated(exc, self.path) from exc
        finally:
            if connection is not None:
                connection.close()

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
        """Write one generation with its pictures and inputs, log that the first is current, and give the numbers."""
        with self._transaction() as connection:
            key = _insert(connection, "generation", generation)
            numbers = [_insert(connection, "picture", each | {"generation": key}) for each in pictures]
            for each in inputs:
                _insert(connection, "input", each | {"generation": key})
            if label is not None:
                _label(connection, label, numbers[0])
            if move:
                moved = {"session": generation["session"], "picture": numbers[0], "at": generation["created"]}
                _insert(connection, "move", moved)
            connection.execute("DELETE FROM flight WHERE id = ?", (flight,))
        return numbers

    def picture(self, number: int) -> Row | None:
        """Give one picture with its parent's number and its label."""
        return next(iter(self._rows(f"{_PICTURE} WHERE picture.number = ?", number)), None)

    def pictures(self, session: str | None = None) -> list[Row]:
        """Give all pictures, or a session's, by number."""
        if session is None:
            return self._rows(f"{_PICTURE} ORDER BY picture.number")
        return self._rows(f"{_PICTURE} WHERE generation.session = ? ORDER BY picture.number", session)

    def children(self, number: int) -> list[Row]:
        """Give the pictures that were made by editing one."""
        return self._rows(f"{_PICTURE} WHERE source.picture = ? ORDER BY picture.number", number)

    def siblings(self, generation: int) -> list[Row]:
        """Give the pictures of one generation, in the order of the answer."""
        return self._rows(f"{_PICTURE} WHERE picture.generation = ? ORDER BY picture.position", generation)

    def count(self, session: str) -> int:
        """Count a session's pictures."""
        sql = "SELECT count(*) FROM picture JOIN generation ON generation.id = picture.generation WHERE session = ?"
        return int(self._rows(sql, session)[0][0])

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
            "generation.engine, substr(generation.prompt, 1, ?) AS prompt, generation.created FROM picture "
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

    def total(self) -> int:
        """Count the pictures of the folder."""
        return int(self._rows("SELECT count(*) FROM picture")[0][0])

    def spent(self, session: str | None = None, since: str = "") -> float:
        """Sum the known costs in US dollars."""
        sql = "SELECT total(cost_usd) AS usd FROM generation WHERE created >= ? AND (? IS NULL OR session = ?)"
        return float(self._rows(sql, since, session, session)[0]["usd"])

    # --- labels, stars and the cursor ---

    def labels(self) -> dict[str, int]:
        """Give every label with the number it names."""
        return {row["name"]: row["picture"] for row in self._rows("SELECT * FROM label ORDER BY name")}

    def label(self, name: str, number: int) -> None:
        """Let a label name a picture, and no other."""
        with self._transaction() as connection:
            _label(connection, name, number)

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

    def move(self, session: str, number: int | None, at: str) -> None:
        """Log that a session's cursor moved."""
        with self._transaction() as connection:
            _insert(connection, "move", {"session": session, "picture": number, "at": at})

    def last_move(self, session: str) -> Row | None:
        """Give the last cursor move of a session."""
        sql = "SELECT * FROM move WHERE session = ? ORDER BY id DESC LIMIT 1"
        return next(iter(self._rows(sql, session)), None)

    # --- paid requests on their way ---

    def depart(self, flight: dict[str, Any]) -> int:
        """Write down that a paid request is about to be sent."""
        with self._transaction() as connection:
            return _insert(connection, "flight", flight)

    def flights(self) -> list[Row]:
        """Give the requests that were sent and whose end nobody wrote down."""
        return self._rows("SELECT * FROM flight ORDER BY id")

    def costs(self) -> list[Row]:
        """Give what every call cost, with what it is summed by."""
        return self._rows(
            "SELECT session, cell_id, engine, model, cost_usd, cost_as, created, "
            "(SELECT count(*) FROM picture WHERE generation = generation.id) AS pictures FROM generation ORDER BY id"
        )

    def arrive(self, flight: int) -> None:
        """Forget a request whose end is known."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM flight WHERE id = ?", (flight,))

    def problems(self) -> list[str]:
        """Let SQLite check its own pages and references."""
        with self._connection() as connection:
            pages = [row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
            broken = connection.execute("PRAGMA foreign_key_check").fetchall()
        return pages + [f"a row of '{row[0]}' names a missing row of '{row[2]}'" for row in broken]


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
    if isinstance(exc, sqlite3.OperationalError) and any(word in text for word in ("readonly", "unable to open")):
        return ReadOnlyError(f"{path} cannot be written ({text}).", hint="Set IMGMAGIC_HOME to a folder that can.")
    return HistoryError(
        f"{path} cannot be used as a history ({text}).",
        hint="It was left as it is. Restore it from a backup, or set IMGMAGIC_HOME to another folder.",
    )


class ReadOnlyError(HistoryError):
    """The folder cannot be written to; the studio takes a temporary one instead."""
