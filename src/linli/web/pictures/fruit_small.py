"""Berries and grapes: many small pieces."""

from __future__ import annotations

import math

from linli.web.pictures.canvas import (
    GREEN,
    LEAF_PAINT,
    PLUM,
    ROSE,
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
    star,
    stroke,
)

_STRAWBERRY = "M0-84C58-96 102-62 96-8 90 46 44 112 0 122-44 112-90 46-96-8-102-62-58-96 0-84Z"


def strawberry() -> Picture:
    seeds = ""
    for y, count, reach in [(-46, 4, 62), (-14, 5, 74), (18, 4, 60), (48, 3, 40), (76, 2, 16)]:
        for k in range(count):
            seeds += oval((k - (count - 1) / 2) * (2 * reach / max(count - 1, 1)) * 0.82, y, 4, 6.5, "#ffd27a")
    crown = f'<g transform="translate(0 -82) scale(1 .52)">{star(7, 26, 66, "#2f8f3d")}{star(5, 14, 40, "#4fb257")}</g>'
    one = path(_STRAWBERRY, "url(#skin)") + seeds + shine(-38, -36, 34, 22) + crown + stroke("M0-84q2-26 16-38", "#3c8f3d", 9)
    half = path(_STRAWBERRY, "#d8202b") + path("M0-70C48-80 84-52 79-6 74 40 38 94 0 104-38 94-74 40-79-6-84-52-48-80 0-70Z", "#ff8a80")
    half += path("M0-46C26-52 46-30 42 0 38 34 18 62 0 70-18 62-38 34-42 0-46-30-26-52 0-46Z", "#ffe3dc") + stroke("M0-40V62", "#ff9c92", 7)
    pieces = shadow(300, 470, 250, 52) + places(one, [(190, 250, 1.02, -16), (398, 232, 1.06, 14), (296, 300, 1.16, 3)])
    pieces += place(half, 436, 404, 0.92, 30) + places(one, [(168, 412, 0.98, -28), (300, 440, 0.8, 8)])
    return Picture(ROSE, radial("skin", "#ff6a5c", "#e5262b", "#9c0f1f"), pieces)


def _grapes(ground: Ground, skin: str, back: str) -> Picture:
    """One full bunch with its vine leaf and two loose grapes."""
    one = dot(0, 0, 46, "url(#skin)") + shine(-16, -16, 16, 12)
    behind = dot(0, 0, 46, "url(#back)")
    bunch = ""
    rows = [(196, 5, 74), (250, 6, 68), (304, 5, 70), (358, 4, 70), (408, 3, 68), (456, 2, 66)]
    for y, count, step in rows:
        bunch += places(behind, [(300 + (k - count / 2) * step + 24, y - 12, 1, 0) for k in range(count + 1)][:count])
    for i, (y, count, step) in enumerate(rows):
        bunch += places(one, [(300 + (k - (count - 1) / 2) * step, y + (8 if (k + i) % 2 else -2), 1, 0) for k in range(count)])
    bunch += place(one, 302, 500, 0.94)
    vine = stroke("M306 168Q300 130 318 92M284 96Q320 84 356 100", "#7d5a2e", 12)
    green = path(
        "M0 0C-16-34-50-40-92-30-84-56-96-84-122-104-84-112-64-130-52-160-20-134 10-132 44-146 40-112 56-92 88-78 60-60 54-36 60-8 36-22 16-16 0 0Z",
        "url(#leaf)",
    )
    green += stroke("M0 0Q-24-60-44-128M-14-36-80-48M-26-70 40-96M-22-60-98-92", "#bfe3a5", 3)
    pieces = (
        shadow(300, 508, 190, 38)
        + place(green, 250, 184, 0.92, -12)
        + vine
        + bunch
        + places(one, [(456, 470, 0.96, 0), (142, 456, 0.9, 0), (508, 426, 0.72, 0)])
    )
    return Picture(ground, skin + back + LEAF_PAINT, pieces)


def grape_red() -> Picture:
    return _grapes(PLUM, radial("skin", "#d9789a", (0.5, "#98285c"), "#4f0f38"), radial("back", "#7d2350", "#3f0c2d"))


