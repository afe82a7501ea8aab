"""Recordings: what is written is read, the same twice is the same file, and a stranger's archive can do no harm."""

import hashlib
import io
import json
import os
import random
import re
import stat
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imgmagic import archive, images, recording
from imgmagic.errors import HistoryError, SettingsError
from imgmagic.places import find_recordings
from imgmagic.recording import RecordedGeneration, RecordedInput, RecordedPicture, Recording
from tests.helpers import png

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 123456\n"
BEACH, SUNSET, MASK, SKETCHED = png("beach", 0), png("sunset", 0), png("mask", 0), png("before the mask", 0)


def sha(data):
    return hashlib.sha256(data).hexdigest()


STORE = {sha(data): data for data in (BEACH, SUNSET, MASK, SKETCHED)}


def read(digest, _kind):
    return STORE[digest]


def shrink(data):
    small = images.preview(images.decode(data), 16, 10_000)
    return small.data, images.sniff(small.data)


def picture(number, data, **said):
    return RecordedPicture(number, 0, sha(data), "png", 64, 48, **said)


def generation(uid, operation, *pictures, **said):
    values = {
        "typed": "a {place}",
        "prompt": "a beach 海",
        "alt": "a beach",
        "params": {"n": 1, "scene": {"sky": [0.1, 0.5, {"deep": None}]}},
        "request": {"size": "1024x1024"},
        "key": "ab" * 32,
        "engine": "azure",
        "model": "img-dep",
        "request_id": "req-1",
        "caption": "",
        "usage": (10, 20, 3000),
        "cost_usd": 0.053,
        "cost_as": "gpt-image-2",
        "seconds": 12.3,
        "created": f"2026-11-22T09:30:0{uid[-1]}.000+00:00",
        "session": "notebooks/beach.ipynb",
        "cell_id": "cell-1",
        "position": 0,
        "site": "",
        "retake": "",
        "moves": True,
    }
    return RecordedGeneration(uid, operation, **(values | {"pictures": pictures} | said))


BEACH_MADE = generation("uid-1", "imagine", picture(7, BEACH, label="hero", chosen="2026-11-22T10:00:00.000+00:00"))
SUNSET_MADE = generation(
    "uid-2",
    "refine",
    picture(9, SUNSET, original=sha(SKETCHED), original_format="png"),
    usage=None,
    cost_usd=None,
    cell_id=None,
    position=None,
    inputs=(
        RecordedInput(0, "source", sha(BEACH), "png", picture=7),
        RecordedInput(1, "mask", sha(MASK), "png", identity="pixels:1234"),
    ),
)
BOTH = (BEACH_MADE, SUNSET_MADE)


def written(path, generations=BOTH, *, small=False):
    recording.write(path, generations, read, notebook="notebooks/beach.ipynb", small=small, shrink=shrink)
    return path


@pytest.fixture
def good(tmp_path):
    return written(tmp_path / "good.imgmagic.zip")


def entries(path):
    with zipfile.ZipFile(path) as zipped:
        return {name: zipped.read(name) for name in zipped.namelist()}


def rezipped(path, held, **options):
    """Write entries as a stranger might: with `zipfile`, from names or descriptions to bytes."""
    with zipfile.ZipFile(path, "w", **options) as zipped:
        for name, data in held.items():
            zipped.writestr(name, data)
    return path


def reworded(path, change):
    """Change what the index of a recording says."""
    held = entries(path)
    said = json.loads(held["recording.json"])
    change(said)
    held["recording.json"] = json.dumps(said).encode()
    return rezipped(path, held)


def refused(path, match):
    with pytest.raises(HistoryError, match=match) as caught:
        readable(Recording.open(path))
    assert str(path) in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint


def readable(opened):
    """Read everything that a recording holds."""
    for each in opened.generations:
        for item in (*each.pictures, *each.inputs):
            if isinstance(item, RecordedPicture) or item.file or item.picture:
                opened.read(item)
        for item in each.pictures:
            opened.read_original(item)


