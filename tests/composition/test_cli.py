"""The command line does what the rooms do, and says so."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from linli import wiring
from linli.cli import main
from linli.insight import lake
from linli.kernel import events
from linli.kernel.models import Reader
from linli.people.events import MemberJoined

AT = datetime(2017, 10, 2, 12, tzinfo=UTC)


@pytest.mark.django_db(transaction=True)
def test_the_lake_is_rebuilt_from_the_log_alone(tmp_path: Path, settings: Any) -> None:
    settings.HOME = tmp_path
    facts = [events.Told(MemberJoined(n, 7, "shop", ""), "us-demo", f"member:{n}", AT, AT) for n in range(3)]
    events.append_many(facts[:1], source="history", silent=True)
    events.append_many(facts[1:])
    readers = {"lake": wiring.READERS["lake"]}
    events.drain(readers)
    assert lake.table("people.member_joined").count().execute() == 2
    told = CliRunner().invoke(main, ["lake", "rebuild"])
    assert (told.exit_code, told.output.strip()) == (0, "3 rows written anew.")
    assert lake.table("people.member_joined").count().execute() == 3
    assert Reader.objects.get(name="lake").event_id == 0
    events.drain(readers)
    assert lake.table("people.member_joined").count().execute() == 3
    assert "people.member_joined" in CliRunner().invoke(main, ["lake"]).output
