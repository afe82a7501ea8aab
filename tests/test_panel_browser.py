"""The panel as people use it: a real JupyterLab in a real browser, by mouse and by keyboard."""

from __future__ import annotations

import hashlib
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import numpy as np
import pytest
from nbconvert import HTMLExporter
from PIL import Image
from playwright.sync_api import expect

from tests.helpers import png
from tests.lab import voila
from tests.peers import npm_package

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.lab import Notebook

pytestmark = pytest.mark.browser

AXE = "axe-core@4.10.3"
NUMBERS = [1, 2, 3, 4, 5, 6]
HISTORY = "__import__('imgmagic').history"
HOSTILE = "<img src=x onerror=\"document.title='run'\"></script> \u202ereversed\u200b"

CELLS = {
    "load": "%load_ext imgmagic",
    "imagine": "%%imagine --label hero\na beach at noon",
    "blue": "%%refine\nMake the sky a deeper, more vibrant blue.",
    "boat": "%%refine\nAdd a sailboat.",
    "sunset": "%%refine --from 2\nMake it sunset.",
    "night": "%imagine -n 2 a mountain lake at night",
    "pick": "%pick 3",
    "panel": "%images",
}


def written(notebooks, cells=CELLS, **more) -> Path:
    """Write a notebook made of cells where the server can see it."""
    book = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(code, id=name) for name, code in (cells | more).items()],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    path = notebooks.lab.folder() / "panel.ipynb"
    nbformat.write(book, path)
    return path


def opened(notebooks, cells=CELLS, *, classic=False, **more) -> Notebook:
    """Open such a notebook and run it."""
    notebook = notebooks.open(written(notebooks, cells, **more), classic=classic)
    notebook.run_all()
    return notebook


def panel_of(notebook: Notebook, cell: str = "panel") -> Locator:
    panel = notebook.cell(cell).get_by_role("region", name="Image history")
    expect(panel).to_have_attribute("data-loaded", "1")
    return panel


def press(panel: Locator, name: str) -> None:
    panel.get_by_role("button", name=name, exact=True).click()


def tile(panel: Locator, number: int) -> Locator:
    return panel.locator(f"[role=treeitem][aria-label^='#{number}']").first


def current(notebook: Notebook) -> int:
    return notebook.value(f"{HISTORY}.cursor")


def is_current(panel: Locator, number: int) -> None:
    marked = panel.locator("[role=treeitem][aria-current=true]")
    expect(marked).to_have_count(1)
    expect(marked).to_have_accessible_name(re.compile(rf"^#{number}\b.*current"))


def test_rolling_back_undo_redo_and_what_cells_make_are_seen_at_once(notebooks, tmp_path):
    notebook = opened(notebooks, more="%refine make it sunset", fresh="")
    notebook.page.evaluate(
        """() => window.jupyterapp.shell.currentWidget.content.widgets
            .find(cell => cell.model.id === "fresh").model.sharedModel.setSource("%imagine --fresh a mountain")"""
    )
    panel = panel_of(notebook)
    is_current(panel, 7)
    assert panel.get_by_role("treeitem").count() == 7, "a small tree is there as a whole"
    tile(panel, 2).click()
    expect(panel.get_by_role("img", name="Make the sky")).to_be_visible()
    assert current(notebook) == 7, "looking moves nothing"
    press(panel, "Roll back here")
    is_current(panel, 2)
    assert current(notebook) == 2
    press(panel, "Undo")
    is_current(panel, 7)
    press(panel, "Redo")
    is_current(panel, 2)
    expect(panel.get_by_role("button", name="Redo")).to_be_disabled()
    notebook.run("pick")
    is_current(panel, 3)
    notebook.run("night")
    is_current(panel, 5)
    expect(tile(panel, 5)).to_have_accessible_name(re.compile("replayed"))
    notebook.run("fresh")
    expect(tile(panel, 8)).to_be_visible()
    expect(panel.locator(".imgmagic-tile img").first).to_be_visible()
    panel.screenshot(path=tmp_path / "panel.png")


