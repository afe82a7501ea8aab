"""The whole pipe without IPython: words to request, request to engine, answer to history, history to gallery.

A studio joins the parts and holds none of their knowledge: what may be asked is in `exchange`, who answers in
`engines`, what is remembered in `tree`. The folder is found, and the engine resolved, only when they are first needed:
a half-configured laptop can still look at its history.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from imgmagic import prices
from imgmagic.calls import Call, Progress, Watch
from imgmagic.database import ReadOnlyError
from imgmagic.defaults import Defaults, resolve
from imgmagic.engines import Engine, connect
from imgmagic.environment import Environment
from imgmagic.errors import HistoryError, ImageError, ImgmagicError, SettingsError, printable
from imgmagic.gallery import Gallery, Shown
from imgmagic.picture import Picture
from imgmagic.places import find_home, session_of
from imgmagic.prepare import Wishes, check_save, prepare, save_targets
from imgmagic.settings import Settings
from imgmagic.tree import CallSite, History, asked, check_label

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imgmagic.engines.dialects import Dialect
    from imgmagic.exchange import ImageRequest, ImageResponse, Operation

#: Takes the waiting line, and an unfinished picture (encoded bytes) if one has just come.
Tell = Callable[[str, "bytes | None"], None]


class Studio:
    """Makes, edits and remembers pictures.

    Parameters
    ----------
    home
        The history's folder; None finds it: ``IMGMAGIC_HOME``, else the nearest ``.imgmagic`` up to the repository's
        root, else ``.imgmagic`` in the working directory.
    engine
        A name (``azure``, ``openai``, ``compatible``, ``sketch``), an `Engine`, or None for the environment's choice.
    session
        Whose cursor it is; None starts a session of its own, with no current picture.
    defaults
        Any field of `Defaults`.
    """

    def __init__(
        self,
        home: str | Path | None = ".imgmagic",
        engine: str | Engine | None = None,
        session: str | None = None,
        **defaults: Any,
    ) -> None:
        self._home = Path(home).expanduser() if home is not None else None
        self._engine = None if engine is None or isinstance(engine, str) else engine
        self._session = session
        self._said = {"engine": engine, **defaults} if isinstance(engine, str) else dict(defaults)
        #: The variables and typed-in keys that decide who answers; shared by the process.
        self.environment = Environment.of_process()
        self._dialects: dict[str, Dialect] = {}
        self._running: list[Call[list[Picture]]] = []
        self._lock = threading.Lock()
        #: Called for the defaults in force; the magics put `%config ImgMagic` here.
        self.config: Callable[[], Mapping[str, Any]] = lambda: self._said

    # --- the parts, made when they are first needed ---

    @cached_property
    def history(self) -> History:
        """The pictures of the folder, seen from this session."""
        home = self._home if self._home is not None else find_home(self.environment, Path.cwd())
        history, note = _open_history(home, self._session_name)
        history.present = lambda numbers: Gallery(history, numbers, self.shown).bundle
        history.open_panel = self._panel
        history.notices[:0] = [note] if note else []
        return history

    def _panel(self) -> Any:
        from imgmagic.panel import Panel

        return Panel(self)

    @property
    def opened(self) -> bool:
        """Whether the history has been read yet."""
        return "history" in self.__dict__

    @property
    def defaults(self) -> Defaults:
        """The defaults in force now.

        Raises
        ------
        SettingsError
            If one has no such value.
        """
        return resolve(self.config(), self.environment)

    @property
    def shown(self) -> Shown:
        """How galleries show themselves now."""
        defaults = self.defaults
        return Shown(preview_px=defaults.preview_px, compare=defaults.compare)

    def settings(self) -> Settings:
        """Resolve who would answer a call now.

        Raises
        ------
        SettingsError
            If the environment is set by half.
        """
        defaults = self.defaults
        return Settings.from_env(self.environment, engine=defaults.engine, model=defaults.model)

    def engine(self) -> Engine:
        """Give the engine that would answer a call now."""
        if self._engine is not None:
            return self._engine
        settings = self.settings()
        for note in settings.notes:
            self._say_once(note)
        defaults = self.defaults
        return connect(
            settings,
            self._dialects,
            timeout_s=defaults.timeout_s,
            retries=defaults.retries,
            partials=defaults.partials,
            dialect=defaults.dialect,
        )

    def _say_once(self, note: str) -> None:
        told = self.__dict__.setdefault("_told", set())
        if note not in told:
            told.add(note)
            self.history.notices.append(note)

    def _session_name(self, home: Path) -> str:
        named = self._session or self.defaults.session
        if named is None:
            return f"kernel-{uuid4().hex[:12]}"
        return session_of(Path(named), home) if Path(named).is_absolute() else named

    # --- making ---

    def imagine(
        self,
        prompt: str,
        n: int = 1,
        size: str | None = None,
        quality: str | None = None,
        background: str | None = None,
        format: str | None = None,  # noqa: A002
        compression: int | None = None,
        moderation: str | None = None,
        model: str | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        label: str | None = None,
        alt: str | None = None,
    ) -> Gallery:
        """Make new pictures from words.

        Parameters
        ----------
        prompt
            The words, up to 32,000 characters.
        n
            How many pictures, 1 to 10.
        size
            ``WIDTHxHEIGHT`` in px, or ``auto``.
        quality, background, format, compression, moderation, model
            As the options of the magic; None takes the default.
        params
            Further fields, sent as they are.
        label
            Names the first picture.
        alt
            Alternative text; default: the prompt.

        Returns
        -------
        Gallery
            The new pictures; the first one is now current.

        Raises
        ------
        ImgmagicError
            If nothing was made; the kind says why.
        """
        wishes = Wishes(
            n, size, quality, background, format, compression, moderation, model, _sorted(params), label, alt
        )
        return self.make("imagine", prompt, wishes)

    def refine(
        self,
        instruction: str,
        source: str | int | Picture | None = None,
        *,
        n: int = 1,
        size: str | None = None,
        quality: str | None = None,
        background: str | None = None,
        format: str | None = None,  # noqa: A002
        compression: int | None = None,
        moderation: str | None = None,
        model: str | None = None,
        params: Mapping[str, Any] | None = None,
        label: str | None = None,
        alt: str | None = None,
    ) -> Gallery:
        """Edit a picture by an instruction.

        Parameters
        ----------
        instruction
            What to change, up to 32,000 characters.
        source
            The picture to edit, or a REF that names it; None edits the current one.
        n, size, quality, background, format, compression, moderation, model, params, label, alt
            As for `imagine`; size, quality, background and format are inherited from the source.

        Returns
        -------
        Gallery
            The new pictures, children of the source; the first one is now current.

        Raises
        ------
        ImgmagicError
            If nothing was made; the kind says why.
        """
        wishes = Wishes(
            n, size, quality, background, format, compression, moderation, model, _sorted(params), label, alt
        )
        return self.make("refine", instruction, wishes, source=self.source(source))

    def source(self, ref: str | int | Picture | None, *, start: int | None = None) -> Picture:
        """Give the picture that a refine would edit.

        Raises
        ------
        HistoryError
            If there is no such picture, or none yet.
        """
        if isinstance(ref, Picture):
            return ref
        if ref is not None:
            return self.history.find(ref, start=start) if isinstance(ref, str) else self.history[ref]
        current = self.history.current
        if current is None:
            newest = self.history.newest()
            others = f" Or go on with one of the folder: `%pick {newest}`." if newest else ""
            raise HistoryError(
                "There is no picture to refine yet.",
                hint=f"Imagine one first: `%%imagine`, and the words in the lines below it.{others}",
            )
        return current

    def make(
        self,
        operation: Operation,
        prompt: str,
        wishes: Wishes,
        *,
        source: Picture | None = None,
        typed: str = "",
        site: CallSite | None = None,
        tell: Tell = lambda _line, _partial: None,
        late: Callable[[Gallery | str], None] = lambda _outcome: None,
    ) -> Gallery:
        """Run the whole pipe once; `imagine`, `refine` and the magics all end here.

        Parameters
        ----------
        operation, prompt, wishes
            What is asked.
        source
            The picture to edit; None for an imagine.
        typed
            The words before substitution, if they differ.
        site
            The call that asks.
        tell
            Told about twice a second, in one line, what is waited for; with it an unfinished picture that has come.
        late
            Given what came of the call if the wait for it was interrupted: the pictures that were kept, or a line.

        Raises
        ------
        KeyboardInterrupt
            If the wait was interrupted; what was sent goes on, and its picture is kept without moving the cursor.
        """
        check_label(wishes.label)
        request = self.prepare(operation, prompt, wishes, source=source, typed=typed)
        check_save(wishes.save, request.format)
        engine = self.engine()
        expected = self._afford(engine, request)
        asking = _asking(request, engine)

        def work(watch: Watch) -> list[Picture]:
            return self._answered(engine, request, watch, expected, site=site, alt=wishes.alt, label=wishes.label)

        call = Call(work, lambda outcome: late(self._late(outcome)))
        tell(_line(asking, call.watch.progress()), None)
        with self._lock:
            self._running = [*(each for each in self._running if not each.done), call]
        pictures = call.start().wait(lambda told: tell(_line(asking, told), told.partial))
        return Gallery(self.history, [each.number for each in pictures], self.shown, notes=self._notices())

    def save(self, gallery: Gallery, path: str) -> None:
        """Write the originals where ``--save`` says.

        Raises
        ------
        ImageError
            If a file cannot be written; the pictures are in the history all the same.
        """
        for picture, target in zip(gallery, save_targets(path, len(gallery)), strict=True):
            try:
                picture.save(target)
            except ImageError as exc:
                exc.hint = f"The picture itself is kept: #{picture.number}."
                raise

    def look(self, number: int) -> Gallery:
        """Show a picture that a move has made current, by itself: nothing was made of another just now."""
        notes = (f"#{number} is the current picture now; nothing was deleted", *self._notices())
        return Gallery(self.history, [number], replace(self.shown, compare=False), notes=notes)

    def stop(self) -> int:
        """Cut the connection of every call that is still on its way, and give their number."""
        running = [each for each in self._running if not each.done]
        for call in running:
            call.watch.stop()
        return len(running)

    def plan(
        self, operation: Operation, prompt: str, wishes: Wishes, *, source: Picture | None = None
    ) -> list[tuple[str, str]]:
        """Say what a call would send and cost, without sending it; the expanded prompt included."""
        request = self.prepare(operation, prompt, wishes, source=source)
        engine = self.engine()
        rows = [("asks", engine.describe(request)), ("prompt", request.prompt)]
        rows += [("source", f"#{request.source.number}")] if request.source else []
        rows += [(name, str(value)) for name, value in asked(request).items()]
        return [*rows, ("expected cost", self._price_tag(engine, request)), ("sent", "nothing: this was a dry run")]

    def prepare(
        self, operation: Operation, prompt: str, wishes: Wishes, *, source: Picture | None = None, typed: str = ""
    ) -> ImageRequest:
        """Decide everything that a request says, by the defaults in force; see `prepare.prepare`."""
        return prepare(operation, prompt, wishes, self.defaults, source=source, typed=typed)

    def _answered(
        self,
        engine: Engine,
        request: ImageRequest,
        watch: Watch,
        expected: float,
        *,
        site: CallSite | None,
        alt: str | None,
        label: str | None,
    ) -> list[Picture]:
        """Ask the engine and keep its answer; a paid request is written down before it is sent.

        This runs on the call's own thread. An answer that nobody waits for any more is kept too: it is paid for.
        """
        history = self.history
        flight = history.depart(engine.name, expected) if engine.paid else None
        try:
            response = engine.make(request, watch)
            cost = self._cost(engine, request, response)
            with watch.storing() as awaited:
                return history.add(
                    request, response, site=site, alt=alt, label=label, cost=cost, flight=flight, move=awaited
                )
        except BaseException:
            if flight is not None:
                history.arrive(flight)
            raise

    def _late(self, outcome: list[Picture] | BaseException) -> Gallery | str:
        """Say what came of a call whose wait was interrupted."""
        if isinstance(outcome, BaseException):
            said = outcome.message if isinstance(outcome, ImgmagicError) else type(outcome).__name__
            return f"interrupted; then: {printable(said)}"
        numbers = [each.number for each in outcome]
        names = ", ".join(f"#{number}" for number in numbers)
        # It may have been stored in the very moment of the interrupt; then the cursor had moved already.
        how = "had arrived already" if self.history.cursor in numbers else "arrived late"
        return Gallery(self.history, numbers, self.shown, notes=(f"{how}, kept as {names}",))

    def _afford(self, engine: Engine, request: ImageRequest) -> float:
        """Give what a call is expected to cost in US dollars; one that would burst the day's budget is not sent.

        Raises
        ------
        SettingsError
            If it would.
        """
        if not engine.paid:
            return 0.0
        defaults = self.defaults
        expected = self._estimate(engine, request).usd
        spent = self.history.spent(since=today()) + self.history.expected()
        if spent + expected > defaults.budget_usd:
            raise SettingsError(
                f"${spent:.2f} of ${defaults.budget_usd:.2f} spent today, this call ≈${expected:.2f}, not sent.",
                hint=f"Raise it with `%config ImgMagic.budget_usd = {max(1, round(defaults.budget_usd * 2))}`.",
            )
        return expected

    def _estimate(self, engine: Engine, request: ImageRequest) -> prices.Cost:
        model = engine.describe(request).partition("/")[2]
        partials = getattr(engine, "partials", lambda _request: 0)(request)
        return prices.estimate(model, request, self.defaults.prices, partials=partials)

    def _price_tag(self, engine: Engine, request: ImageRequest) -> str:
        if not engine.paid:
            return "nothing"
        found = self._estimate(engine, request)
        return f"≈${found.usd:.3f}" + (f" (as {found.assumed})" if found.assumed else "")

    def _cost(self, engine: Engine, request: ImageRequest, response: ImageResponse) -> prices.Cost | None:
        """Price a call; an engine on this machine costs nothing, and a service that counts no tokens is estimated."""
        if not engine.paid:
            return prices.Cost(0.0)
        counted = prices.cost(response.model, response.usage, self.defaults.prices)
        if counted is None and engine.name in {"azure", "openai"}:
            return prices.Cost(self._estimate(engine, request).usd, "estimated")
        return counted

    def _notices(self) -> tuple[str, ...]:
        """Take what the first call has to say."""
        notices, self.history.notices = tuple(self.history.notices), []
        return notices


def _open_history(home: Path, session: Callable[[Path], str]) -> tuple[History, str]:
    """Open the folder; one that cannot be written is replaced by a temporary one, which is said."""
    try:
        return History(home, session(home)), ""
    except ReadOnlyError:
        place = Path(tempfile.mkdtemp(prefix="imgmagic-"))
        note = f"{home} cannot be written: pictures of this kernel are kept in {place}, which may be cleaned away"
        return History(place, session(home)), note


def _asking(request: ImageRequest, engine: Engine) -> str:
    """Say who is asked for what."""
    what = "1 picture" if request.n == 1 else f"{request.n} pictures"
    source = f" from #{request.source.number}" if request.source else ""
    return f"{engine.describe(request)}: {what}{source}"


def _line(asking: str, told: Progress) -> str:
    """Say how far a call is, in one line."""
    parts = [f"{told.seconds:.0f} s", asking]
    parts += [f"attempt {told.attempt}"] if told.attempt > 1 else []
    parts += [told.waiting_for] if told.waiting_for else []
    return " · ".join(parts)


def today() -> datetime:
    """Give the beginning of this day, here."""
    return datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)


def _sorted(params: Mapping[str, Any] | None) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted((params or {}).items()))
