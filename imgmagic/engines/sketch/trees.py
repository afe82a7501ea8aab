"""Palms, conifers and broad-leaved trees, each grown in three dimensions and drawn as small shaded leaves.

A tree is grown once per picture in a few individuals and set into the scene many times: mirrored, scaled, lit and
hazed by distance. Leaves take their shade from their direction towards the light, which comes from the left, so a
crown has a lit and a shaded side without any texture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imgmagic.engines.sketch.pen import Sheet, turned
from imgmagic.engines.sketch.vocabulary import COLOURS

if TYPE_CHECKING:
    from PIL import Image

    from imgmagic.engines.sketch.noise import Floats

Random = np.random.Generator
_BARK = (0.40, 0.32, 0.25)


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / (np.linalg.norm(vectors, axis=-1, keepdims=True) + 1e-9))


def _sun(near: float) -> Floats:
    """Give the way to the sun, which stands ``near`` our side of the tree."""
    return _unit(np.array([-0.75, 0.5, near]))


def _tinted(random: Random, shade: Floats, usual: tuple[float, float, float], colour: str) -> Floats:
    """Give leaves (...) of some shade the colour of a word, or the usual one; each tree its own hue of it."""
    leaf = np.array(COLOURS[colour] if colour else usual) ** random.uniform(0.80, 1.25)
    return np.asarray((0.20 + 0.80 * np.clip(shade, 0, 1.2))[..., None] * leaf)


def _snowed(random: Random, colours: Floats, shade: Floats, up: Floats) -> Floats:
    """Let snow lie on leaves, the more the higher ``up``."""
    white = np.clip(up + random.normal(0, 0.45, up.shape), 0, 1)[..., None]
    return np.asarray(colours + (np.array([0.84, 0.89, 0.96]) * (0.76 + 0.24 * shade[..., None]) - colours) * white)


def palm(random: Random, tall: int, *, colour: str, **_: bool) -> Image.Image:
    """Grow a coconut palm that leans to the left."""
    sheet = Sheet(tall, 2.1)
    lean = -float(random.uniform(0.03, 0.32))
    t = np.linspace(0, 1, 55)
    # The trunk: rings, each somewhat wider than the next one's beginning.
    half = (0.0155 * (1 - 0.42 * t) + 0.016 * np.exp(-t * 22)) * (1 + 0.06 * (np.arange(55) % 2))
    middle = np.stack([lean * t ** random.uniform(0.8, 1.5) - 0.02 * np.sin(t * 3.1), 0.74 * t], -1)
    bark = (0.8 - 0.45 * turned(6)) * random.uniform(0.82, 1.1, (54, 1))
    aside = np.stack([half, 0 * half], -1)
    sheet.round(middle - aside, middle + aside, bark[..., None] * np.array([0.62, 0.53, 0.43]))
    # The crown: fronds of leaflets; the young ones stand, the old ones hang.
    fronds, leaflets = 19, 46
    age = np.arange(fronds)[:, None] / fronds
    t = np.linspace(0.02, 1, leaflets)
    azimuth = np.arange(fronds)[:, None] * 2.39996 + random.uniform(-0.25, 0.25, (fronds, 1))
    rise = 1.30 - 1.75 * age**0.9 + random.uniform(-0.15, 0.15, (fronds, 1))
    length = random.uniform(0.30, 0.40, (fronds, 1)) * (0.72 + 0.28 * np.sin(np.pi * np.minimum(1, age + 0.25)))
    sag = random.uniform(0.42, 0.78, (fronds, 1)) + 0.25 * age
    out, up = length * np.cos(rise) * t, length * (np.sin(rise) * t - sag * t**2.1 * 0.8)
    spine = np.stack([out * np.cos(azimuth), up, out * np.sin(azimuth)], -1)
    tangent = _unit(np.gradient(spine, axis=1))
    across = _unit(np.cross(tangent, (0, 1, 0))) * random.uniform(0.70, 0.95, (fronds, 1, 1))
    # Two leaflets at each place, to the right and to the left of the spine; and a piece of the spine itself.
    sign = np.array([-1, 1, 0])[:, None]
    way = _unit(
        tangent[:, :, None] * 0.66 + across[:, :, None] * sign - [0, 0.30, 0] * (1 + 1.3 * age[..., None, None])
    )
    way = _unit(way + random.normal(0, 0.07, way.shape))
    blade = length * (0.40 * np.sin(np.pi * np.clip(0.10 + 0.84 * t, 0, 1)) ** 0.7)
    size = blade[..., None] * random.uniform(0.82, 1.08, (fronds, leaflets, 3)) * np.array([1, 1, 0.3])
    facing = (_unit(np.cross(way, tangent[:, :, None])) @ _sun(-0.35)) * sign[:, 0]
    shade = 0.36 + 0.80 * np.abs(facing) * np.where(facing > 0, 1, 0.55) - 0.16 * age[..., None]
    shade = np.where(sign[:, 0] == 0, 0.5, shade + random.uniform(-0.05, 0.05, shade.shape))
    foot = np.broadcast_to(spine[:, :, None], way.shape)
    order = np.argsort(-np.sin(azimuth[:, 0]) * np.cos(rise[:, 0]) + 0.5 * (1 - age[:, 0]))
    tip = foot + way * size[..., None] - [0, 0.1, 0] * size[..., None]
    green = _tinted(random, shade, (0.40, 0.54, 0.16), colour)
    crown = np.array([lean, 0.74])
    wide = np.broadcast_to(length[..., None] * np.array([0.028, 0.028, 0.014]), size.shape)
    sheet.leaves(foot[order][..., :2] + crown, tip[order][..., :2] + crown, wide[order], green[order])
    return sheet.done()


def pine(random: Random, tall: int, *, colour: str, snowy: bool, **_: bool) -> Image.Image:
    """Grow a spruce: tiers of branches, from which twigs hang."""
    ratio = float(random.uniform(0.36, 0.46))
    sheet = Sheet(tall, ratio * 1.15)
    # What is drawn large has more and smaller twigs.
    fine = min(max(tall / 380, 0.8), 1.7)
    tiers, spokes, twigs = 32, int(13 * fine), int(11 * fine)
    sheet.polygons(np.array([(-0.013, 0), (0.013, 0), (0, 0.95)]), np.array(_BARK) * 0.45)
    level = np.repeat(np.linspace(0.01, 1, tiers) ** 0.95, spokes)[:, None]
    count = len(level)
    azimuth = random.uniform(0, 2 * np.pi, (count, 1))
    # Every tier has its own length and every branch another: a cone with a straight edge is no tree.
    uneven = np.repeat(random.uniform(0.76, 1.10, tiers), spokes)[:, None] * random.uniform(0.60, 1.05, (count, 1))
    reach = np.cos(azimuth) * ratio * 0.5 * (0.03 + 0.97 * level**0.9) * uneven
    height = 0.985 - 0.83 * np.clip(level + random.normal(0, 0.008, (count, 1)), 0, 1)
    near = -np.sin(azimuth)
    drop = (0.015 + 0.075 * level) * random.uniform(0.6, 1.3, (count, 1)) + 0.020 * near * level
    # Twigs farther out are lighter.
    s = np.linspace(0.12, 1.0, twigs) + random.uniform(-0.05, 0.05, (count, twigs))
    foot = np.stack([reach * s, height - drop * (1.25 * s - 0.35 * s**3)], -1)
    long = (0.012 + 0.044 * level) / fine**0.5 * random.uniform(0.5, 1.1, s.shape) * (1.15 - 0.55 * s)
    way = np.sign(reach) * random.uniform(0.15, 0.75, s.shape) + random.normal(0, 0.16, s.shape)
    tip = foot + np.stack([way, -np.ones(s.shape)], -1) * long[..., None]
    wide = (0.005 + 0.009 * level) / fine * random.uniform(0.6, 1.2, s.shape)
    lit = 0.36 - 0.40 * np.cos(azimuth) + 0.22 * near - 0.08 * level
    shade = np.clip(lit * (0.35 + 0.75 * s) + random.normal(0, 0.07, s.shape), 0, 1.1)
    needles = _tinted(random, shade, (0.29, 0.42, 0.20), colour)
    if snowy:
        needles = _snowed(random, needles, shade, (s - 0.35) * 2.2)
    # Upper tiers and near branches last, so that they lie over the others.
    order = np.lexsort((near[:, 0], -np.floor(level[:, 0] * tiers)))
    sheet.leaves(foot[order], tip[order], wide[order], needles[order])
    return sheet.done()


def _bare(sheet: Sheet, random: Random) -> None:
    """Grow a tree without leaves: each bough parts into three, and snow lies on all of them."""
    foot, turn, long = np.zeros((1, 2)), np.zeros(1), 0.28
    for level in range(7):
        way = np.stack([np.sin(turn), np.cos(turn)], -1)
        tip = foot + way * (long * random.uniform(0.75, 1.15, turn.shape))[:, None]
        side = np.stack([way[:, 1], -way[:, 0]], -1) * 0.028 * 0.62**level
        bark = random.uniform(0.6, 0.9, (len(turn), 1)) * np.array(_BARK)
        sheet.polygons(np.stack([foot - side, foot + side, tip + side * 0.62, tip - side * 0.62], 1), bark)
        up = np.abs(side) * [0, 0.9] + [0, 0.0012 * (level > 0)]
        sheet.polygons(np.stack([foot, tip, tip + up, foot + up], 1), 0 * bark + (0.90, 0.94, 1.0))
        foot, turn, long = np.repeat(tip, 3, axis=0), np.repeat(turn, 3) * 0.8, long * 0.74
        turn += np.tile([-0.5, 0.05, 0.5], len(tip)) + random.normal(0, 0.22, len(turn))


def broad(random: Random, tall: int, *, colour: str, snowy: bool, bush: bool = False, **_: bool) -> Image.Image:
    """Grow an oak-like tree, or a bush without a trunk: clumps of leaves on limbs."""
    sheet = Sheet(tall, 1.7 if bush else 1.25)
    base, wide, high = (0.29, 0.66, 0.28) if bush else (0.60, random.uniform(0.38, 0.50), random.uniform(0.32, 0.37))
    if snowy and not bush:
        _bare(sheet, random)
        return sheet.done()
    # What is drawn large has more and smaller leaves.
    fine = 1 if bush else min(max(tall / 330, 1), 1.8)
    clumps, leaves = (40, 70) if bush else (64, int(80 * fine**1.5))
    axes = np.array([wide, high, wide])
    centre = _unit(random.normal(0, 1, (clumps, 3))) * random.uniform(0.35, 1, (clumps, 1)) ** 0.5 * axes * 0.80
    # Boughs reach out and droop at their own heights: no crown is a ball.
    centre[:, 1] += 0.035 * np.sin(centre[:, 0] / wide * 5 + random.uniform(0, 6)) * (not bush)
    centre = centre[np.argsort(centre[:, 2])]
    offset = _unit(random.normal(0, 1, (clumps, leaves, 3)))
    offset = np.take_along_axis(offset, np.argsort(offset[..., 2], axis=1)[..., None], 1)
    radius = random.uniform(0.08, 0.15, (clumps, 1, 1)) * (wide / 0.4) ** 0.5
    # Each clump begins with large dark leaves within it: only beyond them the sky shows through.
    inside = random.uniform(0.5, 1, (clumps, leaves, 1))
    inside[:, : leaves // 5] *= 0.62
    at = (centre[:, None] + offset * radius * inside)[..., :2] + [0, base]
    facing = 0.62 * (offset + (centre / axes)[:, None]) @ _sun(0.45)
    shade = np.clip(0.40 + 0.50 * (facing + random.normal(0, 0.10, facing.shape)), 0.04, 1.2)
    green = _tinted(random, shade + random.uniform(-0.12, 0.10, (clumps, 1)), (0.40, 0.56, 0.19), colour)
    if snowy:
        green = _snowed(random, green, shade, (centre[:, 1:2] / high + offset[..., 1]) * 0.8 + 0.6)
    size = random.uniform(0.006, 0.0125, (clumps, leaves)) * (1.5 if bush else 1 / fine)
    size[:, : leaves // 5] *= 2.6 * fine**0.5
    green[:, : leaves // 5] *= 0.8
    turn = random.uniform(0, 2 * np.pi, size.shape)
    along = np.stack([np.cos(turn), np.sin(turn)], -1) * size[..., None]
    if not bush:
        t = np.linspace(0, 1, 9)
        half = np.stack([0.030 - 0.018 * t + 0.018 * np.exp(-t * 9), 0 * t], -1)
        trunk = np.stack([0.02 * np.sin(t * 3 + random.uniform(0, 6)) * t, base * t], -1)
        sheet.round(trunk - half, trunk + half, (0.7 - 0.35 * turned(7))[:, None] * np.array(_BARK))
        heads = centre[::6, :2] * 0.8 + [0, base]
        forks = np.stack([0 * heads[:, 0], random.uniform(0.22, 0.42, len(heads))], -1)
        sheet.leaves(forks, heads, np.full(len(heads), 0.022), np.full((len(heads), 3), _BARK) * 0.7)
    sheet.leaves(at - along, at + along * 1.2, size * 1.5, green)
    return sheet.done()
