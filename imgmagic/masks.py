"""Where to edit: a MASK to a PNG that is transparent where the edit goes, as OpenAI has it.

Services disagree about masks (transparent here, white there), and so do people. So a mask is read by its kind, and what
can be read in two ways is refused with both readings: a mask that is taken the wrong way round costs money and spoils
just what was to be kept. A mask in words (``box:``, ``color:``, ``text:``) is drawn onto the source only when a request
is sent: its words and its source say already which mask it is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageColor

from imgmagic import coerce, images, values
from imgmagic.errors import CellError, ImageError, printable
from imgmagic.exchange import Input

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from imgmagic.formats import Preview

    Alpha = NDArray[np.uint8]  # shape (height, width): 0 is edited, 255 kept

#: Services take masks below this many bytes.
MAX_BYTES = 4 * 2**20

#: How far a channel may be from the colour of ``color:`` unless the mask says so.
TOLERANCE = 30

_TOP = 255
_BLACK, _WHITE = 16, 239
_MOSTLY = 1 / 3
_WORDS = re.compile(r"\s*(?P<kind>box|name|colou?r|text)\s*:(?P<rest>.*)", re.DOTALL)
_TINT, _TINTED_PX, _TINTED_BYTES = (255, 45, 85), 384, 40_000


def is_words(value: object) -> bool:
    """Tell whether a mask is said in words: ``box:…``, ``name:…``, ``color:…``, ``text:…``."""
    return isinstance(value, str) and _WORDS.fullmatch(value) is not None


def given(value: Any, painted: Mapping[str, bytes]) -> Input:
    """Read a MASK.

    Parameters
    ----------
    value
        Words, an array of bool (True is edited), or any image: white is edited in a grey one, transparent in one with
        alpha.
    painted
        What ``name:`` finds: encoded masks, transparent where the edit goes.

    Returns
    -------
    Input
        What is drawn or fetched later has no data yet.

    Raises
    ------
    CellError
        If the words cannot be read.
    ImageError
        If it can be read in two ways, or is no image.
    """
    words = _WORDS.fullmatch(value) if isinstance(value, str) else None
    if words is not None:
        return _in_words(words, painted)
    if isinstance(value, np.ndarray):
        coerce.refuse_gaps(value, "the mask")
        if value.dtype == np.bool_:
            return _of_bool(value)
        if value.dtype.kind in "iu" and value.dtype != np.uint8:  # 0 and 1 could be meant, or 0 to 255
            raise ImageError(f"The mask is an array of {value.dtype}.", hint=_WHOLE_NUMBERS)
    found = values.given("mask", value)
    if found.read is not None:  # a picture of the history is known by its digest, and read at once all the same
        found = found.read()
    return found if not found.data else read(found.data)


def read(data: bytes) -> Input:
    """Read an encoded picture as a mask.

    Raises
    ------
    ImageError
        If it can be read in two ways.
    """
    return _finished(_alpha_of(images.decode(data)))


def drawn(words: str, source: bytes, region: Callable[[bytes, str], bytes] | None) -> Input:
    """Draw a mask that is said in words.

    Parameters
    ----------
    words
        ``box:…``, ``color:…`` or ``text:…``.
    source
        The encoded picture that will be edited.
    region
        Finds a part of a picture by its name, and gives a mask; None where the engine cannot.

    Raises
    ------
    CellError
        If the words do not fit the picture, or nobody can find what they name.
    """
    kind, _, rest = words.partition(":")
    if kind == "box":
        return _finished(_boxed(rest, images.dimensions(source)))
    if kind == "color":
        return _finished(_near(rest, source))
    if region is None:
        raise CellError(
            f"text:{printable(rest, 60)}: only the sketch engine finds parts of a picture by their name.",
            hint="Say where with box:, color: or an array, or paint a mask in the panel.",
        )
    return read(region(source, rest))


def checked(mask: Input, size: tuple[int, int]) -> Input:
    """Give a mask back if it fits its source.

    Parameters
    ----------
    mask
        With its data.
    size
        Width and height of the source in px.

    Raises
    ------
    ImageError
        If the sizes differ, or it selects nothing.
    """
    width, height = images.dimensions(mask.data)
    if (width, height) != size:
        raise ImageError(
            f"The mask has {width}x{height} px, the picture that is edited {size[0]}x{size[1]} px.",
            hint="They must be equal: a mask says for every pixel whether it is edited.",
        )
    if not share(mask.data):
        raise ImageError("The mask selects nothing, so that nothing would be edited.", hint=_READINGS)
    return mask


def share(data: bytes) -> float:
    """Give how much of a picture a mask selects, in per cent."""
    return float(100 - alpha(data).mean() * 100 / _TOP)


def percent(share: float) -> str:
    """Write a share so that little is not nothing, and nearly all not all."""
    return f"{share:.0f} %" if 1 <= share <= 99 or share in {0, 100} else f"{share:.3g} %"  # noqa: PLR2004


def alpha(data: bytes) -> Alpha:
    """Give a mask's alpha channel: shape (height, width), 0 is edited and 255 kept."""
    return np.asarray(images.decode(data).convert("RGBA").getchannel("A"))


