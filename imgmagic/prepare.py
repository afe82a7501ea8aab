"""Wishes to a request: what a call says, what its source and the defaults add, and what no service takes. Pure.

A request is decided here, once and completely, before anything is paid for; nobody downstream can change it.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from imgmagic.cell import BACKGROUNDS, FIDELITIES, FORMATS, MAX_N, MAX_PROMPT, MODERATIONS, OWN_FIELDS, QUALITIES, size
from imgmagic.errors import CellError, printable
from imgmagic.exchange import IMPORTED, Format, ImageRequest, Input, Operation
from imgmagic.formats import SUFFIXES
from imgmagic.inputs import gathered
from imgmagic.picture import Picture
from imgmagic.values import given

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imgmagic.defaults import Defaults

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
    images: Any = ()
    mask: Any = None
    soft: bool = False
    fidelity: str | None = None


def prepare(
    operation: Operation,
    prompt: str,
    wishes: Wishes,
    defaults: Defaults,
    *,
    source: Picture | Input | None = None,
    typed: str = "",
    masks: Mapping[str, bytes] = MappingProxyType({}),
) -> ImageRequest:
    """Decide everything that a request says: the call beats the source's values, which beat the defaults.

    Parameters
    ----------
    operation, prompt, wishes
        What the call says.
    defaults
        What holds where it says nothing.
    source
        The picture to edit, of the history or a foreign one; None for an imagine.
    typed
        The words before substitution, if they differ.
    masks
        Masks by name, see `inputs.gathered`.

    Raises
    ------
    CellError
        If a value cannot be sent.
    ImageError
        If what should be an image is none.
    """
    if not isinstance(prompt, str):
        raise CellError(f"The words are {type(prompt).__name__}, not text.")
    inherited = _inherited(source)
    if _exact(wishes):
        _refuse_loss(wishes)
        inherited["format"] = "png"
    edited = given("source", source) if isinstance(source, Picture) else source
    chosen: dict[str, Any] = {
        name: _first(getattr(wishes, name), inherited.get(name), getattr(defaults, name)) for name in _INHERITED
    }
    chosen["size"] = _sized(chosen["size"])
    request = ImageRequest(
        operation=operation,
        prompt=prompt.strip(),
        typed=typed or prompt.strip(),
        n=1 if wishes.n is None else wishes.n,
        compression=wishes.compression,
        moderation=wishes.moderation,
        model=wishes.model,
        params=wishes.params,
        inputs=gathered(edited, wishes.images, wishes.mask, masks, wishes.size),
        fidelity=wishes.fidelity,
        soft=wishes.soft,
        **chosen,
    )
    _check(request)
    return request


def _inherited(source: Picture | Input | None) -> dict[str, Any]:
    """Give what a refine takes over from the picture that is edited."""
    params = source.params if isinstance(source, Picture) else IMPORTED if source else {}
    return {name: params[name] for name in _INHERITED if name in params}


def _exact(wishes: Wishes) -> bool:
    """Tell whether what lies outside a mask must stay."""
    return wishes.mask is not None and not wishes.soft


def _refuse_loss(wishes: Wishes) -> None:
    if wishes.format not in {None, "png"}:
        raise CellError(
            f"With a mask the result is a PNG, not {printable(str(wishes.format), 20)}: outside it, nothing changes.",
            hint="Leave the format out, or add --soft (soft=True) to take the answer as it is, all of it.",
        )


def check_save(save: str | None, kind: Format) -> None:
    """Refuse a ``--save`` that cannot be written, which should be known before the pictures are paid for.

    Raises
    ------
    CellError
        If its folder is not there, or its suffix belongs to another format than the pictures will have.
    """
    if save is None:
        return
    first = Path(save).expanduser()
    if SUFFIXES.get(first.suffix.lower(), kind) != kind or first.suffix.lower() not in {"", *SUFFIXES}:
        raise CellError(
            f"--save {printable(save, 80)}: the picture will be {kind}.",
            hint=f"Give the file the suffix of a {kind}, or add `-f` with the format that you want.",
        )
    if not first.parent.is_dir() or first.is_dir():
        what = f"the folder {first.parent} does not exist" if not first.parent.is_dir() else "it is a folder"
        raise CellError(f"--save {printable(save, 80)}: {printable(what)}.")


def save_targets(save: str, n: int) -> list[Path]:
    """Name the files that ``--save`` writes: ``sky.png``, then ``sky-2.png`` and so on."""
    first = Path(save).expanduser()
    return [first, *(first.with_name(f"{first.stem}-{index}{first.suffix}") for index in range(2, n + 1))]


def _check(request: ImageRequest) -> None:
    """Refuse what no service takes, before it costs anything; magics have checked it already, Python calls have not."""
    rules = {
        f"n is {request.n!r}: a whole number from 1 to {MAX_N}": type(request.n) is int
        and request.n in range(1, MAX_N + 1),
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
        f"fidelity '{request.fidelity}' is none of {', '.join(FIDELITIES)}": request.fidelity in {None, *FIDELITIES},
        "fidelity is about the picture that is edited, and here none is": not request.fidelity
        or request.source is not None,
        "soft is about a mask, and here is none": not request.soft or any(i.role == "mask" for i in request.inputs),
        "params must be JSON values": _travels(dict(request.params)),
        f"params may not set {', '.join(OWN_FIELDS)}": not OWN_FIELDS.keys() & dict(request.params).keys(),
    }
    for rule, kept in rules.items():
        if not kept:
            raise CellError(f"This cannot be asked for: {printable(rule)}.")


def _sized(wanted: Any) -> str:
    """Give a size in the form that travels; a pair of numbers is understood too."""
    text = "x".join(map(str, wanted)) if isinstance(wanted, (tuple, list)) else str(wanted)
    try:
        return size(text)
    except argparse.ArgumentTypeError as exc:
        raise CellError(f"This cannot be asked for: {exc}.") from exc


def _travels(value: Any) -> bool:
    """Tell whether a value can be sent: as JSON, in UTF-8."""
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _first(*values: Any) -> Any:
    return next(value for value in values if value is not None)
