"""What goes over the wire, and what becomes of every kind of answer: a real studio, real HTTP, the strict fake."""

from __future__ import annotations

import base64
import gzip
import json
import logging
import math
import re
import socket
import sqlite3
import traceback
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from imgmagic import CellError, Studio, net, prices
from imgmagic.calls import Watch
from imgmagic.engines import stream, wire
from imgmagic.engines.rest import Manners, RestEngine
from imgmagic.engines.sse import EventReader
from imgmagic.environment import Environment
from imgmagic.errors import ApiError, RateLimitError, RefusedError, SettingsError, UnreachableError
from imgmagic.exchange import ImageRequest, Input, Usage
from imgmagic.settings import Settings
from imgmagic.tree import History
from tests import faults
from tests.fake_api import FakeApi, fake_api, request_id
from tests.fake_calls import VERSION, picture
from tests.fake_replies import INVALID, USER, Reply, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

KEY = "k3y-that-nobody-may-see"
PROMPT = "a red fox in the snow"
TRICKY = "a \"fox\" & 'crow'\n\n  日本の空 🦊 é\\n $5 {x} <b>%41</b>\ttab; \r\n=end"

#: What the environment says for each kind of server; ``{}`` is its address.
WAYS = {
    "azure": {
        "AZURE_OPENAI_ENDPOINT": "{}",
        "AZURE_OPENAI_API_KEY": KEY,
        "AZURE_OPENAI_DEPLOYMENT_NAME": "img-dep",
    },
    "azure-v1": {
        "AZURE_OPENAI_ENDPOINT": "{}/openai/v1/",
        "AZURE_OPENAI_API_KEY": KEY,
        "AZURE_OPENAI_DEPLOYMENT_NAME": "img-dep",
    },
    "openai": {"IMGMAGIC_ENGINE": "openai", "OPENAI_BASE_URL": "{}/v1", "OPENAI_API_KEY": KEY},
    "compatible": {"OPENAI_BASE_URL": "{}"},
}
PATHS = {
    "azure": "/openai/deployments/img-dep/images/",
    "azure-v1": "/openai/v1/images/",
    "openai": "/v1/images/",
    "compatible": "/v1/images/",
}
REAL = ("azure", "azure-v1", "openai")
MODELS = {"azure": {}, "azure-v1": {"model": "img-dep"}, "openai": {"model": "gpt-image-2"}, "compatible": {}}


def serving(way: str, **options: Any) -> Any:
    flavour = "compatible" if way == "compatible" else "real"
    return fake_api(flavour=flavour, key=KEY, **{"auto_size": "64x48", **options})


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch) -> None:
    unproxied(monkeypatch)


def unproxied(monkeypatch) -> None:
    """Keep this machine's own way to the internet out of the tests."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def studio(monkeypatch, home: Path) -> Callable[..., Studio]:
    """Make the environment name a server, and give a studio in it; small pictures are quick."""

    def make(api: FakeApi, way: str = "azure", **defaults: Any) -> Studio:
        return here(monkeypatch, home, api, way, **{"partials": 0, **defaults})

    return make


def here(monkeypatch, home: Path, api: FakeApi, way: str = "azure", **defaults: Any) -> Studio:
    """Give a studio whose environment names a server on this machine."""
    for name, value in WAYS[way].items():
        monkeypatch.setenv(name, value.format(api.url))
    quiet = {"retries": 0, "dialect": "compatible" if way == "compatible" else None}
    return Studio(home=home, **{**quiet, "size": "64x48" if way == "compatible" else "auto", **defaults})


# --- what is sent ------------------------------------------------------------------------------------------------

USUAL = {"prompt": PROMPT, "n": 1, "size": "auto", "quality": "medium", "output_format": "png"}
FLARE = "gpt-image-2.5-flare"
LAX = {"prompt": PROMPT, "n": 1, "size": "64x48", "response_format": "b64_json"}


@pytest.mark.parametrize("way", WAYS)
def test_an_imagine_is_one_json_post(studio, way) -> None:
    with serving(way) as api:
        studio(api, way).imagine(PROMPT)
    (seen,) = api.requests
    assert (seen.method, seen.path) == ("POST", f"{PATHS[way]}generations")
    assert seen.query == ({"api-version": VERSION} if way == "azure" else {})
    assert seen.mime == "application/json"
    assert seen.json == {**MODELS[way], **(LAX if way == "compatible" else USUAL)}


@pytest.mark.parametrize("way", WAYS)
def test_a_refine_is_one_form_with_the_parents_bytes(studio, way) -> None:
    with serving(way) as api:
        atelier = studio(api, way)
        parent = atelier.imagine(PROMPT)[0]
        child = atelier.refine("bluer")[0]
    seen = api.requests[1]
    assert len(api.requests) == 2
    assert (seen.method, seen.path, seen.mime) == ("POST", f"{PATHS[way]}edits", "multipart/form-data")
    assert seen.query == ({"api-version": VERSION} if way == "azure" else {})
    fields = {**MODELS[way], **(LAX if way == "compatible" else USUAL), "prompt": "bluer"}
    assert sorted(seen.fields) == sorted((name, str(value)) for name, value in fields.items())
    assert seen.files == (("image", "image-1.png", "image/png", parent.bytes),)
    assert child.parent == parent


def test_defaults_are_explicit_since_azures_documents_disagree_about_them(studio) -> None:
    with serving("azure") as api:
        studio(api, size=None).imagine(PROMPT)
    assert api.calls[0].json == {**USUAL, "size": "1024x1024"}


@pytest.mark.parametrize(
    ("way", "wish", "sent"),
    [
        ("azure", {"n": 3}, {"n": 3}),
        ("azure", {"size": "1536x1024"}, {"size": "1536x1024"}),
        ("azure", {"quality": "low"}, {"quality": "low"}),
        ("azure", {"quality": "auto"}, {"quality": "auto"}),
        ("azure", {"background": "transparent"}, {"background": "transparent"}),
        ("azure", {"background": "opaque"}, {"background": "opaque"}),
        ("azure", {"background": "auto"}, {}),
        ("azure", {"format": "jpeg"}, {"output_format": "jpeg"}),
        ("azure", {"format": "jpeg", "compression": 40}, {"output_format": "jpeg", "output_compression": 40}),
        ("azure", {"format": "jpeg", "compression": 0}, {"output_format": "jpeg", "output_compression": 0}),
        ("azure", {"moderation": "low"}, {"moderation": "low"}),
        ("azure", {"params": {"user": "u-1"}}, {"user": "u-1"}),
        ("azure", {"params": {"quality": None}}, {"quality": ...}),
        ("azure", {"params": {"quality": "high"}}, {"quality": "high"}),
        ("azure", {"label": "hero", "alt": "a picture of a fox"}, {}),
        ("azure-v1", {"model": "img-old"}, {"model": "img-old"}),
        ("openai", {"model": FLARE, "quality": "xhigh"}, {"model": FLARE, "quality": "xhigh"}),
        ("openai", {"format": "webp", "compression": 80}, {"output_format": "webp", "output_compression": 80}),
        ("compatible", {"n": 2, "quality": "high"}, {"n": 2, "quality": "high"}),
        ("compatible", {"size": "auto"}, {"size": ...}),
        ("compatible", {"model": "flux"}, {"model": "flux"}),
        ("compatible", {"background": "opaque", "moderation": "low"}, {"background": "opaque", "moderation": "low"}),
        ("compatible", {"format": "jpeg", "compression": 9}, {"output_format": "jpeg", "output_compression": 9}),
    ],
)
@pytest.mark.parametrize("operation", ["imagine", "refine"])
def test_every_option_arrives_at_the_server(studio, operation, way, wish, sent) -> None:
    with serving(way) as api:
        atelier = studio(api, way)
        if operation == "refine":
            atelier.imagine("first")
        getattr(atelier, operation)(PROMPT, **wish)
    fields = {**MODELS[way], **(LAX if way == "compatible" else USUAL), **sent}
    fields = {name: value for name, value in fields.items() if value is not ...}
    expected = fields if operation == "imagine" else {name: str(value) for name, value in fields.items()}
    assert api.calls[-1].values == expected


def test_a_deployment_named_by_the_call_goes_into_the_path(studio) -> None:
    with serving("azure", deployments={"img-dep": "gpt-image-2", "my dep?é": "gpt-image-2"}) as api:
        made = studio(api).imagine(PROMPT, model="my dep?é")
    assert api.calls[0].path == "/openai/deployments/my dep?é/images/generations"
    assert api.calls[0].query == {"api-version": VERSION}
    assert api.calls[0].json == USUAL
    assert made[0].model == "my dep?é"


@pytest.mark.parametrize("operation", ["imagine", "refine"])
@pytest.mark.parametrize("way", WAYS)
def test_the_words_arrive_as_typed(studio, way, operation) -> None:
    with serving(way) as api:
        atelier = studio(api, way)
        atelier.imagine("first")
        getattr(atelier, operation)(TRICKY)
    assert api.calls[-1].values["prompt"] == TRICKY


EXTRA = {"seed": 7, "scale": 7.5, "tiled": True, "lora": {"name": "ink", "deep": {"on": False}}, "tags": ["a", "b"]}


def test_extra_fields_keep_their_types_in_json_and_null_takes_a_field_out(studio) -> None:
    with serving("compatible") as api:
        made = studio(api, "compatible").imagine(PROMPT, params={**EXTRA, "response_format": None, "user": None})
    assert api.calls[0].json == {"prompt": PROMPT, "n": 1, "size": "64x48", **EXTRA}
    assert len(made) == 1


def test_extra_fields_are_spelt_in_a_form_as_the_official_sdk_spells_them(studio) -> None:
    with serving("compatible") as api:
        atelier = studio(api, "compatible")
        atelier.imagine("first")
        atelier.refine(PROMPT, params={**EXTRA, "response_format": None})
    assert [pair for pair in api.calls[1].fields if pair[0] not in LAX] == [
        ("lora[name]", "ink"),
        ("lora[deep][on]", "false"),
        ("scale", "7.5"),
        ("seed", "7"),
        ("tags[]", "a"),
        ("tags[]", "b"),
        ("tiled", "true"),
    ]


@pytest.mark.parametrize(("way", "kind"), [("azure", "png"), ("azure", "jpeg"), ("openai", "webp")])
def test_an_uploaded_picture_carries_the_type_of_its_bytes(studio, way, kind) -> None:
    with serving(way) as api:
        atelier = studio(api, way)
        atelier.imagine(PROMPT, format=kind)
        atelier.refine("bluer", format="png")
    (part,) = api.calls[1].files
    assert part[:3] == ("image", f"image-1.{kind}", f"image/{kind}")


@pytest.mark.parametrize("way", REAL)
def test_several_pictures_and_a_mask_are_named_as_the_api_wants_them(studio, way) -> None:
    first, second, mask = picture(), picture("JPEG", "RGB"), picture()
    inputs = (Input("source", first), Input("mask", mask), Input("reference", second))
    with serving(way) as api:
        engine = studio(api, way).engine()
        engine.make(ImageRequest("refine", PROMPT, size="auto", inputs=inputs), Watch())
    assert api.calls[0].files == (
        ("image[]", "image-1.png", "image/png", first),
        ("image[]", "image-2.jpeg", "image/jpeg", second),
        ("mask", "mask.png", "image/png", mask),
    )


def test_who_is_charged_and_who_asks_stand_in_the_headers(studio, monkeypatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-1")
    with serving("openai") as api:
        studio(api, "openai").imagine(PROMPT)
    headers = api.calls[0].headers
    assert (headers["OpenAI-Organization"], headers["OpenAI-Project"]) == ("org-1", "proj-1")
    assert (headers["Authorization"], headers["User-Agent"], headers["Accept"]) == (
        f"Bearer {KEY}",
        "imgmagic",
        "application/json",
    )


@pytest.mark.parametrize("way", ["azure", "azure-v1"])
@pytest.mark.parametrize(("variable", "header"), [("API_KEY", "api-key"), ("AD_TOKEN", "Authorization")])
def test_azure_takes_a_key_or_a_token_and_only_one_header_is_sent(studio, monkeypatch, way, variable, header) -> None:
    with serving(way, token=KEY) as api:
        atelier = studio(api, way)
        monkeypatch.delenv("AZURE_OPENAI_API_KEY")
        monkeypatch.setenv(f"AZURE_OPENAI_{variable}", KEY)
        atelier.imagine(PROMPT)
    headers = api.calls[0].headers
    assert [name for name in ("api-key", "Authorization") if name in headers] == [header]


@pytest.mark.parametrize("way", WAYS)
def test_a_netrc_is_never_read(studio, monkeypatch, tmp_path, way) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in (".netrc", "_netrc"):
        (tmp_path / name).write_text("machine 127.0.0.1 login somebody password s3cret\ndefault login a password b\n")
    with serving(way) as api:
        atelier = studio(api, way)
        atelier.imagine(PROMPT)
        atelier.refine("bluer")
    sent = [call.headers.get("Authorization") for call in api.calls]
    assert sent == [f"Bearer {KEY}" if way == "openai" else None] * 2


def test_a_proxy_never_sees_what_is_for_this_machine(studio, monkeypatch) -> None:
    with serving("azure") as api, fake_api() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        studio(api).imagine(PROMPT)
        assert len(api.calls) == 1
        assert proxy.requests == []


# --- what comes back ---------------------------------------------------------------------------------------------


class Watching:
    """A healthy server that remembers which pictures it sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def answer(self, usual: Callable[[], Reply], _host: object, /) -> Reply:
        reply = usual()
        self.sent += [base64.b64decode(item["b64_json"]) for item in json.loads(reply.body)["data"]]
        return reply


