"""Milk, yogurt, cheese, butter and eggs."""

from __future__ import annotations

import random

from linli.web.pictures.canvas import (
    BLUE,
    CLAY,
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
    ruffle,
    shadow,
    shine,
    stroke,
)


def _milk(ground: Ground, liquid: tuple[str, str, str], cap: tuple[str, str], drop: str) -> Picture:
    """A bottle with a drop on its label and a full glass; `liquid` is light, middle, shaded."""
    light, middle, deep = liquid
    bottle = path("M-44-170H44V-128C44-96 84-84 84-36V170Q84 196 58 196H-58Q-84 196-84 170V-36C-84-84-44-96-44-128Z", "url(#liquid)")
    bottle += (
        '<rect x="-54" y="-206" width="108" height="46" rx="12" fill="url(#cap)"/>'
        + path("M-84-4H84V112H-84Z", "url(#cap)")
        + dot(0, 54, 40, "#fff")
    )
    bottle += path("M0 24c20 24 26 32 26 44a26 26 0 0 1-52 0c0-12 6-20 26-44Z", drop) + stroke("M-62-30V176", "#fff", 14, 0.7)
    glass = path("M-74-110H74L58 100Q56 116 38 116H-38Q-56 116-58 100Z", "#eef5fa") + path(
        "M-69-62Q-34-48 0-62T69-62L58 96Q56 110 40 110H-40Q-56 110-58 96Z", middle if middle != "#f2f7fb" else "#fff"
    )
    glass += (
        oval(0, -62, 69, 13, light)
        + stroke("M-56-96-46 92", "#fff", 9, 0.9)
        + '<path d="M-74-110H74L58 100Q56 116 38 116H-38Q-56 116-58 100Z" fill="none" stroke="#a9c3d8" stroke-width="4"/>'
    )
    pieces = shadow(240, 494, 170, 36) + shadow(420, 486, 130, 32) + place(bottle, 232, 298) + place(glass, 418, 370)
    return Picture(
        ground, linear("liquid", light, (0.55, middle), deep, line=(0, 0, 1, 0)) + linear("cap", *cap, line=(0, 0, 1, 0)), pieces
    )


def milk() -> Picture:
    return _milk(BLUE, ("#ffffff", "#f2f7fb", "#c4d5e4"), ("#4d9be0", "#2a63b5"), "#3f86d3")


def chocolate_milk() -> Picture:
    return _milk(CLAY, ("#c99872", "#9a6440", "#633a22"), ("#8a4b2c", "#5a2c18"), "#7a4526")


def yogurt() -> Picture:
    """An opened cup with berries on the white swirl, a closed one behind."""
    cup = (
        path("M-104-70H104L84 110Q80 130 58 130H-58Q-80 130-84 110Z", "url(#cup)")
        + path("M-97-8H97L88 74H-88Z", "url(#band)")
        + stroke("M-78-50-64 106", "#fff", 12, 0.8)
    )
    berry = (
        path("M0-40C28-46 48-30 46-2 43 22 20 54 0 58-20 54-43 22-46-2-48-30-28-46 0-40Z", "url(#red)")
        + "".join(oval(x, y, 2.6, 4.4, "#ffd27a") for x, y in [(-20, -14), (0, -18), (20, -14), (-12, 8), (12, 8), (0, 30)])
        + path("M-22-40Q0-56 22-40 10-28 0-32-10-28-22-40Z", "#3f9a48")
    )
    blue = dot(0, 0, 26, "url(#blue)") + dot(2, -9, 6, "#1a2450")
    closed = cup + oval(0, -72, 112, 30, "#dfe6ec") + oval(0, -76, 112, 29, "url(#foil)") + path("M84-58l40 10-14-32Z", "#dfe6ec")
    swirl = (
        oval(0, -70, 112, 32, "#d9e3ec")
        + oval(0, -72, 102, 27, "#ffffff")
        + stroke("M-70-70C-30-52 50-54 66-72 40-90-30-88-36-74-20-64 20-66 30-74", "#dbe6ef", 6)
    )
    open_ = cup + swirl + place(berry, -30, -92, 0.9, -14) + place(blue, 30, -86) + place(blue, 58, -72, 0.8) + place(blue, 4, -66, 0.7)
    mark = dot(0, 33, 26, "#fff") + path("M0 16c10 12 14 17 14 23a14 14 0 0 1-28 0c0-6 4-11 14-23Z", "#3f86d3")
    lid = oval(0, 0, 96, 30, "#c9d4dd", -14) + oval(0, -4, 96, 29, "url(#foil)", -14)
    pieces = (
        shadow(300, 478, 250, 46)
        + place(closed + mark, 398, 268, 1.04)
        + place(lid, 452, 462, 0.86)
        + place(open_ + mark, 238, 344, 1.2)
        + place(berry, 118, 460, 0.7, -30)
        + place(blue, 396, 452, 1)
    )
    paints = (
        linear("cup", "#ffffff", "#eef4f9", "#c3d2df", line=(0, 0, 1, 0))
        + linear("band", "#6db3e8", "#2f74c0", line=(0, 0, 1, 0))
        + linear("foil", "#ffffff", "#b9c8d4")
        + radial("red", "#ff6a5c", "#e5262b", "#9c0f1f")
    )
    return Picture(BLUE, paints + radial("blue", "#8ea2e0", "#2b3878"), pieces)


