"""Fruiting vegetables, ears and caps: tomato, cucumber, pepper, corn, mushroom."""

from __future__ import annotations

import math

from linli.web.pictures.canvas import (
    CLAY,
    GREEN,
    LEAF,
    SUN,
    Ground,
    Picture,
    dot,
    linear,
    oval,
    path,
    place,
    places,
    radial,
    shadow,
    shine,
    star,
    stroke,
)

_TOMATO = radial("skin", "#ff8a6b", (0.45, "#e8402a"), "#a3170f")


def _tomato() -> str:
    body = oval(0, 0, 116, 102, "url(#skin)") + stroke("M-60-84q22 34 12 74M58-86q-20 40-10 80", "#b4241a", 5, 0.35)
    crown = f'<g transform="translate(0 -84) scale(1 .55)">{star(6, 14, 62, "#3f8f3f")}</g>' + stroke("M0-84q-4-28 10-44", "#3f8f3f", 10)
    return body + shine(-48, -40, 38, 24) + crown


def _tomato_half() -> str:
    """A slice: flesh walls, three chambers of seeds."""
    chamber = path("M0-14C-34-30-44-62-24-82-8-92 8-92 24-82 44-62 34-30 0-14Z", "url(#jelly)") + "".join(
        oval(x, y, 5, 8, "#ffe2a6", t) for x, y, t in [(-12, -58, 20), (10, -66, -10), (14, -44, -24), (-6, -38, 6), (-2, -76, 0)]
    )
    return (
        oval(0, 0, 112, 104, "#d6301f")
        + oval(0, 0, 103, 95, "#f4745a")
        + f'<g transform="scale(1 .93)">{"".join(f"""<g transform="rotate({a})">{chamber}</g>""" for a in (0, 72, 144, 216, 288))}</g>'
        + oval(0, 0, 16, 14, "#ffb9a0")
    )


def tomato() -> Picture:
    """Tomatoes on the vine, one sliced."""
    one = _tomato()
    vine = stroke("M92 196C190 108 330 96 500 150M214 138l-18 46M392 116l12 46", "#4d8a35", 13) + stroke(
        "M96 190C190 106 330 94 494 146", "#86bd57", 4
    )
    pieces = (
        shadow(300, 466, 258, 52)
        + vine
        + place(one, 186, 268, 0.96, -8)
        + place(one, 412, 256, 1, 10)
        + place(_tomato_half(), 306, 378, 1.08, 6)
        + place(one, 474, 416, 0.6, 14)
        + place(one, 134, 420, 0.62, -14)
    )
    return Picture(GREEN, _TOMATO + radial("jelly", "#ff9a5c", "#e0502e", cx=0.5, cy=0.5), pieces)


def tomato_grape() -> Picture:
    body = path("M0-74C42-74 60-40 60 2 60 48 36 80 0 80S-60 48-60 2C-60-40-42-74 0-74Z", "url(#skin)") + shine(-22, -30, 20, 26, 14)
    one = (
        body + f'<g transform="translate(0 -68) scale(.62 .36)">{star(5, 12, 58, "#3f8f3f")}</g>' + stroke("M0-70q-2-14 6-24", "#3f8f3f", 7)
    )
    half = (
        path("M0-74C42-74 60-40 60 2 60 48 36 80 0 80S-60 48-60 2C-60-40-42-74 0-74Z", "#d6301f")
        + oval(0, 3, 50, 68, "#f4745a")
        + oval(-20, 6, 14, 44, "url(#jelly)")
        + oval(20, 6, 14, 44, "url(#jelly)")
        + "".join(oval(x, y, 4, 7, "#ffe2a6") for x in (-20, 20) for y in (-18, 4, 26))
    )
    spots = [
        (232, 206, 1.06, -20),
        (356, 200, 1.08, 16),
        (156, 292, 1.02, -40),
        (294, 282, 1.14, 4),
        (432, 286, 1.04, 38),
        (222, 376, 1.1, -14),
        (374, 372, 1.1, 20),
    ]
    pieces = (
        shadow(300, 474, 258, 50)
        + places(one, spots)
        + place(half, 300, 432, 0.98, -8)
        + place(one, 140, 414, 0.86, -58)
        + place(half, 456, 420, 0.92, 34)
    )
    return Picture(GREEN, _TOMATO + linear("jelly", "#ff9a5c", "#e0502e"), pieces)


