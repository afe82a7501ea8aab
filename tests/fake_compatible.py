"""The fake as a typical local server: no key, any model, PNG only, ``url`` by default, error shapes of its own."""

from __future__ import annotations

import base64
import io
import json as jsonlib
import re
import time
from typing import TYPE_CHECKING, Any

from PIL import Image

from tests import fake_replies as replies
from tests.fake_pictures import edited, encoded, painted
from tests.fake_replies import Host, RefusedError, Reply, Status

if TYPE_CHECKING:
    from tests.fake_forms import Seen
    from tests.fake_gate import Route

DEFAULT_SIZE = "512x512"


def compatible_reply(seen: Seen, route: Route, host: Host) -> Reply:
    """Answer an image call; unknown fields such as ``seed`` are ignored, ``n`` may be text."""
    if route.azure:
        raise RefusedError(replies.DETAIL_NOT_FOUND)
    if route.action == "generations" and seen.json is None:
        raise RefusedError(_detail("body", "Input should be a valid dictionary"))
    prompt = seen.values.get("prompt")
    if not prompt:
        raise RefusedError(replies.ERROR_STRING)
    size = _size(seen)
    pictures = [_drawn(seen, route, prompt, index, size) for index in range(int(seen.values.get("n") or 1))]
    inline = seen.values.get("response_format") == "b64_json"
    items = [{"b64_json": base64.b64encode(png).decode()} if inline else {"url": host.keep(png)} for png in pictures]
    body = jsonlib.dumps({"created": int(time.time()), "data": items})
    return Reply(200, body.encode(), {"Content-Type": "application/json"})


def _detail(name: str, message: str) -> Status:
    return Status(422, {"detail": [{"loc": ["body", name], "msg": message, "type": "value_error"}]})


def _size(seen: Seen) -> tuple[int, int]:
    size = seen.values.get("size") or DEFAULT_SIZE
    found = re.fullmatch(r"(\d+)x(\d+)", str(size))
    if not found:
        raise RefusedError(_detail("size", f"size must be WIDTHxHEIGHT, got {size}"))
    return int(found[1]), int(found[2])


def _drawn(seen: Seen, route: Route, prompt: str, index: int, size: tuple[int, int]) -> bytes:
    if route.action == "generations":
        picture = painted(prompt, index, size)
    else:
        uploads: dict[str, Any] = {name: data for name, _, _, data in reversed(seen.files)}
        source = uploads.get("image[]", uploads.get("image"))
        if source is None:
            raise RefusedError(_detail("image", "Field required"))
        mask = Image.open(io.BytesIO(uploads["mask"])).convert("RGBA") if "mask" in uploads else None
        picture = edited(Image.open(io.BytesIO(source)), mask, prompt, index, size)
    return encoded(picture, "png", provenance=False)
