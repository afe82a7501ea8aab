"""A recorded notebook is read and run by anyone: no key, no network, the same pictures."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import imgmagic
from tests.helpers import Painter
from tests.lab import isolated, kernel

CELLS = {
    "load": "%load_ext imgmagic\n%config ImgMagic.size = 'auto'",
    "sea": "%imagine --label sea a beach",
    "sky": "%refine a deeper blue",
    "many": "%refine -n 3 in ink",
    "pick": "%pick .2",
    "boat": "%refine add a boat",
    "loop": "for _ in range(3):\n    %imagine cat",
    "twin": "%imagine cat",
    "again": "%refine --from sea at night",
    "digests": "print(' '.join(p.digest for p in __import__('imgmagic').history))",
}


def written(folder, cells=CELLS, name="tour.ipynb"):
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(code, id=cell) for cell, code in cells.items()],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    path = folder / name
    nbformat.write(notebook, path)
    return path


def run(path, *, fails=False, **variables):
    """Run a notebook as `jupyter execute` does: the kernel is not told the cells' ids."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=120, allow_errors=fails, resources={"metadata": {"path": str(path.parent)}}
    )
    client.execute(env=isolated(path.parent / "home", **variables))
    return {cell["id"]: cell["outputs"] for cell in notebook.cells}


def captions(outputs):
    """Give what every cell says of its pictures, numbers first."""
    return {
        cell: [each["data"]["text/plain"] for each in shown if "text/plain" in each.get("data", {})]
        for cell, shown in outputs.items()
    }


def numbers(outputs):
    return {cell: [text.split(" · ")[0] for text in texts] for cell, texts in captions(outputs).items() if texts}


def printed(outputs, cell="digests"):
    return "".join(each.get("text", "") for each in outputs[cell])


@pytest.fixture(scope="module")
def author(tmp_path_factory):
    """The author's folder: the notebook was run with ids against a service, and recorded whole and small."""
    from tests.fake_api import fake_api

    folder = tmp_path_factory.mktemp("author")
    path = written(folder)
    with fake_api(auto_size="640x480") as api:
        variables = {
            "AZURE_OPENAI_ENDPOINT": api.url,
            "AZURE_OPENAI_API_KEY": "test-key",
            "AZURE_OPENAI_DEPLOYMENT_NAME": "img-dep",
            "JPY_SESSION_NAME": str(path),
        }
        with kernel(folder, **variables) as running:
            for cell, code in CELLS.items():
                done = running.run(code, cell)
                assert done.failure == ""
            digests = done.printed
            assert running.run("%imgmagic record").failure == ""
            assert running.run("%imgmagic record small --small").failure == ""
        assert len(api.calls) == 9
    return folder, digests


@pytest.fixture
def reader(author, tmp_path):
    """An empty folder with the notebook and its recording, and nothing else."""
    folder, digests = author
    shutil.copy(folder / "tour.ipynb", tmp_path)
    shutil.copy(folder / "tour.imgmagic.zip", tmp_path)
    return tmp_path / "tour.ipynb", digests


def test_a_reader_without_ids_sees_the_same_pictures(reader):
    path, digests = reader
    outputs = run(path)
    assert printed(outputs) == digests
    assert "sketch" not in json.dumps(outputs)
    assert "recorded 2" in captions(outputs)["sea"][0]
    history = imgmagic.Studio(home=path.parent / ".imgmagic").history
    assert history.check() == []
    assert history.cost() == history.spent() == 0


def test_a_reader_who_runs_it_twice_sees_the_same_numbers(reader):
    path, digests = reader
    first, second = run(path), run(path)
    assert printed(first) == printed(second) == digests
    assert numbers(first) == numbers(second)


def test_a_small_recording_gives_the_same_digests(author, tmp_path):
    folder, digests = author
    shutil.copy(folder / "tour.ipynb", tmp_path)
    shutil.copy(folder / "small.imgmagic.zip", tmp_path)
    outputs = run(tmp_path / "tour.ipynb")
    assert printed(outputs) == digests
    history = imgmagic.Studio(home=tmp_path / ".imgmagic").history
    assert history.check() == []
    assert history[1].reduced
    assert hashlib.sha256(history[1].bytes).hexdigest() != history[1].digest
    assert (folder / "small.imgmagic.zip").stat().st_size < (folder / "tour.imgmagic.zip").stat().st_size


def test_a_key_for_something_else_sends_nothing(reader):
    path, digests = reader
    with kernel(path.parent, OPENAI_API_KEY="sk-other", OPENAI_BASE_URL="http://127.0.0.1:9") as running:
        for cell, code in CELLS.items():
            done = running.run(code, cell)
            assert done.failure == ""
    assert done.printed == digests


