"""What is spent: refused before it is sent, estimated, counted from the answer, and shown."""

from __future__ import annotations

import sqlite3
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from imgmagic import Studio, prices, status
from imgmagic.budget import today
from imgmagic.errors import SettingsError
from imgmagic.exchange import ImageRequest, ImageResponse, Usage
from imgmagic.replay import CallSite
from imgmagic.studio import Wishes
from tests import faults
from tests.helpers import png
from tests.test_rest import PROMPT, WAYS, far_away, flights, here, serving, unproxied

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from imgmagic import Gallery
    from tests.fake_replies import Reply

#: What a medium picture of 1024x1024 px at gpt-image-2's price is expected to cost: 1756 tokens and six words.
MEDIUM = 0.052725


class Dear:
    """An engine of which every picture costs what the test wants, in US dollars."""

    name = "azure"
    paid = True

    def __init__(self, usd: float = 0.0, model: str = "gpt-image-2") -> None:
        self.usd, self.model, self.asked = usd, model, 0

    def describe(self, _request: ImageRequest) -> str:
        return f"azure/{self.model}"

    def make(self, request: ImageRequest, _watch: object) -> ImageResponse:
        self.asked += 1
        images = tuple(png(request.prompt, index) for index in range(request.n))
        return ImageResponse(images, "azure", self.model, 0.1, usage=Usage(out=round(self.usd / 30e-6) or 1))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def abroad(monkeypatch, home: Path) -> Callable[..., Studio]:
    unproxied(monkeypatch)
    return partial(far_away, monkeypatch, home)


@pytest.fixture
def local(monkeypatch, home: Path) -> Callable[..., Studio]:
    unproxied(monkeypatch)
    return partial(here, monkeypatch, home)


def spend(home: Path, usd: float, **options: Any) -> Gallery:
    """Spend some dollars in a session of its own."""
    return Studio(home, Dear(usd), budget_usd=1e6, **options).imagine(PROMPT)


def date_back(home: Path, days: int) -> None:
    with sqlite3.connect(home / "history.db") as database:
        database.execute("UPDATE generation SET created = strftime('%Y-%m-%dT%H:%M:%f', created, ?)", (f"-{days} day",))


# --- refused before it is sent ------------------------------------------------------------------------------------


def test_a_call_that_would_burst_the_days_budget_is_not_sent(abroad, home) -> None:
    spend(home, 9.96)
    with serving("azure") as api:
        atelier = abroad(api)
        with pytest.raises(SettingsError) as refused:
            atelier.imagine(PROMPT, n=4)
        assert api.requests == []
    assert str(refused.value) == (
        "$9.96 of $10.00 spent today, this call ≈$0.21, not sent.\nRaise it with `%config ImgMagic.budget_usd = 20`."
    )
    assert flights(home) == []
    assert len(atelier.history.all) == 1
    assert atelier.history.cursor is None
    assert atelier.history.check() == []


def test_a_refine_is_refused_in_the_same_way_and_leaves_the_cursor(abroad) -> None:
    with serving("azure") as api:
        atelier = abroad(api, budget_usd=0.06)
        first = atelier.imagine(PROMPT)[0]
        with pytest.raises(SettingsError, match="not sent"):
            atelier.refine("bluer")
        assert len(api.requests) == 1
    assert atelier.history.current == first


@pytest.mark.parametrize(("budget", "hint"), [(0, 1), (0.01, 1), (0.05, 1), (7.5, 15), (100.0, 200)])
def test_the_hint_names_a_budget_that_is_higher(home, budget, hint) -> None:
    spend(home, budget)
    with pytest.raises(SettingsError) as refused:
        Studio(home, Dear(), budget_usd=budget).imagine(PROMPT)
    assert refused.value.hint == f"Raise it with `%config ImgMagic.budget_usd = {hint}`."


def test_the_last_cent_may_be_spent(home) -> None:
    expected = prices.estimate("gpt-image-2", ImageRequest("imagine", PROMPT), {}).usd
    engine = Dear()
    assert len(Studio(home, engine, budget_usd=expected).imagine(PROMPT)) == 1
    with pytest.raises(SettingsError):
        Studio(home, engine, budget_usd=expected).imagine(PROMPT)
    assert engine.asked == 1


