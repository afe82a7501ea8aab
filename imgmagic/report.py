"""`%imgmagic report FILE.html`: a history as one page that can be mailed, printed, and read anywhere.

The page is static: no script, no font, nothing that is fetched; a policy in its head forbids it to load anything.
Every picture is there as a preview, small enough that ten of them stay below 300 kB, with the picture that it was made
from in front of it, its words in full, what was asked for, who made it and what that cost. How it looks is said in
``templates/report.html``; this module says what is on it.

Previews are made on several threads, since decoding, shrinking and encoding let go of the interpreter.
"""

from __future__ import annotations

import base64
import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgmagic import __version__, render
from imgmagic.errors import CellError, HistoryError, ImageError, printable
from imgmagic.gallery import marks
from imgmagic.parts import Html, Parts, joined

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from imgmagic.formats import Preview
    from imgmagic.picture import Generation, Picture
    from imgmagic.studio import Studio
    from imgmagic.tree import History

# Bytes a picture: base64 makes 4/3 of them, which is 27 kB; what is left of 30 kB is for the words.
_PX, _BYTES = 512, 17_000
_BEFORE_PX, _BEFORE_BYTES = 176, 3_500
_WORKERS = 4
_MAX_VALUE = 300

#: Parameters that are said elsewhere on the page.
_ELSEWHERE = {"n", "size", "model"}


def report(studio: Studio, rest: str) -> dict[str, Any]:
    """Write the report of this session's pictures, or with ``--all`` of the folder's, and say where it is.

    Raises
    ------
    CellError
        If no file is named.
    HistoryError
        If there are no pictures, or the file cannot be written.
    """
    words = rest.split()
    everything = "--all" in words
    name = " ".join(word for word in words if word != "--all").strip("\"'")
    if not name or name.startswith("--"):
        raise CellError("Report to which file?", hint="`%imgmagic report pictures.html`; --all takes the whole folder.")
    path, shown = write(studio.history, name, everything=everything)
    text = f"{path}: {_many(shown, 'picture')}, {path.stat().st_size / 1e3:,.0f} kB; any browser shows it."
    return {"text/html": render.note(text), "text/plain": text}


def write(history: History, name: str | Path, *, everything: bool = False) -> tuple[Path, int]:
    """Write a report.

    Parameters
    ----------
    history
        Whose pictures.
    name
        The file; ``.html`` is added where it is missing, and one that is there is replaced.
    everything
        Whether all pictures of the folder are shown, not only those of the session and what they were made from.

    Returns
    -------
    tuple of Path and int
        The file, and how many pictures are on it.

    Raises
    ------
    HistoryError
        If there are no pictures, or the file cannot be written.
    """
    page = Page(history, history.all if everything else _with_ancestors(history))
    if not page.pictures:
        raise HistoryError("There is nothing to report yet.", hint="`--all` takes the pictures of all notebooks here.")
    target = Path(name).expanduser()
    if target.suffix.lower() not in {".html", ".htm"}:
        target = target.with_name(f"{target.name}.html")
    _write(target, page.html)
    return target, len(page.pictures)


def _with_ancestors(history: History) -> list[Picture]:
    """Give the session's pictures, and what they were made from in other sessions."""
    found: dict[int, Picture] = {}
    for picture in history:
        at: Picture | None = picture
        while at is not None and at.number not in found:
            found[at.number] = at
            at = at.parent
    return [found[number] for number in sorted(found)]


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as exc:
        temporary.unlink(missing_ok=True)
        raise HistoryError(f"{printable(str(path))} cannot be written ({exc.strerror}).") from exc


