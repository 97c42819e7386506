"""What a launch has earned: its own numbers, and the comparison with its holdout. Intention to treat: whoever entered
counts in the arm that was drawn, whether a leader ever spoke to them or not; otherwise the willing would be compared
with the unasked."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from linli.engage import library, models, preview, purse, rates, rules
from linli.engage.shapes import Estimate, Outcome, Range
from linli.insight import queries as insight
from linli.kernel import ledger
from linli.trade import accounts

if TYPE_CHECKING:
    from linli.insight import experiments


def outcome(launch: models.Launch) -> Outcome | None:
    """The outcome so far; None before insight has looked at the first day after the start."""
    from linli.insight import experiments

    standing = insight.standing(launch.region)
    if standing is None:
        return None
    book = library.of(launch)
    arms: dict[str, list[int]] = {rules.TREATED: [], rules.HOLDOUT: []}
    complete = 0
    for member_id, arm, entered_at in launch.runs.values_list("member_id", "arm", "entered_at"):
        arms[arm].append(member_id)
        complete += entered_at + timedelta(days=book.window_days) <= standing.as_of
    worthwhile = preview.worth(book, launch.currency)
    # One look, when the window is over: a verdict that may fall on any day of daily looks finds an effect by luck far
    # more often than one time in twenty. Until then the interval is shown, and nothing is concluded from it.
    over = standing.as_of >= launch.started_at + timedelta(days=book.window_days)

    def compare(metric: str) -> Estimate:
        return _estimate(
            experiments.outcome(
                region=launch.region,
                treated=arms[rules.TREATED],
                holdout=arms[rules.HOLDOUT],
                start=launch.started_at,
                as_of=standing.as_of,
                metric=metric,
                worthwhile=worthwhile if metric == book.metric else None,
            ),
            over=over,
        )

    comparable = min(map(len, arms.values())) >= 2 and standing.as_of > launch.started_at
    estimates = (compare(book.metric),) if comparable else ()
    issued, redeemed, _ = rates.issued_and_redeemed(launch.region, purse.issue_prefix(launch))
    cost, given = cost_minor(launch), _given(launch)
    margin = rates.margin_share(launch.region)
    profit = _profit(estimates[0], len(arms[rules.TREATED]), margin, cost) if estimates and given else None
    return Outcome(
        as_of=standing.as_of,
        treated_count=len(arms[rules.TREATED]),
        holdout_count=len(arms[rules.HOLDOUT]),
        complete_count=complete,
        window_days=book.window_days,
        estimates=estimates,
        guardrails=tuple(compare(g) for g in book.guardrails if g != book.metric and g in rates.UNITS) if comparable else (),
        given_count=given,
        issued_count=issued,
        redeemed_count=redeemed,
        cost_minor=cost,
        profit_minor=profit,
        profit_per_yuan=Range(profit.low / cost, profit.middle / cost, profit.high / cost) if profit and cost else None,
        margin_share=margin,
        note=_note(estimates, given),
    )


def cost_minor(launch: models.Launch) -> int:
    """What the launch has paid, from the ledger: granted, less what is still in the budget (given back counts as not granted)."""
    granted = -ledger.balance(accounts.granted(launch.region, launch.currency, purse.owner(launch))).balance
    return granted - ledger.balance(purse.budget_ref(launch)).balance


def _given(launch: models.Launch) -> int:
    """Members who really got something."""
    confirmed = set(models.LeaderTask.objects.filter(launch=launch, state="confirmed").values_list("member_id", flat=True))
    return len(
        confirmed
        | set(models.InboxMessage.objects.filter(region=launch.region, origin=f"launch:{launch.pk}").values_list("member_id", flat=True))
    )


def _note(estimates: tuple[Estimate, ...], given: int) -> str:
    if not given:
        return "nothing_given"  # no leader confirmed and no message went out: there is nothing that could have had an effect
    return estimates[0].verdict if estimates else "too_early"


def _estimate(found: experiments.Outcome, *, over: bool) -> Estimate:
    return Estimate(
        metric=found.metric,
        unit=rates.unit(found.metric),
        treated_mean=found.treated.mean,
        holdout_mean=found.holdout.mean,
        detectable=found.detectable,
        difference=found.effect,
        low=found.low,
        high=found.high,
        p_value=found.p_value,
        verdict=found.verdict if over or found.verdict == "too_small" else "too_early",
    )


def _profit(estimate: Estimate, treated: int, margin: float | None, cost: int) -> Range | None:
    """Incremental margin less cost, at the effect and at both ends of its interval."""
    if estimate.metric != "amount" or margin is None or estimate.difference is None or estimate.low is None or estimate.high is None:
        return None
    return Range(*(effect * treated * margin - cost for effect in (estimate.low, estimate.difference, estimate.high)))
