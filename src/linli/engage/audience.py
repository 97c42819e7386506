"""Audiences: a rule checked against the names that exist, then the same rule on every engine.

`compile(text, schema)` gives a Rule with `.ibis(table)` for many members and `.check(facts)` for one; a property
test holds them equal. What isn't known (a null) makes a comparison neither true nor false (three-valued logic,
as in SQL): `not (churn_risk > 0.4)` does not catch members without a score, and a member for whom the whole rule
is unknown is outside. `x is known` asks on purpose. Numbers are 64-bit floats on both engines (whole numbers are
exact to 2**53); a result that is not finite, such as a division by zero, is unknown.
"""

from __future__ import annotations

import difflib
import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from linli.engage import expression as e
from linli.kernel.refusals import Refusal

if TYPE_CHECKING:
    import ibis.expr.types as ir

Kind = Literal["number", "text", "labels", "bool"]


@dataclass(frozen=True)
class Name:
    """A name that rules may use. `values`: the labels or texts that exist, None when any may come."""

    name: str
    kind: Kind
    values: frozenset[str] | None = None


Schema = Mapping[str, Name]

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}


def schema(names: Iterable[Name]) -> Schema:
    """The names by name."""
    return {n.name: n for n in names}


@dataclass(frozen=True)
class Rule:
    """A checked rule. Two rules with the same text and schema mean the same everywhere."""

    text: str
    tree: e.Node
    schema: Schema

    @property
    def names(self) -> frozenset[str]:
        """What it reads."""
        return frozenset(e.names(self.tree))

    def check(self, facts: Mapping[str, Any]) -> bool:
        """Whether one member's facts fit; a missing name is an unknown."""
        return self._test(facts) is True

    def truth(self, facts: Mapping[str, Any]) -> bool | None:
        """Like `check`, but says None where it is unknown."""
        found = self._test(facts)
        return None if found is None else bool(found)

    @cached_property
    def _test(self) -> Test:
        return _one(self.tree, self.schema)

    def ibis(self, table: ir.Table) -> ir.BooleanValue:
        """The rule over a table whose columns are the schema's names; never null, so it can filter or count."""
        import ibis

        return _column(self.tree, table, self.schema).fill_null(ibis.literal(False))


def compile(text: str, names: Schema) -> Rule:
    """Read and check a rule.

    Raises Refusal engage.unknown_name(name, suggestion, position), engage.unknown_label(label, suggestion, name,
    position), engage.wrong_kind(position, found, expected), and those of expression.parse.
    """
    tree = e.parse(text)
    kind = _kind(tree, names)
    if kind != "bool":
        raise Refusal("engage.wrong_kind", position=0, found=kind, expected="bool")
    return Rule(text, tree, names)


def suggest(name: str, names: Iterable[str]) -> str:
    """The name that was probably meant, or ""."""
    return next(iter(difflib.get_close_matches(name, sorted(names), n=1, cutoff=0.5)), "")


# --- kinds ------------------------------------------------------------------------------------------------


def _need(node: e.Node, names: Schema, *expected: Kind) -> Kind:
    kind = _kind(node, names)
    if kind not in expected:
        raise Refusal("engage.wrong_kind", position=node.at, found=kind, expected=expected[0])
    return kind


def _label(label: str, field: e.Node, names: Schema, at: int) -> None:
    """A label nobody ever gets would make an audience silently empty."""
    if not isinstance(field, e.Field):
        return
    values = names[field.name].values
    if values is not None and label not in values:
        raise Refusal("engage.unknown_label", label=label, name=field.name, suggestion=suggest(label, values), position=at)


def _kind(node: e.Node, names: Schema) -> Kind:
    match node:
        case e.Literal(value):
            return "bool" if isinstance(value, bool) else "text" if isinstance(value, str) else "number"
        case e.Field(name, at):
            if name not in names:
                raise Refusal("engage.unknown_name", name=name, suggestion=suggest(name, names), position=at)
            return names[name].kind
        case e.Negative(of):
            return _need(of, names, "number")
        case e.Arithmetic(_, left, right):
            _need(left, names, "number")
            return _need(right, names, "number")
        case e.Compare(sign, left, right):
            kind = _need(left, names, *(("number", "text", "bool") if sign in ("==", "!=") else ("number",)))
            _need(right, names, kind)
            for field, other in ((left, right), (right, left)):
                if isinstance(other, e.Literal) and isinstance(other.value, str):
                    _label(other.value, field, names, other.at)
        case e.Between(value, low, high):
            for part in (value, low, high):
                _need(part, names, "number")
        case e.OneOf(value, options):
            kind = _need(value, names, "number", "text")
            for option in options:
                _need(option, names, kind)
                if isinstance(option.value, str):
                    _label(option.value, value, names, option.at)
        case e.Has(labels, label, at):
            _need(labels, names, "labels")
            _label(label, labels, names, at)
        case e.Known(value):
            _kind(value, names)
        case e.Not(of):
            _need(of, names, "bool")
        case e.Junction(_, parts):
            for part in parts:
                _need(part, names, "bool")
    return "bool"


