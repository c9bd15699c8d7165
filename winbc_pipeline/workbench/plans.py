"""What a plan holds, as people see it: field by field, in words.

The planned table does not keep the fields of a new record twice. They are read from its body.
"""

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from ..health.publishing.masking import holds_goods, open_in
from ..staging.people.fields import FREE_TEXTS
from ..staging.published.outcomes import MASKED
from ..staging.store import Row, quote, renew_table
from ..sync.connected import ConnectedFlow
from ..sync.plan_table import PLANNED, planned_slices, planned_table
from ..sync.work import Work
from ..systems.business_central.client import dumps

Change = dict[str, Any]
PLAN_COLUMNS = ("key", "part", "action", "reason", "message")
# How a change names a field of one line: `line 2 quantity`.
OF_A_LINE = re.compile(r"(line \d+) (\w+)")
WHOLE = ("document", "credit memo")  # what a change is about when it is about no single field


def planned(connected: ConnectedFlow, first: date, last: date) -> Iterator[Row]:
    """The plan of the windows between two days (both included): a row per record, by part and key, read some at a time.

    A first load may plan more rows than fit into memory.
    """
    work = Work(connected, first, last, run_id="")
    for (part,) in _grouped(work, "part"):
        for rows in planned_slices(work, part):
            yield from map(with_changes, rows)


def counts_of(connected: ConnectedFlow, first: date, last: date) -> list[tuple[str, str | None, int]]:
    """How many records the plan of these windows has of each action and reason, the most frequent first."""
    work = Work(connected, first, last, run_id="")
    return sorted(_grouped(work, "action, reason, count(*)"), key=lambda each: -each[2])


def _grouped(work: Work, columns: str) -> list[tuple[Any, ...]]:
    """Columns (SQL) of the plan of a work, a row for each group of them, in their order."""
    with work.store.open() as connection:
        renew_table(connection, planned_table(work.flow), PLANNED)
        return connection.execute(
            f"""
            SELECT {columns}
            FROM {quote(planned_table(work.flow))}
            WHERE "window" BETWEEN ? AND ?
            GROUP BY ALL
            ORDER BY ALL
            """,
            work.days,
        ).fetchall()


def write_csv(path: Path, rows: Iterable[Row], shows: Callable[[Change], bool] = lambda _: True) -> None:
    """Writes a plan for a spreadsheet: a line per record, its changes in words. Texts that a spreadsheet would take for
    a formula begin with an apostrophe.

    Args:
        shows: as of `in_words`.
    """
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*PLAN_COLUMNS, "changes"])
        for row in rows:
            cells = [*(row[name] for name in PLAN_COLUMNS), "; ".join(in_words(row["changes"], shows))]
            writer.writerow([harmless(cell) for cell in cells])


def harmless(cell: str | None) -> str:
    """A text of a CSV for a spreadsheet, which would take some beginnings for a formula."""
    text = cell or ""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def with_changes(row: Row) -> Row:
    """A planned row with `changes` (JSON). Where the plan keeps none, they are made of the body."""
    if row["changes"] is not None or row["body"] is None:
        return row
    body = json.loads(row["body"], parse_float=Decimal)
    return row | {"changes": dumps(created(body)).decode()}


def created(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The fields of a new record as changes: `field`, `old` (None), `new`. Lines are numbered from 1."""
    made, lines = [], []
    for name, value in body.items():
        if isinstance(value, list):
            lines = value
        else:
            made.append({"field": name, "old": None, "new": value})
    for number, line in enumerate(lines, 1):
        for name, value in line.items():
            made.append({"field": f"line {number} {name}", "old": None, "new": value})
    return made


def in_words(changes: str | None, shows: Callable[[Change], bool] = lambda _: True) -> list[str]:
    """Planned changes in words, one text each: `what: old -> new`. The fields of a new line stand in one text.

    Args:
        changes: the changes as JSON; None for none.
        shows: whether the values of a change may be shown. Other values are masked.
    """
    words: dict[str, list[str]] = {}
    for each in _flat(json.loads(changes or "[]", parse_float=Decimal)):
        line = OF_A_LINE.fullmatch(each["field"]) if each["old"] is None else None
        what = line[1] if line else each["field"]
        details = words.setdefault(what, [])
        if line:
            details.append(f"{line[2]} {_shown(each['new']) if shows(each) else MASKED}")
        else:
            details.append(_from_to(each) if shows(each) else MASKED)
    return [f"{what}: {', '.join(details)}" for what, details in words.items()]


def shows(connected: ConnectedFlow, people: bool = False) -> Callable[[Change], bool]:
    """Which changes are shown with their values: those that tell nothing of a person, and with `people` all."""
    if people or holds_goods(connected.flow):
        return lambda _: True
    fields = {name for names in open_in(connected).target.values() for name in names}
    return lambda change: change["field"] in fields or is_of_goods(change)


def is_of_goods(change: Change) -> bool:
    """Whether a change holds no values about people.

    These are the fields of a line except its free texts, a whole document, and a field that is only emptied.
    """
    field = OF_A_LINE.fullmatch(change["field"])
    if field:
        return field[2] not in FREE_TEXTS
    return change["field"] in WHOLE or change["new"] is None


def _flat(changes: list[Change]) -> list[Change]:
    """The changes, with each filled field of a new line as a change of its own."""
    flat = []
    for each in changes:
        if not isinstance(each["new"], dict):
            flat.append(each)
            continue
        for name, value in each["new"].items():
            if value not in (None, ""):
                flat.append({"field": f"{each['field']} {name}", "old": None, "new": value})
    return flat


def _from_to(change: Change) -> str:
    new = "gone" if change["new"] is None else _shown(change["new"])
    return new if change["old"] is None else f"{_shown(change['old'])} -> {new}"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "(empty)" if value == "" else str(value)