@dataclass(frozen=True)
class Page:
    """What is on the page.

    Parameters
    ----------
    history
        Whose pictures.
    pictures
        By number.
    """

    history: History
    pictures: Sequence[Picture]

    @cached_property
    def html(self) -> Html:
        """The whole page."""
        with self.history.together():
            return self._filled()

    def _filled(self) -> Html:
        title = f"Pictures of {Path(self.history.session).name}"
        return self._parts.fill(
            "page",
            title=printable(title, 120),
            version=__version__,
            lead=self._lead(),
            sums=joined([self._parts.fill("sum", name=name, value=value) for name, value in self._sums()]),
            engines=joined([self._parts.fill("engine", **row) for row in self._engines()]),
            tree=joined([*self._tree()]),
            pictures=joined([self._picture(each) for each in self.pictures]),
        )

    # --- looked up once ---

    @cached_property
    def _parts(self) -> Parts:
        return Parts("report.html")

    @cached_property
    def _made(self) -> dict[int, Generation]:
        """The calls, by key, in the order in which they were answered."""
        return {each.generation.id: each.generation for each in self.pictures}

    @cached_property
    def _shown(self) -> dict[int, Picture]:
        return {each.number: each for each in self.pictures}

    @cached_property
    def _labels(self) -> Mapping[int, str]:
        return {number: name for name, number in self.history.labels.items()}

    @cached_property
    def _forgotten(self) -> Mapping[int, Any]:
        return self.history.forgotten()

    @cached_property
    def _stale(self) -> frozenset[int]:
        return self.history.stale

    @cached_property
    def _previews(self) -> dict[int, Preview | None]:
        with ThreadPoolExecutor(min(_WORKERS, os.cpu_count() or 1)) as pool:
            return dict(zip((each.number for each in self.pictures), pool.map(_preview, self.pictures), strict=True))

    @cached_property
    def _before(self) -> dict[int, Preview | None]:
        """The small pictures that stand before what was made from them, by number."""
        parents = {each._parent for each in self.pictures} & self._previews.keys()
        return {number: _smaller(self._previews[number]) for number in parents if number is not None}

    # --- the head ---

    def _lead(self) -> str:
        first, last = (f"{each.created.astimezone():%d %B %Y}" for each in (self.pictures[0], self.pictures[-1]))
        return f"Made on {first}." if first == last else f"Made from {first} to {last}."

    def _sums(self) -> Iterator[tuple[str, str]]:
        made = self._made.values()
        roots = sum(each._parent is None for each in self.pictures)
        yield "pictures", str(len(self.pictures))
        yield "roots", str(roots)
        yield "calls", str(sum(bool(each.engine) for each in made))
        yield "cost", _dollars([*made])
        yield "time waited", _duration(sum(each.seconds for each in made))

    def _engines(self) -> Iterator[dict[str, object]]:
        groups: dict[str, list[Generation]] = {}
        for each in self._made.values():
            groups.setdefault(_engine(each), []).append(each)
        for name, made in groups.items():
            ids = {each.id for each in made}
            pictures = sum(each.generation.id in ids for each in self.pictures)
            cost = _dollars(made) if made[0].engine else ""
            yield {"name": name, "calls": len(made) if made[0].engine else "", "pictures": pictures, "cost": cost}

    # --- the tree ---

    def _tree(self) -> Iterator[Html]:
        """Give the tree as nested lists: what follows one after the other is one list, each branch one of its own.

        A stack of what is still to be written, since a tree can be deeper than Python's calls may be.
        """
        children = self._children()
        todo: list[int | str] = [
            each for root in reversed(children[None]) for each in ("</li>", root, '<li class="root">')
        ]
        while todo:
            at = todo.pop()
            if isinstance(at, str):
                yield Html(at)
                continue
            yield self._node(at)
            below = children.get(at, [])
            if len(below) == 1:
                todo += [below[0], "</li><li>"]
            elif below:
                strands = (each for child in reversed(below) for each in ("</li></ol></li>", child, "<li><ol><li>"))
                todo += ["</ul>", *strands, "<ul>"]

    def _children(self) -> dict[int | None, list[int]]:
        """Give the numbers below each number, what is forgotten included where something hangs on it."""
        above: dict[int, int | None] = {}
        shown, todo = self._shown, list(self._shown)
        while todo:
            number = todo.pop()
            if number in above:
                continue
            picture = shown.get(number)
            parent = (
                self._forgotten[number]["parent"] if picture is None else picture._parent or picture.forgotten_parent
            )
            known = parent in shown or parent in self._forgotten
            above[number] = parent if known else None
            todo += [parent] if known and parent is not None else []
        children: dict[int | None, list[int]] = {None: []}
        for number in sorted(above):
            children.setdefault(above[number], []).append(number)
        return children

    def _node(self, number: int) -> Html:
        if number in self._forgotten:
            return self._parts.fill("lost", number=number)
        picture = self._shown[number]
        words = printable(picture.prompt, 90) or "its words are forgotten"
        text = f"{self._labels[number]} · {words}" if number in self._labels else words
        return self._parts.fill("node", number=number, text=text, marks=self._marks(picture))

    # --- one picture ---

    def _picture(self, picture: Picture) -> Html:
        fill, number = self._parts.fill, picture.number
        made = picture.generation
        lang = render.language(picture.prompt)
        typed = fill("typed", text=made.typed) if made.typed not in {made.prompt, ""} else ""
        return fill(
            "picture",
            number=number,
            label=self._labels.get(number, ""),
            made=self._how(picture),
            marks=self._marks(picture),
            lang=fill("lang", code=lang) if lang else "",
            prompt=picture.prompt or "Its words are forgotten.",
            typed=typed,
            figures=joined([*self._figures(picture)]),
            facts=joined([fill("fact", name=name, value=value) for name, value in self._facts(picture)]),
            said=fill("said", text=made.caption) if made.caption else "",
        )

    def _marks(self, picture: Picture) -> Html:
        words = marks(picture, self._stale, self.history.cursor)
        return Html("".join(self._parts.fill("mark", word=word, kind=word) for word in words))

    def _how(self, picture: Picture) -> Html:
        """Say in words where it came from."""
        if picture.forgotten_parent is not None:
            return Html(f"made from #{picture.forgotten_parent}, which is forgotten")
        if picture._parent is None:
            return Html("brought in" if picture.operation == "import" else "imagined")
        return Html(f"made from {self._parts.fill('link', number=picture._parent)}")

    def _figures(self, picture: Picture) -> Iterator[Html]:
        parent = picture._parent
        if parent is not None and parent in self._before:
            yield self._figure(self._before[parent], f"before: picture #{parent}", f"before: #{parent}")
        alt = printable(picture.generation.alt, 600) or f"picture #{picture.number}"
        name = f"after: #{picture.number}" if parent is not None else f"#{picture.number}"
        yield self._figure(self._previews[picture.number], alt, name)

    def _figure(self, preview: Preview | None, alt: str, caption: str) -> Html:
        if preview is None:
            return self._parts.fill("damaged", caption=caption)
        width, height = preview.size
        data = Html(base64.b64encode(preview.data).decode())
        fields = {"mime": preview.mime, "alt": alt, "width": width, "height": height, "caption": caption}
        return self._parts.fill("figure", data=data, **fields)

    def _facts(self, picture: Picture) -> Iterator[tuple[str, str]]:
        """Give what was asked for, and how it was answered."""
        made, (width, height) = picture.generation, picture.size
        yield "size", f"{width} × {height} px"
        for name, value in picture.params.items():
            if name not in _ELSEWHERE and value not in (None, "", []):
                yield name.replace("_", " "), _value(value)
        sent = [row["role"] for row in self.history.inputs(picture) if row["role"] != "source"]
        if sent:
            yield "sent along", ", ".join(_many(sent.count(role), role) for role in dict.fromkeys(sent))
        if made.engine:
            yield "engine", _engine(made)
            yield "cost", _cost(picture, made)
            yield "took", f"{made.seconds:.1f} s"
        if made.usage is not None:
            usage = made.usage
            yield "tokens", f"{usage.text_in:,} words, {usage.image_in:,} images in, {usage.out:,} out"
        yield "stored", f"{made.created.astimezone():%Y-%m-%d %H:%M}"