@dataclass(frozen=True)
class Changed:
    """Change each item of a healthy answer."""

    change: Callable[[int, dict[str, Any], Any], object]

    def answer(self, usual: Callable[[], Reply], host: Any, /) -> Reply:
        reply = usual()
        body = json.loads(reply.body)
        for index, item in enumerate(body["data"]):
            self.change(index, item, host)
        return replace(reply, body=json.dumps(body).encode())


@pytest.mark.parametrize(("way", "kind"), [("azure", "png"), ("azure", "jpeg"), ("openai", "webp")])
def test_what_the_server_sent_is_kept_bit_for_bit(studio, way, kind) -> None:
    watching = Watching()
    with serving(way, script=[watching, watching]) as api:
        atelier = studio(api, way)
        made = [*atelier.imagine(PROMPT, n=3, format=kind), *atelier.refine("bluer", n=2)]
    assert [each.bytes for each in made] == [each.path.read_bytes() for each in made] == watching.sent
    assert {each.format for each in made} == {kind}
    assert len(set(watching.sent)) == 5
    assert atelier.history.check() == []


@pytest.mark.parametrize("way", REAL)
def test_what_the_server_says_about_the_call_is_kept(studio, way) -> None:
    with serving(way) as api:
        made = studio(api, way).imagine(PROMPT, n=2)[1].generation
    assert made.usage is not None
    assert (made.usage.text_in, made.usage.image_in) == (6, 0)
    assert made.usage.out > 0
    assert made.request_id == request_id(1)
    assert (made.engine, made.model) == ("azure", "img-dep") if way != "openai" else ("openai", "gpt-image-2")
    assert made.cost_usd == 0


def test_a_compressed_answer_is_read(studio) -> None:
    with serving("azure", script=[faults.Gzip()]) as api:
        assert len(studio(api).imagine(PROMPT)) == 1


def test_an_answer_that_drips_in_is_waited_for_as_long_as_it_drips(studio) -> None:
    with serving("azure", script=[Dripping(8, pause_s=0.2)]) as api:
        assert len(studio(api, timeout_s=1).imagine(PROMPT)) == 1


def test_an_answer_of_sixty_megabytes_is_read_and_kept(studio) -> None:
    junk = bytes(45 * 2**20)
    chunk = len(junk).to_bytes(4, "big") + b"juNk" + junk + zlib.crc32(b"juNk" + junk).to_bytes(4, "big")

    def fatten(_index: int, item: dict[str, Any], _host: object) -> None:
        data = base64.b64decode(item["b64_json"])
        item["b64_json"] = base64.b64encode(data[:-12] + chunk + data[-12:]).decode()

    with serving("azure", script=[Changed(fatten)]) as api:
        atelier = studio(api)
        made = atelier.imagine(PROMPT)[0]
    assert made.path.stat().st_size > len(junk)
    assert made.size == (64, 48)
    assert atelier.history.check() == []


