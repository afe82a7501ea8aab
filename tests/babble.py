"""Texts that nobody would type: every script, with words of the sketch engine's vocabulary among the noise."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from imgmagic.engines.sketch import lexicon

if TYPE_CHECKING:
    from collections.abc import Iterator

_SCRIPTS = [
    (0x20, 0x7E), (0xA0, 0x24F), (0x370, 0x3FF), (0x400, 0x4FF), (0x5D0, 0x5EA), (0x600, 0x6FF), (0x900, 0x97F),
    (0xE00, 0xE7F), (0x1100, 0x11FF), (0x3040, 0x30FF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0x1F300, 0x1FAFF),
    (0xFF00, 0xFFEF), (0x0, 0x1F), (0x200B, 0x206F), (0xD800, 0xDFFF), (0x10000, 0x1FFFF),
]  # fmt: skip


def babble(count: int) -> Iterator[str]:
    """Give strings of every script, with known words among them."""
    draw, known = random.Random(7), sorted(lexicon.index())
    for _ in range(count):
        parts = []
        for _ in range(draw.randrange(1, 13)):
            low, high = draw.choice(_SCRIPTS)
            noise = "".join(chr(draw.randint(low, high)) for _ in range(draw.randrange(1, 9)))
            parts.append(noise if draw.random() < 0.5 else draw.choice(known))
        yield draw.choice((" ", "", ", ")).join(parts)