# --- what is written is read ---


def test_what_is_written_is_read_again(tmp_path):
    path = tmp_path / "whole.imgmagic.zip"
    result = recording.write(path, BOTH, read, notebook="beach.ipynb", small=False, shrink=shrink)
    assert result == recording.Written(2, 2, path.stat().st_size)
    opened = Recording.open(path)
    assert (opened.notebook, opened.small, opened.made) == ("beach.ipynb", False, SUNSET_MADE.created)
    first, second = opened.generations
    assert first == replace(BEACH_MADE, pictures=(replace(BEACH_MADE.pictures[0], file=sha(BEACH)),))
    assert [each.file for each in second.inputs] == [sha(BEACH), sha(MASK)]
    assert opened.read(first.pictures[0]) == BEACH
    assert [opened.read(each) for each in second.inputs] == [BEACH, MASK]
    assert (opened.read(second.pictures[0]), opened.read_original(second.pictures[0])) == (SUNSET, SKETCHED)
    assert opened.read_original(first.pictures[0]) == BEACH


def test_a_small_recording_holds_previews_and_knows_the_originals(tmp_path):
    opened = Recording.open(written(tmp_path / "small.imgmagic.zip", small=True))
    first, second = (each.pictures[0] for each in opened.generations)
    assert opened.small
    assert (first.digest, first.width) == (sha(BEACH), 64)
    assert first.file != first.digest
    assert Image.open(io.BytesIO(opened.read(first))).width == 16
    assert second.original is None
    source, mask = opened.generations[1].inputs
    assert opened.read(source) == opened.read(first)
    with pytest.raises(HistoryError, match="left out this mask"):
        opened.read(mask)


def test_a_small_recording_keeps_a_source_that_is_none_of_its_pictures(tmp_path):
    foreign = replace(SUNSET_MADE, inputs=(RecordedInput(0, "source", sha(BEACH), "png"),))
    opened = Recording.open(written(tmp_path / "small.imgmagic.zip", [foreign], small=True))
    assert opened.read(opened.generations[0].inputs[0]) == shrink(BEACH)[0]


@pytest.mark.parametrize("small", [False, True])
def test_the_same_content_is_the_same_file_whoever_writes_it_when(tmp_path, small):
    one, other = written(tmp_path / "one.zip", small=small), written(tmp_path / "other.zip", small=small)
    os.utime(one, (0, 0))
    assert one.read_bytes() == other.read_bytes()


def test_the_index_comes_first_and_everything_is_stored_once(good):
    with zipfile.ZipFile(good) as zipped:
        infos = zipped.infolist()
    assert infos[0].filename == "recording.json"
    assert [each.filename for each in infos[1:]] == sorted(f"objects/{digest}.png" for digest in STORE)
    assert {each.compress_type for each in infos} == {zipfile.ZIP_STORED}
    assert {each.date_time for each in infos} == {(1980, 1, 1, 0, 0, 0)}


def test_git_shows_which_generation_changed(good):
    lines = entries(good)["recording.json"].decode().splitlines()
    assert len(lines) == 4
    assert '"uid":"uid-1"' in lines[1]
    assert "海" in lines[1]


def test_an_archive_that_somebody_packed_again_is_read(good):
    held = dict(reversed(entries(good).items()))
    readable(Recording.open(rezipped(good, held, compression=zipfile.ZIP_DEFLATED)))


def test_fields_of_a_later_edition_are_passed_over(good):
    reworded(good, lambda said: said["generations"][0].update(mood="calm"))
    assert Recording.open(good).generations[0].uid == "uid-1"


def test_a_file_that_was_there_is_replaced_whole_or_not_at_all(good):
    before = good.read_bytes()
    torn = generation("uid-3", "imagine", picture(1, b"never stored"))
    with pytest.raises(KeyError):
        written(good, [torn])
    assert good.read_bytes() == before
    assert list(good.parent.iterdir()) == [good]
    written(good, [BEACH_MADE])
    assert len(Recording.open(good).generations) == 1


