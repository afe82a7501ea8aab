"""The history: numbers, REFs, the cursor and its undo, resuming, and folders that are damaged, newer or hostile."""

import copy
import json
import os
import pickle
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from imgmagic import CellError, HistoryError, Studio
from imgmagic.budget import today
from imgmagic.database import MIGRATIONS, Database
from imgmagic.exchange import ImageRequest
from imgmagic.store import Store
from imgmagic.tree import History
from tests.helpers import Painter, png


@pytest.fixture
def studio(tmp_path):
    studio = Studio(home=tmp_path / "home", engine=Painter(), session="notebook.ipynb")
    yield studio
    assert studio.history.check() == []


@pytest.fixture
def grown(studio):
    """#1 a root, #2 and #3 its children, #4 a child of #2, #5–#7 one answer from #4; #5 is current."""
    studio.imagine("a cat", label="hero")
    studio.refine("bluer")
    studio.refine("redder", source=1)
    studio.refine("with a hat", source="2")
    studio.refine("in snow", n=3)
    return studio.history


@pytest.mark.parametrize(
    ("ref", "number"),
    [("3", 3), ("#3", 3), ("hero", 1), ("@", 5), ("@~1", 4), ("@~", 4), ("@~3", 1), (".1", 5), (".3", 7), ("#4~2", 1)],
)
def test_a_ref_names_a_picture(grown, ref, number):
    assert grown[ref].number == number


@pytest.mark.parametrize(
    ("ref", "words"),
    [
        ("99", ["no picture #99", "#7"]),
        ("heros", ["labelled 'heros'", "Did you mean hero?"]),
        (".4", ["last result has 3 pictures"]),
        (".0", ["last result has 3 pictures"]),
        ("@~9", ["past the beginning", "#1 has no parent"]),
        ("a b", ["'a b' names no picture"]),
        ("", ["names no picture"]),
        ("9" * 15, ["no picture #999999999999999"]),
        ("9" * 16, ["names no picture"]),
        ("1; DROP TABLE picture", ["names no picture"]),
    ],
)
def test_a_ref_that_leads_nowhere_lists_what_is_near(grown, ref, words):
    with pytest.raises(HistoryError) as caught:
        grown[ref]
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("number", [0, 99, 2**63, 10**30])
def test_a_number_that_no_picture_has_is_no_damage_however_large_it_is(grown, number):
    with pytest.raises(HistoryError, match=f"no picture #{number}"):
        grown[number]


def test_the_pictures_are_also_given_in_reverse(grown):
    assert list(reversed(grown)) == list(grown)[::-1]


def test_start_is_what_was_current_when_the_cell_began(grown):
    assert grown.find("@start", start=3).number == 3
    with pytest.raises(HistoryError, match="no current picture"):
        grown.find("@start")


def test_numbers_from_the_end_count_this_session_only(grown, tmp_path):
    other = Studio(home=tmp_path / "home", engine=Painter(), session="other.ipynb")
    other.imagine("a dog")
    assert [each.number for each in other.history] == [8]
    assert other.history[-1].number == 8
    assert other.history[3].number == 3
    assert len(other.history) == 1
    assert len(other.history.all) == 8
    assert grown[-1].number == 7
    with pytest.raises(HistoryError, match="has 1 pictures"):
        other.history[-2]


def test_the_tree_is_what_was_edited_from_what(grown):
    assert [each.number for each in grown.children(1)] == [2, 3]
    assert [each.number for each in grown.lineage(6)] == [1, 2, 4, 6]
    assert [each.number for each in grown.roots] == [1]
    assert grown[1].parent is None
    assert grown[6].parent == grown[4]
    assert [each.number for each in grown[4].children] == [5, 6, 7]


def test_search_finds_all_words_in_any_case(grown):
    assert [each.number for each in grown.search("SNOW")] == [5, 6, 7]
    assert [each.number for each in grown.search("hat with")] == [4]
    assert [each.number for each in grown.search("hero")] == [1]
    assert grown.search("dog") == []


