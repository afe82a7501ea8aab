"""What a recording says about its pictures, as values and as the JSON of ``recording.json``. Pure: text to values.

A recording comes from anybody, so every field has a check in a table below, and the whole is checked for what must hold
between generations: uids, numbers and labels are there once, and a picture is only ever made from one that stands
before it, so that no chain of parents can run in a circle. Fields that this version does not know are passed over; a
meaning that changes gets a new `VERSION`.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from imgmagic import checks
from imgmagic.checks import CheckError, integer, optional, text, word
from imgmagic.formats import DIGEST, SUFFIX
from imgmagic.refs import LABEL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from imgmagic.exchange import Format, Role

FORMAT: Final = "imgmagic recording"
VERSION: Final = 1

_LONG, _SHORT = 1_000_000, 4_000  # characters: of a prompt, of everything else
_MAX_SIDE = 100_000  # px
_MAX_IN_ONE = 1_000  # pictures, or inputs, of one generation
_USAGE = 3


class NewerError(CheckError):
    """The recording was made by a newer imgmagic."""


@dataclass(frozen=True, slots=True)
class RecordedPicture:
    """One picture of a recording.

    Parameters
    ----------
    number
        The number that it had where it was recorded; once in a recording.
    position
        Its place among the pictures of its generation, from 0.
    digest
        The sha256 (hex) of the original, by which requests know it.
    format
        How the original is encoded.
    width, height
        Of the original, in px.
    file
        The sha256 of its bytes in the archive: a preview's, hence another than ``digest``, in a small recording.
        `recording.write` fills it in.
    label
        Its label, or None.
    chosen
        When it was last made current by hand (ISO, UTC), or empty.
    original, original_format
        The sha256 and the format of what the engine sent, where a mask composited it to something else; otherwise
        None. Small recordings leave it out.
    """

    number: int
    position: int
    digest: str
    format: Format
    width: int
    height: int
    file: str = ""
    label: str | None = None
    chosen: str = ""
    original: str | None = None
    original_format: Format | None = None


@dataclass(frozen=True, slots=True)
class RecordedInput:
    """One picture that was sent along with a recorded request.

    Parameters
    ----------
    position
        Its place among the inputs, from 0.
    role
        ``source``, ``reference`` or ``mask``.
    digest
        The sha256 (hex) of the bytes as they were sent.
    format
        How they were encoded.
    identity
        What the request's key knows it by; empty where that is ``digest``.
    picture
        The number of the picture of this recording that was sent, or None.
    file
        The sha256 of its bytes in the archive; None where a small recording leaves them out, and where they are
        forgotten. `recording.write` fills it in; before that it is empty where there are no bytes to record.
    """

    position: int
    role: Role
    digest: str
    format: Format
    identity: str = ""
    picture: int | None = None
    file: str | None = None


@dataclass(frozen=True, slots=True)
class RecordedGeneration:
    """One request answered, as a recording holds it.

    Parameters
    ----------
    uid
        Its name in every folder that it is brought to: letters, digits and ``_.:-``, at most 100; once in a recording.
    operation
        ``imagine``, ``refine`` or ``import``. Only a refine has a source.
    typed, prompt, alt, engine, model, request_id, caption, cost_usd, cost_as, seconds, session, cell_id, position
        As in `picture.Generation`.
    params, request
        What is shown under ``picture.params``, and what the request asked for; JSON objects.
    key
        The request's key (sha256, hex); empty for a picture that was brought in.
    usage
        Tokens: text in, image in, out; or None.
    created
        When it was stored (ISO, UTC, as ``2026-11-22T09:30:00.000+00:00``).
    site
        What else names the call that it answered, or empty.
    retake
        The name of the `%retake` call that asked for it, or empty.
    moves
        Whether it made its picture the current one.
    pictures, inputs
        At least one picture; any number of inputs, in their order.
    """

    uid: str
    operation: Literal["imagine", "refine", "import"]
    typed: str
    prompt: str
    alt: str
    params: Mapping[str, Any]
    request: Mapping[str, Any]
    key: str
    engine: str
    model: str
    request_id: str
    caption: str
    usage: tuple[int, int, int] | None
    cost_usd: float | None
    cost_as: str
    seconds: float
    created: str
    session: str
    cell_id: str | None
    position: int | None
    site: str
    retake: str
    moves: bool
    pictures: tuple[RecordedPicture, ...]
    inputs: tuple[RecordedInput, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """The whole of ``recording.json``.

    Parameters
    ----------
    made
        When the newest of it was made (ISO, UTC): not when it was written, so that the same twice is the same file.
    notebook
        The session whose pictures these are.
    small
        Whether the pictures are previews.
    generations
        In the order in which they were made.
    """

    made: str
    notebook: str
    small: bool
    generations: tuple[RecordedGeneration, ...]


def dumps(manifest: Manifest) -> bytes:
    """Write the JSON: one generation a line, so that git shows what changed.

    Raises
    ------
    CheckError
        If a value has no place in JSON.
    """
    head = {"format": FORMAT, "version": VERSION}
    head |= {name: getattr(manifest, name) for name in ("made", "notebook", "small")}
    try:
        lines = ",\n".join(checks.encoded(_plain(each)) for each in manifest.generations)
        return f'{checks.encoded(head)[:-1]},"generations":[\n{lines}\n]}}\n'.encode()
    except (TypeError, ValueError, RecursionError) as exc:
        raise CheckError(f"a value cannot be written as JSON ({exc})") from exc


def loads(data: bytes) -> Manifest:
    """Read the JSON and check everything that it says.

    Raises
    ------
    CheckError
        If anything in it is not what it should be.
    """
    said = checks.decoded(data)
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        raise CheckError("it does not say that it is an imgmagic recording")
    version = checks.record(lambda version: version, {"version": integer(1)}, said)
    if version != VERSION:
        raise NewerError(f"a newer imgmagic made it (its version is {version}, this one knows {VERSION})")
    manifest = checks.record(Manifest, _MANIFEST, said)
    _consistent(manifest)
    return manifest


# --- values to JSON ---


def _plain(generation: RecordedGeneration) -> dict[str, Any]:
    """Give a generation as JSON has it."""
    said = {name: getattr(generation, name) for name in _GENERATION}
    for name in ("params", "request"):
        said[name] = dict(said[name])
    for name, table in (("pictures", _PICTURE), ("inputs", _INPUT)):
        said[name] = [{field: getattr(each, field) for field in table} for each in said[name]]
    return said


# --- one check a field ---


def _usage(value: Any) -> tuple[int, int, int]:
    if type(value) is not list or len(value) != _USAGE:
        raise ValueError("a list of three numbers of tokens")
    text_in, image_in, out = map(integer(0), value)
    return text_in, image_in, out


_DIGEST = text(64, DIGEST, "a sha256 in hex")
_KIND = word(*SUFFIX)
_POSITION = integer(0)
_SIDE = integer(1, _MAX_SIDE)

_PICTURE: Mapping[str, checks.Check] = {
    "number": integer(1),
    "position": _POSITION,
    "digest": _DIGEST,
    "format": _KIND,
    "width": _SIDE,
    "height": _SIDE,
    "file": _DIGEST,
    "label": optional(text(_SHORT, LABEL, "a label: a letter, then letters, digits, _ and -")),
    "chosen": lambda value: value if value == "" else checks.moment(value),
    "original": optional(_DIGEST),
    "original_format": optional(_KIND),
}

_INPUT: Mapping[str, checks.Check] = {
    "position": _POSITION,
    "role": word("source", "reference", "mask"),
    "digest": _DIGEST,
    "format": _KIND,
    "identity": text(_SHORT),
    "picture": optional(integer(1)),
    "file": optional(_DIGEST),
}

_GENERATION: Mapping[str, checks.Check] = {
    "uid": text(100, re.compile(r"[A-Za-z0-9_.:-]+"), "a name of at most 100 letters, digits and _ . : -"),
    "operation": word("imagine", "refine", "import"),
    "typed": text(_LONG),
    "prompt": text(_LONG),
    "alt": text(_LONG),
    "params": checks.mapping,
    "request": checks.mapping,
    "key": lambda value: value if value == "" else _DIGEST(value),
    "engine": text(_SHORT),
    "model": text(_SHORT),
    "request_id": text(_SHORT),
    "caption": text(_LONG),
    "usage": optional(_usage),
    "cost_usd": optional(checks.number(1e9)),
    "cost_as": text(_SHORT),
    "seconds": checks.number(1e9),
    "created": checks.moment,
    "session": text(_SHORT),
    "cell_id": optional(text(_SHORT)),
    "position": optional(_POSITION),
    "site": text(_SHORT),
    "retake": text(_SHORT),
    "moves": checks.flag,
    "pictures": checks.several(RecordedPicture, _PICTURE, "picture", _MAX_IN_ONE),
    "inputs": checks.several(RecordedInput, _INPUT, "input", _MAX_IN_ONE),
}

_MANIFEST: Mapping[str, checks.Check] = {
    "made": checks.moment,
    "notebook": text(_SHORT),
    "small": checks.flag,
    "generations": checks.several(RecordedGeneration, _GENERATION, "generation", checks.MAX_VALUES),
}


# --- what must hold between values ---


def _consistent(manifest: Manifest) -> None:
    """Refuse what no history can hold, though each field alone is fine."""
    pictures = [picture for each in manifest.generations for picture in each.pictures]
    _once("uid", (each.uid for each in manifest.generations))
    _once("number", (each.number for each in pictures))
    _once("label", (each.label for each in pictures if each.label is not None))
    seen: set[int] = set()
    for index, each in enumerate(manifest.generations, start=1):
        problem = _problem(each, seen, small=manifest.small)
        if problem:
            raise CheckError(f"generation {index} {problem}")
        seen.update(picture.number for picture in each.pictures)


def _once(what: str, values: Iterable[object]) -> None:
    seen: set[object] = set()
    for value in values:
        if value in seen:
            raise CheckError(f"the {what} {value} is there twice")
        seen.add(value)


def _problem(generation: RecordedGeneration, before: set[int], *, small: bool) -> str:
    """Say what is wrong with a generation, or nothing; ``before`` are the pictures that it may be made from."""
    sources = sum(each.role == "source" for each in generation.inputs)
    carried: tuple[RecordedPicture | RecordedInput, ...] = (*generation.pictures, *generation.inputs)
    rules = {
        "has no picture": not generation.pictures,
        "has no key, as only a picture that was brought in has": not generation.key
        and generation.operation != "import",
        "has pictures out of order": not _rising(generation.pictures),
        "has inputs out of order": not _rising(generation.inputs),
        "has not one source, as a refine has": generation.operation == "refine" and sources != 1,
        "has a source, as only a refine has": generation.operation != "refine" and sources > 0,
        "is made from a picture that does not stand before it": any(
            each.picture is not None and each.picture not in before for each in generation.inputs
        ),
        "has an original without a format": any(
            (each.original is None) != (each.original_format is None) for each in generation.pictures
        ),
        "has bytes that are not the original ones, as only a small recording may": not small
        and any(each.file not in {None, each.digest} for each in carried),
    }
    return next((problem for problem, broken in rules.items() if broken), "")


def _rising(values: Sequence[RecordedPicture] | Sequence[RecordedInput]) -> bool:
    positions = [each.position for each in values]
    return all(one < other for one, other in itertools.pairwise(positions))
