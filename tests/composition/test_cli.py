"""The command line does what the rooms do, and says so."""

from __future__ import annotations

import json
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
from linli.science import evaluations

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


def test_every_evaluation_listed_can_be_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The command hands data, seed and file on; a module that lacks a verb is found here and not by an operator."""
    for name in evaluations.EVALUATIONS:
        module, asked = evaluations.evaluation(name), {}

        def run(data_dir: Path | None, *, seed: int = 0, asked: dict[str, object] = asked) -> list[dict[str, object]]:
            asked |= {"data": data_dir, "seed": seed}
            return [{"data": "none", "model": f"asked with seed {seed}"}]

        assert callable(module.run)
        monkeypatch.setattr(module, "run", run)
        file = tmp_path / f"{name}.json"
        told = CliRunner().invoke(main, ["evaluate", name, "--data", str(tmp_path), "--seed", "7", "--json", str(file)])
        assert told.exit_code == 0, told.output
        assert asked == {"data": tmp_path, "seed": 7}
        assert "asked with seed 7" in told.output
        assert json.loads(file.read_text()) == [{"data": "none", "model": "asked with seed 7"}]
