"""A cell is a function of its text and its inputs: the worked cases, in a real kernel that is told the cells' ids."""

from __future__ import annotations

import pytest

from tests.lab import kernel

I, A, B = ("i", "%imagine a beach"), ("a", "%refine a deeper blue"), ("b", "%refine add a boat")  # noqa: E741
LOOP = ("k", "for _ in range(4):\n    %imagine cat")
RESTART = "restart"


def edited(cell, words="another colour"):
    return cell[0], f"%refine {words}"


def fresh(cell):
    return cell[0], cell[1].replace("%imagine", "%imagine --fresh").replace("%refine", "%refine --fresh")


#: Every step is a cell that is run, and what it must show: the numbers of its pictures, ``← parent`` where it was made
#: or replayed from one; then how many requests the whole case may send.
CASES = {
    "A": ([(I, "1"), (A, "2←1"), (A, "2←1"), (edited(A), "3←1")], 3),
    "B": ([(I, "1"), (A, "2←1"), (B, "3←2"), (edited(A), "4←1"), (B, "5←4")], 5),
    "C": ([(I, "1"), (A, "2←1"), (B, "3←2"), (edited(A), "4←1"), (B, "5←4"), (fresh(I), "6"), (A, "7←6")], 7),
    "D": ([(I, "1"), (A, "2←1"), (B, "3←2"), (("r", "%rollback 1"), "1"), (("n", "%refine in ink"), "4←1")], 4),
    "E": (
        [
            (I, "1"),
            (("e", "%refine in ink\n%refine in oil"), "2←1 3←2"),
            (("e", "%refine in chalk\n%refine in oil"), "4←1 5←4"),
        ],
        5,
    ),
    "F": (
        [(I, "1"), (A, "2←1"), (B, "3←2"), (fresh(I), "4"), (A, "5←4"), (("p", "%pick 3"), "3←2"), (A, "2←1")],
        5,
    ),
    "G": (
        [
            (I, "1"),
            (("a", "%refine -n 3 bluer"), "2←1 3←1 4←1"),
            (("p", "%pick 3"), "3←1"),
            (B, "5←3"),
            (RESTART, ""),
            (I, "1"),
            (("a", "%refine -n 3 bluer"), "2←1 3←1 4←1 @3"),
            (("p", "%pick 3"), "3←1"),
            (B, "5←3 @5"),
        ],
        3,
    ),
    "H": ([(I, "1"), (A, "2←1"), (("r", "%retake"), "3←1"), (A, "3←1"), (RESTART, ""), (I, "1"), (A, "3←1")], 3),
    "J": (
        [(I, "1"), (A, "2←1"), (("a", "%refine --stack in ink"), "3←2"), (edited(A), "4←1")],
        4,
    ),
    "K": ([(LOOP, "1 2 3 4"), (LOOP, "1 2 3 4"), (RESTART, ""), (LOOP, "1 2 3 4")], 4),
    "an older take is picked, and everything run again before and after a restart": (
        [
            *((I, "1"), (A, "2←1"), (("r", "%retake"), "3←1"), (B, "4←3"), (("p", "%pick 2"), "2←1")),
            *((I, "1"), (A, "3←1"), (B, "4←3"), (RESTART, ""), (I, "1"), (A, "3←1"), (B, "4←3")),
        ],
        4,
    ),
    "an older take is picked, and a restart follows at once": (
        [
            *((I, "1"), (A, "2←1"), (("r", "%retake"), "3←1"), (("p", "%pick 2"), "2←1")),
            *((RESTART, ""), (I, "1"), (A, "2←1")),
        ],
        3,
    ),
    "two equal cells": (
        [(I, "1"), (("i2", I[1]), "2"), (RESTART, ""), (("i2", I[1]), "2"), (I, "1"), (RESTART, ""), (I, "1")],
        2,
    ),
    "a copied cell is another call": ([(I, "1"), (A, "2←1"), (("c", "%rollback 1"), "1"), (("a2", A[1]), "3←1")], 3),
    "a retake of several answers the cell": (
        [(I, "1"), (A, "2←1"), (("r", "%retake -n 2"), "3←1 4←1"), (("p", "%pick .2"), "4←1"), (A, "3←1 4←1 @4")],
        3,
    ),
    "a nested execution belongs to its cell": (
        [
            (I, "1"),
            (("c", "%%capture\n%refine in ink"), ""),
            (("c", "%%capture\n%refine in oil"), ""),
            (("p", "%pick 3"), "3←1"),
        ],
        3,
    ),
    "an imagine that became a refine": ([(I, "1"), (edited(I), "2←1"), (edited(I, "in ink"), "3←1")], 3),
    "the first refine of a cell that imagines first": (
        [
            (("c", "%imagine cat\n%refine in ink"), "1 2←1"),
            (("c", "%imagine cat\n%refine in oil"), "1 3←1"),
            (("c", "%imagine dog\n%refine in oil"), "4 5←4"),
        ],
        5,
    ),
    "from start in a loop": (
        [
            (I, "1"),
            (("s", "for s in ('ink', 'oil'):\n    %refine --from @start in {s}"), "2←1 3←1"),
            (RESTART, ""),
            (I, "1"),
            (("s", "for s in ('ink', 'oil'):\n    %refine --from @start in {s}"), "2←1 3←1"),
        ],
        3,
    ),
    "a changed template variable": (
        [
            (("v", "style = 'ink'"), ""),
            (("t", "%imagine a cat in {style}"), "1"),
            (("v", "style = 'oil'"), ""),
            (("t", "%imagine a cat in {style}"), "2"),
            (("v", "style = 'ink'"), ""),
            (("t", "%imagine a cat in {style}"), "1"),
        ],
        2,
    ),
    "the same words in other spellings": (
        [
            (("t", "%%imagine\na caf\u00e9   \nat night"), "1"),
            (("t", "%%imagine\na cafe\u0301\nat night  \n\n"), "1"),
            (("t", "%imagine -s auto -n 1 -q medium a dog"), "2"),
            (("t", "%imagine a dog"), "2"),
            (("t", "%imagine -q high a dog"), "3"),
            (("t", "%imagine -m img-dep a dog"), "4"),
        ],
        4,
    ),
    "another deployment's recording": (
        [
            (("t", "%imagine a dog"), "1"),
            (("c", "%config ImgMagic.model = 'img-mini'"), ""),
            (RESTART, ""),
            (("c", "%config ImgMagic.model = 'img-mini'"), ""),
            (("t", "%imagine a dog"), "1"),
        ],
        1,
    ),
}


