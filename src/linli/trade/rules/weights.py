"""What a weighed line costs at what the scales say."""

from __future__ import annotations

from linli.kernel.refusals import Refusal

TYPO = 3
"""So many times the most that was sold is taken for a slip of the finger."""


def charged(most_minor: int, most_g: int, grams: int) -> int:
    """What `grams` cost of a line that costs `most_minor` at `most_g`, rounded half up to the minor unit.

    Over the most it costs the most: what is heavier than was sold is the shop's gift. Each line is rounded by itself,
    once, and an order is the sum of its lines, so that no list of lines and its total can disagree.
    """
    if grams >= most_g:
        return most_minor
    return (2 * most_minor * grams + most_g) // (2 * most_g)


def check(grams: int, most_g: int) -> None:
    """Raises Refusal: trade.bad_weight(most_g) for what no scale shows of such goods."""
    if type(grams) is not int or not 0 < grams <= TYPO * most_g:
        raise Refusal("trade.bad_weight", most_g=TYPO * most_g)
