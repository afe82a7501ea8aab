"""Images from outside: what every kind of value is sent as, what is refused, and what a request's key knows it by."""

import base64
import hashlib
import io
import shutil
import socket
import struct
import threading
import zlib
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgmagic import CellError, HistoryError, ImageError, Studio, images, values
from imgmagic.expressions import resolve
from tests import faults
from tests.helpers import Painter, encoded, png
from tests.slow_server import certificate

PIXELS = np.random.default_rng(7).integers(0, 256, (48, 64, 3), dtype=np.uint8)
CLEAR = np.dstack([PIXELS, np.full((48, 64), 90, np.uint8)])


def sent(value, size=None):
    return images.pixels(values.given("source", value, size).data)


@pytest.fixture
def studio(tmp_path):
    studio = Studio(home=tmp_path / "home", engine=Painter())
    yield studio
    assert studio.history.check() == []


@pytest.fixture
def served(azure, tmp_path):
    studio = Studio(home=tmp_path / "home")
    yield studio
    assert studio.history.check() == []


class Chart:
    """What has a picture of itself, as many libraries' objects do."""

    def __init__(self, answer):
        self.answer = answer

    def _repr_png_(self):
        return self.answer


class Figure:
    """Has the methods of a matplotlib figure that are used, and draws one colour."""

    def __init__(self, axes=1):
        self.axes, self.inches = [object()] * axes, (4.0, 3.0)

    def get_size_inches(self):
        return self.inches

    def set_size_inches(self, width, height):
        self.inches = (width, height)

    def savefig(self, out, dpi=100, **how):
        size = tuple(int(side * dpi) for side in self.inches)
        Image.new("RGBA", size, (200, 30, 60, 255)).save(out, how["format"])


class Axes:
    def __init__(self, figure):
        self.figure = figure

    def get_figure(self):
        return self.figure

    def get_xlim(self):
        return (0, 1)


# --- what it is sent as -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "made",
    [
        lambda array: array,
        lambda array: array.astype(np.float64) / 255,
        lambda array: array.astype(np.float32) / 255,
        lambda array: array[::-1][::-1],
        np.asfortranarray,
        Image.fromarray,
        lambda array: encoded(Image.fromarray(array)),
        lambda array: bytearray(encoded(Image.fromarray(array))),
        lambda array: memoryview(encoded(Image.fromarray(array))),
        lambda array: encoded(Image.fromarray(array), "WEBP", lossless=True, exact=True),
        lambda array: "data:image/png;base64," + base64.b64encode(encoded(Image.fromarray(array))).decode(),
        lambda array: Chart(encoded(Image.fromarray(array))),
        lambda array: Chart((encoded(Image.fromarray(array)), {"width": 64})),
        lambda array: Chart(base64.b64encode(encoded(Image.fromarray(array))).decode()),
        lambda array: [array],
        lambda array: (Image.fromarray(array),),
    ],
)
@pytest.mark.parametrize("array", [PIXELS, CLEAR], ids=["RGB", "RGBA"])
def test_every_kind_of_value_keeps_its_pixels(made, array):
    assert np.array_equal(sent(made(array)), array)


def test_grey_becomes_rgb():
    assert np.array_equal(sent(PIXELS[..., 0]), np.dstack([PIXELS[..., 0]] * 3))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("given", [lambda path: path, str, lambda path: path.read_bytes()])
