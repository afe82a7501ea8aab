"""What a service's refusal means, and what to do: pure, one rule a row.

Bodies come in many shapes: ``error`` may be an object, a string or missing, ``code`` a string, a number or null, and
gateways in front answer with ``statusCode``, ``detail`` or HTML. `Failure.read` reduces them to four words; the rules
below turn those into a sentence. The server's own message is always quoted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from imgmagic.errors import ApiError, RateLimitError, RefusedError, printable
from imgmagic.settings import OPENAI_MODEL, SKETCH_HINT, Settings

_SERVICES = {"azure": "Azure OpenAI", "openai": "OpenAI", "compatible": "The server"}

#: Codes of the content filters, on Azure and on OpenAI.
_POLICY = {
    "content_policy_violation",
    "contentFilter",
    "content_filter",
    "moderation_blocked",
    "ResponsibleAIPolicyViolation",
}
_NO_QUOTA = {
    "insufficient_quota",
    "billing_hard_limit_reached",
    "billing_not_active",
    "project_spend_limit_exceeded",
    "organization_spend_limit_exceeded",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """A refusal, reduced: status, the server's code and message, and what may come with them."""

    status: int
    code: str
    message: str
    request_id: str = ""
    retry_after: float | None = None
    json: bool = True
    categories: tuple[str, ...] = ()
    stage: str = ""

    @classmethod
    def read(cls, status: int, headers: Mapping[str, str], body: bytes) -> Failure:
        """Read an error answer of any shape."""
        request_id = headers.get("x-request-id") or headers.get("apim-request-id") or ""
        retry_after = _retry_after(headers)
        try:
            answer = json.loads(body)
        except ValueError:
            return cls(status, "", _visible(body), request_id, retry_after, json=False)
        outer = answer if isinstance(answer, dict) else {"error": answer}
        error = outer.get("error", outer.get("detail", outer))
        error = error if isinstance(error, dict) else {"message": _flat(error)}
        inner = error.get("inner_error") or error.get("innererror")
        inner = inner if isinstance(inner, dict) else {}
        code = str(error.get("code") or error.get("type") or "")
        code = "ResponsibleAIPolicyViolation" if inner.get("code") in _POLICY and code not in _POLICY else code
        return cls(
            status,
            code,
            _flat(error.get("message") or error.get("detail") or ""),
            request_id,
            retry_after,
            categories=_categories(error, inner),
            stage=_stage(error),
        )


@dataclass(frozen=True, slots=True)
class _Case:
    """A failure, and whom it came from."""

    failure: Failure
    settings: Settings
    model: str

    @property
    def azure(self) -> bool:
        return self.settings.engine == "azure"

    def says(self, *patterns: str) -> bool:
        """Tell whether the server's message contains one of the words, in any case."""
        return any(re.search(pattern, self.failure.message, re.IGNORECASE) for pattern in patterns)


def explain(failure: Failure, settings: Settings, url: str, model: str) -> ApiError:
    """Turn a refusal into the error that the user sees.

    Parameters
    ----------
    failure
        What the server said.
    settings
        Who was asked, and where each value came from, so that the hint names the variable to change.
    url
        What was asked; host and path are shown, never the query.
    model
        The model or deployment that was asked for.
    """
    case = _Case(failure, settings, model)
    kind, sentence, hint = next(rule(case) for applies, rule in _RULES if applies(case))
    address = urlsplit(url)
    service = _SERVICES[settings.engine]
    quoted = failure.message if settings.secret is None else settings.secret.redact(failure.message)
    message = f"{service} at {address.netloc} {sentence} (HTTP {failure.status} for {address.path})"
    message += f': "{printable(quoted)}"' if quoted else "."
    if failure.request_id:
        hint += f"\nRequest id for the service's support: {printable(failure.request_id, 80)}"
    error = kind(
        message,
        hint=hint,
        status=failure.status,
        code=failure.code,
        request_id=failure.request_id,
    )
    if isinstance(error, RateLimitError):
        error.retry_after = failure.retry_after
    return error


