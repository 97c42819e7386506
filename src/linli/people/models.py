"""The tables of people. Private to the room."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import F, Q


class Region(models.Model):
    """Where the shop works with one currency and one time zone: the unit by which records are distributed."""

    slug = models.SlugField(max_length=32, primary_key=True)
    name_zh = models.CharField(max_length=64)
    name_en = models.CharField(max_length=64)
    currency = models.CharField(max_length=3)
    time_zone = models.CharField(max_length=64)


class People(BaseUserManager["Person"]):
    """Makes people who sign in by phone; nobody has a password."""

    def make(self, *, phone: str, display_name: str, surname: str, language: str) -> Person:
        person = Person(phone=phone, display_name=display_name, surname=surname, language=language)
        person.set_unusable_password()
        person.save()
        return person


class Person(AbstractBaseUser):
    """Somebody who can sign in. Identities are small and replicated: no region."""

    phone = models.CharField(max_length=20, unique=True)
    display_name = models.CharField(max_length=64)
    surname = models.CharField(max_length=32, blank=True)
    language = models.CharField(max_length=8, default="zh-hans")
    is_active = models.BooleanField(default=True)

    USERNAME_FIELD = "phone"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["display_name"]
    objects = People()


class WeChatIdentity(models.Model):
    """An openid of our mini-program that stands for a person. Identities are small and replicated: no region."""

    appid = models.CharField(max_length=32, blank=True)  # "" in the sandbox
    openid = models.CharField(max_length=64)
    person = models.ForeignKey(Person, models.CASCADE, related_name="wechat_identities")
    bound_at = models.DateTimeField()  # machine time

    class Meta:
        constraints = [models.UniqueConstraint(fields=["appid", "openid"], name="wechat_openid")]


class Community(models.Model):
    """A neighbourhood that orders together and picks up at one place."""

    region = models.CharField(max_length=32)
    code = models.SlugField(max_length=48)
    name_zh = models.CharField(max_length=64)
    name_en = models.CharField(max_length=64)
    pickup_zh = models.CharField(max_length=128)
    pickup_en = models.CharField(max_length=128)
    external_id = models.CharField(max_length=64, blank=True)
    lat = models.FloatField(null=True)
    lng = models.FloatField(null=True)
    invented = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "code"], name="community_code"),
            models.UniqueConstraint(fields=["region", "external_id"], name="community_external", condition=~Q(external_id="")),
        ]


class Group(models.Model):
    """A chat group of a community: main groups (a new one when the last is full) and functional ones (1+N)."""

    class Kind(models.TextChoices):
        MAIN = "main"
        WELFARE = "welfare"
        KNOWLEDGE = "knowledge"
        VIP = "vip"
        TOPIC = "topic"

    region = models.CharField(max_length=32)
    community = models.ForeignKey(Community, models.PROTECT, related_name="groups")
    kind = models.CharField(max_length=12, choices=Kind)
    number = models.SmallIntegerField(default=1)
    name_zh = models.CharField(max_length=64)
    name_en = models.CharField(max_length=64)
    capacity = models.IntegerField(default=500)
    member_count = models.IntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "community", "kind", "number"], name="group_one"),
            models.CheckConstraint(condition=Q(member_count__gte=0, member_count__lte=F("capacity")), name="group_capacity"),
        ]


class Member(models.Model):
    """A person, or a household of the history, as a customer of one community."""

    region = models.CharField(max_length=32)
    person = models.OneToOneField(Person, models.PROTECT, related_name="member")
    community = models.ForeignKey(Community, models.PROTECT, related_name="members")
    building = models.CharField(max_length=32, blank=True)
    external_id = models.CharField(max_length=64, blank=True)
    joined_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "external_id"], name="member_external", condition=~Q(external_id=""))]
        indexes = [models.Index(fields=["region", "community"], name="member_community")]


class SearchKey(models.Model):
    """One of the texts whose beginning finds a member (`rules.search_keys`), as UTF-8: bytes sort alike in every database."""

    region = models.CharField(max_length=32)
    key = models.BinaryField(max_length=96)
    member = models.ForeignKey(Member, models.CASCADE, related_name="search_keys")

    class Meta:
        indexes = [models.Index(fields=["region", "key", "member"], name="search_key")]


class GroupMembership(models.Model):
    """A member's place in a chat group; leaving keeps the row."""

    region = models.CharField(max_length=32)
    group = models.ForeignKey(Group, models.PROTECT, related_name="memberships")
    member = models.ForeignKey(Member, models.PROTECT, related_name="memberships")
    joined_at = models.DateTimeField()
    left_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "group", "member"], name="membership_once", condition=Q(left_at=None)),
        ]


