"""What a product page tells beside the price: teams that still have a seat, and what a kit or bundle holds."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from linli.goods import kits
from linli.goods import queries as goods
from linli.goods.queries import SkuInfo
from linli.trade.queries import vouchers
from linli.trade.queries.groups import GroupCard, TeamInfo
from linli.trade.queries.vouchers import Brought
from linli.web.phone import shelf


@dataclass(frozen=True)
class Team:
    """A team that is being filled: who is in (surnames of those who agreed), how many seats are left, until when."""

    team_id: str
    faces: list[int]
    names: str
    seats_left: int
    size: int
    left: shelf.Timer
    mine: bool

    @property
    def free(self) -> range:
        """A place to draw for each free seat."""
        return range(min(self.seats_left, 4))


@dataclass(frozen=True)
class Piece:
    """One thing inside a kit."""

    thing: SkuInfo
    quantity: int


def teams(card: GroupCard, member_id: int) -> list[Team]:
    """Teams that somebody else started and that still have a seat, the fullest first."""
    others = [t for t in card.teams if t.seats_left and t.state == "open" and not _in(t, member_id)]
    return [_team(t, member_id) for t in sorted(others, key=lambda t: (t.seats_left, t.deadline_at))]


def own_team(card: GroupCard, member_id: int) -> Team | None:
    """The team that the member has started or joined and that still waits for others."""
    return next((_team(t, member_id) for t in card.teams if t.state == "open" and _in(t, member_id)), None)


def _in(team: TeamInfo, member_id: int) -> bool:
    return any(n.member_id == member_id for n in team.members)


def _team(team: TeamInfo, member_id: int) -> Team:
    names = [_("%s家") % n.surname for n in team.members if n.surname]
    return Team(
        team_id=team.team_id,
        faces=[n.member_id for n in team.members],
        names=_("%s的队") % names[-1] if names else _("邻居的队"),
        seats_left=team.seats_left,
        size=team.size,
        left=shelf.shop_timer(team.deadline_at),
        mine=_in(team, member_id),
    )


def inside(card: GroupCard) -> list[Piece]:
    """What a kit holds; nothing for a plain good."""
    parts = kits.bill(card.region, card.sku.code) if card.sku.kind == "kit" else []
    if not parts:
        return []
    skus = goods.skus(card.region, {part.sku for part in parts})
    return [Piece(skus[part.sku], part.pieces) for part in parts if part.sku in skus]


def voucher(card: GroupCard) -> Brought | None:
    """The voucher that each piece of a bundle, or a service by itself, brings along."""
    if card.sku.kind not in ("bundle", "service"):
        return None
    return vouchers.brought(card.region, [card.sku.code]).get(card.sku.code)
