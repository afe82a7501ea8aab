"""How soon a recorded answer is found.

    python -m tests.bench.lookup FOLDER PNG COUNT...

Fills a history with generations, every other one an edit, and measures at each count (rising) the time from a request
to the recording that answers it: for an imagine, and for a refine whose source is the picture. It prints the seconds.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgmagic.database import Database, _insert
from imgmagic.exchange import ImageRequest, ImageResponse, Input
from imgmagic.recall import Recall
from imgmagic.replay import Asked, CallSite
from imgmagic.shelf import Shelf
from imgmagic.tree import History

if TYPE_CHECKING:
    from collections.abc import Sequence

_CALLS = 20


def main(home: Path, png: Path, *counts: int) -> None:
    """Measure at every count, and print the seconds by count and operation."""
    history, source = History(home, "bench"), png.read_bytes()
    history.add(_request(0, source), ImageResponse((source,), "azure", "pictures", 1.0), site=CallSite("cell-0", 0))
    database, filled, found = Database(home / "history.db"), 1, {}
    for count in counts:
        _fill(database, range(filled, count), source)
        filled = count
        every = range(0, count, count // _CALLS)
        found[count] = {
            "imagine": [_timed(history, each - each % 2, source) for each in every],
            "refine": [_timed(history, each - each % 2 + 1, source) for each in every],
        }
    print(json.dumps(found))


def _request(number: int, source: bytes, identity: str = "") -> ImageRequest:
    """Give the request of one generation: odd ones edit the first picture."""
    if number % 2:
        return ImageRequest("refine", f"make sky {number} bluer", inputs=(Input("source", source, 1, identity),))
    return ImageRequest("imagine", f"beach {number} on a sunny day")


def _fill(database: Database, numbers: Sequence[int], source: bytes) -> None:
    """Add generations like the first one, all in one transaction: a commit for each would take minutes."""
    whole, picture = (_columns(database, f"SELECT * FROM {table}") for table in ("generation", "picture"))
    given = {"position": 0, "role": "source", "digest": picture["digest"], "format": "png", "picture": 1}
    digest = hashlib.sha256(source).hexdigest()
    with database._transaction() as connection:
        for number in numbers:
            # The source's digest as its identity: the same key, without 2 MB to be hashed for each.
            asked = _request(number, b"", digest)
            said = {"operation": asked.operation, "prompt": asked.prompt, "typed": asked.prompt, "key": asked.key}
            own = {"uid": f"{number:032x}", "site": f"cell-{number}#0", "cell_id": f"cell-{number}"}
            key = _insert(connection, "generation", whole | said | own)
            _insert(connection, "picture", picture | {"generation": key})
            if asked.inputs:
                _insert(connection, "input", given | {"generation": key, "file": picture["digest"]})


def _columns(database: Database, sql: str) -> dict[str, Any]:
    """Give the first row without its key."""
    row = dict(database._rows(f"{sql} LIMIT 1")[0])
    return {name: value for name, value in row.items() if name not in {"id", "number"}}


def _timed(history: History, number: int, source: bytes) -> float:
    """Find what answers one request, the digest of its source included; the kernel has claimed nothing yet."""
    recall = Recall(history, Shelf(history, lambda: ((), ())))
    request = _request(number, source)
    started = time.perf_counter()
    asked = Asked(
        request.key, request.operation, request.prompt, CallSite("another", 0), False, 1 if request.inputs else None
    )
    found = recall.find(asked)
    took = time.perf_counter() - started
    if found is None:
        raise LookupError(f"generation {number} was not found")
    return took


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]), *map(int, sys.argv[3:]))
