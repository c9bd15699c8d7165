"""What the program says in English, read from its source: errors, messages of records, problems and checks.

A text is read where it is given, through the names, conditions and functions of its module. What only a run knows, such
as a number, is FILLED. Texts that a module is given by another one are read there, or not at all.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

import winbc_pipeline
from winbc_pipeline import errors

ROOT = Path(winbc_pipeline.__file__).parent
FILLED = "7"
ERRORS = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}
IN_PARTS = {"WrongKey", "StoreDamaged", "StateUnavailable", "LeaseLost", "NotWritable", "no_formula"}
"""What makes an error whose text has the given texts inside it."""
SHORT = ("self.error", "work.error")
"""What makes an error of a formula."""
SAID: dict[str, tuple[int | str, ...]] = {
    **dict.fromkeys(("Choice", "Decision"), (2, "message")),
    "Debtor": ("message",),
    **dict.fromkeys(("BadPicture", "PictureUnavailable"), (0,)),
    "Problem": ("words", "fix"),
    "CheckResult": (0, 1),
}
"""What else has texts for people, and in which of its arguments."""
SHARED = "mapping/grammar.py"  # its hints are those of many modules
Scope = Mapping[str, list[ast.expr]]


@dataclass(frozen=True)
class Text:
    """A text of the program, and where it is given."""

    where: str
    text: str


def texts(folder: str) -> Iterator[Text]:
    """The texts of a module, or of those of a folder, of winbc_pipeline."""
    files = [ROOT / folder] if folder.endswith(".py") else sorted((ROOT / folder).rglob("*.py"))
    for path in files:
        tree = parsed(path)
        of_module = _of(ROOT / SHARED) | _of(path)
        for owner in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)):
            scope = of_module | _assigned(ast.walk(owner))
            for call in (node for node in ast.walk(owner) if isinstance(node, ast.Call)):
                where = f"{path.relative_to(ROOT)}:{call.lineno}"
                yield from (Text(where, text) for text in _given(call, scope) if text)


@cache
def parsed(path: Path) -> ast.Module:
    """The source of a module."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def _of(path: Path) -> dict[str, list[ast.expr]]:
    """What the names and functions of a module may stand for."""
    return _functions(parsed(path)) | _assigned(parsed(path).body)


def _functions(tree: ast.Module) -> dict[str, list[ast.expr]]:
    """What each function `f()` and method `self.f()` of a module returns or yields."""
    found: dict[str, list[ast.expr]] = {}
    methods = [
        (f"self.{each.name}", each)
        for node in tree.body
        if isinstance(node, ast.ClassDef)
        for each in node.body
        if isinstance(each, ast.FunctionDef)
    ]
    for name, node in [*((each.name, each) for each in tree.body if isinstance(each, ast.FunctionDef)), *methods]:
        gives = [each.value for each in ast.walk(node) if isinstance(each, ast.Return | ast.Yield) and each.value]
        found.setdefault(f"{name}()", []).extend(gives)
    return found


def _assigned(nodes: Iterable[ast.AST]) -> dict[str, list[ast.expr]]:
    """What each name may stand for."""
    found: dict[str, list[ast.expr]] = {}
    for node in nodes:
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            pairs = [(target, node.value)]
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = list(zip(target.elts, node.value.elts, strict=False))
            for name, value in pairs:
                found.setdefault(ast.unparse(name), []).append(value)
    return found


def _given(call: ast.Call, scope: Scope) -> Iterator[str]:
    """The texts for people of a call."""
    name = ast.unparse(call.func)
    name = name if name in (*SHORT, "super().__init__", "WinbcError.__init__") else name.rpartition(".")[2]
    if name in SAID:
        for place in SAID[name]:
            yield from _in(_argument(call, place), scope)
    elif name in IN_PARTS:
        yield from (text for each in call.args for text in _in(each, scope))
    elif name in ERRORS or name in SHORT or name.endswith("__init__"):
        first = 1 if name == "WinbcError.__init__" else 0
        hints = list(_in(_argument(call, first + 1) or _argument(call, "hint"), scope)) or [""]
        for message, hint in product(_in(_argument(call, first), scope), hints):
            yield f"{message} {hint}" if hint and name not in SHORT else message
            yield hint if name in SHORT else ""


def _argument(call: ast.Call, place: int | str) -> ast.expr | None:
    if isinstance(place, int):
        return call.args[place] if place < len(call.args) else None
    return next((each.value for each in call.keywords if each.arg == place), None)


def _in(node: ast.expr | None, scope: Scope) -> list[str]:
    """The texts that an expression may be; none for what is no text of this module."""
    match node:
        case ast.Constant(value=str() as text):
            return [text]
        case ast.JoinedStr(values=parts):
            pieces = [_in(part, scope) or [FILLED] for part in parts]
            return ["".join(each) for each in product(*pieces)]
        case ast.FormattedValue(value=value) | ast.YieldFrom(value=value):
            return _in(value, scope)
        case ast.IfExp(body=one, orelse=other):
            return [*_in(one, scope), *_in(other, scope)]
        case ast.BoolOp(values=some) | ast.Tuple(elts=some) | ast.List(elts=some):
            return [text for each in some for text in _in(each, scope)]
        case ast.BinOp(op=ast.Add(), left=one, right=other):
            return [a + b for a, b in product(_in(one, scope) or [FILLED], _in(other, scope) or [FILLED])]
        case ast.Name() | ast.Call():
            name = ast.unparse(node) if isinstance(node, ast.Name) else f"{ast.unparse(node.func)}()"
            known = scope.get(name, [])
            others = [(value, [each for each in known if each is not value]) for value in known]
            return [text for value, rest in others for text in _in(value, {**scope, name: rest})]
    return []
