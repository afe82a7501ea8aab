"""A server over raw sockets that stays in whatever phase it is told to, and notices when the client hangs up.

    with slow_server() as server:
        server.script = [SILENT]              # the next request is read, and then nothing happens …
        exchange = server.asked(1)            # … from here on
        server.go()                           # … until now: the rest is sent
        assert exchange.hung_up is None       # or the moment at which the client closed the connection

Its answers are fixed bytes and follow no description: what is right is checked with the fake API, this is about time.
A door that is shut (`shut_door`) lets nobody in at all.
"""

from __future__ import annotations

import base64
import json
import re
import select
import socket
import ssl
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.fake_answers import event
from tests.helpers import png

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WAIT_S = 30
#: A key that is recognised wherever it should not be.
KEY = "sk-recognisable-0123456789"
_LOOK_S = 0.01


def env(url: str, **more: str) -> dict[str, str]:
    """Give the environment that names a server."""
    named = {"AZURE_OPENAI_ENDPOINT": url, "AZURE_OPENAI_API_KEY": KEY, "AZURE_OPENAI_DEPLOYMENT_NAME": "img-dep"}
    return {**named, "IMGMAGIC_SIZE": "auto", **more}


@dataclass(frozen=True, slots=True)
class Play:
    """How one request is answered: what is sent at once, and what once the server is told to go on.

    ``secure`` is False for a server that does not even shake hands.
    """

    now: bytes = b""
    later: bytes = b""
    secure: bool = True


