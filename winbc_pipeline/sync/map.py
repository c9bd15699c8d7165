"""Applies the mapping tables to staged records, into the flow's mapped table. No side effects outside the database."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import duckdb

from ..errors import MappingError
from ..mapping.compiler import Compiled, compile_table
from ..mapping.custom import load_functions
from ..mapping.execute import prepare
from ..mapping.tables import LOOKUPS, read_table, version
from ..mapping.trial import try_out
from ..settings import Settings
from ..staging.load import OWN, StagingTable
from ..staging.load import create as create_staging
from ..staging.store import create_table, for_long_texts, in_memory, literal, lock_down, quote, renew_table
from ..systems.winstore import load_profile
from .fields import source_fields, target_fields
from .flow import Flow, Part
from .stage import flow_store, staging_table

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


# The last tables of each flow, compiled and tried out, with what they were made of: a run asks for them often.
_made: dict[tuple[str, str], tuple[tuple[object, ...], dict[str, Compiled]]] = {}


def mapped_table(flow: Flow) -> str:
    return f"mapped_{flow.id}"


def mapping_version(flow: Flow, settings: Settings) -> str:
    """Hash over the flow's mapping files; raises MappingError when the folder is missing."""
    return version(settings.mapping_folder / flow.id, settings.mapping_folder / LOOKUPS, settings.mapping_functions)


def check_mapped_now(flow: Flow, settings: Settings, made_by: Iterable[str]) -> None:
    """Raises MappingError when records were mapped (`made_by`: the mapping version of each) by other tables than
    today's: under other rules a change of the same payload could count as sent that never was."""
    if set(made_by) - {mapping_version(flow, settings)}:
        hint = "Materialise the mapped layer of these windows again, then plan."
        raise MappingError(f"{flow.id}: the tables were edited since these records were mapped.", hint)


def compile_flow(flow: Flow, settings: Settings) -> dict[str, Compiled]:
    """The SELECT of each part, compiled anew when a table, function, setting or the profile is another; raises
    MappingError naming file, row and column."""
    return _kept(_compiled, flow, settings)


def _kept(make: Callable[[Flow, Settings], dict[str, Compiled]], flow: Flow, settings: Settings) -> dict[str, Compiled]:
    """What was made of the same tables before, else what is made now."""
    profile = load_profile(settings.winstore.profile)
    constants = dict(flow.constants(settings))
    made_of = (flow, mapping_version(flow, settings), settings.mapping_folder, profile, constants)
    name = (make.__name__, flow.id)
    if name not in _made or _made[name][0] != made_of:
        _made[name] = made_of, make(flow, settings)
    return _made[name][1]


def _compiled(flow: Flow, settings: Settings) -> dict[str, Compiled]:
    folder: Path = settings.mapping_folder
    functions = load_functions(settings.mapping_functions)
    return {
        part.name: compile_table(
            read_table(folder / flow.id / part.table),
            source_fields(flow, settings),
            target_fields(flow, part, settings),
            folder / LOOKUPS,
            _constants(flow, settings),
            functions,
        )
        for part in flow.parts
    }


def _constants(flow: Flow, settings: Settings) -> Mapping[str, tuple[str, str]]:
    """What settings give: kind and SQL, by name."""
    return {
        name: ("boolean", str(value).lower()) if isinstance(value, bool) else ("text", literal(value))
        for name, value in flow.constants(settings).items()
    }


def checked_flow(flow: Flow, settings: Settings) -> dict[str, Compiled]:
    """The same, tried out on an empty record: raises MappingError for defaults and constants that the target does not
    take, and for what only DuckDB finds."""
    return _kept(_tried, flow, settings)


def _tried(flow: Flow, settings: Settings) -> dict[str, Compiled]:
    compiled = compile_flow(flow, settings)
    for part, each in compiled.items():
        with in_memory() as connection:
            create_source(connection, source_fields(flow, settings))
            connection.execute("INSERT INTO source (_key, _bad_fields) VALUES ('', [])")
            lock_down(connection)
            try:
                try_out(connection, each)
            except duckdb.Error as error:
                reason = str(error).splitlines()[0]  # there is no data in this database
                raise MappingError(f"{flow.id}, {part}: the table cannot be run. {reason}") from None
    return compiled


