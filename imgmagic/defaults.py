"""What calls mean when they do not say: `%config ImgMagic`, else ``IMGMAGIC_<NAME>``, else built in.

Each default has one form, checked here for both sources, so that a bad value is an error with its place and never a
surprise in a paid request. Engine and model are read from the environment by `settings`, which knows the services' own
variables too.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from imgmagic import prices
from imgmagic.cell import BACKGROUNDS, FORMATS, QUALITIES, size
from imgmagic.engines.dialects import by_name
from imgmagic.errors import SettingsError, printable
from imgmagic.exchange import DEFAULTS
from imgmagic.settings import ENGINES

if TYPE_CHECKING:
    from imgmagic.environment import Environment


@dataclass(frozen=True, slots=True)
class Defaults:
    """What calls mean when they do not say: `%config ImgMagic`, else ``IMGMAGIC_<NAME>``, else built in.

    Parameters
    ----------
    engine, model
        Which engine and model; None leaves it to the environment.
    size, quality, background, format
        For new pictures; a refine inherits from the picture that is edited.
    prices
        Prices by model or deployment, see `prices.cost`.
    preview_px
        Longest edge in px of what a cell shows, 64 to 1024.
    compare
        Whether a refine shows its parent beside it.
    timeout_s
        Longest silence in seconds that a service is granted.
    retries
        How often a request is sent again where nothing can have been billed, 0 to 10.
    partials
        Unfinished pictures shown on the way, 0 to 3; None: one at high quality or above.
    budget_usd
        What the calls of one day may cost in US dollars, per folder.
    dialect
        How a compatible server speaks, a name of `engines.dialects`; None asks it once.
    replay
        ``auto`` answers from recordings where one fits, ``only`` sends nothing, ``off`` makes everything anew.
    workers
        How many calls work in the background at once, 1 to 32.
    session
        Name of the session to go on with; None takes the notebook's path.
    """

    engine: str | None = None
    model: str | None = None
    size: str = DEFAULTS["size"]
    quality: str = DEFAULTS["quality"]
    background: str = DEFAULTS["background"]
    format: str = DEFAULTS["format"]
    prices: Mapping[str, Any] = field(default_factory=dict)
    preview_px: int = 512
    compare: bool = True
    timeout_s: float = 600.0
    retries: int = 2
    partials: int | None = None
    budget_usd: float = 10.0
    dialect: str | None = None
    replay: str = "auto"
    workers: int = 4
    session: str | None = None


NAMES = tuple(each.name for each in fields(Defaults))


def resolve(said: Mapping[str, Any], environment: Environment) -> Defaults:
    """Put the defaults together.

    Parameters
    ----------
    said
        What `%config` or the studio's caller says; None where nothing.
    environment
        Where the rest is looked up.

    Raises
    ------
    SettingsError
        If a name is unknown, or a value has not its form.
    """
    values: dict[str, Any] = {}
    for name, value in said.items():
        if value is not None:
            values[name] = checked(name, value, name)
    for name in NAMES:
        variable = f"IMGMAGIC_{name.upper()}"
        if name not in values and name not in {"engine", "model"} and environment.get(variable):
            values[name] = checked(name, environment.get(variable), variable)
    return Defaults(**values)


def checked(name: str, value: Any, where: str) -> Any:
    """Check one default, and give it in its own type.

    Parameters
    ----------
    name
        A field of `Defaults`.
    value
        The value, or its text as it stands in the environment.
    where
        What to call it in an error.

    Raises
    ------
    SettingsError
        If there is no such default, or the value has not its form.
    """
    if name not in _FORMS:
        raise SettingsError(f"There is no setting '{printable(name, 40)}'.", hint=f"Settings: {', '.join(NAMES)}.")
    try:
        return _FORMS[name](value)
    except (ValueError, TypeError, argparse.ArgumentTypeError) as exc:
        raise SettingsError(f"{where} = {printable(repr(value), 80)} does not work: {printable(str(exc))}.") from exc


def _one_of(*words: str) -> Callable[[Any], str]:
    def form(value: Any) -> str:
        if value not in words:
            raise ValueError(f"it is one of {', '.join(words)}")
        return str(value)

    return form


def _between(low: float, high: float, kind: type[int | float]) -> Callable[[Any], float]:
    def form(value: Any) -> float:
        try:
            number = kind(value)
        except (ValueError, TypeError):
            number = float("nan")
        if isinstance(value, bool) or not low <= number <= high:
            raise ValueError(f"it is a number from {low:g} to {high:g}")
        return number

    return form


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("it is a text")
    return value.strip()


def _switch(value: Any) -> bool:
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if isinstance(value, bool):
        return value
    if str(value).lower() not in words:
        raise ValueError("it is True or False")
    return words[str(value).lower()]


def _partials(value: Any) -> int | None:
    return None if value == "auto" else int(_between(0, 3, int)(value))


def _size(value: Any) -> str:
    return size(_text(value))


def _prices(value: Any) -> Mapping[str, Any]:
    try:
        table = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        table = None
    if not isinstance(table, Mapping):
        raise ValueError("it is a dict by model or deployment")  # noqa: TRY004
    for entry in table.values():
        prices.price_of(entry)
    return dict(table)


_FORMS: dict[str, Callable[[Any], Any]] = {
    "engine": _one_of(*ENGINES),
    "model": _text,
    "size": _size,
    "quality": _one_of(*QUALITIES),
    "background": _one_of(*BACKGROUNDS),
    "format": _one_of(*FORMATS),
    "prices": _prices,
    "preview_px": _between(64, 1024, int),
    "compare": _switch,
    "timeout_s": _between(1, 3600, float),
    "retries": _between(0, 10, int),
    "partials": _partials,
    "budget_usd": _between(0, 1e6, float),
    "dialect": lambda value: None if value == "auto" else by_name(_text(value)).name,
    "replay": _one_of("auto", "only", "off"),
    "workers": _between(1, 32, int),
    "session": _text,
}