def test_the_keyboard_reaches_and_does_everything_and_jupyterlab_keeps_off(notebooks):
    notebook = opened(notebooks)
    panel = panel_of(notebook)
    cells = notebook.page.locator(".jp-Notebook .jp-Cell").count()
    tile(panel, 3).focus()
    keys = ("ArrowLeft", 2), ("ArrowLeft", 1), ("ArrowRight", 2), ("ArrowDown", 4), ("Home", 1), ("End", 6)
    for key, number in keys:
        notebook.page.keyboard.press(key)
        expect(tile(panel, number)).to_be_focused()
    notebook.page.keyboard.press("Enter")
    is_current(panel, 6)
    assert current(notebook) == 6
    notebook.page.keyboard.press("z")
    is_current(panel, 3)
    expect(tile(panel, 3)).to_be_focused()
    notebook.page.keyboard.press("Shift+Z")
    is_current(panel, 6)
    notebook.page.keyboard.press("z")
    is_current(panel, 3)
    notebook.page.keyboard.press("s")
    expect(tile(panel, 3)).to_have_accessible_name("#3, current, starred, sketch: Add a sailboat.")
    notebook.page.keyboard.press("c")
    slider = panel.get_by_role("slider", name="Compare")
    expect(slider).to_be_visible()
    slider.focus()
    notebook.page.keyboard.press("End")
    expect(slider).to_have_value("100")
    assert notebook.page.locator(".jp-Notebook .jp-Cell").count() == cells
    assert notebook.value(f"{HISTORY}.star(3).starred")


def test_roles_and_names_are_what_others_rely_on(notebooks):
    notebook = opened(notebooks)
    panel = panel_of(notebook)
    for name in ("Roll back here", "Undo", "Redo", "Refine", "Stop", "Compare", "Paint mask", "Upload"):
        expect(panel.get_by_role("button", name=name, exact=True)).to_be_visible()
    items = panel.get_by_role("tree").get_by_role("treeitem")
    assert [items.nth(i).get_attribute("aria-label")[:2] for i in range(items.count())] == [f"#{n}" for n in NUMBERS]
    is_current(panel, 3)
    press(panel, "Compare")
    expect(panel.get_by_role("slider", name="Compare", exact=True)).to_be_visible()
    expect(panel.get_by_role("textbox", name="Instruction", exact=True)).to_be_visible()
    expect(panel.get_by_role("status").first).to_have_attribute("aria-live", "polite")
    notebook.page.emulate_media(reduced_motion="reduce")
    moving = """panel => [...panel.querySelectorAll("*")].filter(each => {
        const style = getComputedStyle(each);
        return style.transitionDuration !== "0s" || style.animationName !== "none" || style.scrollBehavior === "smooth";
    }).length"""
    assert panel.evaluate(moving) == 0


def test_branches_fold_by_keyboard_and_by_mouse_and_open_for_what_becomes_current(notebooks, tmp_path):
    notebook = opened(notebooks)
    panel = panel_of(notebook)
    items = panel.get_by_role("treeitem")
    tile(panel, 2).click()
    expect(tile(panel, 2)).to_have_attribute("aria-expanded", "true")
    assert tile(panel, 3).get_attribute("aria-expanded") is None, "there is nothing to fold"
    notebook.page.keyboard.press("-")
    expect(items).to_have_count(4)
    expect(tile(panel, 2)).to_have_attribute("aria-expanded", "false")
    expect(tile(panel, 2).locator(".imgmagic-tile-fold")).to_have_text("+2")
    panel.screenshot(path=tmp_path / "folded.png")
    notebook.page.keyboard.press("ArrowRight")
    expect(items).to_have_count(6)
    tile(panel, 4).click()
    fold = tile(panel, 1).locator(".imgmagic-tile-fold")
    tile(panel, 1).hover()
    fold.click()
    expect(items).to_have_count(3)
    expect(tile(panel, 1)).to_have_attribute("aria-selected", "true")
    notebook.run("sunset")
    expect(items).to_have_count(6)
    is_current(panel, 4)


