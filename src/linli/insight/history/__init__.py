"""History: a year of real orders, imported once and revealed day by day; the demonstration shop made from it."""

from linli.insight.history.completejourney import REGION, START, import_history, kept_report
from linli.insight.history.goods import open_days_groups, seed_shop
from linli.insight.history.report import Report
from linli.insight.history.reveal import reveal

__all__ = ["REGION", "START", "Report", "import_history", "kept_report", "open_days_groups", "reveal", "seed_shop"]