def head(status: str, kind: str, length: int | None = None, **more: str) -> bytes:
    """Give the head of an answer that ends with the connection, or after so many bytes."""
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", "Connection: close"]
    lines += [f"Content-Length: {length}"] if length is not None else []
    lines += [f"{name.replace('_', '-')}: {text}" for name, text in more.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def picture(words: str, size: tuple[int, int] = (64, 48)) -> str:
    """Give a picture in base64."""
    return base64.b64encode(png(words, 0, size)).decode()


def _answer(picture: str) -> tuple[bytes, bytes]:
    body = json.dumps({"created": 1, "data": [{"b64_json": picture}]}).encode()
    return head("200 OK", "application/json", len(body)), body


_HEAD, _BODY = _answer(picture("done"))
_WHOLE = _HEAD + _BODY
_STREAM = head("200 OK", "text/event-stream")
_DRAFT = event("image_generation.partial_image", {"b64_json": picture("draft"), "partial_image_index": 0})
_DONE = event("image_generation.completed", {"b64_json": picture("done"), "created_at": 1})
_HALF = len(_DONE) // 2

ANSWER = Play(_WHOLE)
LARGE = Play(b"".join(_answer(picture("large", (3840, 2160)))))
NO_HANDSHAKE = Play(secure=False)
SILENT = Play(b"", _WHOLE)
HEADERS_ONLY = Play(_HEAD, _BODY)
HALF_A_BODY = Play(_WHOLE[:-100], _WHOLE[-100:])
HALF_A_STREAM = Play(_STREAM + _DRAFT + _DONE[:_HALF], _DONE[_HALF:])


def busy(seconds: float) -> Play:
    """Give a refusal that asks for patience."""
    body = json.dumps({"error": {"code": "429", "message": "Please retry later."}}).encode()
    more = {"retry_after_ms": str(round(seconds * 1000))}
    return Play(head("429 Too Many Requests", "application/json", len(body), **more) + body)


@dataclass(slots=True)
class Exchange:
    """One connection: when its request was read, how it began, and when the client closed the connection (or None)."""

    began: float = field(default_factory=time.monotonic)
    request: bytes = field(default=b"", repr=False)
    answered: bool = False
    hung_up: float | None = None


class SlowServer:
    """A running slow server.

    Parameters
    ----------
    url
        Where it listens.
    script
        A play for each connection, from the front; `ANSWER` when there is none left.
    """

    def __init__(self, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        self._listener, self._tls = listener, tls
        port = listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        self.script: list[Play] = []
        self.exchanges: list[Exchange] = []
        self._changed = threading.Condition()
        self._gone_on = self._ended = 0
        self._let_go: set[int] = set()
        self._threads: list[threading.Thread] = []

    # --- for tests ---

    def asked(self, count: int) -> Exchange:
        """Wait until so many requests have come, and their answers have begun; gives the last."""
        self.until(lambda: len(self.exchanges) >= count and self.exchanges[count - 1].answered)
        return self.exchanges[count - 1]

    def hung_up(self, exchange: Exchange) -> float:
        """Wait until the client has closed a connection, and give the moment."""
        self.until(lambda: exchange.hung_up is not None)
        assert exchange.hung_up is not None
        return exchange.hung_up

    def until(self, there: Callable[[], bool]) -> None:
        """Wait for something that this server sees."""
        with self._changed:
            assert self._changed.wait_for(there, WAIT_S), f"not within {WAIT_S} s; seen: {self.exchanges}"

    def go(self, only: int | None = None) -> None:
        """Send the rest of what is being answered now, or of one request, counted from 1."""
        with self._changed:
            if only is None:
                self._gone_on = len(self.exchanges)
            else:
                self._let_go.add(only)

    def reset(self) -> None:
        """End every connection and forget all."""
        self._ended += 1
        for thread in self._threads:
            thread.join(WAIT_S)
        self.script, self.exchanges, self._threads, self._gone_on, self._let_go = [], [], [], 0, set()

    # --- its own threads ---

    def serve(self) -> None:
        """Take connections until the listener is closed."""
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                thread = threading.Thread(target=self._serve, args=(connection, self._ended), name="slow-server")
                self._threads.append(thread)
                thread.start()

    def _serve(self, plain: socket.socket, age: int) -> None:
        play = self.script[0] if self.script else ANSWER
        exchange = Exchange()
        # A client may hang up at any time, also amid a handshake.
        with plain, suppress(OSError):
            connection = self._tls.wrap_socket(plain, server_side=True) if self._tls and play.secure else plain
            with connection:
                exchange.request = _read(connection) if play.secure else b""
                if play.secure and not exchange.request:
                    return
                del self.script[:1]
                self._note(lambda: self.exchanges.append(exchange))
                number = len(self.exchanges)
                connection.sendall(play.now)
                self._note(lambda: setattr(exchange, "answered", True))
                if play.later or not play.now:
                    self._hold(connection, exchange, lambda: self._may_go_on(number) or self._ended > age)
                if exchange.hung_up is None:
                    connection.sendall(play.later)

    def _may_go_on(self, number: int) -> bool:
        return self._gone_on >= number or number in self._let_go

    def _hold(self, connection: socket.socket, exchange: Exchange, ended: Callable[[], bool]) -> None:
        """Do nothing until told to, or until the client hangs up."""
        while not ended():
            if select.select([connection], [], [], _LOOK_S)[0] and not _more(connection):
                self._note(lambda: setattr(exchange, "hung_up", time.monotonic()))
                return

    def _note(self, change: Callable[[], object]) -> None:
        with self._changed:
            change()
            self._changed.notify_all()


def _read(connection: socket.socket) -> bytes:
    """Read one request with a Content-Length; nothing if the client hangs up before it is whole."""
    got = b""
    while not _whole(got):
        more = connection.recv(65536)
        if not more:
            return b""
        got += more
    return got


def _whole(request: bytes) -> bool:
    top, end, body = request.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: (\d+)", top)
    return bool(end) and len(body) >= (int(length[1]) if length else 0)


def _more(connection: socket.socket) -> bytes:
    """Read what is there; nothing once the client has closed the connection, politely or not."""
    try:
        return connection.recv(65536)
    except OSError:
        return b""


def _all(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: _more(connection), b""))


@contextmanager
def slow_server(tls: ssl.SSLContext | None = None) -> Iterator[SlowServer]:
    """Serve until the block ends."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        server = SlowServer(listener, tls)
        accepting = threading.Thread(target=server.serve, name="slow-server")
        accepting.start()
        try:
            yield server
        finally:
            # Shut down as well: a thread that is in `accept` does not notice that its socket is closed.
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            accepting.join(WAIT_S)
            server.reset()


# --- a door that is shut ---


class ShutDoor:
    """A listener whose queue is full: whoever connects waits, as for a host that drops packets."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self._fillers: list[socket.socket] = []

    def fill(self) -> None:
        """Connect until nobody gets in any more."""
        with suppress(TimeoutError):
            while True:
                self._fillers.append(socket.create_connection(self._listener.getsockname(), 0.2))

    def open(self) -> bytes:
        """Let everybody in, and give what the first one who was not there before sends until it hangs up."""
        mine = {each.getsockname() for each in self._fillers}
        self._listener.settimeout(WAIT_S)
        while True:
            connection, address = self._listener.accept()
            with connection:
                if address not in mine:
                    connection.settimeout(WAIT_S)
                    return _all(connection)

    def close(self) -> None:
        """Hang up."""
        for each in self._fillers:
            each.close()


@contextmanager
def shut_door() -> Iterator[ShutDoor]:
    """Listen without letting anybody in until the block ends."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        door = ShutDoor(listener)
        door.fill()
        try:
            yield door
        finally:
            door.close()


def certificate(folder: Path, host: str = "127.0.0.1") -> tuple[ssl.SSLContext, Path]:
    """Make a certificate for an address that signs itself; gives the server's side and the file to trust."""
    path, key = folder / "certificate.pem", folder / "key.pem"
    asked = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=slow-server -addext"
    names = f"subjectAltName=IP:{host},IP:0.0.0.0"
    subprocess.run(["openssl", *asked.split(), names, "-out", path, "-keyout", key], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, key)
    return context, path
