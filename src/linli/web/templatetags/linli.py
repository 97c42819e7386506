"""The template words of every surface (loaded everywhere as builtins)."""

from __future__ import annotations

import zlib
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from linli.kernel import clocks, money, tables
from linli.web import words
from linli.web.context import english

register = template.Library()

ICON_PLACES = (
    Path(__file__).parent.parent / "static" / "vendor" / "icons",
    settings.PROJECT / "node_modules" / "@tabler" / "icons" / "icons",
)
AVATARS = ("tulip", "bamboo", "moon", "lotus", "cat", "tea", "sea", "hill")


@lru_cache(maxsize=256)
def _drawn(name: str) -> str:
    """The inside of an icon's SVG; nothing when the assets are not built, so that a page still opens."""
    kind, _sep, plain = name.rpartition("/")
    for place in ICON_PLACES:
        path = place / (kind or "outline") / f"{plain}.svg"
        if path.exists():
            text = path.read_text()
            inside = text[text.index(">", text.index("<svg")) + 1 : text.rindex("</svg>")]
            return "".join(line.strip() for line in inside.splitlines() if "M0 0h24v24H0z" not in line)
    return ""


@register.simple_tag
def icon(name: str, css: str = "", label: str = "") -> SafeString:
    """An inline icon: {% icon "home" %}, {% icon "filled/flame" "css class" %}; with a label it is an image of its own."""
    paint = mark_safe(  # noqa: S308 - a constant
        'fill="currentColor"'
        if name.startswith("filled/")
        else 'fill="none" stroke="currentColor" stroke-linecap="round" stroke-linejoin="round"'
    )
    named = format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"')
    return format_html(
        '<svg class="i{}" viewBox="0 0 24 24" {} {}>{}</svg>',
        f" {css}" if css else "",
        paint,
        named,
        mark_safe(_drawn(name)),  # noqa: S308 - our own pinned package, not a person's text
    )


def local_name(thing: Any, field: str = "name") -> str:
    """`thing.name_en` or `thing.name_zh`, as the page speaks; a dict's keys likewise."""

    def read(name: str) -> str:
        return str((thing.get(name) if isinstance(thing, dict) else getattr(thing, name, "")) or "")

    return read(f"{field}_en") or read(f"{field}_zh") if english() else read(f"{field}_zh") or read(f"{field}_en")


@register.filter
def local(thing: Any, field: str = "name") -> str:
    """{{ sku|local }} and {{ community|local:"pickup" }}: the field in the page's language."""
    return local_name(thing, field) if thing else ""


@register.simple_tag(takes_context=True)
def price(context: template.Context, amount_minor: int | None, css: str = "") -> SafeString:
    """A shelf price: small symbol, large whole, small decimals without trailing zeros."""
    if amount_minor is None:
        return mark_safe('<span class="price">—</span>')
    text = money.price(amount_minor, str(context.get("currency", "USD")))
    sign, text = ("-", text[1:]) if text.startswith("-") else ("", text)
    whole, dot, rest = text[1:].partition(".")
    return format_html(
        '<span class="price{}"><small>{}{}</small><b>{}</b>{}</span>',
        f" {css}" if css else "",
        sign,
        text[0],
        whole,
        format_html("<i>.{}</i>", rest) if dot else "",
    )


@register.simple_tag(takes_context=True)
def cash(context: template.Context, amount_minor: int | None) -> str:
    """An amount in a table or sentence: $49.90, — when there is none."""
    return "—" if amount_minor is None else money.plain(int(amount_minor), str(context.get("currency", "USD")))


@register.simple_tag(takes_context=True)
def cash_short(context: template.Context, amount_minor: int | None) -> str:
    """An amount as a headline figure: no cents from 100 on, 万 and 亿 (k and M in English) when large."""
    if amount_minor is None:
        return "—"
    currency = money.CURRENCIES[str(context.get("currency", "USD"))]
    whole = amount_minor / 10**currency.exponent
    sign = "-" if whole < 0 else ""
    return f"{sign}{currency.symbol}{compact(abs(whole)) if abs(whole) >= 100 else format(abs(whole), '.2f')}"


@register.filter
def compact(value: float | None) -> str:
    """1234 -> 1,234; 286000 -> 28.6万; English: 286.0k. None is a dash."""
    if value is None:
        return "—"
    steps = [(1e9, "B"), (1e6, "M"), (1e5, "k")] if english() else [(1e8, "亿"), (1e4, "万")]
    for least, unit in steps:
        if abs(value) >= least:
            return f"{value / (1e3 if unit == 'k' else least):,.1f}{unit}"
    return f"{value:,.0f}"


@register.filter
def percent(share: float | None, digits: int = 0) -> str:
    """0.786 -> 79%. None is a dash."""
    return "—" if share is None else f"{share * 100:.{digits}f}%"


@register.filter
def signed(share: float | None) -> str:
    """A share with its sign: "+12%", "−3%"; "—" for none."""
    return "—" if share is None else f"{100 * share:+.0f}%".replace("-", "−")


@register.filter
def dash(value: Any) -> Any:
    """— for none."""
    return "—" if value is None or value == "" else value


def day_words(day: date) -> str:
    """11 月 22 日 周日; Sun 22 Nov in English."""
    if english():
        return f"{day:%a} {day.day} {day:%b}"
    return f"{day.month} 月 {day.day} 日 周{'一二三四五六日'[day.weekday()]}"


