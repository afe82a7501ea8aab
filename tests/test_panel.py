"""The panel's side in the kernel: what it tells, what it answers, what it refuses, and what it leaves in a notebook."""

import ast
import io
import json
import random
import re
import sqlite3
import subprocess
import sys
import threading
import time
import zipfile
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgmagic import CellError, HistoryError, Studio, images, kernel
from imgmagic.cell import parse
from imgmagic.exchange import DEFAULTS
from imgmagic.panel import Panel, modules, static
from imgmagic.panel.copying import cell_text
from imgmagic.panel.desk import MAX_UPLOAD
from imgmagic.prepare import Wishes
from imgmagic.tree import History
from tests.helpers import Painter, png

HOSTILE = "<img src=x onerror=alert(1)></script>\u202etxt\u200b"


class Listening(Panel):
    """A panel whose messages to the front end are kept."""

    def __init__(self, studio):
        self.sent = []
        super().__init__(studio)

    def send(self, content, buffers=None):
        json.dumps(content)
        self.sent.append((content, [bytes(each) for each in buffers or ()]))

    def ask(self, what, parts=(), **more):
        """Send a message as the front end does, and give the answer."""
        self._heard(self, {"id": 7, "ask": what, **more}, [memoryview(each) for each in parts])
        return next((content, data) for content, data in reversed(self.sent) if content.get("re") == 7)

    def news(self, kind="tree"):
        return [content for content, _ in self.sent if content.get("news") == kind]


class Slow(Painter):
    """An engine that waits until it is told to go on."""

    def __init__(self):
        self.go = threading.Event()

    def make(self, request, watch):
        watch.partial(png("unfinished", 0))
        while not self.go.wait(0.01):
            watch.check()
        return super().make(request, watch)


@pytest.fixture
def studio(tmp_path):
    studio = Studio(home=tmp_path / "home", engine=Painter(), session="notebook.ipynb")
    yield studio
    assert studio.history.check() == []


@pytest.fixture
def panel(studio):
    """A panel on #1 "a cat" and its children #2 and #3; #3 is current."""
    studio.imagine("a cat", label="hero")
    studio.refine("bluer")
    studio.refine("redder", source=1)
    return Listening(studio)


def until(condition):
    for _ in range(2000):
        if condition():
            return
        time.sleep(0.005)
    raise AssertionError("it did not happen")


# --- what it tells ---


def test_it_opens_with_the_whole_tree_and_no_picture(panel):
    content, parts = panel.ask("open")
    assert parts == []
    assert content["columns"] == {
        "number": [1, 2, 3],
        "parent": [0, 1, 1],
        "engines": ["painter"],
        "engine": [0, 0, 0],
        "prompt": ["a cat", "bluer", "redder"],
    }
    assert (content["current"], content["undo"], content["redo"], content["labels"]) == (3, True, False, {"1": "hero"})


def test_what_a_cell_makes_is_told_at_once_and_only_that(panel, studio):
    panel.ask("open")
    studio.refine("with a hat")
    first, news = panel.news()
    assert first == {"news": "tree", "whole": False, "stale": []}, "found out after the first sight"
    assert news["columns"]["number"] == [4]
    assert (news["current"], news["whole"], "labels" in news, "stars" in news) == (4, False, False, False)


def test_nothing_is_told_while_nobody_looks(panel, studio):
    studio.history.rollback()
    panel.ask("open")
    panel.ask("bye")
    told = len(panel.news())
    studio.history.pick(3)
    assert len(panel.news()) == told


def test_two_panels_stay_in_step(panel, studio):
    other = Listening(studio)
    panel.ask("open")
    other.ask("open")
    panel.ask("pick", number=2)
    panel.ask("star", number=2, on=True)
    panel.ask("label", number=2, label="blue")
    for each in (panel, other):
        told = {name: value for news in each.news() for name, value in news.items()}
        assert (told["current"], told["stars"], told["labels"]) == (2, [2], {"1": "hero", "2": "blue"})
    other.close()
    told = len(other.sent)
    panel.ask("undo")
    assert len(other.sent) == told


