"""The magics: parse, call, hand back. IPython only; nothing here decides anything about pictures.

Loading registers names and does no I/O: the libraries come with the first cell that needs them. Every magic call owns
one display handle, which shows that it waits, then the pictures; `clear_output` is never used, since it would wipe what
the user's own code has shown. The call also returns its gallery, which knows that the running cell has shown it.
"""

from __future__ import annotations

import inspect
import threading
import warnings
from collections import ChainMap
from copy import deepcopy
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class, needs_local_scope, no_var_expand
from traitlets import Any as AnyTrait

from imgmagic import kernel
from imgmagic.cell import CellArgs, parse, usage
from imgmagic.completion import SUBCOMMANDS, matcher
from imgmagic.errors import CellError, ImageError, SettingsError, printable
from imgmagic.exchange import DEFAULTS, Operation
from imgmagic.syntax import LineMagics, one_line_cells
from imgmagic.template import expand

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from IPython.core.interactiveshell import InteractiveShell

    from imgmagic.gallery import Gallery
    from imgmagic.images import Preview
    from imgmagic.picture import Picture
    from imgmagic.prepare import Wishes
    from imgmagic.studio import Studio

_NAME = "ImgMagic"
_TERMINAL_PATIENCE = 2  # the first line comes at once, the second after half a second
_PARTIAL_PX, _PARTIAL_BYTES = 384, 40_000


@dataclass(slots=True)
class _Execution:
    """One run of a cell: its id, what was current when it began, and how many calls it has made so far."""

    cell_id: str | None = None
    start: int | None = None
    calls: int = 0
    rollbacks: int = 0


