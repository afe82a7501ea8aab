"""How the sketch engine draws: variations, retakes, sizes, quality, unfinished pictures, and what stands where."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from imgmagic.calls import StoppedError, Watch
from imgmagic.engines.sketch import SketchEngine, parts, picture, relief, things, vocabulary
from imgmagic.engines.sketch.scene import Scene, Thing
from imgmagic.engines.sketch.shore import shore_of
from imgmagic.engines.sketch.view import View
from imgmagic.exchange import ImageRequest, ImageResponse, Input

PLACES = sorted({*vocabulary.PLACES, "island", "harbour", "space", "studio"})
TIMES = sorted({*vocabulary.TIMES, "golden hour"})
KINDS = sorted({*vocabulary.THINGS, "road", "bridge", "boulders", "person"})
STANDING = sorted({*things.PLANS, "bridge"} & {*KINDS})


def imagine(prompt: str, engine: SketchEngine | None = None, watch: Watch | None = None, **options) -> ImageResponse:
    return (engine or SketchEngine()).make(ImageRequest("imagine", prompt, **{"size": "256x256", **options}), watch)


def refine(data: bytes, words: str, **options) -> bytes:
    request = ImageRequest("refine", words, size="auto", inputs=(Input("source", data),), **options)
    return SketchEngine().make(request).images[0]


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def thumb(image: Image.Image | bytes, side: int = 16) -> np.ndarray:
    image = opened(image) if isinstance(image, bytes) else image
    return np.asarray(image.convert("RGB").resize((side, side), Image.Resampling.BOX), float)


def drawn(*things: Thing | str, place: str = "meadow", side: int = 256, **options) -> np.ndarray:
    scene = Scene(place, things=tuple(Thing(each) if isinstance(each, str) else each for each in things), **options)
    return np.asarray(picture.draw(scene, side, side), int)


# Variations and retakes


@pytest.mark.parametrize("prompt", ["a beach on a sunny day", "a mountain lake at sunset", "a meadow", "a city by day"])
def test_variations_are_other_compositions_and_not_other_noise(prompt):
    small = [thumb(each, 8) for each in imagine(prompt, n=5).images]
    apart = [np.abs(a - b).mean() for number, a in enumerate(small) for b in small[:number]]
    assert min(apart) > 2
    assert np.median(apart) > 6


def test_a_variation_is_the_same_however_many_were_asked_for():
    assert imagine("a lake", n=2).images == imagine("a lake", n=4).images[:2]


def test_a_retake_goes_on_where_the_last_answer_ended():
    four = imagine("a lake", n=4).images
    assert imagine("a lake", n=2, take=2).images == four[2:]
    assert len(set(four)) == 4


def test_a_retake_of_an_edit_is_another_composition():
    source = imagine("a lake").images[0]
    first, second = (refine(source, "make it night", take=take) for take in (0, 1))
    assert np.abs(thumb(first) - thumb(second)).mean() > 3


def test_a_retaken_card_is_on_other_paper():
    assert imagine("unicorn", take=1).images[0] == imagine("unicorn", n=2).images[1]


# Size and quality


@pytest.mark.parametrize("size", [(256, 768), (768, 256), (256, 1024), (1024, 256)])
@pytest.mark.parametrize("place", ["beach", "harbour", "forest", "space"])
def test_extreme_shapes_have_sky_and_ground(size, place):
    image = np.asarray(picture.draw(Scene(place, things=(Thing("clouds"), Thing("palms")), seed=3), *size), float)
    assert image.shape == (size[1], size[0], 3)
    assert image.std() > 8


def test_quality_is_the_working_resolution():
    low, medium, high = (opened(imagine("a pine forest", quality=each).images[0]) for each in ("low", "medium", "high"))
    detail = [np.abs(np.diff(np.asarray(each, float), axis=1)).mean() for each in (low, medium, high)]
    assert detail[0] < 0.8 * detail[1]
    assert high.tobytes() != medium.tobytes()
    for other in (low, high):
        assert other.size == medium.size
        assert np.abs(thumb(other, 8) - thumb(medium, 8)).mean() < 3


# Unfinished pictures, and an end before the end


def watched(engine: SketchEngine, **options) -> tuple[bytes, list[bytes]]:
    watch = Watch()
    answer = imagine("a beach", engine, watch, size="512x512", **options)
    watch.end(awaited=True)
    return answer.images[0], [told.partial for told in watch.news() if told.partial is not None]


@pytest.mark.parametrize("partials", [1, 2, 3])
def test_unfinished_pictures_show_the_picture_that_is_coming(partials):
    final, told = watched(SketchEngine(partials=partials))
    assert len(told) == partials
    assert np.abs(thumb(told[0]) - thumb(final)).mean() < 8
    assert final == imagine("a beach", size="512x512").images[0]


@pytest.mark.parametrize(
    ("partials", "options", "count"),
    [(None, {}, 0), (None, {"quality": "high"}, 1), (0, {"quality": "high"}, 0), (3, {"n": 2}, 0)],
)
def test_unfinished_pictures_are_shown_when_asked_for_or_when_it_takes_long(partials, options, count):
    engine = SketchEngine(partials)
    assert engine.partials(ImageRequest("imagine", "a beach", **options)) == count
    assert len(watched(engine, **options)[1]) == count


def test_an_unfinished_cut_out_is_transparent():
    _, told = watched(SketchEngine(partials=1), background="transparent")
    assert opened(told[0]).mode == "RGBA"


@pytest.mark.parametrize("end", [Watch.stop, Watch.detach])
def test_a_drawing_that_nobody_wants_any_more_ends(end):
    class Impatient(Watch):
        def partial(self, data):
            super().partial(data)
            end(self)

    with pytest.raises(StoppedError, match="stopped"):
        imagine("a beach", SketchEngine(partials=1), Impatient(), size="3840x2160")


# Places, times and things


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("time", TIMES)
def test_each_place_looks_like_itself_at_every_time(place, time):
    image = picture.draw(Scene(place, time, things=(Thing("clouds"),), seed=5), 256, 256)
    assert np.asarray(image).std() > 4


def test_no_two_places_look_alike():
    small = {place: thumb(picture.draw(Scene(place, seed=5), 256, 256)) for place in PLACES}
    assert small["space"].mean() < 60
    assert np.ptp(small["studio"], axis=-1).mean() < 30
    for one in PLACES:
        for other in PLACES:
            same = {one, other} <= {"meadow", "hills", "forest", "mountains"} or {one, other} <= {"sea", "city"}
            assert one == other or same or np.abs(small[one] - small[other]).mean() > 3, (one, other)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", ["meadow", "beach", "lake", "river", "sea"])
def test_each_thing_is_seen_where_it_is_put(kind, place):
    time = "night" if kind in ("moon", "stars") else "day"
    apart = np.abs(drawn(kind, place=place, time=time, seed=4) - drawn(place=place, time=time, seed=4)).max(-1)
    assert (apart > 16).mean() > 0.0004


@pytest.mark.parametrize("kind", STANDING)
def test_each_standing_thing_can_be_cut_out(kind):
    alpha = np.asarray(picture.draw(Scene("meadow", things=(Thing(kind),), seed=4), 256, 256, transparent=True))[..., 3]
    assert 0.0005 < (alpha > 200).mean() < 0.7


@pytest.mark.parametrize("kind", STANDING)
def test_in_the_studio_things_are_large_and_before_a_plain_backdrop(kind):
    backdrop, full = drawn(place="studio"), drawn(kind, place="studio")
    assert np.abs(np.diff(backdrop[:100], axis=1)).max() < 6
    assert (np.abs(full - backdrop).max(-1) > 24).mean() > 0.005


@pytest.mark.parametrize(("kind", "number"), [("boulders", 3), ("person", 4), ("house", 2), ("birds", 5)])
def test_as_many_are_placed_as_were_asked_for(kind, number):
    view = View(Scene("meadow", seed=2), 256, 256)
    assert len(things.placed(view, Thing(kind, count=number), None)) == number


@pytest.mark.parametrize("kind", ["house", "person"])
@pytest.mark.parametrize("place", ["beach", "lake", "river", "harbour", "island", "sea"])
def test_nobody_and_no_house_stands_in_the_water(kind, place):
    for seed in range(6):
        view = View(Scene(place, seed=seed), 256, 256)
        shore = shore_of(view)
        view.ground = relief.ground_of(view, shore)
        *islet, found = things.placed(view, Thing(kind), shore)
        assert bool(islet) is (things._water(shore, found.across, found.depth) > 0)


def test_a_house_is_not_hidden_behind_trees():
    for seed in range(12):
        bare, wood = (
            (np.abs(drawn("house", *trees, place="forest", seed=seed) - drawn(*trees, place="forest", seed=seed)) > 24)
            for trees in ((), ("pines",))
        )
        assert wood.any(-1).sum() > 0.6 * bare.any(-1).sum()


def stood(scene, size=(256, 256)):
    """Give what `things.paint` would stand into a scene."""
    view = View(scene, *size)
    shore = None if scene.place == "meadow" else shore_of(view)
    view.ground = relief.ground_of(view, shore)
    return [each for thing in scene.things for each in things.placed(view, thing, shore)], view


@pytest.mark.parametrize("size", [(256, 256), (384, 160), (160, 288)])
def test_near_pines_frame_a_lake_on_one_side(size):
    for seed in range(8):
        found, view = stood(Scene("lake", things=(Thing("pines"),), seed=seed), size)
        near = [each.across for each in found if each.grown and each.tall / each.depth > 0.4]
        assert all(abs(across) > 0.4 * view.reach and across * view.sun[0] < 0 for across in near)


def test_larger_trees_grow_where_they_stand():
    thing = Thing("trees")
    before, after = (
        stood(Scene("meadow", things=(each,), seed=3))[0] for each in (thing, replace(thing, size="large"))
    )
    assert [replace(each, scale=1.5, make=None) for each in before] == [replace(each, make=None) for each in after]


@pytest.mark.parametrize(("side", "way"), [("left", -1), ("right", 1)])
def test_a_beach_lies_where_palms_were_asked_for(side, way):
    for seed in range(4):
        found, _ = stood(Scene("beach", things=(Thing("palms", count=3, side=side),), seed=seed))
        assert len(found) == 3
        assert all(each.across * way > 0 and not each.wet for each in found)


def test_a_house_stays_where_it_is_when_the_trees_go():
    for place in ("lake", "meadow", "forest"):
        views = [View(Scene(place, things=each, seed=3), 256, 256) for each in ((), (Thing("pines"),))]
        shore = shore_of(views[0]) if place == "lake" else None
        one, other = (things.placed(view, Thing("house"), shore)[-1] for view in views)
        assert (one.depth, one.across) == (other.depth, other.across)


def test_what_stands_in_water_is_mirrored_in_it():
    full, bare = drawn("lighthouse", place="sea", seed=1), drawn(place="sea", seed=1)
    view = View(Scene("sea", seed=1), 256, 256)
    *_, tower = things.placed(view, Thing("lighthouse"), shore_of(view))
    foot = round(view.horizon + view.unit / tower.depth)
    redder = (full - bare)[foot + 3 : foot + 25, :, 0]
    assert (redder > 8).sum() > 10


def test_shadows_fall_away_from_where_the_sun_is_seen():
    for seed in range(4):
        scene = Scene("desert", things=(Thing("person"),), seed=seed)
        view = View(scene, 512, 512)
        without, full = (np.asarray(picture.draw(each, 512, 512), int) for each in (replace(scene, things=()), scene))
        darker = (without - full).sum(-1) > 30
        columns = np.nonzero(darker)[1]
        view.ground = relief.ground_of(view, None)
        (one,) = things.placed(view, Thing("person"), None)
        at = one.across * view.unit + view.width / 2
        assert np.sign(columns.mean() - at) == np.sign(one.across - view.sun[0])


@pytest.mark.parametrize("kind", ["lighthouse", "sailboat", "palms"])
def test_the_mask_of_a_thing_covers_it(kind):
    scene = Scene("beach", things=(Thing(kind),), seed=3)
    image = picture.draw(scene, 256, 256)
    mask = np.asarray(opened(parts.find(picture.encode(image, scene, "png", None), kind)))[..., 3]
    apart = np.abs(np.asarray(image, int) - np.asarray(picture.draw(scene.without(kind), 256, 256), int)).max(-1)
    assert (mask[apart > 20] < 128).mean() > 0.9
    assert (mask[apart == 0] > 128).mean() > 0.9
