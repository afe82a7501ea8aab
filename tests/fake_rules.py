"""The inner checks of the fake API: fields, their types, values and combinations, per model and provider."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.fake_gate import Config, Route, model_of
from tests.fake_models import FIXED_SIZES, MODELS, Model, listed, size_problem
from tests.fake_replies import INVALID, USER, RefusedError, error
from tests.fake_uploads import Upload, check_mask, pictures_of, uploads_of

if TYPE_CHECKING:
    from PIL import Image

    from tests.fake_forms import Seen
    from tests.fake_pictures import Format

_COMMON = frozenset(
    {"prompt", "model", "n", "size", "quality", "background", "output_format", "output_compression"}
    | {"moderation", "stream", "partial_images", "user", "safety_identifier"}
)
PROMPT_LIMIT = 32_000
PICTURES_LIMIT = 10
PARTIALS_LIMIT = 3


@dataclass(frozen=True, slots=True)
class Order:
    """A request that passed every check, with everything resolved.

    Parameters
    ----------
    size
        Width and height in px, never auto.
    quality
        Resolved word, never auto.
    compression
        0 to 100.
    sources
        The pictures to edit, in order; empty for generations.
    partials
        Partial pictures to stream first; 0 when not streaming.
    """

    route: Route
    model: Model
    prompt: str
    n: int
    size: tuple[int, int]
    quality: str
    transparent: bool
    kind: Format
    compression: int
    sources: tuple[Image.Image, ...] = ()
    mask: Image.Image | None = None
    stream: bool = False
    partials: int = 0
    safety_identifier: str | None = None


def order_of(seen: Seen, route: Route, config: Config) -> Order:
    """Check a request from its Content-Type on and resolve it.

    Raises
    ------
    RefusedError
        At the first check that fails, in the order of the real servers.
    """
    values, uploads = _body(seen, route)
    model = MODELS[model_of(seen, route, config)]
    given = {name: value for name, value in values.items() if value is not None}
    _check_names([*given, *(upload.name for upload in uploads)], route, model)
    fields = _Fields(given, form=seen.json is None)
    _check_prompt(fields)
    n = fields.whole("n", 1, 1, PICTURES_LIMIT)
    size = _size(fields, model, config)
    quality, background, kind, compression = _look(fields, route, model)
    stream, partials = _streaming(fields, n, route, config)
    _check_rest(fields, seen, route, model)
    sources, mask = _sources(uploads, route)
    width, _, height = size.partition("x")
    return Order(
        route, model, given["prompt"], n, (int(width), int(height)), quality, background == "transparent", kind,
        compression, sources, mask, stream, partials, given.get("safety_identifier") or None,
    )  # fmt: skip


def _body(seen: Seen, route: Route) -> tuple[dict[str, Any], list[Upload]]:
    """Give the fields and files of a body whose Content-Type this route takes."""
    takes = ["application/json"] if route.action == "generations" else ["multipart/form-data"]
    if route == Route("openai", "edits"):
        takes.append("application/json")
    if seen.mime not in takes:
        message = (
            f"Unsupported content type: '{seen.mime}'. This API method only accepts '{takes[0]}' requests, but you "
            f"specified the header 'Content-Type: {seen.headers.get('Content-Type')}'. Please try again with a "
            "supported content type."
        )
        raise RefusedError(error(400, message, word="unsupported_content_type"))
    if seen.mime == "application/json" and seen.json is None:
        raise RefusedError(error(400, "We could not parse the JSON body of your request."))
    return uploads_of(seen, route)


def _check_names(names: list[str], route: Route, model: Model) -> None:
    """Refuse the first field this route does not know; what a model lacks counts as unknown."""
    known = _COMMON | (model.extra & {"complexity"})
    if route.action == "edits":
        known |= model.extra | {"image", "image[]", "mask", "input_fidelity"}
    for name in names:
        if name not in known:
            raise RefusedError(error(400, f"Unknown parameter: '{name}'.", param=name, word="unknown_parameter"))


@dataclass(frozen=True, slots=True)
class _Fields:
    """Typed access to the fields; in a form every value is text."""

    values: dict[str, Any]
    form: bool

    def text(self, name: str, default: str) -> str:
        value = self.values.get(name, default)
        if not isinstance(value, str):
            raise _wrong_type(name, "a string", value)
        return value

    def word(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        value = self.text(name, default)
        if value not in allowed:
            raise _invalid_value(name, f"Invalid value: '{value}'. Supported values are: {listed(allowed)}.")
        return value

    def whole(self, name: str, default: int, low: int, high: int) -> int:
        value = self.values.get(name, default)
        if self.form and isinstance(value, str) and re.fullmatch(r"-?\d+", value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise _wrong_type(name, "an integer", value)
        if not low <= value <= high:
            raise _out_of_range(name, value, low, high)
        return value

    def truth(self, name: str, *, exact_case: bool = False) -> bool:
        value = self.values.get(name, False)
        if self.form and isinstance(value, str):
            # Azure's edits read only `True`; anything else, `true` included, counts as false there.
            if exact_case:
                return value == "True"
            value = {"true": True, "false": False}.get(value.lower(), value)
        if not isinstance(value, bool):
            raise _wrong_type(name, "a boolean", value)
        return value


def _out_of_range(name: str, value: int, low: int, high: int) -> RefusedError:
    above = value > high
    words, short = ("above maximum", "above_max") if above else ("below minimum", "below_min")
    wanted = f"<= {high}" if above else f">= {low}"
    message = f"Invalid '{name}': integer {words} value. Expected a value {wanted}, but got {value} instead."
    return RefusedError(error(400, message, param=name, word=f"integer_{short}_value"))


def _wrong_type(name: str, wanted: str, value: object) -> RefusedError:
    kinds = {str: "a string", int: "an integer", bool: "a boolean", float: "a decimal number", list: "an array"}
    message = f"Invalid type for '{name}': expected {wanted}, but got {kinds.get(type(value), 'an object')} instead."
    return RefusedError(error(400, message, param=name, word="invalid_type"))


def _invalid_value(name: str, message: str, kind: str = INVALID) -> RefusedError:
    return RefusedError(error(400, message, kind=kind, param=name, word="invalid_value"))


def _check_prompt(fields: _Fields) -> None:
    if "prompt" not in fields.values:
        raise RefusedError(
            error(400, "Missing required parameter: 'prompt'.", param="prompt", word="missing_required_parameter")
        )
    prompt = fields.text("prompt", "")
    if not prompt:
        message = (
            "Invalid 'prompt': empty string. Expected a string with minimum length 1, but got an empty string instead."
        )
        raise RefusedError(error(400, message, param="prompt", word="empty_string"))
    if len(prompt) > PROMPT_LIMIT:
        message = (
            f"Invalid 'prompt': string too long. Expected a string with maximum length {PROMPT_LIMIT}, but got a "
            f"string with length {len(prompt)} instead."
        )
        raise RefusedError(error(400, message, param="prompt", word="string_above_max_length"))


def _size(fields: _Fields, model: Model, config: Config) -> str:
    size = fields.text("size", "auto")
    problem = size_problem(size, model)
    if problem:
        message, generic = problem
        raise _invalid_value("size", message, INVALID if generic else USER)
    if size != "auto":
        return size
    return config.auto_size if model.any_size or config.auto_size in FIXED_SIZES else "1024x1024"


def _look(fields: _Fields, route: Route, model: Model) -> tuple[str, str, Format, int]:
    """Give quality, background, output format and compression."""
    quality = fields.word("quality", "auto", model.qualities)
    background = fields.word("background", "auto", ("transparent", "opaque", "auto"))
    kinds: dict[str, Format] = {"png": "png", "jpeg": "jpeg"} if route.azure else {
        "png": "png", "webp": "webp", "jpeg": "jpeg"
    }  # fmt: skip
    kind = kinds[fields.word("output_format", "png", tuple(kinds))]
    compression = fields.whole("output_compression", 100, 0, 100)
    if background == "transparent" and kind == "jpeg":
        raise _invalid_value("background", "Transparent background is not supported for JPEG output format", USER)
    if kind == "png" and compression < 100:
        message = "Compression less than 100 is not supported for PNG output format"
        raise _invalid_value("output_compression", message, USER)
    return "medium" if quality == "auto" else quality, background, kind, compression


def _streaming(fields: _Fields, n: int, route: Route, config: Config) -> tuple[bool, int]:
    exact = route.azure and route.action == "edits" and not config.lax_stream_case
    stream = fields.truth("stream", exact_case=exact)
    partials = fields.whole("partial_images", 0, 0, PARTIALS_LIMIT)
    if stream and n > 1:
        raise RefusedError(error(400, "Streaming is only supported with n=1.", param="n"))
    # Azure's edits take `stream=true` for false, and must not stumble over its partner then.
    if partials and not stream and "stream" not in fields.values:
        raise RefusedError(error(400, "partial_images is only supported with stream.", param="partial_images"))
    return stream, partials if stream else 0


def _check_rest(fields: _Fields, seen: Seen, route: Route, model: Model) -> None:
    fields.word("moderation", "auto", ("auto", "low"))
    fields.word("complexity", "high", ("low", "medium", "high"))
    fields.text("user", "")
    fields.text("safety_identifier", "")
    if "input_fidelity" not in fields.values:
        return
    if not model.fidelity:
        name = seen.values.get("model") or route.deployment
        message = f"The model '{name}' does not support the 'input_fidelity' parameter."
        raise RefusedError(error(400, message, param="input_fidelity", word="invalid_input_fidelity_model"))
    fields.word("input_fidelity", "low", model.fidelity)


def _sources(uploads: list[Upload], route: Route) -> tuple[tuple[Image.Image, ...], Image.Image | None]:
    if route.action == "generations":
        return (), None
    sources = pictures_of(uploads, azure=route.azure)
    return sources, check_mask(uploads, sources[0])
