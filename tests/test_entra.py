"""Entra ID by the real azure-identity: a managed identity on this machine hands out tokens, a fake Azure takes them."""

from __future__ import annotations

import copy
import json
import logging
import os
import pickle
import re
import subprocess
import sys
import threading
import time
import traceback
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from imgmagic import Studio
from imgmagic.entra import EntraToken, installed
from imgmagic.environment import Environment, Secret
from imgmagic.errors import ApiError, SettingsError
from imgmagic.settings import Settings
from tests.fake_api import fake_api

TOKEN = "t0ken-that-nobody-may-see"
AZ = "https://res.openai.azure.com"


class Identity(ThreadingHTTPServer):
    """A managed identity as App Service has it: ``<TOKEN>-1``, ``<TOKEN>-2``, … to whoever shows the header."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.header, self.lives_s, self.pause_s = "the-identitys-own-secret", 3600.0, 0.0
        self.resources: list[str] = []
        self.answer: tuple[int, object] | None = None

    def reply(self, query: dict[str, list[str]]) -> tuple[int, object]:
        self.resources.append(query["resource"][0])
        token = f"{TOKEN}-{len(self.resources)}"
        time.sleep(self.pause_s)
        ends = int(time.time() + self.lives_s)
        return self.answer or (200, {"access_token": token, "expires_on": ends, "token_type": "Bearer"})


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        assert self.headers["X-IDENTITY-HEADER"] == self.server.header
        status, said = self.server.reply(parse_qs(urlsplit(self.path).query))
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args):
        """Keep quiet."""


@contextmanager
def serving(server):
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def identity(monkeypatch):
    """The only identity that azure-identity can find."""
    with serving(Identity()) as server:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{server.server_port}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", server.header)
        monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential")
        yield server


@contextmanager
def azure(monkeypatch, token=f"{TOKEN}-1"):
    """A fake Azure resource that takes one token, named by the environment without any key."""
    with fake_api(auto_size="64x48", token=token) as api:
        monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", api.url)
        monkeypatch.setenv("AZURE_OPENAI_DEPLOYMENT_NAME", "img-dep")
        monkeypatch.setenv("IMGMAGIC_SIZE", "auto")
        yield api


def bearers(api):
    return [call.headers["Authorization"] for call in api.calls]


# --- which credential ---------------------------------------------------------------------------------------------


def resolved(**more: str) -> Settings:
    return Settings.from_env(Environment({"AZURE_OPENAI_ENDPOINT": AZ, "IMGMAGIC_MODEL": "img-dep", **more}))


def test_with_neither_key_nor_token_entra_is_used(identity):
    found = resolved()
    assert isinstance(found.secret, EntraToken)
    assert (found.scheme, found.sources["key"], found.notes) == ("bearer", "azure-identity", ())
    assert found.secret.usable()
    assert found.secret


@pytest.mark.parametrize("name", ["AZURE_OPENAI_API_KEY", "AZURE_OPENAI_AD_TOKEN"])
def test_a_key_or_a_token_goes_before_entra(name):
    found = resolved(**{name: "k"})
    assert type(found.secret) is Secret
    assert found.sources["key"] == name


def test_a_misspelt_key_is_not_passed_over_in_silence():
    with pytest.raises(SettingsError, match=r"AZURE_OPENAI_KEY is set: did you mean AZURE_OPENAI_API_KEY\?"):
        resolved(AZURE_OPENAI_KEY="k")
    others = {"OPENAI_API_KEY": "k", "AZURE_OPENAI_SCOPE": "s", "AZURE_OPENAI_API_VERSION": "2026-01-01"}
    assert resolved(**others).sources["key"] == "azure-identity"


def test_an_entra_token_never_travels_in_the_open():
    with pytest.raises(SettingsError, match="the key would travel unencrypted"):
        resolved(AZURE_OPENAI_ENDPOINT="http://res.example")


def test_a_missing_deployment_is_still_missing():
    with pytest.raises(SettingsError, match="but AZURE_OPENAI_DEPLOYMENT_NAME is not set"):
        Settings.from_env(Environment({"AZURE_OPENAI_ENDPOINT": AZ}))


# --- asking -------------------------------------------------------------------------------------------------------


def test_two_calls_ask_for_one_token_and_looking_at_the_settings_for_none(identity, monkeypatch, tmp_path):
    with azure(monkeypatch) as api:
        studio = Studio(home=tmp_path / "h")
        studio.settings()
        assert identity.resources == []
        studio.imagine("a fox")
        studio.refine("bluer")
        assert bearers(api) == [f"Bearer {TOKEN}-1"] * 2
    assert identity.resources == ["https://cognitiveservices.azure.com"]
    assert [call.headers.get("api-key") for call in api.calls] == [None, None]


def test_the_scope_can_be_another_one(identity, monkeypatch):
    secret = resolved(AZURE_OPENAI_SCOPE=" https://ai.azure.com/.default ").secret
    assert secret.reveal() == f"{TOKEN}-1"
    assert EntraToken().reveal() == f"{TOKEN}-2"
    assert identity.resources == ["https://ai.azure.com", "https://cognitiveservices.azure.com"]


@pytest.mark.parametrize(("lives_s", "asked"), [(3600, 1), (330, 1), (290, 3), (1, 3)])
def test_another_one_is_asked_for_shortly_before_the_end(identity, lives_s, asked):
    identity.lives_s = lives_s
    assert [EntraToken().reveal() for _ in range(3)][-1] == f"{TOKEN}-{asked}"
    assert len(identity.resources) == asked


def test_a_token_that_has_come_of_age_is_replaced(identity):
    identity.lives_s = 302.0
    first = EntraToken().reveal()
    assert EntraToken().reveal() == first
    time.sleep(2.2)
    assert EntraToken().reveal() == f"{TOKEN}-2"


def test_many_threads_ask_once(identity):
    identity.pause_s = 0.2
    seen: list[str] = []
    threads = [threading.Thread(target=lambda: seen.append(EntraToken().reveal())) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert seen == [f"{TOKEN}-1"] * 8
    assert len(identity.resources) == 1


def test_refresh_forgets_the_token(identity):
    secret = EntraToken()
    assert secret.reveal() == f"{TOKEN}-1"
    secret.refresh()
    assert len(identity.resources) == 1
    assert (secret.reveal(), EntraToken().reveal()) == (f"{TOKEN}-2", f"{TOKEN}-2")


def test_another_identity_in_the_environment_gets_a_token_of_its_own(identity, monkeypatch):
    assert EntraToken().reveal() == f"{TOKEN}-1"
    monkeypatch.setenv("AZURE_CLIENT_ID", "00000000-0000-0000-0000-000000000001")
    assert EntraToken().reveal() == f"{TOKEN}-2"
    monkeypatch.setenv("AZURE_OPENAI_DEPLOYMENT_NAME", "another")
    assert EntraToken().reveal() == f"{TOKEN}-2"


def test_a_refused_token_is_replaced_once(identity, monkeypatch, tmp_path):
    with azure(monkeypatch, token=f"{TOKEN}-2") as api:
        Studio(home=tmp_path / "h").imagine("a fox")
        assert bearers(api) == [f"Bearer {TOKEN}-1", f"Bearer {TOKEN}-2"]


def test_a_token_that_is_refused_twice_is_an_error(identity, monkeypatch, tmp_path):
    with azure(monkeypatch, token="none") as api:
        studio = Studio(home=tmp_path / "h")
        with pytest.raises(ApiError) as refused:
            studio.imagine("a fox")
        assert bearers(api) == [f"Bearer {TOKEN}-1", f"Bearer {TOKEN}-2"]
    assert refused.value.status == 401
    assert TOKEN not in str(refused.value)
    assert len(studio.history.all) == 0


# --- when there is no token ---------------------------------------------------------------------------------------

SAYS_WHAT_TO_DO = ["az login", "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_AD_TOKEN", "AZURE_CLIENT_SECRET", "sketch engine"]
NO_TOKEN = {
    "azure says no": ((400, {"statusCode": 400, "message": "no identity"}), "failed to retrieve a token"),
    "Entra ID's own words": (
        (400, {"statusCode": 400, "message": "AADSTS700016: Application not found.\r\nTrace ID: 1"}),
        ': "AADSTS700016: Application not found."',
    ),
    "no JSON object": ((200, "login page"), "failed to retrieve a token"),
    "nothing in it": ((200, {}), "failed to retrieve a token"),
    "a line break in the token": (
        (200, {"access_token": f"{TOKEN}\nX: y", "expires_on": 9999999999, "token_type": "Bearer"}),
        "what came is empty, or holds characters that no token has",
    ),
}


@pytest.mark.parametrize(("answer", "words"), NO_TOKEN.values(), ids=list(NO_TOKEN))
def test_no_token_is_said_in_a_sentence(identity, monkeypatch, tmp_path, answer, words):
    identity.answer = answer
    with azure(monkeypatch) as api:
        studio = Studio(home=tmp_path / "h")
        with pytest.raises(SettingsError) as refused:
            studio.imagine("a fox")
        assert api.requests == []
    text = str(refused.value)
    assert [word for word in [words, *SAYS_WHAT_TO_DO] if word not in text] == []
    assert len(refused.value.message) < 350
    assert "\n" not in refused.value.message
    assert not re.search(rf"aka\.ms|{TOKEN}|{identity.header}", text)
    assert len(studio.history.all) == 0


def test_no_page_of_azures_is_chained_to_the_error(identity):
    identity.answer = (400, {"statusCode": 400, "message": "no identity"})
    with pytest.raises(SettingsError) as refused:
        EntraToken().reveal()
    shown = "".join(traceback.format_exception(refused.value))
    assert "Attempted credentials" not in shown
    assert "aka.ms" not in shown


def test_a_setting_of_azure_identity_that_makes_no_sense_is_said(identity, monkeypatch):
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "nonsense")
    with pytest.raises(SettingsError, match="Invalid value for AZURE_TOKEN_CREDENTIALS: nonsense"):
        EntraToken().reveal()


AZ_SCRIPT = """#!/bin/sh
echo '{"accessToken": "%s", "expiresOn": "2099-01-01 00:00:00.000000", "expires_on": 4070908800}'
"""


@pytest.fixture
def az_login(monkeypatch, tmp_path):
    """Sign in by a program called az, that gives out a token as the real one does."""

    def sign_in(token):
        script = tmp_path / "bin" / "az"
        script.parent.mkdir(exist_ok=True)
        script.write_text(AZ_SCRIPT % token)
        script.chmod(0o755)
        monkeypatch.setenv("PATH", f"{script.parent}:{os.defpath}")
        # So that what an earlier test was given does not count.
        monkeypatch.setenv("AZURE_CONFIG_DIR", str(tmp_path))
        monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "AzureCliCredential")

    return sign_in


def test_whoever_has_done_az_login_needs_nothing_else(az_login):
    az_login(TOKEN)
    assert EntraToken().reveal() == TOKEN


def test_an_empty_token_is_none(az_login):
    az_login("")
    with pytest.raises(SettingsError, match="There is no Entra ID token"):
        EntraToken().reveal()


def test_the_scope_that_was_chosen_is_named(identity):
    identity.answer = (400, {})
    with pytest.raises(SettingsError, match=r"with the scope https://odd\.example/x \(AZURE_OPENAI_SCOPE\)"):
        EntraToken("https://odd.example/x").reveal()


def test_a_failure_is_not_remembered(identity):
    identity.answer = (400, {})
    with pytest.raises(SettingsError):
        EntraToken().reveal()
    identity.answer = None
    assert EntraToken().reveal().startswith(TOKEN)


ALONE = """
import sys
from imgmagic import SettingsError
from imgmagic.entra import EntraToken
try:
    EntraToken().reveal()
