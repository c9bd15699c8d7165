"""Functions from the user's own Python file, beside the built-in ones.

Each public function of the file works on whole columns: it takes and gives lists of equal length. Their types are
`list[str | None]`, `list[Decimal | None]`, `list[bool | None]`, `list[date | None]` or `list[datetime | None]`. The
first line of its docstring is its text in `winbc mapping functions`. A line `Example: name('a') = b` is required, and
is tried when the file is loaded.
"""

import importlib.util
import inspect
import re
import sys
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, get_args, get_type_hints

from ..errors import MappingError
from ..staging.store import in_memory, lock_down
from .execute import evaluate
from .functions import BUILT_IN, Function

KINDS: Mapping[Any, str] = {str: "text", Decimal: "decimal", bool: "boolean", date: "date", datetime: "datetime"}
PLAIN = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
EXAMPLE = re.compile(r"^Example: (.+) = (.*)$", re.MULTILINE)


def load_functions(path: Path | None) -> dict[str, Function]:
    """The built-in functions and those of the user's file (None: there is no such file), by name.

    The file is loaded again when it has changed.
    Raises: MappingError for a file that cannot be loaded, or a function that does not do what its example says.
    """
    known = {function.name: function for function in BUILT_IN}
    if path is None:
        return known
    try:
        changed = path.stat().st_mtime_ns
    except OSError:
        raise MappingError(f"{path} is missing.", "Check the setting mapping_functions.") from None
    return known | _own(path, changed)


@cache  # `changed` is part of the key, so that a file that was edited is loaded again
def _own(path: Path, changed: int) -> dict[str, Function]:
    module = _module(path)
    made = {}
    for name, value in inspect.getmembers(module, inspect.isfunction):
        # Functions that the file imports are not its own.
        if not name.startswith("_") and value.__module__ == module.__name__:
            made[name] = _function(path, name, value)
    for function in made.values():
        _try_out(path, function, made)
    return made


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("winbc_own_functions", path)
    if spec is None or spec.loader is None:
        raise MappingError(f"{path} is not a Python file.", "Check the setting mapping_functions.")
    module = importlib.util.module_from_spec(spec)
    if sys.modules.get("pandas", module) is None:  # commands hide it (cli/main.py), and the file may want it
        del sys.modules["pandas"]
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever the user's file raises
        raise MappingError(f"{path} cannot be loaded ({type(error).__name__}: {error}).") from None
    return module


def _function(path: Path, name: str, value: Any) -> Function:
    place = f"{path}, function {name}"
    doc = inspect.getdoc(value) or ""
    example = EXAMPLE.search(doc)
    if name in {function.name for function in BUILT_IN}:
        raise MappingError(f"{place}: there is a function of that name already.", "Rename it.")
    if not example:
        raise MappingError(f"{place}: its docstring has no line `Example: {name}('a') = b`.", "Add one: it is tried.")
    parameters = inspect.signature(value).parameters
    if name != name.lower() or not parameters:
        raise MappingError(f"{place}: a function has a name in small letters and at least one value.")
    for parameter in parameters.values():
        if parameter.default is not parameter.empty or parameter.kind not in PLAIN:
            hint = "Take out its default or `*`: a formula gives all values, each as a column."
            raise MappingError(f"{place}: its value {parameter.name} could be left out or given by name only.", hint)
    try:
        hints = get_type_hints(value)
    except NameError as error:
        raise MappingError(f"{place}: {error}.") from None
    *takes, gives = [_kind(place, hints.get(parameter)) for parameter in [*parameters, "return"]]
    text, result = example.groups()
    doc = doc.splitlines()[0]
    return Function(name, "own", doc, text, result, tuple(takes), gives, column=value, fails=True)


def _kind(place: str, hint: Any) -> str:
    """The kind of a column's values: text for `list[str | None]` and for `list[str]`."""
    is_list = getattr(hint, "__origin__", None) is list
    values = get_args(hint)
    inner = set(get_args(values[0])) - {type(None)} if values else set()
    types = inner or set(values)
    if not is_list or len(types) != 1 or (kind := types.pop()) not in KINDS:
        raise MappingError(f"{place}: {hint} is not a column.", "Columns are list[str | None], Decimal, bool …")
    return KINDS[kind]


def _try_out(path: Path, function: Function, own: Mapping[str, Function]) -> None:
    place = f"{path}, function {function.name}"
    known = {each.name: each for each in BUILT_IN} | dict(own)
    with in_memory() as connection:
        lock_down(connection)
        result = evaluate(connection, function.example, known, place)
    if result != function.result:
        raise MappingError(f"{place}: its example gives `{result}`, not `{function.result}`.")
