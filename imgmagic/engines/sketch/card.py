"""The card: what is shown when nothing of a prompt can be drawn. The prompt's own words, set quietly on paper.

Only characters that the font bundled with Pillow really has are set; a box in place of a letter would be worse than
silence. Where little of a prompt is left, as of one in Japanese, the prompts that work are set in its place.
"""

from __future__ import annotations

import textwrap

from PIL import Image, ImageDraw, ImageFont, ImageOps

from imgmagic.engines.sketch import vocabulary
from imgmagic.engines.sketch.noise import rng
from imgmagic.engines.sketch.scene import seed_of
from imgmagic.errors import printable

#: Papers: the colour in the light, and in the shade.
_PAPERS = ("#f7f0e0 #e6d4bd", "#ebf2f5 #c7d9e3", "#f2f2e6 #d1dec7", "#f5ebed #e0c9d4")
_INK, _RULE = (58, 54, 52), (150, 140, 130)


def draw(prompt: str, width: int, height: int, variation: int = 0) -> Image.Image:
    """Set a prompt on a card of the given size (px); another variation is another paper."""
    card = _paper((width, height), seed_of("card", prompt, variation))
    pen, middle = ImageDraw.Draw(card), (width / 2, height / 2)
    words = _with_glyphs(printable(prompt, 400))
    # Long prompts are set in more and longer lines, and in whatever size fits.
    text = textwrap.fill(words, max(16, round(2.2 * (len(words) * width / height) ** 0.5)))
    if 2 * len(words) < len(prompt.strip()) or not words:
        text = "\n".join(vocabulary.EXAMPLES)
    _, _, wide, tall = pen.multiline_textbbox((0, 0), text, ImageFont.load_default(100), spacing=42)
    size = min(min(width, height) * 0.085, 76 * width / max(wide, 1), 70 * height / max(tall, 1))
    font = ImageFont.load_default(size)
    pen.multiline_text(middle, text, _INK, font, anchor="mm", spacing=size * 0.42, align="center")
    away, rule = tall * size / 200 + size, width * 0.05
    for y in (height / 2 - away, height / 2 + away):
        pen.line([(width / 2 - rule, y), (width / 2 + rule, y)], _RULE, max(1, width // 600))
    return card


def _paper(size: tuple[int, int], seed: int) -> Image.Image:
    """Give a paper on which the light falls from above and from one side."""
    random, down = rng(seed, "paper"), Image.linear_gradient("L")
    light, dark = random.choice(_PAPERS).split()
    slant = Image.blend(down, down.rotate(90), random.uniform(0.2, 0.6))
    return ImageOps.colorize(slant, light, dark).resize(size, Image.Resampling.BICUBIC)


def _with_glyphs(text: str) -> str:
    font = ImageFont.load_default(20)
    lacking = (b"", bytes(font.getmask("\uffff")))
    kept = [each for each in text if each.isspace() or bytes(font.getmask(each)) not in lacking]
    return " ".join("".join(kept).split())