def overlay(source: bytes, mask: bytes) -> Preview:
    """Show what a mask selects: the source, tinted there."""
    picture = images.decode(source).convert("RGB")
    selected = Image.fromarray(((_TOP - alpha(mask)) * 0.6).astype(np.uint8))
    picture.paste(_TINT, (0, 0), selected)
    return images.preview(picture, _TINTED_PX, _TINTED_BYTES)


# --- words --------------------------------------------------------------------------------------------------------


def _in_words(match: re.Match[str], painted: Mapping[str, bytes]) -> Input:
    """Read a mask in words; ``name:`` is looked up at once, the others are known by what they say."""
    kind, rest = match["kind"].replace("colour", "color"), match["rest"].strip()
    if kind == "name":
        if rest not in painted:
            there = ", ".join(map(printable, painted)) or "none yet: paint one in the panel, `%images`"
            raise CellError(f"No mask is named '{printable(rest, 40)}'.", hint=f"Masks: {there}.")
        return read(painted[rest])
    if not rest:
        raise CellError(f"--mask {kind}: says nothing.", hint=_FORMS[kind])
    words = f"box:{','.join(f'{at}{unit}' for at, unit in _sides(rest))}" if kind == "box" else f"{kind}:{rest}"
    if kind == "color":
        _colour(rest)
    return Input("mask", b"", identity=f"mask:{words}", name=words)


def _sides(text: str) -> list[tuple[str, str]]:
    """Read the four sides of a box, each a number of px or per cent."""
    sides = [re.fullmatch(r"\s*(\d{1,6}(?:\.\d{1,6})?)\s*(%|px)?\s*", part) for part in text.split(",")]
    found = [(side[1], "%" if side[2] == "%" else "") for side in sides if side is not None]
    if len(found) != len(sides) or len(found) != 4 or any("." in at and not unit for at, unit in found):  # noqa: PLR2004
        raise CellError(f"--mask box:{printable(text, 60)} cannot be read.", hint=_FORMS["box"])
    return found


def _boxed(text: str, size: tuple[int, int]) -> Alpha:
    ends = [
        round(float(at) * side / 100) if unit else int(at)
        for (at, unit), side in zip(_sides(text), (*size, *size), strict=True)
    ]
    left, top, right, bottom = ends
    width, height = size
    if not (left < right <= width and top < bottom <= height):
        raise CellError(
            f"--mask box:{printable(text, 60)} is from {left},{top} to {right},{bottom} px, "
            f"and the picture has {width}x{height} px.",
            hint=_FORMS["box"],
        )
    kept = np.full((height, width), _TOP, np.uint8)
    kept[top:bottom, left:right] = 0
    return kept


def _colour(text: str) -> tuple[tuple[int, int, int], int]:
    """Read a colour and how far from it a pixel may be."""
    divider = "±" if "±" in text else r",(?=[^,()]*$)"  # a comma within rgb(…) divides nothing
    name, _, far = (part.strip() for part in re.sub(divider, "\0", text, count=1).partition("\0"))
    try:
        if far and not (far.isascii() and far.isdigit() and int(far) <= _TOP):
            raise ValueError
        red, green, blue = ImageColor.getrgb(name)[:3]
    except ValueError as exc:
        raise CellError(f"--mask color:{printable(text, 60)} cannot be read.", hint=_FORMS["color"]) from exc
    return (red, green, blue), int(far) if far else TOLERANCE


