"""Starting and stopping a playbook: the launch, its money on the ledger, who enters."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from linli.engage import audience, ending, knowledge, library, models, plan, purse, rules
from linli.engage import events as told
from linli.engage.playbook import Playbook, amount
from linli.kernel import clocks, events, ids, ledger, work
from linli.kernel.refusals import Refusal
from linli.people import consent
from linli.people import queries as people
from linli.trade import coupons


@dataclass(frozen=True)
class Launched:
    """A launch with how many entered at once and how they were drawn."""

    launch_id: int
    entered_count: int
    treated_count: int
    holdout_count: int


def salt_of(region: str, slug: str, version: str) -> str:
    """The salt of the next launch: known beforehand, so that a preview draws the arms the launch will draw."""
    before = models.Launch.objects.filter(region=region, slug=slug).count()
    return str(ids.named(f"{region}/{slug}/{version}/{before}"))


def launch(*, region: str, slug: str, by: int | None, key: str) -> Launched:
    """Set a shipped playbook to work in a region: budget funded, members of the audience drawn and entered.

    Their first steps are due at once and done by the worker. Asking again with the key answers the same launch.
    Raises Refusal engage.no_playbook, .bad_playbook, .no_amount, .no_knowledge, .no_region, .already_running, .key_reused(key, slug).
    """
    book = library.playbook(slug)
    place = people.region(region)
    if place is None:
        raise Refusal("engage.no_region", region=region)
    knowledge.require_knowledge(region)
    budget_minor = book.budget(place.currency)
    try:
        with transaction.atomic():
            started = models.Launch.objects.select_related("version").filter(region=region, key=key).first()
            if started is None:
                started = _start(book, region, place.currency, budget_minor, by, key)
    except IntegrityError as error:
        again = models.Launch.objects.filter(region=region, key=key).first()
        if again is None:
            running = models.Launch.objects.filter(region=region, slug=slug, state="running").first()
            raise Refusal("engage.already_running", slug=slug, launch_id=running.pk if running else None) from error
        started = again
    if started.slug != slug:
        raise Refusal("engage.key_reused", key=key, slug=started.slug)
    arms = list(started.runs.values_list("arm", flat=True))
    return Launched(started.pk, len(arms), arms.count(rules.TREATED), arms.count(rules.HOLDOUT))


def _start(book: Playbook, region: str, currency: str, budget_minor: int, by: int | None, key: str) -> models.Launch:
    now = clocks.business_now()
    salt = salt_of(region, book.slug, book.version)
    launch = models.Launch.objects.create(
        region=region,
        key=key,
        slug=book.slug,
        version=library.store(region, book),
        salt=salt,
        holdout_share=book.holdout_share,
        currency=currency,
        budget_minor=budget_minor,
        started_by=by,
        started_at=now,
        as_of=now,
        enter_until=now + timedelta(days=book.enter_days),
    )
    if budget_minor:
        coupons.fund(region=region, owner=purse.owner(launch), amount_minor=budget_minor, key="start")
    ledger.open(purse.reserved_ref(launch))
    for coupon in book.coupons:
        coupons.put_issue(
            region=region,
            code=purse.issue_code(launch, coupon.name),
            name_zh=book.name_zh,
            name_en=book.name_en,
            face_minor=amount(coupon.face_minor, currency, coupon.name),
            minimum_minor=amount(coupon.minimum_minor, currency, coupon.name),
            valid_days=coupon.valid_days,
            budget_owner=purse.owner(launch),
            category=coupon.category,
        )
    started = told.LaunchStarted(launch.pk, book.slug, book.version, book.holdout_share, budget_minor, by)
    events.append(started, region=region, subject=f"launch:{launch.pk}")
    enter(launch, book, now)
    return launch


def enter(launch: models.Launch, book: Playbook, now: datetime) -> int:
    """Let members of the audience in who are not yet in this launch, once a refresh. Returns how many entered."""
    first = launch.entered_as_of is None
    if not first and now > launch.enter_until:
        return 0
    names = knowledge.names()
    found = knowledge.fitting(launch.region, audience.compile(book.audience, names), also=plan.names_read(book))
    if found.as_of is None or (launch.entered_as_of is not None and found.as_of <= launch.entered_as_of):
        return 0
    entering = entering_now(launch.region, book, found.members, launch.baseline, first=first, inside=_inside(launch))
    rows = [
        models.Run(
            region=launch.region,
            launch=launch,
            member_id=c.member_id,
            community_id=c.community_id,
            arm=rules.arm(launch.salt, c.member_id, launch.holdout_share),
            step=book.steps[0].name,
            due_at=now,
            priority=c.priority,
            facts=c.facts,
            entered_at=now,
        )
        for c in entering
    ]
    models.Run.objects.bulk_create(rows, batch_size=500, ignore_conflicts=True)
    events.append_many(
        events.Told(
            told.RunEntered(launch.pk, book.slug, r.member_id, r.community_id, r.arm),
            launch.region,
            f"member:{r.member_id}",
            uid=ids.named(f"{launch.region}/entered/{launch.pk}/{r.member_id}"),
        )
        for r in rows
    )
    launch.entered_as_of = found.as_of
    launch.baseline = [c.member_id for c in found.members] if book.trigger == "entering" else []
    if first:
        launch.as_of = found.as_of
    launch.save(update_fields=["entered_as_of", "as_of", "baseline"])
    step_at(launch, now)
    return len(rows)


def _inside(launch: models.Launch) -> set[int]:
    return set(models.Run.objects.filter(region=launch.region, launch=launch).values_list("member_id", flat=True))


def entering_now(
    region: str,
    book: Playbook,
    fitting: tuple[knowledge.Candidate, ...],
    baseline: list[int],
    *,
    first: bool,
    inside: set[int],
) -> list[knowledge.Candidate]:
    """Who enters: with trigger "daily" everybody who fits, with "entering" who did not fit at the look before.

    Who does not allow profiling is not chosen by what is known of them, whatever the rule says.
    """
    if book.trigger == "entering":
        inside = inside | ({c.member_id for c in fitting} if first else set(baseline))
    new = [c for c in fitting if c.member_id not in inside]
    allowed = consent.has_many([c.member_id for c in new], "profiling", region=region) if new else set()
    return [c for c in new if c.member_id in allowed]


def step_at(launch: models.Launch, at: datetime) -> None:
    """Let the worker look at the launch's due runs at `at`; one row a launch and minute."""
    work.schedule(
        "engage.step", key=f"{launch.pk}/{at:%Y-%m-%dT%H:%M:%S}", due_at=at, region=launch.region, payload={"launch_id": launch.pk}
    )


def stop(*, region: str, launch_id: int, by: int | None, key: str, reason: str = "operator") -> None:
    """Stop a launch: nobody enters, runs end, open tasks are withdrawn, what is left of the budget goes back.

    Coupons that members hold stay good. Stopping again changes nothing. Raises Refusal engage.no_launch.
    """
    with transaction.atomic():
        launch = models.Launch.objects.select_for_update().filter(region=region, pk=launch_id).first()
        if launch is None:
            raise Refusal("engage.no_launch", launch_id=launch_id)
        if launch.state == models.Launch.State.RUNNING:
            ending.end(launch, models.Launch.State.STOPPED, reason, by)
