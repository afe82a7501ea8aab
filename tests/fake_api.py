"""A fake image API over real HTTP: Azure OpenAI and OpenAI, strict, deterministic, with scripted failures.

    with fake_api(auto_size="512x512") as api:
        api.script = [faults.RATE_LIMIT_AZURE, None]
        ...                                   # talk to api.url with api-key "test-key"
        assert [call.path for call in api.calls] == [...]

One request goes: recorded -> scripted fault, if any -> caller, version, deployment, body -> words -> rate -> picture.
By hand: ``python -m tests.fake_api --port 8765``.
"""

from __future__ import annotations

import argparse
import hashlib
import json as jsonlib
import threading
import time
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests import fake_replies as replies
from tests.fake_answers import check_words, finished
from tests.fake_compatible import compatible_reply
from tests.fake_gate import Config, Route, check_caller, check_deployment, check_version, route_of
from tests.fake_models import MODELS
from tests.fake_replies import Fault, RefusedError, Reply, Status
from tests.fake_rules import order_of
from tests.fake_server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.fake_forms import Seen


@dataclass(slots=True)
class FakeApi:
    """One running fake.

    Parameters
    ----------
    requests
        Every request in the order of arrival.
    script
        Faults, or None for a healthy answer, used up from the front by one image POST each.
    bugs
        Exceptions of the fake itself; leaving ``fake_api`` raises the first.
    """

    url: str
    config: Config
    requests: list[Seen] = field(default_factory=list)
    script: list[Fault | None] = field(default_factory=list)
    bugs: list[BaseException] = field(default_factory=list)
    _files: dict[str, bytes] = field(default_factory=dict)
    _served: deque[float] = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _closing: threading.Event = field(default_factory=threading.Event)

    @property
    def calls(self) -> list[Seen]:
        """The image POSTs among the requests."""
        return [one for one in self.requests if one.method == "POST" and route_of(one.path)]

    def clear(self) -> None:
        """Forget requests, script and rate, as if just started; the configuration stays."""
        with self._lock:
            self.requests.clear()
            self.script.clear()
            self._served.clear()

    def keep(self, picture: bytes) -> str:
        """Store a picture and give back the URL under which this server serves it."""
        path = f"/files/{hashlib.sha256(picture).hexdigest()[:16]}.png"
        self._files[path] = picture
        return self.url + path

    def pause(self, seconds: float | None = None) -> None:
        """Sleep, but no longer than the server lives; None is the pause between streamed events."""
        self._closing.wait(self.config.event_pause_s if seconds is None else seconds)

    def close(self) -> None:
        """End every pause."""
        self._closing.set()

    def receive(self, request: Seen) -> Reply:
        """Record a request and give its answer, numbered in ``x-request-id`` from 1."""
        with self._lock:
            self.requests.append(request)
            number = len(self.requests)
            route = route_of(request.path)
            scripted = self.script.pop(0) if route and request.method == "POST" and self.script else None
        reply = scripted.answer(lambda: self._healthy(request), self) if scripted else self._healthy(request)
        azure = request.path.startswith("/openai/")
        # A scripted header wins, whatever its case.
        own = {name.lower() for name in reply.headers}
        usual = {name: text for name, text in self._headers(number, azure=azure).items() if name not in own}
        return Reply(reply.status, reply.body, {**usual, **reply.headers}, reply.events, reply.length, reply.reset)

    def _headers(self, number: int, *, azure: bool) -> dict[str, str]:
        if self.config.flavour == "compatible":
            return {}
        limit = self.config.rate_limit or 10
        headers = {
            "x-request-id": request_id(number),
            "x-ratelimit-limit-requests": str(limit),
            "x-ratelimit-remaining-requests": str(max(0, limit - len(self._served))),
        }
        if azure:
            return {**headers, "apim-request-id": request_id(number), "x-ms-region": "East US"}
        return {**headers, "openai-processing-ms": "12", "openai-version": "2020-10-01"}

    def _healthy(self, request: Seen) -> Reply:
        try:
            return self._answer(request)
        except RefusedError as refused:
            return refused.status.reply()

    def _answer(self, request: Seen) -> Reply:
        route = route_of(request.path)
        if route is None or request.method != "POST":
            return self._other(request, route)
        if self.config.flavour == "compatible":
            return compatible_reply(request, route, self)
        check_caller(request, route, self.config)
        check_version(request, route)
        check_deployment(route, self.config)
        order = order_of(request, route, self.config)
        check_words(order, self.config)
        self._check_rate(route)
        return finished(order, self.config)

    def _check_rate(self, route: Route) -> None:
        limit, now = self.config.rate_limit, time.monotonic()
        with self._lock:
            while self._served and self._served[0] <= now - self.config.window_s:
                self._served.popleft()
            if limit is None or len(self._served) < limit:
                self._served.append(now)
                return
            after_s = max(1, round(self._served[0] + self.config.window_s - now))
        raise RefusedError((replies.rate_limit_azure if route.azure else replies.rate_limit_openai)(after_s))

    def _other(self, request: Seen, route: Route | None) -> Reply:
        """Answer what is not an image call: stored pictures, the list of models, wrong paths and methods."""
        if request.method == "GET" and request.path in self._files:
            return Reply(200, self._files[request.path], {"Content-Type": "image/png"})
        if request.method == "GET" and request.path in {"/v1/models", "/openai/v1/models"}:
            return self._models(request)
        if self.config.flavour == "compatible":
            return replies.DETAIL_NOT_FOUND.reply()
        if request.path.startswith("/openai/"):
            return replies.RESOURCE_NOT_FOUND.reply()
        if route:
            return replies.error(405, f"Not allowed to {request.method} on this endpoint.").reply()
        return replies.error(404, f"Invalid URL ({request.method} {request.path})").reply()

    def _models(self, request: Seen) -> Reply:
        azure = request.path.startswith("/openai/")
        if self.config.flavour == "real":
            check_caller(request, Route("azure-v1" if azure else "openai", "generations"), self.config)
        names = self.config.deployments if azure else MODELS
        data = [{"id": name, "object": "model", "created": 1700000000, "owned_by": "fake"} for name in names]
        return Status(200, {"object": "list", "data": data}).reply()


def request_id(number: int) -> str:
    """Give the id in the headers of the answer to the request of this number, counted from 1."""
    return f"00000000-0000-4000-8000-{number:012d}"


@contextmanager
def fake_api(script: Sequence[Fault | None] = (), *, port: int = 0, **options: Any) -> Iterator[FakeApi]:
    """Serve a fake API on 127.0.0.1 until the block ends.

    Parameters
    ----------
    script
        Faults for the first image POSTs.
    port
        0 takes a free one.
    options
        Fields of ``Config``.

    Raises
    ------
    BaseException
        On leaving, if the fake itself went wrong while answering.
    """
    config = Config(**options)
    server = Server(port)
    server.service = api = FakeApi(f"http://127.0.0.1:{server.server_port}", config, script=list(script))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), name="fake-api")
    thread.start()
    try:
        yield api
    finally:
        api.close()
        server.shutdown()
        server.end_connections()
        server.server_close()
        thread.join()
    if api.bugs:
        raise api.bugs[0]


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m tests.fake_api", description="Serve a fake image API.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--flavour", choices=["real", "compatible"], default="real")
    parser.add_argument("--config", type=jsonlib.loads, default={}, help="more fields of Config, as a JSON object")
    args = parser.parse_args()
    with fake_api(port=args.port, flavour=args.flavour, **args.config) as api:
        print(api.url, flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
