"""What can go wrong in a stream of pictures: entries for ``FakeApi.script``, for calls that ask for a stream.

On a call without a stream they change nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tests.fake_answers import event
from tests.fake_replies import Host, Reply

if TYPE_CHECKING:
    from collections.abc import Callable

Events = tuple[bytes, ...]
_FAILED = {"type": "image_generation_server_error", "code": "image_generation_failed", "param": None}
_TEXT = "Image generation failed"


def _amended(usual: Callable[[], Reply], change: Callable[[Events], Events]) -> Reply:
    reply = usual()
    return reply if reply.events is None else replace(reply, events=change(reply.events))


@dataclass(frozen=True, slots=True)
class StreamError:
    """An error event after so many events, nested as OpenAI sends it or ``flat`` as some gateways do."""

    after: int = 1
    flat: bool = False

    def answer(self, usual: Callable[[], Reply], _host: Host, /) -> Reply:
        """Give the stream with its rest replaced."""
        members = {**_FAILED, "message": _TEXT}
        told = {"code": members["code"], "message": _TEXT} if self.flat else {"error": members}
        return _amended(usual, lambda events: (*events[: self.after], event("error", told)))


@dataclass(frozen=True, slots=True)
class StreamEnds:
    """A clean end after so many events, without the final picture."""

    after: int = 1

    def answer(self, usual: Callable[[], Reply], _host: Host, /) -> Reply:
        """Give the first events only."""
        return _amended(usual, lambda events: events[: self.after])


@dataclass(frozen=True, slots=True)
class StreamReset:
    """A TCP reset after so many events."""

    after: int = 1

    def answer(self, usual: Callable[[], Reply], _host: Host, /) -> Reply:
        """Give the first events, marked to be cut."""
        return replace(_amended(usual, lambda events: events[: self.after]), reset="middle")


@dataclass(frozen=True, slots=True)
class FewerPartials:
    """Only so many partial pictures before the final one, which real servers do when they are quick."""

    count: int = 0

    def answer(self, usual: Callable[[], Reply], _host: Host, /) -> Reply:
        """Give the shortened stream."""
        return _amended(usual, lambda events: (*events[:-1][: self.count], events[-1]))


class ChattyStream:
    """Comments between the events and ``[DONE]`` at the end, as gateways add."""

    def answer(self, usual: Callable[[], Reply], _host: Host, /) -> Reply:
        """Give the stream with the noise added; clients should ignore it."""
        return _amended(usual, lambda events: (*(b": PING\n\n" + one for one in events), b"data: [DONE]\n\n"))


class JsonInsteadOfStream:
    """A JSON answer with the final picture, from a server that does not know ``stream``."""

    def answer(self, usual: Callable[[], Reply], _host: Host, /) -> Reply:
        """Give the last event's picture as an ordinary answer."""
        reply = usual()
        if reply.events is None:
            return reply
        last = json.loads(reply.events[-1].partition(b"data: ")[2])
        body = {"created": last["created_at"], "data": [{"b64_json": last["b64_json"]}]}
        return Reply(reply.status, json.dumps(body).encode(), {"Content-Type": "application/json"})
