"""The partner's addresses."""

from django.urls import path

from linli.web.partner import desk

app_name = "partner"
urlpatterns = [
    path("", desk.desk, name="desk"),
    path("redeem/", desk.redeem, name="redeem"),
    path("leave/", desk.leave, name="leave"),
    path("enter/<str:token>/", desk.enter, name="enter"),
]
