"""Between the rows of a folder and a recording: what is recorded of a generation, and how it comes into another folder.

A recording carries what cells replay and what that was made from: the chain of sources, so that no picture arrives
without its parent. Whatever was made of other pictures' bytes is known by their digests, so a refine that was recorded
answers in any folder where the same picture is current.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from imgmagic.errors import HistoryError
from imgmagic.formats import sniff
from imgmagic.recording import RecordedGeneration, RecordedInput, RecordedPicture

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from imgmagic.database import Database, Row
    from imgmagic.recording import Recording
    from imgmagic.store import Store

#: Columns that a recording carries as they are.
_SAME = (
    "uid", "operation", "typed", "prompt", "alt", "key", "engine", "model", "request_id", "caption", "cost_usd",
    "cost_as", "seconds", "created", "session", "cell_id", "position", "site", "retake",
)  # fmt: skip


def packed(database: Database, uids: Iterable[str]) -> list[RecordedGeneration]:
    """Give generations as a recording holds them, each behind those that it was made from.

    Parameters
    ----------
    database
        Their folder.
    uids
        Which; what they were made from is added.

    Raises
    ------
    HistoryError
        If only a preview of one is at hand, or a row is missing.
    """
    there: set[int] = set()
    recorded = []
    for row in _with_sources(database, uids):
        each = _packed(database, row, there)
        there.update(picture.number for picture in each.pictures)
        recorded.append(each)
    return recorded


def unpacked(
    recording: Recording, uid: str, database: Database, store: Store, *, origin: str
) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]]:
    """Give the rows of a recorded generation, and of those that it was made from, the oldest first.

    What the folder holds already is left out. The bytes are in the store when a row is given.

    Parameters
    ----------
    recording
        Where it is.
    uid
        Which.
    database, store
        The folder that it comes into; rows are to be written before the next ones are asked for.
    origin
        What to call the recording.
    """
    by_number = {picture.number: each for each in recording.generations for picture in each.pictures}
    by_uid = {each.uid: each for each in recording.generations}
    chain = [by_uid[uid]]
    while (source := _source(chain[-1])) is not None:
        chain.append(by_number[source])
    for each in reversed(chain):
        if database.by_uid(each.uid) is None:
            pictures = [_kept(recording, picture, store) for picture in each.pictures]
            inputs = [_kept_input(recording, given, by_number, database, store) for given in each.inputs]
            yield _row(each, origin), pictures, inputs


# --- from a folder ---


def _with_sources(database: Database, uids: Iterable[str]) -> Iterator[Row]:
    done: set[str] = set()
    for uid in uids:
        chain: list[Row] = []
        at: str | None = uid
        while at is not None and at not in done:
            done.add(at)
            row = database.by_uid(at)
            if row is None:
                raise HistoryError("The history's folder is damaged: a generation is missing.")
            chain.append(row)
            at = database.source_of(row["id"])
        yield from reversed(chain)


def _packed(database: Database, row: Row, there: set[int]) -> RecordedGeneration:
    usage = (row["text_in"], row["image_in"], row["out"])
    return RecordedGeneration(
        **{name: row[name] for name in _SAME},
        params=json.loads(row["params"]),
        request=json.loads(row["request"] or "{}"),
        usage=None if None in usage else usage,
        moves=bool(row["follows"]),
        pictures=tuple(_picture(each) for each in database.siblings(row["id"])),
        inputs=tuple(_input(each, there) for each in database.inputs(row["id"])),
    )


def _picture(row: Row) -> RecordedPicture:
    if row["file"] != row["digest"]:
        raise HistoryError(
            f"#{row['number']} came from a small recording: only a preview of it is here, which is not recorded again.",
            hint="Record it where it was made.",
        )
    same = ("number", "position", "digest", "format", "width", "height", "label", "chosen")
    original = {name: row[name] for name in ("original", "original_format")}
    return RecordedPicture(**{name: row[name] for name in same}, **original)


def _input(row: Row, there: set[int]) -> RecordedInput:
    number = row["picture"] if row["picture"] in there else None
    file = None if row["file"] else ""
    return RecordedInput(row["position"], row["role"], row["digest"], row["format"], row["identity"], number, file)


# --- into a folder ---


def _source(each: RecordedGeneration) -> int | None:
    return next((given.picture for given in each.inputs if given.role == "source"), None)


def _row(each: RecordedGeneration, origin: str) -> dict[str, Any]:
    text_in, image_in, out = each.usage or (None, None, None)
    return {name: getattr(each, name) for name in _SAME} | {
        "params": json.dumps(dict(each.params), ensure_ascii=False),
        "request": json.dumps(dict(each.request), ensure_ascii=False),
        "text_in": text_in,
        "image_in": image_in,
        "out": out,
        "follows": each.moves,
        "origin": origin,
    }


def _kept(recording: Recording, each: RecordedPicture, store: Store) -> dict[str, Any]:
    data = recording.read(each)
    kind = sniff(data)
    row = {name: getattr(each, name) for name in ("number", "position", "digest", "width", "height", "chosen")}
    if each.original and each.original_format:
        store.put(recording.read_original(each), each.original_format)
    original = {"original": each.original, "original_format": each.original_format}
    return row | original | {"file": store.put(data, kind), "format": kind}


def _kept_input(
    recording: Recording,
    each: RecordedInput,
    by_number: Mapping[int, RecordedGeneration],
    database: Database,
    store: Store,
) -> dict[str, Any]:
    row = {name: getattr(each, name) for name in ("position", "role", "digest", "format", "identity")}
    made = by_number.get(each.picture) if each.picture is not None else None
    here = None
    if made is not None:
        place = next(picture.position for picture in made.pictures if picture.number == each.picture)
        here = database.number_of(made.uid, place)
        gone = next((old for old in database.forgotten() if (old["uid"], old["position"]) == (made.uid, place)), None)
        if gone:  # it does not come back with its children
            return row | {"picture": None, "file": "", "forgotten": gone["number"]}
    if each.file is None and made is None:  # a small recording leaves references and masks out
        return row | {"picture": None, "file": ""}
    data = recording.read(each)
    kind = sniff(data)
    return row | {"picture": here, "file": store.put(data, kind), "format": kind}
