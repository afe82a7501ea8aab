"""What each image model of the fake accepts, and what it charges in tokens."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

FIXED_SIZES = ("1024x1024", "1024x1536", "1536x1024", "auto")
BASIC_QUALITIES = ("low", "medium", "high", "auto")
LONGEST_EDGE_PX = 3840
PIXEL_BUDGET = (655_360, 8_294_400)

# Output tokens of the fixed-size models by quality: square, portrait, landscape.
_FIXED_TOKENS = {"low": (272, 408, 400), "medium": (1056, 1584, 1568), "high": (4160, 6240, 6208)}


@dataclass(frozen=True, slots=True)
class Model:
    """The rules of one image model.

    Parameters
    ----------
    any_size
        Any size within the budget is accepted, not only the three fixed ones.
    fidelity
        Values of ``input_fidelity``; empty when the model refuses the field.
    factors
        The factor of the token formula by quality; empty for models billed by table.
    """

    any_size: bool = True
    fidelity: tuple[str, ...] = ()
    qualities: tuple[str, ...] = (*BASIC_QUALITIES, "xhigh", "max")
    extra: frozenset[str] = frozenset({"markup"})
    factors: tuple[tuple[str, int], ...] = (("low", 16), ("medium", 24), ("high", 48), ("xhigh", 64), ("max", 96))

    def output_tokens(self, quality: str, width: int, height: int) -> int:
        """Give the image tokens billed for one picture of a resolved quality and size in px."""
        if not self.factors:
            return _FIXED_TOKENS[quality][0 if width == height else 1 if width < height else 2]
        factor = dict(self.factors)[quality]
        short, long = sorted((width, height))
        return math.ceil(factor * round(factor * short / long) * (2_000_000 + width * height) / 4_000_000)


_V25 = Model()
_V26 = replace(_V25, extra=frozenset({"markup", "complexity"}))
_V2 = Model(qualities=BASIC_QUALITIES, extra=frozenset(), factors=(("low", 16), ("medium", 48), ("high", 96)))
_V15 = replace(_V2, any_size=False, fidelity=("high", "low"), factors=())

# gpt-image-1 and the dall-e models are absent: they were shut down and answer `model_not_found`.
MODELS = {
    "gpt-image-1-mini": replace(_V15, fidelity=("low",)),
    "gpt-image-1.5": _V15,
    "gpt-image-1.5-2025-12-16": _V15,
    "chatgpt-image-latest": _V15,
    "gpt-image-2": _V2,
    "gpt-image-2-2026-04-21": _V2,
    "gpt-image-2.5-sunburst": _V25,
    "gpt-image-2.5-sunburst-2026-09-08": _V25,
    "gpt-image-2.5-flare": _V25,
    "gpt-image-2.5-flare-2026-09-08": _V25,
    "gpt-image-2.6-sunburst": _V26,
    "gpt-image-2.6-flare": _V26,
}


def size_problem(size: str, model: Model) -> tuple[str, bool] | None:
    """Say why a model refuses a size.

    Returns
    -------
    tuple[str, bool] | None
        The server's message and whether it is the generic "Invalid value"; None when the size is fine.
    """
    if size == "auto" or (not model.any_size and size in FIXED_SIZES):
        return None
    width, _, height = size.partition("x")
    if not model.any_size or not (width.isdecimal() and height.isdecimal()):
        return f"Invalid value: '{size}'. Supported values are: {listed(FIXED_SIZES)}.", True
    problem = _edge_problem(size, int(width), int(height))
    return (problem, False) if problem else None


def _edge_problem(size: str, width: int, height: int) -> str | None:
    """Say what is wrong with an arbitrary size; only the edge and the minimum texts were captured from a server."""
    if width % 16 or height % 16:
        return f"Invalid size '{size}'. Width and height must both be divisible by 16."
    if max(width, height) > LONGEST_EDGE_PX:
        return f"Invalid size '{size}'. The longest edge must be less than or equal to {LONGEST_EDGE_PX}."
    if max(width, height) > 3 * min(width, height):
        return f"Invalid size '{size}'. The aspect ratio must be between 1:3 and 3:1."
    if width * height < PIXEL_BUDGET[0]:
        return "Requested resolution is below the current minimum pixel budget."
    if width * height > PIXEL_BUDGET[1]:
        return "Requested resolution is above the current maximum pixel budget."
    return None


def listed(values: tuple[str, ...]) -> str:
    """Give the values as the server lists them: ``'a', 'b', and 'c'``."""
    quoted = [f"'{value}'" for value in values]
    return quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + f", and {quoted[-1]}"