def test_what_is_stale_is_marked_in_the_tree_and_beside_the_picture(notebooks, tmp_path):
    notebook = opened(notebooks)
    panel = panel_of(notebook)
    setting = """source => window.jupyterapp.shell.currentWidget.content.widgets
        .find(cell => cell.model.id === "imagine").model.sharedModel.setSource(source)"""
    notebook.page.evaluate(setting, "%imagine a mountain lake")
    notebook.run("imagine")
    expect(tile(panel, 2)).to_have_accessible_name(re.compile("^#2, stale, sketch"))
    tile(panel, 2).click()
    expect(panel.get_by_role("group", name="Marks")).to_have_text(re.compile("stale"))
    panel.screenshot(path=tmp_path / "stale.png")


def test_two_pictures_are_compared_in_four_ways(notebooks, tmp_path):
    notebook = opened(notebooks)
    panel = panel_of(notebook)
    press(panel, "Compare")
    before, after = panel.locator(".imgmagic-before"), panel.locator(".imgmagic-after")
    expect(before).to_contain_text("#2")
    expect(after).to_contain_text("#3")
    stage = panel.locator(".imgmagic-stage").bounding_box()
    middle = stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2
    notebook.page.mouse.move(*middle)
    notebook.page.mouse.down()
    notebook.page.mouse.move(stage["x"] + stage["width"] / 4, middle[1])
    notebook.page.mouse.up()
    expect(panel.get_by_role("slider", name="Compare")).to_have_value("25")
    panel.screenshot(path=tmp_path / "slider.png")
    way = panel.get_by_label("Way to compare")
    way.select_option("side")
    expect(panel.get_by_role("slider", name="Compare")).to_be_hidden()
    panel.screenshot(path=tmp_path / "side.png")
    way.select_option("flip")
    expect(before).to_be_hidden()
    panel.locator(".imgmagic-stage").focus()
    notebook.page.keyboard.down(" ")
    expect(before).to_be_visible()
    expect(after).to_be_hidden()
    notebook.page.keyboard.up(" ")
    expect(after).to_be_visible()
    way.select_option("difference")
    expect(panel.get_by_role("status").first).to_contain_text("#2 and #3 differ in")
    sentence = notebook.value(f"{HISTORY}.compare(2, 3).sentence")
    expect(panel.get_by_role("group", name="Comparison").locator("output")).to_have_text(sentence)
    panel.screenshot(path=tmp_path / "difference.png")
    share = notebook.value(
        "(lambda h, np: np.any(np.asarray(h[2]) != np.asarray(h[3]), axis=2).mean().item())"
        f"({HISTORY}, __import__('numpy'))"
    )
    expect(panel.get_by_role("status").first).to_contain_text(f"{100 * share:.1f} %")
    press(panel, "Swap")
    expect(panel.get_by_role("status").first).to_contain_text("#3 and #2 differ in")
    other = panel.get_by_label("Compare with")
    other.fill("hero")
    other.press("Enter")
    press(panel, "Swap")
    expect(panel.get_by_role("status").first).to_contain_text("#1 and #3 differ in")


def test_zoom_goes_to_a_pixel_for_a_pixel_and_shows_the_original(notebooks):
    notebook = opened(notebooks)
    panel = panel_of(notebook)
    image = panel.locator(".imgmagic-after img")
    press(panel, "100 %")
    expect(panel.locator(".imgmagic-scale")).to_have_text("100 %")
    box = image.bounding_box()
    assert (round(box["width"]), round(box["height"])) == (512, 512)
    for _ in range(3):
        press(panel, "+")
    panel.locator(".imgmagic-stage").focus()
    before = image.bounding_box()
    notebook.page.keyboard.press("ArrowRight")
    assert round(before["x"] - image.bounding_box()["x"]) == 40
    notebook.page.keyboard.press("0")
    assert image.bounding_box()["width"] <= panel.locator(".imgmagic-stage").bounding_box()["width"]


