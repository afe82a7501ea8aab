"""The magics: parse, call, hand back. IPython only; nothing here decides anything about pictures.

Loading registers names and does no I/O: the libraries come with the first cell that needs them. Every magic call owns
one display handle, which shows that it waits, then the pictures; `clear_output` is never used, since it would wipe what
the user's own code has shown. The call also returns its gallery, which knows that the running cell has shown it.
"""

from __future__ import annotations

import inspect
import warnings
from collections import ChainMap
from copy import deepcopy
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class, needs_local_scope, no_var_expand
from traitlets import Any as AnyTrait

from imgmagic import kernel
from imgmagic.cell import CellArgs, parse, parse_retake, usage
from imgmagic.completion import SUBCOMMANDS, Subcommand, matcher
from imgmagic.errors import CellError, ImgmagicError, SettingsError, printable
from imgmagic.exchange import DEFAULTS, Operation
from imgmagic.executions import Executions, source
from imgmagic.expressions import resolve, resolve_source
from imgmagic.spot import Spot, line
from imgmagic.syntax import LineMagics, one_line_cells
from imgmagic.template import expand

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from IPython.core.interactiveshell import InteractiveShell

    from imgmagic.comparison import Comparison
    from imgmagic.exchange import Input
    from imgmagic.executions import Execution
    from imgmagic.gallery import Gallery
    from imgmagic.jobs import Job
    from imgmagic.picture import Picture
    from imgmagic.prepare import Wishes
    from imgmagic.studio import Order, Studio

