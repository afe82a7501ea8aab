"""Pages from a template file: named parts with ``$fields``, and everything is escaped that is not a part itself.

A template is one file of HTML, in which ``<!-- part: NAME -->`` on a line of its own begins a part. To fill a part
gives `Html`, which another part takes as it is; any other value is text, and is escaped. So whoever fills a page cannot
forget to escape, and the HTML stands where a designer finds it.

The road not taken is a template engine: it would be a dependency for one page.
"""

from __future__ import annotations

import re
from html import escape
from importlib.resources import files
from string import Template

from imgmagic.errors import harmless

_PART = re.compile(r"^<!-- part: (\w+) -->\n", re.MULTILINE)


class Html(str):
    """A text that is HTML already."""

    __slots__ = ()


class Parts:
    """The parts of one template.

    Parameters
    ----------
    name
        Of the file in ``imgmagic/templates``.
    """

    def __init__(self, name: str) -> None:
        text = (files("imgmagic") / "templates" / name).read_text(encoding="utf-8")
        _, *split = _PART.split(text)
        self._parts = {part: Template(body.rstrip("\n")) for part, body in zip(split[::2], split[1::2], strict=True)}

    def fill(self, part: str, **fields: object) -> Html:
        """Fill a part; every field must be given.

        Parameters
        ----------
        part
            Its name.
        fields
            `Html` as it is, anything else as text.
        """
        return Html(self._parts[part].substitute({name: _escaped(value) for name, value in fields.items()}))


def joined(parts: list[Html]) -> Html:
    """Put parts one behind the other, each on a line of its own."""
    return Html("\n".join(parts))


def _escaped(value: object) -> str:
    """Escape a text; what could repaint or reorder the page is taken out of it, its lines stay lines."""
    if isinstance(value, Html):
        return value
    return escape(harmless(str(value)))
