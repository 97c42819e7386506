"""Every address. Surfaces list their own pages; nothing is reachable without an @allow (see web.access)."""

from __future__ import annotations

from collections.abc import Mapping

from django.urls import include, path

from linli.kernel import events


def _readers() -> Mapping[str, events.Subscription]:
    from linli import wiring  # brings the lake and the models with it

    return wiring.READERS


events.readers = _readers

urlpatterns = [
    path("", include("linli.web.urls")),
]
