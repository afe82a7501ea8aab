"""Calls in the background, in a real kernel that is told its cells' ids, before a server that answers when it may."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import nbformat
import pytest
from nbclient import NotebookClient

from imgmagic import Studio
from imgmagic.errors import SettingsError
from imgmagic.prepare import Wishes
from tests import slow_server as slow
from tests.lab import isolated
from tests.slow_server import env, head, slow_server
from tests.test_budget import MEDIUM, Dear
from tests.test_interrupts import Cell, Watched

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WAIT_S = 20
_REFUSED = json.dumps({"error": {"code": "moderation_blocked", "message": "No such thing is drawn."}}).encode()
REFUSED = slow.Play(head("400 Bad Request", "application/json", len(_REFUSED)) + _REFUSED)


class Notebook(Watched):
    """A kernel whose cells have ids."""

    def begin(self, code: str, cell_id: str | None = "x") -> Cell:
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
        request = self._client.session.msg("execute_request", content)
        request["metadata"] = {} if cell_id is None else {"cellId": cell_id}
        self._client.shell_channel.send(request)
        return Cell(self, request["header"]["msg_id"])

    def cell(self, code: str, cell_id: str | None = "x", *, fails: bool = False) -> Cell:
        cell = self.begin(code, cell_id)
        cell.ended()
        assert bool(cell.error) is fails, cell.traceback
        return cell

    @property
    def current(self) -> int | None:
        return self.value("(lambda p: p and p.number)(__import__('imgmagic').history.current)")

    def parents(self) -> dict[int, int | None]:
        found = "{p.number: p.parent and p.parent.number for p in __import__('imgmagic').history.all}"
        return dict(self.value(found))


@contextmanager
def opened(folder: Path, variables: dict[str, str]) -> Iterator[Notebook]:
    """Open a notebook in a new kernel."""
    path = folder / "a.ipynb"
    path.write_text("{}")
    running = Notebook(folder, **variables, JPY_SESSION_NAME=str(path))
    try:
        running.cell("%load_ext imgmagic", "load")
        yield running
    finally:
        running.close()


@pytest.fixture(scope="module")
def server() -> Iterator[slow.SlowServer]:
    with slow_server() as running:
        yield running


@pytest.fixture
def notebook(server, tmp_path) -> Iterator[Notebook]:
    """A notebook with one picture."""
    with opened(tmp_path, env(server.url)) as running:
        running.cell("%imagine a beach", "i")
        server.reset()
        yield running
        server.reset()
        assert running.value("__import__('imgmagic').history.check()") == []


def begun(notebook: Notebook, server: slow.SlowServer, *cells: tuple[str, str]) -> list[Cell]:
    """Submit jobs that the server has heard of, and does not answer yet."""
    found = []
    for code, cell_id in cells:
        server.script = [slow.SILENT]
        found.append(notebook.cell(code, cell_id))
        server.asked(len(found))
    return found


# --- a job ---


def test_a_job_is_given_at_once_and_its_own_output_is_updated_when_it_ends(notebook, server) -> None:
    [cell] = begun(notebook, server, ("job = %refine --bg bluer", "a"))
    assert notebook.value("(job.done(), repr(job))") == (
        False, "<Job: azure/img-dep: 1 picture from #1, on its way>",
    )  # fmt: skip
    assert notebook.current == 1
    later = notebook.cell("print('meanwhile')", "b")
    server.go()
    cell.says("^#2 ← #1")
    assert not later.heard("display_data")
    assert notebook.value("(job.result().numbers, job.done(), repr(job))") == (
        (2,), True, "<Job: azure/img-dep: 1 picture from #1, done>",
    )  # fmt: skip
    assert notebook.current == 2


def test_the_job_as_a_cells_value_is_shown_once(notebook, server) -> None:
    [cell] = begun(notebook, server, ("%refine --bg bluer", "a"))
    assert [len(cell.heard("display_data")), len(cell.heard("execute_result"))] == [1, 0]
    assert "s · azure/img-dep: 1 picture from #1" in cell.text


def test_a_job_is_awaited_in_a_cell(notebook, server) -> None:
    begun(notebook, server, ("job = %refine --bg bluer", "a"))
    waiting = notebook.begin("print((await job).numbers)", "b")
    server.go()
    waiting.ended()
    assert [each["text"] for each in waiting.heard("stream")] == ["(2,)\n"]


def test_a_cancelled_job_closes_its_connection_and_says_so(notebook, server) -> None:
    [cell] = begun(notebook, server, ("job = %refine --bg bluer", "a"))
    assert notebook.value("job.cancel()") is True
    server.hung_up(server.exchanges[0])
    cell.says("^%refine --bg: The call was stopped")
    assert "It may be billed all the same." in cell.text
    assert notebook.cell("job.result()", "b", fails=True).error == "StoppedError"
    assert notebook.value("(job.cancel(), job.done())") == (False, True)
    assert notebook.current == 1


def test_stop_ends_jobs_too(notebook, server) -> None:
    cells = begun(notebook, server, ("%refine --bg bluer", "a"), ("%refine --bg redder", "b"))
    notebook.cell("%imgmagic stop", "c")
    for cell, exchange in zip(cells, server.exchanges, strict=True):
        server.hung_up(exchange)
        cell.says("The call was stopped")


def test_what_goes_wrong_is_said_in_the_output_and_raised_by_the_result(notebook, server) -> None:
    server.script = [REFUSED]
    cell = notebook.cell("job = %refine --bg something bad", "a")
    cell.says("^%refine --bg: .*")
    assert "on its way" not in cell.text
    asked = notebook.cell("job.result()", "b", fails=True)
    assert asked.error == "RefusedError"
    assert notebook.current == 1


def test_interrupting_a_later_cell_does_not_kill_a_job(notebook, server) -> None:
    [cell] = begun(notebook, server, ("job = %refine --bg bluer", "a"))
    for code in ("print('asleep')\nimport time; time.sleep(60)", "print('asleep')\njob.result()"):
        busy = notebook.begin(code, "b")
        notebook.until(lambda busy=busy: busy.heard("stream"))
        busy.interrupted("a later cell")
    assert server.exchanges[0].hung_up is None
    server.go()
    cell.says("^#2 ← #1")


def test_only_so_many_work_at_once(notebook, server) -> None:
    notebook.cell("%config ImgMagic.workers = 2", "c")
    server.script = [slow.SILENT] * 3
    cells = [notebook.cell(f"%refine --bg {word}", word) for word in ("red", "green", "blue")]
    server.asked(2)
    cells[2].says("2 others work first")
    assert len(server.exchanges) == 2
    server.go(1)
    server.asked(3)
    server.go()
    for cell in cells:
        cell.says("^#[234] ← #1")


def test_one_that_waits_for_its_turn_can_be_cancelled_and_is_never_sent(notebook, server) -> None:
    notebook.cell("%config ImgMagic.workers = 1", "c")
    [first] = begun(notebook, server, ("%refine --bg red", "a"))
    second = notebook.cell("job = %refine --bg green", "b")
    second.says("1 other works first")
    assert notebook.value("job.cancel()") is True
    second.says("^%refine --bg: The call was given up before it was sent")
    server.go()
    first.says("^#2 ← #1")
    assert len(server.exchanges) == 1


# --- the cursor ---


def test_two_jobs_from_one_parent_become_siblings_and_the_first_that_ends_moves_the_cursor(notebook, server) -> None:
    first, second = begun(notebook, server, ("%refine --bg bluer", "a"), ("%refine --bg redder", "b"))
    server.go(2)
    second.says("^#2 ← #1")
    assert notebook.current == 2
    server.go(1)
    first.says("^#3 ← #1")
    assert notebook.current == 2
    assert notebook.parents() == {1: None, 2: 1, 3: 1}


def test_a_cursor_that_was_moved_meanwhile_stays_and_a_replay_does_the_same(notebook, server, tmp_path) -> None:
    notebook.cell("%imagine another", "j")
    notebook.cell("%pick 1", "p")
    server.reset()
    [cell] = begun(notebook, server, ("%refine --bg bluer", "a"))
    notebook.cell("%pick 2", "p")
    server.go()
    cell.says("^#3 ← #1")
    assert notebook.current == 2
    with opened(tmp_path, env(server.url)) as again:
        again.cell("%pick 1", "p")
        replayed = again.cell("job = %refine --bg bluer", "a")
        assert replayed.text.startswith("#3 ← #1")
        assert again.value("(job.done(), job.result().numbers)") == (True, (3,))
        assert again.current == 1
        # It is this cell's own result all the same.
        again.cell("%pick 3", "p")
        assert again.cell("%refine greener", "a").text.startswith("#4 ← #1")
    assert len(server.exchanges) == 2


def test_what_another_cell_replays_without_a_move_is_its_own_result_too(notebook, server, tmp_path) -> None:
    [cell] = begun(notebook, server, ("%refine --bg bluer", "a"))
    notebook.cell("%imagine another", "j")
    server.go()
    cell.says("^#3 ← #1")
    with opened(tmp_path, env(server.url)) as again:
        again.cell("%pick 1", "p")
        assert again.cell("%refine bluer", "copy").text.startswith("#3 ← #1")
        again.cell("%pick 3", "p")
        assert again.cell("%refine greener", "copy").text.startswith("#4 ← #1")


def test_a_job_that_ends_while_its_own_cell_runs_again_is_an_earlier_result(notebook, server) -> None:
    begun(notebook, server, ("job = %refine --bg bluer", "a"))
    again = notebook.begin("print('waits')\njob.result()\n%refine redder", "a")
    notebook.until(lambda: again.heard("stream"))
    server.go()
    again.ended()
    assert (again.error, again.text.split(" · ")[0]) == ("", "#3 ← #1")


def test_a_result_that_a_later_cell_waits_for_is_shown_there_too(notebook, server) -> None:
    [cell] = begun(notebook, server, ("job = %refine --bg bluer", "a"))
    later = notebook.begin("print('waits')\njob.result()", "b")
    notebook.until(lambda: later.heard("stream"))
    server.go()
    later.ended()
    cell.says("^#2 ← #1")
    assert [each["data"]["text/plain"].split(" · ")[0] for each in later.heard("display_data")] == ["#2 ← #1"]


# --- money ---


def test_of_a_kernel_that_is_killed_only_what_was_sent_is_maybe_billed(abroad, tmp_path) -> None:
    server, variables = abroad
    server.script = [slow.SILENT]
    with opened(tmp_path, {**variables, "IMGMAGIC_WORKERS": "1"}) as first:
        first.cell("%imagine --bg a loss", "a")
        server.asked(1)
        first.cell("%imagine --bg another", "b").says("work")
        first.kill()
        server.hung_up(server.exchanges[0])
    with opened(tmp_path, variables) as second:
        assert "1 call maybe billed: a kernel ended while waiting" in second.cell("%imagine again", "c").text
        assert "maybe billed" not in second.cell("%imagine more", "d").text
    assert len(server.exchanges) == 3


def test_the_budget_counts_jobs_on_their_way_and_refuses_at_submission(abroad, tmp_path) -> None:
    server, variables = abroad
    server.script = [slow.SILENT]
    with opened(tmp_path, {**variables, "IMGMAGIC_BUDGET_USD": "0.06"}) as running:
        cell = running.cell("%imagine --bg -s 1024x1024 a beach", "a")
        server.asked(1)
        refused = running.cell("%imagine --bg -s 1024x1024 a boat", "b", fails=True)
        assert refused.error == "SettingsError"
        assert "of $0.06 spent today" in refused.traceback
        assert running.value("len(__import__('imgmagic.kernel').kernel.studio().history.all)") == 0
        server.go()
        cell.says("^#1 ")
    assert len(server.exchanges) == 1


class Patient(Dear):
    """An engine that answers when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def make(self, request, watch):
        self.go.wait(WAIT_S)
        return super().make(request, watch)


