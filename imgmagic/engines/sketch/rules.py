"""The rules: what a clause changes in a scene: the light, the weather, colours, the place, the style; things by `cast`.

Each rule of `RULES` changes what it knows of and leaves the rest; None means "nothing of mine in this clause".
"""

from __future__ import annotations

from dataclasses import replace

from imgmagic.engines.sketch import vocabulary
from imgmagic.engines.sketch.cast import SHINING, objects, things
from imgmagic.engines.sketch.clauses import GONE, NOUNS, Clause
from imgmagic.engines.sketch.lexicon import VAGUE, Hit
from imgmagic.engines.sketch.scene import MOST_FILTERS, Scene, Thing, Tone, bounded, edit_parts

_WET = ("beach", "island", "harbour", "lake", "river", "sea", "city")


def apply(scene: Scene, clause: Clause) -> Scene | None:
    """Give the scene after a clause, or None if the clause is not understood."""
    if clause.strange:
        return None
    understood = False
    for rule in RULES:
        changed = rule(scene, clause)
        if changed is not None:
            scene, understood = changed, True
    return scene if understood else None


# The picture as a whole


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
    alone = not clause.first(*NOUNS, "wave", "weather", "time") and clause.verb not in GONE
    grown = alone and any(each.name in ("large", "larger") for each in clause.every("size")[:1])
    half = any("half" in each.word.casefold() or "半" in each.word for each in clause.every("edge", "geometry"))
    half = half and not clause.first("adjustment", "colour")
    if hit is None and not grown and not (alone and half):
        return ""
    name = hit.name if hit is not None else "crop" if half else "zoom"
    said = clause.first("number")
    value = float(said.name) if said is not None else 0.0
    where = next((each.name for each in clause.every("side", "edge") if each.name in _OPPOSITE), "")
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


def _styles(scene: Scene, clause: Clause) -> Scene | None:
    said = clause.every("style")
    wanted = [hit.name for hit in said if hit.name]
    if said and clause.verb in (*GONE, "less"):
        gone = wanted or vocabulary.STYLES
        return replace(scene, filters=tuple(each for each in scene.filters if each not in gone))
    coloured = any("colo" in hit.word.casefold() or "カラー" in hit.word for hit in said)
    for style in wanted or ([""] if coloured else []):
        scene = scene if style in scene.filters else styled(scene, style)
    return scene if wanted or coloured else None


def styled(scene: Scene, style: str) -> Scene:
    """Give a scene a style in place of the one of its sort; an empty name takes all away."""
    gone = [each for each, sort in vocabulary.STYLES.items() if not style or sort == vocabulary.STYLES[style]]
    kept = [each for each in scene.filters if each not in gone]
    return replace(scene, filters=tuple([*kept, style] if style else kept)[-MOST_FILTERS:])


def _whole(scene: Scene, clause: Clause) -> Scene | None:
    """Adjust the whole picture when no part of it is named, nor a half of it."""
    if clause.first(*NOUNS, "time", "weather") or parted(clause):
        return None
    force = clause.first("force")
    if force is not None and scene.weather in vocabulary.COVERED:
        factor = vocabulary.FORCES[force.name] ** clause.sign
        return replace(scene, force=bounded(scene.force * factor))
    wanted = whole(clause)
    return replace(scene, filters=(*scene.filters, *wanted)[-MOST_FILTERS:]) if wanted else None


def parted(clause: Clause) -> bool:
    """Whether a clause is of a part of the picture that has no name: "darken the bottom"."""
    return any(hit.name in _OPPOSITE for hit in clause.every("side", "edge"))


def whole(clause: Clause) -> list[str]:
    """Give the whole-picture edits that the adjectives of a clause ask for, such as ``darker:0.5``."""
    found = []
    for hit in clause.every("adjustment", "colour"):
        name = f"{hit.name} tint" if hit.kind == "colour" else hit.name
        if clause.sign * (hit.sign or 1) < 0:
            name = vocabulary.CONTRARY.get(hit.name, "muted")
        found.append(name if hit.power == 1 else f"{name}:{hit.power:g}")
    return found


# Time, season and weather


def shining(time: str) -> tuple[str, ...]:
    """Give what is in the sky at a time of day."""
    return ("moon", "stars") if time == "night" else ("stars", "sun") if time == "dusk" else ("sun",)


def _seasons(scene: Scene, clause: Clause) -> Scene | None:
    """Colour the leaves as a season does, where there are trees."""
    season = clause.first("season")
    if season is None or clause.verb in (*GONE, "less") or not (scene.thing("trees") or scene.thing("pines")):
        return None
    return seasonal(scene, season.name)


