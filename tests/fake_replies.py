"""Answers of the fake API: the value that is put on the wire, and the error bodies seen on real servers.

Error bodies are copied from recorded or documented answers. Where no capture of a body exists the constant's
comment says so; a client must not depend on more than the status of those.
"""

from __future__ import annotations

import json as jsonlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer, ready to be written.

    Parameters
    ----------
    events
        Server-sent events; when given they are sent one HTTP chunk each and ``body`` is ignored.
    length
        Content-Length to claim; None claims the truth.
    reset
        Cut the connection with a TCP reset ``before`` the headers or in the ``middle`` of the body.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    events: tuple[bytes, ...] | None = None
    length: int | None = None
    reset: Literal["before", "middle"] | None = None


class Host(Protocol):
    """What a fault may ask of the server it is played on."""

    url: str
    requests: list[Any]

    def keep(self, picture: bytes) -> str:
        """Store a picture and give back the URL under which this server serves it."""

    def pause(self, seconds: float) -> None:
        """Sleep, but no longer than the server lives."""


class Fault(Protocol):
    """One entry of the script: turns the usual answer into the answer that is sent."""

    def answer(self, usual: Callable[[], Reply], host: Host, /) -> Reply:
        """Give the answer to send; ``usual`` computes what a healthy server would have said."""


@dataclass(frozen=True, slots=True)
class Status:
    """A fixed answer, sent without looking at the request."""

    code: int
    json: Any = None
    text: str | None = None
    html: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def reply(self) -> Reply:
        """Give the answer as it is written; with no body at all the answer is empty."""
        for body, mime in ((self.html, "text/html"), (self.text, "text/plain; charset=utf-8")):
            if body is not None:
                return Reply(self.code, body.encode(), {"Content-Type": mime, **self.headers})
        if self.json is None:
            return Reply(self.code, b"", self.headers)
        return Reply(self.code, jsonlib.dumps(self.json).encode(), {"Content-Type": "application/json", **self.headers})

    def answer(self, _usual: Callable[[], Reply], _host: Host, /) -> Reply:
        """Give the fixed answer."""
        return self.reply()


class RefusedError(Exception):
    """A check refused the request; carries the answer."""

    def __init__(self, status: Status) -> None:
        super().__init__(status)
        self.status = status


INVALID = "invalid_request_error"
USER = "image_generation_user_error"


