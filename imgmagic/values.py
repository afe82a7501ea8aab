"""What a value is as an image: its bytes, and what a request's key knows it by.

Pictures are known by their digest, addresses by the address, arrays, figures and PIL images by their decoded pixels
(they are encoded anew each time), everything else by its bytes. A URL is not fetched here, nor a picture of the history
read: the address or the digest is enough for a key, so that a recorded picture can be found without a network and
without a look at its source; `inputs.complete` fetches and reads when a request is sent.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes, urlsplit

from imgmagic.errors import ImageError, printable
from imgmagic.exchange import Input
from imgmagic.expressions import address, file_or_address, path_of
from imgmagic.picture import Picture

if TYPE_CHECKING:
    from imgmagic.exchange import Role

#: The most bytes of one picture that the services take, and the most pictures of one request.
MAX_BYTES = 50 * 2**20
MAX_INPUTS = 16


def given(role: Role, value: Any, size: str | None = None) -> Input:
    """Give a value as an input of a request.

    Parameters
    ----------
    role
        What it is for.
    value
        A Picture, PIL image, numpy array, matplotlib Figure or Axes, bytes, Path, ``https:`` or ``data:`` text, a path
        as text, a gallery of one picture, or anything with ``_repr_png_``.
    size
        ``WIDTHxHEIGHT`` at which a figure is drawn; anything else takes the figure's own.

    Raises
    ------
    ImageError
        If it is no image, or one that cannot be sent.
    CellError
        If it is a text that names no file.
    """
    value = _single(value)
    if isinstance(value, Picture):
        return Input(role, b"", value.number, value.digest, read=lambda: _of_picture(role, value))
    if isinstance(value, str):
        value = file_or_address(value)
    if isinstance(value, str):
        return _addressed(role, value)
    found = _read(role, value) or _drawn(role, value, size)
    if found is None:
        kind = type(value).__name__
        raise ImageError(f"A value of type {printable(kind, 60)} is no image.", hint=_hint_for(value))
    return limited(found)


def _of_picture(role: Role, picture: Picture) -> Input:
    """Read a picture of the history; one of a small recording goes on being known by the digest of its original."""
    identity = picture.digest if picture.reduced else ""
    return limited(Input.checked(role, picture.bytes, picture.file, picture.number, identity))


def spread(value: Any) -> list[Any]:
    """Give the images of a value that may be several: a list, a tuple or a gallery; anything else is one."""
    return list(value) if _is_several(value) else [value]


def fetched(url: str) -> bytes:
    """Fetch a picture that the user names, see `download.download`.

    Raises
    ------
    ImageError
        If it is not fetched, or is no picture that can be sent.
    """
    from imgmagic.coerce import from_bytes
    from imgmagic.download import download

    name = address(url)
    data = download(url, limit=MAX_BYTES, error=ImageError)
    return limited(Input("reference", from_bytes(data, name), name=name)).data


def limited(each: Input) -> Input:
    """Give an input back if it is small enough to be sent.

    Raises
    ------
    ImageError
        If it is not.
    """
    if len(each.data) >= MAX_BYTES:
        size = len(each.data) / 2**20
        raise ImageError(
            f"{each.name or f'#{each.number}'} has {size:.1f} MB as it would be sent; the services take less than "
            f"{MAX_BYTES // 2**20} MB.",
            hint="Make it smaller: image.thumbnail((2048, 2048)).",
        )
    return each


def _single(value: Any) -> Any:
    """Take the one image out of a gallery or a list."""
    if not _is_several(value):
        return value
    if len(value) != 1:
        kind = type(value).__name__
        hint = "Say which: gallery[0] is the first." if len(value) else ""
        raise ImageError(f"One image is wanted; this {printable(kind, 40)} has {len(value)}.", hint=hint)
    return value[0]


def _is_several(value: Any) -> bool:
    """Tell whether a value holds images; a list of numbers counts too, and each of them is refused by `given`."""
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray, memoryview))


def _addressed(role: Role, text: str) -> Input:
    """Read an address: a ``data:`` URI is decoded, an ``https:`` URL stands for what will be fetched."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as exc:
        raise ImageError(f"{printable(text, 80)} is no address.") from exc
    if parts.scheme.lower() == "data":
        return limited(_of_bytes(role, _decoded(text), "the data: URI"))
    if parts.scheme.lower() != "https" or not parts.hostname:
        raise ImageError(f"{printable(text, 80)} is not fetched: only https: URLs are.", hint=_DOWNLOAD)
    return Input(role, b"", identity=f"url:{text}", name=address(text))


