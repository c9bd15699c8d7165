"""A flow in one connection: its database, its staging table, its fields and its compiled mapping tables.

Here belongs: what follows from a flow and the settings of a connection together, and what every step asks for.
A process that serves several connections holds one ConnectedFlow for each flow of each connection.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ..errors import MappingError
from ..mapping.compiler import Compiled, compile_table
from ..mapping.custom import load_functions
from ..mapping.tables import LOOKUPS, read_table, version
from ..mapping.trial import try_out
from ..settings import Settings
from ..staging.load import OWN, StagingTable
from ..staging.store import Store, create_table, in_memory, literal, lock_down
from ..systems.facts import FieldFacts
from ..systems.fields import writable_fields
from ..systems.winstore import load_profile
from . import read_bc
from .flow import Flow, Part

CompiledTables = dict[str, Compiled]  # by the name of the part

# The last tables of each flow and mapping folder, with what they were made of. A run asks for them often, and to
# compile them takes longer than to map an order.
_made: dict[tuple[str, str, Path], tuple[tuple[object, ...], CompiledTables]] = {}


@dataclass(frozen=True)
class ConnectedFlow:
    """A flow bound to the settings of one connection."""

    flow: Flow
    settings: Settings

    @property
    def store(self) -> Store:
        """The flow's database in this connection."""
        return Store(self.settings.flow_database(self.flow.id), self.settings.memory_limit_mb)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts that these settings use, in the order in which they are written."""
        return self.flow.active(self.settings)

    @property
    def table_folder(self) -> Path:
        """The folder of the flow's own mapping tables."""
        return self.settings.mapping_folder / self.flow.id

    @property
    def staging(self) -> StagingTable:
        """The staging table, as Winstore's profile or Business Central's facts describe the source."""
        flow = self.flow
        if flow.reading:
            return read_bc.staging_table(flow, flow.reading)
        profile = load_profile(self.settings.winstore.profile).entity(flow.entity)
        fields: dict[str, str] = dict(profile.fields)
        if profile.count:
            fields[profile.count] = "decimal"
        group = profile.parent_key or "" if profile.explode else ""
        return StagingTable(f"staging_{flow.staging}", fields, profile.key, profile.modified, group)

    @property
    def source_fields(self) -> Mapping[str, str]:
        """What the source gives, by name: text, decimal, boolean, date or datetime.

        A line's fields begin with `line_` when Business Central gives them.
        """
        if self.flow.source == "bc":
            return read_bc.source_kinds(self.flow)
        return {**self.staging.fields, **self.flow.derived}

    def target_fields(self, part: Part) -> Mapping[str, FieldFacts]:
        """What a part's table can fill, by name: the target's fields, and those that the flow itself acts on."""
        return {**writable_fields(self.flow.target, part.entity_set, self.settings), **part.own_fields}

    def mapping_version(self) -> str:
        """Hash over the flow's mapping files; raises MappingError when the folder is missing."""
        folder = self.settings.mapping_folder
        return version(self.table_folder, folder / LOOKUPS, self.settings.mapping_functions)

    def check_mapped_now(self, made_by: Iterable[str]) -> None:
        """Raises MappingError when records were mapped by other tables than today's.

        Under other rules a change of the same payload could count as sent although it never was.

        Args:
            made_by: the mapping version of each record.
        """
        if set(made_by) - {self.mapping_version()}:
            hint = "Materialise the mapped layer of these windows again, then plan."
            raise MappingError(f"{self.flow.id}: the tables were edited since these records were mapped.", hint)

    def compiled(self) -> CompiledTables:
        """The SELECT of each part. It is compiled anew when a table, function, setting or the profile is another.

        Raises: MappingError naming file, row and column.
        """
        return self._kept(ConnectedFlow._compile)

    def checked(self) -> CompiledTables:
        """The same, tried out on an empty record.

        Raises: MappingError also for defaults and constants that the target does not take, and for what only DuckDB
            finds.
        """
        return self._kept(ConnectedFlow._try_out)

    def _kept(self, make: Callable[["ConnectedFlow"], CompiledTables]) -> CompiledTables:
        """What was made of the same tables before, else what is made now."""
        profile = load_profile(self.settings.winstore.profile)
        constants = dict(self.flow.constants(self.settings))
        made_of = (self.flow, self.mapping_version(), profile, constants)
        name = (make.__name__, self.flow.id, self.settings.mapping_folder)
        if name not in _made or _made[name][0] != made_of:
            _made[name] = made_of, make(self)
        return _made[name][1]

    def _compile(self) -> CompiledTables:
        functions = load_functions(self.settings.mapping_functions)
        return {
            part.name: compile_table(
                read_table(self.table_folder / part.table),
                self.source_fields,
                self.target_fields(part),
                self.settings.mapping_folder / LOOKUPS,
                self._constants(),
                functions,
            )
            for part in self.flow.parts
        }

    def _constants(self) -> Mapping[str, tuple[str, str]]:
        """What settings give: kind and SQL, by name."""
        return {
            name: ("boolean", str(value).lower()) if isinstance(value, bool) else ("text", literal(value))
            for name, value in self.flow.constants(self.settings).items()
        }

    def _try_out(self) -> CompiledTables:
        compiled = self.compiled()
        for part, each in compiled.items():
            with in_memory() as connection:
                create_source(connection, self.source_fields)
                connection.execute("INSERT INTO source (_key, _bad_fields) VALUES ('', [])")
                lock_down(connection)
                try:
                    try_out(connection, each)
                except duckdb.Error as error:
                    reason = str(error).splitlines()[0]  # there is no data in this database
                    raise MappingError(f"{self.flow.id}, {part}: the table cannot be run. {reason}") from None
        return compiled


def create_source(connection: duckdb.DuckDBPyConnection, fields: Mapping[str, str]) -> None:
    """Makes an empty table `source`, as the SELECT of a mapping table reads it."""
    columns = OWN | StagingTable("source", fields, (), "").columns
    create_table(connection, "source", columns | {"skip_reason": "VARCHAR"})
