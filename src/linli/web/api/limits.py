"""How often somebody may ask: so many calls in a minute, to each token, person and address.

What is left of a window lies in one row a caller. A process takes a tenth of the limit out of it at a time and spends
that from memory: a write for each read would make reads wait for writers (SQLite has one). Several processes never
allow more than the limit together; what one of them took and did not spend is gone with the window.
"""

from __future__ import annotations

import threading

from django.conf import settings
from django.db import connection
from django.http import HttpRequest

from linli.kernel import clocks
from linli.kernel.refusals import Refusal
from linli.web.models import ApiUse

WINDOW_SECONDS = 60
_MOST_KNOWN = 20_000


class _Share:
    """What this process took out of one window and has not spent."""

    def __init__(self, window: int) -> None:
        self.window = window
        self.over = False
        self._left = 0
        self._lock = threading.Lock()

    def spend(self) -> bool:
        with self._lock:
            if self._left == 0:
                return False
            self._left -= 1
            return True

    def add(self, taken: int) -> None:
        with self._lock:
            self._left += taken
            self.over = taken == 0


class Limiter:
    """One process's part in the limits."""

    def __init__(self) -> None:
        self._shares: dict[tuple[str, str], _Share] = {}
        self._lock = threading.Lock()

    def take(self, region: str, caller: str, limit: int) -> None:
        """Count one call. Raises Refusal: api.too_many(limit, wait_seconds). A limit of 0 counts nothing."""
        if limit <= 0:
            return
        now = int(clocks.machine_now().timestamp())
        window = now // WINDOW_SECONDS
        share = self._share(region, caller, window)
        while not share.spend():
            if share.over:
                raise Refusal("api.too_many", limit=limit, wait_seconds=WINDOW_SECONDS - now % WINDOW_SECONDS)
            # Outside the lock: a database that lets us wait must not let everybody else wait too.
            share.add(_reserve(region, caller, window, limit))

    def _share(self, region: str, caller: str, window: int) -> _Share:
        with self._lock:
            share = self._shares.get((region, caller))
            if share is None or share.window != window:
                if len(self._shares) > _MOST_KNOWN:
                    self._shares = {who: one for who, one in self._shares.items() if one.window == window}
                share = self._shares[(region, caller)] = _Share(window)
            return share

    def forget(self) -> None:
        """Know nothing of what was taken (tests)."""
        with self._lock:
            self._shares.clear()


def _reserve(region: str, caller: str, window: int, limit: int) -> int:
    """Take up to a tenth of the limit out of the window's row, in one statement; returns how much there was."""
    chunk = max(1, limit // 10)
    table = ApiUse._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO {table} (region, caller, "window", used) VALUES (%s, %s, %s, %s)'  # noqa: S608 (own name)
            f' ON CONFLICT (region, caller, "window") DO UPDATE SET used = {table}.used + excluded.used RETURNING used',
            [region, caller, window, chunk],
        )
        used = int(cursor.fetchone()[0])
    return max(0, min(chunk, limit - (used - chunk)))


LIMITER = Limiter()


def address(request: HttpRequest) -> str:
    """Where the call comes from: behind `API_PROXIES` proxies, what the outermost of them saw."""
    seen = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    trusted = settings.API_PROXIES
    return (seen[-trusted] if trusted and len(seen) >= trusted else request.META.get("REMOTE_ADDR", ""))[:45]


def sweep() -> int:
    """Forget windows that are over."""
    now = int(clocks.machine_now().timestamp()) // WINDOW_SECONDS
    return ApiUse.objects.filter(window__lt=now - 1).delete()[0]
