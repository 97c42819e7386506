"""Template words of the phone surfaces."""

from __future__ import annotations

from django import template

from linli.kernel import money

register = template.Library()


@register.simple_tag(takes_context=True)
def shelf_price(context: template.Context, amount_minor: int) -> str:
    """A price inside a sentence or button: $4.99, $5."""
    return money.price(int(amount_minor), str(context.get("currency", "USD")))


@register.filter
def as_price(amount_minor: int, currency: object) -> str:
    """The same for a sentence that is translated whole: {% blocktranslate with m=c.minimum_minor|as_price:currency %}."""
    return money.price(int(amount_minor), str(currency))
