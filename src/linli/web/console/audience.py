"""An audience rule read aloud: the names of the registry and plain operators instead of code."""

from __future__ import annotations

from linli.engage import expression as e
from linli.insight import queries as insight
from linli.kernel.refusals import Refusal
from linli.web import words
from linli.web.context import english

ZH, EN = 0, 1
SIGNS = {
    "==": ("是", "is"),
    "!=": ("不是", "is not"),
    "<": ("<", "<"),
    "<=": ("≤", "≤"),
    ">": (">", ">"),
    ">=": ("≥", "≥"),
    "+": ("+", "+"),
    "-": ("-", "-"),
    "*": ("×", "×"),
    "/": ("÷", "÷"),
    "and": ("并且", "and"),
    "or": ("或者", "or"),
}
SHAPES = {
    "between": ("{a} 在 {low} 到 {high} 之间", "{a} is between {low} and {high}"),
    "outside": ("{a} 不在 {low} 到 {high} 之间", "{a} is not between {low} and {high}"),
    "in": ("{a} 是{options}之一", "{a} is one of {options}"),
    "not in": ("{a} 不是{options}中的任何一个", "{a} is none of {options}"),
    "has": ("{a} 里有{label}", "{a} include {label}"),
    "has not": ("{a} 里没有{label}", "{a} do not include {label}"),
    "known": ("知道{a}", "{a} is known"),
    "unknown": ("不知道{a}", "{a} is not known"),
    "not": ("不满足（{a}）", "not ({a})"),
}


def read_aloud(rule: str) -> str:
    """The rule with its names in words. One that can't be read stays as written: its problem is told where it is listed."""
    try:
        text = _Aloud(EN if english() else ZH).said(e.parse(rule))
        return text.replace(" （", "（").replace("） ", "）")  # full-width brackets bring their own space
    except Refusal:
        return rule


class _Aloud:
    def __init__(self, side: int) -> None:
        self.side, self.known = side, insight.variables()

    def said(self, node: e.Node, inside: str = "") -> str:
        """`inside`: the sign around it, so that brackets stand where the rule needs them."""
        match node:
            case e.Literal(value):
                return self._value(value)
            case e.Field(name):
                info = self.known.get(name)
                return (info.en if self.side else info.zh) if info else name
            case e.Negative(of):
                return f"-{self.said(of, '-')}"
            case e.Known() | e.Between() | e.OneOf() | e.Has():
                return self._told(node, yes=True)
            case e.Not(e.Known() | e.Between() | e.OneOf() | e.Has() as of):
                return self._told(of, yes=False)
            case e.Not(of):
                return self._shape("not", a=self.said(of))
            case e.Junction(sign, parts):
                return self._bracketed(f" {SIGNS[sign][self.side]} ".join(self.said(p, sign) for p in parts), inside not in ("", sign))
            case e.Arithmetic(sign, left, right):
                text = f"{self.said(left, sign)} {SIGNS[sign][self.side]} {self.said(right, sign)}"
                return self._bracketed(text, inside in ("*", "/", "-"))
            case e.Compare(sign, left, right):
                return f"{self.said(left)} {SIGNS[sign][self.side]} {self.said(right)}"

    def _told(self, node: e.Node, *, yes: bool) -> str:
        match node:
            case e.Between(value, low, high):
                return self._shape("between" if yes else "outside", a=self.said(value), low=self.said(low), high=self.said(high))
            case e.OneOf(value, options):
                listed = (", " if self.side else "、").join(self.said(o) for o in options)
                return self._shape("in" if yes else "not in", a=self.said(value), options=listed)
            case e.Has(labels, label):
                return self._shape("has" if yes else "has not", a=self.said(labels), label=self._value(label))
            case e.Known(value):
                return self._shape("known" if yes else "unknown", a=self.said(value))
        raise TypeError(f"{type(node).__name__} is not told by a shape")

    def _shape(self, name: str, **parts: str) -> str:
        return SHAPES[name][self.side].format(**parts)

    def _value(self, value: float | str | bool) -> str:
        if isinstance(value, bool):
            return (("否", "no"), ("是", "yes"))[value][self.side]
        if isinstance(value, str):
            said = words.code(f"segment.{value}").removeprefix("segment.")
            return f"“{said}”" if self.side else f"「{said}」"
        return f"{value:g}" if abs(value) < 1e6 else f"{value:.0f}"

    def _bracketed(self, text: str, needed: bool) -> str:
        if not needed:
            return text
        return f"({text})" if self.side else f"（{text}）"
