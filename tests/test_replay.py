"""Which recording answers, where a refine starts, what is stale: the pure rules, case by case."""

from __future__ import annotations

import random

import pytest

from imgmagic import Studio, executions
from imgmagic.executions import Execution, Executions, Step
from imgmagic.replay import Asked, CallSite, Claims, Recorded, choose, substitute
from imgmagic.stale import Node, stale
from imgmagic.studio import Wishes
from tests.helpers import Painter


def rec(uid, site="c#0", *, chosen=0, made=None, **more):
    """Describe a recording in short; what is not said is the same for all."""
    place = CallSite.read(site)
    fields = {"key": "k", "operation": "imagine", "prompt": "cat", "session": "a.ipynb", "real": True, "source": None}
    return Recorded(
        uid,
        site=site,
        cell_id=place.cell_id,
        position=place.position,
        chosen=f"{chosen:02}" if chosen else "",
        made=(f"{made or int(uid):02}", int(uid)),
        **fields | more,
    )


def ask(site="c#0", **more):
    fields = {"key": "k", "operation": "imagine", "prompt": "cat", "sketching": False, "source": None}
    return Asked(site=CallSite.read(site), **fields | more)


def claims(*made):
    found = Claims()
    for site, key, uid in made:
        found.make(site, key, uid)
    return found


#: What is recorded, who has claimed what, who asks; and which recording answers.
CHOICES = {
    "nothing is recorded": ([], [], ask(), None),
    "another key": ([rec("1", key="other")], [], ask(), None),
    "the one there is": ([rec("1")], [], ask(), "1"),
    "a retake that was rolled back, but shown by the cell since": (
        [rec("1", chosen=3), rec("2", chosen=2, shown="04")], [], ask(), "2",
    ),
    "a retake that was rolled back since the cell last showed it": (
        [rec("1", chosen=5), rec("2", chosen=2, shown="04")], [], ask(), "1",
    ),
    "another cell's, in a copied notebook": ([rec("1", "x#0")], [], ask(), "1"),
    "another notebook's": ([rec("1", "x#0", session="b.ipynb")], [], ask(), "1"),
    "its own before another notebook's newer choice": (
        [rec("1", chosen=1), rec("2", "x#0", session="b.ipynb", chosen=9)], [], ask(), "1",
    ),
    "the copied notebook's cell has the same id, so the newest choice answers": (
        [rec("1", chosen=1), rec("2", session="b.ipynb", chosen=9)], [], ask(), "2",
    ),
    "a retake, as it was chosen last": ([rec("1", chosen=1), rec("2", chosen=2)], [], ask(), "2"),
    "a retake that was rolled back": ([rec("1", chosen=3), rec("2", chosen=2)], [], ask(), "1"),
    "the claim before a later choice": ([rec("1", chosen=1), rec("2", chosen=9)], [("c#0", "k", "1")], ask(), "1"),
    "the claim before its own cell's": ([rec("1"), rec("2", "x#0")], [("c#0", "k", "2")], ask(), "2"),
    "a claim on another key claims nothing of this one": ([rec("1"), rec("2")], [("c#0", "z", "1")], ask(), "2"),
    "claimed by another call": ([rec("1")], [("x#0", "k", "1")], ask(), None),
    "claimed by another call of the same cell": ([rec("1")], [("c#1", "k", "1")], ask(), None),
    "the next one, where the first is claimed by another call": (
        [rec("1", chosen=9), rec("2", "x#0")], [("x#0", "k", "1")], ask(), "2",
    ),
    "the same call though another was chosen since": ([rec("1", chosen=1), rec("2", "c#1", chosen=9)], [], ask(), "1"),
    "the same cell, but another position, is another call": (
        [rec("1", "c#1", chosen=1), rec("2", "x#0", chosen=9)], [], ask(), "2",
    ),
    "never chosen: the newest": ([rec("1"), rec("2")], [], ask(), "2"),
    "made at the same moment: the later row": ([rec("1", made=5), rec("2", made=5)], [], ask(), "2"),
    "a sketch where a service answers": ([rec("1", real=False)], [], ask(), None),
    "a sketch where the sketch engine answers": ([rec("1", real=False)], [], ask(sketching=True), "1"),
    "real before sketched, however recently chosen": (
        [rec("1", chosen=1), rec("2", real=False, chosen=9)], [], ask(sketching=True), "1",
    ),
    "its own sketch before another cell's picture": (
        [rec("1", "x#0"), rec("2", real=False)], [], ask(sketching=True), "2",
    ),
    "another cell's real one before a third's sketch": (
        [rec("1", "x#0"), rec("2", "y#0", real=False, chosen=9)], [], ask(sketching=True), "1",
    ),
    "a sketch that was claimed does not answer once a service would": (
        [rec("1", real=False)], [("c#0", "k", "1")], ask(), None,
    ),
    "made of another picture with the same bytes": ([rec("1", source=3)], [], ask(source=4), None),
    "made of this picture": ([rec("1", source=3), rec("2", source=4, chosen=9)], [], ask(source=3), "1"),
    "an image from outside has no number yet": ([rec("1", source=3)], [], ask(), "1"),
    "a recording whose source is elsewhere": ([rec("1")], [], ask(source=4), "1"),
}  # fmt: skip


