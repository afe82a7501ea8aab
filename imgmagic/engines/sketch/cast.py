"""The cast: what the clauses of a text say of the things in a scene, how many there are, where, and how they look."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from imgmagic.engines.sketch import vocabulary
from imgmagic.engines.sketch.clauses import GONE, Clause, Noun, nouns
from imgmagic.engines.sketch.lexicon import Hit, number
from imgmagic.engines.sketch.scene import Scene, Thing, bounded

if TYPE_CHECKING:
    from collections.abc import Iterator

SHINING = ("sun", "moon", "stars")
_STEPS = ("small", "", "large")
#: As many are "many" of what is usually alone, and a village.
_SEVERAL = 5


def as_thing(hit: Hit) -> str:
    """Give the kind of thing that a noun means, also a place that is seen far off; empty if none."""
    return hit.name if hit.kind == "thing" else vocabulary.BACKDROPS.get(hit.name, "") if hit.kind == "place" else ""


def objects(clause: Clause) -> list[Noun]:
    """Give the things that a clause is about, not those that say where."""
    found = nouns(clause, "thing", "place")
    things = [noun for noun in found if noun.hit.kind == "thing"]
    direct = [noun for noun in things if not noun.hit.where] or things[:1]
    if clause.verb == "turn" and len(direct) == 1 and len(things) > 1 and not clause.first("colour", "size", "side"):
        return things
    if direct or (clause.verb in ("make", "turn", "move", "") and not clause.first("size", "height")):
        return direct
    return [noun for noun in found if as_thing(noun.hit) and not noun.hit.where]


def unheeded(noun: Noun) -> Iterator[str]:
    """Give the colours that were said of a thing which cannot have them and does not have them by itself."""
    if noun.hit.name not in vocabulary.COLOURABLE:
        own = vocabulary.OWN_COLOURS.get(noun.hit.name, ())
        yield from (hit.word for hit in noun.said if hit.kind == "colour" and hit.name not in own)


def mentioned(scene: Scene, kind: str, noun: Noun, before: str) -> Scene:
    """Give a scene what a prompt mentions; ``before`` is the word by which it last mentioned that kind.

    "A red boat on the left, a white one on the right" and "a man and a woman" are two; any other mention is of the
    things that there are.
    """
    old = scene.every(kind)
    if not old:
        return scene.with_thing(_described(Thing(kind), noun))
    if before and noun.hit.sign > 0:
        return _added(scene, noun, kind)
    own, last = _described(Thing(kind), noun), old[-1]
    if before and noun.hit.single and before != noun.hit.word.casefold() and not noun.said:
        return scene.with_thing(replace(last, count=min(vocabulary.MOST, max(1, last.count) + 1)))
    apart = any(new and was and new != was for new, was in ((own.side, last.side), (own.colour, last.colour)))
    if apart and "count" in vocabulary.HEEDED[kind]:
        return scene.with_thing(replace(own, count=max(1, own.count), first=last.after))
    return scene.with_thing(_described(old[0], noun))


def _described(thing: Thing, noun: Noun) -> Thing:
    """Give a thing as it is described, also "many" of it; "another" is one."""
    more = noun.hit.sign > 0 and not noun.hit.single and not noun.last("number")
    several = (more and noun.hit.sign > 1) or noun.hit.special("several")
    if several and vocabulary.USUAL_NUMBER.get(thing.kind) == 1 and not thing.count:
        thing = replace(thing, count=_SEVERAL)
    return _looks(_counted(thing, noun, int(more and not thing.count)), noun)


def things(scene: Scene, clause: Clause) -> Scene | None:
    """Add, remove, multiply, recolour, resize, move or replace things; None if the clause is about none."""
    wanted = objects(clause)
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
    old = _meant(scene.every(kind), noun, gone=clause.verb in GONE)
    cleared = kind == "clouds" and clause.hits[0].name == "clear" and not clause.verb
    if clause.verb in GONE or cleared:
        return _taken(scene, old, noun)
    way = _vertical(clause, noun)
    if way and (old or clause.verb) and ("height" in vocabulary.HEEDED[kind] or clause.verb == "move"):
        return _lifted(scene, old, way)
    if way and "size" in vocabulary.HEEDED[kind] and not noun.last("size"):
        # What stands is higher if it is taller.
        taller = Hit("size", "larger" if way == clause.sign else "smaller", "")
        noun = replace(noun, said=(*noun.said, taller))
    looks = any(map(noun.last, ("size", "side", "colour")))
    if not old:
        changes = clause.verb in ("make", "turn") and not noun.hit.single and looks
        there = changes or _way(clause, noun) < 0 or clause.verb == "move"
        return scene if there else _risen(scene.with_thing(_described(Thing(kind), noun)), kind)
    if _grows(clause, noun):
        return _added(scene, noun, kind)
    return _parted(scene, old[-1], noun, clause) or _risen(_exchanged(scene, old, _altered(old, noun, clause)), kind)


def _parted(scene: Scene, last: Thing, noun: Noun, clause: Clause) -> Scene | None:
    """Change only some of the things, "move one boat to the right"; None if all are meant."""
    said, some = clause.hits[clause.hits.index(noun.hit) :], noun.last("number")
    looks = any(hit.kind in ("size", "side", "colour") for hit in said if hit in noun.said)
    if some is None or not looks or clause.verb not in ("make", "move", "turn"):
        return None
    if "count" not in vocabulary.HEEDED[last.kind] or not 0 < number(some) < last.shown <= vocabulary.MOST:
        return None
    rest = replace(last, count=last.shown - number(some))
    return _exchanged(scene, (last,), [rest, replace(_looks(last, noun), count=number(some), first=rest.after)])


def _lifted(scene: Scene, old: tuple[Thing, ...], way: int) -> Scene:
    """Let what shines or flies be higher or lower."""
    free = [each for each in old if "height" in vocabulary.HEEDED[each.kind]]
    return _exchanged(scene, tuple(free), [replace(each, height=bounded(each.height * 1.5**way)) for each in free])


def _altered(old: tuple[Thing, ...], noun: Noun, clause: Clause) -> list[Thing]:
    """Give things as they are to look, and as many as there are to be."""
    new = [_looks(each, noun, clause.sign) for each in old]
    if noun.last("size") and clause.verb in ("more", "less"):
        return new
    said, way = noun.last("number"), _way(clause, noun)
    if said is not None and said.where and clause.verb in ("more", "less"):
        # "Reduce the palms to two": the number is where it ends.
        way = 0
    new[0] = _counted(new[0], noun, way)
    return new[:1] if said is not None and not way else new


def _exchanged(scene: Scene, old: tuple[Thing, ...], new: list[Thing]) -> Scene:
    """Put things in the place of others; those left over go."""
    kept = replace(scene, things=tuple(each for each in scene.things if each not in old[len(new) :]))
    for each in new:
        kept = kept.with_thing(each)
    return kept


def _meant(found: tuple[Thing, ...], noun: Noun, *, gone: bool) -> tuple[Thing, ...]:
    """Give the ones that are meant: "remove the red sailboat" where there is a white one too, "the left one"."""
    side = noun.last("side")
    if side is not None and (gone or (side.definite and not side.where)):
        there = tuple(each for each in found if each.side == side.name)
        return there or found[: len(found) * gone]
    colours = [hit.name for hit in noun.said if hit.kind == "colour"][:1]
    return tuple(each for each in found if each.colour in colours) or found


def _way(clause: Clause, noun: Noun) -> int:
    """Say whether there are to be more (1), fewer (-1), or as many as is said."""
    if clause.sign * (noun.hit.sign or 1) < 0:
        return -1
    return int(clause.verb == "more" or noun.hit.sign > 0)


def _grows(clause: Clause, noun: Noun) -> bool:
    """Whether there are to be more things besides those that are there; not if it is "the" thing that is wanted red."""
    count = noun.last("number")
    if noun.hit.sign > 0 or (count is not None and count.sign > 0):
        return clause.verb == "add" or any(noun.last(each) for each in ("number", "side", "colour"))
    # "Exactly four palms" are four in all.
    return clause.verb == "add" and not (count or noun.hit).definite


def _vertical(clause: Clause, noun: Noun) -> int:
    """Say whether what shines or flies is to be higher (1), lower (-1), or as it is."""
    said, size = clause.first("height"), noun.last("size")
    if noun.last("number") and clause.verb != "move":
        return 0
    if said is not None:
        return 1 if said.name == "up" else -1
    if size is not None:
        return {"高": 1, "低": -1}.get(size.word[0], 0)
    alone = noun.hit.name in SHINING and not noun.hit.sign and not noun.last("side")
    return {"more": 1, "less": -1}.get(clause.verb, 0) if alone else 0


def _taken(scene: Scene, old: tuple[Thing, ...], noun: Noun) -> Scene:
    """Take things away, or as many of them as is said."""
    said, last = noun.last("number"), old[-1] if old else None
    if last is not None and any(hit.name == "half" for hit in noun.said):
        return scene.with_thing(_counted(old[0], noun, -1))
    if last is None or said is None or "count" not in vocabulary.HEEDED[last.kind]:
        return _exchanged(scene, old, [])
    left = (last.count or vocabulary.USUAL_NUMBER.get(last.kind, 0)) - number(said)
    return _exchanged(scene, (last,), [replace(last, count=left)] if left > 0 else [])


def _added(scene: Scene, noun: Noun, kind: str) -> Scene:
    """Add to the things that are there: these stay where and as they are."""
    last, usual, said = scene.every(kind)[-1], vocabulary.USUAL_NUMBER.get(kind, 0), noun.last("number")
    own = _looks(Thing(kind), noun)
    some = max(2, usual // 2) if noun.hit.sign > 0 and not noun.hit.single and usual != 1 else 1
    one = usual == 1 or own != Thing(kind) or noun.hit.single
    more = number(said) if said is not None else some if one else 0
    if "count" not in vocabulary.HEEDED[kind] or not more:
        return scene.with_thing(_looks(_counted(last, noun, 1), noun))
    if own == Thing(kind) and last.count:
        return scene.with_thing(replace(last, count=min(vocabulary.MOST, last.count + more)))
    return scene.with_thing(replace(own, count=more, first=last.after))


def _counted(thing: Thing, noun: Noun, way: int) -> Thing:
    """Give a thing the number that is said (``way`` 0), or more (1) or less (-1) of it."""
    heeded, said = vocabulary.HEEDED[thing.kind], noun.last("number")
    if not way:
        one = noun.hit.single and not thing.count and vocabulary.USUAL_NUMBER.get(thing.kind) != 1
        count = number(said) if said is not None else int(one)
        return replace(thing, count=count) if count and "count" in heeded else thing
    if "amount" not in heeded:
        return thing
    if not thing.count:
        return replace(thing, amount=bounded(thing.amount * (1.8 if way > 0 else 0.55) ** noun.hit.power))
    share = abs((2.0 if way > 0 else 0.5) ** noun.hit.power - 1)
    step = number(said) if said is not None else max(1, round(thing.count * share))
    return replace(thing, count=max(1, min(vocabulary.MOST, thing.count + way * step)))


def _looks(thing: Thing, noun: Noun, sign: int = 1) -> Thing:
    """Give a thing the side, the size and the colour that were said of it."""
    side, size, colour = (noun.last(kind) for kind in ("side", "size", "colour"))
    heeded = vocabulary.HEEDED[thing.kind]
    if side is not None and "side" in heeded:
        thing = replace(thing, side=side.name)
    if size is not None and "size" in heeded:
        # Japanese has no comparative: "大きく" is as much as "bigger".
        compared = size.sign or size.word.endswith("く") or size.name not in vocabulary.SIZES
        step = sign * (-1 if size.name.startswith("small") else 1)
        at = max(0, min(2, _STEPS.index(thing.size) + step))
        thing = replace(thing, size=_STEPS[at] if compared else size.name)
    if colour is not None and thing.kind in vocabulary.COLOURABLE:
        thing = replace(thing, colour=colour.name)
    return thing


def _risen(scene: Scene, kind: str) -> Scene:
    """Let the sun and the moon change places, and bring the dark that stars need."""
    if kind not in SHINING or scene.place in vocabulary.SKYLESS:
        return scene
    if scene.weather in vocabulary.COVERED:
        scene = replace(scene, weather="clear")
    if kind == "sun":
        scene = scene.without("moon").without("stars")
        return replace(scene, time="day") if scene.time == "night" else scene
    if scene.time == "day":
        scene = replace(scene, time="night").without("sun")
    return scene.without("sun") if kind == "moon" else scene
