"""What is handed over and taken back in forms that no other test has: gaps, photographs of phones, private hosts."""

import io
import shutil
import socket
import threading
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image

from imgmagic import CellError, ImageError, Studio, coerce, images, masks, values
from tests import faults
from tests.helpers import Painter, encoded, png
from tests.lab import kernel
from tests.slow_server import certificate

W, H = 64, 48
PIXELS = np.random.default_rng(5).integers(0, 256, (H, W, 3), dtype=np.uint8)
BOX = np.zeros((H, W), bool)
BOX[10:30, 20:50] = True


@pytest.fixture
def studio(tmp_path):
    studio = Studio(home=tmp_path / "home", engine=Painter())
    yield studio
    assert studio.history.check() == []


# --- in -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("use", "gaps"), [(values.given, PIXELS > 250), (lambda _, value: masks.given(value, {}), BOX)]
)
def test_masked_values_are_not_guessed(use, gaps):
    whole = np.ma.masked_array(PIXELS if gaps.ndim == 3 else BOX, np.zeros_like(gaps))
    assert use("source", whole).data == use("source", np.asarray(whole)).data
    whole[gaps] = np.ma.masked
    with pytest.raises(ImageError, match=f"masked array: {gaps.sum():,} of its values") as refused:
        use("source", whole)
    assert "filled" in refused.value.hint


def test_a_photograph_with_a_second_picture_behind_it_is_the_photograph():
    data = encoded(Image.fromarray(PIXELS), "MPO", save_all=True, append_images=[Image.fromarray(255 - PIXELS)])
    assert values.given("source", data).data == data
    given = values.given("source", Image.open(io.BytesIO(data)))
    assert np.array_equal(images.pixels(given.data), images.pixels(data))


def test_an_animation_is_named_once():
    data = encoded(Image.fromarray(PIXELS), "PNG", save_all=True, append_images=[Image.fromarray(255 - PIXELS)])
    with pytest.raises(ImageError) as refused:
        values.given("source", data)
    assert refused.value.message == "the picture given as bytes cannot be used: it is animated: it has 2 frames."


@pytest.mark.parametrize(("mode", "plain"), [("RGBa", "RGBA"), ("La", "LA")])
def test_colours_multiplied_by_their_alpha_are_divided_again(mode, plain):
    image = Image.fromarray(np.dstack([PIXELS, PIXELS[..., 0]])).convert(plain).convert(mode)
    data, _ = coerce.from_pil(image, "it")
    assert np.array_equal(images.pixels(data), np.asarray(image.convert(plain).convert("RGBA")))


@contextmanager
def private_server(tmp_path, monkeypatch, body):
    """Serve pictures over https on this machine, as a host inside a network does."""
    context, trusted = certificate(tmp_path)

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with context.wrap_socket(connection, server_side=True) as secured:
                secured.recv(4000)
                secured.sendall(
                    b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body
                )

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trusted))
        yield f"https://127.0.0.1:{listener.getsockname()[1]}/a.png"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to make a certificate with")
def test_a_host_inside_a_network_is_asked_only_if_the_environment_names_it(studio, tmp_path, monkeypatch):
    with private_server(tmp_path, monkeypatch, data := png("a", 0)) as url:
        for named in ("", "10.0.0.1, intranet.example"):
            monkeypatch.setenv("IMGMAGIC_TRUSTED_HOSTS", named)
            with pytest.raises(ImageError, match="no public https address") as refused:
                studio.refine("bluer", source=url)
        assert "IMGMAGIC_TRUSTED_HOSTS" in refused.value.hint
        monkeypatch.setenv("IMGMAGIC_TRUSTED_HOSTS", "intranet.example, 127.0.0.1")
        assert studio.refine("bluer", source=url)[0].parent.bytes == data
        with pytest.raises(ImageError, match="only https: URLs are"):
            studio.refine("bluer", source=url.replace("https", "http"))


# --- masks --------------------------------------------------------------------------------------------------------


def selected(value, source):
    found = masks.given(value, {})
    if not found.data:
        found = masks.drawn(found.identity.removeprefix("mask:"), source, None)
    return masks.alpha(found.data) < 255


def test_a_picture_of_the_history_is_a_mask_like_any_image(studio):
    drawn = studio.refine("white is edited", source=(BOX * 255).astype(np.uint8))[0].parent
    child = studio.refine("turn red", source=PIXELS, mask=drawn)[0]
    assert np.array_equal((np.asarray(child) != PIXELS).any(axis=2) & ~BOX, np.zeros_like(BOX))
    with pytest.raises(ImageError, match="colour picture without transparency"):
        studio.refine("turn red", source=PIXELS, mask=child)


