"""What changed between two pictures: arithmetic on every pixel. Images in; shares, a sentence and a map out.

A pixel counts as changed if one of its channels moved by more than `THRESHOLD` of 255. Without such a limit nearly all
of a picture "changes" whenever it is encoded anew: a JPEG of quality 95 moves most pixels of a photograph, and fewer
than one in a hundred by more than 8 levels (3 %), which no eye sees either. Whether pixels are *equal* is another
question, and is answered without any limit.

Two pictures of different sizes are compared at the size of the one before, which is the size of a mask too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageChops

from imgmagic.masks import percent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Levels = NDArray[np.uint8]  # shape (height, width)

#: By how many levels of 255 a channel may move before its pixel counts as changed.
THRESHOLD = 8

_TOP = 255
_INSIDE, _OUTSIDE = (255, 160, 0), (255, 0, 200)
_FAINT, _DIMMED = 0.5, 0.45


@dataclass(frozen=True, slots=True)
class Change:
    """By how much two pictures differ.

    Parameters
    ----------
    changed
        Changed pixels in per cent of all, 0 to 100.
    outside
        Changed pixels outside the mask in per cent of the changed ones; None without a mask, 0 if nothing changed.
    strayed
        How many pixels outside the mask (without one: of all) differ at all, be it by one level.
    largest
        The largest difference of a channel, 0 to 255.
    threshold
        By how many levels a channel may move before its pixel counts as changed.
    levels
        Each pixel's largest difference of a channel: shape (height, width), uint8.
    """

    changed: float
    outside: float | None
    strayed: int
    largest: int
    threshold: int
    levels: Levels = field(repr=False, compare=False)

    @property
    def sentence(self) -> str:
        """Say it in a few words, for a line below a picture."""
        if not self.largest:
            return "nothing changed: every pixel is equal"
        if not self.changed:
            return f"no pixel changed by more than {self.threshold} of {_TOP} levels"
        said = f"changed {percent(self.changed)} of pixels"
        if self.outside is None:
            return said
        if self.outside:
            return f"{said}, of which {percent(self.outside)} outside the mask"
        small = f" by more than {self.threshold} of {_TOP} levels" if self.strayed else ""
        return f"{said}, none outside the mask{small}"


def measured(
    before: Image.Image, after: Image.Image, alpha: Levels | None = None, threshold: int = THRESHOLD
) -> Change:
    """Measure by how much two pictures differ.

    Parameters
    ----------
    before, after
        Decoded; ``after`` is resized if it has another size.
    alpha
        A mask of the size of ``before``: 0 is edited, 255 kept. Everything that is not wholly kept is inside.
    threshold
        By how many levels, 0 to 255, a channel may move before its pixel counts as changed.
    """
    levels = _levels(before, fitted(before, after))
    all_of_them = levels.histogram()
    kept = all_of_them if alpha is None else levels.histogram(Image.fromarray((alpha == _TOP).astype(np.uint8) * _TOP))
    changed, strayed = sum(all_of_them[threshold + 1 :]), sum(kept[threshold + 1 :])
    return Change(
        changed=100 * changed / (levels.width * levels.height),
        outside=None if alpha is None else 100 * strayed / max(1, changed),
        strayed=sum(kept[1:]),
        largest=max(level for level, count in enumerate(all_of_them) if count),
        threshold=threshold,
        levels=np.asarray(levels),
    )


def fitted(before: Image.Image, after: Image.Image) -> Image.Image:
    """Give the picture after in the size of the one before."""
    if after.size == before.size:
        return after
    mode = "RGBA" if _clear(after) else "RGB"
    return after.convert(mode).resize(before.size, Image.Resampling.LANCZOS)


def drawn(change: Change, after: Image.Image, alpha: Levels | None, side: int) -> Image.Image:
    """Draw a map: the picture after in dim grey, and in colour what changed, the more the stronger.

    Parameters
    ----------
    change
        As measured.
    after
        The picture after.
    alpha
        The mask, or None. What changed outside it has a colour of its own.
    side
        Longest edge in px; never enlarged. A single changed pixel stays to be seen in a smaller map.
    """
    step = max(1, -(-max(change.levels.shape) // side))
    seen = np.where(change.levels > change.threshold, change.levels, 0)
    strayed = np.zeros_like(seen) if alpha is None else np.where(alpha == _TOP, seen, 0)
    grid = _coarse(seen, step)
    # Reduced first: to convert a quarter of the pixels takes a quarter of the time.
    grey = after.resize(grid.shape[::-1], Image.Resampling.BOX, reducing_gap=1.0) if step > 1 else after
    base = np.asarray(grey.convert("L").convert("RGB").resize(grid.shape[::-1])) * _DIMMED
    colour = np.where(_coarse(strayed, step)[..., None] > 0, _OUTSIDE, _INSIDE)
    weight = np.where(grid > 0, _FAINT + (1 - _FAINT) * grid / _TOP, 0)[..., None]
    chart = Image.fromarray((base * (1 - weight) + colour * weight).astype(np.uint8))
    scale = min(1, side / max(after.size))
    size = (max(1, round(after.width * scale)), max(1, round(after.height * scale)))
    return chart.resize(size, Image.Resampling.NEAREST)  # as large as the previews that it stands beside


def _levels(before: Image.Image, after: Image.Image) -> Image.Image:
    """Give each pixel's largest difference of a channel; pixels that nobody sees in either picture are equal."""
    mode = "RGBA" if _clear(before) or _clear(after) else "RGB"
    first, second = before.convert(mode), after.convert(mode)
    bands = ImageChops.difference(first, second).split()
    largest = bands[0]
    for band in bands[1:]:
        largest = ImageChops.lighter(largest, band)
    if mode == "RGBA":
        seen = ImageChops.lighter(first.getchannel("A"), second.getchannel("A"))
        largest = ImageChops.darker(largest, seen.point([0] + [_TOP] * _TOP))
    return largest


def _coarse(levels: Levels, step: int) -> Levels:
    """Give the greatest of every square of so many pixels."""
    padded = np.pad(levels, [(0, -side % step) for side in levels.shape])
    greatest = padded[::step, ::step].copy()
    for row in range(step):  # ten times as quick as to reshape and to ask for the maximum along two axes
        for column in range(step):
            np.maximum(greatest, padded[row::step, column::step], out=greatest)
    return greatest


def _clear(image: Image.Image) -> bool:
    return "A" in image.getbands() or "transparency" in image.info
