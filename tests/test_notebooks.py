"""Real kernels: the notebooks run as committed, and what a front end is told is right, message by message."""

from __future__ import annotations

import json
import re
import shutil

import nbformat
import pytest
from nbclient import NotebookClient

from imgmagic import Studio
from imgmagic.recording import Recording
from tests.lab import NOTEBOOKS, Run, isolated, kernel

# Small pictures are drawn quickly; what is saved of a full one is measured with the committed notebooks.
SMALL = {"IMGMAGIC_SIZE": "256x256"}
LIMIT = 200_000

WIDGET = "application/vnd.jupyter.widget-view+json"

BEACH = "%imagine a beach"


def copied(notebook, folder):
    """Copy a notebook into a folder, with its recording if it has one."""
    for suffix in (".ipynb", ".imgmagic.zip"):
        if notebook.with_suffix(suffix).exists():
            shutil.copy(notebook.with_suffix(suffix), folder)
    return folder / notebook.name


def execute(path, **variables):
    """Run a notebook in its folder, as `jupyter execute` does, and save it."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(path.parent)}})
    client.execute(env=isolated(path.parent / "home", **variables))
    nbformat.write(notebook, path)
    return notebook


def outputs(notebook):
    """Give the outputs of every code cell, by its id."""
    return {cell["id"]: cell["outputs"] for cell in notebook.cells if cell.cell_type == "code"}


def has_picture(data):
    return any(kind.startswith("image/") for kind in data) or "<img" in str(data.get("text/html", ""))


def numbers(data):
    """Give the numbers of the pictures that a bundle's caption names first: ``#4–#6 ← #3`` are three."""
    found = re.match(r"#(\d+)(?:–#(\d+))?", "".join(data.get("text/plain", "")))
    return range(int(found[1]), int(found[2] or found[1]) + 1) if found and has_picture(data) else range(0)


def cell_numbers(cell):
    """Give the numbers of the pictures that a cell's saved outputs show."""
    return [number for output in cell for number in numbers(output.get("data", {}))]


def pictures(run: Run):
    """Give the numbers of the pictures that a run leaves on the page, in order."""
    return [number for data in run.shown for number in numbers(data)]


def text(run: Run):
    return "\n".join(data.get("text/plain", "") for data in run.shown)


@pytest.fixture
def loaded(tmp_path):
    """Run a kernel with the extension loaded."""
    with kernel(tmp_path, **SMALL) as running:
        running.run("%load_ext imgmagic")
        yield running


# --- the notebooks in the repository ---

# What the README's command leaves behind is not committed.
COMMITTED = sorted(path for path in NOTEBOOKS.glob("*.ipynb") if not path.stem.endswith("-run"))


@pytest.fixture(scope="module", params=COMMITTED, ids=lambda path: path.stem)
def committed(request):
    """Each notebook of the repository, as committed."""
    return request.param


@pytest.fixture(scope="module")
def executed(committed, tmp_path_factory):
    """The same notebook, run in an empty folder without any credentials, and the folder."""
    folder = tmp_path_factory.mktemp("notebook")
    return execute(copied(committed, folder)), folder


def test_a_notebook_runs_without_credentials_and_leaves_a_sound_history(executed):
    notebook, folder = executed
    shown = {number for cell in outputs(notebook).values() for number in cell_numbers(cell)}
    history = Studio(home=folder / ".imgmagic").history
    assert shown
    assert shown == {picture.number for picture in history.all}
    assert history.check() == []


def test_a_notebook_runs_again_in_the_same_folder(committed, tmp_path):
    path = copied(committed, tmp_path)
    first, second = (outputs(execute(path)) for _ in range(2))
    assert [len(cell_numbers(first[name])) for name in first] == [len(cell_numbers(second[name])) for name in second]


def test_a_recorded_notebook_is_run_by_a_reader_who_may_send_nothing(tmp_path):
    recorded = [path for path in COMMITTED if path.with_suffix(".imgmagic.zip").exists()]
    assert [path.stem for path in recorded] == ["for-data-scientists", "rerun-and-replay"]
    for notebook in recorded:
        folder = tmp_path / notebook.stem
        folder.mkdir()
        path = copied(notebook, folder)
        text = json.dumps(outputs(execute(path, IMGMAGIC_REPLAY="only")))
        history = Studio(home=folder / ".imgmagic").history
        book = Recording.open(path.with_suffix(".imgmagic.zip"))
        digests = {picture.digest for each in book.generations for picture in each.pictures}
        assert {picture.digest for picture in history.all} == digests
        assert "recorded 2026-" in text