def test_an_answer_beyond_the_limit_is_not_read_on_and_may_have_been_billed(abroad, monkeypatch) -> None:
    monkeypatch.setattr(net, "_CHUNK", 4096)
    with serving("azure") as api:
        atelier = abroad(api)
        atelier.imagine("first")
        monkeypatch.setattr(net, "MAX_ANSWER", 2**20)
        api.script = [Status(200, text="x" * 2**21)]
        with pytest.raises(ApiError, match=r"images\.example sent more than 1 MB; it was not read on\.") as met:
            atelier.imagine(PROMPT)
        assert len(api.requests) == 2
    assert BILLED in met.value.hint
    assert_nothing_changed(atelier)


def test_a_small_answer_that_swells_beyond_the_limit_is_not_read_on(studio, monkeypatch) -> None:
    monkeypatch.setattr(net, "MAX_ANSWER", 2**20)
    bomb = Reply(200, gzip.compress(bytes(2**23)), {"Content-Encoding": "gzip", "Content-Type": "application/json"})

    class Bomb:
        def answer(self, _usual: Callable[[], Reply], _host: object, /) -> Reply:
            return bomb

    with serving("azure", script=[Bomb()]) as api, pytest.raises(ApiError, match="sent more than 1 MB"):
        studio(api).imagine(PROMPT)


def test_a_picture_behind_a_url_that_is_too_large_is_paid_for_so_its_address_is_told(studio, monkeypatch) -> None:
    monkeypatch.setattr(net, "MAX_PICTURE", 1000)
    with (
        serving("azure", script=[faults.UrlItems()]) as api,
        pytest.raises(ApiError, match=r"made, but not fetched: .* sent more than 0 MB") as met,
    ):
        studio(api).imagine(PROMPT, size="1024x1024")
    assert f"It is paid for; this is its address: {api.url}/files/" in met.value.hint


def test_fewer_pictures_than_asked_for_are_kept_and_the_caption_says_so(studio) -> None:
    with serving("azure", script=[faults.FewerPictures(2)]) as api:
        made = studio(api).imagine(PROMPT, n=3)
    assert len(made) == 2
    assert made[0].generation.caption == "2 of 3 came back"
    assert "2 of 3 came back" in made.bundle["text/plain"]


def test_one_damaged_picture_does_not_take_the_others_with_it(studio) -> None:
    cut = Changed(lambda index, item, _host: index == 1 and item.update(b64_json=item["b64_json"][:400]))
    with serving("azure", script=[cut]) as api:
        made = studio(api).imagine(PROMPT, n=3)
    assert made[0].generation.caption == "2 of 3 came back, 1 arrived damaged"


@pytest.mark.parametrize("tail", [b"\n", b"\0" * 20])
def test_a_picture_with_something_after_its_end_is_whole(studio, tail) -> None:
    def lengthen(_index: int, item: dict[str, Any], _host: object) -> None:
        item["b64_json"] = base64.b64encode(base64.b64decode(item["b64_json"]) + tail).decode()

    with serving("azure", script=[Changed(lengthen)]) as api:
        assert studio(api).imagine(PROMPT)[0].bytes.endswith(tail)


def test_pictures_behind_urls_of_the_same_server_are_fetched_without_the_key(studio) -> None:
    with serving("azure", script=[faults.UrlItems()]) as api:
        made = studio(api).imagine(PROMPT, n=2)
    gets = [seen for seen in api.requests if seen.method == "GET"]
    assert len(made) == len(gets) == 2
    assert not any(name in seen.headers for seen in gets for name in ("api-key", "Authorization"))


@pytest.mark.parametrize("status", [201, 202, 299])
def test_a_picture_that_comes_with_any_success_is_kept(studio, status) -> None:
    class Succeeding:
        def answer(self, usual: Callable[[], Reply], _host: object, /) -> Reply:
            return replace(usual(), status=status)

    with serving("azure", script=[Succeeding()]) as api:
        assert len(studio(api).imagine(PROMPT)) == 1
        assert len(api.requests) == 1


def test_a_picture_behind_a_path_is_on_the_server_that_named_it(studio) -> None:
    def shorten(_index: int, item: dict[str, Any], host: Any) -> None:
        item["url"] = host.keep(base64.b64decode(item.pop("b64_json"))).removeprefix(host.url)

    with serving("azure", script=[Changed(shorten)]) as api:
        assert len(studio(api).imagine(PROMPT)) == 1
    assert api.requests[1].path.startswith("/files/")


@pytest.mark.parametrize("field", ["url", "b64_json"])
def test_pictures_as_data_urls_are_understood(studio, field) -> None:
    def inline(_index: int, item: dict[str, Any], _host: object) -> None:
        item[field] = f"data:image/png;base64,{item.pop('b64_json')}"

    with serving("azure", script=[Changed(inline)]) as api:
        assert studio(api).imagine(PROMPT)[0].size == (64, 48)


def test_one_picture_that_cannot_be_fetched_does_not_take_the_others_with_it(studio) -> None:
    lose = Changed(lambda index, item, host: index == 0 and item.update(b64_json="", url=f"{host.url}/gone.png"))
    with serving("azure", script=[lose]) as api:
        made = studio(api).imagine(PROMPT, n=2)
    assert len(made) == 1
    assert made[0].generation.caption == (
        "1 of 2 came back. The picture was made, but not fetched: the server answered 404. "
        f"It is paid for; this is its address: {api.url}/gone.png"
    )


@pytest.mark.parametrize(
    "target",
    ["http://10.1.2.3/a.png", "https://127.0.0.1:1/a.png", "https://localhost/a", "file:///etc/h", "http://[", "//h/x"],
)
def test_a_picture_behind_a_url_inside_the_network_is_not_fetched(studio, target) -> None:
    point = Changed(lambda _index, item, _host: item.update(b64_json=None, url=target))
    with (
        serving("azure", script=[point]) as api,
        pytest.raises(ApiError, match="made, but not fetched: it is neither") as refused,
    ):
        studio(api).imagine(PROMPT)
    assert str(refused.value).endswith(f"It is paid for; this is its address: {target}")


def test_another_server_on_this_machine_hears_nothing_of_a_picture_said_to_be_there(studio) -> None:
    with fake_api() as other:
        point = Changed(lambda _index, item, _host: item.update(b64_json=None, url=other.keep(picture())))
        with serving("azure", script=[point]) as api, pytest.raises(ApiError, match="it is neither on the same server"):
            studio(api).imagine(PROMPT)
        assert other.requests == []


# --- what goes wrong ---------------------------------------------------------------------------------------------

BAD_KEY = ["does not accept the key", "Access denied"]
BILLED = "may have been billed"


@dataclass(frozen=True)
class Trouble:
    """An answer, and what it must become; ``words`` stand in the message or in the hint."""

    fault: faults.Fault
    words: list[str]
    status: int | None
    code: str = ""
    kind: type[ApiError] = ApiError
    way: str = "azure"
    retry_after: float | None = None
    refine: bool = False
    defaults: Mapping[str, Any] = field(default_factory=dict)


def refused(fault: faults.Fault, code: str, words: list[str], **more: Any) -> Trouble:
    return Trouble(fault, [*words, "Change the words"], 400, code, RefusedError, **more)


def limited(fault: faults.Fault, code: str, words: list[str], status: int = 429, **more: Any) -> Trouble:
    return Trouble(fault, words, status, code, RateLimitError, **more)


def cut_off(fault: faults.Fault, words: list[str], **defaults: Any) -> Trouble:
    return Trouble(fault, [*words, BILLED], None, "", UnreachableError, defaults=defaults)


def wrong_size(message: str, param: str | None = "size") -> Trouble:
    rule = ["does not make pictures of this size", "1536x1024 and 1024x1536 only", "multiples of 16", "at most 3:1"]
    return Trouble(faults.error(400, message, param=param, word="invalid_value"), rule, 400, "invalid_value")


def wrong_mask(message: str, param: str | None = "mask", word: str = INVALID) -> Trouble:
    words = ["cannot use the mask", "the picture's own size whose alpha is 0"]
    return Trouble(faults.error(400, message, param=param, word=word), words, 400, word, refine=True)


class ShortLength:
    """A Content-Length smaller than the body."""

    def answer(self, usual: Callable[[], Reply], _host: object, /) -> Reply:
        reply = usual()
        return replace(reply, length=len(reply.body) - 300)


