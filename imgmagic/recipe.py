"""`%imgmagic code REF`: the request that made a picture, who would be asked for it now, and both as plain Python.

The engine that made the picture is the one that the script asks, by the address in force if that is of the same kind;
otherwise a variable stands for the address, and the script says which. What plain Python cannot ask, the sketch engine
or one of the user's own, is put to the service that is configured now, or to OpenAI.
"""

from __future__ import annotations

import os
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgmagic.engines import dialects
from imgmagic.engines.probe import spoken
from imgmagic.errors import CellError, SettingsError
from imgmagic.exchange import ImageRequest
from imgmagic.script import Subject, Target, write
from imgmagic.settings import AZURE_API_VERSION, OPENAI_MODEL, OPENAI_URL, Settings

if TYPE_CHECKING:
    from imgmagic.engines.dialects import Dialect
    from imgmagic.exchange import ImageRequest
    from imgmagic.picture import Generation, Picture
    from imgmagic.studio import Studio

_HOW = 'class="imgmagic" dir="ltr" style="white-space:pre-wrap;user-select:text"'

#: What stands for a service that is not configured now, with the variable that holds its address.
_ELSEWHERE = {
    "azure": (
        Settings(
            "azure",
            "/openai",
            deployment_route=True,
            api_version=AZURE_API_VERSION,
            scheme="api-key",
            sources={"key": "AZURE_OPENAI_API_KEY"},
        ),
        "AZURE_OPENAI_ENDPOINT",
    ),
    "openai": (Settings("openai", OPENAI_URL, OPENAI_MODEL, sources={"key": "OPENAI_API_KEY"}), ""),
    "compatible": (Settings("compatible", sources={"key": "OPENAI_API_KEY"}), "OPENAI_BASE_URL"),
}

_OPTIONS = ("n", "size", "quality", "background", "format", "compression", "moderation", "model", "fidelity", "soft")


def code(studio: Studio, ref: str) -> dict[str, Any]:
    """Give plain Python that makes a picture without imgmagic.

    Parameters
    ----------
    studio
        Whose history and settings.
    ref
        Which picture; empty for the current one.

    Returns
    -------
    dict
        The program by MIME type.

    Raises
    ------
    HistoryError
        If there is no such picture, or it was imported and no request made it.
    """
    text = program(studio, studio.history.find(ref or "@"))
    return {"text/html": f"<pre {_HOW}>{escape(text)}</pre>", "text/plain": text}


def program(studio: Studio, picture: Picture) -> str:
    """Give the text of the program; a key that somebody wrote into their words is blotted out."""
    request = picture._history.request(picture)
    target = _target(studio, request, picture.generation)
    _refuse_what_it_cannot(target.dialect, request)
    first = picture._history.siblings(picture)[0].number
    text = write(request, target, Subject(first, picture.path.suffix, _maker(picture), paths(picture)))
    for secret in studio.environment.secrets():
        if secret.stands_in(text):
            text = secret.redact(text)
    return text


def _maker(picture: Picture) -> str:
    if picture.engine in _ELSEWHERE:
        return "service"
    return "sketch" if picture.engine == "sketch" else "other"


def _target(studio: Studio, request: ImageRequest, made: Generation) -> Target:
    """Choose who is asked."""
    now = _in_force(studio)
    by_service = made.engine in _ELSEWHERE
    model = made.model if by_service else request.model
    if now is not None and (now.engine == made.engine or not by_service):
        dialect = spoken(now, studio.defaults.dialect, studio._dialects)
        return Target(replace(now, model=model or now.model, secret=None), dialect)
    settings, endpoint = _ELSEWHERE.get(made.engine, _ELSEWHERE["openai"])
    return Target(replace(settings, model=model or settings.model), dialects.by_name(settings.engine), endpoint)


def _in_force(studio: Studio) -> Settings | None:
    """Give the settings of the service that would answer now; None if none would, or they are set by half."""
    try:
        settings = studio.settings()
    except SettingsError:
        return None
    return None if settings.engine == "sketch" else settings


def _refuse_what_it_cannot(dialect: Dialect, request: ImageRequest) -> None:
    """Refuse to write what the server would refuse, or do otherwise than it says."""
    masked = any(each.role == "mask" for each in request.inputs)
    why = dialects.refusal(dialect, request.operation, masked, request.format)
    if why:
        raise CellError(why)


def paths(picture: Picture) -> tuple[str, ...]:
    """Name the files of the inputs as seen from the working directory, or in full where nothing is shared with it."""
    history = picture._history
    files = [history.store.path(row["digest"], row["format"]) for row in history.inputs(picture)]
    return tuple(_seen_from(Path.cwd(), each.resolve()) for each in files)


def _seen_from(folder: Path, file: Path) -> str:
    shared = os.path.commonpath([folder, file]) if folder.drive == file.drive else file.anchor
    return (file if shared == file.anchor else Path(os.path.relpath(file, folder))).as_posix()
