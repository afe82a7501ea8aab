"""Masks: how each kind is read, what is refused, and that outside of one every stored pixel equals the source's."""

import sqlite3

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageFilter

from imgmagic import CellError, ImageError, SketchError, Studio, composite, images, masks
from imgmagic.exchange import ImageRequest, ImageResponse, Input
from imgmagic.prepare import Wishes
from tests import faults
from tests.helpers import Painter, encoded

W, H = 64, 48
PIXELS = np.random.default_rng(3).integers(0, 256, (H, W, 3), dtype=np.uint8)
BOX = np.zeros((H, W), bool)
BOX[10:30, 20:50] = True


SOURCE = encoded(Image.fromarray(PIXELS))


def selected(value, painted=None, source=SOURCE):
    """Give where a mask edits: bool (height, width)."""
    found = masks.given(value, painted or {})
    if not found.data:
        found = masks.drawn(found.identity.removeprefix("mask:"), source, None)
    return masks.alpha(masks.checked(found, images.dimensions(source)).data) < 128


@pytest.fixture
def served(azure, tmp_path):
    studio = Studio(home=tmp_path / "home")
    yield studio
    assert studio.history.check() == []


# --- how they are read --------------------------------------------------------------------------------------------


def clear(array):
    return np.dstack([PIXELS, np.where(array, 0, 255).astype(np.uint8)])


WHITE = (BOX * 255).astype(np.uint8)


@pytest.mark.parametrize(
    "value",
    [
        BOX,
        np.asfortranarray(BOX),
        WHITE,
        WHITE / 255,
        np.dstack([WHITE] * 3),
        Image.fromarray(BOX),
        Image.fromarray(WHITE),
        Image.fromarray(WHITE).convert("RGB"),
        Image.fromarray(WHITE).convert("P"),
        encoded(Image.fromarray(WHITE)),
        encoded(Image.fromarray(WHITE), "WEBP", lossless=True),
        clear(BOX),
        Image.fromarray(clear(BOX)),
        encoded(Image.fromarray(clear(BOX))),
        Image.fromarray(clear(BOX)).convert("LA"),
        "box:20,10,50,30",
        "box: 20px, 10px, 50px, 30px",
        "box:31.25%,20.8333%,78.125%,62.5%",
        "box:20,20.8333%,50,62.5%",
        "name:there",
    ],
)
def test_every_kind_of_mask_selects_the_same(value):
    assert np.array_equal(selected(value, {"there": encoded(Image.fromarray(clear(BOX)))}), BOX)


def test_a_jpeg_in_black_and_white_is_read_by_its_halves():
    thick = np.kron(BOX, np.ones((8, 8), bool))
    data = encoded(Image.fromarray((thick * 255).astype(np.uint8)), "JPEG", quality=90)
    source = encoded(Image.new("RGB", (W * 8, H * 8)))
    assert (selected(data, source=source) != thick).mean() < 0.01


def test_soft_edges_stay_soft():
    soft = Image.fromarray(WHITE).filter(ImageFilter.BoxBlur(1))
    alpha = masks.alpha(masks.given(soft, {}).data)
    assert np.array_equal(alpha, 255 - np.asarray(soft))
    assert len(np.unique(alpha)) > 2


def test_what_is_sent_is_a_png_with_alpha():
    data = masks.given(BOX, {}).data
    image = images.decode(data)
    assert (image.format, image.mode, image.size) == ("PNG", "RGBA", (W, H))


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ("color:#ff0000", 300),
        ("color:red,10", 300),
        ("colour: red ± 10", 300),
        ("color:#f00±0", 100),
        ("color:rgb(255,0,0),10", 300),
        ("color:red±255", 1000),
    ],
)
def test_a_colour_selects_the_pixels_near_it(words, count):
    pixels = np.zeros((10, 100, 4), np.uint8)
    pixels[..., 3] = 255
    pixels[:, :10] = (255, 0, 0, 255)
    pixels[:, 10:30] = (250, 5, 9, 255)
    source = encoded(Image.fromarray(pixels))
    assert selected(words, source=source).sum() == count


def test_a_colour_that_nobody_sees_is_not_selected():
    pixels = np.full((10, 10, 4), 255, np.uint8)
    pixels[:5, :, 3] = 0
    assert selected("color:white", source=encoded(Image.fromarray(pixels))).sum() == 50


def test_a_mask_too_large_with_soft_edges_gets_hard_ones():
    noise = np.random.default_rng(2).integers(0, 256, (2200, 2200)).astype(np.uint8)
    noise[noise > 120] = 255
    found = masks.given(np.dstack([np.zeros((2200, 2200, 3), np.uint8), noise]), {})
    assert len(found.data) < masks.MAX_BYTES
    assert set(np.unique(masks.alpha(found.data))) == {0, 255}


