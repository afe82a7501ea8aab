"""Real Jupyter for tests: a JupyterLab server with a headless browser on it, and bare kernels with all they say.

Everything runs in a folder of its own, without the settings, the history and the credentials of whoever runs the tests.
A `Notebook` is one notebook in one browser page; a `Kernel` is an ipykernel without a front end.
"""

from __future__ import annotations

import ast
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
import requests
from jupyter_client.manager import KernelManager

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from playwright.sync_api import Browser, BrowserContext, Page

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"

START_S = 60
WAIT_S = 60

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_SERVER = (
    "--no-browser",
    "--allow-root",
    "--ip=127.0.0.1",
    "--ServerApp.port_retries=0",
    "--IdentityProvider.token=",
    "--ServerApp.password=",
    "--ServerApp.disable_check_xsrf=True",
    "--expose-app-in-browser",
    "--JupyterNotebookApp.expose_app_in_browser=True",
    "--LabApp.extension_manager=readonly",
)
# Cells that are scrolled out of sight stay in the page; no news and no saving behind the test's back.
_OVERRIDES = {
    "@jupyterlab/apputils-extension:notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
}
_FOREIGN = ("AZURE_", "OPENAI_", "IMGMAGIC_", "JUPYTER", "IPYTHON", "JPY_")