def test_a_file_that_needs_no_change_is_sent_bit_for_bit(tmp_path, kind, given):
    path = tmp_path / "photo.bin"
    path.write_bytes(data := encoded(Image.fromarray(PIXELS), kind))
    found = values.given("reference", given(path))
    assert (found.data, found.known_as) == (data, hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize("mode", ["1", "P", "L", "LA", "CMYK", "YCbCr", "LAB", "HSV", "RGBa", "RGBX"])
def test_pil_modes_become_rgb(mode):
    image = Image.fromarray(PIXELS).convert("RGBA" if mode == "RGBa" else "RGB").convert(mode)
    data = values.given("source", image).data
    assert images.decode(data).mode in {"RGB", "RGBA"}
    assert np.array_equal(
        images.pixels(data)[..., :3], np.asarray(image.convert("RGB" if mode != "RGBa" else "RGBA"))[..., :3]
    )


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("given", [lambda data: data, lambda data: Image.open(io.BytesIO(data))], ids=["bytes", "PIL"])
def test_a_camera_held_sideways_is_turned_upright(kind, given):
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(Image.fromarray(PIXELS), kind, exif=exif)
    found = values.given("source", given(data))
    assert np.array_equal(images.pixels(found.data), np.rot90(images.pixels(data), -1))
    assert images.decode(found.data).getexif().get(0x0112, 1) == 1


def test_a_palette_and_a_cmyk_file_become_rgb_and_keep_the_name_of_their_bytes():
    for image, kind in [
        (Image.fromarray(PIXELS).quantize(16), "PNG"),
        (Image.fromarray(PIXELS).convert("CMYK"), "JPEG"),
    ]:
        data = encoded(image, kind)
        found = values.given("source", data)
        assert images.decode(found.data).mode == "RGB"
        assert found.known_as == hashlib.sha256(data).hexdigest() != found.digest
        assert "icc_profile" not in images.decode(found.data).info


def sixteen(channels):
    """Write a PNG of 16 bits a channel, which Pillow cannot."""
    row = b"\0" + struct.pack(">H", 0xABCD) * channels * 4
    head = struct.pack(">IIBBBBB", 4, 3, 16, {1: 0, 3: 2}[channels], 0, 0, 0)
    parts = [(b"IHDR", head), (b"IDAT", zlib.compress(row * 3)), (b"IEND", b"")]
    chunks = [
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bits_become_their_upper_eight(channels):
    found = values.given("source", sixteen(channels))
    assert found.data[24] == 8
    assert (images.pixels(found.data) == 0xAB).all()


def test_a_pil_image_of_sixteen_bits_too():
    image = Image.fromarray(np.full((3, 4), 0xABCD, np.uint16))
    assert (sent(image) == 0xAB).all()


@pytest.mark.parametrize(
    ("size", "expected"), [(None, (400, 300)), ("auto", (400, 300)), ("512x256", (512, 256)), ("333x777", (333, 777))]
)
@pytest.mark.parametrize("wrapped", [lambda figure: figure, Axes])
def test_a_figure_is_drawn_at_the_size_that_is_asked_for(size, expected, wrapped):
    figure = Figure()
    found = values.given("source", wrapped(figure), size)
    assert images.dimensions(found.data) == expected
    assert figure.inches == (4.0, 3.0)
    assert found.known_as.startswith("pixels:")


@pytest.mark.parametrize(("size", "bbox"), [(None, "standard"), ("512x256", "tight"), ("333x777", "standard")])
def test_matplotlib_itself(size, bbox):
    figures = pytest.importorskip("matplotlib.figure")
    import matplotlib as mpl

    with mpl.rc_context({"savefig.bbox": bbox}):
        _check_matplotlib(figures, size)


def _check_matplotlib(figures, size):
    figure = figures.Figure()
    axes = figure.subplots()
    axes.plot([1, 3, 2])
    before = tuple(figure.get_size_inches())
    for value in (figure, axes):
        assert images.dimensions(values.given("source", value, size).data) == (
            tuple(map(int, size.split("x"))) if size else (640, 480)
        )
    assert tuple(figure.get_size_inches()) == before


# --- what is refused ----------------------------------------------------------------------------------------------


def tiff():
    return encoded(Image.fromarray(PIXELS), "TIFF")


def animated(kind):
    frames = [Image.fromarray(PIXELS), Image.fromarray(255 - PIXELS)]
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:])