def moment(at: datetime | date | None, now: datetime | None = None) -> str:
    """A time as people say it beside the shop's day: 今天 14:30, 昨天 09:12, 10-27 18:40, 2016-10-27."""
    if at is None:
        return "—"
    today = timezone.localtime(now or clocks.business_now()).date()
    clock = ""
    if isinstance(at, datetime):
        at = timezone.localtime(at)
        clock = f"{at:%H:%M}"
        at = at.date()
    near = {today: _("今天"), today - timedelta(days=1): _("昨天"), today + timedelta(days=1): _("明天")}
    if at in near:
        return f"{near[at]} {clock}".strip()
    return f"{at:%m-%d} {clock}".strip() if at.year == today.year else f"{at:%Y-%m-%d}"


register.filter("moment", moment)


@register.simple_tag(takes_context=True)
def when(context: template.Context, at: datetime | date | None) -> SafeString | str:
    """A <time> in words beside the shop's day."""
    if at is None:
        return "—"
    return format_html('<time datetime="{}">{}</time>', at.isoformat(), moment(at, context.get("business_now")))


@register.filter
def day(at: datetime | date | None) -> str:
    """{{ date|day }}: 11 月 22 日 周日."""
    if at is None:
        return "—"
    return day_words(timezone.localtime(at).date() if isinstance(at, datetime) else at)


@register.filter
def clock(at: datetime | None) -> str:
    """{{ at|clock }}: 16:00, in the region's time."""
    return "—" if at is None else f"{timezone.localtime(at):%H:%M}"


@register.simple_tag
def word(name: str, **facts: Any) -> str:
    """The words of a code of a lower room: {% word "segment.vip" %}."""
    return words.code(name, **facts)


@register.filter
def words_of(name: str, prefix: str = "") -> str:
    """{{ state|words_of:"order_state" }}: the words of "order_state.<state>"."""
    return words.code(f"{prefix}.{name}" if prefix else name)


@lru_cache(maxsize=512)
def _known(slug: str) -> str:
    from linli.web import pictures

    return pictures.known(slug)


@register.simple_tag
def picture(slug: str, size: int = 34, wide: bool = False, eager: bool = False, css: str = "") -> SafeString:
    """The picture of a product by its slug; decoration beside its name, so the text alternative is empty."""
    return format_html(
        '<img src="{}" alt="" width="{}" height="{}"{}{}>',
        static(f"vendor/pictures/{_known(slug)}{'-wide' if wide else ''}.svg"),
        size * (2 if wide else 1),
        size,
        mark_safe("") if eager else mark_safe(' loading="lazy"'),
        format_html(' class="{}"', css) if css else "",
    )


@register.simple_tag
def avatar(seed: object, size: int = 34, css: str = "") -> SafeString:
    """A face that is nobody's: the same seed (a member's or person's id) always gets the same one."""
    which = AVATARS[zlib.crc32(str(seed).encode()) % len(AVATARS)]
    return format_html(
        '<img src="{}" alt="" width="{}" height="{}" class="avatar{}" loading="lazy">',
        static(f"vendor/pictures/avatar-{which}.svg"),
        size,
        size,
        f" {css}" if css else "",
    )


@register.simple_tag(takes_context=True)
def feature(context: template.Context, told: Any) -> SafeString | str:
    """A feature's value with its unit: {% feature value %} of insight's FeatureValue."""
    value, unit = told.value, told.unit
    if value is None or value == "" or value == []:
        return "—"
    if unit == "minor":
        return cash_short(context, int(value))
    if unit == "share":
        return f"{value * 100:.0f}%"
    if unit == "days":
        return format_html("{} <small>{}</small>", f"{value:.0f}", _("天"))
    if unit == "orders":
        return format_html("{} <small>{}</small>", f"{value:,.0f}", _("单"))
    if unit == "ratio":
        return f"{value:.1f}×"
    if unit == "hour":
        return f"{int(value):02d}:00"
    if unit == "weekday":
        return f"{date(2017, 10, 2) + timedelta(days=int(value)):%A}" if english() else f"周{'一二三四五六日'[int(value)]}"
    if isinstance(value, list | tuple):
        return (", " if english() else "、").join(str(v).capitalize() for v in value)
    if isinstance(value, float):
        return f"{value:,.1f}"
    return str(value)


@register.simple_tag(takes_context=True)
def estimate(context: template.Context, told: Any, field: str) -> str:
    """A mean, difference or end of an interval of engage's Estimate, in its metric's unit."""
    value = getattr(told, field)
    if value is None:
        return "—"
    if told.unit == "minor":
        return ("+" if field == "difference" and value > 0 else "") + money.plain(round(value), str(context.get("currency", "USD")))
    if told.unit == "share":
        return f"{value * 100:+.1f}" + _(" 点") if field in ("difference", "low", "high") else f"{value * 100:.1f}%"
    return f"{value:+.2f}" if field == "difference" else f"{value:.2f}"


@register.inclusion_tag("console/part_export.html", takes_context=True)
def export(context: template.Context, route: str, *args: Any, drop: str = "page", **fixed: Any) -> dict[str, Any]:
    """The menu that takes a table along: {% export "console:orders-export" drop="page order" segment="vip" %}.

    The page's filters go with it, without those in `drop` (words) and with `fixed`; the route ends in the file's form.
    """
    asked = context["request"].GET.copy()
    for name in drop.split():
        asked.pop(name, None)
    for name, value in fixed.items():
        asked[name] = str(value)
    tail = f"?{asked.urlencode()}" if asked else ""
    names = {"csv": "CSV", "xlsx": "Excel", "parquet": "Parquet"}
    mark = f"take-{zlib.crc32(f'{route}{args}{fixed}'.encode()):x}"
    return {"ways": [(names[form], reverse(route, args=[*args, form]) + tail) for form in tables.FORMS], "mark": mark}