def shown(run):
    """Give what a cell's outputs say first of every picture: ``2←1 3←1``."""
    found = []
    for data in run.shown:
        text = data.get("text/plain", "")
        head = text.split(" · ")[0].split("\n")[0] if "text/html" in data and text.startswith("#") else ""
        if not head:
            continue
        numbers, _, parent = head.partition(" ← #")
        first, _, last = numbers.replace("#", "").split()[0].partition("–")
        found += [f"{each}" + (f"←{parent}" if parent else "") for each in range(int(first), int(last or first) + 1)]
    return " ".join(found)


@pytest.fixture
def notebook(azure, tmp_path, monkeypatch):
    """Run cells of a notebook in kernels one after the other."""
    path = tmp_path / "a.ipynb"
    path.write_text("{}")
    variables = {
        "AZURE_OPENAI_ENDPOINT": azure.url,
        "AZURE_OPENAI_API_KEY": "test-key",
        "AZURE_OPENAI_DEPLOYMENT_NAME": "img-dep",
        "IMGMAGIC_SIZE": "auto",
        "JPY_SESSION_NAME": str(path),
    }
    return tmp_path, variables


def steps_of(steps):
    """Cut a case at its restarts."""
    runs = [[]]
    for cell, expected in steps:
        if cell == RESTART:
            runs.append([])
        else:
            runs[-1].append((cell, expected))
    return runs


@pytest.mark.parametrize("case", CASES)
def test_the_worked_cases_hold_in_a_real_kernel(azure, notebook, case):
    steps, requests = CASES[case]
    folder, variables = notebook
    for run in steps_of(steps):
        with kernel(folder, **variables) as running:
            running.run("%load_ext imgmagic", "load")
            for (cell, code), expected in run:
                done = running.run(code, cell)
                assert done.failure == ""
                numbers, _, current = expected.partition(" @")
                assert shown(done) == numbers, (cell, code)
                if current:
                    assert running.value("__import__('imgmagic').history.current.number") == int(current)
            assert running.value("__import__('imgmagic').history.check()") == []
    assert len(azure.calls) == requests


def test_a_picture_is_stale_when_what_it_stands_on_was_made_anew(cells, azure):
    cells("%imagine a beach", "i")
    cells("%refine bluer", "a")
    cells("%refine add a boat", "b")
    assert cells.history.stale == set()
    cells("%refine redder", "a")
    assert cells.history.stale == {3}
    assert "1 stale" in repr(cells.history)
    assert "#3 · &quot;add a boat&quot; · stale" in cells.history._repr_html_()
    cells("%pick 3")
    assert cells.history.stale == set()
    cells("%imagine --fresh a beach", "i")
    assert cells.history.stale == {2, 3, 4}


def test_the_waiting_line_says_which_picture_a_take_starts_from(azure, notebook):
    folder, variables = notebook
    with kernel(folder, **variables) as running:
        running.run("%load_ext imgmagic")
        for cell, code in (I, A, ("a", "%refine -n 2 in ink")):
            done = running.run(code, cell)
        said = [content["data"]["text/plain"] for content in done.contents("display_data", "update_display_data")]
        assert any("take 2 from #1 (not from #2); --stack builds on #2" in line for line in said)
        said = [content["data"]["text/plain"] for content in running.run("%refine x", "n").contents("display_data")]
        assert any("refining .1 of 2" in line for line in said)
        running.run("%pick .1")
        assert "take 2 from #3" in running.run("%refine --dry-run y", "n").shown[0]["text/plain"]
