"""What the panel needs from the rest, one small function for each, so that the panel's own code never asks twice."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from imgmagic.errors import CellError, HistoryError
from imgmagic.exchange import ImageRequest, ImageResponse
from imgmagic.prepare import Wishes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from imgmagic.gallery import Gallery
    from imgmagic.picture import Picture
    from imgmagic.studio import Studio
    from imgmagic.tree import History

    Tell = Callable[[str, "bytes | None"], None]
    Done = Callable[["Gallery | BaseException"], None]

#: The name of the mask that is kept for the next instruction.
PAINTED = "painted"


def wishes(*, mask: bytes | None, soft: bool, images: Sequence[bytes], **said: Any) -> Wishes:
    """Make what a call says besides its words.

    Raises
    ------
    CellError
        If a mask or a reference is wished for and cannot be sent.
    """
    wished = {"mask": mask, "soft": soft or None, "images": tuple(images) or None}
    more: dict[str, Any] = {name: value for name, value in wished.items() if value is not None}
    unknown = more.keys() - Wishes.__dataclass_fields__.keys()
    if unknown:
        raise CellError(f"This version cannot send {', '.join(sorted(unknown))} from the panel.")
    return Wishes(**said, **more)


class _Thread:
    """A job on a thread of its own."""

    def __init__(self, studio: Studio, work: Callable[[], Gallery], done: Done) -> None:
        self._studio, self._work, self._done = studio, work, done
        threading.Thread(target=self._run, daemon=True, name="imgmagic-panel").start()

    def cancel(self) -> None:
        """Close the connection."""
        self._studio.stop()

    def _run(self) -> None:
        try:
            result: Gallery | BaseException = self._work()
        except BaseException as exc:  # noqa: BLE001  handed over: the panel says it
            result = exc
        self._done(result)


def submit(studio: Studio, prompt: str, wishes: Wishes, source: Picture, tell: Tell, done: Done) -> Any:
    """Start a refine in the background and give its job."""
    if hasattr(studio, "submit"):
        return studio.submit("refine", prompt, wishes, source=source, tell=tell, done=done)
    return _Thread(studio, lambda: studio.make("refine", prompt, wishes, source=source, tell=tell), done)


def retake(studio: Studio, picture: Picture, tell: Tell, done: Done) -> Any:
    """Start another take in the background and give its job."""
    if hasattr(studio, "retake"):
        return _Thread(studio, lambda: studio.retake(picture.number), done)
    asked: dict[str, Any] = {name: picture.params.get(name) for name in ("size", "quality", "background", "format")}
    same = Wishes(**asked)
    work = lambda: studio.make(picture.operation, picture.prompt, same, source=picture.parent, tell=tell)  # noqa: E731
    return _Thread(studio, work, done)


def stale(history: History) -> list[int]:
    """Give the numbers of the pictures whose ancestors have been made anew."""
    found = getattr(history, "stale", None)
    return sorted(found()) if found else []


def replayed(history: History, number: int) -> bool:
    """Tell whether a picture was shown from a recording."""
    found = getattr(history, "replayed", None)
    return bool(found(number)) if found else False


def take_in(history: History, data: bytes, name: str) -> Picture:
    """Keep a foreign picture as a root, bit for bit, and make it current."""
    if hasattr(history, "take_in"):
        return history.pick(history.take_in(data))
    words = f"imported: {name}" if name else "imported"
    request = ImageRequest("imagine", words)
    return history.add(request, ImageResponse((data,), "imported", "", 0.0))[0]


def masks(studio: Studio) -> dict[str, bytes]:
    """Give the painted masks by name; the kernel's own, changed in place."""
    if not hasattr(studio, "masks"):
        vars(studio)["masks"] = {}
    found: dict[str, bytes] = studio.masks  # type: ignore[attr-defined]
    return found


def script(studio: Studio, number: int) -> str:
    """Give plain Python that makes a picture without imgmagic.

    Raises
    ------
    HistoryError
        If this version cannot write it.
    """
    try:
        from imgmagic import script as writer
    except ImportError as exc:
        raise HistoryError("This version writes no code yet.") from exc
    return str(writer.text(studio, str(number)))