@dataclass(frozen=True)
class Dripping:
    """A healthy JSON answer in so many pieces with pauses; without an end the last piece is missing."""

    pieces: int
    pause_s: float = 0.0
    ends: bool = True
    cut: bool = False

    def answer(self, usual: Callable[[], Reply], host: Any, /) -> Reply:
        reply = usual()
        step = len(reply.body) // self.pieces + 1

        def drops() -> Iterator[bytes]:
            for index in range(self.pieces if self.ends and not self.cut else self.pieces - 1):
                host.pause(self.pause_s)
                yield reply.body[index * step : (index + 1) * step]
            host.pause(0 if self.ends else 60)

        return replace(reply, events=drops(), reset="middle" if self.cut else None)


FILTERED = "Generated image was filtered as a result of our safety system."
FILTERED_OUTPUT = Status(400, {"error": {"code": "contentFilter", "message": FILTERED}})
BLOCKED_OUTPUT = faults.error(
    400,
    "Your request was rejected by the safety system.",
    kind="image_generation_user_error",
    word="moderation_blocked",
    moderation_details={"moderation_stage": "output", "categories": ["violence", "self-harm"]},
)
INNER_ONLY = Status(400, {"error": {"message": "no", "inner_error": {"code": "ResponsibleAIPolicyViolation"}}})
DEEP = "[" * 100_000

