"""Tab gives exactly what fits, in the line and the cell form, and nothing in a prompt."""

import pytest
from IPython.core.completer import provisionalcompleter

from imgmagic.cell import QUALITIES, options


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
        ("%refine --fr", ["--fresh", "--from"]),
        ("%refine --mask ", ["box:", "color:", "text:"]),
        ("%imagine a cat pr", []),
        ("%imagine -- --si", []),
        ("%imagine -n ", []),
        ("%imgmagic ", ["check", "cost", "doctor", "login", "stop"]),
        ("%imgmagic check ", []),
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
    assert tab("%pick ") == tab("%rollback ") == tab("%refine --from ") == sorted(everything)
    assert tab("%pick h") == ["hero", "house"]
    assert tab("%refine --from @~") == ["@~1"]
    assert tab("%pick #") == ["#1", "#2"]
    assert tab("%imagine --label ho") == ["house"]
    assert tab("%pick hero ") == []


def test_other_code_is_completed_as_ever(tab):
    assert "print" in tab("pri")
    assert "%imagine" in tab("%imag")
    assert "--size" not in tab("%%capture\n%imagine --si")
    assert "--size" not in tab("%%imagine\n--si")
