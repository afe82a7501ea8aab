"""What a call shows: small, readable, escaped, and never the original."""

import base64
import html
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from imgmagic import Studio, images, render
from imgmagic.errors import ImageError
from imgmagic.exchange import ImageResponse, Usage
from tests.helpers import Painter


class Noise:
    """A real engine whose pictures compress as badly as pictures can."""

    name = "azure"
    paid = True

    def __init__(self, mode="RGB", kind="PNG", size=(1024, 1024), grain=256):
        self.mode, self.kind, self.size, self.grain = mode, kind, size, grain

    def describe(self, request):
        return f"{self.name}/{request.model}"

    def make(self, request, _watch):
        return ImageResponse(
            tuple(self._picture(index) for index in range(request.n)),
            self.name,
            "my-dep",
            12.34,
            usage=Usage(20, 0, 1756),
        )

    def _picture(self, seed):
        width, height = self.size
        pixels = np.random.default_rng(seed).integers(0, self.grain, (height, width, len(self.mode)), np.uint8)
        out = io.BytesIO()
        Image.fromarray(pixels, self.mode).save(out, self.kind)
        return out.getvalue()


def weight(bundle):
    """The size of a bundle as it stands in a notebook file."""
    return len(json.dumps(bundle))


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize(("n", "preview_px"), [(1, 512), (1, 1024), (4, 512)])
def test_the_whole_output_is_below_200_kb_per_new_picture(tmp_path, mode, n, preview_px):
    studio = Studio(home=tmp_path, engine=Noise(mode), preview_px=preview_px)
    prompt = "<&\"'>" * 2000
    assert weight(studio.imagine(prompt, n=n).bundle) <= 200_000 * n
    assert weight(studio.refine(prompt, n=n, alt=prompt).bundle) <= 200_000 * n


def test_a_bundle_holds_html_one_image_and_text(tmp_path):
    bundle = Studio(home=tmp_path, engine=Noise(grain=64)).imagine("a cat").bundle
    assert set(bundle) == {"text/html", "text/plain", "image/jpeg"}
    alternative = Image.open(io.BytesIO(base64.b64decode(bundle["image/jpeg"])))
    assert max(alternative.size) == 512


def test_transparency_shows_as_webp_in_html_and_as_png_beside_it(tmp_path):
    bundle = Studio(home=tmp_path, engine=Noise("RGBA")).imagine("a cat").bundle
    assert "data:image/webp;base64," in bundle["text/html"]
    alternative = Image.open(io.BytesIO(base64.b64decode(bundle["image/png"])))
    assert alternative.convert("RGBA").getchannel("A").getextrema()[0] < 255


def test_the_caption_says_what_made_it_and_what_it_cost(tmp_path):
    studio = Studio(home=tmp_path, engine=Noise(grain=64))
    studio.imagine("a cat", label="hero")
    gallery = studio.refine("make the sky bluer")
    first, second = gallery.bundle["text/plain"].split("\n")
    assert first == (
        '#2 ← #1 · "make the sky bluer" · 1024×1024 medium · azure/my-dep · 12.3 s · ≈$0.053 (as gpt-image-2)'
    )
    assert second == "preview 512 of 1024 px: history[2].save('2.png')"
    assert html.escape(first) in gallery.bundle["text/html"]
    assert studio.history[1].cost_usd == pytest.approx(0.05278)
    assert "before · #1 hero" in gallery.bundle["text/html"]


def test_a_known_model_has_a_known_price(tmp_path):
    studio = Studio(home=tmp_path, engine=Noise(), prices={"my-dep": "gpt-image-1-mini"})
    assert "· $0.014" in str(studio.imagine("a cat"))
    assert studio.history.cost() == pytest.approx(0.014088)


def test_the_cost_of_a_call_is_shared_among_its_pictures(tmp_path):
    pictures = Studio(home=tmp_path, engine=Noise(size=(64, 64))).imagine("a cat", n=4)
    assert sum(each.cost_usd for each in pictures) == pytest.approx(0.05278)


def test_a_small_picture_is_shown_whole(tmp_path):
    gallery = Studio(home=tmp_path, engine=Painter()).imagine("a cat")
    assert "preview" not in str(gallery.bundle["text/plain"])
    assert 'width="64" height="48"' in gallery.bundle["text/html"]


def test_the_parent_stands_beside_the_child_unless_compare_is_off(tmp_path):
    studio = Studio(home=tmp_path, engine=Painter())
    studio.imagine("a cat")
    assert studio.refine("bluer").bundle["text/html"].count("<img ") == 2
    plain = Studio(home=tmp_path, engine=Painter(), compare=False)
    assert plain.refine("bluer", source=1).bundle["text/html"].count("<img ") == 1


HOSTILE = '<img src=x onerror="alert(1)"></script><b>&amp; \x1b[31m\u202e\x07'


def test_whatever_users_write_is_shown_as_text(tmp_path):
    studio = Studio(home=tmp_path, engine=Painter())
    shown = studio.imagine(HOSTILE, alt=HOSTILE).bundle["text/html"]
    assert "<b>" not in shown
    assert "</script>" not in shown
    assert "onerror=&quot;" in shown
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e]", shown)
    assert shown.count("<img ") == 1


