"""Fruit that is round and cut in half: citrus, apples, pears, peaches."""

from __future__ import annotations

import math

from linli.web.pictures.canvas import (
    GREEN,
    LEAF_PAINT,
    ORANGE,
    PEACH,
    ROSE,
    SUN,
    Ground,
    Picture,
    dot,
    leaf,
    oval,
    path,
    place,
    places,
    radial,
    shadow,
    shine,
    stroke,
)


def _pores(r: float, colour: str) -> str:
    """The dotted skin of citrus, on a sunflower spiral."""
    spots = [(math.cos(i * 2.4) * r / 12 * math.sqrt(i), math.sin(i * 2.4) * r / 12 * math.sqrt(i)) for i in range(6, 120, 4)]
    return f'<g opacity=".28">{"".join(dot(x, y, 1.8, colour) for x, y in spots)}</g>'


def _wheel(r: float, rind: str, pith: str, flesh: str, light: str, segments: int) -> str:
    """A citrus half seen from the cut."""
    k = r / 112
    wedge = path("M0-8C-16-36-26-64-18-84-8-92 8-92 18-84 26-64 16-36 0-8Z", flesh) + stroke("M-2-30q-8-24-4-44", light, 4)
    turned = "".join(f'<g transform="rotate({i * 360 / segments:g})">{wedge}</g>' for i in range(segments))
    whole = dot(0, 0, 112, rind) + dot(0, 0, 103, pith) + dot(0, 0, 96, light, 0.5) + turned + dot(0, 0, 8, pith)
    return f'<g transform="scale({k:.2f})">{whole}</g>' if k != 1 else whole


def orange() -> Picture:
    one = dot(0, 0, 112, "url(#skin)") + _pores(112, "#b9530c") + shine(-42, -44, 40, 26) + dot(6, -86, 9, "#5d8f34")
    pieces = shadow(300, 466, 250, 54) + places(one, [(196, 262, 1, -12), (392, 236, 1.06, 10)]) + place(leaf(), 396, 152, 1, -24)
    pieces += place(_wheel(112, "#f08a1c", "#fff1d6", "#ffb347", "#ffd693", 9), 300, 372, 1.12) + places(
        one, [(466, 408, 0.62, 0), (150, 416, 0.66, 20)]
    )
    return Picture(ORANGE, radial("skin", "#ffc566", (0.55, "#f58a1f"), "#c9570b") + LEAF_PAINT, pieces)


def mandarin() -> Picture:
    """Flatter and redder than an orange, one peeled."""
    one = oval(0, 0, 104, 86, "url(#skin)") + _pores(88, "#a8400a") + shine(-36, -34, 38, 22) + oval(0, -66, 22, 7, "#8a3606", 0, 0.35)
    one += (
        '<g transform="translate(0 -66) scale(.34 .2)">'
        + path("M0-60 20-18 60-14 30 16 40 60 0 36-40 60-30 16-60-14-20-18Z", "#4d8a35")
        + "</g>"
    )
    segment = path("M0 8C-22-16-38-62-22-92-8-104 8-104 22-92 38-62 22-16 0 8Z", "url(#flesh)") + stroke(
        "M-8-80Q-14-50-4-18M8-80Q14-50 4-18", "#fff0d4", 3, 0.7
    )
    peeled = (
        dot(0, 0, 100, "#fde3bd") + "".join(f'<g transform="rotate({k * 40})">{segment}</g>' for k in range(9)) + dot(0, 0, 12, "#fff6e2")
    )
    pieces = shadow(300, 466, 250, 54) + places(one, [(178, 262, 1.04, -8), (414, 258, 1.08, 8)]) + place(leaf(), 420, 190, 1, -30)
    pieces += place(leaf(), 184, 200, 0.8, -150) + place(peeled, 302, 352, 1.12) + places(one, [(470, 414, 0.64, 6), (136, 420, 0.66, -6)])
    paints = radial("skin", "#ffb25a", (0.5, "#f26f16"), "#b8420a") + radial("flesh", "#ffc877", "#f8922b", cx=0.5, cy=0.3) + LEAF_PAINT
    return Picture(ORANGE, paints, pieces)


