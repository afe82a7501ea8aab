"""Where things are: trees, boats, houses, birds, flowers.

Everything is placed in the world (x, z) and projected, the far ones drawn first, so that sizes and overlaps are right
by construction. One table says where things of a kind are, and one question is asked of every place that comes to mind:
what is under the whole foot of the thing, who sees it, what stands before it. Each kind has its own random numbers:
adding one kind moves no other.
"""

# ruff: noqa: PLR2004 - the numbers are the drawing; names for them would only move them away

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw

from imgmagic.engines.sketch import small, trees
from imgmagic.engines.sketch.noise import fractal, look
from imgmagic.engines.sketch.pen import TALLEST, table
from imgmagic.engines.sketch.scene import Thing
from imgmagic.engines.sketch.standing import Standing, stand
from imgmagic.engines.sketch.view import DARK, rgb
from imgmagic.engines.sketch.vocabulary import COLOURS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from imgmagic.engines.sketch.noise import Floats
    from imgmagic.engines.sketch.shore import Shore
    from imgmagic.engines.sketch.view import View

#: Where across the picture a side is, in its widths.
_SIDES = {"left": (-0.5, -0.16), "right": (0.16, 0.5), "centre": (-0.10, 0.10)}
#: What could hide something else.
_GROWN = ("palms", "pines", "trees")
#: Where trees that nobody counted leave the view open.
_FRAMED = ("lake", "river", "meadow", "hills", "mountains", "snow")
#: Where trees stand without being asked for.
_WOODED = (*_FRAMED, "forest")
_SCALE = {"small": 0.62, "large": 1.5}


_Pair = tuple[float, float]


@dataclass(frozen=True, slots=True)
class _Plan:
    """How a kind of thing is usually placed; ``plans.ini`` says what the fields mean."""

    on: str
    depth: _Pair
    across: _Pair
    tall: _Pair
    half: float
    usual: float
    gather: float = 0.05
    herd: float = 200
    floats: float = 0
    least: float = 0
    grown: float = 0

    @property
    def foot(self) -> float:
        """Half the width of what stands on the ground, in heights."""
        return 0.05 if self.grown else self.half

    def rise(self, view: View, tall: Any, depth: Any) -> Any:
        """Give how tall it is at a depth: so tall, or as tall as it must be to be seen well."""
        return np.maximum(tall, self.least * min(view.reach, 1.3) / self.half / 2 * depth)


PLANS = table("plans")
_DRAWN: dict[str, Callable[..., Image.Image]] = {
    "palms": trees.palm,
    "pines": trees.pine,
    "trees": trees.broad,
    "bushes": partial(trees.broad, bush=True),
    "boulders": small.boulder,
}


def _plan(view: View, thing: Thing, shore: Shore | None) -> _Plan:
    """Read how a thing is placed in this scene."""
    fields: dict[str, Any] = {}
    for key, words in PLANS[thing.kind].items():
        place, _, name = key.rpartition(".")
        if place in ("", view.scene.place, shore.kind if shore is not None else ""):
            numbers = () if name == "on" else tuple(map(float, words.split()))
            fields[name] = words if name == "on" else numbers if len(numbers) > 1 else numbers[0]
    # Trees grow from their feet: their places, and those of others, are as if they were of the usual size.
    scale = 1.0 if thing.kind in _GROWN else _SCALE.get(thing.size, 1.0)
    tall = tuple(each * scale for each in fields["tall"])
    return _Plan(**(fields | {"tall": tall} | ({"least": 0} if thing.size == "small" else {})))