def test_whatever_servers_write_is_shown_as_text(tmp_path):
    class Hostile(Painter):
        def make(self, request, watch):
            made = super().make(request, watch)
            return ImageResponse(made.images, HOSTILE, HOSTILE, 0.1, caption=HOSTILE)

    shown = Studio(home=tmp_path, engine=Hostile()).imagine("a cat").bundle["text/html"]
    assert "<b>" not in shown
    assert "</script>" not in shown


@pytest.mark.parametrize(
    ("prompt", "language"),
    [("a cat", "en"), ("晴れた日の美しいビーチ", "ja"), ("고양이", "ko"), ("une fille à l'été", "")],
)
def test_alternative_text_is_the_prompt_in_its_language(tmp_path, prompt, language):
    shown = Studio(home=tmp_path, engine=Painter()).imagine(prompt).bundle["text/html"]
    assert f'alt="{html.escape(prompt)}" lang="{language}"' in shown


def test_alternative_text_can_be_given(tmp_path):
    studio = Studio(home=tmp_path, engine=Painter())
    assert 'alt="a grey cat"' in studio.imagine("a cat", alt="a grey cat").bundle["text/html"]


def test_a_damaged_file_does_not_hide_the_others(tmp_path):
    studio = Studio(home=tmp_path, engine=Painter())
    gallery = studio.imagine("a cat", n=3)
    gallery[1].path.unlink()
    shown = gallery.bundle["text/html"]
    assert shown.count("<img ") == 2
    assert "damaged or missing" in shown


def test_several_pictures_stand_side_by_side_and_a_single_one_is_large(tmp_path):
    studio = Studio(home=tmp_path, engine=Noise("RGB", size=(512, 512)))
    assert studio.imagine("a cat", n=3).bundle["text/html"].count("max-width:min(100%,300px)") == 3
    assert "300px" not in studio.imagine("a cat").bundle["text/html"]
    assert "300px" not in studio.refine("bluer").bundle["text/html"]


def test_a_gallery_is_a_sequence_that_is_no_list(tmp_path):
    gallery = Studio(home=tmp_path, engine=Painter()).imagine("a cat", n=3)
    assert [each.number for each in gallery] == [1, 2, 3]
    assert [each.number for each in gallery[1:]] == [2, 3]
    assert len(gallery) == 3
    assert gallery[-1] in gallery
    assert not isinstance(gallery, list)


def test_the_history_as_a_cells_value_is_small_whatever_its_pictures_weigh(tmp_path):
    studio = Studio(home=tmp_path, engine=Noise("RGB", size=(512, 512)))
    for words in "abcdefghijklmn":
        studio.imagine(words)
    shown = studio.history._repr_html_()
    assert shown.count("<img ") == 12
    assert len(shown) < 300_000


def test_a_picture_behaves_as_an_image(tmp_path):
    picture = Studio(home=tmp_path, engine=Painter()).imagine("a cat")[0]
    assert np.asarray(picture).shape == (48, 64, 3)
    assert np.asarray(picture).dtype == np.uint8
    assert picture.image.size == picture.size == (64, 48)
    assert "text/html" in picture._repr_mimebundle_()


def test_save_keeps_the_bytes_or_converts_by_suffix(tmp_path):
    picture = Studio(home=tmp_path / "home", engine=Noise("RGBA", size=(64, 64))).imagine("a cat")[0]
    assert picture.save(tmp_path / "a.png").read_bytes() == picture.bytes
    assert picture.save(tmp_path / "b").read_bytes() == picture.bytes
    assert Image.open(picture.save(tmp_path / "c.jpg")).format == "JPEG"
    assert np.array_equal(np.asarray(Image.open(picture.save(tmp_path / "d.webp"))), np.asarray(picture))
    with pytest.raises(ImageError, match="is no format for a picture"):
        picture.save(tmp_path / "e.tiff")
    with pytest.raises(ImageError, match="cannot be written"):
        picture.save(tmp_path / "nosuch" / "f.png")


@pytest.mark.parametrize("data", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff" + b"x" * 50, b"RIFF1234WEBPxx"])
def test_bytes_that_are_no_picture_are_refused(data):
    with pytest.raises(ImageError):
        images.decode(data)


def test_a_decompression_bomb_is_refused_before_it_is_decoded():
    out = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(out, "PNG")
    large = io.BytesIO()
    Image.new("1", (10_000, 8_001)).save(large, "PNG")
    with pytest.raises(ImageError, match="10000x8001"):
        images.dimensions(large.getvalue())
    with pytest.raises(ImageError, match="far more pixels"):
        images.dimensions(out.getvalue())


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_mode_of_png_gets_a_preview(mode):
    image = Image.new(mode, (700, 300))
    shown = images.preview(image, 512, 60_000)
    assert max(shown.size) == 512


def test_a_note_is_one_escaped_line():
    assert render.note("<b>") == render.note("<b>").replace("<b>", "&lt;b&gt;")
