"""What `%imgmagic code` writes is run as plain Python, and asks for a picture with the very bytes that made it."""

import ast
import html
import io
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from imgmagic.calls import Watch
from imgmagic.engines import dialects
from imgmagic.errors import CellError, HistoryError
from imgmagic.exchange import ImageRequest, Input
from imgmagic.recipe import program
from imgmagic.script import Subject, Target, literal, write
from imgmagic.settings import Settings
from imgmagic.studio import Studio
from tests.fake_api import fake_api
from tests.helpers import Painter, png

AZURE = {"AZURE_OPENAI_API_KEY": "test-key", "AZURE_OPENAI_DEPLOYMENT_NAME": "img-dep"}
OPENAI = {"OPENAI_API_KEY": "test-key", "OPENAI_BASE_URL": "{url}/v1"}

# The service, how its fake behaves, and the variables that name it.
SERVICES = {
    "azure": ("real", {**AZURE, "AZURE_OPENAI_ENDPOINT": "{url}/"}),
    "azure v1": ("real", {**AZURE, "AZURE_OPENAI_ENDPOINT": "{url}/openai/v1"}),
    "openai": ("real", {**OPENAI, "IMGMAGIC_ENGINE": "openai", "OPENAI_ORG_ID": "org-1"}),
    "compatible": ("compatible", OPENAI),
    "by URL": ("compatible", {**OPENAI, "IMGMAGIC_MODEL": "any", "IMGMAGIC_DIALECT": "litellm"}),
    "no key": ("compatible", {"OPENAI_BASE_URL": "{url}/v1"}),
    "white masks": ("compatible", {**OPENAI, "IMGMAGIC_DIALECT": "stable-diffusion.cpp"}),
}


def mask(size=(64, 48)):
    image = Image.new("RGBA", size, "white")
    image.paste((0, 0, 0, 0), (8, 8, 32, 32))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


SOURCE = Input("source", png("source", 0), 1)
REFERENCES = (Input("reference", png("one", 0)), Input("reference", png("two", 0), 2))
MASK = Input("mask", mask())
REQUESTS = {
    "an imagine": ImageRequest("imagine", "A cat, \"seen\" from 'above'"),
    "options": ImageRequest(
        "imagine", "a cat", background="opaque", format="jpeg", compression=40, quality="low", moderation="low"
    ),
    "a further field": ImageRequest("imagine", "a cat", params=(("quality", None), ("user", 'so-and-so "\\'))),
    "several": ImageRequest("imagine", "a cat", n=3),
    "a refine": ImageRequest("refine", "bluer\n\nand “calm”", inputs=(SOURCE,)),
    "several edits": ImageRequest("refine", "bluer", n=2, inputs=(SOURCE,), params=(("user", "so"),)),
    "references and a mask": ImageRequest("refine", "like these", inputs=(SOURCE, MASK, *REFERENCES), soft=True),
    "a reference only": ImageRequest("imagine", "like this", inputs=REFERENCES[:1]),
}


@pytest.fixture
def service(request, monkeypatch):
    """Give a running fake that the environment names."""
    flavour, variables = SERVICES[request.param]
    with fake_api(flavour=flavour, auto_size="64x48") as api:
        for name, value in variables.items():
            monkeypatch.setenv(name, value.format(url=api.url))
        yield api


@pytest.fixture
def studio(tmp_path):
    return Studio(home=tmp_path / ".imgmagic", session="here")


def made(studio, wanted):
    """Ask the service as a call does, and keep the answer."""
    # Sizes that are quick: the strict fake makes `auto` small, the lax one takes any.
    size = "auto" if studio.settings().engine != "compatible" else "64x48"
    wanted = replace(wanted, size=size)
    if wanted.inputs and not len(studio.history):
        for _ in range(2):
            studio.imagine("a cat", size=size)
    response = studio.engine().make(wanted, Watch())
    return studio.history.add(wanted, response)[0]


def run(text, *variables, **more):
    """Run a program in a Python of its own, with these variables and no others."""
    env = {name: os.environ[name] for name in variables} | more
    return subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, check=False, env=env, encoding="utf-8"
    )


def wire(seen):
    """Give what must be the same of two requests: everything but the boundary."""
    boundary = seen.headers.get_param("boundary")
    body = seen.body.replace(boundary.encode(), b"BOUNDARY") if boundary else seen.body
    return seen.method, seen.path, seen.query, body, *(seen.headers.get(each) for each in HEADERS), seen.mime


HEADERS = ("api-key", "Authorization", "OpenAI-Organization")


