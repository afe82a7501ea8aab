"""The fake API and a client between independent judges: Prism with the official description, aimock as a server."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import openai
import pytest
import requests
from PIL import Image

from tests import faults
from tests.fake_api import FakeApi, fake_api
from tests.peers import Peer, aimock, image_fixture, violations

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROMPT = "a lighthouse in fog"


def png(colour: str = "navy", side: int = 64) -> bytes:
    out = io.BytesIO()
    Image.new("RGBA", (side, side), colour).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def client(judge: Peer, upstream: FakeApi) -> Iterator[openai.OpenAI]:
    upstream.clear()
    with openai_client(judge.url) as sdk:
        yield sdk


@pytest.fixture(scope="module")
def second_server() -> Iterator[Peer]:
    """Run aimock, which answers any image call with two pictures: navy and teal."""
    pictures = [base64.b64encode(png(colour)).decode() for colour in ("navy", "teal")]
    with aimock([image_fixture(*pictures)]) as peer:
        yield peer


def openai_client(url: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{url}/v1", api_key="test-key", max_retries=0)


def azure_client(url: str) -> openai.AzureOpenAI:
    return openai.AzureOpenAI(azure_endpoint=url, api_version="2025-04-01-preview", api_key="test-key", max_retries=0)


def sizes_of(answer: openai.types.ImagesResponse) -> list[tuple[int, int]]:
    texts = [item.b64_json or "" for item in answer.data or []]
    return [Image.open(io.BytesIO(base64.b64decode(text))).size for text in texts]


def test_a_generation_passes_the_official_description_both_ways(client: openai.OpenAI, upstream: FakeApi) -> None:
    answer = client.images.generate(model="gpt-image-2", prompt=PROMPT, n=2, size="1536x1024", quality="low")
    assert sizes_of(answer) == [(1536, 1024)] * 2
    assert [call.path for call in upstream.calls] == ["/v1/images/generations"]


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("azure", [False, True])
def test_an_edit_agrees_with_the_official_description(examiner: Peer, count: int, *, azure: bool) -> None:
    files = [(f"{number}.png", png(side=64), "image/png") for number in range(count)]
    image = files[0] if count == 1 else files
    with fake_api() as api, azure_client(api.url) if azure else openai_client(api.url) as client:
        client.images.edit(
            model="img-dep" if azure else "gpt-image-2",
            prompt=PROMPT,
            image=image,
            mask=("m.png", png(), "image/png"),
            n=2,
            size="1024x1536",
        )
        (call,) = api.calls
    assert [name for name, *_ in call.files] == ["image" if count == 1 else "image[]"] * count + ["mask"]
    assert violations(examiner, call) == []


def test_an_edit_that_contradicts_the_description_is_told_why(examiner: Peer) -> None:
    with fake_api() as api, openai_client(api.url) as client, pytest.raises(openai.BadRequestError):
        client.images.edit(model="gpt-image-2", prompt=PROMPT, image=("a.png", png(), "image/png"), n=11)
    assert violations(examiner, api.calls[0]) == ["body.n: Request body property n must be <= 10"]


def test_the_judge_refuses_a_request_that_contradicts_the_description(client: openai.OpenAI) -> None:
    with pytest.raises(openai.UnprocessableEntityError) as refused:
        client.images.generate(model="gpt-image-2", prompt=PROMPT, quality="finest")  # type: ignore[call-overload]
    assert "quality" in str(refused.value.body)


def test_the_judge_refuses_an_answer_that_contradicts_the_description(client: openai.OpenAI, upstream: FakeApi) -> None:
    upstream.script = [faults.NullData()]
    with pytest.raises(openai.InternalServerError) as refused:
        client.images.generate(model="gpt-image-2", prompt=PROMPT)
    assert "data" in str(refused.value.response.text)


def test_the_judge_lets_refusals_of_the_server_through_with_their_status(client: openai.OpenAI, judge: Peer) -> None:
    stranger = openai.OpenAI(base_url=f"{judge.url}/v1", api_key="wrong", max_retries=0)
    with stranger, pytest.raises(openai.APIStatusError) as refused:
        stranger.images.generate(model="gpt-image-2", prompt=PROMPT)
    assert refused.value.status_code == 401


def test_a_second_server_answers_on_the_path_of_an_azure_deployment(second_server: Peer) -> None:
    with azure_client(second_server.url) as client:
        made = client.images.generate(model="img-dep", prompt=PROMPT)
        edited = client.images.edit(model="img-dep", prompt=PROMPT, image=("a.png", png(), "image/png"))
    assert sizes_of(made) == sizes_of(edited) == [(64, 64)] * 2


def test_the_second_server_keeps_a_journal_of_the_paths_it_saw(second_server: Peer) -> None:
    url = f"{second_server.url}/openai/deployments/img-dep/images/generations?api-version=2025-04-01-preview"
    assert requests.post(url, json={"prompt": "journal entry"}, timeout=10).status_code == 200
    journal = requests.get(f"{second_server.url}/__aimock/journal", timeout=10).json()
    assert "/openai/deployments/img-dep/images/generations" in str(journal)


def test_a_missing_npm_skips_here_and_fails_on_ci(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("IMGMAGIC_TEST_TOOLS", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    for ci, outcome in (("", pytest.skip.Exception), ("1", pytest.fail.Exception)):
        monkeypatch.setenv("CI", ci)
        with pytest.raises(outcome, match="npm is not installed"), aimock([]):
            pass