def test_original_cell_and_label_leave_the_panel_as_they_are(notebooks):
    notebook = opened(notebooks)
    panel = panel_of(notebook)
    with notebook.page.expect_download() as waited:
        press(panel, "Save original")
    assert waited.value.suggested_filename == "imgmagic-3.png"
    digest = notebook.value(f"{HISTORY}[3].digest")
    assert hashlib.sha256(Path(waited.value.path()).read_bytes()).hexdigest() == digest
    notebook.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    press(panel, "Copy cell")
    expect(panel.get_by_role("status").first).to_have_text("Copied.")
    assert notebook.page.evaluate("() => navigator.clipboard.readText()") == "%%refine --from 2\nAdd a sailboat."
    label = panel.get_by_label("Label", exact=True)
    label.fill("boat")
    label.press("Enter")
    expect(tile(panel, 3)).to_have_accessible_name("#3 boat, current, sketch: Add a sailboat.")
    press(panel, "Remove label")
    expect(tile(panel, 3)).to_have_accessible_name("#3, current, sketch: Add a sailboat.")
    expect(label).to_have_value("")
    press(panel, "Copy code")
    expect(panel.get_by_role("status").first).to_have_text("Copied.")
    assert "Add a sailboat." in notebook.page.evaluate("() => navigator.clipboard.readText()")
    label.fill("no label")
    label.press("Enter")
    expect(panel.get_by_role("status").first).to_contain_text("'no label' is no label")


def test_a_filter_keeps_the_shape_of_the_tree(notebooks):
    notebook = opened(notebooks)
    panel = panel_of(notebook)
    words = panel.get_by_label("Filter by words")
    words.fill("SUNSET")
    expect(panel.get_by_role("treeitem")).to_have_count(1)
    tile(panel, 4).focus()
    notebook.page.keyboard.press("ArrowRight")
    expect(panel.get_by_role("img", name="Make it sunset.")).to_be_visible()
    words.fill("")
    tile(panel, 5).click()
    press(panel, "Star")
    expect(panel.get_by_role("button", name="Star")).to_have_attribute("aria-pressed", "true")
    panel.get_by_role("checkbox", name="starred").check()
    expect(panel.get_by_role("treeitem")).to_have_count(1)
    panel.get_by_role("checkbox", name="starred").uncheck()
    panel.get_by_label("Filter by engine").select_option("sketch")
    expect(panel.get_by_role("treeitem")).to_have_count(6)


def test_a_refine_from_the_panel_becomes_current_and_an_error_is_the_cells_sentence(notebooks, tmp_path):
    notebook = opened(notebooks)
    panel = panel_of(notebook)
    tile(panel, 4).click()
    notebook.page.keyboard.down("Shift")
    tile(panel, 1).click()
    notebook.page.keyboard.up("Shift")
    expect(panel.get_by_label("Compare with")).to_have_value("#1")
    words = panel.get_by_role("textbox", name="Instruction")
    words.fill("Make the sand white.")
    press(panel, "Refine")
    is_current(panel, 7)
    assert notebook.value(f"({HISTORY}[7].parent.number, {HISTORY}[7].prompt)") == (4, "Make the sand white.")
    expect(words).to_have_value("")
    words.fill("Zxqv the frobnicator.")
    words.press("Enter")
    expect(panel.get_by_role("status").first).to_contain_text("does not understand")
    expect(words).to_have_value("Zxqv the frobnicator.")
    panel.screenshot(path=tmp_path / "error.png")
    press(panel, "Another take")
    is_current(panel, 8)
    assert notebook.value(f"{HISTORY}[8].parent.number") == 4


MASKS = "__import__('imgmagic').kernel.studio().masks"


