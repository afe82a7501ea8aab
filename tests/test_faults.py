"""Each scripted fault does on the wire what its name says, once, and the next call is healthy."""

from __future__ import annotations

import base64
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import openai
import pytest
import requests
from PIL import UnidentifiedImageError

from tests import faults, stream_faults
from tests.fake_api import FakeApi, fake_api
from tests.fake_calls import AZURE, OPENAI, PROMPT, edit, generate, openai_client, opened, part

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with fake_api(auto_size="64x48") as running:
        yield running


def items(answer: requests.Response) -> Any:
    return answer.json()["data"]


def events(answer: requests.Response) -> list[dict[str, Any]]:
    lines = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def test_a_script_is_used_up_by_one_image_call_each(api: FakeApi) -> None:
    api.script = [faults.SERVER_ERROR, None, faults.HTML_502]
    requests.get(api.url + "/v1/models", timeout=10)
    statuses = [generate(api).status_code for _ in range(4)]
    assert statuses == [500, 200, 502, 200]
    assert api.script == []


@pytest.mark.parametrize(
    "fault",
    [
        faults.AZURE_BAD_KEY,
        faults.APIM_MISSING_KEY,
        faults.DEPLOYMENT_NOT_FOUND,
        faults.RATE_LIMIT_AZURE,
        faults.INSUFFICIENT_QUOTA,
        faults.ERROR_STRING,
        faults.ERROR_DETAIL,
        *faults.CONTENT_FILTER_SHAPES,
    ],
)
def test_a_fixed_answer_arrives_as_written_and_still_has_a_request_id(api: FakeApi, fault: faults.Status) -> None:
    api.script = [fault]
    answer = generate(api)
    assert (answer.status_code, answer.json()) == (fault.code, fault.json)
    assert answer.headers["x-request-id"]
    assert {name: answer.headers[name] for name in fault.headers} == dict(fault.headers)


def test_a_page_and_an_empty_answer_are_not_json(api: FakeApi) -> None:
    api.script = [faults.HTML_502, faults.EMPTY_504]
    page, empty = generate(api), generate(api)
    assert (page.status_code, page.headers["Content-Type"], page.text[:6]) == (502, "text/html", "<html>")
    assert (empty.status_code, empty.content) == (504, b"")


def test_a_redirect_names_its_target(api: FakeApi) -> None:
    api.script = [faults.Redirect(f"{api.url}{OPENAI.format('generations')}")]
    answer = generate(api)
    assert [one.status_code for one in answer.history] == [307]
    assert answer.status_code == 200


@pytest.mark.parametrize("before", [True, False])
def test_a_reset_is_felt_as_a_broken_connection(api: FakeApi, *, before: bool) -> None:
    api.script = [faults.Reset(before_headers=before)]
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)) as broken:
        generate(api)
    assert "reset by peer" in str(broken.value).lower()
    assert generate(api).status_code == 200


def test_a_delay_comes_before_the_usual_or_another_answer(api: FakeApi) -> None:
    api.script = [faults.Delay(0.2), faults.Delay(0.2, faults.SERVER_ERROR)]
    start = time.monotonic()
    assert [generate(api).status_code for _ in range(2)] == [200, 500]
    assert time.monotonic() - start > 0.4


def test_leaving_does_not_wait_for_a_delay() -> None:
    with ThreadPoolExecutor(1) as pool:
        with fake_api([faults.Delay(60)]) as api:
            call = pool.submit(generate, api)
            while not api.calls:
                time.sleep(0.01)
            start = time.monotonic()
        assert isinstance(call.exception(), requests.ConnectionError)
    assert time.monotonic() - start < 2


def test_bodies_can_be_spoilt(api: FakeApi) -> None:
    api.script = [faults.NotJson(), faults.TruncatedJson()]
    for _ in range(2):
        answer = generate(api)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
        with pytest.raises(requests.JSONDecodeError):
            answer.json()


def test_a_body_can_be_shorter_than_announced(api: FakeApi) -> None:
    api.script = [faults.WrongContentLength()]
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        generate(api)


def test_an_answer_can_be_compressed(api: FakeApi) -> None:
    api.script = [faults.Gzip()]
    answer = generate(api)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert opened(items(answer)[0]["b64_json"]).size == (64, 48)


