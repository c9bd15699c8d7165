"""What a plan holds, as people see it: field by field, in words.

A new document's fields are told by its body: the planned table does not keep them twice.
"""

import json
import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from ..staging.store import Row, quote, rows_of
from ..sync.connected import ConnectedFlow
from ..sync.plan_table import planned_table
from ..systems.business_central.client import dumps

OF_A_LINE = re.compile(r"(line \d+) (\w+)")
FREE_TEXTS = ("description", "description2")
WHOLE = ("document", "credit memo")
Change = dict[str, Any]


def planned(connected: ConnectedFlow, first: date, last: date) -> list[Row]:
    """The plan of the windows between two days, one row per record."""
    with connected.store.open() as connection:
        sql = f'SELECT * FROM {quote(planned_table(connected.flow))} WHERE "window" BETWEEN ? AND ? ORDER BY part, key'
        return [with_changes(row) for row in rows_of(connection, sql, [first, last])]


def with_changes(row: Row) -> Row:
    """A planned row whose `changes` are made of its body where the plan keeps none."""
    if row["changes"] is not None:
        return row
    return row | {"changes": dumps(created(json.loads(row["body"], parse_float=Decimal))).decode()}


def created(body: dict[str, Any]) -> list[dict[str, Any]]:
    """A new document field by field, its lines numbered as they stand."""
    made, lines = [], []
    for name, value in body.items():
        if isinstance(value, list):
            lines = value
        else:
            made.append({"field": name, "old": None, "new": value})
    for number, line in enumerate(lines, 1):
        made += [{"field": f"line {number} {name}", "old": None, "new": value} for name, value in line.items()]
    return made


def in_words(changes: str | None, shows: Callable[[Change], bool] = lambda _: True) -> list[str]:
    """Planned changes (JSON), one in words each: `what: old -> new`. The fields of a new line stand together.

    Args:
        shows: whether the values of a change are told; of the others only what would change.
    """
    words: dict[str, list[str]] = {}
    for each in _flat(json.loads(changes or "[]", parse_float=Decimal)):
        line = OF_A_LINE.fullmatch(each["field"]) if each["old"] is None else None
        what = line[1] if line else each["field"]
        told = words.setdefault(what, [])
        if shows(each):
            told.append(f"{line[2]} {_shown(each['new'])}" if line else _from_to(each))
        elif line:
            told.append(line[2])
    return [f"{what}: {', '.join(told)}" if told else what for what, told in words.items()]


def is_of_goods(change: Change) -> bool:
    """Whether the values are about goods, not about people: a line's, except its free texts, or the document's."""
    field = OF_A_LINE.fullmatch(change["field"])
    return field[2] not in FREE_TEXTS if field else change["field"] in WHOLE or change["new"] is None


def _flat(changes: list[Change]) -> list[Change]:
    """A new line's fields each as a change of its own; what is empty in it is left out."""
    flat = []
    for each in changes:
        if isinstance(each["new"], dict):
            values = {name: value for name, value in each["new"].items() if value not in (None, "")}
            flat += [{"field": f"{each['field']} {name}", "old": None, "new": value} for name, value in values.items()]
        else:
            flat.append(each)
    return flat


def _from_to(change: Change) -> str:
    new = "gone" if change["new"] is None else _shown(change["new"])
    return new if change["old"] is None else f"{_shown(change['old'])} -> {new}"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "(empty)" if value == "" else str(value)
