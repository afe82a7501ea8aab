"""What `%imgmagic` shows: who answers and why, where pictures live, what was spent. Values in, a display bundle out."""

from __future__ import annotations

from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any

from imgmagic import __version__
from imgmagic.errors import SettingsError

if TYPE_CHECKING:
    from imgmagic.studio import Studio

_HEAD = ("", "value", "from")


def table(studio: Studio) -> dict[str, Any]:
    """Give the status table; a half-set environment is one of its rows, not a reason to show nothing."""
    rows = [*_engine(studio), *_history(studio), ("imgmagic", __version__, "")]
    return {"text/html": _html(rows), "text/plain": _plain(rows)}


def check(studio: Studio) -> dict[str, Any]:
    """Give the list of what is damaged in the history's folder."""
    problems = studio.history.check()
    lines = problems or [f"All is well: {len(studio.history.all)} pictures, every file whole ({studio.history.home})."]
    listed = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return {"text/html": f'<ul class="imgmagic">{listed}</ul>', "text/plain": "\n".join(lines)}


def _engine(studio: Studio) -> list[tuple[str, str, str]]:
    try:
        settings = studio.settings()
    except SettingsError as exc:
        return [("engine", str(exc), "")]
    source = settings.sources
    rows: list[tuple[str, str, str]] = [("engine", settings.engine, source.get("engine", ""))]
    if settings.engine == "sketch":
        return rows
    rows.append(("endpoint", settings.host, source.get("endpoint", "")))
    rows.append(("model", settings.model or "the server's own", source.get("model", "")))
    if settings.api_version:
        rows.append(("api-version", settings.api_version, source.get("api-version", "")))
    rows.append(("key", "set" if settings.secret else "not set", source.get("key", "")))
    return rows + [("note", note, "") for note in settings.notes]


def _history(studio: Studio) -> list[tuple[str, str, str]]:
    history = studio.history
    current = history.current
    label = f" {current.label}" if current is not None and current.label else ""
    today = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    return [
        ("current picture", "none yet" if current is None else f"#{current.number}{label}", ""),
        ("pictures", f"{len(history)} in this session, {len(history.all)} in the folder", ""),
        (
            "spent",
            f"${history.spent(since=today):.3f} today, ${history.spent():.3f} in all",
            "the services' token counts",
        ),
        ("session", history.session, ""),
        ("folder", str(history.home), ""),
    ]


def _html(rows: list[tuple[str, str, str]]) -> str:
    head = "".join(f'<th style="text-align:left" scope="col">{cell}</th>' for cell in _HEAD)
    body = "".join(
        "<tr>"
        f'<th scope="row" style="text-align:left">{escape(name)}</th>'
        + "".join(f'<td style="text-align:left;white-space:pre-line">{escape(cell)}</td>' for cell in rest)
        + "</tr>"
        for name, *rest in rows
    )
    return f'<table class="imgmagic"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _plain(rows: list[tuple[str, str, str]]) -> str:
    width = max(len(name) for name, _, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" + (f"  ({source})" if source else "") for name, value, source in rows)
