"""A call that is left alone or stopped, in a real kernel: what the user sees, what the server sees, what is kept."""

from __future__ import annotations

import json
import queue
import random
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import nbformat
import pexpect
import psutil
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from imgmagic import Studio
from tests import slow_server as slow
from tests.fake_api import fake_api
from tests.faults import BILLING_HARD_LIMIT, Delay
from tests.lab import Kernel, isolated
from tests.slow_server import KEY, SlowServer, env, shut_door, slow_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# Promised is one second; this bound only tells a kernel that hangs from a machine that is busy.
HANG_S = 3
WAIT_S = 20
LOOK_S = 0.5
EDITS = "%refine make it bluer"

#: Where a call can be when it is interrupted, once something may have been billed.
UNDER_WAY = {
    "first byte": slow.SILENT,
    "headers only": slow.HEADERS_ONLY,
    "half a body": slow.HALF_A_BODY,
    "half a stream": slow.HALF_A_STREAM,
}
under_way = pytest.mark.parametrize("play", UNDER_WAY.values(), ids=list(UNDER_WAY))


class Watched(Kernel):
    """A kernel whose every message is kept, whichever cell it names as its parent."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.heard: list[dict[str, Any]] = []
        super().__init__(folder, variables)

    def begin(self, code: str) -> Cell:
        """Begin to run a cell."""
        return Cell(self, self._client.execute(code))

    def cell(self, code: str) -> Cell:
        """Run a cell to its end."""
        cell = self.begin(code)
        cell.ended()
        return cell

    def until(self, there: Callable[[], bool]) -> None:
        """Listen until something has been said."""
        deadline = time.monotonic() + WAIT_S
        while not there():
            assert time.monotonic() < deadline, self._said()
            with suppress(queue.Empty):
                self.heard.append(self._client.get_iopub_msg(timeout=LOOK_S))

    def _said(self) -> str:
        """Give the end of what was said, for whoever waits in vain."""
        return "never said; the last were\n" + "\n".join(str(each["content"])[:2000] for each in self.heard[-8:])

    def interrupt(self) -> None:
        """Send the signal that a front end's button sends."""
        self._manager.interrupt_kernel()

    def kill(self) -> None:
        """End it without a farewell."""
        self._manager.signal_kernel(signal.SIGKILL)


@dataclass(frozen=True)
class Cell:
    """One cell that runs, or has run."""

    kernel: Watched
    request: str

    def heard(self, *kinds: str) -> list[dict[str, Any]]:
        """Give the contents of what the kernel said while this cell was the running one."""
        mine = [each for each in self.kernel.heard if each["parent_header"].get("msg_id") == self.request]
        return [each["content"] for each in mine if each["msg_type"] in kinds]

    @property
    def idle(self) -> bool:
        return any(each["execution_state"] == "idle" for each in self.heard("status"))

    def ended(self) -> None:
        self.kernel.until(lambda: self.idle)

    def interrupted(self, phase: str) -> None:
        """Interrupt it, and expect the kernel to be free soon and the cell to have failed for that reason."""
        began = time.monotonic()
        self.kernel.interrupt()
        self.ended()
        took = time.monotonic() - began
        print(f"{phase}: idle {took * 1000:.0f} ms after the interrupt")
        assert took < HANG_S, f"{phase}: idle {took:.3f} s after the interrupt"
        assert self.error == "KeyboardInterrupt"

    @property
    def error(self) -> str:
        return "".join(each["ename"] for each in self.heard("error"))

    @property
    def traceback(self) -> str:
        return "\n".join(line for each in self.heard("error") for line in each["traceback"])

    @property
    def place(self) -> str:
        """The one place in its output that is its own."""
        [place] = [each["transient"]["display_id"] for each in self.heard("display_data")]
        return str(place)

    @property
    def history(self) -> list[dict[str, Any]]:
        """All that its place has shown, in order, whichever cell was running."""
        said = [each for each in self.kernel.heard if each["msg_type"] in {"display_data", "update_display_data"}]
        mine = [each["content"] for each in said if each["content"]["transient"].get("display_id") == self.place]
        return [each["data"] for each in mine]

    @property
    def text(self) -> str:
        """What its place shows now, or an empty text."""
        return str(self.history[-1]["text/plain"]) if self.heard("display_data") else ""

    @property
    def html(self) -> str:
        return str(self.history[-1]["text/html"])

    def says(self, pattern: str) -> None:
        """Wait until its place shows a text."""
        self.kernel.until(lambda: re.search(pattern, self.text) is not None)


