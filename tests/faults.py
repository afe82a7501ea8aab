"""What can go wrong on the way: entries for ``FakeApi.script``, each used up by one image POST.

``Status`` and the constants answer without looking at the request; the other classes spoil the answer that a healthy
server would have given. ``None`` in a script stands for a healthy answer.
"""

from __future__ import annotations

import base64
import gzip
import json as jsonlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tests.fake_replies import (
    APIM_MISSING_KEY,
    AZURE_BAD_KEY,
    AZURE_BLOCKED,
    AZURE_PERMISSION_DENIED,
    BILLING_HARD_LIMIT,
    CONTENT_FILTER_CHAT,
    CONTENT_FILTER_IMAGES,
    CONTENT_FILTER_SHAPES,
    CONTENT_FILTER_TASK,
    DEPLOYMENT_NOT_FOUND,
    EMPTY_504,
    ERROR_DETAIL,
    ERROR_INT_CODE,
    ERROR_STRING,
    GENERATION_FAILED,
    HTML_502,
    INSUFFICIENT_QUOTA,
    LIMIT_ZERO,
    MODERATION_BLOCKED,
    MULTIPART_MISROUTED,
    OPENAI_MISSING_KEY,
    ORGANIZATION_UNVERIFIED,
    RATE_LIMIT_AZURE,
    RATE_LIMIT_OPENAI,
    RESOURCE_NOT_FOUND,
    SERVER_ERROR,
    Fault,
    Host,
    Reply,
    Status,
    error,
    model_not_found,
    openai_bad_key,
    rate_limit_azure,
    rate_limit_openai,
)

__all__ = [
    "APIM_MISSING_KEY",
    "AZURE_BAD_KEY",
    "AZURE_BLOCKED",
    "AZURE_PERMISSION_DENIED",
    "BILLING_HARD_LIMIT",
    "CONTENT_FILTER_CHAT",
    "CONTENT_FILTER_IMAGES",
    "CONTENT_FILTER_SHAPES",
    "CONTENT_FILTER_TASK",
    "DEPLOYMENT_NOT_FOUND",
    "EMPTY_504",
    "ERROR_DETAIL",
    "ERROR_INT_CODE",
    "ERROR_STRING",
    "GENERATION_FAILED",
    "HTML_502",
    "INSUFFICIENT_QUOTA",
    "LIMIT_ZERO",
    "MODERATION_BLOCKED",
    "MULTIPART_MISROUTED",
    "OPENAI_MISSING_KEY",
    "ORGANIZATION_UNVERIFIED",
    "RATE_LIMIT_AZURE",
    "RATE_LIMIT_OPENAI",
    "RESOURCE_NOT_FOUND",
    "SERVER_ERROR",
    "Delay",
    "EmptyData",
    "ErrorWith200",
    "Fault",
    "FewerPictures",
    "Gzip",
    "Identity",
    "NotAnImage",
    "NotJson",
    "NullData",
    "Redirect",
    "Reset",
    "Status",
    "TruncatedBase64",
    "TruncatedJson",
    "UrlItems",
    "WrongContentLength",
    "error",
    "model_not_found",
    "openai_bad_key",
    "rate_limit_azure",
    "rate_limit_openai",
]

Usual = Callable[[], Reply]


class _Spoiler:
    """Base of faults that change a healthy answer; refusals and streams pass untouched."""

    __slots__ = ()

    def answer(self, usual: Usual, host: Host, /) -> Reply:
        """Give the spoilt answer."""
        reply = usual()
        return self.spoil(reply, host) if reply.status == 200 and reply.events is None else reply

    def spoil(self, reply: Reply, host: Host, /) -> Reply:
        """Change a healthy answer; overridden by each fault."""
        raise NotImplementedError


def _amend(reply: Reply, change: Callable[[dict[str, Any]], object]) -> Reply:
    """Give the answer with its JSON body changed in place by ``change``."""
    body = jsonlib.loads(reply.body)
    change(body)
    return replace(reply, body=jsonlib.dumps(body).encode())


def _each_item(reply: Reply, change: Callable[[dict[str, Any]], object]) -> Reply:
    return _amend(reply, lambda body: [change(item) for item in body["data"]])


# --- instead of an answer --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Redirect:
    """Send the client elsewhere."""

    location: str
    status: int = 307

    def answer(self, _usual: Usual, _host: Host, /) -> Reply:
        """Give the redirect."""
        return Reply(self.status, b"", {"Location": self.location})


