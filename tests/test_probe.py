"""A compatible server is asked once which kind it is; what it says decides how it is spoken to."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from imgmagic import CellError, SettingsError, Studio
from tests.fake_api import fake_api


@contextmanager
def before(api, models, headers=()):
    """Stand before a fake with a list of models of one's own; everything else goes through by redirecting the body."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            body = json.dumps(models).encode() if models is not None else b"starting"
            self.send_response(200 if models is not None else 503)
            for name, value in (*headers, ("Content-Length", str(len(body)))):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self):
            import requests

            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept = {name: value for name, value in self.headers.items() if name.lower() not in {"host", "connection"}}
            answer = requests.post(api.url + self.path, data=body, headers=kept, timeout=30)
            self.send_response(answer.status_code)
            self.send_header("Content-Type", answer.headers["Content-Type"])
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_):
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


@pytest.fixture
def local(monkeypatch, tmp_path):
    def studio(url, **defaults):
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        return Studio(home=tmp_path / "home", size="64x48", **defaults)

    return studio


SGLANG = {"object": "list", "data": [{"id": "Qwen/Qwen-Image", "owned_by": "sglang"}]}
UNKNOWN = {"object": "list", "data": [{"id": "x", "owned_by": "somebody"}]}


def test_a_server_is_asked_once_for_the_life_of_a_studio(local):
    with fake_api(flavour="compatible") as api, before(api, UNKNOWN) as (url, asked):
        studio = local(url)
        studio.imagine("a cat")
        studio.imagine("a dog")
        assert asked == ["/v1/models"]
        assert len(api.calls) == 2


def test_a_server_that_is_still_starting_is_asked_again(local):
    with fake_api(flavour="compatible") as api, before(api, None) as (url, asked):
        studio = local(url)
        studio.imagine("a cat")
        studio.imagine("a dog")
        assert len(asked) == 2


def test_a_setting_spares_the_question(local):
    with fake_api(flavour="compatible") as api, before(api, SGLANG) as (url, asked):
        local(url, dialect="vllm-omni").imagine("a cat")
        assert asked == []
        assert len(api.calls) == 1


def test_a_server_without_edits_is_refused_before_anything_is_sent(local, monkeypatch):
    monkeypatch.setenv("IMGMAGIC_MODEL", "flux")
    with fake_api(flavour="compatible") as api, before(api, UNKNOWN) as (url, _):
        studio = local(url, dialect="localai")
        studio.imagine("a cat")
        with pytest.raises(CellError, match="LocalAI"):
            studio.refine("bluer")
        assert len(api.calls) == 1


def test_a_server_that_wants_a_model_is_not_asked_without_one(local):
    with fake_api(flavour="compatible") as api, before(api, UNKNOWN) as (url, _):
        with pytest.raises(SettingsError, match="wants a model"):
            local(url, dialect="localai").imagine("a cat")
        assert api.calls == []


def test_an_unknown_dialect_is_a_setting_that_does_not_work(local):
    with pytest.raises(SettingsError, match="localai"):
        local("http://127.0.0.1:9", dialect="localia").imagine("a cat")
