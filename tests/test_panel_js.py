"""The panel's modules without a page: their pure parts run in node, all of them are type-checked from their JSDoc."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import imgmagic
from imgmagic.panel import modules
from tests.peers import npm_tool, require_node

PANEL = Path(imgmagic.__file__).parent / "panel"
TESTS = Path(__file__).parent / "js"

# Pinned, so that a test run means the same tomorrow.
TYPESCRIPT = "typescript@5.9.3"


@pytest.fixture
def project(tmp_path):
    """The modules where node takes them for what they are, which older versions do only beside a package.json."""
    shutil.copytree(PANEL, tmp_path / "imgmagic" / "panel", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    shutil.copytree(TESTS, tmp_path / "tests" / "js")
    (tmp_path / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    return tmp_path


def test_layout_masks_zoom_and_text_do_what_their_tests_say(project):
    files = sorted(str(each) for each in (project / "tests" / "js").glob("*.test.mjs"))
    done = subprocess.run([require_node(), "--test", *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:]
    assert int(re.search(r"^# pass (\d+)", done.stdout, re.MULTILINE)[1]) > 20


def test_types_hold(project):
    options = {"checkJs": True, "noEmit": True, "strict": True, "target": "es2022", "module": "es2022"}
    options |= {"moduleResolution": "bundler", "lib": ["es2022", "dom", "dom.iterable"], "types": []}
    config = {"compilerOptions": options, "include": ["imgmagic/panel/*.js"]}
    (project / "tsconfig.json").write_text(json.dumps(config), encoding="utf-8")
    tsc = npm_tool("tsc", TYPESCRIPT)
    done = subprocess.run([tsc, "-p", "tsconfig.json"], cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def imports(name):
    return re.findall(r'^import .* from "\./([\w.]+)";$', (PANEL / name).read_text(encoding="utf-8"), re.MULTILINE)


def test_every_module_travels_and_imports_only_from_the_ones_before_it():
    assert {each.name for each in PANEL.glob("*.js")} == {*modules.ORDER, "loader.js"}
    for place, name in enumerate(modules.ORDER):
        assert set(imports(name)) <= set(modules.ORDER[:place]), name
        # What the loader replaces is every import there is.
        assert len(imports(name)) == len(re.findall(r"\bimport\b(?!\()", _code(name))), name
    assert imports("loader.js") == []


def _code(name):
    """Give a module without its comments."""
    return re.sub(r"^\s*(//|/?\*).*$|/\*\*.*?\*/", "", (PANEL / name).read_text(encoding="utf-8"), flags=re.MULTILINE)


@pytest.mark.parametrize("name", [*modules.ORDER, "loader.js"])
def test_nothing_is_put_into_the_page_as_markup_and_nothing_comes_from_a_network(name):
    code = (PANEL / name).read_text(encoding="utf-8")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", code)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|fetch\(|XMLHttpRequest", code)


def test_every_rule_of_the_style_sheet_is_the_panels_own():
    css = re.sub(r"/\*.*?\*/", "", (PANEL / "panel.css").read_text(encoding="utf-8"), flags=re.DOTALL)
    selectors = [each.strip() for block in re.findall(r"([^{}]+)\{", css) for each in block.split(",")]
    assert [each for each in selectors if ".imgmagic-" not in each and not each.startswith("@")] == []
