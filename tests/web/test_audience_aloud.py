"""A rule read aloud says what it means, in both languages."""

from __future__ import annotations

import pytest
from django.utils import translation

from linli.web.console.audience import read_aloud


@pytest.mark.parametrize(
    "rule, zh, en",
    [
        ("recency_days between 7 and 179", "距上次下单 在 7 到 179 之间", "Days since last order is between 7 and 179"),
        ("not (recency_days between 7 and 179)", "距上次下单 不在 7 到 179 之间", "Days since last order is not between 7 and 179"),
        ("risk is not known", "不知道45 天流失概率", "45-day churn risk is not known"),
        (
            "risk >= 0.4 and (orders_90d > 2 or recency_days > gap_median_days * 2)",
            "45 天流失概率 ≥ 0.4 并且（近 90 天订单 > 2 或者 距上次下单 > 平时间隔 × 2）",
            "45-day churn risk ≥ 0.4 and (Orders, 90 days > 2 or Days since last order > Usual gap × 2)",
        ),
        ("rfm_m in [4, 5]", "M 分 是4、5之一", "M grade is one of 4, 5"),
        ("(orders_90d + 1) * 2 > 3", "（近 90 天订单 + 1）× 2 > 3", "(Orders, 90 days + 1) × 2 > 3"),
        ("recency_days between", "recency_days between", "recency_days between"),
    ],
)
def test_a_rule_is_read_as_it_is_meant(rule: str, zh: str, en: str) -> None:
    with translation.override("zh-hans"):
        assert read_aloud(rule) == zh
    with translation.override("en"):
        assert read_aloud(rule) == en
