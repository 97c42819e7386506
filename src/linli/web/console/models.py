"""Models: each one's version, its verdict on the operator's own unseen days beside anybody's forecast, and whether it still holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from linli.kernel import clocks, money
from linli.web import words
from linli.web.access import allow
from linli.web.console import frame
from linli.web.console.forecasts import DRIVERS, FORECASTS
from linli.web.console.people_of import currency_of

if TYPE_CHECKING:
    from linli.insight import model_cards

MODELS: dict[str, tuple[str | Promise, str | Promise, str]] = {
    "churn": (gettext_lazy("45 天流失"), gettext_lazy("每位近 90 天买过的会员，未来 45 天不再下单的概率。"), "console:members"),
    "value": (gettext_lazy("会员价值"), gettext_lazy("每位会员未来 90 天会花多少，带把握。"), "console:members"),
    "basket": (gettext_lazy("下一篮"), gettext_lazy("每位会员下一次会买什么。"), "console:members"),
    "demand": (gettext_lazy("需求"), gettext_lazy("每个单品在每个小区未来 14 天每天要多少份，带把握。"), "console:forecasts"),
}
COLUMNS: dict[str, str | Promise] = {
    "rmse": gettext_lazy("均方根误差，份/天"),
    "wape": gettext_lazy("误差占销量"),
    "wpe": gettext_lazy("偏差占销量"),
    "roc": "ROC AUC",
    "pr": "PR AUC",
    "calibration": gettext_lazy("校准误差"),
    "place": gettext_lazy("单品 × 小区"),
    "sku": gettext_lazy("单品"),
    "category": gettext_lazy("品类"),
    "members": gettext_lazy("会员"),
    "risk": gettext_lazy("流失概率"),
    "cutoffs": gettext_lazy("训练的时点"),
    "days": gettext_lazy("学过的天数"),
    "skus": gettext_lazy("单品"),
    "places": gettext_lazy("小区"),
    "inside_80": gettext_lazy("80% 区间里实际占"),
    "worst_gap": gettext_lazy("分位数最大偏差"),
    "left": gettext_lazy("流失的会员"),
    "value_rmse": gettext_lazy("均方根误差，每位会员"),
    "total_error": gettext_lazy("总额偏差"),
    "recall_10": gettext_lazy("前 10 样猜中"),
    "ndcg_10": "nDCG@10",
    "nobody": gettext_lazy("还没有"),
}


@allow("operator")
@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """Every model: what it is, which version, what serves and how that was found out, and whether it still holds."""
    from linli.insight import model_cards  # a start loads no lake and no arrays: the first look does

    shown = []
    currency = currency_of(request.actor.region)  # type: ignore[attr-defined]
    for card in model_cards.cards(request.actor.region, clocks.business_now()):  # type: ignore[attr-defined]
        name, what, page = MODELS.get(card.key, (card.key, "", "console:today"))
        shown.append({
            "card": card, "name": name, "what": what, "page": page, "verdict": words.code(card.note),
            "good": card.note.endswith(".good"),
            "serves": [(COLUMNS.get(level, level), FORECASTS.get(code, COLUMNS["nobody"])) for level, code in card.serves],
            "tables": [_table(t, currency) for t in card.tables],
            "drivers": [(DRIVERS.get(d, d), share, round(100 * share / max(card.drivers[0][1], 1e-9))) for d, share in card.drivers],
            "drift": [(COLUMNS.get(d.code, d.code), _figure(currency, model_cards.Figure(d.said, d.unit)),
                       _figure(currency, model_cards.Figure(d.happened, d.unit)), d) for d in card.drift],
            "versions": [(v, FORECASTS.get(v.serves, v.serves), _figure(currency, v.figure)) for v in card.versions],
            "facts": [(COLUMNS.get(code, code), _figure(currency, f)) for code, f in card.facts],
        })  # fmt: skip
    return frame.page(request, "console/models.html", "models", {"models": shown})


def _table(told: model_cards.Table, currency: str) -> dict[str, object]:
    rows = [(FORECASTS.get(r.code, r.code), [_figure(currency, f) for f in r.figures], r.serves, r.code == "served") for r in told.rivals]
    return {"name": COLUMNS.get(told.code, told.code), "columns": [COLUMNS.get(c, c) for c in told.columns], "n": told.n, "rows": rows}


def _figure(currency: str, figure: model_cards.Figure) -> str:
    if figure.value is None:
        return "—"
    if figure.unit == "share":
        return f"{100 * figure.value:.1f}%"
    if figure.unit == "minor":
        return f"{money.CURRENCIES[currency].symbol}{figure.value / 100:,.2f}"
    return f"{figure.value:,.0f}" if figure.unit == "count" else f"{figure.value:,.3f}"
