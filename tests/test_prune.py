"""Damage is found and said with what to do; what no picture needs is freed, and nothing else ever."""

import os
import shutil
import sqlite3
import threading
import time
from contextlib import suppress

import pytest

from imgmagic import Studio
from imgmagic.budget import today
from imgmagic.errors import CellError
from imgmagic.prune import freed, prune
from tests.helpers import Painter

DAY = 86_400


@pytest.fixture
def studio(tmp_path):
    studio = Studio(home=tmp_path / "home", engine=Painter(), session="tour.ipynb")
    studio.imagine("a cat")
    studio.refine("bluer", mask="box:0,0,20,20", images=[studio.history[1]])
    studio.refine("redder")
    shutil.rmtree(studio.history.home / "previews")  # each test makes the ones that it is about
    return studio


def flipped(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut(path):
    path.write_bytes(path.read_bytes()[:-20])


def sql(studio, *statements):
    with sqlite3.connect(studio.history.home / "history.db") as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        for each in statements:
            connection.execute(each)


def misnamed(studio):
    path = studio.history[3].path
    other = path.parents[1] / "00" / f"{'0' * 64}.png"
    other.parent.mkdir(exist_ok=True)
    path.replace(other)


def orphaned(studio, name="0" * 64 + ".png"):
    path = studio.history.store.root / "00" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"nobody's")
    return path


def mask_of(studio):
    row = next(row for row in studio.history.inputs(studio.history[2]) if row["role"] == "mask")
    return studio.history.store.path(row["file"], row["format"])


def preview_of(studio):
    studio.history[3].preview(64, 20_000)
    [path] = studio.history.previews.files()
    return path


