"""The running kernel's studio: the one that the magics, `imgmagic.history` and the panel share.

There is one per IPython shell, made when it is first asked for, and one for a Python without IPython.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from imgmagic.environment import Environment
from imgmagic.places import notebook_path

if TYPE_CHECKING:
    from imgmagic.studio import Studio


class _NoShell:
    """Stands for the shell where there is none."""


_no_shell = _NoShell()
_studios: WeakKeyDictionary[Any, Studio] = WeakKeyDictionary()


def studio() -> Studio:
    """Give the studio of the running shell."""
    shell = _shell()
    if shell not in _studios:
        from imgmagic.studio import Studio

        names = getattr(shell, "user_ns", {})
        _studios[shell] = Studio(home=None, session=notebook_path(Environment(os.environ), names))
    return _studios[shell]


def opened() -> Studio | None:
    """Give the studio of the running shell if its history has been used; no disk is touched."""
    found = _studios.get(_shell())
    return found if found is not None and found.opened else None


def _shell() -> Any:
    """Give the running shell, without importing IPython where it is not in use."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None
    return _no_shell if shell is None else shell
