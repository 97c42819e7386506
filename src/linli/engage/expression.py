"""The rule language's grammar: text -> a small typed tree. Pure; knows no features and no engine.

    any_of  := all_of ("or" all_of)*
    all_of  := not_ ("and" not_)*
    not_    := "not" not_ | test
    test    := sum [("==" | "!=" | "<" | "<=" | ">" | ">=") sum
                   | "between" sum "and" sum | ["not"] "in" "[" literal ("," literal)* "]"
                   | "has" text | "is" ["not"] "known"]
    sum     := product (("+" | "-") product)*
    product := unary (("*" | "/") unary)*
    unary   := "-" unary | number | text | "true" | "false" | name | "(" any_of ")"

Why a grammar of its own and not Python's: `has`, `between` and `is known` read like the operator's words, every
refusal can point at its place, and nothing that isn't listed here exists.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from linli.kernel.refusals import Refusal

MOST_CHARACTERS = 2000
MOST_DEPTH = 40
BIGGEST_NUMBER = 1e12


@dataclass(frozen=True)
class Literal:
    """A number, a text or a truth value."""

    value: float | str | bool
    at: int


@dataclass(frozen=True)
class Field:
    """A feature or label by its name."""

    name: str
    at: int


@dataclass(frozen=True)
class Negative:
    """Arithmetic minus."""

    of: Node
    at: int


@dataclass(frozen=True)
class Arithmetic:
    """`+ - * /` on numbers; a division by zero is unknown."""

    operator: str
    left: Node
    right: Node
    at: int


@dataclass(frozen=True)
class Compare:
    """`== != < <= > >=`."""

    operator: str
    left: Node
    right: Node
    at: int


@dataclass(frozen=True)
class Between:
    """Both ends belong to it."""

    value: Node
    low: Node
    high: Node
    at: int


@dataclass(frozen=True)
class OneOf:
    """`in [...]`."""

    value: Node
    options: tuple[Literal, ...]
    at: int


@dataclass(frozen=True)
class Has:
    """A set of labels holds this one."""

    labels: Node
    label: str
    at: int


@dataclass(frozen=True)
class Known:
    """`is known`: the only test that never is unknown itself."""

    value: Node
    at: int


@dataclass(frozen=True)
class Not:
    """Unknown stays unknown."""

    of: Node
    at: int


@dataclass(frozen=True)
class Junction:
    """`and` / `or` over two or more."""

    operator: str
    parts: tuple[Node, ...]
    at: int


Node = Literal | Field | Negative | Arithmetic | Compare | Between | OneOf | Has | Known | Not | Junction


@dataclass(frozen=True)
class Token:
    """A word of the text and where it stands (0-based)."""

    kind: str
    text: str
    at: int


_TOKENS = re.compile(
    r"""\s*(?:
      (?P<number>\d+(?:_\d+)*(?:\.\d+)?)(?![A-Za-z_])
    | (?P<text>"[^"\n]*"|'[^'\n]*')
    | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<sign><=|>=|==|!=|[<>+\-*/()\[\],])
    )""",
    re.VERBOSE,
)
KEYWORDS = frozenset({"and", "or", "not", "in", "has", "between", "is", "known", "true", "false"})
COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})


def tokens(text: str) -> list[Token]:
    """Cut the text into words. Raises Refusal engage.too_long or engage.unreadable(position, found)."""
    if len(text) > MOST_CHARACTERS:
        raise Refusal("engage.too_long", characters=len(text), most=MOST_CHARACTERS)
    found: list[Token] = []
    at = 0
    end = len(text.rstrip())
    while at < end:
        match = _TOKENS.match(text, at)
        if match is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            raise Refusal("engage.unreadable", position=at, found=text[at], expected="")
        kind = match.lastgroup or ""
        word = match.group(kind)
        if kind == "word" and word in KEYWORDS:
            kind = "keyword"
        found.append(Token(kind, word, match.start(match.lastgroup or 0)))
        at = match.end()
    return [*found, Token("end", "", len(text))]


class _Reader:
    """Recursive descent; `depth` stops texts that would exhaust the stack."""

    def __init__(self, text: str) -> None:
        self.words = tokens(text)
        self.next = 0
        self.depth = 0

    def peek(self) -> Token:
        return self.words[self.next]

    def take(self) -> Token:
        word = self.words[self.next]
        self.next += 1
        return word

    def meet(self, *texts: str) -> Token | None:
        """Take the next word if it is one of these signs or keywords."""
        word = self.peek()
        if word.kind in ("sign", "keyword") and word.text in texts:
            return self.take()
        return None

    def need(self, text: str) -> Token:
        return self.meet(text) or self.lost(text)

    def lost(self, expected: str) -> NoReturn:
        word = self.peek()
        raise Refusal("engage.unreadable", position=word.at, found=word.text, expected=expected)

    def any_of(self) -> Node:
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise Refusal("engage.too_deep", position=self.peek().at, most=MOST_DEPTH)
        node = self.junction("or", lambda: self.junction("and", self.negation))
        self.depth -= 1
        return node

    def junction(self, operator: str, part: Callable[[], Node]) -> Node:
        at = self.peek().at
        parts = [part()]
        while self.meet(operator):
            parts.append(part())
        return parts[0] if len(parts) == 1 else Junction(operator, tuple(parts), at)

    def negation(self) -> Node:
        if word := self.meet("not"):
            self.depth += 1
            if self.depth > MOST_DEPTH:
                raise Refusal("engage.too_deep", position=word.at, most=MOST_DEPTH)
            node = Not(self.negation(), word.at)
            self.depth -= 1
            return node
        return self.test()

    def test(self) -> Node:
        left = self.sum()
        word = self.peek()
        if word.kind == "sign" and word.text in COMPARISONS:
            self.take()
            node = Compare(word.text, left, self.sum(), word.at)
            if self.peek().kind == "sign" and self.peek().text in COMPARISONS:
                self.lost("and")  # 1 < x < 5 would mean something else in every engine
            return node
        if self.meet("between"):
            low = self.sum()
            self.need("and")
            return Between(left, low, self.sum(), word.at)
        if self.meet("in"):
            return self.one_of(left, word.at)
        if self.meet("not"):
            self.need("in")
            return Not(self.one_of(left, word.at), word.at)
        if self.meet("has"):
            label = self.take() if self.peek().kind == "text" else self.lost("text")
            return Has(left, label.text[1:-1], word.at)
        if self.meet("is"):
            negative = self.meet("not")
            self.need("known")
            return Not(Known(left, word.at), word.at) if negative else Known(left, word.at)
        return left

    def one_of(self, value: Node, at: int) -> Node:
        self.need("[")
        options = [self.literal()]
        while self.meet(","):
            options.append(self.literal())
        self.need("]")
        return OneOf(value, tuple(options), at)

    def literal(self) -> Literal:
        negative = self.meet("-")
        node = self.atom()
        if not isinstance(node, Literal) or (negative and isinstance(node.value, str | bool)):
            self.next -= 1
            self.lost("literal")
        return Literal(-node.value, node.at) if negative else node  # type: ignore[operator]

    def sum(self) -> Node:
        node = self.product()
        while word := self.meet("+", "-"):
            node = Arithmetic(word.text, node, self.product(), word.at)
        return node

    def product(self) -> Node:
        node = self.unary()
        while word := self.meet("*", "/"):
            node = Arithmetic(word.text, node, self.unary(), word.at)
        return node

    def unary(self) -> Node:
        if word := self.meet("-"):
            self.depth += 1
            if self.depth > MOST_DEPTH:
                raise Refusal("engage.too_deep", position=word.at, most=MOST_DEPTH)
            node = Negative(self.unary(), word.at)
            self.depth -= 1
            return node
        return self.atom()

    def atom(self) -> Node:
        word = self.peek()
        if self.meet("("):
            node = self.any_of()
            self.need(")")
            return node
        if word.kind == "number":
            value = float(self.take().text.replace("_", ""))
            if value > BIGGEST_NUMBER:
                raise Refusal("engage.number_too_big", position=word.at, most=BIGGEST_NUMBER)
            return Literal(value, word.at)
        if word.kind == "text":
            return Literal(self.take().text[1:-1], word.at)
        if found := self.meet("true", "false"):
            return Literal(found.text == "true", word.at)
        if word.kind == "word":
            return Field(self.take().text, word.at)
        self.lost("value")
        return None


def parse(text: str) -> Node:
    """Read a rule. Raises Refusal engage.empty_rule, .too_long, .too_deep, .number_too_big, .unreadable(position, found, expected)."""
    if not text.strip():
        raise Refusal("engage.empty_rule")
    reader = _Reader(text)
    node = reader.any_of()
    if reader.peek().kind != "end":
        reader.lost("and")
    return node


def names(node: Node) -> set[str]:
    """Every name a rule reads."""
    match node:
        case Field(name):
            return {name}
        case Literal():
            return set()
        case Negative(of) | Not(of):
            return names(of)
        case Arithmetic(_, left, right) | Compare(_, left, right):
            return names(left) | names(right)
        case Between(value, low, high):
            return names(value) | names(low) | names(high)
        case OneOf(value) | Has(value) | Known(value):
            return names(value)
        case Junction(_, parts):
            return set().union(*(names(part) for part in parts))
