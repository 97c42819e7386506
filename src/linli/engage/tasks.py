"""The leader's tasks: confirm (says the words and gives the coupons), skip with a reason, undo within the day, expiry.

Every change claims the task in one conditional update, so a double tap, two phones, or a tap against the expiry
have one winner; the loser is told what became of it. A stranger's task answers exactly as one that isn't there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction

from linli.engage import delivery, gate, library, models, purse, rules, words
from linli.engage import events as told
from linli.engage import playbook as p
from linli.kernel import clocks, events
from linli.kernel.events import Fact
from linli.kernel.models import Effect, WorkRow
from linli.kernel.refusals import Refusal
from linli.people import consent
from linli.people import queries as people
from linli.trade import coupons

State = models.LeaderTask.State
SKIP_REASONS = ("already_talked", "away", "not_now", "wrong_person", "other")
UNDO_LEAVES = timedelta(days=1)


@dataclass(frozen=True)
class Confirmed:
    """What the tap did, also when it was done before."""

    task_id: int
    member_id: int
    coupon_ids: tuple[str, ...]
    words: str


def _find(region: str, task_id: int, community_ids: Sequence[int]) -> models.LeaderTask:
    found = models.LeaderTask.objects.select_related("launch").filter(region=region, pk=task_id, community_id__in=list(community_ids))
    task = found.first()
    if task is None:
        raise Refusal("engage.no_task")
    return task


def _claim(task: models.LeaderTask, state: str, *, by: int | None, key: str, **more: object) -> bool:
    """Close an open task; False when somebody or something was faster."""
    done = {"state": state, "closed_at": clocks.business_now(), "closed_by": by, "close_key": key, **more}
    return bool(models.LeaderTask.objects.filter(pk=task.pk, region=task.region, state=State.OPEN).update(**done))


def _offers(task: models.LeaderTask) -> tuple[words.Offer, ...]:
    return tuple(words.Offer(c["name"], c["face_minor"], c["minimum_minor"], c["valid_days"], c["category"]) for c in task.coupons)


def _cost(task: models.LeaderTask) -> int:
    return sum(c["face_minor"] for c in task.coupons)


@transaction.atomic
def confirm(*, region: str, task_id: int, by: int, community_ids: Sequence[int], words_said: str | None = None, key: str) -> Confirmed:
    """The leader said it: the task is done and its coupons are in the member's wallet, together.

    `words_said` None: as drafted. Again with any key: the same answer, nothing twice.
    Raises Refusal engage.no_task, .task_closed(state), .consent_withdrawn, .claim_unfounded(claim), .words_missing, .words_too_long.
    """
    task = _find(region, task_id, community_ids)
    if task.state == State.CONFIRMED:
        return Confirmed(task.pk, task.member_id, tuple(task.coupon_ids), task.said)
    said = task.words if words_said is None else words.check_said(words_said, _offers(task), task.launch.currency, drafted=task.words)
    if task.state != State.OPEN or clocks.business_now() >= task.expires_at:
        raise Refusal("engage.task_closed", state=task.state if task.state != State.OPEN else "expired")
    if not (consent.has(task.member_id, "messages") and consent.has(task.member_id, "profiling")):
        raise Refusal("engage.consent_withdrawn")
    if not _claim(task, State.CONFIRMED, by=by, key=key, said=said):
        return confirm(region=region, task_id=task_id, by=by, community_ids=community_ids, words_said=words_said, key=key)
    ids = delivery.issue(region, task.member_id, task.coupons, task.effect_key, task.undone_count)
    models.LeaderTask.objects.filter(pk=task.pk).update(coupon_ids=ids)
    _tell(task, told.TaskConfirmed(task.pk, task.launch_id, task.launch.slug, task.member_id, task.community_id, by, ids))
    return Confirmed(task.pk, task.member_id, tuple(ids), said)


@transaction.atomic
def skip(*, region: str, task_id: int, by: int, community_ids: Sequence[int], reason: str, key: str) -> None:
    """The leader won't, and says why: what was set aside is free again, the member may be spoken to by others.

    Raises Refusal engage.no_task, .task_closed(state), .no_such_reason(reason, options).
    """
    task = _find(region, task_id, community_ids)
    if reason not in SKIP_REASONS:
        raise Refusal("engage.no_such_reason", reason=reason, options=", ".join(SKIP_REASONS))
    if task.state == State.SKIPPED:
        return
    if not _claim(task, State.SKIPPED, by=by, key=key, skip_reason=reason):
        state = models.LeaderTask.objects.values_list("state", flat=True).get(pk=task.pk)
        if state == State.SKIPPED:
            return
        raise Refusal("engage.task_closed", state=state)
    _release(task)
    _tell(task, told.TaskSkipped(task.pk, task.launch_id, task.launch.slug, task.member_id, task.community_id, by, reason))


@transaction.atomic
def undo(*, region: str, task_id: int, by: int, community_ids: Sequence[int], key: str) -> None:
    """Take a confirmation or a skip of the same shop day back: the task is open again, unused coupons are taken back.

    Raises Refusal engage.no_task, .task_closed(state), .too_late, .coupon_used, .attention_taken, .budget_gone.
    """
    task = _find(region, task_id, community_ids)
    if task.state == State.OPEN:
        return
    now = clocks.business_now()
    if task.state not in (State.CONFIRMED, State.SKIPPED):
        raise Refusal("engage.task_closed", state=task.state)
    if not can_undo(task, now, zone_of(region)):
        raise Refusal("engage.too_late")
    was = task.state
    open_again: dict[str, object] = {
        "state": State.OPEN,
        "closed_at": None,
        "closed_by": None,
        "close_key": "",
        "said": "",
        "skip_reason": "",
        "coupon_ids": [],
    }
    claimed = models.LeaderTask.objects.filter(pk=task.pk, state=was, undone_count=task.undone_count)
    if not claimed.update(**open_again, undone_count=task.undone_count + 1):
        raise Refusal("engage.task_closed", state=was)
    if was == State.CONFIRMED:
        _take_back(task)
    elif not _attend_again(task, now):
        raise Refusal("engage.attention_taken")
    if cost := _cost(task):
        _reserve_again(task, cost)
    _tell(task, told.TaskUndone(task.pk, task.launch_id, task.launch.slug, task.member_id, task.community_id, by))


def can_undo(task: models.LeaderTask, now: datetime, zone: str) -> bool:
    """The same day, before the task's own end, while the launch runs."""
    if task.state not in (State.CONFIRMED, State.SKIPPED) or task.closed_at is None or now >= task.expires_at:
        return False
    running = task.launch.state == models.Launch.State.RUNNING
    return running and rules.local_day(task.closed_at, zone) == rules.local_day(now, zone)