def egg() -> Picture:
    def one(paint: str) -> str:
        return path("M0-84C42-84 68-26 68 20 68 60 38 86 0 86S-68 60-68 20C-68-26-42-84 0-84Z", f"url(#{paint})") + shine(
            -22, -30, 22, 30, -20, 0.75
        )

    pieces = shadow(300, 476, 280, 50) + path("M64 330H536L510 470Q506 488 486 488H114Q94 488 90 470Z", "#9c9486")
    for k, x in enumerate((150, 250, 350, 450)):
        pieces += place(one("white" if k == 2 else "brown"), x, 262, 0.84)
    pieces += path("M58 318Q58 300 78 300H522Q542 300 542 318V344H58Z", "#a79f91")
    for k, x in enumerate((128, 242, 358, 472)):
        pieces += (
            oval(x, 364, 62, 26, "#6f685c")
            + place(one("white" if k == 1 else "brown"), x, 332, 0.94)
            + path(f"M{x - 66} 362Q{x} 424 {x + 66} 362V420H{x - 66}Z", "#b5ad9f")
        )
    pieces += (
        path("M64 392H536L516 470Q512 488 492 488H108Q88 488 84 470Z", "url(#tray)")
        + stroke("M66 392H534", "#cfc8ba", 5)
        + stroke("M185 404v70M300 404v70M415 404v70", "#978f81", 6, 0.55)
    )
    paints = (
        radial("brown", "#fff2e2", (0.55, "#eac19a"), "#b9835a")
        + radial("white", "#ffffff", (0.6, "#f4e8da"), "#cdb79f")
        + linear("tray", "#b9b2a4", "#a39b8d", line=(0, 0, 0, 1))
    )
    return Picture(WHEAT, paints, pieces)


