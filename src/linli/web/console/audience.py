"""An audience rule read aloud: the names of the registry and plain operators instead of code."""

from __future__ import annotations

import re

from linli.insight import queries as insight
from linli.web import words
from linli.web.context import english

TOKEN = re.compile(r'"(?P<text>[^"]*)"|(?P<name>[A-Za-z_]\w*)|(?P<number>\d+(?:\.\d+)?)|(?P<sign><=|>=|==|!=|[<>=*/+()-])')
OPERATORS = {
    "and": ("并且", "and"),
    "or": ("或者", "or"),
    "not": ("不是", "not"),
    "has": ("里有", "include"),
    "in": ("属于", "is among"),
    "between": ("在", "is between"),
    "is": ("是", "is"),
    "<=": ("≤", "≤"),
    ">=": ("≥", "≥"),
    "==": ("是", "is"),
    "=": ("是", "is"),
    "!=": ("不是", "is not"),
    "*": ("×", "×"),
    "/": ("÷", "÷"),
}


def read_aloud(rule: str) -> str:
    """The rule with its names in words; what has no words stays as written."""
    known = insight.variables()
    side = 1 if english() else 0
    told: list[str] = []
    for match in TOKEN.finditer(rule):
        if (text := match["text"]) is not None:
            said = words.code(f"segment.{text}")
            told.append(f"“{said}”" if side else f"「{said}」")
        elif (name := match["name"]) is not None:
            info = known.get(name)
            told.append((info.en if side else info.zh) if info else OPERATORS.get(name, (name, name))[side])
        else:
            sign = match["sign"] or match["number"]
            told.append(OPERATORS.get(sign, (sign, sign))[side])
    text = " ".join(told).replace("( ", "(").replace(" )", ")")
    return text if side else text.replace("(", "（").replace(")", "）").replace(" （", "（").replace("） ", "）")
