"""Fish and shrimp on ice or a plate."""

from __future__ import annotations

import math

from linli.web.pictures.canvas import (
    PLATE_PAINT,
    TEAL,
    Picture,
    dot,
    linear,
    path,
    place,
    places,
    plate,
    radial,
    shadow,
    shine,
    stroke,
)


def _lemon_slice() -> str:
    wedge = path("M0-6C-14-24-16-40-8-48 0-52 8-48 12-42 16-32 8-18 0-6Z", "#ffdf5d")
    return dot(0, 0, 62, "#f4c430") + dot(0, 0, 54, "#fff8d8") + "".join(f'<g transform="rotate({k * 45})">{wedge}</g>' for k in range(8))


def _ice() -> str:
    cubes = [(150, 400, 62, 18), (412, 420, 56, -12), (300, 452, 52, 30), (90, 320, 46, -8), (470, 300, 50, 24), (236, 150, 40, 12)]
    return "".join(
        f'<g transform="rotate({turn} {x} {y})"><rect x="{x}" y="{y}" width="{w}" height="{w}" rx="10" fill="#fff" opacity=".75"/>{stroke(f"M{x + 8} {y + 10}h{w * 0.4:.0f}", "#cfe4f2", 5)}</g>'
        for x, y, w, turn in cubes
    )


def shrimp() -> Picture:
    def ray(degrees: float, length: float) -> tuple[float, float]:
        return length * math.cos(math.radians(degrees)), length * math.sin(math.radians(degrees))

    bands = legs = ""
    for degrees in (-70, -38, -6, 26, 58, 90):
        (x1, y1), (x2, y2) = ray(degrees, 92), ray(degrees + 9, 44)
        bands += stroke(f"M{x1:.0f} {y1:.0f}L{x2:.0f} {y2:.0f}", "#ffd8ca", 6, 0.9)
    for degrees in (-50, -20, 10, 40, 70):
        (x1, y1), (x2, y2) = ray(degrees, 42), ray(degrees + 29, -20)
        legs += stroke(f"M{x1:.0f} {y1:.0f}l{x2:.0f} {y2:.0f}", "#e2623f", 6)
    one = (
        legs
        + path("M-66-76C-20-118 96-104 98-4 98 78 30 112-26 100L-22 62C14 66 46 44 46-2 46-44 4-54-34-36-60-24-92-40-66-76Z", "url(#shell)")
        + bands
    )
    one += (
        path("M-22 62-26 100-78 118-66 84-84 62Z", "#d9512f")
        + dot(-44, -66, 8, "#2b1a17")
        + stroke("M-66-70C-120-90-140-60-150-20M-62-78C-110-120-150-110-176-80", "#e2623f", 4)
        + shine(30, -72, 34, 14, 20, 0.7)
    )
    pieces = (
        shadow(300, 548, 230, 34)
        + plate()
        + _ice()
        + place(one, 214, 262, 1, -12)
        + place(one, 404, 246, 0.98, 28)
        + place(one, 312, 380, 1.06, 6)
        + place(_lemon_slice(), 168, 418)
    )
    return Picture(TEAL, PLATE_PAINT + linear("shell", "#ffb199", "#f4734f", "#c9472a"), pieces)


def _dill() -> str:
    twigs = "".join(
        stroke(f"M{x} {-x * 0.3:.0f}l{14} {-26 if k % 2 else 6}M{x + 4} {-x * 0.3:.0f}l{24} {-12 if k % 2 else 16}", "#4b9a4f", 4)
        for k, x in enumerate(range(-50, 60, 12))
    )
    return stroke("M-70 21 80-24", "#3c7f42", 5) + twigs


def fish() -> Picture:
    """White fillets, flaked, with lemon and dill."""
    shape = "M-190 30C-184-20-130-70-50-84 40-98 130-74 186-24 200-6 196 14 176 22 110 50 50 66-30 76-110 84-184 72-190 30Z"
    flakes = stroke(
        "M-140 58C-150 20-130-30-104-60M-90 70C-100 26-80-40-50-78M-34 74C-44 24-26-46 4-84M22 68C14 20 30-44 58-80M76 54C70 14 84-36 108-66M126 38C122 10 132-24 150-46",
        "#cfdcdf",
        6,
        0.9,
    )
    one = (
        f'<g transform="translate(3 10)">{path(shape, "#b9b2a6")}</g>'
        + path(shape, "url(#flesh)")
        + flakes
        + stroke("M-176 30C-60 4 60-6 176-2", "#e9b9a8", 7, 0.5)
        + shine(-60, -40, 80, 24, -12, 0.8)
    )
    pieces = (
        shadow(300, 548, 230, 34)
        + plate()
        + _ice()
        + shadow(300, 370, 220, 120)
        + place(one, 306, 226, 1.04, -10)
        + place(one, 296, 346, 1.14, -6)
        + place(_lemon_slice(), 182, 440, 0.94)
        + place(_lemon_slice(), 262, 462, 0.8, 20)
        + place(_dill(), 412, 440, 1.1, -6)
    )
    return Picture(TEAL, PLATE_PAINT + radial("flesh", "#ffffff", (0.55, "#f7f4ef"), "#d9d0c6"), pieces)


def salmon() -> Picture:
    shape = "M-180 40C-180-40-110-96-20-100 70-104 150-70 180-10 190 20 176 40 150 46 90 58 40 66-20 84-90 104-172 96-180 40Z"
    lines = stroke(
        "M-150 40C-130-10-110-40-80-66M-110 66C-96 4-74-46-36-84M-56 76C-44 8-22-54 18-90M0 66C8 4 30-52 68-84M54 50C60 2 80-40 112-62M104 38C110 4 124-22 144-38",
        "#ffe0cc",
        8,
        0.9,
    )
    one = (
        f'<g transform="translate(2 14)">{path(shape, "#7d8a94")}</g>'
        + path(shape, "url(#flesh)")
        + lines
        + shine(-50, -50, 70, 24, -16, 0.6)
    )
    pieces = (
        shadow(300, 548, 230, 34)
        + plate()
        + _ice()
        + shadow(300, 370, 220, 120)
        + place(one, 308, 234, 1, -8)
        + place(one, 296, 360, 1.1, -4)
        + places(_lemon_slice(), [(176, 452, 0.9, 0), (248, 470, 0.76, 20)])
        + place(_dill(), 414, 452, 1.1, -6)
    )
    return Picture(TEAL, PLATE_PAINT + radial("flesh", "#ffb38a", (0.5, "#f98052"), "#d9532c"), pieces)