# --- values in words ---


def _preview(picture: Picture) -> Preview | None:
    """Shrink a picture; a damaged one is no reason not to report the others."""
    try:
        return picture.preview(_PX, _BYTES)
    except (HistoryError, ImageError):
        return None


def _smaller(preview: Preview | None) -> Preview | None:
    from imgmagic import images

    return preview and images.preview(images.decode(preview.data), _BEFORE_PX, _BEFORE_BYTES)


def _engine(made: Generation) -> str:
    if not made.engine:
        return "brought in"
    return "the built-in sketch engine" if made.engine == "sketch" else f"{made.engine}/{made.model}".rstrip("/")


def _cost(picture: Picture, made: Generation) -> str:
    """Say what a picture cost: its share of the call's."""
    cost = picture.cost_usd
    if cost is None:
        return "unknown"
    if made.cost_as:
        return f"≈${cost:.3f} ({'' if made.cost_as == 'estimated' else 'as '}{made.cost_as})"
    return f"${cost:.3f}" if cost else "nothing"


def _dollars(made: Sequence[Generation]) -> str:
    """Sum what calls cost, as far as it is known."""
    unknown = sum(each.cost_usd is None for each in made)
    total = f"${sum(each.cost_usd or 0 for each in made):.2f}"
    return f"{total} + {unknown} unknown" if unknown else total


def _duration(seconds: float) -> str:
    minutes = int(seconds // 60)
    return f"{minutes} min {seconds - 60 * minutes:.0f} s" if minutes else f"{seconds:.0f} s"


def _value(value: object) -> str:
    said = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    return printable(said, _MAX_VALUE)


def _many(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
