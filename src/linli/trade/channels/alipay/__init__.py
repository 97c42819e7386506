"""Alipay: phone web (wap), computer web (page) and QR code (precreate). https://opendocs.alipay.com/open/270/105898"""

from __future__ import annotations

from typing import TYPE_CHECKING

from linli.trade.channels import Unreachable
from linli.trade.channels.alipay.merchant import Merchant, merchant

if TYPE_CHECKING:
    from linli.trade.channels.alipay.adapter import Alipay

__all__ = ["Merchant", "channel", "merchant"]


def channel() -> Alipay:
    """The channel as it is set up. Raises Unreachable where it isn't."""
    from linli.trade.channels.alipay.adapter import Alipay

    found = merchant()
    if found is None:
        raise Unreachable("alipay: not set up")
    return Alipay(found)
