"""The API's addresses."""

from django.urls import path

from linli.web.api import pay

urlpatterns = [
    path("pay/sandbox/notify", pay.sandbox_notify, name="pay-sandbox-notify"),
]
