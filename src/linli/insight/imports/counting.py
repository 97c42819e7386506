"""A group chat's export as counts: who wrote how many messages on which day. What was written is read and let go.

A sender is a member where exactly one member goes by that name; everybody else is counted together, without a name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time

from linli.insight.import_models import Import
from linli.insight.imports import telling
from linli.insight.imports.reading import Read, Table, Tell, Terms, heading, lines
from linli.kernel import ids
from linli.kernel.refusals import Refusal
from linli.kernel.sheets import Problem
from linli.people import queries as people

_HEAD = re.compile(r"(?P<at>\d{4}[-/年]\d{1,2}[-/月]\d{1,2}日?\s+\d{1,2}:\d{2}(?::\d{2})?)\s+(?P<sender>\S.*)")
_NUMBER = re.compile(r"[(<（][^()<>（）]{1,40}[)>）]$")
HEADINGS = ["时间", "发送人", "内容"]


@dataclass(frozen=True)
class Count:
    """What one sender wrote on one day, counted."""

    row: int
    day: date
    at: datetime
    sender: str
    messages: int


def chat(text: str) -> Table:
    """A chat exported as text, "2026-03-05 14:02:11 名字(12345)" above each message, as a table. Raises Refusal: kernel.sheet_empty."""
    table: Table = [(1, HEADINGS)]
    for number, line in enumerate(text.splitlines(), 1):
        if found := _HEAD.fullmatch(line.strip()):
            table.append((number, [found["at"], _NUMBER.sub("", found["sender"]).strip(), ""]))
    if len(table) < 2:
        raise Refusal("kernel.sheet_empty")
    return table


def read(table: Table, mapping: Mapping[str, str], terms: Terms) -> Read:
    """The counts of a file. Raises Refusal: kernel.sheet_columns."""
    found = Read()
    rows = lines(table, "messages", mapping, terms, found)
    counted: Counter[tuple[date, str]] = Counter()
    first: dict[tuple[date, str], int] = {}
    for row in rows:
        at, sender = row.values.get("at"), str(row.values.get("sender", ""))
        if at is None or not sender:
            if not any(p.row == row.number for p in found.problems):
                column = heading(mapping, "at" if at is None else "sender")
                found.problems.append(Problem(row.number, column, "kernel.cell_empty", {}))
            continue
        if at > terms.now:
            found.problems.append(
                Problem(row.number, heading(mapping, "at"), "insight.import_future", {"value": f"{at:%Y-%m-%d %H:%M} UTC"})
            )
            continue
        key = (at.astimezone(terms.zone).date(), sender)
        counted[key] += 1
        first.setdefault(key, row.number)
    noon = {day: datetime.combine(day, time(12), terms.zone) for day, _ in counted}
    found.items = [Count(first[k], k[0], min(noon[k[0]], terms.now), k[1], n) for k, n in sorted(counted.items(), key=lambda i: i[0])]
    found.counts = {"rows": len(rows), "days": len(noon), "senders": len({s for _, s in counted})}
    return found


def judge(run: Import, found: Read) -> None:
    """Whose messages they are, in which community; how many days are new or longer than before."""
    place = telling.places(run.region, [run.place] if run.place else [], open_new=False).get(run.place)
    if place is None:
        found.problems.insert(0, Problem(1, heading(run.mapping, "sender"), "insight.import_which_group", {}))
        return
    rows = _rows(run, found, place)
    found.counts |= {"new": len(rows), "named": len({r.member_id for r in rows if r.member_id})}
    found.items = rows


def _rows(run: Import, found: Read, place: int) -> list[telling.Row]:
    names = people.member_names(run.region)
    together: dict[tuple[date, int | None], list[Count]] = {}
    for c in found.items:
        together.setdefault((c.day, names.get(c.sender)), []).append(c)
    rows = []
    for (day, member_id), counts in together.items():
        key = ids.named_hex(f"import/messages/{run.region}/{place}/{day}/{member_id}")
        number = sum(c.messages for c in counts)
        payload = {"count_id": key, "import_id": run.pk, "member_id": member_id, "community_id": place, "messages": number}
        rows.append(telling.Row(key, str(number), counts[0].at, member_id, payload))
    before = telling.standing(run.region, run.kind, [r.key for r in rows])
    # An export that begins in the middle of a day counts less of it: the longer count stands.
    return [r for r in rows if int(before.get(r.key, (0, "0"))[1]) < int(r.digest)]


def tell(run: Import, found: Read, report: Tell) -> int:
    """The counts into the log. Returns how many facts were told."""
    done = 0

    def step(count: int) -> None:
        nonlocal done
        done += count
        report(done, max(len(found.items), 1), "import.messages")

    return telling.tell_rows(run, "history.messages_counted", found.items, step)