def painted(notebook: Notebook, name: str) -> np.ndarray:
    """Give the alpha of a mask that the kernel keeps."""
    data = notebook.value(f"dict({MASKS})[{name!r}]")
    image = Image.open(io.BytesIO(data))
    assert image.mode == "RGBA"
    return np.asarray(image)[:, :, 3]


def capsule(start, end, radius, size=512):
    """Give the pixels whose centre is within a radius of a line."""
    y, x = np.mgrid[0:size, 0:size] + 0.5
    (ax, ay), (bx, by) = start, end
    along = np.clip(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2), 0, 1)
    return (x - ax - along * (bx - ax)) ** 2 + (y - ay - along * (by - ay)) ** 2 <= radius**2


def test_the_painted_mask_is_the_strokes_pixel_by_pixel(notebooks, tmp_path):
    notebook = opened(notebooks)
    panel = panel_of(notebook)
    press(panel, "Paint mask")
    press(panel, "100 %")
    panel.get_by_label("Brush size").fill("60")
    mouse = notebook.page.mouse

    def stroke(start, end):
        box = panel.locator(".imgmagic-after img").bounding_box()  # every action may scroll the page
        mouse.move(box["x"] + start[0], box["y"] + start[1])
        mouse.down()
        mouse.move(box["x"] + end[0], box["y"] + end[1])
        mouse.up()

    # The picture is larger than the stage: paint where it can be seen.
    stroke((100, 200), (300, 260))
    panel.screenshot(path=tmp_path / "painter.png")
    panel.get_by_label("Mask name").fill("first")
    press(panel, "Save mask")
    expect(panel.get_by_role("status").first).to_contain_text("--mask name:first")
    wanted = capsule((100, 200), (300, 260), 30)
    assert np.array_equal(painted(notebook, "first"), np.where(wanted, 0, 255))
    expect(panel.locator(".imgmagic-share")).to_have_text(f"{100 * wanted.mean():.1f} % selected")

    panel.get_by_label("Tool").select_option("eraser")
    stroke((180, 160), (180, 300))
    panel.get_by_label("Tool").select_option("rectangle")
    stroke((350, 100), (450, 150))
    wanted &= ~capsule((180, 160), (180, 300), 30)
    wanted[100:150, 350:450] = True
    press(panel, "Invert")
    press(panel, "Keep for next instruction")
    expect(panel.get_by_role("status").first).to_contain_text("kept for the next instruction")
    assert np.array_equal(painted(notebook, "painted"), np.where(wanted, 255, 0))

    press(panel, "Paint mask")
    for _ in range(2):
        press(panel, "Take back")
    panel.get_by_label("Mask name").fill("second")
    press(panel, "Save mask")
    expect(panel.get_by_role("status").first).to_contain_text("name:second")
    wanted[100:150, 350:450] = False  # the inversion and the rectangle were taken back, the eraser was not
    assert np.array_equal(painted(notebook, "second"), np.where(wanted, 0, 255))


def test_a_painted_mask_bounds_what_a_cell_and_the_panel_edit(notebooks):
    notebook = opened(notebooks, {name: CELLS[name] for name in ("load", "imagine", "panel")}, cell="")
    panel = panel_of(notebook)
    press(panel, "Paint mask")
    panel.get_by_label("Tool").select_option("rectangle")
    stage = panel.locator(".imgmagic-after img").bounding_box()
    notebook.page.mouse.move(stage["x"] + 0.25 * stage["width"], stage["y"] + 0.125 * stage["height"])
    notebook.page.mouse.down()
    notebook.page.mouse.move(stage["x"] + 0.75 * stage["width"], stage["y"] + 0.5 * stage["height"])
    notebook.page.mouse.up()
    panel.get_by_label("Mask name").fill("sky")
    press(panel, "Save mask")
    expect(panel.get_by_role("status").first).to_contain_text("--mask name:sky")
    alpha = painted(notebook, "sky")
    assert 0.15 < (alpha == 0).mean() < 0.25
    press(panel, "Keep for next instruction")
    panel.get_by_role("textbox", name="Instruction").fill("make it night")
    press(panel, "Refine")
    is_current(panel, 2)
    setting = """source => window.jupyterapp.shell.currentWidget.content.widgets
        .find(cell => cell.model.id === "cell").model.sharedModel.setSource(source)"""
    notebook.page.evaluate(setting, "%refine --from 1 --mask name:sky make it night")
    notebook.run("cell")
    is_current(panel, 3)
    pixels = [pixels_of(notebook, number) for number in (1, 2, 3)]
    for made in pixels[1:]:
        changed = np.any(made != pixels[0], axis=2)
        assert changed[alpha == 0].mean() > 0.9
        assert not changed[alpha == 255].any()


