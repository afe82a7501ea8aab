"""Which engine answers, where, as what and with which key: the table of the design as data, and what is refused."""

from __future__ import annotations

import copy
import logging
import pickle
import re
import sys
from dataclasses import dataclass, fields

import pytest

from imgmagic import Studio
from imgmagic.environment import Environment, Secret
from imgmagic.errors import SettingsError
from imgmagic.settings import Settings, is_loopback
from tests.fake_api import fake_api

KEY = "k3y-that-nobody-may-see"
VERSION = "2025-04-01-preview"
AZ = "https://res.openai.azure.com"
DEP = {"AZURE_OPENAI_DEPLOYMENT_NAME": "img-dep", "AZURE_OPENAI_API_KEY": KEY}


@dataclass(frozen=True)
class Row:
    """An environment, and what must come of it; a field that is None is not looked at."""

    env: dict[str, str]
    engine: str
    url: str = ""
    model: str | None = None
    model_from: str | None = None
    key_from: str | None = None
    scheme: str | None = None
    deployment_route: bool = False
    api_version: str = ""
    notes: tuple[str, ...] = ()
    forced: str | None = None
    config_model: str | None = None


@pytest.fixture(autouse=True)
def _without_azure_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a missing key be missing; tests/test_entra.py is about what happens otherwise."""
    monkeypatch.setitem(sys.modules, "azure.identity", None)


def azure(url: str, **more: str) -> dict[str, str]:
    return {"AZURE_OPENAI_ENDPOINT": url, **DEP, **more}


def on_routes(env: dict[str, str], url: str = f"{AZ}/openai", **more: object) -> Row:
    """Expect Azure's deployment routes."""
    return Row(env, "azure", url, **{"deployment_route": True, "api_version": VERSION, "model": "img-dep", **more})


def on_v1(env: dict[str, str], url: str = f"{AZ}/openai/v1", **more: object) -> Row:
    return Row(env, "azure", url, **{"model": "img-dep", "scheme": "api-key", **more})


def ignored(name: str) -> tuple[str, ...]:
    return (f"{name} asks for an api-version without image edits; {VERSION} is used instead",)


