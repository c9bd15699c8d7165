"""A flow in one connection: its database, its staging table, its fields and its compiled mapping tables.

Here belongs: what a flow and the settings of a connection determine together, and what every step asks for.
A process that serves several connections holds one ConnectedFlow for each flow of each connection.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from ..errors import ConfigurationError, MappingError
from ..mapping.compiler import CREATE, Compiled, compile_table
from ..mapping.custom import load_functions
from ..mapping.tables import (
    LOOKUPS,
    TESTS,
    Feature,
    Table,
    read_features,
    read_table,
    version,
    with_features,
    with_lines,
)
from ..mapping.trial import check_lookups, try_out
from ..settings import Settings, sharing
from ..staging.load import OWN, TYPES, StagingTable
from ..staging.people.erased import mark_sql
from ..staging.people.installation_key import key_in
from ..staging.store import Store, create_table, in_memory, literal, lock_down, quote, writing
from ..systems.business_central.facts import app_field, dimension_field, is_beside, needs_companion, row_field
from ..systems.facts import APP_FIELD, DIMENSION, FieldFacts
from ..systems.fields import writable_fields
from ..systems.winstore import load_profile
from ..systems.winstore.abilities import left_out
from .flow import Flow
from .part import Part
from .reading import read_bc

CompiledTables = dict[str, Compiled]  # by the name of the part
SHARED = "A mistake in the shared table"

# The last compiled tables of each flow and mapping folder, with what they were made of. A run asks for them often, and
# compiling them takes longer than mapping an order. Connections that build on the same folder share them as long as all
# their files are the same.
_made: dict[tuple[str, str, Path | tuple[Path, ...]], tuple[tuple[object, ...], CompiledTables]] = {}


@dataclass(frozen=True)
class ConnectedFlow:
    """A flow bound to the settings of one connection.

    Attributes:
        database: the file of a copy of the flow's database, to try something out in. None for the database itself.
        wait_s: most seconds to wait for another process that has the database or the lease of the flow. None where
            nobody waits for an answer: as the store and the lease say.
    """

    flow: Flow
    settings: Settings
    database: Path | None = None
    wait_s: float | None = None

    @property
    def store(self) -> Store:
        """The flow's database in this connection, or the copy of it."""
        path, folder = self.database or self.settings.flow_database(self.flow.id), self.settings.state_folder
        waits = {} if self.wait_s is None else {"wait_s": self.wait_s}
        server = "" if self.database else self.settings.state.address
        return Store(path, self.settings.memory_limit_mb, key_folder=folder, server=server, **waits)

    @property
    def hash_key(self) -> str:
        """The key of the hashes that the ledger keeps of values; raises NotWritable when it cannot be made."""
        with writing(self.settings.state_folder):
            return key_in(self.settings.state_folder)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts that these settings use and the source gives, in the order in which they are written."""
        return tuple(part for part in self.flow.active(self.settings) if self._is_given(part))

    def _is_given(self, part: Part) -> bool:
        """Whether there is what a part of pictures is made of: a profile of contract 1 has no pictures, and a mapping
        folder from before them no table."""
        if not part.picture:
            return True
        return set(part.picture.needs) <= self.source_fields.keys() and self.has_table(part.table)

    def place_of(self, table: str) -> Path:
        """The place in a mapping folder of one of the flow's own tables, by the name of its file."""
        return Path(self.flow.id, table)

    def has_table(self, table: str) -> bool:
        """Whether there is one of the flow's own tables, by the name of its file."""
        return self.settings.tables.path(self.place_of(table)).exists()

    @property
    def table_files(self) -> dict[Path, Path]:
        """The files of the flow's own tables and of the lookup tables, by their places in a mapping folder."""
        tables = self.settings.tables
        return {**tables.of(self.flow.id), **tables.of(LOOKUPS)}

    @property
    def staging(self) -> StagingTable:
        """The staging table of the flow's records."""
        gather, loaded = self.flow.gather, self.loaded
        if not gather:
            return loaded
        name = f"staging_{self.flow.staging}"
        return StagingTable(name, gather.fields(loaded.fields), gather.key, gather.modified)

    @property
    def loaded(self) -> StagingTable:
        """The table that the source's rows are loaded into, as Winstore's profile or Business Central's facts say.

        It is the staging table itself, unless several rows make one record.
        """
        table = self._described
        return replace(table, name=f"rows_{self.flow.staging}", watched=True) if self.flow.gather else table

    @property
    def _described(self) -> StagingTable:
        flow = self.flow
        if flow.reading:
            return replace(read_bc.staging_table(flow, flow.reading), marks=_marks(flow))
        profile = load_profile(self.settings.winstore.profile).entity(flow.entity)
        fields: dict[str, str] = dict(profile.fields)
        if profile.count:
            fields[profile.count] = "decimal"
        group, identity, count = "", tuple[str, ...](), ""
        if profile.explode and profile.parent_key:  # one record of Winstore became several rows
            group, identity, count = profile.parent_key, profile.identity, profile.count or ""
        name, watched = f"staging_{flow.staging}", bool(flow.gone)
        marks = _marks(flow)
        return StagingTable(name, fields, profile.key, profile.modified, group, identity, count, watched, marks)

    @property
    def source_fields(self) -> Mapping[str, str]:
        """Kind of each field that the source gives, by name: text, decimal, boolean, date or datetime.

        In a flow from Business Central, the names of a line's fields begin with `line_`.
        """
        if self.flow.gather:
            return self.staging.fields
        if self.flow.source == "bc":
            return read_bc.source_kinds(self.flow)
        return {**self.staging.fields, **self.flow.derived}

    def target_fields(self, part: Part) -> Mapping[str, FieldFacts]:
        """The fields that a part's table can fill, by name: those of the target, and the flow's own fields."""
        if part.picture:
            return part.own_fields
        return {**writable_fields(self.flow.target, part.entity_set, self.settings), **part.own_fields}

    def table(self, part: Part) -> Table:
        """A part's mapping table as people edit it, with its features if the settings use the part.

        Raises: MappingError that names file, row, column and cell.
        """
        used = {each.name: each for each in self.parts}.get(part.name)
        tables = self.settings.tables
        table = read_table(tables.needed(self.place_of(part.table)))
        if not used:
            return table
        more = [tables.needed(self.place_of(name)) for name in used.more]
        features = [tables.path(self.place_of(name)) for name in used.features]
        table = replace(table, others=(*more, *features))
        table = with_lines(table, [line for path in more for line in read_table(path).lines])
        return with_features(table, [each for path in features for each in read_features(path)])

    def check_on(self) -> None:
        """Raises ConfigurationError when the settings do not let records go in the flow's direction, or only wrong."""
        if not self.flow.is_on(self.settings):
            name, way = self.flow.name, self.flow.direction(self.settings)
            if self.flow.switch:
                raise ConfigurationError(f"{self.flow.id} is off.", f"{self.flow.switch} (docs/settings.md).")
            hint = f'Set it to "both" or "to_{self.flow.target}" (docs/settings.md).'
            raise ConfigurationError(f"{self.flow.id} is off: `{name}.direction` is {way}.", hint)
        self.flow.refuses(self.settings)

    def mapping_version(self) -> str:
        """Hash of the flow's mapping files and custom functions; raises MappingError when the shared folder is missing.

        A table's own file and the same one of the shared folder make the same version.
        """
        tables = self.settings.tables
        tables.check()
        files = {tables.own / place: path for place, path in self.table_files.items()}
        return version(files, self.settings.mapping_functions)

    def was_edited_since(self, made_by: Iterable[str]) -> bool:
        """Whether records were made by other tables than the present ones.

        Args:
            made_by: the mapping version of each record.
        """
        return bool(set(made_by) - {self.mapping_version()})

    def check_mapped_now(self, made_by: Iterable[str]) -> None:
        """Raises MappingError when the tables were edited between the mapping of records and their plan.

        With mixed tables, a changed payload could count as sent although it never was.

        Args:
            made_by: the mapping version of each record.
        """
        if self.was_edited_since(made_by):
            hint = "Nothing of this plan was sent. Rerun the partition: the run uses the tables as they are then."
            raise MappingError(f"{self.flow.id}: the tables were edited while these records were planned.", hint)

    def compiled(self) -> CompiledTables:
        """The compiled table of each part. It is compiled anew when a table, function, setting or the profile changed.

        Raises: MappingError that names file, row and column.
        """
        return self._kept(ConnectedFlow._compile)

    def checked(self) -> CompiledTables:
        """The compiled table of each part, after it was tried out on an empty record.

        Raises: MappingError as for `compiled`, for defaults and constants that the target does not take, and for
            mistakes that only DuckDB finds.
        """
        return self._kept(ConnectedFlow._try_out)

    def _kept(self, make: Callable[["ConnectedFlow"], CompiledTables]) -> CompiledTables:
        """The kept tables when they were made of the same things, else new ones."""
        profile = load_profile(self.settings.winstore.profile)
        constants = dict(self.flow.constants(self.settings))
        made_of = (self.flow, self.parts, self.mapping_version(), profile, constants)
        tables = self.settings.tables
        files: Path | tuple[Path, ...] = tuple(self.table_files.values()) if tables.base else tables.own
        name = (make.__name__, self.flow.id, files)
        kept = _made.get(name)
        if not kept or kept[0] != made_of:  # connections may share files, and threads ask at the same time
            with self._shared_told():
                kept = _made[name] = made_of, make(self)
        return kept[1]

    @contextmanager
    def _shared_told(self) -> Iterator[None]:
        """Adds to a mistake in a file of the shared folder which connections it stops."""
        try:
            yield
        except MappingError as error:
            tables = self.settings.tables
            shared = {place: path for place, path in tables.of().items() if tables.is_shared(place)}
            begins = error.message.startswith
            table = next((place for place, path in shared.items() if begins((str(path), str(place)))), None)
            if table is None or SHARED in error.hint:
                raise
            hint = f"{error.hint} {SHARED} {shared[table]} stops {', '.join(sharing(self.settings, table))}.".strip()
            raise MappingError(error.message, hint) from None

    @property
    def parts_with_tables(self) -> tuple[Part, ...]:
        """The parts that these settings use, and the others for which the mapping folder has a table: one from before
        a part lacks it."""
        used = {part.name for part in self.parts}
        return tuple(part for part in self.flow.parts if part.name in used or self.has_table(part.table))

    def _compile(self) -> CompiledTables:
        compiled, used = {}, {part.name for part in self.parts}
        for part in self.parts_with_tables:
            try:
                compiled[part.name] = self._compiled(part)
            except MappingError:
                # A table that the settings do not use may name fields that a profile of the user's does not have.
                if part.name in used or not self.settings.winstore.profile:
                    raise
        return compiled

    def _compiled(self, part: Part) -> Compiled:
        table = self.table(part)
        compiled = compile_table(
            table,
            self.source_fields,
            {**self.target_fields(part), **_fields_beside(part, table)},
            {place.stem: path for place, path in self.settings.tables.of(LOOKUPS).items() if place.name != TESTS},
            self._constants(),
            load_functions(self.settings.mapping_functions),
            self._more_fields(),
        )
        self._check_key(part, compiled)
        return compiled

    def _check_key(self, part: Part, compiled: Compiled) -> None:
        """Raises MappingError for a table that gives its records no key, so that they would be made again and again."""
        # What acts on another flow's documents makes no record.
        keys = [] if self.flow.acts_on else [name for name, _ in part.match[:1]]
        filled = {row.line.target_field for row in compiled.targets if row.line.when in CREATE}
        for key in set(keys) - filled:
            message = f"{self.flow.id}/{part.table}: no row gives {key}, the key of each record."
            raise MappingError(message, f"Add a row for {key} with `create` in the column `when`.")

    def check_lookups(self) -> None:
        """Looks whether the lookup tables give only what fields with options take. A run fails the records concerned.

        Raises: MappingError that names table, key and value.
        """
        functions = load_functions(self.settings.mapping_functions)
        tables = self.compiled().values()
        with self._shared_told():
            for each in tables:
                check_lookups(each, functions)

    def without_place(self) -> list[str]:
        """In words, what the source gives and the target does not get: features without a place, fields that no table
        reads. Only in a flow with tables of features.

        Raises: MappingError for tables that are wrong.
        """
        flow, compiled = self.flow, self.checked()
        if not any(part.features for part in self.parts):
            return []
        tables = [compiled[part.name] for part in self.parts]
        # What tells the records of one parent apart has its place in them.
        carried = {name for part in self.parts if part.within for name in compiled[part.name].reads}
        unplaced = [each for own in tables for each in own.unplaced if each.when != "never"]
        found = dict.fromkeys(_unplaced(each) for each in unplaced if each.source not in carried)
        if self.settings.bc.companion_app == "off":
            fields = [row.line for own in tables for row in own.targets if needs_companion(row.line.target_field)]
            words = "needs the companion app, which is off"
            found |= dict.fromkeys(f"{line.place}: {line.target_field} {words}" for line in fields)
        entity = load_profile(self.settings.winstore.profile).entity(flow.entity)
        used = {*entity.key, entity.modified, entity.parent_key, flow.gone.active if flow.gone else ""}
        used = used.union(*(own.reads | own.named for own in tables))
        pictures = [part.table for part in flow.active(self.settings) if part.picture and part not in self.parts]
        missing = [f"{name} is missing, so no pictures are sent" for name in pictures]
        return [*missing, *found, *(f"{name}: no table reads this field" for name in entity.fields if name not in used)]

    def _more_fields(self) -> str:
        """How a formula gets a field that it does not find, or why nobody has it."""
        if self.flow.source != "winstore" or self.flow.lacks:
            return self.flow.lacks
        section, profile = f"[reads.{self.flow.entity}.fields]", self.settings.winstore.profile
        where = f"{profile}" if profile else "a profile of your own (`winstore.profile`, docs/winstore-contract.md)"
        return f"A field that Winstore gives besides is added under `{section}` of {where}."

    @property
    def left_out(self) -> Mapping[str, str]:
        """Kinds of the fields that a formula may name although the profile does not read them: they are empty."""
        if self.flow.source != "winstore":
            return {}
        return left_out(load_profile(self.settings.winstore.profile), self.flow.entity)

    def _constants(self) -> Mapping[str, tuple[str, str]]:
        """What formulas may use beside the fields of the source: kind and SQL of each, by name."""
        constants = {name: (kind, f"CAST(NULL AS {TYPES[kind]})") for name, kind in self.left_out.items()}
        for name, value in self.flow.constants(self.settings).items():
            if isinstance(value, bool):
                constants[name] = "boolean", str(value).lower()
            else:
                constants[name] = "text", literal(value)
        return constants

    def _try_out(self) -> CompiledTables:
        compiled = self.compiled()
        with in_memory() as connection:
            create_source(connection, self.source_fields)
            connection.execute("INSERT INTO source (_key, _bad_fields) VALUES ('', [])")
            lock_down(connection)
            for part, each in compiled.items():
                try:
                    try_out(connection, each)
                except duckdb.Error as error:
                    reason = str(error).splitlines()[0]  # quotes nobody's data: this database has none
                    raise MappingError(f"{self.flow.id}, {part}: the table cannot be run. {reason}") from None
        return compiled


