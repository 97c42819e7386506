"""Group-buys: what a community orders together, and the teams inside them. Money in the minor unit of the region's currency."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q


class GroupTemplate(models.Model):
    """What a leader may open a group-buy from: everything but the community and the times."""

    region = models.CharField(max_length=32)
    slug = models.SlugField(max_length=48)
    sku_code = models.CharField(max_length=48)
    kind = models.CharField(max_length=8, default="pooled")
    terms = models.JSONField(default=dict)  # as rules.groups.Terms reads them
    open_hours = models.IntegerField(default=24)
    limits = models.JSONField(default=dict)  # what a leader may choose between: {"quota_pieces": [least, most], ...}
    pickup_days = models.IntegerField(default=1)
    pickup_hour = models.SmallIntegerField(default=16)
    note_zh = models.CharField(max_length=160, blank=True)
    note_en = models.CharField(max_length=160, blank=True)
    active = models.BooleanField(default=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "slug"], name="group_template_slug")]


class GroupBuy(models.Model):
    """One SKU, ordered together in one community until a deadline (business time)."""

    class State(models.TextChoices):
        OPEN = "open"
        SUCCEEDED = "succeeded"
        MISSED = "missed"

    class Kind(models.TextChoices):
        POOLED = "pooled"  # everybody in one pool until the deadline
        TEAM = "team"  # 3- or 5-person teams inside it, each decided by itself
        FLASH = "flash"  # short, few, no threshold to speak of
        PRESALE = "presale"  # sells the reserve of another group before its stock is there

    class ThresholdBy(models.TextChoices):
        PIECES = "pieces"
        PEOPLE = "people"
        AMOUNT = "amount"

    class OnMiss(models.TextChoices):
        REFUND = "refund"
        EXTEND = "extend"  # once, by extend_hours; then refund
        SHIP_SHORT = "ship_short"
        BUY_IN = "buy_in"  # the missing pieces come with the next wave: pickup moves by a day

    region = models.CharField(max_length=32)
    key = models.CharField(max_length=96)
    community_id = models.BigIntegerField()
    sku_code = models.CharField(max_length=48)
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.POOLED)
    threshold_by = models.CharField(max_length=6, choices=ThresholdBy, default=ThresholdBy.PIECES)
    threshold = models.BigIntegerField()  # in pieces, people (households) or minor units
    quota_pieces = models.IntegerField()  # what lies at its place: free, held and sold
    opened_pieces = models.IntegerField()  # the same when it opened, before anything was reserved or released
    quota_from = models.CharField(max_length=64, blank=True)  # the place its pieces came from, "" for new supply
    per_member_pieces = models.IntegerField(null=True)  # the most one member may have of it
    case_size = models.IntegerField(default=1)  # pieces that come in one case
    price_minor = models.BigIntegerField()  # what joining is charged; the ladder's difference comes back at the close
    ladder = models.JSONField(default=list)  # [[from pieces, price_minor], ...], falling prices
    final_price_minor = models.BigIntegerField(null=True)  # what the ladder came to
    solo_price_minor = models.BigIntegerField()
    list_price_minor = models.BigIntegerField()
    team_size = models.SmallIntegerField(null=True)
    team_hours = models.SmallIntegerField(null=True)
    on_miss = models.CharField(max_length=10, choices=OnMiss, default=OnMiss.REFUND)
    extend_hours = models.SmallIntegerField(default=0)
    extended = models.BooleanField(default=False)
    reserve_of = models.ForeignKey("self", models.PROTECT, null=True, related_name="presales")
    released_pieces = models.IntegerField(default=0)  # gone back, unsold, to where they came from
    policy_arms = models.JSONField(default=dict)  # {"threshold": "five", ...}: which arm gave which value
    opens_at = models.DateTimeField()
    deadline_at = models.DateTimeField()
    opened_deadline_at = models.DateTimeField()  # before it was extended
    pickup_from = models.DateTimeField()
    wave_on = models.DateField()  # the local day of pickup: orders of a wave are handed over together
    opened_by = models.CharField(max_length=32, default="system")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    outcome = models.CharField(max_length=10, blank=True)  # rules.outcomes: reached, short, bought_in, missed
    joined_pieces = models.IntegerField(default=0)  # as counted when it closed
    joined_people = models.IntegerField(default=0)
    joined_minor = models.BigIntegerField(default=0)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "key"], name="groupbuy_key"),
            models.CheckConstraint(
                condition=Q(
                    threshold__gte=1,
                    quota_pieces__gte=0,
                    opened_pieces__gte=1,
                    case_size__gte=1,
                    price_minor__gte=1,
                    solo_price_minor__gte=F("price_minor"),
                ),
                name="groupbuy_figures",
            ),
            models.CheckConstraint(condition=Q(opens_at__lt=F("deadline_at")), name="groupbuy_times"),
            models.CheckConstraint(condition=~Q(kind="team") | Q(team_size__gte=2, team_hours__gte=1), name="groupbuy_team"),
        ]
        indexes = [
            models.Index(fields=["region", "community_id", "deadline_at"], name="groupbuy_community"),
            models.Index(fields=["region", "deadline_at"], name="groupbuy_due", condition=Q(state="open")),
        ]


class Team(models.Model):
    """A 拼团 inside a group-buy of kind `team`: so many seats, claimed on the ledger (asset "seat", owner "team:<id>")."""

    class State(models.TextChoices):
        OPEN = "open"
        FULL = "full"  # every seat paid
        MISSED = "missed"

    id = models.UUIDField(primary_key=True)
    region = models.CharField(max_length=32)
    group = models.ForeignKey(GroupBuy, models.PROTECT, related_name="teams")
    started_by = models.BigIntegerField()  # member id
    size = models.SmallIntegerField()
    deadline_at = models.DateTimeField()  # business time
    state = models.CharField(max_length=6, choices=State, default=State.OPEN)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(size__gte=2), name="team_size")]
        indexes = [
            models.Index(fields=["region", "group", "state"], name="team_group"),
            models.Index(fields=["region", "deadline_at"], name="team_due", condition=Q(state="open")),
        ]
