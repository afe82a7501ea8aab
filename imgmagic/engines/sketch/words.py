"""Prompts to scenes: no grammar is attempted, a prompt is the sum of its hits (see `lexicon`)."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from imgmagic.engines.sketch import vocabulary
from imgmagic.engines.sketch.lexicon import Hit, hits, number
from imgmagic.engines.sketch.scene import Scene, Thing, Tone, seed_of
from imgmagic.errors import printable

if TYPE_CHECKING:
    from collections.abc import Iterator


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
    found = hits(text)
    unknown = _unique(hit.word for hit in _wanted(found) if hit.kind == "unknown")
    seed = seed_of("scene", unicodedata.normalize("NFC", text), variation)
    scene = _compose(_wanted(found), seed)
    if scene is None:
        return Reading(None, (), unknown)
    for kind in _refused(found):
        scene = scene.without(kind)
    return Reading(scene, names(scene), unknown)


def _wanted(found: list[Hit]) -> list[Hit]:
    """Leave out what follows a "no", "not" or "without", up to the next break; in Japanese, the noun before."""
    kept, negated = list[Hit](), ""
    for hit in found:
        if hit.kind == "verb" and hit.name in ("remove", "not"):
            if hit.word.isascii():
                negated = hit.name
            else:
                _drop_last(kept)
        elif hit.kind == "break" or (hit.kind == "verb" and negated != "not"):
            negated = ""
        elif hit.kind != "verb" and not negated:
            kept.append(hit)
    return kept


def _drop_last(kept: list[Hit]) -> None:
    nouns = ("thing", "place", "time", "weather", "unknown")
    at = next((at for at in reversed(range(len(kept))) if kept[at].kind in nouns), len(kept))
    del kept[at:]


def _refused(found: list[Hit]) -> list[str]:
    wanted = {id(hit) for hit in _wanted(found)}
    return [_as_thing(hit) for hit in found if id(hit) not in wanted and _as_thing(hit)]


def _as_thing(hit: Hit) -> str:
    return hit.name if hit.kind == "thing" else vocabulary.BACKDROPS.get(hit.name, "") if hit.kind == "place" else ""


def _unique(words: Iterator[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(printable(word, 40) for word in words))[:20]


def _compose(found: list[Hit], seed: int) -> Scene | None:
    by = {
        kind: [hit.name for hit in found if hit.kind == kind]
        for kind in ("place", "thing", "time", "weather", "filter", "region")
    }
    if not any(by[kind] for kind in ("place", "thing", "time", "weather", "region")):
        return None
    place = _place(by)
    time = (
        by["time"][-1]
        if by["time"]
        else "night"
        if {"moon", "stars"} & set(by["thing"]) and "sun" not in by["thing"]
        else "day"
    )
    specific = [each for each in by["weather"] if each != "clear"]
    weather = specific[0] if specific else "clear"
    scene = Scene(place, time, weather, filters=tuple(dict.fromkeys(by["filter"]))[:3], seed=seed)
    for kind in (*_heavens(time), *vocabulary.USUAL[place]):
        scene = scene.with_thing(Thing(kind))
    for other in by["place"]:
        if other != place and other in vocabulary.BACKDROPS:
            scene = scene.with_thing(Thing(vocabulary.BACKDROPS[other]))
    if any(hit.name == "clear" and hit.word in vocabulary.CLOUDLESS for hit in found):
        scene = scene.without("clouds")
    return _tones(_things(scene, found), found)


def _place(by: dict[str, list[str]]) -> str:
    for place in vocabulary.PLACES:
        if place in by["place"]:
            # "a forest meadow" is a meadow, "a forest in the mountains" a forest: the table is in this order.
            return place
    for thing in by["thing"]:
        if thing in vocabulary.HOMES:
            return vocabulary.HOMES[thing]
    if "snow" in by["weather"]:
        return "snow"
    return "meadow" if by["thing"] or by["weather"] else "sea"


def _heavens(time: str) -> tuple[str, ...]:
    return ("moon", "stars") if time == "night" else ("stars", "sun", "clouds") if time == "dusk" else ("sun", "clouds")


def _things(scene: Scene, found: list[Hit]) -> Scene:
    """Add the named things with the number, size, side and colour words beside them."""
    for at, hit in enumerate(found):
        if hit.kind == "thing" or (
            hit.kind == "place" and hit.name in vocabulary.BACKDROPS and scene.thing(vocabulary.BACKDROPS[hit.name])
        ):
            kind = _as_thing(hit)
            scene = scene.with_thing(_described(scene.thing(kind) or Thing(kind), found, at))
    return scene


def _described(thing: Thing, found: list[Hit], at: int) -> Thing:
    for hit in reversed(found[max(0, at - 5) : at]):
        if hit.kind == "number":
            thing = replace(thing, count=number(hit))
        elif hit.kind == "size":
            thing = replace(thing, size=hit.name)
        elif hit.kind == "colour" and thing.kind in vocabulary.COLOURABLE:
            thing = replace(thing, colour=hit.name)
        elif hit.kind == "verb" and hit.name == "more":
            thing = replace(thing, amount=1.8)
        elif hit.kind not in ("filler", "adjustment", "side"):
            break
    for hit in found[at + 1 : at + 5]:
        if hit.kind == "side":
            return replace(thing, side=hit.name)
        if hit.kind not in ("filler", "verb"):
            break
    return thing


def _tones(scene: Scene, found: list[Hit]) -> Scene:
    """Colour the regions: "under a purple sky"."""
    for at, hit in enumerate(found):
        region = _region(hit)
        if not region:
            continue
        for word in reversed(found[max(0, at - 3) : at]):
            if word.kind not in ("colour", "adjustment", "filler"):
                break
            natural = region == "sky" and word.name == "blue" and scene.time == "day"
            if word.kind == "colour" and not natural:
                scene = with_tone(scene, region, Tone(word.name))
    return scene


def with_tone(scene: Scene, region: str, tone: Tone) -> Scene:
    """Give the scene with another tone of ``sky``, ``water`` or ``ground``."""
    if region == "sky":
        return replace(scene, sky=tone)
    return replace(scene, water=tone) if region == "water" else replace(scene, ground=tone)


def _region(hit: Hit) -> str:
    """Give the region that a noun stands for in "make the … blue"."""
    if hit.kind == "region":
        return hit.name
    if hit.kind == "place":
        return vocabulary.REGION_OF.get(hit.name, "")
    return ""


def names(scene: Scene) -> tuple[str, ...]:
    """Name everything that a scene shows, in the vocabulary's English."""
    hidden = ("sun", "moon", "stars", "rainbow") if scene.weather in vocabulary.COVERED else ()
    seen = (thing.kind for thing in scene.things if thing.kind not in hidden)
    said = [scene.place, scene.time, scene.weather, *seen, *scene.filters]
    return tuple(dict.fromkeys(said))
