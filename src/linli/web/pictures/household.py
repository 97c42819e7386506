"""What isn't food: an appliance, a cleaning bucket, a satchel, a box of pills, a jar, the weekly fruit box."""

from __future__ import annotations

from linli.web.pictures.canvas import (
    BLUE,
    CLAY,
    GREEN,
    PEACH,
    SUN,
    TEAL,
    Picture,
    dot,
    linear,
    oval,
    path,
    radial,
    shadow,
    shine,
    stroke,
)


def fridge() -> Picture:
    body = (
        '<rect x="196" y="96" width="208" height="396" rx="26" fill="url(#door)"/>'
        '<rect x="196" y="96" width="208" height="148" rx="26" fill="url(#top)"/>'
        + path("M196 236H404V248H196Z", "#93a5b2")
        + '<rect x="372" y="150" width="12" height="66" rx="6" fill="#8a9aa6"/><rect x="372" y="276" width="12" height="96" rx="6" fill="#8a9aa6"/>'
        + stroke("M222 130V220M222 272V456", "#ffffff", 12, 0.75)
        + path("M220 490H246V504H220ZM354 490H380V504H354Z", "#6b7a85")
    )
    leaf = path("M272 330Q272 284 322 284 322 336 272 336Z", "#37a06a") + stroke("M276 334 312 294", "#d8f2e2", 5)
    paints = linear("door", "#f7fafb", (0.6, "#dde5ea"), "#b9c6ce") + linear("top", "#ffffff", (0.6, "#e7edf1"), "#c4d0d8")
    return Picture(BLUE, paints, shadow(300, 506, 170, 26) + body + leaf)


def bucket() -> Picture:
    handle = '<path d="M166 286C166 110 434 110 434 286" fill="none" stroke="#8497a3" stroke-width="14"/>'
    brush = (
        stroke("M372 300 436 112", "#c98f4e", 22)
        + stroke("M368 296 430 116", "#e8bd84", 6)
        + path("M336 236 420 264 404 312 320 284Z", "#3f87a9")
    )
    spray = (
        '<rect x="196" y="186" width="92" height="150" rx="22" fill="url(#spray)"/>'
        + path("M216 186V158H268V186ZM200 158V134H290V158ZM200 134 176 150V160H200Z", "#2f6f8f")
        + '<rect x="208" y="236" width="68" height="58" rx="10" fill="#fdfefe"/>'
    )
    foam = "".join(dot(x, y, r, "#fdfefe") for x, y, r in ((190, 300, 30), (240, 288, 38), (300, 296, 42), (356, 290, 36), (408, 302, 28)))
    body = (
        path("M150 300H450L414 476Q408 500 382 500H218Q192 500 186 476Z", "url(#bucket)")
        + path("M142 288H458V322H142Z", "#1f6f8f")
        + stroke("M196 344 220 470", "#bfe6ef", 12, 0.8)
    )
    paints = linear("bucket", "#4fb3cc", (0.5, "#2f8fb0"), "#1a6080", line=(0, 0, 1, 0)) + linear("spray", "#a9e3c6", "#3fae7c")
    return Picture(TEAL, paints, shadow(300, 500, 190, 30) + handle + brush + spray + foam + body)


def satchel() -> Picture:
    bag = (
        '<path d="M246 190C246 120 354 120 354 190" fill="none" stroke="#a8501f" stroke-width="18"/>'
        '<rect x="156" y="176" width="288" height="316" rx="64" fill="url(#bag)"/>'
        '<rect x="188" y="330" width="224" height="132" rx="30" fill="url(#pocket)"/>'
        + path("M156 250Q156 176 220 176H380Q444 176 444 250V286Q300 344 156 286Z", "url(#flap)")
        + '<rect x="274" y="282" width="52" height="44" rx="12" fill="#ffe08a"/>'
        + stroke("M212 360H388", "#fff3dd", 6, 0.7)
    )
    pencil = (
        path("M424 200 452 120 476 128 448 208Z", "#f6c244")
        + path("M452 120 474 92 476 128Z", "#f7e0b8")
        + path("M466 102 474 92 475 106Z", "#3d3d3d")
    )
    book = path("M124 440 176 424 192 492 140 506Z", "#3f87a9") + path("M132 446 176 432 188 484 146 496Z", "#fdfefe")
    paints = (
        linear("bag", "#f0894a", (0.5, "#e06a2b"), "#b54a16")
        + linear("flap", "#ffab70", "#e0702f")
        + linear("pocket", "#ffb680", "#e07b3c")
    )
    return Picture(SUN, paints, shadow(300, 498, 190, 28) + pencil + bag + book)


