"""Ways for tests to call the fake API: the official SDK, and plain posts that can be as wrong as a test wants."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

import openai
import requests
from PIL import Image

if TYPE_CHECKING:
    from tests.fake_api import FakeApi

PROMPT = "a red fox in the snow"
VERSION = "2025-04-01-preview"
AZURE = "/openai/deployments/img-dep/images/{}?api-version=" + VERSION
AZURE_OLD = "/openai/deployments/img-old/images/{}?api-version=" + VERSION
AZURE_V1 = "/openai/v1/images/{}"
OPENAI = "/v1/images/{}"
MODEL_OF = {AZURE_V1: {"model": "img-dep"}, OPENAI: {"model": "gpt-image-2"}}


def azure_client(api: FakeApi, **options: Any) -> openai.AzureOpenAI:
    given = {"api_key": "test-key", **options}
    return openai.AzureOpenAI(azure_endpoint=api.url, api_version=VERSION, max_retries=0, **given)


def openai_client(api: FakeApi, root: str = "/v1") -> openai.OpenAI:
    return openai.OpenAI(base_url=api.url + root, api_key="test-key", max_retries=0)


def post(api: FakeApi, route: str, action: str = "generations", **body: Any) -> requests.Response:
    """Post with the right key; ``body`` is what ``requests.post`` takes."""
    headers = {"Authorization": "Bearer test-key"} if route == OPENAI else {"api-key": "test-key"}
    return requests.post(api.url + route.format(action), headers=headers, timeout=10, **body)


def generate(api: FakeApi, route: str = OPENAI, **fields: Any) -> requests.Response:
    return post(api, route, json={"prompt": PROMPT, **MODEL_OF.get(route, {}), **fields})


def edit(api: FakeApi, route: str, files: list[tuple[str, Any]], **fields: Any) -> requests.Response:
    return post(api, route, "edits", data={"prompt": PROMPT, **MODEL_OF.get(route, {}), **fields}, files=files)


def picture(kind: str = "PNG", mode: str = "RGBA", size: tuple[int, int] = (64, 48), colour: Any = None) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, colour or 0).save(out, kind)
    return out.getvalue()


def part(name: str = "image", data: bytes | None = None, mime: str = "image/png") -> tuple[str, Any]:
    return name, ("a.png", picture() if data is None else data, mime)


def opened(text: str | None) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(text or "")))


def error_of(answer: requests.Response) -> tuple[int, str | None, str | None]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], error.get("param")
