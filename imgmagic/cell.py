"""The text of a magic call to a value: options first, then the prompt as typed. Pure; argparse does the options.

argparse alone cannot do it: it wants to split the whole line, and a prompt is not to be split. So a small scanner takes
options off the front until the first word that is none; what follows is the prompt, and nothing in it is parsed:
apostrophes, quotes, backslashes and ``$`` arrive as typed. The scanner keeps the place of every word, so that an error
points at the spot. The usage texts are made from the same parser.
"""

from __future__ import annotations

import argparse
import difflib
import json
import keyword
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn, cast

from imgmagic.errors import CellError, printable
from imgmagic.refs import LABEL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from imgmagic.exchange import Format, Operation

MAX_PROMPT = 32_000
MAX_N = 10
QUALITIES = ("low", "medium", "high", "auto", "xhigh", "max")
BACKGROUNDS = ("auto", "transparent", "opaque")
FORMATS = ("png", "jpeg", "webp")
MODERATIONS = ("auto", "low")
FIDELITIES = ("high", "low")

#: Fields that imgmagic fills itself; `-p` cannot take them over without breaking what depends on them.
OWN_FIELDS = {
    "prompt": "the words of the cell",
    "n": "-n",
    "model": "-m",
    "output_format": "-f",
    "image": "--from and -i",
    "image[]": "--from and -i",
    "mask": "--mask",
    "input_fidelity": "--fidelity",
    "stream": "%config ImgMagic.partials",
    "partial_images": "%config ImgMagic.partials",
}

_WORD = re.compile(r"""\s*(?P<word>(?:"[^"]*"|'[^']*'|[^\s"'])(?:"[^"]*"|'[^']*'|[^\s])*)""")
_TILDE = "\n    {line}\n    {marks}"


@dataclass(frozen=True, slots=True)
class CellArgs:
    """One magic call as typed; None means "not said"."""

    operation: Operation
    prompt: str
    typed: str
    n: int | None = None
    size: str | None = None
    quality: str | None = None
    background: str | None = None
    format: Format | None = None
    compression: int | None = None
    moderation: str | None = None
    model: str | None = None
    param: tuple[tuple[str, Any], ...] = ()
    image: tuple[str, ...] = ()
    source: str | None = None
    stack: bool = False
    mask: str | None = None
    soft: bool = False
    fidelity: str | None = None
    output: str | None = None
    save: str | None = None
    label: str | None = None
    alt: str | None = None
    fresh: bool = False
    dry_run: bool = False
    bg: bool = False
    raw: bool = False
    help: bool = False


