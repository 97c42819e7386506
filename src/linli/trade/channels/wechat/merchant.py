"""Who we are at WeChat Pay."""

from __future__ import annotations

from dataclasses import dataclass, field

from linli.trade.channels import merchants

NEEDED = ("appid", "mchid", "serial", "key_file", "apiv3_key_file", "public_key_id", "public_key_file")
OPTIONAL = {
    "gateway": "https://api.mch.weixin.qq.com",
    "fee_rate": "0.006",
    "app_secret_file": "",
    "open_gateway": "https://api.weixin.qq.com",
}


@dataclass(frozen=True)
class Merchant:
    """A merchant's account. What is secret doesn't show when it is printed.

    `fee_rate` is the agreed fee as a decimal fraction; `app_secret` is the official account's, which JSAPI needs to know
    who a member is at WeChat.
    """

    appid: str
    mchid: str
    serial: str
    public_key_id: str
    public_key: str
    gateway: str
    key: str = field(repr=False)
    apiv3_key: str = field(repr=False)
    fee_rate: str = "0.006"
    app_secret: str = field(default="", repr=False)
    open_gateway: str = ""


def merchant() -> Merchant | None:
    """The configured merchant; None where nothing is set up or a part is missing (`linli pay doctor` says which)."""
    try:
        return loaded()
    except merchants.Incomplete:
        return None


def loaded() -> Merchant | None:
    """As `merchant`, but raises merchants.Incomplete."""
    found = merchants.read("wechat", NEEDED, OPTIONAL)
    if found is None:
        return None
    return Merchant(**{name: value for name, value in found.items() if name in Merchant.__dataclass_fields__})