TROUBLES = {
    # who are you
    "azure bad key": Trouble(
        faults.AZURE_BAD_KEY,
        [*BAD_KEY, "Check AZURE_OPENAI_API_KEY, and that AZURE_OPENAI_ENDPOINT is the address it belongs to."],
        401,
        "401",
    ),
    "api management without a key": Trouble(
        faults.APIM_MISSING_KEY, ["does not accept the key", "missing subscription key"], 401
    ),
    "azure without a role": Trouble(
        faults.AZURE_PERMISSION_DENIED,
        ["does not let this identity use", "'Cognitive Services OpenAI User'"],
        401,
        "PermissionDenied",
    ),
    "openai bad key": Trouble(
        faults.openai_bad_key(KEY),
        ["OpenAI at images.example does not accept the key", "Check OPENAI_API_KEY", "key provided: [key]. You"],
        401,
        "invalid_api_key",
        way="openai",
    ),
    "compatible server wants a key": Trouble(
        Status(401, {"detail": "Not authenticated"}),
        ["The server at images.example wants a key", "Set OPENAI_API_KEY", '"Not authenticated"'],
        401,
        way="compatible",
    ),
    "azure resource blocked": Trouble(
        faults.AZURE_BLOCKED, ["has blocked the whole resource", "ask its owner"], 403, "Forbidden"
    ),
    "openai organisation": Trouble(
        faults.ORGANIZATION_UNVERIFIED, ["wants a verified organisation"], 403, "invalid_request_error", way="openai"
    ),
    "azure forbidden": Trouble(
        faults.error(403, "Access denied due to Virtual Network/Firewall rules.", word="403"),
        ["does not allow this", "network rules", "Firewall"],
        403,
        "403",
    ),
    "openai forbidden": Trouble(
        faults.error(403, "Country, region, or territory not supported", word="unsupported_country"),
        ["does not allow this", "which models and regions"],
        403,
        "unsupported_country",
        way="openai",
    ),
    # nothing here
    "azure deployment": Trouble(
        faults.DEPLOYMENT_NOT_FOUND,
        ["knows no deployment 'img-dep'", "AZURE_OPENAI_DEPLOYMENT_NAME, or -m NAME", "last 5 minutes"],
        404,
        "DeploymentNotFound",
    ),
    "azure route": Trouble(
        faults.RESOURCE_NOT_FOUND,
        ["has no such route", "Check AZURE_OPENAI_ENDPOINT", "Resource not found"],
        404,
        "404",
    ),
    "azure v1 route": Trouble(
        faults.RESOURCE_NOT_FOUND, ["has no such route", "Without /openai/v1 at its end"], 404, "404", way="azure-v1"
    ),
    "compatible server without edits": Trouble(
        Status(404, {"detail": "Not Found"}),
        ["has no such route", "Check OPENAI_BASE_URL", "some servers have no image edits"],
        404,
        way="compatible",
        refine=True,
    ),
    "openai model": Trouble(
        faults.model_not_found("gpt-image-2"),
        ["has no model 'gpt-image-2'", "IMGMAGIC_MODEL", "older image models are retired"],
        404,
        "model_not_found",
        way="openai",
    ),
    # too much
    "azure rate": limited(
        faults.RATE_LIMIT_AZURE, "429", ["got too many requests", "Run the cell again in 12 s"], retry_after=12.0
    ),
    "openai rate": limited(
        faults.rate_limit_openai(7), "rate_limit_exceeded", ["again in 7 s"], way="openai", retry_after=7.0
    ),
    "a rate in fractions": limited(
        Status(429, {}, headers={"retry-after-ms": "250"}), "", ["again in 1 s"], retry_after=0.25
    ),
    "a rate for ever": limited(
        Status(429, {}, headers={"retry-after": "9" * 400}), "", ["again in more than a day."], retry_after=math.inf
    ),
    "a rate of two days": limited(
        Status(429, {}, headers={"retry-after": "172800"}), "", ["again in more than a day."], retry_after=172800.0
    ),
    "a rate without a time": limited(Status(429), "", ["again in a minute"]),
    "openai quota": limited(
        faults.INSUFFICIENT_QUOTA,
        "insufficient_quota",
        ["quota or budget is used up", "Waiting does not help"],
        way="openai",
    ),
    "openai limit 0": limited(
        faults.LIMIT_ZERO, "rate_limit_exceeded", ["no pictures of this model", "Waiting does not help"], way="openai"
    ),
    "openai hard limit": limited(
        faults.BILLING_HARD_LIMIT, "billing_hard_limit_reached", ["quota or budget is used up"], 400, way="openai"
    ),
    # not these words
    "content filter of the images api": refused(
        faults.CONTENT_FILTER_IMAGES, "content_policy_violation", ["refused the prompt", "our safety system"]
    ),
    "content filter of a task": refused(faults.CONTENT_FILTER_TASK, "contentFilter", ["refused the prompt"]),
    "content filter of chat": refused(faults.CONTENT_FILTER_CHAT, "content_filter", ["refused the prompt (violence)"]),
    "content filter in the inner error only": refused(
        INNER_ONLY, "ResponsibleAIPolicyViolation", ["refused the prompt"]
    ),
    "content filter of the picture": refused(FILTERED_OUTPUT, "contentFilter", ["refused the picture that was made"]),
    "moderation of the prompt": refused(
        faults.MODERATION_BLOCKED, "moderation_blocked", ["refused the prompt (sexual)"], way="openai"
    ),
    "moderation of the picture": refused(
        BLOCKED_OUTPUT, "moderation_blocked", ["refused the picture that was made (violence, self-harm)"], way="openai"
    ),
    # not like this
    "unknown parameter": Trouble(
        faults.error(400, "Unknown parameter: 'seed'.", param="seed", word="unknown_parameter"),
        ["does not accept the request", "Unknown parameter: 'seed'", "`-p FIELD=null`"],
        400,
        "unknown_parameter",
    ),
    "response_format": Trouble(
        faults.error(400, "Unknown parameter: 'response_format'.", word="unknown_parameter"),
        ["`-p response_format=null`"],
        400,
        "unknown_parameter",
        way="compatible",
    ),
    "too large": Trouble(Status(413), ["finds the picture too large", "50 MB"], 413),
    "no reason": Trouble(Status(418), ["rejects the request without saying why", "`%imgmagic` shows it"], 418),
    "azure retired model": Trouble(
        faults.error(410, "The model 'gpt-image-1' behind this deployment has been retired.", word="ModelRetired"),
        ["has retired the model behind 'img-dep'", "name it in AZURE_OPENAI_DEPLOYMENT_NAME, or with -m NAME"],
        410,
        "ModelRetired",
    ),
    "openai retired model": Trouble(
        faults.error(404, "The model `gpt-image-2` has been deprecated, learn more here.", word="model_not_found"),
        ["has retired the model behind 'gpt-image-2'", "name it in IMGMAGIC_MODEL"],
        404,
        "model_not_found",
        way="openai",
    ),
    "a value that is deprecated": Trouble(
        faults.error(400, "quality 'hd' is deprecated", param="quality"), ["does not accept the request"], 400, INVALID
    ),
    "openai organisation under 400": Trouble(
        Status(400, faults.ORGANIZATION_UNVERIFIED.json),
        ["wants a verified organisation", "15 minutes"],
        400,
        INVALID,
        way="openai",
    ),
    "a deployment is no model to the edits": Trouble(
        faults.error(400, "The model 'img-dep' does not exist", param="model", word="invalid_value"),
        ["has no model 'img-dep'"],
        400,
        "invalid_value",
        refine=True,
    ),
    "azure without edits": Trouble(
        faults.RESOURCE_NOT_FOUND, ["has no such route", "images/edits", "Resource not found"], 404, "404", refine=True
    ),
    "openai project without the model": Trouble(
        Status(403, faults.model_not_found("gpt-image-2").json),
        ["has no model 'gpt-image-2'", "or you do not have access to it"],
        403,
        "model_not_found",
        way="openai",
    ),
    "openai without a key": Trouble(
        faults.OPENAI_MISSING_KEY, ["does not accept the key", "didn't provide an API key"], 401, INVALID, way="openai"
    ),
    "a size of the older models": wrong_size(
        "Invalid value: '512x512'. Supported values are: '1024x1024', '1024x1536', '1536x1024', and 'auto'."
    ),
    "a size too long": wrong_size("Invalid size '4096x4096'. The longest edge must be less than or equal to 3840."),
    "a size too small": wrong_size("Requested resolution is below the current minimum pixel budget.", param=None),
    "a size that does not divide": wrong_size("Width and height must be divisible by 16.", param=None),
    "a size that exceeds": wrong_size("Requested dimensions exceed the maximum size of this model."),
    "a mask of another size": wrong_mask("mask size does not match image size", word="invalid_value"),
    "a mask without alpha": wrong_mask("Invalid mask image format - mask image missing alpha channel", param=None),
    "a mask that is none": wrong_mask("Invalid file.", word="invalid_image_file"),
    "a picture too large": Trouble(
        faults.error(400, "Invalid image: file size exceeds the limit of 50 MB", word="image_too_large"),
        ["finds the picture too large", "50 MB, a mask 4 MB", "`-f jpeg`"],
        400,
        "image_too_large",
        refine=True,
    ),
    "a type of picture that is not taken": Trouble(
        faults.error(400, "Invalid file 'image': unsupported mimetype", word="unsupported_file_mimetype"),
        ["does not accept the request", "unsupported mimetype"],
        400,
        "unsupported_file_mimetype",
        refine=True,
    ),
    "a picture that cannot be read": Trouble(
        faults.error(400, "Invalid image file or mode for image 1, please check your image file.", kind=USER),
        ["does not accept the request", "check your image file"],
        400,
        USER,
        refine=True,
    ),
    "no transparency": Trouble(
        faults.error(400, "Transparent background is not supported for this model.", param="background", kind=USER),
        ["does not accept the request", '"Transparent background is not supported'],
        400,
        USER,
    ),
    "the wrong back end": Trouble(
        faults.MULTIPART_MISROUTED,
        ["sent the edit to the wrong back end", "comes and goes"],
        400,
        "unsupported_content_type",
        refine=True,
    ),
    "error as a string": Trouble(faults.ERROR_STRING, ['"prompt is required"'], 400, way="compatible"),
    "error as a detail": Trouble(faults.ERROR_DETAIL, ['"body.size: invalid size"'], 422, way="compatible"),
    "error null beside a detail": Trouble(Status(400, {"error": None, "detail": "odd"}), ['"odd"'], 400),
    "inner error of an odd form": Trouble(Status(400, {"error": {"code": [], "inner_error": {"code": []}}}), [], 400),
    "error nested without end": Trouble(Status(400, text=DEEP), [], 400),
    # their fault
    "server error of another kind": Trouble(
        faults.error(500, "worker died", kind="oops"), ["failed on its side", BILLED], 500, "oops"
    ),
    "json 502": Trouble(Status(502, {"message": "bad gateway"}), ["failed on its side", "bad gateway", BILLED], 502),
    "busy without a hint": Trouble(
        faults.error(503, "overloaded", kind="server_error"), ["failed on its side", BILLED], 503, "server_error"
    ),
    "busy with a hint": Trouble(
        faults.error(503, "overloaded", kind="server_error", headers={"retry-after": "30"}),
        ["failed on its side", "Run the cell again in 30 s."],
        503,
        "server_error",
    ),
    "json 408": Trouble(faults.error(408, "Operation timed out", word="Timeout"), [BILLED, "`-q low`"], 408, "Timeout"),
    "empty 500": Trouble(Status(500), ["or a gateway before it failed", BILLED], 500),
    "server error": Trouble(faults.SERVER_ERROR, ["failed on its side", "again in a moment"], 500, "server_error"),
    "int code": Trouble(faults.ERROR_INT_CODE, ["failed on its side", "could not load"], 500, "500", way="compatible"),
    "html 502": Trouble(faults.HTML_502, ["or a gateway before it failed", '"502"', BILLED], 502),
    "empty 504": Trouble(faults.EMPTY_504, ["ran out of patience", BILLED, "`-q low`"], 504),
    # a 200 that is none
    "not json": Trouble(
        faults.NotJson(), [BILLED, "not JSON", '"upstream connect error', "A login page or a proxy"], 200
    ),
    "a login page": Trouble(Status(200, html="<head>x</head><h1>Sign in</h1>"), ['not JSON: "Sign in".'], 200),
    "an empty 200": Trouble(Status(200), ["answered 200 with an empty body", BILLED], 200),
    "truncated json": Trouble(faults.TruncatedJson(), ["cut off or damaged", BILLED], 200),
    "json without end": Trouble(Status(200, text='{"data":' + DEEP), ["cut off or damaged", BILLED], 200),
    "another form": Trouble(Status(200, [1, 2]), ["JSON of another form"], 200),
    "truncated base64": Trouble(faults.TruncatedBase64(), ["a picture that cannot be used", BILLED], 200),
    "not an image": Trouble(faults.NotAnImage(), ["no PNG, JPEG or WebP", BILLED], 200),
    "no data": Trouble(faults.EmptyData(), ["without a picture and without a reason", "filtered"], 200),
    "null data": Trouble(faults.NullData(), ["without a picture and without a reason"], 200),
    "a 200 with an error": Trouble(
        faults.ErrorWith200({"error": {"message": "worker died", "code": "oops"}}),
        ["answered with an error instead of a picture (HTTP 200", '"worker died"'],
        200,
        "oops",
    ),
    "a 200 with a refusal": Trouble(
        faults.ErrorWith200(faults.MODERATION_BLOCKED.json),
        ["refused the prompt (sexual)"],
        200,
        "moderation_blocked",
        RefusedError,
    ),
    # another success that is none
    "a 204": Trouble(Status(204), ["answered 204 with an empty body", BILLED], 204),
    "a 101": Trouble(Status(101), ["answered 101 with an empty body", BILLED], 101),
    "a 202 that promises": Trouble(
        Status(202, {"id": "job-7", "status": "queued"}),
        ["accepted the request (HTTP 202), but sent no picture", BILLED, "cannot fetch it later"],
        202,
    ),
    "a 202 that says something": Trouble(
        Status(202, {"message": "queued"}), ["answered with a message, but without a picture", '"queued"', BILLED], 202
    ),
    "a 202 about a mask": Trouble(Status(202, {"message": "the mask waits"}), ['"the mask waits"', BILLED], 202),
    "a 299 that is a page": Trouble(Status(299, html="<h1>Hi</h1>"), ["answered 299", "not JSON", BILLED], 299),
    "a length that is too short": Trouble(ShortLength(), ["cut off or damaged", BILLED], 200),
    # the line
    "half of the json, and silence": cut_off(Dripping(2, ends=False), ["images.example went silent"], timeout_s=0.5),
    "no end of the chunks": cut_off(Dripping(2, cut=True), ["broke before the answer was complete"]),
    "wrong length": cut_off(faults.WrongContentLength(), ["broke before the answer was complete"]),
    "reset before the headers": cut_off(faults.Reset(), ["broke before the answer was complete", "reset by peer"]),
    "reset after the headers": cut_off(faults.Reset(before_headers=False), ["broke before the answer was complete"]),
    "no gzip though it says so": cut_off(
        Status(200, text="plain", headers={"Content-Encoding": "gzip"}), ["could not be decompressed"]
    ),
    # elsewhere
    "redirect to another host": Trouble(
        faults.Redirect("https://evil.example/login?next=%2F"),
        ["redirects to https://evil.example (HTTP 307)", "does not follow", "put it into AZURE_OPENAI_ENDPOINT"],
        307,
    ),
    "redirect to http": Trouble(faults.Redirect("http://images.example:81/", 301), ["http://images.example:81 ("], 301),
    "redirect to a path": Trouble(faults.Redirect("/login", 302), ["redirects to /login (", "may lack something"], 302),
    "redirect without a scheme": Trouble(
        faults.Redirect("//evil.example/x", 303), ["redirects to http://evil.example"], 303
    ),
    "redirect with a password": Trouble(faults.Redirect("https://u:p@evil.example", 308), ["to https://evil."], 308),
    "redirect to nowhere": Trouble(faults.Redirect(""), ["redirects to nowhere"], 307),
    "redirect to nonsense": Trouble(faults.Redirect("http://[::"), ["an address that makes no sense"], 307),
}


