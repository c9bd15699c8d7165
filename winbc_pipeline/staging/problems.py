"""Problems: the records that do not arrive, in groups that have one cause.

Here belongs: opening and closing a problem in the transaction that moves its records (ledger.py). A problem is closed
when its last record has arrived or was settled, in whatever version. Who is told of it, and when: health/.
"""

from datetime import datetime, timedelta

import duckdb

from .people.personal import PersonalTable, nothing
from .sql import literal, with_key

KINDS = ("failed", "person", "guard")  # not taken; waits for somebody's decision; waits for `winbc approve`
TABLES = (
    """
    CREATE TABLE IF NOT EXISTS problem (
        kind VARCHAR, reason VARCHAR, cause VARCHAR, opened_at TIMESTAMPTZ, closed_at TIMESTAMPTZ, records BIGINT
    )""",
    """
    CREATE TABLE IF NOT EXISTS problem_record (
        part VARCHAR, key VARCHAR, kind VARCHAR, reason VARCHAR, cause VARCHAR, since TIMESTAMPTZ
    )""",
)
TABLES_ON_SERVER = (TABLES[0], with_key(TABLES[1], "part, key"))
KEPT = timedelta(days=90)  # after it was closed
UNTAKEN = "'STOPPED', 'NOT_TAKEN', 'NO_ANSWER'"  # reasons of PLANNED records that a run did not get rid of


def _kind(row: str) -> str:
    """SQL of the kind of problem that a row of the ledger is; NULL for none, or none yet."""
    return f"""
        CASE
            WHEN {row}.state IN ('FAILED', 'UNKNOWN') THEN 'failed'
            WHEN {row}.state IN ('CONFLICT', 'DUPLICATE', 'NEEDS_HUMAN') THEN 'person'
            WHEN {row}.state = 'PLANNED' AND {row}.reason = 'APPROVAL' THEN 'guard'
            WHEN {row}.state = 'PLANNED' AND {row}.reason IN ({UNTAKEN}) THEN 'failed'
        END"""


def _cause(row: str) -> str:
    """SQL of a code that messages of one cause share: they differ only in what has digits or stands in quotes."""
    quoted, numbered = r"\'[^\']*\'|\"[^\"]*\"|`[^`]*`", r"\S*[0-9]\S*"
    pattern = literal(f"{quoted}|{numbered}")
    words = f"regexp_replace(coalesce({row}.message, ''), {pattern}, '#', 'g')"
    return f"left(md5({words}), 8)"


def _in_trouble(rows: str) -> str:
    """SELECT of `part, key, kind, reason, cause` of the rows of a table like the ledger that are in trouble."""
    return f"""
        SELECT r.part, r.key, {_kind("r")} AS kind, coalesce(r.reason, r.state) AS reason, {_cause("r")} AS cause
        FROM {rows} AS r
        WHERE {_kind("r")} IS NOT NULL"""


def note(connection: duckdb.DuckDBPyConnection, now: datetime) -> None:
    """Opens and closes problems for the moves in the table `moved`, in the transaction that the caller has begun."""
    trouble = f"EXISTS (SELECT 1 FROM moved AS r WHERE {_kind('r')} IS NOT NULL)"
    if connection.execute(f"SELECT {trouble} OR EXISTS (FROM problem_record)").fetchone() == (False,):
        return
    connection.execute(f"CREATE OR REPLACE TEMP TABLE in_trouble AS {_in_trouble('moved')}")
    _leave(connection)
    _enter(connection, now)
    connection.execute(
        """
        UPDATE problem AS p
        SET closed_at = ?
        WHERE closed_at IS NULL AND NOT EXISTS (
            FROM problem_record AS r WHERE r.kind = p.kind AND r.reason = p.reason AND r.cause = p.cause
        )""",
        [now],
    )


def take_over(connection: duckdb.DuckDBPyConnection, now: datetime) -> None:
    """Opens problems for what an earlier version of the program has left in the ledger."""
    if connection.execute("SELECT EXISTS (FROM problem)").fetchone() == (False,):
        connection.execute(f"CREATE OR REPLACE TEMP TABLE in_trouble AS {_in_trouble('ledger')}")
        _enter(connection, now)


def _leave(connection: duckdb.DuckDBPyConnection) -> None:
    """Takes records out of their problem that are done, or that a person has approved."""
    connection.execute(
        """
        DELETE FROM problem_record AS p
        USING moved AS m
        WHERE m.part = p.part AND m.key = p.key
        AND (m.state IN ('CONFIRMED', 'SKIPPED') OR (m.state = 'PLANNED' AND m.reason = 'APPROVED'))
        """
    )


def _enter(connection: duckdb.DuckDBPyConnection, now: datetime) -> None:
    """Puts records into their problems, and opens those that nobody had so far.

    A record that goes from one problem to another of the same kind waits since it came into the first.
    """
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE fresh AS
        SELECT t.*, CASE WHEN p.kind = t.kind THEN p.since ELSE ?::TIMESTAMPTZ END AS since
        FROM in_trouble AS t
        LEFT JOIN problem_record AS p USING (part, key)
        WHERE (t.kind, t.reason, t.cause) IS DISTINCT FROM (p.kind, p.reason, p.cause)
        """,
        [now],
    )
    connection.execute("DELETE FROM problem_record AS p USING fresh AS f WHERE f.part = p.part AND f.key = p.key")
    connection.execute("INSERT INTO problem_record BY NAME FROM fresh")
    connection.execute(
        """
        INSERT INTO problem BY NAME
        SELECT DISTINCT kind, reason, cause, ?::TIMESTAMPTZ AS opened_at, 0 AS records
        FROM fresh AS f
        WHERE NOT EXISTS (
            FROM problem AS p
            WHERE p.closed_at IS NULL AND p.kind = f.kind AND p.reason = f.reason AND p.cause = f.cause
        )""",
        [now],
    )
    connection.execute(
        """
        UPDATE problem AS p
        SET records = p.records + f.records
        FROM (SELECT kind, reason, cause, count(*) AS records FROM fresh GROUP BY ALL) AS f
        WHERE p.closed_at IS NULL AND p.kind = f.kind AND p.reason = f.reason AND p.cause = f.cause
        """
    )
    connection.execute("DELETE FROM problem WHERE closed_at < ?", [now - KEPT])


PERSONAL = (PersonalTable("problem_record", "kept"), *nothing("problem"))
"""What these tables hold of people (staging/people/personal.py)."""
