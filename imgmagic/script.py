"""A request to the text of a short Python program that sends it without imgmagic. Pure: values in, text out.

What is sent is decided by `wire.encode`, as it is for a call, so that both send the same bytes; this module only spells
it out with `requests` as a beginner would write it. No key is in the text, and none could be: a target knows the names
of variables, not their values. Two things of a call are left out: unfinished pictures (the answer is the same without)
and sending again (whoever runs a script sees that it failed).

Words, paths and names come from users, servers and folders that others made. They enter the program as literals and
nowhere else: a comment at its head that quoted ``coding: x`` would decide how Python reads the file.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from imgmagic.engines import wire

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from imgmagic.engines.dialects import Dialect
    from imgmagic.exchange import ImageRequest
    from imgmagic.settings import Settings

#: Longest line in characters, wherever a line can be broken.
WIDTH = 116

#: The variables that hold the further headers of OpenAI.
_VARIABLES = {"OpenAI-Organization": "OPENAI_ORG_ID", "OpenAI-Project": "OPENAI_PROJECT_ID"}

_CHUNK = re.compile(r"\S{1,40}\s{0,40}|\s{1,40}")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a script sends its request.

    Parameters
    ----------
    settings
        The address, the model or deployment, and by ``sources["key"]`` the variable that holds the key.
    dialect
        How the other side speaks.
    endpoint
        The variable that holds what stands before ``settings.base_url``; empty where that is the whole address.
    """

    settings: Settings
    dialect: Dialect
    endpoint: str = ""

    @property
    def title(self) -> str:
        """Who is asked, as it stands in a sentence."""
        return re.sub("^The ", "the ", self.dialect.title)

    @property
    def key(self) -> str:
        """The variable that holds the key or token; empty where none is sent."""
        source = self.settings.sources.get("key", "").partition(" ")[0]
        return "AZURE_OPENAI_AD_TOKEN" if source == "azure-identity" else source

    @property
    def key_optional(self) -> bool:
        """Whether the server may do without a key, which nobody knows of one that is not configured."""
        return self.endpoint == "OPENAI_BASE_URL"

    @property
    def variables(self) -> list[str]:
        """The variables that must be set where the script runs."""
        needed = [self.endpoint, "" if self.key_optional else self.key]
        return [*filter(None, needed), *(_VARIABLES[name] for name, _ in self.settings.headers)]


@dataclass(frozen=True, slots=True)
class Subject:
    """The pictures that a script makes.

    Parameters
    ----------
    number
        The first one's number.
    suffix
        Of their files, with the dot.
    maker
        ``service``, ``sketch``, or ``other`` for an engine of the user's own.
    paths
        The file of each input of the request, in the same order.
    """

    number: int
    suffix: str
    maker: str
    paths: tuple[str, ...] = ()


def write(request: ImageRequest, target: Target, subject: Subject) -> str:
    """Write the program.

    Parameters
    ----------
    request
        What is asked.
    target
        Who is asked.
    subject
        Which pictures that makes.

    Returns
    -------
    str
        Python that needs nothing but requests; run, it saves ``imgmagic-7.png`` and prints that name.
    """
    settings = target.settings
    sent = wire.encode(request, target.dialect, "" if settings.deployment_route else settings.model)
    inputs = _Inputs.of(request, sent, subject.paths)
    words = f"prompt = {_words(request.prompt)}"
    call = _call(sent, inputs, target)
    blocks = [
        "\n".join(_heading(request, target, subject)),
        "\n".join(_imports(target)),
        "import requests",
        "\n".join([words, *inputs.lines]),
        f"response = requests.post(\n{_indented(call)}\n)\n{_FAILED}",
        _saving(request.n, target, subject),
    ]
    return "\n\n".join(blocks) + "\n"


_FAILED = """\
if response.status_code >= 300:
    raise requests.HTTPError(f"{response.status_code} {response.reason}\\n{response.text}")"""


