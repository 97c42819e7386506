"""History: a year of real orders, imported once and revealed day by day; the demonstration shop made from it."""

from linli.insight.history.completejourney import REGION, START, import_history, kept_report
from linli.insight.history.goods import open_days_groups, seed_shop
from linli.insight.history.report import Report
from linli.insight.history.reveal import reveal
from linli.insight.history.together import open_days_groups as open_days_together
from linli.insight.history.together import seed as seed_together

__all__ = [
    "REGION",
    "START",
    "Report",
    "import_history",
    "kept_report",
    "open_days_groups",
    "open_days_together",
    "reveal",
    "seed_shop",
    "seed_together",
]