def test_pictures_of_another_kernel_come_with_the_next_news(panel, studio, tmp_path):
    panel.ask("open")
    Studio(home=tmp_path / "home", engine=Painter(), session="other.ipynb").imagine("a dog")
    studio.history.pick(1)
    assert panel.news()[-1]["columns"]["number"] == [4]


def test_when_pictures_are_gone_the_whole_tree_is_told_again(panel, studio, tmp_path):
    panel.ask("open")
    path = studio.history[2].path
    with closing(sqlite3.connect(tmp_path / "home" / "history.db")) as foreign, foreign:
        tables = {"move": "picture", "input": "generation", "picture": "number", "generation": "id"}
        foreign.executescript(";".join(f"DELETE FROM {table} WHERE {column} = 2" for table, column in tables.items()))
    path.unlink()
    studio.history.pick(1)
    assert (panel.news()[-1]["whole"], panel.news()[-1]["columns"]["number"]) == (True, [1, 3])


def test_moves_and_marks_are_the_historys(panel, studio):
    history = studio.history
    for ask, more, current in [
        ("pick", {"number": 1}, 1),
        ("undo", {}, 3),
        ("redo", {}, 1),
        ("pick", {"number": 2}, 2),
    ]:
        assert "error" not in panel.ask(ask, **more)[0]
        assert history.cursor == current
    panel.ask("star", number=2, on=True)
    panel.ask("label", number=2, label="blue")
    assert (history[2].starred, history["blue"].number) == (True, 2)
    panel.ask("star", number=2, on=False)
    assert not history[2].starred


def test_a_label_is_taken_away_by_an_empty_one(panel, studio):
    panel.ask("open")
    panel.ask("label", number=1, label="")
    assert studio.history.labels == panel.news()[-1]["labels"] == {}
    assert "error" not in panel.ask("label", number=1, label="")[0]


def test_what_is_replayed_and_what_is_stale_is_told(cells):
    cells("%imagine -s 256x256 a beach", "a")
    cells("%refine make it night", "b")
    panel = Listening(kernel.studio())
    opened, _ = panel.ask("open")
    assert (panel.news()[-1]["stale"], opened["replayed"]) == ([], [])
    cells("%imagine -s 256x256 a beach", "a")
    assert panel.news()[-1]["replayed"] == [1]
    cells("%imagine -s 256x256 a mountain lake", "a")
    assert (panel.news()[-1]["stale"], panel.news()[-1]["current"]) == ([2], 3)
    assert "#2</strong> ← #1 · stale · sketch" in static.whole(cells.history)["text/html"]


def test_words_are_searched_in_the_whole_prompt(panel, studio):
    studio.imagine("x " * 2000 + "needle")
    assert panel.ask("find", words="NEEDLE")[0]["numbers"] == [4]


# --- pictures ---


def test_thumbnails_are_small_and_a_damaged_one_says_so(panel, studio):
    studio.imagine("noise", size="512x512")
    content, [data] = panel.ask("thumb", number=4)
    assert content["mime"] == "image/jpeg"
    assert len(data) < 10_000
    studio.imagine("torn")
    kept = studio.history[5].bytes
    studio.history[5].path.write_bytes(b"torn")
    assert panel.ask("thumb", number=5)[0]["damaged"]
    studio.history[5].path.write_bytes(kept)


def test_a_thumbnail_is_made_of_what_a_cell_has_shown(panel, studio):
    studio.imagine("noise", size="512x512")
    studio.history.present([4])
    seen = []
    decode = images.decode
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(images, "decode", lambda data: seen.append(data) or decode(data))
        panel.ask("thumb", number=4)
    assert seen
    assert seen[0] != studio.history[4].bytes


