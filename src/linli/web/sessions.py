"""Sessions in the database, as Django keeps them; read with one plain statement, since every request reads one.

Django's own reading builds a query and a model each time, which costs ten times as much as the statement does.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.contrib.sessions.backends import db

from linli.kernel import bulk, clocks

_LIVE = "SELECT session_key, session_data FROM django_session WHERE session_key {} AND expire_date > %s"


def texts(keys: Collection[str]) -> dict[str, str]:
    """Session key -> what it keeps, encoded, for those that live; one statement, however many."""
    return dict(bulk.select(_LIVE, sorted(keys), bulk.stored(clocks.machine_now()), type_="text"))


class SessionStore(db.SessionStore):
    """Django's, with its own name, so that what either wrote the other reads."""

    def load(self) -> dict[str, Any]:
        """What the session keeps; nothing, and no key, when it has ended."""
        text = texts([self.session_key]).get(self.session_key) if self.session_key else None
        if text is None:
            self._session_key = None
            return {}
        told: dict[str, Any] = self.decode(text)
        return told
