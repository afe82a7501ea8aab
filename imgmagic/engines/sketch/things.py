"""Where things are: trees, boats, houses, birds, flowers.

Everything is placed in the world (x, z) and projected, the far ones drawn first, so that sizes and overlaps are right
by construction. Each kind has its own random numbers: adding one kind moves no other.
"""

# ruff: noqa: PLR2004 - the numbers are the drawing; names for them would only move them away

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from imgmagic.engines.sketch import small, trees
from imgmagic.engines.sketch.noise import fractal, look
from imgmagic.engines.sketch.pen import TALLEST, hue
from imgmagic.engines.sketch.scene import Thing
from imgmagic.engines.sketch.shore import ISLAND
from imgmagic.engines.sketch.standing import Standing, stand
from imgmagic.engines.sketch.view import DARK

if TYPE_CHECKING:
    from collections.abc import Callable

    from imgmagic.engines.sketch.pen import RGB
    from imgmagic.engines.sketch.shore import Shore
    from imgmagic.engines.sketch.view import View

_SIDES = {"left": (-0.44, -0.14), "right": (0.14, 0.44), "centre": (-0.10, 0.10)}
#: What could hide something else.
_GROWN = ("pines", "trees")
#: Where trees stand without being asked for.
_WOODED = ("lake", "river", "forest", "meadow", "hills", "mountains", "snow")
_SCALE = {"small": 0.62, "large": 1.4}
Random = np.random.Generator


def paint(view: View, shore: Shore | None) -> None:
    """Draw every standing thing of the scene, far to near, and what flies above."""
    for thing in view.scene.things:
        if thing.kind == "flowers":
            _flowers(view, thing, shore)
    placed = [
        each for thing in view.scene.things if thing.kind in _PLANS for each in _PLANS[thing.kind](view, thing, shore)
    ]
    if view.scene.place == "studio":
        placed = _staged(view, placed)
    for each in sorted(placed, key=lambda each: -each.depth):
        stand(view, each)


def _trees_of(view: View, shore: Shore | None) -> list[Standing]:
    """Give the trees that stand in a scene, or would: what must be seen keeps clear of them, and never has to move."""
    usual = ["pines"] if view.scene.place in _WOODED else []
    kinds = [kind for kind in _GROWN if view.scene.thing(kind)] or usual
    return [each for kind in kinds for each in _grove(view, view.scene.thing(kind) or Thing(kind), shore)]


def _hidden(across: float, depth: float, tall: float, trees: list[Standing], like: list[Standing]) -> bool:
    """Whether a tree would stand before something, or something before or behind its like."""
    half = tall / depth * 0.6
    return any(
        abs(each.across - across) < half + each.tall / each.depth * (0.6 if each in like else 0.2)
        for each in (*like, *(tree for tree in trees if tree.depth < depth))
    )


def _staged(view: View, placed: list[Standing]) -> list[Standing]:
    """Set things side by side before a plain backdrop, those that are taller somewhat taller."""
    tallest = max((each.tall for each in placed), default=1)
    room = view.reach * 0.80 / max(1, len(placed))
    staged = []
    for number, each in enumerate(sorted(placed, key=lambda each: each.across)):
        depth = 4.2 + 1.1 * (number % 2) * (len(placed) > 2)
        tall = min(0.52, view.reach * 0.62 / len(placed) ** 0.6) * (each.tall / tallest) ** 0.5 * depth
        across = (number - (len(placed) - 1) / 2) * room + 0.15 * each.across
        # What flies keeps above the floor.
        lift = 0.45 if each.lift > 1 else 0.0
        staged.append(replace(each, depth=depth, across=across, tall=tall, lift=lift, wet=False, shade=0.35))
    return staged


def _numbers(thing: Thing, usual: int, most: int = 200) -> range:
    """Give the numbers of things: as many as said, or the usual number scaled; each has a place of its own."""
    first = thing.first
    return range(first, first + min(most, thing.count or max(1, round(usual * thing.amount))))


def _spot(view: View, thing: Thing, random: Random, spread: tuple[float, float] = (-0.5, 0.5)) -> float:
    """Give where something stands across the picture, in units."""
    return float(random.uniform(*_SIDES.get(thing.side, spread))) * view.reach