def pixels_of(notebook: Notebook, number: int) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(notebook.value(f"{HISTORY}[{number}].bytes"))).convert("RGB"))


SLOW = """
import threading, imgmagic, imgmagic.kernel
from imgmagic import ImgmagicError
class Slow:
    name, paid = "slow", False
    def describe(self, request):
        return "slow"
    def make(self, request, watch):
        changed = threading.Condition()
        with changed:
            watch.until(changed, lambda: "refuse" in request.prompt, "rate limited")
        raise ImgmagicError({hostile!r})
imgmagic.kernel.studio()._engine = Slow()
"""


def test_a_refine_is_stopped_and_a_servers_message_is_text(notebooks, tmp_path):
    notebook = opened(notebooks, slow=SLOW.format(hostile=HOSTILE))
    panel = panel_of(notebook)
    title = notebook.page.title()
    words = panel.get_by_role("textbox", name="Instruction")
    stop, status = panel.get_by_role("button", name="Stop"), panel.get_by_role("status").first
    expect(stop).to_be_disabled()
    words.fill("take your time")
    press(panel, "Refine")
    expect(status).to_contain_text("refining #3")
    expect(panel.locator(".imgmagic-progress")).to_contain_text("rate limited")
    panel.screenshot(path=tmp_path / "running.png")
    stop.click()
    expect(status).to_contain_text("given up")
    expect(stop).to_be_disabled()
    words.fill("refuse")
    press(panel, "Refine")
    expect(status).to_contain_text('<img src=x onerror="document.title=')
    assert panel.locator("img[src=x], script").count() == 0
    assert notebook.page.title() == title
    assert notebook.value(f"len({HISTORY})") == 6


def test_a_picture_is_brought_by_upload_drop_and_paste(notebooks):
    notebook = opened(notebooks)
    panel = panel_of(notebook)
    data, *others = (png("mine", each) for each in range(3))
    with notebook.page.expect_file_chooser() as chooser:
        press(panel, "Upload")
    chooser.value.set_files({"name": f"{HOSTILE}.png", "mimeType": "image/png", "buffer": data})
    is_current(panel, 7)
    for number, event, other in ((8, "drop", others[0]), (9, "paste", others[1])):
        panel.evaluate(
            """(panel, [event, bytes]) => {
                const data = new DataTransfer();
                data.items.add(new File([new Uint8Array(bytes)], "x.png", {type: "image/png"}));
                const given = {bubbles: true, cancelable: true, dataTransfer: data, clipboardData: data};
                panel.querySelector(".imgmagic-stage").dispatchEvent(
                    event === "drop" ? new DragEvent(event, given) : new ClipboardEvent(event, given));
            }""",
            [event, list(other)],
        )
        is_current(panel, number)
    for number, brought in enumerate((data, *others), 7):
        assert notebook.value(f"{HISTORY}[{number}].bytes == {brought!r}")
    with notebook.page.expect_file_chooser() as chooser:
        press(panel, "Upload")
    chooser.value.set_files({"name": "x.png", "mimeType": "image/png", "buffer": b"no picture"})
    expect(panel.get_by_role("status").first).to_contain_text("no PNG, JPEG or WebP")