@dataclass(frozen=True)
class Site:
    """A kernel, the server that it asks, and the folder of its history."""

    kernel: Watched
    server: SlowServer
    folder: Path

    @property
    def current(self) -> int | None:
        return self.kernel.value("(lambda p: p and p.number)(__import__('imgmagic').history.current)")

    def numbers(self) -> list[int]:
        return [each.number for each in Studio(self.folder / ".imgmagic").history.all]

    def calls(self) -> int:
        """Count the calls that the kernel still works on."""
        return int(
            self.kernel.value(
                "sum(t.name == 'imgmagic-call' and t.is_alive() for t in __import__('threading').enumerate())"
            )
        )

    def quiet(self) -> None:
        """Wait until the kernel works on no call any more."""
        deadline = time.monotonic() + WAIT_S
        while self.calls():
            assert time.monotonic() < deadline

    def check(self) -> None:
        assert Studio(self.folder / ".imgmagic").history.check() == []


#: Waits in a cell for whatever the kernel still works on.
JOIN = "import threading\nfor t in threading.enumerate():\n    t.name == 'imgmagic-call' and t.join(30)"


def eventually(there: Callable[[], bool]) -> None:
    """Wait for something that cannot be waited for otherwise."""
    deadline = time.monotonic() + WAIT_S
    while not there():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture(scope="module")