def lemon() -> Picture:
    one = path(
        "M-134 0C-124-12-112-18-102-30-78-76-40-92 4-92 50-92 84-70 106-30 114-18 126-12 134 0 126 12 114 18 106 30 84 72 46 92 0 92S-82 70-102 30C-112 18-124 12-134 0Z",
        "url(#skin)",
    )
    one += _pores(84, "#b98a00") + shine(-38, -42, 46, 24)
    pieces = (
        shadow(300, 462, 250, 52) + place(leaf(), 392, 160, 1.05, -18) + place(one, 196, 262, 0.98, -34) + place(one, 404, 252, 1.02, 24)
    )
    pieces += (
        place(_wheel(112, "#f2c31b", "#fffbe0", "#ffe25e", "#fff2a8", 8), 300, 374, 1.1)
        + place(one, 470, 420, 0.56, -20)
        + place(_wheel(112, "#f2c31b", "#fffbe0", "#ffe25e", "#fff2a8", 8), 150, 420, 0.6, 20)
    )
    return Picture(SUN, radial("skin", "#fff3a0", (0.5, "#fbd42d"), "#cf9a08") + LEAF_PAINT, pieces)


_APPLE = "M0-66C28-98 112-86 112-2 112 66 64 114 26 110 10 107-10 107-26 110-64 114-112 66-112-2-112-86-28-98 0-66Z"


def _apples(ground: Ground, skin: str, rind: str, streaks: str) -> Picture:
    """Three apples, one of them a half; `streaks` colours the stripes of a two-toned skin, empty for none."""
    stripes = (
        stroke(
            "M-70-50Q-92 10-58 84M-42-66Q-64 10-32 96M40-68Q66 10 34 96M72-50Q94 10 60 82M-12-60Q-22 20-8 100M14-60Q26 20 10 100",
            streaks,
            7,
            0.34,
        )
        if streaks
        else ""
    )
    stalk = oval(0, -62, 30, 11, "#3b2a12", 0, 0.3) + stroke("M0-58Q2-92 20-112", "#6d4a22", 9)
    one = path(_APPLE, "url(#skin)") + stripes + shine(-48, -36, 36, 26) + stalk
    inner = path("M0-54C26-82 98-70 98 0 98 58 56 100 24 97 10 94-10 94-24 97-56 100-98 58-98 0-98-70-26-82 0-54Z", "url(#flesh)")
    core = path("M0-40C40-34 46 30 0 66-46 30-40-34 0-40Z", "#f3dfa4") + stroke("M0-54V-40M0 66V90", "#d9bd77", 4)
    half = (
        path(_APPLE, rind)
        + inner
        + core
        + oval(-15, 6, 8, 16, "#5a3516", 14)
        + oval(15, 6, 8, 16, "#5a3516", -14)
        + stroke("M0-62Q2-92 18-108", "#6d4a22", 8)
    )
    pieces = (
        shadow(300, 470, 250, 54) + place(one, 186, 266, 1.06, -10) + place(leaf(), 206, 152, 0.86, -16) + place(one, 410, 254, 1.12, 10)
    )
    pieces += place(half, 300, 374, 1.1, 2) + place(one, 466, 414, 0.6, 14) + place(one, 142, 418, 0.62, -16)
    return Picture(ground, skin + radial("flesh", "#fffdf0", "#f8ecc0", cx=0.5, cy=0.4, r=0.6) + LEAF_PAINT, pieces)


def apple_red() -> Picture:
    return _apples(ROSE, radial("skin", "#ff7a63", (0.45, "#d3202a"), "#7d0a1c"), "#a8141f", "")


def apple_gala() -> Picture:
    return _apples(PEACH, radial("skin", "#ffd98a", (0.4, "#f0683f"), "#b02a24"), "#d8452f", "#c2231f")


