"""What was read becomes members and facts: each row claimed once, told silently into the log, then written into the lake.

Every step may be repeated: a telling that was killed is finished by the next. No reader fires, nothing is posted.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from linli.insight.import_models import Import, ImportedRow
from linli.insight.imports.orders import Order, Who
from linli.insight.imports.reading import Tell, Terms
from linli.kernel import events, ids
from linli.people import groups, members
from linli.people import queries as people

CHUNK = 5_000
JOINED = ("people.member_joined", "people.consent_changed")


@dataclass(frozen=True)
class Row:
    """One thing to be told: its key and digest (what it says), its moment, whose it is, and its payload without the revision."""

    key: str
    digest: str
    at: datetime
    member_id: int | None
    payload: Mapping[str, Any]


def source(import_id: int) -> str:
    """How the log names what an import told."""
    return f"import:{import_id}"


# ---- what stands


def standing(region: str, kind: str, keys: Iterable[str]) -> dict[str, tuple[int, str]]:
    """Key -> (newest revision, digest) of what earlier imports told."""
    found: dict[str, tuple[int, str]] = {}
    for some in itertools.batched(keys, 900):
        rows = ImportedRow.objects.filter(region=region, kind=kind, key__in=some).order_by("revision")
        found |= {key: (revision, digest) for key, revision, digest in rows.values_list("key", "revision", "digest")}
    return found


# ---- people and places


def places(region: str, names: Iterable[str], *, open_new: bool) -> dict[str, int | None]:
    """Community id by the name a file gives it (name or code); new ones are opened, or None while nothing may be written."""
    known: dict[str, int | None] = {}
    for c in people.communities(region):
        known |= {c.code: c.community_id, c.name_zh: c.community_id, c.name_en: c.community_id}
    fresh = sorted({n for n in names if n not in known})
    if open_new and fresh:
        opened = groups.open_many(region=region, communities=[_place(region, name) for name in fresh])
        return known | dict(zip(fresh, opened, strict=True))
    return known | dict.fromkeys(fresh)


def _place(region: str, name: str) -> groups.NewCommunity:
    code = f"import-{ids.named_hex(f'import/place/{region}/{name}')[:12]}"
    return groups.NewCommunity(code=code, name_zh=name[:64], name_en=name[:64], pickup_zh=name[:128], pickup_en=name[:128])


def known_members(region: str, who: Iterable[Who]) -> dict[Who, tuple[int, str]]:
    """Those who are members already -> (member id, region)."""
    wanted = set(who)
    by_phone = people.members_by_phone({w.phone for w in wanted if w.phone})
    by_mark = people.members_by_external_id(region)
    found: dict[Who, tuple[int, str]] = {}
    for w in wanted:
        if w.phone in by_phone:
            found[w] = by_phone[w.phone]
        elif w.mark and w.mark in by_mark:
            found[w] = (by_mark[w.mark], region)
    return found


def join(
    run: Import, firsts: Sequence[tuple[Who, str, datetime]], homes: Mapping[str, int | None], tell: Callable[[int], None]
) -> dict[str, int]:
    """Buyers become members, at the moment and place of their first order. Returns phone or mark -> member id."""
    consents = ("profiling",) if run.profiling else ()
    found: dict[str, int] = {}
    for some in itertools.batched(firsts, 2_000):
        newcomers = [
            members.Newcomer(
                community_id=homes[place] or 0, phone=w.phone, display_name=w.name[:64], surname=w.surname, external_id=w.mark,
                joined_at=at, consents=consents,
            )
            for w, place, at in some
        ]  # fmt: skip
        joined = members.join_many(region=run.region, newcomers=newcomers, channel="import", source=source(run.pk), silent=True)
        found |= {w.phone or w.mark: m for (w, _, _), m in zip(some, joined, strict=True)}
        tell(len(some))
    return found


def order_rows(run: Import, orders: Iterable[Order], member_of: Mapping[str, int], homes: Mapping[str, int | None]) -> list[Row]:
    """Orders as rows to be told."""
    rows = []
    for o in orders:
        member_id = member_of[o.who.phone or o.who.mark]
        payload = {
            "order_id": o.key,
            "import_id": run.pk,
            "order_no": o.order_no,
            "member_id": member_id,
            "community_id": homes[o.place],
            "amount_minor": o.amount_minor,
            "pieces": sum(g.quantity for g in o.goods),
            "lines": [asdict(g) for g in o.goods],
        }
        rows.append(Row(o.key, o.digest, o.at, member_id, payload))
    return rows


# ---- telling


def tell_rows(run: Import, event: str, rows: Sequence[Row], tell: Callable[[int], None]) -> int:
    """Claim and tell what is new or says something else than before. Returns how many facts were told.

    The claim is the row's insert: of two imports that hold the same order at once, one tells it. A correction is recorded
    when it comes, a first telling as of its own day, so that the past can be learnt from.
    """
    told = 0
    for some in itertools.batched(rows, CHUNK):
        told += _tell_some(run, event, some)
        tell(len(some))
    return told


@transaction.atomic
def _tell_some(run: Import, event: str, rows: Sequence[Row]) -> int:
    before = standing(run.region, run.kind, [r.key for r in rows])
    fresh = [r for r in rows if before.get(r.key, (0, ""))[1] != r.digest]
    wanted = {r.key: before.get(r.key, (0, ""))[0] + 1 for r in fresh}
    ImportedRow.objects.bulk_create(
        [
            ImportedRow(region=run.region, kind=run.kind, key=r.key, revision=wanted[r.key], digest=r.digest, import_id=run.pk)
            for r in fresh
        ],
        batch_size=900,
        ignore_conflicts=True,
    )
    ours = set()
    for some in itertools.batched((r.key for r in fresh), 900):
        mine = ImportedRow.objects.filter(region=run.region, kind=run.kind, import_id=run.pk, key__in=some)
        ours |= set(mine.values_list("key", "revision"))
    claimed = [r for r in fresh if (r.key, wanted[r.key]) in ours]
    return events.append_bulk(
        event, (_column(run, r, wanted[r.key]) for r in claimed), region=run.region, source=source(run.pk), silent=True, chunk=CHUNK
    )


def _column(run: Import, row: Row, revision: int) -> events.Column:
    uid = ids.named_hex(f"import/{run.pk}/{row.key}/{revision}")
    payload = json.dumps({**row.payload, "revision": revision}, ensure_ascii=False)
    recorded = row.at if revision == 1 else run.made_at
    return events.Column(uid, f"member:{row.member_id}" if row.member_id else "", row.at, max(recorded, row.at), payload)


def to_lake(run: Import, kinds: Iterable[str], tell: Tell = lambda done, total, label: None) -> int:
    """What this import told, from the log into the lake, each table once. Returns rows written."""
    from linli.insight import lake, lake_tables  # on the worker's side: the pages that begin an import load neither

    written = 0
    wanted = list(kinds)
    for n, kind in enumerate(wanted):
        tell(n, len(wanted), "import.lake")
        told = lake_tables.Batch(events.silent(kind, region=run.region, source=source(run.pk)))
        for form in lake_tables.shapes(kind):
            data = lake_tables.rows(form, told)
            if data.num_rows and lake.append_once(form.name, data, stamp=f"import/{run.pk}"):
                written += data.num_rows
    return written


def first_firsts(orders: Iterable[Order], terms: Terms) -> list[tuple[Who, str, datetime]]:
    """Each buyer with the place and moment of the first order bought; those who bought nothing, of the first row."""
    found: dict[str, tuple[Who, str, datetime]] = {}
    for o in orders:
        key = o.who.phone or o.who.mark
        at = min(o.at, terms.now)
        if key not in found or at < found[key][2]:
            found[key] = (o.who, o.place, at)
    return sorted(found.values(), key=lambda f: f[2])
