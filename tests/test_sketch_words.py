"""What the sketch engine makes of words, without drawing: both languages, sideways and by accident."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from imgmagic.engines.sketch import SketchEngine, edits, instructions, lexicon, reading, vocabulary, words
from imgmagic.engines.sketch.scene import Scene, Thing, Tone
from imgmagic.errors import SketchError
from imgmagic.exchange import ImageRequest, ImageResponse, Input
from tests.babble import babble

BEACH = Scene("beach", things=(Thing("palms"), Thing("sun"), Thing("clouds")), seed=7)


def edited(scene: Scene, instruction: str) -> Scene:
    result = instructions.edit(scene, instruction).scene
    assert result is not None
    return result


def composed(prompt: str) -> Scene:
    result = words.read_prompt(prompt).scene
    assert result is not None
    return result


# The vocabulary


def test_every_name_of_the_vocabulary_means_itself():
    for section in ("thing", "place", "time", "weather", "colour", "side", "style"):
        for name in vocabulary.WORDS[section]:
            first = vocabulary.WORDS[section][name][0]
            hit = lexicon.index()[first]
            assert (hit.kind, hit.name or "plain") == (section, name)


def test_what_the_facts_speak_of_is_in_the_vocabulary():
    assert set(vocabulary.USUAL) == set(vocabulary.PLACES)
    assert set(vocabulary.HEEDED) == set(vocabulary.THINGS)
    for table, section in (
        ("COLOURS", "colour"),
        ("ADJUSTMENTS", "adjustment"),
        ("WAVES", "wave"),
        ("FORCES", "force"),
    ):
        assert set(getattr(vocabulary, table)) == set(vocabulary.WORDS[section])
    assert {*vocabulary.STYLES, "plain"} == set(vocabulary.WORDS["style"])
    assert {*vocabulary.GEOMETRY, "wider", "cut off"} == set(vocabulary.WORDS["geometry"])


def test_drawn_uses_the_english_singular_whatever_the_language():
    for prompt in ("palms, pines, trees, birds, flowers and boulders", "ヤシと松と木と鳥と花と岩"):
        drawn = words.read_prompt(prompt).drawn
        assert {"palm", "pine", "tree", "bird", "flower", "boulder"} <= set(drawn)
    assert "snowfield" in words.read_prompt("雪原").drawn


# Prompts


@pytest.mark.parametrize(
    ("prompt", "left"),
    [
        ("A highly detailed, photorealistic image of a beach, 8k, f/1.8, 35mm, --ar 16:9", []),
        ("a teddy bear and a cat playing chess on the beach", ["teddy bear", "cat", "chess"]),
        ("An Astronaut on a beach near the Eiffel Tower", ["Astronaut", "Eiffel Tower"]),
        ("a beach without people, no dogs", []),
        ("northern lights over a lake", ["northern lights"]),
        ("猫がギターを弾いているビーチ", ["猫", "ギター"]),
        ("花火と黒猫のいる海", ["花火", "黒猫"]),
        ("美しい夕焼けに照らされた静かな湖を眺める", []),
        ("川沿いの道を歩く人", []),
        ("ビーチパラソルのある砂浜", ["ビーチパラソル"]),
        ("a pier on a lake in the desert", ["pier", "desert"]),
        ("a red and blue and white balloon", ["blue"]),
        ("友達三人と山", ["友達"]),
    ],
)
def test_what_is_left_out_are_the_subjects_that_are_unknown_as_they_were_typed(prompt, left):
    assert list(words.read_prompt(prompt).not_drawn) == left


@pytest.mark.parametrize(
    ("prompt", "place", "time", "weather", "drawn"),
    [
        ("golden hour in the mountains", "mountains", "golden hour", "clear", set()),
        ("a town by the sea on a foggy evening", "sea", "sunset", "fog", {"city"}),
        ("a village by the sea", "sea", "day", "clear", {"house"}),
        ("a bright winter day in the hills", "hills", "day", "clear", {"snow"}),
        ("snowy mountains at sunset", "mountains", "sunset", "clear", {"snow"}),
        ("晴れた冬の日の雪山", "mountains", "day", "clear", {"snow"}),
        ("snow on the peaks of the mountains in fog", "mountains", "day", "fog", {"snow"}),
        ("a snow-covered road by a lake", "lake", "day", "clear", {"snow", "road"}),
        ("a blizzard in the mountains", "mountains", "day", "snow", {"overcast"}),
        ("雪の降る森", "forest", "day", "snow", {"overcast"}),
        ("a city in winter", "city", "day", "snow", {"overcast"}),
        ("the far shore of a lake at dusk", "lake", "dusk", "clear", {"mountains"}),
        ("a lake between green hills and a forest", "lake", "day", "clear", {"hills", "forest"}),
        ("stars in outer space", "space", "night", "clear", {"stars"}),
        ("a red balloon before a plain background", "studio", "day", "clear", {"balloon"}),
        ("full moon in the fog over the sea", "sea", "night", "fog", {"moon"}),
        ("東京の夜景", "city", "night", "clear", {"moon"}),
        ("霧の港と灯台", "harbour", "day", "fog", {"lighthouse", "sea"}),
        ("雪山と湖", "lake", "day", "clear", {"mountains"}),
        ("snowy mountains under a blue sky", "mountains", "day", "clear", set()),
        ("よるのやまとみずうみ", "lake", "night", "clear", {"mountains"}),
        ("the sea and palms", "beach", "day", "clear", {"sea"}),
        ("a cabin in winter", "snow", "day", "clear", {"house", "snow"}),
    ],
)
def test_place_time_and_weather_are_one_each(prompt, place, time, weather, drawn):
    reading = words.read_prompt(prompt)
    assert reading.scene is not None
    assert (reading.scene.place, reading.scene.time, reading.scene.weather) == (place, time, weather)
    assert drawn <= set(reading.drawn)


@pytest.mark.parametrize(
    ("prompt", "things"),
    [
        (
            "a red sailboat on the left, a white one and a house",
            [Thing("sailboat", side="left", colour="red"), Thing("sailboat", 1, colour="white", first=1)],
        ),
        (
            "three red sailboats, two white ones",
            [Thing("sailboat", 3, colour="red"), Thing("sailboat", 2, colour="white", first=3)],
        ),
        (
            "a red sailboat on the left and a white sailboat on the right",
            [Thing("sailboat", side="left", colour="red"), Thing("sailboat", 1, "right", colour="white", first=1)],
        ),
        ("左に小さなヨットが二艘、右に赤い灯台", [Thing("sailboat", 2, "left", "small")]),
        ("三本のヤシの木", [Thing("palms", 3)]),
        ("ヤシの木を3本", [Thing("palms", 3)]),
        ("a couple of houses", [Thing("house", 2)]),
        ("lots of birds", [Thing("birds", amount=1.8)]),
        ("a bird over the sea", [Thing("birds", 1)]),
        ("a flock of birds", [Thing("birds")]),
        ("a man and a woman on a path", [Thing("person", 2)]),
        ("海辺の道を歩く二人", [Thing("person", 2)]),
        ("many colourful balloons over a desert", [Thing("balloon", 5)]),
        ("a sleepy village", [Thing("house", 5)]),
        ("two boats and one more boat", [Thing("sailboat", 3)]),
        ("a red and white lighthouse", [Thing("lighthouse", colour="red")]),
        ("a green and a red balloon", [Thing("balloon", colour="green"), Thing("balloon", 1, colour="red", first=1)]),
    ],
)
def test_number_side_size_and_colour_are_of_the_thing_they_stand_by(prompt, things):
    assert list(composed(prompt).every(things[0].kind)) == things


@pytest.mark.parametrize(
    ("prompt", "field", "value"),
    [
        ("a lake under a pink sky", "sky", Tone("pink")),
        ("a purple sunset over the sea", "sky", Tone("purple")),
        ("an orange sunset over the sea", "sky", Tone()),
        ("a beach with turquoise water", "water", Tone("turquoise")),
        ("黒い砂のビーチ", "ground", Tone("black")),
        ("a calm sea", "waves", 0.5),
        ("荒い波の海", "waves", 1.7),
        ("heavy rain on a lake", "force", 1.6),
        ("a retro style photo of a lake", "filters", ("vintage",)),
    ],
)
def test_tones_waves_and_styles_are_read(prompt, field, value):
    assert getattr(composed(prompt), field) == value


# Instructions


@pytest.mark.parametrize(
    ("instruction", "change"),
    [
        ("the sky and the sea darker", {"sky": Tone("", 1.05, 0.72), "water": Tone("", 1.05, 0.72)}),
        ("空と海を暗くして", {"sky": Tone("", 1.05, 0.72), "water": Tone("", 1.05, 0.72)}),
        ("make the sky a bit darker", {"sky": Tone("", 1.0247, 0.8485)}),
        ("the sky is too bright", {"sky": Tone("", 1.0, 0.8621)}),
        ("turn the brightness up", {"filters": ("brighter",)}),
        ("blur it a little", {"filters": ("blurred:0.5",)}),
        ("much more vivid colours", {"filters": ("vivid:1.6",)}),
        ("reduce the contrast", {"filters": ("flat",)}),
        ("彩度を少し下げて", {"filters": ("muted:0.5",)}),
        ("make everything pink", {"filters": ("pink tint",)}),
        ("calmer water", {"waves": 0.5}),
        ("smaller waves", {"waves": 0.5882}),
        ("波を高くして", {"waves": 1.7}),
        ("rotate by 15 degrees counterclockwise", {"filters": ("rotate:-15",)}),
        ("左に90度回転して", {"filters": ("rotate:-90",)}),
        ("flip it upside down", {"filters": ("flip",)}),
        ("左右反転", {"filters": ("mirror",)}),
        ("crop to the left half", {"filters": ("crop:2:left",)}),
        ("zoom in 2x", {"filters": ("zoom:2",)}),
        ("crop out the left side", {"filters": ("crop:1.33:right",)}),
        ("左半分だけにして", {"filters": ("crop:2:left",)}),
        ("波を穏やかに", {"waves": 0.5}),
        ("replace the clear sky with a stormy one", {"weather": "storm", "things": (Thing("palms"), Thing("clouds"))}),
        ("make the sky bluer", {"sky": Tone("", 1.3, 1.05)}),
        ("そらをあおくして", {"sky": Tone("", 1.3, 1.05)}),
        ("increase the size of the sun", {"things": (Thing("palms"), Thing("sun", size="large"), Thing("clouds"))}),
        ("make the sky of the day redder", {"sky": Tone("red")}),
    ],
)
def test_an_instruction_changes_what_it_names_and_nothing_else(instruction, change):
    assert edited(BEACH, instruction) == replace(BEACH, **change)


@pytest.mark.parametrize(
    ("start", "instruction", "change"),
    [
        (replace(BEACH, weather="rain"), "heavier rain", {"force": 1.6}),
        (replace(BEACH, weather="fog"), "霧を薄くして", {"force": 0.6}),
        (replace(BEACH, weather="overcast"), "less cloudy", {"weather": "cloudy"}),
        (replace(BEACH, filters=("oil",)), "as a watercolour", {"filters": ("watercolour",)}),
        (replace(BEACH, filters=("oil", "darker")), "remove the oil effect", {"filters": ("darker",)}),
        (replace(BEACH, filters=("black and white",)), "カラーに戻して", {"filters": ()}),
        (replace(BEACH, filters=("zoom:1.5", "darker")), "zoom out", {"filters": ("darker",)}),
        (replace(BEACH, place="meadow"), "greener grass", {"ground": Tone("", 1.3, 1.05)}),
    ],
)
def test_more_and_less_go_on_from_what_there_is(start, instruction, change):
    after = edited(start, instruction)
    assert {name: getattr(after, name) for name in change} == change


@pytest.mark.parametrize(
    ("instruction", "kinds"),
    [
        ("replace the palms with pines", {"sun", "clouds", "pines"}),
        ("ヤシの木を松に変えて", {"sun", "clouds", "pines"}),
        ("get rid of those ugly clouds", {"palms", "sun"}),
        ("I don't want any clouds", {"palms", "sun"}),
        ("take the sun away", {"palms", "clouds"}),
        ("add a house next to the palms", {"palms", "sun", "clouds", "house"}),
        ("ヤシの隣に家を追加", {"palms", "sun", "clouds", "house"}),
        ("雲はいらない", {"palms", "sun"}),
        ("make the trees taller", {"palms", "sun", "clouds"}),
        ("灯台を右に、家を左に追加", {"palms", "sun", "clouds", "lighthouse", "house"}),
        ("could you please add a lighthouse?", {"palms", "sun", "clouds", "lighthouse"}),
    ],
)
def test_things_come_and_go(instruction, kinds):
    assert {each.kind for each in edited(BEACH, instruction).things} == kinds


@pytest.mark.parametrize(("more", "less"), [("bigger", "smaller"), ("もっと大きく", "もっと小さく")])
def test_a_thing_grows_and_shrinks_by_steps(more, less):
    large = edited(BEACH, f"太陽を{more}して" if more.startswith("も") else f"make the sun {more}")
    again = edited(large, f"太陽を{less}して" if less.startswith("も") else f"make the sun {less}")
    sizes = [each.thing("sun") for each in (large, again)]
    assert [each.size for each in sizes if each] == ["large", ""]


@pytest.mark.parametrize(
    "instruction", ["make it foggy", "霧をかけて", "make it overcast", "let it snow", "嵐にして", "make it rain"]
)
def test_what_shines_goes_with_the_weather_and_comes_back_with_it(instruction):
    covered = edited(BEACH, instruction)
    assert covered.thing("sun") is None
    assert edited(covered, "晴れにして").thing("sun")


@pytest.mark.parametrize(
    "instruction",
    [
        "make the lighthouse red",
        "add a cat",
        "make the cat blue",
        "move the palms",
        "zoom out",
        "make it nicer",
        "何も変えないで",
    ],
)
def test_what_cannot_be_done_is_refused_with_what_can(instruction):
    with pytest.raises(SketchError) as caught:
        instructions.edit(BEACH, instruction)
    assert "add or remove" in caught.value.hint


def test_what_is_said_of_a_thing_and_not_heeded_is_named():
    assert instructions.edit(BEACH, "add a purple lighthouse and a purple rainbow").not_drawn == ("purple",)


def test_clouds_come_with_the_weather_and_not_with_the_time():
    bare = BEACH.without("clouds")
    assert edited(bare, "make it cloudy").thing("clouds")
    assert edited(edited(edited(bare, "make it foggy"), "remove the clouds"), "make it night").thing("clouds") is None


def test_what_something_is_put_beside_is_named_if_it_is_not_there():
    assert instructions.edit(BEACH, "add a house next to the lighthouse").not_drawn == ("lighthouse",)
    assert instructions.edit(BEACH, "add a house behind the trees").not_drawn == ()


# Plain operations


def test_edits_of_the_shape_do_what_they_say():
    pixels = np.arange(48 * 32 * 3, dtype=np.uint8).reshape(32, 48, 3)
    image = Image.fromarray(pixels)
    wanted = {
        "mirror": pixels[:, ::-1],
        "flip": pixels[::-1],
        "rotate:90": np.rot90(pixels, -1),
        "rotate:-90": np.rot90(pixels),
        "rotate:180": pixels[::-1, ::-1],
        "crop:2:left": pixels[:, :24],
        "crop:2:bottom": pixels[16:],
    }
    for edit, expected in wanted.items():
        assert (np.asarray(edits.apply(image, edit)) == expected).all(), edit
    for edit in ("rotate:10", "zoom:1.5", "zoom:2:left", "crop:1.5"):
        assert edits.apply(image, edit).size == image.size
        assert edits.apply(image, edit).tobytes() != image.tobytes()


def test_the_frame_of_what_was_cut_and_turned_is_found_again():
    image = Image.new("RGB", (64, 32))
    chosen = ("crop:2:left", "rotate:90", "darker", "crop:2:top", "zoom:2")
    for each in chosen:
        image = edits.apply(image, each)
    assert image.size == (32, 16)
    assert edits.frame(chosen, image.size) == (64, 32)


def test_the_strength_of_an_edit_counts():
    image = Image.new("RGB", (8, 8), (120, 130, 140))
    levels = [np.asarray(edits.apply(image, f"darker:{power}")).mean() for power in (0.5, 1, 1.6)]
    assert levels[0] > levels[1] > levels[2]


# Any text at all


def test_ten_thousand_strings_in_every_script_raise_no_error_but_ours():
    for text in babble(10_000):
        scene = words.read_prompt(text).scene
        assert scene is None or Scene.from_json(scene.to_json()) == scene, repr(text)
        after = tried(text)
        assert after is None or Scene.from_json(after.to_json()) == after != BEACH, repr(text)


def tried(instruction: str) -> Scene | None:
    """Give the scene after an instruction, or None if it is refused."""
    try:
        return edited(BEACH, instruction)
    except SketchError:
        return None


@pytest.mark.parametrize(
    "text", ["a" * 9000, "空" * 9000, "と" * 9000, "not " * 3000, "beach," * 3000, "赤い花が" * 3000]
)
def test_a_text_without_end_is_read_up_to_somewhere(text):
    assert len(reading.hits(text)) <= 200 + 200
    words.read_prompt(text)


# Seasons, heights, pronouns, and how many are left


@pytest.mark.parametrize("prompt", ["an autumn forest", "autumn leaves by a road", "紅葉の森", "trees in fall"])
def test_autumn_is_in_the_leaves(prompt):
    reading = words.read_prompt(prompt)
    assert reading.scene is not None
    assert reading.scene.thing("trees").colour == "orange"
    assert reading.scene.thing("pines") is None
    assert "autumn" in reading.drawn
    assert reading.not_drawn == ()


@pytest.mark.parametrize(
    ("instruction", "way"),
    [
        ("raise the sun", 1),
        ("move the sun up a little", 1),
        ("太陽をもっと高く", 1),
        ("太陽が低すぎる", 1),
        ("the sun is too low", 1),
        ("the sun is too high", -1),
        ("lower the sun", -1),
        ("the sun should be lower", -1),
        ("太陽を下に動かして", -1),
    ],
)
def test_the_sun_is_raised_and_lowered_and_nothing_else_is(instruction, way):
    sun = edited(BEACH, instruction).thing("sun")
    assert (sun.height > 1) is (way > 0)
    assert edited(BEACH, instruction).with_thing(Thing("sun")) == BEACH


@pytest.mark.parametrize(
    ("instruction", "boat"),
    [
        ("make it smaller", Thing("sailboat", size="small")),
        ("move it to the left", Thing("sailboat", side="left")),
        ("それを右に動かして", Thing("sailboat", side="right")),
        ("I want the boat to be red", Thing("sailboat", colour="red")),
        ("put the boat on the left", Thing("sailboat", side="left")),
    ],
)
def test_it_and_the_thing_are_what_is_there_already(instruction, boat):
    scene = BEACH.with_thing(Thing("sailboat"))
    assert edited(scene, instruction) == BEACH.with_thing(boat)


@pytest.mark.parametrize(
    ("instruction", "boats"),
    [
        ("remove it", []),
        ("消して", []),
        ("I want that gone", []),
        ("get rid of them", []),
        ("それを消して", []),
        ("make it blue", [Thing("sailboat", colour="blue")]),
        ("それを青くして", [Thing("sailboat", colour="blue")]),
        ("make the sun bigger, then remove the boat and add a blue one", [Thing("sailboat", colour="blue")]),
        ("replace it with a lighthouse", []),
        ("それを灯台に変えて", []),
        ("don't remove it, make the sky pink", [Thing("sailboat", colour="red")]),
        ("add more of them", [Thing("sailboat", colour="red"), Thing("sailboat", 1, first=1)]),
        ("add another two", [Thing("sailboat", colour="red"), Thing("sailboat", 2, first=1)]),
        ("make it bigger and red", [Thing("sailboat", size="large", colour="red")]),
        ("put them on the right", [Thing("sailboat", side="right", colour="red")]),
        ("add a white one", [Thing("sailboat", colour="red"), Thing("sailboat", 1, colour="white", first=1)]),
        ("make the boat smaller and then delete it", []),
        ("make it darker", [Thing("sailboat", colour="red")]),
    ],
)
def test_a_pronoun_is_what_was_named_last_or_else_what_the_place_does_not_have_by_itself(instruction, boats):
    scene = BEACH.with_thing(Thing("sailboat", colour="red"))
    assert list(edited(scene, instruction).every("sailboat")) == boats


def test_where_nothing_was_named_a_colour_is_of_the_whole_picture_and_a_pronoun_means_nothing():
    assert edited(BEACH, "make it blue") == replace(BEACH, filters=("blue tint",))
    with pytest.raises(SketchError, match="nothing to do"):
        edited(BEACH, "remove it")


@pytest.mark.parametrize("kind", ["birds", "balloon"])
@pytest.mark.parametrize(
    ("instruction", "way"),
    [
        ("raise the {}", 1),
        ("lift the {} higher", 1),
        ("move the {} up", 1),
        ("{}をもっと高く", 1),
        ("lower the {}", -1),
        ("{}を下げて", -1),
    ],
)
def test_what_flies_is_raised_and_lowered_and_does_not_become_more(kind, instruction, way):
    scene = BEACH.with_thing(Thing(kind))
    thing = edited(scene, instruction.format({"birds": "鳥", "balloon": "気球"}[kind] if "を" in instruction else kind))
    assert thing == scene.with_thing(Thing(kind, height=1.5 if way > 0 else round(1 / 1.5, 4)))


def test_what_neither_shines_nor_flies_is_raised_by_there_being_more_of_it_and_weather_is_lifted():
    assert edited(BEACH, "raise the contrast").filters == ("contrast",)
    assert edited(BEACH, "彩度を下げて").filters == ("muted",)
    assert edited(replace(BEACH, weather="fog"), "lift the fog").weather == "clear"


@pytest.mark.parametrize(
    "instruction", ["there should be exactly four palms", "add precisely four palms", "ヤシをちょうど四本追加"]
)
def test_exactly_as_many_are_so_many_in_all(instruction):
    assert edited(BEACH, instruction) == BEACH.with_thing(Thing("palms", 4))


@pytest.mark.parametrize(("before", "after"), [([], [1]), ([5], [6]), ([0], [0, 1])])
def test_another_one_is_one_more(before, after):
    scene = replace(BEACH, things=(*BEACH.things, *(Thing("birds", count) for count in before)))
    assert [each.count for each in edited(scene, "add another bird").every("birds")] == after


@pytest.mark.parametrize(
    "instruction", ["空を夕焼けみたいなオレンジ色にして", "make the sky orange like a sunset", "オレンジ色の空にして"]
)
def test_a_time_that_a_colour_is_only_compared_with_does_not_come(instruction):
    assert edited(BEACH, instruction) == replace(BEACH, sky=Tone("orange"))


def test_a_time_that_is_compared_with_without_a_colour_does_come():
    assert edited(BEACH, "夕焼けみたいな空にして").time == "sunset"


@pytest.mark.parametrize(
    ("prompt", "instruction"),
    [
        ("planets in space", "remove the planet"),
        ("宇宙", "惑星を消して"),
        ("a beach", "delete the sea"),
        ("a beach", "no sky"),
    ],
)
def test_what_belongs_to_the_place_cannot_be_taken_away_and_the_error_says_so(prompt, instruction):
    with pytest.raises(SketchError, match="belongs to the place"):
        edited(composed(prompt), instruction)


def test_a_noun_in_kana_is_none_where_it_is_the_beginning_of_a_verb():
    assert composed("うみにつきました").thing("moon") is None
    assert composed("うみとつき").thing("moon")


@pytest.mark.parametrize("instruction", ["もう一羽追加して", "add one more", "add another one", "もう一つ追加"])
def test_one_more_is_of_what_there_is(instruction):
    assert edited(BEACH.with_thing(Thing("birds", 5)), instruction) == BEACH.with_thing(Thing("birds", 6))


@pytest.mark.parametrize(
    ("instruction", "moved"),
    [
        ("move one boat to the right", Thing("sailboat", 1, "right", first=2)),
        ("make one boat red", Thing("sailboat", 1, colour="red", first=2)),
        ("ヨットを一艘小さくして", Thing("sailboat", 1, size="small", first=2)),
    ],
)
def test_of_several_things_only_as_many_change_as_is_said(instruction, moved):
    scene = BEACH.with_thing(Thing("sailboat", 3))
    assert list(edited(scene, instruction).every("sailboat")) == [Thing("sailboat", 2), moved]


@pytest.mark.parametrize(
    ("instruction", "left"),
    [
        ("remove the boat on the left", [Thing("sailboat", side="right", first=1)]),
        ("remove the right boat", [Thing("sailboat", side="left")]),
        (
            "make the left boat red",
            [Thing("sailboat", side="left", colour="red"), Thing("sailboat", side="right", first=1)],
        ),
    ],
)
def test_the_left_one_is_the_one_that_is_on_the_left(instruction, left):
    sides = Thing("sailboat", side="left"), Thing("sailboat", side="right", first=1)
    scene = replace(BEACH, things=(*BEACH.things, *sides))
    assert list(edited(scene, instruction).every("sailboat")) == left


@pytest.mark.parametrize(
    ("prompt", "instruction", "changed"),
    [
        ("a mountain lake", "make the mountains higher", {"things"}),
        ("a beach with a house", "move the house closer", {"things"}),
        ("a meadow", "a person walking down a road", {"things"}),
        ("a mountain lake", "make the mountains snowy", {"snow"}),
        ("a cloudy beach", "get rid of the clouds", {"weather", "things"}),
        ("a beach", "左上に月", {"time", "things"}),
        ("a beach", "how about a moon?", {"time", "things"}),
    ],
)
def test_the_place_stays_where_only_something_in_it_is_meant(prompt, instruction, changed):
    before, after = composed(prompt), edited(composed(prompt), instruction)
    assert {name for name in Scene.__dataclass_fields__ if getattr(before, name) != getattr(after, name)} == changed


@pytest.mark.parametrize(
    ("instruction", "message"),
    [
        ("is there a moon?", "no questions"),
        ("how do I add a boat?", "no questions"),
        ("月はありますか？", "no questions"),
        ("make the left half darker", "cannot do that"),
        ("darken the bottom", "cannot do that"),
        ("make it rain cats and dogs", "understand 'cats', 'dogs'"),
        ("move the house up", "has beach, sea"),
        ("undo", "only goes on"),
        ("元に戻して", "only goes on"),
    ],
)
def test_the_error_says_what_is_wrong_and_only_that(instruction, message):
    with pytest.raises(SketchError, match=message):
        edited(composed("a beach with a sailboat"), instruction)


@pytest.mark.parametrize(
    ("instruction", "count"),
    [
        ("half as many birds", 3),
        ("twice as many birds", 12),
        ("remove half of the birds", 3),
        ("鳥を半分消して", 3),
        ("reduce the birds to two", 2),
        ("鳥を二羽に減らして", 2),
        ("鳥を一羽だけ残して", 1),
        ("I only want three birds", 3),
        ("鳥をあと二羽", 8),
        ("get rid of one", 5),
    ],
)
def test_as_many_are_left_as_is_said(instruction, count):
    scene = BEACH.with_thing(Thing("birds", 6))
    assert sum(each.count for each in edited(scene, instruction).every("birds")) == count


@pytest.mark.parametrize(
    ("prompt", "left"),
    [
        ("a blue bridge over a river", ["blue"]),
        ("赤い道のある砂漠", ["赤い"]),
        ("a golden moon over white clouds", ["golden"]),
        ("a man in a red coat and a woman in blue on the beach", []),
        ("a red coat on the beach", ["coat"]),
        ("planets in outer space", []),
        ("宇宙の惑星", []),
    ],
)
def test_a_colour_that_a_thing_cannot_have_is_named_as_left_out(prompt, left):
    assert list(words.read_prompt(prompt).not_drawn) == left


@pytest.mark.parametrize(
    ("prompt", "instruction", "changed"),
    [
        ("a mountain lake", "make the mountains taller", {"things"}),
        ("a stormy sea", "let the storm pass", {"weather", "things"}),
        ("a meadow on a clear day", "make the blue sky orange", {"sky"}),
        ("a meadow on a clear day", "空の青を弱めて", {"sky"}),
        ("a sunset over the sea", "make the sunset more dramatic", {"sky"}),
        ("a red balloon over the sea", "気球をなくして鳥を五羽", {"things"}),
    ],
)
def test_an_edit_changes_what_it_names_and_no_more(prompt, instruction, changed):
    before, after = composed(prompt), edited(composed(prompt), instruction)
    assert {name for name in Scene.__dataclass_fields__ if getattr(before, name) != getattr(after, name)} == changed


def test_what_is_excepted_from_an_edit_of_everything_is_refused():
    with pytest.raises(SketchError):
        edited(BEACH.with_thing(Thing("sailboat")), "everything darker except the boat")


# Comparisons and complaints


@pytest.mark.parametrize(
    ("instruction", "size"),
    [
        ("make the boat half as big", "small"),
        ("half the size of the boat", "small"),
        ("make the boat a third of the size", "small"),
        ("make the boat two times smaller", "small"),
        ("make the boat 50% smaller", "small"),
        ("the boats are much too big", "small"),
        ("ヨットを半分の大きさに", "small"),
        ("ヨットが大きすぎます", "small"),
        ("make the boat 2x bigger", "large"),
        ("make the boat twice the size", "large"),
        ("the boat is too small", "large"),
        ("the boat isn't big enough", "large"),
        ("ヨットを2倍の大きさにして", "large"),
        ("ヨットが小さすぎる", "large"),
    ],
)
def test_a_comparison_is_a_size_and_no_number_and_a_complaint_asks_for_the_contrary(instruction, size):
    scene = BEACH.with_thing(Thing("sailboat"))
    assert edited(scene, instruction) == BEACH.with_thing(Thing("sailboat", size=size))


@pytest.mark.parametrize(
    ("instruction", "change"),
    [
        ("too many palms", {"things": (Thing("palms", amount=0.55), *BEACH.things[1:])}),
        ("ヤシが多すぎる", {"things": (Thing("palms", amount=0.55), *BEACH.things[1:])}),
        ("there are not enough palms", {"things": (Thing("palms", amount=1.8), *BEACH.things[1:])}),
        ("the sky is much too dark", {"sky": Tone("", 0.9524, 1.16)}),
        ("空が暗すぎる", {"sky": Tone("", 0.9524, 1.16)}),
        ("the picture is too bright", {"filters": ("darker",)}),
        ("暗すぎる", {"filters": ("brighter",)}),
        ("the sea is too rough", {"waves": 0.5882}),
        ("波が高すぎる", {"waves": 0.5882}),
        ("the waves are too high", {"waves": 0.5882}),
        ("lower the waves", {"waves": 0.5882}),
        ("make the sea half as rough", {"waves": 0.5882}),
        ("add a boat too", {"things": (*BEACH.things, Thing("sailboat"))}),
    ],
)
def test_what_is_too_much_becomes_less_by_one_step(instruction, change):
    assert edited(BEACH, instruction) == replace(BEACH, **change)


@pytest.mark.parametrize("instruction", ["I don't like it", "I don't like this", "I do not like them"])
def test_what_is_not_liked_goes_only_if_it_is_named(instruction):
    scene = BEACH.with_thing(Thing("sailboat"))
    with pytest.raises(SketchError):
        instructions.edit(scene, instruction)
    assert edited(scene, "I don't like the boat") == BEACH
    assert edited(scene, f"{instruction}, make it bigger") == BEACH.with_thing(Thing("sailboat", size="large"))


# Snow that lies


@pytest.mark.parametrize(
    ("instruction", "lies", "weather"),
    [
        ("add snow on the peaks", True, "clear"),
        ("make the mountains snowy", True, "clear"),
        ("make it winter", True, "clear"),
        ("山に雪を積もらせて", True, "clear"),
        ("make it snow", False, "snow"),
        ("let it snow on the mountains", False, "snow"),
        ("雪を降らせて", False, "snow"),
        ("a blizzard", False, "snow"),
    ],
)
def test_snow_lies_on_what_there_is_or_falls(instruction, lies, weather):
    scene = Scene("lake", things=(Thing("mountains"), Thing("sun"), Thing("clouds")))
    after = edited(scene, instruction)
    assert (after.place, after.snow, after.weather, after.snowy) == ("lake", lies, weather, True)
    for each in ("remove the snow", "雪を消して"):
        gone = edited(replace(after, snow=True), each)
        assert not gone.snowy
        assert gone.thing("sun")


def test_flowers_are_under_the_snow_and_come_back_when_it_goes():
    meadow = composed("a meadow with flowers")
    snowy = instructions.edit(meadow, "make it winter")
    assert {"snow", "meadow"} <= set(snowy.drawn)
    assert "flower" not in snowy.drawn
    assert snowy.scene is not None
    assert edited(snowy.scene, "remove the snow") == meadow
    assert edited(composed("winter"), "remove the snow").place == "meadow"
    assert words.read_prompt("flowers in a snowy meadow").not_drawn == ("flowers",)


def test_a_scene_of_before_there_was_lying_snow_is_read():
    assert Scene.from_json(BEACH.to_json().replace('"snow":false,', "")) == BEACH
    assert Scene.from_json(BEACH.to_json().replace('"snow":false', '"snow":2')) is None


# Lists, plurals, and words that are not drawn


@pytest.mark.parametrize(
    ("prompt", "change"),
    [
        ("green hills, white clouds, blue sky", {}),
        ("the hills, white clouds", {}),
        ("丘、白い雲、青い空", {}),
        ("the hills, the sky pink", {"ground": Tone("pink"), "sky": Tone("pink")}),
    ],
)
def test_a_colour_is_carried_to_the_noun_before_only_if_it_ends_the_list(prompt, change):
    hills = composed(prompt)
    assert hills == replace(composed("hills"), seed=hills.seed, **change)


@pytest.mark.parametrize(
    ("prompt", "thing"),
    [
        ("an island with one palm tree", Thing("palms", 1)),
        ("an island with one tall palm", Thing("palms", 1, size="large")),
        ("hot-air balloons drifting", Thing("balloon", 3)),
        ("a hot-air balloon", Thing("balloon")),
        ("a harbour with boats", Thing("sailboat", 3)),
        ("a boat with white sails", Thing("sailboat", colour="white")),
        ("a group of people on a beach", Thing("person", 3)),
        ("two houses", Thing("house", 2)),
    ],
)
def test_one_is_one_and_a_plural_several(prompt, thing):
    assert composed(prompt).every(thing.kind) == (thing,)


@pytest.mark.parametrize(
    ("prompt", "place", "left"),
    [
        ("blue sky, green grass", "meadow", ()),
        ("blue sky and sand", "beach", ()),
        ("sunest on a beach", "beach", ("sunest",)),
        ("the loveliest beach", "beach", ()),
        ("a big yellow moon over the sea", "sea", ("yellow",)),
        ("the sea and a shooting star", "sea", ("shooting star",)),
        ("a rainy city street", "city", ("street",)),
        ("lights of a city at night", "city", ()),
        ("lights of a city at noon", "city", ("lights",)),
        ("city lights at night", "city", ()),
    ],
)
def test_no_word_is_swallowed_that_could_be_drawn(prompt, place, left):
    reading = words.read_prompt(prompt)
    assert (reading.scene and reading.scene.place, reading.not_drawn) == (place, left)


def test_pastel_is_muted_and_sails_are_the_boat_and_grass_is_green():
    assert composed("the sea, minimal, pastel").filters == ("muted",)
    assert composed("エメラルドグリーンの湖").water == composed("an emerald green lake").water == Tone("emerald")
    assert composed("green grass").ground == composed("a green meadow").ground == Tone()
    assert edited(composed("ヨットと海"), "帆を赤くして").thing("sailboat") == Thing("sailboat", colour="red")


@pytest.mark.parametrize("instruction", ["remove the palms on the left", "左のヤシを消して"])
def test_only_what_is_on_a_side_is_removed_if_that_can_be_told(instruction):
    with pytest.raises(SketchError, match="cannot tell which"):
        instructions.edit(BEACH, instruction)
    assert edited(BEACH, "remove the sun on the left").thing("sun") is None
    right = replace(BEACH, things=(Thing("palms", 2, "left"), Thing("palms", 1, "right", first=2)))
    assert edited(right, instruction).things == (right.things[1],)


@pytest.mark.parametrize(
    ("instruction", "reason"),
    [("zoom out", "can zoom in"), ("keep the palms", "is only to stay"), ("sunest", "sunset")],
)
def test_a_refusal_says_why(instruction, reason):
    with pytest.raises(SketchError, match=reason):
        instructions.edit(BEACH, instruction)


# What is said under a picture


def answer(prompt: str, source: bytes | None = None) -> ImageResponse:
    """Let the engine answer, at 256 px."""
    inputs = () if source is None else (Input("source", source),)
    return SketchEngine().make(ImageRequest("refine" if inputs else "imagine", prompt, size="256x256", inputs=inputs))


def test_a_card_without_letters_shows_prompts_that_work_and_its_caption_says_them_in_the_prompt_s_language():
    card = answer("宇宙人と猫")
    assert "nothing of the prompt was recognised" in card.caption
    for example in vocabulary.EXAMPLES_JAPANESE:
        assert f"“{example}”" in card.caption
        assert words.read_prompt(example).not_drawn == ()
    assert np.asarray(Image.open(BytesIO(card.images[0])).convert("L")).min() < 90


def test_a_refine_says_what_came_and_what_went():
    first = answer("a lake with a boat by day")
    assert "added" not in first.caption
    second = answer("remove the boat, add birds and make it night", first.images[0])
    assert "; added: night, bird, moon, stars; removed: sun, sailboat; drawn: lake" in second.caption


def test_lamps_are_not_called_undrawn_where_they_are_lit():
    assert instructions.edit(composed("a city at night"), "add lights and a boat").not_drawn == ()
    assert instructions.edit(composed("a city"), "add lights and a boat").not_drawn == ("lights",)