@dataclass(frozen=True, slots=True)
class Delay:
    """Wait before the answer, which is the usual one or that of another fault."""

    seconds: float
    then: Fault | None = None

    def answer(self, usual: Usual, host: Host, /) -> Reply:
        """Wait, then answer."""
        host.pause(self.seconds)
        return self.then.answer(usual, host) if self.then else usual()


@dataclass(frozen=True, slots=True)
class Reset:
    """Cut the connection with a TCP reset; the request was worked on, so it may have been billed."""

    before_headers: bool = True

    def answer(self, usual: Usual, _host: Host, /) -> Reply:
        """Give the usual answer, marked to be cut."""
        return replace(usual(), reset="before" if self.before_headers else "middle")


@dataclass(frozen=True, slots=True)
class ErrorWith200:
    """An error body (or any JSON) under status 200, as some gateways send."""

    body: Mapping[str, Any]

    def answer(self, usual: Usual, host: Host, /) -> Reply:
        """Give the body."""
        return Status(200, dict(self.body)).answer(usual, host)


# --- a spoilt body ---------------------------------------------------------------------------------------------


class NotJson(_Spoiler):
    """A body that is text though it claims to be JSON."""

    def spoil(self, reply: Reply, _host: Host, /) -> Reply:
        """Replace the body."""
        return replace(reply, body=b"upstream connect error or disconnect/reset before headers")


class TruncatedJson(_Spoiler):
    """Half the JSON, with an honest Content-Length."""

    def spoil(self, reply: Reply, _host: Host, /) -> Reply:
        """Halve the body."""
        return replace(reply, body=reply.body[: len(reply.body) // 2])


class WrongContentLength(_Spoiler):
    """A Content-Length larger than the body, which then ends."""

    def spoil(self, reply: Reply, _host: Host, /) -> Reply:
        """Claim more than there is."""
        return replace(reply, length=len(reply.body) + 1000)


class Gzip(_Spoiler):
    """The answer compressed, whether or not the client asked for it."""

    def spoil(self, reply: Reply, _host: Host, /) -> Reply:
        """Compress the body."""
        return replace(reply, body=gzip.compress(reply.body, 1), headers={**reply.headers, "Content-Encoding": "gzip"})


# --- a spoilt `data` -------------------------------------------------------------------------------------------


class EmptyData(_Spoiler):
    """``data`` is an empty list: everything was filtered."""

    def spoil(self, reply: Reply, _host: Host, /) -> Reply:
        """Empty the list."""
        return _amend(reply, lambda body: body.update(data=[]))


class NullData(_Spoiler):
    """``data`` is null."""

    def spoil(self, reply: Reply, _host: Host, /) -> Reply:
        """Null the list."""
        return _amend(reply, lambda body: body.update(data=None))


@dataclass(frozen=True, slots=True)
class FewerPictures(_Spoiler):
    """Only the first ``count`` of the pictures asked for."""

    count: int

    def spoil(self, reply: Reply, _host: Host, /) -> Reply:
        """Shorten the list."""
        return _amend(reply, lambda body: body.update(data=body["data"][: self.count]))


class Identity(_Spoiler):
    """The first picture of the request in the place of each answer, bit for bit."""

    def spoil(self, reply: Reply, host: Host, /) -> Reply:
        """Send back what came."""
        sent = next(data for name, _, _, data in host.requests[-1].files if name.startswith("image"))
        return _each_item(reply, lambda item: item.update(b64_json=base64.b64encode(sent).decode()))


class UrlItems(_Spoiler):
    """``url`` instead of ``b64_json``; the URLs are served by the fake itself."""

    def spoil(self, reply: Reply, host: Host, /) -> Reply:
        """Move each picture behind a URL."""
        return _each_item(reply, lambda item: item.update(url=host.keep(base64.b64decode(item.pop("b64_json")))))


class TruncatedBase64(_Spoiler):
    """Base64 cut so that its length is no multiple of four."""

    def spoil(self, reply: Reply, _host: Host, /) -> Reply:
        """Cut each text."""
        return _each_item(reply, lambda item: item.update(b64_json=_half(item["b64_json"])))


class NotAnImage(_Spoiler):
    """Valid base64 of bytes that are no picture."""

    def spoil(self, reply: Reply, _host: Host, /) -> Reply:
        """Replace each picture."""
        garbage = base64.b64encode(b"\x00not a picture\xff" * 16).decode()
        return _each_item(reply, lambda item: item.update(b64_json=garbage))


def _half(text: str) -> str:
    return text[: len(text) // 8 * 4 + 1]