def test_a_look_is_as_large_as_asked_for_and_the_original_is_bit_for_bit(panel, studio):
    class Large(Painter):
        def make(self, request, watch):
            answer = super().make(request, watch)
            noise = Image.effect_noise((1600, 1200), 90).convert("RGB")
            out = io.BytesIO()
            noise.save(out, "PNG")
            return type(answer)((out.getvalue(),), "painter", "brush", 0.1)

    content, [data] = panel.ask("view", number=1, side=512)
    assert (data, content["whole"], content["size"]) == (studio.history[1].bytes, True, [64, 48])
    studio._engine = Large()
    studio.imagine("noise")
    for side, width in ((512, 512), (10**9, 1600), (-1, 64)):
        content, [data] = panel.ask("view", number=4, side=side)
        assert max(Image.open(io.BytesIO(data)).size) <= width
        assert len(data) <= 400_000
    assert panel.ask("original", number=4)[1] == [studio.history[4].bytes]


def test_what_is_said_about_a_picture_is_plain(panel, studio):
    studio.refine(HOSTILE, quality="high")
    content, _ = panel.ask("look", number=4)
    assert content["prompt"] == HOSTILE
    facts = dict(content["facts"])
    assert facts["Made by"] == "painter/brush"
    assert (facts["Size"], facts["Quality"]) == ("64 × 48 PNG", "high")
    assert (content["file"], content["cell"]) == ("imgmagic-4.png", f"%%refine --from 3 -q high\n{HOSTILE}")


@pytest.mark.parametrize(
    ("call", "line"),
    [
        ({}, "%%imagine"),
        ({"n": 2, "size": "64x48", "quality": "low"}, "%%imagine -n 2 -s 64x48 -q low"),
        ({"format": "jpeg", "compression": 40, "model": "my dep"}, '%%imagine -f jpeg -c 40 -m "my dep"'),
    ],
)
def test_a_copied_cell_asks_for_the_same(studio, call, line):
    picture = studio.imagine("a {curious} cat\n--from nowhere", **call)[0]
    text = cell_text(studio, picture)
    assert text == f"{line} --raw\n{picture.prompt}"
    first, body = text.split("\n", 1)
    args = parse("imagine", first.removeprefix("%%imagine"), body, lambda words: words)
    asked = {name: getattr(args, name) or DEFAULTS.get(name) for name in picture.params}
    assert asked == dict(picture.params)
    assert args.prompt == picture.prompt


def test_a_copied_refine_names_its_parent_and_says_only_what_it_does_not_inherit(studio):
    studio.imagine("a cat", size="512x512")
    assert cell_text(studio, studio.refine("bluer")[0]) == "%%refine --from 1\nbluer"
    assert cell_text(studio, studio.refine("larger", size="1024x1024")[0]) == "%%refine --from 2 -s 1024x1024\nlarger"


def test_a_copied_cell_says_what_went_along(studio):
    studio.imagine("a cat")
    studio.masks["sky"] = mask((64, 48))
    reference, other = png("reference", 0), np.eye(48, 64, dtype=bool)
    for wished in ("box:0,0,50%,50%", "name:sky"):
        picture = studio.refine("bluer", source=1, mask=wished, fidelity="high", params={"seed": 7})[0]
        assert cell_text(studio, picture) == f"%%refine --from 1 --mask {wished} --fidelity high -p seed=7\nbluer"
    picture = studio.refine("bluer", source=1, mask=other, soft=True, images=[reference])[0]
    line, _ = cell_text(studio, picture).split("\n")
    found = re.fullmatch(r"%%refine --from 1 -i (\S+\.png) --mask (\S+\.png) --soft", line)
    assert found, line
    again = studio.refine("bluer", source=1, mask=Path(found[2]), soft=True, images=[Path(found[1])])[0]
    sent = [[each.data for each in studio.history.request(made).inputs] for made in (again, picture)]
    assert sent[0] == sent[1]


def test_a_brought_picture_has_neither_cell_nor_code(panel, studio):
    number = panel.ask("upload", [png("brought", 0)], name="photo.png")[0]["number"]
    assert panel.ask("look", number=number)[0]["cell"] == ""
    assert "brought in" in panel.ask("code of", number=number)[0]["error"]
    assert "brought in" in panel.ask("retake", number=number)[0]["error"]
    assert panel.ask("open")[0]["columns"]["engines"] == ["imported", "painter"]


def test_copied_code_is_a_program(panel):
    text = panel.ask("code of", number=2)[0]["text"]
    assert "bluer" in text
    ast.parse(text)


