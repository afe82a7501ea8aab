"""What changed: the numbers beside plain arithmetic, the sentence, `%compare`, and the line after a masked refine."""

import base64
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from IPython.core.completer import provisionalcompleter
from PIL import Image

from imgmagic import HistoryError, ImageError, Studio, composite, difference, images, masks
from imgmagic.exchange import ImageRequest, ImageResponse, Input
from tests import faults
from tests.helpers import Painter, encoded

W, H = 64, 48
PIXELS = np.random.default_rng(3).integers(0, 240, (H, W, 3), dtype=np.uint8)
BOX = np.zeros((H, W), bool)
BOX[10:30, 20:50] = True
FILE_KINDS = {"image/png", "image/jpeg"}


def moved(where, by=20, of=PIXELS):
    """Give the pixels with one channel moved."""
    other = of.copy()
    other[where, 1] += by
    return other


def strip(rows, columns):
    """Give where the first pixels of the first rows are."""
    found = np.zeros((H, W), bool)
    found[:rows, :columns] = True
    return found


@pytest.fixture
def studio(tmp_path):
    studio = Studio(home=tmp_path / "home", engine=Painter())
    yield studio
    assert studio.history.check() == []


@pytest.fixture
def pair(studio):
    """Bring pictures in, and give a function that compares two arrays."""

    def compare(before, after, **how):
        kept = [studio.history.take_in(encoded(each), "brought in").number for each in (before, after)]
        return studio.history.compare(*kept, **how)

    return compare


# --- numbers ------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(0, 255), st.sampled_from([3, 4]))
def test_the_numbers_are_those_of_plain_arithmetic(data, threshold, channels):
    shape = data.draw(st.tuples(st.integers(1, 12), st.integers(1, 12)))
    levels = st.sampled_from([0, 5, 9, 200, 255])
    before, after = (data.draw(arrays(np.uint8, (*shape, channels), elements=levels)) for _ in range(2))
    alpha = data.draw(arrays(np.uint8, shape, elements=st.sampled_from([0, 90, 255])))
    apart = np.abs(before.astype(int) - after).max(axis=2)
    if channels == 4:
        apart[(before[..., 3] == 0) & (after[..., 3] == 0)] = 0
    change = difference.measured(Image.fromarray(before), Image.fromarray(after), alpha, threshold)
    changed, outside = apart > threshold, alpha == 255
    assert np.array_equal(change.levels, apart)
    assert change.changed == pytest.approx(100 * changed.mean())
    assert change.outside == pytest.approx(100 * (changed & outside).sum() / max(1, changed.sum()))
    assert (change.strayed, change.largest) == ((apart[outside] > 0).sum(), apart.max())


@pytest.mark.parametrize(
    ("after", "how", "sentence"),
    [
        (PIXELS, {}, "nothing changed: every pixel is equal"),
        (PIXELS, {"mask": BOX}, "nothing changed: every pixel is equal"),
        (moved(strip(H, W), 8), {}, "no pixel changed by more than 8 of 255 levels"),
        (moved(strip(H, W), 9), {}, "changed 100 % of pixels"),
        (moved(strip(H, W), 8), {"threshold": 7}, "changed 100 % of pixels"),
        (moved(strip(H, W), 1), {"threshold": 0}, "changed 100 % of pixels"),
        (moved(strip(24, 32)), {}, "changed 25 % of pixels"),
        (moved(strip(1, 1)), {}, "changed 0.0326 % of pixels"),
        (moved(BOX), {"mask": BOX}, "changed 20 % of pixels, none outside the mask"),
        (moved(BOX, of=moved(~BOX, 3)), {"mask": BOX},
         "changed 20 % of pixels, none outside the mask by more than 8 of 255 levels"),
        (moved(BOX | strip(5, 5)), {"mask": BOX}, "changed 20 % of pixels, of which 4 % outside the mask"),
        (moved(BOX), {"mask": "box:0,0,64,9"}, "changed 20 % of pixels, of which 100 % outside the mask"),
        (np.dstack([PIXELS, np.full((H, W), 255, np.uint8)]), {}, "nothing changed: every pixel is equal"),
        (np.dstack([PIXELS, (~BOX * 255).astype(np.uint8)]), {}, "changed 20 % of pixels"),
    ],
)  # fmt: skip
def test_the_sentence_says_how_much_changed_and_where(pair, after, how, sentence):
    assert pair(PIXELS, after, **how).sentence == sentence


def test_what_nobody_sees_is_no_change(pair):
    hidden = np.dstack([PIXELS, (~BOX * 255).astype(np.uint8)])
    assert pair(hidden, np.dstack([moved(BOX), hidden[..., 3]])).changed == 0


