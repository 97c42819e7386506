"""Template words of the phone surfaces."""

from __future__ import annotations

from datetime import timedelta

from django import template
from django.templatetags.static import static
from django.utils.translation import gettext as _

from linli.kernel import money
from linli.web.templatetags.linli import _known

register = template.Library()


def short(amount_minor: int, currency: str) -> str:
    """A price in running text, as the leaders' words write it: $4.99, $2.50, $5."""
    return money.price(int(amount_minor), currency).removesuffix(".00")


@register.simple_tag(takes_context=True)
def shelf_price(context: template.Context, amount_minor: int) -> str:
    """A price inside a sentence or button."""
    return short(amount_minor, str(context.get("currency", "USD")))


@register.filter
def as_price(amount_minor: int, currency: object) -> str:
    """The same for a sentence that is translated whole: {% blocktranslate with m=c.minimum_minor|as_price:currency %}."""
    return short(amount_minor, str(currency))


@register.simple_tag
def picture_address(slug: str) -> str:
    """Where the picture of a product lies, for pages that others read (a share's preview)."""
    return static(f"vendor/pictures/{_known(slug)}.svg")


@register.filter
def held_of(in_cart: object, group_id: int) -> int:
    """Pieces of a group-buy in the cart: {{ in_cart|held_of:c.group_id }}."""
    return int(in_cart.get(group_id, 0)) if isinstance(in_cart, dict) else 0


@register.filter
def minus(figure: int, less: int) -> int:
    """{{ asked.line.quantity|minus:asked.line.tolerance_pieces }}."""
    return int(figure) - int(less)


@register.filter
def who(by: str) -> str:
    """Who did something to an order, as its member is told: {{ h.by|who }}; nobody's name but their part in it."""
    parts = {"member": _("你"), "person": _("团长或店里"), "channel": _("付款通道"), "system": _("系统")}
    return parts.get(str(by).partition(":")[0], "")


@register.filter
def rate(basis_points: int) -> str:
    """Basis points as a percentage: 850 as "8.5%"."""
    whole, rest = divmod(int(basis_points), 100)
    return f"{whole}.{rest:02d}".rstrip("0").rstrip(".") + "%"


@register.filter
def item(table: object, name: str) -> object:
    """{{ counts|item:state }}; nothing for what isn't there."""
    return table.get(name, "") if isinstance(table, dict) else ""


@register.filter
def waited(span: timedelta) -> str:
    """How long somebody has waited, in its largest unit: 12 min, 3 h, 2 days."""
    minutes = max(0, int(span.total_seconds() // 60))
    if minutes < 60:
        return _("%(count)s 分钟") % {"count": minutes}
    if minutes < 48 * 60:
        return _("%(count)s 小时") % {"count": minutes // 60}
    return _("%(count)s 天") % {"count": minutes // 1440}
