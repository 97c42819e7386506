"""Where payment channels report. The signature is checked before anything in the body is believed.

Each channel hears what it understands: anything else than that makes it repeat the notification, on its own schedule.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from linli.kernel.refusals import Refusal
from linli.trade import pay
from linli.trade.channels import Notification
from linli.web.access import allow

_STATUS = {"trade.bad_signature": 401, "trade.stale_notification": 401, "trade.unknown_attempt": 404}


@allow("anyone")
@csrf_exempt
@require_POST
def sandbox_notify(request: HttpRequest) -> JsonResponse:
    """The sandbox gateway's callback: 200 when it was understood, now or before; the channel repeats anything else."""
    told = Notification(
        body=request.body,
        timestamp=request.headers.get("Linli-Timestamp", ""),
        nonce=request.headers.get("Linli-Nonce", ""),
        signature=request.headers.get("Linli-Signature", ""),
    )
    try:
        confirmed = pay.confirm(told, channel="sandbox")
    except Refusal as refusal:
        return JsonResponse({"error": refusal.code}, status=_STATUS.get(refusal.code, 400))
    return JsonResponse({"outcome": confirmed.outcome})


@allow("anyone")
@csrf_exempt
@require_POST
def wechat_notify(request: HttpRequest) -> HttpResponse:
    """WeChat Pay's notification: 204 when it was understood, else 4xx with a code, and it comes again (15 times in a day)."""
    told = Notification(
        body=request.body,
        timestamp=request.headers.get("Wechatpay-Timestamp", ""),
        nonce=request.headers.get("Wechatpay-Nonce", ""),
        signature=request.headers.get("Wechatpay-Signature", ""),
        serial=request.headers.get("Wechatpay-Serial", ""),
    )
    try:
        pay.confirm(told, channel="wechat")
    except Refusal as refusal:
        return JsonResponse({"code": "FAIL", "message": refusal.code}, status=_STATUS.get(refusal.code, 400))
    return HttpResponse(status=204)


@allow("anyone")
@csrf_exempt
@require_POST
def alipay_notify(request: HttpRequest) -> HttpResponse:
    """Alipay's notification: the word "success" when it was understood; "fail", and it comes again (7 times in 25 hours)."""
    try:
        pay.confirm(Notification(body=request.body), channel="alipay")
    except Refusal as refusal:
        return HttpResponse("fail", content_type="text/plain", status=_STATUS.get(refusal.code, 400))
    return HttpResponse("success", content_type="text/plain")
