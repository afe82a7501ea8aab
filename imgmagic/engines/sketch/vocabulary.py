"""The vocabulary: every word that the sketch engine knows, and what it knows of what the words name. All of it is data.

The words stand in ``vocabulary.ini``, beside this file, by sections (`WORDS`); here stand the facts.
"""

from __future__ import annotations

from configparser import ConfigParser
from pathlib import Path


def _read() -> dict[str, dict[str, tuple[str, ...]]]:
    parser = ConfigParser(interpolation=None, delimiters=("=",))
    parser.read_string(Path(__file__).with_name("vocabulary.ini").read_text(encoding="utf-8"))
    return {
        section: {
            name: tuple(" ".join(word.split()) for word in words.split(",")) for name, words in parser.items(section)
        }
        for section in parser.sections()
    }


#: The words of each name of each section.
WORDS = _read()
PLACES, TIMES, WEATHERS, THINGS = (WORDS[each] for each in ("place", "time", "weather", "thing"))
SIDES, SIZES, RESIZED, GEOMETRY = (
    WORDS["side"],
    ("small", "large"),
    ("smaller", "larger"),
    ("crop", "zoom", "rotate", "mirror", "flip"),
)

#: Most things of a kind that a scene may ask for by number.
MOST = 60
#: Most things of a kind that there are where nobody said how many, and no usual number is known.
MOST_USUAL = 200
KANJI_NUMBERS = {each: value for value, each in enumerate("一二三四五六七八九十", 1)} | {"両": 2}
#: Words by which things are counted in Japanese.
COUNTERS = "つ本艘隻羽匹軒人個頭枚輪台棟艇株基体"
#: How much: sign and strength.
DEGREES = {"more": (1, 1.0), "less": (-1, 1.0), "slightly": (0, 0.5), "very": (0, 1.6), "many": (1, 1.0)}

# Times and weathers

#: Weathers that hide sun, moon and stars, unless these were asked for by name.
COVERED = ("overcast", "storm", "rain", "snow", "fog")
#: Words for a weather that also take the clouds away, and those that name one only where no other is named.
CLOUDLESS = ("cloudless", "快晴", "雲ひとつない", "雲一つない")
SEASONS = ("winter", "wintry", "冬", "冬の")
#: What is a little less of a weather, and a little more.
LIGHTER = {"overcast": "cloudy", "cloudy": "clear"}
HEAVIER = {"clear": "cloudy", "cloudy": "overcast"}
#: Factor of rain, snow or fog, and of the waves.
FORCES = {"heavy": 1.6, "light": 0.6}
WAVES = {"calm": 0.5, "rough": 1.7}

# Places

#: Places under no sky: no sun, moon, clouds or weather of their own.
SKYLESS = ("space", "studio")
#: A place that is only the backdrop of another is one of its things; how that differs from the thing itself.
BACKDROPS = {"mountains": "mountains", "city": "city", "forest": "pines", "hills": "mountains"}
BACKDROP_SIZE, BACKDROP_AMOUNT = {"hills": "small"}, {"forest": 1.8}
#: What a place has without being asked for.
USUAL = {
    "beach": ("palms",),
    "island": ("palms",),
    "harbour": ("sailboat",),
    "lake": ("mountains", "pines"),
    "river": ("mountains", "trees"),
    "snow": ("mountains", "pines"),
    "meadow": ("trees", "flowers"),
    "hills": ("trees",),
    "forest": ("pines",),
    "city": ("city",),
    "mountains": ("mountains", "pines"),
    "space": ("stars",),
    **dict.fromkeys(("sea", "desert", "studio"), ()),
}
#: What a place or a weather shows by itself, and what else it passes for where that was said too.
SHOWS = {
    **dict.fromkeys(("beach", "island", "harbour"), ("sea",)),
    "space": ("planet",),
    "storm": ("rain", "overcast"),
    "rain": ("overcast",),
    "snow": ("overcast",),
}
PASSES_FOR = {
    "island": ("lake", "beach", "river"),
    "beach": ("harbour",),
    "sunset": ("golden hour", "dusk"),
    "golden hour": ("sunset", "dusk"),
    "dusk": ("sunset",),
    "fog": ("overcast",),
}
#: The region that a place stands for where it is given a colour: "make the beach red" means its sand.
REGION_OF = {
    **dict.fromkeys(("sea", "lake", "river", "harbour"), "water"),
    **dict.fromkeys(("beach", "island", "desert", "meadow", "hills", "snow"), "ground"),
}
#: Colours that sky, ground and things have by themselves: there is more of them, and nothing is left out.
SKIES = {
    "day": ("blue",),
    "night": ("black", "blue"),
    "dusk": ("blue",),
    **dict.fromkeys(("sunset", "golden hour", "dawn"), ("orange", "gold")),
}
GROUNDS = {
    **dict.fromkeys(("meadow", "hills", "forest", "mountains", "lake", "river"), ("green",)),
    **dict.fromkeys(("beach", "desert", "island"), ("gold", "yellow")),
    "snow": ("white",),
}
OWN_COLOURS = {
    "clouds": ("white", "grey"),
    "sun": ("yellow", "orange", "gold"),
    "moon": ("white", "yellow", "grey", "gold"),
    "stars": ("white",),
    "birds": ("white", "grey", "black"),
    "boulders": ("grey", "brown"),
    "mountains": ("blue", "white", "grey", "green"),
    **dict.fromkeys(("palms", "pines", "trees"), ("green",)),
    **dict.fromkeys(("road", "bridge"), ("brown", "grey")),
}

