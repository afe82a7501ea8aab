"""How one request is drawn: what it says of every picture, whether it is still wanted, what is shown on the way.

The first unfinished picture is a draft of the whole at a quarter of the size, which takes a tenth of the time; the
second is the real one when only sky, land and water are painted; the third is a draft at half the size. A call that was
left or stopped ends between two strokes: unlike a service's answer, nobody has paid for what is thrown away.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from imgmagic.calls import StoppedError

if TYPE_CHECKING:
    from PIL.Image import Image

    from imgmagic.calls import Watch
    from imgmagic.engines.sketch.scene import Scene
    from imgmagic.exchange import ImageRequest


class Easel:
    """Draws the scenes of one request.

    Parameters
    ----------
    request
        What is asked: background, quality, format and compression.
    watch
        Who waits for it; None if nobody could stop it.
    partials
        How many unfinished pictures are shown, 0 to 3.
    """

    def __init__(self, request: ImageRequest, watch: Watch | None, partials: int) -> None:
        self._request, self._watch, self._partials = request, watch, partials

    def drawn(self, scene: Scene, size: tuple[int, int]) -> bytes:
        """Draw a scene and encode it."""
        return self.encoded(self.draw(scene, size, shown=True), scene)

    def draw(self, scene: Scene, size: tuple[int, int], *, shown: bool = False) -> Image:
        """Draw a scene; ``shown`` if its unfinished states are of interest."""
        partials = self._partials if shown else 0
        for share in (4, 2)[: (partials + 1) // 2]:
            self._show(self._draw(scene, (max(16, size[0] // share), max(16, size[1] // share))))
        return self._draw(scene, size, shown=partials > 1)

    def encoded(self, image: Image, scene: Scene | None) -> bytes:
        """Encode a picture as the request asks, its scene inside."""
        from imgmagic.engines.sketch import picture

        return picture.encode(image, scene, self._request.format, self._request.compression)

    def _draw(self, scene: Scene, size: tuple[int, int], *, shown: bool = False) -> Image:
        from imgmagic.engines.sketch import picture

        return picture.draw(
            scene,
            *size,
            transparent=self._request.background == "transparent",
            quality=self._request.quality,
            pause=self._pause,
            show=self._show if shown else None,
        )

    def _show(self, image: Image) -> None:
        if self._watch is not None:
            out = io.BytesIO()
            if image.mode == "RGBA":
                image.save(out, "PNG", compress_level=1)
            else:
                image.save(out, "JPEG", quality=80)
            self._watch.partial(out.getvalue())

    def _pause(self) -> None:
        """Stop if nobody wants the picture any more."""
        if self._watch is not None and (self._watch.stopped or self._watch.detached):
            raise StoppedError("The drawing was stopped.", hint="Run the cell again to draw it.")
