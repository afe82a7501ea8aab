"""The fake API is worth trusting: the official SDK works with it, and answers follow the official description.

Refusals are in ``test_fake_refusals.py``, what goes wrong on the way is in ``test_faults.py``.
"""

from __future__ import annotations

import base64
import io
import json
import time
from typing import TYPE_CHECKING, Any

import jsonschema
import numpy as np
import openai
import pytest
import requests
import yaml
from PIL import Image

from tests.fake_api import FakeApi, fake_api, request_id
from tests.fake_calls import (
    AZURE,
    AZURE_V1,
    OPENAI,
    PROMPT,
    VERSION,
    azure_client,
    edit,
    error_of,
    generate,
    openai_client,
    opened,
    part,
    picture,
    post,
)
from tests.fake_models import MODELS
from tests.fake_pictures import colour_of
from tests.peers import description

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with fake_api(auto_size="64x48") as running:
        yield running


# --- the official SDK --------------------------------------------------------------------------------------------


def test_the_sdk_generates_with_an_azure_deployment(api: FakeApi) -> None:
    with azure_client(api) as client:
        answer = client.images.generate(model="img-dep", prompt=PROMPT, n=2, quality="low")
    first, second = (opened(item.b64_json) for item in answer.data or [])
    assert first.size == second.size == (64, 48)
    assert first.tobytes() != second.tobytes()
    assert api.calls[0].path == "/openai/deployments/img-dep/images/generations"
    assert api.calls[0].json == {"model": "img-dep", "prompt": PROMPT, "n": 2, "quality": "low"}


@pytest.mark.parametrize("root", ["/v1", "/openai/v1/"])
def test_the_sdk_generates_with_openai_and_with_azure_v1(api: FakeApi, root: str) -> None:
    model = "gpt-image-2" if root == "/v1" else "img-dep"
    with openai_client(api, root) as client:
        answer = client.images.generate(model=model, prompt=PROMPT)
    assert [opened(item.b64_json).size for item in answer.data or []] == [(64, 48)]


@pytest.mark.parametrize("azure", [True, False])
@pytest.mark.parametrize("count", [1, 3])
def test_the_sdk_edits_one_picture_and_several(api: FakeApi, count: int, *, azure: bool) -> None:
    files = [(f"{number}.png", picture(colour=(9, 9, number, 255)), "image/png") for number in range(count)]
    with azure_client(api) if azure else openai_client(api) as client:
        answer = client.images.edit(
            model="img-dep" if azure else "gpt-image-2",
            prompt=PROMPT,
            image=files if count > 1 else files[0],
            mask=("m.png", picture(), "image/png"),
            n=2,
        )
    assert len(answer.data or []) == 2
    (call,) = api.calls
    name = "image[]" if count > 1 else "image"
    assert list(call.files) == [(name, *file[::2], file[1]) for file in files] + [
        ("mask", "m.png", "image/png", picture())
    ]
    assert {("prompt", PROMPT), ("n", "2")} <= set(call.fields)


def test_the_sdk_signs_in_to_azure_with_a_token(api: FakeApi) -> None:
    with azure_client(api, api_key=None, azure_ad_token="test-token") as client:
        assert client.images.generate(model="img-dep", prompt=PROMPT).data


@pytest.mark.parametrize("azure", [True, False])
@pytest.mark.parametrize("partials", [0, 2])
def test_the_sdk_reads_a_stream(api: FakeApi, partials: int, *, azure: bool) -> None:
    with azure_client(api) if azure else openai_client(api) as client:
        model = "img-dep" if azure else "gpt-image-2"
        stream = client.images.generate(model=model, prompt=PROMPT, stream=True, partial_images=partials)
        events = list(stream)
    kinds = [event.type for event in events]
    assert kinds == ["image_generation.partial_image"] * partials + ["image_generation.completed"]
    assert {opened(event.b64_json).size for event in events} == {(64, 48)}


def test_the_sdk_streams_an_edit(api: FakeApi) -> None:
    with openai_client(api) as client:
        stream = client.images.edit(
            model="gpt-image-2", prompt=PROMPT, image=("a.png", picture(), "image/png"), stream=True, partial_images=1
        )
        assert [event.type for event in stream] == ["image_edit.partial_image", "image_edit.completed"]


def test_azure_edits_take_a_lower_case_true_for_no_stream(api: FakeApi) -> None:
    kinds = [
        edit(api, AZURE, [part()], stream=word, partial_images="1").headers["Content-Type"] for word in ("true", "True")
    ]
    assert kinds == ["application/json", "text/event-stream; charset=utf-8"]


def test_the_sdk_turns_refusals_into_its_own_errors(api: FakeApi) -> None:
    with openai_client(api) as client, pytest.raises(openai.BadRequestError) as refused:
        client.images.generate(model="gpt-image-2", prompt=PROMPT, response_format="b64_json")
    assert (refused.value.code, refused.value.param) == ("unknown_parameter", "response_format")
    assert refused.value.request_id == request_id(1)


