"""Reading: a text is cut into hits, the longest runs that the lexicon knows and the nouns that it does not.

English goes by whole words in any form, up to five at a time; Japanese, which has no spaces, by the longest run of
characters, with hiragana that means nothing taken for grammar. What is unknown is kept if it could be a noun, as it was
typed, so that it can be named.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from imgmagic.engines.sketch import vocabulary
from imgmagic.engines.sketch.lexicon import JAPANESE, Hit, index, known

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Longer texts are read up to here, and hits beyond these are not read: the time must not grow with nonsense.
_LONGEST, _MOST_HITS = 4_000, 200
_LONGEST_PHRASE, _LONGEST_RUN, _LONGEST_NUMBER = 5, 12, 4
_HIRAGANA, _KATAKANA, _KANJI = "\u3040-\u309f\u30fc", "\u30a0-\u30ff", "\u3005\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_SCRIPT = _HIRAGANA + _KATAKANA + _KANJI
#: Marks between clauses that are no words.
_MARKS = ",;:.!?、。&()/…"
_TOKEN = re.compile(
    rf"[{_SCRIPT}0-9]*[{_SCRIPT}]+[{_SCRIPT}0-9]*|\d+(?:\.\d+)?(?![^\W_{_SCRIPT}])"
    rf"|[^\W_{_SCRIPT}]+(?:'[^\W_]+)*|[{_MARKS}]"
)
#: What other engines take as options: "--ar 16:9".
_OPTIONS = re.compile(r"(?:^|\s)--\w+(?:\s[\d:.]+)?", re.ASCII)
#: What is said of a size, and is no number of things: "two times smaller", "50% bigger".
_TIMES = re.compile(
    r"\b(?:(?:\d+(?:\.\d+)?|two|three|four|five|ten) ?(?:x|times)|\d+ ?(?:%|percent)) (?=as |the size|\w+er\b)"
    "|[0-9.一二三四五十]+(?=倍)",
    re.IGNORECASE,
)
#: "Not big enough".
_WANTING = re.compile(r"\b(?:not|isn't|aren't) (\w+) enough\b", re.IGNORECASE)
_RUNS = re.compile(rf"[{_HIRAGANA}]+|\d+(?![{_KATAKANA}{_KANJI}])|[{_KATAKANA}{_KANJI}\d]+")
_COUNTED = re.compile(rf"(\d{{1,3}}|[{''.join(vocabulary.KANJI_NUMBERS)}])([{vocabulary.COUNTERS}])(?:の|ほど)?")
#: What follows an unknown noun in Japanese; any other kana belongs to a verb or an adjective.
_PARTICLE = re.compile("[はがをにへとでのもや](?![るりっらろれすし])|から|まで|より|だけ|たち|さん|ちゃん|など|$")
#: What follows a noun that is where something else is.
_WHERE = re.compile(
    "に(?![し変か換す置な])|で(?!な)|へ|から|の(?:隣|上|横|そば|近く|後ろ|前|左|右|奥|手前|下|周り|すぐ|真)"
)
#: Endings of words that say how or what happens, not what there is.
_NOT_NOUNS = re.compile(r"(?:\w{3,}(?:ing|ly|ed|able|ible|esque|ical)|\w{2,}(?:ful|ous|ish|less|ive)|\w+['’]\w+)$")


def hits(text: str) -> list[Hit]:
    """Cut a text into known and unknown runs; what says nothing is left out, degrees are told to what they are of."""
    plain = re.sub("[’‘ʼ´`]", "'", unicodedata.normalize("NFKC", text[:_LONGEST]))
    plain = _WANTING.sub(r"more \1", _TIMES.sub("twice ", _OPTIONS.sub(" ", plain)))
    tokens = list(_TOKEN.finditer(plain))
    words = [token.group().casefold() for token in tokens]
    found: list[Hit] = []
    at, noun = 0, -1
    while at < len(tokens) and len(found) < _MOST_HITS:
        size, several = _read(words, at)
        start, end = tokens[at].start(), tokens[at + size - 1].end()
        strange = len(several) == 1 and several[0].kind == "unknown"
        if noun >= 0 and strange and plain[start - 1 : start] in (" ", "-"):
            # "teddy bear": one thing, not two.
            found.pop()
            start = noun
        found += [each if each.japanese else replace(each, word=plain[start:end]) for each in several]
        noun = start if strange and not several[0].japanese else -1
        at += size
    return _weighed(found)


def _read(words: list[str], at: int) -> tuple[int, list[Hit]]:
    """Read the longest known run from here: how many words it has, and what they mean."""
    word = words[at]
    if word in _MARKS:
        return 1, [Hit("break", "", word)]
    if word == "without" and at + 1 < len(words) and _doing(words[at + 1]):
        return 2, [Hit("verb", "not", "without")]
    if word in ("up", "down") and at and words[at - 1].endswith("ing"):
        # "Walking down a road".
        return 1, []
    for size in range(min(_LONGEST_PHRASE, len(words) - at), 0, -1):
        found = known(" ".join(words[at : at + size]))
        if found is not None:
            return size, [found]
    return 1, list(islice(_japanese(word), _MOST_HITS)) if JAPANESE.search(word) else _unknown(word)


def _doing(word: str) -> bool:
    """Whether a word says what is done, as in "without changing the sky", and is no noun as in "without building"."""
    found = known(word)
    noun = word in vocabulary.SPECIAL["noun"] or (found and found.kind in ("thing", "place", "time", "weather"))
    return word.endswith("ing") and len(word) > 5 and not noun  # noqa: PLR2004


def _unknown(word: str) -> list[Hit]:
    if word.endswith("n't"):
        return [Hit("verb", "not", word)]
    times = word.removesuffix("x")
    if times.replace(".", "").isdecimal():
        return [Hit("number", times, word)] if word.isascii() and len(word) <= _LONGEST_NUMBER else []
    if len(word) == 1 or any(each.isdigit() for each in word):
        return []
    noun = word in vocabulary.SPECIAL["noun"] or not _NOT_NOUNS.match(word)
    return [Hit("unknown", "", word)] if noun else []


def _japanese(token: str) -> Iterator[Hit]:
    """Cut a run without spaces: the longest known words, and between them nouns that are unknown."""
    at, rest = 0, ""
    while at < len(token):
        found, size = _longest(token, at)
        if found is None or _part_of_another(token, at, size, rest):
            rest, at = rest + token[at : at + size], at + size
            continue
        yield from _leftovers(rest, token[at:])
        rest, at = "", at + size
        yield replace(found, where=bool(_WHERE.match(token, at)))
    yield from _leftovers(rest, "")


def _longest(token: str, at: int) -> tuple[Hit | None, int]:
    """Give the longest known word from here and its length; None, and one character, if there is none."""
    counted = _COUNTED.match(token, at)
    if counted:
        number = vocabulary.KANJI_NUMBERS.get(counted[1], counted[1])
        return Hit("number", str(number), counted[0]), len(counted[0])
    for size in range(min(_LONGEST_RUN, len(token) - at), 0, -1):
        # "小さすぎる" is said of what is "小さい".
        whole = token[at : at + size] + "い" * token.startswith(("すぎ", "過ぎ"), at + size)
        found = index().get(whole) or index().get(token[at : at + size])
        if found is not None and found.kind == "break":
            # A "と" stands between nouns, and is not the beginning of another word.
            between = size > 1 or (at > 0 and not re.match("[てもっりるい]", token[at + 1 : at + 2]))
            return (found, size) if between else (None, 1)
        # A single kana is a particle, and a noun in kana ends before one.
        if found is not None and (size > 1 or not _is_kana(token[at])) and not _begun(found, token[at + size :]):
            return found, size
    return None, 1


def _is_kana(character: str) -> bool:
    return "\u3040" <= character <= "\u309f"


def _begun(hit: Hit, behind: str) -> bool:
    """Whether a noun in hiragana is only the beginning of a verb: "とりけして"."""
    kana = hit.kind in (*_NOUNS, "time", "weather", "season", "wave") and all(map(_is_kana, hit.word))
    return kana and _is_kana(behind[:1] or " ") and not re.match("[はがをにへとでのもやな]|から|まで|より|だけ", behind)


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
    for number, (run, following) in enumerate(zip(runs, [*runs[1:], behind], strict=False)):
        if run.isdecimal():
            if len(run) < _LONGEST_NUMBER:
                yield Hit("number", str(int(run)), run)
        elif not (
            _is_kana(run[0]) or _inflected(following) or run.endswith("的") or (run in "沿線系型風調" and not number)
        ):
            yield Hit("unknown", "", run, where=bool(_WHERE.match(following)))


#: What an article and "next to" are said of; and what a degree may be said behind: "blur it a bit".
_NOUNS = ("thing", "place", "region", "unknown")
_GRADED = ("adjustment", "colour", "weather", "wave", "size", "force")
#: What is told to the hit that it leads to.
_LEADING = ("degree", "filler", "pronoun", "like")


def _weighed(found: list[Hit]) -> list[Hit]:
    """Tell each hit what leads to it, and leave out degrees, articles and what says nothing."""
    weighed, lead = list[Hit](), list[Hit]()
    for hit in found:
        last = weighed[-1] if weighed else None
        if hit.name == "too" and hit.japanese:
            _behind(weighed, [*lead, hit])
            lead = []
        elif hit.kind in _LEADING:
            lead.append(hit)
            # "I don't like it" does not say that it shall go.
            weighed += [hit] if hit.kind == "pronoun" and not (last and last.special("disliked")) else []
            if hit.kind == "like" and hit.japanese and last:
                weighed[-1] = replace(last, like=True)
        elif hit.kind in ("verb", "break"):
            if hit.japanese or hit.kind == "break":
                _behind(weighed, lead)
                lead = []
            weighed.append(hit)
        else:
            if hit.kind == "garment" and last and last.kind == "colour" and not hit.japanese:
                # The colour is of the one who wears it: "a man in a red coat".
                weighed[-1] = replace(last, behind=True)
            weighed += _told(hit, lead)
            # "The" is said of the next noun, "much" of the next word, "many" of a noun behind "colourful".
            reach = _GRADED if _degree(lead)[0] > 1 else ("region", "place", "number")
            lead = [each for each in lead if (hit.kind in reach if each.kind == "degree" else hit.kind not in _NOUNS)]
            lead.append(hit)
    _behind(weighed, lead)
    return weighed


def _degree(lead: list[Hit]) -> tuple[int, float]:
    """Give the sign (2 for "many") and the power that are said: the last of each; "too" is the contrary, once."""
    said = [each for each in lead if each.kind == "degree"]
    degrees = [vocabulary.DEGREES[each.name] for each in said if each.name != "too"]
    signs, powers = [int(sign) for sign, _ in degrees if sign], [power for _, power in degrees if power != 1]
    sign, power = [0, *signs][-1], [1.0, *powers][-1]
    return (1 if sign < 0 else -1, 1.0) if len(degrees) < len(said) else (sign, power)


def _also(lead: list[Hit]) -> bool:
    """Whether "too" stands alone: "a boat, too"."""
    return [each.name for each in lead if each.kind == "degree"] == ["too"]


def _told(hit: Hit, lead: list[Hit]) -> Iterator[Hit]:
    """Give a hit with what was said before it, and what it says besides: "夜景" is a night too."""
    # "A boat, too, in the sea" is no less of the sea.
    sign, power = (0, 1.0) if hit.kind in _NOUNS and _also(lead) else _degree(lead)
    place = next((at for at in reversed(range(len(lead))) if lead[at].special("where")), -1)
    near = lead[place + 1 :]
    one = hit.kind in ("thing", "colour") and hit.word.casefold() in index() and "flock" not in hit.word
    yield replace(
        hit,
        sign=(sign if hit.kind in ("thing", "place") else min(sign, 1)) or hit.sign,
        power=hit.power if hit.kind == "place" else power,
        where=place >= 0 or hit.where,
        single=one and any(each.special("article") for each in near),
        behind=hit.kind == "colour" and any(each.special("wearing") for each in lead[-1:]),
        definite=any(each.special("known") for each in near),
        like=any(each.kind == "like" and not each.japanese for each in lead),
    )
    if more := vocabulary.ALSO.get(hit.word.casefold()):
        yield replace(index()[more], word=hit.word)


def _behind(weighed: list[Hit], lead: list[Hit]) -> None:
    """Tell the last hit a degree that was said behind it: "blur it a bit", "花をもっと", "make the birds fewer"."""
    at = next((at for at in reversed(range(len(weighed))) if weighed[at].kind != "pronoun"), None)
    too = [each.japanese for each in lead if each.name == "too"]
    if at is None or (_also(lead) and not any(too)):
        return
    last, (sign, power) = weighed[at], _degree(lead)
    sign = sign if last.kind in ("thing", "number") or (too and last.kind in _GRADED) else 0
    weighed[at] = replace(
        last, sign=sign or last.sign, power=power if last.kind in _GRADED and power != 1 else last.power
    )
