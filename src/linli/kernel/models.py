"""The kernel's tables. Private to the kernel: other rooms call its functions."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from linli.kernel.money import LARGEST_SUM


class BusinessClock(models.Model):
    """Where the business clock stands (one row, id 1), or no row: it runs with the machine's."""

    at = models.DateTimeField()


class Account(models.Model):
    """A ledger account: one asset of one owner for one purpose, by expiry. Written by `kernel.ledger` alone.

    `balance` is what was posted; `held` is what open pendings out of it have set aside. The constraints are the
    judges of every claim: `floor` (None: unguarded) is never gone under, whoever writes.
    """

    id = models.UUIDField(primary_key=True)  # named by the other columns, so that nobody has to look it up
    region = models.CharField(max_length=32)
    asset = models.CharField(max_length=64)
    owner = models.CharField(max_length=96)
    purpose = models.CharField(max_length=32)
    expires_on = models.DateField()
    floor = models.BigIntegerField(null=True)
    balance = models.BigIntegerField(default=0)
    held = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "owner", "asset", "purpose", "expires_on"], name="account_one"),
            models.CheckConstraint(condition=Q(floor=None) | Q(balance__gte=F("floor") + F("held")), name="account_floor"),
            # Far inside 64 bits: beyond them SQLite would go on in floats.
            models.CheckConstraint(
                condition=Q(held__range=(0, LARGEST_SUM), balance__range=(-LARGEST_SUM, LARGEST_SUM)),
                name="account_range",
            ),
        ]


class Transfer(models.Model):
    """One movement, never changed: posted, pending, or the one resolution (post, void) of a pending.

    `id` is named by region and key, so a key can't be written twice. `happened_at` is business time, `written_at`
    machine time: a replay's clock stands all day, so it is the order.
    """

    class Kind(models.TextChoices):
        POSTED = "posted"
        PENDING = "pending"
        POST = "post"
        VOID = "void"

    id = models.UUIDField(primary_key=True)
    region = models.CharField(max_length=32)
    key = models.CharField(max_length=160)
    kind = models.CharField(max_length=8, choices=Kind)
    # Without the database's own check, which cost a quarter of a hold and locks both rows: accounts are never deleted,
    # every write asks whether they are there (tables.write), and the audit looks for loose ends.
    source = models.ForeignKey(Account, models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    target = models.ForeignKey(Account, models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    amount = models.BigIntegerField()
    # These neither: two checks for every hold, which has neither. Who writes them has read them in the same transaction.
    pending = models.ForeignKey("self", models.PROTECT, null=True, related_name="resolutions", db_index=False, db_constraint=False)
    reverses = models.ForeignKey("self", models.PROTECT, null=True, related_name="reversals", db_index=False, db_constraint=False)
    expires_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=64)
    digest = models.CharField(max_length=32)
    happened_at = models.DateTimeField()
    written_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["pending", "region"], name="transfer_one_resolution", condition=Q(pending__isnull=False)),
            models.UniqueConstraint(fields=["reverses", "region"], name="transfer_one_reversal", condition=Q(reverses__isnull=False)),
            models.CheckConstraint(condition=Q(amount__gt=0) | Q(kind="void", amount=0), name="transfer_amount"),
            models.CheckConstraint(condition=~Q(source=F("target")), name="transfer_two_ends"),
            models.CheckConstraint(
                condition=Q(kind__in=["posted", "pending"], pending=None) | Q(kind__in=["post", "void"], pending__isnull=False),
                name="transfer_resolution",
            ),
        ]
        indexes = [
            models.Index(fields=["expires_at"], name="transfer_expiry", condition=Q(kind="pending", expires_at__isnull=False)),
            models.Index(fields=["source", "written_at"], name="transfer_source"),
            # A hold is in the history of who holds; its target hears of it when it is posted.
            models.Index(fields=["target", "written_at"], name="transfer_target", condition=Q(kind__in=["posted", "post"])),
        ]


class Event(models.Model):
    """One fact, never changed. (`tx`, `id`) is the order in which readers may see it."""

    id = models.BigAutoField(primary_key=True)
    uid = models.UUIDField()
    tx = models.BigIntegerField()
    region = models.CharField(max_length=32)
    kind = models.CharField(max_length=64)
    version = models.SmallIntegerField()
    subject = models.CharField(max_length=64, blank=True)
    happened_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    source = models.CharField(max_length=32)
    silent = models.BooleanField(default=False)
    payload = models.JSONField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "uid"], name="event_once")]
        indexes = [
            models.Index(fields=["tx", "id"], name="event_order"),
            # A year of imported history is silent: what readers wait for must not be looked for among it.
            models.Index(fields=["tx", "id", "kind"], name="event_live", condition=Q(silent=False)),
            models.Index(fields=["region", "subject", "happened_at"], name="event_subject"),
        ]


class Reader(models.Model):
    """How far one reader has read, and whether it stopped and why."""

    name = models.CharField(max_length=64, primary_key=True)
    tx = models.BigIntegerField(default=0)
    event_id = models.BigIntegerField(default=0)
    read_count = models.BigIntegerField(default=0)
    failed_at = models.DateTimeField(null=True)
    failed_event_id = models.BigIntegerField(null=True)
    error = models.TextField(blank=True)
    moved_at = models.DateTimeField(null=True)


class WorkRow(models.Model):
    """Something due: claimed with a lease, done once its transaction commits."""

    class Clock(models.TextChoices):
        BUSINESS = "business"
        MACHINE = "machine"

    class State(models.TextChoices):
        DUE = "due"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    id = models.BigAutoField(primary_key=True)
    region = models.CharField(max_length=32)
    kind = models.CharField(max_length=64)
    key = models.CharField(max_length=128)
    payload = models.JSONField(default=dict)
    clock = models.CharField(max_length=8, choices=Clock, default=Clock.BUSINESS)
    due_at = models.DateTimeField()
    state = models.CharField(max_length=9, choices=State, default=State.DUE)
    lease_owner = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True)
    attempts = models.IntegerField(default=0)
    error = models.TextField(blank=True)
    progress = models.JSONField(default=dict)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "kind", "key"], name="work_once")]
        indexes = [models.Index(fields=["clock", "due_at"], name="work_due", condition=Q(state="due"))]


class Effect(models.Model):
    """One thing that reaches, or is withheld from, one person: its key is unique for ever."""

    class State(models.TextChoices):
        HELD = "held"  # waits until `due_at` (quiet hours, best hour)
        DELIVERING = "delivering"  # claimed; a crash here makes it unknown
        DELIVERED = "delivered"
        WITHHELD = "withheld"  # the holdout's: decided as if sent
        DROPPED = "dropped"
        UNKNOWN = "unknown"  # may or may not have happened: reconcile, never repeat

    id = models.UUIDField(primary_key=True)
    region = models.CharField(max_length=32)
    key = models.CharField(max_length=128)
    kind = models.CharField(max_length=32)
    subject = models.CharField(max_length=64)
    origin = models.CharField(max_length=96)
    payload = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State)
    reason = models.CharField(max_length=64, blank=True)
    due_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "key"], name="effect_once")]
        indexes = [
            models.Index(fields=["region", "subject", "decided_at"], name="effect_subject"),
            models.Index(fields=["origin", "state"], name="effect_origin"),
        ]
