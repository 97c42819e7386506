"""What a file of orders or members would add, judged against the people who are there; and its telling."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from linli.insight.import_models import Import
from linli.insight.imports import telling
from linli.insight.imports.orders import Order, Who
from linli.insight.imports.reading import Read, Table, Tell, Terms, heading, lines
from linli.kernel import clocks, ids
from linli.kernel.sheets import Problem
from linli.people import members

MOST_NEW_PLACES = 500
"""A file that opens more communities has its addresses under "community"."""


@dataclass(frozen=True)
class Joiner:
    """A member of the file; `consents` are scopes of people.consent."""

    row: int
    who: Who
    place: str
    building: str
    at: datetime | None
    consents: tuple[str, ...]


def read(table: Table, mapping: Mapping[str, str], terms: Terms) -> Read:
    """The members of a file, each once. Raises Refusal: kernel.sheet_columns."""
    found = Read()
    rows = lines(table, "members", mapping, terms, found)
    broken, seen = {p.row for p in found.problems}, dict[str, int]()
    for row in rows:
        if row.number in broken:
            continue
        values = row.values
        phone, name = str(values.get("phone", "")), str(values.get("name", ""))
        mark = str(values.get("member_no") or name)
        if "*" in phone:
            phone = ""
        key = phone or mark
        column = heading(mapping, "phone" if "phone" in mapping else "name")
        if not key:
            found.problems.append(Problem(row.number, column, "insight.import_nobody", {}))
            continue
        if key in seen:
            found.problems.append(Problem(row.number, column, "insight.import_twice", {"row": seen[key]}))
            continue
        seen[key] = row.number
        place = values.get("community") or terms.place
        if not place:
            found.problems.append(Problem(row.number, heading(mapping, "community"), "insight.import_no_place", {}))
            continue
        at = values.get("joined_at")
        if at is not None and at > terms.now:
            found.problems.append(Problem(row.number, heading(mapping, "joined_at"), "insight.import_future", {"value": f"{at:%Y-%m-%d}"}))
            continue
        agreed = tuple(scope for scope in ("messages", "profiling") if values.get(scope, scope == "profiling" and terms.profiling))
        # The same mark as an order of that system gives, so that a member list and orders meet in one person.
        outside = "" if phone else f"{terms.origin}-{ids.named_hex(f'{terms.origin}/{mark}')[:20]}"
        who = Who(phone, outside, name or f"*{phone[-4:]}", name[:1])
        found.items.append(Joiner(row.number, who, place, str(values.get("building", ""))[:32], at, agreed))
    found.counts = {"rows": len(rows), "members": len(found.items)}
    return found


# ---- judged


def judge_orders(run: Import, found: Read) -> None:
    """Count what is new, corrected, known, never bought; name what stands in the way."""
    orders: list[Order] = found.items
    before = telling.standing(run.region, run.kind, [o.key for o in orders])
    new = changed = same = not_bought = 0
    wanted: list[Order] = []
    for o in orders:
        digest = before.get(o.key, (0, ""))[1]
        if not digest and not o.goods:
            not_bought += 1
        elif digest == o.digest:
            same += 1
        else:
            new, changed = (new + 1, changed) if not digest else (new, changed + 1)
            wanted.append(o)
    found.items = wanted
    homes = telling.places(run.region, {o.place for o in wanted}, open_new=False)
    _judge_places(run, found, {o.place: o.row for o in reversed(wanted)}, homes)
    known = telling.known_members(run.region, (o.who for o in wanted))
    for o in wanted:
        if o.who in known and known[o.who][1] != run.region:
            found.problems.append(Problem(o.row, run.mapping.get("phone", ""), "insight.import_elsewhere", {"value": o.who.phone}))
    buyers = {o.who.phone or o.who.mark for o in wanted}
    known_buyers = {w.phone or w.mark for w in known}
    found.counts |= {
        "new": new,
        "changed": changed,
        "same": same,
        "not_bought": not_bought,
        "buyers": len(buyers),
        "new_members": len(buyers - known_buyers),
        "amount_minor": sum(o.amount_minor for o in wanted),
        "guessed": sum(found.notes.get("guessed", {}).values()),
    }
    _span(found, [o.at for o in wanted])


def judge_members(run: Import, found: Read) -> None:
    """Count who is new; name what stands in the way."""
    joiners: list[Joiner] = found.items
    known = telling.known_members(run.region, (j.who for j in joiners))
    for j in joiners:
        if j.who in known and known[j.who][1] != run.region:
            found.problems.append(Problem(j.row, run.mapping.get("phone", ""), "insight.import_elsewhere", {"value": j.who.phone}))
    found.items = [j for j in joiners if j.who not in known]
    homes = telling.places(run.region, {j.place for j in found.items}, open_new=False)
    _judge_places(run, found, {j.place: j.row for j in reversed(found.items)}, homes)
    found.counts |= {"new": len(found.items), "same": len(joiners) - len(found.items), "new_members": len(found.items)}


def _judge_places(run: Import, found: Read, rows: Mapping[str, int], homes: Mapping[str, int | None]) -> None:
    fresh = [name for name in rows if homes.get(name) is None]
    found.counts["new_places"] = len(fresh)
    for name in sorted(fresh)[:20]:
        found.note("places", name)
    if len(fresh) > MOST_NEW_PLACES:
        facts = {"count": len(fresh), "most": MOST_NEW_PLACES}
        found.problems.append(Problem(min(rows[name] for name in fresh), run.mapping.get("community", ""), "insight.import_places", facts))
    for name in fresh:
        if len(name) > 64:
            found.problems.append(Problem(rows[name], run.mapping.get("community", ""), "kernel.cell_long", {"most": 64}))


def _span(found: Read, moments: list[datetime]) -> None:
    if moments:
        found.notes["span"] = {min(moments).isoformat(): 0, max(moments).isoformat(): 1}


# ---- told


def tell(run: Import, found: Read, terms: Terms, report: Tell) -> int:
    """Communities open, members join, orders are told. Returns how many facts (orders) or members are new."""
    total = 2 * len(found.items)
    done = 0

    def further(label: str) -> Callable[[int], None]:
        def step(count: int) -> None:
            nonlocal done
            done += count
            report(min(done, total), max(total, 1), label)

        return step

    homes = telling.places(run.region, {i.place for i in found.items}, open_new=True)
    if run.kind == "members":
        return _tell_members(run, found, homes, further("import.members"))
    orders: list[Order] = found.items
    member_of = telling.join(run, telling.first_firsts(orders, terms), homes, further("import.members"))
    rows = telling.order_rows(run, orders, member_of, homes)
    return telling.tell_rows(run, "history.order_imported", rows, further("import.orders"))


def _tell_members(run: Import, found: Read, homes: Mapping[str, int | None], further: Callable[[int], None]) -> int:
    joiners: list[Joiner] = found.items
    newcomers = [
        members.Newcomer(
            community_id=homes[j.place] or 0, phone=j.who.phone, display_name=j.who.name[:64], surname=j.who.surname,
            building=j.building, external_id=j.who.mark, joined_at=j.at or clocks.business_now(), consents=j.consents,
        )
        for j in joiners
    ]  # fmt: skip
    for start in range(0, len(newcomers), 2_000):
        some = newcomers[start : start + 2_000]
        members.join_many(region=run.region, newcomers=some, channel="import", source=telling.source(run.pk), silent=True)
        further(len(some))
    return len(newcomers)
