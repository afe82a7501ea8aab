"""How one request is answered: what is read out of its words, drawn, and said under it.

An unfinished picture is the whole one, drawn smaller: at a quarter of the size it takes a tenth of the time. A call
that was left or stopped ends between two strokes: unlike a service's answer, nobody has paid for what is thrown away.
"""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from imgmagic.calls import StoppedError
from imgmagic.engines.sketch import card, edits, instructions, photo, picture, vocabulary, words
from imgmagic.engines.sketch.lexicon import JAPANESE, refusal
from imgmagic.engines.sketch.scene import Scene, seed_of
from imgmagic.errors import ImageError, printable
from imgmagic.exchange import ImageResponse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL.Image import Image

    from imgmagic.calls import Watch
    from imgmagic.exchange import ImageRequest

_SMALLEST, _LARGEST = 256, 3840
#: How many times smaller the unfinished pictures are, in their order.
_DRAFTS = (4, 3, 2)


class Easel:
    """Answers one request, shows so many unfinished pictures on the way, and ends if its watch says so."""

    def __init__(self, request: ImageRequest, watch: Watch, partials: int) -> None:
        self._request, self._watch, self._partials = request, watch, partials
        self._began = time.monotonic()
        self._clear = request.background == "transparent"
        #: The numbers of the variations; a retake goes on where the last answer to the same request ended.
        self._variations = range(request.take, request.take + max(1, request.n))
        references = [each.data for each in request.inputs if each.role == "reference"]
        self._palette = edits.palette_of(picture.decode(each)[0] for each in references)

    def imagine(self) -> ImageResponse:
        """Draw what the words say, or set them on cards if they say nothing that can be drawn."""
        size = _size(self._request.size, (1024, 1024))
        readings = [words.read_prompt(self._request.prompt, index) for index in self._variations]
        scenes = [replace(each.scene, palette=self._palette) for each in readings if each.scene is not None]
        images = [self._encoded(self._painted(each, size), each) for each in scenes]
        if not scenes:
            images = [self._encoded(card.draw(self._request.prompt, *size, index)) for index in self._variations]
        return self._answer(images, readings[0].drawn, readings[0].not_drawn)

    def refine(self) -> ImageResponse:
        """Edit the scene inside a picture, or its pixels if it has none."""
        if self._request.source is None:
            raise ImageError("There is no picture to refine.")
        source, scene = picture.decode(self._request.source.data)
        size = _size(self._request.size, source.size)
        return self._redrawn(source, scene, size) if scene is not None else self._retouched(source, size)

    def _redrawn(self, source: Image, scene: Scene, size: tuple[int, int]) -> ImageResponse:
        before = replace(scene, palette=self._palette or scene.palette)
        reading = instructions.edit(before, self._request.prompt, different=before != scene)
        after = reading.scene or before
        # The first version is as it is, the others are other compositions.
        seeds = [seed_of(after.seed, "variation", each) if each else after.seed for each in self._variations]
        first, *others = (replace(after, seed=seed) for seed in seeds)
        image = self._painted(first, size)
        if not self._request.take and self._unchanged(source, scene, first, image):
            raise refusal(f"Nothing would change in the picture by {printable(self._request.prompt, 60)!r}.")
        images = [self._encoded(image, first), *(self._encoded(self._painted(each, size), each) for each in others)]
        return self._answer(images, reading.drawn, reading.not_drawn, before=words.names(scene))

    def _retouched(self, source: Image, size: tuple[int, int]) -> ImageResponse:
        edited, done, left = photo.edit(source, self._request.prompt, self._palette)
        if size != source.size:
            edited = edited.resize(size)
        # What was cut has a size of its own, which the next edit takes over.
        own = {} if edited.size == size else {"size": f"{edited.width}x{edited.height}"}
        return self._answer([self._encoded(edited)] * len(self._variations), done, left, "edited", **own)

    def _unchanged(self, source: Image, before: Scene, after: Scene, image: Image) -> bool:
        """Whether a new scene looks like the old one, as when its difference is hidden or not drawn."""
        if ("A" in source.getbands()) != self._clear:
            return False
        if source.format == "PNG" and source.size == image.size:
            return source.tobytes() == image.tobytes()
        # A lossy source, or another size: small drafts tell most, else the old scene is drawn again.
        alike = self._drawn(before, 256, 256) == self._drawn(after, 256, 256)
        return alike and self._drawn(before, *image.size) == image

    def _painted(self, scene: Scene, size: tuple[int, int]) -> Image:
        """Draw a scene, and show it unfinished on the way."""
        for times in _DRAFTS[: self._partials]:
            draft = self._drawn(scene, *(max(16, side // times) for side in size))
            self._watch.partial(self._encoded(draft))
        return self._drawn(scene, *size)

    def _drawn(self, scene: Scene, width: int, height: int) -> Image:
        quality = self._request.quality
        return picture.draw(scene, width, height, transparent=self._clear, quality=quality, pause=self._pause)

    def _pause(self) -> None:
        if self._watch.stopped or self._watch.detached:
            raise StoppedError("The drawing was stopped.", hint="Run the cell again to draw it.")

    def _encoded(self, image: Image, scene: Scene | None = None) -> bytes:
        return picture.encode(image, scene, self._request.format, self._request.compression)

    def _answer(
        self,
        images: Sequence[bytes],
        done: Sequence[str],
        left: Sequence[str],
        how: str = "drawn",
        before: Sequence[str] = (),
        **own: str,
    ) -> ImageResponse:
        """Say what was done and what not, and what there was not ``before``, if there was anything."""
        new = [each for each in done if before and each not in before]
        gone = [each for each in before if each not in (*done, *vocabulary.TIMES, "clear")]
        japanese = JAPANESE.search(self._request.prompt)
        examples = vocabulary.EXAMPLES_JAPANESE if japanese else vocabulary.EXAMPLES
        caption = {
            f"sketch engine: {how} by rules, not by an AI model": True,
            f"added: {', '.join(new)}": new,
            f"removed: {', '.join(gone)}": gone,
            f"{how}: {', '.join(done)}": done,
            "nothing of the prompt was recognised": not done,
            f"not drawn: {', '.join(left)}": left,
            f"prompts that work: {', '.join(f'“{each}”' for each in examples)}": not done,
            "of the reference images only the palette is used": self._palette,
            "the mask is not looked at: --soft takes the whole answer": self._request.soft,
        }
        return ImageResponse(
            images=tuple(images),
            engine="sketch",
            model="sketch-1",
            seconds=time.monotonic() - self._began,
            details={"drawn": list(done), "not_drawn": list(left), **own},
            caption="; ".join(said for said, so in caption.items() if so),
        )


def _size(asked: str, auto: tuple[int, int]) -> tuple[int, int]:
    """Read a size; the source's own is always allowed."""
    if asked in ("auto", ""):
        return auto
    match = re.fullmatch(r"([0-9]{1,5})x([0-9]{1,5})", asked, re.ASCII)
    size = (int(match[1]), int(match[2])) if match else (0, 0)
    if size == auto or all(_SMALLEST <= side <= _LARGEST and side % 16 == 0 for side in size):
        return size
    raise ImageError(
        f"The size {asked!r} cannot be drawn.",
        hint="Write WIDTHxHEIGHT, each side 256 to 3840 px and a multiple of 16, or auto.",
    )
