"""The values that pass to and from an engine: what is asked, what comes back.

Every value is frozen: a request is decided once, by `studio.prepare`, and nobody downstream can edit what the user
typed. An engine knows these types and nothing else of imgmagic; in particular it never sees the history, a cell or a
notebook. This module is pure: no I/O, no third-party import.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Operation = Literal["imagine", "refine", "import"]
Role = Literal["source", "reference", "mask"]
Format = Literal["png", "jpeg", "webp"]

#: What a call means when neither the cell, nor `%config`, nor the environment says anything.
DEFAULTS: Mapping[str, Any] = MappingProxyType(
    {"n": 1, "size": "1024x1024", "quality": "medium", "background": "auto", "format": "png"}
)


#: What an edit inherits from a picture that no engine made: its shape, which only the answer can have.
IMPORTED: Mapping[str, Any] = MappingProxyType({"size": "auto"})


@dataclass(frozen=True, slots=True)
class Input:
    """One picture sent along with a request.

    Parameters
    ----------
    role
        ``source`` is the picture that is edited, ``mask`` says where, ``reference`` is only looked at.
    data
        The encoded bytes exactly as they are sent (PNG, JPEG or WebP). Empty for what is fetched or drawn only when
        the request is really sent, see `inputs.complete`; its identity says what it will be.
    number
        The picture's number in the history, or None if it is not a picture of the history.
    identity
        What a request's key knows it by where that is not the digest of the bytes: ``url:…``, ``pixels:…`` (figures
        and arrays are encoded anew each time), ``mask:…`` (the words that draw a mask), or the digest of the bytes
        that these were made of.
    name
        What to call it where it has no number: ``photo.jpg``, ``an array``.
    read
        Gives the same input with its bytes, where they are at hand but need not be read to answer from a recording.
    """

    role: Role
    data: bytes = field(repr=False)
    number: int | None = None
    identity: str = ""
    name: str = ""
    read: Callable[[], Input] | None = field(default=None, repr=False, compare=False)
    _digest: str = field(default="", init=False, repr=False, compare=False)

    @classmethod
    def checked(cls, role: Role, data: bytes, digest: str, number: int | None = None, identity: str = "") -> Input:
        """Make an input of bytes that were hashed just now, when they were read: a key does not hash them again.

        Parameters
        ----------
        role, data, number, identity
            As for the class.
        digest
            The sha256 of ``data``, in hex.
        """
        made = cls(role, data, number, identity)
        object.__setattr__(made, "_digest", digest)
        return made

    @property
    def digest(self) -> str:
        """The sha256 of the bytes, in hex; other bytes make another input, so it is taken once."""
        if not self._digest:
            object.__setattr__(self, "_digest", hashlib.sha256(self.data).hexdigest())
        return self._digest

    @property
    def known_as(self) -> str:
        """What a request's key knows it by."""
        return self.identity or self.digest


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """Everything an engine needs to make pictures, decided and complete.

    Parameters
    ----------
    operation
        ``imagine`` makes pictures from words, ``refine`` edits the input whose role is ``source``.
    prompt
        The words as they are sent, after substitution.
    typed
        The words as they stand in the cell, before substitution.
    n
        Number of pictures, 1 to 10.
    size
        ``WIDTHxHEIGHT`` in px, or ``auto``.
    quality, background, format, compression, moderation
        As the API names them; None means that nothing is sent.
    model
        Model or deployment named by the call itself; None leaves it to the engine's settings.
    params
        Extra fields, sent as they are, sorted by name. A value of None takes a field out of the request.
    inputs
        Pictures sent along, in order.
    fidelity
        ``high`` or ``low``: how closely the service keeps to the source (``input_fidelity``); None sends nothing.
    soft
        With a mask: True takes the engine's answer as it is, False puts the source back outside the mask.
    take
        How many pictures this request was answered with before. An engine that draws by rules draws another one; a
        service is never told.
    """

    operation: Operation
    prompt: str
    typed: str = ""
    n: int = 1
    size: str = "1024x1024"
    quality: str = "medium"
    background: str = "auto"
    format: Format = "png"
    compression: int | None = None
    moderation: str | None = None
    model: str | None = None
    params: tuple[tuple[str, Any], ...] = ()
    inputs: tuple[Input, ...] = ()
    fidelity: str | None = None
    soft: bool = False
    take: int = 0

    @property
    def source(self) -> Input | None:
        """The picture that is edited; None for an imagine."""
        return next((each for each in self.inputs if each.role == "source"), None)

    @property
    def said(self) -> dict[str, Any]:
        """Everything but the words and the inputs, as JSON values; `rebuilt` is the way back."""
        return {name: getattr(self, name) for name in _SAID} | {"params": dict(self.params)}

    @property
    def options(self) -> dict[str, Any]:
        """What was decided besides words and inputs, built-in defaults and unsaid things left out."""
        said = {
            "n": self.n,
            "size": self.size,
            "quality": self.quality,
            "background": self.background,
            "format": self.format,
            "compression": self.compression,
            "moderation": self.moderation,
            "model": self.model,
            "fidelity": self.fidelity,
            "soft": self.soft or None,
            "params": dict(self.params) or None,
        }
        return {name: value for name, value in said.items() if value is not None and value != DEFAULTS.get(name)}

    @property
    def key(self) -> str:
        """The sha256 (hex) that two requests share exactly when they ask for the same thing.

        It covers the operation, the prompt (NFC, line ends as LF, trailing blanks off), the options that are not a
        built-in default, and the digests of the inputs in order; not who answers it, nor how the answer is named.
        """
        asked = {
            "operation": self.operation,
            "prompt": normalise(self.prompt),
            "options": self.options,
            "inputs": [[each.role, each.known_as] for each in self.inputs],
        }
        canonical = json.dumps(asked, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


_SAID = (
    "n", "size", "quality", "background", "format", "compression", "moderation", "model", "fidelity", "soft",
)  # fmt: skip


def rebuilt(
    operation: Operation, prompt: str, typed: str, said: Mapping[str, Any], inputs: tuple[Input, ...]
) -> ImageRequest:
    """Make a request again from what was remembered of it; what `ImageRequest.said` does not name is passed over."""
    known = {name: said[name] for name in _SAID if name in said}
    params = said.get("params")
    extra = tuple(sorted(params.items())) if isinstance(params, dict) else ()
    return ImageRequest(operation, prompt, typed, params=extra, inputs=inputs, **known)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that the service counted for one call."""

    text_in: int = 0
    image_in: int = 0
    out: int = 0


@dataclass(frozen=True, slots=True)
class ImageResponse:
    """What an engine sent back.

    Parameters
    ----------
    images
        Encoded pictures, at least one, exactly as they arrived.
    engine, model
        Who answered: ``azure``, ``openai``, ``compatible`` or ``sketch``, and the model or deployment there.
    seconds
        Wall-clock seconds from asking to the last byte.
    usage
        Token counts, or None if the engine does not count.
    request_id
        The service's own id of the exchange, for its support; empty if it has none.
    details
        What else the engine wants remembered with the pictures (JSON values), shown under ``picture.params``.
    caption
        A sentence that must stand under the pictures, or empty.
    originals
        Where ``images`` were changed after they came, in the same order what the engine sent; else empty.
    """

    images: tuple[bytes, ...] = field(repr=False)
    engine: str
    model: str
    seconds: float
    usage: Usage | None = None
    request_id: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    caption: str = ""
    originals: tuple[bytes, ...] = field(default=(), repr=False)


def normalise(prompt: str) -> str:
    """Give the form of a prompt in which two spellings of the same words are equal."""
    text = unicodedata.normalize("NFC", prompt.replace("\r\n", "\n").replace("\r", "\n"))
    return "\n".join(line.rstrip() for line in text.split("\n")).rstrip()