def bomb():
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    body = struct.pack(">I", 13) + b"IHDR" + head + struct.pack(">I", zlib.crc32(b"IHDR" + head))
    return b"\x89PNG\r\n\x1a\n" + body + encoded(Image.fromarray(PIXELS))[33:]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (PIXELS.astype(np.int64), "an array of int64"),
        (PIXELS.astype(np.uint16), "an array of uint16"),
        (PIXELS.astype(np.float64), "values from 0 to 255, not from 0 to 1"),
        (PIXELS / 255 - 0.5, "values from -0.5 to 0.5"),
        (np.full((4, 4, 3), np.nan), "values from nan"),
        (PIXELS[..., 0] > 9, "that is a mask, not a picture"),
        (PIXELS[..., :2], "the shape 48x64x2"),
        (PIXELS[0, 0], "the shape 3"),
        (PIXELS[None], "the shape 1x48x64x3"),
        (np.zeros((0, 4, 3), np.uint8), "the shape 0x4x3"),
        (np.array(3, np.uint8), "of a single number"),
        (np.array([["a"]]), "an array of <U1"),
        (np.array([[Figure()]]), "an array of object"),
        (Image.new("F", (4, 4)), "the mode F"),
        (Image.new("I", (4, 4)), "the mode I"),
        (tiff(), "it is a TIFF"),
        (encoded(Image.fromarray(PIXELS), "GIF"), "it is a GIF"),
        (encoded(Image.fromarray(PIXELS), "BMP"), "it is a BMP"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "it is an SVG"),
        (b"%PDF-1.7", "it is a PDF"),
        (b"<html>not found</html>", "it is an HTML page"),
        (b"", "no PNG, JPEG or WebP"),
        (encoded(Image.fromarray(PIXELS))[:-400], "damaged"),
        (animated("PNG"), "animated: it has 2 frames"),
        (animated("WEBP"), "animated: it has 2 frames"),
        (Image.open(io.BytesIO(animated("GIF"))), "animated: it has 2 frames"),
        (bomb(), "px|pixels"),
        (np.broadcast_to(np.uint8(0), (10_000, 10_000)), "10000x10000 px"),
        (None, "type NoneType is no image"),
        (7, "type int is no image"),
        (3.5, "type float is no image"),
        ({"a": 1}, "type dict is no image"),
        (Figure, "type type is no image"),
        (Figure(axes=0), "The figure is empty"),
        (Axes(Figure(axes=3)), "share their figure: it has 3"),
        (Chart(None), "gave no PNG but None"),
        (Chart(b"nonsense"), "the Chart cannot be used"),
        ([], "this list has 0"),
        ([PIXELS, PIXELS], "this list has 2"),
        ("http://example.org/a.png", "only https: URLs are"),
        ("file:///etc/passwd", "only https: URLs are"),
        ("https://[::1", "is no address"),
        ("data:image/png;base64,!!!", "cannot be read"),
        ("data:nothing", "cannot be read"),
        ("data:image/png,hello", "no PNG, JPEG or WebP"),
        (Path("nosuch.png"), "cannot be read"),
        (Path("~nobody-of-this-name/a.png"), "cannot be read"),
        (Path("a" * 300), "cannot be read"),
        (Path("a\0b.png"), "cannot be read"),
        (Path(), "is no file"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_what_is_no_image_or_could_be_two_is_refused_by_name(value, words):
    with pytest.raises(ImageError, match=words) as refused:
        values.given("source", value)
    assert "\x1b" not in str(refused.value)


def test_a_text_that_names_no_file_is_refused(tmp_path):
    (tmp_path / "photo.png").write_bytes(png("a", 0))
    with pytest.raises(CellError, match=r"There is no file foto\.png") as refused:
        values.given("source", "foto.png")
    assert "Did you mean photo.png?" in refused.value.hint


def test_fifty_megabytes_are_refused(tmp_path):
    path = tmp_path / "large.png"
    with path.open("wb") as file:
        file.truncate(values.MAX_BYTES)
    with pytest.raises(ImageError, match=r"large\.png has 50\.0 MB"):
        values.given("source", path)
    noise = np.random.default_rng(1).integers(0, 256, (4300, 4300, 3), dtype=np.uint8)
    with pytest.raises(ImageError, match=r"the array has 5\d\.\d MB"):
        values.given("source", noise)


def test_more_than_sixteen_are_refused_before_anything_is_sent(served, azure):
    with pytest.raises(CellError, match="17 pictures would go along; the services take at most 16"):
        served.imagine("a cat", images=[PIXELS] * 17)
    served.imagine("a cat", images=[PIXELS] * 16)
    with pytest.raises(CellError, match="17 pictures"):
        served.refine("bluer", images=[PIXELS] * 16)
    assert len(azure.calls) == 1


# --- what a line names --------------------------------------------------------------------------------------------


def test_a_line_names_variables_expressions_files_and_addresses(tmp_path):
    (tmp_path / "photo.png").write_bytes(b"")
    (tmp_path / "plain").write_bytes(b"")
    (tmp_path / "two words").write_bytes(b"")
    names = {"photo": PIXELS, "several": {"a": PIXELS}, "url": "https://example.org/a.png"}
    assert resolve("photo", names) is PIXELS
    assert resolve("(photo)", names) is PIXELS
    assert resolve("several['a']", names) is PIXELS
    assert resolve("photo[:10, :10].copy()", names).shape == (10, 10, 3)
    assert resolve("[photo for _ in range(2)][1]", names) is PIXELS
    assert resolve("url", names) == "https://example.org/a.png"
    assert resolve("https://example.org/a.png?x=(1)", names) == "https://example.org/a.png?x=(1)"
    assert resolve("photo.png", names) == Path("photo.png")
    assert resolve("./photo.png", names) == Path("photo.png")
    assert resolve("plain", names) == Path("plain")
    assert resolve("two words", names) == Path("two words")
    assert np.array_equal(resolve(f"photo / ({'+'.join(['1'] * 255)})", names), PIXELS / 255)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("foto", "foto: there is no variable 'foto'"),
        ("foto.resize((4, 4))", "there is no variable 'foto'"),
        ("nosuch.png", r"There is no file nosuch\.png, and there is no variable 'nosuch'"),
        ("nosuch/a-b c.png", r"There is no file nosuch/a-b c\.png"),
        ("photo[", r"photo\[ is neither a file nor Python"),
        ("1/0", "1/0 fails: ZeroDivisionError: division by zero"),
        ("photo.nothing", "fails: AttributeError"),
        ("raiser()", r"raiser\(\) fails: ValueError: no"),
    ],
)
def test_an_expression_that_fails_is_named(text, words):
    def raiser():
        raise ValueError("no\x1b[2J")

    with pytest.raises(CellError, match=words) as refused:
        resolve(text, {"photo": PIXELS, "raiser": raiser})
    assert "\x1b" not in str(refused.value)
    if text == "foto":
        assert "photo" in refused.value.hint


