"""The leader's today: whom to write to and why, the words, the coupon; one tap does the whole job."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRefresh

from linli.engage import queries as engage
from linli.engage import tasks as verbs
from linli.engage.shapes import TaskBoard, TaskCard
from linli.goods import queries as goods
from linli.kernel import clocks
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.people.queries import MemberInfo
from linli.trade import desk
from linli.trade import queries as trade
from linli.web import words
from linli.web.access import allow
from linli.web.context import english
from linli.web.phone.asking import actor_of, key_of, leader_page, new_key, remember, request_is_part, told
from linli.web.templatetags.linli import local_name

MOST_REASONS = 3
"""What a leader reads in passing; the rest is on the member's page of the console."""

SHOWS = ("open", "contact", "done", "all")


@dataclass(frozen=True)
class Shown:
    """A task with everything in words. `key` makes its buttons harmless when tapped twice."""

    task: TaskCard
    member: MemberInfo | None
    name: str
    reasons: list[str]
    usual: list[str]
    likely: list[str]
    words: str
    key: str


def name_of(task: TaskCard, member: MemberInfo | None) -> str:
    """How the leader knows the member: the surname where there is one, else the name in the books."""
    if task.surname:
        return _("%s家") % task.surname
    return member.display_name if member and member.display_name else _("会员 %s") % task.member_id


def sentence(text: str) -> str:
    """The text closed with a full stop of the page's language, unless it already ends."""
    return text if text.endswith(("。", "！", "？", ".", "!", "?")) else text + (". " if english() else "。")


def shown(tasks: list[TaskCard], region: str) -> list[Shown]:
    """Tasks ready to be drawn; a handful of statements for any number. What is likely wanted is said of what is on sale there."""
    members = people.members({t.member_id for t in tasks})
    skus = goods.skus(region) if tasks else {}
    names = {s.item: local_name(s) for s in skus.values()}
    on_sale = trade.on_offer(region) if tasks else {}
    rows = []
    for t in tasks:
        member = members.get(t.member_id)
        reasons = [sentence(words.code(r.code, **{"currency": t.currency, **r.facts})) for r in t.reasons[:MOST_REASONS]]
        usual = [names[kind] for kind in t.usual_goods if kind in names][:3]
        here = {skus[code].item for code in on_sale.get(t.community_id, ()) if code in skus}
        likely = [names[item] for item in t.likely_goods if item in here][:3]
        rows.append(Shown(t, member, name_of(t, member), reasons, usual, likely, t.said or t.words, new_key()))
    return rows


def orders_today(region: str, community_ids: tuple[int, ...]) -> int:
    """Orders placed on the shop's day in the leader's communities, by rows newest first."""
    day = timezone.localtime(clocks.business_now()).date()
    return sum(
        sum(1 for _row in takewhile(lambda r: timezone.localtime(r.placed_at).date() >= day, desk.order_rows(region, community_id=c)))
        for c in community_ids
    )


def _board(request: HttpRequest, show: str) -> TaskBoard:
    actor = actor_of(request)
    return engage.tasks_today(actor.region, list(actor.community_ids), show=show)


def part_of_day(now_hour: int) -> str:
    """The greeting of the hour."""
    if now_hour < 11:
        return _("早上好")
    if now_hour < 13:
        return _("中午好")
    return _("下午好") if now_hour < 18 else _("晚上好")


@allow("leader")
@never_cache
@require_GET
def today(request: HttpRequest) -> HttpResponse:
    """Greeting, three figures, the tasks of the filter."""
    actor = actor_of(request)
    show = request.GET.get("show", "open")
    board = _board(request, show if show in SHOWS else "open")
    now = clocks.business_now()
    page: dict[str, Any] = {
        "board": board,
        "show": show,
        "tasks": shown(list(board.tasks), actor.region),
        "hello": part_of_day(timezone.localtime(now).hour),
        "orders_today": orders_today(actor.region, actor.community_ids),
        "waiting": sum(len(trade.handouts(c)) for c in actor.community_ids),
        "skip_reasons": [(code, words.code(f"engage.skip.{code}")) for code in verbs.SKIP_REASONS],
    }
    return leader_page(request, "phone/leader/today.html", "today", page)


def _done(request: HttpRequest, task_id: int, says: str) -> HttpResponse:
    """The card goes, the toast with its undo comes; without htmx the page comes back whole."""
    if not request_is_part(request):
        return HttpResponseRedirect(reverse("leader:today"))
    page = {"board": _board(request, "open"), "task_id": task_id, "says": says, "key": new_key()}
    return render(request, "phone/leader/part_done.html", page)


def _declined(request: HttpRequest, refused: Refusal) -> HttpResponse:
    actor = actor_of(request)
    if not request_is_part(request):
        remember(request, refused, actor.region)
        return HttpResponseRedirect(reverse("leader:today"))
    answer = render(request, "phone/leader/part_declined.html", {"error": told(refused, actor.region)})
    answer["HX-Reswap"] = "none"
    return answer


@allow("leader")
@require_POST
def confirm(request: HttpRequest, task_id: int) -> HttpResponse:
    """The leader said it: the task is done and its coupons are the member's."""
    actor = actor_of(request)
    said = request.POST.get("words", "").replace("\0", "").strip()[:1000] or None
    try:
        done = verbs.confirm(
            region=actor.region,
            task_id=task_id,
            by=actor.person_id or 0,
            community_ids=list(actor.community_ids),
            words_said=said,
            key=key_of(request),
        )
    except Refusal as refused:
        return _declined(request, refused)
    says = _("话已复制，券已发到对方账上") if done.coupon_ids else _("话已复制，记为已联系")
    return _done(request, task_id, says)


@allow("leader")
@require_POST
def skip(request: HttpRequest, task_id: int) -> HttpResponse:
    """Not this one, with a reason."""
    actor = actor_of(request)
    try:
        verbs.skip(
            region=actor.region,
            task_id=task_id,
            by=actor.person_id or 0,
            community_ids=list(actor.community_ids),
            reason=request.POST.get("reason", ""),
            key=key_of(request),
        )
    except Refusal as refused:
        return _declined(request, refused)
    return _done(request, task_id, _("已跳过"))


@allow("leader")
@require_POST
def undo(request: HttpRequest, task_id: int) -> HttpResponse:
    """Take back the last tap: the task is open again, and its unused coupons are gone."""
    actor = actor_of(request)
    try:
        verbs.undo(
            region=actor.region, task_id=task_id, by=actor.person_id or 0, community_ids=list(actor.community_ids), key=key_of(request)
        )
    except Refusal as refused:
        return _declined(request, refused)
    return HttpResponseClientRefresh() if request_is_part(request) else HttpResponseRedirect(reverse("leader:today"))