def error(
    code: int,
    message: str,
    *,
    kind: str = INVALID,
    param: str | None = None,
    word: str | None = None,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> Status:
    """Give an OpenAI-shaped error with the four usual members, ``word`` being ``error.code``."""
    body = {"message": message, "type": kind, "param": param, "code": word, **more}
    return Status(code, {"error": body}, headers=headers or {})


def azure_error(code: int, word: str, message: str, **more: Any) -> Status:
    """Give an error in the style of Azure's own front door: a code and a message only."""
    return Status(code, {"error": {"code": word, "message": message, **more}})


# --- who are you -----------------------------------------------------------------------------------------------

AZURE_BAD_KEY = azure_error(
    401,
    "401",
    "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an "
    "active subscription and use a correct regional API endpoint for your resource.",
)
# API Management in front of Azure answers without an ``error`` member.
APIM_MISSING_KEY = Status(
    401,
    {
        "statusCode": 401,
        "message": "Access denied due to missing subscription key. Make sure to include subscription key when "
        "making requests to an API.",
    },
)
AZURE_PERMISSION_DENIED = azure_error(
    401, "PermissionDenied", "The principal lacks the required data action to perform this operation."
)  # the text was not captured
AZURE_BLOCKED = azure_error(
    403,
    "Forbidden",
    "Your resource has been temporarily blocked because we detected behavior that may violate our content policy.",
)
OPENAI_MISSING_KEY = error(
    401,
    "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth "
    "(i.e. Authorization: Bearer YOUR_KEY).",
)
ORGANIZATION_UNVERIFIED = error(
    403,
    "Your organization must be verified to use the model `gpt-image-2`. Please go to: "
    "https://platform.openai.com/settings/organization/general and click on Verify Organization. If you just "
    "verified, it can take up to 15 minutes for access to propagate.",
)


def openai_bad_key(key: str) -> Status:
    """Give OpenAI's refusal of a key, which repeats the key with its middle masked."""
    shown = key[:8] + "*" * max(len(key) - 12, 0) + key[-4:] if len(key) > 12 else key[:2] + "*" * 6
    where = "You can find your API key at https://platform.openai.com/account/api-keys."
    return error(401, f"Incorrect API key provided: {shown}. {where}", word="invalid_api_key")


# --- nothing here ----------------------------------------------------------------------------------------------

RESOURCE_NOT_FOUND = azure_error(404, "404", "Resource not found")
_NO_DEPLOYMENT = (
    "The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, "
    "please wait a moment and try again."
)
DEPLOYMENT_NOT_FOUND = azure_error(404, "DeploymentNotFound", _NO_DEPLOYMENT)
DEPLOYMENT_NOT_FOUND_V1 = azure_error(404, "DeploymentNotFound", _NO_DEPLOYMENT, type=INVALID)
DETAIL_NOT_FOUND = Status(404, {"detail": "Not Found"})


def model_not_found(model: str) -> Status:
    """Give OpenAI's answer to a model it does not have."""
    message = f"The model `{model}` does not exist or you do not have access to it."
    return error(404, message, word="model_not_found")


# --- too much --------------------------------------------------------------------------------------------------


def rate_limit_azure(after_s: int = 12, operation: str = "ImageGenerations_Create") -> Status:
    """Give Azure's 429, which says the delay in two headers and in its text."""
    message = (
        f"Requests to the {operation} Operation under Azure OpenAI API version 2025-04-01-preview have exceeded call "
        f"rate limit of your current OpenAI S0 pricing tier. Please retry after {after_s} seconds. Please contact "
        "Azure support service if you would like to further increase the default rate limit."
    )
    wait = {"retry-after": str(after_s), "retry-after-ms": str(after_s * 1000)}
    return Status(429, {"error": {"code": "429", "message": message}}, headers=wait)


def rate_limit_openai(after_s: int = 12) -> Status:
    """Give OpenAI's 429 for images per minute."""
    message = (
        "Rate limit reached for gpt-image-2 (for limit gpt-image) in organization org-X on input-images per min: "
        f"Limit 5, Used 5, Requested 1. Please try again in {after_s}s."
    )
    wait = {"retry-after": str(after_s), "retry-after-ms": str(after_s * 1000)}
    return error(429, message, kind="input-images", word="rate_limit_exceeded", headers=wait)


RATE_LIMIT_AZURE = rate_limit_azure()
RATE_LIMIT_OPENAI = rate_limit_openai()
# Looks like a rate limit and is permanent: the account's tier has no access.
LIMIT_ZERO = error(
    429,
    "Request too large for gpt-image-2 (for limit gpt-image) in organization org-X on input-images per min: Limit 0, "
    "Requested 1.",
    kind="input-images",
    word="rate_limit_exceeded",
)
INSUFFICIENT_QUOTA = error(
    429,
    "You exceeded your current quota, please check your plan and billing details. For more information on this "
    "error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.",
    kind="insufficient_quota",
    word="insufficient_quota",
)
BILLING_HARD_LIMIT = error(400, "Billing hard limit has been reached", word="billing_hard_limit_reached")

# --- not these words -------------------------------------------------------------------------------------------

MODERATION_BLOCKED = error(
    400,
    "Your request was rejected by the safety system. If you believe this is an error, contact us at help.openai.com "
    "and include the request ID 00000000-0000-4000-8000-000000000000. safety_violations=[sexual].",
    kind=USER,
    word="moderation_blocked",
    moderation_details={"moderation_stage": "input", "categories": ["sexual"]},
)
_SAFE = {"filtered": False, "severity": "safe"}
CONTENT_FILTER_IMAGES = azure_error(
    400,
    "content_policy_violation",
    "Your request was rejected as a result of our safety system. Your prompt may contain text that is not allowed by "
    "our safety system.",
    type=INVALID,
    inner_error={
        "code": "ResponsibleAIPolicyViolation",
        "content_filter_results": {"jailbreak": {"detected": False, "filtered": False}},
    },
)
CONTENT_FILTER_TASK = Status(
    400,
    {
        "created": 1698435368,
        "error": {"code": "contentFilter", "message": "Your task failed as a result of our safety system."},
    },
)
# Chat-style: ``innererror`` without the underscore and ``content_filter_result`` in the singular.
CONTENT_FILTER_CHAT = Status(
    400,
    {
        "error": {
            "message": "The response was filtered due to the prompt triggering the content management policy.",
            "type": None,
            "param": "prompt",
            "code": "content_filter",
            "status": 400,
            "innererror": {
                "code": "ResponsibleAIPolicyViolation",
                "content_filter_result": {"hate": _SAFE, "violence": {"filtered": True, "severity": "medium"}},
            },
        }
    },
)
CONTENT_FILTER_SHAPES = (CONTENT_FILTER_IMAGES, CONTENT_FILTER_TASK, CONTENT_FILTER_CHAT, MODERATION_BLOCKED)

# --- our fault -------------------------------------------------------------------------------------------------

SERVER_ERROR = error(
    500, "The server had an error while processing your request.", kind="server_error", word="server_error"
)
GENERATION_FAILED = error(
    500, "Image generation failed", kind="image_generation_server_error", word="image_generation_failed"
)
HTML_502 = Status(502, html="<html><head><title>502 Bad Gateway</title></head><body><h1>502</h1></body></html>")
EMPTY_504 = Status(504)
# Azure's edits route says this now and then to a correct request: one retry is reasonable.
MULTIPART_MISROUTED = error(
    400,
    "Unsupported content type: 'multipart/form-data'. This API method only accepts 'application/json' requests, but "
    "you specified the header 'Content-Type: multipart/form-data'. Please try again with a supported content type.",
    word="unsupported_content_type",
)
# --- compatible servers ----------------------------------------------------------------------------------------

ERROR_STRING = Status(400, {"error": "prompt is required"})
ERROR_DETAIL = Status(422, {"detail": [{"loc": ["body", "size"], "msg": "invalid size", "type": "value_error"}]})
ERROR_INT_CODE = Status(500, {"error": {"code": 500, "message": "could not load model", "type": ""}})
