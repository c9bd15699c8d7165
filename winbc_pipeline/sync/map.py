"""Applies the mapping tables to staged records, into the flow's mapped table. No side effects outside the database.

Here belongs: the mapped table, and what the ledger knows of its records. What a table compiles to: connected.py.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

import duckdb

from ..errors import MappingError
from ..mapping.compiler import Compiled
from ..mapping.execute import fill_joined_tables
from ..staging import ledger
from ..staging.ledger import Move, State
from ..staging.load import create as create_staging
from ..staging.people.personal import PersonalTable
from ..staging.store import (
    Store,
    as_stored,
    compress_with_zstd,
    literal,
    lock_down,
    quote,
    renew_table,
    rows_of,
    stored,
)
from .connected import ConnectedFlow
from .flow import Flow
from .part import Part
from .session import lease_of_layer
from .work import Work

MAPPED = {
    "part": "VARCHAR",
    "_key": "VARCHAR",
    "_window": "DATE",
    "_version": "VARCHAR",
    "creates": "VARCHAR",
    "updates": "VARCHAR",
    "errors": 'STRUCT(field VARCHAR, rule VARCHAR, given VARCHAR, "row" INTEGER)[]',
    "hash": "VARCHAR",
    "skip_reason": "VARCHAR",
    "mapping_version": "VARCHAR",
}
LARGE = 122_880  # records, from which on a second thread saves more time than its memory is worth
# The columns of the ledger (alias l) that a plan needs.
KNOWN = (
    "l.state, l.target_id, l.target_no, l.field_hashes, l.intent_at, l.reason, l.message, l.version, "
    "l.mapping_version AS made_by, l.action AS sent_as"
)
# Whether a mapped record (alias m) was sent exactly as it is now.
UNCHANGED = """coalesce(
    l.state = 'CONFIRMED' AND l.hash = m.hash AND m.skip_reason IS NULL AND len(m.errors) = 0,
    false
)"""


def mapped_table(flow: Flow) -> str:
    """Name of the flow's mapped table."""
    return f"mapped_{flow.id}"


def map_windows(work: Work) -> None:
    """Maps the staged records of a work's windows into the flow's mapped table.

    Raises: MappingError for tables that are wrong, and for a formula that cannot take a value; ConfigurationError for
        settings that what was staged and sent so far does not allow (Flow.check).
    """
    with lease_of_layer(work.connected):
        _map(work)


def _map(work: Work) -> None:
    connected = work.connected
    connected.flow.check(connected.settings)
    # The version is taken before the tables are read. After an edit in between, the plan refuses what was mapped.
    made_by = connected.mapping_version()
    compiled, staging = connected.checked(), connected.staging
    windows = f"_window BETWEEN DATE '{work.first}' AND DATE '{work.last}'"
    with mapping_connection(connected) as connection:
        renew_table(connection, mapped_table(work.flow), MAPPED)
        table = stored(connection, mapped_table(work.flow))
        create_staging(connection, staging)
        ledger.create(connection)  # what a record became before may say which parts it has
        lock_down(connection)
        for part in connected.parts:
            own = compiled[part.name]
            create_source_view(connection, part, own, staging.name, _staged(part, staging.name, windows))
            fill_joined_tables(connection, own.steps, own.lookups)
            connection.execute(  # a record that changed again has moved on from an earlier window
                f"""
                DELETE FROM {table}
                WHERE part = '{part.name}' AND ({windows} OR _key IN (SELECT _key FROM source))
                """
            )
            mapped = f"SELECT '{part.name}', *, {literal(made_by)} FROM ({_mapped(part, own)})"
            connection.execute(f"INSERT INTO {table} {as_stored(connection, mapped, MAPPED)}")
            if _list_errors(connection, table, part, own) and part.shared:
                _replace_broken(connection, connected, part, own)


def _mapped(part: Part, compiled: Compiled) -> str:
    """SELECT of a part's mapped records. One that goes to another group is looked at again, so the hash names it."""
    if not part.group:
        return compiled.marked
    group, container = f"s.{quote(part.group)}", literal(part.joined[0]) if part.joined else "NULL"
    # Likewise one whose container was not to be had, or is there after all.
    lost = f"SELECT key FROM ledger WHERE part = {container} AND target_id IS NULL"
    return f"""
        SELECT m.* REPLACE (concat_ws(' ', m.hash, {group}, CASE WHEN {group} IN ({lost}) THEN 'alone' END) AS hash)
        FROM ({compiled.marked}) AS m
        JOIN source AS s ON s._key = m._key"""


