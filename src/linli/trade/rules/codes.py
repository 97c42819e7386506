"""Pickup codes: letters that survive being read aloud."""

from __future__ import annotations

from collections.abc import Sequence

CODE_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Letters of a pickup code: none that is taken for another when read aloud or by hand (0 O, 1 I L)."""

CODE_LENGTH = 6


def pickup_code(numbers: Sequence[int]) -> str:
    """A code from CODE_LENGTH random numbers below len(CODE_LETTERS)."""
    return "".join(CODE_LETTERS[n] for n in numbers)
