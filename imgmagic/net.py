"""Every HTTP call that imgmagic makes: the only module that imports requests.

The rules of the road, each for a reason:

- one attempt and a fresh connection per POST: a picture is paid for, and a stale pooled connection that fails after
  sending cannot be told from one that failed before;
- redirects are errors: `requests` would forward an ``api-key`` header to another host and turn POST into GET;
- a proxy never sees what is for this machine: plain http is allowed there, key and all;
- authentication goes through one `AuthBase`, also when there is no key: without any, `requests` reads ``.netrc``;
- answers are read up to a limit, decompressed bytes counted;
- nothing of `requests` leaves this module: its exceptions become `UnreachableError`, its responses an `Answer`.
"""

from __future__ import annotations

import ipaddress
import logging
import socket
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import LocationParseError

from imgmagic.errors import ApiError, UnreachableError, printable
from imgmagic.settings import is_loopback

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from imgmagic.settings import Secret

log = logging.getLogger(__name__)

#: Seconds to connect; ten are plenty for a handshake, and a wrong host should be known soon.
CONNECT_TIMEOUT_S = 10.0

#: Largest answer in bytes: ten 4K pictures in base64 with room to spare.
MAX_ANSWER = 512 * 2**20

#: Largest picture in bytes that is fetched from a URL in an answer.
MAX_PICTURE = 100 * 2**20

_CHUNK = 2**20

Part = tuple[str, tuple[str, bytes, str]]


class _Masked(str):
    """A header value whose `repr` does not show it: verbose tracebacks print every local, headers included."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'…'"


class Auth(AuthBase):
    """Signs a request: the only place where a credential is a string.

    Parameters
    ----------
    secret
        The credential; None signs nothing, but still keeps ``.netrc`` out.
    scheme
        ``api-key`` for Azure keys, ``bearer`` for everything else.
    """

    def __init__(self, secret: Secret | None = None, scheme: Literal["api-key", "bearer"] = "bearer") -> None:
        self._secret = secret
        self._scheme = scheme

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Put the credential into its header."""
        if self._secret is not None:
            if self._scheme == "api-key":
                request.headers["api-key"] = _Masked(self._secret.reveal())
            else:
                request.headers["Authorization"] = _Masked(f"Bearer {self._secret.reveal()}")
        return request


class _Session(requests.Session):
    """A session to which no answer is a redirect: otherwise it would read one to its end, and stumble over its URL."""

    def get_redirect_target(self, _response: requests.Response) -> None:
        """Find none."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server sent: status, headers (by any spelling of their name) and the whole decoded body."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


def post(
    url: str,
    *,
    auth: Auth,
    read_timeout_s: float,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    json_body: Mapping[str, Any] | None = None,
    fields: Sequence[tuple[str, str]] = (),
    files: Sequence[Part] = (),
) -> Answer:
    """Send one POST, as JSON or (with files) as a multipart form, and read the whole answer.

    Parameters
    ----------
    url
        Without a query.
    auth
        Signs the request.
    read_timeout_s
        Longest silence in seconds while waiting for the answer.
    query, headers
        Further query values and headers.
    json_body
        The body of a JSON request.
    fields, files
        Text parts and file parts (name, (file name, bytes, MIME type)), in this order.

    Raises
    ------
    UnreachableError
        If no complete answer came; ``maybe_billed`` tells whether the request may have been worked on.
    """
    content: dict[str, Any] = {"json": json_body} if json_body is not None else {"data": fields, "files": files}
    return _exchange(
        "POST",
        url,
        limit=MAX_ANSWER,
        auth=auth,
        timeout=(CONNECT_TIMEOUT_S, read_timeout_s),
        params=query,
        headers={"Accept": "application/json", "User-Agent": "imgmagic", **(headers or {})},
        **content,
    )


def get(url: str, *, read_timeout_s: float) -> Answer:
    """Fetch a picture that an answer points to, without any credential.

    Raises
    ------
    UnreachableError
        If it did not come whole.
    """
    return _exchange(
        "GET",
        url,
        limit=MAX_PICTURE,
        auth=Auth(),
        timeout=(CONNECT_TIMEOUT_S, read_timeout_s),
        headers={"User-Agent": "imgmagic"},
    )


def is_public(host: str) -> bool:
    """Tell whether every address of a host is on the public internet."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False
    return bool(found) and all(ipaddress.ip_address(str(each[4][0]).split("%")[0]).is_global for each in found)