TABLE = {
    "nothing is set": Row({}, "sketch", model="sketch-1"),
    "variables set to blanks count as unset": Row({"OPENAI_API_KEY": " ", "AZURE_OPENAI_ENDPOINT": ""}, "sketch"),
    # --- Azure ---
    "azure": on_routes(azure(AZ), key_from="AZURE_OPENAI_API_KEY", scheme="api-key"),
    "azure with a slash": on_routes(azure(f"{AZ}/")),
    "azure with blanks and a line break around": on_routes(azure(f"  {AZ}/\n")),
    "azure with /openai": on_routes(azure(f"{AZ}/openai/")),
    "cognitiveservices": on_routes(
        azure("https://res.cognitiveservices.azure.com/"), "https://res.cognitiveservices.azure.com/openai"
    ),
    "azure v1": on_v1(azure(f"{AZ}/openai/v1")),
    "azure v1 with a slash": on_v1(azure(f"{AZ}/openai/v1/")),
    "azure v1, whole url pasted": on_v1(
        azure(f"{AZ}/openai/v1/images/generations?api-version=preview"), api_version="preview"
    ),
    "azure v1 drops a dated version of a pasted url": on_v1(azure(f"{AZ}/openai/v1?api-version={VERSION}")),
    "azure v1 takes preview from the environment": on_v1(
        azure(f"{AZ}/openai/v1", OPENAI_API_VERSION="preview"), api_version="preview"
    ),
    "azure v1 needs no dated version": on_v1(azure(f"{AZ}/openai/v1", AZURE_OPENAI_API_VERSION=VERSION)),
    "azure, whole url pasted": on_routes(
        {
            "AZURE_OPENAI_ENDPOINT": f"{AZ}/openai/deployments/my%20dep/images/edits?x=1&api-version=2026-01-01#top",
            "AZURE_OPENAI_API_KEY": KEY,
        },
        model="my dep",
        model_from="AZURE_OPENAI_ENDPOINT",
        api_version="2026-01-01",
    ),
    "a named deployment beats the pasted url": on_routes(
        azure(f"{AZ}/openai/deployments/other/images/generations"), model_from="AZURE_OPENAI_DEPLOYMENT_NAME"
    ),
    "a deployment called openai": on_routes(
        {"AZURE_OPENAI_ENDPOINT": f"{AZ}/openai/deployments/openai", "AZURE_OPENAI_API_KEY": KEY}, model="openai"
    ),
    "a gateway's prefix": on_routes(azure("https://gw.corp/team-a/"), "https://gw.corp/team-a/openai"),
    "a gateway's prefix and a whole url": on_routes(
        azure("https://gw.corp/team-a/openai/deployments/x/images/edits"), "https://gw.corp/team-a/openai"
    ),
    "a gateway whose prefix holds the word": on_routes(
        azure("https://gw.corp/openai-gate/openai/deployments/x"), "https://gw.corp/openai-gate/openai"
    ),
    "a gateway called openai, v1": on_v1(azure("https://gw.corp/openai/openai/v1"), "https://gw.corp/openai/openai/v1"),
    "azure on this machine may be http": on_routes(azure("http://127.0.0.1:8000"), "http://127.0.0.1:8000/openai"),
    "a newer api-version": on_routes(azure(AZ, AZURE_OPENAI_API_VERSION="2026-05-01"), api_version="2026-05-01"),
    "api-version in OpenAI's variable": on_routes(azure(AZ, OPENAI_API_VERSION="2026-05-01"), api_version="2026-05-01"),
    "an old api-version, set for chat": on_routes(
        azure(AZ, OPENAI_API_VERSION="2024-02-01"), notes=ignored("OPENAI_API_VERSION")
    ),
    "an old api-version in the pasted url": on_routes(
        azure(f"{AZ}/openai/deployments/x/chat/completions?api-version=2024-02-01"), notes=ignored("the endpoint's URL")
    ),
    "an old api-version beside a new one": on_routes(
        azure(AZ, AZURE_OPENAI_API_VERSION="2024-02-01", OPENAI_API_VERSION="2026-05-01"),
        api_version="2026-05-01",
        notes=("AZURE_OPENAI_API_VERSION asks for an api-version without image edits; 2026-05-01 is used instead",),
    ),
    "an entra token": on_routes(
        {"AZURE_OPENAI_ENDPOINT": AZ, "AZURE_OPENAI_DEPLOYMENT": "img-dep", "AZURE_OPENAI_AD_TOKEN": KEY},
        model_from="AZURE_OPENAI_DEPLOYMENT",
        key_from="AZURE_OPENAI_AD_TOKEN",
        scheme="bearer",
    ),
    "a key goes before an entra token": on_routes(
        azure(AZ, AZURE_OPENAI_AD_TOKEN="t"), key_from="AZURE_OPENAI_API_KEY", scheme="api-key"
    ),
    "IMGMAGIC_MODEL names a deployment too": on_routes(
        azure(AZ, IMGMAGIC_MODEL="mine"), model="mine", model_from="IMGMAGIC_MODEL"
    ),
    "%config model beats the environment": on_routes(
        azure(AZ, IMGMAGIC_MODEL="mine"), config_model="best", model="best", model_from="%config"
    ),
    "azure goes before everything else": on_routes(
        azure(AZ, OPENAI_BASE_URL="http://127.0.0.1:1/v1", OPENAI_API_KEY="other"), key_from="AZURE_OPENAI_API_KEY"
    ),
    "azure in OpenAI's variables, as Microsoft's samples have it": on_v1(
        {"OPENAI_BASE_URL": f"{AZ}/openai/v1/", "OPENAI_API_KEY": KEY, "IMGMAGIC_MODEL": "img-dep"},
        key_from="OPENAI_API_KEY",
    ),
    # --- OpenAI ---
    "openai": Row(
        {"OPENAI_API_KEY": KEY},
        "openai",
        "https://api.openai.com/v1",
        model="gpt-image-2",
        model_from="built in",
        key_from="OPENAI_API_KEY",
        scheme="bearer",
    ),
    "openai with a model": Row(
        {"OPENAI_API_KEY": KEY, "IMGMAGIC_MODEL": "m-1"}, "openai", "https://api.openai.com/v1", "m-1", "IMGMAGIC_MODEL"
    ),
    "openai by its url": Row(
        {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "https://api.openai.com"}, "openai", "https://api.openai.com/v1"
    ),
    "openai in a region": Row(
        {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "https://eu.api.openai.com/v1/"},
        "openai",
        "https://eu.api.openai.com/v1",
    ),
    "openai in azure's variable": Row(
        {"OPENAI_API_KEY": KEY, "AZURE_OPENAI_ENDPOINT": "https://api.openai.com/v1/"},
        "openai",
        "https://api.openai.com/v1",
    ),
    "a deployment's name means nothing to openai": Row(
        {"OPENAI_API_KEY": KEY, "AZURE_OPENAI_DEPLOYMENT_NAME": "img-dep"},
        "openai",
        "https://api.openai.com/v1",
        "gpt-image-2",
    ),
    # --- compatible servers ---
    "a compatible server without a key": Row(
        {"OPENAI_BASE_URL": "http://192.168.1.9:8080"}, "compatible", "http://192.168.1.9:8080/v1", "", "not set"
    ),
    "a compatible server with a path and a slash": Row(
        {"OPENAI_BASE_URL": "http://[::1]:8080/v1/"}, "compatible", "http://[::1]:8080/v1"
    ),
    "a compatible server with a path of its own": Row(
        {"OPENAI_BASE_URL": "https://gw.corp/llm/images?key=no"}, "compatible", "https://gw.corp/llm"
    ),
    "a compatible server, whole url pasted": Row(
        {"OPENAI_BASE_URL": "https://h.example/api/v3/images/generations"}, "compatible", "https://h.example/api/v3"
    ),
    "a compatible server with key and model": Row(
        {"OPENAI_BASE_URL": "https://h.example/v1", "OPENAI_API_KEY": KEY, "IMGMAGIC_MODEL": "flux"},
        "compatible",
        "https://h.example/v1",
        "flux",
        "IMGMAGIC_MODEL",
        "OPENAI_API_KEY",
        "bearer",
    ),
    "a host that only ends like azure": Row(
        {"OPENAI_BASE_URL": "https://evilopenai.azure.com.example/v1"},
        "compatible",
        "https://evilopenai.azure.com.example/v1",
    ),
    # --- forced ---
    "sketch forced over a whole environment": Row(azure(AZ, IMGMAGIC_ENGINE="sketch"), "sketch"),
    "openai forced beside azure": Row(
        azure(AZ, OPENAI_API_KEY=KEY, IMGMAGIC_ENGINE="openai"), "openai", "https://api.openai.com/v1"
    ),
    "openai forced still goes where its base url points": Row(
        {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "https://gw.corp/v1"},
        "openai",
        "https://gw.corp/v1",
        "gpt-image-2",
        forced="openai",
    ),
    "%config engine beats the environment's": on_routes(azure(AZ, IMGMAGIC_ENGINE="sketch"), forced="azure"),
    "compatible forced beside azure": Row(
        azure(AZ, OPENAI_BASE_URL="http://127.0.0.1:1/v1"), "compatible", "http://127.0.0.1:1/v1", forced="compatible"
    ),
}


