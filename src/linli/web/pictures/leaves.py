"""Leaves, stalks and heads: lettuce, salad, spinach, celery, broccoli, cabbage, bok choy."""

from __future__ import annotations

import math

from linli.web.pictures.canvas import (
    GREEN,
    LEAF,
    Picture,
    dot,
    linear,
    path,
    place,
    places,
    radial,
    ruffle,
    shadow,
    shine,
    stroke,
)


def bokchoy() -> Picture:
    def one(paint: str) -> str:
        blade = path(
            "M-26 140C-34 40-30-10-46-50-96-64-112-140-70-178-44-212 44-214 72-178 112-140 94-64 46-50 30-10 36 40 28 140Z",
            f"url(#{paint})",
        )
        stalk = path("M-30 150C-34 60-18-20-8-120H8C18-20 36 60 32 150Q0 172-30 150Z", "url(#stalk)")
        return (
            blade
            + stalk
            + stroke(
                "M0-96C-22-116-40-124-58-130M0-80C24-108 42-114 60-122M0-130C-14-148-28-156-40-160M0-128c16-18 28-24 40-30",
                "#d9f0b8",
                4,
                0.8,
            )
        )

    fan = [
        (-46, 6, 0.86, -24, "blade"),
        (48, 6, 0.86, 24, "blade"),
        (-20, 0, 0.94, -9, "young"),
        (24, 4, 0.92, 11, "blade"),
        (0, 22, 0.88, 1, "young"),
    ]
    head = "".join(place(one(paint), x, y, s, r) for x, y, s, r, paint in fan)
    head += path("M-58 128Q0 106 58 128 50 176 0 178-50 176-58 128Z", "#f2f8e2") + stroke(
        "M-26 126q4 30 8 46M26 126q-4 30-8 46", "#cfe0b4", 4
    )
    drops = "".join(dot(x, y, r, "#fff", 0.7) for x, y, r in [(208, 214, 6), (366, 180, 7), (402, 226, 5), (276, 168, 5), (322, 232, 4)])
    pieces = (
        shadow(300, 486, 226, 46) + place(head, 196, 318, 0.9, -18) + place(head, 404, 316, 0.9, 18) + place(head, 300, 318, 1.04) + drops
    )
    paints = linear("blade", "#8fd05a", "#3f9a3b", "#1d6a2e", line=(0, 0, 0.6, 1)) + linear(
        "stalk", "#d7efb6", "#f6fbe9", "#cfe6b3", line=(0, 0, 1, 0)
    )
    return Picture(LEAF, paints + linear("young", "#b6e27a", "#4da642", line=(0, 0, 0.6, 1)), pieces)


def lettuce() -> Picture:
    """An iceberg head in its wrapper leaves, a wedge beside it."""
    veins = stroke(
        "M0 110C-4 40 0-40 6-104M0 70C-30 30-56 6-92-10M2 40C34 4 58-14 92-26M2-6C-16-36-36-56-60-72M4-20C20-44 40-60 62-70",
        "#eaf6cf",
        6,
        0.85,
    )
    wrap = path(ruffle(196, 168, 17, 0.05), "url(#outer)")
    second = path(ruffle(170, 150, 15, 0.05, 0.3), "url(#second)")
    heart = path(ruffle(132, 126, 13, 0.04, 0.1), "url(#heart)") + veins
    fold = path("M-150-40C-120-120-20-140 30-110-30-96-90-50-100 30-120 20-146-6-150-40Z", "#cfe89a") + stroke(
        "M-120-10C-110-60-70-94-14-106", "#eef8d6", 5
    )
    fold += path("M150-20C146-90 96-124 60-112 96-80 112-30 96 50 124 36 148 12 150-20Z", "#a9d46c") + stroke(
        "M120 6C124-40 108-74 84-96", "#e3f3c2", 5
    )
    wedge = path("M-110 40C-90-40-20-84 60-84 96-84 120-60 120-30 60 40-20 76-90 74-104 70-112 58-110 40Z", "#8cc653") + path(
        "M-92 40C-74-26-14-66 54-68 84-68 104-52 104-30 50 24-20 58-78 58-90 56-94 50-92 40Z", "#f1f9d9"
    )
    wedge += stroke("M-70 44C-30 0 20-30 84-44M-60 46C-20 20 30-4 92-28M-66 34C-40-10 0-40 50-54", "#b9dc86", 6) + path(
        "M-96 44q10-20 34-14l-8 34q-24 4-26-20Z", "#e6efb8"
    )
    pieces = (
        shadow(300, 480, 252, 48)
        + place(wrap, 290, 300, 1.08, 0)
        + place(second, 288, 292, 1.08, 8)
        + place(heart, 292, 288, 1.14)
        + place(fold, 290, 306, 1.1)
        + shine(230, 220, 60, 40, -30, 0.5)
        + place(wedge, 416, 436, 0.92, -6)
    )
    paints = (
        radial("outer", "#a6d862", (0.6, "#63ac3c"), "#38802c")
        + radial("second", "#c4e784", (0.7, "#86c34c"), "#5aa23c")
        + radial("heart", "#f2fbcf", (0.6, "#c9e88e"), "#93cb58")
    )
    return Picture(LEAF, paints, pieces)


