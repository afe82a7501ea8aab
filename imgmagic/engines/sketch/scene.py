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
import math
from dataclasses import asdict, dataclass, replace

from imgmagic.engines.sketch import vocabulary

#: Longest scene that is read back, in characters; a real one has about 500.
LONGEST = 8_000
_MOST_THINGS = 24
_LEAST, _MOST = 0.2, 3.0


@dataclass(frozen=True, slots=True)
class Tone:
    """How the colour of a region departs from its natural one.

    Parameters
    ----------
    colour
        A word of `vocabulary.COLOURS`, or empty for the natural hue.
    saturation, value
        Factors, 0.2 to 3.
    """

    colour: str = ""
    saturation: float = 1.0
    value: float = 1.0


@dataclass(frozen=True, slots=True)
class Thing:
    """One kind of thing in the scene; ``count`` 0 means as many as look right, ``amount`` scales that number."""

    kind: str
    count: int = 0
    side: str = ""
    size: str = ""
    colour: str = ""
    amount: float = 1.0


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that is drawn.

    Parameters
    ----------
    place, time, weather
        Words of the vocabulary.
    things
        What stands in the place, in the order in which it was named.
    sky, water, ground
        Departures from the natural colours.
    filters
        Whole-picture edits, in order.
    seed
        0 to 2**63 - 1: the composition.
    """

    place: str
    time: str = "day"
    weather: str = "clear"
    things: tuple[Thing, ...] = ()
    sky: Tone = Tone()
    water: Tone = Tone()
    ground: Tone = Tone()
    filters: tuple[str, ...] = ()
    seed: int = 0

    def thing(self, kind: str) -> Thing | None:
        """Give the thing of that kind, or None if the scene has none."""
        return next((each for each in self.things if each.kind == kind), None)

    def with_thing(self, thing: Thing) -> Scene:
        """Give the scene with this thing in place of the one of its kind."""
        kept = [thing if each.kind == thing.kind else each for each in self.things]
        return replace(self, things=tuple(kept if thing in kept else [*kept, thing]))

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
            return _scene(json.loads(text))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None


def seed_of(*parts: object) -> int:
    """Turn words and numbers into a seed that is the same in every process."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big") >> 1


def _scene(raw: dict[str, object]) -> Scene:
    if raw.pop("version") != 1 or set(raw) != set(Scene.__dataclass_fields__):
        raise ValueError
    things = _list(raw["things"], _MOST_THINGS)
    filters = tuple(_word(each, vocabulary.FILTERS) for each in _list(raw["filters"], 12))
    return Scene(
        place=_word(raw["place"], vocabulary.PLACES),
        time=_word(raw["time"], vocabulary.TIMES),
        weather=_word(raw["weather"], vocabulary.WEATHERS),
        things=tuple(_thing(each) for each in things),
        sky=_tone(raw["sky"]),
        water=_tone(raw["water"]),
        ground=_tone(raw["ground"]),
        filters=filters,
        seed=_whole(raw["seed"], 2**63 - 1),
    )


def _thing(raw: object) -> Thing:
    if not isinstance(raw, dict) or set(raw) != set(Thing.__dataclass_fields__):
        raise ValueError
    return Thing(
        kind=_word(raw["kind"], vocabulary.THINGS),
        count=_whole(raw["count"], vocabulary.MOST),
        side=_word(raw["side"], vocabulary.SIDES, empty=True),
        size=_word(raw["size"], vocabulary.SIZES, empty=True),
        colour=_word(raw["colour"], vocabulary.COLOURS, empty=True),
        amount=_factor(raw["amount"]),
    )


def _tone(raw: object) -> Tone:
    if not isinstance(raw, dict) or set(raw) != set(Tone.__dataclass_fields__):
        raise ValueError
    colour = _word(raw["colour"], vocabulary.COLOURS, empty=True)
    return Tone(colour, _factor(raw["saturation"]), _factor(raw["value"]))


def _list(raw: object, most: int) -> list[object]:
    if not isinstance(raw, list) or len(raw) > most:
        raise ValueError
    return raw


def _word(raw: object, known: object, *, empty: bool = False) -> str:
    if not isinstance(raw, str) or not (raw in known if raw else empty):  # type: ignore[operator]
        raise ValueError
    return raw


def _whole(raw: object, most: int) -> int:
    if not isinstance(raw, int) or isinstance(raw, bool) or not 0 <= raw <= most:
        raise ValueError
    return raw


def _factor(raw: object) -> float:
    if (
        not isinstance(raw, (int, float))
        or isinstance(raw, bool)
        or not math.isfinite(raw)
        or not _LEAST <= raw <= _MOST
    ):
        raise ValueError
    return float(raw)
