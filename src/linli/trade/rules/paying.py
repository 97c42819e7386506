"""Which of a channel's methods fits the browser a member pays with."""

from __future__ import annotations

WECHAT, PHONE, DESKTOP = "wechat", "phone", "desktop"

METHODS = {
    ("wechat", WECHAT): "jsapi",
    ("wechat", PHONE): "h5",
    ("wechat", DESKTOP): "native",
    ("alipay", PHONE): "wap",
    ("alipay", DESKTOP): "qr",
    ("sandbox", WECHAT): "cashier",
    ("sandbox", PHONE): "cashier",
    ("sandbox", DESKTOP): "cashier",
}
"""WeChat's browser opens no Alipay page, so that pair is missing. On a desktop both show a code: who pays holds a phone."""


def browser(user_agent: str) -> str:
    """wechat, phone or desktop, as the browser names itself. It decides comfort only: money is judged by its callback."""
    if "MicroMessenger" in user_agent:
        return WECHAT
    return PHONE if any(word in user_agent for word in ("Mobile", "Android", "iPhone", "HarmonyOS")) else DESKTOP


def method(channel: str, browser: str) -> str:
    """The channel's method for this browser; empty when there is none."""
    return METHODS.get((channel, browser), "")
