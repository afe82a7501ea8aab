"""Which engine answers, where it lives, and where each value came from.

`Settings` is one frozen value, resolved anew at every call from the environment and `%config ImgMagic`, so "which key
did it use?" has one answer. First match wins: a forced engine, `AZURE_OPENAI_ENDPOINT`, `OPENAI_BASE_URL`,
`OPENAI_API_KEY`, and with none of them the built-in sketch engine. A half-set environment is an error that names what
is missing; it never falls back in silence, since the user would take a sketch for what they pay for.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, cast
from urllib.parse import SplitResult, quote, unquote, urlsplit

from imgmagic.errors import SettingsError, printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imgmagic.environment import Environment, Secret

EngineName = Literal["azure", "openai", "compatible", "sketch"]
ENGINES: tuple[EngineName, ...] = ("azure", "openai", "compatible", "sketch")

#: OpenAI's own model when none is named; Azure deployments and other servers have no default.
OPENAI_MODEL = "gpt-image-2"
OPENAI_URL = "https://api.openai.com/v1"

#: The first api-version of Azure that has the edits route.
AZURE_API_VERSION = "2025-04-01-preview"

AZURE_HOSTS = tuple(
    f".{service}.azure.{cloud}"
    for service in ("openai", "cognitiveservices", "services.ai")
    for cloud in ("com", "us", "cn")
)

#: The variables whose presence chooses a service.
_CHOOSERS = ("AZURE_OPENAI_ENDPOINT", "OPENAI_BASE_URL", "OPENAI_API_KEY")

SKETCH_HINT = "To go on without a service: `%config ImgMagic.engine = 'sketch'` (the built-in sketch engine)."


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that decides where a request goes.

    Parameters
    ----------
    engine
        Who answers.
    base_url
        What stands before ``/images/…``, without a slash at its end, a query or credentials; empty for the sketch.
    model
        Model, or deployment on Azure; empty when a compatible server may choose.
    deployment_route
        True for Azure's ``/openai/deployments/NAME`` routes, where the model is not sent.
    api_version
        The ``api-version`` query value; empty to send none.
    secret
        The key or token, or None.
    scheme
        The header that carries it.
    headers
        Further headers by name (organisation and project of OpenAI).
    sources
        Where each value came from, by field: a variable's name, ``%config`` or ``built in``.
    notes
        Sentences the user should see once: a variable that was ignored, and why.
    """

    engine: EngineName
    base_url: str = ""
    model: str = ""
    deployment_route: bool = False
    api_version: str = ""
    secret: Secret | None = None
    scheme: Literal["api-key", "bearer"] = "bearer"
    headers: tuple[tuple[str, str], ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def host(self) -> str:
        """The endpoint's host and port; empty for the sketch engine."""
        return urlsplit(self.base_url).netloc

    @property
    def loopback(self) -> bool:
        """True if the endpoint is this machine."""
        return is_loopback(urlsplit(self.base_url).hostname or "")

    def image_url(self, route: str, model: str) -> str:
        """Give the address of an image route, without a query; Azure's deployment routes name the deployment in it."""
        base = self.base_url + (f"/deployments/{quote(model, safe='')}" if self.deployment_route else "")
        return f"{base}/images/{route}"

    @classmethod
    def from_env(cls, environment: Environment, *, engine: str | None = None, model: str | None = None) -> Settings:
        """Resolve the engine, its address, model and key.

        Parameters
        ----------
        environment
            The variables to read.
        engine, model
            What `%config ImgMagic` says; None where it says nothing.

        Raises
        ------
        SettingsError
            If the matched engine lacks something, or an address cannot be used.
        """
        name, why = _which(environment, engine)
        resolve = {"azure": _azure, "openai": _openai, "compatible": _compatible, "sketch": _sketch}[name]
        settings = resolve(_Given(environment, model, why))
        _refuse_plain_http(settings)
        return settings


@dataclass(frozen=True, slots=True)
class _Given:
    """What the resolvers below work from."""

    environment: Environment
    config_model: str | None
    why: str

    def model(self, *names: str) -> tuple[str, str]:
        """Give the model's name and where it came from; both empty if nobody names one."""
        if self.config_model:
            return self.config_model, "%config"
        source = self.environment.first("IMGMAGIC_MODEL", *names)
        return (self.environment.get(source), source) if source else ("", "")


def nothing_chooses(environment: Environment, forced: str | None) -> bool:
    """Tell whether no engine is forced and no variable names a service, as with the reader of a tutorial."""
    return not forced and not environment.first("IMGMAGIC_ENGINE", *_CHOOSERS)


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def key_variable(environment: Environment, *, engine: str | None = None) -> tuple[EngineName, str]:
    """Give the engine that would answer, and the variable that holds its key: empty for one that needs none.

    Parameters
    ----------
    environment
        The variables to read.
    engine
        What `%config ImgMagic` says; None where it says nothing.

    Raises
    ------
    SettingsError
        If there is no such engine, or an address cannot be used.
    """
    name, _ = _which(environment, engine)
    if name == "sketch":
        return name, ""
    beside = name != "azure" or _azure_variable(environment) == "OPENAI_BASE_URL"
    return name, "OPENAI_API_KEY" if beside else "AZURE_OPENAI_API_KEY"


def _which(environment: Environment, forced: str | None) -> tuple[EngineName, str]:
    """Choose the engine, and say what chose it."""
    if forced or environment.get("IMGMAGIC_ENGINE"):
        word, why = (forced, "%config") if forced else (environment.get("IMGMAGIC_ENGINE"), "IMGMAGIC_ENGINE")
        if word not in ENGINES:
            raise SettingsError(
                f"There is no engine '{printable(word, 40)}' ({why}): it is one of {', '.join(ENGINES)}."
            )
        return word, why
    for name, engine in (("AZURE_OPENAI_ENDPOINT", "azure"), ("OPENAI_BASE_URL", "compatible")):
        if environment.get(name):
            host = _parsed(environment.get(name), name).hostname or ""
            return _by_host(host) or cast("EngineName", engine), name
    if environment.get("OPENAI_API_KEY"):
        return "openai", "OPENAI_API_KEY"
    return "sketch", "no engine is configured"


def _by_host(host: str) -> EngineName | None:
    """Recognise the two services by their hosts, whichever variable named them."""
    if host == "api.openai.com" or host.endswith(".api.openai.com"):
        return "openai"
    return "azure" if host.endswith(AZURE_HOSTS) else None


def _sketch(given: _Given) -> Settings:
    return Settings("sketch", model="sketch-1", sources={"engine": given.why}, notes=_half_set(given))


def _half_set(given: _Given) -> tuple[str, ...]:
    """Name what looks as if a service was meant, where nothing chose the sketch engine."""
    env = given.environment
    if env.get("IMGMAGIC_ENGINE") or given.why == "%config":
        return ()
    slips = {
        near: name for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "AZURE_OPENAI_ENDPOINT") for near in env.near(name)
    }
    told = [
        f"{near} is set: did you mean {name}?" for near, name in slips.items() if not near.startswith("AZURE_OPENAI_A")
    ]
    alone = env.first("AZURE_OPENAI_API_KEY", "AZURE_OPENAI_AD_TOKEN", "AZURE_OPENAI_DEPLOYMENT_NAME")
    told += [f"{alone} is set, but AZURE_OPENAI_ENDPOINT is not: the sketch engine answers."] if alone else []
    return tuple(told)