def test_what_a_call_saves_stays_below_200_kb_a_picture(executed):
    notebook, _ = executed
    weights = {}
    for name, cell in outputs(notebook).items():
        weights[name] = len(json.dumps(cell).encode()) / max(len(cell_numbers(cell)), 1)
    assert max(weights.values()) > 20_000, "nothing was saved"
    assert {name: weight for name, weight in weights.items() if weight > LIMIT} == {}


def test_a_committed_notebook_says_what_running_it_says(committed, executed):
    def said(notebook):
        """Give what was printed and every caption, without the seconds that drawing took."""
        for name, cell in outputs(notebook).items():
            for each in cell:
                data = each.get("data", {})
                if WIDGET in data:
                    continue  # nothing without its kernel, so it is not committed
                text = each.get("text") or (data["text/plain"] if numbers(data) else "")
                yield name, re.sub(r"\d+\.\d s\b", "… s", text)

    assert list(said(nbformat.read(committed, as_version=4))) == list(said(executed[0]))


def test_a_committed_notebook_is_small_valid_and_tells_nothing_of_the_machine_that_ran_it(committed):
    content = committed.read_text(encoding="utf-8")
    notebook = json.loads(content)
    nbformat.validate(notebook)
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert "widgets" not in notebook["metadata"]
    # Without its kernel a widget is nothing; whoever reads the notebook gets the HTML before it.
    assert WIDGET not in content
    assert not re.search(r"(/tmp/|/home/|/root/|C:\\\\)", content)
    assert len(content.encode()) < 1_200_000


# --- what a front end is told ---


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        pytest.param("x = 1\n%imagine a beach", [1], id="last line"),
        pytest.param("%%imagine\na beach", [1], id="whole cell"),
        pytest.param("%imagine a beach\nprint('after')", [1], id="middle"),
        pytest.param("%imagine a beach\n%refine make it sunset", [1, 2], id="two calls"),
        pytest.param("for words in ('a beach', 'a city'):\n    %imagine {words}", [1, 2], id="loop"),
        pytest.param("def draw():\n    %imagine a beach\ndraw()\ndraw()", [1, 2], id="function"),
        pytest.param(
            "def draw():\n    return get_ipython().run_line_magic('imagine', 'a beach')\ndraw()", [1], id="result"
        ),
        pytest.param("picture = %imagine a beach", [1], id="assignment"),
        pytest.param("picture = %imagine a beach\npicture", [1], id="assigned, then named"),
        pytest.param("%imagine -o picture a beach", [1], id="output option"),
        pytest.param("%imagine -n 3 a beach", [1, 2, 3], id="three variations"),
    ],
)
def test_every_call_shows_its_pictures_exactly_once(loaded, code, expected):
    run = loaded.run(code)
    assert not run.failure
    assert pictures(run) == expected
    with_picture = [
        each
        for each in run.contents("display_data", "update_display_data", "execute_result")
        if has_picture(each["data"])
    ]
    places = [each["transient"]["display_id"] for each in with_picture]
    assert len(places) == len(set(places)), "a place was given its pictures twice"


def test_a_result_named_in_a_later_cell_is_shown_again(loaded):
    loaded.run("picture = %imagine a beach")
    assert pictures(loaded.run("picture")) == [1]


def test_a_call_owns_one_place_which_says_that_it_waits_and_then_holds_the_pictures(loaded):
    run = loaded.run("print('mine')\n%imagine a beach")
    [waiting] = run.contents("display_data")
    [result] = run.contents("update_display_data")
    assert waiting["data"]["text/plain"].endswith("the built-in sketch engine: 1 picture")
    assert not has_picture(waiting["data"])
    assert has_picture(result["data"])
    assert waiting["transient"]["display_id"] == result["transient"]["display_id"]
    assert run.printed == "mine\n"


def test_nothing_that_the_user_has_shown_is_ever_cleared(loaded):
    codes = [
        BEACH,
        "%refine make it sunset",
        "%refine do the impossible",
        "%rollback",
        "%pick 2",
        "%images",
        "%imgmagic",
        "%imagine -h",
        "%imagine -s 3 a beach",
    ]
    runs = [loaded.run(f"print('mine')\n{code}") for code in codes]
    assert [run.reply["status"] for run in runs] == ["ok", "ok", "error", "ok", "ok", "ok", "ok", "ok", "error"]
    assert [run.printed for run in runs] == ["mine\n"] * len(codes)
    assert not any(run.contents("clear_output") for run in runs)


