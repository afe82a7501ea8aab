"""The cast: what the clauses of a text say of the things in a scene, how many there are, where, and how they look."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from imgmagic.engines.sketch import vocabulary
from imgmagic.engines.sketch.clauses import GONE, Clause, Noun, nouns
from imgmagic.engines.sketch.lexicon import Hit
from imgmagic.engines.sketch.scene import Scene, Thing, bounded

if TYPE_CHECKING:
    from collections.abc import Iterator

SHINING = ("sun", "moon", "stars")
_STEPS = ("small", "", "large")
#: Kinds of hits that say how a thing looks.
_LOOKS = ("side", "size", "colour", "rise")
#: As many are "many" of what is usually alone, and a village.
_SEVERAL = 5
#: As many are "boats".
_FEW = 3


def objects(clause: Clause) -> list[Noun]:
    """Give the things that a clause is about, not those that say where."""
    found = nouns(clause, "thing", "place")
    things = [noun for noun in found if noun.hit.kind == "thing"]
    direct = [noun for noun in things if not noun.hit.where] or things[:1]
    if clause.verb == "turn" and len(direct) == 1 and len(things) > 1 and not clause.first("colour", "size", "side"):
        return things
    if direct or (clause.verb in ("make", "turn", "move", "") and not clause.first("size", "height")):
        return direct
    return [noun for noun in found if noun.hit.thing and not noun.hit.where]


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
    own, old = _described(Thing(kind), noun), scene.every(kind)
    if not old:
        return scene.with_thing(own)
    last = old[-1]
    if before and noun.hit.sign > 0:
        return _added(scene, last, noun)
    if before and noun.hit.single and before != noun.hit.word.casefold() and not noun.said:
        return scene.with_thing(replace(last, count=min(vocabulary.MOST, max(1, last.count) + 1)))
    apart = any(new and was and new != was for new, was in ((own.side, last.side), (own.colour, last.colour)))
    if apart and own.heeds("count") and not noun.hit.special("part"):
        return scene.with_thing(replace(own, count=max(1, own.count), first=last.after))
    # "A boat, and more ... of the boats": how many there are was said by the first mention.
    return scene.with_thing(_described(old[0], noun, few=0 if before else _FEW))


def things(scene: Scene, clause: Clause) -> Scene | None:
    """Add, remove, multiply, recolour, resize, move or replace things; None if the clause is about none."""
    wanted = objects(clause)
    if clause.verb == "turn" and len(wanted) > 1 and (old := scene.thing(wanted[0].hit.thing)):
        scene = scene.without(old.kind)
        wanted = wanted[1:]
    for noun in wanted:
        scene = _change(scene, noun.hit.thing, noun, clause)
    return scene if wanted else None


def _change(scene: Scene, kind: str, noun: Noun, clause: Clause) -> Scene:
    if clause.verb != "add" and not scene.thing(kind):
        # Palms and pines are trees too.
        kind = next((each for each in vocabulary.ALIKE.get(kind, ()) if scene.thing(each)), kind)
    noun = _upright(Thing(kind), noun, clause)
    old = _meant(scene.every(kind), noun, gone=clause.verb in GONE)
    if clause.verb in GONE or (kind == "clouds" and clause.hits[0].name == "clear" and not clause.verb):
        return _taken(scene, old, noun)
    if not old:
        return _risen(scene.with_thing(_described(Thing(kind), noun)), kind) if _comes(noun, clause) else scene
    if _grows(noun, clause):
        return _added(scene, scene.every(kind)[-1], noun)
    return _risen(_exchanged(scene, old, _parted(old, noun, clause) or _altered(old, noun, clause)), kind)


def _upright(thing: Thing, noun: Noun, clause: Clause) -> Noun:
    """Say of what is to be higher that it flies or shines higher up, or else that it is taller."""
    said, size = clause.first("height"), noun.last("size")
    kept = tuple(hit for hit in noun.said if hit.kind != "height")
    if noun.last("number") and clause.verb != "move":
        way = 0
    elif said is not None:
        way = 1 if said.name == "up" else -1
    elif size is not None:
        way = {"高": 1, "低": -1}.get(size.word[0], 0) * (-1 if size.sign < 0 else 1)
    else:
        alone = thing.kind in SHINING and not noun.hit.sign and not noun.last("side")
        way = {"more": 1, "less": -1}.get(clause.verb, 0) if alone else 0
    if way and thing.heeds("height"):
        kept = (*(hit for hit in kept if hit != size), Hit("rise", "", "", sign=way))
    elif way and thing.heeds("size") and not size and clause.verb not in ("move", "add"):
        kept = (*kept, Hit("size", "larger" if way == clause.sign else "smaller", ""))
    return replace(noun, said=kept)


def _comes(noun: Noun, clause: Clause) -> bool:
    """Whether what is not there is to be there: not what is to be changed, or to be fewer or higher."""
    changes = any(map(noun.last, _LOOKS)) and not noun.hit.single
    if clause.verb == "move" or (clause.verb in ("make", "turn") and changes):
        return False
    return _way(noun, clause) >= 0 and not (clause.verb == "more" and noun.last("rise"))


def _grows(noun: Noun, clause: Clause) -> bool:
    """Whether there are to be more things besides those that are there; not if it is "the" thing that is wanted red."""
    count = noun.last("number")
    if noun.hit.sign > 0 or (count is not None and count.sign > 0):
        return clause.verb == "add" or any(map(noun.last, ("number", "side", "colour")))
    # "Exactly four palms" are four in all.
    return clause.verb == "add" and not (count or noun.hit).definite


def _way(noun: Noun, clause: Clause) -> int:
    """Say whether there are to be more (1), fewer (-1), or as many as is said."""
    if clause.sign * (noun.hit.sign or 1) < 0:
        return -1
    return int(clause.verb == "more" or noun.hit.sign > 0)


def _meant(found: tuple[Thing, ...], noun: Noun, *, gone: bool) -> tuple[Thing, ...]:
    """Give the ones that are meant: "remove the red sailboat" where there is a white one too, "the left one"."""
    side = noun.last("side")
    if side is not None and (gone or (side.definite and not side.where)):
        there = tuple(each for each in found if each.side == side.name)
        # Of several that nobody put anywhere, it cannot be told which are there.
        lone = gone and [not each.side and (not each.heeds("amount") or each.shown == 1) for each in found] == [True]
        return there or (found if lone else ())
    colours = [hit.name for hit in noun.said if hit.kind == "colour"][:1]
    return tuple(each for each in found if each.colour in colours) or found


def _exchanged(scene: Scene, old: tuple[Thing, ...], new: list[Thing]) -> Scene:
    """Put things in the place of others; those left over go."""
    kept = replace(scene, things=tuple(each for each in scene.things if each not in old[len(new) :]))
    for each in new:
        kept = kept.with_thing(each)
    return kept


def _taken(scene: Scene, old: tuple[Thing, ...], noun: Noun) -> Scene:
    """Take things away, or as many of them as is said."""
    if old and any(hit.name == "half" for hit in noun.said):
        return scene.with_thing(_counted(old[0], noun, -1))
    if not old or noun.number is None or not old[-1].heeds("count"):
        return _exchanged(scene, old, [])
    left = (old[-1].count or old[-1].usual) - noun.number
    return _exchanged(scene, old[-1:], [replace(old[-1], count=left)] if left > 0 else [])


def _added(scene: Scene, last: Thing, noun: Noun) -> Scene:
    """Add to the things that are there: these stay where and as they are."""
    plain, usual, more = Thing(last.kind), last.usual, noun.number
    own = _looks(plain, noun)
    if more is None:
        many = noun.hit.sign > 0 and not noun.hit.single and usual != 1
        more = max(2, usual // 2) if many else 1
        more = more if usual == 1 or own != plain or noun.hit.single else 0
    if not more or not own.heeds("count"):
        return scene.with_thing(_looks(_counted(last, noun, 1), noun))
    if own == plain and last.count:
        return scene.with_thing(replace(last, count=min(vocabulary.MOST, last.count + more)))
    return scene.with_thing(replace(own, count=more, first=last.after))


def _parted(old: tuple[Thing, ...], noun: Noun, clause: Clause) -> list[Thing]:
    """Change only some of the things, "move one boat to the right"; empty if all are meant."""
    last, some = old[-1], noun.number or 0
    behind = [hit for hit in clause.hits[clause.hits.index(noun.hit) :] if hit in noun.said and hit.kind in _LOOKS]
    if not behind or clause.verb not in ("make", "move", "turn") or not last.heeds("count"):
        return []
    if not 0 < some < last.shown <= vocabulary.MOST:
        return []
    rest = replace(last, count=last.shown - some)
    return [*old[:-1], rest, replace(_looks(last, noun), count=some, first=rest.after)]


def _altered(old: tuple[Thing, ...], noun: Noun, clause: Clause) -> list[Thing]:
    """Give things as they are to look, and as many as there are to be."""
    new = [_looks(each, noun, clause.sign) for each in old]
    if clause.verb in ("more", "less") and (noun.last("size") or noun.last("rise")):
        return new
    said = noun.last("number")
    # "Reduce the palms to two": the number is where it ends.
    ends = said is not None and said.where and clause.verb in ("more", "less")
    way = 0 if ends else _way(noun, clause)
    new[0] = _counted(new[0], noun, way)
    return new[:1] if said is not None and not way else new


def _described(thing: Thing, noun: Noun, few: int = _FEW) -> Thing:
    """Give a thing as it is described, also "many" of it; "another" is one, and what is usually one is ``few``."""
    more = noun.hit.sign > 0 and not noun.hit.single and not noun.last("number")
    several = (more and noun.hit.sign > 1) or noun.hit.special("several")
    if several and thing.usual == 1 and not thing.count:
        thing = replace(thing, count=_SEVERAL)
    elif noun.hit.plural and thing.usual == 1 and not thing.count:
        thing = replace(thing, count=few)
    return _looks(_counted(thing, noun, int(more and not thing.count)), noun)


def _counted(thing: Thing, noun: Noun, way: int) -> Thing:
    """Give a thing the number that is said (``way`` 0), or more (1) or less (-1) of it."""
    if not way:
        one = noun.hit.single and not thing.count and thing.usual != 1
        count = int(one) if noun.number is None else noun.number
        return replace(thing, count=count) if count and thing.heeds("count") else thing
    if not thing.heeds("amount"):
        return thing
    if not thing.count:
        return replace(thing, amount=bounded(thing.amount * (1.8 if way > 0 else 0.55) ** noun.hit.power))
    share = abs((2.0 if way > 0 else 0.5) ** noun.hit.power - 1)
    step = max(1, round(thing.count * share)) if noun.number is None else noun.number
    return replace(thing, count=max(1, min(vocabulary.MOST, thing.count + way * step)))


def _looks(thing: Thing, noun: Noun, sign: int = 1) -> Thing:
    """Give a thing the side, the size, the colour and the height that were said of it."""
    side, size, colour, rise = map(noun.last, _LOOKS)
    if side is not None and thing.heeds("side"):
        thing = replace(thing, side=side.name)
    if size is not None and thing.heeds("size"):
        # Japanese has no comparative: "大きく" is as much as "bigger".
        compared = size.sign or size.word.endswith("く") or size.name not in vocabulary.SIZES
        step = sign * (-1 if size.name.startswith("small") else 1) * (-1 if size.sign < 0 else 1)
        at = max(0, min(2, _STEPS.index(thing.size) + step))
        thing = replace(thing, size=_STEPS[at] if compared else size.name)
    if colour is not None and thing.kind in vocabulary.COLOURABLE:
        thing = replace(thing, colour=colour.name)
    return replace(thing, height=bounded(thing.height * 1.5**rise.sign)) if rise is not None else thing


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
