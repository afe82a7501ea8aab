"""The pictures that go along with a request: gathered for its key, completed when it is sent.

Two steps, since a recorded picture must be found without a network and without drawing: `gathered` says what each input
is known by, `complete` fetches what is an address and draws masks that are said in words.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from imgmagic import values
from imgmagic.errors import CellError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from imgmagic.exchange import ImageRequest, Input
    from imgmagic.formats import Preview

    Region = Callable[[bytes, str], bytes] | None


def gathered(
    source: Input | None, references: Any, mask: Any, painted: Mapping[str, bytes], size: str | None
) -> tuple[Input, ...]:
    """Put the inputs of a request together: the source, the references in their order, the mask.

    Parameters
    ----------
    source
        The picture that is edited, if any.
    references
        Images to look at, see `values.given`; one may be several (a list, a gallery).
    mask
        A MASK, see `masks.given`, or None.
    painted
        Masks by name.
    size
        ``WIDTHxHEIGHT`` at which figures are drawn.

    Raises
    ------
    ImageError
        If one is no image, or they are too many.
    CellError
        If there is a mask and nothing to edit.
    """
    found = [source] if source is not None else []
    found += [
        values.given("reference", each, size) for item in values.spread(references) for each in values.spread(item)
    ]
    found = [values.limited(each) for each in found]
    _refuse_more(found)
    if mask is None:
        return tuple(found)
    if source is None:
        raise CellError("A mask says where a picture is edited, and here none is.", hint="Use it with refine.")
    from imgmagic import masks

    return (*found, masks.given(mask, painted))


def complete(request: ImageRequest, region: Region = None) -> ImageRequest:
    """Fetch and draw what has no bytes yet, and check that the mask fits; nothing is sent to the service.

    Parameters
    ----------
    request
        As `prepare` gives it.
    region
        The engine's own way to find a part of a picture by its name, if it has one.

    Raises
    ------
    ImageError
        If an address gives no picture, or the mask does not fit its source.
    CellError
        If a mask in words does not fit its source.
    """
    inputs = [each if each.data or each.role == "mask" else _fetched(each) for each in request.inputs]
    source = next((each for each in inputs if each.role == "source"), None)
    if source is not None:
        inputs = [fitted(each, source, region) if each.role == "mask" else each for each in inputs]
    return replace(request, inputs=tuple(inputs))


def told(request: ImageRequest) -> list[str]:
    """Say in a few words what goes along besides the source: how much is selected, how many references there are."""
    said = []
    for each in request.inputs:
        if each.role == "mask" and each.data:
            from imgmagic import masks

            said.append(f"{masks.percent(masks.share(each.data))} selected")
    count = sum(each.role == "reference" for each in request.inputs)
    said += [f"{count} reference{'s' if count > 1 else ''}"] if count else []
    return said


def rows(request: ImageRequest) -> list[tuple[str, str]]:
    """List the inputs of a request for a table."""
    said = [("source", called(request.source))] if request.source else []
    references = [called(each) for each in request.inputs if each.role == "reference"]
    said += [("references", ", ".join(references))] if references else []
    for mask in (each for each in request.inputs if each.role == "mask"):
        from imgmagic import masks

        rest = "outside it as the engine sends it" if request.soft else "outside it nothing changes"
        said.append(("mask", f"{masks.percent(masks.share(mask.data))} selected, {rest}"))
    return said


def overlay(request: ImageRequest) -> Preview | None:
    """Show where a completed request edits; None if it has no mask."""
    found = [each for each in request.inputs if each.role == "mask"]
    if not found or request.source is None:
        return None
    from imgmagic import masks

    return masks.overlay(request.source.data, found[0].data)


def called(each: Input) -> str:
    """Name an input: its number in the history, else what it is."""
    return f"#{each.number}" if each.number is not None else each.name


def _fetched(each: Input) -> Input:
    if each.read is not None:
        return each.read()
    return replace(each, data=values.fetched(each.identity.removeprefix("url:")))


def fitted(mask: Input, source: Input, region: Region = None) -> Input:
    """Give a mask its bytes, and check them against the source.

    Raises
    ------
    ImageError
        If it does not fit.
    CellError
        If it is said in words that do not fit.
    """
    from imgmagic import images, masks

    data = mask.data
    if not data and mask.identity.startswith("url:"):
        data = masks.read(values.fetched(mask.identity.removeprefix("url:"))).data
    if not data:
        data = masks.drawn(mask.identity.removeprefix("mask:"), source.data, region).data
    return masks.checked(replace(mask, data=data), images.dimensions(source.data))


def _refuse_more(found: Sequence[Input]) -> None:
    if len(found) > values.MAX_INPUTS:
        raise CellError(f"{len(found)} pictures would go along; the services take at most {values.MAX_INPUTS}.")
