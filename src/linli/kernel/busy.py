"""Errors that say "not now" and nothing about what was asked: try again."""

from __future__ import annotations

from django.db import OperationalError

_POSTGRES = {"40P01", "40001", "55P03"}  # deadlock detected, serialization failure, lock not available
_SQLITE = ("database is locked", "database table is locked", "database is busy")


def is_busy(error: BaseException) -> bool:
    """True for a deadlock, a lock that could not be had in time, or SQLite's one writer being somebody else."""
    return is_deadlock(error) or (isinstance(error, OperationalError) and str(error).startswith(_SQLITE))


def is_deadlock(error: BaseException) -> bool:
    """True when PostgreSQL ended this transaction so that another could go on."""
    return isinstance(error, OperationalError) and getattr(error.__cause__, "sqlstate", None) in _POSTGRES