def literal(value: Any) -> str:
    """Spell a JSON value in Python, on one line, printable whatever is in it."""
    if isinstance(value, str):
        # A quote in front makes `repr` choose the other one, wherever that is enough.
        return repr(value) if '"' in value else '"' + repr("'" + value)[2:]
    if isinstance(value, dict):
        return "{" + ", ".join(f"{literal(name)}: {literal(each)}" for name, each in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(literal, value)) + "]"
    return repr(value)


def _words(text: str) -> str:
    """Spell a prompt: on one line, as it stands between triple quotes, or in pieces."""
    whole = literal(text)
    fits = len(whole) <= WIDTH - len("prompt = ")
    if "\n" in text and _stands_as_it_is(text):
        return f'"""\\\n{text}"""'
    return whole if fits else _pieces(text)


def _stands_as_it_is(text: str) -> bool:
    """Tell whether triple quotes around a text change nothing in it, and show all of it."""
    lines = text.split("\n")
    plain = all(line.isprintable() and line == line.rstrip() and len(line) <= WIDTH for line in lines)
    return plain and "\\" not in text and '"""' not in text and not text.endswith('"')


def _pieces(text: str) -> str:
    """Spell a long text as literals that Python joins, broken between words where there are any."""
    rows = [""]
    for line in text.splitlines(keepends=True):
        for chunk in _CHUNK.findall(line):
            if len(literal(rows[-1] + chunk)) <= WIDTH - 4:
                rows[-1] += chunk
            else:
                rows.append(chunk)
        rows.append("")
    return "(\n" + _indented("\n".join(literal(row) for row in rows if row)) + "\n)"


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.split("\n"))


# --- the parts of the program ---


def _heading(request: ImageRequest, target: Target, subject: Subject) -> Iterator[str]:
    """Say which picture this is, in words of our own only."""
    last = subject.number + request.n - 1
    named = f"picture #{subject.number}" if request.n == 1 else f"pictures #{subject.number} to #{last}"
    made = {"sketch": "imgmagic's built-in sketch engine", "other": "an engine of the notebook's own"}
    if subject.maker in made:
        yield f"# Made by {made[subject.maker]}: {named}. Plain Python needs a service: this asks {target.title}."
    else:
        yield f"# Asks {target.title} for {named} once more. The request is the same, the answer a new take."
    needed = " and ".join(["requests (pip install requests)", *target.variables])
    yield f"# Needs {needed}{' in the environment' if target.variables else ''}."
    if target.key == "AZURE_OPENAI_AD_TOKEN":
        yield "# The token: az account get-access-token --resource https://cognitiveservices.azure.com"
    if not request.soft and any(each.role == "mask" for each in request.inputs):
        yield "# Outside the mask imgmagic then puts the source back. This saves the service's answer as it comes."


def _imports(target: Target) -> Iterator[str]:
    yield "import base64"
    if target.endpoint or target.key or target.settings.headers:
        yield "import os"
    yield "from pathlib import Path"
    if _may_answer_with_urls(target):
        yield "from urllib.parse import urljoin"


def _call(sent: wire.WireRequest, inputs: _Inputs, target: Target) -> str:
    """Give the arguments of the one POST."""
    settings = target.settings
    rows = [_address(target, settings.image_url(sent.route, settings.model))]
    if settings.api_version:
        rows.append(f"params={_table([('api-version', literal(settings.api_version))])}")
    headers = _headers(target)
    rows += [f"headers={_table(headers) if len(headers) == 1 else _block(headers)}"] if headers else []
    if sent.files:
        rows.append(f"data={_block(_fields(sent.form))}")
        rows.append(f"files={_block(inputs.parts)}")
    else:
        rows.append(f"json={_block(_fields(sent.fields.items()))}")
    rows += ["timeout=600", "allow_redirects=False"]
    if settings.loopback:
        rows.append(f"proxies={_table([('no_proxy', literal(urlsplit(settings.base_url).hostname))])}")
    return "\n".join(f"{row}," for row in rows)


def _address(target: Target, url: str) -> str:
    return f'os.environ["{target.endpoint}"].rstrip("/") + {literal(url)}' if target.endpoint else literal(url)


