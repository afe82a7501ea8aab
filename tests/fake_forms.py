"""What the fake API saw: one frozen record per request, with JSON and multipart bodies taken apart."""

from __future__ import annotations

import json as jsonlib
import re
import time as clock
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import Message
    from io import BufferedIOBase


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it arrived.

    Parameters
    ----------
    path
        Percent-decoded path without the query.
    headers
        ``get`` and ``in`` ignore case.
    json
        The body when it is a JSON object, else None.
    fields
        Text parts of a form as (name, value), in order.
    files
        File parts of a form as (name, filename, mime, bytes), in order.
    time
        Seconds on the monotonic clock at arrival.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: Message
    body: bytes = field(repr=False)
    json: dict[str, Any] | None = None
    fields: tuple[tuple[str, str], ...] = ()
    files: tuple[tuple[str, str, str, bytes], ...] = field(default=(), repr=False)
    time: float = field(default_factory=clock.monotonic)

    @property
    def values(self) -> dict[str, Any]:
        """The fields of the request by name, from either kind of body; files are not among them."""
        return dict(self.json or self.fields)

    @property
    def mime(self) -> str:
        """The Content-Type without its parameters, lower case; empty when absent."""
        return mime_of(self.headers)


def mime_of(headers: Message) -> str:
    """Give the Content-Type without its parameters; empty when absent."""
    return (headers.get("Content-Type") or "").partition(";")[0].strip().lower()


def seen(method: str, target: str, headers: Message, body: bytes) -> Seen:
    """Take a request apart; a body that cannot be read leaves ``json``, ``fields`` and ``files`` empty."""
    parts = urlsplit(target)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    fields, files = _form(headers, body)
    return Seen(method, unquote(parts.path), query, headers, body, _object(headers, body), fields, files)


def _object(headers: Message, body: bytes) -> dict[str, Any] | None:
    if mime_of(headers) != "application/json":
        return None
    try:
        value = jsonlib.loads(body)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _form(headers: Message, body: bytes) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str, str, bytes], ...]]:
    """Sort the parts of a multipart body into text fields and files: a part with a filename is a file."""
    fields: list[tuple[str, str]] = []
    files: list[tuple[str, str, str, bytes]] = []
    for name, filename, mime, content in _parts(headers, body):
        if filename is None:
            fields.append((name, content.decode("utf-8", "replace")))
        else:
            # RFC 7578: a part without a type is text, so a file without one counts as such here.
            files.append((name, filename, mime or "text/plain", content))
    return tuple(fields), tuple(files)


def _parts(headers: Message, body: bytes) -> Iterator[tuple[str, str | None, str, bytes]]:
    """Yield (name, filename or None, mime, content) of every part that is complete.

    Cut by hand: the parsers of the standard library decode the whole body as text, slow for megabytes of pictures.
    """
    boundary = headers.get_param("boundary")
    if mime_of(headers) != "multipart/form-data" or not isinstance(boundary, str):
        return
    for piece in (b"\r\n" + body).split(b"\r\n--" + boundary.encode())[1:]:
        if piece.startswith(b"--"):
            return
        head, gap, content = piece.partition(b"\r\n\r\n")
        text = head.decode("utf-8", "replace")
        name = _parameter(text, "name")
        if gap and name is not None:
            yield name, _parameter(text, "filename"), _line(text, "Content-Type"), content


def _parameter(head: str, name: str) -> str | None:
    found = re.search(rf'[; ]{name}="([^"]*)"', _line(head, "Content-Disposition"))
    return unquote(found[1]) if found else None


def _line(head: str, name: str) -> str:
    found = re.search(rf"^{name}:[ \t]*(.*?)[ \t]*\r?$", head, re.IGNORECASE | re.MULTILINE)
    return found[1] if found else ""


def read_body(stream: BufferedIOBase, headers: Message) -> bytes:
    """Read a request's body, sent whole or in chunks (proxies send chunks)."""
    if "chunked" in (headers.get("Transfer-Encoding") or "").lower():
        return b"".join(_chunks(stream))
    return stream.read(int(headers.get("Content-Length") or 0))


def _chunks(stream: BufferedIOBase) -> Iterator[bytes]:
    while size := int(stream.readline().partition(b";")[0], 16):
        yield stream.read(size)
        stream.readline()
    while stream.readline().strip():
        pass
