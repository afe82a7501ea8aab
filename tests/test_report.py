"""The report: valid, static, small, complete, and safe whatever stands in a prompt."""

import hashlib
import re
import subprocess
from html.parser import HTMLParser

import html5lib
import pytest

from imgmagic import Studio
from imgmagic.errors import CellError, HistoryError
from imgmagic.forget import carry_out, planned
from imgmagic.parts import Html, Parts
from imgmagic.report import report, write
from tests.bench.pictures import noise_png, numbered
from tests.helpers import Painter
from tests.peers import npm_tool

HTML_VALIDATE = "html-validate@10.17.0"

HOSTILE = "<script>alert(\"x\")</script> & 'quotes'\n\tsecond line </blockquote> $title ${prompt} \u202eevil\x1b[31m"

#: Elements without an end.
VOID = {"meta", "img", "br", "link"}


class Reader(HTMLParser):
    """Reads a page: its text, its links and places, its images, and how deep it nests."""

    def __init__(self, text):
        super().__init__()
        self.text, self.images, self.links, self.ids, self.headings = "", [], [], [], []
        self.names, self.depth, self.deepest = set(), 0, 0
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.names.add(tag)
        found = dict(attributes)
        self.images += [found] if tag == "img" else []
        self.links += [found["href"]] if "href" in found else []
        self.ids += [found["id"]] if "id" in found else []
        self.headings += [int(tag[1])] if re.fullmatch("h[1-6]", tag) else []
        self.depth += tag not in VOID
        self.deepest = max(self.depth, self.deepest)

    def handle_endtag(self, _tag):
        self.depth -= 1

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def studio(tmp_path):
    studio = Studio(home=tmp_path / "home", engine=Painter(), session="tour.ipynb")
    studio.imagine("a beach", label="sea")
    studio.refine("bluer", n=2)
    studio.refine(HOSTILE, source=2, alt='"><img src=x>')
    studio.refine("ink", source=b"".join([studio.history[1].bytes]), images=[studio.history[1]], mask="box:0,0,9,9")
    studio.imagine("空をもっと青くして")
    return studio


@pytest.fixture
def page(studio, tmp_path):
    path, _ = write(studio.history, tmp_path / "tour")
    return path


def read(path):
    return Reader(path.read_text(encoding="utf-8"))