def butter() -> Picture:
    """A block on a dish, two pats cut from it, the wrapper folded back."""
    dish = oval(0, 130, 244, 66, "#c9d8e4") + oval(0, 120, 244, 64, "#ffffff") + oval(0, 116, 206, 48, "#eef3f7")
    top = path("M-150-40L60-84 170-46-40 2Z", "#fff2a8")
    front = path("M-150-40L-40 2V112L-150 66Z", "url(#front)")
    side = path("M-40 2L170-46V60L-40 112Z", "url(#side)")
    wrap = (
        path("M60-84L170-46V60L66 85V-22L-40 2-30-30 34-44 20-76Z", "#eaf1f6")
        + path("M66-22L170-46V60L66 85Z", "url(#paper)")
        + path("M66-22 170-46 60-84 20-76 38-46Z", "#ffffff")
        + stroke("M66-22V84M38-46 66-22", "#c6d5e1", 3)
        + stroke("M90 10 150-4M90 34 150 20", "#7fb2de", 9)
    )
    pat = (
        path("M-56-14L20-34 62-14-14 10Z", "#fff4b4")
        + path("M-56-14-14 10V34L-56 8Z", "#f2cf55")
        + path("M-14 10 62-14V8L-14 34Z", "#e3b93d")
    )
    curl = path("M-44 16C-60-20-20-50 16-40 44-32 46 0 20 8 0 14-14-2 0-12 10-18 20-8 12-2", "#ffe98f")
    pieces = (
        shadow(300, 466, 256, 46)
        + place(dish, 300, 322)
        + place(top + front + side + wrap, 306, 340, 1.22)
        + place(pat, 174, 438, 1.05, 4)
        + place(pat, 268, 458, 0.92, -4)
        + place(curl, 420, 450, 0.9, 8)
    )
    paints = (
        linear("front", "#ffe37a", "#efc643", line=(0, 0, 0, 1))
        + linear("side", "#f6d35c", "#d9a92f", line=(0, 0, 0, 1))
        + linear("paper", "#f4f8fb", "#c9d8e4")
    )
    return Picture(SUN, paints, pieces)


def _cheese_wedge() -> str:
    """A wedge with holes, drawn around 0 0, about 340 wide."""
    body = (
        path("M-170 20L110-96 170-20V92L-170 110Z", "url(#cheese)")
        + path("M-170 20 110-96 170-20Z", "#ffe791")
        + path("M-170 20 170-20V92L-170 110Z", "url(#cut)")
    )
    holes = "".join(
        oval(x, y, rx, ry, "#c98d1c", -6) + oval(x + 3, y + 4, rx * 0.84, ry * 0.82, "#e0a72b", -6)
        for x, y, rx, ry in [(-90, 62, 28, 22), (6, 34, 18, 15), (70, 60, 34, 27), (134, 20, 15, 14), (-20, 88, 15, 12), (-130, 84, 12, 9)]
    )
    return body + holes + oval(40, -46, 26, 9, "#e3b640", -20) + oval(90, -66, 14, 5, "#e3b640", -20)


def cheese() -> Picture:
    """Shredded cheese heaped before the wedge it came from."""
    rng = random.Random(11)
    spots = []
    for _ in range(120):
        across = rng.uniform(-1, 1)
        spots.append((490 - (1 - across * across) * 158 * rng.random(), 300 + 214 * across, rng.randrange(-60, 61, 10)))
    tones = ("#fffdf2", "#f8efcd", "#fff7dc", "#ecdcaa")
    shreds = "".join(
        f'<path d="M-24 3Q0-9 24 3" transform="translate({x:.0f} {y:.0f}) rotate({turn})" stroke="{tones[k % 4]}"/>'
        for k, (y, x, turn) in enumerate(sorted(spots))
    )
    heap = path("M84 488C126 420 200 334 300 334S474 420 516 488Q300 518 84 488Z", "#dfcb8c")
    pieces = (
        shadow(300, 486, 262, 44)
        + place(_cheese_wedge(), 306, 272, 1.24, -4)
        + heap
        + f'<g fill="none" stroke-width="11" stroke-linecap="round">{shreds}</g>'
    )
    return Picture(SUN, linear("cheese", "#ffe487", "#f5bd3c") + linear("cut", "#ffd65c", "#eca92a", line=(0, 0, 0, 1)), pieces)


def _tub(scoop: str, band: str) -> str:
    """A low round tub with something white in it."""
    tub = path("M-170-20H170L150 110Q146 134 118 134H-118Q-146 134-150 110Z", "url(#tub)") + path("M-165 18H165L155 86H-155Z", band)
    return tub + stroke("M-138-4-124 104", "#fff", 12, 0.8) + oval(0, -20, 178, 58, "#dbe5ee") + oval(0, -24, 166, 49, "#f3f7fa") + scoop


