"""What every drawing shares: the ground, the light from the top left, shading, placing.

A picture is 600 x 600: a two-tone diagonal ground in a pale hue of the goods, an off-white disc, a contact
shadow, then the pieces from back to front. Nothing here draws text or faces, and no filter is used, so a phone
paints a card in one pass.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

SIZE = 600
Stop = str | tuple[float, str] | tuple[float, str, float]
"""A colour of a shade: bare (spread evenly), at an offset 0..1, or at an offset with an opacity."""


@dataclass(frozen=True)
class Ground:
    """The two tones of the diagonal ground and the disc on it, as #rrggbb."""

    light: str
    deep: str
    disc: str


@dataclass(frozen=True)
class Picture:
    """A drawing before it is framed: `paints` are gradient definitions, `pieces` the shapes, back to front."""

    ground: Ground
    paints: str
    pieces: str


GREEN = Ground("#e9f3df", "#c4dfae", "#f8fcf2")
LEAF = Ground("#eef3dc", "#cfdcaa", "#fafdf0")
PEACH = Ground("#fdeadb", "#f7c9a6", "#fff8f1")
ROSE = Ground("#fde3e1", "#f6b9b6", "#fff4f2")
SUN = Ground("#fdf4cf", "#f3dc8b", "#fffbea")
ORANGE = Ground("#fff0d2", "#fbd08a", "#fff9ec")
PLUM = Ground("#efe6f4", "#cfb9de", "#fbf7fd")
BLUE = Ground("#e1effa", "#b3d3ee", "#f6fbff")
TEAL = Ground("#d5ecee", "#9fd0d6", "#eef8f9")
WHEAT = Ground("#f7ecd9", "#e6cfa8", "#fdf8ee")
CLAY = Ground("#f4e6df", "#dfc0b1", "#fcf6f2")


def _stops(stops: Iterable[Stop]) -> str:
    given = list(stops)
    last = max(len(given) - 1, 1)
    told = ""
    for i, stop in enumerate(given):
        offset, colour, *opacity = (round(i / last, 2), stop) if isinstance(stop, str) else stop
        see = f' stop-opacity="{opacity[0]:g}"' if opacity else ""
        told += f'<stop offset="{offset:g}" stop-color="{colour}"{see}/>'
    return told


def radial(name: str, *stops: Stop, cx: float = 0.36, cy: float = 0.3, r: float = 0.78) -> str:
    """A round shade, lit from the top left unless told; bare colours are spread evenly."""
    return f'<radialGradient id="{name}" cx="{cx}" cy="{cy}" r="{r}">{_stops(stops)}</radialGradient>'


def linear(name: str, *stops: Stop, line: tuple[float, float, float, float] = (0, 0, 1, 1)) -> str:
    """A straight shade along `line` (x1, y1, x2, y2 in the shape's box)."""
    x1, y1, x2, y2 = line
    return f'<linearGradient id="{name}" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}">{_stops(stops)}</linearGradient>'


def place(inner: str, x: float, y: float, size: float = 1, turn: float = 0) -> str:
    """`inner`, drawn around 0 0, moved to x y, turned (degrees) and scaled."""
    return f'<g transform="translate({x:.0f} {y:.0f}) rotate({turn:g}) scale({size:g})">{inner}</g>'


def places(inner: str, spots: Iterable[tuple[float, float, float, float]]) -> str:
    """`inner` at every (x, y, size, turn), back to front."""
    return "".join(place(inner, *spot) for spot in spots)


def path(d: str, fill: str) -> str:
    return f'<path d="{d}" fill="{fill}"/>'


def stroke(d: str, colour: str, width: float, opacity: float = 1) -> str:
    """A round-ended line."""
    see = "" if opacity == 1 else f' opacity="{opacity:g}"'
    return f'<path d="{d}" stroke="{colour}" stroke-width="{width:g}" fill="none" stroke-linecap="round" stroke-linejoin="round"{see}/>'


def dot(x: float, y: float, r: float, fill: str, opacity: float = 1) -> str:
    see = "" if opacity == 1 else f' opacity="{opacity:g}"'
    return f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{r:g}" fill="{fill}"{see}/>'


def oval(x: float, y: float, rx: float, ry: float, fill: str, turn: float = 0, opacity: float = 1) -> str:
    see = "" if opacity == 1 else f' opacity="{opacity:g}"'
    bend = f' transform="rotate({turn:g} {x:.0f} {y:.0f})"' if turn else ""
    return f'<ellipse cx="{x:.0f}" cy="{y:.0f}" rx="{rx:g}" ry="{ry:g}" fill="{fill}"{see}{bend}/>'


def shadow(x: float, y: float, rx: float, ry: float) -> str:
    """The contact shadow under the pieces; a gradient, no filter."""
    return oval(x, y, rx, ry, "url(#shade)")


