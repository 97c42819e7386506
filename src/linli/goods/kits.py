"""Kits (净菜套餐): assembled at a station out of what lies there, by a bill of materials; never more than that allows.

A station ("station:<name>") holds quota of components as any place does. Assembling moves it into "in-kits" and opens the
kit's quota beside it, in one commit: the components' floors are the judge. Group-buys of a kit are filled from the station.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Sum

from linli.goods import quota
from linli.goods.events import KitsAssembled, KitsTakenApart, PiecesLost
from linli.goods.models import KitPart, KitRun, Sku
from linli.kernel import clocks, events, ledger
from linli.kernel.events import Fact
from linli.kernel.ledger import AccountRef, Move
from linli.kernel.refusals import Refusal
from linli.people import queries as people

LOSSES = ("spoiled", "damaged", "short", "expired")
MOST = 100_000


@dataclass(frozen=True)
class Part:
    """A component of a kit: so many pieces of it in each."""

    sku: str
    pieces: int


@dataclass(frozen=True)
class Assembled:
    """What an assembly came to: what one kit cost, and until when it is good."""

    quantity: int
    unit_cost_minor: int
    best_before: date | None


def place(station: str) -> str:
    """Where a station's pieces lie. Raises Refusal: goods.bad_station."""
    if not 0 < len(station) <= 48 or not station.replace("-", "").isalnum() or not station.isascii():
        raise Refusal("goods.bad_station")
    return f"station:{station}"


def in_kits(region: str, sku: str, at: str) -> AccountRef:
    """Pieces of a component that are in kits by now."""
    return AccountRef(region=region, asset=f"sku:{sku}", owner=at, purpose="in-kits")


def lost(region: str, sku: str, at: str) -> AccountRef:
    """Pieces that were lost there."""
    return AccountRef(region=region, asset=f"sku:{sku}", owner=at, purpose="lost")


@transaction.atomic
def put_bill(*, region: str, kit: str, parts: Mapping[str, int]) -> None:
    """Say what is in a kit. What has been assembled keeps what it was made of: kits still at a station must be taken apart first.

    Raises Refusal: goods.no_such_sku(sku), goods.not_a_kit(sku), goods.bad_bill, goods.kits_left(sku).
    """
    found = {s.code: s for s in Sku.objects.select_for_update().filter(region=region, code__in=[kit, *parts]).order_by("pk")}
    for code in (kit, *parts):
        if code not in found:
            raise Refusal("goods.no_such_sku", sku=code)
    if found[kit].kind != Sku.Kind.KIT:
        raise Refusal("goods.not_a_kit", sku=kit)
    simple = all(found[c].kind == Sku.Kind.GOOD for c in parts)
    if not parts or not simple or any(type(n) is not int or not 1 <= n <= 1000 for n in parts.values()):
        raise Refusal("goods.bad_bill")
    if bill(region, kit) == [Part(c, n) for c, n in sorted(parts.items())]:
        return
    if any(ledger.balance(quota.account(region, kit, at)).balance for at in stations(region, kit)):
        raise Refusal("goods.kits_left", sku=kit)
    KitPart.objects.filter(region=region, kit_code=kit).delete()
    KitPart.objects.bulk_create([KitPart(region=region, kit_code=kit, component_code=c, pieces=n) for c, n in parts.items()])


def bill(region: str, kit: str) -> list[Part]:
    """What is in a kit, by component."""
    return [Part(p.component_code, p.pieces) for p in KitPart.objects.filter(region=region, kit_code=kit).order_by("component_code")]


def stations(region: str, kit: str) -> list[str]:
    """The places where a kit was ever assembled."""
    return sorted(set(KitRun.objects.filter(region=region, sku_code=kit, kind=KitRun.Kind.ASSEMBLED).values_list("place", flat=True)))


