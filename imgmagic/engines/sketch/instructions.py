"""Instructions: a scene, edited by the rules, clause by clause.

Everything is decided on the frozen scene: an edit that changes nothing, or something that was to stay, is seen by
comparing.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from imgmagic.engines.sketch import vocabulary
from imgmagic.engines.sketch.cast import SHINING, unheeded
from imgmagic.engines.sketch.clauses import GONE, NOUNS, UNWANTED, Clause, clauses, nouns
from imgmagic.engines.sketch.lexicon import Hit, refusal
from imgmagic.engines.sketch.rules import apply
from imgmagic.engines.sketch.scene import Scene, Thing
from imgmagic.engines.sketch.words import Reading, lit, named, names
from imgmagic.errors import SketchError, printable

if TYPE_CHECKING:
    from collections.abc import Iterator


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
    asked, now, about = list[Clause](), scene, ""
    left, missing = list[str](), list[str]()
    for said in wishes(instruction):
        clause = _referred(now, said, about)
        asked.append(clause)
        if clause.verb in UNWANTED:
            continue
        changed = apply(now, clause)
        left += _left(changed, clause)
        if changed == now and (absent := clause.first("thing", "place")):
            missing.append(absent.word)
            left += [absent.word] if clause.verb in GONE and clause.first("side") else []
        now = changed or now
        about = next(reversed(clause.names("thing")), about)
    for hit in [hit for clause in asked for hit in clause.every("thing") if clause.verb == "instead"]:
        now = now.without(hit.name) if now != scene else now
    _check(scene, now, asked)
    words = named(word for word in left if not lit(now, word))
    if now == scene and not different:
        raise _nothing(scene, instruction, asked, words, missing)
    return Reading(now, names(now), words)


def _referred(scene: Scene, clause: Clause, about: str) -> Clause:
    """Let "it" be the thing that was named last, or else the last one that the place does not have by itself."""
    usual = (*vocabulary.USUAL[scene.place], *SHINING, "clouds")
    own = [each.kind for each in scene.things if each.kind not in usual or each != Thing(each.kind)]
    kind = about if scene.thing(about) else own[-1] if own else ""
    if not kind or not _of_it(clause, kind):
        return clause
    bare = clause.verb == "add" and not clause.hits
    another = clause.verb == "add" and (clause.pronoun == "one" or clause.first("number") is not None)
    more = bare and clause.pronoun == "them"
    thing = Hit("thing", kind, vocabulary.CALLED.get(kind, kind), int(more), definite=not (another or more))
    return replace(clause, hits=[replace(thing, single=another and bare), *clause.hits])


def _of_it(clause: Clause, kind: str) -> bool:
    """Whether a clause that names no thing is of one: "smaller", "add two more", "make it red", "turn it into …"."""
    verb, pronoun, said = clause.verb, clause.pronoun, {hit.kind for hit in clause.hits}
    if verb == "turn" and said == {"thing"}:
        return bool(pronoun) and kind not in clause.names("thing")
    # "Them" is never the picture, so that a colour is theirs even if they cannot have it.
    coloured = kind in vocabulary.COLOURABLE or pronoun == "them"
    heeded = {"number" if each == "count" else each for each in vocabulary.HEEDED[kind]}
    heeded |= {"colour"} if coloured else set()
    if not said <= heeded:
        return False
    if said and said <= {"size", "side"} and verb in ("make", "move", "more", "less", ""):
        return True
    if said == {"number"} and (verb == "remove" or (verb == "add" and any(hit.sign > 0 for hit in clause.hits))):
        return True
    known = said or verb in (*GONE, *UNWANTED, "add") or (pronoun == "them" and verb in ("more", "less"))
    return bool(pronoun and known)


def wishes(instruction: str) -> list[Clause]:
    """Give the clauses of an instruction.

    Raises
    ------
    SketchError
        If it is a question.
    """
    if _QUESTION.match(instruction):
        raise refusal(f"The sketch engine answers no questions, such as {printable(instruction, 60)!r}.")
    return clauses(instruction)


#: "Is there a moon?", but not "how about a moon?".
_QUESTION = re.compile(
    r"\s*(is|are|was|does|did|do|has|have|where|who|when|which|how(?! about)|why(?! not)|what(?! about| if))\b.*\?\s*$"
    r"|.*(ありますか|いますか|ですか)[?？。\s]*$",
    re.IGNORECASE | re.DOTALL,
)


def _left(scene: Scene | None, clause: Clause) -> Iterator[str]:
    """Give the words of a clause that are not heeded; the scene after it is None if nothing was understood."""
    yield from clause.unknown
    if scene is None:
        yield from (hit.word for hit in clause.hits if hit.kind not in ("unknown", "region"))
        return
    for noun in nouns(clause, "thing"):
        kinds = (noun.hit.name, *vocabulary.ALIKE.get(noun.hit.name, ()))
        yield from (
            hit.word for hit in noun.said if hit.kind in ("side", "size") and not Thing(kinds[0]).heeds(hit.kind)
        )
        yield from unheeded(noun)
        if clause.verb == "add" and noun.hit.where and not any(map(scene.thing, kinds)):
            # "Next to the lighthouse", where there is none.
            yield noun.hit.word


def _nothing(
    scene: Scene, instruction: str, asked: list[Clause], words: tuple[str, ...], missing: list[str]
) -> SketchError:
    said = printable(instruction, 60)
    fixed = (scene.place, *vocabulary.SHOWS.get(scene.place, ()))
    gone = [hit for clause in asked if clause.verb in GONE for hit in clause.every("place", "region")]
    belonging = named(hit.word for hit in gone if not hit.where and (hit.kind == "region" or hit.name in fixed))
    if belonging:
        place = vocabulary.CALLED.get(scene.place, scene.place)
        return refusal(
            f"{', '.join(belonging)} cannot be taken away: it belongs to the place ({place}), as drawn here."
        )
    if any(each in instruction.casefold() for each in vocabulary.SPECIAL["undo"]):
        return SketchError("The sketch engine only goes on.", hint="%rollback goes back to an earlier picture.")
    strange = named(word for clause in asked for word in clause.unknown if not lit(scene, word))
    if strange:
        return refusal(f"The sketch engine does not understand {', '.join(map(repr, strange))}.", strange)
    return refusal(_reason(scene, asked, words, missing) or f"The sketch engine finds nothing to do in {said!r}.")


def _reason(scene: Scene, asked: list[Clause], words: tuple[str, ...], missing: list[str]) -> str:
    """Say why what is understood changes nothing; empty if nobody knows."""
    for side, what in [(clause.first("side"), clause.first("thing")) for clause in asked if clause.verb in GONE]:
        if side and what and scene.thing(what.name):
            return f"The sketch engine cannot tell which of the {what.word} are meant by {side.word!r}."
    if any("" in clause.names("geometry") for clause in asked):
        return "The sketch engine can zoom in, but there is nothing around the picture to zoom out to."
    if missing:
        return f"Nothing would change: {', '.join(missing)} (the picture has {', '.join(names(scene))})."
    return f"The sketch engine cannot do that with {', '.join(map(repr, words))}." if words else ""


# What must not change


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
        "The sketch engine does not understand negations, nor what is only to stay: name what shall go ('remove', "
        "'without' or 'no' with a thing), or what shall change, as in 'a pink sky, but not the sand'."
    )


def _touched(before: Scene, after: Scene, hit: Hit) -> bool:
    if hit.kind == "thing":
        return before.filters != after.filters or before.thing(hit.name) != after.thing(hit.name)
    if hit.kind in ("time", "weather"):
        return bool(getattr(before, hit.kind) != getattr(after, hit.kind) == hit.name)
    region = hit.region
    names = ("time", "weather", "filters", "place", region)
    return bool(region) and any(getattr(before, name) != getattr(after, name) for name in names)
