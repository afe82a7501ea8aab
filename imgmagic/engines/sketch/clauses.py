"""Clauses: what a text asks for, before it is known what it is asked of.

A text is cut at "and", commas, full stops and new verbs; in Japanese, where the verb is said last, behind it. Each
clause has a verb (its own, or that of a neighbour) and the hits that it is about. The same clauses make a `Scene`
(`words`), edit it (`instructions`), and edit the pixels of a picture that has none (`photo`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from imgmagic.engines.sketch import vocabulary
from imgmagic.engines.sketch.lexicon import Hit, hits

#: Kinds of hits that can be the object of a clause.
NOUNS = ("thing", "region", "place", "unknown")
#: Kinds of hits that are not drawn.
UNDRAWN = ("unknown", "left out")
#: Kinds of hits that say how something becomes, and those that can be said of a noun that another clause has.
_ADJECTIVES = ("colour", "adjustment", "wave", "force", "size", "side", "edge", "height")
_STATES = ("time", "weather", "style", "geometry", "number")
#: The stronger verb of a clause counts: "don't add", "make ... smaller and remove".
_STRONGEST = ("not", "keep", "instead", "without", "remove", "less", "add", "more", "move", "turn", "make")
#: Verbs after which a clause is about what must not be.
UNWANTED = ("not", "keep", "instead")
#: Verbs of what there is to be no more.
GONE = ("remove", "without")
_OPENING = (*UNWANTED, "without")


@dataclass(frozen=True, slots=True)
class Clause:
    """One thing that a text asks for: a verb (empty if none was said) and the hits it applies to."""

    verb: str
    hits: tuple[Hit, ...]
    #: What stands for what it is about: "it", "them", or "one" in "add a red one"; empty if nothing does.
    pronoun: str = ""

    def first(self, *kinds: str) -> Hit | None:
        """Give the first hit of these kinds."""
        return next((hit for hit in self.hits if hit.kind in kinds), None)

    def every(self, *kinds: str) -> list[Hit]:
        """Give all hits of these kinds."""
        return [hit for hit in self.hits if hit.kind in kinds]

    def names(self, kind: str) -> list[str]:
        """Give the names of all hits of a kind."""
        return [hit.name for hit in self.every(kind)]

    @property
    def sign(self) -> int:
        """-1 if the verb asks for less of what is said, else 1."""
        return -1 if self.verb in ("less", "remove", "without") else 1

    @property
    def unknown(self) -> tuple[str, ...]:
        """The words that mean nothing here."""
        bare = "person" not in self.names("thing")
        return tuple(hit.word for hit in self.hits if hit.kind in UNDRAWN or (hit.kind == "garment" and bare))

    @property
    def strange(self) -> bool:
        """Whether the object is unknown; an unknown word before a known thing is an adjective: "fluffy clouds"."""
        at = next((at for at, hit in enumerate(self.hits) if hit.kind in NOUNS and not hit.where), None)
        if at is None or self.hits[at].kind != "unknown":
            return False
        following = self.hits[at + 1 : at + 4]
        adjective = (
            bool(following)
            and not following[0].where
            and following[0].kind in ("thing", "colour", "size", "adjustment")
        )
        return self.hits[at].japanese or not (adjective and any(hit.kind == "thing" for hit in following))

    @property
    def regions(self) -> list[str]:
        """The regions that are named, ``sky``, ``water``, ``ground``; if none is, those that its places stand for."""
        named = self.names("region") or [vocabulary.REGION_OF.get(each, "") for each in self.names("place")]
        return [each for each in dict.fromkeys(named) if each]


@dataclass(slots=True)
class _Group:
    verbs: list[str] = field(default_factory=list)
    hits: list[Hit] = field(default_factory=list)
    #: In Japanese nothing follows the verb.
    ended: bool = False
    #: The mark or word before it.
    after: str = ""
    pronoun: str = ""

    @property
    def verb(self) -> str:
        return next((each for each in _STRONGEST if each in self.verbs), "")

    def first(self, *kinds: str) -> Hit | None:
        return next((hit for hit in self.hits if hit.kind in kinds), None)


def clauses(text: str) -> list[Clause]:
    """Cut a text into clauses, each with its verb."""
    groups = [_Group()]
    for hit in hits(text):
        if hit.kind == "break":
            groups.append(_Group(after=hit.word.casefold()))
        elif hit.kind == "verb":
            (_end if hit.japanese else _begin)(groups, hit)
        else:
            if groups[-1].ended:
                groups.append(_Group())
            _take(groups, hit)
    for each in groups:
        _settle(each)
    return _merged([each for each in _paired(groups) if each.hits or each.pronoun or each.verb in UNWANTED])


def _take(groups: list[_Group], hit: Hit) -> None:
    """Take what is no verb; a pronoun is what was named before, or it is left open: "two red boats, a white one"."""
    last = groups[-1]
    if hit.kind == "pronoun":
        last.pronoun = "them" if hit.special("them") else "it"
    elif hit.word.casefold() not in ("one", "ones") or not (last.hits or hit.sign):
        last.hits.append(hit)
    elif not last.first(*NOUNS):
        named = [each for group in groups for each in group.hits if each.kind == "thing"]
        one = hit.word.casefold() == "one"
        last.pronoun = "" if named else "one"
        last.hits += [replace(each, word=hit.word, sign=hit.sign, where=False, single=one) for each in named[-1:]]


def _settle(group: _Group) -> None:
    """Settle what only the whole of a clause tells: which way is up, and what is only a comparison."""
    way = next((way for verb, way in (("raise", "up"), ("lower", "down")) if verb in group.verbs), "")
    if way == "up" and group.first("weather") and not group.first("thing"):
        # "Lift the fog".
        group.verbs.append("remove")
    elif way:
        group.verbs.append("more" if way == "up" else "less")
        group.hits.append(Hit("height", way, ""))
    for at, hit in enumerate(group.hits):
        counted = vocabulary.COUNTED.get(hit.word.removesuffix("の")[-1:]) if hit.kind == "number" else None
        if counted and all(each.name != counted for each in group.hits):
            group.hits.insert(at, replace(hit, kind="thing", name=counted, where=False))
            break
    if group.first("colour"):
        group.hits = [hit for hit in group.hits if not (hit.like and hit.kind in ("time", "weather"))]


def _begin(groups: list[_Group], hit: Hit) -> None:
    """Take an English verb: it opens a clause, unless it is passive ("should be removed") or "don't" stands before."""
    last = groups[-1]
    word = hit.word.casefold()
    if "move" in last.verbs and word in ("up", "down"):
        last.hits.append(replace(hit, kind="height", name=word))
        return
    passive = word.endswith("ed") or hit.special("closing")
    first_of_not = last.verb in UNWANTED and not last.hits and len(last.verbs) == 1
    if (last.hits and not passive) or (hit.name in _OPENING and last.verbs and not first_of_not):
        last = _Group()
        groups.append(last)
    last.verbs.append(hit.name)


def _end(groups: list[_Group], hit: Hit) -> None:
    """Take a Japanese verb: it ends its clause; "without" and "not" are of the last noun only, if no verb is before."""
    last = groups[-1]
    if hit.name == "instead" and last.hits and last.hits[-1].kind in _ADJECTIVES:
        # "空を青ではなくピンクに": the sky stays what it is about.
        groups.insert(-1, _Group(verbs=[hit.name], hits=[last.hits.pop()]))
        return
    if hit.name in ("not", "without", "keep") and not last.verbs and not hit.word.startswith("も"):
        at = max((at for at, each in enumerate(last.hits) if each.kind in (*NOUNS, *_STATES)), default=0)
        before, last.hits = last.hits[:at], last.hits[at:]
        if before:
            groups.insert(-1, _Group(hits=before))
    if hit.name == "remove" and not any(group.hits for group in groups):
        last.pronoun = "it"
    last.verbs.append(hit.name)
    last.ended = True


def _paired(groups: list[_Group]) -> list[_Group]:
    """Join "red and white": what is drawn has one colour, the first that is not white; another is left out."""
    joined = groups[:1]
    for group in groups[1:]:
        last = joined[-1]
        pair = [*last.hits[-1:], *group.hits[:1]]
        if group.after not in ("and", "&", "と", "や") or [hit.kind for hit in pair] != ["colour", "colour"]:
            joined.append(group)
            continue
        pair.sort(key=lambda hit: hit.name == "white")
        left_out = [] if pair[1].name == "white" else [replace(pair[1], kind="left out")]
        last.hits[-1:] = [pair[0], *group.hits[1:], *left_out]
        last.verbs += group.verbs
        last.ended = last.ended or group.ended
    return joined


def _merged(groups: list[_Group]) -> list[Clause]:
    """Share verbs and adjectives between neighbours: "add clouds and palms", "the sea and the sky darker"."""
    result: list[Clause] = []
    waiting: list[_Group] = []
    for at, group in enumerate(groups):
        said, verb = tuple(group.hits), group.verb
        following = groups[at + 1] if at + 1 < len(groups) else None
        if verb not in UNWANTED and following and _waits(said, verb, following):
            waiting.append(group)
            continue
        verb = verb if verb in UNWANTED else verb or _neighbour(groups, at)
        for each in waiting:
            adjectives = tuple(hit for hit in said if hit.kind in _ADJECTIVES)
            result.append(Clause(verb or each.verb, (*each.hits, *adjectives)))
        if verb not in UNWANTED and result and result[-1].verb not in UNWANTED and said and _bare(said, result[-1]):
            if not waiting:
                less = group.verb == "less"
                said = tuple(replace(hit, sign=-1) if less else hit for hit in said)
                result[-1] = replace(result[-1], hits=result[-1].hits + said)
        else:
            result.append(Clause(verb, said, group.pronoun))
        waiting = []
    return result


def _waits(said: tuple[Hit, ...], verb: str, following: _Group) -> bool:
    """Whether a clause names only what the next one says something of."""
    complete = any(hit.kind in (*_ADJECTIVES, *_STATES) or hit.sign for hit in said)
    if complete or not said or following.verb in UNWANTED or any(hit.kind == "unknown" for hit in said):
        return False
    says = any(hit.kind in _ADJECTIVES or (hit.kind == "side") for hit in following.hits)
    nouns = any(hit.kind in NOUNS for hit in following.hits)
    if said[-1].japanese:
        return not verb and says and nouns
    pronoun = bool(following.verb) and not nouns and says
    return verb in ("make", "move", "turn", "", "more", "less") and ((says and nouns and not following.verb) or pronoun)


def _bare(said: tuple[Hit, ...], before: Clause) -> bool:
    """Whether there are only adjectives, of a noun before: "make the sky darker and more vibrant"."""
    if not all(hit.kind in _ADJECTIVES for hit in said):
        return False
    if before.pronoun:
        return all(hit.kind in ("colour", "size", "side", "height") for hit in (*before.hits, *said))
    return bool(before.regions) or (before.first("thing") is not None and before.verb not in GONE)


def _neighbour(groups: list[_Group], at: int) -> str:
    """Give the verb of the clause before, or in Japanese behind."""
    if not groups[at].hits:
        return ""
    japanese = groups[at].hits[-1].japanese
    alone = groups[at].after in vocabulary.SPECIAL["fresh"] or any(
        hit.kind in ("number", "colour") for hit in groups[at].hits
    )
    # "Without clouds and palms", but not "without clouds, palms": that is the next thing in the picture.
    passed_over = UNWANTED if groups[at].after in ("and", "&") else _OPENING
    earlier = next((each.verb for each in reversed(groups[:at]) if each.verb and each.verb not in passed_over), "")
    later = next((each.verb for each in groups[at + 1 :] if each.verb and each.verb not in _OPENING), "")
    if japanese and not later and alone and earlier in ("remove", "less"):
        # "気球を消して、鳥を五羽": what is said behind the last verb is not to go.
        return ""
    return (later or earlier) if japanese else (earlier or later)


@dataclass(frozen=True, slots=True)
class Noun:
    """A noun with what was said of it."""

    hit: Hit
    said: tuple[Hit, ...] = ()

    def last(self, kind: str) -> Hit | None:
        """Give the last hit of this kind that was said of it: "turn the red house blue"."""
        return next((hit for hit in reversed(self.said) if hit.kind == kind), None)


def nouns(clause: Clause, *kinds: str) -> list[Noun]:
    """Give the nouns of a clause, each with the adjectives, the number and the side that belong to it.

    English says these before the noun and "on the left" behind it; Japanese the other way round, but for "三本" in
    "ヤシを三本". At the end of a clause they belong to the noun that there is.
    """
    at = [number for number, hit in enumerate(clause.hits) if hit.kind in (*NOUNS, "time", "weather")]
    said: dict[int, list[Hit]] = {each: [] for each in at}
    for number, hit in enumerate(clause.hits):
        if number in said or not at:
            continue
        before, after = [each for each in at if each < number], [each for each in at if each > number]
        counted = hit.kind == "number" and not hit.word.endswith("の")
        backward = counted if hit.japanese else hit.behind or hit.kind in ("side", "edge")
        said[before[-1] if before and (backward or not after) else after[0]].append(hit)
    return [Noun(clause.hits[each], tuple(said[each])) for each in at if clause.hits[each].kind in kinds]
