"""Meat: steak, mince, chops, chicken, sliced ham and turkey, sausages, bacon."""

from __future__ import annotations

import math
import random

from linli.web.pictures.canvas import (
    BOARD_PAINT,
    CLAY,
    GREEN,
    PEACH,
    PLATE_PAINT,
    ROSE,
    WHEAT,
    Picture,
    board,
    dot,
    linear,
    oval,
    path,
    place,
    places,
    plate,
    radial,
    shadow,
    shine,
    stroke,
)


def _rosemary() -> str:
    needles = "".join(
        stroke(f"M{x} {-x * 0.12:.0f}l{18 - x * 0.02:.0f} {-22 if k % 2 else 20}", ("#4f8f4a", "#2f6b3a")[k % 2], 7)
        for k, x in enumerate(range(-96, 92, 12))
    )
    return stroke("M-110 13Q0-4 112-13", "#6d5a34", 6) + needles


def _parsley() -> str:
    tuft = "".join(
        dot(24 * math.cos(a), 24 * math.sin(a), 17, ("#4fa04a", "#37863c")[k % 2])
        for k, a in enumerate(math.radians(d) for d in range(0, 360, 51))
    )
    return (
        stroke("M0 0Q10 40 30 66", "#5aa04c", 7)
        + tuft
        + dot(0, 0, 17, "#6cb954")
        + stroke("M0 0 20-16M0 0-20-14M0 0V-26", "#d0eab4", 3, 0.7)
    )


def steak() -> Picture:
    """A marbled steak with its rim of fat on a board, a sprig beside."""
    shape = "M-170 30C-190-50-120-130-20-130 70-130 90-90 140-76 190-58 200 0 166 50 130 104 60 86 10 108-50 134-154 110-170 30Z"
    marbling = stroke(
        "M-110-30C-80-60-40-40-10-70M-90 30C-60 10-30 40 4 16M10-20C40-44 70-20 110-36M30 50C60 30 90 50 124 14M-50 80C-30 64-10 76 10 60M-130 10C-120-4-106-4-96-14M60-70C80-62 90-66 110-56M-20-100C0-92 20-98 36-90M-60-2C-50-12-40-8-30-16M50 10C60 2 72 8 82-2",
        "#f7c3b8",
        7,
        0.85,
    )
    one = (
        f'<g transform="translate(4 12)">{path(shape, "#7a1620")}</g>'
        + path(shape, "#f6dcc8")
        + '<g transform="translate(2 2) scale(.91)">'
        + path(shape, "url(#meat)")
        + "</g>"
        + marbling
        + path("M-14-8C10-26 40-16 46 6 30 24 0 22-14-8Z", "#f9e2d2")
        + shine(-84, -66, 60, 26, -30, 0.45)
    )
    pepper = "".join(
        dot(
            300 + 200 * math.cos(i * 2.1) * ((i % 5) / 8 + 0.4),
            330 + 196 * math.sin(i * 2.1) * ((i % 4) / 8 + 0.5),
            5,
            ("#4a3320", "#8a2f22", "#d9d2bd")[i % 3],
        )
        for i in range(14)
    )
    pieces = (
        shadow(300, 560, 220, 26)
        + board()
        + pepper
        + shadow(306, 360, 210, 130)
        + place(one, 296, 318, 1.02, -8)
        + place(_rosemary(), 384, 452, 1.05, -24)
        + place(_rosemary(), 402, 482, 0.8, -8)
    )
    return Picture(ROSE, BOARD_PAINT + radial("meat", "#f0786e", (0.5, "#cc2f3a"), "#93182a"), pieces)


def beef_mince() -> Picture:
    """A nest of ground beef strands on a plate with parsley."""
    rng = random.Random(3)
    strands = []
    for ring, (count, rx, ry, lift) in enumerate(
        [(26, 158, 104, 0), (22, 128, 82, 26), (17, 96, 60, 50), (12, 62, 38, 72), (6, 28, 18, 88)]
    ):
        for k in range(count):
            angle = 2 * math.pi * k / count + ring
            x, y = rx * math.cos(angle) + rng.uniform(-8, 8), ry * math.sin(angle) - lift + rng.uniform(-6, 6)
            strands.append((ring * 1000 + y, x, y, rng.randrange(-60, 61, 12), k))
    tones = ("#d2434b", "#b02a38", "#d2434b", "#ea7d78")
    curls = "".join(
        f'<path d="M-26 6C-14-14 8-12 26 4" transform="translate({x:.0f} {y:.0f}) rotate({turn})" stroke="{tones[k % 4]}"/>'
        for _, x, y, turn, k in sorted(strands)
    )
    fat = "".join(stroke(f"M{rng.uniform(-120, 110):.0f} {rng.uniform(-90, 70):.0f}q10-8 20 0", "#f9d9cd", 7, 0.9) for _ in range(22))
    heap = (
        oval(0, 0, 176, 118, "#8f1f2e")
        + f'<g fill="none" stroke-width="21" stroke-linecap="round">{curls}</g>'
        + fat
        + shine(-50, -96, 56, 26, -24, 0.35)
    )
    pieces = (
        shadow(300, 548, 230, 34)
        + plate()
        + shadow(300, 392, 206, 96)
        + place(heap, 300, 336, 1.02)
        + place(_parsley(), 448, 212, 0.9, 30)
        + place(_parsley(), 160, 452, 0.76, -60)
    )
    return Picture(ROSE, PLATE_PAINT, pieces)


