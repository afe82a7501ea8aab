"""`%imgmagic login`: a key that is typed in, and lives only in this kernel's memory.

It is kept in the `Environment`, never in `os.environ`, which every child process inherits. Nothing is written anywhere.
"""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Any

from imgmagic import render
from imgmagic.environment import Environment, Secret
from imgmagic.errors import SettingsError
from imgmagic.settings import SKETCH_HINT, key_variable

if TYPE_CHECKING:
    from imgmagic.studio import Studio

_SERVICES = {"azure": "Azure OpenAI", "openai": "OpenAI", "compatible": "the compatible server"}


def login(studio: Studio) -> dict[str, Any]:
    """Ask for the key of the service that would answer, and keep it in the kernel; nothing entered forgets it again.

    Returns
    -------
    dict
        A line to display, by MIME type.

    Raises
    ------
    SettingsError
        If no service is chosen, nobody can be asked, or what was entered is no key.
    """
    text = ask(studio.environment, engine=studio.defaults.engine)
    return {"text/html": render.note(text), "text/plain": text}


def ask(environment: Environment, *, engine: str | None = None) -> str:
    """Ask for a key, keep it in an environment, and say in a sentence what was done.

    Parameters
    ----------
    environment
        Where it is kept.
    engine
        The engine that `%config ImgMagic` forces; None lets the environment decide.

    Raises
    ------
    SettingsError
        If no service is chosen, nobody can be asked, or what was entered is no key.
    """
    chosen, name = key_variable(environment, engine=engine)
    if not name:
        raise SettingsError(
            "The built-in sketch engine is chosen: it needs no key.",
            hint="Choose a service first: set AZURE_OPENAI_ENDPOINT or OPENAI_BASE_URL to its address, "
            "or for OpenAI: `%config ImgMagic.engine = 'openai'`.",
        )
    service = _SERVICES[chosen]
    secret = _typed(f"Key of {service} (stands for {name}; empty forgets it): ", name)
    if secret is None:
        forgotten = environment.forget(name)
        return f"The key of {service} is forgotten." if forgotten else f"Nothing was entered: {name} is as it was."
    environment.keep(name, secret)
    return (
        f"The key of {service} is kept in this kernel's memory until it ends, in place of {name}. "
        "`%imgmagic login` with nothing entered forgets it."
    )


def quotes_key(text: str, environment: Environment) -> bool:
    """Tell whether a configured credential of at least 8 characters stands in a text, such as a cell's."""
    return any(secret.stands_in(text) for secret in environment.secrets())


def _typed(question: str, name: str) -> Secret | None:
    """Let a key be typed unseen, and wrap it at once; None if nothing was."""
    try:
        # Looked up in its module at every call: a kernel puts its own there while a cell runs.
        secret = Secret(getpass.getpass(question).strip())
    except (NotImplementedError, EOFError):
        raise SettingsError(
            "Nobody can be asked for a key here: this notebook is run by a program.",
            hint=f"Set {name} before Jupyter starts. {SKETCH_HINT}",
        ) from None
    return secret.checked("What was entered") if secret.reveal() else None