def paid(way: str, **manners: Any) -> RestEngine:
    """Give an engine for a server that is not this machine, so that a call counts as paid."""
    env = {name: value.format("https://images.example") for name, value in WAYS[way].items()}
    settings = Settings.from_env(Environment(env))
    # The fake speaks no https; it is reached as the proxy of plain http.
    spoken = "compatible" if way == "compatible" else None
    treated = Manners(**{"retries": 0, "dialect": spoken, **manners})
    return RestEngine(replace(settings, base_url=settings.base_url.replace("https:", "http:")), treated)


@pytest.fixture
def abroad(monkeypatch, home) -> Callable[..., Studio]:
    def make(api: FakeApi, way: str = "azure", **defaults: Any) -> Studio:
        return far_away(monkeypatch, home, api, way, **defaults)

    return make


def far_away(monkeypatch, home: Path, api: FakeApi, way: str = "azure", **defaults: Any) -> Studio:
    """Give a studio whose server is on another machine, as far as it knows."""
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, api.url)
    manners = {name: defaults.pop(name) for name in ("retries", "partials", "timeout_s") if name in defaults}
    return Studio(home, paid(way, **manners), **{"size": "64x48" if way == "compatible" else "auto", **defaults})


def troubled(trouble: Trouble, abroad: Callable[..., Studio]) -> tuple[ApiError, Studio, FakeApi]:
    """Make one picture, then meet the trouble."""
    with serving(trouble.way) as api:
        atelier = abroad(api, trouble.way, **trouble.defaults)
        atelier.imagine("first")
        api.script = [trouble.fault]
        with pytest.raises(ApiError) as met:
            atelier.refine(PROMPT) if trouble.refine else atelier.imagine(PROMPT)
    return met.value, atelier, api


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=list(TROUBLES))
def test_every_trouble_is_one_error_that_says_what_to_do(abroad, trouble: Trouble) -> None:
    error, atelier, api = troubled(trouble, abroad)
    text = str(error)
    assert type(error) is trouble.kind
    assert [word for word in trouble.words if word not in text] == []
    assert (error.status, error.code) == (trouble.status, trouble.code)
    assert "images.example" in error.message
    assert getattr(error, "retry_after", None) == trouble.retry_after
    assert len(api.requests) == 2, "one attempt, and nothing else asked"
    assert KEY not in text
    assert_nothing_changed(atelier)


def test_an_entra_token_that_is_not_accepted_may_be_too_old(studio, monkeypatch) -> None:
    with serving("azure", token="another") as api:
        atelier = studio(api)
        monkeypatch.delenv("AZURE_OPENAI_API_KEY")
        monkeypatch.setenv("AZURE_OPENAI_AD_TOKEN", KEY)
        with pytest.raises(ApiError, match=r"Check AZURE_OPENAI_AD_TOKEN.* lasts about an hour"):
            atelier.imagine(PROMPT)


def test_a_missing_route_names_the_api_version_that_somebody_set(studio, monkeypatch) -> None:
    monkeypatch.setenv("OPENAI_API_VERSION", "2031-01-01.1")
    with serving("azure") as api, pytest.raises(ApiError, match="has no such route") as missing:
        studio(api).imagine(PROMPT)
    assert f"The api-version 2031-01-01.1 comes from OPENAI_API_VERSION; without it {VERSION} is used." in str(
        missing.value
    )


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=list(TROUBLES))
def test_every_trouble_is_told_in_sentences(abroad, trouble: Trouble) -> None:
    error, *_ = troubled(trouble, abroad)
    assert re.fullmatch(r'[A-Z].*[.?"]', error.message)
    assert all(
        re.fullmatch(r"[A-Z].*[.)?]|Request id for the service's support: \S+", line) for line in error.hint.split("\n")
    )
    assert "\n" not in error.message
    assert not re.search(r"None|Traceback|<[a-z]+>|object at|  ", str(error))


def assert_nothing_changed(atelier: Studio) -> None:
    history = atelier.history
    assert (len(history.all), history.cursor) == (1, 1)
    assert len([path for path in (history.home / "objects").rglob("*") if path.is_file()]) == 1
    assert flights(history.home) == []
    assert history.check() == []


def flights(home: Path) -> list[Any]:
    with sqlite3.connect(home / "history.db") as database:
        return database.execute("SELECT * FROM flight").fetchall()


REFUSALS = {name: each for name, each in TROUBLES.items() if each.status and each.status >= 400}


@pytest.mark.parametrize("trouble", REFUSALS.values(), ids=list(REFUSALS))
def test_a_refusal_names_status_path_and_request_id(abroad, trouble: Trouble) -> None:
    error, _, api = troubled(trouble, abroad)
    assert f"(HTTP {trouble.status} for {api.calls[1].path})" in error.message
    if trouble.way != "compatible":
        assert error.request_id == request_id(2)
        assert error.hint.endswith(f"\nRequest id for the service's support: {request_id(2)}")


def test_a_useless_200_names_the_request_id_too(abroad) -> None:
    error, *_ = troubled(TROUBLES["truncated base64"], abroad)
    assert error.request_id == request_id(2)
    assert request_id(2) in error.hint


