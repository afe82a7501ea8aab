"""A small reader of server-sent events: bytes in, events out. Pure.

Written after the WHATWG's "Server-sent events" (html.spec.whatwg.org, §9.2.6), because what services and the gateways
before them send differs only inside that text: CRLF or LF, comments as keep-alive, events cut anywhere by the network,
a last event without its blank line. One event holds a whole picture, so lines are gathered in pieces and never copied
twice.
"""

from __future__ import annotations

from dataclasses import dataclass

#: The most bytes that one event may have: a 4K picture in base64 has about 40 million.
MAX_EVENT = 256 * 2**20


class OversizedEventError(ValueError):
    """An event that does not end."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its type (empty if none was named) and its data lines, joined by line feeds."""

    type: str
    data: str


class EventReader:
    """Cuts a stream of bytes into events, however the network has cut it."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0
        self._after_cr = False
        self._first = True
        self._type = ""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> list[Event]:
        """Take some bytes, and give the events that they complete.

        Raises
        ------
        OversizedEventError
            If an event has more than `MAX_EVENT` bytes.
        """
        if self._after_cr and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._after_cr = False
        if not chunk:
            return []
        events = []
        *lines, rest = self._split(chunk)
        for line in lines:
            event = self._line(b"".join([*self._pieces, line]))
            self._pieces.clear()
            if event is not None:
                events.append(event)
        self._pieces.append(rest)
        self._size += len(chunk)
        if self._size > MAX_EVENT:
            raise OversizedEventError
        return events

    def close(self) -> list[Event]:
        """Take the end of the stream: an event that lacks only its blank line is given all the same."""
        event = self._line(b"".join(self._pieces)) if any(self._pieces) else None
        self._pieces.clear()
        last = self._dispatch()
        return [each for each in (event, last) if each is not None]

    def _split(self, chunk: bytes) -> list[bytes]:
        """Cut at CRLF, LF or CR; a CR at the end may be half a CRLF."""
        self._after_cr = chunk.endswith(b"\r")
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")

    def _line(self, raw: bytes) -> Event | None:
        """Take one line; a blank one ends an event."""
        line = raw.decode("utf-8", "replace")
        if self._first:
            line = line.removeprefix("\ufeff")
            self._first = False
        if not line:
            return self._dispatch()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._type = value
        return None

    def _dispatch(self) -> Event | None:
        event = Event(self._type, "\n".join(self._data)) if self._data else None
        self._type, self._data, self._size = "", [], 0
        return event