def paint(view: View, shore: Shore | None) -> None:
    """Draw every standing thing of the scene, far to near, and what flies above."""
    scene = view.scene
    things = list(scene.things)
    if scene.place == "forest" and not view.snowy and any(scene.thing(kind) for kind in _GROWN):
        things.append(Thing("bushes"))
    order = list(PLANS)
    things = sorted((each for each in things if each.kind in PLANS), key=lambda each: order.index(each.kind))
    found, wood = [_bridge(view, shore)] if scene.thing("bridge") else [], _trees_of(view, shore)
    for thing in sorted(things, key=_named):
        here = placed(view, thing, shore, found, wood)
        if _named(thing) and thing.kind != "boulders":
            # Where there was no free place for it, the trees before it go.
            found = [each for each in found if not (each.grown and any(_covers(each, other) for other in here))]
        found += here
    for thing in scene.every("flowers"):
        _flowers(view, thing, shore)
    if scene.place == "studio":
        found = _staged(view, found)
    for each in sorted(found, key=lambda each: -each.depth):
        stand(view, each, shore)


def _named(thing: Thing) -> bool:
    """Whether each of some things counts: all but trees of which nobody said how many."""
    return thing.kind not in (*_GROWN, "bushes") or thing.count > 0


def _covers(tree: Standing, other: Standing) -> bool:
    """Whether a tree stands before the better part of something."""
    near = tree.half * tree.tall * tree.scale / tree.depth * 0.8 + other.half * other.tall / other.depth * 0.5
    return tree.depth < other.depth and abs(tree.across - other.across) < near and other.lift < 1


def _trees_of(view: View, shore: Shore | None) -> list[Standing]:
    """Give the trees that stand in a scene, or would: what must be seen keeps clear of them, and never has to move."""
    usual = ["pines"] if view.scene.place in _WOODED else []
    kinds = [kind for kind in _GROWN if view.scene.thing(kind)] or usual
    return [each for kind in kinds for each in placed(view, view.scene.thing(kind) or Thing(kind), shore)]


def placed(
    view: View,
    thing: Thing,
    shore: Shore | None,
    others: Sequence[Standing] = (),
    wood: Sequence[Standing] | None = None,
) -> list[Standing]:
    """Place as many things as said, or the usual number; each has a place of its own, clear of others and the wood."""
    plan = _plan(view, thing, shore)
    if plan.grown:
        wood = [each for each in others if each.grown and thing.count]
    elif wood is None:
        wood = _trees_of(view, shore)
    # What flies does so above most trees.
    wood = [each for each in wood if plan.on != "air" or (each.tall - 1) / each.depth > 0.2]
    draw = _drawing(view, thing, plan)
    scale = _SCALE.get(thing.size, 1.0) if plan.grown else 1.0
    lit = view.scene.time in DARK and thing.kind in ("house", "lighthouse", "sailboat")
    found: list[Standing] = []
    many = min(200, thing.count or max(1, round(plan.usual * thing.amount)))
    for number in range(thing.first, thing.first + many):
        clear = [*(each for each in others if not each.grown), *found]
        depth, across, rise = _site(view, thing, plan, number, shore, wood, clear)
        tall = float(view.rng(thing.kind, number, "tall").uniform(*plan.tall))
        make = partial(draw, number=number)
        tall = float(plan.rise(view, tall, depth))
        each = Standing(
            depth,
            across,
            tall,
            make,
            plan.half,
            shady=plan.on != "air",
            lift=1 + depth * min(0.36, rise * thing.height),
            grown=not _named(thing),
            scale=scale,
            lamps=partial(make, lamps=True) if lit else None,
        )
        found += _founded(view, shore, each, plan)
    if _named(thing):
        return found
    # Of trees that nobody counted only those grow that have ground to grow on and leave the view open, if any do.
    grown = [each for each in found if each.shady and not each.wet]
    return [each for each in grown if _open(view, plan, each.across, each.depth)] or grown or found


def _drawing(view: View, thing: Thing, plan: _Plan) -> Callable[..., Image.Image]:
    """Give what draws one of a kind, by its number."""
    draw = _DRAWN.get(thing.kind) or partial(small.draw, thing.kind)

    @cache
    def individual(tall: int, number: int, **more: bool) -> Image.Image:
        random, dark = view.rng(thing.kind, "individual", number), view.scene.time in DARK
        return draw(random, tall, colour=thing.colour, dark=dark, snowy=view.snowy, **more)

    def drawn(tall: int, number: int, **more: bool) -> Image.Image:
        if not plan.grown:
            return individual(tall, number, **more)
        # Drawn once for those that are far and once for those that are near, and scaled.
        tall = int(min(view.unit * (0.35 if tall < view.unit * 0.45 else 0.8), TALLEST))
        return individual(tall, int(number % plan.grown))

    return drawn


