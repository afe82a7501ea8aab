"""Requests and answers as they travel: pure functions, both directions, no I/O.

Three dialects. *Azure deployment routes* carry the deployment in the URL and must not carry ``model``; *OpenAI* and
Azure's v1 routes carry ``model``; a *compatible* server is asked for ``b64_json`` (several answer with URLs otherwise,
while GPT image models refuse that field) and is sent only what the call said, since it may not know the rest.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from imgmagic.exchange import DEFAULTS, Format, ImageRequest, Usage
from imgmagic.images import sniff

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Dialect = Literal["azure", "openai", "compatible"]

MIME: Mapping[Format, str] = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}


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
    fields: dict[str, Any] = {"model": model} if model else {}
    fields |= {"prompt": request.prompt, "n": request.n}
    fields |= _options(request) if dialect != "compatible" else _said(request)
    for name, value in request.params:
        fields.pop(name, None)
        if value is not None:
            fields[name] = value
    if not request.inputs:
        return WireRequest("generations", fields)
    return WireRequest("edits", fields, tuple(_files(request)))


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
    data = answer.get("data")
    items = [_item(each) for each in data if isinstance(each, dict)] if isinstance(data, list) else []
    good = tuple(item for item in items if item is not None)
    if not good:
        raise NotAnAnswerError("damaged" if items else "no picture")
    return Delivered(good, len(items) - len(good), _usage(answer.get("usage")))


def _options(request: ImageRequest) -> dict[str, Any]:
    """Everything explicit for the two services: Azure's documents disagree about its default quality."""
    fields: dict[str, Any] = {"size": request.size, "quality": request.quality, "output_format": request.format}
    return fields | _unusual(request)


def _said(request: ImageRequest) -> dict[str, Any]:
    """Only what a compatible server is likely to know: ``auto`` sizes make some of them fail."""
    fields: dict[str, Any] = {"response_format": "b64_json"}
    if request.size != "auto":
        fields["size"] = request.size
    if request.quality not in {DEFAULTS["quality"], "auto"}:
        fields["quality"] = request.quality
    if request.format != DEFAULTS["format"]:
        fields["output_format"] = request.format
    return fields | _unusual(request)


def _unusual(request: ImageRequest) -> dict[str, Any]:
    """Give the options that are sent only when they were said."""
    said = {
        "background": None if request.background == "auto" else request.background,
        "output_compression": request.compression,
        "moderation": request.moderation,
    }
    return {name: value for name, value in said.items() if value is not None}


def _files(request: ImageRequest) -> Iterator[tuple[str, tuple[str, bytes, str]]]:
    """Name the file parts: one picture is ``image``, several are ``image[]``, each with a name and its real MIME."""
    pictures = [each for each in request.inputs if each.role != "mask"]
    name = "image" if len(pictures) == 1 else "image[]"
    for index, each in enumerate(pictures, start=1):
        kind = sniff(each.data)
        yield name, (f"image-{index}.{kind}", each.data, MIME[kind])
    for mask in (each for each in request.inputs if each.role == "mask"):
        yield "mask", ("mask.png", mask.data, MIME["png"])


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


def _item(item: Mapping[str, Any]) -> bytes | str | None:
    """Give a picture's bytes or URL; None if it arrived damaged."""
    coded, url = item.get("b64_json"), item.get("url")
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
