"""The rules about the code itself: who may import whom, what is public, what loading costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import imgmagic

PACKAGE = Path(imgmagic.__file__).parent

# Lowest first: a module imports only from rows above its own.
RANKS = [
    ["errors"],
    ["exchange", "environment", "refs", "template", "formats", "checks", "calls", "engines.sse"],
    ["credentials"],
    ["settings", "parts", "store", "manifest", "replay", "stale", "jobs", "cursor"],
    ["executions"],
    ["archive", "cell", "expressions", "images", "prices", "render", "net", "places", "entra", "engines.dialects"],
    [
        "defaults",
        "database",
        "picture",
        "coerce",
        "recording",
        "engines.wire",
        "engines.failure",
        "engines.probe",
        "download",
    ],
    ["engines.explain", "engines.patience", "engines.stream", "values"],
    ["folder", "columns", "packing", "masks", "previews", "budget", "script"],
    ["difference"],
    ["composite", "inputs", "damage"],
    ["prepare"],
    ["tree", "engines.rest", "engines.sketch"],
    ["gallery", "engines", "shelf"],
    ["comparison", "frame"],
    ["recall"],
    ["studio", "syntax", "spot"],
    ["status", "login", "doctor", "recipe", "records", "forget", "prune", "report"],
    ["kernel", "panel"],
    ["completion"],
    ["magics"],
]
RANK = {name: rank for rank, names in enumerate(RANKS) for name in names}

# Each third-party library has one door; the two that draw and the two that speak IPython have the ones named here.
DOORS = {
    "requests": {"net"},
    "urllib3": {"net"},
    "azure": {"entra"},
    "sqlite3": {"database"},
    # `coerce` takes what people have, `masks`, `composite` and `difference` are arithmetic on every pixel.
    "PIL": {"images", "coerce", "masks", "composite", "difference", "comparison", "engines.sketch", "picture"},
    "numpy": {"images", "coerce", "masks", "composite", "difference", "comparison", "engines.sketch", "picture"},
    "anywidget": {"panel"},
    "ipywidgets": set(),
    "pandas": {"frame"},
    "IPython": {"magics", "syntax", "completion", "comparison", "gallery", "jobs", "panel", ""},
    "traitlets": {"magics"},
}


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        yield name.removesuffix("__init__").removesuffix("."), path


def unit(name):
    """Fold the sketch engine's modules into one, and the panel's: each is a unit of its own."""
    return next((each for each in ("engines.sketch", "panel") if f"{name}.".startswith(f"{each}.")), name)


def imports(path, *, everywhere=False):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for node in ast.walk(block)
    }
    nodes = ast.walk(tree) if everywhere else tree.body
    for node in nodes:
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own(target):
    """Give the module of ours that an import names, or None."""
    parts = target.split(".")
    if parts[0] != "imgmagic" or len(parts) == 1:
        return None
    candidates = [".".join(parts[1:end]) for end in (len(parts), len(parts) - 1) if end > 1]
    names = {unit(name) for name, _ in modules()}
    return next((unit(each) for each in candidates if unit(each) in names), None)


def test_lower_layers_never_import_higher_ones():
    for name, path in modules():
        if unit(name) in {"", "engines.sketch"}:
            continue
        for target in imports(path):
            imported = own(target)
            if imported and imported != unit(name):
                assert RANK[imported] < RANK[unit(name)], f"{name} must not import {imported}"


def test_every_module_has_a_rank():
    assert {unit(name) for name, _ in modules()} - {""} == set(RANK)


def test_nothing_outside_knows_what_a_scene_is():
    for name, path in modules():
        if unit(name) not in {"engines.sketch", "engines"}:
            assert "engines.sketch" not in path.read_text(encoding="utf-8"), name


@pytest.mark.parametrize("library", DOORS)
def test_each_library_is_imported_in_one_place(library):
    users = {
        unit(name)
        for name, path in modules()
        for target in imports(path, everywhere=True)
        if target.split(".")[0] == library
    }
    assert users <= DOORS[library]


def test_nothing_prints():
    for name, path in modules():
        calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
        assert not any(isinstance(call.func, ast.Name) and call.func.id == "print" for call in calls), name


def test_broad_excepts_stand_only_where_a_callback_has_nobody_above_it():
    allowed = []
    for name, path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            broad = isinstance(node, ast.ExceptHandler) and ast.unparse(node.type or ast.Constant(None)) == "Exception"
            if broad and not any(isinstance(each, ast.Raise) for each in ast.walk(node)):
                allowed.append(name)
    assert allowed == ["panel"]


def test_all_is_sorted_and_complete():
    assert imgmagic.__all__ == sorted(imgmagic.__all__)
    assert set(imgmagic.__all__) <= set(dir(imgmagic))
    for name in set(imgmagic.__all__) - {"history"}:
        assert getattr(imgmagic, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = imgmagic.nonsense


def test_no_submodule_bears_a_public_name():
    assert not {name.split(".")[0] for name, _ in modules()} & set(imgmagic.__all__)


def test_public_names_have_docstrings():
    for name, path in modules():
        if unit(name) == "engines.sketch":
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert ast.get_docstring(tree), name
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
                overload = any("overload" in ast.unparse(each) for each in node.decorator_list)
                magic = name == "magics" and node.name in {"imagine", "refine"}  # their docstring is the usage text
                public = [each for each in classes if not each.name.startswith("_")]
                nested = node not in tree.body and not any(node in each.body for each in public)
                assert ast.get_docstring(node) or overload or magic or nested, f"{name}.{node.name}"


def test_functions_stay_short():
    lengths = []
    for name, path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                doc = node.body[0].end_lineno - node.body[0].lineno + 1 if ast.get_docstring(node) else 0
                lengths.append((node.end_lineno - node.lineno + 1 - doc, f"{name}.{node.name}"))
    lengths.sort()
    assert lengths[len(lengths) // 2][0] <= 8
    assert lengths[len(lengths) * 9 // 10][0] <= 30
    assert lengths[-1][0] <= 50, lengths[-1]


LOAD = """
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
before = set(sys.modules)
shell.run_line_magic("load_ext", "imgmagic")
print(sorted({name.split(".")[0] for name in set(sys.modules) - before}))
"""


def test_loading_imports_no_heavy_library_prints_nothing_and_writes_nothing(tmp_path):
    done = subprocess.run([sys.executable, "-c", LOAD], cwd=tmp_path, capture_output=True, text=True, check=True)
    (printed,) = done.stdout.splitlines()
    assert not set(ast.literal_eval(printed)) & {"requests", "PIL", "numpy", "anywidget", "ipywidgets", "sqlite3"}
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []


REPLAY = """
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "imgmagic")
for magic, words in (("imagine", "a beach"), ("refine", "make the sky pink")):
    shell.run_cell_magic(magic, "", words)
print(sorted({"PIL", "numpy", "requests"} & set(sys.modules)))
"""


def test_recorded_pictures_are_shown_again_without_any_heavy_library(tmp_path):
    command = [sys.executable, "-c", REPLAY]
    runs = [subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True) for _ in range(2)]
    made, replayed = (ast.literal_eval(each.stdout.splitlines()[-1]) for each in runs)
    assert "PIL" in made
    assert replayed == []


def test_importing_the_package_imports_neither_ipython_nor_anything_heavy():
    heavy = {"IPython", "numpy", "PIL", "requests", "ipywidgets", "anywidget"}
    code = f"import sys, imgmagic; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
