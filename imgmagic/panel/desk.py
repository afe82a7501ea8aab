"""What the front end may ask, and what it is answered. No widget here: messages in, values and bytes out.

Everything that comes in is checked before it is used: the kinds of question are a table, numbers are numbers, texts and
buffers have a limit. Everything that goes out is data; the front end shows it as text.

The tree travels once, as columns, when the front end opens; after that only what has changed since. Thumbnails and
pictures are asked for one by one, so that no answer takes long and whatever has scrolled away is never made.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from imgmagic import images, recipe
from imgmagic.errors import HistoryError, ImageError, printable
from imgmagic.formats import sniff
from imgmagic.gallery import PREVIEW_BYTES, Shown
from imgmagic.panel import copying, modules
from imgmagic.panel.jobs import Jobs
from imgmagic.prepare import Wishes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from imgmagic.database import Row
    from imgmagic.picture import Picture
    from imgmagic.studio import Studio

    #: What is sent back: content that is JSON, and buffers.
    Answer = tuple[dict[str, Any], Sequence[bytes]]
    Push = Callable[[dict[str, Any], Sequence[bytes]], None]

#: The most bytes of a picture that is brought in; what the services take, too.
MAX_UPLOAD = 50_000_000
MAX_MASK = 20_000_000
#: The most bytes of all that comes with one message.
MAX_TOGETHER = 8 * MAX_UPLOAD
#: The name of the mask that is kept for the next instruction.
PAINTED = "painted"
#: A thumbnail: twice what is drawn, for screens with small pixels.
THUMB_PX, THUMB_BYTES = 176, 9_000
_MAX_WORDS = 500
_MAX_PROMPT = 40_000
_VIEW_BYTES = 400_000
_VIEW_PX = (64, 2048)


class Desk:
    """Answers one panel.

    Parameters
    ----------
    studio
        Whose history it is about.
    push
        Sends a message to the front end that answers nothing.
    """

    def __init__(self, studio: Studio, push: Push) -> None:
        self._studio, self._push = studio, push
        self._history = studio.history
        self._jobs = Jobs(studio, push)
        self._lock = threading.RLock()
        self._views = 0
        self._last = 0
        self._total = 0
        self._told: dict[str, Any] = {}
        self._kinds: Mapping[str, Callable[[dict[str, Any], Sequence[bytes]], Answer]] = {
            "code": lambda _ask, _parts: (modules.code(), ()),
            "open": self._open,
            "bye": self._bye,
            "find": self._find,
            "thumb": self._thumb,
            "look": self._look,
            "view": self._view,
            "original": self._original,
            "pick": self._pick,
            "undo": lambda _ask, _parts: self._moved(self._history.undo),
            "redo": lambda _ask, _parts: self._moved(self._history.redo),
            "label": self._label,
            "star": self._star,
            "code of": self._script,
            "compare": self._compare,
            "upload": self._upload,
            "mask": self._mask,
            "refine": self._refine,
            "retake": self._retake,
            "stop": self._stop,
        }

    def answer(self, ask: Any, buffers: Sequence[Any]) -> Answer:
        """Answer a question.

        Parameters
        ----------
        ask
            What the front end sent: a dict whose ``ask`` is the kind of question.
        buffers
            What came with it.

        Raises
        ------
        ImgmagicError
            If it cannot be answered; the text is for the person at the panel.
        """
        kind = ask.get("ask") if isinstance(ask, dict) else None
        if not isinstance(kind, str) or kind not in self._kinds:
            raise HistoryError(f"The panel asked for something unknown: {printable(repr(kind), 60)}.")
        if sum(memoryview(each).nbytes for each in buffers) > MAX_TOGETHER:
            raise ImageError(f"More than {MAX_TOGETHER:,} bytes came at once.")
        return self._kinds[kind](ask, [bytes(each) for each in buffers])

    def follow(self) -> None:
        """Tell the front end what has changed since it was last told; nothing if nobody looks."""
        with self._lock:
            if not self._views:
                return
            rows = self._history.overview(after=self._last)
            # Another kernel may have taken pictures away: then what the front end has is wrong, not only old.
            whole = self._total + len(rows) != self._history.total
            news = self._changed(self._history.overview() if whole else rows, whole=whole)
            if news:
                self._push({"news": "tree", "whole": whole, **news}, ())

    # --- the tree ---

    def _open(self, _ask: dict[str, Any], _parts: Sequence[bytes]) -> Answer:
        with self._lock:
            self.follow()  # what other views of the panel do not know yet, they would never be told
            self._views += 1
            self._told = {}
            said = self._changed(self._history.overview(), whole=True, all_of_it=False)
            return {**said, "job": self._jobs.running}, ()

    def _bye(self, _ask: dict[str, Any], _parts: Sequence[bytes]) -> Answer:
        with self._lock:
            self._views = max(0, self._views - 1)
        return {}, ()

    def _changed(self, rows: list[Row], *, whole: bool, all_of_it: bool = True) -> dict[str, Any]:
        """Give what the front end does not know yet, and take it as told.

        Not all of it leaves out what takes long to find in a large tree; whoever wants a first sight must not wait.
        """
        state = self._state() | ({"stale": sorted(self._history.stale)} if all_of_it else {})
        news = {name: value for name, value in state.items() if name not in self._told or self._told[name] != value}
        self._told = state
        if rows or whole:
            self._last = max((row["number"] for row in rows), default=0 if whole else self._last)
            self._total = len(rows) if whole else self._total + len(rows)
            news["columns"] = _columns(rows)
        return news

    def _state(self) -> dict[str, Any]:
        history = self._history
        return {
            "current": history.cursor,
            "undo": history.can_undo,
            "redo": history.can_redo,
            "labels": {str(number): printable(str(name), 80) for name, number in history.labels.items()},
            "stars": sorted(history.stars),
            "replayed": sorted(history.replays),
            "masks": [printable(str(name), 80) for name in self._studio.masks],
        }

    def _find(self, ask: dict[str, Any], _parts: Sequence[bytes]) -> Answer:
        return {"numbers": self._history.found(_text(ask, "words", _MAX_WORDS))}, ()

    def _thumb(self, ask: dict[str, Any], _parts: Sequence[bytes]) -> Answer:
        picture = self._asked_for(ask)
        try:
            small = picture.preview(THUMB_PX, THUMB_BYTES, of=(Shown().preview_px, PREVIEW_BYTES))
        except (HistoryError, ImageError):
            return {"damaged": True}, ()
        return {"mime": small.mime}, (small.data,)

    # --- one picture ---

    def _look(self, ask: dict[str, Any], _parts: Sequence[bytes]) -> Answer:
        return copying.described(self._studio, self._asked_for(ask)), ()

    def _view(self, ask: dict[str, Any], _parts: Sequence[bytes]) -> Answer:
        """Give a picture as large as it is shown; a small one as it is, so that nothing is lost on the way."""
        picture = self._asked_for(ask)
        side = min(max(_whole(ask, "side"), _VIEW_PX[0]), _VIEW_PX[1])
        data = picture.bytes
        if len(data) <= _VIEW_BYTES and max(picture.size) <= side:
            return {"mime": f"image/{picture.format}", "size": list(picture.size), "whole": True}, (data,)
        small = images.preview(images.decode(data), side, _VIEW_BYTES)
        return {"mime": small.mime, "size": list(picture.size), "whole": False}, (small.data,)

    def _original(self, ask: dict[str, Any], _parts: Sequence[bytes]) -> Answer:
        picture = self._asked_for(ask)
        return {"mime": f"image/{picture.format}", "size": list(picture.size), "whole": True}, (picture.bytes,)

    def _script(self, ask: dict[str, Any], _parts: Sequence[bytes]) -> Answer:
        return {"text": recipe.program(self._studio, self._asked_for(ask))}, ()

    def _compare(self, ask: dict[str, Any], _parts: Sequence[bytes]) -> Answer:
        return {"text": self._history.compare(_whole(ask, "before"), self._asked_for(ask)).sentence}, ()

    # --- moves and marks ---

    def _pick(self, ask: dict[str, Any], _parts: Sequence[bytes]) -> Answer:
        return self._moved(lambda: self._history.pick(self._asked_for(ask)))

    def _label(self, ask: dict[str, Any], _parts: Sequence[bytes]) -> Answer:
        """Name a picture; no name takes its label away."""
        picture, name = self._asked_for(ask), _text(ask, "label", _MAX_WORDS)
        return self._moved(lambda: self._history.label(picture, name) if name else self._history.unlabel(picture))

    def _star(self, ask: dict[str, Any], _parts: Sequence[bytes]) -> Answer:
        return self._moved(lambda: self._history.star(self._asked_for(ask), ask.get("on") is True))

    def _moved(self, move: Callable[[], object]) -> Answer:
        """Make a move; the history tells every panel what it has changed, this one too."""
        move()
        return {}, ()

    # --- what is brought and made ---

    def _upload(self, ask: dict[str, Any], parts: Sequence[bytes]) -> Answer:
        data = _buffer(parts, MAX_UPLOAD)
        images.decode(data)
        name = printable(_text(ask, "name", 1000), 80)
        picture = self._history.pick(self._history.take_in(data, name or "a picture"))
        return {"number": picture.number}, ()

    def _mask(self, ask: dict[str, Any], parts: Sequence[bytes]) -> Answer:
        """Keep a painted mask, under a name or for the next instruction."""
        picture, data = self._asked_for(ask), _buffer(parts, MAX_MASK)
        name = _text(ask, "name", _MAX_WORDS) or PAINTED
        _check_mask(data, picture)
        copying.check_mask_name(name)
        self._studio.masks[name] = data
        self.follow()
        return {"name": name}, ()

    def _refine(self, ask: dict[str, Any], parts: Sequence[bytes]) -> Answer:
        picture = self._asked_for(ask)
        masked = ask.get("mask") is True
        if masked and PAINTED not in self._studio.masks:
            raise HistoryError("No mask is kept: paint one first.")
        for each in parts:
            images.decode(_buffer([each], MAX_UPLOAD))
        wishes = Wishes(
            n=_whole(ask, "n"),
            size=_text(ask, "size", 20) or None,
            quality=_text(ask, "quality", 20) or None,
            mask=f"name:{PAINTED}" if masked else None,
            soft=masked and ask.get("soft") is True,
            images=tuple(parts),
        )
        self._jobs.refine(picture, _text(ask, "prompt", _MAX_PROMPT), wishes)
        return {}, ()

    def _retake(self, ask: dict[str, Any], _parts: Sequence[bytes]) -> Answer:
        self._jobs.retake(self._asked_for(ask))
        return {}, ()

    def _stop(self, _ask: dict[str, Any], _parts: Sequence[bytes]) -> Answer:
        self._jobs.stop()
        return {}, ()

    def _asked_for(self, ask: dict[str, Any]) -> Picture:
        number = _whole(ask, "number")
        if number < 1:  # negative ones count from the end of the session, which no front end means
            raise HistoryError(f"There is no picture #{number}.")
        return self._history[number]


def _columns(rows: list[Row]) -> dict[str, Any]:
    """Give rows as columns, which say every name once. The folder is foreign: what is no number is none."""
    made_by = [str(row["engine"]) or "imported" for row in rows]
    engines = sorted(set(made_by))
    place = {name: index for index, name in enumerate(engines)}
    return {
        "number": [row["number"] for row in rows],
        "parent": [row["parent"] if isinstance(row["parent"], int) else 0 for row in rows],
        "engines": [printable(name, 40) for name in engines],
        "engine": [place[name] for name in made_by],
        "prompt": [str(row["prompt"]) for row in rows],
    }


def _whole(ask: dict[str, Any], name: str) -> int:
    value = ask.get(name)
    if type(value) is not int or abs(value) >= 2**53:
        raise HistoryError(f"The panel's '{name}' is no whole number: {printable(repr(value), 60)}.")
    return value


def _text(ask: dict[str, Any], name: str, limit: int) -> str:
    value = ask.get(name, "")
    if not isinstance(value, str):
        raise HistoryError(f"The panel's '{name}' is no text.")
    if len(value) > limit:
        raise HistoryError(f"The panel's '{name}' has {len(value):,} characters; at most {limit:,} are taken.")
    return value


def _buffer(parts: Sequence[bytes], limit: int) -> bytes:
    if len(parts) != 1:
        raise ImageError(f"One picture was expected; {len(parts)} came.")
    if len(parts[0]) > limit:
        raise ImageError(f"The picture has {len(parts[0]):,} bytes; at most {limit:,} are taken.")
    return parts[0]


def _check_mask(data: bytes, picture: Picture) -> None:
    """Refuse what would not do as a mask of a picture."""
    if sniff(data) != "png" or images.dimensions(data) != picture.size:
        width, height = picture.size
        raise ImageError(f"A mask of #{picture.number} is a PNG of {width}x{height} px.")
    if "A" not in images.decode(data).getbands():
        raise ImageError("The mask has no alpha channel: alpha 0 says where to edit.")
