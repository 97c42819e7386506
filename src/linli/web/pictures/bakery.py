"""Bread, buns, bagels, doughnuts."""

from __future__ import annotations

import math
import random

from linli.web.pictures.canvas import (
    BOARD_PAINT,
    ORANGE,
    ROSE,
    WHEAT,
    Ground,
    Picture,
    board,
    linear,
    oval,
    path,
    place,
    places,
    radial,
    shadow,
    shine,
    stroke,
)

_SLICE = "M-104 118C-116 118-120 108-118 96L-112 0C-140-14-150-52-128-82-106-112-52-122 0-122S106-112 128-82C150-52 140-14 112 0L118 96C120 108 116 118 104 118Z"


def _loaf(ground: Ground, crust: tuple[str, str, str], crumb: tuple[str, str], seeds: str) -> Picture:
    """A sliced loaf, its first slice fallen forward."""
    light, middle, deep = crust
    rng = random.Random(8)
    holes = "".join(
        oval(rng.uniform(-88, 88), rng.uniform(-84, 92), rng.uniform(3, 7), rng.uniform(2, 5), crumb[1], 0, 0.8) for _ in range(26)
    )
    slice_ = path(_SLICE, middle) + '<g transform="translate(0 1) scale(.9)">' + path(_SLICE, "url(#crumb)") + "</g>" + holes
    grains = (
        "".join(oval(rng.uniform(-110, 110), -100 + rng.uniform(-16, 26), 9, 4.5, seeds, rng.randrange(-40, 40)) for _ in range(16))
        if seeds
        else ""
    )
    body = (
        path("M-150 120V0C-186-24-184-92-130-120-60-150 150-150 210-120 262-94 262-24 230 0V120Z", "url(#crust)")
        + path("M-150 120V0C-186-24-184-92-130-120-100-134-50-140 0-144-60-120-90-60-60 0V120Z", deep)
        + path("M-130-120C-60-150 150-150 210-120 190-104 120-112 40-112-40-112-100-104-130-120Z", light)
    )
    cuts = "".join(stroke(f"M{x} -136C{x + 30} -110 {x + 34} -40 {x + 18} 0V118", deep, 4, 0.55) for x in (20, 74, 128, 180))
    stack = "".join(place(slice_, x, y, 1, 0) for x, y in [(232, 300), (214, 306)])
    pieces = (
        shadow(310, 478, 262, 46)
        + place(body + cuts, 324, 322, 1.06)
        + stack
        + place(slice_ + grains, 196, 314, 1.04)
        + shadow(372, 468, 160, 26)
    )
    lying = (
        '<g transform="translate(392 424) scale(1 .62) rotate(-8)">'
        + '<g transform="translate(0 26)">'
        + path(_SLICE, deep)
        + "</g>"
        + slice_
        + grains
        + "</g>"
    )
    return Picture(
        ground,
        linear("crust", light, middle, deep, line=(0, 0, 0, 1)) + radial("crumb", crumb[0], crumb[0], crumb[1], cx=0.45, cy=0.4, r=0.7),
        pieces + lying,
    )


def bread() -> Picture:
    return _loaf(WHEAT, ("#f0bf7c", "#d0904a", "#9c6028"), ("#fffaec", "#f3e2c0"), "")


def bread_wheat() -> Picture:
    return _loaf(WHEAT, ("#c98a4c", "#9c5f2c", "#6e3e1a"), ("#e9c796", "#c99b62"), "#f3dfae")


