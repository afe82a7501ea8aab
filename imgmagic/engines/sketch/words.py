"""Prompts to scenes: no grammar is attempted, a prompt is the sum of what its clauses name (see `clauses`)."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from imgmagic.engines.sketch import vocabulary
from imgmagic.engines.sketch.cast import mentioned, unheeded
from imgmagic.engines.sketch.clauses import UNDRAWN, UNWANTED, Clause, clauses, nouns
from imgmagic.engines.sketch.lexicon import VAGUE
from imgmagic.engines.sketch.rules import seasonal, shining, snowed, styled, with_tone
from imgmagic.engines.sketch.scene import Scene, Thing, Tone, seed_of
from imgmagic.errors import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

#: What is not to be seen where snow lies.
_BURIED = ("flowers",)
#: Kinds of hits that are drawn or named as left out, and what need not be: it was said of another place or time.
_NAMED = ("place", "time", "weather", "cover", "season")
_TACIT = ("day", "clear", "cloudy", "meadow")
#: Most words that are named as not drawn.
_MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class Reading:
    """What was made of a text: the scene, what is drawn (English names), what is not (the user's words)."""

    scene: Scene | None
    drawn: tuple[str, ...]
    not_drawn: tuple[str, ...]


def read_prompt(text: str, variation: int = 0) -> Reading:
    """Make a scene of a prompt; the scene is None if no place, thing, time or weather is known in it.

    Parameters
    ----------
    text
        The prompt, in any script.
    variation
        Index of the picture among several: another composition of the same scene.
    """
    every = clauses(text)
    wanted = [each for each in every if each.verb not in (*UNWANTED, "without")]
    scene = _compose(wanted, seed_of("scene", unicodedata.normalize("NFC", text), variation))
    if scene is None:
        return Reading(None, (), named(word for clause in wanted for word in clause.unknown))
    for kind in [hit.thing for clause in every if clause not in wanted for hit in clause.hits]:
        scene = scene.without(kind)
    drawn, left = _accounted(scene, wanted)
    return Reading(scene, drawn, left)


def _accounted(scene: Scene, wanted: list[Clause]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Tell what a prompt names by whether the scene shows it: there is one place, one time and one weather."""
    drawn, left = list(names(scene)), list[str]()
    passing = [place for place, thing in vocabulary.BACKDROPS.items() if scene.thing(thing)]
    for each in (scene.place, scene.time, scene.weather):
        passing += vocabulary.PASSES_FOR.get(each, ())
    for hit in [hit for clause in wanted for hit in clause.hits]:
        name = vocabulary.CALLED.get(hit.name, hit.name) if hit.kind == "place" else hit.name
        # "Winter", the "landscape", and the "shore" of a lake only add to what other words say, but a "pier" does not.
        vague = hit.special("season") or (hit.power <= VAGUE and hit.name != "harbour")
        bare = (hit.name in _BURIED and scene.snowy) or hit.special("street")
        if (
            bare
            or (hit.kind in UNDRAWN and not lit(scene, hit.word))
            or (hit.kind == "garment" and not scene.thing("person"))
        ):
            left.append(hit.word)
        elif hit.kind in _NAMED and name in passing:
            drawn.append(name)
        elif hit.kind in _NAMED and name not in (*drawn, *_TACIT) and not vague:
            left.append(hit.word)
    left += [word for clause in wanted for noun in nouns(clause, "thing") for word in unheeded(noun)]
    return tuple(dict.fromkeys(drawn)), named(left)


def lit(scene: Scene, word: str) -> bool:
    """Whether a word means lamps, and a scene has lit ones."""
    houses = scene.place in ("city", "harbour") or any(map(scene.thing, ("city", "house", "lighthouse")))
    return word.casefold() in vocabulary.SPECIAL["lamps"] and scene.time in ("night", "dusk") and houses


def named(words: Iterable[str]) -> tuple[str, ...]:
    """Give the words that a caption may name, each once."""
    return tuple(dict.fromkeys(printable(word, 40) for word in words if word))[:_MOST_NAMED]


def names(scene: Scene) -> tuple[str, ...]:
    """Name everything that a scene shows, in the vocabulary's English."""
    shown = (each.kind for each in scene.things if not (scene.snowy and each.kind in _BURIED))
    things = (vocabulary.CALLED.get(kind, kind) for kind in shown)
    leaves = {each.colour for each in scene.every("trees")}
    seasons = (season for season, colour in vocabulary.SEASONAL.items() if colour in leaves)
    styles = (each for each in scene.filters if each in vocabulary.STYLES)
    place = vocabulary.CALLED.get(scene.place, scene.place)
    said = (place,) if scene.place in vocabulary.SKYLESS else (place, scene.time, scene.weather)
    seen = [more for each in said for more in (each, *vocabulary.SHOWS.get(each, ()))]
    snow = ("snow",) if scene.snow else ()
    return tuple(dict.fromkeys((*seen, *snow, *things, *seasons, *styles)))


#: Kinds of hits that make a scene.
_MAKING = ("place", "thing", "time", "weather", "cover", "style", "region", "season")


def _compose(wanted: list[Clause], seed: int) -> Scene | None:
    hits = {kind: [hit for clause in wanted for hit in clause.every(kind)] for kind in _MAKING}
    if not any(hits[kind] for kind in _MAKING if kind != "style"):
        return None
    by = {kind: [hit.name for hit in found] for kind, found in hits.items()}
    by["region"] = [hit.word.casefold() for hit in hits["region"]]
    by["place"] = [hit.name for hit in hits["place"] if hit.power > VAGUE] or by["place"]
    scene = Scene(_place(by), _time(by), _weather(by["weather"]), seed=seed)
    if by["cover"]:
        scene = snowed(scene, falling=not by["weather"])
    for style in filter(None, by["style"]):
        scene = styled(scene, style)
    if any(hit.special("pastel") for clause in wanted for hit in clause.every("adjustment")):
        scene = replace(scene, filters=(*scene.filters, "muted"))
    scene, seen = _furnished(scene, by), dict[str, str]()
    for clause in wanted:
        for noun in nouns(clause, "thing", "place"):
            kind = noun.hit.thing
            if noun.hit.kind == "thing" or scene.thing(kind):
                scene = mentioned(scene, kind, noun, seen.get(kind, ""))
                seen[kind] = noun.hit.word.casefold()
        scene = _toned(scene, clause)
    for season in by["season"]:
        scene = seasonal(scene, season)
    return scene.without("clouds") if any(hit.special("cloudless") for hit in hits["weather"]) else scene


def _place(by: dict[str, list[str]]) -> str:
    """Choose the place, by the order of the table: "a forest in the mountains" is a forest."""
    named_places = [each for each in by["place"] if each != "studio"] or by["place"]
    found = next((place for place in vocabulary.PLACES if place in named_places), "")
    home = next((home for thing, home in vocabulary.HOMES.items() if thing in (*by["thing"], *by["region"])), "")
    if home and (not found or found in vocabulary.SHOWS.get(home, ())):
        # "The sea and palms": a beach shows both.
        found = home
    if "snow" in (*by["weather"], *by["cover"]) and found in ("", "meadow") and "meadow" not in by["place"]:
        return "snow"
    if by["season"] and not found and not by["thing"]:
        return "forest"
    return found or ("meadow" if by["thing"] or by["weather"] else "sea")


def _time(by: dict[str, list[str]]) -> str:
    # "A sunny evening": day is what "day" says, so any other time is meant more.
    said = [each for each in by["time"] if each != "day"] or by["time"]
    dark = {"moon", "stars"} & set(by["thing"]) and "sun" not in by["thing"]
    return said[-1] if said else "night" if dark else "day"


def _weather(said: list[str]) -> str:
    """Choose the weather: "clear" is meant less than any other."""
    return next((each for each in said if each != "clear"), "clear")


def _furnished(scene: Scene, by: dict[str, list[str]]) -> Scene:
    """Give a scene what its place, its time and its weather have without being asked."""
    kinds = list(vocabulary.USUAL[scene.place])
    if scene.place not in vocabulary.SKYLESS:
        kinds += ["clouds"] if scene.weather in vocabulary.COVERED else [*shining(scene.time), "clouds"]
    for kind in kinds:
        if not (kind in _BURIED and scene.snowy) and not (kind == "pines" and by["season"] and "trees" in by["thing"]):
            scene = scene.with_thing(Thing(kind))
    for place in by["place"]:
        if place != scene.place and place in vocabulary.BACKDROPS:
            size, amount = vocabulary.BACKDROP_SIZE.get(place, ""), vocabulary.BACKDROP_AMOUNT.get(place, 1.0)
            scene = scene.with_thing(Thing(vocabulary.BACKDROPS[place], size=size, amount=amount))
    return scene


def _toned(scene: Scene, clause: Clause) -> Scene:
    """Colour the regions: "under a purple sky", "a pink sunset"; and say how rough the water is."""
    for noun in nouns(clause, "region", "place", "time"):
        region = "sky" if noun.hit.kind == "time" else noun.hit.region
        colour = noun.last("colour")
        own = {"sky": vocabulary.SKIES.get(scene.time, ()), "ground": vocabulary.GROUNDS.get(scene.place, ())}
        natural = colour is not None and colour.name in own.get(region, ())
        if colour is not None and region and not natural:
            scene = with_tone(scene, region, Tone(colour.name))
    for hit in clause.every("wave"):
        scene = replace(scene, waves=vocabulary.WAVES[hit.name])
    for hit in clause.every("force"):
        scene = replace(scene, force=vocabulary.FORCES[hit.name])
    return scene