# --- what is brought and made ---


def test_a_picture_that_is_brought_is_a_root_bit_for_bit(panel, studio):
    data = png("brought", 0)
    number = panel.ask("upload", [data], name=HOSTILE)[0]["number"]
    assert (studio.history[number].bytes, studio.history[number].parent) == (data, None)
    assert (studio.history[number].operation, studio.history.cursor) == ("import", number)
    studio.history.pick(1)
    assert panel.ask("upload", [data], name="again.png")[0]["number"] == number
    assert studio.history.cursor == number


def mask(size, mode="RGBA"):
    out = io.BytesIO()
    Image.new(mode, size).save(out, "PNG")
    return out.getvalue()


def test_a_mask_is_kept_for_the_next_instruction_or_under_a_name(panel, studio):
    panel.ask("open")
    data = mask((64, 48))
    assert panel.ask("mask", [data], number=3, name="")[0]["name"] == "painted"
    panel.ask("mask", [data], number=3, name="sky_1")
    assert studio.masks == {"painted": data, "sky_1": data}
    assert panel.news()[-1]["masks"] == ["painted", "sky_1"]


def test_a_painted_mask_bounds_the_edit_in_the_panel_and_in_a_cell(panel, studio):
    selected = np.zeros((48, 64), bool)
    selected[10:20, 5:30] = True
    alpha = Image.new("RGBA", (64, 48))
    alpha.putalpha(Image.fromarray(np.where(selected, 0, 255).astype(np.uint8)))
    alpha.save(out := io.BytesIO(), "PNG")
    for name in ("", "sky"):
        panel.ask("mask", [out.getvalue()], number=3, name=name)
    panel.ask("refine", number=3, prompt="greener", n=1, mask=True)
    until(lambda: panel.news("ended"))
    by_cell = studio.refine("greener", source=3, mask="name:sky")[0]
    assert "the source, tinted where it is edited" in [each.get("alt") for each in panel.news("told")]
    for made in (studio.history[panel.news("ended")[0]["numbers"][0]], by_cell):
        changed = np.any(np.asarray(made) != np.asarray(studio.history[3]), axis=2)
        assert changed.any()
        assert not changed[~selected].any()
    panel.ask("refine", number=3, prompt="greener", n=1, mask=True, soft=True)
    until(lambda: len(panel.news("ended")) == 2)
    soft = np.asarray(studio.history[panel.news("ended")[1]["numbers"][0]])
    assert np.any(soft != np.asarray(studio.history[3]), axis=2)[~selected].any()


@pytest.mark.parametrize(
    ("data", "name", "words"),
    [
        (mask((64, 47)), "", "64x48"),
        (mask((64, 48), "L"), "", "alpha"),
        (b"GIF89a", "", "no PNG"),
        (mask((64, 48)), "a b", "no name for a mask"),
        (mask((64, 48)), "../x", "no name for a mask"),
    ],
)
def test_a_mask_that_would_not_do_is_refused(panel, studio, data, name, words):
    assert words in panel.ask("mask", [data], number=3, name=name)[0]["error"]
    assert not studio.masks


def test_a_refine_runs_in_the_background_and_tells_how_it_goes(panel, studio):
    panel.ask("open")
    studio._engine = Slow()
    asked = {"number": 2, "prompt": "greener", "n": 2, "size": "", "quality": "low"}
    assert "error" not in panel.ask("refine", **asked)[0]
    assert panel.news("begun")[0]["line"] == "refining #2"
    until(lambda: any(parts for content, parts in panel.sent if content.get("news") == "told"))
    assert "busy" in panel.ask("retake", number=2)[0]["error"]
    studio._engine.go.set()
    until(lambda: panel.news("ended"))
    assert panel.news("ended")[0]["numbers"] == [4, 5]
    made = studio.history[4]
    assert (made.parent.number, made.prompt, made.params["quality"]) == (2, "greener", "low")
    assert panel.news()[-1]["current"] == 4


