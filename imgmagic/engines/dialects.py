"""How each kind of server speaks, as data: what it must be sent, what it must not, and what it would drop in silence.

"OpenAI-compatible" covers servers that differ in ways that break a call or, worse, change it unnoticed: GPT image
models refuse ``response_format`` where others answer with URLs unless they get it, ``auto`` sizes make some fail, and
a mask means four things. One value per kind of server, read off its source; no `if` by name anywhere else.

An unknown server is spoken to as `compatible`: with what most understand. Its masks carry both meanings in one file,
transparent where OpenAI looks and white where the others do, so that whichever it reads is right.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from imgmagic.errors import SettingsError, printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imgmagic.exchange import Format, Operation

#: Where the picture is edited: where the mask is transparent, where it is white, both at once; or nobody looks.
Mask = Literal["alpha", "white", "both", "ignored"]

_ALL = frozenset({"quality", "output_format", "background", "output_compression", "moderation", "input_fidelity"})


@dataclass(frozen=True, slots=True)
class Dialect:
    """What one kind of server wants.

    Parameters
    ----------
    name
        The word for ``%config ImgMagic.dialect``.
    title
        The server's name in a sentence.
    explicit
        True where size, quality and format are sent even if nobody said them; else only what was said is sent.
    options
        The optional fields that it reads; others stay out. Prompt, ``n`` and a size in px go to every server.
    b64_json
        Whether ``response_format=b64_json`` is sent. Some answer with URLs otherwise, GPT image models refuse it.
    auto_size
        Whether it knows the size ``auto``; where not, no size is sent and the server takes its own.
    model_required
        Whether a call without a model (on Azure: a deployment) cannot work.
    edits
        Whether it has ``images/edits``.
    webp_edits
        Whether an edit may be asked for as WebP.
    webp_inputs
        Whether it reads WebP; where not, such a picture is sent as PNG.
    mask, mask_field
        How it reads a mask, and the name of the file part.
    """

    name: str
    title: str
    explicit: bool = False
    options: frozenset[str] = _ALL
    b64_json: bool = True
    auto_size: bool = False
    model_required: bool = False
    edits: bool = True
    webp_edits: bool = True
    webp_inputs: bool = True
    mask: Mask = "both"
    mask_field: str = "mask"


_LOOKS = frozenset({"output_format", "output_compression"})

_DIALECTS = {
    each.name: each
    for each in (
        Dialect(
            "azure",
            "Azure OpenAI",
            True,
            _ALL,
            b64_json=False,
            auto_size=True,
            model_required=True,
            webp_inputs=False,
            mask="alpha",
        ),
        Dialect("openai", "OpenAI", True, _ALL, b64_json=False, auto_size=True, model_required=True, mask="alpha"),
        Dialect("compatible", "The server"),
        # Always sends base64; a mask is read as one grey channel, its alpha is not looked at.
        Dialect(
            "stable-diffusion.cpp",
            "stable-diffusion.cpp",
            options=_LOOKS,
            b64_json=False,
            webp_edits=False,
            mask="white",
        ),
        Dialect("vllm-omni", "vLLM-Omni", options=_LOOKS, mask="white", mask_field="mask_image"),
        # `quality` is a sampling preset of its own there, not OpenAI's word.
        Dialect("sglang", "SGLang-Diffusion", options=_LOOKS | {"background"}, mask="ignored"),
        Dialect("localai", "LocalAI", options=frozenset(), model_required=True, edits=False, mask="ignored"),
        Dialect("xinference", "Xinference", options=frozenset(), model_required=True, mask="white"),
        # Behind it may stand a GPT image model, which refuses `response_format`; URLs are understood anyway.
        Dialect("litellm", "The LiteLLM proxy", b64_json=False, model_required=True),
    )
}

NAMES = tuple(_DIALECTS)


def by_name(word: str) -> Dialect:
    """Give the dialect of this name, in any case.

    Raises
    ------
    SettingsError
        If there is none; the hint names what looks like it.
    """
    name = word.strip().lower()
    if name in _DIALECTS:
        return _DIALECTS[name]
    near = difflib.get_close_matches(name, NAMES, n=3, cutoff=0.5)
    near = near or [each for each in NAMES if name and (name in each or each in name)]
    hint = f"Did you mean {' or '.join(near)}? " if near else ""
    raise SettingsError(
        f"There is no dialect '{printable(word, 40)}'.", hint=f"{hint}The dialects are {', '.join(NAMES)}."
    )


def recognise(models_json: object, headers: Mapping[str, str]) -> Dialect | None:
    """Tell which server answered ``GET {base}/models``; None unless the answer gives it away.

    Parameters
    ----------
    models_json
        The decoded body, of whatever form.
    headers
        The headers of the answer.
    """
    # A proxy lists what stands behind it, so its own headers count first.
    if any(name.lower().startswith("x-litellm-") for name in headers):
        return _DIALECTS["litellm"]
    data = models_json.get("data") if isinstance(models_json, dict) else None
    models = [each for each in data if isinstance(each, dict)] if isinstance(data, list) else []
    if [each.get("id") for each in models] == ["sd-cpp-local"]:
        return _DIALECTS["stable-diffusion.cpp"]
    owners = {str(each.get("owned_by")) for each in models}
    # A gateway in front of several servers lists several owners, and speaks for itself.
    found = {"vllm": "vllm-omni", "sglang": "sglang"}.get(owners.pop()) if len(owners) == 1 else None
    return _DIALECTS[found] if found else None


def refusal(
    dialect: Dialect,
    operation: Operation,
    has_mask: bool,  # noqa: FBT001
    kind: Format = "png",
    *,
    references: bool = False,
) -> str:
    """Say why a call must not be sent, since the server could not do it or would do something else; empty if it may.

    Parameters
    ----------
    dialect
        Who would be asked.
    operation, has_mask
        What would be asked: an edit goes to ``images/edits``, with or without a mask.
    kind
        The format of the picture that is wanted.
    references
        Whether pictures to look at go along: they too go to ``images/edits``.
    """
    if operation == "refine" and not dialect.edits:
        return f"{dialect.title} has no image edits (no images/edits route): it can imagine, but not refine."
    if references and not dialect.edits:
        return f"{dialect.title} has no image edits (no images/edits route): it cannot be given reference images."
    if has_mask and dialect.mask == "ignored":
        return f"{dialect.title} accepts a mask and ignores it: the whole picture would be edited."
    if (operation == "refine" or references) and kind == "webp" and not dialect.webp_edits:
        return f"{dialect.title} gives edited pictures as png or jpeg only, not as webp."
    return ""
