"""Who we are at Alipay."""

from __future__ import annotations

from dataclasses import dataclass, field

from linli.trade.channels import merchants

NEEDED = ("appid", "key_file", "public_key_file")
OPTIONAL = {"gateway": "https://openapi.alipay.com/gateway.do", "fee_rate": "0.006", "seller_id": ""}


@dataclass(frozen=True)
class Merchant:
    """A merchant's application. `public_key` is Alipay's (not ours); `seller_id` is the account's 2088 number."""

    appid: str
    public_key: str
    gateway: str
    key: str = field(repr=False)
    fee_rate: str = "0.006"
    seller_id: str = ""


def merchant() -> Merchant | None:
    """The configured merchant; None where nothing is set up or a part is missing (`linli pay doctor` says which)."""
    try:
        return loaded()
    except merchants.Incomplete:
        return None


def loaded() -> Merchant | None:
    """As `merchant`, but raises merchants.Incomplete."""
    found = merchants.read("alipay", NEEDED, OPTIONAL)
    if found is None:
        return None
    values = {name: value for name, value in found.items() if name in Merchant.__dataclass_fields__}
    if not values["gateway"].endswith("/gateway.do"):
        values["gateway"] = values["gateway"].rstrip("/") + "/gateway.do"
    return Merchant(**values)