@pytest.mark.skipif(os.name == "nt", reason="no umask")
def test_others_may_read_a_recording_as_far_as_the_umask_lets_them(good):
    (good.parent / "plain").touch()
    assert stat.S_IMODE(good.stat().st_mode) == stat.S_IMODE((good.parent / "plain").stat().st_mode)


@pytest.mark.parametrize(
    ("generations", "match"),
    [
        ([], "nothing to record"),
        ([BEACH_MADE, BEACH_MADE], "uid uid-1 is there twice"),
        ([SUNSET_MADE], "does not stand before it"),
        ([replace(BEACH_MADE, params={"x": float("nan")})], "cannot be written as JSON"),
        ([replace(BEACH_MADE, params={"x": object()})], "cannot be written as JSON"),
        ([replace(BEACH_MADE, prompt="half \ud800")], "cannot be written as JSON"),
        ([replace(BEACH_MADE, pictures=(picture(1, BEACH, label="not a label"),))], "'label' of picture 1 is not"),
    ],
)
def test_what_would_be_refused_is_not_written(tmp_path, generations, match):
    with pytest.raises(HistoryError, match=match):
        written(tmp_path / "never.imgmagic.zip", generations)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("data", "match"),
    [(SUNSET, "holds other bytes"), (LFS, "holds other bytes"), (bytes(archive.MAX_FILE + 1), "larger than 200 MB")],
    ids=["another", "pointer", "endless"],
)
def test_a_damaged_picture_is_not_recorded(tmp_path, data, match):
    with pytest.raises(HistoryError, match=match):
        recording.write(tmp_path / "x.zip", [BEACH_MADE], lambda *_: data, notebook="", small=False, shrink=shrink)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_to_is_named(tmp_path):
    with pytest.raises(HistoryError, match=r"nowhere.x\.imgmagic\.zip cannot be written"):
        written(tmp_path / "nowhere" / "x.imgmagic.zip")


# --- hostile archives ---


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"", "it is no zip"),
        (b"<html>404</html>", "it is no zip"),
        (b"PK\x03\x04 and then nothing", "no zip, or a part of one"),
        (LFS, "Git LFS pointer"),
    ],
)
def test_what_is_no_zip_is_refused(tmp_path, data, match):
    path = tmp_path / "bad.imgmagic.zip"
    path.write_bytes(data)
    refused(path, match)


def test_a_pointer_tells_how_to_get_the_file(tmp_path, good):
    (tmp_path / "pointer.imgmagic.zip").write_bytes(LFS)
    held = entries(good)
    rezipped(good, held | {f"objects/{sha(BEACH)}.png": LFS})
    for path, first in (("pointer.imgmagic.zip", "open"), (good, "read")):
        with pytest.raises(HistoryError, match="Git LFS pointer") as caught:
            readable(Recording.open(tmp_path / path))
        assert "git lfs pull" in caught.value.hint, first


def test_a_file_that_is_missing_or_a_folder_is_refused(tmp_path):
    refused(tmp_path / "missing.imgmagic.zip", "cannot be read")
    refused(tmp_path, "cannot be read")


def test_a_part_of_a_zip_is_refused(good):
    whole = good.read_bytes()
    good.write_bytes(whole[: len(whole) // 2])
    refused(good, "no zip, or a part of one")


def test_a_program_with_a_zip_behind_it_is_refused(good):
    good.write_bytes(b"#!/bin/sh\nexit\n" + good.read_bytes())
    refused(good, "it is no zip")


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "../up.png",
        f"objects/../objects/{sha(BEACH)}.png",
        f"C:objects/{sha(SUNSET)}.png",
        f"objects\\{sha(SUNSET)}.png",
        f"objects/{sha(SUNSET)}.svg",
        f"objects/{sha(SUNSET).upper()}.png",
        f"objects/{sha(SUNSET)}.png\n",
        "objects/",
        "Recording.json",
        "readme.txt",
        "",
    ],
)
def test_any_other_name_is_refused(good, name):
    held = entries(good)
    info = zipfile.ZipInfo("placeholder")
    info.filename = name
    refused(rezipped(good, held | {info: b"x"}), "is no name that a recording has")