class Looking:
    """Looks, while a request is with the server, how many are written down as on their way."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.seen: list[int] = []

    def answer(self, usual: Callable[[], Reply], _host: object, /) -> Reply:
        self.seen.append(len(flights(self.home)))
        return usual()


def test_a_paid_call_is_written_down_before_it_is_sent(abroad, home) -> None:
    looking = Looking(home)
    with serving("azure", script=[looking]) as api:
        abroad(api).imagine(PROMPT)
    assert looking.seen == [1]
    assert flights(home) == []


def test_a_call_to_this_machine_is_not_written_down(studio, home) -> None:
    looking = Looking(home)
    with serving("azure", script=[looking]) as api:
        studio(api).imagine(PROMPT)
    assert looking.seen == [0]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("refine", [False, True])
def test_the_target_of_a_redirect_hears_nothing(studio, status, *, refine) -> None:
    with serving("azure") as api, serving("azure") as target:
        atelier = studio(api)
        atelier.imagine("first")
        api.script = [faults.Redirect(f"{target.url}/openai/deployments/img-dep/images/generations", status)]
        with pytest.raises(ApiError) as redirected:
            atelier.refine(PROMPT) if refine else atelier.imagine(PROMPT)
        assert f"redirects to {target.url} (HTTP {status})" in redirected.value.message
        assert target.requests == []
        assert len(api.requests) == 2


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_refused_connection_names_the_host_and_is_not_billed(monkeypatch, home) -> None:
    url = f"http://127.0.0.1:{closed_port()}"
    monkeypatch.setenv("OPENAI_BASE_URL", url)
    with pytest.raises(UnreachableError) as unreachable:
        Studio(home, retries=0).imagine(PROMPT)
    error = unreachable.value
    assert error.message == f"No connection to {url[7:]} (Connection refused)."
    assert "Nothing was sent." in error.hint
    assert (error.maybe_billed, error.status) == (False, None)


def test_an_unknown_host_is_named_and_not_billed(monkeypatch, home) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://no-such-host.invalid/v1")
    with pytest.raises(UnreachableError, match=r"No connection to no-such-host\.invalid \(") as unreachable:
        Studio(home, retries=0).imagine(PROMPT)
    assert "Nothing was sent." in unreachable.value.hint
    assert not unreachable.value.maybe_billed
    assert flights(home) == []


def test_a_server_without_tls_is_not_blamed_for_its_certificate(monkeypatch, home) -> None:
    with fake_api() as api:
        monkeypatch.setenv("OPENAI_BASE_URL", api.url.replace("http:", "https:"))
        with pytest.raises(UnreachableError, match="No secure connection to 127") as unreachable:
            Studio(home, retries=0).imagine(PROMPT)
    assert "Does the server speak https?" in unreachable.value.hint
    assert not unreachable.value.maybe_billed


def test_a_secure_line_that_ends_may_have_been_billed(monkeypatch, home) -> None:
    """Openssl reports an end in the middle of an answer and one in the greeting with the same words."""
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:

        def hang_up() -> None:
            connection, _ = server.accept()
            connection.recv(65536)
            connection.close()

        pool.submit(hang_up)
        monkeypatch.setenv("OPENAI_BASE_URL", f"https://127.0.0.1:{server.getsockname()[1]}/v1")
        with pytest.raises(UnreachableError, match="broke before the answer was complete") as broken:
            Studio(home, retries=0, dialect="compatible").imagine(PROMPT)
    assert broken.value.maybe_billed


@pytest.mark.parametrize("host", ["x" * 64 + ".example", "a..example", "-a-.invalid"])
def test_a_host_that_cannot_exist_is_an_error_of_ours(monkeypatch, home, host) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("OPENAI_BASE_URL", f"https://{host}/v1")
    with pytest.raises(UnreachableError, match="Nothing was sent") as unreachable:
        Studio(home, retries=0).imagine(PROMPT)
    assert host in unreachable.value.message


@pytest.mark.parametrize(
    "wish",
    [
        {"instruction": "half \ud83e fox"},
        {"params": {"user": "half \ud83e fox"}},
        {"params": {"user": float("nan")}},
        {"params": {"user": {1}}},
    ],
)
def test_what_cannot_travel_is_refused_before_anything_is_sent(studio, wish) -> None:
    with serving("azure") as api:
        atelier = studio(api)
        atelier.imagine("first")
        with pytest.raises(CellError):
            atelier.refine(**{"instruction": PROMPT, **wish})
        assert len(api.requests) == 1


@pytest.mark.parametrize("name", [name for name, each in TROUBLES.items() if each.kind is UnreachableError])
def test_a_broken_line_may_have_been_billed(abroad, name) -> None:
    error, *_ = troubled(TROUBLES[name], abroad)
    assert isinstance(error, UnreachableError)
    assert error.maybe_billed


@pytest.mark.parametrize("headers", [True, False], ids=["before the headers", "after the headers"])
def test_a_broken_line_without_a_proxy_is_told_the_same(studio, *, headers) -> None:
    with serving("azure", script=[faults.Reset(before_headers=headers)]) as api:
        with pytest.raises(UnreachableError, match="broke before the answer was complete") as broken:
            studio(api).imagine(PROMPT)
        assert len(api.requests) == 1
    assert broken.value.maybe_billed


def test_an_answer_with_two_lengths_may_have_been_billed(studio) -> None:
    class TwoLengths:
        def answer(self, usual: Callable[[], Reply], _host: object, /) -> Reply:
            reply = usual()
            return replace(reply, headers={**reply.headers, "Content-Length": "7"})

    with serving("azure", script=[TwoLengths()]) as api:
        with pytest.raises(UnreachableError, match=r"answer of .* cannot be understood") as odd:
            studio(api).imagine(PROMPT)
        assert len(api.requests) == 1
    assert odd.value.maybe_billed
    assert not odd.value.may_retry
    assert BILLED in odd.value.hint


@pytest.mark.parametrize(
    ("url", "headers"),
    [("no-scheme", {}), ("ftp://127.0.0.1/", {}), ("http://", {}), ("http://127.0.0.1:1/", {"x": "a\nb"})],
)
def test_a_request_that_makes_no_sense_is_not_billed(url, headers) -> None:
    with pytest.raises(UnreachableError, match=r"could not be sent .*\n?Nothing was sent") as odd:
        net.post(url, auth=net.Auth(), read_timeout_s=1, headers=headers, json_body={})
    assert not odd.value.maybe_billed


def test_a_secure_line_that_fails_within_the_answer_may_have_been_billed() -> None:
    failed = net.requests.exceptions.SSLError("decryption failed or bad record mac")
    assert net._unreachable("images.example", failed, str(failed), answered=True).maybe_billed
    assert not net._unreachable("images.example", failed, str(failed)).maybe_billed


def test_a_proxy_that_cannot_be_reached_is_named_as_the_culprit(monkeypatch, home) -> None:
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{closed_port()}")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://images.example/v1")
    with pytest.raises(UnreachableError, match=r"The proxy on the way to images\.example failed") as unreachable:
        Studio(home, retries=0).imagine(PROMPT)
    assert "HTTPS_PROXY" in unreachable.value.hint
    assert not unreachable.value.maybe_billed


def test_silence_is_not_waited_for_without_end(studio) -> None:
    with serving("azure", script=[faults.Delay(30)]) as api, pytest.raises(UnreachableError) as silent:
        studio(api, timeout_s=1).imagine(PROMPT)
    assert "went silent before the answer was complete" in silent.value.message
    assert silent.value.maybe_billed


def test_the_cause_is_the_lines_own_and_not_what_the_caller_was_handling(monkeypatch, home) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{closed_port()}")
    try:
        raise LookupError("the caller's own trouble")
    except LookupError:
        with pytest.raises(UnreachableError) as unreachable:
            Studio(home, retries=0).imagine(PROMPT)
    assert "(Connection refused)" in unreachable.value.message


# --- what a server says, and what it must not ---------------------------------------------------------------------

HOSTILE = "first\x1b[31mred\x07\x00line\nsecond\u202eeslaf\u2066 \x9b2J" + "long " * 200


@pytest.mark.parametrize(
    "fault",
    [
        faults.error(400, HOSTILE),
        Status(502, text=HOSTILE),
        Status(200, text=HOSTILE),
        faults.ErrorWith200({"error": HOSTILE}),
    ],
    ids=["error", "page", "no json", "error with 200"],
)
def test_a_servers_words_are_quoted_on_one_line_shortened_and_harmless(abroad, fault) -> None:
    error, *_ = troubled(Trouble(fault, [], 0), abroad)
    assert "first" in error.message
    assert "second" in error.message
    assert "…" in error.message
    assert len(error.message) < 500
    assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", error.message)
    assert all(len(line) < 300 for line in error.hint.split("\n"))


ECHO = f"you sent {KEY}, really"
ECHOES = {
    "message": faults.error(401, ECHO, word=KEY),
    "string": Status(400, {"error": ECHO}),
    "detail": Status(422, {"detail": [{"msg": ECHO}]}),
    "cut by the limit": faults.error(400, "x" * 285 + KEY),
    "page": Status(502, html=f"<p>{'y' * 185} {KEY}</p>"),
    "no json": Status(200, text=f"{'z' * 105} {KEY}"),
    "error with 200": faults.ErrorWith200({"error": {"message": ECHO}}),
    "request id": Status(500, {}, headers={"x-request-id": KEY}),
    "request id of a useless answer": Status(200, {}, headers={"x-request-id": KEY}),
    "redirect": faults.Redirect(f"/login/{KEY}"),
    "filtered": faults.error(400, ECHO, word="moderation_blocked", moderation_details={"categories": [KEY]}),
}


@pytest.mark.parametrize("way", ["azure", "openai"])
@pytest.mark.parametrize("fault", ECHOES.values(), ids=list(ECHOES))
def test_a_server_that_quotes_the_key_does_not_make_us_show_it(abroad, way, fault) -> None:
    error, *_ = troubled(Trouble(fault, [], 0, way=way), abroad)
    seen = f"{error} {error.code} {error.request_id} {error!r} {error._render_traceback_()} {vars(error)}"
    assert KEY[:8] not in seen


def assert_secret(met: BaseException, atelier: Studio, api: FakeApi, logged: str) -> None:
    """Look for the key in everything that outlives a call, and in every local of every frame of its error."""
    home = atelier.history.home
    stored = [path for path in home.rglob("*") if path.is_file()]
    assert len(stored) >= 2
    assert [path for path in stored if KEY.encode() in path.read_bytes()] == []
    told = [met, met.args, vars(met), repr(met), atelier.history.notices, met._render_traceback_(), atelier.engine()]
    assert KEY not in repr(told) + str(told)
    assert KEY not in logged
    assert KEY not in "".join(locals_of(met))
    holders = [seen for seen in api.requests if KEY in f"{seen.headers.items()}"]
    assert {seen.headers["Host"] for seen in holders} <= {"images.example"}
    assert not any(KEY.encode() in seen.body or KEY in f"{seen.path} {seen.query}" for seen in api.requests)


def locals_of(met: BaseException) -> Iterator[str]:
    """Give what a verbose traceback may print of an error and of those behind it; the tests' own frames aside."""
    waiting = [traceback.TracebackException.from_exception(met, capture_locals=True)]
    while waiting:
        each = waiting.pop()
        yield from (f"{frame.name} {frame.locals}" for frame in each.stack if "/tests/" not in frame.filename)
        waiting += [inner for inner in (each.__cause__, each.__context__) if inner is not None]


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=list(TROUBLES))
def test_no_trouble_brings_the_key_to_light(abroad, caplog, trouble: Trouble) -> None:
    caplog.set_level(logging.DEBUG)
    met, atelier, api = troubled(trouble, abroad)
    assert f"POST {PATHS[trouble.way]}generations 200" in caplog.text
    assert_secret(met, atelier, api, caplog.text)


