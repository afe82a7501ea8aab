"""Run cells in an IPython shell and look at what they showed."""

from dataclasses import dataclass

from IPython.utils.capture import capture_output

IMAGES = ("image/png", "image/jpeg", "image/webp")


@dataclass(frozen=True)
class Ran:
    """What one cell did: its error (None if it went well), what it displayed, what it printed, its last value."""

    error: BaseException | None
    outputs: list
    printed: str
    value: object

    @property
    def pictures(self):
        """The displayed bundles that hold a picture."""
        return [each.data for each in self.outputs if set(each.data) & set(IMAGES)]

    @property
    def text(self):
        """The plain text of everything that was displayed."""
        return "\n".join(each.data.get("text/plain", "") for each in self.outputs)

    @property
    def html(self):
        return "\n".join(each.data.get("text/html", "") for each in self.outputs)


class Cells:
    """A shell with the extension loaded."""

    def __init__(self, shell):
        self.shell = shell
        shell.run_line_magic("load_ext", "imgmagic")

    def __call__(self, code, cell_id=None, *, fails=False):
        """Run a cell; one that must fail gives its error instead of raising it."""
        with capture_output() as captured:
            result = self.shell.run_cell(code, store_history=True, silent=False, cell_id=cell_id)
        error = result.error_in_exec or result.error_before_exec
        if error is not None and not fails:
            raise error
        assert error is not None or not fails, f"{code!r} did not fail"
        return Ran(error, captured.outputs, captured.stdout, result.result)

    @property
    def history(self):
        import imgmagic

        return imgmagic.history