def _headers(target: Target) -> list[tuple[str, str]]:
    """Give the headers that name the caller, their values taken from the environment."""
    further = [(name, f'os.environ["{_VARIABLES[name]}"]') for name, _ in target.settings.headers]
    if not target.key:
        return further
    found = f'os.environ.get("{target.key}", "none")' if target.key_optional else f'os.environ["{target.key}"]'
    if target.settings.scheme == "api-key":
        return [("api-key", found), *further]
    return [("Authorization", f'"Bearer " + {found}'), *further]


def _fields(items: Iterable[tuple[str, Any]]) -> list[tuple[str, str]]:
    """Give the fields with their values as Python; the words have a name of their own."""
    return [(name, "prompt" if name == "prompt" else literal(value)) for name, value in items]


def _table(pairs: Sequence[tuple[str, str]]) -> str:
    """Spell a mapping on one line."""
    return "{" + ", ".join(f"{literal(name)}: {code}" for name, code in pairs) + "}"


def _block(pairs: Sequence[tuple[str, str]]) -> str:
    """Spell a mapping with a line for each pair; a list of pairs where a name stands twice."""
    if len({name for name, _ in pairs}) == len(pairs):
        return "{\n" + _indented("\n".join(f"{literal(name)}: {code}," for name, code in pairs)) + "\n}"
    return "[\n" + _indented("\n".join(f"({literal(name)}, {code})," for name, code in pairs)) + "\n]"


def _may_answer_with_urls(target: Target) -> bool:
    return target.settings.engine == "compatible"


def _saving(n: int, target: Target, subject: Subject) -> str:
    """Give the lines that write what came."""
    name = f'"imgmagic-{subject.number}{subject.suffix}"' if n == 1 else f'f"imgmagic-{{number}}{subject.suffix}"'
    lines = _FOUND if _may_answer_with_urls(target) else _DECODED
    body = f"{lines}\npath = Path({name})\npath.write_bytes(picture)\nprint(path)"
    if n == 1:
        return f'item = response.json()["data"][0]\n{body}'
    return f'for number, item in enumerate(response.json()["data"], start={subject.number}):\n{_indented(body)}'


_DECODED = 'picture = base64.b64decode(item["b64_json"])'
_FOUND = f"""\
if item.get("b64_json"):
    {_DECODED}
else:  # some servers say where the picture is
    found = requests.get(urljoin(response.url, item["url"]), timeout=600)
    found.raise_for_status()
    picture = found.content"""


@dataclass(frozen=True, slots=True)
class _Inputs:
    """The pictures that are sent along: the lines that name them, and the parts of the form that hold them."""

    lines: tuple[str, ...]
    parts: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, request: ImageRequest, sent: wire.WireRequest, paths: Sequence[str]) -> _Inputs:
        """Name every file that is sent."""
        # As they are sent: the mask comes last.
        kept = sorted(zip(request.inputs, paths, strict=True), key=lambda pair: pair[0].role == "mask")
        names = _numbered([each.role for each, _ in kept])
        lines: list[str] = []
        parts: list[tuple[str, str]] = []
        for name, (each, path), (part, (filename, data, mime)) in zip(names, kept, sent.files, strict=True):
            as_stored = data == each.data
            lines += [f"# Picture #{each.number}"] if as_stored and each.number is not None else []
            lines.append(f"{name} = Path({literal(path)})" if as_stored else f"{name} = {_embedded(data)}")
            read = f"{name}.read_bytes()" if as_stored else name
            parts.append((part, f"({literal(filename)}, {read}, {literal(mime)})"))
        return cls(tuple(lines), tuple(parts))


def _numbered(roles: Sequence[str]) -> list[str]:
    """Name things by their roles, the second of a kind ``reference_2``."""
    counts = [roles[: index + 1].count(role) for index, role in enumerate(roles)]
    return [role if count == 1 else f"{role}_{count}" for role, count in zip(roles, counts, strict=True)]


def _embedded(data: bytes) -> str:
    """Spell bytes that are in no file: a mask is turned into what the server reads."""
    return f"base64.b64decode{_pieces(base64.b64encode(data).decode())}"