def cucumber() -> Picture:
    bumps = "".join(dot(-170 + 26 * i, -26 + (i * 37) % 54, 4, "#b9dc8a", 0.6) for i in range(14))
    one = (
        path(
            "M-214 6C-220-34-180-56-120-58-30-64 70-62 140-54 190-48 218-30 216 2 212 34 180 46 132 52 60 60-40 60-120 54-176 50-210 38-214 6Z",
            "url(#skin)",
        )
        + stroke("M-180-14C-80-30 60-30 180-16M-184 20C-80 34 60 34 180 22", "#6aa84a", 5, 0.5)
        + bumps
    )
    one += oval(-40, -34, 96, 8, "url(#shine)", 0, 0.9) + oval(208, 2, 12, 18, "#e7d36a") + stroke("M-212 4q-16-4-22-14", "#4d8a35", 11)
    coin = (
        oval(0, 6, 80, 72, "#1f5f2a")
        + oval(0, 0, 80, 70, "#3f8f3a")
        + oval(0, 0, 73, 63, "url(#flesh)")
        + "".join(
            f'<g transform="scale(1 .87) rotate({a})">{oval(0, -34, 6, 12, "#fafde6")}{oval(0, -34, 2.6, 7, "#cbd99a")}</g>'
            for a in range(0, 360, 40)
        )
        + oval(0, 0, 12, 10, "#e3f0b8")
    )
    pieces = (
        shadow(300, 476, 256, 48)
        + place(one, 306, 220, 1.04, -16)
        + place(one, 296, 304, 1.1, 3)
        + place(coin, 452, 404, 0.92, 0)
        + place(coin, 330, 424, 1.02, 0)
        + place(coin, 196, 416, 1.08, 0)
    )
    return Picture(
        GREEN,
        linear("skin", "#7cc25a", (0.5, "#33803a"), "#16482a", line=(0, 0, 0, 1))
        + radial("flesh", "#f2fad2", (0.6, "#d3eb9c"), "#aad468", cx=0.5, cy=0.5, r=0.6),
        pieces,
    )


def _peppers(ground: Ground, skin: str, wall: str, flesh: str, dark: str) -> Picture:
    body = "M0-76C24-108 84-104 106-70 126-34 116 40 92 92 78 122 50 128 34 112 22 126-22 126-34 112-50 128-78 122-92 92-116 40-126-34-106-70-84-104-24-108 0-76Z"
    one = (
        path(body, "url(#skin)")
        + stroke("M-30-86C-56-30-54 50-34 108M30-86C56-30 54 50 34 108", dark, 7, 0.4)
        + shine(-74, -20, 16, 54, 6, 0.85)
        + shine(0, -30, 16, 44, 0, 0.5)
    )
    one += (
        path("M-34-80Q0-104 34-80 20-64 0-66-20-64-34-80Z", "#5c9a3a")
        + stroke("M0-80C-4-110 4-124 22-134", "#5c9a3a", 17)
        + stroke("M-2-84C-4-108 4-120 18-128", "#93c766", 5)
    )
    open_ = (
        path(body, wall)
        + '<g transform="translate(0 4) scale(.86)">'
        + path(body, flesh)
        + "</g>"
        + path(
            "M0-40C40-60 74-44 76-6 78 40 62 84 40 92 20 70 16 20 0-40ZM0-40C-40-60-74-44-76-6-78 40-62 84-40 92-20 70-16 20 0-40Z", dark
        )
    )
    open_ += (
        path("M-26-48Q0-66 26-48 30 0 0 26-30 0-26-48Z", "#f7f3d6")
        + "".join(
            oval(10 * math.sqrt(i) * math.cos(i * 2.4) * 0.7, -22 + 9 * math.sqrt(i) * math.sin(i * 2.4) * 0.8, 5, 7, "#efdd96", i * 50)
            for i in range(1, 17)
        )
        + stroke("M0-80C-4-108 4-120 18-130", "#5c9a3a", 15)
    )
    pieces = shadow(300, 472, 252, 50) + place(one, 190, 278, 1.1, -12) + place(one, 412, 268, 1.14, 11) + place(open_, 304, 366, 1.02, 2)
    return Picture(ground, skin, pieces)


def pepper() -> Picture:
    return _peppers(GREEN, radial("skin", "#a6dc62", (0.45, "#4a9d38"), "#1c5f2c"), "#3f8f36", "#a9d873", "#79b548")


