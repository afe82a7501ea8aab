"""Content credentials (C2PA): whether an encoded picture carries a manifest, and what a note in the file does to one.

A manifest is signed and holds a hash of the file around it. So what an engine sent is kept byte for byte, and nothing
is ever written into it; only a copy may get text, and the copy's manifest then fails its check. Whether a manifest is
genuine is not looked at here: that takes certificates and a tool that is kept up to date with them.

PNG keeps it in a chunk ``caBX``, JPEG in segments APP11 (JUMBF boxes), WebP in a chunk ``C2PA``. Only the outline of a
file is walked through, within its bounds: it is untrusted input.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imgmagic.formats import sniff

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from imgmagic.exchange import Format

    Parts = Iterator[tuple[bytes, bytes]]

_PNG_START, _PNG_HEADER = 8, 33
_JPEG_ALONE = {0x01, *range(0xD0, 0xD8)}  # markers without a length
_JPEG_PIXELS, _JPEG_APP11 = 0xDA, 0xEB


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """Whether a picture carries content credentials; true or false accordingly. They are not verified.

    Parameters
    ----------
    place
        Where in the file they are; empty if there are none.
    size
        Their size in bytes.
    in_original
        Whether what the engine sent carries them. It may, where the picture does not: one that was laid into its source
        by a mask is a new file.
    """

    place: str = ""
    size: int = 0
    in_original: bool = False

    @property
    def present(self) -> bool:
        """Whether the picture carries them."""
        return bool(self.place)

    def __bool__(self) -> bool:
        return self.present

    def __repr__(self) -> str:
        return f"<Credentials: {self}>"

    def __str__(self) -> str:
        if self.place:
            return f"content credentials (C2PA), {self.size:,} bytes in {self.place}, not verified"
        return "no content credentials" + ("; picture.original carries some" if self.in_original else "")


def read(data: bytes, original: bytes | None = None) -> Credentials:
    """Look for content credentials.

    Parameters
    ----------
    data
        An encoded picture; a damaged one is looked at as far as it goes.
    original
        What the engine sent, where that is something else.

    Raises
    ------
    ImageError
        If ``data`` is no PNG, JPEG or WebP.
    """
    place, find = _PLACES[sniff(data)]
    size = find(data)
    in_original = bool(size) if original is None else bool(read(original))
    return Credentials(place if size else "", size, in_original)


def annotated(png: bytes, notes: Mapping[str, str]) -> bytes:
    """Give a copy of a PNG with notes in it; nothing else of the file changes.

    Parameters
    ----------
    png
        A whole PNG.
    notes
        Text by keyword, which is 1 to 79 letters of ASCII; empty texts are left out.
    """
    chunks = b"".join(_itxt(keyword, text) for keyword, text in notes.items() if text)
    return png[:_PNG_HEADER] + chunks + png[_PNG_HEADER:]


def _itxt(keyword: str, text: str) -> bytes:
    """Write a chunk of international text, uncompressed, of no said language."""
    body = b"iTXt" + keyword.encode("ascii") + b"\0\0\0\0\0" + text.replace("\0", "").encode("utf-8", "replace")
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))


# --- the outlines of files ----------------------------------------------------------------------------------------


def _of_png(data: bytes) -> int:
    return sum(len(body) for name, body in _png_chunks(data) if name == b"caBX")


def _of_webp(data: bytes) -> int:
    return sum(len(body) for name, body in _riff_chunks(data) if name == b"C2PA")


def _of_jpeg(data: bytes) -> int:
    """Count what is in JUMBF segments; other things than C2PA may be kept in such."""
    boxes = [body for body in _app11(data) if body.startswith(b"JP")]
    return sum(map(len, boxes)) if any(b"c2pa" in body for body in boxes) else 0


def _png_chunks(data: bytes) -> Parts:
    at = _PNG_START
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        at += 12 + length


def _riff_chunks(data: bytes) -> Parts:
    at = 12
    while at + 8 <= len(data):
        (length,) = struct.unpack_from("<I", data, at + 4)
        yield data[at : at + 4], data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def _app11(data: bytes) -> Iterator[bytes]:
    """Give the segments APP11 that stand before the pixels."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:  # noqa: PLR2004
        marker = data[at + 1]
        if marker == _JPEG_PIXELS:
            return
        if marker in _JPEG_ALONE or marker == 0xFF:  # noqa: PLR2004  a fill byte
            at += 1 if marker == 0xFF else 2  # noqa: PLR2004
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        if marker == _JPEG_APP11:
            yield data[at + 4 : at + 2 + length]
        at += 2 + max(2, length)


_PLACES: dict[Format, tuple[str, Callable[[bytes], int]]] = {
    "png": ("the PNG's chunk caBX", _of_png),
    "jpeg": ("the JPEG's segments APP11", _of_jpeg),
    "webp": ("the WebP's chunk C2PA", _of_webp),
}
