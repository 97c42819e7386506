"""WeChat Pay, APIv3, in public-key mode: JSAPI, H5 and native. https://pay.weixin.qq.com/doc/v3/merchant/4012062524"""

from __future__ import annotations

from typing import TYPE_CHECKING

from linli.trade.channels import Unreachable
from linli.trade.channels.wechat.merchant import Merchant, merchant

if TYPE_CHECKING:
    from linli.trade.channels.wechat.adapter import WeChat

__all__ = ["Merchant", "channel", "merchant"]


def channel() -> WeChat:
    """The channel as it is set up. Raises Unreachable where it isn't."""
    from linli.trade.channels.wechat.adapter import WeChat

    found = merchant()
    if found is None:
        raise Unreachable("wechat: not set up")
    return WeChat(found)