def _site(
    view: View,
    thing: Thing,
    plan: _Plan,
    number: int,
    shore: Shore | None,
    grown: list[Standing],
    like: list[Standing],
) -> tuple[float, float, float]:
    """Choose depth, place across and rise (in units) where such a thing can be, and is seen; or the place next best."""
    herd = 1 if plan.grown and thing.count else plan.herd
    group = view.rng(thing.kind, "group", thing.first + int((number - thing.first) // herd))
    random = view.rng(thing.kind, number)
    # How much is risked: the later a place comes to mind, the farther it is from where the thing was meant to be.
    far = np.linspace(0, 1, 60 if plan.grown else 150)
    middle = float(group.uniform(*plan.across)) * (1 if group.random() < 0.5 else -1)
    # Of a group, each has another depth.
    share = group.uniform(0, 0.5) + 0.618 * (number - thing.first) + random.random(len(far)) * (0.1 + 2 * far)
    wild = plan.grown > 0 and not thing.count
    if wild and number < plan.herd and view.scene.place in _FRAMED:
        # The first ones are near us, and frame the view.
        middle, share = 0.44 * _frame(view), share % 1 * 0.12
    depth = plan.depth[0] * (plan.depth[1] / plan.depth[0]) ** (share % 1)
    tall = plan.rise(view, plan.tall[1], depth) / depth
    gather = plan.gather if (number - thing.first) % herd else 0.0
    aside = middle + random.normal(0, 1, len(far)) * (gather + 0.6 * far)
    aside = np.where(random.random(len(far)) < far, -aside, aside)
    # It is wholly in the picture: what would be outside comes back from the edge.
    room = np.maximum(max(0.48, plan.across[1]) * view.reach - tall * plan.foot, 0.05)
    across = np.arcsin(np.sin(aside * view.reach / room * np.pi / 2)) * room * 2 / np.pi
    # What flies stays below the upper edge.
    top = np.maximum(view.horizon / view.unit - tall - 0.02, 0.12)
    rise = np.minimum(random.uniform(0.2, 0.36, len(far)) * thing.height, top)
    # What is already on the side that was asked for stays where it is.
    low, high = _SIDES.get(thing.side, (-1, 1))
    off = np.maximum(low * view.reach - across, 0) + np.maximum(across - high * view.reach, 0)
    # Those that were counted are on that side, even if they need a rock to stand on.
    worth = -40 * off - (40 if thing.count else 8) * (off > 0.14)
    worth -= 4 * _hiding(across, depth, tall * plan.half, grown)
    # No thing is behind another one; the crowns of a wood may overlap.
    apart, behind = (1, 0.2) if wild else (10, 1.0)
    worth -= apart * _hiding(across, depth, tall * plan.half, like, behind)
    if plan.on == "air":
        # Not before the sun or the moon.
        worth += 4 * (np.hypot(across - view.sun[0], rise + tall / 2 - view.sun[1]) > 0.1 + tall * 0.6)
    else:
        worth += 32 * _fits(view, shore, plan, across, depth) + 4 * _seen(view, across, depth)
        # What is near and tall leaves the view open.
        worth += (40 if wild else 5) * _open(view, plan, across, depth, wild)
    best = int(np.argmax(worth))
    return float(depth[best]), float(across[best]), float(rise[best])


def _hiding(across: Floats, depth: Floats, half: Floats, others: list[Standing], behind: float = 0.0) -> Any:
    """Count, up to three, what would stand before something; or behind it too, nearer than a share of their widths."""
    rows = [(each.across, each.depth, each.tall / each.depth * each.half) for each in others]
    at, far, wide = np.array(rows).reshape(-1, 3, 1).swapaxes(0, 1)
    near = np.abs(at - across) < (half + wide) * (behind or 1)
    return (near & ((far < depth) | (behind > 0))).sum(0).clip(0, 3)


def _fits(view: View, shore: Shore | None, plan: _Plan, across: Floats, depth: Floats) -> Any:
    """Whether the whole foot of a thing is where it belongs, and not on the road."""
    x = across * depth + plan.foot * plan.rise(view, plan.tall[1], depth) * np.array([[-1.0], [0.0], [1.0]])
    out = shore.out(x, depth) if shore is not None else np.full(x.shape, 9.0 if plan.on == "water" else -9.0)
    road = view.road.away(x, depth) < 0.1 if view.road is not None else np.zeros(x.shape, bool)
    bad = {"land": out > -0.2, "water": out < 0.3}.get(plan.on, np.abs(out) < 0.1)
    return ~(bad | road).any(0)


def _frame(view: View) -> float:
    """Give the side on which what is near frames the view: not that of the sun."""
    return -float(np.sign(view.sun[0])) or -view.side


def _open(view: View, plan: _Plan, across: Any, depth: Any, wild: bool = True) -> Any:  # noqa: FBT001, FBT002
    """Whether what stands there leaves the view open: what is near and tall does not bar it, and frames one side."""
    tall, out = plan.rise(view, plan.tall[1], depth) / depth, np.abs(across) / view.reach
    if not wild or view.scene.place not in _FRAMED:
        return out > np.minimum(0.4, 0.8 * (tall - 0.2))
    aside = across * _frame(view) > 0
    # Beside the sun's road only what is low.
    side = np.where(aside, np.where(tall > 0.4, 0.4, 1.2 * (tall - 0.15)), np.where(tall > 0.4, 9, 0.38 * (tall > 0.2)))
    return (out > side) & ((out - tall * plan.half / view.reach > 0.12) | (tall < 0.3))


def _seen(view: View, across: Floats, depth: Floats) -> Any:
    """Whether no hill hides the ground at a place."""
    z = np.asarray(depth * np.linspace(0.3, 1, 16)[:, None], np.float32)
    slope = (view.ground(np.asarray(z * across, np.float32), z) - 1) / z
    return slope[-1] >= slope.max(0) - 0.004


def _at(height: Callable[[Floats, Floats], Floats], across: float, depth: float) -> float:
    """Give a height, or how far out the water is, at one place."""
    return float(height(np.array([[across * depth]], np.float32), np.array([[depth]], np.float32))[0, 0])


def _water(shore: Shore | None, across: float, depth: float) -> float:
    """Give how far out in the water a place is, negative on land."""
    return -9.0 if shore is None else _at(shore.out, across, depth)


def _founded(view: View, shore: Shore | None, each: Standing, plan: _Plan) -> list[Standing]:
    """Stand something on the ground or in the water; on a rock in the water, if it cannot float."""
    if plan.on == "air":
        return [each]
    if _water(shore, each.across, each.depth) < 0:
        return [replace(each, lift=max(0.0, _at(view.ground, each.across, each.depth)))]
    if plan.floats:
        return [replace(each, wet=True, lift=0.0)]
    random = view.rng("islet", round(each.across, 3))
    rock = partial(small.boulder, random, snowy=view.snowy, ratio=5.0)
    high = each.tall * plan.foot * 0.5 + 0.12
    return [
        Standing(each.depth + 0.05, each.across, high, rock, 2.5, wet=True),
        replace(each, lift=high * 0.72, shady=False),
    ]


def _staged(view: View, found: list[Standing]) -> list[Standing]:
    """Set things side by side before a plain backdrop, those that are taller somewhat taller."""
    tallest = max((each.tall for each in found), default=1)
    room = view.reach * 0.80 / max(1, len(found))
    staged = []
    for number, each in enumerate(sorted(found, key=lambda each: each.across)):
        depth = 4.2 + 1.1 * (number % 2) * (len(found) > 2)
        large = min(0.52, view.reach * 0.62 / len(found) ** 0.6, room / each.half / 2)
        tall = large * (each.tall / tallest) ** 0.5 * depth
        across = (number - (len(found) - 1) / 2) * room + 0.15 * each.across
        # What flies keeps above the floor.
        lift = 0.45 if each.lift > 1 else 0.0
        staged.append(replace(each, depth=depth, across=across, tall=tall, lift=lift, wet=False))
    return staged


def _bridge(view: View, shore: Shore | None) -> Standing:
    """Set a bridge over the river, or into the land."""
    depth, arches, tall, across = 11.0, 4, 1.2, 0.0
    if shore is not None:
        # Over wide water it has no end.
        arches = 8
    if shore is not None and shore.kind == "river":
        depth, arches, tall = 7.5, 2, 0.95
        across = float(shore.middle(np.asarray(depth))) / depth
    make = partial(small.bridge, view.rng("bridge"), snowy=view.snowy, arches=arches)
    return Standing(
        depth, across, tall, make, 2.0, wet=shore is not None, lift=max(0.0, _at(view.ground, across, depth))
    )


_PETALS = ("f5f2e6", "facc33", "d63d38", "9e6bc7", "f299b8")


def _flowers(view: View, thing: Thing, shore: Shore | None) -> None:
    """Scatter flowers over the ground: even in the world, so tiny far away, few and large at our feet."""
    if view.snowy:
        return
    random = view.rng("flowers")
    many = min(9000, round(4200 * thing.amount * view.reach))
    z = np.sort(view.unit / (view.height - view.horizon) + random.random(many) ** 1.25 * 8)[::-1].astype(np.float32)
    x = np.asarray(random.uniform(-0.55, 0.55, many) * view.reach * z, np.float32)
    # Flowers grow in drifts, each of one or two kinds.
    drift, kinds = (look(fractal(random, 1.7, 2), x / 9, z / 9) for _ in range(2))
    kept = drift + random.normal(0, 0.35, many) > 0.62
    if view.road is not None:
        kept &= view.road.away(x, z) > 0.05
    if shore is not None and shore.kind != "open":
        kept &= shore.out(x, z) < -0.1
    rise = np.maximum(view.ground(x[None], z[None])[0], 0)
    size = view.unit * 0.014 / z * random.uniform(0.6, 1.25, many) + 0.2
    left, top = x / z * view.unit + view.width / 2, view.horizon + (1 - rise) / z * view.unit - view.first - size
    petals = np.stack([rgb(COLOURS[thing.colour] if thing.colour else each) for each in _PETALS])
    light = (view.light.ambient + view.light.key * 0.6) * (0.6 if view.scene.time in DARK else 1)
    petal = petals[np.floor(kinds * 1.4 + random.normal(0, 0.6, many)).astype(int) % 5]
    colour = np.minimum(view.light.veil(petal * light * random.uniform(0.8, 1.05, (many, 1)), z), 1) * 255
    sheet = Image.new("RGBX", (view.width, view.height - view.first), (0, 0, 0, 0))
    pen = ImageDraw.Draw(sheet)
    for flower in zip(*(each[kept].tolist() for each in (left, top, size, colour.astype(int))), strict=True):
        _flower(pen, *flower)
    pixels = np.asarray(sheet, np.float32) / 255
    view.lay(pixels[..., :3], pixels[..., 3], view.first, 0)


def _flower(pen: ImageDraw.ImageDraw, x: float, y: float, size: float, petal: list[int]) -> None:
    """Draw a flower: from afar a dot, nearer petals around a heart."""
    spots = [(0.0, 0.0, 0.9, petal)]
    if size > 3:
        heart = [int(petal[0] * 0.8), int(petal[1] * 0.62), int(petal[2] * 0.3)]
        spots = [(0.55 * math.cos(turn * 1.257), 0.45 * math.sin(turn * 1.257), 0.5, petal) for turn in range(5)]
        spots.append((0.0, 0.0, 0.3, heart))
    for across, up, radius, colour in spots:
        left, top, half = x + across * size, y - up * size, radius * size
        pen.ellipse([left - half, top - half * 0.8, left + half, top + half * 0.8], fill=(*colour, 255))
