"""`%imgmagic prune`: frees what no picture needs.

That is a file that no row names (a kernel died between the bytes and the row, or something was forgotten), what was
sent along for pictures that are forgotten, and every preview: those are copies that are made again when they are
shown. What is young stays, since a kernel may be about to write the row that names it; so does everything that was
written since the oldest call set out that is still on its way.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from imgmagic import render
from imgmagic.errors import CellError, printable

if TYPE_CHECKING:
    from pathlib import Path

    from imgmagic.studio import Studio
    from imgmagic.tree import History

#: What is younger stays, in seconds.
GRACE_S = 3600.0


@dataclass(frozen=True, slots=True)
class Freed:
    """What was freed, or would be.

    Parameters
    ----------
    orphans, previews
        How many files.
    size
        Their bytes.
    young
        How many files stay only because they are young.
    """

    orphans: int
    previews: int
    size: int
    young: int


def prune(studio: Studio, rest: str) -> dict[str, Any]:
    """Free what no picture needs; with ``--dry-run`` only say what that would be."""
    if rest.strip() not in {"", "--dry-run"}:
        raise CellError(f"%imgmagic prune takes no '{printable(rest, 40)}'.", hint="It has --dry-run.")
    dry = bool(rest.strip())
    text = _told(freed(studio.history, dry=dry), dry=dry)
    return {"text/html": render.note(text), "text/plain": text}


def freed(history: History, *, dry: bool = False, grace_s: float = GRACE_S) -> Freed:
    """Free what no picture needs.

    Parameters
    ----------
    history
        Whose folder.
    dry
        True deletes nothing.
    grace_s
        Files younger than this many seconds stay.
    """
    before = _before(history, grace_s)
    if not dry:
        history.drop_inputs()
    needed = history.needed()
    orphans = [path for path in history.store.files() if path not in needed]
    previews = history.previews.files()
    old = [path for path in orphans if _age(path) < before]
    sizes = [path.stat().st_size if dry else history.store.discard(path, before) for path in old]
    made = [path for path in previews if _age(path) < before]
    young = len(orphans) - len(old) + len(previews) - len(made)
    return Freed(len(old), len(made), sum(sizes) + sum(_deleted(path, dry=dry) for path in made), young)


def _before(history: History, grace_s: float) -> float:
    """Give the time (seconds since the epoch) since which everything stays."""
    departed = [datetime.fromisoformat(row["started"]).timestamp() for row in history.flights()]
    return min([time.time() - grace_s, *departed])


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # gone meanwhile
        return float("inf")


def _deleted(path: Path, *, dry: bool) -> int:
    size = path.stat().st_size
    if not dry:
        path.unlink(missing_ok=True)
    return size


def _told(freed: Freed, *, dry: bool) -> str:
    kept = (
        f" {_many(freed.young)} younger than an hour, or than a call that is on its way: kept." if freed.young else ""
    )
    if not freed.orphans + freed.previews:
        return f"There is nothing to free.{kept}"
    what = (
        f"{_many(freed.orphans)} that no picture needs, {_many(freed.previews)} of previews, {freed.size / 1e6:.1f} MB"
    )
    said = f"This would free {what}; nothing was deleted." if dry else f"Freed: {what}."
    return said + kept


def _many(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"
