"""The whole pipe without IPython: words to request, request to engine, answer to history, history to gallery.

A studio joins the parts and holds none of their knowledge: what may be asked is in `exchange`, who answers in
`engines`, what is remembered in `tree`. The folder is found, and the engine resolved, only when they are first needed:
a half-configured laptop can still look at its history.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from imgmagic import prices
from imgmagic.cell import BACKGROUNDS, FORMATS, MAX_N, MAX_PROMPT, MODERATIONS, OWN_FIELDS, QUALITIES
from imgmagic.database import ReadOnlyError
from imgmagic.defaults import Defaults, resolve
from imgmagic.engines import Engine, connect
from imgmagic.errors import CellError, HistoryError, printable
from imgmagic.exchange import Format, ImageRequest, Input, Operation
from imgmagic.gallery import Gallery, Shown
from imgmagic.picture import SUFFIXES, Picture
from imgmagic.places import find_home, session_of
from imgmagic.settings import Environment, Settings
from imgmagic.tree import CallSite, History, check_label

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from imgmagic.exchange import ImageResponse

#: What may be inherited from the picture that is edited.
_INHERITED = ("size", "quality", "background", "format")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a call itself says; None means "not said". The same for a magic and for a Python call."""

    n: int | None = None
    size: str | None = None
    quality: str | None = None
    background: str | None = None
    format: str | None = None
    compression: int | None = None
    moderation: str | None = None
    model: str | None = None
    params: tuple[tuple[str, Any], ...] = ()
    label: str | None = None
    alt: str | None = None
    save: str | None = None


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
        self._home = Path(home) if home is not None else None
        self._engine = None if engine is None or isinstance(engine, str) else engine
        self._session = session
        self._said = {"engine": engine, **defaults} if isinstance(engine, str) else dict(defaults)
        self._environment = Environment(os.environ)
        #: Called for the defaults in force; the magics put `%config ImgMagic` here.
        self.config: Callable[[], Mapping[str, Any]] = lambda: self._said

    # --- the parts, made when they are first needed ---

    @cached_property
    def history(self) -> History:
        """The pictures of the folder, seen from this session."""
        home = self._home if self._home is not None else find_home(self._environment, Path.cwd())
        history, note = _open_history(home, self._session_name)
        history.present = lambda numbers: Gallery(history, numbers, self.shown).bundle
        history.notices[:0] = [note] if note else []
        return history

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
        return resolve(self.config(), self._environment)

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
        return Settings.from_env(self._environment, engine=defaults.engine, model=defaults.model)

    def engine(self) -> Engine:
        """Give the engine that would answer a call now."""
        if self._engine is not None:
            return self._engine
        settings = self.settings()
        for note in settings.notes:
            self._say_once(note)
        return connect(settings, timeout_s=self.defaults.timeout_s)

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
            raise HistoryError(
                "There is no picture to refine yet.",
                hint="Imagine one first: `%%imagine`, and the words in the lines below it.",
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
        waiting: Callable[[str], None] = lambda _line: None,
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
        waiting
            Told in one line who is asked for what, before anything is sent.
        """
        check_label(wishes.label)
        request = self.prepare(operation, prompt, wishes, source=source, typed=typed)
        targets = save_targets(wishes.save, request.format, request.n)
        history = self.history
        engine = self.engine()
        waiting(_waiting_line(request, engine))
        response, flight = self._sent(engine, request)
        cost = self._cost(engine, response)
        pictures = history.add(
            request, response, site=site, alt=wishes.alt, label=wishes.label, cost=cost, flight=flight
        )
        for picture, target in zip(pictures, targets, strict=False):
            picture.save(target)
        return Gallery(history, [each.number for each in pictures], self.shown, notes=self._notices())

    def prepare(
        self, operation: Operation, prompt: str, wishes: Wishes, *, source: Picture | None = None, typed: str = ""
    ) -> ImageRequest:
        """Decide everything that a request says: the call beats the source's values, which beat the defaults.

        Raises
        ------
        CellError
            If a value cannot be sent.
        """
        defaults = self.defaults
        inherited = {name: source.params[name] for name in _INHERITED if source and name in source.params}
        chosen: dict[str, Any] = {
            name: _first(getattr(wishes, name), inherited.get(name), getattr(defaults, name)) for name in _INHERITED
        }
        request = ImageRequest(
            operation=operation,
            prompt=prompt.strip(),
            typed=typed or prompt.strip(),
            n=1 if wishes.n is None else wishes.n,
            compression=wishes.compression,
            moderation=wishes.moderation,
            model=wishes.model,
            params=wishes.params,
            inputs=(Input("source", source.bytes, source.number),) if source else (),
            **chosen,
        )
        _check(request)
        return request

    def _sent(self, engine: Engine, request: ImageRequest) -> tuple[ImageResponse, int | None]:
        """Ask the engine; a paid request is written down before it is sent, and crossed out if it ends badly."""
        flight = self.history.depart(engine.name) if engine.paid else None
        try:
            return engine.make(request), flight
        except BaseException:
            if flight is not None:
                self.history.arrive(flight)
            raise

    def _cost(self, engine: Engine, response: ImageResponse) -> prices.Cost | None:
        """Price a call; an engine on this machine costs nothing."""
        if not engine.paid:
            return prices.Cost(0.0)
        return prices.cost(response.model, response.usage, self.defaults.prices)

    def _notices(self) -> tuple[str, ...]:
        """Take what the first call has to say."""
        notices, self.history.notices = tuple(self.history.notices), []
        return notices


def save_targets(save: str | None, kind: Format, n: int) -> list[Path]:
    """Name the files that ``--save`` writes: ``sky.png``, ``sky-2.png`` …; empty if nothing is to be saved.

    Raises
    ------
    CellError
        If they cannot be written, which should be known before the pictures are paid for.
    """
    if save is None:
        return []
    first = Path(save).expanduser()
    if SUFFIXES.get(first.suffix.lower(), kind) != kind or first.suffix.lower() not in {"", *SUFFIXES}:
        raise CellError(
            f"--save {printable(save, 80)}: the picture will be {kind}.",
            hint=f"Give the file the suffix of a {kind}, or add `-f` with the format that you want.",
        )
    if not first.parent.is_dir() or first.is_dir():
        what = f"the folder {first.parent} does not exist" if not first.parent.is_dir() else "it is a folder"
        raise CellError(f"--save {printable(save, 80)}: {printable(what)}.")
    return [first, *(first.with_name(f"{first.stem}-{index}{first.suffix}") for index in range(2, n + 1))]


def _open_history(home: Path, session: Callable[[Path], str]) -> tuple[History, str]:
    """Open the folder; one that cannot be written is replaced by a temporary one, which is said."""
    try:
        return History(home, session(home)), ""
    except ReadOnlyError:
        place = Path(tempfile.mkdtemp(prefix="imgmagic-"))
        note = f"{home} cannot be written: pictures of this kernel are kept in {place}, which may be cleaned away"
        return History(place, session(home)), note


def _check(request: ImageRequest) -> None:
    """Refuse what no service takes, before it costs anything; magics have checked it already, Python calls have not."""
    rules = {
        f"n is {request.n!r}: a whole number from 1 to {MAX_N}": request.n in range(1, MAX_N + 1),
        f"quality '{request.quality}' is none of {', '.join(QUALITIES)}": request.quality in QUALITIES,
        f"background '{request.background}' is none of {', '.join(BACKGROUNDS)}": request.background in BACKGROUNDS,
        f"format '{request.format}' is none of {', '.join(FORMATS)}": request.format in FORMATS,
        f"moderation '{request.moderation}' is none of {', '.join(MODERATIONS)}": request.moderation
        in {None, *MODERATIONS},
        f"compression {request.compression} is not from 0 to 100": request.compression in {None, *range(101)},
        "there are no words": bool(request.prompt),
        f"the prompt has {len(request.prompt):,} characters, at most {MAX_PROMPT:,}": len(request.prompt) <= MAX_PROMPT,
        "jpeg has no transparency: use png or webp": (request.background, request.format) != ("transparent", "jpeg"),
        "compression is for jpeg and webp: add a format": request.compression is None or request.format != "png",
        "the prompt holds half a character (a lone surrogate)": _travels(request.prompt),
        "params must be JSON values": _travels(dict(request.params)),
        f"params may not set {', '.join(OWN_FIELDS)}": not OWN_FIELDS.keys() & dict(request.params).keys(),
    }
    for rule, kept in rules.items():
        if not kept:
            raise CellError(f"This cannot be asked for: {printable(rule)}.")


def _travels(value: Any) -> bool:
    """Tell whether a value can be sent: as JSON, in UTF-8."""
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _waiting_line(request: ImageRequest, engine: Engine) -> str:
    """Say who is asked for what."""
    what = "1 picture" if request.n == 1 else f"{request.n} pictures"
    source = f" from #{request.source.number}" if request.source else ""
    return f"asking {engine.describe(request)} for {what}{source} …"


def _first(*values: Any) -> Any:
    return next(value for value in values if value is not None)


def _sorted(params: Mapping[str, Any] | None) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted((params or {}).items()))