def test_two_validators_have_nothing_against_it(studio, page, tmp_path):
    carry_out(studio.history, planned(studio, studio.history[2]))
    studio.history[6].path.unlink()
    again, _ = write(studio.history, tmp_path / "again.html")
    for path in (page, again):
        html5lib.HTMLParser(strict=True).parse(path.read_text(encoding="utf-8"))
        done = subprocess.run(
            [npm_tool("html-validate", HTML_VALIDATE), path], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout


def test_nothing_in_it_runs_or_is_fetched(page):
    text, seen = page.read_text(encoding="utf-8"), read(page)
    assert seen.names & {"script", "link", "iframe", "object", "form", "base"} == set()
    assert all(each.startswith("#") for each in seen.links)
    assert all(each["src"].startswith("data:image/") for each in seen.images)
    assert not re.search(r"\bon\w+\s*=|javascript:|url\(|@import", re.sub(r"base64,[^\"]+", "", text))
    assert "default-src 'none'" in text


def test_every_prompt_is_there_as_it_was_typed_and_escaped(page):
    seen, text = read(page), page.read_text(encoding="utf-8")
    safe = HOSTILE.replace("\u202e", "\ufffd").replace("\x1b", "\ufffd")
    assert all(each in seen.text for each in ("a beach", "bluer", safe, "ink", "空をもっと青くして"))
    assert "\u202e" not in text
    assert "\x1b" not in text
    assert any(each["alt"] == '"><img src=x>' for each in seen.images)
    assert len(seen.images) == len([each for each in seen.images if each["src"].startswith("data:")])


def test_it_can_be_read_aloud_and_found_through(page):
    seen, text = read(page), page.read_text(encoding="utf-8")
    assert '<html lang="en">' in text
    assert '<blockquote dir="auto" lang="ja">' in text
    assert all(each["alt"] and each["width"] and each["height"] for each in seen.images)
    assert seen.headings[0] == 1
    assert all(below <= above + 1 for above, below in zip(seen.headings, seen.headings[1:], strict=False))
    assert set(seen.links) - {"#pictures"} == {f"#p{number}" for number in range(1, 8)}
    assert {each[1:] for each in seen.links} <= set(seen.ids)
    assert len(seen.ids) == len(set(seen.ids))
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text


def test_before_and_after_stand_side_by_side_with_what_was_asked(page):
    article = page.read_text(encoding="utf-8").split('<article class="picture" id="p6"')[1].split("</article>")[0]
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", article)
    assert captions == ["before: #5", "after: #6"]
    facts = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", article))
    assert facts["size"] == "64 × 48 px"
    assert facts["sent along"] == "1 reference, 1 mask"
    assert facts["engine"] == "painter/brush"
    assert facts["cost"] == "nothing"
    assert "quality" in facts


def test_the_tree_has_every_picture_once_below_its_parent(page):
    tree = page.read_text(encoding="utf-8").split("<nav")[1].split("</nav>")[0]
    shape = re.sub(r"<a href=\"#p(\d)\">.*?(?=<(?:ul|/li)>)", r"\1", tree[tree.index("<ol>") :], flags=re.DOTALL)
    shape = re.sub(r" class=\"root\"|\s", "", shape)
    assert shape == (
        "<ol><li>1<ul><li><ol><li>2</li><li>4</li></ol></li><li><ol><li>3</li></ol></li></ul></li>"
        "<li>5</li><li>6</li><li>7</li></ol>"
    )


def test_a_forgotten_picture_is_a_gap_in_the_tree(studio, tmp_path):
    carry_out(studio.history, planned(studio, studio.history[2]))
    path, _ = write(studio.history, tmp_path / "tour.html")
    text = path.read_text(encoding="utf-8")
    assert re.search(r'#2</span> <span class="mark">forgotten</span>\s*</li><li>\s*<a href="#p4">', text)
    assert "made from #2, which is forgotten" in text
    assert 'id="p2"' not in text


def test_a_damaged_file_is_said_where_the_picture_would_be(studio, tmp_path):
    studio.history[7].path.write_bytes(b"x")
    text = write(studio.history, tmp_path / "tour")[0].read_text(encoding="utf-8")
    assert text.count("damaged or missing") == 1
    assert text.count("<article") == 7


def test_ten_pictures_that_cannot_be_packed_stay_below_300_kb(tmp_path):
    picture = noise_png()

    class Noise(Painter):
        def make(self, request, watch):
            from dataclasses import replace

            made = super().make(request, watch)
            number = int(hashlib.sha256(request.prompt.encode()).hexdigest()[:4], 16)
            return replace(made, images=(numbered(picture, number),))

    studio = Studio(home=tmp_path / "home", engine=Noise())
    studio.imagine("a beach " + "and so on " * 50)
    for number in range(9):
        studio.refine(f"bluer {number} " + "and so on " * 50)
    path, count = write(studio.history, tmp_path / "tour")
    assert count == 10
    assert 100_000 < path.stat().st_size <= 300_000


def test_a_long_history_does_not_nest_deeper_than_it_branches(tmp_path):
    studio = Studio(home=tmp_path / "home", engine=Painter())
    studio.imagine("a beach")
    for number in range(150):
        studio.refine(f"step {number}")
    path, count = write(studio.history, tmp_path / "long")
    assert count == 151
    assert read(path).deepest < 12


def test_it_is_of_this_notebook_with_what_that_stands_on_or_of_the_folder(studio, tmp_path):
    other = Studio(home=studio.history.home, engine=Painter(), session="other.ipynb")
    other.refine("redder", source=2)
    assert report(other, str(tmp_path / "mine"))["text/plain"].startswith(f"{tmp_path}/mine.html: 3 pictures, ")
    assert write(other.history, tmp_path / "all", everything=True)[1] == 8
    assert report(other, f"--all {tmp_path}/all.html")["text/plain"].startswith(f"{tmp_path}/all.html: 8 pictures, ")


@pytest.mark.parametrize(
    ("line", "error"), [("", CellError), ("--all", CellError), ("--small x", CellError), ("no/such/x", HistoryError)]
)
def test_what_cannot_be_written_is_refused(studio, line, error):
    with pytest.raises(error):
        report(studio, line)


def test_an_empty_history_has_no_report(tmp_path):
    with pytest.raises(HistoryError, match="nothing to report yet"):
        write(Studio(home=tmp_path / "home").history, tmp_path / "x")


def test_a_part_escapes_everything_but_parts_and_wants_every_field():
    parts = Parts("report.html")
    inner = parts.fill("mark", word="<b>", kind='"')
    assert inner == ' <span class="mark &quot;">&lt;b&gt;</span>'
    assert parts.fill("fact", name=inner, value=Html("<i>")) == f"<div><dt>{inner}</dt><dd><i></dd></div>"
    with pytest.raises(KeyError):
        parts.fill("mark", word="x")
