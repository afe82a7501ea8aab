"""Files that the user names by address: fetched from public hosts over https only, and never through a redirect.

A host inside a network is asked only if the person who set up the environment has named it: an address may come from
somebody else's notebook.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from imgmagic import net
from imgmagic.environment import Environment
from imgmagic.errors import ApiError, printable
from imgmagic.expressions import address
from imgmagic.settings import is_loopback

if TYPE_CHECKING:
    from imgmagic.errors import ImgmagicError

_TIMEOUT_S = 30.0
_GOOD = range(200, 300)
_REDIRECTS = range(300, 400)
_BY_HAND = "Download it, and name the file."

#: Names hosts inside a network that files may be fetched from all the same, divided by commas.
TRUSTED = "IMGMAGIC_TRUSTED_HOSTS"


def download(url: str, *, limit: int, error: type[ImgmagicError], loopback: bool = False) -> bytes:
    """Fetch a file.

    Parameters
    ----------
    url
        Its address.
    limit
        Most bytes.
    error
        What is raised if it is not fetched.
    loopback
        Whether this machine counts as a public host, plain http included.
    """
    name, parts = address(url), urlsplit(url)
    near = loopback and is_loopback(parts.hostname or "")
    trusted = _is_trusted(parts.hostname or "")
    if not near and (parts.scheme != "https" or not (trusted or net.is_public(parts.hostname or ""))):
        hint = f"{_BY_HAND} A host inside your network can be named in {TRUSTED}."
        raise error(f"{name} was not fetched: it is no public https address.", hint=hint)
    line = net.Line(lambda: None, public_only=not near and not trusted and not net.proxy_of(url))
    try:
        answer = net.get(url, read_timeout_s=_TIMEOUT_S, line=line, limit=limit)
    except ApiError as exc:
        raise error(f"{name} was not fetched: {exc.message.rstrip('.')}.", hint=_BY_HAND) from exc
    if answer.status in _REDIRECTS:
        to = printable(answer.headers.get("location", "elsewhere"), 300)
        raise error(f"{name} was not fetched: it leads on to {to}.", hint="Use that address, if you trust it.")
    if answer.status not in _GOOD:
        raise error(f"{name} was not fetched: the server answered {answer.status}.", hint=_BY_HAND)
    return answer.body


def _is_trusted(host: str) -> bool:
    """Tell whether the environment names a host."""
    named = Environment.of_process().get(TRUSTED)
    return host.lower() in {each.strip().lower() for each in named.split(",") if each.strip()}
