"""What the command line writes with: one console, its progress bars and tables. The library is loaded when something is written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress


@cache
def out() -> Console:
    """The console."""
    from rich.console import Console

    return Console()


def progress() -> Progress:
    """A progress bar on the console."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    return Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=out()
    )


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table on the console; numbers stand right."""
    from rich.table import Table

    made = Table(title=title, title_justify="left")
    for n, column in enumerate(columns):
        made.add_column(column, justify="right" if n and n < len(columns) - 1 else "left")
    for row in rows:
        made.add_row(*row)
    out().print(made)