def _openai(given: _Given) -> Settings:
    env = given.environment
    model, model_from = given.model()
    # A forced engine still goes where OPENAI_BASE_URL points: the key beside it belongs to that server.
    named = given.why if given.why == "AZURE_OPENAI_ENDPOINT" else env.first("OPENAI_BASE_URL")
    secret = _required_secret(env, "OpenAI", "OPENAI_API_KEY")
    return Settings(
        "openai",
        base_url=_base_url(_parsed(env.get(named), named)) if named else OPENAI_URL,
        model=model or OPENAI_MODEL,
        secret=secret,
        headers=_organisation(env),
        sources={
            "engine": given.why,
            "endpoint": named or "built in",
            "model": model_from or "built in",
            "key": env.origin("OPENAI_API_KEY"),
        },
    )


def _organisation(env: Environment) -> tuple[tuple[str, str], ...]:
    """Give the headers that charge a call to an organisation or project, as the official SDK does."""
    pairs = (("OpenAI-Organization", "OPENAI_ORG_ID"), ("OpenAI-Project", "OPENAI_PROJECT_ID"))
    return tuple((header, env.get(name)) for header, name in pairs if env.get(name) and env.secret(name).usable())


def _compatible(given: _Given) -> Settings:
    env = given.environment
    if not env.get("OPENAI_BASE_URL"):
        raise _missing(env, "A compatible server", ["OPENAI_BASE_URL"])
    model, model_from = given.model()
    keyed = bool(env.get("OPENAI_API_KEY"))
    return Settings(
        "compatible",
        base_url=_base_url(_parsed(env.get("OPENAI_BASE_URL"), "OPENAI_BASE_URL")),
        model=model,
        secret=env.secret("OPENAI_API_KEY") if keyed else None,
        sources={"engine": given.why, "endpoint": "OPENAI_BASE_URL", "model": model_from or "not set"}
        | ({"key": env.origin("OPENAI_API_KEY")} if keyed else {}),
    )


