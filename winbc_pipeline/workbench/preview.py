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
from ..staging import ledger
from ..staging.load import create as create_staging
from ..staging.store import Row, literal, lock_down, rows_of
from ..sync.connected import ConnectedFlow
from ..sync.dispatch import sending_of
from ..sync.flow import Part
from ..sync.map import KNOWN, mapping_connection, see_source
from ..sync.payloads import fields_of, filled
from ..sync.records.decide import Decision, decide, live_targets
from ..sync.records.plan import links


@dataclass(frozen=True)
class FieldView:
    """One field of one record: `steps` are the parts of its formula with their values, innermost first."""

    target: Target
    sources: Mapping[str, str | None]
    steps: Sequence[tuple[str, str | None]]
    value: Any


@dataclass(frozen=True)
class RecordView:
    """One record of one part: its fields, the rules it breaks, and what would be done with it.

    Attributes:
        live: what the target has now of it, whatever is decided.
        orphan: it would be made, but the record that it belongs to is not there and would not be made.
    """

    part: Part
    key: str
    fields: Sequence[FieldView]
    errors: Sequence[Mapping[str, Any]]
    decision: Decision
    live: Mapping[str, Any]
    orphan: bool

    @property
    def request(self) -> str:
        """Method and path of the request, or why none is sent."""
        if self.orphan:
            return f"none: its {self.part.parent} is not in the target, and would not be made"
        found = self.decision.target.get("id")
        kinds = {"create": f"POST {self.part.entity_set}", "update": f"PATCH {self.part.entity_set}({found})"}
        reason = f"{self.decision.reason or ''} {self.decision.message or ''}".strip()
        return kinds.get(self.decision.action, f"none: {reason}")


@dataclass(frozen=True)
class _Mapped:
    """The chosen records of one part as the tables map them, and those of its parent with the same keys."""

    part: Part
    rows: list[Row]
    fields: list[list[FieldView]]
    parents: list[Row]


def fields_filled(connected: ConnectedFlow) -> list[str]:
    """The fields of the target that a flow's tables fill; raises MappingError naming file, row and column."""
    tables = connected.compiled().values()
    return sorted({target.facts.name for compiled in tables for target in compiled.targets})


def preview(connected: ConnectedFlow, key: str | None, sample: int) -> list[RecordView]:
    """The record of a key (of each part), or the first `sample` records of each part."""
    flow, compiled, staging = connected.flow, connected.checked(), connected.staging
    chosen = f"WHERE _key = {literal(key)}" if key is not None else f"ORDER BY _key LIMIT {int(sample)}"
    found: list[_Mapped] = []
    with mapping_connection(connected) as connection:
        create_staging(connection, staging)
        ledger.create(connection)
        lock_down(connection)
        for part in connected.parts:
            see_source(connection, part, compiled[part.name], staging.name, "true")
            rows = _mapped(connection, part, compiled[part.name], chosen)
            fields = [_fields(connection, compiled[part.name], row) for row in rows]
            parents: list[Row] = []
            if part.parent and rows:
                see_source(connection, flow.part(part.parent), compiled[part.parent], staging.name, "true")
                same = f"WHERE _key IN ({', '.join(literal(row['_key']) for row in rows)})"
                parents = _mapped(connection, flow.part(part.parent), compiled[part.parent], same)
            found.append(_Mapped(part, rows, fields, parents))
    return _decided(connected, compiled, found)


def _mapped(connection: duckdb.DuckDBPyConnection, part: Part, compiled: Compiled, chosen: str) -> list[Row]:
    """The chosen records under the present tables, joined with what the ledger knows of them."""
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


def _decided(connected: ConnectedFlow, compiled: Mapping[str, Compiled], found: Sequence[_Mapped]) -> list[RecordView]:
    flow, settings, sending = connected.flow, connected.settings, sending_of(connected.flow)
    views: list[RecordView] = []
    linked = links(connected.store)
    target = sending.open(settings)
    try:
        for each in found:
            part = each.part
            if not sending.can_be_asked or not part.match or flow.acts_on:
                for row, shown in zip(each.rows, each.fields, strict=True):
                    views.append(RecordView(part, row["_key"], shown, row["errors"], _values_only(row), {}, False))
                continue
            decided = decide(part, settings, target, compiled[part.name], each.rows, linked)
            live = live_targets(part, settings, target, [row for row, _ in decided], linked)
            there: set[str] = set()
            if part.parent:
                parent = flow.part(part.parent)
                there = _there(decide(parent, settings, target, compiled[parent.name], each.parents, linked))
            for (row, decision), shown, now in zip(decided, each.fields, live, strict=True):
                orphan = bool(part.reference) and decision.action == "create" and row["_key"] not in there
                views.append(RecordView(part, row["_key"], shown, row["errors"], decision, now, orphan))
    finally:
        target.close()
    return views


def _there(decided: Sequence[tuple[Row, Decision]]) -> set[str]:
    """Keys of the records that the target has, or gets."""
    return {
        row["_key"]
        for row, decision in decided
        if decision.action == "create" or decision.target.get("id") or row["target_id"]
    }


def _values_only(row: Row) -> Decision:
    """What a record's values would come to where there is nothing to compare them with: Winstore has no call that tells
    what it has, and lines have no key of their own."""
    if row["skip_reason"]:
        return Decision("skip", row["skip_reason"])
    if row["errors"]:
        return Decision("fail", "MAPPING")
    return Decision("create", body=filled(fields_of(row["creates"])))