class _Spot:
    """The place in a cell's output that one call owns.

    A call that was interrupted may still settle it from its own thread, so what is final is guarded by a lock.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._live = hasattr(shell, "kernel")
        # Now, not when there is something to show: by then a later cell may be capturing what is its own.
        self._publisher = shell.display_pub
        self._place = uuid4().hex
        self._shown = False
        self._told = 0
        self._partial: Preview | None = None
        self._settled = False
        self._lock = threading.RLock()

    def wait(self, line: str, partial: bytes | None) -> None:
        """Say what is waited for. A terminal cannot replace what it has printed: there it is one line, and no more."""
        with self._lock:
            self._told += 1
            self._partial = _preview(partial) or self._partial
            if self._settled:
                return
            if self._live:
                self._show(_waiting(line, self._partial))
            elif self._told == _TERMINAL_PATIENCE:
                self._show({"text/plain": line})

    def fail(self, line: str) -> None:
        """Leave one line where the call was waiting; in a terminal the error says enough."""
        with self._lock:
            if self._live and self._shown and not self._settled:
                self._show(_line(line))

    def settle(self, bundle: dict[str, Any]) -> None:
        """Show what stays."""
        with self._lock:
            self._settled = True
            self._show(bundle)

    def _show(self, bundle: dict[str, Any]) -> None:
        # Noted first: an interrupt in between must not make another place in some later cell.
        update, self._shown = self._shown and self._live, True
        self._publisher.publish(bundle, {}, transient={"display_id": self._place}, update=update)


def _trait(default: object, text: str) -> Any:
    """Make a setting. Its form is checked by the next call: traitlets would only log a bad value and go on."""
    return AnyTrait(default, help=text).tag(config=True)


@magics_class
class ImgMagic(Magics):
    """Pictures from words, and edits of pictures, cell by cell."""

    engine = _trait(None, "azure, openai, compatible or sketch; None lets the environment decide.")
    model = _trait(None, "Model, or deployment on Azure; None lets the environment decide.")
    size = _trait(DEFAULTS["size"], "Width x height in pixels of new pictures, or auto.")
    quality = _trait(DEFAULTS["quality"], "low, medium, high, auto, xhigh or max.")
    background = _trait(DEFAULTS["background"], "auto, transparent or opaque.")
    format = _trait(DEFAULTS["format"], "png, jpeg or webp.")
    prices = _trait(
        None, "Models or prices by deployment: {'my-dep': 'gpt-image-2'}, or US dollars per million tokens."
    )
    preview_px = _trait(512, "Longest edge in pixels of the previews in a notebook, 64 to 1024.")
    compare = _trait(True, "Whether a refine shows the picture before beside the one after.")
    timeout_s = _trait(600.0, "Longest silence in seconds that a service is granted.")
    retries = _trait(2, "How often a request is sent again where nothing can have been billed, 0 to 10.")
    partials = _trait("auto", "Unfinished pictures to show on the way, 0 to 3; auto: one at high quality or above.")
    budget_usd = _trait(10.0, "What the calls of one day may cost in US dollars, per folder.")
    dialect = _trait("auto", "How a compatible server speaks: auto asks it; or localai, sglang, vllm-omni, …")
    session = _trait(None, "Session to go on with; None takes the notebook's path. Read at the first call.")

    def __init__(self, shell: InteractiveShell) -> None:
        self._profile = deepcopy(dict.get(shell.config, _NAME))
        super().__init__(shell=shell)
        self._executions: list[_Execution] = []
        self._outside = _Execution()
        self._rolled_back: dict[tuple[str | None, int], tuple[str, int]] = {}

    # --- the magics ---

    @no_var_expand
    @needs_local_scope
    @line_cell_magic
    def imagine(self, line: str, cell: str | None = None, local_ns: Mapping[str, Any] | None = None) -> Any:
        return self._call("imagine", line, cell, local_ns)

    @no_var_expand
    @needs_local_scope
    @line_cell_magic
    def refine(self, line: str, cell: str | None = None, local_ns: Mapping[str, Any] | None = None) -> Any:
        return self._call("refine", line, cell, local_ns)

    @no_var_expand
    @line_magic
    def rollback(self, line: str) -> Any:
        """Go back to an ancestor of the current picture: `%rollback [REF]`, by default its parent.

        Nothing is deleted. Run again in its own cell, with no move in between, it stays where it is.
        """
        if _asks_for_help(line):
            return self._explain(self.rollback)
        return self._show(lambda studio: self._rollback(studio, line.strip() or "@~1"))

    @no_var_expand
    @line_magic
    def pick(self, line: str) -> Any:
        """Make any picture current: `%pick REF`. A REF is 7 or #7, a label, @~2, @start, or .2 (of the last result)."""
        if _asks_for_help(line):
            return self._explain(self.pick)
        if not line.strip():
            raise CellError("Which picture?", hint="`%pick 7`, `%pick hero`, or `%pick .2` for the second of the last.")
        return self._show(lambda studio: studio.history.pick(self._find(studio, line).number).number)

    @line_magic
    def images(self, line: str) -> None:
        """Show the panel: look at every picture, compare, paint, roll back.

        `%images --static` shows the whole tree as plain HTML, which needs no kernel afterwards.
        """
        word = line.strip()
        if _asks_for_help(line):
            self._explain(self.images)
            return
        if word not in {"", "--static"}:
            raise CellError(f"%images takes --static or nothing, not '{printable(word, 40)}'.")
        from imgmagic.panel import Panel, static

        studio = self._studio()
        outputs = [static.whole(studio.history)] if word else Panel(studio).outputs
        for bundle in outputs:
            _Spot(self.shell).settle(bundle)

    @no_var_expand
    @line_magic
    def imgmagic(self, line: str) -> None:
        """Show which engine answers, where it lives and where each value came from: `%imgmagic`.

        `%imgmagic check` lists what is damaged in the history's folder, `cost` what was spent, by day, model and cell;
        `doctor` tries everything that a call needs, without a picture being made;
        `stop` closes the connection of every call that is still on its way; `login` asks for a key and keeps it in the
        kernel, never in the notebook.
        """
        if _asks_for_help(line):
            self._explain(self.imgmagic)
            return
        word = line.strip()
        if word and word not in SUBCOMMANDS:
            hint = f"There is %imgmagic alone, and: {', '.join(SUBCOMMANDS)}."
            raise CellError(f"%imgmagic has no '{printable(word, 40)}'.", hint=hint)
        module, _, function = SUBCOMMANDS.get(word, "status.table").partition(".")
        shown = getattr(import_module(f"imgmagic.{module}"), function)(self._studio())
        _Spot(self.shell).settle(shown)

    # --- what they share ---

    def _explain(self, magic: Any) -> None:
        """Show a magic's own words about itself."""
        _Spot(self.shell).settle({"text/plain": inspect.getdoc(magic) or ""})

    def _call(self, operation: Operation, line: str, body: str | None, local_ns: Mapping[str, Any] | None) -> Any:
        """Run one imagine or refine, from its text to its pictures."""
        self._warn_of_a_key(f"{line}\n{body or ''}")
        names = ChainMap(dict(local_ns or {}), self.shell.user_ns)
        args = parse(operation, line, body, lambda text: expand(text, names))
        if args.help:
            _Spot(self.shell).settle({"text/plain": usage(operation)})
            return None
        spot, gallery = _Spot(self.shell), None
        try:
            gallery = self._made(args, spot)
            return None if gallery is None else self._shown(gallery, spot, args.output, args.save)
        except KeyboardInterrupt:
            if gallery is not None:  # it is there and current; only its showing was interrupted
                spot.settle(gallery.bundle)
            spot.fail(
                f"%{operation}: interrupted; a picture that still arrives is kept. `%imgmagic stop` closes the line"
            )
            raise
        except Exception:
            if gallery is None:
                spot.fail(f"%{operation}: nothing was made")
            raise

    def _warn_of_a_key(self, text: str) -> None:
        """Warn if a cell holds a key: the notebook, and IPython's own history, would keep it."""
        from imgmagic.login import quotes_key

        if quotes_key(text, kernel.studio().environment):
            warnings.warn("This cell contains your key: take it out, and have the key replaced.", stacklevel=2)

    def _made(self, args: CellArgs, spot: _Spot) -> Gallery | None:
        """Hand a call over to the studio; a dry run makes nothing."""
        from imgmagic import status
        from imgmagic.tree import CallSite

        studio = self._studio()
        source = self._source(studio, args)
        wishes = _wishes(args)
        if args.dry_run:
            spot.settle(status.plan(studio.plan(args.operation, args.prompt, wishes, source=source)))
            return None
        execution = self._execution
        site = CallSite(execution.cell_id, execution.calls)
        execution.calls += 1
        return studio.make(
            args.operation,
            args.prompt,
            wishes,
            source=source,
            typed=args.typed,
            site=site,
            tell=spot.wait,
            late=lambda outcome: spot.settle(_line(outcome) if isinstance(outcome, str) else outcome.bundle),
        )

    def _source(self, studio: Studio, args: CellArgs) -> Picture | None:
        """Give the picture that a refine edits; an imagine edits none."""
        if args.operation == "imagine":
            return None
        return self._find(studio, args.source) if args.source else studio.source(None)

    def _show(self, move: Callable[[Studio], int]) -> Gallery:
        """Move the cursor and show where it is."""
        studio = self._studio()
        return self._shown(studio.look(move(studio)), _Spot(self.shell))

    def _shown(self, gallery: Gallery, spot: _Spot, output: str | None = None, save: str | None = None) -> Gallery:
        """Show a gallery once: it keeps quiet for the rest of this execution. Only then may anything else fail."""
        spot.settle(gallery.bundle)
        shown_in = self._execution
        gallery.already_shown = lambda: self._execution is shown_in
        if output:
            self.shell.push({output: gallery[0] if len(gallery) == 1 else gallery})
        if save:
            self._studio().save(gallery, save)
        return gallery

    def _rollback(self, studio: Studio, ref: str) -> int:
        """Roll back, unless this very call did so and nothing has moved since: then stay."""
        history, execution = studio.history, self._execution
        place = (execution.cell_id, execution.rollbacks)
        execution.rollbacks += 1
        stays = execution.cell_id is not None and self._rolled_back.get(place) == (ref, history.moves)
        number = self._find(studio, "@" if stays else ref).number
        history.rollback(number)
        self._rolled_back[place] = (ref, history.moves)
        return number

    def _find(self, studio: Studio, ref: str) -> Picture:
        """Give the picture that a REF names in this execution."""
        return studio.history.find(ref, start=self._execution.start)

    def _studio(self) -> Studio:
        """Give the kernel's studio, after a look at `%config`."""
        studio = kernel.studio()
        studio.config = self._said
        if not studio.opened:
            studio.defaults  # noqa: B018  a bad setting should be known before the folder is touched
            for execution in [*self._executions, self._outside]:
                execution.start = studio.history.cursor
        return studio

    def _said(self) -> dict[str, Any]:
        """Give what `%config ImgMagic` or a profile has set; the rest is left to the environment.

        Raises
        ------
        SettingsError
            If an unknown name was set; once, since it cannot be taken back.
        """
        section: dict[str, Any] = dict.get(self.config, _NAME, {})
        known = self.trait_names(config=True)
        unknown = [name for name in section if name not in known]
        for name in unknown:
            del section[name]
        if unknown:
            raise SettingsError(
                f"%config ImgMagic has no '{printable(unknown[0], 40)}'.", hint=f"It has: {', '.join(sorted(known))}."
            )
        return {name: getattr(self, name) for name in section}

    # --- executions ---

    @property
    def _execution(self) -> _Execution:
        """The run of a cell that is under way; outside of any, one that stands for it."""
        return self._executions[-1] if self._executions else self._outside

    def _before_cell(self, info: Any) -> None:
        """Begin an execution; a nested one without an id (`%%capture`) belongs to the cell around it."""
        outer = self._executions[-1] if self._executions else None
        cell_id = getattr(info, "cell_id", None) or (outer.cell_id if outer else None)
        studio = kernel.opened()
        start = studio.history.cursor if studio else None
        self._executions.append(_Execution(cell_id, start))

    def _after_cell(self, _result: Any) -> None:
        """End an execution; the cell that loads the extension ends without having begun."""
        if self._executions:
            self._executions.pop()
        else:
            self._outside = _Execution()


