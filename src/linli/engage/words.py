"""Words that go out: placeholders filled from facts, and a claim check. Words may say only what the ledger and the facts hold.

In a playbook every figure is a placeholder, so a number can't drift from the coupon it speaks of. A leader may change
the words freely, but an offer in them (an amount off, a discount, "free") must be one that the task's coupons hold.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass

from linli.kernel.money import CURRENCIES, price
from linli.kernel.refusals import Refusal

FACTS = ("hello", "usual", "recency_days", "gap_days")
"""Placeholders filled from facts; `pack` and `coupon.<name>` from the step's coupons."""

MOST_CHARACTERS = 300


@dataclass(frozen=True)
class Offer:
    """A coupon as words may speak of it."""

    name: str
    face_minor: int
    minimum_minor: int
    valid_days: int
    category: str = ""


SEPARATORS = {"zh": ("、", "，"), "en": (", ", "; ")}
_OFFERS = {
    "zh": "满 {minimum} 减 {face}（{days} 天内用）",
    "en": "{face} off from {minimum} (within {days} days)",
}


def offer(coupon: Offer, currency: str, language: str) -> str:
    """A coupon in words: what it takes off, from which basket, for how long."""
    face, minimum = spoken(coupon.face_minor, currency), spoken(coupon.minimum_minor, currency)
    return _OFFERS[language].format(face=face, minimum=minimum, days=coupon.valid_days)


def spoken(amount_minor: int, currency: str) -> str:
    """An amount as people say it: $25, not $25.00; $12.50 stays."""
    return price(amount_minor, currency).removesuffix(".00")


def placeholders(text: str) -> list[str]:
    """The placeholders of a template. Raises ValueError for one that can't be read (a lone brace, a format)."""
    found = []
    for _, name, spec, conversion in string.Formatter().parse(text):
        if name is None:
            continue
        if spec or conversion or not re.fullmatch(r"[a-z_]+(\.[a-z0-9_]+)?", name):
            raise ValueError(name)
        found.append(name)
    return found


def typed_claims(text: str) -> list[str]:
    """Figures that were typed instead of filled: any digit, percent or currency sign outside of placeholders."""
    plain = "".join(literal for literal, *_ in string.Formatter().parse(text))
    return re.findall(r"[0-9０-９][0-9.,]*|[%％¥￥$€]|免费|半价|[一二两三四五六七八九十]折", plain)


def fill(choices: tuple[str, ...], values: Mapping[str, str]) -> str:
    """The first choice whose placeholders are all known and not empty. Raises Refusal engage.no_words if none is."""
    for text in choices:
        if all(values.get(name) for name in placeholders(text)):
            return re.sub(r"\{([a-z_]+(?:\.[a-z0-9_]+)?)\}", lambda m: values[m.group(1)], text)
    raise Refusal("engage.no_words", placeholders=placeholders(choices[-1]))


def values(
    *,
    language: str,
    surname: str,
    usual: tuple[str, ...],
    recency_days: int | None,
    gap_days: float | None,
    coupons: tuple[Offer, ...],
    currency: str,
) -> dict[str, str]:
    """What the placeholders stand for; what isn't known is missing. A member without a name is a neighbour."""
    listing, joining = SEPARATORS[language]
    offers = {c.name: offer(c, currency, language) for c in coupons}
    hello = {"zh": f"{surname}邻居" if surname else "邻居您好", "en": f"Hello {surname}" if surname else "Hello neighbour"}[language]
    found = {"hello": hello, "usual": listing.join(usual), "pack": joining.join(offers.values())}
    found |= {f"coupon.{name}": text for name, text in offers.items()}
    if recency_days is not None:
        found["recency_days"] = str(recency_days)
    if gap_days is not None:
        found["gap_days"] = str(round(gap_days))
    return found


_AMOUNT = r"(?:[¥￥$]\s*)?(\d+(?:\.\d{1,2})?)\s*(?:元|块钱|块|dollars?|bucks)?"
_CLAIMS = (
    re.compile(rf"满\s*{_AMOUNT}\s*[，,]?\s*(?:立)?[减送返]\s*{_AMOUNT}"),
    re.compile(rf"()(?:立减|减免|便宜|优惠|返现|送您|抵)\s*{_AMOUNT}"),
    re.compile(r"(?:[¥￥$]\s*)?()(\d+(?:\.\d{1,2})?)\s*(?:dollars?\s+)?off", re.IGNORECASE),
)
_NEVER = re.compile(r"\d+(?:\.\d+)?\s*折|[一二两三四五六七八九]折|半价|免费送|免单|\d+\s*[%％]\s*off|half price|for free", re.IGNORECASE)


def check_said(said: str, coupons: tuple[Offer, ...], currency: str, drafted: str = "") -> str:
    """The words as a leader changed them, if every offer in them is one that the task's coupons hold.

    What the draft said already was filled from the ledger and may stay.
    Raises Refusal engage.words_missing, engage.words_too_long, engage.claim_unfounded(claim).
    """
    said = said.strip()
    if not said:
        raise Refusal("engage.words_missing")
    if len(said) > MOST_CHARACTERS:
        raise Refusal("engage.words_too_long", characters=len(said), most=MOST_CHARACTERS)
    unit = 10 ** CURRENCIES[currency].exponent
    held = {(c.minimum_minor, c.face_minor) for c in coupons}
    if (never := _NEVER.search(said)) and never.group(0) not in drafted:
        raise Refusal("engage.claim_unfounded", claim=never.group(0))
    for pattern in _CLAIMS:
        for found in pattern.finditer(said):
            minimum, face = (round(float(g) * unit) if g else None for g in found.groups())
            if not any(face == f and minimum in (None, m) for m, f in held):
                raise Refusal("engage.claim_unfounded", claim=found.group(0))
    return said
