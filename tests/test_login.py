"""A key that is typed into a kernel: asked for unseen, used by the next call, and nowhere to be found."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from jupyter_client.manager import KernelManager

from imgmagic.environment import Environment, Secret
from imgmagic.errors import SettingsError
from imgmagic.login import ask, quotes_key
from imgmagic.settings import Settings, key_variable
from tests.fake_api import fake_api

KEY = "k3y-that-nobody-may-see"
AZ = "https://res.openai.azure.com"
AZURE = {"AZURE_OPENAI_ENDPOINT": AZ, "AZURE_OPENAI_DEPLOYMENT_NAME": "img-dep"}


# --- which key ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("env", "forced", "answer"),
    [
        (AZURE, None, ("azure", "AZURE_OPENAI_API_KEY")),
        ({**AZURE, "AZURE_OPENAI_AD_TOKEN": "t"}, None, ("azure", "AZURE_OPENAI_API_KEY")),
        ({"OPENAI_BASE_URL": f"{AZ}/openai/v1"}, None, ("azure", "OPENAI_API_KEY")),
        ({"OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}, None, ("compatible", "OPENAI_API_KEY")),
        ({"OPENAI_BASE_URL": "https://api.openai.com/v1"}, None, ("openai", "OPENAI_API_KEY")),
        ({"AZURE_OPENAI_ENDPOINT": "https://api.openai.com/v1"}, None, ("openai", "OPENAI_API_KEY")),
        ({"OPENAI_API_KEY": "k"}, None, ("openai", "OPENAI_API_KEY")),
        ({}, "openai", ("openai", "OPENAI_API_KEY")),
        (AZURE, "openai", ("openai", "OPENAI_API_KEY")),
        ({"IMGMAGIC_ENGINE": "azure"}, None, ("azure", "AZURE_OPENAI_API_KEY")),
        (AZURE, "sketch", ("sketch", "")),
        ({}, None, ("sketch", "")),
    ],
)
def test_the_chosen_engine_says_which_variable_a_key_stands_for(env, forced, answer):
    assert key_variable(Environment(env), engine=forced) == answer


@pytest.mark.parametrize(
    ("env", "forced"),
    [
        (AZURE, None),
        ({**AZURE, "AZURE_OPENAI_API_KEY": "old", "AZURE_OPENAI_AD_TOKEN": "old"}, None),
        ({"OPENAI_BASE_URL": f"{AZ}/openai/v1", "OPENAI_API_KEY": "old", "IMGMAGIC_MODEL": "x"}, None),
        ({"OPENAI_BASE_URL": "https://h.example/v1"}, None),
        ({"OPENAI_API_KEY": "old"}, None),
        ({}, "openai"),
    ],
)
def test_a_kept_key_is_the_one_that_is_used(env, forced):
    before, environment = dict(env), Environment(env)
    _, name = key_variable(environment, engine=forced)
    environment.keep(name, Secret(KEY))
    found = Settings.from_env(environment, engine=forced)
    assert found.secret.reveal() == KEY
    assert found.sources["key"] == f"{name} (%imgmagic login)"
    assert env == before
    assert KEY not in repr([environment, found])
    assert environment.forget(name)
    assert environment.get(name) == env.get(name, "")
    assert not environment.forget(name)


def test_a_kept_key_is_seen_through_every_environment_of_the_process_and_by_no_child(monkeypatch):
    kept: dict[str, Secret] = {}
    one, other = Environment(os.environ, kept), Environment(os.environ, kept)
    one.keep("OPENAI_API_KEY", Secret(KEY))
    assert other.get("OPENAI_API_KEY") == KEY
    assert "OPENAI_API_KEY" in set(other)
    assert Environment(os.environ).get("OPENAI_API_KEY") == ""
    assert KEY not in subprocess.run(["env"], capture_output=True, text=True, check=True).stdout


def test_the_environment_of_the_process_is_one():
    Environment.of_process().keep("IMGMAGIC_TEST_ONLY", Secret(KEY))
    try:
        assert Environment.of_process().get("IMGMAGIC_TEST_ONLY") == KEY
        assert "IMGMAGIC_TEST_ONLY" not in os.environ
    finally:
        assert Environment.of_process().forget("IMGMAGIC_TEST_ONLY")


def test_the_sketch_engine_asks_for_nothing():
    with pytest.raises(
        SettingsError, match=r"needs no key(?s:.*)AZURE_OPENAI_ENDPOINT(?s:.*)ImgMagic\.engine = 'openai'"
    ):
        ask(Environment({}))


# --- a cell that holds a key --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["AZURE_OPENAI_API_KEY", "AZURE_OPENAI_AD_TOKEN", "OPENAI_API_KEY", "AZURE_CLIENT_SECRET"]
)
def test_a_text_that_holds_a_credential_is_known(name):
    environment = Environment({name: f" {KEY}\n", "OTHER": "a beautiful beach"})
    assert quotes_key(f"%env {name}={KEY}", environment)
    assert quotes_key(f"a fox{KEY}", environment)
    assert not quotes_key(f"a beautiful beach {KEY[:-1]} {name}", environment)


def test_kept_keys_and_those_behind_them_are_known_too():
    environment = Environment({"OPENAI_API_KEY": "the-old-one"})
    environment.keep("OPENAI_API_KEY", Secret(KEY))
    assert quotes_key(f"x = '{KEY}'", environment)
    assert quotes_key("x = 'the-old-one'", environment)


@pytest.mark.parametrize(("key", "found"), [("1234567", False), ("12345678", True), ("", False)])
def test_a_short_key_may_stand_in_a_text_by_chance(key, found):
    assert quotes_key("a fox 123456789", Environment({"OPENAI_API_KEY": key})) is found


# --- a real kernel ------------------------------------------------------------------------------------------------

LOGIN = "%imgmagic login"


class Kernel:
    """A kernel in a folder of its own, all that it has said, and what it asked."""

    def __init__(self, client):
        self.client = client
        self.said: list[dict] = []
        self.asked: list[dict] = []

    def __call__(self, code, reply=None, *, allow_stdin=True):
        """Run a cell, type ``reply`` when it asks, and give what it showed or the error's text."""
        before = len(self.said)
        ran = self.client.execute(code, allow_stdin=allow_stdin)
        deadline = time.monotonic() + 60
        while not any(self._is(each, ran, "status", "idle") for each in self.said[before:]):
            assert time.monotonic() < deadline, "the cell takes too long"
            self._drain(self.client.stdin_channel, lambda _: self.client.input(reply))
            self._drain(self.client.iopub_channel)
        self.said.append(self.client.get_shell_msg(timeout=60))
        new = [each["content"] for each in self.said[before:]]
        shown = [each["data"]["text/plain"] for each in new if "data" in each]
        errors = ["\n".join(each["traceback"]) for each in new if each.get("traceback")]
        return "\n".join(shown + [each["text"] for each in new if "text" in each] + errors[:1])

    def _is(self, message, ran, kind, state):
        mine = message["parent_header"].get("msg_id") == ran
        return mine and message["msg_type"] == kind and message["content"].get("execution_state") == state

    def _drain(self, channel, then=lambda _: None):
        try:
            message = channel.get_msg(timeout=0.05)
        except queue.Empty:
            return
        self.said.append(message)
        if message["msg_type"] == "input_request":
            self.asked.append(message["content"])
            then(message)


