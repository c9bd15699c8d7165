"""A flow's plan in pages: counted and filtered by the database, because a first load may plan a million records."""

import hashlib
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from datetime import datetime
from pathlib import Path

from ...errors import NotDone
from ...staging.store import Row, quote, renew_table, rows_of
from ...sync.connected import ConnectedFlow
from ...sync.plan_table import PLANNED, planned_table
from ..approval import Proposal
from ..plans import shows, with_changes, write_csv

MOST_IN_CSV, IN_PART = 200_000, 5000
ORDER = "action = 'skip', part, key"
"""SQL: the order of a plan. Records about which nothing is done come last."""


@dataclass(frozen=True)
class Wanted:
    """Which planned records are shown; an empty text stands for all.

    Attributes:
        text: what key, number, reference or message contain.
    """

    part: str = ""
    action: str = ""
    reason: str = ""
    text: str = ""


@dataclass(frozen=True)
class PlanPage:
    """A part of a plan.

    Attributes:
        counts: records of the whole plan by part, action and reason, the most first.
        total: how many records are wanted; rows: some of them, as of the planned table, with their changes.
        planned_at: when the newest of the plan was planned (UTC); None for a plan of nothing.
        edited: whether the tables were edited since.
    """

    counts: list[tuple[str, str, str, int]]
    total: int
    rows: list[Row]
    planned_at: datetime | None
    edited: bool


def plan_page(connected: ConnectedFlow, wanted: Wanted, first: int, most: int) -> PlanPage:
    """Some of the planned records of a flow, in all its windows: those of which something would be written come first.

    Args:
        first: how many of the wanted ones come before.

    Raises: StoreBusy while a run has the database.
    """
    flow, (where, values) = connected.flow, _condition(wanted)
    table = quote(planned_table(flow))
    with connected.store.open() as connection:
        renew_table(connection, planned_table(flow), PLANNED)
        counts = connection.execute(
            f"""
            SELECT part, action, coalesce(reason, ''), count(*) AS n
            FROM {table}
            GROUP BY ALL
            ORDER BY n DESC, 1, 2, 3
            """
        ).fetchall()
        ((total,),) = connection.execute(f"SELECT count(*) FROM {table} WHERE {where}", values).fetchall()
        rows = rows_of(
            connection,
            f"SELECT * FROM {table} WHERE {where} ORDER BY {ORDER} LIMIT ? OFFSET ?",
            [*values, most, first],
        )
        ((planned_at, versions),) = connection.execute(
            f"SELECT max(planned_at), list(DISTINCT mapping_version) FROM {table}"
        ).fetchall()
    edited = connected.was_edited_since(filter(None, versions or []))
    return PlanPage(counts, total, [_shown(row) for row in rows], planned_at, edited)


def write_page(connected: ConnectedFlow, wanted: Wanted, path: Path, open_values: bool = False) -> None:
    """Writes the wanted planned records for a spreadsheet (plans.write_csv), MOST_IN_CSV at most.

    Raises: StoreBusy while a run has the database, NotDone when one has planned anew meanwhile.
    """
    write_csv(path, _in_parts(connected, wanted), shows(connected, open_values))


def _in_parts(connected: ConnectedFlow, wanted: Wanted) -> Iterator[Row]:
    """The wanted rows in their order. Between two parts the database is free for a run."""
    last: list[Row] = []
    planned_at, left = None, MOST_IN_CSV
    while left:
        newest, rows = _part(connected, wanted, last, min(left, IN_PART))
        if last and newest != planned_at:
            raise NotDone("A run has planned anew while the plan was being written.", "Ask for it again.")
        yield from (_shown(row) for row in rows)
        planned_at, last, left = newest, rows[-1:], left - len(rows)
        if len(rows) < IN_PART:
            return


def _part(connected: ConnectedFlow, wanted: Wanted, last: list[Row], most: int) -> tuple[datetime | None, list[Row]]:
    """When the newest of the plan was planned, and the wanted rows behind a row; the first ones without it."""
    where, values = _condition(wanted)
    table = quote(planned_table(connected.flow))
    if last:
        where += f" AND ({ORDER}) > (?, ?, ?)"
        values += [last[0]["action"] == "skip", last[0]["part"], last[0]["key"]]
    with connected.store.open() as connection:
        renew_table(connection, planned_table(connected.flow), PLANNED)
        ((newest,),) = connection.execute(f"SELECT max(planned_at) FROM {table}").fetchall()
        sql = f"SELECT * FROM {table} WHERE {where} ORDER BY {ORDER} LIMIT ?"
        return newest, rows_of(connection, sql, [*values, most])


def seen(proposal: Proposal) -> str:
    """Stands for what a person is shown of a proposal before approving it."""
    shown = (proposal.target, astuple(proposal.writes), proposal.in_safe_mode)
    return hashlib.sha256(repr(shown).encode()).hexdigest()


def _shown(row: Row) -> Row:
    """A planned row with its changes. One without a body has none."""
    return with_changes(row) if row["body"] is not None else row


def _condition(wanted: Wanted) -> tuple[str, list[str | bool]]:
    """The condition for the wanted rows, in SQL, and its values."""
    conditions, values = ["true"], list[str | bool]()
    for condition, value in _conditions(wanted):
        if value:
            conditions.append(condition)
            values.append(value)
    return " AND ".join(conditions), values


def _conditions(wanted: Wanted) -> Iterator[tuple[str, str]]:
    yield "part = ?", wanted.part
    yield "action = ?", wanted.action
    yield "reason = ?", wanted.reason
    yield "contains(lower(concat_ws(' ', key, target_no, reference, message)), lower(?))", wanted.text
