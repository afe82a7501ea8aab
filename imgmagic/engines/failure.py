"""An error answer of any shape, reduced to a few words. Pure.

``error`` may be an object, a string or missing, ``code`` a string, a number or null, and gateways in front answer with
``statusCode``, ``detail`` or HTML. What a failure *means*, for a person and for a retry, is decided on these words.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_BROKEN, _UNAVAILABLE = 500, 503

#: Codes of the content filters, on Azure and on OpenAI.
POLICY = {
    "content_policy_violation",
    "contentFilter",
    "content_filter",
    "moderation_blocked",
    "ResponsibleAIPolicyViolation",
}
NO_QUOTA = {
    "insufficient_quota",
    "billing_hard_limit_reached",
    "billing_not_active",
    "project_spend_limit_exceeded",
    "organization_spend_limit_exceeded",
}
#: Codes and types by which a service says that its own error came before the work.
OWN_FAULT = {"server_error", "image_generation_server_error"}


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
    type: str = ""
    param: str = ""

    @property
    def permanent(self) -> bool:
        """Whether waiting cannot help: no quota, or a plan without this model."""
        return bool(self.words & NO_QUOTA or re.search(r"limit 0\b", self.message, re.IGNORECASE))

    @property
    def words(self) -> set[str]:
        """Code and type: gateways put the status into the code, and leave the type as it was."""
        return {self.code, self.type}

    @property
    def unbilled(self) -> bool:
        """Whether an error of the service's own came, as it says itself, before the work."""
        told = self.status == _BROKEN and self.words & OWN_FAULT
        return self.json and bool(told or (self.status == _UNAVAILABLE and self.retry_after is not None))

    @property
    def refuses_streaming(self) -> bool:
        """Whether the server would have taken the request without ``stream`` and ``partial_images``."""
        named = re.search(r"\bstream(ing)?\b|partial[_ ]images?", f"{self.message} {self.param}", re.IGNORECASE)
        return self.status in {400, 422} and bool(named) and not self.words & POLICY

    @classmethod
    def read(cls, status: int, headers: Mapping[str, str], body: bytes) -> Failure:
        """Read an error answer of any shape."""
        request_id = headers.get("x-request-id") or headers.get("apim-request-id") or ""
        retry_after = _retry_after(headers)
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            return cls(status, "", visible(body), request_id, retry_after, json=False)
        outer = answer if isinstance(answer, dict) else {"error": answer}
        error = outer.get("error") or outer.get("detail") or outer
        error = error if isinstance(error, dict) else {"message": _flat(error)}
        inner = error.get("inner_error") or error.get("innererror")
        inner = inner if isinstance(inner, dict) else {}
        code = str(error.get("code") or error.get("type") or "")
        code = "ResponsibleAIPolicyViolation" if str(inner.get("code")) in POLICY and code not in POLICY else code
        return cls(
            status,
            code,
            _flat(error.get("message") or error.get("detail") or ""),
            request_id,
            retry_after,
            categories=_categories(error, inner),
            stage=_stage(error),
            type=str(error.get("type") or ""),
            param=str(error.get("param") or ""),
        )


def _flat(value: Any) -> str:
    """Give a message as text, whatever JSON it was; a list of complaints about fields is FastAPI's form."""
    if isinstance(value, list) and value and all(isinstance(each, dict) and "msg" in each for each in value):
        places = (each.get("loc") for each in value)
        named = (".".join(map(str, place)) if isinstance(place, list) else "request" for place in places)
        return "; ".join(f"{name}: {each['msg']}" for name, each in zip(named, value, strict=True))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def visible(body: bytes) -> str:
    """Give what a person would read in an HTML or text answer."""
    text = body[:20_000].decode("utf-8", "replace")
    text = re.sub(r"(?is)<(script|style|head)\b.*?</\1>", " ", text)
    return re.sub(r"(?s)<[^>]*>", " ", text).strip()


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Read how many seconds to wait: ``retry-after-ms`` before ``retry-after``, which may be a date; None if unsaid."""
    for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        said = headers.get(name, "").strip()
        if re.fullmatch(r"\d+(\.\d+)?", said):
            return float(said) * unit
    try:
        until = parsedate_to_datetime(headers.get("retry-after", ""))
    except (TypeError, ValueError, OverflowError):
        return None
    until = until if until.tzinfo else until.replace(tzinfo=timezone.utc)
    return max(0.0, (until - datetime.now(timezone.utc)).total_seconds())


def _categories(error: Mapping[str, Any], inner: Mapping[str, Any]) -> tuple[str, ...]:
    """Name what the content filter objected to, in any of its four shapes."""
    details = error.get("moderation_details")
    named = details.get("categories") if isinstance(details, dict) else None
    if isinstance(named, list):
        return tuple(map(str, named))
    results = inner.get("content_filter_results") or inner.get("content_filter_result")
    if not isinstance(results, dict):
        return ()
    return tuple(name for name, each in results.items() if isinstance(each, dict) and each.get("filtered") is True)


def _stage(error: Mapping[str, Any]) -> str:
    details = error.get("moderation_details")
    return str(details.get("moderation_stage", "")) if isinstance(details, dict) else ""
