"""What a call is expected to cost before it is sent, and what it is booked with afterwards. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from imgmagic import prices

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imgmagic.engines import Engine
    from imgmagic.exchange import ImageRequest, ImageResponse


def estimate(engine: Engine, request: ImageRequest, table: Mapping[str, Any]) -> prices.Cost:
    """Say what a call is expected to cost; a call to this machine costs nothing."""
    if not engine.paid:
        return prices.Cost(0.0)
    model = engine.describe(request).partition("/")[2]
    partials = getattr(engine, "partials", lambda _request: 0)(request)
    return prices.estimate(model, request, table, partials=partials)


def price_tag(engine: Engine, request: ImageRequest, table: Mapping[str, Any]) -> str:
    """Give the expected cost in words."""
    if not engine.paid:
        return "nothing"
    found = estimate(engine, request, table)
    return f"≈${found.usd:.3f}" + (f" (as {found.assumed})" if found.assumed else "")


def booked(
    engine: Engine, request: ImageRequest, response: ImageResponse, table: Mapping[str, Any]
) -> prices.Cost | None:
    """Price an answer by its token counts; where Azure or OpenAI send none, the estimate is booked.

    Returns
    -------
    Cost or None
        None if a server counts nothing that could be priced.
    """
    if not engine.paid:
        return prices.Cost(0.0)
    counted = prices.cost(response.model, response.usage, table)
    if counted is None and engine.name in {"azure", "openai"}:
        return prices.Cost(estimate(engine, request, table).usd, "estimated")
    return counted


def today() -> datetime:
    """Give the beginning of this day, here."""
    return datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
