"""The poster of a group-buy for a chat group: one drawing with the goods, the price, how far it is, and a code to scan.

It is SVG, drawn by the server from what is true now; the phone turns it into a picture that can be saved and sent.
Everything is drawn into it (no outside file, no font of ours), so that it looks the same wherever it is opened.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from xml.sax.saxutils import escape

from linli.web import pictures
from linli.web.pictures import canvas

WIDTH, HEIGHT = 750, 1180
INK, SOFT, BRAND, HOT, LINE = "#1a201c", "#636d66", "#0f7a4a", "#c92f16", "#e3e7e1"
FONTS = "-apple-system,'PingFang SC','HarmonyOS Sans SC',MiSans,'Microsoft YaHei','Noto Sans CJK SC',sans-serif"


@dataclass(frozen=True)
class Told:
    """What the poster says, in the reader's words; `ladder` are (words, price, reached) from the dearest to the cheapest."""

    shop: str
    community: str
    name: str
    unit: str
    picture: str
    price: str
    list_price: str
    save: str
    progress: str
    share: float
    reached: bool
    deadline: str
    pickup: str
    place: str
    scan: str
    link: str
    as_of: datetime
    ladder: tuple[tuple[str, str, bool], ...] = ()


def draw(told: Told) -> str:
    """The poster as one SVG document, 750 x 1180."""
    parts = [
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#f2f4f1"/>',
        f'<rect x="30" y="100" width="{WIDTH - 60}" height="{HEIGHT - 130}" rx="28" fill="#fff"/>',
        _text(48, 66, told.shop, 34, weight=700, fill=BRAND),
        _text(WIDTH - 48, 66, told.community, 28, anchor="end", fill=SOFT),
        _goods(told.picture),
        _text(62, 606, _clipped(told.name, 15), 46, weight=700),
        _text(62, 652, _clipped(told.unit, 26), 27, fill=SOFT),
        _prices(told),
        _ladder(told),
        _progress(told),
        _when(told),
        _code(told.link),
        _text(WIDTH - 62 - 90, 1130, told.scan, 22, anchor="middle", fill=SOFT),
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" font-family="{FONTS}">'
    )
    return head + "".join(parts) + "</svg>"


def _text(x: float, y: float, words: str, size: int, *, weight: int = 400, fill: str = INK, anchor: str = "start", more: str = "") -> str:
    how = f'font-size="{size}" font-weight="{weight}" fill="{fill}" text-anchor="{anchor}"{more}'
    return f'<text x="{x:g}" y="{y:g}" {how}>{escape(words)}</text>'


def _wide(text: str) -> float:
    """How wide a text is, in ems: an ideograph takes one, a letter a little over half."""
    return sum(1.0 if ord(c) > 0x2E7F else 0.56 for c in text)


def _clipped(text: str, most: float) -> str:
    """The text, cut to `most` ems."""
    if _wide(text) <= most:
        return text
    kept = ""
    for c in text:
        if _wide(kept + c) > most - 1:
            break
        kept += c
    return kept + "…"


def _goods(slug: str) -> str:
    """The drawing of the goods, wide, in a rounded frame. Its paints get names of their own, since it lies inside another drawing."""
    document = canvas.wide(pictures.GOODS[pictures.known(slug)]())
    inner = re.sub(r"^.*?<svg[^>]*>|</svg>\s*$", "", document, flags=re.S)
    inner = re.sub(r'id="([^"]+)"', r'id="g-\1"', inner)
    inner = re.sub(r"url\(#([^)]+)\)", r"url(#g-\1)", inner)
    inner = re.sub(r'href="#([^"]+)"', r'href="#g-\1"', inner)
    box = re.search(r'viewBox="([^"]+)"', document)
    view = box.group(1) if box else "0 0 1200 600"
    frame = '<clipPath id="frame"><rect x="30" y="100" width="690" height="430" rx="28"/></clipPath>'
    inside = f'<svg x="30" y="100" width="690" height="430" viewBox="{view}" preserveAspectRatio="xMidYMid slice">{inner}</svg>'
    return f'{frame}<g clip-path="url(#frame)">{inside}</g>'


def _prices(told: Told) -> str:
    wide = _wide(told.price) * 76
    parts = [_text(62, 746, told.price, 76, weight=700, fill=HOT)]
    if told.list_price:
        parts.append(_text(84 + wide, 746, told.list_price, 30, fill=SOFT, more=' text-decoration="line-through"'))
    if told.save:
        beside = 84 + wide + _wide(told.list_price) * 30 + 22
        parts.append(f'<rect x="{beside:g}" y="714" width="{_wide(told.save) * 26 + 28:g}" height="42" rx="21" fill="#fdeee9"/>')
        parts.append(_text(beside + 14, 744, told.save, 26, weight=600, fill=HOT))
    return "".join(parts)


def _ladder(told: Told) -> str:
    """Up to four rungs side by side, the ones that are reached in full colour."""
    rungs = told.ladder[:4]
    if not rungs:
        return ""
    wide = (WIDTH - 124 - 14 * (len(rungs) - 1)) / len(rungs)
    parts = []
    for n, (words, price, reached) in enumerate(rungs):
        x = 62 + n * (wide + 14)
        parts.append(f'<rect x="{x:g}" y="780" width="{wide:g}" height="76" rx="14" fill="{"#fdeee9" if reached else "#f6f8f5"}"/>')
        parts.append(_text(x + wide / 2, 812, price, 28, weight=700, fill=HOT if reached else SOFT, anchor="middle"))
        parts.append(_text(x + wide / 2, 842, words, 22, fill=SOFT, anchor="middle"))
    return "".join(parts)


def _progress(told: Told) -> str:
    y = 880 if told.ladder else 806
    done = max(0.0, min(told.share, 1.0)) * (WIDTH - 124)
    colour = BRAND if told.reached else HOT
    bar = f'<rect x="62" y="{y}" width="{WIDTH - 124}" height="14" rx="7" fill="{LINE}"/>'
    bar += f'<rect x="62" y="{y}" width="{done:g}" height="14" rx="7" fill="{colour}"/>'
    return bar + _text(62, y + 52, told.progress, 30, weight=600, fill=colour)


def _when(told: Told) -> str:
    rows = [told.deadline, told.pickup, _clipped(told.place, 15)]
    return "".join(_text(62, 1004 + n * 44, words, 27, fill=INK if n < 2 else SOFT) for n, words in enumerate(rows))


def _code(link: str) -> str:
    """The code to scan, 180 wide with a quiet zone of two."""
    import segno

    matrix = segno.make(link, error="m", micro=False)
    modules = matrix.symbol_size(border=2)[0]
    scale = 180 / modules
    path = "".join(
        f"M{x * scale:.2f} {y * scale:.2f}h{scale:.2f}v{scale:.2f}h-{scale:.2f}z"
        for y, row in enumerate(matrix.matrix_iter(border=2))
        for x, dark in enumerate(row)
        if dark
    )
    ground = '<rect width="180" height="180" fill="#fff"/>'
    return f'<g transform="translate({WIDTH - 62 - 180} 926)">{ground}<path d="{path}" fill="{INK}" shape-rendering="crispEdges"/></g>'
