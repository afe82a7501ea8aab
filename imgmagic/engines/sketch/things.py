"""Where things are: trees, boats, houses, birds, flowers.

Everything is placed in the world (x, z) and projected, the far ones drawn first, so that sizes and overlaps are right
by construction. Each kind has its own random numbers: adding one kind moves no other.
"""

# ruff: noqa: PLR2004 - the numbers are the drawing; names for them would only move them away

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from imgmagic.engines.sketch import small, trees, vocabulary
from imgmagic.engines.sketch.noise import fractal, look
from imgmagic.engines.sketch.standing import SCALE, count, luck, mirrored, numbers, screen, spot, stand, tallest

if TYPE_CHECKING:
    from PIL import Image

    from imgmagic.engines.sketch.scene import Thing
    from imgmagic.engines.sketch.shore import Shore
    from imgmagic.engines.sketch.view import View

#: depth in world units, and what draws it
_Standing = tuple[float, Callable[[], None]]


def paint(view: View, shore: Shore | None) -> None:
    """Draw every standing thing of the scene, far to near, and what flies above."""
    placed: list[_Standing] = []
    for thing in view.scene.things:
        plan = _PLANS.get(thing.kind)
        if plan is not None:
            placed += plan(view, thing, shore)
    for _, draw in sorted(placed, key=lambda each: -each[0]):
        draw()


