"""Template words of the phone surfaces."""

from __future__ import annotations

from django import template

from linli.kernel import money

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
