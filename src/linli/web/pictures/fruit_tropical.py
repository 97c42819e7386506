"""Bananas, melons and the other large or southern fruit, and the cut-fruit bowl."""

from __future__ import annotations

import math

from linli.web.pictures.canvas import (
    GREEN,
    LEAF,
    LEAF_PAINT,
    ORANGE,
    PEACH,
    ROSE,
    SUN,
    Picture,
    dot,
    leaf,
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


def banana() -> Picture:
    body = "M-18-4C-56 92 10 244 176 290 206 297 228 292 234 276 226 262 214 256 200 250 104 200 50 104 40-2Z"
    one = path(body, "url(#skin)") + path("M-18-4C-56 92 10 244 176 290 190 293 202 294 212 292 60 254-8 110-4-4Z", "#dd9f14")
    one += stroke("M22 20C32 112 92 204 190 256", "#fff6c4", 6, 0.75)
    one += path("M206 294C226 294 233 286 234 276 228 266 220 260 211 256 202 268 200 282 206 294Z", "#6b4a1c")
    slice_ = (
        oval(0, 0, 60, 52, "#e8bd3e")
        + oval(0, -5, 57, 48, "#fff6d6")
        + oval(0, -5, 40, 33, "#fbe7b0")
        + "".join(oval(13 * math.cos(a), -5 + 11 * math.sin(a), 3.5, 6, "#a9803c", math.degrees(a) + 90) for a in (0.3, 2.4, 4.5))
    )
    pieces = (
        shadow(310, 484, 230, 46)
        + place(one, 224, 150, 1.02, 46)
        + place(one, 214, 152, 1.1, 22)
        + place(one, 198, 156, 1.14, -3)
        + place(one, 178, 158, 1.08, -30)
    )
    pieces += path(
        "M152 186C146 150 168 124 172 84 182 74 206 74 216 84 220 122 252 146 250 178 226 206 176 210 152 186Z", "url(#crown)"
    ) + oval(194, 83, 22, 9, "#6b4a1c")
    pieces += places(slice_, [(150, 446, 0.96, -8), (232, 478, 1.04, 4)])
    return Picture(
        SUN,
        linear("skin", "#e9ae1c", (0.45, "#fdd546"), "#ffe88c", line=(0, 1, 1, 0))
        + linear("crown", "#a89a3a", "#e8bf34", line=(0, 0, 0, 1)),
        pieces,
    )


def cantaloupe() -> Picture:
    net = "".join(stroke(f"M{x} -116Q{x * 1.9:.0f} 0 {x} 116", "#efe3bd", 4, 0.8) for x in (-70, -44, -16, 16, 44, 70))
    net += "".join(stroke(f"M-110 {y}Q0 {y + 26} 110 {y}", "#efe3bd", 3, 0.7) for y in (-78, -52, -26, 0, 26, 52))
    whole = (
        f'<clipPath id="round"><circle r="118"/></clipPath>{dot(0, 0, 118, "url(#skin)")}<g clip-path="url(#round)">{net}</g>{shine(-44, -46, 40, 28, -30, 0.6)}'
        + stroke("M0-114q4-20 18-28", "#8a7a45", 14)
    )
    half = (
        dot(0, 0, 122, "#b9a767")
        + dot(0, 0, 114, "#cfe0a0")
        + dot(0, 0, 106, "url(#flesh)")
        + oval(0, 6, 54, 46, "#e07a2c")
        + "".join(
            oval(10 * math.sqrt(i) * math.cos(i * 2.4), 6 + 8 * math.sqrt(i) * math.sin(i * 2.4), 5, 9, "#ffe9bd", i * 60)
            for i in range(1, 20)
        )
    )
    wedge = (
        path("M-120-20Q0 110 120-20L104-36Q0 66-104-36Z", "#b9a767")
        + path("M-116-26Q0 96 116-26L104-38Q0 70-104-38Z", "#cfe0a0")
        + path("M-110-32Q0 84 110-32 90-62 62-58 0 0-62-58-90-62-110-32Z", "url(#flesh)")
    )
    pieces = shadow(300, 470, 256, 52) + place(whole, 210, 250, 1.2, -8) + place(half, 384, 322, 1.16, 0) + place(wedge, 214, 440, 1.06, -6)
    return Picture(
        PEACH,
        radial("skin", "#f0e3b4", (0.5, "#cdb973"), "#8e7f43") + radial("flesh", "#ffb870", "#f79442", cx=0.5, cy=0.5, r=0.55),
        pieces,
    )


def watermelon() -> Picture:
    stripes = "".join(stroke(f"M{x} -150Q{x * 2.1:.0f} 0 {x} 150", "#1e5a2a", 18, 0.75) for x in (-84, -44, 0, 44, 84))
    whole = f'<clipPath id="round"><circle r="150"/></clipPath>{dot(0, 0, 150, "url(#skin)")}<g clip-path="url(#round)">{stripes}</g>{shine(-58, -62, 50, 34, -30, 0.6)}'
    seeds = "".join(
        oval(x, y, 6, 10, "#3a1712", t)
        for x, y, t in [(-60, 10, 20), (-20, 30, 8), (24, 30, -8), (62, 8, -20), (-34, -34, 16), (34, -36, -16), (0, -6, 0), (0, 68, 0)]
    )
    wedge = (
        path("M-172-48A172 172 0 0 0 172-48Z", "#2d7d3a")
        + path("M-161-48A161 161 0 0 0 161-48Z", "#e9f4cf")
        + path("M-149-50A149 149 0 0 0 149-50Q0-78-149-50Z", "url(#flesh)")
    )
    wedge += '<g transform="translate(0 12) scale(1.05 .7)">' + seeds + "</g>"
    triangle = (
        path("M-84 70Q0 108 84 70L0-110Z", "#2d7d3a")
        + path("M-80 60Q0 98 80 60L0-110Z", "#e9f4cf")
        + path("M-75 48Q0 84 75 48L0-110Z", "url(#flesh)")
        + "".join(oval(x, y, 6, 10, "#3a1712") for x, y in [(-30, 30), (0, 44), (30, 30), (-14, -6), (16, -4), (0, -48)])
    )
    pieces = shadow(300, 478, 260, 48) + place(whole, 268, 244, 1.1) + place(wedge, 262, 400, 1.02, -3) + place(triangle, 450, 398, 1.06, 8)
    return Picture(
        ROSE, radial("skin", "#8ccf6a", (0.5, "#3f9645"), "#1d5a2c") + linear("flesh", "#ff8378", "#e8313c", line=(0, 0, 0, 1)), pieces
    )


def pineapple() -> Picture:
    eyes = ""
    for row in range(9):
        y = -112 + row * 29
        half = 100 * math.sqrt(max(0.06, 1 - (y / 146) ** 2))
        for k in range(-3, 4):
            x = k * 44 + (22 if row % 2 else 0)
            if abs(x) < half:
                eyes += path(f"M{x} {y - 22}l22 22-22 22-22-22Z", "url(#eye)") + dot(x, y, 4, "#8a5a10")
    body = (
        oval(0, 0, 108, 146, "#b8791a")
        + f'<clipPath id="body"><ellipse rx="108" ry="146"/></clipPath><g clip-path="url(#body)">{eyes}</g>'
        + oval(0, 0, 108, 146, "url(#round)")
    )
    blade = path("M0 0C-30-50-24-120 0-170 24-120 30-50 0 0Z", "url(#leaf)") + stroke("M0-8V-150", "#bfe3a5", 3, 0.6)
    crown = places(
        blade,
        [
            (-10, -120, 0.8, -58),
            (10, -120, 0.8, 58),
            (-8, -124, 0.94, -34),
            (8, -124, 0.94, 34),
            (-2, -126, 1.02, -12),
            (4, -126, 1.02, 14),
            (0, -118, 0.7, 0),
        ],
    )
    ring = (
        dot(0, 0, 98, "#d9a021")
        + dot(0, 0, 90, "url(#flesh)")
        + dot(0, 0, 24, "#fff3b8")
        + "".join(f'<g transform="rotate({a})">{stroke("M0-34V-78", "#e8b52c", 4, 0.7)}</g>' for a in range(0, 360, 24))
    )
    pieces = shadow(300, 492, 210, 44) + place(crown + body, 258, 352, 0.98, -5) + place(ring, 428, 420, 0.98) + place(ring, 372, 462, 0.6)
    paints = (
        linear("eye", "#ffdc6b", "#e09a1c")
        + linear("leaf", "#5fae4a", "#24692f")
        + radial("flesh", "#fff0a0", "#fbd24a", cx=0.5, cy=0.5, r=0.55)
    )
    paints += radial("round", (0.4, "#fff", 0), (1, "#7a4300", 0.55), cx=0.36, cy=0.34, r=0.8)
    return Picture(SUN, paints, pieces)


def avocado() -> Picture:
    shape = "M0-140C40-140 54-104 64-64 74-28 108-2 108 52 108 108 60 136 0 136S-108 108-108 52C-108-2-74-28-64-64-54-104-40-140 0-140Z"
    bumps = "".join(
        dot(math.cos(i * 2.4) * 9 * math.sqrt(i), 36 + math.sin(i * 2.4) * 9 * math.sqrt(i), 5, "#23401c", 0.4) for i in range(2, 90, 3)
    )
    whole = path(shape, "url(#skin)") + bumps + shine(-40, 10, 28, 46, 14, 0.5)
    open_ = (
        path(shape, "#2f5226")
        + '<g transform="translate(0 1) scale(.93)">'
        + path(shape, "#a9c74a")
        + "</g>"
        + '<g transform="translate(0 3) scale(.84)">'
        + path(shape, "url(#flesh)")
        + "</g>"
    )
    stone = dot(0, 50, 52, "#6b3a1a", 0.35) + dot(0, 46, 50, "url(#stone)") + shine(-16, 30, 18, 13)
    hollow = dot(0, 48, 50, "#d3c662") + path("M-50 48a50 50 0 0 1 100 0a56 50 0 0 0-100 0Z", "#a79a3c")
    pieces = (
        shadow(300, 484, 244, 48)
        + place(whole, 300, 268, 1.08, 4)
        + place(open_ + hollow, 420, 344, 1.02, 22)
        + place(open_ + stone, 192, 350, 1.06, -18)
    )
    paints = radial("skin", "#6d9a4e", (0.5, "#36602c"), "#182f16") + radial(
        "flesh", "#fbf6b4", (0.6, "#eaf09a"), "#cbdc6b", cx=0.5, cy=0.6, r=0.6
    )
    return Picture(LEAF, paints + radial("stone", "#c98a52", (0.5, "#8a4e24"), "#4d2711"), pieces)


def kiwi() -> Picture:
    fuzz = "".join(
        stroke(f"M{math.cos(i * 2.4) * 10 * math.sqrt(i):.0f} {math.sin(i * 2.4) * 8 * math.sqrt(i):.0f}l6 5", "#6b4c22", 2.5, 0.45)
        for i in range(3, 100, 3)
    )
    whole = oval(0, 0, 122, 98, "url(#skin)") + fuzz + shine(-44, -38, 40, 24, -24, 0.5) + oval(112, 10, 8, 14, "#5a3d18")
    seeds = "".join(
        f'<g transform="rotate({a})">{oval(0, -42, 4, 8, "#1f2613")}{oval(0, -58, 3.4, 7, "#1f2613", 8)}</g>' for a in range(0, 360, 24)
    )
    rays = "".join(f'<g transform="rotate({a})">{stroke("M0-40V-94", "#d9f08a", 5, 0.7)}</g>' for a in range(12, 372, 24))
    half = dot(0, 0, 116, "#7a5a2a") + dot(0, 0, 108, "url(#flesh)") + rays + seeds + oval(0, 0, 34, 30, "#f7f8d8")
    pieces = (
        shadow(300, 470, 252, 52)
        + place(whole, 196, 252, 1.06, -18)
        + place(whole, 408, 240, 1, 14)
        + place(half, 316, 360, 1.16, 0)
        + place(half, 150, 424, 0.66)
        + place(whole, 478, 426, 0.54, -10)
    )
    return Picture(
        GREEN,
        radial("skin", "#c49a5e", (0.5, "#8d6531"), "#553916")
        + radial("flesh", "#d6ee7c", (0.5, "#9fd03c"), "#6aa522", cx=0.5, cy=0.5, r=0.55),
        pieces,
    )


def mango() -> Picture:
    shape = "M-120 20C-126-50-66-104 10-100 84-96 128-44 120 20 112 74 66 100 4 98-64 98-114 70-120 20Z"
    whole = path(shape, "url(#skin)") + shine(-40, -42, 46, 26) + stroke("M-104-34q-14-12-16-24", "#6d4a22", 10)
    cubes = ""
    for row in range(-3, 4):
        for col in range(-3, 4):
            x, y = col * 30 + 4, row * 26 - 2
            if (x / 108) ** 2 + (y / 84) ** 2 < 0.86:
                cubes += f'<rect x="{x - 13}" y="{y - 11}" width="25" height="21" rx="7" fill="url(#flesh)"/>'
    half = path(shape, "#d8742a") + '<g transform="translate(0 -2) scale(.92)">' + path(shape, "#f29a1e") + "</g>" + cubes
    pieces = (
        shadow(300, 464, 256, 52)
        + place(leaf(), 210, 170, 1.1, -12)
        + place(whole, 206, 258, 1.12, -14)
        + place(whole, 402, 264, 1.08, 160)
        + place(half, 306, 386, 1.2, -6)
    )
    return Picture(
        ORANGE, linear("skin", "#f6c53a", (0.5, "#f39a34"), "#d2483a") + linear("flesh", "#ffe07a", "#ffb928") + LEAF_PAINT, pieces
    )


def fruit_bowl() -> Picture:
    """Cut fruit, ready to eat: strawberry halves, melon, grapes, kiwi, blueberries in a clear cup."""
    melon = '<rect x="-44" y="-38" width="88" height="76" rx="18" fill="url(#melon)"/>' + shine(-14, -14, 22, 12, -20, 0.6)
    water = (
        '<rect x="-44" y="-38" width="88" height="76" rx="14" fill="url(#water)"/>'
        + oval(-10, 6, 5, 9, "#3a1712")
        + oval(16, -8, 5, 9, "#3a1712")
    )
    berry = (
        path("M0-66C44-76 78-48 74-6 68 36 34 84 0 92-34 84-68 36-74-6-78-48-44-76 0-66Z", "#d8202b")
        + path("M0-52C34-60 62-38 58-4 54 28 28 68 0 76-28 68-54 28-58-4-62-38-34-60 0-52Z", "#ff9a90")
        + path("M0-30C18-34 32-20 30 2 26 26 12 44 0 50-12 44-26 26-30 2-32-20-18-34 0-30Z", "#ffe9e3")
    )
    kiwi_ = (
        dot(0, 0, 62, "#7a5a2a")
        + dot(0, 0, 57, "#9fd03c")
        + "".join(f'<g transform="rotate({a})">{oval(0, -26, 3, 6, "#1f2613")}</g>' for a in range(0, 360, 30))
        + dot(0, 0, 17, "#f7f8d8")
    )
    blue = dot(0, 0, 34, "url(#blue)") + dot(2, -12, 8, "#1a2450")
    grape = dot(0, 0, 40, "url(#grape)") + shine(-14, -14, 14, 10)
    fruit = (
        place(melon, 190, 262, 1.05, -12)
        + place(grape, 268, 212, 1)
        + place(water, 344, 226, 1.05, 16)
        + place(berry, 420, 260, 0.86, 20)
        + place(kiwi_, 274, 284, 1.1, 0)
        + place(blue, 362, 296, 1)
        + place(berry, 182, 326, 0.78, -24)
    )
    fruit += (
        place(grape, 428, 330, 0.96)
        + place(melon, 330, 346, 0.96, 10)
        + place(blue, 246, 350, 0.96)
        + place(blue, 446, 268, 0.8)
        + place(blue, 150, 284, 0.8)
    )
    cup = (
        path("M112 312Q300 372 488 312L452 474Q446 500 416 500H184Q154 500 148 474Z", "#ffffff")
        + path("M112 312Q300 372 488 312L452 474Q446 500 416 500H184Q154 500 148 474Z", "url(#cup)")
        + stroke("M112 312Q300 372 488 312", "#ffffff", 10)
    )
    cup += stroke("M156 366 176 468", "#fff", 12, 0.9) + path("M132 404Q300 446 468 404L458 450Q300 486 142 450Z", "#5aa864")
    pieces = shadow(300, 498, 220, 36) + fruit + cup
    paints = (
        linear("melon", "#ffc98a", "#f08f3e")
        + linear("water", "#ff8a80", "#df2f3a")
        + radial("blue", "#8ea2e0", "#2b3878")
        + radial("grape", "#eef5a8", (0.5, "#b9d252"), "#7a9b28")
        + linear("cup", "#fdfefe", "#dfeae2")
    )
    return Picture(GREEN, paints, pieces)