def sour_cream() -> Picture:
    swirl = path("M-140-30C-150-74-90-70-84-96-60-140 30-150 62-122 110-118 130-84 138-42 144 0 70 18 0 18S-136 6-140-30Z", "url(#cream)")
    swirl += stroke("M-104-36C-60-8 60-8 100-40 90-76 40-92-10-84-60-74-66-44-30-38 10-34 50-44 50-60", "#d8e2ec", 8) + path(
        "M-6-84C-20-120 4-150 30-156 26-136 34-120 50-104 40-84 10-76-6-84Z", "#ffffff"
    )
    chives = "".join(
        f'<rect x="{x}" y="{y}" width="9" height="20" rx="4" fill="{c}" transform="rotate({t} {x} {y})"/>'
        for x, y, t, c in [
            (-80, -60, 40, "#4b9a3f"),
            (-30, -96, -20, "#6cb954"),
            (70, -96, 60, "#4b9a3f"),
            (96, -50, -40, "#6cb954"),
            (20, -30, 20, "#4b9a3f"),
            (-50, -20, 70, "#6cb954"),
            (-110, -36, 10, "#4b9a3f"),
            (50, -8, -60, "#6cb954"),
        ]
    )
    sprigs = "".join(stroke(f"M{x} 486Q{x + 30} 450 {x + 86} {430 + k * 10}", "#4b9a3f", 8) for k, x in enumerate((404, 416, 430)))
    pieces = shadow(300, 482, 250, 44) + place(_tub(swirl + chives, "url(#band)"), 292, 346, 1.14) + sprigs
    paints = (
        linear("tub", "#ffffff", "#eef4f9", "#bfd0de", line=(0, 0, 1, 0))
        + linear("band", "#86cbb4", "#3c957a", line=(0, 0, 1, 0))
        + radial("cream", "#ffffff", (0.6, "#f5f8fb"), "#c5d4e1")
    )
    return Picture(BLUE, paints, pieces)


def cottage_cheese() -> Picture:
    rng = random.Random(5)
    shapes = [path(ruffle(21, 17, 4, 0.08, turn), "url(#curd)") for turn in (0.2, 0.9, 1.7)]
    curds = ""
    for y, count, reach in [(-14, 9, 140), (-36, 9, 132), (-58, 8, 116), (-80, 7, 94), (-100, 5, 66), (-118, 3, 34), (-128, 1, 0)]:
        for k in range(count):
            x = (k - (count - 1) / 2) * (2 * reach / max(count - 1, 1)) + rng.uniform(-5, 5)
            curds += place(shapes[k % 3], x, y + rng.uniform(-5, 5), 1)
    mint = place(
        path("M0 0C16-30 50-36 70-18 56 6 24 14 0 0Z", "#4b9a3f") + stroke("M4-2Q34-16 60-17", "#bfe3a5", 3), 0, -122, 0.8, -50
    ) + place(path("M0 0C16-30 50-36 70-18 56 6 24 14 0 0Z", "#6cb954") + stroke("M4-2Q34-16 60-17", "#d6f0bf", 3), 0, -120, 0.8, 4)
    berry = dot(0, 0, 26, "url(#blue)") + dot(2, -9, 6, "#1a2450")
    pieces = (
        shadow(300, 482, 250, 44)
        + place(_tub(oval(0, -30, 156, 46, "#e4ecf3") + curds + mint, "url(#band)"), 300, 352, 1.14)
        + places(berry, [(446, 474, 1, 0), (492, 452, 0.8, 0), (112, 470, 0.9, 0)])
    )
    paints = (
        linear("tub", "#ffffff", "#eef4f9", "#bfd0de", line=(0, 0, 1, 0))
        + linear("band", "#f0b878", "#cf7f3a", line=(0, 0, 1, 0))
        + radial("curd", "#ffffff", (0.6, "#fbfaf2"), "#cfd3cf")
        + radial("blue", "#8ea2e0", "#2b3878")
    )
    return Picture(BLUE, paints, pieces)
