"""Before it is started: who would get it, what it would cost, what could be learned. Writes nothing.

The same code as a launch: the same audience, the arms the launch's own salt will draw, the same walk, the same gate
with the same claims on a copy. So at the same moment the launch does what the preview said, member by member.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from linli.engage import audience, delivery, gate, knowledge, launching, library, models, plan, purse, rates, rules
from linli.engage import playbook as p
from linli.engage.delivery import Scene
from linli.engage.playbook import Playbook
from linli.engage.shapes import LeaderLoad, Power, Preview, Range, SampleMember
from linli.kernel import clocks
from linli.kernel.refusals import Refusal
from linli.people import queries as people

if TYPE_CHECKING:
    from linli.insight import experiments

MOST_DAYS = 14
"""How many days ahead leaders' work is shown."""


@dataclass
class Simulated:
    """What became of one member's first effect on the first day, and all of the day's costs."""

    run: models.Run
    answer: rules.Answer | None = None
    step: p.Effect | None = None
    cost_minor: int = 0
    goes_on: p.Step | None = None
    asked_at: datetime | None = None


@dataclass
class Simulation:
    """The days of a launch as the gate would decide them."""

    first_day: list[Simulated] = field(default_factory=list)
    loads: Counter[tuple[int, date]] = field(default_factory=Counter)
    days_count: int = 0


def preview(region: str, slug: str, *, samples: int = 8) -> Preview:
    """What a launch would do now. Raises Refusal engage.no_playbook, .bad_playbook, .no_amount, .no_region."""
    book = library.playbook(slug)
    place = people.region(region)
    if place is None:
        raise Refusal("engage.no_region", region=region)
    now = clocks.business_now()
    thought = models.Launch(
        region=region,
        slug=slug,
        currency=place.currency,
        salt=launching.salt_of(region, slug, book.version),
        holdout_share=book.holdout_share,
        budget_minor=book.budget(place.currency),
    )
    names = knowledge.names()
    found = knowledge.fitting(region, audience.compile(book.audience, names), also=plan.names_read(book))
    chosen = launching.entering_now(region, book, found.members, [], first=True, inside=set())
    runs = [_run(thought, c, now) for c in chosen]
    here = delivery.scene(thought, runs, now, book)
    simulation = simulate(runs, here, gate.Dry.of(region, [r.member_id for r in runs], thought.budget_minor))
    return _told(book, thought, runs, here, simulation, found.as_of, samples)


def _run(launch: models.Launch, c: knowledge.Candidate, now: datetime) -> models.Run:
    arm = rules.arm(launch.salt, c.member_id, launch.holdout_share)
    return models.Run(
        region=launch.region,
        member_id=c.member_id,
        community_id=c.community_id,
        arm=arm,
        priority=c.priority,
        facts=c.facts,
        entered_at=now,
    )


def simulate(runs: Sequence[models.Run], here: Scene, claims: gate.Dry) -> Simulation:
    """Let the runs take their first steps, and what is held its next ones, day by day."""
    out = Simulation()
    waiting: list[Simulated] = []
    for run in runs:
        one = _first_steps(Simulated(run), here.book.steps[0], here, claims, out.loads)
        out.first_day.append(one)
        if one.answer is not None and one.answer.kind == "hold":
            waiting.append(replace(one))
    while waiting and out.days_count < MOST_DAYS:
        out.days_count += 1
        then = replace(here, now=here.now + timedelta(days=out.days_count))
        still: list[Simulated] = []
        for one in waiting:
            if one.answer is not None and one.answer.until is not None and one.answer.until > then.now:
                still.append(one)
                continue
            one = _first_steps(one, one.step, then, claims, out.loads)
            if one.answer is not None and one.answer.kind == "hold":
                still.append(one)
        waiting = still
    return out


def _first_steps(one: Simulated, start: p.Step | None, here: Scene, claims: gate.Dry, loads: Counter[tuple[int, date]]) -> Simulated:
    """Walk one member until a wait, a hold or the end; the first effect's answer is the one that is shown."""
    run, first = one.run, True
    while True:
        stop = plan.walk(here.book, start, member_id=run.member_id, salt=here.launch.salt, facts=lambda: run.facts, names=here.names)
        if not isinstance(stop.step, p.Effect):
            return one
        step = stop.step
        one.asked_at = one.asked_at or here.now
        run.since = one.asked_at
        ask = delivery.ask_of(run, step, here)
        answer = gate.answer(ask, delivery.seen(run.member_id, run.community_id, here), claims, "")
        if first:
            one.answer, one.step, first = answer, step, False
        if answer.kind == "send":
            one.cost_minor += ask.cost_minor
            if step.channel == "leader_task":
                loads[run.community_id, rules.local_day(here.now, here.zone)] += 1
        if answer.kind == "hold" or answer.reason == "member_gone":
            return one
        start = plan.after_effect(here.book, step)


