"""Whether, and after how long, a failed request may be sent again. Pure.

A picture may have been paid for, so a request is repeated only where nothing can have been billed: no connection was
made, the service asked for patience, or it says itself that its own error came before the work. A reset, a silence or a
gateway's error after the request was sent says nothing of the kind, and is left to the user.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from imgmagic.errors import ApiError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from imgmagic.engines.failure import Failure

#: The longest time in seconds that is waited without asking; beyond it the error comes at once and names the time.
LONGEST_WAIT_S = 120.0

_BUSY, _UNAVAILABLE = 429, 503


def delay(
    error: ApiError, attempt: int, retries: int, jitter: Callable[[], float] = random.random
) -> tuple[float, str] | None:
    """Say how long to wait before the next attempt, and why; None if there must be none.

    Parameters
    ----------
    error
        What the attempt ended with.
    attempt
        Which attempt that was, from 1.
    retries
        How many more than the first are granted.
    jitter
        Gives a number from 0 to 1, so that kernels that failed together do not come back together.
    """
    reason = _reason(error, attempt)
    if reason is None or attempt > retries:
        return None
    told = error.failure.retry_after if error.failure is not None else None
    # A time of 0, or one that is over by this clock, is no reason to come back within the same moment.
    seconds = told or min(0.5 * 2 ** (attempt - 1), 8.0) * (1 - 0.25 * jitter())
    return (seconds, reason) if seconds <= LONGEST_WAIT_S else None


def _reason(error: ApiError, attempt: int) -> str | None:
    """Name what makes a repetition safe; None if nothing does."""
    if isinstance(error, UnreachableError):
        return "no connection" if error.may_retry else None
    return None if error.failure is None else _excuse(error.failure, attempt)


def _excuse(failure: Failure, attempt: int) -> str | None:
    if failure.code == "unsupported_content_type":
        return "Azure misrouted the edit" if attempt == 1 else None
    if failure.permanent or (not failure.json and failure.status != _BUSY):
        return None
    if failure.status == _BUSY:
        return "rate limited"
    if failure.unbilled:
        return "the service is busy" if failure.status == _UNAVAILABLE else "the service failed on its side"
    return None
