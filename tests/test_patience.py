"""What is sent again, how often and after how long: a request is repeated only where nothing can have been billed."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from imgmagic import calls
from imgmagic.calls import StoppedError, stopped
from imgmagic.engines.failure import Failure
from imgmagic.engines.patience import delay
from imgmagic.errors import ApiError, RateLimitError, RefusedError, UnreachableError
from imgmagic.studio import Wishes
from tests import faults, stream_faults
from tests.fake_api import fake_api
from tests.fake_replies import Status
from tests.fake_server import Server
from tests.test_rest import (
    BILLED,
    PROMPT,
    assert_nothing_changed,
    closed_port,
    far_away,
    flights,
    here,
    serving,
    unproxied,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from imgmagic import Gallery, Studio

# --- as a table ---------------------------------------------------------------------------------------------------

RATE = {"error": {"code": "429", "message": "slow down"}}
FAULT = {"error": {"type": "server_error", "code": None, "message": "sorry"}}
LIMITED = "rate limited"
BUSY = "the service is busy"
BROKEN = "the service failed on its side"


def failed(status: int, body: Any = None, **headers: str) -> ApiError:
    """Give the error that an answer becomes, as far as patience looks at it."""
    error = ApiError("failed", status=status)
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    error.failure = Failure.read(status, {name.replace("_", "-"): text for name, text in headers.items()}, raw)
    return error


def unreachable(*, may_retry: bool, maybe_billed: bool = False) -> UnreachableError:
    error = UnreachableError("no answer")
    error.may_retry, error.maybe_billed = may_retry, maybe_billed
    return error


def told(**members: str) -> dict[str, Any]:
    return {"error": {"message": "no", **members}}


AGAIN = {
    "429 with milliseconds": (failed(429, RATE, retry_after_ms="1500"), 1.5, LIMITED),
    "429 with seconds": (failed(429, RATE, retry_after="12"), 12.0, LIMITED),
    "429 with a fraction": (failed(429, RATE, retry_after="0.25"), 0.25, LIMITED),
    "milliseconds before seconds": (failed(429, RATE, retry_after_ms="20", retry_after="99"), 0.02, LIMITED),
    "nonsense before seconds": (failed(429, RATE, retry_after_ms="soon", retry_after="3"), 3.0, LIMITED),
    "the longest wait": (failed(429, RATE, retry_after="120"), 120.0, LIMITED),
    "429 without a time": (failed(429, RATE), None, LIMITED),
    "429 with nonsense": (failed(429, RATE, retry_after="soon"), None, LIMITED),
    "429 with less than nothing": (failed(429, RATE, retry_after="-5"), None, LIMITED),
    "429 with no time to wait": (failed(429, RATE, retry_after="0"), None, LIMITED),
    "429 with a time that is over": (failed(429, RATE, retry_after="Wed, 21 Oct 2015 07:28:00 GMT"), None, LIMITED),
    "429 that is a page": (failed(429, "<h1>slow down</h1>", retry_after="7"), 7.0, LIMITED),
    "429 that is empty": (failed(429, ""), None, LIMITED),
    "503 with a hint": (failed(503, FAULT, retry_after="3"), 3.0, BUSY),
    "503 with milliseconds": (failed(503, told(), retry_after_ms="3000"), 3.0, BUSY),
    "500 by type": (failed(500, FAULT), None, BROKEN),
    "500 by code": (failed(500, told(code="server_error")), None, BROKEN),
    "500 by the type of the image api": (
        failed(500, told(type="image_generation_server_error", code="image_generation_failed")),
        None,
        BROKEN,
    ),
    "500 through a gateway": (failed(500, told(type="server_error", code="500")), None, BROKEN),
    "500 with a hint": (failed(500, FAULT, retry_after_ms="40"), 0.04, BROKEN),
    "no connection": (unreachable(may_retry=True), None, "no connection"),
}

_SPENT = {"message": "spent", "type": "insufficient_quota"}
NEVER = {
    "429 beyond the longest wait": failed(429, RATE, retry_after="120.1"),
    "429 for hours": failed(429, RATE, retry_after_ms="7200000"),
    "429 for ever": failed(429, RATE, retry_after="9" * 400),
    "503 beyond the longest wait": failed(503, FAULT, retry_after="300"),
    "quota": failed(429, {"error": {**_SPENT, "code": "insufficient_quota"}}, retry_after="1"),
    "quota by type": failed(429, {"error": {**_SPENT, "code": "429"}}, retry_after="1"),
    "billing limit": failed(429, told(code="billing_hard_limit_reached"), retry_after="1"),
    "billing off": failed(429, told(code="billing_not_active")),
    "spend limit of the project": failed(429, told(code="project_spend_limit_exceeded")),
    "spend limit of the organisation": failed(429, told(code="organization_spend_limit_exceeded")),
    "limit 0": failed(429, told(code="rate_limit_exceeded") | {"error": {"message": "Limit 0, Requested 1."}}),
    "503 without a hint": failed(503, FAULT),
    "503 with nonsense": failed(503, FAULT, retry_after="later"),
    "503 that is a page": failed(503, "<h1>503</h1>", retry_after="1"),
    "500 of another code": failed(500, told(code="worker_died")),
    "500 without a code": failed(500, {"detail": "Internal Server Error"}),
    "500 that is a page": failed(500, "<h1>server_error</h1>"),
    "502": failed(502, "<h1>502</h1>"),
    "502 in json": failed(502, FAULT, retry_after="1"),
    "504": failed(504, "", retry_after="1"),
    "504 in json": failed(504, FAULT, retry_after="1"),
    "408": failed(408, FAULT, retry_after="1"),
    "409": failed(409, FAULT, retry_after="1"),
    "400": failed(400, told(code="invalid_value"), retry_after="1"),
    "400 that says server_error": failed(400, told(code="server_error")),
    "401": failed(401, told(code="401")),
    "404": failed(404, told(code="404")),
    "refused": failed(400, told(code="moderation_blocked")),
    "200 that failed": failed(200, FAULT),
    "broken line": unreachable(may_retry=False, maybe_billed=True),
    "stopped": stopped(),
    "given up": StoppedError("given up"),
    "no failure": ApiError("something else"),
}


@pytest.mark.parametrize(("error", "seconds", "why"), AGAIN.values(), ids=list(AGAIN))
@pytest.mark.parametrize("attempt", [1, 2])
def test_what_is_sent_again_and_after_how_long(error, seconds, why, attempt) -> None:
    assert delay(error, attempt, 2, jitter=lambda: 0.0) == (0.5 * attempt if seconds is None else seconds, why)
    assert delay(error, 3, 2) is None
    assert delay(error, 1, 0) is None


@pytest.mark.parametrize("error", NEVER.values(), ids=list(NEVER))
@pytest.mark.parametrize("attempt", [1, 2])
def test_what_is_never_sent_again(error, attempt) -> None:
    assert delay(error, attempt, 10) is None


def test_a_misrouted_edit_is_sent_again_once() -> None:
    error = failed(400, told(code="unsupported_content_type"))
    assert delay(error, 1, 10, jitter=lambda: 0.0) == (0.5, "Azure misrouted the edit")
    assert delay(error, 2, 10) is None
    assert delay(error, 1, 0) is None


@pytest.mark.parametrize(
    ("attempt", "longest"), [(1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0), (5, 8.0), (6, 8.0), (10, 8.0)]
)
def test_without_a_time_the_waits_double_up_to_eight_seconds_less_a_quarter(attempt, longest) -> None:
    error = failed(429, RATE)
    waits = [delay(error, attempt, 10, jitter=lambda share=share: share)[0] for share in (0.0, 0.5, 1.0)]
    assert waits == [longest, 0.875 * longest, 0.75 * longest]
    assert 0.75 * longest <= delay(error, attempt, 10)[0] <= longest


@pytest.mark.parametrize("zone", [timezone.utc, timezone(timedelta(hours=-7))])
def test_a_date_is_waited_for_in_any_zone(zone) -> None:
    until = datetime.now(zone) + timedelta(seconds=60)
    seconds, _ = delay(failed(429, RATE, retry_after=format_datetime(until)), 1, 2)
    assert 0 < seconds <= 60
    assert delay(failed(429, RATE, retry_after=format_datetime(until + timedelta(hours=2))), 1, 2) is None


@pytest.mark.parametrize(
    "said",
    [
        *("", " ", "NaN", "inf", "1e9", "1 s", "12abc", "\u0664", "Wed, 99 Foo 2099", "Wed, 21 Oct 99999 07:28:00 GMT"),
        "Wed, 21 Oct 2015 07:28:00 +99999999999999999999",
        "Wed, 21 Oct 2015 07:28:00 -2500",
    ],
)
def test_a_time_that_makes_no_sense_is_no_time(said) -> None:
    seconds = delay(failed(429, RATE, retry_after=said), 1, 2, jitter=lambda: 0.0)[0]
    assert seconds in {0.5, 4.0}


# --- over http ----------------------------------------------------------------------------------------------------


@pytest.fixture
def local(monkeypatch, tmp_path) -> Callable[..., Studio]:
    unproxied(monkeypatch)
    return partial(here, monkeypatch, tmp_path / "home", retries=2, partials=0)


@pytest.fixture
def abroad(monkeypatch, tmp_path) -> Callable[..., Studio]:
    unproxied(monkeypatch)
    return partial(far_away, monkeypatch, tmp_path / "home", retries=2)


@pytest.fixture
def ports(monkeypatch) -> list[int]:
    """The client's port of every connection that a server got."""
    seen: list[int] = []
    usual = Server.process_request

    def process(self: Server, request: Any, client_address: Any) -> None:
        seen.append(client_address[1])
        usual(self, request, client_address)

    monkeypatch.setattr(Server, "process_request", process)
    return seen