@pytest.mark.parametrize("wanted", REQUESTS.values(), ids=REQUESTS)
@pytest.mark.parametrize("service", SERVICES, indirect=True)
def test_the_program_sends_the_bytes_that_were_sent_and_saves_the_same_pictures(service, studio, wanted):
    picture = made(studio, wanted)
    text = program(studio, picture)
    done = run(
        text, *(name for name in ("OPENAI_API_KEY", "AZURE_OPENAI_API_KEY", "OPENAI_ORG_ID") if name in os.environ)
    )
    assert done.returncode == 0, done.stderr
    before, after = service.calls[-2:]
    assert wire(after) == wire(before)
    pictures = studio.history.siblings(picture)
    names = [f"imgmagic-{each.number}{each.path.suffix}" for each in pictures]
    assert done.stdout.split() == names
    assert [Path(name).read_bytes() for name in names] == [each.bytes for each in pictures]
    assert "test-key" not in text


HOSTILE = [
    "'''",
    '"""',
    'ends with "',
    "ends with a backslash\\",
    "{braces} {{more}} %s $HOME",
    "line one\nline two\n\n    indented \"\"\" ''' \\ \\n",
    "blank at the end \nof a line",
    "a backslash \\n\nin two lines",
    "\u202eright\nto left in two lines",
    "\u202eright to left\u2066 and \u200fso on",
    "emoji 🏖️👩‍👩‍👧 and 日本語\u3000全角",
    "tab\there, return\rthere, page\x0cbreak, separator\u2028line\x85next",
    "coding: rot13\n# -*- coding: x -*-",
    "# vim: set fileencoding=nonsense :",
    'import os; os.abort()\n"); raise SystemExit(3)  #',
    '" + __import__("os").abort() + "',
    "a very long line " * 200,
    "長い" * 400,
    "unbroken" * 100,
    "many\nlines\n" * 100 + "end",
    "\\N{DASH} \\u0041 \\x41 \\",
    "f'{prompt}'",
]


@pytest.mark.parametrize("words", HOSTILE)
@pytest.mark.parametrize("service", ["azure"], indirect=True)
def test_whatever_stands_in_the_words_arrives_as_it_was_sent(service, studio, words):
    for operation, inputs in (("imagine", ()), ("refine", (SOURCE,))):
        picture = made(studio, ImageRequest(operation, words, params=(("user", words[:60]),), inputs=inputs))
        text = program(studio, picture)
        done = run(text, "AZURE_OPENAI_API_KEY")
        assert done.returncode == 0, done.stderr
        assert wire(service.calls[-1]) == wire(service.calls[-2])
        assert service.calls[-1].values["prompt"] == words
        assert all(line.isprintable() for line in text.split("\n"))


# --- the text ---

PLACE = Settings(
    "azure",
    "https://name.openai.azure.com/openai",
    "dep",
    deployment_route=True,
    api_version="v",
    scheme="api-key",
    sources={"key": "AZURE_OPENAI_API_KEY"},
)


def text_of(wanted, settings=PLACE, maker="service", endpoint="", paths=()):
    target = Target(settings, dialects.by_name(settings.engine), endpoint)
    return write(wanted, target, Subject(7, ".png", maker, paths))


def test_a_program_is_short_and_reads_well():
    text = text_of(ImageRequest("imagine", "A photorealistic image\nof a beach."))
    assert text == EXPECTED
    assert len(text.splitlines()) < 40


EXPECTED = '''\
# Asks Azure OpenAI for picture #7 once more. The request is the same, the answer a new take.
# Needs requests (pip install requests) and AZURE_OPENAI_API_KEY in the environment.

import base64
import os
from pathlib import Path

import requests

prompt = """\\
A photorealistic image
of a beach."""

response = requests.post(
    "https://name.openai.azure.com/openai/deployments/dep/images/generations",
    params={"api-version": "v"},
    headers={"api-key": os.environ["AZURE_OPENAI_API_KEY"]},
    json={
        "prompt": prompt,
        "n": 1,
        "size": "1024x1024",
        "quality": "medium",
        "output_format": "png",
    },
    timeout=600,
    allow_redirects=False,
)
if response.status_code >= 300:
    raise requests.HTTPError(f"{response.status_code} {response.reason}\\n{response.text}")

item = response.json()["data"][0]
picture = base64.b64decode(item["b64_json"])
path = Path("imgmagic-7.png")
path.write_bytes(picture)
print(path)
'''


WRITTEN = [*REQUESTS.values(), *(ImageRequest("imagine", words) for words in HOSTILE)]


