"""How a line of a cart stands: can it be ordered as it is, and if not, why."""

from __future__ import annotations

from datetime import datetime

CLOSED, WAITS, SOLD_OUT, FEW = "closed", "waits", "sold_out", "few"
LOST = (CLOSED, WAITS, SOLD_OUT)
"""Problems of a line that can't go to the checkout at all; a line with `few` can, with fewer pieces."""


def standing(*, state: str, opens_at: datetime, deadline_at: datetime, left_pieces: int, quantity: int, now: datetime) -> str:
    """ "" when the line can be ordered as it is; otherwise closed, waits (not open yet), sold_out or few."""
    if now < opens_at:
        return WAITS
    if state != "open" or now >= deadline_at:
        return CLOSED
    if left_pieces <= 0:
        return SOLD_OUT
    return FEW if quantity > left_pieces else ""