# --- in cells -----------------------------------------------------------------------------------------------------


def test_the_service_gets_source_and_references_in_order(cells, azure, tmp_path):
    (tmp_path / "b.jpg").write_bytes(second := encoded(Image.fromarray(PIXELS), "JPEG"))
    cells.shell.push({"a": PIXELS, "fig": Figure()})
    cells("%imagine a cat")
    cells("from imgmagic import history")
    cells("%refine -i a -i b.jpg -i 'a[:20, :20]' --image=fig -i history[1] like these")
    files = azure.calls[-1].files
    assert [name for name, *_ in files] == ["image[]"] * 6
    assert files[0][3] == files[5][3] == cells.history[1].bytes
    assert np.array_equal(images.pixels(files[1][3]), PIXELS)
    assert (files[2][2], files[2][3]) == ("image/jpeg", second)
    assert images.dimensions(files[3][3]) == (20, 20)
    assert images.dimensions(files[4][3]) == (400, 300)
    assert cells.history.current.parent.number == 1


def test_an_imagine_with_references_is_an_edit_that_makes_a_root(cells, azure):
    cells.shell.push({"a": PIXELS})
    cells("%imagine -i a a cat like this")
    assert azure.calls[-1].path.endswith("/edits")
    assert [name for name, *_ in azure.calls[-1].files] == ["image"]
    assert cells.history.current.parent is None
    assert [each.number for each in cells.history.roots] == [1]


def test_webp_goes_to_azure_as_png_since_it_reads_none(served, azure):
    data = encoded(Image.fromarray(PIXELS), "WEBP", lossless=True)
    served.imagine("a cat", images=data)
    (_, name, mime, got) = azure.calls[-1].files[0]
    assert (name, mime) == ("image-1.png", "image/png")
    assert np.array_equal(images.pixels(got), PIXELS)