def _site(tmp_path_factory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with slow_server() as server:
        kernel = Watched(folder, **env(server.url, IMGMAGIC_PARTIALS="1"))
        kernel.cell("%load_ext imgmagic\n%imagine first")
        yield Site(kernel, server, folder)
        kernel.close()


@pytest.fixture
def site(_site) -> Iterator[Site]:
    """A site at which nothing is going on; whatever a test does, the history is sound afterwards."""
    _site.server.reset()
    _site.kernel.heard.clear()
    yield _site
    _site.server.reset()
    _site.quiet()
    _site.check()


def asking(site: Site, play: slow.Play, code: str = EDITS) -> tuple[Cell, slow.Exchange]:
    """Begin a call and wait until it is where the play leaves it."""
    site.server.script = [play]
    cell = site.kernel.begin(code)
    exchange = site.server.asked(1)
    cell.says("s · azure")
    return cell, exchange


# --- interrupt ---


@under_way
def test_an_interrupted_call_frees_the_kernel_and_its_picture_is_kept_when_it_comes(site, play) -> None:
    before, current = site.numbers(), site.current
    cell, exchange = asking(site, play)
    cell.interrupted("under way")
    assert cell.text == "%refine: interrupted; a picture that still arrives is kept. `%imgmagic stop` closes the line"
    assert (site.current, site.numbers(), exchange.hung_up) == (current, before, None)
    site.server.go()
    cell.says(f"arrived late, kept as #{max(before) + 1}")
    assert "<img" in cell.html
    assert site.numbers() == [*before, max(before) + 1]
    assert site.current == current
    assert len(site.server.exchanges) == 1


def test_a_call_interrupted_while_connecting_sends_nothing_afterwards(site) -> None:
    before = site.numbers()
    with shut_door() as door:
        # The environment is read at each call.
        site.kernel.cell(f"import os; os.environ['AZURE_OPENAI_ENDPOINT'] = {door.url!r}")
        cell = site.kernel.begin(EDITS)
        cell.says("1 s · azure")
        cell.interrupted("connecting")
        assert door.open() == b""
        cell.says("interrupted; then: The call was given up before it was sent")
    site.kernel.cell(f"os.environ['AZURE_OPENAI_ENDPOINT'] = {site.server.url!r}")
    assert site.numbers() == before


def test_a_call_interrupted_before_it_is_sent_again_sends_nothing_more(site) -> None:
    before = site.numbers()
    cell, _ = asking(site, slow.busy(100))
    cell.says(r"rate limited: retrying in (100|99|98) s")
    cell.interrupted("waiting for a retry")
    cell.says("interrupted; then: The call was given up before it was sent again")
    site.quiet()
    assert len(site.server.exchanges) == 1
    assert site.numbers() == before


@pytest.mark.parametrize("mode", ["Context", "Verbose"])
def test_the_traceback_of_an_interrupt_shows_no_key(site, mode) -> None:
    site.kernel.cell(f"%xmode {mode}")
    cell, _ = asking(site, slow.SILENT)
    cell.interrupted(mode)
    site.kernel.cell("%xmode Context")
    assert "KeyboardInterrupt" in cell.traceback
    assert KEY not in cell.traceback
    assert KEY not in json.dumps(cell.history)


def test_a_late_picture_goes_to_its_own_cell_while_another_runs(site) -> None:
    cell, _ = asking(site, slow.SILENT)
    cell.interrupted("first byte")
    other = site.kernel.begin("import time\nprint('mine')\ntime.sleep(1.5)\nprint('too')")
    site.kernel.until(lambda: bool(other.heard("stream")))
    site.server.go()
    cell.says("arrived late")
    assert not other.idle
    other.ended()
    assert "".join(each["text"] for each in other.heard("stream")) == "mine\ntoo\n"
    assert other.heard("display_data", "error") == []
    assert {each["transient"]["display_id"] for each in other.heard("update_display_data")} <= {cell.place}


def test_a_late_picture_is_not_caught_by_a_cell_that_captures_its_own_output(site) -> None:
    cell, _ = asking(site, slow.SILENT)
    cell.interrupted("first byte")
    begun = site.folder / "begun"
    other = site.kernel.begin(f"%%capture caught\nopen({str(begun)!r}, 'w').close()\n{JOIN}")
    eventually(begun.exists)
    site.server.go()
    other.ended()
    cell.says("arrived late")
    assert site.kernel.value("len(caught.outputs)") == 0


def test_whatever_the_moment_of_the_interrupt_an_answer_is_kept_once_and_shown_in_its_place(site) -> None:
    began = time.monotonic()
    site.kernel.cell("%imagine a measure")
    usual = time.monotonic() - began
    rounds = [random.Random(index).uniform(0, 1.1 * usual) for index in range(20)]
    outcomes = set()
    for delay in rounds:
        site.server.reset()
        before, current = site.numbers(), site.current
        cell = site.kernel.begin("%imagine a race")
        time.sleep(delay)  # the moment is what is varied
        site.kernel.interrupt()
        cell.ended()
        site.quiet()
        site.kernel.cell("")
        new = site.numbers()[len(before) :]
        assert len(new) == len(site.server.exchanges), f"interrupted after {delay:.3f} s"
        if not cell.heard("display_data"):
            outcomes.add("not begun")
            assert not new
        elif not new:
            outcomes.add("not sent")
            assert "Nothing more was sent" in cell.text or "given up" in cell.text or "interrupted" in cell.text
        else:
            late = "arrived late" in cell.text
            outcomes.add("late" if late else "in time")
            if cell.text.startswith("#"):
                assert cell.text.startswith(f"#{new[0]}"), f"interrupted after {delay:.3f} s: {cell.text}"
                assert site.current in {current, new[0]}
            else:
                # Between the answer and its display: see the next test.
                assert site.current == new[0], f"interrupted after {delay:.3f} s: {cell.text}"
    print(f"usual {usual:.3f} s, {outcomes}")
    assert "in time" in outcomes or "late" in outcomes


def test_a_picture_that_is_being_shown_when_the_interrupt_comes_is_not_left_waiting(site) -> None:
    before = site.numbers()
    site.server.script = [slow.LARGE]
    cell = site.kernel.begin("%imagine something large")
    eventually(lambda: site.numbers() != before)
    cell.interrupted("showing")
    assert "s · azure/img-dep: 1 picture" not in cell.text


def test_twenty_interrupted_calls_leave_nothing_behind(site) -> None:
    process = psutil.Process(int(site.kernel.value("__import__('os').getpid()")))
    threads = site.kernel.value("__import__('threading').active_count()")
    site.server.script = [slow.SILENT] * 20
    cells = []
    for count in range(1, 21):
        cells.append(site.kernel.begin("%imagine many"))
        site.server.asked(count)
        cells[-1].interrupted(f"call {count}")
    assert site.calls() == 20
    site.server.go()
    for cell in cells:
        cell.says("arrived late")
    site.quiet()
    assert site.kernel.value("__import__('threading').active_count()") <= threads
    port = int(site.server.url.rpartition(":")[2])
    assert [each for each in process.net_connections("tcp") if each.raddr and each.raddr.port == port] == []
    assert len(site.server.exchanges) == 20
    site.kernel.cell("%imagine one more")
    # The frames of the latest traceback may hold one.
    kept = "sum(o.__class__.__module__ == 'imgmagic.calls' for o in __import__('gc').get_objects())"
    site.kernel.cell("import gc; gc.collect()")
    assert site.kernel.value(kept) <= 4


# --- stop ---


@pytest.fixture(params=["http", "https"])
def line(request, site, secure) -> Iterator[Site]:
    """The site, with a server that speaks the one or the other."""
    if request.param == "http":
        yield site
        return
    server, trusted = secure
    server.reset()
    site.kernel.cell(f"import os; os.environ.update({env(server.url, REQUESTS_CA_BUNDLE=str(trusted))!r})")
    yield Site(site.kernel, server, site.folder)
    server.reset()
    site.kernel.cell(f"os.environ.update({env(site.server.url)!r}); del os.environ['REQUESTS_CA_BUNDLE']")


@under_way
def test_stop_closes_the_connection_and_nothing_is_stored(line, play) -> None:
    before = line.numbers()
    cell, exchange = asking(line, play)
    cell.interrupted("under way")
    began = time.monotonic()
    stopping = line.kernel.cell("%imgmagic stop")
    took = line.server.hung_up(exchange) - began
    print(f"stop: the server sees it after {took * 1000:.0f} ms")
    assert took < HANG_S, f"the server saw it after {took:.3f} s"
    assert stopping.text == "1 call was stopped; what had been sent may be billed all the same."
    cell.says("interrupted; then: The call was stopped: its connection is closed")
    line.quiet()
    assert line.numbers() == before
    assert len(line.server.exchanges) == 1
    assert line.kernel.cell("%imgmagic stop").text == "Nothing is on its way."


def test_stop_does_not_wait_for_a_handshake(line) -> None:
    """Without TLS the same play is a server that reads nothing."""
    cell, exchange = asking(line, slow.NO_HANDSHAKE)
    cell.interrupted("handshake")
    began = time.monotonic()
    line.kernel.cell("%imgmagic stop")
    took = line.server.hung_up(exchange) - began
    assert took < HANG_S, f"the server saw it after {took:.3f} s"
    cell.says("interrupted; then: The call was")


def test_a_stop_while_waiting_for_a_retry_sends_nothing_more(site) -> None:
    cell, _ = asking(site, slow.busy(100))
    cell.says("rate limited")
    cell.interrupted("waiting for a retry")
    site.kernel.cell("%imgmagic stop")
    cell.says("interrupted; then: The call was given up")
    assert len(site.server.exchanges) == 1


# --- what was paid for ---


def test_a_kernel_that_is_killed_while_it_waits_is_told_of_by_the_next_one_once(abroad, tmp_path) -> None:
    server, variables = abroad
    server.script = [slow.SILENT]
    first = Watched(tmp_path, **variables)
    try:
        first.begin("%load_ext imgmagic\n%imagine a loss")
        server.asked(1)
        first.kill()
        server.hung_up(server.exchanges[0])
    finally:
        first.close()
    second = Watched(tmp_path, **variables)
    try:
        told = [second.cell(code).text for code in ("%load_ext imgmagic\n%imagine again", "%imagine more")]
    finally:
        second.close()
    assert ["1 call maybe billed: a kernel ended while waiting" in text for text in told] == [True, False]
    assert [len(Studio(tmp_path / ".imgmagic").history.check()), len(server.exchanges)] == [0, 3]


def test_a_call_under_way_in_a_living_kernel_is_not_reported_as_lost(abroad, tmp_path) -> None:
    server, variables = abroad
    server.script = [slow.SILENT]
    first = Watched(tmp_path, **variables)
    try:
        cell = first.begin("%load_ext imgmagic\n%imagine a wait")
        server.asked(1)
        cell.interrupted("first byte")
        assert Studio(tmp_path / ".imgmagic").history.notices == []
        server.go()
        cell.says("arrived late, kept as #1")
        assert "maybe billed" not in first.cell("%imagine more").text
    finally:
        first.close()
    assert Studio(tmp_path / ".imgmagic").history.notices == []


# --- the waiting line ---


def test_the_waiting_line_says_what_is_waited_for_and_is_all_that_is_said(site) -> None:
    site.server.script = [slow.busy(1.2), slow.SILENT]
    number = site.current
    cell = site.kernel.begin(EDITS)
    cell.says(f"^1 s · azure/img-dep: 1 picture from #{number} · rate limited: retrying in [01] s$")
    cell.says(f"^[34] s · azure/img-dep: 1 picture from #{number} · attempt 2$")
    assert {each["msg_type"] for each in site.kernel.heard} == {
        "status",
        "execute_input",
        "display_data",
        "update_display_data",
    }
    seconds = [float(data["text/plain"].split(" s ")[0]) for data in cell.history]
    assert 1.2 < len(seconds) / seconds[-1] < 3.5, seconds
    site.server.go()
    cell.ended()
    assert cell.text.startswith(f"#{site.current} ← #{number}")
    assert "· attempt" not in cell.text
    assert "rate limited" not in cell.html


def test_an_unfinished_picture_stays_in_place_until_the_finished_one_comes(site) -> None:
    cell, _ = asking(site, slow.HALF_A_STREAM)
    cell.says("^1 s")
    cell.says("^2 s")
    shown = ["unfinished" in data["text/html"] and "<img" in data["text/html"] for data in cell.history]
    first = shown.index(True)
    assert shown[first:] == [True] * len(shown[first:]), "it was taken away again"
    site.server.go()
    cell.ended()
    assert "unfinished" not in cell.html
    assert cell.text.startswith("#")


@pytest.mark.parametrize(
    ("fault", "end"), [(None, "#1 "), (BILLING_HARD_LIMIT, "%imagine: nothing was made")], ids=["success", "failure"]
)
def test_nothing_of_the_waiting_line_is_saved(tmp_path, fault, end) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("%load_ext imgmagic\n%imagine -q high it")])
    client = NotebookClient(notebook, timeout=WAIT_S, resources={"metadata": {"path": str(tmp_path)}})
    with fake_api([Delay(1.2, fault)], auto_size="64x48", key=KEY, event_pause_s=0.7) as api:
        with suppress(CellExecutionError):
            client.execute(env=isolated(tmp_path / "home", **env(api.url)))
        assert len(api.calls) == 1
    [shown] = [each for each in notebook.cells[0].outputs if each.output_type == "display_data"]
    assert "".join(shown.data["text/plain"]).startswith(end)
    saved = json.dumps(notebook)
    assert "s · azure/img-dep: 1 picture" not in saved
    assert "unfinished" not in saved


