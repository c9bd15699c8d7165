"""Translates `$filter`, as Business Central takes it, to an SQL condition on the stored JSON (behaviour.md section 5).

BC ignores some terms without an error: `in` below schema version 2.1, and lambdas. They are ignored here too, so the
answer holds all records. `or` over two fields, and whatever has no equivalent in AL, is refused.
"""

import re
from datetime import date
from typing import Any

from odata_query import ast
from odata_query.exceptions import ODataException
from odata_query.grammar import ODataLexer, ODataParser

from ..data.refusal import Refused, bad_request
from ..data.schema import EntitySet, Where
from ..data.values import option_named, stored_moment
from .query import sortable

COMPARATORS = {  # the operator in SQL, and its name in BC's messages
    ast.Eq: ("=", "Equal"),
    ast.NotEq: ("<>", "NotEqual"),
    ast.Gt: (">", "GreaterThan"),
    ast.GtE: (">=", "GreaterThanOrEqual"),
    ast.Lt: ("<", "LessThan"),
    ast.LtE: ("<=", "LessThanOrEqual"),
}
GLOB_OPERATORS = {"=": "GLOB", "<>": "NOT GLOB"}
LITERALS = {
    ast.String: "Edm.String",
    ast.GUID: "Edm.Guid",
    ast.Date: "Edm.Date",
    ast.DateTime: "Edm.DateTimeOffset",
    ast.Boolean: "Edm.Boolean",
    ast.Integer: "Edm.Int32",
    ast.Float: "Edm.Decimal",
}
# A whole number and a decimal may be compared. All other types must be equal.
COMPARABLE = dict.fromkeys(("Edm.Int32", "Edm.Int64", "Edm.Decimal"), ("Edm.Int32", "Edm.Decimal"))
ALWAYS_TRUE = "1"
MAX_DEPTH, GROUP_SIZE, MAX_VALUES = 20, 50, 30_000  # these stay below the limits of SQLite
# The library's literals begin with the year 1000. BC shows an empty date as 0001-01-01, and takes it in a filter.
_DATE = r"\d{4}-(?:0\d|1[0-2])-(?:[0-2]\d|3[01])"
_DATETIME = _DATE + r"T(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,12})?)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)?"
LIST_OF_ONE = re.compile(r"(\bin\s*\((?:'[^']*'|[^',()]+))\)")  # the parser takes `in ('A',)` but not `in ('A')`


def to_sql(text: str, entity: EntitySet, schema_2_1: bool = False) -> Where:
    """The SQL condition and its values for the text of a `$filter`. Raises Refused."""
    if not text:
        return ALWAYS_TRUE, []
    values: list[object] = []
    condition = _Translator(entity, values, schema_2_1).sql(_parse(text))
    if len(values) > MAX_VALUES:
        raise bad_request("The filter has too many terms.")
    return condition, values


def fields_fixed_by_eq(text: str) -> set[str]:
    """The fields whose values a `$filter` gives by `eq`, as `documentId` in `documentId eq 5… and sequence gt 2`."""
    if not text:
        return set()
    found: set[str] = set()
    for term in _flat_terms(ast.And, _parse(text)):
        alternatives = _flat_terms(ast.Or, term)
        if all(isinstance(getattr(one, "comparator", None), ast.Eq) for one in alternatives):
            found |= _field_names(term)
    return found


class _Lexer(ODataLexer):
    tokens = ODataLexer.tokens

    @_(_DATETIME)  # type: ignore[name-defined, untyped-decorator] # noqa: F821 - a name in classes of sly
    def DATETIME(self, token: Any) -> Any:
        token.value = ast.DateTime(token.value)
        return token

    @_(_DATE)  # type: ignore[name-defined, untyped-decorator] # noqa: F821
    def DATE(self, token: Any) -> Any:
        token.value = ast.Date(token.value)
        return token


def _parse(text: str) -> Any:
    try:
        tree = ODataParser().parse(_Lexer().tokenize(LIST_OF_ONE.sub(r"\1,)", text)))
    except (ODataException, ValueError, RecursionError) as error:
        raise bad_request(f"Syntax error in '{text[:60]}'.") from error
    if tree is None:
        raise bad_request(f"Syntax error in '{text[:60]}'.")
    return tree


def _flat_terms(kind: type, node: Any) -> list[Any]:
    """The terms of `a and b and c`, however they are bracketed."""
    found, left = [], [node]
    while left:
        one = left.pop()
        if isinstance(one, ast.BoolOp) and isinstance(one.op, kind):
            left += [one.right, one.left]
        else:
            found.append(one)
    return found


def _join(word: str, conditions: list[str]) -> str:
    """Joins conditions in groups, because SQLite refuses deeply nested expressions."""
    while len(conditions) > 1:
        groups = [conditions[n : n + GROUP_SIZE] for n in range(0, len(conditions), GROUP_SIZE)]
        conditions = [f"({f' {word} '.join(group)})" for group in groups]
    return conditions[0]


