"""Clauses: what an instruction asks for, before it is known what it is asked of.

An instruction is cut at "and", commas and full stops. Each clause has a verb (its own, or the one before) and an
object, the first noun in it. If the object is unknown the clause is not done: better refused than wrong. The same
clauses edit a `Scene` (`instructions`) and the pixels of a picture that has none (`photo`).
"""

from __future__ import annotations

from dataclasses import dataclass

from imgmagic.engines.sketch import vocabulary
from imgmagic.engines.sketch.lexicon import Hit, hits, refusal

#: Kinds of hits that can be the object of a clause.
NOUNS = ("thing", "region", "place", "unknown")


@dataclass(frozen=True, slots=True)
class Clause:
    """One thing that an instruction asks for: a verb (``make`` if none was said) and the hits it applies to."""

    verb: str
    hits: tuple[Hit, ...]

    def first(self, *kinds: str) -> Hit | None:
        """Give the first hit of these kinds."""
        return next((hit for hit in self.hits if hit.kind in kinds), None)

    def every(self, kind: str) -> list[str]:
        """Give the names of all hits of a kind."""
        return [hit.name for hit in self.hits if hit.kind == kind]

    @property
    def unknown(self) -> tuple[str, ...]:
        """The words that mean nothing here."""
        return tuple(hit.word for hit in self.hits if hit.kind == "unknown")

    @property
    def strange(self) -> bool:
        """Whether the object is unknown; an unknown word before a known thing is an adjective: "fluffy clouds"."""
        at = next((at for at, hit in enumerate(self.hits) if hit.kind in NOUNS), None)
        if at is None or self.hits[at].kind != "unknown":
            return False
        return not (
            at + 1 < len(self.hits)
            and self.hits[at + 1].kind in ("thing", "colour", "size", "adjustment")
            and any(hit.kind == "thing" for hit in self.hits[at + 1 : at + 4])
        )

    @property
    def region(self) -> str:
        """``sky``, ``water``, ``ground`` or empty."""
        hit = self.first("region")
        if hit is not None:
            return hit.name
        place = self.first("place")
        return vocabulary.REGION_OF.get(place.name, "") if place is not None else ""


def clauses(instruction: str) -> list[Clause]:
    """Cut an instruction into clauses, each with its verb.

    Raises
    ------
    SketchError
        If it says what not to do: to do half of it, or the contrary, would be worse.
    """
    groups: list[list[Hit]] = [[]]
    for hit in hits(instruction):
        if hit.kind == "verb" and hit.name == "not":
            raise refusal(
                f"The sketch engine does not understand negations ({hit.word!r}) in instructions, "
                "except 'without' or 'no' with a thing to remove."
            )
        if hit.kind == "break":
            groups.append([])
        else:
            groups[-1].append(hit)
    said = [(_verb(group), tuple(hit for hit in group if hit.kind != "verb")) for group in groups]
    verbs = [verb for verb, _ in said]
    result = []
    for at, (verb, rest) in enumerate(said):
        # "add clouds and palms": the verb before; "雲とヤシを追加": the verb behind.
        earlier = next((each for each in reversed(verbs[:at]) if each), "")
        later = next((each for each in verbs[at + 1 :] if each), "")
        if any(hit.kind != "filler" for hit in rest):
            result.append(Clause(verb or earlier or later or "", rest))
    return _joined(result)


def _verb(group: list[Hit]) -> str:
    said = [hit.name for hit in group if hit.kind == "verb"]
    for strong in ("remove", "less", "add", "more", "make"):
        if strong in said:
            return strong
    return ""


def _joined(found: list[Clause]) -> list[Clause]:
    """Give a clause of bare adjectives to the noun before it: "make the sky darker and more vibrant"."""
    result: list[Clause] = []
    for clause in found:
        bare = not clause.first(*NOUNS, "time", "weather", "filter", "number")
        if result and bare and result[-1].region:
            result[-1] = Clause(result[-1].verb, result[-1].hits + clause.hits)
        else:
            result.append(clause)
    return result
