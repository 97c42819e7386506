"""What grows under the ground: potatoes, sweet potatoes, carrots, onions, garlic."""

from __future__ import annotations

import math

from linli.web.pictures.canvas import (
    CLAY,
    ORANGE,
    PLUM,
    ROSE,
    SUN,
    WHEAT,
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
    stroke,
)

_TUBER = "M-128 14C-136-48-84-92-16-94 56-98 122-70 130-6 136 56 84 92 12 96-62 100-120 74-128 14Z"


def _potatoes(ground: Ground, skin: str, rind: str, eye: str, flesh: str) -> Picture:
    eyes = "".join(
        stroke(f"M{x} {y}q8-9 18-2", eye, 5, 0.6) + dot(x + 9, y + 3, 3, eye, 0.6)
        for x, y in [(-66, -30), (18, -52), (70, 8), (-20, 30), (-84, 34), (36, 60)]
    )
    specks = "".join(
        dot(math.cos(i * 2.4) * 10 * math.sqrt(i), math.sin(i * 2.4) * 7.6 * math.sqrt(i), 2, eye, 0.3) for i in range(5, 110, 5)
    )
    one = path(_TUBER, "url(#skin)") + specks + eyes + shine(-50, -46, 46, 24, -18, 0.6)
    half = (
        path(_TUBER, rind)
        + '<g transform="scale(.94 .93)">'
        + path(_TUBER, "url(#flesh)")
        + "</g>"
        + '<g transform="scale(.8 .76)">'
        + f'<path d="{_TUBER}" fill="none" stroke="{flesh}" stroke-width="3" opacity=".5"/></g>'
    )
    half += oval(-40, -30, 26, 10, "#fff", -20, 0.5)
    pieces = shadow(300, 474, 262, 52) + place(one, 196, 252, 0.96, -20) + place(one, 412, 248, 1, 24) + place(one, 300, 320, 1.06, 4)
    pieces += place(half, 408, 414, 0.84, -8) + place(one, 190, 420, 0.84, 10)
    return Picture(ground, skin + radial("flesh", "#fffbe2", (0.6, "#fbeeb0"), "#efd987", cx=0.45, cy=0.4, r=0.7), pieces)


def potato() -> Picture:
    return _potatoes(WHEAT, radial("skin", "#ecc98e", (0.5, "#c1915a"), "#845632"), "#a87846", "#7d5330", "#d8ba62")


def potato_red() -> Picture:
    return _potatoes(ROSE, radial("skin", "#e8948a", (0.5, "#b84a4c"), "#7a2630"), "#a63f43", "#702530", "#d8ba62")


def sweet_potato() -> Picture:
    shape = (
        "M-172 26C-150-10-110-62-30-78 50-92 112-66 150-28 166-14 182-4 186 6 170 18 150 28 130 42 84 80 20 92-50 78-106 66-150 48-172 26Z"
    )
    marks = stroke("M-96-8q20-10 40-6M10-46q20 0 34 8M70 20q22-6 36-2M-30 44q20 8 40 6", "#7d2f2c", 5, 0.5)
    one = path(shape, "url(#skin)") + marks + shine(-36, -40, 60, 20, -12, 0.55)
    disc = (
        oval(0, 0, 76, 70, "#a8473f")
        + oval(0, -2, 70, 64, "url(#flesh)")
        + '<ellipse cy="-2" rx="52" ry="47" fill="none" stroke="#e07a28" stroke-width="3" opacity=".5"/>'
        + oval(-20, -24, 22, 12, "#fff", -24, 0.35)
    )
    pieces = (
        shadow(300, 468, 262, 50)
        + place(one, 306, 214, 1.06, -12)
        + place(one, 312, 304, 1.16, 6)
        + place(disc, 196, 412, 1.06)
        + place(disc, 322, 430, 1.1)
        + place(disc, 446, 408, 0.94)
    )
    return Picture(
        ORANGE,
        radial("skin", "#e59a86", (0.5, "#b9574c"), "#7a2f33")
        + radial("flesh", "#ffc069", (0.6, "#f79a3a"), "#e27d20", cx=0.45, cy=0.4, r=0.7),
        pieces,
    )


def carrot() -> Picture:
    rings = stroke("M-50-96q20 8 36 6M16-60q20 0 32-8M-42-24q16 8 30 6M4 10q16 2 26-4M-26 54q12 4 22 2M0 96q8 2 14-2", "#c85a0e", 5, 0.7)
    body = (
        path("M-62-120C-30-150 30-150 62-120 66-40 34 120 4 190 0 198-6 196-10 188-40 110-66-40-62-120Z", "url(#skin)")
        + rings
        + shine(-24, -70, 14, 60, 0, 0.6)
    )
    frond = "".join(
        path(f"M0 0C{-10 + t}-30 {-6 + t}-80 {t * 3}-120 {t * 3 + 10}-80 {10 + t}-30 0 0Z", "url(#leaf)") for t in (-30, 30, -16, 16, 0)
    )
    ferns = "".join(
        place(
            path("M0-20C-20-60-22-100 0-140 22-100 20-60 0-20Z", "url(#leaf)")
            + stroke("M0 0V-120M0-60l-16-16M0-60l16-16M0-88l-12-14M0-88l12-14", "#bfe3a5", 3, 0.8),
            0,
            -126,
            1,
            a,
        )
        for a in (-44, 44, -22, 22, 0)
    )
    one = place(frond, 0, -128, 0.5) + ferns + body
    coin = (
        oval(0, 0, 58, 52, "#d9650f")
        + oval(0, -4, 54, 47, "url(#flesh)")
        + oval(0, -4, 26, 22, "#ffc071", 0, 0.8)
        + "".join(f'<g transform="translate(0 -4) rotate({a})">{stroke("M0-26V-40", "#e0740f", 3, 0.6)}</g>' for a in range(0, 360, 30))
    )
    pieces = (
        shadow(300, 492, 236, 46)
        + place(one, 200, 336, 0.94, 16)
        + place(one, 408, 336, 0.94, -16)
        + place(one, 302, 330, 1.02, 0)
        + places(coin, [(150, 458, 0.86, 0), (228, 484, 0.94, 0), (446, 470, 0.96, 0)])
    )
    return Picture(
        ORANGE,
        linear("skin", "#ffae4d", (0.45, "#f5811f"), "#cf5a0c", line=(0, 0, 1, 0.2))
        + radial("flesh", "#ffb054", "#f3831d", cx=0.5, cy=0.5)
        + linear("leaf", "#6cc04a", "#2c7a33"),
        pieces,
    )