def resolved(env: dict[str, str], forced: str | None = None, config_model: str | None = None) -> Settings:
    return Settings.from_env(Environment(env), engine=forced, model=config_model)


@pytest.mark.parametrize("row", TABLE.values(), ids=list(TABLE))
def test_the_environment_decides_who_answers(row: Row) -> None:
    found = resolved(row.env, row.forced, row.config_model)
    assert (found.engine, found.base_url) == (row.engine, row.url)
    assert (found.deployment_route, found.api_version) == (row.deployment_route, row.api_version)
    assert found.notes == row.notes
    seen = (found.model, found.sources.get("model"), found.sources.get("key"), found.scheme)
    wanted = (row.model, row.model_from, row.key_from, row.scheme)
    assert [one for one, want in zip(seen, wanted, strict=True) if want is not None] == [
        want for want in wanted if want is not None
    ]
    assert (found.secret is not None) is ("key" in found.sources)


@pytest.mark.parametrize("row", TABLE.values(), ids=list(TABLE))
def test_no_query_and_no_slash_is_left_of_an_address(row: Row) -> None:
    url = resolved(row.env, row.forced).base_url
    assert not set("?#") & set(url)
    assert not url.endswith("/")


def test_every_value_says_where_it_came_from() -> None:
    found = resolved(azure(AZ, OPENAI_API_VERSION="2026-05-01"))
    assert found.sources == {
        "engine": "AZURE_OPENAI_ENDPOINT",
        "endpoint": "AZURE_OPENAI_ENDPOINT",
        "model": "AZURE_OPENAI_DEPLOYMENT_NAME",
        "key": "AZURE_OPENAI_API_KEY",
        "api-version": "OPENAI_API_VERSION",
    }
    assert resolved({}, "sketch").sources == {"engine": "%config"}
    assert resolved({"OPENAI_API_KEY": KEY}).sources["endpoint"] == "built in"


