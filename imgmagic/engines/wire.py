"""Requests and answers as they travel: pure functions, both directions, no I/O.

What differs between servers is data, a `Dialect`. *Azure deployment routes* carry the deployment in the URL and must
not carry ``model``; *OpenAI* and Azure's v1 routes carry ``model``; any other server is sent only what the call said
and it can read.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from imgmagic.engines import dialects
from imgmagic.errors import ImageError
from imgmagic.exchange import DEFAULTS, ImageRequest, Usage
from imgmagic.formats import MIME, sniff
from imgmagic.images import decode as decoded
from imgmagic.images import encode as encoded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: A dialect, or the word for one of the three that need no recognising.
Dialect = dialects.Dialect | Literal["azure", "openai", "compatible"]


@dataclass(frozen=True, slots=True)
class WireRequest:
    """What one POST carries: a route below the base URL and its fields; with files they become a form."""

    route: Literal["generations", "edits"]
    fields: Mapping[str, Any]
    files: tuple[tuple[str, tuple[str, bytes, str]], ...] = field(default=(), repr=False)

    @property
    def form(self) -> list[tuple[str, str]]:
        """The fields as text parts: numbers in decimal, booleans as true and false, nesting in brackets."""
        return [part for name, value in self.fields.items() for part in _parts(name, value)]


@dataclass(frozen=True, slots=True)
class Delivered:
    """What a successful answer holds: encoded pictures or, in their place, the URLs to fetch them from."""

    items: tuple[bytes | str, ...]
    damaged: int
    usage: Usage | None


class NotAnAnswerError(ValueError):
    """A 200 whose body is not what the API describes; the text says how."""


def encode(request: ImageRequest, dialect: Dialect, model: str) -> WireRequest:
    """Turn a request into the fields of one POST.

    Parameters
    ----------
    request
        What is asked.
    dialect
        How the other side speaks.
    model
        Sent as ``model``; empty sends none (Azure deployment routes, or a server with one model).
    """
    spoken = dialects.by_name(dialect) if isinstance(dialect, str) else dialect
    fields: dict[str, Any] = {"model": model} if model else {}
    fields |= {"prompt": request.prompt, "n": request.n, **_options(request, spoken)}
    for name, value in request.params:
        fields.pop(name, None)
        if value is not None:
            fields[name] = value
    if not request.inputs:
        return WireRequest("generations", fields)
    return WireRequest("edits", fields, tuple(_files(request, spoken)))


def decode(body: bytes) -> Delivered:
    """Read the body of a 200.

    Raises
    ------
    NotAnAnswerError
        If it is not JSON, carries an error, or no picture in it is whole.
    """
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as exc:
        begun = body.lstrip()[:1]
        raise NotAnAnswerError({b"": "empty", b"{": "broken"}.get(begun, "not JSON")) from exc
    if not isinstance(answer, dict):
        raise NotAnAnswerError("another form")
    return delivered(answer)


def delivered(answer: Mapping[str, Any]) -> Delivered:
    """Read the JSON of an answer.

    Raises
    ------
    NotAnAnswerError
        If no picture in it is whole.
    """
    data = answer.get("data")
    items = [item(each) for each in data if isinstance(each, dict)] if isinstance(data, list) else []
    good = tuple(each for each in items if each is not None)
    if not good:
        raise NotAnAnswerError("damaged" if items else "no picture")
    return Delivered(good, len(items) - len(good), _usage(answer.get("usage")))


def _options(request: ImageRequest, dialect: dialects.Dialect) -> dict[str, Any]:
    """Choose the options that go along.

    Everything is explicit for the two services, as Azure's documents disagree about its default quality. Any other
    server gets only what was said, and never the size ``auto``, on which some fail.
    """
    usual = {"quality": request.quality, "output_format": request.format}
    if not dialect.explicit:
        unsaid = {"quality": {DEFAULTS["quality"], "auto"}, "output_format": {DEFAULTS["format"]}}
        usual = {name: value for name, value in usual.items() if value not in unsaid[name]}
    wanted = {name: value for name, value in {**usual, **_unusual(request)}.items() if name in dialect.options}
    first = {"response_format": "b64_json"} if dialect.b64_json else {}
    if request.size != "auto" or dialect.auto_size:
        first["size"] = request.size
    return {**first, **wanted}


def _unusual(request: ImageRequest) -> dict[str, Any]:
    """Give the options that are sent only when they were said."""
    said = {
        "background": None if request.background == "auto" else request.background,
        "output_compression": request.compression,
        "moderation": request.moderation,
        "input_fidelity": request.fidelity,
    }
    return {name: value for name, value in said.items() if value is not None}


def _files(request: ImageRequest, dialect: dialects.Dialect) -> Iterator[tuple[str, tuple[str, bytes, str]]]:
    """Name the file parts: one picture is ``image``, several are ``image[]``, each with a name and its real MIME."""
    pictures = [each for each in request.inputs if each.role != "mask"]
    name = "image" if len(pictures) == 1 else "image[]"
    for index, each in enumerate(pictures, start=1):
        data = each.data
        if sniff(data) == "webp" and not dialect.webp_inputs:
            data = encoded(decoded(data), "png")
        kind = sniff(data)
        yield name, (f"image-{index}.{kind}", data, MIME[kind])
    for mask in (each for each in request.inputs if each.role == "mask"):
        yield dialect.mask_field, ("mask.png", _mask(mask.data, dialect.mask), MIME["png"])


def _mask(data: bytes, meaning: dialects.Mask) -> bytes:
    """Turn a mask as OpenAI has it (a PNG, transparent where the edit goes) into what the server reads.

    Raises
    ------
    ImageError
        If nothing in it is transparent: as a white or black picture it would say to edit nothing.
    """
    if meaning in {"alpha", "ignored"}:
        return data
    alpha = decoded(data).convert("RGBA").getchannel("A")
    white = alpha.point([255 - value for value in range(256)])
    if white.getbbox() is None:
        raise ImageError("The mask is nowhere transparent, so it leaves nothing to edit.")
    if meaning == "both":
        white = white.convert("RGBA")
        white.putalpha(alpha)
    return encoded(white, "png")


def _parts(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Flatten one field into text parts, as the official SDK does: ``svg[model]``, ``tags[]``."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _parts(f"{name}[{key}]", inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _parts(f"{name}[]", inner)
    elif isinstance(value, bool):
        yield name, "true" if value else "false"
    elif value is not None:
        yield name, str(value)


def item(answer: Mapping[str, Any]) -> bytes | str | None:
    """Give the bytes or the URL of one picture of an answer; None if it arrived damaged."""
    coded, url = answer.get("b64_json"), answer.get("url")
    coded = url if not coded and isinstance(url, str) and url.startswith("data:") else coded
    if isinstance(coded, str) and coded:
        try:
            data = base64.b64decode(coded.partition("base64,")[2] if coded.startswith("data:") else coded)
        except (binascii.Error, ValueError):
            return None
        return data if whole(data) else None
    return url if isinstance(url, str) and url else None


def whole(data: bytes) -> bool:
    """Tell whether encoded bytes are a picture with its end: truncated base64 often still decodes."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return b"IEND\xaeB`\x82" in data[-64:]
    if data.startswith(b"\xff\xd8\xff"):
        return b"\xff\xd9" in data[-64:]
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return len(data) >= int.from_bytes(data[4:8], "little") + 8
    return False


def _usage(usage: object) -> Usage | None:
    """Read the token counts; None if the server gives none that make sense."""
    if not isinstance(usage, dict):
        return None
    details = usage.get("input_tokens_details")
    details = details if isinstance(details, dict) else {}
    image_in = _count(details.get("image_tokens"))
    text_in = _count(details.get("text_tokens")) or max(0, _count(usage.get("input_tokens")) - image_in)
    out = _count(usage.get("output_tokens"))
    return Usage(text_in, image_in, out) if text_in or image_in or out else None


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else 0
