"""Template words of what is sold with others."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import template
from django.utils import timezone
from django.utils.translation import gettext as _

from linli.kernel import money
from linli.web.context import english

register = template.Library()


@register.filter
def weekday(number: int) -> str:
    """An ISO weekday: 周五, Friday."""
    if english():
        return ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")[number - 1]
    return f"周{'一二三四五六日'[number - 1]}"


@register.filter
def bp(points: int) -> str:
    """Basis points as a percentage without needless zeros: 7000 is 70%."""
    return f"{points / 100:g}%"


@register.simple_tag(takes_context=True)
def terms_words(context: template.Context, partner: object) -> str:
    """A partner's terms in a sentence: 70%, or $2.50 a piece; what the shop keeps."""

    def read(name: str) -> Any:
        return partner.get(name) if isinstance(partner, dict) else getattr(partner, name)

    currency = str(context.get("currency", "USD"))
    if read("mode") == "share":
        says = _("销售额的 %(share)s") % {"share": bp(read("share_bp"))}
    else:
        says = _("每份 %(amount)s") % {"amount": money.plain(read("fixed_minor"), currency)}
    if fee := read("fee_minor"):
        says += _("，每份留服务费 %(amount)s") % {"amount": money.plain(fee, currency)}
    return says


@register.filter
def typed(amount_minor: int | None, currency: object) -> str:
    """An amount as it is typed into a field: 49.90."""
    if amount_minor is None:
        return ""
    unit = money.CURRENCIES[str(currency)]
    return f"{amount_minor / 10**unit.exponent:.{unit.exponent}f}"


@register.filter
def iso_day(at: datetime) -> str:
    """The day of a moment as a date field takes it."""
    return timezone.localtime(at).date().isoformat()


@register.filter
def iso_last_day(ends_at: datetime) -> str:
    """The last day of a span as a date field takes it: one that ends at midnight has its last day before."""
    return (timezone.localtime(ends_at) - timedelta(microseconds=1)).date().isoformat()
