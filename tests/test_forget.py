"""Forgetting: words and bytes are gone for good, in the folder and in our recordings; everything else copes."""

import builtins
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from imgmagic import Studio
from imgmagic.errors import CellError, HistoryError
from imgmagic.exchange import ImageResponse
from imgmagic.forget import carry_out, forget, planned
from imgmagic.recording import Recording
from tests.helpers import Painter, encoded, png
from tests.lab import kernel

WORDS = "a portrait of Zoë Quince"
FACE = np.arange(64 * 48 * 3, dtype=np.uint32).reshape(48, 64, 3).astype(np.uint8)
BOX = "box:0,0,20,20"


@pytest.fixture
def studio(tmp_path):
    return Studio(home=tmp_path / "home", engine=Painter(), session="tour.ipynb")


def gone(studio, number, *options):
    return forget(studio, " ".join([str(number), *options, "--yes", str(number)]))["text/plain"]


def traces(folder, *needles):
    """Give the files of a folder in which any of some texts or bytes stand."""
    wanted = [each.encode() if isinstance(each, str) else each for each in needles]
    return [path for path in folder.rglob("*") if path.is_file() and any(each in path.read_bytes() for each in wanted)]


# --- what goes ---


def test_what_was_made_from_it_is_compared_with_nothing_unless_somebody_says_with_what(studio):
    studio.imagine("a dog")
    child = studio.refine("bluer")[0]
    gone(studio, 1)
    with pytest.raises(HistoryError, match="#1, which #2 was made from, is forgotten"):
        studio.history.compare()
    assert studio.history.compare(child, child).before == child


def test_neither_the_words_nor_the_bytes_stay_in_the_folder(studio):
    studio.imagine("a dog")
    picture = studio.imagine(WORDS, label="zoe", alt="Zoë, smiling", images=[FACE])[0]
    picture.preview(64, 20_000)
    given = [studio.history.store.get(row["file"], row["format"]) for row in studio.history.inputs(picture)]
    assert len(traces(studio.history.home, "Zoë", picture.bytes, *given)) == 3
    data = picture.bytes
    assert gone(studio, picture.number).startswith("#2 is forgotten.")
    assert traces(studio.history.home, "Zoë", "zoe", data, *given) == []
    assert {each.name[:64] for each in studio.history.previews.files()} == {studio.history[1].digest}
    assert studio.history.check() == []


def test_the_words_are_gone_from_the_file_even_where_it_was_written_to_often(studio):
    for index in range(40):
        studio.imagine(f"{WORDS} {index} " + "and so on " * 200)
    for number in range(1, 41):
        gone(studio, number)
    assert traces(studio.history.home, "Zoë", "and so on") == []
    with sqlite3.connect(studio.history.home / "history.db") as connection:
        assert connection.execute("PRAGMA freelist_count").fetchone() == (0,)


def test_what_the_engine_sent_before_a_mask_goes_too(studio):
    picture = studio.refine("turn red", source=FACE, mask=BOX)[0]
    sent = picture.original
    assert sent != picture.bytes
    gone(studio, picture.number)
    assert traces(studio.history.home, sent) == []
    assert [each.number for each in studio.history.all] == [1]


def test_a_face_is_removed_as_an_imported_root_also_where_it_was_sent_along(studio):
    child = studio.refine("make it sunset", source=FACE)[0]
    studio.imagine("in this style", images=[studio.history[1]])
    studio.imagine("in that style", images=[encoded(FACE)])
    face = studio.history[1].bytes
    gone(studio, 1)
    assert traces(studio.history.home, face) == []
    assert [each.number for each in studio.history.all] == [2, 3, 4]
    assert studio.history.check() == []
    for number in (2, 3, 4):
        with pytest.raises(HistoryError, match="forgotten"):
            studio.retake(number)
    assert child.bytes


def test_a_mask_and_a_reference_that_others_use_stay_unless_they_are_named(studio):
    studio.imagine("one", images=[encoded(FACE)])
    studio.imagine("two", images=[encoded(FACE)])
    assert "went with #2 too, and is kept there" in gone(studio, 1)
    assert len(traces(studio.history.home, encoded(FACE))) == 1
    studio.imagine("three", images=[encoded(FACE)])
    gone(studio, 2, "--inputs")
    assert traces(studio.history.home, encoded(FACE)) == []
    assert studio.history[3].bytes
    assert studio.history.check() == []


def test_the_same_bytes_stay_where_another_picture_has_them_and_this_is_said(studio):
    class Same(Painter):
        def make(self, _request, _watch):
            return ImageResponse((png("same", 0),), "painter", "brush", 0.1)

    studio._engine = Same()
    studio.imagine("one")
    studio.imagine("two")
    studio.refine("three", source=2)
    assert "Exactly the same picture is kept as #2, #3" in gone(studio, 1)
    assert studio.history[2].bytes == png("same", 0)
    assert studio.retake(3)
    assert studio.history.check() == []


# --- what stays ---