def pills() -> Picture:
    carton = (
        path("M170 210 330 176 330 446 170 480Z", "url(#front)")
        + path("M330 176 404 204 404 466 330 446Z", "#c9d6dd")
        + path("M170 210 246 236 404 204 330 176Z", "#eef4f7")
        + path("M236 292H262V266H290V292H316V320H290V346H262V320H236Z", "#2f9e6b")
        + stroke("M194 400 306 378M194 430 270 414", "#9fb2bd", 9)
    )
    strip = (
        '<g transform="translate(420 430) rotate(-14)"><rect x="-96" y="-44" width="192" height="92" rx="16" fill="url(#foil)"/>'
        + "".join(
            oval(x, y, 22, 15, "#fdfefe") + oval(x + 3, y + 3, 18, 11, "#ffb9a8" if (x + y) % 4 else "#ff9c86")
            for x in (-62, -8, 46)
            for y in (-18, 22)
        )
    )
    paints = linear("front", "#ffffff", "#dfe8ed") + linear("foil", "#eef2f4", (0.5, "#c3ced5"), "#e8eef1")
    return Picture(GREEN, paints, shadow(310, 486, 190, 28) + carton + strip + "</g>")


def jar() -> Picture:
    def one(x: float, colour: str) -> str:
        return (
            f'<g transform="translate({x} 0)"><rect x="-84" y="196" width="168" height="290" rx="46" fill="url(#{colour})"/>'
            + '<rect x="-70" y="150" width="140" height="56" rx="14" fill="url(#lid)"/>'
            + path("M-84 300H84V412H-84Z", "#fff7e6")
            + path("M-40 356Q-40 322 0 322T40 356Q40 390 0 390T-40 356Z", "#b3402a")
            + stroke("M-58 222V280", "#ffffff", 10, 0.6)
            + stroke("M-84 306H84M-84 406H84", "#d9b36c", 5)
            + "</g>"
        )

    paints = (
        linear("soy", "#8a4a24", (0.5, "#5e2d12"), "#3c1a08", line=(0, 0, 1, 0))
        + linear("chili", "#d9532f", (0.5, "#b5301a"), "#7d1a0c", line=(0, 0, 1, 0))
        + linear("lid", "#f0c766", "#b98a2e")
    )
    return Picture(CLAY, paints, shadow(300, 486, 210, 28) + one(206, "soy") + one(396, "chili"))


def fruit_box() -> Picture:
    fruit = (
        dot(206, 262, 62, "url(#apple)")
        + dot(394, 258, 60, "url(#orange)")
        + dot(300, 224, 66, "url(#peach)")
        + "".join(dot(x, y, 24, "url(#grape)") for x, y in ((254, 300), (292, 292), (330, 302), (272, 326), (312, 328), (350, 326)))
        + path("M306 168Q330 128 374 140 358 180 306 172Z", "#4f9f3f")
        + stroke("M206 202V180", "#6b4a1f", 8)
        + shine(186, 238, 20, 14)
        + shine(378, 236, 18, 13)
        + shine(276, 196, 22, 15)
    )
    box = (
        path("M120 318H480V484Q480 500 464 500H136Q120 500 120 484Z", "url(#box)")
        + path("M108 300H492V346H108Z", "#d9a566")
        + stroke("M120 392H480M120 444H480", "#a8703a", 5, 0.5)
        + path("M266 372H334V428H266Z", "#0f7a4a")
        + path("M286 408Q286 384 314 384 314 410 286 412Z", "#e2f3e9")
    )
    paints = (
        radial("apple", "#ff8a70", (0.5, "#d8322c"), "#8a0f1e")
        + radial("orange", "#ffc566", (0.55, "#f58a1f"), "#c9570b")
        + radial("peach", "#ffe0c0", (0.55, "#ff9d7a"), "#e0603f")
        + radial("grape", "#b48be0", (0.55, "#6d3fa8"), "#3d1f6b")
        + linear("box", "#e0b070", "#b07a40", line=(0, 0, 0, 1))
    )
    return Picture(PEACH, paints, shadow(300, 500, 220, 34) + fruit + box)
