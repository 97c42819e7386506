"""The tables of engage. Private to the room: others use its verbs and queries.py."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q


class Policy(models.Model):
    """What a region allows itself, over every playbook. No row: the defaults of rules.Policy."""

    region = models.CharField(max_length=32, primary_key=True)
    quiet_from = models.TimeField(default="22:00")
    quiet_until = models.TimeField(default="08:00")
    cap_days = models.SmallIntegerField(default=7)
    caps = models.JSONField(default=dict)
    leader_tasks_per_day = models.SmallIntegerField(default=8)


class PlaybookVersion(models.Model):
    """A playbook as it was when something was started with it; what runs keeps its version for ever."""

    region = models.CharField(max_length=32)
    slug = models.CharField(max_length=48)
    version = models.CharField(max_length=12)
    text = models.TextField()
    stored_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "slug", "version"], name="playbook_version_once")]


class Launch(models.Model):
    """A playbook at work in one region: its salt decides who is held out, its budget lies on the ledger."""

    class State(models.TextChoices):
        RUNNING = "running"
        STOPPED = "stopped"
        FINISHED = "finished"

    region = models.CharField(max_length=32)
    key = models.CharField(max_length=96)
    slug = models.CharField(max_length=48)
    version = models.ForeignKey(PlaybookVersion, models.PROTECT, related_name="+")
    salt = models.CharField(max_length=36)
    holdout_share = models.FloatField()
    currency = models.CharField(max_length=3)
    budget_minor = models.BigIntegerField()
    state = models.CharField(max_length=8, choices=State, default=State.RUNNING)
    started_by = models.BigIntegerField(null=True)
    started_at = models.DateTimeField()
    as_of = models.DateTimeField()
    entered_as_of = models.DateTimeField(null=True)
    enter_until = models.DateTimeField()
    baseline = models.JSONField(default=list)  # trigger "entering": who fitted when last looked
    stopped_by = models.BigIntegerField(null=True)
    stopped_at = models.DateTimeField(null=True)
    stop_reason = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "key"], name="launch_once"),
            models.UniqueConstraint(fields=["region", "slug"], condition=Q(state="running"), name="launch_one_running"),
        ]


class Run(models.Model):
    """One member's way through one launch. `due_at` is when it moves on by itself, `since` when it began to stand still."""

    class State(models.TextChoices):
        MOVING = "moving"  # stands before `step`, which is to be done at `due_at`
        WAITING = "waiting"  # waits at `step` for `wait_kind`, until `due_at`
        FINISHED = "finished"
        FAILED = "failed"  # a defect: the error is on the row, the others go on

    region = models.CharField(max_length=32)
    launch = models.ForeignKey(Launch, models.PROTECT, related_name="runs")
    member_id = models.BigIntegerField()
    community_id = models.BigIntegerField()
    arm = models.CharField(max_length=8)
    state = models.CharField(max_length=8, choices=State, default=State.MOVING)
    step = models.CharField(max_length=48, blank=True)
    wait_kind = models.CharField(max_length=64, blank=True)
    due_at = models.DateTimeField(null=True)
    since = models.DateTimeField(null=True)
    priority = models.BigIntegerField(default=0)
    facts = models.JSONField(default=dict)
    reason = models.CharField(max_length=64, blank=True)
    error = models.TextField(blank=True)
    entered_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "launch", "member_id"], name="run_once")]
        indexes = [
            models.Index(fields=["region", "state", "due_at"], name="run_due"),
            models.Index(fields=["region", "member_id", "state"], name="run_member"),
        ]


class Passage(models.Model):
    """A run went through a step, once: what the funnel counts."""

    region = models.CharField(max_length=32)
    launch = models.ForeignKey(Launch, models.PROTECT, related_name="+")
    run = models.ForeignKey(Run, models.PROTECT, related_name="passages")
    step = models.CharField(max_length=48)
    arm = models.CharField(max_length=8)
    outcome = models.CharField(max_length=48)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "run", "step"], name="passage_once")]
        indexes = [models.Index(fields=["launch", "step", "outcome"], name="passage_funnel")]


class LeaderTask(models.Model):
    """Something for a leader to do for one member, once: reason, words and the coupons that the tap issues."""

    class State(models.TextChoices):
        OPEN = "open"
        CONFIRMED = "confirmed"
        SKIPPED = "skipped"
        EXPIRED = "expired"
        WITHDRAWN = "withdrawn"  # the launch was stopped, the member went, or came back by themselves

    region = models.CharField(max_length=32)
    effect_key = models.CharField(max_length=128)
    launch = models.ForeignKey(Launch, models.PROTECT, related_name="+")
    run = models.ForeignKey(Run, models.PROTECT, related_name="+")
    step = models.CharField(max_length=48)
    community_id = models.BigIntegerField()
    member_id = models.BigIntegerField()
    kind = models.CharField(max_length=16, default="contact")
    reasons = models.JSONField(default=list)
    words = models.TextField()
    coupons = models.JSONField(default=list)
    priority = models.IntegerField(default=0)
    state = models.CharField(max_length=9, choices=State, default=State.OPEN)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    closed_by = models.BigIntegerField(null=True)
    close_key = models.CharField(max_length=96, blank=True)
    said = models.TextField(blank=True)
    skip_reason = models.CharField(max_length=32, blank=True)
    coupon_ids = models.JSONField(default=list)
    failover_due_at = models.DateTimeField(null=True)
    undone_count = models.SmallIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "effect_key"], name="task_once")]
        indexes = [
            models.Index(fields=["region", "community_id", "state", "due_at"], name="task_today"),
            models.Index(fields=["region", "state", "expires_at"], name="task_expiry"),
        ]


class InboxMessage(models.Model):
    """A message in the shop's inbox."""

    region = models.CharField(max_length=32)
    effect_key = models.CharField(max_length=128)
    member_id = models.BigIntegerField()
    origin = models.CharField(max_length=96)
    title = models.CharField(max_length=80)
    words = models.TextField()
    coupons = models.JSONField(default=list)
    transactional = models.BooleanField(default=False)
    sent_at = models.DateTimeField()
    seen_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "effect_key"], name="message_once")]
        indexes = [models.Index(fields=["region", "member_id", "sent_at"], name="message_member")]


class AttentionSlot(models.Model):
    """The frequency cap: a member has as many slots a channel as the cap allows, and each is free again after
    `cap_days`. A send claims one in a single conditional update, so two workers can't share it."""

    region = models.CharField(max_length=32)
    member_id = models.BigIntegerField()
    channel = models.CharField(max_length=16)
    slot = models.SmallIntegerField()
    taken_at = models.DateTimeField()
    effect_key = models.CharField(max_length=128)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "member_id", "channel", "slot"], name="attention_slot")]


class LeaderDay(models.Model):
    """How many tasks a community's leader was given for a day; the database refuses one more than fits."""

    region = models.CharField(max_length=32)
    community_id = models.BigIntegerField()
    day = models.DateField()
    taken_count = models.SmallIntegerField(default=0)
    most_count = models.SmallIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "community_id", "day"], name="leader_day_once"),
            models.CheckConstraint(condition=Q(taken_count__lte=F("most_count")), name="leader_day_fits"),
        ]
