"""Tab gives exactly what fits, in the line and the cell form, and nothing in a prompt."""

import re

import pytest
from IPython.core.completer import provisionalcompleter

from imgmagic.cell import FIDELITIES, QUALITIES, options, usage
from imgmagic.completion import SUBCOMMANDS
from tests.fake_api import fake_api
from tests.lab import kernel


@pytest.fixture
def tab(cells):
    """Ask the shell what Tab gives at the end of some code, as a front end does."""

    def complete(code):
        with provisionalcompleter():
            found = list(cells.shell.Completer.completions(code, len(code)))
        return sorted(each.text for each in found)

    return complete


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("%imagine --si", ["--size"]),
        ("%%imagine --si", ["--size"]),
        ("x = %imagine --si", ["--size"]),
        ("if True:\n    %imagine --si", ["--size"]),
        ("%imagine -q ", list(QUALITIES)),
        ("%%refine -n 2 -q x", ["xhigh"]),
        ("%imagine -f ", ["png", "jpeg", "webp"]),
        ("%imagine -s 1", ["1024x1024", "1536x1024", "1024x1536"]),
        ("%imagine --from", []),
        ("%refine --fr", ["--from", "--fresh"]),
        ("%imagine a cat pr", []),
        ("%imagine -- --si", []),
        ("%imagine -n ", []),
        ("%imgmagic ", list(SUBCOMMANDS)),
        ("%imagine -n4 -qlow --size=auto --fo", ["--format"]),
        ("%imagine --alt 'in two words' --fo", ["--format"]),
        ("%imagine --alt 'not yet closed --fo", []),
        ("%imagine --quality=x", ["xhigh"]),
        ("%refine --from=", []),
        ("%imagine --raw=", []),
        ("%imagine -o ", []),
        ("%imagine --save ", []),
        ("%imagine -m ", []),
        ("%refine --mask ", ["box:", "color:", "name:", "text:"]),
        ("%refine --mask b", ["box:"]),
        ("%imagine --mask ", []),
        ("%images ", ["--static"]),
        ("%images --static ", []),
        ("%retake ", ["-n"]),
        ("%retake -n ", []),
        ("%imgmagic check ", []),
        ("%imgmagic prune ", ["--dry-run"]),
        ("%imgmagic report --", ["--all"]),
        ("%imgmagic forget --", ["--inputs", "--yes"]),
        ("%imgmagic nosuch ", []),
        ("%imgmagic code ", []),
        ("%pick ", []),
    ],
)
def test_it_gives_exactly_what_fits(tab, code, expected):
    assert tab(code) == sorted(expected)


@pytest.mark.parametrize("operation", ["imagine", "refine"])
def test_an_empty_word_gives_every_option(tab, operation):
    assert tab(f"%{operation} ") == tab(f"%%{operation} ") == sorted(options(operation))


def test_labels_and_refs_are_offered_where_a_picture_is_named(cells, azure, tab):
    cells("%imagine --label hero a cat")
    cells("%refine --label house bluer")
    everything = ["hero", "house", "@", "@start", "@~1", "#2", "#1"]
    assert tab("%pick ") == tab("%rollback ") == tab("%refine --from ") == tab("%imgmagic code ") == sorted(everything)
    assert tab("%pick h") == ["hero", "house"]
    assert tab("%refine --from @~") == ["@~1"]
    assert tab("%pick #") == ["#1", "#2"]
    assert tab("%imagine --label ho") == ["house"]
    assert tab("%pick hero ") == tab("%imgmagic code hero ") == []


def test_other_code_is_completed_as_ever(tab):
    assert "print" in tab("pri")
    assert "%imagine" in tab("%imag")
    assert "--size" not in tab("%%capture\n%imagine --si")
    assert "--size" not in tab("%%imagine\n--si")


# --- as a front end asks ---


HELD = """
import numpy as np, PIL.Image, types
from imgmagic import history
first, photo = history[1], PIL.Image.new("RGB", (4, 4)).copy()
pixels, where, stack, names = np.zeros((4, 4, 3)), np.zeros((4, 4), bool), np.zeros((1, 4, 4, 3)), np.array([["a"]])
Figure = type("Figure", (), {"__module__": "matplotlib.figure"})
chart, drawn = Figure(), type("Drawing", (), {"_repr_png_": lambda self: b""})()
_hidden, Image, text, number = photo, PIL.Image, "photo", 7
"""
VARIABLES = ["first", "photo", "pixels", "where", "chart", "drawn"]
REFS = ["hero", "@", "@start", "@~1", "#3", "#2", "#1"]


