"""Taking a trade-in's difference at the desk: picked from the list of those that wait, with how it was paid."""

from __future__ import annotations

from django.utils.translation import gettext as _

from linli.kernel.refusals import Refusal

WAYS = ("cash", "wechat", "alipay", "card")


def choices() -> list[tuple[str, str]]:
    """How a difference can be paid outside: (code, words)."""
    words = {"cash": _("现金"), "wechat": _("微信"), "alipay": _("支付宝"), "card": _("刷卡")}
    return [(way, words[way]) for way in WAYS]


def reference(way: str, number: str) -> str:
    """What is written down of a payment. Cash has no number, everything else has one. Raises Refusal: trade.no_reference."""
    told = dict(choices()).get(way, "")
    number = number.strip()[:60]
    if not told or (way != "cash" and not number):
        raise Refusal("trade.no_reference")
    return f"{told} {number}".strip()
