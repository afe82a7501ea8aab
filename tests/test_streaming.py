"""Pictures that come as a stream: what is asked, what is shown on the way, what is kept, and what goes wrong."""

from __future__ import annotations

import base64
import gzip
import json
import logging
import zlib
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from imgmagic.engines import sse
from imgmagic.errors import ApiError, RateLimitError, RefusedError, UnreachableError
from imgmagic.studio import Wishes
from tests import faults, stream_faults
from tests.fake_answers import event
from tests.fake_api import fake_api, request_id
from tests.fake_calls import AZURE, AZURE_V1, OPENAI, edit, generate, part
from tests.fake_replies import Reply, Status
from tests.fake_server import Handler
from tests.test_fake_api import answer_schema
from tests.test_rest import (
    BILLED,
    FILTERED,
    KEY,
    PROMPT,
    REAL,
    WAYS,
    assert_nothing_changed,
    assert_secret,
    far_away,
    here,
    serving,
    unproxied,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imgmagic import Gallery, Picture, Studio
    from tests.fake_api import FakeApi

Events = tuple[bytes, ...]


@pytest.fixture
def local(monkeypatch, tmp_path) -> Callable[..., Studio]:
    unproxied(monkeypatch)
    return partial(here, monkeypatch, tmp_path / "home")


@pytest.fixture
def abroad(monkeypatch, tmp_path) -> Callable[..., Studio]:
    unproxied(monkeypatch)
    return partial(far_away, monkeypatch, tmp_path / "home")


@dataclass
class Told:
    """What a call told while it worked."""

    lines: list[str] = field(default_factory=list)
    partials: list[bytes] = field(default_factory=list)

    def __call__(self, line: str, partial_: bytes | None) -> None:
        self.lines.append(line)
        self.partials += [] if partial_ is None else [partial_]


def make(atelier: Studio, told: Told, source: Picture | None = None, **wishes: Any) -> Gallery:
    wishes = {"quality": "high", **wishes}
    return atelier.make("refine" if source else "imagine", PROMPT, Wishes(**wishes), source=source, tell=told)


def decoded(text: bytes) -> dict[str, Any]:
    return json.loads(text.partition(b"data: ")[2])


@dataclass
class Remembered:
    """A healthy server that remembers the pictures of its stream."""

    partials: list[bytes] = field(default_factory=list)
    final: bytes = b""

    def answer(self, usual: Callable[[], Reply], _host: object, /) -> Reply:
        reply = usual()
        assert reply.events is not None, "no stream was asked for"
        *self.partials, self.final = (base64.b64decode(decoded(each)["b64_json"]) for each in reply.events)
        return reply


@dataclass(frozen=True)
class Streamed:
    """Change the events of a healthy stream."""

    change: Callable[[Events], Any]

    def answer(self, usual: Callable[[], Reply], _host: object, /) -> Reply:
        reply = usual()
        assert reply.events is not None, "no stream was asked for"
        return replace(reply, events=self.change(reply.events))


@dataclass(frozen=True)
class Stalling:
    """Some events, and then nothing more on an open line."""

    after: int

    def answer(self, usual: Callable[[], Reply], host: Any, /) -> Reply:
        reply = usual()

        def events() -> Iterator[bytes]:
            yield from (reply.events or ())[: self.after]
            host.pause(60)

        return replace(reply, events=events())


# --- what is asked ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["imagine", "refine"])
@pytest.mark.parametrize("way", REAL)
def test_a_slow_quality_is_streamed_with_one_unfinished_picture(local, way, operation) -> None:
    streamed = Remembered()
    with serving(way) as api:
        atelier, told = local(api, way), Told()
        source = atelier.imagine("first")[0] if operation == "refine" else None
        api.script = [streamed]
        made = make(atelier, told, source)
        asked = api.calls[-1].values
    # Azure's edits read the word by the letter; in JSON and at OpenAI it is a boolean.
    word = True if operation == "imagine" else "True" if way.startswith("azure") else "true"
    assert (asked["stream"], asked["partial_images"]) == (word, 1 if operation == "imagine" else "1")
    assert told.partials == streamed.partials
    assert len(told.partials) == 1
    assert made[0].bytes == made[0].path.read_bytes() == streamed.final
    assert streamed.final not in streamed.partials
    kept = [path.read_bytes() for path in (atelier.history.home / "objects").rglob("*") if path.is_file()]
    assert sorted(kept) == sorted(each.bytes for each in atelier.history.all)
    assert atelier.history.current == made[0]
    assert atelier.history.check() == []


def test_azure_answers_an_edit_with_a_stream_only_to_the_word_by_the_letter(local) -> None:
    types: list[str] = []

    class Looking:
        def answer(self, usual: Callable[[], Reply], _host: object, /) -> Reply:
            reply = usual()
            types.append(reply.headers["Content-Type"].partition(";")[0])
            return reply

    with serving("azure") as api:
        atelier = local(api)
        source = atelier.imagine("first")[0]
        api.script = [Looking()]
        make(atelier, Told(), source)
    assert types == ["text/event-stream"]


@pytest.mark.parametrize(
    ("way", "wish", "defaults"),
    [
        ("azure", {"quality": "low"}, {}),
        ("azure", {"quality": "medium"}, {}),
        ("azure", {"quality": "auto"}, {}),
        ("azure", {"n": 2}, {}),
        ("azure", {"n": 2}, {"partials": 3}),
        ("azure", {}, {"partials": 0}),
        ("compatible", {}, {}),
    ],
)
def test_what_does_not_stream(local, way, wish, defaults) -> None:
    told = Told()
    with serving(way) as api:
        make(local(api, way, **defaults), told, **wish)
    assert not {"stream", "partial_images"} & api.calls[0].values.keys()
    assert told.partials == []


@pytest.mark.parametrize("quality", ["xhigh", "max"])
def test_the_slowest_qualities_stream_too(local, quality) -> None:
    told = Told()
    with serving("openai") as api:
        make(local(api, "openai"), told, quality=quality, model="gpt-image-2.5-flare")
    assert len(told.partials) == api.calls[0].values["partial_images"] == 1


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("quality", ["low", "high"])
@pytest.mark.parametrize("variable", [False, True])
def test_as_many_unfinished_pictures_come_as_were_said(local, monkeypatch, quality, count, *, variable) -> None:
    told = Told()
    if variable:
        monkeypatch.setenv("IMGMAGIC_PARTIALS", str(count))
    with serving("azure") as api:
        made = make(local(api, **({} if variable else {"partials": count})), told, quality=quality)
    assert api.calls[0].values["partial_images"] == count
    assert len(set(told.partials)) == count
    assert len(made) == 1


def test_the_word_auto_asks_for_one(local) -> None:
    with serving("azure") as api:
        make(local(api, partials="auto"), Told())
    assert api.calls[0].values["partial_images"] == 1


def test_a_compatible_server_is_asked_for_a_stream_only_if_that_was_said(local) -> None:
    told = Told()
    with serving("compatible") as api:
        made = make(local(api, "compatible", partials=2), told)
    assert (api.calls[0].values["stream"], api.calls[0].values["partial_images"]) == (True, 2)
    assert (len(made), told.partials) == (1, [])


# --- what comes ---------------------------------------------------------------------------------------------------


def test_the_finished_event_says_what_was_used_and_the_unfinished_picture_is_paid_for(abroad) -> None:
    with serving("azure") as api:
        made = make(abroad(api), Told(), size="1024x1024")[0].generation
    assert (made.usage.text_in, made.usage.image_in, made.usage.out) == (6, 0, 7024 + 100)
    assert made.cost_usd == pytest.approx((6 * 5 + 7124 * 30) / 1e6)
    assert made.request_id == request_id(1)


def crlf(events: Events) -> Events:
    return tuple(each.replace(b"\n", b"\r\n") for each in events)


def shredded(events: Events) -> Events:
    """Cut anywhere, once in every byte of what is not base64."""
    whole = b"".join(events)
    head = [whole[index : index + 1] for index in range(80)]
    return (*head, *(whole[index : index + 997] for index in range(80, len(whole), 997)))


def without_lines(events: Events) -> Events:
    """Name the kind in the JSON only."""
    return tuple(each.partition(b"\n")[2] for each in events)


def without_types(events: Events) -> Events:
    """Name the kind in the line only."""
    datas = [decoded(each) for each in events]
    return tuple(f"event: {data.pop('type')}\ndata: {json.dumps(data)}\n\n".encode() for data in datas)


def commented(events: Events) -> Events:
    return (b": PING\n\n", *(each + b":\n\n: PONG\nretry: 10\nid: 3\n\n" for each in events), b"data: [DONE]\n\n")


def spread(events: Events) -> Events:
    """Several data lines for one event."""
    return tuple(each.replace(b'", "', b'",\ndata: "') for each in events)


GOOD = {
    "usual": lambda events: events,
    "crlf": crlf,
    "cr": lambda events: tuple(each.replace(b"\n", b"\r") for each in events),
    "shredded": shredded,
    "crlf shredded": lambda events: shredded(crlf(events)),
    "comments and done": commented,
    "no event lines": without_lines,
    "no types": without_types,
    "several data lines": spread,
    "nonsense between": lambda events: (b"data: what?\n\ndata: 7\n\n", event("new.kind", {"a": 1}), *events),
    "no blank line at the end": lambda events: (*events[:-1], events[-1].rstrip()),
    "twice finished": lambda events: (*events, events[-1]),
    "finished twice with another": lambda events: (*events, events[-1].replace(b'"b64_json": "', b'"b64_json": "AA')),
    "an error after the picture": lambda events: (*events, event("error", {"error": {"message": "late"}})),
    "all of that in one piece": lambda events: (
        b"".join(
            [
                *events,
                events[-1].replace(b'"b64_json": "', b'"b64_json": "AA'),
                event("image_generation.partial_image", {"b64_json": decoded(events[0])["b64_json"]}),
                event("error", {"error": {"message": "late"}}),
            ]
        ),
    ),
    "all in one": lambda events: (b"".join(events),),
    "done before": lambda events: (events[0], b"data: [DONE]\n\n", events[1]),
    "a damaged unfinished picture": lambda events: (
        event("image_generation.partial_image", {"b64_json": "AAAA"}),
        *events,
    ),
}


@pytest.mark.parametrize("change", GOOD.values(), ids=list(GOOD))
def test_every_lawful_spelling_of_a_stream_gives_the_same_picture(local, change) -> None:
    told, pictures = Told(), Remembered()

    class Spelt:
        def answer(self, usual: Callable[[], Reply], host: Any, /) -> Reply:
            return Streamed(change).answer(lambda: pictures.answer(usual, host), host)

    with serving("azure", script=[Spelt()]) as api:
        made = make(local(api), told)
    assert made[0].bytes == pictures.final
    assert told.partials == pictures.partials
    assert made[0].generation.usage.out > 0
    assert len(api.requests) == 1


@pytest.mark.parametrize("count", [0, 1, 2])
def test_fewer_unfinished_pictures_than_asked_for_are_no_trouble(local, count) -> None:
    told = Told()
    with serving("azure", script=[stream_faults.FewerPartials(count)]) as api:
        made = make(local(api, partials=3), told)
    assert (len(told.partials), len(made)) == (count, 1)


def test_the_finished_picture_may_come_first(local) -> None:
    with serving("azure", script=[Streamed(lambda events: events[::-1])]) as api:
        made = make(local(api), Told())
    assert made[0].generation.usage is not None


@pytest.mark.parametrize("way", REAL)
def test_a_json_answer_to_a_request_for_a_stream_is_read_all_the_same(local, way) -> None:
    told = Told()
    with serving(way, script=[stream_faults.JsonInsteadOfStream()]) as api:
        made = make(local(api, way), told)
    assert (len(made), told.partials, len(api.requests)) == (1, [], 1)


def test_a_whole_json_answer_as_one_event_is_read_too(local) -> None:
    def whole(events: Events) -> Events:
        last = decoded(events[-1])
        return (f"data: {json.dumps({'data': [{'b64_json': last['b64_json']}], 'usage': last['usage']})}\n\n".encode(),)

    with serving("azure", script=[Streamed(whole)]) as api:
        made = make(local(api), Told())
    assert made[0].generation.usage.out > 0


def test_a_stream_that_nobody_asked_for_is_read(local) -> None:
    told = Told()

    class Unasked:
        def answer(self, usual: Callable[[], Reply], _host: object, /) -> Reply:
            item = json.loads(usual().body)["data"][0]
            events = tuple(event(f"image_generation.{kind}", item) for kind in ("partial_image", "completed"))
            return Reply(200, b"", {"Content-Type": "TEXT/Event-Stream"}, events)

    with serving("azure", script=[Unasked()]) as api:
        made = make(local(api), told, quality="low")
    assert (len(made), len(told.partials)) == (1, 1)


def test_a_finished_picture_behind_a_url_is_fetched(local) -> None:
    class Behind:
        def answer(self, usual: Callable[[], Reply], host: Any, /) -> Reply:
            reply = usual()
            last = decoded((reply.events or ())[-1])
            url = host.keep(base64.b64decode(last.pop("b64_json")))
            return replace(reply, events=(event("image_generation.completed", {**last, "url": url}),))

    with serving("azure", script=[Behind()]) as api:
        assert len(make(local(api), Told())) == 1
    assert [seen.method for seen in api.requests] == ["POST", "GET"]


# --- how it travels -----------------------------------------------------------------------------------------------


class Unchunked:
    """The same events in one body with its length."""

    def answer(self, usual: Callable[[], Reply], _host: object, /) -> Reply:
        reply = usual()
        return replace(reply, events=None, body=b"".join(reply.events or ()))


class Gzipped:
    """The same events compressed, with or without chunks."""

    def __init__(self, *, chunked: bool) -> None:
        self.chunked = chunked

    def answer(self, usual: Callable[[], Reply], _host: object, /) -> Reply:
        reply = usual()
        headers = {**reply.headers, "Content-Encoding": "gzip"}
        if not self.chunked:
            return replace(reply, events=None, body=gzip.compress(b"".join(reply.events or ())), headers=headers)
        press = zlib.compressobj(wbits=31)
        pieces = [press.compress(each) + press.flush(zlib.Z_SYNC_FLUSH) for each in reply.events or ()]
        return replace(reply, events=(*pieces, press.flush()), headers=headers)


@pytest.mark.parametrize("fault", [Unchunked(), Gzipped(chunked=True), Gzipped(chunked=False)])
def test_a_stream_with_a_length_or_compressed_is_read(local, fault) -> None:
    told = Told()
    with serving("azure", script=[fault]) as api:
        made = make(local(api), told)
    assert (len(made), len(told.partials)) == (1, 1)


def closing(handler: Handler, reply: Reply) -> None:
    """Stream without chunks: the end of the connection is the end of the answer."""
    handler.send_header("Connection", "close")
    handler.end_headers()
    for each in reply.events or ():
        handler.wfile.write(each)
    handler.close_connection = True


def test_a_stream_that_ends_with_its_connection_is_read(local, monkeypatch) -> None:
    monkeypatch.setattr(Handler, "_stream", closing)
    told = Told()
    with serving("azure") as api:
        made = make(local(api), told)
    assert (len(made), len(told.partials)) == (1, 1)


def test_a_stream_that_ends_with_its_connection_is_shown_as_it_comes(local, monkeypatch) -> None:
    monkeypatch.setattr(Handler, "_stream", closing)
    told = Told()

    class Padded:
        """A gateway that fills its buffers with comments, and then falls silent."""

        def answer(self, usual: Callable[[], Reply], host: Any, /) -> Reply:
            padded = Streamed(lambda events: (events[0] + b":" + b" " * 2000 + b"\n\n", events[1]))
            return Stalling(1).answer(lambda: padded.answer(usual, host), host)

    with serving("azure", script=[Padded()]) as api, pytest.raises(UnreachableError, match="went silent"):
        make(local(api, timeout_s=1), told)
    assert len(told.partials) == 1


def held_open(handler: Handler, reply: Reply) -> None:
    """Stream without chunks, and leave the connection open after the last event."""
    handler.send_header("Connection", "close")
    handler.end_headers()
    for each in reply.events or ():
        handler.wfile.write(each)
    handler.server.service.pause(60)
    handler.close_connection = True


def unended(events: Events) -> Events:
    return (*events[:-1], events[-1].rstrip())


@pytest.mark.parametrize("change", [lambda events: events, unended], ids=["whole", "without its blank line"])
def test_a_finished_picture_is_kept_though_its_connection_stays_open(local, monkeypatch, change) -> None:
    monkeypatch.setattr(Handler, "_stream", held_open)
    told = Told()
    with serving("azure", script=[Streamed(change)]) as api:
        made = make(local(api, timeout_s=1), told)
        assert len(api.requests) == 1
    assert (len(made), len(told.partials)) == (1, 1)
    assert made[0].generation.request_id == request_id(1)


@dataclass(frozen=True)
class WrongLength:
    """One body, and a length that is off by so many bytes."""

    off: int
    change: Callable[[Events], Events] = lambda events: events

    def answer(self, usual: Callable[[], Reply], _host: object, /) -> Reply:
        reply = usual()
        body = b"".join(self.change(reply.events or ()))
        return replace(reply, events=None, body=body, length=len(body) + self.off)


@pytest.mark.parametrize("fault", [WrongLength(-2), WrongLength(-1), WrongLength(900), WrongLength(900, unended)])
def test_a_finished_picture_is_kept_though_the_length_is_wrong(local, fault) -> None:
    with serving("azure", script=[fault]) as api:
        assert len(make(local(api), Told())) == 1


@dataclass(frozen=True)
class Mislabelled:
    """A stream in chunks or in one body, under another name."""

    kind: str
    chunked: bool
    change: Callable[[Events], Events] = lambda events: events

    def answer(self, usual: Callable[[], Reply], _host: object, /) -> Reply:
        reply = usual()
        events = self.change(reply.events or ())
        reply = replace(reply, headers={**reply.headers, "Content-Type": self.kind})
        whole = replace(reply, events=None, body=b"".join(events))
        return replace(reply, events=events) if self.chunked else whole


@pytest.mark.parametrize("change", [lambda events: events, shredded, commented, without_lines])
@pytest.mark.parametrize("chunked", [True, False])
@pytest.mark.parametrize("kind", ["application/json", "text/plain", ""])
def test_a_stream_under_another_name_is_read(local, kind, change, *, chunked) -> None:
    told = Told()
    with serving("azure", script=[Mislabelled(kind, chunked, change)]) as api:
        made = make(local(api), told)
    assert (len(made), len(told.partials)) == (1, 1)


@pytest.mark.parametrize("chunked", [True, False])
@pytest.mark.parametrize("before", [b"", b"\r\n ", b"\xef\xbb\xbf"])
def test_json_that_calls_itself_a_stream_is_read(local, before, *, chunked) -> None:
    class Called:
        def answer(self, usual: Callable[[], Reply], host: Any, /) -> Reply:
            reply = stream_faults.JsonInsteadOfStream().answer(usual, host)
            body = before + reply.body
            return replace(
                reply,
                body=body,
                events=tuple(body[at : at + 999] for at in range(0, len(body), 999)) if chunked else None,
                headers={**reply.headers, "Content-Type": "text/event-stream"},
            )

    with serving("azure", script=[Called()]) as api:
        assert len(make(local(api), Told())) == 1


def test_a_stream_that_comes_with_another_success_is_read(local) -> None:
    class Created:
        def answer(self, usual: Callable[[], Reply], _host: object, /) -> Reply:
            return replace(usual(), status=201)

    with serving("azure", script=[Created()]) as api:
        assert len(make(local(api), Told())) == 1


def test_a_stream_cut_off_where_its_connection_is_its_end_is_not_taken_for_whole(local, monkeypatch) -> None:
    monkeypatch.setattr(Handler, "_stream", closing)
    cut = Streamed(lambda events: (events[0], events[1][:-200]))
    with serving("azure", script=[cut]) as api, pytest.raises(ApiError, match="before the picture was complete"):
        make(local(api), Told())


# --- what goes wrong ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trouble:
    """A stream, and what it must become; ``partials`` is how many unfinished pictures were shown before."""

    fault: faults.Fault
    words: list[str]
    status: int | None = 200
    code: str = ""
    kind: type[ApiError] = ApiError
    partials: int = 1
    defaults: dict[str, Any] = field(default_factory=dict)


def ends_in(kind: str = "error", after: int = 1, /, **members: Any) -> faults.Fault:
    return Streamed(lambda events: (*events[:after], event(kind, members)))


OWN_FAULT = ["answered with an error instead of a picture (HTTP 200 for", '"Image generation failed"', BILLED]
BLOCKED = {
    "type": "image_generation_user_error",
    "code": "moderation_blocked",
    "message": "Your request was rejected by the safety system.",
    "moderation_details": {"moderation_stage": "output", "categories": ["violence"]},
}
UNFINISHED = ["ended its stream before the picture was complete", BILLED]
UNUSABLE = ["sent a picture that cannot be used", BILLED]
FAILED = "image_generation_failed"

TROUBLES = {
    "nested error": Trouble(stream_faults.StreamError(), OWN_FAULT, code=FAILED),
    "nested error at once": Trouble(stream_faults.StreamError(after=0), OWN_FAULT, code=FAILED, partials=0),
    "flat error": Trouble(stream_faults.StreamError(flat=True), OWN_FAULT, code=FAILED),
    "error as a string": Trouble(ends_in(error="worker died"), ['"worker died"', BILLED]),
    "error under another kind": Trouble(
        ends_in("image_generation.failed", error={"message": "worker died", "code": "oops"}),
        ['"worker died"', BILLED],
        code="oops",
    ),
    "error in the last line": Trouble(
        Streamed(lambda events: (events[0], b'data: {"error": {"message": "worker died"}}')), ['"worker died"']
    ),
    "nested refusal of the picture": Trouble(
        ends_in(error=BLOCKED),
        ["refused the picture that was made (violence)", "Change the words"],
        code="moderation_blocked",
        kind=RefusedError,
    ),
    "nested refusal of the prompt": Trouble(
        ends_in(error={**BLOCKED, "moderation_details": None}),
        ["refused the prompt", "safety system"],
        code="moderation_blocked",
        kind=RefusedError,
    ),
    "flat refusal": Trouble(
        ends_in(code="contentFilter", message=FILTERED),
        ["refused the picture that was made", "Change the words"],
        code="contentFilter",
        kind=RefusedError,
    ),
    "an end after a partial": Trouble(stream_faults.StreamEnds(), UNFINISHED),
    "an end in the middle of the picture": Trouble(
        Streamed(lambda events: (events[0], events[1][: len(events[1]) // 2])), UNFINISHED
    ),
    "done without a picture": Trouble(Streamed(lambda events: (events[0], b"data: [DONE]\n\n")), UNFINISHED),
    "nothing but comments": Trouble(Streamed(lambda _: (b": PING\n\n",) * 3), UNFINISHED, partials=0),
    "no event at all": Trouble(stream_faults.StreamEnds(0), ["200 with an empty body", BILLED], partials=0),
    "nothing but nonsense": Trouble(Streamed(lambda _: (b"\xff\xfe\x00", b"[" * 9999)), UNFINISHED, partials=0),
    "a finished picture that is none": Trouble(ends_in("image_generation.completed", b64_json="AAAA"), UNUSABLE),
    "a finished picture cut off": Trouble(
        Streamed(lambda events: (events[0], events[1].replace(decoded(events[1])["b64_json"][400:].encode(), b""))),
        UNUSABLE,
    ),
    "finished without a picture": Trouble(ends_in("image_generation.completed", b64_json=None), UNUSABLE),
    "a reset after a partial": Trouble(
        stream_faults.StreamReset(),
        ["The connection to images.example broke before the answer was complete", BILLED],
        None,
        kind=UnreachableError,
    ),
    "silence after a partial": Trouble(
        Stalling(1),
        ["images.example went silent before the answer was complete.", BILLED],
        None,
        kind=UnreachableError,
        defaults={"timeout_s": 1.0},
    ),
    "no gzip though it says so": Trouble(
        Status(200, text="data: x", headers={"Content-Type": "text/event-stream", "Content-Encoding": "gzip"}),
        ["could not be decompressed", BILLED],
        None,
        kind=UnreachableError,
        partials=0,
    ),
    "neither a stream nor json": Trouble(Status(200, text="tuesday"), ["not JSON", BILLED], partials=0),
    "a refusal before the stream": Trouble(
        faults.CONTENT_FILTER_IMAGES,
        ["refused the prompt"],
        400,
        "content_policy_violation",
        RefusedError,
        partials=0,
    ),
    "a rate before the stream": Trouble(
        faults.RATE_LIMIT_AZURE, ["got too many requests", "in 12 s"], 429, "429", RateLimitError, partials=0
    ),
    "a page instead of a stream": Trouble(faults.HTML_502, ["a gateway before it failed", BILLED], 502, partials=0),
    "an error that calls itself a stream": Trouble(
        Status(500, text='data: {"error": {"message": "x"}}', headers={"Content-Type": "text/event-stream"}),
        ["a gateway before it failed", BILLED],
        500,
        partials=0,
    ),
}


def troubled(trouble: Trouble, abroad: Callable[..., Studio]) -> tuple[ApiError, Studio, FakeApi, Told]:
    """Make one picture, then meet the trouble."""
    told = Told()
    with serving("azure") as api:
        atelier = abroad(api, **trouble.defaults)
        atelier.imagine("first")
        api.script = [trouble.fault]
        with pytest.raises(ApiError) as met:
            make(atelier, told)
    return met.value, atelier, api, told


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=list(TROUBLES))
def test_every_trouble_of_a_stream_is_one_error_that_says_what_to_do(abroad, trouble: Trouble) -> None:
    error, atelier, api, told = troubled(trouble, abroad)
    text = str(error)
    assert type(error) is trouble.kind
    assert [word for word in trouble.words if word not in text] == []
    assert (error.status, error.code) == (trouble.status, trouble.code)
    assert "images.example" in error.message
    assert len(told.partials) == trouble.partials
    assert len(api.requests) == 2, "one attempt, and nothing else asked"
    assert KEY not in text
    assert error.request_id == (request_id(2) if error.status is not None else "")
    assert getattr(error, "maybe_billed", None) == (True if error.status is None else None)
    assert_nothing_changed(atelier)


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=list(TROUBLES))
def test_no_trouble_of_a_stream_brings_the_key_to_light(abroad, caplog, trouble: Trouble) -> None:
    caplog.set_level(logging.DEBUG)
    error, atelier, api, _ = troubled(trouble, abroad)
    assert_secret(error, atelier, api, caplog.text)


@pytest.mark.parametrize("members", [{"error": {"message": KEY, "code": KEY}}, {"code": KEY, "message": KEY}])
def test_a_stream_that_quotes_the_key_does_not_make_us_show_it(abroad, caplog, members) -> None:
    caplog.set_level(logging.DEBUG)
    error, atelier, api, _ = troubled(Trouble(ends_in(**members), []), abroad)
    assert '"[key]"' in error.message
    assert_secret(error, atelier, api, caplog.text)


def test_an_event_that_does_not_end_is_given_up(abroad, monkeypatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT", 20_000)
    long = Streamed(lambda events: (events[0], b"data: " + b"x" * 30_000, b"x" * 30_000))
    error, atelier, *_ = troubled(Trouble(long, []), abroad)
    assert "sent a picture that cannot be used" in error.message
    assert_nothing_changed(atelier)


@pytest.mark.parametrize("fault", [stream_faults.StreamReset(2), Stalling(2)], ids=["reset", "silence"])
def test_a_finished_picture_is_kept_whatever_becomes_of_the_line(abroad, fault) -> None:
    with serving("azure", script=[fault]) as api:
        atelier = abroad(api, timeout_s=5.0)
        made = make(atelier, Told())
    assert made[0].generation.usage is not None
    assert atelier.history.current == made[0]
    assert atelier.history.check() == []


# --- servers that do not stream -----------------------------------------------------------------------------------

ZERO = faults.error(400, "Streaming must have non-zero partial images.", kind="image_generation_user_error")
UNKNOWN = faults.error(400, "Unknown parameter: 'stream'.", param="stream", word="unknown_parameter")
REFUSALS = {
    "partial images": ZERO,
    "unknown stream": UNKNOWN,
    "unknown partial_images": faults.error(400, "Unknown parameter: 'partial_images'.", param="partial_images"),
    "only the field is named": faults.error(400, "Unknown parameter.", param="stream"),
    "not for this model": faults.error(400, "Streaming is not supported for this model."),
    "fastapi": Status(422, {"detail": [{"loc": ["body", "stream"], "msg": "Extra inputs are not permitted"}]}),
    "a string": Status(400, {"error": "stream is not supported"}),
}


@pytest.mark.parametrize("operation", ["imagine", "refine"])
@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=list(REFUSALS))
def test_a_server_that_refuses_to_stream_is_asked_again_without(local, refusal, operation) -> None:
    told = Told()
    with serving("azure") as api:
        atelier = local(api)
        source = atelier.imagine("first")[0] if operation == "refine" else None
        api.script = [refusal]
        made = make(atelier, told, source)
        first, second = (dict(each.values) for each in api.calls[-2:])
    assert (first.pop("stream"), first.pop("partial_images")) != (None, None)
    assert second == first
    assert api.calls[-1].files == api.calls[-2].files
    assert (len(made), told.partials) == (1, [])
    assert not any("attempt" in line or "retrying" in line for line in told.lines)


def test_a_second_refusal_is_the_end_and_counts_as_no_retry(local) -> None:
    with serving("azure", script=[ZERO, ZERO]) as api:
        with pytest.raises(ApiError, match="non-zero partial images") as refused:
            make(local(api, retries=2), Told())
        assert len(api.requests) == 2
    assert "attempt" not in str(refused.value)


def test_retries_are_still_there_after_a_refused_stream_and_do_not_stream(local) -> None:
    busy = Status(429, {}, headers={"retry-after-ms": "1"})
    with serving("azure", script=[busy, UNKNOWN, busy]) as api:
        made = make(local(api, retries=2), Told())
    assert ["stream" in each.values for each in api.calls] == [True, True, False, False]
    assert len(made) == 1


def test_a_refusal_of_the_words_is_not_taken_for_one_of_the_stream(local) -> None:
    said = "Your prompt 'a mountain stream' was rejected."
    with serving("azure", script=[faults.error(400, said, word="moderation_blocked")]) as api:
        with pytest.raises(RefusedError):
            make(local(api), Told())
        assert len(api.requests) == 1


def test_a_request_without_a_stream_is_not_sent_again(local) -> None:
    with serving("azure", script=[UNKNOWN]) as api:
        with pytest.raises(ApiError, match="Unknown parameter"):
            make(local(api), Told(), quality="low")
        assert len(api.requests) == 1


# --- the fake itself ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", [AZURE, AZURE_V1, OPENAI])
@pytest.mark.parametrize("look", [{"output_format": "jpeg"}, {"background": "transparent"}, {"quality": "high"}])
def test_every_streamed_event_of_the_fake_follows_the_official_description(route, look) -> None:
    with fake_api() as api:
        streams = {
            "ImageGen": generate(api, route, stream=True, partial_images=3, size="1024x1024", **look),
            "ImageEdit": edit(api, route, [part()], stream="True", partial_images="3", size="1024x1024", **look),
        }
    for stem, answer in streams.items():
        events = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: ")]
        for data, kind in zip(events, ["PartialImage"] * 3 + ["Completed"], strict=True):
            jsonschema.validate(data, answer_schema(f"{stem}{kind}Event"))


def test_every_way_is_tried_here() -> None:
    assert {*REAL, "compatible"} == set(WAYS)