def test_stop_ends_a_refine_and_says_what_a_cell_says(panel, studio):
    studio._engine = Slow()
    panel.ask("refine", number=2, prompt="greener", n=1)
    until(lambda: panel.news("told"))
    panel.ask("stop")
    until(lambda: panel.news("ended"))
    [ended] = panel.news("ended")
    assert ended["numbers"] == []
    assert "given up" in ended["error"]
    assert "error" not in panel.ask("stop")[0]
    assert len(studio.history) == 3


def test_stop_ends_the_panels_own_job_and_no_other(panel, studio):
    studio._engine = Slow()
    other = studio.submit("refine", "in a cell", Wishes(), source=studio.history[2])
    panel.ask("refine", number=2, prompt="greener", n=1)
    until(lambda: panel.news("told"))
    panel.ask("stop")
    until(lambda: panel.news("ended"))
    assert not other.done()
    studio._engine.go.set()
    assert other.result(30)[0].prompt == "in a cell"


def test_another_take_can_be_stopped_too(panel, studio):
    studio._engine = Slow()
    panel.ask("retake", number=2)
    until(lambda: panel.news("told"))
    panel.ask("stop")
    until(lambda: panel.news("ended"))
    assert "given up" in panel.news("ended")[0]["error"]


def test_another_take_is_a_sibling(panel, studio):
    panel.ask("retake", number=2)
    until(lambda: panel.news("ended"))
    assert (studio.history[4].parent.number, studio.history[4].prompt) == (1, "bluer")


def test_a_refusal_is_the_sentence_of_the_cell(panel, studio):
    with pytest.raises(CellError) as caught:
        studio.refine("greener", source=2, quality="best")
    assert panel.ask("refine", number=2, prompt="greener", n=1, quality="best")[0]["error"] == str(caught.value)
    assert panel.news("ended")[0]["numbers"] == []


# --- hostile messages, other threads ---


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        "open",
        {},
        {"ask": None},
        {"ask": ["pick"]},
        {"ask": "__class__"},
        {"ask": "answer"},
        {"ask": "pick"},
        {"ask": "pick", "number": "1"},
        {"ask": "pick", "number": True},
        {"ask": "pick", "number": 1.5},
        {"ask": "pick", "number": -1},
        {"ask": "pick", "number": 0},
        {"ask": "pick", "number": 10**400},
        {"ask": "pick", "number": 2**70},
        {"ask": "pick", "number": {"a": 1}},
        {"ask": "look", "number": 99},
        {"ask": "view", "number": 1, "side": "large"},
        {"ask": "label", "number": 1, "label": "a b"},
        {"ask": "label", "number": 1, "label": "x" * 10**6},
        {"ask": "label", "number": 1, "label": 7},
        {"ask": "find", "words": ["a"]},
        {"ask": "find", "words": "x" * 10**6},
        {"ask": "upload"},
        {"ask": "upload", "name": None},
        {"ask": "mask", "number": 1},
        {"ask": "refine", "number": 1, "n": 1, "prompt": "x" * 10**6},
        {"ask": "refine", "number": 1, "n": "many", "prompt": "x"},
        {"ask": "refine", "number": 1, "n": 1, "prompt": None},
        {"ask": "refine", "number": 1, "n": 1, "prompt": "x", "mask": True},
        {"ask": "undo", "id": "<script>"},
        {"ask": "nonsense", "id": 10**5},
    ],
)
def test_a_message_that_makes_no_sense_is_answered_with_a_sentence(panel, studio, content):
    if isinstance(content, dict) and content.get("ask") == "undo":
        while studio.history.can_undo:
            studio.history.undo()
    current = studio.history.cursor
    panel._heard(panel, content, [])
    [(answer, parts)] = panel.sent
    assert isinstance(answer["error"], str)
    assert len(answer["error"]) < 500
    assert parts == []
    assert "Error:" not in answer["error"]
    assert studio.history.cursor == current
    assert panel.ask("look", number=1)[0]["name"] == "#1 hero"


