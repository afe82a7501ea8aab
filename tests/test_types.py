"""The types of the Python API, as mypy and pyright find them in a project that has imgmagic installed."""

import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import imgmagic
from tests.peers import npm_tool, require_node

EXAMPLE = Path(__file__).parent / "typed_example"
PYRIGHT = "pyright@1.1.400"


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """Make an environment in which this imgmagic is installed, so that `py.typed` is what gives its types away."""
    home = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
    (packages,) = home.glob("lib/python*/site-packages")
    (packages / "imgmagic").symlink_to(Path(imgmagic.__file__).parent)
    (packages / "rest.pth").write_text(sysconfig.get_path("purelib"))
    return home / "bin" / "python"


@pytest.fixture
def project(tmp_path):
    for file in EXAMPLE.glob("*.*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def mypy(python, project):
    pytest.importorskip("mypy")
    command = [sys.executable, "-m", "mypy", "--python-executable", python, "postcards.py"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def pyright(python, project):
    require_node()
    command = [npm_tool("pyright", PYRIGHT), "--pythonpath", python, "--outputjson", "postcards.py"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)["generalDiagnostics"]
    said = [f"{each['range']['start']['line'] + 1}: {each['severity']}: {each['message']}" for each in found]
    return "\n".join(said) or "Success: no issues found in 1 source file\n"


@pytest.mark.parametrize("checker", [mypy, pyright])
def test_a_typed_project_is_checked_without_a_word_and_its_mistakes_are_found(checker, python, project):
    # The mistakes are marked as such in the example; a mark without a mistake is an error for both.
    assert checker(python, project) == "Success: no issues found in 1 source file\n"
    file = project / "postcards.py"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('words, n=2, size="256x256"', 'words, m=2, size="256x256"'), encoding="utf-8")
    assert "m=2" not in (found := checker(python, project)), found
    assert '"m"' in found


def test_the_typed_project_runs(project):
    command = [sys.executable, "postcards.py", "."]
    environment = {"PYTHONPATH": str(Path(imgmagic.__file__).parents[1]), "PATH": ""}
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True, env=environment)
    assert "none outside the mask; no content credentials" in done.stdout
    assert (project / "card.webp").exists()
