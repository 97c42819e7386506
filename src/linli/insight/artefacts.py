"""Model files of a region by kind (churn, value, basket): versions on disk, the newest as of a moment, when a new one is due.

HOME/models/<kind>/<version>.json says what was trained, how it was judged and what serves; what the model itself holds lies
beside it. The artefact is written last: a model without it was not finished and is never read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings

KINDS = ("churn", "value", "basket")
OLD_AFTER_DAYS = 60
"""A model older than this still serves, but says so."""
RETRAIN_AFTER_DAYS = 30


@dataclass(frozen=True)
class Artefact:
    """What is kept of a model of value or of the basket. `serves`: "model", "baseline" or "" (nobody bought yet).

    `note`: the verdict as a code of words, filled from `judged` (None: nothing to judge on yet).
    """

    version: str
    region: str
    trained_as_of: str
    note: str
    serves: str = ""
    judged: dict[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def folder(kind: str) -> Path:
    """Where the files of a kind lie."""
    return Path(settings.HOME) / "models" / kind


def version(region: str, as_of: datetime) -> str:
    """The name of what is trained as of a moment."""
    return f"{region}-{as_of.astimezone(UTC):%Y%m%dT%H%M%S}"


def put(path: Path, write: Callable[[Path], object]) -> None:
    """A file that is there whole or not at all: written under another name, then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.draft")
    write(draft)
    draft.replace(path)


def keep(kind: str, told: dict[str, Any]) -> None:
    """Write an artefact."""
    put(folder(kind) / f"{told['version']}.json", lambda draft: draft.write_text(json.dumps(told, indent=1)))


def newest(kind: str, region: str, as_of: datetime) -> dict[str, Any] | None:
    """The artefact of the newest model trained by `as_of`; None when there is none."""
    found = [json.loads(path.read_text()) for path in folder(kind).glob(f"{region}-*.json") if path.suffixes == [".json"]]
    found = [a for a in found if a["region"] == region and _trained(a) <= as_of]
    return max(found, key=_trained, default=None)


def _trained(told: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(told["trained_as_of"])


def of(kind: str, region: str, as_of: datetime) -> Artefact | None:
    """`newest` of value or basket."""
    told = newest(kind, region, as_of)
    return Artefact(**told) if told else None


def is_due(kind: str, region: str, as_of: datetime) -> bool:
    """Whether a model should be trained before scoring as of `as_of`."""
    latest = newest(kind, region, as_of)
    return latest is None or as_of - _trained(latest) >= timedelta(days=RETRAIN_AFTER_DAYS)


def is_old(trained_as_of: str, as_of: datetime) -> bool:
    """Whether a model must say that it is old."""
    return as_of - datetime.fromisoformat(trained_as_of) > timedelta(days=OLD_AFTER_DAYS)