def shine(x: float, y: float, rx: float, ry: float, turn: float = -30, opacity: float = 0.8) -> str:
    """The one highlight of a piece."""
    return oval(x, y, rx, ry, "url(#shine)", turn, opacity)


def star(points: int, inner: float, outer: float, fill: str) -> str:
    """A pointed crown of leaves around 0 0."""
    corners = []
    for k in range(points * 2):
        r = inner if k % 2 else outer
        angle = math.pi * k / points
        corners.append(f"{r * math.cos(angle):.0f} {r * math.sin(angle):.0f}")
    return f'<polygon points="{" ".join(corners)}" fill="{fill}" stroke="{fill}" stroke-width="9" stroke-linejoin="round"/>'


def ruffle(rx: float, ry: float, waves: int, depth: float, phase: float = 0) -> str:
    """The path of a closed wavy outline around 0 0: the edge of a leaf or a scoop."""
    points = []
    steps = waves * 2
    for k in range(steps):
        angle = 2 * math.pi * k / steps + phase
        reach = 1 + (depth if k % 2 == 0 else -depth)
        points.append((rx * reach * math.cos(angle), ry * reach * math.sin(angle)))
    middles = [((a[0] + b[0]) / 2, (a[1] + b[1]) / 2) for a, b in zip(points, points[1:] + points[:1], strict=True)]
    d = f"M{middles[-1][0]:.0f} {middles[-1][1]:.0f}"
    for corner, middle in zip(points, middles, strict=True):
        d += f"Q{corner[0]:.0f} {corner[1]:.0f} {middle[0]:.0f} {middle[1]:.0f}"
    return d + "Z"


def leaf(name: str = "leaf", vein: str = "#bfe3a5") -> str:
    """A single leaf growing right from 0 0, painted with the gradient `name`."""
    return path("M0 0C30-52 96-62 132-34 104 8 44 22 0 0Z", f"url(#{name})") + stroke("M6-2C46-16 86-26 122-32", vein, 3)


LEAF_PAINT = linear("leaf", "#6cc04a", "#2c7a33")


def plate(name: str = "plate") -> str:
    """A white plate seen from above, filling the disc; needs PLATE_PAINT."""
    return dot(300, 322, 236, f"url(#{name})") + '<circle cx="300" cy="322" r="188" fill="none" stroke="#d9e0e4" stroke-width="3"/>'


PLATE_PAINT = radial("plate", "#ffffff", (0.8, "#f2f4f5"), "#d3dadf", cx=0.5, cy=0.45, r=0.6)


def board() -> str:
    """A round wooden board seen from above; needs BOARD_PAINT."""
    rings = "".join(
        f'<circle cx="300" cy="322" r="{r}" fill="none" stroke="#a9773f" stroke-width="3" opacity=".22"/>' for r in (206, 160, 108)
    )
    return dot(300, 330, 238, "#a87842") + dot(300, 322, 236, "url(#board)") + rings


BOARD_PAINT = linear("board", "#eccb98", "#d3a468")


_COMMON = (
    radial("shade", (0, "#000", 0.34), (0.6, "#000", 0.14), (1, "#000", 0), cx=0.5, cy=0.5, r=0.5)
    + radial("shine", (0, "#fff", 0.85), (1, "#fff", 0), cx=0.5, cy=0.5, r=0.5)
    + radial("glow", (0, "#fff", 0.55), (1, "#fff", 0), cx=0.3, cy=0.2, r=0.8)
)


def _paints(picture: Picture) -> str:
    return f"<defs>{linear('ground', picture.ground.light, picture.ground.deep)}{_COMMON}{picture.paints}</defs>"


def _frame(width: int, inner: str) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {SIZE}" width="{width}" height="{SIZE}">'
    return f"{head}{inner}</svg>"


def square(picture: Picture) -> str:
    """The card picture, 600 x 600."""
    ground = f'<path d="M0 0H{SIZE}V{SIZE}H0Z" fill="url(#ground)"/>{dot(300, 322, 236, picture.ground.disc)}<path d="M0 0H{SIZE}V{SIZE}H0Z" fill="url(#glow)"/>'
    return _frame(SIZE, _paints(picture) + ground + picture.pieces)


def wide(picture: Picture) -> str:
    """The hero picture, 1120 x 600: the same pieces large in the middle, at 62 % on either side."""
    ground = '<path d="M0 0H1120V600H0Z" fill="url(#ground)"/><path d="M0 0H1120V600H0Z" fill="url(#glow)"/>'
    disc = dot(560, 330, 250, "#fff", 0.5)
    pieces = f'<g id="pieces">{picture.pieces}</g>'
    beside = '<use href="#pieces" transform="translate(6 196) scale(.62)"/><use href="#pieces" transform="translate(742 196) scale(.62)"/>'
    return _frame(
        1120,
        _paints(picture).replace("</defs>", pieces + "</defs>")
        + ground
        + disc
        + beside
        + '<use href="#pieces" transform="translate(260 10)"/>',
    )