def test_organisation_and_project_travel_to_openai_only() -> None:
    env = {"OPENAI_API_KEY": KEY, "OPENAI_ORG_ID": "org-1", "OPENAI_PROJECT_ID": "proj-1"}
    assert resolved(env).headers == (("OpenAI-Organization", "org-1"), ("OpenAI-Project", "proj-1"))
    assert resolved(azure(AZ, **env)).headers == ()
    assert resolved({**env, "OPENAI_BASE_URL": "https://h.example/v1"}).headers == ()


# --- what is refused ---------------------------------------------------------------------------------------------

OPEN_WIRE = "the key would travel unencrypted"
REFUSED = {
    "azure without anything": (
        {"AZURE_OPENAI_ENDPOINT": AZ},
        ["Azure OpenAI is chosen, but AZURE_OPENAI_DEPLOYMENT_NAME and AZURE_OPENAI_API_KEY are not set."],
    ),
    "azure without a key": (
        {"AZURE_OPENAI_ENDPOINT": AZ, "IMGMAGIC_MODEL": "x"},
        [
            "but AZURE_OPENAI_API_KEY is not set.",
            "AZURE_OPENAI_AD_TOKEN: an Entra ID token",
            '`pip install "jupyter-imgmagic[entra]"`',
        ],
    ),
    "azure without a deployment": (
        {"AZURE_OPENAI_ENDPOINT": AZ, "AZURE_OPENAI_API_KEY": KEY},
        ["but AZURE_OPENAI_DEPLOYMENT_NAME is not set.", "the name that your image model was deployed under"],
    ),
    "azure forced without an endpoint": (
        {**DEP, "IMGMAGIC_ENGINE": "azure"},
        ["but AZURE_OPENAI_ENDPOINT is not set."],
    ),
    "openai forced without a key": ({"IMGMAGIC_ENGINE": "openai"}, ["OpenAI is chosen, but OPENAI_API_KEY is not set"]),
    "compatible forced without an address": (
        {"IMGMAGIC_ENGINE": "compatible"},
        ["A compatible server is chosen, but OPENAI_BASE_URL is not set"],
    ),
    "a near miss of the key": (
        {"AZURE_OPENAI_ENDPOINT": AZ, "IMGMAGIC_MODEL": "x", "AZURE_OPENAI_KEY": KEY},
        ["AZURE_OPENAI_KEY is set: did you mean AZURE_OPENAI_API_KEY?"],
    ),
    "a near miss of the deployment": (
        {"AZURE_OPENAI_ENDPOINT": AZ, "AZURE_OPENAI_API_KEY": KEY, "AZURE_OPENAI_DEPLOYMENTNAME": "x"},
        ["AZURE_OPENAI_DEPLOYMENTNAME is set: did you mean AZURE_OPENAI_DEPLOYMENT_NAME?"],
    ),
    "a near miss of the endpoint": (
        {**DEP, "IMGMAGIC_ENGINE": "azure", "AZURE_OPENAI_ENDPONT": AZ},
        ["AZURE_OPENAI_ENDPONT is set: did you mean AZURE_OPENAI_ENDPOINT?"],
    ),
    "OpenAI's key beside an azure endpoint": (
        {"AZURE_OPENAI_ENDPOINT": AZ, "IMGMAGIC_MODEL": "x", "OPENAI_API_KEY": KEY},
        ["OPENAI_API_KEY is set: did you mean AZURE_OPENAI_API_KEY?"],
    ),
    "an engine that does not exist": (
        {"IMGMAGIC_ENGINE": "dalle"},
        ["There is no engine 'dalle' (IMGMAGIC_ENGINE): it is one of azure, openai, compatible, sketch."],
    ),
    "a bare host": (azure("res.openai.azure.com"), ["AZURE_OPENAI_ENDPOINT is not a usable URL", "https://NAME."]),
    "another scheme": (azure("ftp://res.example"), ["it does not begin with https://"]),
    "no host": (azure("https:///openai"), ["it names no host"]),
    "a placeholder": (azure("https://<your-resource>.openai.azure.com"), ["is a placeholder still in it?"]),
    "a blank in the host": (azure("https://my res.openai.azure.com"), ["characters that no host has"]),
    "half an IPv6 address": (azure("http://[::1"), ["its host or port makes no sense"]),
    "port 0": (azure("https://res.example:0"), ["its port is 0"]),
    "a port out of range": (azure("https://res.example:99999"), ["its host or port makes no sense"]),
    "a port in words": ({"OPENAI_BASE_URL": "http://127.0.0.1:port/v1"}, ["its host or port makes no sense"]),
    "a user and a password": (azure(f"https://user:{KEY}@res.example"), ["has a user name or password in it"]),
    "a password and port 0": (azure(f"https://user:{KEY}@res.example:0"), ["its port is 0"]),
    "the key where the address belongs": (azure(KEY), ["AZURE_OPENAI_ENDPOINT is not a usable URL"]),
    "a key with a line break": (azure(AZ, AZURE_OPENAI_API_KEY=f"{KEY}\nX: y"), ["AZURE_OPENAI_API_KEY holds char"]),
    "a key in quotes": (azure(AZ, AZURE_OPENAI_API_KEY=f'"{KEY}"'), ["a quote", "without quotes"]),
    "a key with a letter outside ASCII": ({"OPENAI_API_KEY": f"{KEY}é"}, ["OPENAI_API_KEY holds characters"]),
    "an organisation with a line break": (
        {"OPENAI_API_KEY": KEY, "OPENAI_ORG_ID": "a\nb"},
        ["OPENAI_ORG_ID holds characters"],
    ),
    "http to azure": (azure("http://res.openai.azure.com"), [OPEN_WIRE, "AZURE_OPENAI_ENDPOINT is http://res."]),
    "http with an entra token": (
        {"AZURE_OPENAI_ENDPOINT": "http://res.example", "IMGMAGIC_MODEL": "x", "AZURE_OPENAI_AD_TOKEN": KEY},
        [OPEN_WIRE],
    ),
    "http to openai": ({"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "http://api.openai.com/v1"}, [OPEN_WIRE]),
    "http to a compatible server with a key": (
        {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "http://192.168.1.9:8080/v1"},
        [OPEN_WIRE, "Write https://"],
    ),
    "http to a host that only looks local": (
        {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "http://127.0.0.1.example/v1"},
        [OPEN_WIRE],
    ),
}


@pytest.mark.parametrize(("env", "words"), REFUSED.values(), ids=list(REFUSED))
def test_a_half_set_or_wrong_environment_is_refused_in_words_that_help(env: dict[str, str], words: list[str]) -> None:
    with pytest.raises(SettingsError) as refused:
        resolved(env)
    assert [word for word in words if word not in str(refused.value)] == []
    assert KEY not in str(refused.value)


def test_what_is_missing_ends_with_the_way_to_the_sketch_engine() -> None:
    with pytest.raises(SettingsError, match="sketch engine") as refused:
        resolved({"AZURE_OPENAI_ENDPOINT": AZ})
    assert (
        str(refused.value)
        .splitlines()[-1]
        .endswith("%config ImgMagic.engine = 'sketch'` (the built-in sketch engine).")
    )


def test_a_variable_with_a_meaning_of_its_own_is_no_near_miss() -> None:
    env = {"AZURE_OPENAI_ENDPOINT": AZ, "IMGMAGIC_MODEL": "x", "AZURE_OPENAI_API_VERSION": VERSION}
    with pytest.raises(SettingsError) as refused:
        resolved(env)
    assert "did you mean" not in str(refused.value)


def test_only_the_chosen_engines_variables_can_be_missing() -> None:
    env = {"OPENAI_API_KEY": KEY, "AZURE_OPENAI_API_KEY": KEY, "AZURE_OPENAI_DEPLOYMENT_NAME": "x"}
    assert resolved(env).engine == "openai"


@pytest.mark.parametrize(
    ("host", "is_local"),
    [
        ("localhost", True),
        ("app.localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("192.168.1.9", False),
        ("localhost.example", False),
        ("127.0.0.1.example", False),
        ("", False),
    ],
)
def test_loopback_is_this_machine_and_nothing_else(host: str, *, is_local: bool) -> None:
    assert is_loopback(host) is is_local


# --- the studio and the kernel -----------------------------------------------------------------------------------


def test_the_environment_is_read_again_at_every_call(monkeypatch, tmp_path) -> None:
    studio = Studio(home=tmp_path / "h")
    assert studio.settings().engine == "sketch"
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert studio.settings().engine == "openai"


def test_the_studios_model_and_engine_beat_the_environment(monkeypatch, tmp_path) -> None:
    for name, value in azure(AZ, IMGMAGIC_MODEL="from-env").items():
        monkeypatch.setenv(name, value)
    assert Studio(home=tmp_path / "h", model="from-config").settings().model == "from-config"
    assert Studio(home=tmp_path / "h", engine="sketch").settings().engine == "sketch"


def test_a_refused_environment_stops_the_call_before_anything_is_sent_or_stored(monkeypatch, tmp_path) -> None:
    with fake_api() as api:
        monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", api.url)
        studio = Studio(home=tmp_path / "h")
        with pytest.raises(SettingsError, match="AZURE_OPENAI_API_KEY"):
            studio.imagine("a fox")
        assert api.requests == []
    assert len(studio.history.all) == 0


def test_an_ignored_api_version_is_said_once(monkeypatch, tmp_path) -> None:
    with fake_api(auto_size="64x48") as api:
        for name, value in azure(api.url, AZURE_OPENAI_API_KEY="test-key", OPENAI_API_VERSION="2024-02-01").items():
            monkeypatch.setenv(name, value)
        studio = Studio(home=tmp_path / "h", size="auto")
        first, second = studio.imagine("a fox"), studio.imagine("a fox")
        assert [call.query for call in api.calls] == [{"api-version": VERSION}] * 2
    assert ignored("OPENAI_API_VERSION")[0] in first.notes
    assert second.notes == ()


# --- nobody sees the key -----------------------------------------------------------------------------------------


def test_no_repr_shows_the_key() -> None:
    environment = Environment(azure(AZ))
    found = Settings.from_env(environment)
    shown = [repr(each) for each in (environment, found, found.secret, [found], {"a": found.secret})]
    shown += [str(found), f"{found.secret}", f"{found!r:>500}"]
    shown += [repr(getattr(found, each.name)) for each in fields(found)]
    assert [text for text in shown if KEY in text] == []
    assert found.secret is not None
    assert found.secret.reveal() == KEY


@pytest.mark.parametrize("attempt", [pickle.dumps, copy.deepcopy], ids=["pickled", "copied"])
def test_a_secret_is_neither_pickled_nor_copied(attempt) -> None:
    with pytest.raises(TypeError, match="not pickled"):
        attempt(Secret(KEY))


class Broken(logging.Handler):
    """Breaks in the middle of an exchange, where the signed request lies in the frames around it."""

    def __init__(self, at: str) -> None:
        super().__init__()
        self.at = at

    def emit(self, record: logging.LogRecord) -> None:
        if self.at in record.getMessage():
            raise ZeroDivisionError(record.name)


@pytest.fixture(params=["Starting new", "HTTP/1.1"], ids=["connecting", "answered"])
def broken_exchange(request):
    handler, log = Broken(request.param), logging.getLogger("urllib3.connectionpool")
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    yield
    log.setLevel(level)
    log.removeHandler(handler)


@pytest.mark.parametrize("scheme", ["api-key", "bearer"])
def test_a_bug_in_the_middle_of_an_exchange_shows_everything_but_the_key(
    cells, capsys, broken_exchange, monkeypatch, tmp_path, scheme
) -> None:
    with fake_api(key=KEY, token=KEY) as api:
        for name, value in azure(api.url).items():
            monkeypatch.setenv(name, value)
        if scheme == "bearer":
            monkeypatch.setenv("AZURE_OPENAI_AD_TOKEN", KEY)
            monkeypatch.delenv("AZURE_OPENAI_API_KEY")
        cells.shell.run_line_magic("xmode", "Verbose")
        cells.shell.push({"studio": Studio(home=tmp_path / "h")})
        result = cells.shell.run_cell("settings = studio.settings(); studio.imagine('a fox')")
    shown = re.sub("\x1b\\[[0-9;]*m", "", capsys.readouterr().out)
    assert isinstance(result.error_in_exec, ZeroDivisionError)
    assert ("'api-key': '…'" if scheme == "api-key" else "'Authorization': '…'") in shown
    assert "secret=Secret('…')" in shown
    assert KEY not in shown
