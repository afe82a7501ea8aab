"""Independent programs that check both sides: Prism against the official API description, aimock as a second server.

Both are npm packages, installed once into a cache (``IMGMAGIC_TEST_TOOLS``, or a folder in the user's cache). Without
npm the tests that need them are skipped with the reason; where ``CI`` is set they fail instead.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
import requests
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.fake_forms import Seen

# Newer Prism wants node 24; aimock is pinned so that a test run means the same tomorrow.
PRISM = "@stoplight/prism-cli@5.14.2"
AIMOCK = "@copilotkit/aimock@1.43.0"
INSTALL_S = 300
START_S = 60
SPEC = Path(__file__).resolve().parents[1].parent / "shared" / "spec"


@dataclass(frozen=True, slots=True)
class Peer:
    """A running peer.

    Parameters
    ----------
    url
        Where it listens, without a path.
    log
        File with everything it printed.
    """

    url: str
    log: Path

    def said(self) -> str:
        """Give everything it printed so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")


@contextmanager
def prism(upstream_url: str | None = None) -> Iterator[Peer]:
    """Run Prism, which refuses whatever contradicts the official description.

    Parameters
    ----------
    upstream_url
        A server without a path: Prism stands before it, answers under ``/v1`` what the server answers there, and judges
        requests and answers. Uploads do not survive the passage: Prism reads every form as UTF-8 text. None: Prism
        answers with the description's examples and judges requests only, see ``violations``.

    Yields
    ------
    Peer
        A violation is answered with status 422 or 500 and a body that lists it.
    """
    port = _free_port()
    mode, upstream = ("proxy", [upstream_url]) if upstream_url else ("mock", [])
    with tempfile.TemporaryDirectory() as folder:
        spec = _for_clients(description("openai-images-prism.yaml"), Path(folder))
        command = [npm_tool("prism", PRISM), mode, "--errors", "-h", "127.0.0.1", "-p", str(port), str(spec), *upstream]
        with _running(command, port) as peer:
            yield peer


def _for_clients(spec: Path, folder: Path) -> Path:
    """Give a copy of the description with its paths below ``/v1``, and with a form's ``image[]`` read as a list.

    Prism does not look at the path of the description's server, and clients want a base URL with one. It also keeps the
    last of several parts with one name; only an ``encoding`` makes a list of it again.
    """
    content = yaml.safe_load(spec.read_text(encoding="utf-8"))
    form = content["paths"]["/images/edits"]["post"]["requestBody"]["content"]["multipart/form-data"]
    form["encoding"] = {"image[]": {"style": "form", "explode": True, "allowReserved": True}}
    content["paths"] = {f"/v1{path}": item for path, item in content["paths"].items()}
    copy = folder / spec.name
    copy.write_text(yaml.safe_dump(content), encoding="utf-8")
    return copy


def violations(judge: Peer, call: Seen) -> list[str]:
    """Give what the official description has against a recorded image call, of either provider.

    The body goes to Prism as the client framed it, only the pictures' bytes replaced by text, which Prism needs.

    Parameters
    ----------
    judge
        Prism without an upstream.
    call
        One of ``FakeApi.calls``.
    """
    body = call.body
    for _, _, _, content in call.files:
        body = body.replace(content, b"picture")
    route = "/v1" + call.path[call.path.rindex("/images/") :]
    headers = {"Content-Type": call.headers["Content-Type"], "Authorization": "Bearer any"}
    answer = requests.post(judge.url + route, data=body, headers=headers, timeout=30)
    if answer.ok:
        return []
    found = answer.json().get("validation") or [{"location": [], "message": answer.text}]
    return [f"{'.'.join(one['location'])}: {one['message']}" for one in found]


@contextmanager
def aimock(fixtures: Sequence[Mapping[str, Any]], *options: str) -> Iterator[Peer]:
    """Run aimock with fixtures, for example those of ``image_fixture``.

    Parameters
    ----------
    options
        More of its command line, such as ``--chaos-disconnect 0.5``.
    """
    port = _free_port()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "fixtures.json"
        file.write_text(json.dumps({"fixtures": list(fixtures)}), encoding="utf-8")
        command = [npm_tool("llmock", AIMOCK), "-h", "127.0.0.1", "-p", str(port), "-f", str(file), *options]
        with _running(command, port) as peer:
            yield peer


def image_fixture(b64_json: str, *more: str, prompt: str | None = None) -> dict[str, Any]:
    """Give an aimock fixture that answers image calls whose prompt contains ``prompt`` (None: all) with pictures.

    aimock does not look at ``n``: it answers as many pictures as the fixture holds.
    """
    match = {"endpoint": "image"} if prompt is None else {"endpoint": "image", "userMessage": prompt}
    return {"match": match, "response": {"images": [{"b64Json": text} for text in (b64_json, *more)]}}


def description(name: str = "openai-images.yaml") -> Path:
    """Give a file of the official API description, which lives outside the project; skip where it is absent."""
    path = SPEC / name
    if not path.is_file():
        pytest.skip(f"the API description {name} is not on this machine")
    return path


def tools_folder() -> Path:
    """Give the folder where the npm packages are kept between runs."""
    named = os.environ.get("IMGMAGIC_TEST_TOOLS")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(named) if named else cache / "imgmagic-test-tools"


def require_node() -> str:
    """Give the path of node; skip where there is none."""
    node = shutil.which("node")
    if node is None:
        _do_without("node is not installed")
    return node


def npm_tool(command: str, package: str) -> str:
    """Give the path of a command of an npm package, installed on first use."""
    return str(_installed(package) / ".bin" / command)


def npm_package(package: str) -> Path:
    """Give the folder of an npm package, installed on first use."""
    return _installed(package) / package.rpartition("@")[0]


def _installed(package: str) -> Path:
    """Give the folder that npm puts a package and its commands into."""
    home = tools_folder() / package.rpartition("/")[2].replace("@", "-")
    path = home / "node_modules"
    if not (path / package.rpartition("@")[0]).exists():
        _install(package, home)
    return path


def _install(package: str, home: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        _do_without(f"npm is not installed, so {package} cannot be")
    home.mkdir(parents=True, exist_ok=True)
    command = [npm, "install", "--prefix", str(home), "--no-audit", "--no-fund", "--no-save", package]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_S, check=False)
    except subprocess.TimeoutExpired:
        _do_without(f"npm took more than {INSTALL_S} s to install {package}")
    if done.returncode:
        _do_without(f"npm could not install {package}: {done.stderr.strip()[-300:]}")


def _do_without(reason: str) -> NoReturn:
    """Skip on a person's machine; on CI a missing peer is a failure, or nobody would ever notice."""
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def _running(command: Sequence[str], port: int) -> Iterator[Peer]:
    """Run a server until the block ends, its output in a file: a full pipe would stop it."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.txt"
        with log.open("wb") as out:
            process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
            try:
                _await_port(process, port, log)
                yield Peer(f"http://127.0.0.1:{port}", log)
            finally:
                _end(process)


def _await_port(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    pytest.fail(f"{process.args!r} did not start:\n{log.read_text(errors='replace')[-2000:]}", pytrace=False)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
