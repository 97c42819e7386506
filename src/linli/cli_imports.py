"""`linli import ...`: other systems' files from the command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from linli.terminal import out, progress, table


def _from_file(kind: str) -> click.Command:
    """`linli import orders|members|messages FILE`."""
    helps = {
        "orders": "Order lines that another system exported (CSV, XLSX). The file is checked whole; twice adds nothing.",
        "members": "A list of members (CSV, XLSX). Who is there already stays as they are.",
        "messages": "A group chat's export (CSV, XLSX, TXT): who wrote how many messages on which day. What was written is not kept.",
    }

    @click.command(name=kind, help=helps[kind])
    @click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
    @click.option("--region", help="Region it belongs to; needed where there are several.")
    @click.option(
        "--origin", default="", help="Whose export it is: ktt, qunjielong, youzan, weidian, other. Told from the headings otherwise."
    )
    @click.option("--community", "place", default="", help="Community of rows that name none (of the whole chat for messages).")
    @click.option("--map", "maps", multiple=True, metavar="FIELD=HEADING", help="Which heading a field stands under; several.")
    @click.option("--profiling/--no-profiling", default=False, help="These customers have agreed that what they buy is analysed.")
    @click.option("--dry-run", is_flag=True, help="Check only: what it would do, and every problem.")
    def bring_in(file: Path, region: str | None, origin: str, place: str, maps: tuple[str, ...], profiling: bool, dry_run: bool) -> None:
        from linli.insight.imports import runs
        from linli.people import queries as people

        slug = region or next((r.slug for r in people.regions()), "")
        run = runs.begin(region=slug, kind=kind, content=file.read_bytes(), filename=file.name, origin=origin, by="command")
        mapping = run.mapping | dict(m.partition("=")[::2] for m in maps)
        run = runs.map_columns(import_id=run.pk, region=slug, mapping=mapping, origin=run.origin, place=place, profiling=profiling)
        with progress() as shown:
            task = shown.add_task("reading", total=None)
            tell = lambda done, total, label: shown.update(task, completed=done, total=total, description=label)  # noqa: E731
            found = runs.check(run, tell)
            if not found.problems and not dry_run:
                runs.write(run, tell, found)
        _tell_import(run, mapping)
        sys.exit(1 if run.problem_count else 0)

    return bring_in


def _tell_import(run: Any, mapping: dict[str, str]) -> None:
    """What was read under which columns, what it would add or has added, what is wrong."""
    from linli.kernel.refusals import Refusal
    from linli.web import words

    table("columns", ("field", "stands under"), sorted(mapping.items()))
    table(f"{run.filename}: {run.state}", ("what", "count"), [(name, f"{count:,}") for name, count in run.counts.items()])
    for kind, told in run.notes.items():
        out().print(f"{kind}: " + ", ".join(f"{text} ({count})" if count else text for text, count in told.items()), highlight=False)
    if run.problem_count:
        rows = [(str(r), column, *words.refusal(Refusal(code, **facts), "en")) for r, column, code, facts in run.problems[:50]]
        table(f"{run.problem_count:,} problems, nothing was written", ("row", "column", "problem", "what to do"), rows)


@click.command(name="goods")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--region", help="Region it belongs to; needed where there are several.")
@click.option("--dry-run", is_flag=True, help="Check only: what it would do, and every problem.")
def import_goods(file: Path, region: str | None, dry_run: bool) -> None:
    """The catalogue from CSV or XLSX: new SKUs and changes. The file is checked whole; twice changes nothing."""
    from linli.goods import imports
    from linli.kernel.refusals import Refusal
    from linli.people import queries as people
    from linli.web import words

    found = next((r for r in people.regions() if region in (None, r.slug)), None)
    if found is None:
        raise Refusal("people.no_such_region", region=region or "")
    told: dict[str, Any] = {"region": found.slug, "currency": found.currency, "content": file.read_bytes(), "filename": file.name}
    plan = imports.plan(**told)
    if plan.problems:
        rows = [(str(p.row), p.column, *words.refusal(Refusal(p.code, **p.facts), "en")) for p in plan.problems[:50]]
        table(f"{len(plan.problems):,} problems, nothing was written", ("row", "column", "problem", "what to do"), rows)
        sys.exit(1)
    if not dry_run:
        imports.apply(**told, by="command")
    verb = "would add" if dry_run else "added"
    out().print(f"{verb} {len(plan.new):,}, changed {len(plan.changed):,}, unchanged {plan.unchanged:,}", highlight=False)


@click.command(name="list")
def list_imports() -> None:
    """Files imported: what they told, and which were taken back."""
    from linli.insight.imports import queries

    rows = [(str(r.import_id), r.region, r.kind, r.origin, r.filename, f"{r.counts.get('told', 0):,}", r.state) for r in queries.listed()]
    table("imports", ("number", "region", "kind", "origin", "file", "told", "state"), rows)


@click.command(name="undo")
@click.argument("number", type=int)
def undo_import(number: int) -> None:
    """Take an import back: what it told counts no more, and its file may be imported again. Members stay."""
    from linli.insight.imports import queries, runs
    from linli.kernel.refusals import Refusal

    run = next((r for r in queries.listed() if r.import_id == number), None)
    if run is None:
        raise Refusal("insight.no_such_import")
    told = runs.withdraw(import_id=number, region=run.region, by="command")
    out().print(f"{told:,} facts taken back; the worker counts again what they changed.", highlight=False)


COMMANDS = (*map(_from_file, ("orders", "members", "messages")), import_goods, list_imports, undo_import)