def test_children_stay_with_a_forgotten_parent(studio):
    studio.imagine("a cat")
    studio.refine(WORDS)
    child = studio.refine("bluer")[0]
    gone(studio, 2)
    child = studio.history[child.number]
    assert (child.parent, child.forgotten_parent) == (None, 2)
    assert studio.history.lineage(3) == [child]
    assert "#3 ← #2 (forgotten)" in studio.look(3).bundle["text/plain"]
    assert studio.history.children(1) == []
    with pytest.raises(HistoryError, match="#2 was forgotten on 20"):
        studio.history[2]
    with pytest.raises(HistoryError, match="#2, which #3 was made from, is forgotten"):
        studio.history.rollback()
    assert [each.number for each in studio.refine("redder")] == [4]


def test_a_number_is_never_given_again(studio, tmp_path):
    studio.imagine("a cat")
    studio.imagine("a dog")
    book = studio.history.export(tmp_path / "all")
    gone(studio, 2)
    assert [each.number for each in studio.imagine("a bird")] == [3]
    other = Studio(home=tmp_path / "other", engine=Painter())
    other.imagine("something else")
    gone(other, 1)
    assert 1 not in {each.number for each in other.history.load(book)}


def test_what_it_cost_stays_in_the_sums(studio):
    class Dear(Painter):
        paid = True

    studio._engine = Dear()
    studio.imagine(WORDS, n=2)
    with sqlite3.connect(studio.history.home / "history.db") as connection:
        connection.execute("UPDATE generation SET cost_usd = 0.5")
    gone(studio, 1)
    assert studio.history.spent() == 0.5
    assert studio.history[2].cost_usd == 0.25
    assert [each["pictures"] for each in studio.history.costs()] == [2]


def test_pictures_of_the_same_answer_stay_without_the_words(studio, tmp_path):
    studio.imagine(WORDS, n=3)
    assert "Of the same answer and kept, without the words: #1, #3" in gone(studio, 2)
    assert [each.prompt for each in studio.history.all] == ["", ""]
    assert traces(studio.history.home, "Zoë") == []
    with pytest.raises(HistoryError, match="words that made #3 are forgotten"):
        studio.retake(3)
    other = Studio(home=tmp_path / "other")
    assert len(other.history.load(studio.history.export(tmp_path / "all"))) == 2
    assert "its words are forgotten already" in planned(studio, studio.history[1]).lines[0]


def test_what_was_made_with_the_same_words_is_named(studio):
    studio.imagine(WORDS)
    studio.imagine(WORDS)
    assert "The same words are kept with #1" in "\n".join(planned(studio, studio.history[2]).lines)


# --- who copes ---


def test_the_cursor_goes_to_the_parent_and_undo_does_not_come_back(studio):
    studio.imagine("a cat")
    studio.refine(WORDS)
    studio.refine("bluer")
    studio.history.pick(2)
    gone(studio, 2)
    assert studio.history.cursor == 1
    while studio.history.can_undo:
        assert studio.history.undo() is None or studio.history.cursor != 2
    studio.history.pick(3)
    gone(studio, 3)
    assert studio.history.current is None
    assert studio.history.check() == []


def test_the_next_kernel_of_the_notebook_goes_on_above_it(studio):
    studio.imagine("a cat")
    studio.refine(WORDS)
    other = Studio(home=studio.history.home, engine=Painter(), session="other.ipynb")
    gone(other, 2)
    assert Studio(home=studio.history.home, engine=Painter(), session="tour.ipynb").history.cursor == 1
    with pytest.raises(HistoryError, match="#2 was forgotten"):
        studio.refine("bluer")


def test_its_call_is_made_anew_when_the_cell_is_run_again(studio):
    studio.imagine(WORDS)
    gone(studio, 1)
    assert studio.imagine(WORDS, replay=True).numbers == (2,)


def test_a_cell_whose_source_was_forgotten_says_so_when_it_is_run_again(cells):
    cells("%config ImgMagic.size = '256x256'")
    cells("%imagine a beach", "a")
    cells("%refine make it sunset", "b")
    cells("%imgmagic forget 1 --yes 1")
    assert "#1 was forgotten" in str(cells("%refine make it night", "b", fails=True).error)
    assert [each.number for each in cells.history] == [2]


def test_an_answer_to_what_was_forgotten_meanwhile_is_kept(studio):
    class Slow(Painter):
        def make(self, request, watch):
            history = studio.history
            history.forget(history[1], [history[1].digest])
            return super().make(request, watch)

    studio.imagine(WORDS)
    studio._engine = Slow()
    child = studio.refine("bluer")[0]
    assert (child.parent, child.forgotten_parent) == (None, 1)


def test_a_folder_with_calls_on_their_way_is_left_alone(studio):
    from imgmagic.budget import today

    studio.imagine(WORDS)
    flight = studio.history.depart("azure", 0.1, 10, today())
    with pytest.raises(HistoryError, match="still on its way"):
        gone(studio, 1)
    studio.history.arrive(flight)
    gone(studio, 1)


# --- recordings ---


