"""A random walk through a notebook: run, edit, take anew, move, restart, run all. What must hold after every step.

The cells run in a real shell that is told their ids, against the fake API. A restart is a new shell, and with it a new
studio, over the same folder and notebook.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from imgmagic.errors import HistoryError
from tests.cells import Cells

#: What each cell may say. Few words, so that cells often say the same.
IMAGINES = ("%imagine cat", "%imagine dog")
REFINES = ("%refine in ink", "%refine in oil")
SAYS = {
    "i": IMAGINES,
    "j": ("pass", *IMAGINES, "for _ in range(2):\n    %imagine cat"),
    "a": REFINES,
    "b": ("pass", *REFINES),
    "n": ("pass", "%refine -n 3 in ink", "%refine -n 2 in ink"),
    "p": ("pass", "%pick .1", "%rollback"),
    "e": ("pass", "%refine in ink\n%refine in oil", "%refine in ink\n%refine in ink", "%imagine cat\n%refine in ink"),
    "l": (
        "pass",
        "for each in ('ink', 'oil'):\n    %refine --from @start in {each}",
        "for _ in 'ab':\n    %refine in ink",
    ),
}
_HEAD = re.compile(r"#(\d+)(?:–#(\d+))?(?: ← #(\d+))?(?: ·|$)")


def shown(ran):
    """Give the numbers that a cell has shown, answer by answer, each with what it was made of: ``((2, 3), 1)``."""
    heads = [_HEAD.match(each.data["text/plain"]) for each in ran.outputs if "text/html" in each.data]
    return [
        (tuple(range(int(head[1]), int(head[2] or head[1]) + 1)), int(head[3]) if head[3] else None)
        for head in heads
        if head
    ]


class Walk(RuleBasedStateMachine):
    """One notebook in one folder, walked about in; ``api`` and ``monkeypatch`` are put here by the test."""

    api = monkeypatch = None

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.monkeypatch.chdir(self.folder)
        notebook = self.folder / "a.ipynb"
        notebook.write_text("{}")
        self.monkeypatch.setenv("JPY_SESSION_NAME", str(notebook))
        self.asked_before = len(self.api.calls)
        #: By cell: every number that one of its refines has shown.
        self.results = {cell: set() for cell in SAYS}
        self.shell = None
        self.restart()

    def teardown(self):
        self._end()
        self.monkeypatch.chdir("/")
        shutil.rmtree(self.folder)

    def _end(self):
        if self.shell is not None:
            self.shell.reset(new_session=False)
        InteractiveShell.clear_instance()

    @property
    def history(self):
        return self.cells.history

    @property
    def asked(self):
        return len(self.api.calls) - self.asked_before

    @initialize(data=st.data())
    def open(self, data):
        middle = data.draw(st.permutations([each for each in SAYS if each != "i"]), label="order")
        self.says = {cell: data.draw(st.sampled_from(SAYS[cell]), label=cell) for cell in ("i", *middle)}
        self.run_all_of_it()

    # --- running ---

    def run(self, cell, code):
        """Run a cell that makes pictures; its first refine may not stand on what the cell itself has made."""
        source = self.expected_source(cell, code)
        if cell == "p":
            return self.move(code)
        ran = shown(self.cells(code, cell))
        self.check(cell, code, ran, source)
        return ran

    def move(self, code):
        """Run the cell that moves the cursor; there may be nowhere to go."""
        try:
            return shown(self.cells(code, "p"))
        except HistoryError:
            return "nowhere"

    def expected_source(self, cell, code):
        """Say, by the words of the rule, what the first refine of a cell starts from."""
        way = self.history.lineage() if self.history.current else []
        own = [each for each in way if each.number in self.results[cell] and each.parent]
        if "%refine" not in code.splitlines()[-1] or "%imagine" in code or "@start" in code or not way:
            return None
        return way[-1].number if "--stack" in code or not own else own[0].parent.number

    def check(self, cell, code, ran, source):
        refined = [(numbers, parent) for numbers, parent in ran if parent]
        if source is not None:
            assert refined[0][1] == source, (cell, code, ran, source)
        now = {number for numbers, _ in ran for number in numbers}
        if "--stack" not in code and "@start" not in code:
            for numbers, _ in refined:
                above = {each.number for each in self.history.lineage(numbers[0])} - now
                assert not above & self.results[cell], f"{cell}: {numbers} stands on the cell's own {above}"
        self.results[cell] |= {number for numbers, _ in refined for number in numbers}

    @invariant()
    def sound(self):
        made = [each.generation for each in self.history.all]
        assert len({each.id for each in made}) == self.asked
        assert self.history.check() == []

    def run_all_of_it(self):
        """Run every cell; gives what each showed, where the cursor was left, and how many requests were sent."""
        before = self.asked
        ran = {cell: self.run(cell, code) for cell, code in self.says.items()}
        answers = [numbers for cell, each in ran.items() if cell != "p" for numbers, _ in each]
        assert len(answers) == len(set(answers)), f"two calls have the same answer: {ran}"
        return ran, self.history.cursor, self.asked - before

    # --- what may happen ---

    @rule()
    def run_all(self):
        first = self.run_all_of_it()
        assert self.run_all_of_it() == (*first[:2], 0)

    @rule()
    def restart(self):
        self._end()
        self.shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
        self.cells = Cells(self.shell)

    @rule()
    def restart_and_run_all(self):
        self.restart()
        self.run_all()

    @rule()
    def run_all_and_again_after_a_restart(self):
        first = self.run_all_of_it()
        self.restart()
        assert self.run_all_of_it() == (*first[:2], 0)

    @rule(cell=st.sampled_from([each for each in SAYS if each != "p"]))
    def run_one(self, cell):
        self.run(cell, self.says[cell])

    @rule(data=st.data(), cell=st.sampled_from(list(SAYS)))
    def edit(self, data, cell):
        self.says[cell] = data.draw(st.sampled_from(SAYS[cell]))

    @rule(cell=st.sampled_from("ijabnel"), option=st.sampled_from(["--fresh", "--stack"]))
    def once_with(self, cell, option):
        code, verb = self.says[cell], r"(%refine|%imagine)" if option == "--fresh" else r"(%refine)"
        if "--from" not in code:
            self.run(cell, re.sub(verb, rf"\1 {option}", code))
        self.run(cell, code)

    @rule(n=st.sampled_from(["", " -n 2"]))
    def retake(self, n):
        taken = self.history.current
        [(numbers, parent)] = shown(self.cells(f"%retake{n}"))
        assert parent == (taken.parent and taken.parent.number)
        cell = self.history[numbers[0]].generation.cell_id
        if parent:
            assert taken.number in self.results[cell]
            self.results[cell] |= set(numbers)

    @rule(data=st.data())
    def pick(self, data):
        number = data.draw(st.sampled_from([each.number for each in self.history.all]))
        self.cells(f"%pick {number}")
        assert self.history.cursor == number

    @precondition(lambda self: self.history.current and self.history.current.parent)
    @rule()
    def rollback(self):
        above = self.history.current.parent.number
        self.cells("%rollback")
        assert self.history.cursor == above


def test_whatever_is_done_in_a_notebook_it_stays_a_function_of_its_text(azure, monkeypatch):
    Walk.api, Walk.monkeypatch = azure, monkeypatch
    # By hand: more examples, longer walks, `derandomize=False`. A failing walk is not shrunk, which takes minutes.
    found = settings(
        max_examples=12,
        stateful_step_count=14,
        derandomize=True,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Walk, settings=found)