def lettuce_leaf() -> Picture:
    """Loose leaf lettuce: frilled leaves, green and red-tipped."""

    def one(paint: str, rib: str) -> str:
        frill = "M0 150C-30 130-36 90-60 70-92 66-84 30-110 16-128-12-100-30-118-62-112-92-86-90-84-118-62-140-40-124-20-146 0-160 20-148 30-142 52-130 66-142 84-116 88-92 112-90 118-60 102-32 126-12 110 18 84 32 92 66 60 72 36 90 30 130 0 150Z"
        return path(frill, f"url(#{paint})") + stroke(
            "M0 140V-100M0 70C-26 40-44 26-70 14M0 70C26 40 44 26 70 14M0 20C-26-8-44-22-74-36M0 20C26-8 44-22 74-36M0-36C-16-58-30-74-46-86M0-36C16-58 30-74 46-86",
            rib,
            6,
            0.75,
        )

    green, red = one("fresh", "#eef8d6"), one("red", "#f0dbd2")
    fan = (
        place(green, 196, 306, 0.86, -50)
        + place(green, 404, 306, 0.86, 50)
        + place(red, 230, 262, 0.9, -25)
        + place(red, 372, 262, 0.9, 25)
    )
    fan += place(green, 300, 250, 1) + place(green, 236, 352, 0.78, -32) + place(green, 366, 352, 0.78, 32) + place(red, 300, 362, 0.82)
    pieces = (
        shadow(300, 484, 230, 46)
        + fan
        + path("M254 470C262 430 276 412 300 408 324 412 338 430 346 470 330 500 270 500 254 470Z", "#eef6d4")
        + stroke("M284 430q-4 30 0 54M316 430q4 30 0 54", "#c6dba0", 4)
    )
    return Picture(
        LEAF,
        linear("fresh", "#c3e878", "#5aae3c", "#2f7f32", line=(0, 0, 0.3, 1))
        + linear("red", "#8e2f4a", (0.4, "#9c6a4a"), "#6fb04a", line=(0, 0, 0.2, 1)),
        pieces,
    )


def salad_mix() -> Picture:
    """A white bowl of mixed leaves with carrot shreds and cherry tomatoes."""
    blade = path("M0 90C-50 50-70-10-50-60-36-92-14-108 0-116 14-108 36-92 50-60 70-10 50 50 0 90Z", "url(#green)") + stroke(
        "M0 84V-90M0 30-30 4M0 30 30 4M0-16-26-40M0-16 26-40", "#d5efae", 4, 0.8
    )
    red = path(ruffle(62, 76, 9, 0.08), "url(#red)") + stroke("M0 66V-56M0 20-28-8M0 20 28-8M0-16-20-36M0-16 20-36", "#f3d7dd", 5, 0.9)
    frill = path(ruffle(76, 70, 11, 0.09), "url(#light)") + stroke("M0 60V-44M0 14-34-8M0 14 34-8", "#f2fbdc", 5, 0.9)
    tomato = dot(0, 0, 36, "url(#tomato)") + shine(-12, -12, 13, 10)
    shreds = "".join(
        stroke(f"M{x} {y}q{18 if k % 2 else -18} 10 {30 - 8 * (k % 3)} 34", "#f58a1f", 9)
        for k, (x, y) in enumerate([(214, 210), (356, 190), (300, 250), (420, 262), (168, 270), (262, 300), (390, 312)])
    )
    greens = (
        place(blade, 160, 260, 1, -56)
        + place(blade, 440, 256, 1, 58)
        + place(frill, 210, 220, 1.2, -20)
        + place(blade, 256, 182, 1, -18)
        + place(red, 344, 184, 1.1, 14)
        + place(frill, 400, 238, 1.18, 24)
        + place(blade, 330, 250, 0.9, 30)
        + place(red, 250, 266, 1.04, -28)
        + place(frill, 320, 306, 1.1, 8)
        + place(blade, 196, 316, 0.8, -70)
        + place(red, 420, 316, 0.86, 50)
    )
    toppings = shreds + places(tomato, [(290, 216, 1, 0), (384, 284, 1.06, 0), (206, 280, 1, 0)])
    bowl = (
        path("M84 310Q300 376 516 310C510 420 440 500 300 500S90 420 84 310Z", "url(#bowl)")
        + stroke("M84 310Q300 376 516 310", "#ffffff", 9)
        + stroke("M130 360C146 416 176 450 214 470", "#fff", 12, 0.9)
    )
    pieces = shadow(300, 498, 220, 40) + greens + toppings + bowl
    paints = (
        linear("green", "#8fd05a", "#2f8a39")
        + linear("light", "#d6f08f", "#86c648")
        + linear("red", "#c45a7e", "#6d1f42")
        + radial("tomato", "#ff8a6b", (0.5, "#e8402a"), "#a3170f")
        + linear("bowl", "#ffffff", (0.6, "#eef3f0"), "#c6d2cb")
    )
    return Picture(GREEN, paints, pieces)


