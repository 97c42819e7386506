"""The command line: `linli --help`."""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from linli import cli_imports
from linli.science.evaluations import EVALUATIONS, evaluation
from linli.terminal import out, progress, table

if TYPE_CHECKING:
    from linli.insight.demand import Artefact as DemandArtefact
    from linli.kernel.refusals import Refusal


def _set_up() -> None:
    """Django and every room's models: half a second, which a command that needs neither (`cls=click.Command`) does without."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "linli.settings")
    import django

    django.setup()


class Knowing(click.Command):
    """A command over the rooms."""

    def invoke(self, ctx: click.Context) -> Any:
        _set_up()
        return super().invoke(ctx)


class Guarded(click.Group):
    """Commands over the rooms, unless `cls` says otherwise. A refusal is told in words, with its code, and ends with status 2."""

    command_class = Knowing
    group_class = type

    def invoke(self, ctx: click.Context) -> Any:
        from linli.kernel.refusals import Refusal

        if ctx.parent is not None:
            _set_up()
        try:
            return super().invoke(ctx)
        except Refusal as refusal:
            _tell(refusal)
            sys.exit(2)


def _tell(refusal: Refusal) -> None:
    _set_up()
    from linli.web import words

    says, do = words.refusal(refusal, "en")
    out().print(f"[red]{says}[/] ({refusal.code}) {do}", highlight=False)


@click.group(cls=Guarded)
@click.version_option(package_name="linli")
def main() -> None:
    """Linli (邻里): an operating system for community group-buying."""


# ---- bringing it up


@main.command(cls=click.Command)
def assets() -> None:
    """Front-end packages, icons, pictures and message catalogues into place. Does nothing when nothing changed."""
    from linli.web import assets

    assets.build(say=click.echo)


@main.command()
def migrate() -> None:
    """Bring the database to this version's tables."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)


@main.command(cls=click.Command)
@click.pass_context
def init(ctx: click.Context) -> None:
    """Tables, and on the first run a year of real history, the shop's goods, the models and the first day."""
    from linli import ready

    if ready.done():
        return
    _set_up()
    ctx.invoke(migrate)
    if ready.first_run_done():
        return
    from linli import first_run

    click.echo("First run: bringing a year of real grocery orders in (about a minute).")
    with progress() as shown:
        task = shown.add_task("starting", total=None)
        first_run.run(lambda done, total, label: shown.update(task, completed=done, total=total, description=label))
    for line in first_run.summary():
        click.echo(f"  {line}")


@main.command(cls=click.Command)
@click.option("--port", default=8000, show_default=True, help="Port of the web process; the sandbox gateway takes the next one.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--web-workers", default=1, show_default=True, help="Web processes.")
@click.option("--init", "first", is_flag=True, help="What `linli init` does before, where something is to be done.")
def up(port: int, host: str, web_workers: int, first: bool) -> None:
    """Run web, worker and (in the sandbox) the payment gateway together; Ctrl-C stops them cleanly."""
    from linli import processes, ready

    # A process of its own: what bringing history in has loaded is not kept for as long as Linli is up.
    if first and not ready.done() and (failed := processes.init()):
        sys.exit(failed)
    sys.exit(processes.up(host=host, port=port, web_workers=web_workers, say=click.echo))


@main.command()
def worker() -> None:
    """Perform due work, hand events to readers. Several may run."""
    from linli import worker

    worker.run()


@main.command(cls=click.Command)
@click.option("--port", default=8001, show_default=True)
@click.option("--seed", default=1, show_default=True, help="Seed of the misbehaviour.")
@click.option("--misbehave/--behave", default=True, show_default=True, help="Lose, double, delay, reorder and forge callbacks.")
def gateway(port: int, seed: int, misbehave: bool) -> None:
    """The sandbox payment gateway: speaks HTTP, signs its callbacks, and misbehaves on a seeded schedule."""
    from linli import sandbox_gateway, settings

    sandbox_gateway.serve("127.0.0.1", port, home=settings.HOME, secret=settings.GATEWAY_SECRET, seed=seed, misbehave=misbehave)