def test_without_a_word_the_budget_is_ten_dollars_and_the_environment_can_say_another(home, monkeypatch) -> None:
    spend(home, 10.0)
    with pytest.raises(SettingsError, match=r"of \$10\.00 spent"):
        Studio(home, Dear()).imagine(PROMPT)
    monkeypatch.setenv("IMGMAGIC_BUDGET_USD", "11")
    assert len(Studio(home, Dear()).imagine(PROMPT)) == 1


@pytest.mark.parametrize("other", ["kernel-1", "kernel-2"])
def test_every_session_of_the_folder_counts(home, other) -> None:
    spend(home, 9.99, session="kernel-1")
    with pytest.raises(SettingsError, match=r"^\$9\.99 of"):
        Studio(home, Dear(), session=other).imagine(PROMPT)


def test_another_folder_does_not_count(home, tmp_path) -> None:
    spend(tmp_path / "other", 9.99)
    assert len(Studio(home, Dear()).imagine(PROMPT)) == 1


def test_another_day_does_not_count(home) -> None:
    spend(home, 9.99)
    date_back(home, 2)
    assert len(Studio(home, Dear()).imagine(PROMPT)) == 1


def test_calls_on_their_way_count_until_they_end(home) -> None:
    other = Studio(home, Dear()).history
    flight = other.depart("azure", 9.99, 10, today())
    atelier = Studio(home, Dear())
    with pytest.raises(SettingsError, match=r"^\$9\.99 of"):
        atelier.imagine(PROMPT)
    other.arrive(flight)
    assert len(atelier.imagine(PROMPT)) == 1


def test_a_call_on_its_way_counts_with_what_it_is_expected_to_cost(abroad, home) -> None:
    seen: list[float] = []

    class Looking:
        def answer(self, usual: Callable[[], Reply], _host: object, /) -> Reply:
            seen.append(Studio(home).history.expected())
            return usual()

    with serving("azure", script=[Looking(), Looking()]) as api:
        atelier = abroad(api)
        atelier.imagine(PROMPT)
        atelier.imagine(PROMPT, quality="high", n=2)
    assert seen == [pytest.approx(MEDIUM, rel=0.001), pytest.approx(2 * 7024 * 30e-6, rel=0.001)]
    assert atelier.history.expected() == 0


def test_a_call_that_failed_counts_no_longer(abroad) -> None:
    with serving("azure", script=[faults.AZURE_BAD_KEY]) as api:
        atelier = abroad(api, budget_usd=0.06)
        with pytest.raises(Exception, match="does not accept the key"):
            atelier.imagine(PROMPT)
        assert len(atelier.imagine(PROMPT)) == 1


@pytest.mark.parametrize("way", WAYS)
def test_a_server_on_this_machine_needs_no_budget(local, way) -> None:
    with serving(way) as api:
        atelier = local(api, way, budget_usd=0)
        atelier.imagine(PROMPT, quality="high", n=10)
        atelier.refine("bluer")
    assert atelier.history.spent() == 0
    assert flights(atelier.history.home) == []


def test_the_sketch_engine_needs_no_budget(home) -> None:
    atelier = Studio(home, "sketch", budget_usd=0)
    atelier.imagine("a beach at dawn", size="256x256")
    assert atelier.history.spent() == 0


# --- before and after ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("quality", ["low", "medium", "high"])
@pytest.mark.parametrize("size", ["1024x1024", "1536x1024"])
@pytest.mark.parametrize("operation", ["imagine", "refine"])
def test_the_estimate_is_close_to_what_the_service_counts(abroad, operation, size, quality) -> None:
    with serving("azure") as api:
        atelier = abroad(api, prices={"img-dep": "gpt-image-2"})
        if operation == "refine":
            atelier.imagine(PROMPT, size="1024x1024", quality="low")
        source = atelier.history.current
        rows = dict(atelier.plan(operation, PROMPT, Wishes(size=size, quality=quality), source=source))
        made = atelier.make(operation, PROMPT, Wishes(size=size, quality=quality), source=source)
    assert made[0].generation.cost_as == ""
    assert float(rows["expected cost"].removeprefix("≈$")) == pytest.approx(made[0].generation.cost_usd, abs=0.001)


