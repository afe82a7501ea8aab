"""What a service's refusal means to a person, and what to do about it: pure, one rule a row.

The rules turn a `Failure` into a sentence and a hint. The server's own message is always quoted, made safe to show.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from imgmagic.engines.failure import NO_QUOTA, POLICY, Failure, visible
from imgmagic.errors import ApiError, RateLimitError, RefusedError, printable
from imgmagic.settings import AZURE_API_VERSION, OPENAI_MODEL, SKETCH_HINT, Settings

_SERVICES = {"azure": "Azure OpenAI", "openai": "OpenAI", "compatible": "The server"}

_ACCEPTED = 202
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class _Case:
    """A failure, and whom it came from."""

    failure: Failure
    settings: Settings
    model: str

    @property
    def azure(self) -> bool:
        """Whether Azure was asked."""
        return self.settings.engine == "azure"

    def says(self, *patterns: str) -> bool:
        """Tell whether the server's message contains one of the words, in any case."""
        return any(re.search(pattern, self.failure.message, re.IGNORECASE) for pattern in patterns)


def heard(status: int, headers: Mapping[str, str], body: bytes, settings: Settings) -> Failure:
    """Read what a server says about a failure, without the key that it may quote: errors and tracebacks keep it."""
    secret, text = settings.secret, body.decode("utf-8", "surrogateescape")
    if secret is not None and secret.stands_in("\n".join([text, *headers.values()])):
        body = secret.redact(text).encode("utf-8", "surrogateescape")
        headers = {name.lower(): secret.redact(said) for name, said in headers.items()}
    return Failure.read(status, headers, body)


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
    if failure.status != 200 and failure.status < 300 and "billed" not in hint:  # noqa: PLR2004
        hint = f"{_MAYBE_BILLED} {hint}"
    message = f"{_who(settings, url)} {sentence} (HTTP {failure.status} for {urlsplit(url).path})"
    message += f': "{_quoted(failure.message, settings)}"' if failure.message else "."
    error = _raised(kind, message, hint, failure, settings)
    if isinstance(error, RateLimitError):
        error.retry_after = failure.retry_after
    return error


def _who(settings: Settings, url: str) -> str:
    return f"{_SERVICES[settings.engine]} at {urlsplit(url).netloc}"


def _quoted(text: str, settings: Settings, limit: int = 300) -> str:
    """Make a server's words safe to show; the key goes before they are shortened, or a piece of it could stay."""
    text = text if settings.secret is None else settings.secret.redact(text)
    # OpenAI quotes a wrong key with only its middle blotted out.
    return printable(re.sub(r"(?i)(key provided: )\S+?(?=\.?(?:\s|$))", r"\1[key]", text), limit)


def _raised(kind: type[ApiError], message: str, hint: str, failure: Failure, settings: Settings) -> ApiError:
    """Put an error together; what the server chose is made safe here too."""
    request_id = _quoted(failure.request_id, settings, 80)
    if request_id:
        hint += f"\nRequest id for the service's support: {request_id}"
    code = _quoted(failure.code, settings, 80)
    error = kind(message, hint=hint, status=failure.status, code=code, request_id=request_id)
    error.failure = failure
    return error


def redirected(status: int, location: str, settings: Settings, url: str) -> ApiError:
    """Explain a 3xx, which is never followed: `requests` would hand the key on, and turn POST into GET."""
    target = _target(location, url)
    endpoint = settings.sources.get("endpoint", "the endpoint variable")
    return ApiError(
        f"{_who(settings, url)} redirects to {_quoted(target, settings, 120)} (HTTP {status}); "
        "imgmagic does not follow, so that neither key nor prompt goes astray.",
        hint=f"If that is the right address, put it into {endpoint}."
        if "//" in target
        else f"The address may lack something: check {endpoint}.",
        status=status,
    )


def _target(location: str, url: str) -> str:
    """Name where a redirect leads, without what may be secret in it: scheme, host and port, or a path."""
    try:
        target = urlsplit(location)
        port = f":{target.port}" if target.port else ""
    except ValueError:
        return "an address that makes no sense"
    if target.hostname:
        return f"{target.scheme or urlsplit(url).scheme}://{target.hostname}{port}"
    return target.path or "nowhere"