@pytest.mark.parametrize("case", CHOICES)
def test_the_recording_that_answers(case):
    recorded, claimed, asked, expected = CHOICES[case]
    for _ in range(4):  # whatever order the rows come in
        found = choose(asked, recorded, claims(*claimed))
        assert (found and found.uid) == expected
        recorded = random.Random(len(recorded)).sample(recorded, len(recorded))


def test_a_loop_of_equal_calls_has_as_many_answers_and_the_same_ones_in_the_next_kernel():
    recorded = [rec(str(index + 1), f"c#{index}", chosen=index + 1) for index in range(4)]
    for order in ([0, 1, 2, 3], [3, 0, 2, 1]):
        kept, found = Claims(), {}
        for index in order:
            answer = choose(ask(f"c#{index}"), recorded, kept)
            kept.make(f"c#{index}", "k", answer.uid)
            found[index] = answer.uid
        assert found == {0: "1", 1: "2", 2: "3", 3: "4"}
        assert choose(ask("c#4"), recorded, kept) is None


def answered(recorded, count):
    """Give what equal calls of cells without ids get, one after the other."""
    kept, found = Claims(), []
    for index in range(count):
        site = f"~run{index}#0"
        answer = choose(ask(site), recorded, kept)
        found.append(answer and answer.uid)
        if answer:
            kept.make(site, "k", answer.uid)
    return found