_NAME = "ImgMagic"
_PAIR = 2


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
    replay = _trait("auto", "auto answers from recordings; only sends nothing; off makes everything anew.")
    workers = _trait(4, "How many calls work in the background at once, 1 to 32.")
    session = _trait(None, "Session to go on with; None takes the notebook's path. Read at the first call.")

    def __init__(self, shell: InteractiveShell) -> None:
        self._profile = deepcopy(dict.get(shell.config, _NAME))
        super().__init__(shell=shell)
        self._executions = Executions()
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
    def retake(self, line: str) -> Any:
        """Make another take of the current picture: `%retake [-n N]` sends the request that made it once more.

        The new picture is its sibling, becomes current, and is what the cell that asked for the first one shows from
        now on. A `%retake` cell asks anew whenever it is run: delete it when you have the picture that you want.
        """
        if _asks_for_help(line):
            return self._explain(self.retake)
        n = parse_retake(line)
        site, spot = self._execution.next_site(), Spot(self.shell)
        manner: dict[str, Any] = {"site": site, "replay": True, "tell": spot.wait, "late": _late(spot)}
        return self._attempt("%retake", spot, lambda: self._studio().retake(n=n, **manner))

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

    @no_var_expand
    @line_magic("compare")  # the setting of this name is another thing
    def compare_pictures(self, line: str) -> Any:
        """Compare two pictures: `%compare [A] [B]` shows before, after, and in colour what changed, with numbers.

        A and B are REFs: 7 or #7, a label, @~2, @start, or .2 (of the last result). With one, that picture is compared
        with the current one; with none, the picture that the current one was made from. A pixel counts as changed if
        a channel moved by more than 8 of 255 levels. `history.compare(a, b)` gives the same as an object.
        """
        if _asks_for_help(line):
            return self._explain(self.compare_pictures)
        refs = line.split()
        if len(refs) > _PAIR:
            raise CellError(f"%compare takes two pictures, not {len(refs)}.", hint="`%compare`, or `%compare 1 hero`.")
        shown_in, found = self._execution, self._compared(self._studio(), refs)
        Spot(self.shell).settle(found.bundle)
        return replace(found, already_shown=lambda: self._execution is shown_in)

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
            Spot(self.shell).settle(bundle)

    @no_var_expand
    @line_magic
    def imgmagic(self, line: str) -> None:
        """Show which engine answers, where it lives and where each value came from: `%imgmagic`.

        `%imgmagic check` lists what is damaged in the history's folder, `prune [--dry-run]` frees what is not needed;
        `forget REF` deletes a picture, its words and what was sent along for good, once its number has been typed;
        `report FILE.html [--all]` writes the tree and every picture, prompt and cost as one page;
        `cost` says what was spent, by day, model, notebook and cell, and what of the day's budget is left;
        `doctor` tries everything that a call needs, without a picture being made; `code REF` writes plain Python that
        makes a picture without imgmagic;
        `stop` closes the connection of every call that is still on its way; `login` asks for a key and keeps it in the
        kernel, never in the notebook.
        """
        word, rest = [*line.strip().split(maxsplit=1), "", ""][:2]
        if _asks_for_help(line) or _asks_for_help(rest):
            self._explain(self.imgmagic)
            return
        if word and word not in SUBCOMMANDS:
            hint = f"There is %imgmagic alone, and: {', '.join(SUBCOMMANDS)}."
            raise CellError(f"%imgmagic has no '{printable(word, 40)}'.", hint=hint)
        subcommand = SUBCOMMANDS.get(word, Subcommand("status.table"))
        if rest and not subcommand.takes:
            raise CellError(f"%imgmagic {word} takes no words, not '{printable(rest, 40)}'.")
        studio = self._studio()
        said = [f"#{self._find(studio, rest).number}" if rest and subcommand.takes == "REF" else rest]
        module, _, function = subcommand.function.partition(".")
        answer = getattr(import_module(f"imgmagic.{module}"), function)
        Spot(self.shell).settle(answer(studio, *said) if subcommand.takes else answer(studio))

    # --- what they share ---

    def _explain(self, magic: Any) -> None:
        """Show a magic's own words about itself."""
        Spot(self.shell).settle({"text/plain": inspect.getdoc(magic) or ""})

    def _call(self, operation: Operation, line: str, body: str | None, local_ns: Mapping[str, Any] | None) -> Any:
        """Run one imagine or refine, from its text to its pictures."""
        self._warn_of_a_key(f"{line}\n{body or ''}")
        names = ChainMap(dict(local_ns or {}), self.shell.user_ns)
        args = parse(operation, line, body, lambda text: expand(text, names))
        if args.help:
            Spot(self.shell).settle({"text/plain": usage(operation)})
            return None
        studio = self._studio()
        start, note = self._source(studio, args, names)
        wishes = _wishes(args, names)
        if args.dry_run:
            Spot(self.shell).settle(_rehearsed(studio, args, wishes, start, note))
            return None
        return self._answer(studio, args, start, wishes, note)

    def _answer(
        self, studio: Studio, args: CellArgs, start: Picture | Input | None, wishes: Wishes, note: str
    ) -> Gallery | Job:
        """Show what is recorded, else what is made; a call in the background gives its job."""
        execution, spot, moves = self._execution, Spot(self.shell), studio.history.moves
        show = partial(self._attempt, f"%{args.operation}", spot, output=args.output, save=args.save)
        with studio.history.together():
            order = studio.order(
                args.operation,
                args.prompt,
                wishes,
                source=start,
                typed=args.typed,
                site=execution.next_site(),
                where=self._where,
                replay=True,
                fresh=args.fresh,
                note=note,
                held=args.bg,
                moves=moves if args.bg else None,
                before=self._before(studio, args, start),
            )
            found = studio.recorded(order)
            if found is not None:
                show(lambda: found)
        # Without a cell's id the notebook is run by a program, whose saved outputs would say "on its way" for ever.
        if found is None and args.bg and execution.cell_id is not None:
            answer: Gallery | Job = self._quiet(self._background(args, order, spot, execution))
        else:
            gallery = found or show(lambda: studio.ask(order, spot.wait, _late(spot)))
            answer = self._quiet(studio.done(gallery, moves)) if args.bg else gallery
        execution.refined |= args.operation == "refine" and not args.bg
        return answer

    def _before(self, studio: Studio, args: CellArgs, start: Picture | Input | None) -> list[Picture]:
        """Give what a refine may have started from, had the jobs before it ended sooner, or later, than they do now.

        Those of this cell that were there at once may have taken their time then; but they may have ended before the
        cell came to this call.
        """
        if args.source or start is None:
            return []
        held = [gallery for job in reversed(self._execution.jobs) if (gallery := job.held()) is not None]
        goes_on = args.bg and start == studio.history.current
        return [*(each for gallery in held for each in gallery), *(studio.history.jumps if goes_on else [])]

    def _attempt(
        self,
        name: str,
        spot: Spot,
        make: Callable[[], Gallery],
        *,
        output: str | None = None,
        save: str | None = None,
    ) -> Gallery:
        """Wait for pictures and show them; what goes wrong leaves a line in their place, and is raised."""
        gallery = None
        try:
            gallery = make()
            return self._shown(gallery, spot, output, save)
        except KeyboardInterrupt:
            if gallery is not None:  # it is there and current; only its showing was interrupted
                spot.settle(gallery.bundle)
            spot.fail(f"{name}: interrupted; a picture that still arrives is kept. `%imgmagic stop` closes the line")
            raise
        except Exception:
            if gallery is None:
                spot.fail(f"{name}: nothing was made")
            raise

    def _background(self, args: CellArgs, order: Order, spot: Spot, execution: Execution) -> Job:
        """Hand a call over, and go on; its place in this cell's output is updated when it ends."""

        def ended(outcome: Gallery | BaseException) -> None:
            if isinstance(outcome, BaseException):
                said = str(outcome) if isinstance(outcome, ImgmagicError) else type(outcome).__name__
                spot.settle(line(f"%{args.operation} --bg: {printable(said)}"))
                return
            self._shown(outcome, spot, args.output, args.save, execution)

        return self._studio().hand_over(order, spot.wait, ended)

    def _quiet(self, job: Job) -> Job:
        """Let a job keep quiet for the rest of this execution, whose output shows it already.

        If it is done already, the cursor goes along at the execution's end, as with one that takes its time.
        """
        shown_in = self._execution
        shown_in.jobs.append(job)
        job.already_shown = lambda: self._execution is shown_in
        return job

    def _warn_of_a_key(self, text: str) -> None:
        """Warn if a cell holds a key: the notebook, and IPython's own history, would keep it."""
        from imgmagic.login import quotes_key

        if quotes_key(text, kernel.studio().environment):
            warnings.warn("This cell contains your key: take it out, and have the key replaced.", stacklevel=2)

    def _source(self, studio: Studio, args: CellArgs, names: Mapping[str, Any]) -> tuple[Picture | Input | None, str]:
        """Give the picture that a refine edits, and what is to be said of the choice; an imagine edits none."""
        if args.operation == "imagine":
            return None, ""
        if args.source:
            found = resolve_source(args.source, names, studio.history.labels, lambda ref: self._find(studio, ref))
            if found is None:
                raise CellError(f"{printable(args.source, 80)} is None, which is no image.")
            return studio.source(found, size=args.size), ""
        with studio.history.together():
            return self._current(studio, stack=args.stack)

    def _current(self, studio: Studio, *, stack: bool) -> tuple[Picture | Input, str]:
        """Give where a refine without ``--from`` starts: the current picture, but never this cell's own result."""
        history, execution = studio.history, self._execution
        way = [] if stack or execution.cell_id is None else history.way()
        number = source(way, execution, history.replayed(execution.cell_id)) if way and execution.cell_id else None
        if number is None:
            current = studio.source(None)
            return current, history.unpicked(current)
        take, own = 1 + history.takes_of(number, str(execution.cell_id)), way[0].number
        return history[number], f"take {take} from #{number} (not from #{own}); --stack builds on #{own}"

    def _show(self, move: Callable[[Studio], int]) -> Gallery:
        """Move the cursor and show where it is."""
        studio = self._studio()
        return self._shown(studio.look(move(studio)), Spot(self.shell))

    def _shown(
        self,
        gallery: Gallery,
        spot: Spot,
        output: str | None = None,
        save: str | None = None,
        execution: Execution | None = None,
    ) -> Gallery:
        """Show a gallery once: it keeps quiet for the rest of its execution. Only then may anything else fail.

        A job's execution is the one that submitted it: when it ends, some other one may be under way.
        """
        shown_in = execution or self._execution
        with kernel.studio().history.together():
            spot.settle(gallery.bundle)
            shown_in.made.update(each.generation.id for each in gallery)
        gallery.already_shown = lambda: self._execution is shown_in
        if output:
            self.shell.push({output: gallery[0] if len(gallery) == 1 else gallery})
        if save:
            self._studio().save(gallery, save)
        return gallery

    def _compared(self, studio: Studio, refs: list[str]) -> Comparison:
        """Compare what a line names: two pictures, one and the current one, or the current one and its parent."""
        if len(refs) == _PAIR:
            return studio.history.compare(*(self._find(studio, ref) for ref in refs))
        after = self._find(studio, "@")
        before = self._find(studio, refs[0]) if refs else None
        return studio.history.compare(None if before == after else before, after)

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
            self._executions.started_from(studio.history.cursor)
        return studio

    def _said(self) -> dict[str, Any]:
        """Give what `%config ImgMagic` or a profile has set; the rest is left to the environment.

        Raises
        ------
        SettingsError
            If an unknown name was set; once, since it cannot be taken back.
        """
        section: dict[str, Any] = dict.get(self.config, _NAME, {})
        if not section:
            return {}
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
    def _execution(self) -> Execution:
        return self._executions.current

    @property
    def _where(self) -> str:
        """Name the running cell as the notebook does, by the list of inputs: the counter is ahead of it or not."""
        inputs = self.shell.user_ns.get("In")
        return f"In [{len(inputs) - 1}]" if isinstance(inputs, list) and len(inputs) > 1 else ""

    def _before_cell(self, info: Any) -> None:
        """Begin an execution."""
        studio = kernel.opened()
        start = studio.history.cursor if studio else None
        self._executions.begin(getattr(info, "cell_id", None), start)

    def _after_cell(self, result: Any) -> None:
        """End an execution; calls that the cell made before, and no longer makes, are forgotten."""
        ended, studio = self._executions.end(), kernel.opened()
        for job in ended.jobs if ended is not None else ():
            job.follow()
        if ended is not None and ended.cell_id and studio is not None and getattr(result, "success", False):
            studio.recall.claims.end(ended.cell_id, ended.calls)


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


def _wishes(args: CellArgs, names: Mapping[str, Any]) -> Wishes:
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
        images=tuple(resolve(each, names) for each in args.image),
        mask=None if args.mask is None else _mask(args.mask, names),
        soft=args.soft,
        fidelity=args.fidelity,
    )


def _mask(text: str, names: Mapping[str, Any]) -> Any:
    """Give a mask in words as it is, and what any other text stands for."""
    from imgmagic.masks import is_words  # brings numpy, without which a call that has no mask is quicker

    return text if is_words(text) else resolve(text, names)


def _late(spot: Spot) -> Callable[[Gallery | str], None]:
    """Show what came of a call whose wait was interrupted where it was asked for."""
    return lambda outcome: spot.settle(line(outcome) if isinstance(outcome, str) else outcome.bundle)


def _rehearsed(
    studio: Studio, args: CellArgs, wishes: Wishes, start: Picture | Input | None, note: str
) -> dict[str, Any]:
    """Show what a call would send."""
    from imgmagic import status

    asked = (args.operation, args.prompt, wishes)
    rows = studio.plan(*asked, source=start)
    return status.plan([*rows, *([("note", note)] if note else [])], studio.overlay(*asked, source=start))