@dataclass
class Lines:
    """The waiting lines of a call."""

    seen: list[str] = field(default_factory=list)

    def __call__(self, line: str, _partial: bytes | None) -> None:
        self.seen.append(line)

    def holding(self, words: str) -> bool:
        return any(words in line for line in self.seen)


def make(atelier: Studio, tell: Any, **wishes: Any) -> Gallery:
    return atelier.make("imagine", PROMPT, Wishes(**wishes), tell=tell)


SOON = {"retry-after-ms": "20", "retry-after": "100"}


def limited(milliseconds: int = 20, status: int = 429) -> Status:
    return Status(status, RATE, headers={"retry-after-ms": str(milliseconds), "retry-after": "100"})


FAILED_SOON = Status(500, FAULT, headers=SOON)
MISROUTED_SOON = Status(400, faults.MULTIPART_MISROUTED.json, headers=SOON)


@pytest.mark.parametrize("fault", [limited(), limited(status=503), FAILED_SOON], ids=["429", "503", "500"])
@pytest.mark.parametrize("times", [1, 2])
def test_after_a_pause_the_same_request_is_sent_on_a_connection_of_its_own(abroad, ports, fault, times) -> None:
    with serving("azure", script=[fault] * times) as api:
        atelier = abroad(api)
        made = atelier.imagine(PROMPT)
        assert len(api.requests) == times + 1
    assert len({each.body for each in api.calls}) == 1
    assert len(set(ports)) == len(ports) == times + 1
    assert len(atelier.history.all) == len(made) == 1
    assert flights(atelier.history.home) == []
    assert atelier.history.check() == []