def test_a_name_with_a_nul_is_not_cut_to_a_good_one(good):
    name = f"objects/{sha(b'another')}.png"
    rezipped(good, entries(good) | {f"{name}/../x": b"another"})
    good.write_bytes(good.read_bytes().replace(f"{name}/".encode(), f"{name}\0".encode()))
    refused(good, "is no name that a recording has")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFDIR, stat.S_IFCHR, stat.S_IFIFO])
def test_links_folders_and_devices_are_refused(good, kind):
    held = entries(good)
    info = zipfile.ZipInfo(f"objects/{sha(SUNSET)}.png")
    info.create_system = 3
    info.external_attr = (kind | 0o777) << 16
    rezipped(good, {info if name == info.filename else name: data for name, data in held.items()})
    refused(good, "is a link, a folder")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("suffix", ["png", "webp"])
def test_an_entry_that_is_there_twice_is_refused(good, suffix):
    with zipfile.ZipFile(good, "a") as zipped:
        zipped.writestr(f"objects/{sha(BEACH)}.{suffix}", b"another")
    refused(good, "is there twice")


def patched(path, name, offset, form, value):
    """Overwrite a field in an entry's row of the directory."""
    data = bytearray(path.read_bytes())
    row = data.rindex(name.encode()) - 46
    assert data[row : row + 4] == b"PK\x01\x02"
    struct.pack_into(form, data, row + offset, value)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("offset", "form", "value", "match"),
    [
        (8, "<H", 1, "encrypted"),
        (8, "<H", 0x2041, "encrypted"),
        (10, "<H", 12, "packed in a way that is not read"),
        (10, "<H", 99, "packed in a way that is not read"),
        (24, "<I", 201 * 2**20, "larger than 200 MB"),
        (24, "<I", 150 * 2**20, "packed too tightly"),
        (24, "<I", 1, "is damaged"),
        (20, "<I", 10, "is damaged"),
        (20, "<I", 2**20, "claim more bytes than it has"),
        (42, "<I", 2**31, "is not where it should be"),
        (42, "<I", 5, "is damaged"),
    ],
)
def test_an_entry_that_lies_about_itself_is_refused(good, offset, form, value, match):
    refused(patched(good, f"objects/{sha(BEACH)}.png", offset, form, value), match)


def test_a_bomb_is_not_unpacked(good):
    held = entries(good) | {f"objects/{sha(BEACH)}.png": b"\0" * 50 * 2**20}
    refused(rezipped(good, held, compression=zipfile.ZIP_DEFLATED), "packed too tightly")
    # Nor where it says that it is small: no more is unpacked than it may have, and that is not the size that it said.
    patched(good, f"objects/{sha(BEACH)}.png", 24, "<I", 1000)
    tracemalloc.start()
    try:
        refused(good, "is damaged or too large")
        assert tracemalloc.get_traced_memory()[1] < 25 * 2**20
    finally:
        tracemalloc.stop()


def test_an_index_beyond_its_bound_is_refused(good):
    held = entries(good)
    refused(rezipped(good, held | {"recording.json": b" " * (50 * 2**20 + 1)}), "larger than 50 MB")
    refused(rezipped(good, held | {"recording.json": b"[" * 3_000_001}), "more than 3,000,000 values")


