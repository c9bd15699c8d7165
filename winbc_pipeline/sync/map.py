"""Applies the mapping tables to staged records, into the flow's mapped table. No side effects outside the database."""

from datetime import date
from pathlib import Path

import duckdb

from ..errors import MappingError
from ..mapping.compiler import Compiled, compile_table
from ..mapping.tables import read_table, version
from ..settings import Settings
from ..staging.load import OWN, StagingTable
from ..staging.load import create as create_staging
from ..staging.store import create_table, in_memory, insert_rows, lock_down, quote
from ..systems.business_central import entity_fields
from .flow import Flow, Part
from .stage import flow_store, staging_table

MAPPED = {
    "part": "VARCHAR",
    "_key": "VARCHAR",
    "_window": "DATE",
    "_version": "VARCHAR",
    "creates": "VARCHAR",
    "updates": "VARCHAR",
    "errors": 'STRUCT(field VARCHAR, rule VARCHAR, "row" INTEGER)[]',
    "hash": "VARCHAR",
    "skip_reason": "VARCHAR",
}


def mapped_table(flow: Flow) -> str:
    return f"mapped_{flow.id}"


def mapping_version(flow: Flow, settings: Settings) -> str:
    """Hash over the flow's mapping files; raises MappingError when the folder is missing."""
    return version(settings.mapping_folder / flow.id, settings.mapping_folder / "lookups")


def compile_flow(flow: Flow, settings: Settings) -> dict[str, Compiled]:
    """The SELECT of each part; raises MappingError naming file, row and column."""
    folder: Path = settings.mapping_folder
    fields = staging_table(flow, settings).fields
    constants = flow.constants(settings)
    return {
        part.name: compile_table(
            read_table(folder / flow.id / part.table),
            fields,
            entity_fields(part.entity_set),
            folder / "lookups",
            constants,
        )
        for part in flow.parts
    }


def checked_flow(flow: Flow, settings: Settings) -> dict[str, Compiled]:
    """The same, tried out: raises MappingError for a formula that does not fit its fields' types, too."""
    compiled = compile_flow(flow, settings)
    for each in compiled.values():
        _try_out(staging_table(flow, settings), each)
    return compiled


def _try_out(staging: StagingTable, compiled: Compiled) -> None:
    """Runs the SELECT on one empty record, which finds the formulas that do not fit their fields' types."""
    with in_memory() as connection:
        create_table(connection, "source", OWN | staging.columns | {"skip_reason": "VARCHAR"})
        connection.execute("INSERT INTO source (_key) VALUES ('')")
        _lookup_tables(connection, compiled)
        lock_down(connection)
        try:
            connection.execute(compiled.select).fetchall()
            return
        except duckdb.Error:
            pass
        for place, trial in compiled.trials:
            try:
                connection.execute(trial).fetchall()
            except duckdb.Error as error:
                reason = str(error).splitlines()[0]  # names types and functions; there is no data in this database
                raise MappingError(f"{place}: the formula does not fit its fields. {reason}") from None
        connection.execute(compiled.select)


def map_windows(flow: Flow, settings: Settings, first: date, last: date) -> None:
    """Maps the records of the windows from first to last."""
    compiled = checked_flow(flow, settings)
    staging = staging_table(flow, settings)
    try:
        with flow_store(flow, settings).transaction() as connection:
            create_staging(connection, staging)
            create_table(connection, mapped_table(flow), MAPPED)
            lock_down(connection)
            for part in flow.parts:
                _lookup_tables(connection, compiled[part.name])
                _map_part(connection, flow, part, compiled[part.name], staging.name, first, last)
    except duckdb.ConversionException:  # its text would quote a value
        message = f"{flow.id}: a formula meets a value that it cannot take, such as a text where it needs a number."
        raise MappingError(message, "Compare texts with texts in quotes.") from None


def _lookup_tables(connection: duckdb.DuckDBPyConnection, compiled: Compiled) -> None:
    columns = {"source_value": "VARCHAR", "target_value": "VARCHAR"}
    for name, values in compiled.lookups.items():
        connection.execute(f"CREATE OR REPLACE TEMP TABLE lookup_{name} (source_value VARCHAR, target_value VARCHAR)")
        rows = [{"source_value": source, "target_value": target} for source, target in values.items()]
        insert_rows(connection, f"lookup_{name}", columns, rows)


def _map_part(
    connection: duckdb.DuckDBPyConnection,
    flow: Flow,
    part: Part,
    compiled: Compiled,
    staging: str,
    first: date,
    last: date,
) -> None:
    table = quote(mapped_table(flow))
    reasons = " ".join(f"WHEN {condition} THEN '{reason}'" for condition, reason in part.skip)
    skip = f"CASE {reasons} END" if reasons else "NULL"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE source AS SELECT * REPLACE ({quote(part.key)} AS _key), {skip} AS skip_reason "
        f"FROM {quote(staging)} WHERE _window BETWEEN ? AND ? AND ({part.where}) "
        f"QUALIFY row_number() OVER (PARTITION BY {quote(part.key)} ORDER BY _modified_at DESC) = 1",
        [first, last],
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE fresh AS SELECT '{part.name}' AS part, m.*, source.skip_reason "
        f"FROM ({compiled.select}) AS m JOIN source USING (_key)"
    )
    connection.execute(
        f"DELETE FROM {table} WHERE part = '{part.name}' AND (_window BETWEEN ? AND ? "
        "OR _key IN (SELECT _key FROM fresh))",
        [first, last],
    )
    connection.execute(f"INSERT INTO {table} SELECT * FROM fresh")