@pytest.mark.parametrize("fault", [limited(), limited(status=503), FAILED_SOON], ids=["429", "503", "500"])
def test_after_the_last_attempt_the_error_says_which_it_was(abroad, fault) -> None:
    with serving("azure") as api:
        atelier = abroad(api)
        atelier.imagine("first")
        api.script = [fault] * 5
        with pytest.raises(ApiError) as met:
            atelier.imagine(PROMPT)
        assert len(api.requests) == 1 + 3
    assert met.value.hint.endswith("\nThis was attempt 3.")
    assert BILLED not in str(met.value)
    assert_nothing_changed(atelier)


@pytest.mark.parametrize(("retries", "requests"), [(0, 1), (1, 2), (4, 5)])
def test_as_many_attempts_are_made_as_were_granted(abroad, retries, requests) -> None:
    with serving("azure", script=[limited(1)] * 9) as api:
        with pytest.raises(RateLimitError) as met:
            abroad(api, retries=retries).imagine(PROMPT)
        assert len(api.requests) == requests
    assert ("This was attempt" in met.value.hint) is (retries > 0)


def test_the_waiting_line_counts_attempts_and_says_what_is_waited_for(local, monkeypatch) -> None:
    monkeypatch.setattr(calls, "TICK_S", 0.005)
    lines = Lines()
    with serving("azure", script=[limited(400), faults.Delay(0.2, limited(400, 503)), faults.Delay(0.2)]) as api:
        make(local(api), lines)
    assert " s · azure/img-dep: 1 picture" in lines.seen[0]
    assert not any("attempt 1" in line for line in lines.seen)
    assert lines.holding("1 picture · rate limited: retrying in 0 s")
    assert lines.holding("1 picture · attempt 2 · the service is busy: retrying in 0 s")
    assert any(line.endswith("1 picture · attempt 2") for line in lines.seen)
    assert any(line.endswith("1 picture · attempt 3") for line in lines.seen)


