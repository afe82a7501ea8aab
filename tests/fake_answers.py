"""Successful answers of the fake API: the JSON of a finished order, or its stream of events."""

from __future__ import annotations

import base64
import json as jsonlib
import math
import time
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageFilter

from tests import fake_replies as replies
from tests.fake_pictures import edited, encoded, painted
from tests.fake_replies import RefusedError, Reply

if TYPE_CHECKING:
    from tests.fake_gate import Config
    from tests.fake_rules import Order

PARTIAL_TOKENS = 100
_SAFE = {"filtered": False, "severity": "safe"}


def check_words(order: Order, config: Config) -> None:
    """Refuse a prompt with the forbidden word, in the words of the provider that answers."""
    if config.forbidden and config.forbidden in order.prompt:
        azure = order.route.azure
        raise RefusedError(replies.CONTENT_FILTER_IMAGES if azure else replies.MODERATION_BLOCKED)


def finished(order: Order, config: Config) -> Reply:
    """Give the answer to an order, streamed if it asks for that."""
    return _streamed(order, config) if order.stream else _whole(order, config)


def picture_of(order: Order, index: int, config: Config) -> Image.Image:
    """Draw one picture of an order."""
    if not order.sources:
        return painted(order.prompt, index, order.size, transparent=order.transparent)
    return edited(
        order.sources[0],
        order.mask,
        order.prompt,
        index,
        order.size,
        exact=config.exact_mask,
        transparent=order.transparent,
    )


def _base64(picture: Image.Image, order: Order, config: Config) -> str:
    data = encoded(picture, order.kind, order.compression, provenance=config.provenance)
    return base64.b64encode(data).decode()


def _whole(order: Order, config: Config) -> Reply:
    items = [_item(order, index, config) for index in range(order.n)]
    echo = _echo(order)
    body: dict[str, Any] = {"created": int(time.time()), "background": echo.pop("background"), "data": items, **echo}
    if config.usage:
        body["usage"] = usage_of(order)
    if order.safety_identifier:
        body["safety_identifier"] = order.safety_identifier
    return Reply(200, jsonlib.dumps(body).encode(), {"Content-Type": "application/json"})


def _item(order: Order, index: int, config: Config) -> dict[str, Any]:
    item: dict[str, Any] = {"b64_json": _base64(picture_of(order, index, config), order, config)}
    if order.route.azure:
        harms = dict.fromkeys(("hate", "sexual", "violence", "self_harm"), _SAFE)
        item["content_filter_results"] = harms
        item["prompt_filter_results"] = {**harms, "jailbreak": {"detected": False, "filtered": False}}
    return item


def _echo(order: Order) -> dict[str, str]:
    return {
        "background": "transparent" if order.transparent else "opaque",
        "output_format": order.kind,
        "quality": order.quality,
        "size": f"{order.size[0]}x{order.size[1]}",
    }


def usage_of(order: Order) -> dict[str, Any]:
    """Give the tokens billed: words for text, about 1024 per input megapixel, the formula for the output."""
    text = len(order.prompt.split())
    images = sum(math.ceil(source.width * source.height / 1024) for source in order.sources)
    output = order.n * order.model.output_tokens(order.quality, *order.size) + PARTIAL_TOKENS * order.partials
    return {
        "input_tokens": text + images,
        "input_tokens_details": {"image_tokens": images, "text_tokens": text},
        "output_tokens": output,
        "output_tokens_details": {"image_tokens": output, "text_tokens": 0},
        "total_tokens": text + images + output,
    }


def _streamed(order: Order, config: Config) -> Reply:
    stem = "image_edit" if order.sources else "image_generation"
    picture = picture_of(order, 0, config)
    events = [
        _event(f"{stem}.partial_image", _draft(picture, index, order, config), order, partial_image_index=index)
        for index in range(order.partials)
    ]
    billed = usage_of(order)
    # The streamed `usage` has no output details.
    billed.pop("output_tokens_details")
    more = {"usage": billed} if config.usage else {}
    events.append(_event(f"{stem}.completed", _base64(picture, order, config), order, **more))
    headers = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache"}
    return Reply(200, b"", headers, events=tuple(events))


def _draft(picture: Image.Image, index: int, order: Order, config: Config) -> str:
    """Give a blurred but complete version of the picture, sharper with each index."""
    return _base64(picture.filter(ImageFilter.BoxBlur(12 >> index)), order, config)


def _event(kind: str, picture: str, order: Order, **more: Any) -> bytes:
    return event(kind, {"b64_json": picture, "created_at": int(time.time()), **_echo(order), **more})


def event(kind: str, members: dict[str, Any]) -> bytes:
    """Give one server-sent event."""
    return f"event: {kind}\ndata: {jsonlib.dumps({'type': kind, **members})}\n\n".encode()
