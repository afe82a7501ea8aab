"""What a person has in a notebook, as encoded pictures: bytes are checked and sent as they are, pixels become a PNG.

Nothing is guessed: a dtype, shape, range or mode that could mean two things is refused by its name. A picture that
needs no change is not re-encoded, so that what is sent is bit for bit what was given. Everything else becomes 8 bits a
channel, RGB or RGBA, upright, since some services refuse a palette or a single grey channel.
"""

from __future__ import annotations

import hashlib
import io
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageOps

from imgmagic import images
from imgmagic.errors import ImageError, printable
from imgmagic.formats import sniff

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Modes that are sent as they are when they come in a file.
_PLAIN = {"L", "LA", "RGB", "RGBA"}

#: Modes that lose nothing that the eye sees on their way to RGB.
_CONVERTED = {"1", "P", "PA", "CMYK", "YCbCr", "LAB", "HSV", "RGBX", "RGBa", "La", *_PLAIN}

#: Modes whose colours are multiplied by their alpha, and the modes without that.
_MULTIPLIED = {"RGBa": "RGBA", "La": "LA"}

_ORIENTATION = 0x0112
_SIXTEEN_BITS = 16
_TOP = 255

#: How the kinds of file begin that people have, and that no service takes.
_OTHERS = {
    b"GIF8": "a GIF",
    b"BM": "a BMP",
    b"II*\0": "a TIFF",
    b"MM\0*": "a TIFF",
    b"%PDF": "a PDF",
    b"<svg": "an SVG",
    b"<?xml": "an SVG or other XML",
    b"<!DOCTYPE": "an HTML page",
    b"<html": "an HTML page",
}


def from_bytes(data: bytes, name: str) -> bytes:
    """Check an encoded picture, and give it as it is sent: unchanged if that is possible.

    Parameters
    ----------
    data
        PNG, JPEG or WebP.
    name
        What to call it in an error.

    Raises
    ------
    ImageError
        If it is no such picture, damaged, animated, or too large to be decoded.
    """
    try:
        _refuse_frames(images.opened(data), "it")
        image = images.decode(data)
    except ImageError as exc:
        what = next((kind for start, kind in _OTHERS.items() if data.lstrip()[:16].startswith(start)), "")
        found = f"it is {what}, not a PNG, JPEG or WebP" if what else _lower(exc.message)
        raise ImageError(f"{name} cannot be used: {found}.", hint=_CONVERT if what else exc.hint) from exc
    sixteen = _sixteen_bits(data)
    if image.mode in _PLAIN and not sixteen and _orientation(image) == 1 and "transparency" not in image.info:
        return data
    return images.encode(_plain(_eight_bits(image) if sixteen else image, name), "png")


def from_pil(image: Image.Image, name: str) -> tuple[bytes, str]:
    """Encode a PIL image.

    Returns
    -------
    data, identity
        A PNG, and ``pixels:`` with the sha256 of mode, size and pixels.

    Raises
    ------
    ImageError
        If its mode has no one meaning as a picture, or it has several frames.
    """
    _refuse_size(image.size, name)
    _refuse_frames(image, name)
    plain = _plain(_eight_bits(image) if image.mode.startswith("I;16") else image, name)
    return images.encode(plain, "png"), identity(plain)


def from_array(array: NDArray[Any], name: str) -> tuple[bytes, str]:
    """Encode an array of shape (height, width), (height, width, 3) or (height, width, 4).

    Parameters
    ----------
    array
        uint8, or floating point from 0 to 1.
    name
        What to call it in an error.

    Raises
    ------
    ImageError
        If shape, dtype or range is another.
    """
    refuse_gaps(array, name)
    shape = "x".join(map(str, array.shape))
    if array.ndim not in {2, 3} or (array.ndim == 3 and array.shape[2] not in {3, 4}) or not array.size:  # noqa: PLR2004
        raise ImageError(f"{name} has the shape {shape or 'of a single number'}.", hint=_SHAPES)
    _refuse_size((array.shape[1], array.shape[0]), name)
    return from_pil(Image.fromarray(_uint8(array, name)), name)


def refuse_gaps(array: NDArray[Any], name: str) -> None:
    """Refuse an array of `numpy.ma` that masks some of its values: what they are as pixels is not said.

    Raises
    ------
    ImageError
        If it does.
    """
    if isinstance(array, np.ma.MaskedArray) and np.ma.is_masked(array):
        count = int(np.ma.getmaskarray(array).sum())
        raise ImageError(f"{name} is a masked array: {count:,} of its values are masked.", hint=_GAPS)


def identity(image: Image.Image) -> str:
    """Name decoded pixels: two pictures share the name exactly when mode, size and every pixel are equal."""
    head = f"{image.mode} {image.width}x{image.height} ".encode()
    return f"pixels:{hashlib.sha256(head + image.tobytes()).hexdigest()}"


def is_array(value: object) -> bool:
    """Tell whether a value is a numpy array."""
    return isinstance(value, np.ndarray)