# `%%imagine?` shows what `%imagine -h` shows.
ImgMagic.imagine.__doc__ = usage("imagine")
ImgMagic.refine.__doc__ = usage("refine")


def load(shell: InteractiveShell) -> None:
    """Register everything with a shell."""
    unload(shell)
    magics = ImgMagic(shell)
    shell.register_magics(magics)
    shell.events.register("pre_run_cell", magics._before_cell)
    shell.events.register("post_run_cell", magics._after_cell)
    shell.Completer.custom_matchers.append(matcher)
    shell.input_transformers_cleanup.append(one_line_cells)
    shell.input_transformer_manager.token_transformers.append(LineMagics)


def unload(shell: InteractiveShell) -> None:
    """Take everything back that `load` has registered; a shell that has nothing of it is left alone."""
    manager = shell.magics_manager
    magics = manager.registry.pop(_NAME, None)
    if not isinstance(magics, Magics):
        return
    for kind in manager.magics.values():
        for name in [name for name, function in kind.items() if getattr(function, "__self__", None) is magics]:
            del kind[name]
    _discard(shell.configurables, magics)
    shell.events.unregister("pre_run_cell", magics._before_cell)
    shell.events.unregister("post_run_cell", magics._after_cell)
    _discard(shell.Completer.custom_matchers, matcher)
    _discard(shell.input_transformers_cleanup, one_line_cells)
    _discard(shell.input_transformer_manager.token_transformers, LineMagics)
    shell.config.pop(_NAME, None)
    if magics._profile is not None:
        shell.config[_NAME] = magics._profile
    studio = kernel.opened()
    if studio is not None:
        studio.config = dict


