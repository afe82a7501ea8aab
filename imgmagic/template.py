"""Substitution of variables in prompts: ``{name}`` and ``{name.attribute:format}``. Pure: text to text.

`str.format` would choke on JSON, and IPython's own expansion turns ``$5`` into ``5`` and gives up in silence on one
unknown name. Here a bare ``{identifier}`` that does not resolve is an error, since a typo must not be paid for; every
other brace stays as typed, and ``$`` means nothing.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any

from imgmagic.errors import CellError, printable

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The longest text that one substitution may insert, in characters: a data frame in a prompt is a slip.
MAX_SUBSTITUTION = 2000

_FIELD = re.compile(r"\{(?P<name>[^\W\d]\w*)(?P<path>(?:\.[^\W\d]\w*)*)(?::(?P<format>[^{}]*))?\}")


def expand(text: str, names: Mapping[str, Any]) -> str:
    """Substitute variables in a text.

    Parameters
    ----------
    text
        As typed. ``{{`` and ``}}`` give braces, except that ``}}`` closes what JSON-like text opened with single ones.
    names
        The variables.

    Raises
    ------
    CellError
        If a bare ``{name}`` is no variable, an attribute is missing, a format does not fit, or the result is too long.
    """
    pieces: list[str] = []
    open_braces: list[str] = []
    at = 0
    while at < len(text):
        here = text[at]
        if here == "{" and text.startswith("{{", at):
            open_braces.append("{{")
            pieces.append("{")
            at += 2
        elif here == "{":
            field = _FIELD.match(text, at)
            if field is not None and _meant(field, names):
                pieces.append(_value(field, names))
                at = field.end()
            else:
                open_braces.append("{")
                pieces.append("{")
                at += 1
        elif here == "}":
            opened = open_braces.pop() if open_braces else "{{"
            pieces.append("}")
            at += 2 if opened == "{{" and text.startswith("}}", at) else 1
        else:
            end = _next_brace(text, at)
            pieces.append(text[at:end])
            at = end
    return "".join(pieces)


def _next_brace(text: str, at: int) -> int:
    found = [each for each in (text.find("{", at), text.find("}", at)) if each >= 0]
    return min(found, default=len(text))


def _meant(field: re.Match[str], names: Mapping[str, Any]) -> bool:
    """Tell whether a brace is a substitution: a known variable, or a bare name that must be a typo."""
    bare = not field["path"] and field["format"] is None
    return bare or field["name"] in names


def _value(field: re.Match[str], names: Mapping[str, Any]) -> str:
    """Give the text of one substitution."""
    if field["name"] not in names:
        raise _unknown(field["name"], names)
    value = names[field["name"]]
    try:
        for attribute in field["path"].split(".")[1:]:
            value = getattr(value, attribute)
        text = format(value, field["format"] or "")
    except (AttributeError, ValueError, TypeError) as exc:
        raise CellError(f"{field[0]} cannot be substituted: {printable(str(exc), 120)}.", hint=_LITERAL) from exc
    if len(text) > MAX_SUBSTITUTION:
        raise CellError(
            f"{field[0]} is {len(text):,} characters long; at most {MAX_SUBSTITUTION:,} are put into a prompt.",
            hint="Pick out the part that is meant.",
        )
    return text


def _unknown(name: str, names: Mapping[str, Any]) -> CellError:
    near = difflib.get_close_matches(name, [each for each in names if not each.startswith("_")], n=2)
    guess = f" Did you mean {' or '.join('{' + each + '}' for each in near)}?" if near else ""
    return CellError(
        f"There is no variable '{name}'.{guess}",
        hint=f"Write {{{{{name}}}}} or use --raw for literal braces.",
    )


_LITERAL = "Write {{ and }}, or use --raw, for literal braces."