def test_an_array_makes_the_round_trip_bit_for_bit(cells, azure):
    cells.shell.push({"a": PIXELS})
    azure.script = [faults.Identity()]
    cells("%refine --from a -o b do nothing")
    assert np.array_equal(cells("import numpy as np\nnp.asarray(b)").value, PIXELS)
    root = cells.history.current.parent
    assert (root.operation, root.engine, root.generation.caption, root.size) == ("import", "", "imported", (64, 48))
    assert np.array_equal(np.asarray(root), PIXELS)
    assert cells.history.cursor == 2
    assert cells("%imgmagic cost").text.count("1 call") == 4


def test_the_same_image_again_is_the_same_root(served, azure):
    data = encoded(Image.fromarray(PIXELS))
    for value in (data, PIXELS, Image.fromarray(PIXELS), data):
        served.refine("bluer", source=value)
    numbers = {each.parent.number for each in served.history if each.operation == "refine"}
    assert len([each for each in served.history if each.operation == "import"]) == len(numbers) <= 2
    assert served.history.current.parent.parent is None


def test_nothing_is_imported_for_a_call_that_is_not_sent(cells, azure):
    cells.shell.push({"a": PIXELS})
    assert "the array" in cells("%refine --from a --dry-run bluer").text
    cells("%refine --from a --save nosuch/b.png bluer", fails=True)
    cells("%refine --from a --mask box:0,0,999,9 bluer", fails=True)
    assert (list(cells.history), azure.calls) == ([], [])


def test_a_picture_of_another_folder_is_imported(served, azure, tmp_path):
    other = Studio(home=tmp_path / "other", engine=Painter())
    other.imagine("a dog", n=3)
    served.imagine("a cat")
    child = served.refine("bluer", source=other.history[1], images=[other.history[2]])[0]
    assert (child.parent.operation, child.parent.bytes) == ("import", other.history[1].bytes)
    assert azure.calls[-1].files[1][3] == other.history[2].bytes
    assert served.history.check() == []


def test_from_reads_a_ref_first_and_brackets_force_python(cells, azure):
    cells("%imagine --label hero a cat")
    cells("%refine bluer")
    cells.shell.push({"a": PIXELS})
    for line, parent in [("--from hero", 1), ("--from 2", 2), ("--from @~1", 2), ("--from hero~0", 1)]:
        cells(f"%refine {line} redder")
        assert cells.history.current.parent.number == parent, line
    cells.shell.push({"hero": PIXELS})
    error = cells("%refine --from hero redder", fails=True).error
    assert isinstance(error, CellError)
    assert "both a label (#1) and a variable (ndarray)" in str(error)
    cells("%refine --from (hero) redder")
    assert cells.history.current.parent.operation == "import"
    error = cells("%refine --from her redder", fails=True).error
    assert isinstance(error, HistoryError)
    assert "Variables that look like it: hero" in str(error)


@pytest.mark.parametrize("text", ["_", "Out[{n}]", "g", "g[0]", "1 and g[0].number"])
def test_results_are_images(cells, azure, text):
    cells("g = %imagine a cat")
    shown = cells("g")
    assert shown.value[0].number == 1
    text = text.format(n=max(cells.shell.user_ns["Out"]))
    cells(f"%refine --from '({text})' bluer")
    assert cells.history.current.parent.number == 1


def test_fidelity_is_said_to_those_who_know_it(cells, azure):
    cells("%imagine a cat")
    cells("%refine -m img-old -s 1024x1024 -q low --fidelity high bluer")
    assert azure.calls[-1].values["input_fidelity"] == "high"
    assert cells.history.current.params["fidelity"] == "high"
    with pytest.raises(CellError, match="fidelity 'best' is none of high, low"):
        Studio(home="other", engine=Painter()).refine("bluer", source=PIXELS, fidelity="best")


def test_the_sketch_engine_says_that_it_takes_the_palette_only(tmp_path):
    studio = Studio(home=tmp_path / "home", engine="sketch", size="256x256")
    caption = studio.imagine("a beach", images=[PIXELS])[0].generation.caption
    assert "of the reference images only the palette is used" in caption


# --- what a key knows it by ---------------------------------------------------------------------------------------


