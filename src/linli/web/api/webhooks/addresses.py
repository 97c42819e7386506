"""Where webhooks may go: the public internet over https. Never into the shop's own network.

The name is looked up here and the connection goes to the address that was judged: a name that answers differently the
second time (DNS rebinding) reaches nobody else. Redirects are not followed.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

from linli.kernel.refusals import Refusal

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True)
class Target:
    """An address that was judged: connect to `ip`, but speak to `host`."""

    scheme: str
    host: str
    port: int
    path: str
    ip: str

    @property
    def address(self) -> str:
        """The URL with the judged address in place of the name."""
        shown = f"[{self.ip}]" if ":" in self.ip else self.ip
        return f"{self.scheme}://{shown}:{self.port}{self.path}"

    @property
    def host_header(self) -> str:
        """The name, as the receiver is spoken to."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == {"http": 80, "https": 443}[self.scheme] else f"{name}:{self.port}"


def check(url: str) -> tuple[str, str, int, str]:
    """Scheme, host, port and path of an address whose form is fine. Raises Refusal: api.bad_webhook_address."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    except ValueError:
        raise Refusal("api.bad_webhook_address") from None
    plain = parts.scheme == "http" and settings.WEBHOOK_LOOPBACK
    wrong = (
        len(url) > 500
        or not url.isascii()
        or not url.isprintable()
        or " " in url
        or not (parts.scheme == "https" or plain)
        or not parts.hostname
        or parts.username is not None
        or parts.password is not None
        or bool(parts.fragment)
    )
    if wrong:
        raise Refusal("api.bad_webhook_address")
    return parts.scheme, str(parts.hostname), port, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def target(url: str) -> Target:
    """Where the address leads now. Raises Refusal: api.bad_webhook_address when any of its addresses is not public."""
    scheme, host, port, path = check(url)
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        raise Refusal("api.bad_webhook_address") from None
    judged = [ipaddress.ip_address(one.partition("%")[0]) for one in sorted(found)]
    if not judged or not all(_may(ip, scheme) for ip in judged):
        raise Refusal("api.bad_webhook_address")
    return Target(scheme, host, port, path, str(judged[0]))


def _may(ip: IPAddress, scheme: str) -> bool:
    inner = _inside(ip)
    if settings.WEBHOOK_LOOPBACK and inner.is_loopback:
        return True
    # A multicast address counts as global, and an address may carry another inside it.
    return scheme == "https" and inner.is_global and not inner.is_multicast and not inner.is_reserved


def _inside(ip: IPAddress) -> IPAddress:
    """The IPv4 address that an IPv6 one stands for, where it does (mapped, 6to4, Teredo, NAT64)."""
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped:
            return ip.ipv4_mapped
        if ip.sixtofour:
            return ip.sixtofour
        if ip.teredo:
            return ip.teredo[1]
        if ip in _NAT64:
            return ipaddress.ip_address(ip.packed[-4:])
    return ip
