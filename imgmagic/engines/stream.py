"""Pictures that come as a stream of events: unfinished ones on the way, the finished one at the end. Pure.

What a server sends decides, not what was asked: it may send fewer partials than promised or none, an error in the
middle (nested or flat), the finished picture twice, a whole JSON answer as one event, or nothing at its end.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from imgmagic.engines import wire
from imgmagic.engines.sse import Event, EventReader, OversizedEventError

if TYPE_CHECKING:
    from collections.abc import Callable

_DONE = "[DONE]"


class StreamedError(ValueError):
    """The stream carried an error; ``body`` is its JSON."""

    def __init__(self, body: bytes) -> None:
        super().__init__("error event")
        self.body = body


def asking_for(sent: wire.WireRequest, partials: int, *, azure: bool) -> wire.WireRequest:
    """Give the request that asks for a stream.

    Parameters
    ----------
    sent
        The request without.
    partials
        Unfinished pictures to ask for, 1 to 3; some deployments refuse a stream with none.
    azure
        Azure's edits read the form field ``stream`` by the letter: ``true`` is false there.
    """
    stream: Any = "True" if azure and sent.files else True
    return replace(sent, fields={**sent.fields, "stream": stream, "partial_images": partials})


class PictureStream:
    """Reads one stream.

    Parameters
    ----------
    show
        Gets every unfinished picture (encoded bytes) as soon as it is whole.
    """

    def __init__(self, show: Callable[[bytes], None]) -> None:
        self._show = show
        self._reader = EventReader()
        self._answer: dict[str, Any] | None = None
        self._error: ValueError | None = None
        self.begun = False

    def feed(self, chunk: bytes) -> bool:
        """Take some bytes, and say whether nothing more is needed.

        The finished picture is kept as soon as it is there: a server may leave the line open after it, or lose it.
        """
        self.begun = True
        try:
            events = self._reader.feed(chunk)
        except OversizedEventError:
            self._error = wire.NotAnAnswerError("damaged")
            return True
        for event in events:
            self._take(event)
        return self._ended

    def close(self) -> wire.Delivered:
        """Take the end of the stream, and give what it delivered.

        Raises
        ------
        StreamedError
            If an event said that the request failed.
        wire.NotAnAnswerError
            If it ended without a finished picture, with a damaged one, or with an event that is far too long.
        """
        for event in self._reader.close():
            self._take(event)
        if self._error is not None:
            raise self._error
        if self._answer is None:
            raise wire.NotAnAnswerError("unfinished")
        return wire.delivered(self._answer)

    @property
    def _ended(self) -> bool:
        return self._answer is not None or self._error is not None

    def _take(self, event: Event) -> None:
        """Take one event; what makes no sense is passed over, as its end will show what was lost."""
        try:
            data = json.loads(event.data) if event.data.strip() != _DONE else None
        except (ValueError, RecursionError):
            return
        if self._ended or not isinstance(data, dict):
            return
        kind = data.get("type") if isinstance(data.get("type"), str) else event.type
        if kind == "error" or data.get("error"):
            self._error = StreamedError(event.data.encode())
        elif str(kind).endswith(".partial_image"):
            self._partial(data)
        elif str(kind).endswith(".completed"):
            self._answer = {"data": [data], "usage": data.get("usage")}
        elif isinstance(data.get("data"), list):
            self._answer = data

    def _partial(self, data: dict[str, Any]) -> None:
        picture = wire.item(data)
        if isinstance(picture, bytes):
            self._show(picture)
