"""`$filter` as Business Central takes it, translated to SQL over JSON records.

Facts: behaviour.md section 5 (operators; OR over one field only; wildcards inside eq; lambdas not supported).
"""

from typing import Any

from odata_query import ast
from odata_query.grammar import ODataLexer, ODataParser

COMPARATORS = {ast.Eq: "=", ast.NotEq: "<>", ast.Gt: ">", ast.GtE: ">=", ast.Lt: "<", ast.LtE: "<="}


class FilterError(Exception):
    """A filter that BC refuses; the text is BC's."""


def to_sql(text: str, fields: set[str], entity_type: str) -> tuple[str, list[object]]:
    """SQL condition and its values for a `$filter`; raises FilterError."""
    if not text:
        return "1", []
    try:
        tree = ODataParser().parse(ODataLexer().tokenize(text))
    except Exception as error:
        raise FilterError(f"Syntax error in the filter: {type(error).__name__}") from error
    values: list[object] = []
    return _Translator(fields, entity_type, values).sql(tree), values


class _Translator:
    def __init__(self, fields: set[str], entity_type: str, values: list[object]) -> None:
        self.fields, self.entity_type, self.values = fields, entity_type, values

    def sql(self, node: Any) -> str:
        match node:
            case ast.BoolOp(op=op, left=left, right=right):
                return self._bool(op, left, right)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return f"NOT ({self.sql(operand)})"
            case ast.Compare(comparator=comparator, left=left, right=right):
                return self._compare(comparator, left, right)
            case ast.Call(func=func, args=[field, value]) if func.name in ("startswith", "endswith", "contains"):
                return self._like(func.name, field, value)
        raise FilterError(f"The expression {type(node).__name__} is not supported on an OData filter.")

    def _bool(self, op: Any, left: Any, right: Any) -> str:
        if isinstance(op, ast.Or) and len(_names(left) | _names(right)) > 1:
            raise FilterError("The 'OR' operator is not supported on distinct fields on an OData filter.")
        word = "OR" if isinstance(op, ast.Or) else "AND"
        return f"({self.sql(left)} {word} {self.sql(right)})"

    def _compare(self, comparator: Any, left: Any, right: Any) -> str:
        if type(comparator) not in COMPARATORS:
            raise FilterError("The operator is not supported on an OData filter.")
        operand, value = self._operand(left), _literal(right)
        if isinstance(comparator, ast.Eq) and isinstance(right, ast.String) and set("*?") & set(right.val):
            self.values.append(right.val.replace("[", "[[]"))
            return f"{operand} GLOB ?"
        self.values.append(value)
        return f"{operand} {COMPARATORS[type(comparator)]} ?"

    def _like(self, name: str, field: Any, value: Any) -> str:
        text = str(_literal(value)).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        self.values.append(("%" if name != "startswith" else "") + text + ("%" if name != "endswith" else ""))
        return f"{self._operand(field)} LIKE ? ESCAPE '\\'"

    def _operand(self, node: Any) -> str:
        match node:
            case ast.Identifier(name=name):
                if name not in self.fields:
                    raise FilterError(f"Could not find a property named '{name}' on type '{self.entity_type}'.")
                return f"json_extract(body, '$.{name}')"
            case ast.Call(func=func, args=[inner]) if func.name in ("tolower", "toupper"):
                return f"{func.name[2:]}({self._operand(inner)})"
        raise FilterError("The operand is not supported on an OData filter.")


def _literal(node: Any) -> object:
    match node:
        case ast.String(val=value) | ast.DateTime(val=value) | ast.Date(val=value) | ast.GUID(val=value):
            return value
        case ast.Boolean(val=value):
            return int(value == "true")
        case ast.Integer(val=value) | ast.Float(val=value):
            return float(value)
    raise FilterError("The value is not supported on an OData filter.")


def _names(node: Any) -> set[str]:
    match node:
        case ast.Identifier(name=name):
            return {name}
        case ast.BoolOp(left=left, right=right) | ast.Compare(left=left, right=right):
            return _names(left) | _names(right)
        case ast.Call(args=args):
            return set().union(*(_names(arg) for arg in args))
        case ast.UnaryOp(operand=operand):
            return _names(operand)
    return set()
