"""Surfaces whose modules are loaded when somebody comes to them, so that the first page of a process waits for its own alone."""

from __future__ import annotations

from django.urls import URLResolver
from django.urls.resolvers import RoutePattern


class Later(URLResolver):
    """A namespace's addresses, their module not imported yet.

    Django resolves and reverses inside a namespace by `url_patterns`, which imports the module when first read. Only
    `_populate`, with which the first name reversed anywhere collects the names of everywhere, would read it before.
    """

    def _populate(self) -> None:
        """Nothing: names outside a namespace are found without those inside."""


def later(route: str, module: str, namespace: str) -> Later:
    """The addresses of `module` below `route`, reversed as "namespace:name"."""
    return Later(RoutePattern(route, is_endpoint=False), module, app_name=namespace, namespace=namespace)