# --- successful answers ------------------------------------------------------------------------------------------


def answer_schema(name: str) -> dict[str, Any]:
    """Give the official schema of an answer."""
    document = yaml.safe_load(description().read_text(encoding="utf-8"))
    return {"$ref": f"#/components/schemas/{name}", "components": document["components"]}


@pytest.mark.parametrize("route", [AZURE, AZURE_V1, OPENAI])
def test_answers_follow_the_official_description(route: str) -> None:
    with fake_api() as api:
        answers = generate(api, route, n=2, quality="low"), edit(api, route, [part("image[]"), part("image[]")])
    for answer in answers:
        assert answer.status_code == 200
        jsonschema.validate(answer.json(), answer_schema("ImagesResponse"))


def test_streamed_events_follow_the_official_description() -> None:
    with fake_api() as api:
        streams = [
            ("ImageGen", generate(api, stream=True, partial_images=1, size="1024x1024")),
            ("ImageEdit", edit(api, OPENAI, [part()], stream="true", partial_images="1", size="1024x1024")),
        ]
    for stem, answer in streams:
        events = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: ")]
        for event, kind in zip(events, ("PartialImage", "Completed"), strict=True):
            jsonschema.validate(event, answer_schema(f"{stem}{kind}Event"))


@pytest.mark.parametrize(
    ("route", "kind", "found"),
    [(OPENAI, "png", "PNG"), (OPENAI, "webp", "WEBP"), (OPENAI, "jpeg", "JPEG"), (AZURE, "jpeg", "JPEG")],
)
def test_the_bytes_are_what_was_asked_for(api: FakeApi, route: str, kind: str, found: str) -> None:
    answer = generate(api, route, output_format=kind, size="1024x640").json()
    image = opened(answer["data"][0]["b64_json"])
    assert (image.format, image.size, image.mode) == (found, (1024, 640), "RGB")
    assert (answer["output_format"], answer["size"], answer["background"]) == (kind, "1024x640", "opaque")


def test_a_transparent_background_has_clear_pixels(api: FakeApi) -> None:
    answer = generate(api, background="transparent").json()
    image = opened(answer["data"][0]["b64_json"])
    assert (image.mode, image.getchannel("A").getextrema(), answer["background"]) == ("RGBA", (0, 255), "transparent")


def test_the_same_words_give_the_same_picture_and_others_another(api: FakeApi) -> None:
    texts = [generate(api, prompt=prompt).json()["data"][0]["b64_json"] for prompt in ("a fox", "a fox", "an owl")]
    assert texts[0] == texts[1] != texts[2]


@pytest.mark.parametrize("provenance", [True, False])
def test_png_carries_provenance_right_after_its_header_unless_switched_off(*, provenance: bool) -> None:
    with fake_api(auto_size="64x48", provenance=provenance) as api:
        data = base64.b64decode(generate(api).json()["data"][0]["b64_json"])
    assert (data[37:41] == b"caBX") is provenance
    Image.open(io.BytesIO(data)).load()


@pytest.mark.parametrize(
    ("model", "quality", "size", "tokens"),
    [
        ("gpt-image-2", "low", "1024x1024", 196),
        ("gpt-image-2", "medium", "1024x1024", 1756),
        ("gpt-image-2", "high", "1536x1024", 5488),
        ("gpt-image-2", "medium", "2880x2880", 5930),
        ("gpt-image-2", "high", "3840x2160", 13342),
        ("gpt-image-2.5-flare", "xhigh", "1024x1024", 3122),
        ("gpt-image-2.5-sunburst", "max", "1536x1024", 5488),
        ("gpt-image-1.5", "high", "1024x1536", 6240),
    ],
)
def test_output_tokens_are_those_of_the_price_tables(model: str, quality: str, size: str, tokens: int) -> None:
    width, height = map(int, size.split("x"))
    assert MODELS[model].output_tokens(quality, width, height) == tokens


def test_usage_adds_up(api: FakeApi) -> None:
    usage = generate(api, size="1024x1024", quality="low", n=2).json()["usage"]
    assert usage == {
        "input_tokens": 6,
        "input_tokens_details": {"image_tokens": 0, "text_tokens": 6},
        "output_tokens": 392,
        "output_tokens_details": {"image_tokens": 392, "text_tokens": 0},
        "total_tokens": 398,
    }


def test_headers_number_the_requests(api: FakeApi) -> None:
    first, second = generate(api, AZURE), generate(api, AZURE, n=99)
    assert first.headers["x-request-id"] == first.headers["apim-request-id"] == request_id(1)
    assert second.headers["x-request-id"] == request_id(2)
    assert first.headers["x-ratelimit-remaining-requests"] == "9"
    assert first.headers["x-ms-region"]