@pytest.mark.parametrize("data", [b"", b"no picture", b"\x89PNG\r\n\x1a\n torn", b"x" * (MAX_UPLOAD + 1)])
def test_what_is_no_picture_is_not_brought(panel, studio, data):
    assert panel.ask("upload", [data], name="x.png")[0]["error"]
    assert panel.ask("upload", [data, data], name="x.png")[0]["error"]
    assert len(studio.history) == 3


def test_an_error_that_nobody_foresaw_is_logged_and_said(panel, studio, caplog):
    database, studio.history._database = studio.history._database, None
    content, _ = panel.ask("open")
    studio.history._database = database
    assert "AttributeError" in content["error"]
    assert "Traceback" in caplog.text


def test_random_clicks_on_other_threads_while_a_refine_runs_leave_the_history_intact(panel, studio):
    opened, _ = panel.ask("open")
    studio._engine = Slow()
    panel.ask("refine", number=2, prompt="greener", n=1)
    kinds = ["pick", "undo", "redo", "star", "label", "thumb", "look", "find", "view", "retake"]

    def click(seed):
        chance = random.Random(seed)
        for _ in range(67):
            more = {"number": chance.randint(1, 3), "label": "abc"[chance.randrange(3)], "on": True, "side": 300}
            content = {"id": seed, "ask": chance.choice(kinds), "words": "cat", **more}
            panel._heard(panel, content, [])

    threads = [threading.Thread(target=click, args=[seed]) for seed in (1, 2, 3)]
    for each in threads:
        each.start()
    studio._engine.go.set()
    studio.imagine("meanwhile in a cell")
    for each in threads:
        each.join()
    until(lambda: len(panel.news("ended")) == len(panel.news("begun")))
    assert {content["error"].split(" to ")[0] for content, _ in panel.sent if "error" in content} <= {
        "There is nothing",
        "The panel is busy with one instruction: wait for it, or stop it.",
    }
    told = {name: value for content in [opened, *panel.news()] for name, value in content.items()}
    history = studio.history
    assert (told["current"], told["undo"]) == (history.cursor, history.can_undo)
    assert told["labels"] == {str(number): name for name, number in history.labels.items()}


# --- what stays in a notebook ---


def test_no_picture_and_no_history_stand_in_the_synced_state(panel, studio):
    panel.ask("open")
    panel.ask("thumb", number=1)
    panel.ask("original", number=1)
    state = panel.get_state()
    assert len(json.dumps(state, default=str)) < 6_000
    assert "_css" not in state
    assert panel.ask("code")[0]["modules"] == modules.code()["modules"]


class Noise(Painter):
    """Pictures that compress badly."""

    def make(self, request, watch):
        answer = super().make(request, watch)
        noisy = Image.effect_noise((256, 256), 120).convert("RGB")
        out = io.BytesIO()
        noisy.save(out, "PNG")
        return type(answer)((out.getvalue(),) * request.n, "painter", "brush", 0.1)


def test_the_static_output_holds_the_line_and_the_twelve_newest_in_100_kb(studio):
    studio._engine = Noise()
    studio.imagine("the root & its <words> " * 40)
    for step in range(4):
        studio.refine(f"step {step} " + "&" * 3000)
    line = studio.history.cursor
    for each in range(20):
        studio.imagine(f"other {each} " + "<" * 3000)
    studio.history.pick(line)
    bundle = static.newest(studio.history)
    numbers = [int(each) for each in re.findall(r"<strong>#(\d+)</strong>", bundle["text/html"])]
    assert numbers == [1, 2, 3, 4, 5, *range(25, 13, -1)]
    assert bundle["text/html"].count("<img") == len(numbers)
    assert len(json.dumps(bundle)) <= static.LIMIT
    assert "#5</strong> · current" in bundle["text/html"]


def test_static_output_shows_hostile_words_as_text(studio):
    studio.imagine(HOSTILE)
    studio.refine(HOSTILE)
    for bundle in (static.newest(studio.history), static.whole(studio.history)):
        assert not re.search(r"<(?!/?(div|img|strong|details|summary|figure|figcaption)\b)", bundle["text/html"])
        assert "onerror=alert(1)&gt;" in bundle["text/html"]
        assert "\u202e" not in bundle["text/html"] + bundle["text/plain"]
        assert "<input" not in bundle["text/html"]