def _told(
    book: Playbook,
    launch: models.Launch,
    runs: Sequence[models.Run],
    here: Scene,
    simulation: Simulation,
    as_of: datetime | None,
    samples: int,
) -> Preview:
    treated = [r.member_id for r in runs if r.arm == rules.TREATED]
    holdout = [r.member_id for r in runs if r.arm == rules.HOLDOUT]
    decided = [s.answer for s in simulation.first_day if s.answer is not None]
    reachable = [s for s in simulation.first_day if s.answer is not None and s.answer.kind in ("send", "hold")]
    worst = len(reachable) * book.worst_cost(launch.currency)
    earlier = [purse.issue_prefix(x) for x in models.Launch.objects.filter(region=launch.region, slug=launch.slug)]
    basis, share = rates.redemption(launch.region, earlier, as_of or here.now)
    most = here.policy.leader_tasks_per_day
    shown = _spread(simulation.first_day, samples)
    ids = [s.run.member_id for s in shown]
    here = replace(here, why=knowledge.model_reasons(ids), likely=knowledge.likely(ids, often=True))
    return Preview(
        slug=book.slug,
        version=book.version,
        region=launch.region,
        as_of=as_of or here.now,
        currency=launch.currency,
        audience_count=len(runs),
        treated_count=len(treated),
        holdout_count=len(holdout),
        answers=dict(Counter(a.kind for a in decided)),
        drops=dict(Counter(a.reason for a in decided if a.kind == "drop")),
        holds=dict(Counter(a.reason for a in decided if a.kind == "hold")),
        worst_cost_minor=worst,
        expected_cost_minor=None if share is None else Range(*(worst * s for s in (share.low, share.middle, share.high))),
        redemption_basis=f"engage.basis.{basis}",
        budget_minor=launch.budget_minor,
        over_budget=worst > launch.budget_minor,
        workload=tuple(
            LeaderLoad(c, d, n, most) for (c, d), n in sorted(simulation.loads.items(), key=lambda i: (i[0][1], -i[1], i[0][0]))
        ),
        days_to_reach_all=simulation.days_count,
        power=power(book, launch, treated, holdout, as_of),
        samples=tuple(_sample(s, here) for s in shown),
        waits_for="" if as_of is not None else "engage.preview.no_knowledge",
    )


def _spread(first_day: Sequence[Simulated], samples: int) -> list[Simulated]:
    """A few of every answer, so that the sample shows the exceptions too; most to lose first."""
    by_answer: dict[tuple[str, str], list[Simulated]] = {}
    for one in first_day:
        key = (one.answer.kind, one.answer.reason) if one.answer else ("", "")
        by_answer.setdefault(key, []).append(one)
    found: list[Simulated] = []
    for depth in range(samples):
        found += [group[depth] for group in by_answer.values() if len(group) > depth]
    return sorted(found[:samples], key=lambda s: (-s.run.priority, s.run.member_id))


def _sample(one: Simulated, here: Scene) -> SampleMember:
    run = one.run
    known = run.member_id in here.members and one.step is not None
    return SampleMember(
        member_id=run.member_id,
        community_id=run.community_id,
        arm=run.arm,
        answer=one.answer.kind if one.answer else "",
        reason=one.answer.reason if one.answer else "",
        reasons=tuple(delivery.why(run, here)),
        words=delivery.drafted(run, one.step, here)[1] if known and one.step is not None else "",
        facts=dict(run.facts),
    )


def power(book: Playbook, launch: models.Launch, treated: Sequence[int], holdout: Sequence[int], as_of: datetime | None) -> Power:
    """What these arms could show: the comparison of the launch itself, run over the window that has just passed."""
    worthwhile = worth(book, launch.currency)
    none = Power(
        book.metric, rates.unit(book.metric), book.window_days, None, None, None, worthwhile, len(treated), len(holdout), False, "no_arms"
    )
    if as_of is None or len(treated) < 2 or len(holdout) < 2:
        return none
    before = _window_before(launch.region, tuple(treated), tuple(holdout), as_of, book.window_days, book.metric, worthwhile)
    members = before.treated.members + before.holdout.members
    baseline = (before.treated.total + before.holdout.total) / members if members else None
    mde = before.detectable
    share = mde / baseline if mde is not None and baseline else None
    return replace(
        none,
        baseline=baseline,
        mde=mde,
        mde_share=share,
        enough=mde is not None and worthwhile is not None and mde <= worthwhile,
        reason="" if mde is not None else "no_spread",
    )


@lru_cache(maxsize=32)
def _window_before(
    region: str, treated: tuple[int, ...], holdout: tuple[int, ...], as_of: datetime, days: int, metric: str, worthwhile: float | None
) -> experiments.Outcome:
    """The comparison over the window that has passed. As of a moment it never changes, and a page asks for it often."""
    from linli.insight import experiments

    start = as_of - timedelta(days=days)
    return experiments.outcome(
        region=region, treated=treated, holdout=holdout, start=start, as_of=as_of, metric=metric, worthwhile=worthwhile
    )


def worth(book: Playbook, currency: str) -> float | None:
    """The smallest effect a member that matters: for money what the whole pack costs, since less can't pay for it."""
    return float(book.worst_cost(currency)) if book.metric == "amount" else None
