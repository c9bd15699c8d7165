"""`$filter` as Business Central takes it, translated to SQL over JSON records.

Facts: behaviour.md section 5. What BC ignores in silence (`in` below schema 2.1, lambdas) is ignored here too, and the
whole table comes back. OR over two fields and whatever has no AL equivalent is refused.
"""

import re
from datetime import date, datetime
from typing import Any

from odata_query import ast
from odata_query.exceptions import ODataException
from odata_query.grammar import ODataLexer, ODataParser

from ...control import timestamp
from ..data.refusal import Refused, bad_request
from ..data.schema import EntitySet, Where
from .query import sortable

COMPARATORS = {
    ast.Eq: ("=", "Equal"),
    ast.NotEq: ("<>", "NotEqual"),
    ast.Gt: (">", "GreaterThan"),
    ast.GtE: (">=", "GreaterThanOrEqual"),
    ast.Lt: ("<", "LessThan"),
    ast.LtE: ("<=", "LessThanOrEqual"),
}
WILDCARD = {"=": "GLOB", "<>": "NOT GLOB"}
LITERALS = {
    ast.String: "Edm.String",
    ast.GUID: "Edm.Guid",
    ast.Date: "Edm.Date",
    ast.DateTime: "Edm.DateTimeOffset",
    ast.Boolean: "Edm.Boolean",
    ast.Integer: "Edm.Int32",
    ast.Float: "Edm.Decimal",
}
TAKEN = dict.fromkeys(("Edm.Int32", "Edm.Int64", "Edm.Decimal"), ("Edm.Int32", "Edm.Decimal"))
EVERYTHING = "1"
DEEPEST, GROUP, MOST_VALUES = 20, 50, 30_000  # what SQLite takes
LIST_OF_ONE = re.compile(r"(\bin\s*\((?:'[^']*'|[^',()]+))\)")  # the parser wants a comma in it


def to_sql(text: str, entity: EntitySet, newer_schema: bool = False) -> Where:
    """SQL condition and its values for a `$filter`; raises Refused."""
    if not text:
        return EVERYTHING, []
    values: list[object] = []
    condition = _Translator(entity, values, newer_schema).sql(_parsed(text))
    if len(values) > MOST_VALUES:
        raise bad_request("The filter has too many terms.")
    return condition, values


def fixed_fields(text: str) -> set[str]:
    """The fields of which a `$filter` names the values, by `eq`."""
    found: set[str] = set()
    for term in _terms(ast.And, _parsed(text)) if text else ():
        equal = [one for one in _terms(ast.Or, term) if isinstance(getattr(one, "comparator", None), ast.Eq)]
        if len(equal) == len(_terms(ast.Or, term)):
            found |= _names(term)
    return found


def _parsed(text: str) -> Any:
    try:
        tree = ODataParser().parse(ODataLexer().tokenize(LIST_OF_ONE.sub(r"\1,)", text)))
    except (ODataException, ValueError, RecursionError) as error:
        raise bad_request(f"Syntax error in '{text[:60]}'.") from error
    if tree is None:
        raise bad_request(f"Syntax error in '{text[:60]}'.")
    return tree


def _terms(kind: type, node: Any) -> list[Any]:
    """The terms of `a and b and c`, whichever way the brackets stand."""
    found, left = [], [node]
    while left:
        one = left.pop()
        if isinstance(one, ast.BoolOp) and isinstance(one.op, kind):
            left += [one.right, one.left]
        else:
            found.append(one)
    return found


def _joined(word: str, conditions: list[str]) -> str:
    """Conditions joined in groups, as SQLite takes no expression that is nested deeply."""
    while len(conditions) > 1:
        groups = [conditions[n : n + GROUP] for n in range(0, len(conditions), GROUP)]
        conditions = [f"({f' {word} '.join(group)})" for group in groups]
    return conditions[0]


