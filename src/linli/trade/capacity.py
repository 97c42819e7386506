"""How much of a service its partner can still do: on the ledger, floor 0, claimed with each voucher that is bought or given.

Asset "service:<code>", owner "partner:<code>", purpose "capacity"; what was claimed is "capacity-used".
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

from linli.kernel import ledger
from linli.kernel.ledger import AccountRef
from linli.kernel.refusals import Refusal
from linli.trade.models import Bundle, Service


def account(region: str, service: str, partner: str) -> AccountRef:
    """What is left of a partner's capacity for a service."""
    return AccountRef(region=region, asset=f"service:{service}", owner=f"partner:{partner}", purpose="capacity")


def used(region: str, service: str, partner: str) -> AccountRef:
    """What was claimed of it."""
    return AccountRef(region=region, asset=f"service:{service}", owner=f"partner:{partner}", purpose="capacity-used")


def of(region: str, skus: Iterable[str]) -> dict[str, AccountRef]:
    """SKU -> the capacity each piece of it claims; SKUs without a service are left out. One statement."""
    found = Bundle.objects.filter(region=region, sku_code__in=list(skus)).values_list("sku_code", "service__code", "service__partner__code")
    return {sku: account(region, service, partner) for sku, service, partner in found}


@transaction.atomic
def add(*, region: str, service: str, pieces: int, key: str) -> None:
    """The partner promises so many more. Raises Refusal: trade.no_such_service, goods.bad_quantity, ledger.key_reused."""
    found = Service.objects.select_related("partner").filter(region=region, code=service).first()
    if found is None:
        raise Refusal("trade.no_such_service", service=service)
    if type(pieces) is not int or not 1 <= pieces <= 1_000_000:
        raise Refusal("goods.bad_quantity")
    source = AccountRef(region=region, asset=f"service:{service}", owner="shop", purpose="supply")
    ledger.open(source, floor=None)
    target = account(region, service, found.partner.code)
    ledger.commit(ledger.Move(key=f"capacity/{service}/{key}", source=source, target=target, amount=pieces, reason="trade.capacity"))
