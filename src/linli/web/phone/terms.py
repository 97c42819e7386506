"""A group-buy's terms in words and figures: how far it is in its own measure, its ladder, what a miss means, its teams."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from linli.kernel import money
from linli.trade.queries import GroupCard

POOLED, TEAM, FLASH, PRESALE = "pooled", "team", "flash", "presale"


@dataclass(frozen=True)
class Goal:
    """How far a group-buy is from succeeding, in pieces, people (households) or money."""

    by: str
    have: int
    need: int
    currency: str

    @property
    def missing(self) -> int:
        return max(0, self.need - self.have)

    @property
    def reached(self) -> bool:
        return not self.missing

    @property
    def near(self) -> float:
        """The missing share of the way: 0 is reached."""
        return self.missing / self.need

    def _told(self, figure: int) -> str:
        return money.price(figure, self.currency).removesuffix(".00") if self.by == "amount" else str(figure)

    def _unit(self, figure: int) -> str:
        """A figure with its unit."""
        if self.by == "amount":
            return self._told(figure)
        return (_("%(n)s 户") if self.by == "people" else _("%(n)s 份")) % {"n": figure}

    @property
    def lacks(self) -> str:
        """还差 6 份."""
        return _("还差 %(what)s") % {"what": self._unit(self.missing)}

    @property
    def calls(self) -> str:
        """再来 6 份就成团."""
        return _("再来 %(what)s就成团") % {"what": self._unit(self.missing)}

    @property
    def wants(self) -> str:
        """满 40 份成团."""
        return _("满 %(what)s成团") % {"what": self._unit(self.need)}

    @property
    def need_words(self) -> str:
        """40 份."""
        return self._unit(self.need)

    @property
    def have_words(self) -> str:
        """34."""
        return self._told(self.have)

    @property
    def label(self) -> str:
        """The progress for a reader of the screen."""
        return _("已有 %(have)s，%(need)s成团") % {"have": self._unit(self.have), "need": self._unit(self.need)}


def goal(card: GroupCard, currency: str) -> Goal:
    """The card's goal in its own measure."""
    return Goal(card.threshold_by, card.progress, card.threshold, currency)


@dataclass(frozen=True)
class Rung:
    """A price of the ladder: from so many pieces on. `here` is the price as it stands, `next` the one to come."""

    pieces: int
    price_minor: int
    missing: int
    here: bool
    next: bool
    reached: bool


@dataclass(frozen=True)
class Ladder:
    """The ladder with where the group stands on it; `x`, `steps` and `area` draw it in a box of 300 x 48."""

    rungs: list[Rung]
    price_minor: int
    x: int
    line: str
    area: str
    dot: int

    @property
    def next(self) -> Rung | None:
        return next((r for r in self.rungs if r.next), None)

    @property
    def last(self) -> Rung:
        return self.rungs[-1]


WIDTH, TOP, BOTTOM = 300, 6, 38
"""The drawing's width, and between which heights the stairs go down."""


def ladder(card: GroupCard) -> Ladder | None:
    """The card's ladder; None when it has one price only."""
    higher = [(int(n), int(p)) for n, p in card.ladder]
    if not higher:
        return None
    have = card.joined_pieces
    steps = [(0, card.price_minor), *higher]
    here = max(i for i, (pieces, _price) in enumerate(steps) if have >= pieces)
    rungs = [
        Rung(pieces, price, max(0, pieces - have), i == here, i == here + 1, have >= pieces) for i, (pieces, price) in enumerate(steps)
    ]
    # Every step is as wide as the others, so that a far rung doesn't squeeze the near ones; inside its step the way is to scale.
    wide = WIDTH / len(steps)
    drop = (BOTTOM - TOP) / (len(steps) - 1)
    low = steps[here][0]
    high = steps[here + 1][0] if here + 1 < len(steps) else max(low + 1, have)
    x = round(wide * (here + min(1, (have - low) / max(1, high - low))))
    corners = []
    for i in range(len(steps)):
        y = round(TOP + drop * i)
        corners += [f"{round(wide * i)} {y}", f"{round(wide * (i + 1))} {y}"]
    line = "M" + " L".join(corners)
    return Ladder(rungs, steps[here][1], max(6, min(WIDTH - 6, x)), line, f"{line} L{WIDTH} 48 L0 48 Z", round(TOP + drop * here))


def miss_words(card: GroupCard, aim: Goal) -> str:
    """What happens when it is missed, as a promise."""
    need = {"need": aim.need_words}
    on_miss = card.on_miss
    if on_miss == "extend":
        return _("未满 %(need)s，再等 %(hours)s 小时；还不满，全额退回") % (need | {"hours": card.extend_hours})
    if on_miss == "ship_short":
        return _("未满 %(need)s也照常送") % need
    if on_miss == "buy_in":
        return _("未满 %(need)s也会买到，最晚多等一天") % need
    return _("未满 %(need)s，全额退回") % need


def badge(card: GroupCard) -> str:
    """The kind in a word, where it isn't the ordinary one."""
    kind = card.kind
    if kind == TEAM:
        return _("%(n)s 人拼团") % {"n": card.team_size}
    return {FLASH: _("限时"), PRESALE: _("预售")}.get(kind, "")