def texts():
    for wanted in WRITTEN:
        paths = tuple(f".imgmagic/objects/ab/{each.digest}.png" for each in wanted.inputs)
        for engine in ("azure", "compatible"):
            yield text_of(wanted, replace(PLACE, engine=engine), paths=paths)


def test_lines_stay_below_120_and_only_requests_is_needed():
    for text in texts():
        lines = [line for line in text.splitlines() if "unbroken" not in line]
        assert max(map(len, lines)) < 120
        tree = ast.parse(text)
        assert {each.name for node in ast.walk(tree) if isinstance(node, ast.Import) for each in node.names} <= NEEDED


NEEDED = {"base64", "os", "requests"}


def test_the_code_is_as_ruff_would_have_it(tmp_path):
    pytest.importorskip("ruff")
    for index, text in enumerate(texts()):
        (tmp_path / f"it_{index}.py").write_text(text, encoding="utf-8")
    rules = ["--isolated", "--line-length=119", "--select=E,F,W,I,N,B,UP,SIM"]
    command = [sys.executable, "-m", "ruff", "check", *rules, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("value", [*HOSTILE, "", "\ud800", {"a": [None, True, 1.5, "x'\""]}, [], {}])
def test_a_literal_is_one_printable_line_that_gives_the_value_back(value):
    assert literal(value).isprintable()
    assert ast.literal_eval(literal(value)) == value


def test_every_file_is_named_by_its_role_and_only_a_mask_in_another_form_stands_in_the_text():
    wanted = REQUESTS["references and a mask"]
    paths = ("a.png", "b.png", "c.png", "d.png")
    lines = [
        'source = Path("a.png")',
        'mask = Path("b.png")',
        'reference = Path("c.png")',
        'reference_2 = Path("d.png")',
    ]
    assert set(lines) <= set(text_of(wanted, paths=paths).splitlines())
    other = text_of(wanted, replace(PLACE, engine="compatible"), paths=paths)
    assert "mask = base64.b64decode(\n" in other
    assert set(lines) - set(other.splitlines()) == {lines[1]}


def test_a_masked_edit_says_that_the_source_is_put_back_afterwards():
    masked = ImageRequest("refine", "bluer", inputs=(SOURCE, MASK))
    note = "Outside the mask imgmagic then puts the source back"
    assert note in text_of(masked, paths=("a.png", "b.png"))
    assert note not in text_of(replace(masked, soft=True), paths=("a.png", "b.png"))


def test_a_token_from_entra_is_asked_for_by_its_variable():
    settings = replace(PLACE, scheme="bearer", sources={"key": "azure-identity"})
    text = text_of(ImageRequest("imagine", "a cat"), settings)
    assert 'headers={"Authorization": "Bearer " + os.environ["AZURE_OPENAI_AD_TOKEN"]}' in text
    assert "az account get-access-token" in text


# --- who is asked, and for what ---


def with_engine(studio, engine, model="img-dep", **wanted):
    """Keep a picture that an engine made."""
    wanted = ImageRequest("imagine", "a cat", size="auto", **wanted)
    return studio.history.add(wanted, replace(Painter().make(wanted, None), engine=engine, model=model))[0]


@pytest.mark.parametrize(
    ("engine", "address", "key"),
    [
        (
            "azure",
            'os.environ["AZURE_OPENAI_ENDPOINT"].rstrip("/") + "/openai/deployments/img-dep/images/generations"',
            '"api-key": os.environ["AZURE_OPENAI_API_KEY"]',
        ),
        ("openai", '"https://api.openai.com/v1/images/generations"', '"Bearer " + os.environ["OPENAI_API_KEY"]'),
        (
            "compatible",
            'os.environ["OPENAI_BASE_URL"].rstrip("/") + "/images/generations"',
            '"Bearer " + os.environ.get("OPENAI_API_KEY", "none")',
        ),
    ],
)
def test_a_service_that_is_not_configured_now_is_named_by_its_variables(studio, engine, address, key):
    text = program(studio, with_engine(studio, engine))
    assert address in text
    assert key in text
    assert ('"model": "img-dep"' in text) is (engine != "azure")


def test_a_placeholder_of_azure_works_with_its_variables(studio):
    text = program(studio, with_engine(studio, "azure"))
    with fake_api(auto_size="64x48") as api:
        done = run(text, AZURE_OPENAI_ENDPOINT=api.url + "/", AZURE_OPENAI_API_KEY="test-key")
    assert done.stdout == "imgmagic-1.png\n", done.stderr


@pytest.mark.parametrize("service", ["azure"], indirect=True)
def test_the_model_that_made_the_picture_is_asked_and_not_the_one_in_force(service, studio):
    assert "/deployments/img-old/images/" in program(studio, with_engine(studio, "azure", "img-old"))


@pytest.mark.parametrize("service", ["azure"], indirect=True)
@pytest.mark.parametrize(("engine", "words"), [("sketch", "built-in sketch engine: picture #1."), ("mine", "own:")])
def test_what_plain_python_cannot_ask_is_put_to_the_service_in_force(service, studio, engine, words):
    text = program(studio, with_engine(studio, engine, "sketch-1", n=2))
    first = text.split("\n")[0]
    assert words.replace("picture #1.", "pictures #1 to #2.") in first
    assert "Plain Python needs a service: this asks Azure OpenAI." in first
    done = run(text, "AZURE_OPENAI_API_KEY")
    assert done.stdout.split() == ["imgmagic-1.png", "imgmagic-2.png"], done.stderr


def test_with_no_service_a_sketch_is_put_to_openai(studio):
    studio.imagine("a beach", size="256x256")
    text = program(studio, studio.history[1])
    assert "this asks OpenAI." in text.split("\n")[0]
    assert '"model": "gpt-image-2"' in text
    assert 'os.environ["OPENAI_API_KEY"]' in text


def test_settings_by_half_are_as_good_as_none(studio, monkeypatch):
    picture = with_engine(studio, "sketch")
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://name.openai.azure.com")
    assert "this asks OpenAI." in program(studio, picture)


def test_an_imported_picture_has_no_request(studio):
    picture = studio.history.take_in(with_engine(studio, "azure").bytes, "photo.png")
    with pytest.raises(HistoryError, match=r"#2 was brought in, not made: no request made it"):
        program(studio, picture)


def test_what_the_server_cannot_do_is_not_written(studio, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("IMGMAGIC_DIALECT", "localai")
    wanted = ImageRequest("refine", "bluer", inputs=(replace(SOURCE, number=None),))
    picture = studio.history.add(wanted, replace(Painter().make(wanted, None), engine="sketch"))[0]
    with pytest.raises(CellError, match="no image edits"):
        program(studio, picture)


@pytest.mark.parametrize("service", ["azure"], indirect=True)
def test_a_key_in_the_words_is_blotted_out(service, studio):
    assert "test-key" not in program(studio, with_engine(studio, "azure", params=(("user", "test-key"),)))


@pytest.mark.parametrize("service", ["azure"], indirect=True)
def test_a_refusal_ends_the_program_with_the_servers_words(service, studio):
    text = program(studio, made(studio, ImageRequest("imagine", "a cat")))
    done = run(text, AZURE_OPENAI_API_KEY="wrong")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "401" in done.stderr.splitlines()[-2]
    assert "Access denied" in done.stderr.splitlines()[-1]


def test_files_are_named_from_the_working_directory(studio, tmp_path, monkeypatch):
    picture = with_engine(studio, "azure")
    wanted = ImageRequest("refine", "bluer", inputs=(Input("source", picture.bytes, 1),))
    child = studio.history.add(wanted, replace(Painter().make(wanted, None), engine="azure"))[0]
    name = picture.path.relative_to(tmp_path).as_posix()
    assert f'# Picture #1\nsource = Path("{name}")' in program(studio, child)
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    assert f'source = Path("../{name}")' in program(studio, child)
    monkeypatch.chdir("/")
    assert f'source = Path("{picture.path.as_posix()}")' in program(studio, child)


# --- the magic ---


def test_the_magic_shows_it_to_be_copied(cells, azure):
    cells("%imagine --label hero <b>a cat</b> & 'more'")
    cells("%refine bluer")
    ran = cells("%imgmagic code hero")
    assert ran.text.startswith("# Asks Azure OpenAI for picture #1 once more.")
    (shown,) = re.findall(r'<pre class="imgmagic"[^>]*>(.*)</pre>', ran.html, re.DOTALL)
    assert html.unescape(shown) == ran.text
    assert "<b>" not in ran.html
    assert "picture #2" in cells("%imgmagic code").text
    assert "picture #1" in cells("%imgmagic code  @~1 ").text
    assert cells("%pick 1\n%imgmagic code @start").text.endswith(cells("%imgmagic code 2").text)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("%imgmagic code nosuch", "No picture is labelled 'nosuch'"),
        ("%imgmagic code 1 2", "names no picture"),
        ("%imgmagic check 1", "%imgmagic check takes no words, not '1'"),
        ("%imgmagic code", "There is no current picture"),
    ],
)
def test_a_line_that_makes_no_sense_says_so(cells, azure, line, words):
    assert words in str(cells(line, fails=True).error)
