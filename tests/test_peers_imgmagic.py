"""imgmagic between independent judges: Prism with the official description, and aimock, a server nobody here wrote."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
import requests

from imgmagic import Studio
from imgmagic.calls import Watch
from imgmagic.engines.rest import RestEngine
from imgmagic.errors import ApiError
from imgmagic.exchange import ImageRequest, Input
from tests import faults
from tests.fake_api import FakeApi, fake_api
from tests.fake_calls import picture
from tests.peers import Peer, aimock, image_fixture, violations

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROMPT = 'a lighthouse in "fog", 灯台\nat night'
NAVY = picture(size=(96, 64), colour=(0, 0, 128, 255))
TEAL = picture("JPEG", "RGB", (80, 80), (0, 128, 128))


@pytest.fixture(scope="module")
def second_server() -> Iterator[Peer]:
    pictures = [
        image_fixture(base64.b64encode(TEAL).decode(), prompt="teal"),
        image_fixture(base64.b64encode(NAVY).decode()),
    ]
    with aimock(pictures) as peer:
        yield peer


@pytest.fixture
def judged(judge: Peer, upstream: FakeApi, monkeypatch, tmp_path: Path) -> Studio:
    """Give a studio whose calls pass through the judge."""
    upstream.clear()
    at_openai(monkeypatch, judge.url)
    return Studio(tmp_path / "home")


def at_openai(monkeypatch, url: str) -> None:
    monkeypatch.setenv("IMGMAGIC_ENGINE", "openai")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{url}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "test-key")


def at_azure(monkeypatch, url: str) -> None:
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", url)
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "test-key")
    monkeypatch.setenv("AZURE_OPENAI_DEPLOYMENT_NAME", "img-dep")


@pytest.mark.parametrize(
    "wish",
    [
        {},
        {"n": 2, "size": "1536x1024", "quality": "low"},
        {"format": "webp", "compression": 70, "background": "transparent", "moderation": "low"},
        {"format": "jpeg", "compression": 0, "background": "opaque", "params": {"user": "u-1"}},
    ],
    ids=["usual", "several", "webp", "jpeg"],
)
def test_an_imagine_passes_the_official_description_both_ways(judged: Studio, upstream: FakeApi, wish: dict) -> None:
    made = judged.imagine(PROMPT, **wish)
    assert [(call.path, call.values["prompt"]) for call in upstream.calls] == [("/v1/images/generations", PROMPT)]
    assert len(made) == wish.get("n", 1)
    assert judged.history.check() == []


def test_the_judge_would_have_refused_what_the_description_does_not_know(judged: Studio, upstream: FakeApi) -> None:
    with pytest.raises(ApiError, match="Your request is not valid") as refused:
        judged.imagine(PROMPT, params={"quality": "finest"})
    assert refused.value.status == 422
    assert upstream.calls == []


def test_the_judge_would_have_refused_an_answer_that_the_description_does_not_know(
    judged: Studio, upstream: FakeApi
) -> None:
    upstream.script = [faults.NullData()]
    with pytest.raises(ApiError) as refused:
        judged.imagine(PROMPT)
    assert refused.value.status == 500


def test_a_refusal_of_the_server_comes_through_the_judge(judged: Studio, monkeypatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "wrong")
    with pytest.raises(ApiError, match="does not accept the key") as refused:
        judged.imagine(PROMPT)
    assert refused.value.status == 401


@pytest.mark.parametrize("name", ["azure", "openai"])
@pytest.mark.parametrize(
    "wish",
    [{}, {"n": 2, "size": "1024x1536", "quality": "high"}, {"format": "jpeg", "compression": 50}, {"model": "img-old"}],
    ids=["usual", "several", "jpeg", "model"],
)
def test_a_refine_agrees_with_the_official_description(monkeypatch, tmp_path, examiner: Peer, name, wish) -> None:
    if name == "openai" and "model" in wish:
        wish = {"model": "gpt-image-1.5"}
    with fake_api(auto_size="64x48") as api:
        (at_azure if name == "azure" else at_openai)(monkeypatch, api.url)
        studio = Studio(tmp_path / "home", size="auto")
        studio.imagine("first")
        studio.refine(PROMPT, **wish)
    made, edited = api.calls
    assert edited.path.endswith("/images/edits")
    assert violations(examiner, made) == []
    assert violations(examiner, edited) == []


@pytest.mark.parametrize("name", ["azure", "openai"])
@pytest.mark.parametrize("references", [0, 2])
def test_references_and_a_mask_agree_with_the_official_description(
    monkeypatch, tmp_path, examiner: Peer, name, references
) -> None:
    inputs = [Input("source", NAVY), *[Input("reference", TEAL)] * references, Input("mask", picture(size=(96, 64)))]
    with fake_api() as api:
        (at_azure if name == "azure" else at_openai)(monkeypatch, api.url)
        engine = RestEngine(Studio(tmp_path / "home").settings())
        engine.make(ImageRequest("refine", PROMPT, size="auto", inputs=tuple(inputs)), Watch())
        (call,) = api.calls
    assert violations(examiner, call) == []


def test_what_contradicts_the_description_in_a_refine_would_be_seen(monkeypatch, tmp_path, examiner: Peer) -> None:
    with fake_api(auto_size="64x48") as api:
        at_azure(monkeypatch, api.url)
        studio = Studio(tmp_path / "home", size="auto")
        studio.imagine("first")
        with pytest.raises(ApiError, match="finest"):
            studio.refine(PROMPT, params={"quality": "finest"})
    assert any("quality" in each for each in violations(examiner, api.calls[1]))


def test_a_server_nobody_here_wrote_answers_an_imagine_and_a_refine(monkeypatch, tmp_path, second_server: Peer) -> None:
    at_azure(monkeypatch, second_server.url)
    studio = Studio(tmp_path / "home")
    first = studio.imagine(PROMPT)[0]
    second = studio.refine("make it teal")[0]
    assert (first.bytes, second.bytes) == (NAVY, TEAL)
    assert (first.size, second.format, second.parent) == ((96, 64), "jpeg", first)
    journal = str(requests.get(f"{second_server.url}/__aimock/journal", timeout=10).json())
    for route in ("generations", "edits"):
        assert f"/openai/deployments/img-dep/images/{route}" in journal
    assert studio.history.check() == []
