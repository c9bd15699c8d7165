"""What becomes of single records under the tables as they are now: sources, steps of each formula, value, request.

Reads the target, writes nothing to it. Staged records only: what was never read cannot be shown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from ..mapping.compiler import Compiled, Target
from ..mapping.execute import prepare
from ..mapping.expressions import as_text
from ..settings import Settings
from ..staging import ledger
from ..staging.load import create as create_staging
from ..staging.store import Row, literal, lock_down, rows_of
from ..systems.business_central import BusinessCentral
from .flow import Flow, Part
from .map import checked_flow, mapping_connection, see_source
from .plan import KNOWN, Decision, decide, links
from .stage import flow_store, staging_table


@dataclass(frozen=True)
class FieldView:
    """One field of one record: `steps` are the parts of its formula with their values, innermost first."""

    target: Target
    sources: Mapping[str, str | None]
    steps: Sequence[tuple[str, str | None]]
    value: Any


@dataclass(frozen=True)
class RecordView:
    """One record of one part: its fields, the rules it breaks, and what would be done with it."""

    part: Part
    key: str
    fields: Sequence[FieldView]
    errors: Sequence[Mapping[str, Any]]
    decision: Decision

    @property
    def request(self) -> str:
        """Method and path of the request, or why none is sent."""
        found = self.decision.target.get("id")
        kinds = {"create": f"POST {self.part.entity_set}", "update": f"PATCH {self.part.entity_set}({found})"}
        reason = f"{self.decision.reason or ''} {self.decision.message or ''}".strip()
        return kinds.get(self.decision.action, f"none: {reason}")


def preview(flow: Flow, settings: Settings, key: str | None, sample: int) -> list[RecordView]:
    """The record of a key (of each part), or the first `sample` records of each part."""
    compiled = checked_flow(flow, settings)
    staging = staging_table(flow, settings)
    found: list[tuple[Part, list[Row], list[list[FieldView]]]] = []
    with mapping_connection(flow, settings) as connection:
        create_staging(connection, staging)
        ledger.create(connection)
        lock_down(connection)
        for part in flow.parts:
            see_source(connection, part, compiled[part.name], staging.name, "true")
            rows = _mapped(connection, part, compiled[part.name], key, sample)
            fields = [_fields(connection, compiled[part.name], row) for row in rows]
            found.append((part, rows, fields))
    return _decided(flow, settings, compiled, found)


def _mapped(
    connection: duckdb.DuckDBPyConnection, part: Part, compiled: Compiled, key: str | None, sample: int
) -> list[Row]:
    """The chosen records under the present tables, joined with what the ledger knows of them."""
    chosen = f"WHERE _key = {literal(key)}" if key is not None else f"ORDER BY _key LIMIT {int(sample)}"
    connection.execute(f"CREATE OR REPLACE TEMP TABLE chosen AS SELECT * FROM source {chosen}")
    connection.execute("CREATE OR REPLACE TEMP VIEW source AS FROM chosen")
    prepare(connection, compiled.steps, compiled.lookups)
    return rows_of(
        connection,
        f"SELECT '{part.name}' AS part, m.*, {KNOWN} FROM ({compiled.select}) AS m "
        f"LEFT JOIN ledger AS l ON l.part = '{part.name}' AND l.key = m._key ORDER BY m._key",
    )


def _fields(connection: duckdb.DuckDBPyConnection, compiled: Compiled, row: Row) -> list[FieldView]:
    shown: list[FieldView] = []
    for target in compiled.targets:
        trace = dict(target.formula.trace)
        parts = {**trace, "": replace(target.raw, sql=target.made)}
        columns = ", ".join(as_text(part).sql for part in parts.values())
        chosen = f"SELECT {columns} FROM ({compiled.base}) WHERE _key = {literal(row['_key'])}"
        values = dict(zip(parts, connection.execute(chosen).fetchall()[0], strict=True))
        sources = {name: values[name] for name in trace if name in target.formula.value.reads}
        steps = [(text, values[text]) for text in trace if text not in sources]
        shown.append(FieldView(target, sources, steps, values[""]))
    return shown


def _decided(
    flow: Flow,
    settings: Settings,
    compiled: Mapping[str, Compiled],
    found: Sequence[tuple[Part, list[Row], list[list[FieldView]]]],
) -> list[RecordView]:
    views = []
    linked = links(flow_store(flow, settings))
    target = BusinessCentral(settings)
    try:
        for part, rows, fields in found:
            decisions = decide(part, settings, target, compiled[part.name], rows, linked)
            for row, shown, (_, decision) in zip(rows, fields, decisions, strict=True):
                views.append(RecordView(part, row["_key"], shown, row["errors"], decision))
    finally:
        target.close()
    return views
