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
import os
import socket
import ssl
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from requests.structures import CaseInsensitiveDict
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import DecodeError, HTTPError, LocationParseError, ProtocolError, ReadTimeoutError, SSLError

from imgmagic.errors import ApiError, UnreachableError, printable
from imgmagic.settings import is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from imgmagic.environment import Secret

log = logging.getLogger(__name__)

#: Seconds to connect; ten are plenty for a handshake, and a wrong host should be known soon.
CONNECT_TIMEOUT_S = 10.0

#: Largest answer in bytes: ten 4K pictures in base64 with room to spare.
MAX_ANSWER = 512 * 2**20

#: Largest picture in bytes that is fetched from a URL in an answer.
MAX_PICTURE = 100 * 2**20

_CHUNK = 2**20
_SIP = 512
_GULP = 2**16
_LOOK = 16
_EVENT_FIELDS = (b":", b"data:", b"event:", b"id:", b"retry:")

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


class Line:
    """A connection that another thread can cut.

    Closing a session is not enough: a thread that waits for bytes goes on waiting, and so does the server. The socket
    itself is shut down, which both ends notice at once. It is held by a duplicate, taken before any handshake: TLS
    moves a socket into another object, and while the handshake lasts nobody has that one.

    Parameters
    ----------
    check
        Called when the connection stands and nothing has been sent; may raise to leave it at that.
    public_only
        True refuses a peer inside a network. It is looked at on the socket: between a look-up and the connection, a
        name can come to mean another address. (A proxy is a peer of the user's own choice.)
    """

    def __init__(self, check: Callable[[], None], *, public_only: bool = False) -> None:
        self.check = check
        self._public_only = public_only
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._cut = False

    def hold(self, connected: socket.socket) -> None:
        """Remember a socket that has just been connected.

        Raises
        ------
        UnreachableError
            If its peer is not to be talked to.
        """
        address = str(connected.getpeername()[0])
        if self._public_only and not _is_public_address(address):
            raise UnreachableError(f"{address} is an address inside a network.", hint="Nothing was sent.")
        with self._lock:
            self._sockets.append(connected.dup())
            if self._cut:
                self._shut()

    def cut(self) -> None:
        """Shut down every socket, now and to come."""
        with self._lock:
            self._cut = True
            self._shut()

    def release(self) -> None:
        """Let go of every socket: the exchange is over."""
        with self._lock:
            while self._sockets:
                self._sockets.pop().close()

    def _shut(self) -> None:
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


class _Adapter(HTTPAdapter):
    """Makes connections that a line holds."""

    def __init__(self, line: Line) -> None:
        self._line = line
        super().__init__()

    def init_poolmanager(self, *args: Any, **how: Any) -> None:
        """Make the pools for direct connections."""
        super().init_poolmanager(*args, **how)
        self.poolmanager.pool_classes_by_scheme = _pools(self._line)

    def proxy_manager_for(self, proxy: str, **how: Any) -> Any:
        """Make the pools for connections through a proxy."""
        manager = super().proxy_manager_for(proxy, **how)
        manager.pool_classes_by_scheme = _pools(self._line)
        return manager

    def close(self) -> None:
        """Close the pools, and let go of what the line holds of them."""
        super().close()
        self._line.release()


def _pools(line: Line) -> dict[str, Any]:
    """Give urllib3's pools with connections that report to a line."""
    return {"http": _pool(HTTPConnectionPool, line), "https": _pool(HTTPSConnectionPool, line)}


def _pool(kind: Any, line: Line) -> Any:
    class Held(kind.ConnectionCls):  # type: ignore[misc]
        def _new_conn(self) -> Any:
            line.check()
            connected = super()._new_conn()
            line.hold(connected)
            return connected

        def connect(self) -> None:
            super().connect()
            line.check()

    return type(kind.__name__, (kind,), {"ConnectionCls": Held})