def test_a_directory_beyond_its_bound_is_refused(good):
    data = good.read_bytes()
    good.write_bytes(data[:-10] + struct.pack("<II", 2**30, 0) + data[-2:])
    refused(good, "no zip, or a part of one")
    size = archive.MAX_DIRECTORY + 1
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 9, 9, size, 4, 0)
    good.write_bytes(b"PK\x03\x04" + bytes(size) + end)
    refused(good, "its directory is larger than 16 MB")


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"GIF89a", "holds other bytes than its name says"),
        (SUNSET, "holds other bytes than its name says"),
    ],
)
def test_other_bytes_than_a_picture_s_own_are_refused(good, data, match):
    refused(rezipped(good, entries(good) | {f"objects/{sha(BEACH)}.png": data}), match)


@pytest.mark.parametrize(
    ("data", "match"), [(b"GIF89a", "is no PNG, JPEG or WebP"), (b"\xff\xd8\xff\xe0", "in truth a jpeg")]
)
def test_bytes_that_are_no_picture_are_refused_though_their_digest_is_right(good, data, match):
    held = entries(good)
    del held[f"objects/{sha(BEACH)}.png"]
    text = held["recording.json"].replace(sha(BEACH).encode(), sha(data).encode())
    refused(rezipped(good, held | {"recording.json": text, f"objects/{sha(data)}.png": data}), match)


@pytest.mark.parametrize("name", ["recording.json", *(f"objects/{digest}.png" for digest in STORE)])
def test_what_the_index_relies_on_must_be_there(good, name):
    held = entries(good)
    del held[name]
    refused(rezipped(good, held), "is missing in it|there is no recording.json in it")


def test_a_newer_recording_asks_for_a_newer_imgmagic(good):
    reworded(good, lambda said: said.update(version=2, generations="another form"))
    with pytest.raises(HistoryError, match="newer imgmagic") as caught:
        Recording.open(good)
    assert "pip install -U" in caught.value.hint


def test_an_index_with_a_wrong_checksum_is_refused(good):
    good.write_bytes(good.read_bytes().replace(b"img-dep", b"img-DEP", 1))
    refused(good, "recording.json in it is damaged")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"a": "\\ud800"}',
        b"[" * 100_000 + b"]" * 100_000,
    ],
)
def test_what_is_no_json_is_refused(good, text):
    refused(rezipped(good, entries(good) | {"recording.json": text}), "no valid JSON")


@pytest.mark.parametrize("text", [b"[]", b"null", b"{}", b'{"format": "another", "version": 1}'])
def test_json_of_something_else_is_refused(good, text):
    refused(rezipped(good, entries(good) | {"recording.json": text}), "does not say that it is an imgmagic recording")


def deep(levels):
    value = {}
    for _ in range(levels):
        value = {"x": value}
    return value


