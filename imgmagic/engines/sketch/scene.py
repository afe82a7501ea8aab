"""The scene: what a sketched picture shows, as a frozen description that fits into the picture's own metadata.

Words become a `Scene` (`words`), a `Scene` becomes pixels (`picture`). Because the scene travels inside the picture,
an instruction edits the description and the drawing is made anew; everything random comes from ``seed`` and the name
of the part that is drawn, never from a running stream, so a part that the edit does not touch comes out bit for bit
the same.

What is read back is untrusted: `Scene.from_json` takes only words of the vocabulary and small finite numbers, and
gives None for anything else, which makes the picture one without a scene.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from imgmagic.engines.sketch import vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

#: Longest scene that is read back, in characters; a real one has about 500.
LONGEST = 8_000
MOST_THINGS, MOST_FILTERS = 24, 12
#: The least and the greatest factor.
FACTORS = (0.2, 3.0)
#: The sides to which a picture can be cut; empty for all of them.
_CUTS = ("", "left", "right", "top", "bottom")


@dataclass(frozen=True, slots=True)
class Tone:
    """How the colour of a region departs from its natural one; factors are 0.2 to 3."""

    #: A word of `vocabulary.COLOURS`, or empty for the natural hue.
    colour: str = ""
    saturation: float = 1.0
    value: float = 1.0


@dataclass(frozen=True, slots=True)
class Thing:
    """Some things of a kind that look alike; side, size and colour are empty for what looks right."""

    kind: str
    #: How many; 0 means as many as look right, times ``amount`` (a factor, 0.2 to 3).
    count: int = 0
    side: str = ""
    size: str = ""
    colour: str = ""
    amount: float = 1.0
    #: How many of the kind there were before these, so that each has a place of its own.
    first: int = 0
    #: A factor, 0.2 to 3: how high what shines stands, and what flies.
    height: float = 1.0

    def heeds(self, what: str) -> bool:
        """Whether its drawing heeds its ``count``, ``amount``, ``side``, ``size`` or ``height``."""
        return what in vocabulary.HEEDED[self.kind]

    @property
    def usual(self) -> int:
        """How many there are of its kind where nobody said it; 0 if that depends."""
        return vocabulary.USUAL_NUMBER.get(self.kind, 0)

    @property
    def shown(self) -> int:
        """How many there are of these, at most."""
        return self.count or max(1, round((self.usual or vocabulary.MOST_USUAL) * self.amount))

    @property
    def after(self) -> int:
        """How many of the kind there are up to these, at most."""
        return self.first + self.shown


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that is drawn. Place, time and weather are words of the vocabulary."""

    place: str
    time: str = "day"
    weather: str = "clear"
    #: In the order in which they were named.
    things: tuple[Thing, ...] = ()
    #: Departures from the natural colours.
    sky: Tone = Tone()
    water: Tone = Tone()
    ground: Tone = Tone()
    #: Factors, 0.2 to 3: how rough the water is, and how strong the rain, the snow or the fog.
    waves: float = 1.0
    force: float = 1.0
    #: Whether snow lies although none falls.
    snow: bool = False
    #: Edits of the whole picture, in order; see `edits`.
    filters: tuple[str, ...] = ()
    #: Mean and spread of red, green and blue that the picture takes over, 0 to 255; empty for its own.
    palette: tuple[int, ...] = ()
    #: The composition, 0 to 2**63 - 1.
    seed: int = 0

    @property
    def snowy(self) -> bool:
        """Whether snow lies."""
        return self.snow or "snow" in (self.weather, self.place)

    def thing(self, kind: str) -> Thing | None:
        """Give the first things of that kind, or None if the scene has none."""
        return next(iter(self.every(kind)), None)

    def every(self, kind: str) -> tuple[Thing, ...]:
        """Give all things of that kind."""
        return tuple(each for each in self.things if each.kind == kind)

    def with_thing(self, thing: Thing) -> Scene:
        """Give the scene with this thing in place of the one of its kind that came after as many, or in addition."""
        same = (thing.kind, thing.first)
        kept = [thing if (each.kind, each.first) == same else each for each in self.things]
        return replace(self, things=tuple(kept if thing in kept else [*kept, thing][:MOST_THINGS]))

    def without(self, kind: str) -> Scene:
        """Give the scene without things of that kind."""
        return replace(self, things=tuple(each for each in self.things if each.kind != kind))

    def to_json(self) -> str:
        """Write the scene as one line of ASCII."""
        return json.dumps({"version": 1, **asdict(self)}, separators=(",", ":"))

    @staticmethod
    def from_json(text: str) -> Scene | None:
        """Read a scene back; None if it is not exactly one that this version could have written."""
        if len(text) > LONGEST:
            return None
        try:
            raw = json.loads(text)
            scene = _read(Scene, raw) if raw.pop("version") == 1 else None
        except _UNSOUND:
            return None
        return scene if scene and len(scene.palette) in (0, 6) else None


