"""What an import brought in and left out, kept with the region and shown by the command line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Report:
    """Counts by what they count, in order; `seconds` of each step; `faces` are the households to sign in as."""

    counts: dict[str, int]
    seconds: dict[str, float] = field(default_factory=dict)
    faces: dict[str, int] = field(default_factory=dict)

    def lines(self) -> list[tuple[str, int]]:
        """(what, count), as a table shows them."""
        return list(self.counts.items())

    def as_json(self) -> dict[str, Any]:
        """For the row that keeps it. Lists of pairs, since a database may reorder an object's keys."""
        return {"counts": list(self.counts.items()), "seconds": list(self.seconds.items()), "faces": list(self.faces.items())}

    @staticmethod
    def from_json(kept: dict[str, Any]) -> Report:
        """The report as it was kept."""
        return Report(dict(kept["counts"]), dict(kept["seconds"]), dict(kept["faces"]))
