"""The built-in sketch engine: pictures drawn by rules, offline, with numpy and Pillow only.

    words ─words─▶ Scene ─picture─▶ pixels ─picture─▶ bytes with the Scene inside
                     ▲                                         │
                     └───────── instructions ◀── refine ───────┘

One module per arrow, and `easel` goes along them; `vocabulary` is the data, `reading` cuts a text into what `lexicon`
knows and `clauses` into what it asks for, `rules` and `cast` are what that can change, `edits` are the plain operations
on the picture as a whole; `sky`, `relief`, `shore`, `city` and `things` draw. A picture without a scene is edited by
`photo`; a prompt in which nothing is known becomes a `card`. Importing this module loads neither numpy nor Pillow: they
come with the first picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgmagic.errors import ImageError

if TYPE_CHECKING:
    from imgmagic.calls import Watch
    from imgmagic.exchange import ImageRequest, ImageResponse

__all__ = ["SketchEngine"]

_SLOW = ("high", "xhigh", "max")


class SketchEngine:
    """Draws landscapes from words, and edits them by instruction; see `imgmagic.engines.Engine`.

    Parameters
    ----------
    partials
        Unfinished pictures to show on the way, 0 to 3; None shows one at high quality, which takes its time.
    """

    name = "sketch"
    paid = False

    def __init__(self, partials: int | None = None) -> None:
        self._partials = partials

    def partials(self, request: ImageRequest) -> int:
        """Say how many unfinished pictures are shown; only where one picture is drawn, as services do."""
        if request.n > 1:
            return 0
        return self._partials if self._partials is not None else int(request.quality in _SLOW)

    def describe(self, request: ImageRequest) -> str:  # noqa: ARG002 - the protocol's
        """Say who answers."""
        return "the built-in sketch engine"

    def region(self, data: bytes, words: str) -> bytes:
        """Find a part of a picture by its name, and give it as a mask: a PNG, transparent where the part is.

        Raises
        ------
        SketchError
            If there is no such part.
        """
        from imgmagic.engines.sketch import parts

        return parts.find(data, words)

    def make(self, request: ImageRequest, watch: Watch | None = None) -> ImageResponse:
        """Draw the pictures of a request.

        Raises
        ------
        ImageError
            If the size, the background or the source cannot be used.
        SketchError
            If an instruction is not understood or would change nothing.
        StoppedError
            If nobody wants the picture any more.
        """
        from imgmagic.calls import Watch
        from imgmagic.engines.sketch.easel import Easel

        if request.background == "transparent" and request.format == "jpeg":
            raise ImageError(
                "A JPEG cannot be transparent.", hint="Use --format png or webp with --background transparent."
            )
        easel = Easel(request, watch or Watch(), self.partials(request))
        return easel.refine() if request.operation == "refine" else easel.imagine()