@pytest.mark.parametrize(
    ("params", "usd"),
    [
        ({"quality": "high"}, 7024 * 30e-6),
        ({"quality": None}, 7024 * 30e-6),
        ({"size": "1536x1024"}, 1372 * 30e-6),
        ({"size": None}, 1756 * 30e-6),
        ({"size": 7}, 1756 * 30e-6),
    ],
)
def test_an_extra_field_that_changes_the_picture_changes_the_estimate(params, usd) -> None:
    request = ImageRequest("imagine", PROMPT, params=tuple(params.items()))
    assert prices.estimate("gpt-image-2", request, {}).usd == pytest.approx(usd, abs=0.0001)


@pytest.mark.parametrize("size", ["auto", "huge", "0x0", "64x", "-1x5", "9999999x1", "1024X1024", ""])
def test_a_size_that_makes_no_sense_is_for_the_service_to_refuse(home, size) -> None:
    request = ImageRequest("imagine", PROMPT, size=size)
    assert prices.estimate("gpt-image-2", request, {}).usd == pytest.approx(MEDIUM, abs=0.0001)


def test_a_service_that_counts_no_tokens_is_estimated(abroad) -> None:
    with serving("azure", usage=False) as api:
        made = abroad(api).imagine(PROMPT, size="1024x1024")
    assert made[0].usage is None
    assert made[0].generation.cost_usd == pytest.approx(MEDIUM, rel=0.001)
    assert made[0].generation.cost_as == "estimated"
    assert "≈$0.053" in made.lines[0]


def test_a_server_of_unknown_prices_that_counts_no_tokens_has_no_cost(abroad) -> None:
    with serving("compatible") as api:
        made = abroad(api, "compatible").imagine(PROMPT)
    assert made[0].cost_usd is None


@pytest.mark.parametrize(
    ("known", "shown"),
    [
        ({}, "≈$0.053 (as gpt-image-2)"),
        ({"img-dep": "gpt-image-1-mini"}, "$0.014"),
        ({"img-dep": (0, 0, 57)}, "$0.100"),
    ],
)
def test_the_caption_says_whose_prices_were_taken(abroad, known, shown) -> None:
    with serving("azure") as api:
        made = abroad(api, prices=known).imagine(PROMPT, size="1024x1024")
    assert made.lines[0].endswith(f" · {shown}")


# --- a dry run ----------------------------------------------------------------------------------------------------


def test_a_plan_says_everything_and_sends_nothing(abroad) -> None:
    with serving("azure") as api:
        atelier = abroad(api)
        source = atelier.imagine(PROMPT)[0]
        rows = dict(
            atelier.plan("refine", "bluer", Wishes(n=2, quality="high", params=(("user", "u-1"),)), source=source)
        )
        assert len(api.requests) == 1
    assert rows == {
        "asks": "azure/img-dep",
        "prompt": "bluer",
        "source": "#1",
        "n": "2",
        "size": "auto",
        "quality": "high",
        "background": "auto",
        "format": "png",
        "user": "u-1",
        "expected cost": "≈$0.430 (as gpt-image-2)",
        "sent": "nothing: this was a dry run",
    }
    assert flights(atelier.history.home) == []
    assert (len(atelier.history.all), atelier.history.cursor) == (1, 1)


def test_a_plan_counts_the_unfinished_pictures(abroad) -> None:
    with serving("azure") as api:
        rows = [dict(abroad(api, partials=count).plan("imagine", PROMPT, Wishes(quality="high"))) for count in (0, 3)]
        assert api.requests == []
    assert [row["expected cost"] for row in rows] == ["≈$0.211 (as gpt-image-2)", "≈$0.220 (as gpt-image-2)"]


def test_a_plan_beyond_the_budget_is_shown_all_the_same(abroad) -> None:
    with serving("azure") as api:
        rows = dict(abroad(api, budget_usd=0).plan("imagine", PROMPT, Wishes()))
    assert rows["expected cost"] == "≈$0.053 (as gpt-image-2)"


