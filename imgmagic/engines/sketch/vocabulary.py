"""The vocabulary: every word that the sketch engine knows, and what it knows of what the words name.

All of it is data, in ``vocabulary.ini`` beside this file: the sections of words are `WORDS`, and every section in
capitals is here under its name.
"""

from __future__ import annotations

from configparser import ConfigParser
from pathlib import Path

#: By section and by name: the words, or what is known.
_Table = dict[str, tuple[str, ...]]


def _split(text: str) -> tuple[str, ...]:
    return tuple(" ".join(each.split()) for each in text.split(",") if each.strip())


def _read() -> dict[str, _Table]:
    parser = ConfigParser(interpolation=None, delimiters=("=",))
    parser.read_string(Path(__file__).with_name("vocabulary.ini").read_text(encoding="utf-8"))
    return {
        section: {name: _split(said) for names, said in parser.items(section) for name in _split(names)}
        for section in parser.sections()
    }


_ALL = _read()


def _one(section: str) -> dict[str, str]:
    return {name: said for name, (said,) in _ALL[section].items()}


def _factor(section: str) -> dict[str, float]:
    return {name: float(said) for name, said in _one(section).items()}


def _factors(section: str) -> dict[str, tuple[float, float]]:
    return {name: (float(one), float(other)) for name, (one, other) in _ALL[section].items()}


#: The words of each name of each section, and those that name what can be drawn.
WORDS = {section: table for section, table in _ALL.items() if section.islower()}
PLACES, TIMES, WEATHERS, THINGS, SIDES = (WORDS[each] for each in ("place", "time", "weather", "thing", "side"))
SIZES, GEOMETRY = ("small", "large"), ("crop", "zoom", "rotate", "mirror", "flip")

#: Most things of a kind that a scene may ask for by number.
MOST = 60
#: Most things of a kind that there are where nobody said how many, and no usual number is known.
MOST_USUAL = 200
KANJI_NUMBERS = {each: value for value, each in enumerate("一二三四五六七八九十", 1)} | {"両": 2}
#: Words by which things are counted in Japanese.
COUNTERS = "つ本艘隻羽匹軒人個頭枚輪台棟艇株基体"
DEGREES = _factors("DEGREES")
ALSO, COUNTED = _one("ALSO"), _one("COUNTED")
SPECIAL = {name: frozenset(words) for name, words in _ALL["SPECIAL"].items()}

#: Weathers that hide sun, moon and stars, unless these were asked for by name.
COVERED = ("overcast", "storm", "rain", "snow", "fog")
CLOUDED = ("cloudy", *COVERED)
#: Weathers without force, in the order in which there is more of them.
LADDER = ("clear", "cloudy", "overcast")
FORCES, WAVES = _factor("FORCES"), _factor("WAVES")

#: Places under no sky: no sun, moon, clouds or weather of their own.
SKYLESS = ("space", "studio")
#: Places without ground on which snow could lie.
GROUNDLESS = (*SKYLESS, "city", "sea")
BACKDROPS, BACKDROP_SIZE, BACKDROP_AMOUNT = _one("BACKDROPS"), _one("BACKDROP_SIZE"), _factor("BACKDROP_AMOUNT")
USUAL, SHOWS, PASSES_FOR = _ALL["USUAL"], _ALL["SHOWS"], _ALL["PASSES_FOR"]
REGION_OF, SKIES, GROUNDS, OWN_COLOURS = _one("REGION_OF"), _ALL["SKIES"], _ALL["GROUNDS"], _ALL["OWN_COLOURS"]

CALLED, HOMES, SEASONAL, HEEDED, ALIKE = *map(_one, ("CALLED", "HOMES", "SEASONAL")), _ALL["HEEDED"], _ALL["ALIKE"]
USUAL_NUMBER = {name: int(number) for name, number in _one("USUAL_NUMBER").items()}
#: Things that can be given a colour.
COLOURABLE = ("sailboat", "lighthouse", "house", "balloon", "flowers", "trees", "pines", "person")

COLOURS = {name: (float(red), float(green), float(blue)) for name, (red, green, blue) in _ALL["COLOURS"].items()}
ADJUSTMENTS, CONTRARY, STYLES = _factors("ADJUSTMENTS"), _one("CONTRARY"), _one("STYLES")
#: Whole-picture edits that a scene may carry, each with its strength: "darker:0.5"; see `edits`.
FILTERS = (*STYLES, *ADJUSTMENTS, *GEOMETRY, *(f"{colour} tint" for colour in COLOURS))
#: Shown when nothing was understood.
EXAMPLES = ("a beach on a sunny day", "a mountain lake at sunset", "a city skyline at night")
EXAMPLES_JAPANESE = ("晴れた日の砂浜", "夕焼けの山の湖", "夜の街並み")
