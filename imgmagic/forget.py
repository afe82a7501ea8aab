"""`%imgmagic forget REF`: a picture, its words and what was sent along with them go for good.

The one thing here that deletes, so it says first what goes and what stays, and wants the number typed. What goes: the
picture's bytes (what the engine sent, previews), the words and settings of the call that made it, the references and
masks that went with them, its label, and its place in the recordings that were made here. What stays: its number,
which is never given again, what the call cost, and the pictures that were made from it; their parent is "forgotten".
Pictures of the same answer stay too, without their words.

Rows go first, then files: a crash in between leaves a file that `prune` removes, never a picture without its bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imgmagic import render
from imgmagic.errors import CellError, HistoryError, printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imgmagic.database import Row
    from imgmagic.picture import Picture
    from imgmagic.recording import Recording
    from imgmagic.studio import Studio
    from imgmagic.tree import History

_USAGE = "`%imgmagic forget REF`; `--inputs` also takes what was sent along away from other pictures' calls."


@dataclass(frozen=True, slots=True)
class Plan:
    """What forgetting a picture does.

    Parameters
    ----------
    picture
        Which.
    digests
        Of the bytes that no picture and no input is to name any more.
    files
        Those, and what else may not be needed any more: digest and format.
    ours
        The recordings that are written anew without it.
    lines
        What goes and what stays, in words.
    """

    picture: Picture
    digests: frozenset[str]
    files: frozenset[tuple[str, Any]]
    ours: tuple[Recording, ...]
    lines: tuple[str, ...]


def forget(studio: Studio, rest: str) -> dict[str, Any]:
    """Forget a picture, once its number has been typed.

    Raises
    ------
    CellError
        If the number was not typed.
    HistoryError
        If there is no such picture, or a call is still on its way.
    """
    ref, inputs, yes = _said(rest)
    picture = studio.history.find(ref)
    if studio.busy:
        raise HistoryError("A call is still on its way: what it brings might stand on what is forgotten.", hint=_WAIT)
    plan = planned(studio, picture, inputs=inputs)
    _confirm(plan, yes)
    carry_out(studio.history, plan)
    lines = [f"#{picture.number} is forgotten.", *plan.lines[1:], _NOTEBOOK]
    return {"text/html": render.page([], lines), "text/plain": "\n".join(lines)}


def planned(studio: Studio, picture: Picture, *, inputs: bool = False) -> Plan:
    """Find out what goes with a picture, and what stays.

    Parameters
    ----------
    studio
        Its history, and the recordings in view.
    picture
        Which.
    inputs
        Whether references and masks go that other calls were sent too.
    """
    history = studio.history
    own = _own(picture)
    given = {(row["file"], row["format"]) for row in history.inputs(picture) if row["file"] and _extra(row)}
    others = [each for each in history.all if each != picture]
    kept = {digest for each in others for digest, _ in _own(each)}
    digests = frozenset(digest for digest, _ in (own | given if inputs else own)) - kept
    uid = picture.generation.uid
    found = {book: book.holding(uid, digests | {picture.digest}) for book in studio.recall.recordings()}
    holding = [book for book, uids in found.items() if uids]
    # What somebody else has recorded is theirs; so is a file that lies elsewhere.
    ours = tuple(book for book in holding if history.made_here(found[book]) and studio.beside(book.path))
    lines = [
        f"Forgetting #{picture.number} ({_quoted(picture)}): the picture, its words and what was sent along.",
        *_same_answer(history, picture),
        *_made_from_it(history, picture),
        *_same_words(history, picture),
        *_same_bytes(picture, others),
        *_sent_elsewhere(history, picture, {digest for digest, _ in given} - digests),
        *(f"{each.path.name} is written anew without it." for each in ours),
        *(
            f"{each.path} still holds it, and is left as it is: delete it if it is yours."
            for each in holding
            if each not in ours
        ),
    ]
    return Plan(picture, digests, frozenset(own | given), ours, tuple(lines))


def carry_out(history: History, plan: Plan) -> None:
    """Forget a picture; afterwards nothing in the folder holds its words or, but for what the plan says, its bytes."""
    history.forget(plan.picture, sorted(plan.digests))
    needed = history.needed()
    named = {each.stem for each in needed}
    for digest, kind in plan.files:
        path = history.store.path(digest, kind)
        if path not in needed:
            path.unlink(missing_ok=True)
        if digest not in named:
            history.previews.forget(digest)
    for book in plan.ours:
        book.drop(plan.picture.generation.uid, plan.digests)
    history.compact()


# --- the words of the line ---


def _said(rest: str) -> tuple[str, bool, str | None]:
    """Read REF, --inputs and --yes N."""
    words, inputs, yes, refs = rest.split(), False, None, []
    while words:
        word = words.pop(0)
        if word == "--inputs":
            inputs = True
        elif word == "--yes" and words:
            yes = words.pop(0)
        elif word.startswith("--"):
            raise CellError(f"%imgmagic forget has no {printable(word, 40)} alone.", hint=f"{_USAGE} {_SAY_YES}")
        else:
            refs.append(word)
    if len(refs) != 1:
        raise CellError("Forget which picture?", hint=_USAGE)
    return refs[0], inputs, yes


def _confirm(plan: Plan, yes: str | None) -> None:
    """Have the number typed.

    Raises
    ------
    CellError
        If it is another one, or nobody is there to type it.
    """
    number = plan.picture.number
    typed = yes if yes is not None else _typed([*plan.lines, f"Type {number} to forget #{number}: "])
    if typed is None:
        said = "\n".join(plan.lines)
        hint = f"{said}\nIf that is what you want: `%imgmagic forget {number} --yes {number}`"
        raise CellError("Nothing was forgotten: nobody can be asked here.", hint=hint)
    if typed.strip().removeprefix("#") != str(number):
        raise CellError(f"Nothing was forgotten: '{printable(typed, 40)}' is not {number}.")


def _typed(lines: Iterable[str]) -> str | None:
    """Ask; None where nobody can answer. `input` is looked up now: a kernel puts its own there while a cell runs."""
    try:
        return input("\n".join(lines))
    except (NotImplementedError, EOFError):
        return None


_SAY_YES = "`--yes NUMBER` confirms where nobody can type."
_WAIT = "Wait for it, or stop it with `%imgmagic stop`."
_NOTEBOOK = (
    "What a notebook has saved is not touched: clear the outputs, and the words of the cell, where they show it. "
    "IPython's own history keeps the cells that were typed. What was published, or committed, is out there still."
)


# --- what goes and what stays ---


def _own(picture: Picture) -> set[tuple[str, Any]]:
    """Give the files of a picture: what is shown, and what the engine sent."""
    return {(picture.file, picture.format), *([picture._original] if picture._original else [])}


def _extra(row: Row) -> bool:
    """Tell whether an input is no picture of the history, which is forgotten by its own number."""
    return row["role"] != "source" or row["picture"] is None


def _quoted(picture: Picture) -> str:
    return render.quoted(picture.prompt) if picture.prompt else "its words are forgotten already"


def _names(numbers: Iterable[int]) -> str:
    return ", ".join(f"#{number}" for number in sorted(numbers))


def _same_answer(history: History, picture: Picture) -> list[str]:
    stay = [each.number for each in history.siblings(picture) if each != picture]
    return [f"Of the same answer and kept, without the words: {_names(stay)}."] if stay else []


def _made_from_it(history: History, picture: Picture) -> list[str]:
    stay = [each.number for each in history.children(picture)]
    return [f"Made from it and kept: {_names(stay)}. Look whether they still show it."] if stay else []


def _same_words(history: History, picture: Picture) -> list[str]:
    """Name what was made with the same words, which are kept there."""
    made = picture.generation
    stay = [number for number in history.said(made.typed, made.prompt) if history[number].generation.id != made.id]
    return [f"The same words are kept with {_names(stay)}: forget them too."] if stay else []


def _same_bytes(picture: Picture, others: Iterable[Picture]) -> list[str]:
    stay = [each.number for each in others if {digest for digest, _ in _own(each)} & {d for d, _ in _own(picture)}]
    return [f"Exactly the same picture is kept as {_names(stay)}: forget it too."] if stay else []


def _sent_elsewhere(history: History, picture: Picture, digests: set[str]) -> list[str]:
    """Say what was sent along with other calls too, and stays for them."""
    users = history.sent_with(digests) - {picture.generation.id}
    if not users:
        return []
    numbers = [each.number for each in history.all if each.generation.id in users]
    return [f"What was sent along went with {_names(numbers)} too, and is kept there: --inputs takes it away."]