# --- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "kind", "words"),
    [
        (PIXELS, ImageError, "a colour picture without transparency"),
        (np.dstack([PIXELS, np.full((H, W), 255, np.uint8)]), ImageError, "nowhere transparent"),
        (np.linspace(0, 1, H * W).reshape(H, W), ImageError, r"is \d\d% grey"),
        (BOX.astype(np.uint8), ImageError, "values are 0 and 1"),
        (BOX.astype(np.int64), ImageError, "an array of int64"),
        (np.zeros((H, W), bool), ImageError, "selects nothing"),
        (np.zeros((H, W), np.uint8), ImageError, "selects nothing"),
        (BOX[None], ImageError, "the shape 1x48x64"),
        (BOX[:-1], ImageError, "The mask has 64x47 px, the picture that is edited 64x48 px"),
        (BOX.T, ImageError, "The mask has 48x64 px, the picture that is edited 64x48 px"),
        (7, ImageError, "type int is no image"),
        ("nosuch.png", CellError, "There is no file"),
        ("box:0,0,65,10", CellError, "from 0,0 to 65,10 px, and the picture has 64x48 px"),
        ("box:10,0,10,9", CellError, "from 10,0 to 10,9"),
        ("box:10,9,5,20", CellError, "from 10,9 to 5,20"),
        ("box:0%,0%,101%,9%", CellError, "the picture has 64x48 px"),
        ("box:1,2,3", CellError, "cannot be read"),
        ("box:1,2,3,4,5", CellError, "cannot be read"),
        ("box:-1,0,3,4", CellError, "cannot be read"),
        ("box:0.5,0,3,4", CellError, "cannot be read"),
        ("box:1e3,0,3,4", CellError, "cannot be read"),
        ("box:", CellError, "says nothing"),
        ("color:", CellError, "says nothing"),
        ("color:blurple", CellError, "cannot be read"),
        ("color:red±999", CellError, "cannot be read"),
        ("color:red±-1", CellError, "cannot be read"),
        ("name:nosuch", CellError, "No mask is named 'nosuch'"),
        ("text:sky", CellError, "only the sketch engine finds parts"),
    ],
)
def test_what_is_no_mask_or_could_be_two_is_refused(value, kind, words):
    with pytest.raises(kind, match=words):
        selected(value)


def test_both_readings_are_named():
    with pytest.raises(ImageError) as refused:
        selected(PIXELS)
    assert "transparent is edited" in refused.value.hint
    assert "white is edited" in refused.value.hint


def test_a_colour_that_is_not_there_says_how_far_the_nearest_is():
    with pytest.raises(CellError, match="no pixel is within 30 of it; the nearest is 105 away"):
        selected("color:#ff0000", source=encoded(Image.new("RGB", (8, 8), (150, 0, 0))))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("%refine --soft bluer", "soft is about a mask"),
        ("%refine --mask box:0,0,9,9 -f jpeg bluer", "With a mask the result is a PNG, not jpeg"),
        ("%refine --mask box:0,0,9,9 -f webp bluer", "add --soft"),
        ("%refine --mask box:0,0,999,9 bluer", "the picture has 64x48 px"),
        ("%refine --mask small bluer", "The mask has 3x4 px"),
        ("%refine --mask nosuch bluer", "there is no variable 'nosuch'"),
        ("%refine --mask text:sky bluer", "only the sketch engine"),
    ],
)
def test_nothing_is_sent_for_a_mask_that_does_not_work(cells, azure, line, words):
    cells.shell.push({"small": np.ones((4, 3), bool)})
    cells("%imagine a cat")
    assert words in str(cells(line, fails=True).error)
    assert len(azure.calls) == 1


# --- outside, nothing changes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("PNG", mode) for mode in ("RGB", "RGBA", "L", "LA", "P")]
    + [("JPEG", mode) for mode in ("RGB", "L", "CMYK")]
    + [("WEBP", mode) for mode in ("RGB", "RGBA")],
)
def test_outside_the_mask_every_stored_pixel_equals_the_source(served, azure, kind, mode):
    image = Image.fromarray(np.dstack([PIXELS, PIXELS[..., 0]])).convert(mode)
    source = encoded(image, kind)
    child = served.refine("turn red", source=source, mask=BOX)[0]
    assert child.format == "png"
    stored, before = np.asarray(Image.open(child.path)), images.pixels(source)
    assert stored.shape == before.shape
    assert np.array_equal(stored[~BOX], before[~BOX])
    assert (stored[BOX] != before[BOX]).mean() > 0.5
    # What the service sent differs outside too, and is kept as it came.
    sent = images.pixels(child.original)
    assert (sent[~BOX][:, :3] != before[~BOX][:, :3]).any()
    inner = np.zeros_like(BOX)
    inner[14:26, 24:46] = True
    assert np.array_equal(stored[inner][:, :3], sent[inner])