def _base_url(parsed: SplitResult) -> str:
    """Give what stands before ``/images/…``: the path as the official SDK takes it, ``/v1`` where there is none."""
    path = parsed.path.rstrip("/")
    path = re.sub(r"/images(/(generations|edits))?$", "", path) if path else "/v1"
    return f"{parsed.scheme}://{parsed.netloc}{path}"


def _azure(given: _Given) -> Settings:
    env = given.environment
    named = _azure_variable(env)
    if not named:
        raise _missing(env, "Azure OpenAI", ["AZURE_OPENAI_ENDPOINT"])
    address = _AzureAddress.read(_parsed(env.get(named), named))
    model, model_from = given.model("AZURE_OPENAI_DEPLOYMENT_NAME", "AZURE_OPENAI_DEPLOYMENT")
    if not model:
        model, model_from = address.deployment, named
    access = _azure_access(env, named)
    lacking = [] if model else ["AZURE_OPENAI_DEPLOYMENT_NAME"]
    lacking += [] if access else ["AZURE_OPENAI_API_KEY"]
    if access is None or lacking:
        raise _missing(env, "Azure OpenAI", lacking)
    version, version_from, notes = _api_version(env, address)
    return Settings(
        "azure",
        base_url=address.url,
        model=model,
        deployment_route=not address.v1,
        api_version=version,
        secret=access.secret,
        scheme=access.scheme,
        sources={
            "engine": given.why,
            "endpoint": named,
            "model": model_from,
            "key": access.source,
            "api-version": version_from,
        },
        notes=notes,
    )


def _azure_variable(env: Environment) -> str:
    """Name the variable that holds the Azure address: a compatible server's URL may stand in the other one."""
    if env.get("AZURE_OPENAI_ENDPOINT"):
        return "AZURE_OPENAI_ENDPOINT"
    base = env.get("OPENAI_BASE_URL")
    host = (_parsed(base, "OPENAI_BASE_URL").hostname or "") if base else ""
    return "OPENAI_BASE_URL" if _by_host(host) == "azure" else ""


@dataclass(frozen=True, slots=True)
class _Access:
    """What lets one into an Azure resource, how it travels and where it came from."""

    secret: Secret
    scheme: Literal["api-key", "bearer"]
    source: str


def _azure_access(env: Environment, named: str) -> _Access | None:
    """Give the key, else the token, else what azure-identity will find; a URL in OPENAI_BASE_URL has its key beside."""
    beside = ["OPENAI_API_KEY"] if named == "OPENAI_BASE_URL" else []
    key = env.first(*beside, "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_AD_TOKEN")
    if key:
        scheme: Literal["api-key", "bearer"] = "bearer" if key == "AZURE_OPENAI_AD_TOKEN" else "api-key"
        return _Access(env.secret(key), scheme, env.origin(key))
    from imgmagic import entra

    # A misspelt key was meant to be used; OpenAI's own key may well be set for something else.
    misspelt = any(near.startswith("AZURE_") for near in env.near("AZURE_OPENAI_API_KEY"))
    if misspelt or not entra.installed():
        return None
    return _Access(entra.EntraToken(env.get("AZURE_OPENAI_SCOPE")), "bearer", "azure-identity")


@dataclass(frozen=True, slots=True)
class _AzureAddress:
    """An Azure endpoint as users paste it: bare, with a slash, with `/openai/v1`, or a whole request URL."""

    url: str
    v1: bool
    deployment: str
    api_version: str

    @classmethod
    def read(cls, parsed: SplitResult) -> _AzureAddress:
        # A gateway's prefix may hold the word too, so what follows it is looked at first.
        found = re.match(r"(.*?)/openai(/v1|/deployments/[^/]+)(?:/|$)", parsed.path)
        found = found or re.match(r"(.*?)/openai(?:/|$)()", parsed.path)
        before, after = found.groups() if found else (parsed.path, "")
        v1 = after == "/v1"
        version = re.search(r"(?:^|&)api-version=([\w.-]+)", parsed.query)
        root = f"{parsed.scheme}://{parsed.netloc}{before.rstrip('/')}/openai"
        return cls(
            f"{root}/v1" if v1 else root,
            v1,
            "" if v1 else unquote(after.removeprefix("/deployments/")),
            version[1] if version else "",
        )