def useless(
    how: str,
    settings: Settings,
    url: str,
    model: str,
    answer: tuple[Mapping[str, str], bytes],
    *,
    status: int = 200,
    billed: bool = False,
) -> ApiError:
    """Explain a success that holds no usable picture.

    Parameters
    ----------
    how
        What is wrong with it, as `wire.NotAnAnswerError` says.
    settings, url, model
        As for `explain`.
    answer
        Its headers and body.
    status
        Its status: 200, or another below 300.
    billed
        Whether a picture had been asked for, so that it may have to be paid.
    """
    failure = heard(status, *answer, settings)
    if how == "no picture" and failure.message:
        return explain(failure, settings, url, model)
    said = _quoted(visible(answer[1]), settings, 120)
    sentence, hint = _USELESS["later" if how == "no picture" and status == _ACCEPTED else how]
    sentence = sentence.format(status=status)
    hint = f"{_MAYBE_BILLED} {hint}" if billed and "billed" not in hint else hint
    sentence = f"{_who(settings, url)} {sentence}" + (f': "{said}".' if how == "not JSON" and said else ".")
    return _raised(ApiError, sentence, hint, failure, settings)


_MAYBE_BILLED = "The call may have been billed all the same."
_ONCE_MORE = "It may have been billed all the same. Run the cell again to ask once more."

_USELESS: Mapping[str, tuple[str, str]] = {
    "unfinished": ("ended its stream before the picture was complete", _ONCE_MORE),
    "empty": ("answered {status} with an empty body", _ONCE_MORE),
    "broken": ("sent an answer that is cut off or damaged: its JSON cannot be read", _ONCE_MORE),
    "damaged": ("sent a picture that cannot be used: it is cut off, or no PNG, JPEG or WebP", _ONCE_MORE),
    "no picture": (
        "answered {status} without a picture and without a reason",
        "Perhaps all were filtered: change the words and run the cell again.",
    ),
    "later": (
        "accepted the request (HTTP {status}), but sent no picture",
        f"{_MAYBE_BILLED} The server may go on making the picture, but imgmagic cannot fetch it later.",
    ),
    "not JSON": (
        "answered {status} with something that is not JSON",
        "A login page or a proxy may stand in between: check the address with `%imgmagic`.",
    ),
    "another form": (
        "answered {status} with JSON of another form than the image API's",
        "Check that the address belongs to an OpenAI-compatible image server: `%imgmagic` shows it.",
    ),
}


_Rule = tuple[Callable[[_Case], bool], Callable[[_Case], tuple[type[ApiError], str, str]]]


def _refused(case: _Case) -> tuple[type[ApiError], str, str]:
    failure = case.failure
    output = failure.stage == "output" or case.says(r"generated image was filtered")
    about = f" ({_quoted(', '.join(failure.categories), case.settings, 120)})" if failure.categories else ""
    sentence = f"refused the {'picture that was made' if output else 'prompt'}{about}"
    return RefusedError, sentence, "Change the words and run the cell again; the same words will be refused again."


def _no_quota(_: _Case) -> tuple[type[ApiError], str, str]:
    sentence = "says that the account's quota or budget is used up"
    return RateLimitError, sentence, "Waiting does not help: check plan and billing."


def _no_access(_: _Case) -> tuple[type[ApiError], str, str]:
    hint = "Waiting does not help: the plan of the account does not include this model."
    return RateLimitError, "allows this account no pictures of this model", hint


def _slow_down(case: _Case) -> tuple[type[ApiError], str, str]:
    wait = case.failure.retry_after
    when = f"in {_span(wait)}" if wait else "in a minute"
    return RateLimitError, "got too many requests in a short time", f"Nothing was made. Run the cell again {when}."


def _span(seconds: float) -> str:
    """Give a time to wait as a person says it."""
    if seconds > _DAY_S:
        return "more than a day"
    seconds = math.ceil(seconds)
    return f"{seconds} s" if seconds <= 180 else f"{math.ceil(seconds / 60)} minutes"  # noqa: PLR2004


