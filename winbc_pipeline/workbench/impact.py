"""What an edited mapping would do to all staged records: the next plan, counted.

Here belongs: counting. The plan is made by the functions that make it for a run, in a copy of the flow's database, so
that the two always agree. Nothing is written to the target, or to the tables that a run uses.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from .. import clock
from ..health.publishing.progress import check_free
from ..staging import ledger
from ..staging.copying import copy_tables
from ..staging.load import create as create_staging
from ..staging.store import Row, create_table, quote, renew_table, rows_of
from ..sync.connected import ConnectedFlow
from ..sync.dispatch import sending_of
from ..sync.documents.outbox import SENT
from ..sync.flow import Flow
from ..sync.map import map_windows
from ..sync.plan_table import PLANNED, planned_table
from ..sync.session import BINDING, check_target
from ..sync.work import Work
from .plans import OF_A_LINE

CHANGES = ("update", *SENT)  # planned actions that change a record of the target, besides `create`
SETTLES = ("skip", "adopt", "create", *CHANGES)  # planned actions after which nothing waits
BEFORE = "impact_before"  # in the copy: what is known of each record before the next plan
# How a broken rule names what differs from record to record: the line, and the kind of value that was given.
RULES = re.compile("; (?!add a row)")  # what stands between broken rules
OF_A_RECORD = re.compile(r"^line \S+, |, given (a|an) [^(;]*(?= \()")


@dataclass
class Impact:
    """The records of one part, counted by what the next plan would do with them.

    Attributes:
        same: nothing would be written: the target has these values, or what was sent stays as it is.
        created: the target would get a new record.
        changed: the target's record would be changed.
        skipped: the record would be skipped for another reason than UNCHANGED.
        held: the record would wait for a person, or for the lookup after a lost answer.
        broken: the record would fail.
        freed: keys of the records that fail or are in conflict now, and would not after the next plan.
        fields: by field, how many of the changed records would get another value in it.
        breaks: by reason, how many records would fail that do not fail now.
    """

    part: str
    same: int = 0
    created: int = 0
    changed: int = 0
    skipped: int = 0
    held: int = 0
    broken: int = 0
    freed: list[str] = field(default_factory=list)
    fields: Counter[str] = field(default_factory=Counter)
    breaks: Counter[str] = field(default_factory=Counter)


def impact(connected: ConnectedFlow) -> list[Impact]:
    """The impact of the present tables on each part of a flow, compared with the live target.

    Raises:
        MappingError: names file, row and column.
        ConfigurationError: the ledger was kept for another target.
        StoreBusy: a run of the flow is at work.
    """
    sending = sending_of(connected.flow)
    with _copied(connected) as copy:
        map_windows(_all_of(copy))
        target = sending.open(copy.settings)
        try:
            check_target(copy, sending, target)
            sending.plan(_all_of(copy), target)
        finally:
            target.close()
        return _counted(copy)


def _all_of(connected: ConnectedFlow) -> Work:
    return Work(connected, date.min, date.max, "impact")


@contextmanager
def _copied(connected: ConnectedFlow) -> Iterator[ConnectedFlow]:
    """The flow with a copy of its database, which is gone when the block ends.

    Raises: StoreBusy while a run of the flow is at work, or another process has its database.
    """
    path, flow = connected.store.path, connected.flow
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)

    def check() -> None:
        check_free(connected.settings, flow.id, clock.now())

    check()
    with TemporaryDirectory(prefix="impact-", dir=path.parent) as folder:
        copy = replace(connected, database=Path(folder) / path.name)

        def make(connection: duckdb.DuckDBPyConnection) -> None:
            create_staging(connection, connected.staging)
            ledger.create(connection)
            connection.execute(BINDING)
            renew_table(connection, planned_table(flow), PLANNED)

        planned = {planned_table(flow): "part, key, action, hash"}
        tables = dict.fromkeys((connected.staging.name, "ledger", "binding"), "*") | planned
        copy_tables(connected.store, copy.store, tables, make, check)
        with copy.store.open() as connection:
            connection.execute(f"CREATE TABLE {BEFORE} AS {_known_before(flow)}")
        yield copy


def _known_before(flow: Flow) -> str:
    """SELECT of what is known of each record: `part, key, is_stuck`, and what was planned for it last."""
    return f"""
        SELECT
            part, key, p.action, p.hash,
            coalesce(l.state IN ('FAILED', 'CONFLICT') OR (l.state IS NULL AND p.action = 'fail'), false) AS is_stuck
        FROM ledger AS l
        FULL JOIN {quote(planned_table(flow))} AS p USING (part, key)"""


def _counted(copy: ConnectedFlow) -> list[Impact]:
    """The plan in a copy, counted by the parts that it has records of."""
    main = copy.flow.main
    with copy.store.open() as connection:
        create_table(connection, planned_table(copy.flow), PLANNED)
        rows = _planned(connection, copy.flow)
    found = {part.name: Impact(part.name) for part in copy.parts if part.name in {main, *(row["part"] for row in rows)}}
    for row in rows:
        _count(found[row["part"]], row)
    return list(found.values())


def _planned(connection: duckdb.DuckDBPyConnection, flow: Flow) -> list[Row]:
    """The planned records in a copy, with what was known of them. Unchanged ones come counted, in one row each part."""
    return rows_of(
        connection,
        f"""
        WITH plan AS (
            SELECT
                p.*,
                coalesce(b.is_stuck, false) AS is_stuck,
                coalesce(b.action = p.action AND b.hash IS NOT DISTINCT FROM p.hash, false) AS is_as_before,
                p.reason IS NOT DISTINCT FROM 'UNCHANGED' AND NOT is_stuck AS is_same
            FROM {quote(planned_table(flow))} AS p
            LEFT JOIN {BEFORE} AS b USING (part, key)
        )
        SELECT part, NULL AS key, 'skip' AS action, 'UNCHANGED' AS reason, count(*) AS records
        FROM plan
        WHERE is_same
        GROUP BY part
        UNION ALL BY NAME
        SELECT part, key, action, reason, message, changes, is_stuck, is_as_before, 1 AS records
        FROM plan
        WHERE NOT is_same
        ORDER BY part, key
        """,
    )


def _count(found: Impact, row: Row) -> None:
    action = row["action"]
    same = row["reason"] == "UNCHANGED" or action == "adopt"
    found.same += row["records"] if same else 0
    found.skipped += action == "skip" and not same
    found.created += action == "create"
    found.changed += action in CHANGES and action != "create"
    found.broken += action == "fail"
    found.held += action not in (*SETTLES, "fail")
    if row["is_stuck"] and action in SETTLES and not row["is_as_before"]:
        found.freed.append(row["key"])
    if action in CHANGES and action != "create":
        found.fields.update({OF_A_LINE.sub(r"line \2", each["field"]) for each in json.loads(row["changes"] or "[]")})
    if action == "fail" and not row["is_stuck"]:
        found.breaks.update(_reasons(row))


def _reasons(row: Row) -> set[str]:
    """Why a record would fail, in words that are the same for all records with that cause."""
    if row["reason"] == "MAPPING":
        return {OF_A_RECORD.sub("", words) for words in RULES.split(row["message"] or "")}
    if row["reason"] == "RELATION_MISSING":  # its message names the missing code
        return {str(row["message"])}
    return {str(row["reason"])}
