"""Programs: tokens that call the API, and webhooks that are told. A secret is shown once, on the page that answers its making."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from linli.kernel import clocks, ids
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.web import words
from linli.web.access import allow
from linli.web.api import tokens
from linli.web.api.webhooks import hooks, sending
from linli.web.console import frame

DAYS = (30, 90, 365, 0)
TONES = {"live": "ok", "expired": "nu", "revoked": "nu", "on": "ok", "off": "nu", "failed": "red"}
DELIVERY_TONES = {"waiting": "ye", "delivered": "ok", "given_up": "red"}


def _region(request: HttpRequest) -> str:
    return str(request.actor.region)  # type: ignore[attr-defined]


def _by(request: HttpRequest) -> str:
    return f"person:{request.actor.person_id}"  # type: ignore[attr-defined]


def _page(request: HttpRequest, **more: Any) -> HttpResponse:
    region = _region(request)
    known = hooks.kinds()
    rooms = sorted({kind.partition(".")[0] for kind in known})
    context = {
        "tokens": [(token, TONES[token.state]) for token in tokens.of_region(region)],
        "hooks": [(hook, TONES[hook.state]) for hook in hooks.of_region(region)],
        "areas": [(area, f"{area}:read", f"{area}:write") for area in tokens.AREAS],
        "rooms": [(room, [kind for kind in known if kind.startswith(f"{room}.")]) for room in rooms],
        "days": DAYS,
        "key": ids.new().hex,
        "asked": {},
        **more,
    }
    return frame.page(request, "console/programs.html", "programs", context)


@allow("operator")
@require_GET
def overview(request: HttpRequest) -> HttpResponse:
    """Tokens and webhooks of the region."""
    return _page(request)


def _refused(request: HttpRequest, refusal: Refusal) -> None:
    says, do = words.refusal(refusal)
    messages.error(request, f"{says}{_('。')}{do}" if do else says)


@allow("operator")
@require_POST
@never_cache
def make_token(request: HttpRequest) -> HttpResponse:
    """Make a token and show its secret, this once."""
    acts_as = request.POST.get("acts_as", "operator")
    scopes = request.POST.getlist("scope")
    days = request.POST.get("days", "")
    person_id = request.actor.person_id  # type: ignore[attr-defined]
    if acts_as != "operator":
        found = people.person_by_phone(request.POST.get("phone", "").strip().replace("\0", ""))
        person_id = found.person_id if found else 0
    try:
        made = tokens.make(
            region=_region(request),
            name=request.POST.get("name", ""),
            acts_as=acts_as,
            person_id=person_id,
            scopes=scopes,
            by=_by(request),
            expires_at=clocks.machine_now() + timedelta(days=int(days)) if days in {str(d) for d in DAYS if d} else None,
        )
    except Refusal as refusal:
        _refused(request, refusal)
        return _page(request, asked={"name": request.POST.get("name", ""), "acts_as": acts_as, "scopes": scopes})
    return _page(request, told={"what": _("令牌"), "secret": made.secret})


@allow("operator")
@require_POST
def revoke_token(request: HttpRequest, prefix: str) -> HttpResponse:
    """Let a token open nothing from now on."""
    _do(request, lambda: tokens.revoke(region=_region(request), prefix=prefix, by=_by(request)), _("已收回，用它的程序马上打不开了"))
    return redirect("console:programs")


def _do(request: HttpRequest, act: Callable[[], object], done: str) -> None:
    try:
        act()
        messages.success(request, done)
    except Refusal as refusal:
        _refused(request, refusal)


@allow("operator")
@require_POST
@never_cache
def make_webhook(request: HttpRequest) -> HttpResponse:
    """Subscribe an address and show its secret, this once."""
    asked = {name: request.POST.get(name, "").strip() for name in ("hook_name", "url")}
    kinds = request.POST.getlist("kind")
    try:
        made = hooks.make(
            region=_region(request),
            name=asked["hook_name"],
            url=asked["url"],
            wanted=kinds,
            by=_by(request),
            key=f"console/{request.POST.get('key', '')[:64]}".replace("\0", ""),
        )
    except Refusal as refusal:
        _refused(request, refusal)
        return _page(request, asked={**asked, "kinds": kinds})
    return _page(request, told={"what": _("推送密钥"), "secret": made.secret})


def _hook(request: HttpRequest, webhook_id: uuid.UUID) -> hooks.HookInfo:
    try:
        return hooks.one(_region(request), webhook_id)
    except Refusal:
        raise Http404 from None


@allow("operator")
@require_GET
def webhook(request: HttpRequest, webhook_id: uuid.UUID) -> HttpResponse:
    """One webhook and what it was sent."""
    return _webhook_page(request, webhook_id)


def _webhook_page(request: HttpRequest, webhook_id: uuid.UUID, **more: Any) -> HttpResponse:
    hook = _hook(request, webhook_id)
    state = frame.chosen(request, "state", DELIVERY_TONES)
    try:
        part = hooks.deliveries(hook.region, webhook_id, state=state, after=request.GET.get("after", ""), size=30)
    except Refusal:
        raise Http404 from None
    context = {
        "hook": hook,
        "tone": TONES[hook.state],
        "rows": [(row, DELIVERY_TONES[row.state]) for row in part.rows],
        "after": part.after,
        "state": state,
        "states": list(DELIVERY_TONES),
        "crumb": frame.up("console:programs", _("接口")),
        **more,
    }
    return frame.page(request, "console/webhook.html", "programs", context)


@allow("operator")
@require_POST
@never_cache
def change_webhook(request: HttpRequest, webhook_id: uuid.UUID) -> HttpResponse:
    """Switch a webhook on or off, try it, give it a new secret, or remove it: what the button says."""
    hook, region, by = _hook(request, webhook_id), _region(request), _by(request)
    match request.POST.get("do"):
        case "on":
            _do(request, lambda: hooks.switch(region=region, webhook_id=webhook_id, on=True, by=by), _("已打开，从现在起的事会推过去"))
        case "off":
            _do(request, lambda: hooks.switch(region=region, webhook_id=webhook_id, on=False, by=by), _("已关上，这期间的事不会补推"))
        case "test":
            _do(request, lambda: sending.send_test(region=region, webhook_id=webhook_id), _("试推已排上，几秒后看结果"))
        case "rotate":
            number = request.POST.get("secret_no", "")
            made = hooks.rotate(
                region=region,
                webhook_id=webhook_id,
                secret_no=int(number) if number.isdecimal() and len(number) < 8 else hook.secret_no,
                by=by,
            )
            return _webhook_page(request, webhook_id, told={"what": _("推送密钥"), "secret": made.secret})
        case "remove":
            _do(request, lambda: hooks.remove(region=region, webhook_id=webhook_id, by=by), _("已删除"))
            return redirect("console:programs")
    return redirect("console:webhook", webhook_id=webhook_id)


@allow("operator")
@require_POST
def redeliver(request: HttpRequest, webhook_id: uuid.UUID, delivery_id: uuid.UUID) -> HttpResponse:
    """Send a delivery once more."""
    _hook(request, webhook_id)
    _do(request, lambda: sending.again(region=_region(request), webhook_id=webhook_id, delivery_id=delivery_id), _("已排上，马上再推一次"))
    return redirect("console:webhook", webhook_id=webhook_id)
