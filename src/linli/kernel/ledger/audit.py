"""The books checked against themselves, in SQL over whole tables: each check is one statement, so one snapshot."""

# ruff: noqa: S608  the statements are made of this file's own constants

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that can't be: which rule, where, what it should be and what it is."""

    kind: str
    subject: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class Audit:
    """The result of an audit: clean when nothing was found. At most 100 findings of a kind are listed."""

    findings: list[Finding]

    @property
    def ok(self) -> bool:
        return not self.findings


_NAME = "a.region || '/' || a.owner || '/' || a.purpose || '/' || a.asset"

CHECKS = {
    # What one account has, another gave.
    "zero_sum": """
        SELECT region || '/' || asset, 0, sum(balance) FROM kernel_account GROUP BY region, asset HAVING sum(balance) <> 0
    """,
    # A balance is nothing but its transfers.
    "replay": f"""
        SELECT {_NAME}, coalesce(r.sum, 0), a.balance FROM kernel_account a LEFT JOIN (
            SELECT account, sum(amount) AS sum FROM (
                SELECT target_id AS account, amount FROM kernel_transfer WHERE kind IN ('posted', 'post')
                UNION ALL SELECT source_id, -amount FROM kernel_transfer WHERE kind IN ('posted', 'post')
            ) AS moved GROUP BY account
        ) AS r ON r.account = a.id WHERE a.balance <> coalesce(r.sum, 0)
    """,
    # What is held is what open pendings hold.
    "held": f"""
        SELECT {_NAME}, coalesce(p.sum, 0), a.held FROM kernel_account a LEFT JOIN (
            SELECT t.source_id AS account, sum(t.amount) AS sum FROM kernel_transfer t
            WHERE t.kind = 'pending' AND NOT EXISTS (SELECT 1 FROM kernel_transfer r WHERE r.pending_id = t.id AND r.region = t.region)
            GROUP BY t.source_id
        ) AS p ON p.account = a.id WHERE a.held <> coalesce(p.sum, 0)
    """,
    "floor": f"SELECT {_NAME}, a.floor, a.balance - a.held FROM kernel_account a WHERE a.balance - a.held < a.floor",
    # One asset and one region from end to end, and both ends exist.
    "ends": """
        SELECT t.key, 'two accounts of one asset in ' || t.region, coalesce(s.region || '/' || s.asset, 'none') || ' to '
            || coalesce(g.region || '/' || g.asset, 'none')
        FROM kernel_transfer t LEFT JOIN kernel_account s ON s.id = t.source_id LEFT JOIN kernel_account g ON g.id = t.target_id
        WHERE s.id IS NULL OR g.id IS NULL OR s.id = g.id OR s.asset <> g.asset OR s.region <> t.region OR g.region <> t.region
    """,
    # A resolution is of a pending, between its accounts, in time, and no more than it.
    "resolution": """
        SELECT r.key, 'resolves an open pending in time', coalesce(p.key, 'none') || ' ' || r.kind || ' ' || r.amount
        FROM kernel_transfer r LEFT JOIN kernel_transfer p ON p.id = r.pending_id AND p.region = r.region
        WHERE r.kind IN ('post', 'void') AND (p.id IS NULL OR p.kind <> 'pending' OR p.source_id <> r.source_id
            OR p.target_id <> r.target_id OR r.amount > p.amount OR (r.kind = 'post' AND r.happened_at >= p.expires_at))
    """,
    "resolved_once": """
        SELECT p.key, 1, count(*) FROM kernel_transfer p JOIN kernel_transfer r ON r.pending_id = p.id
        GROUP BY p.id, p.key HAVING count(*) > 1
    """,
    # A reversal takes back all of a posted transfer, the other way round, once.
    "reversal": """
        SELECT r.key, 'takes back a posted transfer whole', coalesce(p.key, 'none') || ' ' || r.amount
        FROM kernel_transfer r LEFT JOIN kernel_transfer p ON p.id = r.reverses_id AND p.region = r.region
        WHERE r.reverses_id IS NOT NULL AND (r.kind <> 'posted' OR p.id IS NULL OR p.kind NOT IN ('posted', 'post')
            OR p.source_id <> r.target_id OR p.target_id <> r.source_id OR p.amount <> r.amount)
    """,
    "reversed_once": """
        SELECT p.key, 1, count(*) FROM kernel_transfer p JOIN kernel_transfer r ON r.reverses_id = p.id
        GROUP BY p.id, p.key HAVING count(*) > 1
    """,
}
"""Rule -> what breaks it: (subject, expected, found)."""


def audit() -> Audit:
    """Check every rule over all regions. Reads only; safe beside writers."""
    findings = []
    with connection.cursor() as cursor:
        for kind, broken in CHECKS.items():
            cursor.execute(f"{broken} LIMIT 100")
            findings += [Finding(kind, str(subject), str(expected), str(found)) for subject, expected, found in cursor.fetchall()]
    return Audit(findings)
