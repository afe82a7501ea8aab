"""From a scene to encoded bytes, and from encoded bytes back to the scene inside.

A scene is composed far to near: sky, what stands at the horizon, water or land, things, falling weather, filters. The
scene travels in the file: PNG in an iTXt chunk, JPEG and WebP in the EXIF user comment.
"""

from __future__ import annotations

import io
import struct
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from PIL import ExifTags, Image, PngImagePlugin

from imgmagic.engines.sketch import city, edits, relief, shore, sky, things
from imgmagic.engines.sketch.noise import fractal, look
from imgmagic.engines.sketch.scene import LONGEST, Scene
from imgmagic.engines.sketch.view import View
from imgmagic.errors import ImageError

if TYPE_CHECKING:
    from imgmagic.exchange import Format

#: Most pixels that are decoded.
LARGEST = 40_000_000
KEY = "imgmagic:scene"
_LAND = {
    "meadow": "meadow",
    "hills": "meadow",
    "mountains": "meadow",
    "forest": "meadow",
    "desert": "desert",
    "snow": "snow",
}
_BROKEN = (
    OSError,
    ValueError,
    SyntaxError,
    TypeError,
    KeyError,
    IndexError,
    EOFError,
    OverflowError,
    struct.error,
    MemoryError,
)


#: What is drawn as something else.
_NEAREST = {"golden hour": "sunset", "island": "beach", "harbour": "city", "space": "desert", "studio": "desert"}


def draw(scene: Scene, width: int, height: int, *, transparent: bool = False) -> Image.Image:
    """Draw a scene.

    Parameters
    ----------
    scene
        What to draw.
    width, height
        Size in px.
    transparent
        Draw the standing things only, without a backdrop.

    Returns
    -------
    Image
        RGB, or RGBA if transparent.
    """
    scene = replace(scene, place=_NEAREST.get(scene.place, scene.place), time=_NEAREST.get(scene.time, scene.time))
    view = View(scene, width, height)
    edge = shore.shore_of(view) if scene.place not in _LAND else None
    if transparent:
        return _cut_out(view, edge)
    sky.paint(view)
    if scene.thing("mountains"):
        relief.mountains(view)
    if scene.thing("city"):
        city.paint(view)
    if edge is not None:
        shore.paint(view, edge)
        if edge.kind == "beach":
            relief.headland(view, edge)
    else:
        relief.land(view, "snow" if scene.weather == "snow" else _LAND[scene.place])
    things.paint(view, edge)
    _weather(view)
    picture = Image.fromarray(_bytes(view))
    return edits.finished(picture, scene)


def _bytes(view: View) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    canvas = view.canvas
    canvas *= 255
    canvas += 0.5
    np.clip(canvas, 0, 255, out=canvas)
    return canvas.astype(np.uint8)


def _cut_out(view: View, edge: shore.Shore | None) -> Image.Image:
    view.alpha = np.zeros((view.height, view.width), np.float32)
    things.paint(view, edge)
    if not view.alpha.any():
        # Nothing stands in this scene: the view itself, fading out towards its edge.
        x, y = (np.abs(np.linspace(-1, 1, side, dtype=np.float32)) for side in (view.width, view.height))
        fade = np.clip((1 - np.hypot(x[None] ** 2, y[:, None] ** 2)) * 6, 0, 1)
        picture = draw(view.scene, view.width, view.height)
        picture.putalpha(Image.fromarray((fade * 255).astype(np.uint8)))
        return picture
    alpha = view.alpha
    # The canvas began black, so its colours are premultiplied by the coverage.
    view.canvas /= np.maximum(alpha, 1e-3)[..., None]
    picture = Image.fromarray(_bytes(view))
    return edits.finished(picture, view.scene, Image.fromarray((alpha * 255 + 0.5).astype(np.uint8)))


def _weather(view: View) -> None:
    """Draw what falls between the camera and the scene."""
    weather = view.scene.weather
    random = view.rng("weather")
    if weather in ("rain", "storm"):
        tile = fractal(random, 0.6, 6)
        x = view.across[None]
        y = (np.arange(view.height, dtype=np.float32) / np.float32(view.unit))[:, None]
        streak = look(tile, x * 3.1 + y * 0.42, y * 0.20) + 0.7 * look(tile, x * 1.3 + y * 0.20 + 0.5, y * 0.10)
        amount = np.clip(streak * 0.5 - 0.45, 0, 1) * (0.22 if weather == "rain" else 0.13) * view.scene.force
        view.canvas += (view.light.horizon * 1.05 - view.canvas) * amount[..., None]
    if weather == "snow":
        _flakes(view, random)


def _flakes(view: View, random: np.random.Generator) -> None:
    from PIL import ImageDraw, ImageFilter

    area = view.width * view.height / view.unit**2 * view.scene.force
    for size, count, soft in ((0.0016, 900, 0.0), (0.0030, 420, 0.0012), (0.0065, 90, 0.0035)):
        sheet = Image.new("L", (view.width, view.height))
        pen = ImageDraw.Draw(sheet)
        for x, y, scale in random.random((int(count * area), 3)).tolist():
            r = max(0.6, size * view.unit * (0.6 + 0.7 * scale))
            pen.ellipse([x * view.width - r, y * view.height - r, x * view.width + r, y * view.height + r], fill=225)
        if soft:
            sheet = sheet.filter(ImageFilter.GaussianBlur(soft * view.unit))
        cover = np.asarray(sheet, np.float32)[..., None] * np.float32(0.8 / 255)
        view.canvas += (np.minimum(view.light.ambient * 1.2 + 0.25, 1) - view.canvas) * cover


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
