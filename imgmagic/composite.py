"""Outside a mask every pixel stays: the engine's answer is put into the source, not the source into the answer.

Models take a mask for a hint and repaint what lies outside it too. So the answer is laid over the source here, with a
seam of a few pixels that lies inside the mask only, and stored as a PNG, in which "equal" can be kept. What the engine
sent is stored beside it, bit for bit.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from imgmagic import difference, images, masks
from imgmagic.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from imgmagic.exchange import ImageRequest, ImageResponse

    Levels = NDArray[np.uint8]

#: Width of the seam in px.
FEATHER_PX = 3

_TOP = 255


def finished(request: ImageRequest, response: ImageResponse) -> ImageResponse:
    """Give an answer as it is stored: with a mask that is not soft, the source stands outside it; what changed is said.

    A picture that cannot be laid over its source is paid for all the same: it is given as it came, which is said.
    """
    mask = next((each for each in request.inputs if each.role == "mask"), None)
    if mask is None or request.source is None:
        return response
    source, alpha = images.decode(request.source.data), masks.alpha(mask.data)
    if request.soft:
        return _told(response, [_changed_softly(source, sent, alpha) for sent in response.images], ())
    weight = Image.fromarray(weights(alpha))
    pictures, changes, notes = [], [], []
    for sent in response.images:
        try:
            picture, note = _laid(source, images.decode(sent), weight)
            pictures.append(images.encode(picture, "png"))
            changes.append(_change(source, picture, alpha))
        except ImageError as exc:
            pictures.append(sent)
            changes.append("")
            note = f"the mask could not be applied, this is the whole answer: {exc.message}"
        notes += [note] if note else []
    return _told(replace(response, images=tuple(pictures), originals=response.images), changes, notes)


def _change(source: Image.Image, picture: Image.Image, alpha: Levels) -> str:
    return difference.measured(source, picture, alpha).sentence


def _changed_softly(source: Image.Image, sent: bytes, alpha: Levels) -> str:
    """Say what changed in an answer that is kept as it came, be it one that cannot be decoded."""
    try:
        return _change(source, images.decode(sent), alpha)
    except ImageError:
        return ""


def _told(response: ImageResponse, changes: Sequence[str], notes: Sequence[str]) -> ImageResponse:
    """Add to the caption what changed in each picture, and what else there is to say.

    Said once, here, where everything is decoded: so it is kept with the picture and shown again without a look at it.
    """
    several = len(changes) > 1
    said = [f".{index} {each}" if several else each for index, each in enumerate(changes, 1) if each]
    caption = "; ".join(part for part in (response.caption, *dict.fromkeys(notes), *said) if part)
    return replace(response, caption=caption)


def weights(alpha: Levels) -> Levels:
    """Say how much of the answer is taken at each pixel.

    Parameters
    ----------
    alpha
        The mask: 0 is edited, 255 kept. Shape (height, width).

    Returns
    -------
    array
        0 (the source) to 255 (the answer), 0 wherever ``alpha`` is 255. It rises over `FEATHER_PX` from the edge of the
        selection inwards, less where the selection is too narrow for that.
    """
    selected = (alpha < _TOP).astype(np.uint8)
    depth, shrinking = selected.copy(), selected
    for _ in range(FEATHER_PX):
        shrinking = _nearest(shrinking, 1, np.minimum)
        depth += shrinking
    deepest = np.maximum(_nearest(depth, FEATHER_PX, np.maximum), 1)
    ramp = depth.astype(np.uint16) * _TOP // deepest
    return ((_TOP - alpha.astype(np.uint32)) * ramp // _TOP).astype(np.uint8)


def _nearest(values: Levels, reach: int, choose: Any) -> Levels:
    """Give the least or greatest value within ``reach`` px, first along one axis, then the other."""
    for axis in (0, 1):
        # Beyond the edge the picture goes on as it is: there is no seam at its border.
        around = np.pad(values, [(reach, reach) if each == axis else (0, 0) for each in (0, 1)], mode="edge")
        length = values.shape[axis]
        found = values
        for step in range(2 * reach + 1):
            found = choose(found, np.take(around, range(step, step + length), axis=axis))
        values = found
    return values


def _laid(source: Image.Image, answer: Image.Image, weight: Image.Image) -> tuple[Image.Image, str]:
    """Lay one answer over its source; a note says if it had to be resized."""
    mode = "RGBA" if _clear(source) or _clear(answer) else "RGB"
    note = ""
    if answer.size != source.size:
        note = (
            f"the answer had {answer.width}×{answer.height} px and was resized to the source's "
            f"{source.width}×{source.height}"
        )
        answer = answer.convert(mode).resize(source.size, Image.Resampling.LANCZOS)
    return Image.composite(answer.convert(mode), source.convert(mode), weight), note


def _clear(image: Image.Image) -> bool:
    return "A" in image.getbands() or "transparency" in image.info
