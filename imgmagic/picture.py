"""What the history holds: a `Generation` is one request answered, a `Picture` one of the pictures it gave.

Both are frozen. A picture is a node of the tree: its parent is the picture that was edited. It holds no pixels; bytes
are read from the store, and hashed again, whenever they are asked for.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast, get_args

from imgmagic.errors import HistoryError, ImageError, printable
from imgmagic.exchange import Format, Operation, Usage
from imgmagic.formats import DIGEST, SUFFIXES

if TYPE_CHECKING:
    import builtins
    from collections.abc import Mapping

    import numpy as np
    from PIL import Image

    from imgmagic.credentials import Credentials
    from imgmagic.database import Row
    from imgmagic.formats import Preview
    from imgmagic.tree import History

_LARGEST_SIDE = 100_000


@dataclass(frozen=True, slots=True)
class Generation:
    """One request answered.

    Parameters
    ----------
    id
        Its key in the folder.
    operation
        ``imagine``, ``refine``, or ``import`` for a picture that no engine made.
    typed, prompt
        The words before and after substitution.
    alt
        Alternative text for its pictures.
    params
        What was asked for besides words, and what the engine wants remembered.
    key
        The request's key (sha256, hex).
    engine, model, request_id, caption
        As in the engine's response.
    usage
        Tokens, or None.
    cost_usd
        US dollars for the whole call, or None if unknown; ``cost_as`` names the model whose prices were assumed.
    seconds
        Wall-clock seconds of the call.
    created
        When it was stored (aware, UTC).
    session
        Where it was made: a notebook's path, or a kernel's name.
    cell_id, position
        The cell that made it and the call's position in that execution; None if unknown.
    uid
        Its name in every folder and recording.
    site
        What `replay.CallSite.name` calls the call that it answers.
    request
        What was said besides words and inputs, see `exchange.ImageRequest.said`.
    follows
        False if the cursor did not move to it, since somebody had moved it while the call was on its way.
    """

    id: int
    operation: Operation
    typed: str
    prompt: str
    alt: str
    params: Mapping[str, Any]
    key: str
    engine: str
    model: str
    request_id: str
    caption: str
    usage: Usage | None
    cost_usd: float | None
    cost_as: str
    seconds: float
    created: datetime
    session: str
    cell_id: str | None
    position: int | None
    uid: str
    site: str
    request: Mapping[str, Any]
    follows: bool

    @classmethod
    def read(cls, row: Row) -> Generation:
        """Read a row, which may come from a folder that somebody else made.

        Raises
        ------
        HistoryError
            If a value cannot be what it should be.
        """
        try:
            values = {name: row[name] for name in row.keys() if name in cls.__dataclass_fields__}  # noqa: SIM118
            params = json.loads(values.pop("params"))
            request = json.loads(values.pop("request") or "null")
            if values["operation"] not in get_args(Operation) or not isinstance(params, dict):
                raise ValueError("operation or params")
            counts = [row["text_in"], row["image_in"], row["out"]]
            return cls(
                params=MappingProxyType(params),
                request=MappingProxyType(params if request is None else dict(request)),
                follows=bool(values.pop("follows")),
                created=datetime.fromisoformat(values.pop("created")),
                usage=None if None in counts else Usage(*map(int, counts)),
                **values,
            )
        except (ValueError, TypeError, KeyError, IndexError, RecursionError) as exc:
            raise HistoryError(f"The history's folder is damaged: a generation makes no sense ({exc}).") from exc


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Picture:
    """One picture of the history.

    It behaves as an image: `numpy.asarray` gives pixels of shape (height, width, 3 or 4) as uint8, and it shows itself
    in a notebook.

    Parameters
    ----------
    number
        Its number in the folder, never used again.
    digest
        The sha256 (hex) of its bytes as they were made.
    format
        How the bytes at hand are encoded.
    size
        Width and height in px, as it was made.
    position
        Its place among the pictures of its generation, from 0.
    generation
        The request that gave it.
    file
        The sha256 (hex) of the bytes at hand: another one where a recording brought only a preview.
    """

    number: int
    digest: str
    format: Format
    size: tuple[int, int]
    position: int
    generation: Generation = field(repr=False)
    file: str = field(repr=False)
    _parent: int | None = field(repr=False)
    _history: History = field(repr=False)
    _original: tuple[str, Format] | None = field(default=None, repr=False)
    _forgotten: int | None = field(default=None, repr=False)

    @classmethod
    def read(cls, row: Row, generation: Generation, history: History) -> Picture:
        """Read a row, which may come from a folder that somebody else made.

        Raises
        ------
        HistoryError
            If a value cannot be what it should be.
        """
        sides = (row["width"], row["height"])
        numbers = (row["number"], row["position"], *sides)
        sane = (
            all(isinstance(each, int) for each in numbers)
            and all(0 < side <= _LARGEST_SIDE for side in sides)
            and all(isinstance(each, str) and DIGEST.fullmatch(each) for each in (row["digest"], row["file"]))
            and row["format"] in SUFFIXES.values()
        )
        if not sane:
            raise HistoryError("The history's folder is damaged: a picture's row makes no sense.")
        kind, sent = cast("Format", row["format"]), (row["original"], row["original_format"])
        original = None if sent[0] is None else cast("tuple[str, Format]", tuple(map(str, sent)))
        place, parent = row["position"], row["parent"]
        known = (row["number"], row["digest"], kind, sides, place, generation, row["file"], parent, history)
        return cls(*known, _original=original, _forgotten=row["forgotten"])

    def __repr__(self) -> str:
        width, height = self.size
        return f"<Picture #{self.number}: {printable(self.prompt, 60)!r}, {width}x{height} {self.format}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Picture) and (self.number, self.digest) == (other.number, other.digest)

    def __deepcopy__(self, _memo: object) -> Picture:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a Picture belongs to its history: pickle its .bytes, or its .number")

    def __hash__(self) -> int:
        return hash((self.number, self.digest))

    @property
    def label(self) -> str | None:
        """Its label now, or None."""
        return self._history.label_of(self.number)

    @property
    def starred(self) -> bool:
        """Whether it has a star now."""
        return self.number in self._history.stars

    @property
    def prompt(self) -> str:
        """The words that were sent."""
        return self.generation.prompt

    @property
    def operation(self) -> Operation:
        """``imagine``, ``refine``, or ``import`` for a picture that no engine made."""
        return self.generation.operation

    @property
    def params(self) -> Mapping[str, Any]:
        """What was asked for besides words, and what the engine wants remembered."""
        return self.generation.params

    @property
    def engine(self) -> str:
        """Who made it."""
        return self.generation.engine

    @property
    def model(self) -> str:
        """The model or deployment that made it."""
        return self.generation.model

    @property
    def created(self) -> datetime:
        """When it was stored (aware, UTC)."""
        return self.generation.created

    @property
    def seconds(self) -> float:
        """Wall-clock seconds of the call that made it."""
        return self.generation.seconds

    @property
    def usage(self) -> Usage | None:
        """Tokens of the call that made it, or None."""
        return self.generation.usage

    @property
    def cost_usd(self) -> float | None:
        """Its share of the call's cost in US dollars, or None if unknown."""
        cost = self.generation.cost_usd
        return None if cost is None else cost / self._history.answered(self)

    @property
    def parent(self) -> Picture | None:
        """The picture it was edited from; None for a root, and where that picture was forgotten."""
        return None if self._parent is None else self._history[self._parent]

    @property
    def forgotten_parent(self) -> int | None:
        """The number of the picture that it was edited from, if that was forgotten since; else None."""
        return self._forgotten

    @property
    def children(self) -> list[Picture]:
        """The pictures edited from it, oldest first."""
        return self._history.children(self.number)

    @property
    def path(self) -> Path:
        """Its file in the store."""
        return self._history.store.path(self.file, self.format)

    @property
    def bytes(self) -> builtins.bytes:
        """The encoded picture.

        Raises
        ------
        HistoryError
            If its file is missing or was changed.
        """
        return self._history.store.get(self.file, self.format)

    @property
    def reduced(self) -> bool:
        """Whether only a preview of it is at hand, from a recording made with ``--small``."""
        return self.file != self.digest

    @property
    def original(self) -> builtins.bytes:
        """Exactly what the engine sent; other than `bytes` only where a mask kept the source around it.

        Raises
        ------
        HistoryError
            If its file is missing or was changed.
        """
        return self.bytes if self._original is None else self._history.store.get(*self._original)

    @property
    def credentials(self) -> Credentials:
        """Whether it carries content credentials (C2PA), which are not verified; true if it does.

        Raises
        ------
        HistoryError
            If its file is missing or was changed.
        """
        from imgmagic import credentials

        return credentials.read(self.bytes, None if self._original is None else self.original)

    @property
    def image(self) -> Image.Image:
        """The picture, decoded."""
        from imgmagic import images

        return images.decode(self.bytes)

    def preview(self, side: int, budget: int, *, of: tuple[int, int] | None = None) -> Preview:
        """Give a small copy for display, made once and kept beside the store.

        The original is read and hashed again only if its file was written to since: damage is not to be hidden, and to
        hash every original that a notebook shows would take longer than to show them.

        Parameters
        ----------
        side
            Longest edge in px.
        budget
            Most bytes.
        of
            Side and budget of a larger copy, which is shrunk if it is there: ten times as quick as the original.

        Raises
        ------
        HistoryError
            If its file is missing or was changed.
        ImageError
            If it cannot be decoded.
        """
        previews, name = self._history.previews, f"{self.file}-{side}-{budget}"
        stamp = self._history.store.stamp(self.file, self.format)
        kept = previews.get(name, stamp)
        if kept is not None:
            return kept
        from imgmagic import images

        larger = previews.get(f"{self.file}-{of[0]}-{of[1]}", stamp) if of is not None else None
        data = self.bytes if larger is None else larger.data
        return previews.put(name, stamp, images.preview(images.decode(data), side, budget))

    def save(self, path: str | Path, *, metadata: bool = False) -> Path:
        """Write the picture to a file: the original bytes, or converted if the suffix asks for another format.

        Parameters
        ----------
        path
            Where to; ``~`` is understood. Without a suffix the picture's own is added.
        metadata
            Whether the copy says in text what it is: the prompt, who made it and when; for PNG. That breaks the hash of
            the content credentials if there are any, which is warned of; the picture in the history stays as it is.

        Raises
        ------
        ImageError
            If the suffix is no known format, or not PNG for a copy with text, or the file cannot be written.
        """
        from imgmagic import images

        target = Path(path).expanduser()
        if not target.name:
            raise ImageError(f"'{path}' is a folder: name a file in it.")
        if not target.suffix:
            target = target.with_suffix(self.path.suffix)
        kind = SUFFIXES.get(target.suffix.lower())
        if kind is None:
            raise ImageError(f"'{target.suffix}' is no format for a picture.", hint=f"Known: {', '.join(SUFFIXES)}.")
        if metadata and kind != "png":
            raise ImageError(f"Text goes into a copy as PNG only, not {kind}.", hint="Give the file the suffix .png.")
        data = self.bytes if kind == self.format else images.encode(self.image, kind)
        data = self._annotated(data) if metadata else data
        try:
            target.write_bytes(data)
        except OSError as exc:
            raise ImageError(f"{target} cannot be written ({exc.strerror}).") from exc
        return target

    def _annotated(self, png: builtins.bytes) -> builtins.bytes:
        """Give a copy that says what it is, and warn if that makes its credentials fail."""
        from imgmagic import credentials

        if credentials.read(png):
            told = "The text breaks the hash of this copy's content credentials: whoever checks them finds it changed."
            warnings.warn(f"{told} history[{self.number}] itself stays as it is.", stacklevel=3)
        made = self.generation
        notes = {
            "Description": made.prompt,
            "Software": "imgmagic",
            "Source": f"{made.engine}/{made.model}".strip("/"),
            "Creation Time": made.created.isoformat(),
        }
        return credentials.annotated(png, notes)

    def __array__(self, dtype: Any = None, copy: object = None) -> np.ndarray[Any, Any]:
        """Give the pixels: shape (height, width, 3 or 4), uint8; always a copy, which may be written to.

        Raises
        ------
        ValueError
            If ``copy`` is False, as numpy has it: there is nothing but the encoded bytes to be looked at.
        """
        if copy is False:
            raise ValueError("a Picture's pixels are decoded anew each time: they cannot be had without a copy")
        from imgmagic import images

        pixels = images.pixels(self.bytes)
        return pixels.astype(pixels.dtype if dtype is None else dtype)

    def _repr_mimebundle_(self, **_wanted: object) -> dict[str, Any]:
        """Show itself wherever a notebook shows a value."""
        return self._history.present([self.number])