def pork() -> Picture:
    """Two chops with bone and rind on a board."""
    shape = "M-150 40C-176-30-130-112-50-124 30-136 110-110 140-50 160-6 120 30 70 40 20 50 10 90-40 110-96 120-136 90-150 40Z"
    bone = path(
        "M-140 60C-150 96-128 130-90 132-50 132-20 108 0 84-20 74-40 90-66 92-100 94-116 74-112 54-120 46-136 46-140 60Z", "#f7ead8"
    ) + oval(-86, 114, 26, 10, "#e3c9ae", 10)
    one = (
        f'<g transform="translate(4 12)">{path(shape, "#a8575a")}</g>'
        + path(shape, "#fbe7da")
        + '<g transform="translate(4 6) scale(.89)">'
        + path(shape, "url(#meat)")
        + "</g>"
        + bone
    )
    one += stroke(
        "M-90-50C-60-74-30-60 0-80M-60 0C-30-20 10 0 50-24M20-60C50-72 76-54 100-50M-100 6C-90-6-80-6-70-14", "#fde3dc", 6, 0.8
    ) + shine(-40, -74, 60, 24, -20, 0.5)
    pieces = (
        shadow(300, 560, 220, 26)
        + board()
        + shadow(300, 380, 220, 150)
        + place(one, 348, 244, 0.94, 20)
        + place(one, 268, 374, 1.06, -6)
        + place(_rosemary(), 430, 446, 0.96, -34)
    )
    return Picture(PEACH, BOARD_PAINT + radial("meat", "#fbb9ae", (0.5, "#ee8d88"), "#c95c64"), pieces)


def chicken() -> Picture:
    """Two boneless breasts on a plate, lemon and parsley."""
    shape = "M-160 10C-164-60-100-116-20-112 50-108 90-70 140-40 176-18 186 10 160 30 110 66 60 90 0 100-80 112-156 80-160 10Z"
    one = (
        f'<g transform="translate(3 9)">{path(shape, "#c98d7c")}</g>'
        + path(shape, "url(#meat)")
        + stroke("M-120 20C-60-20 40-20 128 14M-110 50C-60 30 20 40 90 40M-90-40C-50-66 10-60 60-34", "#fbe3d8", 5, 0.7)
        + path("M-150 0C-150-56-96-100-30-104-90-80-124-44-130 14Z", "#fff1e8")
        + shine(-60, -60, 64, 26, -20, 0.75)
    )
    slice_ = (
        dot(0, 0, 58, "#f2c31b")
        + dot(0, 0, 51, "#fffbe0")
        + "".join(
            f'<g transform="rotate({a})">{path("M0-5C-13-22-15-36-8-44 0-48 8-48 12-40 15-30 8-16 0-5Z", "#ffe25e")}</g>'
            for a in range(0, 360, 45)
        )
    )
    pieces = (
        shadow(300, 548, 230, 34)
        + plate()
        + shadow(300, 380, 210, 130)
        + place(slice_, 168, 434, 1)
        + place(one, 320, 250, 0.98, 10)
        + place(one, 292, 378, 1.04, -8)
        + place(_parsley(), 444, 436, 0.9, 10)
    )
    return Picture(GREEN, PLATE_PAINT + radial("meat", "#ffe6da", (0.5, "#f7c0ae"), "#dc917f"), pieces)