def isolated(home: Path, **more: str) -> dict[str, str]:
    """Give an environment without credentials, whose every Jupyter folder lies below ``home``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    folders = {
        "HOME": home,
        "IPYTHONDIR": home / "ipython",
        "JUPYTER_CONFIG_DIR": home / "config",
        "JUPYTER_DATA_DIR": home / "data",
        "JUPYTER_RUNTIME_DIR": home / "runtime",
        "JUPYTERLAB_SETTINGS_DIR": home / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": home / "workspaces",
    }
    home.mkdir(parents=True, exist_ok=True)
    return kept | {name: str(folder) for name, folder in folders.items()} | {"NO_PROXY": "127.0.0.1"} | more


# --- JupyterLab ---


@dataclass(frozen=True, slots=True)
class Lab:
    """A running JupyterLab: where it listens, and the folder that it serves."""

    url: str
    root: Path

    def folder(self) -> Path:
        """Make an empty folder that the server can see."""
        return Path(tempfile.mkdtemp(dir=self.root))

    def stop_kernels(self) -> None:
        """End every session."""
        for session in requests.get(f"{self.url}/api/sessions", timeout=WAIT_S).json():
            requests.delete(f"{self.url}/api/sessions/{session['id']}", timeout=WAIT_S)


@contextmanager
def jupyterlab(place: Path, **variables: str) -> Iterator[Lab]:
    """Run a JupyterLab server below an empty folder, with more variables in its and its kernels' environment."""
    home, root, log = place / "home", place / "root", place / "server.log"
    overrides = home / "config" / "labconfig" / "default_setting_overrides.json"
    overrides.parent.mkdir(parents=True)
    overrides.write_text(json.dumps(_OVERRIDES), encoding="utf-8")
    root.mkdir()
    port = _free_port()
    lab = Lab(f"http://127.0.0.1:{port}", root)
    command = [sys.executable, "-m", "jupyterlab", *_SERVER, f"--port={port}", f"--ServerApp.root_dir={root}"]
    with (
        log.open("wb") as said,
        subprocess.Popen(
            command,
            cwd=root,
            env=isolated(home, **variables),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        ) as server,
    ):
        try:
            _until_up(server, lab.url, log)
            yield lab
        finally:
            server.terminate()
            with suppress(subprocess.TimeoutExpired):
                server.wait(10)
            server.kill()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def voila(notebook: Path) -> Iterator[str]:
    """Run Voila on a notebook; gives its address."""
    log, port = notebook.with_suffix(".log"), _free_port()
    command = [sys.executable, "-m", "voila", "--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1", str(notebook)]
    with log.open("wb") as said:
        server = subprocess.Popen(
            command,
            cwd=notebook.parent,
            env=isolated(notebook.parent / "home"),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        try:
            _until_up(server, f"http://127.0.0.1:{port}", log, path="")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            with suppress(subprocess.TimeoutExpired):
                server.wait(10)
            server.kill()


def _until_up(server: subprocess.Popen[bytes], url: str, log: Path, path: str = "/api/status") -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and server.poll() is None:
        with suppress(requests.ConnectionError):
            requests.get(f"{url}{path}", timeout=WAIT_S).raise_for_status()
            return
        time.sleep(0.1)
    pytest.fail(f"the server did not start:\n{log.read_text(encoding='utf-8')[-4000:]}")


# --- the browser ---


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run a headless Chromium that can reach nothing but this machine; skip where there is none, fail in CI."""
    executable = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if executable is None:
        _missing("no Chromium on this machine: install the package `chromium`")
    from playwright.sync_api import sync_playwright

    offline = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, headless=True, args=[*_FLAGS, offline])
        yield browser
        browser.close()


def _missing(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(f"{reason} (CI is set, so this is no reason to skip)")
    pytest.skip(reason)


_READY = """() => {
    const shown = window.jupyterapp?.shell?.currentWidget;
    return !!(shown?.context?.isReady && shown?.sessionContext?.session?.kernel?.status === 'idle');
}"""
_RUN_ONE = """async id => {
    const shown = window.jupyterapp.shell.currentWidget.content;
    shown.activeCellIndex = shown.widgets.findIndex(cell => cell.model.id === id);
    shown.deselectAll();
    await window.jupyterapp.commands.execute('notebook:run-cell');
}"""
_EVALUATE = """async expression => {
    const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    const request = {code: '', silent: true, store_history: false, user_expressions: {value: expression}};
    const reply = await kernel.requestExecute(request).done;
    return reply.content.user_expressions.value;
}"""
_OUTPUTS = """() => Object.fromEntries(window.jupyterapp.shell.currentWidget.content.widgets
    .filter(cell => cell.model.type === 'code').map(cell => [cell.model.id, cell.model.outputs.toJSON()]))"""

_WHOLE = """() => Math.max(...[...document.querySelectorAll('.jp-Notebook, .jp-WindowedPanel-outer')]
    .map(each => each.scrollHeight))"""
_TO_TOP = """() => new Promise(drawn => {
    document.querySelectorAll('.jp-Notebook, .jp-WindowedPanel-outer').forEach(each => each.scrollTo(0, 0));
    requestAnimationFrame(() => requestAnimationFrame(drawn));
})"""


class Notebook:
    """One notebook in a page of its own; made by `Notebooks`.

    Parameters
    ----------
    page
        Where it is open.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        #: Uncaught errors and what was logged as an error.
        self.errors: list[str] = []
        #: Every address that was asked for.
        self.requests: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda line: self.errors.append(line.text) if line.type == "error" else None)
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("websocket", lambda socket: self.requests.append(socket.url))

    def command(self, name: str, **arguments: Any) -> None:
        """Run a command of JupyterLab and wait for its end."""
        script = "([name, arguments]) => window.jupyterapp.commands.execute(name, arguments).then(() => null)"
        self.page.evaluate(script, [name, arguments])

    def idle(self) -> None:
        """Wait until the notebook is open and its kernel has nothing to do."""
        self.page.wait_for_function(_READY, timeout=WAIT_S * 1000)

    def run_all(self) -> None:
        """Run every cell; none may fail."""
        self.command("notebook:run-all-cells")
        self.idle()
        self._check()

    def run(self, cell: str) -> None:
        """Run one cell, named by its id; it may not fail."""
        self.page.evaluate(_RUN_ONE, cell)
        self.idle()
        self._check()

    def _check(self) -> None:
        outputs = self.outputs()
        errors = {cell: each for cell in outputs for each in outputs[cell] if each["output_type"] == "error"}
        assert not errors, "".join(f"cell {cell}: {chr(10).join(each['traceback'])}" for cell, each in errors.items())

    def save(self) -> None:
        """Write the notebook with its outputs."""
        self.command("docmanager:save")

    def restart(self) -> None:
        """Restart the kernel; outputs stay."""
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
        self.idle()

    def theme(self, name: str) -> None:
        """Change the theme: ``JupyterLab Light`` or ``JupyterLab Dark``."""
        self.command("apputils:change-theme", theme=name)
        light = str(name.endswith("Light")).lower()
        self.page.wait_for_selector(f"body[data-jp-theme-light='{light}']", state="attached")

    def value(self, expression: str) -> Any:
        """Evaluate an expression in the notebook's kernel, unseen by its history; gives a Python literal."""
        answer = self.page.evaluate(_EVALUATE, expression)
        if answer["status"] != "ok":
            raise AssertionError(f"{expression}: {answer['ename']}: {answer['evalue']}")
        return ast.literal_eval(answer["data"]["text/plain"])

    def cell(self, name: str) -> Any:
        """Give the locator of a cell, named by its id."""
        script = """id => window.jupyterapp.shell.currentWidget.content.widgets
            .findIndex(cell => cell.model.id === id)"""
        index = self.page.evaluate(script, name)
        assert index >= 0, f"there is no cell {name}"
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook .jp-Cell").nth(index)

    def outputs(self) -> dict[str, list[dict[str, Any]]]:
        """Give the outputs of every code cell, by its id."""
        return dict(self.page.evaluate(_OUTPUTS))

    def trusted(self) -> bool:
        """Tell whether JupyterLab trusts every cell, so that it would run what they hold."""
        script = """() => window.jupyterapp.shell.currentWidget.content.widgets
            .filter(cell => cell.model.type === 'code').every(cell => cell.model.trusted)"""
        return bool(self.page.evaluate(script))

    def screenshot(self, path: Path) -> None:
        """Take a picture of the whole notebook, however long it is."""
        before = self.page.viewport_size
        self.page.set_viewport_size({"width": before["width"], "height": self.page.evaluate(_WHOLE) + 200})
        self.page.evaluate(_TO_TOP)
        self.page.screenshot(path=path)
        self.page.set_viewport_size(before)


