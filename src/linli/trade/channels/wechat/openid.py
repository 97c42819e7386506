"""Who a member is at WeChat: an openid, which JSAPI needs. WeChat's browser fetches it by being sent there and back once.

https://developers.weixin.qq.com/doc/offiaccount/OA_Web_Apps/Wechat_webpage_authorization.html (snsapi_base: nobody is asked)
"""

from __future__ import annotations

import re
from urllib.parse import urlencode

from linli.trade.channels import Unreachable
from linli.trade.channels.wechat.merchant import Merchant, merchant

_OPENID = re.compile(r"[0-9A-Za-z_-]{6,64}")


def possible() -> bool:
    """Whether members inside WeChat can be known at all: the official account's secret is set up."""
    found = merchant()
    return found is not None and bool(found.app_secret)


def address(return_url: str, state: str) -> str:
    """Where WeChat's browser is to be sent. It comes back to `return_url` with `code` and this `state`."""
    found = _merchant()
    asked = {"appid": found.appid, "redirect_uri": return_url, "response_type": "code", "scope": "snsapi_base", "state": state}
    open_pages = "https://open.weixin.qq.com" if found.open_gateway.startswith("https://api.weixin.qq.com") else _open(found)
    return f"{open_pages}/connect/oauth2/authorize?{urlencode(asked)}#wechat_redirect"


def of_code(code: str) -> str:
    """The openid that a code stands for; a code is good once. Raises Unreachable."""
    import httpx

    found = _merchant()
    asked = {"appid": found.appid, "secret": found.app_secret, "code": code, "grant_type": "authorization_code"}
    base = _open(found)
    try:
        with httpx.Client(timeout=4.0, trust_env=not base.startswith("http://")) as line:
            told = line.get(f"{base}/sns/oauth2/access_token", params=asked).json()
    except (httpx.HTTPError, ValueError) as error:
        raise Unreachable(f"wechat: {type(error).__name__}") from None
    openid = told.get("openid") if isinstance(told, dict) else None
    if not isinstance(openid, str) or not _OPENID.fullmatch(openid):
        raise Unreachable("wechat: nobody's code")
    return openid


def _merchant() -> Merchant:
    found = merchant()
    if found is None or not found.app_secret:
        raise Unreachable("wechat: no official account is set up")
    return found


def _open(found: Merchant) -> str:
    return (found.open_gateway or found.gateway).rstrip("/")
