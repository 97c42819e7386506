"""Pure decisions of fulfilment."""

from __future__ import annotations


def read_code(text: str) -> str:
    """A pickup code as somebody typed or read it: capitals, without spaces and dashes."""
    return "".join(c for c in text.upper() if c.isascii() and c.isalnum())[:12]
