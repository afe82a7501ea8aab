"""An answer as the columns that the history keeps of it, once its bytes are in the store."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from imgmagic.exchange import IMPORTED
from imgmagic.formats import sniff
from imgmagic.replay import CallSite

if TYPE_CHECKING:
    from imgmagic.exchange import ImageRequest, ImageResponse, Input
    from imgmagic.prices import Cost
    from imgmagic.store import Store


def of_answer(
    request: ImageRequest, response: ImageResponse, site: CallSite, alt: str | None, cost: Cost | None
) -> dict[str, Any]:
    """Give the columns of a generation that follow from what was asked, what came, and which call it was.

    Parameters
    ----------
    request, response
        The exchange.
    site
        The call that asked.
    alt
        Alternative text; default: the prompt.
    cost
        What the call cost, if known.
    """
    return {**_asked(request, alt), **_answered(response, asked(request), cost), **_placed(site)}


def of_import(name: str) -> dict[str, Any]:
    """Give the columns of a generation that no engine made."""
    return {
        "operation": "import", "typed": name, "prompt": name, "alt": name, "key": "",
        "params": json.dumps(dict(IMPORTED)), "engine": "", "model": "", "request_id": "", "caption": "imported",
        "cost_usd": 0.0, "cost_as": "", "seconds": 0.0, **_placed(CallSite()),
    }  # fmt: skip


def asked(request: ImageRequest) -> dict[str, Any]:
    """Give what was asked for besides words, for `picture.params`; a refine inherits from it."""
    asked = {name: getattr(request, name) for name in ("n", "size", "quality", "background", "format")}
    optional = {"compression": request.compression, "moderation": request.moderation, "model": request.model}
    optional |= {"fidelity": request.fidelity, "soft": request.soft or None}
    return asked | {name: value for name, value in optional.items() if value is not None} | dict(request.params)


def picture(store: Store, data: bytes, position: int) -> dict[str, Any]:
    """Keep a picture's bytes, and give its columns.

    Raises
    ------
    ImageError
        If they are no picture.
    """
    from imgmagic import images

    kind = sniff(data)
    width, height = images.dimensions(data)
    digest = store.put(data, kind)
    return {
        "position": position,
        "digest": digest,
        "file": digest,
        "format": kind,
        "width": width,
        "height": height,
    }


def original(store: Store, data: bytes) -> dict[str, Any]:
    """Keep what the engine sent, where the picture is not that itself, and give the columns that say so."""
    kind = sniff(data)
    return {"original": store.put(data, kind), "original_format": kind}


def sent(store: Store, each: Input, position: int) -> dict[str, Any]:
    """Keep an input's bytes, and give its columns."""
    kind = sniff(each.data)
    digest = store.put(each.data, kind)
    return {
        "position": position,
        "role": each.role,
        "digest": digest,
        "file": digest,
        "format": kind,
        "picture": each.number,
        "identity": each.identity,
    }


def _asked(request: ImageRequest, alt: str | None) -> dict[str, Any]:
    return {
        "operation": request.operation,
        "typed": request.typed or request.prompt,
        "prompt": request.prompt,
        "alt": alt or request.prompt,
        "request": json.dumps(request.said, ensure_ascii=False),
    }


def _answered(response: ImageResponse, params: dict[str, Any], cost: Cost | None) -> dict[str, Any]:
    return {
        "params": json.dumps({**params, **response.details}, ensure_ascii=False),
        "engine": response.engine,
        "model": response.model,
        "request_id": response.request_id,
        "caption": response.caption,
        "text_in": response.usage and response.usage.text_in,
        "image_in": response.usage and response.usage.image_in,
        "out": response.usage and response.usage.out,
        "cost_usd": cost.usd if cost else None,
        "cost_as": cost.assumed if cost else "",
        "seconds": response.seconds,
    }


def _placed(site: CallSite) -> dict[str, Any]:
    uid = uuid4().hex
    return {
        "cell_id": site.cell_id,
        "position": site.position,
        "uid": uid,
        "site": site.name or f"~{uid}#0",
    }
