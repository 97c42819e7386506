"""A refusal: what was asked can't be done, told by a code with facts; the words live in web/words."""

from __future__ import annotations


class Refusal(Exception):
    """Raised by a verb that declines. `code` is dotted and stable; `facts` fill the words.

    Nothing has been written when it reaches the caller: verbs raise inside their own transaction.
    """

    def __init__(self, code: str, **facts: object) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts

    def __str__(self) -> str:
        told = ", ".join(f"{name}={value!r}" for name, value in self.facts.items())
        return f"{self.code}({told})"