# Things

#: The names in English where a scene calls them otherwise; scenes drawn by earlier versions are still read.
CALLED = {
    "palms": "palm",
    "pines": "pine",
    "trees": "tree",
    "birds": "bird",
    "flowers": "flower",
    "boulders": "boulder",
}
PLACE_CALLED = {"snow": "snowfield"}
#: Where a thing is at home, when the prompt names no place; the first of these things decides.
HOMES = {
    "palms": "beach",
    "bridge": "river",
    **dict.fromkeys(("lighthouse", "sailboat"), "sea"),
    "city": "city",
    **dict.fromkeys(("flowers", "house", "trees", "road", "boulders", "person"), "meadow"),
    "pines": "forest",
    "birds": "sea",
    "balloon": "meadow",
    "sun": "sea",
    "moon": "lake",
    "stars": "mountains",
}
#: How many of a thing there are when no number was said.
USUAL_NUMBER = {"palms": 6, "sailboat": 1, "lighthouse": 1, "house": 1, "balloon": 1, "birds": 9, "person": 1}
#: What of a thing its drawing heeds, besides its colour; anything else said of it would change nothing.
HEEDED = {
    **dict.fromkeys(("sun", "moon"), ("side", "size", "height")),
    **dict.fromkeys(("stars", "clouds", "flowers"), ("amount",)),
    **dict.fromkeys(("rainbow", "city", "road", "bridge"), ()),
    "mountains": ("size",),
    **dict.fromkeys(
        ("palms", "pines", "trees", "sailboat", "lighthouse", "house", "birds", "balloon", "boulders", "person"),
        ("count", "amount", "side", "size"),
    ),
}


def heeded(kind: str) -> frozenset[str]:
    """Give what of a thing its drawing heeds; nothing of an unknown one."""
    return frozenset(HEEDED.get(kind, ()))


#: Things that can be given a colour.
COLOURABLE = ("sailboat", "lighthouse", "house", "balloon", "flowers", "trees", "pines", "person")

# Tones and styles

#: The colour of the leaves in a season.
SEASONAL = {"autumn": "orange"}
#: Red, green and blue, 0 to 1.
COLOURS = {
    "blue": (0.13, 0.40, 0.86),
    "red": (0.80, 0.15, 0.14),
    "orange": (0.95, 0.52, 0.16),
    "yellow": (0.96, 0.80, 0.24),
    "gold": (0.92, 0.70, 0.28),
    "green": (0.25, 0.60, 0.26),
    "turquoise": (0.12, 0.68, 0.70),
    "purple": (0.46, 0.25, 0.68),
    "pink": (0.95, 0.54, 0.68),
    "white": (0.95, 0.95, 0.95),
    "black": (0.10, 0.10, 0.12),
    "grey": (0.55, 0.57, 0.60),
    "brown": (0.46, 0.31, 0.19),
}
#: Adjectives of tone: factor of saturation, factor of value.
ADJUSTMENTS = {
    "deeper": (1.5, 0.86),
    "vivid": (1.55, 1.0),
    "muted": (0.6, 1.0),
    "brighter": (1.0, 1.16),
    "darker": (1.05, 0.72),
    "contrast": (1.3, 0.9),
    "flat": (0.77, 1.1),
    **dict.fromkeys(("warmer", "cooler", "sharper", "blurred"), (1.0, 1.0)),
}
#: The contrary of an adjustment: what "less bright" asks for.
CONTRARY = {"brighter": "darker", "vivid": "muted", "warmer": "cooler", "contrast": "flat", "sharper": "blurred"}
CONTRARY |= {other: one for one, other in CONTRARY.items()} | {"deeper": "muted"}
#: Styles, and what sort each is: a picture has one of each sort.
STYLES = {
    **dict.fromkeys(("watercolour", "oil", "pixel art"), "painting"),
    **dict.fromkeys(("black and white", "vintage"), "film"),
}
#: Whole-picture edits that a scene may carry, each with its strength: "darker:0.5"; see `edits`.
FILTERS = (*STYLES, *ADJUSTMENTS, *GEOMETRY, *(f"{colour} tint" for colour in COLOURS))
#: Shown when nothing was understood.
EXAMPLES = ("a beach on a sunny day", "a mountain lake at sunset", "a city skyline at night")