def test_the_first_of_several_becomes_current(grown):
    assert grown.current.number == 5


def test_rollback_goes_to_the_parent_and_deletes_nothing(grown):
    assert grown.rollback().number == 4
    assert grown.current.number == 4
    assert len(grown) == 7
    assert grown.rollback("hero").number == 1


def test_rollback_goes_to_ancestors_only(grown):
    with pytest.raises(HistoryError, match=r"#3 is no ancestor of #5[^$]*%pick 3"):
        grown.rollback(3)
    assert grown.current.number == 5


def test_rollback_from_a_root_is_an_error(grown):
    grown.pick(1)
    with pytest.raises(HistoryError, match="past the beginning"):
        grown.rollback()


def test_undo_takes_back_every_kind_of_move_back_to_no_picture(studio):
    studio.imagine("a cat")
    studio.refine("bluer")
    studio.history.pick(1)
    assert studio.history.undo().number == 2
    assert studio.history.undo().number == 1
    assert studio.history.undo() is None
    assert studio.history.current is None
    with pytest.raises(HistoryError, match="nothing to undo"):
        studio.history.undo()
    assert [studio.history.redo().number for _ in range(3)] == [1, 2, 1]
    with pytest.raises(HistoryError, match="nothing to redo"):
        studio.history.redo()


def test_a_new_move_clears_redo_and_a_move_to_where_it_is_is_none(grown):
    grown.undo()
    grown.pick(grown.current.number)
    assert grown.can_redo
    grown.pick(3)
    assert not grown.can_redo


def test_a_label_set_again_moves(grown):
    grown.label(4, "hero")
    assert grown["hero"].number == 4
    assert grown[1].label is None
    grown.label(4, "new")
    assert grown[4].label == "new"
    assert grown.labels == {"new": 4}


@pytest.mark.parametrize("name", ["1st", "", "a b", "#7", "a/b", "x" * 10 + "\n", "é"])
def test_a_label_has_one_form(studio, name):
    if name:
        with pytest.raises(HistoryError, match="is no label"):
            studio.imagine("a cat", label=name)
    studio.imagine("a cat")
    with pytest.raises(HistoryError, match="is no label"):
        studio.history.label(1, name)


def test_a_star_is_kept_seen_by_other_kernels_and_taken_away_again(grown, tmp_path):
    told = []
    grown.watchers.append(lambda: told.append(grown.stars))
    assert grown.star("hero") == grown[1]
    grown.star(4)
    grown.star(4)
    assert [grown[number].starred for number in (1, 2, 4)] == [True, False, True]
    assert History(tmp_path / "home", "other.ipynb").stars == {1, 4}
    grown.star(1, on=False)
    grown.star(1, on=False)
    assert grown.stars == {4} == told[-1]
    with pytest.raises(HistoryError, match="no picture #99"):
        grown.star(99)


def test_a_folder_from_before_stars_is_brought_up_to_date(tmp_path):
    (tmp_path / "home").mkdir()
    with closing(sqlite3.connect(tmp_path / "home" / "history.db")) as old:
        old.executescript(f"{MIGRATIONS[0]}; PRAGMA user_version = 1;")
    studio = Studio(home=tmp_path / "home", engine=Painter())
    studio.imagine("a cat")
    assert studio.history.star(1).starred


def test_an_overview_gives_the_tree_without_its_pictures_and_only_what_is_new(grown):
    rows = grown.overview()
    assert [(row["number"], row["parent"], row["generation"]) for row in rows] == [
        (1, None, 1),
        (2, 1, 2),
        (3, 1, 3),
        (4, 2, 4),
        (5, 4, 5),
        (6, 4, 5),
        (7, 4, 5),
    ]
    assert (rows[0]["engine"], rows[0]["prompt"]) == ("painter", "a cat")
    assert grown.overview(after=3, start=4)[0]["prompt"] == "with"
    assert [row["number"] for row in grown.overview(after=6)] == [7]
    assert grown.total == len(rows)