@dataclass(frozen=True, slots=True)
class _Word:
    """A word of the line: its text without the quotes around it, and where it stands."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Option:
    """An option of the line: how it is spelled, its value (None for a switch), and the word to point at."""

    name: str
    value: str | None
    word: _Word


class _Parser(argparse.ArgumentParser):
    """argparse that raises our error instead of ending the process."""

    def error(self, message: str) -> NoReturn:
        """Raise what argparse would print before it ends the process."""
        raise CellError(message)


def parse(operation: Operation, line: str, body: str | None, expand: Callable[[str], str]) -> CellArgs:
    """Read a call.

    Parameters
    ----------
    operation
        The magic's name.
    line
        What stands behind the magic's name.
    body
        The lines below a cell magic; None for a line magic.
    expand
        Substitutes variables; applied to the prompt and to the options' values, unless ``--raw`` is given.

    Raises
    ------
    CellError
        If the line cannot be read; a mark shows where.
    """
    line = line.rstrip()
    said, rest_at = _options(operation, line)
    filled = str if any(option.name == "--raw" for option in said) else expand
    values = _converted(operation, line, said, filled)
    if values.pop("help"):
        return CellArgs(operation, "", "", help=True)
    if values.get("stack") and values.get("source"):
        option = next(each for each in said if each.name == "--stack")
        what = "--stack and --from both say where to start: leave one of them out"
        raise _pointed(what, line, option.word.start, option.word.end)
    rest = line[rest_at:]
    if body is not None and rest.strip():
        raise _words_beside_body(operation, line, rest_at)
    typed = (rest if body is None else body).strip()
    prompt = filled(typed)
    _check_prompt(operation, prompt)
    return CellArgs(operation, prompt, typed, **values)


def parse_retake(line: str) -> int | None:
    """Read what stands behind `%retake`: nothing, or ``-n N``.

    Raises
    ------
    CellError
        If it is anything else; a mark shows where.
    """
    match = re.fullmatch(r"\s*(?:-n\s*=?\s*(?P<n>\S+))?\s*", line)
    if match is None:
        text = line.strip()
        raise _pointed("%retake takes -n N, and no words", line, line.index(text), len(line.rstrip()))
    if match["n"] is None:
        return None
    try:
        return _whole(1, MAX_N)(match["n"])
    except argparse.ArgumentTypeError as exc:
        raise _pointed(f"-n: {exc}", line, match.start("n"), match.end("n")) from exc


def usage(operation: Operation) -> str:
    """Give the help text of a magic."""
    return _parser(operation).format_help().rstrip()


def option_table(operation: Operation) -> str:
    """Give the options as a Markdown table, for the README."""
    rows = [
        f"| `{', '.join(_spelled(action))}` | {str(action.help).replace('|', chr(92) + '|')} |"
        for action in _actions(operation)
    ]
    return "\n".join(["| option | meaning |", "|---|---|", *rows])


def options(operation: Operation) -> dict[str, Sequence[str] | None]:
    """Give every spelling of every option with the values it takes: none, some words, or (None) anything."""
    return {
        spelling: () if action.nargs == 0 else (None if action.choices is None else [str(c) for c in action.choices])
        for action in _actions(operation)
        for spelling in action.option_strings
    }


def unfinished(line: str) -> tuple[list[str], str]:
    """Give the whole words of a line, as they are read, and the one that is being typed, quotes and all."""
    words, at = [], 0
    while (word := _word(line, at)) is not None and word.end < len(line):
        words.append(word.text)
        at = word.end
    return words, line[at:].lstrip()


def size(text: str) -> str:
    """Check the form of a size; whether the model accepts it, the service knows.

    Raises
    ------
    argparse.ArgumentTypeError
        If it is neither ``WIDTHxHEIGHT`` nor ``auto``.
    """
    match = re.fullmatch(r"(\d{1,5})\s*[xX×]\s*(\d{1,5})", text.strip())
    if text == "auto":
        return text
    if match is None or not int(match[1]) or not int(match[2]):
        raise argparse.ArgumentTypeError(f"'{printable(text, 40)}' is not WIDTHxHEIGHT in pixels (1024x1024), nor auto")
    return f"{int(match[1])}x{int(match[2])}"


@cache
def _parser(operation: Operation) -> _Parser:
    """Build the options of a magic, once; their order is the order of the help."""
    what = {
        "imagine": "Make a picture from words. In the cell form the words stand in the lines below.",
        "refine": "Edit the current picture by an instruction. In the cell form it stands in the lines below.",
    }[operation]
    words = {"imagine": "prompt", "refine": "instruction"}[operation]
    parser = _Parser(
        prog=f"%{operation}",
        usage=f"%%{operation} [options] {words}\n       %%%%{operation} [options]\n       {words}",  # argparse halves %
        description=what,
        epilog="Options come first; -- ends them. {name} inserts a variable, {{ and }} give braces.",
        add_help=False,
        allow_abbrev=False,
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, max_help_position=30, width=110),
    )
    add = parser.add_argument
    add("-n", type=_whole(1, MAX_N), metavar="N", help=f"number of variations, 1 to {MAX_N}")
    inherits = "" if operation == "imagine" else "; inherited from the picture that is edited"
    add("-s", "--size", type=size, metavar="WxH", help=f"width x height in pixels, or auto{inherits}")
    add("-q", "--quality", **_one_of(QUALITIES, inherits))
    add("--background", **_one_of(BACKGROUNDS, inherits))
    add("-f", "--format", **_one_of(FORMATS, inherits))
    add("-c", "--compression", type=_whole(0, 100), metavar="0-100", help="for jpeg and webp")
    add("--moderation", **_one_of(MODERATIONS, ": how strictly the service filters"))
    add("-m", "--model", metavar="NAME", help="model, or deployment on Azure")
    add("-p", "--param", action="append", type=_param, metavar="KEY=VALUE", help=_PARAM_HELP)
    add("-i", "--image", action="append", metavar="EXPR", help=_IMAGE_HELP)
    if operation == "refine":
        add("--from", dest="source", metavar="REF|EXPR", help=_FROM_HELP)
        add("--stack", action="store_true", help="build on this cell's own last result")
        add("--mask", metavar="MASK", help=_MASK_HELP)
        add("--soft", action="store_true", help="with a mask: take the answer as it is, outside the mask too")
        add("--fidelity", **_one_of(FIDELITIES, ": how closely to keep to the source"))
    add("-o", "--output", type=_identifier, metavar="VAR", help="also bind the result to a variable")
    add("--save", metavar="PATH", help="also write the original there (-2, -3 … added when there are several)")
    add("--label", type=_label, metavar="NAME", help="name the (first) picture")
    add("--alt", metavar="TEXT", help="alternative text; default: the words themselves")
    add("--fresh", action="store_true", help="a new take, even if one is recorded")
    add("--dry-run", action="store_true", help="show what would be sent and what it would cost; send nothing")
    add("--bg", action="store_true", help="work in the background and give a Job at once")
    add("--raw", action="store_true", help="leave braces alone: no {name} substitution")
    add("-h", "--help", action="store_true", help="show this help")
    return parser


_PARAM_HELP = "a further field, sent as it is; null leaves a field out; repeatable"
_FROM_HELP = "refine this, not the current picture: 7, a label, @~2, @start, .2, or an image as for -i"
_IMAGE_HELP = "a reference image to look at: a variable or (expression), a file, an https: or data: URL; repeatable"
_MASK_HELP = "where to edit: box:x0,y0,x1,y1, name:NAME, color:…, text:…, or an image as for -i (white or True: edit)"


def _one_of(words: Sequence[str], meaning: str) -> dict[str, Any]:
    """Describe an option that takes one of a few words."""
    return {"choices": words, "metavar": "WORD", "help": f"{', '.join(words)}{meaning}"}


def _actions(operation: Operation) -> list[argparse.Action]:
    return [action for action in _parser(operation)._actions if action.option_strings]


def _spelled(action: argparse.Action) -> list[str]:
    """Spell an option with its value, as in the help."""
    value = "" if action.nargs == 0 else f" {action.metavar or 'WORD'}"
    return [*action.option_strings[:-1], f"{action.option_strings[-1]}{value}"]


def _options(operation: Operation, line: str) -> tuple[list[_Option], int]:
    """Take the options off the front, and tell where the prompt begins."""
    takes = {spelling: values != () for spelling, values in options(operation).items()}
    said: list[_Option] = []
    at = 0
    while (word := _word(line, at)) is not None and word.text.startswith("-") and word.text != "-":
        at = word.end
        if word.text == "--":
            break
        name, value = _known(operation, line, word, takes)
        if takes[name] and value is None:
            option, word = word, _word(line, at)
            if word is None:
                raise _pointed(f"{name} wants a value", line, option.start, option.end)
            value, at = word.text, word.end
        said.append(_Option(name, value, word))
    return said, at


def _word(line: str, at: int) -> _Word | None:
    """Read the next word; quotes keep blanks together and are taken off when they stand around all of it."""
    match = _WORD.match(line, at)
    return None if match is None else _Word(_bare(match["word"]), match.start("word"), match.end("word"))


def _bare(text: str) -> str:
    quoted = re.fullmatch(r"""(["'])(.*)\1""", text)
    return quoted[2] if quoted else text


def _known(operation: Operation, line: str, word: _Word, takes: dict[str, bool]) -> tuple[str, str | None]:
    """Give the option a word spells and the value joined to it, if any: ``--size=auto``, ``-n4``."""
    if word.text in takes:
        return word.text, None
    name, equals, value = word.text.partition("=")
    if equals and takes.get(name):
        return name, _bare(value)
    if not word.text.startswith("--") and takes.get(word.text[:2]):
        return word.text[:2], _bare(word.text[2:])
    near = difflib.get_close_matches(name, takes, n=2)
    guess = f"did you mean {' or '.join(near)}?" if near else f"`%{operation} -h` lists the options."
    error = _pointed(f"unknown option {printable(name, 40)}: {guess}", line, word.start, word.end)
    error.hint = "Write -- before a prompt that begins with a dash."
    raise error


def _converted(operation: Operation, line: str, said: list[_Option], filled: Callable[[str], str]) -> dict[str, Any]:
    """Let argparse check and convert the options, one at a time so that an error knows its place."""
    parser = _parser(operation)
    values: dict[str, Any] = {"help": False}
    params: dict[str, Any] = {}
    images: list[str] = []
    for option in said:
        text = _as_argparse(option.name, None if option.value is None else filled(option.value))
        try:
            found = vars(parser.parse_args([text]))
        except CellError as exc:
            raise _pointed(_plain(exc.message), line, option.word.start, option.word.end) from exc
        params |= dict(found.pop("param") or ())
        images += found.pop("image") or ()
        values |= {name: value for name, value in found.items() if value is not None and value is not False}
    return values | {"param": tuple(sorted(params.items())), "image": tuple(images)}


def _as_argparse(name: str, value: str | None) -> str:
    """Join name and value, so that a value which begins with a dash is not taken for an option."""
    if value is None:
        return name
    return f"{name}={value}" if name.startswith("--") else f"{name}{value}"


def _plain(message: str) -> str:
    """Shorten what argparse says: "argument -q/--quality: invalid choice: 'best' (choose from 'low', …)"."""
    message = re.sub(r"^argument (\S+): ", lambda match: f"{match[1].split('/')[-1]}: ", message)
    choice = re.fullmatch(r"(.*)invalid choice: ('.*') \(choose from (.*)\)", message, re.DOTALL)
    return f"{choice[1]}{choice[2]} is none of {choice[3].replace(chr(39), '')}" if choice else message


def _pointed(message: str, line: str, start: int, end: int) -> CellError:
    """Make an error that shows the line with a mark under the spot."""
    shown = line if len(line) <= 100 else line[:99] + "…"  # noqa: PLR2004
    if start >= len(shown):
        return CellError(message)
    marks = " " * start + "~" * max(1, min(end, len(shown)) - start - 1) + "^"
    return CellError(message + _TILDE.format(line=shown, marks=marks))


def _words_beside_body(operation: Operation, line: str, at: int) -> CellError:
    text = line[at:].strip()
    guess = f": did you mean --from {text}?" if operation == "refine" and len(text.split()) == 1 else ""
    error = _pointed(f"unexpected '{printable(text, 40)}'{guess}", line, line.index(text, at), len(line))
    error.hint = f"The words stand either behind %{operation} or in the lines below %%{operation}, not in both."
    return error


def _check_prompt(operation: Operation, prompt: str) -> None:
    if not prompt:
        raise CellError(
            "There are no words to draw." if operation == "imagine" else "There is no instruction.",
            hint=f"Write them behind %{operation}, or in the lines below %%{operation}.",
        )
    if len(prompt) > MAX_PROMPT:
        raise CellError(f"The prompt has {len(prompt):,} characters; the services take at most {MAX_PROMPT:,}.")
    if any("\ud800" <= each <= "\udfff" for each in prompt):
        raise CellError("The prompt holds half a character (a lone surrogate), which cannot be sent.")


def _whole(low: int, high: int) -> Callable[[str], int]:
    def convert(text: str) -> int:
        if not re.fullmatch(r"\d{1,4}", text) or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"'{printable(text, 40)}' is no whole number from {low} to {high}")
        return int(text)

    return convert


def _identifier(text: str) -> str:
    if not text.isidentifier() or keyword.iskeyword(text) or text == "get_ipython":
        raise argparse.ArgumentTypeError(f"'{printable(text, 40)}' is no variable name")
    return text


def _label(text: str) -> str:
    if not LABEL.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"'{printable(text, 40)}' is no label: a letter, then letters, digits, _ and -"
        )
    return text


def _param(text: str) -> tuple[str, Any]:
    """Read KEY=VALUE; the value is JSON if it reads as such, else text."""
    key, equals, value = text.partition("=")
    if not equals or not re.fullmatch(r"[\w.\[\]-]+", key):
        raise argparse.ArgumentTypeError(f"'{printable(text, 40)}' is not KEY=VALUE")
    if key in OWN_FIELDS:
        raise argparse.ArgumentTypeError(f"'{key}' is not set this way; it comes from {OWN_FIELDS[key]}")
    try:
        return key, json.loads(value, parse_constant=lambda word: cast("Any", word))
    except (ValueError, RecursionError):
        return key, value