def test_the_whole_tree_is_by_branch_with_before_and_after(studio):
    studio.imagine("root")
    studio.refine("one")
    studio.refine("two", source=1)
    studio.refine("one more", source=2)
    html = static.whole(studio.history)["text/html"]
    assert [int(each) for each in re.findall(r"<strong>#(\d+)</strong>", html)] == [1, 2, 4, 3]
    assert html.count("<details>") == 3
    assert html.count("<img") == 4 + 2 * 3


def test_of_many_pictures_the_oldest_are_words(studio, monkeypatch):
    monkeypatch.setattr(static, "SHOWN", 3)
    for each in range(5):
        studio.imagine(f"picture {each}")
    html = static.whole(studio.history)["text/html"]
    assert html.count("<img") == 3
    assert "#1 · picture 0" in html


def test_a_circle_in_a_damaged_folder_is_drawn_once(studio, tmp_path):
    studio.imagine("a")
    studio.refine("b")
    home = tmp_path / "home" / "history.db"
    with closing(sqlite3.connect(home)) as foreign, foreign:
        foreign.execute("PRAGMA foreign_keys = OFF")
        foreign.execute(
            "INSERT INTO input (generation, position, role, digest, format, picture) "
            "VALUES (1, 0, 'source', ?, 'png', 2)",
            ["0" * 64],
        )
    assert len(re.findall(r"<strong>#\d+</strong>", static.whole(studio.history)["text/html"])) == 2
    assert len(re.findall(r"<strong>#\d+</strong>", static.newest(studio.history)["text/html"])) == 2
    with closing(sqlite3.connect(home)) as foreign, foreign:
        foreign.execute("DELETE FROM input WHERE generation = 1")


def test_an_empty_history_has_a_panel_too(studio):
    panel = Listening(studio)
    assert panel.ask("open")[0]["columns"]["number"] == []
    first, second = panel.outputs
    assert "0 pictures, none is current" in first["text/html"]
    assert "no pictures yet" in static.whole(studio.history)["text/plain"]
    assert "none is current" in second["text/plain"]


# --- the magic and the package ---

WIDGET = "application/vnd.jupyter.widget-view+json"


def test_the_magic_shows_plain_html_before_the_widget(cells):
    cells("%imagine -s 256x256 a beach")
    plain, live = [each.data for each in cells("%images").outputs]
    assert "<img" in plain["text/html"]
    assert WIDGET not in plain
    assert WIDGET in live
    assert "text/html" not in live
    assert len(json.dumps(plain)) <= static.LIMIT
    cells("from imgmagic import history")
    assert [set(each.data) for each in cells("history.panel()").outputs] == [set(plain), set(live)]


def test_static_is_one_output_without_a_widget(cells):
    cells("%imagine -s 256x256 a beach")
    cells("%refine make it sunset")
    [shown] = cells("%images --static").outputs
    assert WIDGET not in shown.data
    assert "<details>" in shown.data["text/html"]
    assert "%images --static" in cells("%images -h").text
    assert "--static or nothing" in str(cells("%images everything", fails=True).error)


def test_a_history_without_a_studio_says_what_it_needs(tmp_path):
    with pytest.raises(HistoryError, match="Studio"):
        History(tmp_path / "home", "s").panel()


def test_the_wheel_holds_every_file_of_the_panel(tmp_path):
    root = Path(__file__).parents[1]
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "-w", str(tmp_path), str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and "hatchling" in done.stderr:
        pytest.skip("the build back end cannot be had here")
    assert done.returncode == 0, done.stderr
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {f"imgmagic/panel/{name}" for name in (*modules.ORDER, "loader.js", "panel.css")} <= names


def test_a_picture_made_by_python_has_its_preview_before_the_panel_asks_for_it(studio, panel):
    made = studio.imagine("a beach")[0]
    assert list((studio.history.home / "previews").glob(f"*/{made.digest}-512-*"))
    assert panel.ask("thumb", number=made.number)[0]["mime"] == "image/jpeg"