def _no_permission(_: _Case) -> tuple[type[ApiError], str, str]:
    hint = "The identity needs the role 'Cognitive Services OpenAI User' on the resource."
    return ApiError, "does not let this identity use the deployment", hint


def _wrong_key(case: _Case) -> tuple[type[ApiError], str, str]:
    key = case.settings.sources.get("key")
    endpoint = case.settings.sources.get("endpoint", "the endpoint")
    if key is None:
        return ApiError, "wants a key", "Set OPENAI_API_KEY to the key of this server."
    if key == "azure-identity":
        hint = (
            "`az login` to the right tenant; Entra ID wants the resource's own address, https://NAME.openai.azure.com."
        )
        return ApiError, "does not accept the identity that azure-identity found", hint
    hint = f"Check {key}, and that {endpoint} is the address it belongs to."
    if key == "AZURE_OPENAI_AD_TOKEN":
        hint += " An Entra ID token lasts about an hour: a new one may be needed."
    return ApiError, "does not accept the key", hint


def _blocked(_: _Case) -> tuple[type[ApiError], str, str]:
    hint = "Every call to the resource is refused, whatever its words: ask its owner, or Azure's support."
    return ApiError, "has blocked the whole resource for a while", hint


def _unverified(_: _Case) -> tuple[type[ApiError], str, str]:
    hint = "Verify the organisation in the settings of your OpenAI account; it can take 15 minutes to take effect."
    return ApiError, "wants a verified organisation for this model", hint


def _forbidden(case: _Case) -> tuple[type[ApiError], str, str]:
    if case.azure:
        return ApiError, "does not allow this", "Ask the owner of the resource, or check its network rules."
    return ApiError, "does not allow this", "Ask whoever runs the account which models and regions the key may use."


def _no_deployment(case: _Case) -> tuple[type[ApiError], str, str]:
    source = case.settings.sources.get("model", "-m")
    sentence = f"knows no deployment '{printable(case.model, 60)}'"
    return ApiError, sentence, f"Use the name that the model was deployed under: {source}, or -m NAME in the cell."


def _no_model(case: _Case) -> tuple[type[ApiError], str, str]:
    hint = f"Set IMGMAGIC_MODEL or write -m NAME; at OpenAI {OPENAI_MODEL} is current, older image models are retired."
    return ApiError, f"has no model '{printable(case.model, 60)}'", hint


def _no_route(case: _Case) -> tuple[type[ApiError], str, str]:
    endpoint = case.settings.sources.get("endpoint", "the address")
    if not case.azure:
        return ApiError, "has no such route", f"Check {endpoint}; some servers have no image edits."
    hint = f"Check {endpoint}: it should be the address of a resource, such as https://NAME.openai.azure.com."
    source = case.settings.sources.get("api-version", "built in")
    if not case.settings.deployment_route:
        hint += " Without /openai/v1 at its end the older routes are used."
    elif source != "built in":
        hint += f" The api-version {printable(case.settings.api_version, 40)} comes from {source}; without it "
        hint += f"{AZURE_API_VERSION} is used."
    return ApiError, "has no such route", hint


def _retired(case: _Case) -> tuple[type[ApiError], str, str]:
    source = case.settings.sources.get("model", "-m")
    variable = source if source not in {"built in", "%config"} else "IMGMAGIC_MODEL"
    hint = f"Deploy or choose a newer image model and name it in {variable}, or with -m NAME in the cell."
    return ApiError, f"has retired the model behind '{printable(case.model, 60)}'", hint


def _bad_size(_: _Case) -> tuple[type[ApiError], str, str]:
    hint = (
        "The older models know 1024x1024, 1536x1024 and 1024x1536 only. From gpt-image-2 on, width and height are "
        "multiples of 16, at most 3840, at most 3:1 to each other, with 655,360 to 8,294,400 pixels."
    )
    return ApiError, "does not make pictures of this size", hint


def _bad_mask(_: _Case) -> tuple[type[ApiError], str, str]:
    hint = "A mask is a PNG of the picture's own size whose alpha is 0 where it may be changed."
    return ApiError, "cannot use the mask", hint


