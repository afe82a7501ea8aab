"""The history as a table: a row a picture, to be grouped, sorted and summed. The only module that uses pandas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imgmagic.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from imgmagic.picture import Picture
    from imgmagic.tree import History

#: The columns and what pandas calls their types: the same for an empty history, and with gaps where nothing is known.
COLUMNS = {
    "label": "string",
    "parent": "Int64",
    "operation": "string",
    "prompt": "string",
    "engine": "string",
    "model": "string",
    "width": "int64",
    "height": "int64",
    "format": "string",
    "quality": "string",
    "created": "datetime64[ns, UTC]",
    "seconds": "float64",
    "text_in": "Int64",
    "image_in": "Int64",
    "out": "Int64",
    "cost_usd": "float64",
    "recorded": "bool",
    "stale": "bool",
    "session": "string",
    "cell_id": "string",
}


def framed(history: History, pictures: Sequence[Picture]) -> pd.DataFrame:
    """Make a table of pictures of a history.

    Raises
    ------
    SettingsError
        If pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError as exc:
        raise SettingsError(
            "history.to_frame() needs pandas, which is not installed.",
            hint='Run `pip install "jupyter-imgmagic[frame]"`.',
        ) from exc
    with history.together():
        rows = _rows(history, pictures)
    index = pd.Index([picture.number for picture in pictures], name="number", dtype="int64")
    columns = {name: pd.Series([row[name] for row in rows], index=index) for name in COLUMNS}
    columns["created"] = pd.to_datetime(columns["created"], utc=True)
    return pd.DataFrame(columns, index=index).astype(COLUMNS)


def _rows(history: History, pictures: Sequence[Picture]) -> list[dict[str, Any]]:
    labels, stale = {number: name for name, number in history.labels.items()}, history.stale
    keys = {picture.generation.id for picture in pictures}
    brought = {row["id"] for row in history._database.generations(keys) if row["origin"]}
    return [
        _row(picture)
        | {
            "label": labels.get(picture.number),
            "stale": picture.number in stale,
            "recorded": picture.generation.id in brought,
        }
        for picture in pictures
    ]


def _row(picture: Picture) -> dict[str, Any]:
    made, usage = picture.generation, picture.usage
    width, height = picture.size
    return {
        **{name: getattr(made, name) for name in ("operation", "prompt", "engine", "model", "session", "cell_id")},
        **{name: getattr(usage, name, None) for name in ("text_in", "image_in", "out")},
        "parent": picture._parent,
        "width": width,
        "height": height,
        "format": picture.format,
        "quality": picture.params.get("quality"),
        "created": made.created,
        "seconds": made.seconds,
        "cost_usd": picture.cost_usd,
    }
