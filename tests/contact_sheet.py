"""`python -m tests.contact_sheet FILE [--columns N] [--side PX] [--only WORD]`: many sketches on one sheet, to judge.

The scenes are spelled out here rather than read from prompts, so that a sheet shows the drawing and nothing else.
"""

from __future__ import annotations

import argparse
import zlib

from PIL import Image

from imgmagic.engines.sketch import picture
from imgmagic.engines.sketch.scene import Scene, Thing

#: place, time, weather, and what is in it, each with its number after a colon.
SCENES = (
    ("beach", "day", "clear", "sun clouds palms"),
    ("island", "day", "clear", "sun clouds palms boulders:3"),
    ("lake", "sunset", "clear", "sun clouds mountains pines"),
    ("city", "night", "clear", "moon stars city"),
    ("mountains", "day", "clear", "sun clouds mountains pines"),
    ("forest", "day", "fog", "clouds pines"),
    ("harbour", "golden hour", "clear", "sun clouds sailboat"),
    ("river", "day", "clear", "sun clouds bridge trees"),
    ("meadow", "day", "clear", "sun clouds trees flowers rainbow"),
    ("desert", "golden hour", "clear", "sun clouds boulders"),
    ("sea", "day", "storm", "clouds lighthouse"),
    ("space", "day", "clear", "stars"),
    ("hills", "dawn", "clear", "sun clouds trees balloon:3 road"),
    ("snow", "day", "clear", "sun clouds mountains pines"),
    ("beach", "sunset", "clear", "sun clouds person:2 birds"),
    ("studio", "day", "clear", "house lighthouse sailboat"),
    ("sea", "dusk", "cloudy", "clouds stars sailboat:2"),
    ("lake", "day", "rain", "clouds mountains pines"),
    ("forest", "day", "snow", "clouds pines house"),
    ("hills", "night", "clear", "moon stars trees house"),
)


def scene(row: tuple[str, str, str, str]) -> Scene:
    """Make the scene of a row; its seed comes from its words."""
    place, time, weather, words = row
    parts = [each.partition(":") for each in words.split()]
    found = tuple(Thing(kind, count=int(number or 0)) for kind, _, number in parts)
    return Scene(place, time, weather, found, seed=zlib.crc32(" ".join(row).encode()))


def sheet(rows: list[tuple[str, str, str, str]], columns: int, side: int) -> Image.Image:
    """Draw the rows' scenes, each at least 512 px large, and set them side by side."""
    drawn = max(side, 512)
    whole = Image.new("RGB", (columns * side, -(-len(rows) // columns) * side))
    for number, row in enumerate(rows):
        each = picture.draw(scene(row), drawn, drawn).resize((side, side), Image.Resampling.LANCZOS)
        whole.paste(each, (number % columns * side, number // columns * side))
    return whole


def main() -> None:
    """Draw the sheet that was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.contact_sheet", description=__doc__)
    parser.add_argument("file")
    parser.add_argument("--columns", type=int, default=5)
    parser.add_argument("--side", type=int, default=320, help="px of each picture")
    parser.add_argument("--only", default="", metavar="WORD", help="only scenes with this word")
    asked = parser.parse_args()
    rows = [row for row in SCENES if asked.only in " ".join(row)]
    sheet(rows, asked.columns, asked.side).save(asked.file, quality=82)


if __name__ == "__main__":
    main()