def _palms(view: View, thing: Thing, shore: Shore | None) -> list[_Standing]:
    random = view.rng("palms")
    placed: list[_Standing] = []
    side = shore.mirror if shore and shore.kind == "beach" else (1.0 if random.random() < 0.5 else -1.0)
    side = {"left": -1.0, "right": 1.0}.get(thing.side, side)
    reach = view.width / view.unit
    size = SCALE.get(thing.size, 1.0)
    for number in numbers(thing, vocabulary.USUAL_NUMBER["palms"]):
        each = view.rng("palm", number)
        # The first two stand in front, the others follow the shore into the distance.
        depth = (
            (2.9, 3.9, 6.0, 8.4, 11.0, 14.5)[number % 6] * float(each.uniform(0.93, 1.07)) * (1 + 0.17 * (number // 6))
        )
        across = (
            (0.475, 0.37, 0.455, 0.40, 0.47, 0.44)[number % 6] + float(each.uniform(-0.02, 0.02)) - 0.05 * (number // 6)
        )
        across = across - 0.43 if thing.side == "centre" else across * side
        if shore and shore.kind == "beach":
            # Never in the water, whatever side was asked for: as far that way as the sand goes.
            inland = (shore.start + shore.slope * depth + 0.5) / depth / reach
            across = max(across * shore.mirror, min(inland, 0.49)) * shore.mirror
        across *= reach
        tall = float(each.uniform(1.95, 2.35)) * size
        lean = -side * float(each.uniform(0.02, 0.16) + 0.17 * (number % 2 == 0))

        def draw(
            each: np.random.Generator = each,
            depth: float = depth,
            across: float = across,
            tall: float = tall,
            lean: float = lean,
        ) -> None:
            image = trees.palm(each, tallest(view, tall, depth), lean, view.light.direction)
            stand(view, image, across, depth, tall)

        placed.append((depth, draw))
    return placed


def _site(view: View, thing: Thing, shore: Shore | None, random: np.random.Generator) -> tuple[float, float]:
    """Choose depth and place across for a tree: on dry land, and not barring the view."""
    reach = view.width / view.unit
    if shore is not None:
        for _ in range(24):
            depth = float(random.uniform(2.6, 9.0) if shore.kind != "bank" else random.uniform(2.0, 4.5))
            across = spot(view, thing, random, (-0.55, 0.55))
            if abs(across) > 0.24 * reach and float(shore.out(np.asarray(across * depth), np.asarray(depth))) < -0.12:
                return depth, across
        # No land in sight: a tree at our own feet, at the edge of the picture.
        return 1.65, float(np.sign(across)) * float(random.uniform(0.40, 0.52)) * reach
    wood = view.scene.place == "forest"
    near, far = (4.6, 26) if wood else (4.5, 24)
    depth = float(near * (far / near) ** random.random() ** (0.62 if wood else 1))
    across = spot(view, thing, random, (-0.56, 0.56))
    if wood and not thing.side and depth < 9:
        # Near trees frame the picture.
        across = float(np.sign(across)) * (0.56 - 0.26 * float(random.random()) * depth / 9) * reach
    return depth, across


def _grove(view: View, thing: Thing, shore: Shore | None, kind: str) -> list[_Standing]:
    """Conifers or broad-leaved trees: a wood if that is the place, else a few groups that leave the middle open."""
    wood = view.scene.place == "forest"
    usual = 100 if wood else (9 if shore else 12)
    scale = SCALE.get(thing.size, 1.0)
    snowy = view.scene.weather == "snow" or view.scene.place == "snow"
    grown: dict[int, Image.Image] = {}
    placed: list[_Standing] = []
    for number in numbers(thing, usual):
        each = view.rng(kind, number)
        depth, across = _site(view, thing, shore, each)
        tall = (
            float(each.uniform(0.65, 1.3))
            * scale
            * (1.7 if shore else {"pines": 2.6, "trees": 2.2}[kind] if wood else 1.5)
        )
        individual = int(each.integers(5))

        def draw(
            depth: float = depth, across: float = across, tall: float = tall, individual: int = individual
        ) -> None:
            if individual not in grown:
                own = view.rng(kind, "individual", individual)
                size = int(np.clip(view.unit * 0.55, 64, trees.TALLEST))
                grown[individual] = (
                    trees.pine(own, size, view.light.direction, snowy=snowy)
                    if kind == "pines"
                    else trees.broad(own, size, view.light.direction)
                )
            stand(view, grown[individual], across, depth, tall, shade=0.45)

        placed.append((depth, draw))
    return placed + (_undergrowth(view, kind) if wood else [])


def _undergrowth(view: View, kind: str) -> list[_Standing]:
    """Bushes on the forest floor, low and dark."""
    random = view.rng(kind, "undergrowth")
    if view.scene.weather == "snow":
        return []
    grown = [
        trees.broad(random, int(np.clip(view.unit * 0.14, 24, 400)), view.light.direction, bush=True) for _ in range(3)
    ]
    placed: list[_Standing] = []
    for number in range(34):
        depth = float(2.6 * 6 ** random.random())
        across = float(np.sign(random.random() - 0.5) * (0.58 - 0.30 * random.random())) * view.width / view.unit
        image, tall = grown[number % 3], float(random.uniform(0.12, 0.34))

        def draw(image: Image.Image = image, depth: float = depth, across: float = across, tall: float = tall) -> None:
            stand(view, image, across, depth, tall, shade=0.4)

        placed.append((depth, draw))
    return placed


def _pines(view: View, thing: Thing, shore: Shore | None) -> list[_Standing]:
    return _grove(view, thing, shore, "pines")


def _trees(view: View, thing: Thing, shore: Shore | None) -> list[_Standing]:
    return _grove(view, thing, shore, "trees")


def _boats(view: View, thing: Thing, shore: Shore | None) -> list[_Standing]:
    random = luck(view, thing)
    placed: list[_Standing] = []
    side = -shore.mirror if shore and shore.kind == "beach" else 0.0
    for number in numbers(thing, 1):
        depth = float(random.uniform(9, 17)) * (1 + 0.35 * number)
        spread = (0.05, 0.40) if side > 0 else (-0.40, -0.05) if side < 0 else (-0.38, 0.38)
        across = spot(view, thing, random, spread)
        tall = 1.5 * SCALE.get(thing.size, 1.0)

        def draw(depth: float = depth, across: float = across, tall: float = tall) -> None:
            image = small.sailboat(tallest(view, tall, depth) * 2, thing.colour)
            mirrored(view, image, screen(view, across, depth), tall / depth * view.unit)
            stand(view, image, across, depth, tall, shade=0)

        placed.append((depth, draw))
    return placed


def _house(view: View, thing: Thing, shore: Shore | None) -> list[_Standing]:
    random = luck(view, thing)
    lighthouse = thing.kind == "lighthouse"
    wet = shore is not None and shore.kind in ("open", "bank", "beach")
    placed: list[_Standing] = []
    for number in numbers(thing, 1):
        depth = float(random.uniform(9, 12)) if wet and lighthouse else float(random.uniform(8, 13))
        side = 1.0 if random.random() < 0.5 else -1.0
        if shore is not None and shore.kind == "beach":
            side = -shore.mirror if lighthouse else shore.mirror
        across = spot(view, thing, random, (0.22, 0.40) if side > 0 else (-0.40, -0.22))
        tall = (2.9 if lighthouse else 1.25) * SCALE.get(thing.size, 1.0)

        def draw(number: int = number, depth: float = depth, across: float = across, tall: float = tall) -> None:
            make = small.lighthouse if lighthouse else small.house
            dark = view.scene.time in ("night", "dusk")
            image = make(
                view.rng(thing.kind, number),
                tallest(view, tall, depth) * 2,
                thing.colour,
                view.light.direction,
                dark=dark,
            )
            if wet and lighthouse:
                mirrored(view, image, screen(view, across, depth), tall / depth * view.unit)
            stand(view, image, across, depth, tall, shade=0 if wet else 0.5)

        placed.append((depth, draw))
    return placed


def _birds(view: View, thing: Thing, _: Shore | None) -> list[_Standing]:
    def draw() -> None:
        random = luck(view, thing)
        middle = spot(view, thing, random, (-0.28, 0.28)) * view.unit + view.width / 2
        for _ in range(count(thing, 9, 40)):
            span = view.unit * float(random.uniform(0.028, 0.046)) * SCALE.get(thing.size, 1.0)
            x = middle + float(random.normal(0, 0.13)) * view.unit
            y = view.horizon - view.unit * float(random.uniform(0.14, 0.34))
            image = small.bird(random, max(6, round(span * 2)))
            view.sprite(image, (x, y), span * image.height / image.width * 2, 4)

    return [(1e6, draw)]


def _balloon(view: View, thing: Thing, _: Shore | None) -> list[_Standing]:
    def draw() -> None:
        random = luck(view, thing)
        for number in range(count(thing, 1)):
            tall = view.unit * float(random.uniform(0.13, 0.17)) * SCALE.get(thing.size, 1.0) * (0.8**number)
            x = spot(view, thing, random, (-0.34, 0.34)) * view.unit + view.width / 2
            y = view.horizon - view.unit * float(random.uniform(0.10, 0.22))
            view.sprite(small.balloon(max(24, round(tall * 2)), thing.colour, view.light.direction), (x, y), tall, 8)

    return [(40.0, draw)]


def _flowers(view: View, thing: Thing, _: Shore | None) -> list[_Standing]:
    def draw() -> None:
        random = view.rng("flowers")
        many = min(9000, round(4200 * thing.amount * view.width / view.unit))
        # Even in the world, so dense and tiny far away, few and large at our feet.
        z = 1 / ((view.height - view.horizon) / view.unit) + random.random(many) ** 1.25 * 8
        v, x = 1 / z, random.uniform(-0.55, 0.55, many) * view.width / view.unit
        # Flowers grow in drifts, each of one or two kinds.
        drift = look(fractal(random, 1.7, 2), np.asarray(x / v / 9, np.float32), np.asarray(1 / v / 9, np.float32))
        kept = drift + random.normal(0, 0.35, many) > 0.62
        x, v = x[kept], v[kept]
        small.flowers(view, random, (x, v), thing.colour)

    return [(3.0, draw)]


_PLANS: dict[str, Callable[[View, Thing, Shore | None], list[_Standing]]] = {
    "palms": _palms,
    "pines": _pines,
    "trees": _trees,
    "sailboat": _boats,
    "lighthouse": _house,
    "house": _house,
    "birds": _birds,
    "balloon": _balloon,
    "flowers": _flowers,
}
