"""The console's part of a member's rights: a copy of what is known, an erasure asked for on the phone, or done at once."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from linli.kernel.refusals import Refusal
from linli.people import erasure
from linli.people import queries as people
from linli.trade import erasure as trade_erasure
from linli.web import words
from linli.web.access import allow, in_region
from linli.web.copies import as_file


def standing(member_id: int) -> dict[str, Any]:
    """What the member's page shows of it: a request that stands, and how much of what is unfinished."""
    left = trade_erasure.unfinished(member_id)
    return {"erasure": erasure.waiting(member_id), "unfinished": {name: count for name, count in left.items() if count}}


def _one(request: HttpRequest, member_id: int) -> people.MemberInfo:
    info = people.member(member_id)
    if info is None:
        raise Http404
    in_region(request.actor, info.region)  # type: ignore[attr-defined]
    return info


@allow("operator")
@require_GET
def copy(request: HttpRequest, member_id: int) -> HttpResponse:
    """What the shop keeps about the member, for them, as a file."""
    info = _one(request, member_id)
    return as_file(info.member_id, info.region)


@allow("operator")
@require_POST
def change(request: HttpRequest, member_id: int) -> HttpResponse:
    """Ask for the erasure, take it back, or do it now."""
    info, by = _one(request, member_id), f"person:{request.actor.person_id}"  # type: ignore[attr-defined]
    what, there = request.POST.get("what", ""), reverse("console:member", args=[member_id])
    try:
        if what == "request":
            erasure.request(member_id=info.member_id, by=by)
            messages.success(request, _("登记了注销，到期自动办理"))
        elif what == "withdraw":
            erasure.withdraw(member_id=info.member_id, by=by)
            messages.success(request, _("取消了注销"))
        elif what == "now" and request.POST.get("sure") == "1":
            trade_erasure.erase(member_id=info.member_id, by=by)
            messages.success(request, _("已注销，这位会员的资料都删掉了"))
            there = reverse("console:members")
        else:
            raise Http404
    except Refusal as refused:
        says, do = words.refusal(refused)
        messages.error(request, f"{says} {do}")
    return HttpResponseRedirect(there)
