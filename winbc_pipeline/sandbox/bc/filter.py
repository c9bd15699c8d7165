"""`$filter` as Business Central takes it, translated to SQL over JSON records.

Facts: behaviour.md section 5. What BC ignores in silence (`in` below schema 2.1, lambdas) is ignored here too, and the
whole table comes back. OR over two fields and whatever has no AL equivalent is refused.
"""

import re
from datetime import datetime
from typing import Any

from odata_query import ast
from odata_query.exceptions import ODataException
from odata_query.grammar import ODataLexer, ODataParser

from ..control import timestamp
from .refusal import Refused, bad_request
from .schema import EntitySet

COMPARATORS = {ast.Eq: "=", ast.NotEq: "<>", ast.Gt: ">", ast.GtE: ">=", ast.Lt: "<", ast.LtE: "<="}
EVERYTHING = "1"
LIST_OF_ONE = re.compile(r"(\bin\s*\((?:'[^']*'|[^',()]+))\)")  # the parser wants a comma in it


def to_sql(text: str, entity: EntitySet, newer_schema: bool = False) -> tuple[str, list[object]]:
    """SQL condition and its values for a `$filter`; raises Refused."""
    if not text:
        return EVERYTHING, []
    try:
        tree = ODataParser().parse(ODataLexer().tokenize(LIST_OF_ONE.sub(r"\1,)", text)))
    except (ODataException, ValueError, RecursionError) as error:
        raise bad_request(f"Syntax error in '{text[:60]}'.") from error
    if tree is None:
        raise bad_request(f"Syntax error in '{text[:60]}'.")
    values: list[object] = []
    return _Translator(entity, values, newer_schema).sql(tree), values


class _Translator:
    def __init__(self, entity: EntitySet, values: list[object], newer_schema: bool) -> None:
        self.entity, self.values, self.newer_schema = entity, values, newer_schema

    def sql(self, node: Any) -> str:
        match node:
            case ast.BoolOp(op=op, left=left, right=right):
                return self._bool(op, left, right)
            case ast.Compare(comparator=ast.In(), left=left, right=right):
                return self._in(left, right)
            case ast.Compare(comparator=comparator, left=left, right=right):
                return self._compare(comparator, left, right)
            case ast.Call(func=func, args=[field, value]) if func.name in ("startswith", "endswith", "contains"):
                return self._like(func.name, field, value)
            case ast.CollectionLambda():
                return EVERYTHING
        raise bad_request(f"The expression {type(node).__name__} is not supported on an OData filter.")

    def _bool(self, op: Any, left: Any, right: Any) -> str:
        if isinstance(op, ast.Or) and len(_names(left) | _names(right)) > 1:
            raise bad_request("The 'OR' operator is not supported on distinct fields on an OData filter.")
        word = "OR" if isinstance(op, ast.Or) else "AND"
        return f"({self.sql(left)} {word} {self.sql(right)})"

    def _in(self, left: Any, right: Any) -> str:
        operand = self._operand(left)
        if not self.newer_schema:
            return EVERYTHING
        values = [_literal(item) for item in getattr(right, "val", [])]
        self.values += values
        return f"{operand} IN ({', '.join('?' * len(values))})"

    def _compare(self, comparator: Any, left: Any, right: Any) -> str:
        if type(comparator) not in COMPARATORS:
            raise bad_request("The operator is not supported on an OData filter.")
        operand, value = self._operand(left), _literal(right)
        self._fits(left, value)
        if isinstance(comparator, ast.Eq) and isinstance(right, ast.String) and set("*?") & set(right.val):
            self.values.append(right.val.replace("[", "[[]"))
            return f"{operand} GLOB ?"
        self.values.append(value)
        return f"{operand} {COMPARATORS[type(comparator)]} ?"

    def _fits(self, node: Any, value: object) -> None:
        facts = self.entity.fields.get(getattr(node, "name", ""), {})
        if isinstance(value, str) and len(value) > facts.get("maxLength", len(value)):
            message = f"The filter value '{value}' is too long for the field '{node.name}'."
            raise Refused(400, "Application_FilterErrorException", message)
        if facts.get("edm") in ("Edm.Decimal", "Edm.Int32") and isinstance(value, str):
            raise bad_request("A binary operator with incompatible types was detected.")

    def _like(self, name: str, field: Any, value: Any) -> str:
        text = str(_literal(value)).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        pattern = ("%" if name != "startswith" else "") + text + ("%" if name != "endswith" else "")
        operand = self._operand(field)
        self.values.append(pattern)
        return f"{operand} LIKE ? ESCAPE '\\'"

    def _operand(self, node: Any) -> str:
        match node:
            case ast.Identifier(name=name):
                if name not in self.entity.fields:
                    message = f"Could not find a property named '{name}' on type '{self.entity.type_name}'."
                    raise bad_request(message)
                return f"json_extract(body, '$.{name}')"
            case ast.Call(func=func, args=[inner]) if func.name in ("tolower", "toupper"):
                return f"{func.name[2:]}({self._operand(inner)})"
            case ast.Call(func=func, args=[inner, ast.Integer(val=start), *rest]) if func.name == "substring":
                length = f", {int(rest[0].val)}" if rest and isinstance(rest[0], ast.Integer) else ""
                return f"substr({self._operand(inner)}, {int(start) + 1}{length})"
        raise bad_request("The operand is not supported on an OData filter.")


def _literal(node: Any) -> object:
    match node:
        case ast.DateTime(val=value):
            return timestamp(datetime.fromisoformat(value.replace("Z", "+00:00")))
        case ast.String(val=value) | ast.Date(val=value):
            return value
        case ast.GUID(val=value):
            return value.lower()
        case ast.Boolean(val=value):
            return int(value == "true")
        case ast.Integer(val=value) | ast.Float(val=value):
            return float(value)
    raise bad_request("The value is not supported on an OData filter.")


def _names(node: Any) -> set[str]:
    match node:
        case ast.Identifier(name=name):
            return {name}
        case ast.BoolOp(left=left, right=right) | ast.Compare(left=left, right=right):
            return _names(left) | _names(right)
        case ast.Call(args=args):
            return set().union(*(_names(arg) for arg in args))
    return set()