def test_a_new_kernel_resumes_where_the_last_one_stopped(grown, tmp_path):
    grown.pick(4)
    again = History(tmp_path / "home", "notebook.ipynb")
    assert again.current.number == 4
    assert again.notices[0].startswith("continuing from #4, last used ")
    assert not again.can_undo
    grown.label(4, "best")
    assert "continuing from #4 'best'" in History(tmp_path / "home", "notebook.ipynb").notices[0]


def test_another_notebook_starts_with_no_picture(grown, tmp_path):
    other = History(tmp_path / "home", "other.ipynb")
    assert other.current is None
    assert other.notices == []


def test_a_kernel_without_a_notebook_starts_with_no_picture(grown, tmp_path):
    assert Studio(home=tmp_path / "home", engine=Painter()).history.current is None


def test_numbers_are_never_used_again(grown, tmp_path):
    with sqlite3.connect(tmp_path / "home" / "history.db") as connection:
        connection.execute("DELETE FROM input WHERE generation = 5")
        connection.execute("DELETE FROM move WHERE picture = 5")
        connection.execute("DELETE FROM picture WHERE generation = 5")
        connection.execute("DELETE FROM generation WHERE id = 5")
    for path in (tmp_path / "home" / "objects").glob("*/*"):
        if path.stem not in {each.digest for each in grown.all}:
            path.unlink()
    grown.pick(1)
    assert Studio(home=tmp_path / "home", engine=Painter()).imagine("new")[0].number == 8


def test_key_cell_and_position_are_stored(studio):
    from imgmagic.replay import CallSite

    studio.make("imagine", "a cat", wishes(), site=CallSite("cell-1", 2))
    made = studio.history[1].generation
    assert (made.cell_id, made.position, len(made.key)) == ("cell-1", 2, 64)


def wishes(**said):
    from imgmagic.prepare import Wishes

    return Wishes(**said)


def test_equal_requests_share_a_key_and_others_do_not(studio):
    from imgmagic.prepare import Wishes

    def key(prompt="a cat", **said):
        return studio.prepare("imagine", prompt, Wishes(**said)).key

    assert key() == key("a cat \r\n") == key(size="1024x1024") == key(label="x", alt="y") == key(n=1)
    assert key("caf\u00e9") == key("cafe\u0301")
    different = [key("a dog"), key(n=2), key(size="512x512"), key(model="m"), key(params=(("seed", 1),))]
    assert len({key(), *different}) == 6


def test_a_refine_inherits_what_it_does_not_say(studio):
    studio.imagine("a cat", size="512x768", quality="high", format="webp", background="transparent")
    studio.refine("bluer", quality="low")
    params = studio.history.current.params
    assert [params[name] for name in ("size", "quality", "format", "background")] == [
        "512x768",
        "low",
        "webp",
        "transparent",
    ]


def test_bytes_are_kept_as_they_came_under_their_digest(studio):
    picture = studio.imagine("a cat")[0]
    assert picture.bytes == picture.original == png("a cat", 0)
    assert picture.path.read_bytes() == picture.bytes
    assert picture.path.name == f"{picture.digest}.png"


def test_bytes_are_on_disk_before_the_row_that_names_them(studio, monkeypatch):
    studio.imagine("a cat")

    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(studio.history._database, "add", full)
    with pytest.raises(OSError, match="No space"):
        studio.imagine("a dog")
    orphans = studio.history.check()
    assert len(orphans) == 1
    assert "no picture needs this file" in orphans[0]
    Path(orphans[0].split(":")[0]).unlink()


