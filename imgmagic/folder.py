"""The history's folder: making it ready, what of it is needed, and what a kernel left behind."""

from __future__ import annotations

import errno
import os
import platform
from contextlib import suppress
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

from imgmagic.database import Database, ReadOnlyError
from imgmagic.errors import HistoryError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from imgmagic.database import Row
    from imgmagic.store import Store

_SHARED = "/.gitignore\n/history.db*\n/objects/\n/previews/\n"
_NOT_WRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT}


def opened(home: Path) -> Database:
    """Make the folder ready: it ignores itself in git, since it is a private workshop."""
    try:
        # A folder that was there before holds somebody's files, which git must go on seeing.
        ours = not home.exists() or not any(home.iterdir())
        (home / "objects").mkdir(parents=True, exist_ok=True)
        for place in (home, home / "objects"):
            TemporaryFile(dir=place).close()  # fails where nothing can be written
        ignore = home / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n" if ours else _SHARED, encoding="utf-8")
    except (FileExistsError, NotADirectoryError) as exc:
        raise HistoryError(f"{home} is a file, not a folder.", hint="Set IMGMAGIC_HOME to a folder.") from exc
    except OSError as exc:
        kind = ReadOnlyError if exc.errno in _NOT_WRITABLE else HistoryError
        raise kind(f"{home} cannot be used ({exc.strerror}).", hint="Set IMGMAGIC_HOME to another folder.") from exc
    database = Database(home / "history.db")
    database.prepare()
    return database


def named(database: Database) -> Iterator[tuple[str, Any, Any]]:
    """Give every file that a row names, as what it is, its digest and its format."""
    for row in database.pictures():
        yield f"#{row['number']}", row["file"], row["format"]
        if row["original"] is not None:
            yield f"the original of #{row['number']}", row["original"], row["original_format"]
    for row in database.inputs():
        if row["file"]:  # a small recording brings no references and masks
            yield f"the {row['role']} of generation {row['generation']}", row["file"], row["format"]


def needed(database: Database, store: Store) -> set[Path]:
    """Give every file of the store that a row names; a name that cannot be one is passed over."""
    found = set()
    for _, digest, kind in named(database):
        with suppress(HistoryError):
            found.add(store.path(digest, kind))
    return found


def flights(database: Database) -> list[Row]:
    """Give the paid requests that are on their way in a kernel which is still there."""
    return [row for row in database.flights() if _alive(row["host"], row["pid"])]


def lost_flights(database: Database) -> list[str]:
    """Count the paid requests whose kernel is gone, once."""
    gone = [row for row in database.flights() if not _alive(row["host"], row["pid"])]
    for row in gone:
        database.arrive(row["id"])
    lost = sum(row["sent"] for row in gone)  # one that still waited for its turn has cost nothing
    return [f"{lost} call{'s' if lost > 1 else ''} maybe billed: a kernel ended while waiting"] if lost else []


def _alive(host: str, pid: int) -> bool:
    """Tell whether a kernel may still be waiting; one on another machine is given the benefit of the doubt."""
    if host != platform.node() or os.name == "nt":  # on Windows, signal 0 is Ctrl-C
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
