"""Plain statements: planned anew while they are asked more and more, sent together, answered each for itself."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction

from linli.kernel import bulk

pytestmark = pytest.mark.django_db


def test_a_statement_is_planned_anew_whenever_it_was_asked_twice_as_often() -> None:
    for _ in range(9):
        with bulk.cursor() as c:
            c.execute("SELECT 'planned anew', %s + 0", [1])
            assert c.fetchone()[1] == 1
    if connection.vendor == "postgresql":
        with connection.cursor() as c:
            c.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT ''planned anew''%%'")
            assert c.fetchone() == (4,)  # at the 1st, 2nd, 4th and 8th time


def test_what_is_sent_together_is_answered_each_for_itself() -> None:
    with bulk.pipeline():
        first, second = bulk.later("SELECT 1 + %s", [1]), bulk.later("SELECT 1 + %s", [2])
    assert (second(), first()) == ([(3,)], [(2,)])


def test_what_breaks_in_a_pipeline_is_raised_at_its_end() -> None:
    with pytest.raises(DatabaseError), transaction.atomic(), bulk.pipeline():
        bulk.later("SELECT id FROM no_such_table WHERE id = %s", [1])
    assert bulk.later("SELECT %s + 1", [1])() == [(2,)]
