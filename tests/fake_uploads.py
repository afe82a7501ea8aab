"""The checks on pictures that come with an edit: how they are named, what they claim to be, what they are."""

from __future__ import annotations

import base64
import binascii
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from PIL import Image

from tests.fake_models import listed
from tests.fake_replies import USER, RefusedError, error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.fake_forms import Seen
    from tests.fake_gate import Route

IMAGES_LIMIT = 16
IMAGE_BYTES_LIMIT = 50 * 1024 * 1024
MASK_BYTES_LIMIT = 4 * 1024 * 1024
_MIMES = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}


@dataclass(frozen=True, slots=True)
class Upload:
    """One picture as it was posted, under the name of its part."""

    name: str
    mime: str
    data: bytes = field(repr=False)


def uploads_of(seen: Seen, route: Route) -> tuple[dict[str, Any], list[Upload]]:
    """Separate the plain fields of a request from its pictures, for both kinds of body."""
    if seen.json is None:
        files = [name for name, *_ in seen.files if name not in {"image", "image[]"}]
        _check_repeats([name for name, _ in seen.fields] + files)
        return dict(seen.fields), [Upload(name, mime.lower(), data) for name, _, mime, data in seen.files]
    if route.action == "generations":
        return dict(seen.json), []
    values = dict(seen.json)
    images = values.pop("images", None) or []
    mask = values.pop("mask", None)
    return values, [_from_url("image[]", item) for item in images] + ([_from_url("mask", mask)] if mask else [])


def _from_url(name: str, item: Mapping[str, Any]) -> Upload:
    """Give the picture of a JSON body's data URL; web addresses and file ids need a network this server has not."""
    head, _, text = str(item.get("image_url")).partition(";base64,")
    try:
        if not head.startswith("data:"):
            raise binascii.Error
        return Upload(name, head.removeprefix("data:"), base64.b64decode(text, validate=True))
    except binascii.Error:
        message = "Invalid 'image_url'. Expected a base64-encoded data URL."
        raise RefusedError(error(400, message, param=name, word="invalid_value")) from None


def _check_repeats(names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise _duplicate(name)


def _duplicate(name: str) -> RefusedError:
    """Refuse a repeated part; ``code`` and ``param`` of the real body were not captured."""
    message = (
        f"Duplicate parameter: '{name}'. You provided multiple values for this parameter, whereas only one is "
        f"allowed. If you are trying to provide a list of values, use the array syntax instead e.g. '{name}[]=<value>'."
    )
    return RefusedError(error(400, message))


def pictures_of(uploads: list[Upload], *, azure: bool) -> tuple[Image.Image, ...]:
    """Give the pictures to edit, decoded, in the order they were posted.

    Raises
    ------
    RefusedError
        If there is none, too many, one of the wrong kind or one that cannot be decoded.
    """
    images = [upload for upload in uploads if upload.name in {"image", "image[]"}]
    _check_number(images)
    return tuple(_picture(upload, number, azure=azure) for number, upload in enumerate(images, 1))


def _check_number(images: list[Upload]) -> None:
    if not images:
        message = "Missing required parameter: 'image'."
        raise RefusedError(error(400, message, param="image", word="missing_required_parameter"))
    if len(images) > 1 and any(upload.name == "image" for upload in images):
        raise _duplicate("image")
    if len(images) > IMAGES_LIMIT:
        message = (
            f"Invalid 'image': array too long. Expected an array with maximum length {IMAGES_LIMIT}, but got an "
            f"array with length {len(images)} instead."
        )
        raise RefusedError(error(400, message, param="image", word="array_above_max_length"))


def _picture(upload: Upload, number: int, *, azure: bool) -> Image.Image:
    allowed = {mime: kind for mime, kind in _MIMES.items() if not (azure and kind == "WEBP")}
    if upload.mime not in allowed:
        raise _unsupported_mime("image", upload.mime, tuple(allowed))
    if len(upload.data) >= IMAGE_BYTES_LIMIT:
        message = "Invalid file 'image': the file is too large. Maximum size is 50MB."
        raise RefusedError(error(400, message, param="image", word="image_too_large"))
    picture = _decoded(upload.data)
    if picture is None or picture.format not in allowed.values():
        message = f"Invalid image file or mode for image {number}, please check your image file."
        raise RefusedError(error(400, message, kind=USER, param="image", word="invalid_image_file"))
    return picture


def _unsupported_mime(name: str, mime: str, allowed: tuple[str, ...]) -> RefusedError:
    message = f"Invalid file '{name}': unsupported mimetype ('{mime}'). Supported file formats are {listed(allowed)}."
    return RefusedError(error(400, message, param=name, word="unsupported_file_mimetype"))


def _decoded(data: bytes) -> Image.Image | None:
    """Give a fully read picture, or None when Pillow cannot."""
    try:
        picture = Image.open(io.BytesIO(data))
        picture.load()
    except (OSError, SyntaxError, ValueError):
        return None
    return picture


def check_mask(uploads: list[Upload], first: Image.Image) -> Image.Image | None:
    """Give the decoded mask, if one was posted: a PNG with alpha of the size of the first picture."""
    found = {upload.name: upload for upload in uploads if upload.name in {"mask", "markup"}}
    if len(found) > 1:
        raise RefusedError(error(400, "Only one of 'mask' and 'markup' may be given.", param="markup"))
    for name, upload in found.items():
        mask = _mask(upload, first)
        # Markup is drawn over the picture and limits nothing.
        return mask if name == "mask" else None
    return None


def _mask(upload: Upload, first: Image.Image) -> Image.Image:
    if upload.mime != "image/png":
        raise _unsupported_mime(upload.name, upload.mime, ("image/png",))
    if len(upload.data) >= MASK_BYTES_LIMIT:
        raise _bad_mask("mask image must be less than 4MB", upload.name)
    mask = _decoded(upload.data)
    if mask is None or mask.format != "PNG":
        raise _bad_mask("mask image must be a PNG file", upload.name)
    # A grayscale mask is told off for its size on the real servers too, whatever its size.
    if mask.size != first.size or mask.mode == "L":
        raise _bad_mask("mask size does not match image size", upload.name)
    if "A" not in mask.getbands():
        raise _bad_mask("mask image missing alpha channel", upload.name)
    return mask


def _bad_mask(reason: str, name: str) -> RefusedError:
    """Refuse a mask; texts on size and alpha were captured from a server, the others are in their style."""
    message = f"Invalid {name} image format - {reason}"
    return RefusedError(error(400, message, kind=USER, param=name, word=f"invalid_{name}_image_format"))
