"""Small parts that several tests use: a real engine that paints at once, and ways to look at what a cell showed."""

import hashlib
import io
import time

from PIL import Image

from imgmagic.exchange import ImageResponse


def png(words, index, size=(64, 48)):
    """Paint a small picture that depends on the words."""
    seed = hashlib.sha256(f"{words} {index}".encode()).digest()
    image = Image.frombytes("RGB", (8, 6), (seed * 5)[: 8 * 6 * 3]).resize(size)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def encoded(image, kind="PNG", **options):
    """Encode an image, or an array of pixels."""
    out = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(out, kind, **options)
    return out.getvalue()


class Painter:
    """An engine that answers at once, for tests of what comes after an engine."""

    name = "painter"
    paid = False

    def describe(self, _request):
        return "the painter"

    def make(self, request, _watch):
        started = time.monotonic()
        images = tuple(png(request.prompt, index) for index in range(request.n))
        return ImageResponse(images, "painter", "brush", time.monotonic() - started)