_BULB = "M0-128C10-96 30-84 62-66 104-42 124-8 122 30 118 84 62 114 0 116-62 114-118 84-122 30-124-8-104-42-62-66-30-84-10-96 0-128Z"


def _onions(ground: Ground, skin: str, line: str, layer: str, core: str) -> Picture:
    fibres = stroke("M-4-100C-50-50-84 20-58 98M4-100C50-50 84 20 58 98M-2-100C-26-40-34 30-18 110M2-100C26-40 34 30 18 110", line, 4, 0.45)
    root = stroke("M-14 114q-4 12-12 16M0 116v18M14 114q4 12 12 16", "#b59a6a", 4)
    one = (
        root
        + path(_BULB, "url(#skin)")
        + fibres
        + shine(-46, -16, 30, 38, 14, 0.7)
        + path("M-14-92C-10-130-22-148-8-166 0-150 14-158 18-170 22-140 8-124 14-92 6-84-6-84-14-92Z", "url(#skin)")
    )
    rings = "".join(
        f'<g transform="translate(0 {6 + 3 * i}) scale({k})"><path d="{_BULB}" fill="{flesh}" stroke="{layer}" stroke-width="{5 / k:.0f}"/></g>'
        for i, (k, flesh) in enumerate(
            [(0.94, "#fffef6"), (0.78, "#fdfcee"), (0.62, "#fffef6"), (0.46, "#fbfae6"), (0.3, "#f4f3cf"), (0.15, layer)]
        )
    )
    half = root + f'<path d="{_BULB}" fill="{core}"/>' + rings
    ring = (
        oval(0, 0, 64, 53, core)
        + oval(0, -3, 60, 48, "#fffef6")
        + "".join(f'<ellipse cy="-3" rx="{r}" ry="{r * 0.8:.0f}" fill="none" stroke="{layer}" stroke-width="4"/>' for r in (46, 31, 16))
    )
    pieces = (
        shadow(300, 474, 252, 50)
        + place(one, 190, 274, 1.04, -10)
        + place(one, 410, 266, 1.08, 10)
        + place(half, 306, 358, 1.06, 2)
        + place(ring, 150, 440, 1, -10)
        + place(ring, 464, 442, 0.92, 10)
    )
    return Picture(ground, skin, pieces)


def onion() -> Picture:
    return _onions(SUN, radial("skin", "#f9dd9b", (0.5, "#dc9f4a"), "#9c5f22"), "#94591f", "#e5e6b8", "#d79a48")


def onion_red() -> Picture:
    return _onions(PLUM, radial("skin", "#d985ac", (0.5, "#9c2f68"), "#561338"), "#561338", "#d78db4", "#8e2a5e")


def garlic() -> Picture:
    shape = "M0-128C8-80 34-58 66-36 104-10 118 22 112 56 104 100 56 112 0 112S-104 100-112 56C-118 22-104-10-66-36-34-58-8-80 0-128Z"
    lines = stroke("M-2-80C-56-30-78 30-56 102M2-80C56-30 78 30 56 102M0-78C-16-20-18 50-10 108M0-78C16-20 18 50 10 108", "#c9b2c4", 4, 0.7)
    one = (
        path(shape, "url(#skin)")
        + lines
        + shine(-44, 6, 26, 36, 14)
        + path("M-11-96C-6-130-14-150-6-176L10-174C6-148 8-126 12-96Z", "#e6dccf")
    )
    clove = (
        path("M0-70C40-50 60 0 44 44 30 66-30 66-44 44-60 0-40-50 0-70Z", "url(#clove)")
        + stroke("M0-62C-22-30-26 20-14 54", "#c9b2c4", 3, 0.7)
        + shine(-16, -6, 12, 24, 10)
    )
    pieces = (
        shadow(300, 470, 250, 50)
        + place(one, 200, 282, 1.06, -10)
        + place(one, 398, 268, 1.12, 9)
        + places(clove, [(176, 430, 0.88, -58), (420, 436, 0.9, 62), (300, 414, 1.06, 4)])
    )
    return Picture(
        CLAY, radial("skin", "#ffffff", (0.55, "#f3ebe6"), "#c9b7bd") + radial("clove", "#fffdf6", (0.6, "#f3e6cf"), "#d3bd9a"), pieces
    )