def test_the_waiting_line_counts_the_seconds_down(local, monkeypatch) -> None:
    monkeypatch.setattr(calls, "TICK_S", 0.01)
    lines = Lines()
    with serving("azure", script=[limited(1600)]) as api:
        make(local(api), lines)
    seconds = [line.rpartition("retrying in ")[2] for line in lines.seen if "retrying" in line]
    assert len(set(seconds)) > 1
    assert seconds == sorted(seconds, reverse=True)


def test_a_wait_that_is_too_long_is_not_waited_and_named(abroad) -> None:
    with serving("azure", script=[Status(429, RATE, headers={"retry-after": "121"})]) as api:
        with pytest.raises(RateLimitError, match=r"Run the cell again in 121 s\.") as met:
            abroad(api).imagine(PROMPT)
        assert len(api.requests) == 1
    assert met.value.retry_after == 121.0


@pytest.mark.parametrize(
    ("body", "said", "when"), [(FAULT, "300", "5 minutes"), (FAULT, "9" * 400, "more than a day"), (None, "90", "90 s")]
)
def test_a_busy_service_names_its_time_too(abroad, body, said, when) -> None:
    with serving("azure", script=[Status(503, body, headers={"retry-after": said})]) as api:
        with pytest.raises(ApiError) as met:
            abroad(api).imagine(PROMPT)
        assert len(api.requests) == 1
    assert f"Run the cell again in {when}." in met.value.hint
    assert (BILLED in met.value.hint) is (body is None)


def test_a_time_without_end_is_named_as_a_day(abroad) -> None:
    with (
        serving("azure", script=[Status(429, RATE, headers={"retry-after": "9" * 400})]) as api,
        pytest.raises(RateLimitError, match="in more than a day"),
    ):
        abroad(api).imagine(PROMPT)


ONCE = {
    "reset before the headers": (faults.Reset(), True),
    "reset after the headers": (faults.Reset(before_headers=False), True),
    "wrong length": (faults.WrongContentLength(), True),
    "truncated json": (faults.TruncatedJson(), True),
    "truncated picture": (faults.TruncatedBase64(), True),
    "408": (Status(408, FAULT, headers=SOON), True),
    "502": (Status(502, html="<h1>502</h1>", headers=SOON), True),
    "502 in json": (Status(502, FAULT, headers=SOON), True),
    "503 without a hint": (Status(503, FAULT), True),
    "503 that is a page": (Status(503, html="<h1>503</h1>", headers=SOON), True),
    "504": (faults.EMPTY_504, True),
    "500 of another kind": (Status(500, told(code="oops"), headers=SOON), True),
    "500 that is a page": (Status(500, html="<h1>500</h1>", headers=SOON), True),
    "200 with an error": (faults.ErrorWith200(FAULT), True),
    "quota": (Status(429, faults.INSUFFICIENT_QUOTA.json, headers=SOON), False),
    "quota under another code": (Status(429, {"error": {**_SPENT, "code": "429"}}, headers=SOON), False),
    "billing limit": (Status(429, faults.BILLING_HARD_LIMIT.json, headers=SOON), False),
    "limit 0": (Status(429, faults.LIMIT_ZERO.json, headers=SOON), False),
    "key": (faults.AZURE_BAD_KEY, False),
    "deployment": (faults.DEPLOYMENT_NOT_FOUND, False),
    "words": (faults.MODERATION_BLOCKED, False),
    "redirect": (faults.Redirect("/elsewhere"), False),
}