# --- without a notebook ---


def test_in_a_terminal_waiting_is_one_line(site) -> None:
    """A real terminal: what it has printed cannot be replaced."""
    shell = f"{sys.executable} -m IPython --simple-prompt --no-banner --no-confirm-exit --colors=NoColor"
    place = site.folder / "terminal"
    place.mkdir()
    terminal = pexpect.spawn(
        shell, cwd=str(place), env=isolated(place / "home", **env(site.server.url)), encoding="utf-8", timeout=WAIT_S
    )

    def say(code: str, until: str = r"In \[\d+\]: $") -> str:
        terminal.sendline(code)
        terminal.expect(until)
        return str(terminal.before)

    try:
        terminal.expect(r"In \[1\]: ")
        say("%load_ext imgmagic")
        assert "s · azure" not in say("%imagine at once")
        site.server.reset()
        site.server.script = [slow.SILENT, slow.SILENT]
        say("%imagine later", r"\d s · azure/img-dep: 1 picture")
        # Long enough for more lines, if there were any.
        with pytest.raises(pexpect.TIMEOUT):
            terminal.expect("s · azure", timeout=1.5)
        site.server.go()
        terminal.expect(r"#2 [^\r\n]*")
        terminal.expect(r"In \[\d+\]: $")
        say("%imagine never", r"\d s · azure/img-dep: 1 picture")
        began = time.monotonic()
        terminal.sendintr()
        terminal.expect("KeyboardInterrupt")
        terminal.expect(r"In \[\d+\]: $")
        assert time.monotonic() - began < HANG_S
        site.server.go()
        terminal.expect("arrived late, kept as #3")
        assert say("import imgmagic; len(imgmagic.history.all)").count("3")
    finally:
        terminal.close(force=True)
    assert Studio(place / ".imgmagic").history.check() == []


