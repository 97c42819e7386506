"""Grain, oil and drinks in bags, bowls and bottles."""

from __future__ import annotations

import random

from linli.web.pictures.canvas import (
    ORANGE,
    SUN,
    WHEAT,
    Picture,
    dot,
    linear,
    oval,
    path,
    place,
    radial,
    shadow,
    shine,
    stroke,
)


def rice() -> Picture:
    rng = random.Random(7)
    grains = "".join(
        f'<ellipse cx="{rng.uniform(-62, 62):.0f}" cy="{-40 - 34 * rng.random():.0f}" rx="10" ry="4" fill="#fffdf6" stroke="#e4dac2" stroke-width="1.2" transform="rotate({rng.randrange(-24, 25, 6)} 0 -40)"/>'
        for _ in range(46)
    )
    bowl = (
        oval(0, -28, 96, 30, "#e9e1cf")
        + path("M-86-30Q-40-92 0-92T86-30Z", "#fffdf6")
        + grains
        + path("M-100-30H100C96 40 60 84 0 84S-96 40-100-30Z", "#2f6f8f")
        + path("M-100-30H100C99-16 97-4 94 8H-94C-97-4-99-16-100-30Z", "#3f87a9")
        + stroke("M-70 14C-60 44-40 60-24 66", "#7db6d0", 8)
    )
    bag = (
        path("M-120-176Q0-150 120-176L132 176Q0 200-132 176Z", "url(#bag)")
        + path("M-120-176Q0-150 120-176L116-146Q0-122-116-146Z", "#b98f4f")
        + '<rect x="-76" y="-86" width="152" height="170" rx="10" fill="#b5402c"/>'
        + path("M0-58c14 26 14 62 0 104-14-42-14-78 0-104Z", "#f7d774")
    )
    bag += path("M-34-30c22 16 32 42 34 76-24-14-36-42-34-76ZM34-30C12-14 2 12 0 46c24-14 36-42 34-76Z", "#f3c64e") + stroke(
        "M-96-130-104 160", "#fff", 10, 0.5
    )
    pieces = shadow(246, 492, 190, 40) + shadow(420, 490, 140, 30) + place(bag, 232, 290, 1.08, -2) + place(bowl, 426, 404)
    return Picture(WHEAT, linear("bag", "#fbf4e4", (0.6, "#efe0c0"), "#cdb68a", line=(0, 0, 1, 0)), pieces)


def oil() -> Picture:
    bottle = (
        path("M-30-196H30V-150C30-120 78-110 78-50V170Q78 194 54 194H-54Q-78 194-78 170V-50C-78-110-30-120-30-150Z", "url(#oil)")
        + '<rect x="-38" y="-226" width="76" height="44" rx="8" fill="#3f8f3a"/><rect x="-78" y="-20" width="156" height="130" fill="#fff8e4"/>'
        + stroke("M-60-60V-30M-60 120V170", "#fff", 12, 0.7)
    )
    olive = (
        "".join(
            oval(x, y, 26, 18, c, t) + oval(x - 6, y - 6, 8, 4, "#fff", t, 0.5)
            for x, y, c, t in [(-26, 60, "#7c9a34", -20), (26, 66, "#93b23f", 20)]
        )
        + path("M0 44C16 4 40-6 62 2 50 30 26 40 0 44Z", "#5f9e3f")
        + path("M0 44C-16 4-40-6-62 2-50 30-26 40 0 44Z", "#4d8a35")
    )
    bowl = (
        oval(0, 0, 100, 34, "#e3e8ea")
        + oval(0, -2, 88, 27, "url(#pool)")
        + path("M-100 0C-96 46-56 66 0 66S96 46 100 0C90 30 50 34 0 34S-90 30-100 0Z", "#ffffff")
        + shine(-30, -6, 34, 8, 0, 0.9)
    )
    pieces = shadow(236, 494, 160, 36) + shadow(420, 488, 140, 28) + place(bottle + olive, 226, 304) + place(bowl, 420, 424)
    return Picture(
        SUN,
        linear("oil", "#ffe98a", (0.5, "#f2c53a"), "#c08d14", line=(0, 0, 1, 0)) + radial("pool", "#ffe98a", "#d9a821", cx=0.4, cy=0.3),
        pieces,
    )


