"""Template words of the phone surfaces."""

from __future__ import annotations

from django import template
from django.templatetags.static import static

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
