"""The README is executed, and what it says of options, settings and errors is what the code has."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import imgmagic
from imgmagic.cell import option_table
from imgmagic.defaults import NAMES
from imgmagic.environment import Environment
from imgmagic.settings import Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_every_python_block_runs_in_order(cells):
    for block in blocks("python"):
        cells(block)
    assert cells("np.asarray(hero).shape").value == (512, 512, 3)
    assert cells("night.parent == beach").value
    assert Path("meadow.png").read_bytes() == cells("hero.bytes").value
    assert Path("meadow.webp").exists()


def test_the_two_cells_at_the_top_run(cells):
    for block in re.findall(r"```\n(%%.*?)```", README, re.DOTALL):
        cells(block)
    assert [each.operation for each in cells.history] == ["imagine", "refine"]


@pytest.mark.parametrize(("block", "engine"), [(0, "azure"), (1, "openai"), (2, "compatible")])
def test_every_set_of_variables_connects(block, engine):
    exports = [each for each in blocks("bash") if each.startswith("export")]
    script = f"{exports[block].replace('…', 'key')}\nenv"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, env={"PATH": os.defpath})
    variables = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    settings = Settings.from_env(Environment(variables))
    assert settings.engine == engine
    assert settings.model


@pytest.mark.parametrize("operation", ["imagine", "refine"])
def test_the_option_tables_are_the_parsers(operation):
    assert f"<!-- options: {operation} -->\n\n{option_table(operation)}\n" in README


def test_every_setting_is_explained():
    table = README.split("## Settings")[1].split("## ")[0]
    assert set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (.*?) \|", table, re.MULTILINE)))) == set(NAMES)


def test_every_error_is_explained():
    errors = {name for name in imgmagic.__all__ if name.endswith("Error")}
    assert set(re.findall(r"^\| `(\w+Error)`", README, re.MULTILINE)) == errors - {"ImgmagicError"}


def test_every_picture_and_file_it_names_is_there():
    for name in re.findall(r'(?:src="|\]\()((?!http)[^")]+)', README):
        assert (ROOT / name).exists(), name


def test_the_test_command_is_the_one_that_ci_runs():
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "README.md" in ci
    assert any(".venv/bin/pytest" in block for block in blocks("bash"))


def test_the_changelog_is_written_for_users():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## {imgmagic.__version__}" in changelog
    assert set(re.findall(r"^### (.*)$", changelog, re.MULTILINE)) <= {"Added", "Changed", "Fixed"}


def test_the_version_is_a_release_number():
    assert re.fullmatch(r"\d+\.\d+\.\d+", imgmagic.__version__)
    assert sys.version_info >= (3, 10)