def _list_errors(connection: duckdb.DuckDBPyConnection, table: str, part: Part, compiled: Compiled) -> bool:
    """Lists the errors of the part's records that break a rule; False when there are none."""
    marked = f"SELECT _key FROM {table} WHERE part = '{part.name}' AND errors IS NULL"
    connection.execute(f"CREATE OR REPLACE TEMP TABLE wrong AS FROM source WHERE _key IN ({marked})")
    if not connection.execute("SELECT 1 FROM wrong LIMIT 1").fetchone():
        return False
    connection.execute("CREATE OR REPLACE TEMP VIEW source AS FROM wrong")
    connection.execute(
        f"""
        UPDATE {table} AS t
        SET errors = m.errors
        FROM ({as_stored(connection, compiled.select, MAPPED)}) AS m
        WHERE t.part = '{part.name}' AND t.errors IS NULL AND t._key = m._key
        """
    )
    return True


def _staged(part: Part, staging: str, windows: str) -> str:
    """SQL condition of the staged records that a part is made of.

    What several records share is made of the newest of them, even when that one is in another window: a rerun of an
    old window must not bring back an old address.
    """
    if not part.shared:
        return windows
    return f"{part.key} IN (SELECT {part.key} FROM {quote(staging)} WHERE {windows})"


def _replace_broken(
    connection: duckdb.DuckDBPyConnection, connected: ConnectedFlow, part: Part, compiled: Compiled
) -> None:
    """Maps what several records share anew where the newest of them breaks a rule: from the newest that breaks none.

    One order with an unknown country must not spoil the customer of the orders beside it.
    """
    table, staging = stored(connection, mapped_table(connected.flow)), connected.staging
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE broken AS
        SELECT _key, mapping_version
        FROM {quote(mapped_table(connected.flow))}
        WHERE part = '{part.name}' AND len(errors) > 0 AND _key IN (SELECT _key FROM source)
        """
    )
    if not connection.execute("FROM broken").fetchone():
        return
    connection.execute(  # one line of each order, because its lines repeat the fields of the order
        f"""
        CREATE OR REPLACE TEMP VIEW source AS
        SELECT * REPLACE ({part.key} AS _key), CAST(NULL AS VARCHAR) AS skip_reason
        FROM {quote(staging.name)}
        WHERE ({part.where}) AND {part.key} IN (SELECT _key FROM broken)
        QUALIFY row_number() OVER (PARTITION BY {part.key}, {quote(staging.group or "_key")} ORDER BY _version) = 1
        """
    )
    fill_joined_tables(connection, compiled.steps, compiled.lookups)
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE whole AS
        SELECT '{part.name}' AS part, m.*, b.mapping_version
        FROM ({compiled.select}) AS m
        JOIN source AS s ON s._key = m._key AND s._version::VARCHAR = m._version::VARCHAR
        JOIN broken AS b ON b._key = m._key
        WHERE len(m.errors) = 0
        QUALIFY row_number() OVER (PARTITION BY m._key ORDER BY s._modified_at DESC) = 1
        """
    )
    connection.execute(f"DELETE FROM {table} WHERE part = '{part.name}' AND _key IN (SELECT _key FROM whole)")
    connection.execute(f"INSERT INTO {table} {as_stored(connection, 'FROM whole', MAPPED)}")


def mapped_by(work: Work) -> set[str]:
    """The mapping versions that the mapped records of a work's windows were made by."""
    parts = ", ".join(literal(part.name) for part in work.connected.parts)
    with work.store.open() as connection:
        renew_table(connection, mapped_table(work.flow), MAPPED)
        found = connection.execute(
            f"""
            SELECT DISTINCT mapping_version
            FROM {quote(mapped_table(work.flow))}
            WHERE _window BETWEEN ? AND ? AND part IN ({parts})
            """,
            work.days,
        ).fetchall()
    return {version for (version,) in found}


@contextmanager
def mapping_connection(connected: ConnectedFlow) -> Iterator[duckdb.DuckDBPyConnection]:
    """A transaction on the flow's database, which `lock_down` may lock.

    DuckDB quotes the value in an error about a value. Such an error is raised as MappingError without it.
    """
    try:
        with connected.store.transaction(alone=True) as connection:
            compress_with_zstd(connection)
            if _is_large(connection, connected.staging.name):
                connection.execute("SET threads = 2")
            yield connection
    except (duckdb.ConversionException, duckdb.OutOfRangeException):
        message = f"{connected.flow.id}: a formula meets a value that it cannot take."
        raise MappingError(message, "Compare texts with texts in quotes.") from None


def _is_large(connection: duckdb.DuckDBPyConnection, staging: str) -> bool:
    """Whether two threads are of use: DuckDB gives each one room for every expression."""
    asked = "SELECT max(estimated_size) FROM duckdb_tables() WHERE table_name = ?"
    row = connection.execute(asked, [staging]).fetchone()
    return bool(row and row[0] and row[0] > LARGE)


