"""Clauses: what a text asks for, before it is known what it is asked of.

A text is cut at "and", commas, full stops and new verbs; in Japanese, where the verb is said last, behind it. Each
clause has a verb (its own, or that of a neighbour) and the hits that it is about. The same clauses make a `Scene`
(`words`), edit it (`instructions`), and edit the pixels of a picture that has none (`photo`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from imgmagic.engines.sketch import vocabulary
from imgmagic.engines.sketch.lexicon import Hit
from imgmagic.engines.sketch.reading import hits

#: Kinds of hits that can be the object of a clause.
NOUNS = ("thing", "region", "place", "unknown")
#: Kinds of hits that are not drawn.
UNDRAWN = ("unknown", "left out")
#: Kinds of hits that say how something becomes, and those that can be said of a noun that another clause has.
_ADJECTIVES = ("colour", "adjustment", "wave", "force", "size", "side", "edge", "height")
_STATES = ("time", "weather", "cover", "style", "geometry", "number")
#: The stronger verb of a clause counts: "don't add", "make ... smaller and remove".
_STRONGEST = tuple(vocabulary.WORDS["verb"])
#: What "raise" and "lower" are of what neither shines nor flies, and which way they go.
_VERTICAL = {"raise": ("more", "up"), "lower": ("less", "down")}
#: Verbs after which a clause is about what must not be.
UNWANTED = ("not", "keep", "instead")
#: Verbs of what there is to be no more.
GONE = ("remove", "without")
_OPENING = (*UNWANTED, "without")


@dataclass(slots=True)
class Clause:
    """One thing that a text asks for: a verb (empty if none was said) and the hits it applies to."""

    verb: str = ""
    hits: list[Hit] = field(default_factory=list)
    #: What stands for what it is about: "it", "them", or "one" in "add a red one"; empty if nothing does.
    pronoun: str = ""
    #: The mark or word before it, and whether its verb is its end, as in Japanese.
    after: str = ""
    ended: bool = False

    def first(self, *kinds: str) -> Hit | None:
        """Give the first hit of these kinds."""
        return next(iter(self.every(*kinds)), None)

    def every(self, *kinds: str) -> list[Hit]:
        """Give all hits of these kinds."""
        return [hit for hit in self.hits if hit.kind in kinds]

    def names(self, kind: str) -> list[str]:
        """Give the names of all hits of a kind."""
        return [hit.name for hit in self.every(kind)]

    @property
    def sign(self) -> int:
        """-1 if the verb asks for less of what is said, else 1."""
        return -1 if self.verb in ("less", *GONE) else 1

    @property
    def unknown(self) -> tuple[str, ...]:
        """The words that mean nothing here."""
        worn = () if "person" in self.names("thing") else ("garment",)
        return tuple(hit.word for hit in self.every(*UNDRAWN, *worn))

    @property
    def strange(self) -> bool:
        """Whether the object is unknown; an unknown word before a known thing is an adjective: "fluffy clouds"."""
        at = next((at for at, hit in enumerate(self.hits) if hit.kind in NOUNS and not hit.where), None)
        if at is None or self.hits[at].kind != "unknown":
            return False
        following = [
            hit.kind if not hit.where or number else "" for number, hit in enumerate(self.hits[at + 1 : at + 4])
        ]
        adjective = "thing" in following and following[0] in ("thing", "colour", "size", "adjustment")
        return self.hits[at].japanese or not adjective

    @property
    def regions(self) -> list[str]:
        """The regions that are named; if none is, those that its places stand for."""
        named = self.every("region") or self.every("place")
        return list(dict.fromkeys(hit.region for hit in named if hit.region))


def clauses(text: str) -> list[Clause]:
    """Cut a text into clauses, each with its verb."""
    found = [Clause()]
    every = hits(text)
    for at, hit in enumerate(every):
        if hit.kind == "break":
            found.append(Clause(after=hit.word.casefold()))
        elif hit.kind == "verb":
            (_end if hit.japanese else _begin)(found, hit)
        else:
            if found[-1].ended:
                found.append(Clause())
            # "An island with one tall palm" has one; "a white one" is a white boat.
            kinds = [each.kind for each in every[at + 1 : at + 3] if each.kind not in ("size", "colour")]
            counts = hit.word.casefold() == "one" and kinds[:1] == ["thing"]
            _take(found, replace(hit, word="1") if counts else hit)
    for each in found:
        _settle(each)
    return _merged([each for each in _paired(found) if each.hits or each.pronoun or each.verb in UNWANTED])


def _act(clause: Clause, verb: str) -> None:
    """Give a clause a verb; the stronger one counts."""
    clause.verb = min(verb, clause.verb or verb, key=_STRONGEST.index)


def _begin(found: list[Clause], hit: Hit) -> None:
    """Take an English verb: it opens a clause, unless it is passive ("should be removed") or "don't" stands before."""
    last, word = found[-1], hit.word.casefold()
    if word in ("up", "down") and (last.verb == "move" or (last.verb == "add" and last.first("thing"))):
        last.hits.append(replace(hit, kind="height", name=word))
        return
    passive = word.endswith("ed") or hit.special("closing")
    forbidden = last.verb in UNWANTED and not last.hits
    if (last.hits and not passive) or (hit.name in _OPENING and last.verb and not forbidden):
        found.append(Clause())
    _act(found[-1], hit.name)


def _end(found: list[Clause], hit: Hit) -> None:
    """Take a Japanese verb: it ends its clause; "without" and "not" are of the last noun only, if no verb is before."""
    last = found[-1]
    if hit.name == "instead" and last.hits and last.hits[-1].kind in _ADJECTIVES:
        # "空を青ではなくピンクに": the sky stays what it is about.
        found.insert(-1, Clause(hit.name, [last.hits.pop()]))
        return
    if hit.name in ("not", "without", "keep") and not last.verb and not hit.word.startswith("も"):
        at = max((at for at, each in enumerate(last.hits) if each.kind in (*NOUNS, *_STATES)), default=0)
        found.insert(-1, Clause(hits=last.hits[:at]))
        last.hits = last.hits[at:]
    if hit.name == "remove" and not any(each.hits for each in found):
        last.pronoun = "it"
    _act(last, hit.name)
    last.ended = True


def _take(found: list[Clause], hit: Hit) -> None:
    """Take what is no verb; a pronoun is what was named before, or it is left open: "two red boats, a white one"."""
    last = found[-1]
    if hit.kind == "pronoun":
        last.pronoun = "them" if hit.special("them") else "it"
    elif hit.word.casefold() not in ("one", "ones") or not (last.hits or hit.sign):
        last.hits.append(hit)
    elif not last.first(*NOUNS):
        named = [noun for each in found for noun in each.every("thing")][-1:]
        one = hit.word.casefold() == "one"
        last.pronoun = "" if named else "one"
        last.hits += [replace(noun, word=hit.word, sign=hit.sign, where=False, single=one) for noun in named]


def _settle(clause: Clause) -> None:
    """Settle what only the whole of a clause tells: which way is up, who is counted, and what is only a comparison."""
    if clause.verb in _VERTICAL:
        verb, way = _VERTICAL[clause.verb]
        lifted = verb == "more" and clause.first("weather") and not clause.first("thing")
        # "Lift the fog".
        clause.verb = "remove" if lifted else verb
        clause.hits += [] if lifted else [Hit("height", way, "")]
    for hit in clause.every("number"):
        counted = vocabulary.COUNTED.get(hit.word.removesuffix("の")[-1:])
        if counted and counted not in clause.names("thing"):
            clause.hits.insert(clause.hits.index(hit), replace(hit, kind="thing", name=counted, where=False))
    if clause.first("colour"):
        clause.hits = [hit for hit in clause.hits if not (hit.like and hit.kind in ("time", "weather"))]


def _paired(found: list[Clause]) -> list[Clause]:
    """Join "red and white", as a thing has one colour, the first that is not white; "a red and a white one" are two."""
    joined = found[:1]
    for clause in found[1:]:
        last = joined[-1]
        pair = [*last.hits[-1:], *clause.hits[:1]]
        if clause.after not in ("and", "&", "と", "や") or [hit.kind for hit in pair] != ["colour", "colour"]:
            joined.append(clause)
            continue
        if pair[1].single:
            last.hits += clause.every("thing")[:1]
            joined.append(clause)
            continue
        one, other = sorted(pair, key=lambda hit: hit.name == "white")
        left_out = [] if other.name == "white" else [replace(other, kind="left out")]
        verb, ended = clause.verb or last.verb, last.ended or clause.ended
        joined[-1] = replace(last, verb=verb, ended=ended, hits=[*last.hits[:-1], *left_out, one, *clause.hits[1:]])
    return joined


def _merged(found: list[Clause]) -> list[Clause]:
    """Share verbs and adjectives between neighbours: "add clouds and palms", "the sea and the sky darker"."""
    result, waiting = list[Clause](), list[Clause]()
    for at, clause in enumerate(found):
        if at + 1 < len(found) and _waits(clause, found[at + 1]):
            waiting.append(clause)
            continue
        verb = clause.verb or _neighbour(found, at)
        shared = _trailing(clause)
        result += [replace(each, verb=verb or each.verb, hits=each.hits + shared) for each in waiting]
        if result and not {verb, result[-1].verb} & {*UNWANTED} and _bare(clause, result[-1]):
            less = clause.verb == "less"
            more = [] if waiting else [replace(hit, sign=-1) if less else hit for hit in clause.hits]
            result[-1] = replace(result[-1], hits=result[-1].hits + more)
        else:
            result.append(replace(clause, verb=verb))
        waiting = []
    return result


def _waits(clause: Clause, following: Clause) -> bool:
    """Whether a clause names only what the next one says something of."""
    complete = any(hit.kind in (*_ADJECTIVES, *_STATES, "unknown") or hit.sign for hit in clause.hits)
    if complete or not clause.hits or {clause.verb, following.verb} & {*UNWANTED}:
        return False
    says, nouns = _trailing(following), following.first(*NOUNS)
    if clause.hits[-1].japanese or not says:
        return bool(not clause.verb and says and nouns)
    return clause.verb in ("make", "move", "turn", "", "more", "less") and bool(nouns) is not bool(following.verb)


def _trailing(clause: Clause) -> list[Hit]:
    """Give what a clause may say of nouns before it: "white" in "hills, clouds white", not in "hills, white clouds"."""
    at = next((at for at, hit in enumerate(clause.hits) if hit.kind in NOUNS), 0)
    return [hit for hit in clause.hits[at:] if hit.kind in _ADJECTIVES]


def _bare(clause: Clause, before: Clause) -> bool:
    """Whether there are only adjectives, of a noun before: "make the sky darker and more vibrant"."""
    if not clause.hits or len(clause.every(*_ADJECTIVES)) < len(clause.hits):
        return False
    if before.pronoun:
        return all(hit.kind in ("colour", "size", "side", "height") for hit in (*before.hits, *clause.hits))
    return bool(before.regions) or (before.first("thing") is not None and before.verb not in GONE)


def _neighbour(found: list[Clause], at: int) -> str:
    """Give the verb of the clause before, or in Japanese behind."""
    clause = found[at]
    if not clause.hits:
        return ""
    # "Without clouds and palms", but not "without clouds, palms": that is the next thing in the picture.
    passed_over = UNWANTED if clause.after in ("and", "&") else _OPENING
    earlier = next((each.verb for each in reversed(found[:at]) if each.verb and each.verb not in passed_over), "")
    later = next((each.verb for each in found[at + 1 :] if each.verb and each.verb not in _OPENING), "")
    if not clause.hits[-1].japanese:
        return earlier or later
    # "気球を消して、鳥を五羽": what is said behind the last verb is not to go.
    alone = clause.after in vocabulary.SPECIAL["fresh"] or clause.first("number", "colour")
    return later or ("" if alone and earlier in ("remove", "less") else earlier)


@dataclass(frozen=True, slots=True)
class Noun:
    """A noun with what was said of it."""

    hit: Hit
    said: tuple[Hit, ...] = ()

    def last(self, kind: str) -> Hit | None:
        """Give the last hit of this kind that was said of it: "turn the red house blue"."""
        return next((hit for hit in reversed(self.said) if hit.kind == kind), None)

    @property
    def number(self) -> int | None:
        """How many there are to be, 0 to the most that is drawn."""
        said = self.last("number")
        return None if said is None else max(0, min(round(float(said.name)), vocabulary.MOST))


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