def _decoded(uri: str) -> bytes:
    head, comma, body = uri.partition(",")
    try:
        if not comma:
            raise ValueError("no comma")
        raw = unquote_to_bytes(body)
        return base64.b64decode(re.sub(rb"\s", b"", raw), validate=True) if head.lower().endswith(";base64") else raw
    except (binascii.Error, ValueError) as exc:
        raise ImageError(f"The data: URI cannot be read ({printable(str(exc), 80)}).") from exc


def _read(role: Role, value: Any) -> Input | None:
    """Read bytes, or a file."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _of_bytes(role, bytes(value), "the picture given as bytes")
    if not isinstance(value, os.PathLike):
        return None
    path = path_of(value)
    name = printable(path.name, 120)
    try:
        if path.exists() and not path.is_file():
            raise ImageError(f"{printable(str(path), 200)} is no file.")
        if path.stat().st_size >= MAX_BYTES:
            size = path.stat().st_size / 2**20
            raise ImageError(f"{name} has {size:.1f} MB; the services take less than {MAX_BYTES // 2**20} MB.")
        data = path.read_bytes()
    except (OSError, ValueError) as exc:
        why = getattr(exc, "strerror", None) or str(exc)
        raise ImageError(f"{printable(str(path), 200)} cannot be read ({why}).") from exc
    return _of_bytes(role, data, name)


def _of_bytes(role: Role, data: bytes, name: str) -> Input:
    from imgmagic.coerce import from_bytes

    return Input(role, from_bytes(data, name), identity=hashlib.sha256(data).hexdigest(), name=name)


def _drawn(role: Role, value: Any, size: str | None) -> Input | None:
    """Encode what has pixels, or draws itself."""
    from imgmagic import coerce

    if coerce.is_array(value):
        return _of_pixels(role, coerce.from_array(value, "the array"), "the array")
    if coerce.is_pil(value):
        return _of_pixels(role, coerce.from_pil(value, "the PIL image"), "the PIL image")
    figure = _figure(value)
    if figure is not None:
        return _of_pixels(role, coerce.from_figure(figure, _pixels(size), "the figure"), "the figure")
    draw = None if isinstance(value, type) else getattr(value, "_repr_png_", None)
    if not callable(draw):
        return None
    png = draw()
    png = png[0] if isinstance(png, tuple) and png else png
    name = f"the {printable(type(value).__name__, 40)}"
    if isinstance(png, str):  # as IPython has it, a PNG may also be given in base64
        png = _decoded(f"data:;base64,{png}")
    if not isinstance(png, bytes):
        raise ImageError(f"{name} has _repr_png_, which gave no PNG but {printable(repr(png), 60)}.")
    return _of_bytes(role, png, name)


def _of_pixels(role: Role, encoded: tuple[bytes, str], name: str) -> Input:
    data, identity = encoded
    return Input(role, data, identity=identity, name=name)


def _figure(value: Any) -> Any:
    """Give the matplotlib figure that a value is or belongs to; None if there is none.

    An Axes stands for its figure only if it is alone in it: which part of a figure is meant cannot be guessed.
    """
    if isinstance(value, type):
        return None
    axes = getattr(value, "get_figure", None)
    is_axes = callable(axes) and callable(getattr(value, "get_xlim", None)) and not hasattr(value, "savefig")
    figure = axes() if is_axes and axes is not None else value
    if not callable(getattr(figure, "savefig", None)) or not hasattr(figure, "axes"):
        return None
    count = len(figure.axes)
    if not count:
        raise ImageError("The figure is empty: it has no axes.", hint="In a notebook, plt.show() ends a figure.")
    if is_axes and count > 1:
        raise ImageError(f"These axes share their figure: it has {count}.", hint="Give the figure: ax.figure.")
    return figure


def _pixels(size: str | None) -> tuple[int, int] | None:
    found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", size or "")
    return (int(found[1]), int(found[2])) if found else None


def _hint_for(value: Any) -> str:
    if isinstance(value, int):
        return f"For the picture of that number: history[{value}]."
    if hasattr(value, "__array__"):
        return "Make it an array: np.asarray(value)."
    return _WHAT_IT_MAY_BE


_WHAT_IT_MAY_BE = (
    "An image is a Picture, PIL image, numpy array, matplotlib figure, bytes, Path, https: or data: text, "
    "or anything with _repr_png_."
)
_DOWNLOAD = "Download it, look at it, and give the file."