class BugError(Exception):
    """Something that is no trouble of the line, but a mistake of ours."""


def stumble(*_: Any, **__: Any) -> Any:
    raise BugError


#: Where a mistake may be, from the first byte sent to the picture kept.
PLACES = {
    "before connecting": (net.Line, "__init__"),
    "while connecting": (net.Line, "hold"),
    "while reading": (net, "_read"),
    "in the events": (EventReader, "feed"),
    "in an event": (stream.PictureStream, "_partial"),
    "in the answer": (wire, "delivered"),
    "while keeping": (History, "add"),
    "while signing": (net.Auth, "__call__"),
    "while telling the sentence": (net, "_unreachable"),
}


@pytest.mark.parametrize("way", REAL)
@pytest.mark.parametrize(("owner", "name"), PLACES.values(), ids=list(PLACES))
def test_a_mistake_in_the_middle_of_an_exchange_shows_everything_but_the_key(
    abroad, monkeypatch, caplog, cells, way, owner, name
) -> None:
    caplog.set_level(logging.DEBUG)
    with serving(way) as api:
        atelier = abroad(api, way)
        atelier.imagine("first")
        monkeypatch.setattr(owner, name, stumble)
        api.script = [faults.Reset()] if name == "_unreachable" else []
        cells.shell.run_line_magic("xmode", "Verbose")
        cells.shell.push({"studio": atelier})
        ran = cells("studio.imagine('a fox', quality='high')", fails=True)
    assert isinstance(ran.error, BugError)
    assert "stumble" in ran.printed
    assert KEY not in ran.printed
    assert KEY not in caplog.text
    assert KEY not in "".join(locals_of(ran.error))


@pytest.mark.parametrize("way", REAL)
def test_a_refused_connection_does_not_bring_the_key_to_light_either(studio, way) -> None:
    """It is refused in the middle of sending: the frames behind it hold the header as it goes over the wire."""

    class Absent:
        url = f"http://127.0.0.1:{closed_port()}"

    with pytest.raises(UnreachableError, match="Connection refused") as met:
        studio(Absent(), way).imagine(PROMPT)
    assert met.value.__cause__ is not None
    assert KEY not in "".join(locals_of(met.value))


def test_an_error_met_by_the_users_own_code_does_not_show_the_key_behind_it(abroad, cells) -> None:
    with serving("azure", script=[faults.Reset()]) as api:
        cells.shell.run_line_magic("xmode", "Verbose")
        cells.shell.push({"studio": abroad(api)})
        ran = cells("try:\n    studio.imagine('a fox')\nexcept Exception:\n    1 / 0", fails=True)
    assert isinstance(ran.error, ZeroDivisionError)
    assert "During handling of the above exception" in ran.printed
    assert KEY not in ran.printed


@pytest.mark.parametrize("way", REAL)
def test_the_key_is_neither_logged_nor_stored(studio, home, caplog, way) -> None:
    caplog.set_level(logging.DEBUG)
    with serving(way, script=[None, None, faults.RATE_LIMIT_AZURE]) as api:
        atelier = studio(api, way)
        atelier.imagine(PROMPT)
        atelier.refine(TRICKY)
        with pytest.raises(RateLimitError):
            atelier.imagine(PROMPT)
    assert f"POST {PATHS[way]}generations 200" in caplog.text
    assert f"POST {PATHS[way]}edits 200" in caplog.text
    assert KEY not in caplog.text
    assert PROMPT not in "".join(each.getMessage() for each in caplog.records if each.levelno > logging.DEBUG)
    stored = [path for path in home.rglob("*") if path.is_file()]
    assert len(stored) >= 3
    assert [path for path in stored if KEY.encode() in path.read_bytes()] == []


# --- money -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "usage", "given", "usd", "assumed"),
    [
        ("gpt-image-2", Usage(6, 0, 1756), {}, (6 * 5 + 1756 * 30) / 1e6, ""),
        ("gpt-image-2-2026-04-21", Usage(0, 1000, 0), {}, 0.008, ""),
        ("gpt-image-1-mini", Usage(1_000_000, 1_000_000, 1_000_000), {}, 12.5, ""),
        ("img-dep", Usage(0, 0, 1756), {}, 0.05268, "gpt-image-2"),
        ("", Usage(0, 0, 1000), {}, 0.03, "gpt-image-2"),
        ("img-dep", Usage(0, 0, 1000), {"img-dep": "gpt-image-1.5"}, 0.032, ""),
        ("img-dep", Usage(1000, 1000, 1000), {"img-dep": (1, 2, 3)}, 0.006, ""),
        ("gpt-image-2", Usage(0, 0, 1000), {"gpt-image-2": [0, 0, 40]}, 0.04, ""),
    ],
)
def test_a_call_is_priced_from_its_tokens(model, usage, given, usd, assumed) -> None:
    found = prices.cost(model, usage, given)
    assert found is not None
    assert (round(found.usd, 9), found.assumed) == (round(usd, 9), assumed)


def test_without_tokens_nothing_is_said_about_money() -> None:
    assert prices.cost("gpt-image-2", None, {}) is None


@pytest.mark.parametrize("entry", ["gpt-9", (1, 2), [1, 2, "x"], 3, None, {"out": 3}])
def test_a_price_of_another_form_is_refused(entry) -> None:
    with pytest.raises(SettingsError, match="neither a known model nor three numbers"):
        prices.cost("m", Usage(out=1), {"m": entry})


def test_a_paid_call_says_its_price_and_whose_prices_were_taken(abroad) -> None:
    with serving("azure") as api:
        atelier = abroad(api)
        made = atelier.imagine(PROMPT, size="1024x1024")
        known = abroad(api, prices={"img-dep": "gpt-image-2"}).imagine(PROMPT, size="1024x1024", n=2)
    assert made[0].cost_usd == pytest.approx((6 * 5 + 1756 * 30) / 1e6)
    assert " · azure/img-dep · " in made.lines[0]
    assert made.lines[0].endswith(" · ≈$0.053 (as gpt-image-2)")
    assert known.lines[0].endswith(" · $0.105")
    assert known[0].cost_usd == pytest.approx(known[0].generation.cost_usd / 2)


@pytest.mark.parametrize("way", WAYS)
def test_a_server_on_this_machine_costs_nothing_and_the_caption_is_silent(studio, way) -> None:
    with serving(way) as api:
        made = studio(api, way).imagine(PROMPT)
    assert made[0].cost_usd == 0
    assert "$" not in made.lines[0]


def test_a_server_that_counts_nothing_has_no_price(abroad) -> None:
    with serving("compatible") as api:
        made = abroad(api, "compatible").imagine(PROMPT)
    assert made[0].usage is None
    assert made[0].cost_usd is None