# ---- data in


@main.group(name="import")
def import_() -> None:
    """Bring data in."""


@import_.command(name="complete-journey")
def complete_journey() -> None:
    """A year of real grocery orders (84.51, 2017): 2,469 households, 155,848 baskets. Twice adds nothing."""
    from linli.insight import history

    with progress() as shown:
        task = shown.add_task("reading", total=None)
        report = history.import_history(lambda done, total, label: shown.update(task, completed=done, total=total, description=label))
    table("Complete Journey", ("what", "count"), [(name, f"{count:,}") for name, count in report.lines()])


for _command in cli_imports.COMMANDS:
    import_.add_command(_command)


# ---- the days


@main.command()
@click.option("--days", default=1, show_default=True)
def step(days: int) -> None:
    """Step the shop through the next day(s): history revealed, deadlines met, knowledge refreshed, playbooks advanced."""
    from datetime import timedelta

    from linli import day
    from linli.kernel import clocks

    with progress() as shown:
        task = shown.add_task("", total=None)
        for _ in range(days):
            to = clocks.business_now() + timedelta(days=1)
            day.step_to(to, tell=lambda done, total, label: shown.update(task, completed=done, total=total, description=label))
            shown.print(f"The shop's clock stands at {to:%Y-%m-%d %H:%M} UTC.")


@main.command()
@click.argument("at", required=False, type=click.DateTime(["%Y-%m-%dT%H:%M", "%Y-%m-%d"]))
@click.option("--run", "running", is_flag=True, help="Let it run with the machine's clock again.")
def clock(at: datetime | None, running: bool) -> None:
    """Show the business clock, make it stand at AT (the shop's time zone), or let it run."""
    from django.utils import timezone

    from linli.kernel import clocks

    if running:
        clocks.set_business(None)
    elif at:
        clocks.set_business(timezone.make_aware(at))
    standing = clocks.standing_at()
    out().print(f"business {clocks.business_now():%Y-%m-%d %H:%M} UTC ({'standing' if standing else 'running'})", highlight=False)


# ---- knowing


@main.command()
@click.argument("names", nargs=-1, required=True, type=click.Choice(["churn", "value", "basket", "demand", "all"]))
def train(names: tuple[str, ...]) -> None:
    """Train models on what is known now, judge each on days it had not seen, and keep it as a new version."""
    from linli.insight import demand, refresh
    from linli.kernel import clocks
    from linli.people import queries as people

    for region in people.regions():
        for kind, learn in refresh.TRAINED.items():
            if {kind, "all"} & set(names):
                out().print(learn(region.slug, clocks.business_now()), highlight=False)
        if {"demand", "all"} & set(names):
            _tell_demand(demand.train(region.slug, clocks.business_now()))


def _tell_demand(found: DemandArtefact) -> None:
    """What serves each level of demand, and every forecast's misses on the operator's own days."""
    from linli.web import words

    rows = []
    for level, models in (found.verdict or {}).get("table", {}).items():
        for name, row in models.items():
            chosen = "serves" if found.serves[level] == name else ""
            rows.append((level, name, f"{row['n']:,.0f}", f"{row['rmse']:.3f}", f"{row['wape']:.3f}", f"{row['wpe']:+.1%}", chosen))
    table(f"demand {found.version}", ("level", "forecast", "n", "RMSE", "WAPE", "WPE", ""), rows)
    out().print(words.code(found.note, "en"), highlight=False)


@main.command()
def models() -> None:
    """What serves in each region: the model or its baseline, and the figures of the verdict on the operator's own data."""
    from linli.insight import demand, verdicts
    from linli.kernel import clocks
    from linli.people import queries as people
    from linli.web import words

    rows = []
    for region in people.regions():
        for v in verdicts.of(region.slug, clocks.business_now()):
            ours = f"{v.measure} {v.ours}" if v.ours else "-"
            against = "; ".join(f"{name} {figure}" for name, figure in v.rivals)
            rows.append((f"{v.kind} {v.version}", v.serves or "nothing", ours, against, v.also, words.code(v.note, "en")))
    table("models", ("model", "serves", "on days not seen", "against", "also", "verdict"), rows)
    for region in people.regions():
        if (forecast := demand.newest(region.slug, clocks.business_now())) is not None:
            _tell_demand(forecast)


