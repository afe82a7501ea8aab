"""Which kind of compatible server answers: asked of the server itself, once, where its answer is reliable."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from imgmagic import net
from imgmagic.engines.dialects import Dialect, by_name, recognise
from imgmagic.errors import ImgmagicError

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from imgmagic.settings import Settings

#: Seconds that a server is granted to list its models; one that does not is spoken to with caution.
_PATIENCE_S = 5.0

_OK, _FAILING = 200, 500


def spoken(settings: Settings, said: str | None, known: MutableMapping[str, Dialect]) -> Dialect:
    """Give the dialect of whoever answers.

    Parameters
    ----------
    settings
        Who is asked.
    said
        The word of `%config ImgMagic.dialect`, or None.
    known
        What was found out before, by address. A server that could not be asked is not remembered: it may be starting.
    """
    if said is not None:
        return by_name(said)
    if settings.engine != "compatible":
        return by_name(settings.engine)
    if settings.base_url not in known:
        found = _asked(settings)
        if found is None:
            return by_name("compatible")
        known[settings.base_url] = found
    return known[settings.base_url]


def _asked(settings: Settings) -> Dialect | None:
    """Ask a server for its models; None if it does not answer."""
    auth = net.Auth(settings.secret, settings.scheme)
    try:
        answer = net.ask(f"{settings.base_url}/models", auth=auth, read_timeout_s=_PATIENCE_S)
        listed = json.loads(answer.body) if answer.status == _OK else None
    except ImgmagicError:
        return None
    except (ValueError, RecursionError):
        listed = None
    if answer.status >= _FAILING:
        return None
    return recognise(listed, answer.headers) or by_name("compatible")
