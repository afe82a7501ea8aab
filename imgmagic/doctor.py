"""`%imgmagic doctor`: what stands between a cell and its first picture, one line for each thing looked at.

The questions are real requests, and none makes a picture. Azure OpenAI and OpenAI are asked for *no* picture (``n`` is
0) of *nothing* (there is no prompt): either is refused, and by the refusal one sees how far the request came, since
the key is looked at before the deployment, and that before the body. The prompt is missing and not empty: LocalAI, if
it were there in disguise, draws an empty prompt, and takes an ``n`` of 0 for 1. Whatever else calls itself compatible
may draw whatever it is asked, so it is only asked for its list of models, and the lines say what was not tried.

Should a server draw nevertheless, that is said, and it is asked nothing more.
"""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from imgmagic import net
from imgmagic.engines import dialects
from imgmagic.engines.explain import explain, redirected, useless
from imgmagic.engines.failure import Failure
from imgmagic.errors import ApiError, ImgmagicError, SettingsError, UnreachableError, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from imgmagic.engines.dialects import Dialect
    from imgmagic.settings import Settings
    from imgmagic.studio import Studio

_OK = range(200, 300)
_REDIRECTS = range(300, 400)
_SHOWN = 5

#: What is asked of a service that must refuse it: no picture of nothing.
_NOTHING = {"n": 0}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Parameters
    ----------
    ok
        True if it is well, False if it must be mended, None if it could not be told, or is only to be known.
    what
        Its name, in a word or two.
    detail
        What was found, in a sentence.
    hint
        What to do; empty if nothing.
    """

    ok: bool | None
    what: str
    detail: str
    hint: str = ""


def examine(settings: Settings, *, dialect: Dialect | None = None, timeout_s: float = 20.0) -> Iterator[Finding]:
    """Look at one thing after the other, as far as it goes: what comes after a failure is only named.

    Parameters
    ----------
    settings
        Who would be asked.
    dialect
        How a compatible server speaks, where that is known; None to find out.
    timeout_s
        Longest silence in seconds for each question.
    """
    case = _Case(settings, dialect, timeout_s)
    yield case.clean(_environment(settings))
    yield from (case.clean(Finding(None, "note", note)) for note in settings.notes)
    if settings.engine == "sketch":
        return
    service = _compatible if settings.engine == "compatible" else _service
    left = ["connection", "key", case.noun, "edits"]
    for step in (_network, service):
        for finding in step(case):
            yield case.clean(finding)
            left = [each for each in left if each not in finding.what]
            if finding.ok is False:
                if left:
                    yield Finding(None, ", ".join(left), "not looked at, because of the failure before")
                return


def report(studio: Studio) -> dict[str, Any]:
    """Give the findings as a display bundle; a half-set environment is the first of them."""
    try:
        said = studio.defaults.dialect
        findings = list(examine(studio.settings(), dialect=None if said is None else dialects.by_name(said)))
    except SettingsError as exc:
        findings = [Finding(False, "environment", exc.message, exc.hint)]
    return {"text/html": _html(findings), "text/plain": "\n".join(_line(each) for each in findings)}


@dataclass(frozen=True, slots=True)
class _Case:
    """Whom is asked, and how."""

    settings: Settings
    dialect: Dialect | None
    timeout_s: float

    @property
    def noun(self) -> str:
        """What the model is called."""
        return "deployment" if self.settings.engine == "azure" else "model"

    def url(self, route: str) -> str:
        """Give the address of an image route."""
        return self.settings.image_url(route, self.settings.model)

    def ask(self, url: str, **content: Any) -> net.Answer:
        """Ask one question, signed as the calls for pictures are."""
        settings = self.settings
        return net.ask(
            url,
            auth=net.Auth(settings.secret, settings.scheme),
            read_timeout_s=self.timeout_s,
            query={"api-version": settings.api_version} if settings.api_version else None,
            headers=dict(settings.headers),
            **content,
        )

    def clean(self, finding: Finding) -> Finding:
        """Make a finding safe to show: the key goes before a text is shortened, or a piece of it could stay."""
        secret = self.settings.secret
        blotted = (text if secret is None else secret.redact(text) for text in (finding.detail, finding.hint))
        detail, hint = (printable(text, 900) for text in blotted)
        return replace(finding, detail=detail, hint=hint)


def _environment(settings: Settings) -> Finding:
    """Say which engine answers, and where each value came from."""
    source = settings.sources
    if settings.engine == "sketch":
        detail = f"the built-in sketch engine ({source.get('engine', '')}): nothing has to be checked"
        return Finding(True, "environment", f"{detail}, it needs neither key nor network")
    named = {
        "engine": settings.engine,
        "endpoint": settings.host,
        "model": settings.model,
        "api-version": settings.api_version,
        "key": "set" if settings.secret else "not set",
    }
    said = (
        f"{name} {value}" + (f" ({source[name]})" if name in source else "") for name, value in named.items() if value
    )
    return Finding(True, "environment", ", ".join(said))


def _network(case: _Case) -> Iterator[Finding]:
    """Look the host up and connect, or connect to the proxy that does both."""
    there = urlsplit(case.settings.base_url)
    host, tls = there.hostname or "", there.scheme == "https"
    port = there.port or (443 if tls else 80)
    proxy = net.proxy_of(case.settings.base_url)
    if proxy:
        yield Finding(None, "DNS, connection", f"left to the proxy {proxy}, which the environment names")
        return
    try:
        found = net.resolve(host)
        yield Finding(True, "DNS", f"{host} is {', '.join(found[:_SHOWN])}")
        version = net.reach(host, port, tls=tls, timeout_s=min(case.timeout_s, net.CONNECT_TIMEOUT_S))
    except UnreachableError as exc:
        known = "DNS" if str(exc).startswith("No address") else "connection"
        yield Finding(False, known, exc.message, exc.hint)
        return
    secured = f"{version}, certificate accepted" if version else "without TLS"
    yield Finding(True, "connection", f"{host}, port {port}, answers ({secured})")


_Stage = Literal["address", "key", "model", "account", "busy", "service", "body", "drawn", "odd"]


@dataclass(frozen=True, slots=True)
class _Verdict:
    """How far a request came, and what the user may be told about it."""

    stage: _Stage
    detail: str
    hint: str = ""


def _service(case: _Case) -> Iterator[Finding]:
    """Ask Azure OpenAI or OpenAI for no picture of nothing, by both routes."""
    model = {} if case.settings.deployment_route else {"model": case.settings.model}
    made = _verdict(case, "generations", {"json_body": {**model, **_NOTHING}})
    yield from _key_and_model(case, made)
    if made.stage not in {"body", "odd"}:
        # Only what the user must not take for a failure comes here: it drew, or is busy.
        yield Finding(None, "edits", "not asked, because of the answer before")
        return
    form = {name: str(value) for name, value in {**model, **_NOTHING}.items()}
    edits = _verdict(case, "edits", {"form": form})
    well = True if edits.stage == "body" else None if edits.stage in _UNTOLD else False
    yield Finding(well, "edits", f"the route is there{_REFUSED}" if well else edits.detail, edits.hint)


#: Stages that say nothing bad about what was asked.
_UNTOLD = {"odd", "busy", "drawn"}
_REFUSED = "; the request for nothing was refused, as it should be"


def _key_and_model(case: _Case, made: _Verdict) -> Iterator[Finding]:
    """Read both off one answer: the key is looked at first, then address and model, then the body."""
    if made.stage in {"address", "service", "key", "account", "busy", "drawn"}:
        what = {"busy": f"key, {case.noun}", "drawn": f"key, {case.noun}"}.get(made.stage, made.stage)
        yield Finding(None if made.stage in _UNTOLD else False, what, made.detail, made.hint)
        return
    yield Finding(True, "key", f"accepted ({case.settings.sources.get('key', 'the settings')})")
    name = f"{case.noun} and api-version" if case.settings.api_version else case.noun
    if made.stage == "body":
        yield _listed(case) if case.settings.engine == "openai" else _served(case, name)
    else:
        yield Finding(None if made.stage in _UNTOLD else False, name, made.detail, made.hint)


def _served(case: _Case, name: str) -> Finding:
    version = case.settings.api_version
    detail = f"{case.settings.model} answers" + (f", by api-version {version}" if version else "")
    return Finding(True, name, f"{detail}{_REFUSED}")


def _listed(case: _Case) -> Finding:
    """Look a model up in the list, where there is one: OpenAI may refuse an empty request before it looks at the model.

    Azure lists what *can* be deployed, which says nothing about this resource's deployments.
    """
    model = case.settings.model
    answer = _list(case)
    models = _ids(answer) if isinstance(answer, net.Answer) else []
    if model in models:
        return Finding(True, "model", f"{model} is in the account's list of models")
    if not models:
        return Finding(True, "model", f"{model} is not refused; this key may not read the list of models")
    return Finding(None, "model", f"{model} is not in the account's list of models", _like(model, models))


def _compatible(case: _Case) -> Iterator[Finding]:
    """Ask a compatible server for its models, and for nothing else."""
    answer = _list(case)
    if isinstance(answer, _Verdict):
        yield Finding(False, "key" if answer.stage == "key" else "answer", answer.detail, answer.hint)
        return
    known = case.dialect or dialects.recognise(_json(answer), answer.headers)
    spoken = known or dialects.by_name("compatible")
    source = case.settings.sources.get("key")
    # Many such servers do not look at a key, and one that has no list of models has shown nothing.
    told = f"accepted, or not looked at ({source})" if source else "none is set, and none was asked for"
    yield Finding(answer.status in _OK or None, "key", told)
    yield Finding(None, "server", f"is spoken to as {spoken.name}" + ("" if known else ", since it was not recognised"))
    yield _chosen(case, spoken, answer)
    refusal = dialects.refusal(spoken, "refine", has_mask=False)
    yield Finding(False if refusal else None, "edits", refusal or _UNTRIED)


_UNTRIED = (
    "not tried, and generations neither: a compatible server might draw whatever it is asked, so only its list of "
    "models was read"
)


def _chosen(case: _Case, spoken: Dialect, answer: net.Answer) -> Finding:
    """Compare the model with the list."""
    model, models = case.settings.model, _ids(answer)
    if not model:
        if spoken.model_required:
            return Finding(False, "model", f"none is named, and {spoken.title} wants one", _like("", models))
        return Finding(None, "model", "none is named: the server takes its own", _like("", models) if models else "")
    if model in models:
        return Finding(True, "model", f"{model} is in the server's list")
    if answer.status not in _OK:
        return Finding(None, "model", f"the server has no list of models (HTTP {answer.status}), so {model} is untried")
    return Finding(None, "model", f"{model} is not in the server's list", _like(model, models))


def _like(model: str, models: list[str]) -> str:
    """Name models of a list, first those that look like the one that was meant."""
    near = difflib.get_close_matches(model, models, n=_SHOWN, cutoff=0.5) or models[:_SHOWN]
    names = ", ".join(printable(each, 80) for each in near)
    return "Set IMGMAGIC_MODEL" + (f", for example to one of: {names}." if names else ".")


def _list(case: _Case) -> net.Answer | _Verdict:
    """Ask for the list of models: an answer, even if there is no such route, or what keeps it from being one."""
    url = f"{case.settings.base_url}/models"
    try:
        answer = case.ask(url)
    except ImgmagicError as exc:
        return _lost(exc)
    if answer.status in _OK and _json(answer) is not None:
        return answer
    found = _judged(case, url, answer)
    # A server without this route may be a good one all the same.
    return answer if answer.status in {404, 405, 501} and _json(answer) is not None else found


def _verdict(case: _Case, route: str, content: dict[str, Any]) -> _Verdict:
    """Ask for nothing by one route, and tell from the refusal how far the request came."""
    try:
        answer = case.ask(case.url(route), **content)
    except ImgmagicError as exc:
        return _lost(exc)
    return _judged(case, case.url(route), answer)


def _lost(error: ImgmagicError) -> _Verdict:
    """Say why there is no answer: no network, or nobody who signs (Entra ID)."""
    billed = isinstance(error, UnreachableError) and error.maybe_billed
    stage: _Stage = "address" if isinstance(error, ApiError) else "key"
    return _Verdict(stage, error.message, _AGAIN if billed else error.hint)


_AGAIN = "Nothing was asked for that costs anything. Run `%imgmagic doctor` again in a moment."


def _judged(case: _Case, url: str, answer: net.Answer) -> _Verdict:
    settings = case.settings
    if answer.status in _REDIRECTS:
        error = redirected(answer.status, answer.headers.get("location", ""), settings, url)
        return _Verdict("address", error.message, error.hint)
    failure = Failure.read(answer.status, answer.headers, answer.body)
    if not failure.json and answer.status in _OK:
        error = useless("not JSON", settings, url, settings.model, (answer.headers, answer.body))
        return _Verdict("address", error.message, error.hint)
    if answer.status in _OK and not failure.message:
        return _Verdict("drawn", _DREW.format(urlsplit(url).path), _DRAWS)
    stage = next(name for name, applies in _STAGES if applies(failure))
    error = explain(failure, settings, url, settings.model)
    if stage == "service":
        return _Verdict(stage, error.message, _AGAIN)
    return _Verdict(stage, error.message, {"body": "", "busy": _BUSY}.get(stage, error.hint))


_DREW = "{} answered with success to a request for no picture of nothing; it was asked nothing more"
_DRAWS = "It may have drawn something. If this is no Azure OpenAI or OpenAI: `%config ImgMagic.engine = 'compatible'`."
_BUSY = "Key and address are right, but too many requests came. Run `%imgmagic doctor` again in a minute."


def _about(pattern: str) -> Callable[[Failure], bool]:
    """Tell whether a refusal is about something: by the field it names, its code or its words."""
    found = re.compile(pattern, re.IGNORECASE)
    return lambda failure: bool(found.search(f"{failure.param} {failure.code} {failure.message}"))


_of_model = _about(r"\bmodel|deployment|organization must be verified")
_of_nothing = _about(r"\bprompt\b|^(n|images?(\[\])?) |['\"`](n|images?(\[\])?)['\"`]|minimum value")

#: How far a request came, by its refusal; the first that applies.
_STAGES: tuple[tuple[_Stage, Callable[[Failure], bool]], ...] = (
    ("key", lambda f: f.status == 401 or f.code == "PermissionDenied"),  # noqa: PLR2004
    ("account", lambda f: f.permanent),
    ("busy", lambda f: f.status == 429),  # noqa: PLR2004
    ("service", lambda f: f.status >= 500 or f.status == 408),  # noqa: PLR2004
    ("address", lambda f: not f.json),
    ("model", lambda f: f.status in {403, 404} and _of_model(f)),
    ("key", lambda f: f.status == 403),  # noqa: PLR2004
    ("address", lambda f: f.status in {404, 405}),
    ("body", _of_nothing),
    ("model", _of_model),
    ("odd", lambda _: True),
)


def _json(answer: net.Answer) -> object:
    """Decode a body; None if it is no JSON."""
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        return None


def _ids(answer: net.Answer) -> list[str]:
    """Give the names in a list of models, of whatever form."""
    body = _json(answer)
    data = body.get("data") if isinstance(body, dict) else body
    return (
        [str(each["id"]) for each in data if isinstance(each, dict) and "id" in each] if isinstance(data, list) else []
    )


_MARKS = {True: ("✓", "well"), False: ("✗", "not well"), None: ("–", "to know")}


def _html(findings: Iterable[Finding]) -> str:
    """Lay findings out as a list; a mark is read aloud as a word."""
    return f'<ul class="imgmagic" style="list-style:none;padding:0">{"".join(map(_item, findings))}</ul>'


def _item(finding: Finding) -> str:
    mark, word = _MARKS[finding.ok]
    said = (
        f'<span role="img" aria-label="{word}:">{mark}</span> <b>{escape(finding.what)}</b>: {escape(finding.detail)}'
    )
    hint = f'<div style="padding-left:1.3em">{escape(finding.hint)}</div>' if finding.hint else ""
    return f'<li dir="auto">{said}{hint}</li>'


def _line(finding: Finding) -> str:
    hint = f"\n    {finding.hint}" if finding.hint else ""
    return f"{_MARKS[finding.ok][0]} {finding.what}: {finding.detail}{hint}"
