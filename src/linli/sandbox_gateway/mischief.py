"""How the gateway misbehaves: decided by a seed and the how-manieth payment or question it is, so that it can be repeated."""

from __future__ import annotations

import random
from dataclasses import dataclass

RETRIES_S: dict[str, tuple[float, ...]] = {
    "sandbox": (2.0, 5.0, 15.0, 60.0, 300.0),
    "wechat": (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600),
    "alipay": (240, 600, 600, 3600, 7200, 21600, 54000),
}
"""A true callback that isn't answered as it should be comes again after these, by channel.

WeChat Pay: 15s/15s/30s/3m/10m/20m/30m/30m/30m/60m/3h/3h/3h/6h/6h; Alipay: 4m/10m/10m/1h/2h/6h/15h, as documented. The
sandbox's own cashier is quicker.
"""


@dataclass(frozen=True)
class Delivery:
    """One callback, `after_s` seconds from the payment.

    kind: true; opened (old news: not paid yet); forged (a wrong signature); altered (the amount changed after it was
    signed); wrong_amount (signed, but about another amount); stale (signed an hour ago); elsewhere (signed, about another
    merchant); probe (WeChat's own test of whether signatures are looked at).
    """

    after_s: float
    kind: str


_FORGERIES = ("forged", "altered", "wrong_amount", "stale", "elsewhere", "probe")
PLANS: dict[str, tuple[Delivery, ...]] = {
    "plain": (Delivery(0, "true"),),
    "lost": (),
    "doubled": (Delivery(0, "true"), Delivery(0, "true"), Delivery(0.3, "true")),
    "delayed": (Delivery(4, "true"),),
    "reordered": (Delivery(0, "true"), Delivery(0.3, "opened")),
    "forged": (*(Delivery(0, kind) for kind in _FORGERIES), Delivery(0.5, "true")),
}
WEIGHTS = {"plain": 8, "lost": 2, "doubled": 3, "delayed": 3, "reordered": 2, "forged": 2}


@dataclass(frozen=True)
class Mischief:
    """The schedule. `weights` by plan; `lost_replies` is the share of refunds that happen without their answer arriving.

    Of the questions at WeChat's and Alipay's desks, `errors` get a 5xx, `silent` no answer at all although it happened,
    `late` one that takes `late_s`; of closed payments, `late_money` is the share that is paid nevertheless.
    """

    seed: int
    weights: tuple[tuple[str, int], ...] = tuple(WEIGHTS.items())
    lost_replies: float = 0.2
    errors: float = 0.03
    silent: float = 0.02
    late: float = 0.02
    late_s: float = 1.5
    late_money: float = 0.1

    @classmethod
    def none(cls) -> Mischief:
        """A gateway that behaves."""
        return cls(0, (("plain", 1),), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)

    @classmethod
    def only(cls, plan: str, *, lost_replies: float = 0.0, errors: float = 0.0, silent: float = 0.0, late_money: float = 0.0) -> Mischief:
        """Every callback goes the same way (tests)."""
        return cls(0, ((plan, 1),), lost_replies, errors, silent, 0.0, 0.0, late_money)

    def plan(self, ordinal: int) -> str:
        """The name of the plan for the `ordinal`th payment that was paid."""
        names, weights = zip(*self.weights, strict=True)
        return str(random.Random(f"{self.seed}/pay/{ordinal}").choices(names, weights)[0])

    def loses_reply(self, ordinal: int) -> bool:
        """Whether the answer to the `ordinal`th refund gets lost."""
        return random.Random(f"{self.seed}/refund/{ordinal}").random() < self.lost_replies

    def answer(self, ordinal: int) -> str:
        """How the `ordinal`th question is answered: ok, error, silent, late."""
        drawn = random.Random(f"{self.seed}/answer/{ordinal}").random()
        for name, share in (("error", self.errors), ("silent", self.silent), ("late", self.late)):
            if drawn < share:
                return name
            drawn -= share
        return "ok"

    def pays_anyway(self, out_trade_no: str) -> bool:
        """Whether this payment can be paid although it was closed."""
        return random.Random(f"{self.seed}/closed/{out_trade_no}").random() < self.late_money