def _water(shore: Shore | None, across: float, depth: float) -> float:
    """Give how far out in the water a place is, negative on land."""
    return -9.0 if shore is None else float(shore.out(np.asarray(across * depth), np.asarray(depth)))


def _lift(view: View, across: float, depth: float) -> float:
    """Give how high the ground is at a place."""
    return max(0.0, float(view.ground(*np.array([[[across * depth]], [[depth]]], np.float32))[0, 0]))


def _on_road(view: View, across: float, depth: float) -> bool:
    return view.road is not None and float(view.road.away(np.asarray(across * depth), np.asarray(depth))) < 0.4


def _seen(view: View, across: float, depth: float) -> bool:
    """Whether no hill hides the ground at a place."""
    z = np.linspace(depth * 0.3, depth, 24, dtype=np.float32)[:, None]
    slope = (view.ground(z * np.float32(across), z) - 1) / z
    return bool(slope[-1, 0] >= slope.max() - 0.004)


def _palms(view: View, thing: Thing, shore: Shore | None) -> list[Standing]:
    random = view.rng("palms")
    side = shore.mirror if shore and shore.kind == "beach" else (1.0 if random.random() < 0.5 else -1.0)
    side = {"left": -1.0, "right": 1.0}.get(thing.side, side)
    size = _SCALE.get(thing.size, 1.0)
    placed: list[Standing] = []
    for number in _numbers(thing, 6):
        each = view.rng("palm", number)
        # The first two stand in front, the others follow the shore into the distance.
        depth = (
            (2.9, 3.9, 6.0, 8.4, 11.0, 14.5)[number % 6] * float(each.uniform(0.9, 1.12)) * (1 + 0.17 * (number // 6))
        )
        across = (0.475, 0.37, 0.455, 0.40, 0.47, 0.44)[number % 6] + float(each.uniform(-0.05, 0.02))
        across -= 0.05 * (number // 6)
        across = across - 0.43 if thing.side == "centre" else across * side
        tall = float(each.uniform(1.95, 2.35)) * size
        if shore and shore.kind == "beach":
            # Never in the water, whatever side was asked for: as far that way as the sand goes.
            inland = (shore.start + shore.slope * depth + 0.5) / depth / view.reach
            across = max(across * shore.mirror, min(inland, 0.49)) * shore.mirror
        elif shore and shore.kind == "island":
            depth, across = _on_island(view, shore, each, _SIDES.get(thing.side, (-0.46, 0.46)))
        lean = -side * float(each.uniform(0.02, 0.16) + 0.17 * (number % 2 == 0))
        make = partial(trees.palm, each, light=view.light.direction, lean=lean)
        across *= view.reach
        placed.append(Standing(depth, across, tall, make, lift=_lift(view, across, depth)))
    return placed


def _on_island(view: View, shore: Shore, random: Random, spread: tuple[float, float]) -> tuple[float, float]:
    """Choose depth and place across (in widths of the picture) on an island's higher ground."""
    depth = ISLAND[0] + ISLAND[2] * float(random.uniform(-0.55, 0.5))
    half = ISLAND[1] * float(np.sqrt(1 - ((depth - ISLAND[0]) / ISLAND[2]) ** 2)) * 1.3
    return depth, (shore.start + half * float(random.uniform(*spread))) / depth / view.reach


def _grove(view: View, thing: Thing, shore: Shore | None) -> list[Standing]:
    """Conifers or broad-leaved trees: a wood if that is the place, else a few groups that leave the middle open."""
    kind, wood = thing.kind, view.scene.place == "forest"
    usual = 100 if wood else 9 if shore else {"mountains": 26}.get(view.scene.place, 12)
    scale = _SCALE.get(thing.size, 1.0) * (1.7 if shore else {"pines": 2.6, "trees": 2.2}[kind] if wood else 1.5)
    grown: dict[int, Image.Image] = {}

    def make(_tall: int, individual: int) -> Image.Image:
        if individual not in grown:
            own, size = view.rng(kind, "individual", individual), int(min(view.unit * 0.55, TALLEST))
            light = view.light.direction
            pine = kind == "pines"
            leaves = _leaves_of(thing.colour, individual)
            tree = (
                trees.pine(own, size, light, snowy=view.snowy, needles=leaves)
                if pine
                else trees.broad(own, size, light, leaves_of=leaves)
            )
            grown[individual] = tree
        return grown[individual]

    placed: list[Standing] = []
    for number in _numbers(thing, usual):
        each = view.rng(kind, number)
        depth, across = _tree_site(view, thing, shore, each)
        tall, individual = float(each.uniform(0.65, 1.3)) * scale, int(each.integers(5))
        lift = _lift(view, across, depth)
        placed.append(Standing(depth, across, tall, partial(make, individual=individual), shade=0.45, lift=lift))
    return placed + (_undergrowth(view, kind) if wood and not view.snowy else [])


def _leaves_of(colour: str, individual: int) -> RGB | None:
    """Give the colour of a tree's leaves: of orange trees, as in autumn, some are redder and some yellower."""
    if not colour:
        return None
    red, green, blue = hue(colour, (0, 0, 0))
    return (red, green * (0.72, 1.0, 1.28, 0.86, 1.12)[individual], blue) if colour == "orange" else (red, green, blue)


def _tree_site(view: View, thing: Thing, shore: Shore | None, random: Random) -> tuple[float, float]:
    """Choose depth and place across for a tree: on dry land, and not barring the view."""
    reach, wood = view.reach, view.scene.place == "forest"
    if shore is not None:
        depths = {"bank": (2.0, 4.5), "island": (6.5, 10.5)}.get(shore.kind, (2.6, 9.0))
        for _ in range(24):
            depth = float(random.uniform(*depths))
            across = _spot(view, thing, random, (-0.55, 0.55))
            open_ = abs(across) > 0.24 * reach or shore.kind == "island"
            if open_ and _water(shore, across, depth) < -0.12:
                return depth, across
        # No land in sight: a tree at our own feet, at the edge of the picture.
        return 1.65, float(np.sign(across)) * float(random.uniform(0.40, 0.52)) * reach
    near, far = (4.6, 26) if wood else (4.5, 24)
    for _ in range(8):
        depth = float(near * (far / near) ** random.random() ** (0.62 if wood else 1))
        across = _spot(view, thing, random, (-0.56, 0.56))
        if wood and not thing.side and depth < 9:
            # Near trees frame the picture.
            across = float(np.sign(across)) * (0.56 - 0.26 * float(random.random()) * depth / 9) * reach
        if (wood or _seen(view, across, depth)) and not _on_road(view, across, depth):
            break
    return depth, across


def _undergrowth(view: View, kind: str) -> list[Standing]:
    """Bushes on the forest floor, low and dark."""
    random = view.rng(kind, "undergrowth")
    size = int(np.clip(view.unit * 0.14, 24, 400))
    grown = [trees.broad(random, size, view.light.direction, bush=True) for _ in range(3)]
    placed: list[Standing] = []
    for number in range(34):
        depth = float(2.6 * 6 ** random.random())
        across = float(np.sign(random.random() - 0.5) * (0.58 - 0.30 * random.random())) * view.reach
        tall = float(random.uniform(0.12, 0.34))
        lift = _lift(view, across, depth)
        placed.append(Standing(depth, across, tall, partial(_same, grown[number % 3]), shade=0.4, lift=lift))
    return placed


def _same(image: Image.Image, _tall: int) -> Image.Image:
    return image


@dataclass(frozen=True, slots=True)
class _Kind:
    """How a kind of thing is usually placed; depths and heights in world units, what is across in picture widths."""

    draw: Callable[..., Image.Image]
    #: ``dry``, ``wet``, ``air``, or empty for anywhere.
    where: str
    depths: tuple[float, float]
    #: How far from the middle of the picture, and how far from each other if there are several.
    spread: tuple[float, float]
    tall: tuple[float, float]
    usual: int = 1
    gather: float = 0.16
    shade: float = 0.5
    lamp: float = 0.0


_KINDS = {
    "sailboat": _Kind(small.sailboat, "wet", (8, 17), (0.05, 0.36), (1.35, 1.65)),
    "lighthouse": _Kind(small.lighthouse, "wet", (8, 12), (0.16, 0.38), (2.8, 3.0), lamp=0.86),
    "house": _Kind(small.house, "dry", (6.5, 11), (0.14, 0.36), (1.2, 1.3), lamp=0.3),
    "boulders": _Kind(small.boulder, "", (3.2, 12), (0.02, 0.46), (0.22, 0.62), usual=5, gather=0.3, shade=0.6),
    "person": _Kind(small.person, "dry", (4.2, 8), (0.02, 0.3), (0.44, 0.49), gather=0.06, shade=0.6),
    "birds": _Kind(small.bird, "air", (5, 8), (0.0, 0.28), (0.24, 0.40), usual=9, gather=0.13),
    "balloon": _Kind(small.balloon, "air", (7, 17), (0.05, 0.32), (1.1, 1.7), gather=0.5),
}


def _planned(view: View, thing: Thing, shore: Shore | None) -> list[Standing]:
    """Place things of one kind, gathered around a common middle."""
    kind = _KINDS[thing.kind]
    numbers = _numbers(thing, 4 if (thing.kind, view.scene.place) == ("sailboat", "harbour") else kind.usual)
    common = view.rng(thing.kind, "group", numbers[0])
    middle = float(common.uniform(*kind.spread)) * (1 if common.random() < 0.5 else -1)
    dark = view.scene.time in DARK
    trees = [] if kind.where in ("", "air") else _trees_of(view, shore)
    placed: list[Standing] = []
    for number in numbers:
        random = view.rng(thing.kind, number)
        at = float(common.uniform(*_SIDES[thing.side])) if thing.side else middle
        around = (at, kind.gather if number > numbers[0] else 0.0)
        depth, across = _site(view, shore, random, kind, around, trees, placed, sided=bool(thing.side))
        tall = float(random.uniform(*kind.tall)) * _SCALE.get(thing.size, 1.0)
        make = partial(kind.draw, random, colour=thing.colour, side=view.light.side, dark=dark)
        each = Standing(depth, across, tall, make, shade=kind.shade, lamp=kind.lamp * dark)
        if kind.where == "air":
            placed.append(
                replace(each, shade=0, lift=1 + depth * min(0.36, float(random.uniform(0.10, 0.30)) * thing.height))
            )
        else:
            placed += _founded(view, shore, each, float_=kind.where != "dry")
    return placed


def _site(
    view: View,
    shore: Shore | None,
    random: Random,
    kind: _Kind,
    around: tuple[float, float],
    trees: list[Standing],
    like: list[Standing],
    *,
    sided: bool,
) -> tuple[float, float]:
    """Choose depth and place across where such a thing can be, and is seen; if there is none, some place."""
    near, far = kind.depths
    if shore is not None and kind.where == "dry" and shore.kind == "bank":
        # On our own bank, or on the far shore.
        near, far = (1.9, 2.7) if far < 9 else (13, 22)
    best = (-1, near, 0.0)
    for attempt in range(48):
        depth = float(near * (far / near) ** random.random())
        # The longer it takes, the farther from where it was meant to be, also on the other side.
        middle = around[0] * (-1 if attempt % 2 and attempt > 6 and not sided else 1)
        across = (middle + float(random.normal(0, around[1] + 0.015 * attempt))) * view.reach
        room = 0.48 * view.reach - kind.tall[1] / depth * 0.6
        across = max(-room, min(across, room))
        # A house is rather seen than dry, as an islet can be made (see `_founded`); nobody is left on one, though.
        seen = not _hidden(across, depth, kind.tall[1], trees, like)
        fits = _fits(view, shore, kind, across, depth)
        worth = seen * (2 if kind.tall[1] > 1 else 1) + fits * (1 if kind.tall[1] > 1 else 2)
        if worth > best[0]:
            best = (worth, depth, across)
        if best[0] == 3:
            break
    return best[1:]


def _fits(view: View, shore: Shore | None, kind: _Kind, across: float, depth: float) -> bool:
    if kind.where == "air":
        return True
    water = _water(shore, across, depth)
    fits = {"dry": water < -0.15, "wet": water > 0.4 or shore is None}.get(kind.where, True)
    return fits and not _on_road(view, across, depth) and _seen(view, across, depth)


def _founded(view: View, shore: Shore | None, each: Standing, *, float_: bool) -> list[Standing]:
    """Stand something on the ground or in the water; on an islet, if it cannot stand there."""
    if _water(shore, each.across, each.depth) < 0:
        return [replace(each, lift=_lift(view, each.across, each.depth))]
    if float_:
        return [replace(each, wet=True)]
    islet = partial(_islet, view.rng("islet", round(each.across, 3)), light=view.light.direction)
    ground = Standing(each.depth + 0.05, each.across, each.tall, islet, wet=True)
    return [ground, replace(each, lift=each.tall * 0.24, shade=0)]


def _islet(random: Random, _tall: int, light: tuple[float, float, float]) -> Image.Image:
    """Make an islet of a bush drawn out sideways."""
    bush = trees.broad(random, 160, light, bush=True)
    sheet = Image.new("RGBX", (bush.width * 2, bush.height))
    sheet.paste(bush.resize((bush.width * 2, bush.height // 2)), (0, bush.height - bush.height // 2))
    return sheet


def _bridge(view: View, _thing: Thing, shore: Shore | None) -> list[Standing]:
    random = view.rng("bridge")
    depth, across, long, tall, arches = 11.0, 0.0, 9.0, 1.25, 4
    if shore is not None and shore.kind == "river":
        depth, long, tall, arches = 7.5, 4.6, 0.95, 2
        across = float(shore.middle(np.asarray(depth))) / depth
    make = partial(small.bridge, random, ratio=long / tall, arches=arches, side=view.light.side)
    return [Standing(depth, across, tall, make, wet=shore is not None, lift=_lift(view, across, depth))]


def _flowers(view: View, thing: Thing, shore: Shore | None) -> None:
    """Scatter flower heads over the ground: even in the world, so tiny far away, few and large at our feet."""
    random = view.rng("flowers")
    many = min(9000, round(4200 * thing.amount * view.reach))
    z = view.unit / (view.height - view.horizon) + random.random(many) ** 1.25 * 8
    x = random.uniform(-0.55, 0.55, many) * view.reach
    # Flowers grow in drifts, each of one or two kinds.
    drift = look(fractal(random, 1.7, 2), np.asarray(x * z / 9, np.float32), np.asarray(z / 9, np.float32))
    kept = drift + random.normal(0, 0.35, many) > 0.62
    if shore is not None and shore.kind != "open":
        kept &= shore.out(np.asarray(x * z, np.float32), np.asarray(z, np.float32)) < -0.1
    x, z = x[kept], z[kept]
    rise = view.ground(np.asarray(x * z, np.float32)[None], np.asarray(z, np.float32)[None])[0]
    sheet = Image.new("RGBX", (view.width, view.height - view.first), (0, 0, 0, 0))
    pen = ImageDraw.Draw(sheet)
    light = view.light.ambient + view.light.key * 0.6
    for i in np.argsort(-z).tolist():
        size = view.unit * 0.0115 / z[i] * float(random.uniform(0.6, 1.25)) + 0.35
        at = x[i] * view.unit + view.width / 2, view.horizon + (1 - max(0, rise[i])) / z[i] * view.unit - view.first
        kind = small.PETALS[(int(x[i] * z[i] / 2.5 + 50) + int(random.random() < 0.25)) % len(small.PETALS)]
        petal = np.minimum(np.asarray(hue(thing.colour, kind)) * light * random.uniform(0.8, 1.05), 1) * 255
        _flower(pen, at, size, petal)
    pixels = np.asarray(sheet, np.float32) / 255
    view.lay(pixels[..., :3], pixels[..., 3], view.first, 0)


def _flower(pen: ImageDraw.ImageDraw, at: tuple[float, float], size: float, petal: np.ndarray) -> None:
    (x, y), (red, green, blue) = at, petal.astype(int).tolist()
    pen.ellipse([x - size, y - size * 0.62, x + size, y + size * 0.62], fill=(red, green, blue, 255))
    if size > 3:
        heart = (int(red * 0.8), int(green * 0.62), int(blue * 0.3), 255)
        pen.ellipse([x - size * 0.3, y - size * 0.25, x + size * 0.3, y + size * 0.15], fill=heart)


_PLANS: dict[str, Callable[[View, Thing, Shore | None], list[Standing]]] = {
    "palms": _palms,
    "pines": _grove,
    "trees": _grove,
    "bridge": _bridge,
    **dict.fromkeys(_KINDS, _planned),
}