def is_pil(value: object) -> bool:
    """Tell whether a value is a PIL image."""
    return isinstance(value, Image.Image)


def from_figure(figure: Any, size: tuple[int, int] | None, name: str) -> tuple[bytes, str]:
    """Draw a matplotlib figure, which is left as it was.

    Parameters
    ----------
    figure
        Anything with the methods of ``matplotlib.figure.Figure``; matplotlib itself is never imported here.
    size
        Width and height in px; None takes the figure's own. Its width in inches, and so the weight of its text, stays.
    name
        What to call it in an error.
    """
    out = io.BytesIO()
    if size is None:
        figure.savefig(out, format="png")
    else:
        inches = tuple(map(float, figure.get_size_inches()))
        dpi = size[0] / inches[0]
        try:
            # A hundredth of a pixel more: the renderer cuts off what rounding takes away.
            figure.set_size_inches((size[0] + 0.01) / dpi, (size[1] + 0.01) / dpi)
            # All of it, whatever `savefig.bbox` says: "tight" would cut it to another size.
            whole = getattr(figure, "bbox_inches", None)
            figure.savefig(out, format="png", dpi=dpi, bbox_inches=whole)
        finally:
            figure.set_size_inches(*inches)
    return from_pil(images.decode(out.getvalue()), name)


def _uint8(array: NDArray[Any], name: str) -> NDArray[np.uint8]:
    """Give an array's values as 0 to 255, if there is no doubt what they mean."""
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array)
    if array.dtype == np.bool_:
        raise ImageError(f"{name} is an array of bool: that is a mask, not a picture.", hint=_BOOL)
    if not np.issubdtype(array.dtype, np.floating):
        raise ImageError(f"{name} is an array of {array.dtype}.", hint=_DTYPES)
    low, high = float(array.min()), float(array.max())
    if not (low >= 0 and high <= 1):  # a NaN is refused too
        raise ImageError(f"{name} holds floating-point values from {low:g} to {high:g}, not from 0 to 1.", hint=_RANGE)
    return np.rint(array.astype(np.float64) * _TOP).astype(np.uint8)


def _plain(image: Image.Image, name: str) -> Image.Image:
    """Turn a picture upright and into RGB or RGBA."""
    if image.mode not in _CONVERTED:
        hint = "Convert it to RGB, with the range that you mean: an array of floats from 0 to 1 will do."
        raise ImageError(f"{name} has the mode {image.mode}, whose values have no fixed range.", hint=hint)
    if _orientation(image) != 1:
        image = ImageOps.exif_transpose(image)
    if image.mode in {"RGB", "RGBA"} and "transparency" not in image.info:
        return image
    image = image.convert(_MULTIPLIED.get(image.mode, image.mode))
    clear = image.mode in {"LA", "PA", "RGBA"} or "transparency" in image.info
    converted = image.convert("RGBA" if clear else "RGB")
    if image.mode not in {"P", "PA"}:
        converted.info.pop("icc_profile", None)  # it was for the other colour space
    return converted


def _eight_bits(image: Image.Image) -> Image.Image:
    """Keep the upper eight bits of a grey picture of sixteen; of colour, Pillow has kept no more anyway."""
    if image.mode in _PLAIN:
        return image
    return Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).clip(0, _TOP).astype(np.uint8))


def _sixteen_bits(data: bytes) -> bool:
    return sniff(data) == "png" and data[24:25] == bytes([_SIXTEEN_BITS])


def _orientation(image: Image.Image) -> int:
    """Read how the camera was held; 1 is upright, and so is what cannot be read."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except (SyntaxError, ValueError, TypeError, KeyError, OSError, struct.error):
        return 1


def _refuse_frames(image: Image.Image, name: str) -> None:
    frames = int(getattr(image, "n_frames", 1))
    # Phones put a second picture, such as a depth map, behind the photograph (MPO): every viewer shows the first.
    if frames > 1 and image.format != "MPO":
        raise ImageError(f"{name} is animated: it has {frames} frames.", hint=_FRAMES)


def _refuse_size(size: tuple[int, int], name: str) -> None:
    width, height = size
    if not width or not height:
        raise ImageError(f"{name} is empty: {width}x{height} px.")
    if width * height > images.MAX_PIXELS:
        raise ImageError(f"{name} has {width}x{height} px; at most {images.MAX_PIXELS:,} can be used.")


def _lower(message: str) -> str:
    return printable(message[:1].lower() + message[1:]).rstrip(".")


_CONVERT = "Save it as a PNG, or open it with PIL and give that image."
_FRAMES = "Give one of them: image.seek(0), then image.copy()."
_SHAPES = "A picture is (height, width), (height, width, 3) or (height, width, 4)."
_DTYPES = "Use uint8, or floats from 0 to 1: array.astype('uint8') where the values are 0 to 255."
_RANGE = "Scale it to 0 to 1, or use array.astype('uint8') where the values are 0 to 255."
_GAPS = "Say what they are: array.filled(0)."
_BOOL = "Use it as --mask, or make it a picture: array.astype('uint8') * 255."
