"""The lexicon: what the words of the vocabulary mean, in any form, and what is said of words that it does not have."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

from imgmagic.engines.sketch import vocabulary
from imgmagic.errors import SketchError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: How many unknown words, of how many letters, are looked at for a nearest known word.
_MOST_GUESSED, _LONGEST_GUESSED = 3, 20
JAPANESE = re.compile("[\u3005\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")


@dataclass(frozen=True, slots=True)
class Hit:
    """A run of the text.

    Parameters
    ----------
    kind
        A table of the vocabulary in the singular, or ``unknown``.
    name
        Its English name there.
    word
        The run as it was typed.
    sign, power
        Of what was said before it: 1 for more, -1 for less, 0 for neither; how strongly, 1 being usual.
    where
        Whether it says where something else is: "next to the lighthouse".
    single, definite
        Whether it is one, "a bird", or one that is known, "the bird".
    behind
        Whether it is said of what stands before it: "a woman in red", "a man in a red coat".
    like
        Whether it is what something is like: "orange like a sunset".
    """

    kind: str
    name: str
    word: str
    sign: int = 0
    power: float = 1.0
    where: bool = False
    single: bool = False
    behind: bool = False
    definite: bool = False
    like: bool = False

    @property
    def japanese(self) -> bool:
        """Whether it was said in Japanese."""
        return bool(JAPANESE.search(self.word))

    @property
    def thing(self) -> str:
        """The kind of thing that it means, also a place that is seen far off; empty if none."""
        place = vocabulary.BACKDROPS.get(self.name, "") if self.kind == "place" else ""
        return self.name if self.kind == "thing" else place

    @property
    def region(self) -> str:
        """The region that it stands for in "make the … blue", ``sky``, ``water`` or ``ground``; empty if none."""
        place = vocabulary.REGION_OF.get(self.name, "") if self.kind == "place" else ""
        return self.name if self.kind == "region" else place

    @property
    def plural(self) -> bool:
        """Whether it is a thing of which there are several: "boats", "people"."""
        word = self.word.casefold().replace("-", " ")
        inflected = word.endswith("s") and not word.endswith("'s") and word not in index()
        return self.kind == "thing" and (inflected or self.special("plural"))

    def special(self, *ways: str) -> bool:
        """Whether the word is special in one of these ways; see `vocabulary.SPECIAL`."""
        return any(self.word.casefold() in vocabulary.SPECIAL[way] for way in ways)


@lru_cache(maxsize=1)
def index() -> dict[str, Hit]:
    """Map every known word to what it means; built once, at first use."""
    found: dict[str, Hit] = {}
    for kind, names in vocabulary.WORDS.items():
        for name, words in names.items():
            vague = kind == "vague place"
            meant = Hit("place", name, "", power=VAGUE) if vague else Hit(kind, _NAMELESS.get(name, name), "")
            for word in words:
                found.setdefault(word, replace(meant, word=word))
    return found


#: Names in the vocabulary that stand for none.
_NAMELESS = {"plain": "", "wider": ""}
#: The power of a word that names a place only if no other does.
VAGUE = 0.1
_COMPARED = ("colour", "adjustment", "weather", "cover", "wave", "size", "force")
_ACTED = ("verb", "geometry", "adjustment", "size", "style")
_INFLECTED = (("er", _COMPARED, 1), ("est", (*_COMPARED, "filler"), 1), ("ing", _ACTED, 0), ("ed", _ACTED, 0))
_PLURALS = (("s", ""), ("es", ""), ("ies", "y"), ("ves", "f"), ("'s", ""), ("men", "man"))


def _forms(word: str) -> Iterator[tuple[str, tuple[str, ...], int]]:
    """Give what a word may be a form of: the base, the kinds it can be of (any if none), and a sign for "more"."""
    for ending, other in _PLURALS:
        if word.endswith(ending) and len(word) > len(ending) + 1:
            yield word.removesuffix(ending) + other, (), 0
    for ending, kinds, sign in _INFLECTED:
        stem = word.removesuffix(ending)
        if stem != word and len(stem) > 2:  # noqa: PLR2004 - no word is shorter
            yield stem, kinds, sign
            yield stem + "e", kinds, sign
            if stem[-1] in ("i", stem[-2]):
                yield stem[:-1] + ("y" if stem[-1] == "i" else ""), kinds, sign


def known(phrase: str) -> Hit | None:
    """Look a phrase up, its last word in any form."""
    found = index().get(phrase)
    if found is not None:
        return found
    head, _, last = phrase.rpartition(" ")
    for base, kinds, sign in _forms(last):
        found = index().get(f"{head} {base}".strip())
        if found is None or (kinds and found.kind not in kinds) or found.kind == "break":
            continue
        if found.kind == "size" and sign:
            return replace(found, name={"small": "smaller", "large": "larger"}.get(found.name, found.name))
        if found.kind != "filler" or last.endswith(("s", "est")):
            return replace(found, sign=sign)
    return None


# What can be done, for the errors


def suggestion(words: Iterable[str]) -> str:
    """Give the nearest known word to an unknown one, as a question; empty if none is near."""
    kinds = ("thing", "place", "time", "weather", "colour", "region", "style", "adjustment")
    strange = (each for each in words if len(each) <= _LONGEST_GUESSED and known(each.casefold()) is None)
    for word in islice(strange, _MOST_GUESSED):
        likely = {other: hit for other, hit in index().items() if hit.kind in kinds and abs(len(other) - len(word)) < 3}  # noqa: PLR2004
        near = difflib.get_close_matches(word.casefold(), likely, n=1, cutoff=0.72)
        if near:
            meant = likely[near[0]]
            shown = vocabulary.CALLED.get(meant.name, meant.name) if meant.kind == "thing" else near[0]
            return f"'{word}': did you mean {shown}? "
    return ""


def refusal(message: str, words: Iterable[str] = ()) -> SketchError:
    """Make the error that says what can be done instead."""
    things = ", ".join(vocabulary.CALLED.get(each, each) for each in vocabulary.THINGS)
    able = (
        "The sketch engine can: make the sky, water or ground a colour, deeper, brighter or darker; "
        f"make it {', '.join((*vocabulary.TIMES, *vocabulary.WEATHERS, *vocabulary.SEASONAL))}; "
        "raise or lower the sun; add or remove, move, enlarge or count "
        f"{things}; make it {', '.join(vocabulary.STYLES)}, warmer, cooler, brighter, darker; "
        f"{', '.join(vocabulary.GEOMETRY)} the picture."
    )
    return SketchError(message, hint=suggestion(words) + able)
