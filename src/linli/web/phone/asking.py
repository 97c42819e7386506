"""What every phone view needs: who asks, keys that make a repeated tap harmless, and refusals as words."""

from __future__ import annotations

import re
import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from linli.engage import queries as engage
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.people.queries import MemberInfo
from linli.trade import carts
from linli.trade import queries as trade
from linli.web import words
from linli.web.actor import Actor
from linli.web.context import english, region_info

_KEY = re.compile(r"[0-9a-zA-Z-]{8,64}")


def actor_of(request: HttpRequest) -> Actor:
    """Who asks, as the access middleware found them."""
    return request.actor  # type: ignore[attr-defined,no-any-return]


def member_of(request: HttpRequest) -> MemberInfo:
    """The member who asks. Http404 when the membership ended between two requests."""
    number = actor_of(request).member_id
    found = people.member(number) if number is not None else None
    if found is None:
        raise Http404
    return found


def new_key() -> str:
    """A fresh idempotency key for a form: however often that form is sent, it happens once."""
    return uuid.uuid4().hex


def key_of(request: HttpRequest) -> str:
    """The form's key; a form without a sound one gets a new key, and with it no protection against itself."""
    sent = request.POST.get("key", "")
    return sent if _KEY.fullmatch(sent) else new_key()


def told(refused: Refusal, region: str) -> dict[str, str]:
    """A refusal as {"says", "do"}, its money in the region's currency."""
    info = region_info(region)
    says, do = words.refusal(Refusal(refused.code, **{"currency": info.currency if info else "USD", **refused.facts}))
    return {"says": says, "do": do}


def remember(request: HttpRequest, refused: Refusal, region: str) -> None:
    """Say a refusal on the next page."""
    say = told(refused, region)
    stop = ". " if english() else "。"
    messages.error(request, stop.join(part for part in (say["says"], say["do"]) if part))


def shop_page(request: HttpRequest, template: str, tab: str, page: dict[str, Any], status: int = 200) -> HttpResponse:
    """A page of the shop with its tabs."""
    actor = actor_of(request)
    beside: dict[str, Any] = {"tab": tab}
    if actor.member_id is not None and not request_is_part(request):
        beside |= {"unread": engage.unread_count(actor.region, actor.member_id), "pieces": carts.count(actor.member_id)}
    return render(request, template, beside | page, status=status)


def leader_page(request: HttpRequest, template: str, tab: str, page: dict[str, Any], status: int = 200) -> HttpResponse:
    """A page of the leader's workbench; `waiting` counts what lies ready to be handed out."""
    if "waiting" not in page:
        page = {**page, "waiting": trade.waiting_count(actor_of(request).community_ids)}
    return render(request, template, {"tab": tab, **page}, status=status)


def request_is_part(request: HttpRequest) -> bool:
    """Whether htmx asks for a part of a page."""
    return bool(getattr(request, "htmx", False))


def number(text: str | None, otherwise: int | None = None) -> int | None:
    """A whole number somebody typed, or `otherwise`."""
    stripped = (text or "").strip()
    return int(stripped) if stripped.isascii() and stripped.isdigit() and len(stripped) < 12 else otherwise