def test_the_service_gets_the_mask_and_the_whole_source(served, azure):
    served.refine("turn red", source=PIXELS, mask=BOX)
    assert [name for name, *_ in azure.calls[-1].files] == ["image", "mask"]
    mask = azure.calls[-1].files[1]
    assert mask[2] == "image/png"
    assert np.array_equal(masks.alpha(mask[3]) == 0, BOX)


def test_white_servers_get_white(tmp_path, monkeypatch):
    from tests.fake_api import fake_api

    with fake_api(flavour="compatible") as api:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{api.url}/v1")
        studio = Studio(home=tmp_path / "home", dialect="vllm-omni", model="m", size="64x48")
        studio.refine("turn red", source=PIXELS, mask=BOX)
        parts = {name: data for name, _, _, data in api.calls[-1].files}
    assert np.array_equal(np.asarray(images.decode(parts["mask_image"]).convert("L")) == 255, BOX)


def test_the_original_is_what_was_sent_and_survives_a_new_kernel(served, azure, tmp_path):
    azure.script = [faults.Identity()]
    child = served.refine("nothing", source=SOURCE, mask=BOX)[0]
    again = Studio(home=tmp_path / "home").history[child.number]
    assert again.original == SOURCE
    assert np.array_equal(np.asarray(again), PIXELS)
    root = served.imagine("a cat")[0]
    assert root.original == root.bytes


def test_soft_takes_the_answer_as_it_is(served, azure):
    child = served.refine("turn red", source=PIXELS, mask=BOX, soft=True, format="jpeg", n=2)[0]
    assert child.format == "jpeg"
    assert child.original == child.bytes
    assert child.params["soft"] is True
    assert (np.asarray(child)[~BOX] != PIXELS[~BOX]).any()


def test_a_format_that_was_not_said_here_gives_way(served, azure):
    root = served.imagine("a cat", format="jpeg")[0]
    child = served.refine("turn red", mask=BOX)[0]
    assert (root.format, child.format) == ("jpeg", "png")
    assert azure.calls[-1].values["output_format"] == "png"
    assert np.array_equal(np.asarray(child)[~BOX], np.asarray(root)[~BOX])


def test_an_answer_of_another_size_is_resized_and_says_so(served, azure):
    child = served.refine("turn red", source=PIXELS, mask=BOX, size="1024x1024", quality="low")[0]
    assert child.size == (W, H)
    assert np.array_equal(np.asarray(child)[~BOX], PIXELS[~BOX])
    assert "the answer had 1024×1024 px and was resized to the source's 64×48" in child.generation.caption
    assert images.dimensions(child.original) == (1024, 1024)


def test_every_variation_is_laid_over_the_source(tmp_path):
    studio = Studio(home=tmp_path / "home", engine=Painter())
    children = studio.refine("turn red", source=PIXELS, mask=BOX, n=3)
    assert len({each.digest for each in children}) == len({each.original for each in children}) == 3
    assert all(np.array_equal(np.asarray(each)[~BOX], PIXELS[~BOX]) for each in children)
    assert studio.history.check() == []


def test_an_answer_that_cannot_be_decoded_is_kept_all_the_same():
    broken = SOURCE[:-200] + SOURCE[-12:]
    inputs = (Input("source", SOURCE), masks.given(BOX, {}))
    response = ImageResponse((SOURCE, broken), "painter", "brush", 0.1, caption="drawn")
    done = composite.finished(ImageRequest("refine", "x", inputs=inputs), response)
    assert done.images[1] == broken
    assert done.originals == (SOURCE, broken)
    assert done.caption.startswith("drawn; the mask could not be applied")


def test_a_lost_original_is_found_by_check(tmp_path):
    studio = Studio(home=tmp_path / "home", engine=Painter())
    child = studio.refine("turn red", source=PIXELS, mask=BOX)[0]
    studio.history.store.path(*child._original).unlink()
    assert any("the original of #2" in each for each in studio.history.check())


def test_an_original_that_cannot_be_one_is_refused(tmp_path):
    studio = Studio(home=tmp_path / "home", engine=Painter())
    number = studio.refine("turn red", source=PIXELS, mask=BOX)[0].number
    with sqlite3.connect(tmp_path / "home" / "history.db") as connection:
        connection.execute("UPDATE picture SET original = '../../etc/passwd' WHERE number = ?", (number,))
    with pytest.raises(Exception, match="cannot be one"):
        _ = studio.history[number].original


@settings(max_examples=60, deadline=None)
@given(
    arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40)), elements=st.sampled_from([0, 0, 0, 90, 255])),
)
def test_the_seam_lies_inside_and_reaches_everything_that_is_selected(alpha):
    weights = composite.weights(alpha)
    assert not weights[alpha == 255].any()
    assert (weights[alpha == 0] > 0).all()
    assert (weights <= 255 - alpha.astype(int)).all()
    if not (alpha == 255).any():
        assert np.array_equal(weights, 255 - alpha)