def _too_large(_: _Case) -> tuple[type[ApiError], str, str]:
    hint = "A picture may have 50 MB, a mask 4 MB: refine a smaller one, or one in another format (`-f jpeg`)."
    return ApiError, "finds the picture too large", hint


def _routing_bug(_: _Case) -> tuple[type[ApiError], str, str]:
    hint = "A known fault of Azure that comes and goes; nothing was made. Run the cell again."
    return ApiError, "sent the edit to the wrong back end", hint


def _rejected(case: _Case) -> tuple[type[ApiError], str, str]:
    if case.says("response_format"):
        return ApiError, "does not accept the request", "Add `-p response_format=null`: this server wants it left out."
    if case.failure.status < 300:  # noqa: PLR2004
        hint = f"{_MAYBE_BILLED} Run the cell again; if the error stays, change what the message names."
        what = "an error instead of" if case.failure.status == 200 else "a message, but without"  # noqa: PLR2004
        return ApiError, f"answered with {what} a picture", hint
    if not case.failure.message:
        return ApiError, "rejects the request without saying why", "Check the address: `%imgmagic` shows it."
    hint = "Change what the message names; `-p FIELD=null` leaves a field out of the request."
    return ApiError, "does not accept the request", hint


def _too_slow(_: _Case) -> tuple[type[ApiError], str, str]:
    hint = f"{_MAYBE_BILLED} A lower quality or a smaller size is quicker: `-q low`."
    return ApiError, "or a gateway before it ran out of patience", hint


def _server_error(case: _Case) -> tuple[type[ApiError], str, str]:
    wait = case.failure.retry_after
    again = f"Run the cell again in {_span(wait) if wait else 'a moment'}."
    if not case.failure.json:
        return ApiError, "or a gateway before it failed", f"{_MAYBE_BILLED} {again}"
    billed = "" if case.failure.unbilled else f"{_MAYBE_BILLED} "
    return ApiError, "failed on its side", f"{billed}{again} {SKETCH_HINT}"


_RETIRED = r"\b(model|deployment)\b.*\b(retired|deprecated|shut ?down|no longer (available|supported))\b"

# The first rule that applies wins: codes before statuses, since services disagree about statuses.
_RULES: tuple[_Rule, ...] = (
    (lambda c: c.failure.code in POLICY, _refused),
    (lambda c: bool(c.failure.words & NO_QUOTA), _no_quota),
    (lambda c: c.failure.status == 429 and c.says(r"limit 0\b"), _no_access),  # noqa: PLR2004
    (lambda c: c.failure.code == "unsupported_content_type", _routing_bug),
    (lambda c: c.failure.code == "DeploymentNotFound", _no_deployment),
    (lambda c: c.says(r"organization must be verified"), _unverified),
    (lambda c: c.says(r"temporarily blocked"), _blocked),
    (lambda c: c.failure.status == 429, _slow_down),  # noqa: PLR2004
    (lambda c: c.says(_RETIRED), _retired),
    (lambda c: c.failure.code == "PermissionDenied", _no_permission),
    (lambda c: c.failure.status == 401, _wrong_key),  # noqa: PLR2004
    (lambda c: c.failure.code == "model_not_found" or c.says(r"model .* does not exist"), _no_model),
    (lambda c: c.failure.status == 403, _forbidden),  # noqa: PLR2004
    (lambda c: c.failure.status in {404, 405}, _no_route),
    (lambda c: c.failure.status in {408, 504}, _too_slow),
    (lambda c: c.failure.param == "size" or c.says(r"invalid size|pixel budget|divisible by 16"), _bad_size),
    (lambda c: c.failure.status == 413 or c.says(r"too large|exceeds? .*\b(size|MB)\b"), _too_large),  # noqa: PLR2004
    (lambda c: c.failure.param == "mask" or c.says(r"\bmask\b"), _bad_mask),
    (lambda c: c.failure.status >= 500, _server_error),  # noqa: PLR2004
    (lambda _: True, _rejected),
)
