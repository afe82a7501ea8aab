"""A loopback server that answers at once, and says when its last byte was sent.

Run as a process of its own, so that it shares no interpreter lock with anything measured:

    python -m tests.bench.server BODY...

It prints its port and then, after every answer, the monotonic clock at the moment when the last byte was handed over.
Bodies are sent in turn, to generations and edits alike. A request for a stream gets the same picture twice, as an
unfinished and as the finished one, with a pause between; the moment of the first is printed too.
"""

from __future__ import annotations

import itertools
import json
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

from tests.bench.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_CHUNK = 2**16
_COUNT = "/asked"
_PATIENCE_S = 60
#: Seconds between an unfinished picture and the finished one; more than a client needs to show the first.
PAUSE_S = 0.5

_USAGE = {
    "input_tokens": 10,
    "input_tokens_details": {"text_tokens": 10, "image_tokens": 0},
    "output_tokens": 100,
    "total_tokens": 110,
}
_ROUTES = ("/images/generations", "/images/edits")


class Server:
    """The server's process, as the bench sees it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.url = f"http://127.0.0.1:{self._line()}"

    def last_byte(self) -> float:
        """Give the monotonic time at which the next answer not yet asked about was sent; waits for it."""
        return float(self._line())

    def asked(self) -> int:
        """Give how many requests have come until now, this one aside, whatever they were for."""
        with urlopen(f"{self.url}{_COUNT}", timeout=_PATIENCE_S) as answer:
            return int(answer.read())

    def _line(self) -> str:
        return self._process.stdout.readline().strip() if self._process.stdout else ""


@contextmanager
def serving(bodies: Sequence[Path]) -> Iterator[Server]:
    """Run the server while the block runs."""
    command = [sys.executable, "-m", "tests.bench.server", *map(str, bodies)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=dict(os.environ)) as process:
        try:
            yield Server(process)
        finally:
            process.terminate()


def main(files: Sequence[str]) -> None:
    """Answer until the process is ended."""
    bodies = itertools.cycle([Path(each).read_bytes() for each in files])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        count = 0
        while True:
            connection, _ = listener.accept()
            with connection:
                path, asked = _received(connection)
                count += bool(path) and path != _COUNT
                if path == _COUNT:
                    _reply(connection, "200 OK", str(count).encode())
                elif path.endswith(_ROUTES):
                    (_stream if b'"stream"' in asked else _send)(connection, next(bodies))
                elif path:
                    _reply(connection, "404 Not Found", b"")


def _received(connection: socket.socket) -> tuple[str, bytes]:
    """Read one whole request; give its path and its body, both empty if none came."""
    data = bytearray()
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(_CHUNK)
        if not chunk:
            return "", b""
        data += chunk
    head, _, body = bytes(data).partition(b"\r\n\r\n")
    while len(body) < _length(head):
        body += connection.recv(_CHUNK)
    return head.split(b" ", 2)[1].split(b"?")[0].decode(), body


def _reply(connection: socket.socket, status: str, body: bytes) -> None:
    """Answer with a few bytes that are no picture."""
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    connection.sendall(head.encode() + body)


def _length(head: bytes) -> int:
    """Read Content-Length."""
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def _send(connection: socket.socket, body: bytes) -> None:
    """Send an answer whole, and say when that was done."""
    head = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close"
    connection.sendall(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode() + body)
    done = time.monotonic()
    print(done, flush=True)


def _stream(connection: socket.socket, body: bytes) -> None:
    """Send the picture of an answer as a stream of two events, and say when each was sent."""
    coded = json.loads(body)["data"][0]["b64_json"]
    head = "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\nConnection: close"
    connection.sendall(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode())
    for kind, more in (("partial_image", {"partial_image_index": 0}), ("completed", {"usage": _USAGE})):
        name = f"image_generation.{kind}"
        event = {"type": name, "b64_json": coded, "created_at": 0, "size": "1024x1024", "quality": "high"}
        event |= {"background": "opaque", "output_format": "png", **more}
        data = f"event: {name}\ndata: {json.dumps(event)}\n\n".encode()
        connection.sendall(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        print(time.monotonic(), flush=True)
        time.sleep(PAUSE_S if kind == "partial_image" else 0)
    connection.sendall(b"0\r\n\r\n")


if __name__ == "__main__":
    main(sys.argv[1:])