def seasonal(scene: Scene, season: str) -> Scene:
    """Give the trees of a scene the colour of a season; conifers, which have none, make way for others."""
    pines = scene.thing("pines")
    if pines is not None and scene.thing("trees") is None:
        scene = scene.without("pines").with_thing(replace(pines, kind="trees"))
    colour = vocabulary.SEASONAL[season]
    return replace(
        scene, things=tuple(replace(each, colour=colour) if each.kind == "trees" else each for each in scene.things)
    )


def _times(scene: Scene, clause: Clause) -> Scene | None:
    """Change the time of day, and with it what shines."""
    wanted = clause.names("time")
    if not wanted or clause.verb in (*GONE, "less"):
        return None
    return _lit(replace(scene, time=wanted[-1]), scene)


def _lit(scene: Scene, before: Scene) -> Scene:
    """Give a scene what shines at its time in its weather, where time or weather are new."""
    if scene.place in vocabulary.SKYLESS:
        return scene
    covered = scene.weather in vocabulary.COVERED
    was = () if before.weather in vocabulary.COVERED else shining(before.time)
    now = () if covered else shining(scene.time)
    for kind in SHINING:
        if kind not in now:
            scene = scene.without(kind)
        elif kind not in was and scene.thing(kind) is None:
            scene = scene.with_thing(Thing(kind))
    bare = scene.weather in vocabulary.CLOUDED and scene.weather != before.weather and not scene.thing("clouds")
    return scene.with_thing(Thing("clouds")) if bare else scene


def _weathers(scene: Scene, clause: Clause) -> Scene | None:
    said = clause.every("weather")
    if not said:
        bright = clause.verb in GONE and "clouds" in clause.names("thing") and scene.weather in vocabulary.LADDER[1:]
        return _lit(replace(scene, weather="clear"), scene) if bright else None
    hit = next((each for each in said if each.name == "clear" and clause.verb != "turn"), said[-1])
    if clause.verb in GONE:
        scene = _thawed(scene) if hit.name == "snow" else scene
        weather = "clear" if scene.weather == hit.name else scene.weather
        if hit.name == "rain" and scene.weather == "storm":
            weather = "overcast"
        return _lit(replace(scene, weather=weather, force=1.0), scene)
    if clause.sign * (hit.sign or 1) < 0:
        return _graded(scene, hit, -1)
    if hit.name == scene.weather and (hit.sign > 0 or clause.verb == "more"):
        return _graded(scene, hit, 1)
    was = scene.force if scene.weather == hit.name else 1.0
    now = _lit(replace(scene, weather=hit.name, force=bounded(was * _force(clause, hit))), scene)
    return now.without("clouds") if hit.special("cloudless") else now


def _covers(scene: Scene, clause: Clause) -> Scene | None:
    """Let snow lie, or let it go."""
    hit = clause.first("cover")
    if hit is None or scene.place in vocabulary.SKYLESS:
        return None
    if clause.sign * (hit.sign or 1) > 0:
        return _lit(snowed(scene), scene)
    thawed = _thawed(replace(scene, weather="clear") if scene.weather == "snow" else scene)
    return _lit(thawed, scene)


def _thawed(scene: Scene) -> Scene:
    """Take away the snow that lies; of a snowfield on which none falls, grass is left."""
    bare = scene.place == "snow" and scene.weather != "snow"
    return replace(scene, snow=False, place="meadow" if bare else scene.place)


def snowed(scene: Scene, *, falling: bool = True) -> Scene:
    """Let snow lie; where there is no ground for it, and it may, it falls."""
    if scene.place not in vocabulary.GROUNDLESS:
        return replace(scene, snow=True)
    return replace(scene, weather="snow") if falling and scene.place not in vocabulary.SKYLESS else scene


#: Factors of force by what is said of a weather: "heavy rain", "light snow", "a deep fog".
_FORCES = vocabulary.FORCES | dict(deeper=1.6, muted=0.6, brighter=0.6)


def _force(clause: Clause, hit: Hit) -> float:
    """Give how strong a weather is said to be: "heavy rain", "a bit of fog"."""
    if hit.name in vocabulary.LADDER:
        return 1.0
    said = [
        _FORCES[each.name] ** (-1 if each.sign < 0 else 1)
        for each in clause.every("adjustment", "force")
        if each.name in _FORCES
    ]
    return said[-1] if said else 1.6 if hit.power > 1 else 0.6 if hit.power < 1 else 1.0


def _graded(scene: Scene, hit: Hit, way: int) -> Scene:
    """Give more (``way`` 1) or less (-1) of the weather that there is: another one, or another force."""
    factor = 1.6**hit.power
    if hit.name in vocabulary.LADDER and scene.weather in vocabulary.LADDER:
        at = vocabulary.LADDER.index(scene.weather) + (-way if hit.name == "clear" else way)
        clouds = scene.thing("clouds")
        if at < 0:
            return scene.with_thing(replace(clouds, amount=bounded(clouds.amount / factor))) if clouds else scene
        if at < len(vocabulary.LADDER):
            return _lit(replace(scene, weather=vocabulary.LADDER[at]), scene)
    return replace(scene, force=bounded(scene.force * factor**way)) if scene.weather == hit.name else scene


