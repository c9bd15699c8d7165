"""What the ledger of one flow says about its health, read at once.

Here belongs: the SQL. What it means: lateness.py and gather.py.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from ..staging import ledger
from ..staging.store import Row, create_table, quote, rows_of
from ..sync.connected import ConnectedFlow
from ..sync.guards import safe_mode
from ..sync.keeping import restored
from ..sync.plan_table import PLANNED, planned_table
from ..sync.session import Written, written
from .problem import Example, Name, Problem
from .redaction import E_MAIL, without_personal_data

EXAMPLES = 5  # of each problem
LOOK_BACK = timedelta(days=2)  # problems that were closed before this are of no interest any more

# By database: what was read of it last, and what `written` said then.
_read: dict[Path, tuple[Written, "Facts"]] = {}


@dataclass(frozen=True)
class Facts:
    """What a flow's ledger says.

    Attributes:
        problems: those that are open, and those that were closed in the last days.
        states: numbers of records by state.
        watermark: up to when the source was followed; None before the first load.
        unsent_since: since when the oldest record waits for its target, or for an answer of it; None for none. A
            record in a restored database waits since the restoring: nobody could send it before.
        unknown_since: the same of those whose answer was lost.
        person_since: since when the oldest record waits for a person; None for none.
        was_let_go: whether a person has ended the flow's safe mode, for its present target.
        is_known: whether the ledger could be read. Where it could not, all of the others say nothing.
    """

    problems: tuple[Problem, ...] = ()
    states: dict[str, int] = field(default_factory=dict)
    watermark: datetime | None = None
    unsent_since: datetime | None = None
    unknown_since: datetime | None = None
    person_since: datetime | None = None
    was_let_go: bool = False
    is_known: bool = True


def facts_of(connected: ConnectedFlow, now: datetime, wait_s: float | None = None) -> Facts:
    """What the ledger of a flow says; a flow that never ran has empty facts.

    The database is opened only when it changed since this process last looked.
    Raises: StoreBusy when another process keeps the database for longer than `wait_s` seconds.
    """
    path, now_written = connected.store.path, _written(connected)
    if not connected.store.exists():
        return Facts()
    known = _read.get(path)
    if known and known[0] == now_written:
        return known[1]
    with connected.store.open(wait_s) as connection:
        ledger.create(connection)
        create_table(connection, planned_table(connected.flow), PLANNED)
        safe_mode.create(connection)
        restored.create(connection)
        before = _written(connected)
        found = _facts(connection, connected, now)
    _read[path] = before, found  # what was committed since then is read next time
    return found


def _written(connected: ConnectedFlow) -> Written:
    return written(connected.store, connected.settings, connected.flow.lease)


def _facts(connection: duckdb.DuckDBPyConnection, connected: ConnectedFlow, now: datetime) -> Facts:
    counts = connection.execute("SELECT state, count(*) FROM ledger GROUP BY ALL ORDER BY ALL").fetchall()
    followed = connection.execute("SELECT max(moment) FROM watermark WHERE name = ?", [connected.flow.id]).fetchone()
    waits = rows_of(
        connection,
        """
        SELECT
            min(coalesce(p.since, l.moved_at)) FILTER (
                state IN ('SENDING', 'UNKNOWN') OR (state = 'PLANNED' AND l.reason IS DISTINCT FROM 'APPROVAL')
            ) AS unsent,
            min(coalesce(p.since, l.moved_at)) FILTER (state = 'UNKNOWN') AS unknown,
            min(coalesce(p.since, l.moved_at)) FILTER (p.kind IN ('person', 'guard')) AS person
        FROM ledger AS l
        LEFT JOIN problem_record AS p USING (part, key)
        WHERE state NOT IN ('CONFIRMED', 'SKIPPED')
        """,
    )[0]
    last = restored.last_restored_in(connection)
    return Facts(
        problems=tuple(_problems(connection, connected, now)),
        states=dict(counts),
        watermark=followed[0] if followed else None,
        unsent_since=max(waits["unsent"], last.restored_at) if waits["unsent"] and last else waits["unsent"],
        unknown_since=waits["unknown"],
        person_since=waits["person"],
        was_let_go=safe_mode.was_let_go(connection),
    )


def _problems(connection: duckdb.DuckDBPyConnection, connected: ConnectedFlow, now: datetime) -> list[Problem]:
    rows = rows_of(
        connection,
        """
        SELECT p.*, (
            SELECT count(*) FROM problem_record AS r
            WHERE r.kind = p.kind AND r.reason = p.reason AND r.cause = p.cause
        ) AS open_records
        FROM problem AS p
        WHERE closed_at IS NULL OR closed_at > ?
        ORDER BY opened_at
        """,
        [now - LOOK_BACK],
    )
    closed = {_same(row) for row in rows if row["closed_at"]}
    return [_problem(connection, connected, row, _same(row) in closed) for row in rows]


def _same(row: Row) -> tuple[str, ...]:
    return row["kind"], row["reason"], row["cause"]


def _problem(connection: duckdb.DuckDBPyConnection, connected: ConnectedFlow, row: Row, is_back: bool) -> Problem:
    is_open = row["closed_at"] is None
    return Problem(
        Name(connected.flow.id, row["kind"], row["reason"], row["cause"]),
        row["opened_at"],
        row["closed_at"],
        row["open_records"] if is_open else row["records"],
        tuple(_examples(connection, connected, row)) if is_open else (),
        flows=(connected.flow.id,),
        is_anew=is_open and is_back and _has_new_records(connection, row),
    )


def _has_new_records(connection: duckdb.DuckDBPyConnection, problem: Row) -> bool:
    """Whether a record of an open problem never was in trouble for its reason before the problem was opened."""
    return bool(
        connection.execute(
            """
            SELECT EXISTS (
                FROM problem_record AS r
                WHERE kind = $1 AND reason = $2 AND cause = $3 AND NOT EXISTS (
                    FROM ledger_event AS e
                    WHERE e.part = r.part AND e.key = r.key AND coalesce(e.reason, e.state) = $2 AND e.moved_at < $4
                )
            )
            """,
            [*_same(problem), problem["opened_at"]],
        ).fetchall()[0][0]
    )


def _examples(connection: duckdb.DuckDBPyConnection, connected: ConnectedFlow, problem: Row) -> list[Example]:
    """The first records of a problem, with what was last said of them for its reason."""
    rows = rows_of(
        connection,
        f"""
        WITH
            shown AS (
                FROM problem_record
                WHERE kind = $1 AND reason = $2 AND cause = $3
                ORDER BY since, part, key
                LIMIT {EXAMPLES}
            ),
            said AS (
                SELECT part, key, arg_max(message, moved_at) AS message
                FROM ledger_event
                SEMI JOIN shown USING (part, key)
                WHERE coalesce(reason, state) = $2
                GROUP BY ALL
            )
        SELECT part, key, l."window", s.message, l.target_no, $2 AS reason, p.action AS planned_action, p.body
        FROM shown
        JOIN ledger AS l USING (part, key)
        LEFT JOIN said AS s USING (part, key)
        LEFT JOIN {quote(planned_table(connected.flow))} AS p USING (part, key)
        ORDER BY shown.since, part, key
        """,
        [problem["kind"], problem["reason"], problem["cause"]],
    )
    return [
        Example(row["part"], E_MAIL.sub("…", row["key"]), row["window"], without_personal_data(row), row["target_no"])
        for row in rows
    ]


def records_in_trouble(connected: ConnectedFlow) -> list[Row]:
    """All records of a flow's open problems: `part, key, kind, reason, since, window`."""
    if not connected.store.exists():
        return []
    with connected.store.open() as connection:
        ledger.create(connection)
        return rows_of(
            connection,
            """
            SELECT part, key, p.kind, p.reason, p.since, l."window"
            FROM problem_record AS p
            JOIN ledger AS l USING (part, key)
            ORDER BY p.since, part, key
            """,
        )