def _near(text: str, source: bytes) -> Alpha:
    """Select the pixels whose every channel is near a colour; those that nobody sees are left out."""
    colour, tolerance = _colour(text)
    pixels = images.pixels(source)
    apart = np.zeros(pixels.shape[:2], np.int16)
    for channel, wanted in enumerate(colour):
        np.maximum(apart, np.abs(pixels[..., channel].astype(np.int16) - wanted), out=apart)
    if pixels.shape[2] > len(colour):
        apart[pixels[..., 3] == 0] = _TOP + 1
    if apart.min() > tolerance:
        nearest = f"the nearest is {apart.min()} away" if apart.min() <= _TOP else "the picture is transparent"
        raise CellError(
            f"--mask color:{printable(text, 60)}: no pixel is within {tolerance} of it; {nearest}.",
            hint=_FORMS["color"],
        )
    return np.where(apart <= tolerance, 0, _TOP).astype(np.uint8)


# --- images -------------------------------------------------------------------------------------------------------


def _of_bool(array: NDArray[np.bool_]) -> Input:
    if array.ndim != 2 or not array.size:  # noqa: PLR2004
        shape = "x".join(map(str, array.shape))
        raise ImageError(f"The mask has the shape {shape}.", hint="A mask of bool is (height, width).")
    return _finished(np.where(array, 0, _TOP).astype(np.uint8))


def _alpha_of(image: Image.Image) -> Alpha:
    """Read an image as a mask: by its alpha if it has one, else as grey in which white is edited."""
    if "A" in image.getbands() or "transparency" in image.info:
        found = np.asarray(image.convert("RGBA").getchannel("A"))
        if found.min() == _TOP:
            raise ImageError("The mask has an alpha channel, but is nowhere transparent.", hint=_READINGS)
        return found
    pixels = np.asarray(image.convert("RGB"))
    if (pixels != pixels[..., :1]).any():
        raise ImageError("The mask is a colour picture without transparency.", hint=_READINGS)
    return _of_grey(pixels[..., 0])


def _of_grey(grey: Alpha) -> Alpha:
    """Read grey as white-is-edited, if it is mostly black and white."""
    if grey.max() == 1:
        raise ImageError("The mask's values are 0 and 1, which are both black.", hint="Use mask.astype(bool).")
    between = float(((grey > _BLACK) & (grey < _WHITE)).mean())
    if between > _MOSTLY:
        raise ImageError(f"The mask is {between:.0%} grey, neither black nor white.", hint=_READINGS)
    # Nearly black is black, or the noise of a JPEG would select a little of everything; nearly white is white.
    return (_TOP - np.where(grey <= _BLACK, 0, np.where(grey >= _WHITE, _TOP, grey))).astype(np.uint8)


def _finished(kept: Alpha) -> Input:
    """Encode a mask; one that is too large with its soft edges gets hard ones."""
    channel = Image.fromarray(kept)
    data = _encoded(channel)
    if len(data) >= MAX_BYTES:
        data = _encoded(channel.point([0] * 128 + [_TOP] * 128))
    if len(data) >= MAX_BYTES:
        raise ImageError(
            f"The mask has {len(data) / 2**20:.1f} MB as a PNG; services take less than {MAX_BYTES // 2**20} MB.",
            hint="It is full of single pixels: smooth it.",
        )
    return Input("mask", data, identity=coerce.identity(channel), name="a mask")


def _encoded(channel: Image.Image) -> bytes:
    mask = Image.new("RGBA", channel.size)
    mask.putalpha(channel)
    return images.encode(mask, "png")


_READINGS = (
    "A mask is read in one of two ways: with alpha, transparent is edited; without, it is black and white, and white "
    "is edited. An array of bool leaves no doubt: True is edited."
)
_WHOLE_NUMBERS = (
    "If it is edited where it is not 0: mask.astype(bool). If it is grey from 0 to 255, white edited: .astype('uint8')."
)
_FORMS = {
    "box": "Four numbers, px or per cent, left, top, right and bottom: box:0,0,512,300 or box:0%,0%,100%,40%.",
    "color": f"A name or #rrggbb, and how far a pixel may be from it, 0 to 255 ({TOLERANCE}): color:#1e90ff±40.",
    "text": "The name of a part of the picture: text:sky.",
}
