"""How long the sketch engine takes to read a text: prompts and instructions that people type, and what nobody would."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.table import Row, milliseconds
from tests.bench.work import Work, median

if TYPE_CHECKING:
    from collections.abc import Iterable

_MUST_S = 0.050
_BABBLE = 10_000


def measure(work: Work) -> list[Row]:
    """Read each text once per round, as a prompt and as an instruction."""
    from tests.babble import babble

    typed = [_typed("sketch_prompts.json", "prompt"), _typed("sketch_instructions.json", "instruction")]
    people = [_slowest([*typed[0], *typed[1]]) for _ in range(work.rounds)]
    nobody = [_slowest(babble(_BABBLE)) for _ in range(min(work.rounds, 2))]
    return [
        Row("words: slowest of 240 typed texts", milliseconds(people), "", "<= 50 ms", median(people) <= _MUST_S),
        Row(
            f"words: slowest of {_BABBLE:,} random texts",
            milliseconds(nobody),
            "",
            "<= 50 ms",
            median(nobody) <= _MUST_S,
        ),
    ]


def _typed(name: str, key: str) -> list[str]:
    entries = json.loads((Path(__file__).parents[1] / name).read_text(encoding="utf-8"))
    return [entry[key] for entry in entries]


def _slowest(texts: Iterable[str]) -> float:
    """Give the longest time that a text takes, in seconds; the vocabulary is read before."""
    from imgmagic.engines.sketch import instructions, words
    from imgmagic.engines.sketch.scene import Scene, Thing
    from imgmagic.errors import SketchError

    scene, slowest = Scene("beach", things=(Thing("palms"), Thing("sun"))), 0.0
    words.read_prompt("a beach")
    for text in texts:
        began = time.process_time()
        words.read_prompt(text)
        with contextlib.suppress(SketchError):
            instructions.edit(scene, text)
        slowest = max(slowest, time.process_time() - began)
    return slowest