def orange_juice() -> Picture:
    """A bottle, a glass with a slice, an orange half."""
    bottle = (
        path("M-44-170H44V-128C44-96 84-84 84-36V170Q84 196 58 196H-58Q-84 196-84 170V-36C-84-84-44-96-44-128Z", "url(#juice)")
        + '<rect x="-54" y="-206" width="108" height="46" rx="12" fill="#3f8f3a"/><path d="M-84-4H84V112H-84Z" fill="#fff8e8"/>'
    )
    bottle += (
        dot(0, 56, 40, "#f58a1f")
        + dot(-12, 44, 12, "#ffc878", 0.8)
        + path("M4 18C16-6 44-10 60 0 48 20 24 28 4 18Z", "#4d9a3f")
        + stroke("M-62-30V-14M-62 124V176", "#fff", 13, 0.7)
    )
    wedge = path("M0-8C-16-36-26-64-18-84-8-92 8-92 18-84 26-64 16-36 0-8Z", "#ffb347")
    half = (
        dot(0, 0, 112, "#f08a1c")
        + dot(0, 0, 103, "#fff1d6")
        + "".join(f'<g transform="rotate({a})">{wedge}</g>' for a in range(0, 360, 40))
        + dot(0, 0, 8, "#fff1d6")
    )
    glass = (
        place(half, 62, -104, 0.5)
        + path("M-74-110H74L58 100Q56 116 38 116H-38Q-56 116-58 100Z", "#fdf6ea")
        + path("M-70-70H70L58 96Q56 110 40 110H-40Q-56 110-58 96Z", "url(#juice)")
        + oval(0, -70, 70, 13, "#ffd37a")
        + stroke("M-54-50-44 90", "#fff", 9, 0.8)
    )
    glass += '<path d="M-74-110H74L58 100Q56 116 38 116H-38Q-56 116-58 100Z" fill="none" stroke="#dcc6a2" stroke-width="4"/>' + stroke(
        "M-10 60-44-170-76-184", "#3f9a48", 9
    )
    pieces = (
        shadow(240, 494, 170, 36)
        + shadow(420, 486, 140, 32)
        + place(bottle, 214, 298)
        + place(glass, 398, 366)
        + place(half, 492, 440, 0.52, 10)
    )
    return Picture(ORANGE, linear("juice", "#ffc861", (0.5, "#fba62f"), "#dd7a12", line=(0, 0, 1, 0)), pieces)


def basket() -> Picture:
    """What stands in for goods without a picture of their own."""
    weave = "".join(stroke(f"M{150 + k * 4} {352 + k * 26}H{450 - k * 4}", "#8f5f2c", 5, 0.5) for k in range(5)) + "".join(
        stroke(f"M{x} 334L{300 + (x - 300) * 0.84:.0f} 480", "#8f5f2c", 5, 0.4) for x in range(170, 450, 37)
    )
    goods = (
        dot(220, 270, 66, "url(#apple)")
        + dot(384, 272, 62, "url(#orange)")
        + path("M250 300C230 180 270 120 300 110 330 130 350 200 340 300Z", "url(#green)")
        + stroke("M300 300V150M300 220l-22-20M300 220l22-20", "#d9f0b8", 5, 0.8)
        + shine(200, 246, 22, 16)
        + shine(366, 248, 20, 14)
    )
    handle = '<path d="M150 330C150 60 450 60 450 330" fill="none" stroke="#a8703a" stroke-width="20"/><path d="M150 330C150 60 450 60 450 330" fill="none" stroke="#d9a566" stroke-width="8"/>'
    body = (
        path("M132 326H468L436 476Q432 496 408 496H192Q168 496 164 476Z", "url(#basket)")
        + weave
        + '<rect x="120" y="308" width="360" height="40" rx="18" fill="#c98f4e"/>'
        + stroke("M140 322H460", "#ecc48c", 6)
    )
    paints = (
        radial("apple", "#ff8a70", (0.5, "#d8322c"), "#8a0f1e")
        + radial("orange", "#ffc566", (0.55, "#f58a1f"), "#c9570b")
        + linear("green", "#8fd05a", "#2f8a39")
        + linear("basket", "#e0b070", "#a8703a", line=(0, 0, 0, 1))
    )
    return Picture(WHEAT, paints, shadow(300, 494, 220, 40) + handle + goods + body)
