"""From a scene to encoded bytes, and from encoded bytes back to the scene inside.

A scene is composed far to near: sky, what stands at the horizon, water or land, things, falling weather, filters. The
scene travels in the file: PNG in an iTXt chunk, JPEG and WebP in the EXIF user comment.
"""

from __future__ import annotations

import io
import struct
import warnings
from typing import TYPE_CHECKING

import numpy as np
from PIL import ExifTags, Image, ImageDraw, ImageFilter, PngImagePlugin

from imgmagic.engines.sketch import city, edits, relief, shore, sky, things
from imgmagic.engines.sketch.noise import Floats, fractal, look
from imgmagic.engines.sketch.scene import LONGEST, Scene
from imgmagic.engines.sketch.view import SKYLESS, View
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
#: What Pillow raises at broken files.
_BROKEN = (OSError, ValueError, SyntaxError, TypeError, LookupError, EOFError, OverflowError, struct.error, MemoryError)


def draw(
    scene: Scene,
    width: int,
    height: int,
    *,
    transparent: bool = False,
    quality: str = "medium",
    pause: Callable[[], None] = lambda: None,
    show: Callable[[Image.Image], None] | None = None,
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
    show
        Is shown the picture when sky, land and water are painted and nothing stands in them yet.

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
        if show is not None:
            show(_image(view))
    things.paint(view, edge)
    if transparent and not (view.alpha is not None and view.alpha.any()):
        return _faded(draw(scene, width, height, quality=quality, pause=pause))
    if not transparent:
        _weather(view)
    return _finished(_image(view), scene, (width, height))


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
    """Give what is on the canvas now, RGBA if it has an alpha."""
    pixels = np.empty((view.height, view.width, 3 if view.alpha is None else 4), np.uint8)
    for top, bottom in view.bands(0, view.height):
        band: Floats = view.canvas[top:bottom]
        if view.alpha is not None:
            # The canvas began black, so its colours are premultiplied by the coverage.
            cover = view.alpha[top:bottom, :, None]
            band = np.concatenate([band / np.maximum(cover, 1e-3), cover], -1)
        pixels[top:bottom] = np.clip(band * 255 + 0.5, 0, 255)
    return Image.fromarray(pixels)


def _finished(picture: Image.Image, scene: Scene, size: tuple[int, int]) -> Image.Image:
    """Bring a picture to its size, and apply what is asked for the whole of it."""
    if picture.size != size:
        way = Image.Resampling.BICUBIC if picture.width < size[0] else Image.Resampling.BOX
        picture = picture.resize(size, way)
    alpha = picture.getchannel("A") if picture.mode == "RGBA" else None
    return edits.finished(picture.convert("RGB"), scene, alpha)


def _faded(picture: Image.Image) -> Image.Image:
    """Where nothing stands in a scene: the view itself, fading out towards its edge."""
    x, y = (np.abs(np.linspace(-1, 1, side, dtype=np.float32)) for side in picture.size)
    fade = np.clip((1 - np.hypot(x[None] ** 2, y[:, None] ** 2)) * 6, 0, 1)
    picture.putalpha(Image.fromarray((fade * 255).astype(np.uint8)))
    return picture


def _weather(view: View) -> None:
    """Draw what falls between the camera and the scene."""
    if view.scene.place in SKYLESS:
        return
    if view.scene.weather in ("rain", "storm"):
        _rain(view)
    elif view.scene.weather == "snow":
        _snow(view)


def _rain(view: View) -> None:
    tile = fractal(view.rng("weather"), 0.6, 6)
    x = view.across[None]
    strength = np.float32((0.22 if view.scene.weather == "rain" else 0.13) * min(view.scene.force, 2))
    for top, bottom in view.bands(0, view.height):
        y = (np.arange(top, bottom, dtype=np.float32) / np.float32(view.unit))[:, None]
        streak = look(tile, x * 3.1 + y * 0.42, y * 0.20) + 0.7 * look(tile, x * 1.3 + y * 0.20 + 0.5, y * 0.10)
        cover = np.clip(streak * 0.5 - 0.45, 0, 1) * strength
        view.canvas[top:bottom] += (view.light.horizon * 1.05 - view.canvas[top:bottom]) * cover[..., None]


def _snow(view: View) -> None:
    random = view.rng("weather")
    area = view.scene.force * view.width * view.height / view.unit**2
    for size, count, soft in ((0.0016, 900, 0.0), (0.0030, 420, 0.0012), (0.0065, 90, 0.0035)):
        sheet = Image.new("L", (view.width, view.height))
        pen = ImageDraw.Draw(sheet)
        for x, y, scale in random.random((int(count * area), 3)).tolist():
            r = max(0.6, size * view.unit * (0.6 + 0.7 * scale))
            pen.ellipse([x * view.width - r, y * view.height - r, x * view.width + r, y * view.height + r], fill=225)
        if soft:
            sheet = sheet.filter(ImageFilter.GaussianBlur(soft * view.unit))
        white = np.minimum(view.light.ambient * 1.2 + 0.25, 1)
        for top, bottom in view.bands(0, view.height):
            cover = np.asarray(sheet.crop((0, top, view.width, bottom)), np.float32)[..., None] * np.float32(0.8 / 255)
            view.canvas[top:bottom] += (white - view.canvas[top:bottom]) * cover


def encode(picture: Image.Image, scene: Scene | None, form: Format, quality: int | None) -> bytes:
    """Encode a picture with its scene inside; the same input gives the same bytes."""
    out = io.BytesIO()
    text = scene.to_json() if scene is not None else ""
    if form == "png":
        info = PngImagePlugin.PngInfo()
        if text:
            info.add_itxt(KEY, text)
        picture.save(out, "PNG", pnginfo=info, compress_level=3)
        return out.getvalue()
    exif = Image.Exif()
    if text:
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = b"ASCII\0\0\0" + text.encode("ascii")
    if form == "jpeg":
        picture.convert("RGB").save(out, "JPEG", quality=min(quality if quality is not None else 90, 100), exif=exif)
    else:
        picture.save(out, "WEBP", quality=quality if quality is not None else 90, method=2, exif=exif)
    return out.getvalue()


def decode(data: bytes) -> tuple[Image.Image, Scene | None]:
    """Decode a picture, and the scene inside if there is a sound one.

    Raises
    ------
    ImageError
        If the bytes are no PNG, JPEG or WebP, or have more than 40 Mpx.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP"))
            if picture.width * picture.height > LARGEST:
                raise ImageError(f"The picture has {picture.width}x{picture.height} px; at most 40 million are read.")
            picture.load()
            return picture, _scene_in(picture)
    except (*_BROKEN, Image.DecompressionBombError) as error:
        raise ImageError("The source is not a picture that can be read (PNG, JPEG or WebP).") from error


def _scene_in(picture: Image.Image) -> Scene | None:
    try:
        text = picture.info.get(KEY, "")
        if not text:
            comment = picture.getexif().get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment, b"")
            text = bytes(comment[8 : LONGEST + 9]).decode("ascii") if isinstance(comment, bytes) else ""
    except _BROKEN:
        return None
    return Scene.from_json(str(text)) if text else None
