"""The notebook as people see it: a real JupyterLab in a real browser."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
from playwright.sync_api import expect

from imgmagic import Studio
from imgmagic.recording import Recording
from tests.lab import NOTEBOOKS, Notebook, Notebooks

if TYPE_CHECKING:
    from playwright.sync_api import Locator

pytestmark = pytest.mark.browser

BEACH = "A photorealistic image of a beautiful beach on a sunny day."
BLUE = "Make the sky a deeper, more vibrant blue."
BOAT = "Add a sailboat."
SUNSET = "Make it sunset."

#: What each cell of the quickstart shows, in reading order.
SHOWN = {
    "imagine": [BEACH],
    "refine-sky": [f"before: {BEACH}", BLUE],
    "refine-boat": [f"before: {BLUE}", BOAT],
    "rollback": [BLUE],
    "branch": [f"before: {BLUE}", SUNSET],
    "pick": [BOAT],
}
CURRENT = "__import__('imgmagic').history.current.number"

#: What WCAG 2 asks for between a text and what is behind it (level AA).
READABLE = 4.5

# Ratio of luminances between a text and what is behind it, as WCAG 2 defines it; opacity counts.
CONTRAST = """element => {
    const channels = colour => colour.match(/[\\d.]+/g).map(Number);
    let alpha = 1, behind = null;
    for (let at = element; at; at = at.parentElement) {
        const style = getComputedStyle(at);
        alpha *= Number(style.opacity);
        const [r, g, b, a = 1] = channels(style.backgroundColor);
        if (a > 0) { behind = [r, g, b]; break; }
    }
    const front = channels(getComputedStyle(element).color).slice(0, 3);
    const mixed = front.map((each, i) => alpha * each + (1 - alpha) * behind[i]);
    const linear = each => each / 255 <= 0.04045 ? each / 255 / 12.92 : ((each / 255 + 0.055) / 1.055) ** 2.4;
    const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    const [low, high] = [light(mixed), light(behind)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
}"""


@pytest.fixture
def quickstart(notebooks: Notebooks) -> Path:
    """Put the quickstart alone into a new folder."""
    return Path(shutil.copy(NOTEBOOKS / "quickstart.ipynb", notebooks.lab.folder()))


def pictures(place: Locator) -> list[str]:
    """Give the alternative texts of the pictures that can really be seen in a place; a broken one is an error."""
    images = place.locator("img")
    images.evaluate_all("images => Promise.all(images.map(image => image.decode()))")
    assert images.evaluate_all("images => images.every(image => image.naturalWidth && image.clientWidth)")
    for image in images.all():
        expect(image).to_be_visible()
    return images.evaluate_all("images => images.map(image => image.alt)")


def outputs_of(notebook: Notebook, cell: str) -> Locator:
    return notebook.cell(cell).locator(".jp-Cell-outputArea")


def panel_of(notebook: Notebook) -> Locator:
    return notebook.cell("panel").locator(".imgmagic-panel")


def untrusted_copy(path: Path) -> Path:
    """Copy a notebook and change one byte of it, so that JupyterLab's signature no longer fits."""
    copy = path.with_name("received.ipynb")
    content = nbformat.read(path, as_version=4)
    content.metadata["received"] = True
    nbformat.write(content, copy)
    return copy


def test_the_quickstart_runs_and_shows_each_calls_pictures_once(notebooks, quickstart, tmp_path):
    notebook = notebooks.open(quickstart)
    notebook.run_all()
    notebook.screenshot(tmp_path / "quickstart.png")
    assert {cell: pictures(outputs_of(notebook, cell)) for cell in SHOWN} == SHOWN
    expect(panel_of(notebook).get_by_role("treeitem")).to_have_count(4)
    assert notebook.value(CURRENT) == 3


def test_a_notebook_that_is_not_trusted_still_shows_its_pictures(notebooks, quickstart, tmp_path):
    first = notebooks.open(quickstart)
    first.run_all()
    first.save()
    first.page.close()

    notebook = notebooks.open(untrusted_copy(quickstart))
    notebook.screenshot(tmp_path / "untrusted.png")
    assert not notebook.trusted()
    assert {cell: pictures(outputs_of(notebook, cell)) for cell in SHOWN} == SHOWN
    assert pictures(outputs_of(notebook, "panel")) == [BEACH, BLUE, BOAT, SUNSET]
    expect(outputs_of(notebook, "branch")).to_contain_text(f'#4 ← #2 · "{SUNSET}"')


def test_a_restarted_kernel_goes_on_from_the_current_picture(notebooks, quickstart):
    notebook = notebooks.open(quickstart)
    for cell in ("load", "imagine"):
        notebook.run(cell)
    notebook.restart()
    for cell in ("load", "refine-sky"):
        notebook.run(cell)
    expect(outputs_of(notebook, "refine-sky")).to_contain_text("#2 ← #1")
    expect(outputs_of(notebook, "refine-sky")).to_contain_text("continuing from #1")


def test_text_is_readable_in_both_themes(notebooks, quickstart, tmp_path):
    notebook = notebooks.open(quickstart)
    notebook.run_all()
    panel_of(notebook).get_by_role("treeitem", name="#2").click()
    expect(panel_of(notebook).get_by_role("img", name=BLUE)).to_be_visible()
    shown = (
        ".imgmagic:not(.imgmagic-static) div[dir=auto], .imgmagic figcaption, .imgmagic-panel button:enabled:visible"
    )
    texts = notebook.page.locator(shown).all()
    assert len(texts) > 10
    for theme in ("Light", "Dark"):
        notebook.theme(f"JupyterLab {theme}")
        notebook.screenshot(tmp_path / f"{theme.lower()}.png")
        faint = {each.inner_text(): ratio for each in texts if (ratio := each.evaluate(CONTRAST)) < READABLE}
        assert faint == {}, theme


def test_a_reader_in_jupyterlab_sees_what_was_recorded(notebooks):
    folder = notebooks.lab.folder()
    for name in ("rerun-and-replay.ipynb", "rerun-and-replay.imgmagic.zip"):
        shutil.copy(NOTEBOOKS / name, folder)
    opened = notebooks.open(folder / "rerun-and-replay.ipynb")
    opened.run_all()
    recorded = Recording.open(folder / "rerun-and-replay.imgmagic.zip")
    digests = {picture.digest for each in recorded.generations for picture in each.pictures}
    history = Studio(home=folder / ".imgmagic").history
    assert {picture.digest for picture in history.all} == digests
    assert len(pictures(outputs_of(opened, "weather"))) == 6  # three, each beside the one before
    first = [cell["text"] for cell in opened.outputs()["lineage"]]
    opened.run_all()
    assert [cell["text"] for cell in opened.outputs()["lineage"]] == first
    assert len(history.all) == len(digests)