@pytest.mark.parametrize("way", WAYS)
def test_a_plan_for_this_machine_costs_nothing(local, way) -> None:
    with serving(way) as api:
        rows = dict(local(api, way).plan("imagine", PROMPT, Wishes()))
        assert api.requests == []
    assert rows["expected cost"] == "nothing"


def test_a_dry_run_in_a_cell_shows_the_expanded_words_and_sends_nothing(cells, azure) -> None:
    cells.shell.push({"beast": "fox"})
    shown = cells("%%imagine --dry-run -q high --label hero\na red {beast}").text
    assert "a red fox" in shown
    assert "high" in shown
    assert "nothing: this was a dry run" in shown
    assert azure.requests == []
    assert len(cells.history) == 0
    assert cells.history.labels == {}


def test_a_dry_refine_names_its_source(cells, azure) -> None:
    cells("%imagine a fox")
    shown = cells("%refine --dry-run bluer").text
    assert "#1" in shown
    assert len(azure.requests) == 1


# --- what was spent -----------------------------------------------------------------------------------------------


def rows_of(shown: str) -> list[str]:
    return [" ".join(line.split()) for line in shown.splitlines()]


def test_the_table_sums_by_day_model_and_cell(home) -> None:
    spend(home, 1.0, session="another")
    date_back(home, 40)
    mine = Studio(home, Dear(0.25), session="mine")
    for cell in ("cell-a", "cell-a", None):
        mine.make("imagine", PROMPT, Wishes(n=2), site=CallSite(cell, 0))
    mine._engine = Dear(2.0, "gpt-image-1.5")
    mine.make("imagine", PROMPT, Wishes(), site=CallSite("cell-b", 0))
    days = [each.generation.created.astimezone() for each in (mine.history.all[0], mine.history.all[-1])]
    dear = 2.0 / 30 * 32
    assert rows_of(status.cost(mine)["text/plain"]) == [
        f"day {days[0]:%Y-%m-%d} $1.000 (1 call, 1 picture)",
        f"day {days[1]:%Y-%m-%d} ${0.75 + dear:.3f} (4 calls, 7 pictures)",
        "model azure/gpt-image-2 $1.750 (4 calls, 7 pictures)",
        f"model azure/gpt-image-1.5 ${dear:.3f} (1 call, 1 picture)",
        "notebook another $1.000 (1 call, 1 picture)",
        f"notebook mine ${0.75 + dear:.3f} (4 calls, 7 pictures)",
        "cell cell-a $0.500 (2 calls, 4 pictures)",
        "cell without an id $0.250 (1 call, 2 pictures)",
        f"cell cell-b ${dear:.3f} (1 call, 1 picture)",
        f"in all ${1.75 + dear:.3f} (5 calls, 8 pictures)",
        f"budget ${10 - 0.75 - dear:.3f} left today (${0.75 + dear:.3f} of $10.00 spent)",
    ]


def test_the_table_says_what_has_no_known_cost(abroad) -> None:
    with serving("compatible") as api:
        atelier = abroad(api, "compatible")
        atelier.imagine(PROMPT)
    assert rows_of(status.cost(atelier)["text/plain"])[-2] == "in all $0.000 (1 call, 1 picture, 1 of unknown cost)"


def test_the_table_of_an_empty_folder_is_a_zero(home) -> None:
    assert rows_of(status.cost(Studio(home, Dear()))["text/plain"]) == [
        "in all $0.000 (0 calls, 0 pictures)",
        "budget $10.000 left today ($0.000 of $10.00 spent)",
    ]


def test_the_magic_shows_the_table_and_html_is_escaped(cells, azure) -> None:
    cells("%imagine a fox", cell_id="<b>")
    shown = cells("%imgmagic cost")
    assert "model azure/img-dep" in shown.text
    assert "cell <b>" in shown.text
    assert "cell &lt;b&gt;" in shown.html
    assert "<b>" not in shown.html


def test_the_status_table_says_what_was_spent_today_and_in_all(home) -> None:
    spend(home, 3.0)
    date_back(home, 2)
    spend(home, 1.0)
    shown = status.table(Studio(home, "sketch"))["text/plain"]
    assert "$1.000 of $10.00 today, $4.000 in all" in shown