def test_the_difference_is_an_array_of_levels(pair):
    found = pair(PIXELS, moved(BOX, 13)).difference
    assert (found.dtype, found.shape) == (np.uint8, (H, W))
    assert np.array_equal(found, np.where(BOX, 13, 0))


def test_the_picture_after_takes_the_size_of_the_one_before_and_that_is_said(pair):
    large = np.kron(PIXELS, np.ones((2, 2, 1), np.uint8))
    found = pair(PIXELS, large, mask=BOX)
    assert found.difference.shape == (H, W)
    assert f"#{found.after.number} has 128×96 px and was resized to the 64×48 px of #{found.before.number}" in str(
        found
    )
    assert pair(PIXELS, moved(BOX)).note == ""


# --- the map ------------------------------------------------------------------------------------------------------


def test_the_map_is_coloured_where_something_changed_and_grey_elsewhere(pair):
    found = pair(PIXELS, moved(BOX | strip(5, 5)), mask=BOX)
    colours = np.asarray(found.map).astype(int)
    assert colours.shape == (H, W, 3)
    grey = (colours == colours[..., :1]).all(axis=2)
    assert np.array_equal(grey, ~(BOX | strip(5, 5)))
    assert (colours[BOX][:, 1] > colours[BOX][:, 2]).all()  # orange
    assert (colours[:5, :5, 1] < colours[:5, :5, 2]).all()  # magenta


def test_one_pixel_of_a_large_picture_is_seen_on_its_map(pair):
    large = np.zeros((1100, 1700, 3), np.uint8)
    dot = large.copy()
    dot[777, 1234] = 255
    shown = np.asarray(pair(large, dot).map)
    assert shown.shape == (248, 384, 3)
    assert 1 <= (shown[..., 0] > shown[..., 2]).sum() <= 4


# --- which pair, which mask ---------------------------------------------------------------------------------------


def test_without_names_it_is_the_current_picture_and_its_parent(studio):
    first = studio.imagine("a cat")[0]
    studio.refine("bluer")
    third = studio.refine("redder")[0]
    found = studio.history.compare()
    assert (found.before, found.after) == (third.parent, third)
    assert studio.history.compare(first, "@~1").before == first
    assert studio.history.compare(b=2).before == first
    assert studio.history.compare(1, 1).sentence.startswith("nothing changed")
    with pytest.raises(HistoryError, match="#1 was made from no other picture"):
        studio.history.compare(b=1)
    with pytest.raises(HistoryError, match="no picture #99"):
        studio.history.compare(99)
    with pytest.raises(HistoryError, match="threshold is 256"):
        studio.history.compare(threshold=256)


def test_the_mask_that_a_picture_was_made_with_counts_only_against_its_parent(studio):
    child = studio.refine("turn red", source=PIXELS, mask=BOX)[0]
    assert studio.history.compare(b=child).outside == 0
    assert studio.history.compare(child.parent, child, mask=~BOX).outside > 90
    assert studio.history.compare(child, child.parent).outside is None
    assert studio.history.compare(studio.imagine("a cat")[0], child).outside is None
    with pytest.raises(ImageError, match="The mask has 3x4 px"):
        studio.history.compare(b=child, mask=np.ones((4, 3), bool))


def test_pictures_of_two_folders_are_compared_without_a_mask(studio, tmp_path):
    child = studio.refine("turn red", source=PIXELS, mask=BOX)[0]
    other = Studio(home=tmp_path / "other", engine=Painter())
    theirs = other.imagine("a cat")[0]
    assert (theirs.number, theirs.size) == (child.parent.number, child.size)
    assert studio.history.compare(theirs, child).outside is None
    assert other.history.compare(child.parent, child).outside == 0


def test_a_soft_refine_that_strays_is_found_out(studio):
    child = studio.refine("turn red", source=PIXELS, mask=BOX, soft=True)[0]
    strayed = (np.abs(np.asarray(child).astype(int) - PIXELS).max(axis=2) > 8) & ~BOX
    assert studio.history.compare(b=child).outside > 50
    assert strayed.any()


def test_a_comparison_is_the_same_in_a_new_kernel_and_from_a_recording(studio, tmp_path):
    child = studio.refine("turn red", source=PIXELS, mask=BOX)[0]
    said = studio.history.compare(b=child).sentence
    assert Studio(home=tmp_path / "home").history.compare(b=child.number).sentence == said
    path = studio.history.export(tmp_path / "all.imgmagic.zip")
    other = Studio(home=tmp_path / "other", engine=Painter())
    loaded = other.history.load(path)[-1]
    assert other.history.compare(b=loaded).sentence == said


# --- how it shows itself ------------------------------------------------------------------------------------------


