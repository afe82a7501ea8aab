"""The outer checks of the fake API, in the order of the real one: who asks, which route and version, which model."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from tests import fake_replies as replies
from tests.fake_models import MODELS
from tests.fake_replies import RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.fake_forms import Seen

Action = Literal["generations", "edits"]
Dialect = Literal["deployment", "azure-v1", "openai"]

_ROUTES: tuple[tuple[Dialect, re.Pattern[str]], ...] = (
    ("deployment", re.compile(r"/openai/deployments/(?P<name>[^/]+)/images/(?P<action>generations|edits)")),
    ("azure-v1", re.compile(r"/openai/v1/images/(?P<action>generations|edits)")),
    ("openai", re.compile(r"/v1/images/(?P<action>generations|edits)")),
)
_FIRST_VERSION = {"generations": "2024-02-01", "edits": "2025-04-01-preview"}


@dataclass(frozen=True, slots=True)
class Config:
    """How one fake API behaves.

    Parameters
    ----------
    flavour
        ``real`` speaks Azure and OpenAI strictly; ``compatible`` is a lax local server under ``/v1``.
    key
        Accepted as ``api-key`` on Azure, as Bearer on OpenAI and on Azure v1.
    token
        Accepted as Bearer on both Azure dialects, as an Entra token is.
    deployments
        Azure deployment name to model name.
    forbidden
        The word that the content filter stops; None stops nothing.
    auto_size
        What ``size=auto`` becomes.
    provenance
        PNG answers carry a ``caBX`` chunk.
    exact_mask
        Edits keep everything outside the mask to the byte.
    usage
        Answers carry ``usage``.
    rate_limit
        Image calls served per ``window_s`` seconds before 429; None is without limit.
    lax_stream_case
        Azure edits understand ``stream=true``, not only ``True``.
    event_pause_s
        Seconds between streamed events.
    """

    flavour: Literal["real", "compatible"] = "real"
    key: str = field(default="test-key", repr=False)
    token: str = field(default="test-token", repr=False)
    deployments: Mapping[str, str] = field(
        default_factory=lambda: {"img-dep": "gpt-image-2", "img-old": "gpt-image-1.5"}
    )
    forbidden: str | None = "forbiddenword"
    auto_size: str = "1024x1024"
    provenance: bool = True
    exact_mask: bool = False
    usage: bool = True
    rate_limit: int | None = None
    window_s: float = 60.0
    lax_stream_case: bool = False
    event_pause_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Route:
    """Which endpoint of which dialect a path names; ``deployment`` only where the path holds one."""

    dialect: Dialect
    action: Action
    deployment: str | None = None

    @property
    def azure(self) -> bool:
        """Whether Azure answers."""
        return self.dialect != "openai"


def route_of(path: str) -> Route | None:
    """Give the image route that a path names, or None."""
    for dialect, pattern in _ROUTES:
        found = pattern.fullmatch(path)
        if found:
            action: Action = "edits" if found["action"] == "edits" else "generations"
            return Route(dialect, action, found.groupdict().get("name"))
    return None


def check_caller(seen: Seen, route: Route, config: Config) -> None:
    """Refuse a missing or wrong key (401)."""
    bearer = _bearer(seen)
    if not route.azure:
        if bearer is None:
            raise RefusedError(replies.OPENAI_MISSING_KEY)
        if bearer != config.key:
            raise RefusedError(replies.openai_bad_key(bearer))
        return
    # The key as Bearer is documented for v1 only; deployment routes take Entra tokens there.
    bearers = {config.token} if route.dialect == "deployment" else {config.token, config.key}
    api_key = seen.headers.get("api-key")
    if not (api_key == config.key if api_key is not None else bearer in bearers):
        raise RefusedError(replies.AZURE_BAD_KEY)


def _bearer(seen: Seen) -> str | None:
    scheme, _, value = (seen.headers.get("Authorization") or "").partition(" ")
    return value.strip() or None if scheme.lower() == "bearer" else None


def check_version(seen: Seen, route: Route) -> None:
    """Refuse an api-version without this route (404)."""
    version = seen.query.get("api-version")
    if route.dialect == "azure-v1":
        served = version in {None, "v1", "preview", "latest"}
    elif route.dialect == "deployment":
        served = version is not None and _dated(version) and version >= _FIRST_VERSION[route.action]
    else:
        served = True
    if not served:
        raise RefusedError(replies.RESOURCE_NOT_FOUND)


def _dated(version: str) -> bool:
    return re.fullmatch(r"\d{4}-\d\d-\d\d(-preview)?", version) is not None


def check_deployment(route: Route, config: Config) -> None:
    """Refuse an unknown deployment in the path (404)."""
    if route.deployment is not None and route.deployment not in config.deployments:
        raise RefusedError(replies.DEPLOYMENT_NOT_FOUND)


def model_of(seen: Seen, route: Route, config: Config) -> str:
    """Give the name of the model that serves the request.

    Raises
    ------
    RefusedError
        If the request names no model where it must, or one that does not exist.
    """
    asked = seen.values.get("model")
    if route.deployment is not None:
        _check_redundant_model(asked, route, config)
        return config.deployments[route.deployment]
    if not isinstance(asked, str) or not asked:
        raise RefusedError(replies.error(400, "you must provide a model parameter"))
    if route.azure and asked not in config.deployments:
        raise RefusedError(replies.DEPLOYMENT_NOT_FOUND_V1)
    if not route.azure and asked not in MODELS:
        raise RefusedError(replies.model_not_found(asked))
    return config.deployments[asked] if route.azure else asked


def _check_redundant_model(asked: object, route: Route, config: Config) -> None:
    """Refuse a foreign body ``model`` on deployment-scoped edits; generations have always ignored it."""
    own = {None, route.deployment, config.deployments[route.deployment or ""]}
    if route.action == "edits" and asked not in own:
        message = f"The model '{asked}' does not exist"
        raise RefusedError(replies.error(400, message, param="model", word="invalid_value"))