def _discard(items: list[Any], item: object) -> None:
    if item in items:
        items.remove(item)


def _asks_for_help(line: str) -> bool:
    return line.strip() in {"-h", "--help"}


def _wishes(args: CellArgs) -> Wishes:
    """Give what the cell says besides its words."""
    from imgmagic.prepare import Wishes

    return Wishes(
        n=args.n,
        size=args.size,
        quality=args.quality,
        background=args.background,
        format=args.format,
        compression=args.compression,
        moderation=args.moderation,
        model=args.model,
        params=args.param,
        label=args.label,
        alt=args.alt,
        save=args.save,
    )


def _preview(partial: bytes | None) -> Preview | None:
    """Make an unfinished picture small; None if there is none, or it cannot be read."""
    if partial is None:
        return None
    from imgmagic import images

    try:
        return images.preview(images.decode(partial), _PARTIAL_PX, _PARTIAL_BYTES)
    except ImageError:
        return None


def _waiting(line: str, partial: Preview | None) -> dict[str, Any]:
    """Give the waiting line, with the latest unfinished picture above it."""
    if partial is None:
        return _line(line)
    from imgmagic import render

    return {
        "text/html": render.page([render.Figure(partial, "unfinished picture", "unfinished")], [line]),
        "text/plain": line,
    }


def _line(text: str) -> dict[str, Any]:
    """Give one line of text as a notebook shows it."""
    from imgmagic import render

    return {"text/html": render.note(text), "text/plain": text}