def test_a_comparison_shows_three_pictures_and_is_small(studio):
    noise = np.random.default_rng(1).integers(0, 256, (1024, 1024, 3), dtype=np.uint8)
    alt = "<b>x</b>"
    child = studio.imagine("a dog", alt=alt)[0]
    root = studio.history.take_in(encoded(noise), "noise")
    for pair in ((root, child), (root, studio.history.take_in(encoded(255 - noise), "less"))):
        bundle = studio.history.compare(*pair)._repr_mimebundle_()
        assert bundle["text/html"].count("<img ") == 3
        assert "<b>" not in bundle["text/html"]
        assert sum(map(len, bundle.values())) <= 200_000
        (kind,) = FILE_KINDS & set(bundle)
        assert images.dimensions(base64.b64decode(bundle[kind]))


def test_it_is_a_value_with_a_line_of_its_own(studio):
    studio.imagine("a cat")
    child = studio.refine("bluer", label="hero")[0]
    found = studio.history.compare()
    assert re.fullmatch(rf"<Comparison #1 → #{child.number} hero · changed [\d.]+ % of pixels>", repr(found))


def test_the_magic_takes_two_one_or_no_pictures(cells, azure):
    cells("%imagine --label hero a cat")
    cells("%refine bluer")
    cells("%refine redder")
    for line, names in [
        ("", "#2 → #3"),
        ("hero", "#1 hero → #3"),
        ("@", "#2 → #3"),
        ("3 hero", "#3 → #1 hero"),
        ("@~2 @~1", "#1 hero → #2"),
        ("2 2", "#2 → #2"),
    ]:
        shown = cells(f"%compare {line}")
        assert shown.text.startswith(f"{names} · "), line
        assert len(shown.pictures) == 1
        assert "→" not in shown.printed
    assert len(azure.calls) == 3
    assert cells.history.cursor == 3


def test_the_magic_gives_the_comparison_and_shows_it_once(cells, azure):
    cells("%imagine a cat")
    cells("%refine bluer")
    shown = cells("found = %compare\nfound")
    assert len(shown.pictures) == 1
    assert shown.value.changed == cells.history.compare().changed
    assert len(cells("found").pictures) == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [("1 2 3", "takes two pictures, not 3"), ("nosuch", "nosuch"), ("9", "no picture #9"), ("", "made from no other")],
)
def test_what_cannot_be_compared_is_said(cells, azure, line, words):
    cells("%imagine a cat")
    assert words in str(cells(f"%compare {line}", fails=True).error)


def test_help_and_tab(cells, azure):
    assert "%compare [A] [B]" in cells("%compare -h").text
    cells("%imagine --label hero a cat")
    completer = cells.shell.Completer
    for line, found in [("%compare h", ["hero"]), ("%compare 1 h", ["hero"]), ("%compare 1 2 h", [])]:
        with provisionalcompleter():
            assert [each.text for each in completer.completions(line, len(line))] == found, line


# --- after every masked refine ------------------------------------------------------------------------------------


def test_a_masked_refine_says_what_changed_also_when_it_is_shown_again(cells, azure):
    cells.shell.push({"a": PIXELS, "m": BOX})
    line = "%refine --from a --mask m turn red"
    said = re.compile(r"changed \d+ % of pixels, none outside the mask$", re.MULTILINE)
    assert said.search(cells(line, cell_id="c").text)
    again = cells(line, cell_id="c").text
    assert "recorded" in again
    assert said.search(again)
    assert len(azure.calls) == 1
    soft = cells("%refine --from a --mask m --soft turn red").text
    assert "none outside the mask by more than 8 of 255 levels" in soft
    assert "changed" not in cells("%refine bluer").text


def test_each_of_several_is_said(tmp_path):
    studio = Studio(home=tmp_path / "home", engine=Painter())
    caption = studio.refine("turn red", source=PIXELS, mask=BOX, n=2)[0].generation.caption
    assert re.fullmatch(r"\.1 changed .*, none outside the mask; \.2 changed .*, none outside the mask", caption)


def test_the_identity_is_said_to_change_nothing(azure, tmp_path):
    azure.script = [faults.Identity()]
    child = Studio(home=tmp_path / "home").refine("nothing", source=PIXELS, mask=BOX)[0]
    assert child.generation.caption == "nothing changed: every pixel is equal"


def test_a_soft_answer_that_cannot_be_decoded_is_kept_all_the_same():
    source = encoded(PIXELS)
    broken = source[:-200] + source[-12:]
    inputs = (Input("source", source), masks.given(BOX, {}))
    request = ImageRequest("refine", "x", inputs=inputs, soft=True)
    done = composite.finished(request, ImageResponse((broken, source), "painter", "brush", 0.1, caption="drawn"))
    assert done.images == (broken, source)
    assert done.caption == "drawn; .2 nothing changed: every pixel is equal"
