"""Who somebody is at WeChat: an openid stands for a person once that person has proven their phone in the same session.

The mini-program asks WeChat for a code and hands it over; the code is exchanged at WeChat for the openid
(https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/user-login/code2Session.html). In the sandbox, where no
mini-program is set up, the code itself stands for somebody, so that the way can be walked without WeChat.
"""

from __future__ import annotations

import hashlib
import re

from django.conf import settings
from django.db import IntegrityError, transaction

from linli.kernel import clocks
from linli.kernel.refusals import Refusal
from linli.people.models import Person, WeChatIdentity

_OPENID = re.compile(r"[0-9A-Za-z_-]{6,64}")
_CODE = re.compile(r"[0-9A-Za-z_-]{4,128}")


def exchange(code: str) -> str:
    """The openid a mini-program's code stands for; good once. Call it outside a transaction: it asks WeChat.

    Raises Refusal: people.wechat_unknown (not a code, or WeChat knows nobody by it), people.wechat_silent.
    """
    import httpx

    if not _CODE.fullmatch(code):
        raise Refusal("people.wechat_unknown")
    if not settings.MINI_APPID:
        if not settings.SANDBOX:
            raise Refusal("people.wechat_unknown")
        return f"sandbox_{hashlib.blake2b(code.encode(), digest_size=12).hexdigest()}"
    asked = {"appid": settings.MINI_APPID, "secret": settings.MINI_SECRET, "js_code": code, "grant_type": "authorization_code"}
    base = settings.MINI_GATEWAY.rstrip("/")
    try:
        with httpx.Client(timeout=4.0, trust_env=not base.startswith("http://")) as line:
            told = line.get(f"{base}/sns/jscode2session", params=asked).json()
    except (httpx.HTTPError, ValueError):
        raise Refusal("people.wechat_silent") from None
    openid = told.get("openid") if isinstance(told, dict) else None
    if not isinstance(openid, str) or not _OPENID.fullmatch(openid):
        raise Refusal("people.wechat_unknown")
    return openid


def person_of(openid: str) -> int | None:
    """The person an openid was bound to, while they may sign in."""
    found = WeChatIdentity.objects.filter(appid=settings.MINI_APPID, openid=openid, person__is_active=True)
    return found.values_list("person_id", flat=True).first()


def bind(*, openid: str, person_id: int) -> bool:
    """From now on the openid is this person; False when it was somebody's before. The constraint is the judge."""
    person = Person.objects.get(pk=person_id)
    try:
        with transaction.atomic():
            WeChatIdentity.objects.create(appid=settings.MINI_APPID, openid=openid, person=person, bound_at=clocks.machine_now())
    except IntegrityError:
        return False
    return True
