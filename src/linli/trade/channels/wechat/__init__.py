"""WeChat Pay, APIv3, in public-key mode: JSAPI, H5 and native. https://pay.weixin.qq.com/doc/v3/merchant/4012062524"""

from __future__ import annotations

from linli.trade.channels import Unreachable
from linli.trade.channels.wechat.adapter import WeChat
from linli.trade.channels.wechat.merchant import Merchant, merchant

__all__ = ["Merchant", "WeChat", "channel", "merchant"]


def channel() -> WeChat:
    """The channel as it is set up. Raises Unreachable where it isn't."""
    found = merchant()
    if found is None:
        raise Unreachable("wechat: not set up")
    return WeChat(found)
