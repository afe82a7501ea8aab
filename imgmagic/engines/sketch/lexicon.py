"""Reading words: a text is cut into hits, the longest runs that the vocabulary knows and the nouns that it does not.

English goes by whole words in any form, up to five at a time; Japanese, which has no spaces, by the longest run of
characters, with hiragana that means nothing taken for grammar. What is unknown is kept if it could be a noun, as it was
typed, so that it can be named.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

from imgmagic.engines.sketch import vocabulary
from imgmagic.errors import SketchError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Longer texts are read up to here, and hits beyond these are not read: the time must not grow with nonsense.
_LONGEST, _MOST_HITS = 4_000, 200
_LONGEST_PHRASE, _LONGEST_RUN = 5, 12
#: How many unknown words, of how many letters, are looked at for a nearest known word.
_MOST_GUESSED, _LONGEST_GUESSED = 3, 20
_KANA, _KANJI = "\u3040-\u309f\u30fc", "\u3005\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_KATAKANA = "\u30a0-\u30ff"
_TOKEN = re.compile(
    rf"[{_KANA}{_KANJI}{_KATAKANA}0-9]*[{_KANA}{_KANJI}{_KATAKANA}]+[{_KANA}{_KANJI}{_KATAKANA}0-9]*"
    rf"|\d+(?:\.\d+)?(?![^\W_{_KANA}{_KANJI}{_KATAKANA}])|[^\W_{_KANA}{_KANJI}{_KATAKANA}]+(?:'[^\W_]+)*|[,;:.!?、。&()/…]"
)
#: What other engines take as options: "--ar 16:9".
_OPTIONS = re.compile(r"(?:^|\s)--\w+(?:\s[\d:.]+)?", re.ASCII)
_JAPANESE = re.compile(f"[{_KANA}{_KANJI}{_KATAKANA}]")
_RUNS = re.compile(rf"[{_KANA}]+|\d+(?![{_KATAKANA}{_KANJI}])|[{_KATAKANA}{_KANJI}\d]+")
_COUNTED = re.compile(rf"(\d{{1,3}}|[{''.join(vocabulary.KANJI_NUMBERS)}])([{vocabulary.COUNTERS}])(?:の|ほど)?")
#: What follows an unknown noun in Japanese; any other kana belongs to a verb or an adjective.
_PARTICLE = re.compile("[はがをにへとでのもや](?![るりっらろれすし])|から|まで|より|だけ|たち|さん|ちゃん|など|$")
#: Words before, or in Japanese behind, a noun that is where something else is.
_ARTICLES = ("a", "an")
_KNOWN = ("the", "this", "that", "his", "her", "my", "our")
_WEARING = ("in", "wearing")
_LOCATIVES = frozenset(vocabulary.WORDS["where"]["where"])
_WHERE = re.compile(
    "に(?![し変か換す置な])|で(?!な)|へ|から|の(?:隣|上|横|そば|近く|後ろ|前|左|右|奥|手前|下|周り|すぐ|真)"
)
#: Endings of words that say how or what happens, not what there is.
_NOT_NOUNS = re.compile(
    r"(?:\w{3,}ing|\w{3,}ly|\w{3,}ed|\w{2,}ful|\w{2,}ous|\w{2,}ish|\w{2,}less|\w{2,}est|\w{2,}ive|\w{3,}able|\w{3,}ible"
    r"|\w{3,}esque|\w{3,}ical|\w+['’]\w+)$"
)
_NOUNS = frozenset(vocabulary.WORDS["noun"]["noun"])
#: Marks between clauses that are no words.
_MARKS = ",;:.!?、。&()/…"


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
    single
        Whether it is one: "a bird".
    behind
        Whether it is said of what stands before it: "a woman in red", "a man in a red coat".
    definite
        Whether it is one that is known: "the bird".
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

    @property
    def japanese(self) -> bool:
        """Whether it was said in Japanese."""
        return bool(_JAPANESE.search(self.word))


@lru_cache(maxsize=1)
def index() -> dict[str, Hit]:
    """Map every known word to what it means; built once, at first use."""
    found: dict[str, Hit] = {}
    for kind, names in vocabulary.WORDS.items():
        for name, words in names.items() if kind not in _NO_MEANING else ():
            vague = kind == "vague place"
            meant = Hit("place", name, "", power=VAGUE) if vague else Hit(kind, _NAMELESS.get(name, name), "")
            for word in words:
                found.setdefault(word, replace(meant, word=word))
    return found


#: Sections of the vocabulary that say something of words.
_NO_MEANING = ("also", "noun", "where")
#: Names in the vocabulary that stand for none.
_NAMELESS = {"plain": "", "wider": ""}
#: The power of a word that names a place only if no other does.
VAGUE = 0.1
_COMPARED = ("colour", "adjustment", "weather", "wave", "size", "force")
_ACTED = ("verb", "geometry", "adjustment", "size", "style")


def _forms(word: str) -> Iterator[tuple[str, tuple[str, ...], int]]:
    """Give what a word may be a form of: the base, the kinds it can be of (any if none), and a sign for "more"."""
    for ending, other in (("s", ""), ("es", ""), ("ies", "y"), ("ves", "f"), ("'s", ""), ("men", "man")):
        if word.endswith(ending) and len(word) > len(ending) + 1:
            yield word.removesuffix(ending) + other, (), 0
    for ending, kinds, sign in (("er", _COMPARED, 1), ("est", _COMPARED, 1), ("ing", _ACTED, 0), ("ed", _ACTED, 0)):
        stem = word.removesuffix(ending)
        if stem == word or len(stem) < 3:  # noqa: PLR2004 - no word is shorter
            continue
        yield stem, kinds, sign
        yield stem + "e", kinds, sign
        if stem[-1] == stem[-2]:
            yield stem[:-1], kinds, sign
        if stem[-1] == "i":
            yield stem[:-1] + "y", kinds, sign


def known(phrase: str) -> Hit | None:
    """Look a phrase up, its last word in any form."""
    found = index().get(phrase)
    if found is not None:
        return found
    head, _, last = phrase.rpartition(" ")
    for base, kinds, sign in _forms(last):
        found = index().get(f"{head} {base}".strip())
        if (
            found is not None
            and (not kinds or found.kind in kinds)
            and found.kind != "break"
            and (found.kind != "filler" or last.endswith("s"))
        ):
            return _compared(found, sign)
    return None


def _compared(hit: Hit, sign: int) -> Hit:
    if hit.kind == "size" and sign:
        return replace(hit, name={"small": "smaller", "large": "larger"}.get(hit.name, hit.name))
    return replace(hit, sign=sign)


def hits(text: str) -> list[Hit]:
    """Cut a text into known and unknown runs; what says nothing is left out, degrees are told to what they are of."""
    plain = re.sub("[’‘ʼ´`]", "'", unicodedata.normalize("NFKC", text[:_LONGEST]))
    plain = _OPTIONS.sub(" ", plain)
    tokens = list(_TOKEN.finditer(plain))
    words = [token.group().casefold() for token in tokens]
    found: list[Hit] = []
    at, noun = 0, -1
    while at < len(tokens) and len(found) < _MOST_HITS:
        size, several = _read(words, at)
        start, end = tokens[at].start(), tokens[at + size - 1].end()
        if noun >= 0 and len(several) == 1 and several[0].kind == "unknown" and plain[start - 1 : start] in (" ", "-"):
            # "teddy bear": one thing, not two.
            found.pop()
            start = noun
        found += [each if each.japanese else replace(each, word=plain[start:end]) for each in several]
        noun = start if several and several[-1].kind == "unknown" and not several[-1].japanese else -1
        at += size
    return list(_weighed(found))


def _read(words: list[str], at: int) -> tuple[int, list[Hit]]:
    """Read the longest known run from here: how many words it has, and what they mean."""
    word = words[at]
    if word in _MARKS:
        return 1, [Hit("break", "", word)]
    if word == "without" and at + 1 < len(words) and _doing(words[at + 1]):
        return 2, [Hit("verb", "not", "without")]
    for size in range(min(_LONGEST_PHRASE, len(words) - at), 0, -1):
        found = known(" ".join(words[at : at + size]))
        if found is not None:
            return size, [found]
    if _JAPANESE.search(word):
        return 1, list(islice(_japanese(word), _MOST_HITS))
    return 1, _unknown(word)


def _doing(word: str) -> bool:
    """Whether a word says what is done, as in "without changing the sky", and is no noun as in "without building"."""
    found = known(word)
    noun = word in _NOUNS or (found is not None and found.kind in ("thing", "place", "time", "weather"))
    return word.endswith("ing") and len(word) > 5 and not noun  # noqa: PLR2004


def _unknown(word: str) -> list[Hit]:
    if word.endswith("n't"):
        return [Hit("verb", "not", word)]
    if word.replace(".", "").isdecimal():
        return [Hit("number", word, word)] if word.isascii() and len(word) < 5 else []  # noqa: PLR2004
    if word.endswith("x") and word[:-1].isdecimal() and word.isascii():
        return [Hit("number", word[:-1], word)] if len(word) < 5 else []  # noqa: PLR2004
    if len(word) < 2 or any(each.isdigit() for each in word):  # noqa: PLR2004
        return []
    return [] if word not in _NOUNS and _NOT_NOUNS.match(word) else [Hit("unknown", "", word)]


def _japanese(token: str) -> Iterator[Hit]:
    """Cut a run without spaces: the longest known words, and between them nouns that are unknown."""
    at, rest = 0, ""
    while at < len(token):
        found, size = _longest(token, at)
        if found is None:
            rest, at = rest + token[at], at + 1
            continue
        if _part_of_another(token, at, size, rest):
            rest, at = rest + token[at : at + size], at + size
            continue
        yield from _leftovers(rest, token[at:])
        rest, at = "", at + size
        yield replace(found, where=bool(_WHERE.match(token, at)))
    yield from _leftovers(rest, "")


def _longest(token: str, at: int) -> tuple[Hit | None, int]:
    counted = _COUNTED.match(token, at)
    if counted:
        said = counted[1]
        number = vocabulary.KANJI_NUMBERS.get(said, said)
        return Hit("number", str(number), counted[0]), len(counted[0])
    for size in range(min(_LONGEST_RUN, len(token) - at), 0, -1):
        found = index().get(token[at : at + size])
        # A single kana is a particle, except between two nouns.
        if found is not None and (size > 1 or not _is_kana(token[at]) or found.kind == "break"):
            return (found, size) if found.kind != "break" or _between(token, at, size) else (None, 0)
    return None, 0


def _is_kana(character: str) -> bool:
    return "\u3040" <= character <= "\u309f"


def _between(token: str, at: int, size: int) -> bool:
    """Whether a "と" stands between nouns, and is not the beginning of another word."""
    return size > 1 or (at > 0 and not re.match("[てもっりるい]", token[at + size : at + size + 1]))


def _part_of_another(token: str, at: int, size: int, rest: str) -> bool:
    """Whether one kanji, or some katakana, are only a part of a longer word that is not known: 花 in 花火."""
    word, behind = token[at : at + size], token[at + size : at + size + 1]
    for script in (_KANJI, _KATAKANA):
        if not re.fullmatch(f"[{script}]+", word) or (script == _KANJI and size > 1):
            continue
        if rest and re.match(f"[{script}]", rest[-1]):
            return True
        if behind and re.match(f"[{script}]", behind) and _longest(token, at + size)[0] is None:
            run = re.match(f"[{script}]+", token[at + size :])
            return run is not None and not _inflected(token[at + size + run.end() :])
    return False


def _inflected(behind: str) -> bool:
    """Whether the kana behind a word make it a verb or an adjective."""
    return _is_kana(behind[:1] or " ") and not _PARTICLE.match(behind)


def _leftovers(rest: str, behind: str) -> Iterator[Hit]:
    """Give the nouns in what is unknown: kanji or katakana, unless the kana behind make them a verb or an adjective."""
    runs = _RUNS.findall(rest)
    for number, run in enumerate(runs):
        following = runs[number + 1] if number + 1 < len(runs) else behind
        if run.isdecimal():
            if len(run) < 4:  # noqa: PLR2004
                yield Hit("number", str(int(run)), run)
        elif not (
            _is_kana(run[0]) or _inflected(following) or run.endswith("的") or (run in "沿線系型風調" and not number)
        ):
            yield Hit("unknown", "", run, where=bool(_WHERE.match(following)))


def _weighed(found: list[Hit]) -> list[Hit]:
    """Tell each hit the degree said before it, and leave out the degrees and what says nothing."""
    weighed: list[Hit] = []
    sign, power, where, single, definite, before = 0, 1.0, False, False, False, ""
    for hit in found:
        worn, before = hit.kind == "colour" and before in _WEARING, hit.word.casefold()
        _worn(weighed, hit)
        if hit.kind == "degree":
            way, strength = vocabulary.DEGREES[hit.name]
            sign, power = way or sign, strength if strength != 1 else power
        elif hit.kind == "filler":
            where = where or hit.word.casefold() in _LOCATIVES
            definite = hit.word.casefold() in _KNOWN or (definite and hit.word.casefold() not in _LOCATIVES)
            single = hit.word.casefold() in _ARTICLES or (single and hit.word.casefold() not in _LOCATIVES)
        elif hit.kind == "verb":
            if hit.japanese:
                _said_behind(weighed, power)
                _more_behind(weighed, sign)
                sign, power = 0, 1.0
            weighed.append(hit)
        elif hit.kind == "break":
            _said_behind(weighed, power)
            _more_behind(weighed, sign)
            weighed.append(hit)
            sign, power, where, single, definite = 0, 1.0, False, False, False
        else:
            strength = hit.power if hit.kind == "place" else power
            one = single and hit.kind == "thing" and hit.word.casefold() in index() and "flock" not in hit.word
            place = where or hit.where
            weighed.append(
                replace(
                    hit, sign=sign or hit.sign, power=strength, where=place, single=one, behind=worn, definite=definite
                )
            )
            definite = definite and hit.kind not in ("thing", "place", "region", "unknown")
            single = single and hit.kind not in ("thing", "place", "region", "unknown", "number")
            if more := vocabulary.WORDS["also"].get(hit.word.casefold()):
                weighed.append(replace(index()[more[0]], word=hit.word))
            where = where and hit.kind not in ("thing", "place", "region", "unknown")
            if hit.kind not in ("region", "number"):
                sign, power = (sign, 1.0) if hit.kind == "place" else (0, 1.0)
    _said_behind(weighed, power)
    _more_behind(weighed, sign)
    return weighed


def _worn(weighed: list[Hit], hit: Hit) -> None:
    """Give the colour before a garment to the one who wears it: "a man in a red coat"."""
    if hit.kind == "garment" and weighed and weighed[-1].kind == "colour" and not hit.japanese:
        weighed[-1] = replace(weighed[-1], behind=True)


def _more_behind(weighed: list[Hit], sign: int) -> None:
    """Tell a thing that there is to be more or less of it: "花をもっと", "make the birds fewer"."""
    if sign and weighed and weighed[-1].kind == "thing":
        weighed[-1] = replace(weighed[-1], sign=sign)


def _said_behind(weighed: list[Hit], power: float) -> None:
    """Tell the last adjective a degree that was said behind it: "blur it a bit"."""
    if power != 1 and weighed and weighed[-1].kind in ("adjustment", "colour", "weather", "wave"):
        weighed[-1] = replace(weighed[-1], power=power)


def number(hit: Hit) -> int:
    """Give the number that a hit says, 0 to the most that is drawn."""
    return max(0, min(round(float(hit.name)), vocabulary.MOST))


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