def spinach() -> Picture:
    blade = path("M0 40C-60 30-92-20-80-80-70-128-28-156 0-170 28-156 70-128 80-80 92-20 60 30 0 40Z", "url(#blade)") + stroke(
        "M0 150V-140M0 10-44-30M0 10 44-30M0-40-44-76M0-40 44-76M0-88-28-114M0-88 28-114", "#a9d783", 5, 0.85
    )
    stem = stroke("M0 170C2 120 0 80 0 36", "#9ccb62", 15)
    one = stem + blade
    fan = [
        (150, 320, 0.8, -62),
        (450, 320, 0.8, 62),
        (196, 290, 0.94, -38),
        (404, 290, 0.94, 38),
        (246, 268, 1, -16),
        (354, 268, 1, 17),
        (300, 250, 1.04, 0),
        (222, 350, 0.78, -30),
        (384, 348, 0.78, 30),
        (302, 340, 0.86, 2),
    ]
    tie = path("M232 452Q300 478 368 452L366 482Q300 508 234 482Z", "#b5402c") + stroke("M236 462Q300 486 364 462", "#d97a5f", 4)
    roots = "".join(
        stroke(f"M{x} 470Q{x + (x - 300) * 0.3:.0f} 506 {x + (x - 300) * 0.5:.0f} 532", "#b8d985", 15) for x in (254, 278, 302, 326, 348)
    )
    pieces = shadow(300, 520, 190, 36) + roots + places(one, fan) + tie
    return Picture(LEAF, linear("blade", "#7cc457", (0.5, "#37893a"), "#175a2b", line=(0, 0, 0.7, 1)), pieces)


def celery() -> Picture:
    stalk = path("M-34 210C-40 80-34-40-24-130H24C34-40 40 80 34 210Z", "url(#stalk)") + stroke(
        "M-18 200C-22 80-18-30-12-120M0 204V-120M18 200C22 80 18-30 12-120", "#7db548", 4, 0.6
    )
    tuft = path(
        "M0 0C-30-14-34-40-62-42-56-70-80-84-58-104-60-128-28-130-22-148-6-166 6-166 20-150 30-130 58-130 58-104 80-84 56-70 62-42 34-40 30-14 0 0Z",
        "url(#leaf)",
    ) + stroke("M0 0V-110M0-40-30-66M0-40 30-66M0-76-18-96M0-76 18-96", "#d9f0b8", 4, 0.8)
    one = place(tuft, -30, -116, 0.86, -28) + place(tuft, 30, -116, 0.86, 28) + place(tuft, 0, -126, 1) + stalk
    cut = path("M-46 30C-50-10-26-34 0-34S50-10 46 30C30 20 20-4 0-4S-30 20-46 30Z", "url(#stalk)") + stroke(
        "M-46 30C-50-10-26-34 0-34S50-10 46 30", "#86bd4f", 5
    )
    fan = [(206, 322, 0.74, -19), (394, 322, 0.74, 19), (246, 314, 0.82, -9), (354, 314, 0.82, 9), (300, 312, 0.9, 0)]
    base = path("M208 470Q300 430 392 470 386 514 300 518 214 514 208 470Z", "#e8f3cb") + stroke(
        "M256 462q-6 24 0 46M300 456v58M344 462q6 24 0 46", "#bcd98d", 5
    )
    pieces = shadow(300, 512, 200, 40) + places(one, fan) + base + places(cut, [(140, 470, 1, -6), (466, 474, 1.04, 8)])
    return Picture(
        GREEN, linear("stalk", "#9cd05a", (0.45, "#dcf0ae"), "#8cc250", line=(0, 0, 1, 0)) + linear("leaf", "#8fd05a", "#2c7a33"), pieces
    )


