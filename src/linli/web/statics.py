"""Addresses of static files carry what is in them, so that a phone may keep a file for a year and never shows an old one."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage


@lru_cache(maxsize=4096)
def version(name: str) -> str:
    """Ten letters of what the file holds; "" for one that isn't there. A server starts anew with its assets."""
    found = finders.find(name)
    return hashlib.blake2b(Path(str(found)).read_bytes(), digest_size=5).hexdigest() if found else ""


class Versioned(StaticFilesStorage):
    """Static files where they lie, under an address that changes with them."""

    def url(self, name: str | None) -> str:
        """The file's address with its version."""
        address = super().url(name)
        told = version(name) if name else ""
        return f"{address}?v={told}" if told else address