class Role(models.Model):
    """What a person may do beside buying: run a region, or lead a community."""

    class Kind(models.TextChoices):
        OPERATOR = "operator"
        LEADER = "leader"

    person = models.ForeignKey(Person, models.PROTECT, related_name="roles")
    kind = models.CharField(max_length=12, choices=Kind)
    region = models.CharField(max_length=32)
    community = models.ForeignKey(Community, models.PROTECT, null=True, related_name="roles")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "person", "kind", "community"], name="role_once", nulls_distinct=False),
            models.UniqueConstraint(fields=["region", "community"], name="role_one_leader", condition=Q(kind="leader")),
            models.CheckConstraint(
                condition=Q(kind="operator", community=None) | Q(kind="leader", community__isnull=False), name="role_place"
            ),
        ]


class Consent(models.Model):
    """What a member allowed or withdrew, never changed: the latest row of a scope counts."""

    class Scope(models.TextChoices):
        MESSAGES = "messages"  # may be written to
        PROFILING = "profiling"  # what they do may be used to choose for them
        NEIGHBOURS = "neighbours"  # the surname may be shown beside a group-buy

    region = models.CharField(max_length=32)
    member = models.ForeignKey(Member, models.PROTECT, related_name="consents")
    scope = models.CharField(max_length=12, choices=Scope)
    granted = models.BooleanField()
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["region", "member", "scope", "id"], name="consent_latest")]


class Erasure(models.Model):
    """A member asked to be erased: done at `due_at` unless it is withdrawn before. The row stays as the proof that it was."""

    class State(models.TextChoices):
        WAITING = "waiting"
        WITHDRAWN = "withdrawn"
        DONE = "done"

    region = models.CharField(max_length=32)
    member = models.ForeignKey(Member, models.PROTECT, related_name="erasures")
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    by = models.CharField(max_length=32)
    requested_at = models.DateTimeField()
    due_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "member"], condition=Q(state="waiting"), name="erasure_one_waiting")]
        indexes = [models.Index(fields=["region", "state", "due_at"], name="erasure_waiting")]


class OneTimeCode(models.Model):
    """A code sent to a phone, kept as its HMAC. Unknown phones get a row too, so that they can't be told apart.

    It is good in the browser that asked for it alone, so that nobody else can use its tries up.
    """

    phone = models.CharField(max_length=20)
    browser = models.CharField(max_length=64, default="")
    address = models.CharField(max_length=45, default="")
    serial = models.BigIntegerField()
    digest = models.CharField(max_length=64)
    sent_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    tries = models.SmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            # Two requests at once would both count four codes: the serial lets one of them through.
            models.UniqueConstraint(fields=["phone", "serial"], name="code_serial"),
            models.CheckConstraint(condition=Q(tries__lte=5), name="code_tries"),
        ]
        indexes = [models.Index(fields=["sent_at"], name="code_sent"), models.Index(fields=["address", "sent_at"], name="code_address")]


class SandboxSms(models.Model):
    """What a text message would have said, where no telephone network is attached."""

    phone = models.CharField(max_length=20)
    code = models.CharField(max_length=6)
    text = models.CharField(max_length=200)
    at = models.DateTimeField()
