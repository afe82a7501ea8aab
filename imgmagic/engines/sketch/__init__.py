"""The built-in sketch engine: pictures drawn by rules, offline, with numpy and Pillow only.

    words ─words─▶ Scene ─picture─▶ pixels ─picture─▶ bytes with the Scene inside
                     ▲                                         │
                     └───────── instructions ◀── refine ───────┘

One module per arrow; `vocabulary` is the data, `lexicon`, `reading` and `clauses` find it in a text, `rules` and `cast`
are what a text can change, `edits` are the plain operations on the picture as a whole; `sky`, `relief`, `shore`, `city`
and `things` draw. A picture without a scene is edited by `photo`; a prompt in which nothing is known becomes a `card`.
Importing this module loads neither numpy nor Pillow: they come with the first picture.
"""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from imgmagic.engines.sketch import instructions, vocabulary, words
from imgmagic.engines.sketch.easel import Easel
from imgmagic.engines.sketch.lexicon import refusal
from imgmagic.engines.sketch.scene import seed_of
from imgmagic.errors import ImageError, printable
from imgmagic.exchange import ImageResponse

if TYPE_CHECKING:
    from PIL.Image import Image

    from imgmagic.calls import Watch
    from imgmagic.engines.sketch.scene import Scene
    from imgmagic.exchange import ImageRequest

__all__ = ["SketchEngine"]

_CAPTION = "sketch engine: drawn by rules, not by an AI model"
_SMALLEST, _LARGEST = 256, 3840
_SLOW = ("high", "xhigh", "max")
_SIZE = re.compile(r"([0-9]{1,5})x([0-9]{1,5})", re.ASCII)


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
        began = time.monotonic()
        transparent = request.background == "transparent"
        if transparent and request.format == "jpeg":
            raise ImageError(
                "A JPEG cannot be transparent.", hint="Use --format png or webp with --background transparent."
            )
        easel = Easel(request, watch, self.partials(request))
        answer = _refine(request, easel) if request.operation == "refine" else _imagine(request, easel)
        images, details, caption = answer
        return ImageResponse(
            images=images,
            engine="sketch",
            model="sketch-1",
            seconds=time.monotonic() - began,
            details=details,
            caption="; ".join((caption, *_besides(request))),
        )


def _besides(request: ImageRequest) -> list[str]:
    """Say what became of what goes along with a request."""
    roles = {each.role for each in request.inputs}
    said = ["of the reference images only the palette is used"] if "reference" in roles else []
    return said + (["the mask is not looked at: --soft takes the whole answer"] if request.soft else [])


def _palette(request: ImageRequest) -> tuple[int, ...]:
    """Give the palette of the reference images; empty if there are none."""
    references = [each.data for each in request.inputs if each.role == "reference"]
    if not references:
        return ()
    from imgmagic.engines.sketch import edits, picture

    return edits.palette_of(picture.decode(each)[0] for each in references)


#: The encoded pictures, what is to be remembered of them, and their caption.
_Answer = tuple[tuple[bytes, ...], dict[str, object], str]


def _details(drawn: tuple[str, ...], left: tuple[str, ...]) -> dict[str, object]:
    return {"drawn": list(drawn), "not_drawn": list(left)}


def _imagine(request: ImageRequest, easel: Easel) -> _Answer:
    size = _size(request.size, (1024, 1024))
    readings = [words.read_prompt(request.prompt, index) for index in _indices(request)]
    first = readings[0]
    if first.scene is None:
        return _cards(request, *size), _details((), first.not_drawn), _card_caption(first.not_drawn)
    palette = _palette(request)
    scenes = [replace(each.scene, palette=palette) for each in readings if each.scene is not None]
    images = tuple(easel.drawn(each, size) for each in scenes)
    return images, _details(first.drawn, first.not_drawn), _caption(first.drawn, first.not_drawn)


def _indices(request: ImageRequest) -> range:
    """Give the numbers of the variations; a retake goes on where the last answer to the same request ended."""
    return range(request.take, request.take + max(1, request.n))


def _refine(request: ImageRequest, easel: Easel) -> _Answer:
    from imgmagic.engines.sketch import picture

    if request.source is None:
        raise ImageError("There is no picture to refine.")
    source, scene = picture.decode(request.source.data)
    size = _size(request.size, source.size)
    palette = _palette(request)
    if scene is None:
        return _retouched(request, source, size, palette)
    before = replace(scene, palette=palette) if palette else scene
    reading = instructions.edit(before, request.prompt, different=before != scene)
    versions = [_varied(reading.scene, index) for index in _indices(request) if reading.scene is not None]
    first = easel.draw(versions[0], size, shown=True)
    if not request.take and _unchanged(source, scene, versions[0], first, easel):
        raise refusal(f"Nothing would change in the picture by {printable(request.prompt, 60)!r}.")
    images = (easel.encoded(first, versions[0]), *(easel.drawn(each, size) for each in versions[1:]))
    return images, _details(reading.drawn, reading.not_drawn), _caption(reading.drawn, reading.not_drawn)


def _retouched(request: ImageRequest, source: Image, size: tuple[int, int], palette: tuple[int, ...]) -> _Answer:
    """Edit a picture that has no scene."""
    from imgmagic.engines.sketch import photo, picture

    edited, done, left = photo.edit(source, request.prompt, palette)
    if size != source.size:
        edited = edited.resize(size)
    # What was cut has a size of its own, which the next edit takes over.
    details = _details(done, left) | ({} if edited.size == size else {"size": f"{edited.width}x{edited.height}"})
    data = picture.encode(edited, None, request.format, request.compression)
    start = f"sketch engine: edited by rules, not by an AI model; edited: {', '.join(done)}"
    return (data,) * max(1, request.n), details, _caption((), left, start)


def _unchanged(source: Image, before: Scene, after: Scene, image: Image, easel: Easel) -> bool:
    """Whether a new scene looks like the old one, as when its difference is hidden or not drawn."""
    if ("A" in source.getbands()) != ("A" in image.getbands()):
        return False
    if source.format == "PNG" and (source.size, source.mode) == (image.size, image.mode):
        return source.tobytes() == image.tobytes()
    # A lossy source, or another size: small drafts tell most, else the old scene is drawn again.
    drafts = [easel.draw(each, (256, 256)).tobytes() for each in (before, after)]
    return drafts[0] == drafts[1] and easel.draw(before, image.size).tobytes() == image.tobytes()


def _varied(scene: Scene, index: int) -> Scene:
    """Give the first version as it is and the others in another composition."""
    return replace(scene, seed=seed_of(scene.seed, "variation", index)) if index else scene


def _cards(request: ImageRequest, width: int, height: int) -> tuple[bytes, ...]:
    from imgmagic.engines.sketch import card, picture

    def encoded(image: Image) -> bytes:
        return picture.encode(image, None, request.format, request.compression)

    return tuple(encoded(card.draw(request.prompt, width, height, index)) for index in _indices(request))


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


def _caption(drawn: tuple[str, ...], left: tuple[str, ...], start: str = _CAPTION) -> str:
    said = [start, f"drawn: {', '.join(drawn)}" if drawn else "", f"not drawn: {', '.join(left)}" if left else ""]
    return "; ".join(each for each in said if each)


def _card_caption(left: tuple[str, ...]) -> str:
    examples = ", ".join(f"“{each}”" for each in vocabulary.EXAMPLES)
    return f"{_caption((), left)}; prompts that work: {examples}"