def test_two_kernels_and_several_threads_write_at_once(tmp_path):
    def work(name):
        studio = Studio(home=tmp_path / "home", engine=Painter(), session=name)
        for index in range(5):
            studio.imagine(f"{name} {index}")
            studio.history.pick(-1) if index % 2 else studio.refine("bluer")

    threads = [threading.Thread(target=work, args=(f"n{each}.ipynb",)) for each in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    history = History(tmp_path / "home", "x")
    assert len(history.all) == 32
    assert history.check() == []


def test_a_kernel_killed_while_it_waited_is_said_once(tmp_path):
    code = (
        "import os; from pathlib import Path; from imgmagic.budget import today; from imgmagic.tree import History\n"
        f"History(Path({str(tmp_path / 'home')!r}), 'a').depart('azure', 0.1, 10, today())\n"
        "os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    assert History(tmp_path / "home", "a").notices == ["1 call maybe billed: a kernel ended while waiting"]
    assert History(tmp_path / "home", "a").notices == []


def test_a_call_on_its_way_in_a_living_kernel_is_not_lost(tmp_path):
    History(tmp_path / "home", "a").depart("azure", 0.1, 10, today())
    assert History(tmp_path / "home", "a").notices == []


def test_a_folder_of_the_first_version_is_brought_up_to_date(tmp_path):
    home, old = tmp_path / "home", png("a cat", 0)
    digest = Store(home / "objects").put(old, "png")
    request = ImageRequest("imagine", "a cat")
    with sqlite3.connect(home / "history.db") as connection:
        connection.executescript(MIGRATIONS[0])
        connection.execute(
            "INSERT INTO generation VALUES (1, 'imagine', 'a cat', 'a cat', 'a cat', '{\"quality\": \"medium\"}', ?, "
            "'painter', '', '', '', NULL, NULL, NULL, NULL, '', 1.0, '2026-11-01T10:00:00.000+00:00', "
            "'nb.ipynb', 'cell', 0)",
            (request.key,),
        )
        connection.execute("INSERT INTO picture VALUES (1, 1, 0, ?, 'png', 64, 48)", (digest,))
        connection.execute("INSERT INTO move VALUES (1, 'nb.ipynb', 1, '2026-11-01T10:00:00.000+00:00')")
        connection.execute("PRAGMA user_version = 1")
    studio = Studio(home=home, engine=Painter(), session="nb.ipynb")
    picture = studio.history.current
    assert (picture.bytes, picture.original, picture.generation.site) == (old, old, "cell#0")
    assert studio.history.request(picture).key == request.key
    assert [each.number for each in studio.imagine("a cat", replay=True)] == [1]
    assert studio.refine("bluer")[0].parent == picture
    assert studio.history.check() == []


# --- folders that cannot be trusted ---


def damage(home, sql, *values):
    with sqlite3.connect(home / "history.db") as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute(sql, values)


def test_a_folder_that_was_deleted_under_a_running_kernel_is_said_to_be_gone(tmp_path):
    studio = Studio(tmp_path / "home", engine=Painter())
    studio.imagine("a beach")
    shutil.rmtree(studio.history.home)
    with pytest.raises(HistoryError, match=r"folder is gone[\s\S]*restart the kernel"):
        studio.imagine("a boat")


def test_check_finds_every_damage(tmp_path):
    studio = Studio(home=tmp_path, engine=Painter())
    first, second = studio.imagine("a cat")[0], studio.imagine("a dog")[0]
    studio.imagine("a bird")
    flipped = bytearray(first.path.read_bytes())
    flipped[100] ^= 1
    first.path.write_bytes(flipped)
    second.path.unlink()
    (tmp_path / "objects" / "ab").mkdir(exist_ok=True)
    (tmp_path / "objects" / "ab" / "orphan.png").write_bytes(b"x")
    damage(tmp_path, "INSERT INTO label VALUES ('lost', 77)")
    problems = "\n".join(studio.history.check())
    assert "#1: The picture's file was changed" in problems
    assert "#2: The picture's file is missing" in problems
    assert "orphan.png: no picture needs this file" in problems
    assert "a row of 'label' names a missing row of 'picture'" in problems
    assert len(studio.history.check()) == 4


def test_a_changed_file_is_not_read(tmp_path):
    picture = Studio(home=tmp_path, engine=Painter()).imagine("a cat")[0]
    picture.path.write_bytes(b"something else")
    with pytest.raises(HistoryError, match="was changed"):
        _ = picture.bytes


def test_a_recorded_refine_answers_though_its_source_is_gone_and_a_new_one_is_refused(tmp_path):
    studio = Studio(home=tmp_path, engine=Painter())
    source = studio.imagine("a cat")[0]
    studio.refine("bluer")
    source.path.unlink()
    later = Studio(home=tmp_path, engine=Painter())
    again = later.refine("bluer", source=1, replay=True)
    assert again.numbers == (2,)
    assert again.bundle["text/html"].count("<img ") == 1
    assert "damaged or missing" in again.bundle["text/html"]
    with pytest.raises(HistoryError, match="missing"):
        later.refine("redder", source=1)


def test_an_error_in_an_operation_of_several_questions_leaves_nothing_open(grown):
    history, seen = grown, []
    history.label(3, "tail")
    with pytest.raises(HistoryError, match="#99"), history.together():
        history.find("#99")
    assert history._database._shared.connection is None
    assert history["tail"].number == 3
    with history.together(), history.together():
        other = threading.Thread(target=lambda: seen.append(history.label(2, "other").number))
        other.start()
        other.join()
        assert history["other"].number == seen[0] == 2


def test_a_damaged_file_is_written_anew_when_the_same_bytes_come_again(tmp_path):
    studio = Studio(home=tmp_path, engine=Painter())
    picture = studio.imagine("a cat")[0]
    picture.path.write_bytes(b"something else")
    studio.imagine("a cat")
    assert studio.history.check() == []


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("digest", "../../../../etc/passwd"),
        ("digest", "0" * 63),
        ("digest", 7),
        ("format", "../x"),
        ("format", "svg"),
        ("width", -5),
        ("width", 10**12),
        ("height", "tall"),
    ],
)
def test_a_hostile_picture_row_is_refused(tmp_path, column, value):
    studio = Studio(home=tmp_path, engine=Painter())
    studio.imagine("a cat")
    damage(tmp_path, f"UPDATE picture SET {column} = ?", value)
    with pytest.raises(HistoryError, match="makes no sense"):
        History(tmp_path, "x")[1]