def test_a_shell_without_a_kernel_says_one_line_at_most(cells, azure) -> None:
    azure.script = [Delay(1.3), None]
    patient, quick = cells("%imagine one"), cells("%imagine two")
    [line, picture] = [each.data["text/plain"] for each in patient.outputs]
    assert re.fullmatch(r"[01] s · azure/img-dep: 1 picture", line)
    assert picture.startswith("#1 · ")
    [picture] = [each.data["text/plain"] for each in quick.outputs]
    assert picture.startswith("#2 · ")


SCRIPT = """
import sys, threading, time
import imgmagic
studio = imgmagic.Studio()
studio.imagine("first")
try:
    studio.imagine("second")
except KeyboardInterrupt:
    print("interrupted", len(studio.history.all), flush=True)
    if "leave" not in sys.argv:
        for each in threading.enumerate():
            if each.name == "imgmagic-call":
                each.join()
    print("kept", [each.number for each in studio.history.all], studio.history.current.number, flush=True)
"""


@pytest.mark.parametrize("leaves", [False, True], ids=["lives on", "ends"])
def test_a_script_is_interrupted_as_a_kernel_is(site, tmp_path, leaves) -> None:
    site.server.script = [slow.ANSWER, slow.SILENT]
    command = [sys.executable, "-c", SCRIPT, *(["leave"] if leaves else [])]
    place = isolated(tmp_path / "home", **env(site.server.url))
    with subprocess.Popen(command, cwd=tmp_path, env=place, stdout=-1, stderr=-1, text=True) as script:
        exchange = site.server.asked(2)
        began = time.monotonic()
        script.send_signal(signal.SIGINT)
        assert script.stdout.readline() == "interrupted 1\n"
        took = time.monotonic() - began
        print(f"script: {took * 1000:.0f} ms")
        assert took < HANG_S, f"{took:.3f} s"
        if leaves:
            site.server.hung_up(exchange)
        site.server.go()
        said, complaints = script.stdout.read(), script.stderr.read()
    assert (said, complaints) == ("kept [1] 1\n" if leaves else "kept [1, 2] 1\n", "")
    assert Studio(tmp_path / ".imgmagic").history.check() == []