def _exchange(method: str, url: str, *, limit: int, **how: Any) -> Answer:
    """Do one exchange over a connection of its own; foreign exceptions stop here."""
    started = time.monotonic()
    outside = sys.exc_info()[1]
    host = urlsplit(url).hostname or ""
    proxies = {"no_proxy": host} if is_loopback(host) else None
    try:
        with (
            _Session() as session,
            session.request(method, url, allow_redirects=False, stream=True, proxies=proxies, **how) as response,
        ):
            body = _read(response, limit)
    except (requests.RequestException, LocationParseError, UnicodeError) as exc:
        raise _unreachable(urlsplit(url).netloc, exc, _reason(exc, outside)) from exc
    except KeyboardInterrupt:
        # The frames below hold the raw header bytes; a verbose traceback would print them.
        raise KeyboardInterrupt from None
    log.info("%s %s %d %.1f s", method, urlsplit(url).path, response.status_code, time.monotonic() - started)
    return Answer(response.status_code, CaseInsensitiveDict(response.headers), body)


def _read(response: requests.Response, limit: int) -> bytes:
    """Read a body up to a limit, counting decompressed bytes."""
    body = bytearray()
    for chunk in response.iter_content(_CHUNK):
        body += chunk
        if len(body) > limit:
            raise ApiError(
                f"{printable(urlsplit(response.url).netloc)} sent more than {limit // 2**20} MB; it was not read on.",
                status=response.status_code,
            )
    return bytes(body)


def _unreachable(host: str, exc: Exception, reason: str) -> UnreachableError:
    """Translate what went wrong on the way; only a failure to connect is surely not billed."""
    host = printable(host, 100)
    if isinstance(exc, requests.ReadTimeout):
        message, hint = f"{host} went silent before the answer was complete.", _BILLED
    elif isinstance(exc, requests.exceptions.SSLError) and "certificate" in reason:
        message, hint = f"The certificate of {host} is not accepted ({reason}).", _CERTIFICATE
    elif isinstance(exc, requests.exceptions.SSLError) and "EOF occurred" not in reason:
        message, hint = f"No secure connection to {host} ({reason}).", _NO_TLS
    elif isinstance(exc, requests.exceptions.ProxyError) and not _broken_later(exc):
        message, hint = f"The proxy on the way to {host} failed ({reason}).", _PROXY
    elif _before_sending(exc):
        message, hint = f"No connection to {host} ({reason}).", _NO_CONNECTION
    elif isinstance(exc, (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        message, hint = f"The connection to {host} broke before the answer was complete ({reason}).", _BILLED
    elif isinstance(exc, requests.exceptions.ContentDecodingError):
        message, hint = f"The answer of {host} could not be decompressed ({reason}).", _BILLED
    elif isinstance(exc, (requests.exceptions.InvalidJSONError, UnicodeEncodeError)):
        message, hint = f"The request to {host} holds something that cannot be sent ({reason}).", _NOT_SENDABLE
    else:
        message, hint = f"The request to {host} could not be sent ({reason}).", _NO_CONNECTION
    error = UnreachableError(message, hint=hint)
    error.maybe_billed = hint is _BILLED
    return error


_BILLED = "The request had been sent, so it may have been billed. Run the cell again to ask once more."
_NO_CONNECTION = "Nothing was sent. Check the address (`%imgmagic` shows it) and the network, then run the cell again."
_NO_TLS = "Nothing was sent. Does the server speak https? One on this machine may be reached by http:// as well."
_PROXY = "Nothing was sent. Check HTTPS_PROXY and NO_PROXY."
_NOT_SENDABLE = "Nothing was sent. Change the words or the extra fields (`-p`)."
_CERTIFICATE = "Nothing was sent. Behind a company proxy, point REQUESTS_CA_BUNDLE at its certificate."


def _broken_later(exc: requests.exceptions.ProxyError) -> bool:
    """Tell whether a connection was there and broke, which urllib3 takes for a fault of the proxy if there is one."""
    inner = getattr(exc.args[0], "reason", None) if exc.args else None
    return isinstance(getattr(inner, "original_error", None), ConnectionError)


def _before_sending(exc: Exception) -> bool:
    """Tell whether the connection was never made, so that nothing can have been worked on."""
    if isinstance(exc, requests.ConnectTimeout):
        return True
    inner = getattr(exc.args[0], "reason", None) if exc.args else None
    return type(inner).__name__ in {"NewConnectionError", "NameResolutionError", "ConnectTimeoutError"}


def _reason(exc: BaseException, outside: BaseException | None) -> str:
    """Give the innermost cause in a few words, but none that the caller was handling already."""
    while (inner := exc.__cause__ or exc.__context__) is not None and inner is not outside:
        exc = inner
    text = getattr(exc, "strerror", None) or getattr(exc, "verify_message", None) or str(exc)
    return printable(str(text) or type(exc).__name__, 160)