def grape_green() -> Picture:
    return _grapes(GREEN, radial("skin", "#f2f7b4", (0.5, "#bcd455"), "#7a9b28"), radial("back", "#a9c247", "#6b8a22"))


def blueberry() -> Picture:
    crown = '<g transform="translate(4 -22) scale(1 .72)">' + star(5, 10, 24, "#27356b") + dot(0, 0, 12, "#1a2450") + "</g>"
    one = dot(0, 0, 62, "url(#skin)") + crown + shine(-24, -20, 20, 16, -30, 0.7)
    side = dot(0, 0, 62, "url(#skin)") + shine(-22, -24, 24, 18, -30, 0.6)
    spots = [
        (232, 214),
        (350, 200),
        (168, 288),
        (290, 270),
        (410, 276),
        (470, 346),
        (124, 372),
        (226, 362),
        (346, 352),
        (430, 426),
        (170, 444),
        (292, 448),
        (376, 462),
    ]
    pieces = shadow(300, 474, 250, 50) + place(leaf(), 360, 168, 1, -26) + place(leaf(), 230, 176, 0.9, -150)
    for k, (x, y) in enumerate(spots):
        pieces += place(one if k % 3 != 1 else side, x, y, 0.96 + 0.06 * math.sin(k * 2), (k * 47) % 60 - 30)
    return Picture(PLUM, radial("skin", "#a9b9ea", (0.45, "#5166b4"), "#232f6b") + LEAF_PAINT, pieces)


def _drupelets(colour: str, hollow: bool) -> str:
    """The beads of a raspberry or blackberry, from the rim down."""
    beads = ""
    for y, count, reach in [(-46, 4, 48), (-20, 5, 66), (8, 5, 66), (36, 4, 54), (62, 3, 36), (84, 2, 16)]:
        for k in range(count):
            x = (k - (count - 1) / 2) * (2 * reach / (count - 1))
            beads += dot(x, y, 22, "url(#bead)")
    rim = oval(0, -52, 50, 20, colour) + oval(0, -50, 38, 13, "#5c0d22") if hollow else ""
    return (
        path("M0-62C60-66 86-30 78 10 70 56 36 100 0 108-36 100-70 56-78 10-86-30-60-66 0-62Z", colour)
        + beads
        + rim
        + shine(-28, -18, 24, 18, -30, 0.5)
    )


def raspberry() -> Picture:
    crown = f'<g transform="translate(0 -58) scale(1 .5)">{star(6, 20, 62, "#3f9a48")}</g>' + stroke("M0-58q2-22 12-34", "#3c8f3d", 8)
    one, open_one = _drupelets("#b81a42", False) + crown, _drupelets("#b81a42", True)
    pieces = (
        shadow(300, 468, 250, 52) + place(leaf(), 370, 170, 1.05, -30) + place(one, 194, 256, 1.04, -14) + place(one, 404, 246, 1.08, 12)
    )
    pieces += (
        place(one, 298, 318, 1.14, 2)
        + place(open_one, 440, 404, 0.9, 24)
        + place(one, 164, 412, 0.88, -24)
        + place(open_one, 302, 442, 0.76, -4)
    )
    return Picture(ROSE, radial("bead", "#ff8fa5", (0.5, "#dc2f57"), "#a01238") + LEAF_PAINT, pieces)


def cherry() -> Picture:
    one = (
        path("M0-70C30-92 96-74 94-4 92 56 48 88 0 88S-92 56-94-4C-96-74-30-92 0-70Z", "url(#skin)")
        + oval(0, -66, 26, 9, "#4d0714", 0, 0.5)
        + shine(-38, -30, 28, 20)
    )
    stems = stroke("M190 268Q232 150 330 106M404 262Q388 164 330 106M300 376Q330 220 330 106", "#5c8a3a", 8)
    pieces = (
        shadow(300, 470, 230, 50)
        + place(leaf(), 330, 112, 1.2, -6)
        + stems
        + place(one, 190, 330, 1.02, -8)
        + place(one, 408, 322, 1.04, 8)
        + place(one, 298, 412, 1, 0)
    )
    return Picture(ROSE, radial("skin", "#ff6f6f", (0.45, "#b8152c"), "#5e0618") + LEAF_PAINT, pieces)
