"""Instructions: what the clauses of an edit change in a scene.

Each rule of `_RULES` changes what it knows of and leaves the rest; None means "nothing of mine in this clause".
Everything is decided on the frozen scene: an edit that changes nothing, or something that was to stay, is seen by
comparing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from imgmagic.engines.sketch import vocabulary
from imgmagic.engines.sketch.clauses import NOUNS, UNWANTED, Clause, Noun, clauses, nouns
from imgmagic.engines.sketch.lexicon import VAGUE, Hit, number, refusal
from imgmagic.engines.sketch.scene import MOST_FILTERS, Scene, Thing, Tone, edit_parts
from imgmagic.engines.sketch.words import (
    Reading,
    as_thing,
    named,
    names,
    region_of,
    seasonal,
    shining,
    styled,
    unheeded,
    with_tone,
)
from imgmagic.errors import SketchError, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

_WET = ("beach", "island", "harbour", "lake", "river", "sea", "city")
_GONE = ("remove", "without")
_SHINING = ("sun", "moon", "stars")


def edit(scene: Scene, instruction: str, *, different: bool = False) -> Reading:
    """Apply an instruction to a scene.

    Parameters
    ----------
    scene, instruction
        What is edited, and how.
    different
        Whether the scene is another one already, so that the words need not change it.

    Raises
    ------
    SketchError
        If nothing of it is understood, nothing would change, or what would change was to stay as it is.
    """
    asked = clauses(instruction)
    now, left, missing = scene, list[str](), list[str]()
    for said in asked:
        if said.verb in UNWANTED:
            continue
        clause = _referred(now, said)
        changed = apply(now, clause)
        left += _left(clause, understood=changed is not None)
        if changed == now and (absent := clause.first("thing", "place")):
            missing.append(absent.word)
        now = changed or now
    if now != scene:
        now = _instead(now, asked)
    _check(scene, now, asked)
    words = named(left)
    if now == scene and not different:
        raise _nothing(scene, instruction, words, missing)
    return Reading(now, names(now), words)


def apply(scene: Scene, clause: Clause) -> Scene | None:
    """Give the scene after a clause, or None if the clause is not understood."""
    if clause.strange:
        return None
    understood = False
    for rule in _RULES:
        changed = rule(scene, clause)
        if changed is not None:
            scene, understood = changed, True
    return scene if understood else None


def _referred(scene: Scene, clause: Clause) -> Clause:
    """Let "make it smaller", "move it to the left" be of the thing that was named last, if the place has none of it."""
    kind = scene.things[-1].kind if scene.things else ""
    usual = (*vocabulary.USUAL[scene.place], *_SHINING, "clouds")
    about = {"size", "side"} & vocabulary.heeded(kind) & {hit.kind for hit in clause.hits}
    said = all(hit.kind in ("size", "side") for hit in clause.hits)
    if kind in usual or not said or not about or clause.verb not in ("make", "move", "more", "less", ""):
        return clause
    return replace(clause, hits=(Hit("thing", kind, kind), *clause.hits))


def _left(clause: Clause, *, understood: bool) -> Iterator[str]:
    """Give the words of a clause that are not heeded."""
    yield from clause.unknown
    if not understood:
        yield from (hit.word for hit in clause.hits if hit.kind not in ("unknown", "region"))
        return
    for noun in nouns(clause, "thing"):
        heeded = vocabulary.HEEDED[noun.hit.name]
        yield from (hit.word for hit in noun.said if hit.kind in ("side", "size") and hit.kind not in heeded)
        yield from unheeded(noun)


def _nothing(scene: Scene, instruction: str, words: tuple[str, ...], missing: list[str]) -> SketchError:
    if missing:
        kinds = ", ".join(vocabulary.CALLED.get(thing.kind, thing.kind) for thing in scene.things) or "nothing else"
        return refusal(f"Nothing would change: {', '.join(missing)} (the picture has {kinds}).", words)
    if words:
        return refusal(f"The sketch engine does not understand {', '.join(map(repr, words))}.", words)
    return refusal(f"The sketch engine finds nothing to do in {printable(instruction, 60)!r}.")


# What must not change


def _instead(scene: Scene, asked: list[Clause]) -> Scene:
    """Take away what something else was put "instead of"."""
    for clause in asked:
        for hit in clause.every("thing") if clause.verb == "instead" else []:
            scene = scene.without(hit.name)
    return scene


def _check(before: Scene, after: Scene, asked: list[Clause]) -> None:
    """Refuse an edit that would do what the instruction says not to do, or of which nothing else is left."""
    for clause in asked:
        if clause.verb not in ("not", "keep"):
            continue
        vague = clause.verb == "not" and not clause.first(*NOUNS, "time", "weather")
        if before == after or vague or any(_touched(before, after, hit) for hit in clause.hits):
            raise negated()


def negated() -> SketchError:
    """Make the error for an instruction that says what not to do."""
    return refusal(
        "The sketch engine does not understand negations in instructions, except 'without' or 'no' with a thing to "
        "remove, and what shall stay as it is: 'but not the sand', 'without changing the sky'."
    )


def _touched(before: Scene, after: Scene, hit: Hit) -> bool:
    if hit.kind == "thing":
        return before.filters != after.filters or before.thing(hit.name) != after.thing(hit.name)
    if hit.kind in ("time", "weather"):
        return bool(getattr(before, hit.kind) != getattr(after, hit.kind) == hit.name)
    region = region_of(hit)
    names = ("time", "weather", "filters", "place", region)
    return bool(region) and any(getattr(before, name) != getattr(after, name) for name in names)


# The rules


def _geometry(scene: Scene, clause: Clause) -> Scene | None:
    """Cut, turn and mirror the picture as a whole."""
    edit = geometry(clause)
    if edit:
        return replace(scene, filters=(*scene.filters, edit)[-MOST_FILTERS:])
    nearer = [at for at, each in enumerate(scene.filters) if edit_parts(each)[0] in ("zoom", "crop")]
    if clause.first("geometry") is None or not nearer:
        return None
    return replace(scene, filters=tuple(each for at, each in enumerate(scene.filters) if at != nearer[-1]))


def geometry(clause: Clause) -> str:
    """Give the whole-picture edit that a clause asks for, such as ``rotate:90`` or ``crop:1.5:left``; empty if none."""
    hit = next(iter(reversed(clause.every("geometry"))), None)
    alone = not clause.first(*NOUNS, "wave", "weather", "time") and clause.verb not in _GONE
    grown = clause.first("size") if alone else None
    half = any("half" in each.word.casefold() or "半" in each.word for each in clause.every("edge", "geometry"))
    if hit is None and not (alone and half) and (grown is None or grown.name not in ("large", "larger")):
        return ""
    name = hit.name if hit is not None else "crop" if half else "zoom"
    said = clause.first("number")
    value = float(said.name) if said is not None else 0.0
    where = next((each.name for each in clause.every("side", "edge") if each.name in _CUTS), "")
    if name == "cut off":
        return f"crop:1.33:{_OPPOSITE[where]}" if where else ""
    if name == "rotate":
        back = any(each.name in ("left", "anticlockwise") for each in clause.every("side", "edge"))
        return f"rotate:{(-1 if back else 1) * min(value or 90.0, 360):g}"
    if name in ("crop", "zoom"):
        value = value / 100 if value >= 10 else value  # noqa: PLR2004 - per cent
        power = 2.0 if half else min(max(value, 1.1), 4.0) if value else 1.5
        return f"{name}:{power:g}" + (f":{where}" if where else "")
    return name


_OPPOSITE = {"left": "right", "right": "left", "top": "bottom", "bottom": "top"}
_CUTS = tuple(_OPPOSITE)


def _styles(scene: Scene, clause: Clause) -> Scene | None:
    said = clause.every("style")
    wanted = [hit.name for hit in said if hit.name]
    if clause.verb in (*_GONE, "less"):
        kept = [each for each in scene.filters if each not in (wanted or vocabulary.STYLES)]
        return replace(scene, filters=tuple(kept)) if said else None
    for style in wanted:
        scene = scene if style in scene.filters else styled(scene, style)
    if wanted:
        return scene
    coloured = any("colo" in hit.word.casefold() or "カラー" in hit.word for hit in said)
    return styled(scene, "") if coloured else None


def _seasons(scene: Scene, clause: Clause) -> Scene | None:
    """Colour the leaves as a season does, where there are trees."""
    season = clause.first("season")
    if season is None or clause.verb in (*_GONE, "less") or not (scene.thing("trees") or scene.thing("pines")):
        return None
    return seasonal(scene, season.name)


def _times(scene: Scene, clause: Clause) -> Scene | None:
    """Change the time of day, and with it what shines."""
    wanted = clause.names("time")
    if not wanted or clause.verb in (*_GONE, "less"):
        return None
    return _lit(replace(scene, time=wanted[-1]), scene)


def _lit(scene: Scene, before: Scene) -> Scene:
    """Give a scene what shines at its time in its weather, where time or weather are new."""
    if scene.place in vocabulary.SKYLESS:
        return scene
    covered = scene.weather in vocabulary.COVERED
    was = () if before.weather in vocabulary.COVERED else shining(before.time)
    now = () if covered else shining(scene.time)
    for kind in _SHINING:
        if kind not in now:
            scene = scene.without(kind)
        elif kind not in was and scene.thing(kind) is None:
            scene = scene.with_thing(Thing(kind))
    return scene.with_thing(Thing("clouds")) if covered and scene.thing("clouds") is None else scene


def _weathers(scene: Scene, clause: Clause) -> Scene | None:
    said = clause.every("weather")
    if not said:
        return None
    hit = next((each for each in said if each.name == "clear" and clause.verb != "turn"), said[-1])
    if clause.verb in _GONE:
        weather = "clear" if scene.weather == hit.name else scene.weather
        if hit.name == "rain" and scene.weather == "storm":
            weather = "overcast"
        return _lit(replace(scene, weather=weather, force=1.0), scene)
    factor = _force(clause, hit)
    if clause.sign * (hit.sign or 1) < 0:
        return _less_of(scene, hit.name, 1.6**hit.power)
    if hit.name == scene.weather and (hit.sign > 0 or clause.verb == "more"):
        return _more_of(scene, hit.name, 1.6**hit.power)
    was = scene.force if scene.weather == hit.name else 1.0
    now = _lit(replace(scene, weather=hit.name, force=_bounded(was * factor)), scene)
    now = now.with_thing(now.thing("clouds") or Thing("clouds")) if hit.name == "cloudy" else now
    return now.without("clouds") if hit.word.casefold() in vocabulary.SPECIAL["cloudless"] else now


def _force(clause: Clause, hit: Hit) -> float:
    """Give how strong a weather is said to be: "heavy rain", "a bit of fog"."""
    if hit.name not in ("rain", "snow", "fog", "storm"):
        return 1.0
    said = clause.first("force")
    name = said.name if said is not None else ""
    for each in clause.every("adjustment"):
        name = {"deeper": "heavy", "muted": "light", "brighter": "light"}.get(each.name, name)
    if name:
        return vocabulary.FORCES[name]
    return 1.6 if hit.power > 1 else 0.6 if hit.power < 1 else 1.0


def _more_of(scene: Scene, weather: str, factor: float) -> Scene:
    if weather == "clear":
        return _less_of(scene, "cloudy", factor)
    harder = {"clear": "cloudy", "cloudy": "overcast"}.get(weather, "")
    return replace(scene, weather=harder) if harder else replace(scene, force=_bounded(scene.force * factor))


def _less_of(scene: Scene, weather: str, factor: float) -> Scene:
    if weather == "cloudy" and scene.weather == "clear" and (clouds := scene.thing("clouds")):
        return scene.with_thing(replace(clouds, amount=_bounded(clouds.amount / factor)))
    if weather == "cloudy" and scene.weather == "overcast":
        weather = "overcast"
    if weather != scene.weather:
        return scene
    if weather in {"overcast": "cloudy", "cloudy": "clear"}:
        return _lit(replace(scene, weather={"overcast": "cloudy", "cloudy": "clear"}[weather]), scene)
    return replace(scene, force=_bounded(scene.force / factor))


def _bounded(factor: float) -> float:
    return round(min(3.0, max(0.2, factor)), 4)


def _tones(scene: Scene, clause: Clause) -> Scene | None:
    """Change the colour of sky, water or ground."""
    said = clause.every("colour", "adjustment")
    regions = clause.regions
    if not regions and clause.first("time") and all(hit.kind == "colour" or hit.name in _RICH for hit in said):
        # "A redder sunset" is in the sky.
        regions = ["sky"]
    if not regions or not said or _objects(clause):
        return None
    for region in regions:
        tone = getattr(scene, region)
        for hit in _lasting(said):
            tone = retoned(tone, hit, clause, natural=hit.name in _natural(scene, region))
        scene = with_tone(scene, region, tone)
    return scene


def _lasting(said: list[Hit]) -> list[Hit]:
    """Leave out the colour that a region had: "make the blue sky orange"."""
    plain = [hit for hit in said if hit.kind == "colour" and not hit.sign]
    return [hit for hit in said if hit not in plain[:-1]]


def retoned(tone: Tone, hit: Hit, clause: Clause, *, natural: bool) -> Tone:
    """Change a tone by one word; ``natural`` says that the region has that colour by itself."""
    sign, power = clause.sign * (hit.sign or 1), hit.power
    if hit.kind == "colour" and clause.verb in _GONE and not natural:
        # "No red sand": the natural colour, never more of the red.
        return replace(tone, colour="") if tone.colour == hit.name else tone
    if hit.kind == "adjustment":
        name = hit.name if sign > 0 else vocabulary.CONTRARY[hit.name]
        if name in _LIGHTS:
            return replace(tone, colour=_LIGHTS[name])
        saturation, value = vocabulary.ADJUSTMENTS[hit.name]
        return _factors(tone, saturation ** (sign * power), value ** (sign * power))
    if sign < 0:
        return _factors(tone, 1.4**-power, 1)
    if natural:
        # A sky by day is blue already: more of it, not another hue.
        return replace(tone, colour="") if tone.colour else _factors(tone, 1.3**power, 1.05)
    return _factors(tone, 1.3**power, 1) if hit.name == tone.colour else replace(tone, colour=hit.name)


def _natural(scene: Scene, region: str) -> tuple[str, ...]:
    """Give the colours that a region has by itself; there can be more or less of them."""
    if region == "sky":
        return ("blue",) if scene.time == "day" and scene.weather not in vocabulary.COVERED else ()
    if region == "water":
        return ("blue",) if scene.time == "day" else ()
    return vocabulary.GROUNDS.get(scene.place, ()) if scene.weather != "snow" else ("white",)


#: What can be said of a sunset as of its sky.
_RICH = ("vivid", "deeper", "muted", "contrast")
#: The colour that a region takes when it gets warmer or cooler.
_LIGHTS = {"warmer": "orange", "cooler": "blue"}


def _factors(tone: Tone, saturation: float, value: float) -> Tone:
    return replace(
        tone,
        saturation=round(min(2.4, max(0.2, tone.saturation * saturation)), 4),
        value=round(min(2.0, max(0.25, tone.value * value)), 4),
    )


def _waves(scene: Scene, clause: Clause) -> Scene | None:
    """Make the water rougher or calmer."""
    # "Calm the waves", "波を穏やかに": the waves are only what is calmed.
    hit = next((each for each in clause.every("wave") if each.name == "calm"), clause.first("wave"))
    if hit is None or scene.place not in _WET or "sky" in clause.regions or _objects(clause):
        return None
    smaller = hit.name == "rough" and any(each.name in ("small", "smaller") for each in clause.every("size"))
    sign = clause.sign * (hit.sign or 1) * (-1 if smaller else 1)
    factor = vocabulary.WAVES[hit.name] ** (sign * hit.power)
    return replace(scene, waves=_bounded(scene.waves * factor))


def _objects(clause: Clause) -> list[Noun]:
    """Give the things that a clause is about, not those that say where."""
    found = nouns(clause, "thing", "place")
    things = [noun for noun in found if noun.hit.kind == "thing"]
    direct = [noun for noun in things if not noun.hit.where] or things[:1]
    if clause.verb == "turn" and len(direct) == 1 and len(things) > 1 and not clause.first("colour", "size", "side"):
        return things
    if direct or (clause.verb in ("make", "turn", "move", "") and not clause.first("size")):
        return direct
    return [noun for noun in found if as_thing(noun.hit) and not noun.hit.where]


def _things(scene: Scene, clause: Clause) -> Scene | None:
    """Add, remove, multiply, recolour, resize, move or replace things."""
    wanted = _objects(clause)
    if not wanted:
        return None
    if clause.verb == "turn" and len(wanted) > 1 and (old := scene.thing(as_thing(wanted[0].hit))):
        scene = scene.without(old.kind)
        wanted = wanted[1:]
    for noun in wanted:
        scene = _change(scene, as_thing(noun.hit), noun, clause)
    return scene


def _change(scene: Scene, kind: str, noun: Noun, clause: Clause) -> Scene:
    if kind == "trees" and clause.verb != "add" and not scene.thing(kind):
        # Palms and pines are trees too.
        kind = next((each for each in ("pines", "palms") if scene.thing(each)), kind)
    old = _meant(scene.every(kind), noun)
    less = clause.sign * (noun.hit.sign or 1) < 0
    cleared = kind == "clouds" and clause.hits[0].name == "clear" and not clause.verb
    if clause.verb in _GONE or cleared:
        return _taken(scene, old, noun)
    if "height" in vocabulary.HEEDED[kind] and (way := _way(clause, noun)):
        return _lifted(scene, old, way)
    if not old:
        changes = clause.verb in ("make", "turn") and not noun.hit.single
        changes = changes and any(map(noun.last, ("size", "side", "colour")))
        if less or changes or clause.verb == "move":
            return scene
        thing = _looks(_counted(Thing(kind), noun, less=False, more=noun.hit.sign > 0), noun)
    elif _grows(clause, noun):
        return _added(scene, noun, kind)
    else:
        for each in old:
            scene = scene.with_thing(_looks(each, noun, clause.sign))
        if noun.last("size") and clause.verb in ("more", "less"):
            return scene
        first = _counted(old[0], noun, less=less, more=clause.verb == "more" or noun.hit.sign > 0, to=_to(clause, noun))
        thing = _looks(first, noun, clause.sign)
        if noun.last("number") and not less and clause.verb != "more":
            scene = replace(scene, things=tuple(each for each in scene.things if each not in old[1:]))
    return _risen(scene.with_thing(thing), thing)


def _grows(clause: Clause, noun: Noun) -> bool:
    """Whether there are to be more things besides those that are there; not if it is "the" thing that is wanted red."""
    count = noun.last("number")
    if noun.hit.sign > 0 or (count is not None and count.sign > 0):
        return clause.verb == "add" or any(noun.last(each) for each in ("number", "side", "colour"))
    return clause.verb == "add" and (not noun.hit.definite or count is not None)


def _way(clause: Clause, noun: Noun) -> int:
    """Say whether the sun or the moon is to stand higher (1), lower (-1), or as it does."""
    said = clause.first("height")
    if said is not None:
        return 1 if said.name == "up" else -1
    size = noun.last("size")
    if size is not None:
        return {"高": 1, "低": -1}.get(size.word[0], 0)
    other = noun.hit.sign or noun.last("side") or noun.last("number")
    return {"more": 1, "less": -1}.get(clause.verb, 0) if not other else 0


def _lifted(scene: Scene, things: tuple[Thing, ...], way: int) -> Scene:
    for each in things:
        scene = scene.with_thing(replace(each, height=_bounded(each.height * 1.5**way)))
    return scene


def _taken(scene: Scene, old: tuple[Thing, ...], noun: Noun) -> Scene:
    """Take things away, or as many of them as is said."""
    said = noun.last("number")
    if old and any(hit.name == "half" for hit in noun.said):
        return scene.with_thing(_counted(old[0], noun, less=True, more=False))
    if said is None or not old or "count" not in vocabulary.HEEDED[old[-1].kind]:
        return replace(scene, things=tuple(each for each in scene.things if each not in old))
    last = old[-1]
    left = (last.count or vocabulary.USUAL_NUMBER.get(last.kind, 0)) - number(said)
    if left > 0:
        return scene.with_thing(replace(last, count=left))
    return replace(scene, things=tuple(each for each in scene.things if each != last))


def _meant(things: tuple[Thing, ...], noun: Noun) -> tuple[Thing, ...]:
    """Give the ones that are meant: "remove the red sailboat" where there is a white one too."""
    colours = [hit.name for hit in noun.said if hit.kind == "colour"][:1]
    return tuple(each for each in things if each.colour in colours) or things


def _added(scene: Scene, noun: Noun, kind: str) -> Scene:
    """Add to the things that are there: these stay where and as they are."""
    last, heeded = scene.every(kind)[-1], vocabulary.HEEDED[kind]
    usual, said = vocabulary.USUAL_NUMBER.get(kind, 0), noun.last("number")
    own = _looks(Thing(kind), noun)
    some = max(2, usual // 2) if noun.hit.sign > 0 and usual != 1 else 1
    one = usual == 1 or own != Thing(kind) or noun.hit.single
    more = number(said) if said is not None else some if one else 0
    if "count" not in heeded or not more:
        return scene.with_thing(_looks(_counted(last, noun, less=False, more=True), noun))
    if own == Thing(kind) and last.count:
        return scene.with_thing(replace(last, count=min(vocabulary.MOST, last.count + more)))
    return scene.with_thing(replace(own, count=more, first=last.after))


def _to(clause: Clause, noun: Noun) -> bool:
    """Whether a number is where it ends: "reduce the palms to two", "二本に減らして"."""
    said = noun.last("number")
    return said is not None and said.where and clause.verb in ("less", "more")


def _counted(thing: Thing, noun: Noun, *, less: bool, more: bool, to: bool = False) -> Thing:
    """Give a thing the number that is asked for, or more or less of it; ``to`` a number is that number."""
    heeded, said = vocabulary.HEEDED[thing.kind], noun.last("number")
    asked = number(said) if said is not None else int(noun.hit.single and not thing.count)
    if vocabulary.USUAL_NUMBER.get(thing.kind) == 1 and said is None:
        asked = 0
    if "count" in heeded and asked and ((not less and not more) or (said is not None and to)):
        return replace(thing, count=asked)
    if "amount" not in heeded or not (less or more):
        return thing
    factor = (0.55 if less else 1.8) ** noun.hit.power
    if thing.count:
        share = abs((0.5 if less else 2.0) ** noun.hit.power - 1)
        step = number(said) if said is not None else max(1, round(thing.count * share))
        return replace(thing, count=max(1, min(vocabulary.MOST, thing.count - step if less else thing.count + step)))
    return replace(thing, amount=_bounded(thing.amount * factor))


_STEPS = ("small", "", "large")


def _looks(thing: Thing, noun: Noun, sign: int = 1) -> Thing:
    side, size, colour = (noun.last(kind) for kind in ("side", "size", "colour"))
    heeded = vocabulary.HEEDED[thing.kind]
    if side is not None and "side" in heeded:
        thing = replace(thing, side=side.name)
    if size is not None and "size" in heeded:
        # Japanese has no comparative: "大きく" is as much as "bigger".
        compared = size.sign or size.word.endswith("く") or size.name in ("smaller", "larger")
        step = sign * (-1 if size.name.startswith("small") else 1) if compared else 0
        name = _STEPS[max(0, min(2, _STEPS.index(thing.size) + step))] if step else size.name
        thing = replace(thing, size=name)
    if colour is not None and thing.kind in vocabulary.COLOURABLE:
        thing = replace(thing, colour=colour.name)
    return thing


def _risen(scene: Scene, thing: Thing) -> Scene:
    """Let the sun and the moon change places, and bring the dark that stars need."""
    if thing.kind not in _SHINING or scene.place in vocabulary.SKYLESS:
        return scene
    if scene.weather in vocabulary.COVERED:
        scene = replace(scene, weather="clear")
    if thing.kind == "sun":
        scene = scene.without("moon").without("stars")
        return replace(scene, time="day") if scene.time == "night" else scene
    if scene.time == "day":
        scene = replace(scene, time="night").without("sun")
    return scene.without("sun") if thing.kind == "moon" else scene


def _places(scene: Scene, clause: Clause) -> Scene | None:
    """Change the place: the new one brings what it usually has, what shines stays."""
    wanted = clause.every("place")
    toned = clause.first("colour", "adjustment", "wave")
    far = clause.first("size") and any(scene.thing(as_thing(hit)) for hit in wanted)
    if not wanted or toned or far or clause.verb not in ("make", "turn", "move", "", "add"):
        return None
    if clause.verb == "add" and (wanted[-1].name in vocabulary.SKYLESS or _objects(clause) or clause.first("weather")):
        return None
    if clause.verb != "turn" and clause.first("thing"):
        return None
    place = (next((hit for hit in reversed(wanted) if hit.power > VAGUE), wanted[-1])).name
    if place == scene.place:
        return scene
    for kind in vocabulary.USUAL[scene.place]:
        scene = scene.without(kind)
    for kind in vocabulary.USUAL[place]:
        scene = scene.with_thing(scene.thing(kind) or Thing(kind))
    before = replace(scene, weather="overcast") if scene.place in vocabulary.SKYLESS else scene
    return _lit(replace(scene, place=place, water=Tone(), ground=Tone(), waves=1.0), before)


def _whole(scene: Scene, clause: Clause) -> Scene | None:
    """Adjust the whole picture when no part of it is named."""
    if clause.first(*NOUNS, "time", "weather"):
        return None
    wanted = whole(clause)
    force = clause.first("force")
    if force is not None and scene.weather in vocabulary.COVERED:
        factor = vocabulary.FORCES[force.name] ** clause.sign
        return replace(scene, force=_bounded(scene.force * factor))
    return replace(scene, filters=(*scene.filters, *wanted)[-MOST_FILTERS:]) if wanted else None


def whole(clause: Clause) -> list[str]:
    """Give the whole-picture edits that the adjectives of a clause ask for, such as ``darker:0.5``."""
    found = []
    for hit in clause.every("adjustment", "colour"):
        sign = clause.sign * (hit.sign or 1)
        power = "" if hit.power == 1 else f":{hit.power:g}"
        if hit.kind == "adjustment":
            found.append((hit.name if sign > 0 else vocabulary.CONTRARY[hit.name]) + power)
        else:
            found.append(f"{hit.name} tint{power}" if sign > 0 else "muted")
    return found


_RULES = (_seasons, _geometry, _styles, _times, _weathers, _places, _tones, _waves, _things, _whole)
