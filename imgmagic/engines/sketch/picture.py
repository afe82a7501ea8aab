"""From a scene to encoded bytes, and from encoded bytes back to the scene inside.

A scene is composed far to near: sky, what stands at the horizon, water or land, things, falling weather, filters. The
scene travels in the file: PNG in an iTXt chunk, JPEG and WebP in the EXIF user comment.
"""

from __future__ import annotations

import io
import struct
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
from PIL import ExifTags, Image, ImageDraw, ImageFilter, PngImagePlugin

from imgmagic import images
from imgmagic.engines.sketch import city, edits, relief, shore, sky, things
from imgmagic.engines.sketch.scene import LONGEST, Scene
from imgmagic.engines.sketch.view import View, mix
from imgmagic.engines.sketch.vocabulary import SKYLESS
from imgmagic.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from imgmagic.exchange import Format

#: Most pixels that are decoded, and that are drawn at once.
LARGEST, _DRAWN = 40_000_000, 12_000_000
KEY = "imgmagic:scene"
_LAND = ("meadow", "hills", "mountains", "forest", "desert", "snow", *SKYLESS)
#: Working resolution: how many pixels are drawn for each side of one of the picture.
_FINENESS = {"low": 0.5, "high": 1.5, "xhigh": 2.0, "max": 2.0}
#: What Pillow raises at broken metadata.
_BROKEN = (OSError, ValueError, SyntaxError, TypeError, LookupError, EOFError, OverflowError, struct.error)


def draw(
    scene: Scene,
    width: int,
    height: int,
    *,
    transparent: bool = False,
    quality: str = "medium",
    pause: Callable[[], None] = lambda: None,
) -> Image.Image:
    """Draw a scene.

    Parameters
    ----------
    scene
        What to draw.
    width, height
        Size in px.
    transparent
        Draw the standing things only, without a backdrop.
    quality
        ``low`` is drawn at half the resolution, ``high`` at one and a half times, as far as memory allows.
    pause
        Called between two strokes; what it raises ends the drawing.

    Returns
    -------
    Image
        RGB, or RGBA if transparent.
    """
    fine = min(_FINENESS.get(quality, 1.0), max(1.0, (_DRAWN / (width * height)) ** 0.5))
    view = View(scene, round(width * fine), round(height * fine), pause=pause)
    edge = shore.shore_of(view) if scene.place not in _LAND else None
    view.ground, view.road = relief.ground_of(view, edge), relief.road_of(view, edge)
    if transparent:
        view.alpha = np.zeros((view.height, view.width), np.float32)
    else:
        _backdrop(view, edge)
    things.paint(view, edge)
    if view.alpha is not None and not view.alpha.any():
        return _faded(draw(scene, width, height, quality=quality, pause=pause))
    if not transparent and scene.weather in _FALLING and scene.place not in SKYLESS:
        _weather(view)
    picture = _image(view)
    if fine != 1:
        picture = picture.resize((width, height), Image.Resampling.BICUBIC if fine < 1 else Image.Resampling.BOX)
    if scene.palette:
        picture = edits.near_palette(picture, scene.palette)
    return reduce(edits.apply, scene.filters, picture)


def _backdrop(view: View, edge: shore.Shore | None) -> None:
    """Paint all that nothing stands in front of, far to near."""
    scene = view.scene
    sky.paint(view)
    if scene.thing("mountains") or scene.place == "harbour":
        relief.mountains(view)
    if scene.thing("city"):
        city.paint(view)
    elif scene.place == "harbour":
        city.town(view)
    if edge is not None:
        shore.paint(view, edge)
    if scene.place not in SKYLESS:
        relief.land(view, edge)


