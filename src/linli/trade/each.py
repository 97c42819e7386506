"""Many rows, one after the other, where one that is broken must not keep the rest from being done."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

log = logging.getLogger(__name__)


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