def test_a_thin_line_is_edited_fully_and_a_wide_one_softly():
    alpha = np.full((40, 40), 255, np.uint8)
    alpha[5] = 0
    alpha[15:35, 15:35] = 0
    weights = composite.weights(alpha)
    assert (weights[5] == 255).all()
    assert list(weights[25, 14:20]) == [0, 63, 127, 191, 255, 255]


# --- what is said -------------------------------------------------------------------------------------------------


def test_the_share_is_said_while_it_works_and_in_a_dry_run(cells, azure):
    cells.shell.push({"a": PIXELS})
    cells("%imagine a cat")
    shown = cells("%refine --mask box:0%,0%,50%,25% -i a --dry-run bluer")
    assert "12 % selected, outside it nothing changes" in shown.text
    assert "the array" in shown.text
    assert "tinted" in shown.html
    assert shown.html.count("<img ") == 1
    assert cells("%refine --dry-run bluer").html.count("<img ") == 0
    assert len(azure.calls) == 1
    told = []
    studio = Studio(home="other", engine=Painter())
    source = studio.source(SOURCE)
    studio.make(
        "refine", "x", Wishes(mask="box:0,0,64,6", images=PIXELS), source=source, tell=lambda line, _: told.append(line)
    )
    assert told[0].endswith("the painter: 1 picture from #1, 12 % selected, 1 reference")


def test_the_overlay_is_tinted_inside_only():
    shown = masks.overlay(SOURCE, masks.given(BOX, {}).data)
    pixels = images.pixels(shown.data).astype(int)
    assert pixels[BOX][:, 0].mean() - PIXELS[BOX][:, 0].mean() > 40
    assert abs(pixels[~BOX].mean() - PIXELS[~BOX].mean()) < 10


def test_a_painted_mask_is_named_and_its_key_is_what_it_holds(tmp_path):
    studio = Studio(home=tmp_path / "home", engine=Painter())
    studio.masks["sky"] = encoded(Image.fromarray(clear(BOX)))
    child = studio.refine("turn red", source=SOURCE, mask="name:sky")[0]
    assert np.array_equal(np.asarray(child)[~BOX], PIXELS[~BOX])
    by = [studio.prepare("refine", "x", Wishes(mask=mask), source=child).key for mask in ("name:sky", BOX, ~BOX)]
    assert by[0] == by[1] != by[2]


# --- the sketch engine --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def beach(tmp_path_factory):
    studio = Studio(home=tmp_path_factory.mktemp("sketch") / "home", engine="sketch", size="384x256")
    return studio, studio.imagine("a beach with palms and a sailboat on a sunny day")[0]


@pytest.mark.parametrize(
    ("words", "least", "most"),
    [("sky", 25, 60), ("空", 25, 60), ("the sea", 8, 40), ("sand", 8, 45), ("sailboat", 0.3, 8), ("palms", 2, 40)],
)
def test_a_part_of_a_sketch_is_found_by_its_name(beach, words, least, most):
    studio, picture = beach
    rows = dict(studio.plan("refine", "make it night", Wishes(mask=f"text:{words}"), source=picture))
    assert least < float(rows["mask"].split(" %")[0]) < most


def test_sky_sea_and_sand_do_not_overlap(beach):
    studio, picture = beach
    region = studio.engine().region
    parts = [masks.alpha(region(picture.bytes, words)) < 64 for words in ("sky", "sea", "sand")]
    assert (sum(part.astype(int) for part in parts) > 1).mean() < 0.002
    assert parts[0][10].mean() > 0.5
    assert not parts[0][-10:].any()


@pytest.mark.parametrize("words", ["lighthouse", "happiness", "x"])
def test_a_part_that_is_not_there_is_refused(beach, words):
    studio, picture = beach
    with pytest.raises(SketchError, match="was not found"):
        studio.refine("make it night", source=picture, mask=f"text:{words}")


def test_a_sketched_edit_stays_inside_its_mask(beach):
    studio, picture = beach
    sky = masks.alpha(studio.engine().region(picture.bytes, "sky")) < 255
    night = studio.refine("make it night", source=picture, mask="text:sky")[0]
    before, after = np.asarray(picture), np.asarray(night)
    assert np.array_equal(before[~sky], after[~sky])
    assert after[sky].mean() < before[sky].mean() / 2


def test_the_sky_of_a_photograph_is_found_and_nothing_else(beach):
    studio, picture = beach
    photo = picture.image.convert("RGB")
    photo.info.clear()
    assert studio.refine("make the sky red", source=photo, mask="text:sky")[0].parent.operation == "import"
    with pytest.raises(SketchError, match="finds the sky only"):
        studio.refine("make the sky red", source=photo, mask="text:sea")