@pytest.mark.parametrize("small", [False, True])
def test_our_recording_is_written_anew_without_it(studio, tmp_path, small):
    studio.imagine(WORDS)
    child = studio.refine("bluer")[0]
    studio.imagine("a dog", images=[encoded(FACE)])
    path, _ = studio.record(str(tmp_path / "tour"), small=small)
    assert "tour.imgmagic.zip is written anew without it" in gone(studio, 1)
    book = Recording.open(path)
    assert [each.prompt for each in book.generations] == ["bluer", "a dog"]
    other = Studio(home=tmp_path / "other", engine=Painter())
    assert [each.digest for each in other.history.load(path)] == [child.digest, studio.history[3].digest]
    assert other.history.check() == []
    with pytest.raises(HistoryError, match="not here"):
        other.retake(child.number)
    studio.history.export(tmp_path / "again")  # and what has no parent any more can be recorded
    gone(studio, 3)
    gone(studio, 2)
    assert not path.exists()


def test_the_notebook_is_recorded_without_what_one_of_its_calls_has_made_and_nothing_is_left_of(studio, tmp_path):
    kept = [studio.imagine(words)[0].number for words in (WORDS, "a dog")][1:]
    gone(studio, 1)
    again = Studio(home=tmp_path / "home", engine=Painter(), session="tour.ipynb")
    assert list(again.history.last_shown().values()) == [again.history[number].generation.uid for number in kept]
    assert studio.record(str(tmp_path / "tour"))[1].pictures == 1


def test_a_job_whose_pictures_are_forgotten_before_its_cell_ends_moves_nothing(studio):
    picture = studio.imagine("a dog")[0]
    job = studio.done(studio.imagine(WORDS, replay=True), studio.history.moves)
    gone(studio, 2)
    job.follow()
    assert studio.history.current == picture or studio.history.current is None


def test_a_recording_that_came_from_elsewhere_is_named_and_does_not_bring_it_back(studio, tmp_path):
    studio.imagine(WORDS)
    studio.refine("bluer")
    path, _ = studio.record(str(tmp_path / "tour"))
    before = path.read_bytes()
    reader = Studio(home=tmp_path / "reader", engine=Painter(), session="reader")
    face = reader.imagine(WORDS, replay=True)[0]
    data = face.bytes
    assert f"{path} still holds it" in gone(reader, face.number)
    assert path.read_bytes() == before
    again = reader.imagine(WORDS, replay=True)[0]
    assert again.number != face.number
    assert reader.history.made_here([again.generation.uid])
    gone(reader, again.number)
    assert path.read_bytes() == before
    reader.history.load(path)
    assert [each.prompt for each in reader.history.all] == ["bluer"]
    assert traces(reader.history.home, data) == []
    assert reader.history.check() == []


# --- the confirmation ---


def test_it_asks_for_the_number_and_says_before_what_goes(studio, monkeypatch):
    studio.imagine(WORDS)
    asked = []
    monkeypatch.setattr(builtins, "input", lambda question: asked.append(question) or "2")
    with pytest.raises(CellError, match="Nothing was forgotten: '2' is not 1"):
        forget(studio, "#1")
    assert f'Forgetting #1 ("{WORDS}")' in asked[0]
    assert asked[0].endswith("Type 1 to forget #1: ")
    monkeypatch.setattr(builtins, "input", lambda _question: " #1 ")
    forget(studio, "@")
    assert studio.history.all == []


def test_a_kernel_that_cannot_ask_says_how_to_confirm(tmp_path):
    with kernel(tmp_path, IMGMAGIC_SIZE="256x256") as running:
        running.run("%load_ext imgmagic\n%imagine a beach")
        refused = running.run("%imgmagic forget 1")
        done = running.run("%imgmagic forget 1 --yes 1")
    assert "nobody can be asked here" in refused.failure
    assert "%imgmagic forget 1 --yes 1" in refused.failure
    assert not done.failure
    assert Studio(home=tmp_path / ".imgmagic").history.all == []


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("", "Forget which picture"),
        ("1 2", "Forget which picture"),
        ("1 --force", "has no --force"),
        ("1 --yes", "has no --yes alone"),
        ("1 --yes 2", "'2' is not 1"),
        ("9 --yes 9", "There is no picture #9"),
    ],
)
def test_anything_else_forgets_nothing(studio, line, says):
    studio.imagine(WORDS)
    with pytest.raises((CellError, HistoryError), match=says):
        forget(studio, line)
    assert studio.history[1].bytes


def test_a_plan_is_carried_out_once(studio):
    studio.imagine(WORDS)
    plan = planned(studio, studio.history[1])
    carry_out(studio.history, plan)
    with pytest.raises(HistoryError, match="gone already"):
        carry_out(studio.history, plan)
    assert Path(studio.history.home).is_dir()
    shutil.rmtree(studio.history.home)


def test_the_words_are_overwritten_even_if_nothing_else_is_done(studio):
    studio.imagine(WORDS)
    studio.history.forget(studio.history[1], [])
    assert traces(studio.history.home, "Zoë") == []
