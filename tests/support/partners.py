"""What the partners' tests share: a cleaning firm, a jam maker, and what is sold with them."""

from __future__ import annotations

from datetime import timedelta

from linli.goods import catalog
from linli.trade import capacity, groups, limits, partners, services
from support.shop import MONDAY, REGION, Shop, new_group, sku

CLEAN = "clean"
JAM = "jam"
BY = "person:1"


def cleaners(*, share_bp: int = 8000, uses: int = 1, places: int = 10) -> str:
    """A firm that cleans: its service is worth 60.00, it gets 80 % of it; returns the partner's code."""
    partners.put(region=REGION, by=BY, partner=partners.NewPartner("shine", "亮晶晶", "Shine", kind="service", share_bp=share_bp))
    services.put(region=REGION, service=services.NewService(CLEAN, "shine", "深度清洁", "Deep clean", 6000, 30, uses=uses))
    capacity.add(region=REGION, service=CLEAN, pieces=places, key="first")
    return "shine"


def bundle(shop: Shop, *, kind: str = "bundle", price_minor: int = 10_000, quota_pieces: int = 10, threshold: int = 1) -> int:
    """A SKU with a voucher for a clean, in a group-buy until noon; returns the group's id."""
    code = f"clean-{kind}"
    new = sku(code, "other", price_minor + 1000)
    catalog.put_many(region=REGION, skus=[catalog.NewSku(**vars(new) | {"kind": kind, "partner": "shine"})])
    services.bundle(region=REGION, sku=code, service=CLEAN)
    return groups.open(
        region=REGION,
        group=new_group(
            shop.maple, code, threshold=threshold, quota_pieces=quota_pieces, price_minor=price_minor, solo_price_minor=price_minor
        ),
    )


def gift(from_minor: int = 10_000) -> None:
    """Orders from so much on bring a clean along."""
    services.put_gift(
        region=REGION, slug="over", service=CLEAN, from_minor=from_minor, starts_at=MONDAY, ends_at=MONDAY + timedelta(days=30)
    )


def jam(shop: Shop, *, pieces: int = 20, mode: str = "share", share_bp: int = 7000, fixed_minor: int = 0, fee_minor: int = 0) -> None:
    """A local brand's jam, limited to Maple Court and so many jars."""
    terms = {"mode": mode, "share_bp": share_bp, "fixed_minor": fixed_minor, "fee_minor": fee_minor}
    partners.put(region=REGION, by=BY, partner=partners.NewPartner("oldjar", "老坛子", "Old Jar", **terms))  # type: ignore[arg-type]
    catalog.put_many(region=REGION, skus=[catalog.NewSku(**vars(sku(JAM, "other", 500)) | {"partner": "oldjar"})])
    limits.allot(region=REGION, sku=JAM, community_ids=[shop.maple], pieces=pieces, key="first")


def jam_group(community: int, *, key: str = "jam", quota_pieces: int = 10, **changes: object) -> int:
    """A group-buy of jam out of its allotment."""
    figures = {"threshold": 1, "quota_pieces": quota_pieces, "quota_from": limits.place(JAM)} | changes
    return groups.open(region=REGION, group=new_group(community, JAM, key=key, **figures))


def door() -> int:
    """The access of the cleaners' people."""
    found = partners.access(partners.make_access(region=REGION, partner="shine", label="front desk", by=BY))
    assert found is not None
    return found
