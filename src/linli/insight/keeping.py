"""What a refresh leaves to the worker: the boards that look deeper (groups, products, cohorts, places), as of the same moment."""

from __future__ import annotations

from datetime import datetime

from linli.insight import cohorts, parts
from linli.insight.features import zone_of
from linli.insight.local_days import day_number
from linli.insight.models import Refresh
from linli.kernel import clocks, work
from linli.kernel.models import WorkRow

KIND = "insight.boards"


def ask(region: str, as_of: datetime) -> None:
    """Let the worker count the boards as of a refresh; asking again asks once."""
    work.schedule(KIND, key=as_of.isoformat(), due_at=clocks.machine_now(), region=region, clock=WorkRow.Clock.MACHINE)


def due(row: WorkRow) -> None:
    """Work handler of "insight.boards". Where a newer refresh has come meanwhile, its own row counts, and this one has no more to do."""
    as_of = datetime.fromisoformat(row.key)
    if Refresh.objects.filter(region=row.region, as_of__gt=as_of).exists():
        return
    keep(row.region, as_of)


def keep(region: str, as_of: datetime) -> None:
    """Count everything there is to look into, in the place of what was kept. Doing it again changes nothing."""
    parts.keep(region, day_number(as_of, zone_of(region)) - 1)
    cohorts.keep(region, as_of)
