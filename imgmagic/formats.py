"""The three formats of a picture: their names, suffixes and MIME types, and how their bytes begin. Pure, no Pillow.

What is only stored, sent, looked up or shown again is recognised here, so that such a path never pays for importing a
decoder: a recorded picture whose preview is there is shown without one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imgmagic.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imgmagic.exchange import Format

#: The suffix that a file of each format gets, without its dot.
SUFFIX: Mapping[Format, str] = {"png": "png", "jpeg": "jpg", "webp": "webp"}

#: The suffixes that a user may write, with their dot, and the format that each stands for.
SUFFIXES: Mapping[str, Format] = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}

MIME: Mapping[Format, str] = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}

#: The sha256 of a picture's bytes, as it is written everywhere.
DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Preview:
    """A small encoded picture for display.

    Parameters
    ----------
    data
        JPEG, or for pictures with transparency WebP.
    mime
        Its MIME type.
    size
        Its width and height in px.
    """

    data: bytes
    mime: str
    size: tuple[int, int]


def sniff(data: bytes) -> Format:
    """Recognise the format by its first bytes.

    Raises
    ------
    ImageError
        If it is none of PNG, JPEG and WebP.
    """
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    raise ImageError("These bytes are no PNG, JPEG or WebP picture.")