@pytest.fixture(scope="module")
def front(tmp_path_factory):
    """A kernel with three pictures, two models, a label, and variables of every kind; asked as JupyterLab does."""
    with fake_api(auto_size="64x48") as api:
        variables = {
            "AZURE_OPENAI_ENDPOINT": api.url,
            "AZURE_OPENAI_API_KEY": "test-key",
            "AZURE_OPENAI_DEPLOYMENT_NAME": "img-dep",
            "IMGMAGIC_SIZE": "auto",
        }
        with kernel(tmp_path_factory.mktemp("front"), **variables) as running:
            calls = (
                "%load_ext imgmagic\n%imagine --label hero a cat\n%imagine -m img-old a dog\n%refine -m img-dep bluer"
            )
            assert running.run(calls).failure == ""
            assert running.run(HELD).failure == ""
            yield running


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("imagine ", sorted(options("imagine"))),
        ("refine ", sorted(options("refine"))),
        ("imagine --f", ["--format", "--fresh"]),
        ("refine --f", ["--fidelity", "--format", "--fresh", "--from"]),
        ("imagine -q ", list(QUALITIES)),
        ("refine --fidelity ", list(FIDELITIES)),
        ("imagine --label ", ["hero"]),
        ("imagine -m ", ["img-dep", "img-old"]),
        ("imagine --model=img-o", ["img-old"]),
        ("refine --from ", [*REFS, *VARIABLES]),
        ("refine --from #", ["#1", "#2", "#3"]),
        ("refine --from @~", ["@~1"]),
        ("refine --from=p", ["photo", "pixels"]),
        ("imagine -i ", VARIABLES),
        ("imagine -i photo --image ph", ["photo"]),
        ("refine --mask ", ["box:", "color:", "name:", "text:", *VARIABLES]),
        ("refine --mask wh", ["where"]),
        ("imagine -o ", []),
        ("imagine --save ", []),
        ("imagine a ph", []),
    ],
)
def test_a_kernel_offers_exactly_what_fits_in_the_line_and_the_cell_form(front, line, expected):
    for code in (f"%{line}", f"%%{line}", f"x = %{line}", f"for _ in range(2):\n    %{line}"):
        found, start = front.complete(code)
        assert sorted(found) == sorted(expected), code
        assert not found or code[start:] == re.split("[ =]", code)[-1]
    found, _ = front.complete(f"%%{line}\n--si and more words", len(line) + 2)
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize("line", ["pick ", "rollback ", "imgmagic code "])
def test_a_kernel_offers_refs_where_a_picture_is_named(front, line):
    assert sorted(front.complete(f"%{line}")[0]) == sorted(REFS)
    assert front.complete(f"%{line}h") == (["hero"], len(line) + 1)
    assert front.complete(f"%{line}@~")[0] == ["@~1"]
    assert front.complete(f"%{line}#")[0] == ["#1", "#2", "#3"]
    assert front.complete(f"%{line}#1 ")[0] == []


def test_a_kernel_completes_the_body_of_a_cell_as_ever_and_finds_nothing_of_ours_there(front):
    code = "%%imagine\n--si"
    assert "--size" not in front.complete(code)[0]
    assert front.complete("phot")[0] == ["photo"]


def plain(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


@pytest.mark.parametrize("operation", ["imagine", "refine"])
def test_every_way_to_ask_for_help_shows_the_same_text(front, operation):
    words = f"Docstring:\n{usage(operation)}\nFile:"
    for code in (f"%{operation}", f"%%{operation}", f"%{operation} -n 2 a cat"):
        assert words in plain(front.inspect(code, len(operation)))
    for code in (f"%{operation}?", f"%%{operation}?", f"?%{operation}", f"?%%{operation}"):
        (page,) = front.run(code).reply["payload"]
        assert words in plain(page["data"]["text/plain"])
    for code in (f"%{operation} -h", f"%%{operation} -h", f"%%{operation} --help\nwords", f"%{operation} -n 2 -h"):
        assert [each["text/plain"] for each in front.run(code).shown] == [usage(operation)]


@pytest.mark.parametrize("name", ["pick", "rollback", "imgmagic"])
def test_the_short_magics_explain_themselves_alike(front, name):
    (shown,) = front.run(f"%{name} -h").shown
    (page,) = front.run(f"%{name}?").reply["payload"]
    words = re.fullmatch(r"Docstring:\s+(.*)\nFile:.*", plain(page["data"]["text/plain"]), re.DOTALL)
    assert words[1] == shown["text/plain"]
