"""What the panel has made in the background: one job at a time, told as it goes, stopped on demand."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from imgmagic.errors import HistoryError, ImgmagicError, printable
from imgmagic.spot import figure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from imgmagic.formats import Preview
    from imgmagic.gallery import Gallery
    from imgmagic.jobs import Job
    from imgmagic.picture import Picture
    from imgmagic.prepare import Wishes
    from imgmagic.studio import Studio

    Push = Callable[[dict[str, Any], Sequence[bytes]], None]

log = logging.getLogger(__name__)


class Jobs:
    """The panel's one job.

    Parameters
    ----------
    studio
        Who works.
    push
        Sends a message to the front end.
    """

    def __init__(self, studio: Studio, push: Push) -> None:
        self._studio, self._push = studio, push
        self._lock = threading.RLock()
        self._job: Job | None = None
        self._line = ""

    @property
    def running(self) -> str | None:
        """What is being waited for, or None."""
        return self._line or None

    def refine(self, picture: Picture, prompt: str, wishes: Wishes) -> None:
        """Begin to edit a picture."""
        self._begin(
            f"refining #{picture.number}",
            lambda: self._studio.submit("refine", prompt, wishes, source=picture, tell=self._told, ended=self._ended),
        )

    def retake(self, picture: Picture) -> None:
        """Begin another take of a picture."""
        self._begin(
            f"another take of #{picture.number}",
            lambda: self._studio.submit_retake(picture, tell=self._told, ended=self._ended),
        )

    def stop(self) -> None:
        """Cut the connection of the panel's own job; how it ends is told as every end is."""
        with self._lock:
            if self._job is not None:
                self._job.cancel()

    def _begin(self, line: str, start: Callable[[], Job]) -> None:
        with self._lock:
            if self._line:
                raise HistoryError("The panel is busy with one instruction: wait for it, or stop it.")
            self._line = line
            self._push({"news": "begun", "line": line}, ())
            try:
                job = start()
            except BaseException:
                self._line = ""
                self._push({"news": "ended", "numbers": []}, ())
                raise
            if self._line:  # a quick one may have ended already
                self._job = job

    def _told(self, line: str, partial: bytes | Preview | None) -> None:
        self._line = printable(line)
        seen = figure(partial)
        small = seen.preview if seen is not None else None
        shown = {"mime": small.mime, "alt": seen.alt} if seen is not None and small is not None else {}
        self._push({"news": "told", "line": self._line, **shown}, [small.data] if small is not None else [])

    def _ended(self, outcome: Gallery | BaseException) -> None:
        with self._lock:
            self._job, self._line = None, ""
        if isinstance(outcome, BaseException):
            self._push({"news": "ended", "numbers": [], "error": _said(outcome)}, ())
        else:
            self._push({"news": "ended", "numbers": list(outcome.numbers), "notes": list(outcome.notes)}, ())


def _said(error: BaseException) -> str:
    """Give an error's own sentence; one that nobody foresaw is logged too."""
    if isinstance(error, ImgmagicError):
        return str(error)
    log.error("panel", exc_info=error)
    return f"{type(error).__name__}: {printable(str(error), 1_000)}"