def apple_green() -> Picture:
    return _apples(GREEN, radial("skin", "#e2f08d", (0.5, "#9ccb3c"), "#568f1f"), "#86ba33", "")


def apple_gold() -> Picture:
    return _apples(SUN, radial("skin", "#fff3a6", (0.5, "#f0cd4a"), "#b98f1c"), "#e3bd3c", "")


_PEAR = "M0-134C34-134 46-98 52-64 60-26 102 0 102 56 102 106 58 128 0 128S-102 106-102 56C-102 0-60-26-52-64-46-98-34-134 0-134Z"


def pear() -> Picture:
    specks = "".join(
        dot(math.cos(i * 2.4) * 9 * math.sqrt(i), 40 + math.sin(i * 2.4) * 7 * math.sqrt(i), 2, "#7c7a1f", 0.35) for i in range(4, 90, 5)
    )
    stalk = stroke("M0-130Q-2-156 16-176", "#6d4a22", 9)
    one = path(_PEAR, "url(#skin)") + specks + shine(-40, 16, 32, 44, 10) + stalk
    half = path(_PEAR, "#c3bf3f") + path(
        "M0-120C28-120 36-92 42-60 50-20 90 4 90 56 90 98 52 116 0 116S-90 98-90 56C-90 4-50-20-42-60-36-92-28-120 0-120Z", "#fdf8dc"
    )
    half += (
        path("M0 14C34 18 38 66 0 92-38 66-34 18 0 14Z", "#efe0a6")
        + oval(-12, 50, 7, 14, "#5a3516", 14)
        + oval(12, 50, 7, 14, "#5a3516", -14)
        + stroke("M0-110V10", "#eadfae", 5)
        + stalk
    )
    pieces = (
        shadow(300, 486, 236, 48)
        + place(one, 190, 318, 1.06, -12)
        + place(one, 410, 312, 1.1, 12)
        + place(leaf(), 424, 154, 0.8, -20)
        + place(half, 300, 352, 1.02, 0)
    )
    return Picture(GREEN, radial("skin", "#f4f2a0", (0.5, "#cfcb45"), "#8f8f22", cx=0.36, cy=0.45) + LEAF_PAINT, pieces)


def peach() -> Picture:
    body = "M0-96C44-112 116-78 114 4 112 70 60 110 0 110S-112 70-114 4C-116-78-44-112 0-96Z"
    one = path(body, "url(#skin)") + stroke("M4-94C34-40 34 40 6 106", "#c24a35", 6, 0.4) + shine(-46, -36, 36, 26, -30, 0.6)
    half = path(body, "#f08a4f") + path("M0-84C40-98 102-68 100 4 98 60 54 97 0 97S-98 60-100 4C-102-68-40-98 0-84Z", "url(#flesh)")
    half += (
        oval(0, 8, 54, 58, "#e0603f", 0, 0.75)
        + path("M0-42C34-36 42 22 0 60-42 22-34-36 0-42Z", "#8e4a2a")
        + stroke("M-14-18Q-20 12-6 40M10-22Q18 8 6 38M0-8V20", "#6b3218", 4)
    )
    pieces = (
        shadow(300, 468, 250, 54)
        + place(leaf(), 396, 160, 1.05, -20)
        + place(leaf(), 208, 168, 0.9, -160)
        + place(one, 190, 262, 1.04, -10)
        + place(one, 408, 254, 1.08, 8)
    )
    pieces += place(half, 300, 372, 1.1, -4) + place(one, 468, 414, 0.6, 10) + place(one, 138, 416, 0.6, -14)
    paints = (
        radial("skin", "#ffd08a", (0.5, "#f5825a"), "#c23b4a") + radial("flesh", "#ffd37a", "#ffb24d", cx=0.5, cy=0.5, r=0.6) + LEAF_PAINT
    )
    return Picture(PEACH, paints, pieces)
