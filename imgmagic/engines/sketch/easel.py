"""How one request is answered: what is read out of its words, drawn, and said under it.

An unfinished picture is the whole one, drawn smaller: at a quarter of the size it takes a tenth of the time. A call
that was left or stopped ends between two strokes: unlike a service's answer, nobody has paid for what is thrown away.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from imgmagic.calls import StoppedError
from imgmagic.engines.sketch import card, edits, instructions, photo, picture, vocabulary, words
from imgmagic.engines.sketch.lexicon import refusal
from imgmagic.engines.sketch.scene import Scene, seed_of
from imgmagic.errors import ImageError, printable

if TYPE_CHECKING:
    from PIL.Image import Image

    from imgmagic.calls import Watch
    from imgmagic.exchange import ImageRequest

_SMALLEST, _LARGEST = 256, 3840
_SIZE = re.compile(r"([0-9]{1,5})x([0-9]{1,5})", re.ASCII)
#: How many times smaller the unfinished pictures are, the first first.
_DRAFTS = (4, 3, 2)
_EXAMPLES = ", ".join(f"“{each}”" for each in vocabulary.EXAMPLES)


@dataclass(frozen=True, slots=True)
class Answer:
    """The encoded pictures, what was done and what was not, and what else is to be said or remembered."""

    images: tuple[bytes, ...]
    drawn: tuple[str, ...]
    left: tuple[str, ...]
    edited: bool = False
    size: str = ""

    @property
    def details(self) -> dict[str, object]:
        """What is to be remembered with the pictures."""
        details: dict[str, object] = {"drawn": list(self.drawn), "not_drawn": list(self.left)}
        return details | ({"size": self.size} if self.size else {})

    @property
    def caption(self) -> str:
        """What is to be said under them."""
        done = "edited" if self.edited else "drawn"
        said = [f"sketch engine: {done} by rules, not by an AI model"]
        said += [f"{done}: {', '.join(self.drawn)}"] if self.drawn else []
        said += [f"not drawn: {', '.join(self.left)}"] if self.left else []
        said += [] if self.drawn else [f"prompts that work: {_EXAMPLES}"]
        return "; ".join(said)


class Easel:
    """Answers one request.

    Parameters
    ----------
    request
        What is asked.
    watch
        Who waits for it.
    partials
        How many unfinished pictures are shown, 0 to 3.
    """

    def __init__(self, request: ImageRequest, watch: Watch, partials: int) -> None:
        self._request, self._watch, self._partials = request, watch, partials
        #: The numbers of the variations; a retake goes on where the last answer to the same request ended.
        self._variations = range(request.take, request.take + max(1, request.n))
        references = [each.data for each in request.inputs if each.role == "reference"]
        self._palette = edits.palette_of(picture.decode(each)[0] for each in references)

    @property
    def remarks(self) -> list[str]:
        """What is to be said of what goes along with the request."""
        said = ["of the reference images only the palette is used"] if self._palette else []
        return said + (["the mask is not looked at: --soft takes the whole answer"] if self._request.soft else [])

    def imagine(self) -> Answer:
        """Draw what the words say, or set them on cards if they say nothing that can be drawn."""
        size = _size(self._request.size, (1024, 1024))
        readings = [words.read_prompt(self._request.prompt, index) for index in self._variations]
        scenes = [replace(each.scene, palette=self._palette) for each in readings if each.scene is not None]
        if scenes:
            images = tuple(self._encoded(self._drawn(each, size), each) for each in scenes)
        else:
            cards = (card.draw(self._request.prompt, *size, index) for index in self._variations)
            images = tuple(map(self._encoded, cards))
        return Answer(images, readings[0].drawn, readings[0].not_drawn)

    def refine(self) -> Answer:
        """Edit the scene inside a picture, or its pixels if it has none."""
        if self._request.source is None:
            raise ImageError("There is no picture to refine.")
        source, scene = picture.decode(self._request.source.data)
        size = _size(self._request.size, source.size)
        return self._redrawn(source, scene, size) if scene is not None else self._retouched(source, size)

    def _redrawn(self, source: Image, scene: Scene, size: tuple[int, int]) -> Answer:
        before = replace(scene, palette=self._palette or scene.palette)
        reading = instructions.edit(before, self._request.prompt, different=before != scene)
        after = reading.scene or before
        if not self._request.take and self._unchanged(source, scene, after, size):
            raise refusal(f"Nothing would change in the picture by {printable(self._request.prompt, 60)!r}.")
        # The first version is as it is, the others are other compositions.
        seeds = [seed_of(after.seed, "variation", each) if each else after.seed for each in self._variations]
        scenes = [replace(after, seed=seed) for seed in seeds]
        images = tuple(self._encoded(self._drawn(each, size), each) for each in scenes)
        return Answer(images, reading.drawn, reading.not_drawn)

    def _retouched(self, source: Image, size: tuple[int, int]) -> Answer:
        edited, done, left = photo.edit(source, self._request.prompt, self._palette)
        if size != source.size:
            edited = edited.resize(size)
        # What was cut has a size of its own, which the next edit takes over.
        own = f"{edited.width}x{edited.height}" if edited.size != size else ""
        return Answer((self._encoded(edited),) * len(self._variations), done, left, edited=True, size=own)

    def _unchanged(self, source: Image, before: Scene, after: Scene, size: tuple[int, int]) -> bool:
        """Whether a new scene looks like the old one, as when its difference is hidden; small drafts tell most."""
        if ("A" in source.getbands()) != (self._request.background == "transparent"):
            return False
        return all(self._draw(before, *each) == self._draw(after, *each) for each in ((256, 256), size))

    def _drawn(self, scene: Scene, size: tuple[int, int]) -> Image:
        """Draw a scene, and show it unfinished on the way."""
        for times in _DRAFTS[: self._partials]:
            draft = self._draw(scene, max(16, size[0] // times), max(16, size[1] // times))
            self._watch.partial(self._encoded(draft))
        return self._draw(scene, *size)

    def _draw(self, scene: Scene, width: int, height: int) -> Image:
        clear, quality = self._request.background == "transparent", self._request.quality
        return picture.draw(scene, width, height, transparent=clear, quality=quality, pause=self._pause)

    def _encoded(self, image: Image, scene: Scene | None = None) -> bytes:
        return picture.encode(image, scene, self._request.format, self._request.compression)

    def _pause(self) -> None:
        """Stop if nobody wants the picture any more."""
        if self._watch.stopped or self._watch.detached:
            raise StoppedError("The drawing was stopped.", hint="Run the cell again to draw it.")


def _size(asked: str, auto: tuple[int, int]) -> tuple[int, int]:
    """Read a size; the source's own is always allowed."""
    if asked in ("auto", ""):
        return auto
    match = _SIZE.fullmatch(asked)
    size = (int(match[1]), int(match[2])) if match else (0, 0)
    if size == auto or all(_SMALLEST <= side <= _LARGEST and side % 16 == 0 for side in size):
        return size
    raise ImageError(
        f"The size {asked!r} cannot be drawn.",
        hint="Write WIDTHxHEIGHT, each side 256 to 3840 px and a multiple of 16, or auto.",
    )
