"""What each kind of server is sent, row by row, how servers are recognised, and what is refused before sending."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from imgmagic.engines import dialects, wire
from imgmagic.errors import ImageError, SettingsError
from imgmagic.exchange import ImageRequest, Input
from tests.fake_calls import picture

PROMPT = "a red fox | snow"
BASE = {"model": "m-1", "prompt": PROMPT, "n": 1}
B64 = {"response_format": "b64_json"}
PX = {"size": "640x480"}
LOOKS = {"output_format": "jpeg", "output_compression": 40}
#: Everything a call can say.
SAID = {"quality": "high", **LOOKS, "background": "opaque", "moderation": "low"}

# name, what a plain call sends besides BASE at 640x480, what `SAID` turns into, whether `auto` is sent
ROWS = [
    ("azure", {"quality": "medium", "output_format": "png"}, SAID, True),
    ("openai", {"quality": "medium", "output_format": "png"}, SAID, True),
    ("compatible", B64, SAID, False),
    ("stable-diffusion.cpp", {}, LOOKS, False),
    ("vllm-omni", B64, LOOKS, False),
    ("sglang", B64, {**LOOKS, "background": "opaque"}, False),
    ("localai", B64, {}, False),
    ("xinference", B64, {}, False),
    ("litellm", {}, SAID, False),
]


def request(operation="imagine", *inputs, **options):
    return ImageRequest(operation, PROMPT, inputs=inputs, **{"size": "640x480", **options})


def spoken(name, asked):
    return wire.encode(asked, dialects.by_name(name), "m-1")


def test_every_dialect_has_its_row():
    assert [row[0] for row in ROWS] == list(dialects.NAMES)


@pytest.mark.parametrize(("name", "plain", "said", "auto"), ROWS)
def test_the_fields_of_a_plain_call(name, plain, said, auto):
    sent = spoken(name, request())
    assert (sent.route, sent.files) == ("generations", ())
    assert sent.fields == {**BASE, **PX, **plain}


@pytest.mark.parametrize(("name", "plain", "said", "auto"), ROWS)
def test_the_fields_of_a_call_that_says_everything(name, plain, said, auto):
    sent = spoken(
        name, request(n=3, quality="high", format="jpeg", compression=40, background="opaque", moderation="low")
    )
    needed = {key: value for key, value in plain.items() if key == "response_format"}
    assert sent.fields == {**BASE, "n": 3, **PX, **needed, **said}


@pytest.mark.parametrize(("name", "plain", "said", "auto"), ROWS)
@pytest.mark.parametrize("operation", ["imagine", "refine"])
def test_auto_sizes_go_only_to_the_two_services(name, plain, said, auto, operation):
    inputs = [Input("source", picture())] if operation == "refine" else []
    sent = spoken(name, request(operation, *inputs, size="auto"))
    assert sent.fields.get("size") == ("auto" if auto else None)
    assert "auto" not in {value for key, value in sent.fields.items() if key != "size"}


@pytest.mark.parametrize("name", dialects.NAMES)
def test_a_field_that_the_user_adds_goes_everywhere_and_null_takes_one_out(name):
    sent = spoken(name, request(params=(("quality", "hd"), ("seed", 7), ("size", None))))
    assert (sent.fields["quality"], sent.fields["seed"]) == ("hd", 7)
    assert "size" not in sent.fields


@pytest.mark.parametrize("name", ["azure", "openai", "compatible"])
def test_the_three_words_still_stand_for_their_dialects(name):
    asked = request(quality="high")
    assert wire.encode(asked, name, "m-1") == wire.encode(asked, dialects.by_name(name), "m-1")


def test_no_model_is_sent_where_none_is_given():
    assert "model" not in wire.encode(request(), dialects.by_name("azure"), "").fields


# --- pictures and masks -------------------------------------------------------------------------------------------

# name, field, and whether the server finds the place by its alpha (0), by its grey value (255), or both
MASKS = [
    ("azure", "mask", True, False),
    ("openai", "mask", True, False),
    ("compatible", "mask", True, True),
    ("stable-diffusion.cpp", "mask", False, True),
    ("vllm-omni", "mask_image", False, True),
    ("xinference", "mask", False, True),
    ("litellm", "mask", True, True),
]


def mask(alpha=(0, 255, 128, 0)):
    """Give a mask of 4x1 px: edited, kept, half, edited; its colours mean nothing and are meant to mislead."""
    image = Image.new("RGBA", (4, 1))
    image.putdata([(255 if value else 0, 9, 200, value) for value in alpha])
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def test_every_server_that_takes_masks_has_its_row():
    takers = [name for name in dialects.NAMES if dialects.by_name(name).mask != "ignored"]
    assert [row[0] for row in MASKS] == takers


@pytest.mark.parametrize(("name", "field", "alpha", "grey"), MASKS)
def test_a_mask_means_the_same_place_to_every_server(name, field, alpha, grey):
    sent = spoken(name, request("refine", Input("source", picture()), Input("mask", mask())))
    (part, (filename, data, mime)) = sent.files[1]
    assert (part, filename, mime) == (field, "mask.png", "image/png")
    image = Image.open(io.BytesIO(data))
    assert (image.size, image.format) == ((4, 1), "PNG")
    if alpha:
        assert [*image.getchannel("A").tobytes()] == [0, 255, 128, 0]
    if grey:
        # As stb_image and Pillow read one channel: from the colours, without the alpha.
        assert [*image.convert("L").tobytes()] == [255, 0, 127, 255]
    if alpha and not grey:
        assert data == mask()


def test_the_services_get_the_mask_untouched_even_if_it_is_none():
    sent = spoken("azure", request("refine", Input("source", picture()), Input("mask", b"\x89PNG no picture")))
    assert sent.files[1][1][1] == b"\x89PNG no picture"


@pytest.mark.parametrize("name", ["stable-diffusion.cpp", "compatible"])
def test_a_mask_that_leaves_nothing_to_edit_is_an_error(name):
    with pytest.raises(ImageError, match="nowhere transparent"):
        spoken(name, request("refine", Input("source", picture()), Input("mask", mask((255, 255, 255, 255)))))


@pytest.mark.parametrize("name", dialects.NAMES)
def test_pictures_are_named_one_way_only(name):
    one = spoken(name, request("refine", Input("source", picture())))
    two = spoken(name, request("refine", Input("source", picture()), Input("reference", picture("JPEG", "RGB"))))
    assert [part for part, _ in one.files] == ["image"]
    assert [(part, each[0], each[2]) for part, each in two.files] == [
        ("image[]", "image-1.png", "image/png"),
        ("image[]", "image-2.jpeg", "image/jpeg"),
    ]


# --- which server -------------------------------------------------------------------------------------------------


def models(*pairs):
    return {"object": "list", "data": [{"id": name, "owned_by": owner} for name, owner in pairs]}


@pytest.mark.parametrize(
    ("body", "headers", "name"),
    [
        (models(("sd-cpp-local", "local")), {}, "stable-diffusion.cpp"),
        (models(("Qwen/Qwen-Image", "vllm")), {}, "vllm-omni"),
        (models(("a", "vllm"), ("b", "vllm")), {}, "vllm-omni"),
        (models(("Qwen/Qwen-Image", "sglang")), {}, "sglang"),
        (models(("Qwen/Qwen-Image", "vllm")), {"X-LiteLLM-Version": "1.109.1"}, "litellm"),
        (None, {"x-litellm-call-id": "1"}, "litellm"),
        (models(("a", "vllm"), ("b", "sglang")), {}, None),
        (models(("sd-cpp-local", "local"), ("flux", "local")), {}, None),
        (models(("gpt-image-2", "system")), {}, None),
        (models(("sd-turbo", "xinference")), {"server": "uvicorn"}, None),
        (models(), {}, None),
        ({"data": [None, 3, {}, {"id": []}]}, {}, None),
        ({"data": {"id": "sd-cpp-local"}}, {}, None),
        ([{"id": "sd-cpp-local"}], {}, None),
        ("sd-cpp-local", {}, None),
        (None, {}, None),
    ],
)
def test_a_server_is_recognised_only_where_it_gives_itself_away(body, headers, name):
    found = dialects.recognise(body, headers)
    assert (found.name if found else None) == name


@pytest.mark.parametrize("name", dialects.NAMES)
def test_a_dialect_is_found_by_its_name_in_any_case(name):
    assert dialects.by_name(f" {name.upper()} ").name == name


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("vllm", "Did you mean vllm-omni"),
        ("local-ai", "Did you mean localai"),
        ("sglan", "Did you mean sglang"),
        ("diffusion", "stable-diffusion.cpp? "),
        ("", "The dialects are azure"),
        ("zzz\x1b[31m", "The dialects are azure"),
    ],
)
def test_an_unknown_dialect_names_what_it_looks_like(word, near):
    with pytest.raises(SettingsError) as caught:
        dialects.by_name(word)
    assert near in caught.value.hint
    assert "xinference" in caught.value.hint
    assert "\x1b" not in str(caught.value)


# --- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "operation", "has_mask", "kind", "words"),
    [
        ("localai", "refine", False, "png", "LocalAI has no image edits"),
        ("localai", "refine", True, "png", "LocalAI has no image edits"),
        ("sglang", "refine", True, "png", "SGLang-Diffusion accepts a mask and ignores it"),
        ("stable-diffusion.cpp", "refine", False, "webp", "png or jpeg only"),
    ],
)
def test_what_a_server_cannot_do_is_refused_in_a_sentence(name, operation, has_mask, kind, words):
    assert words in dialects.refusal(dialects.by_name(name), operation, has_mask, kind)


def test_everything_else_is_let_through():
    refused = {("localai", "refine", False), ("localai", "refine", True), ("sglang", "refine", True)}
    for name in dialects.NAMES:
        for operation, has_mask in (("imagine", False), ("refine", False), ("refine", True)):
            sentence = dialects.refusal(dialects.by_name(name), operation, has_mask)
            assert bool(sentence) == ((name, operation, has_mask) in refused)
        assert dialects.refusal(dialects.by_name(name), "imagine", False, "webp") == ""


def test_a_model_is_required_where_the_server_cannot_choose():
    required = {name for name in dialects.NAMES if dialects.by_name(name).model_required}
    assert required == {"azure", "openai", "localai", "xinference", "litellm"}
