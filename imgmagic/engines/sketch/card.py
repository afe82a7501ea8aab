"""The card: what is shown when nothing of a prompt can be drawn. The prompt's own words, set quietly on paper.

Only characters that the font bundled with Pillow really has are set; a box in place of a letter would be worse than
silence, and the caption says the rest.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from imgmagic.engines.sketch.noise import fractal, look, rng
from imgmagic.engines.sketch.scene import seed_of
from imgmagic.errors import printable

_PAPERS = (
    ((0.97, 0.94, 0.88), (0.90, 0.83, 0.74)),
    ((0.92, 0.95, 0.96), (0.78, 0.85, 0.89)),
    ((0.95, 0.95, 0.90), (0.82, 0.87, 0.78)),
    ((0.96, 0.92, 0.93), (0.88, 0.79, 0.83)),
)


def draw(prompt: str, width: int, height: int, variation: int = 0) -> Image.Image:
    """Set a prompt on a card of the given size (px); another variation is another paper."""
    picture = _paper(width, height, seed_of("card", prompt, variation))
    pen = ImageDraw.Draw(picture)
    font, lines = _set(printable(prompt, 400), width, height)
    leading = font.size * 1.42
    top = height / 2 - leading * len(lines) / 2
    for number, line in enumerate(lines):
        pen.text((width / 2, top + leading * (number + 0.5)), line, font=font, fill=(58, 54, 52), anchor="mm")
    rule = width * 0.05
    for y in (top - leading * 0.8, top + leading * (len(lines) + 0.8)) if lines else ():
        pen.line([(width / 2 - rule, y), (width / 2 + rule, y)], fill=(150, 140, 130), width=max(1, width // 600))
    return picture


def _paper(width: int, height: int, seed: int) -> Image.Image:
    random = rng(seed, "paper")
    light, dark = (np.asarray(each, np.float32) for each in _PAPERS[int(random.integers(len(_PAPERS)))])
    x = np.linspace(0, 1, width, dtype=np.float32)[None]
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    lean = np.float32(random.uniform(0.2, 0.6))
    shade = np.clip(y * (1 - lean) + x * lean, 0, 1) ** 1.4
    fibre = look(
        fractal(random, 1.5, 2),
        x * np.float32(0.8 * width / max(width, height)),
        y * np.float32(0.8 * height / max(width, height)),
    )
    pixels = light + (dark - light) * (shade + 0.05 * fibre)[..., None]
    return Image.fromarray((np.clip(pixels, 0, 1) * 255).astype(np.uint8))


def _set(text: str, width: int, height: int) -> tuple[ImageFont.FreeTypeFont, list[str]]:
    """Choose the largest type in which the words fit."""
    short = min(width, height)
    for size in range(int(short * 0.085), max(6, int(short * 0.02)), -max(1, short // 200)):
        font = _font(size)
        lines = _wrapped(_with_glyphs(text, font), font, width * 0.76)
        if lines is not None and len(lines) * size * 1.42 <= height * 0.72:
            return font, lines
    return font, (lines or [])[: max(1, int(height * 0.72 / (size * 1.42)))]


def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise TypeError("Pillow was built without FreeType")
    return font


def _with_glyphs(text: str, font: ImageFont.FreeTypeFont) -> str:
    missing = bytes(font.getmask("\uffff"))
    kept = {each: each.isspace() or bytes(font.getmask(each)) not in (missing, b"") for each in set(text)}
    return " ".join("".join(each for each in text if kept[each]).split())


def _wrapped(text: str, font: ImageFont.FreeTypeFont, room: float) -> list[str] | None:
    lines, line = list[str](), ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if font.getlength(longer) <= room:
            line = longer
            continue
        if font.getlength(word) > room:
            return None
        lines, line = [*lines, line], word
    return [each for each in (*lines, line) if each]
