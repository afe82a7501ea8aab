"""JSON that a stranger wrote, turned into values: decoded within bounds, and every field checked. Pure.

A *check* is a function that gives the value of a field, or raises ValueError with what the field should have been ("a
whole number from 1 to 10"). A table of checks by name describes an object, and `record` builds a frozen value with it.
The road not taken is a schema library: it would be the largest import of the whole package.
"""

from __future__ import annotations

import json
import math
import re
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Check = Callable[[Any], Any]

T = TypeVar("T")

#: The largest whole number that every reader of JSON keeps exactly.
MAX_INT = 2**53

#: The most values (objects, lists, and what is between commas) that are decoded; each can take 200 bytes of memory.
MAX_VALUES = 3_000_000

_MAX_DIGITS = 300
_MAX_DEPTH = 20
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{3}|\.[0-9]{6})?\+00:00")


class CheckError(ValueError):
    """The JSON is not what it should be; the text says what is wrong with it."""


def encoded(value: Any) -> str:
    """Give compact JSON; NaN, which JSON does not have, is a ValueError."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def decoded(data: bytes) -> Any:
    """Read JSON within bounds.

    Raises
    ------
    CheckError
        If it is no JSON in UTF-8, or has NaN, numbers without end, half characters or more than `MAX_VALUES` values.
    """
    if sum(map(data.count, (b"[", b"{", b","))) > MAX_VALUES:
        raise CheckError(f"it has more than {MAX_VALUES:,} values")
    try:
        text = data.decode()
        said = json.loads(text, parse_constant=_refused, parse_float=_finite, parse_int=_short)
        if _SURROGATE.search(text):  # legal in pairs, and those are one character by now
            encoded(said).encode()
    except (ValueError, RecursionError) as exc:
        raise CheckError("it is no valid JSON") from exc
    return said


def _refused(word: str) -> None:
    raise ValueError(word)


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError("a number beyond all bounds")
    return value


def _short(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise ValueError("a number beyond all bounds")
    return int(digits)


# --- objects ---


def record(make: Callable[..., T], table: Mapping[str, Check], said: Any, where: str = "") -> T:
    """Build one value, each field checked by its row in the table; fields without a row are passed over.

    Parameters
    ----------
    make
        Called with the fields by name.
    table
        A check for each field that must be there.
    said
        What JSON gave.
    where
        How errors call it; empty for the outermost.

    Raises
    ------
    CheckError
        If it is no object, lacks a field, or a field fails its check.
    """
    if type(said) is not dict:
        raise CheckError(f"{where or 'it'} is no object")
    values, name = {}, ""
    try:
        for name, check in table.items():
            values[name] = check(said[name])
    except KeyError:
        raise CheckError(f"{where or 'it'} has no '{name}'") from None
    except CheckError as exc:
        raise CheckError(f"{exc} (in {where})" if where else str(exc)) from exc
    except ValueError as exc:
        raise CheckError(f"'{name}'{where and f' of {where}'} is not {exc}") from exc
    return make(**values)


def several(make: Callable[..., T], table: Mapping[str, Check], what: str, limit: int) -> Check:
    """Check a list of objects and give a tuple; errors call them by their place, counted from 1."""

    def check(value: Any) -> tuple[T, ...]:
        if type(value) is not list or len(value) > limit:
            raise ValueError(f"a list of at most {limit:,}")
        return tuple(record(make, table, each, f"{what} {index}") for index, each in enumerate(value, start=1))

    return check


# --- fields ---


def optional(check: Check) -> Check:
    """Let null stand for None."""
    return lambda value: None if value is None else check(value)


def text(limit: int, form: re.Pattern[str] | None = None, wanted: str = "") -> Check:
    """Check a text's length in characters and, as a whole, its form, which ``wanted`` puts into words."""
    wanted = wanted or f"a text of at most {limit:,} characters"

    def check(value: Any) -> str:
        if type(value) is not str or len(value) > limit or (form and not form.fullmatch(value)):
            raise ValueError(wanted)
        return value

    return check


def word(*known: str) -> Check:
    """Check that a text is one of a few."""
    wanted = " or ".join(f"'{each}'" for each in known)

    def check(value: Any) -> str:
        if type(value) is not str or value not in known:
            raise ValueError(wanted)
        return value

    return check


def integer(low: int, high: int = MAX_INT) -> Check:
    """Check a whole number; true and false are none, though Python counts them."""

    def check(value: Any) -> int:
        if type(value) is not int or not low <= value <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return value

    return check


def number(high: float) -> Check:
    """Check a number from 0 on, and give a float."""

    def check(value: Any) -> float:
        if type(value) not in {int, float} or not 0 <= value <= high:
            raise ValueError(f"a number from 0 to {high:,.0f}")
        return float(value)

    return check


def flag(value: Any) -> bool:
    """Check true or false."""
    if type(value) is not bool:
        raise ValueError("true or false")
    return value


def moment(value: Any) -> str:
    """Check a time; all have one form, so that the order of the texts is the order of the times."""
    wanted = "a time like 2026-11-22T09:30:00.000+00:00"
    if type(value) is not str or not _MOMENT.fullmatch(value):
        raise ValueError(wanted)
    try:
        datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(wanted) from None
    return value


def mapping(value: Any) -> Mapping[str, Any]:
    """Check an object of any fields; it is refused where its nesting would break whoever walks through it later."""
    if type(value) is not dict:
        raise ValueError("an object")
    _shallow(value, _MAX_DEPTH)
    return MappingProxyType(value)


def _shallow(value: Any, left: int) -> None:
    if not left:
        raise ValueError(f"an object at most {_MAX_DEPTH} levels deep")
    for each in value.values() if type(value) is dict else value:
        if type(each) in {dict, list}:
            _shallow(each, left - 1)