def zone_of(region: str) -> str:
    """The region's time zone."""
    place = people.region(region)
    return place.time_zone if place else "UTC"


def _take_back(task: models.LeaderTask) -> None:
    for coupon_id in task.coupon_ids:
        try:
            coupons.revoke(coupon_id=int(coupon_id), key=f"undo:{task.effect_key}#{task.undone_count}/{coupon_id}")
        except Refusal as refusal:
            raise Refusal("engage.coupon_used") from refusal


def _attend_again(task: models.LeaderTask, now: datetime) -> bool:
    ask = rules.Ask("leader_task", rules.TREATED, task.member_id, task.community_id, 0, now)
    seen = rules.Seen(now, zone_of(task.region), gate.policy(task.region))
    tables = gate.Tables(task.region, purse.budget_ref(task.launch), purse.reserved_ref(task.launch))
    return tables.attention(ask, seen, task.effect_key) is None


def _reserve_again(task: models.LeaderTask, cost: int) -> None:
    key = delivery.reserve_key(task.effect_key, task.undone_count + 1)
    try:
        gate.reserve(purse.budget_ref(task.launch), purse.reserved_ref(task.launch), cost, key)
    except Refusal as refusal:
        raise Refusal("engage.budget_gone") from refusal


def _release(task: models.LeaderTask) -> None:
    """Nobody spoke to the member for this task: the budget and the member's attention are free again."""
    if task.coupons:
        gate.free_reserve(task.region, delivery.reserve_key(task.effect_key, task.undone_count))
    gate.release_attention(task.region, task.effect_key)


def _tell(task: models.LeaderTask, fact: Fact) -> None:
    events.append(fact, region=task.region, subject=f"member:{task.member_id}")


def withdraw(run: models.Run) -> None:
    """Take a run's open tasks back: the member bought, said no, or the launch ended."""
    for task in models.LeaderTask.objects.select_related("launch").filter(region=run.region, run=run, state=State.OPEN):
        if _claim(task, State.WITHDRAWN, by=None, key=""):
            _release(task)
    models.LeaderTask.objects.filter(region=run.region, run=run).exclude(failover_due_at=None).update(failover_due_at=None)


# --- expiry and failover ----------------------------------------------------------------------------------


def expire_due(row: WorkRow) -> None:
    """Work handler of "engage.expire_task"."""
    expire_all(row.region, clocks.business_now())


def expire_all(region: str, now: datetime) -> int:
    """Expire what nobody did in time; the message takes over where the playbook says so. Returns how many expired."""
    expired = 0
    due = models.LeaderTask.objects.filter(region=region, state=State.OPEN, expires_at__lte=now)
    for task_id in list(due.order_by("expires_at", "pk").values_list("pk", flat=True)):
        with transaction.atomic():
            expired += _expire(region, task_id, now)
    waiting = models.LeaderTask.objects.filter(region=region, failover_due_at__lte=now)
    for task_id in list(waiting.order_by("failover_due_at", "pk").values_list("pk", flat=True)):
        with transaction.atomic():
            _fail_over(region, task_id, now)
    return expired


def _expire(region: str, task_id: int, now: datetime) -> int:
    task = models.LeaderTask.objects.select_related("launch__version").get(region=region, pk=task_id)
    step = library.of(task.launch).step(task.step)
    failover = now if isinstance(step, p.Effect) and step.failover else None
    if not _claim(task, State.EXPIRED, by=None, key="", failover_due_at=failover):
        return 0
    _release(task)
    _tell(task, told.TaskExpired(task.pk, task.launch_id, task.launch.slug, task.member_id, task.community_id))
    return 1


def _fail_over(region: str, task_id: int, now: datetime) -> None:
    """The channel after the leader: asked at the gate like any other, under a key of its own."""
    skip_locked = connection.features.has_select_for_update_skip_locked
    found = models.LeaderTask.objects.select_for_update(skip_locked=skip_locked, of=("self",)).select_related("launch__version", "run")
    task = found.filter(region=region, pk=task_id, failover_due_at__lte=now).first()
    if task is None:
        return
    until = None
    run = task.run
    if run.state in (models.Run.State.MOVING, models.Run.State.WAITING):
        here = delivery.scene(task.launch, [run], now)
        step = here.book.step(task.step)
        assert isinstance(step, p.Effect)  # a task comes from an effect
        answer = delivery.decide(run, step, here, key=f"{task.effect_key}/failover", channel=step.failover)
        until = answer.until if answer.kind == "hold" else None
    models.LeaderTask.objects.filter(pk=task.pk).update(failover_due_at=until)


def effect_of(task: models.LeaderTask) -> Effect | None:
    """The decision behind a task."""
    return Effect.objects.filter(region=task.region, key=task.effect_key).first()