def bounded(factor: float) -> float:
    """Give a factor that a scene can have."""
    return round(min(FACTORS[1], max(FACTORS[0], factor)), 4)


def edit_parts(edit: str) -> tuple[str, float, str]:
    """Give the name of an edit, how much, and the side (empty if none)."""
    name, _, rest = edit.partition(":")
    amount, _, where = rest.partition(":")
    usual = {"rotate": 90.0, "crop": 1.5, "zoom": 1.5}.get(name, 1.0)
    return name, float(amount) if amount else usual, where if where != "centre" else ""


def seed_of(*parts: object) -> int:
    """Turn words and numbers into a seed that is the same in every process."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big") >> 1


_T = TypeVar("_T", Scene, Thing, Tone)


def _read(kind: type[_T], raw: dict[str, Any]) -> _T:
    """Read a dataclass: each field by its name; what an earlier version did not write has its default."""
    return kind(**{name: _FIELDS[name](value) for name, value in raw.items()})


def _word(words: Collection[str], raw: str) -> str:
    if raw not in words:
        raise ValueError
    return raw


def _number(kinds: tuple[type, ...], least: float, most: float, raw: float) -> Any:
    if type(raw) not in kinds or not least <= raw <= most:
        raise ValueError
    return kinds[0](raw)


def _edit(raw: str) -> str:
    name, amount, where = edit_parts(raw)
    if name not in vocabulary.FILTERS or not abs(amount) <= 360 or where not in _CUTS:  # noqa: PLR2004 - degrees
        raise ValueError
    return raw


def _several(most: int, read: Callable[[Any], Any], raw: list[Any]) -> tuple[Any, ...]:
    if type(raw) is not list or len(raw) > most:
        raise ValueError
    return tuple(map(read, raw))


#: How each field is read; what is not sound raises one of `_UNSOUND`.
_FIELDS: dict[str, Callable[[Any], Any]] = {
    "place": partial(_word, vocabulary.PLACES),
    "time": partial(_word, vocabulary.TIMES),
    "weather": partial(_word, vocabulary.WEATHERS),
    "kind": partial(_word, vocabulary.THINGS),
    "side": partial(_word, ("", *vocabulary.SIDES)),
    "size": partial(_word, ("", *vocabulary.SIZES)),
    "colour": partial(_word, ("", *vocabulary.COLOURS)),
    "count": partial(_number, (int,), 0, vocabulary.MOST),
    "first": partial(_number, (int,), 0, 10_000),
    "seed": partial(_number, (int,), 0, 2**63 - 1),
    "snow": partial(_number, (bool,), 0, 1),
    **dict.fromkeys(
        ("saturation", "value", "amount", "height", "waves", "force"), partial(_number, (float, int), *FACTORS)
    ),
    **dict.fromkeys(("sky", "water", "ground"), partial(_read, Tone)),
    "things": partial(_several, MOST_THINGS, partial(_read, Thing)),
    "filters": partial(_several, MOST_FILTERS, _edit),
    "palette": partial(_several, 6, partial(_number, (int,), 0, 255)),
}
_UNSOUND = (ValueError, TypeError, KeyError, AttributeError, RecursionError)
