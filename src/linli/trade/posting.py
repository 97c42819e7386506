"""What a verb wants written on the ledger, gathered so that it is asked once, late, in one call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from linli.kernel import ledger
from linli.kernel.ledger import Entry


@dataclass
class Posting:
    """`must` is written or the verb fails; each of `may` is judged by itself and tells what follows when it fits."""

    must: list[Entry] = field(default_factory=list)
    may: list[tuple[list[Entry], Callable[[], None]]] = field(default_factory=list)

    def commit(self) -> None:
        """Ask the ledger. Raises Refusal when what must be written doesn't fit; the caller's transaction undoes the rest."""
        if not self.must and not self.may:
            return
        first, *others = ledger.batch([self.must, *(entries for entries, _ in self.may)])
        if first.refusal is not None:
            raise first.refusal
        for outcome, (_, then) in zip(others, self.may, strict=True):
            if outcome.ok:
                then()
