"""Fresh processes: plain interpreters and real kernels, with an environment in which nothing is set by chance."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_client.manager import KernelManager

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jupyter_client.blocking import BlockingKernelClient

ROOT = Path(__file__).resolve().parents[2]

_START_S = 60
_CELL_S = 120
# Without byte code every fresh process would compile what it imports, which is not what is measured.
_OURS = ("AZURE_", "OPENAI_", "IMGMAGIC_", "JPY_", "JUPYTER_", "PYTHONDONTWRITEBYTECODE")
_PICTURE = {"image/png", "image/jpeg", "image/webp"}


class BenchError(Exception):
    """Something could not be measured; the text says what and why."""


@dataclass(frozen=True, slots=True)
class Ran:
    """One execution of a cell.

    Parameters
    ----------
    sent
        Monotonic time when the request was handed to the client's socket.
    shown
        Monotonic time when the first message with a picture was in this process, or None.
    done
        Monotonic time when the kernel was idle again.
    printed
        What the cell wrote to stdout.
    partial
        Monotonic time when the first message with an unfinished picture (only in its HTML) was here, or None.
    """

    sent: float
    shown: float | None
    done: float
    printed: str
    partial: float | None = None


def environment(folder: Path, **further: str) -> dict[str, str]:
    """Give an environment without settings of ours or Jupyter's, whose every path is below ``folder``."""
    kept = {name: value for name, value in os.environ.items() if _kept(name)}
    private = {name: str(folder / name.lower()) for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR")}
    runtime = {"JUPYTER_RUNTIME_DIR": str(folder / "runtime"), "IMGMAGIC_HOME": str(folder / "pictures")}
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return kept | private | runtime | {"PYTHONPATH": path} | further


def azure(url: str) -> dict[str, str]:
    """Give the variables that make a server an Azure OpenAI resource."""
    return {
        "AZURE_OPENAI_ENDPOINT": url,
        "AZURE_OPENAI_API_KEY": "not-a-key",
        "AZURE_OPENAI_DEPLOYMENT_NAME": "pictures",
    }


def _kept(name: str) -> bool:
    return not name.startswith(_OURS) and not name.lower().endswith("_proxy")


def python(module: str, *arguments: str, env: Mapping[str, str]) -> Any:
    """Run a module in a fresh interpreter, and give the JSON value that it prints."""
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=dict(env), capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"{module} failed: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
    return json.loads(done.stdout)


@contextmanager
def kernel(folder: Path, env: Mapping[str, str]) -> Iterator[Kernel]:
    """Run a fresh kernel in ``folder`` while the block runs."""
    manager = KernelManager(kernel_name="python3")
    with (folder / "kernel.log").open("w") as log:
        manager.start_kernel(env=dict(env), cwd=str(folder), stderr=log)
        client = manager.blocking_client()
        client.start_channels()
        try:
            _wait(client, folder)
            yield Kernel(client)
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)


def _wait(client: BlockingKernelClient, folder: Path) -> None:
    try:
        client.wait_for_ready(timeout=_START_S)
    except RuntimeError as exc:
        said = (folder / "kernel.log").read_text(errors="replace").strip().splitlines()
        raise BenchError(f"a kernel did not start: {said[-1] if said else exc}") from exc


class Kernel:
    """A running kernel and its messages."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self._client = client

    def run(self, code: str, cell_id: str | None = None) -> Ran:
        """Run a cell to its end, as a front end does that names its cells, or (None) as one that does not.

        A message's time is taken when it has arrived here, in another process, and before it is parsed: a hook in the
        kernel would miss what the kernel still does to serialise and send it.
        """
        sent = time.monotonic()
        asked = self._sent(code, cell_id)
        shown, partial, printed = None, None, ""
        while True:
            arrived, message = self._next()
            if message["parent_header"].get("msg_id") != asked:
                continue
            content = message["content"]
            if message["msg_type"] == "error":
                raise BenchError(f"a cell failed: {content['ename']}: {content['evalue']}")
            if message["msg_type"] == "stream":
                printed += content["text"]
            if shown is None and _PICTURE & set(content.get("data", {})):
                shown = arrived
            if shown is None and partial is None and "<img" in content.get("data", {}).get("text/html", ""):
                partial = arrived
            if content.get("execution_state") == "idle":
                return Ran(sent, shown, arrived, printed, partial)

    def _sent(self, code: str, cell_id: str | None) -> str:
        """Ask for a cell to be run, and give the name of the request."""
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
        request = self._client.session.msg("execute_request", content)
        request["metadata"] = {} if cell_id is None else {"cellId": cell_id}
        self._client.shell_channel.send(request)
        return str(request["header"]["msg_id"])

    def value(self, code: str) -> Any:
        """Run a cell that prints one JSON value, and give it."""
        return json.loads(self.run(code).printed)

    def _next(self) -> tuple[float, dict[str, Any]]:
        """Wait for a message; give when it arrived, and what it says."""
        socket, session = self._client.iopub_channel.socket, self._client.session
        if not socket.poll(_CELL_S * 1000):
            raise BenchError(f"a kernel was silent for {_CELL_S} s")
        parts = socket.recv_multipart()
        arrived = time.monotonic()
        _, parts = session.feed_identities(parts)
        return arrived, session.deserialize(parts)
