"""Every address. Surfaces list their own pages; nothing is reachable without an @allow (see web.access)."""

from django.urls import include, path

urlpatterns = [
    path("", include("linli.web.urls")),
]