def pepper_red() -> Picture:
    return _peppers(SUN, radial("skin", "#ff8f6e", (0.45, "#df2f2a"), "#8f0f1e"), "#c8262a", "#ff9a80", "#e0604c")


def corn() -> Picture:
    kernels = ""
    for row in range(13):
        y = -150 + row * 23
        reach = 58 * math.sqrt(max(0.08, 1 - ((y - 30) / 200) ** 2)) if y < 30 else 58
        for k in range(5):
            x = (k - 2) * reach * 0.42
            kernels += f'<rect x="{x - 11:.0f}" y="{y}" width="22" height="21" rx="9" fill="url(#kernel)"/>' + oval(
                x - 3, y + 6, 5, 3.4, "#fff7d1", 0, 0.8
            )
    cob = path("M0-168C52-160 66-60 64 20 62 110 40 160 0 164-40 160-62 110-64 20-66-60-52-160 0-168Z", "#d99a14") + kernels
    husk = (
        path("M-70-10C-96 60-70 150 0 190-20 120-40 60-70-10Z", "url(#husk)")
        + path("M72-30C100 60 74 160 0 190 22 120 46 50 72-30Z", "url(#husk)")
        + path("M-40 60C-50 110-30 160 0 190 34 160 50 110 40 70 20 130-16 130-40 60Z", "#8cc35a")
    )
    husk += stroke("M-62 20C-62 90-40 150-4 182M64 10C66 90 40 150 4 182", "#d9edb0", 3, 0.7)
    one = cob + husk
    pieces = shadow(300, 484, 236, 46) + place(one, 190, 312, 0.92, -24) + place(one, 412, 312, 0.92, 22) + place(one, 302, 322, 1.02, -2)
    return Picture(
        LEAF, linear("kernel", "#ffe88a", "#fcc62d", "#d6930f", line=(0, 0, 1, 0)) + linear("husk", "#b9dd78", "#4f9a3a"), pieces
    )


def mushroom() -> Picture:
    stem = path("M-38 10C-34 50-42 84-50 104-40 124 40 124 50 104 42 84 34 50 38 10Z", "url(#stem)")
    gills = path("M-104 8Q0 60 104 8 60-10 0-10-60-10-104 8Z", "#c9a98a") + stroke(
        "M-70 14Q-40 0-26-6M-36 24Q-20 6-10-6M0 28V-6M36 24Q20 6 10-6M70 14Q40 0 26-6", "#9c7c60", 4, 0.6
    )
    cap = path("M-116 4C-120-62-66-112 0-112S120-62 116 4C112 22 96 22 84 14 50-2-50-2-84 14-96 22-112 22-116 4Z", "url(#cap)")
    one = gills + stem + cap + shine(-42, -64, 38, 22, -24)
    cut = path(
        "M-104 0C-108-60-60-104 0-104S108-60 104 0C100 24 76 26 52 12 40 30 38 62 46 96 34 112-34 112-46 96-38 62-40 30-52 12-76 26-100 24-104 0Z",
        "#d9c6ad",
    ) + path(
        "M-95-2C-98-54-54-94 0-94S98-54 95-2C88 12 72 12 50 0 34 18 30 62 36 92 26 100-26 100-36 92-30 62-34 18-50 0-72 12-88 12-95-2Z",
        "url(#flesh)",
    )
    cut += path(
        "M-88-2C-80-22-56-28-34-18-30-8-36-2-48-2-70 12-84 10-88-2ZM88-2C80-22 56-28 34-18 30-8 36-2 48-2 70 12 84 10 88-2Z", "#b08e70"
    )
    pieces = (
        shadow(300, 478, 252, 48)
        + place(one, 196, 264, 1.08, -14)
        + place(one, 408, 254, 1.12, 12)
        + place(cut, 316, 378, 1.02, 4)
        + place(one, 160, 418, 0.74, -10)
        + place(one, 464, 416, 0.7, 12)
    )
    paints = (
        radial("cap", "#ffffff", (0.55, "#f1e6d6"), "#b89a7c")
        + linear("stem", "#e9dcc8", "#fffaf0", "#d3bfa4", line=(0, 0, 1, 0))
        + radial("flesh", "#fffdf6", "#f3e8d4", cx=0.5, cy=0.4)
    )
    return Picture(CLAY, paints, pieces)