# Interrupts by a timer, at any moment of a call that is answered at once: many more rounds than a kernel allows.
RACE = """
import json, random, signal, sys, threading, time
import imgmagic

def interrupt(_signal, frame):
    # In a callback of a weak reference Python itself drops whatever is raised, and prints it: a little later, then.
    if frame is not None and frame.f_code.co_filename.endswith("_weakrefset.py"):
        signal.setitimer(signal.ITIMER_REAL, 0.0001)
        return
    raise KeyboardInterrupt

signal.signal(signal.SIGALRM, interrupt)
studio = imgmagic.Studio()
began = time.monotonic()
studio.imagine("measure")
usual = time.monotonic() - began
began = time.monotonic()
studio.imagine("measure")
usual = time.monotonic() - began
chance, interrupted, odd, both = random.Random(1), 0, [], 0
for index in range(int(sys.argv[1])):
    before, late = studio.history.cursor, []
    wishes = imgmagic.studio.Wishes()
    try:
        signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.0001, 1.2 * usual))
        studio.make("imagine", f"round {index}", wishes, late=late.append)
        signal.setitimer(signal.ITIMER_REAL, 0)
        outcome = "made"
    except KeyboardInterrupt:
        outcome = "interrupted"
        interrupted += 1
    for each in threading.enumerate():
        if each.name == "imgmagic-call" and each.is_alive():
            each.join()
    if len(late) > 1 or (outcome == "made" and late):
        odd.append((index, outcome, str(late)))
    if late and "arrived late" in str(getattr(late[0], "bundle", "")) and studio.history.cursor != before:
        both += 1
kept = len(studio.history.all)
print(json.dumps({"kept": kept, "interrupted": interrupted, "odd": odd, "late and current": both}))
"""


@pytest.fixture(scope="module")
def races(tmp_path_factory) -> dict[str, Any]:
    """Interrupt a script many times, and give what it says with what the server has seen."""
    folder = tmp_path_factory.mktemp("races")
    command = [sys.executable, "-c", RACE, "150"]
    with slow_server() as server:
        place = isolated(folder / "home", **env(server.url))
        ran = subprocess.run(command, cwd=folder, env=place, capture_output=True, text=True, timeout=120, check=False)
        requests = len(server.exchanges)
    assert ran.stderr == ""
    print(ran.stdout)
    problems = Studio(folder / ".imgmagic").history.check()
    return {**json.loads(ran.stdout), "requests": requests, "problems": problems}


def test_interrupts_at_any_moment_lose_nothing_and_keep_nothing_twice(races) -> None:
    assert 30 < races["interrupted"] < 150
    assert races["kept"] == races["requests"]
    assert races["odd"] == []
    assert races["problems"] == []


def test_a_picture_that_is_called_late_has_not_moved_the_cursor(races) -> None:
    assert races["late and current"] == 0