def redirected(status: int, location: str, settings: Settings, url: str) -> ApiError:
    """Explain a 3xx, which is never followed: the key would go along."""
    target = urlsplit(location)
    where = f"{target.scheme}://{target.netloc}" if target.netloc else printable(target.path, 80)
    return ApiError(
        f"{_SERVICES[settings.engine]} at {urlsplit(url).netloc} redirects to {printable(where, 120)} (HTTP {status}); "
        "the redirect was not followed, since the key would have gone along.",
        hint=f"If that is the right address, put it into {settings.sources.get('endpoint', 'the endpoint variable')}.",
        status=status,
    )


def useless(how: str, settings: Settings, url: str, body: bytes, headers: Mapping[str, str]) -> ApiError:
    """Explain a 200 that holds no usable picture."""
    who = f"{_SERVICES[settings.engine]} at {urlsplit(url).netloc}"
    failure = Failure.read(200, headers, body)
    sentences = {
        "not JSON": f'{who} answered 200 with something that is not JSON: "{printable(_visible(body), 120)}".',
        "not a JSON object": f"{who} answered 200 with JSON of another form than the image API's.",
        "no picture": f"{who} answered 200 without a picture" + (f': "{failure.message}".' if failure.message else "."),
        "damaged": f"{who} sent a picture that is damaged: the base64 is cut off or holds no PNG, JPEG or WebP.",
    }
    hints = {
        "not JSON": "A proxy or a login page may stand in between: check the address with `%imgmagic`.",
        "not a JSON object": "Check that the address belongs to an OpenAI-compatible image server: `%imgmagic`.",
        "no picture": "The pictures may have been filtered: change the words, and run the cell again.",
        "damaged": "Nothing of it could be kept, and it may have been billed. Run the cell again to ask once more.",
    }
    return ApiError(sentences[how], hint=hints[how], status=200, code=failure.code, request_id=failure.request_id)


_Rule = tuple[Callable[[_Case], bool], Callable[[_Case], tuple[type[ApiError], str, str]]]


def _refused(case: _Case) -> tuple[type[ApiError], str, str]:
    failure = case.failure
    output = failure.stage == "output" or case.says(r"generated image was filtered")
    about = f" ({', '.join(failure.categories)})" if failure.categories else ""
    sentence = f"refused the {'picture that was made' if output else 'prompt'}{about}"
    return RefusedError, sentence, "Change the words and run the cell again; the same words will be refused again."


def _no_quota(_: _Case) -> tuple[type[ApiError], str, str]:
    return RateLimitError, "says that the account has no quota left", "Waiting does not help: check plan and billing."


def _slow_down(case: _Case) -> tuple[type[ApiError], str, str]:
    wait = case.failure.retry_after
    when = f"in {wait:.0f} s" if wait else "in a minute"
    return RateLimitError, "asks for fewer requests at a time", f"Nothing was made. Run the cell again {when}."


def _no_permission(_: _Case) -> tuple[type[ApiError], str, str]:
    hint = "The identity needs the role 'Cognitive Services OpenAI User' on the resource."
    return ApiError, "knows the identity but not its right to use the deployment", hint


def _wrong_key(case: _Case) -> tuple[type[ApiError], str, str]:
    key = case.settings.sources.get("key")
    endpoint = case.settings.sources.get("endpoint", "the endpoint")
    if key is None:
        return ApiError, "wants a key", "Set OPENAI_API_KEY to the key of this server."
    return ApiError, "does not accept the key", f"Check {key}, and that {endpoint} is the address it belongs to."


def _blocked(_: _Case) -> tuple[type[ApiError], str, str]:
    return ApiError, "has blocked the whole resource for a while", "The words of this cell are not to blame: ask Azure."


def _unverified(_: _Case) -> tuple[type[ApiError], str, str]:
    hint = "Verify the organisation in the settings of your OpenAI account; it can take 15 minutes to take effect."
    return ApiError, "wants a verified organisation for this model", hint


def _forbidden(_: _Case) -> tuple[type[ApiError], str, str]:
    return ApiError, "does not allow this", "Ask the owner of the resource, or check its network rules."


def _no_deployment(case: _Case) -> tuple[type[ApiError], str, str]:
    source = case.settings.sources.get("model", "-m")
    sentence = f"knows no deployment '{printable(case.model, 60)}'"
    return ApiError, sentence, f"Use the name that the model was deployed under: {source}, or -m NAME in the cell."