def create_source_view(
    connection: duckdb.DuckDBPyConnection, part: Part, compiled: Compiled, staging: str, where: str
) -> None:
    """Makes the view `source` of a part's staged records: the newest of each key, with the reason to skip it.

    Args:
        staging: name of the staging table.
        where: SQL condition of the staged records.
    """
    cases = " ".join(f"WHEN {condition} THEN '{reason}'" for condition, reason in part.skip)
    skip_reason = f"CASE {cases} END" if cases else "CAST(NULL AS VARCHAR)"
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP VIEW source AS
        SELECT * REPLACE ({part.key} AS _key), {skip_reason} AS skip_reason
        FROM {quote(staging)}
        WHERE {where} AND ({part.where})
        {newest_rows(part.key, staging)}
        """
    )
    if part.merged_by:
        _merge(connection, part, compiled)


def newest_rows(key: str, staging: str) -> str:
    """SQL that keeps the newest of the staged records with the same key of a part.

    Args:
        key: the part's key, as SQL.
        staging: name of the staging table.
    """
    if key == "_key":  # a staging table holds each record once
        return ""
    newest_first = f"_modified_at DESC, {quote(staging)}._key"  # qualified, because a SELECT may replace `_key`
    return f"QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY {newest_first}) = 1"


def _merge(connection: duckdb.DuckDBPyConnection, part: Part, compiled: Compiled) -> None:
    """Keeps the newest of the records that map to the same value. A record that maps to no value stays as it is."""
    fill_joined_tables(connection, compiled.steps, compiled.lookups)
    value = f"coalesce(nullif(creates ->> {literal(f'$.{part.merged_by}')}, ''), _key)"
    connection.execute(  # of few columns: whole rows of a large window do not fit into memory together
        f"""
        CREATE OR REPLACE TEMP TABLE newest AS
        SELECT s._key, m.value
        FROM source AS s
        JOIN (SELECT _key, {value} AS value FROM ({compiled.select})) AS m ON m._key = s._key
        QUALIFY row_number() OVER (PARTITION BY m.value ORDER BY s._modified_at DESC, s._key DESC) = 1
        """
    )
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE merged AS
        SELECT s.* REPLACE (n.value AS _key)
        FROM source AS s
        JOIN newest AS n ON n._key = s._key
        """
    )
    connection.execute("CREATE OR REPLACE TEMP VIEW source AS FROM merged")


def mapped_with_ledger(flow: Flow) -> str:
    """SELECT of the mapped records between two bound days, with what the ledger knows of each.

    Its column `unchanged` says whether a record was sent exactly as it is now, `words` what belongs to the reason for
    which it is skipped.
    """
    words, staged = _words(flow)
    return f"""
        SELECT m.*, {KNOWN}, {UNCHANGED} AS unchanged, {words} AS words
        FROM {quote(mapped_table(flow))} AS m
        LEFT JOIN ledger AS l ON l.part = m.part AND l.key = m._key
        {staged}
        WHERE m._window BETWEEN ? AND ?"""


def _words(flow: Flow) -> tuple[str, str]:
    """SQL of the words beside the reason for which a record is skipped, and of the join that they need (Part.words)."""
    told = [(part.name, *each) for part in flow.parts for each in part.words.items()]
    if not told:
        return "NULL::VARCHAR", ""
    cases = [
        f"WHEN m.part = {literal(part)} AND m.skip_reason = {literal(reason)} THEN s.{quote(name)}"
        for part, reason, name in told
    ]
    return f"CASE {' '.join(cases)} END", f"LEFT JOIN {quote(f'staging_{flow.staging}')} AS s ON s._key = m._key"


def skip_gone(store: Store, flow: Flow, run_id: str, parts: Collection[str], never_sent: bool = False) -> None:
    """Moves records to SKIPPED (GONE) that are FAILED, CONFLICT or PLANNED and that the mapping no longer makes.

    Args:
        parts: names of the parts whose records count.
        never_sent: only the records that the target never got.
    """
    with store.open() as connection:
        ledger.create(connection)
        renew_table(connection, mapped_table(flow), MAPPED)
        gone = rows_of(
            connection,
            f"""
            SELECT l.part, l.key
            FROM ledger AS l
            ANTI JOIN {quote(mapped_table(flow))} AS m ON m.part = l.part AND m._key = l.key
            WHERE l.state IN ('FAILED', 'CONFLICT', 'PLANNED')
            AND list_contains(?, l.part)
            AND (l.target_id IS NULL OR NOT ?)
            """,
            [list(parts), never_sent],
        )
    moves = [Move(row["part"], row["key"], State.SKIPPED, {"reason": "GONE"}) for row in gone]
    ledger.move(store, moves, run_id)


PERSONAL = (PersonalTable("mapped_*", "keyed"),)
"""What these tables hold of people (staging/people/personal.py)."""
