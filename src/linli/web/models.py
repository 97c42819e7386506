"""The tables of the API: tokens, answers kept for a second asking, what was used of a limit, webhooks. Private to web."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from linli.web.report_models import Report as Report
from linli.web.report_models import ReportPlan as ReportPlan


class ApiToken(models.Model):
    """What a program signs in with. The secret is kept as its SHA-256 only; `prefix` is shown and finds the row."""

    class Acts(models.TextChoices):
        OPERATOR = "operator"
        LEADER = "leader"
        MEMBER = "member"

    prefix = models.CharField(max_length=12, primary_key=True)
    region = models.CharField(max_length=32)
    digest = models.CharField(max_length=64)
    name = models.CharField(max_length=64)
    acts_as = models.CharField(max_length=8, choices=Acts)
    person_id = models.BigIntegerField()
    scopes = models.JSONField(default=list)
    made_by = models.CharField(max_length=64)
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["region", "-made_at"], name="token_region")]


class ApiAnswer(models.Model):
    """The first answer to a key, given again to whoever asks again. One row a caller and key: its constraint is the claim."""

    id = models.BigAutoField(primary_key=True)
    region = models.CharField(max_length=32)
    caller = models.CharField(max_length=64)
    key = models.CharField(max_length=255)
    asked = models.CharField(max_length=64)  # what was asked: method, address and body, as a digest
    claim = models.CharField(max_length=32)  # the claim that may write the answer
    claimed_until = models.DateTimeField()
    status = models.SmallIntegerField(null=True)
    content_type = models.CharField(max_length=64, blank=True)
    body = models.BinaryField(default=b"")
    made_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "caller", "key"], name="answer_once")]
        indexes = [models.Index(fields=["made_at"], name="answer_age")]


class ApiUse(models.Model):
    """How much of a limit was handed out in one window: to a token, a person or an address."""

    id = models.BigAutoField(primary_key=True)
    region = models.CharField(max_length=32)
    caller = models.CharField(max_length=64)
    window = models.BigIntegerField()
    used = models.IntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "caller", "window"], name="use_once")]
        indexes = [models.Index(fields=["window"], name="use_age")]


class Webhook(models.Model):
    """An address that wants to hear of events.

    Its secret is derived from the shop's own and `secret_no`, so that none lies in the database; until `rotated_until`
    the one before signs as well.
    """

    class State(models.TextChoices):
        ON = "on"
        OFF = "off"  # switched off by a person
        FAILED = "failed"  # switched off because it failed for too long

    id = models.UUIDField(primary_key=True)
    region = models.CharField(max_length=32)
    name = models.CharField(max_length=64)
    url = models.CharField(max_length=500)
    kinds = models.JSONField(default=list)
    state = models.CharField(max_length=8, choices=State, default=State.ON)
    secret_no = models.IntegerField(default=1)
    rotated_until = models.DateTimeField(null=True)
    made_by = models.CharField(max_length=64)
    made_at = models.DateTimeField()
    failing_since = models.DateTimeField(null=True)
    succeeded_at = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["region", "state"], name="webhook_live", condition=Q(removed_at=None))]


class WebhookDelivery(models.Model):
    """One event for one webhook: sent until it is understood, or given up. Its id is the `webhook-id` of every try."""

    class State(models.TextChoices):
        WAITING = "waiting"
        DELIVERED = "delivered"
        GIVEN_UP = "given_up"

    id = models.UUIDField(primary_key=True)
    region = models.CharField(max_length=32)
    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="deliveries")
    event_uid = models.UUIDField()
    kind = models.CharField(max_length=64)
    body = models.TextField()
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    tries = models.SmallIntegerField(default=0)
    made_at = models.DateTimeField()
    tried_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    status = models.SmallIntegerField(null=True)
    said = models.CharField(max_length=300, blank=True)
    round = models.SmallIntegerField(default=1)  # grows when a person sends it once more

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "webhook", "event_uid"], name="delivery_once")]
        indexes = [
            models.Index(fields=["webhook", "-made_at"], name="delivery_list"),
            models.Index(fields=["made_at"], name="delivery_age"),
        ]
