"""The leader's earnings: today, pending, available; a statement to check line by line; withdrawing."""

from __future__ import annotations

from datetime import date

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from linli.kernel import money
from linli.kernel.refusals import Refusal
from linli.trade import queries as trade
from linli.trade import terms, withdrawals
from linli.trade.queries import MonthStatement
from linli.web.access import allow
from linli.web.console.frame import csv_file
from linli.web.phone.aftersale import currency_of, minor
from linli.web.phone.asking import actor_of, key_of, leader_page, new_key, remember
from linli.web.words import code

HEAD = ("at", "kind", "order", "goods", "base", "rate_percent", "amount", "balance", "reference")


@allow("leader")
@never_cache
@require_GET
def earnings(request: HttpRequest) -> HttpResponse:
    """What there is, what is to come, what was withdrawn, and this month's statement."""
    actor = actor_of(request)
    person = actor.person_id or 0
    first, until = trade.month_of(actor.region, request.GET.get("month", ""))
    statement = trade.statement(actor.region, person, first, until)
    now = trade.leader_money(actor.region, person)
    page = {
        "money": now,
        "statement": statement,
        "lines": statement.lines[::-1],
        "pending": trade.pending(actor.region, person, limit=50),
        "withdrawals": trade.withdrawals(actor.region, person_id=person, limit=10),
        "terms": terms.of(actor.region),
        "month": f"{first:%Y-%m}",
        "before": f"{_step(first, -1):%Y-%m}",
        "after": f"{until:%Y-%m}" if until <= trade.month_of(actor.region, "")[0] else "",
        "key": new_key(),
        "currency": now.currency,
    }
    return leader_page(request, "phone/leader/earnings.html", "earnings", page)


def _step(first: date, months: int) -> date:
    number = first.year * 12 + first.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)


@allow("leader")
@require_GET
def export(request: HttpRequest) -> HttpResponseBase:
    """A month ("2017-10") or a year ("2017") of the statement as CSV."""
    actor = actor_of(request)
    first, until = trade.month_of(actor.region, request.GET.get("month", ""))
    return statement_file(trade.statement(actor.region, actor.person_id or 0, first, until), currency_of(actor.region))


def statement_file(statement: MonthStatement, currency: str) -> HttpResponseBase:
    """A statement as CSV: opening, each line with the balance after it, closing."""
    symbol = money.CURRENCIES[currency].symbol

    def amount(value: int) -> str:
        return money.plain(value, currency).replace(symbol, "").replace(",", "")

    rows = [(f"{statement.first:%Y-%m-%d}", "opening", "", "", "", "", "", amount(statement.opening_minor), "")]
    rows += [
        (
            line.at.isoformat(timespec="seconds"),
            code(f"statement.{line.kind}"),
            line.order_no,
            line.name_zh,
            amount(line.base_minor) if line.base_minor else "",
            f"{line.rate_bp / 100:g}" if line.rate_bp else "",
            amount(line.amount_minor),
            amount(line.balance_minor),
            line.reference,
        )
        for line in statement.lines
    ]
    rows.append((f"{statement.until:%Y-%m-%d}", "closing", "", "", "", "", "", amount(statement.closing_minor), ""))
    return csv_file(f"statement-{statement.first:%Y-%m}", HEAD, rows)


@allow("leader")
@require_POST
def withdraw(request: HttpRequest) -> HttpResponse:
    """Ask for earnings to be paid out."""
    actor = actor_of(request)
    currency = currency_of(actor.region)
    amount = minor(request.POST.get("amount", ""), currency)
    try:
        withdrawals.request(region=actor.region, person_id=actor.person_id or 0, amount_minor=amount, key=key_of(request))
    except Refusal as refused:
        remember(request, refused, actor.region)
    else:
        messages.success(request, _("已申请提现 %(amount)s，运营审核后打款") % {"amount": money.plain(amount, currency)})
    return HttpResponseRedirect(reverse("leader:earnings"))