# --- one member -------------------------------------------------------------------------------------------


def _fact(name: Name, facts: Mapping[str, Any]) -> Any:
    value = facts.get(name.name)
    if value is None or value != value:  # NaN is how frames say null
        return None
    if name.kind == "number":
        number = float(value)
        return number if math.isfinite(number) else None
    if name.kind == "labels":
        return frozenset(value)
    return bool(value) if name.kind == "bool" else str(value)


type Test = Callable[[Mapping[str, Any]], Any]


def _one(node: e.Node, names: Schema) -> Test:
    """The node as a function of one member's facts: the tree is walked once, however many members are asked."""
    match node:
        case e.Literal(value):
            return lambda facts: value
        case e.Field(name):
            field = names[name]
            return lambda facts: _fact(field, facts)
        case e.Known(value):
            known = _one(value, names)
            return lambda facts: known(facts) is not None
        case e.Junction(sign, parts):
            tests = [_one(part, names) for part in parts]
            return lambda facts: _join(sign, tests, facts)
        case e.Not(of):
            return _lifted(_one(of, names), operator.not_)
        case e.Negative(of):
            return _lifted(_one(of, names), operator.neg)
        case e.Has(labels, label):
            return _lifted(_one(labels, names), lambda found: label in found)
        case e.OneOf(value, options):
            among = [option.value for option in options]
            return _lifted(_one(value, names), lambda found: found in among)
        case e.Between(value, low, high):
            ends = [_one(e.Compare(">=", value, low, node.at), names), _one(e.Compare("<=", value, high, node.at), names)]
            return lambda facts: _join("and", ends, facts)
        case e.Compare(sign, left, right):
            return _paired(_one(left, names), _one(right, names), _COMPARE[sign])
        case e.Arithmetic(sign, left, right):
            return _paired(_one(left, names), _one(right, names), lambda a, b: _result(sign, a, b))


def _lifted(of: Test, does: Callable[[Any], Any]) -> Test:
    """What isn't known stays unknown."""
    return lambda facts: None if (found := of(facts)) is None else does(found)


def _paired(left: Test, right: Test, does: Callable[[Any, Any], Any]) -> Test:
    return lambda facts: None if (a := left(facts)) is None or (b := right(facts)) is None else does(a, b)


def _result(sign: str, a: float, b: float) -> float | None:
    if sign == "/" and b == 0:
        return None
    result = _ARITHMETIC[sign](a, b)
    return result if math.isfinite(result) else None


def _join(sign: str, tests: Sequence[Test], facts: Mapping[str, Any]) -> bool | None:
    """Kleene: a false part decides `and`, a true part decides `or`, otherwise an unknown stays."""
    decisive: bool = sign == "or"
    unknown = False
    for test in tests:
        found: bool | None = test(facts)
        if found is decisive:
            return decisive
        unknown = unknown or found is None
    return None if unknown else (not decisive)


# --- many members -----------------------------------------------------------------------------------------


def _finite(number: ir.NumericValue) -> ir.NumericValue:
    import ibis

    return (number.isnan() | number.isinf()).ifelse(ibis.null("float64"), number)


def _column(node: e.Node, table: ir.Table, names: Schema) -> Any:
    import ibis

    match node:
        case e.Literal(value):
            return ibis.literal(value, type="float64" if isinstance(value, float) else None)
        case e.Field(name):
            column = table[name]
            return _finite(column.cast("float64")) if names[name].kind == "number" else column
        case e.Known(value):
            return _column(value, table, names).notnull()
        case e.Not(of):
            return ~_column(of, table, names)
        case e.Junction(sign, parts):
            columns = [_column(part, table, names) for part in parts]
            return ibis.and_(*columns) if sign == "and" else ibis.or_(*columns)
        case e.Has(labels, label):
            return _column(labels, table, names).contains(label)
        case e.OneOf(value, options):
            return _column(value, table, names).isin([option.value for option in options])
        case e.Negative(of):
            return -_column(of, table, names)
        case e.Between(value, low, high):
            number = _column(value, table, names)
            return (number >= _column(low, table, names)) & (number <= _column(high, table, names))
        case e.Compare(sign, left, right):
            return _COMPARE[sign](_column(left, table, names), _column(right, table, names))
        case e.Arithmetic(sign, left, right):
            a, b = _column(left, table, names), _column(right, table, names)
            if sign == "/":
                return _finite(a / b.nullif(ibis.literal(0.0)))
            return _finite(_ARITHMETIC[sign](a, b))