# --- edits -------------------------------------------------------------------------------------------------------


def test_an_edit_starts_from_the_first_picture_posted(api: FakeApi) -> None:
    sources = [part("image[]", picture(mode="RGB", colour=colour)) for colour in ((200, 0, 0), (0, 0, 200))]
    answer = edit(api, OPENAI, sources).json()
    mean = np.asarray(opened(answer["data"][0]["b64_json"])).mean(axis=(0, 1))
    expected = np.array([200, 0, 0]) * 0.4 + np.array(colour_of(PROMPT)) * 0.6
    assert np.abs(mean - expected).max() < 6


@pytest.mark.parametrize("exact", [False, True])
def test_a_mask_guides_the_edit_and_is_a_stencil_only_when_told(*, exact: bool) -> None:
    mask = Image.new("RGBA", (64, 48), (0, 0, 0, 255))
    mask.paste((0, 0, 0, 0), (0, 0, 32, 48))
    out = io.BytesIO()
    mask.save(out, "PNG")
    grey = picture(mode="RGB", colour=(120, 120, 120))
    with fake_api(auto_size="64x48", exact_mask=exact) as api:
        answer = edit(api, AZURE, [part(data=grey), part("mask", out.getvalue())]).json()
    change = np.abs(np.asarray(opened(answer["data"][0]["b64_json"])).astype(int) - 120)
    inside, outside = change[:, :32], change[:, 32:]
    assert inside.mean() > 20
    assert outside.max() <= 4
    assert bool(outside.max() == 0) is exact


def test_openai_edits_also_take_json_with_data_urls(api: FakeApi) -> None:
    url = "data:image/png;base64," + base64.b64encode(picture()).decode()
    body = {"model": "gpt-image-2", "prompt": PROMPT, "images": [{"image_url": url}], "mask": {"image_url": url}}
    assert post(api, OPENAI, "edits", json=body).status_code == 200
    assert error_of(post(api, AZURE, "edits", json=body)) == (400, "unsupported_content_type", None)


# --- the record and the compatible flavour -----------------------------------------------------------------------


def test_the_record_keeps_requests_in_order_and_calls_are_the_image_posts(api: FakeApi) -> None:
    before = time.monotonic()
    requests.get(api.url + "/v1/models", headers={"Authorization": "Bearer test-key"}, timeout=10)
    generate(api, AZURE)
    assert [one.method for one in api.requests] == ["GET", "POST"]
    (call,) = api.calls
    assert call.query == {"api-version": VERSION}
    assert call.headers.get("API-KEY") == "test-key"
    assert before < call.time < time.monotonic()
    api.clear()
    assert api.requests == api.calls == []


def test_a_chunked_body_is_read_too(api: FakeApi) -> None:
    answer = requests.post(
        api.url + AZURE.format("generations"),
        headers={"api-key": "test-key", "Content-Type": "application/json"},
        data=iter([b'{"prompt": ', b'"a fox"}']),
        timeout=10,
    )
    assert answer.status_code == 200
    assert api.calls[0].json == {"prompt": "a fox"}


@pytest.fixture
def local() -> Iterator[FakeApi]:
    with fake_api(flavour="compatible") as running:
        yield running


def test_a_compatible_server_answers_urls_unless_told_otherwise(local: FakeApi) -> None:
    url = local.url + OPENAI.format("generations")
    plain = requests.post(url, json={"prompt": PROMPT, "size": "64x64", "seed": 7, "n": 2}, timeout=10).json()
    inline = requests.post(
        url, json={"prompt": PROMPT, "size": "64x64", "response_format": "b64_json"}, timeout=10
    ).json()
    fetched = requests.get(plain["data"][0]["url"], timeout=10)
    assert fetched.content == base64.b64decode(inline["data"][0]["b64_json"])
    assert (len(plain["data"]), set(plain)) == (2, {"created", "data"})


def test_a_compatible_server_edits(local: FakeApi) -> None:
    data = {"prompt": PROMPT, "size": "64x48", "response_format": "b64_json"}
    answer = requests.post(local.url + OPENAI.format("edits"), data=data, files=[part(), part("mask")], timeout=10)
    assert opened(answer.json()["data"][0]["b64_json"]).size == (64, 48)


@pytest.mark.parametrize(
    ("fields", "status", "member"),
    [({"prompt": PROMPT, "size": "auto"}, 422, "detail"), ({"size": "64x64"}, 400, "error")],
)
def test_a_compatible_server_has_errors_of_its_own(
    local: FakeApi, fields: dict[str, Any], status: int, member: str
) -> None:
    answer = requests.post(local.url + OPENAI.format("generations"), json=fields, timeout=10)
    assert (answer.status_code, list(answer.json())) == (status, [member])
