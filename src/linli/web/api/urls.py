"""The API's addresses."""

from django.urls import URLPattern, URLResolver, path

from linli.web.api import pay, reference
from linli.web.later import later

urlpatterns: list[URLPattern | URLResolver] = [
    path("v1/docs", reference.docs, name="api-docs"),
    path("v1/docs/refusals", reference.refusals, name="api-refusals"),
    later("v1/", "linli.web.api.v1", "api"),
    path("pay/sandbox/notify", pay.sandbox_notify, name="pay-sandbox-notify"),
    path("pay/wechat/notify", pay.wechat_notify, name="pay-wechat-notify"),
    path("pay/alipay/notify", pay.alipay_notify, name="pay-alipay-notify"),
]
