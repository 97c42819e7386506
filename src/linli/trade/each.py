"""Many rows, one after the other, where one that is broken must not keep the rest from being done."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from functools import wraps

log = logging.getLogger(__name__)


def in_time[T](do: Callable[[T], object], end: float) -> Callable[[T], None]:
    """`do` until `end` (of the monotonic clock); the rows after that wait for the next round."""

    @wraps(do)
    def doing(row: T) -> None:
        if time.monotonic() < end:
            do(row)

    return doing


def each[T, R](rows: Iterable[T], do: Callable[[T], R]) -> list[R]:
    """Do it for every row; then raise the first error, if any did, so that whoever watches the work sees it."""
    done, failed = [], None
    for row in list(rows):
        try:
            done.append(do(row))
        except Exception as error:
            log.exception("%s of %s failed, the others go on", do.__name__, row)
            failed = failed or error
    if failed is not None:
        raise failed
    return done
