"""What a call costs, before and after."""

import pytest

from imgmagic import SettingsError
from imgmagic.exchange import ImageRequest, Input, Usage
from imgmagic.prices import Cost, cost, estimate, output_tokens


@pytest.mark.parametrize(
    ("model", "quality", "size", "tokens"),
    [
        ("gpt-image-2", "low", (1024, 1024), 196),
        ("gpt-image-2", "medium", (1024, 1024), 1756),
        ("gpt-image-2", "high", (1024, 1024), 7024),
        ("gpt-image-2", "low", (1536, 1024), 158),
        ("gpt-image-2", "high", (1024, 1536), 5488),
        ("gpt-image-2", "medium", (2560, 1440), 1843),
        ("gpt-image-2", "high", (3840, 2160), 13342),
        ("gpt-image-2", "medium", (2880, 2880), 5930),
        ("gpt-image-2", "auto", (1024, 1024), 7024),
        ("gpt-image-2.5-flare", "medium", (1024, 1024), 439),
        ("gpt-image-2.5-sunburst", "xhigh", (1536, 1024), 2459),
        ("gpt-image-2.5-flare", "max", (1024, 1024), 7024),
        ("gpt-image-1.5", "medium", (1024, 1024), 1056),
    ],
)
def test_the_formula_gives_the_published_counts(model, quality, size, tokens):
    assert output_tokens(model, quality, *size) == tokens


@pytest.mark.parametrize(
    ("model", "given", "expected"),
    [
        ("gpt-image-2", {}, Cost(0.05278)),
        ("gpt-image-2-2026-04-21", {}, Cost(0.05278)),
        ("gpt-image-1-mini", {}, Cost(0.014088)),
        ("my-dep", {}, Cost(0.05278, "gpt-image-2")),
        ("my-dep", {"my-dep": "gpt-image-1-mini"}, Cost(0.014088)),
        ("my-dep", {"my-dep": (1, 1, 1)}, Cost(0.001776)),
    ],
)
def test_a_calls_cost_comes_from_its_tokens(model, given, expected):
    found = cost(model, Usage(20, 0, 1756), given)
    assert found.usd == pytest.approx(expected.usd)
    assert found.assumed == expected.assumed


def test_without_counts_the_cost_is_unknown():
    assert cost("gpt-image-2", None, {}) is None


def test_an_estimate_counts_pictures_inputs_and_partials():
    one = estimate("gpt-image-2", ImageRequest("imagine", "a cat"), {}).usd
    assert one == pytest.approx(0.0527, abs=0.0005)
    assert estimate("gpt-image-2", ImageRequest("imagine", "a cat", n=4), {}).usd == pytest.approx(4 * one, rel=0.01)
    refined = ImageRequest("refine", "a cat", inputs=(Input("source", b""),))
    assert estimate("gpt-image-2", refined, {}).usd == pytest.approx(one + 1024 * 8e-6)
    assert estimate("gpt-image-2", ImageRequest("imagine", "a cat"), {}, partials=2).usd == pytest.approx(
        one + 200 * 30e-6
    )
    assert estimate("my-dep", refined, {}).assumed == "gpt-image-2"


@pytest.mark.parametrize("entry", ["gpt-image-99", (1, 2), 5, None])
def test_a_price_of_another_form_is_refused(entry):
    with pytest.raises(SettingsError, match="neither a known model nor three numbers"):
        cost("my-dep", Usage(1, 1, 1), {"my-dep": entry})