def _floret() -> str:
    """A broccoli head: heaps of buds, darker behind, on a forked stalk."""
    stalk = path("M-36 150C-40 90-80 40-96-6L96-6C80 40 40 90 36 150Q0 168-36 150Z", "url(#stalk)") + stroke(
        "M-8 150C-12 90-30 40-40 10M10 150C12 90 30 40 42 10", "#9cc76a", 5, 0.7
    )
    back = "".join(
        dot(x, y, r, "url(#back)")
        for x, y, r in [(-100, -20, 44), (100, -20, 44), (-58, -76, 48), (58, -76, 48), (0, -98, 50), (0, -10, 50)]
    )
    front = "".join(
        dot(x, y, r, "url(#bud)")
        for x, y, r in [(-76, -30, 44), (76, -30, 44), (-34, -66, 46), (38, -68, 46), (0, -24, 52), (-46, 2, 34), (50, 2, 34)]
    )
    buds = "".join(
        dot(math.cos(i * 2.4) * 11 * math.sqrt(i), -36 + math.sin(i * 2.4) * 8.4 * math.sqrt(i), 5, ("#8fd066", "#2a7a34")[i % 2], 0.55)
        for i in range(1, 110, 2)
    )
    return stalk + back + front + buds


def broccoli() -> Picture:
    one = _floret()
    pieces = (
        shadow(300, 484, 240, 48)
        + place(one, 196, 284, 0.94, -18)
        + place(one, 406, 278, 0.96, 18)
        + place(one, 300, 330, 1.08)
        + place(one, 466, 428, 0.46, 24)
        + place(one, 136, 430, 0.46, -22)
    )
    paints = (
        radial("bud", "#7cc65a", (0.5, "#429742"), "#216a2e")
        + radial("back", "#4c9a44", "#1d5c2a")
        + linear("stalk", "#bfe08e", (0.5, "#e2f3bf"), "#a6cd72", line=(0, 0, 1, 0))
    )
    return Picture(GREEN, paints, pieces)


def cabbage() -> Picture:
    ball = path(ruffle(150, 146, 19, 0.02), "url(#ball)") + stroke(
        "M0 140C-8 60-6-40 10-136M0 96C-40 60-80 44-130 40M-2 50C-36 10-70-14-116-34M2 60C36 20 76 4 130 0M4 6C34-30 64-52 100-72M0-10C-20-50-40-76-70-102",
        "#f3fbe4",
        6,
        0.85,
    )
    left = path("M-210 20C-220-60-160-120-120-110-120-30-90 70-20 140-90 160-190 110-210 20Z", "url(#outer)") + stroke(
        "M-60 126C-130 80-170 20-166-70M-120 80-190 66M-150 30-204 0", "#dff1bd", 6
    )
    right = path("M214 10C220-70 150-124 112-108 128-30 96 70 14 144 100 162 196 100 214 10Z", "url(#outer)") + stroke(
        "M56 128C130 80 172 10 160-74M120 82 192 64M150 26 206-8", "#dff1bd", 6
    )
    pieces = (
        shadow(300, 474, 250, 50)
        + place(path(ruffle(206, 170, 15, 0.04), "url(#outer)"), 300, 306, 1.04)
        + place(ball, 300, 282, 1.1)
        + shine(246, 214, 60, 44)
        + place(left, 296, 330, 0.98)
        + place(right, 304, 330, 0.98)
    )
    return Picture(
        LEAF, radial("ball", "#f4fbd6", (0.55, "#c5e493"), "#86bd56") + radial("outer", "#a8d875", (0.6, "#62a94a"), "#357a38"), pieces
    )
