"""Make a postcard, paint its sky, and report what changed: the Python API as a typed project uses it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from typing_extensions import assert_type

import imgmagic
from imgmagic import Gallery, History, ImgmagicError, Picture, RateLimitError, Studio

if TYPE_CHECKING:
    from numpy.typing import NDArray


def upper_half(width: int, height: int) -> NDArray[np.bool_]:
    """Select the upper half."""
    mask = np.zeros((height, width), np.bool_)
    mask[: height // 2] = True
    return mask


def postcard(studio: Studio, words: str) -> Picture:
    """Draw a picture and redden its upper half."""
    gallery = studio.imagine(words, n=2, size="256x256", quality="low", label="card")
    assert_type(gallery, Gallery)
    assert_type(gallery[0], Picture)
    assert_type(gallery[:2], list[Picture])
    first = gallery[0]
    return studio.refine("make the sky red", source=first, mask=upper_half(*first.size), params={"user": "me"})[0]


def report(history: History, picture: Picture) -> str:
    """Say what became of a picture."""
    comparison = history.compare(b=picture)
    assert_type(comparison.changed, float)
    assert_type(comparison.outside, "float | None")
    assert_type(picture.parent, "Picture | None")
    assert_type(history.current, "Picture | None")
    assert_type(history["card"], Picture)
    assert_type(history.lineage(picture), list[Picture])
    assert_type(history.cost(), float)
    assert_type(picture.cost_usd, "float | None")
    assert_type(picture.credentials.present, bool)
    pixels = np.asarray(picture)
    return f"{pixels.shape[1]}x{pixels.shape[0]} {comparison.sentence}; {picture.credentials}"


def wrong(studio: Studio) -> None:
    """Hold what a type checker must refuse: never called."""
    studio.imagine(7)  # type: ignore[arg-type]
    studio.imagine("a cat", colour="red")  # type: ignore[call-arg]
    studio.refine("bluer", n="2")  # type: ignore[arg-type]
    imgmagic.imagine("a cat", colour="red")  # type: ignore[call-arg]
    studio.history.compare(1.5)  # type: ignore[arg-type]
    _ = studio.history.current.bytes  # type: ignore[union-attr]
    _ = studio.imagine("a cat").bytes  # type: ignore[attr-defined]


def of_the_kernel() -> Gallery:
    """Do the same in the running kernel's studio."""
    assert_type(imgmagic.history, History)
    made = imgmagic.imagine("a lake", size="256x256")
    assert_type(made, Gallery)
    return imgmagic.refine("make it night", made[0], fidelity="high")


def main(folder: str) -> int:
    """Make one postcard in a folder."""
    studio = Studio(home=Path(folder) / "pictures", engine="sketch")
    try:
        picture = postcard(studio, "a beach on a sunny day")
    except RateLimitError as exc:
        print(exc.retry_after, exc.status)
        return 1
    except ImgmagicError as exc:
        print(exc.message, exc.hint)
        return 1
    print(report(studio.history, picture))
    print(picture.save(Path(folder) / "card.webp"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