# Place, colours and waves


def with_tone(scene: Scene, region: str, tone: Tone) -> Scene:
    """Give the scene with another tone of ``sky``, ``water`` or ``ground``."""
    if region == "sky":
        return replace(scene, sky=tone)
    return replace(scene, water=tone) if region == "water" else replace(scene, ground=tone)


def _places(scene: Scene, clause: Clause) -> Scene | None:
    """Change the place: the new one brings what it usually has, what shines stays."""
    wanted = clause.every("place")
    toned = clause.first("colour", "adjustment", "wave")
    covered = clause.first("weather", "cover")
    seen = [hit for hit in wanted if scene.thing(hit.thing)]
    # "The mountains" are those that are seen from the lake, and "the hills snowy" does not bring hills.
    still = clause.first("cover") and any(hit.definite or hit.where for hit in wanted)
    far = (
        still
        or (clause.first("size", "height") and seen)
        or (wanted[:1] == seen[:1] and any(hit.definite for hit in seen))
    )
    if not wanted or toned or far or clause.verb not in ("make", "turn", "move", "", "add"):
        return None
    if clause.verb == "add" and (wanted[-1].name in vocabulary.SKYLESS or objects(clause) or covered):
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


#: What can be said of a sunset as of its sky.
_RICH = ("vivid", "deeper", "muted", "contrast")
#: How much lighter "brighter" is.
_LIGHTER = vocabulary.ADJUSTMENTS["brighter"][1]
#: The colour that a region takes when it gets warmer or cooler.
_LIGHTS = {"warmer": "orange", "cooler": "blue"}


def _tones(scene: Scene, clause: Clause) -> Scene | None:
    """Change the colour of sky, water or ground."""
    said = clause.every("colour", "adjustment")
    regions = clause.regions
    if not regions and clause.first("time") and all(hit.kind == "colour" or hit.name in _RICH for hit in said):
        # "A redder sunset" is in the sky.
        regions = ["sky"]
    if not regions or not said or objects(clause):
        return None
    # The colour that a region had is not asked for: "make the blue sky orange".
    had = [hit for hit in said if hit.kind == "colour" and not hit.sign][:-1]
    for region in regions:
        tone = getattr(scene, region)
        for hit in said:
            if hit not in had:
                tone = retoned(tone, hit, clause, natural=hit.name in _natural(scene, region))
        scene = with_tone(scene, region, tone)
    return scene


def retoned(tone: Tone, hit: Hit, clause: Clause, *, natural: bool) -> Tone:
    """Change a tone by one word; ``natural`` says that the region has that colour by itself."""
    sign, power = clause.sign * (hit.sign or 1), hit.power
    if hit.kind == "adjustment":
        name = hit.name if sign > 0 else vocabulary.CONTRARY[hit.name]
        if name in _LIGHTS:
            return replace(tone, colour=_LIGHTS[name])
        saturation, value = (factor ** (sign * power) for factor in vocabulary.ADJUSTMENTS[hit.name])
        # "Less dark" is not lighter than "brighter": dark is a longer step.
        return _factors(tone, saturation, min(value, _LIGHTER) if sign < 0 else value)
    if clause.verb in GONE and not natural:
        # "No red sand": the natural colour, never more of the red.
        return replace(tone, colour="") if tone.colour == hit.name else tone
    if sign < 0:
        return _factors(tone, 1.4**-power, 1)
    if natural:
        # A sky by day is blue already: more of it, not another hue.
        return replace(tone, colour="") if tone.colour else _factors(tone, 1.3**power, 1.05)
    return _factors(tone, 1.3**power, 1) if hit.name == tone.colour else replace(tone, colour=hit.name)


def _natural(scene: Scene, region: str) -> tuple[str, ...]:
    """Give the colours that a region has by itself; there can be more or less of them."""
    if region == "ground":
        return ("white",) if scene.snowy else vocabulary.GROUNDS.get(scene.place, ())
    return ("blue",) if scene.time == "day" and (region == "water" or scene.weather not in vocabulary.COVERED) else ()


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
    if hit is None or scene.place not in _WET or "sky" in clause.regions or objects(clause):
        return None
    sizes = [each.name.startswith("small") is not (each.sign < 0) for each in clause.every("size")]
    sizes += [each.name == "down" and bool(each.word) for each in clause.every("height")]
    smaller = hit.name == "rough" and any(sizes)
    sign = clause.sign * (hit.sign or 1) * (-1 if smaller else 1)
    factor = vocabulary.WAVES[hit.name] ** (sign * hit.power)
    return replace(scene, waves=bounded(scene.waves * factor))


RULES = (_seasons, _geometry, _styles, _times, _weathers, _covers, _places, _tones, _waves, things, _whole)
