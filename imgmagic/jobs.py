"""Calls that nobody waits for: a `Job` stands for the result, and `Slots` lets only so many work at once.

A job is a daemon thread with a future. Interrupting a later cell does not touch it, `cancel` closes its connection, and
when the kernel ends it ends with it: the note that a paid request is on its way stays in the folder, so that the next
kernel can say "maybe billed".
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from imgmagic.calls import Tell, Watch
    from imgmagic.formats import Preview
    from imgmagic.gallery import Gallery

T = TypeVar("T", bound="Gallery | BaseException")


class Job:
    """A call in the background.

    Parameters
    ----------
    what
        Says who is asked for what.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._line = what
        self._tellers: list[Tell] = []
        self._ended: list[Callable[[Gallery | BaseException], None]] = []
        self._outcome: Gallery | BaseException | None = None
        self._lock = threading.Lock()
        self._follow: Callable[[], object] | None = None
        self._future: Future[Gallery] = Future()
        self._future.set_running_or_notify_cancel()  # from now on only our own `cancel` ends it
        self._cancel: Callable[[], None] = lambda: None
        #: Asked before it shows itself: the magics answer True while the cell runs that has shown it already.
        self.already_shown: Callable[[], bool] = lambda: False

    @classmethod
    def finished(cls, gallery: Gallery, follow: Callable[[], object] | None = None) -> Job:
        """Give a job that is done: its pictures were recorded, or were made while the cell waited.

        Parameters
        ----------
        gallery
            The pictures.
        follow
            Makes them current; left for the moment in which somebody looks at the job, as if it had just ended.
        """
        job = cls("done")
        job._follow = follow
        job._future.set_result(gallery)
        return job

    def held(self) -> Gallery | None:
        """Give the pictures to which the cursor has still to go along, or None; to ask is no look at the job."""
        return None if self._follow is None else self._future.result()

    def follow(self) -> None:
        """Let the cursor go to pictures that were there from the beginning; once, and after that it does nothing."""
        follow, self._follow = self._follow, None
        if follow is not None:
            follow()

    def listen(self, tell: Tell, ended: Callable[[Gallery | BaseException], None]) -> None:
        """Tell somebody how far it is, now and on, and, before anybody gets its result, what came of it.

        Parameters
        ----------
        tell
            Takes the waiting line, and what is to be seen with it, or None.
        ended
            Takes the pictures or what went wrong, on the job's own thread.
        """
        with self._lock:
            outcome = self._outcome
            if outcome is None:
                self._tellers.append(tell)
                self._ended.append(ended)
        if outcome is None:
            tell(self._line, None)
        else:
            ended(outcome)

    def tell(self, line: str, seen: bytes | Preview | None) -> None:
        """Tell everybody who listens how far it is."""
        with self._lock:
            self._line, tellers = line, list(self._tellers)
        for each in tellers:
            each(line, seen)

    def start(self, work: Callable[[], Gallery], cancel: Callable[[], None]) -> Job:
        """Begin.

        Parameters
        ----------
        work
            Done on a thread of its own; what it raises, `result` raises.
        cancel
            Cuts it off.
        """
        self._cancel = cancel
        threading.Thread(target=self._run, args=(work,), daemon=True, name="imgmagic-job").start()
        return self

    def _run(self, work: Callable[[], Gallery]) -> None:
        try:
            outcome = self._told(work())
        except BaseException as exc:  # noqa: BLE001  raised again by `result`
            self._future.set_exception(self._told(exc))
        else:
            self._future.set_result(outcome)

    def _told(self, outcome: T) -> T:
        """Tell everybody who listens what came of it."""
        with self._lock:
            self._outcome, listeners = outcome, list(self._ended)
        for each in listeners:
            each(outcome)
        return outcome

    def result(self, timeout: float | None = None) -> Gallery:
        """Wait for the pictures.

        Parameters
        ----------
        timeout
            The longest wait in seconds; None waits for ever.

        Raises
        ------
        ImgmagicError
            What the call failed with.
        TimeoutError
            If it is not done by then.
        """
        self.follow()
        return self._future.result(timeout)

    def done(self) -> bool:
        """Tell whether it has ended, well or not."""
        self.follow()
        return self._future.done()

    def cancel(self) -> bool:
        """Close its connection; True if it was still on its way. What had been sent may be billed all the same."""
        if self.done():
            return False
        self._cancel()
        return True

    def __await__(self) -> Generator[object, None, Gallery]:
        """Wait for the pictures; giving up the wait does not cancel the job."""
        self.follow()
        return asyncio.shield(asyncio.wrap_future(self._future)).__await__()

    def __repr__(self) -> str:
        if not self._future.done():
            return f"<Job: {self._what}, on its way>"
        error = self._future.exception()
        return f"<Job: {self._what}, {'failed' if error else 'done'}>"

    def _ipython_display_(self) -> None:
        """Show the pictures, or how far it is, unless the running cell shows it already."""
        if self.already_shown():
            return
        if self.done() and self._future.exception() is None:
            self.result()._ipython_display_()
            return
        from IPython.display import display

        display({"text/plain": repr(self)}, raw=True)


class Slots:
    """Lets a limited number of calls work at the same time."""

    def __init__(self) -> None:
        self._busy = 0
        self._freed = threading.Condition()

    @contextmanager
    def one(self, limit: int, watch: Watch) -> Iterator[None]:
        """Hold a place while the block runs; wait for one if ``limit`` are taken.

        Raises
        ------
        StoppedError
            If the call is given up while it waits.
        """
        with self._freed:
            ahead = "1 other works" if self._busy == 1 else f"{self._busy} others work"
            watch.until(self._freed, lambda: self._busy < limit, f"{ahead} first")
            self._busy += 1
        try:
            yield
        finally:
            with self._freed:
                self._busy -= 1
                self._freed.notify_all()