def _no_model(case: _Case) -> tuple[type[ApiError], str, str]:
    hint = f"Set IMGMAGIC_MODEL or write -m NAME; at OpenAI {OPENAI_MODEL} is current, older image models are retired."
    return ApiError, f"has no model '{printable(case.model, 60)}'", hint


def _no_route(case: _Case) -> tuple[type[ApiError], str, str]:
    if case.azure:
        version = case.settings.api_version or "none, as the v1 routes need none"
        hint = f"Check the endpoint, and the api-version (now {version}; edits need 2025-04-01-preview or later)."
        return ApiError, "has no such route", hint
    hint = f"Check {case.settings.sources.get('endpoint', 'the address')}; some servers have no image edits."
    return ApiError, "has no such route", hint


def _routing_bug(_: _Case) -> tuple[type[ApiError], str, str]:
    hint = "A known fault of Azure that comes and goes; nothing was made. Run the cell again."
    return ApiError, "sent the edit to the wrong back end", hint


def _rejected(case: _Case) -> tuple[type[ApiError], str, str]:
    if case.says("response_format"):
        return ApiError, "does not accept the request", "Add `-p response_format=null`: this server wants it left out."
    hint = "Change what the message names; `-p FIELD=null` leaves a field out of the request."
    return ApiError, "does not accept the request", hint


def _server_error(case: _Case) -> tuple[type[ApiError], str, str]:
    if not case.failure.json:
        hint = "The answer is no JSON, so it came from something in between. The call may have been billed."
        return ApiError, "or a proxy before it failed", hint
    return ApiError, "failed on its side", f"Run the cell again in a moment. {SKETCH_HINT}"


# The first rule that applies wins: codes before statuses, since services disagree about statuses.
_RULES: tuple[_Rule, ...] = (
    (lambda c: c.failure.code in _POLICY, _refused),
    (lambda c: c.failure.code in _NO_QUOTA or (c.failure.status == 429 and c.says(r"limit 0\b")), _no_quota),  # noqa: PLR2004
    (lambda c: c.failure.code == "unsupported_content_type", _routing_bug),
    (lambda c: c.failure.code == "DeploymentNotFound", _no_deployment),
    (lambda c: c.says(r"organization must be verified"), _unverified),
    (lambda c: c.says(r"temporarily blocked"), _blocked),
    (lambda c: c.failure.status == 429, _slow_down),  # noqa: PLR2004
    (lambda c: c.failure.code == "PermissionDenied", _no_permission),
    (lambda c: c.failure.status == 401, _wrong_key),  # noqa: PLR2004
    (lambda c: c.failure.code == "model_not_found" or c.says(r"model .* does not exist"), _no_model),
    (lambda c: c.failure.status == 403, _forbidden),  # noqa: PLR2004
    (lambda c: c.failure.status in {404, 405}, _no_route),
    (lambda c: c.failure.status >= 500, _server_error),  # noqa: PLR2004
    (lambda _: True, _rejected),
)


def _flat(value: Any) -> str:
    """Give a message as text, whatever JSON it was."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)[:1000]


def _visible(body: bytes) -> str:
    """Give what a person would read in an HTML or text answer."""
    text = body[:20_000].decode("utf-8", "replace")
    text = re.sub(r"(?is)<(script|style|head)\b.*?</\1>", " ", text)
    return printable(re.sub(r"(?s)<[^>]*>", " ", text), 200)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Read how many seconds to wait; None if no header says so in a number."""
    for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        if re.fullmatch(r"\d+(\.\d+)?", headers.get(name, "").strip()):
            return float(headers[name]) * unit
    return None


def _categories(error: Mapping[str, Any], inner: Mapping[str, Any]) -> tuple[str, ...]:
    """Name what the content filter objected to, in any of its four shapes."""
    details = error.get("moderation_details")
    named = details.get("categories") if isinstance(details, dict) else None
    if isinstance(named, list):
        return tuple(printable(str(each), 40) for each in named[:8])
    results = inner.get("content_filter_results") or inner.get("content_filter_result")
    if not isinstance(results, dict):
        return ()
    return tuple(
        printable(name, 40) for name, each in results.items() if isinstance(each, dict) and each.get("filtered") is True
    )


def _stage(error: Mapping[str, Any]) -> str:
    details = error.get("moderation_details")
    return str(details.get("moderation_stage", "")) if isinstance(details, dict) else ""
