"""The text of a call: options, prompt, errors that point at the spot, and substitution."""

from dataclasses import fields

import pytest

from imgmagic import CellError
from imgmagic.cell import CellArgs, option_table, options, parse, usage
from imgmagic.template import MAX_SUBSTITUTION, expand


def read(line, body=None, operation="imagine", names=None):
    return parse(operation, line, body, lambda text: expand(text, names or {}))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("-n 4 a cat", {"n": 4}),
        ("-n4 a cat", {"n": 4}),
        ("-s 1536x1024 a cat", {"size": "1536x1024"}),
        ("--size=auto a cat", {"size": "auto"}),
        ("--size 1536×1024 a cat", {"size": "1536x1024"}),
        ("-q xhigh a cat", {"quality": "xhigh"}),
        ("--background transparent a cat", {"background": "transparent"}),
        ("-f webp -c 0 a cat", {"format": "webp", "compression": 0}),
        ("--moderation low a cat", {"moderation": "low"}),
        ("-m my-dep a cat", {"model": "my-dep"}),
        ("-p seed=42 -p style=vivid a cat", {"param": (("seed", 42), ("style", "vivid"))}),
        ('-p svg={"model":"x"} a cat', {"param": (("svg", {"model": "x"}),)}),
        ("-p quality=null a cat", {"param": (("quality", None),)}),
        ("-p note='two words' a cat", {"param": (("note", "'two words'"),)}),
        ("-o hero a cat", {"output": "hero"}),
        ("--save 'my cat.png' a cat", {"save": "my cat.png"}),
        ('--save="my cat.png" a cat', {"save": "my cat.png"}),
        ("--label hero-1 a cat", {"label": "hero-1"}),
        ('--alt "a grey cat" a cat', {"alt": "a grey cat"}),
        ("--raw a cat", {"raw": True}),
        ("-- a cat", {}),
    ],
)
def test_an_option_says_what_it_says_and_the_rest_is_the_prompt(line, said):
    args = read(line)
    assert args.prompt == "a cat"
    unsaid = CellArgs("imagine", "a cat", "a cat")
    names = [each.name for each in fields(CellArgs) if each.name != "typed"]
    assert {name: getattr(args, name) for name in names if getattr(args, name) != getattr(unsaid, name)} == said


@pytest.mark.parametrize(
    "prompt",
    [
        "it's a cat's \"house\"",
        "costs $5 and $HOME",
        r"back\slash \n",
        "a cat -n 3 in the snow",
        "- a list\n- of lines",
        '{"subject": {"kind": "cat", "n": 1}}',
        "what is a cat?",
        "100 % wool, c:\\temp",
        "空をもっと青くして",
    ],
)
def test_nothing_in_a_prompt_is_parsed(prompt):
    assert read("", prompt).prompt == prompt
    assert read(f"-n 2 -- {prompt}").prompt == prompt


def test_a_full_width_blank_separates_like_any_blank():
    assert read("-n\u30002\u3000海").prompt == "海"
    assert read("海\u3000山").prompt == "海\u3000山"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--sise 3 cat", ["unknown option --sise", "--size", "~~~~~^"]),
        ("--quality best cat", ["'best' is none of low, medium", "           ~~~^"]),
        ("--qual high cat", ["unknown option --qual", "--quality"]),
        ("-s 10by10 cat", ["'10by10' is not WIDTHxHEIGHT", "   ~~~~~^"]),
        ("-s 0x100 cat", ["'0x100' is not WIDTHxHEIGHT"]),
        ("-n 11 cat", ["'11' is no whole number from 1 to 10"]),
        ("-n cat", ["'cat' is no whole number"]),
        ("-n", ["-n wants a value"]),
        ("-c -5 cat", ["'-5' is no whole number from 0 to 100"]),
        ("-f bmp cat", ["'bmp' is none of png, jpeg, webp"]),
        ("-o 1x cat", ["'1x' is no variable name"]),
        ("-o class cat", ["'class' is no variable name"]),
        ("-o get_ipython cat", ["'get_ipython' is no variable name"]),
        ("--label 1x cat", ["'1x' is no label"]),
        ("-p seed cat", ["'seed' is not KEY=VALUE"]),
        ("-p prompt=x cat", ["'prompt' is not set this way"]),
        ("-p stream=true cat", ["'stream' is not set this way"]),
        ("--from 7 cat", ["unknown option --from"]),
        ("-x cat", ["unknown option -x", "Write -- before a prompt that begins with a dash"]),
    ],
)
def test_a_bad_option_is_one_sentence_with_a_mark_under_the_spot(line, words):
    with pytest.raises(CellError) as caught:
        read(line)
    for word in words:
        assert word in str(caught.value)


