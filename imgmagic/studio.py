"""The whole pipe without IPython: words to request, request to engine, answer to history, history to gallery.

A studio joins the parts and holds none of their knowledge: what may be asked is in `exchange`, who answers in
`engines`, what is remembered in `tree`, what was answered before in `recall`. The folder is found, and the engine
resolved, only when they are first needed: a half-configured laptop can still look at its history, and replay it.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from imgmagic import budget, inputs, values
from imgmagic.calls import Call, Progress, Tell, Watch
from imgmagic.columns import asked
from imgmagic.database import ReadOnlyError
from imgmagic.defaults import Defaults, resolve
from imgmagic.engines import Engine, connect
from imgmagic.environment import Environment
from imgmagic.errors import CellError, HistoryError, ImageError, ImgmagicError, SettingsError, printable
from imgmagic.expressions import is_file_or_address
from imgmagic.gallery import Gallery, Shown
from imgmagic.jobs import Job, Slots
from imgmagic.picture import Picture
from imgmagic.places import cells_of, find_home, find_recordings, session_of
from imgmagic.prepare import Wishes, check_save, prepare, save_targets
from imgmagic.recall import Recall
from imgmagic.replay import Asked, CallSite, Recorded
from imgmagic.settings import Settings, nothing_chooses
from imgmagic.shelf import Shelf
from imgmagic.tree import History, check_label

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from imgmagic.engines.dialects import Dialect
    from imgmagic.exchange import ImageRequest, ImageResponse, Input, Operation
    from imgmagic.formats import Preview
    from imgmagic.recording import Written


@dataclass(frozen=True, slots=True)
class Order:
    """A request and how it is to be answered.

    Parameters
    ----------
    request
        What is asked.
    site
        The call that asks.
    where
        What to call its cell in a message, or empty.
    alt, label
        How the answer is named.
    replay
        Whether a recording may answer.
    fresh
        Whether another take is wanted even so.
    note
        What the waiting line says besides.
    retakes
        The picture whose request is made anew, or None.
    moves
        How often the cursor had moved when a call in the background was handed over; None for one that is waited for.
    held
        Whether an answer that is there at once becomes current only by `Job.follow`.
    before
        What may have been asked instead: the same, of the pictures that were current before jobs moved the cursor.
    """

    request: ImageRequest
    site: CallSite
    where: str = ""
    alt: str | None = None
    label: str | None = None
    replay: bool = False
    fresh: bool = False
    note: str = ""
    retakes: Picture | None = None
    moves: int | None = None
    held: bool = False
    before: tuple[ImageRequest, ...] = ()

    @property
    def requests(self) -> tuple[ImageRequest, ...]:
        """The request, and what may have been asked instead."""
        return (self.request, *self.before)


@dataclass(frozen=True, slots=True)
class _Pending:
    """A call that can be started: what it answers, what it may cost (the note's key), and its waiting line."""

    order: Order
    call: Call[list[Picture]]
    flight: int | None
    asking: str


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
        self._slots = Slots()
        self._calls = 0
        self._name = uuid4().hex[:12]
        self._running: list[Call[list[Picture]]] = []
        self._jobs: dict[tuple[str, str], Job] = {}
        self._lock = threading.Lock()
        #: Masks by name, for ``name:NAME``: PNGs, transparent where the edit goes.
        self.masks: dict[str, bytes] = {}
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
        history.elsewhere = lambda name: self.recall.fetch(name)  # noqa: PLW0108  recall needs this history first
        return history

    @cached_property
    def recall(self) -> Recall:
        """What was answered before, and who claimed it in this kernel."""
        return Recall(self.history, Shelf(self.history, self._recordings_in_view))

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

    @property
    def sketching(self) -> bool:
        """Whether the built-in sketch engine would answer now; a service that is set up by half is none."""
        if self._engine is not None:
            return self._engine.name == "sketch"
        try:
            return self.settings().engine == "sketch"
        except SettingsError:
            return False

    @property
    def reading(self) -> bool:
        """Whether nothing chooses an engine, as with the reader of somebody else's notebook."""
        return self._engine is None and nothing_chooses(self.environment, self.defaults.engine)

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

    def _recordings_in_view(self) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
        """Find the recordings in the working directory, beside the notebook, and those that are named."""
        named = find_recordings((), self.environment.get("IMGMAGIC_RECORDING"))
        return find_recordings(self._places(), self.environment.get("IMGMAGIC_RECORDING")), named

    def _places(self) -> list[Path]:
        return [Path.cwd()] + ([self.notebook.parent] if self.notebook else [])

    def beside(self, path: Path) -> bool:
        """Tell whether a file is in the working directory, or beside the notebook."""
        return path.parent.resolve() in {place.resolve() for place in self._places()}

    @property
    def busy(self) -> bool:
        """Whether any call is on its way: of this kernel, or a paid one of another."""
        return any(not each.done for each in self._running) or bool(self.history.flights())

    @property
    def notebook(self) -> Path | None:
        """The notebook that this studio serves, where its path is known."""
        return Path(self._session) if self._session and Path(self._session).is_absolute() else None

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
        images: Any = (),
        *,
        params: Mapping[str, Any] | None = None,
        label: str | None = None,
        alt: str | None = None,
        replay: bool = False,
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
        images
            Reference images, up to 16: Pictures, PIL images, arrays (uint8, or floats from 0 to 1), matplotlib figures,
            bytes, Paths, ``https:`` URLs, or anything with ``_repr_png_``. They are no parents of the result.
        params
            Further fields, sent as they are.
        label
            Names the first picture.
        alt
            Alternative text; default: the prompt.
        replay
            Whether a recorded answer to the same request may be given, as in a cell.

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
            n, size, quality, background, format, compression, moderation, model, _sorted(params), label, alt,
            images=images,
        )  # fmt: skip
        return self.make("imagine", prompt, wishes, replay=replay).shrunk()

    def refine(
        self,
        instruction: str,
        source: Any = None,
        mask: Any = None,
        soft: bool = False,  # noqa: FBT001, FBT002
        fidelity: str | None = None,
        images: Any = (),
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
        replay: bool = False,
    ) -> Gallery:
        """Edit a picture by an instruction.

        Parameters
        ----------
        instruction
            What to change, up to 32,000 characters.
        source
            The picture to edit, a REF that names it, or an image as for ``images``, which is taken into the history
            first; None edits the current one.
        mask
            Where to edit: an array of bool (height, width) of the source's size, True is edited; an image, in which
            transparent, or without transparency white, is edited; or ``box:…``, ``color:…``, ``name:…``, ``text:…``.
            Outside it the result equals the source, pixel for pixel.
        soft
            With a mask, True takes the answer as it is, outside the mask too.
        fidelity
            ``high`` or ``low``: how closely the service keeps to the source.
        images
            Reference images, as for `imagine`.
        n, size, quality, background, format, compression, moderation, model, params, label, alt, replay
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
            n, size, quality, background, format, compression, moderation, model, _sorted(params), label, alt,
            images=images, mask=mask, soft=soft, fidelity=fidelity,
        )  # fmt: skip
        source = self.source(source, size=size)
        return self.make("refine", instruction, wishes, source=source, replay=replay).shrunk()

    def source(self, ref: Any, *, start: int | None = None, size: str | None = None) -> Picture | Input:
        """Give the picture that a refine would edit.

        Parameters
        ----------
        ref
            A REF, a number, a Picture, or any other image, see `values.given`; None is the current picture.
        start
            What ``@start`` is.
        size
            ``WIDTHxHEIGHT`` at which a figure is drawn.

        Raises
        ------
        HistoryError
            If there is no such picture, or none yet.
        ImageError
            If it is neither a picture of the history nor an image that can be sent.
        """
        if isinstance(ref, Gallery) and len(ref) == 1:
            ref = ref[0]
        if isinstance(ref, Picture):
            return ref
        if isinstance(ref, str) and not is_file_or_address(ref):
            return self.history.find(ref, start=start)
        if isinstance(ref, int) and not isinstance(ref, bool):
            return self.history[ref]
        if ref is not None:
            return values.given("source", ref, size)
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
        source: Picture | Input | None = None,
        typed: str = "",
        tell: Tell = lambda _line, _partial: None,
        late: Callable[[Gallery | str], None] = lambda _outcome: None,
        **manner: Any,
    ) -> Gallery:
        """Run the whole pipe once, and wait; `imagine`, `refine` and the magics all end here.

        Parameters
        ----------
        operation, prompt, wishes
            What is asked.
        source
            The picture to edit; None for an imagine.
        typed
            The words before substitution, if they differ.
        tell
            Told about twice a second, in one line, what is waited for; with it an unfinished picture that has come.
        late
            Given what came of the call if the wait for it was interrupted: the pictures that were kept, or a line.
        manner
            Further fields of `Order`.

        Raises
        ------
        KeyboardInterrupt
            If the wait was interrupted; what was sent goes on, and its picture is kept without moving the cursor.
        """
        return self._answer(self.order(operation, prompt, wishes, source=source, typed=typed, **manner), tell, late)

    def retake(
        self,
        ref: str | int | Picture = "@",
        n: int | None = None,
        *,
        tell: Tell = lambda _line, _partial: None,
        late: Callable[[Gallery | str], None] = lambda _outcome: None,
        **manner: Any,
    ) -> Gallery:
        """Make another take: the request that made a picture, made anew, as its sibling.

        Parameters
        ----------
        ref
            The picture; by default the current one.
        n
            How many, 1 to 10; None for as many as then.
        tell, late, manner
            As for `make`.

        Raises
        ------
        HistoryError
            If the picture was brought in, so that no request made it.
        """
        return self._answer(self._retake_order(ref, n, **manner), tell, late)

    def submit(
        self,
        operation: Operation,
        prompt: str,
        wishes: Wishes,
        *,
        source: Picture | Input | None = None,
        typed: str = "",
        tell: Tell = lambda _line, _partial: None,
        ended: Callable[[Gallery | BaseException], None] = lambda _outcome: None,
        **manner: Any,
    ) -> Job:
        """Run the whole pipe in the background: the source is pinned now, the cursor moves if nobody else moves it.

        A call that asks again for what a job of its own is on its way with gets that job.

        Parameters
        ----------
        operation, prompt, wishes, source, typed, tell, manner
            As for `make`.
        ended
            Given the pictures, or what went wrong, on the job's own thread.
        """
        return self._submitted(self.order(operation, prompt, wishes, source=source, typed=typed, **manner), tell, ended)

    def submit_retake(
        self,
        ref: str | int | Picture = "@",
        n: int | None = None,
        *,
        tell: Tell = lambda _line, _partial: None,
        ended: Callable[[Gallery | BaseException], None] = lambda _outcome: None,
        **manner: Any,
    ) -> Job:
        """Make another take in the background; parameters as for `retake` and `submit`."""
        return self._submitted(self._retake_order(ref, n, **manner), tell, ended)

    def _submitted(self, order: Order, tell: Tell, ended: Callable[[Gallery | BaseException], None]) -> Job:
        """Answer an order from what is recorded, else in the background."""
        found = self.recorded(order)
        if found is None:
            return self.hand_over(order, tell, ended)
        ended(found)
        return Job.finished(found)

    def hand_over(self, order: Order, tell: Tell, ended: Callable[[Gallery | BaseException], None]) -> Job:
        """Begin a call in the background that nothing recorded answers, as `submit` does."""
        order, job = replace(order, moves=self.history.moves), self._under_way(order)
        if job is None:
            pending = self._pending(replace(order, held=False), lambda _outcome: None)
            job = Job(pending.asking)
            # Whoever listens is told so here, not on the job's thread: by then a later cell may own the output.
            job.listen(tell, ended)
            self._jobs[order.site.name, order.request.key] = job
            return job.start(lambda: self._waited(pending, job.tell).shrunk(), pending.call.watch.stop)
        job.listen(tell, ended)
        return job

    def done(self, gallery: Gallery, moves: int) -> Job:
        """Give a job for what was there at once, though its cursor was held: it goes along by `Job.follow`.

        Parameters
        ----------
        gallery
            The pictures.
        moves
            How often the cursor had moved when it was handed over.
        """
        made = gallery[0].generation
        cell_id = self.recall.site_of(made).cell_id
        return Job.finished(
            gallery, lambda: self.history.follow(made.uid, moves, replay=gallery.replayed, cell_id=cell_id)
        )

    def _under_way(self, order: Order) -> Job | None:
        """Give the job that is on its way with what the same call has asked for, or None."""
        self._jobs = {name: job for name, job in self._jobs.items() if not job.done()}
        if order.fresh or not order.replay or self.defaults.replay == "off":
            return None
        jobs = (self._jobs.get((order.site.name, request.key)) for request in order.requests)
        return next((job for job in jobs if job is not None), None)

    def order(
        self,
        operation: Operation,
        prompt: str,
        wishes: Wishes,
        *,
        source: Picture | Input | None = None,
        typed: str = "",
        site: CallSite | None = None,
        before: Sequence[Picture] = (),
        **manner: Any,
    ) -> Order:
        """Put together what is asked, and how it is to be answered; nothing is looked up or sent yet.

        Parameters
        ----------
        operation, prompt, wishes, source, typed, manner
            As for `make`.
        site
            The call that asks; None for one from Python.
        before
            The pictures that may have been the source instead, see `Order`.
        """
        check_label(wishes.label)
        request, *others = (
            self.prepare(operation, prompt, wishes, source=each, typed=typed) for each in (source, *before)
        )
        check_save(wishes.save, request.format)
        site = site or self._next_site()
        return Order(request, site, before=tuple(others), alt=wishes.alt, label=wishes.label, **manner)

    def _retake_order(
        self, ref: str | int | Picture, n: int | None, *, site: CallSite | None = None, **manner: Any
    ) -> Order:
        if ref == "@" and self.history.cursor is None:
            raise HistoryError(
                "There is no picture to make again yet.", hint="Imagine one first, or `%pick` one of the folder."
            )
        picture = self._picture(ref)
        request = self.history.request(picture)
        request = request if n is None else replace(request, n=n)
        return Order(request, site or self._next_site(), alt=picture.generation.alt, retakes=picture, **manner)

    def _picture(self, ref: str | int | Picture) -> Picture:
        found = self.source(None if ref == "@" else ref)
        if not isinstance(found, Picture):
            raise HistoryError("Only a picture of the history can be made again.")
        return found

    def _next_site(self) -> CallSite:
        """Give the place of a call from Python: every studio is an execution of its own."""
        self._calls += 1
        return CallSite(None, self._calls - 1, self._name)

    def _answer(self, order: Order, tell: Tell, late: Callable[[Gallery | str], None]) -> Gallery:
        """Answer from what is recorded, else ask the engine and wait for it."""
        found = self.recorded(order)
        return self.ask(order, tell, late) if found is None else found

    def ask(self, order: Order, tell: Tell, late: Callable[[Gallery | str], None]) -> Gallery:
        """Ask the engine, and wait; the parameters are those of `make`."""
        return self._waited(self._pending(order, lambda outcome: late(self._late(outcome))), tell)

    # --- answers that are recorded ---

    def recorded(self, order: Order) -> Gallery | None:
        """Give the recorded answer to an order, claimed and made current; None if it must be made.

        Raises
        ------
        HistoryError
            If nothing may be made (`replay` is ``only``).
        """
        mode = self.defaults.replay
        if mode == "off" or not (order.replay or mode == "only"):
            return None
        with self.history.together():
            return self._looked_up(order, mode)

    def _looked_up(self, order: Order, mode: str) -> Gallery | None:
        """Look for the recorded answer to an order."""
        bound = mode == "only" or self.reading  # nobody is there who could make another take
        sketching = self.sketching and not (order.fresh or order.retakes)
        asked = [_asked(request, order.site, sketching=sketching) for request in order.requests]
        if order.retakes is not None:
            found = self.recall.retaken(order.site, order.retakes.generation.key) if bound else None
        else:
            found = self.recall.find_any(asked) if bound or not order.fresh else None
        if found is not None:
            return self._replayed(found, order)
        other = self.recall.stand_in(asked[0]) if mode == "auto" and self.reading and order.retakes is None else None
        if other is not None:
            return self._replayed(other, order, "from another input or with other settings, since no key is set")
        if mode == "only":
            raise _unrecorded(order)
        return None

    def _replayed(self, recorded: Recorded, order: Order, how: str = "") -> Gallery:
        """Show what is recorded, and say so."""
        taken = order.retakes.generation if order.retakes else None
        site = self.recall.site_of(taken) if taken else order.site
        # A stand-in has another key; it answers the one that was asked for.
        asked_for = recorded.key if recorded.key in {each.key for each in order.requests} else order.request.key
        key = taken.key if taken else asked_for
        numbers = self.recall.answer(recorded, site, key, held=order.held)
        gallery = Gallery(self.history, numbers, self.shown, replayed=True)
        made = gallery[0].generation
        if order.label is not None and self.history.label_of(numbers[0]) != order.label:
            self.history.label(numbers[0], order.label)
        who = f"{made.engine}/{made.model}".rstrip("/") if made.engine != "sketch" else "the built-in sketch engine"
        parts = [f"recorded {made.created.astimezone():%Y-%m-%d} with {who}", how, "%retake for another"]
        gallery.notes = (" · ".join(part for part in parts if part), *self._notices())
        return gallery

    # --- answers that are made ---

    def _reserved(self, engine: Engine, order: Order) -> int | None:
        """Write down what a call may cost before it is sent; None where it costs nothing.

        Raises
        ------
        SettingsError
            If the call would burst the day's budget.
        """
        if not engine.paid:
            return None
        defaults = self.defaults
        expected = budget.estimate(engine, order.request, defaults.prices).usd
        at_once = order.moves is None
        return self.history.depart(engine.name, expected, defaults.budget_usd, budget.today(), sent=at_once)

    def _pending(self, order: Order, late: Callable[[list[Picture] | BaseException], None]) -> _Pending:
        """Put a call together: what goes along is fetched, its cost reserved, its source made a picture of the folder.

        All of it on the thread that asks, so that what is refused fails the cell, also where the call itself would
        work in the background.
        """
        engine = self.engine()
        order = replace(order, request=inputs.complete(order.request, getattr(engine, "region", None)))
        flight = self._reserved(engine, order)
        order = replace(order, request=self.history.adopt(order.request))
        call = Call(lambda watch: self._worked(engine, order, watch, flight), late)
        with self._lock:
            self._running = [*(each for each in self._running if not each.done), call]
        asking = _asking(order.request, engine) + (f" · {order.note}" if order.note else "")
        return _Pending(order, call, flight, asking)

    def _worked(self, engine: Engine, order: Order, watch: Watch, flight: int | None) -> list[Picture]:
        """Do a call, on its own thread; one in the background waits for its turn first."""
        try:
            with nullcontext() if order.moves is None else self._slots.one(self.defaults.workers, watch):
                if order.moves is not None and flight is not None:
                    self.history.leave(flight)
                return self._made(engine, order, watch, flight)
        except BaseException:
            if flight is not None:
                self.history.arrive(flight)
            raise

    def _waited(self, pending: _Pending, tell: Tell) -> Gallery:
        """Start a call, wait for it, and give its pictures with what is to be said about them."""
        call = pending.call
        try:
            tell(_line(pending.asking, call.watch.progress()), inputs.overlay(pending.order.request))
            call.start()
        except BaseException:
            if not call.begun and pending.flight is not None:
                self.history.arrive(pending.flight)
            raise
        pictures = call.wait(lambda told: tell(_line(pending.asking, told), told.partial))
        notes = (*self._honesty(pending.order, pictures), *self._notices())
        return Gallery(self.history, [each.number for each in pictures], self.shown, notes=notes)

    def _made(self, engine: Engine, order: Order, watch: Watch, flight: int | None) -> list[Picture]:
        """Ask the engine, and keep its answer.

        This runs on the call's own thread. An answer that nobody waits for any more is kept too: it is paid for.
        """
        history, recall = self.history, self.recall
        request = replace(order.request, take=history.takes(order.request.key))
        response = _finished(request, engine.make(request, watch))
        cost = budget.booked(engine, request, response, self.defaults.prices)
        taken = order.retakes.generation if order.retakes else None
        site = recall.site_of(taken) if taken else order.site
        with watch.storing() as awaited:
            pictures = history.add(
                request,
                response,
                site=site,
                alt=order.alt,
                label=order.label,
                cost=cost,
                flight=flight,
                move=awaited,
                unmoved_since=order.moves,
                held=order.held,
                answers=taken.key if taken else "",
                retake=order.site.name if taken else "",
            )
            recall.made(pictures[0].generation, site)
        return pictures

    def _honesty(self, order: Order, pictures: list[Picture]) -> tuple[str, ...]:
        """Say so where a reader gets a sketch in place of what was recorded."""
        if not self.reading or pictures[0].engine != "sketch" or not self.recall.knows_any:
            return ()
        why = (
            "you changed this prompt; nothing recorded fits"
            if self.recall.knows_cell(order.site)
            else ("nothing recorded fits this prompt")
        )
        return (f"{why} and no key is set: this is the built-in sketch, not AI",)

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

    def record(self, path: str | None = None, *, small: bool = False) -> tuple[Path, Written]:
        """Record what this notebook's cells replay, and what that was made from.

        Those are the answers that the calls of this kernel show now, and for cells of the notebook's file that have
        not been run in this kernel what they showed last.

        Parameters
        ----------
        path
            The file; by default the notebook's name, beside it.
        small
            Whether to record previews in place of the originals.
        """
        shown = self.recall.shown(cells_of(self.notebook) if self.notebook else [])
        if path is None:
            path = str(self.notebook.with_suffix("") if self.notebook else Path("recording"))
        return self.history.record(path, shown, small=small)

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
        self, operation: Operation, prompt: str, wishes: Wishes, *, source: Picture | Input | None = None
    ) -> list[tuple[str, str]]:
        """Say what a call would send and cost, without sending it; the expanded prompt included."""
        request, engine = self._rehearsed(operation, prompt, wishes, source)
        rows = [("asks", engine.describe(request)), ("prompt", request.prompt), *inputs.rows(request)]
        rows += [(name, str(value)) for name, value in asked(request).items()]
        cost = budget.price_tag(engine, request, self.defaults.prices)
        return [*rows, ("expected cost", cost), ("sent", "nothing: this was a dry run")]

    def overlay(
        self, operation: Operation, prompt: str, wishes: Wishes, *, source: Picture | Input | None = None
    ) -> Preview | None:
        """Show where a call would edit: its source, tinted inside the mask; None without a mask."""
        if wishes.mask is None:
            return None
        return inputs.overlay(self._rehearsed(operation, prompt, wishes, source)[0])

    def _rehearsed(
        self, operation: Operation, prompt: str, wishes: Wishes, source: Picture | Input | None
    ) -> tuple[ImageRequest, Engine]:
        """Complete a request that will not be sent."""
        request = self.prepare(operation, prompt, wishes, source=source)
        engine = self.engine()
        return inputs.complete(request, getattr(engine, "region", None)), engine

    def prepare(
        self,
        operation: Operation,
        prompt: str,
        wishes: Wishes,
        *,
        source: Picture | Input | None = None,
        typed: str = "",
    ) -> ImageRequest:
        """Decide everything that a request says, by the defaults in force; see `prepare.prepare`."""
        return prepare(operation, prompt, wishes, self.defaults, source=source, typed=typed, masks=self.masks)

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


def _finished(request: ImageRequest, response: ImageResponse) -> ImageResponse:
    """Give an answer as it is stored: with a mask, the source stands outside it."""
    if not any(each.role == "mask" for each in request.inputs):
        return response
    from imgmagic import composite  # brings numpy, without which a call that has no mask is quicker

    return composite.finished(request, response)


def _asking(request: ImageRequest, engine: Engine) -> str:
    """Say who is asked for what."""
    what = "1 picture" if request.n == 1 else f"{request.n} pictures"
    source = f" from {inputs.called(request.source)}" if request.source else ""
    return ", ".join([f"{engine.describe(request)}: {what}{source}", *inputs.told(request)])


def _line(asking: str, told: Progress) -> str:
    """Say how far a call is, in one line."""
    parts = [f"{told.seconds:.0f} s", asking]
    parts += [f"attempt {told.attempt}"] if told.attempt > 1 else []
    parts += [told.waiting_for] if told.waiting_for else []
    return " · ".join(parts)


def _asked(request: ImageRequest, site: CallSite, *, sketching: bool) -> Asked:
    source = request.source.number if request.source else None
    return Asked(request.key, request.operation, request.prompt, site, sketching, source)


def _unrecorded(order: Order) -> HistoryError:
    """Say which call was never recorded, where nothing may be made."""
    request, site = order.request, order.site
    cell = f"cell {printable(site.cell_id, 40)}" if site.cell_id else "this cell"
    where = ", ".join(each for each in (order.where, cell) if each)
    which = f", its call {(site.position or 0) + 1}" if site.position else ""
    source = f" from #{request.source.number}" if request.source and request.source.number else ""
    return HistoryError(
        f"{where}{which}: this {request.operation}{source} was never recorded: '{printable(request.prompt, 80)}'. "
        "Nothing was sent, since replay is 'only'.",
        hint="Run it once with `%config ImgMagic.replay = 'auto'` (or without IMGMAGIC_REPLAY), "
        "and record it with `%imgmagic record`.",
    )


def _sorted(params: Mapping[str, Any] | None) -> tuple[tuple[str, Any], ...]:
    if not isinstance(params, (Mapping, type(None))):
        raise CellError(f"params is {type(params).__name__}, not a dict.", hint='params={"seed": 7}')
    return tuple(sorted((params or {}).items()))