def buns() -> Picture:
    """Hamburger buns with sesame, one cut open."""
    rng = random.Random(2)
    spots = [(math.cos(i * 2.4) * 11.5 * math.sqrt(i), -66 + math.sin(i * 2.4) * 6 * math.sqrt(i)) for i in range(1, 46)]
    sesame = "".join(oval(x, y + abs(x) * 0.12, 6, 4, "#fff4d2", rng.randrange(-60, 60)) for x, y in spots)
    top = path("M-128 10C-136-60-76-112 0-112S136-60 128 10C124 30-124 30-128 10Z", "url(#crust)")
    one = (
        path("M-124 0H124C136 40 120 72 84 74H-84C-120 72-136 40-124 0Z", "url(#base)")
        + stroke("M-122 16C-60 30 60 30 122 16", "#fbe6bd", 9, 0.9)
        + top
        + sesame
        + shine(-52, -66, 46, 24, -24, 0.6)
    )
    cut = (
        oval(0, 22, 124, 62, "#b9722f")
        + oval(0, 6, 124, 60, "#e0a354")
        + oval(0, 2, 112, 51, "url(#crumb)")
        + "".join(
            oval(math.cos(i * 2.4) * 12 * math.sqrt(i), 2 + math.sin(i * 2.4) * 5.2 * math.sqrt(i), 6, 3, "#e8cc94")
            for i in range(2, 60, 3)
        )
    )
    pieces = (
        shadow(300, 474, 258, 48)
        + place(one, 194, 268, 1, -4)
        + place(one, 412, 262, 1.02, 4)
        + place(cut, 424, 420, 0.98)
        + place(one, 240, 398, 1.1, 0)
    )
    paints = (
        radial("crust", "#ffd890", (0.5, "#e09a45"), "#9c5a1e", cx=0.4, cy=0.25)
        + linear("base", "#e0a354", "#a8672a", line=(0, 0, 0, 1))
        + radial("crumb", "#fffaf0", "#f7e5c2", cx=0.5, cy=0.5)
    )
    return Picture(ORANGE, paints, pieces)


def baguette() -> Picture:
    body = "M-236 26C-250-4-200-40-130-50-30-62 110-62 190-40 236-26 254 6 232 26 190 58 90 66-20 66-120 66-216 56-236 26Z"
    slashes = "".join(
        path(f"M{x} 36C{x + 6} 4 {x + 30}-26 {x + 70}-38 {x + 60}-10 {x + 36} 22 {x} 36Z", "#fbe3b4")
        + stroke(f"M{x} 36C{x + 6} 4 {x + 30}-26 {x + 70}-38", "#8a4f1c", 6, 0.8)
        for x in (-180, -106, -32, 42, 116)
    )
    one = path(body, "url(#crust)") + slashes + shine(-60, -38, 130, 12, -3, 0.6)
    coin = (
        oval(4, 10, 66, 58, "#8f5420")
        + oval(0, 0, 66, 58, "#c98840")
        + oval(0, 0, 57, 49, "url(#crumb)")
        + "".join(
            oval(math.cos(i * 2.4) * 9 * math.sqrt(i), math.sin(i * 2.4) * 7 * math.sqrt(i), 5 + i % 3, 3 + i % 3, "#ecd09a")
            for i in range(1, 34, 3)
        )
    )
    wheat = stroke("M-80 60C-30 20 20-20 60-70", "#c99a3c", 5) + "".join(
        place(oval(0, -14, 8, 16, "#e8bd5a"), 60 - k * 15, -70 + k * 16, 1, t) for k in range(6) for t in (78, 10)
    )
    pieces = (
        shadow(300, 558, 220, 26)
        + board()
        + shadow(304, 350, 230, 130)
        + place(one, 304, 236, 1.04, -20)
        + place(one, 296, 336, 1.08, -16)
        + places(coin, [(430, 426, 0.92, 0), (344, 452, 1, 0), (250, 462, 1.04, 0)])
        + place(wheat, 168, 464, 0.86, 8)
    )
    return Picture(
        WHEAT,
        BOARD_PAINT
        + linear("crust", "#f0b964", (0.5, "#cf8636"), "#8a4f1c", line=(0, 0, 0, 1))
        + radial("crumb", "#fffaf0", "#f7e5c2", cx=0.5, cy=0.5),
        pieces,
    )


