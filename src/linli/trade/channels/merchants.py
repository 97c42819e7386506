"""How a merchant's configuration is read: from the environment, keys from files; in the sandbox from what the gateway made."""

from __future__ import annotations

import json
from pathlib import Path

from django.conf import settings


class Incomplete(Exception):
    """Something is set up, but not all. `missing` names the environment variables."""

    def __init__(self, missing: list[str]) -> None:
        super().__init__(", ".join(missing))
        self.missing = missing


def read(channel: str, needed: tuple[str, ...], optional: dict[str, str]) -> dict[str, str] | None:
    """The merchant's values by name; None where nothing is set up. Names that end in _FILE hold paths and are read as the
    name without it. Raises Incomplete when a part is missing or a file can't be read."""
    prefix = f"LINLI_{channel.upper()}_"
    given = {name.removeprefix(prefix).lower(): value for name, value in settings.MERCHANTS.items() if name.startswith(prefix) and value}
    if not given:
        return _of_sandbox(channel)
    found, missing = dict(optional), []
    for name in (*needed, *optional):
        plain = name.removesuffix("_file")
        if name not in given:
            if name in needed:
                missing.append(prefix + name.upper())
            continue
        try:
            found[plain] = Path(given[name]).read_text().strip() if name.endswith("_file") else given[name].strip()
        except (OSError, UnicodeDecodeError):
            missing.append(prefix + name.upper())
    if missing:
        raise Incomplete(missing)
    return found


def unknown(channel: str, known: tuple[str, ...]) -> list[str]:
    """Variables of this channel that nobody reads: a misspelt one would go unseen."""
    prefix = f"LINLI_{channel.upper()}_"
    return sorted(n for n in settings.MERCHANTS if n.startswith(prefix) and n.removeprefix(prefix).lower() not in known)


def _of_sandbox(channel: str) -> dict[str, str] | None:
    """What the sandbox gateway handed to its merchant; None without it."""
    if not settings.SANDBOX:
        return None
    try:
        found = json.loads((Path(settings.HOME) / "secrets" / f"sandbox-{channel}.json").read_text())
    except (OSError, ValueError):
        return None
    return {**found, "gateway": found.get("gateway") or settings.GATEWAY_URL} if isinstance(found, dict) else None


def minor(yuan: str) -> int:
    """ "12.34" as 1234, exactly; more digits are rounded half up (fees have five). Raises ValueError."""
    from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

    try:
        value = Decimal(yuan.strip() or "0")
    except InvalidOperation:
        raise ValueError(yuan) from None
    if not value.is_finite() or abs(value) > 10**12:
        raise ValueError(yuan)
    return int((value * 100).to_integral_value(ROUND_HALF_UP))


def plain(amount_minor: int) -> str:
    """1234 as "12.34"."""
    return f"{amount_minor // 100}.{amount_minor % 100:02d}"