@main.command()
@click.argument("name", type=click.Choice(sorted(EVALUATIONS)))
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write the same figures here.")
@click.option("--data", type=click.Path(path_type=Path), envvar="LINLI_DATA", help="Folder with the public data sets (LINLI_DATA).")
@click.option("--seed", default=0, show_default=True, help="Another seed is another draw of everything random.")
def evaluate(name: str, json_file: Path | None, data: Path | None, seed: int) -> None:
    """Judge a model on a time split beside its rivals, in one run."""
    judge = evaluation(name)
    rows = judge.run(data, seed=seed)
    out().print(judge.render(rows), highlight=False, soft_wrap=True)
    if json_file:
        json_file.write_text(json.dumps(rows, indent=1, default=str) + "\n")


# ---- being paid


@main.group(name="pay")
def pay_() -> None:
    """Payment channels: fit to go live? Does the day add up?"""


@pay_.command(name="doctor")
@click.argument("channel", required=False, type=click.Choice(["wechat", "alipay"]))
@click.option("--zh", is_flag=True, help="Say it in Chinese.")
def pay_doctor(channel: str | None, zh: bool) -> None:
    """Check a merchant's configuration before going live, each finding with what to do. Status 1 when something is bad."""
    from linli.trade import doctor
    from linli.web import words

    bad = False
    for name in [channel] if channel else ["wechat", "alipay"]:
        checks = doctor.examine(name)
        rows = []
        for check in checks:
            code, language = f"doctor.{check.code}", "zh" if zh else "en"
            to_do = "" if check.state == "ok" else words.do(code, language, **check.facts)
            rows.append((check.state, words.code(code, language), to_do))
        table(f"{name} pay", ("state", "what", "to do"), rows)
        bad = bad or not doctor.ready(checks)
    sys.exit(1 if bad else 0)


@pay_.command(name="reconcile")
@click.option("--day", "of", type=click.DateTime(["%Y-%m-%d"]), help="The channels' business day (Beijing); default yesterday.")
@click.option("--channel", type=click.Choice(["wechat", "alipay"]), help="One channel; default all that are set up.")
def pay_reconcile(of: datetime | None, channel: str | None) -> None:
    """Fetch a day's bill and match it with the books. Status 1 when differences wait for somebody, or there is no bill."""
    from datetime import timedelta

    from linli.kernel import clocks
    from linli.trade import channels, reconcile

    day = of.date() if of else channels.day_of(clocks.machine_now()) - timedelta(days=1)
    results = [r for name in ([channel] if channel else reconcile.set_up()) for r in reconcile.day(channel=name, day=day, by="cli")]
    rows = [(r.channel, r.region, str(r.day), str(r.lines), str(r.open_count), r.error or "ok") for r in results]
    table("reconciled", ("channel", "region", "day", "lines", "differences", "bill"), rows)
    sys.exit(1 if any(r.open_count or r.error for r in results) else 0)


# ---- looking after it


@main.command()
def audit() -> None:
    """Prove the books: zero-sum, balance = replay, holds = open pendings, floors. Status 1 when they don't hold."""
    from linli.kernel import ledger

    found = ledger.audit()
    for finding in found.findings:
        out().print(f"[red]{finding}[/]", highlight=False)
    out().print("The ledger holds." if found.ok else "The ledger does not hold.")
    sys.exit(0 if found.ok else 1)


@main.command()
def readers() -> None:
    """Where each reader of events stands."""
    from linli import wiring
    from linli.kernel import events

    rows = [(s.name, f"{s.read_count:,}", f"{s.waiting_count:,}", s.error or "ok") for s in events.standings(wiring.READERS)]
    table("readers", ("reader", "read", "waiting", "state"), rows)