class _Translator:
    def __init__(self, entity: EntitySet, values: list[object], newer_schema: bool) -> None:
        self.entity, self.values, self.newer_schema = entity, values, newer_schema

    def sql(self, node: Any, depth: int = 0) -> str:
        if depth > DEEPEST:
            raise bad_request("The filter is nested too deeply.")
        match node:
            case ast.BoolOp(op=op):
                return self._bool(op, _terms(type(op), node), depth)
            case ast.Compare(comparator=ast.In(), left=left, right=right):
                return self._in(left, right)
            case ast.Compare(comparator=comparator, left=left, right=right):
                return self._compare(comparator, left, right)
            case ast.Call(func=func, args=[field, value]) if func.name in ("startswith", "endswith", "contains"):
                return self._like(func.name, field, value)
            case ast.CollectionLambda():
                return EVERYTHING
        raise bad_request(f"The expression {type(node).__name__} is not supported on an OData filter.")

    def _bool(self, op: Any, terms: list[Any], depth: int) -> str:
        if isinstance(op, ast.Or) and len(set().union(*(_names(term) for term in terms))) > 1:
            raise bad_request("The 'OR' operator is not supported on distinct fields on an OData filter.")
        return _joined("OR" if isinstance(op, ast.Or) else "AND", [self.sql(term, depth + 1) for term in terms])

    def _in(self, left: Any, right: Any) -> str:
        operand = self._operand(left)
        if not self.newer_schema:
            return EVERYTHING
        values = [self._value(left, item, "In") for item in getattr(right, "val", [])]
        self.values += values
        return f"{operand} IN ({', '.join('?' * len(values))})"

    def _compare(self, comparator: Any, left: Any, right: Any) -> str:
        if type(comparator) not in COMPARATORS:
            raise bad_request("The operator is not supported on an OData filter.")
        sign, kind = COMPARATORS[type(comparator)]
        operand, value = self._operand(left), self._value(left, right, kind)
        if sign in WILDCARD and isinstance(right, ast.String) and set("*?") & set(right.val):
            self.values.append(right.val.replace("[", "[[]"))
            return f"{operand} {WILDCARD[sign]} ?"
        self.values.append(value)
        return f"{operand} {sign} ?"

    def _value(self, left: Any, right: Any, operator: str) -> object:
        """The value that a field is compared with; it must be of the field's type, and fit."""
        facts = self.entity.fields[left.name] if isinstance(left, ast.Identifier) else {}
        wanted = str(facts.get("edm") or "Edm.String") if "enum" not in facts else "Edm.String"
        kind = LITERALS.get(type(right), "Edm.Untyped")
        if kind not in TAKEN.get(wanted, (wanted,)):
            message = "A binary operator with incompatible types was detected. Found operand types "
            raise bad_request(f"{message}'{wanted}' and '{kind}' for operator kind '{operator}'.")
        value = _literal(right)
        if isinstance(value, str) and len(value) > facts.get("maxLength", len(value)):
            message = f"The filter value '{value}' is too long for the field '{left.name}'."
            raise Refused(400, "Application_FilterErrorException", message)
        return facts.get("plain", {}).get(value, value)

    def _like(self, name: str, field: Any, value: Any) -> str:
        operand = self._operand(field, inside=True)
        text = str(self._value(field, value, name)).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        self.values.append(("%" if name != "startswith" else "") + text + ("%" if name != "endswith" else ""))
        return f"{operand} LIKE ? ESCAPE '\\'"

    def _operand(self, node: Any, inside: bool = False) -> str:
        """The SQL of a field, or of a function of it; functions `inside` others came with schema version 2.1."""
        if isinstance(node, ast.Identifier):
            if not sortable(self.entity, node.name):
                message = f"Could not find a property named '{node.name}' on type '{self.entity.type_name}'."
                raise bad_request(message)
            return f"json_extract(body, '$.{node.name}')"
        if isinstance(node, ast.Call) and inside and not self.newer_schema:
            raise bad_request("A function inside another one is not supported on an OData filter.")
        match node:
            case ast.Call(func=func, args=[inner]) if func.name in ("tolower", "toupper"):
                return f"{func.name[2:]}({self._operand(inner, inside=True)})"
            case ast.Call(func=func, args=[inner, ast.Integer(val=start), *rest]) if func.name == "substring":
                length = f", {int(rest[0].val)}" if rest and isinstance(rest[0], ast.Integer) else ""
                return f"substr({self._operand(inner, inside=True)}, {int(start) + 1}{length})"
        raise bad_request("The operand is not supported on an OData filter.")


def _literal(node: Any) -> object:
    try:
        match node:
            case ast.DateTime(val=value):
                return timestamp(datetime.fromisoformat(value.upper().replace("Z", "+00:00")))
            case ast.Date(val=value):
                return date.fromisoformat(value).isoformat()
            case ast.GUID(val=value):
                return value.lower()
            case ast.Boolean(val=value):
                return int(value.lower() == "true")
            case ast.Integer(val=value) | ast.Float(val=value):
                return float(value)
    except (ValueError, OverflowError) as error:
        raise bad_request(f"Unrecognized literal '{node.val}'.") from error
    return node.val


def _names(node: Any) -> set[str]:
    match node:
        case ast.Identifier(name=name):
            return {name}
        case ast.BoolOp(left=left, right=right) | ast.Compare(left=left, right=right):
            return _names(left) | _names(right)
        case ast.Call(args=args):
            return set().union(*(_names(arg) for arg in args))
    return set()