@transaction.atomic
def assemble(*, region: str, kit: str, station: str, quantity: int, by: str, key: str) -> Assembled:
    """Make kits out of what lies at the station; their cost is their components'. Once a key.

    Raises Refusal: goods.no_bill(sku), goods.bad_quantity, goods.short_of(sku, left), goods.key_reused, goods.bad_station.
    """
    at = place(station)
    sku, parts = _kit(region, kit, quantity)
    if (same := _before(region, key, KitRun.Kind.ASSEMBLED, kit, at, quantity)) is not None:
        return Assembled(same.quantity, same.unit_cost_minor, same.best_before)
    found = {s.code: s for s in Sku.objects.filter(region=region, code__in=[p.sku for p in parts])}
    cost = sum(found[p.sku].cost_minor * p.pieces for p in parts)
    good_for = min(sku.shelf_life_days, *(found[p.sku].shelf_life_days for p in parts))
    run = KitRun.objects.create(
        region=region,
        key=key,
        kind=KitRun.Kind.ASSEMBLED,
        sku_code=kit,
        place=at,
        quantity=quantity,
        parts={p.sku: p.pieces for p in parts},
        unit_cost_minor=cost,
        best_before=_today(region) + timedelta(days=good_for),
        by=by,
        at=clocks.business_now(),
    )
    Sku.objects.filter(pk=sku.pk).exclude(cost_minor=cost).update(cost_minor=cost)
    _tell(run, KitsAssembled(kit, at, quantity, cost * quantity, by))
    ledger.open(quota.supply(region, kit), floor=None)
    _commit(*_taken(region, at, parts, quantity, key), _opened(region, kit, at, quantity, key))
    return Assembled(quantity, cost, run.best_before)


def _taken(region: str, at: str, parts: list[Part], quantity: int, key: str) -> list[Move]:
    return [
        Move(
            key=f"kit/{key}/{p.sku}",
            source=quota.account(region, p.sku, at),
            target=in_kits(region, p.sku, at),
            amount=p.pieces * quantity,
            reason="goods.kits_assembled",
        )
        for p in parts
    ]


def _opened(region: str, kit: str, at: str, quantity: int, key: str) -> Move:
    source, target = quota.supply(region, kit), quota.account(region, kit, at)
    return Move(key=f"kit/{key}", source=source, target=target, amount=quantity, reason="goods.kits_assembled")


def _commit(*moves: Move) -> None:
    """Ask the ledger, and say which pieces are short."""
    try:
        ledger.commit(*moves)
    except Refusal as refusal:
        account = refusal.facts.get("account")
        if refusal.code != "ledger.insufficient" or not isinstance(account, AccountRef):
            raise
        raise Refusal("goods.short_of", sku=account.asset.removeprefix("sku:"), left=refusal.facts.get("free", 0)) from refusal


@transaction.atomic
def disassemble(*, region: str, kit: str, station: str, quantity: int, by: str, key: str) -> None:
    """Take kits apart that nobody has offered yet; their components may be sold again. Once a key.

    Raises Refusal: goods.no_bill(sku), goods.bad_quantity, goods.short_of(sku, left), goods.key_reused, goods.bad_station.
    """
    at = place(station)
    sku, parts = _kit(region, kit, quantity)
    if _before(region, key, KitRun.Kind.DISASSEMBLED, kit, at, quantity) is not None:
        return
    _run(region, key, KitRun.Kind.DISASSEMBLED, kit, at, quantity, sku.cost_minor, by)
    events.append(KitsTakenApart(kit, at, quantity, sku.cost_minor * quantity, by), region=region, subject=f"sku:{kit}")
    back = [
        Move(
            key=f"kit/{key}/{p.sku}",
            source=in_kits(region, p.sku, at),
            target=quota.account(region, p.sku, at),
            amount=p.pieces * quantity,
            reason="goods.kits_taken_apart",
        )
        for p in parts
    ]
    source, target = quota.account(region, kit, at), quota.supply(region, kit)
    _commit(Move(key=f"kit/{key}", source=source, target=target, amount=quantity, reason="goods.kits_taken_apart"), *back)


@transaction.atomic
def lose(*, region: str, sku: str, station: str, quantity: int, reason: str, by: str, key: str) -> None:
    """Pieces (of a kit or a component) at a station are lost: they can't be offered any more. Once a key.

    Raises Refusal: goods.no_such_sku(sku), goods.bad_quantity, goods.bad_loss, goods.short_of(sku, left), goods.key_reused,
    goods.bad_station.
    """
    at = place(station)
    found = Sku.objects.filter(region=region, code=sku).first()
    if found is None:
        raise Refusal("goods.no_such_sku", sku=sku)
    _check_quantity(quantity)
    if reason not in LOSSES:
        raise Refusal("goods.bad_loss")
    if _before(region, key, KitRun.Kind.LOST, sku, at, quantity) is not None:
        return
    _run(region, key, KitRun.Kind.LOST, sku, at, quantity, found.cost_minor, by, reason)
    events.append(PiecesLost(sku, at, quantity, found.cost_minor * quantity, reason, by), region=region, subject=f"sku:{sku}")
    source, target = quota.account(region, sku, at), lost(region, sku, at)
    _commit(Move(key=f"kit/{key}", source=source, target=target, amount=quantity, reason="goods.pieces_lost"))