@pytest.mark.parametrize(
    ("column", "value"),
    [("params", "{"), ("params", "[]"), ("params", "[" * 50_000), ("created", "yesterday"), ("operation", "rm -rf")],
)
def test_a_hostile_generation_row_is_refused(tmp_path, column, value):
    studio = Studio(home=tmp_path, engine=Painter())
    studio.imagine("a cat")
    damage(tmp_path, f"UPDATE generation SET {column} = ?", value)
    with pytest.raises(HistoryError, match="makes no sense"):
        History(tmp_path, "x")[1]


def test_a_loop_in_the_tree_ends(tmp_path):
    studio = Studio(home=tmp_path, engine=Painter())
    studio.imagine("a cat")
    studio.refine("bluer")
    damage(tmp_path, "UPDATE input SET picture = 2")
    with pytest.raises(HistoryError, match="its own ancestor"):
        studio.history.lineage(2)


def test_a_folder_from_a_newer_version_is_refused_and_left_alone(tmp_path):
    Studio(home=tmp_path, engine=Painter()).imagine("a cat")
    damage(tmp_path, f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    before = (tmp_path / "history.db").read_bytes()
    with pytest.raises(HistoryError, match="newer imgmagic"):
        Studio(home=tmp_path, engine=Painter()).imagine("a dog")
    assert (tmp_path / "history.db").read_bytes() == before


@pytest.mark.parametrize("content", [b"this is no database, but a letter", os.urandom(4096)])
def test_a_corrupt_database_is_reported_with_its_path_and_left_alone(tmp_path, content):
    (tmp_path / "history.db").write_bytes(content)
    with pytest.raises(HistoryError) as caught:
        Studio(home=tmp_path, engine=Painter()).imagine("a cat")
    assert str(tmp_path / "history.db") in str(caught.value)
    assert "IMGMAGIC_HOME" in str(caught.value)
    assert (tmp_path / "history.db").read_bytes() == content
    assert sorted(path.name for path in tmp_path.iterdir()) == [".gitignore", "history.db", "objects"]


def test_a_database_torn_in_the_middle_is_reported_with_its_path(tmp_path):
    studio = Studio(home=tmp_path, engine=Painter())
    studio.imagine("a cat")
    torn = bytearray((tmp_path / "history.db").read_bytes())
    torn[4096:12288] = os.urandom(8192)
    (tmp_path / "history.db").write_bytes(torn)
    with pytest.raises(HistoryError, match=str(tmp_path / "history.db")):
        Studio(home=tmp_path, engine=Painter()).imagine("a dog")


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "home").write_text("hello")
    with pytest.raises(HistoryError, match="is a file, not a folder"):
        Studio(home=tmp_path / "home", engine=Painter()).imagine("a cat")


