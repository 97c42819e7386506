"""Where payment channels report. The signature is checked before anything in the body is believed."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from linli.kernel.refusals import Refusal
from linli.trade import pay
from linli.web.access import allow

_STATUS = {"trade.bad_signature": 401, "trade.stale_notification": 401, "trade.unknown_attempt": 404}


@allow("anyone")
@csrf_exempt
@require_POST
def sandbox_notify(request: HttpRequest) -> JsonResponse:
    """The sandbox gateway's callback: 200 when it was understood, now or before; the channel repeats anything else."""
    told = pay.Notification(
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
