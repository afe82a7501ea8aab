"""A call that is under way: it works on a thread of its own, so that waiting for it can be given up.

The one who waits and the one who works share a `Watch`. Interrupting the wait *detaches* the call: a picture that still
arrives is paid for anyway, so it is kept, but nobody's cursor moves. Stopping it closes its connection. The moment in
which the answer is stored is taken under a lock, so that an answer is either the cell's result or a late one, never
both and never neither.

A daemon thread and a queue, rather than an executor: leaving an executor's block waits for its workers, which is just
what an interrupt must not do.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from imgmagic.errors import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imgmagic.formats import Preview

T = TypeVar("T")

#: Takes the waiting line, and what is to be seen with it if that is new: the source, tinted where a mask lets it be
#: edited (a preview), or an unfinished picture (encoded bytes).
Tell = Callable[[str, "bytes | Preview | None"], None]

#: Seconds between two looks at the waiting line.
TICK_S = 0.5


@dataclass(frozen=True, slots=True)
class Progress:
    """What a call tells while it works.

    Parameters
    ----------
    seconds
        Since it began.
    attempt
        Which attempt it is on, from 1.
    waiting_for
        Why nothing is being sent just now, or empty.
    partial
        An unfinished picture (encoded bytes) that has just come, or None.
    """

    seconds: float
    attempt: int = 1
    waiting_for: str = ""
    partial: bytes | None = None


class StoppedError(UnreachableError):
    """The call was stopped by the user."""


def stopped() -> StoppedError:
    """Say that a call was cut off after it had been sent."""
    error = StoppedError("The call was stopped: its connection is closed.", hint="It may be billed all the same.")
    error.maybe_billed = True
    return error


class Watch:
    """What the one who works and the one who waits share."""

    def __init__(self) -> None:
        self.attempt = 1
        self.detached = False
        self.stopped = False
        self._handed_over = False
        self._lock = threading.RLock()
        self._woken = threading.Event()
        self._closers: list[Callable[[], None]] = []
        self._news: queue.SimpleQueue[Progress | None] = queue.SimpleQueue()
        self._started = time.monotonic()
        self._waiting_for = ""

    # --- for the one who works ---

    def partial(self, data: bytes) -> None:
        """Hand over an unfinished picture."""
        self._news.put(self.progress(data))

    def nap(self, seconds: float, why: str) -> None:
        """Wait before the next attempt; if the call is given up meanwhile, nothing more is sent.

        Raises
        ------
        StoppedError
            If it was.
        """
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self._woken.is_set():
            self._waiting_for = f"{why}: retrying in {left:.0f} s"
            self._woken.wait(min(left, TICK_S))
        self._waiting_for = ""
        self.check()

    def until(self, changed: threading.Condition, ready: Callable[[], bool], why: str) -> None:
        """Wait until something holds; the condition, which is held by the caller, tells when to look again.

        Raises
        ------
        StoppedError
            If the call was given up meanwhile.
        """
        while not ready():
            self._waiting_for = why
            self.check()
            changed.wait(TICK_S)
        self._waiting_for = ""

    def check(self) -> None:
        """Raise if nobody wants the answer any more; called before anything is sent.

        Raises
        ------
        StoppedError
            If the call was stopped or left.
        """
        if self._woken.is_set():
            raise StoppedError("The call was given up before it was sent again.", hint="Nothing more was sent.")

    def closing(self, close: Callable[[], None]) -> None:
        """Name what cuts the connection; done at once if the call is stopped already."""
        with self._lock:
            self._closers.append(close)
            if self.stopped:
                close()

    @contextmanager
    def storing(self) -> Iterator[bool]:
        """Hold the moment in which an answer is stored; gives whether it is still waited for."""
        with self._lock:
            yield not self.detached

    # --- for the one who waits ---

    def progress(self, partial: bytes | None = None) -> Progress:
        """Say how far it is."""
        return Progress(time.monotonic() - self._started, self.attempt, self._waiting_for, partial)

    def detach(self) -> bool:
        """Leave the call alone: what it still brings is kept, but nothing is sent for it any more.

        Returns
        -------
        bool
            False if it has ended while it was waited for, so that its outcome is there to be shown.
        """
        # Said before the lock is asked for: impatient people interrupt twice, and then nobody gets as far as the lock.
        self.detached = True
        self._woken.set()
        with self._lock:
            return not self._handed_over

    def stop(self) -> None:
        """Cut the connection; who still waits for the call is told so."""
        with self._lock:
            self.stopped = True
            self._woken.set()
            for close in self._closers:
                close()

    def end(self, *, awaited: bool) -> None:
        """Tell the one who waits that there is an end."""
        self._handed_over = awaited
        self._news.put(None)

    def news(self) -> Iterator[Progress]:
        """Give what is told, at least every `TICK_S` seconds, until the end."""
        while True:
            try:
                told = self._news.get(timeout=TICK_S)
            except queue.Empty:
                yield self.progress()
                continue
            if told is None:
                return
            yield told


class Call(Generic[T]):
    """Work on its way.

    Parameters
    ----------
    work
        Done on another thread; gets the `Watch`.
    late
        Called on that thread with the outcome (a result or an exception) if nobody waited for it any more.
    """

    def __init__(self, work: Callable[[Watch], T], late: Callable[[T | BaseException], None]) -> None:
        self.watch = Watch()
        self._work, self._late = work, late
        self._result: T | None = None
        self._error: BaseException | None = None
        self._over = False
        self._thread = threading.Thread(target=self._run, daemon=True, name="imgmagic-call")

    def start(self) -> Call[T]:
        """Begin; an interrupt meanwhile leaves the call as one while waiting does."""
        try:
            self._thread.start()
        except BaseException:
            self.watch.detach()
            raise
        return self

    def wait(self, tell: Callable[[Progress], None]) -> T:
        """Wait for the end, telling what happens meanwhile.

        Raises
        ------
        KeyboardInterrupt
            If the wait was interrupted; the call goes on detached.
        """
        try:
            for told in self.watch.news():
                tell(told)
        except BaseException:
            if not self.watch.detach():
                self._late(self._outcome)
            raise
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]

    @property
    def begun(self) -> bool:
        """Whether its thread was started."""
        return self._thread.ident is not None

    @property
    def done(self) -> bool:
        """Whether it is not under way: it has ended, or was interrupted before it began."""
        return self._over or not self._thread.is_alive()

    @property
    def _outcome(self) -> T | BaseException:
        return self._error if self._error is not None else self._result  # type: ignore[return-value]

    def _run(self) -> None:
        try:
            self._result = self._work(self.watch)
        except BaseException as exc:  # noqa: BLE001  raised again on the thread that waits
            self._error = exc
        finally:
            self._end()

    def _end(self) -> None:
        """Hand the outcome to the one who waits, or to nobody in particular."""
        with self.watch.storing() as awaited:
            self._over = True  # said first: whoever is told of the end must not find the call still under way
            self.watch.end(awaited=awaited)
        if not awaited:
            self._late(self._outcome)
