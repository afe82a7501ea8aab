"""Reading words: a text is cut into hits, the longest runs that the vocabulary knows and the words that it does not.

English goes by whole words and their plurals, up to four at a time; Japanese, which has no spaces, by the longest run
of characters, with hiragana that means nothing taken for grammar. What is unknown is kept if it could be a noun, so
that it can be named.
"""

# ruff: noqa: PLR2004 - lengths of words and endings

from __future__ import annotations

import difflib
import re
import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from imgmagic.engines.sketch import vocabulary
from imgmagic.errors import SketchError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Longer texts are read up to here.
_LONGEST = 4_000
#: Hits beyond these are not read: nobody names more, and the time to read must not grow with nonsense.
_MOST_HITS = 300
_TOKEN = re.compile(r"[^\W_]+(?:['’&-][^\W_]+)*|[,;.!?，、。；！？&]")
_JAPANESE = re.compile("[\u3005\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_HIRAGANA = re.compile("^[\u3040-\u309f\u30fc]+$")
#: Endings of words that say how or what happens, not what there is.
_NOT_NOUNS = re.compile(r"(?:\w{3,}ing|\w{3,}ly|\w{3,}ed|\w{2,}ful|\w{2,}ous|\w{2,}ish|\w{2,}less|\w{2,}est)$")
_NOUNS = {
    "building",
    "king",
    "wedding",
    "painting",
    "ceiling",
    "evening",
    "butterfly",
    "family",
    "jelly",
    "bed",
    "forest",
    "chest",
    "nest",
    "priest",
    "fish",
    "dish",
    "wing",
    "ring",
    "string",
    "spring",
    "swing",
    "lily",
    "sled",
    "shed",
    "seed",
    "jellyfish",
    "dragonfly",
    "viking",
    "duckling",
}


@dataclass(frozen=True, slots=True)
class Hit:
    """A run of the text: its kind (a table of the vocabulary, or ``unknown``), its English name, its words."""

    kind: str
    name: str
    word: str


@lru_cache(maxsize=1)
def _index() -> dict[str, tuple[Hit, ...]]:
    """Map every known word to what it may mean; built once, at first use."""
    index: dict[str, tuple[Hit, ...]] = {}
    tables: tuple[tuple[str, dict[str, str]], ...] = (
        ("verb", vocabulary.VERBS),
        ("number", vocabulary.NUMBERS),
        ("place", vocabulary.PLACES),
        ("thing", vocabulary.THINGS),
        ("time", vocabulary.TIMES),
        ("weather", vocabulary.WEATHERS),
        ("colour", {name: words for name, (_, words) in vocabulary.COLOURS.items()}),
        ("more of", {colour: word for word, colour in vocabulary.MORE_OF.items()}),
        ("adjustment", {name: words for name, (_, words) in vocabulary.ADJUSTMENTS.items()}),
        ("region", vocabulary.REGIONS),
        ("filter", vocabulary.FILTERS),
        ("side", vocabulary.SIDES),
        ("size", vocabulary.SIZES),
        ("filler", {"": vocabulary.FILLER}),
    )
    for kind, table in tables:
        for name, words in table.items():
            for word in (each.strip() for each in words.split(",")):
                if word:
                    index.setdefault(word, ())
                    index[word] += (Hit(kind, name, word),)
    for word in vocabulary.MORE_OF:
        index[word] = (Hit("more of", vocabulary.MORE_OF[word], word),)
    for word in vocabulary.BREAKS:
        index[word] = (Hit("break", "", word),)
    return index


def _stems(word: str) -> Iterator[str]:
    yield word
    if word.endswith("ies") and len(word) > 4:
        yield word[:-3] + "y"
    if word.endswith("es") and len(word) > 4:
        yield word[:-2]
    if word.endswith("s") and len(word) > 3:
        yield word[:-1]
    if word.endswith(("'s", "’s")):
        yield word[:-2]


def _known(words: list[str]) -> tuple[Hit, ...]:
    index = _index()
    head = " ".join(words[:-1])
    for last in _stems(words[-1]):
        found = index.get(f"{head} {last}".strip())
        if found:
            return found
    return ()


def hits(text: str) -> list[Hit]:
    """Cut a text into known and unknown runs."""
    plain = unicodedata.normalize("NFKC", text[:_LONGEST]).casefold()
    plain = re.sub("[’‘ʼ´`]", "'", plain)
    tokens: list[str] = _TOKEN.findall(plain)
    found: list[Hit] = []
    at = 0
    while at < len(tokens) and len(found) < _MOST_HITS:
        if tokens[at] == "without" and at + 1 < len(tokens) and _doing(tokens[at + 1]):
            found.append(Hit("verb", "not", f"without {tokens[at + 1]}"))
            at += 2
            continue
        for size in (4, 3, 2, 1):
            known = _known(tokens[at : at + size]) if at + size <= len(tokens) else ()
            if known:
                found.append(replace(known[0], word=" ".join(tokens[at : at + size])))
                at += size
                break
        else:
            found += _unknown(tokens[at])
            at += 1
    return found[:_MOST_HITS]


def _doing(word: str) -> bool:
    """Whether a word says what is done, as in "without changing the sky", and is no noun as in "without building"."""
    noun = word in _NOUNS or any(hit.kind in ("thing", "place", "time", "weather") for hit in _known([word]))
    return word.endswith("ing") and len(word) > 5 and not noun


def _unknown(token: str) -> list[Hit]:
    if token.endswith("n't"):
        return [Hit("verb", "not", token)]
    if _JAPANESE.search(token):
        return _japanese(token)
    if "-" in token:
        parts = [hit for part in token.split("-") for hit in (_known([part])[:1] or [Hit("unknown", "", part)])]
        if any(part.kind != "unknown" for part in parts):
            return [part for part in parts if part.kind != "unknown"]
    if token.isdigit():
        return [Hit("number", token, token)] if len(token) < 4 else []
    if len(token) < 2 or (token not in _NOUNS and _NOT_NOUNS.match(token)):
        return []
    return [Hit("unknown", "", token)]


def _japanese(token: str) -> list[Hit]:
    index, found, at, rest = _index(), list[Hit](), 0, ""
    while at < len(token):
        for size in range(min(8, len(token) - at), 0, -1):
            known = index.get(token[at : at + size])
            # A single kana is a particle, except "と" between two nouns.
            if known and (size > 1 or not _HIRAGANA.match(token[at]) or token[at] == "と"):
                found += _leftover(rest)
                rest = ""
                found.append(replace(known[0], word=token[at : at + size]))
                at += size
                break
        else:
            if _HIRAGANA.match(token[at]):
                found += _leftover(rest)
                rest = ""
            else:
                rest += token[at]
            at += 1
    return found + _leftover(rest)


def _leftover(rest: str) -> list[Hit]:
    return (
        [Hit("number", rest, rest)] if rest.isdigit() and len(rest) < 4 else [Hit("unknown", "", rest)] if rest else []
    )


def number(hit: Hit) -> int:
    """Give the number that a hit says, 0 to the most that is drawn."""
    try:
        return max(0, min(int(hit.name), vocabulary.MOST))
    except ValueError:
        return 0


# What can be done, for the errors


def suggestion(words: tuple[str, ...]) -> str:
    """Give the nearest known word to an unknown one, as a question; empty if none is near."""
    known = sorted(
        word
        for word, found in _index().items()
        if found[0].kind in ("thing", "place", "time", "weather", "colour", "region", "filter", "adjustment")
    )
    for word in words:
        near = difflib.get_close_matches(word[:40], known, n=1, cutoff=0.72)
        if near:
            meant = _index()[near[0]][0]
            return f"'{word}': did you mean {meant.name if meant.kind == 'thing' else near[0]}? "
    return ""


def refusal(message: str, words: tuple[str, ...] = ()) -> SketchError:
    """Make the error that says what can be done instead."""
    things = ", ".join(vocabulary.THINGS)
    able = (
        "The sketch engine can: make the sky (or water, ground) a colour, deeper, brighter or darker; "
        f"make it {', '.join((*vocabulary.TIMES, *vocabulary.WEATHERS))}; add or remove {things}; "
        "make it black and white, vintage, warmer, cooler, brighter, darker."
    )
    return SketchError(message, hint=suggestion(words) + able)
