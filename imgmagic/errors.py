"""The errors of imgmagic, and how they look in a notebook.

::

    ImgmagicError                 never raised itself
    ├── CellError                 the magic line or the prompt cannot be read
    ├── SettingsError             no key, no endpoint, a contradiction, a bad `%config` value
    ├── ImageError                not an image, or one that cannot be used here
    ├── HistoryError              unknown or ambiguous reference; folder damaged, newer or not readable
    ├── SketchError               the built-in sketch engine does not understand an instruction
    └── ApiError                  the service refused or failed: .status .code .request_id
        ├── RefusedError          content policy: change the words
        ├── RateLimitError        too many requests: wait .retry_after seconds
        └── UnreachableError      no answer; .maybe_billed is True when the request had been sent

A subclass exists only where somebody's ``except`` would differ. Our errors are written for the person in the notebook
and hide the traceback; a bug is any other exception and shows all of it.
"""

from __future__ import annotations

import re
from typing import Any

# C0/C1 controls (an escape sequence could repaint the terminal) and the marks that reorder bidirectional text.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class ImgmagicError(Exception):
    """Base of every error that imgmagic raises on purpose.

    Parameters
    ----------
    message
        What happened, in one sentence.
    hint
        What to do next; shown on a line of its own.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message

    def _render_traceback_(self, *_ignored: object, **_too: object) -> list[str]:
        """Give IPython what to show instead of a traceback: a *list*, since a bare string breaks nbclient."""
        head, *rest = str(self).split("\n")
        return [f"\x1b[31m{type(self).__name__}\x1b[0m: {head}", *rest]


class CellError(ImgmagicError):
    """The magic line, its options or the prompt cannot be used as typed."""


class SettingsError(ImgmagicError):
    """The configuration is missing something or contradicts itself."""


class ImageError(ImgmagicError):
    """Bytes that are no usable image."""


class HistoryError(ImgmagicError):
    """A reference leads nowhere, or the history's folder cannot be used."""


class SketchError(ImgmagicError):
    """The built-in sketch engine does not understand an instruction."""


class ApiError(ImgmagicError):
    """A service answered with an error, or with something that is no answer.

    Parameters
    ----------
    message, hint
        See `ImgmagicError`.
    status
        HTTP status, or None if there was no answer.
    code
        The service's own error code, or an empty string.
    request_id
        The service's id of the exchange, or an empty string.
    """

    def __init__(
        self, message: str, *, hint: str = "", status: int | None = None, code: str = "", request_id: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.code = code
        self.request_id = request_id
        #: What the service said, reduced (`imgmagic.engines.failure.Failure`); None if it said nothing.
        self.failure: Any = None


class RefusedError(ApiError):
    """The prompt or the picture was refused by a content policy."""


class RateLimitError(ApiError):
    """Too many requests, or no quota; ``retry_after`` is in seconds, None if the service gave no time."""

    retry_after: float | None = None


class UnreachableError(ApiError):
    """No answer came; ``maybe_billed`` is True when the request had been sent."""

    maybe_billed: bool = False
    #: Whether no connection was made, so that trying again costs nothing.
    may_retry: bool = False


def harmless(text: str) -> str:
    """Take out of foreign text what could repaint a terminal or reorder a line; its lines and blanks stay."""
    return _UNSAFE.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def printable(text: str, limit: int = 300) -> str:
    """Make foreign text safe to show: one line, no control or reordering characters, shortened.

    Parameters
    ----------
    text
        Anything a user or a server wrote.
    limit
        Longest result in characters, the ellipsis included.
    """
    line = " ".join(harmless(text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