except SettingsError as exc:
    print(exc.message)
"""


def test_nobody_signed_in_prints_nothing_beside_the_error(identity):
    # Without logging set up, Python prints azure's warning, a page, to stderr.
    identity.answer = (400, {})
    done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("There is no Entra ID token for Azure OpenAI")
    assert done.stderr == ""


# --- azure-identity absent ----------------------------------------------------------------------------------------

RESOLVE = f"""
import sys
{{absent}}
from imgmagic.entra import installed
from imgmagic.errors import SettingsError
from imgmagic.environment import Environment
from imgmagic.settings import Settings
env = {{{{"AZURE_OPENAI_ENDPOINT": "{AZ}", "IMGMAGIC_MODEL": "x"}}}}
print(installed())
try:
    print(Settings.from_env(Environment(env)).secret)
except SettingsError as exc:
    print(exc)
print(sorted(name for name in ("azure.identity", "azure.core", "msal") if sys.modules.get(name)))
"""

# As if nothing of azure, or azure without its identity part, had been installed.
ABSENT = {
    "azure": """
class NoAzure:
    def find_spec(self, name, path=None, target=None):
        if name == "azure":
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, NoAzure())
""",
    "azure.identity": 'sys.modules["azure.identity"] = None',
}


def printed(absent):
    code = RESOLVE.format(absent=absent)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.parametrize("absent", ABSENT.values(), ids=list(ABSENT))
def test_without_azure_identity_the_error_says_how_to_get_it(absent):
    found, said, *rest = printed(absent)
    assert found == "False"
    assert said == "Azure OpenAI is chosen, but AZURE_OPENAI_API_KEY is not set."
    assert 'pip install "jupyter-imgmagic[entra]"' in rest[0]
    assert rest[-1] == "[]"


def test_finding_azure_identity_does_not_import_it():
    assert printed("") == ["True", "EntraToken('…')", "[]"]
    assert installed()


def test_an_azure_identity_that_cannot_be_imported_is_said():
    # A dependency of it is broken, or it was uninstalled since.
    code = f"import sys\nsys.modules['azure.identity'] = None\n{ALONE}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("azure-identity cannot be imported")


# --- nobody sees the token ----------------------------------------------------------------------------------------


def test_no_repr_shows_the_token(identity):
    found = resolved()
    secret = found.secret
    shown = [repr(found), repr(secret), str(secret), f"{secret!r:>50}", repr([secret])]
    secret.reveal()
    shown += [repr(found), repr(secret), str(secret), repr(vars(secret._tokens)), repr(secret._tokens.given)]
    assert [text for text in shown if TOKEN in text] == []
    assert shown[0].count("EntraToken('…')") == 1


@pytest.mark.parametrize("attempt", [pickle.dumps, copy.deepcopy], ids=["pickled", "copied"])
def test_a_token_is_neither_pickled_nor_copied(identity, attempt):
    secret = EntraToken()
    secret.reveal()
    with pytest.raises(TypeError, match="not pickled"):
        attempt(secret)


def test_the_token_and_the_one_before_it_are_blotted_out(identity):
    secret = EntraToken()
    assert secret.redact("nothing asked yet") == "nothing asked yet"
    secret.reveal()
    secret.refresh()
    secret.reveal()
    assert secret.redact(f"not {TOKEN}-1 and not {TOKEN}-2") == "not [key] and not [key]"
    assert secret.stands_in(f"x{TOKEN}-1x")
    assert not secret.stands_in("x")
    assert len(identity.resources) == 2


def test_no_log_holds_the_token(identity, monkeypatch, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    with azure(monkeypatch):
        Studio(home=tmp_path / "h").imagine("a fox")
    assert "acquired a token" in caplog.text
    assert TOKEN not in caplog.text
    assert not any(TOKEN.encode() in each.read_bytes() for each in (tmp_path / "h").rglob("*") if each.is_file())


class Broken(logging.Handler):
    """Breaks when the fake Azure has answered, while the signed request lies in the frames around it."""

    def emit(self, record):
        if "/images/" in record.getMessage():
            raise ZeroDivisionError(record.name)


def test_a_bug_in_the_middle_of_an_exchange_shows_everything_but_the_token(identity, cells, capsys, monkeypatch):
    handler, log = Broken(), logging.getLogger("urllib3.connectionpool")
    level = log.level
    log.setLevel(logging.DEBUG)
    log.addHandler(handler)
    try:
        with azure(monkeypatch):
            cells.shell.run_line_magic("xmode", "Verbose")
            cells.shell.push({"studio": Studio(home="h")})
            result = cells.shell.run_cell("settings = studio.settings(); studio.imagine('a fox')")
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
    shown = re.sub("\x1b\\[[0-9;]*m", "", capsys.readouterr().out)
    assert isinstance(result.error_in_exec, ZeroDivisionError)
    assert "EntraToken('…')" in shown
    assert TOKEN not in shown
    assert os.environ["IDENTITY_HEADER"] not in shown
