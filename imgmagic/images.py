"""Encoded bytes and pixels: recognise, decode within limits, shrink for display.

What an engine sent is never re-encoded; this module makes *previews* of it. Decoding is bounded before it starts,
since the history's folder and an engine's answer are untrusted input.
"""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

from PIL import Image, UnidentifiedImageError

from imgmagic.errors import ImageError
from imgmagic.formats import Preview, sniff

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

    from imgmagic.exchange import Format

#: The most pixels that are decoded: the API's largest picture has 8.3 million.
MAX_PIXELS = 80_000_000

_QUALITIES = (80, 65, 50)
_HOPELESS = 3  # so many times too large, a lower quality will not do
_SMALLEST_PX = 16
_SHEET_PX = 1024


def dimensions(data: bytes) -> tuple[int, int]:
    """Read width and height in px from the header, without decoding.

    Raises
    ------
    ImageError
        If the bytes are no picture, or one with more than `MAX_PIXELS`.
    """
    return opened(data).size


def decode(data: bytes) -> Image.Image:
    """Decode a picture completely.

    Raises
    ------
    ImageError
        If the bytes are no whole picture, or one with more than `MAX_PIXELS`.
    """
    image = opened(data)
    try:
        image.load()
    except (OSError, ValueError, SyntaxError) as exc:
        raise ImageError("The picture is damaged: it cannot be decoded to its end.") from exc
    return image


def preview(image: Image.Image, side: int, budget: int) -> Preview:
    """Shrink a picture for display.

    Parameters
    ----------
    image
        Decoded, any size and mode; it is not changed.
    side
        Longest edge of the result in px; never enlarged.
    budget
        Most bytes of the result; quality, then size, is lowered until it fits.
    """
    small = image.copy() if max(image.size) <= side else _shrunk(image, side)
    if _transparent(small):
        data, size = _fitted(small.convert("RGBA"), budget, _webp)
        return Preview(data, "image/webp", size)
    data, size = _fitted(small.convert("RGB"), budget, _jpeg)
    return Preview(data, "image/jpeg", size)


def alternative(shown: Sequence[Preview], budget: int) -> Preview:
    """Make one picture of those of an output, to stand for it where no HTML is shown: a PNG or a JPEG.

    Parameters
    ----------
    shown
        The previews of the output; several become a contact sheet.
    budget
        Most bytes of the result.
    """
    sheet = _sheet([decode(each.data) for each in shown])
    if not _transparent(sheet):
        return preview(sheet, _SHEET_PX, budget)
    data, size = _fitted(_shrunk(sheet, _SHEET_PX), budget, _palette_png)
    return Preview(data, "image/png", size)


def _fitted(
    image: Image.Image, budget: int, encode: Callable[[Image.Image, int], bytes]
) -> tuple[bytes, tuple[int, int]]:
    """Lower quality, then size, until an encoding fits; give it with the size it has got."""
    while True:
        for quality in _QUALITIES:
            data = encode(image, quality)
            if len(data) <= budget or max(image.size) <= _SMALLEST_PX:
                return data, image.size
            if len(data) > _HOPELESS * budget:
                break
        scale = min(0.75, math.sqrt(budget / len(data)))
        image = _shrunk(image, max(_SMALLEST_PX, int(max(image.size) * scale)))


def _jpeg(image: Image.Image, quality: int) -> bytes:
    return _encode(image, "JPEG", quality=quality)


def _webp(image: Image.Image, quality: int) -> bytes:
    return _encode(image, "WEBP", quality=quality)


def _palette_png(image: Image.Image, _quality: int) -> bytes:
    return _encode(image.quantize(128, Image.Quantize.FASTOCTREE), "PNG")


def _sheet(images: Sequence[Image.Image]) -> Image.Image:
    """Lay pictures out in a grid as square as possible."""
    if len(images) == 1:
        return images[0]
    columns = math.ceil(math.sqrt(len(images)))
    rows = math.ceil(len(images) / columns)
    width, height = max(each.width for each in images), max(each.height for each in images)
    mode = "RGBA" if any(_transparent(each) for each in images) else "RGB"
    sheet = Image.new(mode, (columns * width, rows * height), "#00000000" if mode == "RGBA" else "white")
    for index, each in enumerate(images):
        sheet.paste(each.convert(mode), (index % columns * width, index // columns * height))
    return sheet


def _shrunk(image: Image.Image, side: int) -> Image.Image:
    small = image.copy() if image.mode not in {"P", "1"} else image.convert("RGBA" if _transparent(image) else "RGB")
    # A gap of 1 averages whole blocks first: six times quicker at 2:1, and for a preview as good.
    small.thumbnail((side, side), reducing_gap=1.0)
    return small


def _transparent(image: Image.Image) -> bool:
    """Tell whether any pixel lets the page shine through."""
    if "transparency" in image.info:
        return True
    if "A" not in image.getbands():
        return False
    low, _ = image.getchannel("A").getextrema()
    return bool(low < 255)  # type: ignore[operator]  # noqa: PLR2004


def _encode(image: Image.Image, kind: str, **options: int) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def opened(data: bytes) -> Image.Image:
    """Open a picture up to its header, without decoding.

    Raises
    ------
    ImageError
        If the bytes are no PNG, JPEG or WebP, or one with more than `MAX_PIXELS`.
    """
    sniff(data)
    try:
        image = Image.open(io.BytesIO(data), formats=["PNG", "JPEG", "WEBP"])
    except Image.DecompressionBombError as exc:
        raise ImageError(f"The picture has far more pixels than the {MAX_PIXELS:,} that are decoded.") from exc
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as exc:
        raise ImageError("The picture is damaged: its header cannot be read.") from exc
    if image.width * image.height > MAX_PIXELS:
        raise ImageError(f"The picture has {image.width}x{image.height} px; at most {MAX_PIXELS:,} are decoded.")
    return image


def encode(image: Image.Image, kind: Format) -> bytes:
    """Encode a picture anew, for a copy in another format; JPEG has no transparency and gets white behind it."""
    if kind == "jpeg":
        if _transparent(image):
            backed = Image.new("RGBA", image.size, "white")
            backed.alpha_composite(image.convert("RGBA"))
            image = backed
        return _encode(image.convert("RGB"), "JPEG", quality=95)
    return _encode(image, kind.upper(), **({"lossless": True, "exact": True} if kind == "webp" else {}))


def pixels(data: bytes) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Decode a picture to an array of shape (height, width, 3 or 4), uint8; 4 if the file has an alpha channel.

    Also one that is opaque everywhere: so an array of four channels comes back with four.
    """
    import numpy as np  # 40 ms that most cells never need

    image = decode(data)
    clear = "A" in image.getbands() or "transparency" in image.info
    return np.asarray(image.convert("RGBA" if clear else "RGB"))
