"""BEGIN IMMEDIATE with jittered tries, so that no process starves behind others that write all the time.

SQLite's own busy handler sleeps longer the longer it has waited (up to 100 ms), while whoever has just committed
begins again within microseconds: of six steady writers one waited over a second for its turn. Short random sleeps
give everybody the same chance.
"""

from __future__ import annotations

import random
import time
from typing import Any

from django.db import OperationalError
from django.db.backends.sqlite3 import base

SHORTEST_S, LONGEST_S = 0.0002, 0.004


class DatabaseWrapper(base.DatabaseWrapper):
    """As Django's, but for how a transaction begins."""

    connection: Any
    settings_dict: dict[str, Any]

    def _start_transaction_under_autocommit(self) -> None:
        timeout_s = float(self.settings_dict["OPTIONS"].get("timeout", 5))
        give_up_at = time.monotonic() + timeout_s
        with self.cursor() as cursor:
            self.connection.execute("PRAGMA busy_timeout = 0")
            try:
                while True:
                    try:
                        cursor.execute(f"BEGIN {self.transaction_mode or 'DEFERRED'}")  # type: ignore[attr-defined]
                        return
                    except OperationalError as error:
                        if "locked" not in str(error) or time.monotonic() >= give_up_at:
                            raise
                    time.sleep(random.uniform(SHORTEST_S, LONGEST_S))
            finally:
                # Single statements outside a transaction still wait as SQLite does.
                self.connection.execute(f"PRAGMA busy_timeout = {int(timeout_s * 1000)}")