def _api_version(env: Environment, address: _AzureAddress) -> tuple[str, str, tuple[str, ...]]:
    """Choose the api-version, say where it came from, and what was ignored on the way."""
    said = [(name, env.get(name)) for name in ("AZURE_OPENAI_API_VERSION", "OPENAI_API_VERSION")]
    said = [(name, version) for name, version in [*said, ("the endpoint's URL", address.api_version)] if version]
    if address.v1:
        # A dated version, set for the other routes, is not needed here.
        source, version = next((each for each in said if each[1] in _V1_VERSIONS), ("built in", ""))
        return version, source, ()
    fit = (each for each in said if each[1][:10] >= AZURE_API_VERSION[:10])
    source, version = next(fit, ("built in", AZURE_API_VERSION))
    old = [name for name, each in said if each[:10] < AZURE_API_VERSION[:10]]
    notes = [f"{name} asks for an api-version without image edits; {version} is used instead" for name in old]
    return version, source, tuple(notes)


_V1_VERSIONS = {"v1", "preview", "latest"}


def _parsed(url: str, name: str) -> SplitResult:
    """Split a URL, or say what is wrong with it without repeating it: it may hold a password, or be the key."""
    try:
        parsed = urlsplit(url)
        wrong = _wrong(parsed)
    except ValueError:
        wrong = "its host or port makes no sense"
    if wrong:
        raise SettingsError(
            f"{name} is not a usable URL: {wrong}.",
            hint="It should look like https://NAME.openai.azure.com or http://127.0.0.1:8080/v1.",
        )
    if parsed.username or parsed.password:
        raise SettingsError(
            f"{name} has a user name or password in it.", hint="Take it out, and put the key into its own variable."
        )
    return parsed


def _wrong(parsed: SplitResult) -> str:
    """Say what keeps a URL from being used; empty if nothing does."""
    if parsed.scheme not in {"http", "https"}:
        return "it does not begin with https://"
    if not parsed.hostname:
        return "it names no host"
    if re.search(r"[^\w.:%-]", parsed.hostname):
        return "its host holds characters that no host has (is a placeholder still in it?)"
    return "its port is 0" if parsed.port == 0 else ""


def _required_secret(env: Environment, service: str, name: str) -> Secret:
    if not env.get(name):
        raise _missing(env, service, [name])
    return env.secret(name)


def _missing(env: Environment, service: str, names: list[str]) -> SettingsError:
    """Say which variables a service lacks, and which ones look like a slip of the pen."""
    slips = [f"{near} is set: did you mean {name}?" for name in names for near in env.near(name) if near not in names]
    lines = [*slips, *(_WHAT[name] for name in names), SKETCH_HINT]
    verb = "is" if len(names) == 1 else "are"
    return SettingsError(f"{service} is chosen, but {' and '.join(names)} {verb} not set.", hint="\n".join(lines))


_WHAT = {
    "AZURE_OPENAI_ENDPOINT": "AZURE_OPENAI_ENDPOINT: the address of the resource, https://NAME.openai.azure.com.",
    "AZURE_OPENAI_DEPLOYMENT_NAME": "AZURE_OPENAI_DEPLOYMENT_NAME: the name that your image model was deployed under.",
    "AZURE_OPENAI_API_KEY": "AZURE_OPENAI_API_KEY: a key of the resource; or AZURE_OPENAI_AD_TOKEN: an Entra ID token; "
    'or `pip install "jupyter-imgmagic[entra]"`, which asks for a token itself when you are signed in to Azure.',
    "OPENAI_API_KEY": "OPENAI_API_KEY: a key of your OpenAI account.",
    "OPENAI_BASE_URL": "OPENAI_BASE_URL: the server's address, for example http://127.0.0.1:8080/v1.",
}


def _refuse_plain_http(settings: Settings) -> None:
    """Keep a key off the open wire."""
    if settings.secret is not None and settings.base_url.startswith("http://") and not settings.loopback:
        raise SettingsError(
            f"{settings.sources['endpoint']} is http://{settings.host}: the key would travel unencrypted.",
            hint="Write https://, or use a server on this machine (127.0.0.1).",
        )