def test_the_largest_previews_too_stay_below_200_kb_a_picture(tmp_path):
    with kernel(tmp_path, IMGMAGIC_SIZE="1024x1024", IMGMAGIC_PREVIEW_PX="1024") as running:
        running.run("%load_ext imgmagic")
        runs = [running.run(code) for code in (BEACH, "%refine -n 2 add clouds", "%rollback")]
    weights = [sum(len(json.dumps(data).encode()) for data in run.shown) / len(pictures(run)) for run in runs]
    assert all(LIMIT / 2 < weight < LIMIT for weight in weights), weights


def test_a_failed_call_leaves_one_line_and_an_error_without_frames(loaded):
    loaded.run(BEACH)
    run = loaded.run("%refine do the impossible")
    [waiting] = run.contents("display_data")
    [line] = run.contents("update_display_data")
    [error] = run.contents("error")
    assert waiting["transient"]["display_id"] == line["transient"]["display_id"]
    assert line["data"]["text/plain"] == "%refine: nothing was made"
    assert not has_picture(line["data"])
    assert error["ename"] == "SketchError"
    assert isinstance(error["traceback"], list)
    assert all(isinstance(each, str) for each in error["traceback"])
    assert "impossible" in run.failure
    assert not re.search(r"Traceback|File |Cell In|\.py|-->", run.failure)
    assert loaded.value("__import__('imgmagic').history.current.number") == 1


def test_a_failed_cell_stops_the_cells_after_it(tmp_path):
    cells = ["%load_ext imgmagic", "%%refine\nMake it sunset.", "print('not reached')"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each) for each in cells])
    nbformat.write(notebook, tmp_path / "failing.ipynb")
    with pytest.raises(Exception, match="There is no picture to refine yet"):
        execute(tmp_path / "failing.ipynb")


def test_the_panel_has_a_picture_of_itself_for_readers_without_a_kernel(loaded):
    loaded.run(BEACH)
    loaded.run("%refine make it sunset")
    plain, panel = loaded.run("%images").shown
    assert plain["text/html"].count("<img") == 2
    assert WIDGET in panel
    assert "text/html" not in panel


# --- sessions and cells ---


def test_a_restarted_kernel_of_the_same_notebook_goes_on_from_the_current_picture(tmp_path):
    notebook = tmp_path / "mine.ipynb"
    nbformat.write(nbformat.v4.new_notebook(), notebook)
    here = {**SMALL, "JPY_SESSION_NAME": str(notebook)}
    with kernel(tmp_path, **here) as first:
        first.run("%load_ext imgmagic")
        first.run("%imagine --label hero a beach")
        first.run("%refine make it sunset")
        first.run("%rollback")
    with kernel(tmp_path, **here) as second:
        second.run("%load_ext imgmagic")
        again = second.run("%refine make it night")
        later = second.run("%refine add clouds")
    assert pictures(again) == [3]
    assert "#3 ← #1" in text(again)
    assert re.search(r"^continuing from #1 'hero', last used \d+ \w+$", text(again), re.MULTILINE)
    assert "continuing from" not in text(later)


def test_another_notebook_in_the_same_folder_starts_without_a_picture(tmp_path):
    for name in ("mine.ipynb", "other.ipynb"):
        nbformat.write(nbformat.v4.new_notebook(), tmp_path / name)
    with kernel(tmp_path, **SMALL, JPY_SESSION_NAME=str(tmp_path / "mine.ipynb")) as first:
        first.run("%load_ext imgmagic")
        first.run(BEACH)
    with kernel(tmp_path, **SMALL, JPY_SESSION_NAME=str(tmp_path / "other.ipynb")) as second:
        second.run("%load_ext imgmagic")
        refused = second.run("%refine make it sunset")
        made = second.run("%imagine a meadow")
        again = second.run(BEACH)
    assert refused.reply["ename"] == "HistoryError"
    assert pictures(made) == [2], "numbers are unique in the folder"
    assert pictures(again) == [1], "what another notebook has recorded is replayed"


def test_rollback_run_again_in_its_cell_stays_where_it_is(loaded):
    loaded.run(BEACH, "a")
    loaded.run("%refine make it sunset", "b")
    loaded.run("%refine add clouds", "c")
    assert [pictures(loaded.run("%rollback", "back")) for _ in range(3)] == [[2]] * 3
    assert pictures(loaded.run("%rollback", "another")) == [1]


def test_rollback_run_again_after_a_move_goes_back_again(loaded):
    loaded.run(BEACH, "a")
    loaded.run("%refine make it sunset", "b")
    assert pictures(loaded.run("%rollback", "back")) == [1]
    loaded.run("%refine add clouds", "c")
    assert pictures(loaded.run("%rollback", "back")) == [1]
    loaded.run("%pick 3", "d")
    assert pictures(loaded.run("%rollback", "back")) == [1]
