"""The history as a table of pandas."""

import sys

import pytest

from imgmagic import SettingsError, Studio
from imgmagic.frame import COLUMNS
from tests.helpers import Painter


@pytest.fixture
def studio(tmp_path):
    studio = Studio(home=tmp_path / "home", engine=Painter())
    yield studio
    assert studio.history.check() == []


def test_a_missing_pandas_is_said_with_what_to_do(studio, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(SettingsError, match="needs pandas, which is not installed") as refused:
        studio.history.to_frame()
    assert 'pip install "jupyter-imgmagic[frame]"' in refused.value.hint


def test_a_row_a_picture_with_what_is_known_of_it(azure, tmp_path):
    pd = pytest.importorskip("pandas")
    studio = Studio(home=tmp_path / "home")
    first, second = studio.imagine("a cat", n=2, label="hero", quality="high")
    child = studio.refine("bluer", source=first)[0]
    table = studio.history.to_frame()
    assert list(table.index) == [1, 2, 3]
    assert table.index.name == "number"
    assert list(table.label.fillna("")) == ["hero", "", ""]
    assert list(table.parent.fillna(0)) == [0, 0, 1]
    assert list(table.operation) == ["imagine", "imagine", "refine"]
    assert (table.loc[3, "width"], table.loc[3, "height"]) == child.size
    assert list(table.quality) == ["high"] * 3
    assert table.cost_usd.sum() == pytest.approx(studio.history.cost())
    assert table.loc[2, "cost_usd"] == pytest.approx(second.cost_usd)
    assert table.loc[3, "out"] == child.usage.out
    assert table.loc[1, "created"] == pd.Timestamp(first.created)
    assert not table.recorded.any()


@pytest.mark.parametrize("pictures", [0, 1])
def test_the_columns_and_their_types_are_always_the_same(studio, pictures):
    pytest.importorskip("pandas")
    for _ in range(pictures):
        studio.imagine("a cat")
    found = {name: str(kind) for name, kind in studio.history.to_frame().dtypes.items()}
    assert found == COLUMNS


def test_the_session_or_everything(studio, tmp_path):
    pytest.importorskip("pandas")
    studio.imagine("a cat")
    other = Studio(home=tmp_path / "home", engine=Painter())
    other.imagine("a dog")
    assert list(other.history.to_frame().prompt) == ["a dog"]
    assert list(other.history.to_frame(everything=True).prompt) == ["a cat", "a dog"]


def test_what_came_from_a_recording_is_marked(studio, tmp_path):
    pytest.importorskip("pandas")
    studio.imagine("a cat")
    other = Studio(home=tmp_path / "other", engine=Painter())
    other.history.load(studio.history.export(tmp_path / "all"))
    other.imagine("a dog")
    table = other.history.to_frame(everything=True).set_index("prompt")
    assert (table.recorded["a cat"], table.recorded["a dog"]) == (True, False)
