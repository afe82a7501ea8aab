"""The environment and the credentials in it, in objects that do not show them.

A verbose traceback prints every local variable, `os.environ` and all. So the environment is read through `Environment`,
which also holds the keys that were typed in, and a credential lives in a `Secret`; neither shows values in a `repr`.
"""

from __future__ import annotations

import difflib
import os
from functools import lru_cache
from typing import TYPE_CHECKING

from imgmagic.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, MutableMapping

#: Variables that are no misspelling of another one, though they look like it.
_NO_SLIPS = {"AZURE_OPENAI_API_VERSION", "OPENAI_API_VERSION", "AZURE_OPENAI_ENDPOINT", "OPENAI_BASE_URL"}

#: Variables that hold a credential, those of azure-identity included.
CREDENTIALS = ("AZURE_OPENAI_API_KEY", "AZURE_OPENAI_AD_TOKEN", "OPENAI_API_KEY", "AZURE_CLIENT_SECRET")

#: Shortest credential, in characters, that is looked for in a text: a shorter one could stand there by chance.
_TELLTALE = 8


class Secret:
    """A credential that can be used but not seen: only the class that signs requests calls `reveal`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Give the credential itself."""
        return self._value

    def redact(self, text: str) -> str:
        """Blot the credential out of a text, as a server may quote it back."""
        return text.replace(self._value, "[key]")

    def usable(self) -> bool:
        """Tell whether it can travel in an HTTP header."""
        return self._value.isascii() and self._value.isprintable() and not set(" \"'") & set(self._value)

    def checked(self, name: str) -> Secret:
        """Give itself if it can be used.

        Raises
        ------
        SettingsError
            If not; ``name`` says where it came from.
        """
        if not self.usable():
            raise SettingsError(
                f"{name} holds characters that no key has (a blank, a line break, a quote or a letter outside ASCII).",
                hint="Copy the key again, without quotes and without anything around it.",
            )
        return self

    def stands_in(self, text: str) -> bool:
        """Tell whether it is part of a text, and too long to be there by chance."""
        return len(self._value) >= _TELLTALE and self._value in text

    def __repr__(self) -> str:
        return "Secret('…')"

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a Secret is not pickled")


class Environment:
    """The environment variables, without a `repr` that would print them all, and the keys that were typed in.

    Parameters
    ----------
    variables
        The variables by name.
    kept
        Keys that stand before the variables of their names; None begins with none. They are held here since whatever
        is put into `os.environ` is handed to every child process.
    """

    __slots__ = ("_kept", "_variables")

    def __init__(self, variables: Mapping[str, str], kept: MutableMapping[str, Secret] | None = None) -> None:
        self._variables = variables
        self._kept = {} if kept is None else kept

    @classmethod
    def of_process(cls) -> Environment:
        """Give this process's environment: a key kept in one is seen by all."""
        return cls(os.environ, _KEPT)

    def get(self, name: str) -> str:
        """Give a variable's value without surrounding blanks; an unset one is empty."""
        kept = self._kept.get(name)
        return self._variables.get(name, "").strip() if kept is None else kept.reveal()

    def first(self, *names: str) -> str:
        """Give the name of the first variable that is set, or an empty string."""
        return next((name for name in names if self.get(name)), "")

    def secret(self, name: str) -> Secret:
        """Wrap a variable's value, so that it never lies about in a string."""
        return Secret(self.get(name)).checked(name)

    def keep(self, name: str, secret: Secret) -> None:
        """Put a key before the variable of this name, for as long as the process lives."""
        self._kept[name] = secret

    def forget(self, name: str) -> bool:
        """Let the variable count again; True if a key stood before it."""
        return self._kept.pop(name, None) is not None

    def origin(self, name: str) -> str:
        """Say where a variable's value comes from."""
        return f"{name} (%imgmagic login)" if name in self._kept else name

    def secrets(self) -> Iterator[Secret]:
        """Give every credential that is configured, also those that another one stands before."""
        yield from tuple(self._kept.values())
        yield from (Secret(self._variables.get(name, "").strip()) for name in CREDENTIALS)

    def near(self, name: str) -> list[str]:
        """Name the variables that are set and look like ``name``, those aside that have a meaning of their own."""
        return _near(name, tuple(each for each in self if self.get(each) and each not in _NO_SLIPS))

    def __iter__(self) -> Iterator[str]:
        return iter({**dict.fromkeys(self._variables), **dict.fromkeys(self._kept)})

    def __repr__(self) -> str:
        return "Environment(…)"


@lru_cache(maxsize=64)  # asked at every call, and the environment seldom changes
def _near(name: str, candidates: tuple[str, ...]) -> list[str]:
    return difflib.get_close_matches(name, candidates, n=3, cutoff=0.8)


#: The keys that were typed into this process.
_KEPT: dict[str, Secret] = {}
