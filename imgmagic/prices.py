"""Tokens to US dollars.

The table is dated because prices move; `%config ImgMagic.prices` adds to it and overrides it. A call's cost is computed
from the token counts that the service reports, never from a table of pictures, so it stays right for every size.
"""

from __future__ import annotations

import math
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imgmagic.errors import SettingsError
from imgmagic.exchange import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imgmagic.exchange import ImageRequest

#: The day on which the table below was read.
DATED = "2026-11-22"

#: The model whose prices stand in when a deployment's model is unknown.
ASSUMED = "gpt-image-2"


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens: words in, pictures in, pictures out."""

    text_in: float
    image_in: float
    out: float


#: OpenAI's published prices (platform.openai.com, pricing page); Azure lists the same numbers.
PRICES: Mapping[str, Price] = {
    "gpt-image-1-mini": Price(2, 2.5, 8),
    "gpt-image-1.5": Price(5, 8, 32),
    "chatgpt-image-latest": Price(5, 8, 32),
    "gpt-image-1": Price(5, 10, 40),
    "gpt-image-2": Price(5, 8, 30),
    "gpt-image-2.5-sunburst": Price(5, 8, 30),
    "gpt-image-2.5-flare": Price(5, 8, 30),
    "gpt-image-2.6-sunburst": Price(5, 8, 30),
    "gpt-image-2.6-flare": Price(5, 8, 30),
}


@dataclass(frozen=True, slots=True)
class Cost:
    """What a call cost in US dollars; ``assumed`` names the model whose prices were guessed, or is empty."""

    usd: float
    assumed: str = ""


def cost(model: str, usage: Usage | None, given: Mapping[str, object]) -> Cost | None:
    """Price one call.

    Parameters
    ----------
    model
        Model or deployment that answered.
    usage
        What the service counted; None gives None, since nothing can be said.
    given
        `%config ImgMagic.prices`: by model or deployment, either the name of a model in the table or the three prices
        (words in, pictures in, pictures out) in US dollars per million tokens.

    Raises
    ------
    SettingsError
        If ``given`` has an entry of another form.
    """
    if usage is None:
        return None
    price = price_of(given[model]) if model in given else PRICES.get(_undated(model))
    assumed = "" if price else ASSUMED
    price = price or PRICES[ASSUMED]
    usd = usage.text_in * price.text_in + usage.image_in * price.image_in + usage.out * price.out
    return Cost(usd / 1e6, assumed)


# The factors f of `output_tokens`' formula by quality; it reproduces the services' own calculators and live counts
# (2880x2880 medium: 5930 tokens).
_FACTORS: Mapping[str, Mapping[str, int]] = {
    "gpt-image-2": {"low": 16, "medium": 48, "high": 96},
    "gpt-image-2.5": {"low": 16, "medium": 24, "high": 48, "xhigh": 64, "max": 96},
}

# The older models have three sizes with published token counts; others are scaled by their pixels.
_FIXED = {"low": 272, "medium": 1056, "high": 4160}

_TOKENS_PER_PARTIAL = 100
_TOKENS_PER_INPUT = 1024
_WORDS_TO_TOKENS = 1.4


def output_tokens(model: str, quality: str, width: int, height: int) -> int:
    """Estimate the output tokens of one picture.

    Parameters
    ----------
    model
        A model of the price table; others are taken for `ASSUMED`.
    quality
        As in a request; ``auto`` and words that the model does not know are taken for its highest.
    width, height
        In px.
    """
    if model.startswith(("gpt-image-1", "chatgpt-image")):
        return round(_FIXED.get(quality, _FIXED["high"]) * width * height / 1024**2)
    factors = _FACTORS["gpt-image-2.5" if model.startswith(("gpt-image-2.5", "gpt-image-2.6")) else "gpt-image-2"]
    factor = factors.get(quality, max(factors.values()))
    long, short = max(width, height), min(width, height)
    return math.ceil(factor * round(factor * short / long) * (2_000_000 + width * height) / 4_000_000)


def estimate(model: str, request: ImageRequest, given: Mapping[str, object], *, partials: int = 0) -> Cost:
    """Estimate what a call will cost, before it is sent.

    Parameters
    ----------
    model
        Model or deployment that will answer.
    request
        What will be asked; a size that is not in pixels, such as ``auto``, is taken for 1024x1024.
    given
        See `cost`.
    partials
        Unfinished pictures that are shown on the way, each of which costs output tokens.
    """
    named = given.get(model, model)
    family = named if isinstance(named, str) else model
    known = _undated(family) if _undated(family) in PRICES else ASSUMED
    # Extra fields win on the wire; one that is taken out leaves the choice to the service.
    said = {"size": request.size, "quality": request.quality, **dict(request.params)}
    width, height = _pixels(str(said["size"]))
    usage = Usage(
        text_in=round(len(request.prompt.split()) * _WORDS_TO_TOKENS) + 1,
        image_in=_TOKENS_PER_INPUT * len(request.inputs),
        out=request.n * output_tokens(known, str(said["quality"]), width, height) + partials * _TOKENS_PER_PARTIAL,
    )
    return cost(model, usage, given) or Cost(0.0)


def _pixels(size: str) -> tuple[int, int]:
    """Read a size; whether there is such a picture is for the service to say."""
    found = re.fullmatch(r"0*([1-9]\d{0,4})x0*([1-9]\d{0,4})", size)
    return (int(found[1]), int(found[2])) if found else (1024, 1024)


def price_of(entry: object) -> Price:
    """Read an entry of `%config ImgMagic.prices`.

    Raises
    ------
    SettingsError
        If it is neither a known model's name nor three numbers.
    """
    if isinstance(entry, str) and _undated(entry) in PRICES:
        return PRICES[_undated(entry)]
    if isinstance(entry, (list, tuple)) and len(entry) == len(Price.__slots__):
        with suppress(TypeError, ValueError):
            return Price(*map(float, entry))
    raise SettingsError(
        f"prices: {entry!r} is neither a known model nor three numbers.",
        hint="%config ImgMagic.prices = {'my-dep': 'gpt-image-2'} or {'my-dep': (5, 8, 30)}: US dollars per million "
        f"tokens for words in, pictures in, pictures out. Known models, priced as of {DATED}: {', '.join(PRICES)}.",
    )


def _undated(model: str) -> str:
    """Drop a release date: ``gpt-image-2-2026-04-21`` is priced as ``gpt-image-2``."""
    head, _, tail = model.partition("-20")
    return head if tail and tail[0].isdigit() else model
