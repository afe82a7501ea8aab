"""Instructions: what the clauses of an edit change in a scene.

Rules are tried in order and the first that understands a clause applies it; None means "not mine". Everything is
decided on the frozen scene, so an edit that changes nothing is seen by comparing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from imgmagic.engines.sketch import vocabulary
from imgmagic.engines.sketch.clauses import NOUNS, Clause, clauses
from imgmagic.engines.sketch.lexicon import Hit, refusal
from imgmagic.engines.sketch.scene import Scene, Thing, Tone
from imgmagic.engines.sketch.words import Reading, names, with_tone
from imgmagic.errors import printable

if TYPE_CHECKING:
    from collections.abc import Iterator


def edit(scene: Scene, instruction: str) -> Reading:
    """Apply an instruction to a scene.

    Raises
    ------
    SketchError
        If nothing of it is understood, or nothing would change.
    """
    asked = clauses(instruction)
    left, now, missing = list[str](), scene, list[str]()
    for clause in asked:
        changed = _apply(now, clause)
        if changed is None:
            left += clause.unknown or tuple(hit.word for hit in clause.hits if hit.kind != "filler")
        else:
            left += clause.unknown
            if changed == now and (absent := clause.first("thing", "place")):
                missing.append(absent.word)
            now = changed
    words = tuple(dict.fromkeys(printable(word, 40) for word in left))[:20]
    if now == scene:
        raise _nothing(scene, instruction, words, missing)
    return Reading(now, names(now), words)


def _nothing(scene: Scene, instruction: str, words: tuple[str, ...], missing: list[str]) -> Exception:
    if missing:
        kinds = ", ".join(thing.kind for thing in scene.things) or "nothing else"
        return refusal(f"Nothing would change: {', '.join(missing)} (the picture has {kinds}).", words)
    if words:
        return refusal(f"The sketch engine does not understand {', '.join(map(repr, words))}.", words)
    return refusal(f"The sketch engine finds nothing to do in {printable(instruction, 60)!r}.")


def _apply(scene: Scene, clause: Clause) -> Scene | None:
    """Give the scene after a clause, or None if the clause is not understood."""
    if clause.strange:
        return None
    for rule in (_filters, _times, _toned, _weathers, _things, _places, _adjusted):
        changed = rule(scene, clause)
        if changed is not None:
            return changed
    return None


def _filters(scene: Scene, clause: Clause) -> Scene | None:
    wanted = clause.every("filter")
    if not wanted:
        return None
    if clause.verb in ("remove", "less"):
        return replace(scene, filters=tuple(each for each in scene.filters if each not in wanted))
    return replace(scene, filters=tuple(dict.fromkeys((*scene.filters, *wanted)))[:12])


def _times(scene: Scene, clause: Clause) -> Scene | None:
    """Change the time of day, and with it what shines."""
    wanted = clause.every("time")
    if not wanted or clause.verb in ("remove", "less"):
        return None
    shining = ("moon", "stars") if wanted[-1] == "night" else ("sun",)
    for kind in ("sun", "moon", "stars"):
        if kind not in shining:
            scene = scene.without(kind)
        elif scene.time != wanted[-1]:
            scene = scene.with_thing(scene.thing(kind) or Thing(kind))
    scene = replace(scene, time=wanted[-1])
    weather = _weathers(scene, clause)
    return weather or scene


def _weathers(scene: Scene, clause: Clause) -> Scene | None:
    wanted = clause.every("weather")
    if not wanted:
        return None
    weather = wanted[-1]
    if clause.verb in ("remove", "less"):
        return replace(scene, weather="clear") if scene.weather == weather else scene
    scene = replace(scene, weather=weather)
    if weather == "clear":
        return scene.without("clouds") if any(hit.word in vocabulary.CLOUDLESS for hit in clause.hits) else scene
    return scene if scene.thing("clouds") else scene.with_thing(Thing("clouds"))


def _toned(scene: Scene, clause: Clause) -> Scene | None:
    """Change the colour of sky, water or ground."""
    region = clause.region
    said = [hit for hit in clause.hits if hit.kind in ("colour", "adjustment", "more of")]
    if not region or not said or clause.first("thing"):
        return None
    tone: Tone = getattr(scene, region)
    for hit in said:
        if clause.verb == "remove" and hit.kind == "colour" and not (hit.name == "blue" and region == "sky"):
            # "No red sand": the natural colour, never more of the red.
            tone = replace(tone, colour="") if tone.colour == hit.name else tone
            continue
        tone = toned(
            tone,
            hit,
            "less" if clause.verb == "remove" else clause.verb,
            natural=region == "sky" and scene.time == "day",
        )
    return with_tone(scene, region, tone)


def toned(tone: Tone, hit: Hit, verb: str, *, natural: bool) -> Tone:
    """Change a tone by one word; ``natural`` says that the region is blue by itself."""
    if hit.kind == "adjustment" and hit.name in ("warmer", "cooler"):
        return replace(tone, colour={"warmer": "orange", "cooler": "blue"}[hit.name])
    if hit.kind == "adjustment":
        saturation, value = vocabulary.ADJUSTMENTS[hit.name][0]
        if verb == "less":
            saturation, value = 1 / saturation, 1 / value
        return _factors(tone, saturation, value)
    if hit.name == "blue" and natural:
        # A sky by day is blue already: more of it, not another hue.
        return replace(tone, colour="") if tone.colour else _factors(tone, 1 / 1.4 if verb == "less" else 1.3, 1.05)
    if verb == "less":
        return _factors(tone, 1 / 1.4, 1)
    if hit.name == tone.colour:
        return _factors(tone, 1.3, 1)
    return replace(tone, colour=hit.name)


def _factors(tone: Tone, saturation: float, value: float) -> Tone:
    return replace(
        tone,
        saturation=round(min(2.4, max(0.2, tone.saturation * saturation)), 4),
        value=round(min(2.0, max(0.25, tone.value * value)), 4),
    )


def _things(scene: Scene, clause: Clause) -> Scene | None:
    """Add, remove, multiply, recolour, resize or move things."""
    wanted = list(_nouns(clause))
    if not wanted:
        return None
    for kind in wanted:
        scene = _change(scene, kind, clause)
    return scene


def _nouns(clause: Clause) -> Iterator[str]:
    for hit in clause.hits:
        if hit.kind == "thing":
            yield hit.name
        elif hit.kind == "place" and hit.name in vocabulary.BACKDROPS and clause.verb not in ("make", ""):
            yield vocabulary.BACKDROPS[hit.name]


def _change(scene: Scene, kind: str, clause: Clause) -> Scene:
    if clause.verb == "remove":
        return scene.without(kind)
    old = scene.thing(kind)
    thing = old or Thing(kind)
    heeded = vocabulary.HEEDED[kind]
    number = clause.first("number") if "count" in heeded else None
    if number is not None:
        asked = int(number.name) if number.name.isascii() and number.name.isdigit() else 0
        more = old.count or vocabulary.USUAL_NUMBER.get(kind, 0) if old and clause.verb in ("add", "more") else 0
        thing = replace(thing, count=max(1, min(vocabulary.MOST, asked + more)))
    elif "amount" in heeded and (clause.verb in ("more", "less") or (clause.verb == "add" and old)):
        factor = 0.55 if clause.verb == "less" else 1.8
        thing = replace(
            thing, amount=round(min(3.0, max(0.2, thing.amount * factor)), 4), count=_scaled(thing.count, factor)
        )
    thing = _looks(thing, clause)
    if old is None and clause.verb == "less":
        return scene
    return _shining(scene, thing)


def _scaled(count: int, factor: float) -> int:
    return max(1, min(vocabulary.MOST, round(count * factor))) if count else 0


def _looks(thing: Thing, clause: Clause) -> Thing:
    side, size, colour = (clause.first(kind) for kind in ("side", "size", "colour"))
    heeded = vocabulary.HEEDED[thing.kind]
    if side is not None and "side" in heeded:
        thing = replace(thing, side=side.name)
    if size is not None and "size" in heeded:
        thing = replace(thing, size=size.name)
    if colour is not None and thing.kind in vocabulary.COLOURABLE:
        thing = replace(thing, colour=colour.name)
    return thing


def _shining(scene: Scene, thing: Thing) -> Scene:
    """Add a thing; the sun and the moon change places, and stars need the dark."""
    scene = scene.with_thing(thing)
    if thing.kind in ("moon", "stars") and scene.time == "day":
        scene = replace(scene, time="night").without("sun")
    if thing.kind == "moon":
        scene = scene.without("sun")
    if thing.kind == "sun":
        scene = scene.without("moon").without("stars")
        scene = replace(scene, time="day") if scene.time == "night" else scene
    if thing.kind in ("sun", "moon", "stars") and scene.weather in vocabulary.COVERED:
        scene = replace(scene, weather="clear")
    return scene


def _places(scene: Scene, clause: Clause) -> Scene | None:
    """Change the place: the new one brings what it usually has, what shines stays."""
    wanted = clause.every("place")
    if not wanted or clause.verb not in ("make", ""):
        return None
    place = wanted[-1]
    if place == scene.place:
        return scene
    old, new = vocabulary.USUAL[scene.place], vocabulary.USUAL[place]
    for kind in old:
        scene = scene.without(kind)
    for kind in new:
        scene = scene.with_thing(scene.thing(kind) or Thing(kind))
    return replace(scene, place=place, water=Tone(), ground=Tone())


def _adjusted(scene: Scene, clause: Clause) -> Scene | None:
    """Adjust the whole picture when no region is named."""
    wanted = [name for name in clause.every("adjustment") if name in vocabulary.FILTERS]
    if not wanted or clause.first(*NOUNS):
        return None
    return replace(scene, filters=(*scene.filters, *wanted)[-12:])