@pytest.mark.parametrize(("fault", "billed"), ONCE.values(), ids=list(ONCE))
def test_what_may_have_been_billed_or_cannot_be_mended_is_sent_once(abroad, fault, *, billed) -> None:
    with serving("azure") as api:
        atelier = abroad(api)
        atelier.imagine("first")
        api.script = [fault]
        with pytest.raises(ApiError) as met:
            atelier.imagine(PROMPT)
        assert len(api.requests) == 2
    assert (BILLED in met.value.hint) is billed
    assert "attempt" not in str(met.value)
    assert_nothing_changed(atelier)


@pytest.mark.parametrize(
    "fault", [stream_faults.StreamError(), stream_faults.StreamEnds(), stream_faults.StreamReset()], ids=repr
)
def test_a_stream_that_broke_is_not_asked_for_again(abroad, fault) -> None:
    with serving("azure", script=[fault]) as api:
        with pytest.raises(ApiError, match=BILLED):
            make(abroad(api), Lines(), quality="high")
        assert len(api.requests) == 1


def test_silence_is_not_asked_again(abroad) -> None:
    with serving("azure", script=[faults.Delay(30)]) as api:
        with pytest.raises(UnreachableError, match="went silent") as met:
            abroad(api, timeout_s=0.3).imagine(PROMPT)
        assert len(api.requests) == 1
    assert met.value.maybe_billed


def test_a_misrouted_edit_is_sent_again_with_the_same_parts(local) -> None:
    with serving("azure") as api:
        atelier = local(api)
        atelier.imagine("first")
        api.script = [MISROUTED_SOON]
        made = atelier.refine(PROMPT)
        first, second = api.calls[1:]
    assert (first.fields, first.files) == (second.fields, second.files)
    assert len(made) == 1


def test_an_edit_that_is_misrouted_twice_is_left_at_that(local) -> None:
    with serving("azure") as api:
        atelier = local(api, retries=5)
        atelier.imagine("first")
        api.script = [MISROUTED_SOON] * 3
        with pytest.raises(ApiError, match="sent the edit to the wrong back end") as met:
            atelier.refine(PROMPT)
        assert len(api.requests) == 3
    assert met.value.hint.endswith("This was attempt 2.")


def test_the_outcome_of_the_last_attempt_is_told(local) -> None:
    with serving("azure", script=[limited(), faults.CONTENT_FILTER_IMAGES]) as api:
        with pytest.raises(RefusedError) as met:
            local(api).imagine(PROMPT)
        assert len(api.requests) == 2
    assert met.value.hint.endswith("This was attempt 2.")


def test_a_server_that_was_not_there_is_tried_again_and_found(local, monkeypatch) -> None:
    """The server comes up while the call waits."""
    monkeypatch.setattr(calls, "TICK_S", 0.01)
    port = closed_port()

    class Absent:
        url = f"http://127.0.0.1:{port}"

    with ExitStack() as stack:
        lines: list[str] = []

        def start(line: str, _partial: bytes | None) -> None:
            if "no connection: retrying in" in line and not lines:
                lines.append(line)
                stack.enter_context(fake_api(port=port, key="k3y-that-nobody-may-see", auto_size="64x48"))

        made = make(local(Absent(), retries=5), start)
    assert len(made) == 1
    assert len(lines) == 1


def test_a_server_that_stays_away_is_given_up_and_nothing_was_billed(local) -> None:
    class Absent:
        url = f"http://127.0.0.1:{closed_port()}"

    with pytest.raises(UnreachableError) as met:
        local(Absent(), retries=1).imagine(PROMPT)
    assert not met.value.maybe_billed
    assert met.value.hint.endswith("then run the cell again.\nThis was attempt 2.")


def test_a_name_that_nobody_knows_is_asked_for_again(monkeypatch, tmp_path) -> None:
    unproxied(monkeypatch)
    monkeypatch.setenv("NO_PROXY", "*")

    class Unknown:
        url = "https://no-such-host.invalid"

    with pytest.raises(UnreachableError, match=r"No connection to no-such-host\.invalid") as met:
        here(monkeypatch, tmp_path / "home", Unknown(), retries=1).imagine(PROMPT)
    assert not met.value.maybe_billed
    assert met.value.hint.endswith("This was attempt 2.")
    assert flights(tmp_path / "home") == []