#: What is recorded, and how the calls of cells without ids are answered, one after the other.
WITHOUT_IDS = {
    "in the order in which they were made": (
        [rec("1", "~a#0", chosen=1), rec("2", "~b#0", chosen=2), rec("3", "~c#0", chosen=3)], ["1", "2", "3", None],
    ),
    "a retake stands in for the first take": (
        [rec("1", "~a#0", chosen=1), rec("2", "~b#0", chosen=2), rec("3", "~a#0", chosen=3)], ["3", "2", "1", None],
    ),
    "the session that was chosen last comes first": (
        [rec("1", "~a#0", session="x", chosen=1), rec("2", "~b#0", session="y", chosen=2)], ["2", "1", None],
    ),
    "real ones before sketches": (
        [rec("1", "~a#0", real=False, chosen=1), rec("2", "~b#0", chosen=2)], ["2", None],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WITHOUT_IDS)
def test_equal_calls_of_cells_without_ids(case):
    recorded, expected = WITHOUT_IDS[case]
    assert answered(recorded, len(expected)) == expected


def test_a_claim_moves_and_nothing_is_owned_by_two():
    kept = claims(("c#0", "k", "1"), ("d#0", "k", "2"), ("c#0", "k", "3"))
    assert [kept.answer("c#0", "k"), kept.answer("d#0", "k"), kept.answer("e#0", "k")] == ["3", "2", ""]
    assert [kept.owner(each) for each in "123"] == ["c#0", "d#0", "c#0"]
    assert kept.shown == {"d#0": "2", "c#0": "3"}
    kept.end("c", 0)
    assert kept.shown == {"d#0": "2"}
    assert kept.answer("c#0", "k") == "3"


@pytest.mark.parametrize(
    ("site", "name"),
    [
        (CallSite("c", 0), "c#0"),
        (CallSite("a#b", 2), "a#b#2"),
        (CallSite(None, 1, "run"), "~run#1"),
        (CallSite("c", None), "c#0"),
        (CallSite(), ""),
    ],
)
def test_a_call_site_is_read_from_its_name(site, name):
    assert site.name == name
    assert CallSite.read(name).name == (name or "")


# --- the reader without a key ---

SUBSTITUTES = {
    "the same words from another input": ([rec("1", key="other")], ask(), "1"),
    "other words": ([rec("1", prompt="dog")], ask(), None),
    "another operation": ([rec("1", operation="refine")], ask(), None),
    "a sketch never stands in": ([rec("1", real=False)], ask(sketching=True), None),
    "normalised words": ([rec("1", prompt="caf\u00e9  \nat night")], ask(prompt="cafe\u0301\r\nat night\n"), "1"),
    "the same cell before the same position": ([rec("1", "c#1"), rec("2", "x#0", chosen=9)], ask(), "1"),
    "the same call before its cell": ([rec("1", "c#0"), rec("2", "c#1", chosen=9)], ask(), "1"),
    "the same position of another cell": ([rec("1", "x#0")], ask(), "1"),
    "another cell and another position": ([rec("1", "x#1")], ask(), None),
    "the most recently chosen": ([rec("1", chosen=9), rec("2", chosen=1)], ask(), "1"),
    "without ids, the same position, in order": ([rec("1", "~a#0"), rec("2", "~b#0")], ask("~z#0"), "1"),
    "without ids, another position of another run": ([rec("1", "~a#1")], ask("~z#0"), None),
}


@pytest.mark.parametrize("case", SUBSTITUTES)
def test_what_a_reader_sees_where_the_input_has_changed(case):
    recorded, asked, expected = SUBSTITUTES[case]
    found = substitute(asked, recorded, Claims())
    assert (found and found.uid) == expected


# --- where a refine starts ---


def way(*cells):
    """Give the way from the current picture to the root; each picture's number is its generation's and its height."""
    return [Step(number, number, cell) for number, cell in reversed(list(enumerate(cells, 1)))]


#: The cells along the way from the root to the current picture, what was replayed here, and where cell "a" starts.
STARTS = {
    "no own picture": (way("i", "b"), (), None),
    "its own result": (way("i", "a"), (), 1),
    "below its own result": (way("i", "a", "b"), (), 1),
    "the one nearest the root": (way("i", "a", "b", "a"), (), 1),
    "its own in the middle": (way("i", "b", "a", "c"), (), 2),
    "what it has replayed": (way("i", "b", "c"), (2,), 1),
    "its own root is no result of a refine": (way("a", "b"), (), None),
    "its own root and its own result": (way("a", "a", "b"), (), 1),
    "a replayed root": (way("i", "b"), (1,), None),
    "the root alone": (way("a"), (), None),
    "no picture": ([], (), None),
    "a cell without an id made the picture": (way(None, None), (), None),
}


@pytest.mark.parametrize("case", STARTS)
def test_where_the_first_refine_of_an_execution_starts(case):
    steps, replayed, expected = STARTS[case]
    assert executions.source(steps, Execution("a"), replayed) == expected


def test_later_refines_of_an_execution_and_cells_without_ids_go_on_with_the_current_picture():
    steps = way("i", "a", "a")
    assert executions.source(steps, Execution("a", refined=True), ()) is None
    assert executions.source(steps, Execution(None), (2,)) is None


def test_what_this_very_execution_has_made_is_no_earlier_result():
    steps = way("i", "a", "a")
    assert executions.source(steps, Execution("a", made={2, 3}), ()) is None
    # It has built on its own result (`--stack`): from there it goes on.
    assert executions.source(steps, Execution("a", made={3}), ()) is None
    assert executions.source(steps, Execution("a"), ()) == 1


def test_nested_executions_belong_to_the_cell_around_them():
    runs = Executions()
    outer = runs.begin("c", 1)
    assert runs.begin(None, 2) is outer
    assert [outer.next_site().name, runs.current.next_site().name] == ["c#0", "c#1"]
    runs.end()
    inner = runs.begin("d", 2)
    assert inner.next_site().name == "d#0"
    runs.end()
    assert runs.current is outer
    runs.end()
    assert runs.begin(None, 2).next_site().name != runs.begin("c", 2).next_site().name


def test_ids_that_hold_only_within_a_kernel_mean_nothing_in_the_next():
    fleeting = "vscode-notebook-cell:/a.ipynb#W0"
    runs = Executions()
    first, again = (runs.begin(fleeting, None).cell_id for _ in range(2))
    assert first == again
    assert Executions().begin(fleeting, None).cell_id != first


# --- what is stale ---

#: Number, parent, generation, site of every picture; the way from the root to the current one; what is stale.
STALE = {
    "nothing was made anew": ([(1, None, 1, "i"), (2, 1, 2, "a")], {1, 2}, set()),
    "what stands on a picture made anew": ([(1, None, 1, "i"), (2, 1, 2, "a"), (3, None, 3, "i")], {3}, {2}),
    "not what is on the current way": ([(1, None, 1, "i"), (2, 1, 2, "a"), (3, None, 3, "i")], {1, 2}, set()),
    "not the picture that was made anew itself": ([(1, None, 1, "i"), (2, None, 2, "i")], {2}, set()),
    "all the way down": (
        [(1, None, 1, "i"), (2, 1, 2, "a"), (3, 2, 3, "b"), (4, 1, 4, "a")], {1, 4}, {3},
    ),
    "a grandchild too": (
        [(1, None, 1, "i"), (2, 1, 2, "a"), (3, 2, 3, "b"), (4, None, 4, "i")], {4}, {2, 3},
    ),
    "a branch beside the way": (
        [(1, None, 1, "i"), (2, 1, 2, "a"), (3, 1, 3, "b"), (4, None, 4, "i")], {1, 2}, set(),
    ),
    "several pictures of one answer": (
        [(1, None, 1, "i"), (2, None, 1, "i"), (3, 2, 2, "a"), (4, None, 3, "i")], {4}, {3},
    ),
    "variations of the newest answer": ([(1, None, 1, "i"), (2, None, 1, "i"), (3, 2, 2, "a")], {1}, set()),
    "two calls of one cell are two calls": ([(1, None, 1, "i#0"), (2, None, 2, "i#1"), (3, 1, 3, "a")], {2}, set()),
    "an empty tree": ([], set(), set()),
}  # fmt: skip


@pytest.mark.parametrize("case", STALE)
def test_what_is_stale(case):
    nodes, way, expected = STALE[case]
    assert stale([Node(*each) for each in nodes], way) == expected


# --- picks among several, through a folder ---


class Real(Painter):
    name = "azure"


def studio(home, **defaults):
    return Studio(home, Real(), session="a.ipynb", **defaults)


def test_a_replay_shows_the_picture_that_was_picked_among_several_or_one_below_it(tmp_path):
    first = studio(tmp_path)
    site = CallSite("c", 0)
    gallery = first.make("imagine", "cat", Wishes(n=3), site=site, replay=True)
    assert first.history.cursor == 1
    first.history.pick(2)
    again = studio(tmp_path)
    assert again.make("imagine", "cat", Wishes(n=3), site=site, replay=True).numbers == gallery.numbers
    assert again.history.cursor == 2
    again.refine("bluer", 3)
    third = studio(tmp_path)
    third.make("imagine", "cat", Wishes(n=3), site=site, replay=True)
    assert third.history.cursor == 3  # the edit of .3 has chosen it


def test_another_deployments_recording_answers_unless_the_cell_names_its_own(tmp_path):
    first = studio(tmp_path).make("imagine", "cat", Wishes(), site=CallSite("c", 0), replay=True)
    other = studio(tmp_path, model="img-other")
    assert other.make("imagine", "cat", Wishes(), site=CallSite("c", 0), replay=True).numbers == first.numbers
    named = other.make("imagine", "cat", Wishes(model="img-other"), site=CallSite("c", 0), replay=True)
    assert named.numbers != first.numbers