@pytest.mark.parametrize("dtype", [int, np.uint16, np.int8])
def test_whole_numbers_that_are_no_grey_are_refused_with_both_readings(dtype):
    with pytest.raises(ImageError, match=f"an array of {np.dtype(dtype)}") as refused:
        masks.given(BOX.astype(dtype), {})
    assert "astype(bool)" in refused.value.hint
    assert "astype('uint8')" in refused.value.hint


def test_the_noise_of_a_jpeg_selects_nothing():
    thick = np.kron(BOX, np.ones((8, 8), bool))
    data = encoded(Image.fromarray((thick * 255).astype(np.uint8)), "JPEG", quality=90)
    away = np.ones_like(thick)
    away[72:248, 152:408] = False
    assert not (selected(data, data) & away).any()


@pytest.mark.parametrize("words", ["color:rgb(30,60,90)±40", "color:rgb(30,60,90),40", "color:#1e3c5a ± 40"])
def test_a_colour_may_have_commas_of_its_own(words):
    source = encoded(Image.fromarray(PIXELS))
    near = (np.abs(PIXELS.astype(int) - (30, 60, 90)) <= 40).all(axis=2)
    assert np.array_equal(selected(words, source), near)


def test_a_colour_with_commas_needs_no_distance(studio):
    flat = np.full((H, W, 3), (30, 60, 90), np.uint8)
    assert selected("color:rgb(30,60,90)", encoded(Image.fromarray(flat))).all()
    with pytest.raises(CellError, match="cannot be read"):
        studio.refine("red", source=flat, mask="color:rgb(30,60,90")


def test_the_waiting_line_shows_where_it_is_edited_and_the_saved_output_does_not(tmp_path):
    with kernel(tmp_path, IMGMAGIC_SIZE="256x256") as running:
        assert not running.run("%load_ext imgmagic\n%imagine a beach on a sunny day").failure
        run = running.run("%refine --mask box:0%,0%,100%,25% make the sky red")
    waiting, *_ = [each["data"] for each in run.contents("display_data", "update_display_data")]
    assert "25 % selected" in waiting["text/plain"]
    assert waiting["text/html"].count("<img ") == 1
    assert "tinted: edited" in waiting["text/html"]
    (shown,) = run.shown
    assert shown["text/plain"].startswith("#2 ← #1")
    assert "tinted" not in shown["text/html"]


# --- out ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [np.asarray, np.array, lambda picture: np.asarray(picture, dtype=np.uint8)])
def test_the_pixels_of_a_picture_can_be_written_to(studio, make):
    picture = studio.imagine("a cat")[0]
    make(picture)[:10] = 0
    assert np.asarray(picture)[:10].any()


@pytest.mark.skipif(int(np.__version__.split(".")[0]) < 2, reason="numpy 1 has no copy=False of this kind")
def test_pixels_without_a_copy_are_refused(studio):
    with pytest.raises(ValueError, match="without a copy"):
        np.asarray(studio.imagine("a cat")[0], copy=False)


def test_matplotlib_shows_a_picture_as_it_is(studio):
    figures = pytest.importorskip("matplotlib.figure")
    picture = studio.imagine("a cat")[0]
    shown = figures.Figure().subplots().imshow(picture)
    assert np.array_equal(shown.get_array(), np.asarray(picture))


def test_what_was_made_of_an_array_is_recorded_and_replayed(studio, tmp_path):
    child = studio.refine("turn red", source=PIXELS, mask=BOX, images=[PIXELS[:9]])[0]
    path = studio.history.export(tmp_path / "all.imgmagic.zip")
    reader = Studio(home=tmp_path / "reader", engine=Painter(), replay="only")
    reader.history.load(path)
    again = reader.refine("turn red", source=PIXELS, mask=BOX, images=[PIXELS[:9]])[0]
    assert (again.digest, again.original) == (child.digest, child.original)
    assert (again.parent.operation, again.parent.bytes) == ("import", child.parent.bytes)
    assert reader.history.check() == []


@pytest.mark.parametrize("alpha", [None, 255, 90, 0])
def test_an_array_comes_back_bit_for_bit(azure, tmp_path, alpha):
    array = PIXELS if alpha is None else np.dstack([PIXELS, np.full((H, W), alpha, np.uint8)])
    azure.script = [faults.Identity()]
    child = Studio(home=tmp_path / "home").refine("nothing", source=array)[0]
    assert np.asarray(child).dtype == np.uint8
    assert np.array_equal(np.asarray(child), array)