def test_two_submissions_at_the_same_moment_cannot_both_pass_a_budget_for_one(tmp_path) -> None:
    for attempt in range(5):
        engine = Patient()
        studio = Studio(tmp_path / str(attempt), engine, budget_usd=1.5 * MEDIUM, size="1024x1024")
        assert studio.history.all == []
        together = threading.Barrier(4)

        def submit(words, studio=studio, together=together):
            together.wait()
            try:
                return studio.submit("imagine", words, Wishes())
            except SettingsError:
                return None

        with ThreadPoolExecutor(4) as pool:
            jobs = [each for each in pool.map(submit, "abcd") if each]
        assert len(jobs) == 1
        engine.go.set()
        assert jobs[0].result(WAIT_S).numbers == (1,)
        assert studio.history.expected() == 0


# --- with other options, and without a cell's id ---


def test_the_result_is_bound_saved_and_named_when_it_is_there(notebook, server, tmp_path) -> None:
    [cell] = begun(notebook, server, ("%refine --bg -o sea --save sea.png --label hero bluer", "a"))
    assert notebook.value("'sea' in globals()") is False
    server.go()
    cell.says("^#2 hero ← #1")
    notebook.cell("import threading\n[t.join(30) for t in threading.enumerate() if t.name == 'imgmagic-job']", "c")
    assert notebook.value("(sea.number, __import__('imgmagic').history['hero'].number)") == (2, 2)
    assert (tmp_path / "sea.png").stat().st_size > 0