def _image(view: View) -> Image.Image:
    """Give what is on the canvas, RGBA if it has an alpha."""
    canvas = view.canvas
    if view.alpha is not None:
        # The canvas began black, so its colours are premultiplied by the coverage.
        cover = view.alpha[..., None]
        canvas = np.concatenate([canvas / np.maximum(cover, 1e-3), cover], -1)
    pixels = np.empty(canvas.shape, np.uint8)
    for top, bottom in view.bands(0, view.height):
        pixels[top:bottom] = np.clip(canvas[top:bottom] * 255 + 0.5, 0, 255)
    return Image.fromarray(pixels)


def _faded(picture: Image.Image) -> Image.Image:
    """Where nothing stands in a scene: the view itself, fading out towards its edge."""
    away = Image.radial_gradient("L").point([min(max(0, 6 * (180 - level)), 255) for level in range(256)])
    picture.putalpha(away.resize(picture.size))
    return picture


#: What falls, the near last: its width and the way that it falls meanwhile in units, how many, blur, and strength.
_RAIN = ((0.0012, 0.05, 1200, 0.0005, 34), (0.0020, 0.11, 220, 0.0010, 40))
_SNOW = ((0.013, 0.012, 90, 0.0035, 225), (0.0066, 0.006, 420, 0.0014, 240), (0.0036, 0.003, 900, 0.0006, 255))
_FALLING = {"rain": _RAIN, "storm": _RAIN, "snow": _SNOW}


def _weather(view: View) -> None:
    """Draw what falls before the scene: near flakes are large, few and out of focus, drops are lines."""
    random = view.rng("weather")
    area = view.scene.force * view.width * view.height / view.unit**2
    sheet = Image.new("L", (view.width, view.height))
    for width, way, count, blur, level in _FALLING[view.scene.weather]:
        pen = ImageDraw.Draw(sheet)
        for x, y, scale in (random.random((int(count * area), 3)) * (view.width, view.height, 1)).tolist():
            size = view.unit * (0.6 + 0.7 * scale)
            fall = [x, y, x - 0.2 * way * size, y + way * size]
            pen.line(fall, fill=level, width=max(1, round(width * size)))
        sheet = sheet.filter(ImageFilter.GaussianBlur(blur * view.unit))
    colour = np.minimum(view.light.ambient * 1.2 + 0.25, 1)
    for top, bottom in view.bands(0, view.height):
        cover = np.asarray(sheet.crop((0, top, view.width, bottom)), np.float32) * np.float32(0.8 / 255)
        view.canvas[top:bottom] = mix(view.canvas[top:bottom], colour, cover)


def encode(picture: Image.Image, scene: Scene | None, form: Format, quality: int | None) -> bytes:
    """Encode a picture with its scene inside; the same input gives the same bytes."""
    chunk, exif, out = PngImagePlugin.PngInfo(), Image.Exif(), io.BytesIO()
    if scene is not None:
        chunk.add_itxt(KEY, scene.to_json())
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = b"ASCII\0\0\0" + scene.to_json().encode("ascii")
    if form == "png":
        picture.save(out, form, pnginfo=chunk, compress_level=3)
    else:
        picture = picture.convert("RGB") if form == "jpeg" else picture
        # The method is how hard WebP tries; JPEG passes over it.
        picture.save(out, form, quality=90 if quality is None else quality, method=2, exif=exif)
    return out.getvalue()


def decode(data: bytes) -> tuple[Image.Image, Scene | None]:
    """Decode a picture, and the scene inside if there is a sound one.

    Raises
    ------
    ImageError
        If the bytes are no PNG, JPEG or WebP, or have more than 40 Mpx.
    """
    width, height = images.dimensions(data)
    if width * height > LARGEST:
        raise ImageError(f"The picture has {width}x{height} px; at most 40 million are read.")
    picture = images.decode(data)
    try:
        comment = picture.getexif().get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment, b"")
        text = picture.info.get(KEY) or bytes(comment[8 : LONGEST + 9]).decode("ascii")
    except _BROKEN:
        text = ""
    return picture, Scene.from_json(str(text)) if text else None