WRONG = [
    *(((), "version", value) for value in (0, "1", None, True, 1.0)),
    *(((), "made", value) for value in ("", None, "yesterday", "2026-13-01T00:00:00+00:00", "2026-11-22T09:30:00Z")),
    *(((), "notebook", value) for value in (None, 3, "x" * 5000)),
    *(((), "small", value) for value in (0, None, "true")),
    *(((), "generations", value) for value in (None, {}, "x", [1], [None], [[]])),
    *((("generations", 0), "uid", value) for value in ("", "a b", "x" * 101, 3, "uid-2")),
    *((("generations", 0), "operation", value) for value in ("delete", "refine", [], None)),
    *((("generations", 0), "prompt", value) for value in (None, 3, ["x"], "x" * 1_000_001)),
    *((("generations", 0), "params", value) for value in (None, [], "x", deep(30))),
    *((("generations", 0), "request", value) for value in (None, {"x": [[deep(20)]]})),
    *((("generations", 0), "key", value) for value in ("", "AB" * 32, None)),
    *((("generations", 0), "usage", value) for value in ([1, 2], [1, 2, 3, 4], [1, 2, -3], [1, 2, 3.5], {}, 7)),
    *((("generations", 0), "cost_usd", value) for value in (-1, "1", True, 1e12)),
    *((("generations", 0), "seconds", value) for value in (-1, None, False)),
    *((("generations", 0), "created", value) for value in ("", "2026-11-22", "٢٠٢٦-11-22T09:30:00+00:00")),
    *((("generations", 0), "position", value) for value in (-1, 2**60, 0.5)),
    *((("generations", 0), "moves", value) for value in (1, None)),
    *((("generations", 0), "pictures", value) for value in ([], None, {}, [3])),
    *((("generations", 0), "inputs", value) for value in (None, [{}], "x")),
    *((("generations", 0, "pictures", 0), "number", value) for value in (0, -7, "7", True, 9, 2**53 + 1)),
    *((("generations", 0, "pictures", 0), "digest", value) for value in ("../x", None, sha(MASK))),
    *((("generations", 0, "pictures", 0), "file", value) for value in ("", None, sha(MASK))),
    *((("generations", 0, "pictures", 0), "format", value) for value in ("gif", "jpeg", None)),
    *((("generations", 0, "pictures", 0), "width", value) for value in (0, 100_001, None)),
    *((("generations", 0, "pictures", 0), "label", value) for value in ("", "7", "a b", "x\n", 7)),
    *((("generations", 0, "pictures", 0), "chosen", value) for value in (None, "now", 0)),
    (("generations", 1), "operation", "import"),
    *((("generations", 1, "pictures", 0), "original", value) for value in (None, "x", sha(b"nothing"))),
    *((("generations", 1, "pictures", 0), "original_format", value) for value in (None, "gif")),
    *((("generations", 1, "inputs", 0), "picture", value) for value in (9, 8, 0, "7")),
    *((("generations", 1, "inputs", 0), "role", value) for value in ("mask", "target", None)),
    *((("generations", 1, "inputs", 0), "position", value) for value in (1, 2, -1)),
    *((("generations", 1, "inputs", 1), "role", value) for value in ("source",)),
    *((("generations", 1, "inputs", 1), "file", value) for value in (3, sha(BEACH))),
    *((("generations", 1, "inputs", 1), "identity", value) for value in (None, 3)),
]


def _printed(value):
    return re.sub(r"\W+", ".", json.dumps(value))[:40]


@pytest.mark.parametrize(("way", "name", "value"), WRONG, ids=_printed)
def test_every_field_is_checked(good, way, name, value):
    def change(said):
        for step in way:
            said = said[step]
        assert name in said
        said[name] = value

    refused(reworded(good, change), "cannot be used as a recording")


@pytest.mark.parametrize("name", ["made", "generations"])
def test_a_missing_field_is_named(good, name):
    refused(reworded(good, lambda said: said.pop(name)), f"it has no '{name}'")


def test_an_error_says_which_picture_of_which_generation_is_meant(good):
    reworded(good, lambda said: said["generations"][1]["pictures"][0].update(width=0))
    refused(good, r"'width' of picture 1 is not a whole number from 1 to 100000 \(in generation 2\)")


def test_the_same_label_twice_is_refused(good):
    reworded(good, lambda said: said["generations"][1]["pictures"][0].update(label="hero"))
    refused(good, "the label hero is there twice")


def test_pictures_that_are_made_from_each_other_are_refused(good):
    def circle(said):
        first, second = said["generations"]
        first["operation"], first["inputs"] = "refine", [second["inputs"][0] | {"picture": 9}]

    refused(reworded(good, circle), "generation 1 is made from a picture that does not stand before it")


def test_what_changed_behind_an_open_recording_is_not_read(good):
    opened = Recording.open(good)
    written(good, [BEACH_MADE])
    with pytest.raises(HistoryError, match="it was changed after it had been opened"):
        opened.read(opened.generations[0].pictures[0])


PARTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def opens_or_is_refused(path):
    try:
        readable(Recording.open(path))
    except HistoryError:
        return False
    return True


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """Good archives as bytes, whole, small and deflated, and a place to put broken ones."""
    place = tmp_path_factory.mktemp("fuzz")
    paths = [written(place / "whole"), written(place / "small", small=True)]
    paths.append(rezipped(place / "deflated", entries(paths[0]), compression=zipfile.ZIP_DEFLATED))
    assert all(opens_or_is_refused(path) for path in paths)
    return place / "broken.imgmagic.zip", [path.read_bytes() for path in paths]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_is_done_to_an_archive_s_bytes_it_opens_or_is_refused(archives, data):
    path, good = archives
    broken = bytearray(data.draw(st.sampled_from(good)))
    directory = broken.rindex(b"PK\x01\x02") - 200 if data.draw(st.booleans()) else 0
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(directory, max(directory, len(broken) - 1)))
        length = data.draw(st.integers(0, 8))
        broken[at : at + length] = data.draw(st.binary(max_size=8))
    path.write_bytes(broken)
    opens_or_is_refused(path)


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32), value=PARTS, drop=st.booleans())
def test_whatever_an_index_says_it_opens_or_is_refused(archives, seed, value, drop):
    path, good = archives
    path.write_bytes(good[seed % 2])
    chance = random.Random(seed)

    def change(said):
        # Walk down at random and change what is found where the walk ends.
        while True:
            step = chance.choice(list(said) if isinstance(said, dict) else range(len(said)))
            if isinstance(said[step], (dict, list)) and said[step] and chance.random() < 0.8:
                said = said[step]
                continue
            if drop:
                del said[step]
            else:
                said[step] = value
            return

    reworded(path, change)
    opens_or_is_refused(path)


# --- finding ---


def test_recordings_are_found_in_folders_and_where_the_variable_says(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    for name in ("here/b.imgmagic.zip", "here/a.imgmagic.zip", "here/no.zip", "here/deep/c.imgmagic.zip"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for name in ("home/mine.zip", "beside/z.imgmagic.zip", "beside/folder.imgmagic.zip/x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path / "here")
    named = os.pathsep.join(["~/mine.zip", " a.imgmagic.zip ", ""])
    places = [tmp_path / "here", tmp_path / "beside", tmp_path / "here" / "..", tmp_path / "nowhere"]
    expected = ["beside/z.imgmagic.zip", "here/a.imgmagic.zip", "here/b.imgmagic.zip", "home/mine.zip"]
    assert find_recordings(places, named) == tuple(tmp_path / each for each in expected)


def test_a_recording_that_two_ways_lead_to_is_found_once(tmp_path, good):
    (tmp_path / "link").symlink_to(tmp_path)
    assert len(find_recordings([tmp_path, tmp_path / "link", tmp_path], str(good))) == 1


@pytest.mark.parametrize("named", ["nowhere.imgmagic.zip", "~nobody-of-that-name/x.zip", ".", "x" * 5000])
def test_a_recording_that_is_named_and_not_there_is_an_error(named):
    with pytest.raises(SettingsError, match=r"IMGMAGIC_RECORDING names .*there is no such file"):
        find_recordings([], named)


def test_a_file_that_did_not_change_is_parsed_once(good):
    first = recording.opened(good)
    assert recording.opened(good) is first
    written(good, [BEACH_MADE])
    second = recording.opened(good)
    assert len(second.generations) == 1
    assert recording.opened(good) is second
    good.unlink()
    with pytest.raises(HistoryError, match="cannot be read"):
        recording.opened(good)


def test_only_so_many_recordings_stay_in_memory(tmp_path):
    paths = [written(tmp_path / f"{index}.imgmagic.zip", [BEACH_MADE]) for index in range(20)]
    first = [recording.opened(path) for path in paths]
    assert recording.opened(paths[-1]) is first[-1]
    assert recording.opened(paths[0]) is not first[0]


def test_reading_a_recording_needs_neither_pillow_nor_sqlite(good):
    code = (
        "import sys; from pathlib import Path; from imgmagic import recording;"
        f"opened = recording.opened(Path({str(good)!r})); opened.read(opened.generations[0].pictures[0]);"
        "print({'PIL', 'numpy', 'sqlite3', 'requests', 'IPython'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
