"""Content credentials: they survive whatever keeps bytes, are found in each format, and only a copy gets text."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imgmagic import ImageError, Studio, credentials
from imgmagic.exchange import ImageResponse
from tests.helpers import png

MANIFEST = b"\0\0\0\x2ajumb\0\0\0\x22jumdc2pa\0\x11\0\x10\x80\0\0\xaa\0\x38\x9b\x71\x03c2pa\0" + bytes(range(256)) * 40


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def encoded(kind, **options):
    out = io.BytesIO()
    Image.open(io.BytesIO(png("a", 0))).save(out, kind, **options)
    return out.getvalue()


def signed_png(picture=None):
    picture = picture or png("a", 0)
    return picture[:33] + chunk(b"caBX", MANIFEST) + picture[33:]


def segment(marker, body):
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body


def signed_jpeg():
    picture = encoded("JPEG")
    parts = [MANIFEST[:6000], MANIFEST[6000:]]
    boxes = [segment(0xEB, b"JP\0\1" + struct.pack(">I", place) + part) for place, part in enumerate(parts, 1)]
    return picture[:20] + b"".join(boxes) + picture[20:]


def signed_webp():
    picture = encoded("WEBP")
    odd = b"XMP " + struct.pack("<I", 7) + b"nothing\0"
    body = picture[8:] + odd + b"C2PA" + struct.pack("<I", len(MANIFEST)) + MANIFEST + b"\0" * (len(MANIFEST) % 2)
    return b"RIFF" + struct.pack("<I", len(body)) + body


SIGNED = {"png": signed_png(), "jpeg": signed_jpeg(), "webp": signed_webp()}


class Signer:
    """An engine whose pictures carry a manifest."""

    name, paid = "signer", False

    def __init__(self, kind="png"):
        self.kind = kind

    def describe(self, _request):
        return "the signer"

    def make(self, request, _watch):
        return ImageResponse((SIGNED[self.kind],) * request.n, "signer", "pen", 0.1)


@pytest.fixture(params=SIGNED)
def studio(request, tmp_path):
    studio = Studio(home=tmp_path / "home", engine=Signer(request.param), format=request.param)
    yield studio
    assert studio.history.check() == []


def test_they_survive_bit_for_bit_wherever_the_original_goes(studio, tmp_path):
    picture = studio.imagine("a cat")[0]
    data = SIGNED[picture.format]
    assert Image.open(io.BytesIO(data)).size == (64, 48)
    assert picture.bytes == picture.original == picture.path.read_bytes() == data
    assert picture.save(tmp_path / "copy").read_bytes() == data
    other = Studio(home=tmp_path / "other")
    (loaded,) = other.history.load(studio.history.export(tmp_path / "all.imgmagic.zip"))
    assert loaded.bytes == data
    assert loaded.credentials.present
    child = studio.refine("bluer", source=data)[0]
    assert child.parent.bytes == data


def test_a_picture_says_whether_it_carries_them(studio):
    found = studio.imagine("a cat")[0].credentials
    assert found
    assert found.present
    assert found.in_original
    assert len(MANIFEST) <= found.size <= len(MANIFEST) + 16
    assert str(found).startswith(f"content credentials (C2PA), {found.size:,} bytes in the ")


def test_one_that_is_laid_into_its_source_says_that_only_the_original_has_them(tmp_path):
    studio = Studio(home=tmp_path / "home", engine=Signer())
    plain = Image.open(io.BytesIO(png("b", 0)))
    child = studio.refine("red", source=plain, mask="box:0,0,9,9")[0]
    assert not child.credentials
    assert child.credentials.in_original
    assert str(child.credentials) == "no content credentials; picture.original carries some"
    assert child.original == SIGNED["png"]
    assert not child.parent.credentials.in_original
    assert str(child.parent.credentials) == "no content credentials"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_pictures_without_have_none(kind):
    exif = Image.Exif()
    exif[0x010E] = "about c2pa and caBX"
    assert not credentials.read(encoded(kind, exif=exif))


def test_jumbf_of_another_kind_is_none():
    picture = encoded("JPEG")
    other = picture[:20] + segment(0xEB, b"JP\0\1\0\0\0\1\0\0\0\x10jumb of a panorama") + picture[20:]
    assert not credentials.read(other)


def test_what_looks_like_them_in_another_chunk_is_none():
    picture = png("a", 0)
    assert not credentials.read(picture[:33] + chunk(b"tEXt", b"Comment\0caBX" + MANIFEST) + picture[33:])


@given(st.sampled_from(sorted(SIGNED)), st.integers(12, 11_000), st.binary(max_size=12))
def test_a_damaged_file_is_looked_at_as_far_as_it_goes(kind, at, noise):
    data = SIGNED[kind]
    at = min(at, len(data))
    assert isinstance(credentials.read(data[:at]).size, int)
    assert isinstance(credentials.read(data[:at] + noise + data[at + len(noise) :]).size, int)


# --- text on copies -----------------------------------------------------------------------------------------------


def test_only_a_copy_gets_text_and_that_it_breaks_the_hash_is_said(tmp_path):
    studio = Studio(home=tmp_path / "home", engine=Signer())
    picture = studio.imagine("a cat, 猫")[0]
    with pytest.warns(UserWarning, match="breaks the hash of this copy's content credentials") as told:
        path = picture.save(tmp_path / "copy.png", metadata=True)
    assert told[0].filename == __file__
    copy = Image.open(path)
    copy.load()
    assert copy.text["Description"] == "a cat, 猫"
    assert copy.text["Source"] == "signer/pen"
    assert copy.text["Creation Time"] == picture.created.isoformat()
    assert np.array_equal(np.asarray(copy), np.asarray(picture))
    written = path.read_bytes()
    assert written.startswith(SIGNED["png"][:33])
    assert written.endswith(SIGNED["png"][33:])
    assert picture.bytes == SIGNED["png"]
    assert picture.save(tmp_path / "plain.png").read_bytes() == SIGNED["png"]


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_text_goes_into_a_png_only(tmp_path, suffix):
    picture = Studio(home=tmp_path / "home", engine=Signer()).imagine("a cat")[0]
    with pytest.raises(ImageError, match="as PNG only"):
        picture.save(tmp_path / f"copy{suffix}", metadata=True)
    assert not (tmp_path / f"copy{suffix}").exists()


@pytest.mark.filterwarnings("error")
def test_a_converted_copy_has_no_credentials_to_break(tmp_path):
    picture = Studio(home=tmp_path / "home", engine=Signer("jpeg"), format="jpeg").imagine("a cat")[0]
    path = picture.save(tmp_path / "copy.png", metadata=True)
    assert Image.open(path).text["Description"] == "a cat"
    assert not credentials.read(path.read_bytes())