def test_an_error_can_come_with_status_200(api: FakeApi) -> None:
    api.script = [faults.ErrorWith200({"error": {"message": "no"}})]
    answer = generate(api)
    assert (answer.status_code, answer.json()) == (200, {"error": {"message": "no"}})


def test_the_list_of_pictures_can_be_empty_null_or_short(api: FakeApi) -> None:
    api.script = [faults.EmptyData(), faults.NullData(), faults.FewerPictures(1)]
    assert [items(generate(api, n=2)) for _ in range(2)] == [[], None]
    assert len(items(generate(api, n=2))) == 1


def test_pictures_can_come_as_urls_of_the_same_server(api: FakeApi) -> None:
    api.script = [faults.UrlItems()]
    (item,) = items(generate(api))
    assert list(item) == ["url"]
    assert requests.get(item["url"], timeout=10).content == base64.b64decode(items(generate(api))[0]["b64_json"])


def test_pictures_can_be_broken_base64_or_no_pictures(api: FakeApi) -> None:
    api.script = [faults.TruncatedBase64(), faults.NotAnImage()]
    with pytest.raises(ValueError, match="base64"):
        base64.b64decode(items(generate(api))[0]["b64_json"], validate=True)
    with pytest.raises(UnidentifiedImageError):
        opened(items(generate(api))[0]["b64_json"])


def test_a_spoiler_leaves_refusals_and_streams_alone(api: FakeApi) -> None:
    api.script = [faults.EmptyData(), faults.EmptyData()]
    assert list(generate(api, n=99).json()) == ["error"]
    assert [event["type"] for event in events(generate(api, stream=True))] == ["image_generation.completed"]


def stream(api: FakeApi, fault: faults.Fault) -> requests.Response:
    api.script = [fault]
    return generate(api, stream=True, partial_images=2)


@pytest.mark.parametrize("flat", [False, True])
def test_a_stream_can_end_in_an_error_of_two_shapes(api: FakeApi, *, flat: bool) -> None:
    partial, error = events(stream(api, stream_faults.StreamError(flat=flat)))
    assert (partial["type"], error["type"]) == ("image_generation.partial_image", "error")
    assert (error if flat else error["error"])["code"] == "image_generation_failed"


def test_the_sdk_raises_on_an_error_in_the_stream(api: FakeApi) -> None:
    api.script = [stream_faults.StreamError(after=0)]
    with openai_client(api) as client, pytest.raises(openai.APIError, match="Image generation failed"):
        list(client.images.generate(model="gpt-image-2", prompt=PROMPT, stream=True))


def test_a_stream_can_end_early_or_skip_partials_or_chatter(api: FakeApi) -> None:
    kinds = [
        [event["type"].rpartition(".")[2] for event in events(stream(api, fault))]
        for fault in (stream_faults.StreamEnds(), stream_faults.FewerPartials(), stream_faults.ChattyStream())
    ]
    assert kinds == [["partial_image"], ["completed"], ["partial_image", "partial_image", "completed"]]
    chatter = stream(api, stream_faults.ChattyStream()).text
    assert (chatter.count(": PING"), chatter.count("data: [DONE]")) == (3, 1)


def test_a_stream_can_be_reset(api: FakeApi) -> None:
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        stream(api, stream_faults.StreamReset())


def test_a_stream_can_be_answered_with_json(api: FakeApi) -> None:
    answer = stream(api, stream_faults.JsonInsteadOfStream())
    assert answer.headers["Content-Type"] == "application/json"
    assert opened(items(answer)[0]["b64_json"]).size == (64, 48)


def test_many_calls_at_once_are_all_answered(api: FakeApi) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda number: generate(api, AZURE, prompt=f"fox {number}"), range(32)))
    assert [answer.status_code for answer in answers] == [200] * 32
    assert len({items(answer)[0]["b64_json"] for answer in answers}) == len(api.calls) == 32


def test_a_bug_of_the_fake_fails_the_test_that_meets_it() -> None:
    class Bug:
        def answer(self, _usual: Any, _host: Any, /) -> Any:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), fake_api([Bug()]) as api, pytest.raises(requests.ConnectionError):
        edit(api, OPENAI, [part()])
