"""What is damaged in a history's folder: files and rows are compared both ways, and every byte is hashed again.

Nothing is repaired here. What is damaged may be all that is left of something paid for, so a person decides; each
sentence says what to do.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from imgmagic import folder
from imgmagic.errors import HistoryError
from imgmagic.picture import Generation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from imgmagic.database import Database
    from imgmagic.previews import Previews
    from imgmagic.store import Store

_BACKUP = "Put it back from a backup; until then it cannot be shown or edited."
_ROWS = "Export what is whole with `%imgmagic record`, and put history.db back from a backup."
_PRUNE = "`%imgmagic prune` deletes it."


def found(database: Database, store: Store, previews: Previews) -> list[str]:
    """List everything that is damaged.

    Returns
    -------
    list of str
        One problem each, with what to do about it; empty if all is well.
    """
    try:
        return _found(database, store, previews)
    except HistoryError as exc:  # so broken that it cannot be asked
        return [f"{exc.message} {exc.hint}"]


def _found(database: Database, store: Store, previews: Previews) -> list[str]:
    name = database.path.name
    rows = [*database.problems(), *database.lost(), *_circles(database), *_senseless(database)]
    missing: dict[str, tuple[str, Path]] = {}
    files = [*_files(database, store, missing)]
    return [
        *(f"{name}: {each}. {_ROWS}" for each in rows),
        *files,
        *_orphans(store, folder.needed(database, store), missing),
        *(f"{path}: this preview is damaged, and is not used. {_PRUNE}" for path in previews.damaged()),
    ]


def _files(database: Database, store: Store, missing: dict[str, tuple[str, Path]]) -> Iterator[str]:
    """Read every file that a row names, each once; ``missing`` is given what is not there, by its digest."""
    seen = set()
    for what, digest, kind in folder.named(database):
        if (digest, kind) in seen:
            continue
        seen.add((digest, kind))
        try:
            path = store.path(digest, kind)
            missing[digest] = (what, path)
            store.get(digest, kind)
            del missing[digest]
        except HistoryError as exc:
            yield f"{what}: {exc.message} {_BACKUP}"


def _orphans(store: Store, needed: set[Path], missing: Mapping[str, tuple[str, Path]]) -> Iterator[str]:
    """Name the files that no row names; one may hold what another row misses."""
    for path in store.files():
        if path in needed:
            continue
        what, place = missing.get(sha256(path.read_bytes()).hexdigest(), ("", None))
        if place is not None:
            yield f"{path}: this is the file of {what} under a wrong name. Rename it to {place}."
        else:
            yield f"{path}: no picture needs this file. {_PRUNE}"


def _circles(database: Database) -> list[str]:
    """Find pictures that are their own ancestors."""
    parents = {row["number"]: row["parent"] for row in database.nodes()}
    circles: list[str] = []
    done: set[int] = set()
    for number in parents:
        way: dict[int, None] = {}
        at: int | None = number
        while at is not None and at not in done and at not in way:
            way[at] = None
            at = parents.get(at)
        if at in way:
            circles.append(f"#{at} is its own ancestor")
        done.update(way)
    return circles


def _senseless(database: Database) -> list[str]:
    """Find generations that cannot be read."""
    problems = []
    for row in database.generations(row["generation"] for row in database.pictures()):
        try:
            Generation.read(row)
        except HistoryError as exc:
            problems.append(f"generation {row['id']}: {exc.message.rstrip('.')}")
    return problems
