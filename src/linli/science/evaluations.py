"""Which models can be judged beside their rivals: `linli evaluate NAME`.

A module listed here has two functions:

* ``run(data_dir: Path | None, *, seed: int = 0) -> list[Row]``: the comparison on a time split, ours and its rivals in
  one run; one row (a dict that JSON can hold) per data set and model, with keys ``data`` and ``model`` at least. A data
  set that is not in ``data_dir`` is a row that says so, not an error. Another seed is another draw of everything random.
* ``render(rows) -> str``: the same as a plain text table.
"""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

type Row = dict[str, Any]

EVALUATIONS = {
    "churn": "linli.science.evaluate_churn",
    "basket": "linli.science.evaluate_basket",
    "demand": "linli.science.evaluate_demand",
    "value": "linli.science.evaluate_value",
}


class Evaluation(Protocol):
    """What a listed module offers."""

    def run(self, data_dir: Path | None, *, seed: int = 0) -> list[Row]:
        """Rows of the comparison."""

    def render(self, rows: Sequence[Row]) -> str:
        """Rows as a table to read."""


def evaluation(name: str) -> Evaluation:
    """The module that judges ``name``, imported when asked for: models bring libraries that take a second to load."""
    return cast(Evaluation, import_module(EVALUATIONS[name]))