def test_a_wrong_label_or_place_fails_at_submission(notebook, server) -> None:
    for option in ("--label 7", "--save nowhere/at/all.png"):
        assert notebook.cell(f"%refine --bg {option} bluer", "a", fails=True).error
    assert server.exchanges == []


def test_a_recorded_job_is_done_at_once_and_bound(notebook, server, tmp_path) -> None:
    [cell] = begun(notebook, server, ("%refine --bg bluer", "a"))
    server.go()
    cell.says("^#2 ← #1")
    again = notebook.cell("job = %refine --bg -o sea bluer", "a")
    assert again.text.startswith("#2 ← #1")
    assert notebook.value("(job.done(), job.cancel(), sea.number)") == (True, False, 2)
    assert len(server.exchanges) == 1


def test_without_a_cells_id_it_works_in_the_foreground_and_the_saved_notebook_shows_the_picture(
    server, tmp_path
) -> None:
    server.reset()
    code = "%load_ext imgmagic\njob = %imagine --bg a beach\nprint(job.done(), job.result().numbers)"
    saved = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    client = NotebookClient(saved, timeout=WAIT_S, resources={"metadata": {"path": str(tmp_path)}})
    client.execute(env=isolated(tmp_path / "home", **env(server.url)))
    shown = {each.output_type: each for each in saved.cells[0].outputs}
    assert shown["stream"].text == "True (1,)\n"
    assert shown["display_data"].data["text/plain"].startswith("#1 ")
    assert set(shown["display_data"].data) & {"image/png", "image/jpeg"}
    assert "on its way" not in json.dumps(saved)