def _slices(rim: str, face: str, grain: str) -> str:
    """Thin round slices laid like shingles, two of them rolled up in front."""
    disc = dot(3, 7, 122, rim, 0.45) + dot(0, 0, 122, rim) + dot(0, 0, 114, "url(#face)")
    disc += stroke(
        "M-70-50C-40-80 0-88 40-80M-84 10C-60-10-50-6-30-20M20 30C40 16 60 22 84 6M-20 70C0 60 30 66 50 52M-30-40C-10-52 10-46 30-56",
        grain,
        6,
        0.6,
    ) + shine(-44, -50, 40, 24, -30, 0.55)
    roll = (
        path("M-104-44H84C112-44 112 44 84 44H-104Z", "url(#roll)")
        + stroke("M-92-26H70", "#fff", 7, 0.5)
        + oval(-104, 0, 30, 44, rim)
        + oval(-104, 0, 25, 38, face)
    )
    roll += stroke("M-104 22C-122 14-120-22-102-24-88-22-90 8-102 8-110 4-108-10-102-10", rim, 5)
    shingles = "".join(
        place(disc, *spot) for spot in [(420, 264, 0.9, 40), (356, 218, 0.92, 20), (272, 216, 0.92, 0), (206, 272, 0.94, -20)]
    )
    return shingles + place(shadow(0, 40, 130, 26) + roll, 378, 366, 1, -12) + place(shadow(0, 40, 130, 26) + roll, 296, 434, 1.04, -12)


def ham() -> Picture:
    pieces = (
        shadow(300, 548, 230, 34)
        + plate()
        + shadow(300, 340, 220, 150)
        + _slices("#d9695c", "#f6aaa2", "#fde0da")
        + place(_parsley(), 458, 440, 0.8, 20)
    )
    return Picture(
        ROSE,
        PLATE_PAINT
        + radial("face", "#fcc9c0", (0.6, "#f5a19a"), "#e98480")
        + linear("roll", "#fbc2ba", (0.5, "#f29a94"), "#d06f6e", line=(0, 0, 0, 1)),
        pieces,
    )


def turkey() -> Picture:
    pieces = (
        shadow(300, 548, 230, 34)
        + plate()
        + shadow(300, 340, 220, 150)
        + _slices("#b9854c", "#f7e8d2", "#fffaf0")
        + place(_parsley(), 458, 440, 0.8, 20)
    )
    return Picture(
        WHEAT,
        PLATE_PAINT
        + radial("face", "#fff8ec", (0.6, "#f6e4cb"), "#e6c9a0")
        + linear("roll", "#fff6e8", (0.5, "#f0dabb"), "#c9a274", line=(0, 0, 0, 1)),
        pieces,
    )


def sausage() -> Picture:
    """A ring of smoked links and a sliced one."""
    body = "M-150 30C-140-30-60-66 10-62 80-58 140-30 152 26 156 56 130 72 104 58 70 30 40 18 6 18-34 18-66 32-96 60-122 80-154 62-150 30Z"
    grill = stroke("M-92-24 -60 22M-36-54-14 12M26-56 32 18M82-40 78 34", "#5a1d12", 9, 0.5)
    one = (
        f'<g transform="translate(2 8)">{path(body, "#5e1c12")}</g>'
        + path(body, "url(#skin)")
        + grill
        + stroke("M-120 6C-90-24-40-42 10-42 50-40 90-28 116-8", "#ffc7a0", 9, 0.6)
        + dot(-146, 48, 9, "#7a3020")
        + dot(146, 48, 9, "#7a3020")
    )
    coin = (
        oval(0, 7, 58, 54, "#6b2014")
        + oval(0, 0, 58, 54, "#8f3220")
        + oval(0, 0, 50, 46, "#dd8268")
        + "".join(
            dot(12 * math.sqrt(i) * math.cos(i * 2.4), 10 * math.sqrt(i) * math.sin(i * 2.4), 4, "#f9d9c6", 0.9) for i in range(1, 14)
        )
    )
    pieces = (
        shadow(300, 560, 220, 26)
        + board()
        + shadow(300, 350, 220, 150)
        + place(one, 300, 214, 1.16, 4)
        + place(one, 290, 312, 1.2, -5)
        + places(coin, [(402, 440, 0.94, 0), (312, 462, 1, 0), (216, 446, 1.04, 0)])
        + place(_parsley(), 468, 372, 0.72, 20)
    )
    return Picture(CLAY, BOARD_PAINT + linear("skin", "#d9714a", (0.5, "#a8412a"), "#6e2417", line=(0, 0, 0, 1)), pieces)


def bacon() -> Picture:
    wave = "M-190 0C-140-34-110 34-60 0S10-34 60 0 140 34 190 0"
    one = "".join(
        stroke(wave, colour, width)
        for colour, width in (("#7c1f24", 60), ("#c2454a", 54), ("#fbe3d4", 38), ("#d4585a", 26), ("#fbe3d4", 8))
    )
    pieces = (
        shadow(300, 560, 220, 26)
        + board()
        + shadow(300, 340, 230, 160)
        + places(one, [(306, 208, 1, -4), (296, 280, 1, 2), (306, 352, 1, -2), (294, 424, 1, 3)])
        + place(_rosemary(), 430, 480, 0.8, -24)
    )
    return Picture(ROSE, BOARD_PAINT, pieces)
