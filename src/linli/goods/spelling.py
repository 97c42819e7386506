"""How a Chinese name is found by its sound: whole syllables and their first letters, from any syllable on."""

from __future__ import annotations

from itertools import accumulate


def spelled(name: str) -> str:
    """What to look into, parted by spaces: "鲜牛奶" is " xianniunai niunai nai xnn nn n".

    Each entry begins at a syllable, so that " niun" is found and "anniu", which nobody means, is not.
    """
    from pypinyin import lazy_pinyin

    syllables = [s.lower() for s in lazy_pinyin(name) if s.isalnum() and s.isascii()]
    letters = [s[0] for s in syllables]
    tails = [list(accumulate(reversed(parts), lambda tail, s: s + tail))[::-1] for parts in (syllables, letters)]
    return "".join(f" {t}" for tail in tails for t in tail)


def asked(text: str) -> str:
    """What of `text` can be a spelling: its ASCII letters and digits, together. "" when something else is in it."""
    close = "".join(text.lower().split()).replace("'", "")
    return close if close.isascii() and close.isalnum() else ""
