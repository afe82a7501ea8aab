"""One exchange with Azure OpenAI, OpenAI or a compatible server.

The engine joins three parts that know nothing of each other: `wire` (what travels), `net` (how it travels) and
`explain` (what a refusal means). One attempt: a picture may have been paid for, so nothing is sent twice.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from imgmagic import net
from imgmagic.engines import wire
from imgmagic.engines.explain import Failure, explain, redirected, useless
from imgmagic.errors import ApiError, UnreachableError, printable
from imgmagic.exchange import ImageResponse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imgmagic.exchange import ImageRequest
    from imgmagic.settings import Settings

_OK = 200
_REDIRECTS = range(300, 400)


class RestEngine:
    """An engine behind HTTP.

    Parameters
    ----------
    settings
        Who is asked, where, and with which key.
    timeout_s
        Longest silence in seconds while waiting for the answer; high quality takes minutes.
    """

    def __init__(self, settings: Settings, *, timeout_s: float = 600.0) -> None:
        self._settings = settings
        self._timeout_s = timeout_s
        self.name = str(settings.engine)
        self.paid = not settings.loopback

    def describe(self, request: ImageRequest) -> str:
        """Say who will answer: the engine, and the model or deployment where one is known."""
        model = self._model(request)
        return f"{self.name}/{model}" if model else f"{self.name} at {self._settings.host}"

    def make(self, request: ImageRequest) -> ImageResponse:
        """Send the request, and give the pictures of the answer.

        Raises
        ------
        ApiError
            If the service refuses, fails, cannot be reached, or answers without a usable picture.
        """
        started = time.monotonic()
        model = self._model(request)
        sent = wire.encode(request, self._dialect, "" if self._settings.deployment_route else model)
        url = self._url(sent.route, model)
        answer = self._post(url, sent)
        delivered = self._delivered(answer, url, model)
        images, lost = self._fetched(delivered.items, url)
        return ImageResponse(
            images=images,
            engine=self.name,
            model=model,
            seconds=time.monotonic() - started,
            usage=delivered.usage,
            request_id=answer.headers.get("x-request-id") or answer.headers.get("apim-request-id") or "",
            caption=_shortfall(len(images), request.n, delivered.damaged, lost),
        )

    @property
    def _dialect(self) -> wire.Dialect:
        return "compatible" if self.name == "compatible" else "azure" if self.name == "azure" else "openai"

    def _model(self, request: ImageRequest) -> str:
        return request.model or self._settings.model

    def _url(self, route: str, model: str) -> str:
        base = self._settings.base_url
        if self._settings.deployment_route:
            base += f"/deployments/{quote(model, safe='')}"
        return f"{base}/images/{route}"

    def _post(self, url: str, sent: wire.WireRequest) -> net.Answer:
        settings = self._settings
        version = settings.api_version
        content: dict[str, Any] = {"json_body": sent.fields}
        if sent.files:
            content = {"fields": sent.form, "files": sent.files}
        return net.post(
            url,
            auth=net.Auth(settings.secret, settings.scheme),
            read_timeout_s=self._timeout_s,
            query={"api-version": version} if version else None,
            headers=dict(settings.headers),
            **content,
        )

    def _delivered(self, answer: net.Answer, url: str, model: str) -> wire.Delivered:
        """Read the answer, or raise what it means."""
        if answer.status in _REDIRECTS:
            raise redirected(answer.status, answer.headers.get("location", ""), self._settings, url)
        if answer.status != _OK:
            failure = Failure.read(answer.status, answer.headers, answer.body)
            raise explain(failure, self._settings, url, model)
        try:
            return wire.decode(answer.body)
        except wire.NotAnAnswerError as exc:
            raise useless(str(exc), self._settings, url, model, (answer.headers, answer.body)) from exc

    def _fetched(self, items: Sequence[bytes | str], url: str) -> tuple[tuple[bytes, ...], tuple[ApiError, ...]]:
        """Give the pictures, fetching those of which the answer holds only a URL, and what was lost on the way.

        One that cannot be fetched takes no other with it: all are paid for.
        """
        got = [item if isinstance(item, bytes) else self._got(item, url) for item in items]
        images = tuple(each for each in got if isinstance(each, bytes))
        lost = tuple(each for each in got if isinstance(each, ApiError))
        if not images:
            raise lost[0]
        return images, lost

    def _got(self, item: str, url: str) -> bytes | ApiError:
        try:
            return self._get(item, url)
        except ApiError as exc:
            return exc

    def _get(self, item: str, url: str) -> bytes:
        if not _may_fetch(item, url):
            raise _not_fetched(item, "it is neither on the same server nor at a public https address")
        try:
            answer = net.get(item, read_timeout_s=self._timeout_s)
        except UnreachableError as exc:
            raise _not_fetched(item, exc.message.rstrip(".")) from exc
        if answer.status != _OK:
            raise _not_fetched(item, f"the server answered {answer.status}")
        if not wire.whole(answer.body):
            raise _not_fetched(item, "what came is no whole PNG, JPEG or WebP")
        return answer.body


def _may_fetch(target: str, asked: str) -> bool:
    """Allow a picture's URL on the server that named it, or at a public https address; nothing inside a network."""
    try:
        there, here = urlsplit(target), urlsplit(asked)
        if (there.scheme, there.netloc) == (here.scheme, here.netloc):
            return True
        return there.scheme == "https" and net.is_public(there.hostname or "")
    except ValueError:
        return False


def _not_fetched(target: str, why: str) -> ApiError:
    return ApiError(
        f"The picture was made, but not fetched: {why}.",
        hint=f"It is paid for; this is its address: {printable(target, 1000)}",
        status=_OK,
    )


def _shortfall(got: int, asked: int, damaged: int, lost: Sequence[ApiError]) -> str:
    """Say that fewer pictures came than were asked for."""
    if got >= asked:
        return ""
    parts = [f"{got} of {asked} came back", f"{damaged} arrived damaged" if damaged else ""]
    return ", ".join(part for part in parts if part) + "".join(f". {each.message} {each.hint}" for each in lost)
