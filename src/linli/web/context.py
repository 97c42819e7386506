"""What every page knows."""

from django.http import HttpRequest


def surface(request: HttpRequest) -> dict[str, object]:
    """Facts for the frame of a page."""
    return {}
