"""What the API's reference page is written with."""

from __future__ import annotations

import re

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

register = template.Library()


@register.filter
def emphasis(text: str) -> SafeString:
    """`code` and **strong** of a paragraph, everything else as it is."""
    told = re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text)))
    return mark_safe(re.sub(r"\*\*([^*]+)\*\*", r"<b>\1</b>", told))  # noqa: S308  (escaped above)
