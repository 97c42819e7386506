"""Leaders' money: what they earn, their statement, withdrawals."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from pydantic import Field

from linli.people import queries as people
from linli.trade import commission
from linli.trade import queries as trade
from linli.trade import withdrawals as verbs
from linli.trade.queries import LeaderMoney, MonthStatement, PendingLine, WithdrawalInfo
from linli.web.api.areas import own
from linli.web.api.operations import Area, Call
from linli.web.api.shapes import Done, Grounds, Id, In, Out, PathCode

area = Area("money", "Commission and withdrawals")


class Wish(In):
    """How much of the earnings to pay out."""

    amount_minor: Annotated[int, Field(strict=True, ge=1, le=10**12)]


class Payment(In):
    """Under which number the money was sent."""

    reference: Annotated[str, Field(min_length=1, max_length=64)]


class Rate(Out):
    """A commission rate in basis points, of a SKU or of a layer of the pyramid."""

    kind: str
    target: str
    rate_bp: int


class NewRate(In):
    """A rate to be set; null takes it away."""

    rate_bp: Annotated[int, Field(strict=True, ge=0, le=5000)] | None


class Withdrawal(Out):
    """A withdrawal as it stands."""

    withdrawal_id: uuid.UUID
    amount_minor: int
    state: str


def _whose(request: Call, person_id: int | None) -> int:
    """Whose money: a leader's own, an operator names a leader of the region. Raises Refusal: api.not_here."""
    if not own.is_operator(request):
        if person_id not in (None, request.actor.person_id):
            own.missing()
        return request.actor.person_id or 0
    if person_id is None or not any(r.kind == "leader" and r.region == request.actor.region for r in people.roles_of(person_id)):
        own.missing()
    return person_id


@area.get("/earnings", who=("operator", "leader"), response=list[LeaderMoney])
def list_earnings(request: Call) -> Any:
    """What leaders have earned, may withdraw and owe: an operator's all, a leader's own."""
    if own.is_operator(request):
        return trade.leaders_money(request.actor.region)
    return [trade.leader_money(request.actor.region, request.actor.person_id or 0)]


@area.get("/earnings/statement", who=("operator", "leader"), response=MonthStatement)
def get_statement(request: Call, first: date, until: date, person_id: Id | None = None) -> Any:
    """A leader's statement from `first` up to `until`: opening, every line, closing."""
    whose = _whose(request, person_id)
    if not date(2000, 1, 1) <= first < until <= date(2200, 1, 1) or until - first > timedelta(days=366):
        own.missing()
    return trade.statement(request.actor.region, whose, first, until)


@area.get("/earnings/pending", who=("operator", "leader"), response=list[PendingLine])
def list_pending(request: Call, person_id: Id | None = None) -> Any:
    """A leader's commission in its cool-off, what is due first on top."""
    return trade.pending(request.actor.region, _whose(request, person_id))


@area.get("/commission-rates", who=("operator",), response=list[Rate])
def list_rates(request: Call) -> Any:
    """The rates that are set; what has none earns the region's default."""
    found = commission.rates(request.actor.region)
    return [{"kind": kind, "target": target, "rate_bp": bp} for (kind, target), bp in sorted(found.items())]


@area.put("/commission-rates/{kind}/{target}", who=("operator",), response=Done)
def put_rate(request: Call, kind: Literal["sku", "layer"], target: PathCode, body: NewRate) -> Any:
    """Set the rate of a SKU or a layer, for what is handed over from now on."""
    commission.put_rate(region=request.actor.region, kind=kind, target=target, rate_bp=body.rate_bp, by=request.by)
    return {}


@area.get("/withdrawals", who=("operator", "leader"), response=list[WithdrawalInfo])
def list_withdrawals(request: Call, state: Literal["requested", "approved", "refused", "paid"] | None = None) -> Any:
    """Withdrawals, those that wait for a decision first."""
    mine = None if own.is_operator(request) else request.actor.person_id
    return trade.withdrawals(request.actor.region, person_id=mine, state=state or "")


@area.post("/withdrawals", who=("leader",), response=Withdrawal, status=201)
def request_withdrawal(request: Call, body: Wish) -> Any:
    """Ask for earnings to be paid out; they are held from now on."""
    person = request.actor.person_id or 0
    return verbs.request(region=request.actor.region, person_id=person, amount_minor=body.amount_minor, key=request.key)


@area.post("/withdrawals/{withdrawal_id}/approve", who=("operator",), response=Withdrawal)
def approve_withdrawal(request: Call, withdrawal_id: uuid.UUID) -> Any:
    """Agree to a withdrawal; nobody agrees to their own."""
    return verbs.approve(withdrawal_id=withdrawal_id, region=request.actor.region, by=request.actor.person_id or 0)


@area.post("/withdrawals/{withdrawal_id}/refuse", who=("operator",), response=Withdrawal)
def refuse_withdrawal(request: Call, withdrawal_id: uuid.UUID, body: Grounds) -> Any:
    """Decline a withdrawal and say why: the amount is the leader's again."""
    return verbs.refuse(withdrawal_id=withdrawal_id, region=request.actor.region, by=request.actor.person_id or 0, why=body.why)


@area.post("/withdrawals/{withdrawal_id}/paid", who=("operator",), response=Withdrawal)
def pay_withdrawal(request: Call, withdrawal_id: uuid.UUID, body: Payment) -> Any:
    """The money has been sent, under this number."""
    person = request.actor.person_id or 0
    return verbs.paid(withdrawal_id=withdrawal_id, region=request.actor.region, by=person, reference=body.reference)
