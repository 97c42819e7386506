"""A member was erased: the lake and the tables of what is known forget them, and stay so when the lake is rebuilt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.apps import apps

from linli.insight import lake

if TYPE_CHECKING:
    from linli.insight.lake_tables import Written

KIND = "people.member_erased"


def relay(batch: Sequence[Written]) -> None:
    """Reader of the log: write a batch into the lake, and let go of who was erased in it.

    In one reader, since erasing before the member's last facts are written would leave those behind.
    """
    lake.relay(batch)
    for event in batch:
        if event.kind == KIND:
            forget(event.region, int(event.subject.partition(":")[2]))


def forget(region: str, member_id: int) -> None:
    """Delete what is known of one member, in the lake and in every table of this room about members. Again changes nothing."""
    lake.erase_member(member_id, region=region)
    for table in apps.get_app_config("insight").get_models():
        if any(field.name == "member_id" for field in table._meta.concrete_fields):
            table._default_manager.filter(region=region, member_id=member_id).delete()
