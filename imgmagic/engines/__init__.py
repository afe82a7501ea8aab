"""Engines answer requests: the protocol they share, and the choice of one.

An engine takes an `ImageRequest` and gives an `ImageResponse`; it keeps nothing between two calls. Whatever must be
remembered is remembered by the history, so that every engine, the built-in sketch included, is replaceable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from imgmagic.calls import Watch
    from imgmagic.engines.dialects import Dialect
    from imgmagic.exchange import ImageRequest, ImageResponse
    from imgmagic.settings import Settings


class Engine(Protocol):
    """Something that makes pictures.

    Attributes
    ----------
    name
        ``azure``, ``openai``, ``compatible`` or ``sketch``.
    paid
        True if a call may cost money, so that it is written down before it is sent.

    An engine may also have ``region(data, words)``, which finds a part of a picture by its name and gives a mask.
    """

    name: str
    paid: bool

    def describe(self, request: ImageRequest) -> str:
        """Say in a few words who will answer, for the waiting line: ``azure/my-deployment``."""

    def make(self, request: ImageRequest, watch: Watch) -> ImageResponse:
        """Make the pictures that are asked for, or raise an `ImgmagicError`; ``watch`` is told what happens."""


def connect(settings: Settings, known: MutableMapping[str, Dialect] | None = None, **manners: Any) -> Engine:
    """Give the engine that the settings name; only now are its libraries imported.

    Parameters
    ----------
    settings
        Which engine, where, with which key.
    known
        Dialects of compatible servers by address, found out by earlier engines; added to.
    manners
        How a service is treated, see `rest.Manners`.
    """
    if settings.engine == "sketch":
        from imgmagic.engines.sketch import SketchEngine

        return SketchEngine(manners.get("partials"))
    from imgmagic.engines.rest import Manners, RestEngine

    return RestEngine(settings, Manners(**manners), known)