class _Session(requests.Session):
    """A session to which no answer is a redirect: otherwise it would read one to its end, and stumble over its URL."""

    def __init__(self, line: Line | None) -> None:
        super().__init__()
        if line is not None:
            for scheme in ("https://", "http://"):
                self.mount(scheme, _Adapter(line))

    def get_redirect_target(self, _response: requests.Response) -> None:
        """Find none."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server sent: status, headers (by any spelling of their name) and the whole decoded body."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
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
    line: Line | None = None,
    events: Callable[[bytes], bool] | None = None,
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
    line
        Lets somebody else cut the connection.
    events
        Takes the bytes of an event stream as they come, and says when it needs no more; any other answer is read as a
        whole. What was asked does not matter, nor what the server calls it: the first bytes decide.

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
        line=line,
        events=events,
        auth=auth,
        timeout=(CONNECT_TIMEOUT_S, read_timeout_s),
        params=query,
        headers={"Accept": "application/json", "User-Agent": "imgmagic", **(headers or {})},
        **content,
    )


def get(url: str, *, read_timeout_s: float, line: Line | None = None, limit: int | None = None) -> Answer:
    """Fetch a file of at most ``limit`` bytes (default: a picture's, `MAX_PICTURE`), without any credential.

    Raises
    ------
    UnreachableError
        If it did not come whole.
    """
    return _exchange(
        "GET",
        url,
        limit=MAX_PICTURE if limit is None else limit,
        line=line,
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
    return bool(found) and all(_is_public_address(str(each[4][0])) for each in found)


def _is_public_address(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_global


def _exchange(
    method: str,
    url: str,
    *,
    limit: int,
    line: Line | None = None,
    events: Callable[[bytes], bool] | None = None,
    **how: Any,
) -> Answer:
    """Do one exchange over a connection of its own; foreign exceptions stop here."""
    started = time.monotonic()
    outside = sys.exc_info()[1]
    host = urlsplit(url).hostname or ""
    proxies = {"no_proxy": host} if is_loopback(host) else None
    answered = False
    try:
        with (
            _Session(line) as session,
            session.request(method, url, allow_redirects=False, stream=True, proxies=proxies, **how) as response,
        ):
            answered = True
            body = _read(response, limit, events)
    except (requests.RequestException, HTTPError, UnicodeError) as exc:
        _seal(exc, outside)
        raise _unreachable(urlsplit(url).netloc, exc, _reason(exc, outside), answered=answered) from exc
    except Exception as exc:  # noqa: BLE001  a bug goes on; before Python 3.11 a bare `raise` would unseal it
        _seal(exc, outside)
        raise exc.with_traceback(exc.__traceback__)  # noqa: B904
    except KeyboardInterrupt:
        # The frames below hold the raw header bytes; a verbose traceback would print them.
        raise KeyboardInterrupt from None
    log.info("%s %s %d %.1f s", method, urlsplit(url).path, response.status_code, time.monotonic() - started)
    return Answer(response.status_code, CaseInsensitiveDict(response.headers), body)


def _seal(exc: BaseException | None, outside: BaseException | None) -> None:
    """Take the frames that hold the header as plain bytes out of an error's traceback, and of those behind it.

    A verbose traceback prints every local, also of an error that the user's own code meets while it handles ours.
    """
    if exc is not None and exc is not outside:
        exc.__traceback__ = _sealed(exc.__traceback__)
        _seal(exc.__cause__, outside)
        _seal(exc.__context__, outside)


def _sealed(trace: TracebackType | None) -> TracebackType | None:
    if trace is None:
        return None
    inner = _sealed(trace.tb_next)
    if str(trace.tb_frame.f_globals.get("__name__")).partition(".")[0] in {"http", "socket", "ssl"}:
        return inner
    return TracebackType(inner, trace.tb_frame, trace.tb_lasti, trace.tb_lineno)


def _read(response: requests.Response, limit: int, events: Callable[[bytes], bool] | None) -> bytes:
    """Read a body up to a limit, counting decompressed bytes; an event stream is handed on as it comes.

    The bytes decide what it is, as servers and gateways mislabel either. A line that breaks after the last event was
    complete, but for its blank line, has lost nothing.
    """
    takes = events if events is not None and response.status_code // 100 == 2 else None  # noqa: PLR2004
    declared = response.headers.get("content-type", "").lower().startswith("text/event-stream")
    streams = None if takes else False
    body, size = bytearray(), 0
    try:
        for chunk in _chunks(response) if takes else response.iter_content(_CHUNK):
            size += len(chunk)
            if not streams:
                body += chunk
            if streams is None:
                body = body.lstrip()
                streams = _is_stream(bytes(body[:_LOOK]), declared=declared)
            if takes and streams:
                piece = bytes(body) or chunk
                body.clear()
                if takes(piece):
                    break
            _refuse_more_than(limit, size, response)
    except (requests.RequestException, HTTPError):
        if not (takes and streams and takes(b"\n\n")):
            raise
    return bytes(body)


def _refuse_more_than(limit: int, size: int, response: requests.Response) -> None:
    if size > limit:
        host = printable(urlsplit(response.url).netloc)
        raise ApiError(
            f"The server {host} sent more than {limit // 2**20} MB; it was not read on.",
            hint=_BILLED,
            status=response.status_code,
        )


def _is_stream(begun: bytes, *, declared: bool) -> bool | None:
    """Tell by its first bytes whether a body is an event stream; None if they are too few."""
    begun = begun.removeprefix(b"\xef\xbb\xbf")
    if not begun:
        return None
    if declared or begun.startswith(_EVENT_FIELDS):
        return not begun.startswith((b"{", b"["))
    return None if any(name.startswith(begun) for name in _EVENT_FIELDS) else False


def _chunks(response: requests.Response) -> Iterator[bytes]:
    """Give the bytes of a body as they arrive, with the exceptions of `requests`.

    Its own iterator does so for a chunked answer only; of any other it waits for as much as it was asked for.
    """
    read1 = getattr(response.raw, "read1", None)
    chunked = "chunked" in response.headers.get("transfer-encoding", "").lower()
    if chunked or read1 is None:
        yield from response.iter_content(_CHUNK if chunked else _SIP)
        return
    try:
        while chunk := read1(_GULP, decode_content=True):
            yield chunk
    except ProtocolError as exc:
        raise requests.exceptions.ChunkedEncodingError(exc) from exc
    except DecodeError as exc:
        raise requests.exceptions.ContentDecodingError(exc) from exc
    except ReadTimeoutError as exc:
        raise requests.ConnectionError(exc) from exc
    except SSLError as exc:
        raise requests.exceptions.SSLError(exc) from exc


def _unreachable(host: str, exc: Exception, reason: str, *, answered: bool = False) -> UnreachableError:
    """Translate what went wrong on the way; only what surely came before sending is not billed."""
    host = printable(host, 100)
    insecure = isinstance(exc, requests.exceptions.SSLError) and not answered
    if isinstance(exc, requests.ReadTimeout) or (exc.args and isinstance(exc.args[0], ReadTimeoutError)):
        message, hint = f"The server {host} went silent before the answer was complete.", _BILLED
    elif insecure and "certificate" in reason:
        message, hint = f"The certificate of {host} is not accepted ({reason}).", _CERTIFICATE
    elif insecure and "EOF occurred" not in reason:
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
    elif _unsendable(exc) and not answered:
        message, hint = f"The request to {host} could not be sent ({reason}).", _NO_CONNECTION
    else:
        message, hint = f"The answer of {host} cannot be understood ({reason}).", _BILLED
    error = UnreachableError(message, hint=hint)
    error.maybe_billed = hint is _BILLED
    error.may_retry = hint is _NO_CONNECTION and _before_sending(exc)
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


def _unsendable(exc: Exception) -> bool:
    """Tell whether the request itself makes no sense; of a header, `requests` says whose it is by what it wraps."""
    if isinstance(exc, requests.exceptions.InvalidHeader):
        return not (exc.args and isinstance(exc.args[0], HTTPError))
    wrong = requests.exceptions
    kinds = (wrong.InvalidURL, wrong.MissingSchema, wrong.InvalidSchema, wrong.URLRequired, LocationParseError)
    return isinstance(exc, kinds) or (isinstance(exc, UnicodeError) and not isinstance(exc, UnicodeDecodeError))


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


def ask(
    url: str,
    *,
    auth: Auth,
    read_timeout_s: float,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    json_body: Mapping[str, Any] | None = None,
    form: Mapping[str, str] | None = None,
) -> Answer:
    """Ask a signed question that makes no picture: a GET, or a POST with a JSON body or a multipart form without files.

    Parameters
    ----------
    url
        Without a query.
    auth
        Signs the request.
    read_timeout_s
        Longest silence in seconds.
    query, headers
        Further query values and headers.
    json_body, form
        What a POST carries; with neither it is a GET.

    Raises
    ------
    UnreachableError
        If no complete answer came.
    ApiError
        If it is far too long for what was asked.
    """
    # `requests` makes a form of plain fields urlencoded unless they come as files, here without a file name.
    parts = None if form is None else [(name, (None, value)) for name, value in form.items()]
    return _exchange(
        "GET" if json_body is None and form is None else "POST",
        url,
        limit=_MAX_WORDS,
        auth=auth,
        timeout=(CONNECT_TIMEOUT_S, read_timeout_s),
        params=query,
        headers={"Accept": "application/json", "User-Agent": "imgmagic", **(headers or {})},
        json=json_body,
        files=parts,
    )


#: Largest answer in bytes where words are expected: the list of models of a large gateway.
_MAX_WORDS = 16 * 2**20


def proxy_of(url: str) -> str:
    """Name the proxy that a request would take, as host and port without credentials; empty if it goes directly."""
    if is_loopback(urlsplit(url).hostname or ""):
        return ""
    proxies = requests.utils.get_environ_proxies(url, no_proxy=None)
    proxy = requests.utils.select_proxy(url, proxies) or ""
    return urlsplit(proxy if "//" in proxy else f"//{proxy}").netloc.rpartition("@")[2]


def resolve(host: str) -> tuple[str, ...]:
    """Look up the addresses of a host.

    Raises
    ------
    UnreachableError
        If there is none.
    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        message = f"No address is known for {printable(host, 100)} ({_reason(exc, None)})."
        raise UnreachableError(message, hint=_NO_NAME) from exc
    return tuple(dict.fromkeys(str(each[4][0]) for each in found))


_NO_NAME = "Is the name spelt right? Without a network, or outside the company's VPN, it may not be known."


def reach(host: str, port: int, *, tls: bool, timeout_s: float = CONNECT_TIMEOUT_S) -> str:
    """Connect, shake hands, and hang up; nothing else is sent.

    Parameters
    ----------
    host, port
        Where to.
    tls
        Whether to secure the connection, trusting the certificates that requests are sent with.
    timeout_s
        Longest wait in seconds, for the connection and for each step of the handshake.

    Returns
    -------
    str
        The version of TLS, or an empty string without.

    Raises
    ------
    UnreachableError
        If there is no connection, or no secure one.
    """
    outside = sys.exc_info()[1]
    context = _trusting() if tls else None
    name = printable(f"{host}:{port}", 100)
    try:
        plain = socket.create_connection((host, port), timeout_s)
    except (OSError, UnicodeError) as exc:
        message = f"No connection to {name} ({_reason(exc, outside)})."
        raise UnreachableError(message, hint=_NO_CONNECTION) from exc
    with plain:
        if context is None:
            return ""
        try:
            with context.wrap_socket(plain, server_hostname=host) as secured:
                return secured.version() or "TLS"
        except ssl.SSLCertVerificationError as exc:
            message = f"The certificate of {name} is not accepted ({_reason(exc, outside)})."
            raise UnreachableError(message, hint=_CERTIFICATE) from exc
        except (OSError, ValueError) as exc:
            message = f"No secure connection to {name} ({_reason(exc, outside)})."
            raise UnreachableError(message, hint=_NO_TLS) from exc


def _trusting() -> ssl.SSLContext:
    """Trust what `requests` trusts: the bundle that the environment names, else its own."""
    variable = next((name for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE") if os.environ.get(name)), "")
    bundle = os.environ[variable] if variable else requests.utils.DEFAULT_CA_BUNDLE_PATH
    file, folder = (None, bundle) if os.path.isdir(bundle) else (bundle, None)  # noqa: PTH112
    try:
        return ssl.create_default_context(cafile=file, capath=folder)
    except OSError as exc:
        message = f"The certificates in {printable(bundle, 200)} cannot be read ({_reason(exc, None)})."
        raise UnreachableError(message, hint=f"Check {variable or 'the installation of certifi'}.") from exc
