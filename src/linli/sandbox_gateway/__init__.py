"""The sandbox payment gateway: a process of its own that takes no real money and behaves as badly as real ones do.

It keeps payments and refunds, shows cashier pages and speaks three protocols: WeChat Pay's (`wechat.py`), Alipay's
(`alipay.py`) and a small one of its own (`own.py`). It calls the shop back, losing, doubling, delaying, reordering and
forging callbacks on a seeded schedule, and makes bills. It knows nothing of the shop's code.
"""

from __future__ import annotations

from pathlib import Path


def serve(host: str, port: int, *, home: Path, secret: str, seed: int = 1, misbehave: bool = True) -> None:
    """Serve until Ctrl-C or SIGTERM. State lies in `home`/gateway.sqlite3 and survives a restart; `secret` is shared with the shop."""
    import signal
    import threading

    from linli.sandbox_gateway.mischief import Mischief
    from linli.sandbox_gateway.server import Gateway

    mischief = Mischief(seed) if misbehave else Mischief.none()
    gateway = Gateway(home=home, secret=secret, mischief=mischief, host=host, port=port, bills_at_once=True)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    gateway.start()
    try:
        stop.wait()
    finally:
        gateway.stop()