def forget_compiled(folder: Path) -> None:
    """Forgets the compiled tables of a mapping folder that is gone, such as that of a draft."""
    for name in [each for each in _made if each[2] == folder]:
        _made.pop(name, None)


def _marks(flow: Flow) -> tuple[str, ...]:
    """SQL of the texts by which a record of a flow is known that was erased: an order by its number, others by whose
    they are. An order that is placed later is a new one."""
    if not flow.people:
        return ()
    if flow.document or flow.lines:
        return (mark_sql("order", flow.part(flow.main).key),)
    return tuple(mark_sql(kind, quote(name)) for name, kind in flow.people.items())


def _unplaced(feature: Feature) -> str:
    """In words, why a feature is not sent."""
    note = f" ({feature.note})" if feature.note else ""
    return f"{feature.table} row {feature.row}: {feature.name} has no place in Business Central{note}"


def _fields_beside(part: Part, table: Table) -> dict[str, FieldFacts]:
    """The fields beside a record that a table names, as far as its records have them."""
    names = dict.fromkeys(line.target_field for line in table.lines)
    return {name: facts for name in names if (facts := _field_beside(part, name))}


def _field_beside(part: Part, name: str) -> FieldFacts | None:
    if part.dimensions and is_beside(name, DIMENSION):
        return dimension_field(name)
    if part.app_set and is_beside(name, APP_FIELD):
        return app_field(part.app_set, name)
    return next((row_field(kind, name) for kind in part.app_rows if is_beside(name, kind)), None)


def create_source(connection: duckdb.DuckDBPyConnection, fields: Mapping[str, str]) -> None:
    """Makes the empty table `source` that the SELECT of a mapping table reads.

    Args:
        fields: kind of each field of the source, by name.
    """
    columns = OWN | StagingTable("source", fields, (), "").columns
    create_table(connection, "source", columns | {"skip_reason": "VARCHAR"})