def test_two_panels_and_a_reopened_page_stay_in_step(notebooks):
    notebook = opened(notebooks, other="%images")
    first, second = panel_of(notebook), panel_of(notebook, "other")
    tile(first, 5).click()
    press(first, "Roll back here")
    is_current(second, 5)
    press(second, "Undo")
    is_current(first, 3)
    static = notebook.cell("panel").locator(".imgmagic-static")
    expect(static).to_be_hidden()
    notebook.save()
    notebook.page.reload()
    notebook.idle()
    expect(notebook.cell("panel").locator(".imgmagic-static")).to_have_count(1)
    notebook.run("panel")
    is_current(panel_of(notebook), 3)


def test_hostile_words_are_text_everywhere(notebooks, tmp_path):
    make = f"import imgmagic; imgmagic.imagine({HOSTILE!r} + 'x' * 31_000); imgmagic.refine('make it sunset')"
    notebook = opened(notebooks, {"load": "%load_ext imgmagic", "make": make, "panel": "%images"})
    panel = panel_of(notebook)
    title = notebook.page.title()
    tile(panel, 1).click()
    expect(panel.locator(".imgmagic-prompt")).to_contain_text("<img src=x onerror=")
    press(panel, "Compare")
    panel.get_by_label("Compare with").fill(HOSTILE)
    panel.get_by_label("Compare with").press("Enter")
    expect(panel.get_by_role("status").first).to_contain_text("<img src=x")
    panel.get_by_label("Label", exact=True).fill(HOSTILE[:70])
    panel.get_by_label("Label", exact=True).press("Enter")
    expect(panel.get_by_role("status").first).to_contain_text("is no label")
    panel.screenshot(path=tmp_path / "hostile.png")
    assert panel.locator("img[src=x], script").count() == 0
    assert notebook.page.title() == title
    assert panel.evaluate("panel => panel.scrollWidth <= panel.clientWidth")


AXE_RUN = """async () => (await axe.run('.imgmagic-panel')).violations
    .map(each => each.id + ': ' + each.nodes.map(node => node.html.slice(0, 200)).join(' | '))"""


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_axe_finds_nothing_in_either_theme(notebooks, theme, tmp_path):
    notebook = opened(notebooks)
    panel = panel_of(notebook)
    notebook.theme(f"JupyterLab {theme}")
    notebook.page.add_script_tag(path=str(npm_package(AXE) / "axe.min.js"))
    tile(panel, 4).click()
    expect(panel.locator(".imgmagic-facts")).to_contain_text("sketch")
    found = {}
    for state, button in (("plain", None), ("compare", "Compare"), ("paint", "Paint mask")):
        if button:
            press(panel, button)
        if state == "paint":
            panel.locator("summary").click()
        found[state] = notebook.page.evaluate(AXE_RUN)
        panel.screenshot(path=tmp_path / f"{state}.png")
    assert found == {"plain": [], "compare": [], "paint": []}


def test_an_open_panel_adds_little_to_the_saved_notebook_whatever_the_history_holds(notebooks):
    notebook = opened(notebooks)
    panel_of(notebook)
    notebook.command("@jupyter-widgets/jupyterlab-manager:saveWidgetState")
    notebook.save()
    path = notebook.page.evaluate("() => window.jupyterapp.shell.currentWidget.context.path")
    saved = nbformat.read(notebooks.lab.root / path, 4)
    cell = next(each for each in saved.cells if each["id"] == "panel")
    added = len(nbformat.writes(nbformat.v4.new_notebook(cells=[cell], metadata=saved.metadata)))
    assert saved.metadata.widgets, "the state of the widgets was saved too"
    assert added <= 150_000
    assert cell.outputs[0].data["text/html"].count("<img") == 6


MANY = """
import sqlite3, imgmagic
imgmagic.imagine("a beach")
history = imgmagic.history
with sqlite3.connect(history.home / "history.db") as base:
    for each in range({count}):
        base.execute("INSERT INTO picture (generation, position, digest, file, format, width, height) "
                     "SELECT generation, position, digest, file, format, width, height FROM picture WHERE number = 1")
"""


