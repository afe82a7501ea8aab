"""The HTTP side of the fake API: connections, and answers written the way a script wants them."""

from __future__ import annotations

import socket
import socketserver
import struct
import sys
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Protocol

from tests.fake_forms import Seen, read_body, seen

if TYPE_CHECKING:
    from tests.fake_replies import Reply


class Service(Protocol):
    """What decides the answers."""

    bugs: list[BaseException]

    def receive(self, request: Seen) -> Reply:
        """Give the answer to a request."""

    def pause(self, seconds: float | None = None) -> None:
        """Wait between two streamed events."""


class Server(ThreadingHTTPServer):
    """Knows its open connections, so that it can end them instead of waiting for idle clients."""

    daemon_threads = False
    request_queue_size = 64
    service: Service

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.open: set[socket.socket] = set()

    def server_bind(self) -> None:
        # HTTPServer looks its own name up in DNS here, which can take seconds.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.socket.getsockname()[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base class calls it so
        """Keep the fake's own bugs; clients may hang up as they like."""
        problem = sys.exc_info()[1]
        if problem is not None and not isinstance(problem, ConnectionError):
            self.service.bugs.append(problem)

    def end_connections(self) -> None:
        """Shut every connection, which ends the threads that wait for another request on it."""
        for connection in list(self.open):
            # Closed by its own thread in the meantime, perhaps.
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def _serve(self) -> None:
        body = read_body(self.rfile, self.headers)
        self._send(self.server.service.receive(seen(self.command, self.path, self.headers, body)))

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _serve  # noqa: N815 - the base class looks for these

    def _send(self, reply: Reply) -> None:
        if reply.reset == "before":
            self._cut()
            return
        self.send_response(reply.status)
        for name, text in reply.headers.items():
            self.send_header(name, text)
        if reply.events is not None:
            self._stream(reply)
            return
        length = reply.length if reply.length is not None else len(reply.body)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(reply.body[: len(reply.body) // 2] if reply.reset else reply.body)
        if reply.reset:
            self._cut()
        elif length != len(reply.body):
            self.close_connection = True

    def _stream(self, reply: Reply) -> None:
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number, event in enumerate(reply.events or ()):
            if number:
                self.server.service.pause()
            self.wfile.write(b"%x\r\n%b\r\n" % (len(event), event))
        if reply.reset:
            self._cut()
        else:
            self.wfile.write(b"0\r\n\r\n")

    def _cut(self) -> None:
        """Make closing the connection a reset: linger on, for zero seconds."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # Detached, so that the server's polite shutdown (a FIN) finds nothing to shut down.
        socket.close(self.connection.detach())

    def log_message(self, *args: Any) -> None:
        """Say nothing: the record is in ``FakeApi.requests``."""