def test_papermill_runs_it_from_elsewhere(reader, tmp_path_factory):
    path, digests = reader
    elsewhere, work = tmp_path_factory.mktemp("elsewhere"), tmp_path_factory.mktemp("work")
    recording = shutil.move(path.with_name("tour.imgmagic.zip"), elsewhere / "here.imgmagic.zip")
    command = [
        sys.executable,
        "-m",
        "papermill",
        str(path),
        str(elsewhere / "out.ipynb"),
        "--cwd",
        str(work),
        "-k",
        "python3",
    ]
    subprocess.run(
        command,
        check=True,
        cwd=elsewhere,
        env=isolated(elsewhere / "home", IMGMAGIC_RECORDING=str(recording)),
        timeout=120,
    )
    notebook = nbformat.read(elsewhere / "out.ipynb", as_version=4)
    outputs = {cell["id"]: cell["outputs"] for cell in notebook.cells}
    assert printed(outputs) == digests
    assert "sketch" not in json.dumps(outputs)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a file system where not even root may write")
def test_a_folder_that_cannot_be_written_is_read_all_the_same(reader):
    path, digests = reader
    (path.parent / ".imgmagic").symlink_to("/proc")
    outputs = run(path)
    assert printed(outputs) == digests
    assert "/proc" not in captions(outputs)["sea"][0].split("cannot be written")[1]
    assert "sketch" not in json.dumps(outputs)


def test_only_fails_where_a_prompt_was_changed_and_says_which_cell(reader):
    path, _ = reader
    changed = written(path.parent, CELLS | {"sky": "%refine a paler blue"}, "changed.ipynb")
    outputs = run(changed, fails=True, IMGMAGIC_REPLAY="only")
    (error,) = [each for each in outputs["sky"] if each["output_type"] == "error"]
    text = "\n".join(error["traceback"])
    assert "In [3]" in text
    assert "a paler blue" in text
    assert "never recorded" in text


def test_a_changed_prompt_without_a_key_is_sketched_and_says_so(reader):
    path, _ = reader
    with kernel(path.parent, IMGMAGIC_SIZE="256x256") as running:
        running.run(CELLS["load"], "load")
        running.run(CELLS["sea"], "sea")
        done = running.run("%imagine a meadow", "sea")
        assert (
            "you changed this prompt; nothing recorded fits and no key is set: this is the built-in sketch, not AI"
            in (done.shown[0]["text/plain"])
        )
        # What comes after it was recorded from another picture, and stands in.
        after = running.run(CELLS["sky"], "sky").shown[0]["text/plain"]
        assert "from another input or with other settings, since no key is set" in after
        assert "sketch" not in after


def test_a_recorded_number_or_label_is_found_before_it_is_brought_in(reader):
    path, digests = reader
    with kernel(path.parent) as running:
        running.run(CELLS["load"])
        assert running.run("%pick 5").failure == ""
        assert running.value("__import__('imgmagic').history.current.digest") == digests.split()[4]
        assert running.value("__import__('imgmagic').history['sea'].number") == 1
    with kernel(path.parent, IMGMAGIC_SIZE="256x256") as running:
        running.run(CELLS["load"])
        running.run("%imagine a meadow in fog")
        assert running.value("__import__('imgmagic').history.current.number") > 10


@pytest.mark.parametrize("without_ids", [False, True])
def test_a_retake_cell_gives_its_take_again_to_a_reader(tmp_path, azure, without_ids):
    path = written(tmp_path)
    cells = {"load": CELLS["load"], "sea": CELLS["sea"], "retake": "%retake", "boat": CELLS["boat"]}
    with kernel(tmp_path, **dict(os.environ), JPY_SESSION_NAME=str(path)) as running:
        for cell, code in cells.items():
            assert running.run(code, cell).failure == ""
        running.run("%imgmagic record")
    reader = tmp_path / "reader"
    reader.mkdir()
    shutil.copy(tmp_path / "tour.imgmagic.zip", reader)
    with kernel(reader) as running:
        shown = {cell: running.run(code, None if without_ids else cell) for cell, code in cells.items()}
    assert [shown[cell].failure for cell in cells] == [""] * 4
    assert [each for cell in cells for each in shown[cell].shown if "sketch" in each["text/plain"]] == []
    assert len(azure.calls) == 3


# --- what is recorded ---


@pytest.fixture
def studio(tmp_path):
    return imgmagic.Studio(home=tmp_path / "home", engine=Painter(), session="nb.ipynb")


def test_a_recording_holds_what_calls_show_and_nothing_else(cells, azure):
    cells("%imagine a cat", "a")
    cells("%imagine a dog", "a")
    cells("%imagine a fox", "b")
    cells("%retake", "r")
    cells("%imgmagic record kept")
    history = imgmagic.Studio(home="other").history
    assert [each.prompt for each in history.load("kept.imgmagic.zip")] == ["a dog", "a fox"]
    assert [each.number for each in history.all] == [2, 4]


