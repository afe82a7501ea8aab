"""What tests share: a clean environment, a shell, a JupyterLab for the whole run, a browser, pages for each test."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from tests.cells import Cells
from tests.fake_api import FakeApi, fake_api
from tests.lab import Lab, Notebooks, chromium, jupyterlab
from tests.peers import Peer, prism
from tests.slow_server import SlowServer, certificate, env, slow_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch, tmp_path):
    """Keep this machine's own keys, notebooks and folders out of every test."""
    for name in list(os.environ):
        if name.startswith(("AZURE_", "OPENAI_", "IMGMAGIC_", "JPY_SESSION")) and name != "IMGMAGIC_TEST_TOOLS":
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def azure(monkeypatch):
    """A fake Azure OpenAI resource that the environment names; ``auto`` sizes are small and quick."""
    with fake_api(auto_size="64x48") as api:
        monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", api.url)
        monkeypatch.setenv("AZURE_OPENAI_API_KEY", "test-key")
        monkeypatch.setenv("AZURE_OPENAI_DEPLOYMENT_NAME", "img-dep")
        monkeypatch.setenv("IMGMAGIC_SIZE", "auto")
        yield api


@pytest.fixture
def cells():
    """A real IPython shell of its own, without a history file."""
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    yield Cells(shell)
    shell.reset(new_session=False)
    InteractiveShell.clear_instance()


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    # Small pictures are drawn quickly; tests/test_notebooks.py makes the full ones.
    with jupyterlab(tmp_path_factory.mktemp("lab"), IMGMAGIC_SIZE="512x512") as running:
        yield running


# Not for the whole run: while Playwright is open, its event loop runs in this thread and `asyncio.run` fails elsewhere.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def notebooks(browser: Browser, lab: Lab) -> Iterator[Notebooks]:
    """Open notebooks; whatever a test does, no page may report an error or ask for anything beyond this machine."""
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        opened = Notebooks(lab, context)
        yield opened
        opened.check()
    lab.stop_kernels()


@pytest.fixture(scope="module")
def upstream() -> Iterator[FakeApi]:
    with fake_api() as api:
        yield api


@pytest.fixture(scope="module")
def judge(upstream: FakeApi) -> Iterator[Peer]:
    """Prism before the fake API; it answers under ``/v1`` what the fake answers there."""
    with prism(upstream.url) as peer:
        yield peer


@pytest.fixture(scope="module")
def examiner() -> Iterator[Peer]:
    """Prism on its own, for recorded calls."""
    with prism() as peer:
        yield peer


@pytest.fixture(scope="module")
def secure(tmp_path_factory) -> Iterator[tuple[SlowServer, Path]]:
    """A slow server that speaks TLS, and the file with which its certificate is trusted."""
    context, trusted = certificate(tmp_path_factory.mktemp("tls"))
    with slow_server(context) as server:
        yield server, trusted


@pytest.fixture
def abroad(secure) -> Iterator[tuple[SlowServer, dict[str, str]]]:
    """A server whose address is not taken for this machine, so that its pictures cost money."""
    server, trusted = secure
    yield server, env(server.url.replace("127.0.0.1", "0.0.0.0"), REQUESTS_CA_BUNDLE=str(trusted))
    server.reset()