DAMAGES = {
    "a flipped bit": (lambda s: flipped(s.history[3].path), ["#3: The picture's file was changed", "Put it back"]),
    "a truncated file": (lambda s: cut(s.history[3].path), ["#3: The picture's file was changed"]),
    "an empty file": (lambda s: s.history[3].path.write_bytes(b""), ["#3: The picture's file was changed"]),
    "a missing file": (lambda s: s.history[3].path.unlink(), ["#3: The picture's file is missing", "from a backup"]),
    "a missing mask": (lambda s: mask_of(s).unlink(), ["the mask of generation 2: The picture's file is missing"]),
    "a lost original": (
        lambda s: s.history.store.path(*s.history[2]._original).unlink(),
        ["the original of #2: The picture's file is missing"],
    ),
    "a wrong name": (
        misnamed,
        ["#3: The picture's file is missing", "the file of #3 under a wrong name. Rename it to"],
    ),
    "an orphan": (orphaned, ["no picture needs this file. `%imgmagic prune` deletes it"]),
    "a temporary file": (lambda s: orphaned(s, ".x.part"), [".x.part: no picture needs this file"]),
    "a flipped bit in a preview": (lambda s: flipped(preview_of(s)), ["this preview is damaged"]),
    "a truncated preview": (lambda s: cut(preview_of(s)), ["this preview is damaged"]),
    "no preview at all": (
        lambda s: preview_of(s).with_name("x.txt").write_text("x"),
        ["x.txt: this preview is damaged"],
    ),
    "a dangling parent": (
        lambda s: sql(s, "UPDATE input SET picture = 77 WHERE generation = 3 AND role = 'source'"),
        ["the source of generation 3 is #77, which is not here", "history.db back from a backup"],
    ),
    "a lost picture": (
        lambda s: sql(s, "DELETE FROM move", "DELETE FROM picture WHERE number = 3"),
        ["generation 3 has no pictures", "no picture needs this file"],
    ),
    "a lost source": (
        lambda s: sql(s, "DELETE FROM input WHERE generation = 3"),
        ["#3 is an edit, but of what is not here"],
    ),
    "a lost generation": (
        lambda s: sql(s, "DELETE FROM generation WHERE id = 1"),
        ["a row of 'picture' names a missing row of 'generation'", "lost"],
    ),
    "a label of nothing": (
        lambda s: sql(s, "INSERT INTO label VALUES ('lost', 77)"),
        ["a row of 'label' names a missing row of 'picture'"],
    ),
    "a circle": (
        lambda s: sql(s, "UPDATE input SET picture = 3 WHERE generation = 2 AND role = 'source'"),
        ["is its own ancestor"],
    ),
    "its own parent": (
        lambda s: sql(s, "UPDATE input SET picture = 3 WHERE generation = 3 AND role = 'source'"),
        ["#3 is its own ancestor"],
    ),
    "a name that is none": (
        lambda s: sql(s, "UPDATE picture SET file = '../../x' WHERE number = 3"),
        ["#3: The history names a file that cannot be one"],
    ),
    "no JSON": (
        lambda s: sql(s, "UPDATE generation SET params = '{' WHERE id = 3"),
        ["generation 3: The history's folder is damaged: a generation makes no sense"],
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_check_finds(studio, damage):
    assert studio.history.check() == []
    harm, says = DAMAGES[damage]
    harm(studio)
    problems = "\n".join(studio.history.check())
    assert [each for each in says if each not in problems and each != "lost"] == []
    assert all(line.endswith(".") for line in problems.splitlines())


def test_a_damaged_page_of_the_database_is_found(tmp_path):
    studio = Studio(home=tmp_path / "home", engine=Painter())
    for number in range(40):
        studio.imagine(f"number {number} " + "and so on " * 40)
    path = tmp_path / "home" / "history.db"
    data = bytearray(path.read_bytes())
    for at in range(len(data) // 2, len(data) // 2 + 3000):
        data[at] ^= 0x55
    path.write_bytes(data)
    assert "history.db" in studio.history.check()[0]


def test_a_damaged_preview_is_made_again_and_never_shown(studio):
    path = preview_of(studio)
    whole = path.read_bytes()
    flipped(path)
    assert studio.history[3].preview(64, 20_000).data == whole
    assert studio.history.check() == []


# --- prune ---


def aged(path, seconds=DAY):
    then = time.time() - seconds
    os.utime(path, (then, then))
    return path


def test_it_frees_what_no_picture_needs_and_nothing_else(studio):
    orphan, part, preview = (aged(each) for each in (orphaned(studio), orphaned(studio, ".x.part"), preview_of(studio)))
    for path in studio.history.store.files():
        aged(path)
    before = {path: path.read_bytes() for path in studio.history.needed()}
    said = prune(studio, "--dry-run")["text/plain"]
    assert said.startswith("This would free 2 files that no picture needs, 1 file of previews")
    assert all(each.exists() for each in (orphan, part, preview))
    said = prune(studio, "")["text/plain"]
    assert said.startswith("Freed: 2 files that no picture needs, 1 file of previews")
    assert not any(each.exists() for each in (orphan, part, preview))
    assert {path: path.read_bytes() for path in studio.history.needed()} == before
    assert studio.history.check() == []
    assert prune(studio, "")["text/plain"] == "There is nothing to free."
    assert studio.look(3).bundle["image/jpeg"]


def test_what_is_young_stays(studio):
    orphan, preview = orphaned(studio), preview_of(studio)
    said = prune(studio, "")["text/plain"]
    assert said == "There is nothing to free. 2 files younger than an hour, or than a call that is on its way: kept."
    assert orphan.exists()
    assert preview.exists()


def test_what_came_since_a_call_set_out_in_another_kernel_stays(studio):
    other = Studio(home=studio.history.home, engine=Painter())
    flight = other.history.depart("azure", 0.1, 10, today())
    sql(studio, "UPDATE flight SET started = '2020-01-01T00:00:00.000000+00:00'")
    orphan = aged(orphaned(studio))
    assert freed(studio.history).orphans == 0
    other.history.arrive(flight)
    assert freed(studio.history).orphans == 1
    assert not orphan.exists()


def test_what_was_sent_along_for_a_lost_picture_is_freed(studio):
    mask = aged(mask_of(studio))
    sql(studio, "DELETE FROM move", "DELETE FROM picture WHERE number = 2")
    freed(studio.history)
    assert not mask.exists()


def test_bytes_that_somebody_has_just_come_to_need_stay(studio):
    store, data = studio.history.store, studio.history[3].bytes
    path = store.root / "00" / ("0" * 64 + ".png")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    before = time.time() - 10
    assert store.discard(path, before) == 0
    assert path.read_bytes() == data
    assert store.discard(aged(path), before) == len(data)
    assert store.discard(path, before) == 0
    assert store.discard(aged(studio.history[3].path), before) == len(data)
    assert store.put(data, "png") == studio.history[3].digest
    assert studio.history.check() == []


def test_an_old_orphan_that_is_put_again_while_it_is_pruned_is_never_lost(studio):
    store, stop, lost = studio.history.store, threading.Event(), []

    def sweep():
        while not stop.is_set():
            for path in store.files():
                store.discard(path, time.time() - DAY / 2)

    sweeper = threading.Thread(target=sweep)
    sweeper.start()
    for number in range(300):
        kind, data = "png", b"\x89PNG\r\n\x1a\n" + str(number % 5).encode()
        path = store.path(store.put(data, kind), kind)
        lost += [] if comes_back(path) else [number]
        with suppress(FileNotFoundError):
            aged(path)
    stop.set()
    sweeper.join()
    assert lost == []


def comes_back(path):
    """Wait for a file that may be put aside for a moment while its age is looked at."""
    return any(path.exists() or time.sleep(0.01) for _ in range(200))


def test_other_words_are_refused(studio):
    with pytest.raises(CellError, match="takes no '--force'"):
        prune(studio, "--force")