def test_two_ways_to_say_where_a_refine_starts_are_one_too_many():
    with pytest.raises(CellError, match="leave one of them out") as caught:
        read("--from 1 --stack bluer", operation="refine")
    assert "\n             ~~~~~~^" in str(caught.value)


@pytest.mark.parametrize(("line", "body"), [("", None), ("   ", None), ("-n 2", "  \n\u3000\n"), ("", "")])
def test_an_empty_prompt_is_refused(line, body):
    with pytest.raises(CellError, match="no words"):
        read(line, body)


def test_a_prompt_over_the_limit_is_refused_with_its_length():
    with pytest.raises(CellError, match=r"32,001 characters"):
        read("", "x" * 32_001)
    assert len(read("", "x" * 32_000).prompt) == 32_000


def test_half_a_character_is_refused():
    with pytest.raises(CellError, match="half a character"):
        read("", "a \ud83d cat")


def test_one_word_beside_a_body_may_have_been_meant_as_a_source():
    with pytest.raises(CellError, match="unexpected 'hero': did you mean --from hero"):
        read("hero", "make it blue", operation="refine")
    with pytest.raises(CellError, match=r"unexpected 'a cat'(?!.*--from)"):
        read("a cat", "in the snow")


def test_a_source_is_an_option_of_refine_only():
    assert read("--from @~2 bluer", operation="refine").source == "@~2"


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_needs_no_prompt(flag):
    assert read(flag).help


def test_the_usage_names_every_option():
    for operation in ("imagine", "refine"):
        for spelling in options(operation):
            assert spelling in usage(operation)
            assert spelling in option_table(operation)


# --- substitution ---


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a {colour} cat", "a red cat"),
        ("{n:03d} cats", "007 cats"),
        ("{n.real} cats", "7 cats"),
        ("{{colour}}", "{colour}"),
        ("a }} b {{ c", "a } b { c"),
        ('{"a": {"b": 1}}', '{"a": {"b": 1}}'),
        ('{"a": {"b": "{colour}"}}', '{"a": {"b": "red"}}'),
        ("{unknown: 1}", "{unknown: 1}"),
        ("{unknown.attribute}", "{unknown.attribute}"),
        ("{} {0} { x }", "{} {0} { x }"),
        ("$5 $colour", "$5 $colour"),
        ("{色}の空", "赤の空"),
    ],
)
def test_only_known_variables_are_substituted(text, expected):
    assert expand(text, {"colour": "red", "n": 7, "色": "赤"}) == expected


def test_a_typo_is_an_error_that_names_the_variable_meant():
    with pytest.raises(CellError) as caught:
        expand("in {styl} style", {"style": "oil"})
    assert "no variable 'styl'" in str(caught.value)
    assert "{style}" in str(caught.value)
    assert "{{styl}}" in str(caught.value)
    assert "--raw" in str(caught.value)


@pytest.mark.parametrize("text", ["{n.nothing}", "{n:%q}", "{colour:d}"])
def test_a_field_that_does_not_fit_is_an_error(text):
    with pytest.raises(CellError, match="cannot be substituted"):
        expand(text, {"colour": "red", "n": 7})


def test_a_huge_substitution_is_refused():
    assert expand("{x}", {"x": "y" * MAX_SUBSTITUTION})
    with pytest.raises(CellError, match="2,001 characters"):
        expand("{x}", {"x": "y" * (MAX_SUBSTITUTION + 1)})


def test_raw_leaves_braces_alone():
    assert read("--raw a {nonsense}").prompt == "a {nonsense}"


def test_options_are_substituted_too():
    args = read("--label v{i} --save out-{i}.png -n {i} cat {i}", names={"i": 3})
    assert (args.label, args.save, args.n, args.prompt, args.typed) == ("v3", "out-3.png", 3, "cat 3", "cat {i}")