@main.group(invoke_without_command=True)
@click.option("--compact", is_flag=True, help="Merge small files first.")
@click.pass_context
def lake(ctx: click.Context, compact: bool) -> None:
    """The lake's tables: rows, files, size, version, when its small files were last merged (UTC); and how many events wait for it."""
    if ctx.invoked_subcommand:
        return
    from linli.insight import lake

    if compact:
        lake.compact()
    rows = [
        (t.kind, f"{t.rows:,}", str(t.files), f"{t.bytes / 1e6:,.1f} MB", str(t.version), _minute(t.compacted_at)) for t in lake.tables()
    ]
    table("lake", ("table", "rows", "files", "size", "version", "merged"), rows)
    from linli import wiring
    from linli.kernel import events

    (stands,) = events.standings({"lake": wiring.READERS["lake"]})
    out().print(f"{stands.waiting_count:,} events wait to be written. {stands.error}", highlight=False)


def _minute(at: datetime | None) -> str:
    return f"{at:%m-%d %H:%M}" if at else "-"


@lake.command(name="rebuild")
def rebuild_lake() -> None:
    """Write the whole lake anew from the log, silent history included, and swap it in. The worker may go on meanwhile."""
    from linli.insight import lake
    from linli.kernel import events

    written = lake.rebuild()
    events.rewind("lake")  # what was relayed during the swap is read again, and left out where it is there already
    out().print(f"{written:,} rows written anew.", highlight=False)


@main.group()
def token() -> None:
    """Tokens that programs call the API with."""


@token.command(name="make")
@click.option("--phone", required=True, help="Phone number of the person whose token it is.")
@click.option(
    "--as",
    "acts_as",
    type=click.Choice(["operator", "leader", "member"]),
    default="operator",
    show_default=True,
    help="The role it acts in.",
)
@click.option("--name", required=True, help="Who uses it, and for what.")
@click.option("--scope", "scopes", multiple=True, help="An area's read or write, such as orders:read; several. None: every area's.")
@click.option("--days", type=click.IntRange(1, 3650), help="Days until it expires.")
def make_token(phone: str, acts_as: str, name: str, scopes: tuple[str, ...], days: int | None) -> None:
    """Make a token and print its secret: this once."""
    from datetime import timedelta

    from linli.kernel import clocks
    from linli.kernel.refusals import Refusal
    from linli.people import queries as people
    from linli.web import access
    from linli.web.api import tokens

    person = people.person_by_phone(phone)
    if person is None:
        raise Refusal("api.no_such_identity")
    made = tokens.make(
        region=access.load(person.person_id).region,
        name=name,
        acts_as=acts_as,
        person_id=person.person_id,
        scopes=scopes or tokens.SCOPES,
        by="command",
        expires_at=clocks.machine_now() + timedelta(days=days) if days else None,
    )
    click.echo(made.secret)


@token.command(name="list")
def list_tokens() -> None:
    """Every token: who it is, what it opens, when it was used."""
    from linli.people import queries as people
    from linli.web.api import tokens

    rows = [
        (t.prefix, region.slug, t.name, f"{t.person} ({t.acts_as})", t.state, f"{t.used_at:%Y-%m-%d %H:%M}" if t.used_at else "never")
        for region in people.regions()
        for t in tokens.of_region(region.slug)
    ]
    table("tokens", ("prefix", "region", "name", "person", "state", "last used (UTC)"), rows)


@token.command(name="revoke")
@click.argument("prefix")
def revoke_token(prefix: str) -> None:
    """Let a token open nothing from now on."""
    from linli.kernel.refusals import Refusal
    from linli.people import queries as people
    from linli.web.api import tokens

    for region in people.regions():
        if any(t.prefix == prefix for t in tokens.of_region(region.slug)):
            tokens.revoke(region=region.slug, prefix=prefix, by="command")
            out().print("revoked", highlight=False)
            return
    raise Refusal("api.no_such_token")


@main.command()
def docs() -> None:
    """Write the generated pages of docs/ anew: commands, events, metrics, features, refusals, roles."""
    from linli import reference

    for path in reference.write(Path("docs"), main):
        out().print(f"wrote {path}", highlight=False)


if __name__ == "__main__":
    main()
