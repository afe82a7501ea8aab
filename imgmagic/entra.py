"""Microsoft Entra ID: a token in place of a key, where neither a key nor a token is configured.

The only module that imports azure-identity, and only when a request is about to be signed: resolving the settings asks
nobody for anything. The token lives in memory, shared by all that ask with the same identity, until shortly before it
expires.

The credential object is not kept beside it: it has caches of its own, out of which a refused token would come back, and
a new one reads the environment again. One is made about once an hour.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import re
import threading
import time
from functools import lru_cache

from imgmagic.environment import Secret
from imgmagic.errors import SettingsError, printable
from imgmagic.settings import SKETCH_HINT

#: What a token is asked for; https://ai.azure.com/.default is the newer one, other clouds have their own.
SCOPE = "https://cognitiveservices.azure.com/.default"

#: Seconds before its end in which a token is no longer used: a picture takes minutes.
MARGIN_S = 300.0

_HINT = (
    "Sign in with `az login`, or set AZURE_OPENAI_API_KEY, or AZURE_OPENAI_AD_TOKEN, or for a service principal "
    f"AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET.\n{SKETCH_HINT}"
)


class EntraToken(Secret):
    """A credential that is asked for when it is first revealed.

    Parameters
    ----------
    scope
        What the token is good for; empty for `SCOPE`.
    """

    __slots__ = ("_tokens",)

    def __init__(self, scope: str = "") -> None:
        super().__init__("")
        self._tokens = _tokens(scope or SCOPE, _identity())

    def reveal(self) -> str:
        """Give the token, asking for one if there is none that lasts.

        Raises
        ------
        SettingsError
            If azure-identity finds nobody who is signed in.
        """
        return self._tokens.current().reveal()

    def refresh(self) -> None:
        """Forget the token, since the service refused it: the next call of `reveal` asks for another."""
        self._tokens.forget()

    def redact(self, text: str) -> str:
        """Blot this token, and the one before it, out of a text."""
        for given in self._tokens.given:
            text = given.redact(text)
        return text

    def usable(self) -> bool:
        """Tell whether it can travel in an HTTP header: `reveal` gives no other, and asking now would be too soon."""
        return True

    def stands_in(self, text: str) -> bool:
        """Tell whether this token, or the one before it, is part of a text."""
        return any(given.stands_in(text) for given in self._tokens.given)

    def __repr__(self) -> str:
        return "EntraToken('…')"


def installed() -> bool:
    """Tell whether azure-identity is there, without importing it."""
    try:
        return importlib.util.find_spec("azure.identity") is not None
    except (ImportError, ValueError):
        return False


class _Tokens:
    """The token of one identity for one scope."""

    def __init__(self, scope: str) -> None:
        self._scope = scope
        self._lock = threading.Lock()
        self._expires_on = 0.0
        #: The token in use and the one before it: the service may quote either. Read without the lock, which is held
        #: for as long as azure-identity takes.
        self.given: tuple[Secret, ...] = ()

    def current(self) -> Secret:
        """Give a token that lasts; whoever comes while another is asking waits for that answer."""
        with self._lock:
            if time.time() >= self._expires_on - MARGIN_S:
                token, self._expires_on = _asked(self._scope)
                self.given = (token, *self.given[:1])
            return self.given[0]

    def forget(self) -> None:
        """Let the next one who asks get another token."""
        with self._lock:
            self._expires_on = 0.0


# Settings are resolved anew at every call, so what a call has learnt is kept here.
@lru_cache(maxsize=4)
def _tokens(scope: str, _who: int) -> _Tokens:
    return _Tokens(scope)


def _identity() -> int:
    """Tell apart the identities that azure-identity would find: it reads the environment itself."""
    names = (name for name in os.environ if re.match(r"(AZURE|IDENTITY|IMDS|MSI)_(?!OPENAI_)", name))
    return hash(tuple((name, os.environ.get(name)) for name in sorted(names)))


def _asked(scope: str) -> tuple[Secret, float]:
    """Ask azure-identity, and give the token and when it ends, in seconds since 1970.

    Nothing is chained to the errors: azure's text is a page long, and its frames hold secrets of the identity.
    """
    try:
        from azure.identity import DefaultAzureCredential
    except ImportError:
        raise SettingsError(
            "azure-identity cannot be imported, so there is no Entra ID token for Azure OpenAI.",
            hint=f'Run `pip install "jupyter-imgmagic[entra]"`, or set AZURE_OPENAI_API_KEY.\n{SKETCH_HINT}',
        ) from None
    _keep_quiet()
    try:
        with DefaultAzureCredential() as credential:
            answer = credential.get_token(scope)
    except KeyboardInterrupt:
        raise KeyboardInterrupt from None
    except Exception as exc:  # noqa: BLE001  whatever it is, there is no token, and the user has to know what to do
        raise SettingsError(_no_token(scope, str(exc) or type(exc).__name__), hint=_HINT) from None
    token = Secret(answer.token)
    if not answer.token or not token.usable():
        raise SettingsError(_no_token(scope, "what came is empty, or holds characters that no token has"), hint=_HINT)
    return token, answer.expires_on


def _no_token(scope: str, text: str) -> str:
    """Say in one sentence why there is no token: Entra ID's own numbered complaint if there is one."""
    number = re.search(r"AADSTS\d+:[^\r\n]*", text)
    said = printable(number[0] if number else text.strip().partition("\n")[0], 200)
    asked = "" if scope == SCOPE else f" with the scope {printable(scope, 100)} (AZURE_OPENAI_SCOPE)"
    return f'There is no Entra ID token for Azure OpenAI{asked}: "{said}"'


def _keep_quiet() -> None:
    """Keep azure's page out of the notebook: where nobody has set logging up, Python prints warnings by itself."""
    log = logging.getLogger("azure.identity")
    if not log.handlers:
        log.addHandler(logging.NullHandler())