def create_source(connection: duckdb.DuckDBPyConnection, fields: Mapping[str, str]) -> None:
    """An empty table `source`, as the SELECT of a mapping table reads it."""
    columns = OWN | StagingTable("source", fields, (), "").columns
    create_table(connection, "source", columns | {"skip_reason": "VARCHAR"})


def map_windows(flow: Flow, settings: Settings, first: date, last: date) -> None:
    """Maps the records of the windows from first to last."""
    made_by = mapping_version(flow, settings)  # before they are read: an edit in between makes the plan refuse them
    compiled, staging = checked_flow(flow, settings), staging_table(flow, settings)
    windows = f"_window BETWEEN DATE '{first}' AND DATE '{last}'"
    table = quote(mapped_table(flow))
    with mapping_connection(flow, settings) as connection:
        renew_table(connection, mapped_table(flow), MAPPED)
        create_staging(connection, staging)
        lock_down(connection)
        for part in flow.active(settings):
            see_source(connection, part, compiled[part.name], staging.name, windows)
            prepare(connection, compiled[part.name].steps, compiled[part.name].lookups)
            connection.execute(
                f"DELETE FROM {table} WHERE part = '{part.name}' AND ({windows} OR _key IN (SELECT _key FROM source))"
            )
            connection.execute(
                f"INSERT INTO {table} SELECT '{part.name}', *, {literal(made_by)} FROM ({compiled[part.name].select})"
            )


@contextmanager
def mapping_connection(flow: Flow, settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A transaction on the flow's database; errors about values, which would quote one, leave as MappingError."""
    try:
        with flow_store(flow, settings).transaction() as connection:
            for_long_texts(connection)
            connection.execute("SET threads = 2")
            yield connection
    except (duckdb.ConversionException, duckdb.OutOfRangeException):
        message = f"{flow.id}: a formula meets a value that it cannot take."
        raise MappingError(message, "Compare texts with texts in quotes.") from None


def see_source(connection: duckdb.DuckDBPyConnection, part: Part, compiled: Compiled, staging: str, where: str) -> None:
    """Makes the view `source` of a part's staged records, the newest of each key, with the reason to skip them."""
    reasons = " ".join(f"WHEN {condition} THEN '{reason}'" for condition, reason in part.skip)
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW source AS SELECT * REPLACE ({part.key} AS _key), "
        f"{f'CASE {reasons} END' if reasons else 'CAST(NULL AS VARCHAR)'} AS skip_reason "
        f"FROM {quote(staging)} WHERE {where} AND ({part.where}) {newest_rows(part.key, staging)}"
    )
    if part.merged_by:
        _merge(connection, part, compiled)


def newest_rows(key: str, staging: str) -> str:
    """QUALIFY that keeps the newest of the staged records that a part takes for one."""
    if key == "_key":
        return ""
    return f"QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY _modified_at DESC, {quote(staging)}._key) = 1"


def _merge(connection: duckdb.DuckDBPyConnection, part: Part, compiled: Compiled) -> None:
    """Makes one record, the newest, of those that map to one value; a record that maps to none stays as it is."""
    prepare(connection, compiled.steps, compiled.lookups)
    value = f"coalesce(nullif(creates ->> {literal(f'$.{part.merged_by}')}, ''), _key)"
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE merged AS SELECT s.* REPLACE (m.value AS _key) FROM source AS s "
        f"JOIN (SELECT _key, {value} AS value FROM ({compiled.select})) AS m ON m._key = s._key "
        "QUALIFY row_number() OVER (PARTITION BY m.value ORDER BY s._modified_at DESC, s._key DESC) = 1"
    )
    connection.execute("CREATE OR REPLACE TEMP VIEW source AS FROM merged")