class Notebooks:
    """Opens notebooks of a lab in pages of one browser context.

    Parameters
    ----------
    lab
        The server.
    context
        The browser context, which belongs to one test.
    """

    def __init__(self, lab: Lab, context: BrowserContext) -> None:
        self.lab = lab
        self._context = context
        self.opened: list[Notebook] = []

    def open(self, path: Path, *, classic: bool = False) -> Notebook:
        """Open a notebook below the lab's root in a new page, or (classic) in Notebook 7, and wait for its kernel."""
        notebook = Notebook(self._context.new_page())
        self.opened.append(notebook)
        workspace = f"test-{time.monotonic_ns()}"
        name = path.relative_to(self.lab.root).as_posix()
        place = f"notebooks/{name}" if classic else f"lab/workspaces/{workspace}/tree/{name}?reset"
        notebook.page.goto(f"{self.lab.url}/{place}")
        notebook.idle()
        if classic:
            notebook.errors.clear()  # Notebook 7's own, about parts of JupyterLab that it has not
        return notebook

    def check(self) -> None:
        """Assert that no page reported an error and that none asked for anything beyond this machine."""
        near = (self.lab.url, self.lab.url.replace("http", "ws", 1), "data:", "blob:")
        for notebook in self.opened:
            assert notebook.errors == []
            assert [url for url in notebook.requests if not url.startswith(near)] == []


# --- kernels ---


@dataclass(frozen=True, slots=True)
class Run:
    """One execution: the reply, and every message that the kernel published for it."""

    reply: dict[str, Any]
    messages: Sequence[dict[str, Any]] = field(repr=False)

    def contents(self, *kinds: str) -> list[dict[str, Any]]:
        """Give the contents of the messages of some kinds, in order."""
        return [message["content"] for message in self.messages if message["msg_type"] in kinds]

    @property
    def shown(self) -> list[dict[str, Any]]:
        """What a front end ends up showing, one MIME bundle a place; an update replaces what its place has shown."""
        places: dict[Any, dict[str, Any]] = {}
        for content in self.contents("display_data", "update_display_data", "execute_result"):
            place = content.get("transient", {}).get("display_id") or len(places)
            places[place] = content["data"]
        return list(places.values())

    @property
    def failure(self) -> str:
        """The error that ended it, as it is shown; empty if there was none."""
        return "\n".join(line for content in self.contents("error") for line in content["traceback"])

    @property
    def printed(self) -> str:
        """What was written to the standard streams."""
        return "".join(content["text"] for content in self.contents("stream"))


class Kernel:
    """A real kernel without a front end.

    Parameters
    ----------
    folder
        Its working directory; its home is beside it.
    variables
        More environment, such as ``JPY_SESSION_NAME``.
    """

    def __init__(self, folder: Path, variables: Mapping[str, str] | None = None) -> None:
        self._manager = KernelManager(kernel_name="python3")
        self._manager.start_kernel(cwd=str(folder), env=isolated(folder / "home", **(variables or {})))
        self._client = self._manager.blocking_client()
        self._client.start_channels()
        try:
            self._client.wait_for_ready(timeout=START_S)
        except RuntimeError:
            self.close()
            raise

    def run(self, code: str, cell_id: str | None = None) -> Run:
        """Run code as a front end does that names its cells, or (None) as one that does not."""
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
        request = self._client.session.msg("execute_request", content)
        request["metadata"] = {} if cell_id is None else {"cellId": cell_id}
        self._client.shell_channel.send(request)
        mine, messages = request["header"]["msg_id"], []
        while True:
            message = self._client.get_iopub_msg(timeout=WAIT_S)
            if message["parent_header"].get("msg_id") != mine:
                continue
            messages.append(message)
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return Run(self._reply(mine), messages)

    def _reply(self, request: str) -> dict[str, Any]:
        while True:
            reply = self._client.get_shell_msg(timeout=WAIT_S)
            if reply["parent_header"].get("msg_id") == request:
                return dict(reply["content"])

    def complete(self, code: str, at: int | None = None) -> tuple[list[str], int]:
        """Press Tab behind some code, or at a place in it: what is offered, and where what it replaces begins."""
        reply = self._reply(self._client.complete(code, at))
        return reply["matches"], reply["cursor_start"]

    def inspect(self, code: str, at: int | None = None) -> str:
        """Ask what the name at the cursor is; empty if the kernel does not know."""
        return str(self._reply(self._client.inspect(code, at))["data"].get("text/plain", ""))

    def value(self, expression: str) -> Any:
        """Evaluate an expression, unseen by the notebook's history; gives a Python literal."""
        request = self._client.execute("", silent=True, user_expressions={"value": expression})
        answer = self._reply(request)["user_expressions"]["value"]
        if answer["status"] != "ok":
            raise AssertionError(f"{expression}: {answer['ename']}: {answer['evalue']}")
        return ast.literal_eval(answer["data"]["text/plain"])

    def close(self) -> None:
        """End the kernel."""
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)


@contextmanager
def kernel(folder: Path, **variables: str) -> Iterator[Kernel]:
    """Run a kernel in a folder."""
    running = Kernel(folder, variables)
    try:
        yield running
    finally:
        running.close()
