"""Signing in by phone number and one-time code, the sandbox's inbox and its ready faces, and signing out."""

from __future__ import annotations

import secrets
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from linli.kernel.refusals import Refusal
from linli.web import access, words
from linli.web.access import allow

OPENID = "mini_openid"
"""Session key: the mini-program's openid that waits for its phone to be proven."""

PHONE_COOKIE = "signin_phone"
"""Keeps the number between asking for a code and giving it."""
BROWSER_COOKIE = "signin_browser"
"""This browser's secret: a code is good where it was asked for, so a stranger's guesses don't use up the owner's tries."""


def _next(request: HttpRequest) -> str:
    """Where to go afterwards: only a path of our own."""
    there = request.POST.get("next") or request.GET.get("next") or ""
    return there if url_has_allowed_host_and_scheme(there, {request.get_host()}, require_https=request.is_secure()) else ""


@allow("anyone")
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """The front door: everybody to their own surface."""
    return redirect(request.actor.home)  # type: ignore[attr-defined]


@allow("anyone")
@never_cache
@require_http_methods(["GET", "POST"])
def signin(request: HttpRequest) -> HttpResponse:
    """Ask for the phone number and send a code."""
    from linli.people import signin as codes

    page: dict[str, Any] = {"next": _next(request), "phone": request.POST.get("phone", "").strip(), "faces": _faces()}
    if request.method == "POST":
        try:
            codes.send_code(page["phone"], browser=(browser := _browser(request)), address=request.META.get("REMOTE_ADDR", ""))
        except Refusal as refused:
            page["error"], page["error_do"] = words.refusal(refused)
            return render(request, "signin/phone.html", page)
        return _to_code(page["phone"], page["next"], browser)
    return render(request, "signin/phone.html", page)


def _browser(request: HttpRequest) -> str:
    """The secret this browser brought, or a new one."""
    return request.COOKIES.get(BROWSER_COOKIE, "")[:64] or secrets.token_urlsafe(24)


def _to_code(phone: str, there: str, browser: str) -> HttpResponse:
    """On to the code. The number goes in a cookie: an address is kept by logs and histories."""
    answer = HttpResponseRedirect(f"{reverse('signin-code')}?{urlencode({'next': there})}")
    digits = "".join(c for c in phone if c in "+0123456789")
    secure = settings.SESSION_COOKIE_SECURE
    for name, value in ((PHONE_COOKIE, digits), (BROWSER_COOKIE, browser)):
        answer.set_cookie(name, value, max_age=600, path=reverse("signin"), httponly=True, samesite="Lax", secure=secure)
    return answer


@allow("anyone")
@never_cache
@require_http_methods(["GET", "POST"])
def code(request: HttpRequest) -> HttpResponse:
    """Take the code and start the session."""
    from linli.people import signin as codes

    phone = (request.POST.get("phone") or request.COOKIES.get(PHONE_COOKIE) or "").strip()
    if not phone:
        return redirect("signin")
    page: dict[str, Any] = {"next": _next(request), "phone": phone}
    if request.method == "POST":
        try:
            person = codes.verify(phone, request.POST.get("code", "").strip(), browser=request.COOKIES.get(BROWSER_COOKIE, "")[:64])
        except Refusal as refused:
            page["error"], page["error_do"] = words.refusal(refused)
            return render(request, "signin/code.html", page)
        return _enter(request, person.person_id, page["next"])
    return render(request, "signin/code.html", page)


def _enter(request: HttpRequest, person_id: int, there: str) -> HttpResponse:
    from linli.people import wechat

    openid = request.session.get(OPENID, "")  # the session starts anew at the door
    access.sign_in(request, person_id)
    if openid:
        wechat.bind(openid=openid, person_id=person_id)
    answer = HttpResponseRedirect(there or access.load(person_id).home)
    for name in (PHONE_COOKIE, BROWSER_COOKIE):
        answer.delete_cookie(name, path=reverse("signin"))
    return answer


@allow("anyone")
@never_cache
@require_GET
def mini(request: HttpRequest) -> HttpResponse:
    """The mini-program's web-view comes in with WeChat's code: straight into the shop when its openid stands for somebody,
    otherwise through the door once, after which it does. Whoever is signed in already stays who they are."""
    from linli.people import wechat

    there = _next(request) or reverse("home")
    if request.actor.signed_in:  # type: ignore[attr-defined]
        return redirect(there)
    door = f"{reverse('signin')}?{urlencode({'next': there})}"
    try:
        openid = wechat.exchange(request.GET.get("code", ""))
    except Refusal:
        return redirect(door)
    person_id = wechat.person_of(openid)
    if person_id is not None:
        return _enter(request, person_id, there)
    request.session[OPENID] = openid
    return redirect(door)


@allow("anyone")
@require_POST
def as_face(request: HttpRequest) -> HttpResponse:
    """Sandbox: come in as one of the demo's faces, without a code. 404 where real channels are attached."""
    from linli.people import queries

    access.sandbox_only()
    phone = request.POST.get("phone", "")
    if phone not in {face["phone"] for face in _faces()}:
        raise Http404
    person = queries.person_by_phone(phone)
    if person is None:
        raise Http404
    return _enter(request, person.person_id, _next(request))


@allow("anyone")
@require_POST
def signout(request: HttpRequest) -> HttpResponse:
    """End the session."""
    access.sign_out(request)
    messages.success(request, _("已退出"))
    return redirect("signin")


@allow("anyone")
@never_cache
@require_GET
def inbox(request: HttpRequest) -> HttpResponse:
    """Sandbox: the codes that would have gone out by text message, newest first."""
    from linli.people import signin as codes

    access.sandbox_only()
    return render(request, "signin/inbox.html", {"sent": codes.sandbox_inbox(limit=20), "phone": request.GET.get("phone", "")})


def _faces() -> list[dict[str, str]]:
    """The demo's ready faces; none where real channels are attached or no demo was brought in."""
    if not settings.SANDBOX:
        return []
    from linli.insight.history import demo

    return [dict(face) if isinstance(face, dict) else face.__dict__ for face in demo.faces()]


@allow("anyone")
def error_403(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """A 403 raised inside a view looks like any other."""
    return access.refused(request)