@contextmanager
def an_ordinary_user():
    """Drop root's rights for a while: for root nothing is read-only."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def read_only_home():
    """A folder with a history that may be read but not written."""
    with tempfile.TemporaryDirectory() as place:
        home = Path(place) / "home"
        Studio(home=home, engine=Painter()).imagine("a cat")
        for path in [Path(place), home, *home.rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        yield home
        for path in [Path(place), home, *home.rglob("*")]:
            path.chmod(0o755)


@pytest.mark.parametrize("name", ["home", "new"])
def test_a_read_only_place_gets_a_temporary_store_and_says_so(read_only_home, name):
    home = read_only_home.parent / name
    with an_ordinary_user():
        studio = Studio(home=home, engine=Painter())
        gallery = studio.imagine("a dog")
        assert f"{home} cannot be written" in gallery.notes[0]
        assert str(studio.history.home) in gallery.notes[0]
        assert studio.history.home.parent == Path(tempfile.gettempdir())
        assert studio.history.check() == []
    shutil.rmtree(studio.history.home)


# --- where it lives ---


def test_the_folder_is_found_up_to_the_repository_root(tmp_path, monkeypatch):
    (tmp_path / ".imgmagic").mkdir()
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    (tmp_path / "repo" / ".imgmagic").mkdir()
    deep = tmp_path / "repo" / "a" / "b"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    assert Studio(home=None).history.home == tmp_path / "repo" / ".imgmagic"
    shutil.rmtree(tmp_path / "repo" / ".imgmagic")
    assert Studio(home=None).history.home == deep / ".imgmagic"


def test_outside_a_repository_only_the_working_directory_counts(tmp_path, monkeypatch):
    (tmp_path / ".imgmagic").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    assert Studio(home=None).history.home == tmp_path / "work" / ".imgmagic"


def test_the_environment_may_name_the_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("IMGMAGIC_HOME", str(tmp_path / "elsewhere"))
    assert Studio(home=None).history.home == tmp_path / "elsewhere"


def test_the_folder_ignores_itself_in_git(tmp_path):
    Studio(home=tmp_path / "home", engine=Painter()).imagine("a cat")
    assert (tmp_path / "home" / ".gitignore").read_text() == "*\n"


def test_a_session_is_the_notebooks_path_beside_the_folder(tmp_path):
    (tmp_path / "deep").mkdir()
    notebook = tmp_path / "deep" / "a.ipynb"
    studio = Studio(home=tmp_path / ".imgmagic", engine=Painter(), session=str(notebook))
    assert studio.history.session == "deep/a.ipynb"


@pytest.mark.parametrize(
    "said",
    [
        {"n": 0},
        {"n": 11},
        {"quality": "best"},
        {"background": "green"},
        {"format": "bmp"},
        {"moderation": "none"},
        {"compression": 101},
        {"background": "transparent", "format": "jpeg"},
        {"compression": 50},
        {"params": {"a": {1}}},
        {"params": {"prompt": "another"}},
        {"params": {"output_format": "gif"}},
        {"alt": "x", "params": {"a": "half \ud83e"}},
    ],
)
def test_python_calls_are_checked_like_cells(studio, said):
    with pytest.raises(CellError):
        studio.imagine("a cat", **said)
    assert len(studio.history) == 0


def test_params_are_json_in_the_database(studio):
    studio.imagine("a cat", params={"seed": 1})
    (row,) = sqlite3.connect(studio.history.home / "history.db").execute("SELECT params FROM generation").fetchall()
    assert json.loads(row[0])["seed"] == 1


def test_a_label_cannot_be_nothing(studio):
    studio.imagine("a cat")
    with pytest.raises(HistoryError, match="None is no label"):
        studio.history.label(1, None)
    assert studio.history.labels == {}


def test_a_picture_names_itself_wherever_a_ref_does(studio):
    first = studio.imagine("a cat")[0]
    second = studio.refine("bluer", source=first)[0]
    assert studio.history[first] is first
    assert studio.history.rollback(first) == first
    assert studio.history.pick(second) == second
    assert studio.history.lineage(second) == [first, second]
    assert studio.history.label(second, "blue").label == "blue"


@pytest.mark.parametrize("ref", [None, 1.5, slice(1, 2), ()])
def test_what_names_no_picture_is_said_in_a_sentence(studio, ref):
    studio.imagine("a cat")
    with pytest.raises(HistoryError, match="names no picture"):
        studio.history.pick(ref)


def test_a_folder_that_holds_somebodys_files_is_not_hidden_from_git(tmp_path):
    (tmp_path / "code.py").write_text("1")
    Studio(home=tmp_path, engine=Painter()).imagine("a cat")
    assert (tmp_path / ".gitignore").read_text().split() == ["/.gitignore", "/history.db*", "/objects/", "/previews/"]


def test_what_was_asked_for_cannot_be_changed_afterwards(studio):
    picture = studio.imagine("a cat")[0]
    with pytest.raises(TypeError):
        picture.params["size"] = "1x1"


def test_pictures_are_copied_by_reference_and_not_pickled(studio):
    gallery = studio.imagine("a cat")
    assert copy.deepcopy(gallery[0]) == gallery[0]
    assert copy.deepcopy([gallery]) == [gallery]
    for each in (gallery, gallery[0]):
        with pytest.raises(TypeError, match="belongs to its history"):
            pickle.dumps(each)


def test_a_new_notebook_is_told_of_the_pictures_that_are_there(grown, tmp_path):
    with pytest.raises(HistoryError, match="%pick 7"):
        Studio(home=tmp_path / "home", engine=Painter(), session="renamed.ipynb").refine("bluer")


@pytest.mark.parametrize(("size", "sent"), [("256X256", "256x256"), ((256, 512), "256x512"), ("auto", "auto")])
def test_sizes_are_understood_as_people_write_them(studio, size, sent):
    assert studio.imagine("a cat", size=size)[0].params["size"] == sent


@pytest.mark.parametrize("said", [{"prompt": None}, {"size": "big"}, {"size": (1, 2, 3)}, {"n": True}, {"n": "2"}])
def test_what_is_of_the_wrong_kind_is_said_in_a_sentence(studio, said):
    with pytest.raises(CellError):
        studio.imagine(**{"prompt": "a cat", **said})


def test_what_is_written_while_nobody_waits_is_there_for_the_next_question_and_its_failure_is_told_once(studio) -> None:
    studio.imagine("a beach")
    home, session = studio.history.home, studio.history.session
    database = Database(home / "history.db")
    database.replayed(session, 1, "2026-11-25T12:00:00.000000+00:00", "c")
    assert database.replayed_by("c") == {1}
    damage(home, "DROP TABLE move")
    database.replayed(session, 1, "2026-11-25T12:00:01.000000+00:00", "c")
    with pytest.raises(HistoryError, match="no such table: move"):
        database.labels()
    assert database.labels() == {}
