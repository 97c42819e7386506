"""Every address. Surfaces list their own pages; nothing is reachable without an @allow (see web.access)."""

from django.urls import include, path

from linli import wiring
from linli.kernel import events

events.READERS.update(wiring.READERS)

urlpatterns = [
    path("", include("linli.web.urls")),
]