def test_a_call_that_a_cell_no_longer_makes_is_not_recorded(cells, azure):
    cells("%imagine a cat\n%imagine a dog", "a")
    cells("%imagine a cat", "a")
    cells("%imgmagic record kept")
    assert [each.prompt for each in imgmagic.Studio(home="other").history.load("kept.imgmagic.zip")] == ["a cat"]


def test_what_a_picture_was_made_from_comes_along(studio, tmp_path):
    studio.imagine("a cat", label="hero")
    studio.refine("bluer")
    studio.refine("redder", source=1)
    path, _ = studio.history.record(tmp_path / "red", [studio.history[3].generation.uid])
    other = imgmagic.Studio(home=tmp_path / "other").history
    assert [each.number for each in other.load(path)] == [1, 3]
    assert other[3].parent == other["hero"]
    assert other[3].bytes == studio.history[3].bytes
    assert other.check() == []
    assert other.load(path) == []


def test_numbers_that_are_taken_and_labels_that_are_used_stay_with_what_is_here(studio, tmp_path):
    studio.imagine("a cat", label="hero")
    studio.refine("bluer")
    path = studio.history.export(tmp_path / "all.imgmagic.zip")
    other = imgmagic.Studio(home=tmp_path / "other", engine=Painter())
    other.imagine("a dog", label="hero")
    brought = other.history.load(path)
    # Its parent came first, as #1 was taken; #2 was free, and stays #2.
    assert [(each.number, each.prompt) for each in sorted(brought, key=lambda each: each.number)] == [
        (2, "a cat"),
        (3, "bluer"),
    ]
    assert other.history["hero"].prompt == "a dog"
    assert brought[1].parent == brought[0]
    assert other.history.current.prompt == "a dog"


def test_what_is_made_beside_two_recordings_has_a_number_of_neither(studio, tmp_path, monkeypatch):
    here = tmp_path / "here"
    here.mkdir()
    studio.imagine("a cat")
    studio.history.export(here / "a")
    studio.imagine("a dog", n=4)
    studio.history.export(here / "b")
    monkeypatch.chdir(here)
    other = imgmagic.Studio(home=here / "home", engine=Painter())
    assert other.imagine("a bird", replay=True)[0].number == 6
    assert [each.number for each in other.imagine("a dog", n=4, replay=True)] == [2, 3, 4, 5]


def test_a_damaged_recording_brings_nothing_in(studio, tmp_path):
    studio.imagine("a cat")
    path = studio.history.export(tmp_path / "all")
    data = bytearray(path.read_bytes())
    data[data.index(b"IDAT") + 20] ^= 1
    path.write_bytes(bytes(data))
    other = imgmagic.Studio(home=tmp_path / "other").history
    with pytest.raises(imgmagic.HistoryError, match=r"all\.imgmagic\.zip"):
        other.load(path)
    assert other.all == []


def test_a_damaged_recording_beside_the_notebook_is_said_and_passed_over(cells, monkeypatch):
    Path("bad.imgmagic.zip").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    monkeypatch.setenv("IMGMAGIC_SIZE", "256x256")
    text = cells("%imagine a beach").text
    assert "bad.imgmagic.zip" in text
    assert "git lfs pull" in text
    assert "bad.imgmagic.zip" not in cells("%imagine a beach").text
    monkeypatch.setenv("IMGMAGIC_RECORDING", "bad.imgmagic.zip")
    assert "bad.imgmagic.zip" in str(cells("%imagine a beach", fails=True).error)
    monkeypatch.setenv("IMGMAGIC_RECORDING", "nosuch.imgmagic.zip")
    assert "IMGMAGIC_RECORDING" in str(cells("%imagine a beach", fails=True).error)


def test_a_recording_is_loaded_by_its_address(studio, tmp_path):
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
    from threading import Thread

    class Quiet(SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(tmp_path))

        def log_message(self, *_):
            pass

    studio.imagine("a cat")
    studio.history.export(tmp_path / "all")
    with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        other = imgmagic.Studio(home=tmp_path / "other").history
        url = f"http://127.0.0.1:{server.server_port}/all.imgmagic.zip"
        assert [each.prompt for each in other.load(url)] == ["a cat"]
        with pytest.raises(imgmagic.HistoryError, match="404"):
            other.load(url.replace("all", "none"))
        server.shutdown()
    with pytest.raises(imgmagic.HistoryError, match="no public https address"):
        other.load("http://example.com/all.imgmagic.zip")


def test_nothing_to_record_is_an_error(cells):
    assert "nothing to record" in str(cells("%imgmagic record", fails=True).error)
    assert "Load which" in str(cells("%imgmagic load", fails=True).error)
    assert "--tiny" in str(cells("%imgmagic record --tiny", fails=True).error)
