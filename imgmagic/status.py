"""What `%imgmagic` shows: who answers and why, where pictures live, what was spent. Values in, a display bundle out."""

from __future__ import annotations

from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any

from imgmagic import __version__, render
from imgmagic.budget import today
from imgmagic.errors import SettingsError, printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from imgmagic.formats import Preview
    from imgmagic.studio import Studio

_HEAD = ("", "value", "from")


def table(studio: Studio) -> dict[str, Any]:
    """Give the status table; a half-set environment is one of its rows, not a reason to show nothing."""
    rows = [*_engine(studio), *_history(studio), ("imgmagic", __version__, "")]
    return {"text/html": _html(rows), "text/plain": _plain(rows)}


def check(studio: Studio) -> dict[str, Any]:
    """Give the list of what is damaged in the history's folder."""
    problems = studio.history.check()
    lines = problems or [
        f"All is well: {_many(len(studio.history.all), 'picture')}, every file whole ({studio.history.home})."
    ]
    listed = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return {"text/html": f'<ul class="imgmagic">{listed}</ul>', "text/plain": "\n".join(lines)}


def stop(studio: Studio) -> dict[str, Any]:
    """Stop what is still on its way, and say what was stopped."""
    count = studio.stop()
    calls = "1 call was" if count == 1 else f"{count} calls were"
    line = f"{calls} stopped; what had been sent may be billed all the same." if count else "Nothing is on its way."
    return {"text/html": render.note(line), "text/plain": line}


def plan(rows: list[tuple[str, str]], overlay: Preview | None = None) -> dict[str, Any]:
    """Give the table of a dry run, with the source below it where a mask says what would be edited."""
    filled = [(name, value, "") for name, value in rows]
    where = [render.Figure(overlay, "the source, tinted where it would be edited", "tinted: edited")] if overlay else []
    return {"text/html": _html(filled) + (render.page(where, []) if where else ""), "text/plain": _plain(filled)}


def cost(studio: Studio) -> dict[str, Any]:
    """Give what was spent: by day, by model, by notebook and by cell of this one, and what of the budget is left."""
    calls = studio.history.costs()
    sessions = {each["session"] for each in calls}
    mine = [each for each in calls if each["session"] == studio.history.session]
    rows = [
        *_sums("day", calls, lambda each: _day(each["created"])),
        *_sums("model", calls, lambda each: f"{each['engine']}/{each['model']}"),
        *(_sums("notebook", calls, lambda each: each["session"]) if len(sessions) > 1 else []),
        *_sums("cell", mine, lambda each: each["cell_id"] or "without an id"),
        ("in all", f"${sum(each['cost_usd'] or 0 for each in calls):.3f}", _count(calls)),
        ("budget", *_budget(studio)),
    ]
    return {"text/html": _html(rows), "text/plain": _plain(rows)}


def _budget(studio: Studio) -> tuple[str, str]:
    """Say what today's calls may still cost, what is on its way counted with what it is expected to."""
    history, allowed = studio.history, studio.defaults.budget_usd
    spent, expected = history.spent(since=today()), history.expected()
    on_the_way = f", ${expected:.3f} on its way" if expected else ""
    left = max(0.0, allowed - spent - expected)
    return f"${left:.3f} left today", f"${spent:.3f} of ${allowed:.2f} spent{on_the_way}"


def _sums(name: str, calls: list[dict[str, Any]], by: Callable[[dict[str, Any]], str]) -> list[tuple[str, str, str]]:
    """Sum calls by some word; what has no known price is said."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for each in calls:
        groups.setdefault(by(each), []).append(each)
    return [
        (f"{name} {printable(word, 60)}", f"${sum(each['cost_usd'] or 0 for each in group):.3f}", _count(group))
        for word, group in groups.items()
    ]


def _count(calls: list[dict[str, Any]]) -> str:
    pictures = sum(each["pictures"] for each in calls)
    unknown = sum(each["cost_usd"] is None for each in calls)
    said = f"{_many(len(calls), 'call')}, {_many(pictures, 'picture')}"
    return said + (f", {unknown} of unknown cost" if unknown else "")


def _many(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _day(created: str) -> str:
    return f"{datetime.fromisoformat(created).astimezone():%Y-%m-%d}"


def _engine(studio: Studio) -> list[tuple[str, str, str]]:
    try:
        settings = studio.settings()
    except SettingsError as exc:
        return [("engine", str(exc), "")]
    source = settings.sources
    rows: list[tuple[str, str, str]] = [("engine", settings.engine, source.get("engine", ""))]
    if settings.engine == "sketch":
        return rows + [("note", note, "") for note in settings.notes]
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
    return [
        ("current picture", "none yet" if current is None else f"#{current.number}{label}", ""),
        ("pictures", f"{len(history)} in this session, {len(history.all)} in the folder", ""),
        ("spent", _spent(studio), "token counts"),
        ("session", history.session, ""),
        ("folder", str(history.home), ""),
    ]


def _spent(studio: Studio) -> str:
    """Say what was spent today, of what is allowed, and ever."""
    history = studio.history
    allowed = f"${history.spent(since=today()):.3f} of ${studio.defaults.budget_usd:.2f} today"
    return f"{allowed}, ${history.spent():.3f} in all"


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