class _Translator:
    def __init__(self, entity: EntitySet, values: list[object], schema_2_1: bool) -> None:
        self.entity, self.values, self.schema_2_1 = entity, values, schema_2_1

    def sql(self, node: Any, depth: int = 0) -> str:
        if depth > MAX_DEPTH:
            raise bad_request("The filter is nested too deeply.")
        match node:
            case ast.BoolOp(op=op):
                return self._bool(op, _flat_terms(type(op), node), depth)
            case ast.Compare(comparator=ast.In(), left=left, right=right):
                return self._in(left, right)
            case ast.Compare(comparator=comparator, left=left, right=right):
                return self._compare(comparator, left, right)
            case ast.Call(func=func, args=[field, value]) if func.name in ("startswith", "endswith", "contains"):
                return self._like(func.name, field, value)
            case ast.CollectionLambda():
                return ALWAYS_TRUE
        raise bad_request(f"The expression {type(node).__name__} is not supported on an OData filter.")

    def _bool(self, op: Any, terms: list[Any], depth: int) -> str:
        is_or = isinstance(op, ast.Or)
        if is_or and len(set().union(*(_field_names(term) for term in terms))) > 1:
            raise bad_request("The 'OR' operator is not supported on distinct fields on an OData filter.")
        word = "OR" if is_or else "AND"
        return _join(word, [self.sql(term, depth + 1) for term in terms])

    def _in(self, left: Any, right: Any) -> str:
        operand = self._operand(left)
        if not self.schema_2_1:
            return ALWAYS_TRUE
        values = [self._value(left, item, "In") for item in getattr(right, "val", [])]
        self.values += values
        return f"{operand} IN ({', '.join('?' * len(values))})"

    def _compare(self, comparator: Any, left: Any, right: Any) -> str:
        if type(comparator) not in COMPARATORS:
            raise bad_request("The operator is not supported on an OData filter.")
        sign, kind = COMPARATORS[type(comparator)]
        operand, value = self._operand(left), self._value(left, right, kind)
        if sign in GLOB_OPERATORS and isinstance(right, ast.String) and set("*?") & set(right.val):
            # AL takes * and ? in a text as wildcards, as GLOB does. Only [ has a meaning of its own in GLOB.
            self.values.append(right.val.replace("[", "[[]"))
            return f"{operand} {GLOB_OPERATORS[sign]} ?"
        self.values.append(value)
        return f"{operand} {sign} ?"

    def _value(self, left: Any, right: Any, operator: str) -> object:
        """The value that a field is compared with. Raises Refused if its type differs or if it is too long."""
        facts = self.entity.fields[left.name] if isinstance(left, ast.Identifier) else {}
        wanted = "Edm.String" if "enum" in facts else str(facts.get("edm") or "Edm.String")
        kind = LITERALS.get(type(right), "Edm.Untyped")
        if kind not in COMPARABLE.get(wanted, (wanted,)):
            message = "A binary operator with incompatible types was detected. Found operand types "
            raise bad_request(f"{message}'{wanted}' and '{kind}' for operator kind '{operator}'.")
        value = _literal(right)
        if isinstance(value, str) and len(value) > facts.get("maxLength", len(value)):
            message = f"The filter value '{value}' is too long for the field '{left.name}'."
            raise Refused(400, "Application_FilterErrorException", message)
        return option_named(facts, str(value)) or value if "enum" in facts else value

    def _like(self, name: str, field: Any, value: Any) -> str:
        operand = self._operand(field, inside=True)
        text = str(self._value(field, value, name))
        escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        before = "" if name == "startswith" else "%"
        after = "" if name == "endswith" else "%"
        self.values.append(before + escaped + after)
        return f"{operand} LIKE ? ESCAPE '\\'"

    def _operand(self, node: Any, inside: bool = False) -> str:
        """The SQL of a field, or of a function of a field.

        `inside` says that it stands inside another function. Schema version 2.1 brought functions there.
        """
        if isinstance(node, ast.Identifier):
            if not sortable(self.entity, node.name):
                message = f"Could not find a property named '{node.name}' on type '{self.entity.type_name}'."
                raise bad_request(message)
            return f"json_extract(body, '$.{node.name}')"
        if isinstance(node, ast.Call) and inside and not self.schema_2_1:
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
                return stored_moment(value)
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


def _field_names(node: Any) -> set[str]:
    match node:
        case ast.Identifier(name=name):
            return {name}
        case ast.BoolOp(left=left, right=right) | ast.Compare(left=left, right=right):
            return _field_names(left) | _field_names(right)
        case ast.Call(args=args):
            return set().union(*(_field_names(arg) for arg in args))
    return set()
