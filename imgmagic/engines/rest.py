"""One exchange with Azure OpenAI, OpenAI or a compatible server.

The engine joins parts that know nothing of each other: `wire` and `stream` (what travels), `net` (how it travels),
`explain` (what a refusal means to a person) and `patience` (what it means for another attempt).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from imgmagic import net
from imgmagic.calls import StoppedError, stopped
from imgmagic.engines import patience, stream, wire
from imgmagic.engines.dialects import refusal
from imgmagic.engines.explain import explain, heard, redirected, useless
from imgmagic.engines.probe import spoken
from imgmagic.errors import ApiError, CellError, SettingsError, printable
from imgmagic.exchange import ImageResponse

if TYPE_CHECKING:
    from collections.abc import MutableMapping, Sequence

    from imgmagic.calls import Watch
    from imgmagic.engines.dialects import Dialect
    from imgmagic.exchange import ImageRequest
    from imgmagic.settings import Settings

_OK = 200
_UNAUTHORISED = 401
_GOOD = range(200, 300)
_REDIRECTS = range(300, 400)
_SLOW = {"high", "xhigh", "max"}


@dataclass(frozen=True, slots=True)
class Manners:
    """How a service is treated.

    Parameters
    ----------
    timeout_s
        Longest silence in seconds while waiting for the answer; high quality takes minutes.
    retries
        How often a request is sent again where nothing can have been billed.
    partials
        Unfinished pictures to show on the way, 0 to 3; None shows one where the quality makes the wait long.
    dialect
        How a compatible server speaks, see `dialects`; None asks it.
    """

    timeout_s: float = 600.0
    retries: int = 2
    partials: int | None = None
    dialect: str | None = None


class RestEngine:
    """An engine behind HTTP.

    Parameters
    ----------
    settings
        Who is asked, where, and with which key.
    manners
        How the service is treated.
    known
        Dialects of compatible servers by address, found out by earlier engines; added to.
    """

    def __init__(
        self,
        settings: Settings,
        manners: Manners = Manners(),
        known: MutableMapping[str, Dialect] | None = None,
    ) -> None:
        self._known = {} if known is None else known
        self._settings = settings
        self._manners = manners
        self.name = str(settings.engine)
        self.paid = not settings.loopback

    def describe(self, request: ImageRequest) -> str:
        """Say who will answer: the engine, and the model or deployment where one is known."""
        model = self._model(request)
        return f"{self.name}/{model}" if model else f"{self.name} at {self._settings.host}"

    def partials(self, request: ImageRequest) -> int:
        """Say how many unfinished pictures are asked for; each costs tokens, and several pictures do not stream."""
        said = self._manners.partials
        if request.n > 1 or (said is None and self.name == "compatible"):
            return 0
        return said if said is not None else int(request.quality in _SLOW)

    def make(self, request: ImageRequest, watch: Watch) -> ImageResponse:
        """Send the request, again where that is safe, and give the pictures of the answer.

        Raises
        ------
        ApiError
            If the service refuses, fails, cannot be reached, or answers without a usable picture.
        """
        started, model = time.monotonic(), self._model(request)
        dialect = spoken(self._settings, self._manners.dialect, self._known)
        _refuse_what_it_cannot(dialect, request, model)
        sent = wire.encode(request, dialect, "" if self._settings.deployment_route else model)
        url = self._settings.image_url(sent.route, model)
        exchange = _Exchange(self._settings, self._manners, url, model, watch)
        answer, delivered = exchange.patiently(sent, self.partials(request))
        images, lost = self._fetched(delivered.items, url, watch)
        return ImageResponse(
            images=images,
            engine=self.name,
            model=model,
            seconds=time.monotonic() - started,
            usage=delivered.usage,
            request_id=answer.headers.get("x-request-id") or answer.headers.get("apim-request-id") or "",
            caption=_shortfall(len(images), request.n, delivered.damaged, lost),
        )

    def _model(self, request: ImageRequest) -> str:
        return request.model or self._settings.model

    def _fetched(
        self, items: Sequence[bytes | str], url: str, watch: Watch
    ) -> tuple[tuple[bytes, ...], tuple[ApiError, ...]]:
        """Give the pictures, fetching those of which the answer holds only a URL, and what was lost on the way.

        One that cannot be fetched takes no other with it: all are paid for.
        """
        got = [item if isinstance(item, bytes) else self._got(item, url, watch) for item in items]
        images = tuple(each for each in got if isinstance(each, bytes))
        lost = tuple(each for each in got if isinstance(each, ApiError))
        if not images:
            raise lost[0]
        return images, lost

    def _got(self, item: str, url: str, watch: Watch) -> bytes | ApiError:
        try:
            return self._get(item, url, watch)
        except ApiError as exc:
            return exc

    def _get(self, item: str, url: str, watch: Watch) -> bytes:
        item = _absolute(item, url)
        if not _may_fetch(item, url):
            raise _not_fetched(item, "it is neither on the same server nor at a public https address")
        away = not _same_origin(item, url)
        line = net.Line(lambda: None, public_only=away and not net.proxy_of(item))
        watch.closing(line.cut)
        try:
            answer = net.get(item, read_timeout_s=self._manners.timeout_s, line=line)
        except ApiError as exc:
            raise _not_fetched(item, exc.message.rstrip(".")) from exc
        if answer.status not in _GOOD:
            raise _not_fetched(item, f"the server answered {answer.status}")
        if not wire.whole(answer.body):
            raise _not_fetched(item, "what came is no whole PNG, JPEG or WebP")
        return answer.body


def _refuse_what_it_cannot(dialect: Dialect, request: ImageRequest, model: str) -> None:
    """Refuse what a server would refuse anyway or, worse, drop in silence, before anything is sent."""
    roles = {each.role for each in request.inputs}
    why = refusal(dialect, request.operation, "mask" in roles, request.format, references="reference" in roles)
    if why:
        raise CellError(why)
    if dialect.model_required and not model:
        raise SettingsError(f"{dialect.title} wants a model.", hint="Set IMGMAGIC_MODEL, or write -m NAME in the cell.")


class _Exchange:
    """One request on its way, sent as often as is safe."""

    def __init__(self, settings: Settings, manners: Manners, url: str, model: str, watch: Watch) -> None:
        self._settings, self._manners = settings, manners
        self._url, self._model, self._watch = url, model, watch

    def patiently(self, sent: wire.WireRequest, partials: int) -> tuple[net.Answer, wire.Delivered]:
        """Send until there is an answer, or an error that waiting does not mend."""
        refreshed = False
        while True:
            try:
                return self._once(sent, partials)
            except ApiError as exc:
                if partials and exc.failure is not None and exc.failure.refuses_streaming:
                    partials = 0
                elif exc.status == _UNAUTHORISED and not refreshed and self._refresh():
                    refreshed = True
                else:
                    self._wait(exc)

    def _wait(self, error: ApiError) -> None:
        """Wait before the next attempt, or raise what ended the last one."""
        if self._watch.stopped and not isinstance(error, StoppedError):
            raise stopped() from error
        wait = patience.delay(error, self._watch.attempt, self._manners.retries)
        if wait is None:
            if self._watch.attempt > 1:
                error.hint += f"\nThis was attempt {self._watch.attempt}."
            raise error
        self._watch.nap(*wait)
        self._watch.attempt += 1

    def _refresh(self) -> bool:
        """Forget a token that is no longer accepted; a key cannot be refreshed."""
        refresh = getattr(self._settings.secret, "refresh", None)
        if refresh is None:
            return False
        refresh()
        return True

    def _once(self, sent: wire.WireRequest, partials: int) -> tuple[net.Answer, wire.Delivered]:
        """Send once, and read what comes: a stream, or a whole answer."""
        reader = stream.PictureStream(self._watch.partial)
        answer = net.Answer(_OK, {}, b"")
        if partials:
            sent = stream.asking_for(sent, partials, azure=self._settings.engine == "azure")
        try:
            answer = self._post(sent, reader)
            return answer, reader.close() if reader.begun else self._delivered(answer)
        except stream.StreamedError as exc:
            failure = heard(answer.status, answer.headers, exc.body, self._settings)
            raise explain(failure, self._settings, self._url, self._model) from exc
        except wire.NotAnAnswerError as exc:
            what, asked = (answer.headers, answer.body), (self._settings, self._url, self._model)
            raise useless(str(exc), *asked, what, status=answer.status, billed=True) from exc

    def _post(self, sent: wire.WireRequest, reader: stream.PictureStream) -> net.Answer:
        settings = self._settings
        content: dict[str, Any] = {"json_body": sent.fields}
        if sent.files:
            content = {"fields": sent.form, "files": sent.files}
        line = net.Line(self._watch.check)
        self._watch.closing(line.cut)
        return net.post(
            self._url,
            auth=net.Auth(settings.secret, settings.scheme),
            read_timeout_s=self._manners.timeout_s,
            query={"api-version": settings.api_version} if settings.api_version else None,
            headers=dict(settings.headers),
            line=line,
            events=reader.feed,
            **content,
        )

    def _delivered(self, answer: net.Answer) -> wire.Delivered:
        """Read a whole answer, or raise what it means; with a picture in it, any status below 300 is as good as 200."""
        if answer.status in _REDIRECTS:
            raise redirected(answer.status, answer.headers.get("location", ""), self._settings, self._url)
        if answer.status >= _REDIRECTS.stop:
            failure = heard(answer.status, answer.headers, answer.body, self._settings)
            raise explain(failure, self._settings, self._url, self._model)
        return wire.decode(answer.body)


def _absolute(target: str, asked: str) -> str:
    """Complete an address that gives a path only: it is on the server that was asked."""
    try:
        there = urlsplit(target)
        return target if there.scheme or there.netloc else urljoin(asked, target)
    except ValueError:
        return target


def _may_fetch(target: str, asked: str) -> bool:
    """Allow a picture's URL on the server that named it, or at a public https address; nothing inside a network."""
    try:
        there = urlsplit(target)
        return _same_origin(target, asked) or (there.scheme == "https" and net.is_public(there.hostname or ""))
    except ValueError:
        return False


def _same_origin(one: str, other: str) -> bool:
    first, second = urlsplit(one), urlsplit(other)
    return (first.scheme, first.netloc) == (second.scheme, second.netloc)


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