def key(studio, operation="imagine", source=None, **wishes):
    from imgmagic.prepare import Wishes

    return studio.prepare(operation, "words", Wishes(**wishes), source=source).key


def test_a_key_knows_arrays_by_their_pixels_and_references_by_their_order(studio):
    one = key(studio, images=[PIXELS, CLEAR])
    assert one == key(studio, images=[PIXELS.copy(), Image.fromarray(CLEAR)])
    assert one == key(studio, images=[PIXELS / 255, CLEAR])
    assert one != key(studio, images=[CLEAR, PIXELS])
    assert one != key(studio, images=[PIXELS])
    assert one != key(studio)
    changed = PIXELS.copy()
    changed[0, 0, 0] ^= 1
    assert one != key(studio, images=[changed, CLEAR])


def test_a_key_needs_no_import_and_no_network(studio):
    source = studio.source("https://nowhere.invalid/a.png")
    first = key(studio, "refine", source, images=["https://nowhere.invalid/b.png"], mask="box:0,0,9,9")
    assert first != key(studio, "refine", source, images=["https://nowhere.invalid/c.png"], mask="box:0,0,9,9")
    assert first != key(studio, "refine", source, images=["https://nowhere.invalid/b.png"], mask="box:0,0,9,8")
    assert len(studio.history.all) == 0


def test_the_stored_inputs_remember_what_they_are_known_by(served, azure):
    served.refine("bluer", source=PIXELS)
    (row,) = served.history._database.inputs()
    assert row["identity"] == values.given("source", PIXELS).identity


# --- addresses ----------------------------------------------------------------------------------------------------

HOST = "93.184.216.34"


@contextmanager
def public_server(tmp_path, monkeypatch, answer):
    """Serve one https answer at a public address, reached through a proxy on this machine."""
    context, trusted = certificate(tmp_path, HOST)

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            asked.append(connection.recv(4000).split(b"\r\n")[0].decode())
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            with context.wrap_socket(connection, server_side=True) as secured:
                asked.append(secured.recv(4000).split(b"\r\n")[0].decode())
                secured.sendall(answer)

    asked = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{listener.getsockname()[1]}")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trusted))
        yield asked


def http(status, body, *headers):
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to make a certificate with")


@needs_openssl
def test_a_url_is_fetched_once_when_the_request_is_sent(studio, tmp_path, monkeypatch):
    url = f"https://{HOST}/a.png?token=1"
    with public_server(tmp_path, monkeypatch, http("200 OK", data := png("a", 0))) as asked:
        source = studio.source(url)
        assert (source.data, source.known_as, asked) == (b"", f"url:{url}", [])
        child = studio.refine("bluer", source=url)[0]
    assert [each.rpartition(" ")[0] for each in asked] == [f"CONNECT {HOST}:443", "GET /a.png?token=1"]
    assert child.parent.bytes == data
    assert child.parent.prompt == f"https://{HOST}/a.png"


@needs_openssl
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (http("302 Found", b"", "Location: https://10.0.0.1/secret"), r"leads on to https://10\.0\.0\.1/secret"),
        (http("404 Not Found", b"gone"), "the server answered 404"),
        (http("200 OK", b"<html>"), "it is an HTML page"),
    ],
)
def test_what_a_url_does_not_give_is_said(studio, tmp_path, monkeypatch, answer, words):
    with public_server(tmp_path, monkeypatch, answer), pytest.raises(ImageError, match=words):
        studio.imagine("a cat", images=f"https://{HOST}/a.png")
    assert studio.history.all == []


@pytest.mark.parametrize(
    "url",
    ["https://127.0.0.1/a.png", "https://10.0.0.1/a.png", "https://nowhere.invalid/a.png", "https://169.254.169.254/x"],
)
def test_nothing_inside_a_network_is_fetched(studio, url):
    with pytest.raises(ImageError, match="no public https address"):
        studio.imagine("a cat", images=[url])


def test_a_server_without_edits_takes_no_references(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("IMGMAGIC_MODEL", "m")
    studio = Studio(home=tmp_path / "home", dialect="localai")
    with pytest.raises(CellError, match="cannot be given reference images"):
        studio.imagine("a cat", images=[PIXELS])