def test_ten_thousand_pictures_are_scrolled_by_asking_for_what_is_seen(notebooks, tmp_path):
    cells = {"load": "%load_ext imgmagic", "make": MANY.format(count=10_000), "panel": "%images"}
    notebook = opened(notebooks, cells)
    panel = panel_of(notebook)
    assert panel.get_by_role("treeitem").count() < 12
    tree = panel.get_by_role("tree")
    for place in (0.3, 0.7, 1):
        tree.evaluate("(tree, place) => tree.scrollTo(0, tree.scrollHeight * place)", place)
        expect(panel.locator(".imgmagic-tile img").last).to_be_visible()
    expect(tile(panel, 10001)).to_be_visible()
    assert panel.get_by_role("treeitem").count() < 12
    panel.screenshot(path=tmp_path / "many.png")


def test_notebook_7_shows_the_same_panel(notebooks, tmp_path):
    pytest.importorskip("notebook")
    notebook = opened(notebooks, classic=True)
    panel = panel_of(notebook)
    expect(notebook.cell("panel").locator(".imgmagic-static")).to_be_hidden()
    tile(panel, 5).click()
    notebook.page.keyboard.press("Enter")
    is_current(panel, 5)
    assert current(notebook) == 5
    panel.screenshot(path=tmp_path / "notebook.png")


def test_voila_shows_a_panel_that_works(notebooks, browser, tmp_path):
    pytest.importorskip("voila")
    with voila(written(notebooks)) as url, browser.new_context() as context:
        page = context.new_page()
        page.goto(url, timeout=120_000)
        panel = page.get_by_role("region", name="Image history")
        expect(panel).to_have_attribute("data-loaded", "1", timeout=60_000)
        tile(panel, 5).click()
        press(panel, "Roll back here")
        is_current(panel, 5)
        page.screenshot(path=tmp_path / "voila.png", full_page=True)


def test_a_page_on_the_web_shows_the_history_without_scripts(notebooks, browser):
    """As a browser without scripts shows what nbconvert made of the saved notebook."""
    notebook = opened(notebooks, whole="%images --static")
    panel_of(notebook)
    notebook.save()
    path = notebooks.lab.root / notebook.page.evaluate("() => window.jupyterapp.shell.currentWidget.context.path")
    html, _ = HTMLExporter().from_filename(str(path))
    path.with_suffix(".html").write_text(html, encoding="utf-8")
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(path.with_suffix(".html").as_uri())
        first, second = page.locator(".imgmagic-static").all()
        expect(first).to_contain_text("The way to the current picture")
        expect(first.get_by_role("img", name="Add a sailboat.")).to_be_visible()
        expect(second.get_by_role("img", name="before: a beach at noon")).to_be_hidden()
        second.locator("summary").first.click()
        expect(second.get_by_role("img", name="before: a beach at noon")).to_be_visible()


def test_the_panel_works_while_a_cell_runs_and_says_so_when_the_kernel_is_gone(notebooks):
    """Newer kernels answer the panel on another thread while a cell runs, older ones when it has ended."""
    notebook = opened(notebooks, busy="import time; time.sleep(2)")
    panel = panel_of(notebook)
    notebook.page.evaluate("""() => {
        const shown = window.jupyterapp.shell.currentWidget.content;
        shown.activeCellIndex = shown.widgets.length - 1;
        shown.deselectAll();
        window.jupyterapp.commands.execute('notebook:run-cell');
    }""")
    tile(panel, 4).click()
    press(panel, "Roll back here")
    is_current(panel, 4)
    assert current(notebook) == 4
    expect(panel.get_by_role("status").first).to_be_empty()
    notebook.restart()
    tile(panel, 5).click()
    expect(panel.get_by_role("status").first).to_contain_text("run this cell again")
