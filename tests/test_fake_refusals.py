"""The fake API refuses what the real servers refuse, in their words."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests import faults
from tests.fake_api import FakeApi, fake_api
from tests.fake_calls import (
    AZURE,
    AZURE_OLD,
    AZURE_V1,
    OPENAI,
    PROMPT,
    VERSION,
    edit,
    error_of,
    generate,
    part,
    picture,
    post,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with fake_api(auto_size="64x48") as running:
        yield running


# --- refusals: who and where -------------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [{}, {"api-key": "wrong"}, {"Authorization": "Bearer wrong"}])
@pytest.mark.parametrize("route", [AZURE, AZURE_V1])
def test_azure_refuses_a_missing_and_a_wrong_key_alike(api: FakeApi, route: str, headers: dict[str, str]) -> None:
    answer = requests.post(api.url + route.format("generations"), headers=headers, json={}, timeout=10)
    assert (answer.status_code, answer.json()) == (401, faults.AZURE_BAD_KEY.json)


def test_azure_takes_the_key_as_bearer_on_v1_only(api: FakeApi) -> None:
    bearer, body = {"Authorization": "Bearer test-key"}, {"prompt": PROMPT, "model": "img-dep"}
    statuses = [
        requests.post(api.url + route.format("generations"), headers=bearer, json=body, timeout=10).status_code
        for route in (AZURE_V1, AZURE)
    ]
    assert statuses == [200, 401]


def test_openai_takes_bearer_only_and_hides_most_of_a_wrong_key(api: FakeApi) -> None:
    url = api.url + OPENAI.format("generations")
    missing = requests.post(url, headers={"api-key": "test-key"}, json={}, timeout=10)
    wrong = requests.post(url, headers={"Authorization": "Bearer sk-secret-secret-1234"}, json={}, timeout=10)
    assert error_of(missing) == (401, None, None)
    assert error_of(wrong) == (401, "invalid_api_key", None)
    assert "sk-secret-secret" not in wrong.text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/openai/deployments/img-dep/images/generations", faults.RESOURCE_NOT_FOUND),
        ("/openai/deployments/img-dep/images/generations?api-version=latest", faults.RESOURCE_NOT_FOUND),
        ("/openai/deployments/img-dep/images/edits?api-version=2025-03-01-preview", faults.RESOURCE_NOT_FOUND),
        ("/openai/deployments/img-dep/images/variations?api-version=" + VERSION, faults.RESOURCE_NOT_FOUND),
        ("/openai/v1/images/generations?api-version=" + VERSION, faults.RESOURCE_NOT_FOUND),
        ("/openai/deployments/other/images/generations?api-version=" + VERSION, faults.DEPLOYMENT_NOT_FOUND),
    ],
)
def test_azure_does_not_find_wrong_paths_versions_and_deployments(api: FakeApi, path: str, body: faults.Status) -> None:
    answer = requests.post(api.url + path, headers={"api-key": "test-key"}, json={"prompt": PROMPT}, timeout=10)
    assert (answer.status_code, answer.json()) == (404, body.json)


@pytest.mark.parametrize("model", ["gpt-image-1", "dall-e-3", "img-dep"])
def test_openai_does_not_find_models_that_are_gone_or_elsewhere(api: FakeApi, model: str) -> None:
    assert error_of(generate(api, model=model)) == (404, "model_not_found", None)


def test_azure_v1_wants_a_deployment_for_model(api: FakeApi) -> None:
    assert error_of(generate(api, AZURE_V1, model="gpt-image-2")) == (404, "DeploymentNotFound", None)
    assert error_of(generate(api, AZURE_V1, model=None)) == (400, None, None)


def test_a_foreign_model_on_a_deployment_is_ignored_by_generations_and_refused_by_edits(api: FakeApi) -> None:
    assert generate(api, AZURE, model="anything").status_code == 200
    assert (
        edit(api, AZURE, [part()], model="anything").json()["error"]["message"] == "The model 'anything' does not exist"
    )
    assert [edit(api, AZURE, [part()], model=own).status_code for own in ("img-dep", "gpt-image-2")] == [200, 200]


def test_each_route_takes_one_content_type(api: FakeApi) -> None:
    assert error_of(post(api, AZURE, data={"prompt": PROMPT}))[1] == "unsupported_content_type"
    assert error_of(post(api, AZURE, "edits", data={"prompt": PROMPT}))[1] == "unsupported_content_type"


# --- refusals: fields --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"seed": 1}, "unknown_parameter", "seed"),
        ({"response_format": "b64_json"}, "unknown_parameter", "response_format"),
        ({"input_fidelity": "high"}, "unknown_parameter", "input_fidelity"),
        ({"complexity": "low"}, "unknown_parameter", "complexity"),
        ({"prompt": None}, "missing_required_parameter", "prompt"),
        ({"prompt": ""}, "empty_string", "prompt"),
        ({"prompt": "x" * 32_001}, "string_above_max_length", "prompt"),
        ({"prompt": 7}, "invalid_type", "prompt"),
        ({"n": 0}, "integer_below_min_value", "n"),
        ({"n": 11}, "integer_above_max_value", "n"),
        ({"n": "2"}, "invalid_type", "n"),
        ({"n": True}, "invalid_type", "n"),
        ({"quality": "hd"}, "invalid_value", "quality"),
        ({"quality": "max"}, "invalid_value", "quality"),
        ({"background": "clear"}, "invalid_value", "background"),
        ({"output_format": "gif"}, "invalid_value", "output_format"),
        ({"output_compression": 101, "output_format": "jpeg"}, "integer_above_max_value", "output_compression"),
        ({"output_compression": 50}, "invalid_value", "output_compression"),
        ({"background": "transparent", "output_format": "jpeg"}, "invalid_value", "background"),
        ({"moderation": "none"}, "invalid_value", "moderation"),
        ({"size": "1000x1000"}, "invalid_value", "size"),
        ({"size": "4096x1024"}, "invalid_value", "size"),
        ({"size": "2048x512"}, "invalid_value", "size"),
        ({"size": "512x512"}, "invalid_value", "size"),
        ({"size": "3840x3840"}, "invalid_value", "size"),
        ({"size": "big"}, "invalid_value", "size"),
        ({"stream": "true"}, "invalid_type", "stream"),
        ({"stream": True, "n": 2}, None, "n"),
        ({"stream": True, "partial_images": 4}, "integer_above_max_value", "partial_images"),
        ({"partial_images": 1}, None, "partial_images"),
    ],
)
@pytest.mark.parametrize("route", [AZURE, OPENAI])
def test_generations_refuse(api: FakeApi, route: str, fields: dict[str, Any], code: str | None, param: str) -> None:
    assert error_of(generate(api, route, **fields)) == (400, code, param)


@pytest.mark.parametrize(
    ("route", "fields", "status"),
    [
        (OPENAI, {"output_format": "webp"}, 200),
        (AZURE, {"output_format": "webp"}, 400),
        (OPENAI, {"model": "gpt-image-2.5-flare", "quality": "max"}, 200),
        (OPENAI, {"model": "gpt-image-2.6-flare", "complexity": "low"}, 200),
        (OPENAI, {"size": "1024x640", "n": None, "user": "me", "moderation": "low"}, 200),
        (AZURE_OLD, {"size": "1536x1024"}, 200),
        (AZURE_OLD, {"size": "1024x640"}, 400),
    ],
)
def test_what_is_accepted_depends_on_provider_and_model(
    api: FakeApi, route: str, fields: dict[str, Any], status: int
) -> None:
    assert generate(api, route, **fields).status_code == status


@pytest.mark.parametrize(
    ("model", "value", "code"),
    [
        ("gpt-image-2", "high", "invalid_input_fidelity_model"),
        ("gpt-image-2.5-flare", "low", "invalid_input_fidelity_model"),
        ("gpt-image-1-mini", "high", "invalid_value"),
        ("gpt-image-1.5", "medium", "invalid_value"),
        ("gpt-image-1.5", "high", None),
        ("gpt-image-1-mini", "low", None),
    ],
)
def test_input_fidelity_is_for_some_models(api: FakeApi, model: str, value: str, code: str | None) -> None:
    answer = edit(api, OPENAI, [part()], model=model, input_fidelity=value)
    assert answer.json().get("error", {}).get("code") == code


def test_the_forbidden_word_is_refused_in_the_words_of_the_provider(api: FakeApi) -> None:
    azure, plain = (generate(api, route, prompt="a forbiddenword") for route in (AZURE, OPENAI))
    assert (azure.status_code, azure.json()) == (400, faults.CONTENT_FILTER_IMAGES.json)
    assert (plain.status_code, plain.json()) == (400, faults.MODERATION_BLOCKED.json)


def test_calls_beyond_the_rate_are_told_when_to_come_back() -> None:
    with fake_api(auto_size="64x48", rate_limit=1, window_s=0.6) as api:
        statuses = [generate(api, AZURE).status_code]
        refused = generate(api, AZURE)
        time.sleep(0.7)
        statuses.append(generate(api, AZURE).status_code)
    assert statuses == [200, 200]
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "429")
    assert (refused.headers["retry-after"], refused.headers["retry-after-ms"]) == ("1", "1000")
    assert "retry after 1 seconds" in refused.text


# --- refusals: uploads -------------------------------------------------------------------------------------------

JPEG = picture("JPEG", "RGB")
WEBP = picture("WEBP", "RGB")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "Unsupported content type"),
        ([part("mask")], "Missing required parameter: 'image'."),
        ([part(), part()], "Duplicate parameter: 'image'"),
        ([part("image[]")] * 17, "array too long"),
        ([part("picture")], "Unknown parameter: 'picture'."),
        ([part(mime="application/octet-stream")], "unsupported mimetype ('application/octet-stream')"),
        ([part(data=WEBP, mime="image/webp")], "unsupported mimetype ('image/webp')"),
        ([part(data=WEBP)], "Invalid image file or mode for image 1"),
        ([part("image[]"), part("image[]", b"text")], "Invalid image file or mode for image 2"),
        ([part(data=picture()[:-30])], "Invalid image file or mode for image 1"),
        ([part(), part("mask", picture(size=(64, 64)))], "mask size does not match image size"),
        ([part(), part("mask", picture(mode="RGB"))], "mask image missing alpha channel"),
        ([part(), part("mask", picture(mode="L"))], "mask size does not match image size"),
        ([part(), part("mask"), part("mask")], "Duplicate parameter: 'mask'"),
        ([part(), part("mask", JPEG)], "mask image must be a PNG"),
        ([part(), part("mask", JPEG, "image/jpeg")], "unsupported mimetype ('image/jpeg')"),
        ([part(), part("mask", bytes(4 * 1024 * 1024))], "less than 4MB"),
    ],
)
def test_azure_edits_refuse_uploads(api: FakeApi, files: list[tuple[str, Any]], message: str) -> None:
    answer = edit(api, AZURE, files)
    assert answer.status_code == 400
    assert message in answer.json()["error"]["message"]


def test_openai_edits_take_webp_too(api: FakeApi) -> None:
    assert edit(api, OPENAI, [part(data=WEBP, mime="image/webp")]).status_code == 200


@pytest.mark.parametrize(("model", "code"), [("gpt-image-2.5-flare", None), ("gpt-image-2", "unknown_parameter")])
def test_markup_is_for_newer_models(api: FakeApi, model: str, code: str | None) -> None:
    answer = edit(api, OPENAI, [part(), part("markup")], model=model)
    assert answer.json().get("error", {}).get("code") == code


def test_a_text_part_given_twice_is_refused(api: FakeApi) -> None:
    answer = post(api, AZURE, "edits", data=[("prompt", "a"), ("prompt", "b")], files=[part()])
    assert answer.json()["error"]["message"].startswith("Duplicate parameter: 'prompt'")