@contextmanager
def started(folder, **variables):
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(folder), env={**os.environ, "IPYTHONDIR": str(folder / "ipython"), **variables})
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        kernel = Kernel(client)
        kernel("%load_ext imgmagic\n%xmode Verbose")
        yield kernel
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@pytest.fixture
def connected(tmp_path):
    """A kernel whose environment names a fake Azure resource, with the wrong key."""
    with fake_api(auto_size="64x48", key=KEY) as api:
        variables = {"AZURE_OPENAI_ENDPOINT": api.url, "AZURE_OPENAI_API_KEY": "wrong-key", "IMGMAGIC_SIZE": "auto"}
        with started(tmp_path, **variables, AZURE_OPENAI_DEPLOYMENT_NAME="img-dep") as kernel:
            yield kernel, api


def keys(api):
    return [call.headers["api-key"] for call in api.calls]


def test_a_key_is_typed_unseen_used_and_forgotten_and_stands_nowhere(connected, tmp_path):
    kernel, api = connected
    assert "does not accept the key" in kernel("%imagine a fox")

    shown = kernel(LOGIN, f" {KEY}\n")
    assert [each["password"] for each in kernel.asked] == [True]
    assert kernel.asked[0]["prompt"].startswith("Key of Azure OpenAI (stands for AZURE_OPENAI_API_KEY")
    assert "kept in this kernel's memory until it ends" in shown
    kernel("%imagine a fox")
    assert "AZURE_OPENAI_API_KEY (%imgmagic login)" in kernel("%imgmagic")
    assert keys(api) == ["wrong-key", KEY]

    children = "import os, subprocess; print(os.environ, subprocess.run(['env'], capture_output=True).stdout)"
    assert "wrong-key" in kernel(children)
    kernel("studio = kernel.studio(); print(studio.environment, vars(studio), studio.settings(), sorted(globals()))")
    kernel("def fails(here=studio.environment, settings=studio.settings()): 1 / 0\nfails()")

    assert "is forgotten" in kernel(LOGIN, "")
    assert "is as it was" in kernel(LOGIN, " ")
    kernel("%imagine another fox")
    assert keys(api)[-1] == "wrong-key"
    assert KEY not in json.dumps(kernel.said, default=str)
    files = [each for each in tmp_path.rglob("*") if each.is_file()]
    assert any(each.name == "history.db" for each in files)
    assert [each for each in files if KEY.encode() in each.read_bytes()] == []


def test_what_is_no_key_is_not_kept(connected):
    kernel, api = connected
    shown = kernel(LOGIN, f'"{KEY}"')
    assert "What was entered holds characters that no key has" in shown
    assert KEY not in json.dumps(kernel.said, default=str)
    kernel("%imagine a fox")
    assert keys(api) == ["wrong-key"]


def test_a_notebook_that_a_program_runs_is_not_asked(connected):
    kernel, _ = connected
    shown = kernel(LOGIN, allow_stdin=False)
    assert "SettingsError" in shown
    assert "Nobody can be asked for a key here" in shown
    assert "Set AZURE_OPENAI_API_KEY before Jupyter starts" in shown
    assert kernel.asked == []


def test_a_question_that_is_interrupted_leaves_the_key_as_it_was(connected):
    kernel, api = connected
    kernel(LOGIN, KEY)
    stop = "import threading, time, _thread\nthreading.Timer(1, _thread.interrupt_main).start()\n"
    kernel.client.input = lambda _reply: None
    assert "KeyboardInterrupt" in kernel(stop + LOGIN)
    kernel("%imagine a fox")
    assert keys(api) == [KEY]


def test_a_script_without_anybody_at_the_keyboard_is_told():
    code = (
        "from imgmagic.login import ask\nfrom imgmagic.environment import Environment\n"
        f"try: ask(Environment({AZURE!r}))\nexcept Exception as exc: print(type(exc).__name__, exc)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
        start_new_session=True,
    )
    assert done.stdout.startswith("SettingsError Nobody can be asked for a key here")