def bagel() -> Picture:
    rng = random.Random(6)
    seeds = "".join(
        oval(math.cos(a) * r, math.sin(a) * r * 0.86, 6, 4, ("#fff4d2", "#3a2a20")[k % 2], rng.randrange(0, 180))
        for k in range(46)
        for a, r in [(rng.random() * 6.28, rng.uniform(52, 104))]
    )
    one = (
        oval(0, 12, 124, 106, "#8f5420")
        + oval(0, 0, 124, 106, "url(#crust)")
        + oval(0, 4, 32, 24, "#6e3e1a")
        + oval(0, 9, 30, 20, "#f7efe0")
        + seeds
        + shine(-56, -50, 44, 22, -30, 0.7)
    )
    cut = (
        oval(0, 16, 122, 100, "#8f5420")
        + oval(0, 0, 122, 100, "#d99a4c")
        + oval(0, 0, 112, 90, "#fdf3dc")
        + "".join(
            oval(math.cos(i * 2.4) * 13 * math.sqrt(i), math.sin(i * 2.4) * 10.4 * math.sqrt(i), 6, 4, "#ecd3a2") for i in range(8, 70, 4)
        )
        + oval(0, 0, 30, 23, "#c98840")
        + oval(0, 5, 27, 18, "#f7efe0")
    )
    pieces = (
        shadow(300, 474, 258, 48)
        + place(one, 190, 256, 1.02, -8)
        + place(one, 408, 252, 1.06, 8)
        + place(cut, 398, 400, 0.98)
        + place(one, 226, 394, 1.08, 2)
    )
    return Picture(WHEAT, radial("crust", "#ffd28a", (0.5, "#d98f3e"), "#94551d"), pieces)


def _ring(icing: str, drizzle: str) -> str:
    """A doughnut seen from the front and a little above."""
    rng = random.Random(len(icing) + ord(icing[-1]))
    sprinkles = "".join(
        f'<rect x="-8" y="-3" width="16" height="6" rx="3" fill="{("#ffd84d", "#7cc6ee", "#ffffff", "#8fd66a", "#ff8fb0")[k % 5]}" transform="translate({math.cos(a) * r:.0f} {math.sin(a) * r * 0.84 - 4:.0f}) rotate({rng.randrange(0, 180)})"/>'
        for k in range(34)
        for a, r in [(k * 2.4, rng.uniform(56, 98))]
    )
    glaze = "M-116-2C-118-70-60-104 0-104S118-70 116-2C112 24 96 20 88 38 78 56 62 40 46 56 30 74 10 54-6 66-26 80-40 54-58 58-78 60-78 36-96 34-110 32-114 16-116-2Z"
    ring = (
        oval(0, 16, 124, 100, "#9c5f28")
        + oval(0, 4, 124, 102, "url(#dough)")
        + f'<path d="{glaze}M36-6C36 12 18 20 0 20S-36 12-36-6-18-30 0-30 36-24 36-6Z" fill="{icing}" fill-rule="evenodd"/>'
    )
    lines = "".join(stroke(f"M{x} {-60 + abs(x) * 0.2:.0f}l26 -22", drizzle, 8) for x in (-90, -60, 50, 74)) if drizzle else sprinkles
    return (
        ring + path("M-36-6C-36-24-18-30 0-30S36-24 36-6C30 2 18 6 0 6S-30 2-36-6Z", "#8a4f1c") + lines + shine(-60, -58, 36, 18, -34, 0.75)
    )


def donut() -> Picture:
    pieces = (
        shadow(300, 474, 258, 48)
        + place(_ring("#f58fb0", ""), 196, 250, 1.04, -10)
        + place(_ring("#6b3a22", "#f3dcc0"), 408, 252, 1.06, 10)
        + place(_ring("#fff1dc", ""), 416, 404, 0.92, 6)
        + place(_ring("#f58fb0", ""), 236, 392, 1.12, -2)
    )
    return Picture(ROSE, radial("dough", "#ffd892", (0.5, "#e2a04c"), "#a5682c"), pieces)


def croissant() -> Picture:
    body = path(
        "M-190 90C-200 20-120-80 0-84S200 20 190 90C180 112 150 96 130 70 90 26 50 14 0 14S-90 26-130 70C-150 96-180 112-190 90Z",
        "url(#crust)",
    )
    folds = stroke(
        "M-136 62C-146 10-126-30-96-54M-76 26C-86-20-66-60-34-80M0 12C-10-20-4-56 14-82M76 26C86-20 70-56 46-74M136 62C146 14 130-22 106-46",
        "#8a4f1c",
        7,
        0.7,
    ) + shine(-30, -44, 60, 18, -8, 0.7)
    pieces = shadow(300, 472, 258, 48) + place(body + folds, 300, 250, 1.1, -6) + place(body + folds, 300, 392, 1.2, 4)
    return Picture(WHEAT, radial("crust", "#ffd58c", (0.5, "#dd943f"), "#96561c", cx=0.4, cy=0.2), pieces)