# --- run again ---

LOOP = "for each in ('ink', 'oil'):\n    %refine --bg in {each}"


def answered(notebook: Notebook, server: slow.SlowServer, *cells: tuple[str, str]) -> list[Cell]:
    """Run cells whose jobs have all ended when this ends."""
    found = [notebook.cell(code, cell_id) for code, cell_id in cells]
    joined = "import threading\n[t.join(30) for t in threading.enumerate() if t.name == 'imgmagic-job']"
    notebook.cell(joined, "join")
    return found


def heads(cell: Cell) -> list[str]:
    """Give what a cell's answers say first, as far as they were there when it ended."""
    return [each["data"]["text/plain"].split(" · ")[0] for each in cell.heard("display_data")]


def test_siblings_made_in_the_background_are_the_same_again_and_free(notebook, server, tmp_path) -> None:
    # One after the other: of two that work at once the one that ends last is current, and again the one called last.
    notebook.cell("%config ImgMagic.workers = 1", "one")
    answered(notebook, server, (LOOP, "a"))
    assert notebook.parents() == {1: None, 2: 1, 3: 1}
    current = notebook.current
    shown = heads(notebook.cell(LOOP, "a"))
    assert sorted(shown) == ["#2 ← #1", "#3 ← #1"], "whichever ended first"
    assert notebook.current == current
    with opened(tmp_path, env(server.url)) as again:
        again.cell("%imagine a beach", "i")
        assert heads(again.cell(LOOP, "a")) == shown
        assert again.current == current
    assert len(server.exchanges) == 2


def test_a_loop_of_jobs_is_the_same_again_and_free_after_the_cursor_has_gone_on(notebook, server) -> None:
    both, last = (LOOP, "a"), ("%refine darker", "b")
    answered(notebook, server, both)
    notebook.cell(*last)
    parents = notebook.parents()
    shown = heads(notebook.cell(*both))
    assert sorted(shown) == ["#2 ← #1", "#3 ← #1"]
    assert notebook.parents() == parents
    assert len(server.exchanges) == 3


SLEPT = """
%{first} --bg in ink
import threading
[each.join(30) for each in threading.enumerate() if each.name == "imgmagic-job"]
%refine --bg in oil
%refine in chalk
"""


@pytest.mark.parametrize("first", ["refine", "imagine"])
def test_a_call_that_came_when_the_job_before_it_had_ended_is_the_same_again_and_free(
    notebook, server, tmp_path, first
) -> None:
    code = SLEPT.replace("{first}", first)
    notebook.cell(code, "a")
    parents = notebook.parents()
    assert parents[3] == 2
    notebook.cell(code, "a")
    with opened(tmp_path, env(server.url)) as again:
        again.cell("%imagine a beach", "i")
        again.cell(code, "a")
        assert again.parents() == parents
    assert len(server.exchanges) == 3