def _run(region: str, key: str, kind: str, sku: str, at: str, quantity: int, cost: int, by: str, reason: str = "") -> None:
    KitRun.objects.create(
        region=region,
        key=key,
        kind=kind,
        sku_code=sku,
        place=at,
        quantity=quantity,
        unit_cost_minor=cost,
        reason=reason,
        by=by,
        at=clocks.business_now(),
    )


def _kit(region: str, kit: str, quantity: int) -> tuple[Sku, list[Part]]:
    """The kit, locked, so that its bill can't change meanwhile, and its bill."""
    _check_quantity(quantity)
    sku = Sku.objects.select_for_update().filter(region=region, code=kit, kind=Sku.Kind.KIT).first()
    parts = bill(region, kit)
    if sku is None or not parts:
        raise Refusal("goods.no_bill", sku=kit)
    return sku, parts


def _check_quantity(quantity: int) -> None:
    if type(quantity) is not int or not 1 <= quantity <= MOST:
        raise Refusal("goods.bad_quantity")


def _before(region: str, key: str, kind: str, sku: str, at: str, quantity: int) -> KitRun | None:
    if not 0 < len(key) <= 64 or not key.isprintable():
        raise Refusal("goods.key_reused")
    same = KitRun.objects.filter(region=region, key=key).first()
    if same is not None and (same.kind, same.sku_code, same.place, same.quantity) != (kind, sku, at, quantity):
        raise Refusal("goods.key_reused")
    return same


def _tell(run: KitRun, fact: Fact) -> None:
    events.append(fact, region=run.region, subject=f"sku:{run.sku_code}")


def _today(region: str) -> date:
    found = people.region(region)
    return clocks.business_now().astimezone(ZoneInfo(found.time_zone if found else "UTC")).date()


def possible(region: str, kit: str, station: str) -> int:
    """How many kits the components at a station allow now: the scarcest one tells."""
    at = place(station)
    return min((ledger.balance(quota.account(region, p.sku, at)).free // p.pieces for p in bill(region, kit)), default=0)


@dataclass(frozen=True)
class LossRate:
    """Lost of what was assembled of a kit at a place, in pieces."""

    sku: str
    place: str
    assembled: int
    lost: int

    @property
    def share(self) -> float:
        """Lost of assembled; 0 when nothing was."""
        return self.lost / self.assembled if self.assembled else 0.0


def loss_rates(region: str) -> list[LossRate]:
    """What was lost of each kit at each station, the worst first."""
    rows = KitRun.objects.filter(region=region).values("sku_code", "place", "kind").annotate(pieces=Sum("quantity"))
    found: dict[tuple[str, str], dict[str, int]] = {}
    for r in rows:
        found.setdefault((r["sku_code"], r["place"]), {})[r["kind"]] = r["pieces"]
    made = [LossRate(s, p, n["assembled"] - n.get("disassembled", 0), n.get("lost", 0)) for (s, p), n in found.items() if "assembled" in n]
    return sorted(made, key=lambda r: (-r.share, r.sku))


@dataclass(frozen=True)
class StationStock:
    """A kit at a station: `free` can be offered, `possible` more could be assembled from the components there."""

    sku: str
    station: str
    free: int
    possible: int
    best_before: date | None


def stock(region: str, kit: str) -> list[StationStock]:
    """A kit at every station that ever held it."""
    return [
        StationStock(
            kit,
            at.removeprefix("station:"),
            ledger.balance(quota.account(region, kit, at)).free,
            possible(region, kit, at.removeprefix("station:")),
            KitRun.objects.filter(region=region, sku_code=kit, place=at, kind=KitRun.Kind.ASSEMBLED)
            .order_by("-at")
            .values_list("best_before", flat=True)
            .first(),
        )
        for at in stations(region, kit)
    ]


@dataclass(frozen=True)
class Run:
    """One line of a kit's history."""

    kind: str
    sku: str
    place: str
    quantity: int
    unit_cost_minor: int
    reason: str
    best_before: date | None
    by: str
    at: object


def runs(region: str, kit: str, *, limit: int = 30) -> list[Run]:
    """What happened to a kit, newest first."""
    found = KitRun.objects.filter(region=region, sku_code=kit).order_by("-at", "-pk")[:limit]
    return [
        Run(r.kind, r.sku_code, r.place.removeprefix("station:"), r.quantity, r.unit_cost_minor, r.reason, r.best_before, r.by, r.at)
        for r in found
    ]