WAITED = """
one = %refine --bg in {ink}
two = %refine --bg in oil
one.result(), two.result()
%refine in chalk
"""


def test_jobs_that_a_cell_waits_for_before_it_goes_on_are_the_same_again_and_never_made_of_its_own(
    notebook, server
) -> None:
    notebook.cell("ink = 'ink'", "v")
    notebook.cell(WAITED, "a")
    parents = notebook.parents()
    for _ in range(2):
        notebook.cell(WAITED, "a")
        assert notebook.parents() == parents
        assert len(server.exchanges) == 3
    notebook.cell("ink = 'lead'", "v")
    notebook.cell(WAITED, "a")
    made = {number: parent for number, parent in notebook.parents().items() if number not in parents}
    assert made[5] == 1, "the job whose words have changed"
    assert set(made.values()) <= {1, 5}


def test_cells_that_were_handed_over_together_are_the_same_again_and_free(notebook, server, tmp_path) -> None:
    both = (("%refine --bg in ink", "a"), ("%refine --bg in oil", "b"))
    first, second = begun(notebook, server, *both)
    server.go(1)
    first.says("^#2 ← #1")
    server.go(2)
    second.says("^#3 ← #1")
    assert heads(notebook.cell(*both[1])) == ["#3 ← #1"]
    assert notebook.current == 2
    with opened(tmp_path, env(server.url)) as again:
        again.cell("%imagine a beach", "i")
        assert [heads(again.cell(*each)) for each in both] == [["#2 ← #1"], ["#3 ← #1"]]
        assert again.current == 2
        # What somebody picks is no job's doing: there the cell asks anew.
        again.cell("%pick 1", "p")
        again.cell("%pick 2", "p")
        answered(again, server, both[1])
        assert again.parents() == {1: None, 2: 1, 3: 1, 4: 2}
    assert len(server.exchanges) == 3


def test_a_job_that_was_waited_for_in_its_cell_is_built_on_there_again(notebook, server, tmp_path) -> None:
    code = "job = %refine --bg in ink\njob.result()\n%refine in oil"
    notebook.cell(code, "a")
    assert notebook.parents() == {1: None, 2: 1, 3: 2}
    with opened(tmp_path, env(server.url)) as again:
        again.cell("%imagine a beach", "i")
        assert heads(again.cell(code, "a"))[-1] == "#3 ← #2"
        assert again.current == 3
    assert len(server.exchanges) == 2


def test_a_cell_that_is_run_again_while_its_job_is_on_its_way_waits_for_that_one(notebook, server) -> None:
    begun(notebook, server, ("job = %refine --bg bluer", "a"))
    again = notebook.cell("other = %refine --bg -o sea bluer", "a")
    assert notebook.value("other is job") is True
    server.go()
    again.says("^#2 ← #1")
    assert notebook.value("(job.result().numbers, sea.number)") == ((2,), 2)
    assert len(server.exchanges) == 1


def test_another_take_is_not_the_job_that_is_on_its_way(notebook, server) -> None:
    begun(notebook, server, ("job = %refine --bg bluer", "a"))
    server.script = [slow.SILENT]
    notebook.cell("other = %refine --bg --fresh bluer", "a")
    server.asked(2)
    assert notebook.value("other is job") is False
    server.go()
    notebook.value("job.result().numbers, other.result().numbers")


def test_the_foreground_of_a_program_makes_the_same_siblings(server, tmp_path) -> None:
    server.reset()
    code = f"%load_ext imgmagic\n%imagine a beach\n{LOOP}\n%refine darker"
    variables = isolated(tmp_path / "home", **env(server.url))
    after = "from imgmagic import history\nprint([(p.number, p.parent and p.parent.number) for p in history.all])"
    for _ in range(2):
        cells = [nbformat.v4.new_code_cell(each) for each in (code, "%refine warmer", after)]
        saved = nbformat.v4.new_notebook(cells=cells)
        NotebookClient(saved, timeout=WAIT_S, resources={"metadata": {"path": str(tmp_path)}}).execute(env=variables)
        found = saved.cells[2].outputs[-1].text.strip()
        assert found == "[(1, None), (2, 1), (3, 1), (4, 1), (5, 4)]"
    assert len(server.exchanges) == 5
